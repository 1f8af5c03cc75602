//! A seat on an IRC server: register, join, speak, listen, stay alive.

mod batches;
mod budget;
mod census;
mod channel;
mod ctcp;
mod heard;
mod isupport;
mod line;
mod multiline;
mod nick;
mod notice;
mod objection;
mod pacing;
mod past;
mod people;
mod presence;
mod refusal;
mod registration;
mod relaymsg;
mod roll;
mod services;
mod session;
mod speech;
mod split;
mod turned_away;
mod voice;
mod whispers;

use std::sync::Arc;

use jiff::Timestamp;

pub use channel::ChannelTarget;
pub use heard::strip_formatting;
pub use line::{
    Charset, Charsets, Line, LineError, MissingCommand, ParseError, ParsedLine, ReceivedLine,
    SafeText, decode,
};
pub use pacing::{Lesson, Pace};
pub use past::{HistoryPage, HistoryReply};
pub use presence::{LeaveReason, MembershipEvent};
pub use registration::{IrcIdentity, Mechanism, SaslLogin, ServicesLogin, StsPolicy};
pub use session::{Plan, Session, Webirc};
pub use speech::Mark;
pub use split::said_with;
pub use turned_away::{Reason, TurnedAway};

use crate::domain::{Author, DeliveryId, EndpointId, IrcUser, MessageKind};

