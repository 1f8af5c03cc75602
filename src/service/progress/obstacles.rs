//! What is in the way of a link's people.

use super::figures::LinkFigures;
use super::report::{MoveObstacle, MoveState, ObstacleKind};
use super::suggest::{counted, percent};
use crate::domain::LinkFlow;

/// More people who are not linked are not named.
const MAX_UNLINKED: usize = 5;
/// More bots are not named.
const MAX_BOTS: usize = 10;
/// Fewer lines in the last four weeks are in nobody's way.
const MIN_LINES: u64 = 5;
/// So many per cent of the last two weeks' lines on a side that is not mirrored are worth a word.
const UNHEARD_PERCENT: u64 = 25;

/// What is known of the history from before the bridge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum KnownHistory {
    /// The archive holds some.
    Imported,
    /// The archive holds none.
    None,
    /// There is no archive.
    NoArchive,
    /// The archive cannot be read, for this reason.
    Unreadable(String),
}

/// What is in the way of the people of one link, the most important first.
pub(super) fn obstacles(
    figures: &LinkFigures,
    direction: LinkFlow,
    trouble: Option<&str>,
    history: &KnownHistory,
) -> Vec<MoveObstacle> {
    let mut found = Vec::new();
    let mut add = |kind, name: Option<&str>, text: String| {
        found.push(MoveObstacle { kind, name: name.map(str::to_owned), text });
    };
    if let Some(trouble) = trouble {
        add(ObstacleKind::LinkFails, None, format!("the link does not work: {trouble}"));
    }
    if let Some(text) = not_mirrored(figures, direction) {
        add(ObstacleKind::NotMirrored, None, text);
    }
    let unlinked = figures.people.iter().filter(|person| {
        matches!(person.state, MoveState::OnlyIrc | MoveState::Both) && !person.linked.is_own()
    });
    let mut unlinked: Vec<_> = unlinked.filter(|person| person.irc.recent >= MIN_LINES).collect();
    unlinked.sort_by_key(|person| u64::MAX - person.irc.recent);
    for person in unlinked.iter().take(MAX_UNLINKED) {
        let lines = counted(person.irc.recent, "line", "lines");
        let text =
            format!("{} said {lines} on IRC in the last 4 weeks and is not linked", person.name);
        add(ObstacleKind::NotLinked, Some(&person.name), text);
    }
    let irc_bots = figures.bots.iter().filter(|bot| bot.irc.recent > 0 && bot.letschat.recent == 0);
    for bot in irc_bots.take(MAX_BOTS) {
        let lines = counted(bot.irc.recent, "line", "lines");
        let text = format!(
            "the bot {} said {lines} in the last 4 weeks, and only on IRC: it needs another way into the room",
            bot.name
        );
        add(ObstacleKind::BotOnlyOnIrc, Some(&bot.name), text);
    }
    match history {
        KnownHistory::Imported => {}
        KnownHistory::None => add(
            ObstacleKind::HistoryMissing,
            None,
            "the archive holds nothing from before the bridge: import the logs (docs/import.md)".to_owned(),
        ),
        KnownHistory::Unreadable(why) => add(
            ObstacleKind::HistoryMissing,
            None,
            format!("what is older than the ledger is not counted, for the archive cannot be read: {why}"),
        ),
        KnownHistory::NoArchive => add(
            ObstacleKind::HistoryMissing,
            None,
            "there is no archive, so the bridge does not know of any history from before it: see docs/archive.md"
                .to_owned(),
        ),
    }
    found
}

/// If much is said on a side that `direction` keeps from being mirrored: that.
fn not_mirrored(figures: &LinkFigures, direction: LinkFlow) -> Option<String> {
    let (irc, letschat, _) = figures.fortnight;
    let (side, other, lines) = match direction {
        LinkFlow::Both => return None,
        LinkFlow::ToIrc => ("IRC", "Let's Chat", irc),
        LinkFlow::ToLetsChat => ("Let's Chat", "IRC", letschat),
    };
    let percent = percent(lines, irc + letschat);
    (lines > 0 && percent >= UNHEARD_PERCENT).then(|| {
        format!(
            "{percent} % of the last 2 weeks' lines were said on {side}, and direction = \"{direction}\" keeps them from \
             {other}"
        )
    })
}
