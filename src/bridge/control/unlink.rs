//! Ends links between people of IRC and their own accounts, and the logins of puppets, because an administrator asks.

use crate::bridge::context::Ctx;
use crate::bridge::control_io::{ControlError, ControlReply, EndedLink, UnlinkWho};
use crate::bridge::linking;
use crate::bridge::puppet_login::PuppetLoginRequests;
use crate::store::StoreError;

/// Ends what is asked for.
///
/// # Errors
/// When the store cannot be read or written.
pub(super) fn unlink(
    who: UnlinkWho,
    puppet_logins: &mut PuppetLoginRequests,
    ctx: &mut Ctx<'_>,
) -> Result<Result<ControlReply, ControlError>, StoreError> {
    let (people, users) = match &who {
        UnlinkWho::Nick(nick) => {
            let people = ctx.senders.accounts.people.with_nick(nick);
            if people.is_empty() {
                return Ok(Err(ControlError::UnknownNick(nick.clone())));
            }
            (people, Vec::new())
        }
        UnlinkWho::PuppetsOf(user) => {
            let users = ctx.senders.puppet_logins.named(user);
            if users.is_empty() {
                return Ok(Err(ControlError::NoPuppetLogin(user.clone())));
            }
            (Vec::new(), users)
        }
        UnlinkWho::Everybody => (
            ctx.senders.accounts.linked().map(|account| account.person).collect(),
            ctx.senders.puppet_logins.all(),
        ),
    };
    let ended = linking::end_links(people, ctx)?.into_iter();
    let mut ended: Vec<EndedLink> =
        ended.map(|(nick, username)| EndedLink::Account { nick, username }).collect();
    let mut names = Vec::new();
    for (network, user) in users {
        names.extend(puppet_logins.end(&network, &user, ctx)?);
    }
    names.sort();
    names.dedup();
    ended.extend(names.into_iter().map(|username| EndedLink::PuppetLogins { username }));
    Ok(Ok(ControlReply::Unlinked(ended)))
}
