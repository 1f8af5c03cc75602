//! How people of IRC are shown in Let's Chat, and their accounts there.

use letsbridge::config::{AccountPresence, AccountSettings, AccountsFor, LetsChatSenderMode};

use super::*;

/// The minimal configuration with these lines in `[letschat.accounts]`, which begins in line 10.
fn with_accounts(lines: &str) -> String {
    with("", &format!("sender_mode = 'accounts'\n[letschat.accounts]\n{lines}"), "")
}

#[test]
fn people_are_shown_by_the_bot_unless_configured() {
    let settings = ConfigFixture::new().settings(MINIMAL);
    assert_eq!(settings.letschat.sender_mode, LetsChatSenderMode::Bot);
    assert_eq!(settings.links[0].letschat_sender_mode, LetsChatSenderMode::Bot);
    assert_eq!(settings.letschat.accounts, AccountSettings::default());
    assert!(settings.letschat.announce);
}

#[test]
fn account_settings_are_read() {
    let settings = ConfigFixture::new().settings(&with_accounts(
        "accounts_for = 'registered'\nusername = '{account}-{network}-irc'\n\
         email = 'irc+{user}@example.org'\nmax = 20\nafter_lines = 3\nlogin_interval = '5s'\n\
         session_idle = '1d'\npresence = 'speakers'\nlink_requires_account = false",
    ));
    assert_eq!(settings.letschat.sender_mode, LetsChatSenderMode::Accounts);
    assert_eq!(
        settings.letschat.accounts,
        AccountSettings {
            accounts_for: AccountsFor::Registered,
            username: "{account}-{network}-irc".to_owned(),
            email: "irc+{user}@example.org".to_owned(),
            max: 20,
            after_lines: 3,
            login_interval: Duration::from_secs(5),
            session_idle: Duration::from_hours(24),
            presence: AccountPresence::Speakers,
            link_requires_account: false,
        }
    );
}

#[test]
fn link_overrides_how_people_are_shown() {
    let second = "letschat_sender_mode = 'bot'\n[[link]]\nchannel = 'office/#dev'\nroom = 'ops'\n";
    let settings = ConfigFixture::new().settings(&with(
        "",
        "sender_mode = 'accounts'\nannounce = false",
        second,
    ));
    let modes: Vec<_> = settings.links.iter().map(|link| link.letschat_sender_mode).collect();
    assert_eq!(modes, [LetsChatSenderMode::Bot, LetsChatSenderMode::Accounts]);
    assert!(!settings.letschat.announce);
    let settings =
        ConfigFixture::new().settings(&with("", "", "letschat_sender_mode = 'accounts'"));
    assert_eq!(settings.letschat.sender_mode, LetsChatSenderMode::Bot);
    assert_eq!(settings.links[0].letschat_sender_mode, LetsChatSenderMode::Accounts);
}

#[test]
fn two_links_of_a_channel_and_a_room_are_still_one_too_many() {
    let again = "[[link]]\nchannel = 'office/#dev'\nroom = 'dev'\n\
                 letschat_sender_mode = 'accounts'\n";
    ConfigFixture::new().assert_errors(
        &with("", "", again),
        &["bridge.toml:12: link[1]: \"office/#dev\" and \"dev\" are already linked by link[0] \
           (bridge.toml:9); remove one of the two"],
    );
}

#[test]
fn account_settings_come_from_the_environment() {
    let desk = ConfigFixture::new()
        .variable("LETSBRIDGE__LETSCHAT__SENDER_MODE", "accounts")
        .variable("LETSBRIDGE__LETSCHAT__ACCOUNTS__MAX", "7")
        .variable("LETSBRIDGE__LETSCHAT__ACCOUNTS__USERNAME", "irc_{nick}");
    let letschat = desk.settings(MINIMAL).letschat;
    assert_eq!(letschat.sender_mode, LetsChatSenderMode::Accounts);
    assert_eq!((letschat.accounts.max, letschat.accounts.username.as_str()), (7, "irc_{nick}"));
    ConfigFixture::new()
        .variable("LETSBRIDGE__LETSCHAT__ACCOUNTS", "x")
        .variable("LETSBRIDGE__LETSCHAT__ACCOUNTS__MAXIMUM", "7")
        .variable("LETSBRIDGE__LETSCHAT__ACCOUNTS__AFTER_LINES", "few")
        .variable("LETSBRIDGE__LETSCHAT_ACCOUNTS__EMAIL", "7")
        .assert_errors(
            MINIMAL,
            &[
                "LETSBRIDGE__LETSCHAT_ACCOUNTS__EMAIL: unknown key; did you mean \
                 LETSBRIDGE__LETSCHAT__ACCOUNTS__EMAIL?",
                "LETSBRIDGE__LETSCHAT__ACCOUNTS: a section, not a key; name one of its keys, like \
                 LETSBRIDGE__LETSCHAT__ACCOUNTS__ACCOUNTS_FOR",
                "LETSBRIDGE__LETSCHAT__ACCOUNTS__AFTER_LINES: letschat.accounts.after_lines: \
                 expected a number, found text; write a number, like after_lines = 1",
                "LETSBRIDGE__LETSCHAT__ACCOUNTS__MAXIMUM: unknown key; did you mean \
                 LETSBRIDGE__LETSCHAT__ACCOUNTS__MAX?",
            ],
        );
}

