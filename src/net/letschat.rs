use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_util::{Sink, SinkExt, Stream, StreamExt};
use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Message, http};
use url::Url;

/// The longest frame that we take: a page of 500 long posts is well below.
const LONGEST: usize = 64 << 20;

/// Whom to ask, and as whom.
#[derive(Debug, Clone)]
pub struct Knock {
    /// The server's address, perhaps with a path.
    pub url: Url,
    /// Our token. It stands in the address that is asked for, and nowhere else.
    pub token: SecretString,
}

/// Why there is no websocket.
#[derive(Debug, Error)]
pub enum LetsChatError {
    /// Something answers, but not as a websocket of Let's Chat.
    #[error("{0}")]
    Refused(String),
    /// The connection broke.
    #[error("the websocket broke: {0}")]
    Broke(String),
}

impl From<tungstenite::Error> for LetsChatError {
    fn from(error: tungstenite::Error) -> Self {
        match error {
            tungstenite::Error::Http(response) => Self::Refused(refusal(&response)),
            // Nothing in these words comes from the address that was asked for.
            error => Self::Broke(error.to_string()),
        }
    }
}

/// What an answer means that is no upgrade, in words for the administrator.
fn refusal<T>(response: &http::Response<T>) -> String {
    let status = response.status();
    let location = response.headers().get(http::header::LOCATION).and_then(|it| it.to_str().ok());
    match (status.as_u16(), location) {
        (300..=399, Some(location)) => {
            let place = location.split('?').next().unwrap_or_default();
            format!("the address redirects to {place}: put the final address into letschat.url")
        }
        (404, _) => {
            "no Let's Chat at this address (404): check the path in letschat.url, and that \
                     a proxy in front of it passes /socket.io/"
                .to_owned()
        }
        (200 | 400 | 426, _) => format!(
            "the websocket was not granted ({status}): a proxy in front of Let's Chat must pass \
             `Upgrade: websocket`"
        ),
        (500..=599, _) => {
            format!("Let's Chat, or a proxy in front of it, is in trouble ({status})")
        }
        _ => format!("the websocket was refused ({status})"),
    }
}

/// Asks the server at the other end of `stream` for a websocket.
///
/// # Errors
/// When it does not grant one.
pub async fn upgrade<S>(stream: S, knock: &Knock) -> Result<Frames<S>, LetsChatError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let config =
        WebSocketConfig::default().max_message_size(Some(LONGEST)).max_frame_size(Some(LONGEST));
    let address = address(knock);
    let connected =
        tokio_tungstenite::client_async_with_config(address.expose_secret(), stream, Some(config));
    let (socket, _) = connected.await?;
    Ok(Frames(socket))
}

/// The address that is asked for (WIRE.md, "Transport"). It holds the token.
fn address(knock: &Knock) -> SecretString {
    let mut url = knock.url.clone();
    let secure = matches!(url.scheme(), "https" | "wss");
    let path = format!("{}/socket.io/", url.path().trim_end_matches('/'));
    url.set_path(&path);
    url.query_pairs_mut()
        .clear()
        .append_pair("EIO", "3")
        .append_pair("transport", "websocket")
        .append_pair("token", knock.token.expose_secret());
    let rest = url.as_str().split_once(':').map_or("", |(_, rest)| rest);
    format!("{}:{rest}", if secure { "wss" } else { "ws" }).into()
}

/// The text frames of a websocket.
#[derive(Debug)]
pub struct Frames<S>(WebSocketStream<S>);

impl<S: AsyncRead + AsyncWrite + Unpin> Stream for Frames<S> {
    type Item = Result<String, LetsChatError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            return Poll::Ready(match ready!(self.0.poll_next_unpin(cx)) {
                Some(Ok(Message::Text(text))) => Some(Ok(text.as_str().to_owned())),
                Some(Ok(Message::Close(_))) | None => None,
                // Pings are answered below; nobody sends us anything binary that we could use.
                Some(Ok(_)) => continue,
                Some(Err(error)) => Some(Err(error.into())),
            });
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Sink<String> for Frames<S> {
    type Error = LetsChatError;

    fn poll_ready(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), LetsChatError>> {
        self.0.poll_ready_unpin(cx).map_err(Into::into)
    }

    fn start_send(mut self: Pin<&mut Self>, frame: String) -> Result<(), LetsChatError> {
        self.0.start_send_unpin(Message::text(frame)).map_err(Into::into)
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), LetsChatError>> {
        self.0.poll_flush_unpin(cx).map_err(Into::into)
    }

    fn poll_close(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), LetsChatError>> {
        self.0.poll_close_unpin(cx).map_err(Into::into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_keeps_port_and_path_and_escapes_the_token() {
        for (url, address_) in [
            ("https://chat.example.org", "wss://chat.example.org/socket.io/"),
            ("http://localhost:5000/", "ws://localhost:5000/socket.io/"),
            ("https://example.org:8443/chat/", "wss://example.org:8443/chat/socket.io/"),
        ] {
            let knock =
                Knock { url: url.parse().expect("an address"), token: "a+b/c==".to_owned().into() };
            let asked = address(&knock);
            let query = "?EIO=3&transport=websocket&token=a%2Bb%2Fc%3D%3D";
            assert_eq!(asked.expose_secret(), format!("{address_}{query}"));
        }
    }

    #[test]
    fn a_refusal_says_what_to_do_and_never_the_token() {
        let answer = |status: u16, location: &str| {
            let response = http::Response::builder().status(status).header("Location", location);
            refusal(&response.body(()).expect("a response"))
        };
        let redirected = answer(301, "https://new.example.org/socket.io/?token=secret");
        assert!(redirected.contains("https://new.example.org/"), "{redirected}");
        assert!(!redirected.contains("secret"), "{redirected}");
        assert!(answer(400, "").contains("Upgrade: websocket"));
        assert!(answer(404, "").contains("letschat.url"));
        assert!(answer(502, "").contains("502"));
    }
}
