//! Connects to a server: tries all its addresses, overlapping in time, until one answers.

use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpSocket, TcpStream, lookup_host};
use tokio::time::{Instant, sleep, timeout_at};

use super::host::{host_port, without_brackets};
use super::tls::HandshakeError;

/// The time limit for resolving a host and connecting to one of its addresses.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);

/// Head start of an address over the next one (RFC 8305, section 5).
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// Idle time before the kernel probes the peer (TCP keepalive).
const KEEPALIVE_TIME: Duration = Duration::from_secs(60);

/// How long sent data may stay unacknowledged by the peer's kernel.
#[cfg(any(target_os = "linux", target_os = "android"))]
const TCP_USER_TIMEOUT: Duration = Duration::from_secs(90);

/// Why a connection failed, worded for the administrator.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The host has no address.
    #[error("cannot resolve `{host}`: {reason}")]
    UnknownHost {
        /// The configured host.
        host: String,
        /// The resolver's error.
        reason: String,
    },
    /// None of the host's addresses answered.
    #[error("cannot connect to {}: {tried}", host_port(host, *port))]
    Unreachable {
        /// The configured host.
        host: String,
        /// The configured port.
        port: u16,
        /// The addresses tried, with their errors.
        tried: String,
    },
    /// The proxy could not be used, or did not connect us.
    #[error("cannot connect to {target} through the proxy {proxy}: {reason}")]
    Proxy {
        /// The proxy's URL, without its password.
        proxy: String,
        /// The server we wanted to reach through it.
        target: String,
        /// What is wrong.
        reason: String,
    },
    /// The TLS handshake failed.
    #[error("TLS handshake with {host} failed: {reason}")]
    Tls {
        /// The server's host.
        host: String,
        /// What is wrong.
        #[source]
        reason: HandshakeError,
    },
}

/// The source address of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceAddr {
    /// An address of this machine.
    Local(IpAddr),
    /// An address in a prefix routed to this machine, which need not be configured on an interface.
    Routed(Ipv6Addr),
}

impl SourceAddr {
    pub(super) fn ip(self) -> IpAddr {
        match self {
            Self::Local(address) => address,
            Self::Routed(address) => address.into(),
        }
    }

    /// The configuration key that sets it.
    fn config_key(self) -> &'static str {
        match self {
            Self::Local(_) => "bind",
            Self::Routed(_) => "puppet_ipv6_prefix",
        }
    }

    /// Allows `socket` to bind an address that is not local (`IP_FREEBIND`).
    fn allow_bind(self, socket: &TcpSocket) -> io::Result<()> {
        match self {
            Self::Local(_) => Ok(()),
            #[cfg(any(target_os = "linux", target_os = "android"))]
            Self::Routed(_) => SockRef::from(socket).set_freebind_v6(true),
            #[cfg(not(any(target_os = "linux", target_os = "android")))]
            Self::Routed(_) => Ok(()),
        }
    }
}

/// Connects to `host`, a name or an address, at whichever of its addresses answers first.
///
/// # Errors
/// [`ConnectError::UnknownHost`] or [`ConnectError::Unreachable`], after 20 seconds at the latest.
pub async fn connect_tcp(host: &str, port: u16) -> Result<TcpStream, ConnectError> {
    connect_from(None, host, port).await
}

/// Like [`connect_tcp`], from this source address.
pub(super) async fn connect_from(
    from: Option<SourceAddr>,
    host: &str,
    port: u16,
) -> Result<TcpStream, ConnectError> {
    let host = without_brackets(host);
    let addresses = async {
        let found = lookup_host((host, port)).await?;
        // Source and destination must be of the same address family.
        Ok(found.filter(|to| from.is_none_or(|from| from.ip().is_ipv6() == to.is_ipv6())).collect())
    };
    let stream = connect_first(host, port, addresses, |to| connect_addr(from, to)).await?;
    set_socket_options(&stream);
    Ok(stream)
}

async fn connect_addr(from: Option<SourceAddr>, to: SocketAddr) -> io::Result<TcpStream> {
    let Some(from) = from else { return TcpStream::connect(to).await };
    let socket = if to.is_ipv6() { TcpSocket::new_v6()? } else { TcpSocket::new_v4()? };
    let address = from.ip();
    let key = from.config_key();
    let bound = from.allow_bind(&socket).and_then(|()| socket.bind(SocketAddr::new(address, 0)));
    bound.map_err(|error| {
        io::Error::other(format!("cannot bind to {address} (`{key}`): {error}"))
    })?;
    socket.connect(to).await
}

