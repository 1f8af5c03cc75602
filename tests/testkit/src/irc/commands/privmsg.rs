//! `PRIVMSG`, `NOTICE` and `TAGMSG`.

use super::super::broadcast::{Broadcast, Metadata};
use super::super::caps::Cap;
use super::super::client::{Client, ClientId};
use super::super::faults::active::MessageRefusal;
use super::super::history::{History, StoredMessage};
use super::super::line::Line;
use super::super::numeric::{
    ERR_CANNOTSENDTOCHAN, ERR_NORECIPIENT, ERR_NOSUCHCHANNEL, ERR_NOSUCHNICK, ERR_NOTEXTTOSEND,
    ERR_TOOMANYTARGETS, RPL_AWAY,
};
use super::super::state::ServerState;

/// How many targets one message may have; ISUPPORT `TARGMAX` says so.
pub(super) const MAX_TARGETS: usize = 4;

/// One message on its way to one target.
struct Outgoing<'a> {
    command: &'a str,
    /// The text; nothing for `TAGMSG`.
    text: Option<&'a [u8]>,
    client_only: Vec<u8>,
}

impl Outgoing<'_> {
    /// The command as it is relayed to `target`.
    fn words(&self, target: &str) -> Vec<u8> {
        let head = format!("{} {target}", self.command).into_bytes();
        match self.text {
            Some(text) => [&head, &b" :"[..], text].concat(),
            None => head,
        }
    }

    /// Whether its sender gets errors. Nothing ever answers a notice (RFC 2812 section 3.3.2).
    fn wants_errors(&self) -> bool {
        self.command != "NOTICE"
    }

    fn is_received_by(&self, client: &Client) -> bool {
        self.text.is_some() || client.has(Cap::MessageTags)
    }
}

impl ServerState {
    pub(super) fn privmsg(&mut self, id: ClientId, line: &Line<'_>) {
        let command = line.command.as_str();
        let targets = line.text(0);
        if targets.is_empty() {
            return self.send_numeric(
                id,
                ERR_NORECIPIENT,
                format!(":No recipient given ({command})"),
            );
        }
        let tags_only = command == "TAGMSG";
        let text = (!tags_only).then(|| line.bytes(1));
        if text.is_some_and(<[u8]>::is_empty) {
            return self.send_numeric(id, ERR_NOTEXTTOSEND, ":No text to send");
        }
        if tags_only && !self.client(id).has(Cap::MessageTags) {
            return;
        }
        if self.setup.utf8_only && text.is_some_and(|text| std::str::from_utf8(text).is_err()) {
            return self.fail(id, &format!("{command} INVALID_UTF8 :Message is not valid UTF-8"));
        }
        let targets: Vec<&str> = targets.split(',').filter(|target| !target.is_empty()).collect();
        if targets.len() > MAX_TARGETS {
            let text = format!("{} :Too many targets", targets[MAX_TARGETS]);
            return self.send_numeric(id, ERR_TOOMANYTARGETS, text);
        }
        let tagged = self.client(id).has(Cap::MessageTags);
        let client_only = if tagged { line.client_only_tags() } else { Vec::new() };
        let message = Outgoing { command, text, client_only };
        self.client_mut(id).last_message_at = tokio::time::Instant::now();
        for target in targets {
            if target.starts_with(['#', '&']) {
                self.message_channel(id, target, &message);
            } else {
                self.message_nick(id, target, &message);
            }
        }
    }

