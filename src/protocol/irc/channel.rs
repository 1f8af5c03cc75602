use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use unicode_normalization::UnicodeNormalization;

use crate::domain::{Casemapping, EndpointId};
use crate::protocol::Backoff;

use super::refusal::Outlook;

/// How long the server may take to answer a JOIN.
const PATIENCE: Duration = Duration::from_secs(60);

/// Whoever has been in for this long is welcome: the next wait is short again. Not sooner, or a
/// channel that we are kicked from whenever we come would see us come again and again.
const WELCOME: Duration = Duration::from_secs(900);

/// How soon after a JOIN another may follow that somebody has asked us for.
const ASKED_FOR: Duration = Duration::from_secs(10);

/// Where we stand with one channel. Being in is what the server says, not what we asked for.
///
/// ```text
///       join               own JOIN echo         end of NAMES
///  Out ───────▶ Asked ────────────────▶ Entering ─────────────▶ In
///   ▲             │ refused, no answer      │ kicked, parted     │
///   └── waited ── Waiting ◀─────────────────┴────────────────────┘
///       invited,
///       logged in
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Out,
    Asked,
    Entering,
    In,
    Waiting,
}

/// A channel that we mean to be in.
#[derive(Debug, Clone)]
pub struct Seat {
    /// Its number.
    pub place: EndpointId,
    /// Its name.
    pub name: String,
    /// Its key, where it has one.
    pub key: Option<secrecy::SecretString>,
}

/// A key is no part of what a seat is.
impl PartialEq for Seat {
    fn eq(&self, other: &Self) -> bool {
        (self.place, &self.name) == (other.place, &other.name)
    }
}

impl Eq for Seat {}

#[derive(Debug)]
struct Channel {
    seat: Seat,
    /// What the server calls it, where that is not what we call it.
    called: Option<String>,
    /// The server has no channel of that name; another may come to be known.
    impossible: bool,
    state: State,
    /// How often in a row we were refused or put out.
    tries: u32,
    /// Why we are not in.
    outlook: Outlook,
    /// When to do something about it: ask again, or give the asking up.
    due: Option<Instant>,
    /// When we asked last.
    asked: Option<Instant>,
    /// When we came in, by our clock, and by the server's where it says so.
    entered: Option<Instant>,
    joined: Option<Timestamp>,
}

impl Channel {
    fn new(seat: Seat) -> Self {
        Self {
            seat,
            called: None,
            impossible: false,
            state: State::Out,
            tries: 0,
            outlook: Outlook::Soon,
            due: None,
            asked: None,
            entered: None,
            joined: None,
        }
    }

    fn name(&self) -> &str {
        self.called.as_ref().unwrap_or(&self.seat.name)
    }

    fn is_hopeless(&self) -> bool {
        self.state == State::Waiting && self.outlook == Outlook::Never
    }
}

/// The channels that we mean to be in.
#[derive(Debug)]
pub(super) struct Channels {
    channels: Vec<Channel>,
    by_place: HashMap<EndpointId, usize>,
    by_name: HashMap<String, usize>,
    casemapping: Casemapping,
    due: BTreeSet<(Instant, usize)>,
    chance: fastrand::Rng,
}

impl Channels {
    pub(super) fn new(seats: Vec<Seat>, seed: u64) -> Self {
        let channels: Vec<Channel> = seats.into_iter().map(Channel::new).collect();
        let by_place = channels.iter().enumerate().map(|(i, c)| (c.seat.place, i)).collect();
        let mut channels = Self {
            channels,
            by_place,
            by_name: HashMap::new(),
            casemapping: Casemapping::default(),
            due: BTreeSet::new(),
            chance: fastrand::Rng::with_seed(seed),
        };
        channels.fold(Casemapping::default());
        channels
    }

    /// We mean to be in this one too, if it is not among them.
    pub(super) fn add(&mut self, seat: Seat) {
        if self.by_place.contains_key(&seat.place) {
            return;
        }
        let at = self.channels.len();
        self.by_place.insert(seat.place, at);
        self.by_name.insert(self.casemapping.fold(&seat.name), at);
        self.channels.push(Channel::new(seat));
    }

