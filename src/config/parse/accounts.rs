//! Parses how people of IRC are shown in Let's Chat, and the templates of their accounts there.

use super::{ValueError, enum_value};
use crate::config::{AccountSettings, LetsChatSenderMode, SenderMode};

/// The maximum length of a template or a mail address.
const MAX_LEN: usize = 100;

/// Parses how people of IRC are shown in Let's Chat.
pub(in crate::config) fn letschat_sender_mode(
    text: &str,
) -> Result<LetsChatSenderMode, ValueError> {
    match text {
        "puppet" | "puppets" | "account" => Err(ValueError::quoting(
            text,
            "is not a valid value in Let's Chat",
            "write \"accounts\"",
        )),
        "relaymsg" => {
            let remedy = "use \"bot\" or \"accounts\"";
            Err(ValueError::quoting(text, "exists only on IRC", remedy))
        }
        _ => enum_value(text),
    }
}

/// Parses how users of Let's Chat are shown on IRC.
pub(in crate::config) fn sender_mode(text: &str) -> Result<SenderMode, ValueError> {
    match text {
        "account" | "accounts" => {
            let remedy = "use \"puppets\" here, or write letschat_sender_mode = \"accounts\" in a \
                          [[link]], or sender_mode = \"accounts\" in [letschat]";
            Err(ValueError::quoting(text, "exists only in Let's Chat", remedy))
        }
        _ => enum_value(text),
    }
}

/// Parses a template that makes a user name of Let's Chat.
pub(in crate::config) fn account_username(text: &str) -> Result<String, ValueError> {
    let example = format!("like {:?}", AccountSettings::default().username);
    let remedy = || format!("write it {example}");
    check_len(text)?;
    let (fields, around) = split_fields(text, &["nick", "account", "network"])?;
    if !fields.iter().any(|field| ["nick", "account"].contains(field)) {
        return Err(ValueError::quoting(text, "must contain {nick} or {account}", remedy()));
    }
    let is_inside = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-.".contains(c);
    if let Some(wrong) = around.chars().find(|c| !is_inside(*c)) {
        let found = format!("contains {wrong:?}, which a user name of Let's Chat cannot");
        return Err(ValueError::quoting(text, &found, "use only a-z, 0-9, _, - and ."));
    }
    if text.starts_with(['-', '.']) || text.ends_with(['-', '.']) {
        return Err(ValueError::quoting(
            text,
            "starts or ends with - or ., which a user name of Let's Chat cannot",
            remedy(),
        ));
    }
    if !around.contains(|c: char| c.is_ascii_alphanumeric()) {
        let remedy = format!("add a letter or a digit, {example}");
        return Err(ValueError::quoting(
            text,
            "would take names that people want for themselves",
            remedy,
        ));
    }
    Ok(text.to_owned())
}

/// Parses a template that makes a mail address from a user name.
pub(in crate::config) fn account_email(text: &str) -> Result<String, ValueError> {
    let remedy = || format!("write it like {:?}", AccountSettings::default().email);
    check_len(text)?;
    let (fields, _) = split_fields(text, &["user"])?;
    if fields.is_empty() {
        return Err(ValueError::quoting(
            text,
            "must contain {user}: mail addresses are unique in Let's Chat",
            remedy(),
        ));
    }
    let (before, host) = text.split_once('@').unwrap_or_default();
    if !before.contains("{user}") || !is_email(&text.replace("{user}", "x")) || host.contains('{') {
        return Err(ValueError::quoting(text, "does not make a mail address", remedy()));
    }
    Ok(text.to_owned())
}

/// Parses a mail address, roughly as Let's Chat does.
pub(in crate::config) fn email(text: &str) -> Result<String, ValueError> {
    check_len(text)?;
    if !is_email(text) {
        let remedy = "write it like \"dave@example.org\"";
        return Err(ValueError::quoting(text, "is not a mail address", remedy));
    }
    Ok(text.to_owned())
}

fn is_email(text: &str) -> bool {
    let Some((before, host)) = text.split_once('@') else { return false };
    let in_host = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let label = |label: &str| {
        let edge = label.starts_with('-') || label.ends_with('-');
        !label.is_empty() && !edge && label.chars().all(in_host)
    };
    let part = |part: &str| {
        !part.is_empty()
            && part.chars().all(|c| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c))
    };
    before.split('.').all(part) && host.contains('.') && host.split('.').all(label)
}

