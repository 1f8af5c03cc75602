use config::ValueKind;

use super::values;
use crate::config::document;
use crate::config::keys::{self, Pattern};
use crate::config::links::{Links, Written};
use crate::config::section::{Entry, Section, text};
use crate::config::values::{Flaw, shown};
use crate::domain::{Network, Place};

/// Every `[[link]]`, between one of the `networks` and Let's Chat.
pub(super) fn read<'r>(top: &mut Section<'r>, networks: &[&str]) -> Links<'r> {
    let mut links = Links::default();
    let written = top.child("link");
    let entries = written.as_ref().map(Entry::sections).unwrap_or_default();
    if entries.is_empty() && written.is_none_or(|entry| entry.is_list()) {
        let flaw = Flaw::new(
            "there is no link, so that nothing would be mirrored",
            "write [[link]] with channel = \"office/#dev\" and room = \"dev\"",
        );
        top.mistake("link".to_owned(), flaw);
    }
    for entry in entries {
        if let Some(written) = link(entry, networks) {
            links.add(written);
        }
    }
    links
}

fn link<'r>(entry: Entry<'r>, networks: &[&str]) -> Option<Written<'r>> {
    let mut section = entry.section(Pattern::Link)?;
    let channel =
        section.must("channel", "channel = \"office/#dev\"", text(|text| channel(text, networks)));
    let room = section.must("room", "room = \"dev\"", text(values::room));
    let key = section.secret("key", "key_file", values::channel_key);
    let password = section.secret("room_password", "room_password_file", |_| Ok(()));
    section.finish();
    Some(Written { entry, channel: channel?, room: Place::room(&room?), key, password })
}

/// `network/channel`, of a network that there is.
fn channel(text: &str, networks: &[&str]) -> Result<Place, Flaw> {
    let Some((network, channel)) = network_of(text) else {
        let example = networks.first().unwrap_or(&"office");
        return Err(Flaw::of(
            text,
            "is not network/channel",
            format!("write it like \"{example}/#dev\""),
        ));
    };
    if !networks.contains(&network) {
        let names: Vec<_> = networks.iter().map(|name| format!("{name:?}")).collect();
        let remedy = match keys::nearest(network, networks.iter().copied()) {
            Some(near) => format!("did you mean {near:?}?"),
            None if names.is_empty() => format!("add [{}]", document::below("irc", network)),
            None => format!("the networks are {}", names.join(", ")),
        };
        return Err(Flaw::new(format!("there is no network {}", shown(network)), remedy));
    }
    Ok(Place::channel(&Network::new(network), &values::channel(channel)?))
}

/// The network that a channel is on, with the rest; channels themselves may contain `/`.
fn network_of(text: &str) -> Option<(&str, &str)> {
    text.split_once('/').filter(|(network, _)| !network.starts_with(['#', '&', '+', '!']))
}

/// Whether one of the links, right or wrong, mentions the network.
pub(super) fn mention(top: &mut Section<'_>, network: &str) -> bool {
    let mentions = |entry: Entry<'_>| match &entry.value.kind {
        ValueKind::Table(link) => link.get("channel").is_some_and(|channel| match &channel.kind {
            ValueKind::String(text) => network_of(text).is_some_and(|(name, _)| name == network),
            _ => false,
        }),
        _ => false,
    };
    top.child("link").is_some_and(|links| links.sections().into_iter().any(mentions))
}
