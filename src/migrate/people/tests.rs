//! Who was who, told in lines of a log: what must be joined, and what must not.

use super::*;
use crate::domain::{LogEvent, LogPrecision, LogSpeaker, MessageKind};

/// Reads a story: `D HH:MM event`, where D is a day.
///
/// `+ nick [u@h] [account]` comes, `- nick` leaves, `x nick` quits, `nick > nick` changes the nick, `nick: text` speaks.
fn read(sightings: &mut NickSightings, network: &str, story: &str) {
    let mut channel = ChannelSightings::new();
    for line in story.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (day, rest) = line.split_once(' ').expect(line);
        let (time, rest) = rest.split_once(' ').expect(line);
        let (hour, minute) = time.split_once(':').expect(line);
        let number = |text: &str| text.parse::<i64>().expect(line);
        let seconds = number(day) * 86_400 + number(hour) * 3_600 + number(minute) * 60;
        let at = Timestamp::from_second(1_000_000_000 + seconds).expect(line);
        let event = event(rest);
        channel.read(&LogEntry { at, precision: LogPrecision::Exact, event });
    }
    // What is kept between two runs is the same.
    let kept = serde_json::to_string(&channel.finish()).expect("JSON");
    sightings.add(network, serde_json::from_str(&kept).expect("what was kept"));
}

fn event(text: &str) -> LogEvent {
    let words: Vec<&str> = text.split_whitespace().collect();
    let who = |words: &[&str]| LogSpeaker {
        nick: words[0].to_owned(),
        userhost: words.get(1).filter(|it| it.contains('@')).map(|it| (*it).to_owned()),
        account: words.get(2).map(|it| (*it).to_owned()),
    };
    let reason = String::new();
    match words[..] {
        ["+", ..] => LogEvent::Join(who(&words[1..])),
        ["-", ..] => LogEvent::Part { who: who(&words[1..]), reason },
        ["x", ..] => LogEvent::Quit { who: who(&words[1..]), reason },
        [from, ">", to] => LogEvent::Nick { from: who(&[from]), to: to.to_owned() },
        [by, ..] => LogEvent::Message {
            by: who(&[by.trim_end_matches(':')]),
            kind: MessageKind::Text,
            text: words[1..].join(" "),
        },
        [] => panic!("an empty line"),
    }
}

/// The people as `ann ann_, bob`, sorted.
fn people_in(story: &str) -> String {
    let mut sightings = NickSightings::default();
    read(&mut sightings, "net", story);
    names(&sightings.people(&[]))
}

fn names(found: &FoundPeople) -> String {
    let mut people: Vec<String> = found
        .people
        .iter()
        .map(|person| {
            let mut nicks: Vec<&str> = person.nicks.iter().map(|nick| nick.nick.as_str()).collect();
            nicks.sort_unstable();
            nicks.join(" ")
        })
        .collect();
    people.sort_unstable();
    people.join(", ")
}

#[track_caller]
fn check(why: &str, story: &str, people: &str) {
    assert_eq!(people_in(story), people, "{why}: {story}");
}

#[test]
fn a_nick_change_joins_two_nicks() {
    check(
        "one connection",
        "0 10:00 + ann a@h1
         0 10:01 ann: hello
         0 10:02 ann > zoe
         0 10:03 zoe: it is me",
        "ann zoe",
    );
    check(
        "without a join, from the middle of a log",
        "0 10:01 ann: hello
         0 10:02 ann > zoe
         0 10:03 zoe: it is me",
        "ann zoe",
    );
    check(
        "over three nicks, of which one says nothing",
        "0 10:01 ann: hello
         0 10:02 ann > ann|away
         0 10:03 ann|away > zoe
         0 10:04 zoe: hello",
        "ann zoe",
    );
}

#[test]
fn a_nick_change_does_not_join_people_who_are_both_there() {
    check(
        "a joke: ann took bob's nick for a minute",
        "0 10:00 + ann a@h1
         0 10:00 + bob b@h2
         0 10:01 ann: hello
         0 10:02 bob: hello
         0 10:09 x bob
         1 10:00 ann > bob
         1 10:01 bob: ha
         1 10:02 bob > ann
         1 10:03 ann: back
         2 10:00 + bob b@h2
         2 10:01 bob: hello",
        "ann bob, bob",
    );
}

#[test]
fn a_nick_of_two_people_is_split_by_time() {
    let mut sightings = NickSightings::default();
    read(
        &mut sightings,
        "net",
        "0 10:00 + ann a@h1
         0 10:00 + bob b@h2
         0 10:01 ann: hello
         0 10:02 bob: hello
         0 10:03 ann > guest7
         0 10:04 guest7: ann here
         0 10:05 guest7 > ann
         5 10:00 bob > guest7
         5 10:01 guest7: bob here
         5 10:02 guest7 > bob
         5 10:03 bob: hello
         5 10:04 ann: hello",
    );
    let found = sightings.people(&[]);
    assert_eq!(names(&found), "ann guest7, bob guest7");
    let spans = |name: &str| {
        let person = found.people.iter().find(|person| person.name == name).expect(name);
        assert_eq!(person.sure, Sureness::Doubtful, "{name}");
        let nick = person.nicks.iter().find(|nick| nick.nick == "guest7").expect(name);
        nick.spans.iter().map(|it| (it.0.is_some(), it.1.is_some())).collect::<Vec<_>>()
    };
    assert_eq!(spans("ann"), [(false, true)]);
    assert_eq!(spans("bob"), [(true, false)]);
}

