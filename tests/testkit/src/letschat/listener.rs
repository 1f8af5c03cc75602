//! The listening socket. It can be closed, which refuses connections, and opened again on the same
//! port, which nobody else can take meanwhile.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_rustls::{TlsAcceptor, rustls};

use super::faults::Faults;
use super::tcp_stream::{self, CuttableStream};

/// How many connections the operating system accepts before we do.
const BACKLOG: u32 = 1024;

/// A command to the accept loop: whether to be open, and where to confirm it.
type Command = (bool, oneshot::Sender<io::Result<()>>);

/// A handle on the accept loop.
#[derive(Debug, Clone)]
pub(super) struct AcceptLoop(mpsc::Sender<Command>);

impl AcceptLoop {
    /// Opens or closes the port, and waits until that is done.
    pub(super) async fn set(&self, open: bool) -> io::Result<()> {
        let (done, told) = oneshot::channel();
        let gone = |_| io::Error::from(io::ErrorKind::NotConnected);
        self.0
            .send((open, done))
            .await
            .map_err(|_| io::Error::from(io::ErrorKind::NotConnected))?;
        told.await.map_err(gone)?
    }
}

/// The accepted connections, for axum.
#[derive(Debug)]
pub(super) struct AcceptedConnections {
    accepted: mpsc::Receiver<(CuttableStream, SocketAddr)>,
    address: SocketAddr,
}

/// What a connection needs to know of its server.
#[derive(Clone)]
pub(super) struct ConnectionContext {
    pub tls: Option<Arc<rustls::ServerConfig>>,
    pub life: watch::Sender<u64>,
    pub faults: Arc<Faults>,
}

/// Listens on `bind`.
pub(super) fn open(
    bind: SocketAddr,
    context: ConnectionContext,
) -> io::Result<(AcceptedConnections, AcceptLoop, SocketAddr)> {
    let listener = reserve(bind)?.listen(BACKLOG)?;
    let address = listener.local_addr()?;
    let (orders, ordered) = mpsc::channel(1);
    let (streams, came) = mpsc::channel(64);
    tokio::spawn(accept_loop(listener, address, ordered, context, streams));
    Ok((AcceptedConnections { accepted: came, address }, AcceptLoop(orders), address))
}

/// Takes the port without listening, so that connections are refused.
fn reserve(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

/// Accepts connections until the last handle is gone.
async fn accept_loop(
    mut listener: TcpListener,
    address: SocketAddr,
    mut orders: mpsc::Receiver<Command>,
    context: ConnectionContext,
    streams: mpsc::Sender<(CuttableStream, SocketAddr)>,
) {
    loop {
        let order = tokio::select! {
            order = orders.recv() => order,
            accepted = accept(&listener, &context.faults) => {
                if let Ok((stream, peer)) = accepted {
                    // Its life begins here, so that cutting all after the port was closed cuts this one too.
                    let life = context.life.subscribe();
                    tokio::spawn(hand_over(stream, peer, context.clone(), life, streams.clone()));
                }
                continue;
            }
        };
        match order {
            None => return,
            Some((true, done)) => drop(done.send(Ok(()))),
            Some((false, done)) => {
                drop(listener);
                let reserved = reserve(address);
                drop(done.send(Ok(())));
                match wait_for_open(reserved, &mut orders).await {
                    Some(again) => listener = again,
                    None => return,
                }
            }
        }
    }
}

/// Waits, with the port closed, for the command to open. `None`: no handle is left, or the port is lost.
async fn wait_for_open(
    reserved: io::Result<TcpSocket>,
    orders: &mut mpsc::Receiver<Command>,
) -> Option<TcpListener> {
    loop {
        match orders.recv().await? {
            (false, done) => drop(done.send(Ok(()))),
            (true, done) => {
                let listener = reserved.and_then(|socket| socket.listen(BACKLOG));
                let (listener, outcome) = match listener {
                    Ok(listener) => (Some(listener), Ok(())),
                    Err(error) => (None, Err(error)),
                };
                drop(done.send(outcome));
                return listener;
            }
        }
    }
}

async fn accept(listener: &TcpListener, faults: &Faults) -> io::Result<(TcpStream, SocketAddr)> {
    faults.until_resumed().await;
    listener.accept().await
}

/// Does the TLS handshake, if there is one, and hands the connection on.
async fn hand_over(
    stream: TcpStream,
    peer: SocketAddr,
    context: ConnectionContext,
    life: watch::Receiver<u64>,
    streams: mpsc::Sender<(CuttableStream, SocketAddr)>,
) {
    // Small frames are to go at once; without this they only go later.
    let _ = stream.set_nodelay(true);
    // During a stall only the operating system accepts.
    context.faults.until_resumed().await;
    let stream = match context.tls {
        None => CuttableStream::new(Box::new(stream), life),
        Some(config) => {
            tokio::select! {
                shaken = TlsAcceptor::from(config).accept(stream) => match shaken {
                    Ok(stream) => CuttableStream::new(Box::new(stream), life),
                    Err(_) => return,
                },
                () = tcp_stream::until_cut(life.clone()) => return,
            }
        }
    };
    // Nobody is there to take it when the server is being stopped.
    let _ = streams.send((stream, peer)).await;
}

impl Listener for AcceptedConnections {
    type Io = CuttableStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (CuttableStream, SocketAddr) {
        match self.accepted.recv().await {
            Some(came) => came,
            // The accept loop is gone: no more connections come.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

/// Where a request comes from, and its connection.
#[derive(Debug, Clone)]
pub(super) struct Peer {
    pub address: SocketAddr,
    cut: watch::Sender<u64>,
}

impl Peer {
    /// Cuts its connection, which nothing more is read from or written to.
    pub(super) fn cut(&self) {
        self.cut.send_modify(|cuts| *cuts += 1);
    }
}

impl Connected<IncomingStream<'_, AcceptedConnections>> for Peer {
    fn connect_info(stream: IncomingStream<'_, AcceptedConnections>) -> Self {
        Self { address: *stream.remote_addr(), cut: stream.io().cutter() }
    }
}