#[test]
fn each_side_has_modes_of_its_own() {
    let desk = ConfigFixture::new();
    for (mode, told) in [
        ("puppets", "\"puppets\" is not a valid value in Let's Chat; write \"accounts\""),
        ("account", "\"account\" is not a valid value in Let's Chat; write \"accounts\""),
        ("relaymsg", "\"relaymsg\" exists only on IRC; use \"bot\" or \"accounts\""),
        ("Accounts", "\"Accounts\" is not a valid value; use \"bot\" or \"accounts\""),
    ] {
        desk.assert_errors(
            &with("", &format!("sender_mode = '{mode}'"), ""),
            &[&format!("bridge.toml:8: letschat.sender_mode: {told}")],
        );
        desk.assert_errors(
            &with("", "", &format!("letschat_sender_mode = '{mode}'")),
            &[&format!("bridge.toml:12: link[0].letschat_sender_mode: {told}")],
        );
        desk.assert_errors(
            &format!("{MINIMAL}[user_map]\nann = {{ nick = 'ann', sender_mode = '{mode}' }}"),
            &[&format!("bridge.toml:13: user_map.ann.sender_mode: {told}")],
        );
    }
    let told = "\"accounts\" exists only in Let's Chat; use \"puppets\" here, or write \
                letschat_sender_mode = \"accounts\" in a [[link]], or sender_mode = \"accounts\" in \
                [letschat]";
    let network = format!("bridge.toml:4: irc.office.sender_mode: {told}");
    let link = format!("bridge.toml:12: link[0].sender_mode: {told}");
    let mode = "sender_mode = 'accounts'";
    desk.assert_errors(&with(mode, "", mode), &[&network, &link]);
}

#[test]
fn invalid_account_settings_are_rejected() {
    for (written, told) in [
        (
            "accounts_for = 'all'",
            "accounts_for: \"all\" is not a valid value; use \"everyone\" or \"registered\"",
        ),
        ("presence = 'on'", "presence: \"on\" is not a valid value; use \"off\" or \"speakers\""),
        ("presence = true", "presence: expected text, found true or false; put it in quotes"),
        ("max = 0", "max: must be at least 1; write a number, like max = 500"),
        ("max = -1", "max: must be at least 1; write a number, like max = 500"),
        ("max = 'none'", "max: expected a number, found text; write a number, like max = 500"),
        (
            "after_lines = 0",
            "after_lines: must be at least 1; write a number, like after_lines = 1",
        ),
        (
            "after_lines = 5000000000",
            "after_lines: is too large; write a number, like after_lines = 1",
        ),
        ("login_interval = 1", "login_interval: expected text, found a number; put it in quotes"),
        (
            "session_idle = 'forever'",
            "session_idle: \"forever\" is not a duration; write a number and its unit, like \
             \"90s\", \"5m\", \"24h\" or \"30d\"",
        ),
        (
            "link_requires_account = 'no'",
            "link_requires_account: expected true or false, found text; write true or false, \
             without quotes",
        ),
        (
            "username = '{nick}'",
            "username: \"{nick}\" would take names that people want for themselves; add a letter \
             or a digit, like \"{nick}.irc\"",
        ),
        (
            "username = '{user}.irc'",
            "username: \"{user}.irc\" has the unknown field {user}; valid fields: {nick}, \
             {account}, {network}",
        ),
        (
            "email = 'irc@example.org'",
            "email: \"irc@example.org\" must contain {user}: mail addresses are unique in Let's \
             Chat; write it like \"{user}@irc.invalid\"",
        ),
    ] {
        ConfigFixture::new().assert_errors(
            &with_accounts(written),
            &[&format!("bridge.toml:10: letschat.accounts.{told}")],
        );
    }
}

#[test]
fn misplaced_and_misspelled_account_keys_are_found() {
    let desk = ConfigFixture::new();
    for (written, told) in [
        (
            "user_name = '{nick}.x'",
            "bridge.toml:10: letschat.accounts.user_name: unknown key; did you mean \"username\"?",
        ),
        (
            "nick_template = '{nick}.x'",
            "bridge.toml:10: letschat.accounts.nick_template: unknown key; did you mean \"username\"?",
        ),
        (
            "mail = '{user}@x.invalid'",
            "bridge.toml:10: letschat.accounts.mail: unknown key; did you mean \"email\"?",
        ),
        (
            "max_accounts = 5",
            "bridge.toml:10: letschat.accounts.max_accounts: unknown key; did you mean \"max\"?",
        ),
        (
            "enabled = true",
            "bridge.toml:10: letschat.accounts.enabled: unknown key; write sender_mode = \"accounts\" in [letschat]",
        ),
        (
            "announce = true",
            "bridge.toml:10: letschat.accounts.announce: unknown key; move it to [letschat]",
        ),
    ] {
        desk.assert_errors(&with_accounts(written), &[told]);
    }
    for (written, told) in [
        (
            "puppets = true",
            "bridge.toml:8: letschat.puppets: unknown key; write sender_mode = \"accounts\"",
        ),
        (
            "accounts_for = 'registered'",
            "bridge.toml:8: letschat.accounts_for: unknown key; move it to [letschat.accounts]",
        ),
        (
            "accounts = true",
            "bridge.toml:8: letschat.accounts: expected a section, found true or false; write [letschat.accounts] above its keys",
        ),
        ("[accounts]\nmax = 5", "bridge.toml:8: accounts: unknown key; write [letschat.accounts]"),
        (
            "[letschat_accounts]\nmax = 0",
            "bridge.toml:8: letschat_accounts: unknown key; write [letschat.accounts]",
        ),
    ] {
        let mut expected = vec![told];
        if written.ends_with('0') {
            expected.push("bridge.toml:9: letschat.accounts.max: must be at least 1; write a number, like max = 500");
        }
        desk.assert_errors(&with("", written, ""), &expected);
    }
}