/// What the bridge asks of IRC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// Say something; answered by [`Event::Said`], [`Event::Refused`] or [`Event::Later`].
    Say {
        /// Comes back with the answer.
        ticket: DeliveryId,
        /// Where.
        place: EndpointId,
        /// By PRIVMSG, NOTICE or CTCP ACTION.
        kind: MessageKind,
        /// What stands at the beginning of each line.
        prefix: String,
        /// What follows it, in as many lines as it has and the wire needs.
        body: String,
        /// The nick under which the server is to say it (`RELAYMSG`), if not under ours.
        relay: Option<Arc<str>>,
    },
    /// Say something to somebody alone; answered as [`Order::Say`] is.
    Whisper {
        /// Comes back with the answer.
        ticket: DeliveryId,
        /// Stands for whoever it is: one such is under way at a time.
        place: EndpointId,
        /// Who is meant, as they are known now. Who goes by their nick when it is said, and is somebody
        /// else, is not told.
        whom: Arc<IrcUser>,
        /// By PRIVMSG or CTCP ACTION.
        kind: MessageKind,
        /// What stands at the beginning of each line.
        prefix: String,
        /// What follows it.
        body: String,
    },
    /// Tell what was said in the channel before; answered by what was heard, and then
    /// [`Event::Past`].
    Past {
        /// Where.
        place: EndpointId,
        /// After this time.
        since: Timestamp,
        /// What the time is now: what is said to be later is not.
        now: Timestamp,
        /// After this line, for a server that does not find lines by their time.
        msgid: Option<String>,
        /// After that line on any server that can: more was said at that time than it tells at once.
        by_line: bool,
    },
    /// Tell somebody, and nobody else, by a NOTICE. It is not known whether it arrives.
    Notice {
        /// Whom.
        nick: String,
        /// What: as much of it as one line holds.
        text: String,
    },
    /// Make this the channel's topic; an empty one removes it.
    Topic {
        /// Where.
        place: EndpointId,
        /// In one line.
        topic: String,
    },
    /// Show others that we are away, for this reason; `None` that we are back.
    Away(Option<String>),
    /// Sit in this channel too.
    Sit(ChannelTarget),
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
    /// The server knows us by this account.
    LoggedIn {
        /// Its name.
        account: String,
    },
    /// The server knows us by no account, and lets us go on.
    NotLoggedIn {
        /// Why, in words for the administrator.
        why: String,
    },
    /// The server wants to be spoken to over TLS alone from now on.
    Sts(StsPolicy),
    /// We go by this nick from now on.
    Renamed {
        /// The new one.
        nick: String,
    },
    /// The server is there. Told every few seconds while it says anything.
    Alive,
    /// It has sent a line that was not UTF-8.
    Guessed,
    /// The channel can be heard and spoken in: the server has listed who is there.
    Joined {
        /// Where.
        place: EndpointId,
        /// When, where the server says so.
        time: Option<Timestamp>,
        /// Whether the server keeps what was said before, and tells.
        past: bool,
        /// Whether our own lines come back, so that each is known by its own mark.
        echoes: bool,
        /// How many bytes of text a line of ours has room for.
        line: usize,
    },
    /// The channel can no longer, or still not, be heard and spoken in.
    Closed {
        /// Where.
        place: EndpointId,
        /// Why, in words for the administrator.
        why: String,
    },
    /// Somebody came, went, or is known otherwise.
    Presence(MembershipEvent),
    /// This is what the channel is about.
    Topic {
        /// Where.
        place: EndpointId,
        /// Its topic; `None` for none.
        topic: Option<String>,
        /// The nick, or the server, that has just changed it; `None` where it is told to us who come
        /// in.
        by: Option<String>,
    },
    /// The server has told which modes a channel has that we are in, or that it does not tell.
    MaySpeak {
        /// Where.
        place: EndpointId,
        /// Why what we say there would not be heard, where that is so.
        why: Option<String>,
    },
    /// Somebody has changed the channel's modes.
    Modes {
        /// Where.
        place: EndpointId,
        /// The nick or the server that did it.
        by: String,
        /// What was changed, such as `+o ann`, in the server's words.
        change: String,
    },
    /// An operator of the channel has put us out, or bans us: [`Event::Closed`] follows.
    PutOut {
        /// Where.
        place: EndpointId,
    },
    /// The server lends nicks, by which others may be heard to speak: `RELAYMSG`.
    Lends {
        /// What such a nick must hold; any one of these.
        separators: String,
        /// How long it may be.
        limit: usize,
    },
    /// The server will not say this under the nick it was to have: nothing of what is left of it has
    /// arrived.
    Voiceless {
        /// The order's.
        ticket: DeliveryId,
        /// Where.
        place: EndpointId,
        /// For whom, and where, that holds.
        scope: Scope,
        /// Why, in the server's own words.
        why: String,
    },
    /// Someone spoke.
    Heard {
        /// Where.
        place: EndpointId,
        /// Who, and what.
        talk: Talk,
    },
    /// Somebody has said something to us alone.
    Whispered(Talk),
    /// What was said in the channel before was told, as far as this question goes.
    Past {
        /// Where.
        place: EndpointId,
        /// How that ended.
        answer: HistoryReply,
    },
    /// A line of this order goes out now: from here on, and until the next answer, nobody can tell
    /// without the server whether it has arrived.
    Speaking {
        /// The order's.
        ticket: DeliveryId,
        /// Where.
        place: EndpointId,
    },
    /// The server has the order's body up to here; the rest follows.
    Partly {
        /// The order's.
        ticket: DeliveryId,
        /// Where.
        place: EndpointId,
        /// How many bytes of the body it has.
        end: usize,
        /// What it knows the last line by.
        mark: Mark,
    },
    /// The server has every line of this order, or has read each and objected to none.
    Said {
        /// The order's.
        ticket: DeliveryId,
        /// Where.
        place: EndpointId,
        /// What it knows the last line by.
        mark: Mark,
    },
    /// The server will not have what is left of this order now, but may later:
    /// [`Event::Again`] follows.
    Later {
        /// The order's.
        ticket: DeliveryId,
        /// Where.
        place: EndpointId,
        /// Why, in the server's own words.
        why: String,
    },
    /// What was put off may be tried again.
    Again(EndpointId),
    /// The server objected.
    Refused {
        /// The order's.
        ticket: DeliveryId,
        /// Where.
        place: EndpointId,
        /// Why, in the server's own words.
        why: String,
    },
}

/// For whom, and where, the server lends no nick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Not this one.
    Nick,
    /// None, in this channel.
    Channel,
    /// None at all.
    Network,
}

/// What someone has said in a channel, or to us alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Talk {
    /// Who.
    pub author: Author,
    /// How.
    pub kind: MessageKind,
    /// What.
    pub text: String,
    /// What the server knows it by.
    pub mark: Mark,
    /// It was said before; the server plays it back.
    pub played: bool,
    /// It was said under the nick that is ours now. What is not played back is not what we have said on this
    /// connection: that is the answer to an order, and not heard.
    pub own: bool,
    /// It was said by the user and from the host that are ours, under whatever nick. Only of what is
    /// played back.
    pub from_here: bool,
    /// The nick of whoever had the server say it under that of another (`RELAYMSG`).
    pub relayed_by: Option<Box<str>>,
}
