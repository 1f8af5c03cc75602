use std::fmt;
use std::time::Duration;

use super::objection::{LONGEST_WAIT, duration};

/// Why a server has turned us away: before it let us in, or later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TurnedAway {
    /// For what.
    pub reason: Reason,
    /// In the server's own words, which may be none.
    pub words: String,
    /// How long it wants us to stay away, where it says.
    pub wait: Option<Duration>,
}

/// For what a server turns somebody away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// We are banned: from the server (K-line) or the network (G-line, Z-line, AKILL, DNSBL).
    Banned,
    /// A public blocklist (DNSBL) has the address of this machine.
    Blocklisted,
    /// It is not for clients from where we are.
    NotForUs,
    /// It does not take our user name.
    UserName,
    /// It wants an ident server to confirm our user name.
    Ident,
    /// It takes only those who speak TLS.
    TlsWanted,
    /// An operator has put us out.
    Killed,
    /// We came back too soon.
    Throttled,
    /// There are too many from where we are.
    TooMany,
    /// There is no room for anybody.
    Full,
    /// The server's password is wrong, or missing.
    Password,
    /// It wants us to log in to an account.
    LoginWanted,
    /// Our account's name, password or certificate is wrong.
    Login,
    /// There is no login by SASL.
    NoLogin,
    /// It will have none of our nicks.
    Nick,
    /// It does not let us in, for a reason that we do not know.
    Unclear,
    /// It wants a password, and is spoken to without TLS: everybody on the way could read it.
    InTheClear,
    /// It wants to be spoken to over TLS, at this port.
    Insecure {
        /// Where it speaks TLS.
        port: u16,
    },
}

/// Words by which servers say why they close a link, the telling ones first. There is no other sign:
/// <https://modern.ircdocs.horse/#error-message>.
const SIGNS: &[(&[&str], Reason)] = &[
    (&["killed (", "killed by "], Reason::Killed),
    (&["dnsbl", "blacklist", "blocklist", "rbl", "open prox", "tor exit"], Reason::Blocklisted),
    (
        &["too fast", "throttl", "too many times", "reconnecting", "connecting too"],
        Reason::Throttled,
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
        Reason::TooMany,
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
        Reason::Banned,
    ),
    (&["server is full", "server full", "no room", "server is too full"], Reason::Full),
    (
        &["bad password", "invalid password", "password incorrect", "password mismatch"],
        Reason::Password,
    ),
    (
        &["sasl access only", "need to identify via sasl", "sasl authentication required"],
        Reason::LoginWanted,
    ),
    (&["unauthori", "not authori", "no authorization", "access denied"], Reason::NotForUs),
];

/// The same of those who have not let us in yet. Later, these words have other causes.
const SIGNS_AT_THE_DOOR: &[(&[&str], Reason)] = &[
    (&["identd", "ident server", "no ident", "ident required", "ident lookup"], Reason::Ident),
    (
        &["username", "user name", "userid", "user id", "bad user info", "ident is invalid"],
        Reason::UserName,
    ),
    (&["ssl", "tls", "secure connection", "plaintext"], Reason::TlsWanted),
];

impl TurnedAway {
    /// For this reason, in these words.
    pub(super) fn new(reason: Reason, words: &str) -> Self {
        let wait = duration(words).filter(|_| reason == Reason::Throttled);
        Self { reason, words: words.to_owned(), wait }
    }

    /// Reads what an ERROR says; `None` where we are welcome again.
    pub(super) fn read(error: &str) -> Option<Self> {
        reason(SIGNS, error).map(|reason| Self::new(reason, error))
    }

    /// Reads what an ERROR says that comes before we are let in: it always turns us away.
    pub(super) fn read_at_the_door(error: &str) -> Self {
        let known = reason(SIGNS, error).or_else(|| reason(SIGNS_AT_THE_DOOR, error));
        Self::new(known.unwrap_or(Reason::Unclear), error)
    }

