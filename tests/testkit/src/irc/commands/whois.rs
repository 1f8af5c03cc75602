//! `WHOIS`.

use super::super::caps::Cap;
use super::super::client::{Client, ClientId};
use super::super::line::Line;
use super::super::numeric::{
    ERR_NONICKNAMEGIVEN, ERR_NOSUCHNICK, RPL_AWAY, RPL_ENDOFWHOIS, RPL_WHOISACCOUNT, RPL_WHOISBOT,
    RPL_WHOISCHANNELS, RPL_WHOISIDLE, RPL_WHOISSERVER, RPL_WHOISUSER,
};
use super::super::state::ServerState;
use super::part_topic_names::packed;

impl ServerState {
    pub(super) fn whois(&mut self, id: ClientId, line: &Line<'_>) {
        // With two parameters the first is a server, and there is only this one.
        let nick = line.text(line.params.len().saturating_sub(1).min(1));
        if nick.is_empty() {
            return self.send_numeric(id, ERR_NONICKNAMEGIVEN, ":No nickname given");
        }
        match self.client_named(&nick) {
            Some(client) => self.send_whois(id, client),
            None => self.send_numeric(id, ERR_NOSUCHNICK, format!("{nick} :No such nick/channel")),
        }
        self.send_numeric(id, RPL_ENDOFWHOIS, format!("{nick} :End of /WHOIS list"));
    }

    fn send_whois(&self, id: ClientId, client: &Client) {
        let Client { nick, user, host, .. } = client;
        let head = format!("{nick} {user} {host} * :");
        self.send_numeric(id, RPL_WHOISUSER, [head.as_bytes(), &client.realname].concat());
        for channels in packed(self.channels_of(id, client), 400) {
            self.send_numeric(id, RPL_WHOISCHANNELS, format!("{nick} :{channels}"));
        }
        let setup = &self.setup;
        self.send_numeric(id, RPL_WHOISSERVER, format!("{nick} {} :{}", setup.name, setup.network));
        if let Some(why) = &client.away {
            self.send_numeric(id, RPL_AWAY, [format!("{nick} :").as_bytes(), why].concat());
        }
        if let Some(account) = &client.account {
            self.send_numeric(id, RPL_WHOISACCOUNT, format!("{nick} {account} :is logged in as"));
        }
        if client.bot {
            self.send_numeric(id, RPL_WHOISBOT, format!("{nick} :is a bot on {}", setup.network));
        }
        let idle = client.last_message_at.elapsed().as_secs();
        let text = format!("{nick} {idle} {} :seconds idle, signon time", client.signed_on);
        self.send_numeric(id, RPL_WHOISIDLE, text);
    }

    /// The channels `client` is in, as far as `id` may know.
    fn channels_of(&self, id: ClientId, client: &Client) -> Vec<String> {
        let all = self.client(id).has(Cap::MultiPrefix);
        let channels = client.channels.iter().filter_map(|name| self.channels.get(name));
        let shown = channels.filter(|c| {
            let hidden = c.modes.secret || client.invisible;
            !hidden || c.status(id).is_some() || client.id == id
        });
        let named = shown.filter_map(|channel| {
            let status = channel.status(client.id)?;
            Some(format!("{}{}", status.prefixes(all), channel.name))
        });
        named.collect()
    }
}
