/// The longest line that is taken from a server: 8191 bytes of tags
/// (<https://ircv3.net/specs/extensions/message-tags#size-limit>) and eight times the usual 512
/// bytes of body, for servers that announce a larger `LINELEN`.
pub const LINE_LIMIT: usize = 8191 + 8 * 512;

/// Finds the lines in a stream of bytes, whatever pieces it comes in.
///
/// LF ends a line, and one CR before it is part of its end. A lone CR ends nothing: no server ends
/// its lines so, but some pass on a CR that someone put into a message, and who took it for an end
/// would let that person speak as the server. Empty lines are left out (RFC 2812, 2.3.1).
///
/// Never holds more than the limit: a longer line is told once, as [`Framed::TooLong`], and skipped
/// to its end. What a lost connection leaves unfinished is no line; nobody knows what was cut off.
#[derive(Debug)]
pub struct Framer {
    limit: usize,
    /// The start of a line whose end has not come yet.
    held: Vec<u8>,
    /// `held` was handed out as a whole line and is to be forgotten.
    given: bool,
    /// The line was told as too long; the rest of it is to be skipped.
    skipping: bool,
}

/// What a [`Framer`] finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framed<'a> {
    /// A line, without its end; never empty.
    Line(&'a [u8]),
    /// A line longer than the limit; nothing of it is given.
    TooLong,
}

impl Framer {
    /// A framer of lines of at most `limit` bytes, not counting CRLF.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { limit, held: Vec::new(), given: false, skipping: false }
    }

    /// Takes bytes from the front of `input` up to the end of the next line. `None` means that all
    /// of `input` was taken and more is needed.
    pub fn next<'a, 'b: 'a>(&'a mut self, input: &mut &'b [u8]) -> Option<Framed<'a>> {
        loop {
            if std::mem::take(&mut self.given) {
                self.held.clear();
            }
            let Some(end) = input.iter().position(|&byte| byte == b'\n') else {
                return self.hold(std::mem::take(input));
            };
            let piece = &input[..end];
            *input = &input[end + 1..];
            let skipped = std::mem::take(&mut self.skipping);
            if skipped || (self.held.is_empty() && chomp(piece).is_empty()) {
                continue;
            }
            if self.held.is_empty() {
                return Some(framed(piece, self.limit));
            }
            self.given = true;
            if self.held.len() + piece.len() > self.limit + "\r".len() {
                return Some(Framed::TooLong);
            }
            self.held.extend_from_slice(piece);
            if !chomp(&self.held).is_empty() {
                return Some(framed(&self.held, self.limit));
            }
        }
    }

    /// Keeps the start of a line, unless it is too long already.
    fn hold(&mut self, piece: &[u8]) -> Option<Framed<'static>> {
        if self.skipping {
            return None;
        }
        // One more than the limit may be the CR of the line's end.
        if self.held.len() + piece.len() > self.limit + "\r".len() {
            self.held.clear();
            self.skipping = true;
            return Some(Framed::TooLong);
        }
        self.held.extend_from_slice(piece);
        None
    }
}

fn framed(piece: &[u8], limit: usize) -> Framed<'_> {
    let line = chomp(piece);
    if line.len() > limit { Framed::TooLong } else { Framed::Line(line) }
}

fn chomp(piece: &[u8]) -> &[u8] {
    piece.strip_suffix(b"\r").unwrap_or(piece)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Frames `chunks` with a limit of 8; a line too long is `None`.
    fn frame<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Vec<Option<Vec<u8>>> {
        let mut framer = Framer::new(8);
        let mut lines = Vec::new();
        for mut chunk in chunks {
            while let Some(framed) = framer.next(&mut chunk) {
                lines.push(match framed {
                    Framed::Line(line) => Some(line.to_vec()),
                    Framed::TooLong => None,
                });
            }
            assert!(chunk.is_empty());
            assert!(framer.held.capacity() <= 32, "{}", framer.held.capacity());
        }
        lines
    }

    #[track_caller]
    fn check(chunks: &[&str], lines: &[Option<&str>]) {
        let expected: Vec<_> =
            lines.iter().map(|line| line.map(|l| l.as_bytes().to_vec())).collect();
        assert_eq!(frame(chunks.iter().map(|chunk| chunk.as_bytes())), expected);
    }

    #[test]
    fn lf_and_crlf_end_a_line_and_a_lone_cr_does_not() {
        check(&["one\r\ntwo\nthr\ree\r\n"], &[Some("one"), Some("two"), Some("thr\ree")]);
        check(&["a\r\r\n"], &[Some("a\r")]);
    }

    #[test]
    fn a_line_may_come_in_pieces() {
        check(&["o", "n", "e\r", "\ntw", "o\r\n"], &[Some("one"), Some("two")]);
    }

    #[test]
    fn empty_lines_are_left_out() {
        check(&["\r\n\n\r", "\n", "\n", "x\n"], &[Some("x")]);
    }

    #[test]
    fn a_line_as_long_as_the_limit_is_whole() {
        check(&["12345678\r\n12345678\n"], &[Some("12345678"), Some("12345678")]);
        check(&["1234", "5678", "\r", "\n"], &[Some("12345678")]);
    }

    #[test]
    fn a_longer_line_is_told_once_and_skipped() {
        check(&["123456789\r\nok\r\n"], &[None, Some("ok")]);
        check(&["123456789", "01234567890", "1234\nok\n"], &[None, Some("ok")]);
        check(&["12345678", "9", "\nok\n"], &[None, Some("ok")]);
        check(&["12345678", "\r", "9\nok\n"], &[None, Some("ok")]);
    }

    #[test]
    fn an_unfinished_line_is_none() {
        check(&["one\r\ntw"], &[Some("one")]);
    }

    proptest! {
        #[test]
        fn it_does_not_matter_where_the_pieces_end(
            bytes in prop::collection::vec(
                prop_oneof![Just(b'\r'), Just(b'\n'), Just(b'a'), any::<u8>()], 0..80),
            cuts in prop::collection::vec(0..80_usize, 0..20),
        ) {
            let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let pieces = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]);
            prop_assert_eq!(frame(pieces), frame([bytes.as_slice()]));
        }
    }
}
