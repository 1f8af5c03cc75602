use std::time::Instant;

use irc::proto::{CapSubCommand, Command, Message, Prefix};

use super::Session;
use super::people::{nick_and_userhost, source_name};
use crate::domain::MessageKind;
use crate::protocol::Output;
use crate::protocol::irc::batches::MessageContext;
use crate::protocol::irc::heard;
use crate::protocol::irc::isupport::Isupport;
use crate::protocol::irc::line::Line;
use crate::protocol::irc::multiline;
use crate::protocol::irc::objection::mentions_flood;
use crate::protocol::irc::refusal::Refusal;
use crate::protocol::irc::services::Fact;
use crate::protocol::irc::speech::Claim;
use crate::protocol::irc::{Event, Talk};

/// What the server says, in turn.
impl Session {
    pub(super) fn receive(&mut self, now: Instant, message: Message) {
        let context = self.batches.context(message.tags.as_deref());
        let source = message.prefix.as_ref();
        if context.batch.is_playback {
            self.past.on_playback_line(context.message_ref.time);
        }
        if self.told_line(source, &message) {
            return;
        }
        match message.command {
            Command::PING(token, _) => self.answer_ping(&token),
            Command::PONG(first, second) => self.pong(now, &second.unwrap_or(first)),
            Command::PRIVMSG(target, text) if self.is_me(&target) => {
                self.asked_by(now, source, &text, &context);
            }
            Command::PRIVMSG(target, text) => {
                self.hear(source, &target, heard::parse_text(false, &text), &context);
            }
            Command::NOTICE(target, text) if self.is_me(&target) => {
                self.on_private_notice(now, source, &text);
            }
            Command::NOTICE(target, text) => {
                self.hear(source, &target, heard::parse_text(true, &text), &context);
            }
            Command::JOIN(name, ..) if self.is_us(source) => {
                self.joining(now, source, &name, context.message_ref.time);
            }
            // What is played back is what was.
            Command::JOIN(..) | Command::PART(..) | Command::KICK(..) | Command::QUIT(..)
                if context.batch.is_playback => {}
            Command::JOIN(name, account, realname) => {
                let shown = (account.as_deref(), realname.as_deref());
                self.on_join(now, source, &name, shown, &context);
            }
            Command::PART(name, why) if self.is_us(source) => {
                let why = why.as_deref().unwrap_or("no reason given");
                self.out(now, &name, Refusal::soon(format!("we were made to leave it ({why})")));
            }
            Command::KICK(name, nick, why) if self.is_me(&nick) => {
                self.put_out(&name);
                let (by, why) = (source_name(source), why.as_deref().unwrap_or("no reason given"));
                self.out(
                    now,
                    &name,
                    Refusal::soon(format!("{by} has kicked us out of it ({why})")),
                );
            }
            Command::INVITE(nick, name) if self.is_me(&nick) => self.invited(now, &name),
            Command::PART(name, why) => self.on_part(source, &name, why),
            Command::KICK(name, nick, why) => self.on_kick(source, (&name, &nick), why),
            Command::QUIT(why) => {
                self.on_nick_released(now, source);
                self.on_quit(now, source, why, &context);
            }
            Command::TOPIC(name, topic) => self.on_topic(source, &name, topic),
            Command::NICK(nick) => self.on_nick(now, source, nick),
            Command::AUTHENTICATE(chunk) => {
                let words = self.registration.on_authenticate(&chunk, now);
                self.apply_login_events(words);
            }
            Command::ACCOUNT(account) => {
                let account = Some(account).filter(|account| account != "*");
                if self.is_us(source) {
                    self.on_account(now, account.as_deref());
                }
                self.update_user(source, |person| person.account = account);
            }
            Command::AWAY(why) => {
                let away = why.is_some_and(|why| !why.is_empty());
                self.update_user(source, |person| person.away = away);
            }
            Command::CHGHOST(user, host) => {
                let address = format!("{user}@{host}");
                if self.is_us(source) {
                    self.address = Some(address.clone());
                }
                self.update_user(source, |person| person.userhost = Some(address));
            }
            Command::CAP(_, subcommand, third, fourth) => {
                self.cap(now, &subcommand, third.as_deref(), fourth.as_deref());
            }
            Command::BATCH(reference, kind, about) => {
                let kind = kind.as_ref().map_or("", |kind| kind.to_str());
                let about = about.as_ref().and_then(|about| about.first());
                return self.batch(now, source, &reference, (kind, about), &context);
            }
            Command::ERROR(why) => {
                if mentions_flood(&why) {
                    self.pacer.punished(now);
                }
                self.on_link_closed(why);
            }
            Command::Response(response, arguments) => {
                self.numeric(now, response, &arguments, &context);
            }
            Command::Raw(command, arguments) => {
                self.raw(now, (source, &command), &arguments, &context);
            }
            _ => {}
        }
        if context.is_full_response {
            self.answered(now, &context);
        }
    }

