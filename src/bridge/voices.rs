//! By whom it is said on IRC what people of Let's Chat have said.
//!
//! In a channel where they are to be heard under nicks of their own, each has a connection of their own
//! ([`puppets`](super::puppets)), or the server is asked to lend a nick for each line (`RELAYMSG`).
//! Whom it refuses that for a reason of its own is spoken for by the bridge, as everywhere else: one
//! whose nick it cannot have, a channel in which we may not, or everybody. Whom the operators of a
//! channel have muted is not.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::puppets::{Choice, Puppets};
use super::{Bridge, Turn};
use crate::domain::{Author, DeliveryId, Endpoint, EndpointId, LetsChatUserId, Network, Sender};
use crate::protocol::irc::Scope;
use crate::store::{Store, StoreError};
use crate::translate;

/// How people of Let's Chat are heard in a channel, where it is not by the bridge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nicks {
    /// Where the nicks come from.
    pub source: Source,
    /// How a nick is made of a user name, which stands in it as `{user}`.
    pub template: String,
}

/// Where a nick comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The server lends it, for one line (`RELAYMSG`).
    Lent,
    /// Each has a connection of their own.
    Puppet {
        /// Whom an operator of a channel has put out of it is spoken for there by the bridge.
        evade: bool,
        /// People see of them who is away.
        away: bool,
    },
}

/// How long a channel is left alone in which we may not speak under other nicks: somebody may make
/// us its operator.
const AGAIN_AFTER: SignedDuration = SignedDuration::from_mins(10);

/// By whom it is said what people of Let's Chat have said.
#[derive(Debug, Default)]
pub(super) struct Voices {
    channels: HashMap<EndpointId, Nicks>,
    /// How nicks are made on the networks that are to lend them.
    lent: HashMap<Network, String>,
    /// What the servers that lend nicks want of them.
    lending: HashMap<Network, Lending>,
    /// In which channels, since when, we may not speak under other nicks.
    closed: HashMap<EndpointId, Timestamp>,
    /// On the networks where people have connections of their own.
    puppets: HashMap<Network, Puppets>,
}

/// Who is to say something.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Speaker {
    /// This voice.
    By(Sender),
    /// Nobody: an operator of the channel does not want it.
    Nobody,
}

/// How long a nick of a connection may be: what most servers take. One that takes less says so, and is
/// given a shorter one.
const PUPPET_NICK: usize = 30;

#[derive(Debug)]
struct Lending {
    /// The template, with what the server wants in it.
    template: String,
    limit: usize,
    /// Who stands as whom.
    nicks: HashMap<LetsChatUserId, Arc<str>>,
    /// Whose nick it does not take.
    without: HashSet<LetsChatUserId>,
}

impl Voices {
    fn new(channels: Vec<(EndpointId, Network, Nicks)>) -> Self {
        let mut voices = Self::default();
        for (place, network, nicks) in channels {
            match nicks.source {
                Source::Lent => drop(voices.lent.insert(network, nicks.template.clone())),
                Source::Puppet { away, .. } => {
                    voices.puppets.insert(network, Puppets::new(away));
                }
            }
            voices.channels.insert(place, nicks);
        }
        voices
    }

    /// The server of `network` lends nicks that hold one of `separators` and have at most `limit`
    /// characters.
    pub(super) fn lends(&mut self, network: &Network, separators: &str, limit: usize) {
        let Some(template) = self.lent.get(network) else { return };
        let template = match separators.chars().next() {
            Some(first) if !template.contains(|c| separators.contains(c)) => {
                let mine = template.rfind(|c: char| !c.is_alphanumeric() && !"{}_".contains(c));
                match mine {
                    Some(at) => format!("{}{first}{}", &template[..at], &template[at + 1..]),
                    None => format!("{template}{first}"),
                }
            }
            _ => template.clone(),
        };
        let (nicks, without) = (HashMap::new(), HashSet::new());
        let lending = Lending { template, limit, nicks, without };
        self.lending.insert(network.clone(), lending);
    }

    /// The connection to `network` is lost: what its next server wants is not known.
    pub(super) fn lost(&mut self, network: &Network) {
        self.lending.remove(network);
    }

    /// The puppets on `network`, where people have such.
    pub(super) fn puppets_of(&mut self, network: &Network) -> Option<&mut Puppets> {
        self.puppets.get_mut(network)
    }

    /// All of them.
    pub(super) fn all_puppets(&mut self) -> impl Iterator<Item = (&Network, &mut Puppets)> {
        self.puppets.iter_mut()
    }

    /// Whether whoever goes by `nick` on `network` is one of ours.
    pub(super) fn are_of_puppet(&self, network: &Network, nick: &str) -> bool {
        self.puppets.get(network).is_some_and(|puppets| puppets.has(nick))
    }

    pub(super) fn puppets(&mut self, network: &Network) -> &mut Puppets {
        self.puppets.entry(network.clone()).or_default()
    }

    /// The nick for a connection of whoever has `account`, to sit at `place`.
    pub(super) fn nick(
        &self,
        (network, place): (&Network, EndpointId),
        account: &LetsChatUserId,
        author: &Author,
        store: &mut Store,
    ) -> Result<Option<String>, StoreError> {
        let Some(Nicks { template, .. }) = self.channels.get(&place) else { return Ok(None) };
        let nicks = translate::nick_candidates(template, &author.name, PUPPET_NICK);
        store.reserve_nick(network, account, false, nicks)
    }

