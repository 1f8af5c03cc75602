//! The bot says once in a room what it is: where people of IRC have accounts, its own posts no longer show that.

use super::post_notice;
use crate::bridge::context::Ctx;
use crate::domain::EndpointId;
use crate::store::StoreError;

/// Says in a room that was just joined what the bot is, unless it has before.
///
/// # Errors
/// When the store cannot be read or written.
pub(in crate::bridge) fn introduce(
    endpoint: EndpointId,
    ctx: &mut Ctx<'_>,
) -> Result<(), StoreError> {
    if !ctx.policy.announce || ctx.store.is_introduced(endpoint)? {
        return Ok(());
    }
    let accounts = &ctx.senders.accounts;
    let mut channels = ctx.endpoints.mirrors(endpoint);
    channels
        .retain(|id| ctx.links.is_carried(*id, endpoint) && ctx.links.is_carried(endpoint, *id));
    channels
        .retain(|id| ctx.endpoints.channel(*id).is_some() && accounts.uses_accounts(*id, endpoint));
    let Some(bot) = ctx.peers.letschat_account.as_ref().filter(|_| !channels.is_empty()) else {
        return Ok(());
    };
    let names: Vec<String> = channels.iter().map(|id| ctx.endpoints.display_name(*id)).collect();
    let text = format!(
        "bridge to IRC: what is written here also appears in {}, and the other way round. People \
         from IRC have accounts here, which post for them. @{} who lists who is there",
        names.join(", "),
        bot.username
    );
    ctx.store.set_introduced(endpoint)?;
    post_notice(endpoint, &[endpoint], text, ctx)
}
