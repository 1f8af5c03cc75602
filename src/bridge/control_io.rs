//! What an administrator asks of the running bridge, and what it answers.

use jiff::Timestamp;

use super::link_direction::LinkDirection;
use super::report::BridgeReport;
use crate::domain::{DeliveryId, LinkFlow, LinkId, LinkName, LinkPhase};

/// A request of the administrator. Answered by [`ControlReply`] or [`ControlError`], after the commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ControlRequest {
    /// How the bridge is.
    Report,
    /// Deliver nothing over this link, in both directions, until it is resumed.
    Pause(LinkName),
    /// Deliver over this link again.
    Resume(LinkName),
    /// What waits on this link, at most so many deliveries a direction.
    ListQueue(LinkName, usize),
    /// Send what the remote side has deferred now.
    Retry(LinkName),
    /// Drop this delivery, which waits on this link.
    Drop(LinkName, DeliveryId),
    /// Deliver what was not mirrored over this link.
    CatchUp(CatchUpRequest),
    /// Give up the own accounts of these people.
    Unlink(UnlinkWho),
}

/// What of the messages that a link did not let pass is to be delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatchUpRequest {
    /// The link.
    pub link: LinkName,
    /// What was sent from this time on.
    pub from: Timestamp,
    /// What was sent before this time.
    pub to: Timestamp,
    /// Only this way; `None` for all ways that the link lets pass.
    pub direction: Option<LinkDirection>,
    /// Only tell what would be delivered.
    pub is_dry_run: bool,
}

/// What is delivered late, or would be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatchUpAnswer {
    /// The link that was meant.
    pub link: LinkId,
    /// What goes each of the ways that were asked for.
    pub counts: Vec<CatchUpCount>,
}

/// What is delivered late in one direction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatchUpCount {
    /// The direction.
    pub direction: LinkDirection,
    /// How many messages.
    pub messages: u64,
    /// When the first and the last of them were sent.
    pub span: Option<(Timestamp, Timestamp)>,
}

/// Whose own accounts the bridge is to give up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UnlinkWho {
    /// The people of IRC who last spoke with this nick.
    Nick(String),
    /// The user of Let's Chat with this name, whose puppets log in to services.
    PuppetsOf(String),
    /// All people and all puppets.
    Everybody,
}

/// What was given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EndedLink {
    /// An account on Let's Chat.
    Account {
        /// The nick with which its owner last spoke on IRC.
        nick: String,
        /// The name of the account.
        username: String,
    },
    /// The logins of puppets to services.
    PuppetLogins {
        /// Whose puppets: their name on Let's Chat.
        username: String,
    },
}

/// The answer to a request of the administrator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ControlReply {
    /// How the bridge is.
    Report(Box<BridgeReport>),
    /// The link is paused or resumed as asked, or a retry was started.
    Changed(LinkChange),
    /// What waits.
    Queue(QueuePage),
    /// What is delivered late.
    CatchUp(CatchUpAnswer),
    /// The delivery is dropped.
    Dropped(QueuedDelivery),
    /// These links are ended; none, if there were none.
    Unlinked(Vec<EndedLink>),
}

/// What a request has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkChange {
    /// The link that was meant.
    pub link: LinkId,
    /// Whether anything has changed; it may have been as asked before.
    pub is_new: bool,
}

/// What waits on a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueuePage {
    /// The link that was meant.
    pub link: LinkId,
    /// How many deliveries wait in all.
    pub waiting: u64,
    /// The oldest of them, oldest first.
    pub deliveries: Vec<QueuedDelivery>,
}

/// A delivery that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueuedDelivery {
    /// Its number, which never changes.
    pub id: DeliveryId,
    /// Where to.
    pub direction: LinkDirection,
    /// The name of the author.
    pub author: String,
    /// When the message was sent, as its network says.
    pub sent_at: Timestamp,
    /// What it waits for.
    pub state: WaitState,
    /// The first 80 characters of the text, in one line.
    pub text: String,
}

/// What a delivery waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitState {
    /// For its turn, or for the connection.
    Queued,
    /// For the remote side, which has deferred it.
    Deferred,
    /// For the answer of the remote side.
    InFlight,
    /// For the connection, to find out whether it has arrived.
    InDoubt,
    /// For an administrator, who has paused a link on its path.
    Held,
}

/// Why a request of the administrator is refused, in words for them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ControlError {
    /// The bridge is stopping, or has stopped.
    #[error("the bridge is stopping")]
    Stopping,
    /// The bridge runs on another node.
    #[error("the bridge runs on another node: ask there (`letsbridge status` says which it is)")]
    NotActive,
    /// Too many requests wait for an answer.
    #[error("the bridge is busy with other requests: try again in a moment")]
    Busy,
    /// No link has this name.
    #[error("no link is called \"{name}\": {}", list_names(.links))]
    UnknownLink {
        /// The name as asked.
        name: LinkName,
        /// The links that there are; not all of them, if there are many.
        links: Vec<LinkId>,
    },
    /// Several links have this name.
    #[error("several links are called \"{name}\": {}", list_names(.links))]
    AmbiguousLink {
        /// The name as asked.
        name: LinkName,
        /// The links that were meant; not all of them, if there are many.
        links: Vec<LinkId>,
    },
    /// No delivery with this number waits on the link.
    #[error("no delivery {} waits on {link}: it was delivered, or never was", .id.0)]
    NotWaiting {
        /// The link that was meant.
        link: LinkId,
        /// The number as asked.
        id: DeliveryId,
    },
    /// The link does not let messages pass this way.
    #[error(
        "{link} does not mirror {} (phase = \"{phase}\", direction = \"{flow}\"): change that in the \
         configuration, reload it, and try again",
        describe(.direction)
    )]
    NotMirrored {
        /// The link that was meant.
        link: LinkId,
        /// Its phase.
        phase: LinkPhase,
        /// In which directions it mirrors, as far as its phase does.
        flow: LinkFlow,
        /// The way that was asked for; `None` if it lets nothing pass.
        direction: Option<LinkDirection>,
    },
    /// Nobody has this nick.
    #[error("{0}: nobody has last spoken with this nick: see `letsbridge people`")]
    UnknownNick(String),
    /// No puppet of this user logs in.
    #[error("{0}: no puppet of this user logs in to services: see `letsbridge people`")]
    NoPuppetLogin(String),
    /// The delivery is in flight or in doubt.
    #[error("delivery {} to {link} has been sent already, and may have arrived: it cannot be dropped", .id.0)]
    AlreadySent {
        /// The link that was meant.
        link: LinkId,
        /// The number as asked.
        id: DeliveryId,
    },
}

/// `to Let's Chat`, or `anything`.
fn describe(direction: &Option<LinkDirection>) -> &'static str {
    match direction {
        Some(LinkDirection::ToLetsChat) => "to Let's Chat",
        Some(LinkDirection::ToIrc) => "to IRC",
        None => "anything",
    }
}

/// `use "libera/#tea tea" or "oftc/#tea tea"`.
fn list_names(links: &[LinkId]) -> String {
    let names: Vec<String> = links.iter().map(|link| format!("\"{link}\"")).collect();
    match names.split_last() {
        None => "there are no links".to_owned(),
        Some((only, [])) => format!("use {only}"),
        Some((last, others)) => format!("use {} or {last}", others.join(", ")),
    }
}
