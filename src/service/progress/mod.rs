//! How far the people of each link have moved from IRC to Let's Chat, from the ledger and the archive.
//!
//! ```text
//! ledger, its counts of what was pruned ─┐
//!                                        ├─▶ who: whose is it ─▶ figures ─▶ suggest, obstacles ─▶ report
//! archive: what is older ────────────────┘      bots: program or person
//! ```
//!
//! What was said in a channel or room counts from the ledger since the first line that the ledger knows of it, and from the
//! archive before: so nothing counts twice. It reads beside the engine, which never waits for it.

mod bots;
mod figures;
mod obstacles;
mod report;
mod sources;
mod suggest;
mod who;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

use crate::config::Settings;
use crate::domain::{LinkId, LinkName};
use crate::store::{ActivityCount, StoreError, Week};

use figures::{AuthorTraits, LinkFigures, RECENT_WEEKS, ReportedWeeks, SaidInWeek};
use sources::{LinkSources, ProgressRules, Sources};
use suggest::PhaseFigures;
use who::WhoId;

pub use report::{
    BotProgress, LinkProgress, LinkedBy, MoveObstacle, MoveState, ObstacleKind, PersonProgress,
    PhaseStep, PhaseSuggestion, PlaceProgress, ProgressReport, RecentProgress, SideProgress,
    SpokenLines, WeekProgress,
};

/// How many weeks are reported if nothing else is said.
pub const DEFAULT_WEEKS: u32 = 12;

/// How many weeks can be reported. Fewer would not tell what is recent; more are not of use.
pub const WEEKS: std::ops::RangeInclusive<u32> = RECENT_WEEKS..=260;

/// Reads how far people have moved, by the rules of a configuration. Clones share them.
#[derive(Debug, Clone)]
pub struct ProgressReader(Arc<Mutex<Arc<ProgressRules>>>);

/// What is asked.
#[derive(Debug, Clone)]
pub struct ProgressQuestion {
    /// Of how many weeks: one of [`WEEKS`].
    pub weeks: u32,
    /// Which links; all of them if none is named.
    pub links: Vec<LinkName>,
    /// What time it is.
    pub now: Timestamp,
    /// What is wrong with which link. `None` if no bridge runs that would know.
    pub troubles: Option<Vec<(LinkId, String)>>,
}

/// Which program asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AskingProgram {
    /// The one that has the store open.
    Bridge,
    /// Another one.
    Other,
}

/// Why there are no figures.
#[derive(Debug, thiserror::Error)]
pub enum ProgressError {
    /// The database cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No link is called so.
    #[error("{name}: no such link; valid links: {}", known.join(", "))]
    UnknownLink {
        /// What was asked for.
        name: LinkName,
        /// The links.
        known: Vec<String>,
    },
}

impl ProgressReader {
    /// Reads by these settings.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        Self(Arc::new(Mutex::new(Arc::new(ProgressRules::new(settings)))))
    }

    /// Reads by these settings from now on.
    pub(super) fn reconfigure(&self, settings: &Settings) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) =
            Arc::new(ProgressRules::new(settings));
    }

    /// How far people have moved. Blocks while it reads.
    ///
    /// # Errors
    /// When the database cannot be read, or there is no such link.
    pub fn read(
        &self,
        question: &ProgressQuestion,
        program: AskingProgram,
    ) -> Result<ProgressReport, ProgressError> {
        let rules = Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let wanted = rules.select(&question.links)?;
        let last = Week::of(question.now);
        let weeks = question.weeks.clamp(*WEEKS.start(), *WEEKS.end());
        let first = last.back(weeks - 1);
        let weeks = ReportedWeeks { first, now: last, at: question.now };
        let sources = Sources::read(&rules, weeks, program)?;
        Ok(report(&rules, sources, &wanted, (question, weeks)))
    }
}

fn report(
    rules: &ProgressRules,
    mut sources: Sources,
    wanted: &[usize],
    (question, weeks): (&ProgressQuestion, ReportedWeeks),
) -> ProgressReport {
    let no_longer_linked = match question.links.is_empty() {
        true => sources.no_longer_linked(rules, weeks.at),
        false => Vec::new(),
    };
    let all: Vec<LinkSources> =
        (0..rules.links.len()).map(|at| sources.of_link(rules, at)).collect();
    let traits = traits(rules, &sources, &all);
    let links = wanted.iter().map(|at| {
        let (link, said) = (&rules.links[*at], &all[*at]);
        let figures = figures::add_up(&said.irc, &said.letschat, &traits, weeks);
        let trouble = question.troubles.iter().flatten().find(|(id, _)| *id == link.id);
        let trouble = trouble.map(|(_, words)| words.as_str());
        let in_the_way = obstacles::obstacles(&figures, link.direction, trouble, &said.history);
        let suggestion = suggest::suggest(&phase_figures(link.phase, &figures));
        let LinkFigures { recent, weeks, people, more_people, bots, .. } = figures;
        LinkProgress {
            network: link.id.network.to_string(),
            channel: link.id.channel.to_string(),
            room: link.id.room.to_string(),
            phase: link.phase.to_string(),
            direction: link.direction.to_string(),
            suggestion,
            recent,
            weeks,
            people,
            more_people,
            bots,
            in_the_way,
        }
    });
    ProgressReport {
        at: question.now,
        running: question.troubles.is_some(),
        since: weeks.first.monday(),
        recent_since: weeks.recent().monday(),
        links: links.collect(),
        no_longer_linked,
    }
}

/// What is known of each author, from what they said on all links.
fn traits(
    rules: &ProgressRules,
    sources: &Sources,
    links: &[LinkSources],
) -> BTreeMap<WhoId, AuthorTraits> {
    let mut totals: BTreeMap<WhoId, (ActivityCount, BTreeSet<&str>)> = BTreeMap::new();
    // A room with several links counts as often; that makes no bot of anybody.
    let said = links.iter().flat_map(|link| link.irc.iter().chain(&link.letschat));
    for SaidInWeek { who, name, count, .. } in said {
        let Some(who) = *who else { continue };
        let known = totals.entry(who).and_modify(|(total, _)| total.add(count));
        known.or_insert_with(|| (*count, BTreeSet::new())).1.insert(name);
    }
    let traits = totals.into_iter().map(|(who, (total, names))| {
        let linked = sources.who.linked(who);
        let bot = rules.bots.why(names.iter().copied(), &total, linked);
        (who, AuthorTraits { linked, bot })
    });
    traits.collect()
}

fn phase_figures(phase: crate::domain::LinkPhase, figures: &LinkFigures) -> PhaseFigures {
    let only_irc = figures.people.iter().filter(|person| person.state == MoveState::OnlyIrc);
    let mut only_irc: Vec<&PersonProgress> = only_irc.collect();
    only_irc.sort_by(|a, b| b.irc.last.cmp(&a.irc.last).then_with(|| a.name.cmp(&b.name)));
    let day = |at: Option<Timestamp>| at.unwrap_or_default().strftime("%Y-%m-%d").to_string();
    let only_irc = only_irc.into_iter().map(|person| (person.name.clone(), day(person.irc.last)));
    let irc_bots = figures.bots.iter().filter(|bot| bot.irc.recent > 0 && bot.letschat.recent == 0);
    PhaseFigures {
        phase,
        recent: figures.recent,
        fortnight: figures.fortnight,
        only_irc: only_irc.collect(),
        irc_bots: irc_bots.map(|bot| bot.name.clone()).collect(),
    }
}

#[cfg(test)]
mod tests;
