//! `MODE`, of channels and of oneself.

use super::super::channel::Ban;
use super::super::client::ClientId;
use super::super::faults::inject::SERVICES;
use super::super::line::Line;
use super::super::mask::Mask;
use super::super::numeric::{
    ERR_NOSUCHCHANNEL, ERR_NOSUCHNICK, ERR_UMODEUNKNOWNFLAG, ERR_UNKNOWNMODE, ERR_USERNOTINCHANNEL,
    ERR_USERSDONTMATCH, RPL_BANLIST, RPL_CHANNELMODEIS, RPL_CREATIONTIME, RPL_ENDOFBANLIST,
    RPL_UMODEIS,
};
use super::super::state::ServerState;

/// How many modes with a parameter one command may change; ISUPPORT `MODES` says so.
pub(super) const MAX_MODE_CHANGES: usize = 4;

/// Changes that were made, to be sent as one line.
#[derive(Default)]
struct ModeChanges {
    letters: String,
    values: String,
    sign: Option<bool>,
}

impl ModeChanges {
    fn push(&mut self, adds: bool, letter: char, value: Option<&str>) {
        if self.sign != Some(adds) {
            self.letters.push(if adds { '+' } else { '-' });
            self.sign = Some(adds);
        }
        self.letters.push(letter);
        if let Some(value) = value {
            self.values.extend([" ", value]);
        }
    }
}

impl ServerState {
    pub(super) fn mode(&mut self, id: ClientId, line: &Line<'_>) {
        let target = line.text(0);
        if !target.starts_with(['#', '&']) {
            return self.user_mode(id, &target, &line.text(1));
        }
        let Some(channel) = self.channel(&target) else {
            return self.send_numeric(id, ERR_NOSUCHCHANNEL, format!("{target} :No such channel"));
        };
        let letters = line.text(1);
        if letters.is_empty() {
            let modes = channel.mode_string(channel.status(id).is_some());
            self.send_numeric(id, RPL_CHANNELMODEIS, format!("{} {modes}", channel.name));
            let text = format!("{} {}", channel.name, channel.created);
            return self.send_numeric(id, RPL_CREATIONTIME, text);
        }
        if matches!(&*letters, "b" | "+b") && line.params.len() == 2 {
            return self.list_bans(id, &target);
        }
        if self.operator_of(id, &target).is_none() {
            return;
        }
        let folded = self.fold(&target);
        let mut values = (2..line.params.len()).map(|at| line.text(at).into_owned());
        if let Some(changes) = self.change_modes(Some(id), &folded, &letters, &mut values) {
            let channel = &self.channels[&folded];
            let words = format!("MODE {} {changes}", channel.name);
            self.send_to_channel(channel, None, &mut self.broadcast_by(id, words));
        }
    }

    /// Changes the modes of a channel, in the name of `by` or else of services: what of it was
    /// news, as letters and values.
    pub(in super::super) fn change_modes(
        &mut self,
        by: Option<ClientId>,
        folded: &str,
        letters: &str,
        values: &mut dyn Iterator<Item = String>,
    ) -> Option<String> {
        let (mut changes, mut adds, mut with_value) = (ModeChanges::default(), true, 0);
        for letter in letters.chars() {
            match letter {
                '+' => adds = true,
                '-' => adds = false,
                'o' | 'v' | 'b' | 'k' | 'l' if adds || letter != 'l' => {
                    with_value += 1;
                    let Some(value) = values.next().filter(|_| with_value <= MAX_MODE_CHANGES)
                    else {
                        continue;
                    };
                    if let Some(value) = self.set_mode_with_value(by, folded, adds, letter, &value)
                    {
                        changes.push(adds, letter, Some(&value));
                    }
                }
                _ => match self.set_flag(folded, adds, letter) {
                    Some(true) => changes.push(adds, letter, None),
                    Some(false) => {}
                    None => {
                        let text = format!("{letter} :is unknown mode char to me");
                        self.reply_error(by, ERR_UNKNOWNMODE, &text);
                    }
                },
            }
        }
        (!changes.letters.is_empty()).then(|| changes.letters + &changes.values)
    }

    /// Sends an error to the client that changes modes; services need none.
    fn reply_error(&self, by: Option<ClientId>, code: u16, text: &str) {
        if let Some(id) = by {
            self.send_numeric(id, code, text);
        }
    }

    /// Sets a mode without a value: whether that changed anything. `None` for no mode at all.
    fn set_flag(&mut self, folded: &str, adds: bool, letter: char) -> Option<bool> {
        let modes = &mut self.channels.get_mut(folded)?.modes;
        let flag = match letter {
            'i' => &mut modes.invite_only,
            'm' => &mut modes.moderated,
            'n' => &mut modes.members_only,
            's' => &mut modes.secret,
            't' => &mut modes.topic_by_ops,
            'l' => return Some(modes.limit.take().is_some()),
            _ => return None,
        };
        Some(std::mem::replace(flag, adds) != adds)
    }

