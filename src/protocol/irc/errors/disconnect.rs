//! Interprets rejections and disconnects by the server.

use std::fmt;
use std::time::Duration;

use super::send::{MAX_STATED_DELAY, parse_duration};

/// Why a server rejected or disconnected us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisconnectReason {
    /// The kind of reason.
    pub kind: DisconnectKind,
    /// The server's text; may be empty.
    pub text: String,
    /// How long it asks us to stay away, if it says.
    pub retry_after: Option<Duration>,
}

/// Kinds of reasons for a rejection or disconnect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DisconnectKind {
    /// Banned from the server (K-line) or the network (G-line, Z-line, AKILL).
    Banned,
    /// Our address is on a public blocklist (DNSBL).
    Blocklisted,
    /// Not open to clients from our address.
    HostNotAllowed,
    /// Our user name is not accepted.
    InvalidUsername,
    /// An ident server must confirm our user name.
    IdentRequired,
    /// TLS is required.
    TlsRequired,
    /// Disconnected by an operator.
    Killed,
    /// Reconnecting too fast.
    Throttled,
    /// Too many connections from our address.
    TooManyConnections,
    /// The server is full.
    ServerFull,
    /// The server password is wrong or missing.
    BadPassword,
    /// A login is required.
    LoginRequired,
    /// Account, password or certificate is wrong.
    LoginFailed,
    /// SASL is not available.
    SaslUnavailable,
    /// All of our nicks were rejected.
    NoUsableNick,
    /// Rejected for an unknown reason.
    Unknown,
    /// The server requires a password, but the connection is not encrypted.
    InTheClear,
    /// The server requires TLS (STS), at this port.
    StsUpgrade {
        /// Its TLS port.
        port: u16,
    },
}

/// Phrases with which servers close a link, the most specific first. There is no other sign:
/// <https://modern.ircdocs.horse/#error-message>.
const ERROR_PHRASES: &[(&[&str], DisconnectKind)] = &[
    (&["killed (", "killed by "], DisconnectKind::Killed),
    (
        &["dnsbl", "blacklist", "blocklist", "rbl", "open prox", "tor exit"],
        DisconnectKind::Blocklisted,
    ),
    (
        &["too fast", "throttl", "too many times", "reconnecting", "connecting too"],
        DisconnectKind::Throttled,
    ),
    (
        &[
            "too many connections",
            "too many user connections",
            "too many host connections",
            "too many unknown connections",
            "no more connections",
            "connections allowed from",
            "session limit",
            "clones",
        ],
        DisconnectKind::TooManyConnections,
    ),
    (
        &[
            "k-lined",
            "k:lined",
            "kline",
            "k-line",
            "g-lined",
            "g:lined",
            "gline",
            "g-line",
            "z-lined",
            "z:lined",
            "zline",
            "z-line",
            "d-lined",
            "dline",
            "akill",
            "autokill",
            "banned",
            "not welcome",
        ],
        DisconnectKind::Banned,
    ),
    (
        &["server is full", "server full", "no room", "server is too full"],
        DisconnectKind::ServerFull,
    ),
    (
        &["bad password", "invalid password", "password incorrect", "password mismatch"],
        DisconnectKind::BadPassword,
    ),
    (
        &["sasl access only", "need to identify via sasl", "sasl authentication required"],
        DisconnectKind::LoginRequired,
    ),
    (
        &["unauthori", "not authori", "no authorization", "access denied"],
        DisconnectKind::HostNotAllowed,
    ),
];

/// Phrases that mean this during registration only.
const REGISTRATION_ERROR_PHRASES: &[(&[&str], DisconnectKind)] = &[
    (
        &["identd", "ident server", "no ident", "ident required", "ident lookup"],
        DisconnectKind::IdentRequired,
    ),
    (
        &["username", "user name", "userid", "user id", "bad user info", "ident is invalid"],
        DisconnectKind::InvalidUsername,
    ),
    (&["ssl", "tls", "secure connection", "plaintext"], DisconnectKind::TlsRequired),
];

impl DisconnectReason {
    /// A reason of this kind, with this text.
    pub(in crate::protocol::irc) fn new(reason: DisconnectKind, text: &str) -> Self {
        let wait = parse_duration(text).filter(|_| reason == DisconnectKind::Throttled);
        Self { kind: reason, text: text.to_owned(), retry_after: wait }
    }

