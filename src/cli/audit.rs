//! `letsbridge audit`: was anything lost? Told in words, or in JSON.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{FAILED, MISTAKEN, run};
use crate::config;
use crate::config::Settings;
use crate::domain::{Casemapping, Place};
use crate::service;
use crate::service::{Findings, RoomAudit, Troubles};
use crate::store::Tally;

/// What it exits with when there is nothing to compare, or nothing to compare it with.
const NOT_AUDITED: u8 = 3;

/// What to audit.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit status: 0 nothing is missing, repeated or out of order; 1 something is; \
    2 a mistake in the configuration or the arguments; 3 something could not be audited."
)]
pub(super) struct Arguments {
    /// The configuration
    #[arg(long, short, default_value = "bridge.toml", env = "LETSBRIDGE_CONFIG")]
    config: PathBuf,
    // No documentation: rustdoc would take the brackets for a reference.
    #[arg(
        long,
        help = "Only this link: \"network/#channel\", \"link[2]\" or its room; may be given again"
    )]
    link: Vec<String>,
    /// Only what was said since: "24h" ago, or since a time like "2026-11-22T10:00:00Z"
    #[arg(long, value_parser = since)]
    since: Option<Timestamp>,
    /// Tell it in JSON, one object a line for each room
    #[arg(long)]
    json: bool,
}

/// Audits the links that `arguments` name.
pub(super) fn audit(arguments: &Arguments) -> ExitCode {
    let settings = match config::load(&arguments.config, std::env::vars()) {
        Ok((settings, _)) => settings,
        Err(mistakes) => {
            eprintln!("{mistakes}");
            return MISTAKEN.into();
        }
    };
    let rooms = match rooms(&settings, &arguments.link) {
        Ok(rooms) => rooms,
        Err(mistake) => {
            eprintln!("{mistake}");
            return MISTAKEN.into();
        }
    };
    let audited = run::runtime().block_on(service::audit(&settings, &rooms, arguments.since));
    let audits = match audited {
        Ok(audits) => audits,
        Err(error) => {
            eprintln!("there is no ledger to compare with: {error}");
            return NOT_AUDITED.into();
        }
    };
    if arguments.json {
        audits.iter().for_each(|audit| println!("{}", object(audit)));
    } else {
        audits.iter().for_each(|audit| print!("{}", words(audit)));
        println!("{}", total(&audits));
    }
    if audits.iter().filter_map(|audit| audit.found.as_ref().ok()).any(|found| !found.well()) {
        FAILED.into()
    } else if audits.iter().any(|audit| audit.found.is_err()) {
        NOT_AUDITED.into()
    } else {
        ExitCode::SUCCESS
    }
}

/// Reads `--since`.
fn since(text: &str) -> Result<Timestamp, String> {
    let wrong = || {
        "write how long ago, like \"90m\", \"24h\" or \"30d\", or when, like \"2026-11-22T10:00:00Z\""
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
    // What is longer ago than any time is since the beginning.
    Ok(Timestamp::now().checked_sub(ago).unwrap_or(Timestamp::MIN))
}

/// The rooms of the links that `named` names, or of all links; each once, in the order of the file.
fn rooms(settings: &Settings, named: &[String]) -> Result<Vec<Place>, String> {
    let mut wanted = vec![named.is_empty(); settings.links.len()];
    for name in named {
        let mut found = false;
        for (at, link) in settings.links.iter().enumerate() {
            let named = format!("link[{at}]") == *name
                || [&link.channel, &link.room].iter().any(|place| is_called(place, name));
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
                "--link {name:?}: no link is called that; there are {}",
                links.join(", ")
            ));
        }
    }
    let mut rooms = Vec::new();
    for (link, _) in settings.links.iter().zip(wanted).filter(|(_, wanted)| *wanted) {
        if !rooms.contains(&link.room) {
            rooms.push(link.room.clone());
        }
    }
    Ok(rooms)
}

/// Whether `name` is what people call `place`.
fn is_called(place: &Place, name: &str) -> bool {
    match place {
        Place::Channel { .. } => Casemapping::Rfc1459.same(&place.to_string(), name),
        Place::Room(room) => **room == *name || place.to_string() == name,
    }
}

