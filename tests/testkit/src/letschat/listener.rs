//! Where connections come in. The door can be shut, which refuses them, and opened again on the same
//! port, which nobody else can take meanwhile.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_rustls::{TlsAcceptor, rustls};

use super::faults::Mischief;
use super::tcp_stream::{self, Wire};

/// How many connections the operating system accepts before we do.
const BACKLOG: u32 = 1024;

/// An order to the keeper of the door: whether it is to be open, and whom to tell that it is.
type Order = (bool, oneshot::Sender<io::Result<()>>);

/// The way to give orders.
#[derive(Debug, Clone)]
pub(super) struct Keeper(mpsc::Sender<Order>);

impl Keeper {
    /// Opens the door or shuts it, and waits until that is so.
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

/// Those who came in, for axum.
#[derive(Debug)]
pub(super) struct Door {
    came: mpsc::Receiver<(Wire, SocketAddr)>,
    address: SocketAddr,
}

/// What a connection needs to know of its server.
#[derive(Clone)]
pub(super) struct House {
    pub tls: Option<Arc<rustls::ServerConfig>>,
    pub life: watch::Sender<u64>,
    pub mischief: Arc<Mischief>,
}

/// Opens a door at `bind`.
pub(super) fn open(bind: SocketAddr, house: House) -> io::Result<(Door, Keeper, SocketAddr)> {
    let listener = reserve(bind)?.listen(BACKLOG)?;
    let address = listener.local_addr()?;
    let (orders, ordered) = mpsc::channel(1);
    let (wires, came) = mpsc::channel(64);
    tokio::spawn(keep(listener, address, ordered, house, wires));
    Ok((Door { came, address }, Keeper(orders), address))
}

/// Takes the port without listening, so that connections are refused.
fn reserve(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

/// Keeps the door until nobody can give orders any more.
async fn keep(
    mut listener: TcpListener,
    address: SocketAddr,
    mut orders: mpsc::Receiver<Order>,
    house: House,
    wires: mpsc::Sender<(Wire, SocketAddr)>,
) {
    loop {
        let order = tokio::select! {
            order = orders.recv() => order,
            accepted = accept(&listener, &house.mischief) => {
                if let Ok((stream, peer)) = accepted {
                    // Its life begins here, so that one that is cut after the door was shut has all of them.
                    let life = house.life.subscribe();
                    tokio::spawn(admit(stream, peer, house.clone(), life, wires.clone()));
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
                match shut(reserved, &mut orders).await {
                    Some(again) => listener = again,
                    None => return,
                }
            }
        }
    }
}

/// The door is shut until it is ordered open. `None`: nobody can order it, or the port is lost.
async fn shut(
    reserved: io::Result<TcpSocket>,
    orders: &mut mpsc::Receiver<Order>,
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

async fn accept(
    listener: &TcpListener,
    mischief: &Mischief,
) -> io::Result<(TcpStream, SocketAddr)> {
    mischief.awake().await;
    listener.accept().await
}

/// One who came in shakes hands, if there is TLS, and is handed on.
async fn admit(
    stream: TcpStream,
    peer: SocketAddr,
    house: House,
    life: watch::Receiver<u64>,
    wires: mpsc::Sender<(Wire, SocketAddr)>,
) {
    // Small frames are to go at once; without this they only go later.
    let _ = stream.set_nodelay(true);
    // Who comes as the server is stalled is let in by the operating system alone.
    house.mischief.awake().await;
    let wire = match house.tls {
        None => Wire::new(Box::new(stream), life),
        Some(config) => {
            tokio::select! {
                shaken = TlsAcceptor::from(config).accept(stream) => match shaken {
                    Ok(stream) => Wire::new(Box::new(stream), life),
                    Err(_) => return,
                },
                () = tcp_stream::over(life.clone()) => return,
            }
        }
    };
    // Nobody is there to take it when the server is being stopped.
    let _ = wires.send((wire, peer)).await;
}

impl Listener for Door {
    type Io = Wire;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Wire, SocketAddr) {
        match self.came.recv().await {
            Some(came) => came,
            // The keeper is gone, and so nobody comes any more.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

/// Whence a request comes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer(pub SocketAddr);

impl Connected<IncomingStream<'_, Door>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Door>) -> Self {
        Self(*stream.remote_addr())
    }
}
