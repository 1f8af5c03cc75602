use std::io;

use bytes::{Buf, BytesMut};
use encoding_rs::Encoding;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::codec::{Decoder, Encoder, Framed};

use crate::protocol::irc::{Heard, Line, decode};

/// The longest line that makes sense: 8191 bytes of tags
/// (<https://ircv3.net/specs/extensions/message-tags#size-limit>) and a body of any LINELEN
/// that servers are known to offer.
const LONGEST: usize = 8_191 + 16_384;

/// Lines of IRC over `stream`. Bytes that are not UTF-8 are read as `fallback`.
pub fn lines<S: AsyncRead + AsyncWrite>(
    stream: S,
    fallback: &'static Encoding,
) -> Framed<S, Lines> {
    Framed::new(stream, Lines { fallback, searched: 0, skipping: false })
}

/// Cuts bytes into lines, and puts lines into bytes. Its memory is bounded.
#[derive(Debug)]
pub struct Lines {
    fallback: &'static Encoding,
    /// How far the bytes at hand hold no line end.
    searched: usize,
    /// A line that is too long is left out up to its end.
    skipping: bool,
}

impl Decoder for Lines {
    type Item = Heard;
    type Error = io::Error;

    fn decode(&mut self, bytes: &mut BytesMut) -> io::Result<Option<Heard>> {
        loop {
            let end = bytes[self.searched..].iter().position(|byte| *byte == b'\n');
            let Some(end) = end.map(|end| self.searched + end) else {
                return Ok(self.wait(bytes));
            };
            let line = bytes.split_to(end);
            bytes.advance(1);
            self.searched = 0;
            if std::mem::take(&mut self.skipping) {
                continue;
            }
            if line.len() > LONGEST {
                return Ok(Some(Heard::TooLong));
            }
            let line = line.strip_suffix(b"\r").unwrap_or(&line);
            if !line.is_empty() {
                let (text, guessed) = decode(line, self.fallback);
                if guessed {
                    tracing::debug!(charset = self.fallback.name(), "a line that is not UTF-8");
                }
                return Ok(Some(Heard::Line(text)));
            }
        }
    }
}

impl Lines {
    /// The line has no end yet.
    fn wait(&mut self, bytes: &mut BytesMut) -> Option<Heard> {
        self.searched = bytes.len();
        if bytes.len() <= LONGEST {
            return None;
        }
        bytes.clear();
        self.searched = 0;
        (!std::mem::replace(&mut self.skipping, true)).then_some(Heard::TooLong)
    }
}

impl Encoder<Line> for Lines {
    type Error = io::Error;

    fn encode(&mut self, line: Line, bytes: &mut BytesMut) -> io::Result<()> {
        bytes.extend_from_slice(line.as_str().as_bytes());
        bytes.extend_from_slice(b"\r\n");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What is read from these bytes when they come in these pieces.
    fn read(pieces: &[&[u8]]) -> Vec<Heard> {
        let mut lines = Lines { fallback: encoding_rs::WINDOWS_1252, searched: 0, skipping: false };
        let mut bytes = BytesMut::new();
        let mut heard = Vec::new();
        for piece in pieces {
            bytes.extend_from_slice(piece);
            while let Some(item) = lines.decode(&mut bytes).expect("never fails") {
                heard.push(item);
            }
            assert!(bytes.len() <= LONGEST, "memory is bounded");
        }
        heard
    }

    fn line(text: &str) -> Heard {
        Heard::Line(text.to_owned())
    }

    #[test]
    fn lines_end_in_lf_or_crlf() {
        assert_eq!(read(&[b"a\r\nb\n\r\n\nc\r", b"\nd"]), [line("a"), line("b"), line("c")]);
    }

    #[test]
    fn what_is_not_utf8_is_read_as_the_fallback() {
        assert_eq!(read(&[b"caf\xe9\n", "café\n".as_bytes()]), [line("café"), line("café")]);
    }

    #[test]
    fn a_line_without_end_is_left_out_and_the_next_is_read() {
        let long = vec![b'x'; LONGEST];
        assert_eq!(
            read(&[&long, &long, b"x\nnext\n", &long, b"xx\nlast\n"]),
            [Heard::TooLong, line("next"), Heard::TooLong, line("last")]
        );
    }

    proptest! {
        #[test]
        fn where_the_pieces_end_makes_no_difference(
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
