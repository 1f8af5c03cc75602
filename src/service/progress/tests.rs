//! The figures as a whole: from messages in the ledger and lines in the archive to what is reported.

use std::path::Path;

use jiff::SignedDuration;
use tempfile::TempDir;

use super::*;
use crate::config;
use crate::domain::{
    AccountAccess, AccountKind, AccountSecrets, Author, Endpoint, Identity, LetsChatUserId,
    LogPrecision, Message, MessageKind, Network, PersonId, PersonKey, SpeakerAccount,
};
use crate::store::Store;
use crate::store::archive::{
    Archive, ArchiveLineId, ArchiveLineKind, LineOrigin, NewArchiveLine, NewSpeaker, PersonMark,
    PersonMarks,
};

const NOW: &str = "2026-12-02T12:00:00Z";

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

/// A ledger, an archive if there is one, and a configuration.
struct Move {
    directory: TempDir,
    store: Store,
    /// What follows the networks and Let's Chat in the configuration.
    rest: String,
}

impl Move {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let store = Store::open(directory.path()).expect("opens");
        let rest = "[[link]]\nchannel = \"office/#tea\"\nroom = \"tea\"\n".to_owned();
        Self { directory, store, rest }
    }

    fn settings(&self) -> Settings {
        let network = |name: &str| {
            format!("[irc.{name}]\nservers = [\"irc.example.org\"]\nnick = \"bridge\"\n")
        };
        let toml = format!(
            "state_dir = {:?}\n{}{}[letschat]\nurl = \"https://chat.example.org\"\n\
             token = \"NTk2OGZjZDgyMWE0ZDQxNDAwMDAwMDAwOjAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZg==\"\n{}",
            self.directory.path(),
            network("office"),
            network("home"),
            self.rest
        );
        let (settings, _) =
            config::read(&toml, Path::new("bridge.toml"), std::iter::empty()).expect("is valid");
        settings
    }

    /// `ann` on IRC, `ann!account` with a services account, `letschat/tea` of the user `ann` with the id `u-ann`.
    fn say(&mut self, place: &str, who: &str, sent_at: &str) {
        self.say_at(place, who, at(sent_at));
    }

    fn say_at(&mut self, place: &str, who: &str, sent_at: Timestamp) {
        let endpoint = Endpoint::parse(place).expect("an endpoint");
        let (name, account) = match (who.split_once('!'), endpoint.network()) {
            (Some((name, account)), _) => (name, Some(account.to_owned())),
            (None, None) => (who, Some(format!("u-{who}"))),
            (None, Some(_)) => (who, None),
        };
        let source = self.store.endpoint_id(&endpoint).expect("works");
        let author = Author { account, ..Author::named(name) };
        let body = "x".to_owned();
        let message = Message { source, author, kind: MessageKind::Text, body, sent_at };
        self.store.record(&message, None).expect("works");
        self.store.commit().expect("works");
    }

    /// Says several lines, a minute apart.
    fn say_often(&mut self, place: &str, who: &str, from: &str, times: i64) {
        for minute in 0..times {
            self.say_at(place, who, at(from) + SignedDuration::from_mins(minute));
        }
    }

    fn person(&mut self, network: &str, identity: Identity, nick: &str) -> PersonId {
        let key = PersonKey { network: Network::new(network), identity };
        let person = self.store.insert_person(&key, nick, at(NOW)).expect("works");
        self.store.commit().expect("works");
        person
    }

    fn owns_nick(&mut self, person: PersonId, network: &str, nick: &str) {
        let network = Network::new(network);
        self.store.set_nick_owner(&network, nick, person, None, at(NOW)).expect("works");
        self.store.commit().expect("works");
    }

    fn account(&mut self, person: PersonId, kind: AccountKind, user: &str) {
        let account = SpeakerAccount {
            person,
            kind,
            user: Some(LetsChatUserId(format!("u-{user}").into())),
            username: user.to_owned(),
            display_name: user.to_owned(),
            access: AccountAccess::Usable,
        };
        self.store.put_account(&account, &AccountSecrets::default(), at(NOW)).expect("works");
        self.store.commit().expect("works");
    }

    /// A line of the archive.
    fn archive(&self, place: &str, nick: &str, said_at: &str, origin: LineOrigin) {
        let mut archive = Archive::open_or_make(self.directory.path()).expect("is made");
        let network = place.split('/').next().unwrap_or_default().to_owned();
        let mark = PersonMark::Nick { network: network.clone(), nick: nick.to_owned() };
        let marks = PersonMarks { sure: Vec::new(), likely: vec![mark] };
        let added = archive.batch(|batch| {
            let room = batch.room("tea", None)?;
            batch.add(&NewArchiveLine {
                id: ArchiveLineId::new(at(said_at), said_at.len() as u64),
                twin: None,
                room,
                place: place.to_owned(),
                author: Some(NewSpeaker {
                    scope: network,
                    name: nick.to_owned(),
                    person_name: nick.to_owned(),
                    marks,
                }),
                precision: LogPrecision::Exact,
                kind: ArchiveLineKind::Said(MessageKind::Text),
                text: "x".to_owned(),
                origin,
            })
        });
        added.expect("works");
    }

    fn question(&self) -> ProgressQuestion {
        ProgressQuestion { weeks: 12, links: Vec::new(), now: at(NOW), troubles: None }
    }

    fn report(&self) -> ProgressReport {
        let reader = ProgressReader::new(&self.settings());
        reader.read(&self.question(), AskingProgram::Bridge).expect("reads")
    }

    fn link(&self) -> LinkProgress {
        self.report().links.remove(0)
    }

    /// `MONDAY: IRC/PEOPLE CHAT/PEOPLE BOTS` of each week in which something was said.
    fn weeks(&self) -> Vec<String> {
        let weeks = self.link().weeks;
        assert_eq!(weeks.len(), 12);
        let told = weeks.iter().map(|week| {
            let (irc, chat) = (week.irc, week.letschat);
            let bots = week.irc_bot_lines + week.letschat_bot_lines;
            let figures =
                format!("{}/{} {}/{} {bots}", irc.lines, irc.people, chat.lines, chat.people);
            (week.monday, figures)
        });
        told.filter(|(_, it)| it != "0/0 0/0 0").map(|(day, it)| format!("{day}: {it}")).collect()
    }

    /// `NAMES STATE LINKED IRC CHAT` of each person, by name.
    fn people(&self) -> Vec<String> {
        let people = self.link().people.into_iter().map(|it| {
            let names = it.names.join("+");
            format!("{names} {:?} {:?} {} {}", it.state, it.linked, it.irc.lines, it.letschat.lines)
        });
        let mut people: Vec<String> = people.collect();
        people.sort();
        people
    }
}

