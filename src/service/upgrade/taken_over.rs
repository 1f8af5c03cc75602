//! What the next program does with the connections that it was handed.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::{HandOverState, HandedOver, KeptConnection, LostConnection, TakeOverReport};
use crate::config::{HostPort, NetworkSettings};
use crate::domain::{LetsChatUserId, Network, PuppetLogin};
use crate::net::{IrcStream, PendingBytes, ReleasedStream};
use crate::protocol::irc::{KeptUsers, SessionState};
use crate::service::bridge_settings::has_puppets;

/// The message of QUIT on a connection that is not continued.
const CONFIGURATION_CHANGED: &str = "the configuration has changed";

/// The connections that go on, by network.
#[derive(Debug, Default)]
pub(in crate::service) struct TakenOver {
    networks: HashMap<Network, TakenNetwork>,
}

/// The connections to one network that go on.
#[derive(Debug, Default)]
pub(in crate::service) struct TakenNetwork {
    /// The bridge's own.
    pub(in crate::service) own: Option<TakenConnection>,
    /// Those of puppets.
    pub(in crate::service) puppets: Vec<TakenPuppet>,
}

/// A connection that goes on.
#[derive(Debug)]
pub(in crate::service) struct TakenConnection {
    pub(in crate::service) stream: IrcStream,
    pub(in crate::service) server: HostPort,
    pub(in crate::service) session: SessionState,
    pub(in crate::service) pending: PendingBytes,
    /// Who is in the channels, as far as the session does not say.
    pub(in crate::service) others: Option<Arc<KeptUsers>>,
}

/// A puppet whose connection goes on.
#[derive(Debug)]
pub(in crate::service) struct TakenPuppet {
    pub(in crate::service) connection: TakenConnection,
    /// Its user on Let's Chat.
    pub(in crate::service) user: LetsChatUserId,
    /// The preferred nick.
    pub(in crate::service) nick: String,
    /// The user's name.
    pub(in crate::service) username: String,
    /// How long ago they last spoke.
    pub(in crate::service) idle: Duration,
    /// The services account that it logs in to.
    pub(in crate::service) login: Option<PuppetLogin>,
}

impl TakenOver {
    /// Takes over the connections that the networks of these settings would be made with, and says goodbye on the
    /// others. Puppets log in again with `logins`. Must be called within a Tokio runtime.
    pub(in crate::service) fn new(
        hand_over: HandedOver,
        networks: &[NetworkSettings],
        logins: &[PuppetLogin],
    ) -> (Self, TakeOverReport) {
        let HandOverState { id, from_version, began_at, lost, .. } = &hand_over.state;
        let (id, from_version, began_at) = (id.clone(), from_version.clone(), *began_at);
        let mut lost = lost.clone();
        let mut taken = Self::default();
        let mut kept = 0;
        for (connection, stream) in hand_over.into_connections() {
            let name = connection.puppet.as_ref().map(|puppet| puppet.username.clone());
            let network = Network::new(&connection.network);
            match taken.add(connection, stream, networks, logins) {
                Ok(()) => kept += 1,
                Err(reason) => {
                    lost.push(LostConnection::new(&network, name.as_deref(), reason));
                }
            }
        }
        taken.share_users();
        let away = Timestamp::now().duration_since(began_at).as_millis();
        let away_ms = u64::try_from(away).unwrap_or_default();
        (taken, TakeOverReport { id, from_version, kept, lost, away_ms })
    }

    /// The connections to `network`.
    pub(in crate::service) fn take(&mut self, network: &Network) -> TakenNetwork {
        self.networks.remove(network).unwrap_or_default()
    }

    fn add(
        &mut self,
        connection: KeptConnection,
        stream: ReleasedStream,
        networks: &[NetworkSettings],
        logins: &[PuppetLogin],
    ) -> Result<(), String> {
        let network = networks.iter().find(|it| it.network.as_str() == connection.network);
        let is_same = |it: &&NetworkSettings| it.connection_digest() == connection.settings;
        let is_wanted = |it: &&NetworkSettings| connection.puppet.is_none() || has_puppets(it);
        let network = network.filter(is_same).filter(is_wanted);
        let stream = IrcStream::take_over(stream)?;
        let Some(network) = network else {
            tokio::spawn(stream.say_goodbye(CONFIGURATION_CHANGED));
            return Err(CONFIGURATION_CHANGED.to_owned());
        };
        let server = connection.server();
        let KeptConnection { puppet, session, pending, .. } = connection;
        let connection = TakenConnection { stream, server, session, pending, others: None };
        let taken = self.networks.entry(network.network.clone()).or_default();
        match puppet {
            None => taken.own = Some(connection),
            Some(puppet) => {
                let user = LetsChatUserId(puppet.user.into());
                let is_theirs = |it: &&PuppetLogin| {
                    it.network == network.network && it.user == user && it.is_in_use()
                };
                taken.puppets.push(TakenPuppet {
                    login: logins.iter().find(is_theirs).cloned(),
                    connection,
                    user,
                    nick: puppet.nick,
                    username: puppet.username,
                    idle: Duration::from_secs(puppet.idle_secs),
                });
            }
        }
        Ok(())
    }

    /// What the bridge's own connection knows of the users, its puppets know, too.
    fn share_users(&mut self) {
        for taken in self.networks.values_mut() {
            let Some(own) = &taken.own else { continue };
            let users = Arc::new(own.session.users().clone());
            for puppet in &mut taken.puppets {
                puppet.connection.others = Some(Arc::clone(&users));
            }
        }
    }
}
