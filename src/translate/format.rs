//! The settings of a link that affect how messages are rendered.

use std::sync::Arc;
use std::time::Duration;

use regex::Regex;
use url::Url;

use super::mirc::Formatting;
use super::rules::Rules;
use super::status_notices::{StatusNotices, TopicSync};
use super::template::Template;
use super::user_map::UserMap;
use super::user_match::UserSet;
use crate::domain::MessageKind;

/// How messages are rendered on both sides of a link.
#[derive(Debug, Clone)]
pub struct LinkFormat {
    /// For the room.
    pub room: RoomFormat,
    /// For the channel.
    pub channel: ChannelFormat,
    /// What is ignored or rewritten.
    pub rules: Rules,
    /// Who is who on both sides.
    pub user_map: Arc<UserMap>,
    /// Which joins, parts and the like are reported.
    pub status_notices: StatusNotices,
    /// Whether topic and description are synchronised.
    pub topic_sync: TopicSync,
    /// Whether users can send commands to the bridge.
    pub commands: bool,
    /// Commands for bots on the other side: matching text is sent alone, after a line with the author's name.
    /// `None` disables it.
    pub passthrough: Option<Regex>,
}

/// How messages are rendered for a room.
#[derive(Debug, Clone)]
pub struct RoomFormat {
    /// The prefixes.
    pub prefixes: Prefixes,
    /// How to convert formatting.
    pub formatting: Formatting,
    /// Posts the URL of an image on its own, so that it is shown.
    pub inline_images: bool,
    /// When to merge lines of one author into one post.
    pub merge_lines: MergeLines,
    /// Whether `nick: text` mentions the user.
    pub mentions: bool,
    /// Whose messages may mention users.
    pub allow_mentions_from: UserSet,
    /// Whose messages may mention `@all`.
    pub allow_all_mention_from: UserSet,
    /// The URL of Let's Chat; its own URLs are not shown as images.
    pub letschat_url: Option<Url>,
}

/// How messages are rendered for a channel.
#[derive(Debug, Clone)]
pub struct ChannelFormat {
    /// The prefixes.
    pub prefixes: Prefixes,
    /// Whether `@user` becomes the user's nick.
    pub mentions: bool,
    /// How to convert `:emotes:`.
    pub emotes: Emotes,
    /// Whether names are coloured.
    pub color_nicks: bool,
    /// Whether names are altered so that authors do not highlight themselves.
    pub anti_ping: bool,
    /// Maximum number of lines of a message.
    pub max_lines: usize,
    /// What to do with longer messages.
    pub long_messages: LongMessages,
}

/// The prefixes of messages, by kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prefixes {
    /// For text.
    pub text: Template,
    /// For actions.
    pub action: Template,
    /// For notices.
    pub notice: Template,
}

/// When lines of one author are merged into one post, which Let's Chat shows as a paste.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MergeLines {
    /// Never.
    Never,
    /// When they arrive together, or are queued anyway.
    #[default]
    Queued,
    /// When they follow within this time, for which each line is delayed.
    Within(Duration),
}

/// How to convert Let's Chat's `:emotes:`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Emotes {
    /// Keep the shortcodes.
    #[default]
    Shortcodes,
    /// Replace them by Unicode characters, if there are any.
    Unicode,
}

/// What to do with a message of too many lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LongMessages {
    /// Send its start and a public link to the whole; without public links, the room's address.
    #[default]
    Link,
    /// Send all of it.
    All,
    /// Send its start and the number of missing lines.
    Cut,
}

impl Default for LinkFormat {
    fn default() -> Self {
        Self {
            room: RoomFormat::default(),
            channel: ChannelFormat::default(),
            rules: Rules::default(),
            user_map: Arc::default(),
            status_notices: StatusNotices::default(),
            topic_sync: TopicSync::default(),
            commands: true,
            passthrough: None,
        }
    }
}

impl Prefixes {
    /// The prefix for this kind of message.
    #[must_use]
    pub fn for_kind(&self, kind: MessageKind) -> &Template {
        match kind {
            MessageKind::Text => &self.text,
            MessageKind::Action => &self.action,
            MessageKind::Notice => &self.notice,
        }
    }

    fn parse(message: &str, action: &str, notice: &str) -> Self {
        let template = |text| Template::parse(text).expect("the default template is valid");
        Self { text: template(message), action: template(action), notice: template(notice) }
    }
}

impl Default for RoomFormat {
    fn default() -> Self {
        Self {
            prefixes: Prefixes::parse("<{nick}> ", "* {nick} ", "-{nick}- "),
            formatting: Formatting::default(),
            inline_images: true,
            merge_lines: MergeLines::default(),
            mentions: true,
            allow_mentions_from: UserSet::Everyone,
            allow_all_mention_from: UserSet::empty(),
            letschat_url: None,
        }
    }
}

impl Default for ChannelFormat {
    fn default() -> Self {
        Self {
            // Actions have a star from the server before them.
            prefixes: Prefixes::parse("<{user}> ", "{user} ", "<{user}> "),
            mentions: true,
            emotes: Emotes::default(),
            color_nicks: false,
            anti_ping: true,
            max_lines: 4,
            long_messages: LongMessages::default(),
        }
    }
}
