//! A TLS connection that goes on in the process which took it over.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use rustls::AlertDescription;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::error::{TakeoverError, TlsRecordError};
use super::keys::{DirectionKeys, RecordCipher};
use super::record::{MAX_LEN_CONTENT, RecordEvent, RecordReader, RecordType, RecordWriter};
use super::state::{DirectionState, InTransit, StateParts, TlsState};

/// How many bytes are read from the socket at once.
const READ_LEN: usize = 8 * 1_024;

/// How many encrypted bytes may wait to be sent while more is taken. So many short lines leave together.
const MAX_WAITING: usize = 16 * 1_024;

/// A warning, and a fatal alert (RFC 5246, section 7.2).
const WARNING: u8 = 1;
const FATAL: u8 = 2;

/// A TLS connection that was made in another process. It can be handed over again.
///
/// ```text
///   open ──close_notify of the server──▶ reads end
///     │ ╲──shutdown──▶ close_notify sent, writes fail
///     └──error──▶ failed: alert sent, everything fails
/// ```
pub struct TakenOverTls<S = TcpStream> {
    stream: S,
    cipher: RecordCipher,
    reader: RecordReader,
    writer: RecordWriter,
    /// Decrypted, and not read yet.
    received: BytesMut,
    /// Encrypted, and not sent yet.
    unsent: BytesMut,
    /// Whether `unsent` has the answer to a change of keys. One answers all that came meanwhile.
    has_answered_key_change: bool,
    /// The server sends no more.
    is_closed: bool,
    /// Whether we have said that we send no more.
    is_closing: bool,
    failure: Option<TlsRecordError>,
}

impl TlsState {
    /// Goes on with the connection on its socket.
    ///
    /// # Errors
    /// When the state does not fit together, or is of a format that this version does not know.
    pub fn resume<S>(self, stream: S) -> Result<TakenOverTls<S>, TakeoverError> {
        let StateParts { cipher, receiving, sending, bytes, handshakes, is_closed } =
            self.into_parts()?;
        Ok(TakenOverTls {
            stream,
            cipher,
            reader: RecordReader::new(receiving, &bytes.incoming, handshakes),
            writer: RecordWriter::new(sending),
            received: BytesMut::from(bytes.received.as_slice()),
            unsent: BytesMut::from(bytes.unsent.as_slice()),
            has_answered_key_change: false,
            is_closed,
            is_closing: false,
            failure: None,
        })
    }
}

impl<S> TakenOverTls<S> {
    /// The stream below, usually its socket.
    #[must_use]
    pub fn get_ref(&self) -> &S {
        &self.stream
    }

    /// Takes the connection apart, to be handed over once more.
    ///
    /// # Errors
    /// When it is closing or has failed. Then it must be made anew.
    pub fn into_state(self) -> Result<(S, TlsState), TakeoverError> {
        if let Some(failure) = self.failure {
            return Err(TakeoverError::Failed(failure.to_string()));
        }
        if self.is_closing {
            return Err(TakeoverError::Closing);
        }
        let (receiving, incoming, handshakes) = self.reader.into_parts();
        let direction = |keys: DirectionKeys| {
            let (secret, sequence) = keys.into_secret();
            DirectionState { secret, sequence }
        };
        let directions = [direction(receiving), direction(self.writer.into_keys())];
        let bytes = InTransit {
            received: self.received.to_vec(),
            incoming: incoming.to_vec(),
            unsent: self.unsent.to_vec(),
        };
        let state = TlsState::new(self.cipher, directions, bytes, handshakes, self.is_closed)?;
        Ok((self.stream, state))
    }

    fn on_event(&mut self, event: RecordEvent) -> Result<(), TlsRecordError> {
        match event {
            RecordEvent::Data(data) => self.received = data,
            RecordEvent::Closed => self.is_closed = true,
            // The answer leaves with the next write (RFC 8446, section 4.6.3).
            RecordEvent::KeyChangeRequested if self.has_answered_key_change || self.is_closing => {}
            RecordEvent::KeyChangeRequested => {
                self.writer.change_keys(&mut self.unsent)?;
                self.has_answered_key_change = true;
            }
            RecordEvent::RenegotiationRequested => {
                self.put_alert(WARNING, AlertDescription::NoRenegotiation)?;
            }
        }
        Ok(())
    }

