//! Secrets are read from where they are, and shown nowhere.

use super::*;

#[test]
fn secrets_are_read_inline_or_from_a_file() {
    let desk = ConfigFixture::new().file("p", "pass word\n").file("k", "k\n");
    let text = with("password_file = 'p'", "", "key_file = 'k'\nroom_password = 'hush'");
    let settings = desk.settings(&text);
    let network = &settings.networks[0];
    assert_eq!(network.password.as_ref().unwrap().expose_secret(), "pass word");
    assert_eq!(network.channels[0].key.as_ref().unwrap().expose_secret(), "k");
    assert_eq!(settings.letschat.rooms[0].password.as_ref().unwrap().expose_secret(), "hush");
    let shown = format!("{settings:?} {settings:#?}");
    for secret in ["pass word", "hush", TOKEN] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[test]
fn unusable_secret_is_rejected_without_showing_it() {
    let empty = "is empty; write the secret there, or remove the key";
    let lines = "has 2 lines; write the secret on a single line";
    let nul = "contains a NUL; write the secret as one line of text";
    let wide = "is UTF-16, not UTF-8; save it as UTF-8";
    for (content, found) in [
        (&b""[..], empty),
        (b"\n", empty),
        (b"\r\n\r\n", empty),
        (b"\xEF\xBB\xBF\r\n", empty),
        (b"hush\nhush", lines),
        (b"hush\r\n\r\nhush\r\n", lines),
        (b"\nhush\n", lines),
        (b"hush\rhush", lines),
        (b"hush\0!", nul),
        (b"\xFF\xFEh\0u\0s\0h\0", wide),
        (b"\xFE\xFF\0h\0u\0s\0h", wide),
        (b"h\0u\0s\0h\0", wide),
        (b"hu\xFFsh", "is not UTF-8; save it as UTF-8"),
    ] {
        let line = format!("bridge.toml:4: irc.office.password_file: \"p\" {found}");
        let desk = ConfigFixture::new().file("p", content);
        desk.assert_errors(&with("password_file = 'p'", "", ""), &[&line]);
    }
    ConfigFixture::new().file("p", "\n").file("letschat.token", "hush").assert_errors(
        &with("password_file = 'p'", "", "key_file = 'nowhere'\nroom_password_file = '.'"),
        &[
            "bridge.toml:4: irc.office.password_file: \"p\" is empty; write the secret there, or \
             remove the key",
            "bridge.toml:7: letschat.token_file: \"letschat.token\" is not a Let's Chat token; \
             generate one in Let's Chat (menu \"Auth Tokens\") and copy all of it",
            "bridge.toml:12: link[0].key_file: cannot read \"nowhere\" (No such file or directory (os \
             error 2)); create it, or fix the path",
            "bridge.toml:13: link[0].room_password_file: cannot read \".\" (Is a directory (os error \
             21)); use a readable file",
        ],
    );
}

#[test]
fn token_given_as_file_name_is_not_shown() {
    let text = MINIMAL.replace("letschat.token", TOKEN).replace("\"dev\"", &format!("{TOKEN:?}"));
    let mistakes = ConfigFixture::new().load(&text).unwrap_err();
    assert_eq!(mistakes.diagnostics().len(), 2);
    assert!(!mistakes.to_string().contains(TOKEN), "{mistakes}");
}

#[test]
fn inline_and_file_secret_conflict() {
    ConfigFixture::new().variable("LETSBRIDGE__LETSCHAT__TOKEN", TOKEN).assert_errors(
        &with(
            "password_file = 'p'\npassword = 'hush'",
            "",
            "key = 'hush'\nkey_file = 5\nroom_password = ['hush']",
        ),
        &[
            "bridge.toml:4: irc.office.password_file: conflicts with irc.office.password \
             (bridge.toml:5); remove one of the two",
            "bridge.toml:8: letschat.token_file: conflicts with letschat.token \
             (LETSBRIDGE__LETSCHAT__TOKEN); remove one of the two",
            "bridge.toml:14: link[0].key_file: conflicts with link[0].key (bridge.toml:13); remove \
             one of the two",
            "bridge.toml:15: link[0].room_password: expected text, found a list; put it in quotes",
        ],
    );
}

#[cfg(unix)]
#[test]
fn world_readable_secret_is_warned_about() {
    use std::os::unix::fs::PermissionsExt;

    let text = with("password = 'hush'", "", "");
    let desk = ConfigFixture::new();
    let open = |name: &str, mode| {
        let path = desk.folder.path().join(name);
        fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    };
    desk.assert_warnings(&text, &[]);
    open("letschat.token", 0o644);
    open("bridge.toml", 0o644);
    // Nobody else can get there.
    desk.assert_warnings(&text, &[]);
    open("", 0o755);
    desk.assert_warnings(
        &text,
        &[
            "bridge.toml:4: irc.office.password: the file with this secret is world-readable; \
             chmod o-r bridge.toml, or use password_file",
            "bridge.toml:7: letschat.token_file: \"letschat.token\" is world-readable; chmod o-r \
             letschat.token",
        ],
    );
    open("letschat.token", 0o640);
    open("bridge.toml", 0o600);
    desk.assert_warnings(&text, &[]);
}

/// What editors and shells put around a secret is not part of it.
#[test]
fn trailing_newline_is_not_part_of_a_secret() {
    for (before, after) in [
        ("", ""),
        ("", "\n"),
        ("", "\r\n"),
        ("\u{FEFF}", "\r\n"),
        ("", "\n\n\n"),
        ("", "\r\n\r\n"),
        ("  ", "  \n"),
        ("\t", " \r\n"),
    ] {
        let around = |secret: &str| format!("{before}{secret}{after}");
        let desk =
            ConfigFixture::new().file("letschat.token", around(TOKEN)).file("k", around("key"));
        let settings = desk.settings(&with("", "", "key_file = 'k'"));
        assert_eq!(settings.letschat.token.expose_secret(), TOKEN);
        let key = settings.networks[0].channels[0].key.as_ref().unwrap();
        assert_eq!(key.expose_secret(), "key");
        let desk = ConfigFixture::new().file("p", around("pass word"));
        let settings = desk.settings(&with("password_file = 'p'", "", ""));
        // Spaces may be part of a password.
        let spaces = |text: &str| text.replace(['\u{FEFF}', '\r', '\n'], "");
        let expected = format!("{}pass word{}", spaces(before), spaces(after));
        assert_eq!(settings.networks[0].password.as_ref().unwrap().expose_secret(), expected);
    }
    let desk = ConfigFixture::new().variable("LETSBRIDGE__IRC__OFFICE__PASSWORD", "hush\r\n");
    let settings = desk.settings(MINIMAL);
    assert_eq!(settings.networks[0].password.as_ref().unwrap().expose_secret(), "hush");
}

#[test]
fn byte_order_mark_before_a_certificate_is_ignored() {
    let marked = format!("\u{FEFF}{}", certificate().replace('\n', "\r\n"));
    let desk = ConfigFixture::new().file("ca.pem", &marked);
    desk.settings(&with("ca_file = 'ca.pem'", "", ""));
    assert!(config::read_pem(&desk.folder.path().join("ca.pem")).unwrap().starts_with(b"-----"));
    let wide: Vec<u8> = marked.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let desk = ConfigFixture::new().file("ca.pem", wide);
    desk.assert_errors(
        &with("ca_file = 'ca.pem'", "", ""),
        &["bridge.toml:4: irc.office.ca_file: cannot read \"ca.pem\" (it is UTF-16: save it as \
           UTF-8); use a readable file"],
    );
}
