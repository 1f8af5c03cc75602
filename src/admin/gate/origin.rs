//! Refuses what the pages of other sites ask a browser to send.
//!
//! A browser says from where a request comes: `Sec-Fetch-Site`, and `Origin` with each one that changes something.
//! Programs send neither. A form of another site cannot send JSON, nor our own header.

use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, Method, StatusCode, Uri, header};

use super::CSRF_HEADER;
use super::access::Access;
use super::host::AllowedHosts;
use crate::admin::answer::ApiError;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");

/// Refuses a request that a page of another site makes. A person may follow a link to us.
pub(super) fn check(
    method: &Method,
    headers: &HeaderMap,
    hosts: &AllowedHosts,
) -> Result<(), ApiError> {
    let says = |name: &HeaderName, words: &[&str]| {
        let mut values = headers.get_all(name).iter();
        values.all(|value| words.iter().any(|word| value.as_bytes() == word.as_bytes()))
    };
    let is_link = *method == Method::GET
        && headers.contains_key(SEC_FETCH_MODE)
        && says(&SEC_FETCH_MODE, &["navigate"]);
    let is_own_site = is_link || says(&SEC_FETCH_SITE, &["same-origin", "none"]);
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let is_own_origin = origins.all(|origin| {
        let origin = origin.to_str().ok().and_then(|origin| origin.parse::<Uri>().ok());
        origin.is_some_and(|origin| is_own(&origin, headers, hosts))
    });
    match is_own_site && is_own_origin {
        true => Ok(()),
        false => Err(ApiError::new(
            StatusCode::FORBIDDEN,
            "the request comes from a page of another site, which may not control the bridge",
        )),
    }
}

/// Whether an origin is the host that the request is for, or one that the administrator has allowed: a proxy may write
/// another `Host`.
fn is_own(origin: &Uri, headers: &HeaderMap, hosts: &AllowedHosts) -> bool {
    let Some(authority) = origin.authority() else { return false };
    let requested = headers.get(header::HOST).and_then(|host| host.to_str().ok()?.parse().ok());
    let default_port = if origin.scheme_str() == Some("https") { 443 } else { 80 };
    let port = |authority: &Authority| authority.port_u16().unwrap_or(default_port);
    requested.is_some_and(|requested: Authority| {
        requested.host().eq_ignore_ascii_case(authority.host())
            && port(&requested) == port(authority)
    }) || (authority.port().is_none() && hosts.has_public(authority.host()))
}

/// Refuses a request that changes something unless it is JSON and, from a browser that has signed in, has the token of
/// our page.
pub(super) fn check_write(headers: &HeaderMap, access: &Access) -> Result<(), ApiError> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/json") {
        return Err(ApiError::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "what changes something must be sent with the header \"Content-Type: application/json\"",
        ));
    }
    let given = headers.get(CSRF_HEADER).map(axum::http::HeaderValue::as_bytes);
    match access.csrf_token() {
        Some(right) if !given.is_some_and(|given| is_same(given, right.as_bytes())) => {
            Err(ApiError::new(
                StatusCode::FORBIDDEN,
                "the header X-CSRF-Token is missing or wrong: load the page again",
            ))
        }
        _ => Ok(()),
    }
}

/// Whether both are the same; takes as long for any wrong one of this length.
fn is_same(given: &[u8], right: &[u8]) -> bool {
    let different = given.iter().zip(right).fold(0, |sum, (a, b)| sum | (a ^ b));
    given.len() == right.len() && different == 0
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&str, &str)| {
            (name.parse::<HeaderName>().unwrap(), value.parse().unwrap())
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn pages_of_other_sites_are_refused() {
        let hosts = AllowedHosts::new(&["bridge.example.org".to_owned()]);
        let local = ("host", "127.0.0.1:8090");
        for (method, pairs, is_ok) in [
            (Method::POST, vec![local], true),
            (Method::POST, vec![local, ("origin", "http://127.0.0.1:8090")], true),
            (Method::POST, vec![local, ("sec-fetch-site", "same-origin")], true),
            (Method::POST, vec![("host", "a.example"), ("origin", "https://a.example")], true),
            (Method::POST, vec![("host", "a.example:443"), ("origin", "https://a.example")], true),
            (Method::POST, vec![local, ("origin", "https://bridge.example.org")], true),
            (Method::POST, vec![local, ("origin", "https://bridge.example.org:8443")], false),
            (Method::POST, vec![local, ("origin", "http://127.0.0.1:8091")], false),
            (Method::POST, vec![local, ("origin", "http://localhost:8090")], false),
            (Method::POST, vec![local, ("origin", "https://evil.example")], false),
            (Method::POST, vec![local, ("origin", "null")], false),
            (Method::POST, vec![local, ("sec-fetch-site", "cross-site")], false),
            (Method::POST, vec![local, ("sec-fetch-site", "same-site")], false),
            (
                Method::POST,
                vec![local, ("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")],
                false,
            ),
            (
                Method::GET,
                vec![local, ("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")],
                true,
            ),
            (
                Method::GET,
                vec![local, ("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors")],
                false,
            ),
            (Method::GET, vec![local, ("sec-fetch-site", "none")], true),
        ] {
            let result = check(&method, &headers(&pairs), &hosts);
            assert_eq!(result.is_ok(), is_ok, "{method} {pairs:?}");
        }
    }

    #[test]
    fn write_is_json_with_the_token_of_the_page() {
        let browser = Access::Browser { csrf_token: "right".to_owned() };
        let json = ("content-type", "application/json; charset=utf-8");
        for (access, pairs, status) in [
            (&Access::Token, vec![json], 200),
            (&Access::Anybody, vec![json], 200),
            (&Access::Token, vec![("content-type", "text/plain")], 415),
            (&Access::Token, vec![], 415),
            (&browser, vec![json], 403),
            (&browser, vec![json, (CSRF_HEADER, "wrong")], 403),
            (&browser, vec![json, (CSRF_HEADER, "righ")], 403),
            (&browser, vec![json, (CSRF_HEADER, "right")], 200),
        ] {
            let result = check_write(&headers(&pairs), access);
            assert_eq!(
                result.map_or_else(|it| it.status().as_u16(), |()| 200),
                status,
                "{pairs:?}"
            );
        }
    }
}
