//! The harness of the stories: a whole bridge between two servers whose lines the tests write, on a clock
//! that the tests own.
//!
//! ```text
//! irc < …     the IRC server sends this          lc < …     Let's Chat sends this
//! irc <+ …    … and more in the same turn        lc <+ …    … and more in the same turn
//! irc > …     the bridge sends this, now or      lc > …     the bridge has sent this
//!             as soon as flood control allows
//! irc lost    the connection is lost             lc lost    the connection is lost
//! irc back    a new connection begins            lc back    a new connection begins
//! irc connects, lc connects                      `back`, and what the bridge sends on each new connection
//! irc reconnects, lc reconnects                  `lost and back`, and the same lines
//! irc closed: … , lc closed: …                   the bridge has closed the connection, for this reason
//! irc lost and back, lc lost and back            both in one turn, with what was received before by <+
//! lc too long                                    Let's Chat sends a frame that is too long
//! paused 9s   the process is suspended for this time, and resumes
//! wait 25s    time passes                        restart    the process is killed and started again
//! kill        the same, at once: what was to be written with the next tick is lost
//! restored 600s   what is known now is a backup, restored after this time; the bridge starts with it
//! stop        the bridge is asked to stop
//! hand over   the connections to IRC are to be handed to another program
//! upgrade     … which goes on with them; `upgrade 300s`: after this time
//! admin pauses #tea , admin resumes #tea , admin retries #tea    an administrator does this to a link
//! bob < …     the IRC server sends this to the puppet of bob. All other lines for `irc` exist for puppets
//!             too; `bob called …`: the bridge asks for a puppet with this nick (`… as ann`: logged in to this
//!             account); `bob changes login`: the bridge disconnects the puppet
//! accounts > … , accounts < …                    the pool of accounts, see `accounts.rs`
//! ```
//!
//! The harness numbers the calls to Let's Chat. `lc > 42#["…"]` is a call, and `lc < 43#[…]` answers the
//! latest call that has no answer yet. To answer another one, name the call: `lc > 42#a["…"]`,
//! `lc < 43#a[…]`. `lc refuses "…"`, `lc refuses #a "…"`: Let's Chat rejects this post for good.
//!
//! A story fails on the first line that differs, and on anything the bridge sends that the story does not
//! tell. The story may omit WHO, WHOIS, NAMES and queries of modes, but only as many as [`WHO`] and [`MODES`]
//! allow; with [`World::telling_queries`] it must tell of the first three. With several networks, `irc` is
//! the first and `irc2`, `irc3` are the others.

mod accounts;
mod calls;
mod clock;
mod reload;
mod script;
mod sessions;
mod setup;
mod turns;
mod upgrade;
mod wire;

use std::sync::Arc;
use std::time::Instant;

use accounts::Pool;
use calls::Calls;
use jiff::Timestamp;
use letsbridge::bridge::{
    AccountPolicy, Bridge, BridgeConfig, BridgePolicy, CanaryConfig, ControlError, ControlReply,
    GapStats, LinkMode, NickPolicy, Stats,
};
use letsbridge::domain::{
    ChannelMember, Endpoint, FloodControl, LinkReply, Network, PuppetLogin, PuppetLoginReply,
};
use letsbridge::protocol::irc;
use letsbridge::protocol::letschat;
use letsbridge::store::Store;
use letsbridge::translate::PublicLinks;
use letsbridge::translate::{LinkFormat, RoomFormat};
use secrecy::SecretBox;
use sessions::Puppet;
use wire::Wire;

use crate::store::new_store;

/// A bridge, its store, its connections, and what it has sent.
pub(crate) struct World {
    now: Instant,
    clock: Timestamp,
    link_groups: Vec<Vec<Endpoint>>,
    policy: BridgePolicy,
    format: Arc<LinkFormat>,
    user_lists: bool,
    direct_messages: bool,
    drop_unconfirmed: bool,
    canary: Option<CanaryConfig>,
    link_modes: Vec<LinkMode>,
    public_links: bool,
    nicks: Vec<(Endpoint, NickPolicy)>,
    flood_control: FloodControl,
    tells_queries: bool,
    /// What the last session learned about the rate limit.
    learned_pace: Option<irc::LearnedPace>,
    request_invite_from: Option<String>,
    identity: irc::IrcIdentity,
    is_tls: bool,
    store: Store,
    bridge: Bridge,
    networks: Vec<Wire<irc::IrcSession>>,
    /// The puppets on the first network.
    puppets: Vec<Puppet>,
    letschat: Wire<letschat::LetsChatSession>,
    calls: Calls,
    /// Which people of IRC speak by accounts, and the pool of these.
    accounts: AccountPolicy,
    pool: Pool,
    /// What the page was answered.
    pub(crate) replies: Vec<LinkReply>,
    /// What the page for the logins of puppets was answered.
    pub(crate) login_replies: Vec<PuppetLoginReply>,
    /// What the administrator was answered.
    pub(crate) answers: Vec<Result<ControlReply, ControlError>>,
    /// The logins of puppets that are being tried.
    pub(crate) trials: Vec<PuppetLogin>,
}

