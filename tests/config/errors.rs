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
        [
            "none.toml: the configuration cannot be read (No such file or directory (os error 2)); name \
          the file that holds it, and let the user that the bridge runs as read it"
        ],
    );
    assert_eq!(
        told("latin.toml"),
        ["latin.toml:2: this is not UTF-8; save it as UTF-8, as TOML has to be"],
    );
    desk.assert_errors(
        "[letschat]\ntoken = \"hush\nurl = 'x'\n[irc\n",
        &[
            "bridge.toml:2:14: this is not TOML: invalid basic string, expected `\"`; mend this \
             first, the keys have not been read",
            "bridge.toml:4:5: this is not TOML: unclosed table, expected `]`; mend this first, the \
             keys have not been read",
        ],
    );
}

#[test]
fn missing_sections_and_keys_are_reported() {
    ConfigFixture::new().assert_errors(
        "",
        &[
            "bridge.toml: irc: there is no IRC network; write [irc.NAME] with servers = \
             [\"irc.example.org:6697\"]",
            "bridge.toml: letschat: missing; write [letschat] with url = \"https://chat.example.org\" \
             and token_file = \"letschat.token\", a file with the bridge's token",
            "bridge.toml: link: there is no link, so that nothing would be mirrored; write [[link]] \
             with channel = \"office/#dev\" and room = \"dev\"",
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
    let text = r##"settle = "soon"
state_dir = ""
stat_dir = "x"
[log]
format = "xml"
level = "inof"
[store]
keep = 30
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
pace = "slow"
in_doubt = "retry"
ca_file = "nowhere.pem"
settle = "10s"
[letschat]
url = "chat.example.org"
token = "hush"
pin_sha256 = "ab"
catch_up = "always"
catch_up_limit = -1
announce_gaps = 1
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
            "bridge.toml:1: settle: \"soon\" is not a duration; write a number and its unit, like \
             \"90s\", \"5m\", \"24h\" or \"30d\"",
            "bridge.toml:2: state_dir: \"\" is empty; write a path, or leave the key out",
            "bridge.toml:3: stat_dir: no such key; did you mean \"state_dir\"?",
            "bridge.toml:5: log.format: \"xml\" is not known here; it can be \"auto\" or \"human\" or \
             \"json\"",
            "bridge.toml:6: log.level: \"inof\" names a level that does not exist; write \"info\", or \
             one of off, error, warn, debug and trace; for a part of the program \
             \"info,letsbridge::net=debug\"",
            "bridge.toml:8: store.keep: a number where text is wanted; put it in quotes",
            "bridge.toml:11: irc.office.servers[0]: \"irc.example.org:port\" is not host:port; write \
             it like \"irc.example.org:6697\"",
            "bridge.toml:13: irc.office.servers[2]: a number where text is wanted; put it in quotes",
            "bridge.toml:15: irc.office.tls: text where true or false is wanted; write true or false, \
             without quotes",
            "bridge.toml:16: irc.office.nick: \"9lives\" begins with a digit or \"-\", as no nick \
             may; write it like \"letsbridge\"",
            "bridge.toml:17: irc.office.username: \"a b\" contains ' ', which a user name cannot; \
             leave ' ' out",
            "bridge.toml:18: irc.office.realname: \"\" is empty; say whom to ask about the bridge",
            "bridge.toml:19: irc.office.fallback_charset: \"klingon\" is no character set we know; \
             name one like \"windows-1252\", \"iso-8859-15\", \"koi8-r\" or \"shift_jis\"",
            "bridge.toml:20: irc.office.pace: \"slow\" is not known here; it can be \"auto\" or \
             \"standard\" or \"solanum\" or \"hybrid\" or \"inspircd\" or \"unrealircd\" or \
             \"ngircd\" or \"ergo\" or \"ircu\" or \"soju\" or \"off\"",
            "bridge.toml:21: irc.office.in_doubt: \"retry\" is not known here; it can be \"repeat\" or \
             \"drop\"",
            "bridge.toml:22: irc.office.ca_file: cannot read \"nowhere.pem\" (No such file or \
             directory (os error 2)); create it, or name another",
            "bridge.toml:23: irc.office.settle: no such key; it belongs to the top of the file, \
             before the first [section]",
            "bridge.toml:25: letschat.url: \"chat.example.org\" does not begin with https:// or \
             http://; write it like \"https://chat.example.org\"",
            "bridge.toml:26: letschat.token: is not a Let's Chat token; generate one in Let's Chat \
             (\"Authentication tokens\") and copy the whole of it",
            "bridge.toml:27: letschat.pin_sha256: \"ab\" is not a SHA-256 fingerprint of 64 \
             hexadecimal digits; copy what `openssl x509 -noout -fingerprint -sha256` prints after \
             the \"=\"",
            "bridge.toml:28: letschat.catch_up: \"always\" is not a duration; write a number and its \
             unit, like \"90s\", \"5m\", \"24h\" or \"30d\", or \"all\" or \"none\"",
            "bridge.toml:29: letschat.catch_up_limit: not a number from 0 upwards; write a number \
             like 500, or \"none\"",
            "bridge.toml:30: letschat.announce_gaps: a number where true or false is wanted; write \
             true or false, without quotes",
            "bridge.toml:32: link[0].channel: there is no network \"ofice\"; did you mean \"office\"?",
            "bridge.toml:33: link[0].room: \"#dev\" is neither the slug nor the id of a room; write \
             \"dev\" alone",
            "bridge.toml:35: link[1].channel: \"dev\" does not begin like a channel, with #, &, + or \
             !; did you mean \"office/#dev\"?",
            "bridge.toml:37: link[1].rom: no such key; did you mean \"room\"?",
        ],
    );
}

