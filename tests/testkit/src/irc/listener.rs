//! The listening socket: open, shut with the port kept, and open again.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use super::connection::{serve, unstalled};
use super::server::Inner;

/// How long clients have to take their goodbye.
const GOODBYE: Duration = Duration::from_secs(2);
/// How long a client has for its TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How many connections may wait to be accepted.
const BACKLOG: u32 = 1024;

/// What clients are told when the server goes down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goodbye {
    /// `ERROR`, with this reason.
    Error(&'static str),
    /// Nothing: the connections break.
    Silent,
}

/// Where clients come in.
#[derive(Debug)]
pub(super) enum Door {
    /// Connections are accepted.
    Open { keeper: Keeper, closing: oneshot::Sender<Goodbye>, address: SocketAddr },
    /// Connections are refused, and nobody else gets the port.
    Shut(TcpSocket),
    /// There is no server any more.
    Gone,
}

/// The task that accepts; it ends with its handle, and all connections with it.
#[derive(Debug)]
pub(super) struct Keeper(JoinHandle<()>);

impl Drop for Keeper {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Door {
    /// Takes the port, and accepts nothing yet.
    pub(super) fn shut(address: SocketAddr) -> io::Result<Self> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        // Old connections to this port may linger; they must not keep us from it.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        Ok(Self::Shut(socket))
    }

    /// Where it is.
    pub(super) fn address(&self) -> io::Result<SocketAddr> {
        match self {
            Self::Open { address, .. } => Ok(*address),
            Self::Shut(socket) => socket.local_addr(),
            Self::Gone => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// Accepts from now on; nothing happens when it does already.
    pub(super) fn open(&mut self, server: &Arc<Inner>) -> io::Result<()> {
        *self = match std::mem::replace(self, Self::Gone) {
            Self::Shut(socket) => {
                let address = socket.local_addr()?;
                let listener = socket.listen(BACKLOG)?;
                let (closing, closed) = oneshot::channel();
                let keeper = Keeper(tokio::spawn(keep(Arc::clone(server), listener, closed)));
                Self::Open { keeper, closing, address }
            }
            open => open,
        };
        Ok(())
    }

    /// Refuses connections from now on, and ends those there are.
    pub(super) async fn close(&mut self, goodbye: Goodbye) {
        match std::mem::replace(self, Self::Gone) {
            Self::Open { mut keeper, closing, address } => {
                // A keeper that is no more has closed already.
                let _ = closing.send(goodbye);
                let _ = (&mut keeper.0).await;
                *self = Self::shut(address).unwrap_or(Self::Gone);
            }
            shut => *self = shut,
        }
    }
}

/// Accepts connections until told to close.
async fn keep(server: Arc<Inner>, listener: TcpListener, mut closed: oneshot::Receiver<Goodbye>) {
    let mut guests = JoinSet::new();
    let goodbye = loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, address)) => {
                    guests.spawn(welcome(Arc::clone(&server), stream, address));
                }
                // Out of file descriptors, most likely; some may come free.
                Err(_) => sleep(Duration::from_millis(50)).await,
            },
            Some(_) = guests.join_next() => {}
            goodbye = &mut closed => break goodbye.unwrap_or(Goodbye::Silent),
        }
    };
    drop(listener);
    server.with(|world| world.everybody_out(goodbye));
    if goodbye != Goodbye::Silent {
        let all_gone = async { while guests.join_next().await.is_some() {} };
        // Who has not gone by then is thrown out.
        let _ = timeout(GOODBYE, all_gone).await;
    }
    guests.shutdown().await;
    // Somebody may have come in between.
    server.with(|world| world.everybody_out(Goodbye::Silent));
}

async fn welcome(server: Arc<Inner>, stream: TcpStream, address: SocketAddr) {
    // Lines are short and answers wait for them; where it fails, they come a little later.
    let _ = stream.set_nodelay(true);
    // Who comes during a stall is let in by the operating system alone.
    unstalled(&mut server.stalled()).await;
    match server.tls.clone() {
        None => serve(server, stream, address.ip()).await,
        Some(config) => {
            let handshake = TlsAcceptor::from(config).accept(stream);
            if let Ok(Ok(stream)) = timeout(HANDSHAKE, handshake).await {
                serve(server, stream, address.ip()).await;
            }
        }
    }
}
