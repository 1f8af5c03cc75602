//! What the bridge mirrors, and how; and how it continues where the last run ended.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::SignedDuration;

use super::canary::CanarySchedule;
use super::endpoints::channel::ChannelEndpoint;
use super::endpoints::link::{LinkedEndpoint, OutageNotice};
use super::endpoints::queue::DeliveryQueue;
use super::endpoints::room::RoomEndpoint;
use super::endpoints::{EndpointState, Endpoints};
use super::links::LinkSetup;
use super::policy::BridgePolicy;
use super::routes::FormattedLink;
use super::senders::NickPolicy;
use super::senders::accounts::AccountPolicy;
use crate::domain::{Endpoint, EndpointId, LinkFlow, LinkPhase, Network};
use crate::store::{Store, StoreError};
use crate::translate::{LinkFormat, MergeLines, PublicLinks, RoomFormat};

/// What the bridge mirrors, and how.
#[derive(Debug, Default)]
pub struct BridgeConfig {
    /// Groups of endpoints: a message in one is mirrored to all others.
    pub groups: Vec<Vec<Endpoint>>,
    /// Settings for the bridge as a whole.
    pub policy: BridgePolicy,
    /// The format of all links without their own.
    pub format: Arc<LinkFormat>,
    /// Links with a format of their own, each with its two endpoints.
    pub link_formats: Vec<(Endpoint, Endpoint, Arc<LinkFormat>)>,
    /// The links that are in another phase than the first one, or mirror in one direction only. Each is listed once.
    pub link_modes: Vec<LinkMode>,
    /// Creates public links to files and long messages, if enabled.
    pub public_links: Option<PublicLinks>,
    /// The channels where Let's Chat users have nicks of their own. On one network, all RELAYMSG nicks share
    /// a template, and so do all puppet nicks.
    pub nick_policies: Vec<(Endpoint, NickPolicy)>,
    /// Which people of IRC speak by an account of their own in Let's Chat.
    pub accounts: AccountPolicy,
    /// The networks with direct messages between their users and those of Let's Chat.
    pub direct_messages: Vec<Network>,
    /// The canary, if there is one.
    pub canary: Option<CanaryConfig>,
}

/// What a link mirrors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkMode {
    /// The channel.
    pub channel: Endpoint,
    /// The room.
    pub room: Endpoint,
    /// How far its people have moved.
    pub phase: LinkPhase,
    /// In which directions it mirrors, as far as its phase does.
    pub flow: LinkFlow,
}

/// Messages of the bridge's own that test whether messages arrive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CanaryConfig {
    /// A channel that belongs to no group.
    pub channel: Endpoint,
    /// A room that belongs to no group.
    pub room: Endpoint,
    /// The time between two rounds: one message in each direction.
    pub interval: SignedDuration,
    /// How long a message may take.
    pub timeout: SignedDuration,
}

impl BridgeConfig {
    /// With the link of the canary. Each of its ends is a group of its own, so that nothing is mirrored between them; its
    /// messages look the same whatever the format of the others is.
    pub(super) fn with_canary_link(mut self) -> Self {
        let Some(canary) = &self.canary else { return self };
        let (channel, room) = (canary.channel.clone(), canary.room.clone());
        self.groups.extend([vec![channel.clone()], vec![room.clone()]]);
        self.accounts.links.push((channel.clone(), room.clone(), false));
        let room_format = RoomFormat { merge_lines: MergeLines::Never, ..RoomFormat::default() };
        let format = LinkFormat { room: room_format, ..LinkFormat::default() };
        self.link_formats.push((channel, room, Arc::new(format)));
        self
    }
}

/// The link of the canary with the ids of its ends, and how often it is tested.
pub(super) fn canary_link(
    canary: Option<&CanaryConfig>,
    ids: &HashMap<Endpoint, EndpointId>,
) -> Option<((EndpointId, EndpointId), CanarySchedule)> {
    let CanaryConfig { channel, room, interval, timeout } = canary?;
    let schedule = CanarySchedule { interval: *interval, timeout: *timeout };
    Some(((*ids.get(channel)?, *ids.get(room)?), schedule))
}

