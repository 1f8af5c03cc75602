//! Connects to the servers of a network in turn.

use std::net::Ipv6Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::Timestamp;

use super::sts::StsStore;
use crate::config::{ClientCertificate, HostPort, NetworkSettings, TlsTrust};
use crate::domain::PuppetCertificate;
use crate::net::connect::SourceAddr;
use crate::net::dial::{self, ConnectOptions};
use crate::net::identd::{IdentGuard, IdentRegistry};
use crate::net::tls;
use crate::net::{IrcStream, WriteGate};
use crate::protocol::irc::{DisconnectKind, DisconnectReason, StsPolicy};

/// The servers of a network, tried in turn, and how to reach them. Each session has its own connector.
/// Puppets start with the bridge's server, where the bridge sees their messages soonest.
#[derive(Debug, Clone)]
pub(super) struct Connector {
    servers: Vec<HostPort>,
    tls_trust: Option<TlsTrust>,
    client_certificate: Option<ClientCertificate>,
    /// The certificate with which a puppet logs in.
    puppet_certificate: Option<PuppetCertificate>,
    options: ConnectOptions,
    sts_store: Arc<StsStore>,
    /// Where to register connections for ident, and the user name to register.
    ident_registry: Option<Arc<IdentRegistry>>,
    username: String,
    /// The index of the server the bridge is connected to.
    bridge_server: Arc<AtomicUsize>,
    is_bridge: bool,
    /// The index of the first server to try.
    first_server: usize,
    /// The number of attempts.
    tries: usize,
    /// How many servers have rejected us in a row.
    rejections: usize,
    /// The TLS port that the last server requested (STS).
    tls_upgrade: Option<HostPort>,
}

/// A connection to a server.
pub(super) struct Connected {
    pub(super) stream: IrcStream,
    /// The server's actual address.
    pub(super) server: HostPort,
    /// Whether it is encrypted.
    pub(super) is_tls: bool,
    /// Keeps the connection registered for ident.
    pub(super) ident_guard: Option<IdentGuard>,
}

impl Connector {
    pub(super) fn new(
        network: &NetworkSettings,
        sts: Arc<StsStore>,
        ident: Option<Arc<IdentRegistry>>,
    ) -> Self {
        let proxy = network.proxy.as_ref().map(Into::into);
        Self {
            servers: network.servers.clone(),
            tls_trust: network.tls.clone(),
            client_certificate: network.client_certificate.clone(),
            puppet_certificate: None,
            options: ConnectOptions {
                source: network.bind.map(SourceAddr::Local),
                proxy,
                gate: WriteGate::default(),
            },
            sts_store: sts,
            ident_registry: ident,
            username: network.username.clone(),
            bridge_server: Arc::default(),
            is_bridge: true,
            first_server: 0,
            tries: 0,
            rejections: 0,
            tls_upgrade: None,
        }
    }

    /// A connector for a puppet: without the bridge's client certificate, and with a source address of its
    /// own if there is one.
    pub(super) fn for_puppet(&self, username: String, from: Option<Ipv6Addr>) -> Self {
        let options = ConnectOptions {
            source: from.map(SourceAddr::Routed).or(self.options.source),
            proxy: self.options.proxy.clone(),
            gate: self.options.gate.clone(),
        };
        Self {
            client_certificate: None,
            options,
            username,
            is_bridge: false,
            tries: 0,
            ..self.clone()
        }
    }

    /// It connects, and its streams write, only while `gate` is open.
    pub(super) fn guarded_by(mut self, gate: WriteGate) -> Self {
        self.options.gate = gate;
        self
    }

    /// Connects with this client certificate from now on, or with none.
    pub(super) fn set_puppet_certificate(&mut self, certificate: Option<PuppetCertificate>) {
        self.puppet_certificate = certificate;
    }

    /// Connects to the first server that answers, starting with the next in turn.
    pub(super) async fn connect_any(&mut self) -> Result<Connected, String> {
        let mut opened = self.connect().await;
        for _ in 1..self.servers.len() {
            if opened.is_ok() {
                break;
            }
            opened = self.connect().await;
        }
        opened
    }

