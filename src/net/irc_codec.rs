//! Splits an IRC byte stream into lines, and encodes lines.

use std::fmt;
use std::io;

use bytes::{Buf, BytesMut};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::codec::{Decoder, Encoder, Framed, FramedParts};

use crate::protocol::irc::{Charsets, Line, ReceivedLine};

/// The longest valid line: 8191 bytes of tags
/// (<https://ircv3.net/specs/extensions/message-tags#size-limit>) and a body of any LINELEN that servers are
/// known to offer.
const MAX_LEN_LINE: usize = 8_191 + 16_384;

/// Frames `stream` as IRC lines, with these charsets.
pub fn framed_lines<S: AsyncRead + AsyncWrite>(
    stream: S,
    charsets: Charsets,
) -> Framed<S, IrcCodec> {
    Framed::new(stream, IrcCodec { charsets, searched: 0, skipping_line: false })
}

/// What was received and not handled yet, and what is still to be sent, on a connection that another process takes
/// over.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingBytes {
    /// The beginning of the next line, or more.
    received: Vec<u8>,
    /// Whether that belongs to a line that is too long, and is skipped.
    is_skipping: bool,
    /// The rest of lines that were begun.
    unsent: Vec<u8>,
}

/// Without the bytes, which may contain passwords.
impl fmt::Debug for PendingBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { received, is_skipping, unsent } = self;
        let mut shown = f.debug_struct("PendingBytes");
        shown.field("received", &received.len()).field("is_skipping", is_skipping);
        shown.field("unsent", &unsent.len()).finish()
    }
}

/// Takes the stream back, with what was not handled yet.
pub fn release_lines<S>(lines: Framed<S, IrcCodec>) -> (S, PendingBytes) {
    let parts = lines.into_parts();
    let pending = PendingBytes {
        received: parts.read_buf.to_vec(),
        is_skipping: parts.codec.skipping_line,
        unsent: parts.write_buf.to_vec(),
    };
    (parts.io, pending)
}

/// Frames a stream that another process has read and written up to there.
pub fn resume_lines<S: AsyncRead + AsyncWrite>(
    stream: S,
    charsets: Charsets,
    pending: &PendingBytes,
) -> Framed<S, IrcCodec> {
    let codec = IrcCodec { charsets, searched: 0, skipping_line: pending.is_skipping };
    let mut parts = FramedParts::new::<Line>(stream, codec);
    parts.read_buf.extend_from_slice(&pending.received);
    parts.write_buf.extend_from_slice(&pending.unsent);
    Framed::from_parts(parts)
}

/// Why reading or writing failed, worded for the log.
#[derive(Debug, Error)]
pub enum IrcCodecError {
    /// The stream ended without TLS close_notify, as many servers do.
    #[error("the server closed the connection")]
    Closed,
    /// The connection timed out in the kernel.
    #[error("connection timed out")]
    TimedOut,
    /// Any other error of the system.
    #[error("{0}")]
    Io(io::Error),
}

impl From<io::Error> for IrcCodecError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe => Self::Closed,
            io::ErrorKind::TimedOut | io::ErrorKind::HostUnreachable => Self::TimedOut,
            _ => Self::Io(error),
        }
    }
}

/// Decodes and encodes IRC lines in bounded memory.
#[derive(Debug)]
pub struct IrcCodec {
    charsets: Charsets,
    /// Bytes already searched for a line end.
    searched: usize,
    /// Whether the rest of an overlong line is being skipped.
    skipping_line: bool,
}

impl Decoder for IrcCodec {
    type Item = ReceivedLine;
    type Error = IrcCodecError;

    fn decode(&mut self, bytes: &mut BytesMut) -> Result<Option<ReceivedLine>, IrcCodecError> {
        loop {
            let end = bytes[self.searched..].iter().position(|byte| *byte == b'\n');
            let Some(end) = end.map(|end| self.searched + end) else {
                return Ok(self.need_more(bytes));
            };
            let line = bytes.split_to(end);
            bytes.advance(1);
            self.searched = 0;
            if std::mem::take(&mut self.skipping_line) {
                continue;
            }
            if line.len() > MAX_LEN_LINE {
                return Ok(Some(ReceivedLine::TooLong));
            }
            let line = line.strip_suffix(b"\r").unwrap_or(&line);
            if !line.is_empty() {
                let (text, charset) = self.charsets.decode(line);
                let Some(charset) = charset else { return Ok(Some(ReceivedLine::Utf8(text))) };
                tracing::debug!(
                    charset = charset.name(),
                    "line is not UTF-8; decoded with the fallback charset"
                );
                return Ok(Some(ReceivedLine::FallbackCharset(text)));
            }
        }
    }

    /// Drops a last line without a line end: it may be truncated.
    fn decode_eof(&mut self, bytes: &mut BytesMut) -> Result<Option<ReceivedLine>, IrcCodecError> {
        let line = self.decode(bytes)?;
        if line.is_none() {
            bytes.clear();
            self.searched = 0;
        }
        Ok(line)
    }
}

impl IrcCodec {
    /// Handles a line that is not yet complete.
    fn need_more(&mut self, bytes: &mut BytesMut) -> Option<ReceivedLine> {
        self.searched = bytes.len();
        if bytes.len() <= MAX_LEN_LINE {
            return None;
        }
        bytes.clear();
        self.searched = 0;
        (!std::mem::replace(&mut self.skipping_line, true)).then_some(ReceivedLine::TooLong)
    }
}

