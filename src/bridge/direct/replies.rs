//! What the bridge itself says to somebody alone.

use jiff::Timestamp;

use super::rate_limit::RateDecision;
use crate::bridge::deliver::failures::{excerpt, notify_nick};
use crate::bridge::{Bridge, Command, Ctx};
use crate::domain::{EndpointId, UserRef};
use crate::protocol::letschat;
use crate::translate::NoticeText;

/// Why somebody without an account is not told.
pub(super) const LOST_TRACK: &str =
    "the bridge lost track of them, and the nick may belong to someone else now";

/// The beginning of why it is not known whether somebody was told.
const CONNECTION_LOST: &str = "the connection was lost during sending";

/// Why somebody may not have been told.
pub(super) const CONNECTION_LOST_DROPPED: &str =
    "the connection was lost during sending; not resent";

/// The same of somebody without an account.
pub(super) const CONNECTION_LOST_UNKNOWN_NICK: &str =
    "the connection was lost during sending, and the nick may belong to someone else now";

/// Why somebody is not told.
pub(super) const NOT_THERE: &str = "they are no longer there";

/// Why nobody on Let's Chat is.
pub(super) const DMS_DISABLED: &str = "private messages are disabled in Let's Chat";

/// Why nobody is told by who is in no place of ours.
pub(super) const NOT_IN_A_CHANNEL: &str =
    "not sent: you must be in a channel that the bridge is in";

/// The words before what the bridge says where other people's words stand, too.
pub(super) const BRIDGE_PREFIX: &str = "-- ";

/// Why nothing more is answered.
const RATE_LIMITED: &str = "From now on, replies come once a minute at most";

/// What is answered in Let's Chat where no private messages are passed on, by the bridge called `name`.
pub(super) fn in_vain(name: &str) -> String {
    format!(
        "nobody reads private messages to the bridge. In a room: \"@{name} who\" lists who is on \
         the other side, \"@{name} status\" shows the state of the bridge, \"@{name} help\" lists \
         the commands"
    )
}

impl Bridge {
    /// Tells `party` something that they are to know: on IRC by a NOTICE. Says whether they are in sight.
    pub(super) fn notify_user(&self, party: &UserRef, text: &str, turn: &mut Ctx<'_>) -> bool {
        match party {
            UserRef::LetsChat(account) => {
                let text = NoticeText::from(text).into_string();
                let there =
                    self.direct.letschat_enabled == Some(true) && self.is_user_present(account);
                if there {
                    let (user, text) = (account.0.to_string(), format!("{BRIDGE_PREFIX}{text}"));
                    turn.commands.push(Command::LetsChat(
                        letschat::LetsChatCommand::SendDirectNotice { user, text },
                    ));
                }
                there
            }
            UserRef::Account(network, _) | UserRef::Nick(network, _) => {
                let Some(person) = self.find_irc_user(party) else { return false };
                notify_nick(network, &person.nick, text, turn);
                true
            }
        }
    }

    /// Answers what `party`, known by the number `place`, has just written. In Let's Chat not for ever: a
    /// program could answer that.
    pub(super) fn reply_to_user(
        &mut self,
        (party, place): (&UserRef, EndpointId),
        text: &str,
        turn: &mut Ctx<'_>,
    ) {
        let may = match party {
            UserRef::LetsChat(_) => self.direct.reply_limiter.take(place, turn.now),
            UserRef::Account(..) | UserRef::Nick(..) => RateDecision::Allow,
        };
        match may {
            RateDecision::Allow => self.notify_user(party, text, turn),
            RateDecision::DenyAndNotify => {
                self.notify_user(party, &format!("{text}. {RATE_LIMITED}"), turn)
            }
            RateDecision::Deny => false,
        };
    }
}

/// How one writes to somebody on the other side: on IRC to a user, in Let's Chat to a nick.
pub(super) fn usage(party: &UserRef) -> &'static str {
    match party {
        UserRef::LetsChat(_) => "@NICK TEXT",
        UserRef::Account(..) | UserRef::Nick(..) => "!msg USER TEXT",
    }
}

pub(super) fn help_text(party: &UserRef) -> String {
    let there = match party {
        UserRef::LetsChat(_) => "someone in a linked channel",
        UserRef::Account(..) | UserRef::Nick(..) => "someone in a linked room",
    };
    format!(
        "{} sends a private message to {there}. After that, messages without a name go to the \
         same person; !who lists the people there",
        usage(party)
    )
}

/// `not sent: who is it for, bob or carl? Begin with !msg USER TEXT`.
pub(super) fn ambiguous_recipient_text(party: &UserRef, names: &[String]) -> String {
    format!("not sent: is it for {}? Use {}", names.join(" or "), usage(party))
}

/// `your message "kettle's on" did not reach bob: they are not there any more`.
pub(in crate::bridge) fn delivery_failed_text(
    name: &str,
    body: &str,
    count: u64,
    why: &str,
) -> String {
    let reach =
        if why.starts_with(CONNECTION_LOST) { "may not have reached" } else { "did not reach" };
    match count {
        1 => format!("your message \"{}\" {reach} {name}: {why}", excerpt(body)),
        count => format!("{count} of your messages {reach} {name}: {why}"),
    }
}

/// How long it is until something may be written again, in words.
pub(super) fn rate_limited_text(every: jiff::SignedDuration) -> String {
    format!("not sent: too many messages. Try again in {} seconds", every.as_secs())
}

/// Whether it is long enough ago that `at` can be told from now.
pub(super) fn has_elapsed(at: Timestamp, grace: jiff::SignedDuration, now: Timestamp) -> bool {
    now.duration_since(at) >= grace
}
