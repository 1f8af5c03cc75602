//! Who came and went, in as few words as people want to read.

use std::collections::HashMap;

use super::clean;

/// How many names are told one by one, and in how many bytes.
const NAMED: usize = 10;
const NAMES: usize = 160;

/// How many bytes of the reason that somebody gives are told.
const REASON: usize = 120;

/// How many of what a channel is about.
const TOPIC: usize = 240;

/// How many all of it has. What is longer is told in fewer words.
const LONGEST: usize = 340;

/// What of one kind is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Show {
    /// Nothing.
    Off,
    /// What concerns people who have said something lately.
    #[default]
    Smart,
    /// Everything.
    All,
}

/// What is told of people who come and go, and of what is done to a channel.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Comings {
    /// Who joins, parts and quits, netsplits among it.
    pub joins: Show,
    /// Who goes by another name.
    pub nicks: Show,
    /// Who is kicked.
    pub kicks: Show,
    /// What is done to the modes of a channel.
    pub modes: Show,
    /// What a channel is about; smart is all here.
    pub topics: Show,
}

/// Which follows the other: a channel's topic, or a room's description.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Topics {
    /// Neither.
    #[default]
    Apart,
    /// The description follows the topic.
    Room,
    /// The topic follows the description.
    Channel,
    /// Each follows the other.
    Both,
}

impl Topics {
    /// Whether a room follows.
    #[must_use]
    pub fn in_rooms(self) -> bool {
        matches!(self, Self::Room | Self::Both)
    }

    /// Whether a channel follows.
    #[must_use]
    pub fn in_channels(self) -> bool {
        matches!(self, Self::Channel | Self::Both)
    }
}

/// One thing that happened to somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coming {
    /// To whom, or who did it.
    pub who: String,
    /// Whether they have said something lately.
    pub spoke: bool,
    /// What.
    pub what: What,
}

/// What happens to people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// They came in.
    Joined,
    /// They left, with these words.
    Left(Option<String>),
    /// They were put out.
    Kicked {
        /// By whom.
        by: String,
        /// For what.
        why: Option<String>,
    },
    /// They go by this name.
    Renamed(String),
    /// They are behind the break between these servers.
    Split(String),
    /// They are back from there.
    Returned,
    /// They changed the modes.
    Modes(String),
    /// They changed what the channel is about.
    Topic(Option<String>),
}

impl Comings {
    fn shows(&self, coming: &Coming) -> bool {
        let show = match coming.what {
            What::Joined | What::Left(_) | What::Split(_) | What::Returned => self.joins,
            What::Kicked { .. } => self.kicks,
            What::Renamed(_) => self.nicks,
            What::Modes(_) => self.modes,
            What::Topic(_) => return self.topics != Show::Off,
        };
        match show {
            Show::Off => false,
            Show::Smart => coming.spoke,
            Show::All => true,
        }
    }

    /// What happened, in one line of bounded length; `None` where nothing of it is to be told. Who left
    /// and is back, or came and is gone again, is not told of. Names are told as `shown`.
    #[must_use]
    pub fn tell(&self, comings: &[Coming], shown: impl Fn(&str) -> String) -> Option<String> {
        let told: Vec<&Coming> =
            undone(comings).into_iter().filter(|coming| self.shows(coming)).collect();
        let teller = Teller { shown };
        let each = teller.each(&told);
        [each, Some(teller.alike(&told)), Some(counted(&told))]
            .into_iter()
            .flatten()
            .find(|words| words.len() <= LONGEST)
            .filter(|words| !words.is_empty())
    }
}

/// What is left of `comings` without those that undo each other.
fn undone(comings: &[Coming]) -> Vec<&Coming> {
    let mut left: Vec<Option<&Coming>> = Vec::with_capacity(comings.len());
    // Where each person's last coming or going stands.
    let mut last: HashMap<&str, usize> = HashMap::new();
    for coming in comings {
        let before = last.get(coming.who.as_str()).and_then(|at| Some((*at, left[*at]?)));
        let undoes = before.is_some_and(|(_, before)| {
            matches!(
                (&before.what, &coming.what),
                (What::Joined | What::Returned, What::Left(_) | What::Split(_))
                    | (What::Left(_) | What::Split(_), What::Joined | What::Returned)
            )
        });
        match before {
            Some((at, _)) if undoes => {
                left[at] = None;
                last.remove(coming.who.as_str());
            }
            _ => {
                last.insert(&coming.who, left.len());
                left.push(Some(coming));
            }
        }
    }
    left.into_iter().flatten().collect()
}

/// Whether several of the same kind are told together.
fn goes_together(coming: &Coming) -> bool {
    matches!(
        coming.what,
        What::Joined | What::Left(None) | What::Split(_) | What::Returned | What::Kicked { .. }
    )
}

/// How names are told.
struct Teller<F> {
    shown: F,
}

impl<F: Fn(&str) -> String> Teller<F> {
    /// Each thing as it happened; `None` where that is too much.
    fn each(&self, told: &[&Coming]) -> Option<String> {
        let mut words = String::new();
        let mut rest = told;
        while let Some(first) = rest.first() {
            let alike = rest.iter().take_while(|it| it.what == first.what && goes_together(it));
            let count = alike.count().max(1);
            add(&mut words, &self.sentence(&rest[..count]));
            if words.len() > LONGEST {
                return None;
            }
            rest = &rest[count..];
        }
        Some(words)
    }