impl Encoder<Line> for IrcCodec {
    type Error = IrcCodecError;

    fn encode(&mut self, line: Line, bytes: &mut BytesMut) -> Result<(), IrcCodecError> {
        bytes.extend_from_slice(&self.charsets.write(line.as_str()));
        bytes.extend_from_slice(b"\r\n");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use futures_util::{SinkExt, StreamExt};
    use proptest::prelude::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::protocol::irc::Charset;

    /// Decodes bytes that arrive in these pieces.
    fn read(pieces: &[&[u8]]) -> Vec<ReceivedLine> {
        let charsets = Charsets::new(Charset::Fallback(encoding_rs::WINDOWS_1252), []);
        let mut lines = IrcCodec { charsets, searched: 0, skipping_line: false };
        let mut bytes = BytesMut::new();
        let mut heard = Vec::new();
        for piece in pieces {
            bytes.extend_from_slice(piece);
            while let Some(item) = lines.decode(&mut bytes).expect("never fails") {
                heard.push(item);
            }
            assert!(bytes.len() <= MAX_LEN_LINE, "memory is bounded");
        }
        heard
    }

    fn line(text: &str) -> ReceivedLine {
        ReceivedLine::Utf8(text.to_owned())
    }

    #[test]
    fn lines_end_in_lf_or_crlf_only() {
        assert_eq!(read(&[b"a\r\nb\n\r\n\nc\r", b"\nd"]), [line("a"), line("b"), line("c")]);
    }

    #[test]
    fn invalid_utf8_is_decoded_with_the_fallback() {
        assert_eq!(
            read(&[b"caf\xe9\n", "café\n".as_bytes()]),
            [ReceivedLine::FallbackCharset("café".to_owned()), line("café")]
        );
    }

    #[test]
    fn overlong_line_is_skipped() {
        let long = vec![b'x'; MAX_LEN_LINE];
        assert_eq!(
            read(&[&long, &long, b"x\nnext\n", &long, b"xx\nlast\n"]),
            [ReceivedLine::TooLong, line("next"), ReceivedLine::TooLong, line("last")]
        );
    }

    #[tokio::test]
    async fn lines_fed_together_are_one_write() {
        let (ours, mut theirs) = tokio::io::duplex(1 << 16);
        let mut transport =
            framed_lines(ours, Charsets::new(Charset::Fallback(encoding_rs::WINDOWS_1252), []));
        for text in ["one", "two", "three"] {
            transport.feed(Line::new("PING", &[text]).unwrap()).await.unwrap();
        }
        transport.flush().await.unwrap();
        let mut bytes = [0; 100];
        let count = theirs.read(&mut bytes).await.unwrap();
        assert_eq!(&bytes[..count], b"PING one\r\nPING two\r\nPING three\r\n");
    }

    #[tokio::test]
    async fn both_ways_go_in_the_charset_of_the_network() {
        let (ours, mut theirs) = tokio::io::duplex(1 << 16);
        let mut transport =
            framed_lines(ours, Charsets::new(Charset::Both(encoding_rs::ISO_2022_JP), []));
        transport.send(Line::new("PRIVMSG", &["#tea", "お茶 tea"]).unwrap()).await.unwrap();
        let mut bytes = [0; 100];
        let count = theirs.read(&mut bytes).await.unwrap();
        assert_eq!(&bytes[..count], b"PRIVMSG #tea :\x1b$B$*Cc\x1b(B tea\r\n");
        theirs.write_all(&bytes[..count]).await.unwrap();
        let heard = ReceivedLine::FallbackCharset("PRIVMSG #tea :お茶 tea".to_owned());
        assert_eq!(transport.next().await.unwrap().unwrap(), heard);
    }

    #[tokio::test]
    async fn incomplete_last_line_is_dropped() {
        let (ours, mut theirs) = tokio::io::duplex(1 << 16);
        let mut transport =
            framed_lines(ours, Charsets::new(Charset::Fallback(encoding_rs::WINDOWS_1252), []));
        theirs.write_all(b"PING one\r\nPRIVMSG #tea :yes I do n").await.unwrap();
        drop(theirs);
        assert_eq!(transport.next().await.unwrap().unwrap(), line("PING one"));
        assert!(transport.next().await.is_none());
    }

    #[test]
    fn broken_connection_has_a_readable_error() {
        for (kind, words) in [
            (io::ErrorKind::UnexpectedEof, "the server closed the connection"),
            (io::ErrorKind::ConnectionReset, "the server closed the connection"),
            (io::ErrorKind::BrokenPipe, "the server closed the connection"),
            (io::ErrorKind::TimedOut, "connection timed out"),
            (io::ErrorKind::OutOfMemory, "out of memory"),
        ] {
            assert_eq!(IrcCodecError::from(io::Error::from(kind)).to_string(), words);
        }
    }

    proptest! {
        #[test]
        fn chunk_boundaries_do_not_matter(
            bytes in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), any::<u8>()], 0..200),
            cuts in proptest::collection::vec(0_usize..200, 0..8),
        ) {
            let whole = read(&[&bytes]);
            let mut cuts: Vec<usize> = cuts.into_iter().filter(|cut| *cut < bytes.len()).collect();
            cuts.sort_unstable();
            let mut pieces = Vec::new();
            let mut from = 0;
            for cut in cuts.into_iter().chain([bytes.len()]) {
                pieces.push(&bytes[from..cut]);
                from = cut;
            }
            prop_assert_eq!(read(&pieces), whole);
        }
    }
}
