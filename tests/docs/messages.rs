//! `docs/troubleshooting.md` has each message that calls for the administrator, and no other.

use std::collections::BTreeMap;
use std::fs;

use crate::source::{code_of, is_searched_for, literals, literals_in_calls, source_files};

const PAGE: &str = "docs/troubleshooting.md";

/// Files and folders whose texts reach the administrator by `check` or by the log, as a reason.
const REASONS: &[&str] = &[
    "src/cli/check.rs",
    "src/cli/check_accounts.rs",
    "src/net/proxy",
    "src/net/tls",
    "src/net/unexpected_peer.rs",
    "src/net/websocket",
    "src/net/websocket.rs",
    "src/protocol/irc/channels/voice.rs",
    "src/protocol/irc/errors",
    "src/protocol/irc/login/nickserv.rs",
    "src/protocol/irc/login/sasl.rs",
    "src/protocol/irc/login/session.rs",
    "src/protocol/letschat/session/events.rs",
    "src/protocol/letschat/session/replies.rs",
    "src/protocol/letschat/session/room_list.rs",
    "src/service/probe.rs",
    "src/store/files.rs",
    "src/web/self_test.rs",
];

/// Messages that call for nobody: they report success, or a bug that the bridge survives, or stand only inside
/// another message. A new message needs an entry on the page, or a line here.
const FOR_NOBODY: &[&str] = &[
    // What `check` prints about what works.
    "connected as {name}",
    "PostgreSQL {version} at {server}: holds the store, of schema version {schema_version}; this node is {node}, the active one is {active}",
    "{directory}: in use by a running bridge",
    "{directory}: writable",
    "{nick}, logged in to account {account}",
    "{public}: reachable ({})",
    "archive: its pages are at {public}archive",
    "{}: configuration OK",
    "Let's Chat registers accounts",
    "Let's Chat registers nobody; {written} accounts were written for it",
    "the token works, for the account {username}",
    "{spoken} people have spoken and have no account yet; of {members} more in the channels, those who speak get one \
     (at most {max} in all). Accounts cannot be removed from Let's Chat",
    // Frames for other texts.
    "letschat.accounts: {text}",
    "letschat.accounts: {}",
    "user_map {}: {text}",
    "link[{at}] {} and {}: {verdict}",
    "canary {} and {}: {verdict}",
    "warning: {warning}",
    // The ends of messages about certificates.
    "; its SHA-256 is {}. If this is the right server, ",
    "accept only this certificate with `pin_sha256 = \"{}\"`",
    "set `ca_file` to the PEM file of its authority{by}, or ",
    "{unparsable} cannot be parsed",
    // Names of what answers at a port.
    "a mail server",
    "a server that speaks TLS",
    "a web server or a proxy",
    "an IRC server",
    "an SSH server",
    // Remedies, which follow a message of the page.
    "ask the network's operators to lift the ban; do not evade it",
    "ask the server's operators to allow this host, or whether a `password`, an `account` or a client certificate \
     (`cert_file`) is required",
    "check `username` (letters and digits only), `[ident]`, `password_file`, `tls` (the port may be TLS only, or not \
     TLS), and whether this host's address is on a blocklist",
    "close other connections from this host, or ask the network's operators for a higher limit",
    "configure `[ident]`, or run another ident server on this host",
    "if services are only down, wait; if the network has no SASL, set `sasl = \"preferred\"` to log in by NickServ",
    "register an account there, and set `account` and `account_password_file`",
    "request removal of this host's address from the blocklist that the server names; or set `account`, if the \
     network exempts logged-in users",
    "set `account` and `account_password_file` as registered with NickServ, or `cert_file` to a certificate \
     registered there",
    "set `tls = true` and the server's TLS port",
    "set `tls = true` and the server's TLS port; or, on a trusted network, `allow_plaintext_auth = true`",
    "set `username` to at most ten letters and digits",
    "set another `nick`, or more `alt_nicks`",
    "set the server password in `password_file` or `password`",
    // What `init` and `check` say to the server when they leave.
    "check finished",
    // What a proxy is sent.
    "CONNECT {endpoint} HTTP/1.1\r\nHost: {endpoint}\r\n",
    "Proxy-Authorization: ",
    "Basic {pair}",
    // What Let's Chat answers.
    "Not Found",
    "password required",
    // Kinds of files, in "… is a socket, but must be a file".
    "a device",
    "a directory",
    "a file",
    "a socket",
    "a symbolic link",
    // A bug.
    "a check does not panic",
    // The demo has its own words.
    "cannot prepare the bridge in {directory} ({error}); set TMPDIR to another directory",
    "cannot start the bridge: {0}",
    "the bridge has ended: {0}",
    "the demo's Let's Chat has ended: {0}",
    "cannot listen on port {port} ({error}); choose another with {option}",
    // A server that breaks the protocol; the bridge passes over it.
    "cannot build the history request",
    "invalid PING ignored",
    "invalid outgoing line dropped",
    "notice not sent: not a nick",
    "unparsable data from Let's Chat skipped",
    "unparsable frame ignored",
    "unparsable line ignored",
    "page too large; requesting fewer posts",
    "malformed packet {0:?}",
    "unknown packet type {0:?}",
    "line too long",
    "the line has no command",
    "{0:?} is not an IRC line",
    // Checked before anything is sent, so that these are bugs.
    "a line cannot contain CR, LF or NUL",
    "{0:?} can only be the last parameter",
    "{0:?} is not a valid command",
    "{0:?} is not a valid source",
    "{0:?} is not a valid tag",
    "{0:?} is not an object id (24 hexadecimal digits)",
    // Parts of configuration errors.
    "{key}_file",
    "{name} = \"…\", one text",
    "{name} = [\"…\"], a list",
    "{name} = [\"ann\", \"account:ann\"], or {name} = \"everyone\"",
    "contains a line break or another control character",
    "shorten it",
    "together with the other text of the welcome, it {found}",
    "unknown field {{{0}}}",
    "unmatched {0}",
    // Parts of the reasons why a TLS connection that was handed over fails; and labels of its keys.
    "ChangeCipherSpec after the handshake",
    "a change of keys",
    "a message behind the change of its keys",
    "a message of the handshake",
    "a nonce",
    "a record amid a message of the handshake",
    "a record of an unknown type",
    "a record without a type",
    "a record without encryption",
    "a request to renegotiate",
    "a traffic secret",
    "an alert",
    "an empty record of the handshake",
    "changes of keys",
    "not all it sent is TLS",
    "requests to renegotiate",
    "the keys of one direction",
    "tls13 ",
    "traffic upd",
    // The answer of the web server to somebody who has followed a link.
    "no such file in Let's Chat",
];

