//! Cuts a log into lines of bounded length.

use std::borrow::Cow;
use std::io;
use std::io::{BufRead, Read};

use encoding_rs::{Encoding, WINDOWS_1252};

use super::decode::decode_line;

/// How much of a line is kept, in bytes. A message of IRC has at most 8 KiB, with its tags.
pub const MAX_LINE: usize = 64 << 10;

/// The lines of a log, decoded, without their line breaks.
///
/// Memory is bounded, whatever the log holds: what a line has beyond [`MAX_LINE`] is passed over, and the line is
/// counted. NUL bytes, with which a file system fills what a crash destroyed, are left out; a carriage return within a
/// line becomes a space.
pub struct Lines<R> {
    reader: R,
    charset: &'static Encoding,
    /// The bytes of the line, kept to be used again.
    line: Vec<u8>,
    number: u64,
    bytes: u64,
    cut: u64,
    recoded: u64,
}

impl<R: BufRead> Lines<R> {
    /// The lines of what `reader` reads; `charset` is for those that are not UTF-8, Windows-1252 if none is named.
    pub fn new(reader: R, charset: Option<&'static Encoding>) -> Self {
        let charset = charset.unwrap_or(WINDOWS_1252);
        Self { reader, charset, line: Vec::new(), number: 0, bytes: 0, cut: 0, recoded: 0 }
    }

    /// The next line and its number, from 1; none at the end.
    ///
    /// # Errors
    ///
    /// The log cannot be read further.
    pub fn next_line(&mut self) -> io::Result<Option<(u64, Cow<'_, str>)>> {
        if !self.fill()? {
            return Ok(None);
        }
        self.number += 1;
        let text = decode_line(&self.line, self.charset);
        if matches!(text, Cow::Owned(_)) {
            self.recoded += 1;
        }
        Ok(Some((self.number, text)))
    }

    /// How many bytes were read so far.
    pub fn bytes_read(&self) -> u64 {
        self.bytes
    }

    /// How many lines were longer than [`MAX_LINE`], and are cut.
    pub fn cut_lines(&self) -> u64 {
        self.cut
    }

    /// How many lines were not UTF-8, and were decoded by the named charset.
    pub fn recoded_lines(&self) -> u64 {
        self.recoded
    }

    /// Reads a line into the buffer. Returns whether there was one.
    fn fill(&mut self) -> io::Result<bool> {
        self.line.clear();
        // One byte more than is kept tells whether there is more.
        let limit = MAX_LINE as u64 + 1;
        let read = self.reader.by_ref().take(limit).read_until(b'\n', &mut self.line)?;
        self.bytes += read as u64;
        if self.line.last() == Some(&b'\n') {
            self.line.pop();
        } else if self.line.len() > MAX_LINE {
            self.bytes += self.reader.skip_until(b'\n')? as u64;
            self.line.truncate(MAX_LINE);
            self.cut += 1;
            drop_torn_character(&mut self.line);
        }
        clean(&mut self.line);
        Ok(read > 0)
    }
}

/// Takes a UTF-8 character from the end that was cut in the middle.
fn drop_torn_character(line: &mut Vec<u8>) {
    let from = line.len().saturating_sub(3);
    let lead = line[from..].iter().rposition(|byte| *byte >= 0xc0);
    if let Some(at) = lead
        && std::str::from_utf8(&line[from + at..]).is_err()
        && line[from + at + 1..].iter().all(|byte| byte & 0xc0 == 0x80)
    {
        line.truncate(from + at);
    }
}

/// Removes what a line of text does not hold.
fn clean(line: &mut Vec<u8>) {
    while line.last() == Some(&b'\r') {
        line.pop();
    }
    if line.iter().any(|byte| matches!(byte, 0 | b'\r')) {
        line.retain(|byte| *byte != 0);
        for byte in line.iter_mut().filter(|byte| **byte == b'\r') {
            *byte = b' ';
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::io::{BufReader, Cursor};

    use super::*;

    fn lines(bytes: &[u8]) -> Vec<String> {
        // A small buffer, so that lines lie across its ends.
        let mut lines = Lines::new(BufReader::with_capacity(3, Cursor::new(bytes)), None);
        let mut found = Vec::new();
        while let Some((number, line)) = lines.next_line().unwrap() {
            found.push(line.into_owned());
            assert_eq!(number, found.len() as u64);
        }
        assert_eq!(lines.bytes_read(), bytes.len() as u64);
        found
    }

    #[test]
    fn a_log_is_cut_into_lines() {
        for (bytes, expected) in [
            (&b""[..], &[][..]),
            (b"\n", &[""]),
            (b"one\ntwo", &["one", "two"]),
            (b"one\r\n\r\ntwo\r\n", &["one", "", "two"]),
            (b"one\rtwo\nthree\r\r\n", &["one two", "three"]),
            (b"\0\0\0one\n\0\0two\0\n", &["one", "two"]),
            (b"caf\xe9\ncaf\xc3\xa9\n", &["café", "café"]),
        ] {
            assert_eq!(lines(bytes), expected, "{bytes:?}");
        }
    }

    /// Says the same byte for so long.
    fn a_line_of(byte: u8, length: u64) -> impl Read {
        io::repeat(byte).take(length)
    }

    #[test]
    fn a_line_that_does_not_end_takes_no_memory() {
        let log = a_line_of(b'x', 1 << 28).chain(&b"\nnext\n"[..]);
        let mut lines = Lines::new(BufReader::with_capacity(1 << 20, log), None);
        let (_, line) = lines.next_line().unwrap().unwrap();
        assert_eq!(line.len(), MAX_LINE);
        assert_eq!(lines.next_line().unwrap().unwrap(), (2, Cow::Borrowed("next")));
        assert_eq!((lines.cut_lines(), lines.bytes_read()), (1, (1 << 28) + 6));
        assert!(lines.line.capacity() <= 2 * MAX_LINE, "{}", lines.line.capacity());
    }

    #[test]
    fn a_line_is_cut_between_characters() {
        let mut text = "x".repeat(MAX_LINE - 2);
        text.push_str("🫖🫖");
        let mut lines = Lines::new(text.as_bytes(), None);
        let (_, line) = lines.next_line().unwrap().unwrap();
        assert_eq!(line, "x".repeat(MAX_LINE - 2));
    }

    #[test]
    fn lines_in_another_charset_are_counted() {
        let mut lines = Lines::new(&b"caf\xe9\ntea\n"[..], None);
        while lines.next_line().unwrap().is_some() {}
        assert_eq!(lines.recoded_lines(), 1);
    }

    #[test]
    fn an_error_is_told() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("the disk is gone"))
            }
        }
        let mut lines = Lines::new(BufReader::new(b"one\n".chain(Broken)), None);
        assert_eq!(lines.next_line().unwrap().unwrap().1, "one");
        assert_eq!(lines.next_line().unwrap_err().to_string(), "the disk is gone");
    }
}
