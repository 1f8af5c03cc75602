//! Who may read the rooms of channels that were closed to others on IRC.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::claims::key_of;
use super::draft::PersonDraft;
use super::fields::{PlanTable, PlanText};
use super::old_plan::OldPlan;
use super::read_people::is_username;
use super::{PlannedAccount, PlannedChannel, PlannedNick};

/// Who spoke in a channel.
#[derive(Debug, Clone, Copy)]
pub struct ChannelSpeakers<'a> {
    /// The network.
    pub network: &'a str,
    /// Their nicks.
    pub nicks: &'a BTreeSet<String>,
    /// When something was said, first and last.
    pub said: Option<(Timestamp, Timestamp)>,
}

/// The user names of the accounts of those who spoke in a channel, in order. Whom the administrator has edited in `old` has the
/// account that stands there.
#[must_use]
pub fn propose_participants(
    speakers: ChannelSpeakers<'_>,
    people: &[PersonDraft],
    old: Option<&OldPlan>,
) -> Vec<String> {
    let keys: BTreeSet<(String, String)> =
        speakers.nicks.iter().map(|nick| key_of(speakers.network, nick)).collect();
    let spoke = |nick: &PlannedNick| {
        let is_then = speakers.said.is_none_or(|(first, last)| {
            nick.from.is_none_or(|from| from <= last)
                && nick.until.is_none_or(|until| first < until)
        });
        is_then && keys.contains(&key_of(&nick.network, &nick.nick))
    };
    let edited: Vec<_> = old.map(|old| old.edited_people().collect()).unwrap_or_default();
    let mut names = BTreeSet::new();
    for person in people.iter().filter(|person| person.nicks.iter().any(spoke)) {
        let edited = person.given.and_then(|given| edited.get(given)).map(|(_, person)| person);
        if edited.is_some_and(|edited| edited.is_left_out) {
            continue;
        }
        match edited.map_or(&person.account, |edited| &edited.account) {
            PlannedAccount::Existing { username, .. }
            | PlannedAccount::Made { username, .. }
            | PlannedAccount::New { username, .. } => drop(names.insert(username.to_lowercase())),
            PlannedAccount::Bridge => {}
        }
    }
    names.into_iter().collect()
}

/// The user names of those who may read the room of a channel, in lower case; `None` if everybody may.
pub(super) fn read_participants(table: &PlanTable<'_>, is_private: bool) -> Option<Vec<String>> {
    let value = table.get("participants")?;
    if is_private || table.get("room").is_none() {
        let help = "remove the line".to_owned();
        value.note("nothing of this log goes into a room".to_owned(), help);
    }
    let example = "a list of user names in Let's Chat, like [\"ann\", \"bob.irc\"]";
    let mut names = Vec::new();
    for item in table.items("participants", example) {
        let name = item.string().map(|name| name.to_lowercase());
        match name {
            Some(name) if is_username(&name) => names.push(name),
            Some(_) => item.mistake("a user name in Let's Chat"),
            None => {}
        }
    }
    Some(names)
}

/// Notes channels that go to one room and have not the same participants: each would read what only the others may.
pub(super) fn check_rooms(text: &PlanText, channels: &[(PlannedChannel, Option<usize>)]) {
    let mut rooms: BTreeMap<&str, (&PlannedChannel, Option<BTreeSet<&String>>)> = BTreeMap::new();
    for (channel, line) in channels.iter().filter(|(channel, _)| !channel.is_left_out) {
        let Some(room) = &channel.room else { continue };
        let own = channel.participants.as_ref().map(|names| names.iter().collect());
        let (first, participants) = rooms.entry(room).or_insert_with(|| (channel, own.clone()));
        if *participants != own {
            let problem = format!(
                "{}/{} goes to the room {room}, too, and has other participants",
                first.network, first.channel
            );
            let help = "write another room, or the same participants in both".to_owned();
            text.note(*line, "participants", problem, help);
        }
    }
}
