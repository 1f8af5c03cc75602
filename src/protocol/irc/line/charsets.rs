use std::collections::HashMap;

use encoding_rs::Encoding;

use super::decode;
use crate::domain::Casemapping;

/// How to read lines that are not UTF-8: as their network writes, or their channel.
///
/// What cannot be known is not guessed from the words: one charset a place, or the wrong one is taken
/// for the next line.
#[derive(Debug, Clone)]
pub struct Charsets {
    network: &'static Encoding,
    /// By name, as it is folded before a server says how.
    channels: HashMap<String, &'static Encoding>,
}

impl Charsets {
    /// That of the network, and those of the channels that have one of their own.
    pub fn new<'a>(
        network: &'static Encoding,
        channels: impl IntoIterator<Item = (&'a str, &'static Encoding)>,
    ) -> Self {
        let channels = channels.into_iter();
        let channels = channels.map(|(name, charset)| (fold(name), charset)).collect();
        Self { network, channels }
    }

    /// Reads the bytes of one line, and says in which charset, where it is not UTF-8.
    #[must_use]
    pub fn read(&self, bytes: &[u8]) -> (String, Option<&'static Encoding>) {
        if let (text, false) = decode(bytes, self.network) {
            return (text, None);
        }
        let charset = self.of(bytes);
        (decode(bytes, charset).0, Some(charset))
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

#[cfg(test)]
mod tests {
    use encoding_rs::{KOI8_R, WINDOWS_1251, WINDOWS_1252};

    use super::*;

    #[test]
    fn a_channel_may_write_in_its_own_way() {
        let charsets = Charsets::new(
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
}
