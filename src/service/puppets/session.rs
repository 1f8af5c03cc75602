//! The session of a puppet.

use std::net::{IpAddr, Ipv6Addr};

use futures_util::{FutureExt, SinkExt};
use ipnet::Ipv6Net;
use sha2::{Digest, Sha256};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::bridge::Event;
use crate::config::{HostPort, NetworkSettings, WebircSettings};
use crate::domain::{LetsChatUserId, PuppetLogin, SaslMechanism};
use crate::net;
use crate::net::identd::IdentGuard;
use crate::protocol::irc;
use crate::protocol::irc::{
    ChannelTarget, DisconnectReason, IrcIdentity, IrcSession, LearnedPace, SaslLogin,
    SessionConfig, Webirc,
};
use crate::protocol::{Machine, Output};
use crate::service::connector::{Connected, Connector};
use crate::service::irc::{charsets, session_config};
use crate::service::messages::EngineInput;
use crate::service::supervisor::unless_stopped;
use crate::service::upgrade;
use crate::service::upgrade::{IrcLines, ReleaseDesk, ReleasedPuppet, TakenConnection};
use crate::translate::irc_username;

/// A Let's Chat user who is to have a puppet.
pub(super) struct PuppetConfig {
    pub(super) user: LetsChatUserId,
    pub(super) nick: String,
    /// Their name on Let's Chat.
    pub(super) username: String,
    pub(super) channels: Vec<ChannelTarget>,
    /// The services account to log in to.
    pub(super) login: Option<PuppetLogin>,
}

/// The end of a puppet's session.
pub(super) struct SessionEnd {
    /// Its user.
    pub(super) user: LetsChatUserId,
    /// Its connector.
    pub(super) connector: Connector,
    /// Whether the login succeeded.
    pub(super) login_succeeded: bool,
    /// Why the server rejected it, if it did.
    pub(super) rejection: Option<DisconnectReason>,
    /// The next attempt goes to another server, which may accept it.
    pub(super) try_other_server: bool,
    /// The reason, for the log.
    pub(super) reason: String,
}

/// What a session works with beside its puppet.
pub(super) struct SessionContext {
    pub(super) network: NetworkSettings,
    pub(super) connector: Connector,
    pub(super) commands: mpsc::Receiver<irc::IrcCommand>,
    pub(super) inbox: mpsc::Sender<EngineInput>,
    /// Where the connection is put down for another program.
    pub(super) desk: ReleaseDesk,
    /// Since when the user has been silent.
    pub(super) last_spoke: watch::Receiver<Instant>,
}

/// Connects and runs a session for `puppet`.
pub(super) async fn run_session(
    puppet: PuppetConfig,
    mut context: SessionContext,
    stop: watch::Receiver<bool>,
) -> SessionEnd {
    let opened = match unless_stopped(stop, context.connector.connect_any()).await {
        Ok(opened) => opened,
        Err(reason) => {
            return SessionEnd {
                user: puppet.user,
                connector: context.connector,
                login_succeeded: false,
                rejection: None,
                try_other_server: false,
                reason,
            };
        }
    };
    let Connected { stream, server, is_tls: secure, ident_guard: _known } = opened;
    let network = &context.network;
    let config = puppet_session_config(&puppet, network, (secure, &server));
    let session = IrcSession::new(now(), config).writing(charsets(network));
    let lines = net::framed_lines(stream, charsets(network));
    drive(puppet, context, server, (session, lines)).await
}

/// A session that was taken over, and its lines.
pub(super) struct ContinuedSession {
    session: IrcSession,
    lines: IrcLines,
    server: HostPort,
    ident_guard: Option<IdentGuard>,
}

impl ContinuedSession {
    /// Continues the session of `puppet`. Returns what the bridge is to be told of it before anything else.
    pub(super) async fn begin(
        puppet: &PuppetConfig,
        taken: TakenConnection,
        context: &mut SessionContext,
    ) -> (Self, Vec<irc::IrcEvent>) {
        let TakenConnection { mut stream, server, session: state, pending, others } = taken;
        let ident_guard = context.connector.take_over(&mut stream, &server);
        let network = &context.network;
        let config = puppet_session_config(puppet, network, (stream.is_tls(), &server));
        let charsets = charsets(network).assuming_utf8(state.is_utf8_only());
        let session = IrcSession::resume(now(), config, state, others.as_deref());
        let mut session = session.writing(charsets.clone());
        let mut lines = net::resume_lines(stream, charsets, &pending);
        let mut events = Vec::new();
        while let Some(output) = session.poll_output() {
            match output {
                Output::Event(event) => events.push(event),
                // A failure is noticed when it is read from or written to next.
                Output::Transmit(line) => drop(lines.feed(line).await),
                Output::Close(_) | Output::Release => {}
            }
        }
        // What does not fit now goes with the next line.
        let _ = lines.flush().now_or_never();
        (Self { session, lines, server, ident_guard }, events)
    }

    /// Runs it to its end.
    pub(super) async fn run(self, puppet: PuppetConfig, context: SessionContext) -> SessionEnd {
        let Self { session, lines, server, ident_guard: _known } = self;
        drive(puppet, context, server, (session, lines)).await
    }
}

