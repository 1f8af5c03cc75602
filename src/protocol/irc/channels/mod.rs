//! Joins channels and keeps track of whether we are in them.

mod entry;
pub(super) mod join;
pub(super) mod join_check;
pub(super) mod kept;
pub(super) mod membership;
mod names;
pub(super) mod questions;
pub(super) mod rights;
pub(super) mod topics;
pub(super) mod user_events;
pub(super) mod users;
pub(super) mod voice;
pub(super) mod who;
pub(super) mod who_poll;
pub(super) mod whois;

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use self::entry::{ChannelEntry, JoinState};
use super::errors::join::RejoinPolicy;
use crate::domain::{Casemapping, EndpointId};
use crate::protocol::Backoff;

pub use self::entry::ChannelTarget;

/// Time limit for the server to answer a JOIN.
const JOIN_TIMEOUT: Duration = Duration::from_secs(60);

/// How long we must stay in a channel before the retry delay is reset. With less, a channel that kicks us on
/// every join would see us rejoin again and again.
const TRIES_RESET_AFTER: Duration = Duration::from_secs(900);

/// Minimum time between a JOIN and one triggered by somebody else.
const MIN_REJOIN_INTERVAL: Duration = Duration::from_secs(10);

/// All channels that the session should be in.
#[derive(Debug)]
pub(in crate::protocol::irc) struct Channels {
    channels: Vec<ChannelEntry>,
    by_endpoint: HashMap<EndpointId, usize>,
    by_name: HashMap<String, usize>,
    casemapping: Casemapping,
    timers: BTreeSet<(Instant, usize)>,
    rng: fastrand::Rng,
}

impl Channels {
    pub(in crate::protocol::irc) fn new(targets: Vec<ChannelTarget>, seed: u64) -> Self {
        let channels: Vec<ChannelEntry> = targets.into_iter().map(ChannelEntry::new).collect();
        let by_endpoint =
            channels.iter().enumerate().map(|(i, c)| (c.target.endpoint, i)).collect();
        let mut channels = Self {
            channels,
            by_endpoint,
            by_name: HashMap::new(),
            casemapping: Casemapping::default(),
            timers: BTreeSet::new(),
            rng: fastrand::Rng::with_seed(seed),
        };
        channels.set_casemapping(Casemapping::default());
        channels
    }

    /// Adds a channel. If it is there already, only its key is changed; if that differs, a channel that could
    /// not be joined is tried again.
    pub(in crate::protocol::irc) fn add(&mut self, target: ChannelTarget, now: Instant) {
        if let Some(at) = self.by_endpoint.get(&target.endpoint).copied() {
            let channel = &mut self.channels[at];
            let is_other_key = !channel.target.has_same_key(&target);
            channel.target.key = target.key;
            if is_other_key && channel.state == JoinState::RetryWait && !channel.is_impossible {
                self.retry_soon(at, now);
            }
            return;
        }
        let removed = |channel: &ChannelEntry| channel.state == JoinState::Removed;
        let at = self.channels.iter().position(removed).unwrap_or(self.channels.len());
        self.by_endpoint.insert(target.endpoint, at);
        self.by_name.insert(self.casemapping.fold(&target.name), at);
        let entry = ChannelEntry::new(target);
        match self.channels.get_mut(at) {
            Some(place) => *place = entry,
            None => self.channels.push(entry),
        }
    }

    /// The session should not be in this channel any more. Returns the channel's name if the server may have
    /// us in it.
    pub(in crate::protocol::irc) fn remove(&mut self, endpoint: EndpointId) -> Option<String> {
        let at = self.by_endpoint.remove(&endpoint)?;
        let before = self.channels[at].state;
        self.set_state(at, JoinState::Removed, None);
        self.by_name.retain(|_, index| *index != at);
        let may_be_in =
            matches!(before, JoinState::Joining | JoinState::AwaitingNames | JoinState::Joined);
        may_be_in.then(|| self.channels[at].name().to_owned())
    }

