//! Reads the `[[link]]` sections.

use std::collections::HashSet;
use std::sync::Arc;

use config::ValueKind;

use super::{charset, format, parse};
use crate::config::LetsChatSenderMode;
use crate::config::document;
use crate::config::entry::Entry;
use crate::config::keys::{self, SectionKind};
use crate::config::link_set::{LinkSet, RawLink};
use crate::config::parse::{ValueError, quote};
use crate::config::reader::Section;
use crate::config::types::{as_str, text};
use crate::domain::{Endpoint, Network};
use crate::translate::LinkFormat;

/// The settings of links that have none of their own.
pub(super) struct LinkDefaults<'d> {
    pub(super) format: &'d Arc<LinkFormat>,
    pub(super) letschat_sender_mode: LetsChatSenderMode,
}

/// Reads all `[[link]]` sections. `networks` are the names of all networks.
pub(super) fn read<'r>(
    top: &mut Section<'r>,
    networks: &[&str],
    defaults: &LinkDefaults<'_>,
) -> LinkSet<'r> {
    let written = top.child("link");
    let entries = written.as_ref().map(Entry::sections).unwrap_or_default();
    if entries.is_empty() && written.is_none_or(|entry| entry.is_list()) {
        let error = ValueError::new(
            "no links configured: nothing would be mirrored",
            "add [[link]] with channel = \"office/#dev\" and room = \"dev\"",
        );
        top.report_error("link".to_owned(), error);
    }
    let mentioned: Vec<&str> = entries.iter().filter_map(mentioned_network).collect();
    let mut links = LinkSet::with_networks(mentioned.clone());
    let mut reported = HashSet::new();
    for entry in entries {
        // An unknown network is reported once, however many links mention it.
        let name = crate::config::sections::links::mentioned_network(&entry)
            .filter(|name| !networks.contains(name));
        let is_reported = name.is_some_and(|name| networks.is_empty() || !reported.insert(name));
        let many = mentioned.iter().filter(|other| Some(**other) == name).count();
        let networks =
            if is_reported { NetworkCheck::Reported } else { NetworkCheck::Known(networks, many) };
        if let Some(written) = read_link(entry, &networks, defaults) {
            links.add(written);
        }
    }
    links
}

/// How to check the network of a link.
enum NetworkCheck<'n> {
    /// Against the networks of the file. The number is how many links mention this one.
    Known(&'n [&'n str], usize),
    /// Not at all: an error about it was reported already.
    Reported,
}

fn read_link<'r>(
    entry: Entry<'r>,
    networks: &NetworkCheck<'_>,
    defaults: &LinkDefaults<'_>,
) -> Option<RawLink<'r>> {
    let mut section = entry.section(SectionKind::Link)?;
    let channel = match networks {
        NetworkCheck::Reported => section.entry("channel").and(None),
        NetworkCheck::Known(names, many) => {
            let read = text(|text| parse_channel(text, names, *many));
            section.required("channel", "channel = \"office/#dev\"", read)
        }
    };
    let room = section.required("room", "room = \"dev\"", text(parse::room));
    let key = section.secret("key", "key_file", parse::channel_key);
    let charset = charset::read(&mut section);
    let sender_mode = section.entry("sender_mode");
    let sender_mode =
        sender_mode.and_then(|entry| Some((entry.parse(text(parse::sender_mode))?, entry)));
    let letschat_sender_mode =
        section.get("letschat_sender_mode", text(parse::letschat_sender_mode));
    let phase = section.get("phase", text(parse::known_word)).unwrap_or_default();
    let direction = section.get("direction", text(parse::known_word)).unwrap_or_default();
    let password = section.secret("room_password", "room_password_file", |_| Ok(()));
    let own =
        section.child("format").and_then(|entry| entry.section(SectionKind::Section("format")));
    let format = defaults.format;
    let format = own.map_or(Arc::clone(format), |own| Arc::new(format::read(own, format)));
    section.deny_unknown_keys();
    Some(RawLink {
        entry,
        channel: channel?,
        room: Endpoint::room(&room?),
        key,
        charset,
        sender_mode,
        letschat_sender_mode: letschat_sender_mode.unwrap_or(defaults.letschat_sender_mode),
        phase,
        direction,
        room_password: password,
        format,
    })
}

/// Parses `network/channel`. The network must be one of `networks`; `many` links mention it.
pub(super) fn parse_channel(
    text: &str,
    networks: &[&str],
    many: usize,
) -> Result<Endpoint, ValueError> {
    let Some((network, channel)) = split_network(text) else {
        let remedy = format!("write it like \"{}\"", suggest_channel(text, networks));
        return Err(ValueError::quoting(text, "is not network/channel", remedy));
    };
    if !networks.contains(&network) {
        let names: Vec<_> = networks.iter().map(|name| format!("{name:?}")).collect();
        let remedy = match keys::nearest(network, networks.iter().copied()) {
            Some(near) => format!("did you mean {near:?}?"),
            None if names.is_empty() => format!("add [{}]", document::child_path("irc", network)),
            None => format!("the networks are {}", names.join(", ")),
        };
        let links = if many > 1 { format!(", used by {many} links") } else { String::new() };
        let found = format!("unknown network {}{links}", quote(network));
        return Err(ValueError::new(found, remedy));
    }
    let read = parse::channel_name(channel).map_err(|error| {
        match parse::channel_name(&format!("#{channel}")) {
            Ok(name) if !channel.is_empty() && !channel.contains('#') => {
                let remedy = format!("did you mean \"{network}/{name}\"?");
                ValueError { help: remedy, ..error }
            }
            _ => error,
        }
    });
    Ok(Endpoint::channel(&Network::new(network), &read?))
}

/// Suggests a channel with its network for a text without one.
fn suggest_channel(text: &str, networks: &[&str]) -> String {
    let (before, channel) = match text.find(['#', '&', '+', '!']) {
        Some(at) => text.split_at(at),
        None => ("", text),
    };
    // Another separator than a slash: `office#dev`, `office:#dev`.
    let network = before.trim_end_matches(|c: char| !c.is_alphanumeric());
    let network = keys::nearest(network, networks.iter().copied());
    let network = network.or(networks.first().copied()).unwrap_or("office");
    let channel =
        parse::channel_name(channel).or_else(|_| parse::channel_name(&format!("#{channel}")));
    format!("{network}/{}", channel.unwrap_or_else(|_| "#dev".to_owned()))
}

/// Splits a network from the channel; channel names may contain `/`.
fn split_network(text: &str) -> Option<(&str, &str)> {
    text.split_once('/').filter(|(network, _)| !network.contains(['#', '&', '+', '!']))
}

/// The network that a link mentions, even if the link is wrong.
fn mentioned_network<'r>(entry: &Entry<'r>) -> Option<&'r str> {
    let ValueKind::Table(link) = &entry.value.kind else { return None };
    let (network, _) = split_network(as_str(link.get("channel")?).ok()?)?;
    Some(network)
}
