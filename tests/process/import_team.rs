//! A team brings its history along: from three people's logs through a plan into rooms and archive, and to a page that finds
//! a line of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::Instant;

use jiff::{SignedDuration, Timestamp};
use letsbridge::domain::{LogEntry, LogEvent, MessageKind};
use letsbridge::migrate::plan::{Plan, PlannedAccount};
use letsbridge::translate::{Formatting, convert_formatting};
use letsbridge_testkit::letschat::{self, NewUser};
use reqwest::StatusCode;
use rusqlite::{Connection, OpenFlags};

use crate::archive_pages::{ArchiveVisitor, has, lacks};
use crate::harness::{BRIDGE, World};
use crate::history::{History, HistoryPlan, is_message, three_witnesses, write_logs};
use crate::import_write::{content, documents};
use crate::program::End;
use crate::web_visitor::PUBLIC;

/// The password of erin on Let's Chat.
const PASSWORD: &str = "Pass+word/4730";

/// The numbers of the two people whom the administrator makes one, of the one whom they give an account of another name, and
/// of the one whom they leave out.
const MERGED: [usize; 2] = [3, 7];
const NAMED: usize = 4;
const LEFT_OUT: usize = 5;

/// How far the clocks may be off in what comes out: one of the witnesses is 95 seconds behind, and writes only minutes.
const CLOCKS: SignedDuration = SignedDuration::from_secs(160);

/// Three weeks in which the clocks of two of the witnesses are put back.
fn history() -> HistoryPlan {
    HistoryPlan {
        seed: 2022,
        people: 50,
        messages: 3_000,
        begin: "2022-10-20T06:00:00Z".parse().unwrap(),
        days: 21,
    }
}

/// A message as it was said.
#[derive(Debug)]
struct Said {
    at: Timestamp,
    nick: String,
    kind: MessageKind,
    /// Without codes.
    text: String,
}

impl Said {
    fn new(entry: &LogEntry) -> Option<Self> {
        let LogEvent::Message { by, kind, text } = &entry.event else { return None };
        let text = convert_formatting(text, Formatting::Strip).trim_end().to_owned();
        Some(Self { at: entry.at, nick: by.nick.clone(), kind: *kind, text })
    }

    /// The text of its document, if the bridge's account has to say it or not.
    fn told(&self, by_bridge: bool) -> String {
        match (self.kind, by_bridge) {
            (MessageKind::Action, _) => format!("* {} {}", self.nick, self.text),
            (_, true) => format!("<{}> {}", self.nick, self.text),
            (_, false) => self.text.clone(),
        }
    }

    /// Who it really was.
    fn person(&self) -> usize {
        let name = self.nick.trim_start_matches("person");
        name.trim_end_matches("|away").trim_end_matches('_').parse().unwrap()
    }
}

/// All that was said, in order.
fn all_said() -> Vec<Said> {
    History::new(&history()).filter(is_message).filter_map(|entry| Said::new(&entry)).collect()
}

/// Runs steps, and tells how long each took.
struct Steps<'w> {
    world: &'w World,
    lines: usize,
}

impl Steps<'_> {
    async fn run(&self, arguments: &[&str]) -> End {
        let begin = Instant::now();
        let end = self.world.letsbridge(arguments).ends().await;
        let took = begin.elapsed().as_secs_f64();
        println!("{took:6.2} s, {} lines: letsbridge {}", self.lines, arguments.join(" "));
        assert_eq!(end.code, Some(0), "{arguments:?}: {}{}", end.out, end.err);
        end
    }

    async fn plan(&self) -> String {
        let arguments = [
            "import",
            "plan",
            "logs",
            "--config",
            "bridge.toml",
            "--timezone",
            "logs/0=Europe/Berlin",
            "--timezone",
            "logs/1=America/New_York",
            "--timezone",
            "logs/2=Asia/Kolkata",
            "--out",
            "plan.toml",
        ];
        self.run(&arguments).await.out
    }
}

