//! Connects to a server as its settings say: directly or through a proxy, and then perhaps over TLS.

use std::sync::Arc;

use rustls::ClientConfig;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use url::Url;

use super::connect::{ConnectError, SourceAddr, connect_from};
use super::proxy::{self, Proxy};
use super::tls;
use super::tls::takeover::KeptTls;
use super::unexpected_peer::{ExpectedPeer, SniffedStream};
use super::wire::Wire;
use super::write_gate::WriteGate;
use crate::config::TlsTrust;

/// How to connect to a server.
#[derive(Debug, Clone, Default)]
pub struct ConnectOptions {
    /// The local address to use; `None` lets the system choose.
    pub source: Option<SourceAddr>,
    /// The proxy to use.
    pub proxy: Option<Proxy>,
    /// Asked before anything is written.
    pub gate: WriteGate,
}

/// Like [`connect_tcp`](super::connect::connect_tcp), with these options.
///
/// # Errors
/// As [`connect_tcp`](super::connect::connect_tcp), and [`ConnectError::Proxy`].
pub async fn connect_with(
    options: &ConnectOptions,
    host: &str,
    port: u16,
) -> Result<TcpStream, ConnectError> {
    match &options.proxy {
        Some(proxy) => proxy::connect_through(proxy, options.source, host, port).await,
        None => connect_from(options.source, host, port).await,
    }
}

/// Establishes TLS on a connection to `host`, verified with `config`.
///
/// # Errors
/// [`ConnectError::Tls`], with the problem and its remedy.
pub async fn tls_handshake(
    tcp: TcpStream,
    host: &str,
    config: &Arc<ClientConfig>,
) -> Result<TlsStream<SniffedStream<TcpStream>>, ConnectError> {
    tls::handshake(tcp, host, config)
        .await
        .map_err(|reason| ConnectError::Tls { host: host.to_owned(), reason })
}

/// Like [`tls_handshake`]; the connection can be handed to another process.
///
/// # Errors
/// [`ConnectError::Tls`], with the problem and its remedy.
pub async fn kept_tls_handshake(
    tcp: TcpStream,
    host: &str,
    config: &ClientConfig,
) -> Result<KeptTls, ConnectError> {
    tls::handshake_kept(tcp, host, config)
        .await
        .map_err(|reason| ConnectError::Tls { host: host.to_owned(), reason })
}

/// Connects to the Let's Chat at `url`, by the proxy of the environment and over TLS if its address says so. Nothing is
/// written while `gate` is closed.
///
/// # Errors
/// Those of [`proxy::connect_for_url`] and [`tls_handshake`], and when the authorities of `trust` cannot be
/// read; in words for the administrator.
pub async fn connect_letschat(
    url: &Url,
    trust: &TlsTrust,
    gate: &WriteGate,
) -> Result<Box<dyn Wire>, String> {
    gate.opened().await;
    let tcp = proxy::connect_for_url(url).await.map_err(|error| error.to_string())?;
    gate.bound_unsent(&tcp);
    if url.scheme() != "https" {
        let expected = ExpectedPeer::LetsChat { tls: false };
        return Ok(Box::new(gate.guard(SniffedStream::seeking(tcp, expected))));
    }
    // Read each time, so that a renewed certificate needs no restart.
    let config = tls::client_config(trust).map_err(|error| error.to_string())?;
    let host = url.host_str().unwrap_or_default();
    let wire = tls_handshake(tcp, host, &config).await.map_err(|error| error.to_string())?;
    let stream = SniffedStream::seeking(wire, ExpectedPeer::LetsChat { tls: true });
    Ok(Box::new(gate.guard(stream)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn source_address_is_used() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        // On Linux, all of 127.0.0.0/8 is local.
        let way = ConnectOptions {
            source: Some(SourceAddr::Local([127, 0, 0, 9].into())),
            ..ConnectOptions::default()
        };
        let (stream, accepted) =
            tokio::join!(connect_with(&way, "127.0.0.1", port), listener.accept());
        assert_eq!(accepted.unwrap().1.ip(), way.source.unwrap().ip());
        drop(stream.unwrap());
        // An address reserved for documentation is never local.
        let way = ConnectOptions {
            source: Some(SourceAddr::Local([192, 0, 2, 7].into())),
            ..ConnectOptions::default()
        };
        let error = connect_with(&way, "127.0.0.1", port).await.unwrap_err().to_string();
        assert!(error.contains("cannot bind to 192.0.2.7 (`bind`)"), "{error}");
        let way = ConnectOptions {
            source: Some(SourceAddr::Local("::1".parse().unwrap())),
            ..ConnectOptions::default()
        };
        let error = connect_with(&way, "127.0.0.1", port).await.unwrap_err().to_string();
        assert_eq!(error, "cannot resolve `127.0.0.1`: no address found");
    }
}
