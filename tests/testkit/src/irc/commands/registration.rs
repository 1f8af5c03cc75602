//! Registration and its end: `PASS`, `USER`, the welcome, `PING`, `QUIT`.

use super::super::client::ClientId;
use super::super::line::Line;
use super::super::numeric::{
    ERR_ALREADYREGISTERED, ERR_NEEDMOREPARAMS, ERR_NOORIGIN, ERR_PASSWDMISMATCH,
    ERR_YOUREBANNEDCREEP, RPL_CREATED, RPL_MYINFO, RPL_VISIBLEHOST, RPL_WELCOME, RPL_YOURHOST,
};
use super::super::state::ServerState;
use super::server_info::VERSION;

impl ServerState {
    pub(super) fn pass(&mut self, id: ClientId, line: &Line<'_>) {
        if line.params.is_empty() {
            return self.send_numeric(id, ERR_NEEDMOREPARAMS, "PASS :Not enough parameters");
        }
        if self.client(id).registration.done {
            return self.send_numeric(id, ERR_ALREADYREGISTERED, ":You may not reregister");
        }
        self.client_mut(id).registration.password = Some(line.bytes(0).to_vec());
    }

    pub(super) fn user(&mut self, id: ClientId, line: &Line<'_>) {
        if self.client(id).registration.done {
            return self.send_numeric(id, ERR_ALREADYREGISTERED, ":You may not reregister");
        }
        if line.params.len() < 4 || line.bytes(0).is_empty() {
            return self.send_numeric(id, ERR_NEEDMOREPARAMS, "USER :Not enough parameters");
        }
        let fit = |c: &char| c.is_ascii_alphanumeric() || "-_.".contains(*c);
        let name: String = line.text(0).chars().filter(fit).take(10).collect();
        let client = self.client_mut(id);
        // No ident server has vouched for the name.
        client.user = format!("~{}", if name.is_empty() { "user" } else { &name });
        client.realname = line.bytes(3).to_vec();
        self.register(id);
    }

    /// Completes the registration of `id`, once all is there.
    pub(super) fn register(&mut self, id: ClientId) {
        let client = self.client(id);
        let known = !client.nick.is_empty() && !client.user.is_empty();
        if client.registration.done || client.registration.negotiating || !known {
            return;
        }
        let password = self.setup.password.as_ref().map(String::as_bytes);
        if password.is_some() && password != client.registration.password.as_deref() {
            self.send_numeric(id, ERR_PASSWDMISMATCH, ":Password incorrect");
            return self.close(id, "Bad Password");
        }
        let hostmask = client.hostmask();
        if let Some((_, reason)) = self.faults.klines.iter().find(|(m, _)| m.matches(&hostmask)) {
            let reason = reason.clone();
            let text = format!(":You are banned from this server- {reason}");
            self.send_numeric(id, ERR_YOUREBANNEDCREEP, text);
            return self.close(id, "K-Lined");
        }
        if let Some(code) = self.faults.late_nicks.this_time() {
            return self.refuse_nick_late(id, code);
        }
        self.client_mut(id).registration.done = true;
        self.send_welcome(id);
    }

    fn send_welcome(&self, id: ClientId) {
        let (client, setup) = (self.client(id), &self.setup);
        let hostmask = client.hostmask();
        let text = format!(":Welcome to the {} IRC Network {hostmask}", setup.network);
        self.send_numeric(id, RPL_WELCOME, text);
        let text = format!(":Your host is {}, running version {VERSION}", setup.name);
        self.send_numeric(id, RPL_YOURHOST, text);
        let text = format!(":This server was created {}", self.started.strftime("%F at %T UTC"));
        self.send_numeric(id, RPL_CREATED, text);
        let text = format!("{} {VERSION} Bi biklmnostv bklov", setup.name);
        self.send_numeric(id, RPL_MYINFO, text);
        self.send_isupport(id);
        self.lusers(id);
        self.send_motd(id);
        if client.outbox().is_some() {
            self.send_numeric(
                id,
                RPL_VISIBLEHOST,
                format!("{} :is now your visible host", client.host),
            );
        }
        self.notify_monitors(&client.nick, Some(&hostmask));
    }

    pub(super) fn ping(&self, id: ClientId, line: &Line<'_>) {
        if line.params.is_empty() {
            return self.send_numeric(id, ERR_NOORIGIN, ":No origin specified");
        }
        if !self.faults.ignores_pings {
            let head = format!("PONG {} :", self.setup.name);
            self.send_from_server(id, [head.as_bytes(), line.bytes(0)].concat());
        }
    }

    pub(super) fn quit(&mut self, id: ClientId, line: &Line<'_>) {
        let reason = match line.bytes(0) {
            b"" => b"Client Quit".to_vec(),
            reason => [b"Quit: ", reason].concat(),
        };
        let said = String::from_utf8_lossy(&reason).into_owned();
        self.close_with(id, &reason, &said);
    }
}
