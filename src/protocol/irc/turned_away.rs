use std::fmt;
use std::time::Duration;

use super::objection::duration;

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
    /// It is not for clients from where we are.
    NotForUs,
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
            "blacklist",
            "dnsbl",
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

impl TurnedAway {
    /// For this reason, in these words.
    pub(super) fn new(reason: Reason, words: &str) -> Self {
        let wait = duration(words).filter(|_| reason == Reason::Throttled);
        Self { reason, words: words.to_owned(), wait }
    }

    /// Reads what an ERROR says; `None` where we are welcome again.
    pub(super) fn read(error: &str) -> Option<Self> {
        let said = reason_given(error).to_lowercase();
        let found = SIGNS.iter().find(|(signs, _)| signs.iter().any(|sign| said.contains(sign)));
        found.map(|(_, reason)| Self::new(*reason, error))
    }

    /// What would mend it, for whoever keeps the bridge.
    #[must_use]
    pub fn remedy(&self) -> Option<&'static str> {
        Some(match self.reason {
            Reason::Banned | Reason::Killed => {
                "ask the network's operators to let the bridge in; do not come back by another way"
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
            Reason::Throttled | Reason::Full | Reason::Insecure { .. } => return None,
        })
    }

    /// How long to stay away at first, and at most: nobody is asked more often than they can bear.
    #[must_use]
    pub fn waits(&self) -> (Duration, Duration) {
        let (first, last) = match self.reason {
            Reason::Insecure { .. } => (0, 0),
            Reason::Throttled | Reason::Full | Reason::Nick => (30, 600),
            Reason::Killed | Reason::TooMany => (60, 1_800),
            Reason::NoLogin => (60, 1_800),
            Reason::Login => (300, 3_600),
            Reason::Password | Reason::LoginWanted | Reason::NotForUs => (600, 3_600),
            Reason::Banned => (900, 7_200),
        };
        let first =
            self.wait.map_or(Duration::from_secs(first), |asked| asked.max(Duration::from_secs(1)));
        (first, Duration::from_secs(last).max(first))
    }

    /// Whether another server of the network may think otherwise.
    #[must_use]
    pub fn is_only_here(&self) -> bool {
        matches!(
            self.reason,
            Reason::Banned
                | Reason::NotForUs
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
            Reason::NotForUs => "the server does not let us in from here",
            Reason::Killed => "an operator has put us out",
            Reason::Throttled => "the server finds that we come too often",
            Reason::TooMany => "the server finds that too many come from here",
            Reason::Full => "the server is full",
            Reason::Password => "the server refuses our password",
            Reason::LoginWanted => "the server wants us to log in to an account",
            Reason::Login => "the login to our account was refused",
            Reason::NoLogin => "the server offers no SASL, by which we are to log in",
            Reason::Nick => "the server will have none of our nicks",
            Reason::Insecure { port } => return write!(f, "the server wants TLS, at port {port}"),
        })?;
        if self.words.is_empty() { Ok(()) } else { write!(f, ": {}", self.words) }
    }
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
