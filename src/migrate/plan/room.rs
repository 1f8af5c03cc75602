//! To which room a channel goes, and who may read it if not everybody may.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::claims::key_of;
use super::draft::{KnownLink, PersonDraft};
use super::old_plan::OldPlan;
use super::{PlannedAccount, PlannedNick};
use crate::domain::Casemapping;

/// A room for a channel, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProposedRoom {
    /// Its slug or id.
    pub room: String,
    /// Why this one.
    pub why: &'static str,
    /// Whether an administrator should look at it.
    pub is_doubtful: bool,
}

/// The room that a link joins with the channel; else one with the channel's name.
#[must_use]
pub fn propose_room(network: &str, channel: &str, links: &[KnownLink]) -> ProposedRoom {
    let same = |left: &str, right: &str| Casemapping::Rfc1459.same(left, right);
    let of_channel: Vec<&KnownLink> =
        links.iter().filter(|link| same(&link.channel, channel)).collect();
    if let Some(link) = of_channel.iter().find(|link| same(&link.network, network)) {
        return ProposedRoom { room: link.room.clone(), why: "linked", is_doubtful: false };
    }
    if let [link] = of_channel[..] {
        let why = "linked, on a network that bridge.toml calls otherwise";
        return ProposedRoom { room: link.room.clone(), why, is_doubtful: true };
    }
    ProposedRoom { room: slug_of(channel), why: "named after the channel", is_doubtful: false }
}

/// A slug like the channel's name.
fn slug_of(channel: &str) -> String {
    let mut slug = String::new();
    for c in channel.trim_start_matches(['#', '&', '+', '!']).to_lowercase().chars() {
        match c {
            c if c.is_ascii_alphanumeric() || c == '_' => slug.push(c),
            _ if slug.ends_with('-') => {}
            _ => slug.push('-'),
        }
    }
    let slug = slug.trim_matches('-');
    if slug.is_empty() { "irc".to_owned() } else { slug.to_owned() }
}

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::is_room_slug;

    #[test]
    fn a_link_decides_else_the_name() {
        let link = |network: &str, channel: &str, room: &str| KnownLink {
            network: network.to_owned(),
            channel: channel.to_owned(),
            room: room.to_owned(),
        };
        let links = [
            link("libera", "#Tea", "cups"),
            link("oftc", "#two", "a"),
            link("libera", "#two", "b"),
        ];
        for (network, channel, room, is_doubtful) in [
            ("Libera", "#tea", "cups", false),
            ("freenode", "#TEA", "cups", true),
            ("libera", "#two", "b", false),
            ("freenode", "#two", "two", false),
            ("libera", "##C++ [help]", "c-help", false),
            ("libera", "#茶", "irc", false),
            ("libera", "&local_x", "local_x", false),
        ] {
            let found = propose_room(network, channel, &links);
            assert_eq!((found.room.as_str(), found.is_doubtful), (room, is_doubtful), "{channel}");
            assert!(is_room_slug(&found.room), "{room}");
        }
    }
}