    /// Takes in a line of a message of several, which is heard when it is complete. Says whether it
    /// was one.
    fn told_line(&mut self, source: Option<&Prefix>, message: &Message) -> bool {
        let (notice, text) = match &message.command {
            Command::PRIVMSG(_, text) => (false, text),
            Command::NOTICE(_, text) => (true, text),
            _ => return false,
        };
        let tags = message.tags.as_deref();
        let concat = tags.is_some_and(|tags| tags.iter().any(|tag| tag.0 == multiline::CONCAT_TAG));
        self.telling.add_line(heard::tag_value(tags, "batch"), source, (notice, text, concat))
    }

    fn batch(
        &mut self,
        now: Instant,
        source: Option<&Prefix>,
        reference: &str,
        (kind, about): (&str, Option<&String>),
        context: &MessageContext,
    ) {
        if let Some(reference) = reference.strip_prefix('+') {
            self.batches.open(reference, kind, about.map(String::as_str), context);
            if let Some(target) = about.filter(|_| kind.eq_ignore_ascii_case(multiline::CAP_NAME)) {
                self.telling.open(reference, source, target, context);
            }
        } else if let Some(reference) = reference.strip_prefix('-') {
            self.batch_ends(now, reference);
        }
    }

    fn batch_ends(&mut self, now: Instant, reference: &str) {
        let Some(batch) = self.batches.close(reference) else { return };
        if let Some(told) = self.telling.close(reference) {
            let talk = heard::parse_text(told.is_notice, &told.text);
            if !self.is_me(&told.target) {
                self.hear(Some(&told.source), &told.target, talk, &told.context);
            } else if !told.is_notice && !told.context.batch.is_playback {
                self.hear_whisper(Some(&told.source), &told.text, &told.context);
            }
        }
        if batch.is_history {
            let place = batch.target.as_deref().and_then(|name| self.channels.endpoint_of(name));
            let answer = self.past.on_batch_end(place, batch.label.as_deref());
            self.report_history(answer);
        }
        self.answered(now, &MessageContext { batch, ..MessageContext::default() });
    }

    /// What the vocabulary of `irc::proto` has no word for.
    fn raw(
        &mut self,
        now: Instant,
        (source, command): (Option<&Prefix>, &str),
        arguments: &[String],
        context: &MessageContext,
    ) {
        let argument = |at: usize| arguments.get(at).map_or("", String::as_str);
        match command {
            "MODE" => self.on_mode(now, source, arguments),
            "SETNAME" => {
                let realname = Some(argument(0).to_owned());
                self.update_user(source, |person| person.realname = realname);
            }
            "FAIL" => self.fail(now, arguments, context),
            // RPL_WHOISSERVICE of ngIRCd, RPL_WHOISHELPOP elsewhere.
            "310" => self.shown(argument(1), Fact::Is(super::last(arguments))),
            // RPL_WHOSPCRPL.
            "354" => self.on_whox_reply(arguments),
            "573" => self.object_relay(now, command, arguments, context),
            _ if self.is_unheard(command, arguments) => {
                self.object(now, command, arguments, context);
            }
            // ERR_INPUTTOOLONG, which names no channel.
            "417" => self.object(now, command, arguments, context),
            // ERR_TARGETTOOFAST, ERR_CANTSENDTOUSER of channels, ERR_TARGCHANGE.
            "439" | "499" | "531" | "707" => self.object(now, command, arguments, context),
            // ERR_BANNICKCHANGE, ERR_NICKTOOFAST, ERR_NONICKCHANGE, ERR_RESTRICTED.
            "435" | "438" | "447" | "484" => {
                self.on_nick_rejected(now, false, super::last(arguments))
            }
            "470" => self.forwarded(now, argument(1), argument(2)),
            "448" | "479" | "480" | "489" | "495" | "500" | "519" | "520" | "926" => {
                self.refused(now, command, arguments);
            }
            _ => {}
        }
    }

