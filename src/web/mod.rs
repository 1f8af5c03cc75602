//! The web server: files and long messages of Let's Chat, for anyone with the link; the page where people of IRC
//! link their accounts; the page where users of Let's Chat give their connections to IRC a services account; and the
//! archive, for those who sign in.
//!
//! ```text
//!  reverse proxy ─▶ listener, seats ─▶ rate_limit ─▶ handlers ─▶ public links: is it ours?
//!                                                       │        store: is it still valid?
//!                                                       ├─▶ cache ─▶ net/rest ─▶ Let's Chat, once for all clients
//!                                                       ├─▶ linking, puppet_login ─▶ LinkDesk ─▶ the bridge
//!                                                       └─▶ archive ─▶ net/rest: what may they read? ─▶ store
//! ```
//!
//! The web server makes requests to the configured Let's Chat only: for files with a signed link, and to sign in people
//! who use these pages. Nothing can be listed but by those who sign in.

pub mod archive;
mod cache;
mod client_ip;
mod connection_slots;
mod content_type;
mod handlers;
mod held;
mod html;
mod linking;
mod listener;
mod nets;
mod paced;
mod puppet_login;
mod range;
mod rate_limit;
mod revoke;
mod self_test;

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time;

use crate::config::{Settings, WebSettings};
use crate::store;
use crate::store::{PublicReader, StoreError};
use crate::translate::PublicLinks;

pub(crate) use html::page as html_page;
pub use linking::{LinkCall, LinkDesk};
pub(crate) use listener::{PeerAddr, serve as serve_connections};
pub(crate) use rate_limit::RateLimiter;
pub use revoke::{revoke_link, revoke_since};
pub use self_test::{SelfTestResult, self_test};

use archive::ArchivePages;
use cache::FileCache;
use handlers::AppState;
use linking::LinkPages;
use puppet_login::PuppetPages;

/// How often expired entries are removed.
const EVICTION_INTERVAL: Duration = Duration::from_secs(60);

/// A running web server.
#[derive(Debug)]
pub struct WebServer {
    address: SocketAddr,
    shutdown: watch::Sender<bool>,
    server_task: JoinHandle<()>,
    archive: Option<Arc<ArchivePages>>,
}

/// Why the web server cannot run.
#[derive(Debug, thiserror::Error)]
pub enum WebError {
    /// It cannot listen at the address.
    #[error(
        "web.listen: cannot listen on {address} ({error}): choose another port, or stop the \
         program that uses it"
    )]
    Bind {
        /// `web.listen`.
        address: SocketAddr,
        /// The system's error.
        error: io::Error,
    },
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The system has no random numbers.
    #[error("the system has no random numbers ({0}): check that /dev/urandom can be read")]
    Random(#[from] getrandom::Error),
}

impl WebServer {
    /// Starts the configured web server, beside the bridge whose store is open. `None` if none is configured.
    /// Without a `desk`, nobody can link accounts. Must be called within a Tokio runtime.
    ///
    /// # Errors
    /// Any [`WebError`].
    pub async fn start(
        settings: &Settings,
        desk: Option<LinkDesk>,
    ) -> Result<Option<Self>, WebError> {
        let Some(web) = &settings.web else { return Ok(None) };
        let state = app_state(web, settings)?;
        let puppets = PuppetPages::new(desk.clone(), web, settings)?;
        let pages = LinkPages::new(desk, &web.public_url, settings.letschat.clone())?;
        let archive = ArchivePages::new(web, settings)?;
        let (cache, swept) = (Arc::downgrade(&state.cache), Arc::downgrade(&pages));
        let swept_archive = archive.as_ref().map(Arc::downgrade);
        let listener = listener::bind(web.listen)
            .await
            .map_err(|error| WebError::Bind { address: web.listen, error })?;
        let address = listener.local_addr().unwrap_or(web.listen);
        tracing::info!(%address, public_url = %web.public_url, "web server started");
        let (stop, stopped) = watch::channel(false);
        let proxies = web.trusted_proxies.clone();
        let routes = linking::routes(pages)
            .merge(puppet_login::routes(puppets))
            .merge(archive::routes(archive.clone()));
        let router = handlers::router(state, routes);
        let serving = tokio::spawn(listener::serve(listener, router, proxies, stopped));
        tokio::spawn(async move {
            let mut often = time::interval(EVICTION_INTERVAL);
            loop {
                often.tick().await;
                let (Some(cache), Some(pages)) = (cache.upgrade(), swept.upgrade()) else { return };
                cache.evict_stale(Instant::now());
                pages.sweep(Instant::now());
                if let Some(archive) = swept_archive.as_ref().and_then(Weak::upgrade) {
                    archive.sweep(Instant::now());
                }
            }
        });
        Ok(Some(Self { address, shutdown: stop, server_task: serving, archive }))
    }

    /// Whether a web server that was started with `old` is as one that is started with `new`.
    #[must_use]
    pub fn is_same(old: &Settings, new: &Settings) -> bool {
        let is_off = old.web.is_none() && new.web.is_none();
        is_off
            || old.web == new.web
                && old.letschat.has_same_connection(&new.letschat)
                && puppet_login::services(old) == puppet_login::services(new)
                && ArchivePages::is_same(old, new)
    }

    /// The address it listens at.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Stops accepting requests, and gives those in progress a moment.
    pub async fn stop(self) {
        self.shutdown.send_replace(true);
        // The task ends by itself and cannot fail.
        let _ = self.server_task.await;
        if let Some(archive) = self.archive {
            archive.end().await;
        }
    }
}

fn app_state(web: &WebSettings, settings: &Settings) -> Result<Arc<AppState>, StoreError> {
    let directory: &Path = &settings.state_dir;
    let key = store::load_or_create_link_key(directory)?;
    let letschat = settings.letschat.clone();
    Ok(Arc::new(AppState {
        links: PublicLinks::new(key, web.public_url.clone(), letschat.url.clone()),
        cache: FileCache::new(letschat, directory.to_owned(), web.max_file_size, web.cache_size),
        rate_limiter: Arc::new(RateLimiter::new(web.requests_per_minute)),
        public_reader: Arc::new(Mutex::new(PublicReader::open(directory)?)),
        settings: web.clone(),
    }))
}