    /// Interprets an ERROR; `None` if we can reconnect at once.
    pub(in crate::protocol::irc) fn parse(error: &str) -> Option<Self> {
        find_kind(ERROR_PHRASES, error).map(|reason| Self::new(reason, error))
    }

    /// Interprets an ERROR during registration, which is always a rejection.
    pub(in crate::protocol::irc) fn parse_registration_error(error: &str) -> Self {
        let known = find_kind(ERROR_PHRASES, error)
            .or_else(|| find_kind(REGISTRATION_ERROR_PHRASES, error));
        Self::new(known.unwrap_or(DisconnectKind::Unknown), error)
    }

    /// The remedy, for the administrator.
    #[must_use]
    pub fn help(&self) -> Option<&'static str> {
        Some(match self.kind {
            DisconnectKind::Banned | DisconnectKind::Killed => {
                "ask the network's operators to lift the ban; do not evade it"
            }
            DisconnectKind::Blocklisted => {
                "request removal of this host's address from the blocklist that the server names; \
                 or set `account`, if the network exempts logged-in users"
            }
            DisconnectKind::InvalidUsername => "set `username` to at most ten letters and digits",
            DisconnectKind::IdentRequired => {
                "configure `[ident]`, or run another ident server on this host"
            }
            DisconnectKind::TlsRequired => "set `tls = true` and the server's TLS port",
            DisconnectKind::Unknown => {
                "check `username` (letters and digits only), `[ident]`, `password_file`, `tls` \
                 (the port may be TLS only, or not TLS), and whether this host's address is on a \
                 blocklist"
            }
            DisconnectKind::HostNotAllowed => {
                "ask the server's operators to allow this host, or whether a `password`, an \
                 `account` or a client certificate (`cert_file`) is required"
            }
            DisconnectKind::TooManyConnections => {
                "close other connections from this host, or ask the network's operators for a \
                 higher limit"
            }
            DisconnectKind::BadPassword => {
                "set the server password in `password_file` or `password`"
            }
            DisconnectKind::LoginRequired => {
                "register an account there, and set `account` and `account_password_file`"
            }
            DisconnectKind::LoginFailed => {
                "set `account` and `account_password_file` as registered with NickServ, or \
                 `cert_file` to a certificate registered there"
            }
            DisconnectKind::SaslUnavailable => {
                "if services are only down, wait; if the network has no SASL, set `sasl = \
                 \"preferred\"` to log in by NickServ"
            }
            DisconnectKind::NoUsableNick => "set another `nick`, or more `alt_nicks`",
            DisconnectKind::InTheClear => {
                "set `tls = true` and the server's TLS port; or, on a trusted network, \
                 `allow_plaintext_auth = true`"
            }
            DisconnectKind::Throttled
            | DisconnectKind::ServerFull
            | DisconnectKind::StsUpgrade { .. } => return None,
        })
    }

    /// The first and the longest delay before reconnecting; patient enough not to annoy the server.
    #[must_use]
    pub fn delays(&self) -> (Duration, Duration) {
        let (first, last) = match self.kind {
            DisconnectKind::StsUpgrade { .. } => (0, 0),
            DisconnectKind::Throttled
            | DisconnectKind::ServerFull
            | DisconnectKind::NoUsableNick => (30, 600),
            DisconnectKind::Unknown => (15, 1_800),
            DisconnectKind::Killed
            | DisconnectKind::TooManyConnections
            | DisconnectKind::SaslUnavailable => (60, 1_800),
            DisconnectKind::LoginFailed
            | DisconnectKind::InvalidUsername
            | DisconnectKind::IdentRequired
            | DisconnectKind::TlsRequired => (300, 3_600),
            DisconnectKind::BadPassword
            | DisconnectKind::LoginRequired
            | DisconnectKind::HostNotAllowed
            | DisconnectKind::InTheClear => (600, 3_600),
            DisconnectKind::Banned | DisconnectKind::Blocklisted => (900, 3_600),
        };
        let asked =
            self.retry_after.map(|asked| asked.clamp(Duration::from_secs(1), MAX_STATED_DELAY));
        let first = asked.unwrap_or(Duration::from_secs(first));
        (first, Duration::from_secs(last).max(first))
    }

    /// Whether another server of the network may accept us.
    #[must_use]
    pub fn is_server_specific(&self) -> bool {
        matches!(
            self.kind,
            DisconnectKind::Banned
                | DisconnectKind::Blocklisted
                | DisconnectKind::HostNotAllowed
                | DisconnectKind::Unknown
                | DisconnectKind::Throttled
                | DisconnectKind::ServerFull
                | DisconnectKind::TooManyConnections
                | DisconnectKind::SaslUnavailable
        )
    }
}

