//! Receives direct messages: who the sender is, and whether they may write now.

use super::lookup::{UserMatch, find_by_nick};
use super::{DM_INTERVAL, DirectMessages, replies};
use crate::bridge::context::Ctx;
use crate::bridge::event::{Command, Peer};
use crate::bridge::notices::notify_nick;
use crate::bridge::rate_limit::RateDecision;
use crate::domain::{Author, EndpointId, LetsChatUserId, MessageKind, Network, UserRef};
use crate::protocol::irc::IncomingMessage;
use crate::protocol::letschat::{self, DirectMessage};
use crate::store::StoreError;

/// The shared rate limit of users who are in none of our endpoints.
const UNKNOWN_USERS: EndpointId = EndpointId(0);

/// The start of a message encrypted with OTR, or of a request for that.
const OTR_PREFIX: &str = "?OTR";

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

impl DirectMessages {
    /// A direct message to the bot on IRC.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub(in crate::bridge) fn on_irc_message(
        &mut self,
        network: &Network,
        message: &IncomingMessage,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let Some(sender) = self.resolve_sender(network, message, ctx)? else { return Ok(()) };
        self.route(&sender, irc_text(message), ctx)
    }

    /// A direct message on IRC to the puppet of this user, who is the recipient.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub(in crate::bridge) fn on_puppet_message(
        &mut self,
        network: &Network,
        user: &LetsChatUserId,
        message: &IncomingMessage,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let Some(sender) = self.resolve_sender(network, message, ctx)? else { return Ok(()) };
        if !self.check_rate(&sender, ctx) {
            return Ok(());
        }
        let name = username_in_rooms(&user.0, ctx).unwrap_or("somebody").to_owned();
        let recipient = UserMatch { user: UserRef::LetsChat(user.clone()), name };
        self.ingest(&sender, &recipient, irc_text(message), ctx).map(drop)
    }

    /// A direct message on Let's Chat to or from the bot.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub(in crate::bridge) fn on_letschat_message(
        &mut self,
        message: &DirectMessage,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let account = ctx.peers.letschat_account.as_ref();
        if account.is_none_or(|account| account.id == message.author_id) {
            return Ok(());
        }
        if !self.is_enabled() {
            self.reply_dms_disabled(message, ctx);
            return Ok(());
        }
        let user = UserRef::LetsChat(LetsChatUserId(message.author_id.as_str().into()));
        let Some(name) = username_in_rooms(&message.author_id, ctx) else {
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
            self.reply_to_sender(&sender, text, ctx);
            return Ok(());
        };
        let remote_id = Some(&*id.to_string());
        let text = DmText { kind: MessageKind::Text, body: &message.text, remote_id };
        self.route(&sender, text, ctx)
    }

    /// The sender of this message; `None` if they cannot use direct messages. Users in none of our channels
    /// are notified.
    fn resolve_sender(
        &mut self,
        network: &Network,
        message: &IncomingMessage,
        ctx: &mut Ctx<'_>,
    ) -> Result<Option<DmSender>, StoreError> {
        let nick = message.author.name.as_str();
        if !self.is_enabled_on(network)
            || message.author.bot
            || ctx.senders.is_puppet_nick(network, nick)
        {
            return Ok(None);
        }
        let found = find_by_nick(network, nick, ctx.endpoints);
        if !self.admit(Some(network), found.as_ref().map(|it| &it.user), ctx) {
            return Ok(None);
        }
        let Some(UserMatch { user, .. }) = found else {
            if self.reply_limiter.take(UNKNOWN_USERS, ctx.now) == RateDecision::Allow {
                notify_nick(network, nick, replies::NOT_IN_A_CHANNEL, ctx);
            }
            return Ok(None);
        };
        let endpoint = self.user_endpoint_id(&user, nick, ctx)?;
        Ok(Some(DmSender { user, endpoint, author: message.author.clone() }))
    }

    /// Whether messages from `network`, or from Let's Chat, are processed now; uses up what is allowed. This
    /// bounds the total work; a single user over the limit does not affect others.
    fn admit(&mut self, network: Option<&Network>, user: Option<&UserRef>, ctx: &Ctx<'_>) -> bool {
        let endpoint = user.and_then(|user| self.known_users.endpoint(user));
        if endpoint.is_some_and(|endpoint| self.message_limiter.was_notified(endpoint, ctx.now)) {
            return false;
        }
        let side = self.side_id(network);
        let mut decision = self.side_limiter.take(side, ctx.now);
        if decision == RateDecision::Allow && user.is_some() && endpoint.is_none() {
            decision = self.newcomer_limiter.take(side, ctx.now);
        }
        if decision == RateDecision::DenyAndNotify {
            let peer = Peer::of(network);
            tracing::warn!(%peer, "too many private messages; ignoring them for a while");
        }
        decision == RateDecision::Allow
    }

    /// Whether the sender is within their rate limit; notifies them once if not.
    pub(super) fn check_rate(&mut self, sender: &DmSender, ctx: &mut Ctx<'_>) -> bool {
        let decision = self.message_limiter.take(sender.endpoint, ctx.now);
        if decision == RateDecision::DenyAndNotify {
            self.notify_user(&sender.user, &replies::rate_limited_text(DM_INTERVAL), ctx);
        }
        decision == RateDecision::Allow
    }

    /// Replies to a direct message on Let's Chat while they are disabled. Notices of other bridges get no
    /// reply.
    fn reply_dms_disabled(&mut self, message: &DirectMessage, ctx: &mut Ctx<'_>) {
        let is_answerable = !message.text.starts_with(replies::BRIDGE_PREFIX.trim_end());
        if is_answerable && self.reply_limiter.take(UNKNOWN_USERS, ctx.now) == RateDecision::Allow {
            let user = message.author_id.clone();
            let own_name =
                own_name_for(&UserRef::LetsChat(LetsChatUserId(user.as_str().into())), ctx);
            let reply = replies::dms_disabled_text(&own_name);
            let text = format!("{}{reply}", replies::BRIDGE_PREFIX);
            let command = letschat::LetsChatCommand::SendDirectNotice { user, text };
            ctx.commands.push(Command::LetsChat(command));
        }
    }

    /// The endpoint id of this user, currently called `name`.
    pub(super) fn user_endpoint_id(
        &mut self,
        user: &UserRef,
        name: &str,
        ctx: &mut Ctx<'_>,
    ) -> Result<EndpointId, StoreError> {
        let endpoint = match self.known_users.endpoint(user) {
            Some(endpoint) => endpoint,
            None => ctx.store.user_endpoint_id(user)?,
        };
        self.known_users.touch(user, endpoint, name);
        let is_needed = |it| it == endpoint || ctx.endpoints.user(it).is_some();
        if let Some((endpoint, name)) = self.known_users.too_many(user, is_needed) {
            self.known_users.forget(endpoint);
            self.threads.remove_user(endpoint, &name);
        }
        Ok(endpoint)
    }
}

fn irc_text(message: &IncomingMessage) -> DmText<'_> {
    let remote_id = message.message_ref.msgid.as_deref();
    DmText { kind: message.kind, body: &message.text, remote_id }
}

/// The name of this user, if seen in one of our rooms.
fn username_in_rooms<'c>(user: &str, ctx: &'c Ctx<'_>) -> Option<&'c str> {
    ctx.endpoints.rooms().find_map(|(_, room)| room.members.username_of(user))
}

/// The name of our own user, or our nick, as seen by this user.
pub(super) fn own_name_for(user: &UserRef, ctx: &Ctx<'_>) -> String {
    let account = ctx.peers.letschat_account.as_ref().filter(|_| user.network().is_none());
    account.map_or_else(|| "bridge".to_owned(), |account| account.username.clone())
}