/// The fields of a template, and the text around them.
fn split_fields<'t>(
    text: &'t str,
    known: &[&'static str],
) -> Result<(Vec<&'t str>, String), ValueError> {
    let known_fields =
        || known.iter().map(|name| format!("{{{name}}}")).collect::<Vec<_>>().join(", ");
    let (mut fields, mut around) = (Vec::new(), String::new());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        around.push_str(before);
        let Some((field, after)) = after.split_once('}') else {
            let remedy = format!("valid fields: {}", known_fields());
            return Err(ValueError::quoting(text, "has a { without a }", remedy));
        };
        if !known.contains(&field) {
            let found = format!("has the unknown field {{{field}}}");
            let remedy = format!("valid fields: {}", known_fields());
            return Err(ValueError::quoting(text, &found, remedy));
        }
        fields.push(field);
        rest = after;
    }
    around.push_str(rest);
    Ok((fields, around))
}

fn check_len(text: &str) -> Result<(), ValueError> {
    if text.len() > MAX_LEN {
        let found = format!("is {} bytes long", text.len());
        return Err(ValueError::quoting(text, &found, format!("use at most {MAX_LEN}")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse::check::{assert_parses, assert_rejects};

    #[test]
    fn sender_modes_belong_to_their_side() {
        assert_parses(letschat_sender_mode, "bot", LetsChatSenderMode::Bot);
        assert_parses(letschat_sender_mode, "accounts", LetsChatSenderMode::Accounts);
        assert_parses(sender_mode, "puppets", SenderMode::Puppets);
        for (text, found) in [
            ("puppets", "\"puppets\" is not a valid value in Let's Chat"),
            ("relaymsg", "\"relaymsg\" exists only on IRC"),
            ("", "\"\" is not a valid value"),
        ] {
            assert_rejects(letschat_sender_mode, text, found);
        }
        assert_rejects(sender_mode, "accounts", "\"accounts\" exists only in Let's Chat");
    }

    #[test]
    fn username_template_makes_names_that_nobody_wants() {
        for text in
            ["{nick}.irc", "irc_{account}", "{account}-{network}x", "{nick}{nick}0", "i{nick}_"]
        {
            assert_parses(account_username, text, text.to_owned());
        }
        let own = "would take names that people want for themselves";
        let edge = "starts or ends with - or ., which a user name of Let's Chat cannot";
        let wrong = |c: char| format!("contains {c:?}, which a user name of Let's Chat cannot");
        for (text, found) in [
            ("", "must contain {nick} or {account}"),
            ("irc", "must contain {nick} or {account}"),
            ("{network}.irc", "must contain {nick} or {account}"),
            ("{nick}", own),
            ("{account}", own),
            ("{nick}_{network}", own),
            (".irc{nick}", edge),
            ("{nick}.irc-", edge),
            ("{nick}.IRC", &wrong('I')),
            ("{nick} irc", &wrong(' ')),
            ("{nick}}irc", &wrong('}')),
            ("{nick}|irc", &wrong('|')),
            ("é{nick}", &wrong('é')),
            ("{nick.irc", "has a { without a }"),
            ("{Nick}.irc", "has the unknown field {Nick}"),
            ("{{nick}}.irc", "has the unknown field {{nick}"),
        ] {
            assert_rejects(account_username, text, &format!("{text:?} {found}"));
        }
        let long = format!("{{nick}}{}", "i".repeat(95));
        let flaw = account_username(&long).expect_err("too long");
        assert!(flaw.problem.ends_with(" is 101 bytes long"), "{flaw:?}");
    }

    #[test]
    fn email_template_makes_one_address_for_each_user() {
        for text in ["{user}@irc.invalid", "irc+{user}@example.org", "{user}.{user}@a.b-c.de"] {
            assert_parses(account_email, text, text.to_owned());
        }
        let same = "must contain {user}: mail addresses are unique in Let's Chat";
        let none = "does not make a mail address";
        for (text, found) in [
            ("", same),
            ("irc@example.org", same),
            ("{user}", none),
            ("{user}@", none),
            ("{user}@irc", none),
            ("irc@{user}.invalid", none),
            ("{user}@{user}.invalid", none),
            ("{user}@a@irc.invalid", none),
            ("{user} @irc.invalid", none),
            ("{user}.@irc.invalid", none),
            ("{user}@irc-.invalid", none),
            ("{nick}@irc.invalid", "has the unknown field {nick}"),
        ] {
            assert_rejects(account_email, text, &format!("{text:?} {found}"));
        }
    }

    #[test]
    fn email_is_a_mail_address() {
        for text in ["dave@example.org", "d.ave+irc@mail.example.org", "_@a.b"] {
            assert_parses(email, text, text.to_owned());
        }
        for text in
            ["", "dave", "@example.org", "dave@", "dave@irc", "a..b@example.org", "a b@c.de"]
        {
            assert_rejects(email, text, &format!("{text:?} is not a mail address"));
        }
    }
}
