//! Direct messages between IRC and Let's Chat users, through the bridge.
//!
//! An IRC user in a channel sends `!msg bob hello` to the bot. bob, who is in a room linked with that
//! channel, receives it as a private message from the bot, and replies to it. Direct messages are processed
//! like all others: received and committed first, one delivery in flight per recipient, in order, across
//! restarts. They appear nowhere else, neither in a room nor in the log.
//!
//! Identities are never guessed. On IRC, a user is identified by their account, or by a nick that they have
//! kept in the bridge's sight since the conversation started ([`UserRef`]). Messages for users who have left
//! are rejected, and the sender is notified.

mod accept;
mod address;
mod deliver;
mod failures;
pub(super) mod identity;
mod inbound;
mod known_users;
mod lookup;
mod replies;
mod threads;

use std::collections::{BTreeSet, HashMap};

use jiff::{SignedDuration, Timestamp};

use super::endpoints::Endpoints;
use super::endpoints::queue::DeliveryQueue;
use super::endpoints::user::UserEndpoint;
use super::event::Peer;
use super::loop_guard::LoopGuard;
use super::rate_limit::UserRateLimiter;
use crate::domain::{EndpointId, Network, UserRef};
use crate::store::{Store, StoreError};
use known_users::KnownUsers;
use threads::{Correspondent, THREAD_TIMEOUT, Threads};

/// Rate limit per user: this many at once, then one per interval.
const DM_BURST: i32 = 10;
const DM_INTERVAL: SignedDuration = SignedDuration::from_secs(3);

/// Rate limit of all users of a network, or of Let's Chat.
const SIDE_BURST: i32 = 200;
const SIDE_INTERVAL: SignedDuration = SignedDuration::from_millis(50);

/// Rate limit of users new to direct messages, per side. Each needs a row in the database until the bridge is
/// restarted a day later.
const NEWCOMER_BURST: i32 = 1_000;
const NEWCOMER_INTERVAL: SignedDuration = SignedDuration::from_secs(10);

/// Maximum number of recipients with queued messages.
const MAX_RECIPIENTS: usize = 1_000;

/// Rate limit of the bridge's own replies, which a bot could answer.
const REPLY_BURST: i32 = 6;
const REPLY_INTERVAL: SignedDuration = SignedDuration::from_secs(60);

/// Direct messages: who may send them, and who receives them. The recipients and what is queued for them are
/// endpoints like any other.
#[derive(Debug)]
pub(super) struct DirectMessages {
    /// The networks where they are enabled.
    networks: BTreeSet<Network>,
    /// Whether Let's Chat has them enabled, once known.
    letschat_enabled: Option<bool>,
    /// Users with recent conversations.
    known_users: KnownUsers,
    threads: Threads,
    loop_guard: LoopGuard,
    /// Rate limits per user, for messages and replies.
    message_limiter: UserRateLimiter,
    reply_limiter: UserRateLimiter,
    /// Rate limits of each side as a whole, and of its new users; keyed by negative ids.
    side_limiter: UserRateLimiter,
    newcomer_limiter: UserRateLimiter,
    /// When all recipients were last checked because a NAMES list arrived.
    listed_at: Option<Timestamp>,
    /// Since when each side has been connected.
    connected_since: HashMap<Peer, Timestamp>,
    /// When to look for failures to report; `None` if there are none.
    report_at: Option<Timestamp>,
}

impl Default for DirectMessages {
    fn default() -> Self {
        Self {
            networks: BTreeSet::new(),
            letschat_enabled: None,
            known_users: KnownUsers::default(),
            threads: Threads::default(),
            loop_guard: LoopGuard::default(),
            message_limiter: UserRateLimiter::new(DM_BURST, DM_INTERVAL),
            reply_limiter: UserRateLimiter::new(REPLY_BURST, REPLY_INTERVAL),
            side_limiter: UserRateLimiter::new(SIDE_BURST, SIDE_INTERVAL),
            newcomer_limiter: UserRateLimiter::new(NEWCOMER_BURST, NEWCOMER_INTERVAL),
            listed_at: None,
            connected_since: HashMap::new(),
            // The last run may have left some.
            report_at: Some(Timestamp::MIN),
        }
    }
}

