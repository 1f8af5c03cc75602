//! Changes to the store as data, so that a failed transaction can be repeated.

use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::columns::{kind_to_sql, part_to_sql, state_to_sql};
use crate::domain::{
    DeliveryId, DeliveryState, EndpointId, LetsChatUserId, Message, MessageKind, MessagePart,
    Network,
};

/// One change to the store. It carries its own ids, so that repeating it has the same effect.
#[derive(Debug)]
pub(super) enum Mutation {
    InsertEndpoint { id: EndpointId, name: String },
    SetRoomId { endpoint: EndpointId, remote_id: String },
    MergeRooms { endpoint: EndpointId, before: EndpointId },
    SetFirstSeenPost { endpoint: EndpointId, post: String },
    AdvanceRoomCursor { endpoint: EndpointId, post: String, last_seen: Option<Timestamp> },
    TouchRoom { endpoint: EndpointId, at: Timestamp },
    SetOutageAnnounced { endpoint: EndpointId, announced: bool },
    InsertMessage { id: i64, message: Message, remote_id: Option<String>, fingerprint: Option<i64> },
    InsertDelivery { id: DeliveryId, message: i64, to: EndpointId, part: MessagePart },
    SetState { id: DeliveryId, state: DeliveryState },
    StartDelivery { id: DeliveryId, now: Timestamp, rendered: RenderedRow },
    AckDelivery { id: DeliveryId, remote_id: Option<String>, now: Timestamp },
    RejectDelivery { id: DeliveryId, reason: String, now: Timestamp },
    MarkUnreported { id: DeliveryId },
    EraseText { id: DeliveryId },
    RenameEndpoint { endpoint: EndpointId, name: String },
    MarkReported { source: EndpointId, author: String, to: EndpointId, last: DeliveryId },
    MarkDirectReported { source: EndpointId, to: Option<EndpointId>, last: DeliveryId },
    MergeDeliveries { first: DeliveryId, others: Vec<DeliveryId> },
    SetProgress { id: DeliveryId, bytes: usize },
    SetResent { id: DeliveryId, resent: bool },
    InitChannel { endpoint: EndpointId, first_joined: Timestamp, now: Timestamp, cursor: String },
    AdvanceChannelCursor { endpoint: EndpointId, cursor: String, now: Timestamp },
    TouchChannel { endpoint: EndpointId, at: Timestamp },
    StartNick { owner: NickOwner, nick: String, now: Timestamp, prune_before: Timestamp },
    ExtendNick { owner: NickOwner, now: Timestamp },
    ReserveNick { network: Network, user: LetsChatUserId, relaymsg: bool, nick: String },
    PruneMessages { messages: Vec<i64> },
    SetPaused { endpoint: EndpointId, paused: bool },
}

/// How and by whom a delivery is sent.
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

impl NickOwner {
    fn user_id(&self) -> Option<&str> {
        self.user.as_ref().map(|account| account.0.as_ref())
    }
}

