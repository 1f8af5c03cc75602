//! Connections of people of Let's Chat on a network: puppets.
//!
//! Whoever speaks is given one, and is spoken for by the bridge until it sits in the channel: nothing
//! waits for it. What a puppet says is confirmed by its own connection, as what the bridge says is by
//! the bridge's; and the bridge, which sits in the same channels, sees it too. So when a puppet's
//! connection is lost while it speaks, the bridge is asked instead of the server's history: once it
//! has seen the puppet leave, or has been told something by the server a while later, it has seen
//! every line that has arrived.
//!
//! ```text
//!  nobody ──speaks──▶ Called ──is let in──▶ In ──kicked, banned──▶ PutOut
//!    ▲                                      │ ▲                      │
//!    └────────── connection lost ───────────┘ └───── is let in ──────┘
//! ```
//!
//! Whom an operator has put out of a channel is not spoken for there by the bridge either, unless the
//! administrator wants that.

use std::collections::{HashMap, HashSet, VecDeque};

use jiff::{SignedDuration, Timestamp};

use super::history::said_with;
use super::{Bridge, Order, Turn};
use crate::domain::{AccountId, Author, Network, PlaceId, Speech, Ticket, Voice};
use crate::protocol::irc;
use crate::protocol::irc::{Event, Presence, Talk};
use crate::store::{Cursor, StoreError};

/// How long after a puppet is lost its last lines may still be on their way to us, through other
/// servers of the network, or waiting in its server.
const ON_THEIR_WAY: SignedDuration = SignedDuration::from_secs(10);

/// How long a nick is still known as that of a puppet which is lost.
const FADING: SignedDuration = SignedDuration::from_secs(60);

/// How many deliveries of puppets to one channel the bridge looks out for.
const MOST_EXPECTED: usize = 64;

/// What is asked of those who keep the puppets of a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PuppetOrder {
    /// Let somebody have a connection, sitting in a channel.
    Call {
        /// Whose.
        account: AccountId,
        /// The nick to ask for.
        nick: String,
        /// How they are called in Let's Chat.
        name: String,
        /// Where it is to sit.
        place: PlaceId,
    },
    /// Something of their connection.
    Tell(AccountId, irc::Order),
}

/// What is known of the puppets of one network.
#[derive(Debug, Default)]
pub(super) struct Puppets {
    people: HashMap<AccountId, Puppet>,
    /// Nicks of puppets that are lost, whose they were, and until when a line under one is theirs.
    fading: Vec<(String, AccountId, Timestamp)>,
    /// What puppets have said where, and the bridge has not seen yet.
    expected: HashMap<PlaceId, VecDeque<Expected>>,
    /// Whom the bridge is to have seen the last of, where.
    awaited: Vec<Awaited>,
}

/// Somebody's connection.
#[derive(Debug, Default)]
struct Puppet {
    /// The nicks by which its lines may be known; the last is the one that it has now.
    nicks: Vec<String>,
    places: HashMap<PlaceId, Standing>,
    /// Where the bridge has seen it leave.
    gone: HashSet<PlaceId>,
}

/// Where a puppet stands with a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Called,
    In,
    PutOut,
}

/// A delivery that a puppet has said, or is saying, as far as the bridge has seen it.
#[derive(Debug)]
struct Expected {
    ticket: Ticket,
    account: AccountId,
    /// What was handed over.
    speech: Speech,
    /// How much of its body had arrived before.
    base: usize,
    /// How much of what was handed over was seen.
    seen: usize,
    /// The bridge was not there all the time.
    blind: bool,
}

/// A delivery that was lost with a puppet's connection.
#[derive(Debug)]
struct Awaited {
    place: PlaceId,
    ticket: Ticket,
    nick: String,
    since: Timestamp,
}

/// Who is to say something for somebody.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// Their puppet.
    Puppet,
    /// The bridge; the puppet is called to the channel.
    Call,
    /// The bridge; the puppet is on its way.
    Bridge,
    /// Nobody: an operator of the channel has put the puppet out.
    Nobody,
}

