//! Logs in with services (NickServ) by PRIVMSG, for networks without SASL.

use std::time::{Duration, Instant};

use secrecy::ExposeSecret;

use super::{RawCommand, ServicesLogin};
use crate::domain::Casemapping;

/// Time limit for services to answer; then we continue without them.
const IDENTIFY_TIMEOUT: Duration = Duration::from_secs(15);

/// Minimum time between attempts to identify when services ask again.
const IDENTIFY_RETRY_INTERVAL: Duration = Duration::from_secs(60);

/// Phrases that report a successful login.
const SUCCESS_PHRASES: &[&str] = &[
    "you are now identified",
    "you are now logged in",
    "you're now logged in",
    "now recognized",
    "password accepted",
    "you are already",
    "you're already",
];

/// Phrases that report a failed login.
const FAILURE_PHRASES: &[&str] = &[
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

/// Phrases that ask us to identify.
const PROMPT_PHRASES: &[&str] = &["identify", "is registered", "registered and protected"];

/// A login with services by PRIVMSG, for networks without SASL.
///
/// ```text
///         WHOIS           it is services: IDENTIFY       900, ACCOUNT, or a success phrase
///  Idle ─────────▶ Looking ────────────────────▶ Identifying ─────────────────────────────▶ logged in
///   ▲                 │ somebody else, 401           │ a failure phrase, 401, timeout
///   └─────────────────┴──────────────────────────────┘   services ask again: retry, at intervals
/// ```
///
/// Anybody can take a nick. So the password is sent only after WHOIS has shown that services have it. If the nick includes
/// a server (`NickServ@services.example`), the server itself guarantees that.
#[derive(Debug)]
pub(in crate::protocol::irc) struct Nickserv {
    login: Option<ServicesLogin>,
    /// There is a password, but it must not be sent in plain text.
    withheld: bool,
    state: NickservState,
    seen: Seen,
    /// The host where services were last seen.
    host: Option<String>,
    /// The name of our server.
    server: Option<String>,
    retry_from: Option<Instant>,
}

/// What WHOIS has shown about the user of services' nick.
#[derive(Debug, Default)]
struct Seen {
    address: Option<(String, String)>,
    server: Option<String>,
    is_service: bool,
}

/// WHOIS numerics that help to recognise services.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::protocol::irc) enum Fact<'t> {
    /// 311: user and host.
    Address(&'t str, &'t str),
    /// 312: their server.
    Server(&'t str),
    /// 313 on most servers, 310 on ngIRCd: a description.
    Is(&'t str),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NickservState {
    Idle,
    Looking { until: Instant },
    Identifying { deadline: Instant },
}

/// The answer of services.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::protocol::irc) enum NickservReply {
    /// We are logged in.
    LoggedIn,
    /// The login failed, for this reason.
    Failed(String),
}

impl Nickserv {
    /// Without `may_say`, the password is withheld.
    pub(in crate::protocol::irc) fn new(
        mut services: Option<ServicesLogin>,
        may_say: bool,
    ) -> Self {
        let password =
            services.as_mut().filter(|_| !may_say).and_then(|it| it.identify_command.take());
        Self {
            login: services,
            withheld: password.is_some(),
            state: NickservState::Idle,
            seen: Seen::default(),
            host: None,
            server: None,
            retry_from: None,
        }
    }

    /// Where services were last seen, for the next process.
    pub(in crate::protocol::irc) fn host(&self) -> Option<&str> {
        self.host.as_deref()
    }

    /// Another process has seen services there.
    pub(in crate::protocol::irc) fn set_host(&mut self, host: Option<String>) {
        self.host = host;
    }

    /// Whether a password was withheld.
    pub(in crate::protocol::irc) fn is_withheld(&self) -> bool {
        self.withheld
    }

    /// Sets the name of our server.
    pub(in crate::protocol::irc) fn at(&mut self, server: &str) {
        self.server = Some(server.to_owned());
    }

    /// Starts to identify, if services are configured: looks up who has their nick.
    pub(in crate::protocol::irc) fn identify(&mut self, now: Instant) -> Vec<RawCommand> {
        let Some(services) = self.login.as_ref().filter(|it| it.identify_command.is_some()) else {
            return Vec::new();
        };
        let whois = ("WHOIS", vec![services.name().to_owned()]);
        let is_addressed = services.server().is_some();
        self.seen = Seen::default();
        self.state = NickservState::Looking { until: now + IDENTIFY_TIMEOUT };
        self.retry_from = Some(now + IDENTIFY_RETRY_INTERVAL);
        let mut words = vec![whois];
        if is_addressed {
            words.extend(self.say_password(now));
        }
        words
    }

    fn say_password(&mut self, now: Instant) -> Option<RawCommand> {
        let services = self.login.as_ref()?;
        let password = services.identify_command.as_ref()?.expose_secret().to_owned();
        self.state = NickservState::Identifying { deadline: now + IDENTIFY_TIMEOUT };
        Some(("PRIVMSG", vec![services.nick.clone(), password]))
    }

    /// A WHOIS numeric about `nick` was received.
    pub(in crate::protocol::irc) fn shown(
        &mut self,
        nick: &str,
        fact: Fact<'_>,
        casemapping: Casemapping,
    ) {
        if self.state == NickservState::Idle || !self.is_services_nick(nick, casemapping) {
            return;
        }
        match fact {
            Fact::Address(user, host) => {
                self.seen.address = Some((user.to_owned(), host.to_owned()));
            }
            Fact::Server(server) => self.seen.server = Some(server.to_owned()),
            Fact::Is(words) => self.seen.is_service |= says_service(words),
        }
    }

    /// WHOIS of `nick` is complete: returns the command with the password, or why it is not sent.
    pub(in crate::protocol::irc) fn all_shown(
        &mut self,
        now: Instant,
        nick: &str,
        casemapping: Casemapping,
    ) -> Result<Option<RawCommand>, NickservReply> {
        if self.state == NickservState::Idle || !self.is_services_nick(nick, casemapping) {
            return Ok(None);
        }
        let seen = std::mem::take(&mut self.seen);
        let are_services = self.are_services(&seen);
        if are_services {
            self.host = seen.address.as_ref().map(|(_, host)| host.clone());
        }
        match self.state {
            NickservState::Looking { .. } if are_services => Ok(self.say_password(now)),
            NickservState::Looking { .. } => {
                self.state = NickservState::Idle;
                Err(NickservReply::Failed(impostor(nick, &seen)))
            }
            _ => Ok(None),
        }
    }

    /// Whether this can only be services. The host alone is no proof, since users can control their reverse
    /// DNS.
    fn are_services(&self, seen: &Seen) -> bool {
        let Some(services) = &self.login else { return false };
        let is = |found: Option<&str>, wanted: &str| {
            found.is_some_and(|found| found.eq_ignore_ascii_case(wanted))
        };
        let (host, server) =
            (seen.address.as_ref().map(|it| it.1.as_str()), seen.server.as_deref());
        if let Some(wanted) = services.host.as_deref().or(services.server()) {
            return is(host, wanted) || is(server, wanted);
        }
        let first = server.and_then(|server| server.split('.').next());
        let elsewhere = self.server.as_deref().is_some_and(|ours| !is(server, ours));
        seen.is_service || (elsewhere && (is(first, "services") || is(first, "service")))
    }

    /// The account name.
    pub(in crate::protocol::irc) fn account(&self) -> &str {
        self.login.as_ref().map_or("", |services| &services.account)
    }

    /// Whether we wait for an answer from services or for WHOIS.
    pub(in crate::protocol::irc) fn is_identifying(&self) -> bool {
        self.state != NickservState::Idle
    }

    /// The nick of services and the command to release `nick`.
    pub(in crate::protocol::irc) fn regain_command(&self, nick: &str) -> Option<(String, String)> {
        let services = self.login.as_ref()?;
        let command = services.regain_command.as_ref()?;
        Some((services.nick.clone(), command.replace("{nick}", nick)))
    }

    /// Whether `nick` is that of services.
    pub(in crate::protocol::irc) fn is_services_nick(
        &self,
        nick: &str,
        casemapping: Casemapping,
    ) -> bool {
        let name = |services: &ServicesLogin| casemapping.same(nick, services.name());
        self.login.as_ref().is_some_and(name)
    }

    /// Whether services were seen at `host`.
    pub(in crate::protocol::irc) fn are_at(&self, host: &str) -> bool {
        self.host.as_deref().is_some_and(|known| known.eq_ignore_ascii_case(host))
    }

    /// Handles a message from services.
    pub(in crate::protocol::irc) fn on_text(&mut self, text: &str) -> Option<NickservReply> {
        let plain: String = text.chars().filter(|c| !c.is_control()).collect();
        let lower = plain.to_lowercase();
        let says = |words: &[&str]| words.iter().any(|word| lower.contains(word));
        let answer = if says(SUCCESS_PHRASES) {
            NickservReply::LoggedIn
        } else if says(FAILURE_PHRASES) {
            NickservReply::Failed(plain)
        } else {
            return None;
        };
        self.finish().then_some(answer)
    }

    /// Services ask us to identify: returns the lines, unless it is too soon.
    pub(in crate::protocol::irc) fn on_prompt(
        &mut self,
        text: &str,
        now: Instant,
    ) -> Vec<RawCommand> {
        let lower = text.to_lowercase();
        let asks = PROMPT_PHRASES.iter().any(|word| lower.contains(word));
        let soon = self.retry_from.is_some_and(|from| now < from);
        if asks && !soon && !self.is_identifying() { self.identify(now) } else { Vec::new() }
    }

    /// The server confirms the login, or reports services missing. Returns whether we waited for it.
    pub(in crate::protocol::irc) fn finish(&mut self) -> bool {
        std::mem::replace(&mut self.state, NickservState::Idle) != NickservState::Idle
    }

    pub(in crate::protocol::irc) fn tick(&mut self, now: Instant) -> Option<NickservReply> {
        match self.state {
            NickservState::Looking { until } if now >= until => {
                self.state = NickservState::Idle;
                let reason = "the server did not answer WHOIS for the services nick".to_owned();
                Some(NickservReply::Failed(reason))
            }
            NickservState::Identifying { deadline: until } if now >= until => {
                self.state = NickservState::Idle;
                Some(NickservReply::Failed("services did not answer".to_owned()))
            }
            _ => None,
        }
    }

    pub(in crate::protocol::irc) fn deadline(&self) -> Option<Instant> {
        match self.state {
            NickservState::Looking { until } | NickservState::Identifying { deadline: until } => {
                Some(until)
            }
            NickservState::Idle => None,
        }
    }
}

impl ServicesLogin {
    /// Their nick without the server.
    fn name(&self) -> &str {
        self.nick.split('@').next().unwrap_or_default()
    }

    /// The server after `@`, if any.
    fn server(&self) -> Option<&str> {
        self.nick.split_once('@').map(|(_, server)| server)
    }
}

/// Whether the server describes a user as a service: "is a Network Service", "is an IRC service". Operators
/// such as "a Services Administrator" are not services.
fn says_service(words: &str) -> bool {
    words.split(|c: char| !c.is_ascii_alphanumeric()).any(|it| it.eq_ignore_ascii_case("service"))
}

/// Why the password was not sent to the user with services' nick.
fn impostor(nick: &str, seen: &Seen) -> String {
    let (user, host) = seen.address.as_ref().map_or(("?", "?"), |it| (&it.0, &it.1));
    let server = seen.server.as_deref().unwrap_or("?");
    format!(
        "{nick} is {user}@{host} on {server}, which the server does not mark as a service; no \
         password was sent. If the network documents this host for its services, set \
         `nickserv_host`"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nickserv() -> Nickserv {
        called("NickServ@services.example", None)
    }

    fn called(nick: &str, host: Option<&str>) -> Nickserv {
        let services = ServicesLogin {
            nick: nick.to_owned(),
            host: host.map(str::to_owned),
            account: "bridge".to_owned(),
            identify_command: Some("IDENTIFY bridge pencil".into()),
            regain_command: Some("GHOST {nick}".to_owned()),
        };
        Nickserv::new(Some(services), true)
    }

    /// Whether the password is sent to NickServ, given these WHOIS numerics, at the server irc.example.
    fn is_told(mut nickserv: Nickserv, facts: &[Fact<'_>]) -> bool {
        let (now, casemapping) = (Instant::now(), Casemapping::Ascii);
        nickserv.at("irc.example");
        assert_eq!(nickserv.identify(now), [("WHOIS", vec!["NickServ".to_owned()])]);
        nickserv.shown("ann", Fact::Is("is a Network Service"), casemapping);
        for fact in facts {
            nickserv.shown("nickserv", *fact, casemapping);
        }
        match nickserv.all_shown(now, "NickServ", casemapping) {
            Ok(Some((_, words))) => words[1].contains("pencil"),
            Ok(None) => panic!("we have looked"),
            Err(NickservReply::Failed(reason)) => !reason.contains("nickserv_host"),
            Err(NickservReply::LoggedIn) => panic!("it is known by words alone"),
        }
    }

    #[test]
    fn services_are_recognised_by_the_whois_reply() {
        let at = |host| Fact::Address("s", host);
        for facts in [
            // Ergo, InspIRCd with and without hidden server names, ngIRCd, Solanum.
            &[at("localhost"), Fact::Is("is a network service")][..],
            &[
                at("services.int"),
                Fact::Server("services.example"),
                Fact::Is("is a Service on Lab"),
            ],
            &[at("services.int"), Fact::Server("*.lab.net"), Fact::Is("is a Service on Lab")],
            &[at("services.int"), Fact::Server("services.example"), Fact::Is("is an IRC service")],
            &[at("services.libera.chat"), Fact::Is("is a Network Service")],
            &[at("localhost.net"), Fact::Server("Services.example")],
        ] {
            assert!(is_told(called("NickServ", None), facts), "{facts:?}");
        }
    }

    #[test]
    fn user_with_the_nick_of_services_gets_no_password() {
        let at = |host| Fact::Address("NickServ", host);
        for facts in [
            &[][..],
            &[at("dialup.example"), Fact::Server("irc.example")],
            &[at("services.evil.example"), Fact::Server("irc.example")],
            &[at("services.int"), Fact::Server("irc2.example"), Fact::Is("is available for help.")],
            &[at("irc.example"), Fact::Server("irc.example"), Fact::Is("is an IRC operator")],
            &[at("localhost"), Fact::Is("is a Services Administrator")],
            &[at("localhost"), Fact::Server("my-services.example")],
        ] {
            assert!(!is_told(called("NickServ", None), facts), "{facts:?}");
        }
        let mut here = called("NickServ", None);
        here.identify(Instant::now());
        here.at("services.example");
        here.shown("NickServ", Fact::Server("services.example"), Casemapping::Ascii);
        let answer = here.all_shown(Instant::now(), "NickServ", Casemapping::Ascii);
        assert!(answer.is_err(), "everybody is at our own server");
    }

    #[test]
    fn configured_host_of_services_decides() {
        let at = |host| Fact::Address("s", host);
        let nickserv = || called("NickServ", Some("services.tea"));
        assert!(is_told(nickserv(), &[at("Services.Tea")]));
        assert!(is_told(nickserv(), &[at("x"), Fact::Server("services.tea")]));
        assert!(!is_told(nickserv(), &[at("x.services.tea"), Fact::Is("is a Network Service")]));
    }

    #[test]
    fn withheld_password_is_not_sent() {
        let services = called("NickServ@services.example", None).login;
        let mut withheld = Nickserv::new(services, false);
        assert!(withheld.is_withheld() && !nickserv().is_withheld());
        assert_eq!(withheld.identify(Instant::now()), []);
    }

    fn identifying() -> Nickserv {
        let mut nickserv = nickserv();
        nickserv.identify(Instant::now());
        nickserv
    }

    #[test]
    fn known_phrases_end_the_login() {
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
            let answer =
                identifying().on_text(text).map(|answer| answer == NickservReply::LoggedIn);
            assert_eq!(answer, known, "{text}");
        }
        assert_eq!(nickserv().on_text("You are now identified"), None, "nobody has asked");
    }

    #[test]
    fn services_are_recognised_by_nick() {
        let nickserv = nickserv();
        assert!(nickserv.is_services_nick("nickserv", Casemapping::Ascii));
        assert!(!nickserv.is_services_nick("nickserv_", Casemapping::Ascii));
        assert!(!Nickserv::new(None, true).is_services_nick("nickserv", Casemapping::Ascii));
    }

    #[test]
    fn identify_times_out() {
        let now = Instant::now();
        let mut nickserv = nickserv();
        let words = nickserv.identify(now);
        assert_eq!(words.iter().map(|it| it.0).collect::<Vec<_>>(), ["WHOIS", "PRIVMSG"]);
        assert_eq!(nickserv.tick(now), None);
        let reason = "services did not answer".to_owned();
        assert_eq!(nickserv.tick(now + IDENTIFY_TIMEOUT), Some(NickservReply::Failed(reason)));
        assert_eq!(nickserv.deadline(), None);
    }

    #[test]
    fn prompt_repeats_identify_once_per_interval() {
        let now = Instant::now();
        let mut nickserv = nickserv();
        nickserv.identify(now);
        let ask = "This nickname is registered. Please choose a different one, or identify.";
        assert_eq!(nickserv.on_prompt(ask, now), [], "we have just told them");
        nickserv.finish();
        assert_eq!(nickserv.on_prompt(ask, now), [], "and not again so soon");
        assert_eq!(nickserv.on_prompt("hello", now + IDENTIFY_RETRY_INTERVAL), []);
        assert_eq!(nickserv.on_prompt(ask, now + IDENTIFY_RETRY_INTERVAL).len(), 2);
    }
}
