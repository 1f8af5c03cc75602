//! The running program: the bridge and the web server, with the configuration that they work with.

use std::error::Error;
use std::path::{Path, PathBuf};

use tokio::sync::mpsc;

use crate::config;
use crate::config::Settings;
use crate::service;
use crate::service::{LinkAsker, ReloadSummary, RunningBridge, Status};
use crate::store::{Store, StoreError};
use crate::web::{LinkCall, LinkDesk, WebServer};

/// The running program.
pub(super) struct Program {
    /// The configuration file.
    config: PathBuf,
    settings: Settings,
    bridge: RunningBridge,
    web: Option<WebServer>,
    /// Where the pages of the web server ask the bridge.
    desk: LinkDesk,
}

impl Program {
    /// Starts the bridge on `store`, and the web server.
    pub(super) async fn start(
        config: &Path,
        settings: Settings,
        store: Store,
    ) -> Result<Self, Box<dyn Error>> {
        let (desk, calls) = LinkDesk::channel();
        let web = WebServer::start(&settings, Some(desk.clone())).await?;
        let bridge = service::start(settings.clone(), store)?;
        tokio::spawn(answer_calls(calls, bridge.link_asker()));
        Ok(Self { config: config.to_owned(), settings, bridge, web, desk })
    }

    /// The settings that it works with.
    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The status of the bridge, with changes.
    pub(super) fn status(&self) -> tokio::sync::watch::Receiver<Status> {
        self.bridge.status()
    }

    /// Runs until the bridge ends by itself, which only a broken store causes. May be dropped and called again.
    pub(super) async fn run(&mut self) -> Result<(), StoreError> {
        self.bridge.run().await
    }

    /// Reads the configuration again and applies it.
    ///
    /// # Errors
    /// The mistakes of the configuration, or what cannot change now. Nothing has changed then.
    pub(super) async fn reload(&mut self) -> Result<ReloadSummary, Vec<String>> {
        let (settings, warnings) =
            config::load(&self.config, std::env::vars()).map_err(|mistakes| {
                mistakes.to_string().lines().map(str::to_owned).collect::<Vec<_>>()
            })?;
        for warning in warnings {
            tracing::warn!("{warning}");
        }
        let one = |error: &dyn Error| vec![error.to_string()];
        self.bridge.check_reload(&settings).map_err(|error| one(&error))?;
        if !WebServer::is_same(&self.settings, &settings) {
            self.restart_web(&settings).await.map_err(|error| one(&*error))?;
        }
        let summary = self.bridge.reload(settings.clone()).await.map_err(|error| one(&error))?;
        self.settings = settings;
        Ok(summary)
    }

    /// Starts the web server that `settings` asks for, instead of the one that runs. If that fails, the old one runs
    /// again.
    async fn restart_web(&mut self, settings: &Settings) -> Result<(), Box<dyn Error>> {
        // It may be the same address.
        if let Some(web) = self.web.take() {
            web.stop().await;
        }
        match WebServer::start(settings, Some(self.desk.clone())).await {
            Ok(web) => {
                self.web = web;
                Ok(())
            }
            Err(error) => {
                self.web = WebServer::start(&self.settings, Some(self.desk.clone())).await?;
                Err(error.into())
            }
        }
    }

    /// Waits for deliveries in flight, says goodbye everywhere, and waits until everything is stored.
    pub(super) async fn stop(self) -> Result<(), StoreError> {
        let farewell = async {
            if let Some(web) = self.web {
                web.stop().await;
            }
        };
        tokio::join!(self.bridge.stop(), farewell).0
    }
}

/// Passes what people ask on the pages where they link their accounts, and log their puppets in, on to the bridge.
async fn answer_calls(mut calls: mpsc::Receiver<LinkCall>, bridge: LinkAsker) {
    while let Some(call) = calls.recv().await {
        match call {
            LinkCall::Link(request, reply) => bridge.ask(request, reply).await,
            LinkCall::PuppetLogin(request, reply) => bridge.ask_puppet_login(request, reply).await,
        }
    }
}
