//! A model of everything that can come between us and a room: any schedule of posts, acks, losses,
//! restarts, stalls and other people's posts leaves the room with each message once and in order.
//!
//! The server of the model keeps two promises that the real one keeps too: an ack is given for what
//! is stored and for nothing else, and what it was given before a connection was lost it stores
//! within a moment after it goes on, or never.
//!
//! The same holds while an administrator pauses and resumes links, also where two channels share the room; and what
//! crosses a paused link is not sent.
//!
//! The same holds where the people of IRC speak by accounts, and one of them types in the room by the same account.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "model/pool.rs"]
mod pool;
#[path = "support/store.rs"]
mod store;

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use letsbridge::bridge::{
    AccountCommand, AccountPolicy, Bridge, BridgeConfig, BridgePolicy, Command, ControlRequest,
    Event, Peer,
};
use letsbridge::domain::{DeliveryId, Endpoint, EndpointId, LinkName, MessageKind, Network};
use letsbridge::protocol::irc;
use letsbridge::protocol::letschat::{self, LetsChatEvent, LetsChatUser, Post, PostId};
use letsbridge::store::Store;
use letsbridge::translate::{LinkFormat, MergeLines, RoomFormat};
use pool::{ANN, KATE, Pool, PoolStep};
use proptest::prelude::*;
use store::{is_in_postgresql, new_store};

/// In PostgreSQL, each step takes a thousand times as long.
fn config() -> ProptestConfig {
    let cases = if is_in_postgresql() { 12 } else { 1_000 };
    ProptestConfig { cases, max_shrink_iters: 20_000, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn nothing_is_lost_nothing_comes_twice_and_the_order_holds(
        steps in proptest::collection::vec(step(), 0..150),
        names_authors: bool,
        join in join(),
    ) {
        let mut world = World::new(names_authors, join, AccountPolicy::default());
        for step in &steps {
            world.take(step);
        }
        world.calm_down();
        prop_assert_eq!(world.room_by_us(), world.said_on_irc);
        prop_assert_eq!(world.heard_on_irc, world.said_in_the_room);
    }

    #[test]
    fn the_same_holds_for_accounts(
        steps in proptest::collection::vec(step_with_accounts(), 0..200),
        names_authors: bool,
        join in join(),
        says_the_same: bool,
    ) {
        let mut world = World::new(names_authors, join, pool::policy());
        for step in &steps {
            // Of two equal messages of one account, of which one is in doubt, nobody knows which came from IRC.
            match step {
                Step::Restart { .. }
                | Step::Pool(PoolStep::Unknown { .. } | PoolStep::LoseAnswer) if says_the_same => {}
                Step::KateTypes(text) if !says_the_same => world.take(&Step::KateTypes(text + 10)),
                step => world.take(step),
            }
        }
        world.calm_down();
        prop_assert_eq!(world.room_by_us(), world.said_on_irc);
        prop_assert_eq!(world.heard_on_irc, world.said_in_the_room);
    }

    #[test]
    fn the_same_holds_where_two_channels_share_the_room(
        steps in proptest::collection::vec(step_with_side(), 0..200),
        names_authors: bool,
        join in join(),
    ) {
        let mut world = World::with_side(names_authors, join);
        for step in &steps {
            world.take(step);
        }
        world.calm_down();
        let is_zoe = |line: &String| line.starts_with("<zoe> ");
        let (by_zoe, by_ann): (Vec<_>, Vec<_>) = world.room_by_us().into_iter().partition(is_zoe);
        prop_assert_eq!(by_ann, &world.said_on_irc[..]);
        prop_assert_eq!(by_zoe, &world.said_on_side[..]);
        let heard = std::mem::take(&mut world.heard_on_irc);
        let (from_side, from_room): (Vec<_>, Vec<_>) = heard.into_iter().partition(is_zoe);
        prop_assert_eq!(from_room, &world.said_in_the_room[..]);
        prop_assert_eq!(from_side, &world.said_on_side[..]);
        let is_ann = |line: &String| line.starts_with("<ann> ");
        let (from_tea, from_room): (Vec<_>, Vec<_>) =
            world.heard_on_side.into_iter().partition(is_ann);
        prop_assert_eq!(from_room, world.said_in_the_room);
        prop_assert_eq!(from_tea, world.said_on_irc);
    }
}

/// What can happen where two channels share the room.
fn step_with_side() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => step(),
        1 => (0_u8..3).prop_map(Step::SayOnSide),
        1 => any::<bool>().prop_map(Step::PauseSide),
    ]
}

