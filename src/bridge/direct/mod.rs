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
mod deliver;
mod failures;
mod identity;
mod inbound;
mod known_users;
mod lookup;
mod rate_limit;
mod replies;
mod threads;

use std::collections::{BTreeSet, HashMap};

use jiff::{SignedDuration, Timestamp};

use super::deliver::queue::DeliveryQueue;
use super::{Bridge, Peer};
use crate::domain::{EndpointId, Network, UserRef};
use crate::store::{Store, StoreError};

use known_users::KnownUsers;
pub(super) use rate_limit::{RateDecision, UserRateLimiter};
use threads::{Correspondent, THREAD_TIMEOUT, Threads};

/// Rate limit per user: this many at once, then one per interval.
const DM_BURST: i32 = 10;
const DM_INTERVAL: SignedDuration = SignedDuration::from_secs(3);

/// Rate limit of all users of a network, or of Let's Chat.
const CROWD: i32 = 200;
const CROWDED: SignedDuration = SignedDuration::from_millis(50);

/// Rate limit of users new to direct messages, per side. Each needs a row in the database until the bridge is
/// restarted a day later.
const NEWCOMERS: i32 = 1_000;
const NEW: SignedDuration = SignedDuration::from_secs(10);

/// Maximum number of recipients with queued messages.
const MOST_LANES: usize = 1_000;

/// Rate limit of the bridge's own replies, which a bot could answer.
const REPLY_BURST: i32 = 6;
const REPLY_INTERVAL: SignedDuration = SignedDuration::from_secs(60);

/// The state of direct messages.
#[derive(Debug)]
pub(super) struct DirectMessages {
    /// The networks where they are enabled.
    networks: BTreeSet<Network>,
    /// Whether Let's Chat has them enabled, once known.
    letschat_enabled: Option<bool>,
    /// The recipients with queued messages.
    recipients: HashMap<EndpointId, DmRecipient>,
    /// Users with recent conversations.
    endpoints_by_user: KnownUsers,
    threads: Threads,
    /// Rate limits per user, for messages and replies.
    dm_limiter: UserRateLimiter,
    reply_limiter: UserRateLimiter,
    /// Rate limits of each side as a whole, and of its new users; keyed by negative ids.
    crowds: UserRateLimiter,
    newcomers: UserRateLimiter,
    /// When all recipients were last checked because a NAMES list arrived.
    listed_at: Option<Timestamp>,
    /// Since when each side has been connected.
    connected_since: HashMap<Peer, Timestamp>,
    /// When to look for failures to report; `None` if there are none.
    report_at: Option<Timestamp>,
}

/// A recipient with queued messages.
#[derive(Debug)]
struct DmRecipient {
    user: UserRef,
    queue: DeliveryQueue,
    /// How many consecutive deliveries were not acknowledged.
    ack_timeouts: u32,
    /// Why nothing more can be delivered to them under this identity.
    gone_reason: Option<String>,
}

impl Default for DirectMessages {
    fn default() -> Self {
        Self {
            networks: BTreeSet::new(),
            letschat_enabled: None,
            recipients: HashMap::new(),
            endpoints_by_user: KnownUsers::default(),
            threads: Threads::default(),
            dm_limiter: UserRateLimiter::new(DM_BURST, DM_INTERVAL),
            reply_limiter: UserRateLimiter::new(REPLY_BURST, REPLY_INTERVAL),
            crowds: UserRateLimiter::new(CROWD, CROWDED),
            newcomers: UserRateLimiter::new(NEWCOMERS, NEW),
            listed_at: None,
            connected_since: HashMap::new(),
            // The last run may have left some.
            report_at: Some(Timestamp::MIN),
        }
    }
}

impl DirectMessages {
    /// Whether direct messages are enabled on `network`.
    pub(super) fn is_enabled_on(&self, network: &Network) -> bool {
        self.networks.contains(network)
    }

