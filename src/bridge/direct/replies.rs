//! The bridge's own texts in direct messages.

use jiff::Timestamp;

use super::DirectMessages;
use super::lookup::is_user_present;
use crate::bridge::context::Ctx;
use crate::bridge::event::Command;
use crate::bridge::notices::failures::excerpt;
use crate::bridge::notices::notify_nick;
use crate::bridge::rate_limit::RateDecision;
use crate::domain::{EndpointId, UserRef};
use crate::protocol::letschat;
use crate::translate::NoticeText;

/// Why a user without an account cannot be reached.
pub(super) const LOST_TRACK: &str =
    "the bridge lost track of them, and the nick may belong to someone else now";

/// The start of why it is unknown whether a message arrived.
const CONNECTION_LOST: &str = "the connection was lost during sending";

/// Why a message may not have arrived.
pub(super) const CONNECTION_LOST_DROPPED: &str =
    "the connection was lost during sending; not resent";

/// Why a message to a user without an account may not have arrived.
pub(super) const CONNECTION_LOST_UNKNOWN_NICK: &str =
    "the connection was lost during sending, and the nick may belong to someone else now";

/// Why a message that was queued in a restored backup is not sent.
pub(super) const RESTORED: &str =
    "the bridge was restored from a backup, so that it may have arrived already";

/// Why a user cannot be reached.
pub(super) const NOT_THERE: &str = "they are no longer there";

/// Why users of Let's Chat cannot be reached.
pub(super) const DMS_DISABLED: &str = "private messages are disabled in Let's Chat";

/// Why a user in none of our channels cannot send direct messages.
pub(super) const NOT_IN_A_CHANNEL: &str =
    "not sent: you must be in a channel that the bridge is in";

/// Goes before the bridge's own text in a conversation with others.
pub(super) const BRIDGE_PREFIX: &str = "-- ";

/// Why there will be no more replies.
const RATE_LIMITED: &str = "From now on, replies come once a minute at most";

/// The reply of the bot called `name` on Let's Chat if direct messages are disabled.
pub(super) fn dms_disabled_text(name: &str) -> String {
    format!(
        "nobody reads private messages to the bridge. In a room: \"@{name} who\" lists who is on \
         the other side, \"@{name} status\" shows the state of the bridge, \"@{name} help\" lists \
         the commands"
    )
}

impl DirectMessages {
    /// Sends a notice to this user, on IRC as a NOTICE. Returns whether they are present.
    pub(in crate::bridge) fn notify_user(
        &self,
        user: &UserRef,
        text: &str,
        ctx: &mut Ctx<'_>,
    ) -> bool {
        match user {
            UserRef::LetsChat(account) => {
                let is_reachable =
                    self.letschat_enabled == Some(true) && is_user_present(account, ctx.endpoints);
                if is_reachable {
                    let text = NoticeText::from(text).into_string();
                    let command = letschat::LetsChatCommand::SendDirectNotice {
                        user: account.0.to_string(),
                        text: format!("{BRIDGE_PREFIX}{text}"),
                    };
                    ctx.commands.push(Command::LetsChat(command));
                }
                is_reachable
            }
            UserRef::Account(network, _) | UserRef::Nick(network, _) => {
                let irc_user = self.find_irc_user(user, ctx.endpoints);
                let Some(nick) = irc_user.map(|user| user.nick.clone()) else { return false };
                notify_nick(network, &nick, text, ctx);
                true
            }
        }
    }

    /// Replies to a message of this user. Limited on Let's Chat, where a bot could answer.
    pub(super) fn reply_to_user(
        &mut self,
        (user, endpoint): (&UserRef, EndpointId),
        text: &str,
        ctx: &mut Ctx<'_>,
    ) {
        let decision = match user {
            UserRef::LetsChat(_) => self.reply_limiter.take(endpoint, ctx.now),
            UserRef::Account(..) | UserRef::Nick(..) => RateDecision::Allow,
        };
        match decision {
            RateDecision::Allow => self.notify_user(user, text, ctx),
            RateDecision::DenyAndNotify => {
                self.notify_user(user, &format!("{text}. {RATE_LIMITED}"), ctx)
            }
            RateDecision::Deny => false,
        };
    }
}

/// How to write to somebody on the other side: to a user from IRC, to a nick from Let's Chat.
pub(super) fn usage(user: &UserRef) -> &'static str {
    match user {
        UserRef::LetsChat(_) => "@NICK TEXT",
        UserRef::Account(..) | UserRef::Nick(..) => "!msg USER TEXT",
    }
}

pub(super) fn help_text(user: &UserRef) -> String {
    let there = match user {
        UserRef::LetsChat(_) => "someone in a linked channel",
        UserRef::Account(..) | UserRef::Nick(..) => "someone in a linked room",
    };
    format!(
        "{} sends a private message to {there}. After that, messages without a name go to the \
         same person; !who lists the people there",
        usage(user)
    )
}

/// `not sent: who is it for, bob or carl? Begin with !msg USER TEXT`.
pub(super) fn ambiguous_recipient_text(user: &UserRef, names: &[String]) -> String {
    format!("not sent: is it for {}? Use {}", names.join(" or "), usage(user))
}

/// `your message "kettle's on" did not reach bob: they are not there any more`.
pub(in crate::bridge) fn delivery_failed_text(
    name: &str,
    body: &str,
    count: u64,
    reason: &str,
) -> String {
    let reach =
        if reason.starts_with(CONNECTION_LOST) { "may not have reached" } else { "did not reach" };
    match count {
        1 => format!("your message \"{}\" {reach} {name}: {reason}", excerpt(body)),
        count => format!("{count} of your messages {reach} {name}: {reason}"),
    }
}

/// Describes how long to wait before writing again.
pub(super) fn rate_limited_text(every: jiff::SignedDuration) -> String {
    format!("not sent: too many messages. Try again in {} seconds", every.as_secs())
}

/// Whether `grace` has passed since `at`.
pub(super) fn has_elapsed(at: Timestamp, grace: jiff::SignedDuration, now: Timestamp) -> bool {
    now.duration_since(at) >= grace
}
