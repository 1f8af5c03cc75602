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

use crate::bridge::irc::puppets::{PuppetChoice, Puppets};
use crate::bridge::{Bridge, Ctx};
use crate::domain::{Author, DeliveryId, Endpoint, EndpointId, LetsChatUserId, Network, Sender};
use crate::protocol::irc::Scope;
use crate::store::{Store, StoreError};
use crate::translate;

/// How people of Let's Chat are heard in a channel, where it is not by the bridge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NickPolicy {
    /// Where the nicks come from.
    pub source: NickSource,
    /// How a nick is made of a user name, which stands in it as `{user}`.
    pub template: String,
}

/// Where a nick comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NickSource {
    /// The server lends it, for one line (`RELAYMSG`).
    Relaymsg,
    /// Each has a connection of their own.
    Puppet {
        /// Whom an operator of a channel has put out of it is spoken for there by the bridge.
        ban_fallback: bool,
        /// People see of them who is away.
        show_away: bool,
    },
}

/// How long a channel is left alone in which we may not speak under other nicks: somebody may make
/// us its operator.
const RELAYMSG_RETRY_INTERVAL: SignedDuration = SignedDuration::from_mins(10);

/// By whom it is said what people of Let's Chat have said.
#[derive(Debug, Default)]
pub(in crate::bridge) struct Senders {
    nick_policies: HashMap<EndpointId, NickPolicy>,
    /// How nicks are made on the networks that are to lend them.
    relaymsg_templates: HashMap<Network, String>,
    /// What the servers that lend nicks want of them.
    relaymsg: HashMap<Network, RelaymsgState>,
    /// In which channels, since when, we may not speak under other nicks.
    relaymsg_rejected_at: HashMap<EndpointId, Timestamp>,
    /// On the networks where people have connections of their own.
    puppets: HashMap<Network, Puppets>,
}

/// Who is to say something.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::bridge) enum SenderChoice {
    /// This voice.
    As(Sender),
    /// Nobody: an operator of the channel does not want it.
    Nobody,
}

/// How long a nick of a connection may be: what most servers take. One that takes less says so, and is
/// given a shorter one.
const MAX_LEN_PUPPET_NICK: usize = 30;

#[derive(Debug)]
struct RelaymsgState {
    /// The template, with what the server wants in it.
    template: String,
    max_nick_len: usize,
    /// Who stands as whom.
    nicks_by_user: HashMap<LetsChatUserId, Arc<str>>,
    /// Whose nick it does not take.
    rejected: HashSet<LetsChatUserId>,
}

impl Senders {
    fn new(channels: Vec<(EndpointId, Network, NickPolicy)>) -> Self {
        let mut voices = Self::default();
        for (place, network, nicks) in channels {
            match nicks.source {
                NickSource::Relaymsg => {
                    drop(voices.relaymsg_templates.insert(network, nicks.template.clone()));
                }
                NickSource::Puppet { show_away: away, .. } => {
                    voices.puppets.insert(network, Puppets::new(away));
                }
            }
            voices.nick_policies.insert(place, nicks);
        }
        voices
    }

    /// The server of `network` lends nicks that hold one of `separators` and have at most `limit`
    /// characters.
    pub(in crate::bridge) fn enable_relaymsg(
        &mut self,
        network: &Network,
        separators: &str,
        limit: usize,
    ) {
        let Some(template) = self.relaymsg_templates.get(network) else { return };
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
        let lending = RelaymsgState {
            template,
            max_nick_len: limit,
            nicks_by_user: nicks,
            rejected: without,
        };
        self.relaymsg.insert(network.clone(), lending);
    }

    /// The connection to `network` is lost: what its next server wants is not known.
    pub(in crate::bridge) fn connection_lost(&mut self, network: &Network) {
        self.relaymsg.remove(network);
    }

    /// The puppets on `network`, where people have such.
    pub(in crate::bridge) fn get_puppets(&mut self, network: &Network) -> Option<&mut Puppets> {
        self.puppets.get_mut(network)
    }

    /// All of them.
    pub(in crate::bridge) fn all_puppets_mut(
        &mut self,
    ) -> impl Iterator<Item = (&Network, &mut Puppets)> {
        self.puppets.iter_mut()
    }

    /// Whether whoever goes by `nick` on `network` is one of ours.
    pub(in crate::bridge) fn is_puppet_nick(&self, network: &Network, nick: &str) -> bool {
        self.puppets.get(network).is_some_and(|puppets| puppets.has_nick(nick))
    }

    pub(in crate::bridge) fn puppets_mut(&mut self, network: &Network) -> &mut Puppets {
        self.puppets.entry(network.clone()).or_default()
    }

    /// The nick for a connection of whoever has `account`, to sit at `place`.
    pub(in crate::bridge) fn puppet_nick(
        &self,
        (network, place): (&Network, EndpointId),
        account: &LetsChatUserId,
        author: &Author,
        store: &mut Store,
    ) -> Result<Option<String>, StoreError> {
        let Some(NickPolicy { template, .. }) = self.nick_policies.get(&place) else {
            return Ok(None);
        };
        let nicks = translate::nick_candidates(template, &author.name, MAX_LEN_PUPPET_NICK);
        store.reserve_nick(network, account, false, nicks)
    }