/// What can happen where people speak by accounts.
fn step_with_accounts() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => step(),
        1 => (0_u8..3).prop_map(Step::KateSaysOnIrc),
        1 => (0_u8..3).prop_map(Step::KateTypes),
        3 => pool::step().prop_map(Step::Pool),
    ]
}

/// When lines of one person become one post.
fn join() -> impl Strategy<Value = MergeLines> {
    prop_oneof![
        Just(MergeLines::Never),
        Just(MergeLines::Queued),
        Just(MergeLines::Within(Duration::from_secs(1)))
    ]
}

/// One thing that happens.
#[derive(Debug, Clone)]
enum Step {
    /// Somebody says this on IRC. Few texts, so that equal ones follow each other.
    SayOnIrc(u8),
    /// Somebody posts this in the room.
    PostInRoom(u8),
    /// Kate, who has an account of her own, says this on IRC.
    KateSaysOnIrc(u8),
    /// She posts this in the room.
    KateTypes(u8),
    /// Something that concerns the accounts.
    Pool(PoolStep),
    /// The server takes one order, and answers.
    Serve,
    /// The server takes one post, and stands still before it stores it.
    Stall,
    /// The server goes on: what it holds is stored, and answered where the connection still stands.
    GoOn,
    /// One answer or event reaches the bridge.
    Hear,
    /// The ack that would come next is waited for in vain.
    LoseAck,
    /// The connection is lost. What the server was given may be taken in before it notices.
    Disconnect { taken: bool },
    /// A new connection stands, and the room is joined.
    Connect,
    /// The process is killed, and started again.
    Restart { taken: bool },
    /// An administrator pauses the link, or resumes it.
    Pause(bool),
    /// … that of the other channel.
    PauseSide(bool),
    /// Zoe says this in the other channel.
    SayOnSide(u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0_u8..3).prop_map(Step::SayOnIrc),
        3 => (0_u8..3).prop_map(Step::PostInRoom),
        8 => Just(Step::Serve),
        1 => Just(Step::Stall),
        2 => Just(Step::GoOn),
        8 => Just(Step::Hear),
        1 => Just(Step::LoseAck),
        1 => any::<bool>().prop_map(|taken| Step::Disconnect { taken }),
        4 => Just(Step::Connect),
        1 => any::<bool>().prop_map(|taken| Step::Restart { taken }),
        1 => any::<bool>().prop_map(Step::Pause),
    ]
}

/// A post that the server was given and has not stored.
struct Held {
    text: String,
    /// The id of its author.
    by: String,
    /// The call to answer, while its connection lasts.
    ticket: Option<DeliveryId>,
}

struct World {
    names_authors: bool,
    join: MergeLines,
    policy: AccountPolicy,
    pool: Pool,
    network: Network,
    channels: &'static [&'static str],
    channel: EndpointId,
    /// The other channel that shares the room, if there is one.
    side: Option<EndpointId>,
    room: EndpointId,
    store: Store,
    bridge: Bridge,
    connected: bool,
    /// Whether the links of `channel` and of `side` are paused.
    is_paused: [bool; 2],
    /// What was sent at least once.
    started: HashSet<DeliveryId>,
    orders: VecDeque<letschat::LetsChatCommand>,
    events: VecDeque<LetsChatEvent>,
    posts: Vec<Post>,
    /// The posts that somebody typed.
    typed: HashSet<PostId>,
    held: VecDeque<Held>,
    /// Time passes while the bridge waits, and at no other moment.
    now: Timestamp,
    said_on_irc: Vec<String>,
    said_on_side: Vec<String>,
    said_in_the_room: Vec<String>,
    heard_on_irc: Vec<String>,
    heard_on_side: Vec<String>,
}

impl World {
    fn new(names_authors: bool, join: MergeLines, policy: AccountPolicy) -> Self {
        Self::of(&["#tea"], names_authors, join, policy)
    }

    fn with_side(names_authors: bool, join: MergeLines) -> Self {
        Self::of(&["#tea", "#cha"], names_authors, join, AccountPolicy::default())
    }

