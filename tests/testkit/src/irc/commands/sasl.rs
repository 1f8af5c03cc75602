//! Logging in: `AUTHENTICATE`, with SASL PLAIN (<https://ircv3.net/specs/extensions/sasl-3.2>,
//! RFC 4616).

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::super::caps::Cap;
use super::super::client::ClientId;
use super::super::line::Line;
use super::super::numeric::{
    ERR_SASLABORTED, ERR_SASLALREADY, ERR_SASLFAIL, ERR_SASLTOOLONG, ERR_UNKNOWNCOMMAND,
    RPL_LOGGEDIN, RPL_SASLMECHS, RPL_SASLSUCCESS,
};
use super::super::state::ServerState;

/// A chunk of this many bytes is followed by another.
const CHUNK: usize = 400;
/// The longest response to a challenge.
const MAX_RESPONSE_LEN: usize = 8 * CHUNK;

impl ServerState {
    pub(super) fn authenticate(&mut self, id: ClientId, line: &Line<'_>) {
        if !self.offered.has(Cap::Sasl) {
            return self.send_numeric(id, ERR_UNKNOWNCOMMAND, "AUTHENTICATE :Unknown command");
        }
        let client = self.client_mut(id);
        if !client.has(Cap::Sasl) {
            return self.send_numeric(id, ERR_SASLFAIL, ":SASL authentication failed");
        }
        let so_far = client.registration.sasl.take();
        if client.account.is_some() {
            let text = ":You have already authenticated using SASL";
            return self.send_numeric(id, ERR_SASLALREADY, text);
        }
        match (so_far, line.bytes(0)) {
            (_, b"*") => self.send_numeric(id, ERR_SASLABORTED, ":SASL authentication aborted"),
            (_, chunk) if chunk.len() > CHUNK => {
                self.send_numeric(id, ERR_SASLTOOLONG, ":SASL message too long");
            }
            (None, mechanism) => self.begin_sasl(id, mechanism),
            (Some(so_far), chunk) => self.continue_sasl(id, so_far, chunk),
        }
    }

    fn begin_sasl(&mut self, id: ClientId, mechanism: &[u8]) {
        if mechanism.eq_ignore_ascii_case(b"PLAIN") {
            self.client_mut(id).registration.sasl = Some(Vec::new());
            self.send_from_server(id, "AUTHENTICATE +");
        } else {
            self.send_numeric(id, RPL_SASLMECHS, "PLAIN :are available SASL mechanisms");
            self.send_numeric(id, ERR_SASLFAIL, ":SASL authentication failed");
        }
    }

    fn continue_sasl(&mut self, id: ClientId, mut so_far: Vec<u8>, chunk: &[u8]) {
        let more = chunk.len() == CHUNK;
        if chunk != b"+" {
            so_far.extend_from_slice(chunk);
        }
        if so_far.len() > MAX_RESPONSE_LEN {
            self.send_numeric(id, ERR_SASLTOOLONG, ":SASL message too long");
        } else if more {
            self.client_mut(id).registration.sasl = Some(so_far);
        } else if let Some(account) = self.account_for(&so_far) {
            self.log_in(id, &account);
            self.send_numeric(id, RPL_SASLSUCCESS, ":SASL authentication successful");
        } else {
            self.send_numeric(id, ERR_SASLFAIL, ":SASL authentication failed");
        }
    }

    /// The account that these credentials, base64 of `authzid NUL authcid NUL password`, open.
    fn account_for(&self, credentials: &[u8]) -> Option<String> {
        let decoded = STANDARD.decode(credentials).ok()?;
        let mut parts = decoded.split(|&b| b == 0);
        let (_, name, password) = (parts.next()?, parts.next()?, parts.next()?);
        let name = self.fold(std::str::from_utf8(name).ok()?);
        let opens = |account: &&super::super::setup::Account| {
            self.fold(&account.name) == name && account.password.as_bytes() == password
        };
        self.setup.accounts.iter().find(opens).map(|account| account.name.clone())
    }

    fn log_in(&mut self, id: ClientId, account: &str) {
        self.client_mut(id).account = Some(Arc::from(account));
        let client = self.client(id);
        let user = if client.user.is_empty() { "*" } else { &client.user };
        let hostmask = format!("{}!{user}@{}", client.nick_or_star(), client.host);
        let text = format!("{hostmask} {account} :You are now logged in as {account}");
        self.send_numeric(id, RPL_LOGGEDIN, text);
        if client.registration.done {
            let mut broadcast = self.broadcast_by(id, format!("ACCOUNT {account}"));
            if client.has(Cap::AccountNotify) {
                client.send(&mut broadcast);
            }
            self.send_to_peers_with(Cap::AccountNotify, id, &mut broadcast);
        }
    }
}
