//! What the bridge knows of each channel, room and user that messages go to.
//!
//! Only state lives here: each part of it changes by its own methods, and none of it acts. What to do is
//! decided by the modules beside this one.

pub(super) mod channel;
pub(super) mod link;
pub(super) mod queue;
pub(super) mod quota;
pub(super) mod room;
pub(super) mod user;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::event::Peer;
use crate::domain::{Casemapping, Endpoint, EndpointId, Network};
use channel::{ChannelEndpoint, Reception};
use link::LinkedEndpoint;
use queue::DeliveryQueue;
use quota::QueueQuota;
use room::RoomEndpoint;
use user::UserEndpoint;

/// Where deliveries go, with the state that only its kind has.
#[derive(Debug)]
pub(super) enum EndpointState {
    /// A channel on an IRC network.
    Channel(Box<ChannelEndpoint>),
    /// A room of Let's Chat.
    Room(Box<RoomEndpoint>),
    /// A user on either side, as the recipient of direct messages.
    User(Box<UserEndpoint>),
}

impl EndpointState {
    /// The deliveries to it.
    pub(super) fn queue(&self) -> &DeliveryQueue {
        match self {
            Self::Channel(channel) => &channel.queue,
            Self::Room(room) => &room.queue,
            Self::User(user) => &user.queue,
        }
    }

    pub(super) fn queue_mut(&mut self) -> &mut DeliveryQueue {
        match self {
            Self::Channel(channel) => &mut channel.queue,
            Self::Room(room) => &mut room.queue,
            Self::User(user) => &mut user.queue,
        }
    }

    /// What channels and rooms have in common; a user has no link.
    pub(super) fn link(&self) -> Option<&LinkedEndpoint> {
        match self {
            Self::Channel(channel) => Some(&channel.link),
            Self::Room(room) => Some(&room.link),
            Self::User(_) => None,
        }
    }

    pub(super) fn link_mut(&mut self) -> Option<&mut LinkedEndpoint> {
        match self {
            Self::Channel(channel) => Some(&mut channel.link),
            Self::Room(room) => Some(&mut room.link),
            Self::User(_) => None,
        }
    }

    /// The IRC network; `None` for Let's Chat.
    pub(super) fn network(&self) -> Option<&Network> {
        match self {
            Self::Channel(channel) => Some(&channel.network),
            Self::Room(_) => None,
            Self::User(user) => user.user.network(),
        }
    }

    /// Whether it is not received because the queue is full.
    pub(super) fn is_paused(&self) -> bool {
        match self {
            Self::Channel(channel) => matches!(channel.reception, Reception::Paused),
            Self::Room(room) => room.page_size.is_paused(),
            Self::User(_) => false,
        }
    }

    /// The peer of the connection to it.
    pub(super) fn peer(&self) -> Peer {
        Peer::of(self.network())
    }
}

/// All endpoints, and what they share.
#[derive(Debug)]
pub(super) struct Endpoints {
    by_id: HashMap<EndpointId, EndpointState>,
    /// Channels by name in lower case, and rooms by slug.
    by_name: HashMap<String, Vec<EndpointId>>,
    /// The users among them, far fewer than channels and rooms.
    users: BTreeSet<EndpointId>,
    /// The number of linked channels and rooms that are open.
    joined: usize,
    /// The channels and rooms that are no longer linked, but still have messages queued for them.
    leaving: BTreeSet<EndpointId>,
    /// The names of channels and rooms that are gone, for what was said there and is not delivered yet.
    former_names: HashMap<EndpointId, Endpoint>,
    /// How much is queued, and how much may be.
    pub(super) quota: QueueQuota,
}

impl Endpoints {
    pub(super) fn new(quota: QueueQuota) -> Self {
        Self {
            by_id: HashMap::new(),
            by_name: HashMap::new(),
            users: BTreeSet::new(),
            joined: 0,
            leaving: BTreeSet::new(),
            former_names: HashMap::new(),
            quota,
        }
    }

    /// Adds a channel or room, which is not open yet.
    pub(super) fn insert_link(&mut self, id: EndpointId, state: EndpointState) {
        let Some(link) = state.link() else { return };
        self.by_name.entry(fold_name(endpoint_name(&link.endpoint))).or_default().push(id);
        self.former_names.remove(&id);
        self.by_id.insert(id, state);
    }

    /// A channel or room that is known is linked with these others from now on, under this name.
    pub(super) fn set_mirrors(
        &mut self,
        id: EndpointId,
        endpoint: &Endpoint,
        mirrors: Arc<[EndpointId]>,
    ) {
        let Some(state) = self.by_id.get_mut(&id) else { return };
        let is_open = state.queue().is_open();
        let Some(link) = state.link_mut() else { return };
        link.mirrors = mirrors;
        if std::mem::take(&mut link.is_leaving) {
            self.leaving.remove(&id);
            self.joined += usize::from(is_open);
        }
        if link.endpoint != *endpoint {
            let before = std::mem::replace(&mut link.endpoint, endpoint.clone());
            self.forget_name(id, &before);
            self.by_name.entry(fold_name(endpoint_name(endpoint))).or_default().push(id);
        }
    }