    /// Connects to the next server in turn.
    pub(super) async fn connect(&mut self) -> Result<Connected, String> {
        self.options.gate.opened().await;
        let (server, secure) = self.next_server();
        let tcp = dial::connect_with(&self.options, &server.host, server.port).await;
        let tcp = tcp.map_err(|error| error.to_string())?;
        self.options.gate.bound_unsent(&tcp);
        let known = self
            .ident_registry
            .as_ref()
            .and_then(|registry| registry.register(&tcp, &self.username));
        if !secure {
            let stream = self.guard(IrcStream::plain(tcp));
            return Ok(Connected { stream, server, is_tls: secure, ident_guard: known });
        }
        let trust = self.tls_trust.as_ref().unwrap_or(&TlsTrust::System);
        // Read each time, so that a renewed certificate needs no restart.
        let config = match &self.puppet_certificate {
            Some(certificate) => tls::client_config_with_pem(trust, certificate.pem()),
            None => tls::client_config_with_cert(trust, self.client_certificate.as_ref()),
        };
        let config = config.map_err(|error| error.to_string())?;
        let wire = dial::kept_tls_handshake(tcp, &server.host, &config).await.map_err(|error| {
            if self.tls_trust.is_some() {
                return error.to_string();
            }
            // Never fall back to plain text: an attacker could force that.
            format!(
                "the server requires TLS at {server} (STS), so `tls = false` cannot be used: \
                 {error}"
            )
        })?;
        let stream = self.guard(IrcStream::tls(wire));
        Ok(Connected { stream, server, is_tls: secure, ident_guard: known })
    }

    fn guard(&self, mut stream: IrcStream) -> IrcStream {
        stream.set_gate(self.options.gate.clone());
        stream
    }

    /// A connection to `server` was taken over from another process: as if it had been made now. Returns what keeps it
    /// registered for ident.
    pub(super) fn take_over(
        &mut self,
        stream: &mut IrcStream,
        server: &HostPort,
    ) -> Option<IdentGuard> {
        stream.set_gate(self.options.gate.clone());
        let turn = self.servers.iter().position(|it| it.host == server.host).unwrap_or_default();
        self.tries = (turn + 1).saturating_sub(self.first_server);
        if self.is_bridge {
            self.bridge_server.store(turn, Ordering::Relaxed);
        }
        let registry = self.ident_registry.as_ref()?;
        registry.register(stream.tcp(), &self.username)
    }

    /// Records the server's STS policy.
    pub(super) fn record_sts(&self, server: &HostPort, sts: StsPolicy) {
        self.sts_store.record(&server.host, server.port, sts, Timestamp::now());
    }

    /// The session with `server` has ended. Returns whether the next server is untried and may accept us.
    pub(super) fn on_session_end(
        &mut self,
        server: &HostPort,
        reason: Option<&DisconnectReason>,
    ) -> bool {
        self.sts_store.touch(&server.host, Timestamp::now());
        let Some(reason) = reason else {
            self.rejections = 0;
            return false;
        };
        if let DisconnectKind::StsUpgrade { port } = reason.kind {
            self.tls_upgrade = Some(HostPort { host: server.host.clone(), port });
            return false;
        }
        self.rejections += 1;
        reason.is_server_specific() && !self.rejections.is_multiple_of(self.servers.len())
    }

    /// The next server to try, and whether with TLS.
    fn next_server(&mut self) -> (HostPort, bool) {
        if let Some(upgrade) = self.tls_upgrade.take() {
            return (upgrade, true);
        }
        if self.tries == 0 && !self.is_bridge {
            self.first_server = self.bridge_server.load(Ordering::Relaxed);
        }
        let turn = (self.first_server + self.tries) % self.servers.len();
        let server = self.servers[turn].clone();
        self.tries += 1;
        if self.is_bridge {
            self.bridge_server.store(turn, Ordering::Relaxed);
        }
        if self.tls_trust.is_some() {
            return (server, true);
        }
        match self.sts_store.port_for(&server.host, Timestamp::now()) {
            Some(port) => (HostPort { port, ..server }, true),
            None => (server, false),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn bridge() -> Connector {
        let server = |host: &str| HostPort { host: host.to_owned(), port: 6667 };
        Connector {
            servers: ["a", "b", "c"].map(server).to_vec(),
            tls_trust: None,
            client_certificate: None,
            puppet_certificate: None,
            options: ConnectOptions::default(),
            sts_store: Arc::new(StsStore::open_read_only(Path::new("/nowhere"))),
            ident_registry: None,
            username: "bridge".to_owned(),
            bridge_server: Arc::default(),
            is_bridge: true,
            first_server: 0,
            tries: 0,
            rejections: 0,
            tls_upgrade: None,
        }
    }

    fn hosts(door: &mut Connector) -> String {
        (0..4).map(|_| door.next_server().0.host).collect()
    }

    #[test]
    fn puppets_start_at_the_server_of_the_bridge() {
        let mut bridge = bridge();
        assert_eq!(hosts(&mut bridge.for_puppet("bob".to_owned(), None)), "abca");
        assert_eq!(
            (bridge.next_server().0.host, bridge.next_server().0.host),
            ("a".to_owned(), "b".to_owned())
        );
        assert_eq!(hosts(&mut bridge.for_puppet("bob".to_owned(), None)), "bcab");
        assert_eq!(hosts(&mut bridge), "cabc", "which is no concern of the bridge");
    }
}
