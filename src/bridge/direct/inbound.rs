//! Handles incoming direct messages: who the sender is, and for whom the message is.

use super::lookup::UserMatch;
use super::rate_limit::RateDecision;
use super::threads::{Correspondent, DmTarget};
use super::{DM_INTERVAL, replies};
use crate::bridge::{Bridge, Command, Ctx, EndpointState, Peer};
use crate::domain::{Author, EndpointId, LetsChatUserId, MessageKind, Network, UserRef};
use crate::protocol::irc;
use crate::protocol::irc::IncomingMessage;
use crate::protocol::letschat::{self, DirectMessage};
use crate::store::StoreError;
use crate::translate::DmAddress;

/// The shared rate limit of users who are in none of our endpoints.
const UNKNOWN_USERS: EndpointId = EndpointId(0);

/// The start of a message encrypted with OTR, or of a request for that.
const OTR_PREFIX: &str = "?OTR";

/// Maximum number of users listed.
const MAX_NAMES: usize = 30;

/// The sender of a direct message.
#[derive(Debug)]
pub(super) struct DmSender {
    pub(super) user: UserRef,
    pub(super) endpoint: EndpointId,
    pub(super) author: Author,
}

/// A direct message received.
#[derive(Debug, Clone, Copy)]
pub(super) struct DmText<'t> {
    pub(super) kind: MessageKind,
    pub(super) body: &'t str,
    /// Its id on the network.
    pub(super) remote_id: Option<&'t str>,
}

impl Bridge {
    /// A direct message to the bot on IRC.
    pub(in crate::bridge) fn on_irc_dm(
        &mut self,
        network: &Network,
        message: &IncomingMessage,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let Some(sender) = self.resolve_dm_sender(network, message, ctx)? else { return Ok(()) };
        let remote_id = message.message_ref.msgid.as_deref();
        self.handle_dm(&sender, DmText { kind: message.kind, body: &message.text, remote_id }, ctx)
    }

    /// The sender of this message; `None` if they cannot use direct messages. Users in none of our channels
    /// are notified.
    fn resolve_dm_sender(
        &mut self,
        network: &Network,
        message: &IncomingMessage,
        ctx: &mut Ctx<'_>,
    ) -> Result<Option<DmSender>, StoreError> {
        let nick = message.author.name.as_str();
        if !self.direct.is_enabled_on(network)
            || message.author.bot
            || self.senders.is_puppet_nick(network, nick)
        {
            return Ok(None);
        }
        let found = self.find_by_nick(network, nick);
        if !self.admit(Some(network), found.as_ref().map(|it| &it.user), ctx) {
            return Ok(None);
        }
        let Some(UserMatch { user, .. }) = found else {
            if self.direct.reply_limiter.take(UNKNOWN_USERS, ctx.now) == RateDecision::Allow {
                let (nick, text) = (nick.to_owned(), replies::NOT_IN_A_CHANNEL.to_owned());
                let command = irc::IrcCommand::SendNotice { nick, text };
                ctx.commands.push(Command::Irc(network.clone(), command));
            }
            return Ok(None);
        };
        let endpoint = self.user_endpoint_id(&user, nick, ctx)?;
        Ok(Some(DmSender { user, endpoint, author: message.author.clone() }))
    }

    /// Whether messages from `network`, or from Let's Chat, are processed now. This bounds the total work; a
    /// single user over the limit does not affect others.
    fn admit(&mut self, network: Option<&Network>, user: Option<&UserRef>, ctx: &Ctx<'_>) -> bool {
        let endpoint = user.and_then(|user| self.direct.endpoints_by_user.endpoint(user));
        if endpoint.is_some_and(|endpoint| self.direct.dm_limiter.is_told(endpoint, ctx.now)) {
            return false;
        }
        let peer = network.map_or(Peer::LetsChat, |network| Peer::Irc(network.clone()));
        let crowd = self.direct.crowd(network);
        let mut may = self.direct.crowds.take(crowd, ctx.now);
        if may == RateDecision::Allow && user.is_some() && endpoint.is_none() {
            may = self.direct.newcomers.take(crowd, ctx.now);
        }
        if may == RateDecision::DenyAndNotify {
            tracing::warn!(%peer, "too many private messages; ignoring them for a while");
        }
        may == RateDecision::Allow
    }

