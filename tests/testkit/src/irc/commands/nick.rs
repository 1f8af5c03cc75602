//! `NICK`, and which nicks are valid.

use super::super::casemapping::Casemapping;
use super::super::client::ClientId;
use super::super::line::Line;
use super::super::numeric::{
    ERR_ERRONEUSNICKNAME, ERR_NICKNAMEINUSE, ERR_NONICKNAMEGIVEN, ERR_UNAVAILRESOURCE,
};
use super::super::state::ServerState;

impl ServerState {
    pub(super) fn nick(&mut self, id: ClientId, line: &Line<'_>) {
        let nick = line.text(0);
        if nick.is_empty() {
            return self.send_numeric(id, ERR_NONICKNAMEGIVEN, ":No nickname given");
        }
        if !self.is_nick(&nick) {
            let text = format!("{nick} :Erroneous nickname");
            return self.send_numeric(id, ERR_ERRONEUSNICKNAME, text);
        }
        let client = self.client(id);
        if client.outbox().is_some()
            && let Some(code) = self.faults.nicks.this_time()
        {
            return self.refuse_nick(id, code, &nick);
        }
        let taken = self.nicks.get(&self.fold(&nick)).is_some_and(|&by| by != id);
        if taken {
            return self.refuse_nick(id, ERR_NICKNAMEINUSE, &nick);
        }
        if self.client(id).registration.done {
            self.rename(id, &nick);
        } else {
            self.set_nick(id, &nick);
            self.register(id);
        }
    }

    /// Refuses the nick that `id` has already been granted, as servers do that look only when
    /// registration is complete.
    pub(super) fn refuse_nick_late(&mut self, id: ClientId, code: u16) {
        let client = self.client_mut(id);
        let nick = std::mem::take(&mut client.nick);
        self.nicks.remove(&self.fold(&nick));
        self.refuse_nick(id, code, &nick);
    }

    fn refuse_nick(&self, id: ClientId, code: u16, nick: &str) {
        let why = match code {
            ERR_UNAVAILRESOURCE => "Nick/channel is temporarily unavailable",
            ERR_ERRONEUSNICKNAME => "Nickname reserved",
            _ => "Nickname is already in use",
        };
        self.send_numeric(id, code, format!("{nick} :{why}"));
    }

    /// Changes the nick of `id`, which is registered, and tells all who share a channel with it.
    pub(in super::super) fn rename(&mut self, id: ClientId, nick: &str) {
        let before = self.client(id).nick.clone();
        if before == nick {
            return;
        }
        let mut broadcast = self.broadcast_by(id, format!("NICK :{nick}"));
        self.client(id).send(&mut broadcast);
        for peer in self.peers(id) {
            self.client(peer).send(&mut broadcast);
        }
        self.set_nick(id, nick);
        if self.fold(&before) != self.fold(nick) {
            self.notify_monitors(&before, None);
            self.notify_monitors(nick, Some(&self.client(id).hostmask()));
        }
    }

    /// Whether this server takes `nick` for a nick.
    pub(in super::super) fn is_nick(&self, nick: &str) -> bool {
        let unicode = self.setup.casemapping == Casemapping::Unicode;
        let letter = |c: char| {
            c.is_ascii_alphabetic() || "[]\\`_^{|}".contains(c) || (unicode && c.is_alphabetic())
        };
        let other = |c: char| letter(c) || c.is_ascii_digit() || c == '-';
        nick.len() <= self.setup.nicklen && nick.starts_with(letter) && nick.chars().all(other)
    }
}
