//! Parses IRC values: nicks, channels, keys, accounts, commands and character sets.

use encoding_rs::{Encoding, ISO_2022_JP};

use super::ValueError;
use crate::config::SenderMode;

/// The maximum length of a channel name (RFC 1459, section 1.3).
const MAX_LEN_CHANNEL: usize = 200;
/// The maximum length of names: longer than the NICKLEN of any server, and short enough for a line.
const MAX_LEN_NICK: usize = 64;
/// The maximum length of a real name. It leaves space for the rest of the USER line.
const MAX_LEN_REALNAME: usize = 200;

/// Parses a nick, loosely as in RFC 2812, section 2.3.1; the server makes the final decision.
pub(in crate::config) fn nick(text: &str) -> Result<String, ValueError> {
    let remedy = "write it like \"letsbridge\"";
    match text.chars().next() {
        None => return Err(ValueError::quoting(text, "is empty", remedy)),
        Some('0'..='9' | '-') => {
            return Err(ValueError::quoting(
                text,
                "starts with a digit or \"-\", which nicks cannot",
                remedy,
            ));
        }
        Some(_) => {}
    }
    let wrong = |c: char| c.is_whitespace() || c.is_control() || ",*?!@:#".contains(c);
    forbid_chars(wrong, text, "a nick")?;
    check_max_len(MAX_LEN_NICK, text)?;
    Ok(text.to_owned())
}

/// Parses a template that makes a nick from a user name, for [`SenderMode`] `mode`.
pub(in crate::config) fn nick_template(text: &str, mode: SenderMode) -> Result<String, ValueError> {
    let remedy = format!("write it like {:?}", mode.default_nick_template());
    if text.matches("{user}").count() != 1 {
        return Err(ValueError::quoting(text, "must contain {user} exactly once", remedy));
    }
    let around = text.replace("{user}", "");
    forbid_chars(|c| !c.is_ascii_graphic() || ",*?!@:#{}$".contains(c), &around, "a nick")?;
    nick(&text.replace("{user}", "x")).map_err(|error| ValueError { help: remedy, ..error })?;
    Ok(text.to_owned())
}

/// Parses the host for WEBIRC (<https://ircv3.net/specs/extensions/webirc>).
pub(in crate::config) fn webirc_host(text: &str) -> Result<String, ValueError> {
    let remedy = "write it like \"{user}.chat.example.org\"";
    let host = text.replace("{user}", "x");
    let label = |label: &str| {
        !label.is_empty() && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    };
    if host.len() > 63 || !host.split('.').all(label) || !host.contains('.') {
        return Err(ValueError::quoting(
            text,
            "is not a host name of at most 63 characters",
            remedy,
        ));
    }
    Ok(text.to_owned())
}

/// Parses the user name of USER (RFC 2812, section 2.3.1: `user`).
pub(in crate::config) fn username(text: &str) -> Result<String, ValueError> {
    if text.is_empty() {
        return Err(ValueError::quoting(
            text,
            "is empty",
            "remove the key to use the letters and digits of the nick",
        ));
    }
    forbid_chars(
        |c| c.is_whitespace() || c.is_control() || "@:!".contains(c),
        text,
        "a user name",
    )?;
    check_max_len(MAX_LEN_NICK, text)?;
    Ok(text.to_owned())
}

/// Parses the real name of USER, which may contain spaces.
pub(in crate::config) fn realname(text: &str) -> Result<String, ValueError> {
    if text.trim().is_empty() {
        return Err(ValueError::quoting(text, "is empty", "write who to contact about the bridge"));
    }
    forbid_chars(char::is_control, text, "a real name")?;
    check_max_len(MAX_LEN_REALNAME, text)?;
    Ok(text.to_owned())
}

/// Parses a network's name.
pub(in crate::config) fn network_name(text: &str) -> Result<String, ValueError> {
    let remedy = "use a name like \"office\"";
    if text.is_empty() {
        return Err(ValueError::quoting(text, "is empty", remedy));
    }
    // Rooms are displayed as letschat/room.
    if text == "letschat" {
        return Err(ValueError::quoting(text, "is reserved for Let's Chat", remedy));
    }
    forbid_chars(|c| !c.is_alphanumeric() && !"-_.".contains(c), text, "a network's name")?;
    check_max_len(MAX_LEN_NICK, text)?;
    Ok(text.to_owned())
}

