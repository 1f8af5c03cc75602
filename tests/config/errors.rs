//! All mistakes are told at once, each with its line and a remedy.

use super::*;

#[test]
fn unreadable_or_invalid_files_are_rejected() {
    let desk = ConfigFixture::new().file("latin.toml", b"a = 1\n# \xE9t\xE9\n");
    let told = |name: &str| {
        let mistakes =
            config::load(&desk.folder.path().join(name), std::iter::empty()).unwrap_err();
        desk.lines(mistakes.diagnostics())
    };
    assert_eq!(
        told("none.toml"),
        ["none.toml: there is no such file; write one with `letsbridge init`, or name another \
             with --config"],
    );
    assert_eq!(
        told("latin.toml"),
        ["latin.toml:2: this is not UTF-8; save it as UTF-8, as TOML requires"],
    );
    desk.assert_errors(
        "[letschat]\ntoken = \"hush\nurl = 'x'\n[irc\n",
        &[
            "bridge.toml:2:14: this is not TOML: invalid basic string, expected `\"`; fix this \
             first; the keys have not been read",
            "bridge.toml:4:5: this is not TOML: unclosed table, expected `]`; fix this first; the \
             keys have not been read",
        ],
    );
}

#[test]
fn missing_sections_and_keys_are_reported() {
    ConfigFixture::new().assert_errors(
        "",
        &[
            "bridge.toml: irc: no IRC network configured; add [irc.NAME] with servers = \
             [\"irc.example.org:6697\"]",
            "bridge.toml: letschat: missing; write [letschat] with url = \"https://chat.example.org\" \
             and token_file = \"letschat.token\", a file with the bridge's token",
            "bridge.toml: link: no links configured: nothing would be mirrored; add [[link]] with \
             channel = \"office/#dev\" and room = \"dev\"",
        ],
    );
    ConfigFixture::new().assert_errors(
        "[irc.office]\n[letschat]\n[[link]]\n",
        &[
            "bridge.toml:1: irc.office.servers: missing; write servers = [\"irc.example.org:6697\"]",
            "bridge.toml:2: letschat.token: missing; write token_file = \"letschat.token\", a file \
             with the bridge's token",
            "bridge.toml:2: letschat.url: missing; write url = \"https://chat.example.org\"",
            "bridge.toml:3: link[0].channel: missing; write channel = \"office/#dev\"",
            "bridge.toml:3: link[0].room: missing; write room = \"dev\"",
        ],
    );
}

