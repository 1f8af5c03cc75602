//! The teller of stories: a whole bridge between servers we write the lines for, on a clock we own.
//!
//! ```text
//! irc < …     the IRC server sends this          lc < …     Let's Chat sends this
//! irc <+ …    the same, and more at once
//! irc > …     the bridge has sent this           lc > …     the bridge has sent this
//!                                                lc too long  … more at once than the bridge takes
//! irc lost    the connection ends                lc lost    the same
//! irc back    a new connection is there          lc back    the same
//! irc lost and back, lc lost and back            both, and the bridge learns of it at once with what
//!                                                was said before it by <+
//! irc closed: … , lc closed: …                   the bridge has hung up, for this reason
//! paused 9s   the bridge stands still for so long, and is there again: no time passes for a machine
//! wait 25s    time passes                        restart    the process dies and comes back
//! stop        the bridge is asked to stop
//! bob < …     the IRC server says this to the connection that bob of Let's Chat has of his own; it is
//!             otherwise told of as `irc` is, and `bob called …` says for which nick it was wished for
//! ```
//!
//! The teller numbers the calls to Let's Chat. `lc > 42#["…"]` is a call, and `lc < 43#[…]` answers the
//! latest call that has no answer yet. Where another one is answered, the story names the call:
//! `lc > 42#a["…"]`, `lc < 43#a[…]`. `lc refuses "…"`, `lc refuses #a "…"`: Let's Chat rejects this
//! post for good.
//!
//! A story fails on the first line that is not so, and on anything the bridge said that the story
//! does not tell; but only those of a world that is [`World::curious`] tell of how it asks who is
//! where. What they need not tell of is counted: more of it than [`WHO`], [`MODES`] and [`PINGS`] allow
//! fails the story. With several networks, `irc` is the first and `irc2`, `irc3` are the others.

mod calls;
mod clock;
mod script;
mod sessions;
mod setup;
mod turns;
mod wire;

use std::sync::Arc;
use std::time::Instant;

use calls::Calls;
use jiff::Timestamp;
use letsbridge::bridge::{Bridge, BridgeConfig, BridgePolicy, GapStats, NickPolicy, Stats};
use letsbridge::domain::{ChannelMember, Endpoint, FloodControl, Network};
use letsbridge::protocol::irc;
use letsbridge::protocol::letschat;
use letsbridge::store::Store;
use letsbridge::translate::PublicLinks;
use letsbridge::translate::{LinkFormat, RoomFormat};
use secrecy::SecretBox;
use sessions::Puppet;
use wire::Wire;

/// A bridge, its store, its connections, and what it has said.
pub(crate) struct World {
    now: Instant,
    clock: Timestamp,
    conversations: Vec<Vec<Endpoint>>,
    policy: BridgePolicy,
    manners: Arc<LinkFormat>,
    asks_people: bool,
    whispering: bool,
    drop: bool,
    linked: bool,
    nicks: Vec<(Endpoint, NickPolicy)>,
    flood_control: FloodControl,
    curious: bool,
    /// What the network has taught the last session.
    lesson: Option<irc::LearnedPace>,
    invited_by: Option<String>,
    identity: irc::IrcIdentity,
    secure: bool,
    store: Store,
    bridge: Bridge,
    networks: Vec<Wire<irc::IrcSession>>,
    /// The connections that people have of their own, on the first network.
    puppets: Vec<Puppet>,
    letschat: Wire<letschat::LetsChatSession>,
    calls: Calls,
}

fn links() -> PublicLinks {
    let url = |text: &str| text.parse().unwrap();
    let key = SecretBox::new(Box::new([7; 32]));
    PublicLinks::new(key, url("https://bridge.example/"), url("https://chat.example/"))
}

impl World {
    /// A world of these conversations, each like `office/#tea tea`, before any connection is there.
    pub(crate) fn new(conversations: &[&str]) -> Self {
        let conversations: Vec<Vec<Endpoint>> =
            conversations.iter().map(|it| it.split(' ').map(place).collect()).collect();
        let mut networks: Vec<Network> = Vec::new();
        for network in conversations.iter().flatten().filter_map(Endpoint::network) {
            if !networks.contains(network) {
                networks.push(network.clone());
            }
        }
        let mut store = Store::in_memory().unwrap();
        let start = "2026-11-22T12:00:00Z".parse().unwrap();
        let config = BridgeConfig { groups: conversations.clone(), ..BridgeConfig::default() };
        let bridge = Bridge::new(config, start, &mut store).unwrap();
        let mut world = Self {
            now: Instant::now(),
            clock: start,
            conversations,
            policy: BridgePolicy::default(),
            manners: Arc::new(LinkFormat { room: RoomFormat::default(), ..LinkFormat::default() }),
            asks_people: false,
            whispering: false,
            drop: false,
            linked: false,
            nicks: Vec::new(),
            flood_control: FloodControl::default(),
            curious: false,
            lesson: None,
            invited_by: None,
            identity: irc::IrcIdentity {
                realname: "A bridge".to_owned(),
                ..irc::IrcIdentity::named("bridge")
            },
            secure: true,
            store,
            bridge,
            networks: networks.iter().map(|it| Wire::new(it.as_str())).collect(),
            puppets: Vec::new(),
            letschat: Wire::new("letschat"),
            calls: Calls::default(),
        };
        world.restart();
        world
    }

    /// Who is in the channel as far as the bridge knows: `@nick (user@host, account, real name, away,
    /// bot)`, as much as is known of each.
    pub(crate) fn people(&self, channel: &str) -> Vec<String> {
        let (place, _) = self.bridge.endpoints().find(|(_, it)| **it == place(channel)).unwrap();
        let mut people: Vec<String> =
            self.bridge.roster(place).unwrap().iter().map(shown).collect();
        people.sort();
        people
    }

    /// What the bridge has counted of what it did not hear.
    pub(crate) fn gaps(&self) -> GapStats {
        self.counters().gaps
    }

    /// What the bridge has counted.
    pub(crate) fn counters(&self) -> &Stats {
        self.bridge.stats()
    }

    /// What the bridge has said on the first network and to Let's Chat, for a teller who answers.
    pub(crate) fn sent(&mut self) -> (Vec<String>, Vec<String>) {
        let sent: Vec<String> = self.letschat.sent.drain(..).collect();
        self.calls.take(&sent);
        (self.networks[0].sent.drain(..).collect(), sent)
    }
}

fn shown(member: &ChannelMember) -> String {
    let ChannelMember { user: person, prefixes: ranks, .. } = member;
    let known = [&person.userhost, &person.account, &person.realname];
    let known = known.into_iter().flatten().map(String::as_str);
    let known: Vec<&str> =
        known.chain(person.away.then_some("away")).chain(person.bot.then_some("bot")).collect();
    let known = if known.is_empty() { String::new() } else { format!(" ({})", known.join(", ")) };
    format!("{ranks}{}{known}", person.nick)
}

fn place(name: &str) -> Endpoint {
    match name.split_once('/') {
        Some((network, channel)) => Endpoint::channel(&Network::new(network), channel),
        None => Endpoint::room(name),
    }
}
