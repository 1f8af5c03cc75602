//! Where connections are put down that another program takes over.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time;
use tokio_util::codec::Framed;

use super::LostConnection;
use crate::config::HostPort;
use crate::domain::{LetsChatUserId, Network};
use crate::net;
use crate::net::{ConnectionEnd, IrcCodec, IrcStream, PendingBytes, ReleasedStream};
use crate::protocol::irc::{IrcSession, SessionState};

/// A connection that was let go of.
#[derive(Debug)]
pub(in crate::service) struct ReleasedConnection {
    pub(in crate::service) network: Network,
    /// The digest of the settings that it was made with.
    pub(in crate::service) settings: String,
    /// Whose puppet it is; `None` for the bridge's own connection.
    pub(in crate::service) puppet: Option<ReleasedPuppet>,
    /// The server that it leads to.
    pub(in crate::service) server: HostPort,
    pub(in crate::service) stream: ReleasedStream,
    pub(in crate::service) session: SessionState,
    pub(in crate::service) pending: PendingBytes,
}

/// A puppet whose connection was let go of.
#[derive(Debug)]
pub(in crate::service) struct ReleasedPuppet {
    /// Its user on Let's Chat.
    pub(in crate::service) user: LetsChatUserId,
    /// The preferred nick.
    pub(in crate::service) nick: String,
    /// The user's name.
    pub(in crate::service) username: String,
    /// How long ago they last spoke.
    pub(in crate::service) idle: Duration,
}

/// Collects connections. Clones are the same.
#[derive(Debug, Clone, Default)]
pub(in crate::service) struct ReleaseDesk {
    inner: Arc<DeskInner>,
}

#[derive(Debug, Default)]
struct DeskInner {
    is_open: AtomicBool,
    collected: Mutex<Collected>,
}

#[derive(Debug, Default)]
struct Collected {
    released: Vec<ReleasedConnection>,
    lost: Vec<LostConnection>,
}

/// The lines of a connection to an IRC server.
pub(in crate::service) type IrcLines = Framed<IrcStream, IrcCodec>;

/// Puts down the connection of a session that was released, made with settings of this digest.
pub(in crate::service) fn put_down(
    desk: &ReleaseDesk,
    (network, settings, puppet): (&Network, String, Option<ReleasedPuppet>),
    server: HostPort,
    (session, lines): (IrcSession, IrcLines),
) {
    let session = session.keep(time::Instant::now().into_std());
    let (stream, pending) = net::release_lines(lines);
    let network = network.clone();
    let username = puppet.as_ref().map(|puppet| puppet.username.clone());
    match stream.release() {
        Ok(stream) => desk.put(ReleasedConnection {
            network,
            settings,
            puppet,
            server,
            stream,
            session,
            pending,
        }),
        Err(reason) => desk.note_lost(&network, username.as_deref(), &reason),
    }
}

impl ReleaseDesk {
    /// From now on, a connection that ends should have been put down here.
    pub(in crate::service) fn open(&self) {
        self.inner.is_open.store(true, Ordering::Relaxed);
    }

    /// A connection was let go of.
    pub(in crate::service) fn put(&self, connection: ReleasedConnection) {
        self.collected().released.push(connection);
    }

    /// The connection to `network`, or that of this user's puppet there, has ended otherwise.
    pub(in crate::service) fn note_end(
        &self,
        network: &Network,
        username: Option<&str>,
        end: &ConnectionEnd,
    ) {
        if self.inner.is_open.load(Ordering::Relaxed) {
            let reason = match end {
                ConnectionEnd::Closed(_) | ConnectionEnd::Cancelled | ConnectionEnd::Released => {
                    "it was busy with something that could not be interrupted"
                }
                ConnectionEnd::Lost(reason) => reason,
            };
            self.note_lost(network, username, reason);
        }
    }

    /// The connection to `network`, or that of this user's puppet there, could not be let go of.
    pub(in crate::service) fn note_lost(
        &self,
        network: &Network,
        username: Option<&str>,
        reason: &str,
    ) {
        self.collected().lost.push(LostConnection::new(network, username, reason));
    }

    /// Takes what was put down, and what was lost. Where the bridge's own connection tells who is in the channels, its
    /// puppets need not tell it, too.
    pub(in crate::service) fn take(&self) -> (Vec<ReleasedConnection>, Vec<LostConnection>) {
        let Collected { mut released, lost } = std::mem::take(&mut *self.collected());
        let own = released.iter().filter(|it| it.puppet.is_none());
        let own: Vec<Network> = own.map(|it| it.network.clone()).collect();
        for connection in &mut released {
            if connection.puppet.is_some() && own.contains(&connection.network) {
                connection.session.forget_users();
            }
        }
        (released, lost)
    }

    fn collected(&self) -> MutexGuard<'_, Collected> {
        self.inner.collected.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
