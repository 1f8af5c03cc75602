//! One TCP connection of the server, with or without TLS, that can be cut from outside.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::watch;

/// Bytes both ways.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

type CutSignal = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A connection that fails, whatever it is waiting for, as soon as the server cuts it.
pub(super) struct CuttableStream {
    stream: Box<dyn Stream>,
    /// One for each direction, because each may be waited for by another task.
    cut_reading: CutSignal,
    cut_writing: CutSignal,
    cutter: watch::Sender<u64>,
    cut: bool,
}

impl CuttableStream {
    /// `stream`, until `life` changes or it is cut alone.
    pub(super) fn new(stream: Box<dyn Stream>, life: watch::Receiver<u64>) -> Self {
        let cutter = watch::Sender::new(0);
        let signal = |life, alone| -> CutSignal {
            Box::pin(async {
                tokio::select! {
                    () = until_cut(life) => {}
                    () = until_cut(alone) => {}
                }
            })
        };
        Self {
            stream,
            cut_reading: signal(life.clone(), cutter.subscribe()),
            cut_writing: signal(life, cutter.subscribe()),
            cutter,
            cut: false,
        }
    }

    /// What cuts this connection alone, when it changes.
    pub(super) fn cutter(&self) -> watch::Sender<u64> {
        self.cutter.clone()
    }

    fn check_cut(
        &mut self,
        cx: &mut Context<'_>,
        pick: fn(&mut Self) -> &mut CutSignal,
    ) -> io::Result<()> {
        if !self.cut && pick(self).as_mut().poll(cx).is_ready() {
            self.cut = true;
        }
        if self.cut { Err(io::ErrorKind::ConnectionReset.into()) } else { Ok(()) }
    }

    fn reading(&mut self, cx: &mut Context<'_>) -> io::Result<Pin<&mut dyn Stream>> {
        self.check_cut(cx, |stream| &mut stream.cut_reading)?;
        Ok(Pin::new(&mut *self.stream))
    }

    fn writing(&mut self, cx: &mut Context<'_>) -> io::Result<Pin<&mut dyn Stream>> {
        self.check_cut(cx, |stream| &mut stream.cut_writing)?;
        Ok(Pin::new(&mut *self.stream))
    }
}

/// Waits until this life of the server is over.
pub(super) async fn until_cut(mut life: watch::Receiver<u64>) {
    // An error says that the server is gone, which is the same.
    let _ = life.changed().await;
}

impl AsyncRead for CuttableStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.reading(cx)?.poll_read(cx, buf)
    }
}

impl AsyncWrite for CuttableStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.writing(cx)?.poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.writing(cx)?.poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.writing(cx)?.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.writing(cx)?.poll_shutdown(cx)
    }
}

impl fmt::Debug for CuttableStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire").field("cut", &self.cut).finish_non_exhaustive()
    }
}