    /// All that is of one kind together, whatever the reasons.
    fn alike(&self, told: &[&Coming]) -> String {
        let mut words = String::new();
        for (happened, alike) in kinds(told) {
            let sentence = match alike.as_slice() {
                [_] => self.sentence(&alike),
                _ => format!("{} {happened}", self.names(&alike)),
            };
            add(&mut words, &sentence);
        }
        words
    }

    fn sentence(&self, alike: &[&Coming]) -> String {
        let who = self.names(alike);
        let (is, was) = if alike.len() == 1 { ("is", "was") } else { ("are", "were") };
        match &alike[0].what {
            What::Joined => format!("{who} joined"),
            What::Left(why) => format!("{who} left{}", reason(why.as_deref())),
            What::Kicked { by, why } => {
                format!("{who} {was} kicked by {}{}", (self.shown)(by), reason(why.as_deref()))
            }
            What::Renamed(name) => format!("{who} is now {}", (self.shown)(name)),
            What::Split(servers) => {
                format!("netsplit between {}: {who} {is} gone", quoted(servers, REASON))
            }
            What::Returned => format!("netsplit over: {who} {is} back"),
            What::Modes(change) => format!("{who} set {}", quoted(change, REASON)),
            What::Topic(topic) => match topic.as_deref().map(|topic| quoted(topic, TOPIC)) {
                Some(topic) if !topic.is_empty() => format!("{who} set the topic: {topic}"),
                _ => format!("{who} removed the topic"),
            },
        }
    }

    /// `ann`, `ann and bob`, `ann, bob and 3 more`.
    fn names(&self, alike: &[&Coming]) -> String {
        let mut bytes = 0;
        let named = alike.iter().take(NAMED).map(|it| (self.shown)(&it.who));
        let fits = |name: &String| {
            bytes += name.len() + ", ".len();
            bytes <= NAMES || bytes == name.len() + ", ".len()
        };
        let shown: Vec<String> = named.take_while(fits).collect();
        match (alike.len().saturating_sub(shown.len()), shown.as_slice()) {
            (0, [one]) => one.clone(),
            (0, [most @ .., last]) => format!("{} and {last}", most.join(", ")),
            (more, _) => format!("{} and {more} more", shown.join(", ")),
        }
    }
}

/// No names, only how many of each kind.
fn counted(told: &[&Coming]) -> String {
    let mut words = String::new();
    for (happened, alike) in kinds(told) {
        add(&mut words, &format!("{}\u{d7} {happened}", alike.len()));
    }
    words
}

