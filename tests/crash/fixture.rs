//! The two servers, the rooms and channels that are linked, and the people in them.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use letsbridge_testkit::irc::{Caps, IrcServer, Setup as IrcSetup, VirtualUser};
use letsbridge_testkit::letschat::{self, LetsChat, NewRoom};

use super::check::Arrival;

/// A room and the channels that it is linked with. What is said there under `hesitant` is posted with
/// hesitation, so that others overtake it.
struct Link {
    room: &'static str,
    hesitant: &'static str,
    channels: &'static [&'static str],
}

const LINKS: &[Link] = &[
    Link { room: "one", hesitant: "one~", channels: &["#one"] },
    Link { room: "two", hesitant: "two~", channels: &["#two"] },
    Link { room: "three", hesitant: "three~", channels: &["#three"] },
    Link { room: "four", hesitant: "four~", channels: &["#four", "#five"] },
];

/// Who speaks on IRC, and who in Let's Chat.
pub(crate) const ANN: &str = "ann";
pub(crate) const ALICE: &str = "alice";

/// Whose words are mirrored.
const NAMES: [&str; 2] = [ANN, ALICE];

/// Who sits in every channel behind another server, and says nothing.
pub(crate) const BOB: &str = "bob";

/// Who sits nowhere, and takes a nick that is free.
const THIEF: &str = "thief";

/// The account and the nick of the bridge.
pub(crate) const BRIDGE: &str = "bridge";

/// All channels.
pub(crate) fn channels() -> Vec<&'static str> {
    LINKS.iter().flat_map(|link| link.channels).copied().collect()
}

/// All rooms.
pub(crate) fn rooms() -> Vec<&'static str> {
    LINKS.iter().map(|link| link.room).collect()
}

/// All rooms, each with what stands for it in front of what is posted there with hesitation.
pub(crate) fn hesitant_rooms() -> Vec<(&'static str, &'static str)> {
    LINKS.iter().map(|link| (link.room, link.hesitant)).collect()
}

/// What is mirrored: the first word of the messages, and where they are to arrive.
pub(crate) fn roads() -> Vec<(&'static str, &'static str)> {
    let mut roads = Vec::new();
    for Link { room, hesitant, channels } in LINKS {
        for channel in *channels {
            roads.extend([(*room, *channel), (*hesitant, *channel), (*channel, *room)]);
            let others = channels.iter().filter(|other| *other != channel);
            roads.extend(others.map(|other| (*channel, *other)));
        }
    }
    roads
}

/// Whether a place is a channel.
pub(crate) fn is_channel(place: &str) -> bool {
    place.starts_with('#')
}

/// The first word of what is said in `place`. A channel's name alone would be told in a room as the name
/// of a room.
pub(crate) fn word(place: &str) -> String {
    if is_channel(place) { format!("in{place}") } else { place.to_owned() }
}

/// The servers, which outlive every bridge.
pub(crate) struct Stage {
    pub(crate) irc: IrcServer,
    pub(crate) letschat: LetsChat,
    pub(crate) ann: VirtualUser,
    pub(crate) thief: VirtualUser,
    archived: Mutex<HashSet<&'static str>>,
    /// What is written to a connection now may never reach it.
    unsure: AtomicBool,
}

impl Stage {
    /// Servers that behave, and the people in their places.
    pub(crate) async fn set(caps: Caps) -> Self {
        // However long the bridge is away, what is kept reaches back to where it was.
        let setup = IrcSetup { caps, transcript: 1, history: 100_000, ..IrcSetup::default() };
        let irc = IrcServer::start(setup).await.unwrap();
        let letschat = LetsChat::start(letschat::Setup {
            users: [BRIDGE, ALICE].map(|it| letschat::NewUser::new(it, it)).to_vec(),
            rooms: rooms().into_iter().map(NewRoom::new).collect(),
            ..letschat::Setup::default()
        })
        .await
        .unwrap();
        let (ann, bob, thief) =
            (irc.virtual_user(ANN), irc.virtual_user(BOB), irc.virtual_user(THIEF));
        for channel in channels() {
            ann.join(channel);
            bob.join(channel);
        }
        Self {
            irc,
            letschat,
            ann,
            thief,
            archived: Mutex::default(),
            unsure: AtomicBool::new(false),
        }
    }

