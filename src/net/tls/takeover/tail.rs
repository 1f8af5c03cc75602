//! A stream that remembers the record which has only partly arrived.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::record::{HEADER_LEN, MAX_LEN_FRAGMENT};
use crate::net::forward_writes::forward_writes;

/// A stream below rustls that remembers the beginning of the last record, until the rest of it has been read.
///
/// rustls keeps that beginning, too, but does not give it back when its secrets are taken. All records before have
/// been decrypted by then. Reads pass through unchanged, so the copy costs nothing but itself, and a connection
/// between two records has none.
#[derive(Debug)]
pub(in crate::net::tls) struct RecordTail<S> {
    inner: S,
    partial: Vec<u8>,
    /// The length of the partial record with its header, once the header has been read.
    awaited: usize,
    /// What was read is not TLS. rustls finds that, too, and ends the connection.
    is_lost: bool,
}

impl<S> RecordTail<S> {
    pub(in crate::net::tls) fn new(inner: S) -> Self {
        Self { inner, partial: Vec::new(), awaited: HEADER_LEN, is_lost: false }
    }

    pub(super) fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The stream, and the bytes of the record that has partly arrived. `None` if they are not known.
    pub(super) fn into_parts(self) -> (S, Option<Vec<u8>>) {
        (self.inner, (!self.is_lost).then_some(self.partial))
    }

    /// Notes that these bytes were read.
    fn follow(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() && !self.is_lost {
            let missing = self.awaited - self.partial.len();
            let (now, later) = bytes.split_at(missing.min(bytes.len()));
            if now.len() == missing && self.awaited > HEADER_LEN {
                // The record is complete.
                self.partial = Vec::new();
                self.awaited = HEADER_LEN;
            } else {
                self.partial.extend_from_slice(now);
                self.expect_body();
            }
            bytes = later;
        }
    }

    /// Once the header is complete, awaits the body.
    fn expect_body(&mut self) {
        if self.partial.len() != HEADER_LEN {
            return;
        }
        let len = usize::from(u16::from_be_bytes([self.partial[3], self.partial[4]]));
        if len > MAX_LEN_FRAGMENT {
            self.partial = Vec::new();
            self.is_lost = true;
        } else if len == 0 {
            self.partial = Vec::new();
        } else {
            self.awaited = HEADER_LEN + len;
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for RecordTail<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(context, buffer))?;
        self.follow(&buffer.filled()[before..]);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for RecordTail<S> {
    forward_writes!(inner);

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}
