//! Chooses the charset for each line by its network or channel.

use std::borrow::Cow;
use std::collections::HashMap;

use encoding_rs::{Encoding, ISO_2022_JP, UTF_8};

use super::charset;
use super::charset::Charset;
use super::line::LINE_BREAKS;
use super::parse::ParsedLine;
use crate::domain::{Casemapping, is_torn_utf8};

/// The charsets of a network and its channels.
///
/// The charset is never guessed from the text: one wrong guess would affect the following lines. A line that
/// is UTF-8 except for one character is truncated UTF-8. On a server with UTF8ONLY
/// (<https://ircv3.net/specs/extensions/utf8-only>), everything is UTF-8.
#[derive(Debug, Clone)]
pub struct Charsets {
    network_charset: Charset,
    /// Keyed by channel name, folded as before the server announces a case mapping.
    channel_charsets: HashMap<String, Charset>,
    /// The server has announced UTF8ONLY.
    utf8_only: bool,
}

impl Charsets {
    /// The network's charset, and those of channels with one of their own.
    pub fn new<'a>(
        network: Charset,
        channels: impl IntoIterator<Item = (&'a str, Charset)>,
    ) -> Self {
        let channels = channels.into_iter();
        let channels = channels.map(|(name, charset)| (fold_name(name), charset)).collect();
        Self { network_charset: network, channel_charsets: channels, utf8_only: false }
    }

    /// The server has announced UTF8ONLY, if `is_utf8_only`, before this process had the connection.
    #[must_use]
    pub fn assuming_utf8(self, is_utf8_only: bool) -> Self {
        Self { utf8_only: self.utf8_only || is_utf8_only, ..self }
    }

    /// Decodes the next line of the connection. Also returns the encoding, if it was not valid UTF-8.
    #[must_use]
    pub fn decode(&mut self, bytes: &[u8]) -> (String, Option<&'static Encoding>) {
        let charset = match std::str::from_utf8(bytes) {
            Ok(text) if !self.is_shifted(bytes) => {
                self.learn_isupport(text);
                return (unbroken(text.to_owned()), None);
            }
            Ok(_) => ISO_2022_JP,
            Err(_) if self.utf8_only || is_torn_utf8(bytes) => UTF_8,
            Err(_) => self.charset_for(bytes).read_in(),
        };
        let (tags, rest) = tags(bytes);
        let text = match charset == ISO_2022_JP {
            // A tag must not hide another one.
            true => String::from_utf8_lossy(tags).into_owned() + &charset::decode(rest, charset),
            false => charset::decode(bytes, charset),
        };
        (unbroken(text), Some(charset))
    }

    /// Encodes an outgoing line.
    #[must_use]
    pub fn write<'l>(&self, line: &'l str) -> Cow<'l, [u8]> {
        let charset = self.charset_for(line.as_bytes());
        if self.utf8_only || charset.is_utf8() {
            return Cow::Borrowed(line.as_bytes());
        }
        let (tags, _) = tags(line.as_bytes());
        let (tags, rest) = line.split_at(tags.len());
        Cow::Owned([tags.as_bytes(), &charset.encode(rest)].concat())
    }

    /// The charset for messages to a channel or user.
    #[must_use]
    pub fn to(&self, target: &str) -> Charset {
        self.channel_charsets.get(&fold_name(target)).copied().unwrap_or(self.network_charset)
    }

    /// Whether this line, valid as UTF-8, is ISO-2022-JP.
    fn is_shifted(&self, bytes: &[u8]) -> bool {
        let (_, rest) = tags(bytes);
        charset::has_shifts(rest)
            && rest.is_ascii()
            && !self.utf8_only
            && self.charset_for(bytes).read_in() == ISO_2022_JP
    }

    /// Watches for ISUPPORT tokens that matter here.
    fn learn_isupport(&mut self, line: &str) {
        if !line.contains(" 005 ") {
            return;
        }
        if let Ok(ParsedLine { command: "005", parameters, .. }) = ParsedLine::parse(line) {
            self.utf8_only |= parameters.contains(&"UTF8ONLY");
        }
    }

    /// The charset for a line: that of the first channel named before its text.
    fn charset_for(&self, bytes: &[u8]) -> Charset {
        if self.channel_charsets.is_empty() {
            return self.network_charset;
        }
        let words = bytes.split(|byte| *byte == b' ').filter(|word| !word.is_empty());
        let words = words.enumerate();
        // Skip tags and source.
        let words = words.skip_while(|(at, word)| *at < 2 && matches!(word[0], b'@' | b':'));
        let words = words.take_while(|(_, word)| word[0] != b':').map(|(_, word)| word);
        let names = words.skip(1).take(3).filter_map(|word| std::str::from_utf8(word).ok());
        let mut charsets = names.filter_map(|name| self.channel_charsets.get(&fold_name(name)));
        charsets.next().copied().unwrap_or(self.network_charset)
    }
}

fn fold_name(name: &str) -> String {
    Casemapping::Rfc1459.fold(name)
}

/// Splits a line into its tags and the rest.
fn tags(line: &[u8]) -> (&[u8], &[u8]) {
    let end = line.iter().position(|byte| *byte == b' ').unwrap_or(line.len());
    line.split_at(if line.starts_with(b"@") { end } else { 0 })
}

