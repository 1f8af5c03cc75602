//! How people want what others said to be shown to them.

use std::sync::Arc;
use std::time::Duration;

use regex::Regex;
use url::Url;

use super::comings::{Comings, Topics};
use super::mirc::Formatting;
use super::people::People;
use super::rules::Rules;
use super::template::Template;
use super::who::Whom;
use crate::domain::MessageKind;

/// How what is said at one end of a link is shown at the other.
#[derive(Debug, Clone)]
pub struct Manners {
    /// In the room.
    pub room: RoomManners,
    /// In the channel.
    pub channel: ChannelManners,
    /// What is left out, and what is told otherwise than it was said.
    pub rules: Rules,
    /// Who is who on both sides.
    pub people: Arc<People>,
    /// Who of those that come and go is told of.
    pub comings: Comings,
    /// Whether what a channel and a room are about follow each other.
    pub topics: Topics,
    /// Whether people can ask the bridge who is there and how it is.
    pub answers: bool,
    /// What is said to programs on the other side: it stands alone there, behind a line of its own that
    /// says who said it. `None` for nothing.
    pub passthrough: Option<Regex>,
}

/// How a room is spoken to.
#[derive(Debug, Clone)]
pub struct RoomManners {
    /// The words before a text.
    pub names: Names,
    /// What becomes of bold, italic and the like.
    pub formatting: Formatting,
    /// An address of a picture that stands alone is posted alone, so that the page shows it.
    pub pictures: bool,
    /// When lines of one person become one message.
    pub join: Join,
    /// `nick: text` notifies the user whom it means.
    pub mentions: bool,
    /// Whose words notify the people that they name.
    pub may_notify: Whom,
    /// Whose `@all` notifies all.
    pub may_notify_all: Whom,
    /// Where the Let's Chat is: what of its own is not shown as a picture.
    pub letschat: Option<Url>,
}

/// How a channel is spoken to.
#[derive(Debug, Clone)]
pub struct ChannelManners {
    /// The words before a text.
    pub names: Names,
    /// `@user` becomes the nick of the person.
    pub mentions: bool,
    /// What becomes of `:emotes:`.
    pub emotes: Emotes,
    /// Names have colours.
    pub colours: bool,
    /// Whoever is there under the same name is not called by their own words.
    pub quiet: bool,
    /// The most lines that one message becomes.
    pub lines: usize,
    /// What is done with a message of more lines.
    pub long: Long,
}

/// The words before a text, for each way of saying it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    /// Talk.
    pub talk: Template,
    /// What somebody does.
    pub action: Template,
    /// A notice.
    pub notice: Template,
}

/// When lines of one person become one message, which the page of Let's Chat shows as a paste.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Join {
    /// Never.
    Never,
    /// When they come together, or have to wait for something else anyhow.
    #[default]
    Waiting,
    /// When one follows the other within this time, for which each is held back.
    Within(Duration),
}

/// What becomes of Let's Chat's `:emotes:`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Emotes {
    /// They stay names.
    #[default]
    Names,
    /// They become the Unicode characters of the same name, where there are any.
    Unicode,
}

/// What is done with a message of too many lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Long {
    /// Its beginning is said, with a link to all of it; without links, with the room's address.
    #[default]
    Link,
    /// All of it is said.
    All,
    /// Its beginning is said, with the number of what is missing.
    Cut,
}

impl Default for Manners {
    fn default() -> Self {
        Self {
            room: RoomManners::default(),
            channel: ChannelManners::default(),
            rules: Rules::default(),
            people: Arc::default(),
            comings: Comings::default(),
            topics: Topics::default(),
            answers: true,
            passthrough: None,
        }
    }
}

impl Names {
    /// The words before a text that is said like this.
    #[must_use]
    pub fn of(&self, kind: MessageKind) -> &Template {
        match kind {
            MessageKind::Text => &self.talk,
            MessageKind::Action => &self.action,
            MessageKind::Notice => &self.notice,
        }
    }

    fn parse(talk: &str, action: &str, notice: &str) -> Self {
        let template = |text| Template::parse(text).expect("ours is one");
        Self { talk: template(talk), action: template(action), notice: template(notice) }
    }
}

impl Default for RoomManners {
    fn default() -> Self {
        Self {
            names: Names::parse("<{nick}> ", "* {nick} ", "-{nick}- "),
            formatting: Formatting::default(),
            pictures: true,
            join: Join::default(),
            mentions: true,
            may_notify: Whom::Everyone,
            may_notify_all: Whom::nobody(),
            letschat: None,
        }
    }
}

impl Default for ChannelManners {
    fn default() -> Self {
        Self {
            // What somebody does has the server's own star before it.
            names: Names::parse("<{user}> ", "{user} ", "<{user}> "),
            mentions: true,
            emotes: Emotes::default(),
            colours: false,
            quiet: true,
            lines: 4,
            long: Long::default(),
        }
    }
}