#[test]
fn values_in_place_of_sections_are_rejected() {
    ConfigFixture::new().assert_errors(
        "letschat = 5\nlog = []\n[irc]\nnick = 'x'\n[irc.\"a/b\"]\nservers = 'x'\n[irc.c]\n\
         servers = []\n[link]\nroom = 1",
        &[
            "bridge.toml:1: letschat: a number where a section is wanted; write [letschat] above its \
             keys",
            "bridge.toml:2: log: a list where a section is wanted; write [log] above its keys",
            "bridge.toml:4: irc.nick: a key of no network; give the network a name: write \
             [irc.office] above its keys",
            "bridge.toml:5: irc.\"a/b\": \"a/b\" contains '/', which a network's name cannot; leave \
             '/' out",
            "bridge.toml:6: irc.\"a/b\".servers: text where a list is wanted; write servers = \
             [\"irc.example.org:6697\"]",
            "bridge.toml:8: irc.c.servers: there is no server in the list; write servers = \
             [\"irc.example.org:6697\"]",
            "bridge.toml:9: link: a section where a list is wanted; write [[link]], with two brackets",
        ],
    );
    ConfigFixture::new().assert_errors(
        &format!("irc = 1\n{}", MINIMAL.replace("[irc.office]", "[irc_office]")),
        &[
            "bridge.toml:1: irc: a number where a section is wanted; write [irc] above its keys",
            "bridge.toml:3: irc_office: no such key; write [irc.office]",
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
            "bridge.toml:5: irc.office.charset: \"utf-16\" cannot be spoken on IRC, as it does not \
             contain ASCII; name one like \"windows-1252\", \"iso-8859-15\", \"koi8-r\" or \
             \"shift_jis\"",
            "bridge.toml:5: irc.office.charset: there is irc.office.fallback_charset, too \
             (bridge.toml:4); keep one of the two",
            "bridge.toml:13: link[0].charset: \"replacement\" is no character set we know; name one \
             like \"windows-1252\", \"iso-8859-15\", \"koi8-r\" or \"shift_jis\"",
            "bridge.toml:13: link[0].charset: there is link[0].fallback_charset, too \
             (bridge.toml:14); keep one of the two",
            "bridge.toml:14: link[0].fallback_charset: \"iso-2022-jp\" looks like ASCII, so that \
             nothing would fall back on it; write charset = \"iso-2022-jp\" instead",
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
            "bridge.toml:5: irc.office.pin_sha256: there is irc.office.ca_file, too (bridge.toml:4); \
             keep one of the two",
            "bridge.toml:9: letschat.ca_file: \"empty.pem\" has no certificate in it; it must be \
             PEM, with -----BEGIN CERTIFICATE-----",
        ],
    );
    desk.assert_errors(
        &with(&format!("tls = false\n{pin}"), "ca_file = 'ca.pem'", "").replace("https:", "http:"),
        &[
            "bridge.toml:5: irc.office.pin_sha256: certificates mean nothing with tls = false; \
             remove one or the other",
            "bridge.toml:9: letschat.ca_file: certificates mean nothing with an http:// address; \
             remove one or the other",
        ],
    );
}

#[test]
fn suspicious_settings_are_warned_about() {
    ConfigFixture::new().assert_warnings(
        &with(
            "tls = false\n[irc.home]\nservers = ['a:6667']",
            "catch_up = '3d'\n[store]\nkeep = '2d'",
            "",
        ),
        &[
            "bridge.toml:3: irc.office.servers: irc.example.org:6697 has the port that is most often \
             for tls = true; if it does not answer, try 6667",
            "bridge.toml:5: irc.home: no link mentions this network; add a [[link]] with channel = \
             \"home/#…\", or remove the network",
            "bridge.toml:6: irc.home.servers: a:6667 has the port that is most often for tls = false; \
             if it does not answer, try 6697",
            "bridge.toml:12: store.keep: the ledger forgets messages that catch_up still \
             looks for; keep them for at least as long, or they may be repeated",
        ],
    );
}

