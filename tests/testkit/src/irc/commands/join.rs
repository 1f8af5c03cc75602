//! Entering channels: `JOIN`, and whatever stands in the way.

use super::super::caps::Cap;
use super::super::channel::{Channel, Status};
use super::super::client::ClientId;
use super::super::line::Line;
use super::super::numeric::{
    ERR_BADCHANNELKEY, ERR_BANNEDFROMCHAN, ERR_CHANNELISFULL, ERR_INVITEONLYCHAN, ERR_LINKCHANNEL,
    ERR_NEEDREGGEDNICK, ERR_NOSUCHCHANNEL, ERR_TOOMANYCHANNELS,
};
use super::super::state::World;

impl World {
    pub(super) fn join(&mut self, id: ClientId, line: &Line<'_>) {
        let (names, keys) = (line.text(0), line.text(1));
        if names == "0" {
            for name in self.client(id).channels.clone() {
                self.part_one(id, &name, b"Left all channels");
            }
            return;
        }
        let mut keys = keys.split(',');
        for name in names.split(',').filter(|name| !name.is_empty()) {
            self.join_one(id, name, keys.next().unwrap_or_default());
        }
    }

    fn join_one(&mut self, id: ClientId, name: &str, key: &str) {
        if !self.is_channel_name(name) {
            return self.numeric(id, ERR_NOSUCHCHANNEL, format!("{name} :No such channel"));
        }
        let folded = self.fold(name);
        if self.client(id).channels.contains(&folded) {
            return;
        }
        if self.client(id).channels.len() >= self.setup.channel_limit {
            let text = format!("{name} :You have joined too many channels");
            return self.numeric(id, ERR_TOOMANYCHANNELS, text);
        }
        if self.client(id).outbox().is_some()
            && let Some(forward) = self.troubles.forwards.get(&folded)
        {
            let forward = forward.clone();
            let text = format!("{name} {forward} :Forwarding to another channel");
            self.numeric(id, ERR_LINKCHANNEL, text);
            return self.enter(id, &forward);
        }
        match self.obstacle(id, &folded, key) {
            Some(code) => self.refuse_join(id, name, code),
            None => self.enter(id, name),
        }
    }

    /// What keeps `id` out of a channel, as the numeric that says so.
    fn obstacle(&mut self, id: ClientId, folded: &str, key: &str) -> Option<u16> {
        let client = self.clients.get(&id)?;
        if client.outbox().is_some()
            && let Some(refusal) = self.troubles.joins.get_mut(folded)
            && let Some(code) = refusal.this_time()
        {
            return Some(code);
        }
        let channel = self.channels.get(folded)?;
        let modes = &channel.modes;
        let invited = client.invitations.contains(folded);
        if modes.key.as_deref().is_some_and(|wanted| wanted != key) {
            return Some(ERR_BADCHANNELKEY);
        }
        if modes.limit.is_some_and(|limit| channel.members.len() >= limit) {
            return Some(ERR_CHANNELISFULL);
        }
        if modes.invite_only && !invited {
            return Some(ERR_INVITEONLYCHAN);
        }
        (channel.bans(&client.hostmask()) && !invited).then_some(ERR_BANNEDFROMCHAN)
    }

    fn refuse_join(&self, id: ClientId, name: &str, code: u16) {
        let why = match code {
            ERR_CHANNELISFULL => "Cannot join channel (+l)",
            ERR_INVITEONLYCHAN => "Cannot join channel (+i)",
            ERR_BANNEDFROMCHAN => "Cannot join channel (+b)",
            ERR_BADCHANNELKEY => "Cannot join channel (+k)",
            ERR_NOSUCHCHANNEL => "No such channel",
            ERR_TOOMANYCHANNELS => "You have joined too many channels",
            ERR_NEEDREGGEDNICK => {
                "Cannot join channel (+r) - you need to be logged into your account"
            }
            _ => "Cannot join channel",
        };
        self.numeric(id, code, format!("{name} :{why}"));
    }

    /// Puts `id` into a channel, founding it where there is none, and tells all who see it.
    pub(in super::super) fn enter(&mut self, id: ClientId, name: &str) {
        let folded = self.fold(name);
        if self.client(id).channels.contains(&folded) {
            return;
        }
        let now = jiff::Timestamp::now().as_second();
        let channel =
            self.channels.entry(folded.clone()).or_insert_with(|| Channel::new(name, now));
        let founds = channel.members.is_empty();
        channel.members.insert(id, Status { op: founds, voice: false });
        let name = channel.name.clone();
        let client = self.client_mut(id);
        client.channels.insert(folded.clone());
        client.invitations.remove(&folded);
        self.announce_join(id, &folded);
        self.topic_for_joiner(id, &folded);
        self.names_of(id, &folded, &name);
        self.play_back_unasked(id, &folded);
    }

    /// Tells all in the channel that `id` has come; who asked for more hears more.
    pub(in super::super) fn announce_join(&self, id: ClientId, folded: &str) {
        let (client, channel) = (self.client(id), &self.channels[folded]);
        let mut plain = self.relay_by(id, format!("JOIN {}", channel.name));
        let account = client.account.as_deref().unwrap_or("*");
        let extended = format!("JOIN {} {account} :", channel.name);
        let mut extended = self.relay_by(id, [extended.as_bytes(), &client.realname].concat());
        let mut away =
            client.away.as_ref().map(|why| self.relay_by(id, [b"AWAY :", &why[..]].concat()));
        for member in channel.members.keys().filter_map(|member| self.clients.get(member)) {
            let knows_more = member.has(Cap::ExtendedJoin);
            member.hear(if knows_more { &mut extended } else { &mut plain });
            if member.has(Cap::AwayNotify)
                && member.id != id
                && let Some(away) = &mut away
            {
                member.hear(away);
            }
        }
    }

    /// Whether this server takes `name` for the name of a channel.
    pub(in super::super) fn is_channel_name(&self, name: &str) -> bool {
        let bad = |c: char| matches!(c, ' ' | ',' | '\u{7}' | '\0' | '\u{fffd}');
        name.len() > 1
            && name.len() <= self.setup.channellen
            && name.starts_with(['#', '&'])
            && !name.contains(bad)
    }
}