async fn connect_first<T, F: Future<Output = io::Result<T>>>(
    host: &str,
    port: u16,
    resolve: impl Future<Output = io::Result<Vec<SocketAddr>>>,
    attempt: impl Fn(SocketAddr) -> F,
) -> Result<T, ConnectError> {
    let deadline = Instant::now() + CONNECT_TIMEOUT;
    let unknown = |reason: String| ConnectError::UnknownHost { host: host.to_owned(), reason };
    let addresses = match timeout_at(deadline, resolve).await {
        Ok(Ok(addresses)) if addresses.is_empty() => {
            return Err(unknown("no address found".into()));
        }
        Ok(Ok(addresses)) => interleave_families(addresses),
        Ok(Err(error)) => return Err(unknown(error.to_string())),
        Err(_) => return Err(unknown(timeout_text())),
    };
    let mut failures = Vec::new();
    let race = race_addresses(&addresses, attempt, &mut failures);
    match timeout_at(deadline, race).await {
        Ok(Some(winner)) => Ok(winner),
        Ok(None) | Err(_) => Err(ConnectError::Unreachable {
            host: host.to_owned(),
            port,
            tried: describe_attempts(&addresses, &failures),
        }),
    }
}

/// Alternates address families (RFC 8305, section 4) and keeps the resolver's order within each. A broken
/// family then costs no more than one head start.
fn interleave_families(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first_family = addresses.first().map(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) =
        addresses.into_iter().partition(|address| Some(address.is_ipv6()) == first_family);
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut turns = Vec::new();
    loop {
        let before = turns.len();
        turns.extend(first.next());
        turns.extend(second.next());
        if turns.len() == before {
            return turns;
        }
    }
}

/// Tries the addresses in order, each after its predecessor's head start or failure. The first to answer wins
/// and the others are dropped. `None` if all fail.
async fn race_addresses<T, F: Future<Output = io::Result<T>>>(
    addresses: &[SocketAddr],
    attempt: impl Fn(SocketAddr) -> F,
    failures: &mut Vec<(SocketAddr, io::Error)>,
) -> Option<T> {
    let mut waiting = addresses.iter().copied();
    let mut running = FuturesUnordered::new();
    loop {
        if let Some(address) = waiting.next() {
            let trying = attempt(address);
            running.push(async move { (address, trying.await) });
        }
        tokio::select! {
            ended = running.next() => match ended? {
                (_, Ok(winner)) => return Some(winner),
                (address, Err(error)) => failures.push((address, error)),
            },
            () = sleep(ATTEMPT_DELAY), if waiting.len() > 0 => {}
        }
    }
}

fn describe_attempts(addresses: &[SocketAddr], failures: &[(SocketAddr, io::Error)]) -> String {
    let description = |address: &SocketAddr| {
        let failure = failures.iter().find(|(failed, _)| failed == address);
        let reason = failure.map_or_else(timeout_text, |(_, error)| describe_io_error(error));
        format!("{}: {reason}", address.ip())
    };
    addresses.iter().map(description).collect::<Vec<_>>().join("; ")
}

fn timeout_text() -> String {
    format!("no answer within {} s", CONNECT_TIMEOUT.as_secs())
}

/// Describes why an address could not be reached.
pub(super) fn describe_io_error(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => {
            "connection refused: nothing listens on this port. Check the port, and whether the \
             server runs"
                .to_owned()
        }
        io::ErrorKind::TimedOut => "timed out".to_owned(),
        io::ErrorKind::NetworkUnreachable => "no route to the network".to_owned(),
        io::ErrorKind::HostUnreachable => "no route to the host".to_owned(),
        _ => error.to_string(),
    }
}

