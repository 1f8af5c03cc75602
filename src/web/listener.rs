//! Serves connections, with limits of their number and of time. The administrator's API uses it, too.

use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use ipnet::IpNet;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time;

use super::connection_slots::{ConnectionSlot, ConnectionSlots};
use super::held;
use super::paced::Paced;

/// Time limit for the head of a request, including further ones on a kept-alive connection.
const HEADER_READ_TIMEOUT: Duration = Duration::from_secs(15);

/// Maximum duration of a connection.
const MAX_CONNECTION_TIME: Duration = Duration::from_secs(60 * 60);

/// Maximum size of a request head, in bytes.
const MAX_LEN_HEADER: usize = 16 * 1024;

/// How long responses may continue when the bridge stops.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(3);

/// The peer's address. Only requests over TCP have one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PeerAddr(pub(crate) IpAddr);

/// Where connections come from.
pub(crate) trait ConnectionSource: Send + 'static {
    /// A connection.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// Waits for a connection. The address is that of its peer; `None` if peers have none.
    fn next(&self) -> impl Future<Output = io::Result<(Self::Stream, Option<IpAddr>)>> + Send;
}

impl ConnectionSource for TcpListener {
    type Stream = TcpStream;

    async fn next(&self) -> io::Result<(TcpStream, Option<IpAddr>)> {
        let (stream, peer) = self.accept().await?;
        let _ = stream.set_nodelay(true);
        Ok((stream, Some(peer.ip())))
    }
}

impl ConnectionSource for UnixListener {
    type Stream = UnixStream;

    async fn next(&self) -> io::Result<(UnixStream, Option<IpAddr>)> {
        Ok((self.accept().await?.0, None))
    }
}

/// Serves `router` on `listener` until `stop`. Peers without an address, and the `proxies`, are limited only in total.
pub(crate) async fn serve(
    listener: impl ConnectionSource,
    router: Router,
    proxies: Vec<IpNet>,
    mut stop: watch::Receiver<bool>,
) {
    let slots = Arc::new(ConnectionSlots::default());
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.next() => accepted,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                let address = peer.map(|peer| peer.to_canonical());
                let is_proxy = address.is_none_or(|it| proxies.iter().any(|net| net.contains(&it)));
                let address = address.unwrap_or(Ipv4Addr::UNSPECIFIED.into());
                let Some(slot) = slots.take(address, is_proxy) else {
                    tracing::debug!(%address, "connection limit reached");
                    continue;
                };
                let number = slot.number();
                let (router, stop) = (router.clone(), stop.clone());
                let connection = connections.spawn(async move {
                    let serving = serve_connection(stream, peer, router, Arc::new(slot), stop);
                    let _ = time::timeout(MAX_CONNECTION_TIME, serving).await;
                });
                ConnectionSlot::assign(&slots, number, connection);
            }
            // Resources are temporarily exhausted.
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                time::sleep(Duration::from_millis(200)).await;
            }
        }
        while connections.try_join_next().is_some() {}
    }
    let all = async { while connections.join_next().await.is_some() {} };
    let _ = time::timeout(SHUTDOWN_TIMEOUT, all).await;
}

/// Serves one connection; connection errors are ignored.
async fn serve_connection(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: Option<IpAddr>,
    router: Router,
    slot: Arc<ConnectionSlot>,
    mut stop: watch::Receiver<bool>,
) -> Result<(), hyper::Error> {
    let router = TowerToHyperService::new(router);
    let answer = service_fn(move |mut request: Request<Incoming>| {
        if let Some(peer) = peer {
            request.extensions_mut().insert(PeerAddr(peer));
        }
        let answer = router.call(request);
        let answering = slot.answering();
        async move { answer.await.map(|response| held::holding(response, answering)) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_READ_TIMEOUT)
        .max_buf_size(MAX_LEN_HEADER)
        .serve_connection(TokioIo::new(Paced::new(stream)), answer);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        ended = connection.as_mut() => return ended,
        _ = stop.wait_for(|stop| *stop) => connection.as_mut().graceful_shutdown(),
    }
    connection.await
}

/// Listens at `address`.
pub(super) async fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(address).await
}
