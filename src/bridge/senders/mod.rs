//! Who can send for others, besides the bot.
//!
//! In Let's Chat, people of IRC have accounts ([`accounts`]).
//!
//! On IRC, in channels with nicks per user, each user has a connection ([`puppets`]), or the server sends each line
//! under another nick (`RELAYMSG`). If the server rejects that for its own reasons (for a
//! nick, for a channel, or in general), the bot sends the message instead. If channel operators have muted a
//! user, the bot does not.

pub(in crate::bridge) mod accounts;
pub(super) mod puppets;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::domain::{Author, EndpointId, LetsChatUserId, Network, Sender};
use crate::protocol::irc::Scope;
use crate::store::{Store, StoreError};
use crate::translate;
use accounts::Accounts;
use puppets::Puppets;
use puppets::logins::PuppetLogins;

/// How Let's Chat users get nicks of their own in a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NickPolicy {
    /// The kind of sender.
    pub source: NickSource,
    /// The template for nicks, where `{user}` is the user name.
    pub template: String,
}

/// The kind of sender with nicks per user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NickSource {
    /// `RELAYMSG`.
    Relaymsg,
    /// Puppets.
    Puppet {
        /// Whether the bot sends for a user whose puppet was removed by a channel operator.
        ban_fallback: bool,
        /// Whether puppets show the away status of their users.
        show_away: bool,
    },
}

/// How long to wait in a channel where RELAYMSG is not permitted: an operator may give us the right to.
const RELAYMSG_RETRY_INTERVAL: SignedDuration = SignedDuration::from_mins(10);

/// Chooses senders, and keeps their state.
#[derive(Debug, Default)]
pub(in crate::bridge) struct Senders {
    nick_policies: HashMap<EndpointId, NickPolicy>,
    /// The nick templates of networks that use RELAYMSG.
    relaymsg_templates: HashMap<Network, String>,
    /// What the servers of networks say of RELAYMSG.
    relaymsg_support: HashMap<Network, RelaymsgSupport>,
    /// The state of RELAYMSG, by network that supports it and uses it.
    relaymsg: HashMap<Network, RelaymsgState>,
    /// When RELAYMSG was rejected in a channel.
    relaymsg_rejected_at: HashMap<EndpointId, Timestamp>,
    /// The puppets, by network that uses them.
    puppets: HashMap<Network, Puppets>,
    /// The services accounts of puppets.
    pub(in crate::bridge) puppet_logins: PuppetLogins,
    /// The accounts on Let's Chat that people of IRC speak as.
    pub(in crate::bridge) accounts: Accounts,
}

/// The length of puppet nicks, which most servers accept. On a server with a lower limit, a shorter nick is
/// tried.
const MAX_LEN_PUPPET_NICK: usize = 30;

/// What a server says of RELAYMSG.
#[derive(Debug, Clone)]
struct RelaymsgSupport {
    /// A nick must contain one of these.
    separators: String,
    max_nick_len: usize,
}

#[derive(Debug)]
struct RelaymsgState {
    /// The template, including a separator that the server requires.
    template: String,
    max_nick_len: usize,
    /// Reserved nicks.
    nicks_by_user: HashMap<LetsChatUserId, Arc<str>>,
    /// Users whose nicks were rejected.
    rejected: HashSet<LetsChatUserId>,
}

impl Senders {
    /// Gives Let's Chat users nicks of their own in these channels, and people of IRC these accounts; puppets log
    /// in with `puppet_logins`. On one network, all RELAYMSG nicks share a template, and so do all puppet nicks.
    pub(in crate::bridge) fn new(
        channels: Vec<(EndpointId, Network, NickPolicy)>,
        accounts: Accounts,
        puppet_logins: PuppetLogins,
    ) -> Self {
        let mut senders = Self { accounts, puppet_logins, ..Self::default() };
        senders.set_nick_policies(channels);
        senders
    }

    /// Gives Let's Chat users nicks of their own in these channels from now on. Nicks of another template are
    /// taken with the next message.
    pub(in crate::bridge) fn set_nick_policies(
        &mut self,
        channels: Vec<(EndpointId, Network, NickPolicy)>,
    ) {
        self.nick_policies.clear();
        let templates_before = std::mem::take(&mut self.relaymsg_templates);
        for (endpoint, network, nicks) in channels {
            match nicks.source {
                NickSource::Relaymsg => {
                    drop(self.relaymsg_templates.insert(network, nicks.template.clone()));
                }
                NickSource::Puppet { show_away: away, .. } => {
                    self.puppets.entry(network).or_default().show_away = away;
                }
            }
            self.nick_policies.insert(endpoint, nicks);
        }
        for (network, support) in self.relaymsg_support.clone() {
            if templates_before.get(&network) != self.relaymsg_templates.get(&network) {
                self.relaymsg.remove(&network);
                self.enable_relaymsg(&network, &support.separators, support.max_nick_len);
            }
        }
    }