#[test]
fn each_line_counts_in_its_week_on_its_side() {
    let mut world = Move::new();
    world.say("office/#tea", "ann", "2026-11-22T23:59:59.999Z");
    world.say("office/#tea", "ann", "2026-11-23T00:00:00Z");
    world.say("office/#tea", "bob", "2026-11-29T23:59:59.999Z");
    world.say("letschat/tea", "carl", "2026-11-30T00:00:00Z");
    world.say("letschat/tea", "carl", "2026-12-01T00:00:00Z");
    world.say("office/#tea", "ChanServ", "2026-12-01T00:00:00Z");
    world.say("office/#tea", "old", "2026-09-13T23:59:59.999Z");
    let weeks = ["2026-11-16: 1/1 0/0 0", "2026-11-23: 2/2 0/0 0", "2026-11-30: 0/0 2/1 1"];
    assert_eq!(world.weeks(), weeks);
    let report = world.report();
    assert_eq!((report.since.to_string(), report.running), ("2026-09-14".to_owned(), false));
    assert_eq!(report.recent_since.to_string(), "2026-11-09");
    // Pruned or not.
    world.store.prune(at("2026-11-30T12:00:00Z"), 1_000).expect("works");
    world.store.commit().expect("works");
    assert_eq!(world.weeks(), weeks);
}

