//! Dispatches received lines.

use std::time::Instant;

use irc::proto::{CapSubCommand, Command, Message, Prefix};

use super::{IrcSession, last_argument};
use crate::protocol::Output;
use crate::protocol::irc::IrcEvent;
use crate::protocol::irc::errors::send::mentions_flood;
use crate::protocol::irc::login::nickserv::Fact;
use crate::protocol::irc::receive::text;
use crate::protocol::irc::wire::batch::MessageContext;
use crate::protocol::irc::wire::isupport::Isupport;
use crate::protocol::irc::wire::line::Line;

/// Received lines.
impl IrcSession {
    pub(super) fn on_line(&mut self, now: Instant, message: Message) {
        let context = self.batches.context(message.tags.as_deref());
        let source = message.prefix.as_ref();
        if context.batch.is_playback {
            self.history_requests.on_playback_line(context.message_ref.time);
        }
        if self.add_multiline_line(source, &message) {
            return;
        }
        match message.command {
            Command::PING(token, _) => self.answer_ping(&token),
            Command::PONG(first, second) => self.on_pong(now, &second.unwrap_or(first)),
            Command::PRIVMSG(target, text) if self.is_me(&target) => {
                self.on_private_message(now, source, &text, &context);
            }
            Command::PRIVMSG(target, text) => {
                self.on_message(source, &target, text::parse_text(false, &text), &context);
            }
            Command::NOTICE(target, text) if self.is_me(&target) => {
                self.on_private_notice(now, source, &text);
            }
            Command::NOTICE(target, text) => {
                self.on_message(source, &target, text::parse_text(true, &text), &context);
            }
            Command::JOIN(name, ..) if self.is_us(source) => {
                self.on_own_join(now, source, &name, context.message_ref.time);
            }
            // Played-back events do not change the present.
            Command::JOIN(..) | Command::PART(..) | Command::KICK(..) | Command::QUIT(..)
                if context.batch.is_playback => {}
            Command::JOIN(name, account, realname) => {
                let shown = (account.as_deref(), realname.as_deref());
                self.on_join(now, source, &name, shown, &context);
            }
            Command::PART(name, reason) if self.is_us(source) => {
                self.on_own_part(now, &name, reason.as_deref());
            }
            Command::KICK(name, nick, reason) if self.is_me(&nick) => {
                self.on_own_kick(now, source, &name, reason.as_deref());
            }
            Command::INVITE(nick, name) if self.is_me(&nick) => self.on_invite(now, &name),
            Command::PART(name, reason) => self.on_part(source, &name, reason),
            Command::KICK(name, nick, reason) => self.on_kick(source, (&name, &nick), reason),
            Command::QUIT(reason) => {
                self.on_nick_released(now, source);
                self.on_quit(now, source, reason, &context);
            }
            Command::TOPIC(name, topic) => self.on_topic(source, &name, topic),
            Command::NICK(nick) => self.on_nick(now, source, nick),
            Command::AUTHENTICATE(chunk) => self.on_authenticate(now, &chunk),
            Command::ACCOUNT(account) => self.on_account_changed(now, source, account),
            Command::AWAY(reason) => self.on_away(source, reason.as_deref()),
            Command::CHGHOST(user, host) => self.on_userhost_changed(source, &user, &host),
            Command::CAP(_, subcommand, third, fourth) => {
                self.on_cap(now, &subcommand, third.as_deref(), fourth.as_deref());
            }
            Command::BATCH(reference, kind, about) => {
                let kind = kind.as_ref().map_or("", |kind| kind.to_str());
                let about = about.as_ref().and_then(|about| about.first());
                return self.on_batch(now, source, &reference, (kind, about), &context);
            }
            Command::ERROR(reason) => self.on_error(now, reason),
            Command::Response(response, arguments) => {
                self.on_numeric(now, response, &arguments, &context);
            }
            Command::Raw(command, arguments) => {
                self.on_raw_command(now, (source, &command), &arguments, &context);
            }
            _ => {}
        }
        if context.is_full_response {
            self.on_labeled_response(now, &context);
        }
    }

    /// Commands that `irc::proto` does not know.
    fn on_raw_command(
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
                self.update_user(source, |user| user.realname = realname);
            }
            "FAIL" => self.on_fail(now, arguments, context),
            // RPL_WHOISSERVICE of ngIRCd; RPL_WHOISHELPOP elsewhere.
            "310" => self.shown(argument(1), Fact::Is(last_argument(arguments))),
            // RPL_WHOSPCRPL.
            "354" => self.on_whox_reply(arguments),
            "573" => self.on_relaymsg_error(now, command, arguments, context),
            _ if self.is_direct_send_error(command, arguments) => {
                self.on_send_error(now, command, arguments, context);
            }
            // ERR_INPUTTOOLONG, which names no channel.
            "417" => self.on_send_error(now, command, arguments, context),
            // ERR_TARGETTOOFAST, ERR_CANTSENDTOUSER of channels, ERR_TARGCHANGE.
            "439" | "499" | "531" | "707" => self.on_send_error(now, command, arguments, context),
            // ERR_BANNICKCHANGE, ERR_NICKTOOFAST, ERR_NONICKCHANGE, ERR_RESTRICTED.
            "435" | "438" | "447" | "484" => {
                self.on_nick_rejected(now, false, last_argument(arguments));
            }
            "470" => self.on_forwarded(now, argument(1), argument(2)),
            "448" | "479" | "480" | "489" | "495" | "500" | "519" | "520" | "926" => {
                self.on_join_error(now, command, arguments);
            }
            _ => {}
        }
    }

    fn on_error(&mut self, now: Instant, reason: String) {
        if mentions_flood(&reason) {
            self.pacer.on_flood_disconnect(now);
        }
        self.on_link_closed(reason);
    }

    fn answer_ping(&mut self, token: &str) {
        // Ahead of all queued lines: a server that waits for it disconnects us.
        match Line::new("PONG", &[token]) {
            Ok(pong) => self.output.push_back(Output::Transmit(pong)),
            Err(error) => tracing::warn!(%error, "invalid PING ignored"),
        }
    }

    fn on_cap(
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
        self.quota.count_cap_bytes(list.len());
        let commands = self.registration.on_cap(subcommand.to_str(), more, list, now);
        self.apply_login_events(commands);
    }

    pub(super) fn on_isupport(&mut self, now: Instant, arguments: &[String]) {
        // The first argument is our nick, the last "are supported by this server".
        let tokens = arguments.get(1..arguments.len().saturating_sub(1)).unwrap_or_default();
        for token in tokens {
            self.isupport.parse_token(token);
            self.isupport_tokens.note(token);
        }
        self.channels.set_casemapping(self.isupport.casemapping);
        self.users.set_casemapping(self.isupport.casemapping);
        self.reject_impossible_channels(now);
        self.join_pending(now);
        self.set_bot_mode();
    }

    /// Reports the channels that the server cannot have, by what it says of itself.
    pub(super) fn reject_impossible_channels(&mut self, now: Instant) {
        let Isupport { chantypes, channellen, .. } = &self.isupport;
        for (endpoint, reason) in self.channels.reject_impossible(chantypes, *channellen, now) {
            self.output.push_back(Output::Event(IrcEvent::NotJoined { endpoint, reason }));
        }
    }

    /// The server shows our user under another host from now on.
    pub(super) fn set_own_host(&mut self, host: &str) {
        if let Some((user, _)) = self.userhost.as_deref().and_then(|it| it.split_once('@')) {
            self.userhost = Some(format!("{user}@{host}"));
        }
    }
}
