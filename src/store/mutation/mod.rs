//! Changes to the store as data, so that a failed transaction can be repeated.

mod activity;
mod delivery;
mod endpoint;
mod link;
mod message;
mod nick;
mod people;
mod phase;
mod puppet_login;

use jiff::Timestamp;
use rusqlite::{Connection, ToSql};

use super::schema;
use crate::domain::{
    DeliveryId, DeliveryState, EndpointId, LetsChatUserId, Message, MessageKind, MessagePart,
    Network,
};
pub(super) use link::LinkMutation;
pub(super) use nick::NickMutation;
pub(super) use people::{PeopleMutation, SealedSecrets};
pub(super) use phase::{PhaseMutation, UnheardMutation};
pub(super) use puppet_login::{PuppetLoginMutation, PuppetLoginRow};

/// One change to the store. It carries its own ids, so that repeating it has the same effect.
#[derive(Debug)]
pub(super) enum Mutation {
    InsertEndpoint { id: EndpointId, name: String },
    SetRoomId { endpoint: EndpointId, remote_id: String },
    MergeRooms { endpoint: EndpointId, before: EndpointId },
    SetFirstSeenPost { endpoint: EndpointId, post: String },
    SetReadPosition { endpoint: EndpointId, cursor: Option<String>, last_seen: Option<i64> },
    SetOutageAnnounced { endpoint: EndpointId, announced: bool },
    SetIntroduced { endpoint: EndpointId },
    InsertMessage { id: i64, message: Message, remote_id: Option<String>, fingerprint: Option<i64> },
    InsertDelivery { id: DeliveryId, message: i64, to: EndpointId, part: MessagePart },
    SetState { id: DeliveryId, state: DeliveryState },
    StartDelivery { id: DeliveryId, now: Timestamp, rendered: RenderedRow, cursor: Option<String> },
    AckDelivery { id: DeliveryId, remote_id: Option<String>, now: Timestamp, is_found_again: bool },
    RejectDelivery { id: DeliveryId, reason: String, now: Timestamp },
    MarkUnreported { id: DeliveryId },
    EraseText { id: DeliveryId },
    RenameEndpoint { endpoint: EndpointId, name: String },
    MarkReported { source: EndpointId, author: String, to: EndpointId, last: DeliveryId },
    MarkDirectReported { source: EndpointId, to: Option<EndpointId>, last: DeliveryId },
    MergeDeliveries { first: DeliveryId, others: Vec<DeliveryId> },
    SetProgress { id: DeliveryId, bytes: usize, cursor: Option<String> },
    SetResent { id: DeliveryId, resent: bool },
    InitChannel { endpoint: EndpointId, first_joined: Timestamp, now: Timestamp, cursor: String },
    Nick(NickMutation),
    PruneMessages { messages: Vec<i64> },
    ForgetOldestActivity,
    SetPaused { endpoint: EndpointId, paused: bool },
    Nothing,
    Link(LinkMutation),
    BeginRestoredReading { endpoint: EndpointId },
    People(PeopleMutation),
    PuppetLogin(PuppetLoginMutation),
    Phase(PhaseMutation),
    Unheard(UnheardMutation),
}

/// How a delivery is sent, and its sender.
#[derive(Debug)]
pub(super) struct RenderedRow {
    pub(super) kind: MessageKind,
    pub(super) prefix: String,
    /// `None` if it equals the message's own body.
    pub(super) body: Option<String>,
    pub(super) sender: Option<String>,
}

/// Whose nick it is: the bot's or a puppet's.
#[derive(Debug)]
pub(super) struct NickOwner {
    pub(super) network: Network,
    pub(super) user: Option<LetsChatUserId>,
}

impl Mutation {
    /// Whether the bridge finds it out again if a power loss takes it from the store, without anything lost or repeated
    /// that a kill would not have lost or repeated. All else is on the disk before anybody can see what follows from it.
    pub(super) fn is_recoverable(&self) -> bool {
        match self {
            // The delivery is in flight again, and so in doubt.
            Self::AckDelivery { .. } | Self::SetProgress { .. } => true,
            // Comes with the ack of a private message, and again with the next one.
            Self::EraseText { .. } => true,
            // It is still old, and counted in the same commit.
            Self::PruneMessages { .. } => true,
            _ => self.may_wait(),
        }
    }

