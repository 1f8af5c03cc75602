//! Starts and stops the API at both places.

use std::sync::Arc;

use std::path::PathBuf;
use std::time::Duration;

use axum::{Extension, Router};
use tokio::net::UnixListener;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time;

use super::error::AdminError;
use super::events;
use super::gate::{self, Access};
use super::router;
use super::socket::ControlSocket;
use super::state::{AdminState, RunningParts};
use super::tcp::AdminTcp;
use crate::config::Settings;
use crate::web;

/// How often the bridge looks whether its socket is still there.
const LOOK_INTERVAL: Duration = Duration::from_secs(5);

/// The API before the bridge runs: clients can connect and wait.
#[derive(Debug)]
pub struct AdminListeners {
    state_dir: PathBuf,
    socket: ControlSocket,
    listener: UnixListener,
    tcp: AdminTcp,
}

/// The running API.
#[derive(Debug)]
pub struct AdminServer {
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
        Ok(Self { state_dir: settings.state_dir.clone(), socket, listener, tcp })
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
        let socket = (self.socket, self.listener);
        let task = tokio::spawn(serve_socket(self.state_dir, socket, over_socket, stopped));
        AdminServer { tcp: self.tcp, stop, task }
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
    }
}

/// Answers at the socket until `stopped`, and removes it then. If somebody removes it before, it is made again.
async fn serve_socket(
    state_dir: PathBuf,
    (mut socket, listener): (ControlSocket, UnixListener),
    routes: Router,
    mut stopped: watch::Receiver<bool>,
) {
    let mut serving = JoinSet::new();
    serving.spawn(web::serve_connections(listener, routes.clone(), Vec::new(), stopped.clone()));
    let mut often = time::interval(LOOK_INTERVAL);
    let until = stopped.clone();
    while !*stopped.borrow() {
        tokio::select! {
            _ = stopped.wait_for(|stop| *stop) => {}
            _ = often.tick() => {
                if socket.is_gone()
                    && let Ok((new, listener)) = ControlSocket::bind(&state_dir)
                {
                    tracing::warn!("control.sock was removed; the bridge made it again");
                    socket = new;
                    let routes = routes.clone();
                    let work = web::serve_connections(listener, routes, Vec::new(), until.clone());
                    serving.spawn(work);
                }
            }
        }
    }
    while serving.join_next().await.is_some() {}
}
