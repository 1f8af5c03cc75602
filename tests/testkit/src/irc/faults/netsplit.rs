//! A netsplit: users on another server are lost, and come back.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::super::broadcast::Metadata;
use super::super::caps::Cap;
use super::super::channel::{Channel, Status};
use super::super::client::{Client, ClientId};
use super::super::shared::Shared;
use super::super::state::ServerState;

/// The two servers that have lost each other.
const SERVERS: &str = "a.example b.example";

/// A netsplit under way.
#[derive(Debug)]
pub struct Netsplit {
    shared: Arc<Shared>,
    lost: Vec<SplitUser>,
}

/// A user on the other side, and the channels they were in.
#[derive(Debug)]
struct SplitUser {
    client: Client,
    /// Names as they are spelled.
    channels: Vec<(String, Status)>,
}

impl Netsplit {
    pub(super) fn begin(shared: Arc<Shared>, nicks: &[&str]) -> Self {
        let lost = shared.with(|state| state.split(nicks));
        Self { shared, lost }
    }

    /// The servers link again: all lost users are back in their channels, with
    /// their status.
    pub fn rejoin(self) {
        self.shared.with(|state| state.rejoin(self.lost));
    }
}

impl ServerState {
    fn split(&mut self, nicks: &[&str]) -> Vec<SplitUser> {
        let ids: BTreeSet<ClientId> = nicks
            .iter()
            .filter_map(|nick| self.client_named(nick))
            .filter(|client| client.outbox().is_none())
            .map(|client| client.id)
            .collect();
        self.announce_split(&ids);
        ids.into_iter().filter_map(|id| self.split_off(id)).collect()
    }

    /// Sends each remaining user the `QUIT`s of those they shared a channel with; in one batch, if they
    /// have that capability (<https://ircv3.net/specs/batches/netsplit>).
    fn announce_split(&mut self, ids: &BTreeSet<ClientId>) {
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
                self.send_from_server(peer, format!("BATCH +{batch} netsplit {SERVERS}"));
            }
            for id in gone {
                let metadata = Metadata { batch: batched.clone(), ..Metadata::now() };
                let words = format!("QUIT :{SERVERS}");
                let mut broadcast =
                    self.broadcast(metadata, &self.client(id).hostmask(), words.as_bytes());
                self.client(peer).send(&mut broadcast);
            }
            if batched.is_some() {
                self.send_from_server(peer, format!("BATCH -{batch}"));
            }
        }
    }

    /// Removes `id` without telling anyone.
    fn split_off(&mut self, id: ClientId) -> Option<SplitUser> {
        let names = self.clients.get(&id)?.channels.clone();
        let was_in = |name: &String| {
            let channel = self.channels.get(name)?;
            Some((channel.name.clone(), channel.status(id)?))
        };
        let channels = names.iter().filter_map(was_in).collect();
        for name in &names {
            self.remove_from_channel(id, name);
        }
        let client = self.clients.remove(&id)?;
        self.nicks.remove(&self.fold(&client.nick));
        self.notify_monitors(&client.nick, None);
        Some(SplitUser { client, channels })
    }

    fn rejoin(&mut self, lost: Vec<SplitUser>) {
        for SplitUser { client, channels } in lost {
            let (id, mut nick) = (client.id, client.nick.clone());
            self.clients.insert(id, client);
            // If the nick was taken meanwhile, the one that comes back gets another.
            while self.nicks.get(&self.fold(&nick)).is_some_and(|&by| by != id) {
                nick.push('_');
            }
            self.set_nick(id, &nick);
            self.notify_monitors(&nick, Some(&self.client(id).hostmask()));
            for (name, status) in channels {
                self.rejoin_channel(id, &name, status);
            }
        }
    }

    fn rejoin_channel(&mut self, id: ClientId, name: &str, status: Status) {
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
            let mut broadcast = self.broadcast_by_server(format!("MODE {name} +{letters} {nicks}"));
            self.send_to_channel(&self.channels[&folded], None, &mut broadcast);
        }
    }
}