/// The section of a person in a plan, with the program's words above it.
fn section_of(plan: &str, person: usize) -> String {
    let named =
        |section: &&str| section.lines().any(|it| it == format!("name = \"person{person}\""));
    let sections = plan.split("\n\n").filter(|section| section.contains("\n[[person]]"));
    let mut found = sections.filter(named);
    let section = found.next().unwrap_or_else(|| panic!("no person{person} in {plan}"));
    assert!(found.next().is_none(), "person{person} is there twice: {plan}");
    section.to_owned()
}

/// The line of a section that begins so.
fn line_of<'s>(section: &'s str, key: &str) -> &'s str {
    let line = section.lines().find(|line| line.starts_with(&format!("{key} = ")));
    line.unwrap_or_else(|| panic!("no {key} in {section}"))
}

/// Does what an administrator would.
fn edit(plan: &str) -> String {
    let [kept, gone] = MERGED.map(|person| section_of(plan, person));
    let nicks = |section: &str| {
        let (_, nicks) = line_of(section, "nicks").split_once('[').unwrap();
        nicks.trim_end_matches(']').to_owned()
    };
    let together = format!("nicks = [{}, {}]", nicks(&kept), nicks(&gone));
    let named = section_of(plan, NAMED);
    let left_out = section_of(plan, LEFT_OUT);
    plan.replace(&kept, &kept.replace(line_of(&kept, "nicks"), &together))
        .replace(&format!("{gone}\n\n"), "")
        .replace(
            &named,
            &named.replace(line_of(&named, "username"), "username = \"fourth\" # asked"),
        )
        .replace(&left_out, &format!("{left_out}\nleave_out = true"))
        .replace("room = \"tea\"", "room = \"old-tea\"")
}