    /// Whether the sender is within their rate limit; notifies them once if not.
    fn check_dm_rate(&mut self, sender: &DmSender, ctx: &mut Ctx<'_>) -> bool {
        let may = self.direct.dm_limiter.take(sender.endpoint, ctx.now);
        if may == RateDecision::DenyAndNotify {
            self.notify_user(&sender.user, &replies::rate_limited_text(DM_INTERVAL), ctx);
        }
        may == RateDecision::Allow
    }

    /// A direct message on IRC to the puppet of this user, who is the recipient.
    pub(in crate::bridge) fn on_puppet_dm(
        &mut self,
        network: &Network,
        account: &LetsChatUserId,
        message: &IncomingMessage,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let Some(sender) = self.resolve_dm_sender(network, message, ctx)? else { return Ok(()) };
        if !self.check_dm_rate(&sender, ctx) {
            return Ok(());
        }
        let user = UserRef::LetsChat(account.clone());
        let name = self.username_in_rooms(&account.0).unwrap_or("somebody").to_owned();
        let recipient = UserMatch { user, name };
        let remote_id = message.message_ref.msgid.as_deref();
        let text = DmText { kind: message.kind, body: &message.text, remote_id };
        self.ingest_dm(&sender, &recipient, text, ctx).map(drop)
    }

    /// A direct message on Let's Chat to or from the bot.
    pub(in crate::bridge) fn on_letschat_dm(
        &mut self,
        message: &DirectMessage,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let ours =
            self.letschat_account.as_ref().is_none_or(|account| account.id == message.author_id);
        if ours {
            return Ok(());
        }
        if self.direct.networks.is_empty() {
            self.whispered_in_vain(message, ctx);
            return Ok(());
        }
        let user = UserRef::LetsChat(LetsChatUserId(message.author_id.as_str().into()));
        let Some(name) = self.username_in_rooms(&message.author_id) else {
            tracing::debug!(
                user = message.author_id,
                "private message ignored: its author is in no linked room"
            );
            return Ok(());
        };
        let name = name.to_owned();
        if !self.admit(None, Some(&user), ctx) {
            return Ok(());
        }
        let endpoint = self.user_endpoint_id(&user, &name, ctx)?;
        let author = Author { account: Some(message.author_id.clone()), ..Author::named(&name) };
        let sender = DmSender { user, endpoint, author };
        let Some(id) = message.id.filter(|_| !message.text.starts_with(OTR_PREFIX)) else {
            let text = "not sent: encrypted messages cannot be bridged";
            self.reply_to_user((&sender.user, endpoint), text, ctx);
            return Ok(());
        };
        let text = DmText {
            kind: MessageKind::Text,
            body: &message.text,
            remote_id: Some(&id.to_string()),
        };
        self.handle_dm(&sender, text, ctx)
    }

    /// A direct message on Let's Chat while direct messages are disabled. Notices of other bridges get no
    /// reply.
    fn whispered_in_vain(&mut self, message: &DirectMessage, ctx: &mut Ctx<'_>) {
        let answerable = !message.text.starts_with(replies::BRIDGE_PREFIX.trim_end());
        if answerable
            && self.direct.reply_limiter.take(UNKNOWN_USERS, ctx.now) == RateDecision::Allow
        {
            let ours = self.own_name_for(&UserRef::LetsChat(LetsChatUserId(
                message.author_id.as_str().into(),
            )));
            let text = format!("{}{}", replies::BRIDGE_PREFIX, replies::in_vain(&ours));
            let user = message.author_id.clone();
            ctx.commands.push(Command::LetsChat(letschat::LetsChatCommand::SendDirectNotice {
                user,
                text,
            }));
        }
    }

    /// The name of this user, if seen in one of our rooms.
    fn username_in_rooms(&self, account: &str) -> Option<&str> {
        self.endpoints.values().find_map(|state| state.room_members.username_of(account))
    }

    /// The endpoint id of this user, currently called `name`.
    pub(super) fn user_endpoint_id(
        &mut self,
        user: &UserRef,
        name: &str,
        ctx: &mut Ctx<'_>,
    ) -> Result<EndpointId, StoreError> {
        let endpoint = match self.direct.endpoints_by_user.endpoint(user) {
            Some(endpoint) => endpoint,
            None => ctx.store.user_endpoint_id(user)?,
        };
        self.direct.endpoints_by_user.touch(user, endpoint, name);
        let lanes = &self.direct.recipients;
        if let Some((endpoint, name)) = self
            .direct
            .endpoints_by_user
            .too_many(user, |it| it == endpoint || lanes.contains_key(&it))
        {
            self.direct.endpoints_by_user.forget(endpoint);
            self.direct.threads.remove_user(endpoint, &name);
        }
        Ok(endpoint)
    }