impl DirectMessages {
    /// The networks where they are enabled from now on.
    pub(super) fn set_networks(&mut self, networks: Vec<Network>) {
        self.networks = networks.into_iter().collect();
    }

    /// Direct messages between users on these `networks` and on Let's Chat, which continue where the last
    /// run ended.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub(super) fn recover(
        networks: impl IntoIterator<Item = Network>,
        now: Timestamp,
        endpoints: &mut Endpoints,
        store: &mut Store,
    ) -> Result<Self, StoreError> {
        let mut direct = Self { networks: networks.into_iter().collect(), ..Self::default() };
        store.erase_settled_texts(now - THREAD_TIMEOUT)?;
        for (endpoint, user) in store.users_with_pending()? {
            direct.recover_recipient(endpoint, user, now, endpoints, store)?;
        }
        for written in store.dms_since(now - THREAD_TIMEOUT)? {
            let from = store.user_endpoint_id(&written.from)?;
            let to = store.user_endpoint_id(&written.to)?;
            let threads = &mut direct.threads;
            if is_identified(&written.from) {
                threads.set_current(from, correspondent(&written.to, to), written.sent_at);
            }
            if is_identified(&written.to) {
                threads.record_received(to, correspondent(&written.from, from), written.sent_at);
            }
        }
        Ok(direct)
    }

    /// Restores what the last run has left to be delivered to this user.
    fn recover_recipient(
        &mut self,
        endpoint: EndpointId,
        user: UserRef,
        now: Timestamp,
        endpoints: &mut Endpoints,
        store: &mut Store,
    ) -> Result<(), StoreError> {
        let mut queue = DeliveryQueue::recover(endpoint, store)?;
        let name = match &user {
            UserRef::Account(_, name) | UserRef::Nick(_, name) => name.to_string(),
            UserRef::LetsChat(_) => "a Let's Chat user".to_owned(),
        };
        if let UserRef::Nick(..) = user {
            let reason = |queue: &DeliveryQueue| match queue.in_doubt() {
                Some(_) => replies::CONNECTION_LOST_UNKNOWN_NICK,
                None => replies::LOST_TRACK,
            };
            while let Some(delivery) = queue.drop_head(reason(&queue), now, store)? {
                endpoints.quota.remove(&delivery.message);
                store.mark_unreported(delivery.id)?;
            }
            return Ok(());
        }
        self.known_users.touch(&user, endpoint, &name);
        endpoints.insert_user(endpoint, UserEndpoint::new(user, queue));
        Ok(())
    }

    /// Whether direct messages are enabled on `network`.
    pub(super) fn is_enabled_on(&self, network: &Network) -> bool {
        self.networks.contains(network)
    }

    /// Whether direct messages are enabled on any network.
    pub(super) fn is_enabled(&self) -> bool {
        !self.networks.is_empty()
    }

    /// Whether direct messages are available now on `network`, or in the rooms.
    pub(super) fn is_available(&self, network: Option<&Network>) -> bool {
        self.letschat_enabled == Some(true)
            && network.map_or(self.is_enabled(), |network| self.is_enabled_on(network))
    }

    /// The id of the rate limit for all of `network`, or of Let's Chat.
    fn side_id(&self, network: Option<&Network>) -> EndpointId {
        let at = self.networks.iter().position(|it| Some(it) == network);
        EndpointId(-1 - at.map_or(0, |at| i64::try_from(at).unwrap_or_default() + 1))
    }

    /// The name of this user.
    fn name_of(&self, endpoint: EndpointId) -> &str {
        self.known_users.name(endpoint).unwrap_or("somebody")
    }
}

/// Whether the user is still the same after a restart. The user of a nick may be somebody else.
fn is_identified(user: &UserRef) -> bool {
    !matches!(user, UserRef::Nick(..))
}

fn correspondent(user: &UserRef, endpoint: EndpointId) -> Correspondent {
    match user {
        UserRef::Nick(_, nick) => Correspondent::Gone(nick.to_string()),
        UserRef::Account(..) | UserRef::LetsChat(_) => Correspondent::Known(endpoint),
    }
}
