//! What `init` has made in Let's Chat, and how it takes it back.

use std::time::Duration;

use secrecy::SecretString;
use tokio::task::JoinHandle;
use tokio::time;

use crate::net::rest::{RestClient, RestError};

/// How long to wait for the end of a request under way.
const PATIENCE: Duration = Duration::from_secs(10);

/// The token that `init` has made, if any.
///
/// ```text
/// None ──generate──▶ Requested ──answer──▶ Done ──take_back──▶ None
/// ```
#[derive(Debug, Default)]
pub(super) enum Made {
    #[default]
    None,
    /// The request may have reached the server.
    Requested(RestClient, JoinHandle<Result<SecretString, RestError>>),
    Done(RestClient),
}

impl Made {
    /// Makes a token. If the caller is dropped meanwhile, the request goes on, so that it can be taken back.
    pub(super) async fn generate_token(
        &mut self,
        rest: &RestClient,
    ) -> Result<SecretString, RestError> {
        let request = rest.clone();
        let task = tokio::spawn(async move { request.generate_token().await });
        *self = Self::Requested(rest.clone(), task);
        let Self::Requested(_, task) = self else { unreachable!("it was just set") };
        let answer = task.await.expect("a request does not panic");
        *self = if answer.is_ok() { Self::Done(rest.clone()) } else { Self::None };
        answer
    }

    /// Revokes the token.
    pub(super) async fn take_back(self) {
        let rest = match self {
            Self::None => return,
            Self::Done(rest) => rest,
            Self::Requested(rest, task) => match time::timeout(PATIENCE, task).await {
                // It failed: there is no token.
                Ok(Ok(Err(_))) => return,
                _ => rest,
            },
        };
        match time::timeout(PATIENCE, rest.revoke_token()).await {
            Ok(Ok(())) => eprintln!(
                "letschat: the new token was revoked; the account's earlier token was revoked as well: a \
                 bridge that used it needs a new one"
            ),
            failed => {
                let reason = match failed {
                    Ok(Err(error)) => error.to_string(),
                    _ => "timed out".to_owned(),
                };
                eprintln!(
                    "letschat: cannot revoke the new token ({reason}): revoke it in Let's Chat's menu \
                     \"Auth Tokens\". The account's earlier token was revoked: a bridge that used it \
                     needs a new one"
                );
            }
        }
    }
}