    /// What would mend it, for whoever keeps the bridge.
    #[must_use]
    pub fn remedy(&self) -> Option<&'static str> {
        Some(match self.reason {
            Reason::Banned | Reason::Killed => {
                "ask the network's operators to let the bridge in; do not come back by another way"
            }
            Reason::Blocklisted => {
                "look up this machine's address at the blocklist that the server names, and have it \
                 taken off; or log in with an `account`, where the network lets such pass"
            }
            Reason::UserName => "set `username` to letters and digits alone, ten at most",
            Reason::Ident => {
                "set up `[ident]`, so that the server can ask whose connection this is; or another \
                 ident server on this machine"
            }
            Reason::TlsWanted => "set `tls = true`, and the server's port for TLS",
            Reason::Unclear => {
                "likely: `username` (letters and digits alone), a missing `[ident]`, the server's \
                 `password_file`, `tls` (its port takes only TLS, or none), or a blocklist that has \
                 this machine's address"
            }
            Reason::NotForUs => {
                "ask the server's operators to let this machine in, or whether it wants a \
                 `password`, an `account` or a client certificate (`cert_file`)"
            }
            Reason::TooMany => {
                "end what else connects from this machine, or ask the network's operators for more"
            }
            Reason::Password => "set the server's password, by `password_file` or `password`",
            Reason::LoginWanted => {
                "register an account there, and set `account` and `account_password_file`"
            }
            Reason::Login => {
                "set `account` and `account_password_file` as the network's NickServ knows them, or \
                 `cert_file` to a certificate that it knows"
            }
            Reason::NoLogin => {
                "if its services are only away, this mends itself; if the network has no SASL, set \
                 `sasl = \"preferred\"` to log in by NickServ"
            }
            Reason::Nick => "choose another `nick`, or more of them in `other_nicks`",
            Reason::InTheClear => {
                "set `tls = true`, and the server's port for TLS; or, if nobody can listen in on the \
                 way, `allow_plaintext_auth = true`"
            }
            Reason::Throttled | Reason::Full | Reason::Insecure { .. } => return None,
        })
    }

    /// How long to stay away at first, and at most: nobody is asked more often than they can bear.
    #[must_use]
    pub fn waits(&self) -> (Duration, Duration) {
        let (first, last) = match self.reason {
            Reason::Insecure { .. } => (0, 0),
            Reason::Throttled | Reason::Full | Reason::Nick => (30, 600),
            Reason::Unclear => (15, 1_800),
            Reason::Killed | Reason::TooMany | Reason::NoLogin => (60, 1_800),
            Reason::Login | Reason::UserName | Reason::Ident | Reason::TlsWanted => (300, 3_600),
            Reason::Password | Reason::LoginWanted | Reason::NotForUs | Reason::InTheClear => {
                (600, 3_600)
            }
            Reason::Banned | Reason::Blocklisted => (900, 3_600),
        };
        let asked = self.wait.map(|asked| asked.clamp(Duration::from_secs(1), LONGEST_WAIT));
        let first = asked.unwrap_or(Duration::from_secs(first));
        (first, Duration::from_secs(last).max(first))
    }

    /// Whether another server of the network may think otherwise.
    #[must_use]
    pub fn is_only_here(&self) -> bool {
        matches!(
            self.reason,
            Reason::Banned
                | Reason::Blocklisted
                | Reason::NotForUs
                | Reason::Unclear
                | Reason::Throttled
                | Reason::Full
                | Reason::TooMany
                | Reason::NoLogin
        )
    }
}

impl fmt::Display for TurnedAway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.reason {
            Reason::Banned => "the server has banned us",
            Reason::Blocklisted => "the server finds this machine's address in a blocklist",
            Reason::NotForUs => "the server does not let us in from here",
            Reason::UserName => "the server does not take our user name",
            Reason::Ident => "the server wants an ident server to answer for us",
            Reason::TlsWanted => "the server takes only those who speak TLS",
            Reason::Unclear => "the server does not let us in",
            Reason::Killed => "an operator has put us out",
            Reason::Throttled => "the server finds that we come too often",
            Reason::TooMany => "the server finds that too many come from here",
            Reason::Full => "the server is full",
            Reason::Password => "the server refuses our password",
            Reason::LoginWanted => "the server wants us to log in to an account",
            Reason::Login => "the login to our account was refused",
            Reason::NoLogin => "the server offers no SASL, by which we are to log in",
            Reason::Nick => "the server will have none of our nicks",
            Reason::InTheClear => "a password is wanted, and it is not said without TLS",
            Reason::Insecure { port } => return write!(f, "the server wants TLS, at port {port}"),
        })?;
        if self.words.is_empty() { Ok(()) } else { write!(f, ": {}", self.words) }
    }
}

/// What the words of `error` are a sign of.
fn reason(signs: &[(&[&str], Reason)], error: &str) -> Option<Reason> {
    let said = reason_given(error).to_lowercase();
    let found = signs.iter().find(|(words, _)| words.iter().any(|word| said.contains(word)));
    found.map(|(_, reason)| *reason)
}

