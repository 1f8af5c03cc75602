//! Reads `[canary]`: the channel and the room in which the bridge tests itself.

use std::time::Duration;

use super::links::parse_channel;
use super::parse;
use crate::config::CanarySettings;
use crate::config::link_set::{LinkSet, RawCanary};
use crate::config::parse::ValueError;
use crate::config::reader::Section;
use crate::config::types::text;
use crate::domain::Endpoint;

const DEFAULT_INTERVAL: Duration = Duration::from_mins(5);
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// More often would be noise, and the bridge looks only about every second.
const MIN_INTERVAL: Duration = Duration::from_secs(10);
const MIN_TIMEOUT: Duration = Duration::from_secs(1);

/// Reads `[canary]`, and adds its channel and its room to those of `links`. `None` if it is off or has an error.
pub(super) fn read<'r>(
    mut section: Section<'r>,
    networks: &[&str],
    links: &mut LinkSet<'r>,
) -> Option<CanarySettings> {
    let channel_entry = section.entry("channel");
    let room_entry = section.entry("room");
    let key = section.secret("key", "key_file", parse::channel_key);
    let room_password = section.secret("room_password", "room_password_file", |_| Ok(()));
    let interval = section.get("interval", text(|text| duration_from(MIN_INTERVAL, text)));
    let interval = interval.unwrap_or(DEFAULT_INTERVAL);
    let timeout_entry = section.entry("timeout");
    let timeout = timeout_entry
        .as_ref()
        .and_then(|entry| entry.parse(text(|text| duration_from(MIN_TIMEOUT, text))));
    let timeout = timeout.unwrap_or(DEFAULT_TIMEOUT.min(interval));
    if let Some(entry) = timeout_entry.filter(|_| timeout > interval) {
        let found = "longer than canary.interval: one message would have to overtake the other";
        entry.report_error(ValueError::new(found, "use at most canary.interval"));
    }
    match (&channel_entry, &room_entry) {
        (None, Some(_)) => {
            section.report_missing("channel", "channel = \"office/#bridge-canary\"");
        }
        (Some(_), None) => section.report_missing("room", "room = \"bridge-canary\""),
        (Some(_), Some(_)) | (None, None) => {}
    }
    section.deny_unknown_keys();
    let (channel_entry, room_entry) = (channel_entry?, room_entry?);
    let channel = channel_entry.parse(text(|text| parse_channel(text, networks, 1)));
    let room = room_entry.parse(text(parse::room));
    let (channel, room) = links.add_canary(RawCanary {
        channel: (channel?, channel_entry),
        room: (Endpoint::room(&room?), room_entry),
        key,
        room_password,
    })?;
    Some(CanarySettings { channel, room, interval, timeout })
}

/// Parses a duration that is not shorter than `min`.
fn duration_from(min: Duration, text: &str) -> Result<Duration, ValueError> {
    let duration = parse::duration(text)?;
    if duration < min {
        let help = format!("use at least \"{}s\"", min.as_secs());
        return Err(ValueError::quoting(text, "is too short", help));
    }
    Ok(duration)
}
