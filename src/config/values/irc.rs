use encoding_rs::{Encoding, ISO_2022_JP};

use super::Flaw;
use crate::config::Mode;

/// The longest channel name (RFC 1459, section 1.3).
const CHANNEL_BYTES: usize = 200;
/// Longer than any server's NICKLEN, and short enough for a line.
const NICK_BYTES: usize = 64;
/// What leaves room for the rest of the USER line.
const REALNAME_BYTES: usize = 200;

/// A nick, loosely as in RFC 2812, section 2.3.1; the server has the last word.
pub(in crate::config) fn nick(text: &str) -> Result<String, Flaw> {
    let remedy = "write it like \"letsbridge\"";
    match text.chars().next() {
        None => return Err(Flaw::of(text, "is empty", remedy)),
        Some('0'..='9' | '-') => {
            return Err(Flaw::of(text, "begins with a digit or \"-\", as no nick may", remedy));
        }
        Some(_) => {}
    }
    let wrong = |c: char| c.is_whitespace() || c.is_control() || ",*?!@:#".contains(c);
    free_of(wrong, text, "a nick")?;
    no_longer_than(NICK_BYTES, text)?;
    Ok(text.to_owned())
}

/// How to make a nick of a user name, for [`Mode`] `mode`.
pub(in crate::config) fn nick_template(text: &str, mode: Mode) -> Result<String, Flaw> {
    let remedy = format!("write it like {:?}", mode.template());
    if text.matches("{user}").count() != 1 {
        return Err(Flaw::of(text, "does not say once where the user name stands", remedy));
    }
    let around = text.replace("{user}", "");
    free_of(|c| !c.is_ascii_graphic() || ",*?!@:#{}$".contains(c), &around, "a nick")?;
    nick(&text.replace("{user}", "x")).map_err(|flaw| Flaw { remedy, ..flaw })?;
    Ok(text.to_owned())
}

/// The host that a gateway tells (<https://ircv3.net/specs/extensions/webirc>).
pub(in crate::config) fn webirc_host(text: &str) -> Result<String, Flaw> {
    let remedy = "write it like \"{user}.chat.example.org\"";
    let host = text.replace("{user}", "x");
    let label = |label: &str| {
        !label.is_empty() && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    };
    if host.len() > 63 || !host.split('.').all(label) || !host.contains('.') {
        return Err(Flaw::of(text, "is no host name of at most 63 letters", remedy));
    }
    Ok(text.to_owned())
}

/// The user name of USER (RFC 2812, section 2.3.1: `user`).
pub(in crate::config) fn username(text: &str) -> Result<String, Flaw> {
    if text.is_empty() {
        return Err(Flaw::of(
            text,
            "is empty",
            "leave the key out for the letters and digits of the nick",
        ));
    }
    free_of(|c| c.is_whitespace() || c.is_control() || "@:!".contains(c), text, "a user name")?;
    no_longer_than(NICK_BYTES, text)?;
    Ok(text.to_owned())
}

/// The real name of USER, where spaces may be.
pub(in crate::config) fn realname(text: &str) -> Result<String, Flaw> {
    if text.trim().is_empty() {
        return Err(Flaw::of(text, "is empty", "say whom to ask about the bridge"));
    }
    free_of(char::is_control, text, "a real name")?;
    no_longer_than(REALNAME_BYTES, text)?;
    Ok(text.to_owned())
}

/// A network's name, which begins every mention of one of its channels.
pub(in crate::config) fn network_name(text: &str) -> Result<String, Flaw> {
    let remedy = "call it something like \"office\"";
    if text.is_empty() {
        return Err(Flaw::of(text, "is empty", remedy));
    }
    // Rooms are shown as letschat/room.
    if text == "letschat" {
        return Err(Flaw::of(text, "stands for Let's Chat itself", remedy));
    }
    free_of(|c| !c.is_alphanumeric() && !"-_.".contains(c), text, "a network's name")?;
    no_longer_than(NICK_BYTES, text)?;
    Ok(text.to_owned())
}