    /// Sets the server's case mapping.
    pub(in crate::protocol::irc) fn set_casemapping(&mut self, casemapping: Casemapping) {
        self.casemapping = casemapping;
        let linked = |(_, channel): &(usize, &ChannelEntry)| channel.state != JoinState::Removed;
        let channels = self.channels.iter().enumerate().filter(linked);
        self.by_name =
            channels.clone().map(|(i, c)| (casemapping.fold(&c.target.name), i)).collect();
        self.by_name.extend(channels.map(|(i, c)| (casemapping.fold(c.name()), i)));
    }

    /// The endpoint of the channel `name`, if it is one of ours.
    pub(in crate::protocol::irc) fn endpoint_of(&self, name: &str) -> Option<EndpointId> {
        self.index_of(name).map(|at| self.channels[at].target.endpoint)
    }

    /// Whether we are in `name`, according to the server.
    pub(in crate::protocol::irc) fn is_joined(&self, name: &str) -> bool {
        self.index_of(name).is_some_and(|at| self.channels[at].state == JoinState::Joined)
    }

    /// The name of the channel at `endpoint`: the server's, if we have been in it, or else the configured
    /// one.
    pub(in crate::protocol::irc) fn name_of(&self, endpoint: EndpointId) -> Option<&str> {
        self.by_endpoint.get(&endpoint).map(|at| self.channels[*at].name())
    }

    /// The channels that we are in, according to the server.
    pub(in crate::protocol::irc) fn joined_endpoints(&self) -> impl Iterator<Item = EndpointId> {
        self.channels.iter().filter(|it| it.state == JoinState::Joined).map(|it| it.target.endpoint)
    }

    /// Starts to join all channels that we are out of. Those with a key come first, as JOIN requires.
    pub(in crate::protocol::irc) fn start_joins(
        &mut self,
        now: Instant,
    ) -> Vec<(&str, &ChannelTarget)> {
        let out: Vec<usize> = (0..self.channels.len())
            .filter(|at| self.channels[*at].state == JoinState::NotJoined)
            .collect();
        for at in &out {
            self.channels[*at].last_join_at = Some(now);
            self.set_state(*at, JoinState::Joining, Some(now + JOIN_TIMEOUT));
        }
        let named = |at: &usize| (self.channels[*at].name(), &self.channels[*at].target);
        let mut targets: Vec<(&str, &ChannelTarget)> = out.iter().map(named).collect();
        targets.sort_by_key(|(_, target)| target.key.is_none());
        targets
    }

    /// Reverts joins in flight, because the server did not process them.
    pub(in crate::protocol::irc) fn cancel_joins(&mut self) {
        for at in 0..self.channels.len() {
            if self.channels[at].state == JoinState::Joining {
                self.set_state(at, JoinState::NotJoined, None);
            }
        }
    }

    /// Our own JOIN of `name` was received, sent at `time`.
    pub(in crate::protocol::irc) fn on_own_join(
        &mut self,
        name: &str,
        time: Option<Timestamp>,
        now: Instant,
    ) {
        self.match_server_name(name);
        if let Some(at) = self.index_of(name) {
            (self.channels[at].entered_at, self.channels[at].join_server_time) = (Some(now), time);
            self.set_state(at, JoinState::AwaitingNames, Some(now + JOIN_TIMEOUT));
        }
    }

    /// NAMES for `name` is complete. If we have just joined, returns the endpoint and the time.
    pub(in crate::protocol::irc) fn on_end_of_names(
        &mut self,
        name: &str,
    ) -> Option<(EndpointId, Option<Timestamp>)> {
        let at = self.index_of(name)?;
        // NAMES can also be answered for channels that we are not in.
        if self.channels[at].state != JoinState::AwaitingNames {
            return None;
        }
        self.set_state(at, JoinState::Joined, None);
        Some((self.channels[at].target.endpoint, self.channels[at].join_server_time))
    }

