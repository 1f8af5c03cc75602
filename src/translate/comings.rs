//! Who came and went, in as few words as people want to read.

use std::collections::HashMap;

/// How many names are told one by one.
const NAMED: usize = 10;

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

/// `text` in one line, whatever parts it.
#[must_use]
pub fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
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

    /// What happened, in one line; `None` where nothing of it is to be told. Who left and is back,
    /// or came and is gone again, is not told of.
    #[must_use]
    pub fn tell(&self, comings: &[Coming]) -> Option<String> {
        let told: Vec<&Coming> =
            undone(comings).into_iter().filter(|coming| self.shows(coming)).collect();
        let mut sentences: Vec<String> = Vec::new();
        let mut rest = told.as_slice();
        while let Some(first) = rest.first() {
            let alike = rest.iter().take_while(|it| it.what == first.what && goes_together(it));
            let count = alike.count().max(1);
            sentences.push(sentence(&rest[..count]));
            rest = &rest[count..];
        }
        (!sentences.is_empty()).then(|| sentences.join("; "))
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

fn sentence(alike: &[&Coming]) -> String {
    let who = names(alike);
    let (is, has) = if alike.len() == 1 { ("is", "was") } else { ("are", "were") };
    match &alike[0].what {
        What::Joined => format!("{who} joined"),
        What::Left(why) => format!("{who} left{}", reason(why.as_deref())),
        What::Kicked { by, why } => {
            format!("{who} {has} kicked by {by}{}", reason(why.as_deref()))
        }
        What::Renamed(name) => format!("{who} is now {name}"),
        What::Split(servers) => format!("netsplit between {servers}: {who} {is} gone"),
        What::Returned => format!("netsplit over: {who} {is} back"),
        What::Modes(change) => format!("{who} set {change}"),
        What::Topic(Some(topic)) => format!("{who} set the topic: {topic}"),
        What::Topic(None) => format!("{who} removed the topic"),
    }
}

fn reason(why: Option<&str>) -> String {
    match why.map(str::trim) {
        None | Some("") => String::new(),
        Some(why) => format!(" ({why})"),
    }
}

/// `ann`, `ann and bob`, `ann, bob and 3 more`.
fn names(alike: &[&Coming]) -> String {
    let shown: Vec<&str> = alike.iter().take(NAMED).map(|it| it.who.as_str()).collect();
    match (alike.len().saturating_sub(NAMED), shown.as_slice()) {
        (0, [one]) => (*one).to_owned(),
        (0, [most @ .., last]) => format!("{} and {last}", most.join(", ")),
        (more, _) => format!("{} and {more} more", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
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
        assert_eq!(all.tell(comings).as_deref(), told);
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
}