#[test]
fn people_are_all_their_names_and_accounts() {
    let mut world = Move::new();
    world.rest += "[user_map]\ncarol = [\"kate\"]\n";
    // ann changed her nick, and has linked her account.
    let ann = world.person("office", Identity::Nick("ann".to_owned()), "anna");
    world.owns_nick(ann, "office", "ann");
    world.owns_nick(ann, "office", "anna");
    world.account(ann, AccountKind::Linked, "ann.smith");
    // The same on another network, by the same account on Let's Chat.
    let other = world.person("home", Identity::Account("asmith".to_owned()), "annie");
    world.account(other, AccountKind::Linked, "ann.smith");
    // dave only has an account that the bridge made.
    let dave = world.person("office", Identity::Account("dave".to_owned()), "dave");
    world.account(dave, AccountKind::Made, "dave.irc");
    for (place, who) in [
        ("office/#tea", "ann"),
        ("office/#tea", "anna"),
        ("home/#tea", "annie!asmith"),
        ("letschat/tea", "ann.smith"),
        ("office/#tea", "dave!dave"),
        ("office/#tea", "dave_phone!dave"),
        ("office/#tea", "kate"),
        ("office/#tea", "Kate"),
        ("letschat/tea", "carol"),
        ("office/#tea", "erin"),
        ("office/#tea", "erin_"),
        ("office/#tea", "erin|away"),
        ("office/#tea", "guest1"),
        ("office/#tea", "guest2"),
        // Somebody else of the same name.
        ("letschat/tea", "erin"),
    ] {
        world.say(place, who, "2026-12-01T10:00:00Z");
    }
    let people = [
        "Kate+carol+kate Both UserMap 2 1",
        "ann+ann.smith+anna Both Account 2 1",
        "dave+dave_phone OnlyIrc Made 2 0",
        "erin OnlyLetschat No 0 1",
        "erin+erin_+erin|away OnlyIrc No 3 0",
        "guest1 OnlyIrc No 1 0",
        "guest2 OnlyIrc No 1 0",
    ];
    assert_eq!(world.people(), people);
    let recent = world.link().recent;
    assert_eq!((recent.people, recent.linked, recent.arrived), (7, 2, 3));
    assert_eq!(
        (recent.irc_lines, recent.letschat_lines, recent.letschat_percent),
        (11, 3, Some(21))
    );

    // Both channels mirror one room: ann is one person there, too.
    world.rest = "[[link]]\nchannel = \"home/#tea\"\nroom = \"tea\"\n".to_owned() + &world.rest;
    assert_eq!(world.people()[0], "ann.smith+annie Both Account 1 1");
}

#[test]
fn who_has_moved_is_linked_and_no_longer_on_irc() {
    let mut world = Move::new();
    for nick in ["ann", "bob", "carl"] {
        let person = world.person("office", Identity::Nick(nick.to_owned()), nick);
        world.owns_nick(person, "office", nick);
        if nick != "carl" {
            world.account(person, AccountKind::TakenOver, nick);
        }
        world.say("letschat/tea", nick, "2026-12-01T10:00:00Z");
    }
    world.say("office/#tea", "ann", "2026-11-18T11:00:00Z");
    world.say("office/#tea", "bob", "2026-11-18T13:00:00Z");
    world.say("office/#tea", "carl", "2026-11-18T11:00:00Z");
    world.say("office/#tea", "dora", "2026-10-18T11:00:00Z");
    let people = [
        // The same name does not make one person of two.
        "ann Moved Account 1 1",
        "bob Both Account 1 1",
        "carl OnlyIrc No 1 0",
        "carl OnlyLetschat No 0 1",
        "dora Quiet No 1 0",
    ];
    assert_eq!(world.people(), people);
}

