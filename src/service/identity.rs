//! As whom the bridge comes to a network, from what the configuration says.

use secrecy::{ExposeSecret, SecretString};

use crate::config::{NetworkSettings, Regain, Sasl, SaslMechanism};
use crate::protocol::irc::{Identity, Login, Mechanism, Services};

/// Who the bridge is on `network`.
pub(super) fn identity(network: &NetworkSettings) -> Identity {
    Identity {
        nick: network.nick.clone(),
        other_nicks: network.other_nicks.clone(),
        username: network.username.clone(),
        realname: network.realname.clone(),
        password: network.password.clone(),
        login: login(network),
        services: services(network),
        commands: network.on_connect.clone(),
    }
}

fn login(network: &NetworkSettings) -> Option<Login> {
    if network.sasl == Sasl::Off || network.mechanisms.is_empty() {
        return None;
    }
    let account = network.account.as_ref();
    if account.is_none() && network.certificate.is_none() {
        return None;
    }
    Some(Login {
        account: account.map_or(&network.nick, |account| &account.name).clone(),
        password: account.and_then(|account| account.password.clone()),
        mechanisms: network.mechanisms.iter().copied().map(mechanism).collect(),
        required: network.sasl == Sasl::Required,
    })
}

fn mechanism(mechanism: SaslMechanism) -> Mechanism {
    match mechanism {
        SaslMechanism::External => Mechanism::External,
        SaslMechanism::ScramSha256 => Mechanism::ScramSha256,
        SaslMechanism::Plain => Mechanism::Plain,
    }
}

fn services(network: &NetworkSettings) -> Option<Services> {
    let account = network.account.as_ref()?;
    let nickserv = &network.nickserv;
    let identify = |password: &SecretString| {
        let text = nickserv.identify.replace("{account}", &account.name);
        SecretString::from(text.replace("{password}", password.expose_secret()))
    };
    let regain = match nickserv.regain {
        Regain::Ghost => Some("GHOST {nick}"),
        Regain::Regain => Some("REGAIN {nick}"),
        Regain::Recover => Some("RECOVER {nick}"),
        Regain::Off => None,
    };
    Some(Services {
        nick: nickserv.nick.clone(),
        host: nickserv.host.clone(),
        account: account.name.clone(),
        identify: account.password.as_ref().map(identify),
        regain: regain.map(str::to_owned),
    })
}
