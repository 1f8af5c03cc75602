//! Adds up what was said: by person, side and week, for each link.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::report::{
    BotProgress, LinkedBy, MoveState, PersonProgress, RecentProgress, SideProgress, SpokenLines,
    WeekProgress,
};
use super::suggest::percent;
use super::who::WhoId;
use crate::store::{ActivityCount, Week};

/// What is recent: the week that is now, and the three before.
pub(super) const RECENT_WEEKS: u32 = 4;

/// How long somebody who has moved was not heard on IRC.
const MOVED_AFTER: SignedDuration = SignedDuration::from_hours(14 * 24);

/// More people and bots of a link are counted, not listed.
const MAX_PEOPLE: usize = 500;
const MAX_BOTS: usize = 100;

/// Something that was said in one week by one author, at one end of a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SaidInWeek {
    /// Nobody, if it is not known any more who it was.
    pub(super) who: Option<WhoId>,
    pub(super) name: String,
    pub(super) week: Week,
    pub(super) count: ActivityCount,
}

/// What is known of an author beside what they said on one link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AuthorTraits {
    pub(super) linked: LinkedBy,
    /// By what they are recognised as a program; `None` for people.
    pub(super) bot: Option<&'static str>,
}

/// The weeks that are reported.
#[derive(Debug, Clone, Copy)]
pub(super) struct ReportedWeeks {
    pub(super) first: Week,
    pub(super) now: Week,
    pub(super) at: Timestamp,
}

/// The figures of one link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LinkFigures {
    pub(super) recent: RecentProgress,
    /// The last two weeks: lines on IRC, lines on Let's Chat, people on IRC.
    pub(super) fortnight: (u64, u64, u64),
    pub(super) weeks: Vec<WeekProgress>,
    pub(super) people: Vec<PersonProgress>,
    pub(super) more_people: u64,
    pub(super) bots: Vec<BotProgress>,
}

/// What one author said on a link.
#[derive(Debug, Clone, Default)]
struct AuthorLines {
    irc: SpokenLines,
    letschat: SpokenLines,
    /// Their names, with when each was last used; those of IRC apart.
    irc_names: BTreeMap<String, Timestamp>,
    letschat_names: BTreeMap<String, Timestamp>,
    fortnight_irc: u64,
}

impl ReportedWeeks {
    fn is_recent(&self, week: Week) -> bool {
        week >= self.recent()
    }

    /// The first of the recent weeks.
    pub(super) fn recent(&self) -> Week {
        self.now.back(RECENT_WEEKS - 1)
    }

    fn is_last_two(&self, week: Week) -> bool {
        week >= self.now.back(1)
    }

    fn all(&self) -> usize {
        self.now.since(self.first) + 1
    }
}

/// Adds up what was said in the channel and in the room of a link.
pub(super) fn add_up(
    irc: &[SaidInWeek],
    letschat: &[SaidInWeek],
    traits: &BTreeMap<WhoId, AuthorTraits>,
    weeks: ReportedWeeks,
) -> LinkFigures {
    let bot = |who: &WhoId| traits.get(who).and_then(|it| it.bot);
    let (irc_weeks, irc_bots) = by_week(irc, &bot, weeks);
    let (letschat_weeks, letschat_bots) = by_week(letschat, &bot, weeks);
    let week = |at: usize| WeekProgress {
        monday: weeks.now.back(u32::try_from(weeks.all() - 1 - at).unwrap_or(0)).monday(),
        irc: irc_weeks[at],
        letschat: letschat_weeks[at],
        irc_bot_lines: irc_bots[at],
        letschat_bot_lines: letschat_bots[at],
    };
    let by_week: Vec<WeekProgress> = (0..weeks.all()).map(week).collect();
    let mut authors: BTreeMap<WhoId, AuthorLines> = BTreeMap::new();
    add_lines(&mut authors, irc, weeks, |author| (&mut author.irc, &mut author.irc_names));
    add_lines(&mut authors, letschat, weeks, |author| {
        (&mut author.letschat, &mut author.letschat_names)
    });
    for said in irc.iter().filter(|said| weeks.is_last_two(said.week)) {
        if let Some(author) = said.who.and_then(|who| authors.get_mut(&who)) {
            author.fortnight_irc += said.count.lines;
        }
    }
    let mut people = Vec::new();
    let mut bots = Vec::new();
    let mut fortnight_people = 0;
    for (who, author) in &authors {
        let linked = traits.get(who).map_or(LinkedBy::No, |it| it.linked);
        match bot(who) {
            Some(why) => bots.push(author.bot(why)),
            None => {
                fortnight_people += u64::from(author.fortnight_irc > 0);
                people.push(author.person(linked, weeks.at));
            }
        }
    }
    people.sort_by_key(|it| rank(it.irc, it.letschat, &it.name));
    bots.sort_by_key(|it| rank(it.irc, it.letschat, &it.name));
    let recent = recent_of(&people, &by_week);
    let last_two = &by_week[by_week.len().saturating_sub(2)..];
    let lines = |side: fn(&WeekProgress) -> SideProgress| {
        last_two.iter().map(|week| side(week).lines).sum::<u64>()
    };
    let fortnight = (lines(|week| week.irc), lines(|week| week.letschat), fortnight_people);
    let more_people = people.len().saturating_sub(MAX_PEOPLE) as u64;
    people.truncate(MAX_PEOPLE);
    bots.truncate(MAX_BOTS);
    LinkFigures { recent, fortnight, weeks: by_week, people, more_people, bots }
}

