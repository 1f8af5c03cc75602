//! What the bridge mirrors, and how; and how it continues where the last run ended.

use std::collections::HashMap;
use std::sync::Arc;

use super::endpoints::EndpointState;
use super::endpoints::channel::ChannelEndpoint;
use super::endpoints::link::{LinkedEndpoint, OutageNotice};
use super::endpoints::queue::DeliveryQueue;
use super::endpoints::room::RoomEndpoint;
use super::policy::BridgePolicy;
use super::senders::NickPolicy;
use super::senders::accounts::AccountPolicy;
use crate::domain::{Endpoint, EndpointId, Network};
use crate::store::{Store, StoreError};
use crate::translate::{LinkFormat, PublicLinks};

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
    /// Creates public links to files and long messages, if enabled.
    pub public_links: Option<PublicLinks>,
    /// The channels where Let's Chat users have nicks of their own. On one network, all RELAYMSG nicks share
    /// a template, and so do all puppet nicks.
    pub nick_policies: Vec<(Endpoint, NickPolicy)>,
    /// Which people of IRC speak by an account of their own in Let's Chat.
    pub accounts: AccountPolicy,
    /// The networks with direct messages between their users and those of Let's Chat.
    pub direct_messages: Vec<Network>,
}

/// The channels and rooms as the last run left them.
pub(super) fn recover_endpoints(
    groups: &[Vec<Endpoint>],
    store: &mut Store,
) -> Result<HashMap<EndpointId, EndpointState>, StoreError> {
    let mut states = HashMap::new();
    for group in groups {
        let ids = group.iter().map(|endpoint| store.endpoint_id(endpoint));
        let ids: Vec<EndpointId> = ids.collect::<Result<_, _>>()?;
        for (endpoint, id) in group.iter().zip(&ids) {
            let mirrors = ids.iter().copied().filter(|other| other != id).collect();
            let mut link = LinkedEndpoint::new(endpoint.clone(), mirrors);
            link.outage_notice = OutageNotice::restored(store.is_outage_announced(*id)?);
            let queue = DeliveryQueue::recover(*id, store)?;
            let state = match endpoint {
                Endpoint::Channel { network, .. } => {
                    let channel = ChannelEndpoint::new(link, network.clone(), queue);
                    EndpointState::Channel(Box::new(channel))
                }
                Endpoint::Room(_) => EndpointState::Room(Box::new(RoomEndpoint::new(link, queue))),
            };
            states.insert(*id, state);
        }
    }
    Ok(states)
}
