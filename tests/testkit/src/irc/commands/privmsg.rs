//! Speaking: `PRIVMSG`, `NOTICE` and `TAGMSG`.

use super::super::broadcast::{Knowledge, Relay};
use super::super::caps::Cap;
use super::super::client::{Client, ClientId};
use super::super::faults::active::TalkRefusal;
use super::super::history::{History, Kept};
use super::super::line::Line;
use super::super::numeric::{
    ERR_CANNOTSENDTOCHAN, ERR_NORECIPIENT, ERR_NOSUCHCHANNEL, ERR_NOSUCHNICK, ERR_NOTEXTTOSEND,
    ERR_TOOMANYTARGETS, RPL_AWAY,
};
use super::super::state::World;

/// How many targets one message may have; ISUPPORT `TARGMAX` says so.
pub(super) const MOST_TARGETS: usize = 4;

/// One message on its way to one target.
struct Talk<'a> {
    command: &'a str,
    /// The text; nothing for `TAGMSG`.
    text: Option<&'a [u8]>,
    client_only: Vec<u8>,
}

impl Talk<'_> {
    /// The command as it is relayed to `target`.
    fn words(&self, target: &str) -> Vec<u8> {
        let head = format!("{} {target}", self.command).into_bytes();
        match self.text {
            Some(text) => [&head, &b" :"[..], text].concat(),
            None => head,
        }
    }

    /// Whether its sender is told of errors. Nothing ever answers a notice (RFC 2812 section 3.3.2).
    fn is_answered(&self) -> bool {
        self.command != "NOTICE"
    }

    fn is_heard_by(&self, client: &Client) -> bool {
        self.text.is_some() || client.has(Cap::MessageTags)
    }
}

impl World {
    pub(super) fn talk(&mut self, id: ClientId, line: &Line<'_>) {
        let command = line.command.as_str();
        let targets = line.text(0);
        if targets.is_empty() {
            return self.numeric(id, ERR_NORECIPIENT, format!(":No recipient given ({command})"));
        }
        let tags_only = command == "TAGMSG";
        let text = (!tags_only).then(|| line.bytes(1));
        if text.is_some_and(<[u8]>::is_empty) {
            return self.numeric(id, ERR_NOTEXTTOSEND, ":No text to send");
        }
        if tags_only && !self.client(id).has(Cap::MessageTags) {
            return;
        }
        if self.setup.utf8_only && text.is_some_and(|text| std::str::from_utf8(text).is_err()) {
            return self.fail(id, &format!("{command} INVALID_UTF8 :Message is not valid UTF-8"));
        }
        let targets: Vec<&str> = targets.split(',').filter(|target| !target.is_empty()).collect();
        if targets.len() > MOST_TARGETS {
            let text = format!("{} :Too many targets", targets[MOST_TARGETS]);
            return self.numeric(id, ERR_TOOMANYTARGETS, text);
        }
        let tagged = self.client(id).has(Cap::MessageTags);
        let client_only = if tagged { line.client_only_tags() } else { Vec::new() };
        let talk = Talk { command, text, client_only };
        self.client_mut(id).spoke = tokio::time::Instant::now();
        for target in targets {
            if target.starts_with(['#', '&']) {
                self.talk_to_channel(id, target, &talk);
            } else {
                self.talk_to_nick(id, target, &talk);
            }
        }
    }

    fn talk_to_channel(&mut self, id: ClientId, name: &str, talk: &Talk<'_>) {
        let folded = self.fold(name);
        if let Some(refusal) = self.talk_refusal(id, &folded) {
            return self.refuse_talk(id, name, talk, &refusal);
        }
        let Some(channel) = self.channels.get(&folded) else {
            if talk.is_answered() {
                self.numeric(id, ERR_NOSUCHCHANNEL, format!("{name} :No such channel"));
            }
            return;
        };
        if !channel.hears(id, &self.client(id).hostmask()) {
            let refusal = TalkRefusal::Numeric(ERR_CANNOTSENDTOCHAN);
            return self.refuse_talk(id, name, talk, &refusal);
        }
        let name = channel.name.clone();
        let (known, words) = (self.known_of(id, talk), talk.words(&name));
        let source = self.client(id).hostmask();
        let mut relay = self.relay(known.clone(), &source, &words);
        self.spread(id, &folded, talk, &mut relay);
        if talk.text.is_some() {
            self.keep(&folded, &name, Kept { known, source, words });
        }
    }

    /// Everyone in the channel hears it, and `id` itself if it wants to.
    fn spread(&self, id: ClientId, folded: &str, talk: &Talk<'_>, relay: &mut Relay) {
        for &member in self.channels[folded].members.keys() {
            let Some(member) = self.clients.get(&member) else { continue };
            if member.id != id && talk.is_heard_by(member) {
                member.hear(relay);
            }
        }
        self.echo(id, talk, relay);
    }

    fn echo(&self, id: ClientId, talk: &Talk<'_>, relay: &mut Relay) {
        let sender = self.client(id);
        if sender.has(Cap::EchoMessage) && talk.is_heard_by(sender) {
            sender.hear(relay);
        }
    }

    /// Keeps a message for those who ask for it later.
    pub(in super::super) fn keep(&mut self, folded: &str, name: &str, message: Kept) {
        if let Some(history) = self.histories.get_mut(folded) {
            return history.keep(message);
        }
        let mut history = History::new(name, self.setup.history);
        history.keep(message);
        self.histories.insert(folded.to_owned(), history);
    }

    fn known_of(&mut self, id: ClientId, talk: &Talk<'_>) -> Knowledge {
        let tagging = self.offered.has(Cap::MessageTags);
        let msgid = tagging.then(|| self.next_msgid());
        let client = self.client(id);
        Knowledge {
            msgid,
            account: client.account.clone(),
            bot: client.bot,
            client_only: talk.client_only.clone(),
            ..Knowledge::now()
        }
    }

    fn refuse_talk(&self, id: ClientId, name: &str, talk: &Talk<'_>, refusal: &TalkRefusal) {
        let plain = format!("{name} :Cannot send to nick/channel");
        match refusal {
            TalkRefusal::Silence => {}
            _ if !talk.is_answered() => {}
            TalkRefusal::Numeric(code) => self.numeric(id, *code, plain),
            TalkRefusal::Fail(code) if self.client(id).has(Cap::StandardReplies) => {
                let words = format!("FAIL {} {code} {name} :Cannot send to channel", talk.command);
                self.tell(id, words);
            }
            TalkRefusal::Fail(_) => self.numeric(id, ERR_CANNOTSENDTOCHAN, plain),
        }
    }

    fn talk_to_nick(&mut self, id: ClientId, nick: &str, talk: &Talk<'_>) {
        let Some(target) = self.named(nick).map(|target| target.id) else {
            if talk.is_answered() {
                self.numeric(id, ERR_NOSUCHNICK, format!("{nick} :No such nick/channel"));
            }
            return;
        };
        let known = self.known_of(id, talk);
        let target = self.client(target);
        let mut relay = self.relay(known, &self.client(id).hostmask(), &talk.words(&target.nick));
        if talk.is_heard_by(target) {
            // What one says to oneself comes twice; only the echo is an answer.
            target.hear_apart(&mut relay);
        }
        self.echo(id, talk, &mut relay);
        if let Some(why) = target.away.as_ref().filter(|_| talk.command == "PRIVMSG") {
            self.numeric(id, RPL_AWAY, [format!("{} :", target.nick).as_bytes(), why].concat());
        }
    }
}
