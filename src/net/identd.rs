//! An ident server (RFC 1413) that answers for the bridge's own connections only.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

use crate::protocol::identd::IdentQuery;

/// How long to wait for a connection to be registered: a server may ask before we have done so.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(2);

/// Time limit for one client.
const CLIENT_TIMEOUT: Duration = Duration::from_secs(15);

/// The longest valid query (RFC 1413, section 4: 1000 characters).
const MAX_LEN_QUERY: u64 = 1_000;

/// Maximum number of concurrent clients; others wait.
const MAX_CLIENTS: usize = 64;

/// The bridge's connections and their users.
#[derive(Debug, Default)]
pub struct IdentRegistry {
    /// Keyed by local and remote address.
    users: Mutex<HashMap<(SocketAddr, SocketAddr), Arc<str>>>,
    changes: watch::Sender<()>,
}

/// Keeps a connection registered until dropped.
#[derive(Debug)]
pub struct IdentGuard {
    registry: Arc<IdentRegistry>,
    addresses: (SocketAddr, SocketAddr),
}

impl IdentRegistry {
    /// Registers this connection as `user`'s. `None` if it has already ended.
    #[must_use]
    pub fn register(self: &Arc<Self>, tcp: &TcpStream, user: &str) -> Option<IdentGuard> {
        let ends = (canonical_addr(tcp.local_addr().ok()?), canonical_addr(tcp.peer_addr().ok()?));
        self.lock_users().insert(ends, user.into());
        self.changes.send_replace(());
        Some(IdentGuard { registry: Arc::clone(self), addresses: ends })
    }

    /// The user of the connection between these addresses; waits a moment for one being registered.
    async fn wait_user(&self, ends: (SocketAddr, SocketAddr)) -> Option<Arc<str>> {
        let mut news = self.changes.subscribe();
        let found = async {
            loop {
                if let Some(user) = self.lock_users().get(&ends) {
                    return Some(Arc::clone(user));
                }
                news.changed().await.ok()?;
            }
        };
        timeout(LOOKUP_TIMEOUT, found).await.ok()?
    }

    fn lock_users(&self) -> MutexGuard<'_, HashMap<(SocketAddr, SocketAddr), Arc<str>>> {
        self.users.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for IdentGuard {
    fn drop(&mut self) {
        self.registry.lock_users().remove(&self.addresses);
    }
}

/// Listens at `address`; must be called within a Tokio runtime.
///
/// # Errors
/// The system's error.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let listener = std::net::TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}

/// Answers queries forever.
pub async fn serve(listener: TcpListener, registry: Arc<IdentRegistry>) {
    let room = Arc::new(Semaphore::new(MAX_CLIENTS));
    loop {
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((tcp, from)) => {
                let registry = Arc::clone(&registry);
                tokio::spawn(async move {
                    if let Ok(Err(error)) =
                        timeout(CLIENT_TIMEOUT, serve_client(tcp, from.ip(), &registry)).await
                    {
                        tracing::debug!(%from, %error, "ident client failed");
                    }
                    drop(permit);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "ident: cannot accept connections at the moment");
                tokio::time::sleep(LOOKUP_TIMEOUT).await;
            }
        }
    }
}

/// Answers one client, only about connections between its address and the one it connected to.
async fn serve_client(
    mut tcp: TcpStream,
    from: IpAddr,
    registry: &IdentRegistry,
) -> io::Result<()> {
    let asked = tcp.local_addr()?.ip();
    let (reader, mut writer) = tcp.split();
    let mut reader = BufReader::new(reader);
    loop {
        let mut line = String::new();
        (&mut reader).take(MAX_LEN_QUERY).read_line(&mut line).await?;
        let Some(query) = IdentQuery::parse(&line).filter(|_| line.ends_with('\n')) else {
            return Ok(());
        };
        let user = match query.ports() {
            Some((local, remote)) => {
                let ends = (SocketAddr::new(asked, local), SocketAddr::new(from, remote));
                registry.wait_user((canonical_addr(ends.0), canonical_addr(ends.1))).await
            }
            None => None,
        };
        tracing::debug!(%from, ?query, ?user, "ident query");
        writer.write_all(format!("{}\r\n", query.response(user.as_deref())).as_bytes()).await?;
    }
}

/// Converts an IPv4-mapped IPv6 address to IPv4 and drops the scope.
fn canonical_addr(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    async fn ask(at: SocketAddr, line: &str) -> String {
        let mut tcp = TcpStream::connect(at).await.unwrap();
        tcp.write_all(line.as_bytes()).await.unwrap();
        let mut answer = String::new();
        BufReader::new(tcp).read_line(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn registered_connection_has_a_user_until_dropped() {
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let identd = listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let at = identd.local_addr().unwrap();
        let book = Arc::new(IdentRegistry::default());
        tokio::spawn(serve(identd, Arc::clone(&book)));
        let tcp = TcpStream::connect(server.local_addr().unwrap()).await.unwrap();
        let (ours, theirs) = (tcp.local_addr().unwrap().port(), tcp.peer_addr().unwrap().port());
        // The server asks before the connection is registered, and gets its answer afterwards.
        let asked = tokio::spawn(async move { ask(at, &format!("{ours}, {theirs}\r\n")).await });
        tokio::task::yield_now().await;
        let known = book.register(&tcp, "bob").unwrap();
        let answer = asked.await.unwrap();
        assert_eq!(answer, format!("{ours}, {theirs} : USERID : UNIX : bob\r\n"));
        // Connections of other servers are not revealed.
        let elsewhere = ask(at, &format!("{ours}, {}\r\n", theirs.wrapping_add(1).max(1))).await;
        assert!(elsewhere.ends_with(" : ERROR : NO-USER\r\n"), "{elsewhere}");
        drop(known);
        let gone = ask(at, &format!("{ours}, {theirs}\r\n")).await;
        assert_eq!(gone, format!("{ours}, {theirs} : ERROR : NO-USER\r\n"));
        // Invalid queries get no answer.
        assert_eq!(ask(at, "hello\r\n").await, "");
    }
}
