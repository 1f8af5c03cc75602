//! To which room a channel goes.

use super::draft::KnownLink;
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