    fn put_alert(&mut self, level: u8, alert: AlertDescription) -> Result<(), TlsRecordError> {
        if self.is_closing {
            return Ok(());
        }
        self.writer.write_record(RecordType::Alert, &[level, alert.into()], &mut self.unsent)
    }

    /// Gives out what was received.
    fn take_received(&mut self, buffer: &mut ReadBuf<'_>) {
        let len = self.received.len().min(buffer.remaining());
        buffer.put_slice(&self.received[..len]);
        self.received.advance(len);
        if self.received.is_empty() {
            self.received = BytesMut::new();
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> TakenOverTls<S> {
    /// Sends what is encrypted.
    fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.unsent.is_empty() {
            let sent = ready!(Pin::new(&mut self.stream).poll_write(context, &self.unsent))?;
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.unsent.advance(sent);
        }
        self.unsent = BytesMut::new();
        self.has_answered_key_change = false;
        Poll::Ready(Ok(()))
    }

    /// Ends the connection: tells the server why, as far as it still reads.
    fn fail(&mut self, failure: TlsRecordError, context: &mut Context<'_>) -> io::Error {
        if let Some(alert) = failure.alert() {
            let level = if alert == AlertDescription::CloseNotify { WARNING } else { FATAL };
            if self.put_alert(level, alert).is_ok() {
                // The failure matters more than whether the server hears of it.
                let _ = self.poll_send(context);
            }
        }
        self.failure = Some(failure.clone());
        failure.into()
    }

    /// Reads from the socket what is there, up to [`READ_LEN`].
    fn poll_fill(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut bytes = [0; READ_LEN];
        let mut buffer = ReadBuf::new(&mut bytes);
        ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer))?;
        if buffer.filled().is_empty() {
            // Whoever cuts the connection could hide what came after it.
            return Poll::Ready(Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the server closed the connection without the TLS close_notify",
            )));
        }
        self.reader.feed(buffer.filled());
        Poll::Ready(Ok(()))
    }

    fn check_open(&self) -> io::Result<()> {
        match &self.failure {
            Some(failure) => Err(failure.clone().into()),
            None if self.is_closing => Err(io::ErrorKind::BrokenPipe.into()),
            None => Ok(()),
        }
    }
}

impl<S> fmt::Debug for TakenOverTls<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TakenOverTls")
            .field("cipher", &self.cipher)
            .field("is_closed", &self.is_closed)
            .field("is_closing", &self.is_closing)
            .field("failure", &self.failure)
            .finish_non_exhaustive()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for TakenOverTls<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if buffer.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        loop {
            if !self.received.is_empty() {
                self.take_received(buffer);
                return Poll::Ready(Ok(()));
            }
            if let Some(failure) = &self.failure {
                return Poll::Ready(Err(failure.clone().into()));
            }
            if self.is_closed {
                return Poll::Ready(Ok(()));
            }
            let read = self.reader.read();
            match read.and_then(|event| event.map(|event| self.on_event(event)).transpose()) {
                Ok(Some(())) => {}
                Ok(None) => ready!(self.poll_fill(context))?,
                Err(failure) => return Poll::Ready(Err(self.fail(failure, context))),
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for TakenOverTls<S> {
    /// Takes at most one record at a time, and none while more than 16 KiB wait to be sent.
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check_open()?;
        match self.poll_send(context) {
            Poll::Ready(sent) => sent?,
            Poll::Pending if self.unsent.len() >= MAX_WAITING => return Poll::Pending,
            Poll::Pending => {}
        }
        let taken = bytes.len().min(MAX_LEN_CONTENT);
        let Self { writer, unsent, .. } = &mut *self;
        if let Err(failure) = writer.write_data(&bytes[..taken], unsent) {
            return Poll::Ready(Err(self.fail(failure, context)));
        }
        // What is not sent now leaves with the next write or flush.
        match self.poll_send(context) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            _ => Poll::Ready(Ok(taken)),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_send(context))?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.is_closing && self.failure.is_none() {
            self.put_alert(WARNING, AlertDescription::CloseNotify)?;
        }
        self.is_closing = true;
        ready!(self.poll_send(context))?;
        match ready!(Pin::new(&mut self.stream).poll_shutdown(context)) {
            // Whoever is gone needs no end.
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Poll::Ready(Ok(())),
            ended => Poll::Ready(ended),
        }
    }
}