#[test]
fn all_errors_are_reported_at_once() {
    let text = r##"shutdown_timeout = "soon"
state_dir = ""
notices = 1
stat_dir = "x"
[log]
format = "xml"
level = "inof"
[store]
retention = 30
[irc.office]
servers = [
  "irc.example.org:port",
  "irc2.example.org",
  5,
]
tls = "yes"
nick = "9lives"
username = "a b"
realname = ""
fallback_charset = "klingon"
flood_control = "slow"
unconfirmed = "retry"
ca_file = "nowhere.pem"
shutdown_timeout = "10s"
[letschat]
url = "chat.example.org"
token = "hush"
pin_sha256 = "ab"
catch_up = "always"
catch_up_limit = -1
[[link]]
channel = "ofice/#dev"
room = "#dev"
[[link]]
channel = "office/dev"
room = "tea"
rom = "tea"
"##;
    ConfigFixture::new().assert_errors(
        text,
        &[
            "bridge.toml:1: shutdown_timeout: \"soon\" is not a duration; write a number and its \
             unit, like \"90s\", \"5m\", \"24h\" or \"30d\"",
            "bridge.toml:2: state_dir: \"\" is empty; write a path, or remove the key",
            "bridge.toml:3: notices: expected true or false, found a number; write true or false, \
             without quotes",
            "bridge.toml:4: stat_dir: unknown key; did you mean \"state_dir\"?",
            "bridge.toml:6: log.format: \"xml\" is not a valid value; use \"auto\" or \"human\" or \
             \"json\"",
            "bridge.toml:7: log.level: \"inof\" has an unknown log level; write \"info\", or one \
             of off, error, warn, debug and trace; for one module \"info,letsbridge::net=debug\"",
            "bridge.toml:9: store.retention: expected text, found a number; put it in quotes",
            "bridge.toml:12: irc.office.servers[0]: \"irc.example.org:port\" is not host:port; write \
             it like \"irc.example.org:6697\"",
            "bridge.toml:14: irc.office.servers[2]: expected text, found a number; put it in \
             quotes",
            "bridge.toml:16: irc.office.tls: expected true or false, found text; write true or \
             false, without quotes",
            "bridge.toml:17: irc.office.nick: \"9lives\" starts with a digit or \"-\", which \
             nicks cannot; write it like \"letsbridge\"",
            "bridge.toml:18: irc.office.username: \"a b\" contains ' ', which a user name cannot; \
             remove ' '",
            "bridge.toml:19: irc.office.realname: \"\" is empty; write who to contact about the \
             bridge",
            "bridge.toml:20: irc.office.fallback_charset: \"klingon\" is not a known character \
             set; use one like \"windows-1252\", \"iso-8859-15\", \"koi8-r\" or \"shift_jis\"",
            "bridge.toml:21: irc.office.flood_control: \"slow\" is not a valid value; use \"auto\" \
             or \"standard\" or \"solanum\" or \"hybrid\" or \"inspircd\" or \"unrealircd\" or \
             \"ngircd\" or \"ergo\" or \"ircu\" or \"soju\" or \"off\"",
            "bridge.toml:22: irc.office.unconfirmed: \"retry\" is not a valid value; use \
             \"resend\" or \"drop\"",
            "bridge.toml:23: irc.office.ca_file: cannot read \"nowhere.pem\" (No such file or \
             directory (os error 2)); create it, or fix the path",
            "bridge.toml:24: irc.office.shutdown_timeout: unknown key; move it to the top of the \
             file, before the first [section]",
            "bridge.toml:26: letschat.url: \"chat.example.org\" does not start with https:// or \
             http://; write it like \"https://chat.example.org\"",
            "bridge.toml:27: letschat.token: is not a Let's Chat token; generate one in Let's \
             Chat (menu \"Auth Tokens\") and copy all of it",
            "bridge.toml:28: letschat.pin_sha256: \"ab\" is not a SHA-256 fingerprint of 64 \
             hexadecimal digits; copy what `openssl x509 -noout -fingerprint -sha256` prints after \
             the \"=\"",
            "bridge.toml:29: letschat.catch_up: \"always\" is not a duration; write a number and its \
             unit, like \"90s\", \"5m\", \"24h\" or \"30d\", or \"all\" or \"none\"",
            "bridge.toml:30: letschat.catch_up_limit: not a non-negative number; write a number \
             like 500, or \"none\"",
            "bridge.toml:32: link[0].channel: unknown network \"ofice\"; did you mean \"office\"?",
            "bridge.toml:33: link[0].room: \"#dev\" is neither a room slug nor a room id; write \
             only \"dev\"",
            "bridge.toml:35: link[1].channel: \"dev\" does not start with a channel prefix (#, &, \
             + or !); did you mean \"office/#dev\"?",
            "bridge.toml:37: link[1].rom: unknown key; did you mean \"room\"?",
        ],
    );
}

#[test]
fn values_in_place_of_sections_are_rejected() {
    ConfigFixture::new().assert_errors(
        "letschat = 5\nlog = []\n[irc]\nnick = 'x'\n[irc.\"a/b\"]\nservers = 'x'\n[irc.c]\n\
         servers = []\n[link]\nroom = 1",
        &[
            "bridge.toml:1: letschat: expected a section, found a number; write [letschat] above \
             its keys",
            "bridge.toml:2: log: expected a section, found a list; write [log] above its keys",
            "bridge.toml:4: irc.nick: a network key without a network name; write [irc.office] \
             above its keys",
            "bridge.toml:5: irc.\"a/b\": \"a/b\" contains '/', which a network's name cannot; \
             remove '/'",
            "bridge.toml:6: irc.\"a/b\".servers: expected a list, found text; write servers = \
             [\"irc.example.org:6697\"]",
            "bridge.toml:8: irc.c.servers: the list is empty; write servers = \
             [\"irc.example.org:6697\"]",
            "bridge.toml:9: link: expected a list, found a section; write [[link]], with two \
             brackets",
        ],
    );
    ConfigFixture::new().assert_errors(
        &format!("irc = 1\n{}", MINIMAL.replace("[irc.office]", "[irc_office]")),
        &[
            "bridge.toml:1: irc: expected a section, found a number; write [irc] above its keys",
            "bridge.toml:3: irc_office: unknown key; write [irc.office]",
        ],
    );
}

