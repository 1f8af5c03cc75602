//! The configuration: the example in the repository is true, and mistakes are told all at once.
#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use letsbridge::config::{
    self, CatchUp, Diagnostic, InDoubt, LogFormat, Mistakes, Origin, Pace, Settings, Trust,
};
use letsbridge::domain::Place;
use proptest::prelude::*;
use proptest::sample::Index;
use secrecy::ExposeSecret;
use tempfile::TempDir;

const EXAMPLE: &str = include_str!("../bridge.toml.example");
/// base64 of 24 and 48 hexadecimal digits.
const TOKEN: &str = "NTZiOWQyYzdhMWIyYzNkNGU1ZjYwNzE4OjAwMTEyMjMzNDQ1NTY2Nzc4ODk5YWFiYmNjZGRlZWZm\
                     MDAxMTIyMzM0NDU1NjY3Nw==";
const MINIMAL: &str = r##"
[irc.office]
servers = ["irc.example.org:6697"]

[letschat]
url = "https://chat.example.org"
token_file = "letschat.token"

[[link]]
channel = "office/#dev"
room = "dev"
"##;

/// A folder with a configuration and the files that it names.
struct Desk {
    folder: TempDir,
    environment: Vec<(String, String)>,
}

impl Desk {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        // Nobody else's to read.
        #[cfg(unix)]
        fs::set_permissions(&folder, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
        let desk = Self { folder, environment: Vec::new() };
        desk.file("letschat.token", format!("{TOKEN}\n"))
    }

    fn file(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        fs::write(self.folder.path().join(name), content).unwrap();
        self
    }

    fn variable(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    fn load(&self, text: &str) -> Result<(Settings, Vec<Diagnostic>), Mistakes> {
        let path = self.folder.path().join("bridge.toml");
        fs::write(&path, text).unwrap();
        config::load(&path, self.environment.iter().cloned())
    }

    /// The settings, if nothing is amiss at all.
    #[track_caller]
    fn settings(&self, text: &str) -> Settings {
        match self.load(text) {
            Ok((settings, warnings)) => {
                assert_eq!(self.lines(&warnings), [""; 0], "{text}");
                settings
            }
            Err(mistakes) => panic!("{mistakes}\n{text}"),
        }
    }

    #[track_caller]
    fn mistakes(&self, text: &str, expected: &[&str]) {
        match self.load(text) {
            Ok((settings, _)) => panic!("no mistake in {text}\n{settings:#?}"),
            Err(mistakes) => {
                assert_eq!(self.lines(mistakes.diagnostics()), expected, "{text}\n{mistakes}");
                assert_eq!(mistakes.to_string().lines().count(), expected.len());
            }
        }
    }

    #[track_caller]
    fn warnings(&self, text: &str, expected: &[&str]) {
        let (_, warnings) = self.load(text).unwrap();
        assert_eq!(self.lines(&warnings), expected, "{text}");
    }

    /// Diagnostics as people see them who are in the folder.
    fn lines(&self, diagnostics: &[Diagnostic]) -> Vec<String> {
        let folder = format!("{}/", self.folder.path().display());
        diagnostics.iter().map(|line| line.to_string().replace(&folder, "")).collect()
    }
}

/// The minimal configuration with lines added to its sections.
fn with(network: &str, letschat: &str, link: &str) -> String {
    MINIMAL
        .replace("\n[letschat]", &format!("{network}\n[letschat]"))
        .replace("\n[[link]]", &format!("{letschat}\n[[link]]"))
        + link
}

fn names(conversations: &[Vec<Place>]) -> Vec<String> {
    let join =
        |places: &Vec<Place>| places.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    conversations.iter().map(join).collect()
}

fn certificate() -> String {
    rcgen::generate_simple_self_signed(["irc.example.org".to_owned()]).unwrap().cert.pem()
}

// The example.

#[test]
fn five_lines_are_enough() {
    let settings = Desk::new().settings(MINIMAL);
    let [network] = settings.networks.as_slice() else { panic!("one network") };
    assert_eq!(network.network.as_str(), "office");
    assert_eq!(network.servers[0].to_string(), "irc.example.org:6697");
    assert_eq!(network.tls, Some(Trust::System));
    assert_eq!((network.nick.as_str(), network.username.as_str()), ("letsbridge", "letsbridge"));
    assert_eq!(network.channels[0].name, "#dev");
    assert_eq!(network.fallback_charset, encoding_rs::WINDOWS_1252);
    assert_eq!(settings.letschat.url.as_str(), "https://chat.example.org/");
    assert_eq!(settings.letschat.token.expose_secret(), TOKEN);
    assert_eq!(settings.letschat.rooms[0].name, "dev");
    assert_eq!(settings.letschat.catch_up, CatchUp::Age(Duration::from_hours(24)));
    assert_eq!(settings.letschat.catch_up_limit, Some(500));
    assert!(settings.letschat.announce_gaps);
    assert_eq!(settings.store.keep, Some(Duration::from_hours(30 * 24)));
    assert_eq!(settings.settle, Duration::from_secs(10));
    assert_eq!((settings.log.format, settings.log.level.as_str()), (LogFormat::Auto, "info"));
    assert_eq!(settings.state_dir.to_str(), Some("/var/lib/letsbridge"));
    assert_eq!(settings.links[0].channel.to_string(), "office/#dev");
    assert_eq!(names(&settings.conversations), ["office/#dev letschat/dev"]);
}

#[test]
fn the_example_is_the_minimal_configuration() {
    let desk = Desk::new();
    let (example, minimal) = (desk.settings(EXAMPLE), desk.settings(MINIMAL));
    assert_eq!(format!("{example:?}"), format!("{minimal:?}"));
}

/// The key of a line of the example, and the line without its mark.
fn shown(line: &'static str, mark: &str) -> Option<(&'static str, &'static str)> {
    let line = line.strip_prefix(mark)?;
    let (key, _) = line.split_once(" = ")?;
    let is_key = |key: &str| key.chars().all(|c| c == '_' || c.is_ascii_alphanumeric());
    is_key(key).then_some((key, line))
}

/// For each line with this mark: its key, and the example with that line uncommented.
fn uncommented(mark: &str) -> Vec<(&'static str, String)> {
    let lines: Vec<&'static str> = EXAMPLE.lines().collect();
    let mut examples = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        let Some((key, line)) = shown(line, mark) else { continue };
        let mut example = lines.clone();
        example[number] = line;
        if key == "token" {
            // One excludes the other.
            example.retain(|line| !line.starts_with("token_file"));
        }
        examples.push((key, example.join("\n")));
    }
    examples
}

