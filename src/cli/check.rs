//! `letsbridge check`: reads the configuration, logs in on both sides, and tells what works.

use std::path::Path;
use std::process::ExitCode;

use super::{FAILED, MISTAKEN, run};
use crate::bridge::Peer;
use crate::config;
use crate::config::Settings;
use crate::service;
use crate::service::Report;
use crate::store::{Store, StoreError};

/// Checks the bridge that `config` describes.
pub(super) fn check(config: &Path) -> ExitCode {
    let (settings, warnings) = match config::load(config, std::env::vars()) {
        Ok(loaded) => loaded,
        Err(mistakes) => {
            eprintln!("{mistakes}");
            return MISTAKEN.into();
        }
    };
    println!("{}: no mistakes", config.display());
    for warning in warnings {
        println!("warning: {warning}");
    }
    let store = check_store(&settings);
    let report = run::runtime().block_on(service::probe(&settings));
    let works = tell(&settings, &report);
    if works && store { ExitCode::SUCCESS } else { FAILED.into() }
}

/// Whether the state directory can be used.
fn check_store(settings: &Settings) -> bool {
    match Store::open(&settings.state_dir) {
        Ok(_) => println!("{}: can be written", settings.state_dir.display()),
        Err(StoreError::InUse(_)) => {
            println!("{}: in use by a bridge that is running", settings.state_dir.display());
        }
        Err(error) => {
            println!("{error}");
            return false;
        }
    }
    true
}

/// Tells what was found, peer by peer and link by link. Says whether all of it works.
fn tell(settings: &Settings, report: &Report) -> bool {
    let networks = settings.networks.iter().map(|network| Peer::Irc(network.network.clone()));
    let mut works = true;
    for peer in networks.chain([Peer::LetsChat]) {
        match report.peers.get(&peer) {
            Some(Ok(name)) => println!("{peer}: let in as {name}"),
            Some(Err(why)) => {
                works = false;
                println!("{peer}: {why}");
            }
            None => {
                works = false;
                println!("{peer}: no answer in time");
            }
        }
    }
    for (at, link) in settings.links.iter().enumerate() {
        let ends = [report.place(&link.channel), report.place(&link.room)];
        println!("link[{at}] {} and {}: {}", link.channel, link.room, verdict(&ends));
        works &= ends.iter().all(Result::is_ok);
    }
    works
}

fn verdict(ends: &[Result<(), String>]) -> String {
    let troubles: Vec<&str> =
        ends.iter().filter_map(|end| end.as_ref().err()).map(String::as_str).collect();
    if troubles.is_empty() { "works".to_owned() } else { troubles.join("; ") }
}
