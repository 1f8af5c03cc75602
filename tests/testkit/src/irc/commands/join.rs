//! `JOIN`, and its errors.

use super::super::caps::Cap;
use super::super::channel::{Channel, Status};
use super::super::client::ClientId;
use super::super::line::Line;
use super::super::numeric::{
    ERR_BADCHANNELKEY, ERR_BANNEDFROMCHAN, ERR_CHANNELISFULL, ERR_INVITEONLYCHAN, ERR_LINKCHANNEL,
    ERR_NEEDREGGEDNICK, ERR_NOSUCHCHANNEL, ERR_TOOMANYCHANNELS,
};
use super::super::state::ServerState;

impl ServerState {
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
            return self.send_numeric(id, ERR_NOSUCHCHANNEL, format!("{name} :No such channel"));
        }
        let folded = self.fold(name);
        if self.client(id).channels.contains(&folded) {
            return;
        }
        if self.client(id).channels.len() >= self.setup.channel_limit {
            let text = format!("{name} :You have joined too many channels");
            return self.send_numeric(id, ERR_TOOMANYCHANNELS, text);
        }
        if self.client(id).outbox().is_some()
            && let Some(forward) = self.faults.forwards.get(&folded)
        {
            let forward = forward.clone();
            let text = format!("{name} {forward} :Forwarding to another channel");
            self.send_numeric(id, ERR_LINKCHANNEL, text);
            return self.add_to_channel(id, &forward);
        }
        match self.join_error(id, &folded, key) {
            Some(code) => self.refuse_join(id, name, code),
            None => self.add_to_channel(id, name),
        }
    }

    /// The numeric that keeps `id` out of a channel, if any.
    fn join_error(&mut self, id: ClientId, folded: &str, key: &str) -> Option<u16> {
        let client = self.clients.get(&id)?;
        if client.outbox().is_some()
            && let Some(refusal) = self.faults.joins.get_mut(folded)
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
        (channel.is_banned(&client.hostmask()) && !invited).then_some(ERR_BANNEDFROMCHAN)
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
        self.send_numeric(id, code, format!("{name} :{why}"));
    }

    /// Adds `id` to a channel, which is made if there is none, and tells its members.
    pub(in super::super) fn add_to_channel(&mut self, id: ClientId, name: &str) {
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
        self.send_topic_numerics(id, &folded);
        self.send_names(id, &folded, &name);
        self.play_back_unasked(id, &folded);
    }

    /// Sends the `JOIN` of `id` to all in the channel, in the form that each asked for.
    pub(in super::super) fn announce_join(&self, id: ClientId, folded: &str) {
        let (client, channel) = (self.client(id), &self.channels[folded]);
        let mut plain = self.broadcast_by(id, format!("JOIN {}", channel.name));
        let account = client.account.as_deref().unwrap_or("*");
        let extended = format!("JOIN {} {account} :", channel.name);
        let mut extended = self.broadcast_by(id, [extended.as_bytes(), &client.realname].concat());
        let mut away =
            client.away.as_ref().map(|why| self.broadcast_by(id, [b"AWAY :", &why[..]].concat()));
        for member in channel.members.keys().filter_map(|member| self.clients.get(member)) {
            let knows_more = member.has(Cap::ExtendedJoin);
            member.send(if knows_more { &mut extended } else { &mut plain });
            if member.has(Cap::AwayNotify)
                && member.id != id
                && let Some(away) = &mut away
            {
                member.send(away);
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