    fn of(
        channels: &'static [&'static str],
        names_authors: bool,
        join: MergeLines,
        policy: AccountPolicy,
    ) -> Self {
        let network = Network::new("office");
        let mut store = new_store();
        let bridge = bridge(&network, channels, join, policy.clone(), &mut store);
        let find = |wanted: Endpoint| {
            bridge.endpoints().find(|(_, place)| **place == wanted).map(|(id, _)| id)
        };
        let channel = find(Endpoint::channel(&network, "#tea")).unwrap();
        let side = find(Endpoint::channel(&network, "#cha"));
        let room = find(Endpoint::room("tea")).unwrap();
        let mut world = Self {
            names_authors,
            join,
            policy,
            pool: Pool::default(),
            network,
            channels,
            channel,
            side,
            room,
            store,
            bridge,
            connected: false,
            is_paused: [false; 2],
            started: HashSet::new(),
            orders: VecDeque::new(),
            events: VecDeque::new(),
            posts: Vec::new(),
            typed: HashSet::new(),
            held: VecDeque::new(),
            now: Timestamp::UNIX_EPOCH,
            said_on_irc: Vec::new(),
            said_on_side: Vec::new(),
            said_in_the_room: Vec::new(),
            heard_on_irc: Vec::new(),
            heard_on_side: Vec::new(),
        };
        world.join_channels();
        // The first sight of a room is not what this is about.
        world.connect();
        while world.serve(false) || world.hear() {}
        world
    }

    fn join_channels(&mut self) {
        for channel in [Some(self.channel), self.side].into_iter().flatten() {
            self.irc(joined(channel));
        }
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::SayOnIrc(text) => self.say_on_irc("ann", &format!("ok {text}")),
            Step::KateSaysOnIrc(text) => self.say_on_irc("kate", &format!("ok {text}")),
            // Somebody may say what the bridge would say, too.
            Step::PostInRoom(text) => self.type_in_room("bob", "bob", &format!("<ann> ok {text}")),
            Step::KateTypes(text) => self.type_in_room(KATE, "kate", &format!("ok {text}")),
            Step::Pool(step) => self.take_in_pool(step),
            Step::Serve => drop(self.serve(false)),
            Step::Stall => drop(self.serve(true)),
            Step::GoOn => self.go_on(),
            Step::Hear => drop(self.hear()),
            Step::LoseAck => self.lose_ack(),
            Step::Disconnect { taken } => self.disconnect(*taken),
            Step::Connect => self.connect(),
            Step::Pause(is_paused) => self.pause(0, *is_paused),
            Step::PauseSide(is_paused) => self.pause(1, *is_paused),
            Step::SayOnSide(text) => self.say_on_side(&format!("ok {text}")),
            Step::Restart { taken } => {
                self.disconnect(*taken);
                self.end_pool(*taken);
                self.store.forget_uncommitted().unwrap();
                let policy = self.policy.clone();
                let (network, channels) = (&self.network, self.channels);
                self.bridge = bridge(network, channels, self.join, policy, &mut self.store);
                self.join_channels();
            }
        }
    }

    fn pause(&mut self, link: usize, is_paused: bool) {
        self.is_paused[link] = is_paused;
        let link = LinkName::new(["#tea", "#cha"][link]);
        self.happen(Event::Control(
            1,
            if is_paused { ControlRequest::Pause(link) } else { ControlRequest::Resume(link) },
        ));
    }

    /// What crosses a paused link may only be sent if it was sent before.
    fn note_sent(&mut self, delivery: DeliveryId, to: EndpointId, text: &str) {
        let is_new = self.started.insert(delivery);
        let ends = [self.channel, self.side.unwrap_or(self.channel)];
        let from = match text.split(' ').next() {
            Some("<zoe>") => ends[1],
            Some("<ann>") if to == self.room || to == ends[1] => ends[0],
            _ if to == self.room => ends[0],
            _ => self.room,
        };
        let crosses = |link: usize| (ends[link] == from) || (ends[link] == to);
        for link in [0, 1].into_iter().filter(|link| self.is_paused[*link]) {
            assert!(!is_new || !crosses(link), "sent over a paused link: {text}");
        }
    }

    fn say_on_irc(&mut self, nick: &str, text: &str) {
        self.said_on_irc.push(format!("<{nick}> {text}"));
        self.say_in(self.channel, nick, text);
    }

    fn say_on_side(&mut self, text: &str) {
        if let Some(side) = self.side {
            self.said_on_side.push(format!("<zoe> {text}"));
            self.say_in(side, "zoe", text);
        }
    }

    fn say_in(&mut self, channel: EndpointId, nick: &str, text: &str) {
        let talk = irc::IncomingMessage {
            author: letsbridge::domain::Author::named(nick),
            kind: MessageKind::Text,
            text: text.to_owned(),
            message_ref: irc::MessageRef::default(),
            is_playback: false,
            is_own: false,
            is_own_userhost: false,
            relayed_by: None,
        };
        self.irc(irc::IrcEvent::Message { endpoint: channel, message: talk });
    }

    fn type_in_room(&mut self, user: &str, username: &str, text: &str) {
        self.said_in_the_room.push(format!("<{username}> {text}"));
        self.typed.insert(post_id(self.posts.len()));
        self.store_post(text, user);
    }

    fn take_in_pool(&mut self, step: &PoolStep) {
        match step {
            PoolStep::Serve { stall } => drop(self.serve_pool(*stall)),
            PoolStep::Hear => drop(self.hear_pool()),
            PoolStep::NotPosted(failure) => {
                if let Some(post) = self.pool.posts.pop_front() {
                    self.pool.fail(post, failure.clone());
                }
            }
            PoolStep::Unknown { taken, is_refused } => {
                if let Some(post) = self.pool.posts.pop_front() {
                    self.pool.doubt(&post, *is_refused);
                    if *taken {
                        let by = post.user.to_string();
                        self.held.push_back(Held { text: post.text, by, ticket: None });
                    }
                }
            }
            PoolStep::LoseAnswer => self.pool.lose_answer(),
            PoolStep::Session { ends } => self.pool.change_session(*ends),
        }
    }

    /// The pool ends with the process.
    fn end_pool(&mut self, taken: bool) {
        for post in std::mem::take(&mut self.pool).posts {
            if taken {
                let by = post.user.to_string();
                self.held.push_back(Held { text: post.text, by, ticket: None });
            }
        }
        self.held.iter_mut().for_each(|held| held.ticket = None);
    }

    /// The server takes one post of the pool. Says whether there was one.
    fn serve_pool(&mut self, stall: bool) -> bool {
        let Some(post) = self.pool.posts.pop_front() else { return false };
        let by = post.user.to_string();
        self.held.push_back(Held { text: post.text, by, ticket: Some(post.delivery) });
        if !stall {
            self.go_on();
        }
        true
    }

    /// One event of the pool reaches the bridge. Says whether there was one.
    fn hear_pool(&mut self) -> bool {
        let Some(event) = self.pool.events.pop_front() else { return false };
        self.happen(Event::Account(Box::new(event)));
        true
    }

    /// Everything works, until nothing is left to do.
    fn calm_down(&mut self) {
        self.pause(0, false);
        if self.side.is_some() {
            self.pause(1, false);
        }
        self.connect();
        self.go_on();
        let mut steps = 0;
        while self.bridge.in_flight() > 0 || !self.held.is_empty() {
            let goes_on =
                self.serve(false) || self.hear() || self.serve_pool(false) || self.hear_pool();
            assert!(goes_on, "it stands still: {:?}", self.orders);
            self.go_on();
            steps += 1;
            assert!(steps < 100_000, "it never comes to rest: {:?}", self.orders);
        }
        while self.serve(false) || self.hear() || self.serve_pool(false) || self.hear_pool() {}
    }

    fn room_by_us(&self) -> Vec<String> {
        let ours = self.posts.iter().filter(|post| !self.typed.contains(&post.id));
        ours.flat_map(|post| lines(&post.text, &post.author.as_ref().unwrap().id)).collect()
    }

    fn connect(&mut self) {
        if !self.connected {
            self.connected = true;
            let us = LetsChatUser {
                id: US.to_owned(),
                username: "bridge".to_owned(),
                display_name: None,
            };
            self.events.push_back(LetsChatEvent::LoggedIn(us));
            self.events
                .push_back(LetsChatEvent::Joined { endpoint: self.room, room: "r1".to_owned() });
        }
    }

    fn disconnect(&mut self, taken: bool) {
        while let Some(order) = self.orders.pop_front() {
            if let (letschat::LetsChatCommand::Post { text, .. }, true) = (order, taken) {
                self.held.push_back(Held { text, by: US.to_owned(), ticket: None });
            }
        }
        let by_us = self.held.iter_mut().filter(|held| held.by == US);
        by_us.for_each(|held| held.ticket = None);
        self.events.clear();
        if std::mem::take(&mut self.connected) {
            self.happen(Event::ConnectionLost(Peer::LetsChat));
        }
    }

    /// The server takes one order. Says whether there was one.
    fn serve(&mut self, stall: bool) -> bool {
        let Some(order) = self.orders.pop_front() else { return false };
        match order {
            letschat::LetsChatCommand::Post { delivery: ticket, text, .. } => {
                self.held.push_back(Held { text, by: US.to_owned(), ticket: Some(ticket) });
                if !stall {
                    self.go_on();
                }
            }
            letschat::LetsChatCommand::ListMessages {
                endpoint: place,
                since,
                skip,
                limit: take,
                delayed: later,
                stay,
            } => {
                // A moment later: what the server was given before is stored by then.
                if later {
                    self.go_on();
                }
                let above = self.posts.iter().filter(|post| post.id > since).skip(skip);
                let posts = above.take(take).cloned().collect();
                let (bad, bytes) = (Vec::new(), 0);
                self.events.push_back(LetsChatEvent::Page {
                    endpoint: place,
                    posts,
                    bad,
                    bytes,
                    stay,
                });
            }
            letschat::LetsChatCommand::NewestMessage { endpoint: place, stay } => {
                let post = self.posts.last().map(|post| post.id);
                self.events.push_back(LetsChatEvent::NewestMessage { endpoint: place, post, stay });
            }
            letschat::LetsChatCommand::SetTimer { endpoint: place, after } => {
                self.now += after;
                self.events.push_back(LetsChatEvent::TimerFired(place));
            }
            letschat::LetsChatCommand::SendDirect { .. }
            | letschat::LetsChatCommand::SendDirectNotice { .. }
            | letschat::LetsChatCommand::SetDirectMessages(_) => {
                unreachable!("nobody talks in private here")
            }
            letschat::LetsChatCommand::JoinRoom(_) | letschat::LetsChatCommand::LeaveRoom(_) => {
                unreachable!("the configuration does not change here")
            }
            letschat::LetsChatCommand::SetDescription { .. } | letschat::LetsChatCommand::Leave => {
            }
        }
        true
    }

    fn go_on(&mut self) {
        while let Some(Held { text, by, ticket }) = self.held.pop_front() {
            let id = post_id(self.posts.len());
            match ticket {
                // On one socket the ack comes before the echo.
                Some(ticket) if by == US => self.events.push_back(LetsChatEvent::Posted {
                    delivery: ticket,
                    endpoint: self.room,
                    id,
                }),
                Some(ticket) => self.pool.answer(ticket, self.room, id),
                None => {}
            }
            self.store_post(&text, &by);
        }
    }

    fn store_post(&mut self, text: &str, author: &str) {
        let post = Post {
            id: post_id(self.posts.len()),
            text: text.to_owned(),
            posted_at: self.now,
            author: Some(LetsChatUser {
                id: author.to_owned(),
                username: author.trim_start_matches("u-").to_owned(),
                display_name: None,
            }),
        };
        self.posts.push(post.clone());
        if self.connected {
            let author = post.author.clone().filter(|_| self.names_authors);
            let post = Post { author, ..post };
            self.events.push_back(LetsChatEvent::NewPost { endpoint: self.room, post });
        }
    }

    /// One event reaches the bridge. Says whether there was one.
    fn hear(&mut self) -> bool {
        let Some(event) = self.events.pop_front() else { return false };
        self.happen(Event::LetsChat(event));
        true
    }

    fn lose_ack(&mut self) {
        if let Some(LetsChatEvent::Posted { delivery: ticket, endpoint: place, .. }) =
            self.events.front()
        {
            let lost = LetsChatEvent::TimedOut { delivery: *ticket, endpoint: *place };
            self.events[0] = lost;
        }
    }

    fn irc(&mut self, event: irc::IrcEvent) {
        self.happen(Event::Irc(self.network.clone(), event));
    }

    fn happen(&mut self, happening: Event) {
        let mut orders = Vec::new();
        let now = self.now;
        self.bridge.apply(now, happening, &mut self.store, &mut orders).unwrap();
        self.bridge.end_turn(now, &mut self.store, &mut orders).unwrap();
        self.store.commit().unwrap();
        for order in orders {
            match &order {
                Command::LetsChat(letschat::LetsChatCommand::Post { delivery, text, .. })
                | Command::Account(AccountCommand::Post { delivery, text, .. }) => {
                    self.note_sent(*delivery, self.room, text);
                }
                Command::Irc(
                    _,
                    irc::IrcCommand::SendMessage { delivery, endpoint, prefix, .. },
                ) => {
                    self.note_sent(*delivery, *endpoint, prefix);
                }
                Command::ControlReply(_, answer) => assert!(answer.is_ok(), "{answer:?}"),
                _ => {}
            }
            match order {
                Command::LetsChat(order) => {
                    if self.connected {
                        self.orders.push_back(order);
                    }
                }
                // IRC is not what this is about: it hears everything at once.
                Command::Irc(
                    _,
                    irc::IrcCommand::SendMessage {
                        delivery: ticket,
                        endpoint: place,
                        prefix,
                        body,
                        ..
                    },
                ) => {
                    let heard = format!("{prefix}{body}");
                    if self.side == Some(place) {
                        self.heard_on_side.push(heard);
                    } else {
                        self.heard_on_irc.push(heard);
                    }
                    self.irc(irc::IrcEvent::Delivered {
                        delivery: ticket,
                        endpoint: place,
                        message_ref: irc::MessageRef::default(),
                    });
                }
                // Nor has it a history. After a restart, it is asked for one if what was last heard there was long ago.
                Command::Irc(_, irc::IrcCommand::FetchHistory { endpoint, .. }) => {
                    let reply = irc::HistoryReply::Unavailable;
                    self.irc(irc::IrcEvent::History { endpoint, reply });
                }
                Command::Unlinked(_) => unreachable!("the configuration does not change here"),
                Command::Account(command) => self.pool.on_command(command),
                Command::Irc(..)
                | Command::Puppets(..)
                | Command::LinkReply(..)
                | Command::ControlReply(..)
                | Command::PuppetLoginReply(..) => {}
            }
        }
    }
}

