//! The types that all layers share. They belong to neither network; nothing here does I/O or reads a clock.

mod casemapping;
mod delivery;
mod endpoint;
mod flood_control;
mod histogram;
mod irc_user;
mod link;
mod link_flow;
mod link_phase;
mod linking;
mod log;
mod mask;
mod message;
mod object_id;
mod origin;
pub mod overlong;
mod person;
mod public_link;
mod puppet_login;
mod roster;
mod sasl_mechanism;
mod secret;
mod sender;
mod token_bucket;
mod torn_utf8;
mod unknown_word;
mod user;

pub use casemapping::Casemapping;
pub use delivery::{Delivery, DeliveryId, DeliveryState, MessagePart};
pub use endpoint::{Endpoint, EndpointId, Network, is_room_slug};
pub use flood_control::FloodControl;
pub use histogram::Histogram;
pub use irc_user::IrcUser;
pub use link::{LinkId, LinkName};
pub use link_flow::LinkFlow;
pub use link_phase::LinkPhase;
pub use linking::{LinkAction, LinkOffer, LinkRefusal, LinkReply, LinkRequest};
pub use log::{DatabaseFormat, LogEntry, LogEvent, LogPrecision, LogSpeaker};
pub use mask::Mask;
pub use message::{Author, Message, MessageKind, RenderedMessage};
pub use object_id::{ObjectId, ObjectIdError};
pub use origin::coarse_origin;
pub use person::{
    AccountAccess, AccountKind, AccountSecrets, Identity, PersonId, PersonKey, SpeakerAccount,
};
pub use public_link::{FileId, LinkTarget, PasteId};
pub use puppet_login::{
    NetworkLogin, PuppetCertificate, PuppetLogin, PuppetLoginAction, PuppetLoginReply,
    PuppetLoginRequest, PuppetLoginState,
};
pub use roster::{ChannelMember, Roster};
pub use sasl_mechanism::SaslMechanism;
pub use secret::{Secret, is_same_secret};
pub use sender::{LetsChatUserId, Sender};
pub use token_bucket::{Moment, RateLimit, TokenBucket};
pub use torn_utf8::is_torn_utf8;
pub use unknown_word::UnknownWord;
pub use user::{UserRef, UserRefError};
