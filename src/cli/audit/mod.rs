//! `letsbridge audit`: compares the ledger with the rooms and channels, and prints text or JSON.

mod json;
mod text;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use jiff::{SignedDuration, Timestamp};

use super::{EXIT_CONFIG_ERROR, EXIT_FAILURE, run};
use crate::config;
use crate::config::Settings;
use crate::domain::{Casemapping, Endpoint};
use crate::service::audit::audit as compare;

use json::json_objects;
use text::render;

/// The exit code if the database, a room or a channel could not be audited.
const EXIT_NOT_AUDITED: u8 = 3;

/// The arguments of `audit`.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit status: 0 no problems; 1 messages are missing, duplicated or out of order; \
                  2 configuration or argument error; 3 something could not be audited."
)]
pub(super) struct AuditArgs {
    /// Configuration file
    #[arg(long, short, default_value = "bridge.toml", env = "LETSBRIDGE_CONFIG")]
    config: PathBuf,
    /// Audit only this link: channel (`office/#dev`), number (`link[2]`) or room; can be repeated
    #[arg(long)]
    link: Vec<String>,
    /// Audit only messages since an age like "24h" or a time like "2026-11-22T10:00:00Z"
    #[arg(long, value_parser = parse_since)]
    since: Option<Timestamp>,
    /// Audit only rooms: for networks without CHATHISTORY
    #[arg(long)]
    no_channels: bool,
    /// Print JSON, one object per line
    #[arg(long)]
    json: bool,
}

/// Audits the links that `arguments` select.
pub(super) fn audit(arguments: &AuditArgs) -> ExitCode {
    let settings = match config::load(&arguments.config, std::env::vars()) {
        Ok((settings, _)) => settings,
        Err(mistakes) => {
            eprintln!("{mistakes}");
            return EXIT_CONFIG_ERROR.into();
        }
    };
    let (rooms, mut channels) = match select_endpoints(&settings, &arguments.link) {
        Ok(places) => places,
        Err(mistake) => {
            eprintln!("{mistake}");
            return EXIT_CONFIG_ERROR.into();
        }
    };
    if arguments.no_channels {
        channels.clear();
    }
    let compared = compare(&settings, &rooms, &channels, arguments.since);
    let audit = match run::build_runtime().block_on(compared) {
        Ok(audit) => audit,
        Err(error) => {
            eprintln!("no database to compare with: {error}");
            return EXIT_NOT_AUDITED.into();
        }
    };
    if arguments.json {
        json_objects(&audit).for_each(|object| println!("{object}"));
    } else {
        print!("{}", render(&audit));
    }
    if !audit.is_clean() {
        EXIT_FAILURE.into()
    } else if audit.not_compared() > 0 {
        EXIT_NOT_AUDITED.into()
    } else {
        ExitCode::SUCCESS
    }
}

/// Parses the value of `--since`.
pub(super) fn parse_since(text: &str) -> Result<Timestamp, String> {
    parse_since_at(Timestamp::now(), text)
}

fn parse_since_at(now: Timestamp, text: &str) -> Result<Timestamp, String> {
    let wrong = || {
        "use an age like \"90m\", \"24h\" or \"30d\", or a time like \"2026-11-22T10:00:00Z\""
            .to_owned()
    };
    if let Ok(time) = text.parse() {
        return Ok(time);
    }
    let unit = text.chars().next_back().ok_or_else(wrong)?;
    let digits = &text[..text.len() - unit.len_utf8()];
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 60 * 60,
        'd' => 24 * 60 * 60,
        _ => return Err(wrong()),
    };
    // Rust would read "+5" as a number, too.
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong());
    }
    let number: i64 = digits.parse().map_err(|_| wrong())?;
    let ago = SignedDuration::from_secs(number.saturating_mul(seconds));
    // An age beyond the earliest timestamp means the beginning.
    Ok(now.checked_sub(ago).unwrap_or(Timestamp::MIN))
}

/// The rooms and the channels of the links that `named` selects, or of all links if it is empty. Each
/// appears once, in the order of the file.
fn select_endpoints(
    settings: &Settings,
    named: &[String],
) -> Result<(Vec<Endpoint>, Vec<Endpoint>), String> {
    let mut wanted = vec![named.is_empty(); settings.links.len()];
    for name in named {
        let mut found = false;
        for (at, link) in settings.links.iter().enumerate() {
            let named = format!("link[{at}]") == *name
                || [&link.channel, &link.room].iter().any(|place| matches_name(place, name));
            wanted[at] |= named;
            found |= named;
        }
        if !found {
            let links: Vec<String> = settings
                .links
                .iter()
                .map(|link| format!("{:?}", link.channel.to_string()))
                .collect();
            return Err(format!(
                "--link {name:?}: no such link; valid links: {}",
                links.join(", ")
            ));
        }
    }
    let mut rooms = Vec::new();
    let mut channels = Vec::new();
    for (link, _) in settings.links.iter().zip(wanted).filter(|(_, wanted)| *wanted) {
        for (place, places) in [(&link.room, &mut rooms), (&link.channel, &mut channels)] {
            if !places.contains(place) {
                places.push(place.clone());
            }
        }
    }
    Ok((rooms, channels))
}

/// Whether `name` names `place`.
fn matches_name(place: &Endpoint, name: &str) -> bool {
    match place {
        Endpoint::Channel { .. } => Casemapping::Rfc1459.same(&place.to_string(), name),
        Endpoint::Room(room) => **room == *name || place.to_string() == name,
    }
}

/// The name of the room, without `letschat/`.
fn room_name(room: &Endpoint) -> String {
    match room {
        Endpoint::Room(name) => name.to_string(),
        channel @ Endpoint::Channel { .. } => channel.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn since_accepts_a_time_or_an_age() {
        let time: Timestamp = "2026-11-22T10:00:00Z".parse().expect("a time");
        let read = |text: &str| parse_since_at(time, text);
        assert_eq!(read("2026-11-22T10:00:00Z"), Ok(time));
        assert_eq!(read("2026-11-22T11:00:00+01:00"), Ok(time));
        for (text, seconds) in [("0s", 0), ("90m", 5_400), ("24h", 86_400), ("30d", 2_592_000)] {
            assert_eq!(read(text), Ok(time - SignedDuration::from_secs(seconds)), "{text}");
        }
        assert_eq!(read(&format!("{}d", i64::MAX)), Ok(Timestamp::MIN));
        for text in ["", "h", "24", "+5s", "-5s", "5 s", "5S", "5é", "2026-11-22", "yesterday"] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn link_is_selected_by_channel_or_room_name() {
        let channel = Endpoint::channel(&crate::domain::Network::new("office"), "#Dev");
        let room = Endpoint::room("dev");
        for (place, name, called) in [
            (&channel, "office/#dev", true),
            (&channel, "#dev", false),
            (&room, "dev", true),
            (&room, "letschat/dev", true),
            (&room, "Dev", false),
        ] {
            assert_eq!(matches_name(place, name), called, "{place} {name}");
        }
    }
}