#[test]
fn one_charset_is_enough() {
    let desk = ConfigFixture::new();
    let settings = desk.settings(&with("charset = 'ISO-2022-JP'", "", "charset = 'shift_jis'"));
    let network = &settings.networks[0];
    assert_eq!(network.charset, Some(encoding_rs::ISO_2022_JP));
    assert_eq!(network.channels[0].charset, Some(encoding_rs::SHIFT_JIS));
    desk.assert_errors(
        &with(
            "fallback_charset = 'koi8-r'\ncharset = 'utf-16'",
            "",
            "charset = 'replacement'\nfallback_charset = 'iso-2022-jp'",
        ),
        &[
            "bridge.toml:5: irc.office.charset: \"utf-16\" cannot be used on IRC: it is not \
             ASCII-compatible; use one like \"windows-1252\", \"iso-8859-15\", \"koi8-r\" or \
             \"shift_jis\"",
            "bridge.toml:5: irc.office.charset: conflicts with irc.office.fallback_charset \
             (bridge.toml:4); remove one of the two",
            "bridge.toml:13: link[0].charset: \"replacement\" is not a known character set; use \
             one like \"windows-1252\", \"iso-8859-15\", \"koi8-r\" or \"shift_jis\"",
            "bridge.toml:13: link[0].charset: conflicts with link[0].fallback_charset \
             (bridge.toml:14); remove one of the two",
            "bridge.toml:14: link[0].fallback_charset: \"iso-2022-jp\" cannot be a fallback: its \
             lines look like ASCII; write charset = \"iso-2022-jp\" instead",
        ],
    );
}

#[test]
fn certificate_files_are_checked_at_load() {
    let desk =
        ConfigFixture::new().file("ca.pem", certificate()).file("empty.pem", "no certificate");
    let pin = format!("pin_sha256 = '{}'", "ab".repeat(32));
    let settings = desk.settings(&with(&pin, "ca_file = 'ca.pem'", ""));
    assert!(matches!(settings.networks[0].tls, Some(TlsTrust::Pin(_))));
    assert_eq!(settings.letschat.tls_trust, TlsTrust::CaFile(desk.folder.path().join("ca.pem")));
    desk.assert_errors(
        &with(&format!("ca_file = 'ca.pem'\n{pin}"), "ca_file = 'empty.pem'", ""),
        &[
            "bridge.toml:5: irc.office.pin_sha256: conflicts with irc.office.ca_file \
             (bridge.toml:4); remove one of the two",
            "bridge.toml:9: letschat.ca_file: \"empty.pem\" contains no certificate; it must be \
             PEM, with -----BEGIN CERTIFICATE-----",
        ],
    );
    desk.assert_errors(
        &with(&format!("tls = false\n{pin}"), "ca_file = 'ca.pem'", "").replace("https:", "http:"),
        &[
            "bridge.toml:5: irc.office.pin_sha256: certificates are not used with tls = false; \
             remove one of the two",
            "bridge.toml:9: letschat.ca_file: certificates are not used with an http:// address; \
             remove one of the two",
        ],
    );
}

#[test]
fn suspicious_settings_are_warned_about() {
    ConfigFixture::new().assert_warnings(
        &with(
            "tls = false\n[irc.home]\nservers = ['a:6667']",
            "catch_up = '3d'\n[store]\nretention = '2d'",
            "",
        ),
        &[
            "bridge.toml:3: irc.office.servers: irc.example.org:6697 uses the usual port for tls = \
             true; if it does not answer, try 6667",
            "bridge.toml:5: irc.home: no link uses this network; add a [[link]] with channel = \
             \"home/#…\", or remove the network",
            "bridge.toml:6: irc.home.servers: a:6667 uses the usual port for tls = false; if it \
             does not answer, try 6697",
            "bridge.toml:12: store.retention: retention is shorter than catch_up: older messages \
             could be mirrored twice; raise store.retention to at least catch_up",
        ],
    );
}

