//! Plans: read, written, and written again.

use super::*;
use crate::migrate::people::Sureness;

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

fn nick(name: &str) -> PlannedNick {
    let (network, nick) = name.split_once('/').expect(name);
    PlannedNick { network: network.to_owned(), nick: nick.to_owned(), from: None, until: None }
}

fn person(name: &str, nicks: &[&str]) -> PersonDraft {
    PersonDraft {
        given: None,
        name: name.to_owned(),
        nicks: nicks.iter().map(|name| nick(name)).collect(),
        account: PlannedAccount::New {
            username: format!("{}.irc", nicks[0].replace('/', ".")),
            display_name: name.to_owned(),
            uid: None,
        },
        sure: Sureness::Likely,
        is_bot: false,
        lines: 12,
        facts: vec!["12 lines, 2014-03-01".to_owned(), "also x".to_owned()],
        doubts: Vec::new(),
    }
}

fn channel(network: &str, name: &str, files: &[&str]) -> ChannelDraft {
    let file = |path: &&str| FileDraft {
        path: path.into(),
        format: "irssi".to_owned(),
        timezone: None,
        owner: None,
        in_database: None,
    };
    ChannelDraft {
        network: network.to_owned(),
        channel: name.to_owned(),
        room: Some(name.trim_start_matches('#').to_owned()),
        lines: 20,
        files: files.iter().map(file).collect(),
        ..ChannelDraft::default()
    }
}

fn draft() -> PlanDraft {
    let mut doubtful = person("Bob \"the\" builder", &["libera/bob", "libera/bob|away"]);
    doubtful.doubts.push("perhaps the same as robert\n[[person]]".to_owned());
    let mut split = person("ann", &["libera/ann", "oftc/[ann]`^"]);
    split
        .nicks
        .push(PlannedNick { until: Some(at("2014-03-01T18:00:00Z")), ..nick("libera/guest") });
    split.account = PlannedAccount::Existing {
        username: "ann".to_owned(),
        id: Some("6b035f6d8d054a41e16a0570".parse().expect("an id")),
    };
    let mut bot = person("deploy-bot", &["libera/deploy-bot"]);
    (bot.account, bot.is_bot) = (PlannedAccount::Bridge, true);
    bot.nicks.push(PlannedNick { from: Some(at("2014-03-01T18:00:00Z")), ..nick("libera/guest") });
    PlanDraft {
        summary: vec!["Plan of an import.".to_owned()],
        options: PlanOptions { timezone: Some("Europe/Berlin".to_owned()), ..Default::default() },
        channels: vec![channel("libera", "#tea", &["a.log", "b \"c\".log"])],
        people: vec![split, doubtful, bot],
    }
}

