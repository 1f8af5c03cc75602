//! What the log of one channel shows of people, for itself: it can be kept, and put together with that of others later.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::sightings::{Mark, NetworkSightings, NickFacts, NickId, NickSighting, SightingId};

/// What the log of one channel shows of people. It holds no lines.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ChannelPeople {
    nicks: Vec<NickFacts>,
    sightings: Vec<NickSighting>,
    /// Changes of a nick within one connection, and when first.
    changes: Vec<(SightingId, SightingId, Timestamp)>,
    lines_of_others: u64,
}

impl From<NetworkSightings> for ChannelPeople {
    fn from(mut seen: NetworkSightings) -> Self {
        seen.settle();
        let changes = seen.changes.into_iter().map(|((from, to), at)| (from, to, at));
        let mut changes: Vec<_> = changes.collect();
        changes.sort_unstable();
        let NetworkSightings { nicks, sightings, lines_of_others, .. } = seen;
        Self { nicks, sightings, changes, lines_of_others }
    }
}

impl ChannelPeople {
    /// Adds it to what is known of the network. The order of channels decides which nicks are beyond the limit.
    pub(super) fn add_to(self, network: &mut NetworkSightings) {
        let known: Vec<Option<NickId>> = self
            .nicks
            .iter()
            .map(|facts| {
                let nick = network.nick_of(&facts.spelling, facts.votes)?;
                network.facts_mut(nick).speech.add(&facts.speech);
                Some(nick)
            })
            .collect();
        let number_of = |nick: NickId| known.get(nick.0 as usize).copied().flatten();
        network.lines_of_others += self.lines_of_others;
        let mut seen: Vec<Option<SightingId>> = Vec::with_capacity(self.sightings.len());
        for sighting in &self.sightings {
            let Some(nick) = number_of(sighting.nick) else {
                network.lines_of_others += sighting.lines;
                seen.push(None);
                continue;
            };
            let mark = match &sighting.mark {
                Mark::Before(before) => number_of(*before).map_or(Mark::None, Mark::Before),
                mark => mark.clone(),
            };
            seen.push(Some(network.add_sighting(nick, mark, sighting)));
        }
        let sighting_of = |id: SightingId| seen.get(id.0 as usize).copied().flatten();
        for (from, to, at) in self.changes {
            if let Some((from, to)) = sighting_of(from).zip(sighting_of(to)) {
                network.add_change(from, to, at);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::sightings::{LogCredentials, NickStay};
    use super::*;

    fn stay(network: &mut NetworkSightings, nick: &str, host: &str, before: &str) -> SightingId {
        let (nick, before) = (network.nick(nick).unwrap(), network.nick(before).unwrap());
        let at = Timestamp::UNIX_EPOCH;
        let stay = NickStay { nick, since: at, until: at, lines: 2, said: Some((at, at)) };
        let userhost = (!host.is_empty()).then_some(host);
        network.add_stay(&stay, &LogCredentials::new(userhost, None), Some(before))
    }

    #[test]
    fn what_two_channels_show_is_put_together() {
        let (mut tea, mut cake) = (NetworkSightings::default(), NetworkSightings::default());
        let ann = stay(&mut tea, "ann", "a@one.example", "ann");
        let away = stay(&mut tea, "ann_", "", "ann");
        tea.add_change(ann, away, Timestamp::UNIX_EPOCH);
        // The numbers of nicks are others here.
        stay(&mut cake, "bob", "", "bob");
        stay(&mut cake, "ANN_", "", "ann");
        stay(&mut cake, "ann", "a@one.example", "ann");
        cake.lines_of_others = 5;
        let mut network = NetworkSightings::default();
        for channel in [tea, cake] {
            ChannelPeople::from(channel).add_to(&mut network);
        }
        let nicks: Vec<&str> = network.nicks.iter().map(|it| it.folded.as_str()).collect();
        assert_eq!(nicks, ["ann", "ann_", "bob"]);
        let seen: Vec<_> = network.sightings.iter().map(|it| (it.nick.0, it.lines)).collect();
        assert_eq!(seen, [(0, 4), (1, 4), (2, 2)]);
        assert_eq!(network.sightings[1].mark, Mark::Before(NickId(0)));
        assert_eq!(network.sightings[0].hosts.len(), 1);
        assert_eq!(network.lines_of_others, 5);
        assert_eq!(network.changes.len(), 1);
    }

    #[test]
    fn numbers_that_are_not_there_are_passed_over() {
        let mut channel = NetworkSightings::default();
        let ann = stay(&mut channel, "ann", "", "ann");
        channel.add_change(ann, SightingId(7), Timestamp::UNIX_EPOCH);
        let mut people = ChannelPeople::from(channel);
        people.sightings[0].mark = Mark::Before(NickId(9));
        let mut odd = people.sightings[0].clone();
        odd.nick = NickId(8);
        people.sightings.push(odd);
        let mut network = NetworkSightings::default();
        people.add_to(&mut network);
        assert_eq!((network.sightings.len(), network.lines_of_others), (1, 2));
        assert_eq!(network.sightings[0].mark, Mark::None);
        assert!(network.changes.is_empty());
    }
}