/// Those of each kind, with what happened to them.
fn kinds<'c>(told: &[&'c Coming]) -> Vec<(&'static str, Vec<&'c Coming>)> {
    let mut kinds: Vec<(&'static str, Vec<&Coming>)> = Vec::new();
    for coming in told {
        let happened = match coming.what {
            What::Joined => "joined",
            What::Left(_) => "left",
            What::Kicked { .. } => "kicked",
            What::Renamed(_) => "renamed",
            What::Split(_) => "gone in a netsplit",
            What::Returned => "back from a netsplit",
            What::Modes(_) => "changed modes",
            What::Topic(_) => "changed the topic",
        };
        match kinds.iter_mut().find(|(kind, _)| *kind == happened) {
            Some((_, alike)) => alike.push(coming),
            None => kinds.push((happened, vec![coming])),
        }
    }
    kinds
}

fn add(words: &mut String, sentence: &str) {
    if !words.is_empty() {
        words.push_str("; ");
    }
    words.push_str(sentence);
}

fn reason(why: Option<&str>) -> String {
    match why.map(|why| quoted(why, REASON)) {
        None => String::new(),
        Some(why) if why.is_empty() => String::new(),
        Some(why) => format!(" ({why})"),
    }
}

/// So many bytes of what a stranger wrote, in one line; nothing of what cannot be seen.
fn quoted(text: &str, bytes: usize) -> String {
    if clean::is_blank(text) {
        return String::new();
    }
    clean::shortened(&clean::line(text), bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::names;
    use super::*;

    fn coming(who: &str, what: What) -> Coming {
        Coming { who: who.to_owned(), spoke: who.starts_with(char::is_lowercase), what }
    }

    fn left(why: &str) -> What {
        What::Left(Some(why.to_owned()))
    }

    #[track_caller]
    fn check(show: Show, comings: &[Coming], told: Option<&str>) {
        let all = Comings { joins: show, nicks: show, kicks: show, modes: show, topics: show };
        let shown = |name: &str| names::called(name).into_owned();
        assert_eq!(all.tell(comings, shown).as_deref(), told);
    }

    #[test]
    fn each_has_its_words() {
        let kicked = |by: &str| What::Kicked { by: by.to_owned(), why: Some("spam".to_owned()) };
        for (what, told) in [
            (What::Joined, "ann joined"),
            (left("bye"), "ann left (bye)"),
            (left(" "), "ann left"),
            (What::Left(None), "ann left"),
            (kicked("op"), "ann was kicked by op (spam)"),
            (What::Renamed("anna".to_owned()), "ann is now anna"),
            (What::Split("a.x b.x".to_owned()), "netsplit between a.x b.x: ann is gone"),
            (What::Returned, "netsplit over: ann is back"),
            (What::Modes("+o bob".to_owned()), "ann set +o bob"),
            (What::Topic(Some("tea".to_owned())), "ann set the topic: tea"),
            (What::Topic(None), "ann removed the topic"),
        ] {
            check(Show::All, &[coming("ann", what)], Some(told));
        }
    }

    #[test]
    fn what_goes_together_is_told_together() {
        let joined = |who| coming(who, What::Joined);
        check(Show::All, &[joined("ann"), joined("bob")], Some("ann and bob joined"));
        check(
            Show::All,
            &[joined("ann"), coming("bob", left("bye")), coming("carl", left("bye"))],
            Some("ann joined; bob left (bye); carl left (bye)"),
        );
        let names: Vec<String> = (0..13).map(|it| format!("p{it}")).collect();
        let many: Vec<Coming> =
            names.iter().map(|it| coming(it, What::Split("a b".to_owned()))).collect();
        check(
            Show::All,
            &many,
            Some(
                "netsplit between a b: p0, p1, p2, p3, p4, p5, p6, p7, p8, p9 and 3 more are gone",
            ),
        );
    }

    #[test]
    fn only_those_who_spoke_lately_unless_all_are_wanted() {
        let both = [coming("ann", What::Joined), coming("Lurker", What::Joined)];
        check(Show::Smart, &both, Some("ann joined"));
        check(Show::All, &both, Some("ann and Lurker joined"));
        check(Show::Off, &both, None);
        check(Show::Smart, &both[1..], None);
    }

    #[test]
    fn what_undoes_itself_is_not_told() {
        check(Show::All, &[coming("ann", left("reset")), coming("ann", What::Joined)], None);
        let back = [
            coming("ann", What::Split("a b".to_owned())),
            coming("bob", What::Joined),
            coming("ann", What::Returned),
        ];
        check(Show::All, &back, Some("bob joined"));
        let thrice =
            [coming("ann", left("x")), coming("ann", What::Joined), coming("ann", left("y"))];
        check(Show::All, &thrice, Some("ann left (y)"));
    }

    #[test]
    fn whatever_happens_together_is_one_short_line() {
        let leave = |count: usize, why: &dyn Fn(usize) -> String| -> Vec<Coming> {
            (0..count).map(|it| coming(&format!("p{it}"), left(&why(it)))).collect()
        };
        let all = "p0, p1, p2, p3, p4, p5, p6, p7, p8, p9 and 590 more left";
        check(Show::All, &leave(600, &|_| "Quit: shutting down".to_owned()), Some(all));
        check(Show::All, &leave(600, &|it| format!("Quit: bye {it}")), Some(all));
        let mut mixed = leave(40, &|it| "x".repeat(it + 1));
        mixed.insert(20, coming("ann", What::Renamed("anna".to_owned())));
        check(
            Show::All,
            &mixed,
            Some("p0, p1, p2, p3, p4, p5, p6, p7, p8, p9 and 30 more left; ann is now anna"),
        );
    }

    #[test]
    fn what_strangers_wrote_is_shown_plain_and_short() {
        for (what, told) in [
            (left("\u{2}Quit:\u{2} @all"), "ann left (Quit: @all)"),
            (left("\u{3}04\u{200b}"), "ann left"),
            (
                What::Topic(Some("\u{3}04,01 Rules\r\n @all".to_owned())),
                "ann set the topic: Rules @all",
            ),
            (What::Topic(Some("\u{3}04".to_owned())), "ann removed the topic"),
            (What::Renamed("\u{202e}\u{200b}".to_owned()), "ann is now somebody"),
            (left(&"é".repeat(400)), &format!("ann left ({}…)", "é".repeat(58))),
        ] {
            check(Show::All, &[coming("ann", what)], Some(told));
        }
    }

    proptest! {
        #[test]
        fn it_is_bounded_whatever_happened(happened in prop::collection::vec((".{0,200}", 0_usize..8, ".{0,500}"), 0..60)) {
            let what = |kind, text: String| match kind {
                0 => What::Joined,
                1 => What::Left(Some(text)),
                2 => What::Kicked { by: text.clone(), why: Some(text) },
                3 => What::Renamed(text),
                4 => What::Split(text),
                5 => What::Returned,
                6 => What::Modes(text),
                _ => What::Topic(Some(text)),
            };
            let comings: Vec<Coming> =
                happened.into_iter().map(|(who, kind, text)| coming(&who, what(kind, text))).collect();
            let show = Show::All;
            let all = Comings { joins: show, nicks: show, kicks: show, modes: show, topics: show };
            let told = all.tell(&comings, |name| names::called(name).into_owned()).unwrap_or_default();
            prop_assert!(told.len() <= LONGEST, "{told}");
        }
    }
}
