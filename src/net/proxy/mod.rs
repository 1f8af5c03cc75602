//! The way to a server through the proxy that the environment names, if it names one.
//!
//! The rules are curl's, and reqwest's, so that websocket and REST go the same way: `HTTPS_PROXY` for
//! `https` and `wss`, `HTTP_PROXY` for `http` and `ws`, `ALL_PROXY` for both, `NO_PROXY` for exceptions.
//! One rule is added: no proxy is asked for this machine itself, which it would take for its own.

mod http_connect;
mod socks5;

use std::io;
use std::net::IpAddr;
use std::time::Duration;

pub use hyper_util::client::proxy::matcher::Matcher;

use hyper_util::client::proxy::matcher::Intercept;
use tokio::net::TcpStream;
use tokio::time::timeout;
use url::{Position, Url};

use super::connect::{ConnectError, place, tcp, without_brackets};

/// How long a proxy may take to reach the server.
const PATIENCE: Duration = Duration::from_secs(20);

/// Connects to the server of an `http`, `https`, `ws` or `wss` address, by the proxy that the
/// environment names for it or else directly.
///
/// # Errors
/// As [`tcp`], and [`ConnectError::Proxy`].
pub async fn tcp_for(url: &Url) -> Result<TcpStream, ConnectError> {
    tcp_by(&Matcher::from_env(), url).await
}

/// As [`tcp_for`], with the proxies that `proxies` names.
///
/// # Errors
/// As [`tcp_for`].
pub async fn tcp_by(proxies: &Matcher, url: &Url) -> Result<TcpStream, ConnectError> {
    let target = Target::of(url)?;
    match proxy_for(proxies, url) {
        Some(proxy) => through(&proxy, &target).await,
        None => tcp(target.host, target.port).await,
    }
}

/// Whom we want to reach.
struct Target<'a> {
    host: &'a str,
    port: u16,
}

impl<'a> Target<'a> {
    fn of(url: &'a Url) -> Result<Self, ConnectError> {
        match (url.host_str(), url.port_or_known_default()) {
            (Some(host), Some(port)) => Ok(Self { host, port }),
            _ => Err(ConnectError::UnknownHost {
                host: url.to_string(),
                why: "this address names no host".to_owned(),
            }),
        }
    }

    fn place(&self) -> String {
        place(self.host, self.port)
    }
}

/// The proxy for an address. A websocket begins as an HTTP request, and goes the same way as one.
fn proxy_for(proxies: &Matcher, url: &Url) -> Option<Intercept> {
    if is_loopback(url) {
        return None;
    }
    let scheme = match url.scheme() {
        "ws" => "http",
        "wss" => "https",
        other => other,
    };
    // The host and port alone: a matcher needs no more, and a user name is nobody's business.
    let address = format!("{scheme}://{}", &url[Position::BeforeHost..Position::AfterPort]);
    proxies.intercept(&address.parse().ok()?)
}

/// Whether an address leads to this machine itself.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host_str().map(without_brackets) {
        Some("localhost") => true,
        Some(host) => host.parse().is_ok_and(|address: IpAddr| address.is_loopback()),
        None => false,
    }
}

async fn through(proxy: &Intercept, target: &Target<'_>) -> Result<TcpStream, ConnectError> {
    let failed = |why: String| ConnectError::Proxy {
        proxy: proxy.uri().to_string(),
        target: target.place(),
        why,
    };
    let scheme = proxy.uri().scheme_str().unwrap_or("http");
    let default_port = match scheme {
        "http" => 80,
        "socks5" | "socks5h" => 1080,
        _ => {
            return Err(failed(format!("`{scheme}` proxies are not known: http, socks5, socks5h")));
        }
    };
    let host = proxy.uri().host().unwrap_or_default();
    let port = proxy.uri().port_u16().unwrap_or(default_port);
    let mut stream = tcp(host, port).await.map_err(|error| failed(error.to_string()))?;
    let opened = async {
        match scheme {
            "http" => http_connect::open(&mut stream, target, proxy.basic_auth()).await,
            _ => socks5::open(&mut stream, target, scheme == "socks5", proxy.raw_auth()).await,
        }
    };
    match timeout(PATIENCE, opened).await {
        Ok(Ok(())) => Ok(stream),
        Ok(Err(Refusal(why))) => Err(failed(why)),
        Err(_) => Err(failed(format!("no answer within {} s", PATIENCE.as_secs()))),
    }
}

/// Why a proxy did not let us through, in words.
struct Refusal(String);

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset => {
                Self("it hung up without an answer".to_owned())
            }
            _ => Self(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests;
