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
    assert_eq!(cells[..6], ["office", "ann", "nick ann", "ann.irc", "made", "usable"]);
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
    assert_eq!(
        out,
        "ann and the account ann: the link ends when the bridge is started: none is running\n"
    );
    let bridge = world.bridge().await;
    let is_ended = async { while ends(&world, &["people"]).await.out.contains("linked") {} };
    soon("the end of the link", is_ended).await;
    assert_eq!(bridge.stop().await.code, Some(0));
}