    /// The server folds names like this.
    pub(super) fn fold(&mut self, casemapping: Casemapping) {
        self.casemapping = casemapping;
        let channels = self.channels.iter().enumerate();
        self.by_name = channels.clone().map(|(i, c)| (casemapping.fold(&c.seat.name), i)).collect();
        self.by_name.extend(channels.map(|(i, c)| (casemapping.fold(c.name()), i)));
    }

    /// The place that `name` is, if it is one of ours.
    pub(super) fn place(&self, name: &str) -> Option<EndpointId> {
        self.find(name).map(|at| self.channels[at].seat.place)
    }

    /// Whether we are in `name`, as far as the server has said.
    pub(super) fn is_in(&self, name: &str) -> bool {
        self.find(name).is_some_and(|at| self.channels[at].state == State::In)
    }

    /// The name of the channel at `place`: as the server calls it, once we were in, and until then as the
    /// configuration spells it.
    pub(super) fn name(&self, place: EndpointId) -> Option<&str> {
        self.by_place.get(&place).map(|at| self.channels[*at].name())
    }

    /// The server says that we are entering `name`. That may be the channel of ours that it is: a safe
    /// channel, which we ask for by its short name (RFC 2811, section 3), or one whose name the server
    /// writes in its own way.
    fn adopt(&mut self, name: &str) {
        if let Some(at) = self.find(name) {
            let channel = &mut self.channels[at];
            channel.called = Some(name.to_owned()).filter(|name| *name != channel.seat.name);
            return;
        }
        let mut asked = (0..self.channels.len()).filter(|at| {
            let channel = &self.channels[*at];
            channel.state == State::Asked && is_answer(&channel.seat.name, name)
        });
        // Of two that it may be, it is neither.
        let (Some(at), None) = (asked.next(), asked.next()) else { return };
        if name.len() <= LONGEST_NAME {
            self.channels[at].called = Some(name.to_owned());
            self.by_name.insert(self.casemapping.fold(name), at);
        }
    }

    /// The server has no channel of the name that it gave to one of ours. Says whether that one is to be
    /// asked for by our own name for it now.
    pub(super) fn disown(&mut self, name: &str) -> bool {
        let Some(at) = self.find(name) else { return false };
        let channel = &mut self.channels[at];
        if channel.state != State::Asked || channel.called.take().is_none() {
            return false;
        }
        self.fold(self.casemapping);
        self.enter(at, State::Out, None);
        true
    }

    /// The channels that cannot be on this server, where names begin with one of `types` and have
    /// `longest` characters at most, and why. They are not asked for, unless the server says otherwise later.
    pub(super) fn impossible(
        &mut self,
        types: &str,
        longest: Option<usize>,
        now: Instant,
    ) -> Vec<(EndpointId, String)> {
        let longest = longest.unwrap_or(usize::MAX);
        let why = |name: &str| {
            if types.is_empty() {
                return Some("the server says that it has no channels (CHANTYPES)".to_owned());
            }
            if !name.starts_with(|first| types.contains(first)) {
                return Some(format!("channels here begin with one of \"{types}\""));
            }
            let length = name.chars().count();
            (length > longest).then(|| {
                format!(
                    "its name has {length} characters, and those of channels here at most {longest}"
                )
            })
        };
        let mut impossible = Vec::new();
        for at in 0..self.channels.len() {
            let channel = &mut self.channels[at];
            match why(&channel.seat.name) {
                Some(why) if !channel.is_hopeless() => {
                    channel.impossible = true;
                    impossible.push((channel.seat.place, why));
                    self.wait(at, Outlook::Never, now);
                }
                None if std::mem::take(&mut channel.impossible) => {
                    self.enter(at, State::Out, None);
                }
                _ => {}
            }
        }
        impossible
    }

    /// The places that we are in, as far as the server has said.
    pub(super) fn places_in(&self) -> impl Iterator<Item = EndpointId> {
        self.channels.iter().filter(|it| it.state == State::In).map(|it| it.seat.place)
    }

