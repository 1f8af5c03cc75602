//! Starts and stops the API at both places.

use std::sync::Arc;

use axum::Extension;
use tokio::net::UnixListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::error::AdminError;
use super::events;
use super::gate::{self, Access};
use super::router;
use super::socket::ControlSocket;
use super::state::{AdminState, RunningParts};
use super::tcp::AdminTcp;
use crate::config::Settings;
use crate::web;

/// The API before the bridge runs: clients can connect and wait.
#[derive(Debug)]
pub struct AdminListeners {
    socket: ControlSocket,
    listener: UnixListener,
    tcp: AdminTcp,
}

/// The running API.
#[derive(Debug)]
pub struct AdminServer {
    socket: ControlSocket,
    tcp: AdminTcp,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl AdminListeners {
    /// Listens at the Unix socket and, if so configured, on TCP. The store must be open, so that no other bridge uses
    /// the directory. Must be called within a Tokio runtime.
    ///
    /// # Errors
    /// Any [`AdminError`].
    pub async fn bind(settings: &Settings) -> Result<Self, AdminError> {
        let tcp = AdminTcp::bind(&settings.admin).await?;
        let (socket, listener) = ControlSocket::bind(&settings.state_dir)?;
        Ok(Self { socket, listener, tcp })
    }

    /// The TCP listener, for a reload to change.
    #[must_use]
    pub fn tcp(&self) -> AdminTcp {
        self.tcp.clone()
    }

    /// Answers from now on.
    pub async fn serve(self, bridge: RunningParts) -> AdminServer {
        let (stop, stopped) = watch::channel(false);
        let state = AdminState::new(bridge, stopped.clone());
        // It ends with the API.
        tokio::spawn(events::watch_bridge(Arc::clone(&state)));
        let routes = router::routes(state);
        self.tcp.serve(gate::guard(routes.clone(), self.tcp.gate())).await;
        let over_socket = routes.layer(Extension(Access::Socket));
        let work = web::serve_connections(self.listener, over_socket, Vec::new(), stopped);
        AdminServer { socket: self.socket, tcp: self.tcp, stop, task: tokio::spawn(work) }
    }
}

impl AdminServer {
    /// Stops answering, gives answers in progress a moment, and removes the socket.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        let socket = async {
            // The task ends by itself and cannot fail.
            let _ = self.task.await;
        };
        tokio::join!(socket, self.tcp.stop());
        drop(self.socket);
    }
}