impl Mutation {
    /// Executes the change in the open transaction of `connection`.
    pub(super) fn execute(&self, connection: &Connection) -> rusqlite::Result<()> {
        let on = |sql, parameters: &[&dyn rusqlite::ToSql]| {
            connection.prepare_cached(sql)?.execute(parameters).map(drop)
        };
        match self {
            Self::InsertEndpoint { id, name } => {
                on("INSERT INTO endpoint (id, name) VALUES (?1, ?2)", params![id.0, name])
            }
            Self::SetRoomId { endpoint, remote_id } => {
                on("UPDATE endpoint SET remote_id = ?2 WHERE id = ?1", params![endpoint.0, remote_id])
            }
            Self::MergeRooms { endpoint, before } => {
                let both = params![endpoint.0, before.0];
                on("UPDATE message SET endpoint = ?1 WHERE endpoint = ?2", both)?;
                on("UPDATE delivery SET endpoint = ?1 WHERE endpoint = ?2", both)?;
                on(
                    "UPDATE endpoint SET cursor = COALESCE(endpoint.cursor, before.cursor),
                         first_seen_post = COALESCE(endpoint.first_seen_post, before.first_seen_post),
                         last_seen = COALESCE(endpoint.last_seen, before.last_seen)
                     FROM endpoint AS before WHERE endpoint.id = ?1 AND before.id = ?2",
                    both,
                )?;
                on("DELETE FROM endpoint WHERE id = ?1", params![before.0])
            }
            Self::SetFirstSeenPost { endpoint, post } => {
                on("UPDATE endpoint SET first_seen_post = ?2 WHERE id = ?1", params![endpoint.0, post])
            }
            Self::AdvanceRoomCursor { endpoint, post, last_seen: alive } => on(
                "UPDATE endpoint SET cursor = ?2, last_seen = MAX(COALESCE(last_seen, ?3), COALESCE(?3, last_seen))
                 WHERE id = ?1 AND (cursor IS NULL OR cursor < ?2)",
                params![endpoint.0, post, alive.map(Timestamp::as_millisecond)],
            ),
            Self::TouchRoom { endpoint, at } => on(
                "UPDATE endpoint SET last_seen = MAX(COALESCE(last_seen, ?2), ?2) WHERE id = ?1",
                params![endpoint.0, at.as_millisecond()],
            ),
            Self::SetOutageAnnounced { endpoint, announced: closed } => {
                on("UPDATE endpoint SET outage_announced = ?2 WHERE id = ?1", params![endpoint.0, closed])
            }
            Self::InsertMessage { id, message, remote_id, fingerprint } => on(
                "INSERT INTO message (id, endpoint, remote_id, author, kind, body, sent_at, fingerprint,
                     display_name, account, userhost, bot)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
                params![
                    id,
                    message.source.0,
                    remote_id,
                    message.author.name,
                    kind_to_sql(message.kind),
                    message.body,
                    message.sent_at.as_millisecond(),
                    fingerprint,
                    message.author.display_name,
                    message.author.account,
                    message.author.userhost,
                    message.author.bot,
                ],
            ),
            Self::InsertDelivery { id: delivery_id, message, to, part } => on(
                "INSERT INTO delivery (id, message, endpoint, state, part)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
                params![delivery_id.0, message, to.0, state_to_sql(DeliveryState::Queued), part_to_sql(*part)],
            ),
            Self::SetState { id: delivery_id, state } => on(
                "UPDATE delivery SET state = ?2 WHERE id = ?1",
                params![delivery_id.0, state_to_sql(*state)],
            ),
            Self::StartDelivery { id: delivery_id, now, rendered: spoken } => on(
                "UPDATE delivery SET state = ?2, started_at = ?3,
                     rendered_kind = ?4, rendered_prefix = ?5, rendered_body = ?6, sender = ?7,
                     cursor_at_send = (SELECT cursor FROM endpoint WHERE endpoint.id = delivery.endpoint)
                 WHERE id = ?1",
                params![
                    delivery_id.0,
                    state_to_sql(DeliveryState::InFlight),
                    now.as_millisecond(),
                    kind_to_sql(spoken.kind),
                    spoken.prefix,
                    spoken.body,
                    spoken.sender,
                ],
            ),
            Self::AckDelivery { id: delivery_id, remote_id, now } => on(
                "UPDATE delivery SET state = ?2, remote_id = ?3, settled_at = ?4 WHERE id = ?1",
                params![delivery_id.0, state_to_sql(DeliveryState::Delivered), remote_id, now.as_millisecond()],
            ),
            Self::RejectDelivery { id: delivery_id, reason, now } => on(
                "UPDATE delivery SET state = ?2, reason = ?3, settled_at = ?4 WHERE id = ?1",
                params![delivery_id.0, state_to_sql(DeliveryState::Rejected), reason, now.as_millisecond()],
            ),
            Self::MarkUnreported { id: delivery_id } => {
                on("UPDATE delivery SET unreported = 1 WHERE id = ?1", params![delivery_id.0])
            }
            Self::EraseText { id } => {
                on(
                    "UPDATE message SET body = '', author = '', display_name = NULL, account = NULL,
                         userhost = NULL
                     WHERE id = (SELECT message FROM delivery WHERE id = ?1)",
                    params![id.0],
                )?;
                on(
                    "UPDATE delivery SET rendered_body = NULL, rendered_prefix = NULL WHERE id = ?1",
                    params![id.0],
                )
            }
            Self::MarkDirectReported { source, to, last } => {
                let these = params![source.0, to.map(|to| to.0), last.0];
                on(
                    "UPDATE message SET body = '', author = '', display_name = NULL, account = NULL,
                         userhost = NULL
                     WHERE endpoint = ?1 AND id IN (
                         SELECT message FROM delivery
                         WHERE unreported = 1 AND endpoint = COALESCE(?2, endpoint) AND id <= ?3)",
                    these,
                )?;
                on(
                    "UPDATE delivery SET unreported = 0, rendered_body = NULL, rendered_prefix = NULL
                     WHERE unreported = 1 AND endpoint = COALESCE(?2, endpoint) AND id <= ?3
                         AND (SELECT endpoint FROM message m WHERE m.id = delivery.message) = ?1",
                    these,
                )
            }
            Self::RenameEndpoint { endpoint, name } => {
                on("UPDATE endpoint SET name = ?2 WHERE id = ?1", params![endpoint.0, name])
            }
            Self::MarkReported { source: said_in, author, to, last } => on(
                "UPDATE delivery SET unreported = 0
                 WHERE unreported = 1 AND endpoint = ?3 AND id <= ?4 AND EXISTS (
                     SELECT 1 FROM message m
                     WHERE m.id = delivery.message AND m.endpoint = ?1 AND m.author = ?2)",
                params![said_in.0, author, to.0, last.0],
            ),
            Self::MergeDeliveries { first, others } => {
                on("UPDATE delivery SET merged_into = NULL WHERE merged_into = ?1", params![first.0])?;
                let join = "UPDATE delivery SET merged_into = ?1 WHERE id = ?2";
                others.iter().try_for_each(|other| on(join, params![first.0, other.0]))
            }
            Self::SetProgress { id: delivery_id, bytes: said } => on(
                "UPDATE delivery SET progress = ?2,
                     cursor_at_send = (SELECT cursor FROM endpoint WHERE endpoint.id = delivery.endpoint)
                 WHERE id = ?1",
                params![delivery_id.0, i64::try_from(*said).unwrap_or(i64::MAX)],
            ),
            Self::SetResent { id: delivery_id, resent: again } => {
                on("UPDATE delivery SET resent = ?2 WHERE id = ?1", params![delivery_id.0, again])
            }
            Self::InitChannel { endpoint, first_joined: first, now, cursor } => on(
                "UPDATE endpoint SET first_joined = ?2, last_seen = ?3, cursor = ?4 WHERE id = ?1",
                params![endpoint.0, first.as_millisecond(), now.as_millisecond(), cursor],
            ),
            // The cursor's line is the last one received; its time never goes back, whatever the line's own
            // time.
            Self::AdvanceChannelCursor { endpoint, cursor, now } => on(
                "UPDATE endpoint SET last_seen = MAX(last_seen, ?3),
                     cursor = MAX(substr(cursor, 1, 15), substr(?2, 1, 15)) || substr(?2, 16)
                 WHERE id = ?1 AND first_joined IS NOT NULL",
                params![endpoint.0, cursor, now.as_millisecond()],
            ),
            Self::TouchChannel { endpoint, at } => on(
                "UPDATE endpoint SET last_seen = MAX(last_seen, ?2) WHERE id = ?1 AND first_joined IS NOT NULL",
                params![endpoint.0, at.as_millisecond()],
            ),
            Self::StartNick { owner: whose, nick, now, prune_before: forgotten } => {
                on(
                    "DELETE FROM nick_history WHERE network = ?1 AND until < ?2",
                    params![whose.network.as_str(), forgotten.as_millisecond()],
                )?;
                on(
                    "INSERT INTO nick_history (network, nick, since, until, user)
                     VALUES (?1, ?2, ?3, ?3, ?4)",
                    params![whose.network.as_str(), nick, now.as_millisecond(), whose.user_id()],
                )
            }
            Self::ExtendNick { owner: whose, now } => on(
                "UPDATE nick_history SET until = MAX(until, ?2)
                 WHERE id = (SELECT id FROM nick_history WHERE network = ?1 AND user IS ?3
                             ORDER BY since DESC, id DESC LIMIT 1)",
                params![whose.network.as_str(), now.as_millisecond(), whose.user_id()],
            ),
            Self::ReserveNick { network, user: account, relaymsg: lent, nick } => on(
                "INSERT OR REPLACE INTO puppet_nick (network, user, relaymsg, nick) VALUES (?1, ?2, ?3, ?4)",
                params![network.as_str(), account.0, lent, nick],
            ),
            Self::PruneMessages { messages } => messages.iter().try_for_each(|message| {
                on(
                    "DELETE FROM message WHERE id = ?1 AND NOT EXISTS (
                         SELECT 1 FROM delivery WHERE message = ?1 AND state < 3)",
                    params![message],
                )
            }),
            Self::SetPaused { endpoint, paused: deaf } => {
                on("UPDATE endpoint SET paused = ?2 WHERE id = ?1", params![endpoint.0, deaf])
            }
        }
    }
}
