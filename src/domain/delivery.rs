use jiff::Timestamp;

use super::{EndpointId, Message, RenderedMessage, Sender};

/// One message bound for one place.
///
/// ```text
///           begin              settle
///  Queued ─────────▶ Sending ──────────▶ Delivered
///    ▲                  │  └───refuse──▶ Refused
///    │ absent           │ the connection was lost, or the process died
///    │                  ▼    present
///    └────────────── Doubtful ─────────▶ Delivered
/// ```
///
/// `Doubtful` is the honest state: it may have arrived, and only the far end knows. `Refused` never
/// will be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Names this delivery for as long as the store lives.
    pub id: DeliveryId,
    /// Where it is bound for.
    pub to: EndpointId,
    /// What is to be said.
    pub message: Message,
    /// As much of it as this delivery is for.
    pub part: MessagePart,
    /// Where it stands.
    pub state: DeliveryState,
    /// When it was last handed to the far end.
    pub started_at: Option<Timestamp>,
    /// As what it was handed over then. What is said depends on the time, on who is there and on the
    /// settings: whoever looks for it at the far end must look for what was said.
    pub rendered: Option<RenderedMessage>,
    /// By whom.
    pub sender: Sender,
}

/// A delivery's number. Tickets are handed out in the order in which messages were heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeliveryId(pub i64);

/// As much of a message as is said at once. Where its text must stand alone, so that the place makes of
/// it what it should, the name goes before it in a delivery of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MessagePart {
    /// All of it.
    #[default]
    Whole,
    /// Who says it.
    Name,
    /// What they say.
    Text,
}

/// Where a [`Delivery`] stands; the arrows are drawn there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryState {
    /// Waiting for its turn.
    Queued,
    /// Handed to the far end, which has not answered.
    InFlight,
    /// Handed to the far end, which can no longer answer.
    InDoubt,
    /// The far end has it.
    Delivered,
    /// The far end will never take it.
    Rejected,
}
