//! What it means when a server answers the upgrade to a websocket with something else.

use std::time::Duration;

use jiff::Timestamp;
use tokio_tungstenite::tungstenite::http;
use url::Url;

use crate::protocol::letschat::LetsChatRejectionKind;

/// What nginx, Apache and Go answer to plain HTTP on a TLS port.
const WANT_TLS: [&str; 3] = [
    "plain HTTP request was sent to HTTPS port",
    "plain HTTP to an SSL-enabled server port",
    "an HTTP request to an HTTPS server",
];

fn is_html(page: &str) -> bool {
    let beginning = page.trim_start().get(..5).unwrap_or_default().to_ascii_lowercase();
    beginning == "<html" || beginning == "<!doc"
}

/// Explains an answer other than an upgrade, for the administrator.
pub(super) fn rejection_text(response: &http::Response<Option<Vec<u8>>>, asked: &Url) -> String {
    let status = response.status();
    let page = String::from_utf8_lossy(response.body().as_deref().unwrap_or_default());
    if WANT_TLS.iter().any(|words| page.contains(words)) {
        return "this port speaks TLS: write `url = \"https://…\"`".to_owned();
    }
    let location = response.headers().get(http::header::LOCATION).and_then(|it| it.to_str().ok());
    match (status.as_u16(), location) {
        (300..=399, Some(location)) => {
            let endpoint = redirect_target(asked, location);
            format!("the address redirects to {endpoint}: put the final address into letschat.url")
        }
        (401 | 403 | 407, _) => format!(
            "a proxy in front of Let's Chat requires its own login ({status}): it must pass \
             /socket.io/ without one"
        ),
        (429, _) => {
            format!("a proxy in front of Let's Chat limits our requests ({status})")
        }
        (404, _) => {
            "no Let's Chat at this address (404): check the path in letschat.url, and that \
                     a proxy in front of it passes /socket.io/"
                .to_owned()
        }
        (200, _) if is_html(&page) => {
            "this URL returns a web page instead of Let's Chat's websocket: it may be another web \
             server, a proxy, or the login page of a network. Open letschat.url from this machine \
             to check; a proxy in front of Let's Chat must pass `Upgrade: websocket`"
                .to_owned()
        }
        (200 | 400 | 426, _) => format!(
            "websocket upgrade rejected ({status}): a proxy in front of Let's Chat must pass \
             `Upgrade: websocket`"
        ),
        (502..=504, _) => {
            format!(
                "the proxy in front of Let's Chat cannot reach it ({status}): is Let's Chat \
                 running?"
            )
        }
        (500..=599, _) => {
            format!("Let's Chat, or a proxy in front of it, reports an internal error ({status})")
        }
        _ => format!("websocket upgrade rejected ({status})"),
    }
}

/// The reason for a rejection with this status. Most other statuses come from a proxy and mean that Let's
/// Chat is down.
pub(super) fn reason(status: http::StatusCode) -> Option<LetsChatRejectionKind> {
    match status.as_u16() {
        401 | 403 | 407 => Some(LetsChatRejectionKind::ProxyLogin),
        429 => Some(LetsChatRejectionKind::RateLimited),
        _ => None,
    }
}

/// The `Retry-After` header, in seconds or as a date
/// (<https://www.rfc-editor.org/rfc/rfc9110#name-retry-after>).
pub(super) fn retry_after(headers: &http::HeaderMap, now: Timestamp) -> Option<Duration> {
    let value = headers.get(http::header::RETRY_AFTER)?.to_str().ok()?.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    let until = jiff::fmt::rfc2822::parse(value).ok()?.timestamp();
    Duration::try_from(until.duration_since(now)).ok()
}

/// The base URL that a redirect to `location` suggests for letschat.url, without the query, which repeats our
/// token.
pub(super) fn redirect_target(asked: &Url, location: &str) -> String {
    let Ok(mut endpoint) = asked.join(location) else { return "nowhere".to_owned() };
    endpoint.set_query(None);
    endpoint.set_fragment(None);
    let path = endpoint.path();
    let front = path.trim_end_matches('/').strip_suffix("socket.io").unwrap_or(path).to_owned();
    endpoint.set_path(&front);
    endpoint.into()
}