    fn handle_dm(
        &mut self,
        sender: &DmSender,
        text: DmText<'_>,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let endpoint = sender.endpoint;
        if text.remote_id.map_or(Ok(false), |remote_id| ctx.store.contains(endpoint, remote_id))? {
            return Ok(());
        }
        let body = text.body.to_owned();
        let ours = self.own_name_for(&sender.user);
        let addressed = match text.kind {
            MessageKind::Text => DmAddress::parse(&body, &ours),
            MessageKind::Action | MessageKind::Notice => DmAddress::Implicit,
        };
        if !self.check_dm_rate(sender, ctx) {
            // What follows must not reach somebody whom this message was not for.
            if let DmAddress::To { name, .. } | DmAddress::MaybeTo { name, .. } = addressed {
                self.set_unreachable_correspondent(endpoint, name, ctx);
            }
            return Ok(());
        }
        match addressed {
            DmAddress::Help => {
                self.reply_to_sender(sender, &replies::help_text(&sender.user), ctx);
            }
            DmAddress::Who => {
                let text = self.reachable_users_text(&sender.user);
                self.reply_to_sender(sender, &text, ctx);
            }
            DmAddress::To { name, text: said } if name.is_empty() || said.is_empty() => {
                self.set_unreachable_correspondent(endpoint, name, ctx);
                self.reply_to_sender(
                    sender,
                    &format!("usage: {}", replies::usage(&sender.user)),
                    ctx,
                );
            }
            DmAddress::To { name, text: said } => {
                let found = self.find_by_name(&sender.user, name);
                let text = DmText { body: said, ..text };
                return self.handle_addressed_dm(sender, name, found, text, ctx);
            }
            DmAddress::MaybeTo { name, text: said } => {
                let found = self.find_by_name(&sender.user, name);
                if found.is_empty() && !self.is_known_name(name) {
                    return self.handle_implicit_dm(sender, text, ctx);
                }
                let text = DmText { body: said, ..text };
                return self.handle_addressed_dm(sender, name, found, text, ctx);
            }
            DmAddress::Implicit => return self.handle_implicit_dm(sender, text, ctx),
        }
        Ok(())
    }