/// A channel's name (RFC 2812, section 1.3).
pub(in crate::config) fn channel(text: &str) -> Result<String, Flaw> {
    if !text.starts_with(['#', '&', '+', '!']) {
        return Err(Flaw::of(
            text,
            "does not begin like a channel, with #, &, + or !",
            "write network/channel, like \"office/#dev\"",
        ));
    }
    if text.len() == 1 {
        return Err(Flaw::of(text, "is no channel's name", "write it like \"office/#dev\""));
    }
    free_of(|c| c.is_whitespace() || c.is_control() || c == ',', text, "a channel's name")?;
    no_longer_than(CHANNEL_BYTES, text)?;
    Ok(text.to_owned())
}

/// A channel's key. It is a secret: what is wrong is said without showing it.
pub(in crate::config) fn channel_key(text: &str) -> Result<(), Flaw> {
    if text.contains(|c: char| c.is_whitespace() || c.is_control() || c == ',')
        || text.starts_with(':')
    {
        return Err(Flaw::new(
            "has a space, a comma, a control character or a leading colon, which no key can have",
            "write the key that the channel's mode +k shows",
        ));
    }
    Ok(())
}

/// An account's name, as one word.
pub(in crate::config) fn account(text: &str) -> Result<String, Flaw> {
    if text.is_empty() {
        return Err(Flaw::of(
            text,
            "is empty",
            "leave the key out for the letters and digits of the nick",
        ));
    }
    free_of(|c| c.is_whitespace() || c.is_control(), text, "an account's name")?;
    no_longer_than(NICK_BYTES, text)?;
    Ok(text.to_owned())
}

/// Whom to speak to: `NickServ`, or `NickServ@services.example.org`.
pub(in crate::config) fn services(text: &str) -> Result<String, Flaw> {
    let (name, server) = text.split_once('@').unwrap_or((text, "any"));
    nick(name)?;
    let wrong = |c: char| c.is_whitespace() || c.is_control() || c == '@';
    if server.is_empty() || server.contains(wrong) {
        let remedy = "write it like \"NickServ@services.example.org\"";
        return Err(Flaw::of(text, "is no nick at a server", remedy));
    }
    Ok(text.to_owned())
}

/// The host or the server of services, as WHOIS shows it.
pub(in crate::config) fn services_host(text: &str) -> Result<String, Flaw> {
    let wrong = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '@' | '*' | '?' | '!');
    if text.is_empty() || text.contains(wrong) {
        let remedy = "write it as WHOIS shows it, like \"services.example.org\"";
        return Err(Flaw::of(text, "is no host", remedy));
    }
    Ok(text.to_owned())
}

/// What to say to services.
pub(in crate::config) fn identify(text: &str) -> Result<String, Flaw> {
    let remedy = "write it like \"IDENTIFY {account} {password}\"";
    free_of(char::is_control, text, "a line")?;
    if !text.contains("{password}") {
        return Err(Flaw::of(text, "has no {password} in it", remedy));
    }
    Ok(text.to_owned())
}

/// Longer commands are cut by servers (RFC 2812, section 2.3).
const COMMAND_BYTES: usize = 510;

/// What the bridge says by itself, at its own time.
const OURS: [&str; 10] =
    ["PASS", "NICK", "USER", "CAP", "AUTHENTICATE", "QUIT", "JOIN", "PART", "PING", "PONG"];

/// A line for the server. It may hold a secret: what is wrong is said without showing it.
pub(in crate::config) fn command(text: &str) -> Result<(), Flaw> {
    let remedy = "write it as the server reads it, like \"MODE {nick} +x\"";
    let word = text.split(' ').next().unwrap_or_default();
    if let Some(command) = word.strip_prefix('/').filter(|word| is_word(word)) {
        let found = format!("begins with /{command}, which is how a client's window reads it");
        return Err(Flaw::new(found, remedy));
    }
    if !is_word(word) {
        return Err(Flaw::new("does not begin with a command", remedy));
    }
    if OURS.contains(&word.to_ascii_uppercase().as_str()) {
        let found = format!("says {word}, which the bridge says by itself");
        return Err(Flaw::new(found, "leave it out"));
    }
    if text.contains(char::is_control) {
        return Err(Flaw::new("contains a control character", remedy));
    }
    if text.len() > COMMAND_BYTES {
        let remedy = format!("at most {COMMAND_BYTES} bytes make a line");
        return Err(Flaw::new("is too long", remedy));
    }
    Ok(())
}

