use std::time::Instant;

use irc::proto::Prefix;
use secrecy::ExposeSecret;

use super::{GOODBYE_PATIENCE, Phase, Session, last};
use crate::protocol::Output;
use crate::protocol::irc::Event;
use crate::protocol::irc::line::ParsedLine;
use crate::protocol::irc::registration::{Verdict, Words};
use crate::protocol::irc::services::{Answer, Fact};
use crate::protocol::irc::turned_away::{Reason, TurnedAway};

/// Getting in, and being turned away.
impl Session {
    /// Why the server has turned us away, where that is how it ended.
    #[must_use]
    pub fn turned_away(&self) -> Option<&TurnedAway> {
        self.turned_away.as_ref()
    }

    /// Whether the server has let us in.
    #[must_use]
    pub fn was_let_in(&self) -> bool {
        self.let_in
    }

    pub(super) fn registered(&mut self, now: Instant, nick: &str) {
        if !self.is_registering() {
            return;
        }
        if let Some(away) = self.registration.registered() {
            return self.turn_away(away);
        }
        self.phase = Phase::Identifying;
        self.let_in = true;
        if super::people::is_name(nick) {
            nick.clone_into(&mut self.nick);
        }
        self.people.set_own_nick(&self.nick);
        self.output.push_back(Output::Event(Event::Registered { nick: self.nick.clone() }));
        self.say_commands();
        // A bouncer has an account of its own.
        let known = self.account.is_some() || self.registration.is_logged_in();
        if !known && !self.registration.is_bouncer() {
            let words = self.nickserv.identify(now);
            self.send_all(words);
            if self.nickserv.is_withheld() {
                let why = TurnedAway::new(Reason::InTheClear, "");
                let why = format!("{why}; {}", why.remedy().unwrap_or_default());
                self.output.push_back(Output::Event(Event::NotLoggedIn { why }));
            }
        }
        self.take_seats(now);
    }

    /// Goes on to the channels, once services have said what they make of us.
    fn take_seats(&mut self, now: Instant) {
        if self.phase == Phase::Identifying && !self.nickserv.is_asked() {
            self.phase = Phase::Seated;
            self.join(now);
            self.begin_to_regain(now);
        }
    }

    /// What was said of capabilities and logins has led to these lines, and perhaps to more.
    pub(super) fn negotiated(&mut self, words: Vec<Words>) {
        self.send_all(words);
        for verdict in self.registration.verdicts() {
            match verdict {
                Verdict::TurnedAway(away) => self.turn_away(away),
                Verdict::Sts(sts) => self.output.push_back(Output::Event(Event::Sts(sts))),
                Verdict::NotLoggedIn(why) => {
                    self.output.push_back(Output::Event(Event::NotLoggedIn { why }));
                }
            }
        }
    }

    /// The server knows us by this account, or by none.
    pub(super) fn account_is(&mut self, now: Instant, account: Option<&str>) {
        if let Some(account) = account
            && self.account.as_deref() != Some(account)
        {
            let account = account.to_owned();
            self.output.push_back(Output::Event(Event::LoggedIn { account }));
        }
        self.account = account.map(str::to_owned);
        if account.is_some() {
            self.nickserv.answered();
            self.take_seats(now);
            self.let_in_by_account(now);
        } else {
            let words = self.registration.logged_out(now);
            self.negotiated(words);
        }
    }

    /// Somebody says something to us alone.
    pub(super) fn noticed(&mut self, now: Instant, source: Option<&Prefix>, text: &str) {
        let Some(Prefix::Nickname(nick, _, host)) = source else { return };
        if !self.nickserv.are(nick, self.isupport.casemapping) {
            return;
        }
        let answer = if self.nickserv.are_at(host) { self.nickserv.said(text) } else { None };
        match answer {
            Some(answer) => self.services_answer(now, answer),
            None if self.account.is_none() && self.phase == Phase::Seated => {
                let words = self.nickserv.asked_who(text, now);
                self.send_all(words);
            }
            None => {}
        }
    }

    /// The server tells this of who has a nick.
    pub(super) fn shown(&mut self, nick: &str, fact: Fact<'_>) {
        self.nickserv.shown(nick, fact, self.isupport.casemapping);
    }