impl fmt::Display for DisconnectReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            DisconnectKind::Banned => "banned from the server",
            DisconnectKind::Blocklisted => "this host's address is on a blocklist",
            DisconnectKind::HostNotAllowed => "connections from this host are not allowed",
            DisconnectKind::InvalidUsername => "invalid username",
            DisconnectKind::IdentRequired => "ident required",
            DisconnectKind::TlsRequired => "TLS required",
            DisconnectKind::Unknown => "connection rejected",
            DisconnectKind::Killed => "killed by an operator",
            DisconnectKind::Throttled => "connection throttled",
            DisconnectKind::TooManyConnections => "too many connections from this host",
            DisconnectKind::ServerFull => "server full",
            DisconnectKind::BadPassword => "wrong server password",
            DisconnectKind::LoginRequired => "login to an account required",
            DisconnectKind::LoginFailed => "account login rejected",
            DisconnectKind::SaslUnavailable => "SASL not offered",
            DisconnectKind::NoUsableNick => "no usable nick",
            DisconnectKind::InTheClear => "a password is required, and it is not sent without TLS",
            DisconnectKind::StsUpgrade { port } => {
                return write!(f, "TLS required, on port {port} (STS)");
            }
        })?;
        if self.text.is_empty() { Ok(()) } else { write!(f, ": {}", self.text) }
    }
}

/// The kind that the phrases in `error` indicate.
fn find_kind(signs: &[(&[&str], DisconnectKind)], error: &str) -> Option<DisconnectKind> {
    let reason = extract_reason(error).to_lowercase();
    let found = signs.iter().find(|(phrases, _)| phrases.iter().any(|word| reason.contains(word)));
    found.map(|(_, reason)| *reason)
}

