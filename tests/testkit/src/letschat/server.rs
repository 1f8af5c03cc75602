//! The server: its listener, and the router behind it.

use std::io;
use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::faults::Faults;
use super::listener::{self, AcceptLoop, ConnectionContext, Peer};
use super::rest;
use super::setup::Setup;
use super::shared::Shared;

/// A running server.
#[derive(Debug)]
pub(super) struct Server {
    pub shared: Arc<Shared>,
    pub accept_loop: AcceptLoop,
    pub address: std::net::SocketAddr,
    serving: JoinHandle<()>,
}

impl Server {
    pub(super) fn start(setup: Setup) -> io::Result<Self> {
        let (life, faults) = (watch::Sender::new(0), Arc::new(Faults::default()));
        let context = ConnectionContext {
            tls: setup.tls.clone(),
            life: life.clone(),
            faults: faults.clone(),
        };
        let (connections, accept_loop, address) = listener::open(setup.bind, context)?;
        let shared = Arc::new(Shared::new(setup, faults, life));
        let router = Router::new()
            .fallback(rest::serve)
            .layer(DefaultBodyLimit::max(rest::MAX_UPLOAD))
            .with_state(shared.clone())
            .into_make_service_with_connect_info::<Peer>();
        let serving = tokio::spawn(async move {
            // It ends only when it is told to.
            let _ = axum::serve(connections, router).await;
        });
        Ok(Self { shared, accept_loop, address, serving })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.serving.abort();
        self.shared.cut_all();
    }
}