/// The reason in `Closing Link: nick[host] (reason)` or `Closing link: (user@host) [reason]`: the
/// host may be called like anything.
fn reason_given(error: &str) -> &str {
    if !error.to_lowercase().starts_with("closing link") {
        return error;
    }
    let opens = |(at, c): (usize, char)| {
        let before = error[..at].chars().next_back();
        (matches!(c, '(' | '[') && before == Some(' ')).then_some(at)
    };
    let mut groups = error.char_indices().filter_map(opens);
    let first = groups.next();
    // `(user@host) [reason]` has two of them; the reason may hold more.
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
    fn read(error: &str, reason: Option<Reason>) {
        assert_eq!(TurnedAway::read(error).map(|it| it.reason), reason, "{error}");
    }

    #[test]
    fn servers_say_why_in_their_own_words() {
        read("Closing Link: host.example (K-Lined)", Some(Reason::Banned));
        read("Closing Link: bridge[host.example] (*** Banned )", Some(Reason::Banned));
        read("Closing link: (u@host) [G-lined: spam]", Some(Reason::Banned));
        read("Closing Link: host (AKILL ID:12 [no bots])", Some(Reason::Banned));
        read("Closing Link: host (Reconnecting too fast, throttled)", Some(Reason::Throttled));
        read("Trying to reconnect too fast.", Some(Reason::Throttled));
        read("Your host is trying to (re)connect too fast -- throttled", Some(Reason::Throttled));
        read(
            "Closing link: (u@1.2.3.4) [Your IP range has been attempting to connect too many \
             times in too short a duration. Wait a while, and you will be able to connect.]",
            Some(Reason::Throttled),
        );
        read("Closing Link: host (Too many connections from your IP)", Some(Reason::TooMany));
        read("Closing Link: host (Too many user connections (local))", Some(Reason::TooMany));
        read(
            "Closing link: (u@host) [No more connections allowed from your host via this connect \
             class (local)]",
            Some(Reason::TooMany),
        );
        read("Closing Link: host (Server is full)", Some(Reason::Full));
        read("Closing Link: bridge[host] (Bad Password)", Some(Reason::Password));
        read("Access denied: Bad password?", Some(Reason::Password));
        read("Closing Link: host (Unauthorised connection)", Some(Reason::NotForUs));
        read("Closing Link: host (SASL access only)", Some(Reason::LoginWanted));
        read("Closing Link: host (Killed (ann (you are banned)))", Some(Reason::Killed));
        read("KILLed by ann: enough", Some(Reason::Killed));
    }

    #[test]
    fn an_error_before_we_are_let_in_always_turns_us_away_and_names_the_likely_key() {
        for (error, reason, key) in [
            ("Closing Link: h (Invalid username [lets-chat])", Reason::UserName, "username"),
            ("Invalid user name", Reason::UserName, "username"),
            ("Closing Link: h (Your username is invalid.)", Reason::UserName, "username"),
            ("Closing Link: h (Install identd)", Reason::Ident, "[ident]"),
            ("Closing link: (u@h) [You must run an ident server]", Reason::Ident, "[ident]"),
            ("Closing Link: h (Use TLS to connect)", Reason::TlsWanted, "tls"),
            ("Closing link: (u@h) [This port requires SSL]", Reason::TlsWanted, "tls"),
            ("Closing Link: h (Listed in dnsbl.example.org)", Reason::Blocklisted, "blocklist"),
            ("Closing Link: h (Bad Password)", Reason::Password, "password_file"),
            ("Closing Link: h (K-Lined)", Reason::Banned, "operators"),
            ("Closing Link: h (Registration timed out)", Reason::Unclear, "[ident]"),
            ("go away", Reason::Unclear, "username"),
            ("", Reason::Unclear, "password_file"),
        ] {
            let away = TurnedAway::read_at_the_door(error);
            assert_eq!(away.reason, reason, "{error}");
            assert!(away.remedy().is_some_and(|remedy| remedy.contains(key)), "{error}");
        }
    }

    proptest! {
        #[test]
        fn no_server_keeps_us_away_for_more_than_an_hour(
            number in prop_oneof![any::<u64>().prop_map(|it| it.to_string()), "[0-9]{1,60}"],
            unit in "(second|sec|minute|min|hour)s?",
        ) {
            let words = format!("Closing Link: x (Throttled: wait {number} {unit})");
            let away = TurnedAway::read(&words).expect("it turns us away");
            let (first, last) = away.waits();
            prop_assert!(first <= LONGEST_WAIT && last <= LONGEST_WAIT, "{first:?} {last:?}");
        }
    }

    #[test]
    fn other_ends_turn_nobody_away() {
        read("Closing Link: host (Ping timeout: 240 seconds)", None);
        read("Closing Link: bridge[host] (Excess Flood)", None);
        read("Server shutting down", None);
        read("Closing Link: bridge[kline.throttled.example] (Read error)", None);
        read("Closing link: (kline@throttled.example) [Connection reset]", None);
    }

    #[test]
    fn who_says_for_how_long_is_heard() {
        let away = TurnedAway::read("Trying to reconnect too fast, wait 45 seconds");
        let away = away.expect("it turns us away");
        assert_eq!(away.waits(), (Duration::from_secs(45), Duration::from_secs(600)));
        let hours = TurnedAway::new(Reason::Throttled, "too fast: wait 30 minutes").waits();
        assert_eq!(hours, (Duration::from_secs(1_800), Duration::from_secs(1_800)));
        let banned = TurnedAway::new(Reason::Banned, "banned for 2 minutes");
        assert_eq!(banned.waits().0, Duration::from_secs(900), "as long as we see fit");
    }

    #[test]
    fn it_is_said_in_words() {
        for (away, words) in [
            (TurnedAway::new(Reason::Banned, "spam"), "the server has banned us: spam"),
            (TurnedAway::new(Reason::Full, ""), "the server is full"),
            (
                TurnedAway::new(Reason::Insecure { port: 6697 }, ""),
                "the server wants TLS, at port 6697",
            ),
        ] {
            assert_eq!(away.to_string(), words);
        }
    }
}
