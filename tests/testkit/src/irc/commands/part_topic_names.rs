//! `PART`, `TOPIC`, `NAMES` and `LIST`.

use super::super::caps::Cap;
use super::super::channel::{Channel, Topic};
use super::super::client::ClientId;
use super::super::line::Line;
use super::super::numeric::{
    ERR_CHANOPRIVSNEEDED, ERR_NOSUCHCHANNEL, ERR_NOTONCHANNEL, RPL_ENDOFNAMES, RPL_LIST,
    RPL_LISTEND, RPL_LISTSTART, RPL_NAMREPLY, RPL_NOTOPIC, RPL_TOPIC, RPL_TOPICWHOTIME,
};
use super::super::state::ServerState;

impl ServerState {
    pub(super) fn part(&mut self, id: ClientId, line: &Line<'_>) {
        for name in line.text(0).split(',').filter(|name| !name.is_empty()) {
            if self.member_of(id, name).is_some() {
                self.part_one(id, &self.fold(name), line.bytes(1));
            }
        }
    }

    /// `id`, a member, leaves a channel, and all there see it.
    pub(super) fn part_one(&mut self, id: ClientId, folded: &str, reason: &[u8]) {
        let channel = &self.channels[folded];
        let mut words = format!("PART {}", channel.name).into_bytes();
        if !reason.is_empty() {
            words.extend_from_slice(b" :");
            words.extend_from_slice(reason);
        }
        self.send_to_channel(channel, None, &mut self.broadcast_by(id, words));
        self.remove_from_channel(id, folded);
    }

    /// The channel `name`, when `id` is in it; else `id` is told why not.
    pub(super) fn member_of(&self, id: ClientId, name: &str) -> Option<&Channel> {
        let Some(channel) = self.channel(name) else {
            self.send_numeric(id, ERR_NOSUCHCHANNEL, format!("{name} :No such channel"));
            return None;
        };
        if channel.status(id).is_none() {
            let text = format!("{} :You're not on that channel", channel.name);
            self.send_numeric(id, ERR_NOTONCHANNEL, text);
            return None;
        }
        Some(channel)
    }

    /// The channel `name`, when `id` is its operator; else `id` is told why not.
    pub(super) fn operator_of(&self, id: ClientId, name: &str) -> Option<&Channel> {
        let channel = self.member_of(id, name)?;
        if !channel.is_op(id) {
            let text = format!("{} :You're not channel operator", channel.name);
            self.send_numeric(id, ERR_CHANOPRIVSNEEDED, text);
            return None;
        }
        Some(channel)
    }

    pub(super) fn topic(&mut self, id: ClientId, line: &Line<'_>) {
        let name = line.text(0);
        if line.params.len() == 1 {
            return self.send_topic(id, &name);
        }
        let Some(channel) = self.member_of(id, &name) else { return };
        if channel.modes.topic_by_ops && self.operator_of(id, &name).is_none() {
            return;
        }
        self.set_topic(id, &self.fold(&name), line.bytes(1));
    }

    fn set_topic(&mut self, id: ClientId, folded: &str, text: &[u8]) {
        let set_by = self.client(id).hostmask();
        let set_at = jiff::Timestamp::now().as_second();
        let Some(channel) = self.channels.get_mut(folded) else { return };
        channel.topic = (!text.is_empty()).then(|| Topic { text: text.to_vec(), set_by, set_at });
        let channel = &self.channels[folded];
        let head = format!("TOPIC {} :", channel.name);
        let mut broadcast = self.broadcast_by(id, [head.as_bytes(), text].concat());
        self.send_to_channel(channel, None, &mut broadcast);
    }

    fn send_topic(&self, id: ClientId, name: &str) {
        let Some(channel) = self.channel(name) else {
            return self.send_numeric(id, ERR_NOSUCHCHANNEL, format!("{name} :No such channel"));
        };
        if channel.modes.secret && channel.status(id).is_none() {
            let text = format!("{name} :You're not on that channel");
            return self.send_numeric(id, ERR_NOTONCHANNEL, text);
        }
        if channel.topic.is_none() {
            return self.send_numeric(
                id,
                RPL_NOTOPIC,
                format!("{} :No topic is set", channel.name),
            );
        }
        self.send_topic_numerics(id, &self.fold(name));
    }