    fn answer_ping(&mut self, token: &str) {
        // Ahead of everything: a server that waits for it hangs up.
        match Line::new("PONG", &[token]) {
            Ok(pong) => self.output.push_back(Output::Transmit(pong)),
            Err(error) => tracing::warn!(%error, "a PING that cannot be answered"),
        }
    }

    fn cap(
        &mut self,
        now: Instant,
        subcommand: &CapSubCommand,
        third: Option<&str>,
        fourth: Option<&str>,
    ) {
        let (more, list) = match (third, fourth) {
            (Some("*"), Some(list)) => (true, list),
            (Some(list), None) | (None, Some(list)) => (false, list),
            _ => (false, ""),
        };
        self.budget.read_caps(list.len());
        let words = self.registration.on_cap(subcommand.to_str(), more, list, now);
        self.apply_login_events(words);
    }

    pub(super) fn learn(&mut self, now: Instant, arguments: &[String]) {
        // The first is our nick, the last says that these are supported.
        let tokens = arguments.get(1..arguments.len().saturating_sub(1)).unwrap_or_default();
        tokens.iter().for_each(|token| self.isupport.parse_token(token));
        self.channels.set_casemapping(self.isupport.casemapping);
        self.people.set_casemapping(self.isupport.casemapping);
        let Isupport { chantypes, channellen, .. } = &self.isupport;
        for (place, why) in self.channels.reject_impossible(chantypes, *channellen, now) {
            self.output.push_back(Output::Event(Event::Closed { place, why }));
        }
        self.join(now);
        self.set_bot_mode();
    }

    pub(super) fn change_host(&mut self, host: &str) {
        if let Some((user, _)) = self.address.as_deref().and_then(|it| it.split_once('@')) {
            self.address = Some(format!("{user}@{host}"));
        }
    }

    /// Somebody says something to us alone.
    fn asked_by(
        &mut self,
        now: Instant,
        source: Option<&Prefix>,
        text: &str,
        context: &MessageContext,
    ) {
        let Some(Prefix::Nickname(nick, ..)) = source else { return };
        if self.is_me(nick) || context.batch.is_playback {
            return;
        }
        self.control.extend(self.courtesy.reply(now, nick, text, context.message_ref.time));
        self.hear_whisper(source, text, context);
    }

    /// Somebody says something. What is said to some of a channel alone (`@#tea`, ISUPPORT STATUSMSG)
    /// is not for everybody in a room, and not heard.
    fn hear(
        &mut self,
        source: Option<&Prefix>,
        target: &str,
        talk: Option<(MessageKind, &str)>,
        context: &MessageContext,
    ) {
        let Some((nick, address)) = nick_and_userhost(source) else { return };
        let (Some(place), Some((kind, text))) = (self.target(target), talk) else { return };
        let relayed_by = context.relayed_by.clone();
        let speaker = relayed_by.as_deref().unwrap_or(nick);
        let (own, played) = (self.is_me(speaker), context.batch.is_playback);
        let mut claim = Claim::Foreign;
        if own && !played {
            claim = self.echoed(place, (kind, text), context);
        }
        // What others say to others, only a server that is mistaken tells us; or a bouncer, what another of
        // its clients says as us.
        if claim == Claim::Ours || self.channels.endpoint_of(target).is_none() {
            return;
        }
        if played && nick == HISTORIAN {
            return;
        }
        let author = self.message_author(nick, address, context);
        let (text, mark) = (text.to_owned(), context.message_ref.clone());
        let from_here = played && author.userhost.is_some() && author.userhost == self.address;
        let talk = Talk { author, kind, text, mark, played, own, from_here, relayed_by };
        if claim == Claim::Perhaps {
            return self.strange(place, talk);
        }
        if !played && self.is_before_join(target) {
            return self.early.push((place, talk));
        }
        self.output.push_back(Output::Event(Event::Heard { place, talk }));
    }
}

/// Who tells, in Ergo's history, that people came and went.
const HISTORIAN: &str = "HistServ";
