//! A TLS connection made by rustls that can be handed to another process.

use std::fmt;
use std::io::{self, Read, Write};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rustls::{ClientConfig, ClientConnection, ExtractedSecrets, ProtocolVersion};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::error::TakeoverError;
use super::keys::{DirectionSecret, RecordCipher};
use super::messages::Handshakes;
use super::secret::{SecretBytes, TrafficSecrets};
use super::state::{DirectionState, InTransit, TlsState};
use super::tail::RecordTail;
use crate::net::forward_writes::forward_writes;
use crate::net::unexpected_peer::SniffedStream;

/// The stream of a [`KeptTls`] on `S`, as the handshake makes it.
pub(in crate::net::tls) type KeptStream<S> = TlsStream<SniffedStream<RecordTail<S>>>;

/// A TLS connection that can be handed to another process. It reads and writes as any other.
pub struct KeptTls<S = TcpStream> {
    stream: KeptStream<S>,
    secrets: Arc<TrafficSecrets>,
    /// Whether we have said that we send no more.
    is_closing: bool,
}

/// What a connection needs from its beginning, so that it can be handed over.
#[derive(Debug)]
pub(in crate::net::tls) struct Keeper {
    /// The configuration of this one connection.
    pub(in crate::net::tls) config: Arc<ClientConfig>,
    secrets: Arc<TrafficSecrets>,
}

impl Keeper {
    /// For one connection with this configuration.
    pub(in crate::net::tls) fn new(config: &ClientConfig) -> Self {
        let secrets = Arc::new(TrafficSecrets::default());
        let mut config = config.clone();
        config.enable_secret_extraction = true;
        config.key_log = Arc::<TrafficSecrets>::clone(&secrets);
        Self { config: Arc::new(config), secrets }
    }

    /// The connection, once the handshake is over.
    pub(in crate::net::tls) fn keep<S>(self, stream: KeptStream<S>) -> KeptTls<S> {
        KeptTls { stream, secrets: self.secrets, is_closing: false }
    }
}

impl<S> KeptTls<S> {
    /// The stream below, usually its socket.
    #[must_use]
    pub fn get_ref(&self) -> &S {
        self.stream.get_ref().0.get_ref().get_ref()
    }

    /// Takes the connection apart, to be handed over. It waits for nothing: what has not been sent yet is handed
    /// over as well.
    ///
    /// One thing rustls does not give out: the beginning of a ticket that the server has split into several records, all
    /// of which have not arrived. The next record then fails the connection, as [`TlsRecordError`] says. Servers send
    /// tickets right behind the handshake, and in one record.
    ///
    /// [`TlsRecordError`]: super::TlsRecordError
    ///
    /// # Errors
    /// When this connection cannot be handed over. Then it is lost, and must be made anew.
    pub fn into_state(self) -> Result<(S, TlsState), TakeoverError> {
        if self.is_closing {
            return Err(TakeoverError::Closing);
        }
        let (sniffed, mut session) = self.stream.into_inner();
        if session.is_handshaking() {
            return Err(TakeoverError::Handshaking);
        }
        let (stream, incoming) = sniffed.into_inner().into_parts();
        let incoming =
            incoming.ok_or_else(|| TakeoverError::Failed("not all it sent is TLS".to_owned()))?;
        let processed = session.process_new_packets();
        let processed = processed.map_err(|error| TakeoverError::Failed(error.to_string()))?;
        let received = take_received(&mut session, processed.plaintext_bytes_to_read())?;
        let bytes = InTransit { received, incoming, unsent: take_unsent(&mut session)? };
        let (cipher, is_tls13) = negotiated(&session)?;
        let extracted = session.dangerous_extract_secrets();
        let extracted = extracted.map_err(|error| TakeoverError::Failed(error.to_string()))?;
        let first = if is_tls13 { self.secrets.take().map(Some) } else { [None, None] };
        let directions = directions(cipher, &extracted, first)?;
        let is_closed = processed.peer_has_closed();
        Ok((stream, TlsState::new(cipher, directions, bytes, Handshakes::default(), is_closed)?))
    }
}

/// What rustls has decrypted and nobody has read.
fn take_received(session: &mut ClientConnection, len: usize) -> Result<Vec<u8>, TakeoverError> {
    let mut received = vec![0; len];
    let failed = |error: io::Error| TakeoverError::Failed(error.to_string());
    session.reader().read_exact(&mut received).map_err(failed)?;
    Ok(received)
}

/// What rustls has encrypted and not sent.
fn take_unsent(session: &mut ClientConnection) -> Result<Vec<u8>, TakeoverError> {
    let failed = |error: io::Error| TakeoverError::Failed(error.to_string());
    // rustls holds back the answer to a change of keys until the next write.
    session.writer().write(&[]).map_err(failed)?;
    let mut unsent = Vec::new();
    while session.wants_write() {
        session.write_tls(&mut unsent).map_err(failed)?;
    }
    Ok(unsent)
}

/// The cipher, and whether it is TLS 1.3.
fn negotiated(session: &ClientConnection) -> Result<(RecordCipher, bool), TakeoverError> {
    let suite = session.negotiated_cipher_suite().ok_or(TakeoverError::Handshaking)?.suite();
    let cipher = RecordCipher::of(suite);
    let cipher = cipher.ok_or_else(|| TakeoverError::UnknownCipher(format!("{suite:?}")))?;
    Ok((cipher, session.protocol_version() == Some(ProtocolVersion::TLSv1_3)))
}

/// Both directions, receiving first.
fn directions(
    cipher: RecordCipher,
    extracted: &ExtractedSecrets,
    [client, server]: [Option<Option<SecretBytes>>; 2],
) -> Result<[DirectionState; 2], TakeoverError> {
    let direction = |(sequence, given): &(u64, _), first: Option<Option<SecretBytes>>| {
        // TLS 1.3 has a first secret in any case, unless it was not logged.
        let first = first.map(|first| first.ok_or(TakeoverError::UnknownSecrets)).transpose()?;
        let secret = DirectionSecret::of(cipher, given, first)?;
        Ok(DirectionState { secret, sequence: *sequence })
    };
    Ok([direction(&extracted.rx, server)?, direction(&extracted.tx, client)?])
}

impl<S> fmt::Debug for KeptTls<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeptTls").field("is_closing", &self.is_closing).finish_non_exhaustive()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for KeptTls<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for KeptTls<S> {
    forward_writes!(stream);

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.is_closing = true;
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
