//! The bridge's identity on a network, from the configuration.

use secrecy::{ExposeSecret, SecretString};

use crate::config::{NetworkSettings, RegainCommand, SaslPolicy};
use crate::protocol::irc::{IrcIdentity, SaslLogin, ServicesLogin};

/// The bridge's identity on `network`.
pub(super) fn irc_identity(network: &NetworkSettings) -> IrcIdentity {
    IrcIdentity {
        nick: network.nick.clone(),
        alt_nicks: network.alt_nicks.clone(),
        username: network.username.clone(),
        realname: network.realname.clone(),
        password: network.password.clone(),
        sasl: sasl_login(network),
        services: services_login(network),
        connect_commands: network.on_connect.clone(),
    }
}

fn sasl_login(network: &NetworkSettings) -> Option<SaslLogin> {
    if network.sasl == SaslPolicy::Off || network.sasl_mechanisms.is_empty() {
        return None;
    }
    let account = network.account.as_ref();
    if account.is_none() && network.client_certificate.is_none() {
        return None;
    }
    Some(SaslLogin {
        account: account.map_or(&network.nick, |account| &account.name).clone(),
        password: account.and_then(|account| account.password.clone()),
        mechanisms: network.sasl_mechanisms.clone(),
        required: network.sasl == SaslPolicy::Required,
    })
}

fn services_login(network: &NetworkSettings) -> Option<ServicesLogin> {
    let account = network.account.as_ref()?;
    let nickserv = &network.nickserv;
    let identify = |password: &SecretString| {
        let text = nickserv.identify.replace("{account}", &account.name);
        SecretString::from(text.replace("{password}", password.expose_secret()))
    };
    let regain = match nickserv.regain {
        RegainCommand::Ghost => Some("GHOST {nick}"),
        RegainCommand::Regain => Some("REGAIN {nick}"),
        RegainCommand::Recover => Some("RECOVER {nick}"),
        RegainCommand::Off => None,
    };
    Some(ServicesLogin {
        nick: nickserv.nick.clone(),
        host: nickserv.host.clone(),
        account: account.name.clone(),
        identify_command: account.password.as_ref().map(identify),
        regain_command: regain.map(str::to_owned),
    })
}