#[test]
fn each_message_for_the_administrator_has_an_entry() {
    let (messages, entries) = (messages(), entries());
    let mut missing = Vec::new();
    for (message, file) in &messages {
        let is_explained = entries.iter().any(|entry| covers(entry, message));
        if !is_explained && !FOR_NOBODY.contains(&message.as_str()) {
            missing.push(format!("{file}: {message:?}"));
        }
    }
    assert!(
        missing.is_empty(),
        "{PAGE} says nothing about these messages. Explain them there, or add them to FOR_NOBODY:\n{}",
        missing.join("\n")
    );
    assert!(messages.len() > 200, "only {} messages were found", messages.len());
}

#[test]
fn each_entry_is_about_a_message_of_the_program() {
    let (messages, entries) = (messages(), entries());
    let stale: Vec<&String> = entries
        .iter()
        .filter(|entry| !messages.keys().any(|message| covers(entry, message)))
        .collect();
    assert!(stale.is_empty(), "the program has no such messages: {stale:#?}");
    let unknown: Vec<&&str> = FOR_NOBODY.iter().filter(|it| !messages.contains_key(**it)).collect();
    assert!(unknown.is_empty(), "the program has no such messages: {unknown:#?}");
}

#[test]
fn each_entry_says_what_to_do() {
    for (first, second) in rows() {
        assert!(second.len() > 15, "{PAGE}: {first} has no explanation");
    }
}

/// The messages of warnings and errors in the log, of error types, and the reasons; with their files.
fn messages() -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for file in source_files("src") {
        let code = code_of(&file);
        let name = file.display().to_string();
        for kind in ["tracing::warn!(", "tracing::error!("] {
            for call in literals_in_calls(&code, kind) {
                let message =
                    call.last().unwrap_or_else(|| panic!("{name}: {kind} without a text"));
                all.insert(message.text.clone(), name.clone());
            }
        }
        // The first literal is the text; `transparent` has none.
        for literal in literals_in_calls(&code, "#[error(").into_iter().filter_map(first) {
            all.insert(literal, name.clone());
        }
    }
    for file in REASONS.iter().flat_map(|path| source_files(path)) {
        let code = code_of(&file);
        let lesser = ["tracing::debug!(", "tracing::info!("];
        let lesser = lesser.iter().flat_map(|kind| literals_in_calls(&code, kind)).flatten();
        let lesser: Vec<usize> = lesser.map(|literal| literal.start).collect();
        let texts = literals(&code).into_iter().filter(|it| it.text.contains(' '));
        let texts = texts.filter(|it| !lesser.contains(&it.start));
        for literal in texts.filter(|literal| !is_searched_for(&code, literal)) {
            all.insert(literal.text, file.display().to_string());
        }
    }
    all.extend(configuration_errors());
    all.retain(|message, _| has_words(message));
    all
}