    /// The server has told all of who has a nick.
    pub(super) fn all_shown(&mut self, now: Instant, nick: &str) {
        match self.nickserv.all_shown(now, nick, self.isupport.casemapping) {
            Ok(words) => self.send_all(words.into_iter().collect()),
            Err(answer) => self.services_answer(now, answer),
        }
    }

    pub(super) fn services_answer(&mut self, now: Instant, answer: Answer) {
        match answer {
            Answer::Known => {
                let account = self.nickserv.account().to_owned();
                self.account_is(now, Some(&account));
            }
            Answer::Unknown(why) => {
                self.output.push_back(Output::Event(Event::NotLoggedIn { why }));
                self.take_seats(now);
            }
        }
    }

    /// There is nobody of this nick: perhaps services are away.
    pub(super) fn nobody(&mut self, now: Instant, nick: &str) {
        if self.nickserv.are(nick, self.isupport.casemapping) && self.nickserv.answered() {
            let why = format!("there is no {nick} here, or it is away");
            self.services_answer(now, Answer::Unknown(why));
        }
    }

    pub(super) fn tick_door(&mut self, now: Instant) {
        let words = self.registration.tick(now);
        self.negotiated(words);
        if let Some(answer) = self.nickserv.tick(now) {
            self.services_answer(now, answer);
        }
    }

    /// The server says by a numeric that it does not want us.
    pub(super) fn unwanted(&mut self, reason: Reason, arguments: &[String]) {
        self.turn_away(TurnedAway::new(reason, last(arguments)));
    }

    /// The server has banned us, and says why when it closes the link.
    pub(super) fn banned(&mut self, now: Instant, arguments: &[String]) {
        self.phase = Phase::Banned { until: now + GOODBYE_PATIENCE };
        self.turned_away = Some(TurnedAway::new(Reason::Banned, last(arguments)));
    }

    /// The server closes the link, or has had the time to.
    pub(super) fn link_closes(&mut self, why: String) {
        let leaving = matches!(self.phase, Phase::Leaving { .. });
        let away = match (self.turned_away.take(), TurnedAway::read(&why)) {
            // Either may be the one that tells more.
            (Some(banned), Some(away)) => {
                let words = format!("{}; {}", banned.words, away.words);
                Some(TurnedAway { words, ..away })
            }
            // We have said nothing yet that could be the reason: whatever it is, it may last.
            (None, None) if !self.let_in => Some(TurnedAway::read_at_the_door(&why)),
            (banned, away) => away.or(banned),
        };
        match away.filter(|_| !leaving) {
            Some(away) => self.turn_away(away),
            None => self.close(why),
        }
    }

    fn turn_away(&mut self, away: TurnedAway) {
        // Whatever a server says that lacks a password: that is why.
        let lacks = !self.let_in && self.registration.is_withheld();
        let moves = matches!(away.reason, Reason::Insecure { .. });
        let away = if lacks && !moves { TurnedAway::new(Reason::InTheClear, "") } else { away };
        self.close(away.to_string());
        self.turned_away = Some(away);
    }

    /// Says that we are a bot, where the server wants to know
    /// (<https://ircv3.net/specs/extensions/bot-mode>).
    pub(super) fn make_known(&mut self) {
        let Some(mode) = self.isupport.bot_mode.filter(|_| !self.known_as_bot) else { return };
        // Behind a bouncer, we may not be alone.
        if !self.is_registering() && !self.registration.is_bouncer() {
            self.known_as_bot = true;
            self.send_all(vec![("MODE", vec![self.nick.clone(), format!("+{mode}")])]);
        }
    }

    /// Says what the administrator wants said, which the configuration has read as lines.
    fn say_commands(&mut self) {
        for command in &self.commands {
            let command = command.expose_secret().replace("{nick}", &self.nick);
            match ParsedLine::parse(&command).ok().map(|parts| parts.to_line()) {
                Some(Ok(line)) => self.control.push_back(line),
                // Not the command: it may hold a password.
                _ => tracing::error!("a command for the server that cannot be sent"),
            }
        }
    }
}
