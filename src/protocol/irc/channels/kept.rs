//! The channels of a connection that another process takes over.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::Channels;
use super::entry::JoinState;
use super::{JOIN_TIMEOUT, TRIES_RESET_AFTER};
use crate::domain::EndpointId;
use crate::protocol::irc::errors::join::RejoinPolicy;

/// A channel, as the next process is to know it. Its key comes from the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::protocol::irc) struct KeptChannel {
    /// Its name in the configuration.
    name: String,
    /// The server's name for it, if that is another.
    #[serde(default)]
    server_name: Option<String>,
    place: KeptPlace,
    /// How often joining has failed in a row.
    #[serde(default)]
    tries: u32,
}

impl KeptChannel {
    /// Whether this is its name in the configuration.
    pub(in crate::protocol::irc) fn is_named(&self, name: &str) -> bool {
        self.name == name
    }
}

/// Whether we are in a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum KeptPlace {
    /// We are not, and should be.
    Out,
    /// JOIN was sent.
    Asked,
    /// The server has let us in, and was telling who is there.
    Entered,
    /// We are, since so many seconds.
    Inside { secs: u64 },
    /// The server has refused us: to be tried again in so many seconds, or never.
    Waiting { policy: RejoinPolicy, secs: Option<u64> },
}

/// What is to be done about the channels that were taken over.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::protocol::irc) struct TakenOverChannels {
    /// We are in them.
    pub(in crate::protocol::irc) inside: Vec<EndpointId>,
    /// The server has let us in, and must say again who is there.
    pub(in crate::protocol::irc) entered: Vec<EndpointId>,
    /// The server may have us in them, and they are no longer ours; by the server's names.
    pub(in crate::protocol::irc) gone: Vec<String>,
}

/// The longest time between two attempts to join.
const MAX_WAIT: Duration = Duration::from_secs(3_600);

impl Channels {
    /// What the next process is to know.
    pub(in crate::protocol::irc) fn keep(&self, now: Instant) -> Vec<KeptChannel> {
        let secs = |at: Instant| at.saturating_duration_since(now).as_secs();
        let ours = self.channels.iter().filter(|it| it.state != JoinState::Removed);
        let kept = ours.map(|channel| KeptChannel {
            name: channel.target.name.clone(),
            server_name: channel.server_name.clone(),
            tries: channel.tries,
            place: match channel.state {
                JoinState::NotJoined | JoinState::Removed => KeptPlace::Out,
                // What the server can be is found out again.
                JoinState::RetryWait if channel.is_impossible => KeptPlace::Out,
                JoinState::Joining => KeptPlace::Asked,
                JoinState::AwaitingNames => KeptPlace::Entered,
                JoinState::Joined => {
                    let entered = channel.entered_at.unwrap_or(now);
                    KeptPlace::Inside { secs: now.saturating_duration_since(entered).as_secs() }
                }
                JoinState::RetryWait => KeptPlace::Waiting {
                    policy: channel.rejoin_policy,
                    secs: channel.due_at.map(secs),
                },
            },
        });
        kept.collect()
    }

    /// Continues with what another process knew. Channels that it did not know are to be joined.
    pub(in crate::protocol::irc) fn restore(
        &mut self,
        kept: Vec<KeptChannel>,
        now: Instant,
    ) -> TakenOverChannels {
        let mut taken_over = TakenOverChannels::default();
        for channel in kept {
            let named = |it: &usize| self.channels[*it].target.name == channel.name;
            let Some(at) = (0..self.channels.len()).find(named) else {
                let may_be_in =
                    !matches!(channel.place, KeptPlace::Out | KeptPlace::Waiting { .. });
                taken_over
                    .gone
                    .extend(may_be_in.then(|| channel.server_name.unwrap_or(channel.name)));
                continue;
            };
            let endpoint = self.channels[at].target.endpoint;
            self.channels[at].server_name = channel.server_name;
            self.channels[at].tries = channel.tries;
            match channel.place {
                KeptPlace::Out => {}
                KeptPlace::Asked => {
                    self.set_state(at, JoinState::Joining, Some(now + JOIN_TIMEOUT));
                }
                KeptPlace::Entered => {
                    self.channels[at].entered_at = Some(now);
                    self.set_state(at, JoinState::AwaitingNames, Some(now + JOIN_TIMEOUT));
                    taken_over.entered.push(endpoint);
                }
                KeptPlace::Inside { secs } => {
                    let since = now.checked_sub(Duration::from_secs(secs).min(TRIES_RESET_AFTER));
                    self.channels[at].entered_at = Some(since.unwrap_or(now));
                    self.set_state(at, JoinState::Joined, None);
                    taken_over.inside.push(endpoint);
                }
                KeptPlace::Waiting { policy, secs } => {
                    self.channels[at].rejoin_policy = policy;
                    let wait = secs.map(|secs| Duration::from_secs(secs).min(MAX_WAIT));
                    self.set_state(at, JoinState::RetryWait, wait.map(|wait| now + wait));
                }
            }
        }
        // The names of the server are known now.
        self.set_casemapping(self.casemapping);
        taken_over
    }

    /// The name of the channel at `endpoint` in the configuration.
    pub(in crate::protocol::irc) fn configured_name(&self, endpoint: EndpointId) -> Option<&str> {
        self.by_endpoint.get(&endpoint).map(|at| self.channels[*at].target.name.as_str())
    }

    /// The endpoint of the channel with this name in the configuration.
    pub(in crate::protocol::irc) fn configured_endpoint(&self, name: &str) -> Option<EndpointId> {
        let ours = self.channels.iter().filter(|it| it.state != JoinState::Removed);
        ours.map(|it| &it.target).find(|it| it.name == name).map(|it| it.endpoint)
    }
}