/// Parses a channel's name (RFC 2812, section 1.3).
pub(in crate::config) fn channel_name(text: &str) -> Result<String, ValueError> {
    if !text.starts_with(['#', '&', '+', '!']) {
        return Err(ValueError::quoting(
            text,
            "does not start with a channel prefix (#, &, + or !)",
            "write network/channel, like \"office/#dev\"",
        ));
    }
    if text.len() == 1 {
        return Err(ValueError::quoting(
            text,
            "is not a channel name",
            "write it like \"office/#dev\"",
        ));
    }
    forbid_chars(|c| c.is_whitespace() || c.is_control() || c == ',', text, "a channel's name")?;
    check_max_len(MAX_LEN_CHANNEL, text)?;
    Ok(text.to_owned())
}

/// Checks a channel's key. It is a secret: errors do not show it.
pub(in crate::config) fn channel_key(text: &str) -> Result<(), ValueError> {
    if text.contains(|c: char| c.is_whitespace() || c.is_control() || c == ',')
        || text.starts_with(':')
    {
        return Err(ValueError::new(
            "contains a space, comma, control character or leading colon, which channel keys \
             cannot",
            "write the key shown by the channel mode +k",
        ));
    }
    Ok(())
}

/// Parses an account name: one word.
pub(in crate::config) fn account_name(text: &str) -> Result<String, ValueError> {
    if text.is_empty() {
        return Err(ValueError::quoting(
            text,
            "is empty",
            "remove the key to use the letters and digits of the nick",
        ));
    }
    forbid_chars(|c| c.is_whitespace() || c.is_control(), text, "an account's name")?;
    check_max_len(MAX_LEN_NICK, text)?;
    Ok(text.to_owned())
}

/// Parses the nick of services: `NickServ`, or `NickServ@services.example.org`.
pub(in crate::config) fn services_target(text: &str) -> Result<String, ValueError> {
    let (name, server) = text.split_once('@').unwrap_or((text, "any"));
    nick(name)?;
    let wrong = |c: char| c.is_whitespace() || c.is_control() || c == '@';
    if server.is_empty() || server.contains(wrong) {
        let remedy = "write it like \"NickServ@services.example.org\"";
        return Err(ValueError::quoting(text, "is not nick@server", remedy));
    }
    Ok(text.to_owned())
}

/// Parses the host or server of services, as WHOIS shows it.
pub(in crate::config) fn services_host(text: &str) -> Result<String, ValueError> {
    let wrong = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '@' | '*' | '?' | '!');
    if text.is_empty() || text.contains(wrong) {
        let remedy = "write it as WHOIS shows it, like \"services.example.org\"";
        return Err(ValueError::quoting(text, "is not a host name", remedy));
    }
    Ok(text.to_owned())
}

/// Parses the template of the NickServ login command.
pub(in crate::config) fn identify_template(text: &str) -> Result<String, ValueError> {
    let remedy = "write it like \"IDENTIFY {account} {password}\"";
    forbid_chars(char::is_control, text, "a line")?;
    if !text.contains("{password}") {
        return Err(ValueError::quoting(text, "does not contain {password}", remedy));
    }
    Ok(text.to_owned())
}

/// The maximum length of a command: servers truncate longer ones (RFC 2812, section 2.3).
const MAX_LEN_COMMAND: usize = 510;

/// Commands that the bridge sends itself.
const RESERVED_COMMANDS: [&str; 10] =
    ["PASS", "NICK", "USER", "CAP", "AUTHENTICATE", "QUIT", "JOIN", "PART", "PING", "PONG"];

/// Checks a raw command for the server. It may contain a secret: errors do not show it.
pub(in crate::config) fn raw_command(text: &str) -> Result<(), ValueError> {
    let remedy = "write a raw IRC command, like \"MODE {nick} +x\"";
    let word = text.split(' ').next().unwrap_or_default();
    if let Some(command) = word.strip_prefix('/').filter(|word| is_alphabetic(word)) {
        let found = format!("starts with /{command}, which only IRC clients understand");
        return Err(ValueError::new(found, remedy));
    }
    if !is_alphabetic(word) {
        return Err(ValueError::new("does not start with a command", remedy));
    }
    if RESERVED_COMMANDS.contains(&word.to_ascii_uppercase().as_str()) {
        let found = format!("uses {word}, which the bridge sends itself");
        return Err(ValueError::new(found, "remove it"));
    }
    if text.contains(char::is_control) {
        return Err(ValueError::new("contains a control character", remedy));
    }
    if text.len() > MAX_LEN_COMMAND {
        let remedy = format!("use at most {MAX_LEN_COMMAND} bytes");
        return Err(ValueError::new("is too long", remedy));
    }
    Ok(())
}