/// The reason in `Closing Link: nick[host] (reason)` or `Closing link: (user@host) [reason]`; the host can
/// contain anything.
fn extract_reason(error: &str) -> &str {
    if !error.to_lowercase().starts_with("closing link") {
        return error;
    }
    let opens = |(at, c): (usize, char)| {
        let before = error[..at].chars().next_back();
        (matches!(c, '(' | '[') && before == Some(' ')).then_some(at)
    };
    let mut groups = error.char_indices().filter_map(opens);
    let first = groups.next();
    // `(user@host) [reason]` has two groups; the reason may contain more.
    let reason = match (first, groups.next()) {
        (Some(first), Some(second)) if error[first..second].contains('@') => Some(second),
        (first, _) => first,
    };
    reason.map_or(error, |at| &error[at..])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn read(error: &str, reason: Option<DisconnectKind>) {
        assert_eq!(DisconnectReason::parse(error).map(|it| it.kind), reason, "{error}");
    }

    #[test]
    fn known_error_phrases_are_recognised() {
        read("Closing Link: host.example (K-Lined)", Some(DisconnectKind::Banned));
        read("Closing Link: bridge[host.example] (*** Banned )", Some(DisconnectKind::Banned));
        read("Closing link: (u@host) [G-lined: spam]", Some(DisconnectKind::Banned));
        read("Closing Link: host (AKILL ID:12 [no bots])", Some(DisconnectKind::Banned));
        read(
            "Closing Link: host (Reconnecting too fast, throttled)",
            Some(DisconnectKind::Throttled),
        );
        read("Trying to reconnect too fast.", Some(DisconnectKind::Throttled));
        read(
            "Your host is trying to (re)connect too fast -- throttled",
            Some(DisconnectKind::Throttled),
        );
        read(
            "Closing link: (u@1.2.3.4) [Your IP range has been attempting to connect too many \
             times in too short a duration. Wait a while, and you will be able to connect.]",
            Some(DisconnectKind::Throttled),
        );
        read(
            "Closing Link: host (Too many connections from your IP)",
            Some(DisconnectKind::TooManyConnections),
        );
        read(
            "Closing Link: host (Too many user connections (local))",
            Some(DisconnectKind::TooManyConnections),
        );
        read(
            "Closing link: (u@host) [No more connections allowed from your host via this connect \
             class (local)]",
            Some(DisconnectKind::TooManyConnections),
        );
        read("Closing Link: host (Server is full)", Some(DisconnectKind::ServerFull));
        read("Closing Link: bridge[host] (Bad Password)", Some(DisconnectKind::BadPassword));
        read("Access denied: Bad password?", Some(DisconnectKind::BadPassword));
        read("Closing Link: host (Unauthorised connection)", Some(DisconnectKind::HostNotAllowed));
        read("Closing Link: host (SASL access only)", Some(DisconnectKind::LoginRequired));
        read("Closing Link: host (Killed (ann (you are banned)))", Some(DisconnectKind::Killed));
        read("KILLed by ann: enough", Some(DisconnectKind::Killed));
    }

    #[test]
    fn error_during_registration_is_a_rejection_with_the_likely_key() {
        for (error, reason, key) in [
            (
                "Closing Link: h (Invalid username [lets-chat])",
                DisconnectKind::InvalidUsername,
                "username",
            ),
            ("Invalid user name", DisconnectKind::InvalidUsername, "username"),
            (
                "Closing Link: h (Your username is invalid.)",
                DisconnectKind::InvalidUsername,
                "username",
            ),
            ("Closing Link: h (Install identd)", DisconnectKind::IdentRequired, "[ident]"),
            (
                "Closing link: (u@h) [You must run an ident server]",
                DisconnectKind::IdentRequired,
                "[ident]",
            ),
            ("Closing Link: h (Use TLS to connect)", DisconnectKind::TlsRequired, "tls"),
            ("Closing link: (u@h) [This port requires SSL]", DisconnectKind::TlsRequired, "tls"),
            (
                "Closing Link: h (Listed in dnsbl.example.org)",
                DisconnectKind::Blocklisted,
                "blocklist",
            ),
            ("Closing Link: h (Bad Password)", DisconnectKind::BadPassword, "password_file"),
            ("Closing Link: h (K-Lined)", DisconnectKind::Banned, "operators"),
            ("Closing Link: h (Registration timed out)", DisconnectKind::Unknown, "[ident]"),
            ("go away", DisconnectKind::Unknown, "username"),
            ("", DisconnectKind::Unknown, "password_file"),
        ] {
            let away = DisconnectReason::parse_registration_error(error);
            assert_eq!(away.kind, reason, "{error}");
            assert!(away.help().is_some_and(|remedy| remedy.contains(key)), "{error}");
        }
    }

    proptest! {
        #[test]
        fn no_delay_exceeds_an_hour(
            number in prop_oneof![any::<u64>().prop_map(|it| it.to_string()), "[0-9]{1,60}"],
            unit in "(second|sec|minute|min|hour)s?",
        ) {
            let words = format!("Closing Link: x (Throttled: wait {number} {unit})");
            let away = DisconnectReason::parse(&words).expect("it turns us away");
            let (first, last) = away.delays();
            prop_assert!(first <= MAX_STATED_DELAY && last <= MAX_STATED_DELAY, "{first:?} {last:?}");
        }
    }

    #[test]
    fn other_errors_are_not_rejections() {
        read("Closing Link: host (Ping timeout: 240 seconds)", None);
        read("Closing Link: bridge[host] (Excess Flood)", None);
        read("Server shutting down", None);
        read("Closing Link: bridge[kline.throttled.example] (Read error)", None);
        read("Closing link: (kline@throttled.example) [Connection reset]", None);
    }

    #[test]
    fn stated_delay_is_used() {
        let away = DisconnectReason::parse("Trying to reconnect too fast, wait 45 seconds");
        let away = away.expect("it turns us away");
        assert_eq!(away.delays(), (Duration::from_secs(45), Duration::from_secs(600)));
        let hours =
            DisconnectReason::new(DisconnectKind::Throttled, "too fast: wait 30 minutes").delays();
        assert_eq!(hours, (Duration::from_secs(1_800), Duration::from_secs(1_800)));
        let banned = DisconnectReason::new(DisconnectKind::Banned, "banned for 2 minutes");
        assert_eq!(banned.delays().0, Duration::from_secs(900), "as long as we see fit");
    }

    #[test]
    fn each_kind_has_its_text() {
        for (away, words) in [
            (DisconnectReason::new(DisconnectKind::Banned, "spam"), "banned from the server: spam"),
            (DisconnectReason::new(DisconnectKind::ServerFull, ""), "server full"),
            (
                DisconnectReason::new(DisconnectKind::StsUpgrade { port: 6697 }, ""),
                "TLS required, on port 6697 (STS)",
            ),
        ] {
            assert_eq!(away.to_string(), words);
        }
    }
}
