//! Follows changes of users' identities and of the connections to both sides.

use std::sync::Arc;

use jiff::SignedDuration;

use super::replies;
use crate::bridge::{Bridge, Ctx, Peer};
use crate::domain::{Casemapping, EndpointId, IrcUser, Network, UserRef};
use crate::protocol::irc::MembershipEvent;
use crate::protocol::letschat;
use crate::store::StoreError;

/// How often, at most, all recipients are checked because of NAMES lists.
const LISTED: SignedDuration = SignedDuration::from_secs(1);

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

impl Bridge {
    /// The identity change in a membership event, to be applied after the event itself.
    pub(in crate::bridge) fn user_change(
        &self,
        network: &Network,
        presence: &MembershipEvent,
    ) -> Option<UserChange> {
        if self.direct.endpoints_by_user.is_empty() {
            return None;
        }
        match presence {
            MembershipEvent::UserChanged { before, now, .. } => {
                Some(UserChange::Replaced(Arc::clone(before), Arc::clone(now)))
            }
            MembershipEvent::UsersUpdated(people) => Some(UserChange::Updated(
                people.iter().map(|(_, irc_user)| Arc::clone(irc_user)).collect(),
            )),
            MembershipEvent::Joined { user: who, .. } => {
                Some(UserChange::VisibilityChanged(Arc::clone(who)))
            }
            MembershipEvent::Left { endpoints, user: who, .. } => {
                let state = endpoints.first().and_then(|endpoint| self.endpoints.get(endpoint))?;
                let casemapping = state.roster.casemapping();
                let user = crate::bridge::direct::lookup::user_ref(network, who, casemapping);
                Some(UserChange::Missed(vec![user]))
            }
            MembershipEvent::Names { endpoint, .. } => {
                Some(UserChange::Listed(self.talkers(network, *endpoint)))
            }
            MembershipEvent::PrefixChanged { .. } => None,
        }
    }

    /// Applies a change of users on `network`.
    pub(in crate::bridge) fn on_user_change(
        &mut self,
        network: &Network,
        news: UserChange,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        match news {
            UserChange::Replaced(before, now) => {
                self.merge_identity(network, &before, &now, ctx)?;
                self.looks_for(network, &before, ctx)?;
                self.looks_for(network, &now, ctx)
            }
            UserChange::Updated(people) => {
                for user in people {
                    let stranger = IrcUser::named(&user.nick);
                    self.merge_identity(network, &stranger, &user, ctx)?;
                    self.looks_for(network, &stranger, ctx)?;
                    self.looks_for(network, &user, ctx)?;
                }
                Ok(())
            }
            UserChange::VisibilityChanged(user) => self.looks_for(network, &user, ctx),
            UserChange::Missed(parties) => self.miss(parties, ctx),
            UserChange::Listed(parties) => {
                self.miss(parties, ctx)?;
                // A server can list without end. Recipients not checked now are checked on a tick.
                let pending = |at| ctx.now.duration_since(at) < LISTED;
                if self.direct.listed_at.is_some_and(pending) {
                    return Ok(());
                }
                self.direct.listed_at = Some(ctx.now);
                self.schedule_direct(ctx)
            }
        }
    }

    /// Checks the recipients that this user is known as.
    fn looks_for(
        &mut self,
        network: &Network,
        irc_user: &IrcUser,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let user = crate::bridge::direct::lookup::user_ref(
            network,
            irc_user,
            self.casemapping_of(network),
        );
        let nick = UserRef::Nick(
            network.clone(),
            self.casemapping_of(network).fold(&irc_user.nick).into(),
        );
        self.miss(vec![nick, user], ctx)
    }

    /// Users of direct messages in the channel.
    pub(in crate::bridge) fn talkers(
        &self,
        network: &Network,
        endpoint: EndpointId,
    ) -> Vec<UserRef> {
        let Some(state) =
            self.endpoints.get(&endpoint).filter(|_| !self.direct.endpoints_by_user.is_empty())
        else {
            return Vec::new();
        };
        let casemapping = state.roster.casemapping();
        let party =
            |user: &IrcUser| crate::bridge::direct::lookup::user_ref(network, user, casemapping);
        let parties = state.roster.iter().map(|member| party(&member.user));
        parties.filter(|party| self.direct.endpoints_by_user.endpoint(party).is_some()).collect()
    }

    /// These users may have left or returned. A user known by nick only loses their identity when they leave.
    pub(in crate::bridge) fn miss(
        &mut self,
        parties: Vec<UserRef>,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let mut endpoints = Vec::new();
        for user in parties {
            let Some(endpoint) = self.direct.endpoints_by_user.endpoint(&user) else { continue };
            endpoints.push(endpoint);
            let lost = match &user {
                UserRef::Nick(network, nick) => self.find_by_nick(network, nick).is_none(),
                UserRef::Account(..) | UserRef::LetsChat(_) => false,
            };
            if lost {
                let name = self.direct.name_of(endpoint).to_owned();
                self.direct.threads.remove_user(endpoint, &name);
                self.mark_recipient_gone(endpoint, replies::LOST_TRACK, ctx)?;
            }
        }
        self.advance_readers(&endpoints, ctx)
    }