    /// The server of `network` supports RELAYMSG for nicks with one of `separators` and at most `limit`
    /// characters.
    pub(in crate::bridge) fn enable_relaymsg(
        &mut self,
        network: &Network,
        separators: &str,
        limit: usize,
    ) {
        let support = RelaymsgSupport { separators: separators.to_owned(), max_nick_len: limit };
        self.relaymsg_support.insert(network.clone(), support);
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
        let relaymsg = RelaymsgState {
            template,
            max_nick_len: limit,
            nicks_by_user: nicks,
            rejected: without,
        };
        self.relaymsg.insert(network.clone(), relaymsg);
    }

    /// The connection to `network` is lost: the next server may differ.
    pub(in crate::bridge) fn connection_lost(&mut self, network: &Network) {
        self.relaymsg.remove(network);
        self.relaymsg_support.remove(network);
    }

    /// The puppets on `network`, if it uses them.
    pub(in crate::bridge) fn get_puppets(&mut self, network: &Network) -> Option<&mut Puppets> {
        self.puppets.get_mut(network)
    }

    /// Whether the bot has yet to see something that a puppet has sent.
    pub(in crate::bridge) fn awaits_echoes(&self) -> bool {
        self.puppets.values().any(Puppets::awaits_echoes)
    }

    /// All puppets.
    pub(in crate::bridge) fn all_puppets_mut(
        &mut self,
    ) -> impl Iterator<Item = (&Network, &mut Puppets)> {
        self.puppets.iter_mut()
    }

    /// How Let's Chat users get nicks of their own in the channel, if they do.
    pub(in crate::bridge) fn nick_source(&self, endpoint: EndpointId) -> Option<NickSource> {
        self.nick_policies.get(&endpoint).map(|policy| policy.source)
    }

    /// Whether this nick belongs to a puppet.
    pub(in crate::bridge) fn is_puppet_nick(&self, network: &Network, nick: &str) -> bool {
        self.puppets.get(network).is_some_and(|puppets| puppets.has_nick(nick))
    }

    pub(in crate::bridge) fn puppets_mut(&mut self, network: &Network) -> &mut Puppets {
        self.puppets.entry(network.clone()).or_default()
    }

    /// The nick for this user's puppet in the channel.
    pub(in crate::bridge) fn puppet_nick(
        &self,
        (network, endpoint): (&Network, EndpointId),
        account: &LetsChatUserId,
        author: &Author,
        store: &mut Store,
    ) -> Result<Option<String>, StoreError> {
        let Some(NickPolicy { template, .. }) = self.nick_policies.get(&endpoint) else {
            return Ok(None);
        };
        let nicks = translate::nick_candidates(template, &author.name, MAX_LEN_PUPPET_NICK);
        store.reserve_nick(network, account, false, nicks)
    }

    /// The sender for a message of `author` by RELAYMSG in the channel.
    pub(in crate::bridge) fn relaymsg_sender(
        &mut self,
        (network, endpoint): (&Network, EndpointId),
        author: &Author,
        now: Timestamp,
        store: &mut Store,
    ) -> Result<Sender, StoreError> {
        let Some(relaymsg) = self.relaymsg.get_mut(network) else { return Ok(Sender::Bot) };
        let account = user_id(author);
        let closed = self.relaymsg_rejected_at.get(&endpoint);
        let closed =
            closed.is_some_and(|since| now.duration_since(*since) < RELAYMSG_RETRY_INTERVAL);
        if closed || relaymsg.rejected.contains(&account) {
            return Ok(Sender::Bot);
        }
        if let Some(nick) = relaymsg.nicks_by_user.get(&account) {
            return Ok(Sender::Relaymsg(Arc::clone(nick)));
        }
        let nicks =
            translate::nick_candidates(&relaymsg.template, &author.name, relaymsg.max_nick_len);
        let Some(nick) = store.reserve_nick(network, &account, true, nicks)? else {
            relaymsg.rejected.insert(account);
            return Ok(Sender::Bot);
        };
        let nick: Arc<str> = nick.into();
        relaymsg.nicks_by_user.insert(account, Arc::clone(&nick));
        Ok(Sender::Relaymsg(nick))
    }

    /// The server has rejected RELAYMSG with this nick.
    pub(in crate::bridge) fn on_relaymsg_rejected(
        &mut self,
        (network, endpoint): (&Network, EndpointId),
        author: &Author,
        scope: Scope,
        now: Timestamp,
    ) {
        match scope {
            Scope::Nick => {
                let relaymsg = self.relaymsg.get_mut(network);
                relaymsg.map(|relaymsg| relaymsg.rejected.insert(user_id(author)));
            }
            Scope::Channel => {
                self.relaymsg_rejected_at.insert(endpoint, now);
            }
            Scope::Network => {
                self.relaymsg.remove(network);
            }
        }
    }
}

/// The user id of a Let's Chat author.
pub(in crate::bridge) fn user_id(author: &Author) -> LetsChatUserId {
    LetsChatUserId(author.account.as_deref().unwrap_or(&author.name).into())
}
