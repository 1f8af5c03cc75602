//! The connection to an IRC server as a stream of bytes, encrypted or not, which can be let go of.

use std::io;
use std::net::TcpStream as StdTcpStream;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::unexpected_peer::{ExpectedPeer, SniffedStream};

/// The connection to an IRC server.
#[derive(Debug)]
pub enum IrcStream {
    /// Without TLS.
    Plain(SniffedStream<TcpStream>),
    /// With TLS.
    Tls(Box<SniffedStream<TlsStream<SniffedStream<TcpStream>>>>),
}

/// A connection that another process can take over.
#[derive(Debug)]
pub struct ReleasedStream {
    /// The socket.
    pub socket: StdTcpStream,
}

impl IrcStream {
    /// A connection without TLS.
    #[must_use]
    pub fn plain(tcp: TcpStream) -> Self {
        Self::Plain(SniffedStream::seeking(tcp, ExpectedPeer::Irc { tls: false }))
    }

    /// A connection with TLS.
    #[must_use]
    pub fn tls(stream: TlsStream<SniffedStream<TcpStream>>) -> Self {
        Self::Tls(Box::new(SniffedStream::seeking(stream, ExpectedPeer::Irc { tls: true })))
    }

    /// Whether it is encrypted.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        matches!(self, Self::Tls(_))
    }

    /// The socket.
    #[must_use]
    pub fn tcp(&self) -> &TcpStream {
        match self {
            Self::Plain(stream) => stream.get_ref(),
            Self::Tls(stream) => stream.get_ref().get_ref().0.get_ref(),
        }
    }

    /// Takes over a connection that another process has released. Must be called within a Tokio runtime.
    ///
    /// # Errors
    /// Why that is impossible, in words for the administrator.
    pub fn take_over(released: ReleasedStream) -> Result<Self, String> {
        let ReleasedStream { socket } = released;
        let prepared = socket.set_nonblocking(true).and_then(|()| TcpStream::from_std(socket));
        Ok(Self::plain(prepared.map_err(|error| format!("the socket cannot be used ({error})"))?))
    }

    /// Lets go of the connection: another process can take it over.
    ///
    /// # Errors
    /// Why that is impossible, in words for the administrator. The connection is closed then.
    pub async fn release(self) -> Result<ReleasedStream, String> {
        match self {
            Self::Plain(stream) => {
                let socket = stream.into_inner().into_std();
                let socket = socket.map_err(|error| format!("the socket is lost ({error})"))?;
                Ok(ReleasedStream { socket })
            }
            Self::Tls(mut stream) => {
                let _ = stream.write_all(b"QUIT :the bridge is restarting\r\n").await;
                let _ = stream.shutdown().await;
                Err("its TLS cannot be handed over".to_owned())
            }
        }
    }
}

impl AsyncRead for IrcStream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for IrcStream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(context),
            Self::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