fn is_alphabetic(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphabetic())
}

/// Parses a character set for lines that are not UTF-8. It must not look like ASCII.
pub(in crate::config) fn fallback_charset(text: &str) -> Result<&'static Encoding, ValueError> {
    match charset(text)? {
        encoding if encoding == ISO_2022_JP => {
            let found = "cannot be a fallback: its lines look like ASCII";
            Err(ValueError::quoting(text, found, format!("write charset = {text:?} instead")))
        }
        encoding => Ok(encoding),
    }
}

/// Parses a label of the WHATWG Encoding Standard.
pub(in crate::config) fn charset(text: &str) -> Result<&'static Encoding, ValueError> {
    let remedy = "use one like \"windows-1252\", \"iso-8859-15\", \"koi8-r\" or \"shift_jis\"";
    let encoding = Encoding::for_label_no_replacement(text.as_bytes())
        .ok_or_else(|| ValueError::quoting(text, "is not a known character set", remedy))?;
    // The commands of IRC are ASCII, whatever the text is.
    if encoding.is_ascii_compatible() || encoding == ISO_2022_JP {
        Ok(encoding)
    } else {
        Err(ValueError::quoting(text, "cannot be used on IRC: it is not ASCII-compatible", remedy))
    }
}

fn forbid_chars(wrong: impl Fn(char) -> bool, text: &str, what: &str) -> Result<(), ValueError> {
    match text.chars().find(|c| wrong(*c)) {
        Some(c) => {
            let found = format!("contains {c:?}, which {what} cannot");
            Err(ValueError::quoting(text, &found, format!("remove {c:?}")))
        }
        None => Ok(()),
    }
}

