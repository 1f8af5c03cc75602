//! The two servers, the rooms and channels that are linked, and the people in them.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::net::SocketAddr;
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

/// Who on IRC speaks by an account that the bridge makes, in a run with accounts; ann does, too.
const MADE: [&str; 20] = [
    "m0", "m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8", "m9", "n0", "n1", "n2", "n3", "n4", "n5",
    "n6", "n7", "n8", "n9",
];

/// Who speaks on IRC and in Let's Chat by one account of their own, in a run with accounts.
const LINKED: [&str; 12] = ["k0", "k1", "k2", "k3", "k4", "k5", "k6", "k7", "k8", "k9", "l0", "l1"];

/// What the names of accounts end with that the bridge made.
const MADE_SUFFIX: &str = ".irc";

/// Whose words are mirrored.
fn names() -> Vec<&'static str> {
    [&[ANN, ALICE][..], &MADE, &LINKED].concat()
}

/// Who sits in every channel behind another server, and says nothing.
pub(crate) const BOB: &str = "bob";

/// Who sits nowhere, and takes a nick that is free.
const THIEF: &str = "thief";

/// The account and the nick of the bridge.
pub(crate) const BRIDGE: &str = "bridge";

/// The nick of the bridge in some configurations.
const OTHER_NICK: &str = "ferry";

/// How a configuration differs from the first one.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Variant {
    /// Another nick, for which the bridge must connect to IRC anew.
    pub(crate) has_other_nick: bool,
    /// Another limit, with the first nick.
    pub(crate) has_other_limits: bool,
    /// A link between a channel and a room where nobody talks.
    pub(crate) has_spare_link: bool,
}

impl Variant {
    /// A variant of chance.
    pub(crate) fn any(dice: &mut fastrand::Rng) -> Self {
        Self {
            has_other_nick: dice.bool(),
            has_other_limits: dice.bool(),
            has_spare_link: dice.bool(),
        }
    }
}

/// Where a bridge finds the servers and, if it is in PostgreSQL, its store.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) irc: String,
    pub(crate) letschat: String,
    /// A section of the configuration, or nothing.
    pub(crate) store: String,
}

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
    /// Everybody who speaks on IRC.
    pub(crate) on_irc: Vec<VirtualUser>,
    /// Everybody who speaks in Let's Chat.
    pub(crate) in_letschat: Vec<&'static str>,
    /// People of IRC speak by accounts.
    pub(crate) has_accounts: bool,
    pub(crate) thief: VirtualUser,
    archived: Mutex<HashSet<&'static str>>,
    /// What is written to a connection now may never reach it.
    unsure: AtomicBool,
    /// `[store]` of the bridge's configuration, or nothing.
    store: String,
}

impl Stage {
    /// Servers that behave, and the people in their places.
    pub(crate) async fn set(caps: Caps, has_accounts: bool) -> Self {
        // However long the bridge is away, what is kept reaches back to where it was.
        let setup = IrcSetup { caps, transcript: 1, history: 100_000, ..IrcSetup::default() };
        let irc = IrcServer::start(setup).await.unwrap();
        let linked = if has_accounts { &LINKED[..] } else { &[] };
        let in_letschat = [&[ALICE], linked].concat();
        let users = [&[BRIDGE], &in_letschat[..]].concat();
        let letschat = LetsChat::start(letschat::Setup {
            users: users.into_iter().map(|it| letschat::NewUser::new(it, it)).collect(),
            rooms: rooms().into_iter().chain(["spare"]).map(NewRoom::new).collect(),
            ..letschat::Setup::default()
        })
        .await
        .unwrap();
        let (ann, bob, thief) =
            (irc.virtual_user(ANN), irc.virtual_user(BOB), irc.virtual_user(THIEF));
        let made = if has_accounts { &MADE[..] } else { &[] };
        let speakers = [&[ANN], made, linked].concat();
        let on_irc: Vec<_> = speakers.into_iter().map(|nick| irc.virtual_user(nick)).collect();
        for channel in channels() {
            bob.join(channel);
            on_irc.iter().for_each(|speaker| speaker.join(channel));
        }
        Self {
            irc,
            letschat,
            ann,
            on_irc,
            in_letschat,
            has_accounts,
            thief,
            archived: Mutex::default(),
            unsure: AtomicBool::new(false),
            store: String::new(),
        }
    }

    /// The same servers, for a bridge with this section `[store]`.
    pub(crate) fn with_store(self, store: String) -> Self {
        Self { store, ..self }
    }

    /// Where Let's Chat listens.
    pub(crate) fn letschat_address(&self) -> SocketAddr {
        self.letschat.url().trim_start_matches("http://").trim_end_matches('/').parse().unwrap()
    }