    /// The id of the rate limit for all of `network`, or of Let's Chat.
    fn crowd(&self, network: Option<&Network>) -> EndpointId {
        let at = self.networks.iter().position(|it| Some(it) == network);
        EndpointId(-1 - at.map_or(0, |at| i64::try_from(at).unwrap_or_default() + 1))
    }

    /// Whether failures of direct messages are reported here.
    pub(super) fn is_enabled(&self) -> bool {
        !self.networks.is_empty()
    }

    /// The number of deliveries in flight.
    pub(super) fn in_flight(&self) -> usize {
        self.recipients.values().filter(|recipient| recipient.queue.in_flight().is_some()).count()
    }

    /// The name of this user.
    fn name_of(&self, endpoint: EndpointId) -> &str {
        self.endpoints_by_user.name(endpoint).unwrap_or("somebody")
    }
}

impl Bridge {
    /// Enables direct messages between users on these `networks` and on Let's Chat.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub fn with_direct_messages(
        mut self,
        networks: impl IntoIterator<Item = Network>,
        now: Timestamp,
        store: &mut Store,
    ) -> Result<Self, StoreError> {
        self.direct.networks = networks.into_iter().collect();
        store.erase_settled_texts(now - THREAD_TIMEOUT)?;
        for (endpoint, user) in store.users_with_pending()? {
            self.recover_recipient(endpoint, user, now, store)?;
        }
        for written in store.dms_since(now - THREAD_TIMEOUT)? {
            let (from, to) =
                (store.user_endpoint_id(&written.from)?, store.user_endpoint_id(&written.to)?);
            let partner = |user: &UserRef, endpoint| match user {
                // The current user of the nick may be somebody else.
                UserRef::Nick(_, nick) => Correspondent::Gone(nick.to_string()),
                UserRef::Account(..) | UserRef::LetsChat(_) => Correspondent::Known(endpoint),
            };
            let is_known = |user: &UserRef| !matches!(user, UserRef::Nick(..));
            let correspondents = &mut self.direct.threads;
            if is_known(&written.from) {
                correspondents.set_current(from, partner(&written.to, to), written.sent_at);
            }
            if is_known(&written.to) {
                correspondents.record_received(to, partner(&written.from, from), written.sent_at);
            }
        }
        Ok(self)
    }

    /// Whether direct messages are available now on `network`, or in the rooms.
    pub(super) fn has_direct_messages(&self, network: Option<&Network>) -> bool {
        let DirectMessages { networks, letschat_enabled: carries, .. } = &self.direct;
        *carries == Some(true) && network.map_or(!networks.is_empty(), |it| networks.contains(it))
    }

    /// Restores what the last run has left to be delivered to this user.
    fn recover_recipient(
        &mut self,
        endpoint: EndpointId,
        user: UserRef,
        now: Timestamp,
        store: &mut Store,
    ) -> Result<(), StoreError> {
        let mut queue = DeliveryQueue::recover(endpoint, store)?;
        let name = match &user {
            UserRef::Account(_, name) | UserRef::Nick(_, name) => name.to_string(),
            UserRef::LetsChat(_) => "a Let's Chat user".to_owned(),
        };
        if let UserRef::Nick(..) = user {
            let why = |queue: &DeliveryQueue| match queue.in_doubt() {
                Some(_) => replies::CONNECTION_LOST_UNKNOWN_NICK,
                None => replies::LOST_TRACK,
            };
            while let Some(delivery) = queue.drop_head(why(&queue), now, store)? {
                self.queue_quota.remove(&delivery.message);
                store.mark_unreported(delivery.id)?;
            }
            return Ok(());
        }
        self.direct.endpoints_by_user.touch(&user, endpoint, &name);
        self.direct.recipients.insert(endpoint, DmRecipient::new(user, queue));
        Ok(())
    }
}

impl DmRecipient {
    fn new(user: UserRef, queue: DeliveryQueue) -> Self {
        Self { user, queue, ack_timeouts: 0, gone_reason: None }
    }
}
