//! The listening socket: open, closed with the port kept, and open again.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Mutex, oneshot};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use super::connection::{serve, until_resumed};
use super::shared::Shared;
use super::state::ServerState;

/// How long clients have to read why they are disconnected.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a client has for its TLS handshake.
const TLS_HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long to wait after a connection could not be accepted.
const ACCEPT_RETRY: Duration = Duration::from_millis(50);
/// How many connections may wait to be accepted.
const BACKLOG: u32 = 1024;

/// How clients are disconnected when the server goes down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseKind {
    /// With `ERROR` and this reason.
    Error(&'static str),
    /// Without a word: the connections break.
    Silent,
}

/// The port of a server. Dropping it ends the server and all connections at once.
#[derive(Debug)]
pub(super) struct Listener {
    shared: Arc<Shared>,
    address: SocketAddr,
    port: Mutex<Port>,
}

/// Whether connections are accepted.
#[derive(Debug)]
enum Port {
    /// They are.
    Open { accept_loop: AcceptLoop, closing: oneshot::Sender<CloseKind> },
    /// They are refused, and nobody else gets the port.
    Closed(TcpSocket),
    /// They are refused, and the port is lost.
    Lost,
}

/// The task that accepts; it ends with its handle, and all connections with it.
#[derive(Debug)]
struct AcceptLoop(JoinHandle<()>);

impl Drop for AcceptLoop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Listener {
    /// Takes the port, and accepts nothing yet.
    pub(super) fn bind(address: SocketAddr, shared: Arc<Shared>) -> io::Result<Self> {
        let socket = bind(address)?;
        let address = socket.local_addr()?;
        Ok(Self { shared, address, port: Mutex::new(Port::Closed(socket)) })
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Accepts connections from now on; does nothing if it does already.
    pub(super) async fn open(&self) -> io::Result<()> {
        let mut port = self.port.lock().await;
        *port = match std::mem::replace(&mut *port, Port::Lost) {
            Port::Closed(socket) => {
                let listener = socket.listen(BACKLOG)?;
                let (closing, closed) = oneshot::channel();
                let task = tokio::spawn(accept_loop(Arc::clone(&self.shared), listener, closed));
                Port::Open { accept_loop: AcceptLoop(task), closing }
            }
            Port::Lost => return Err(io::ErrorKind::NotConnected.into()),
            open @ Port::Open { .. } => open,
        };
        Ok(())
    }

    /// Refuses connections from now on, and ends those there are.
    pub(super) async fn close(&self, kind: CloseKind) {
        let mut port = self.port.lock().await;
        match std::mem::replace(&mut *port, Port::Lost) {
            Port::Open { mut accept_loop, closing } => {
                // A loop that has ended has closed already.
                let _ = closing.send(kind);
                let _ = (&mut accept_loop.0).await;
                *port = bind(self.address).map_or(Port::Lost, Port::Closed);
            }
            closed => *port = closed,
        }
    }
}

fn bind(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // Old connections to this port may linger; they must not keep us from it.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

/// Accepts connections until told to close.
async fn accept_loop(
    shared: Arc<Shared>,
    listener: TcpListener,
    mut closed: oneshot::Receiver<CloseKind>,
) {
    let mut connections = JoinSet::new();
    let kind = loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, address)) => {
                    connections.spawn(serve_client(Arc::clone(&shared), stream, address));
                }
                // Out of file descriptors, most likely; some may come free.
                Err(_) => sleep(ACCEPT_RETRY).await,
            },
            Some(_) = connections.join_next() => {}
            kind = &mut closed => break kind.unwrap_or(CloseKind::Silent),
        }
    };
    drop(listener);
    shared.with(|state| disconnect_all(state, kind));
    if kind != CloseKind::Silent {
        let all_closed = async { while connections.join_next().await.is_some() {} };
        // Connections that are still open then are aborted.
        let _ = timeout(CLOSE_TIMEOUT, all_closed).await;
    }
    connections.shutdown().await;
    // A client may have connected in between.
    shared.with(|state| disconnect_all(state, CloseKind::Silent));
}

fn disconnect_all(state: &mut ServerState, kind: CloseKind) {
    match kind {
        CloseKind::Error(reason) => state.close_all(reason),
        CloseKind::Silent => state.drop_all(),
    }
}

async fn serve_client(shared: Arc<Shared>, stream: TcpStream, address: SocketAddr) {
    // Lines are short and answers wait for them; where it fails, they come a little later.
    let _ = stream.set_nodelay(true);
    // During a stall only the operating system accepts.
    until_resumed(&mut shared.stalled()).await;
    match shared.tls.clone() {
        None => serve(shared, stream, address.ip()).await,
        Some(config) => {
            let handshake = TlsAcceptor::from(config).accept(stream);
            if let Ok(Ok(stream)) = timeout(TLS_HANDSHAKE_TIMEOUT, handshake).await {
                serve(shared, stream, address.ip()).await;
            }
        }
    }
}
