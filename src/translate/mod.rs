//! Pure functions between each network's manners and the [`domain`](crate::domain).
//!
//! Everything here is a value in and a value out, so everything here is tested by tables.

mod action;
mod addresses;
mod clean;
mod comings;
mod company;
mod direct;
mod emotes;
mod imitation;
mod irc;
mod late;
mod letschat;
mod links;
mod manners;
mod mentions;
mod mirc;
mod names;
mod nick;
mod paste;
mod people;
mod pictures;
mod places;
mod questions;
mod rules;
mod template;
mod urls;
mod user_name;
mod who;

pub use clean::{NoticeText, TopicText, is_blank, plain};
pub use comings::{StatusChange, StatusEvent, StatusNotices, TopicSync, Verbosity};
pub use company::{Directory, EmptyDirectory};
pub use direct::{DmAddress, render_dm};
pub use imitation::could_be_mirrored;
pub use irc::{RESENT_PREFIX, to_irc, under_own_nick};
pub use late::strip_timestamp;
pub use letschat::{continues, is_passthrough, needs_split, to_letschat};
pub use links::{PublicLink, PublicLinks, sanitize_file_name};
pub use manners::{
    ChannelFormat, Emotes, LinkFormat, LongMessages, MergeLines, Prefixes, RoomFormat,
};
pub use mirc::{Formatting, convert_formatting};
pub use names::{defuse_ping, fallback_name, name_or_fallback};
pub use nick::nick_candidates;
pub use people::UserMap;
pub use questions::BotCommand;
pub use rules::{ExtractNicksRule, IgnoreRule, RewriteRule, Rules, Side};
pub use template::{Template, TemplateError};
pub use urls::web_pages;
pub use user_name::irc_username;
pub use who::{UserMatcher, UserSet};

#[cfg(test)]
mod tests;
