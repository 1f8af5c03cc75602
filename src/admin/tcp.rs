//! The TCP listener, which a reload can open, move and close.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, watch};
use tokio::task::JoinHandle;

use super::error::AdminError;
use super::gate::Gate;

use crate::config::AdminSettings;
use crate::web;

/// The TCP listener. Clones are the same one.
#[derive(Debug, Clone)]
pub struct AdminTcp {
    gate: Arc<Gate>,
    place: Arc<Mutex<ListenPlace>>,
}

#[derive(Debug, Default)]
struct ListenPlace {
    /// `admin.listen`.
    wanted: Option<SocketAddr>,
    /// What answers; `None` until the bridge runs.
    router: Option<Router>,
    /// Open, but nothing answers there yet.
    idle: Option<TcpListener>,
    serving: Option<Serving>,
}

#[derive(Debug)]
struct Serving {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl AdminTcp {
    /// Listens as configured, if at all. Nothing answers yet.
    pub(super) async fn bind(settings: &AdminSettings) -> Result<Self, AdminError> {
        let gate = Gate::new(settings)?;
        let idle = match settings.listen {
            Some(address) => Some(listen(address).await?),
            None => None,
        };
        let place = ListenPlace { wanted: settings.listen, idle, ..ListenPlace::default() };
        Ok(Self { gate, place: Arc::new(Mutex::new(place)) })
    }

    /// Who may use it.
    pub(super) fn gate(&self) -> &Arc<Gate> {
        &self.gate
    }

    /// Answers by `router` from now on.
    pub(super) async fn serve(&self, router: Router) {
        let mut place = self.place.lock().await;
        place.router = Some(router);
        place.begin();
    }

    /// Listens and lets in by these settings from now on. The new rules never count at the old address: what is open
    /// there ends first.
    ///
    /// # Errors
    /// When the bridge cannot listen at the new address. It goes on at the old one, by the old rules.
    pub async fn reconfigure(&self, settings: &AdminSettings) -> Result<(), AdminError> {
        let mut place = self.place.lock().await;
        if place.wanted == settings.listen {
            self.gate.set_rules(settings);
            return Ok(());
        }
        let listener = match settings.listen {
            Some(address) => Some(place.listen_instead(address).await?),
            None => None,
        };
        place.end().await;
        self.gate.set_rules(settings);
        (place.idle, place.wanted) = (listener, settings.listen);
        place.begin();
        Ok(())
    }

    /// Closes it, and gives answers in progress a moment.
    pub(super) async fn stop(&self) {
        let mut place = self.place.lock().await;
        place.router = None;
        place.end().await;
    }
}

impl ListenPlace {
    /// Answers at the open listener, once it is known how.
    fn begin(&mut self) {
        let (Some(router), Some(listener)) = (&self.router, self.idle.take()) else { return };
        if let Ok(address) = listener.local_addr() {
            tracing::info!(%address, "the administrator's API listens");
        }
        let (stop, stopped) = watch::channel(false);
        let work = web::serve_connections(listener, router.clone(), Vec::new(), stopped);
        self.serving = Some(Serving { stop, task: tokio::spawn(work) });
    }

    /// Listens at another address. If that fails, everything is as before.
    async fn listen_instead(&mut self, address: SocketAddr) -> Result<TcpListener, AdminError> {
        // Our own listener may be in the way: 0.0.0.0:8090 instead of 127.0.0.1:8090.
        let may_be_ours = self.wanted.is_some_and(|before| before.port() == address.port());
        match listen(address).await {
            Err(error) if error.is_address_in_use() && may_be_ours => {}
            listener => return listener,
        }
        self.end().await;
        let listener = listen(address).await;
        if let (Err(_), Some(before)) = (&listener, self.wanted) {
            self.idle = listen(before).await.ok();
            self.begin();
        }
        listener
    }

    async fn end(&mut self) {
        self.idle = None;
        if let Some(Serving { stop, task }) = self.serving.take() {
            stop.send_replace(true);
            // The task ends by itself and cannot fail.
            let _ = task.await;
        }
    }
}

async fn listen(address: SocketAddr) -> Result<TcpListener, AdminError> {
    let bound = TcpListener::bind(address).await;
    bound.map_err(|error: io::Error| AdminError::Bind { address, error })
}