#[test]
fn what_the_example_calls_a_default_is_one() {
    let desk = Desk::new();
    let defaults = format!("{:?}", desk.settings(EXAMPLE));
    let examples = uncommented("#");
    assert_eq!(examples.len(), 15);
    for (key, example) in examples {
        assert_eq!(format!("{:?}", desk.settings(&example)), defaults, "{key}");
    }
}

#[test]
fn what_the_example_suggests_works() {
    let desk = Desk::new()
        .file("ca.pem", certificate())
        .file("office.password", "hush\n")
        .file("dev.key", "hush\n")
        .file("dev.password", "hush\n");
    let plain = format!("{:?}", desk.settings(EXAMPLE));
    let examples = uncommented("#e.g. ");
    assert_eq!(examples.len(), 11);
    for (key, example) in examples {
        let settings = format!("{:?}", desk.settings(&example));
        assert!(settings != plain || key == "token", "{key} does nothing");
    }
}

#[test]
fn the_example_shows_every_key_and_no_other() {
    let mut section = String::new();
    let mut keys = BTreeSet::new();
    for line in EXAMPLE.lines() {
        if line.starts_with('[') {
            section = match line {
                "[irc.office]" => "irc.*.".to_owned(),
                "[[link]]" => "link[].".to_owned(),
                _ => format!("{}.", line.trim_matches(['[', ']'])),
            };
        }
        if let Some((key, _)) = ["#e.g. ", "#", ""].iter().find_map(|mark| shown(line, mark)) {
            keys.insert(format!("{section}{key}"));
        }
    }
    assert_eq!(keys, config::known_keys().into_iter().collect());
}

// Layers.