#[test]
fn history_comes_from_the_archive_and_counts_once() {
    let mut world = Move::new();
    let heard = LineOrigin::Heard { epoch: 0, is_late: false };
    assert_eq!(world.link().in_the_way[0].kind, ObstacleKind::HistoryMissing);
    assert!(world.link().in_the_way[0].text.contains("there is no archive"));
    // The bridge begins on the 20th.
    world.say("office/#tea", "ann", "2026-11-20T10:00:00Z");
    world.say("office/#tea", "ann", "2026-11-21T10:00:00Z");
    world.say("letschat/tea", "ann", "2026-11-20T11:00:00Z");
    world.archive("office/#tea", "ann", "2026-11-20T10:00:00Z", heard);
    assert!(world.link().in_the_way[0].text.contains("holds nothing from before the bridge"));
    world.archive("office/#tea", "ann", "2026-11-21T10:00:00Z", heard);
    world.archive("letschat/tea", "ann", "2026-11-20T11:00:00Z", heard);
    world.archive("office/#TEA", "ann_", "2026-11-20T09:50:00Z", LineOrigin::Imported);
    world.archive("office/#tea", "zoe", "2026-11-15T23:59:59Z", LineOrigin::Imported);
    world.archive("office/#dev", "zoe", "2026-11-15T23:59:59Z", LineOrigin::Imported);
    assert_eq!(world.weeks(), ["2026-11-09: 1/1 0/0 0", "2026-11-16: 3/1 1/1 0"]);
    assert_eq!(world.link().in_the_way, []);
    assert_eq!(world.people()[1], "ann+ann_ OnlyIrc No 3 0");
    world.store.prune(at("2026-12-01T00:00:00Z"), 1_000).expect("works");
    world.store.commit().expect("works");
    assert_eq!(world.weeks(), ["2026-11-09: 1/1 0/0 0", "2026-11-16: 3/1 1/1 0"]);
    // The ledger knows something older than the weeks that are asked for: all of them are its own.
    world.say("office/#tea", "ann", "2026-08-01T10:00:00Z");
    assert_eq!(world.weeks(), ["2026-11-16: 2/1 1/1 0"]);
}

#[test]
fn damaged_archive_is_in_the_way_and_nothing_more() {
    let mut world = Move::new();
    world.say("office/#tea", "ann", "2026-11-20T10:00:00Z");
    std::fs::write(world.directory.path().join("archive.sqlite3"), "no archive").expect("writes");
    assert_eq!(world.weeks(), ["2026-11-16: 1/1 0/0 0"]);
    assert!(world.link().in_the_way[0].text.contains("the archive cannot be read: "));
}

#[test]
fn unlinked_places_are_told_apart() {
    let mut world = Move::new();
    world.rest += "[canary]\nchannel = \"office/#canary\"\nroom = \"canary\"\n";
    world.say("office/#tea", "ann", "2026-11-20T10:00:00Z");
    world.say("office/#old", "ann", "2026-11-20T10:00:00Z");
    world.say("office/#canary", "ann", "2026-11-20T10:00:00Z");
    world.say("letschat/old", "ann", "2026-11-20T10:00:00Z");
    world.say("letschat/old", "ann", "2026-11-21T10:00:00Z");
    let places: Vec<String> = world
        .report()
        .no_longer_linked
        .into_iter()
        .map(|it| format!("{} {} {}", it.place, it.lines, it.last))
        .collect();
    assert_eq!(
        places,
        ["letschat/old 2 2026-11-21T10:00:00Z", "office/#old 1 2026-11-20T10:00:00Z"]
    );
}

#[test]
fn links_are_chosen_by_their_names() {
    let mut world = Move::new();
    world.rest += "[[link]]\nchannel = \"home/#dev\"\nroom = \"dev\"\n";
    world.say("office/#old", "ann", "2026-11-20T10:00:00Z");
    let reader = ProgressReader::new(&world.settings());
    let ask = |names: &[&str]| {
        let links = names.iter().map(|name| LinkName::new(name)).collect();
        reader.read(&ProgressQuestion { links, ..world.question() }, AskingProgram::Bridge)
    };
    let rooms = |names: &[&str]| -> Vec<String> {
        ask(names).expect("reads").links.into_iter().map(|link| link.room).collect()
    };
    assert_eq!(rooms(&[]), ["tea", "dev"]);
    assert_eq!(rooms(&["dev", "home/#DEV"]), ["dev"]);
    assert_eq!(ask(&["dev"]).expect("reads").no_longer_linked, []);
    let error = ask(&["tea", "coffee"]).expect_err("is none").to_string();
    assert_eq!(error, "coffee: no such link; valid links: office/#tea tea, home/#dev dev");
}