    /// Under which nick of the server's a message of `author` is to be said at `place` on `network`.
    fn relaymsg_sender(
        &mut self,
        (network, place): (&Network, EndpointId),
        author: &Author,
        now: Timestamp,
        store: &mut Store,
    ) -> Result<Sender, StoreError> {
        let Some(lending) = self.relaymsg.get_mut(network) else { return Ok(Sender::Bot) };
        let account = user_id(author);
        let closed = self.relaymsg_rejected_at.get(&place);
        let closed =
            closed.is_some_and(|since| now.duration_since(*since) < RELAYMSG_RETRY_INTERVAL);
        if closed || lending.rejected.contains(&account) {
            return Ok(Sender::Bot);
        }
        if let Some(nick) = lending.nicks_by_user.get(&account) {
            return Ok(Sender::Relaymsg(Arc::clone(nick)));
        }
        let nicks =
            translate::nick_candidates(&lending.template, &author.name, lending.max_nick_len);
        let Some(nick) = store.reserve_nick(network, &account, true, nicks)? else {
            lending.rejected.insert(account);
            return Ok(Sender::Bot);
        };
        let nick: Arc<str> = nick.into();
        lending.nicks_by_user.insert(account, Arc::clone(&nick));
        Ok(Sender::Relaymsg(nick))
    }

    /// The server has something against that voice.
    fn on_relaymsg_rejected(
        &mut self,
        (network, place): (&Network, EndpointId),
        author: &Author,
        scope: Scope,
        now: Timestamp,
    ) {
        match scope {
            Scope::Nick => {
                let lending = self.relaymsg.get_mut(network);
                lending.map(|lending| lending.rejected.insert(user_id(author)));
            }
            Scope::Channel => {
                self.relaymsg_rejected_at.insert(place, now);
            }
            Scope::Network => {
                self.relaymsg.remove(network);
            }
        }
    }
}

impl Bridge {
    /// The same, in whose `channels` people of Let's Chat are heard under nicks of their own. On one
    /// network all of those that the server lends are made alike, and so are all of connections.
    #[must_use]
    pub fn with_nick_policies(
        mut self,
        channels: impl IntoIterator<Item = (Endpoint, NickPolicy)>,
    ) -> Self {
        let ids: HashMap<&Endpoint, EndpointId> =
            self.endpoints.iter().map(|(id, spot)| (&spot.endpoint, *id)).collect();
        let known = |(place, nicks): (Endpoint, NickPolicy)| {
            Some((*ids.get(&place)?, place.network()?.clone(), nicks))
        };
        self.senders = Senders::new(channels.into_iter().filter_map(known).collect());
        self
    }

    /// By whom the next delivery to `place` is to be said.
    pub(in crate::bridge) fn choose_sender(
        &mut self,
        place: EndpointId,
        turn: &mut Ctx<'_>,
    ) -> Result<SenderChoice, StoreError> {
        let bridge = Ok(SenderChoice::As(Sender::Bot));
        let Some(next) = self.endpoints.get(&place).and_then(|spot| spot.queue.head()) else {
            return bridge;
        };
        let (said_in, author) = (next.message.source, next.message.author.clone());
        let from = self.endpoints.get(&said_in).map(|spot| &spot.endpoint);
        let to = self.endpoints.get(&place).map(|spot| &spot.endpoint);
        let (Some(Endpoint::Room(_)), Some(Endpoint::Channel { network, .. })) = (from, to) else {
            return bridge;
        };
        let network = network.clone();
        let source = self.senders.nick_policies.get(&place).map(|nicks| nicks.source);
        match source.filter(|_| !author.is_bridge()) {
            None => bridge,
            Some(NickSource::Relaymsg) => {
                let voice = self.senders.relaymsg_sender(
                    (&network, place),
                    &author,
                    turn.now,
                    turn.store,
                )?;
                Ok(SenderChoice::As(voice))
            }
            Some(NickSource::Puppet { ban_fallback: evade, .. }) => {
                let account = user_id(&author);
                self.on_user_spoke(&network, &account, turn);
                Ok(match self.senders.puppets_mut(&network).sender_for(&account, place) {
                    PuppetChoice::Puppet => SenderChoice::As(Sender::Puppet(account)),
                    PuppetChoice::Nobody if !evade => SenderChoice::Nobody,
                    PuppetChoice::Bot | PuppetChoice::Nobody => SenderChoice::As(Sender::Bot),
                    PuppetChoice::Connect => {
                        self.connect_puppet(&network, place, (account, &author), turn)?;
                        SenderChoice::As(Sender::Bot)
                    }
                })
            }
        }
    }

    /// The server will not have `ticket` said under that nick: it is said by the bridge.
    pub(in crate::bridge) fn on_relaymsg_rejected(
        &mut self,
        network: &Network,
        (ticket, place): (DeliveryId, EndpointId),
        (scope, why): (Scope, &str),
        turn: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let Some(spot) = self.endpoints.get_mut(&place) else { return Ok(()) };
        let Some(delivery) = spot.queue.cancel(ticket, turn.store)? else { return Ok(()) };
        tracing::info!(endpoint = %spot.endpoint, ?scope, reason = why, "RELAYMSG rejected; sending as bot");
        self.senders.on_relaymsg_rejected(
            (network, place),
            &delivery.message.author,
            scope,
            turn.now,
        );
        self.schedule(place, turn)
    }
}

/// What somebody of Let's Chat is known by.
fn user_id(author: &Author) -> LetsChatUserId {
    LetsChatUserId(author.account.as_deref().unwrap_or(&author.name).into())
}
