//! The way to a server through a proxy: the one that the environment names, if it names one, or another.
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

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper_util::client::proxy::matcher::Intercept;
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use tokio::net::TcpStream;
use tokio::time::timeout;
use url::{Position, Url};

use super::connect::{
    ConnectError, SourceAddr, connect_from, connect_tcp, host_port, without_brackets,
};
use crate::config::{ProxyKind, ProxySettings};

/// How long a proxy may take to reach the server.
const PROXY_TIMEOUT: Duration = Duration::from_secs(20);

/// Connects to the server of an `http`, `https`, `ws` or `wss` address, by the proxy that the
/// environment names for it or else directly.
///
/// # Errors
/// As [`tcp`], and [`ConnectError::Proxy`].
pub async fn connect_for_url(url: &Url) -> Result<TcpStream, ConnectError> {
    connect_by_proxies(&Matcher::from_env(), url).await
}

/// As [`tcp_for`], with the proxies that `proxies` names.
///
/// # Errors
/// As [`tcp_for`].
pub async fn connect_by_proxies(proxies: &Matcher, url: &Url) -> Result<TcpStream, ConnectError> {
    let target = ProxyTarget::from_url(url)?;
    match proxy_for(proxies, url) {
        Some(intercept) => {
            let proxy = Proxy::from_intercept(&intercept).map_err(|why| ConnectError::Proxy {
                proxy: intercept.uri().to_string(),
                target: target.host_port(),
                why,
            })?;
            connect_through(&proxy, None, target.host, target.port).await
        }
        None => connect_tcp(target.host, target.port).await,
    }
}

/// Whom we want to reach.
struct ProxyTarget<'a> {
    host: &'a str,
    port: u16,
}

impl<'a> ProxyTarget<'a> {
    fn from_url(url: &'a Url) -> Result<Self, ConnectError> {
        match (url.host_str(), url.port_or_known_default()) {
            (Some(host), Some(port)) => Ok(Self { host, port }),
            _ => Err(ConnectError::UnknownHost {
                host: url.to_string(),
                why: "the URL has no host".to_owned(),
            }),
        }
    }

    fn host_port(&self) -> String {
        host_port(self.host, self.port)
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
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host_str().map(without_brackets) {
        Some("localhost") => true,
        Some(host) => host.parse().is_ok_and(|address: IpAddr| address.is_loopback()),
        None => false,
    }
}

/// A proxy, and who we are to it.
#[derive(Debug, Clone)]
pub struct Proxy {
    kind: ProxyKind,
    host: String,
    port: u16,
    /// A user and a password, in the form that its kind wants.
    basic_auth: Option<HeaderValue>,
    login: Option<(String, SecretString)>,
    /// As its address is written, without its password.
    display_name: String,
}

impl From<&ProxySettings> for Proxy {
    fn from(settings: &ProxySettings) -> Self {
        let login = settings.credentials.clone();
        Self {
            kind: settings.kind,
            host: settings.host.clone(),
            port: settings.port,
            basic_auth: login.as_ref().and_then(|(user, password)| basic_auth(user, password)),
            login,
            display_name: settings.to_string(),
        }
    }
}

impl Proxy {
    fn from_intercept(intercept: &Intercept) -> Result<Self, String> {
        let uri = intercept.uri();
        let (kind, default_port) = match uri.scheme_str().unwrap_or("http") {
            "http" => (ProxyKind::Http, 80),
            "socks5" => (ProxyKind::Socks5, 1080),
            "socks5h" => (ProxyKind::Socks5h, 1080),
            other => {
                return Err(format!("unknown proxy scheme `{other}`: use http, socks5 or socks5h"));
            }
        };
        let login = intercept.raw_auth();
        Ok(Self {
            kind,
            host: uri.host().unwrap_or_default().to_owned(),
            port: uri.port_u16().unwrap_or(default_port),
            basic_auth: intercept.basic_auth().cloned(),
            login: login.map(|(user, password)| (user.to_owned(), password.into())),
            display_name: uri.to_string(),
        })
    }
}

/// RFC 7617.
fn basic_auth(user: &str, password: &SecretString) -> Option<HeaderValue> {
    let pair = STANDARD.encode(format!("{user}:{}", password.expose_secret()));
    let mut value = HeaderValue::from_str(&format!("Basic {pair}")).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Connects to `host` through `proxy`, which is reached from this address of ours.
///
/// # Errors
/// [`ConnectError::Proxy`].
pub async fn connect_through(
    proxy: &Proxy,
    from: Option<SourceAddr>,
    host: &str,
    port: u16,
) -> Result<TcpStream, ConnectError> {
    let target = &ProxyTarget { host, port };
    let failed = |why: String| ConnectError::Proxy {
        proxy: proxy.display_name.clone(),
        target: target.host_port(),
        why,
    };
    let stream = connect_from(from, &proxy.host, proxy.port).await;
    let mut stream = stream.map_err(|error| failed(error.to_string()))?;
    let login = proxy.login.as_ref();
    let login = login.map(|(user, password)| (user.as_str(), password.expose_secret()));
    let opened = async {
        match proxy.kind {
            ProxyKind::Http => {
                http_connect::open(&mut stream, target, proxy.basic_auth.as_ref()).await
            }
            kind => socks5::open(&mut stream, target, kind == ProxyKind::Socks5, login).await,
        }
    };
    match timeout(PROXY_TIMEOUT, opened).await {
        Ok(Ok(())) => Ok(stream),
        Ok(Err(ProxyError(why))) => Err(failed(why)),
        Err(_) => Err(failed(format!("no answer within {} s", PROXY_TIMEOUT.as_secs()))),
    }
}

/// Why a proxy did not let us through, in words.
struct ProxyError(String);

impl From<io::Error> for ProxyError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset => {
                Self("the proxy closed the connection without an answer".to_owned())
            }
            _ => Self(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests;