impl Expected {
    fn is_seen(&self) -> bool {
        self.seen >= self.speech.body.len()
    }
}

impl Puppets {
    /// Who is to speak at `place` for `account`.
    pub(super) fn choose(&mut self, account: &AccountId, place: PlaceId) -> Choice {
        let places = &mut self.people.entry(account.clone()).or_default().places;
        match places.get(&place) {
            Some(Standing::In) => Choice::Puppet,
            Some(Standing::PutOut) => Choice::Nobody,
            Some(Standing::Called) => Choice::Bridge,
            None => {
                places.insert(place, Standing::Called);
                Choice::Call
            }
        }
    }

    /// Whose puppet is known by `nick` at `now`.
    pub(super) fn owner(&self, nick: &str, now: Timestamp) -> Option<AccountId> {
        let named = |(_, puppet): &(&AccountId, &Puppet)| puppet.nicks.iter().any(|it| it == nick);
        let living = self.people.iter().find(named).map(|(account, _)| account);
        let faded = || self.fading.iter().find(|(it, _, until)| it == nick && *until > now);
        living.or_else(|| faded().map(|(_, account, _)| account)).cloned()
    }

    /// `account` says this from now on.
    pub(super) fn expect(
        &mut self,
        (ticket, place): (Ticket, PlaceId),
        account: AccountId,
        speech: Speech,
        base: usize,
    ) {
        let expected = self.expected.entry(place).or_default();
        // One is under way at a time: what was seen whole before is over.
        expected.retain(|it| !it.is_seen() && it.ticket != ticket);
        if expected.len() >= MOST_EXPECTED {
            expected.pop_front();
        }
        expected.push_back(Expected { ticket, account, speech, base, seen: 0, blind: false });
    }

    /// The bridge sees `account` say something.
    fn see(&mut self, place: PlaceId, account: &AccountId, talk: &Talk) {
        let Some(expected) = self.expected.get_mut(&place) else { return };
        let found = expected.iter_mut().enumerate().find_map(|(at, it)| {
            let rest = it.speech.body.get(it.seen..)?;
            let theirs = it.account == *account && !it.is_seen();
            theirs.then(|| said_with(&it.speech, rest, talk))?.map(|end| (at, end))
        });
        let Some((found, end)) = found else { return };
        expected[found].seen += end;
        // Somebody is heard in order: what was not seen before this will not be.
        let mut at = 0;
        expected.retain(|it| {
            at += 1;
            at > found || it.account != *account
        });
    }

    /// The bridge does not see what is said at `place` for a while.
    pub(super) fn blind(&mut self, place: PlaceId) {
        self.expected.entry(place).or_default().iter_mut().for_each(|it| it.blind = true);
        self.awaited.retain(|it| it.place != place);
    }

    fn forget(&mut self, place: PlaceId, ticket: Ticket) {
        if let Some(expected) = self.expected.get_mut(&place) {
            expected.retain(|it| it.ticket != ticket);
        }
    }

    /// Whose puppets have a nick.
    pub(super) fn named(&self) -> impl Iterator<Item = &AccountId> {
        self.people.iter().filter(|(_, it)| !it.nicks.is_empty()).map(|(account, _)| account)
    }

    fn rename(&mut self, account: &AccountId, nick: &str) {
        let nicks = &mut self.people.entry(account.clone()).or_default().nicks;
        nicks.retain(|it| it != nick);
        nicks.push(nick.to_owned());
    }

    fn stand(&mut self, account: &AccountId, place: PlaceId, standing: Standing) {
        let puppet = self.people.entry(account.clone()).or_default();
        puppet.places.insert(place, standing);
        if standing == Standing::In {
            puppet.gone.remove(&place);
        }
    }