#[test]
fn one_account_is_one_person() {
    check(
        "also with two clients at the same time",
        "0 10:00 + ann a@h1 ann
         0 10:00 + annphone b@h2 ann
         0 10:01 ann: hello
         0 10:02 annphone: hello
         0 10:03 ann: hello",
        "ann annphone",
    );
    check(
        "a cloak names it",
        "0 10:00 + ann a@user/ann
         0 10:01 ann: hello
         0 10:02 x ann
         3 10:00 + zoe b@user/ann
         3 10:01 zoe: hello",
        "ann zoe",
    );
    check(
        "another account is another person, whatever the stem",
        "0 10:00 + dave a@h1 dave
         0 10:01 dave: hello
         0 10:02 x dave
         3 10:00 + dave_ b@h2 other
         3 10:01 dave_: hello",
        "dave, dave_",
    );
    check(
        "and whatever the nick",
        "0 10:00 + dave a@h1 dave
         0 10:01 dave: hello
         0 10:02 x dave
         3 10:00 + dave b@h2 other
         3 10:01 dave: hello",
        "dave, dave",
    );
}

#[test]
fn one_address_joins_unless_several_use_it() {
    check(
        "one after the other",
        "0 10:00 + ann ~a@h1.example.org
         0 10:01 ann: hello
         0 10:02 x ann
         3 10:00 + zoe a@h1.example.org
         3 10:01 zoe: hello",
        "ann zoe",
    );
    check(
        "at the same time: a shared machine",
        "0 10:00 + ann a@h1
         0 10:00 + zoe a@h1
         0 10:01 ann: hello
         0 10:02 zoe: hello
         0 10:05 ann: hello
         0 10:06 zoe: hello",
        "ann, zoe",
    );
    check(
        "a shared machine joins nobody else either",
        "0 10:00 + ann a@h1
         0 10:00 + zoe a@h1
         0 10:01 ann: hello
         0 10:05 zoe: hello
         0 10:06 ann: hello
         0 10:10 x zoe
         0 10:10 x ann
         3 10:00 + tom a@h1
         3 10:01 tom: hello",
        "ann, tom, zoe",
    );
    check(
        "another user of the host is another person",
        "0 10:00 + ann a@h1
         0 10:01 ann: hello
         0 10:02 x ann
         3 10:00 + zoe z@h1
         3 10:01 zoe: hello",
        "ann, zoe",
    );
}

#[test]
fn a_stem_joins_unless_both_are_there() {
    check(
        "without any other sign",
        "0 10:00 dave: hello
         1 10:00 dave_: hello
         2 10:00 [dave]: hello
         3 10:00 dave|away: hello
         4 10:00 dave`^: hello
         5 10:00 david: hello",
        "[dave] dave dave_ dave`^ dave|away, david",
    );
    check(
        "both were there",
        "0 10:00 + dave a@h1
         0 10:00 + dave_ b@h2
         0 10:01 dave: hello
         0 10:05 dave_: hello
         0 10:09 dave: hello
         0 10:10 dave_: hello",
        "dave, dave_",
    );
    check(
        "they take turns in a log without joins",
        "0 10:00 dave: hello
         0 10:02 dave_: hello
         0 10:04 dave: hello
         0 10:06 dave_: hello",
        "dave, dave_",
    );
    check(
        "a nick of everybody has no stem",
        "0 10:00 + guest a@h1
         0 10:01 guest: hello
         0 10:02 x guest
         1 10:00 + guest_ b@h2
         1 10:01 guest_: hello",
        "guest, guest_",
    );
    check(
        "two are like it",
        "0 10:00 dave: hello
         0 10:02 dave_: hello
         0 10:04 dave: hello
         0 10:06 dave_: hello
         9 10:00 dave|away: hello",
        "dave, dave_, dave|away",
    );
}

#[test]
fn a_dead_connection_is_nobody_who_is_there() {
    check(
        "dave comes again before his old connection times out",
        "0 10:00 + dave a@h1
         0 10:01 dave: hello
         0 10:30 + dave_ a@h9
         0 10:31 dave_: my net was gone
         0 10:34 x dave
         0 10:35 dave_: better",
        "dave dave_",
    );
    check(
        "who still speaks is there",
        "0 10:00 + dave a@h1
         0 10:01 dave: hello
         0 10:30 + dave_ a@h9
         0 10:31 dave_: hello
         0 10:33 dave: who are you
         0 10:34 x dave
         0 10:35 dave_: better",
        "dave, dave_",
    );
    check(
        "and who leaves by himself was there until then",
        "0 10:00 + dave a@h1
         0 10:01 dave: hello
         0 10:30 + dave_ b@h2
         0 10:31 dave_: hello
         0 10:34 - dave
         0 10:35 dave_: hello",
        "dave, dave_",
    );
}

