//! The server: its listener, and the router behind it.

use std::io;
use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::faults::Mischief;
use super::listener::{self, House, Keeper, Peer};
use super::rest;
use super::setup::Setup;
use super::shared::Shared;

/// A running server.
#[derive(Debug)]
pub(super) struct Server {
    pub shared: Arc<Shared>,
    pub door: Keeper,
    pub address: std::net::SocketAddr,
    serving: JoinHandle<()>,
}

impl Server {
    pub(super) fn start(setup: Setup) -> io::Result<Self> {
        let (life, mischief) = (watch::Sender::new(0), Arc::new(Mischief::default()));
        let house =
            House { tls: setup.tls.clone(), life: life.clone(), mischief: mischief.clone() };
        let (door, keeper, address) = listener::open(setup.bind, house)?;
        let shared = Arc::new(Shared::new(setup, mischief, life));
        let router = Router::new()
            .fallback(rest::serve)
            .layer(DefaultBodyLimit::max(rest::LARGEST_UPLOAD))
            .with_state(shared.clone())
            .into_make_service_with_connect_info::<Peer>();
        let serving = tokio::spawn(async move {
            // It ends only when it is told to.
            let _ = axum::serve(door, router).await;
        });
        Ok(Self { shared, door: keeper, address, serving })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.serving.abort();
        self.shared.cut_all();
    }
}
