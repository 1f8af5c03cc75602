//! What the bridge itself says to somebody alone.

use jiff::Timestamp;

use super::allowance::May;
use crate::bridge::refusals::{short, tell_nick};
use crate::bridge::{Bridge, Order, Turn};
use crate::domain::{EndpointId, UserRef};
use crate::protocol::letschat;
use crate::translate::Words;

/// Why somebody without an account is not told.
pub(super) const UNSEEN: &str =
    "the bridge has lost sight of them: whoever has the nick now may be somebody else";

/// The beginning of why it is not known whether somebody was told.
const LOST: &str = "the connection was lost while it was being said";

/// Why somebody may not have been told.
pub(super) const DROPPED: &str =
    "the connection was lost while it was being said, and it is not said again";

/// The same of somebody without an account.
pub(super) const DOUBTFUL: &str = "the connection was lost while it was being said, and whoever has \
                                   the nick now may be somebody else";

/// Why somebody is not told.
pub(super) const NOT_THERE: &str = "they are not there any more";

/// Why nobody on Let's Chat is.
pub(super) const NOT_CARRIED: &str = "Let's Chat has private messages turned off";

/// Why nobody is told by who is in no place of ours.
pub(super) const STRANGER: &str =
    "not sent: that is for people in the channels that the bridge is in";

/// The words before what the bridge says where other people's words stand, too.
pub(super) const BRIDGE: &str = "-- ";

/// Why nothing more is answered.
const SILENT: &str = "That is answered once a minute from here on";

/// What is answered in Let's Chat where no private messages are passed on, by the bridge called `name`.
pub(super) fn in_vain(name: &str) -> String {
    format!(
        "nobody reads what is written to the bridge alone. In a room, \"@{name} who\" tells who is on the \
         other side, \"@{name} status\" how the bridge is, \"@{name} help\" what it does"
    )
}

impl Bridge {
    /// Tells `party` something that they are to know: on IRC by a NOTICE. Says whether they are in sight.
    pub(super) fn tell_party(&self, party: &UserRef, text: &str, turn: &mut Turn<'_>) -> bool {
        match party {
            UserRef::LetsChat(account) => {
                let text = Words::from(text).into_string();
                let there = self.direct.carries == Some(true) && self.is_present(account);
                if there {
                    let (user, text) = (account.0.to_string(), format!("{BRIDGE}{text}"));
                    turn.orders.push(Order::LetsChat(
                        letschat::LetsChatCommand::SendDirectNotice { user, text },
                    ));
                }
                there
            }
            UserRef::Account(network, _) | UserRef::Nick(network, _) => {
                let Some(person) = self.person(party) else { return false };
                tell_nick(network, &person.nick, text, turn);
                true
            }
        }
    }

    /// Answers what `party`, known by the number `place`, has just written. In Let's Chat not for ever: a
    /// program could answer that.
    pub(super) fn answer_party(
        &mut self,
        (party, place): (&UserRef, EndpointId),
        text: &str,
        turn: &mut Turn<'_>,
    ) {
        let may = match party {
            UserRef::LetsChat(_) => self.direct.answering.take(place, turn.now),
            UserRef::Account(..) | UserRef::Nick(..) => May::Do,
        };
        match may {
            May::Do => self.tell_party(party, text, turn),
            May::BeTold => self.tell_party(party, &format!("{text}. {SILENT}"), turn),
            May::Nothing => false,
        };
    }
}

/// How one writes to somebody on the other side: on IRC to a user, in Let's Chat to a nick.
pub(super) fn how(party: &UserRef) -> &'static str {
    match party {
        UserRef::LetsChat(_) => "@NICK TEXT",
        UserRef::Account(..) | UserRef::Nick(..) => "!msg USER TEXT",
    }
}

pub(super) fn help(party: &UserRef) -> String {
    let there = match party {
        UserRef::LetsChat(_) => "somebody in a linked channel",
        UserRef::Account(..) | UserRef::Nick(..) => "somebody in a linked room",
    };
    format!(
        "{} tells {there} something in private. Once you talk with one, what you write here is for \
         them; !who tells who is there",
        how(party)
    )
}

/// `not sent: who is it for, bob or carl? Begin with !msg USER TEXT`.
pub(super) fn whom(party: &UserRef, names: &[String]) -> String {
    format!("not sent: who is it for, {}? Write {}", names.join(" or "), how(party))
}

/// `your message "kettle's on" did not reach bob: they are not there any more`.
pub(in crate::bridge) fn unreached(name: &str, body: &str, count: u64, why: &str) -> String {
    let reach = if why.starts_with(LOST) { "may not have reached" } else { "did not reach" };
    match count {
        1 => format!("your message \"{}\" {reach} {name}: {why}", short(body)),
        count => format!("{count} of your messages {reach} {name}: {why}"),
    }
}

/// How long it is until something may be written again, in words.
pub(super) fn too_fast(every: jiff::SignedDuration) -> String {
    format!("not sent: too much at once. Write again in {} seconds", every.as_secs())
}

/// Whether it is long enough ago that `at` can be told from now.
pub(super) fn is_past(at: Timestamp, grace: jiff::SignedDuration, now: Timestamp) -> bool {
    now.duration_since(at) >= grace
}