/// The texts in the archive, in order of time.
fn archived(world: &World) -> Vec<String> {
    let path = world.state().join("archive.sqlite3");
    let archive = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let mut statement = archive.prepare("SELECT text FROM line ORDER BY id").unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

/// The ids of accounts by their user names, as they are once the documents are restored.
fn accounts(world: &World, plan: &Plan, out: &Path) -> BTreeMap<String, String> {
    let mut ids = BTreeMap::from([(BRIDGE.to_owned(), world.letschat.user_id(BRIDGE))]);
    for person in &plan.people {
        if let PlannedAccount::Existing { username, .. } = &person.account {
            ids.insert(username.clone(), world.letschat.user_id(username));
        }
    }
    for user in documents(&out.join("users/users.bson")) {
        let username = user.get_str("username").unwrap().to_owned();
        let before = ids.insert(username, user.get_object_id("_id").unwrap().to_hex());
        assert_eq!(before, None, "{user}");
    }
    ids
}

/// Each message is there once, in order, by whom the plan says.
fn check_documents(world: &World, plan: &Plan, out: &Path, said: &[Said]) {
    let messages = documents(&out.join("001-old-tea/messages.bson"));
    let (ids, room) = (accounts(world, plan, out), world.letschat.room_id("old-tea"));
    assert_eq!(messages.len(), said.len());
    let mut before = (0, String::new());
    for (message, said) in messages.iter().zip(said) {
        let hex = |name| message.get_object_id(name).unwrap().to_hex();
        let posted = message.get_datetime("posted").unwrap().timestamp_millis();
        let now = (posted, hex("_id"));
        assert!(before.0 < now.0 && before.1 < now.1, "{before:?} {message}");
        before = now;
        let at = Timestamp::from_millisecond(posted).unwrap();
        assert!(at.duration_since(said.at).abs() < CLOCKS, "{message} {said:?}");
        let username = match &plan.speaker_of("net", &said.nick, at).account {
            PlannedAccount::Existing { username, .. }
            | PlannedAccount::Made { username, .. }
            | PlannedAccount::New { username, .. } => username,
            PlannedAccount::Bridge => BRIDGE,
        };
        assert_eq!((&hex("owner"), hex("room")), (&ids[username], room.clone()), "{said:?}");
        let text = message.get_str("text").unwrap();
        assert_eq!(text, said.told(username == BRIDGE), "{said:?}");
    }
}

/// The plan has found out who was who, and knows what the administrator knows.
fn check_people(plan: &Plan, said: &[Said]) {
    let mut people: BTreeMap<usize, BTreeSet<&str>> = BTreeMap::new();
    for said in said {
        let id = &plan.speaker_of("net", &said.nick, said.at).id;
        people.entry(said.person()).or_default().insert(id);
    }
    let ids: BTreeSet<_> = people.values().flatten().collect();
    assert!(people.values().all(|ids| ids.len() == 1), "one of them is several: {people:?}");
    assert_eq!(ids.len(), people.len() - 1, "two of them are one: {people:?}");
    assert_eq!(people[&MERGED[0]], people[&MERGED[1]]);
}

#[tokio::test]
async fn team_brings_its_history_along() {
    let erin = NewUser { password: Some(PASSWORD.to_owned()), ..NewUser::new("erin", "Erin") };
    let users = vec![erin, NewUser::new("person0", "zero"), NewUser::new("person1", "one")];
    let setup = letschat::Setup { users, ..letschat::Setup::default() };
    let world = World::with(letsbridge_testkit::irc::Setup::default(), setup).await;
    world.configure(|toml| {
        let web = format!("[web]\npublic_url = {PUBLIC:?}\nlisten = \"127.0.0.1:0\"\n");
        let toml = toml.replace("office", "net");
        format!("{toml}\n{web}\n[archive]\nenabled = true\ntime_zone = \"Europe/Berlin\"\n")
    });
    let logs = write_logs(&world.path().join("logs"), &history(), &three_witnesses());
    let lines = logs.iter().map(|log| fs::read_to_string(&log.path).unwrap().lines().count()).sum();
    let steps = Steps { world: &world, lines };
    let all = all_said();

    let plan = plan_is_made_and_edited(&steps, &all).await;
    let is_kept = |said: &&Said| said.person() != LEFT_OUT;
    let said: Vec<Said> = all_said().into_iter().filter(|said| is_kept(&said)).collect();
    assert!(said.len() < all.len());
    documents_are_written(&steps, &plan, &said).await;
    archive_is_filled_once(&steps, &said).await;
    line_is_found_and_taken_out(&steps, &said).await;
}

async fn plan_is_made_and_edited(steps: &Steps<'_>, all: &[Said]) -> Plan {
    let path = steps.world.path().join("plan.toml");
    steps.plan().await;
    let text = fs::read_to_string(&path).unwrap();
    // Each day has a log, and one doubt is enough for all.
    assert!(text.matches("but could also be").count() <= 3, "{text}");
    let edited = edit(&text);
    fs::write(&path, &edited).unwrap();
    let said = steps.plan().await;
    assert!(said.contains("sections that you edited stay as they were"), "{said}");
    let again = fs::read_to_string(&path).unwrap();
    for line in ["room = \"old-tea\"\n", "username = \"fourth\" # asked\n", "\nleave_out = true\n"]
    {
        assert_eq!(again.matches(line).count(), 1, "{line}: {again}");
    }
    let plan = Plan::read(&path).unwrap();
    check_people(&plan, all);
    for (person, username) in [(0, "person0"), (1, "person1"), (NAMED, "fourth")] {
        let nick = format!("person{person}");
        let account = &plan.speaker_of("net", &nick, all[0].at).account;
        let (PlannedAccount::Existing { username: found, .. }
        | PlannedAccount::New { username: found, .. }) = account
        else {
            panic!("{account:?}")
        };
        assert_eq!(found, username);
        assert_eq!(matches!(account, PlannedAccount::Existing { .. }), person < 2, "{account:?}");
    }
    plan
}

async fn documents_are_written(steps: &Steps<'_>, plan: &Plan, said: &[Said]) {
    let out = steps.world.path().join("history");
    let end = steps.run(&["import", "write", "plan.toml", "--dry-run"]).await;
    assert!(end.out.contains(&format!("{} messages", said.len())), "{}", end.out);
    assert!(end.out.contains("of people whom the plan leaves out"), "{}", end.out);
    assert!(!out.exists() && !steps.world.state().exists(), "nothing is written");
    let write = ["import", "write", "plan.toml", "--out", "history"];
    let end = steps.run(&write).await;
    assert!(end.out.contains("old-tea (new)"), "it was not made before: {}", end.out);
    check_documents(steps.world, plan, &out, said);
    let before = content(&out);
    steps.run(&write).await;
    assert!(content(&out) == before, "the same again");
}

async fn archive_is_filled_once(steps: &Steps<'_>, said: &[Said]) {
    let import = ["import", "archive", "plan.toml"];
    steps.run(&import).await;
    let lines = archived(steps.world);
    assert_eq!(lines.len(), said.len());
    for (line, said) in lines.iter().zip(said) {
        let line = convert_formatting(line, Formatting::Strip);
        assert_eq!(line.trim_end(), said.text);
    }
    steps.run(&import).await;
    assert!(archived(steps.world) == lines, "no line is doubled");
}

async fn line_is_found_and_taken_out(steps: &Steps<'_>, said: &[Said]) {
    // The numbers at the end of some are in no other.
    let is_number = |word: &&str| word.parse::<usize>().is_ok_and(|number| number > 1_500);
    let number =
        |said: &Said| said.text.split(' ').next_back().filter(is_number).map(str::to_owned);
    let (place, word) = said.iter().enumerate().find_map(|(n, it)| Some((n, number(it)?))).unwrap();
    let words = |said: &Said| said.text.split(' ').next().unwrap().to_owned();

    // Only installs what other clients bring with them.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut bridge = steps.world.run().start();
    let line = bridge.err.says("web server started").await;
    let (_, rest) = line.split_once("address=").unwrap();
    let mut erin = ArchiveVisitor::at(rest.split_whitespace().next().unwrap());
    bridge.ready().await;
    erin.get("").await;
    let shown = erin.sign_in("erin", PASSWORD).await;
    assert_eq!(shown.status, StatusCode::SEE_OTHER, "{shown:?}");
    let begin = Instant::now();
    let page = erin.page(&format!("?q={word}")).await;
    println!("{:6.2} s, {} lines: a search", begin.elapsed().as_secs_f64(), said.len());
    has(&page, &[&format!("<mark>{word}</mark>"), "2022-"]);
    assert_eq!(page.matches("<li id=\"l-").count(), 1, "{page}");
    let (_, rest) = page.split_once("<li id=\"l-").unwrap();
    let id = rest.split('"').next().unwrap().to_owned();
    let context = erin.page(&format!("/line/{id}")).await;
    for near in [&said[place - 1], &said[place], &said[place + 1]] {
        has(&context, &[&near.nick, &words(near)]);
    }
    has(&context, &[&word]);

    let redact = ["archive", "redact", &id, "--reason", "a number", "--by", "Ann"];
    steps.run(&redact).await;
    for round in 0..2 {
        has(&erin.page(&format!("?q={word}")).await, &["Nothing was found"]);
        let context = erin.page(&format!("/line/{id}")).await;
        has(&context, &["[taken out by <bdi>Ann</bdi>", &said[place + 1].nick]);
        lacks(&context, &[&word]);
        let lines = archived(steps.world);
        assert_eq!(lines.len(), said.len(), "{round}");
        assert!(!lines.iter().any(|line| line.contains(&word)), "{round}");
        // What an import finds again stays out.
        steps.run(&["import", "archive", "plan.toml"]).await;
    }
    assert_eq!(bridge.stop().await.code, Some(0));
}
