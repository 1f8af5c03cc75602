//! What the server says about itself: `MOTD`, `LUSERS`, `VERSION`, `TIME`, and 005.

use super::super::caps::Cap;
use super::super::client::ClientId;
use super::super::line::Line;
use super::super::numeric::{
    ERR_NOMOTD, ERR_NOSUCHSERVER, RPL_ENDOFMOTD, RPL_GLOBALUSERS, RPL_ISUPPORT, RPL_LOCALUSERS,
    RPL_LUSERCHANNELS, RPL_LUSERCLIENT, RPL_LUSERME, RPL_LUSEROP, RPL_MOTD, RPL_MOTDSTART,
    RPL_TIME, RPL_VERSION,
};
use super::super::setup::Setup;
use super::super::state::ServerState;
use super::mode::MAX_MODE_CHANGES;
use super::monitor::MAX_MONITORS;
use super::privmsg::MAX_TARGETS;

/// The version it says it runs.
pub(super) const VERSION: &str = concat!("letsbridge-demo-", env!("CARGO_PKG_VERSION"));

/// How many tokens one 005 holds, so that it stays within 15 parameters.
const TOKENS_PER_LINE: usize = 12;

impl ServerState {
    /// 005, in as many lines as it takes.
    pub(super) fn send_isupport(&self, id: ClientId) {
        for tokens in self.isupport_tokens().chunks(TOKENS_PER_LINE) {
            let text = format!("{} :are supported by this server", tokens.join(" "));
            self.send_numeric(id, RPL_ISUPPORT, text);
        }
    }

    /// What the server supports (<https://modern.ircdocs.horse/#rplisupport-parameters>).
    fn isupport_tokens(&self) -> Vec<String> {
        let Setup { network, nicklen, channellen, linelen, channel_limit, .. } = &*self.setup;
        let mut tokens = vec![
            format!("CASEMAPPING={}", self.setup.casemapping.token()),
            format!("CHANLIMIT=#&:{channel_limit}"),
            "CHANMODES=b,k,l,imnst".to_owned(),
            format!("CHANNELLEN={channellen}"),
            "CHANTYPES=#&".to_owned(),
            format!("MODES={MAX_MODE_CHANGES}"),
            format!("MONITOR={MAX_MONITORS}"),
            format!("NETWORK={network}"),
            format!("NICKLEN={nicklen}"),
            "PREFIX=(ov)@+".to_owned(),
            format!("TARGMAX=KICK:,NOTICE:{MAX_TARGETS},PRIVMSG:{MAX_TARGETS}"),
            "WHOX".to_owned(),
            "BOT=B".to_owned(),
        ];
        if *linelen != 512 {
            tokens.push(format!("LINELEN={linelen}"));
        }
        if self.setup.utf8_only {
            tokens.push("UTF8ONLY".to_owned());
        }
        if self.offered.has(Cap::ChatHistory) {
            tokens.push(format!("CHATHISTORY={}", self.setup.chathistory_limit));
            tokens.push("MSGREFTYPES=msgid,timestamp".to_owned());
        }
        tokens
    }

    pub(super) fn motd(&mut self, id: ClientId, line: &Line<'_>) {
        if self.is_this_server(id, line) {
            self.send_motd(id);
        }
    }

    pub(super) fn send_motd(&self, id: ClientId) {
        if self.setup.motd.is_empty() {
            return self.send_numeric(id, ERR_NOMOTD, ":MOTD File is missing");
        }
        let text = format!(":- {} Message of the day - ", self.setup.name);
        self.send_numeric(id, RPL_MOTDSTART, text);
        for line in &self.setup.motd {
            self.send_numeric(id, RPL_MOTD, format!(":- {line}"));
        }
        self.send_numeric(id, RPL_ENDOFMOTD, ":End of /MOTD command");
    }

    pub(super) fn lusers(&self, id: ClientId) {
        let registered = self.clients.values().filter(|client| client.registration.done);
        let (users, hidden) =
            registered.fold((0, 0), |(n, i), client| (n + 1, i + usize::from(client.invisible)));
        let (seen, channels) = (users - hidden, self.channels.len());
        for (code, text) in [
            (
                RPL_LUSERCLIENT,
                format!(":There are {seen} users and {hidden} invisible on 1 servers"),
            ),
            (RPL_LUSEROP, "0 :IRC Operators online".to_owned()),
            (RPL_LUSERCHANNELS, format!("{channels} :channels formed")),
            (RPL_LUSERME, format!(":I have {users} clients and 0 servers")),
            (RPL_LOCALUSERS, format!("{users} {users} :Current local users {users}, max {users}")),
            (
                RPL_GLOBALUSERS,
                format!("{users} {users} :Current global users {users}, max {users}"),
            ),
        ] {
            self.send_numeric(id, code, text);
        }
    }

    pub(super) fn version(&mut self, id: ClientId, line: &Line<'_>) {
        if self.is_this_server(id, line) {
            self.send_numeric(id, RPL_VERSION, format!("{VERSION}. {} :", self.setup.name));
            self.send_isupport(id);
        }
    }

    pub(super) fn time(&mut self, id: ClientId, line: &Line<'_>) {
        if self.is_this_server(id, line) {
            let now = jiff::Timestamp::now().strftime("%F %T UTC");
            self.send_numeric(id, RPL_TIME, format!("{} :{now}", self.setup.name));
        }
    }

    /// Whether the server that is asked for, if any, is this one; else `id` is told.
    fn is_this_server(&self, id: ClientId, line: &Line<'_>) -> bool {
        let server = line.text(0);
        let here = server.is_empty() || server.eq_ignore_ascii_case(&self.setup.name);
        if !here {
            self.send_numeric(id, ERR_NOSUCHSERVER, format!("{server} :No such server"));
        }
        here
    }
}
