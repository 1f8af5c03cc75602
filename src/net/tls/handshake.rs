//! The TLS handshake, with errors worded for the administrator.

use std::error::Error;
use std::io;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{AlertDescription, ClientConfig};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::RejectedCert;
use super::takeover::{Keeper, KeptTls, RecordTail};
use crate::net::host::without_brackets;
use crate::net::unexpected_peer::{ForeignProtocol, SniffedStream};

/// Time limit for the server's part of the handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Why a TLS handshake failed.
#[derive(Debug, thiserror::Error)]
pub enum HandshakeError {
    /// The configured host is not a valid server name.
    #[error("not a host name or address")]
    InvalidServerName,
    /// The certificate was rejected.
    #[error(transparent)]
    CertRejected(RejectedCert),
    /// The peer speaks this protocol.
    #[error("{}", .0.instead_of_tls())]
    Speaks(ForeignProtocol),
    /// The peer speaks an unknown protocol.
    #[error("this port does not speak TLS: use the server's TLS port, or turn TLS off for it")]
    NotTls,
    /// The peer waits for input, as plain-text servers do.
    #[error(
        "no answer within {} s: most likely this port does not speak TLS; use the TLS port (IRC: \
         usually 6697), or set `tls = false` (Let's Chat: `url = \"http://…\"`)",
        HANDSHAKE_TIMEOUT.as_secs()
    )]
    TimedOut,
    /// The peer closed the connection.
    #[error(
        "the server closed the connection during the handshake: perhaps this port does not speak \
         TLS; then set `tls = false` or `url = \"http://…\"`"
    )]
    Closed,
    /// The server supports only insecure versions or ciphers.
    #[error(
        "the server offers no supported TLS version or cipher (TLS 1.3, or 1.2 with ECDHE, is \
         required): {0}"
    )]
    UnsupportedVersion(String),
    /// Any other error of the TLS library.
    #[error("{0}")]
    Other(String),
}

/// Turns a connection to `host` into one that is encrypted, with a server that `config` trusts.
///
/// # Errors
/// What is wrong, and what would mend it.
pub async fn handshake(
    tcp: TcpStream,
    host: &str,
    config: &Arc<ClientConfig>,
) -> Result<TlsStream<SniffedStream<TcpStream>>, HandshakeError> {
    connect(tcp, host, config).await
}

/// Like [`handshake`]; the connection can be handed to another process.
///
/// # Errors
/// Those of [`handshake`].
pub async fn handshake_kept(
    tcp: TcpStream,
    host: &str,
    config: &ClientConfig,
) -> Result<KeptTls, HandshakeError> {
    let keeper = Keeper::new(config);
    let stream = connect(RecordTail::new(tcp), host, &keeper.config).await?;
    Ok(keeper.keep(stream))
}

async fn connect<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    host: &str,
    config: &Arc<ClientConfig>,
) -> Result<TlsStream<SniffedStream<S>>, HandshakeError> {
    let name = server_name(host).ok_or(HandshakeError::InvalidServerName)?;
    let stream = SniffedStream::new(stream);
    let first = stream.first();
    match timeout(HANDSHAKE_TIMEOUT, TlsConnector::from(Arc::clone(config)).connect(name, stream))
        .await
    {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) => {
            let rendered =
                ForeignProtocol::of(&first.lock().unwrap_or_else(PoisonError::into_inner));
            Err(match rendered.filter(|rendered| *rendered != ForeignProtocol::Tls) {
                Some(rendered) => HandshakeError::Speaks(rendered),
                None => from_io(&error),
            })
        }
        Err(_) => Err(HandshakeError::TimedOut),
    }
}

/// Parses the host of an address; an IPv6 address may have brackets.
fn server_name(host: &str) -> Option<ServerName<'static>> {
    ServerName::try_from(without_brackets(host).to_owned()).ok()
}

fn from_io(error: &io::Error) -> HandshakeError {
    find_tls_error(error).unwrap_or_else(|| match error.kind() {
        io::ErrorKind::UnexpectedEof
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe => HandshakeError::Closed,
        _ => HandshakeError::Other(error.to_string()),
    })
}

/// Finds the TLS error in a chain of errors, if there is one.
pub(in crate::net) fn find_tls_error(error: &(dyn Error + 'static)) -> Option<HandshakeError> {
    if let Some(error) = error.downcast_ref::<rustls::Error>() {
        return Some(from_tls(error));
    }
    // `io::Error::source` skips the error that it wraps, so look at that directly.
    if let Some(wrapped) = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        return find_tls_error(wrapped);
    }
    find_tls_error(error.source()?)
}

fn from_tls(error: &rustls::Error) -> HandshakeError {
    use rustls::Error as Tls;
    if let Some(refused) = RejectedCert::find_in(error) {
        return HandshakeError::CertRejected(refused.clone());
    }
    match error {
        Tls::InvalidMessage(_) => HandshakeError::NotTls,
        Tls::PeerIncompatible(_)
        | Tls::AlertReceived(
            AlertDescription::ProtocolVersion
            | AlertDescription::HandshakeFailure
            | AlertDescription::InsufficientSecurity,
        ) => HandshakeError::UnsupportedVersion(error.to_string()),
        _ => HandshakeError::Other(error.to_string()),
    }
}
