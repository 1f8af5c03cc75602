//! The plainest possible client: it says what it is told to say, and tells what it hears.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{ClientRequestBuilder, Message};

/// Nothing on this machine takes that long, so a longer wait would be in vain.
const LIMIT: Duration = Duration::from_secs(20);

/// Waits for `what`, and panics when it does not come.
pub(crate) async fn soon<T>(what: impl Future<Output = T>) -> T {
    timeout(LIMIT, what).await.expect("it should have come long ago")
}

/// A websocket that hears every frame as it is.
pub(crate) struct Socket {
    stream: WebSocketStream<TcpStream>,
}

impl Socket {
    /// Opens `path` and hears nothing yet.
    pub(crate) async fn open(address: SocketAddr, path: &str) -> Self {
        Self::open_with(address, path, None).await
    }

    /// As [`open`](Self::open), with the cookie of a session.
    pub(crate) async fn open_with(address: SocketAddr, path: &str, cookie: Option<&str>) -> Self {
        let stream = soon(TcpStream::connect(address)).await.expect("it listens");
        let url = format!("ws://{address}{path}").parse().expect("an address");
        let mut builder = ClientRequestBuilder::new(url);
        if let Some(cookie) = cookie {
            builder = builder.with_header("Cookie", format!("connect.sid={cookie}"));
        }
        let (stream, _) =
            soon(tokio_tungstenite::client_async(builder, stream)).await.expect("it opens");
        Self { stream }
    }

    /// Says a frame.
    pub(crate) async fn send(&mut self, frame: impl Into<String>) {
        soon(self.stream.send(Message::text(frame.into())))
            .await
            .expect("it can still be written to");
    }

    /// The next frame.
    pub(crate) async fn receive(&mut self) -> String {
        soon(self.try_receive()).await.expect("the connection goes on")
    }

    /// The next frame; `None` at the end of the connection, however it ends.
    pub(crate) async fn try_receive(&mut self) -> Option<String> {
        loop {
            match self.stream.next().await? {
                Ok(Message::Text(text)) => return Some(text.to_string()),
                Ok(Message::Close(_)) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }

    /// Ends it as a browser does.
    pub(crate) async fn close(mut self) {
        soon(self.stream.close(None)).await.expect("it can be closed");
    }
}

/// One request over HTTP.
#[derive(Debug, Clone, Default)]
pub(crate) struct Request<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    /// `Authorization`.
    pub(crate) auth: Option<String>,
    /// The cookie of a session.
    pub(crate) cookie: Option<&'a str>,
    /// `Content-Type` and the body.
    pub(crate) body: Option<(&'a str, Vec<u8>)>,
}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: Vec<u8>,
    /// Whether the body ended where it said it would.
    pub(crate) complete: bool,
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let headers = self.head.lines().filter_map(|line| line.split_once(": "));
        headers.into_iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The cookie of the session that the answer begins.
    pub(crate) fn cookie(&self) -> Option<&str> {
        self.header("set-cookie")?.strip_prefix("connect.sid=")?.split(';').next()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error} in {}", self.text()))
    }
}

/// Asks, and reads the answer to the end of the connection. `None` if that comes without one.
pub(crate) async fn fetch(address: SocketAddr, request: &Request<'_>) -> Option<Response> {
    let mut stream = soon(TcpStream::connect(address)).await.expect("it listens");
    let mut head = format!(
        "{} {} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n",
        request.method, request.path
    );
    if let Some(auth) = &request.auth {
        head.push_str(&format!("Authorization: {auth}\r\n"));
    }
    if let Some(cookie) = request.cookie {
        head.push_str(&format!("Cookie: connect.sid={cookie}\r\n"));
    }
    let body = request.body.as_ref().map_or(&[][..], |(_, body)| body);
    if let Some((kind, body)) = &request.body {
        head.push_str(&format!("Content-Type: {kind}\r\nContent-Length: {}\r\n", body.len()));
    }
    let request = [head.as_bytes(), b"\r\n", body].concat();
    let mut answer = Vec::new();
    soon(async {
        // Either may fail when the server has heard enough, or ends the connection in the middle.
        let _ = stream.write_all(&request).await;
        let _ = stream.read_to_end(&mut answer).await;
    })
    .await;
    parse(&answer)
}

fn parse(answer: &[u8]) -> Option<Response> {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let mut response = Response { status, head, body: answer[end + 4..].to_vec(), complete: true };
    if response.header("transfer-encoding") == Some("chunked") {
        (response.body, response.complete) = unchunk(&response.body);
    } else if let Some(length) = response.header("content-length") {
        response.complete = length.parse() == Ok(response.body.len());
    }
    Some(response)
}

fn unchunk(mut rest: &[u8]) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    loop {
        let Some(line) = rest.windows(2).position(|window| window == b"\r\n") else {
            return (body, false);
        };
        let size = std::str::from_utf8(&rest[..line])
            .ok()
            .and_then(|size| usize::from_str_radix(size, 16).ok());
        match size {
            Some(0) => return (body, true),
            Some(size) if rest.len() >= line + 4 + size => {
                body.extend_from_slice(&rest[line + 2..line + 2 + size]);
                rest = &rest[line + 4 + size..];
            }
            _ => return (body, false),
        }
    }
}
