//! The environment lies over the file, and says where systemd keeps things.

use super::*;

#[test]
fn keyword_values_are_parsed() {
    let settings = ConfigFixture::new().settings(&with(
        "flood_control = 'off'\nunconfirmed = 'drop'\nsender_mode = 'relaymsg'",
        "catch_up = 'all'\ncatch_up_limit = 'none'\n[store]\nretention = 'forever'\n[log]\nformat = 'json'",
        "",
    ));
    let network = &settings.networks[0];
    assert_eq!(
        (network.flood_control, network.unconfirmed),
        (FloodControl::Off, UnconfirmedPolicy::Drop)
    );
    assert_eq!(
        (network.sender_mode, network.nick_template_for(network.sender_mode)),
        (SenderMode::Relaymsg, "{user}/lc")
    );
    assert_eq!(settings.letschat.catch_up, CatchUpPolicy::All);
    assert_eq!((settings.letschat.catch_up_limit, settings.store.retention), (None, None));
    assert_eq!(settings.log.format, LogOutput::Json);
}

#[test]
fn environment_overrides_the_file() {
    let desk = ConfigFixture::new()
        .variable("LETSBRIDGE__LETSCHAT__URL", "http://localhost:5000/chat")
        .variable("LETSBRIDGE__LETSCHAT__CATCH_UP_LIMIT", "7")
        .variable("LETSBRIDGE__NOTICES", "no")
        .variable("LETSBRIDGE__IRC__OFFICE__NICK", "true")
        .variable("LETSBRIDGE__IRC__OFFICE__SERVERS", "a.example, [::1]:7000")
        .variable("LETSBRIDGE__IRC__OFFICE__PASSWORD", "0042")
        .variable("LETSBRIDGE__STATE_DIR", "state")
        .variable("LETSBRIDGE_CONFIG", "not ours");
    let settings = desk.settings(&with("nick = 'file'\nrealname = 'file'", "", ""));
    assert_eq!(settings.letschat.url.as_str(), "http://localhost:5000/chat/");
    assert_eq!(settings.letschat.catch_up_limit, Some(7));
    assert!(!settings.notices);
    assert_eq!(settings.state_dir, desk.folder.path().join("state"));
    let network = &settings.networks[0];
    assert_eq!((network.nick.as_str(), network.username.as_str()), ("true", "true"));
    assert_eq!(network.realname, "file");
    let servers: Vec<_> = network.servers.iter().map(ToString::to_string).collect();
    assert_eq!(servers, ["a.example:6697", "[::1]:7000"]);
    assert_eq!(network.password.as_ref().unwrap().expose_secret(), "0042");
}

#[test]
fn misspelled_variable_is_reported() {
    ConfigFixture::new()
        .variable("LETSBRIDGE_LETSCHAT_URL", "x")
        .variable("LetsBridge__Irc__Office__Nick", "x")
        .variable("LETSBRIDGE_CONFIG", "not ours")
        .variable("LETSBRIDGE__IRC__SERVERS", "x")
        .assert_errors(
            MINIMAL,
            &[
                "LETSBRIDGE_LETSCHAT_URL: unknown variable; did you mean \
                 LETSBRIDGE__LETSCHAT__URL?",
                "LETSBRIDGE__IRC__SERVERS: a network key without a network name; put the network's \
                 name between them, like LETSBRIDGE__IRC__OFFICE__SERVERS",
                "LetsBridge__Irc__Office__Nick: unknown variable; did you mean \
                 LETSBRIDGE__IRC__OFFICE__NICK?",
            ],
        );
}

#[test]
fn variable_matches_its_network_by_name() {
    let text = MINIMAL.replace("irc.office", "irc.\"Home.1-a\"").replace("office/", "Home.1-a/");
    let desk = ConfigFixture::new().variable("LETSBRIDGE__IRC__HOME_1_A__NICK", "x");
    assert_eq!(desk.settings(&text).networks[0].nick, "x");
}

#[test]
fn errors_name_the_variable() {
    ConfigFixture::new()
        .variable("LETSBRIDGE__LETSCHAT__ULR", TOKEN)
        .variable("LETSBRIDGE__IRC__OFFICE__NICKNAME", "x")
        .variable("LETSBRIDGE__IRC__OFICE__NICK", "x")
        .variable("LETSBRIDGE__IRC__OFFICE", "x")
        .variable("LETSBRIDGE__LINK__0__ROOM", "dev")
        .variable("LETSBRIDGE__QUUX", "x")
        .variable("LETSBRIDGE__SHUTDOWN_TIMEOUT", "soon")
        .variable("LETSBRIDGE__IRC__OFFICE__TLS", "perhaps")
        .variable("LETSBRIDGE__IRC__OFFICE__SERVERS", "a.example,b:c")
        .assert_errors(
            MINIMAL,
            &[
                "LETSBRIDGE__IRC__OFFICE: a section, not a key; name one of its keys, like \
                 LETSBRIDGE__IRC__OFFICE__ACCOUNT",
                "LETSBRIDGE__IRC__OFFICE__NICKNAME: unknown key; did you mean \
                 LETSBRIDGE__IRC__OFFICE__NICK?",
                "LETSBRIDGE__IRC__OFFICE__SERVERS: irc.office.servers[1]: \"b:c\" is not host:port; \
                 write it like \"irc.example.org:6697\"",
                "LETSBRIDGE__IRC__OFFICE__TLS: irc.office.tls: expected true or false, found text; \
                 write true or false, without quotes",
                "LETSBRIDGE__IRC__OFICE__NICK: irc.ofice: unknown network \"ofice\"; did you mean \
                 \"office\"?",
                "LETSBRIDGE__LETSCHAT__ULR: unknown key; did you mean LETSBRIDGE__LETSCHAT__URL?",
                "LETSBRIDGE__LINK__0__ROOM: links cannot be set by environment variables; define \
                 links in the file",
                "LETSBRIDGE__QUUX: unknown key; variable names look like \
                 LETSBRIDGE__LETSCHAT__URL or LETSBRIDGE__IRC__OFFICE__NICK",
                "LETSBRIDGE__SHUTDOWN_TIMEOUT: shutdown_timeout: \"soon\" is not a duration; write a number and its \
                 unit, like \"90s\", \"5m\", \"24h\" or \"30d\"",
            ],
        );
}

#[test]
fn systemd_directories_are_used() {
    let credentials = TempDir::new().unwrap();
    let token = credentials.path().join("letschat.token");
    let desk = ConfigFixture::new()
        .variable("STATE_DIRECTORY", "/var/lib/private/a:/var/lib/private/b")
        .variable("CREDENTIALS_DIRECTORY", credentials.path().to_str().unwrap());
    fs::write(&token, "not a token").unwrap();
    let mistakes = desk.load(MINIMAL).unwrap_err().to_string();
    assert!(mistakes.contains("is not a Let's Chat token"), "{mistakes}");
    fs::remove_file(token).unwrap();
    assert_eq!(desk.settings(MINIMAL).state_dir.to_str(), Some("/var/lib/private/a"));
}
