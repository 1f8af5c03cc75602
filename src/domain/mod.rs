//! The words we think in. No network owns them, and nothing here waits, reads or writes.

mod author;
mod casemapping;
mod delivery;
mod mask;
mod message;
pub mod overlong;
mod party;
mod person;
mod place;
mod roster;
mod shared;
mod speech;
mod voice;

pub use author::Author;
pub use casemapping::Casemapping;
pub use delivery::{Delivery, MessagePart, DeliveryState, DeliveryId};
pub use mask::Mask;
pub use message::{MessageKind, Message};
pub use party::{UserRefError, UserRef};
pub use person::IrcUser;
pub use place::{Network, Endpoint, EndpointId};
pub use roster::{ChannelMember, Roster};
pub use shared::{FileId, ObjectIdError, PasteId, LinkTarget};
pub use speech::RenderedMessage;
pub use voice::{LetsChatUserId, Sender};