/// What people said in each week, and how many lines bots did.
fn by_week(
    said: &[SaidInWeek],
    bot: &dyn Fn(&WhoId) -> Option<&'static str>,
    weeks: ReportedWeeks,
) -> (Vec<SideProgress>, Vec<u64>) {
    let mut lines = vec![0; weeks.all()];
    let mut bots = vec![0; weeks.all()];
    let mut people = vec![BTreeSet::new(); weeks.all()];
    for said in said {
        let at = said.week.since(weeks.first).min(weeks.all() - 1);
        match said.who {
            Some(who) if bot(&who).is_some() => bots[at] += said.count.lines,
            who => {
                lines[at] += said.count.lines;
                people[at].extend(who);
            }
        }
    }
    let sides = lines.into_iter().zip(people);
    let sides = sides.map(|(lines, people)| SideProgress { lines, people: people.len() as u64 });
    (sides.collect(), bots)
}

fn add_lines(
    authors: &mut BTreeMap<WhoId, AuthorLines>,
    said: &[SaidInWeek],
    weeks: ReportedWeeks,
    side: impl Fn(&mut AuthorLines) -> (&mut SpokenLines, &mut BTreeMap<String, Timestamp>),
) {
    for said in said {
        let Some(who) = said.who else { continue };
        let (spoken, names) = side(authors.entry(who).or_default());
        let last = said.count.last.min(weeks.at);
        spoken.lines += said.count.lines;
        spoken.recent += if weeks.is_recent(said.week) { said.count.lines } else { 0 };
        spoken.last = spoken.last.max(Some(last));
        let used = names.entry(said.name.clone()).or_insert(last);
        *used = last.max(*used);
    }
}

impl AuthorLines {
    /// The name with which they last spoke, that on IRC first.
    fn name(&self) -> String {
        let last = |names: &BTreeMap<String, Timestamp>| {
            names.iter().max_by_key(|(_, last)| **last).map(|(name, _)| name.clone())
        };
        last(&self.irc_names).or_else(|| last(&self.letschat_names)).unwrap_or_default()
    }

    fn person(&self, linked: LinkedBy, now: Timestamp) -> PersonProgress {
        let is_gone = self.irc.last.is_none_or(|last| now.duration_since(last) > MOVED_AFTER);
        let state = match (self.irc.recent > 0, self.letschat.recent > 0) {
            (_, true) if linked.is_own() && is_gone => MoveState::Moved,
            (true, true) => MoveState::Both,
            (true, false) => MoveState::OnlyIrc,
            (false, true) => MoveState::OnlyLetschat,
            (false, false) => MoveState::Quiet,
        };
        let names: BTreeSet<&String> =
            self.irc_names.keys().chain(self.letschat_names.keys()).collect();
        PersonProgress {
            name: self.name(),
            names: names.into_iter().cloned().collect(),
            state,
            linked,
            irc: self.irc,
            letschat: self.letschat,
        }
    }

    fn bot(&self, why: &str) -> BotProgress {
        BotProgress {
            name: self.name(),
            why: why.to_owned(),
            irc: self.irc,
            letschat: self.letschat,
        }
    }
}

/// Orders those who speak most first.
fn rank(irc: SpokenLines, letschat: SpokenLines, name: &str) -> (u64, u64, String) {
    (
        u64::MAX - irc.recent - letschat.recent,
        u64::MAX - irc.lines - letschat.lines,
        name.to_owned(),
    )
}

fn recent_of(people: &[PersonProgress], weeks: &[WeekProgress]) -> RecentProgress {
    let count = |is: &dyn Fn(&&PersonProgress) -> bool| {
        people.iter().filter(|it| it.state != MoveState::Quiet).filter(is).count() as u64
    };
    let last = &weeks[weeks.len().saturating_sub(RECENT_WEEKS as usize)..];
    let irc_lines = last.iter().map(|week| week.irc.lines).sum();
    let letschat_lines = last.iter().map(|week| week.letschat.lines).sum();
    let all: u64 = irc_lines + letschat_lines;
    RecentProgress {
        people: count(&|_| true),
        arrived: count(&|it| it.linked.is_own() || it.letschat.recent > 0),
        linked: count(&|it| it.linked.is_own()),
        only_irc: count(&|it| it.state == MoveState::OnlyIrc),
        both: count(&|it| it.state == MoveState::Both),
        only_letschat: count(&|it| it.state == MoveState::OnlyLetschat),
        moved: count(&|it| it.state == MoveState::Moved),
        irc_lines,
        letschat_lines,
        letschat_percent: (all > 0).then(|| percent(letschat_lines, all)),
    }
}
