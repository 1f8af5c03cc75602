//! `WHO` and WHOX (<https://ircv3.net/specs/extensions/whox>), `ISON`, `USERHOST`.

use super::super::caps::Cap;
use super::super::channel::{Channel, Status};
use super::super::client::{Client, ClientId};
use super::super::line::Line;
use super::super::mask::Mask;
use super::super::numeric::{RPL_ENDOFWHO, RPL_ISON, RPL_USERHOST, RPL_WHOREPLY, RPL_WHOSPCRPL};
use super::super::state::ServerState;

/// The fields of WHOX in the order in which they are answered.
const FIELDS: &str = "tcuihsnfdlaor";

impl ServerState {
    pub(super) fn who(&mut self, id: ClientId, line: &Line<'_>) {
        let mask = line.text(0);
        let options = line.text(1);
        let whox = options
            .split_once('%')
            .map(|(_, fields)| fields.split_once(',').unwrap_or((fields, "0")));
        for (client, channel) in self.who_fits(id, &mask) {
            match whox {
                Some((fields, token)) => {
                    let text = self.whox(id, client, channel, fields, token);
                    self.send_numeric(id, RPL_WHOSPCRPL, text);
                }
                None => self.send_numeric(id, RPL_WHOREPLY, self.who_line(id, client, channel)),
            }
        }
        let asked = if mask.is_empty() { "*" } else { &mask };
        self.send_numeric(id, RPL_ENDOFWHO, format!("{asked} :End of WHO list"));
    }

    /// The members of the channel `mask`, or those whose nick fits it.
    fn who_fits(&self, id: ClientId, mask: &str) -> Vec<(&Client, Option<&Channel>)> {
        if let Some(channel) = self.channel(mask) {
            let inside = channel.status(id).is_some();
            let members = channel.members.keys().filter_map(|member| self.clients.get(member));
            let visible = members.filter(|m| inside || !(m.invisible || channel.modes.secret));
            return visible.map(|member| (member, Some(channel))).collect();
        }
        let pattern = Mask::new(self.setup.casemapping, if mask == "0" { "*" } else { mask });
        let peers = self.peers(id);
        let visible = |client: &&Client| {
            let exactly = self.fold(&client.nick) == self.fold(mask);
            client.registration.done
                && pattern.matches(&client.nick)
                && (exactly || client.id == id || !client.invisible || peers.contains(&client.id))
        };
        let mut fitting: Vec<&Client> = self.clients.values().filter(visible).collect();
        fitting.sort_by_key(|client| client.id);
        fitting.into_iter().map(|client| (client, None)).collect()
    }

    fn who_line(&self, id: ClientId, client: &Client, channel: Option<&Channel>) -> Vec<u8> {
        let name = channel.map_or("*", |channel| &channel.name);
        let Client { nick, user, host, realname, .. } = client;
        let flags = self.flags(id, client, channel);
        let head = format!("{name} {user} {host} {} {nick} {flags} :0 ", self.setup.name);
        [head.as_bytes(), realname].concat()
    }

    /// `H` or `G`one, `B`ot, and what it may do in the channel.
    fn flags(&self, id: ClientId, client: &Client, channel: Option<&Channel>) -> String {
        let here = if client.away.is_some() { "G" } else { "H" };
        let bot = if client.bot { "B" } else { "" };
        let status = channel.and_then(|channel| channel.status(client.id)).unwrap_or_default();
        let all = self.client(id).has(Cap::MultiPrefix);
        format!("{here}{bot}{}", Status::prefixes(status, all))
    }

    fn whox(
        &self,
        id: ClientId,
        client: &Client,
        channel: Option<&Channel>,
        fields: &str,
        token: &str,
    ) -> Vec<u8> {
        let wanted = FIELDS.chars().filter(|&field| fields.contains(field));
        let parts = wanted.map(|field| match field {
            't' => token.as_bytes().to_vec(),
            'c' => channel.map_or("*", |channel| &channel.name).into(),
            'u' => client.user.as_str().into(),
            'i' => b"255.255.255.255".to_vec(),
            'h' => client.host.as_str().into(),
            's' => self.setup.name.as_str().into(),
            'n' => client.nick.as_str().into(),
            'f' => self.flags(id, client, channel).into(),
            'd' => b"0".to_vec(),
            'l' => client.last_message_at.elapsed().as_secs().to_string().into(),
            'a' => client.account.as_deref().unwrap_or("0").into(),
            'o' => b"n/a".to_vec(),
            _ => [b":", client.realname.as_slice()].concat(),
        });
        parts.collect::<Vec<_>>().join(&b' ')
    }

    pub(super) fn ison(&mut self, id: ClientId, line: &Line<'_>) {
        let asked = (0..line.params.len()).map(|at| line.text(at).into_owned());
        let here: Vec<String> = asked
            .flat_map(|nicks| nicks.split(' ').map(str::to_owned).collect::<Vec<_>>())
            .filter_map(|nick| Some(self.client_named(&nick)?.nick.clone()))
            .collect();
        self.send_numeric(id, RPL_ISON, format!(":{}", here.join(" ")));
    }

    pub(super) fn userhost(&mut self, id: ClientId, line: &Line<'_>) {
        let found: Vec<String> = (0..line.params.len().min(5))
            .filter_map(|at| {
                let client = self.client_named(&line.text(at))?;
                let away = if client.away.is_some() { '-' } else { '+' };
                Some(format!("{}={away}{}@{}", client.nick, client.user, client.host))
            })
            .collect();
        self.send_numeric(id, RPL_USERHOST, format!(":{}", found.join(" ")));
    }
}