/// What is wrong with a value of the configuration; with the files.
fn configuration_errors() -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    let calls = [
        "ValueError::new(",
        "ValueError::type_error(",
        "ValueError::quoting(",
        "error(",
        "mistake(",
        "format!(",
    ];
    for file in source_files("src/config") {
        let code = code_of(&file);
        let found = calls.iter().flat_map(|call| literals_in_calls(&code, call)).filter_map(first);
        let fields =
            literals(&code).into_iter().filter(|it| code[..it.start].ends_with("problem: "));
        let problems =
            found.chain(fields.map(|literal| literal.text)).filter(|text| !is_remedy(text));
        all.extend(problems.map(|text| (text, file.display().to_string())));
    }
    all
}

/// Whether a text of the configuration is the second half of an error, which says what to do.
fn is_remedy(text: &str) -> bool {
    const BEGINNINGS: &[&str] = &[
        "add [",
        "add a ",
        "add network",
        "chmod ",
        "did you mean ",
        "if it does not answer",
        "it must be PEM",
        "move it ",
        "name one ",
        "put the ",
        "raise it ",
        "raise store",
        "remove ",
        "the networks are",
        "to [",
        "use ",
        "valid ",
        "variable names look",
        "write ",
        "{HELP}, ",
        "{remedy} Write",
        "{}, as TOML requires",
        ", used by ",
        "see https://docs.rs/regex",
    ];
    BEGINNINGS.iter().any(|beginning| text.starts_with(beginning))
}

fn first(call: Vec<crate::source::Literal>) -> Option<String> {
    call.into_iter().next().map(|literal| literal.text)
}

/// Whether a message has words of its own, not only places for others and names of a protocol.
fn has_words(message: &str) -> bool {
    let own = pieces_of_message(message).join(" ");
    let words = own.split_whitespace().filter(|word| word.chars().any(|c| c.is_ascii_lowercase()));
    words.map(str::len).sum::<usize>() >= 5
}

/// The text of a message between the places for values, such as `{reason}`.
fn pieces_of_message(message: &str) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut depth = 0;
    for c in message.chars() {
        match c {
            '{' => {
                depth += 1;
                pieces.push(String::new());
            }
            '}' => depth -= 1,
            c if depth == 0 => pieces.last_mut().expect("never empty").push(c),
            _ => {}
        }
    }
    pieces
}

/// Whether the parts of an entry, which `…` separates, stand in the message in this order.
fn covers(entry: &str, message: &str) -> bool {
    let message = pieces_of_message(message).join("…");
    let mut rest = message.as_str();
    let entry = pieces_of_message(entry).join("…");
    entry.split('…').map(str::trim).filter(|part| !part.is_empty()).all(|part| {
        let found = rest.split_once(part);
        rest = found.map_or("", |(_, after)| after);
        found.is_some()
    })
}

/// The messages that the page explains.
fn entries() -> Vec<String> {
    let spans = rows().into_iter().flat_map(|(first, _)| code_spans(&first));
    let entries: Vec<String> = spans.collect();
    assert!(entries.len() > 100, "only {} entries were found", entries.len());
    entries
}

/// The rows of the page's tables.
fn rows() -> Vec<(String, String)> {
    let page = fs::read_to_string(PAGE).unwrap();
    let row = |line: &str| {
        let (first, second) = line.strip_prefix("| ")?.strip_suffix(" |")?.split_once(" | ")?;
        first.contains('`').then(|| (first.to_owned(), second.to_owned()))
    };
    page.lines().filter_map(row).collect()
}

/// What stands between backticks, single or double.
fn code_spans(text: &str) -> Vec<String> {
    let mut spans = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('`') {
        let fence = if rest[at..].starts_with("``") { "``" } else { "`" };
        let body = &rest[at + fence.len()..];
        let end =
            body.find(fence).unwrap_or_else(|| panic!("{PAGE}: {text} has no closing backtick"));
        spans.push(body[..end].to_owned());
        rest = &body[end + fence.len()..];
    }
    spans
}
