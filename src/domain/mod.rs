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
pub use delivery::{Delivery, Part, State, Ticket};
pub use mask::Mask;
pub use message::{Kind, Message};
pub use party::{NotAParty, Party};
pub use person::Person;
pub use place::{Network, Place, PlaceId};
pub use roster::{Member, Roster};
pub use shared::{FileId, NotAFileId, PasteId, Shared};
pub use speech::Speech;
pub use voice::{AccountId, Voice};
