use std::collections::HashMap;

use encoding_rs::{Encoding, UTF_8};

use super::{Parts, decode};
use crate::domain::Casemapping;

/// How to read lines that are not UTF-8: as their network writes, or their channel.
///
/// What cannot be known is not guessed from the words: one charset a place, or the wrong one is taken
/// for the next line. But what is UTF-8 except for one character is UTF-8 that a server has cut; and
/// where a server takes nothing else (<https://ircv3.net/specs/extensions/utf8-only>), so is all of it.
#[derive(Debug, Clone)]
pub struct Charsets {
    network: &'static Encoding,
    /// By name, as it is folded before a server says how.
    channels: HashMap<String, &'static Encoding>,
    /// The server has said that nothing else is spoken there.
    utf8_only: bool,
}

impl Charsets {
    /// That of the network, and those of the channels that have one of their own.
    pub fn new<'a>(
        network: &'static Encoding,
        channels: impl IntoIterator<Item = (&'a str, &'static Encoding)>,
    ) -> Self {
        let channels = channels.into_iter();
        let channels = channels.map(|(name, charset)| (fold(name), charset)).collect();
        Self { network, channels, utf8_only: false }
    }

    /// Reads the bytes of one line, the next of its connection, and says in which charset, where it is
    /// not UTF-8 throughout.
    #[must_use]
    pub fn read(&mut self, bytes: &[u8]) -> (String, Option<&'static Encoding>) {
        if let (text, false) = decode(bytes, self.network) {
            self.learn(&text);
            return (text, None);
        }
        let charset = if self.utf8_only || is_cut(bytes) { UTF_8 } else { self.of(bytes) };
        (decode(bytes, charset).0, Some(charset))
    }

    /// Takes note of what the server says of itself, if that is what the line is.
    fn learn(&mut self, line: &str) {
        if !line.contains(" 005 ") {
            return;
        }
        if let Ok(Parts { command: "005", parameters, .. }) = Parts::split(line) {
            self.utf8_only |= parameters.contains(&"UTF8ONLY");
        }
    }

    /// The charset of the channel that a line is about: the first that it names before its text.
    fn of(&self, bytes: &[u8]) -> &'static Encoding {
        if self.channels.is_empty() {
            return self.network;
        }
        let words = bytes.split(|byte| *byte == b' ').filter(|word| !word.is_empty());
        let words = words.enumerate();
        // The tags and the source come first.
        let words = words.skip_while(|(at, word)| *at < 2 && matches!(word[0], b'@' | b':'));
        let words = words.take_while(|(_, word)| word[0] != b':').map(|(_, word)| word);
        let names = words.skip(1).take(3).filter_map(|word| std::str::from_utf8(word).ok());
        let mut charsets = names.filter_map(|name| self.channels.get(&fold(name)));
        charsets.next().copied().unwrap_or(self.network)
    }
}

fn fold(name: &str) -> String {
    Casemapping::Rfc1459.fold(name)
}

/// Whether this is UTF-8 but for one character: servers that shorten a line do not look at where its
/// characters end. What is written otherwise has hardly ever one that is right.
fn is_cut(bytes: &[u8]) -> bool {
    let mut chunks = bytes.utf8_chunks();
    let torn = chunks.by_ref().find(|chunk| !chunk.invalid().is_empty());
    let whole = bytes.utf8_chunks().any(|chunk| !chunk.valid().is_ascii());
    torn.is_some() && whole && chunks.all(|chunk| chunk.invalid().is_empty())
}

#[cfg(test)]
mod tests {
    use encoding_rs::{KOI8_R, WINDOWS_1251, WINDOWS_1252};

    use super::*;

    #[test]
    fn a_channel_may_write_in_its_own_way() {
        let mut charsets = Charsets::new(
            WINDOWS_1252,
            [("#Чай", KOI8_R), ("#tea", KOI8_R), ("#old", WINDOWS_1251)],
        );
        for (line, read, charset) in [
            (&b":ann!a@h PRIVMSG #TEA :\xde\xc1\xca"[..], ":ann!a@h PRIVMSG #TEA :чай", KOI8_R),
            (
                b"@x=1 :ann!a@h PRIVMSG #old :\xf7\xe0\xe9",
                "@x=1 :ann!a@h PRIVMSG #old :чай",
                WINDOWS_1251,
            ),
            (b":ann!a@h PRIVMSG #caf :\xe9", ":ann!a@h PRIVMSG #caf :é", WINDOWS_1252),
            (b":irc 332 bridge #tea :\xde\xc1\xca", ":irc 332 bridge #tea :чай", KOI8_R),
            (b":ann!a@h QUIT :#tea \xe9", ":ann!a@h QUIT :#tea é", WINDOWS_1252),
            (b"\xe9", "é", WINDOWS_1252),
        ] {
            assert_eq!(charsets.read(line), (read.to_owned(), Some(charset)));
        }
        let plain = ":ann!a@h PRIVMSG #tea :чай é";
        assert_eq!(charsets.read(plain.as_bytes()), (plain.to_owned(), None));
    }

    #[test]
    fn a_line_that_was_cut_within_a_character_is_still_utf8() {
        let mut charsets = Charsets::new(WINDOWS_1252, [("#tea", KOI8_R)]);
        for (line, read) in [
            (&b":ann!a@h PRIVMSG #tea :\xd1\x87\xd0"[..], ":ann!a@h PRIVMSG #tea :ч\u{fffd}"),
            (
                b":ann!a@h PRIVMSG #caf :\xc3\xa9\xe6\xbc[CUT]",
                ":ann!a@h PRIVMSG #caf :é\u{fffd}[CUT]",
            ),
        ] {
            assert_eq!(charsets.read(line), (read.to_owned(), Some(UTF_8)));
        }
        for (line, read) in [
            // Nothing in it is right, or too much is wrong.
            (&b"PRIVMSG #caf :caf\xe9"[..], "PRIVMSG #caf :café"),
            (b"PRIVMSG #caf :\xc3\xa9 \xe9t\xe9", "PRIVMSG #caf :Ã© été"),
        ] {
            assert_eq!(charsets.read(line), (read.to_owned(), Some(WINDOWS_1252)));
        }
    }

    #[test]
    fn where_nothing_but_utf8_is_spoken_nothing_else_is_read() {
        let mut charsets = Charsets::new(WINDOWS_1252, [("#tea", KOI8_R)]);
        let line = b":ann!a@h PRIVMSG #tea :caf\xe9";
        for other in [":ann!a@h PRIVMSG #tea : 005 UTF8ONLY", ":irc 005 bridge UTF8 :are supported"]
        {
            assert_eq!(charsets.read(other.as_bytes()).1, None);
            assert_eq!(charsets.read(line).1, Some(KOI8_R), "{other}");
        }
        let told = b":irc 005 bridge NICKLEN=30 UTF8ONLY :are supported by this server";
        assert_eq!(charsets.read(told).1, None);
        let read = ":ann!a@h PRIVMSG #tea :caf\u{fffd}".to_owned();
        assert_eq!(charsets.read(line), (read, Some(UTF_8)));
    }
}
