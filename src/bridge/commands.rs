//! Answers commands of users: who is on the other side, and the bridge's status.
//!
//! A command is mirrored like any other message. The answer is for its author: on IRC as a NOTICE, in a room
//! as a post that is not mirrored.

use std::borrow::Cow;

use jiff::SignedDuration;

use super::deliver::failures::notify_nick;
use super::direct::{RateDecision, UserRateLimiter};
use super::{Bridge, Ctx, EndpointState};
use crate::domain::{Endpoint, EndpointId, Message, MessageKind, Network};
use crate::protocol::irc::IncomingMessage;
use crate::store::StoreError;
use crate::translate::{BotCommand, NoticeText, name_or_fallback};

/// Rate limit: this many answers per endpoint at once, then one per interval.
const REPLY_BURST: i32 = 5;
const REPLY_INTERVAL: SignedDuration = SignedDuration::from_secs(3);

/// The answer beyond that.
const RATE_LIMITED: &str = "too many commands: try again in a few seconds";

/// The answer to direct messages if they are disabled.
const NO_DIRECT_MESSAGES: &str = "nobody reads private messages to the bridge. In the channel: !who lists who is on the other \
     side, !status shows the state of the bridge, !help lists the commands";

/// Maximum bytes of names per endpoint, so that the answer fits into a line of IRC.
const MAX_LEN_NAMES: usize = 250;

/// All authors of direct messages share one rate limit.
const PRIVATE_BUCKET: EndpointId = EndpointId(0);

/// The rate limits of answers, by endpoint.
#[derive(Debug)]
pub(super) struct CommandLimiter(UserRateLimiter);

impl Default for CommandLimiter {
    fn default() -> Self {
        Self(UserRateLimiter::new(REPLY_BURST, REPLY_INTERVAL))
    }
}

impl Bridge {
    /// Answers `message`, just received, if it is a command.
    pub(super) fn handle_command(
        &mut self,
        message: &Message,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let endpoint = message.source;
        let Some(state) = self.endpoints.get(&endpoint) else { return Ok(()) };
        let question = match &state.endpoint {
            Endpoint::Channel { .. } => BotCommand::parse_in_channel(&message.body),
            Endpoint::Room(_) => self
                .letschat_account
                .as_ref()
                .filter(|account| message.author.account.as_ref() != Some(&account.id))
                .and_then(|account| {
                    let names = [Some(&account.username), account.display_name.as_ref()];
                    BotCommand::parse_in_room(&message.body, names.into_iter().flatten())
                }),
        };
        let Some(question) = question.filter(|_| self.should_reply(message)) else { return Ok(()) };
        let lines: Vec<NoticeText> = match self.command_limiter.0.take(endpoint, ctx.now) {
            RateDecision::Allow => self
                .command_reply(question, endpoint, ctx)?
                .into_iter()
                .map(NoticeText::from)
                .collect(),
            RateDecision::DenyAndNotify => vec![NoticeText::from(RATE_LIMITED)],
            RateDecision::Deny => return Ok(()),
        };
        match &self.endpoints[&endpoint].endpoint {
            Endpoint::Channel { network, .. } => {
                let network = network.clone();
                for words in lines {
                    notify_nick(&network, &message.author.name, words, ctx);
                }
                Ok(())
            }
            Endpoint::Room(_) => {
                self.post_notice(endpoint, &[endpoint], NoticeText::from_lines(lines), ctx)
            }
        }
    }

    /// Answers a direct message, or a command in one, on a network where direct messages are disabled.
    pub(super) fn reply_no_direct_messages(
        &mut self,
        network: &Network,
        message: &IncomingMessage,
        ctx: &mut Ctx<'_>,
    ) {
        let answerable =
            message.kind == MessageKind::Text && !message.author.bot && !message.is_playback;
        if answerable
            && BotCommand::is_meant(&message.text)
            && self.command_limiter.0.take(PRIVATE_BUCKET, ctx.now) == RateDecision::Allow
        {
            notify_nick(network, &message.author.name, NO_DIRECT_MESSAGES, ctx);
        }
    }