    /// The bridge has seen somebody leave `places`, who may have been a puppet.
    fn left(&mut self, nick: &str, places: &[PlaceId]) -> Vec<Awaited> {
        let of = |puppet: &&mut Puppet| puppet.nicks.iter().any(|it| it == nick);
        if let Some(puppet) = self.people.values_mut().find(of) {
            puppet.gone.extend(places);
        }
        self.take(|it| it.nick == nick && places.contains(&it.place))
    }

    fn take(&mut self, which: impl Fn(&Awaited) -> bool) -> Vec<Awaited> {
        let (taken, left) = std::mem::take(&mut self.awaited).into_iter().partition(which);
        self.awaited = left;
        taken
    }
}

impl Bridge {
    /// Calls a puppet to `place`.
    pub(super) fn call_puppet(
        &mut self,
        network: &Network,
        place: PlaceId,
        (account, author): (AccountId, &Author),
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        let Some(nick) = self.voices.nick(network, &account, author, turn.store)? else {
            return Ok(());
        };
        let name = author.name.clone();
        let call = PuppetOrder::Call { account, nick, name, place };
        turn.orders.push(Order::Puppets(network.clone(), call));
        Ok(())
    }

    /// The connection of `account` says so.
    pub(super) fn puppet(
        &mut self,
        network: &Network,
        account: &AccountId,
        event: Event,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        let puppets = self.voices.puppets(network);
        match event {
            Event::Registered { nick } | Event::Renamed { nick } => {
                tracing::info!(%network, %account, nick, "a puppet is there");
                puppets.rename(account, &nick);
                turn.store.nick_begins(network, Some(account), &nick, turn.now)
            }
            Event::Joined { place, .. } => {
                puppets.stand(account, place, Standing::In);
                Ok(())
            }
            Event::PutOut { place } => {
                puppets.stand(account, place, Standing::PutOut);
                Ok(())
            }
            Event::Closed { place, why } => {
                let standing = puppets.people.get(account).and_then(|it| it.places.get(&place));
                if standing != Some(&Standing::PutOut) {
                    puppets.stand(account, place, Standing::Called);
                }
                tracing::info!(%network, %account, %place, why, "a puppet is not in the channel");
                Ok(())
            }
            Event::Speaking { ticket, place } => {
                if let Some(spot) = self.spots.get_mut(&place) {
                    spot.lane.speak(ticket);
                }
                Ok(())
            }
            // What it is known by, and not when it was said: how far the channel was heard is the
            // bridge's to say.
            Event::Said { ticket, place, mark } => {
                self.settle(ticket, place, mark.msgid.as_deref(), turn)
            }
            Event::Refused { ticket, place, why } => {
                puppets.forget(place, ticket);
                self.refuse(ticket, place, &why, turn)
            }
            event @ (Event::Partly { .. } | Event::Later { .. } | Event::Again(_)) => {
                self.irc(network, unmarked(event), turn)
            }
            _ => Ok(()),
        }
    }

    /// The connection of `account` is lost, or could not be made.
    pub(super) fn puppet_lost(
        &mut self,
        network: &Network,
        account: &AccountId,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        let Some(puppet) = self.voices.puppets(network).people.remove(account) else {
            return Ok(());
        };
        if !puppet.nicks.is_empty() {
            turn.store.nick_goes_on(network, Some(account), turn.now)?;
        }
        let fading = &mut self.voices.puppets(network).fading;
        fading.retain(|(_, _, until)| *until > turn.now);
        let faded = |nick: &String| (nick.clone(), account.clone(), turn.now + FADING);
        fading.extend(puppet.nicks.iter().map(faded));
        let theirs = Voice::Puppet(account.clone());
        let mut places = Vec::new();
        for (place, spot) in &mut self.spots {
            let said = spot.lane.under_way().filter(|it| it.voice == theirs).map(|it| it.ticket);
            if spot.place.network() == Some(network)
                && let Some(ticket) = said
            {
                spot.lane.lose(turn.store)?;
                places.push((*place, ticket));
            }
        }
        for (place, ticket) in places {
            let nick = puppet.nicks.last().cloned().unwrap_or_default();
            let awaited = Awaited { place, ticket, nick, since: turn.now };
            let Some(spot) = self.spots.get(&place) else { continue };
            if spot.lane.in_doubt().is_none() || puppet.gone.contains(&place) {
                self.decide_awaited(network, &awaited, turn)?;
            } else if spot.lane.is_open() {
                self.voices.puppets(network).awaited.push(awaited);
            }
        }
        Ok(())
    }

