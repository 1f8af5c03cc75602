//! Follows changes of users' identities and of the connections to both sides.

use std::sync::Arc;

use jiff::SignedDuration;

use super::lookup::{find_by_nick, user_ref};
use super::{DirectMessages, replies};
use crate::bridge::context::Ctx;
use crate::bridge::endpoints::EndpointState;
use crate::bridge::event::Peer;
use crate::domain::{Casemapping, EndpointId, IrcUser, Network, UserRef};
use crate::protocol::irc::{IrcEvent, MembershipEvent};
use crate::store::StoreError;

/// How often, at most, all recipients are checked because of NAMES lists.
const LIST_CHECK_INTERVAL: SignedDuration = SignedDuration::from_secs(1);

/// A change of users on a network that affects identities.
#[derive(Debug)]
pub(in crate::bridge) enum UserChange {
    /// A user's data changed.
    Replaced(Arc<IrcUser>, Arc<IrcUser>),
    /// More is known about these users; their nicks are unchanged.
    Updated(Vec<Arc<IrcUser>>),
    /// A user became visible.
    VisibilityChanged(Arc<IrcUser>),
    /// These users may no longer be visible.
    Missed(Vec<UserRef>),
    /// A channel was listed: these users may no longer be visible, and anybody in it may be.
    Listed(Vec<UserRef>),
}

impl DirectMessages {
    /// The identity change in an event, to be applied after the event itself.
    pub(in crate::bridge) fn user_change(
        &self,
        network: &Network,
        event: &IrcEvent,
        ctx: &Ctx<'_>,
    ) -> Option<UserChange> {
        if self.known_users.is_empty() {
            return None;
        }
        let event = match event {
            IrcEvent::Membership(event) => event,
            IrcEvent::NotJoined { endpoint, .. } => {
                return Some(UserChange::Missed(self.users_in(network, *endpoint, ctx)));
            }
            _ => return None,
        };
        match event {
            MembershipEvent::UserChanged { before, now, .. } => {
                Some(UserChange::Replaced(Arc::clone(before), Arc::clone(now)))
            }
            MembershipEvent::UsersUpdated(users) => {
                let users = users.iter().map(|(_, user)| Arc::clone(user));
                Some(UserChange::Updated(users.collect()))
            }
            MembershipEvent::Joined { user, .. } => {
                Some(UserChange::VisibilityChanged(Arc::clone(user)))
            }
            MembershipEvent::Left { endpoints, user, .. } => {
                let channel = ctx.endpoints.channel(*endpoints.first()?)?;
                let user = user_ref(network, user, channel.roster.casemapping());
                Some(UserChange::Missed(vec![user]))
            }
            MembershipEvent::Names { endpoint, .. } => {
                Some(UserChange::Listed(self.users_in(network, *endpoint, ctx)))
            }
            MembershipEvent::PrefixChanged { .. } => None,
        }
    }

