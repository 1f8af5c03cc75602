//! Private talks between somebody on IRC and somebody on Let's Chat, through the bridge.
//!
//! Whoever is in a channel writes `!msg bob hello` to the bridge alone; bob, who is in a room that is
//! linked with that channel, gets it as a private message of the bridge's account, and answers there.
//! What is written goes the road of everything else: heard and committed before anything else happens,
//! one delivery under way for each reader, in order, and through the death of the process. It is shown
//! nowhere else: neither in a room nor in the log.
//!
//! Nothing is guessed about who somebody is. On IRC that is whoever is logged in to an account or, where
//! there is none, whoever has kept a nick since the talk began, under our eyes ([`Party`]). What is for
//! somebody who has left is refused, and whoever wrote it is told.

mod deliver;
mod failures;
mod identity;
mod inbound;
mod lookup;
mod parties;
mod rate_limit;
mod replies;
mod taking;
mod threads;

use std::collections::{BTreeSet, HashMap};

use jiff::{SignedDuration, Timestamp};

use super::deliver::queue::DeliveryQueue;
use super::{Bridge, Peer};
use crate::domain::{EndpointId, Network, UserRef};
use crate::store::{Store, StoreError};

use parties::Parties;
pub(super) use rate_limit::{RateDecision, UserRateLimiter};
use threads::{Correspondent, THREAD_TIMEOUT, Threads};

/// How often somebody may write: so many times at once, and then once in this time.
const DM_BURST: i32 = 10;
const DM_INTERVAL: SignedDuration = SignedDuration::from_secs(3);

/// How often people on one side may write, all together: on a network, or in Let's Chat.
const CROWD: i32 = 200;
const CROWDED: SignedDuration = SignedDuration::from_millis(50);

/// How many who have not talked of late may begin to on one side: so many at once, and then one in this time. Each
/// takes a row in the database until the bridge is started again a day later.
const NEWCOMERS: i32 = 1_000;
const NEW: SignedDuration = SignedDuration::from_secs(10);

/// To how many people something may wait to be said.
const MOST_LANES: usize = 1_000;

/// How often somebody is answered by the bridge itself. Another program could answer that.
const REPLY_BURST: i32 = 6;
const REPLY_INTERVAL: SignedDuration = SignedDuration::from_secs(60);

/// Those who talk in private.
#[derive(Debug)]
pub(super) struct DirectMessages {
    /// The networks on which people may; none where nobody may.
    networks: BTreeSet<Network>,
    /// Whether Let's Chat carries such, once it has said so.
    letschat_enabled: Option<bool>,
    /// Those to whom something is to be said.
    recipients: HashMap<EndpointId, DmRecipient>,
    /// Those who have talked of late.
    endpoints_by_user: Parties,
    threads: Threads,
    /// How often each may write, and is answered.
    dm_limiter: UserRateLimiter,
    reply_limiter: UserRateLimiter,
    /// How often those on each side may, all together, and how many who have not talked of late: by the
    /// side's number, below nought.
    crowds: UserRateLimiter,
    newcomers: UserRateLimiter,
    /// When all to whom something is to be said were last looked at because of a list of a channel.
    listed_at: Option<Timestamp>,
    /// Since when each side can be spoken to.
    connected_since: HashMap<Peer, Timestamp>,
    /// When to look for those who are to be told that something did not arrive; `None` where nobody is.
    report_at: Option<Timestamp>,
}

/// Somebody to whom something is to be said.
#[derive(Debug)]
struct DmRecipient {
    user: UserRef,
    queue: DeliveryQueue,
    /// How often in a row the far end has not answered.
    ack_timeouts: u32,
    /// Why nothing more can be said to them, as whoever they were.
    gone_reason: Option<String>,
}

impl Default for DirectMessages {
    fn default() -> Self {
        Self {
            networks: BTreeSet::new(),
            letschat_enabled: None,
            recipients: HashMap::new(),
            endpoints_by_user: Parties::default(),
            threads: Threads::default(),
            dm_limiter: UserRateLimiter::new(DM_BURST, DM_INTERVAL),
            reply_limiter: UserRateLimiter::new(REPLY_BURST, REPLY_INTERVAL),
            crowds: UserRateLimiter::new(CROWD, CROWDED),
            newcomers: UserRateLimiter::new(NEWCOMERS, NEW),
            listed_at: None,
            connected_since: HashMap::new(),
            // Perhaps the last run has left some.
            report_at: Some(Timestamp::MIN),
        }
    }
}

