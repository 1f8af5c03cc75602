//! What `letsbridge progress` tells: the shape of its JSON, which `docs/progress.md` documents.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// How far the people of all links have moved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProgressReport {
    /// When this was counted.
    pub at: Timestamp,
    /// Whether it comes from a running bridge, which knows whether links work.
    pub running: bool,
    /// The Monday with which the first week begins. Weeks begin at 00:00 UTC.
    pub since: Date,
    /// The Monday since which something counts as recent: the week that is now, and the three before.
    pub recent_since: Date,
    /// The links, in the order of the configuration.
    pub links: Vec<LinkProgress>,
    /// Channels and rooms where something was said in these weeks, and which are no longer linked.
    pub no_longer_linked: Vec<PlaceProgress>,
}

/// How far the people of a link have moved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LinkProgress {
    /// The network of the channel.
    pub network: String,
    /// The channel.
    pub channel: String,
    /// The room, as in the configuration.
    pub room: String,
    /// The phase: `together`, `moving`, `irc_read_only` or `closed`.
    pub phase: String,
    /// In which directions it mirrors, as far as its phase does: `both`, `to_letschat` or `to_irc`.
    pub direction: String,
    /// What to do next.
    pub suggestion: PhaseSuggestion,
    /// The last four weeks in figures.
    pub recent: RecentProgress,
    /// Each week, the oldest first.
    pub weeks: Vec<WeekProgress>,
    /// Who spoke in these weeks, those who speak most first; at most 500.
    pub people: Vec<PersonProgress>,
    /// How many more people spoke.
    pub more_people: u64,
    /// The programs that spoke in these weeks; at most 100.
    pub bots: Vec<BotProgress>,
    /// What is in the way, the most important first.
    pub in_the_way: Vec<MoveObstacle>,
}

/// What to do next with a link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhaseSuggestion {
    /// The phase that suits the figures.
    pub phase: String,
    /// Whether that is the next one, the one before, or the same.
    pub step: PhaseStep,
    /// Why, in one sentence.
    pub why: String,
}

/// Where a suggested phase lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PhaseStep {
    /// It is the next one.
    Forward,
    /// It is the one that the link has.
    Stay,
    /// It is the one before.
    Back,
}

/// The figures of the last four weeks. Bots do not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RecentProgress {
    /// How many people spoke on either side.
    pub people: u64,
    /// How many of them are linked or spoke on Let's Chat.
    pub arrived: u64,
    /// How many of them are linked.
    pub linked: u64,
    /// How many spoke only on IRC.
    pub only_irc: u64,
    /// How many spoke on both sides.
    pub both: u64,
    /// How many spoke only on Let's Chat, and have not moved from IRC.
    pub only_letschat: u64,
    /// How many have moved: linked, heard on Let's Chat, and not on IRC for two weeks.
    pub moved: u64,
    /// How many lines were said on IRC.
    pub irc_lines: u64,
    /// How many lines were said on Let's Chat.
    pub letschat_lines: u64,
    /// How many per cent of the lines that is, rounded down; nothing if nothing was said.
    pub letschat_percent: Option<u64>,
}

/// How much was said in one week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WeekProgress {
    /// Its Monday.
    pub monday: Date,
    /// By people in the channel.
    pub irc: SideProgress,
    /// By people in the room.
    pub letschat: SideProgress,
    /// How many lines bots said in the channel.
    pub irc_bot_lines: u64,
    /// How many lines bots said in the room.
    pub letschat_bot_lines: u64,
}

/// How much was said on one side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SideProgress {
    /// How many lines.
    pub lines: u64,
    /// By how many people.
    pub people: u64,
}

/// Somebody who spoke in these weeks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonProgress {
    /// The name with which they last spoke, that on IRC first.
    pub name: String,
    /// All names with which they spoke, in the order of the alphabet.
    pub names: Vec<String>,
    /// Where they speak.
    pub state: MoveState,
    /// Whether the bridge knows who they are on the other side.
    pub linked: LinkedBy,
    /// What they said in the channel.
    pub irc: SpokenLines,
    /// What they said in the room.
    pub letschat: SpokenLines,
}

/// Where somebody speaks, by the last four weeks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MoveState {
    /// Only on IRC.
    OnlyIrc,
    /// On both sides.
    Both,
    /// They are linked, speak on Let's Chat, and were not heard on IRC for two weeks.
    Moved,
    /// Only on Let's Chat.
    OnlyLetschat,
    /// They were not heard in the last four weeks.
    Quiet,
}

/// How the bridge knows who somebody is on the other side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkedBy {
    /// It does not.
    No,
    /// It does not; but they speak as an account that the bridge made.
    Made,
    /// By `[user_map]`.
    UserMap,
    /// They have linked their account, or taken over the one that the bridge made.
    Account,
}

impl LinkedBy {
    /// Whether they have an account of their own.
    #[must_use]
    pub fn is_own(self) -> bool {
        self >= Self::UserMap
    }
}

/// What somebody said on one side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SpokenLines {
    /// How many lines in all these weeks.
    pub lines: u64,
    /// How many in the last four.
    pub recent: u64,
    /// When they last said something.
    pub last: Option<Timestamp>,
}

/// A program that spoke in these weeks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BotProgress {
    /// Its name.
    pub name: String,
    /// By what it is recognised.
    pub why: String,
    /// What it said in the channel.
    pub irc: SpokenLines,
    /// What it said in the room.
    pub letschat: SpokenLines,
}

/// Something that is in the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MoveObstacle {
    /// What kind of thing it is.
    pub kind: ObstacleKind,
    /// Of whom it is.
    pub name: Option<String>,
    /// What it is, and what would do.
    pub text: String,
}

/// What can be in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ObstacleKind {
    /// The link does not work.
    LinkFails,
    /// Many speak on a side that is not mirrored, because of `direction`.
    NotMirrored,
    /// Somebody who says much on IRC is not linked.
    NotLinked,
    /// A bot speaks only on IRC.
    BotOnlyOnIrc,
    /// Nothing from before the bridge is in the archive.
    HistoryMissing,
}

/// What was said in a channel or room that is no longer linked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaceProgress {
    /// Which: `libera/#tea`, `letschat/tea`.
    pub place: String,
    /// How many lines in these weeks.
    pub lines: u64,
    /// When the last one was said.
    pub last: Timestamp,
}
