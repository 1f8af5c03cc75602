//! A seat on an IRC server: register, join, speak, listen, stay alive.

mod budget;
mod channels;
mod errors;
mod login;
mod receive;
mod send;
mod session;
mod wire;

use std::sync::Arc;

use jiff::Timestamp;

pub use channels::ChannelTarget;
pub use channels::membership::{LeaveReason, MembershipEvent};
pub use errors::disconnect::{DisconnectKind, DisconnectReason};
pub use login::{IrcIdentity, Mechanism, SaslLogin, ServicesLogin, StsPolicy};
pub use receive::chathistory::{HistoryPage, HistoryReply};
pub use receive::text::strip_formatting;
pub use send::pacing::{LearnedPace, Pace};
pub use send::queue::MessageRef;
pub use send::split::matched_len;
pub use session::{IrcSession, SessionConfig, Webirc};
pub use wire::line::{
    Charset, Charsets, Line, LineError, MissingCommand, ParseError, ParsedLine, ReceivedLine,
    SafeText, decode,
};

use crate::domain::{Author, DeliveryId, EndpointId, IrcUser, MessageKind};

/// What the bridge asks of IRC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IrcCommand {
    /// Say something; answered by [`Event::Said`], [`Event::Refused`] or [`Event::Later`].
    SendMessage {
        /// Comes back with the answer.
        delivery: DeliveryId,
        /// Where.
        endpoint: EndpointId,
        /// By PRIVMSG, NOTICE or CTCP ACTION.
        kind: MessageKind,
        /// What stands at the beginning of each line.
        prefix: String,
        /// What follows it, in as many lines as it has and the wire needs.
        body: String,
        /// The nick under which the server is to say it (`RELAYMSG`), if not under ours.
        relay_nick: Option<Arc<str>>,
    },
    /// Say something to somebody alone; answered as [`Order::Say`] is.
    SendDirect {
        /// Comes back with the answer.
        delivery: DeliveryId,
        /// Stands for whoever it is: one such is under way at a time.
        endpoint: EndpointId,
        /// Who is meant, as they are known now. Who goes by their nick when it is said, and is somebody
        /// else, is not told.
        recipient: Arc<IrcUser>,
        /// By PRIVMSG or CTCP ACTION.
        kind: MessageKind,
        /// What stands at the beginning of each line.
        prefix: String,
        /// What follows it.
        body: String,
    },
    /// Tell what was said in the channel before; answered by what was heard, and then
    /// [`Event::Past`].
    FetchHistory {
        /// Where.
        endpoint: EndpointId,
        /// After this time.
        since: Timestamp,
        /// What the time is now: what is said to be later is not.
        now: Timestamp,
        /// After this line, for a server that does not find lines by their time.
        msgid: Option<String>,
        /// After that line on any server that can: more was said at that time than it tells at once.
        by_msgid: bool,
    },
    /// Tell somebody, and nobody else, by a NOTICE. It is not known whether it arrives.
    SendNotice {
        /// Whom.
        nick: String,
        /// What: as much of it as one line holds.
        text: String,
    },
    /// Make this the channel's topic; an empty one removes it.
    SetTopic {
        /// Where.
        endpoint: EndpointId,
        /// In one line.
        topic: String,
    },
    /// Show others that we are away, for this reason; `None` that we are back.
    SetAway(Option<String>),
    /// Sit in this channel too.
    Join(ChannelTarget),
    /// Say goodbye and hang up.
    Quit(String),
}

