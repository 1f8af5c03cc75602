//! Recognises the wrong protocol at a port by its first bytes, and names the configuration key to change.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::forward_writes::forward_writes;

/// How many of the first bytes are examined.
const FIRST: usize = 16;

/// A protocol recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ForeignProtocol {
    /// TLS.
    Tls,
    /// HTTP: a web server or a proxy.
    Web,
    /// IRC.
    Irc,
    /// SSH.
    Ssh,
    /// A mail protocol or FTP.
    Mail,
}

impl ForeignProtocol {
    /// The protocol that sends `first` as its first bytes, if recognisable.
    #[must_use]
    pub fn of(first: &[u8]) -> Option<Self> {
        const BEGINNINGS: [(&[u8], ForeignProtocol); 12] = [
            (b"HTTP/", ForeignProtocol::Web),
            (b"<!DOCTYPE", ForeignProtocol::Web),
            (b"<html", ForeignProtocol::Web),
            (b"SSH-", ForeignProtocol::Ssh),
            (b"220 ", ForeignProtocol::Mail),
            (b"220-", ForeignProtocol::Mail),
            (b"554 ", ForeignProtocol::Mail),
            (b"* OK", ForeignProtocol::Mail),
            (b"+OK", ForeignProtocol::Mail),
            (b"NOTICE ", ForeignProtocol::Irc),
            (b"ERROR ", ForeignProtocol::Irc),
            (b"PING ", ForeignProtocol::Irc),
        ];
        // A handshake record or an alert, of any TLS version.
        if let [0x15 | 0x16, 3, 0..=4, ..] = first {
            return Some(Self::Tls);
        }
        let known = BEGINNINGS.iter().find(|(beginning, _)| first.starts_with(beginning));
        let irc = || {
            (first.len() > 2 && first[0] == b':' && first[1].is_ascii_graphic())
                .then_some(Self::Irc)
        };
        known.map(|(_, rendered)| *rendered).or_else(irc)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Tls => "a server that speaks TLS",
            Self::Web => "a web server or a proxy",
            Self::Irc => "an IRC server",
            Self::Ssh => "an SSH server",
            Self::Mail => "a mail server",
        }
    }

    /// The message for an attempt at TLS that got this answer.
    #[must_use]
    pub fn instead_of_tls(self) -> &'static str {
        match self {
            Self::Irc => {
                "this port does not speak TLS, an IRC server answers without it: use its TLS \
                 port, usually 6697, or set `tls = false`"
            }
            Self::Web => {
                "this port does not speak TLS, a web server or a proxy answers without it: for \
                 Let's Chat write `url = \"http://…\"`; an IRC server is on another port, usually \
                 6697"
            }
            Self::Ssh => "this port does not speak TLS, an SSH server answers: check the port",
            Self::Mail => "this port does not speak TLS, a mail server answers: check the port",
            Self::Tls => "this port does not speak TLS correctly: check the port",
        }
    }
}

/// The protocol we expect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExpectedPeer {
    /// IRC.
    Irc {
        /// Whether with TLS.
        tls: bool,
    },
    /// Let's Chat.
    LetsChat {
        /// Whether with TLS.
        tls: bool,
    },
}

/// The peer speaks another protocol than expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnexpectedPeer {
    sought: ExpectedPeer,
    /// `None` if it sent nothing.
    speech: Option<ForeignProtocol>,
}

impl std::error::Error for UnexpectedPeer {}

impl fmt::Display for UnexpectedPeer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.sought, self.speech) {
            (ExpectedPeer::Irc { .. }, None) => f.write_str(
                "the server closed the connection without sending anything: if this is its TLS \
                 port, set `tls = true`",
            ),
            (ExpectedPeer::LetsChat { .. }, None) => f.write_str(
                "the server closed the connection without sending anything: if it requires TLS, \
                 write `url = \"https://…\"`",
            ),
            (ExpectedPeer::Irc { .. }, Some(ForeignProtocol::Tls)) => f.write_str(
                "this port speaks TLS: set `tls = true`, or use the server's port without TLS, \
                 usually 6667",
            ),
            (ExpectedPeer::LetsChat { .. }, Some(ForeignProtocol::Tls)) => {
                f.write_str("this port speaks TLS: write `url = \"https://…\"`")
            }
            (ExpectedPeer::Irc { .. }, Some(ForeignProtocol::Web)) => f.write_str(
                "a web server or a proxy answers, not an IRC server: check the port in `servers`, \
                 usually 6697 with TLS and 6667 without; to connect through a proxy, set `proxy`",
            ),
            (ExpectedPeer::Irc { .. }, Some(rendered)) => {
                write!(
                    f,
                    "{} answers, not an IRC server: check the port in `servers`",
                    rendered.name()
                )
            }
            (ExpectedPeer::LetsChat { .. }, Some(rendered)) => {
                write!(
                    f,
                    "{} answers, not Let's Chat: check the port in letschat.url",
                    rendered.name()
                )
            }
        }
    }
}

