//! What becomes of those who talk in private, and of the two sides.

use std::sync::Arc;

use jiff::SignedDuration;

use super::words;
use crate::bridge::{Bridge, Peer, Turn};
use crate::domain::{Casemapping, EndpointId, IrcUser, Network, UserRef};
use crate::protocol::irc::MembershipEvent;
use crate::protocol::letschat;
use crate::store::StoreError;

/// How soon all to whom something is to be said are looked at again because of a list of a channel.
const LISTED: SignedDuration = SignedDuration::from_secs(1);

/// What has become of people on a network, as far as it matters for who somebody is.
#[derive(Debug)]
pub(in crate::bridge) enum News {
    /// Somebody is known otherwise.
    Changed(Arc<IrcUser>, Arc<IrcUser>),
    /// The server has told more of them; their nicks are the same.
    Learnt(Vec<Arc<IrcUser>>),
    /// Somebody is in sight.
    Seen(Arc<IrcUser>),
    /// These may be out of it.
    Missed(Vec<UserRef>),
    /// A channel was listed: these may be out of sight, and anybody in it.
    Listed(Vec<UserRef>),
}

impl Bridge {
    /// What of `presence` matters here, to be told once it is known everywhere.
    pub(in crate::bridge) fn direct_news(
        &self,
        network: &Network,
        presence: &MembershipEvent,
    ) -> Option<News> {
        if self.direct.parties.is_empty() {
            return None;
        }
        match presence {
            MembershipEvent::UserChanged { before, now, .. } => {
                Some(News::Changed(Arc::clone(before), Arc::clone(now)))
            }
            MembershipEvent::UsersUpdated(people) => {
                Some(News::Learnt(people.iter().map(|(_, person)| Arc::clone(person)).collect()))
            }
            MembershipEvent::Joined { user: who, .. } => Some(News::Seen(Arc::clone(who))),
            MembershipEvent::Left { endpoints: places, user: who, .. } => {
                let spot = places.first().and_then(|place| self.spots.get(place))?;
                let casemapping = spot.roster.casemapping();
                let party = super::sight::party(network, who, casemapping);
                Some(News::Missed(vec![party]))
            }
            MembershipEvent::Names { endpoint: place, .. } => {
                Some(News::Listed(self.talkers(network, *place)))
            }
            MembershipEvent::PrefixChanged { .. } => None,
        }
    }

    /// Takes in what has become of people on `network`.
    pub(in crate::bridge) fn take_news(
        &mut self,
        network: &Network,
        news: News,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        match news {
            News::Changed(before, now) => {
                self.is_known_as(network, &before, &now, turn)?;
                self.looks_for(network, &before, turn)?;
                self.looks_for(network, &now, turn)
            }
            News::Learnt(people) => {
                for person in people {
                    let stranger = IrcUser::named(&person.nick);
                    self.is_known_as(network, &stranger, &person, turn)?;
                    self.looks_for(network, &stranger, turn)?;
                    self.looks_for(network, &person, turn)?;
                }
                Ok(())
            }
            News::Seen(person) => self.looks_for(network, &person, turn),
            News::Missed(parties) => self.miss(parties, turn),
            News::Listed(parties) => {
                self.miss(parties, turn)?;
                // A server can list without end. Who is passed over now is looked at when time has passed.
                let lately = |at| turn.now.duration_since(at) < LISTED;
                if self.direct.listed_at.is_some_and(lately) {
                    return Ok(());
                }
                self.direct.listed_at = Some(turn.now);
                self.advance_direct(turn)
            }
        }
    }

    /// Looks at what is to be said to `person`, as whoever they are known.
    fn looks_for(
        &mut self,
        network: &Network,
        person: &IrcUser,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        let party = super::sight::party(network, person, self.casemapping(network));
        let nick =
            UserRef::Nick(network.clone(), self.casemapping(network).fold(&person.nick).into());
        self.miss(vec![nick, party], turn)
    }

    /// Those in the channel at `place` who have talked.
    pub(in crate::bridge) fn talkers(&self, network: &Network, place: EndpointId) -> Vec<UserRef> {
        let Some(spot) = self.spots.get(&place).filter(|_| !self.direct.parties.is_empty()) else {
            return Vec::new();
        };
        let casemapping = spot.roster.casemapping();
        let party = |person: &IrcUser| super::sight::party(network, person, casemapping);
        let parties = spot.roster.iter().map(|member| party(&member.user));
        parties.filter(|party| self.direct.parties.place(party).is_some()).collect()
    }

    /// These may be out of sight, or in it again: who is known by the nick alone, and is out of sight, is
    /// nobody from now on.
    pub(in crate::bridge) fn miss(
        &mut self,
        parties: Vec<UserRef>,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        let mut places = Vec::new();
        for party in parties {
            let Some(place) = self.direct.parties.place(&party) else { continue };
            places.push(place);
            let lost = match &party {
                UserRef::Nick(network, nick) => self.who_is(network, nick).is_none(),
                UserRef::Account(..) | UserRef::LetsChat(_) => false,
            };
            if lost {
                let name = self.direct.name(place).to_owned();
                self.direct.partners.leaves(place, &name);
                self.is_gone(place, words::UNSEEN, turn)?;
            }
        }
        self.advance_readers(&places, turn)
    }

