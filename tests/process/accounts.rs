//! People of IRC who speak by accounts of their own on Let's Chat, as the program does it: across kills, ended
//! sessions, closed registration, and lost keys.

use std::fs;
use std::time::Duration;

use letsbridge::domain::AccountSecrets;
use letsbridge::store::{self, Store};
use letsbridge_testkit::irc;
use letsbridge_testkit::letschat::{self, Fault, NewRoom, NewUser};

use crate::harness::{BRIDGE, World};
use crate::program::{Program, soon};
use crate::secrets::{keeps, told};

const ROOM_PASSWORD: &str = "Tea&Room=4718";

/// A world in which people of IRC speak by accounts.
async fn with_accounts(more: &str) -> World {
    let world = World::with(irc::Setup::default(), letschat::Setup::default()).await;
    configure(&world, more);
    world.irc.virtual_user("ann").join("#tea");
    world
}

/// `more` goes before the links.
fn configure(world: &World, more: &str) {
    world.configure(|toml| {
        let toml =
            toml.replace("[letschat]", "[letschat]\nsender_mode = \"accounts\"\nannounce = false");
        let toml = toml.replace(
            "[[link]]",
            &format!("[letschat.accounts]\nlogin_interval = \"0s\"\n{more}\n[[link]]"),
        );
        format!("loop_protection = false\n{toml}")
    });
}

/// What people say, each thing once.
struct Talk<'a> {
    world: &'a World,
    said: usize,
}

impl<'a> Talk<'a> {
    fn new(world: &'a World) -> Self {
        Self { world, said: 0 }
    }

    /// `nick` says the next thing, which comes into the room. Who posted it, and what they posted.
    async fn one(&mut self, nick: &str) -> (String, String) {
        let word = format!("word {}", self.said);
        self.said += 1;
        let user = self.world.irc.virtual_user(nick);
        user.join("#tea");
        user.send("#tea", &word);
        let is_it = |post: &letschat::Post| post.text.ends_with(&word);
        let posts = self.world.letschat.wait_for_posts("tea", |all| all.iter().any(is_it));
        let posts = soon("what was said", posts).await;
        let found: Vec<_> = posts.into_iter().filter(|post| is_it(post)).collect();
        assert_eq!(found.len(), 1, "once: {found:?}");
        (found[0].owner.clone(), found[0].text.clone())
    }

    /// `nick` goes on until `account` posts what they say. How often the bot did it before.
    async fn until_by(&mut self, nick: &str, account: &str) -> usize {
        for before in 0..10_000 {
            let word = self.said;
            let (owner, text) = self.one(nick).await;
            if owner == account {
                assert_eq!(text, format!("word {word}"));
                return before;
            }
            assert_eq!((owner.as_str(), text), (BRIDGE, format!("<{nick}> word {word}")));
        }
        panic!("never by {account}");
    }

    async fn is_by_the_bot(&mut self, nick: &str) {
        let word = self.said;
        let expected = (BRIDGE.to_owned(), format!("<{nick}> word {word}"));
        assert_eq!(self.one(nick).await, expected);
    }

    /// In the room is exactly what was said, in order.
    fn is_complete(&self) {
        let posts = self.world.letschat.posts("tea");
        let words: Vec<_> = posts.iter().map(|post| post.text.rsplit_once("word ")).collect();
        let numbers: Vec<_> = words.into_iter().flatten().map(|(_, number)| number).collect();
        let expected: Vec<_> = (0..self.said).map(|number| number.to_string()).collect();
        assert_eq!(numbers, expected);
    }
}

async fn kill(bridge: Program) -> String {
    bridge.signal("KILL").await;
    bridge.ends().await.err
}

/// What gives access to all accounts.
fn secrets(world: &World) -> Vec<AccountSecrets> {
    let mut store = Store::open(&world.state()).unwrap();
    store.set_account_key(&store::load_or_create_account_key(&world.state()).unwrap());
    store.speaker_accounts().unwrap().into_iter().map(|(_, secrets)| secrets).collect()
}

