//! The bridge as one of several nodes that share a store in PostgreSQL.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time;

use super::StartError;
use crate::config::{ClusterSettings, NetworkSettings, Settings};
use crate::net::connect::SourceAddr;
use crate::net::dial::{self, ConnectOptions};
use crate::net::tls::{DatabaseTrust, database_config};
use crate::net::{WriteGate, proxy};
use crate::store;
use crate::store::{ClusterConfig, ClusterUrl, PostgresError, PostgresTls, StoreError, StoreKey};
use crate::version::VERSION;

/// The account key in `state_dir`.
const ACCOUNT_KEY_FILE: &str = "accounts.key";

/// How long a server may take to be reached when it is only tried.
const TRIAL_TIMEOUT: Duration = Duration::from_secs(10);

/// Where the store of this node is; `None` for a bridge that runs alone.
///
/// # Errors
/// When the URL cannot be used, or the authorities that it names cannot be read.
pub fn cluster_config(settings: &Settings) -> Result<Option<ClusterConfig>, StoreError> {
    settings.store.cluster.as_ref().map(config_of).transpose()
}

/// Where the store at the URL of `cluster` is.
///
/// # Errors
/// Those of [`cluster_config`].
pub fn config_of(cluster: &ClusterSettings) -> Result<ClusterConfig, StoreError> {
    let url = ClusterUrl::parse(&cluster.url)?;
    let file = url.root_certificate().map(ToOwned::to_owned);
    let trust = match url.tls() {
        PostgresTls::Disable => None,
        PostgresTls::Require if file.is_some() => Some(DatabaseTrust::Issued(file)),
        PostgresTls::Prefer | PostgresTls::Require => Some(DatabaseTrust::Encrypted),
        PostgresTls::VerifyCa => Some(DatabaseTrust::Issued(file)),
        PostgresTls::VerifyFull => Some(DatabaseTrust::IssuedToHost(file)),
    };
    let tls = trust.as_ref().map(database_config).transpose();
    let tls = tls.map_err(|error| PostgresError::Url(error.to_string()))?;
    let node = cluster.node.clone().unwrap_or_else(host_name);
    let (program, share_keys) = (VERSION.to_owned(), cluster.share_keys);
    Ok(ClusterConfig { url, tls, node, program, share_keys })
}

/// The key that encrypts what gives access to people's accounts. One of several nodes that share no keys makes none of its
/// own: what the others have encrypted would be lost.
pub(super) fn account_key(settings: &Settings) -> Result<StoreKey, StartError> {
    let directory = &settings.state_dir;
    let path = directory.join(ACCOUNT_KEY_FILE);
    let is_shared = settings.store.cluster.as_ref().is_none_or(|cluster| cluster.share_keys);
    if !is_shared && !path.exists() {
        return Err(StartError::NoAccountKey(path));
    }
    Ok(store::load_or_create_account_key(directory)?)
}

/// The name of this machine.
fn host_name() -> String {
    let system = rustix::system::uname();
    system.nodename().to_string_lossy().into_owned()
}

/// Tries to reach each server, as the bridge will when this node becomes the active one, and says nothing there. Logs
/// which it cannot reach: the administrator has time now.
pub async fn try_servers(settings: &Settings) {
    let networks = settings.networks.iter().map(try_network);
    let letschat = async {
        let url = &settings.letschat.url;
        let reached = time::timeout(TRIAL_TIMEOUT, proxy::connect_for_url(url)).await;
        let problem = match reached {
            Ok(Ok(_)) => return,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "timed out".to_owned(),
        };
        tell_unreachable("letschat", &problem);
    };
    tokio::join!(join_all(networks), letschat);
}

/// Tries the servers of a network in turn, until one can be reached.
async fn try_network(network: &NetworkSettings) {
    let options = ConnectOptions {
        source: network.bind.map(SourceAddr::Local),
        proxy: network.proxy.as_ref().map(Into::into),
        gate: WriteGate::default(),
    };
    let mut problem = String::new();
    for server in &network.servers {
        let reaching = dial::connect_with(&options, &server.host, server.port);
        problem = match time::timeout(TRIAL_TIMEOUT, reaching).await {
            Ok(Ok(_)) => return,
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("{server}: timed out"),
        };
    }
    tell_unreachable(network.network.as_str(), &problem);
}

fn tell_unreachable(peer: &str, problem: &str) {
    tracing::warn!(
        peer,
        problem,
        "this node waits, and could not reach a server that it would need when it takes over"
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Secret;

    fn config(url: &str) -> Result<ClusterConfig, StoreError> {
        config_of(&ClusterSettings { url: Secret::new(url), node: None, share_keys: true })
    }

    #[test]
    fn tls_is_as_sslmode_says() {
        for (query, has_tls) in [
            ("?sslmode=disable", false),
            ("", true),
            ("?sslmode=prefer", true),
            ("?sslmode=require", true),
        ] {
            let config = config(&format!("postgresql://me:hush@db/bridge{query}"));
            let config = config.expect("it can be used");
            assert_eq!(config.tls.is_some(), has_tls, "{query}");
            assert!(!config.node.is_empty());
            assert!(!format!("{config:?}").contains("hush"));
        }
    }

    #[test]
    fn authorities_that_cannot_be_read_are_lasting() {
        let url = "postgresql://me:hush@db/bridge?sslmode=verify-full&sslrootcert=/nowhere/ca.pem";
        let error = config(url).expect_err("there is no such file");
        assert!(error.is_lasting(), "{error}");
        assert!(error.to_string().contains("/nowhere/ca.pem"), "{error}");
    }
}