#[test]
fn invalid_puppet_and_nick_settings_are_rejected() {
    for (written, told) in [
        (
            "mode = 'puppet'",
            "mode: \"puppet\" is not known here; it can be \"bot\" or \"relaymsg\" or \"puppets\"",
        ),
        (
            "puppet_limit = 0",
            "puppet_limit: 0 leaves nobody a connection; write a number like 50, or mode = \"bot\"",
        ),
        (
            "puppet_banned = 'no'",
            "puppet_banned: \"no\" is not known here; it can be \"refuse\" or \"bot\"",
        ),
        (
            "puppet_prefix = '192.0.2.0/24'",
            "puppet_prefix: \"192.0.2.0/24\" is no IPv6 network; write an IPv6 network, like \
             \"2001:db8:1:2::/64\"",
        ),
        (
            "puppet_prefix = '2001:db8::/97'",
            "puppet_prefix: \"2001:db8::/97\" leaves too few addresses for everybody to have one; at \
             most /96 will do",
        ),
        (
            "puppet_prefix = '2001:db8::/64'\nwebirc_password = 'hush'",
            "puppet_prefix: the server is told an address by WEBIRC already; remove webirc_password, \
             or this",
        ),
        (
            "puppet_prefix = '2001:db8::/64'\nproxy = 'socks5h://localhost'",
            "puppet_prefix: servers see the proxy's address, whatever ours is; remove proxy, or this",
        ),
        (
            "webirc_host = 'x'",
            "webirc_host: \"x\" is no host name of at most 63 letters; write it like \"{user}.chat.example.org\"",
        ),
        (
            "nick_template = 'bob'",
            "nick_template: \"bob\" does not say once where the user name stands; write it like \
             \"{user}/lc\"",
        ),
        (
            "nick_template = '{user} lc'",
            "nick_template: \" lc\" contains ' ', which a nick cannot; leave ' ' out",
        ),
        (
            "nick_template = '0{user}'",
            "nick_template: \"0x\" begins with a digit or \"-\", as no nick may; write it like \
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
        ("[letschat]", "[letchat]", "5: letchat: no such key; did you mean \"letschat\"?"),
        ("[letschat]", "[LetsChat]", "5: LetsChat: no such key; did you mean \"letschat\"?"),
        ("[letschat]", "[lets-chat]", "5: lets-chat: no such key; did you mean \"letschat\"?"),
        ("[letschat]", "[chat]", "5: chat: no such key; write [letschat]"),
        ("[letschat]", "[irc.letschat]", "5: irc.letschat: no network; write [letschat]"),
        ("[[link]]", "[[links]]", "9: links: no such key; did you mean \"link\"?"),
        ("[[link]]", "[[bridge]]", "9: bridge: no such key; write [[link]]"),
        (
            "[[link]]",
            "[[letschat.link]]",
            "9: letschat.link: no such key; write [[link]]: it belongs to no other section",
        ),
        (
            "[[link]]",
            "[link]",
            "9: link: a section where a list is wanted; write [[link]], with two brackets",
        ),
        ("[irc.office]", "[irc_office]", "2: irc_office: no such key; write [irc.office]"),
        ("[irc.office]", "[irc-office]", "2: irc-office: no such key; write [irc.office]"),
        ("[irc.office]", "[office]", "2: office: no such key; write [irc.office]"),
        ("[irc.office]", "[ircs.office]", "2: ircs: no such key; did you mean \"irc\"?"),
        (
            "[irc.office]",
            "[irc]",
            "3: irc.servers: a key of no network; give the network a name: write [irc.office] \
             above its keys",
        ),
        (
            "[irc.office]",
            "[[irc.office]]",
            "2: irc.office: a list where a section is wanted; write [irc.NAME] above the keys of \
             a network",
        ),
        (
            "[irc.office]",
            "[irc.ofice]",
            "10: link[0].channel: there is no network \"office\"; did you mean \"ofice\"?",
        ),
        ("servers =", "severs =", "3: irc.office.severs: no such key; did you mean \"servers\"?"),
        ("servers =", "host =", "3: irc.office.host: no such key; did you mean \"servers\"?"),
        (
            "servers = [\"irc.example.org:6697\"]",
            "server = \"irc.example.org\"",
            "3: irc.office.server: no such key; did you mean \"servers\"? Write servers = [\"…\"], a list",
        ),
        (
            "servers =",
            "port = 6697\nservers =",
            "3: irc.office.port: no such key; write it behind the server: servers = \
             [\"irc.example.org:6697\"]",
        ),
        (
            "servers =",
            "channels = ['#dev', '#ops']\nservers =",
            "3: irc.office.channels: no such key; write a [[link]] for each channel, with its room",
        ),
        (
            "servers =",
            "password_fil = 'letschat.token'\nservers =",
            "3: irc.office.password_fil: no such key; did you mean \"password_file\"?",
        ),
        (
            "channel = \"office/#dev\"",
            "channels = [\"office/#dev\"]",
            "10: link[0].channels: no such key; did you mean \"channel\"? Write channel = \"…\", one text",
        ),
        ("room =", "slug =", "11: link[0].slug: no such key; did you mean \"room\"?"),
        ("[irc.office]", "[network.office]", "2: network: no such key; did you mean \"irc\"?"),
        ("url =", "server =", "6: letschat.server: no such key; did you mean \"url\"?"),
        ("url =", "uri =", "6: letschat.uri: no such key; did you mean \"url\"?"),
        ("url =", "baseUrl =", "6: letschat.baseUrl: no such key; did you mean \"url\"?"),
        ("channel =", "chanel =", "10: link[0].chanel: no such key; did you mean \"channel\"?"),
        ("room =", "rom =", "11: link[0].rom: no such key; did you mean \"room\"?"),
        ("room =", "rooms =", "11: link[0].rooms: no such key; did you mean \"room\"?"),
        (
            "[[link]]",
            "settle = '5s'\n[[link]]",
            "9: letschat.settle: no such key; it belongs to the top of the file, before the \
             first [section]",
        ),
        (
            "servers =",
            "url = 'https://chat.example.org'\nservers =",
            "3: irc.office.url: no such key; it belongs to [letschat]",
        ),
    ] {
        let text = MINIMAL.replacen(from, to, 1);
        ConfigFixture::new().assert_errors(&text, &[&format!("bridge.toml:{told}")]);
    }
}

#[test]
fn the_key_that_is_proposed_fits_the_value() {
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
        let line = format!("bridge.toml:7: letschat.{name}: no such key; did you mean \"{near}\"?");
        ConfigFixture::new().assert_errors(&text.replace("TOKEN'", &format!("{TOKEN}'")), &[&line]);
    }
    for (written, told) in [
        ("passwordfile = 'p'", "passwordfile: no such key; did you mean \"password_file\"?"),
        ("pasword = '/etc/p'", "pasword: no such key; did you mean \"password_file\"?"),
        ("pasword = 'p'", "pasword: no such key; did you mean \"password_file\"?"),
        ("pasword = 'hush'", "pasword: no such key; did you mean \"password\"?"),
        ("ssl = true", "ssl: no such key; did you mean \"tls\"?"),
        ("server_tls = true", "server_tls: no such key; did you mean \"tls\"?"),
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
        mistakes.to_string().contains("irc.office.nik: no such key; known here: "),
        "{mistakes}"
    );
}

