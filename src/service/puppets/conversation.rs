//! The connection that somebody of Let's Chat has on a network.

use std::net::{IpAddr, Ipv6Addr};

use ipnet::Ipv6Net;
use sha2::{Digest, Sha256};
use tokio::sync::{mpsc, watch};

use crate::bridge::Happening;
use crate::config::{HostPort, NetworkSettings, WebircSettings};
use crate::domain::LetsChatUserId;
use crate::net;
use crate::protocol::irc;
use crate::protocol::irc::{
    ChannelTarget, DisconnectReason, IrcIdentity, IrcSession, LearnedPace, SessionConfig, Webirc,
};
use crate::service::connection::unless_stopped;
use crate::service::door::{Door, Opened};
use crate::service::engine::Item;
use crate::service::irc::{charsets, plan};
use crate::translate::user_name;

/// Somebody who is to have a connection.
pub(super) struct Puppet {
    pub(super) account: LetsChatUserId,
    pub(super) nick: String,
    /// How they are called in Let's Chat.
    pub(super) name: String,
    pub(super) seats: Vec<ChannelTarget>,
}

/// How a connection has ended.
pub(super) struct Over {
    /// Whose it was.
    pub(super) account: LetsChatUserId,
    /// The way that it took.
    pub(super) door: Door,
    /// Whether its login worked.
    pub(super) let_in: bool,
    /// Why the server turned it away, if that is why.
    pub(super) away: Option<DisconnectReason>,
    /// The next try leads to another server, which may think otherwise.
    pub(super) elsewhere: bool,
    /// In words for the log.
    pub(super) why: String,
}

/// Connects by `door` and converses as `puppet`, until that ends.
pub(super) async fn converse(
    puppet: Puppet,
    network: NetworkSettings,
    mut door: Door,
    mut orders: mpsc::Receiver<irc::IrcCommand>,
    inbox: mpsc::Sender<Item>,
    stop: watch::Receiver<bool>,
) -> Over {
    let opened = match unless_stopped(stop, door.open_any()).await {
        Ok(opened) => opened,
        Err(why) => {
            let account = puppet.account;
            return Over { account, door, let_in: false, away: None, elsewhere: false, why };
        }
    };
    let Opened { wire, server, secure, known: _known } = opened;
    let mut session = IrcSession::new(
        tokio::time::Instant::now().into_std(),
        sit(&puppet, &network, (secure, &server)),
    )
    .writing(charsets(&network));
    let mut lines = net::framed_lines(wire, charsets(&network));
    let Puppet { account, .. } = puppet;
    let name = |event| {
        Item::Happened(Happening::Puppet(network.network.clone(), account.clone(), Box::new(event)))
    };
    let ended = net::drive(&mut session, &mut lines, &mut orders, &inbox, name).await;
    let (let_in, away) = (session.was_registered(), session.disconnect_reason().cloned());
    let elsewhere = door.left(&server, away.as_ref());
    let why = match ended {
        net::ConnectionEnd::Cancelled => "no longer needed".to_owned(),
        net::ConnectionEnd::Closed(why) | net::ConnectionEnd::Lost(why) => why,
    };
    Over { account, door, let_in, away, elsewhere, why }
}

/// The way of `account`, who is called `name`, to `network`.
pub(super) fn door(
    bridge: &Door,
    account: &LetsChatUserId,
    name: &str,
    prefix: Option<Ipv6Net>,
) -> Door {
    bridge.of(user_name(name, "someone"), prefix.map(|prefix| address_in(prefix, account)))
}

fn sit(puppet: &Puppet, network: &NetworkSettings, at: (bool, &HostPort)) -> SessionConfig {
    let Puppet { account, nick, name, seats } = puppet;
    // Not the account of the bridge.
    let identity = IrcIdentity {
        username: user_name(name, "someone"),
        realname: format!("{name} (Let's Chat)"),
        password: network.password.clone(),
        ..IrcIdentity::named(nick)
    };
    let webirc = webirc(account, name, network);
    let own = plan(network, seats, LearnedPace::new(tokio::time::Instant::now().into_std()), at);
    SessionConfig { identity, request_invite_from: None, send_only: true, webirc, ..own }
}

/// What the server is told of whom we speak for, where it trusts us to.
fn webirc(account: &LetsChatUserId, name: &str, network: &NetworkSettings) -> Option<Webirc> {
    let WebircSettings { password, host } = network.puppets.webirc.as_ref()?;
    let plain: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let host = host.replace("{user}", plain.trim_matches('-'));
    let gateway = network.username.clone();
    let address = IpAddr::from(address_in(LOCAL, account)).to_string();
    Some(Webirc { password: password.clone(), gateway, host, ip: address })
}

/// Addresses for local use, which are nobody's (RFC 4193).
const LOCAL: Ipv6Net = match Ipv6Net::new(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 0), 8) {
    Ok(net) => net,
    Err(_) => panic!("8 bits are fewer than 128"),
};

/// The address of `account` in `net`: always the same, and hardly ever somebody else's.
fn address_in(net: Ipv6Net, account: &LetsChatUserId) -> Ipv6Addr {
    let digest = Sha256::digest(account.0.as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    let host = u128::from_be_bytes(bytes) & u128::from(net.hostmask());
    // The first of a network stands for its routers (RFC 4291, section 2.6.1).
    Ipv6Addr::from(u128::from(net.network()) | host.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_has_an_address_of_their_own_and_keeps_it() {
        let net: Ipv6Net = "2001:db8:1:2::/64".parse().expect("a network");
        let of = |account: &str| address_in(net, &LetsChatUserId(account.into()));
        assert!(net.contains(&of("u1")) && net.contains(&of("u2")));
        assert_eq!(of("u1"), of("u1"));
        assert_ne!(of("u1"), of("u2"));
        assert!(LOCAL.contains(&address_in(LOCAL, &LetsChatUserId("u1".into()))));
    }
}