/// A channel or room as the last run left it, or as it was left while the bridge ran.
pub(super) fn recover_endpoint(
    endpoint: &Endpoint,
    id: EndpointId,
    mirrors: Arc<[EndpointId]>,
    store: &mut Store,
) -> Result<EndpointState, StoreError> {
    let mut link = LinkedEndpoint::new(endpoint.clone(), mirrors);
    link.outage_notice = OutageNotice::restored(store.is_outage_announced(id)?);
    let queue = DeliveryQueue::recover(id, store)?;
    Ok(match endpoint {
        Endpoint::Channel { network, .. } => {
            EndpointState::Channel(Box::new(ChannelEndpoint::new(link, network.clone(), queue)))
        }
        Endpoint::Room(_) => EndpointState::Room(Box::new(RoomEndpoint::new(link, queue))),
    })
}

/// Links the channels and rooms of `groups` with each other. Those that are known stay as they are. Returns the ids
/// of all of them.
pub(super) fn link_groups(
    groups: &[Vec<Endpoint>],
    endpoints: &mut Endpoints,
    store: &mut Store,
) -> Result<HashMap<Endpoint, EndpointId>, StoreError> {
    let mut all = HashMap::new();
    for group in groups {
        let ids = group.iter().map(|endpoint| store.endpoint_id(endpoint));
        let ids: Vec<EndpointId> = ids.collect::<Result<_, _>>()?;
        for (endpoint, id) in group.iter().zip(&ids) {
            let mirrors = ids.iter().copied().filter(|other| other != id).collect();
            if endpoints.link(*id).is_some() {
                endpoints.set_mirrors(*id, endpoint, mirrors);
            } else {
                endpoints.insert_link(*id, recover_endpoint(endpoint, *id, mirrors, store)?);
            }
            all.insert(endpoint.clone(), *id);
        }
    }
    Ok(all)
}

/// Remembers what the last run left of channels and rooms that are no longer linked: those with messages queued for
/// them are still to be delivered to, and of the others the names are needed.
pub(super) fn recover_unlinked(
    endpoints: &mut Endpoints,
    store: &mut Store,
) -> Result<(), StoreError> {
    for (id, endpoint, is_destination) in store.endpoints_with_pending()? {
        if endpoints.get(id).is_some() {
            continue;
        }
        if is_destination {
            tracing::info!(endpoint = %endpoint, "no longer linked, but messages are queued for it");
            endpoints.insert_link(id, recover_endpoint(&endpoint, id, Arc::default(), store)?);
            endpoints.set_leaving(id);
        } else {
            endpoints.add_former_name(id, endpoint);
        }
    }
    Ok(())
}

/// The links, with the ids of their ends and their formats.
pub(super) fn formatted_links(
    links: Vec<(Endpoint, Endpoint, Arc<LinkFormat>)>,
    ids: &HashMap<Endpoint, EndpointId>,
) -> Vec<FormattedLink> {
    let link = |(one, other, format)| Some((*ids.get(&one)?, *ids.get(&other)?, format));
    links.into_iter().filter_map(link).collect()
}

/// The links, each with what it mirrors.
pub(super) fn link_setups(
    links: &[FormattedLink],
    modes: &[LinkMode],
    ids: &HashMap<Endpoint, EndpointId>,
) -> Vec<LinkSetup> {
    let known = |mode: &LinkMode| {
        Some(((*ids.get(&mode.channel)?, *ids.get(&mode.room)?), (mode.phase, mode.flow)))
    };
    let known: HashMap<(EndpointId, EndpointId), (LinkPhase, LinkFlow)> =
        modes.iter().filter_map(known).collect();
    let setup = |(one, other, _): &FormattedLink| {
        let mode = known.get(&(*one, *other)).or_else(|| known.get(&(*other, *one)));
        let (phase, flow) = mode.copied().unwrap_or_default();
        LinkSetup { ends: (*one, *other), phase, flow }
    };
    links.iter().map(setup).collect()
}

/// The policies about nicks, with the ids and networks of their channels.
pub(super) fn channel_policies(
    policies: Vec<(Endpoint, NickPolicy)>,
    ids: &HashMap<Endpoint, EndpointId>,
) -> Vec<(EndpointId, Network, NickPolicy)> {
    let policy = |(endpoint, policy): (Endpoint, NickPolicy)| {
        Some((*ids.get(&endpoint)?, endpoint.network()?.clone(), policy))
    };
    policies.into_iter().filter_map(policy).collect()
}
