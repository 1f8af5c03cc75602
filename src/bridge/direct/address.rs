//! Determines the recipient of a direct message: by the name in it, or by the sender's last conversation.

use super::inbound::{DmSender, DmText, own_name_for};
use super::lookup::{UserMatch, endpoints_of};
use super::threads::{Correspondent, DmTarget};
use super::{DirectMessages, replies};
use crate::bridge::context::Ctx;
use crate::bridge::endpoints::EndpointState;
use crate::domain::{EndpointId, MessageKind, UserRef};
use crate::store::StoreError;
use crate::translate::DmAddress;

/// Maximum number of users listed.
const MAX_NAMES: usize = 30;

impl DirectMessages {
    /// Sends a message to the user that it is for, or tells the sender why not.
    pub(super) fn route(
        &mut self,
        sender: &DmSender,
        text: DmText<'_>,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let endpoint = sender.endpoint;
        if text.remote_id.map_or(Ok(false), |remote_id| ctx.store.contains(endpoint, remote_id))? {
            return Ok(());
        }
        let own_name = own_name_for(&sender.user, ctx);
        let address = match text.kind {
            MessageKind::Text => DmAddress::parse(text.body, &own_name),
            MessageKind::Action | MessageKind::Notice => DmAddress::Implicit,
        };
        if !self.check_rate(sender, ctx) {
            // The next message must not reach somebody else than this one was for.
            if let DmAddress::To { name, .. } | DmAddress::MaybeTo { name, .. } = address {
                self.set_unreachable_correspondent(endpoint, name, ctx);
            }
            return Ok(());
        }
        match address {
            DmAddress::Help => {
                self.reply_to_sender(sender, &replies::help_text(&sender.user), ctx);
            }
            DmAddress::Who => {
                let text = self.reachable_users_text(&sender.user, ctx);
                self.reply_to_sender(sender, &text, ctx);
            }
            DmAddress::To { name, text: body } if name.is_empty() || body.is_empty() => {
                self.set_unreachable_correspondent(endpoint, name, ctx);
                let usage = format!("usage: {}", replies::usage(&sender.user));
                self.reply_to_sender(sender, &usage, ctx);
            }
            DmAddress::To { name, text: body } => {
                let found = self.find_by_name(&sender.user, name, ctx);
                return self.send_to(sender, name, found, DmText { body, ..text }, ctx);
            }
            DmAddress::MaybeTo { name, text: body } => {
                let found = self.find_by_name(&sender.user, name, ctx);
                if found.is_empty() && !self.is_known_name(name, ctx) {
                    return self.send_to_correspondent(sender, text, ctx);
                }
                return self.send_to(sender, name, found, DmText { body, ..text }, ctx);
            }
            DmAddress::Implicit => return self.send_to_correspondent(sender, text, ctx),
        }
        Ok(())
    }

