//! The commands. One file for each group, one method for each command.

mod away;
mod cap;
mod chathistory;
mod join;
mod kick_invite;
mod labels;
mod mode;
mod monitor;
mod nick;
mod part_topic_names;
mod privmsg;
mod registration;
mod relaymsg;
mod sasl;
mod server_info;
mod who;
mod whois;

use tokio::time::Instant;

use super::caps::Cap;
use super::client::ClientId;
use super::faults::chaos::Fault;
use super::line::Line;
use super::numeric::{ERR_INPUTTOOLONG, ERR_NEEDMOREPARAMS, ERR_NOTREGISTERED, ERR_UNKNOWNCOMMAND};
use super::state::ServerState;

impl ServerState {
    /// Handles `raw`, a line of `id` without CR and LF. `overlong` when more was sent than
    /// `raw` holds.
    pub(super) fn handle(&mut self, id: ClientId, raw: &[u8], overlong: bool) {
        if !self.clients.contains_key(&id) {
            return;
        }
        self.transcript.received(id, raw);
        if self.over_flood_limit(id) {
            return self.close(id, "Excess Flood");
        }
        if overlong && self.client(id).has(Cap::MessageTags) {
            return self.send_numeric(id, ERR_INPUTTOOLONG, ":Input line was too long");
        }
        let Some(line) = Line::split(raw) else { return };
        let fault = self.fault_for(id, &line);
        if fault == Some(Fault::DropBefore) {
            return self.cut(id);
        }
        if let (Some(Fault::Delay(delay)), Some(outbox)) = (fault, self.client(id).outbox()) {
            outbox.hold_until(Instant::now() + delay);
        }
        self.dispatch_labeled(id, &line);
        if fault == Some(Fault::DropAfter) {
            self.cut(id);
        }
    }

    /// Calls the method of the command.
    fn dispatch(&mut self, id: ClientId, line: &Line<'_>) {
        let registered = self.client(id).registration.done;
        match line.command.as_str() {
            "CAP" if self.setup.speaks_cap => self.cap(id, line),
            "PASS" => self.pass(id, line),
            "NICK" => self.nick(id, line),
            "USER" => self.user(id, line),
            "AUTHENTICATE" => self.authenticate(id, line),
            "PING" => self.ping(id, line),
            "PONG" => {}
            "QUIT" => self.quit(id, line),
            _ if !registered => {
                self.send_numeric(id, ERR_NOTREGISTERED, ":You have not registered");
            }
            _ => self.dispatch_registered(id, line),
        }
    }

    fn dispatch_registered(&mut self, id: ClientId, line: &Line<'_>) {
        if line.params.len() < params_needed(&line.command) {
            return self.need_more_params(id, &line.command);
        }
        match line.command.as_str() {
            "PRIVMSG" | "NOTICE" | "TAGMSG" => self.privmsg(id, line),
            "JOIN" => self.join(id, line),
            "PART" => self.part(id, line),
            "TOPIC" => self.topic(id, line),
            "NAMES" => self.names(id, line),
            "LIST" => self.list(id, line),
            "KICK" => self.kick(id, line),
            "INVITE" => self.invite(id, line),
            "MODE" => self.mode(id, line),
            "WHO" => self.who(id, line),
            "WHOIS" => self.whois(id, line),
            "AWAY" => self.away(id, line),
            "SETNAME" if self.offered.has(Cap::Setname) => self.setname(id, line),
            "ISON" => self.ison(id, line),
            "USERHOST" => self.userhost(id, line),
            "MONITOR" => self.monitor(id, line),
            "CHATHISTORY" if self.offered.has(Cap::ChatHistory) => self.chathistory(id, line),
            "RELAYMSG" if self.offered.has(Cap::RelayMsg) => self.relaymsg(id, line),
            "MOTD" => self.motd(id, line),
            "LUSERS" => self.lusers(id),
            "VERSION" => self.version(id, line),
            "TIME" => self.time(id, line),
            unknown => {
                self.send_numeric(id, ERR_UNKNOWNCOMMAND, format!("{unknown} :Unknown command"));
            }
        }
    }

    fn need_more_params(&self, id: ClientId, command: &str) {
        self.send_numeric(id, ERR_NEEDMOREPARAMS, format!("{command} :Not enough parameters"));
    }

    /// Sends a standard reply; as a notice to clients without that capability.
    pub(super) fn fail(&self, id: ClientId, words: &str) {
        if self.client(id).has(Cap::StandardReplies) {
            self.send_from_server(id, format!("FAIL {words}"));
        } else {
            let text = words.split_once(" :").map_or(words, |(_, text)| text);
            self.send_from_server(id, format!("NOTICE {} :{text}", self.client(id).nick_or_star()));
        }
    }

    /// Counts a line of `id`; returns whether it is over the flood limit.
    fn over_flood_limit(&mut self, id: ClientId) -> bool {
        let Some(limit) = self.setup.flood else { return false };
        let client = self.client_mut(id);
        if client.outbox().is_none() {
            return false;
        }
        let now = Instant::now();
        client.recent_lines.push_back(now);
        while client.recent_lines.front().is_some_and(|&at| now.duration_since(at) > limit.window) {
            client.recent_lines.pop_front();
        }
        client.recent_lines.len() > limit.lines
    }
}

/// How many parameters a command cannot do without. Those with an error of their own for it are
/// not named here.
fn params_needed(command: &str) -> usize {
    match command {
        "KICK" | "INVITE" => 2,
        "JOIN" | "PART" | "TOPIC" | "MODE" | "USERHOST" | "ISON" | "MONITOR" | "SETNAME"
        | "TAGMSG" => 1,
        _ => 0,
    }
}
