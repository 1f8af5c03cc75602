//! Cuts what comes from a socket into lines, none longer than a line may be.

use super::line::{MAX_CLIENT_TAGS, tags_len};

/// Bytes in, lines out. What a line has too much is dropped as it comes.
#[derive(Debug)]
pub(super) struct Framing {
    linelen: usize,
    line: Vec<u8>,
    dropped: bool,
}

impl Framing {
    /// For lines of `linelen` bytes, CR LF included and tags not.
    pub(super) fn new(linelen: usize) -> Self {
        Self { linelen, line: Vec::new(), dropped: false }
    }

    /// Hands each line that `bytes` completes to `take`, without CR and LF, and whether something
    /// of it was dropped.
    pub(super) fn push(&mut self, mut bytes: &[u8], mut take: impl FnMut(&[u8], bool)) {
        while let Some(end) = bytes.iter().position(|&b| b == b'\n') {
            if self.line.is_empty() && !self.dropped {
                // Most lines come whole.
                let (line, fits) = self.fitting(&bytes[..end]);
                take(line, !fits);
            } else {
                self.add(&bytes[..end]);
                let line = std::mem::take(&mut self.line);
                let (fitting, fits) = self.fitting(&line);
                take(fitting, !fits || self.dropped);
                self.dropped = false;
            }
            bytes = &bytes[end + 1..];
        }
        self.add(bytes);
    }

    fn add(&mut self, bytes: &[u8]) {
        let room = MAX_CLIENT_TAGS + self.linelen - self.line.len();
        self.line.extend_from_slice(&bytes[..bytes.len().min(room)]);
        self.dropped |= bytes.len() > room;
    }

    /// The part of a line that may be that long, and whether it is all of it.
    fn fitting<'a>(&self, line: &'a [u8]) -> (&'a [u8], bool) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let tags = tags_len(line);
        let most = tags.min(MAX_CLIENT_TAGS) + self.linelen - 2;
        let fits = tags <= MAX_CLIENT_TAGS && line.len() <= most;
        (&line[..line.len().min(most)], fits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(chunks: &[&str], lines: &[(&str, bool)]) {
        let mut framing = Framing::new(12);
        let mut taken = Vec::new();
        for chunk in chunks {
            framing.push(chunk.as_bytes(), |line, overlong| {
                taken.push((String::from_utf8_lossy(line).into_owned(), overlong));
            });
        }
        let lines: Vec<_> = lines.iter().map(|(line, cut)| ((*line).to_owned(), *cut)).collect();
        assert_eq!(taken, lines);
    }

    #[test]
    fn lines_end_with_lf_however_they_come() {
        check(
            &["PING a\r\nPI", "NG b", "\r", "\nPING c\n"],
            &[("PING a", false), ("PING b", false), ("PING c", false)],
        );
        check(&["\r\n\n"], &[("", false), ("", false)]);
    }

    #[test]
    fn what_is_too_long_is_cut() {
        check(&["0123456789\r\n"], &[("0123456789", false)]);
        check(&["0123456789a\r\nb\r\n"], &[("0123456789", true), ("b", false)]);
        check(&["01234567", "89abc", "def\r\nb\r\n"], &[("0123456789", true), ("b", false)]);
    }

    #[test]
    fn tags_have_room_of_their_own() {
        check(&["@+a=bcdef 0123456789\n"], &[("@+a=bcdef 0123456789", false)]);
        let long = format!("@{} PING\r\nb\n", "t".repeat(MAX_CLIENT_TAGS));
        let mut framing = Framing::new(12);
        let mut cut = Vec::new();
        framing.push(long.as_bytes(), |_, overlong| cut.push(overlong));
        assert_eq!(cut, [true, false]);
    }

    #[test]
    fn endless_lines_take_bounded_room() {
        let mut framing = Framing::new(512);
        for _ in 0..1000 {
            framing.push(&[b'x'; 1000], |_, _| {});
        }
        assert!(framing.line.len() <= MAX_CLIENT_TAGS + 512);
        let mut lines = 0;
        framing.push(b"\nPING a\n", |_, _| lines += 1);
        assert_eq!(lines, 2);
    }
}
