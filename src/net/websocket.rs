//! The websocket to Let's Chat: its handshake, frames and errors.

mod rejection;
mod silence;

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::{Sink, SinkExt, Stream, StreamExt};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::tungstenite::http::header::COOKIE;
use tokio_tungstenite::tungstenite::http::{self, HeaderValue};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Message};
use tracing::instrument::WithSubscriber;
use tracing::subscriber::NoSubscriber;
use url::Url;

use self::rejection::{reason, rejection_text, retry_after};
use self::silence::Silence;
use super::rest::Credential;
use super::unexpected_peer::UnexpectedPeer;
use crate::protocol::letschat::{LetsChatRejection, ReceivedFrame, Text};

/// The longest frame accepted. It fits the longest post that the server's database can hold (16 MB) and a
/// page of 500 posts of 36 kB. Longer pages are requested in parts.
const MAX_LEN_FRAME: usize = 18 << 20;

/// The longest frame accepted by a socket that only posts.
const MAX_LEN_ACCOUNT_FRAME: usize = 256 << 10;

/// Time limit for the server to accept the websocket.
const UPGRADE_TIMEOUT: Duration = Duration::from_secs(20);

/// Which server to connect to, with which token.
#[derive(Debug, Clone)]
pub struct WsRequest {
    /// The server's address, optionally with a path.
    pub url: Url,
    /// The token. It appears in the request URL and nowhere else.
    pub token: SecretString,
}

/// Why the websocket failed, worded for the administrator and without the token.
#[derive(Debug, Error)]
pub enum WebSocketError {
    /// The server answered, but not as Let's Chat does.
    #[error("{0}")]
    NotLetsChat(String),
    /// The server rejected the connection.
    #[error("{0}")]
    Rejected(LetsChatRejection),
    /// The server did not answer the request.
    #[error(
        "no answer to the websocket request within {} s: check letschat.url, and that a proxy in \
         front of Let's Chat passes websockets",
        UPGRADE_TIMEOUT.as_secs()
    )]
    TimedOut,
    /// The connection closed. Let's Chat exits whenever its database does
    /// (docs/letschat-protocol.md, section 11).
    #[error("the server closed the connection")]
    Closed,
    /// Any other failure of the connection.
    #[error("websocket error: {0}")]
    Broken(String),
}

impl From<tungstenite::Error> for WebSocketError {
    fn from(error: tungstenite::Error) -> Self {
        use tungstenite::error::ProtocolError;
        match error {
            tungstenite::Error::Io(error)
                if error
                    .get_ref()
                    .is_some_and(<dyn std::error::Error + Send + Sync>::is::<UnexpectedPeer>) =>
            {
                Self::NotLetsChat(error.to_string())
            }
            tungstenite::Error::Io(error) if is_disconnect(error.kind()) => Self::Closed,
            tungstenite::Error::Protocol(
                ProtocolError::ResetWithoutClosingHandshake | ProtocolError::HandshakeIncomplete,
            )
            | tungstenite::Error::ConnectionClosed
            | tungstenite::Error::AlreadyClosed => Self::Closed,
            tungstenite::Error::Protocol(ProtocolError::HttparseError(_)) => Self::NotLetsChat(
                "not a web server: check the port in letschat.url, and whether it is http or https"
                    .to_owned(),
            ),
            // These messages never contain the request URL.
            error => Self::Broken(error.to_string()),
        }
    }
}

fn is_disconnect(kind: io::ErrorKind) -> bool {
    matches!(
        kind,
        io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
    )
}

/// How much is read at once. The library clears so much memory before each read, and its default is 128 KiB.
const READ_BUFFER_SIZE: usize = 16 * 1024;

/// Requests a websocket from the server on `stream`.
///
/// # Errors
/// When the server refuses, or does not answer within 20 seconds.
pub async fn open_websocket<S>(
    stream: S,
    request: &WsRequest,
) -> Result<WsStream<S>, WebSocketError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let address = request_url(&request.url, Some(&request.token));
    let asked = address.expose_secret().into_client_request();
    open(stream, &request.url, asked, MAX_LEN_FRAME).await
}

