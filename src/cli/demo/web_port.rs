//! The port of the bridge's web server. It stays the same when the bridge is killed and started again, since people
//! have links with it.

use std::io;
use std::net::SocketAddr;

use socket2::{Domain, Socket, Type};

use super::servers::loopback;

/// A free port of loopback that no other program is given. The bridge can listen at it: this only holds it.
#[derive(Debug)]
pub(super) struct WebPort {
    address: SocketAddr,
    _held: Socket,
}

impl WebPort {
    /// Takes a free port.
    pub(super) fn take() -> io::Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        // Then another socket may listen there, if it says the same.
        socket.set_reuse_address(true)?;
        socket.bind(&loopback(0).into())?;
        let address = socket.local_addr()?.as_socket().ok_or(io::ErrorKind::AddrNotAvailable)?;
        Ok(Self { address, _held: socket })
    }

    /// Where the bridge listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    #[tokio::test]
    async fn held_port_can_be_listened_at_again_and_again() {
        let port = WebPort::take().expect("a free port");
        for _ in 0..2 {
            let listener = TcpListener::bind(port.address()).await.expect("it is ours");
            TcpStream::connect(port.address()).await.expect("somebody listens");
            drop(listener);
        }
    }
}