    /// 332 and 333, where there is a topic.
    pub(super) fn send_topic_numerics(&self, id: ClientId, folded: &str) {
        let channel = &self.channels[folded];
        if let Some(topic) = &channel.topic {
            let head = format!("{} :", channel.name);
            self.send_numeric(id, RPL_TOPIC, [head.as_bytes(), &topic.text].concat());
            let text = format!("{} {} {}", channel.name, topic.set_by, topic.set_at);
            self.send_numeric(id, RPL_TOPICWHOTIME, text);
        }
    }

    pub(super) fn names(&mut self, id: ClientId, line: &Line<'_>) {
        if line.params.is_empty() {
            return self.send_numeric(id, RPL_ENDOFNAMES, "* :End of /NAMES list");
        }
        for name in line.text(0).split(',').filter(|name| !name.is_empty()) {
            self.send_names(id, &self.fold(name), name);
        }
    }

    /// Who is in a channel, in as many lines as it takes.
    pub(super) fn send_names(&self, id: ClientId, folded: &str, name: &str) {
        let to_member = self.client(id).channels.contains(folded);
        if let Some(channel) = self.channels.get(folded).filter(|c| to_member || !c.modes.secret) {
            let symbol = if channel.modes.secret { '@' } else { '=' };
            let head = format!("{symbol} {} :", channel.name);
            let room = self.setup.linelen.saturating_sub(
                self.setup.name.len() + self.client(id).nick_or_star().len() + head.len() + 9,
            );
            for names in packed(self.names_in(id, channel, to_member), room) {
                self.send_numeric(id, RPL_NAMREPLY, format!("{head}{names}"));
            }
        }
        self.send_numeric(id, RPL_ENDOFNAMES, format!("{name} :End of /NAMES list"));
    }

    fn names_in(&self, id: ClientId, channel: &Channel, to_member: bool) -> Vec<String> {
        let asker = self.client(id);
        let (all, whole) = (asker.has(Cap::MultiPrefix), asker.has(Cap::UserhostInNames));
        let members = channel.members.iter();
        let seen = members.filter_map(|(member, status)| {
            let member = self.clients.get(member)?;
            let name = if whole { member.hostmask() } else { member.nick.clone() };
            let visible = to_member || !member.invisible;
            visible.then(|| format!("{}{name}", status.prefixes(all)))
        });
        seen.collect()
    }

    pub(super) fn list(&self, id: ClientId, line: &Line<'_>) {
        if let Some(numeric) = self.faults.lists {
            // 481 names no command.
            let words = if numeric == 481 { ":Permission denied" } else { "LIST :Not now" };
            return self.send_numeric(id, numeric, words);
        }
        let wanted = line.text(0);
        let wanted: Vec<String> =
            wanted.split(',').filter(|n| !n.is_empty()).map(|n| self.fold(n)).collect();
        self.send_numeric(id, RPL_LISTSTART, "Channel :Users  Name");
        let mut folded: Vec<&String> = self.channels.keys().collect();
        folded.sort();
        for name in folded.into_iter().filter(|n| wanted.is_empty() || wanted.contains(n)) {
            let channel = &self.channels[name];
            if channel.modes.secret && channel.status(id).is_none() {
                continue;
            }
            let head = format!("{} {} :", channel.name, channel.members.len());
            let topic = channel.topic.as_ref().map_or(&b""[..], |topic| &topic.text);
            self.send_numeric(id, RPL_LIST, [head.as_bytes(), topic].concat());
        }
        self.send_numeric(id, RPL_LISTEND, ":End of /LIST");
    }
}

/// The words, in lines of at most `room` bytes.
pub(super) fn packed(words: Vec<String>, room: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in words {
        match lines.last_mut() {
            Some(line) if line.len() + 1 + word.len() <= room => {
                line.push(' ');
                line.push_str(&word);
            }
            _ => lines.push(word),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_fill_lines() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect();
        assert_eq!(packed(words("a bb ccc d"), 4), ["a bb", "ccc", "d"]);
        assert_eq!(packed(words("abcdef"), 4), ["abcdef"]);
        assert!(packed(Vec::new(), 4).is_empty());
    }
}