    /// Whether a kill may take it, too, without anything lost or repeated, so that it need not be committed at once.
    pub(super) fn may_wait(&self) -> bool {
        match self {
            // All but our own messages up to the cursor is recorded, and that must be committed.
            Self::SetReadPosition { .. } => true,
            // In flight again, it is looked for in the room, among the posts of the bridge's own account.
            Self::AckDelivery { is_found_again, .. } => *is_found_again,
            // Nicks are ours for minutes after they were last seen.
            Self::Nick(NickMutation::Extend { .. }) => true,
            _ => false,
        }
    }

    /// Executes the change in the open transaction of `connection`.
    pub(super) fn execute(&self, connection: &Connection) -> rusqlite::Result<()> {
        self.execute_in(Transaction { connection })
    }

    fn execute_in(&self, db: Transaction<'_>) -> rusqlite::Result<()> {
        match self {
            Self::InsertEndpoint { id, name } => endpoint::insert(db, *id, name),
            Self::SetRoomId { endpoint: id, remote_id: to } => endpoint::set_room_id(db, *id, to),
            Self::RenameEndpoint { endpoint, name } => endpoint::rename(db, *endpoint, name),
            Self::MergeRooms { endpoint, before } => endpoint::merge_rooms(db, *endpoint, *before),
            Self::SetFirstSeenPost { endpoint, post } => {
                endpoint::set_first_seen_post(db, *endpoint, post)
            }
            Self::SetReadPosition { endpoint, cursor, last_seen } => {
                endpoint::set_read_position(db, *endpoint, cursor.as_deref(), *last_seen)
            }
            Self::InitChannel { endpoint, first_joined, now, cursor } => {
                endpoint::init_channel(db, *endpoint, *first_joined, *now, cursor)
            }
            Self::SetPaused { endpoint, paused } => endpoint::set_paused(db, *endpoint, *paused),
            Self::SetOutageAnnounced { endpoint, announced } => {
                endpoint::set_outage_announced(db, *endpoint, *announced)
            }
            Self::SetIntroduced { endpoint: id } => endpoint::set_introduced(db, *id),
            Self::InsertMessage { id, message, remote_id, fingerprint } => {
                message::insert(db, *id, message, remote_id.as_deref(), *fingerprint)
            }
            Self::EraseText { id } => message::erase_text(db, *id),
            Self::PruneMessages { messages } => message::prune(db, messages),
            Self::ForgetOldestActivity => activity::forget_oldest_week(db),
            Self::InsertDelivery { id, message, to, part } => {
                delivery::insert(db, *id, *message, *to, *part)
            }
            Self::SetState { id, state } => delivery::set_state(db, *id, *state),
            Self::StartDelivery { id, now, rendered, cursor } => {
                delivery::start(db, *id, *now, (rendered, cursor.as_deref()))
            }
            Self::SetProgress { id, bytes, cursor } => {
                delivery::set_progress(db, *id, *bytes, cursor.as_deref())
            }
            Self::SetResent { id, resent } => delivery::set_resent(db, *id, *resent),
            Self::AckDelivery { id, remote_id, now, .. } => delivery::ack(db, *id, remote_id, *now),
            Self::RejectDelivery { id, reason, now } => delivery::reject(db, *id, reason, *now),
            Self::MergeDeliveries { first, others } => delivery::merge(db, *first, others),
            Self::MarkUnreported { id } => delivery::mark_unreported(db, *id),
            Self::MarkReported { source, author, to, last } => {
                delivery::mark_reported(db, *source, author, *to, *last)
            }
            Self::MarkDirectReported { source, to, last } => {
                delivery::mark_direct_reported(db, *source, *to, *last)
            }
            Self::Nick(change) => change.execute(db),
            Self::Nothing => schema::mark_as_ours(db.connection),
            Self::Link(change) => change.execute(db),
            Self::BeginRestoredReading { endpoint: id } => endpoint::begin_reading(db, *id),
            Self::People(change) => change.execute(db),
            Self::PuppetLogin(change) => change.execute(db),
            Self::Phase(change) => change.execute(db),
            Self::Unheard(change) => change.execute(db),
        }
    }
}

/// The open transaction of a connection.
#[derive(Clone, Copy)]
struct Transaction<'c> {
    connection: &'c Connection,
}

impl Transaction<'_> {
    fn execute(self, sql: &str, parameters: &[&dyn ToSql]) -> rusqlite::Result<()> {
        self.connection.prepare_cached(sql)?.execute(parameters).map(drop)
    }
}
