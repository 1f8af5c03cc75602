//! Pure functions that convert messages between the networks' conventions and the
//! [`domain`](crate::domain).
//!
//! All functions map values to values, so all are tested by tables.

mod account_names;
mod action;
mod addresses;
mod announcements;
mod channel_refs;
mod characters;
mod clean;
mod commands;
mod directory;
mod display_names;
mod dm;
mod emotes;
mod format;
mod imitation;
mod inline_images;
mod irc;
mod letschat;
mod long_messages;
mod mentions;
mod mirc;
mod public_links;
mod puppet_nicks;
mod rules;
mod status_notices;
mod template;
mod timestamp;
mod urls;
mod user_map;
mod user_match;
mod user_name;

pub use account_names::{
    AccountNameFields, account_display_name, account_email, account_name_candidates,
};
pub use announcements::{Announcement, AnnouncementFacts, Announcements, Audience};
pub use clean::{MAX_LEN_NOTICE, NoticeText, TopicText, is_blank, plain};
pub use commands::BotCommand;
pub use directory::{Directory, EmptyDirectory};
pub use display_names::{defuse_ping, fallback_name, name_or_fallback};
pub use dm::{DmAddress, render_dm};
pub use format::{
    ChannelFormat, Emotes, LinkFormat, LongMessages, MergeLines, Prefixes, RoomFormat,
};
pub use imitation::could_be_mirrored;
pub use irc::{RESENT_PREFIX, to_irc, under_own_nick};
pub use letschat::{by_own_account, continues, is_passthrough, needs_split, to_letschat};
pub use mirc::{Formatting, convert_formatting};
pub use public_links::{PublicLink, PublicLinks, sanitize_file_name};
pub use puppet_nicks::nick_candidates;
pub use rules::{ExtractNicksRule, IgnoreRule, RewriteRule, Rules, Side};
pub use status_notices::{StatusChange, StatusEvent, StatusNotices, TopicSync, Verbosity};
pub use template::{Template, TemplateError};
pub use timestamp::strip_timestamp;
pub use urls::web_pages;
pub use user_map::UserMap;
pub use user_match::{UserMatcher, UserSet};
pub use user_name::irc_username;

#[cfg(test)]
mod tests;