    /// Sends a message to the user called `name`, with these matches.
    fn send_to(
        &mut self,
        sender: &DmSender,
        name: &str,
        mut found: Vec<UserMatch>,
        text: DmText<'_>,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let reason = match found.len() {
            0 => unknown_recipient_text(&sender.user, name, ctx),
            1 => return self.ingest(sender, &found.remove(0), text, ctx).map(drop),
            _ => {
                let names: Vec<String> = found.iter().map(qualified_name).collect();
                replies::ambiguous_recipient_text(&sender.user, &names)
            }
        };
        self.set_unreachable_correspondent(sender.endpoint, name, ctx);
        self.reply_to_sender(sender, &reason, ctx);
        Ok(())
    }

    /// Sends a message without a name to the sender's current correspondent.
    fn send_to_correspondent(
        &mut self,
        sender: &DmSender,
        text: DmText<'_>,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let correspondent = match self.current_correspondent(sender, ctx) {
            Ok(correspondent) => correspondent,
            Err(reason) => {
                self.reply_to_sender(sender, &reason, ctx);
                return Ok(());
            }
        };
        let user = match self.known_users.user(correspondent) {
            Some(user) => Some(user.clone()),
            None => ctx.store.user_of_endpoint(correspondent)?,
        };
        let found = user.and_then(|user| {
            let last = self.name_of(correspondent);
            let others = self.reachable_users(&sender.user, ctx).into_iter();
            // Of several nicks of that user, prefer the one they last used.
            others.filter(|it| it.user == user).min_by_key(|it| it.name != last)
        });
        let Some(found) = found else {
            let reason = unknown_recipient_text(&sender.user, self.name_of(correspondent), ctx);
            self.reply_to_sender(sender, &reason, ctx);
            return Ok(());
        };
        if self.ingest(sender, &found, text, ctx)?
            && self.threads.confirm_target(sender.endpoint, correspondent, ctx.now)
        {
            let usage = replies::usage(&sender.user);
            let text = format!("sent to {}; to write to someone else: {usage}", found.name);
            self.reply_to_sender(sender, &text, ctx);
        }
        Ok(())
    }

    /// The user that the sender means without a name.
    ///
    /// # Errors
    /// What to tell the sender if that is unclear.
    fn current_correspondent(
        &self,
        sender: &DmSender,
        ctx: &Ctx<'_>,
    ) -> Result<EndpointId, String> {
        let usage = replies::usage(&sender.user);
        match self.threads.target(sender.endpoint, ctx.now) {
            DmTarget::One(Correspondent::Known(correspondent)) => Ok(correspondent),
            DmTarget::One(Correspondent::Gone(name)) => Err(format!(
                "not sent: it is no longer clear that this is for {name}; to write to someone, \
                 use {usage}"
            )),
            DmTarget::Nobody => Err(replies::help_text(&sender.user)),
            DmTarget::Ambiguous(correspondents) => {
                let name = |correspondent: &Correspondent| match correspondent {
                    Correspondent::Known(endpoint) => self.name_of(*endpoint).to_owned(),
                    Correspondent::Gone(name) => name.clone(),
                };
                let names: Vec<String> = correspondents.iter().map(name).collect();
                Err(replies::ambiguous_recipient_text(&sender.user, &names))
            }
        }
    }

    /// Further messages from `endpoint` without a name are for `name`, who was not reached, and for nobody
    /// else.
    pub(super) fn set_unreachable_correspondent(
        &mut self,
        endpoint: EndpointId,
        name: &str,
        ctx: &Ctx<'_>,
    ) {
        self.threads.set_current(endpoint, Correspondent::Gone(name.to_owned()), ctx.now);
    }

    pub(super) fn reply_to_sender(&mut self, sender: &DmSender, text: &str, ctx: &mut Ctx<'_>) {
        self.reply_to_user((&sender.user, sender.endpoint), text, ctx);
    }

    /// Whether a user known to the bridge has this name.
    fn is_known_name(&self, name: &str, ctx: &Ctx<'_>) -> bool {
        let same = |known: &str| known.to_lowercase() == name.to_lowercase();
        self.known_users.names().any(same)
            || ctx.endpoints.rooms().any(|(_, room)| room.members.find_username(name).is_some())
    }

    fn reachable_users_text(&self, sender: &UserRef, ctx: &Ctx<'_>) -> String {
        let others = self.reachable_users(sender, ctx);
        let has_several = self.networks.len() > 1;
        let shown = |found: &UserMatch| {
            if has_several { qualified_name(found) } else { found.name.clone() }
        };
        let shown: Vec<String> = others.iter().take(MAX_NAMES).map(shown).collect();
        match others.len() {
            0 => "there is no one to write to".to_owned(),
            count if count > MAX_NAMES => {
                format!("you can write to {} and {} more", shown.join(", "), count - MAX_NAMES)
            }
            _ => format!("you can write to {}", shown.join(", ")),
        }
    }
}

/// Why there is no user `name` on the other side of the sender.
fn unknown_recipient_text(sender: &UserRef, name: &str, ctx: &Ctx<'_>) -> String {
    if is_cut_off(sender, ctx) {
        return format!("not sent: the other side is unreachable, so is {name}");
    }
    let there = match sender {
        UserRef::LetsChat(_) => "in the channels linked with your rooms",
        UserRef::Account(..) | UserRef::Nick(..) => "in the rooms linked with your channels",
    };
    format!("not sent: no one is called {name} {there}; !who lists the people there")
}

/// Whether none of the endpoints on the other side is connected.
fn is_cut_off(sender: &UserRef, ctx: &Ctx<'_>) -> bool {
    let endpoints = endpoints_of(sender, ctx.endpoints).into_iter();
    let mirrors = endpoints.flat_map(|endpoint| ctx.endpoints.mirrors(endpoint));
    let mut mirrors = mirrors.filter_map(|endpoint| ctx.endpoints.get(endpoint));
    let is_across = |state: &EndpointState| state.network().is_some() == sender.network().is_none();
    !mirrors.any(|state| is_across(state) && state.queue().is_open())
}

/// `office/ann`, `bob`.
fn qualified_name(found: &UserMatch) -> String {
    match found.user.network() {
        Some(network) => format!("{network}/{}", found.name),
        None => found.name.clone(),
    }
}
