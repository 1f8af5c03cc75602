//! What waits on a link, as the API writes it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::bridge::{LinkDirection, QueuePage, QueuedDelivery, WaitState};
use crate::domain::LinkId;

/// A link, by its two ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkRefView {
    /// The network of the channel.
    pub network: String,
    /// The channel.
    pub channel: String,
    /// The room.
    pub room: String,
}

/// What waits on a link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueView {
    /// The link that was meant.
    #[serde(flatten)]
    pub link: LinkRefView,
    /// How many deliveries wait in all.
    pub waiting: u64,
    /// The oldest of them, oldest first.
    pub deliveries: Vec<DeliveryView>,
}

/// A delivery that waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryView {
    /// Its number, by which it can be dropped.
    pub id: i64,
    /// `to_irc` or `to_letschat`.
    pub direction: String,
    /// The name of the author.
    pub author: String,
    /// When the message was sent.
    pub sent_at: Timestamp,
    /// `queued`, `deferred`, `in flight`, `in doubt` or `held`.
    pub state: String,
    /// The beginning of the text, in one line.
    pub text: String,
}

/// A delivery that was dropped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DroppedView {
    /// That delivery.
    pub dropped: DeliveryView,
}

impl LinkRefView {
    pub(super) fn new(link: &LinkId) -> Self {
        Self {
            network: link.network.to_string(),
            channel: link.channel.to_string(),
            room: link.room.to_string(),
        }
    }
}

impl std::fmt::Display for LinkRefView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{} {}", self.network, self.channel, self.room)
    }
}

impl QueueView {
    pub(super) fn new(page: &QueuePage) -> Self {
        Self {
            link: LinkRefView::new(&page.link),
            waiting: page.waiting,
            deliveries: page.deliveries.iter().map(DeliveryView::new).collect(),
        }
    }
}

impl DroppedView {
    pub(super) fn new(delivery: &QueuedDelivery) -> Self {
        Self { dropped: DeliveryView::new(delivery) }
    }
}

impl DeliveryView {
    fn new(delivery: &QueuedDelivery) -> Self {
        let direction = match delivery.direction {
            LinkDirection::ToIrc => "to_irc",
            LinkDirection::ToLetsChat => "to_letschat",
        };
        let state = match delivery.state {
            WaitState::Queued => "queued",
            WaitState::Deferred => "deferred",
            WaitState::InFlight => "in flight",
            WaitState::InDoubt => "in doubt",
            WaitState::Held => "held",
        };
        Self {
            id: delivery.id.0,
            direction: direction.to_owned(),
            author: delivery.author.clone(),
            sent_at: delivery.sent_at,
            state: state.to_owned(),
            text: delivery.text.clone(),
        }
    }
}