    /// The channel or room is no longer linked: nothing is mirrored from it, and it goes away once what is queued
    /// for it is delivered.
    pub(super) fn set_leaving(&mut self, id: EndpointId) {
        let Some(state) = self.by_id.get_mut(&id) else { return };
        let is_open = state.queue().is_open();
        let Some(link) = state.link_mut().filter(|link| !link.is_leaving) else { return };
        link.is_leaving = true;
        link.mirrors = Arc::default();
        self.leaving.insert(id);
        self.joined -= usize::from(is_open);
    }

    /// The channels and rooms that are no longer linked, but still here.
    pub(super) fn leaving(&self) -> &BTreeSet<EndpointId> {
        &self.leaving
    }

    /// Forgets a channel or room that is no longer linked, except for its name.
    pub(super) fn remove_link(&mut self, id: EndpointId) -> Option<EndpointState> {
        if !self.leaving.remove(&id) {
            return None;
        }
        let state = self.by_id.remove(&id)?;
        if let Some(link) = state.link() {
            self.forget_name(id, &link.endpoint);
            self.former_names.insert(id, link.endpoint.clone());
        }
        Some(state)
    }

    /// Remembers the name of a channel or room that is not linked.
    pub(super) fn add_former_name(&mut self, id: EndpointId, endpoint: Endpoint) {
        self.former_names.insert(id, endpoint);
    }

    fn forget_name(&mut self, id: EndpointId, endpoint: &Endpoint) {
        let name = fold_name(endpoint_name(endpoint));
        if let Some(ids) = self.by_name.get_mut(&name) {
            ids.retain(|it| *it != id);
            if ids.is_empty() {
                self.by_name.remove(&name);
            }
        }
    }

    pub(super) fn get(&self, id: EndpointId) -> Option<&EndpointState> {
        self.by_id.get(&id)
    }

    pub(super) fn get_mut(&mut self, id: EndpointId) -> Option<&mut EndpointState> {
        self.by_id.get_mut(&id)
    }

    pub(super) fn queue(&self, id: EndpointId) -> Option<&DeliveryQueue> {
        self.get(id).map(EndpointState::queue)
    }

    pub(super) fn queue_mut(&mut self, id: EndpointId) -> Option<&mut DeliveryQueue> {
        self.get_mut(id).map(EndpointState::queue_mut)
    }

    pub(super) fn link(&self, id: EndpointId) -> Option<&LinkedEndpoint> {
        self.get(id)?.link()
    }

    pub(super) fn link_mut(&mut self, id: EndpointId) -> Option<&mut LinkedEndpoint> {
        self.get_mut(id)?.link_mut()
    }

    /// The name of a channel or room.
    pub(super) fn endpoint(&self, id: EndpointId) -> Option<&Endpoint> {
        self.link(id).map(|link| &link.endpoint)
    }

    /// The name of a channel or room, also if it is no longer linked.
    pub(super) fn source_name(&self, id: EndpointId) -> Option<&Endpoint> {
        self.endpoint(id).or_else(|| self.former_names.get(&id))
    }

    /// The channels and rooms to which this one is mirrored.
    pub(super) fn mirrors(&self, id: EndpointId) -> Vec<EndpointId> {
        self.link(id).map_or_else(Vec::new, |link| link.mirrors.to_vec())
    }

    pub(super) fn channel(&self, id: EndpointId) -> Option<&ChannelEndpoint> {
        match self.get(id)? {
            EndpointState::Channel(channel) => Some(channel),
            EndpointState::Room(_) | EndpointState::User(_) => None,
        }
    }

    pub(super) fn channel_mut(&mut self, id: EndpointId) -> Option<&mut ChannelEndpoint> {
        match self.get_mut(id)? {
            EndpointState::Channel(channel) => Some(channel),
            EndpointState::Room(_) | EndpointState::User(_) => None,
        }
    }

    pub(super) fn room(&self, id: EndpointId) -> Option<&RoomEndpoint> {
        match self.get(id)? {
            EndpointState::Room(room) => Some(room),
            EndpointState::Channel(_) | EndpointState::User(_) => None,
        }
    }

    pub(super) fn room_mut(&mut self, id: EndpointId) -> Option<&mut RoomEndpoint> {
        match self.get_mut(id)? {
            EndpointState::Room(room) => Some(room),
            EndpointState::Channel(_) | EndpointState::User(_) => None,
        }
    }

