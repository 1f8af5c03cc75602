//! Recognises lines of our own puppets.

use crate::bridge::context::Ctx;
use crate::domain::{EndpointId, Network};
use crate::protocol::irc::IncomingMessage;
use crate::store::{Cursor, StoreError};

/// Handles a line under the nick of a puppet. Returns whether it was one.
pub(in crate::bridge) fn ingest_puppet_echo(
    network: &Network,
    endpoint: EndpointId,
    message: &IncomingMessage,
    ctx: &mut Ctx<'_>,
) -> Result<bool, StoreError> {
    let Some(puppets) = ctx.senders.get_puppets(network) else { return Ok(false) };
    let account = puppets.echo_owner(&message.author.name, endpoint, ctx.now).cloned();
    let Some(account) = account else { return Ok(false) };
    puppets.record_echo(endpoint, &account, message);
    let cursor = Cursor {
        time: message.message_ref.time.unwrap_or(ctx.now),
        last_line: Some(message.message_ref.msgid.clone()),
    };
    ctx.store.advance_channel_cursor(endpoint, &cursor, ctx.now)?;
    Ok(true)
}
