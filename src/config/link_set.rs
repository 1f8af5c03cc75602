//! Collects all links: their endpoints, secrets and settings.

use std::collections::HashMap;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};

use super::accounts::LetsChatSenderMode;
use super::charset_setting::CharsetSetting;
use super::entry::Entry;
use super::link_graph::LinkGraph;
use super::parse::ValueError;
use super::sender_mode::SenderMode;
use super::settings::{ChannelSettings, Link, RoomSettings};
use crate::domain::{Casemapping, Endpoint, LinkFlow, LinkPhase, Network};
use crate::translate::LinkFormat;

/// A secret and where it was set.
pub(super) type LocatedSecret<'r> = (SecretString, Entry<'r>);

/// One link as it was written in the file.
#[derive(Debug)]
pub(super) struct RawLink<'r> {
    pub(super) entry: Entry<'r>,
    pub(super) channel: Endpoint,
    pub(super) room: Endpoint,
    pub(super) key: Option<LocatedSecret<'r>>,
    pub(super) charset: Option<(CharsetSetting, Entry<'r>)>,
    pub(super) sender_mode: Option<(SenderMode, Entry<'r>)>,
    pub(super) letschat_sender_mode: LetsChatSenderMode,
    pub(super) phase: LinkPhase,
    pub(super) direction: LinkFlow,
    pub(super) room_password: Option<LocatedSecret<'r>>,
    pub(super) format: Arc<LinkFormat>,
}

/// The ends of the canary as they were written in the file.
#[derive(Debug)]
pub(super) struct RawCanary<'r> {
    pub(super) channel: (Endpoint, Entry<'r>),
    pub(super) room: (Endpoint, Entry<'r>),
    pub(super) key: Option<LocatedSecret<'r>>,
    pub(super) room_password: Option<LocatedSecret<'r>>,
}

/// All links and their endpoints.
#[derive(Debug, Default)]
pub(super) struct LinkSet<'r> {
    links: Vec<(Link, Entry<'r>)>,
    /// The format of each link.
    formats: Vec<Arc<LinkFormat>>,
    graph: LinkGraph,
    /// In order of first mention.
    endpoints: Vec<Endpoint>,
    /// The first spelling of each endpoint, by its case-folded name.
    canonical: HashMap<Endpoint, Endpoint>,
    secrets: HashMap<Endpoint, LocatedSecret<'r>>,
    charsets: HashMap<Endpoint, (CharsetSetting, Entry<'r>)>,
    sender_modes: HashMap<Endpoint, (SenderMode, Entry<'r>)>,
    /// The networks that links mention, even if the link is wrong.
    mentioned_networks: Vec<&'r str>,
    /// The network of the canary.
    canary_network: Option<Network>,
}

impl<'r> LinkSet<'r> {
    /// An empty set, for links that mention these networks.
    pub(super) fn with_networks(networks: Vec<&'r str>) -> Self {
        Self { mentioned_networks: networks, ..Self::default() }
    }

    pub(super) fn mentions_network(&self, network: &str) -> bool {
        let canary = self.canary_network.as_ref();
        self.mentioned_networks.contains(&network)
            || canary.is_some_and(|canary| canary.as_str() == network)
    }

    /// Adds a link, or reports why it is invalid.
    pub(super) fn add(&mut self, written: RawLink<'r>) {
        let link = Link {
            channel: self.canonicalize(written.channel),
            room: self.canonicalize(written.room),
            letschat_sender_mode: written.letschat_sender_mode,
            phase: written.phase,
            direction: written.direction,
        };
        self.keep_secret(&link.channel, written.key);
        set_once(&mut self.charsets, &link.channel, written.charset);
        set_once(&mut self.sender_modes, &link.channel, written.sender_mode);
        self.keep_secret(&link.room, written.room_password);
        match self.graph.connect(&link.channel, &link.room) {
            Ok(()) => {
                self.links.push((link, written.entry));
                self.formats.push(written.format);
            }
            Err(key_path) => written.entry.report_error(self.loop_error(&link, &key_path)),
        }
    }

    /// Adds the channel and the room of the canary, which belong to no link. Reports an error if one does, or else
    /// returns both. Must be called after all links were added.
    pub(super) fn add_canary(&mut self, canary: RawCanary<'r>) -> Option<(Endpoint, Endpoint)> {
        let mut is_free = true;
        for (place, entry) in [&canary.channel, &canary.room] {
            if let Some(known) = self.canonical.get(&folded(place)) {
                is_free = false;
                let found = format!(
                    "{} is an end of a link: people would read the messages of the canary there",
                    quoted(known)
                );
                let help = "use a channel and a room that nothing else uses";
                entry.report_error(ValueError::new(found, help));
            }
        }
        if !is_free {
            return None;
        }
        let (channel, entry) = canary.channel;
        let (channel, room) = (self.canonicalize(channel), self.canonicalize(canary.room.0));
        if let Endpoint::Channel { network, .. } = &channel {
            self.canary_network = Some(network.clone());
        }
        self.keep_secret(&channel, canary.key);
        self.keep_secret(&room, canary.room_password);
        // Nobody speaks there by a nick of their own.
        self.sender_modes.insert(channel.clone(), (SenderMode::Bot, entry));
        Some((channel, room))
    }

    /// The channels of a network.
    pub(super) fn channels(&self, network: &Network) -> Vec<ChannelSettings> {
        let channel = |place: &Endpoint| match place {
            Endpoint::Channel { network: of, name } if of == network => {
                let charset = self.charsets.get(place).map(|(charset, _)| *charset);
                let fallback_charset = charset.and_then(CharsetSetting::fallback);
                let charset = charset.and_then(CharsetSetting::both);
                let mode = self.sender_modes.get(place).map(|(mode, _)| *mode);
                let name = name.to_string();
                let key = self.secret_for(place);
                Some(ChannelSettings { name, key, fallback_charset, charset, sender_mode: mode })
            }
            _ => None,
        };
        self.endpoints.iter().filter_map(channel).collect()
    }

    /// The rooms.
    pub(super) fn rooms(&self) -> Vec<RoomSettings> {
        let room = |place: &Endpoint| match place {
            Endpoint::Room(name) => {
                Some(RoomSettings { name: name.to_string(), password: self.secret_for(place) })
            }
            Endpoint::Channel { .. } => None,
        };
        self.endpoints.iter().filter_map(room).collect()
    }

    pub(super) fn links(&self) -> Vec<Link> {
        self.links.iter().map(|(link, _)| link.clone()).collect()
    }

    /// The format of each link, in the order of the links.
    pub(super) fn formats(&self) -> Vec<Arc<LinkFormat>> {
        self.formats.clone()
    }

    pub(super) fn groups(&self) -> Vec<Vec<Endpoint>> {
        self.graph.groups()
    }

    /// The first spelling of an endpoint. Without a server, we fold case as in RFC 1459.
    fn canonicalize(&mut self, place: Endpoint) -> Endpoint {
        let places = &mut self.endpoints;
        let first = self.canonical.entry(folded(&place)).or_insert_with(|| {
            places.push(place.clone());
            place
        });
        first.clone()
    }

    fn keep_secret(&mut self, place: &Endpoint, secret: Option<LocatedSecret<'r>>) {
        let Some((secret, entry)) = secret else { return };
        match self.secrets.get(place) {
            Some((known, first)) if known.expose_secret() != secret.expose_secret() => {
                entry.report_error(conflicting_value(place, first));
            }
            Some(_) => {}
            None => {
                self.secrets.insert(place.clone(), (secret, entry));
            }
        }
    }

    fn secret_for(&self, place: &Endpoint) -> Option<SecretString> {
        self.secrets.get(place).map(|(secret, _)| secret.clone())
    }

    fn loop_error(&self, link: &Link, path: &[Endpoint]) -> ValueError {
        let places = format!("{} and {}", quoted(&link.channel), quoted(&link.room));
        let is_same = |known: &Link| known.channel == link.channel && known.room == link.room;
        if let Some((_, first)) = self.links.iter().find(|(known, _)| is_same(known)) {
            let found =
                format!("{places} are already linked by {} ({})", first.path, first.origin());
            return ValueError::new(found, "remove one of the two");
        }
        let path: Vec<String> = path.iter().map(as_written).collect();
        let found = format!("{places} are already linked, through {}", path.join(" – "));
        ValueError::new(found, "remove one of these links")
    }
}

/// The endpoint with its name in lower case, if case does not matter there.
fn folded(place: &Endpoint) -> Endpoint {
    match place {
        Endpoint::Channel { network, name } => {
            Endpoint::channel(network, &Casemapping::Rfc1459.fold(name))
        }
        Endpoint::Room(_) => place.clone(),
    }
}

/// Stores the value for `place`; reports an error if it has another value already.
fn set_once<'r, T: PartialEq>(
    known: &mut HashMap<Endpoint, (T, Entry<'r>)>,
    place: &Endpoint,
    written: Option<(T, Entry<'r>)>,
) {
    let Some((value, entry)) = written else { return };
    match known.get(place) {
        Some((before, first)) if *before != value => {
            entry.report_error(conflicting_value(place, first));
        }
        Some(_) => {}
        None => {
            known.insert(place.clone(), (value, entry));
        }
    }
}

fn conflicting_value(place: &Endpoint, first: &Entry<'_>) -> ValueError {
    let found =
        format!("{} has a different value in {} ({})", quoted(place), first.path, first.origin());
    ValueError::new(found, "use the same value, or set it once")
}

/// An endpoint as the file writes it.
fn as_written(place: &Endpoint) -> String {
    match place {
        Endpoint::Channel { .. } => place.to_string(),
        Endpoint::Room(name) => name.to_string(),
    }
}

fn quoted(place: &Endpoint) -> String {
    format!("{:?}", as_written(place))
}
