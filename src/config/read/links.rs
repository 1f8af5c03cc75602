use std::sync::Arc;

use config::ValueKind;

use super::{looks, values};
use crate::config::document;
use crate::config::entry::Entry;
use crate::config::keys::{self, Pattern};
use crate::config::kinds::{as_text, text};
use crate::config::links::{Links, Written};
use crate::config::section::Section;
use crate::config::values::{Flaw, shown};
use crate::domain::{Network, Place};
use crate::translate::Manners;

/// Every `[[link]]`, between one of the `networks` and Let's Chat, with `looks` where it has none of
/// its own.
pub(super) fn read<'r>(
    top: &mut Section<'r>,
    networks: &[&str],
    looks: &Arc<Manners>,
) -> Links<'r> {
    let written = top.child("link");
    let entries = written.as_ref().map(Entry::sections).unwrap_or_default();
    if entries.is_empty() && written.is_none_or(|entry| entry.is_list()) {
        let flaw = Flaw::new(
            "there is no link, so that nothing would be mirrored",
            "write [[link]] with channel = \"office/#dev\" and room = \"dev\"",
        );
        top.mistake("link".to_owned(), flaw);
    }
    let mut links = Links::mentioning(entries.iter().filter_map(mentioned).collect());
    for entry in entries {
        if let Some(written) = link(entry, networks, looks) {
            links.add(written);
        }
    }
    links
}

fn link<'r>(entry: Entry<'r>, networks: &[&str], looks: &Arc<Manners>) -> Option<Written<'r>> {
    let mut section = entry.section(Pattern::Link)?;
    let channel =
        section.must("channel", "channel = \"office/#dev\"", text(|text| channel(text, networks)));
    let room = section.must("room", "room = \"dev\"", text(values::room));
    let key = section.secret("key", "key_file", values::channel_key);
    let charset = section.entry("fallback_charset");
    let charset = charset.and_then(|entry| Some((entry.read(text(values::charset))?, entry)));
    let mode = section.entry("mode");
    let mode = mode.and_then(|entry| Some((entry.read(text(values::choice))?, entry)));
    let password = section.secret("room_password", "room_password_file", |_| Ok(()));
    let own = section.child("looks").and_then(|entry| entry.section(Pattern::Section("looks")));
    let looks = own.map_or(Arc::clone(looks), |own| Arc::new(looks::read(own, looks)));
    section.finish();
    Some(Written {
        entry,
        channel: channel?,
        room: Place::room(&room?),
        key,
        charset,
        mode,
        password,
        looks,
    })
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

/// The network that a link mentions, whether it is right or wrong otherwise.
fn mentioned<'r>(entry: &Entry<'r>) -> Option<&'r str> {
    let ValueKind::Table(link) = &entry.value.kind else { return None };
    let (network, _) = network_of(as_text(link.get("channel")?).ok()?)?;
    Some(network)
}