    /// Who was known as `before` is the same as `now`: their talks go on.
    fn is_known_as(
        &mut self,
        network: &Network,
        before: &IrcUser,
        now: &IrcUser,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        let casemapping = self.casemapping(network);
        let was = super::sight::party(network, before, casemapping);
        let is = super::sight::party(network, now, casemapping);
        // Whoever logs out of an account may not be the only one who has it.
        if was == is || !matches!(was, UserRef::Nick(..)) {
            return Ok(());
        }
        let Some(place) = self.direct.parties.place(&was) else { return Ok(()) };
        let is_new = self.direct.parties.place(&is).is_none();
        if is_new && !self.direct.lanes.contains_key(&place) && turn.store.same_party(place, &is)? {
            self.direct.parties.meet(&is, place, &now.nick);
            return Ok(());
        }
        let number = self.number(&is, &now.nick, turn)?;
        self.direct.partners.moves(place, number);
        if before.nick != now.nick {
            let why = format!("they go by another nick now: {}", now.nick);
            self.is_gone(place, &why, turn)?;
        }
        self.advance_readers(&[place, number], turn)
    }

    /// Looks at all on `network`.
    fn look_around(&mut self, network: &Network, turn: &mut Turn<'_>) -> Result<(), StoreError> {
        let all = self.direct.parties.on(network).map(|(party, _)| party.clone()).collect();
        self.miss(all, turn)?;
        self.advance_direct(turn)
    }

    /// Nobody is who had this number. What is on its way to them is still answered for; what did not reach
    /// others from them is told nobody, for who has the nick next may be somebody else.
    fn is_gone(
        &mut self,
        place: EndpointId,
        why: &str,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        self.direct.parties.forget(place);
        if let Some(reader) = self.direct.lanes.get_mut(&place) {
            reader.gone = Some(why.to_owned());
        }
        if self.direct.untold_at.is_some() {
            turn.store.told_nobody(place)?;
        }
        Ok(())
    }

    /// The connection to `peer` is lost: what was on its way there is in doubt.
    pub(in crate::bridge) fn direct_lost(
        &mut self,
        peer: &Peer,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        self.direct.up.remove(peer);
        let there = |party: &UserRef| match peer {
            Peer::Irc(network) => party.network() == Some(network),
            Peer::LetsChat => party.network().is_none(),
        };
        for reader in self.direct.lanes.values_mut().filter(|reader| there(&reader.party)) {
            match peer {
                Peer::Irc(_) => reader.lane.lose(turn.store)?,
                Peer::LetsChat => reader.lane.doubt(turn.store)?,
            }
        }
        match peer {
            Peer::Irc(network) => self.look_around(network, turn),
            Peer::LetsChat => {
                self.direct.carries = None;
                Ok(())
            }
        }
    }

    /// Whether Let's Chat carries what is written to somebody alone.
    pub(in crate::bridge) fn carries(
        &mut self,
        carries: bool,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        self.direct.carries = Some(carries);
        if !carries {
            tracing::warn!(
                "Let's Chat has private messages turned off (private.enable): direct_messages does \
                 nothing"
            );
        }
        self.advance_direct(turn)
    }

    /// Something of Let's Chat that may be about what is written to somebody alone. Gives it back if it is
    /// not.
    pub(in crate::bridge) fn direct_letschat(
        &mut self,
        event: letschat::LetsChatEvent,
        turn: &mut Turn<'_>,
    ) -> Result<Option<letschat::LetsChatEvent>, StoreError> {
        use letschat::LetsChatEvent;
        match event {
            LetsChatEvent::LoggedIn(_) => {
                self.direct.up.insert(Peer::LetsChat, turn.now);
                return Ok(Some(event));
            }
            LetsChatEvent::DirectMessage(whisper) => self.whispered_in_letschat(&whisper, turn)?,
            LetsChatEvent::DirectMessagesEnabled(carries) => self.carries(carries, turn)?,
            LetsChatEvent::Posted { delivery: ticket, endpoint: place, id }
                if self.direct.lanes.contains_key(&place) =>
            {
                self.settle_direct(ticket, place, Some(&id.to_string()), turn)?;
            }
            LetsChatEvent::Rejected { delivery: ticket, endpoint: place, reason: why }
                if self.direct.lanes.contains_key(&place) =>
            {
                self.refuse_direct(ticket, place, &why, turn)?;
            }
            LetsChatEvent::TimedOut { endpoint: place, .. }
                if self.direct.lanes.contains_key(&place) =>
            {
                self.unanswered_direct(place, turn)?;
            }
            event => return Ok(Some(event)),
        }
        Ok(None)
    }

    fn casemapping(&self, network: &Network) -> Casemapping {
        let mut spots = self.spots.values().filter(|spot| spot.place.network() == Some(network));
        let occupied = spots.find(|spot| !spot.roster.is_empty());
        occupied.map_or_else(Casemapping::default, |spot| spot.roster.casemapping())
    }
}
