//! Slows down who tries tokens.
//!
//! The right token is always accepted, so nobody can lock the administrator out. A token cannot be guessed anyway: it
//! has at least 20 characters.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio::time;

use crate::admin::answer::ApiError;
use crate::web::RateLimiter;

/// How many wrong tokens a minute from one address are answered as such.
const WRONG_PER_MINUTE: u64 = 10;

/// How long a wrong token waits for its answer.
const DELAY: Duration = Duration::from_secs(1);

/// Slows down who tries tokens.
#[derive(Debug)]
pub(super) struct WrongTokens(Arc<RateLimiter>);

impl Default for WrongTokens {
    fn default() -> Self {
        Self(Arc::new(RateLimiter::new(Some(WRONG_PER_MINUTE))))
    }
}

impl WrongTokens {
    /// The answer to a wrong token from this address, after a delay.
    pub(super) async fn refuse(&self, peer: Option<IpAddr>) -> Response {
        let peer = peer.unwrap_or(Ipv4Addr::UNSPECIFIED.into());
        let permit = self.0.acquire(peer, Instant::now());
        if permit.is_ok() {
            tracing::warn!(address = %peer, "somebody has sent a wrong token to [admin] listen");
        }
        time::sleep(DELAY).await;
        match permit {
            Ok(_) => ApiError::new(StatusCode::UNAUTHORIZED, "the token is wrong").into_response(),
            Err(wait) => {
                let error = ApiError::new(
                    StatusCode::TOO_MANY_REQUESTS,
                    "too many wrong tokens: wait a minute",
                );
                ([(header::RETRY_AFTER, wait.as_secs().to_string())], error).into_response()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn wrong_tokens_wait_and_are_counted_by_address() {
        let wrong = WrongTokens::default();
        let (ann, ben) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([198, 51, 100, 1]));
        let began = time::Instant::now();
        for _ in 0..WRONG_PER_MINUTE {
            assert_eq!(wrong.refuse(Some(ann)).await.status(), StatusCode::UNAUTHORIZED);
        }
        assert_eq!(began.elapsed(), DELAY * 10);
        let refused = wrong.refuse(Some(ann)).await;
        assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
        assert!(refused.headers().contains_key(header::RETRY_AFTER));
        assert_eq!(wrong.refuse(Some(ben)).await.status(), StatusCode::UNAUTHORIZED);
    }
}