    /// The nicks under which the bridge sits in `channel`; the ghost of an earlier life may be one.
    pub(crate) fn bridges(&self, channel: &str) -> Vec<String> {
        let members = self.irc.members(channel).into_iter();
        let nicks = members.map(|nick| nick.trim_start_matches(['@', '+']).to_owned());
        nicks.filter(|nick| ![ANN, BOB].contains(&nick.as_str())).collect()
    }

    /// The nick of the bridge, if it is anywhere: not always the one that it wishes for.
    pub(crate) fn bridge(&self) -> Option<String> {
        channels().into_iter().flat_map(|channel| self.bridges(channel)).next()
    }

    /// From now on what is written to a connection may never reach it, or certainly does again.
    pub(crate) fn unsure(&self, unsure: bool) {
        self.unsure.store(unsure, Ordering::SeqCst);
    }

    /// Whether what is written to a connection surely reaches the bridge's machine.
    pub(crate) fn is_sure(&self) -> bool {
        !self.unsure.load(Ordering::SeqCst)
    }

    /// Archives `room`: nobody can say anything there, and who is in is put out.
    pub(crate) fn archive(&self, room: &'static str) {
        self.letschat.archive_room(room);
        self.archived.lock().unwrap().insert(room);
    }

    /// Brings `room` back.
    pub(crate) fn restore(&self, room: &str) {
        self.letschat.unarchive_room(room);
        self.archived.lock().unwrap().remove(room);
    }

    /// Whether something can be said in `place`.
    pub(crate) fn takes_words(&self, place: &str) -> bool {
        !self.archived.lock().unwrap().contains(place)
    }

    /// What the bridge is told of it; nothing is too old or too much for it.
    pub(crate) fn config(&self) -> String {
        let mut config = format!(
            "loop_protection = false\ncatch_up = \"all\"\ncatch_up_limit = \"none\"\n\
             notices = false\n\
             [irc.office]\nservers = [\"{}\"]\ntls = false\nnick = \"{BRIDGE}\"\nflood_control = \"off\"\n\
             [format]\nanti_ping = false\nshow_joins = \"off\"\nshow_nick_changes = \"off\"\n\
             show_kicks = \"off\"\nshow_modes = \"off\"\nshow_topics = \"off\"\nlong_messages = \"all\"\n\
             [letschat]\nurl = \"{}\"\ntoken = \"{}\"\n",
            self.irc.address(),
            self.letschat.url(),
            self.letschat.token(BRIDGE),
        );
        for Link { room, channels, .. } in LINKS {
            for channel in *channels {
                writeln!(config, "[[link]]\nchannel = \"office/{channel}\"\nroom = \"{room}\"")
                    .unwrap();
            }
        }
        config
    }

    /// What the bridge said in `place`, without what it puts before it, in order.
    pub(crate) fn mirrored(&self, place: &str) -> Vec<Arrival> {
        if is_channel(place) {
            let heard = self.ann.messages(place).into_iter().filter(|heard| heard.nick != ANN);
            return heard.map(|heard| Arrival::on_irc(&heard.text, &NAMES)).collect();
        }
        let posts = self.letschat.posts(place).into_iter().filter(|it| it.owner == BRIDGE);
        // Lines that came together are in one post.
        let lines = posts.flat_map(|post| post.text.lines().map(str::to_owned).collect::<Vec<_>>());
        lines.map(|line| Arrival::in_letschat(&line, &NAMES)).collect()
    }

    /// How much the bridge has said everywhere.
    pub(crate) fn arrivals(&self) -> usize {
        [channels(), rooms()].concat().into_iter().map(|place| self.mirrored(place).len()).sum()
    }

    /// What of it was said in, or begins with, `from`.
    pub(crate) fn arrived(&self, from: &str, place: &str) -> Vec<Arrival> {
        self.mirrored(place).into_iter().filter(|it| first(&it.text) == from).collect()
    }

    /// What of it was said nowhere that is linked with `place`.
    pub(crate) fn strays(&self, place: &str) -> Vec<String> {
        let roads = roads();
        let all = self.mirrored(place).into_iter().map(|it| it.text);
        all.filter(|text| !roads.contains(&(first(text), place))).collect()
    }
}

fn first(text: &str) -> &str {
    let first = text.split(' ').next().unwrap_or_default();
    first.strip_prefix("in").filter(|place| is_channel(place)).unwrap_or(first)
}