    /// A line that was said under the nick of a puppet, as the bridge sees it. Says whether it was.
    pub(super) fn seen_of_puppet(
        &mut self,
        network: &Network,
        place: PlaceId,
        talk: &Talk,
        turn: &mut Turn<'_>,
    ) -> Result<bool, StoreError> {
        let Some(puppets) = self.voices.puppets_of(network) else { return Ok(false) };
        let Some(account) = puppets.owner(&talk.author.name, turn.now) else { return Ok(false) };
        puppets.see(place, &account, talk);
        let cursor = Cursor {
            time: talk.mark.time.unwrap_or(turn.now),
            line: Some(talk.mark.msgid.clone()),
        };
        turn.store.heard_up_to(place, &cursor, turn.now)?;
        Ok(true)
    }

    /// What the bridge sees of those who come and go may be of puppets.
    pub(super) fn presence_of_puppets(
        &mut self,
        network: &Network,
        presence: &Presence,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        let Some(puppets) = self.voices.puppets_of(network) else { return Ok(()) };
        match presence {
            Presence::Went { places, who, .. } => {
                for awaited in puppets.left(&who.nick, places) {
                    self.decide_awaited(network, &awaited, turn)?;
                }
            }
            Presence::Changed { before, now, .. } if before.nick != now.nick => {
                let named = |puppet: &&mut Puppet| puppet.nicks.contains(&before.nick);
                if let Some(puppet) = puppets.people.values_mut().find(named)
                    && !puppet.nicks.contains(&now.nick)
                {
                    // Its own connection tells so too; a line of it may reach us before.
                    puppet.nicks.insert(0, now.nick.clone());
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// The server of `network` is still there: what is lost for long enough is decided.
    pub(super) fn puppets_alive(
        &mut self,
        network: &Network,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        let now = turn.now;
        let Some(puppets) = self.voices.puppets_of(network) else { return Ok(()) };
        for awaited in puppets.take(|it| now.duration_since(it.since) >= ON_THEIR_WAY) {
            self.decide_awaited(network, &awaited, turn)?;
        }
        Ok(())
    }

    /// The bridge has seen every line that a lost puppet has said.
    fn decide_awaited(
        &mut self,
        network: &Network,
        awaited: &Awaited,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        let Awaited { place, ticket, .. } = *awaited;
        let Some(spot) = self.spots.get_mut(&place) else { return Ok(()) };
        if spot.lane.in_doubt().is_some_and(|delivery| delivery.ticket == ticket) {
            let expected = self.voices.puppets(network).expected.remove(&place);
            let seen = expected.into_iter().flatten().find(|it| it.ticket == ticket);
            match seen {
                Some(it) if it.is_seen() => return self.settle(ticket, place, None, turn),
                Some(it) if !it.blind => {
                    if it.seen > 0 {
                        spot.lane.advance(it.base + it.seen, turn.store)?;
                    }
                    spot.lane.again(turn.store)?;
                }
                _ => self.decide_doubt(network, place, turn)?,
            }
        }
        self.advance(place, turn)
    }
}

/// The same event without what only the bridge's own connection may say of its line.
fn unmarked(event: Event) -> Event {
    match event {
        Event::Partly { ticket, place, end, .. } => {
            Event::Partly { ticket, place, end, mark: irc::Mark::default() }
        }
        other => other,
    }
}
