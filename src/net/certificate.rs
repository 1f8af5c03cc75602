//! Looks at the certificate of a server, to offer it as a pin.

use tokio::net::TcpStream;
use url::Url;

use super::connect::{ConnectError, connect_tcp};
use super::tls::{HandshakeError, RejectedCert, client_config, handshake};
use super::{host, proxy};
use crate::config::{CertificatePin, TlsTrust};

/// The certificate of the server at `host` and `port`, if this machine's authorities do not vouch for it. `None`
/// also if the server cannot be reached, or speaks no TLS.
pub async fn untrusted_certificate(host: &str, port: u16) -> Option<RejectedCert> {
    untrusted(connect_tcp(host, port).await, host).await
}

/// Like [`untrusted_certificate`], for the server of a URL, which may be behind a proxy.
pub async fn untrusted_certificate_of_url(url: &Url) -> Option<RejectedCert> {
    let host = host::without_brackets(url.host_str()?);
    untrusted(proxy::connect_for_url(url).await, host).await
}

async fn untrusted(tcp: Result<TcpStream, ConnectError>, host: &str) -> Option<RejectedCert> {
    // Without authorities, every certificate is shown: none has this fingerprint.
    let nothing = TlsTrust::Pin(CertificatePin::new([0; 32]));
    let tls = client_config(&TlsTrust::System).or_else(|_| client_config(&nothing)).ok()?;
    match handshake(tcp.ok()?, host, &tls).await {
        Err(HandshakeError::CertRejected(certificate)) => Some(certificate),
        _ => None,
    }
}
