use std::time::{Duration, Instant};

use secrecy::ExposeSecret;

use super::registration::{Services, Words};
use crate::domain::Casemapping;

/// How long services may take to answer before we go on without.
const PATIENCE: Duration = Duration::from_secs(15);

/// How long before services that did not know us are spoken to again, when they ask.
const AGAIN: Duration = Duration::from_secs(60);

/// Words by which services say that they know us now.
const WELCOME: &[&str] = &[
    "you are now identified",
    "you are now logged in",
    "you're now logged in",
    "now recognized",
    "password accepted",
    "you are already",
    "you're already",
];

/// Words by which they say that they do not.
const NO: &[&str] = &[
    "invalid password",
    "incorrect",
    "wrong password",
    "isn't registered",
    "not registered",
    "not a registered",
    "is not an account",
    "access denied",
    "authentication failed",
    "password is not",
    "suspended",
];

/// Words by which they ask who we are.
const WHO: &[&str] = &["identify", "is registered", "registered and protected"];

/// A login with services, by PRIVMSG: for networks without SASL.
///
/// ```text
///         IDENTIFY        900, +r, ACCOUNT, or words that say so
///  Idle ────────────▶ Asked ──────────────────────────────────────▶ known
///   ▲                   │ words that say no, 401, no answer in time
///   └───────────────────┘    asked who we are: once more, now and then
/// ```
#[derive(Debug)]
pub(super) struct Nickserv {
    services: Option<Services>,
    state: State,
    again_from: Option<Instant>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Idle,
    Asked { until: Instant },
}

/// What services make of us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// They know us.
    Known,
    /// They do not, for this reason.
    Unknown(String),
}

impl Nickserv {
    pub(super) fn new(services: Option<Services>) -> Self {
        Self { services, state: State::Idle, again_from: None }
    }

    /// Says who we are, if there is somebody to say it to.
    pub(super) fn identify(&mut self, now: Instant) -> Vec<Words> {
        let words = self.services.as_ref().and_then(|services| {
            let identify = services.identify.as_ref()?;
            Some(vec![services.nick.clone(), identify.expose_secret().to_owned()])
        });
        let Some(words) = words else { return Vec::new() };
        self.state = State::Asked { until: now + PATIENCE };
        self.again_from = Some(now + AGAIN);
        vec![("PRIVMSG", words)]
    }

    /// As whom they know us.
    pub(super) fn account(&self) -> &str {
        self.services.as_ref().map_or("", |services| &services.account)
    }

    /// Whether we wait for their answer.
    pub(super) fn is_asked(&self) -> bool {
        matches!(self.state, State::Asked { .. })
    }

    /// How to ask them for `nick`.
    pub(super) fn regain(&self, nick: &str) -> Option<(String, String)> {
        let services = self.services.as_ref()?;
        let command = services.regain.as_ref()?;
        Some((services.nick.clone(), command.replace("{nick}", nick)))
    }

    /// Whether `nick` is theirs.
    pub(super) fn are(&self, nick: &str, casemapping: Casemapping) -> bool {
        self.services.as_ref().is_some_and(|services| {
            let name = services.nick.split('@').next().unwrap_or_default();
            casemapping.same(nick, name)
        })
    }

    /// They say something to us.
    pub(super) fn said(&mut self, text: &str) -> Option<Answer> {
        let plain: String = text.chars().filter(|c| !c.is_control()).collect();
        let lower = plain.to_lowercase();
        let says = |words: &[&str]| words.iter().any(|word| lower.contains(word));
        let answer = if says(WELCOME) {
            Answer::Known
        } else if says(NO) {
            Answer::Unknown(plain)
        } else {
            return None;
        };
        self.answered().then_some(answer)
    }

    /// They ask who we are: gives what to say, if it is not too soon.
    pub(super) fn asked_who(&mut self, text: &str, now: Instant) -> Vec<Words> {
        let lower = text.to_lowercase();
        let asks = WHO.iter().any(|word| lower.contains(word));
        let soon = self.again_from.is_some_and(|from| now < from);
        if asks && !soon && !self.is_asked() { self.identify(now) } else { Vec::new() }
    }

    /// The server says for them that they know us, or are not there. Says whether we waited for it.
    pub(super) fn answered(&mut self) -> bool {
        std::mem::replace(&mut self.state, State::Idle) != State::Idle
    }

    pub(super) fn tick(&mut self, now: Instant) -> Option<Answer> {
        match self.state {
            State::Asked { until } if now >= until => {
                self.state = State::Idle;
                Some(Answer::Unknown("services do not answer".to_owned()))
            }
            _ => None,
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        match self.state {
            State::Asked { until } => Some(until),
            State::Idle => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nickserv() -> Nickserv {
        Nickserv::new(Some(Services {
            nick: "NickServ@services.example".to_owned(),
            account: "bridge".to_owned(),
            identify: Some("IDENTIFY bridge pencil".into()),
            regain: Some("GHOST {nick}".to_owned()),
        }))
    }

    fn asked() -> Nickserv {
        let mut nickserv = nickserv();
        nickserv.identify(Instant::now());
        nickserv
    }

    #[test]
    fn services_answer_in_their_own_words() {
        for (text, known) in [
            ("You are now identified for \u{2}bridge\u{2}.", Some(true)),
            ("Password accepted - you are now recognized.", Some(true)),
            ("You're now logged in as bridge", Some(true)),
            ("You are already logged in as bridge", Some(true)),
            ("Invalid password for \u{2}bridge\u{2}.", Some(false)),
            ("Password incorrect.", Some(false)),
            ("Your nick isn't registered.", Some(false)),
            ("\u{2}bridge\u{2} is not a registered nickname.", Some(false)),
            ("This nickname is registered. Please identify via /msg NickServ", None),
            ("hello", None),
        ] {
            let answer = asked().said(text).map(|answer| answer == Answer::Known);
            assert_eq!(answer, known, "{text}");
        }
        assert_eq!(nickserv().said("You are now identified"), None, "nobody has asked");
    }

    #[test]
    fn they_are_known_by_their_nick() {
        let nickserv = nickserv();
        assert!(nickserv.are("nickserv", Casemapping::Ascii));
        assert!(!nickserv.are("nickserv_", Casemapping::Ascii));
        assert!(!Nickserv::new(None).are("nickserv", Casemapping::Ascii));
    }

    #[test]
    fn they_are_not_waited_for_without_end() {
        let now = Instant::now();
        let mut nickserv = nickserv();
        assert_eq!(nickserv.identify(now).len(), 1);
        assert_eq!(nickserv.tick(now), None);
        let why = "services do not answer".to_owned();
        assert_eq!(nickserv.tick(now + PATIENCE), Some(Answer::Unknown(why)));
        assert_eq!(nickserv.deadline(), None);
    }

    #[test]
    fn when_they_ask_again_they_are_told_again_but_not_at_once() {
        let now = Instant::now();
        let mut nickserv = nickserv();
        nickserv.identify(now);
        let ask = "This nickname is registered. Please choose a different one, or identify.";
        assert_eq!(nickserv.asked_who(ask, now), [], "we have just told them");
        nickserv.answered();
        assert_eq!(nickserv.asked_who(ask, now), [], "and not again so soon");
        assert_eq!(nickserv.asked_who("hello", now + AGAIN), []);
        assert_eq!(nickserv.asked_who(ask, now + AGAIN).len(), 1);
    }
}
