//! A seat on an IRC server: register, join, speak, listen, stay alive.

mod batches;
mod channel;
mod heard;
mod isupport;
mod line;
mod nick;
mod objection;
mod pacing;
mod registration;
mod session;
mod speech;
mod split;

use jiff::Timestamp;

pub use channel::Seat;
pub use line::{BadHeard, BadLine, Heard, Line, Parts, Text, Unreadable, decode};
pub use pacing::Pace;
pub use registration::Identity;
pub use session::{Plan, Session};
pub use speech::Mark;

use crate::domain::{Kind, PlaceId, Ticket};

/// What the bridge asks of IRC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// Say something; answered by [`Event::Said`], [`Event::Refused`] or [`Event::Later`].
    Say {
        /// Comes back with the answer.
        ticket: Ticket,
        /// Where.
        place: PlaceId,
        /// By PRIVMSG, NOTICE or CTCP ACTION.
        kind: Kind,
        /// What stands at the beginning of each line.
        prefix: String,
        /// What follows it, in as many lines as it has and the wire needs.
        body: String,
    },
    /// Say goodbye and hang up.
    Quit(String),
}

/// What IRC tells the bridge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The server has let us in under this nick.
    Registered {
        /// Perhaps not the one we wished for.
        nick: String,
    },
    /// The channel can be heard and spoken in: the server has listed who is there.
    Joined(PlaceId),
    /// The channel can no longer, or still not, be heard and spoken in.
    Closed {
        /// Where.
        place: PlaceId,
        /// Why, in words for the administrator.
        why: String,
    },
    /// Someone else spoke.
    Heard {
        /// Where.
        place: PlaceId,
        /// Who.
        nick: String,
        /// How.
        kind: Kind,
        /// What.
        text: String,
        /// The server's id for it, where it gives one (IRCv3 `msgid`).
        msgid: Option<String>,
        /// When, where the server says so (IRCv3 `server-time`).
        time: Option<Timestamp>,
    },
    /// A line of this order goes out now: from here on, and until the next answer, nobody can tell
    /// without the server whether it has arrived.
    Speaking {
        /// The order's.
        ticket: Ticket,
        /// Where.
        place: PlaceId,
    },
    /// The server has the order's body up to here; the rest follows.
    Partly {
        /// The order's.
        ticket: Ticket,
        /// Where.
        place: PlaceId,
        /// How many bytes of the body it has.
        end: usize,
        /// What it knows the last line by.
        mark: Mark,
    },
    /// The server has every line of this order, or has read each and objected to none.
    Said {
        /// The order's.
        ticket: Ticket,
        /// Where.
        place: PlaceId,
        /// What it knows the last line by.
        mark: Mark,
    },
    /// The server will not have what is left of this order now, but may later:
    /// [`Event::Again`] follows.
    Later {
        /// The order's.
        ticket: Ticket,
        /// Where.
        place: PlaceId,
        /// Why, in the server's own words.
        why: String,
    },
    /// What was put off may be tried again.
    Again(PlaceId),
    /// The server objected.
    Refused {
        /// The order's.
        ticket: Ticket,
        /// Where.
        place: PlaceId,
        /// Why, in the server's own words.
        why: String,
    },
}
