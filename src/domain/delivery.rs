//! A delivery: one message on its way to one endpoint, and the states it goes through.

use jiff::Timestamp;

use super::{EndpointId, Message, RenderedMessage, Sender};

/// One message on its way to one endpoint.
///
/// ```text
///           start                ack
///  Queued ─────────▶ InFlight ─────────▶ Delivered
///    ▲                  │  └────reject──▶ Rejected
///    │ not found        │ the connection was lost, or the process died
///    │                  ▼   found
///    └─────────────── InDoubt ─────────▶ Delivered
/// ```
///
/// `InDoubt` means that the message may have arrived and only the remote side knows. `Rejected` is final.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Unique for the lifetime of the store.
    pub id: DeliveryId,
    /// The destination.
    pub to: EndpointId,
    /// The message to deliver.
    pub message: Message,
    /// Which part of the message this delivery carries.
    pub part: MessagePart,
    /// Its current state.
    pub state: DeliveryState,
    /// When it was last sent.
    pub started_at: Option<Timestamp>,
    /// What was last sent. Rendering depends on the time, on who is present and on the settings, so
    /// reconciling looks for this text instead of rendering again.
    pub rendered: Option<RenderedMessage>,
    /// Who sent it last.
    pub sender: Sender,
}

impl Delivery {
    /// A new delivery of `message`, queued and not sent yet.
    #[must_use]
    pub fn queued(id: DeliveryId, to: EndpointId, message: Message, part: MessagePart) -> Self {
        Self {
            id,
            to,
            message,
            part,
            state: DeliveryState::Queued,
            started_at: None,
            rendered: None,
            sender: Sender::Bot,
        }
    }
}

/// A delivery's number, assigned in the order in which messages were received.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeliveryId(pub i64);

/// Which part of a message is sent at once. If the text must stand alone (the destination interprets it), the
/// author's name goes before it in a delivery of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MessagePart {
    /// The whole message.
    #[default]
    Whole,
    /// Only the author's name.
    Name,
    /// Only the text.
    Text,
}

/// The state of a [`Delivery`], whose documentation shows the transitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryState {
    /// Waiting for its turn.
    Queued,
    /// Sent, not yet acknowledged.
    InFlight,
    /// Sent, but the connection was lost before an ack arrived.
    InDoubt,
    /// The remote side has it.
    Delivered,
    /// The remote side will never accept it.
    Rejected,
}
