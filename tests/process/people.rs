//! `letsbridge people`, `unlink` and `accounts write`: who of IRC is who on Let's Chat.

use crate::harness::World;
use crate::program::{End, soon};

/// A world whose bridge makes accounts.
async fn world() -> World {
    let world = World::new().await;
    world
        .configure(|toml| toml.replace("[letschat]\n", "[letschat]\nsender_mode = \"accounts\"\n"));
    world
}

async fn ends(world: &World, arguments: &[&str]) -> End {
    world.letsbridge(arguments).ends().await
}

#[tokio::test]
async fn people_are_listed_beside_the_running_bridge() {
    let world = world().await;
    let End { code, out, err } = ends(&world, &["people"]).await;
    assert_eq!((code, out.as_str()), (Some(1), ""), "{err}");
    assert!(err.contains("state: there is no database: `letsbridge run` makes it"), "{err}");
    assert!(!world.state().exists());

    let bridge = world.bridge().await;
    let End { code, out, err } = ends(&world, &["people"]).await;
    assert_eq!(
        (code, out.as_str()),
        (Some(0), "nobody of IRC has spoken yet, as far as the bridge has kept it\n"),
        "{err}"
    );
    world.say_on_irc("hello");
    world.room(1).await;
    let is_usable = async {
        loop {
            let out = ends(&world, &["people"]).await.out;
            if out.contains("usable") {
                break out;
            }
        }
    };
    let out = soon("an account for ann", is_usable).await;
    let cells: Vec<&str> = out
        .lines()
        .nth(1)
        .unwrap_or_default()
        .split("  ")
        .map(str::trim)
        .filter(|it| !it.is_empty())
        .collect();
    assert_eq!(cells[..7], ["office", "ann", "irc", "nick ann", "ann.irc", "made", "usable"]);
    let out = ends(&world, &["people", "--json"]).await.out;
    let person: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(person["accounts"][0]["username"], "ann.irc");
    for secret in ["password", "session", "token", "connect.sid"] {
        assert!(!out.contains(secret), "{out}");
    }
    assert_eq!(bridge.stop().await.code, Some(0));
    assert_eq!(ends(&world, &["people", "--json"]).await.out, out, "also without a bridge");
}

#[tokio::test]
async fn unlink_says_what_it_ends_and_when() {
    let world = world().await;
    let End { code, err, .. } = ends(&world, &["unlink", "ann"]).await;
    assert_eq!(code, Some(1));
    assert!(err.contains("there is no database"), "{err}");
    assert_eq!(ends(&world, &["unlink"]).await.code, Some(2));
    assert_eq!(ends(&world, &["unlink", "ann", "--all"]).await.code, Some(2));

    let bridge = world.bridge().await;
    world.say_on_irc("hello");
    world.room(1).await;
    let End { code, err, .. } = ends(&world, &["unlink", "nobody"]).await;
    assert_eq!(code, Some(1));
    assert!(err.contains("nobody: nobody has last spoken with this nick"), "{err}");
    let End { code, out, .. } = ends(&world, &["unlink", "ANN"]).await;
    assert_eq!(
        (code, out.as_str()),
        (Some(0), "nothing to end: no account of their own is linked\n")
    );
    assert_eq!(bridge.stop().await.code, Some(0));

    // As if ann had linked her account on the page.
    let mut store = letsbridge::store::Store::open(&world.state()).unwrap();
    let person = store.people().unwrap()[0].id;
    let linked = letsbridge::domain::SpeakerAccount {
        person,
        kind: letsbridge::domain::AccountKind::Linked,
        user: None,
        username: "ann".to_owned(),
        display_name: "Ann".to_owned(),
        access: letsbridge::domain::AccountAccess::Lost,
    };
    store.put_account(&linked, &Default::default(), jiff::Timestamp::now()).unwrap();
    store.commit().unwrap();
    drop(store);
    let End { code, out, .. } = ends(&world, &["unlink", "--all"]).await;
    assert_eq!(code, Some(0));
    assert_eq!(out, "ann and the account ann: the link has ended\n");
    let out = ends(&world, &["people"]).await.out;
    assert!(!out.contains("linked"), "at once, without a bridge: {out}");

    let mut store = letsbridge::store::Store::open(&world.state()).unwrap();
    store.put_account(&linked, &Default::default(), jiff::Timestamp::now()).unwrap();
    store.commit().unwrap();
    drop(store);
    let bridge = world.bridge().await;
    assert!(ends(&world, &["people"]).await.out.contains("  both  "));
    let End { code, out, .. } = ends(&world, &["unlink", "ann"]).await;
    assert_eq!((code, out.as_str()), (Some(0), "ann and the account ann: the link has ended\n"));
    let out = ends(&world, &["people"]).await.out;
    assert!(!out.contains("linked"), "at once, by the bridge: {out}");
    let End { code, err, .. } = ends(&world, &["unlink", "--puppet", "ann"]).await;
    assert_eq!(code, Some(1));
    assert!(err.contains("ann: no puppet of this user logs in to services"), "{err}");
    assert_eq!(bridge.stop().await.code, Some(0));
}

