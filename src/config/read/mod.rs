//! The keys of the file, each with its default: one line for each.

mod catching_up;
mod charset;
mod letschat;
mod links;
mod login;
mod looks;
mod network;
mod puppets;
mod trust;
mod way;
mod web;

use core::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use catching_up::CatchingUp;
pub(super) use charset::Charset;

use super::entry::Entry;
use super::keys::Pattern;
use super::kinds::{flag, text};
use super::links::Links;
use super::reading::Reading;
use super::section::Section;
use super::settings::{CatchUp, LetsChatSettings, Log, NetworkSettings, Settings, Store};
use super::values::{self, Flaw};
use crate::translate::LinkFormat;

/// Everything; `None` where a mistake was found.
pub(super) fn settings(reading: &Reading) -> Option<Settings> {
    let mut top = reading.top();
    let state_dir =
        top.get("state_dir", text(not_empty)).map(|path| reading.folders.resolve(&path));
    let default_state_dir =
        || reading.folders.state.clone().unwrap_or("/var/lib/letsbridge".into());
    let settle = top.get("settle", text(values::duration)).unwrap_or(Duration::from_secs(10));
    let break_loops = top.get("break_loops", flag).unwrap_or(true);
    let log = log(top.section("log"));
    let (store, keep) = store(top.section("store"));
    let announce = top.get("announce", flag);
    let gap = top.get("announce_gaps_after", text(values::duration));
    let general = CatchingUp::read(&mut top, CatchingUp::default());
    let networks = networks(&mut top, general);
    let (letschat, catch_up, announce_gaps) = letschat::read(top.section("letschat"), general);
    let mut base =
        LinkFormat { user_map: Arc::new(looks::people(&mut top)), ..LinkFormat::default() };
    base.room.letschat_url = letschat.as_ref().map(|letschat| letschat.url.clone());
    let looks = Arc::new(looks::read(top.section("looks"), &base));
    let links = links::read(&mut top, &reading.document.networks(), &looks);
    let web = web::read(top.section("web"), store.keep);
    let ident = ident(top.section("ident"));
    let on_networks = networks.iter().filter_map(|(.., it)| Some(it.as_ref()?.catch_up));
    outlived(store.keep, keep.as_ref(), on_networks.chain([catch_up]));
    for (name, entry, _) in &networks {
        if !links.mention(name) {
            let remedy =
                format!("add a [[link]] with channel = \"{name}/#…\", or remove the network");
            entry.warning(Flaw::new("no link mentions this network", remedy));
        }
    }
    top.finish();
    let networks: Option<Vec<_>> = networks.into_iter().map(|(.., network)| network).collect();
    Some(Settings {
        state_dir: state_dir.unwrap_or_else(default_state_dir),
        log,
        store,
        networks: with_channels(networks?, &links),
        letschat: LetsChatSettings { rooms: links.rooms(), ..letschat? },
        links: links.links(),
        link_looks: links.looks(),
        looks,
        conversations: links.conversations(),
        web,
        ident,
        announce: announce_gaps.or(announce).unwrap_or(true),
        gap: gap.unwrap_or(Duration::from_secs(60)),
        settle,
        break_loops,
    })
}

fn with_channels(networks: Vec<NetworkSettings>, links: &Links<'_>) -> Vec<NetworkSettings> {
    let with_channels = |network: NetworkSettings| NetworkSettings {
        channels: links.channels(&network.network),
        ..network
    };
    networks.into_iter().map(with_channels).collect()
}

fn log(mut section: Section<'_>) -> Log {
    let log = Log {
        format: section.get("format", text(values::choice)).unwrap_or_default(),
        level: section.get("level", text(values::level)).unwrap_or_else(|| "info".to_owned()),
    };
    section.finish();
    log
}

fn ident(mut section: Section<'_>) -> Option<SocketAddr> {
    let listen = section.get("listen", text(values::listen));
    section.finish();
    listen
}

fn store(mut section: Section<'_>) -> (Store, Option<Entry<'_>>) {
    let written = section.entry("keep");
    let keep = written.as_ref().and_then(|entry| entry.read(text(values::keep)));
    let max_waiting = section.get("max_waiting", text(values::size_or_none));
    let max_waiting = max_waiting.unwrap_or(Some(1_000_000_000));
    section.finish();
    (Store { keep: keep.unwrap_or(Some(Duration::from_hours(30 * 24))), max_waiting }, written)
}

/// The networks with their names; `None` for one with a mistake.
fn networks<'r>(
    top: &mut Section<'r>,
    general: CatchingUp,
) -> Vec<(&'r str, Entry<'r>, Option<NetworkSettings>)> {
    let written = top.child("irc");
    let irc = written.as_ref().and_then(|entry| entry.section(Pattern::Section("irc")));
    let entries = irc.map(|irc| irc.entries()).unwrap_or_default();
    // Of the wrong kind, it has been told of.
    if entries.is_empty() && written.is_none_or(|entry| entry.is_section()) {
        let remedy = "write [irc.NAME] with servers = [\"irc.example.org:6697\"]";
        top.mistake("irc".to_owned(), Flaw::new("there is no IRC network", remedy));
    }
    let names = top.reading.document.networks();
    let read = |(name, entry): (&'r str, Entry<'r>)| {
        let settings = network::read(name, &entry, &names, general);
        (name, entry, settings)
    };
    entries.into_iter().map(read).collect()
}

/// A message that is caught up on after the ledger has forgotten it could be mirrored twice.
fn outlived(
    keep: Option<Duration>,
    written: Option<&Entry<'_>>,
    mut catch_up: impl Iterator<Item = CatchUp>,
) {
    if let (Some(keep), Some(entry)) = (keep, written)
        && catch_up.any(|it| matches!(it, CatchUp::Age(age) if keep < age))
    {
        let found = "the ledger forgets messages that catch_up still looks for";
        entry.warning(Flaw::new(found, "keep them for at least as long, or they may be repeated"));
    }
}

fn not_empty(text: &str) -> Result<String, Flaw> {
    if text.is_empty() {
        return Err(Flaw::of(text, "is empty", "write a path, or leave the key out"));
    }
    Ok(text.to_owned())
}