    /// Under which nick of the server's a message of `author` is to be said at `place` on `network`.
    fn lent(
        &mut self,
        (network, place): (&Network, EndpointId),
        author: &Author,
        now: Timestamp,
        store: &mut Store,
    ) -> Result<Sender, StoreError> {
        let Some(lending) = self.lending.get_mut(network) else { return Ok(Sender::Bot) };
        let account = account(author);
        let closed = self.closed.get(&place);
        let closed = closed.is_some_and(|since| now.duration_since(*since) < AGAIN_AFTER);
        if closed || lending.without.contains(&account) {
            return Ok(Sender::Bot);
        }
        if let Some(nick) = lending.nicks.get(&account) {
            return Ok(Sender::Relaymsg(Arc::clone(nick)));
        }
        let nicks = translate::nick_candidates(&lending.template, &author.name, lending.limit);
        let Some(nick) = store.reserve_nick(network, &account, true, nicks)? else {
            lending.without.insert(account);
            return Ok(Sender::Bot);
        };
        let nick: Arc<str> = nick.into();
        lending.nicks.insert(account, Arc::clone(&nick));
        Ok(Sender::Relaymsg(nick))
    }

    /// The server has something against that voice.
    fn refused(
        &mut self,
        (network, place): (&Network, EndpointId),
        author: &Author,
        scope: Scope,
        now: Timestamp,
    ) {
        match scope {
            Scope::Nick => {
                let lending = self.lending.get_mut(network);
                lending.map(|lending| lending.without.insert(account(author)));
            }
            Scope::Channel => {
                self.closed.insert(place, now);
            }
            Scope::Network => {
                self.lending.remove(network);
            }
        }
    }
}

impl Bridge {
    /// The same, in whose `channels` people of Let's Chat are heard under nicks of their own. On one
    /// network all of those that the server lends are made alike, and so are all of connections.
    #[must_use]
    pub fn under_nicks(mut self, channels: impl IntoIterator<Item = (Endpoint, Nicks)>) -> Self {
        let ids: HashMap<&Endpoint, EndpointId> =
            self.spots.iter().map(|(id, spot)| (&spot.place, *id)).collect();
        let known = |(place, nicks): (Endpoint, Nicks)| {
            Some((*ids.get(&place)?, place.network()?.clone(), nicks))
        };
        self.voices = Voices::new(channels.into_iter().filter_map(known).collect());
        self
    }

    /// By whom the next delivery to `place` is to be said.
    pub(super) fn speaker(
        &mut self,
        place: EndpointId,
        turn: &mut Turn<'_>,
    ) -> Result<Speaker, StoreError> {
        let bridge = Ok(Speaker::By(Sender::Bot));
        let Some(next) = self.spots.get(&place).and_then(|spot| spot.lane.first()) else {
            return bridge;
        };
        let (said_in, author) = (next.message.source, next.message.author.clone());
        let from = self.spots.get(&said_in).map(|spot| &spot.place);
        let to = self.spots.get(&place).map(|spot| &spot.place);
        let (Some(Endpoint::Room(_)), Some(Endpoint::Channel { network, .. })) = (from, to) else {
            return bridge;
        };
        let network = network.clone();
        let source = self.voices.channels.get(&place).map(|nicks| nicks.source);
        match source.filter(|_| !author.is_bridge()) {
            None => bridge,
            Some(Source::Lent) => {
                let voice = self.voices.lent((&network, place), &author, turn.now, turn.store)?;
                Ok(Speaker::By(voice))
            }
            Some(Source::Puppet { evade, .. }) => {
                let account = account(&author);
                self.is_speaking(&network, &account, turn);
                Ok(match self.voices.puppets(&network).choose(&account, place) {
                    Choice::Puppet => Speaker::By(Sender::Puppet(account)),
                    Choice::Nobody if !evade => Speaker::Nobody,
                    Choice::Bridge | Choice::Nobody => Speaker::By(Sender::Bot),
                    Choice::Call => {
                        self.call_puppet(&network, place, (account, &author), turn)?;
                        Speaker::By(Sender::Bot)
                    }
                })
            }
        }
    }

    /// The server will not have `ticket` said under that nick: it is said by the bridge.
    pub(super) fn voiceless(
        &mut self,
        network: &Network,
        (ticket, place): (DeliveryId, EndpointId),
        (scope, why): (Scope, &str),
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        let Some(spot) = self.spots.get_mut(&place) else { return Ok(()) };
        let Some(delivery) = spot.lane.take_back(ticket, turn.store)? else { return Ok(()) };
        tracing::info!(place = %spot.place, ?scope, why, "not under a nick of their own");
        self.voices.refused((network, place), &delivery.message.author, scope, turn.now);
        self.advance(place, turn)
    }
}

/// What somebody of Let's Chat is known by.
fn account(author: &Author) -> LetsChatUserId {
    LetsChatUserId(author.account.as_deref().unwrap_or(&author.name).into())
}
