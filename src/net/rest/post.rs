//! Posts to a room as an account with a session.

use reqwest::header::CONTENT_TYPE;
use serde::Deserialize;

use super::server::{RestServer, identify};
use super::{Credential, RestError, describe_body, read_body, unreachable_error};
use crate::domain::Secret;
use crate::protocol::letschat::PostId;

/// Why it is not known that a message was posted. After [`PostError::Refused`] and [`PostError::Unknown`], it may
/// have been; after the others, it was not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PostError {
    /// The server does not know the session.
    SignedOut,
    /// The account may not see the room.
    Forbidden(String),
    /// Nothing was sent.
    Unreachable(String),
    /// The server answered with an error. It answers alike when it has stored the message and then fails.
    Refused(String),
    /// There was no proper answer.
    Unknown(String),
}

#[derive(Deserialize)]
struct WirePostId {
    id: String,
}

impl RestServer {
    /// Posts `text` to the room with the id `room`, as the account of `session`.
    ///
    /// # Errors
    /// Any [`PostError`].
    pub async fn post_message(
        &self,
        session: &Secret,
        room: &str,
        text: &str,
    ) -> Result<PostId, PostError> {
        if !is_path_segment(room) {
            return Err(PostError::Forbidden(format!("{room:?} is not the id of a room")));
        }
        let body = serde_json::json!({ "text": text }).to_string();
        let request = self.visitor.http.post(self.visitor.url(&format!("rooms/{room}/messages")));
        let request = identify(request, Credential::Session(session));
        let request = request.map_err(|_| PostError::SignedOut)?;
        let request = request.header(CONTENT_TYPE, "application/json").body(body);
        let sent = self.visitor.gate.pass(request.send()).await;
        let sent = sent.map_err(|closed| match closed.was_begun {
            true => PostError::Unknown(closed.to_string()),
            false => PostError::Unreachable(closed.to_string()),
        })?;
        let response = sent.map_err(|error| unsent_or_unknown(&error))?;
        let status = response.status();
        match status.as_u16() {
            200 | 201 => {
                let body = read_body(response).await;
                let body = body.map_err(|error| PostError::Unknown(error.to_string()))?;
                let id = serde_json::from_slice(&body).ok();
                let id = id.and_then(|WirePostId { id }| id.parse().ok());
                id.ok_or_else(|| {
                    let shape = RestError::NotLetsChat(describe_body(&body));
                    PostError::Unknown(shape.to_string())
                })
            }
            401 => Err(PostError::SignedOut),
            404 => Err(PostError::Forbidden(
                "the account may not see the room, or the room was archived".to_owned(),
            )),
            400 => Err(PostError::Refused(
                "Let's Chat rejected the message, without a reason (400)".to_owned(),
            )),
            413 => Err(PostError::Refused(
                "the message is longer than Let's Chat accepts (413)".to_owned(),
            )),
            _ => Err(PostError::Unknown(format!("Let's Chat answered with {status}"))),
        }
    }
}

