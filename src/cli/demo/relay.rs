//! A TCP relay between the bridge and the IRC server. It can break the connection as a cut cable does.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use super::servers::loopback;

/// How long to wait after a connection could not be accepted.
const ACCEPT_RETRY: Duration = Duration::from_millis(50);

/// The relay. Dropping it ends it and its connections.
#[derive(Debug)]
pub(super) struct Relay {
    address: SocketAddr,
    cut: Arc<watch::Sender<bool>>,
    accepting: JoinHandle<()>,
}

impl Relay {
    /// Starts a relay to `server`, on any free port of loopback.
    pub(super) async fn start(server: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(loopback(0)).await?;
        let address = listener.local_addr()?;
        let cut = Arc::new(watch::Sender::new(false));
        let accepting = tokio::spawn(accept(listener, server, Arc::clone(&cut)));
        Ok(Self { address, cut, accepting })
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Breaks all connections, and each new one at once.
    pub(super) fn cut(&self) {
        self.cut.send_replace(true);
    }

    /// Lets connections through again.
    pub(super) fn mend(&self) {
        self.cut.send_replace(false);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, server: SocketAddr, cut: Arc<watch::Sender<bool>>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) if *cut.borrow() => reset(stream),
                Ok((stream, _)) => drop(connections.spawn(carry(stream, server, cut.subscribe()))),
                Err(_) => tokio::time::sleep(ACCEPT_RETRY).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Carries bytes both ways until either side ends the connection or the relay is cut.
async fn carry(mut client: TcpStream, server: SocketAddr, mut cut: watch::Receiver<bool>) {
    let Ok(mut server) = TcpStream::connect(server).await else { return reset(client) };
    // Where it fails, lines come a little later.
    let _ = client.set_nodelay(true).and_then(|()| server.set_nodelay(true));
    tokio::select! {
        _ = copy_bidirectional(&mut client, &mut server) => {}
        _ = cut.wait_for(|cut| *cut) => {
            reset(client);
            reset(server);
        }
    }
}

/// Ends a connection without a goodbye: the other end reads "connection reset".
fn reset(stream: TcpStream) {
    // Where it fails, the other end reads an end of file instead.
    let _ = socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO));
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn a_cut_breaks_connections_until_it_is_mended() {
        let server = TcpListener::bind(loopback(0)).await.expect("a free port");
        let relay = Relay::start(server.local_addr().expect("an address")).await.expect("a relay");
        let mut client = TcpStream::connect(relay.address()).await.expect("the relay listens");
        let (mut accepted, _) = server.accept().await.expect("it carries");
        client.write_all(b"hello").await.expect("it is open");
        let mut read = [0; 5];
        accepted.read_exact(&mut read).await.expect("it carries");
        assert_eq!(&read, b"hello");

        relay.cut();
        assert!(client.read(&mut read).await.is_err(), "the client's end is reset");
        assert!(accepted.read(&mut read).await.is_err(), "the server's end is reset");
        let mut refused = TcpStream::connect(relay.address()).await.expect("it still listens");
        assert!(!matches!(refused.read(&mut read).await, Ok(1..)), "nothing passes");

        relay.mend();
        let mut client = TcpStream::connect(relay.address()).await.expect("the relay listens");
        let (mut accepted, _) = server.accept().await.expect("it carries again");
        accepted.write_all(b"again").await.expect("it is open");
        client.read_exact(&mut read).await.expect("it carries");
        assert_eq!(&read, b"again");
    }
}
