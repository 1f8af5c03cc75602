//! The types that all layers share. They belong to neither network; nothing here does I/O or reads a clock.

mod author;
mod casemapping;
mod delivery;
mod endpoint;
mod flood_control;
mod mask;
mod message;
mod object_id;
pub mod overlong;
mod person;
mod public_link;
mod roster;
mod sasl_mechanism;
mod sender;
mod speech;
mod token_bucket;
mod unknown_word;
mod user;

pub use author::Author;
pub use casemapping::Casemapping;
pub use delivery::{Delivery, DeliveryId, DeliveryState, MessagePart};
pub use endpoint::{Endpoint, EndpointId, Network};
pub use flood_control::FloodControl;
pub use mask::Mask;
pub use message::{Message, MessageKind};
pub use object_id::{ObjectId, ObjectIdError};
pub use person::IrcUser;
pub use public_link::{FileId, LinkTarget, PasteId};
pub use roster::{ChannelMember, Roster};
pub use sasl_mechanism::SaslMechanism;
pub use sender::{LetsChatUserId, Sender};
pub use speech::RenderedMessage;
pub use token_bucket::{Moment, RateLimit, TokenBucket};
pub use unknown_word::UnknownWord;
pub use user::{UserRef, UserRefError};