/// What IRC tells the bridge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IrcEvent {
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
    LoginFailed {
        /// Why, in words for the administrator.
        reason: String,
    },
    /// The server wants to be spoken to over TLS alone from now on.
    Sts(StsPolicy),
    /// We go by this nick from now on.
    NickChanged {
        /// The new one.
        nick: String,
    },
    /// The server is there. Told every few seconds while it says anything.
    Alive,
    /// It has sent a line that was not UTF-8.
    FallbackCharsetUsed,
    /// The channel can be heard and spoken in: the server has listed who is there.
    Joined {
        /// Where.
        endpoint: EndpointId,
        /// When, where the server says so.
        server_time: Option<Timestamp>,
        /// Whether the server keeps what was said before, and tells.
        has_history: bool,
        /// Whether our own lines come back, so that each is known by its own mark.
        has_echoes: bool,
        /// How many bytes of text a line of ours has room for.
        line: usize,
    },
    /// The channel can no longer, or still not, be heard and spoken in.
    NotJoined {
        /// Where.
        endpoint: EndpointId,
        /// Why, in words for the administrator.
        reason: String,
    },
    /// Somebody came, went, or is known otherwise.
    Membership(MembershipEvent),
    /// This is what the channel is about.
    Topic {
        /// Where.
        endpoint: EndpointId,
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
    ModesChanged {
        /// Where.
        endpoint: EndpointId,
        /// The nick or the server that did it.
        by: String,
        /// What was changed, such as `+o ann`, in the server's words.
        change: String,
    },
    /// An operator of the channel has put us out, or bans us: [`Event::Closed`] follows.
    Removed {
        /// Where.
        endpoint: EndpointId,
    },
    /// The server lends nicks, by which others may be heard to speak: `RELAYMSG`.
    RelaymsgAvailable {
        /// What such a nick must hold; any one of these.
        separators: String,
        /// How long it may be.
        max_nick_len: usize,
    },
    /// The server will not say this under the nick it was to have: nothing of what is left of it has
    /// arrived.
    RelaymsgRejected {
        /// The order's.
        delivery: DeliveryId,
        /// Where.
        endpoint: EndpointId,
        /// For whom, and where, that holds.
        scope: Scope,
        /// Why, in the server's own words.
        reason: String,
    },
    /// Someone spoke.
    Message {
        /// Where.
        endpoint: EndpointId,
        /// Who, and what.
        message: IncomingMessage,
    },
    /// Somebody has said something to us alone.
    DirectMessage(IncomingMessage),
    /// What was said in the channel before was told, as far as this question goes.
    History {
        /// Where.
        endpoint: EndpointId,
        /// How that ended.
        reply: HistoryReply,
    },
    /// A line of this order goes out now: from here on, and until the next answer, nobody can tell
    /// without the server whether it has arrived.
    SendStarted {
        /// The order's.
        delivery: DeliveryId,
        /// Where.
        endpoint: EndpointId,
    },
    /// The server has the order's body up to here; the rest follows.
    PartiallyDelivered {
        /// The order's.
        delivery: DeliveryId,
        /// Where.
        endpoint: EndpointId,
        /// How many bytes of the body it has.
        delivered_bytes: usize,
        /// What it knows the last line by.
        message_ref: MessageRef,
    },
    /// The server has every line of this order, or has read each and objected to none.
    Delivered {
        /// The order's.
        delivery: DeliveryId,
        /// Where.
        endpoint: EndpointId,
        /// What it knows the last line by.
        message_ref: MessageRef,
    },
    /// The server will not have what is left of this order now, but may later:
    /// [`Event::Again`] follows.
    Deferred {
        /// The order's.
        delivery: DeliveryId,
        /// Where.
        endpoint: EndpointId,
        /// Why, in the server's own words.
        reason: String,
    },
    /// What was put off may be tried again.
    Retry(EndpointId),
    /// The server objected.
    Rejected {
        /// The order's.
        delivery: DeliveryId,
        /// Where.
        endpoint: EndpointId,
        /// Why, in the server's own words.
        reason: String,
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
pub struct IncomingMessage {
    /// Who.
    pub author: Author,
    /// How.
    pub kind: MessageKind,
    /// What.
    pub text: String,
    /// What the server knows it by.
    pub message_ref: MessageRef,
    /// It was said before; the server plays it back.
    pub is_playback: bool,
    /// It was said under the nick that is ours now. What is not played back is not what we have said on this
    /// connection: that is the answer to an order, and not heard.
    pub is_own: bool,
    /// It was said by the user and from the host that are ours, under whatever nick. Only of what is
    /// played back.
    pub is_own_userhost: bool,
    /// The nick of whoever had the server say it under that of another (`RELAYMSG`).
    pub relayed_by: Option<Box<str>>,
}
