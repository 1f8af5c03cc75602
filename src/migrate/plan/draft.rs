//! What the program proposes, before an administrator has seen it.

use std::path::PathBuf;

use jiff::Timestamp;

use super::{PlannedAccount, PlannedChannel, PlannedNick, PlannedPerson};
use crate::domain::{Identity, ObjectId};
use crate::migrate::people::Sureness;

/// A link of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownLink {
    /// The network of its channel.
    pub network: String,
    /// Its channel.
    pub channel: String,
    /// The slug or id of its room.
    pub room: String,
}

/// An account in Let's Chat that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownAccount {
    /// Why it is known.
    pub kind: KnownAccountKind,
    /// Its user name.
    pub username: String,
    /// Its display name.
    pub display_name: String,
    /// Its id, if it is known.
    pub id: Option<ObjectId>,
}

/// Why an account is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KnownAccountKind {
    /// Let's Chat has it.
    There,
    /// The bridge made it for somebody.
    Made(KnownIdentity),
    /// Somebody linked their own.
    Linked(KnownIdentity),
}

/// By what the bridge knows somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownIdentity {
    /// The network.
    pub network: String,
    /// Their services account or first nick, folded.
    pub identity: Identity,
    /// The nick with which they spoke last.
    pub nick: String,
}

/// What the plan says of how logs are read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlanOptions {
    /// The zone of the writers' clocks.
    pub timezone: Option<String>,
    /// What bytes are that are not UTF-8.
    pub charset: Option<String>,
    /// The administrator's own patterns of lines; none for those that the plan has.
    pub patterns: Vec<String>,
}

/// A plan as the program proposes it.
#[derive(Debug, Clone, Default)]
pub struct PlanDraft {
    /// What it is about, in lines without `#`.
    pub summary: Vec<String>,
    /// How the logs are read; what is `None` stays as it was.
    pub options: PlanOptions,
    /// The channels.
    pub channels: Vec<ChannelDraft>,
    /// The people.
    pub people: Vec<PersonDraft>,
}

/// A channel as the program found it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChannelDraft {
    /// The network.
    pub network: String,
    /// The channel.
    pub channel: String,
    /// The room that it may go to.
    pub room: Option<String>,
    /// The user names of those who may read the room, if not everybody may.
    pub participants: Option<Vec<String>>,
    /// Whether it is a private conversation.
    pub is_private: bool,
    /// How much was said.
    pub lines: u64,
    /// When, first and last.
    pub said: Option<(Timestamp, Timestamp)>,
    /// What is known of it: files, formats, zones, overlaps.
    pub facts: Vec<String>,
    /// What an administrator should decide.
    pub doubts: Vec<String>,
    /// Its logs.
    pub files: Vec<FileDraft>,
}

/// A log as the program found it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileDraft {
    /// Where it is, as the plan is to say it.
    pub path: PathBuf,
    /// The name of its format.
    pub format: String,
    /// The zone of its writer, if the log says it.
    pub timezone: Option<String>,
    /// Whose log it is, if that matters.
    pub owner: Option<String>,
    /// Network and channel as a database calls them.
    pub in_database: Option<(String, String)>,
}

/// A person as the program proposes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonDraft {
    /// Whom the administrator gave, if it is one of them.
    pub given: Option<usize>,
    /// How they are called.
    pub name: String,
    /// Their nicks, the main one first.
    pub nicks: Vec<PlannedNick>,
    /// The account that speaks for them.
    pub account: PlannedAccount,
    /// How sure that is.
    pub sure: Sureness,
    /// Whether they seem to be a program.
    pub is_bot: bool,
    /// How many lines they said.
    pub lines: u64,
    /// What is known of them.
    pub facts: Vec<String>,
    /// What an administrator should decide.
    pub doubts: Vec<String>,
}

/// What of a person an administrator may change, as one text. It decides whether they did.
pub(super) fn decisions_of_person(
    name: &str,
    account: &PlannedAccount,
    nicks: &[PlannedNick],
    is_bot: bool,
) -> String {
    format!("{name:?} {account:?} {is_bot} {nicks:?}")
}

impl PersonDraft {
    pub(super) fn decisions(&self) -> String {
        decisions_of_person(&self.name, &self.account, &self.nicks, self.is_bot)
    }
}

impl PlannedPerson {
    pub(super) fn decisions(&self) -> String {
        let left_out = if self.is_left_out { " left out" } else { "" };
        decisions_of_person(&self.name, &self.account, &self.nicks, self.is_bot) + left_out
    }
}

impl ChannelDraft {
    /// What of a channel an administrator may change, as one text.
    pub(super) fn decisions(&self) -> String {
        let room = (self.room.as_deref(), self.participants.as_deref());
        decisions_of_channel(&self.network, &self.channel, room)
    }
}

fn decisions_of_channel(
    network: &str,
    channel: &str,
    (room, participants): (Option<&str>, Option<&[String]>),
) -> String {
    format!("{network:?} {channel:?} {room:?} {participants:?}")
}

impl PlannedChannel {
    pub(super) fn decisions(&self) -> String {
        let left_out = if self.is_left_out { " left out" } else { "" };
        let room = (self.room.as_deref(), self.participants.as_deref());
        decisions_of_channel(&self.network, &self.channel, room) + left_out
    }
}