fn parse(text: &str) -> Plan {
    read::parse("plan.toml", text, Path::new("/logs"))
        .unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn again(text: &str, draft: &PlanDraft) -> RevisedPlan {
    let old = OldPlan::parse("plan.toml", text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    revise(Some(&old), draft)
}

#[test]
fn a_plan_is_read_as_it_was_proposed() {
    let text = revise(None, &draft()).text;
    let plan = parse(&text);
    assert_eq!(plan.reading.timezone, TimeZone::get("Europe/Berlin").ok());
    let channel = &plan.channels[0];
    assert_eq!((channel.network.as_str(), channel.channel.as_str()), ("libera", "#tea"));
    assert_eq!(channel.room.as_deref(), Some("tea"));
    let paths: Vec<&Path> = channel.files.iter().map(|file| file.path.as_path()).collect();
    assert_eq!(paths, [Path::new("/logs/a.log"), Path::new("/logs/b \"c\".log")]);
    // Those who need a decision come first.
    let names: Vec<&str> = plan.people.iter().map(|person| person.name.as_str()).collect();
    assert_eq!(names, ["Bob \"the\" builder", "ann", "deploy-bot"]);
    for proposed in draft().people {
        let read =
            plan.people.iter().find(|person| person.name == proposed.name).expect("is there");
        assert_eq!((&read.nicks, &read.account), (&proposed.nicks, &proposed.account), "{text}");
        assert_eq!((read.sure, read.is_bot), (proposed.sure, proposed.is_bot));
    }
    assert!(
        plan.people[0].id == "libera/bob"
            && text.contains("? perhaps the same as robert?[[person]]")
    );
}

#[test]
fn a_speaker_is_found_by_nick_and_time() {
    let plan = parse(&revise(None, &draft()).text);
    for (network, nick, time, name) in [
        ("libera", "Bob|AWAY", "2014-01-01T00:00:00Z", "Bob \"the\" builder"),
        ("oftc", "{ann}`^", "2014-01-01T00:00:00Z", "ann"),
        ("libera", "guest", "2014-03-01T17:59:59Z", "ann"),
        ("libera", "guest", "2014-03-01T18:00:00Z", "deploy-bot"),
        ("oftc", "bob", "2014-01-01T00:00:00Z", "-"),
    ] {
        let found = plan.speaker_of(network, nick, at(time));
        assert_eq!(found.name, name, "{network}/{nick} {time}");
        assert_eq!(plan.is_known(found), name != "-");
        assert!(plan.is_known(found) || found.account == PlannedAccount::Bridge);
    }
}

#[test]
fn a_person_whose_section_was_edited_is_decided() {
    let mut draft = draft();
    assert_eq!(undecided_people(None, &draft.people), 1);
    let text = revise(None, &draft).text;
    let checked =
        text.replacen("\"libera/bob|away\"]\n", "\"libera/bob|away\"]\nchecked = true\n", 1);
    let old = OldPlan::parse("plan.toml", &checked).unwrap_or_else(|error| panic!("{error}"));
    draft.people[1].given = Some(0);
    assert_eq!(undecided_people(Some(&old), &draft.people), 0);
    // A nick that is new stands in a section of its own.
    draft.people[1].nicks.push(nick("libera/bobby"));
    assert_eq!(undecided_people(Some(&old), &draft.people), 1);
}

#[test]
fn writing_it_again_changes_nothing() {
    let first = revise(None, &draft()).text;
    let second = again(&first, &draft());
    assert_eq!(second.text, first);
    assert_eq!((second.kept, second.vanished), (0, 0), "nothing was edited");
}

/// The draft for logs in which the people whom `text` keeps are found again.
fn found_again(text: &str) -> PlanDraft {
    let old = OldPlan::parse("plan.toml", text).expect("is valid");
    let mut draft = draft();
    for (index, given) in old.given().iter().enumerate() {
        for person in &mut draft.people {
            let has = |nick: &PlannedNick| given.nicks.iter().any(|it| it.nick == nick.nick);
            if person.given.is_none() && person.nicks.first().is_some_and(has) {
                person.given = Some(index);
            }
        }
    }
    draft
}

#[test]
fn what_was_edited_stays() {
    let first = revise(None, &draft()).text;
    for (why, from, to) in [
        ("a name", "name = \"ann\"", "name = \"Ann Tee\""),
        (
            "an account",
            "account = \"existing\"\nusername = \"ann\"",
            "account = \"made\"\nusername = \"zoe\"",
        ),
        ("a directory's name", "account = \"new\"\n", "account = \"new\"\nuid = \"bob7\"\n"),
        ("what is left out", "bot = true", "bot = true\nleave_out = true"),
        ("what was looked at", "bot = true", "bot = true\nchecked = true"),
        (
            "a comment above",
            "[[person]]\nid = \"libera/ann\"",
            "# Anna's!\n[[person]]\nid = \"libera/ann\"",
        ),
        ("a comment behind", "name = \"ann\"\n", "name = \"ann\" # sic\n"),
        ("a comment between", "name = \"ann\"\n", "# sic\nname = \"ann\"\n"),
        ("a nick less", ", \"oftc/[ann]`^\"", ""),
        ("a room", "room = \"tea\"", "room = \"cups\""),
        ("no room", "room = \"tea\"\n", ""),
        ("a channel less", "room = \"tea\"", "room = \"tea\"\nleave_out = true"),
        (
            "a comment of a file",
            "  { path = \"a.log\"",
            "  # of Anna's laptop\n  { path = \"a.log\"",
        ),
        (
            "a zone of a file",
            "format = \"irssi\" },\n]",
            "format = \"irssi\", timezone = \"UTC\" },\n]",
        ),
        ("a zone", "timezone = \"Europe/Berlin\"", "timezone = \"Europe/Berlin\" # sic"),
        ("a comment on top", "version = 1", "# Mine.\nversion = 1"),
        ("odd spaces", "sure = \"likely\"", "sure   =   'likely'\n\nchecked=true"),
    ] {
        assert!(first.contains(from), "{why}: {first}");
        let edited = first.replacen(from, to, 1);
        let revised = again(&edited, &found_again(&edited));
        assert_eq!(revised.vanished, 0, "{why}");
        let twice = again(&revised.text, &found_again(&revised.text));
        assert_eq!(twice.text, revised.text, "{why}");
        // What needed a decision may stand elsewhere now, but is the same line by line.
        let sorted = |text: &str| {
            let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
            lines.retain(|line| !line.starts_with("#:") && !line.is_empty());
            lines.sort();
            lines
        };
        let lines = sorted(&revised.text);
        if why == "a nick less" {
            // It is proposed as somebody else.
            assert_eq!(parse(&revised.text).people.len(), 4, "{}", revised.text);
            assert!(sorted(&edited).iter().all(|line| lines.contains(line)));
            continue;
        }
        assert_eq!(lines, sorted(&edited), "{why}:\n{}", revised.text);
    }
}

#[test]
fn a_zone_that_was_written_is_replaced_by_an_option_alone() {
    let first = revise(None, &draft()).text;
    let edited = first.replace("timezone = \"Europe/Berlin\"", "timezone = \"Asia/Tokyo\"");
    let zone = |options: Option<&str>| {
        let options = PlanOptions { timezone: options.map(str::to_owned), ..Default::default() };
        parse(&again(&edited, &PlanDraft { options, ..draft() }).text).reading.timezone
    };
    assert_eq!(zone(None), TimeZone::get("Asia/Tokyo").ok());
    assert_eq!(zone(Some("UTC")), TimeZone::get("UTC").ok());
}

#[test]
fn new_people_nicks_channels_and_files_are_added() {
    let first = revise(None, &draft()).text;
    let edited = first.replacen("name = \"ann\"", "name = \"Ann Tee\"", 1);
    let mut draft = found_again(&edited);
    let ann = draft.people.iter_mut().find(|person| person.name == "ann").expect("ann");
    ann.nicks.push(nick("libera/ann_"));
    draft.people.push(person("zoe", &["libera/zoe"]));
    draft.channels[0].files.push(FileDraft {
        path: "c.log".into(),
        format: "the-lounge-sqlite".to_owned(),
        timezone: None,
        owner: None,
        in_database: Some(("libera".to_owned(), "#tea".to_owned())),
    });
    draft.channels.push(channel("libera", "#dev", &["dev.log"]));
    let revised = again(&edited, &draft);
    let plan = parse(&revised.text);
    let time = at("2014-01-01T00:00:00Z");
    assert_eq!(plan.speaker_of("libera", "ann_", time).name, "ann_", "the section was edited");
    assert!(revised.text.contains("? perhaps the same as Ann Tee: move the nicks there if so"));
    assert_eq!(plan.speaker_of("libera", "zoe", time).name, "zoe");
    assert_eq!(plan.channels.len(), 2);
    let tea = plan.channels.iter().find(|channel| channel.channel == "#tea").expect("tea");
    assert_eq!(tea.files.len(), 3, "{}", revised.text);
    assert!(matches!(tea.files[2].kind, PlannedFormat::Database { .. }));
}

#[test]
fn what_vanished_is_marked() {
    let first = revise(None, &draft()).text;
    let edited = first.replacen("name = \"ann\"", "name = \"Ann Tee\"", 1);
    let nothing = PlanDraft { channels: Vec::new(), people: Vec::new(), ..draft() };
    let revised = again(&edited, &nothing);
    assert_eq!(revised.vanished, 4, "three people and a channel");
    assert_eq!(revised.text.matches("#: No longer in the logs").count(), 5);
    let plan = parse(&revised.text);
    assert_eq!((plan.people.len(), plan.channels.len()), (3, 1));
    // They come back.
    let back = again(&revised.text, &found_again(&revised.text));
    assert!(!back.text.contains("No longer"), "{}", back.text);
}

#[test]
fn a_nick_that_the_administrator_gave_is_proposed_to_nobody_else() {
    let first = revise(None, &draft()).text;
    // Bob's second nick becomes Ann's, for a time.
    let edited = first.replacen(", \"libera/bob|away\"", "", 1).replacen(
        "nicks = [\"libera/ann\"",
        "nicks = [{ nick = \"libera/bob|away\", from = 2014-01-01T00:00:00Z, until = 2014-02-01T00:00:00Z }, \"libera/ann\"",
        1,
    );
    let draft = found_again(&edited);
    let plan = parse(&again(&edited, &draft).text);
    for (time, name) in [
        ("2013-06-01T00:00:00Z", "bob|away"),
        ("2014-01-15T00:00:00Z", "ann"),
        ("2014-06-01T00:00:00Z", "bob|away"),
    ] {
        assert_eq!(plan.speaker_of("libera", "bob|away", at(time)).name, name, "{time}");
    }
}

#[test]
fn an_id_stays_with_the_person() {
    let first = revise(None, &draft()).text;
    let mut draft = draft();
    let bob = draft.people.iter_mut().find(|it| it.name.starts_with("Bob")).expect("bob");
    // More was said by another nick, in logs that were added.
    bob.nicks.insert(0, nick("libera/robert"));
    bob.name = "robert".to_owned();
    let plan = parse(&again(&first, &draft).text);
    assert!(plan.people.iter().any(|person| person.id == "libera/bob" && person.name == "robert"));
}

#[test]
fn each_mistake_is_told_with_its_line() {
    const GOOD: &str = r##"version = 1

[[channel]]
network = "libera"
channel = "#tea"
room = "tea"

[[person]]
id = "ann"
name = "Ann"
account = "new"
username = "ann.irc"
nicks = ["libera/ann", { nick = "libera/guest", until = 2014-01-01T00:00:00Z }]

[[person]]
id = "bob"
name = "Bob"
account = "bridge"
nicks = ["libera/bob"]

[[files]]
network = "libera"
channel = "#tea"
list = [
  { path = "a.log", format = "irssi" },
]
"##;
    parse(GOOD);
    let two = "id = \"bob\"\nname = \"Bob\"\naccount = \"bridge\"";
    for (from, to, error) in [
        (
            "version = 1",
            "version = 2",
            "plan.toml:1: version: this program reads version 1, not 2; make",
        ),
        ("version = 1", "", "version: is missing; write a plan with"),
        ("version = 1", "version 1", "plan.toml:1: this is not TOML: "),
        (
            "version = 1",
            "version = 1\nchanel = 3",
            "plan.toml:2: chanel: unknown key; did you mean channel?",
        ),
        ("room =", "rom =", "plan.toml:6: channel[0].rom: unknown key; did you mean room?"),
        ("room =", "colour =", "channel[0].colour: unknown key; the keys here are network, "),
        (
            "\"tea\"",
            "\"#Tea\"",
            "plan.toml:6: channel[0].room: \"#Tea\" will not do; write the slug of a room",
        ),
        ("\"tea\"", "7", "plan.toml:6: channel[0].room: 7 will not do; write a text in quotes"),
        (
            "room = \"tea\"",
            "room = \"tea\"\nprivate = true",
            "plan.toml:6: channel[0].room: this log is private",
        ),
        (
            "room = \"tea\"",
            "room = \"tea\"\n[[channel]]\nnetwork = \"libera\"\nchannel = \"bob\"\nroom = \"tea\"",
            "plan.toml:10: channel[1].room: \"bob\" is the name of no channel",
        ),
        (
            "room = \"tea\"",
            "private = 1",
            "plan.toml:6: channel[0].private: 1 will not do; write true or false",
        ),
        ("network = \"libera\"\nchannel", "channel", "plan.toml:3: channel[0].network: is missing"),
        (
            "[[person]]",
            "[[channel]]\nnetwork = \"Libera\"\nchannel = \"#TEA\"\n[[person]]",
            "plan.toml:8: channel[1].channel: Libera/#TEA is there already (line 3); put both",
        ),
        (
            "[[channel]]",
            "[channel]",
            "plan.toml:3: channel: is no list of sections; write [[channel]]",
        ),
        ("id = \"ann\"\n", "", "plan.toml:8: person[0].id: is missing; write a name"),
        (
            "id = \"bob\"",
            "id = \"Ann\"",
            "plan.toml:16: person[1].id: \"Ann\" is there already (line 8); give each",
        ),
        (
            "\"new\"",
            "\"nwe\"",
            "plan.toml:11: person[0].account: \"nwe\" will not do; write one of \"existing\"",
        ),
        ("account = \"new\"\n", "", "plan.toml:8: person[0].account: is missing; write one of"),
        (
            "username = \"ann.irc\"\n",
            "",
            "plan.toml:8: person[0].username: is missing; write the user name of the new",
        ),
        (
            "\"ann.irc\"",
            "\"ann|\"",
            "plan.toml:12: person[0].username: \"ann|\" will not do; write a user name",
        ),
        (
            two,
            "id = \"bob\"\nname = \"Bob\"\naccount = \"new\"\nusername = \"ANN.irc\"",
            "plan.toml:19: person[1].username: \"ann.irc\" is there already (line 8); give them another",
        ),
        (
            two,
            "id = \"bob\"\nname = \"Bob\"\naccount = \"existing\"\nusername = \"bob\"\nuser_id = \"7\"",
            "person[1].user_id: \"7\" will not do",
        ),
        (
            "account = \"new\"",
            "account = \"new\"\nuid = \"1234567890123456789012345\"",
            "person[0].uid: \"1234567890123456789012345\" will not do; write at most 24",
        ),
        (
            "\"libera/bob\"",
            "\"libera/ANN\"",
            "plan.toml:19: person[1].nicks[0]: libera/ANN belongs to ann (line 8) at that time; remove",
        ),
        (
            "\"libera/bob\"",
            "\"libera/guest\"",
            "plan.toml:19: person[1].nicks[0]: libera/guest belongs to ann (line 8) at that time",
        ),
        (
            "\"libera/bob\"",
            "\"bob\"",
            "plan.toml:19: person[1].nicks[0]: \"bob\" will not do; write \"NETWORK/NICK\"",
        ),
        (
            "\"libera/bob\"",
            "\"libera/bob\", \"libera/Bob\"",
            "person[1].nicks[1]: libera/Bob belongs to bob (line 15) at that time",
        ),
        (
            "[\"libera/bob\"]",
            "\"libera/bob\"",
            "plan.toml:19: person[1].nicks: \"libera/bob\" will not do; write a list",
        ),
        (
            "2014-01-01T00:00:00Z",
            "2014-01-01",
            "plan.toml:13: person[0].nicks[1].until: 2014-01-01 will not do; write a time with its zone",
        ),
        (
            "until =",
            "from = 2015-01-01T00:00:00Z, until =",
            "person[0].nicks[1]: it begins at 2015-01-01T00:00:00Z, when it has ended",
        ),
        (
            "\"irssi\"",
            "\"irsi\"",
            "plan.toml:25: files[0].list[0].format: \"irsi\" will not do; write one of irssi, weechat",
        ),
        (
            "\"irssi\"",
            "\"quassel\"",
            "plan.toml:25: files[0].list[0].channel: is missing; write network and channel",
        ),
        (
            "\"irssi\"",
            "\"irssi\", timezone = \"Berlin\"",
            "plan.toml:25: files[0].list[0].timezone: \"Berlin\" will not do; write the name",
        ),
        ("path = \"a.log\", ", "", "plan.toml:25: files[0].list[0].path: is missing"),
        (
            "  { path",
            "  { path = \"a.log\", format = \"irssi\" },\n  { path",
            "plan.toml:26: files[0].list[1]: this log is there already (line 25); remove",
        ),
        (
            "channel = \"#tea\"\nlist",
            "channel = \"#dev\"\nlist",
            "plan.toml:21: files[0].channel: there is no [[channel]] for libera/#dev; write",
        ),
        (
            "[[channel]]",
            "[reading]\ncharset = \"klingon\"\n[[channel]]",
            "plan.toml:4: reading.charset: \"klingon\" will not do; write the name of a charset",
        ),
        (
            "room = \"tea\"",
            "room = \"tea\"\nparticipants = [\"ann\", \"Ann Smith\"]",
            "plan.toml:7: channel[0].participants[1]: \"Ann Smith\" will not do; write a user name in Let's Chat",
        ),
        (
            "room = \"tea\"",
            "private = true\nparticipants = [\"ann\"]",
            "plan.toml:7: channel[0].participants: nothing of this log goes into a room; remove the line",
        ),
        (
            "[[channel]]",
            "[[channel]]\nnetwork = \"libera\"\nchannel = \"#two\"\nroom = \"tea\"\nparticipants = []\n[[channel]]",
            "plan.toml:8: participants: libera/#two goes to the room tea, too, and has other participants",
        ),
        (
            "[[channel]]",
            "[reading]\ntimezone = \"Mars\"\n[[channel]]",
            "plan.toml:4: reading.timezone: \"Mars\" will not do",
        ),
    ] {
        assert!(GOOD.contains(from), "{from}");
        let text = GOOD.replacen(from, to, 1);
        let found = match read::parse("plan.toml", &text, Path::new("")) {
            Ok(_) => panic!("{to} was accepted"),
            Err(error) => error.to_string(),
        };
        assert!(found.lines().any(|line| line.contains(error)), "{to}:\n{found}");
    }
}

#[test]
fn participants_are_those_who_spoke_by_their_accounts() {
    let mut draft = draft();
    draft.channels[0].participants = Some(vec!["ann".to_owned()]);
    let text = again("version = 1\n", &draft).text;
    let plan = parse(&text);
    assert_eq!(plan.channels[0].participants, draft.channels[0].participants, "{text}");
    let edited = text.replace("participants = [\"ann\"]", "participants = [\"Carl\"]");
    let edited = again(&edited, &draft).text;
    let carl = Some(vec!["carl".to_owned()]);
    assert_eq!(parse(&edited).channels[0].participants, carl, "{edited}");

    let span = Some((at("2014-02-01T00:00:00Z"), at("2014-02-02T00:00:00Z")));
    let later = Some((at("2015-02-01T00:00:00Z"), at("2015-02-02T00:00:00Z")));
    let nicks = |nicks: &[&str]| nicks.iter().map(|nick| (*nick).to_owned()).collect();
    let cases: [(&str, &[&str], _, &[&str]); 5] = [
        ("libera", &["Ann"], span, &["ann"]),
        ("oftc", &["ann"], span, &[]),
        ("libera", &["guest", "nobody"], span, &["ann"]),
        // The nick was somebody else's then.
        ("libera", &["guest"], later, &[]),
        ("libera", &["bob", "ANN"], span, &["ann", "libera.bob.irc"]),
    ];
    for (network, spoke, said, expected) in cases {
        let speakers = ChannelSpeakers { network, nicks: &nicks(spoke), said };
        let found = propose_participants(speakers, &draft.people, None);
        assert_eq!(found, expected, "{spoke:?} on {network}");
    }
}

#[test]
fn all_mistakes_are_told_at_once_and_by_line() {
    let text =
        "version = 1\n[[person]]\nid = 1\nname = 2\naccount = \"x\"\n[[channel]]\nroom = 3\n";
    let error = read::parse("p", text, Path::new("")).expect_err("is wrong").to_string();
    let lines: Vec<&str> =
        error.lines().map(|line| line.split(": ").next().unwrap_or("")).collect();
    assert_eq!(lines, ["p:3", "p:4", "p:6", "p:6"], "{error}");
}

#[test]
fn a_plan_that_cannot_be_read_is_named() {
    let error = Plan::read(Path::new("/nowhere/plan.toml")).expect_err("is missing").to_string();
    assert!(
        error.contains("/nowhere/plan.toml: there is no such file; write a plan with"),
        "{error}"
    );
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("plan.toml");
    std::fs::write(&path, b"version = 1\n# \xe9").expect("works");
    let error = Plan::read(&path).expect_err("is no UTF-8").to_string();
    assert!(error.contains("plan.toml:2: this is not UTF-8; save"), "{error}");
}