    /// We ask for every channel that we are out of. Those with a key come first, as JOIN wants it.
    pub(super) fn ask_all(&mut self, now: Instant) -> Vec<(&str, &Seat)> {
        let out: Vec<usize> =
            (0..self.channels.len()).filter(|at| self.channels[*at].state == State::Out).collect();
        for at in &out {
            self.channels[*at].asked = Some(now);
            self.enter(*at, State::Asked, Some(now + PATIENCE));
        }
        let named = |at: &usize| (self.channels[*at].name(), &self.channels[*at].seat);
        let mut seats: Vec<(&str, &Seat)> = out.iter().map(named).collect();
        seats.sort_by_key(|(_, seat)| seat.key.is_none());
        seats
    }

    /// Those that were asked for are to be asked for again: the server did not want to read it.
    pub(super) fn unask(&mut self) {
        for at in 0..self.channels.len() {
            if self.channels[at].state == State::Asked {
                self.enter(at, State::Out, None);
            }
        }
    }

    /// The server says that we are entering `name`, at `time`.
    pub(super) fn entering(&mut self, name: &str, time: Option<Timestamp>, now: Instant) {
        self.adopt(name);
        if let Some(at) = self.find(name) {
            (self.channels[at].entered, self.channels[at].joined) = (Some(now), time);
            self.enter(at, State::Entering, Some(now + PATIENCE));
        }
    }

    /// The server has listed who is in `name`. Gives the place if we have just come in, and
    /// when that was.
    pub(super) fn listed(&mut self, name: &str) -> Option<(EndpointId, Option<Timestamp>)> {
        let at = self.find(name)?;
        // Not after anything but our own JOIN: a server answers NAMES from outside too.
        if self.channels[at].state != State::Entering {
            return None;
        }
        self.enter(at, State::In, None);
        Some((self.channels[at].seat.place, self.channels[at].joined))
    }

    /// The server will not let us into `name`, or has put us out of it. Gives the place.
    pub(super) fn out(&mut self, name: &str, outlook: Outlook, now: Instant) -> Option<EndpointId> {
        let at = self.find(name)?;
        let channel = &mut self.channels[at];
        if channel.is_hopeless() {
            return None;
        }
        if channel.entered.take().is_some_and(|at| now.duration_since(at) >= WELCOME) {
            channel.tries = 0;
        }
        self.wait(at, outlook, now);
        Some(self.channels[at].seat.place)
    }

    /// Somebody has invited us to `name`. Says whether that is a reason to ask for a channel now.
    pub(super) fn invited(&mut self, name: &str, now: Instant) -> bool {
        let Some(at) = self.find(name) else { return false };
        if self.channels[at].state != State::Waiting {
            return false;
        }
        self.hasten(at, now);
        true
    }

    /// We are logged in to an account: those channels that were waiting for that are asked for now.
    pub(super) fn logged_in(&mut self, now: Instant) {
        for at in 0..self.channels.len() {
            let channel = &self.channels[at];
            if channel.state == State::Waiting && channel.outlook == Outlook::Account {
                self.hasten(at, now);
            }
        }
    }

    /// Time has passed: gives the places whose JOIN was not answered, and readies those that have
    /// waited long enough to be asked for again.
    pub(super) fn tick(&mut self, now: Instant) -> Vec<EndpointId> {
        let mut unanswered = Vec::new();
        while let Some((due, at)) = self.due.first().copied().filter(|(due, _)| *due <= now) {
            self.due.remove(&(due, at));
            self.channels[at].due = None;
            if self.channels[at].state == State::Waiting {
                self.enter(at, State::Out, None);
            } else {
                self.wait(at, Outlook::Soon, now);
                unanswered.push(self.channels[at].seat.place);
            }
        }
        unanswered
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.due.first().map(|(due, _)| *due)
    }

    fn find(&self, name: &str) -> Option<usize> {
        self.by_name.get(&self.casemapping.fold(name)).copied()
    }

