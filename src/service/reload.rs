//! What a changed configuration changes while the bridge runs.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use secrecy::SecretString;

use crate::config::{
    CanarySettings, LetsChatSettings, Link, NetworkSettings, SenderMode, Settings,
};
use crate::domain::{Network, is_same_secret};
use crate::store::StoreError;

/// Why a configuration cannot be applied while the bridge runs.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// The state would be another one.
    #[error(
        "state_dir: the running bridge uses {before}, not {after}; restart it to use another state"
    )]
    OtherState {
        /// The directory in use.
        before: String,
        /// The directory that the configuration names.
        after: String,
    },
    /// A key file or the database cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The bridge has stopped meanwhile.
    #[error("the bridge is stopping")]
    Stopped,
}

/// What a reload has changed, in a few words each.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConfigChanges {
    /// What was applied.
    pub applied: Vec<String>,
    /// The keys that only a restart applies.
    pub needs_restart: Vec<String>,
}

/// What `new` changes.
///
/// # Errors
/// What cannot change while the bridge runs.
pub fn compare(old: &Settings, new: &Settings) -> Result<ConfigChanges, ReloadError> {
    if old.state_dir != new.state_dir {
        let (before, after) = (old.state_dir.display(), new.state_dir.display());
        let (before, after) = (before.to_string(), after.to_string());
        return Err(ReloadError::OtherState { before, after });
    }
    let mut applied = Vec::new();
    compare_links(old, new, &mut applied);
    compare_canary(old, new, &mut applied);
    compare_networks(old, new, &mut applied);
    if !new.letschat.has_same_connection(&old.letschat) {
        applied.push("connecting to Let's Chat anew".to_owned());
    }
    compare_others(old, new, &mut applied);
    let changed = [
        ("ident.listen", old.ident != new.ident),
        ("log.format", old.log.format != new.log.format),
        ("[store] url, node and share_keys", old.store.cluster != new.store.cluster),
    ];
    let needs_restart = changed.into_iter().filter(|(_, changed)| *changed);
    let needs_restart = needs_restart.map(|(key, _)| key.to_owned()).collect();
    Ok(ConfigChanges { applied, needs_restart })
}

fn compare_links(old: &Settings, new: &Settings, applied: &mut Vec<String>) {
    let before: BTreeSet<String> = old.links.iter().map(ends).collect();
    let after: BTreeSet<String> = new.links.iter().map(ends).collect();
    applied.extend(after.difference(&before).map(|link| format!("linked {link}")));
    applied.extend(before.difference(&after).map(|link| format!("unlinked {link}")));
    for link in &new.links {
        let is_same = |it: &&Link| (&it.channel, &it.room) == (&link.channel, &link.room);
        let Some(before) = old.links.iter().find(is_same) else { continue };
        if before.phase != link.phase {
            applied.push(format!("{}: phase {}, was {}", ends(link), link.phase, before.phase));
        }
        if before.direction != link.direction {
            let (now, before) = (link.direction, before.direction);
            applied.push(format!("{}: direction {now}, was {before}", ends(link)));
        }
    }
}

fn ends(link: &Link) -> String {
    format!("{} with {}", link.channel, link.room)
}

fn compare_canary(old: &Settings, new: &Settings, applied: &mut Vec<String>) {
    let ends = |it: &CanarySettings| format!("{} with {}", it.channel, it.room);
    let times = |it: &CanarySettings| (it.interval, it.timeout);
    applied.extend(match (&old.canary, &new.canary) {
        (before, Some(after)) if before.as_ref().map(ends) != Some(ends(after)) => {
            Some(format!("the canary tests {}", ends(after)))
        }
        (Some(before), Some(after)) if times(before) != times(after) => {
            Some("the canary has other times".to_owned())
        }
        (Some(_), None) => Some("the canary is off".to_owned()),
        _ => None,
    });
}

