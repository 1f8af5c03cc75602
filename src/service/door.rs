//! The way to a network: to one of its servers, then the next.

use std::net::Ipv6Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::Timestamp;

use super::connection::Wire;
use super::sts::StsBook;
use crate::config::{ClientCertificate, HostPort, NetworkSettings, TlsTrust};
use crate::net::connect::{self, ConnectOptions, SourceAddr};
use crate::net::ident::{IdentGuard, IdentRegistry};
use crate::net::stranger::{Ear, Sought};
use crate::net::tls;
use crate::protocol::irc::{DisconnectKind, DisconnectReason, StsPolicy};

/// The servers of a network, which take turns, and how to get to them. Each session has a door of its
/// own; those of people begin where the bridge is, which then sees soonest what they say.
#[derive(Debug, Clone)]
pub(super) struct Door {
    servers: Vec<HostPort>,
    trust: Option<TlsTrust>,
    certificate: Option<ClientCertificate>,
    way: ConnectOptions,
    sts: Arc<StsBook>,
    /// Where it is told whose connections are whose, and whose these are.
    ident: Option<Arc<IdentRegistry>>,
    username: String,
    /// At which of the servers the bridge is.
    bridge_at: Arc<AtomicUsize>,
    is_bridge: bool,
    /// At which server it was begun.
    first: usize,
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
    /// Those who ask are told whose it is, for as long as this is kept.
    pub(super) known: Option<IdentGuard>,
}

impl Door {
    pub(super) fn new(
        network: &NetworkSettings,
        sts: Arc<StsBook>,
        ident: Option<Arc<IdentRegistry>>,
    ) -> Self {
        let proxy = network.proxy.as_ref().map(Into::into);
        Self {
            servers: network.servers.clone(),
            trust: network.tls.clone(),
            certificate: network.client_certificate.clone(),
            way: ConnectOptions { source: network.bind.map(SourceAddr::Local), proxy },
            sts,
            ident,
            username: network.username.clone(),
            bridge_at: Arc::default(),
            is_bridge: true,
            first: 0,
            tries: 0,
            turned_away: 0,
            upgrade: None,
        }
    }

    /// The same for somebody else than the bridge, whose certificate is not theirs to show. They come
    /// from an address of their own, if there is one.
    pub(super) fn of(&self, username: String, from: Option<Ipv6Addr>) -> Self {
        let way = ConnectOptions {
            source: from.map(SourceAddr::Routed).or(self.way.source),
            proxy: self.way.proxy.clone(),
        };
        Self { certificate: None, way, username, is_bridge: false, tries: 0, ..self.clone() }
    }

    /// Connects to one of the servers: to the first that answers, beginning with that whose turn it is.
    pub(super) async fn open_any(&mut self) -> Result<Opened, String> {
        let mut opened = self.open().await;
        for _ in 1..self.servers.len() {
            if opened.is_ok() {
                break;
            }
            opened = self.open().await;
        }
        opened
    }

    /// Connects to the server whose turn it is.
    pub(super) async fn open(&mut self) -> Result<Opened, String> {
        let (server, secure) = self.next();
        let tcp = connect::connect_with(&self.way, &server.host, server.port).await;
        let tcp = tcp.map_err(|error| error.to_string())?;
        let known = self.ident.as_ref().and_then(|book| book.register(&tcp, &self.username));
        if !secure {
            let wire = Box::new(Ear::seeking(tcp, Sought::Irc { tls: false }));
            return Ok(Opened { wire, server, secure, known });
        }
        let trust = self.trust.as_ref().unwrap_or(&TlsTrust::System);
        // Read anew for each connection, so that a renewed certificate needs no restart.
        let config = tls::client_config_with_cert(trust, self.certificate.as_ref());
        let config = config.map_err(|error| error.to_string())?;
        let wire = tls::handshake(tcp, &server.host, &config).await.map_err(|error| {
            if self.trust.is_some() {
                return error.to_string();
            }
            // Never back to the clear: that is what somebody in between would wish for.
            format!("the server wants TLS at {server} (STS), so `tls = false` does not do: {error}")
        })?;
        let wire = Box::new(Ear::seeking(wire, Sought::Irc { tls: true }));
        Ok(Opened { wire, server, secure, known })
    }

    /// The server says for how long it wants TLS.
    pub(super) fn told(&self, server: &HostPort, sts: StsPolicy) {
        self.sts.learn(&server.host, server.port, sts, Timestamp::now());
    }

    /// The conversation with `server` has ended. Says whether the next has not been tried yet and may
    /// think otherwise.
    pub(super) fn left(&mut self, server: &HostPort, away: Option<&DisconnectReason>) -> bool {
        self.sts.left(&server.host, Timestamp::now());
        let Some(away) = away else {
            self.turned_away = 0;
            return false;
        };
        if let DisconnectKind::StsUpgrade { port } = away.kind {
            self.upgrade = Some(HostPort { host: server.host.clone(), port });
            return false;
        }
        self.turned_away += 1;
        away.is_server_specific() && !self.turned_away.is_multiple_of(self.servers.len())
    }

    /// Which server to try now, and whether over TLS.
    fn next(&mut self) -> (HostPort, bool) {
        if let Some(upgrade) = self.upgrade.take() {
            return (upgrade, true);
        }
        if self.tries == 0 && !self.is_bridge {
            self.first = self.bridge_at.load(Ordering::Relaxed);
        }
        let turn = (self.first + self.tries) % self.servers.len();
        let server = self.servers[turn].clone();
        self.tries += 1;
        if self.is_bridge {
            self.bridge_at.store(turn, Ordering::Relaxed);
        }
        if self.trust.is_some() {
            return (server, true);
        }
        match self.sts.port(&server.host, Timestamp::now()) {
            Some(port) => (HostPort { port, ..server }, true),
            None => (server, false),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn bridge() -> Door {
        let server = |host: &str| HostPort { host: host.to_owned(), port: 6667 };
        Door {
            servers: ["a", "b", "c"].map(server).to_vec(),
            trust: None,
            certificate: None,
            way: ConnectOptions::default(),
            sts: Arc::new(StsBook::read(Path::new("/nowhere"))),
            ident: None,
            username: "bridge".to_owned(),
            bridge_at: Arc::default(),
            is_bridge: true,
            first: 0,
            tries: 0,
            turned_away: 0,
            upgrade: None,
        }
    }

    fn hosts(door: &mut Door) -> String {
        (0..4).map(|_| door.next().0.host).collect()
    }

    #[test]
    fn people_begin_where_the_bridge_is_and_go_on_from_there() {
        let mut bridge = bridge();
        assert_eq!(hosts(&mut bridge.of("bob".to_owned(), None)), "abca");
        assert_eq!((bridge.next().0.host, bridge.next().0.host), ("a".to_owned(), "b".to_owned()));
        assert_eq!(hosts(&mut bridge.of("bob".to_owned(), None)), "bcab");
        assert_eq!(hosts(&mut bridge), "cabc", "which is no concern of the bridge");
    }
}