fn is_word(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphabetic())
}

/// A character set for what is not UTF-8, which no escapes tell from ASCII.
pub(in crate::config) fn fallback_charset(text: &str) -> Result<&'static Encoding, Flaw> {
    match charset(text)? {
        encoding if encoding == ISO_2022_JP => {
            let found = "looks like ASCII, so that nothing would fall back on it";
            Err(Flaw::of(text, found, format!("write charset = {text:?} instead")))
        }
        encoding => Ok(encoding),
    }
}

/// A character set by one of the labels of the WHATWG Encoding Standard.
pub(in crate::config) fn charset(text: &str) -> Result<&'static Encoding, Flaw> {
    let remedy = "name one like \"windows-1252\", \"iso-8859-15\", \"koi8-r\" or \"shift_jis\"";
    let encoding = Encoding::for_label_no_replacement(text.as_bytes())
        .ok_or_else(|| Flaw::of(text, "is no character set we know", remedy))?;
    // IRC's own words are ASCII, whatever the rest of the line is.
    if encoding.is_ascii_compatible() || encoding == ISO_2022_JP {
        Ok(encoding)
    } else {
        Err(Flaw::of(text, "cannot be spoken on IRC, as it does not contain ASCII", remedy))
    }
}

fn free_of(wrong: impl Fn(char) -> bool, text: &str, what: &str) -> Result<(), Flaw> {
    match text.chars().find(|c| wrong(*c)) {
        Some(c) => {
            let found = format!("contains {c:?}, which {what} cannot");
            Err(Flaw::of(text, &found, format!("leave {c:?} out")))
        }
        None => Ok(()),
    }
}

