//! `letsbridge progress`: what a script says on both sides is what is counted, whatever happens to the program.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use letsbridge_testkit::{irc, letschat};
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::harness::World;
use crate::program::{End, soon};

/// The lines of each person, by the name shown: on IRC, and on Let's Chat.
type Said = BTreeMap<String, (u64, u64)>;

/// Four people on IRC, and two of them on Let's Chat; bob is there as robert. Messages are kept for a day.
async fn team() -> World {
    let person = |name: &str| letschat::NewUser::new(name, name);
    let users = vec![person("robert"), person("dora")];
    let letschat = letschat::Setup { users, ..letschat::Setup::default() };
    let world = World::with(irc::Setup::default(), letschat).await;
    world.configure(configured);
    world
}

fn configured(toml: String) -> String {
    format!(
        "{toml}phase = \"moving\"\n\n[link.format]\nmerge_lines = \"never\"\n\n[user_map]\nrobert = [\"bob\"]\n\n\
         [store]\nretention = \"1h\"\n"
    )
    .replace("state_dir = \"state\"", "state_dir = \"state\"\ncatch_up = \"none\"")
}

fn says(world: &World, said: &mut Said, who: &str, text: &str) {
    let user = world.irc.virtual_user(who);
    user.join("#tea");
    user.send("#tea", text);
    said.entry(who.to_owned()).or_default().0 += 1;
}

fn posts(world: &World, said: &mut Said, user: &str, name: &str, text: &str) {
    world.letschat.post("tea", user, text);
    said.entry(name.to_owned()).or_default().1 += 1;
}

async fn progress(world: &World) -> Value {
    let End { code, out, err } = world.letsbridge(&["progress", "--json"]).ends().await;
    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
    serde_json::from_str(&out).unwrap()
}

/// The same as the script has it.
fn counted(report: &Value) -> Said {
    let link = &report["links"][0];
    let people = link["people"].as_array().unwrap().iter().chain(link["bots"].as_array().unwrap());
    let lines = |it: &Value, side: &str| it[side]["lines"].as_u64().unwrap();
    let said: Said = people
        .map(|it| {
            (it["name"].as_str().unwrap().to_owned(), (lines(it, "irc"), lines(it, "letschat")))
        })
        .collect();
    // The weeks have the same sums.
    let weeks = link["weeks"].as_array().unwrap();
    for side in ["irc", "letschat"] {
        let in_weeks: u64 = weeks
            .iter()
            .map(|week| {
                week[side]["lines"].as_u64().unwrap()
                    + week[format!("{side}_bot_lines")].as_u64().unwrap()
            })
            .sum();
        let of_people: u64 = said.values().map(|it| if side == "irc" { it.0 } else { it.1 }).sum();
        assert_eq!(in_weeks, of_people, "{side}: {report}");
    }
    said
}

#[tokio::test]
async fn what_is_said_between_kills_is_what_is_counted() {
    let world = team().await;
    let mut said = Said::new();
    for round in 0..5 {
        let bridge = world.bridge().await;
        for number in 0..4 {
            says(&world, &mut said, "ann", &format!("{round} {number} ann"));
            says(&world, &mut said, "bob", &format!("{round} {number} bob"));
            posts(&world, &mut said, "robert", "bob", &format!("{round} {number} robert"));
            posts(&world, &mut said, "dora", "dora", &format!("{round} {number} dora"));
        }
        says(&world, &mut said, "ci-bot", &format!("{round}: it works"));
        // Not everything is delivered then.
        let all_is_counted = async { while counted(&progress(&world).await) != said {} };
        soon("everything to be counted", all_is_counted).await;
        assert_eq!(progress(&world).await["running"], true);
        bridge.signal("KILL").await;
        bridge.ends().await;
        let report = progress(&world).await;
        assert_eq!((counted(&report), &report["running"]), (said.clone(), &json!(false)));
    }
    let report = progress(&world).await;
    let link = &report["links"][0];
    let states: BTreeMap<&str, (&str, &str)> = link["people"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| {
            (
                it["name"].as_str().unwrap(),
                (it["state"].as_str().unwrap(), it["linked"].as_str().unwrap()),
            )
        })
        .collect();
    let expected = [
        ("ann", ("only_irc", "no")),
        ("bob", ("both", "user_map")),
        ("dora", ("only_letschat", "no")),
    ];
    assert_eq!(states, BTreeMap::from(expected));
    assert_eq!((&link["bots"][0]["name"], &link["phase"]), (&json!("ci-bot"), &json!("moving")));
    assert_eq!(
        link["suggestion"]["why"],
        "2 of 3 people are linked or speak on Let's Chat, and 50 % of the last 4 weeks' lines came from there; \
         1 still speaks only on IRC: ann (last DAY); it takes 90 % of both to make IRC read-only"
            .replace("DAY", &report["at"].as_str().unwrap()[..10])
    );
}