fn check_max_len(bytes: usize, text: &str) -> Result<(), ValueError> {
    if text.len() > bytes {
        let found = format!("is {} bytes long", text.len());
        return Err(ValueError::quoting(text, &found, format!("use at most {bytes}")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse::check::{assert_parses, assert_rejects};

    #[test]
    fn nick_accepts_what_servers_accept() {
        for text in ["letsbridge", "[tea]", "a-1", "été", "_", "a.b/c"] {
            assert_parses(nick, text, text.to_owned());
        }
        assert_rejects(nick, "", "\"\" is empty");
        assert_rejects(
            nick,
            "9lives",
            "\"9lives\" starts with a digit or \"-\", which nicks cannot",
        );
        assert_rejects(nick, "-", "\"-\" starts with a digit or \"-\", which nicks cannot");
        for c in [' ', ',', '*', '?', '!', '@', ':', '#', '\u{7}', '\0', '\n'] {
            let text = format!("a{c}");
            assert_rejects(nick, &text, &format!("{text:?} contains {c:?}, which a nick cannot"));
        }
        assert!(nick(&"a".repeat(64)).is_ok());
        assert!(nick(&"a".repeat(65)).is_err());
    }

    #[test]
    fn username_and_realname_reject_what_breaks_the_user_line() {
        assert_parses(username, "~letsbridge", "~letsbridge".to_owned());
        assert_rejects(username, "", "\"\" is empty");
        assert_rejects(username, "a b", "\"a b\" contains ' ', which a user name cannot");
        assert_parses(realname, "Ask Ann: ann@example.org", "Ask Ann: ann@example.org".to_owned());
        assert_rejects(realname, " ", "\" \" is empty");
        assert_rejects(realname, "a\r", "\"a\\r\" contains '\\r', which a real name cannot");
    }

    #[test]
    fn network_name_rejects_slashes_and_letschat() {
        for text in ["office", "Büro-2", "irc.example.org"] {
            assert_parses(network_name, text, text.to_owned());
        }
        assert_rejects(network_name, "", "\"\" is empty");
        assert_rejects(network_name, "a/b", "\"a/b\" contains '/', which a network's name cannot");
        assert_rejects(network_name, "letschat", "\"letschat\" is reserved for Let's Chat");
    }

    #[test]
    fn channel_name_needs_a_channel_prefix_and_legal_characters() {
        for text in ["#dev", "&local", "+modeless", "!12345safe", "##", "#a/b", "#été"] {
            assert_parses(channel_name, text, text.to_owned());
        }
        for text in ["", "dev", "@#dev"] {
            let found = format!("{text:?} does not start with a channel prefix (#, &, + or !)");
            assert_rejects(channel_name, text, &found);
        }
        assert_rejects(channel_name, "#", "\"#\" is not a channel name");
        for c in [' ', ',', '\u{7}', '\0', '\r'] {
            let text = format!("#{c}");
            let text = if text.len() == 1 { "#x".to_owned() } else { text };
            assert_rejects(
                channel_name,
                &text,
                &format!("{text:?} contains {c:?}, which a channel's name cannot"),
            );
        }
        assert!(channel_name(&format!("#{}", "a".repeat(199))).is_ok());
        assert!(channel_name(&format!("#{}", "a".repeat(200))).is_err());
    }

    #[test]
    fn channel_key_errors_do_not_show_the_key() {
        assert_eq!(channel_key("hush!"), Ok(()));
        for text in ["hush hush", "hush,hush", "hush\u{7}", ":hush"] {
            let flaw = channel_key(text).expect_err(text);
            assert!(!format!("{flaw:?}").contains("hush"), "{flaw:?}");
        }
    }

    #[test]
    fn a_charset_contains_ascii() {
        assert_parses(charset, "iso-2022-jp", ISO_2022_JP);
        assert_rejects(
            charset,
            "utf-16",
            "\"utf-16\" cannot be used on IRC: it is not ASCII-compatible",
        );
        assert_rejects(charset, "iso-2022-kr", "\"iso-2022-kr\" is not a known character set");
        assert_parses(fallback_charset, "euc-jp", encoding_rs::EUC_JP);
        assert_rejects(
            fallback_charset,
            "iso-2022-jp",
            "\"iso-2022-jp\" cannot be a fallback: its lines look like ASCII",
        );
        assert_parses(charset, "windows-1252", encoding_rs::WINDOWS_1252);
        assert_parses(charset, "Latin1", encoding_rs::WINDOWS_1252);
        assert_parses(charset, "koi8-r", encoding_rs::KOI8_R);
        assert_rejects(charset, "klingon", "\"klingon\" is not a known character set");
        assert_rejects(charset, "replacement", "\"replacement\" is not a known character set");
        assert_rejects(
            charset,
            "utf-16le",
            "\"utf-16le\" cannot be used on IRC: it is not ASCII-compatible",
        );
    }

    #[test]
    fn services_target_is_a_nick_with_optional_server() {
        for text in ["NickServ", "Q@CServe.quakenet.org"] {
            assert_parses(services_target, text, text.to_owned());
        }
        assert_rejects(services_target, "NickServ@", "\"NickServ@\" is not nick@server");
        assert_rejects(services_target, "a@b@c", "\"a@b@c\" is not nick@server");
        assert_parses(services_host, "services.example.org", "services.example.org".to_owned());
        assert_rejects(services_host, "", "\"\" is not a host name");
        assert_rejects(
            services_host,
            "s@services.example.org",
            "\"s@services.example.org\" is not a host name",
        );
        assert_rejects(services_host, "*.example.org", "\"*.example.org\" is not a host name");
        assert_parses(
            identify_template,
            "AUTH {account} {password}",
            "AUTH {account} {password}".to_owned(),
        );
        assert_rejects(identify_template, "AUTH me", "\"AUTH me\" does not contain {password}");
    }

    #[test]
    fn raw_command_rejects_commands_the_bridge_sends_itself() {
        for text in ["MODE {nick} +x", "oper me hush", "PRIVMSG Q :AUTH me hush"] {
            assert_eq!(raw_command(text), Ok(()), "{text}");
        }
        for (text, found) in [
            ("", "does not start with a command"),
            (" MODE", "does not start with a command"),
            (":me MODE", "does not start with a command"),
            ("/oper me hush", "starts with /oper, which only IRC clients understand"),
            ("quit hush", "uses quit, which the bridge sends itself"),
            ("OPER me\r\nhush", "contains a control character"),
        ] {
            assert_rejects(raw_command, text, found);
        }
        assert_rejects(raw_command, &format!("OPER {}", "x".repeat(506)), "is too long");
    }
}