fn links() -> PublicLinks {
    let url = |text: &str| text.parse().unwrap();
    let key = SecretBox::new(Box::new([7; 32]));
    PublicLinks::new(key, url("https://bridge.example/"), url("https://chat.example/"))
}

impl World {
    /// A world with these groups of linked endpoints, each like `office/#tea tea`, and without connections.
    pub(crate) fn new(link_groups: &[&str]) -> Self {
        let link_groups: Vec<Vec<Endpoint>> =
            link_groups.iter().map(|it| it.split(' ').map(endpoint).collect()).collect();
        let mut networks: Vec<Network> = Vec::new();
        for network in link_groups.iter().flatten().filter_map(Endpoint::network) {
            if !networks.contains(network) {
                networks.push(network.clone());
            }
        }
        let mut store = new_store();
        let start = "2026-11-22T12:00:00Z".parse().unwrap();
        let config = BridgeConfig { groups: link_groups.clone(), ..BridgeConfig::default() };
        let bridge = Bridge::new(config, start, &mut store).unwrap();
        let mut world = Self {
            now: Instant::now(),
            clock: start,
            link_groups,
            policy: BridgePolicy::default(),
            format: Arc::new(LinkFormat { room: RoomFormat::default(), ..LinkFormat::default() }),
            user_lists: false,
            direct_messages: false,
            drop_unconfirmed: false,
            canary: None,
            link_modes: Vec::new(),
            public_links: false,
            nicks: Vec::new(),
            flood_control: FloodControl::default(),
            tells_queries: false,
            learned_pace: None,
            request_invite_from: None,
            identity: irc::IrcIdentity {
                realname: "A bridge".to_owned(),
                ..irc::IrcIdentity::named("bridge")
            },
            is_tls: true,
            store,
            bridge,
            networks: networks.iter().map(|it| Wire::new(it.as_str())).collect(),
            puppets: Vec::new(),
            letschat: Wire::new("letschat"),
            calls: Calls::default(),
            accounts: AccountPolicy::default(),
            pool: Pool::default(),
            replies: Vec::new(),
            login_replies: Vec::new(),
            answers: Vec::new(),
            trials: Vec::new(),
        };
        world.restart();
        world
    }

    /// The members of the channel as far as the bridge knows: `@nick (user@host, account, real name, away,
    /// bot)`, as much as is known of each.
    pub(crate) fn members(&self, channel: &str) -> Vec<String> {
        let channel = endpoint(channel);
        let (endpoint, _) = self.bridge.endpoints().find(|(_, it)| **it == channel).unwrap();
        let mut members: Vec<String> =
            self.bridge.roster(endpoint).unwrap().iter().map(shown).collect();
        members.sort();
        members
    }

    /// The statistics of gaps.
    pub(crate) fn gaps(&self) -> GapStats {
        self.stats().gaps
    }

    /// The statistics of the bridge.
    pub(crate) fn stats(&self) -> &Stats {
        self.bridge.stats()
    }

    /// Takes what the bridge has sent on the first network and to Let's Chat.
    pub(crate) fn sent(&mut self) -> (Vec<String>, Vec<String>) {
        let sent: Vec<String> = self.letschat.sent.drain(..).collect();
        self.calls.take(&sent);
        (self.networks[0].sent.drain(..).collect(), sent)
    }
}

fn shown(member: &ChannelMember) -> String {
    let ChannelMember { user, prefixes, .. } = member;
    let known = [&user.userhost, &user.account, &user.realname];
    let known = known.into_iter().flatten().map(String::as_str);
    let known: Vec<&str> =
        known.chain(user.away.then_some("away")).chain(user.bot.then_some("bot")).collect();
    let known = if known.is_empty() { String::new() } else { format!(" ({})", known.join(", ")) };
    format!("{prefixes}{}{known}", user.nick)
}

fn endpoint(name: &str) -> Endpoint {
    match name.split_once('/') {
        Some((network, channel)) => Endpoint::channel(&Network::new(network), channel),
        None => Endpoint::room(name),
    }
}
