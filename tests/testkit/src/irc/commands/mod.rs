//! What each command does. One file a group of commands, one method a command.

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
use super::faults::chaos::Mishap;
use super::line::Line;
use super::numeric::{ERR_INPUTTOOLONG, ERR_NEEDMOREPARAMS, ERR_NOTREGISTERED, ERR_UNKNOWNCOMMAND};
use super::state::World;

impl World {
    /// Does what `id` says in `raw`, a line without CR and LF. `overlong` when more was sent than
    /// `raw` holds.
    pub(super) fn handle(&mut self, id: ClientId, raw: &[u8], overlong: bool) {
        if !self.clients.contains_key(&id) {
            return;
        }
        self.transcript.received(id, raw);
        if self.floods(id) {
            return self.close(id, "Excess Flood");
        }
        if overlong && self.client(id).has(Cap::MessageTags) {
            return self.numeric(id, ERR_INPUTTOOLONG, ":Input line was too long");
        }
        let Some(line) = Line::split(raw) else { return };
        let mishap = self.mishap(id, &line);
        if mishap == Some(Mishap::DropBefore) {
            return self.cut(id);
        }
        if let (Some(Mishap::Delay(delay)), Some(outbox)) = (mishap, self.client(id).outbox()) {
            outbox.hold_until(Instant::now() + delay);
        }
        self.obey_labeled(id, &line);
        if mishap == Some(Mishap::DropAfter) {
            self.cut(id);
        }
    }

    /// Does what the line says.
    fn obey(&mut self, id: ClientId, line: &Line<'_>) {
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
            _ if !registered => self.numeric(id, ERR_NOTREGISTERED, ":You have not registered"),
            _ => self.obey_registered(id, line),
        }
    }

    fn obey_registered(&mut self, id: ClientId, line: &Line<'_>) {
        if line.params.len() < params_needed(&line.command) {
            return self.need_more(id, &line.command);
        }
        match line.command.as_str() {
            "PRIVMSG" | "NOTICE" | "TAGMSG" => self.talk(id, line),
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
                self.numeric(id, ERR_UNKNOWNCOMMAND, format!("{unknown} :Unknown command"));
            }
        }
    }

    fn need_more(&self, id: ClientId, command: &str) {
        self.numeric(id, ERR_NEEDMOREPARAMS, format!("{command} :Not enough parameters"));
    }

    /// Answers with a standard reply: to who did not ask for such, as a note of the server.
    pub(super) fn fail(&self, id: ClientId, words: &str) {
        if self.client(id).has(Cap::StandardReplies) {
            self.tell(id, format!("FAIL {words}"));
        } else {
            let text = words.split_once(" :").map_or(words, |(_, text)| text);
            self.tell(id, format!("NOTICE {} :{text}", self.client(id).called()));
        }
    }

    /// Whether one line more is too much from `id`.
    fn floods(&mut self, id: ClientId) -> bool {
        let Some(limit) = self.setup.flood else { return false };
        let client = self.client_mut(id);
        if client.outbox().is_none() {
            return false;
        }
        let now = Instant::now();
        client.recent.push_back(now);
        while client.recent.front().is_some_and(|&at| now.duration_since(at) > limit.window) {
            client.recent.pop_front();
        }
        client.recent.len() > limit.lines
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