/// Whether the text stays one segment of a path.
fn is_path_segment(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// Whether nothing was sent is certain only if there was no connection.
fn unsent_or_unknown(error: &reqwest::Error) -> PostError {
    let words = unreachable_error(error).to_string();
    if error.is_connect() || error.is_builder() {
        PostError::Unreachable(words)
    } else {
        PostError::Unknown(words)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    use super::*;
    use crate::config::{CertificatePin, TlsTrust};
    use crate::net::rest::fake::{FakeAnswer, FakeServer};
    use crate::net::tls::client_config;

    const STORED: &str = r#"{"id":"6b035f6d8d054a41e16a0570","text":"hi"}"#;

    fn client(url: &str, idle_connections: usize) -> RestServer {
        let tls = client_config(&TlsTrust::Pin(CertificatePin::new([0; 32]))).unwrap();
        RestServer::with_idle_connections(&url.parse().unwrap(), &tls, idle_connections).unwrap()
    }

    async fn post(server: &RestServer) -> Result<PostId, PostError> {
        server.post_message(&Secret::new("connect.sid=s%3Aab"), "r1", "hi \u{1F600}\n").await
    }

    #[tokio::test]
    async fn post_has_the_cookie_and_its_answer_the_id() {
        let fake = FakeServer::start(|_| FakeAnswer::json(201, STORED)).await;
        let id = post(&client(fake.url.as_str(), 0)).await;
        assert_eq!(id.unwrap().to_string(), "6b035f6d8d054a41e16a0570");
        let requests = fake.take_requests();
        assert_eq!(requests.len(), 1);
        assert_eq!(requests[0].line, "POST /rooms/r1/messages");
        assert!(requests[0].headers.contains("cookie: connect.sid=s%3aab\r\n"), "{requests:?}");
        assert_eq!(requests[0].body, "{\"text\":\"hi \u{1F600}\\n\"}");
    }

    #[tokio::test]
    async fn answers_tell_what_is_certain() {
        let signed_out = |error: &PostError| matches!(error, PostError::SignedOut);
        let forbidden = |error: &PostError| matches!(error, PostError::Forbidden(_));
        let refused = |error: &PostError| matches!(error, PostError::Refused(_));
        let unknown = |error: &PostError| matches!(error, PostError::Unknown(_));
        type Check<'a> = &'a dyn Fn(&PostError) -> bool;
        let cases: [(u16, &str, Check<'_>); 10] = [
            (401, "Unauthorized", &signed_out),
            (404, "Not Found", &forbidden),
            (400, "Bad Request", &refused),
            (413, "", &refused),
            (500, "", &unknown),
            (502, "<html>", &unknown),
            (302, "", &unknown),
            (429, "", &unknown),
            (201, "{}", &unknown),
            (201, r#"{"id":"r1"}"#, &unknown),
        ];
        for (status, body, is_expected) in cases {
            let fake = FakeServer::start(move |_| FakeAnswer::json(status, body)).await;
            let error = post(&client(fake.url.as_str(), 0)).await.unwrap_err();
            assert!(is_expected(&error), "{status}: {error:?}");
        }
    }

    #[tokio::test]
    async fn nothing_is_sent_without_a_connection() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let error = post(&client(&format!("http://{address}/"), 0)).await.unwrap_err();
        assert!(matches!(error, PostError::Unreachable(_)), "{error:?}");
        let fake = FakeServer::start(|_| FakeAnswer::json(201, STORED)).await;
        // A server without TLS is left before anything is sent.
        let plain = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://{}/", plain.local_addr().unwrap());
        let server = client(&url, 0);
        let answering = async {
            let (mut stream, _) = plain.accept().await.unwrap();
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        };
        let (outcome, ()) = tokio::join!(post(&server), answering);
        assert!(matches!(outcome, Err(PostError::Unreachable(_))), "{outcome:?}");
        let other_room = client(fake.url.as_str(), 0);
        let error = other_room.post_message(&Secret::new("a=b"), "../account", "hi").await;
        assert!(matches!(error, Err(PostError::Forbidden(_))), "{error:?}");
        assert_eq!(fake.take_lines(), Vec::<String>::new());
    }

    /// Whatever happens to a connection that was used before, and to a new one, no post is sent twice.
    #[tokio::test]
    async fn no_post_is_sent_twice() {
        for kept in [0, 8] {
            for lost in 1..=3 {
                let count = AtomicUsize::new(0);
                let fake = FakeServer::start(move |_| {
                    match count.fetch_add(1, Ordering::Relaxed) + 1 == lost {
                        true => FakeAnswer::Close,
                        false => FakeAnswer::json(201, STORED),
                    }
                })
                .await;
                let server = client(fake.url.as_str(), kept);
                for number in 1..=4 {
                    let outcome = post(&server).await;
                    assert_eq!(fake.take_lines().len(), 1, "post {number}, {lost} is lost");
                    let is_unknown = matches!(outcome, Err(PostError::Unknown(_)));
                    assert_eq!((outcome.is_ok(), is_unknown), (number != lost, number == lost));
                }
            }
        }
    }
}
