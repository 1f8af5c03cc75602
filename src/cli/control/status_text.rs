//! The status of the bridge as text, for people.

use jiff::Timestamp;

use super::cluster_text;
use crate::admin::{
    CanaryDirectionView, CanaryView, ConnectionStateView, LinkStateView, LinkView, NetworkView,
    StatusView, WarningView,
};
use crate::cli::table;
use crate::cli::table::NONE;

const NETWORK_TITLES: [&str; 6] = ["NETWORK", "STATE", "SINCE", "RECONNECTS", "SERVER", "PROBLEM"];

const LINK_TITLES: [&str; 8] =
    ["LINK", "STATE", "SINCE", "PHASE", "IRC", "CHAT", "OLDEST", "LAST ERROR"];

const WARNING_TITLES: [&str; 4] = ["AGE", "LEVEL", "TIMES", "WARNING"];

/// How many of the latest warnings are shown.
const MAX_WARNINGS: usize = 5;

/// The status for a terminal of this width.
pub(super) fn render(status: &StatusView, width: Option<usize>) -> String {
    let mut text = head(status);
    let now = status.now;
    if !status.networks.is_empty() {
        let rows: Vec<_> = status.networks.iter().map(|it| network_row(it, now)).collect();
        text.push('\n');
        text.push_str(&table::render(NETWORK_TITLES, &rows, width));
    }
    if !status.links.is_empty() {
        let rows: Vec<_> = status.links.iter().map(|it| link_row(it, now)).collect();
        text.push('\n');
        text.push_str(&table::render(LINK_TITLES, &rows, width));
    }
    if let Some(cluster) = &status.cluster {
        text.push('\n');
        text.push_str(&cluster_text::render(cluster, now, width));
    }
    text.push_str(&offered_lines(&status.links));
    if let Some(canary) = &status.canary {
        text.push_str(&canary_line(canary, now));
    }
    let people = status.people;
    if people.irc_only + people.made + people.linked > 0 {
        text.push_str(&format!(
            "\nPeople of IRC: {} by the bridge's own user, {} by accounts of the bridge, {} by their own accounts\n",
            people.irc_only, people.made, people.linked
        ));
    }
    if !status.warnings.is_empty() {
        let latest = status.warnings.iter().take(MAX_WARNINGS);
        let rows: Vec<_> = latest.map(|it| warning_row(it, now)).collect();
        text.push('\n');
        text.push_str(&table::render(WARNING_TITLES, &rows, width));
    }
    text
}

/// The first lines: how it is as a whole, and since when.
fn head(status: &StatusView) -> String {
    let now = status.now;
    let mut text = format!(
        "letsbridge {}, running for {}\n",
        status.version,
        table::age(status.started_at, now)
    );
    let path = table::printable(&status.config.path);
    let read = table::age(status.config.loaded_at, now);
    text.push_str(&format!("configuration: {path}, read {read} ago"));
    if let Some(reload) = status.config.last_reload.as_ref().filter(|reload| !reload.ok) {
        text.push_str(&format!(
            "; the reload {} ago found mistakes, so it is not the newest:",
            table::age(reload.at, now)
        ));
        for mistake in &reload.mistakes {
            text.push_str(&format!("\n  {}", table::printable(mistake)));
        }
    }
    text.push('\n');
    if status.ready {
        text.push_str("everything works\n");
    }
    for reason in &status.not_ready {
        text.push_str(&format!("NOT WORKING: {}\n", table::printable(reason)));
    }
    text
}

fn network_row(network: &NetworkView, now: Timestamp) -> [String; NETWORK_TITLES.len()] {
    let state = match network.state {
        ConnectionStateView::Connected => "connected",
        ConnectionStateView::Connecting => "connecting",
        ConnectionStateView::Down => "DOWN",
    };
    [
        network.name.clone(),
        state.to_owned(),
        ago(network.since, now),
        network.reconnects.to_string(),
        network.server.clone().unwrap_or_else(none),
        network.problem.clone().unwrap_or_else(none),
    ]
}