#[test]
fn invalid_puppet_and_nick_settings_are_rejected() {
    for (written, told) in [
        (
            "sender_mode = 'puppet'",
            "sender_mode: \"puppet\" is not a valid value; use \"bot\" or \"relaymsg\" or \
             \"puppets\"",
        ),
        (
            "max_puppets = 0",
            "max_puppets: must be at least 1; write a number like 50, or sender_mode = \"bot\"",
        ),
        (
            "puppet_ban_fallback = 'no'",
            "puppet_ban_fallback: \"no\" is not a valid value; use \"reject\" or \"bot\"",
        ),
        (
            "puppet_ipv6_prefix = '192.0.2.0/24'",
            "puppet_ipv6_prefix: \"192.0.2.0/24\" is not an IPv6 network; write an IPv6 network, \
             like \"2001:db8:1:2::/64\"",
        ),
        (
            "puppet_ipv6_prefix = '2001:db8::/97'",
            "puppet_ipv6_prefix: \"2001:db8::/97\" has too few addresses for the puppets; use /96 \
             or shorter",
        ),
        (
            "puppet_ipv6_prefix = '2001:db8::/64'\nwebirc_password = 'hush'",
            "puppet_ipv6_prefix: conflicts with WEBIRC, which already sends an address; remove \
             webirc_password or this key",
        ),
        (
            "puppet_ipv6_prefix = '2001:db8::/64'\nproxy = 'socks5h://localhost'",
            "puppet_ipv6_prefix: has no effect behind a proxy: servers see the proxy's address; \
             remove proxy or this key",
        ),
        (
            "webirc_host = 'x'",
            "webirc_host: \"x\" is not a host name of at most 63 characters; write it like \
             \"{user}.chat.example.org\"",
        ),
        (
            "nick_template = 'bob'",
            "nick_template: \"bob\" must contain {user} exactly once; write it like \
             \"{user}/lc\"",
        ),
        (
            "nick_template = '{user} lc'",
            "nick_template: \" lc\" contains ' ', which a nick cannot; remove ' '",
        ),
        (
            "nick_template = '0{user}'",
            "nick_template: \"0x\" starts with a digit or \"-\", which nicks cannot; write it like \
             \"{user}/lc\"",
        ),
    ] {
        let desk = ConfigFixture::new();
        desk.assert_errors(&with(written, "", ""), &[&format!("bridge.toml:4: irc.office.{told}")]);
    }
}

/// Each of these is one slip in the smallest configuration there is, and one mistake.
#[test]
fn one_slip_is_one_mistake() {
    for (from, to, told) in [
        ("[letschat]", "[letchat]", "5: letchat: unknown key; did you mean \"letschat\"?"),
        ("[letschat]", "[LetsChat]", "5: LetsChat: unknown key; did you mean \"letschat\"?"),
        ("[letschat]", "[lets-chat]", "5: lets-chat: unknown key; did you mean \"letschat\"?"),
        ("[letschat]", "[chat]", "5: chat: unknown key; write [letschat]"),
        ("[letschat]", "[irc.letschat]", "5: irc.letschat: not a network; write [letschat]"),
        ("[[link]]", "[[links]]", "9: links: unknown key; did you mean \"link\"?"),
        ("[[link]]", "[[bridge]]", "9: bridge: unknown key; write [[link]]"),
        (
            "[[link]]",
            "[[letschat.link]]",
            "9: letschat.link: unknown key; write [[link]]: it cannot be inside another section",
        ),
        (
            "[[link]]",
            "[link]",
            "9: link: expected a list, found a section; write [[link]], with two brackets",
        ),
        ("[irc.office]", "[irc_office]", "2: irc_office: unknown key; write [irc.office]"),
        ("[irc.office]", "[irc-office]", "2: irc-office: unknown key; write [irc.office]"),
        ("[irc.office]", "[office]", "2: office: unknown key; write [irc.office]"),
        ("[irc.office]", "[ircs.office]", "2: ircs: unknown key; did you mean \"irc\"?"),
        (
            "[irc.office]",
            "[irc]",
            "3: irc.servers: a network key without a network name; write [irc.office] above its \
             keys",
        ),
        (
            "[irc.office]",
            "[[irc.office]]",
            "2: irc.office: expected a section, found a list; write [irc.NAME] above the keys of a \
             network",
        ),
        (
            "[irc.office]",
            "[irc.ofice]",
            "10: link[0].channel: unknown network \"office\"; did you mean \"ofice\"?",
        ),
        ("servers =", "severs =", "3: irc.office.severs: unknown key; did you mean \"servers\"?"),
        ("servers =", "host =", "3: irc.office.host: unknown key; did you mean \"servers\"?"),
        (
            "servers = [\"irc.example.org:6697\"]",
            "server = \"irc.example.org\"",
            "3: irc.office.server: unknown key; did you mean \"servers\"? Write servers = \
             [\"…\"], a list",
        ),
        (
            "servers =",
            "port = 6697\nservers =",
            "3: irc.office.port: unknown key; add it to the server: servers = \
             [\"irc.example.org:6697\"]",
        ),
        (
            "servers =",
            "channels = ['#dev', '#ops']\nservers =",
            "3: irc.office.channels: unknown key; write a [[link]] for each channel, with its room",
        ),
        (
            "servers =",
            "password_fil = 'letschat.token'\nservers =",
            "3: irc.office.password_fil: unknown key; did you mean \"password_file\"?",
        ),
        (
            "channel = \"office/#dev\"",
            "channels = [\"office/#dev\"]",
            "10: link[0].channels: unknown key; did you mean \"channel\"? Write channel = \"…\", \
             one text",
        ),
        ("room =", "slug =", "11: link[0].slug: unknown key; did you mean \"room\"?"),
        ("[irc.office]", "[network.office]", "2: network: unknown key; did you mean \"irc\"?"),
        ("url =", "server =", "6: letschat.server: unknown key; did you mean \"url\"?"),
        ("url =", "uri =", "6: letschat.uri: unknown key; did you mean \"url\"?"),
        ("url =", "baseUrl =", "6: letschat.baseUrl: unknown key; did you mean \"url\"?"),
        ("channel =", "chanel =", "10: link[0].chanel: unknown key; did you mean \"channel\"?"),
        ("room =", "rom =", "11: link[0].rom: unknown key; did you mean \"room\"?"),
        ("room =", "rooms =", "11: link[0].rooms: unknown key; did you mean \"room\"?"),
        (
            "[[link]]",
            "shutdown_timeout = '5s'\n[[link]]",
            "9: letschat.shutdown_timeout: unknown key; move it to the top of the file, before the \
             first [section]",
        ),
        (
            "servers =",
            "url = 'https://chat.example.org'\nservers =",
            "3: irc.office.url: unknown key; move it to [letschat]",
        ),
    ] {
        let text = MINIMAL.replacen(from, to, 1);
        ConfigFixture::new().assert_errors(&text, &[&format!("bridge.toml:{told}")]);
    }
}

