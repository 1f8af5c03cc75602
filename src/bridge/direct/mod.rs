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

mod allowance;
mod hearing;
mod lanes;
mod news;
mod parties;
mod partners;
mod sight;
mod taking;
mod telling;
mod words;

use std::collections::{BTreeSet, HashMap};

use jiff::{SignedDuration, Timestamp};

use super::lane::Lane;
use super::{Bridge, Peer};
use crate::domain::{EndpointId, Network, UserRef};
use crate::store::{Store, StoreError};

pub(super) use allowance::{Allowance, May};
use parties::Parties;
use partners::{Partner, Partners, TALK};

/// How often somebody may write: so many times at once, and then once in this time.
const BURST: i32 = 10;
const EVERY: SignedDuration = SignedDuration::from_secs(3);

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
const ANSWERS: i32 = 6;
const ANSWERED: SignedDuration = SignedDuration::from_secs(60);

/// Those who talk in private.
#[derive(Debug)]
pub(super) struct Direct {
    /// The networks on which people may; none where nobody may.
    networks: BTreeSet<Network>,
    /// Whether Let's Chat carries such, once it has said so.
    carries: Option<bool>,
    /// Those to whom something is to be said.
    lanes: HashMap<EndpointId, Reader>,
    /// Those who have talked of late.
    parties: Parties,
    partners: Partners,
    /// How often each may write, and is answered.
    writing: Allowance,
    answering: Allowance,
    /// How often those on each side may, all together, and how many who have not talked of late: by the
    /// side's number, below nought.
    crowds: Allowance,
    newcomers: Allowance,
    /// When all to whom something is to be said were last looked at because of a list of a channel.
    listed_at: Option<Timestamp>,
    /// Since when each side can be spoken to.
    up: HashMap<Peer, Timestamp>,
    /// When to look for those who are to be told that something did not arrive; `None` where nobody is.
    untold_at: Option<Timestamp>,
}

/// Somebody to whom something is to be said.
#[derive(Debug)]
struct Reader {
    party: UserRef,
    lane: Lane,
    /// How often in a row the far end has not answered.
    unanswered: u32,
    /// Why nothing more can be said to them, as whoever they were.
    gone: Option<String>,
}

impl Default for Direct {
    fn default() -> Self {
        Self {
            networks: BTreeSet::new(),
            carries: None,
            lanes: HashMap::new(),
            parties: Parties::default(),
            partners: Partners::default(),
            writing: Allowance::new(BURST, EVERY),
            answering: Allowance::new(ANSWERS, ANSWERED),
            crowds: Allowance::new(CROWD, CROWDED),
            newcomers: Allowance::new(NEWCOMERS, NEW),
            listed_at: None,
            up: HashMap::new(),
            // Perhaps the last run has left some.
            untold_at: Some(Timestamp::MIN),
        }
    }
}

impl Direct {
    /// Whether people on `network` may talk in private.
    pub(super) fn is_on(&self, network: &Network) -> bool {
        self.networks.contains(network)
    }

    /// The number that stands for all on `network`, or in Let's Chat.
    fn crowd(&self, network: Option<&Network>) -> EndpointId {
        let at = self.networks.iter().position(|it| Some(it) == network);
        EndpointId(-1 - at.map_or(0, |at| i64::try_from(at).unwrap_or_default() + 1))
    }

    /// Whether it tells those whose words did not arrive.
    pub(super) fn tells(&self) -> bool {
        !self.networks.is_empty()
    }

    /// How many deliveries are under way.
    pub(super) fn under_way(&self) -> usize {
        self.lanes.values().filter(|reader| reader.lane.under_way().is_some()).count()
    }

    /// What `place` is called.
    fn name(&self, place: EndpointId) -> &str {
        self.parties.name(place).unwrap_or("somebody")
    }
}

impl Bridge {
    /// The same, through which people on these `networks` and on Let's Chat can talk in private.
    ///
    /// # Errors
    /// When the store does not do its part.
    pub fn directing(
        mut self,
        networks: impl IntoIterator<Item = Network>,
        now: Timestamp,
        store: &mut Store,
    ) -> Result<Self, StoreError> {
        self.direct.networks = networks.into_iter().collect();
        store.forget_written(now - TALK)?;
        for (place, party) in store.users_with_pending()? {
            self.take_up(place, party, now, store)?;
        }
        for written in store.dms_since(now - TALK)? {
            let (from, to) =
                (store.user_endpoint_id(&written.from)?, store.user_endpoint_id(&written.to)?);
            let partner = |party: &UserRef, place| match party {
                // Whoever goes by it now may be somebody else.
                UserRef::Nick(_, nick) => Partner::Gone(nick.to_string()),
                UserRef::Account(..) | UserRef::LetsChat(_) => Partner::Here(place),
            };
            let is_known = |party: &UserRef| !matches!(party, UserRef::Nick(..));
            let partners = &mut self.direct.partners;
            if is_known(&written.from) {
                partners.turns_to(from, partner(&written.to, to), written.sent_at);
            }
            if is_known(&written.to) {
                partners.hears_from(to, partner(&written.from, from), written.sent_at);
            }
        }
        Ok(self)
    }

    /// Whether people on `network`, or in the rooms, can talk in private now.
    pub(super) fn talks_in_private(&self, network: Option<&Network>) -> bool {
        let Direct { networks, carries, .. } = &self.direct;
        *carries == Some(true) && network.map_or(!networks.is_empty(), |it| networks.contains(it))
    }

    /// Takes up what the last run has left to be said to `party`.
    fn take_up(
        &mut self,
        place: EndpointId,
        party: UserRef,
        now: Timestamp,
        store: &mut Store,
    ) -> Result<(), StoreError> {
        let mut lane = Lane::recover(place, store)?;
        let name = match &party {
            UserRef::Account(_, name) | UserRef::Nick(_, name) => name.to_string(),
            UserRef::LetsChat(_) => "somebody on Let's Chat".to_owned(),
        };
        if let UserRef::Nick(..) = party {
            let why = |lane: &Lane| match lane.in_doubt() {
                Some(_) => words::DOUBTFUL,
                None => words::UNSEEN,
            };
            while let Some(delivery) = lane.give_up(why(&lane), now, store)? {
                self.waiting.remove(&delivery.message);
                store.mark_unreported(delivery.id)?;
            }
            return Ok(());
        }
        self.direct.parties.meet(&party, place, &name);
        self.direct.lanes.insert(place, Reader::new(party, lane));
        Ok(())
    }
}

impl Reader {
    fn new(party: UserRef, lane: Lane) -> Self {
        Self { party, lane, unanswered: 0, gone: None }
    }
}