    /// Handles a message to the user called `name`, with these matches.
    fn handle_addressed_dm(
        &mut self,
        sender: &DmSender,
        name: &str,
        mut found: Vec<UserMatch>,
        text: DmText<'_>,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        match found.len() {
            0 => {
                self.set_unreachable_correspondent(sender.endpoint, name, ctx);
                let reason = self.unknown_recipient_text(&sender.user, name);
                self.reply_to_sender(sender, &reason, ctx);
                Ok(())
            }
            1 => self.ingest_dm(sender, &found.remove(0), text, ctx).map(drop),
            _ => {
                self.set_unreachable_correspondent(sender.endpoint, name, ctx);
                let names: Vec<String> = found.iter().map(qualified_name).collect();
                self.reply_to_sender(
                    sender,
                    &replies::ambiguous_recipient_text(&sender.user, &names),
                    ctx,
                );
                Ok(())
            }
        }
    }

    /// Handles a message without a name: it is for the sender's current correspondent.
    fn handle_implicit_dm(
        &mut self,
        sender: &DmSender,
        text: DmText<'_>,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let correspondent = match self.direct.threads.target(sender.endpoint, ctx.now) {
            DmTarget::One(Correspondent::Known(correspondent)) => correspondent,
            DmTarget::One(Correspondent::Gone(name)) => {
                let how = replies::usage(&sender.user);
                let reason = format!(
                    "not sent: it is no longer clear that this is for {name}; to write to \
                     someone, use {how}"
                );
                self.reply_to_sender(sender, &reason, ctx);
                return Ok(());
            }
            DmTarget::Nobody => {
                self.reply_to_sender(sender, &replies::help_text(&sender.user), ctx);
                return Ok(());
            }
            DmTarget::Ambiguous(correspondents) => {
                let name = |correspondent: &Correspondent| match correspondent {
                    Correspondent::Known(endpoint) => self.direct.name_of(*endpoint).to_owned(),
                    Correspondent::Gone(name) => name.clone(),
                };
                let names: Vec<String> = correspondents.iter().map(name).collect();
                self.reply_to_sender(
                    sender,
                    &replies::ambiguous_recipient_text(&sender.user, &names),
                    ctx,
                );
                return Ok(());
            }
        };
        let user = match self.direct.endpoints_by_user.user(correspondent) {
            Some(user) => Some(user.clone()),
            None => ctx.store.user_of_endpoint(correspondent)?,
        };
        let found = user.and_then(|user| {
            let last = self.direct.name_of(correspondent);
            let others = self.reachable_users(&sender.user).into_iter();
            // Of several nicks of that user, prefer the one they last used.
            others.filter(|it| it.user == user).min_by_key(|it| it.name != last)
        });
        let Some(found) = found else {
            let reason =
                self.unknown_recipient_text(&sender.user, self.direct.name_of(correspondent));
            self.reply_to_sender(sender, &reason, ctx);
            return Ok(());
        };
        let name = found.name.clone();
        if self.ingest_dm(sender, &found, text, ctx)?
            && self.direct.threads.confirm_target(sender.endpoint, correspondent, ctx.now)
        {
            let text = format!(
                "sent to {name}; to write to someone else: {}",
                replies::usage(&sender.user)
            );
            self.reply_to_sender(sender, &text, ctx);
        }
        Ok(())
    }

    /// Further messages from `endpoint` without a name are for `name`, who was not reached, and for nobody
    /// else.
    pub(super) fn set_unreachable_correspondent(
        &mut self,
        endpoint: EndpointId,
        name: &str,
        ctx: &Ctx<'_>,
    ) {
        self.direct.threads.set_current(endpoint, Correspondent::Gone(name.to_owned()), ctx.now);
    }

    pub(super) fn reply_to_sender(&mut self, sender: &DmSender, text: &str, ctx: &mut Ctx<'_>) {
        self.reply_to_user((&sender.user, sender.endpoint), text, ctx);
    }

    /// Why there is no user `name` on the other side of the sender.
    fn unknown_recipient_text(&self, sender: &UserRef, name: &str) -> String {
        let there = match sender {
            UserRef::LetsChat(_) => "in the channels linked with your rooms",
            UserRef::Account(..) | UserRef::Nick(..) => "in the rooms linked with your channels",
        };
        let away = self.is_cut_off(sender);
        if away {
            return format!("not sent: the other side is unreachable, so is {name}");
        }
        format!("not sent: no one is called {name} {there}; !who lists the people there")
    }

    /// Whether none of the endpoints on the other side is connected.
    fn is_cut_off(&self, sender: &UserRef) -> bool {
        let endpoints = self.endpoints_of(sender);
        let mirrors = endpoints
            .iter()
            .filter_map(|it| self.endpoints.get(it))
            .flat_map(|it| it.mirrors.iter());
        let across = |state: &&EndpointState| {
            state.endpoint.network().is_some() == sender.network().is_none()
        };
        !mirrors.filter_map(|it| self.endpoints.get(it)).filter(across).any(|it| it.queue.is_open())
    }

    /// Whether a user known to the bridge has this name.
    fn is_known_name(&self, name: &str) -> bool {
        let same = |known: &str| known.to_lowercase() == name.to_lowercase();
        self.direct.endpoints_by_user.names().any(same)
            || self.endpoints.values().any(|state| state.room_members.find_username(name).is_some())
    }

    /// The name of our own user, or our nick, as seen by this user.
    fn own_name_for(&self, user: &UserRef) -> String {
        let account = self.letschat_account.as_ref().filter(|_| user.network().is_none());
        account.map_or_else(|| "bridge".to_owned(), |account| account.username.clone())
    }

    fn reachable_users_text(&self, sender: &UserRef) -> String {
        let others = self.reachable_users(sender);
        let several = self.direct.networks.len() > 1;
        let shown =
            |found: &UserMatch| if several { qualified_name(found) } else { found.name.clone() };
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

/// `office/ann`, `bob`.
fn qualified_name(found: &UserMatch) -> String {
    match found.user.network() {
        Some(network) => format!("{network}/{}", found.name),
        None => found.name.clone(),
    }
}