#[test]
fn what_is_wrong_besides_is_told_with_the_slip() {
    let text = MINIMAL.replace("[letschat]", "[letchat]").replace("https:", "gopher:");
    ConfigFixture::new().assert_errors(
        &text,
        &[
            "bridge.toml:5: letchat: no such key; did you mean \"letschat\"?",
            "bridge.toml:6: letschat.url: \"gopher://chat.example.org\" does not begin with https:// \
             or http://; write it like \"https://chat.example.org\"",
        ],
    );
    let more = "[[link]]\nchannel = 'ofice/#a'\nroom = 'a'\n[[link]]\nchannel = 'ofice/#b'\n\
                room = 'b'\n";
    ConfigFixture::new().assert_errors(
        &format!("{MINIMAL}{more}"),
        &["bridge.toml:13: link[1].channel: there is no network \"ofice\", which 2 links mention; \
           did you mean \"office\"?"],
    );
}

#[test]
fn a_channel_without_its_network_is_understood() {
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
            "\"dev\" does not begin like a channel, with #, &, + or !; did you mean \
                        \"office/#dev\"?",
        ),
        ("Office/#dev", "there is no network \"Office\"; did you mean \"office\"?"),
    ] {
        let text = MINIMAL.replace("office/#dev", written);
        ConfigFixture::new()
            .assert_errors(&text, &[&format!("bridge.toml:10: link[0].channel: {told}")]);
    }
}

#[test]
fn how_the_file_was_saved_does_not_matter_or_is_told() {
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
            ["wide.toml: this is UTF-16, not UTF-8; save it as UTF-8, as TOML has to be"]
        );
    }
}

#[test]
fn a_slip_in_toml_is_one_mistake_and_says_what_would_do() {
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