#[test]
fn silence_is_presence_only_where_the_log_shows_who_comes() {
    check(
        "idle all day, while another has the nick with a line below",
        "0 10:00 + dave a@h1
         0 10:01 dave: hello
         0 15:00 + dave_ b@h2
         0 15:01 dave_: hello
         0 15:02 x dave_
         0 20:00 dave: hello",
        "dave, dave_",
    );
    check(
        "the same without joins",
        "0 10:01 dave: hello
         0 15:01 dave_: hello
         0 20:00 dave: hello",
        "dave dave_",
    );
}

#[test]
fn a_nick_from_another_place_after_years_is_doubtful() {
    let doubts = |story: &str| {
        let mut sightings = NickSightings::default();
        read(&mut sightings, "net", story);
        let found = sightings.people(&[]);
        found.people.iter().map(|person| person.doubts.len()).collect::<Vec<_>>()
    };
    let story = |day: u32, host: &str| {
        format!(
            "0 10:00 + mike m@a.example.org
             0 10:01 mike: hello
             0 10:02 x mike
             {day} 10:00 + mike {host}
             {day} 10:01 mike: hello"
        )
    };
    assert_eq!(doubts(&story(800, "other@b.example.com")), [1]);
    assert_eq!(doubts(&story(80, "other@b.example.com")), [0], "a short pause");
    assert_eq!(doubts(&story(800, "m@b.example.com")), [0], "the same user name");
    assert_eq!(doubts(&story(800, "other@c.example.org")), [0], "the same provider");
}

#[test]
fn people_of_two_networks_need_more_than_a_nick() {
    for (left, right, people, doubts) in [
        ("ann a@h1", "ann a@h2", "ann ann", 0),
        ("ann a@h1", "ann b@h2", "ann, ann", 1),
        ("ann user@h1", "ann user@h2", "ann, ann", 1),
        ("ann a@h1 ann", "ann b@h2 ann", "ann ann", 0),
        ("ann a@h1", "zoe a@h1", "ann, zoe", 0),
    ] {
        let mut sightings = NickSightings::default();
        for (network, who) in [("libera", left), ("oftc", right)] {
            let nick = who.split_once(' ').expect("a nick").0;
            read(&mut sightings, network, &format!("0 10:00 + {who}\n0 10:01 {nick}: hello"));
        }
        let found = sightings.people(&[]);
        assert_eq!(names(&found), people, "{left} {right}");
        assert!(found.people.iter().all(|it| it.doubts.len() == doubts), "{left} {right}");
    }
}

#[test]
fn what_the_administrator_put_together_or_apart_stays_so() {
    let given = |nicks: &[&[&str]]| -> Vec<GivenPerson> {
        let nick = |nick: &&str| GivenNick {
            network: "net".to_owned(),
            nick: (*nick).to_owned(),
            from: None,
            until: None,
        };
        nicks.iter().map(|nicks| GivenPerson { nicks: nicks.iter().map(nick).collect() }).collect()
    };
    let story = "0 10:00 ann: hello
                 0 10:01 ann > zoe
                 0 10:02 zoe: hello
                 0 10:02 tom: hello
                 0 10:03 ann: that is not me
                 0 11:09 tom_: hello";
    for (nicks, people) in [
        (&[][..], "ann zoe, tom tom_"),
        (&[&["ann"][..], &["zoe"]][..], "ann, tom tom_, zoe"),
        (&[&["ann", "tom"]], "ann tom tom_ zoe"),
        (&[&["TOM"]], "ann zoe, tom tom_"),
    ] {
        let mut sightings = NickSightings::default();
        read(&mut sightings, "net", story);
        let found = sightings.people(&given(nicks));
        assert_eq!(names(&found), people, "{nicks:?}");
    }
}

#[test]
fn people_are_sorted_by_how_much_they_said() {
    let mut sightings = NickSightings::default();
    read(
        &mut sightings,
        "net",
        "0 10:00 lurker > lurker2
         0 10:00 Bob_: one
         0 10:01 Bob_: two
         0 10:02 Bob_ > Bob
         0 10:03 Bob: three
         0 10:03 ann: one",
    );
    let found = sightings.people(&[]);
    let order: Vec<(&str, u64)> =
        found.people.iter().map(|person| (person.name.as_str(), person.lines)).collect();
    assert_eq!(
        order,
        [("Bob", 3), ("ann", 1)],
        "the plain nick is the name; who says nothing is nobody"
    );
    assert_eq!(found.people[0].nicks[1].evidence, Evidence::NickChange);
    assert_eq!(found.people[0].sure, Sureness::Certain);
}
