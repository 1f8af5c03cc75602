//! Which authors are programs. They are counted apart from people.

use super::report::LinkedBy;
use crate::domain::{Casemapping, Mask};
use crate::migrate::people::bot_by_name;
use crate::store::ActivityCount;

/// Fewer lines do not tell somebody who speaks by notices.
const MIN_NOTICES: u64 = 5;

/// In fewer hours, it may be chance that somebody speaks at one minute of the hour.
const MIN_HOURS: u64 = 24;

/// Programs that speak by a clock do so in no more minutes of the hour.
const MAX_MINUTES: u32 = 2;

/// What the configuration says of bots: masks of names.
#[derive(Debug, Clone, Default)]
pub(super) struct BotRules {
    bots: Vec<Mask>,
    people: Vec<Mask>,
}

impl BotRules {
    /// The names of programs, and of people who look like programs.
    pub(super) fn new(bots: &[String], people: &[String]) -> Self {
        let masks = |names: &[String]| {
            names.iter().map(|name| Mask::new(Casemapping::default(), name)).collect()
        };
        Self { bots: masks(bots), people: masks(people) }
    }

    /// By what somebody with these names, who said this in all, is recognised as a program; `None` for people. Who is
    /// linked is nobody's program.
    pub(super) fn why<'n>(
        &self,
        names: impl Iterator<Item = &'n str> + Clone,
        said: &ActivityCount,
        linked: LinkedBy,
    ) -> Option<&'static str> {
        let is_in =
            |masks: &[Mask]| names.clone().any(|name| masks.iter().any(|it| it.matches(name)));
        if is_in(&self.people) {
            return None;
        }
        if is_in(&self.bots) {
            return Some("named in [progress] bots");
        }
        if linked.is_own() {
            return None;
        }
        if said.is_bot {
            return Some("its network marks it as a bot");
        }
        if let Some(why) = names.clone().find_map(bot_by_name) {
            return Some(why);
        }
        if said.lines >= MIN_NOTICES && said.notices * 10 >= said.lines * 9 {
            return Some("it speaks by notices");
        }
        let is_clockwork = said.hours >= MIN_HOURS && said.minutes.count_ones() <= MAX_MINUTES;
        is_clockwork.then_some("it speaks by the clock")
    }
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};

    use super::*;

    /// Lines, each so many minutes after the one before.
    fn lines(count: i64, minutes: i64, is_notice: bool) -> ActivityCount {
        let at = |number| Timestamp::UNIX_EPOCH + SignedDuration::from_mins(number * minutes);
        let mut said = ActivityCount::of_line(at(0), is_notice, false);
        (1..count).for_each(|it| said.add(&ActivityCount::of_line(at(it), is_notice, false)));
        said
    }

    #[test]
    fn programs_are_told_from_people() {
        let rules = BotRules::new(&["deploy*".to_owned()], &["BuildBot".to_owned()]);
        let marked = ActivityCount { is_bot: true, ..lines(1, 1, false) };
        for (name, said, linked, is_bot) in [
            ("ann", lines(100, 7, false), LinkedBy::No, false),
            ("ann", marked, LinkedBy::No, true),
            ("ann", marked, LinkedBy::Account, false),
            ("ChanServ", lines(1, 1, false), LinkedBy::No, true),
            ("ci-bot", lines(1, 1, false), LinkedBy::Made, true),
            ("buildbot", lines(1, 1, false), LinkedBy::No, false),
            ("talbot", lines(100, 7, false), LinkedBy::No, false),
            ("Deployer", lines(1, 1, false), LinkedBy::UserMap, true),
            ("gh", lines(4, 7, true), LinkedBy::No, false),
            ("gh", lines(5, 7, true), LinkedBy::No, true),
            // At the full hour, for a day; one conversation within a minute or two is none of that.
            ("clock", lines(24, 60, false), LinkedBy::No, true),
            ("clock", lines(23, 60, false), LinkedBy::No, false),
            ("clock", lines(24, 61, false), LinkedBy::No, false),
            ("clock", lines(500, 0, false), LinkedBy::No, false),
        ] {
            let why = rules.why([name].into_iter(), &said, linked);
            assert_eq!(why.is_some(), is_bot, "{name} {said:?}: {why:?}");
        }
    }
}