impl UnexpectedPeer {
    /// Returns the mismatch, if the first bytes show one.
    fn by(sought: ExpectedPeer, first: &[u8]) -> Option<Self> {
        let rendered = ForeignProtocol::of(first);
        let expected = match sought {
            ExpectedPeer::Irc { .. } => ForeignProtocol::Irc,
            ExpectedPeer::LetsChat { .. } => ForeignProtocol::Web,
        };
        // A TLS port often closes a plain connection; a closed TLS connection has other reasons.
        let tls = matches!(
            sought,
            ExpectedPeer::Irc { tls: true } | ExpectedPeer::LetsChat { tls: true }
        );
        match rendered {
            None if first.is_empty() && !tls => Some(Self { sought, speech: None }),
            Some(rendered) if rendered != expected => Some(Self { sought, speech: Some(rendered) }),
            _ => None,
        }
    }
}

/// The first bytes received.
pub type First = Arc<Mutex<Vec<u8>>>;

/// A stream that records its first bytes and fails if they show another protocol.
#[derive(Debug)]
pub struct SniffedStream<S> {
    inner: S,
    first: First,
    sought: Option<ExpectedPeer>,
}

impl<S> SniffedStream<S> {
    /// Only records the first bytes.
    pub fn new(inner: S) -> Self {
        Self { inner, first: First::default(), sought: None }
    }

    /// Fails if the peer does not speak the `sought` protocol.
    pub fn seeking(inner: S, sought: ExpectedPeer) -> Self {
        Self { sought: Some(sought), ..Self::new(inner) }
    }

    /// The stream below.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// Gives the stream below back.
    pub fn into_inner(self) -> S {
        self.inner
    }

    /// The first bytes, readable after the stream has moved.
    pub fn first(&self) -> First {
        Arc::clone(&self.first)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for SniffedStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = ready!(Pin::new(&mut self.inner).poll_read(context, buffer));
        let reset = matches!(&read, Err(error) if error.kind() == io::ErrorKind::ConnectionReset);
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        if !first.is_empty() || (read.is_err() && !reset) {
            return Poll::Ready(read);
        }
        let received = &buffer.filled()[before..];
        first.extend_from_slice(&received[..received.len().min(FIRST)]);
        match self.sought.and_then(|sought| UnexpectedPeer::by(sought, received)) {
            Some(stranger) => Poll::Ready(Err(io::Error::other(stranger))),
            None => Poll::Ready(read),
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for SniffedStream<S> {
    forward_writes!(inner);

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    const IRC: ExpectedPeer = ExpectedPeer::Irc { tls: false };
    const LETSCHAT: ExpectedPeer = ExpectedPeer::LetsChat { tls: false };

    /// Reads from a peer that sends `first`; returns the length or the error.
    async fn heard(sought: ExpectedPeer, first: &[u8]) -> Result<usize, String> {
        let (ours, mut theirs) = duplex(1_024);
        theirs.write_all(first).await.expect("there is room");
        drop(theirs);
        let mut stream = SniffedStream::seeking(ours, sought);
        stream.read(&mut [0; 100]).await.map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn expected_peer_is_recognised() {
        for first in
            [&b":irc.example NOTICE"[..], b"NOTICE AUTH :*** Looking up", b"ERROR :no", b"\xFF"]
        {
            assert_eq!(heard(IRC, first).await, Ok(first.len()));
        }
        assert_eq!(heard(LETSCHAT, b"HTTP/1.1 101").await, Ok(12));
        // With TLS, a closed connection has other reasons.
        assert_eq!(heard(ExpectedPeer::Irc { tls: true }, b"").await, Ok(0));
    }

    #[tokio::test]
    async fn unexpected_peer_is_named_with_the_key_to_change() {
        for (sought, first, words) in [
            (IRC, &b"\x15\x03\x01\x00\x02\x02\x46"[..], "set `tls = true`"),
            (IRC, b"", "if this is its TLS port, set `tls = true`"),
            (IRC, b"HTTP/1.1 400 Bad Request\r\n", "a web server or a proxy answers"),
            (
                ExpectedPeer::Irc { tls: true },
                b"HTTP/1.1 400 Bad Request\r\n",
                "a web server or a proxy",
            ),
            (IRC, b"SSH-2.0-OpenSSH_9.2p1\r\n", "an SSH server answers"),
            (IRC, b"220 mail.example ESMTP\r\n", "a mail server answers"),
            (LETSCHAT, b"\x15\x03\x03\x00\x02\x02\x46", "write `url = \"https://…\"`"),
            (LETSCHAT, b"", "write `url = \"https://…\"`"),
            (LETSCHAT, b":irc.example 451 * :no", "an IRC server answers"),
            (LETSCHAT, b"SSH-2.0-OpenSSH_9.2p1\r\n", "an SSH server answers"),
        ] {
            let told = heard(sought, first).await.expect_err("a stranger");
            assert!(told.contains(words), "{told}");
        }
    }
}
