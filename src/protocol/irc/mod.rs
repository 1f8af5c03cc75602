//! An IRC client session: registers, joins channels, sends and receives messages, keeps the connection alive.

mod budget;
mod channels;
mod errors;
mod login;
mod receive;
mod send;
mod session;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

pub use channels::ChannelTarget;
pub use channels::membership::{LeaveReason, MembershipEvent};
pub use channels::rights::ChannelRights;
pub use channels::users::KeptUsers;
pub use errors::disconnect::{DisconnectKind, DisconnectReason};
pub use login::{IrcIdentity, SaslLogin, ServicesLogin, StsPolicy};
pub use receive::chathistory::{HistoryPage, HistoryReply};
pub use receive::text::strip_formatting;
pub use send::pacing::LearnedPace;
pub use send::receipt::MessageRef;
pub use send::split::matched_len;
pub use session::{IrcSession, SessionConfig, SessionState, Webirc};
pub use wire::charset::Charset;
pub use wire::charsets::Charsets;
pub use wire::line::{Line, LineError, SafeText};
pub use wire::parse::{MissingCommand, ParseError, ParsedLine, ReceivedLine, decode};

use crate::domain::{Author, DeliveryId, EndpointId, FloodControl, IrcUser, MessageKind};

/// Commands from the bridge to an IRC session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IrcCommand {
    /// Sends a message. Answered by [`IrcEvent::Delivered`], [`IrcEvent::Rejected`] or
    /// [`IrcEvent::Deferred`].
    SendMessage {
        /// Returned with the answer.
        delivery: DeliveryId,
        /// The channel.
        endpoint: EndpointId,
        /// PRIVMSG, NOTICE or CTCP ACTION.
        kind: MessageKind,
        /// Goes before each line.
        prefix: String,
        /// The text after the prefix, split into as many lines as needed.
        body: String,
        /// The nick to send it under with `RELAYMSG`, instead of ours.
        relay_nick: Option<Arc<str>>,
    },
    /// Sends a direct message. Answered like [`IrcCommand::SendMessage`].
    SendDirect {
        /// Returned with the answer.
        delivery: DeliveryId,
        /// Identifies the recipient; one message per recipient is in flight at a time.
        endpoint: EndpointId,
        /// The recipient as currently known. If their nick belongs to somebody else at the time of sending,
        /// nothing is sent.
        recipient: Arc<IrcUser>,
        /// PRIVMSG or CTCP ACTION.
        kind: MessageKind,
        /// Goes before each line.
        prefix: String,
        /// The text after the prefix.
        body: String,
    },
    /// Requests channel history. Answered by its messages, then [`IrcEvent::History`].
    FetchHistory {
        /// The channel.
        endpoint: EndpointId,
        /// Messages after this time.
        since: Timestamp,
        /// The current time, to detect messages from the future.
        now: Timestamp,
        /// Messages after this line, on servers without lookup by time.
        msgid: Option<String>,
        /// Prefer lookup by msgid: more messages share this time than fit on one page.
        by_msgid: bool,
    },
    /// Sends a NOTICE to one user. Whether it arrives is not known.
    SendNotice {
        /// The recipient.
        nick: String,
        /// The text, truncated to one line.
        text: String,
    },
    /// Sets the channel topic; an empty one removes it.
    SetTopic {
        /// The channel.
        endpoint: EndpointId,
        /// The topic, in one line.
        topic: String,
    },
    /// Changes modes of the channel itself.
    SetModes {
        /// The channel.
        endpoint: EndpointId,
        /// The change, such as `+m`.
        modes: String,
    },
    /// Gives voice to members of the channel.
    GiveVoice {
        /// The channel.
        endpoint: EndpointId,
        /// Their nicks.
        nicks: Vec<String>,
    },
    /// Sets AWAY with this message; `None` clears it.
    SetAway(Option<String>),
    /// Joins another channel; one that it knows already may have another key.
    Join(ChannelTarget),
    /// Leaves a channel, and is not in it any more. Answered by nothing.
    Part {
        /// The channel.
        endpoint: EndpointId,
        /// The message of PART.
        reason: String,
    },
    /// Sends at this rate from now on.
    SetFloodControl(FloodControl),
    /// Asks this nick for invitations from now on, or nobody.
    SetInviter(Option<String>),
    /// Lets another process take the connection over, as soon as nothing is half said; otherwise sends QUIT. Answered
    /// by [`Output::Release`](crate::protocol::Output::Release).
    HandOver,
    /// Sends QUIT with this message and closes the connection.
    Quit(String),
}

