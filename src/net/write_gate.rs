//! Whether this program may write to networks at this moment. Where two nodes take turns as one bridge, the one whose turn
//! it is not must write nothing, not even what it was about to write when its turn ended.

use std::fmt;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time;

/// How often a closed gate is looked at by those who wait for it.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// How long what was written may stay unacknowledged by the peer's kernel before the connection is given up, with all that
/// is not sent. What a node has written before its turn ended must not arrive after another one has sent it again: that
/// waits for longer after the last moment at which something may have been written.
const UNSENT_TIMEOUT: Duration = Duration::from_secs(3);

/// Asked right before each write to a network. Clones are the same gate. The default is always open, and costs nothing.
#[derive(Clone, Default)]
pub struct WriteGate(Option<Arc<GateKeeper>>);

struct GateKeeper {
    may_write: Box<dyn Fn() -> bool + Send + Sync>,
    /// Whether the administrator was told that something could not be written, and it is still so.
    is_told: AtomicBool,
}

/// The gate is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not written: this node may not speak while it cannot renew its lease in PostgreSQL, since another one may have taken over"
)]
pub struct GateClosed {
    /// Whether something may have been written before it closed.
    pub was_begun: bool,
}

impl WriteGate {
    /// A gate that is open whenever `may_write` says so.
    pub fn new(may_write: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        let (may_write, is_told) = (Box::new(may_write), AtomicBool::new(false));
        Self(Some(Arc::new(GateKeeper { may_write, is_told })))
    }

    /// Whether something may be written now.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.0.as_ref().is_none_or(|keeper| (keeper.may_write)())
    }

    /// Fails if nothing may be written now, and tells the administrator once.
    ///
    /// # Errors
    /// [`GateClosed`].
    pub fn check(&self) -> Result<(), GateClosed> {
        let Some(keeper) = &self.0 else { return Ok(()) };
        if (keeper.may_write)() {
            if keeper.is_told.load(Ordering::Relaxed) {
                keeper.is_told.store(false, Ordering::Relaxed);
            }
            return Ok(());
        }
        if !keeper.is_told.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "the lease in PostgreSQL has run out: nothing is written to IRC and Let's Chat until it is renewed"
            );
        }
        Err(GateClosed { was_begun: false })
    }

    /// Waits until it is open.
    pub async fn opened(&self) {
        while !self.is_open() {
            time::sleep(LOOK_INTERVAL).await;
        }
    }

    /// Does `request`, unless the gate is closed or closes meanwhile: then it is dropped, wherever it is.
    ///
    /// # Errors
    /// [`GateClosed`].
    pub async fn pass<F: Future>(&self, request: F) -> Result<F::Output, GateClosed> {
        let mut request = pin!(request);
        let mut was_begun = false;
        std::future::poll_fn(|context| {
            if self.check().is_err() {
                return Poll::Ready(Err(GateClosed { was_begun }));
            }
            was_begun = true;
            request.as_mut().poll(context).map(Ok)
        })
        .await
    }

    /// Has the system give up what it cannot send on `tcp` before another node may send it again. Where this program is
    /// alone, nothing changes.
    pub fn bound_unsent(&self, tcp: &TcpStream) {
        if self.0.is_none() {
            return;
        }
        #[cfg(any(target_os = "linux", target_os = "android"))]
        if let Err(error) = SockRef::from(tcp).set_tcp_user_timeout(Some(UNSENT_TIMEOUT)) {
            tracing::debug!(%error, "cannot set a socket option");
        }
    }

    /// `stream`, through which nothing is written while the gate is closed: that fails then.
    pub fn guard<S>(&self, stream: S) -> GuardedStream<S> {
        GuardedStream { stream, gate: self.clone() }
    }
}

impl fmt::Debug for WriteGate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriteGate").field("is_open", &self.is_open()).finish()
    }
}

impl From<GateClosed> for io::Error {
    fn from(closed: GateClosed) -> Self {
        io::Error::new(io::ErrorKind::PermissionDenied, closed)
    }
}

/// A stream behind a gate.
#[derive(Debug)]
pub struct GuardedStream<S> {
    stream: S,
    gate: WriteGate,
}

impl<S: AsyncRead + Unpin> AsyncRead for GuardedStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for GuardedStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.gate.check()?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.gate.check()?;
        Pin::new(&mut self.stream).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    // What waits in a buffer of TLS is written by these.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.gate.check()?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.gate.check()?;
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    fn gate() -> (Arc<AtomicBool>, WriteGate) {
        let is_open = Arc::new(AtomicBool::new(true));
        let seen = Arc::clone(&is_open);
        (is_open, WriteGate::new(move || seen.load(Ordering::Relaxed)))
    }

    #[tokio::test]
    async fn node_among_several_gives_up_what_cannot_be_sent_before_another_speaks() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let tcp = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let limit = || SockRef::from(&tcp).tcp_user_timeout().unwrap();
        WriteGate::default().bound_unsent(&tcp);
        assert_eq!(limit(), None);
        WriteGate::new(|| true).bound_unsent(&tcp);
        assert_eq!(limit(), Some(UNSENT_TIMEOUT));
    }

    #[tokio::test]
    async fn nothing_is_written_through_a_closed_gate() {
        let (is_open, gate) = gate();
        let (ours, mut theirs) = tokio::io::duplex(64);
        let mut ours = gate.guard(ours);
        ours.write_all(b"hi").await.unwrap();
        is_open.store(false, Ordering::Relaxed);
        let error = ours.write_all(b" there").await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
        assert!(error.to_string().contains("lease"), "{error}");
        assert!(ours.flush().await.is_err() && ours.shutdown().await.is_err());
        theirs.write_all(b"still heard").await.unwrap();
        let mut heard = [0; 11];
        ours.read_exact(&mut heard).await.unwrap();
        is_open.store(true, Ordering::Relaxed);
        ours.write_all(b"!").await.unwrap();
        drop(ours);
        let mut text = String::new();
        theirs.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "hi!");
    }

    #[tokio::test(start_paused = true)]
    async fn request_ends_where_it_is_when_the_gate_closes() {
        let (is_open, gate) = gate();
        assert_eq!(gate.pass(async { 1 }).await, Ok(1));
        let closing = async {
            is_open.store(false, Ordering::Relaxed);
            tokio::task::yield_now().await;
            unreachable!("it is dropped");
        };
        let ended: Result<(), _> = gate.pass(closing).await;
        assert_eq!(ended, Err(GateClosed { was_begun: true }));
        assert_eq!(gate.pass(async { 1 }).await, Err(GateClosed { was_begun: false }));
        let waiting = tokio::spawn({
            let gate = gate.clone();
            async move { gate.opened().await }
        });
        tokio::task::yield_now().await;
        is_open.store(true, Ordering::Relaxed);
        waiting.await.unwrap();
    }

    #[test]
    fn gate_of_one_node_is_always_open() {
        assert!(WriteGate::default().is_open() && WriteGate::default().check().is_ok());
    }
}
