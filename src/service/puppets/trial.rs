//! Tries the services account of a puppet, on a connection of its own.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time;

use super::session::{self, PuppetConfig};
use crate::config::NetworkSettings;
use crate::domain::PuppetLogin;
use crate::net;
use crate::net::ConnectionEnd;
use crate::protocol::irc::{
    DisconnectKind, DisconnectReason, IrcCommand, IrcEvent, IrcSession, SessionConfig,
};
use crate::service::connector::{Connected, Connector};
use crate::service::irc::charsets;

/// How long a try may take. The page waits a little longer.
const TRIAL_TIMEOUT: Duration = Duration::from_secs(25);

/// How many events of a session may wait.
const EVENT_CAPACITY: usize = 64;

/// How often a try may be sent from a plain port to one with TLS (STS).
const MAX_UPGRADES: usize = 1;

/// The end of a session that was only to log in.
struct TrialEnd {
    /// The account that the server named.
    account: Option<String>,
    is_logged_in: bool,
    rejection: Option<DisconnectReason>,
    end: ConnectionEnd,
}

/// Connects and logs in. Returns the account as the server calls it, or why it was not accepted, in words for its
/// owner.
pub(super) async fn run(
    nick: String,
    login: PuppetLogin,
    network: NetworkSettings,
    connector: Connector,
) -> Result<String, String> {
    let name = network.network.clone();
    match time::timeout(TRIAL_TIMEOUT, try_login(nick, login, network, connector)).await {
        Ok(result) => result,
        Err(_) => Err(format!("{name} did not answer in time: try again later")),
    }
}

async fn try_login(
    nick: String,
    login: PuppetLogin,
    network: NetworkSettings,
    mut connector: Connector,
) -> Result<String, String> {
    let name = network.network.clone();
    let account = login.account.clone();
    let by_certificate = login.certificate_in_use().is_some();
    let puppet = PuppetConfig {
        user: login.user.clone(),
        nick,
        username: login.username.clone(),
        channels: Vec::new(),
        login: Some(login),
    };
    let mut upgrades = 0;
    loop {
        let opened = connector.connect_any().await.map_err(|error| {
            tracing::info!(network = %name, %error, "no connection to try a puppet login");
            format!("the bridge cannot connect to {name} at the moment: try again later")
        })?;
        if by_certificate && !opened.is_tls {
            return Err(format!(
                "the bridge reaches {name} without TLS, where no certificate can be used: use a password"
            ));
        }
        let server = opened.server.clone();
        let ended = log_in(&puppet, &network, opened).await;
        if ended.is_logged_in {
            return Ok(ended.account.or(account).unwrap_or_else(|| "your account".to_owned()));
        }
        connector.on_session_end(&server, ended.rejection.as_ref());
        match ended.rejection {
            Some(DisconnectReason { kind: DisconnectKind::StsUpgrade { .. }, .. })
                if upgrades < MAX_UPGRADES =>
            {
                upgrades += 1;
            }
            Some(rejection) => {
                return Err(explain(name.as_str(), by_certificate, &rejection));
            }
            None => {
                tracing::info!(network = %name, end = ?ended.end, "no answer to a puppet login");
                return Err(format!("the connection to {name} was lost: try again later"));
            }
        }
    }
}

/// Logs in and quits.
async fn log_in(puppet: &PuppetConfig, network: &NetworkSettings, opened: Connected) -> TrialEnd {
    let Connected { stream: wire, server, is_tls, ident_guard: _known } = opened;
    let mut config = session::puppet_session_config(puppet, network, (is_tls, &server));
    require_login(&mut config);
    let mut session =
        IrcSession::new(time::Instant::now().into_std(), config).writing(charsets(network));
    let mut lines = net::framed_lines(wire, charsets(network));
    let (commands, mut orders) = mpsc::channel(1);
    let (inbox, mut events) = mpsc::channel(EVENT_CAPACITY);
    let mut account = None;
    let driving = async {
        let end = net::drive(&mut session, &mut lines, &mut orders, &inbox, |event| event).await;
        drop(inbox);
        end
    };
    let watching = async {
        while let Some(event) = events.recv().await {
            match event {
                IrcEvent::LoggedIn { account: named } => account = Some(named),
                IrcEvent::Registered { .. } => {
                    let quit = IrcCommand::Quit("the login works".to_owned());
                    // It has already ended, if there is no room.
                    let _ = commands.try_send(quit);
                }
                _ => {}
            }
        }
    };
    let (end, ()) = tokio::join!(driving, watching);
    TrialEnd {
        account,
        // It does not register without the login.
        is_logged_in: session.was_registered(),
        rejection: session.disconnect_reason().cloned(),
        end,
    }
}

fn require_login(config: &mut SessionConfig) {
    if let Some(sasl) = &mut config.identity.sasl {
        sasl.required = true;
    }
}

/// Why the login was not accepted, in words for its owner.
fn explain(network: &str, by_certificate: bool, rejection: &DisconnectReason) -> String {
    let said = match rejection.text.as_str() {
        "" => String::new(),
        text => format!(" (it says: {text})"),
    };
    match rejection.kind {
        DisconnectKind::LoginFailed if by_certificate => {
            format!("{network} does not accept the certificate; is its fingerprint added?{said}")
        }
        DisconnectKind::LoginFailed => {
            format!("{network} does not accept this account or its password{said}")
        }
        DisconnectKind::SaslUnavailable => {
            format!(
                "{network} offers no login by SASL at the moment, which is what the bridge uses"
            )
        }
        DisconnectKind::InTheClear => format!(
            "the bridge reaches {network} without TLS, where it sends no password: ask the bridge's administrator"
        ),
        _ => format!("{network} does not let the bridge connect at the moment{said}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owner_is_told_why_a_login_was_not_accepted() {
        let reason =
            |kind, text: &str| DisconnectReason { kind, text: text.to_owned(), retry_after: None };
        for (kind, text, words) in [
            (
                DisconnectKind::LoginFailed,
                "Invalid account credentials",
                "account or its password (it says: Invalid account credentials)",
            ),
            (DisconnectKind::SaslUnavailable, "", "office offers no login by SASL"),
            (DisconnectKind::InTheClear, "", "without TLS"),
            (DisconnectKind::Throttled, "wait", "does not let the bridge connect"),
        ] {
            let explained = explain("office", false, &reason(kind, text));
            assert!(explained.contains(words), "{explained}");
        }
        let unknown = explain("office", true, &reason(DisconnectKind::LoginFailed, "no"));
        assert!(unknown.contains("is its fingerprint added? (it says: no)"), "{unknown}");
    }
}
