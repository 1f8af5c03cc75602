//! What the tables about the phases of links hold.

use jiff::Timestamp;

use crate::domain::{EndpointId, LinkPhase};

/// What people were last told of the phase of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ToldPhase {
    /// Its channel.
    pub channel: EndpointId,
    /// Its room.
    pub room: EndpointId,
    /// What people in the channel know.
    pub at_channel: LinkPhase,
    /// What people in the room know.
    pub at_room: LinkPhase,
}

/// What the bridge has done in a channel or room because of the phases of its links.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhasePlace {
    /// The channel or room.
    pub endpoint: EndpointId,
    /// When it last told people of a change there.
    pub announced_at: Option<Timestamp>,
    /// What it has added to the channel's topic, or is about to.
    pub topic_note: Option<String>,
    /// Whether the server has shown the topic with it.
    pub is_topic_shown: bool,
    /// The phase in which somebody took it out.
    pub topic_removed: Option<LinkPhase>,
    /// Whether it has moderated the channel.
    pub moderation: ChannelModeration,
}

impl PhasePlace {
    /// Nothing was done there.
    #[must_use]
    pub fn new(endpoint: EndpointId) -> Self {
        Self {
            endpoint,
            announced_at: None,
            topic_note: None,
            is_topic_shown: false,
            topic_removed: None,
            moderation: ChannelModeration::None,
        }
    }
}

/// Who has moderated a channel (`+m`).
///
/// ```text
///         the phase is irc_read_only              the server shows it             an operator undoes it
///   None ─────────────────────────────▶ Asked ─────────────────────▶ Set ─────────────────────────────┐
///    ▲ │                                  └──────────┬────────────────┘                                ▼
///    │ └── it was moderated before ──────────────────│──────────────────────────────────▶ LeftToOperators
///    └──── the phase is another one, and the mode is gone ◀─────────────────────────────────────────────┘
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ChannelModeration {
    /// The bridge has not.
    #[default]
    None,
    /// The bridge has asked for it.
    Asked,
    /// The bridge has.
    Set,
    /// Somebody else has, before the bridge or against it: it does not change that.
    LeftToOperators,
}

/// When somebody of IRC was told in a channel where its people have moved to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PhaseTold {
    /// Where the room is.
    pub welcomed_at: Option<Timestamp>,
    /// That what they say goes nowhere.
    pub reminded_at: Option<Timestamp>,
}

/// One direction of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct UnheardLink {
    /// Its channel.
    pub channel: EndpointId,
    /// Its room.
    pub room: EndpointId,
    /// From the room to the channel; otherwise from the channel to the room.
    pub to_irc: bool,
}

/// A period: from the first time on, and before the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnheardRange {
    /// Its begin.
    pub from: Timestamp,
    /// Its end.
    pub to: Timestamp,
}