/// Like [`open_websocket`], as an account that needs little: frames that exceed 256 KiB end the connection.
///
/// # Errors
/// Those of [`open_websocket`]; and [`WebSocketError::Broken`] if the secret fits into no request.
pub async fn open_account_websocket<S>(
    stream: S,
    url: &Url,
    credential: Credential<'_>,
) -> Result<WsStream<S>, WebSocketError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let asked = match credential {
        Credential::Token(token) => {
            request_url(url, Some(&token.into())).expose_secret().into_client_request()
        }
        Credential::Session(cookie) => {
            let cookie = HeaderValue::from_str(cookie.expose());
            let mut cookie =
                cookie.map_err(|error| tungstenite::Error::from(http::Error::from(error)))?;
            cookie.set_sensitive(true);
            let request = request_url(url, None).expose_secret().into_client_request();
            request.map(|mut request| {
                request.headers_mut().insert(COOKIE, cookie);
                request
            })
        }
    };
    open(stream, url, asked, MAX_LEN_ACCOUNT_FRAME).await
}

async fn open<S>(
    stream: S,
    url: &Url,
    request: Result<Request, tungstenite::Error>,
    max_len_frame: usize,
) -> Result<WsStream<S>, WebSocketError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_SIZE)
        .max_message_size(Some(max_len_frame))
        .max_frame_size(Some(max_len_frame));
    let asking = tokio_tungstenite::client_async_with_config(request?, stream, Some(config));
    // The handshake runs without logging: the library would trace the request with the token.
    match timeout(UPGRADE_TIMEOUT, asking.with_subscriber(NoSubscriber::default())).await {
        Ok(Ok((socket, _))) => Ok(WsStream::new(socket)),
        Ok(Err(tungstenite::Error::Http(response))) => {
            let text = rejection_text(&response, url);
            Err(match reason(response.status()) {
                Some(reason) => {
                    let wait = retry_after(response.headers(), Timestamp::now());
                    WebSocketError::Rejected(LetsChatRejection {
                        retry_after: wait,
                        ..LetsChatRejection::new(reason, text)
                    })
                }
                None => WebSocketError::NotLetsChat(text),
            })
        }
        Ok(Err(error)) => Err(error.into()),
        Err(_) => Err(WebSocketError::TimedOut),
    }
}

/// The request URL (docs/letschat-protocol.md, section 3). It contains the token.
fn request_url(base: &Url, token: Option<&SecretString>) -> SecretString {
    let mut url = base.clone();
    let secure = matches!(url.scheme(), "https" | "wss");
    let path = format!("{}/socket.io/", url.path().trim_end_matches('/'));
    url.set_path(&path);
    url.query_pairs_mut().clear().append_pair("EIO", "3").append_pair("transport", "websocket");
    if let Some(token) = token {
        url.query_pairs_mut().append_pair("token", token.expose_secret());
    }
    let rest = url.as_str().split_once(':').map_or("", |(_, rest)| rest);
    format!("{}:{rest}", if secure { "wss" } else { "ws" }).into()
}

/// The text frames of a websocket.
#[derive(Debug)]
pub struct WsStream<S> {
    socket: WebSocketStream<S>,
    silence: Silence,
    made_at: Instant,
}

impl<S> WsStream<S> {
    fn new(socket: WebSocketStream<S>) -> Self {
        let now = Instant::now();
        Self { socket, silence: Silence::begin(now), made_at: now }
    }

    /// How long the connection has existed.
    #[must_use]
    pub fn age(&self) -> Duration {
        self.made_at.elapsed()
    }

    /// The longest silence that the connection has survived.
    #[must_use]
    pub fn silence_survived(&self) -> Duration {
        self.silence.survived
    }

