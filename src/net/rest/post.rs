//! Posts to a room as an account with a session.

use reqwest::header::CONTENT_TYPE;
use serde::Deserialize;

use super::server::{RestServer, identify};
use super::{Credential, RestError, describe_body, read_body, unreachable_error};
use crate::domain::Secret;
use crate::protocol::letschat::PostId;

/// Why it is not known that a message was posted. After [`PostError::Refused`] and [`PostError::Unknown`], it may
/// have been; after the others, it was not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PostError {
    /// The server does not know the session.
    #[error("Let's Chat does not accept the session")]
    SignedOut,
    /// The account may not see the room.
    #[error("{0}")]
    Forbidden(String),
    /// Nothing was sent.
    #[error("{0}")]
    Unreachable(String),
    /// The server answered with an error. It answers alike when it has stored the message and then fails.
    #[error("{0}")]
    Refused(String),
    /// There was no proper answer.
    #[error("{0}")]
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
        let response = request.send().await.map_err(|error| unsent_or_unknown(&error))?;
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