fn no_longer_than(bytes: usize, text: &str) -> Result<(), Flaw> {
    if text.len() > bytes {
        let found = format!("is {} bytes long", text.len());
        return Err(Flaw::of(text, &found, format!("at most {bytes} will do")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::check::{reads, refuses};
    use super::*;

    #[test]
    fn a_nick_is_one_that_a_server_could_take() {
        for text in ["letsbridge", "[tea]", "a-1", "été", "_", "a.b/c"] {
            reads(nick, text, text.to_owned());
        }
        refuses(nick, "", "\"\" is empty");
        refuses(nick, "9lives", "\"9lives\" begins with a digit or \"-\", as no nick may");
        refuses(nick, "-", "\"-\" begins with a digit or \"-\", as no nick may");
        for c in [' ', ',', '*', '?', '!', '@', ':', '#', '\u{7}', '\0', '\n'] {
            let text = format!("a{c}");
            refuses(nick, &text, &format!("{text:?} contains {c:?}, which a nick cannot"));
        }
        assert!(nick(&"a".repeat(64)).is_ok());
        assert!(nick(&"a".repeat(65)).is_err());
    }

    #[test]
    fn the_other_names_fit_their_place_in_the_line() {
        reads(username, "~letsbridge", "~letsbridge".to_owned());
        refuses(username, "", "\"\" is empty");
        refuses(username, "a b", "\"a b\" contains ' ', which a user name cannot");
        reads(realname, "Ask Ann: ann@example.org", "Ask Ann: ann@example.org".to_owned());
        refuses(realname, " ", "\" \" is empty");
        refuses(realname, "a\r", "\"a\\r\" contains '\\r', which a real name cannot");
    }

    #[test]
    fn a_network_can_be_told_from_its_channels() {
        for text in ["office", "Büro-2", "irc.example.org"] {
            reads(network_name, text, text.to_owned());
        }
        refuses(network_name, "", "\"\" is empty");
        refuses(network_name, "a/b", "\"a/b\" contains '/', which a network's name cannot");
        refuses(network_name, "letschat", "\"letschat\" stands for Let's Chat itself");
    }

    #[test]
    fn a_channel_is_one_that_can_be_joined() {
        for text in ["#dev", "&local", "+modeless", "!12345safe", "##", "#a/b", "#été"] {
            reads(channel, text, text.to_owned());
        }
        for text in ["", "dev", "@#dev"] {
            let found = format!("{text:?} does not begin like a channel, with #, &, + or !");
            refuses(channel, text, &found);
        }
        refuses(channel, "#", "\"#\" is no channel's name");
        for c in [' ', ',', '\u{7}', '\0', '\r'] {
            let text = format!("#{c}");
            let text = if text.len() == 1 { "#x".to_owned() } else { text };
            refuses(
                channel,
                &text,
                &format!("{text:?} contains {c:?}, which a channel's name cannot"),
            );
        }
        assert!(channel(&format!("#{}", "a".repeat(199))).is_ok());
        assert!(channel(&format!("#{}", "a".repeat(200))).is_err());
    }

    #[test]
    fn a_key_is_one_word_and_is_not_shown() {
        assert_eq!(channel_key("hush!"), Ok(()));
        for text in ["hush hush", "hush,hush", "hush\u{7}", ":hush"] {
            let flaw = channel_key(text).expect_err(text);
            assert!(!format!("{flaw:?}").contains("hush"), "{flaw:?}");
        }
    }

    #[test]
    fn a_charset_contains_ascii() {
        reads(charset, "iso-2022-jp", ISO_2022_JP);
        refuses(
            charset,
            "utf-16",
            "\"utf-16\" cannot be spoken on IRC, as it does not contain ASCII",
        );
        refuses(charset, "iso-2022-kr", "\"iso-2022-kr\" is no character set we know");
        reads(fallback_charset, "euc-jp", encoding_rs::EUC_JP);
        refuses(
            fallback_charset,
            "iso-2022-jp",
            "\"iso-2022-jp\" looks like ASCII, so that nothing would fall back on it",
        );
        reads(charset, "windows-1252", encoding_rs::WINDOWS_1252);
        reads(charset, "Latin1", encoding_rs::WINDOWS_1252);
        reads(charset, "koi8-r", encoding_rs::KOI8_R);
        refuses(charset, "klingon", "\"klingon\" is no character set we know");
        refuses(charset, "replacement", "\"replacement\" is no character set we know");
        refuses(
            charset,
            "utf-16le",
            "\"utf-16le\" cannot be spoken on IRC, as it does not contain ASCII",
        );
    }

    #[test]
    fn services_are_a_nick_and_perhaps_a_server() {
        for text in ["NickServ", "Q@CServe.quakenet.org"] {
            reads(services, text, text.to_owned());
        }
        refuses(services, "NickServ@", "\"NickServ@\" is no nick at a server");
        refuses(services, "a@b@c", "\"a@b@c\" is no nick at a server");
        reads(services_host, "services.example.org", "services.example.org".to_owned());
        refuses(services_host, "", "\"\" is no host");
        refuses(services_host, "s@services.example.org", "\"s@services.example.org\" is no host");
        refuses(services_host, "*.example.org", "\"*.example.org\" is no host");
        reads(identify, "AUTH {account} {password}", "AUTH {account} {password}".to_owned());
        refuses(identify, "AUTH me", "\"AUTH me\" has no {password} in it");
    }

    #[test]
    fn a_command_is_one_that_the_bridge_does_not_say_itself() {
        for text in ["MODE {nick} +x", "oper me hush", "PRIVMSG Q :AUTH me hush"] {
            assert_eq!(command(text), Ok(()), "{text}");
        }
        for (text, found) in [
            ("", "does not begin with a command"),
            (" MODE", "does not begin with a command"),
            (":me MODE", "does not begin with a command"),
            ("/oper me hush", "begins with /oper, which is how a client's window reads it"),
            ("quit hush", "says quit, which the bridge says by itself"),
            ("OPER me\r\nhush", "contains a control character"),
        ] {
            refuses(command, text, found);
        }
        refuses(command, &format!("OPER {}", "x".repeat(506)), "is too long");
    }
}
