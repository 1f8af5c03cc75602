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
pub use delivery::{Delivery, DeliveryId, DeliveryState, MessagePart};
pub use mask::Mask;
pub use message::{Message, MessageKind};
pub use party::{UserRef, UserRefError};
pub use person::IrcUser;
pub use place::{Endpoint, EndpointId, Network};
pub use roster::{ChannelMember, Roster};
pub use shared::{FileId, LinkTarget, ObjectIdError, PasteId};
pub use speech::RenderedMessage;
pub use voice::{LetsChatUserId, Sender};