#[tokio::test]
async fn account_speaks_from_the_second_message_on_and_survives_a_kill() {
    let world = with_accounts("").await;
    let mut talk = Talk::new(&world);
    let bridge = world.bridge().await;
    talk.is_by_the_bot("ann").await;
    talk.until_by("ann", "ann.irc").await;
    kill(bridge).await;
    let (registrations, logins) = (world.letschat.registrations(), world.letschat.logins());
    assert_eq!((registrations, logins), (1, 1));
    let bridge = world.bridge().await;
    for _ in 0..5 {
        assert_eq!(talk.one("ann").await.0, "ann.irc");
    }
    assert_eq!((world.letschat.registrations(), world.letschat.logins()), (1, 1));
    // The second person gets one, too.
    talk.is_by_the_bot("bob").await;
    talk.until_by("bob", "bob.irc").await;
    talk.is_complete();
    assert_eq!(bridge.stop().await.code, Some(0));
}

#[tokio::test]
async fn ended_session_is_made_anew_and_the_bot_speaks_meanwhile() {
    let world = with_accounts("").await;
    let mut talk = Talk::new(&world);
    let bridge = world.bridge().await;
    talk.until_by("ann", "ann.irc").await;
    for round in 2..5 {
        world.letschat.end_sessions();
        // A socket goes on without its session.
        world.letschat.cut_user("ann.irc");
        let late = Fault::LateAck(Duration::from_millis(500));
        world.letschat.faults().inject_request("/account/login", 1, late);
        talk.is_by_the_bot("ann").await;
        talk.until_by("ann", "ann.irc").await;
        assert_eq!(world.letschat.logins(), round);
    }
    // Also one that ended while nobody was there.
    kill(bridge).await;
    world.letschat.end_sessions();
    let bridge = world.bridge().await;
    talk.until_by("ann", "ann.irc").await;
    assert_eq!((world.letschat.registrations(), world.letschat.logins()), (1, 5));
    talk.is_complete();
    assert_eq!(bridge.stop().await.code, Some(0));
}

#[tokio::test]
async fn closed_registration_is_told_once_and_the_bot_speaks() {
    let world = with_accounts("").await;
    world.letschat.set_registration(false);
    let mut talk = Talk::new(&world);
    let mut bridge = world.bridge().await;
    talk.is_by_the_bot("ann").await;
    let line = bridge.err.says("Let's Chat registers nobody").await;
    assert!(line.contains("WARN") && line.contains("auth.local.enableRegistration"), "{line}");
    for nick in ["ann", "bob", "carl", "bob"] {
        talk.is_by_the_bot(nick).await;
    }
    talk.is_complete();
    let end = bridge.stop().await;
    assert_eq!(end.code, Some(0));
    assert_eq!(end.err.matches("Let's Chat registers nobody").count(), 1, "{}", end.err);
    assert_eq!(end.err.matches("WARN").count(), 1, "{}", end.err);
    // The next run asks again.
    world.letschat.set_registration(true);
    let _bridge = world.bridge().await;
    talk.until_by("ann", "ann.irc").await;
}

#[tokio::test]
async fn user_name_that_is_taken_gives_way_to_the_next() {
    let world = with_accounts("").await;
    for name in ["ann.irc", "ann2.irc"] {
        world.letschat.add_user(NewUser {
            password: Some("theirs, not ours".to_owned()),
            ..NewUser::new(name, name)
        });
    }
    let mut talk = Talk::new(&world);
    let bridge = world.bridge().await;
    talk.until_by("ann", "ann3.irc").await;
    talk.is_complete();
    kill(bridge).await;
    let _bridge = world.bridge().await;
    assert_eq!(talk.one("ann").await.0, "ann3.irc");
}