/// Sends lines immediately and detects dead connections. A system without one of these options still works,
/// so errors are ignored.
fn set_socket_options(stream: &TcpStream) {
    let socket = SockRef::from(stream);
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE_TIME);
    let outcome = socket.set_tcp_nodelay(true).and_then(|()| socket.set_tcp_keepalive(&keepalive));
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let outcome = outcome.and_then(|()| socket.set_tcp_user_timeout(Some(TCP_USER_TIMEOUT)));
    if let Err(error) = outcome {
        tracing::debug!(%error, "cannot set a socket option");
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Mutex;

    use tokio::net::TcpListener;

    use super::*;

    const V6_A: &str = "[2001:db8::a]:1";
    const V6_B: &str = "[2001:db8::b]:1";
    const V4_A: &str = "192.0.2.1:1";
    const V4_B: &str = "192.0.2.2:1";

    fn addresses(list: &[&str]) -> Vec<SocketAddr> {
        list.iter().map(|address| address.parse().unwrap()).collect()
    }

    #[track_caller]
    fn turns(resolved: &[&str], tried: &[&str]) {
        assert_eq!(interleave_families(addresses(resolved)), addresses(tried));
    }

    #[test]
    fn address_families_alternate_in_resolver_order() {
        turns(&[V6_A, V6_B, V4_A, V4_B], &[V6_A, V4_A, V6_B, V4_B]);
        turns(&[V4_A, V4_B, V6_A], &[V4_A, V6_A, V4_B]);
        turns(&[V4_A, V4_B], &[V4_A, V4_B]);
        turns(&[], &[]);
    }

    /// Connects to a host whose addresses behave as `fate` says; returns when each was tried, in
    /// milliseconds.
    async fn reached<F: Future<Output = io::Result<SocketAddr>>>(
        resolved: &[&str],
        fate: impl Fn(SocketAddr) -> F,
    ) -> (Result<SocketAddr, ConnectError>, Vec<(u128, String)>) {
        let start = Instant::now();
        let log = Mutex::new(Vec::new());
        let found = addresses(resolved);
        let outcome = connect_first("host.example", 1, async { Ok(found) }, |address| {
            log.lock().unwrap().push((start.elapsed().as_millis(), address.to_string()));
            fate(address)
        })
        .await;
        (outcome, log.into_inner().unwrap())
    }

    fn at(list: &[(u128, &str)]) -> Vec<(u128, String)> {
        list.iter().map(|(when, address)| (*when, (*address).to_owned())).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn silent_address_delays_the_next_by_the_attempt_delay() {
        let (outcome, log) = reached(&[V6_A, V6_B, V4_A], |address| async move {
            if address.is_ipv6() { std::future::pending().await } else { Ok(address) }
        })
        .await;
        assert_eq!(outcome.unwrap().to_string(), V4_A);
        assert_eq!(log, at(&[(0, V6_A), (250, V4_A)]));
    }

    #[tokio::test(start_paused = true)]
    async fn slow_address_can_still_win() {
        let (outcome, log) = reached(&[V6_A, V4_A], |address| async move {
            sleep(Duration::from_millis(if address.is_ipv6() { 400 } else { 300 })).await;
            Ok(address)
        })
        .await;
        assert_eq!(outcome.unwrap().to_string(), V6_A);
        assert_eq!(log, at(&[(0, V6_A), (250, V4_A)]));
    }

    #[tokio::test(start_paused = true)]
    async fn failed_address_starts_the_next_at_once() {
        let (outcome, log) = reached(&[V6_A, V4_A, V6_B], |address| async move {
            if address.to_string() == V6_B {
                return Ok(address);
            }
            Err(io::ErrorKind::NetworkUnreachable.into())
        })
        .await;
        assert_eq!(outcome.unwrap().to_string(), V6_B);
        assert_eq!(log, at(&[(0, V6_A), (0, V4_A), (0, V6_B)]));
    }

    #[tokio::test(start_paused = true)]
    async fn timeout_error_lists_each_address() {
        let start = Instant::now();
        let (outcome, _) = reached(&[V6_A, V4_A], |address| async move {
            if address.is_ipv6() {
                return Err(io::ErrorKind::NetworkUnreachable.into());
            }
            std::future::pending().await
        })
        .await;
        assert_eq!(start.elapsed(), CONNECT_TIMEOUT);
        assert_eq!(
            outcome.unwrap_err().to_string(),
            "cannot connect to host.example:1: 2001:db8::a: no route to the network; 192.0.2.1: \
             no answer within 20 s"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn host_without_addresses_is_unknown() {
        let attempt = |_| async { Ok(()) };
        for (resolver, words) in [
            (Ok(Vec::new()), "cannot resolve `tea.example`: no address found"),
            (Err(io::Error::other("no such name")), "cannot resolve `tea.example`: no such name"),
        ] {
            let error =
                connect_first("tea.example", 1, async { resolver }, attempt).await.unwrap_err();
            assert_eq!(error.to_string(), words);
        }
        let error =
            connect_first("tea.example", 1, std::future::pending(), attempt).await.unwrap_err();
        assert!(error.to_string().ends_with("`tea.example`: no answer within 20 s"), "{error}");
    }

    #[tokio::test]
    async fn both_families_connect_on_real_sockets() {
        for (host, listen) in [("127.0.0.1", "127.0.0.1:0"), ("[::1]", "[::1]:0")] {
            let listener = match TcpListener::bind(listen).await {
                // Not testable on a machine without IPv6.
                Err(_) if listen.starts_with('[') => continue,
                bound => bound.unwrap(),
            };
            let address = listener.local_addr().unwrap();
            let stream = connect_tcp(host, address.port()).await.unwrap();
            assert_eq!(stream.peer_addr().unwrap(), address);
            assert!(stream.nodelay().unwrap());
            assert!(SockRef::from(&stream).keepalive().unwrap());
        }
    }

    #[tokio::test]
    async fn closed_port_is_reported_as_refused() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let error = connect_tcp("127.0.0.1", port).await.unwrap_err().to_string();
        assert_eq!(
            error,
            format!(
                "cannot connect to 127.0.0.1:{port}: 127.0.0.1: connection refused: nothing \
                 listens on this port. Check the port, and whether the server runs"
            )
        );
    }
}