fn link_row(link: &LinkView, now: Timestamp) -> [String; LINK_TITLES.len()] {
    let state = match link.state {
        LinkStateView::Up => "up",
        LinkStateView::Down => "DOWN",
        LinkStateView::Paused => "paused",
        LinkStateView::Full => "FULL",
        LinkStateView::Leaving => "leaving",
    };
    let oldest = [link.to_irc.oldest, link.to_letschat.oldest].into_iter().flatten().min();
    let last = link.last_error.as_ref();
    let last = last.map(|error| format!("{} ago: {}", table::age(error.at, now), error.text));
    let problem = link.problem.clone().or(last);
    [
        format!("{}/{} {}", link.network, link.channel, link.room),
        state.to_owned(),
        ago(link.since, now),
        phase_text(link),
        link.to_irc.waiting.to_string(),
        link.to_letschat.waiting.to_string(),
        ago(oldest, now),
        problem.unwrap_or_else(none),
    ]
}

/// What was not mirrored and can be delivered now, with the command for that.
fn offered_lines(links: &[LinkView]) -> String {
    let mut lines = String::new();
    for link in links {
        for (side, view) in [("irc", &link.to_letschat), ("letschat", &link.to_irc)] {
            let Some(since) = view.offered_since.filter(|_| view.mirrored && view.offered > 0)
            else {
                continue;
            };
            let name = format!("{}/{} {}", link.network, link.channel, link.room);
            let from = since.strftime("%Y-%m-%dT%H:%M:%SZ");
            let place = if side == "irc" { "the channel" } else { "the room" };
            let (messages, them) = if view.offered == 1 {
                (format!("1 message of {place} was"), "it")
            } else {
                (format!("{} messages of {place} were", view.offered), "them")
            };
            lines.push_str(&format!(
                "\n{messages} not mirrored while the link did not let {them} pass. To deliver {them}:\n  \
                 letsbridge catch-up {:?} --side {side} --from {from}\n",
                table::printable(&name),
            ));
        }
    }
    lines
}

/// `moving`, or `together, to_irc` if it mirrors in one direction only.
fn phase_text(link: &LinkView) -> String {
    match (link.phase.as_str(), link.direction.as_str()) {
        ("", _) => none(),
        (phase, "" | "both") => phase.to_owned(),
        (phase, direction) => format!("{phase}, {direction}"),
    }
}

/// How the canary is, in both directions.
fn canary_line(canary: &CanaryView, now: Timestamp) -> String {
    let direction = |to: &str, it: &CanaryDirectionView| {
        let age = ago(it.at, now);
        let to = table::printable(to);
        match (it.latency_seconds, &it.error) {
            (Some(seconds), _) => format!("{to}: arrived {age} ago in {seconds:.3} s"),
            (None, Some(error)) => {
                format!("{to}: DID NOT ARRIVE {age} ago: {}", table::printable(error))
            }
            (None, None) => format!("{to}: not tested yet"),
        }
    };
    format!(
        "\nCanary: {}\n        {}\n",
        direction(&format!("{}/{}", canary.network, canary.channel), &canary.to_irc),
        direction(&canary.room, &canary.to_letschat)
    )
}

fn warning_row(warning: &WarningView, now: Timestamp) -> [String; WARNING_TITLES.len()] {
    let text = match &warning.remedy {
        Some(remedy) => format!("{} ({remedy})", warning.text),
        None => warning.text.clone(),
    };
    [table::age(warning.at, now), warning.level.clone(), warning.count.to_string(), text]
}

fn ago(since: Option<Timestamp>, now: Timestamp) -> String {
    since.map_or_else(none, |since| table::age(since, now))
}

