//! How people want what others said to be shown to them.

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

/// How what is said at one end of a link is shown at the other.
#[derive(Debug, Clone)]
pub struct LinkFormat {
    /// In the room.
    pub room: RoomFormat,
    /// In the channel.
    pub channel: ChannelFormat,
    /// What is left out, and what is told otherwise than it was said.
    pub rules: Rules,
    /// Who is who on both sides.
    pub user_map: Arc<UserMap>,
    /// Who of those that come and go is told of.
    pub status_notices: StatusNotices,
    /// Whether what a channel and a room are about follow each other.
    pub topic_sync: TopicSync,
    /// Whether people can ask the bridge who is there and how it is.
    pub commands: bool,
    /// What is said to programs on the other side: it stands alone there, behind a line of its own that
    /// says who said it. `None` for nothing.
    pub passthrough: Option<Regex>,
}

/// How a room is spoken to.
#[derive(Debug, Clone)]
pub struct RoomFormat {
    /// The words before a text.
    pub prefixes: Prefixes,
    /// What becomes of bold, italic and the like.
    pub formatting: Formatting,
    /// An address of a picture that stands alone is posted alone, so that the page shows it.
    pub inline_images: bool,
    /// When lines of one person become one message.
    pub merge_lines: MergeLines,
    /// `nick: text` notifies the user whom it means.
    pub mentions: bool,
    /// Whose words notify the people that they name.
    pub allow_mentions_from: UserSet,
    /// Whose `@all` notifies all.
    pub allow_all_mention_from: UserSet,
    /// Where the Let's Chat is: what of its own is not shown as a picture.
    pub letschat_url: Option<Url>,
}

/// How a channel is spoken to.
#[derive(Debug, Clone)]
pub struct ChannelFormat {
    /// The words before a text.
    pub prefixes: Prefixes,
    /// `@user` becomes the nick of the person.
    pub mentions: bool,
    /// What becomes of `:emotes:`.
    pub emotes: Emotes,
    /// Names have colours.
    pub color_nicks: bool,
    /// Whoever is there under the same name is not called by their own words.
    pub anti_ping: bool,
    /// The most lines that one message becomes.
    pub max_lines: usize,
    /// What is done with a message of more lines.
    pub long_messages: LongMessages,
}

/// The words before a text, for each way of saying it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prefixes {
    /// Talk.
    pub text: Template,
    /// What somebody does.
    pub action: Template,
    /// A notice.
    pub notice: Template,
}

/// When lines of one person become one message, which the page of Let's Chat shows as a paste.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MergeLines {
    /// Never.
    Never,
    /// When they come together, or have to wait for something else anyhow.
    #[default]
    Queued,
    /// When one follows the other within this time, for which each is held back.
    Within(Duration),
}

/// What becomes of Let's Chat's `:emotes:`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Emotes {
    /// They stay names.
    #[default]
    Shortcodes,
    /// They become the Unicode characters of the same name, where there are any.
    Unicode,
}

/// What is done with a message of too many lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LongMessages {
    /// Its beginning is said, with a link to all of it; without links, with the room's address.
    #[default]
    Link,
    /// All of it is said.
    All,
    /// Its beginning is said, with the number of what is missing.
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
    /// The words before a text that is said like this.
    #[must_use]
    pub fn for_kind(&self, kind: MessageKind) -> &Template {
        match kind {
            MessageKind::Text => &self.text,
            MessageKind::Action => &self.action,
            MessageKind::Notice => &self.notice,
        }
    }

    fn parse(talk: &str, action: &str, notice: &str) -> Self {
        let template = |text| Template::parse(text).expect("the default template is valid");
        Self { text: template(talk), action: template(action), notice: template(notice) }
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
            // What somebody does has the server's own star before it.
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