    /// The server rejected the join of `name`, or removed us from it. Returns the endpoint.
    pub(in crate::protocol::irc) fn on_not_joined(
        &mut self,
        name: &str,
        policy: RejoinPolicy,
        now: Instant,
    ) -> Option<EndpointId> {
        let at = self.index_of(name)?;
        let channel = &mut self.channels[at];
        if channel.is_given_up() {
            return None;
        }
        if channel.entered_at.take().is_some_and(|at| now.duration_since(at) >= TRIES_RESET_AFTER) {
            channel.tries = 0;
        }
        self.schedule_retry(at, policy, now);
        Some(self.channels[at].target.endpoint)
    }

    /// We were invited to `name`. Returns whether a channel can be joined now because of it.
    pub(in crate::protocol::irc) fn on_invite(&mut self, name: &str, now: Instant) -> bool {
        let Some(at) = self.index_of(name) else { return false };
        if self.channels[at].state != JoinState::RetryWait {
            return false;
        }
        self.retry_soon(at, now);
        true
    }

    /// We are logged in: joins the channels that require it.
    pub(in crate::protocol::irc) fn on_logged_in(&mut self, now: Instant) {
        for at in 0..self.channels.len() {
            let channel = &self.channels[at];
            if channel.state == JoinState::RetryWait
                && channel.rejoin_policy == RejoinPolicy::AfterLogin
            {
                self.retry_soon(at, now);
            }
        }
    }

    /// Handles timeouts: returns the channels whose JOIN was not answered, and retries those whose delay is
    /// over.
    pub(in crate::protocol::irc) fn tick(&mut self, now: Instant) -> Vec<EndpointId> {
        let mut unanswered = Vec::new();
        while let Some((due, at)) = self.timers.first().copied().filter(|(due, _)| *due <= now) {
            self.timers.remove(&(due, at));
            self.channels[at].due_at = None;
            if self.channels[at].state == JoinState::RetryWait {
                self.set_state(at, JoinState::NotJoined, None);
            } else {
                self.schedule_retry(at, RejoinPolicy::Soon, now);
                unanswered.push(self.channels[at].target.endpoint);
            }
        }
        unanswered
    }

    pub(in crate::protocol::irc) fn deadline(&self) -> Option<Instant> {
        self.timers.first().map(|(due, _)| *due)
    }

    fn index_of(&self, name: &str) -> Option<usize> {
        self.by_name.get(&self.casemapping.fold(name)).copied()
    }

    /// Schedules a retry with growing delays.
    fn schedule_retry(&mut self, at: usize, policy: RejoinPolicy, now: Instant) {
        let channel = &mut self.channels[at];
        let (first, last) = policy.delays();
        let wait = Backoff::after_failures(channel.tries, first, last).next_delay(&mut self.rng);
        channel.tries += 1;
        channel.rejoin_policy = policy;
        let due = (policy != RejoinPolicy::Never).then(|| now + wait);
        self.set_state(at, JoinState::RetryWait, due);
    }

    /// The obstacle is gone: retry, but not too often.
    fn retry_soon(&mut self, at: usize, now: Instant) {
        match self.channels[at]
            .last_join_at
            .map(|asked| asked + MIN_REJOIN_INTERVAL)
            .filter(|soon| *soon > now)
        {
            Some(soon) => self.set_state(at, JoinState::RetryWait, Some(soon)),
            None => self.set_state(at, JoinState::NotJoined, None),
        }
    }