    /// Whether the author of `message` gets an answer: not bots, and not NOTICEs. Otherwise, two bots could
    /// answer each other for ever.
    fn should_reply(&self, message: &Message) -> bool {
        let wanted = |to: &EndpointId| self.routes.format(message.source, *to).commands;
        message.kind == MessageKind::Text
            && !message.author.bot
            && self
                .endpoints
                .get(&message.source)
                .is_some_and(|state| state.mirrors.iter().any(wanted))
    }

    fn command_reply(
        &self,
        question: BotCommand,
        endpoint: EndpointId,
        ctx: &Ctx<'_>,
    ) -> Result<Vec<String>, StoreError> {
        let mirrors = self.endpoints.get(&endpoint).map(|state| state.mirrors.clone());
        let mut others = mirrors.iter().flat_map(|mirrors| mirrors.iter().copied());
        match question {
            BotCommand::Who => Ok(others.map(|other| self.who_text(other)).collect()),
            BotCommand::Status => others.map(|other| self.status_text(other, ctx)).collect(),
            BotCommand::Help => Ok(vec![self.help_text(endpoint, others.next())]),
        }
    }

    fn help_text(&self, endpoint: EndpointId, other: Option<EndpointId>) -> String {
        let there = other.map_or_else(String::new, |other| self.display_name(other));
        let ask = match (&self.endpoints[&endpoint].endpoint, &self.letschat_account) {
            (Endpoint::Room(_), Some(account)) => format!("@{} ", account.username),
            _ => "!".to_owned(),
        };
        let private = match &self.endpoints[&endpoint].endpoint {
            Endpoint::Channel { network, .. } if self.has_direct_messages(Some(network)) => {
                ". To write to someone there in private, send !msg USER TEXT to the bridge"
            }
            Endpoint::Room(_) if self.has_direct_messages(None) => {
                ". To write to someone there in private, send @NICK TEXT to the bridge"
            }
            _ => "",
        };
        format!(
            "bridged with {there}. {ask}who lists the people there; {ask}status shows the \
             bridge's state{private}"
        )
    }

    /// `room tea: ann, bob`.
    fn who_text(&self, endpoint: EndpointId) -> String {
        let Some(state) = self.endpoints.get(&endpoint) else { return String::new() };
        let there = self.display_name(endpoint);
        if !state.queue.is_open() {
            return format!("{there}: unreachable");
        }
        let mut names: Vec<Cow<'_, str>> = match &state.endpoint {
            Endpoint::Channel { .. } => {
                state.roster.iter().map(|member| name_or_fallback(&member.user.nick)).collect()
            }
            Endpoint::Room(_) => {
                state.room_members.present_usernames().map(name_or_fallback).collect()
            }
        };
        names.sort_by_cached_key(|name| name.to_lowercase());
        if names.is_empty() {
            return format!("{there}: no one");
        }
        let count = names.len();
        let mut shown = 0;
        let mut bytes = 0;
        for name in &names {
            bytes += name.len() + 2;
            if bytes > MAX_LEN_NAMES {
                break;
            }
            shown += 1;
        }
        let more =
            if shown < count { format!(" and {} more", count - shown) } else { String::new() };
        format!("{there}: {}{more}", names[..shown].join(", "))
    }

    /// `room tea: joined, no messages queued`.
    fn status_text(&self, endpoint: EndpointId, ctx: &Ctx<'_>) -> Result<String, StoreError> {
        // Without the command itself, which is queued there.
        let waiting = ctx.store.pending_count(endpoint)?.saturating_sub(1);
        let is_open = |state: &EndpointState| state.queue.is_open();
        let joined = if self.endpoints.get(&endpoint).is_some_and(is_open) {
            "joined"
        } else {
            "unreachable"
        };
        let waits = match waiting {
            0 => "no messages queued".to_owned(),
            1 => "1 message queued".to_owned(),
            many => format!("{many} messages queued"),
        };
        Ok(format!("{}: {joined}, {waits}", self.display_name(endpoint)))
    }
}
