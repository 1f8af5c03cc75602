//! Parses a line that a client has sent. Lines are bytes: whatever encoding a client uses,
//! its text is passed on as it came.

use std::borrow::Cow;

/// How many bytes of tags a client may send, `@` and the space included
/// (<https://ircv3.net/specs/extensions/message-tags#size-limit>).
pub(super) const MAX_CLIENT_TAGS: usize = 4096;

/// The most parameters a line has; the last one takes the rest (RFC 2812 section 2.3).
const MAX_PARAMS: usize = 15;

/// The parts of one line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line<'a> {
    tags: &'a [u8],
    /// In upper case.
    pub(super) command: String,
    /// The parameters; the last may hold spaces.
    pub(super) params: Vec<&'a [u8]>,
    /// The source, without its colon. Clients need not send one.
    pub(super) source: &'a [u8],
}

impl<'a> Line<'a> {
    /// Parses `line`, without CR and LF; `None` if there is no command in it.
    pub(super) fn split(line: &'a [u8]) -> Option<Self> {
        let (tags, rest) = prefixed(line, b'@');
        let (source, mut rest) = prefixed(rest, b':');
        let command = String::from_utf8_lossy(word(&mut rest)).to_ascii_uppercase();
        if command.is_empty() {
            return None;
        }
        let mut params = Vec::new();
        loop {
            rest = skip_spaces(rest);
            if let [b':', trailing @ ..] = rest {
                params.push(trailing);
                break;
            }
            if rest.is_empty() {
                break;
            }
            if params.len() + 1 == MAX_PARAMS {
                params.push(rest);
                break;
            }
            params.push(word(&mut rest));
        }
        Some(Self { tags, command, params, source })
    }

    /// The parameter at `index` as bytes; empty when there is none.
    pub(super) fn bytes(&self, index: usize) -> &'a [u8] {
        self.params.get(index).copied().unwrap_or_default()
    }

    /// The parameter at `index` as text; empty when there is none.
    pub(super) fn text(&self, index: usize) -> Cow<'a, str> {
        String::from_utf8_lossy(self.bytes(index))
    }

    /// The value of the tag `key`, as it stands on the wire.
    pub(super) fn tag(&self, key: &str) -> Option<&'a [u8]> {
        self.tags().find(|(name, _)| *name == key.as_bytes()).map(|(_, value)| value)
    }

    /// The tags that are relayed to others as they are: those beginning with `+`.
    pub(super) fn client_only_tags(&self) -> Vec<u8> {
        let kept: Vec<&[u8]> =
            self.tags.split(|&b| b == b';').filter(|tag| tag.starts_with(b"+")).collect();
        kept.join(&b';')
    }

    /// Names and values as they stand on the wire.
    pub(super) fn tags(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        self.tags.split(|&b| b == b';').filter(|tag| !tag.is_empty()).map(|tag| {
            match tag.iter().position(|&b| b == b'=') {
                Some(at) => (&tag[..at], &tag[at + 1..]),
                None => (tag, &tag[tag.len()..]),
            }
        })
    }
}

/// How many bytes of `line` are its tags, `@` and the space after them included.
pub(super) fn tags_len(line: &[u8]) -> usize {
    if line.first() != Some(&b'@') {
        return 0;
    }
    line.iter().position(|&b| b == b' ').map_or(line.len(), |at| at + 1)
}

fn prefixed(line: &[u8], mark: u8) -> (&[u8], &[u8]) {
    let line = skip_spaces(line);
    match line.strip_prefix(&[mark]) {
        Some(mut rest) => (word(&mut rest), rest),
        None => (&[], line),
    }
}

fn word<'a>(rest: &mut &'a [u8]) -> &'a [u8] {
    let text = skip_spaces(rest);
    let end = text.iter().position(|&b| b == b' ').unwrap_or(text.len());
    let (word, tail) = text.split_at(end);
    *rest = tail;
    word
}

fn skip_spaces(text: &[u8]) -> &[u8] {
    let start = text.iter().position(|&b| b != b' ').unwrap_or(text.len());
    &text[start..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, command: &str, params: &[&str]) {
        let line = Line::split(line.as_bytes()).expect("a command");
        assert_eq!(line.command, command);
        let texts: Vec<_> = (0..line.params.len()).map(|at| line.text(at)).collect();
        assert_eq!(texts, params);
    }

    #[test]
    fn a_line_has_words_and_a_trailing_text() {
        check("privmsg #tea :milk  no sugar ", "PRIVMSG", &["#tea", "milk  no sugar "]);
        check("JOIN   #tea  key", "JOIN", &["#tea", "key"]);
        check(":me!u@h PART #tea :", "PART", &["#tea", ""]);
        check("PRIVMSG #tea ::)", "PRIVMSG", &["#tea", ":)"]);
        check("@a=1;+b=2 :x TAGMSG #tea", "TAGMSG", &["#tea"]);
    }

    #[test]
    fn the_fifteenth_parameter_takes_the_rest() {
        let line = format!("X {}", "a ".repeat(15) + "b");
        let line = Line::split(line.as_bytes()).expect("a command");
        assert_eq!(line.params.len(), 15);
        assert_eq!(line.text(14), "a b");
    }

    #[test]
    fn nothing_is_no_command() {
        for line in ["", "   ", "@a=b", ":source", "@a :b "] {
            assert_eq!(Line::split(line.as_bytes()), None, "{line:?}");
        }
    }

    #[test]
    fn bytes_stay_as_they_are() {
        let line = Line::split(b"PRIVMSG #tea :caf\xe9").expect("a command");
        assert_eq!(line.bytes(1), b"caf\xe9");
    }

    #[test]
    fn tags_are_found_and_sorted() {
        let line = Line::split(b"@label=7;+draft/reply=m1;time=x;+y PRIVMSG a :b").expect("one");
        assert_eq!(line.tag("label"), Some(&b"7"[..]));
        assert_eq!(line.tag("+y"), Some(&b""[..]));
        assert_eq!(line.tag("z"), None);
        assert_eq!(line.client_only_tags(), b"+draft/reply=m1;+y");
        assert_eq!(tags_len(b"@a=b PING x"), 5);
        assert_eq!(tags_len(b"PING x"), 0);
    }
}
