//! What the administrator decides about an import: which channels go to which rooms, who was who, and which
//! account speaks for each.
//!
//! ```text
//! people found, files, accounts, links ─▶ draft ─▶ revise: what was edited stays ─▶ plan.toml
//! plan.toml ─▶ read: each value is checked ─▶ Plan ─▶ documents, or the archive
//! ```

mod claims;
mod draft;
mod fields;
mod keeping;
mod mistake;
mod networks;
mod old_plan;
mod participants;
mod propose;
mod read;
mod read_people;
mod revise;
mod revise_files;
mod room;
mod sources;
mod text;

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use self::claims::Claims;
use crate::domain::{DatabaseFormat, ObjectId};
use crate::migrate::formats::LogFormat;
use crate::migrate::people::Sureness;

pub use draft::{
    ChannelDraft, FileDraft, KnownAccount, KnownAccountKind, KnownIdentity, KnownLink, PersonDraft,
    PlanDraft, PlanOptions,
};
pub use mistake::{PlanError, PlanMistake};
pub use networks::NetworkNames;
pub use old_plan::OldPlan;
pub use propose::{AccountRules, propose_people, said, with_commas};
pub use revise::{RevisedPlan, revise, undecided_people};
pub use room::{ChannelSpeakers, ProposedRoom, propose_participants, propose_room};

/// What an import does, as the administrator decided.
#[derive(Debug, Clone)]
pub struct Plan {
    /// How the logs are read.
    pub reading: PlannedReading,
    /// The channels, in the order of the file.
    pub channels: Vec<PlannedChannel>,
    /// The people, in the order of the file.
    pub people: Vec<PlannedPerson>,
    claims: Claims,
    /// Whoever is nobody of the plan.
    nobody: PlannedPerson,
}

/// How logs are read that do not say it themselves.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PlannedReading {
    /// The zone of the writers' clocks; `None` for that of this machine.
    pub timezone: Option<TimeZone>,
    /// What bytes are that are not UTF-8: the label of an encoding.
    pub charset: Option<String>,
    /// The administrator's own patterns of lines.
    pub patterns: Vec<String>,
}

/// A channel of the logs.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedChannel {
    /// The network, as the plan calls it.
    pub network: String,
    /// The channel, or the other's nick in a private log.
    pub channel: String,
    /// The slug or id of the room that it goes to; `None` if it goes nowhere.
    pub room: Option<String>,
    /// The user names in Let's Chat of those who may read the room, beside the bridge; `None` if everybody may.
    pub participants: Option<Vec<String>>,
    /// Whether it is a private conversation, which must not go where others read it.
    pub is_private: bool,
    /// Whether the administrator leaves it out.
    pub is_left_out: bool,
    /// Its logs.
    pub files: Vec<PlannedFile>,
}

/// A log.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedFile {
    /// Where it is.
    pub path: PathBuf,
    /// What it is.
    pub kind: PlannedFormat,
    /// The zone of its writer's clock, if not the usual one.
    pub timezone: Option<TimeZone>,
    /// The day of its first line, if neither its name nor its lines tell.
    pub first_day: Option<Date>,
    /// Whose log it is, if that matters: files of one writer follow each other.
    pub owner: Option<String>,
}

/// The format of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlannedFormat {
    /// Lines of text.
    Text(LogFormat),
    /// A database of SQLite, in which the channel may have another name.
    Database {
        /// Whose database.
        format: DatabaseFormat,
        /// The network's name in it.
        network: String,
        /// The channel's name in it.
        channel: String,
    },
}

/// Somebody who said something in the logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedPerson {
    /// The same in each version of the plan.
    pub id: String,
    /// How they are called.
    pub name: String,
    /// All their nicks, the main one first.
    pub nicks: Vec<PlannedNick>,
    /// The account that speaks for them in Let's Chat.
    pub account: PlannedAccount,
    /// How sure it is that the nicks are theirs.
    pub sure: Sureness,
    /// Whether it is a program.
    pub is_bot: bool,
    /// Whether the administrator leaves out what they said.
    pub is_left_out: bool,
}

/// A nick of somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedNick {
    /// The network.
    pub network: String,
    /// The nick.
    pub nick: String,
    /// From when on it is theirs; `None` for always.
    pub from: Option<Timestamp>,
    /// Until before when it is theirs; `None` for ever.
    pub until: Option<Timestamp>,
}

/// The account that speaks for somebody in Let's Chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlannedAccount {
    /// An account of their own, which is there.
    Existing {
        /// Its user name.
        username: String,
        /// Its id, if it is known.
        id: Option<ObjectId>,
    },
    /// The account that the bridge made for them.
    Made {
        /// Its user name.
        username: String,
        /// Its id, if it is known.
        id: Option<ObjectId>,
    },
    /// One to be made, with which nobody can log in.
    New {
        /// Its user name.
        username: String,
        /// Its display name.
        display_name: String,
        /// The name in the directory by which its person takes it over at their first login.
        uid: Option<String>,
    },
    /// The bridge's own, with the name before each text.
    Bridge,
}

impl Plan {
    /// Reads the plan in the file `path`. Paths of logs in it are relative to its directory.
    ///
    /// # Errors
    /// That it cannot be read; or all mistakes in it, each with its line and what would do.
    pub fn read(path: &Path) -> Result<Self, PlanError> {
        let text = read::read_file(path)?;
        read::parse(&path.display().to_string(), &text, path.parent().unwrap_or(Path::new("")))
    }

    /// Who spoke by this nick at that time; somebody for whom the bridge's account speaks if the plan names nobody.
    #[must_use]
    pub fn speaker_of(&self, network: &str, nick: &str, at: Timestamp) -> &PlannedPerson {
        let found = self.claims.find(network, nick, at);
        found.and_then(|at| self.people.get(at)).unwrap_or(&self.nobody)
    }

    /// Whether the plan names this person, rather than the bridge speaking for them because it does not.
    #[must_use]
    pub fn is_known(&self, person: &PlannedPerson) -> bool {
        person.id != self.nobody.id
    }
}

impl PlannedAccount {
    /// What a plan calls this kind of account.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Existing { .. } => "existing",
            Self::Made { .. } => "made",
            Self::New { .. } => "new",
            Self::Bridge => "bridge",
        }
    }
}

#[cfg(test)]
mod tests;
