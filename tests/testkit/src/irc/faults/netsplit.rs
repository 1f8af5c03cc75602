//! A netsplit: people on another server are lost, and come back.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::super::broadcast::Knowledge;
use super::super::caps::Cap;
use super::super::channel::{Channel, Status};
use super::super::client::{Client, ClientId};
use super::super::shared::Shared;
use super::super::state::World;

/// The two servers that have lost each other.
const SERVERS: &str = "a.example b.example";

/// A netsplit under way.
#[derive(Debug)]
pub struct Netsplit {
    shared: Arc<Shared>,
    lost: Vec<Lost>,
}

/// Somebody on the other side, and where they were.
#[derive(Debug)]
struct Lost {
    client: Client,
    /// Names as they are spelled.
    channels: Vec<(String, Status)>,
}

impl Netsplit {
    pub(super) fn begin(shared: Arc<Shared>, nicks: &[&str]) -> Self {
        let lost = shared.with(|world| world.split(nicks));
        Self { shared, lost }
    }

    /// The servers find each other again: all who were lost are back in their channels, and have
    /// their status.
    pub fn rejoin(self) {
        self.shared.with(|world| world.rejoin(self.lost));
    }
}

impl World {
    fn split(&mut self, nicks: &[&str]) -> Vec<Lost> {
        let ids: BTreeSet<ClientId> = nicks
            .iter()
            .filter_map(|nick| self.named(nick))
            .filter(|client| client.outbox().is_none())
            .map(|client| client.id)
            .collect();
        self.tell_split(&ids);
        ids.into_iter().filter_map(|id| self.lose(id)).collect()
    }

    /// Who stays sees those go whom they shared a channel with; in one batch, where they asked for
    /// such (<https://ircv3.net/specs/batches/netsplit>).
    fn tell_split(&mut self, ids: &BTreeSet<ClientId>) {
        let batch = self.next_batch();
        let mut seen: BTreeMap<ClientId, Vec<ClientId>> = BTreeMap::new();
        for &id in ids {
            for peer in self.peers(id).difference(ids) {
                seen.entry(*peer).or_default().push(id);
            }
        }
        for (peer, gone) in seen {
            let batched = self.client(peer).has(Cap::Batch).then(|| Arc::clone(&batch));
            if batched.is_some() {
                self.tell(peer, format!("BATCH +{batch} netsplit {SERVERS}"));
            }
            for id in gone {
                let known = Knowledge { batch: batched.clone(), ..Knowledge::now() };
                let words = format!("QUIT :{SERVERS}");
                let mut relay = self.relay(known, &self.client(id).hostmask(), words.as_bytes());
                self.client(peer).hear(&mut relay);
            }
            if batched.is_some() {
                self.tell(peer, format!("BATCH -{batch}"));
            }
        }
    }

    /// Takes `id` from the world without a word.
    fn lose(&mut self, id: ClientId) -> Option<Lost> {
        let names = self.clients.get(&id)?.channels.clone();
        let was_in = |name: &String| {
            let channel = self.channels.get(name)?;
            Some((channel.name.clone(), channel.status(id)?))
        };
        let channels = names.iter().filter_map(was_in).collect();
        for name in &names {
            self.leave_channel(id, name);
        }
        let client = self.clients.remove(&id)?;
        self.nicks.remove(&self.fold(&client.nick));
        self.tell_monitors(&client.nick, None);
        Some(Lost { client, channels })
    }

    fn rejoin(&mut self, lost: Vec<Lost>) {
        for Lost { client, channels } in lost {
            let (id, mut nick) = (client.id, client.nick.clone());
            self.clients.insert(id, client);
            // Somebody may have taken the nick meanwhile; who was away longer yields.
            while self.nicks.get(&self.fold(&nick)).is_some_and(|&by| by != id) {
                nick.push('_');
            }
            self.take_nick(id, &nick);
            self.tell_monitors(&nick, Some(&self.client(id).hostmask()));
            for (name, status) in channels {
                self.come_back(id, &name, status);
            }
        }
    }

    fn come_back(&mut self, id: ClientId, name: &str, status: Status) {
        let folded = self.fold(name);
        let now = jiff::Timestamp::now().as_second();
        let channel =
            self.channels.entry(folded.clone()).or_insert_with(|| Channel::new(name, now));
        channel.members.insert(id, status);
        self.client_mut(id).channels.insert(folded.clone());
        self.announce_join(id, &folded);
        let letters: String = [(status.op, 'o'), (status.voice, 'v')]
            .iter()
            .filter(|(is, _)| *is)
            .map(|(_, l)| l)
            .collect();
        if !letters.is_empty() {
            let nicks = vec![self.client(id).nick.as_str(); letters.len()].join(" ");
            let mut relay = self.relay_by_server(format!("MODE {name} +{letters} {nicks}"));
            self.tell_channel(&self.channels[&folded], None, &mut relay);
        }
    }
}