    /// The nicks under which the bridge sits in `channel`; the ghost of an earlier life may be one.
    pub(crate) fn bridges(&self, channel: &str) -> Vec<String> {
        let members = self.irc.members(channel).into_iter();
        let nicks = members.map(|nick| nick.trim_start_matches(['@', '+']).to_owned());
        nicks.filter(|nick| nick != BOB && !names().contains(&nick.as_str())).collect()
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
    pub(crate) fn config(&self, variant: Variant) -> String {
        let place = Place {
            irc: self.irc.address().to_string(),
            letschat: self.letschat.url(),
            store: self.store.clone(),
        };
        self.config_in(&place, variant)
    }

    /// What a bridge in that place is told of it.
    pub(crate) fn config_in(&self, place: &Place, variant: Variant) -> String {
        let (nick, flood_control) = match variant {
            Variant { has_other_nick: true, .. } => (OTHER_NICK, "off"),
            Variant { has_other_limits: true, .. } => (BRIDGE, "ergo"),
            _ => (BRIDGE, "off"),
        };
        let mut config = format!(
            "loop_protection = false\ncatch_up = \"all\"\ncatch_up_limit = \"none\"\n\
             notices = false\n\
             [irc.office]\nservers = [\"{}\"]\ntls = false\nnick = \"{nick}\"\nflood_control = \"{flood_control}\"\n\
             [format]\nanti_ping = false\nshow_joins = \"off\"\nshow_nick_changes = \"off\"\n\
             show_kicks = \"off\"\nshow_modes = \"off\"\nshow_topics = \"off\"\nlong_messages = \"all\"\n\
             [archive]\nenabled = true\n{}\
             [letschat]\nurl = \"{}\"\ntoken = \"{}\"\n",
            place.irc,
            place.store,
            place.letschat,
            self.letschat.token(BRIDGE),
        );
        if self.has_accounts {
            config.push_str(
                "sender_mode = \"accounts\"\nannounce = false\n\
                 [letschat.accounts]\nlogin_interval = \"0s\"\nlink_requires_account = false\n[user_map]\n",
            );
            for user in LINKED {
                let token = self.letschat.token(user);
                writeln!(config, "{user} = {{ nick = \"{user}\", token = \"{token}\" }}").unwrap();
            }
        }
        if variant.has_spare_link {
            config.push_str("[[link]]\nchannel = \"office/#spare\"\nroom = \"spare\"\n");
        }
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
        let names = names();
        if is_channel(place) {
            let heard = self.ann.messages(place).into_iter();
            let heard = heard.filter(|heard| !names.contains(&heard.nick.as_str()));
            return heard.map(|heard| Arrival::on_irc(&heard.text, &names)).collect();
        }
        let posts = self.letschat.posts(place).into_iter().filter(is_mirrored);
        // Lines that came together are in one post.
        let lines = posts.flat_map(|post| post.text.lines().map(str::to_owned).collect::<Vec<_>>());
        lines.map(|line| Arrival::in_letschat(&line, &names)).collect()
    }

    /// Every line that was said in `place` by whomever, as [`Self::mirrored`] gives those of the bridge.
    pub(crate) fn texts(&self, place: &str) -> Vec<String> {
        let names = names();
        if is_channel(place) {
            let heard = self.ann.messages(place).into_iter();
            return heard.map(|heard| Arrival::on_irc(&heard.text, &names).text).collect();
        }
        let posts = self.letschat.posts(place).into_iter();
        let lines = posts.flat_map(|it| it.text.lines().map(str::to_owned).collect::<Vec<_>>());
        lines.map(|line| Arrival::in_letschat(&line, &names).text).collect()
    }

    /// What is wrong with the accounts, in a run with accounts, and how much was posted by whom.
    pub(crate) fn judge_accounts(&self) -> Vec<String> {
        if !self.has_accounts {
            return Vec::new();
        }
        let all = self.letschat.accounts();
        let made = all.iter().filter(|account| account.username.ends_with(MADE_SUFFIX));
        let is_known = |username: &str| {
            let nick = username.trim_end_matches(MADE_SUFFIX);
            nick == ANN || MADE.contains(&nick)
        };
        let strange = made.filter(|account| !is_known(&account.username));
        let complaints = strange.map(|it| format!("there should be no account {}", it.username));
        let mut complaints: Vec<String> = complaints.collect();
        let posts = rooms().into_iter().flat_map(|room| self.letschat.posts(room));
        let (mut bot, mut made, mut linked) = (0, 0, 0);
        for post in posts.filter(is_mirrored) {
            let count = match post.owner.as_str() {
                BRIDGE => &mut bot,
                owner if owner.ends_with(MADE_SUFFIX) => &mut made,
                _ => &mut linked,
            };
            *count += 1;
        }
        println!("posted by the bot {bot}, by made accounts {made}, by people's own {linked}");
        if made == 0 || linked == 0 {
            complaints.push("the accounts did not speak".to_owned());
        }
        complaints
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

/// Whether a post comes from IRC. People with an account of their own also type.
pub(crate) fn is_mirrored(post: &letschat::Post) -> bool {
    post.owner == BRIDGE
        || post.owner.ends_with(MADE_SUFFIX)
        || LINKED.contains(&post.owner.as_str()) && post.text.starts_with("in#")
}

fn first(text: &str) -> &str {
    let first = text.split(' ').next().unwrap_or_default();
    first.strip_prefix("in").filter(|place| is_channel(place)).unwrap_or(first)
}