    fn set_state(&mut self, at: usize, state: JoinState, due: Option<Instant>) {
        let channel = &mut self.channels[at];
        if let Some(old) = channel.due_at.take() {
            self.timers.remove(&(old, at));
        }
        channel.state = state;
        channel.due_at = due;
        self.timers.extend(due.map(|due| (due, at)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEA: EndpointId = EndpointId(1);

    fn channels() -> Channels {
        let target = ChannelTarget { endpoint: TEA, name: "#Tea".to_owned(), key: None };
        Channels::new(vec![target], 1)
    }

    #[test]
    fn joined_state_follows_the_server() {
        let now = Instant::now();
        let mut channels = channels();
        assert_eq!(channels.start_joins(now).len(), 1);
        assert!(channels.start_joins(now).is_empty(), "asked once");
        assert_eq!(channels.on_end_of_names("#tea"), None, "not before our own JOIN");
        let time = Some(Timestamp::UNIX_EPOCH);
        channels.on_own_join("#tea", time, now);
        assert_eq!(channels.on_end_of_names("#TEA"), Some((TEA, time)));
        assert_eq!(channels.on_end_of_names("#tea"), None, "only once");
        assert_eq!(channels.deadline(), None);
    }

    #[test]
    fn rejoin_delay_grows_after_each_kick() {
        let mut now = Instant::now();
        let mut channels = channels();
        let mut waits = Vec::new();
        for _ in 0..9 {
            channels.start_joins(now);
            channels.on_own_join("#tea", None, now);
            assert_eq!(channels.on_end_of_names("#tea"), Some((TEA, None)));
            assert_eq!(channels.on_not_joined("#tea", RejoinPolicy::Soon, now), Some(TEA));
            let due = channels.deadline().expect("a wait");
            waits.push((due - now).as_secs());
            now = due;
            assert!(channels.tick(now).is_empty());
        }
        assert!(waits[0] <= 5 && waits[8] >= 300, "{waits:?}");
        channels.start_joins(now);
        channels.on_own_join("#tea", None, now);
        now += TRIES_RESET_AFTER;
        channels.on_not_joined("#tea", RejoinPolicy::Soon, now);
        assert!(channels.deadline().is_some_and(|due| due <= now + Duration::from_secs(5)));
    }

    #[test]
    fn invite_and_login_retry_at_a_bounded_rate() {
        let mut now = Instant::now();
        let mut channels = channels();
        assert!(!channels.on_invite("#tea", now), "nobody has refused us");
        channels.start_joins(now);
        channels.on_not_joined("#tea", RejoinPolicy::AfterLogin, now);
        now += MIN_REJOIN_INTERVAL;
        assert!(!channels.on_invite("#other", now) && channels.on_invite("#TEA", now));
        assert_eq!(channels.start_joins(now).len(), 1);
        channels.on_not_joined("#tea", RejoinPolicy::AfterLogin, now);
        channels.on_logged_in(now);
        assert!(channels.start_joins(now).is_empty());
        assert_eq!(channels.deadline(), Some(now + MIN_REJOIN_INTERVAL));
        channels.tick(now + MIN_REJOIN_INTERVAL);
        assert_eq!(channels.start_joins(now + MIN_REJOIN_INTERVAL).len(), 1);
    }

    #[test]
    fn impossible_name_is_reported_once() {
        let now = Instant::now();
        let mut asked = channels();
        assert_eq!(asked.reject_impossible("#&", Some(4), now), []);
        asked.start_joins(now);
        let reason = "the name has 4 characters; this server allows 3".to_owned();
        assert_eq!(asked.reject_impossible("#", Some(3), now), [(TEA, reason)]);
        assert_eq!(asked.reject_impossible("#", Some(3), now), []);
        assert_eq!(
            asked.on_not_joined("#tea", RejoinPolicy::Later, now),
            None,
            "not to be asked for again"
        );
        let mut other = channels();
        let reason = "channel names on this server begin with one of \"&+\"".to_owned();
        assert_eq!(other.reject_impossible("&+", None, now), [(TEA, reason)]);
    }

    #[test]
    fn server_spelling_of_a_channel_is_used() {
        for (asked, name, ours) in [
            ("!tea", "!ABCDEtea", true),
            ("!!tea", "!AB2DEtea", true),
            ("!tea", "!ABCDEcoffee", false),
            ("!tea", "!ABCDEFtea", false),
            ("!tea", "!-----tea", false),
            ("!tea", "#tea", false),
            ("!é", "!ABCDEé", true),
            ("#te\u{301}", "#té", true),
            ("#TÉ", "#té", true),
            ("#tea", "#tea2", false),
        ] {
            let now = Instant::now();
            let target = ChannelTarget { endpoint: TEA, name: asked.to_owned(), key: None };
            let mut channels = Channels::new(vec![target], 1);
            channels.on_own_join(name, None, now);
            assert_eq!(channels.endpoint_of(name), None, "not asked for: {asked}");
            channels.start_joins(now);
            channels.on_own_join(name, None, now);
            assert_eq!(
                channels.on_end_of_names(name),
                ours.then_some((TEA, None)),
                "{asked} {name}"
            );
            assert_eq!(channels.name_of(TEA), Some(if ours { name } else { asked }));
            channels.set_casemapping(Casemapping::Ascii);
            assert_eq!(channels.endpoint_of(name), ours.then_some(TEA));
            assert!(!channels.forget_server_name(name), "it was not asked for again");
            channels.on_not_joined(name, RejoinPolicy::Soon, now);
            channels.tick(now + TRIES_RESET_AFTER);
            channels.start_joins(now + TRIES_RESET_AFTER);
            channels.forget_server_name(name);
            assert_eq!(
                (channels.name_of(TEA), channels.endpoint_of(asked)),
                (Some(asked), Some(TEA))
            );
        }
    }

    #[test]
    fn changed_isupport_makes_a_channel_possible() {
        let now = Instant::now();
        let mut channels = channels();
        let reason = "the server supports no channels (CHANTYPES is empty)".to_owned();
        assert_eq!(channels.reject_impossible("", None, now), [(TEA, reason)]);
        assert!(channels.start_joins(now).is_empty());
        assert_eq!(channels.reject_impossible("#", None, now), []);
        assert_eq!(channels.start_joins(now).len(), 1);
    }

    #[test]
    fn removed_channel_is_forgotten_and_its_place_used_again() {
        let now = Instant::now();
        let mut channels = channels();
        channels.start_joins(now);
        assert_eq!(channels.remove(TEA), Some("#Tea".to_owned()));
        assert_eq!(channels.remove(TEA), None);
        channels.set_casemapping(Casemapping::Ascii);
        assert_eq!((channels.endpoint_of("#tea"), channels.deadline()), (None, None));
        assert_eq!(channels.reject_impossible("&", None, now), []);
        let target = ChannelTarget { endpoint: EndpointId(2), name: "#dev".to_owned(), key: None };
        channels.add(target, now);
        assert_eq!(channels.channels.len(), 1);
        assert_eq!(channels.endpoint_of("#DEV"), Some(EndpointId(2)));
        assert_eq!(channels.start_joins(now).len(), 1);
        channels.on_not_joined("#dev", RejoinPolicy::Soon, now);
        assert_eq!(channels.remove(EndpointId(2)), None, "the server has refused us");
    }

    #[test]
    fn another_key_is_tried_soon() {
        let now = Instant::now();
        let mut channels = channels();
        channels.start_joins(now);
        channels.on_not_joined("#tea", RejoinPolicy::Later, now);
        let with_key = |key: &str| ChannelTarget {
            endpoint: TEA,
            name: "#Tea".to_owned(),
            key: Some(key.to_owned().into()),
        };
        channels.add(with_key("hot"), now);
        assert_eq!(channels.deadline(), Some(now + MIN_REJOIN_INTERVAL));
        channels.tick(now + MIN_REJOIN_INTERVAL);
        assert_eq!(channels.start_joins(now + MIN_REJOIN_INTERVAL).len(), 1);
        channels.on_not_joined("#tea", RejoinPolicy::Later, now + MIN_REJOIN_INTERVAL);
        let due = channels.deadline();
        channels.add(with_key("hot"), now);
        assert_eq!(channels.deadline(), due, "it is the same one");
    }

    #[test]
    fn impossible_channel_is_not_retried() {
        let now = Instant::now();
        let mut channels = channels();
        channels.start_joins(now);
        channels.on_not_joined("#tea", RejoinPolicy::Never, now);
        assert_eq!(channels.deadline(), None);
    }

    #[test]
    fn unanswered_join_is_retried() {
        let now = Instant::now();
        let mut channels = channels();
        channels.start_joins(now);
        assert_eq!(channels.tick(now + JOIN_TIMEOUT), [TEA]);
        let due = channels.deadline().expect("a wait");
        assert!(channels.tick(due).is_empty());
        assert_eq!(channels.start_joins(due).len(), 1);
    }
}
