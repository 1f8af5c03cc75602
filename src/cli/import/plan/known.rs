//! What is known besides the logs: links, accounts of Let's Chat, and people whom the bridge knows.

use std::path::Path;

use crate::cli::run;
use crate::config;
use crate::config::Settings;
use crate::domain::{AccountKind, Endpoint, SpeakerAccount};
use crate::migrate::plan::{
    KnownAccount, KnownAccountKind, KnownIdentity, KnownLink, NetworkNames,
};
use crate::net::rest::{RestAccount, RestClient};
use crate::net::tls;
use crate::store;
use crate::store::Person;

/// What the configuration, its server and its database tell.
#[derive(Debug, Default)]
pub(super) struct KnownThings {
    pub(super) networks: NetworkNames,
    pub(super) links: Vec<KnownLink>,
    pub(super) accounts: Vec<KnownAccount>,
    /// How user names of new accounts are made.
    pub(super) username: Option<String>,
    /// What could not be found out.
    pub(super) warnings: Vec<String>,
}

impl KnownThings {
    /// Asks what the configuration names; nothing without one.
    pub(super) fn find(path: Option<&Path>) -> Result<Self, String> {
        let Some(path) = path else { return Ok(Self::default()) };
        let (settings, _) =
            config::load(path, std::env::vars()).map_err(|mistakes| mistakes.to_string())?;
        let mut known = Self {
            networks: network_names(&settings),
            links: links(&settings),
            username: Some(settings.letschat.accounts.username.clone()),
            ..Self::default()
        };
        match ask_server(&settings) {
            Ok((accounts, own)) => {
                let there = accounts.into_iter().filter(|account| account.id != own);
                known.accounts.extend(there.map(known_account));
            }
            Err(why) => known.warnings.push(format!(
                "the accounts of Let's Chat are not known, so none is proposed: {why}"
            )),
        }
        if store::is_missing(&settings.state_dir) {
            return Ok(known);
        }
        match store::read_people(&settings.state_dir) {
            Ok(people) => known.accounts.extend(people.iter().flat_map(accounts_of_bridge)),
            Err(error) => known.warnings.push(format!(
                "the people whom the bridge knows could not be read, so none of their accounts is \
                 proposed: {error}"
            )),
        }
        Ok(known)
    }
}

fn network_names(settings: &Settings) -> NetworkNames {
    NetworkNames::new(settings.networks.iter().map(|network| {
        let servers = network.servers.iter().map(|server| server.host.as_str());
        (network.network.as_str(), servers.collect())
    }))
}

fn links(settings: &Settings) -> Vec<KnownLink> {
    let link = |link: &config::Link| match (&link.channel, &link.room) {
        (Endpoint::Channel { network, name }, Endpoint::Room(room)) => Some(KnownLink {
            network: network.to_string(),
            channel: name.to_string(),
            room: room.to_string(),
        }),
        _ => None,
    };
    settings.links.iter().filter_map(link).collect()
}

/// All accounts of Let's Chat, and the id of the bridge's.
fn ask_server(settings: &Settings) -> Result<(Vec<RestAccount>, String), String> {
    let letschat = &settings.letschat;
    let tls = tls::client_config(&letschat.tls_trust).map_err(|error| error.to_string())?;
    let rest = RestClient::new(&letschat.url, &letschat.token, &tls);
    let rest = rest.map_err(|error| error.to_string())?;
    run::build_runtime().block_on(async {
        let own = rest.account().await.map_err(|error| error.to_string())?;
        let accounts = rest.accounts().await.map_err(|error| error.to_string())?;
        Ok((accounts, own.id))
    })
}

fn known_account(account: RestAccount) -> KnownAccount {
    KnownAccount {
        kind: KnownAccountKind::There,
        username: account.username,
        display_name: account.display_name,
        id: account.id.parse().ok(),
    }
}

fn accounts_of_bridge((person, accounts): &(Person, Vec<SpeakerAccount>)) -> Vec<KnownAccount> {
    let identity = KnownIdentity {
        network: person.key.network.to_string(),
        identity: person.key.identity.clone(),
        nick: person.nick.clone(),
    };
    let known = |account: &SpeakerAccount| KnownAccount {
        kind: match account.kind {
            AccountKind::Made | AccountKind::Written => KnownAccountKind::Made(identity.clone()),
            AccountKind::TakenOver | AccountKind::Linked => {
                KnownAccountKind::Linked(identity.clone())
            }
        },
        username: account.username.clone(),
        display_name: account.display_name.clone(),
        id: account.user.as_ref().and_then(|user| user.0.parse().ok()),
    };
    accounts.iter().map(known).collect()
}
