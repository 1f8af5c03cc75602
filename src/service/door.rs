//! The way to a network: to one of its servers, then the next.

use std::sync::Arc;

use jiff::Timestamp;

use super::connection::Wire;
use super::sts::StsBook;
use crate::config::{ClientCertificate, HostPort, NetworkSettings, Trust};
use crate::net::connect::{self, Way};
use crate::net::tls;
use crate::protocol::irc::{Reason, Sts, TurnedAway};

/// The servers of a network, which take turns, and how to get to them. Each session has a door of its
/// own.
#[derive(Debug, Clone)]
pub(super) struct Door {
    servers: Vec<HostPort>,
    trust: Option<Trust>,
    certificate: Option<ClientCertificate>,
    way: Way,
    sts: Arc<StsBook>,
    /// How often it was tried.
    tries: usize,
    /// How many servers in a row have turned us away.
    turned_away: usize,
    /// The server that was tried last has asked for TLS there.
    upgrade: Option<HostPort>,
}

/// A connection to a server.
pub(super) struct Opened {
    pub(super) wire: Box<dyn Wire>,
    /// Where it really leads.
    pub(super) server: HostPort,
    /// Whether nobody can listen in.
    pub(super) secure: bool,
}

impl Door {
    pub(super) fn new(network: &NetworkSettings, sts: Arc<StsBook>) -> Self {
        Self {
            servers: network.servers.clone(),
            trust: network.tls.clone(),
            certificate: network.certificate.clone(),
            way: Way { from: network.bind, proxy: network.proxy.as_ref().map(Into::into) },
            sts,
            tries: 0,
            turned_away: 0,
            upgrade: None,
        }
    }

    /// The same for somebody else than the bridge, whose certificate is not theirs to show.
    pub(super) fn for_another(self) -> Self {
        Self { certificate: None, ..self }
    }

    /// Connects to the server whose turn it is.
    pub(super) async fn open(&mut self) -> Result<Opened, String> {
        let (server, secure) = self.next();
        let tcp = connect::tcp_by(&self.way, &server.host, server.port).await;
        let tcp = tcp.map_err(|error| error.to_string())?;
        if !secure {
            return Ok(Opened { wire: Box::new(tcp), server, secure });
        }
        let trust = self.trust.as_ref().unwrap_or(&Trust::System);
        // Read anew for each connection, so that a renewed certificate needs no restart.
        let config = tls::client_config_as(trust, self.certificate.as_ref());
        let config = config.map_err(|error| error.to_string())?;
        let wire = tls::handshake(tcp, &server.host, &config).await.map_err(|error| {
            if self.trust.is_some() {
                return error.to_string();
            }
            // Never back to the clear: that is what somebody in between would wish for.
            format!("the server wants TLS at {server} (STS), so `tls = false` does not do: {error}")
        })?;
        Ok(Opened { wire: Box::new(wire), server, secure })
    }

    /// The server says for how long it wants TLS.
    pub(super) fn told(&self, server: &HostPort, sts: Sts) {
        self.sts.learn(&server.host, server.port, sts, Timestamp::now());
    }

    /// The conversation with `server` has ended. Says whether the next has not been tried yet and may
    /// think otherwise.
    pub(super) fn left(&mut self, server: &HostPort, away: Option<&TurnedAway>) -> bool {
        self.sts.left(&server.host, Timestamp::now());
        let Some(away) = away else {
            self.turned_away = 0;
            return false;
        };
        if let Reason::Insecure { port } = away.reason {
            self.upgrade = Some(HostPort { host: server.host.clone(), port });
            return false;
        }
        self.turned_away += 1;
        away.is_only_here() && !self.turned_away.is_multiple_of(self.servers.len())
    }

    /// Which server to try now, and whether over TLS.
    fn next(&mut self) -> (HostPort, bool) {
        if let Some(upgrade) = self.upgrade.take() {
            return (upgrade, true);
        }
        let server = self.servers[self.tries % self.servers.len()].clone();
        self.tries += 1;
        if self.trust.is_some() {
            return (server, true);
        }
        match self.sts.port(&server.host, Timestamp::now()) {
            Some(port) => (HostPort { port, ..server }, true),
            None => (server, false),
        }
    }
}
