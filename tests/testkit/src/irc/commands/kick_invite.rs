//! `KICK` and `INVITE`.

use super::super::broadcast::Broadcast;
use super::super::caps::Cap;
use super::super::client::ClientId;
use super::super::line::Line;
use super::super::numeric::{
    ERR_NOSUCHNICK, ERR_USERNOTINCHANNEL, ERR_USERONCHANNEL, RPL_AWAY, RPL_INVITING,
};
use super::super::state::ServerState;

impl ServerState {
    pub(super) fn kick(&mut self, id: ClientId, line: &Line<'_>) {
        let (name, nicks) = (line.text(0), line.text(1));
        for nick in nicks.split(',').filter(|nick| !nick.is_empty()) {
            let Some(channel) = self.operator_of(id, &name) else { return };
            let Some(target) = self.client_named(nick) else {
                self.send_numeric(id, ERR_NOSUCHNICK, format!("{nick} :No such nick/channel"));
                continue;
            };
            if channel.status(target.id).is_none() {
                let text = format!("{} {} :They aren't on that channel", target.nick, channel.name);
                self.send_numeric(id, ERR_USERNOTINCHANNEL, text);
                continue;
            }
            let reason = if line.params.len() > 2 { line.bytes(2) } else { nick.as_bytes() };
            let head = format!("KICK {} {} :", channel.name, target.nick);
            let broadcast = self.broadcast_by(id, [head.as_bytes(), reason].concat());
            self.kick_out(target.id, &self.fold(&name), broadcast);
        }
    }

    /// Removes `target` from a channel, and sends `broadcast` to all there, itself too.
    pub(in super::super) fn kick_out(
        &mut self,
        target: ClientId,
        folded: &str,
        mut broadcast: Broadcast,
    ) {
        if let Some(channel) = self.channels.get(folded) {
            self.send_to_channel(channel, None, &mut broadcast);
        }
        self.remove_from_channel(target, folded);
    }

    pub(super) fn invite(&mut self, id: ClientId, line: &Line<'_>) {
        let (nick, name) = (line.text(0), line.text(1));
        let Some(target) = self.client_named(&nick) else {
            return self.send_numeric(id, ERR_NOSUCHNICK, format!("{nick} :No such nick/channel"));
        };
        let Some(channel) = self.member_of(id, &name) else { return };
        if channel.modes.invite_only && self.operator_of(id, &name).is_none() {
            return;
        }
        if channel.status(target.id).is_some() {
            let text = format!("{} {} :is already on channel", target.nick, channel.name);
            return self.send_numeric(id, ERR_USERONCHANNEL, text);
        }
        self.send_numeric(id, RPL_INVITING, format!("{} {}", target.nick, channel.name));
        if let Some(why) = &target.away {
            self.send_numeric(
                id,
                RPL_AWAY,
                [format!("{} :", target.nick).as_bytes(), why].concat(),
            );
        }
        let mut broadcast =
            self.broadcast_by(id, format!("INVITE {} :{}", target.nick, channel.name));
        target.send(&mut broadcast);
        for member in channel.members.keys().filter_map(|member| self.clients.get(member)) {
            if member.has(Cap::InviteNotify) && member.id != id {
                member.send(&mut broadcast);
            }
        }
        let (target, folded) = (target.id, self.fold(&name));
        self.client_mut(target).invitations.insert(folded);
    }
}
