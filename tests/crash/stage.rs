//! The two servers, the rooms and channels that are linked, and the people in them.

use std::fmt::Write as _;

use letsbridge::demo::irc::{Caps, IrcServer, Person, Setup as IrcSetup};
use letsbridge::demo::letschat::{self, LetsChat, NewRoom};

/// Each room, and the channels that it is linked with.
pub(crate) const LINKS: &[(&str, &[&str])] = &[
    ("one", &["#one"]),
    ("two", &["#two"]),
    ("three", &["#three"]),
    ("four", &["#four", "#five"]),
];

/// Who speaks on IRC, and who in Let's Chat.
pub(crate) const ANN: &str = "ann";
pub(crate) const ALICE: &str = "alice";

/// The account and the nick of the bridge.
pub(crate) const BRIDGE: &str = "bridge";

/// All channels.
pub(crate) fn channels() -> impl Iterator<Item = &'static str> {
    LINKS.iter().flat_map(|(_, channels)| channels.iter().copied())
}

/// All rooms.
pub(crate) fn rooms() -> impl Iterator<Item = &'static str> {
    LINKS.iter().map(|(room, _)| *room)
}

/// From where to where messages are mirrored.
pub(crate) fn roads() -> impl Iterator<Item = (&'static str, &'static str)> {
    LINKS.iter().flat_map(|(room, channels)| {
        let places = || channels.iter().copied().chain([*room]);
        places().flat_map(move |from| places().map(move |to| (from, to))).filter(|(a, b)| a != b)
    })
}

/// Whether a place is a channel.
pub(crate) fn is_channel(place: &str) -> bool {
    place.starts_with('#')
}

/// The servers, which outlive every bridge.
pub(crate) struct Stage {
    pub(crate) irc: IrcServer,
    pub(crate) letschat: LetsChat,
    pub(crate) ann: Person,
}

impl Stage {
    /// Servers that behave, and the people in their places.
    pub(crate) async fn set(caps: Caps) -> Self {
        let setup = IrcSetup { caps, transcript: 1, ..IrcSetup::default() };
        let irc = IrcServer::start(setup).await.unwrap();
        let letschat = LetsChat::start(letschat::Setup {
            people: [BRIDGE, ALICE].map(|it| letschat::Person::new(it, it)).to_vec(),
            rooms: rooms().map(NewRoom::new).collect(),
            ..letschat::Setup::default()
        })
        .await
        .unwrap();
        let ann = irc.person(ANN);
        channels().for_each(|channel| ann.join(channel));
        Self { irc, letschat, ann }
    }

    /// What the bridge is told of it; nothing is too old or too much for it.
    pub(crate) fn config(&self) -> String {
        let mut config = format!(
            "[irc.office]\nservers = [\"{}\"]\ntls = false\nnick = \"{BRIDGE}\"\npace = \"off\"\n\
             [letschat]\nurl = \"{}\"\ntoken = \"{}\"\ncatch_up = \"all\"\n\
             catch_up_limit = \"none\"\nannounce_gaps = false\n",
            self.irc.address(),
            self.letschat.url(),
            self.letschat.token(BRIDGE),
        );
        for (room, channels) in LINKS {
            for channel in *channels {
                writeln!(config, "[[link]]\nchannel = \"office/{channel}\"\nroom = \"{room}\"")
                    .unwrap();
            }
        }
        config
    }

    /// What arrived in `place` of what was said in `from`, line by line.
    pub(crate) fn arrived(&self, from: &str, place: &str) -> Vec<String> {
        let said: Vec<String> = if is_channel(place) {
            let heard = self.ann.heard(place).into_iter().filter(|heard| heard.nick != ANN);
            heard.map(|heard| heard.text).collect()
        } else {
            let posts = self.letschat.posts(place).into_iter().filter(|it| it.owner == BRIDGE);
            posts.map(|post| post.text).collect()
        };
        let mine = |text: String| {
            let words = words(&text);
            (words.split(' ').next() == Some(from)).then(|| words.to_owned())
        };
        said.into_iter().filter_map(mine).collect()
    }

    /// What arrived in `place` that was said nowhere that is linked with it.
    pub(crate) fn strays(&self, place: &str) -> Vec<String> {
        let linked: Vec<&str> =
            roads().filter(|(_, to)| *to == place).map(|(from, _)| from).collect();
        let known =
            |text: &str| linked.contains(&words(text).split(' ').next().unwrap_or_default());
        let said: Vec<String> = if is_channel(place) {
            let heard = self.ann.heard(place).into_iter().filter(|heard| heard.nick != ANN);
            heard.map(|heard| heard.text).collect()
        } else {
            let posts = self.letschat.posts(place).into_iter().filter(|it| it.owner == BRIDGE);
            posts.map(|post| post.text).collect()
        };
        said.into_iter().filter(|text| !known(text)).collect()
    }
}

/// A mirrored text without what the bridge puts before it: the time of what is late, and the author.
fn words(text: &str) -> &str {
    let text = match text.split_once("Z] ") {
        Some((time, rest)) if time.starts_with('[') => rest,
        _ => text,
    };
    let told = text.strip_prefix('<').and_then(|rest| rest.split_once("> "));
    told.filter(|(author, _)| [ANN, ALICE].contains(author)).map_or(text, |(_, words)| words)
}