async fn drive(
    puppet: PuppetConfig,
    context: SessionContext,
    server: HostPort,
    (mut session, mut lines): (IrcSession, IrcLines),
) -> SessionEnd {
    let SessionContext { network, mut connector, mut commands, inbox, desk, last_spoke } = context;
    let PuppetConfig { user: account, nick, username, .. } = puppet;
    let on = &network.network;
    let name =
        |event| EngineInput::Event(Event::Puppet(on.clone(), account.clone(), Box::new(event)));
    let end = net::drive(&mut session, &mut lines, &mut commands, &inbox, name).await;
    let login_succeeded = session.was_registered();
    let rejection = session.disconnect_reason().cloned();
    let try_other_server = connector.on_session_end(&server, rejection.as_ref());
    if end == net::ConnectionEnd::Released {
        let idle = last_spoke.borrow().elapsed();
        let released = ReleasedPuppet { user: account.clone(), nick, username, idle };
        let settings = network.connection_digest();
        upgrade::put_down(&desk, (on, settings, Some(released)), server, (session, lines));
    } else {
        desk.note_end(on, Some(&username), &end);
    }
    let reason = match end {
        net::ConnectionEnd::Cancelled => "no longer needed".to_owned(),
        net::ConnectionEnd::Released => "handed over".to_owned(),
        net::ConnectionEnd::Closed(reason) | net::ConnectionEnd::Lost(reason) => reason,
    };
    SessionEnd { user: account, connector, login_succeeded, rejection, try_other_server, reason }
}

fn now() -> std::time::Instant {
    Instant::now().into_std()
}

/// The connector for the puppet of `account`, whose name is `name`.
pub(super) fn connector_for(
    bridge: &Connector,
    account: &LetsChatUserId,
    name: &str,
    prefix: Option<Ipv6Net>,
) -> Connector {
    bridge.for_puppet(
        irc_username(name, "someone"),
        prefix.map(|prefix| address_for(prefix, account)),
    )
}

/// The configuration of the puppet's session with a server, and whether the connection is encrypted.
pub(super) fn puppet_session_config(
    puppet: &PuppetConfig,
    network: &NetworkSettings,
    sleep_until: (bool, &HostPort),
) -> SessionConfig {
    let PuppetConfig { user: account, nick, username: name, channels, login } = puppet;
    // Without the bridge's own account.
    let identity = IrcIdentity {
        username: irc_username(name, "someone"),
        realname: format!("{name} (Let's Chat)"),
        password: network.password.clone(),
        sasl: login.as_ref().map(sasl_login),
        ..IrcIdentity::named(nick)
    };
    let webirc = webirc_for(account, name, network);
    let own = session_config(network, channels, LearnedPace::new(now()), sleep_until);
    SessionConfig { identity, request_invite_from: None, send_only: true, webirc, ..own }
}

/// Logs in with the certificate, or with the password. If services refuse, the puppet continues without.
fn sasl_login(login: &PuppetLogin) -> SaslLogin {
    let mechanisms = match login.certificate_in_use() {
        Some(_) => vec![SaslMechanism::External],
        None => vec![SaslMechanism::ScramSha256, SaslMechanism::Plain],
    };
    SaslLogin {
        account: login.account.clone().unwrap_or_default(),
        password: login.password.as_ref().map(Into::into),
        mechanisms,
        required: false,
    }
}

/// The WEBIRC parameters of the puppet, if the server trusts us as a gateway.
fn webirc_for(account: &LetsChatUserId, name: &str, network: &NetworkSettings) -> Option<Webirc> {
    let WebircSettings { password, host } = network.puppets.webirc.as_ref()?;
    let plain: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let host = host.replace("{user}", plain.trim_matches('-'));
    let gateway = network.username.clone();
    let address = IpAddr::from(address_for(LOCAL_NET, account)).to_string();
    Some(Webirc { password: password.clone(), gateway, host, ip: address })
}

/// Unique local addresses (RFC 4193).
const LOCAL_NET: Ipv6Net = match Ipv6Net::new(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 0), 8) {
    Ok(net) => net,
    Err(_) => panic!("8 bits are fewer than 128"),
};

/// The address of `account` in `net`: stable, and practically unique.
fn address_for(net: Ipv6Net, account: &LetsChatUserId) -> Ipv6Addr {
    let digest = Sha256::digest(account.0.as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    let host = u128::from_be_bytes(bytes) & u128::from(net.hostmask());
    // The first address of a network is for routers (RFC 4291, section 2.6.1).
    Ipv6Addr::from(u128::from(net.network()) | host.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_is_stable_and_distinct_per_user() {
        let net: Ipv6Net = "2001:db8:1:2::/64".parse().expect("a network");
        let of = |account: &str| address_for(net, &LetsChatUserId(account.into()));
        assert!(net.contains(&of("u1")) && net.contains(&of("u2")));
        assert_eq!(of("u1"), of("u1"));
        assert_ne!(of("u1"), of("u2"));
        assert!(LOCAL_NET.contains(&address_for(LOCAL_NET, &LetsChatUserId("u1".into()))));
    }
}
