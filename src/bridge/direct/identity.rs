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
                people.iter().map(|(_, person)| Arc::clone(person)).collect(),
            )),
            MembershipEvent::Joined { user: who, .. } => {
                Some(UserChange::VisibilityChanged(Arc::clone(who)))
            }
            MembershipEvent::Left { endpoints: places, user: who, .. } => {
                let spot = places.first().and_then(|place| self.endpoints.get(place))?;
                let casemapping = spot.roster.casemapping();
                let party = crate::bridge::direct::lookup::user_ref(network, who, casemapping);
                Some(UserChange::Missed(vec![party]))
            }
            MembershipEvent::Names { endpoint: place, .. } => {
                Some(UserChange::Listed(self.talkers(network, *place)))
            }
            MembershipEvent::PrefixChanged { .. } => None,
        }
    }

    /// Applies a change of users on `network`.
    pub(in crate::bridge) fn on_user_change(
        &mut self,
        network: &Network,
        news: UserChange,
        turn: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        match news {
            UserChange::Replaced(before, now) => {
                self.merge_identity(network, &before, &now, turn)?;
                self.looks_for(network, &before, turn)?;
                self.looks_for(network, &now, turn)
            }
            UserChange::Updated(people) => {
                for person in people {
                    let stranger = IrcUser::named(&person.nick);
                    self.merge_identity(network, &stranger, &person, turn)?;
                    self.looks_for(network, &stranger, turn)?;
                    self.looks_for(network, &person, turn)?;
                }
                Ok(())
            }
            UserChange::VisibilityChanged(person) => self.looks_for(network, &person, turn),
            UserChange::Missed(parties) => self.miss(parties, turn),
            UserChange::Listed(parties) => {
                self.miss(parties, turn)?;
                // A server can list without end. Recipients not checked now are checked on a tick.
                let lately = |at| turn.now.duration_since(at) < LISTED;
                if self.direct.listed_at.is_some_and(lately) {
                    return Ok(());
                }
                self.direct.listed_at = Some(turn.now);
                self.schedule_direct(turn)
            }
        }
    }

    /// Checks the recipients that this user is known as.
    fn looks_for(
        &mut self,
        network: &Network,
        person: &IrcUser,
        turn: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let party =
            crate::bridge::direct::lookup::user_ref(network, person, self.casemapping_of(network));
        let nick =
            UserRef::Nick(network.clone(), self.casemapping_of(network).fold(&person.nick).into());
        self.miss(vec![nick, party], turn)
    }

    /// Users of direct messages in the channel.
    pub(in crate::bridge) fn talkers(&self, network: &Network, place: EndpointId) -> Vec<UserRef> {
        let Some(spot) =
            self.endpoints.get(&place).filter(|_| !self.direct.endpoints_by_user.is_empty())
        else {
            return Vec::new();
        };
        let casemapping = spot.roster.casemapping();
        let party = |person: &IrcUser| {
            crate::bridge::direct::lookup::user_ref(network, person, casemapping)
        };
        let parties = spot.roster.iter().map(|member| party(&member.user));
        parties.filter(|party| self.direct.endpoints_by_user.place(party).is_some()).collect()
    }

    /// These users may have left or returned. A user known by nick only loses their identity when they leave.
    pub(in crate::bridge) fn miss(
        &mut self,
        parties: Vec<UserRef>,
        turn: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let mut places = Vec::new();
        for party in parties {
            let Some(place) = self.direct.endpoints_by_user.place(&party) else { continue };
            places.push(place);
            let lost = match &party {
                UserRef::Nick(network, nick) => self.find_by_nick(network, nick).is_none(),
                UserRef::Account(..) | UserRef::LetsChat(_) => false,
            };
            if lost {
                let name = self.direct.name_of(place).to_owned();
                self.direct.threads.remove_user(place, &name);
                self.mark_recipient_gone(place, replies::LOST_TRACK, turn)?;
            }
        }
        self.advance_readers(&places, turn)
    }

    /// The user known as `before` is now known as `now`: their conversations continue.
    fn merge_identity(
        &mut self,
        network: &Network,
        before: &IrcUser,
        now: &IrcUser,
        turn: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let casemapping = self.casemapping_of(network);
        let was = crate::bridge::direct::lookup::user_ref(network, before, casemapping);
        let is = crate::bridge::direct::lookup::user_ref(network, now, casemapping);
        // After logging out, others may still be logged in to the account.
        if was == is || !matches!(was, UserRef::Nick(..)) {
            return Ok(());
        }
        let Some(place) = self.direct.endpoints_by_user.place(&was) else { return Ok(()) };
        let is_new = self.direct.endpoints_by_user.place(&is).is_none();
        if is_new
            && !self.direct.recipients.contains_key(&place)
            && turn.store.same_party(place, &is)?
        {
            self.direct.endpoints_by_user.meet(&is, place, &now.nick);
            return Ok(());
        }
        let number = self.user_endpoint_id(&is, &now.nick, turn)?;
        self.direct.threads.move_user(place, number);
        if before.nick != now.nick {
            let why = format!("they changed nick to {}", now.nick);
            self.mark_recipient_gone(place, &why, turn)?;
        }
        self.advance_readers(&[place, number], turn)
    }

    /// Checks all users on `network`.
    fn expire_unseen_nicks(
        &mut self,
        network: &Network,
        turn: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let all =
            self.direct.endpoints_by_user.on(network).map(|(party, _)| party.clone()).collect();
        self.miss(all, turn)?;
        self.schedule_direct(turn)
    }

    /// Nobody has this identity any more. Deliveries in flight are still acknowledged. Failures of their own
    /// messages are not reported, since the nick's next user may be somebody else.
    fn mark_recipient_gone(
        &mut self,
        place: EndpointId,
        why: &str,
        turn: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        self.direct.endpoints_by_user.forget(place);
        if let Some(reader) = self.direct.recipients.get_mut(&place) {
            reader.gone_reason = Some(why.to_owned());
        }
        if self.direct.report_at.is_some() {
            turn.store.told_nobody(place)?;
        }
        Ok(())
    }

    /// The connection to `peer` is lost: deliveries in flight there are in doubt.
    pub(in crate::bridge) fn on_direct_connection_lost(
        &mut self,
        peer: &Peer,
        turn: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        self.direct.connected_since.remove(peer);
        let there = |party: &UserRef| match peer {
            Peer::Irc(network) => party.network() == Some(network),
            Peer::LetsChat => party.network().is_none(),
        };
        for reader in self.direct.recipients.values_mut().filter(|reader| there(&reader.user)) {
            match peer {
                Peer::Irc(_) => reader.queue.connection_lost(turn.store)?,
                Peer::LetsChat => reader.queue.mark_in_doubt(turn.store)?,
            }
        }
        match peer {
            Peer::Irc(network) => self.expire_unseen_nicks(network, turn),
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
        turn: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        self.direct.letschat_enabled = Some(carries);
        if !carries {
            tracing::warn!(
                "private messages are disabled in Let's Chat (private.enable); direct_messages \
                 has no effect"
            );
        }
        self.schedule_direct(turn)
    }

    /// Handles a Let's Chat event about direct messages. Returns the event if it is about something else.
    pub(in crate::bridge) fn filter_letschat_event(
        &mut self,
        event: letschat::LetsChatEvent,
        turn: &mut Ctx<'_>,
    ) -> Result<Option<letschat::LetsChatEvent>, StoreError> {
        use letschat::LetsChatEvent;
        match event {
            LetsChatEvent::LoggedIn(_) => {
                self.direct.connected_since.insert(Peer::LetsChat, turn.now);
                return Ok(Some(event));
            }
            LetsChatEvent::DirectMessage(whisper) => self.on_letschat_dm(&whisper, turn)?,
            LetsChatEvent::DirectMessagesEnabled(carries) => {
                self.set_letschat_dms_enabled(carries, turn)?;
            }
            LetsChatEvent::Posted { delivery: ticket, endpoint: place, id }
                if self.direct.recipients.contains_key(&place) =>
            {
                self.ack_direct(ticket, place, Some(&id.to_string()), turn)?;
            }
            LetsChatEvent::Rejected { delivery: ticket, endpoint: place, reason: why }
                if self.direct.recipients.contains_key(&place) =>
            {
                self.reject_direct(ticket, place, &why, turn)?;
            }
            LetsChatEvent::TimedOut { endpoint: place, .. }
                if self.direct.recipients.contains_key(&place) =>
            {
                self.on_direct_ack_timeout(place, turn)?;
            }
            event => return Ok(Some(event)),
        }
        Ok(None)
    }

    fn casemapping_of(&self, network: &Network) -> Casemapping {
        let mut spots =
            self.endpoints.values().filter(|spot| spot.endpoint.network() == Some(network));
        let occupied = spots.find(|spot| !spot.roster.is_empty());
        occupied.map_or_else(Casemapping::default, |spot| spot.roster.casemapping())
    }
}