#[tokio::test]
async fn room_with_a_password_is_joined_and_in_a_private_room_the_bot_speaks() {
    let world = with_accounts("").await;
    let owner = Some("ann".to_owned());
    world.letschat.create_room(NewRoom {
        owner: owner.clone(),
        private: true,
        password: Some(ROOM_PASSWORD.to_owned()),
        ..NewRoom::new("den")
    });
    world.letschat.create_room(NewRoom {
        owner,
        private: true,
        participants: vec![BRIDGE.to_owned()],
        ..NewRoom::new("club")
    });
    let text = fs::read_to_string(world.path().join("bridge.toml")).unwrap();
    world.configure(|_| {
        format!(
            "{text}\n[[link]]\nchannel = \"office/#den\"\nroom = \"den\"\nroom_password = {ROOM_PASSWORD:?}\n\
             [[link]]\nchannel = \"office/#club\"\nroom = \"club\"\n"
        )
    });
    let mut talk = Talk::new(&world);
    let mut bridge = world.bridge().await;
    talk.until_by("ann", "ann.irc").await;
    let ann = world.irc.virtual_user("ann");
    let owners = |room: &str| -> Vec<(String, String)> {
        let posts = world.letschat.posts(room).into_iter();
        posts.map(|post| (post.owner, post.text)).collect()
    };
    for (room, owner, prefix) in [("den", "ann.irc", ""), ("club", BRIDGE, "<ann> ")] {
        let channel = format!("#{room}");
        ann.join(&channel);
        for number in 1..=3 {
            ann.send(&channel, &format!("psst {number}"));
            let posts = world.letschat.wait_for_post_count(room, number);
            soon("what was said in the room", posts).await;
        }
        let expected = (1..=3).map(|number| (owner.to_owned(), format!("{prefix}psst {number}")));
        assert_eq!(owners(room), expected.collect::<Vec<_>>(), "{room}");
        assert!(!world.letschat.is_present(room, "ann.irc"), "it left {room} again");
    }
    bridge.err.says("no valid answer to a post of an account").await;
    // What is said in the rooms comes back for nobody.
    assert_eq!(ann.messages("#den").len() + ann.messages("#club").len(), 0);
}

#[tokio::test]
async fn nothing_secret_of_an_account_is_logged() {
    let world = with_dave().await;
    let mut talk = Talk::new(&world);
    let bridge = told(world.run()).start();
    bridge.ready().await;
    talk.until_by("ann", "ann.irc").await;
    talk.until_by("dave", "dave").await;
    let first = kill(bridge).await;
    let mut known = secrets(&world);
    let bridge = told(world.run()).start();
    bridge.ready().await;
    world.letschat.end_sessions();
    talk.one("ann").await;
    talk.until_by("ann", "ann.irc").await;
    world.letschat.end_sessions();
    world.letschat.cut_user("ann.irc");
    world.letschat.set_account_password("ann.irc", Some("changed by somebody"));
    talk.is_by_the_bot("ann").await;
    world.letschat.revoke_token("dave");
    world.letschat.cut_user("dave");
    talk.is_by_the_bot("dave").await;
    let mut end = bridge.stop().await;
    end.err.insert_str(0, &first);
    assert!(end.err.contains(" TRACE "), "everything is logged: {}", end.err);
    known.extend(secrets(&world));
    let known = known.iter().flat_map(|it| [&it.password, &it.session, &it.token]);
    let mut known: Vec<&[u8]> = known.flatten().map(|it| it.expose().as_bytes()).collect();
    assert!(known.len() >= 2, "a password and a session");
    let token = fs::read_to_string(world.path().join("dave.token")).unwrap();
    known.push(token.as_bytes());
    keeps(end, &known);
}

/// A world in which dave is known by his nick and speaks as his own account, by its token.
async fn with_dave() -> World {
    let world = with_accounts("").await;
    world.letschat.add_user(NewUser::new("dave", "dave"));
    world.write("dave.token", &world.letschat.token("dave"));
    configure(
        &world,
        "link_requires_account = false\n[format]\nanti_ping = false\n\
         [user_map]\ndave = { nick = \"dave\", token_file = \"dave.token\" }",
    );
    world.irc.virtual_user("dave").join("#tea");
    world
}