    /// Waits, each time in a row for longer.
    fn wait(&mut self, at: usize, outlook: Outlook, now: Instant) {
        let channel = &mut self.channels[at];
        let (first, last) = outlook.waits();
        let wait = Backoff::after_failures(channel.tries, first, last).next_delay(&mut self.chance);
        channel.tries += 1;
        channel.outlook = outlook;
        let due = (outlook != Outlook::Never).then(|| now + wait);
        self.enter(at, State::Waiting, due);
    }

    /// What is waited for has come; but nobody makes us ask without end.
    fn hasten(&mut self, at: usize, now: Instant) {
        match self.channels[at].asked.map(|asked| asked + ASKED_FOR).filter(|soon| *soon > now) {
            Some(soon) => self.enter(at, State::Waiting, Some(soon)),
            None => self.enter(at, State::Out, None),
        }
    }

    fn enter(&mut self, at: usize, state: State, due: Option<Instant>) {
        let channel = &mut self.channels[at];
        if let Some(old) = channel.due.take() {
            self.due.remove(&(old, at));
        }
        channel.state = state;
        channel.due = due;
        self.due.extend(due.map(|due| (due, at)));
    }
}

/// Longer than any channel's name.
const LONGEST_NAME: usize = 512;

/// How many letters and digits of its own a server puts before the short name of a safe channel.
const ID: usize = 5;

/// Whether a server that is asked for `asked` may answer with `name`.
fn is_answer(asked: &str, name: &str) -> bool {
    if let (Some(short), Some(long)) = (asked.strip_prefix('!'), name.strip_prefix('!')) {
        // A second one asks for a new channel.
        let short = short.strip_prefix('!').unwrap_or(short);
        let id = long.len().checked_sub(short.len()).and_then(|id| long.get(..id));
        let is_id = |id: &str| id.len() == ID && id.bytes().all(|it| it.is_ascii_alphanumeric());
        if id.is_some_and(is_id) && same_letters(short, &long[ID..]) {
            return true;
        }
    }
    same_letters(asked, name)
}