    /// Sets a mode with a value: that value, if it changed anything.
    fn set_mode_with_value(
        &mut self,
        by: Option<ClientId>,
        folded: &str,
        adds: bool,
        letter: char,
        value: &str,
    ) -> Option<String> {
        match letter {
            'o' | 'v' => self.set_status(by, folded, adds, letter, value),
            'b' => self.set_ban(by, folded, adds, value),
            'k' => {
                let key = &mut self.channels.get_mut(folded)?.modes.key;
                if !adds {
                    return key.take();
                }
                *key = Some(value.to_owned()).filter(|key| !key.is_empty() && !key.contains(','));
                key.clone()
            }
            _ => {
                let limit = value.parse().ok().filter(|&limit| limit > 0)?;
                self.channels.get_mut(folded)?.modes.limit = Some(limit);
                Some(limit.to_string())
            }
        }
    }

    fn set_status(
        &mut self,
        by: Option<ClientId>,
        folded: &str,
        adds: bool,
        letter: char,
        nick: &str,
    ) -> Option<String> {
        let Some((target, nick)) =
            self.client_named(nick).map(|target| (target.id, target.nick.clone()))
        else {
            self.reply_error(by, ERR_NOSUCHNICK, &format!("{nick} :No such nick/channel"));
            return None;
        };
        let channel = self.channels.get_mut(folded)?;
        let Some(status) = channel.members.get_mut(&target) else {
            let text = format!("{nick} {} :They aren't on that channel", channel.name);
            self.reply_error(by, ERR_USERNOTINCHANNEL, &text);
            return None;
        };
        let flag = if letter == 'o' { &mut status.op } else { &mut status.voice };
        (std::mem::replace(flag, adds) != adds).then_some(nick)
    }

    /// Sets or lifts a ban: its whole mask, if that changed anything.
    fn set_ban(
        &mut self,
        by: Option<ClientId>,
        folded: &str,
        adds: bool,
        mask: &str,
    ) -> Option<String> {
        let set_by = by.map_or_else(|| SERVICES.to_owned(), |id| self.client(id).hostmask());
        let mask = Mask::new(self.setup.casemapping, &whole_mask(mask));
        let bans = &mut self.channels.get_mut(folded)?.bans;
        let known = bans.iter().position(|ban| ban.mask == mask);
        let text = mask.as_str().to_owned();
        match (adds, known) {
            (true, None) => {
                let set_at = jiff::Timestamp::now().as_second();
                bans.push(Ban { mask, set_by, set_at });
            }
            (false, Some(at)) => drop(bans.remove(at)),
            _ => return None,
        }
        Some(text)
    }

    fn list_bans(&self, id: ClientId, name: &str) {
        let Some(channel) = self.channel(name) else { return };
        for ban in &channel.bans {
            let text =
                format!("{} {} {} {}", channel.name, ban.mask.as_str(), ban.set_by, ban.set_at);
            self.send_numeric(id, RPL_BANLIST, text);
        }
        let text = format!("{} :End of channel ban list", channel.name);
        self.send_numeric(id, RPL_ENDOFBANLIST, text);
    }

    fn user_mode(&mut self, id: ClientId, nick: &str, letters: &str) {
        if self.client_named(nick).is_none_or(|named| named.id != id) {
            let text = ":Cannot change mode for other users";
            return self.send_numeric(id, ERR_USERSDONTMATCH, text);
        }
        let client = self.client_mut(id);
        if letters.is_empty() {
            let mut modes = String::from("+");
            modes.extend(client.invisible.then_some('i'));
            modes.extend(client.bot.then_some('B'));
            return self.send_numeric(id, RPL_UMODEIS, modes);
        }
        let (mut changes, mut adds, mut unknown) = (ModeChanges::default(), true, false);
        for letter in letters.chars() {
            let flag = match letter {
                '+' | '-' => {
                    adds = letter == '+';
                    continue;
                }
                'i' => &mut client.invisible,
                'B' => &mut client.bot,
                _ => {
                    unknown = true;
                    continue;
                }
            };
            if std::mem::replace(flag, adds) != adds {
                changes.push(adds, letter, None);
            }
        }
        if unknown {
            self.send_numeric(id, ERR_UMODEUNKNOWNFLAG, ":Unknown MODE flag");
        }
        if !changes.letters.is_empty() {
            let words = format!("MODE {} :{}", self.client(id).nick, changes.letters);
            self.client(id).send(&mut self.broadcast_by(id, words));
        }
    }
}

/// What somebody means who bans `mask`: `bob` is `bob!*@*`, `*@host` is `*!*@host`.
fn whole_mask(mask: &str) -> String {
    match (mask.contains('!'), mask.contains('@')) {
        (true, true) => mask.to_owned(),
        (true, false) => format!("{mask}@*"),
        (false, true) => format!("*!{mask}"),
        (false, false) => format!("{mask}!*@*"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_is_made_whole() {
        for (mask, whole) in
            [("bob", "bob!*@*"), ("*@h", "*!*@h"), ("b!u", "b!u@*"), ("b!u@h", "b!u@h")]
        {
            assert_eq!(whole_mask(mask), whole);
        }
    }
}