fn none() -> String {
    NONE.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status() -> StatusView {
        serde_json::from_str(
            r##"{"version":"0.1.0","commit":"abc","started_at":"2026-11-30T04:00:00Z",
            "now":"2026-11-30T07:12:05Z","ready":false,"not_ready":["libera is down: timed out"],
            "config":{"path":"/etc/bridge.toml","loaded_at":"2026-11-30T07:00:00Z",
              "last_reload":{"at":"2026-11-30T07:12:00Z","ok":false,"mistakes":["line 3: no"]}},
            "log_level":"info","storage":{"stalled":false,"bytes":123},
            "networks":[{"name":"libera","kind":"irc","state":"down","since":"2026-11-30T07:10:00Z",
               "server":null,"problem":"timed out","reconnects":3},
              {"name":"letschat","kind":"letschat","state":"connected","since":null,
               "server":"https://chat.example.org/","problem":null,"reconnects":0}],
            "links":[{"network":"libera","channel":"#tea","room":"tea","state":"down",
               "phase":"moving","direction":"to_irc",
               "since":"2026-11-30T07:10:00Z","problem":null,
               "to_irc":{"waiting":2,"oldest":"2026-11-30T07:11:53Z","delivered":1,"rejected":1},
               "to_letschat":{"waiting":0,"oldest":null,"delivered":10,"rejected":0},
               "last_error":{"at":"2026-11-30T06:12:00Z","text":"Cannot send to channel"}}],
            "people":{"irc_only":3,"made":2,"linked":1},"warnings":[]}"##,
        )
        .expect("a status")
    }

    #[test]
    fn wide_status_is_two_tables() {
        assert_eq!(
            render(&status(), None),
            "letsbridge 0.1.0, running for 3h 12m\n\
             configuration: /etc/bridge.toml, read 12m ago; the reload 5s ago found mistakes, so it \
             is not the newest:\n  line 3: no\n\
             NOT WORKING: libera is down: timed out\n\
             \n\
             NETWORK   STATE      SINCE  RECONNECTS  SERVER                     PROBLEM\n\
             libera    DOWN       2m     3           -                          timed out\n\
             letschat  connected  -      0           https://chat.example.org/  -\n\
             \n\
             LINK             STATE  SINCE  PHASE           IRC  CHAT  OLDEST  LAST ERROR\n\
             libera/#tea tea  DOWN   2m     moving, to_irc  2    0     12s     1h 0m ago: Cannot \
             send to channel\n\
             \n\
             People of IRC: 3 by the bridge's own user, 2 by accounts of the bridge, 1 by their own \
             accounts\n"
        );
    }

    #[test]
    fn what_can_be_delivered_now_is_offered() {
        let mut status = status();
        assert_eq!(offered_lines(&status.links), "");
        let view = &mut status.links[0].to_letschat;
        (view.offered, view.offered_since) = (12, "2026-11-29T10:00:00.5Z".parse().ok());
        assert_eq!(offered_lines(&status.links), "", "it would not pass");
        status.links[0].to_letschat.mirrored = true;
        let one = {
            let mut one = status.clone();
            one.links[0].to_letschat.offered = 1;
            one
        };
        let text = offered_lines(&one.links);
        let told = "\n1 message of the channel was not mirrored while the link did not let it pass. To deliver it:\n";
        assert!(text.starts_with(told), "{text}");
        assert_eq!(
            offered_lines(&status.links),
            "\n12 messages of the channel were not mirrored while the link did not let them pass. To deliver them:\n  \
             letsbridge catch-up \"libera/#tea tea\" --side irc --from 2026-11-29T10:00:00Z\n"
        );
    }

    #[test]
    fn canary_has_a_line_for_each_direction() {
        let mut status = status();
        status.canary = Some(CanaryView {
            network: "libera".to_owned(),
            channel: "#canary".to_owned(),
            room: "canary".to_owned(),
            to_irc: CanaryDirectionView {
                ok: Some(true),
                at: Some("2026-11-30T07:12:00Z".parse().expect("a time")),
                latency_seconds: Some(0.0214),
                error: None,
            },
            to_letschat: CanaryDirectionView::default(),
        });
        let text = render(&status, None);
        let lines = "\nCanary: libera/#canary: arrived 5s ago in 0.021 s\n        \
                     canary: not tested yet\n";
        assert!(text.contains(lines), "{text}");
        let failed = status.canary.as_mut().map(|it| &mut it.to_letschat).expect("a canary");
        failed.at = Some(status.now);
        failed.error = Some("not acknowledged within 30 seconds".to_owned());
        let text = render(&status, None);
        let line = "canary: DID NOT ARRIVE 0s ago: not acknowledged within 30 seconds\n";
        assert!(text.contains(line), "{text}");
    }

    #[test]
    fn no_line_of_a_table_is_wider_than_the_terminal() {
        for width in [20, 40, 60, 80] {
            let text = render(&status(), Some(width));
            let tables = text.split("\n\n").skip(1).take(2);
            for line in tables.flat_map(str::lines) {
                assert!(line.chars().count() <= width, "{width}: {line}");
            }
        }
    }
}
