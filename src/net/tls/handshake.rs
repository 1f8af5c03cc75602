//! The handshake, and its failures in words for whoever keeps the configuration.

use std::error::Error;
use std::io;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{AlertDescription, ClientConfig};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::RejectedCert;
use crate::net::connect::{ConnectError, without_brackets};
use crate::net::stranger::{Ear, Speech};

/// How long a server may take over its half of the handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Why no TLS came about on a connection that stood.
#[derive(Debug, thiserror::Error)]
pub enum HandshakeError {
    /// What we were told to connect to can be no server's name.
    #[error("not a host name or address")]
    InvalidServerName,
    /// The certificate was not accepted.
    #[error(transparent)]
    CertRejected(RejectedCert),
    /// The other side speaks this.
    #[error("{}", .0.instead_of_tls())]
    Speaks(Speech),
    /// The other side speaks something else.
    #[error("this port does not speak TLS: use the server's TLS port, or turn TLS off for it")]
    NotTls,
    /// The other side waits, as plain servers do.
    #[error(
        "no answer within {} s: most likely this port does not speak TLS; use the TLS port (IRC: \
         usually 6697), or set `tls = false` (Let's Chat: `url = \"http://…\"`)",
        HANDSHAKE_TIMEOUT.as_secs()
    )]
    TimedOut,
    /// The other side hung up.
    #[error(
        "the server closed the connection during the handshake: perhaps this port does not speak \
         TLS; then set `tls = false` or `url = \"http://…\"`"
    )]
    Closed,
    /// The server knows only versions or ciphers that are no longer safe.
    #[error(
        "the server offers no supported TLS version or cipher (TLS 1.3, or 1.2 with ECDHE, is \
         required): {0}"
    )]
    UnsupportedVersion(String),
    /// Anything else, in the library's words.
    #[error("{0}")]
    Other(String),
}

/// Turns a connection to `host` into one that is encrypted, with a server that `config` trusts.
///
/// # Errors
/// [`ConnectError::Tls`], with what is wrong and what would mend it.
pub async fn handshake(
    tcp: TcpStream,
    host: &str,
    config: &Arc<ClientConfig>,
) -> Result<TlsStream<Ear<TcpStream>>, ConnectError> {
    connect_tls(tcp, host, config)
        .await
        .map_err(|why| ConnectError::Tls { host: host.to_owned(), why })
}

async fn connect_tls(
    tcp: TcpStream,
    host: &str,
    config: &Arc<ClientConfig>,
) -> Result<TlsStream<Ear<TcpStream>>, HandshakeError> {
    let name = server_name(host).ok_or(HandshakeError::InvalidServerName)?;
    let tcp = Ear::new(tcp);
    let first = tcp.first();
    match timeout(HANDSHAKE_TIMEOUT, TlsConnector::from(Arc::clone(config)).connect(name, tcp))
        .await
    {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) => {
            let speech = Speech::of(&first.lock().unwrap_or_else(PoisonError::into_inner));
            Err(match speech.filter(|speech| *speech != Speech::Tls) {
                Some(speech) => HandshakeError::Speaks(speech),
                None => from_io(&error),
            })
        }
        Err(_) => Err(HandshakeError::TimedOut),
    }
}

/// A host as it stands in an address; an IPv6 one may be in brackets.
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

/// What TLS says about an error, if TLS is anywhere below it.
pub(in crate::net) fn find_tls_error(error: &(dyn Error + 'static)) -> Option<HandshakeError> {
    if let Some(error) = error.downcast_ref::<rustls::Error>() {
        return Some(from_tls(error));
    }
    // The source of an io::Error is the source of what it wraps: the wrapped one itself is skipped.
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