/// The user id of the bridge.
const US: &str = "us";

/// What somebody said on IRC: lines that had to wait for each other are in one post. An account posts them without a
/// name.
fn lines(post: &str, by: &str) -> Vec<String> {
    let name = match by {
        ANN => "<ann> ",
        KATE => "<kate> ",
        _ => &post[..=post.find(' ').unwrap_or_default()],
    };
    let line = |line: &str| format!("{name}{}", line.strip_prefix(name).unwrap_or(line));
    post.lines().map(line).collect()
}

/// A plain server lets us in.
fn joined(place: EndpointId) -> irc::IrcEvent {
    irc::IrcEvent::Joined {
        endpoint: place,
        server_time: None,
        has_history: false,
        has_echoes: false,
        line: 400,
    }
}

fn bridge(
    network: &Network,
    channels: &[&str],
    join: MergeLines,
    accounts: AccountPolicy,
    store: &mut Store,
) -> Bridge {
    let room = Endpoint::room("tea");
    let mut conversation: Vec<Endpoint> =
        channels.iter().map(|name| Endpoint::channel(network, name)).collect();
    let room_format = RoomFormat { merge_lines: join, ..RoomFormat::default() };
    let manners = LinkFormat { room: room_format, ..LinkFormat::default() };
    // What the bridge says of itself after a long wait is not what this is about.
    let policy = BridgePolicy { notices: false, ..BridgePolicy::default() };
    let format = Arc::new(manners);
    let channels = conversation.clone().into_iter();
    let links = channels.map(|channel| (channel, room.clone(), Arc::clone(&format)));
    conversation.push(room.clone());
    let config = BridgeConfig {
        link_formats: links.collect(),
        groups: vec![conversation],
        policy,
        format: Arc::clone(&format),
        accounts,
        ..BridgeConfig::default()
    };
    Bridge::new(config, Timestamp::UNIX_EPOCH, store).unwrap()
}

/// Ids rise with time; many share a second.
fn post_id(number: usize) -> PostId {
    format!("{:08x}{number:016x}", 0x6b00_0000 + number / 7).parse().unwrap()
}
