use std::collections::{BTreeMap, BTreeSet};

use secrecy::{ExposeSecret, SecretString};

use super::nick::Nicks;

/// The IRCv3 capabilities that we can make use of (<https://ircv3.net/irc/>), each with those that
/// it is of no use without.
const WANTED: &[(&str, &[&str])] = &[
    ("message-tags", &[]),
    ("server-time", &[]),
    ("batch", &[]),
    ("echo-message", &[]),
    ("labeled-response", &["message-tags", "batch"]),
    ("draft/chathistory", &["message-tags", "batch", "server-time"]),
    ("draft/multiline", &["message-tags", "batch"]),
    ("znc.in/playback", &["server-time"]),
    ("account-tag", &["message-tags"]),
    ("extended-join", &[]),
    ("account-notify", &[]),
    ("chghost", &[]),
    ("setname", &[]),
    ("away-notify", &[]),
    ("multi-prefix", &[]),
    ("userhost-in-names", &[]),
    ("invite-notify", &[]),
];

/// As whom we come.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The wished nick.
    pub nick: String,
    /// The user name, which servers show before the `@`.
    pub username: String,
    /// The real name.
    pub realname: String,
    /// The server's password, where it wants one.
    pub password: Option<SecretString>,
}

/// A line to be sent, as command and parameters.
pub(super) type Words = (&'static str, Vec<String>);

/// The way in: PASS, capabilities, NICK and USER (RFC 2812 §3.1,
/// <https://ircv3.net/specs/extensions/capability-negotiation>).
///
/// ```text
///         CAP LS, NICK, USER          LS        ACK or NAK          001
///  begin ────────────────────▶ Listing ──▶ Requesting ──▶ Ended ────────▶ registered
///                                 └────────── 001 (the server knows no CAP) ──────▲
/// ```
#[derive(Debug)]
pub(super) struct Registration {
    nicks: Nicks,
    phase: Phase,
    /// With what the server says of each.
    offered: BTreeMap<String, String>,
    asked: BTreeSet<String>,
    /// How many requests are not answered yet.
    unanswered: usize,
    enabled: BTreeSet<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Listing,
    Requesting,
    Ended,
}

impl Registration {
    /// Begins, with the lines to be sent first.
    pub(super) fn begin(identity: &Identity) -> (Self, Vec<Words>) {
        let nicks = Nicks::new(&identity.nick);
        let mut words: Vec<Words> = vec![("CAP", vec!["LS".to_owned(), "302".to_owned()])];
        let password = identity.password.as_ref().map(ExposeSecret::expose_secret);
        words.extend(password.map(|password| ("PASS", vec![password.to_owned()])));
        words.push(("NICK", vec![nicks.current()]));
        let user = [&identity.username, "0", "*", &identity.realname];
        words.push(("USER", user.map(str::to_owned).to_vec()));
        let registration = Self {
            nicks,
            phase: Phase::Listing,
            offered: BTreeMap::new(),
            asked: BTreeSet::new(),
            unanswered: 0,
            enabled: BTreeSet::new(),
        };
        (registration, words)
    }

    /// Takes in one CAP line: its subcommand, whether more lines follow, and its list.
    pub(super) fn cap(&mut self, subcommand: &str, more: bool, list: &str) -> Vec<Words> {
        let names = list.split_ascii_whitespace();
        let named = names.map(|cap| cap.split_once('=').unwrap_or((cap, "")));
        let named = named.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let (names, values): (Vec<String>, Vec<String>) = named.unzip();
        match subcommand {
            "LS" => {
                self.offered.extend(names.into_iter().zip(values));
                if more || self.phase != Phase::Listing { Vec::new() } else { self.request() }
            }
            "NEW" => {
                self.offered.extend(names.into_iter().zip(values));
                // While the list is still being told, what is new is asked for with the rest.
                if self.phase == Phase::Listing { Vec::new() } else { self.request() }
            }
            "ACK" => {
                for name in names {
                    match name.strip_prefix('-') {
                        Some(name) => self.enabled.remove(name),
                        None => self.enabled.insert(name),
                    };
                }
                self.answered()
            }
            "NAK" => self.refused(names),
            "DEL" => {
                for name in names {
                    self.offered.remove(&name);
                    self.enabled.remove(&name);
                    self.asked.remove(&name);
                }
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    /// Whether the server has granted the capability `name`.
    pub(super) fn has(&self, name: &str) -> bool {
        self.enabled.contains(name)
    }

    /// What the server says of the capability `name`, which it has granted.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.offered.get(name).filter(|_| self.has(name)).map(String::as_str)
    }

    /// Whether we speak to a bouncer: to a program that sits between us and the server.
    pub(super) fn is_bouncer(&self) -> bool {
        // Not `znc.in/` alone: Ergo offers ZNC's playback too.
        let marks = ["znc.in/batch", "znc.in/server-time-iso", "soju.im/"];
        self.offered.keys().any(|cap| marks.iter().any(|mark| cap.starts_with(mark)))
    }

    /// The server will not have our nick; gives the next to try.
    pub(super) fn nick_refused(&mut self, impossible: bool) -> Words {
        if impossible {
            self.nicks.impossible();
        } else {
            self.nicks.taken();
        }
        ("NICK", vec![self.nicks.current()])
    }

    /// Asks for what is offered, wanted, and not asked for yet.
    fn request(&mut self) -> Vec<Words> {
        let offered = |cap: &str| self.offered.contains_key(cap);
        let wanted = WANTED
            .iter()
            .filter(|(cap, needs)| offered(cap) && needs.iter().all(|need| offered(need)))
            .map(|(cap, _)| *cap)
            .filter(|cap| !self.asked.contains(*cap));
        let wanted: Vec<&str> = wanted.collect();
        if wanted.is_empty() {
            return if self.unanswered == 0 { self.end() } else { Vec::new() };
        }
        self.asked.extend(wanted.iter().map(ToString::to_string));
        if self.phase == Phase::Listing {
            self.phase = Phase::Requesting;
        }
        self.unanswered += 1;
        vec![("CAP", vec!["REQ".to_owned(), wanted.join(" ")])]
    }

    /// The server refuses a request as a whole: perhaps it grants some of it.
    fn refused(&mut self, names: Vec<String>) -> Vec<Words> {
        if names.len() < 2 {
            return self.answered();
        }
        self.unanswered += names.len();
        let mut words: Vec<Words> =
            names.into_iter().map(|name| ("CAP", vec!["REQ".to_owned(), name])).collect();
        words.extend(self.answered());
        words
    }

    fn answered(&mut self) -> Vec<Words> {
        self.unanswered = self.unanswered.saturating_sub(1);
        if self.unanswered == 0 { self.end() } else { Vec::new() }
    }

    fn end(&mut self) -> Vec<Words> {
        if self.phase == Phase::Ended {
            return Vec::new();
        }
        self.phase = Phase::Ended;
        vec![("CAP", vec!["END".to_owned()])]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begin() -> (Registration, Vec<Words>) {
        Registration::begin(&Identity {
            nick: "bridge".to_owned(),
            username: "bot".to_owned(),
            realname: "A bridge".to_owned(),
            password: Some("secret".into()),
        })
    }

    fn told(words: Vec<Words>) -> Vec<String> {
        words
            .into_iter()
            .map(|(command, params)| format!("{command} {}", params.join(" ")))
            .collect()
    }

    #[test]
    fn the_password_comes_before_the_name() {
        let first = told(begin().1);
        assert_eq!(first, ["CAP LS 302", "PASS secret", "NICK bridge", "USER bot 0 * A bridge"]);
    }

    #[test]
    fn a_list_of_several_lines_is_read_to_its_end() {
        let (mut registration, _) = begin();
        assert_eq!(told(registration.cap("LS", true, "sasl=PLAIN server-time")), [""; 0]);
        assert_eq!(
            told(registration.cap("LS", false, "message-tags x/y=1,2")),
            ["CAP REQ message-tags server-time"]
        );
        assert_eq!(told(registration.cap("ACK", false, "message-tags server-time")), ["CAP END"]);
        assert_eq!(told(registration.cap("ACK", false, "later")), [""; 0], "ended once");
    }

    #[test]
    fn a_server_with_nothing_for_us_is_not_asked_for_anything() {
        let (mut registration, _) = begin();
        assert_eq!(told(registration.cap("LS", false, "draft/typing")), ["CAP END"]);
    }

    #[test]
    fn a_server_that_changes_its_mind_is_lived_with() {
        let (mut registration, _) = begin();
        registration.cap("LS", false, "server-time");
        assert_eq!(told(registration.cap("NAK", false, "server-time")), ["CAP END"]);
    }

    #[test]
    fn what_is_refused_together_is_asked_for_one_by_one() {
        let (mut registration, _) = begin();
        assert_eq!(
            told(registration.cap("LS", false, "batch message-tags labeled-response echo-message")),
            ["CAP REQ message-tags batch echo-message labeled-response"]
        );
        assert_eq!(
            told(registration.cap("NAK", false, "batch echo-message")),
            ["CAP REQ batch", "CAP REQ echo-message"]
        );
        assert_eq!(told(registration.cap("NAK", false, "batch")), [""; 0]);
        assert_eq!(told(registration.cap("ACK", false, "echo-message")), ["CAP END"]);
        assert!(registration.has("echo-message") && !registration.has("batch"));
    }

    #[test]
    fn nothing_is_asked_for_that_is_of_no_use_alone() {
        let (mut registration, _) = begin();
        assert_eq!(
            told(registration.cap("LS", false, "labeled-response draft/chathistory batch")),
            ["CAP REQ batch"]
        );
    }

    #[test]
    fn what_a_server_says_of_what_it_grants_is_kept() {
        let (mut registration, _) = begin();
        registration.cap(
            "LS",
            false,
            "batch message-tags draft/multiline=max-bytes=4096 sasl=PLAIN",
        );
        assert_eq!(registration.value("draft/multiline"), None, "not granted yet");
        registration.cap("ACK", false, "batch message-tags draft/multiline");
        assert_eq!(registration.value("draft/multiline"), Some("max-bytes=4096"));
        assert_eq!(registration.value("sasl"), None);
    }

    #[test]
    fn what_comes_later_is_asked_for_and_what_goes_is_let_go() {
        let (mut registration, _) = begin();
        registration.cap("LS", false, "server-time");
        registration.cap("ACK", false, "server-time");
        assert_eq!(
            told(registration.cap("NEW", false, "batch server-time unheard-of")),
            ["CAP REQ batch"]
        );
        assert_eq!(told(registration.cap("ACK", false, "batch")), [""; 0]);
        assert!(registration.has("batch"));
        registration.cap("DEL", false, "batch");
        assert!(!registration.has("batch"));
        assert_eq!(told(registration.cap("NEW", false, "batch")), ["CAP REQ batch"]);
    }
}
