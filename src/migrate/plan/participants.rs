//! Who may read the rooms of channels that were closed to others on IRC.

use std::collections::{BTreeMap, BTreeSet};

use super::PlannedChannel;
use super::fields::{PlanTable, PlanText};
use super::read_people::is_username;

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