#[tokio::test]
async fn person_with_a_token_is_heard_from_both_sides_and_never_twice() {
    let world = with_dave().await;
    let bridge = world.bridge().await;
    Talk::new(&world).until_by("dave", "dave").await;
    let before = world.letschat.post_count("tea");
    let dave = world.irc.virtual_user("dave");
    let mut typed = Vec::new();
    let mut in_room = Vec::new();
    for number in 0..10 {
        // The same words from both sides now and then.
        let (from_irc, from_page) = match number % 3 {
            0 => ("ok".to_owned(), "ok".to_owned()),
            _ => (format!("on irc {number}"), format!("typed {number}")),
        };
        dave.send("#tea", &from_irc);
        in_room.push(from_irc);
        world.letschat.post("tea", "dave", &from_page);
        in_room.push(from_page.clone());
        typed.push(format!("<dave> {from_page}"));
        let posts = world.letschat.wait_for_post_count("tea", before + in_room.len());
        soon("both", posts).await;
    }
    let ann = world.irc.virtual_user("ann");
    let heard = || -> Vec<String> {
        let by_bridge = ann.messages("#tea").into_iter().filter(|it| it.nick == BRIDGE);
        by_bridge.map(|it| it.text).collect()
    };
    let complete = ann.wait_for_messages("#tea", |all| {
        all.iter().filter(|it| it.nick == BRIDGE).count() >= typed.len()
    });
    soon("what was typed", complete).await;
    assert_eq!(heard(), typed);
    let posts = world.letschat.posts("tea").split_off(before);
    assert!(posts.iter().all(|post| post.owner == "dave"), "{posts:?}");
    assert_eq!(world.letschat.registrations(), 0, "dave has one face");
    let mut texts: Vec<_> = posts.into_iter().map(|post| post.text).collect();
    texts.sort();
    in_room.sort();
    assert_eq!(texts, in_room);
    assert_eq!(bridge.stop().await.code, Some(0));
    assert_eq!(heard(), typed, "nothing comes late");
}

#[tokio::test]
async fn revoked_token_is_told_to_its_person_and_the_bot_speaks() {
    let world = with_dave().await;
    let mut talk = Talk::new(&world);
    let mut bridge = world.bridge().await;
    talk.until_by("dave", "dave").await;
    world.letschat.revoke_token("dave");
    world.letschat.cut_user("dave");
    talk.is_by_the_bot("dave").await;
    bridge.err.says("no access to an account on Let's Chat").await;
    talk.is_by_the_bot("dave").await;
    let dave = world.irc.virtual_user("dave");
    let told = dave.wait_for_messages(BRIDGE, |all| {
        let words = ["no longer lets the bridge post as dave", "administrator"];
        all.iter().any(|it| words.iter().all(|words| it.text.contains(words)))
    });
    soon("a notice", told).await;
    for _ in 0..3 {
        talk.is_by_the_bot("dave").await;
    }
    talk.is_complete();
    assert_eq!(world.letschat.registrations(), 0, "dave gets no other face");
}

#[tokio::test]
async fn lost_key_gives_people_new_accounts() {
    let world = with_accounts("").await;
    let mut talk = Talk::new(&world);
    let bridge = world.bridge().await;
    talk.until_by("ann", "ann.irc").await;
    assert_eq!(bridge.stop().await.code, Some(0));
    fs::remove_file(world.state().join("accounts.key")).unwrap();
    let mut bridge = world.bridge().await;
    bridge.err.says("accounts.key does not fit the accounts in the database").await;
    talk.is_by_the_bot("ann").await;
    talk.until_by("ann", "ann2.irc").await;
    talk.is_complete();
    kill(bridge).await;
    let _bridge = world.bridge().await;
    assert_eq!(talk.one("ann").await.0, "ann2.irc");
}