/// Whether two names are the same to somebody who reads them, however their letters are written.
fn same_letters(one: &str, other: &str) -> bool {
    let fold = |name: &str| name.nfkc().flat_map(char::to_lowercase).nfkc().collect::<String>();
    fold(one) == fold(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEA: EndpointId = EndpointId(1);

    fn channels() -> Channels {
        let seat = Seat { place: TEA, name: "#Tea".to_owned(), key: None };
        Channels::new(vec![seat], 1)
    }

    #[test]
    fn being_in_is_what_the_server_says() {
        let now = Instant::now();
        let mut channels = channels();
        assert_eq!(channels.ask_all(now).len(), 1);
        assert!(channels.ask_all(now).is_empty(), "asked once");
        assert_eq!(channels.listed("#tea"), None, "not before our own JOIN");
        let time = Some(Timestamp::UNIX_EPOCH);
        channels.entering("#tea", time, now);
        assert_eq!(channels.listed("#TEA"), Some((TEA, time)));
        assert_eq!(channels.listed("#tea"), None, "only once");
        assert_eq!(channels.deadline(), None);
    }

    #[test]
    fn whoever_is_put_out_comes_back_later_and_later() {
        let mut now = Instant::now();
        let mut channels = channels();
        let mut waits = Vec::new();
        for _ in 0..9 {
            channels.ask_all(now);
            channels.entering("#tea", None, now);
            assert_eq!(channels.listed("#tea"), Some((TEA, None)));
            assert_eq!(channels.out("#tea", Outlook::Soon, now), Some(TEA));
            let due = channels.deadline().expect("a wait");
            waits.push((due - now).as_secs());
            now = due;
            assert!(channels.tick(now).is_empty());
        }
        assert!(waits[0] <= 5 && waits[8] >= 300, "{waits:?}");
        channels.ask_all(now);
        channels.entering("#tea", None, now);
        now += WELCOME;
        channels.out("#tea", Outlook::Soon, now);
        assert!(channels.deadline().is_some_and(|due| due <= now + Duration::from_secs(5)));
    }

    #[test]
    fn an_invitation_and_a_login_end_the_waiting_but_not_at_once_each_time() {
        let mut now = Instant::now();
        let mut channels = channels();
        assert!(!channels.invited("#tea", now), "nobody has refused us");
        channels.ask_all(now);
        channels.out("#tea", Outlook::Account, now);
        now += ASKED_FOR;
        assert!(!channels.invited("#other", now) && channels.invited("#TEA", now));
        assert_eq!(channels.ask_all(now).len(), 1);
        channels.out("#tea", Outlook::Account, now);
        channels.logged_in(now);
        assert!(channels.ask_all(now).is_empty());
        assert_eq!(channels.deadline(), Some(now + ASKED_FOR));
        channels.tick(now + ASKED_FOR);
        assert_eq!(channels.ask_all(now + ASKED_FOR).len(), 1);
    }

    #[test]
    fn a_name_that_the_server_does_not_know_is_told_once() {
        let now = Instant::now();
        let mut channels = channels();
        assert_eq!(channels.impossible("#&", Some(4), now), []);
        channels.ask_all(now);
        let why = "its name has 4 characters, and those of channels here at most 3".to_owned();
        assert_eq!(channels.impossible("#", Some(3), now), [(TEA, why)]);
        assert_eq!(channels.impossible("#", Some(3), now), []);
        assert_eq!(channels.out("#tea", Outlook::Late, now), None, "not to be asked for again");
        let mut channels = self::channels();
        let why = "channels here begin with one of \"&+\"".to_owned();
        assert_eq!(channels.impossible("&+", None, now), [(TEA, why)]);
    }

    #[test]
    fn a_channel_is_called_what_the_server_calls_it() {
        for (asked, name, ours) in [
            ("!tea", "!ABCDEtea", true),
            ("!!tea", "!AB2DEtea", true),
            ("!tea", "!ABCDEcoffee", false),
            ("!tea", "!ABCDEFtea", false),
            ("!tea", "!-----tea", false),
            ("!tea", "#tea", false),
            ("!é", "!ABCDEé", true),
            ("#te\u{301}", "#té", true),
            ("#TÉ", "#té", true),
            ("#tea", "#tea2", false),
        ] {
            let now = Instant::now();
            let seat = Seat { place: TEA, name: asked.to_owned(), key: None };
            let mut channels = Channels::new(vec![seat], 1);
            channels.entering(name, None, now);
            assert_eq!(channels.place(name), None, "not asked for: {asked}");
            channels.ask_all(now);
            channels.entering(name, None, now);
            assert_eq!(channels.listed(name), ours.then_some((TEA, None)), "{asked} {name}");
            assert_eq!(channels.name(TEA), Some(if ours { name } else { asked }));
            channels.fold(Casemapping::Ascii);
            assert_eq!(channels.place(name), ours.then_some(TEA));
            assert!(!channels.disown(name), "it was not asked for again");
            channels.out(name, Outlook::Soon, now);
            channels.tick(now + WELCOME);
            channels.ask_all(now + WELCOME);
            channels.disown(name);
            assert_eq!((channels.name(TEA), channels.place(asked)), (Some(asked), Some(TEA)));
        }
    }

    #[test]
    fn a_server_may_come_to_have_channels() {
        let now = Instant::now();
        let mut channels = channels();
        let why = "the server says that it has no channels (CHANTYPES)".to_owned();
        assert_eq!(channels.impossible("", None, now), [(TEA, why)]);
        assert!(channels.ask_all(now).is_empty());
        assert_eq!(channels.impossible("#", None, now), []);
        assert_eq!(channels.ask_all(now).len(), 1);
    }

    #[test]
    fn what_can_never_be_is_not_asked_for_again() {
        let now = Instant::now();
        let mut channels = channels();
        channels.ask_all(now);
        channels.out("#tea", Outlook::Never, now);
        assert_eq!(channels.deadline(), None);
    }

    #[test]
    fn a_join_that_is_not_answered_is_asked_again() {
        let now = Instant::now();
        let mut channels = channels();
        channels.ask_all(now);
        assert_eq!(channels.tick(now + PATIENCE), [TEA]);
        let due = channels.deadline().expect("a wait");
        assert!(channels.tick(due).is_empty());
        assert_eq!(channels.ask_all(due).len(), 1);
    }
}