#[tokio::test]
async fn accounts_are_written_as_documents() {
    let world = world().await;
    let bridge = world.bridge().await;
    world.say_on_irc("hello");
    world.room(1).await;
    let End { code, err, .. } = ends(&world, &["accounts", "write", "--out", "dump"]).await;
    assert_eq!(code, Some(1));
    assert!(err.contains("a bridge is running: stop it first"), "{err}");
    assert_eq!(bridge.stop().await.code, Some(0));

    let mut store = letsbridge::store::Store::open(&world.state()).unwrap();
    let person = store.people().unwrap()[0].id;
    store.remove_account(person, letsbridge::domain::AccountKind::Made).unwrap();
    store.commit().unwrap();
    drop(store);
    let End { code, out, err } = ends(&world, &["accounts", "write", "--list"]).await;
    assert_eq!((code, err.as_str()), (Some(0), ""));
    assert_eq!(out, "# NETWORK/NICK USERNAME UID MAIL\noffice/ann ann.irc - ann.irc@irc.invalid\n");
    world.write("people.txt", "ann x\n");
    let arguments = ["accounts", "write", "--list", "--people", "people.txt"];
    let End { code, err, .. } = ends(&world, &arguments).await;
    assert_eq!(code, Some(2));
    assert!(err.starts_with("people.txt, line 1: ann x: the user name must"), "{err}");

    world.write("people.txt", &out);
    let arguments = ["accounts", "write", "--out", "dump", "--people", "people.txt"];
    let End { code, out, err } = ends(&world, &arguments).await;
    assert_eq!(code, Some(0), "{out}{err}");
    assert!(out.starts_with("dump/letschat/users.bson: 1 accounts\n"), "{out}");
    assert!(
        out.contains("mongorestore --noIndexRestore --nsInclude=letschat.users dump\n"),
        "{out}"
    );
    let folder = world.path().join("dump/letschat");
    let bson = std::fs::read(folder.join("users.bson")).unwrap();
    assert_eq!(bson.len(), u32::from_le_bytes(bson[..4].try_into().unwrap()) as usize);
    assert!(folder.join("users.metadata.json").exists());
    let End { code, err, .. } = ends(&world, &arguments).await;
    assert_eq!(code, Some(1));
    assert!(err.contains("users.bson: is there already"), "{err}");
    let out = ends(&world, &["people"]).await.out;
    assert!(out.contains("written  usable"), "{out}");
}

#[tokio::test]
async fn check_says_what_to_expect_of_accounts() {
    let world = world().await;
    world.say_on_irc("hello");
    let token = world.letschat.token("ann");
    world.configure(|toml| {
        let toml = toml.replace("[letschat]\n", "[letschat]\nsender_mode = \"accounts\"\n");
        toml + "[user_map]\nann = { account = \"ann\", token_file = \"ann.token\" }\n"
    });
    world.write("ann.token", &token);
    let End { code, out, .. } = ends(&world, &["check"]).await;
    assert_eq!(code, Some(0), "{out}");
    for line in [
        "letschat.accounts: Let's Chat registers accounts",
        "letschat.accounts: 0 people have spoken and have no account yet; of 1 more in the channels, \
         those who speak get one (at most 500 in all). Accounts cannot be removed from Let's Chat",
        "user_map ann: the token works, for the account ann",
    ] {
        assert!(out.lines().any(|it| it == line), "{line}: {out}");
    }
    let toml = std::fs::read_to_string(world.path().join("bridge.toml")).unwrap();
    world.write("bridge.toml", &toml.replace("\nann = {", "\nannie = {"));
    let End { code, out, .. } = ends(&world, &["check"]).await;
    assert_eq!(code, Some(1), "{out}");
    assert!(out.contains("user_map annie: the token belongs to the account ann: "), "{out}");
    world.letschat.new_token("ann");
    world.write("ann.token", &token);
    let End { code, out, .. } = ends(&world, &["check"]).await;
    assert_eq!(code, Some(1), "{out}");
    assert!(out.contains("user_map annie: Let's Chat rejects the token"), "{out}");
}

#[tokio::test]
async fn check_reports_closed_registration() {
    let closed = letsbridge_testkit::letschat::Setup { registration: false, ..Default::default() };
    let world = World::with(Default::default(), closed).await;
    world
        .configure(|toml| toml.replace("[letschat]\n", "[letschat]\nsender_mode = \"accounts\"\n"));
    let End { code, out, .. } = ends(&world, &["check"]).await;
    assert_eq!(code, Some(1), "{out}");
    assert!(out.contains("letschat.accounts: Let's Chat registers nobody"), "{out}");
}