    fn message_channel(&mut self, id: ClientId, name: &str, message: &Outgoing<'_>) {
        let folded = self.fold(name);
        if let Some(refusal) = self.message_refusal(id, &folded) {
            return self.refuse_message(id, name, message, &refusal);
        }
        let Some(channel) = self.channels.get(&folded) else {
            if message.wants_errors() {
                self.send_numeric(id, ERR_NOSUCHCHANNEL, format!("{name} :No such channel"));
            }
            return;
        };
        if !channel.may_send(id, &self.client(id).hostmask()) {
            let refusal = MessageRefusal::Numeric(ERR_CANNOTSENDTOCHAN);
            return self.refuse_message(id, name, message, &refusal);
        }
        let name = channel.name.clone();
        let (metadata, words) = (self.metadata_of(id, message), message.words(&name));
        let source = self.client(id).hostmask();
        let mut broadcast = self.broadcast(metadata.clone(), &source, &words);
        self.send_to_members(id, &folded, message, &mut broadcast);
        if let Some(text) = message.text {
            let nick = &self.client(id).nick;
            self.tap(nick, &name, message.command, metadata.msgid.as_deref(), text);
            self.store_message(&folded, &name, StoredMessage { metadata, source, words });
        }
    }

    /// Sends it to all in the channel, and to `id` itself if it has `echo-message`.
    fn send_to_members(
        &self,
        id: ClientId,
        folded: &str,
        message: &Outgoing<'_>,
        broadcast: &mut Broadcast,
    ) {
        for &member in self.channels[folded].members.keys() {
            let Some(member) = self.clients.get(&member) else { continue };
            if member.id != id && message.is_received_by(member) {
                member.send(broadcast);
            }
        }
        self.echo(id, message, broadcast);
    }

    fn echo(&self, id: ClientId, message: &Outgoing<'_>, broadcast: &mut Broadcast) {
        let sender = self.client(id);
        if sender.has(Cap::EchoMessage) && message.is_received_by(sender) {
            sender.send(broadcast);
        }
    }

    /// Adds a message to the history of its channel.
    pub(in super::super) fn store_message(
        &mut self,
        folded: &str,
        name: &str,
        message: StoredMessage,
    ) {
        if let Some(history) = self.histories.get_mut(folded) {
            return history.push(message);
        }
        let mut history = History::new(name, self.setup.history);
        history.push(message);
        self.histories.insert(folded.to_owned(), history);
    }

    fn metadata_of(&mut self, id: ClientId, message: &Outgoing<'_>) -> Metadata {
        let tagging = self.offered.has(Cap::MessageTags);
        let msgid = tagging.then(|| self.next_msgid());
        let client = self.client(id);
        Metadata {
            msgid,
            account: client.account.clone(),
            bot: client.bot,
            client_only: message.client_only.clone(),
            ..Metadata::now()
        }
    }

    fn refuse_message(
        &self,
        id: ClientId,
        name: &str,
        message: &Outgoing<'_>,
        refusal: &MessageRefusal,
    ) {
        let plain = format!("{name} :Cannot send to nick/channel");
        match refusal {
            MessageRefusal::Silence => {}
            _ if !message.wants_errors() => {}
            MessageRefusal::Numeric(code) => self.send_numeric(id, *code, plain),
            MessageRefusal::Fail(code) if self.client(id).has(Cap::StandardReplies) => {
                let words =
                    format!("FAIL {} {code} {name} :Cannot send to channel", message.command);
                self.send_from_server(id, words);
            }
            MessageRefusal::Fail(_) => self.send_numeric(id, ERR_CANNOTSENDTOCHAN, plain),
        }
    }

    fn message_nick(&mut self, id: ClientId, nick: &str, message: &Outgoing<'_>) {
        let Some(target) = self.client_named(nick).map(|target| target.id) else {
            if message.wants_errors() {
                self.send_numeric(id, ERR_NOSUCHNICK, format!("{nick} :No such nick/channel"));
            }
            return;
        };
        let metadata = self.metadata_of(id, message);
        let target = self.client(target);
        let mut broadcast =
            self.broadcast(metadata, &self.client(id).hostmask(), &message.words(&target.nick));
        if message.is_received_by(target) {
            // A message to oneself comes twice; only the echo is labelled.
            target.send_unlabeled(&mut broadcast);
        }
        self.echo(id, message, &mut broadcast);
        if let Some(why) = target.away.as_ref().filter(|_| message.command == "PRIVMSG") {
            self.send_numeric(
                id,
                RPL_AWAY,
                [format!("{} :", target.nick).as_bytes(), why].concat(),
            );
        }
    }
}