    /// Applies a change of users on `network`.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub(in crate::bridge) fn on_user_change(
        &mut self,
        network: &Network,
        change: UserChange,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        match change {
            UserChange::Replaced(before, now) => {
                self.merge_identity(network, &before, &now, ctx)?;
                self.check_user(network, &before, ctx)?;
                self.check_user(network, &now, ctx)
            }
            UserChange::Updated(users) => {
                for user in users {
                    let unknown = IrcUser::named(&user.nick);
                    self.merge_identity(network, &unknown, &user, ctx)?;
                    self.check_user(network, &unknown, ctx)?;
                    self.check_user(network, &user, ctx)?;
                }
                Ok(())
            }
            UserChange::VisibilityChanged(user) => self.check_user(network, &user, ctx),
            UserChange::Missed(users) => self.check_presence(users, ctx),
            UserChange::Listed(users) => {
                self.check_presence(users, ctx)?;
                // A server can list without end. Recipients not checked now are checked on a tick.
                let is_recent = |at| ctx.now.duration_since(at) < LIST_CHECK_INTERVAL;
                if self.listed_at.is_some_and(is_recent) {
                    return Ok(());
                }
                self.listed_at = Some(ctx.now);
                self.schedule(ctx)
            }
        }
    }

    /// Checks the recipients that this user is known as.
    fn check_user(
        &mut self,
        network: &Network,
        irc_user: &IrcUser,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let casemapping = casemapping_of(network, ctx);
        let user = user_ref(network, irc_user, casemapping);
        let nick = UserRef::Nick(network.clone(), casemapping.fold(&irc_user.nick).into());
        self.check_presence(vec![nick, user], ctx)
    }

    /// Users of direct messages in the channel.
    fn users_in(&self, network: &Network, endpoint: EndpointId, ctx: &Ctx<'_>) -> Vec<UserRef> {
        let Some(channel) = ctx.endpoints.channel(endpoint) else { return Vec::new() };
        let casemapping = channel.roster.casemapping();
        let members = channel.roster.iter();
        let users = members.map(|member| user_ref(network, &member.user, casemapping));
        users.filter(|user| self.known_users.endpoint(user).is_some()).collect()
    }

    /// These users may have left or returned. A user known by nick only loses their identity when they leave.
    fn check_presence(&mut self, users: Vec<UserRef>, ctx: &mut Ctx<'_>) -> Result<(), StoreError> {
        let mut endpoints = Vec::new();
        for user in users {
            let Some(endpoint) = self.known_users.endpoint(&user) else { continue };
            endpoints.push(endpoint);
            let is_lost = match &user {
                UserRef::Nick(network, nick) => {
                    find_by_nick(network, nick, ctx.endpoints).is_none()
                }
                UserRef::Account(..) | UserRef::LetsChat(_) => false,
            };
            if is_lost {
                let name = self.name_of(endpoint).to_owned();
                self.threads.remove_user(endpoint, &name);
                self.mark_recipient_gone(endpoint, replies::LOST_TRACK, ctx)?;
            }
        }
        self.schedule_to(&endpoints, ctx)
    }

    /// The user known as `before` is now known as `now`: their conversations continue.
    fn merge_identity(
        &mut self,
        network: &Network,
        before: &IrcUser,
        now: &IrcUser,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let casemapping = casemapping_of(network, ctx);
        let old_user = user_ref(network, before, casemapping);
        let new_user = user_ref(network, now, casemapping);
        // After logging out, others may still be logged in to the account.
        if old_user == new_user || !matches!(old_user, UserRef::Nick(..)) {
            return Ok(());
        }
        let Some(endpoint) = self.known_users.endpoint(&old_user) else { return Ok(()) };
        let is_new = self.known_users.endpoint(&new_user).is_none();
        if is_new
            && ctx.endpoints.user(endpoint).is_none()
            && ctx.store.rename_user(endpoint, &new_user)?
        {
            self.known_users.touch(&new_user, endpoint, &now.nick);
            return Ok(());
        }
        let new_endpoint = self.user_endpoint_id(&new_user, &now.nick, ctx)?;
        self.threads.move_user(endpoint, new_endpoint);
        if before.nick != now.nick {
            let reason = format!("they changed nick to {}", now.nick);
            self.mark_recipient_gone(endpoint, &reason, ctx)?;
        }
        self.schedule_to(&[endpoint, new_endpoint], ctx)
    }

    /// Nobody has this identity any more. Deliveries in flight are still acknowledged. Failures of their own
    /// messages are not reported, since the nick's next user may be somebody else.
    fn mark_recipient_gone(
        &mut self,
        endpoint: EndpointId,
        reason: &str,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        self.known_users.forget(endpoint);
        if let Some(recipient) = ctx.endpoints.user_mut(endpoint) {
            recipient.gone_reason = Some(reason.to_owned());
        }
        if self.report_at.is_some() {
            ctx.store.discard_reports(endpoint)?;
        }
        Ok(())
    }

    /// The connection to `peer` is up.
    pub(in crate::bridge) fn on_connected(&mut self, peer: Peer, ctx: &Ctx<'_>) {
        if self.is_enabled() || peer == Peer::LetsChat {
            self.connected_since.insert(peer, ctx.now);
        }
    }

    /// The connection to `peer` is lost: deliveries in flight there are in doubt.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub(in crate::bridge) fn on_connection_lost(
        &mut self,
        peer: &Peer,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        self.connected_since.remove(peer);
        for (_, state) in ctx.endpoints.iter_mut() {
            if let EndpointState::User(user) = state
                && Peer::of(user.user.network()) == *peer
            {
                match peer {
                    Peer::Irc(_) => user.queue.connection_lost(ctx.store)?,
                    Peer::LetsChat => user.queue.mark_in_doubt(ctx.store)?,
                }
            }
        }
        match peer {
            Peer::Irc(network) => {
                let users = self.known_users.on(network).map(|(user, _)| user.clone()).collect();
                self.check_presence(users, ctx)?;
                self.schedule(ctx)
            }
            Peer::LetsChat => {
                self.letschat_enabled = None;
                Ok(())
            }
        }
    }

    /// Whether Let's Chat has direct messages enabled.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub(in crate::bridge) fn set_letschat_enabled(
        &mut self,
        is_enabled: bool,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        self.letschat_enabled = Some(is_enabled);
        if !is_enabled {
            tracing::warn!(
                "private messages are disabled in Let's Chat (private.enable); direct_messages \
                 has no effect"
            );
        }
        self.schedule(ctx)
    }
}

/// How the server of `network` compares nicks.
fn casemapping_of(network: &Network, ctx: &Ctx<'_>) -> Casemapping {
    let mut channels = ctx.endpoints.channels_on(network).map(|(_, channel)| channel);
    let occupied = channels.find(|channel| !channel.roster.is_empty());
    occupied.map_or_else(Casemapping::default, |channel| channel.roster.casemapping())
}
