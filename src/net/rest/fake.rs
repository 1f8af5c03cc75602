//! A Let's Chat of a few lines for unit tests: a function answers its requests, another its websockets.
#![allow(clippy::unwrap_used)]

use std::sync::{Arc, Mutex};

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use url::Url;

/// A request as the server received it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FakeRequest {
    /// Method and path.
    pub(crate) line: String,
    /// The headers, in lower case.
    pub(crate) headers: String,
    /// The body.
    pub(crate) body: String,
}

/// What the server does with a request.
#[derive(Debug, Clone)]
pub(crate) enum FakeAnswer {
    /// Answers with this status and body.
    Status(u16, String),
    /// Answers with this status, a cookie and a body.
    Cookie(String),
    /// Never answers.
    Silence,
    /// Closes the connection.
    Close,
}

/// What the server does with a frame of a websocket, or with a new websocket.
#[derive(Debug, Clone)]
pub(crate) enum FakeFrames {
    /// Sends these.
    Send(Vec<String>),
    /// Closes the connection.
    Close,
}

/// The server. It ends with the test.
pub(crate) struct FakeServer {
    /// Its address.
    pub(crate) url: Url,
    requests: Arc<Mutex<Vec<FakeRequest>>>,
}

type OnRequest = dyn Fn(&FakeRequest) -> FakeAnswer + Send + Sync;
type OnFrame = dyn Fn(&str, Option<&str>) -> FakeFrames + Send + Sync;

impl FakeAnswer {
    pub(crate) fn json(status: u16, body: &str) -> Self {
        Self::Status(status, body.to_owned())
    }
}

impl FakeServer {
    /// Starts a server without websockets.
    pub(crate) async fn start(
        on_request: impl Fn(&FakeRequest) -> FakeAnswer + Send + Sync + 'static,
    ) -> Self {
        Self::with_sockets(on_request, |_, _| FakeFrames::Close).await
    }

    /// Starts a server. `on_frame` is given the credential of a websocket, and a frame or `None` at its start.
    pub(crate) async fn with_sockets(
        on_request: impl Fn(&FakeRequest) -> FakeAnswer + Send + Sync + 'static,
        on_frame: impl Fn(&str, Option<&str>) -> FakeFrames + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (on_request, on_frame): (Arc<OnRequest>, Arc<OnFrame>) =
            (Arc::new(on_request), Arc::new(on_frame));
        let seen = Arc::clone(&requests);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (on_request, on_frame) = (Arc::clone(&on_request), Arc::clone(&on_frame));
                let seen = Arc::clone(&seen);
                tokio::spawn(async move {
                    let mut start = [0; 14];
                    let count = stream.peek(&mut start).await.unwrap_or(0);
                    if &start[..count] == b"GET /socket.io" {
                        serve_socket(stream, &*on_frame).await;
                    } else {
                        serve_requests(stream, &*on_request, &seen).await;
                    }
                });
            }
        });
        Self { url, requests }
    }

    /// Takes the requests that it has received.
    pub(crate) fn take_requests(&self) -> Vec<FakeRequest> {
        std::mem::take(&mut self.requests.lock().unwrap())
    }

    /// Takes the method and path of each request.
    pub(crate) fn take_lines(&self) -> Vec<String> {
        self.take_requests().into_iter().map(|request| request.line).collect()
    }
}

async fn serve_requests(
    mut stream: TcpStream,
    on_request: &OnRequest,
    seen: &Mutex<Vec<FakeRequest>>,
) {
    while let Some(request) = read_request(&mut stream).await {
        seen.lock().unwrap().push(request.clone());
        let (status, headers, body) = match on_request(&request) {
            FakeAnswer::Status(status, body) => (status, String::new(), body),
            FakeAnswer::Cookie(cookie) => {
                (200, format!("Set-Cookie: {cookie}; Path=/; HttpOnly\r\n"), "{}".to_owned())
            }
            FakeAnswer::Silence => return std::future::pending().await,
            FakeAnswer::Close => return,
        };
        let length = body.len();
        let answer =
            format!("HTTP/1.1 {status} X\r\n{headers}Content-Length: {length}\r\n\r\n{body}");
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

async fn read_request(stream: &mut TcpStream) -> Option<FakeRequest> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap();
    let (line, headers) = head.split_once("\r\n").unwrap();
    let headers = headers.to_lowercase();
    let length = headers.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut body).await.ok()?;
    let line = line.trim_end_matches(" HTTP/1.1").to_owned();
    Some(FakeRequest { line, headers, body: String::from_utf8(body).unwrap() })
}

async fn serve_socket(stream: TcpStream, on_frame: &OnFrame) {
    let mut credential = String::new();
    #[expect(clippy::result_large_err, reason = "the library's callback")]
    let read_credential = |request: &Request, response: Response| {
        let token = request.uri().query().and_then(|query| query.split_once("&token="));
        let cookie = request.headers().get("cookie").map(|cookie| cookie.to_str().unwrap());
        credential = token.map(|(_, token)| token).or(cookie).unwrap_or_default().to_owned();
        Ok(response)
    };
    let mut socket = tokio_tungstenite::accept_hdr_async(stream, read_credential).await.unwrap();
    let open = r#"0{"sid":"s","pingInterval":25000,"pingTimeout":60000}"#;
    if socket.send(Message::text(open)).await.is_err() {
        return;
    }
    let mut answer = on_frame(&credential, None);
    loop {
        let FakeFrames::Send(frames) = answer else { return };
        for frame in frames {
            if socket.send(Message::text(frame)).await.is_err() {
                return;
            }
        }
        answer = match socket.next().await {
            Some(Ok(Message::Text(frame))) => on_frame(&credential, Some(&frame)),
            Some(Ok(Message::Close(_)) | Err(_)) | None => {
                let _ = on_frame(&credential, Some("closed"));
                return;
            }
            Some(Ok(_)) => FakeFrames::Send(Vec::new()),
        };
    }
}