    /// The user known as `before` is now known as `now`: their conversations continue.
    fn merge_identity(
        &mut self,
        network: &Network,
        before: &IrcUser,
        now: &IrcUser,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let casemapping = self.casemapping_of(network);
        let was = crate::bridge::direct::lookup::user_ref(network, before, casemapping);
        let is = crate::bridge::direct::lookup::user_ref(network, now, casemapping);
        // After logging out, others may still be logged in to the account.
        if was == is || !matches!(was, UserRef::Nick(..)) {
            return Ok(());
        }
        let Some(endpoint) = self.direct.endpoints_by_user.endpoint(&was) else { return Ok(()) };
        let is_new = self.direct.endpoints_by_user.endpoint(&is).is_none();
        if is_new
            && !self.direct.recipients.contains_key(&endpoint)
            && ctx.store.rename_user(endpoint, &is)?
        {
            self.direct.endpoints_by_user.touch(&is, endpoint, &now.nick);
            return Ok(());
        }
        let number = self.user_endpoint_id(&is, &now.nick, ctx)?;
        self.direct.threads.move_user(endpoint, number);
        if before.nick != now.nick {
            let reason = format!("they changed nick to {}", now.nick);
            self.mark_recipient_gone(endpoint, &reason, ctx)?;
        }
        self.advance_readers(&[endpoint, number], ctx)
    }

    /// Checks all users on `network`.
    fn expire_unseen_nicks(
        &mut self,
        network: &Network,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let all = self.direct.endpoints_by_user.on(network).map(|(user, _)| user.clone()).collect();
        self.miss(all, ctx)?;
        self.schedule_direct(ctx)
    }

    /// Nobody has this identity any more. Deliveries in flight are still acknowledged. Failures of their own
    /// messages are not reported, since the nick's next user may be somebody else.
    fn mark_recipient_gone(
        &mut self,
        endpoint: EndpointId,
        reason: &str,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        self.direct.endpoints_by_user.forget(endpoint);
        if let Some(recipient) = self.direct.recipients.get_mut(&endpoint) {
            recipient.gone_reason = Some(reason.to_owned());
        }
        if self.direct.report_at.is_some() {
            ctx.store.discard_reports(endpoint)?;
        }
        Ok(())
    }

    /// The connection to `peer` is lost: deliveries in flight there are in doubt.
    pub(in crate::bridge) fn on_direct_connection_lost(
        &mut self,
        peer: &Peer,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        self.direct.connected_since.remove(peer);
        let there = |user: &UserRef| match peer {
            Peer::Irc(network) => user.network() == Some(network),
            Peer::LetsChat => user.network().is_none(),
        };
        for recipient in
            self.direct.recipients.values_mut().filter(|recipient| there(&recipient.user))
        {
            match peer {
                Peer::Irc(_) => recipient.queue.connection_lost(ctx.store)?,
                Peer::LetsChat => recipient.queue.mark_in_doubt(ctx.store)?,
            }
        }
        match peer {
            Peer::Irc(network) => self.expire_unseen_nicks(network, ctx),
            Peer::LetsChat => {
                self.direct.letschat_enabled = None;
                Ok(())
            }
        }
    }

    /// Whether Let's Chat has direct messages enabled.
    pub(in crate::bridge) fn set_letschat_dms_enabled(
        &mut self,
        carries: bool,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        self.direct.letschat_enabled = Some(carries);
        if !carries {
            tracing::warn!(
                "private messages are disabled in Let's Chat (private.enable); direct_messages \
                 has no effect"
            );
        }
        self.schedule_direct(ctx)
    }

    /// Handles a Let's Chat event about direct messages. Returns the event if it is about something else.
    pub(in crate::bridge) fn filter_letschat_event(
        &mut self,
        event: letschat::LetsChatEvent,
        ctx: &mut Ctx<'_>,
    ) -> Result<Option<letschat::LetsChatEvent>, StoreError> {
        use letschat::LetsChatEvent;
        match event {
            LetsChatEvent::LoggedIn(_) => {
                self.direct.connected_since.insert(Peer::LetsChat, ctx.now);
                return Ok(Some(event));
            }
            LetsChatEvent::DirectMessage(message) => self.on_letschat_dm(&message, ctx)?,
            LetsChatEvent::DirectMessagesEnabled(carries) => {
                self.set_letschat_dms_enabled(carries, ctx)?;
            }
            LetsChatEvent::Posted { delivery, endpoint, id }
                if self.direct.recipients.contains_key(&endpoint) =>
            {
                self.ack_direct(delivery, endpoint, Some(&id.to_string()), ctx)?;
            }
            LetsChatEvent::Rejected { delivery, endpoint, reason }
                if self.direct.recipients.contains_key(&endpoint) =>
            {
                self.reject_direct(delivery, endpoint, &reason, ctx)?;
            }
            LetsChatEvent::TimedOut { endpoint, .. }
                if self.direct.recipients.contains_key(&endpoint) =>
            {
                self.on_direct_ack_timeout(endpoint, ctx)?;
            }
            event => return Ok(Some(event)),
        }
        Ok(None)
    }

    fn casemapping_of(&self, network: &Network) -> Casemapping {
        let mut endpoints =
            self.endpoints.values().filter(|state| state.endpoint.network() == Some(network));
        let occupied = endpoints.find(|state| !state.roster.is_empty());
        occupied.map_or_else(Casemapping::default, |state| state.roster.casemapping())
    }
}