fn unbroken(mut text: String) -> String {
    if text.contains(LINE_BREAKS) {
        text.retain(|c| !LINE_BREAKS.contains(&c));
    }
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use encoding_rs::{KOI8_R, SHIFT_JIS, WINDOWS_1251, WINDOWS_1252};

    use super::Charset::{Both, Fallback};
    use super::*;

    #[test]
    fn channel_charset_overrides_the_network_charset() {
        let mut charsets = Charsets::new(
            Fallback(WINDOWS_1252),
            [
                ("#Чай", Fallback(KOI8_R)),
                ("#tea", Fallback(KOI8_R)),
                ("#old", Fallback(WINDOWS_1251)),
            ],
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
            assert_eq!(charsets.decode(line), (read.to_owned(), Some(charset)));
        }
        let plain = ":ann!a@h PRIVMSG #tea :чай é";
        assert_eq!(charsets.decode(plain.as_bytes()), (plain.to_owned(), None));
    }

    #[test]
    fn line_truncated_inside_a_character_is_utf8() {
        let mut charsets = Charsets::new(Fallback(WINDOWS_1252), [("#tea", Fallback(KOI8_R))]);
        for (line, read) in [
            (&b":ann!a@h PRIVMSG #tea :\xd1\x87\xd0"[..], ":ann!a@h PRIVMSG #tea :ч\u{fffd}"),
            (
                b":ann!a@h PRIVMSG #caf :\xc3\xa9\xe6\xbc[CUT]",
                ":ann!a@h PRIVMSG #caf :é\u{fffd}[CUT]",
            ),
        ] {
            assert_eq!(charsets.decode(line), (read.to_owned(), Some(UTF_8)));
        }
        for (line, read) in [
            // Nothing in it is valid, or too much is invalid.
            (&b"PRIVMSG #caf :caf\xe9"[..], "PRIVMSG #caf :café"),
            (b"PRIVMSG #caf :\xc3\xa9 \xe9t\xe9", "PRIVMSG #caf :Ã© été"),
        ] {
            assert_eq!(charsets.decode(line), (read.to_owned(), Some(WINDOWS_1252)));
        }
    }

    #[test]
    fn utf8only_disables_the_fallback() {
        let mut charsets = Charsets::new(Fallback(WINDOWS_1252), [("#tea", Fallback(KOI8_R))]);
        let line = b":ann!a@h PRIVMSG #tea :caf\xe9";
        for other in [":ann!a@h PRIVMSG #tea : 005 UTF8ONLY", ":irc 005 bridge UTF8 :are supported"]
        {
            assert_eq!(charsets.decode(other.as_bytes()).1, None);
            assert_eq!(charsets.decode(line).1, Some(KOI8_R), "{other}");
        }
        let told = b":irc 005 bridge NICKLEN=30 UTF8ONLY :are supported by this server";
        assert_eq!(charsets.decode(told).1, None);
        let read = ":ann!a@h PRIVMSG #tea :caf\u{fffd}".to_owned();
        assert_eq!(charsets.decode(line), (read, Some(UTF_8)));
    }

    #[test]
    fn networks_and_channels_have_their_own_charsets() {
        let mut charsets = Charsets::new(
            Both(ISO_2022_JP),
            [("#old", Both(SHIFT_JIS)), ("#new", Both(UTF_8)), ("#ru", Fallback(KOI8_R))],
        );
        for (line, bytes) in [
            ("PRIVMSG #tea :茶 tea", &b"PRIVMSG #tea :\x1b$BCc\x1b(B tea"[..]),
            ("@label=1 NOTICE #OLD :茶", b"@label=1 NOTICE #OLD :\x92\x83"),
            ("@label=茶 TOPIC #tea 茶", "@label=茶 TOPIC #tea \x1b$BCc\x1b(B".as_bytes()),
            ("PRIVMSG #new :茶", "PRIVMSG #new :茶".as_bytes()),
            ("PRIVMSG #ru :чай", "PRIVMSG #ru :чай".as_bytes()),
            ("QUIT :茶", b"QUIT :\x1b$BCc\x1b(B"),
        ] {
            assert_eq!(charsets.write(line), bytes, "{line}");
            assert_eq!(charsets.decode(bytes).0, line);
        }
        let _ = charsets.decode(b":irc 005 bridge UTF8ONLY :are supported by this server");
        assert_eq!(charsets.write("PRIVMSG #tea :茶"), "PRIVMSG #tea :茶".as_bytes());
    }

    #[test]
    fn shifted_line_is_decoded_only_where_its_charset_is_configured() {
        let line = b":ann!a@h PRIVMSG #tea :\x1b$BCc\x1b(B";
        for (network, read, charset) in [
            (Both(ISO_2022_JP), ":ann!a@h PRIVMSG #tea :茶", Some(ISO_2022_JP)),
            (Both(SHIFT_JIS), ":ann!a@h PRIVMSG #tea :\x1b$BCc\x1b(B", None),
            (Fallback(WINDOWS_1252), ":ann!a@h PRIVMSG #tea :\x1b$BCc\x1b(B", None),
        ] {
            let mut charsets = Charsets::new(network, []);
            assert_eq!(charsets.decode(line), (read.to_owned(), charset));
            let plain = ":ann!a@h PRIVMSG #tea :茶 \x1b$BCc";
            assert_eq!(charsets.decode(plain.as_bytes()), (plain.to_owned(), None));
        }
    }

    #[test]
    fn shift_sequences_cannot_hide_the_author() {
        let mut charsets = Charsets::new(Both(ISO_2022_JP), []);
        let forged =
            b"@+a=\x1b$B;account=eve :eve!e@h PRIVMSG #tea :\x1b(B :ann!a@h PRIVMSG #tea :hi";
        let (read, _) = charsets.decode(forged);
        let parts = ParsedLine::parse(&read).unwrap();
        assert_eq!((parts.source, parts.command), (Some("eve!e@h"), "PRIVMSG"));
        assert!(parts.tags.iter().any(|(key, value)| (*key, &**value) == ("account", "eve")));
    }
}