#[tokio::test]
async fn pruning_changes_nothing_also_when_it_is_killed() {
    let world = team().await;
    let mut said = Said::new();
    let bridge = world.bridge().await;
    for number in 0..10 {
        says(&world, &mut said, "ann", &format!("{number} ann"));
        posts(&world, &mut said, "robert", "robert", &format!("{number} robert"));
    }
    world.room(20).await;
    world.channel(10).await;
    assert_eq!(bridge.stop().await.code, Some(0));
    // The same was said 59 times two weeks ago.
    let database = world.state().join("letsbridge.sqlite3");
    let connection = Connection::open(&database).unwrap();
    connection
        .execute_batch(
            "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 59)
             INSERT INTO message (endpoint, author, kind, body, sent_at, account, bot)
             SELECT endpoint, author, kind, body, sent_at - 1209600000 + n, account, bot FROM message, n;",
        )
        .unwrap();
    said.values_mut().for_each(|it| *it = (it.0 * 60, it.1 * 60));
    let left = || -> i64 {
        connection.query_row("SELECT COUNT(*) FROM message", [], |row| row.get(0)).unwrap()
    };
    assert_eq!((left(), counted(&progress(&world).await)), (1_200, said.clone()));
    // A batch is pruned at the start.
    for batch in 1..=3_i64 {
        let bridge = world.bridge().await;
        let pruned = async {
            while left() > (1_200 - 500 * batch).max(20) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        soon("the next batch", pruned).await;
        bridge.signal("KILL").await;
        bridge.ends().await;
        assert_eq!(counted(&progress(&world).await), said, "{batch}");
    }
    assert_eq!(left(), 20);
}

#[tokio::test]
async fn command_says_what_it_cannot_do() {
    let world = World::new().await;
    let End { code, out, err } = world.letsbridge(&["progress"]).ends().await;
    assert_eq!((code, out.as_str()), (Some(1), ""));
    assert!(err.contains("there is no database: `letsbridge run` makes it"), "{err}");
    let bridge = world.bridge().await;
    for (arguments, code, told) in [
        (&["progress", "coffee"][..], 1, "coffee: no such link; valid links: office/#tea tea"),
        (
            &["progress", "--html", "no/such/folder.html"],
            1,
            "no/such/folder.html: cannot be written",
        ),
        (&["progress", "--weeks", "3"], 2, "write a number from 4 to 260"),
        (&["progress", "--json", "--html", "x"], 2, "cannot be used with"),
        (&["progress", "--config", "other.toml"], 2, "other.toml: there is no such file"),
    ] {
        let end = world.letsbridge(arguments).ends().await;
        assert_eq!(end.code, Some(code), "{arguments:?}: {}{}", end.out, end.err);
        assert!(end.err.contains(told), "{arguments:?}: {}", end.err);
    }
    assert_eq!(bridge.stop().await.code, Some(0));
    let end = world.letsbridge(&["progress", "coffee"]).ends().await;
    assert_eq!(end.code, Some(1));
    assert!(end.err.contains("coffee: no such link; valid links: office/#tea tea"), "{}", end.err);
}

#[tokio::test]
async fn text_and_html_tell_the_same_and_no_name_is_markup() {
    let world = World::new().await;
    let mut bridge = world.bridge().await;
    let evil = "<b>x";
    world.letschat.add_user(letschat::NewUser::new(evil, evil));
    world.letschat.post("tea", evil, "<script>alert(1)</script>");
    world.say_on_irc("hello");
    world.room(2).await;
    let text = world.letsbridge(&["progress", "#tea"]).ends().await;
    assert_eq!((text.code, text.err.as_str()), (Some(0), ""));
    assert!(
        text.out
            .starts_with("office/#tea tea: together\nsuggested: stay at together: only 2 lines"),
        "{}",
        text.out
    );
    assert!(text.out.contains("only on IRC (1): ann (not linked, last 20"), "{}", text.out);
    assert!(text.out.contains("only on Let's Chat (1): <b>x\n"), "{}", text.out);

    let end = world.letsbridge(&["progress", "--html", "move.html"]).ends().await;
    assert_eq!((end.code, end.out.as_str()), (Some(0), "move.html: written\n"), "{}", end.err);
    let html = fs::read_to_string(world.path().join("move.html")).unwrap();
    assert!(
        html.contains("&lt;b&gt;x") && !html.contains(evil) && !html.contains("alert"),
        "{html}"
    );
    assert!(
        !html.contains("<script") && !html.contains("http://") && !html.contains("https://"),
        "{html}"
    );
    let end = world.letsbridge(&["progress", "--html", "-"]).ends().await;
    assert!(
        end.out.starts_with("<!DOCTYPE html>") && end.out.trim_end().ends_with("</html>"),
        "{}",
        end.out
    );

    // Another configuration counts at once.
    world.configure(|toml| toml + "\n[progress]\nbots = [\"an?\"]\n");
    bridge.signal("HUP").await;
    let line = bridge.err.says("configuration reloaded").await;
    assert!(line.contains("[progress] changed"), "{line}");
    let report = progress(&world).await;
    assert_eq!(report["links"][0]["bots"][0]["why"], "named in [progress] bots");
    assert_eq!(bridge.stop().await.code, Some(0));
}