/// What was found in one room, in lines.
fn words(audit: &RoomAudit) -> String {
    let (ends, room) = (ends(audit), room(audit));
    let found = match &audit.found {
        Ok(found) => found,
        Err(why) => return format!("{ends}: not audited: {why}\n"),
    };
    let (crossed, since) = (number(found.crossed()), minute(found.since));
    let mut lines = vec![if found.well() {
        format!("{ends}: {crossed} crossed, none missing, repeated or out of order since {since}")
    } else {
        format!("{ends}: {crossed} crossed since {since}, {}", counts(found))
    }];
    tell(&mut lines, &found.lost, |lost| {
        let (ticket, settled) = (lost.ticket.0, second(lost.settled));
        format!("missing in {room}: delivery {ticket}, delivered {settled} as {}", lost.post)
    });
    tell(&mut lines, &found.unheard, |post| {
        let posted = second(post.posted);
        format!("missing in the ledger: post {} in {room} by {}, {posted}", post.post, post.author)
    });
    tell(&mut lines, &found.repeated, |twin| {
        format!(
            "repeated in {room}: post {}, {}, says what {} says",
            twin.post,
            second(twin.posted),
            twin.of
        )
    });
    tell(&mut lines, &found.misplaced, |it| {
        let (ticket, behind, posted) = (it.ticket.0, it.behind.0, second(it.posted));
        format!(
            "out of order in {room}: delivery {ticket} (post {}, {posted}) stands behind delivery {behind}",
            it.post
        )
    });
    let tallies = std::iter::once((room.clone(), &found.to_room))
        .chain(found.to_channels.iter().map(|(place, tally)| (place.to_string(), tally)));
    for (place, tally) in tallies {
        lines.extend(open(&place, tally));
    }
    if found.unread.count > 0 {
        let oldest = found.unread.oldest.map(second).unwrap_or_default();
        let count = number(found.unread.count);
        lines.push(format!("  not read yet in {room}: {count}, the oldest from {oldest}"));
    }
    if found.left_out > 0 {
        let count = number(found.left_out);
        lines.push(format!("  left out by the rules of catching up in {room}: {count}"));
    }
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// A line for each trouble.
fn tell<T>(lines: &mut Vec<String>, troubles: &Troubles<T>, line: impl Fn(&T) -> String) {
    lines.extend(troubles.first.iter().map(|trouble| format!("  {}", line(trouble))));
    let more = troubles.count - troubles.first.len() as u64;
    if more > 0 {
        lines.push(format!("  … and {} more like these", number(more)));
    }
}

/// What has not arrived at `place`, and what never will.
fn open(place: &str, tally: &Tally) -> Vec<String> {
    let mut lines = Vec::new();
    if tally.waiting + tally.in_doubt > 0 {
        let oldest = tally.oldest.map(second).unwrap_or_default();
        let (waiting, in_doubt) = (number(tally.waiting), number(tally.in_doubt));
        let waiting = format!("  waiting for {place}: {waiting}, and {in_doubt} under way");
        lines.push(format!("{waiting}; the oldest was said {oldest}"));
    }
    for (reason, count) in &tally.refused {
        lines.push(format!("  refused by {place}: {} ({reason})", number(*count)));
    }
    lines
}

/// The last line.
fn total(audits: &[RoomAudit]) -> String {
    let found = || audits.iter().filter_map(|audit| audit.found.as_ref().ok());
    let sum = |of: fn(&Findings) -> u64| number(found().map(of).sum());
    let failed = match audits.len() - found().count() {
        0 => String::new(),
        failed => format!(", {failed} not audited"),
    };
    format!(
        "in all: {} crossed, {} missing, {} repeated, {} out of order{failed}; of channels this is \
         what the ledger says, for they cannot be asked",
        sum(Findings::crossed),
        sum(Findings::missing),
        sum(|found| found.repeated.count),
        sum(|found| found.misplaced.count),
    )
}

fn counts(found: &Findings) -> String {
    let [missing, repeated, misplaced] =
        [found.missing(), found.repeated.count, found.misplaced.count].map(number);
    format!("{missing} missing, {repeated} repeated, {misplaced} out of order")
}

/// The same as one object.
fn object(audit: &RoomAudit) -> Value {
    let channels: Vec<String> = audit.channels.iter().map(ToString::to_string).collect();
    let mut object = json!({ "room": room(audit), "channels": channels });
    let found = match &audit.found {
        Ok(found) => found,
        Err(why) => {
            object["not_audited"] = why.as_str().into();
            return object;
        }
    };
    object["since"] = found.since.to_string().into();
    object["well"] = found.well().into();
    object["crossed"] = found.crossed().into();
    object["missing_in_room"] = listed(
        &found.lost,
        |lost| json!({ "delivery": lost.ticket.0, "post": lost.post, "delivered": lost.settled.to_string() }),
    );
    object["missing_in_ledger"] = listed(&found.unheard, |post| {
        let (id, posted) = (post.post.to_string(), post.posted.to_string());
        json!({ "post": id, "posted": posted, "author": post.author })
    });
    object["repeated"] = listed(&found.repeated, |twin| {
        let (id, posted) = (twin.post.to_string(), twin.posted.to_string());
        json!({ "post": id, "posted": posted, "of": twin.of.to_string() })
    });
    object["out_of_order"] = listed(&found.misplaced, |it| {
        let (id, posted) = (it.post.to_string(), it.posted.to_string());
        json!({ "delivery": it.ticket.0, "post": id, "posted": posted, "behind": it.behind.0 })
    });
    let oldest = found.unread.oldest.map(|oldest| oldest.to_string());
    object["not_read_yet"] = json!({ "count": found.unread.count, "oldest": oldest });
    object["left_out"] = found.left_out.into();
    object["to_room"] = tallied(&found.to_room);
    let to_channels =
        found.to_channels.iter().map(|(place, tally)| (place.to_string(), tallied(tally)));
    object["to_channels"] = Value::Object(to_channels.collect());
    object
}

fn listed<T>(troubles: &Troubles<T>, object: impl Fn(&T) -> Value) -> Value {
    json!({ "count": troubles.count, "first": troubles.first.iter().map(object).collect::<Vec<_>>() })
}

fn tallied(tally: &Tally) -> Value {
    let oldest = tally.oldest.map(|oldest| oldest.to_string());
    let refused = tally.refused.iter().map(|(why, count)| json!({ "why": why, "count": count }));
    json!({
        "delivered": tally.delivered, "waiting": tally.waiting, "in_doubt": tally.in_doubt,
        "oldest": oldest, "refused": refused.collect::<Vec<_>>(),
    })
}

/// The channels and their room, as people call them.
fn ends(audit: &RoomAudit) -> String {
    let channels: Vec<String> = audit.channels.iter().map(ToString::to_string).collect();
    format!("{} and {}", channels.join(", "), room(audit))
}

fn room(audit: &RoomAudit) -> String {
    match &audit.room {
        Place::Room(name) => name.to_string(),
        channel @ Place::Channel { .. } => channel.to_string(),
    }
}

fn minute(time: Timestamp) -> String {
    time.strftime("%F %H:%MZ").to_string()
}

fn second(time: Timestamp) -> String {
    time.strftime("%F %H:%M:%SZ").to_string()
}

/// With a comma before each three digits: `1,234`.
fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_as_one_or_as_how_long_ago() {
        let time: Timestamp = "2026-11-22T10:00:00Z".parse().expect("a time");
        assert_eq!(since("2026-11-22T10:00:00Z"), Ok(time));
        assert_eq!(since("2026-11-22T11:00:00+01:00"), Ok(time));
        for (text, seconds) in [("0s", 0), ("90m", 5_400), ("24h", 86_400), ("30d", 2_592_000)] {
            let ago = Timestamp::now().duration_since(since(text).expect("a time")).as_secs();
            assert!((seconds..seconds + 5).contains(&ago), "{text} is {ago}");
        }
        assert_eq!(since(&format!("{}d", i64::MAX)), Ok(Timestamp::MIN));
        for text in ["", "h", "24", "+5s", "-5s", "5 s", "5S", "5é", "2026-11-22", "yesterday"] {
            assert!(since(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_place_is_called_as_in_the_configuration() {
        let channel = Place::channel(&crate::domain::Network::new("office"), "#Dev");
        let room = Place::room("dev");
        for (place, name, called) in [
            (&channel, "office/#dev", true),
            (&channel, "#dev", false),
            (&room, "dev", true),
            (&room, "letschat/dev", true),
            (&room, "Dev", false),
        ] {
            assert_eq!(is_called(place, name), called, "{place} {name}");
        }
    }

    #[test]
    fn long_numbers_can_be_read() {
        for (value, text) in
            [(0, "0"), (999, "999"), (1_234, "1,234"), (12_345, "12,345"), (1_000_000, "1,000,000")]
        {
            assert_eq!(number(value), text);
        }
    }
}