    pub(super) fn user(&self, id: EndpointId) -> Option<&UserEndpoint> {
        match self.get(id)? {
            EndpointState::User(user) => Some(user),
            EndpointState::Channel(_) | EndpointState::Room(_) => None,
        }
    }

    pub(super) fn user_mut(&mut self, id: EndpointId) -> Option<&mut UserEndpoint> {
        match self.get_mut(id)? {
            EndpointState::User(user) => Some(user),
            EndpointState::Channel(_) | EndpointState::Room(_) => None,
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (EndpointId, &EndpointState)> {
        self.by_id.iter().map(|(id, state)| (*id, state))
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (EndpointId, &mut EndpointState)> {
        self.by_id.iter_mut().map(|(id, state)| (*id, state))
    }

    /// Channels and rooms.
    pub(super) fn links(&self) -> impl Iterator<Item = (EndpointId, &LinkedEndpoint)> {
        self.iter().filter_map(|(id, state)| Some((id, state.link()?)))
    }

    pub(super) fn channels(&self) -> impl Iterator<Item = (EndpointId, &ChannelEndpoint)> {
        self.iter().filter_map(|(id, state)| match state {
            EndpointState::Channel(channel) => Some((id, &**channel)),
            EndpointState::Room(_) | EndpointState::User(_) => None,
        })
    }

    pub(super) fn channels_on(
        &self,
        network: &Network,
    ) -> impl Iterator<Item = (EndpointId, &ChannelEndpoint)> {
        self.channels().filter(move |(_, channel)| channel.network == *network)
    }

    pub(super) fn rooms(&self) -> impl Iterator<Item = (EndpointId, &RoomEndpoint)> {
        self.iter().filter_map(|(id, state)| match state {
            EndpointState::Room(room) => Some((id, &**room)),
            EndpointState::Channel(_) | EndpointState::User(_) => None,
        })
    }

    pub(super) fn rooms_mut(&mut self) -> impl Iterator<Item = (EndpointId, &mut RoomEndpoint)> {
        self.iter_mut().filter_map(|(id, state)| match state {
            EndpointState::Room(room) => Some((id, &mut **room)),
            EndpointState::Channel(_) | EndpointState::User(_) => None,
        })
    }

    /// The users who receive direct messages, in the order of their ids.
    pub(super) fn users(&self) -> impl Iterator<Item = (EndpointId, &UserEndpoint)> {
        self.users.iter().filter_map(|id| Some((*id, self.user(*id)?)))
    }

    /// The number of those users.
    pub(super) fn user_count(&self) -> usize {
        self.users.len()
    }

    /// The number of linked channels and rooms.
    pub(super) fn link_count(&self) -> usize {
        self.by_id.len() - self.users.len() - self.leaving.len()
    }

    /// Adds a user who receives direct messages.
    pub(super) fn insert_user(&mut self, id: EndpointId, user: UserEndpoint) {
        self.by_id.insert(id, EndpointState::User(Box::new(user)));
        self.users.insert(id);
    }

    /// Forgets a user with an empty queue.
    pub(super) fn remove_user(&mut self, id: EndpointId) {
        if self.users.remove(&id) {
            self.by_id.remove(&id);
        }
    }

    /// The channel or room can be sent to.
    pub(super) fn open(&mut self, id: EndpointId) {
        if let Some(state) = self.by_id.get_mut(&id) {
            let is_new = state.queue_mut().open();
            self.joined += usize::from(is_new && !self.leaving.contains(&id));
        }
    }

    /// The channel or room cannot be sent to. Returns whether it could be.
    pub(super) fn close(&mut self, id: EndpointId) -> bool {
        let was_open = self.by_id.get_mut(&id).is_some_and(|state| state.queue_mut().close());
        self.joined -= usize::from(was_open && !self.leaving.contains(&id));
        was_open
    }

    /// The number of linked channels and rooms that can be sent to.
    pub(super) fn joined(&self) -> usize {
        self.joined
    }

    /// Channels and rooms with this name, in lower case, or slug.
    pub(super) fn named(&self, name: &str) -> impl Iterator<Item = &LinkedEndpoint> {
        let ids = self.by_name.get(&fold_name(name));
        ids.into_iter().flatten().filter_map(|id| self.link(*id))
    }

    /// What to call this channel or room in a notice.
    pub(super) fn display_name(&self, id: EndpointId) -> String {
        match self.source_name(id) {
            Some(Endpoint::Channel { network, name }) => format!("{name} on {network}"),
            Some(Endpoint::Room(room)) => format!("room {room}"),
            None => "a channel or room that is no longer linked".to_owned(),
        }
    }
}

/// The channel's name, or the room's slug or id.
pub(super) fn endpoint_name(endpoint: &Endpoint) -> &str {
    match endpoint {
        Endpoint::Channel { name, .. } | Endpoint::Room(name) => name,
    }
}

fn fold_name(name: &str) -> String {
    Casemapping::Rfc1459.fold(name)
}
