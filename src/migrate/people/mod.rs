//! Who was who: which nicks are one person's, and how sure that is.
//!
//! ```text
//! LogEntry ─▶ connections: who comes, changes the nick, leaves ─▶ sightings: a nick with what tells its user apart
//!          ─▶ joining: sightings become people ─▶ found: people with nicks, times, doubts
//! ```
//!
//! Two who were there at the same time under two nicks are never made one, unless they were logged in to one account.

mod bots;
mod channel;
mod connections;
mod evidence;
mod found;
mod joining;
mod networks;
mod presence;
mod sightings;
mod spans;
mod stem;

use std::collections::BTreeMap;

use jiff::Timestamp;

use self::connections::ChannelConnections;
use self::sightings::NetworkSightings;
use crate::domain::{Casemapping, LogEntry};

pub use bots::bot_by_name;
pub use channel::ChannelPeople;
pub use evidence::{Doubt, Evidence, Sureness};
pub use found::{FoundNick, FoundPerson};
pub use spans::NickSpan;
pub use stem::{is_generic, stem};

/// What logs show of people, on all networks. Its memory is bounded by the number of nicks, not of lines.
///
/// Each channel is read for itself, since somebody in two channels has two stays; [`Self::add`] puts them together.
#[derive(Debug, Default)]
pub struct NickSightings {
    /// By the folded name of the network.
    networks: BTreeMap<String, (String, NetworkSightings)>,
}

/// Reads the log of one channel, in order of time.
#[derive(Debug)]
pub struct ChannelSightings(ChannelConnections);

impl ChannelSightings {
    /// Before the first entry.
    #[must_use]
    pub fn new() -> Self {
        Self(ChannelConnections::new())
    }

    /// Reads the next entry.
    pub fn read(&mut self, entry: &LogEntry) {
        self.0.read(entry);
    }

    /// The log ends here.
    #[must_use]
    pub fn finish(self) -> ChannelPeople {
        ChannelPeople::from(self.0.finish())
    }
}

impl Default for ChannelSightings {
    fn default() -> Self {
        Self::new()
    }
}

/// Somebody whose nicks the administrator has put together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GivenPerson {
    /// Their nicks.
    pub nicks: Vec<GivenNick>,
}

/// A nick that the administrator gave to somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenNick {
    /// The network.
    pub network: String,
    /// The nick.
    pub nick: String,
    /// From when on it was theirs; `None` for always.
    pub from: Option<Timestamp>,
    /// Until before when it was theirs; `None` for ever.
    pub until: Option<Timestamp>,
}

/// All that was found about people.
#[derive(Debug, Default)]
pub struct FoundPeople {
    /// Those who said something, the ones who said most first.
    pub people: Vec<FoundPerson>,
    /// How many lines were said by nicks beyond the limit, which belong to nobody.
    pub lines_of_others: u64,
}

impl NickSightings {
    /// Adds what the log of a channel of this network shows.
    pub fn add(&mut self, network: &str, people: ChannelPeople) {
        let folded = Casemapping::Ascii.fold(network);
        let (_, sightings) =
            self.networks.entry(folded).or_insert_with(|| (network.to_owned(), Default::default()));
        people.add_to(sightings);
    }

    /// Finds out who was who, given what the administrator has put together.
    #[must_use]
    pub fn people(mut self, given: &[GivenPerson]) -> FoundPeople {
        let lines_of_others = self.networks.values().map(|(_, it)| it.lines_of_others).sum();
        let mut people = Vec::new();
        for (name, network) in self.networks.values_mut() {
            network.settle();
            people.extend(found::on_network(name, network, given));
        }
        let mut people = networks::join(people);
        people.sort_by(|left, right| right.lines.cmp(&left.lines).then(left.name.cmp(&right.name)));
        FoundPeople { people, lines_of_others }
    }
}

#[cfg(test)]
mod tests;
