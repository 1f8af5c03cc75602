//! `RELAYMSG`: sending under another nick, as bridges do.

use std::sync::Arc;

use super::super::broadcast::Metadata;
use super::super::caps::Cap;
use super::super::client::ClientId;
use super::super::history::StoredMessage;
use super::super::line::Line;
use super::super::numeric::ERR_NEEDMOREPARAMS;
use super::super::state::ServerState;

impl ServerState {
    /// `RELAYMSG #channel nick/elsewhere :text`, for operators of the channel.
    pub(super) fn relaymsg(&mut self, id: ClientId, line: &Line<'_>) {
        let (name, nick, text) = (line.text(0), line.text(1), line.bytes(2));
        if text.is_empty() {
            return self.send_numeric(id, ERR_NEEDMOREPARAMS, "RELAYMSG :Not enough parameters");
        }
        let Some(channel) = self.member_of(id, &name) else { return };
        if !channel.is_op(id) {
            let words = "RELAYMSG PRIVS_NEEDED :You are not allowed to relay messages here";
            return self.fail(id, words);
        }
        // The slash keeps it apart from every nick that somebody could have.
        let (own, elsewhere) = nick.split_once('/').unwrap_or_default();
        if !self.is_nick(own) || elsewhere.is_empty() || nick.contains(['!', '@', ',', '*', '?']) {
            return self.fail(id, &format!("RELAYMSG INVALID_NICK {nick} :Invalid relayed nick"));
        }
        let (name, folded) = (channel.name.clone(), self.fold(&name));
        let metadata = Metadata {
            msgid: self.offered.has(Cap::MessageTags).then(|| self.next_msgid()),
            relayed_by: Some(Arc::from(self.client(id).nick.as_str())),
            ..Metadata::now()
        };
        let source = format!("{nick}!relay@{}", self.setup.name);
        let words = [format!("PRIVMSG {name} :").as_bytes(), text].concat();
        let mut broadcast = self.broadcast(metadata.clone(), &source, &words);
        let wants_echo = self.client(id).has(Cap::EchoMessage);
        let silent = Some(id).filter(|_| !wants_echo);
        self.send_to_channel(&self.channels[&folded], silent, &mut broadcast);
        self.tap(&nick, &name, "PRIVMSG", metadata.msgid.as_deref(), text);
        self.store_message(&folded, &name, StoredMessage { metadata, source, words });
    }
}
