//! What the links say together: the places, their secrets, and who hears whom.

use std::collections::HashMap;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};

use super::entry::Entry;
use super::graph::Graph;
use super::read::Charset;
use super::settings::{ChannelSettings, Link, RoomSettings};
use super::values::Flaw;
use super::voices::Mode;
use crate::domain::{Casemapping, Endpoint, Network};
use crate::translate::LinkFormat;

/// A secret and where it stands.
pub(super) type Kept<'r> = (SecretString, Entry<'r>);

/// One link as it was written.
#[derive(Debug)]
pub(super) struct Written<'r> {
    pub(super) entry: Entry<'r>,
    pub(super) channel: Endpoint,
    pub(super) room: Endpoint,
    pub(super) key: Option<Kept<'r>>,
    pub(super) charset: Option<(Charset, Entry<'r>)>,
    pub(super) mode: Option<(Mode, Entry<'r>)>,
    pub(super) password: Option<Kept<'r>>,
    pub(super) looks: Arc<LinkFormat>,
}

/// The links, and the places that they join.
#[derive(Debug, Default)]
pub(super) struct Links<'r> {
    links: Vec<(Link, Entry<'r>)>,
    /// How each of them looks.
    looks: Vec<Arc<LinkFormat>>,
    graph: Graph,
    /// In order of first mention.
    places: Vec<Endpoint>,
    /// Each place as at its first mention, by the spelling that all of its spellings share.
    spelled: HashMap<Endpoint, Endpoint>,
    secrets: HashMap<Endpoint, Kept<'r>>,
    charsets: HashMap<Endpoint, (Charset, Entry<'r>)>,
    modes: HashMap<Endpoint, (Mode, Entry<'r>)>,
    /// The networks that any link mentions, right or wrong.
    mentioned: Vec<&'r str>,
}

impl<'r> Links<'r> {
    /// No links yet; those to come mention these networks.
    pub(super) fn mentioning(networks: Vec<&'r str>) -> Self {
        Self { mentioned: networks, ..Self::default() }
    }

    pub(super) fn mention(&self, network: &str) -> bool {
        self.mentioned.contains(&network)
    }

    /// Adds a link, or says why it cannot be one.
    pub(super) fn add(&mut self, written: Written<'r>) {
        let link = Link { channel: self.spell(written.channel), room: self.spell(written.room) };
        self.keep(&link.channel, written.key);
        keep_once(&mut self.charsets, &link.channel, written.charset);
        keep_once(&mut self.modes, &link.channel, written.mode);
        self.keep(&link.room, written.password);
        match self.graph.join(&link.channel, &link.room) {
            Ok(()) => {
                self.links.push((link, written.entry));
                self.looks.push(written.looks);
            }
            Err(way) => written.entry.mistake(self.closes_a_loop(&link, &way)),
        }
    }

    /// The channels of a network.
    pub(super) fn channels(&self, network: &Network) -> Vec<ChannelSettings> {
        let channel = |place: &Endpoint| match place {
            Endpoint::Channel { network: of, name } if of == network => {
                let charset = self.charsets.get(place).map(|(charset, _)| *charset);
                let fallback_charset = charset.and_then(Charset::fallback);
                let charset = charset.and_then(Charset::both);
                let mode = self.modes.get(place).map(|(mode, _)| *mode);
                let (name, key) = (name.to_string(), self.secret(place));
                Some(ChannelSettings { name, key, fallback_charset, charset, mode })
            }
            _ => None,
        };
        self.places.iter().filter_map(channel).collect()
    }

    /// The rooms.
    pub(super) fn rooms(&self) -> Vec<RoomSettings> {
        let room = |place: &Endpoint| match place {
            Endpoint::Room(name) => {
                Some(RoomSettings { name: name.to_string(), password: self.secret(place) })
            }
            Endpoint::Channel { .. } => None,
        };
        self.places.iter().filter_map(room).collect()
    }

    pub(super) fn links(&self) -> Vec<Link> {
        self.links.iter().map(|(link, _)| link.clone()).collect()
    }

    /// How each of the links looks, in the same order.
    pub(super) fn looks(&self) -> Vec<Arc<LinkFormat>> {
        self.looks.clone()
    }

    pub(super) fn conversations(&self) -> Vec<Vec<Endpoint>> {
        self.graph.conversations()
    }

    /// The first spelling of a place. Before a server says otherwise, it folds case as in RFC 1459.
    fn spell(&mut self, place: Endpoint) -> Endpoint {
        let folded = match &place {
            Endpoint::Channel { network, name } => {
                Endpoint::channel(network, &Casemapping::Rfc1459.fold(name))
            }
            Endpoint::Room(_) => place.clone(),
        };
        let places = &mut self.places;
        let first = self.spelled.entry(folded).or_insert_with(|| {
            places.push(place.clone());
            place
        });
        first.clone()
    }

    fn keep(&mut self, place: &Endpoint, secret: Option<Kept<'r>>) {
        let Some((secret, entry)) = secret else { return };
        match self.secrets.get(place) {
            Some((known, first)) if known.expose_secret() != secret.expose_secret() => {
                entry.mistake(another(place, first));
            }
            Some(_) => {}
            None => {
                self.secrets.insert(place.clone(), (secret, entry));
            }
        }
    }

    fn secret(&self, place: &Endpoint) -> Option<SecretString> {
        self.secrets.get(place).map(|(secret, _)| secret.clone())
    }

    fn closes_a_loop(&self, link: &Link, way: &[Endpoint]) -> Flaw {
        let places = format!("{} and {}", quoted(&link.channel), quoted(&link.room));
        if let Some((_, first)) = self.links.iter().find(|(known, _)| known == link) {
            let found =
                format!("{places} are already joined by {} ({})", first.path, first.origin());
            return Flaw::new(found, "remove one of the two");
        }
        let way: Vec<String> = way.iter().map(written).collect();
        let found = format!("{places} are already joined, through {}", way.join(" – "));
        Flaw::new(found, "remove one of these links")
    }
}

/// Keeps what was written of `place`; a second time it must be the same.
fn keep_once<'r, T: PartialEq>(
    known: &mut HashMap<Endpoint, (T, Entry<'r>)>,
    place: &Endpoint,
    written: Option<(T, Entry<'r>)>,
) {
    let Some((value, entry)) = written else { return };
    match known.get(place) {
        Some((before, first)) if *before != value => entry.mistake(another(place, first)),
        Some(_) => {}
        None => {
            known.insert(place.clone(), (value, entry));
        }
    }
}

fn another(place: &Endpoint, first: &Entry<'_>) -> Flaw {
    let found = format!("{} has another one in {} ({})", quoted(place), first.path, first.origin());
    Flaw::new(found, "write the same, or write it once")
}

/// A place as the file writes it.
fn written(place: &Endpoint) -> String {
    match place {
        Endpoint::Channel { .. } => place.to_string(),
        Endpoint::Room(name) => name.to_string(),
    }
}

fn quoted(place: &Endpoint) -> String {
    format!("{:?}", written(place))
}