#[test]
fn proposed_key_fits_the_value() {
    for (written, near) in [
        ("tokenfile = 'letschat.token'", "token_file"),
        ("tokenFile = 'letschat.token'", "token_file"),
        ("token-path = 'letschat.token'", "token_file"),
        // A slip in `token`; but what it says is a file's name.
        ("tokn = 'letschat.token'", "token_file"),
        ("tokn = 'TOKEN'", "token"),
        ("toke_file = 'TOKEN'", "token"),
        ("api_token = 'TOKEN'", "token"),
    ] {
        let text = MINIMAL.replace("token_file = \"letschat.token\"", written);
        let (name, _) = written.split_once(" =").unwrap();
        let line = format!("bridge.toml:7: letschat.{name}: unknown key; did you mean \"{near}\"?");
        ConfigFixture::new().assert_errors(&text.replace("TOKEN'", &format!("{TOKEN}'")), &[&line]);
    }
    for (written, told) in [
        ("passwordfile = 'p'", "passwordfile: unknown key; did you mean \"password_file\"?"),
        ("pasword = '/etc/p'", "pasword: unknown key; did you mean \"password_file\"?"),
        ("pasword = 'p'", "pasword: unknown key; did you mean \"password_file\"?"),
        ("pasword = 'hush'", "pasword: unknown key; did you mean \"password\"?"),
        ("ssl = true", "ssl: unknown key; did you mean \"tls\"?"),
        ("server_tls = true", "server_tls: unknown key; did you mean \"tls\"?"),
    ] {
        let desk = ConfigFixture::new().file("p", "hush\n");
        let text = with(written, "", "");
        let mistakes = desk.load(&text).unwrap_err();
        let lines = desk.lines(mistakes.diagnostics());
        assert!(lines.contains(&format!("bridge.toml:4: irc.office.{told}")), "{lines:?}");
    }
    // A list is no nick, and nothing else is near.
    let mistakes = ConfigFixture::new().load(&with("nik = [5]", "", "")).unwrap_err();
    assert!(
        mistakes.to_string().contains("irc.office.nik: unknown key; valid keys here: "),
        "{mistakes}"
    );
}

