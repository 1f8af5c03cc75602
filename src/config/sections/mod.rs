//! Reads the sections of the file into settings, each key with its default.

mod accounts;
mod admin;
mod announcements;
mod archive;
mod auth;
mod canary;
mod catch_up;
mod charset;
mod connection;
mod format;
mod letschat;
mod links;
mod network;
mod progress;
mod puppets;
mod store;
mod tls;
mod user_map;
mod web;

use core::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use catch_up::CatchUpSettings;
use links::LinkDefaults;

use super::entry::Entry;
use super::keys::SectionKind;
use super::link_set::LinkSet;
use super::loader::Loader;
use super::parse;
use super::parse::ValueError;
use super::reader::Section;
use super::settings::{CatchUpPolicy, LetsChatSettings, LogSettings, NetworkSettings, Settings};
use super::types::{boolean, text};
use crate::translate::{LinkFormat, UserMap};

/// Reads all settings; `None` if there was an error.
pub(super) fn settings(loader: &Loader) -> Option<Settings> {
    let mut top = loader.root_section();
    let state_dir = read_state_dir(&mut top);
    let shutdown_timeout =
        top.get("shutdown_timeout", text(parse::duration)).unwrap_or(Duration::from_secs(10));
    let loop_protection = top.get("loop_protection", boolean).unwrap_or(true);
    let log = log_settings(top.section("log"));
    let (store, retention_entry) = store::read(top.section("store"));
    let notices = top.get("notices", boolean);
    let min_reported_gap = top.get("min_reported_gap", text(parse::duration));
    let general = CatchUpSettings::read(&mut top, CatchUpSettings::default());
    let networks = networks(&mut top, general);
    let (letschat, catch_up) = letschat::read(top.section("letschat"), general);
    let network_names = loader.document.network_names();
    let people = user_map::read(&mut top, letschat.as_ref().map(|it| &it.token), &network_names);
    let known = people.iter().map(|person| (person.user.clone(), person.matchers.clone()));
    let mut base = LinkFormat { user_map: Arc::new(UserMap::new(known)), ..LinkFormat::default() };
    base.room.letschat_url = letschat.as_ref().map(|letschat| letschat.url.clone());
    let format = Arc::new(format::read(top.section("format"), &base));
    let letschat_sender_mode = letschat.as_ref().map(|it| it.sender_mode).unwrap_or_default();
    let defaults = LinkDefaults { format: &format, letschat_sender_mode };
    let mut links = links::read(&mut top, &network_names, &defaults);
    let canary = canary::read(top.section("canary"), &network_names, &mut links);
    let web = web::read(top.section("web"), store.retention);
    let admin = admin::read(top.section("admin"));
    let archive = archive::read(top.section("archive"));
    let announcements = announcements::read(top.section("announcements"));
    let progress = progress::read(top.section("progress"));
    let ident = ident_address(top.section("ident"));
    let on_networks = networks.iter().filter_map(|(.., it)| Some(it.as_ref()?.catch_up));
    warn_short_retention(store.retention, retention_entry.as_ref(), on_networks.chain([catch_up]));
    warn_unlinked(&networks, &links);
    top.deny_unknown_keys();
    let networks: Option<Vec<_>> = networks.into_iter().map(|(.., network)| network).collect();
    Some(Settings {
        state_dir: state_dir.unwrap_or_else(|| default_state_dir(loader)),
        log,
        store,
        networks: attach_channels(networks?, &links),
        letschat: LetsChatSettings { rooms: links.rooms(), ..letschat? },
        links: links.links(),
        canary,
        people,
        link_formats: links.formats(),
        format,
        link_groups: links.groups(),
        web,
        admin,
        archive,
        announcements,
        progress,
        ident,
        notices: notices.unwrap_or(true),
        min_reported_gap: min_reported_gap.unwrap_or(Duration::from_secs(60)),
        shutdown_timeout,
        loop_protection,
    })
}