impl DirectMessages {
    /// Whether people on `network` may talk in private.
    pub(super) fn is_enabled_on(&self, network: &Network) -> bool {
        self.networks.contains(network)
    }

    /// The number that stands for all on `network`, or in Let's Chat.
    fn crowd(&self, network: Option<&Network>) -> EndpointId {
        let at = self.networks.iter().position(|it| Some(it) == network);
        EndpointId(-1 - at.map_or(0, |at| i64::try_from(at).unwrap_or_default() + 1))
    }

    /// Whether it tells those whose words did not arrive.
    pub(super) fn is_enabled(&self) -> bool {
        !self.networks.is_empty()
    }

    /// How many deliveries are under way.
    pub(super) fn in_flight(&self) -> usize {
        self.recipients.values().filter(|reader| reader.queue.in_flight().is_some()).count()
    }

    /// What `place` is called.
    fn name_of(&self, place: EndpointId) -> &str {
        self.endpoints_by_user.name(place).unwrap_or("somebody")
    }
}

impl Bridge {
    /// The same, through which people on these `networks` and on Let's Chat can talk in private.
    ///
    /// # Errors
    /// When the store does not do its part.
    pub fn with_direct_messages(
        mut self,
        networks: impl IntoIterator<Item = Network>,
        now: Timestamp,
        store: &mut Store,
    ) -> Result<Self, StoreError> {
        self.direct.networks = networks.into_iter().collect();
        store.forget_written(now - THREAD_TIMEOUT)?;
        for (place, party) in store.users_with_pending()? {
            self.recover_recipient(place, party, now, store)?;
        }
        for written in store.dms_since(now - THREAD_TIMEOUT)? {
            let (from, to) =
                (store.user_endpoint_id(&written.from)?, store.user_endpoint_id(&written.to)?);
            let partner = |party: &UserRef, place| match party {
                // Whoever goes by it now may be somebody else.
                UserRef::Nick(_, nick) => Correspondent::Gone(nick.to_string()),
                UserRef::Account(..) | UserRef::LetsChat(_) => Correspondent::Known(place),
            };
            let is_known = |party: &UserRef| !matches!(party, UserRef::Nick(..));
            let partners = &mut self.direct.threads;
            if is_known(&written.from) {
                partners.set_current(from, partner(&written.to, to), written.sent_at);
            }
            if is_known(&written.to) {
                partners.record_received(to, partner(&written.from, from), written.sent_at);
            }
        }
        Ok(self)
    }

    /// Whether people on `network`, or in the rooms, can talk in private now.
    pub(super) fn has_direct_messages(&self, network: Option<&Network>) -> bool {
        let DirectMessages { networks, letschat_enabled: carries, .. } = &self.direct;
        *carries == Some(true) && network.map_or(!networks.is_empty(), |it| networks.contains(it))
    }

    /// Takes up what the last run has left to be said to `party`.
    fn recover_recipient(
        &mut self,
        place: EndpointId,
        party: UserRef,
        now: Timestamp,
        store: &mut Store,
    ) -> Result<(), StoreError> {
        let mut lane = DeliveryQueue::recover(place, store)?;
        let name = match &party {
            UserRef::Account(_, name) | UserRef::Nick(_, name) => name.to_string(),
            UserRef::LetsChat(_) => "a Let's Chat user".to_owned(),
        };
        if let UserRef::Nick(..) = party {
            let why = |lane: &DeliveryQueue| match lane.in_doubt() {
                Some(_) => replies::CONNECTION_LOST_UNKNOWN_NICK,
                None => replies::LOST_TRACK,
            };
            while let Some(delivery) = lane.drop_head(why(&lane), now, store)? {
                self.queue_quota.remove(&delivery.message);
                store.mark_unreported(delivery.id)?;
            }
            return Ok(());
        }
        self.direct.endpoints_by_user.meet(&party, place, &name);
        self.direct.recipients.insert(place, DmRecipient::new(party, lane));
        Ok(())
    }
}

impl DmRecipient {
    fn new(party: UserRef, lane: DeliveryQueue) -> Self {
        Self { user: party, queue: lane, ack_timeouts: 0, gone_reason: None }
    }
}