    /// How long no frame has gone either way; or, if our last frame got no answer, how long before that
    /// frame.
    #[must_use]
    pub fn idle_time(&self) -> Duration {
        self.silence.last(Instant::now())
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Stream for WsStream<S> {
    type Item = Result<ReceivedFrame, WebSocketError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            let message = ready!(self.socket.poll_next_unpin(cx));
            if matches!(message, Some(Ok(Message::Text(_) | Message::Ping(_) | Message::Binary(_))))
            {
                self.silence.heard(Instant::now());
            }
            return Poll::Ready(match message {
                Some(Ok(Message::Text(text))) => {
                    let Some(text) = Text::of(text.into()) else { continue };
                    Some(Ok(ReceivedFrame::Text(text)))
                }
                // The websocket is unusable afterwards, but the session learns why.
                Some(Err(tungstenite::Error::Capacity(_))) => Some(Ok(ReceivedFrame::TooLarge)),
                Some(Ok(Message::Close(_))) | None => None,
                // Pings are answered by the library; binary frames have no use here.
                Some(Ok(_)) => continue,
                Some(Err(error)) => Some(Err(error.into())),
            });
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Sink<String> for WsStream<S> {
    type Error = WebSocketError;

    fn poll_ready(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), WebSocketError>> {
        self.socket.poll_ready_unpin(cx).map_err(Into::into)
    }

    fn start_send(mut self: Pin<&mut Self>, frame: String) -> Result<(), WebSocketError> {
        self.silence.said(Instant::now());
        self.socket.start_send_unpin(Message::text(frame)).map_err(Into::into)
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), WebSocketError>> {
        self.socket.poll_flush_unpin(cx).map_err(Into::into)
    }

    fn poll_close(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), WebSocketError>> {
        self.socket.poll_close_unpin(cx).map_err(Into::into)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

    use super::*;
    use crate::protocol::letschat::LetsChatRejectionKind;

    #[test]
    fn silence_is_survived_only_if_something_is_received_after_it() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut silence = Silence::begin(start);
        silence.said(at(25));
        assert_eq!((silence.survived, silence.last(at(26))), (Duration::ZERO, at(25) - start));
        assert_eq!(silence.last(at(45)), at(20) - start, "torn up later, for another reason");
        silence.heard(at(26));
        assert_eq!((silence.survived, silence.last(at(36))), (at(25) - start, at(10) - start));
        silence.heard(at(66));
        assert_eq!((silence.survived, silence.last(at(67))), (at(40) - start, at(1) - start));
    }

    #[test]
    fn request_url_keeps_port_and_path_and_escapes_the_token() {
        for (url, address_) in [
            ("https://chat.example.org", "wss://chat.example.org/socket.io/"),
            ("http://localhost:5000/", "ws://localhost:5000/socket.io/"),
            ("https://example.org:8443/chat/", "wss://example.org:8443/chat/socket.io/"),
        ] {
            let knock = WsRequest {
                url: url.parse().expect("an address"),
                token: "a+b/c==".to_owned().into(),
            };
            let asked = request_url(&knock.url, Some(&knock.token));
            let query = "?EIO=3&transport=websocket&token=a%2Bb%2Fc%3D%3D";
            assert_eq!(asked.expose_secret(), format!("{address_}{query}"));
        }
    }

    const TOKEN: &str = "NmIwMzVhY2U6c2VjcmV0";

    fn ws_request() -> WsRequest {
        let url = "http://chat.example.org/chat/".parse().unwrap();
        WsRequest { url, token: TOKEN.to_owned().into() }
    }

    /// The error for a server that answers `answer` and closes.
    async fn rejected(answer: &str) -> String {
        answered(answer).await.to_string()
    }

    async fn answered(answer: &str) -> WebSocketError {
        let (ours, mut theirs) = tokio::io::duplex(1 << 16);
        let answer = answer.to_owned();
        let server = tokio::spawn(async move {
            let mut asked = [0; 4096];
            let count = theirs.read(&mut asked).await.unwrap();
            theirs.write_all(answer.as_bytes()).await.unwrap();
            String::from_utf8_lossy(&asked[..count]).into_owned()
        });
        let error = open_websocket(ours, &ws_request()).await.unwrap_err();
        assert!(server.await.unwrap().contains(TOKEN), "it was asked for with the token");
        let (words, debug) = (error.to_string(), format!("{error:?} {:?}", ws_request()));
        assert!(!words.contains(TOKEN) && !debug.contains(TOKEN), "{words} {debug}");
        error
    }

    #[tokio::test]
    async fn page_in_answer_is_distinguished_from_a_port_that_requires_tls() {
        let of = |status: &str, page: &str| {
            let length = page.len();
            format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n{page}")
        };
        let portal = of("200 OK", "<!DOCTYPE html><title>\u{1b}[31mHotelNet</title>");
        assert!(rejected(&portal).await.contains("this URL returns a web page"));
        for page in [
            "<html><head><title>400 The plain HTTP request was sent to HTTPS port</title></head></html>",
            "Reason: You're speaking plain HTTP to an SSL-enabled server port.<br />",
            "Client sent an HTTP request to an HTTPS server.\n",
        ] {
            let words = rejected(&of("400 Bad Request", page)).await;
            assert_eq!(words, "this port speaks TLS: write `url = \"https://…\"`");
        }
        let words = rejected(&of("400 Bad Request", "{\"code\":3}")).await;
        assert!(words.contains("`Upgrade: websocket`"), "{words}");
        assert!(rejected(&of("200 OK", "ébé")).await.contains("websocket upgrade rejected (200"));
    }

    #[tokio::test]
    async fn rejection_is_distinguished_from_an_outage() {
        let away = |answer: &'static str| async move {
            match answered(&format!("HTTP/1.1 {answer}\r\nContent-Length: 0\r\n\r\n")).await {
                WebSocketError::Rejected(rejection) => {
                    Some((rejection.kind, rejection.retry_after))
                }
                _ => None,
            }
        };
        for answer in [
            "500 Internal Server Error",
            "502 Bad Gateway",
            "503 Service Unavailable",
            "503 Service Unavailable\r\nRetry-After: 9000",
            "504 Gateway Timeout",
            "521 Web Server Is Down",
            "404 Not Found",
            "400 Bad Request",
            "200 OK",
        ] {
            assert_eq!(away(answer).await, None, "{answer}");
        }
        let in_front = Some((LetsChatRejectionKind::ProxyLogin, None));
        assert_eq!(away("401 Unauthorized").await, in_front);
        assert_eq!(away("403 Forbidden").await, in_front);
        assert_eq!(away("407 Proxy Authentication Required").await, in_front);
        for (after, seconds) in [
            ("", None),
            ("\r\nRetry-After: 120", Some(120)),
            ("\r\nRetry-After:  7 ", Some(7)),
            ("\r\nRetry-After: 0", Some(0)),
            ("\r\nRetry-After: 99999999999999999999999", Some(u64::MAX)),
            ("\r\nRetry-After: -5", None),
            ("\r\nRetry-After: 1.5", None),
            ("\r\nRetry-After: soon", None),
            ("\r\nRetry-After: Wed, 21 Oct 2015 07:28:00 GMT", None),
        ] {
            let answer = Box::leak(format!("429 Too Many Requests{after}").into_boxed_str());
            let wait = seconds.map(Duration::from_secs);
            assert_eq!(
                away(answer).await,
                Some((LetsChatRejectionKind::RateLimited, wait)),
                "{answer}"
            );
        }
    }

    #[test]
    fn retry_after_date_is_parsed() {
        let now = "2015-10-21T07:27:30Z".parse().unwrap();
        let headers = http::HeaderMap::from_iter([(
            http::header::RETRY_AFTER,
            http::HeaderValue::from_static("Wed, 21 Oct 2015 07:28:00 GMT"),
        )]);
        assert_eq!(retry_after(&headers, now), Some(Duration::from_secs(30)));
    }

    #[tokio::test]
    async fn rejection_text_has_a_remedy_and_no_token() {
        for (status, words) in [
            ("200 OK", "must pass `Upgrade: websocket`"),
            ("400 Bad Request", "must pass `Upgrade: websocket`"),
            ("401 Unauthorized", "must pass /socket.io/ without one"),
            ("404 Not Found", "check the path in letschat.url"),
            ("418 I'm a teapot", "websocket upgrade rejected (418"),
            ("500 Internal Server Error", "reports an internal error (500"),
            ("502 Bad Gateway", "is Let's Chat running?"),
        ] {
            let page = "<!DOCTYPE html><title>no</title>";
            let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}", page.len());
            let said = rejected(&format!("{head}\r\n\r\n{page}")).await;
            assert!(said.contains(words), "{status}: {said}");
        }
        let said = rejected("SSH-2.0-OpenSSH_9.6\r\n").await;
        assert!(said.starts_with("not a web server"), "{said}");
        assert_eq!(rejected("").await, "the server closed the connection");
    }

    #[tokio::test]
    async fn redirect_target_fits_the_configuration() {
        for (location, endpoint) in [
            ("https://new.example.org/socket.io/?EIO=3&token=", "https://new.example.org/"),
            ("https://chat.example.org/chat/socket.io/", "https://chat.example.org/chat/"),
            ("/tea/socket.io/?token=", "http://chat.example.org/tea/"),
            ("/login", "http://chat.example.org/login"),
        ] {
            let answer = format!("HTTP/1.1 301 Moved\r\nLocation: {location}{TOKEN}\r\n\r\n");
            let answer = if location.contains('?') { answer } else { answer.replace(TOKEN, "") };
            let said = rejected(&answer).await;
            assert!(
                said.starts_with(&format!("the address redirects to {endpoint}: put")),
                "{said}"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn silent_server_times_out() {
        let (ours, _theirs) = tokio::io::duplex(1 << 16);
        let began = tokio::time::Instant::now();
        let error = open_websocket(ours, &ws_request()).await.unwrap_err();
        assert!(error.to_string().starts_with("no answer to the websocket request"), "{error}");
        assert_eq!(began.elapsed(), UPGRADE_TIMEOUT);
    }

    /// A connected client and server.
    async fn connected() -> (WsStream<DuplexStream>, WebSocketStream<DuplexStream>) {
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        let knock = ws_request();
        let (frames, server) =
            tokio::join!(open_websocket(ours, &knock), tokio_tungstenite::accept_async(theirs));
        (frames.unwrap(), server.unwrap())
    }

    #[tokio::test]
    async fn text_frames_go_both_ways() {
        let (mut frames, mut server) = connected().await;
        frames.feed("2".to_owned()).await.unwrap();
        frames.send("420[\"account:whoami\"]".to_owned()).await.unwrap();
        for text in ["2", "420[\"account:whoami\"]"] {
            assert_eq!(server.next().await.unwrap().unwrap(), Message::text(text));
        }
        let long = format!("42[\"{}\"]", "é".repeat(200_000));
        let (sent, heard) = tokio::join!(server.send(Message::text(long.clone())), frames.next());
        sent.unwrap();
        assert_eq!(heard.unwrap().unwrap(), ReceivedFrame::Text(long.into()));
    }

    #[tokio::test]
    async fn pings_are_answered_and_binary_frames_are_ignored() {
        let (mut frames, mut server) = connected().await;
        server.send(Message::Ping("tea".into())).await.unwrap();
        server.send(Message::Binary(vec![4, 2].into())).await.unwrap();
        server.send(Message::text("40")).await.unwrap();
        assert_eq!(frames.next().await.unwrap().unwrap(), ReceivedFrame::Text("40".into()));
        frames.flush().await.unwrap();
        assert_eq!(server.next().await.unwrap().unwrap(), Message::Pong("tea".into()));
    }

    #[tokio::test]
    async fn server_may_close_with_or_without_a_close_frame() {
        let (mut frames, mut server) = connected().await;
        server.close(None).await.unwrap();
        assert!(frames.next().await.is_none());

        let (mut frames, server) = connected().await;
        drop(server);
        let error = frames.next().await.unwrap().unwrap_err();
        assert_eq!(error.to_string(), "the server closed the connection");
        assert!(frames.next().await.is_none());
    }

    #[tokio::test]
    async fn close_frame_is_sent() {
        let (mut frames, mut server) = connected().await;
        let (closed, heard) = tokio::join!(frames.close(), server.next());
        closed.unwrap();
        assert!(matches!(heard, Some(Ok(Message::Close(_)))), "{heard:?}");
    }
}
