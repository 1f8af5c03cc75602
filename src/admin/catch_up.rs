//! Delivering what was not mirrored, as the API asks for it and answers.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::queue::LinkRefView;
use crate::bridge::{CatchUpAnswer, CatchUpRequest, LinkDirection};
use crate::domain::LinkName;

/// What is to be delivered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CatchUpRequestBody {
    /// The link: its channel, with or without the network, its room, or both ends.
    pub link: String,
    /// What was sent from this time on.
    pub from: Timestamp,
    /// What was sent before this time; now, if it is missing.
    #[serde(default)]
    pub to: Option<Timestamp>,
    /// Only what was said on this side; on both, if it is missing.
    #[serde(default)]
    pub side: Option<SideView>,
    /// Only tell what would be delivered.
    #[serde(default)]
    pub dry_run: bool,
}

/// A side of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SideView {
    /// The channel.
    Irc,
    /// The room.
    LetsChat,
}

/// What is delivered late, or would be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CatchUpView {
    /// The link that was meant.
    #[serde(flatten)]
    pub link: LinkRefView,
    /// Whether nothing is delivered.
    pub dry_run: bool,
    /// What was said on each side that was asked for, and that the link mirrors now.
    pub sides: Vec<CatchUpSideView>,
}

/// What of one side is delivered late.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CatchUpSideView {
    /// Where it was said.
    pub side: SideView,
    /// How many messages.
    pub messages: u64,
    /// When the first of them was sent.
    pub first: Option<Timestamp>,
    /// When the last of them was sent.
    pub last: Option<Timestamp>,
}

impl CatchUpRequestBody {
    /// The request for the bridge.
    pub(super) fn request(&self, now: Timestamp) -> CatchUpRequest {
        CatchUpRequest {
            link: LinkName::new(&self.link),
            from: self.from,
            to: self.to.unwrap_or(now),
            direction: self.side.map(|side| match side {
                SideView::Irc => LinkDirection::ToLetsChat,
                SideView::LetsChat => LinkDirection::ToIrc,
            }),
            is_dry_run: self.dry_run,
        }
    }
}

impl CatchUpView {
    pub(super) fn new(answer: &CatchUpAnswer, dry_run: bool) -> Self {
        let sides = answer.counts.iter().map(|count| CatchUpSideView {
            side: match count.direction {
                LinkDirection::ToLetsChat => SideView::Irc,
                LinkDirection::ToIrc => SideView::LetsChat,
            },
            messages: count.messages,
            first: count.span.map(|(first, _)| first),
            last: count.span.map(|(_, last)| last),
        });
        Self { link: LinkRefView::new(&answer.link), dry_run, sides: sides.collect() }
    }
}
