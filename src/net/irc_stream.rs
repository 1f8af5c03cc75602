//! The connection to an IRC server as a stream of bytes, encrypted or not, which another process can take over.

use std::io;
use std::net::TcpStream as StdTcpStream;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::time;

use super::tls::takeover::{KeptTls, TakenOverTls, TlsState};
use super::unexpected_peer::{ExpectedPeer, SniffedStream};
use super::wire::Wire;
use super::write_gate::WriteGate;

/// How long a server may take to take our last line.
const GOODBYE_TIMEOUT: Duration = Duration::from_secs(2);

/// The connection to an IRC server.
#[derive(Debug)]
pub struct IrcStream {
    inner: IrcTransport,
    gate: WriteGate,
}

#[derive(Debug)]
enum IrcTransport {
    /// Without TLS.
    Plain(SniffedStream<TcpStream>),
    /// With TLS, made by this process.
    Tls(Box<SniffedStream<KeptTls>>),
    /// With TLS, made by another process.
    TakenOverTls(Box<TakenOverTls>),
}

/// A connection that another process can take over.
#[derive(Debug)]
pub struct ReleasedStream {
    /// The socket.
    pub socket: StdTcpStream,
    /// What continues its TLS; `None` if it has none.
    pub tls: Option<TlsState>,
}

impl IrcStream {
    /// A connection without TLS.
    #[must_use]
    pub fn plain(tcp: TcpStream) -> Self {
        let stream = SniffedStream::seeking(tcp, ExpectedPeer::Irc { tls: false });
        IrcTransport::Plain(stream).into()
    }

    /// A connection with TLS.
    #[must_use]
    pub fn tls(stream: KeptTls) -> Self {
        let stream = SniffedStream::seeking(stream, ExpectedPeer::Irc { tls: true });
        IrcTransport::Tls(Box::new(stream)).into()
    }

    /// Nothing is written while `gate` is closed from now on.
    pub fn set_gate(&mut self, gate: WriteGate) {
        self.gate = gate;
    }

    /// Takes over a connection that another process has released. Must be called within a Tokio runtime.
    ///
    /// # Errors
    /// Why that is impossible, in words for the administrator.
    pub fn take_over(released: ReleasedStream) -> Result<Self, String> {
        let ReleasedStream { socket, tls } = released;
        let prepared = socket.set_nonblocking(true).and_then(|()| TcpStream::from_std(socket));
        let tcp = prepared.map_err(|error| format!("the socket cannot be used ({error})"))?;
        match tls {
            // Its server has been recognised before; what comes now may be the rest of a line.
            None => Ok(IrcTransport::Plain(SniffedStream::new(tcp)).into()),
            Some(state) => match state.resume(tcp) {
                Ok(stream) => Ok(IrcTransport::TakenOverTls(Box::new(stream)).into()),
                Err(error) => Err(error.to_string()),
            },
        }
    }

    /// Lets go of the connection: another process can take it over.
    ///
    /// # Errors
    /// Why that is impossible, in words for the administrator. The connection is closed then.
    pub fn release(self) -> Result<ReleasedStream, String> {
        let (tcp, tls) = match self.inner {
            IrcTransport::Plain(stream) => (stream.into_inner(), None),
            IrcTransport::Tls(stream) => {
                let (tcp, state) = stream.into_inner().into_state().map_err(|it| it.to_string())?;
                (tcp, Some(state))
            }
            IrcTransport::TakenOverTls(stream) => {
                let (tcp, state) = stream.into_state().map_err(|it| it.to_string())?;
                (tcp, Some(state))
            }
        };
        let socket = tcp.into_std().map_err(|error| format!("the socket is lost ({error})"))?;
        Ok(ReleasedStream { socket, tls })
    }

    /// Says QUIT for this reason, and closes the connection.
    pub async fn say_goodbye(mut self, reason: &str) {
        let quit = format!("QUIT :{reason}\r\n");
        let goodbye = async {
            self.write_all(quit.as_bytes()).await?;
            self.shutdown().await
        };
        // A server that does not read sees that the connection ends.
        let _ = time::timeout(GOODBYE_TIMEOUT, goodbye).await;
    }

    /// Whether it is encrypted.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        match self.inner {
            IrcTransport::Plain(_) => false,
            IrcTransport::Tls(_) | IrcTransport::TakenOverTls(_) => true,
        }
    }

    /// The socket.
    #[must_use]
    pub fn tcp(&self) -> &TcpStream {
        match &self.inner {
            IrcTransport::Plain(stream) => stream.get_ref(),
            IrcTransport::Tls(stream) => stream.get_ref().get_ref(),
            IrcTransport::TakenOverTls(stream) => stream.get_ref(),
        }
    }

    fn inner(self: Pin<&mut Self>) -> Pin<&mut dyn Wire> {
        let inner: &mut dyn Wire = match &mut self.get_mut().inner {
            IrcTransport::Plain(stream) => stream,
            IrcTransport::Tls(stream) => &mut **stream,
            IrcTransport::TakenOverTls(stream) => &mut **stream,
        };
        Pin::new(inner)
    }
}

impl From<IrcTransport> for IrcStream {
    fn from(inner: IrcTransport) -> Self {
        Self { inner, gate: WriteGate::default() }
    }
}

impl AsyncRead for IrcStream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.inner().poll_read(context, buffer)
    }
}

impl AsyncWrite for IrcStream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.gate.check()?;
        self.inner().poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // TLS may hold bytes back until now.
        self.gate.check()?;
        self.inner().poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.gate.check()?;
        self.inner().poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use tokio::io::AsyncReadExt;
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn rest_of_a_line_after_a_hand_over_is_not_taken_for_another_protocol() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let tcp = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        let mut stream = IrcStream::plain(tcp);
        server.write_all(b":ann PRIVMSG #tea :it is ").await.unwrap();
        let mut bytes = [0; 100];
        assert_eq!(stream.read(&mut bytes).await.unwrap(), 25);
        let mut stream = IrcStream::take_over(stream.release().unwrap()).unwrap();
        server.write_all(b"220 degrees\r\n").await.unwrap();
        assert_eq!(stream.read(&mut bytes).await.unwrap(), 13);
        drop(server);
        assert_eq!(stream.read(&mut bytes).await.unwrap(), 0, "it need not be the wrong port");
    }
}