fn compare_networks(old: &Settings, new: &Settings, applied: &mut Vec<String>) {
    let new_networks = new.networks.iter().map(|it| (it, find_network(old, &it.network)));
    for (network, before) in new_networks {
        let name = &network.network;
        match before {
            None => applied.push(format!("connecting to the new network {name}")),
            Some(before) if !network.has_same_connection(before) => {
                applied.push(format!("connecting to {name} anew"));
            }
            Some(_) => {}
        }
    }
    let gone = old.networks.iter().filter(|it| find_network(new, &it.network).is_none());
    applied.extend(gone.map(|it| format!("leaving the network {}", it.network)));
}

fn find_network<'s>(settings: &'s Settings, network: &Network) -> Option<&'s NetworkSettings> {
    settings.networks.iter().find(|it| it.network == *network)
}

/// What is applied without a new connection, by the sections of the configuration.
fn compare_others(old: &Settings, new: &Settings, applied: &mut Vec<String>) {
    for network in &new.networks {
        let Some(before) = find_network(old, &network.network) else { continue };
        let is_other = shown(&without_channels(network)) != shown(&without_channels(before));
        if network.has_same_connection(before) && is_other {
            applied.push(format!("settings of {} changed", network.network));
        }
    }
    let letschat = |settings: &Settings| {
        let rooms = Vec::new();
        shown(&LetsChatSettings { rooms, ..settings.letschat.clone() })
    };
    if new.letschat.has_same_connection(&old.letschat) && letschat(old) != letschat(new) {
        applied.push("settings of Let's Chat changed".to_owned());
    }
    let is_same_list = old.links.iter().map(ends).eq(new.links.iter().map(ends));
    let others = [
        ("keys and passwords of links", is_same_list && !has_same_link_secrets(old, new)),
        ("sender modes of links", is_same_list && sender_modes(old) != sender_modes(new)),
        ("formats and rules", formats(old) != formats(new)),
        ("[user_map]", shown(&old.people) != shown(&new.people)),
        ("[web]", old.web != new.web),
        ("[admin]", shown(&old.admin) != shown(&new.admin)),
        ("[canary]", shown(&old.canary) != shown(&new.canary)),
        ("[archive]", old.archive != new.archive),
        ("[announcements]", old.announcements != new.announcements),
        ("[progress]", old.progress != new.progress),
        ("[store]", retention(old) != retention(new)),
        ("log.level", old.log.level != new.log.level),
        ("general settings", general(old) != general(new)),
    ];
    let changed = others.into_iter().filter(|(_, is_other)| *is_other);
    applied.extend(changed.map(|(what, _)| format!("{what} changed")));
}

fn without_channels(network: &NetworkSettings) -> NetworkSettings {
    NetworkSettings { channels: Vec::new(), ..network.clone() }
}

fn has_same_link_secrets(old: &Settings, new: &Settings) -> bool {
    link_secrets(old).zip(link_secrets(new)).all(|(one, other)| is_same_secret(one, other))
}

/// The keys of channels and the passwords of rooms. The same links have them in the same order.
fn link_secrets(settings: &Settings) -> impl Iterator<Item = Option<&SecretString>> {
    let channels = settings.networks.iter().flat_map(|network| &network.channels);
    let rooms = settings.letschat.rooms.iter().map(|room| room.password.as_ref());
    channels.map(|channel| channel.key.as_ref()).chain(rooms)
}

fn sender_modes(settings: &Settings) -> Vec<Option<SenderMode>> {
    let channels = settings.networks.iter().flat_map(|network| &network.channels);
    channels.map(|channel| channel.sender_mode).collect()
}

fn formats(settings: &Settings) -> (String, Vec<String>) {
    let own = settings.links.iter().zip(&settings.link_formats);
    let own = own.filter(|(_, format)| !Arc::ptr_eq(format, &settings.format));
    (shown(&settings.format), own.map(|own| shown(&own)).collect())
}

fn retention(settings: &Settings) -> impl PartialEq {
    (settings.store.retention, settings.store.max_queue_size)
}

fn general(settings: &Settings) -> impl PartialEq {
    let Settings { notices, min_reported_gap, shutdown_timeout, loop_protection, .. } = settings;
    (*notices, *min_reported_gap, *shutdown_timeout, *loop_protection)
}

/// As it is shown for debugging, without secrets.
fn shown(settings: &impl fmt::Debug) -> String {
    format!("{settings:?}")
}