#[test]
fn the_environment_wins_over_the_file() {
    let desk = Desk::new()
        .variable("LETSBRIDGE__LETSCHAT__URL", "http://localhost:5000/chat")
        .variable("LETSBRIDGE__LETSCHAT__CATCH_UP_LIMIT", "7")
        .variable("LETSBRIDGE__LETSCHAT__ANNOUNCE_GAPS", "no")
        .variable("LETSBRIDGE__IRC__OFFICE__NICK", "true")
        .variable("LETSBRIDGE__IRC__OFFICE__SERVERS", "a.example, [::1]:7000")
        .variable("LETSBRIDGE__IRC__OFFICE__PASSWORD", "0042")
        .variable("LETSBRIDGE__STATE_DIR", "state")
        .variable("LETSBRIDGE_CONFIG", "not ours");
    let settings = desk.settings(&with("nick = 'file'\nrealname = 'file'", "", ""));
    assert_eq!(settings.letschat.url.as_str(), "http://localhost:5000/chat/");
    assert_eq!(settings.letschat.catch_up_limit, Some(7));
    assert!(!settings.letschat.announce_gaps);
    assert_eq!(settings.state_dir, desk.folder.path().join("state"));
    let network = &settings.networks[0];
    assert_eq!((network.nick.as_str(), network.username.as_str()), ("true", "true"));
    assert_eq!(network.realname, "file");
    let servers: Vec<_> = network.servers.iter().map(ToString::to_string).collect();
    assert_eq!(servers, ["a.example:6697", "[::1]:7000"]);
    assert_eq!(network.password.as_ref().unwrap().expose_secret(), "0042");
}

#[test]
fn a_variable_finds_its_network() {
    let text = MINIMAL.replace("irc.office", "irc.\"Home.1-a\"").replace("office/", "Home.1-a/");
    let desk = Desk::new().variable("LETSBRIDGE__IRC__HOME_1_A__NICK", "x");
    assert_eq!(desk.settings(&text).networks[0].nick, "x");
}

#[test]
fn a_variable_is_named_where_it_is_wrong() {
    Desk::new()
        .variable("LETSBRIDGE__LETSCHAT__ULR", TOKEN)
        .variable("LETSBRIDGE__IRC__OFFICE__NICKNAME", "x")
        .variable("LETSBRIDGE__IRC__OFICE__NICK", "x")
        .variable("LETSBRIDGE__IRC__OFFICE", "x")
        .variable("LETSBRIDGE__LINK__0__ROOM", "dev")
        .variable("LETSBRIDGE__QUUX", "x")
        .variable("LETSBRIDGE__SETTLE", "soon")
        .variable("LETSBRIDGE__IRC__OFFICE__TLS", "perhaps")
        .variable("LETSBRIDGE__IRC__OFFICE__SERVERS", "a.example,b:c")
        .mistakes(
            MINIMAL,
            &[
                "LETSBRIDGE__IRC__OFFICE: no such key; variables are called like \
                 LETSBRIDGE__LETSCHAT__URL or LETSBRIDGE__IRC__OFFICE__NICK",
                "LETSBRIDGE__IRC__OFFICE__NICKNAME: no such key; did you mean \
                 LETSBRIDGE__IRC__OFFICE__NICK?",
                "LETSBRIDGE__IRC__OFFICE__SERVERS: irc.office.servers[1]: \"b:c\" is not host:port; \
                 write it like \"irc.example.org:6697\"",
                "LETSBRIDGE__IRC__OFFICE__TLS: irc.office.tls: text where true or false is wanted; \
                 write true or false, without quotes",
                "LETSBRIDGE__IRC__OFICE__NICK: irc.ofice: the file has no network \"ofice\"; did you \
                 mean \"office\"?",
                "LETSBRIDGE__LETSCHAT__ULR: no such key; did you mean LETSBRIDGE__LETSCHAT__URL?",
                "LETSBRIDGE__LINK__0__ROOM: links cannot be made by environment variables; write \
                 the links in the file",
                "LETSBRIDGE__QUUX: no such key; variables are called like \
                 LETSBRIDGE__LETSCHAT__URL or LETSBRIDGE__IRC__OFFICE__NICK",
                "LETSBRIDGE__SETTLE: settle: \"soon\" is not a duration; write a number and its \
                 unit, like \"90s\", \"5m\", \"24h\" or \"30d\"",
            ],
        );
}

