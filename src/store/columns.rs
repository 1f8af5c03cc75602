//! How the domain's values are written in the database's columns, and read from them.

use jiff::Timestamp;
use rusqlite::Row;

use super::phase_rows::ChannelModeration;
use crate::domain::{
    AccountAccess, AccountKind, Author, Casemapping, DeliveryState, EndpointId, LetsChatUserId,
    LinkPhase, LinkTarget, Message, MessageKind, MessagePart, PasteId, RenderedMessage, Sender,
};

/// The columns of `message` (as `m`) that [`message_from_row`] reads.
pub(super) const MESSAGE_COLUMNS: &str =
    "m.endpoint, m.author, m.display_name, m.account, m.userhost, m.bot, m.kind, m.body, m.sent_at";

/// Reads a message from [`MESSAGE_COLUMNS`], starting at column `at`.
pub(super) fn message_from_row(row: &Row<'_>, at: usize) -> rusqlite::Result<Message> {
    Ok(Message {
        source: EndpointId(row.get(at)?),
        author: Author {
            name: row.get(at + 1)?,
            display_name: row.get(at + 2)?,
            account: row.get(at + 3)?,
            userhost: row.get(at + 4)?,
            bot: row.get(at + 5)?,
        },
        kind: kind_from_sql(row.get(at + 6)?),
        body: row.get(at + 7)?,
        sent_at: time_from_sql(row.get(at + 8)?),
    })
}

/// Reads what a delivery of `message` was last sent as from the columns `rendered_kind, rendered_prefix,
/// rendered_body`, starting at column `at`.
pub(super) fn rendered_from_row(
    row: &Row<'_>,
    at: usize,
    message: &Message,
) -> rusqlite::Result<Option<RenderedMessage>> {
    let Some(kind) = row.get::<_, Option<i64>>(at)? else { return Ok(None) };
    let body: Option<String> = row.get(at + 2)?;
    Ok(Some(RenderedMessage {
        kind: kind_from_sql(kind),
        prefix: row.get(at + 1)?,
        body: body.unwrap_or_else(|| message.body.clone()),
    }))
}

pub(super) fn kind_to_sql(kind: MessageKind) -> i64 {
    match kind {
        MessageKind::Text => 0,
        MessageKind::Action => 1,
        MessageKind::Notice => 2,
    }
}

fn kind_from_sql(kind: i64) -> MessageKind {
    match kind {
        1 => MessageKind::Action,
        2 => MessageKind::Notice,
        _ => MessageKind::Text,
    }
}

/// Open states are below 3: the partial index `delivery_open` covers exactly those.
pub(super) fn state_to_sql(state: DeliveryState) -> i64 {
    match state {
        DeliveryState::Queued => 0,
        DeliveryState::InFlight => 1,
        DeliveryState::InDoubt => 2,
        DeliveryState::Delivered => 3,
        DeliveryState::Rejected => 4,
    }
}

pub(super) fn state_from_sql(state: i64) -> DeliveryState {
    match state {
        0 => DeliveryState::Queued,
        1 => DeliveryState::InFlight,
        2 => DeliveryState::InDoubt,
        3 => DeliveryState::Delivered,
        _ => DeliveryState::Rejected,
    }
}

pub(super) fn part_to_sql(part: MessagePart) -> i64 {
    match part {
        MessagePart::Whole => 0,
        MessagePart::Name => 1,
        MessagePart::Text => 2,
    }
}

pub(super) fn part_from_sql(part: i64) -> MessagePart {
    match part {
        1 => MessagePart::Name,
        2 => MessagePart::Text,
        _ => MessagePart::Whole,
    }
}

/// Neither a nick nor a user id contains a space.
pub(super) fn sender_to_sql(sender: &Sender) -> Option<String> {
    match sender {
        Sender::Bot => None,
        Sender::Relaymsg(nick) => Some(format!("relaymsg {nick}")),
        Sender::Puppet(account) => Some(format!("puppet {account}")),
        Sender::Account(user) => Some(format!("account {user}")),
    }
}

pub(super) fn sender_from_sql(sender: Option<String>) -> Sender {
    match sender.as_deref().and_then(|sender| sender.split_once(' ')) {
        Some(("relaymsg", nick)) => Sender::Relaymsg(nick.into()),
        Some(("puppet", account)) => Sender::Puppet(LetsChatUserId(account.into())),
        Some(("account", user)) => Sender::Account(LetsChatUserId(user.into())),
        _ => Sender::Bot,
    }
}

pub(super) fn account_kind_to_sql(kind: AccountKind) -> i64 {
    match kind {
        AccountKind::Made => 0,
        AccountKind::Written => 1,
        AccountKind::TakenOver => 2,
        AccountKind::Linked => 3,
    }
}

pub(super) fn account_kind_from_sql(kind: i64) -> AccountKind {
    match kind {
        0 => AccountKind::Made,
        1 => AccountKind::Written,
        2 => AccountKind::TakenOver,
        _ => AccountKind::Linked,
    }
}

pub(super) fn account_access_to_sql(access: AccountAccess) -> i64 {
    match access {
        AccountAccess::Planned => 0,
        AccountAccess::Usable => 1,
        AccountAccess::Lost => 2,
    }
}

pub(super) fn account_access_from_sql(access: i64) -> AccountAccess {
    match access {
        0 => AccountAccess::Planned,
        1 => AccountAccess::Usable,
        _ => AccountAccess::Lost,
    }
}

pub(super) fn phase_to_sql(phase: LinkPhase) -> i64 {
    match phase {
        LinkPhase::Together => 0,
        LinkPhase::Moving => 1,
        LinkPhase::IrcReadOnly => 2,
        LinkPhase::Closed => 3,
    }
}

pub(super) fn phase_from_sql(phase: i64) -> LinkPhase {
    match phase {
        0 => LinkPhase::Together,
        1 => LinkPhase::Moving,
        2 => LinkPhase::IrcReadOnly,
        _ => LinkPhase::Closed,
    }
}

pub(super) fn moderation_to_sql(moderation: ChannelModeration) -> i64 {
    match moderation {
        ChannelModeration::None => 0,
        ChannelModeration::Asked => 1,
        ChannelModeration::Set => 2,
        ChannelModeration::LeftToOperators => 3,
    }
}

pub(super) fn moderation_from_sql(moderation: i64) -> ChannelModeration {
    match moderation {
        0 => ChannelModeration::None,
        1 => ChannelModeration::Asked,
        2 => ChannelModeration::Set,
        _ => ChannelModeration::LeftToOperators,
    }
}

pub(super) fn target_to_sql(target: LinkTarget) -> Vec<u8> {
    match target {
        LinkTarget::File(id) => [b"f", &id.0.0[..]].concat(),
        LinkTarget::Paste(PasteId { sent_at_ms: sent_at, digest }) => {
            [b"p", &sent_at.to_be_bytes()[..], &digest[..]].concat()
        }
    }
}

/// An invalid time, which only another program can have written, becomes the epoch.
pub(super) fn time_from_sql(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(milliseconds).unwrap_or_default()
}

pub(super) fn fold_nick(nick: &str) -> String {
    Casemapping::default().fold(nick)
}
