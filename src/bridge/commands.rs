//! Answers commands of users: who is on the other side, and the bridge's status.
//!
//! A command is mirrored like any other message. The answer is for its author: on IRC as a NOTICE, in a room
//! as a post that is not mirrored.

use std::borrow::Cow;

use jiff::SignedDuration;

use super::context::{Ctx, Step};
use super::endpoints::EndpointState;
use super::notices::{notify_nick, post_notice};
use super::rate_limit::{RateDecision, UserRateLimiter};
use crate::domain::{EndpointId, Message, MessageKind, Network};
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

/// Answers commands, and limits how often.
#[derive(Debug)]
pub(super) struct CommandAnswers {
    limiter: UserRateLimiter,
}

impl Default for CommandAnswers {
    fn default() -> Self {
        Self { limiter: UserRateLimiter::new(REPLY_BURST, REPLY_INTERVAL) }
    }
}

/// Has `message`, just mirrored, answered if it is a command.
pub(super) fn request_answer(message: &Message, ctx: &mut Ctx<'_>) {
    if let Some(command) = parse(message, ctx).filter(|_| is_answerable(message, ctx)) {
        ctx.steps.push_back(Step::Answer(command, Box::new(message.clone())));
    }
}

fn parse(message: &Message, ctx: &Ctx<'_>) -> Option<BotCommand> {
    match ctx.endpoints.get(message.source)? {
        EndpointState::Channel(_) => BotCommand::parse_in_channel(&message.body),
        EndpointState::Room(_) => {
            let account = ctx.peers.letschat_account.as_ref()?;
            if message.author.account.as_ref() == Some(&account.id) {
                return None;
            }
            let names = [Some(&account.username), account.display_name.as_ref()];
            BotCommand::parse_in_room(&message.body, names.into_iter().flatten())
        }
        EndpointState::User(_) => None,
    }
}

/// Whether the author of `message` gets an answer: not bots, and not NOTICEs. Otherwise, two bots could
/// answer each other for ever.
fn is_answerable(message: &Message, ctx: &Ctx<'_>) -> bool {
    let is_enabled = |to: &EndpointId| ctx.routes.format(message.source, *to).commands;
    message.kind == MessageKind::Text
        && !message.author.bot
        && ctx.endpoints.mirrors(message.source).iter().any(is_enabled)
}

impl CommandAnswers {
    /// Answers a `command`, which `message` is. `direct`: direct messages are available to its author.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub(super) fn answer(
        &mut self,
        command: BotCommand,
        message: &Message,
        direct: bool,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let endpoint = message.source;
        let lines: Vec<NoticeText> = match self.limiter.take(endpoint, ctx.now) {
            RateDecision::Allow => {
                let lines = answer_lines(command, endpoint, direct, ctx)?;
                lines.into_iter().map(NoticeText::from).collect()
            }
            RateDecision::DenyAndNotify => vec![NoticeText::from(RATE_LIMITED)],
            RateDecision::Deny => return Ok(()),
        };
        match ctx.endpoints.get(endpoint) {
            Some(EndpointState::Channel(channel)) => {
                let network = channel.network.clone();
                for line in lines {
                    notify_nick(&network, &message.author.name, line, ctx);
                }
                Ok(())
            }
            Some(EndpointState::Room(_)) => {
                post_notice(endpoint, &[endpoint], NoticeText::from_lines(lines), ctx)
            }
            Some(EndpointState::User(_)) | None => Ok(()),
        }
    }

    /// Answers a direct message, or a command in one, on a network where direct messages are disabled.
    pub(super) fn reply_no_direct_messages(
        &mut self,
        network: &Network,
        message: &IncomingMessage,
        ctx: &mut Ctx<'_>,
    ) {
        let is_answerable =
            message.kind == MessageKind::Text && !message.author.bot && !message.is_playback;
        if is_answerable
            && BotCommand::is_meant(&message.text)
            && self.limiter.take(PRIVATE_BUCKET, ctx.now) == RateDecision::Allow
        {
            notify_nick(network, &message.author.name, NO_DIRECT_MESSAGES, ctx);
        }
    }
}

fn answer_lines(
    command: BotCommand,
    endpoint: EndpointId,
    direct: bool,
    ctx: &Ctx<'_>,
) -> Result<Vec<String>, StoreError> {
    let others = ctx.endpoints.mirrors(endpoint);
    match command {
        BotCommand::Who => Ok(others.into_iter().map(|other| who_text(other, ctx)).collect()),
        BotCommand::Status => others.into_iter().map(|other| status_text(other, ctx)).collect(),
        BotCommand::Help | BotCommand::Link | BotCommand::Unlink => {
            Ok(vec![help_text(endpoint, others.first(), direct, ctx)])
        }
    }
}

fn help_text(
    endpoint: EndpointId,
    other: Option<&EndpointId>,
    direct: bool,
    ctx: &Ctx<'_>,
) -> String {
    let there = other.map_or_else(String::new, |other| ctx.endpoints.display_name(*other));
    let is_room = ctx.endpoints.room(endpoint).is_some();
    let ask = match &ctx.peers.letschat_account {
        Some(account) if is_room => format!("@{} ", account.username),
        _ => "!".to_owned(),
    };
    let link = match (&ctx.policy.link_page, is_room) {
        (Some(_), false) => ". !link links your account on Let's Chat",
        _ => "",
    };
    let private = match (direct, is_room) {
        (false, _) => "",
        (true, false) => {
            ". To write to someone there in private, send !msg USER TEXT to the bridge"
        }
        (true, true) => ". To write to someone there in private, send @NICK TEXT to the bridge",
    };
    format!(
        "bridged with {there}. {ask}who lists the people there; {ask}status shows the \
         bridge's state{link}{private}"
    )
}

/// `room tea: ann, bob`.
fn who_text(endpoint: EndpointId, ctx: &Ctx<'_>) -> String {
    let there = ctx.endpoints.display_name(endpoint);
    let mut names: Vec<Cow<'_, str>> = match ctx.endpoints.get(endpoint) {
        Some(state) if !state.queue().is_open() => return format!("{there}: unreachable"),
        Some(EndpointState::Channel(channel)) => {
            channel.roster.iter().map(|member| name_or_fallback(&member.user.nick)).collect()
        }
        Some(EndpointState::Room(room)) => {
            room.members.present_usernames().map(name_or_fallback).collect()
        }
        Some(EndpointState::User(_)) | None => return String::new(),
    };
    names.sort_by_cached_key(|name| name.to_lowercase());
    if names.is_empty() {
        return format!("{there}: no one");
    }
    let lengths = names.iter().scan(0, |bytes, name| {
        *bytes += name.len() + 2;
        Some(*bytes)
    });
    let shown = lengths.take_while(|bytes| *bytes <= MAX_LEN_NAMES).count();
    let more = match names.len() - shown {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{there}: {}{more}", names[..shown].join(", "))
}

/// `room tea: joined, no messages queued`.
fn status_text(endpoint: EndpointId, ctx: &Ctx<'_>) -> Result<String, StoreError> {
    // Without the command itself, which is queued there.
    let waiting = ctx.store.pending_count(endpoint)?.saturating_sub(1);
    let is_open =
        ctx.endpoints.queue(endpoint).is_some_and(super::endpoints::queue::DeliveryQueue::is_open);
    let state = if is_open { "joined" } else { "unreachable" };
    let queued = match waiting {
        0 => "no messages queued".to_owned(),
        1 => "1 message queued".to_owned(),
        many => format!("{many} messages queued"),
    };
    Ok(format!("{}: {state}, {queued}", ctx.endpoints.display_name(endpoint)))
}