/// Events from an IRC session to the bridge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IrcEvent {
    /// Registration is complete.
    Registered {
        /// Our nick, which may differ from the configured one.
        nick: String,
    },
    /// We are logged in to an account.
    LoggedIn {
        /// The account's name.
        account: String,
    },
    /// We are not logged in, and continue without an account.
    LoginFailed {
        /// The reason, worded for the administrator.
        reason: String,
    },
    /// The server has announced an STS policy.
    Sts(StsPolicy),
    /// Our nick has changed.
    NickChanged {
        /// The new nick.
        nick: String,
    },
    /// The connection is alive. Sent every few seconds while anything is received.
    Alive,
    /// The server has answered a PING.
    PingAnswered {
        /// Within which time the next answer is due.
        next_within: Duration,
    },
    /// A received line was not valid UTF-8.
    FallbackCharsetUsed,
    /// The channel is joined and its members are known.
    Joined {
        /// The channel.
        endpoint: EndpointId,
        /// The server-time of the join, if available.
        server_time: Option<Timestamp>,
        /// Whether history can be requested.
        has_history: bool,
        /// Whether our own messages are echoed, with their msgid.
        has_echoes: bool,
        /// Maximum bytes of text in one of our lines.
        line: usize,
    },
    /// The connection was taken over from another process, and we are still in the channel. Nothing was missed.
    StillJoined {
        /// The channel.
        endpoint: EndpointId,
        /// Whether history can be requested.
        has_history: bool,
        /// Whether our own messages are echoed, with their msgid.
        has_echoes: bool,
        /// Maximum bytes of text in one of our lines.
        line: usize,
    },
    /// The connection was taken over from another process, which had set us away.
    StillAway,
    /// The channel could not be joined, or we were removed from it.
    NotJoined {
        /// The channel.
        endpoint: EndpointId,
        /// The reason, worded for the administrator.
        reason: String,
    },
    /// A change in the members of a channel.
    Membership(MembershipEvent),
    /// The channel's topic.
    Topic {
        /// The channel.
        endpoint: EndpointId,
        /// The topic; `None` if there is none.
        topic: Option<String>,
        /// The nick or server that just changed it; `None` if this is the topic on joining.
        by: Option<String>,
    },
    /// The server has reported the modes of a joined channel, or declined to.
    MaySpeak {
        /// The channel.
        endpoint: EndpointId,
        /// Why our messages would be rejected there, if they would.
        reason: Option<String>,
    },
    /// The channel modes were changed.
    ModesChanged {
        /// The channel.
        endpoint: EndpointId,
        /// The nick or server that changed them.
        by: String,
        /// The change, such as `+o ann`.
        change: String,
    },
    /// What we may do in a channel that we have joined, whenever that changes. Follows [`IrcEvent::Joined`].
    Rights {
        /// The channel.
        endpoint: EndpointId,
        /// The rights.
        rights: ChannelRights,
    },
    /// A channel operator has kicked or banned us; [`IrcEvent::NotJoined`] follows.
    Removed {
        /// The channel.
        endpoint: EndpointId,
    },
    /// The server supports `RELAYMSG`.
    RelaymsgAvailable {
        /// A relayed nick must contain one of these characters.
        separators: String,
        /// Maximum length of a relayed nick.
        max_nick_len: usize,
    },
    /// The server rejected RELAYMSG for this message. Nothing of the rest has arrived.
    RelaymsgRejected {
        /// That of the command.
        delivery: DeliveryId,
        /// The channel.
        endpoint: EndpointId,
        /// What the rejection applies to.
        scope: Scope,
        /// The reason, in the server's words.
        reason: String,
    },
    /// A message in a channel.
    Message {
        /// The channel.
        endpoint: EndpointId,
        /// The message.
        message: IncomingMessage,
    },
    /// A direct message to us.
    DirectMessage(IncomingMessage),
    /// A history request is complete.
    History {
        /// The channel.
        endpoint: EndpointId,
        /// The result.
        reply: HistoryReply,
    },
    /// A line of this delivery is being sent. From now until the next answer, only the server knows whether
    /// it has arrived.
    SendStarted {
        /// That of the command.
        delivery: DeliveryId,
        /// The channel or recipient.
        endpoint: EndpointId,
    },
    /// The server has acknowledged the start of the body; the rest follows.
    PartiallyDelivered {
        /// That of the command.
        delivery: DeliveryId,
        /// The channel or recipient.
        endpoint: EndpointId,
        /// How many bytes of the body have arrived.
        delivered_bytes: usize,
        /// Identifies the last acknowledged line.
        message_ref: MessageRef,
    },
    /// The server has acknowledged every line, or processed all without an error.
    Delivered {
        /// That of the command.
        delivery: DeliveryId,
        /// The channel or recipient.
        endpoint: EndpointId,
        /// Identifies the last line.
        message_ref: MessageRef,
    },
    /// The server rejected the rest of this message for now; [`IrcEvent::Retry`] follows.
    Deferred {
        /// That of the command.
        delivery: DeliveryId,
        /// The channel or recipient.
        endpoint: EndpointId,
        /// The reason, in the server's words.
        reason: String,
    },
    /// A deferred message can be retried.
    Retry(EndpointId),
    /// The server rejected the message.
    Rejected {
        /// That of the command.
        delivery: DeliveryId,
        /// The channel or recipient.
        endpoint: EndpointId,
        /// The reason, in the server's words.
        reason: String,
    },
}

/// What a rejection of RELAYMSG applies to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Only this nick.
    Nick,
    /// All nicks in this channel.
    Channel,
    /// The whole network.
    Network,
}

/// A message received in a channel or directly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncomingMessage {
    /// The author.
    pub author: Author,
    /// The kind.
    pub kind: MessageKind,
    /// The text.
    pub text: String,
    /// Identifies it on the server.
    pub message_ref: MessageRef,
    /// It is history, played back by the server.
    pub is_playback: bool,
    /// It was sent under our current nick. Live messages of our own connection are acks and not reported, so
    /// this marks played-back messages and other connections.
    pub is_own: bool,
    /// It was sent from our user and host, under any nick. Set for played-back messages only.
    pub is_own_userhost: bool,
    /// The nick that sent it under another one (`RELAYMSG`).
    pub relayed_by: Option<Box<str>>,
}