#[test]
fn other_errors_are_reported_with_a_misspelling() {
    let text = MINIMAL.replace("[letschat]", "[letchat]").replace("https:", "gopher:");
    ConfigFixture::new().assert_errors(
        &text,
        &[
            "bridge.toml:5: letchat: unknown key; did you mean \"letschat\"?",
            "bridge.toml:6: letschat.url: \"gopher://chat.example.org\" does not start with \
             https:// or http://; write it like \"https://chat.example.org\"",
        ],
    );
    let more = "[[link]]\nchannel = 'ofice/#a'\nroom = 'a'\n[[link]]\nchannel = 'ofice/#b'\n\
                room = 'b'\n";
    ConfigFixture::new().assert_errors(
        &format!("{MINIMAL}{more}"),
        &["bridge.toml:13: link[1].channel: unknown network \"ofice\", used by 2 links; did you \
           mean \"office\"?"],
    );
}

#[test]
fn channel_without_its_network_is_explained() {
    for (written, told) in [
        ("#dev", "is not network/channel; write it like \"office/#dev\""),
        ("dev", "is not network/channel; write it like \"office/#dev\""),
        ("office#dev", "is not network/channel; write it like \"office/#dev\""),
        ("Office:#Dev", "is not network/channel; write it like \"office/#Dev\""),
        ("office #dev", "is not network/channel; write it like \"office/#dev\""),
        ("#dev/ops", "is not network/channel; write it like \"office/#dev/ops\""),
    ] {
        let text = MINIMAL.replace("office/#dev", written);
        ConfigFixture::new().assert_errors(
            &text,
            &[&format!("bridge.toml:10: link[0].channel: {written:?} {told}")],
        );
    }
    for (written, told) in [
        (
            "office/dev",
            "\"dev\" does not start with a channel prefix (#, &, + or !); did you mean \
                        \"office/#dev\"?",
        ),
        ("Office/#dev", "unknown network \"Office\"; did you mean \"office\"?"),
    ] {
        let text = MINIMAL.replace("office/#dev", written);
        ConfigFixture::new()
            .assert_errors(&text, &[&format!("bridge.toml:10: link[0].channel: {told}")]);
    }
}

#[test]
fn encoding_of_the_file_is_accepted_or_explained() {
    let crlf = MINIMAL.replace('\n', "\r\n");
    ConfigFixture::new().settings(&crlf);
    ConfigFixture::new().settings(&format!("\u{FEFF}{MINIMAL}"));
    ConfigFixture::new().settings(&format!("\u{FEFF}{crlf}"));
    ConfigFixture::new().settings(&MINIMAL.replace("url =", "\turl\t="));
    let utf16: Vec<u8> = MINIMAL.encode_utf16().flat_map(u16::to_le_bytes).collect();
    for bytes in [utf16.clone(), [&[0xFF, 0xFE], &utf16[..]].concat()] {
        let desk = ConfigFixture::new().file("wide.toml", bytes);
        let path = desk.folder.path().join("wide.toml");
        let mistakes = config::load(&path, std::iter::empty()).unwrap_err();
        assert_eq!(
            desk.lines(mistakes.diagnostics()),
            ["wide.toml: this is UTF-16, not UTF-8; save it as UTF-8, as TOML requires"]
        );
    }
}

#[test]
fn toml_syntax_error_is_reported_once_with_its_remedy() {
    for (from, to, at, words) in [
        ("[letschat]", "[irc.office]\nnick = 'x'\n[letschat]", "5", "duplicate key"),
        ("url =", "url = 'x'\nurl =", "7", "duplicate key"),
        ("\"dev\"", "dev", "11", "quote"),
        ("\"dev\"", "“dev”", "11", "straight quotes"),
        ("[letschat]", "[letschat", "5", "unclosed table"),
        ("[[link]]", "[[link]", "9", "unclosed"),
        ("url =", "url:", "6", "write = between"),
    ] {
        let text = MINIMAL.replacen(from, to, 1);
        let mistakes = ConfigFixture::new().load(&text).unwrap_err();
        let shown = mistakes.to_string();
        assert_eq!(mistakes.diagnostics().len(), 1, "{to}: {shown}");
        assert!(shown.contains(&format!("bridge.toml:{at}:")), "{to}: {shown}");
        assert!(shown.contains(words), "{to}: {shown}");
    }
}
