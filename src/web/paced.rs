//! A connection that fails if its peer reads too slowly.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

/// How much a peer must read within [`STALLED`] while we wait for it.
const PIECE: u64 = 64 * 1024;

/// The time limit for that.
const STALLED: Duration = Duration::from_secs(20);

/// A connection that fails if its peer reads too slowly.
#[derive(Debug)]
pub(super) struct Paced<S> {
    inner: S,
    written: u64,
    /// Bytes written when we started to wait for the peer.
    waiting: Option<u64>,
    deadline: Pin<Box<Sleep>>,
}

impl<S> Paced<S> {
    pub(super) fn new(inner: S) -> Self {
        let deadline = Box::pin(sleep_until(Instant::now()));
        Self { inner, written: 0, waiting: None, deadline }
    }

    /// Checks the progress after a write.
    fn judge(
        &mut self,
        written: Poll<io::Result<usize>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        match &written {
            Poll::Ready(Ok(bytes)) => {
                self.written += *bytes as u64;
                if self.waiting.is_some_and(|from| self.written - from >= PIECE) {
                    self.waiting = None;
                }
            }
            Poll::Ready(Err(_)) => return written,
            Poll::Pending if self.waiting.is_none() => {
                self.waiting = Some(self.written);
                self.deadline.as_mut().reset(Instant::now() + STALLED);
            }
            Poll::Pending => {}
        }
        if self.waiting.is_some() && self.deadline.as_mut().poll(context).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        written
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Paced<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Paced<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write(context, bytes);
        self.judge(written, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write_vectored(context, pieces);
        self.judge(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.inner).poll_flush(context);
        // All data was read: now the peer waits for us.
        if flushed.is_ready() {
            self.waiting = None;
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio::time::sleep;

    use super::*;

    /// Sends much data to a peer that reads `bytes` per second.
    async fn sent(bytes: usize) -> (io::Result<()>, Duration) {
        let (ours, mut theirs) = duplex(1_024);
        let taking = tokio::spawn(async move {
            let mut taken = vec![0; bytes.max(1)];
            loop {
                sleep(Duration::from_secs(1)).await;
                if bytes > 0 && theirs.read_exact(&mut taken).await.is_err() {
                    return;
                }
            }
        });
        let began = Instant::now();
        let mut paced = Paced::new(ours);
        let outcome = paced.write_all(&vec![7; 300_000]).await;
        taking.abort();
        (outcome, began.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn stalled_or_trickling_reader_is_disconnected() {
        for bytes in [0, 1, 100, 2_000] {
            let (outcome, took) = sent(bytes).await;
            let error = outcome.expect_err("too slow");
            assert_eq!(error.kind(), io::ErrorKind::TimedOut, "{bytes}");
            assert!(took <= 2 * STALLED, "{bytes}: {took:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn slow_but_steady_reader_gets_everything() {
        sent(4_000).await.0.expect("4 kB a second will do");
        sent(100_000).await.0.expect("and more");
    }

    #[tokio::test(start_paused = true)]
    async fn missing_data_does_not_count_against_the_reader() {
        let (ours, mut theirs) = duplex(1_024);
        let taking = tokio::spawn(async move {
            let mut all = Vec::new();
            theirs.read_to_end(&mut all).await.map(|_| all.len())
        });
        let mut paced = Paced::new(ours);
        for _ in 0..3 {
            paced.write_all(&[7; 5_000]).await.expect("taken");
            paced.flush().await.expect("taken");
            sleep(4 * STALLED).await;
        }
        drop(paced);
        assert_eq!(taking.await.expect("ends").expect("reads"), 15_000);
    }
}
