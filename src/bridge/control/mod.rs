//! Does what an administrator asks: reports, pauses and resumes links, and shows and changes what waits on them.
//!
//! A request is an event like others: what it changes is committed with the turn, and only then answered.

pub(super) mod pause;
mod queue;
mod report;
mod unlink;

use super::canary::Canary;
use super::catch_up;
use super::context::Ctx;
use super::control_io::{CatchUpRequest, ControlError, ControlReply, ControlRequest, LinkChange};
use super::event::Command;
use super::links::LinkIndex;
use super::puppet_login::PuppetLoginRequests;
use crate::domain::LinkName;
use crate::store::StoreError;

pub(super) use report::observe;

/// How many links an error lists.
const MAX_LISTED_LINKS: usize = 10;

/// Does what is asked, and answers.
///
/// # Errors
/// When the store cannot be read or written.
pub(super) fn on_request(
    number: u64,
    request: ControlRequest,
    (puppet_logins, canary): (&mut PuppetLoginRequests, &Canary),
    ctx: &mut Ctx<'_>,
) -> Result<(), StoreError> {
    let answer = match request {
        ControlRequest::Unlink(who) => unlink::unlink(who, puppet_logins, ctx)?,
        request => answer(request, canary, ctx)?,
    };
    ctx.commands.push(Command::ControlReply(number, answer));
    Ok(())
}

fn answer(
    request: ControlRequest,
    canary: &Canary,
    ctx: &mut Ctx<'_>,
) -> Result<Result<ControlReply, ControlError>, StoreError> {
    let name = match &request {
        ControlRequest::Report => {
            return Ok(Ok(ControlReply::Report(Box::new(report::report(canary, ctx)?))));
        }
        ControlRequest::Pause(link)
        | ControlRequest::Resume(link)
        | ControlRequest::ListQueue(link, _)
        | ControlRequest::Retry(link)
        | ControlRequest::Drop(link, _)
        | ControlRequest::CatchUp(CatchUpRequest { link, .. }) => link,
        ControlRequest::Unlink(_) => return Ok(Err(ControlError::Stopping)),
    };
    let link = match find_link(name, ctx) {
        Ok(link) => link,
        Err(error) => return Ok(Err(error)),
    };
    let is_new = match request {
        ControlRequest::CatchUp(request) => {
            return Ok(catch_up::ask(link, &request, ctx)?.map(ControlReply::CatchUp));
        }
        ControlRequest::Pause(_) => pause::pause(link, ctx)?,
        ControlRequest::Resume(_) => pause::resume(link, ctx)?,
        ControlRequest::Retry(_) => queue::retry(link, ctx),
        ControlRequest::Drop(_, id) => return queue::drop_delivery(link, id, ctx),
        ControlRequest::ListQueue(_, limit) => return queue::list(link, limit, ctx),
        ControlRequest::Report | ControlRequest::Unlink(_) => false,
    };
    let link = ctx.links.get(link).map(|link| link.id.clone());
    let change = link.map(|link| ControlReply::Changed(LinkChange { link, is_new }));
    Ok(change.ok_or(ControlError::Stopping))
}

/// The link with this name.
fn find_link(name: &LinkName, ctx: &Ctx<'_>) -> Result<LinkIndex, ControlError> {
    let named = ctx.links.named(name);
    let (name, ids) = (name.clone(), |links: &mut dyn Iterator<Item = LinkIndex>| {
        let links = links.filter_map(|link| Some(ctx.links.get(link)?.id.clone()));
        links.take(MAX_LISTED_LINKS).collect()
    });
    match *named {
        [link] => Ok(link),
        [] => {
            let links = ids(&mut (0..ctx.links.iter().count()));
            Err(ControlError::UnknownLink { name, links })
        }
        _ => Err(ControlError::AmbiguousLink { name, links: ids(&mut named.into_iter()) }),
    }
}