/// The state directory alone; `None` if it is set to something that is no path.
pub(super) fn state_dir(loader: &Loader) -> Option<PathBuf> {
    let mut top = loader.root_section();
    if top.has_any(&["state_dir"]) {
        return read_state_dir(&mut top);
    }
    Some(default_state_dir(loader))
}

fn read_state_dir(top: &mut Section<'_>) -> Option<PathBuf> {
    let folders = &top.loader.base_dirs;
    top.get("state_dir", text(non_empty_path)).map(|path| folders.resolve(&path))
}

/// The directory that systemd gives, or else the usual one.
fn default_state_dir(loader: &Loader) -> PathBuf {
    loader.base_dirs.state_dir.clone().unwrap_or_else(usual_state_dir)
}

pub(super) fn usual_state_dir() -> PathBuf {
    "/var/lib/letsbridge".into()
}

fn attach_channels(networks: Vec<NetworkSettings>, links: &LinkSet<'_>) -> Vec<NetworkSettings> {
    let with_channels = |network: NetworkSettings| NetworkSettings {
        channels: links.channels(&network.network),
        ..network
    };
    networks.into_iter().map(with_channels).collect()
}

fn log_settings(mut section: Section<'_>) -> LogSettings {
    let log = LogSettings {
        format: section.get("format", text(parse::enum_value)).unwrap_or_default(),
        level: section.get("level", text(parse::log_filter)).unwrap_or_else(|| "info".to_owned()),
    };
    section.deny_unknown_keys();
    log
}

fn ident_address(mut section: Section<'_>) -> Option<SocketAddr> {
    let listen = section.get("listen", text(parse::listen_address));
    section.deny_unknown_keys();
    listen
}

/// Reads the networks with their names; `None` for a network with an error.
fn networks<'r>(
    top: &mut Section<'r>,
    general: CatchUpSettings,
) -> Vec<(&'r str, Entry<'r>, Option<NetworkSettings>)> {
    let written = top.child("irc");
    let irc = written.as_ref().and_then(|entry| entry.section(SectionKind::Section("irc")));
    let entries = irc.map(|irc| irc.entries()).unwrap_or_default();
    // A value of the wrong type is reported already.
    if entries.is_empty() && written.is_none_or(|entry| entry.is_section()) {
        let remedy = "add [irc.NAME] with servers = [\"irc.example.org:6697\"]";
        top.report_error("irc".to_owned(), ValueError::new("no IRC network configured", remedy));
    }
    let names = top.loader.document.network_names();
    let read = |(name, entry): (&'r str, Entry<'r>)| {
        let settings = network::read(name, &entry, &names, general);
        (name, entry, settings)
    };
    entries.into_iter().map(read).collect()
}

/// Warns of networks that no link uses.
fn warn_unlinked(networks: &[(&str, Entry<'_>, Option<NetworkSettings>)], links: &LinkSet<'_>) {
    for (name, entry, _) in networks {
        if !links.mentions_network(name) {
            let remedy =
                format!("add a [[link]] with channel = \"{name}/#…\", or remove the network");
            entry.report_warning(ValueError::new("no link uses this network", remedy));
        }
    }
}

/// Warns if messages are forgotten that `catch_up` may still find: they could be mirrored twice.
fn warn_short_retention(
    retention: Option<Duration>,
    written: Option<&Entry<'_>>,
    mut catch_up: impl Iterator<Item = CatchUpPolicy>,
) {
    if let (Some(retention), Some(entry)) = (retention, written)
        && catch_up.any(|it| matches!(it, CatchUpPolicy::MaxAge(age) if retention < age))
    {
        let found = "retention is shorter than catch_up: older messages could be mirrored twice";
        entry.report_warning(ValueError::new(found, "raise store.retention to at least catch_up"));
    }
}

fn non_empty_path(text: &str) -> Result<String, ValueError> {
    if text.is_empty() {
        return Err(ValueError::quoting(text, "is empty", "write a path, or remove the key"));
    }
    Ok(text.to_owned())
}