#[test]
fn systemd_says_where_state_and_secrets_are() {
    let credentials = TempDir::new().unwrap();
    let token = credentials.path().join("letschat.token");
    let desk = Desk::new()
        .variable("STATE_DIRECTORY", "/var/lib/private/a:/var/lib/private/b")
        .variable("CREDENTIALS_DIRECTORY", credentials.path().to_str().unwrap());
    fs::write(&token, "not a token").unwrap();
    let mistakes = desk.load(MINIMAL).unwrap_err().to_string();
    assert!(mistakes.contains("is not a Let's Chat token"), "{mistakes}");
    fs::remove_file(token).unwrap();
    assert_eq!(desk.settings(MINIMAL).state_dir.to_str(), Some("/var/lib/private/a"));
}

// Secrets.

#[test]
fn a_secret_comes_from_the_line_or_from_a_file() {
    let desk = Desk::new().file("p", "pass word\n").file("k", "k\n");
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
fn a_secret_that_cannot_be_used_is_told_and_not_shown() {
    let empty = "is empty; write the secret there, or leave the key out";
    let broken =
        "contains a line break or a NUL; a secret is one line, which may end in one line feed";
    for (content, found) in
        [("", empty), ("\n", empty), ("hush\r\n", broken), ("hush\n\n", broken), ("hush\0", broken)]
    {
        let line = format!("bridge.toml:4: irc.office.password_file: \"p\" {found}");
        let desk = Desk::new().file("p", content);
        desk.mistakes(&with("password_file = 'p'", "", ""), &[&line]);
    }
    Desk::new().file("p", b"hu\xFFsh").file("letschat.token", "hush").mistakes(
        &with("password_file = 'p'", "", "key_file = 'nowhere'\nroom_password_file = '.'"),
        &[
            "bridge.toml:4: irc.office.password_file: cannot read \"p\" (stream did not contain valid \
             UTF-8); name a file that can be read",
            "bridge.toml:7: letschat.token_file: \"letschat.token\" is not a Let's Chat token; \
             generate one in Let's Chat (\"Authentication tokens\") and copy the whole of it",
            "bridge.toml:11: link[0].key_file: cannot read \"nowhere\" (No such file or directory (os \
             error 2)); create it, or name another",
            "bridge.toml:12: link[0].room_password_file: cannot read \".\" (Is a directory (os error \
             21)); name a file that can be read",
        ],
    );
}

#[test]
fn a_secret_is_written_once() {
    Desk::new().variable("LETSBRIDGE__LETSCHAT__TOKEN", TOKEN).mistakes(
        &with(
            "password_file = 'p'\npassword = 'hush'",
            "",
            "key = 'hush'\nkey_file = 5\nroom_password = ['hush']",
        ),
        &[
            "bridge.toml:4: irc.office.password_file: irc.office.password says the same \
             (bridge.toml:5); keep one of the two",
            "bridge.toml:8: letschat.token_file: letschat.token says the same \
             (LETSBRIDGE__LETSCHAT__TOKEN); keep one of the two",
            "bridge.toml:13: link[0].key_file: link[0].key says the same (bridge.toml:12); keep one \
             of the two",
            "bridge.toml:14: link[0].room_password: a list where text is wanted; put it in quotes",
        ],
    );
}

#[cfg(unix)]
#[test]
fn a_secret_that_everybody_can_read_is_warned_of() {
    use std::os::unix::fs::PermissionsExt;

    let text = with("password = 'hush'", "", "");
    let desk = Desk::new();
    let open = |name: &str, mode| {
        let path = desk.folder.path().join(name);
        fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    };
    desk.warnings(&text, &[]);
    open("letschat.token", 0o644);
    open("bridge.toml", 0o644);
    // Nobody else can get there.
    desk.warnings(&text, &[]);
    open("", 0o755);
    desk.warnings(
        &text,
        &[
            "bridge.toml:4: irc.office.password: everybody on this machine can read it here; chmod \
             o-r bridge.toml, or use password_file",
            "bridge.toml:7: letschat.token_file: everybody on this machine can read \
             \"letschat.token\"; chmod o-r letschat.token",
        ],
    );
    open("letschat.token", 0o640);
    open("bridge.toml", 0o600);
    desk.warnings(&text, &[]);
}

// Mistakes.

#[test]
fn a_file_that_is_no_configuration_is_told() {
    let desk = Desk::new().file("latin.toml", b"a = 1\n# \xE9t\xE9\n");
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
        ["latin.toml:2: this is not UTF-8; save the file as UTF-8, as TOML has to be"],
    );
    desk.mistakes(
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
fn nothing_is_not_enough() {
    Desk::new().mistakes(
        "",
        &[
            "bridge.toml: irc: there is no IRC network; write [irc.NAME] with servers = \
             [\"irc.example.org:6697\"]",
            "bridge.toml: letschat.token: missing; write token_file = \"letschat.token\", a file with \
             the bridge's token",
            "bridge.toml: letschat.url: missing; write url = \"https://chat.example.org\"",
            "bridge.toml: link: there is no link, so that nothing would be mirrored; write [[link]] \
             with channel = \"office/#dev\" and room = \"dev\"",
        ],
    );
    Desk::new().mistakes(
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
fn all_mistakes_are_told_at_once() {
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
    Desk::new().mistakes(
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
            "bridge.toml:20: irc.office.pace: \"slow\" is not known here; it can be \"standard\" or \
             \"off\"",
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
             its slug, the short name (a-z, 0-9, - and _) that is set when a room is made, like \
             \"dev\"",
            "bridge.toml:35: link[1].channel: \"dev\" does not begin like a channel, with #, &, + or \
             !; write network/channel, like \"office/#dev\"",
            "bridge.toml:37: link[1].rom: no such key; did you mean \"room\"?",
        ],
    );
}

#[test]
fn sections_have_their_shape() {
    Desk::new().mistakes(
        "letschat = 5\nlog = []\n[irc]\nnick = 'x'\n[irc.\"a/b\"]\nservers = 'x'\n[irc.c]\n\
         servers = []\n[link]\nroom = 1",
        &[
            "bridge.toml:1: letschat: a number where a section is wanted; write [letschat] above its \
             keys",
            "bridge.toml:2: log: a list where a section is wanted; write [log] above its keys",
            "bridge.toml:4: irc.nick: text where a section is wanted; write [irc.NAME] above the keys \
             of a network",
            "bridge.toml:5: irc.\"a/b\": \"a/b\" contains '/', which a network's name cannot; leave \
             '/' out",
            "bridge.toml:6: irc.\"a/b\".servers: text where a list is wanted; write servers = \
             [\"irc.example.org:6697\"]",
            "bridge.toml:8: irc.c.servers: there is no server in the list; write servers = \
             [\"irc.example.org:6697\"]",
            "bridge.toml:9: link: a section where a list is wanted; write [[link]], with two brackets",
        ],
    );
    Desk::new().mistakes(
        &format!("irc = 1\n{}", MINIMAL.replace("[irc.office]", "[irc_office]")),
        &[
            "bridge.toml:1: irc: a number where a section is wanted; write [irc] above its keys",
            "bridge.toml:3: irc_office: no such key; known here: state_dir, settle, log, store, irc, \
             letschat, link",
            "bridge.toml:11: link[0].channel: there is no network \"office\"; add [irc.office]",
        ],
    );
}

#[test]
fn certificates_are_checked_before_they_are_needed() {
    let desk = Desk::new().file("ca.pem", certificate()).file("empty.pem", "no certificate");
    let pin = format!("pin_sha256 = '{}'", "ab".repeat(32));
    let settings = desk.settings(&with(&pin, "ca_file = 'ca.pem'", ""));
    assert!(matches!(settings.networks[0].tls, Some(Trust::Pin(_))));
    assert_eq!(settings.letschat.trust, Trust::CaFile(desk.folder.path().join("ca.pem")));
    desk.mistakes(
        &with(&format!("ca_file = 'ca.pem'\n{pin}"), "ca_file = 'empty.pem'", ""),
        &[
            "bridge.toml:5: irc.office.pin_sha256: irc.office.ca_file says the same (bridge.toml:4); \
             keep one of the two",
            "bridge.toml:9: letschat.ca_file: \"empty.pem\" has no certificate in it; it must be \
             PEM, with -----BEGIN CERTIFICATE-----",
        ],
    );
    desk.mistakes(
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
fn what_may_be_meant_is_only_warned_of() {
    Desk::new().warnings(
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
            "bridge.toml:12: store.keep: the ledger forgets messages that letschat.catch_up still \
             looks for; keep them for at least as long, or they may be repeated",
        ],
    );
}

// Links.

fn links(links: &[(&str, &str, &str)]) -> String {
    let mut text = "[irc.office]\nservers = ['a']\n[irc.home]\nservers = ['b']\n[letschat]\n\
                    url = 'https://c'\ntoken_file = 'letschat.token'\n"
        .to_owned();
    for (channel, room, more) in links {
        text += &format!("[[link]]\nchannel = '{channel}'\nroom = '{room}'\n{more}\n");
    }
    text
}

#[test]
fn places_that_hang_together_share_a_conversation() {
    let settings = Desk::new().settings(&links(&[
        ("office/#dev", "dev", ""),
        ("office/#tea", "tea", ""),
        ("home/#dev", "dev", ""),
        ("office/#DEV", "ops", ""),
        ("home/#[x]", "x", ""),
        ("home/#{X}", "y", ""),
    ]));
    assert_eq!(
        names(&settings.conversations),
        [
            "office/#dev letschat/dev home/#dev letschat/ops",
            "office/#tea letschat/tea",
            "home/#[x] letschat/x letschat/y",
        ],
    );
    let channels = |network: usize| {
        let channels = &settings.networks[network].channels;
        channels.iter().map(|channel| channel.name.as_str()).collect::<Vec<_>>()
    };
    assert_eq!(channels(0), ["#dev", "#tea"]);
    assert_eq!(channels(1), ["#dev", "#[x]"]);
    assert_eq!(settings.links[3].channel, settings.links[0].channel);
    let rooms: Vec<_> = settings.letschat.rooms.iter().map(|room| room.name.as_str()).collect();
    assert_eq!(rooms, ["dev", "tea", "ops", "x", "y"]);
}

#[test]
fn loops_are_refused_with_the_way_round() {
    Desk::new().mistakes(
        &links(&[
            ("office/#dev", "ops", ""),
            ("home/#dev", "ops", ""),
            ("home/#dev", "dev", ""),
            ("office/#dev", "dev", ""),
            ("home/#Dev", "ops", ""),
        ]),
        &[
            "bridge.toml:20: link[3]: \"office/#dev\" and \"dev\" are already joined, through \
             office/#dev – ops – home/#dev – dev; remove one of these links",
            "bridge.toml:24: link[4]: \"home/#dev\" and \"ops\" are already joined by link[1] \
             (bridge.toml:12); remove one of the two",
        ],
    );
}

#[test]
fn one_place_has_one_secret() {
    let text = |secrets: [&str; 3]| {
        let [first, second, third] = secrets;
        links(&[
            ("office/#dev", "dev", first),
            ("office/#tea", "dev", second),
            ("office/#Dev", "tea", third),
        ])
    };
    let desk = Desk::new();
    let settings = desk.settings(&text(["", "room_password = 'hush'", "key = 'k'"]));
    assert_eq!(settings.networks[0].channels[0].key.as_ref().unwrap().expose_secret(), "k");
    assert_eq!(settings.letschat.rooms[0].password.as_ref().unwrap().expose_secret(), "hush");
    assert!(settings.letschat.rooms[1].password.is_none());
    desk.settings(&text(["key = 'k'", "", "key = 'k'"]));
    desk.mistakes(
        &text(["key = 'k'\nroom_password = 'hush'", "room_password = 'hash'", "key = 'l'"]),
        &[
            "bridge.toml:16: link[1].room_password: \"dev\" has another one in link[0].room_password \
             (bridge.toml:12); write the same, or write it once",
            "bridge.toml:20: link[2].key: \"office/#dev\" has another one in link[0].key \
             (bridge.toml:11); write the same, or write it once",
        ],
    );
}

#[test]
fn words_are_choices() {
    let settings = Desk::new().settings(&with(
        "pace = 'off'\nin_doubt = 'drop'",
        "catch_up = 'all'\ncatch_up_limit = 'none'\n[store]\nkeep = 'forever'\n[log]\nformat = 'json'",
        "",
    ));
    let network = &settings.networks[0];
    assert_eq!((network.pace, network.in_doubt), (Pace::Off, InDoubt::Drop));
    assert_eq!(settings.letschat.catch_up, CatchUp::All);
    assert_eq!((settings.letschat.catch_up_limit, settings.store.keep), (None, None));
    assert_eq!(settings.log.format, LogFormat::Json);
}

// Whatever is written.

const SECRET: &str = "correct-horse-battery";

/// The example with everything in it, and secrets where they belong.
fn full() -> String {
    let line = |line| match ["#e.g. ", "#"].iter().find_map(|mark| shown(line, mark)) {
        Some(("password" | "token" | "key" | "room_password", line)) => {
            format!("{} = \"{SECRET}\"", line.split(' ').next().unwrap())
        }
        Some((_, line)) => line.to_owned(),
        None => line.to_owned(),
    };
    EXAMPLE.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// A slip of the hand in one line.
#[derive(Debug, Clone)]
struct Slip {
    at: Index,
    how: u8,
    with: String,
}

fn slip() -> impl Strategy<Value = Slip> {
    (any::<Index>(), 0_u8..6, "[a-z_#\"'\\[\\]{}=.,0-9 é\0-]{0,12}")
        .prop_map(|(at, how, with)| Slip { at, how, with })
}

impl Slip {
    fn make(&self, text: &str) -> String {
        let Self { at, how, with } = self;
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let at = at.index(lines.len());
        let line = lines[at].clone();
        lines[at] = match (how, line.split_once(" = ")) {
            (0, _) => with.clone(),
            (1, Some((_, value))) => format!("wrong_{} = {value}", with.len()),
            (2, Some((key, _))) => format!("{key} = {with}"),
            (3, Some((key, _))) => format!("{key} = {with:?}"),
            (4, Some((key, value))) => format!("{key} = {value}{with}"),
            _ => return [text, &line].join("\n"),
        };
        lines.join("\n")
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_is_too_much(
        text in "[a-z_\\[\\]\"'=\n.,#{}0-9é -]{0,200}",
        word in "[A-Z_é.\\[\\]0-9]{0,20}",
        value in ".{0,40}",
    ) {
        let desk = Desk::new()
            .variable("LETSBRIDGE__SETTLE", &value)
            .variable(&format!("LETSBRIDGE__{word}"), &value);
        for text in [text.as_str(), MINIMAL] {
            if let Err(mistakes) = desk.load(text) {
                prop_assert!(!mistakes.diagnostics().is_empty());
            }
        }
    }

    #[test]
    fn slips_are_told_on_their_lines_and_no_secret_with_them(
        slips in prop::collection::vec(slip(), 1..6),
    ) {
        let text = slips.iter().fold(full(), |text, slip| slip.make(&text));
        let told = match Desk::new().load(&text) {
            Ok((_, warnings)) => warnings,
            Err(mistakes) => mistakes.diagnostics().to_vec(),
        };
        for diagnostic in &told {
            let line = diagnostic.to_string();
            prop_assert!(!line.contains(SECRET), "{}\n{}", line, text);
            prop_assert!(!line.contains(char::is_control), "{:?}", line);
            let Origin::File { line: number, .. } = diagnostic.origin else { panic!("{line}") };
            let (Some(number), Some(key)) = (number, &diagnostic.key) else { continue };
            // What is missing stands at its section; everything else on its own line.
            let name = key.rsplit('.').next().unwrap();
            let name = name.split('[').next().unwrap().trim_matches('"');
            let written = text.lines().nth(number - 1).unwrap();
            prop_assert!(
                diagnostic.found == "missing" || written.contains(name) || key.ends_with(']'),
                "{}\n{}", line, written
            );
        }
    }

    #[test]
    fn an_unknown_key_is_named(at in 0_usize..3, key in "[a-z_]{1,12}") {
        let (header, section, pattern) = [
            ("[irc.office]", "irc.office", "irc.*"),
            ("[letschat]", "letschat", "letschat"),
            ("[[link]]", "link[0]", "link[]"),
        ][at];
        prop_assume!(!config::known_keys().contains(&format!("{pattern}.{key}")));
        let text = MINIMAL.replace(header, &format!("{header}\n{key} = \"{SECRET}\""));
        let number = 1 + text.lines().position(|line| line.contains(SECRET)).unwrap();
        let desk = Desk::new();
        let told = desk.lines(desk.load(&text).unwrap_err().diagnostics());
        prop_assert_eq!(told.len(), 1);
        let expected = format!("bridge.toml:{number}: {section}.{key}: no such key; ");
        prop_assert!(told[0].starts_with(&expected), "{:?}", told);
        prop_assert!(!told[0].contains(SECRET));
    }
}
