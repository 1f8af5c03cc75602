//! Connections through a proxy, from the environment or from the configuration.
//!
//! The rules are those of curl and reqwest, so that websocket and REST use the same proxy: `HTTPS_PROXY` for
//! `https` and `wss`, `HTTP_PROXY` for `http` and `ws`, `ALL_PROXY` for both, `NO_PROXY` for exceptions. In
//! addition, loopback addresses never use a proxy.

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

use super::connect::{ConnectError, SourceAddr, connect_from, connect_tcp};
use super::host::{host_port, without_brackets};
use crate::config::{ProxyKind, ProxySettings};

/// Time limit for a proxy to reach the server.
const PROXY_TIMEOUT: Duration = Duration::from_secs(20);

/// Connects to the server of an `http`, `https`, `ws` or `wss` URL, through the proxy that the environment
/// names for it, or directly.
///
/// # Errors
/// Those of [`connect_tcp`], and [`ConnectError::Proxy`].
pub async fn connect_for_url(url: &Url) -> Result<TcpStream, ConnectError> {
    connect_by_proxies(&Matcher::from_env(), url).await
}

/// Like [`connect_for_url`], with these proxies.
///
/// # Errors
/// Those of [`connect_for_url`].
pub async fn connect_by_proxies(proxies: &Matcher, url: &Url) -> Result<TcpStream, ConnectError> {
    let target = ProxyTarget::from_url(url)?;
    match proxy_for(proxies, url) {
        Some(intercept) => {
            let proxy =
                Proxy::from_intercept(&intercept).map_err(|reason| ConnectError::Proxy {
                    proxy: intercept.uri().to_string(),
                    target: target.host_port(),
                    reason,
                })?;
            connect_through(&proxy, None, target.host, target.port).await
        }
        None => connect_tcp(target.host, target.port).await,
    }
}

/// The server to reach through a proxy.
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
                reason: "the URL has no host".to_owned(),
            }),
        }
    }

    fn host_port(&self) -> String {
        host_port(self.host, self.port)
    }
}

/// The proxy for a URL. A websocket starts as an HTTP request and uses the same proxy.
fn proxy_for(proxies: &Matcher, url: &Url) -> Option<Intercept> {
    if is_loopback(url) {
        return None;
    }
    let scheme = match url.scheme() {
        "ws" => "http",
        "wss" => "https",
        other => other,
    };
    // Only host and port are needed to match; credentials are not passed on.
    let address = format!("{scheme}://{}", &url[Position::BeforeHost..Position::AfterPort]);
    proxies.intercept(&address.parse().ok()?)
}

/// Whether a URL points at this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host_str().map(without_brackets) {
        Some("localhost") => true,
        Some(host) => host.parse().is_ok_and(|address: IpAddr| address.is_loopback()),
        None => false,
    }
}

/// A proxy, with credentials.
#[derive(Debug, Clone)]
pub struct Proxy {
    kind: ProxyKind,
    host: String,
    port: u16,
    /// User and password, in the form that this kind of proxy needs.
    basic_auth: Option<HeaderValue>,
    login: Option<(String, SecretString)>,
    /// Its URL without the password.
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

/// Basic authentication (RFC 7617).
fn basic_auth(user: &str, password: &SecretString) -> Option<HeaderValue> {
    let pair = STANDARD.encode(format!("{user}:{}", password.expose_secret()));
    let mut value = HeaderValue::from_str(&format!("Basic {pair}")).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Connects to `host` through `proxy`, from this source address.
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
    let failed = |reason: String| ConnectError::Proxy {
        proxy: proxy.display_name.clone(),
        target: target.host_port(),
        reason,
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
        Ok(Err(ProxyError(reason))) => Err(failed(reason)),
        Err(_) => Err(failed(format!("no answer within {} s", PROXY_TIMEOUT.as_secs()))),
    }
}

/// Why the proxy did not connect us.
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
