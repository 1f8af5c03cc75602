//! What becomes of those who talk in private, and of the two sides.

use std::sync::Arc;

use super::words;
use crate::bridge::{Bridge, Peer, Turn};
use crate::domain::{Casemapping, Network, Party, Person, PlaceId};
use crate::protocol::irc::Presence;
use crate::protocol::letschat;
use crate::store::StoreError;

/// What has become of people on a network, as far as it matters for who somebody is.
#[derive(Debug)]
pub(in crate::bridge) enum News {
    /// Somebody is known otherwise.
    Changed(Arc<Person>, Arc<Person>),
    /// The server has told more of them; their nicks are the same.
    Learnt(Vec<Arc<Person>>),
    /// Somebody may be in sight, or out of it.
    Seen,
}

impl Bridge {
    /// What of `presence` matters here, to be told once it is known everywhere.
    pub(in crate::bridge) fn direct_news(&self, presence: &Presence) -> Option<News> {
        if self.direct.parties.is_empty() {
            return None;
        }
        match presence {
            Presence::Changed { before, now, .. } => {
                Some(News::Changed(Arc::clone(before), Arc::clone(now)))
            }
            Presence::Learnt(people) => {
                Some(News::Learnt(people.iter().map(|(_, person)| Arc::clone(person)).collect()))
            }
            Presence::Came { .. } | Presence::Went { .. } | Presence::Listed { .. } => {
                Some(News::Seen)
            }
            Presence::Ranked { .. } => None,
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
            News::Changed(before, now) => self.is_known_as(network, &before, &now, turn)?,
            News::Learnt(people) => {
                for person in people {
                    let stranger = Person::named(&person.nick);
                    self.is_known_as(network, &stranger, &person, turn)?;
                }
            }
            News::Seen => {}
        }
        self.look_around(network, turn)
    }

    /// Who was known as `before` is the same as `now`: their talks go on.
    fn is_known_as(
        &mut self,
        network: &Network,
        before: &Person,
        now: &Person,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        let casemapping = self.casemapping(network);
        let was = super::sight::party(network, before, casemapping);
        let is = super::sight::party(network, now, casemapping);
        // Whoever logs out of an account may not be the only one who has it.
        if was == is || !matches!(was, Party::Nick(..)) {
            return Ok(());
        }
        let Some(place) = self.direct.parties.get(&was).copied() else { return Ok(()) };
        let is_new = !self.direct.parties.contains_key(&is);
        if is_new && !self.direct.lanes.contains_key(&place) && turn.store.same_party(place, &is)? {
            self.direct.parties.remove(&was);
            self.direct.parties.insert(is, place);
            self.direct.names.insert(place, now.nick.clone());
            return Ok(());
        }
        let number = self.number(&is, &now.nick, turn)?;
        self.direct.partners.moves(place, number);
        if before.nick != now.nick {
            self.is_gone(&was, place, format!("they go by another nick now: {}", now.nick));
        }
        Ok(())
    }

    /// Those who are known by their nick alone, and are out of sight, are nobody from now on.
    pub(in crate::bridge) fn look_around(
        &mut self,
        network: &Network,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        let is_lost = |party: &&Party| match party {
            Party::Nick(on, nick) => on == network && self.who_is(on, nick).is_none(),
            Party::Account(..) | Party::User(_) => false,
        };
        let lost: Vec<Party> = self.direct.parties.keys().filter(is_lost).cloned().collect();
        for party in lost {
            let Some(place) = self.direct.parties.get(&party).copied() else { continue };
            let name = self.direct.name(place).to_owned();
            self.direct.partners.leaves(place, &name);
            self.is_gone(&party, place, words::UNSEEN.to_owned());
        }
        self.advance_direct(turn)
    }

    /// Nobody is `party` any more, who has this number. What is on its way to them is still answered for.
    fn is_gone(&mut self, party: &Party, place: PlaceId, why: String) {
        self.direct.parties.remove(party);
        if let Some(reader) = self.direct.lanes.get_mut(&place) {
            reader.gone = Some(why);
        }
    }

    /// The connection to `peer` is lost: what was on its way there is in doubt.
    pub(in crate::bridge) fn direct_lost(
        &mut self,
        peer: &Peer,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        self.direct.up.remove(peer);
        let there = |party: &Party| match peer {
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
        event: letschat::Event,
        turn: &mut Turn<'_>,
    ) -> Result<Option<letschat::Event>, StoreError> {
        use letschat::Event;
        match event {
            Event::Welcome(_) => {
                self.direct.up.insert(Peer::LetsChat, turn.now);
                return Ok(Some(event));
            }
            Event::Whispered(whisper) => self.whispered_in_letschat(&whisper, turn)?,
            Event::CarriesWhispers(carries) => self.carries(carries, turn)?,
            Event::Posted { ticket, place, id } if self.direct.lanes.contains_key(&place) => {
                self.settle_direct(ticket, place, Some(&id.to_string()), turn)?;
            }
            Event::Refused { ticket, place, why } if self.direct.lanes.contains_key(&place) => {
                self.refuse_direct(ticket, place, &why, turn)?;
            }
            Event::Unanswered { place, .. } if self.direct.lanes.contains_key(&place) => {
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