#[test]
fn what_is_in_the_way_is_named() {
    let mut world = Move::new();
    world.rest = world.rest.replace("room =", "direction = \"to_letschat\"\nroom =");
    world.say_often("office/#tea", "carol", "2026-12-01T10:00:00Z", 12);
    world.say_often("office/#tea", "dan", "2026-12-01T11:00:00Z", 4);
    world.say_often("letschat/tea", "ann", "2026-12-01T11:00:00Z", 16);
    world.say("office/#tea", "ci-bot", "2026-12-01T11:00:00Z");
    let reader = ProgressReader::new(&world.settings());
    let id = LinkId { network: Network::new("office"), channel: "#tea".into(), room: "tea".into() };
    let troubles = Some(vec![(id, "office/#tea: banned (+b)".to_owned())]);
    let question = ProgressQuestion { troubles, ..world.question() };
    let report = reader.read(&question, AskingProgram::Bridge).expect("reads");
    assert!(report.running);
    let told: Vec<(ObstacleKind, &str)> =
        report.links[0].in_the_way.iter().map(|it| (it.kind, it.text.as_str())).collect();
    assert_eq!(
        told[..4],
        [
            (ObstacleKind::LinkFails, "the link does not work: office/#tea: banned (+b)"),
            (
                ObstacleKind::NotMirrored,
                "50 % of the last 2 weeks' lines were said on Let's Chat, and direction = \"to_letschat\" keeps them from IRC"
            ),
            (
                ObstacleKind::NotLinked,
                "carol said 12 lines on IRC in the last 4 weeks and is not linked"
            ),
            (
                ObstacleKind::BotOnlyOnIrc,
                "the bot ci-bot said 1 line in the last 4 weeks, and only on IRC: it needs another way into the room"
            ),
        ]
    );
    assert_eq!(told.len(), 5, "{told:?}");
    assert_eq!(report.links[0].bots[0].why, "its name");
}

#[test]
fn shape_of_the_json_stays() {
    let mut world = Move::new();
    world.say("office/#tea", "ann", "2026-12-01T11:00:00Z");
    world.say("office/#tea", "ci-bot", "2026-12-01T11:00:00Z");
    world.say("letschat/old", "ann", "2026-12-01T11:00:00Z");
    let json = serde_json::to_value(world.report()).expect("is JSON");
    let keys = |value: &serde_json::Value| {
        let keys = value.as_object().expect("an object").keys();
        keys.map(String::as_str).collect::<Vec<_>>().join(" ")
    };
    let link = &json["links"][0];
    for (value, expected) in [
        (&json, "at links no_longer_linked recent_since running since"),
        (
            link,
            "bots channel direction in_the_way more_people network people phase recent room suggestion weeks",
        ),
        (&link["suggestion"], "phase step why"),
        (
            &link["recent"],
            "arrived both irc_lines letschat_lines letschat_percent linked moved only_irc only_letschat people",
        ),
        (&link["weeks"][0], "irc irc_bot_lines letschat letschat_bot_lines monday"),
        (&link["weeks"][0]["irc"], "lines people"),
        (&link["people"][0], "irc letschat linked name names state"),
        (&link["people"][0]["irc"], "last lines recent"),
        (&link["bots"][0], "irc letschat name why"),
        (&link["in_the_way"][0], "kind name text"),
        (&json["no_longer_linked"][0], "last lines place"),
    ] {
        assert_eq!(keys(value), expected);
    }
    assert_eq!(link["people"][0]["state"], "only_irc");
    assert_eq!(link["people"][0]["linked"], "no");
    assert_eq!(link["weeks"][11]["monday"], "2026-11-30");
    assert_eq!(json["at"], NOW);
    let again: ProgressReport = serde_json::from_value(json).expect("is read");
    assert_eq!(again, world.report());
}
