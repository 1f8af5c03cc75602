//! The listener, with time limits for connections.

use std::io;
use std::net::{IpAddr, SocketAddr};
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
use tokio::net::{TcpListener, TcpStream};
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

/// The peer's address.
#[derive(Debug, Clone, Copy)]
pub(super) struct PeerAddr(pub(super) IpAddr);

/// Serves `router` on `listener` until `stop`.
pub(super) async fn serve(
    listener: TcpListener,
    router: Router,
    proxies: Vec<IpNet>,
    mut stop: watch::Receiver<bool>,
) {
    let slots = Arc::new(ConnectionSlots::default());
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                let address = peer.ip().to_canonical();
                let is_proxy = proxies.iter().any(|net| net.contains(&address));
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
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    slot: Arc<ConnectionSlot>,
    mut stop: watch::Receiver<bool>,
) -> Result<(), hyper::Error> {
    let _ = stream.set_nodelay(true);
    let router = TowerToHyperService::new(router);
    let answer = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(PeerAddr(peer.ip()));
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
