//! The users of a connection that another process takes over.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::info::{MAX_LEN, user_bytes};
use super::{MAX_NETSPLIT, MAX_USERS, NETSPLIT_TIMEOUT, UserEntry, Users, truncate_to_bytes};
use crate::domain::{ChannelMember, EndpointId, IrcUser};
use crate::protocol::irc::budget::MAX_USERS_BYTES;

/// The users of our channels, as the next process is to know them.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct KeptUsers {
    users: Vec<KeptUser>,
    /// The members of each channel, by its name in the configuration.
    channels: Vec<(String, Vec<KeptMember>)>,
    /// The folded nicks of users behind a netsplit, and for how many seconds.
    netsplit: Vec<(String, u64)>,
}

#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct KeptUser {
    nick: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    userhost: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    realname: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    away: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    bot: bool,
}

/// The place of a user in [`KeptUsers::users`], and their status prefixes.
type KeptMember = (usize, String);

impl KeptUsers {
    /// The same without users, for a connection that others know as much as.
    pub(in crate::protocol::irc) fn is_empty(&self) -> bool {
        self.channels.is_empty()
    }
}

impl Users {
    /// What the next process is to know. `name_of` gives the name of a channel in the configuration.
    pub(in crate::protocol::irc) fn keep<'n>(
        &self,
        name_of: impl Fn(EndpointId) -> Option<&'n str>,
        now: Instant,
    ) -> KeptUsers {
        let mut kept = KeptUsers::default();
        let mut places: HashMap<String, usize> = HashMap::new();
        let mut endpoints: Vec<EndpointId> = self.rosters.keys().copied().collect();
        endpoints.sort();
        for endpoint in endpoints {
            let (Some(name), Some(roster)) = (name_of(endpoint), self.rosters.get(&endpoint))
            else {
                continue;
            };
            let members = roster.iter().map(|member| {
                let folded = self.casemapping.fold(&member.user.nick);
                let place = *places.entry(folded).or_insert_with(|| {
                    kept.users.push(KeptUser::from(&*member.user));
                    kept.users.len() - 1
                });
                (place, member.prefixes.to_string())
            });
            kept.channels.push((name.to_owned(), members.collect()));
        }
        let split = self.netsplit_at.iter();
        let split = split.map(|(nick, at)| (nick, now.saturating_duration_since(*at)));
        let split = split.filter(|(_, ago)| *ago < NETSPLIT_TIMEOUT);
        kept.netsplit = split.map(|(nick, ago)| (nick.clone(), ago.as_secs())).collect();
        kept
    }

    /// Continues with what another process knew of the channels that we are in, and reports their members.
    /// `inside` gives the endpoint of such a channel by its name in the configuration.
    pub(in crate::protocol::irc) fn restore(
        &mut self,
        kept: &KeptUsers,
        inside: impl Fn(&str) -> Option<EndpointId>,
        now: Instant,
    ) {
        for (name, members) in &kept.channels {
            let Some(endpoint) = inside(name) else { continue };
            for (place, prefixes) in members {
                let user =
                    kept.users.get(*place).and_then(|user| self.restore_user(user, endpoint));
                if let Some(user) = user {
                    self.roster_mut(endpoint).insert(ChannelMember::new(user, prefixes));
                }
            }
            self.push_names(endpoint);
        }
        for (nick, secs) in kept.netsplit.iter().take(MAX_NETSPLIT) {
            let at = now.checked_sub(Duration::from_secs(*secs));
            self.netsplit_at.insert(nick.clone(), at.unwrap_or(now));
        }
    }

    /// Adds a user to a channel; `None` if there are too many.
    fn restore_user(&mut self, kept: &KeptUser, endpoint: EndpointId) -> Option<Arc<IrcUser>> {
        let folded = self.casemapping.fold(&kept.nick);
        let is_known = self.by_nick.contains_key(&folded);
        let is_full = self.by_nick.len() >= MAX_USERS || self.held_bytes > MAX_USERS_BYTES;
        if !is_known && (is_full || kept.nick.is_empty() || kept.nick.len() > MAX_LEN) {
            return None;
        }
        let held = &mut self.held_bytes;
        let entry = self.by_nick.entry(folded).or_insert_with(|| {
            let user = IrcUser::from(kept);
            *held += user_bytes(&user);
            UserEntry { user: Arc::new(user), endpoints: Vec::new() }
        });
        if !entry.endpoints.contains(&endpoint) {
            entry.endpoints.push(endpoint);
        }
        Some(Arc::clone(&entry.user))
    }
}

impl From<&IrcUser> for KeptUser {
    fn from(user: &IrcUser) -> Self {
        let IrcUser { nick, userhost, account, realname, away, bot } = user.clone();
        Self { nick, userhost, account, realname, away, bot }
    }
}

impl From<&KeptUser> for IrcUser {
    fn from(kept: &KeptUser) -> Self {
        let short =
            |text: &Option<String>| Some(truncate_to_bytes(text.as_ref()?, MAX_LEN).to_owned());
        let (userhost, account) = (short(&kept.userhost), short(&kept.account));
        let (away, bot) = (kept.away, kept.bot);
        let nick = kept.nick.clone();
        Self { nick, userhost, account, realname: short(&kept.realname), away, bot }
    }
}
