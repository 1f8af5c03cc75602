//! What the logs of the script lack, format by format: what the clients' sources and documentation tell.

use super::super::*;
use crate::domain::{LogEvent, LogSpeaker, MessageKind};
use crate::migrate::written::{WrittenDate, WrittenLine, WrittenTime};

fn check(format: LogFormat, cases: &[(&str, &str)]) {
    check_with(format, &ParserSettings::default(), cases);
}

fn check_with(format: LogFormat, settings: &ParserSettings, cases: &[(&str, &str)]) {
    let mut parser = LineParser::new(format, settings);
    for (line, expected) in cases {
        assert_eq!(tell(parser.parse(line)), *expected, "{format}: {line:?}");
    }
}

/// A line in few words; without its time, if that is in the line's own words.
fn tell(line: WrittenLine) -> String {
    let (time, events) = match line {
        WrittenLine::Entry { time, event } => (time, vec![event]),
        WrittenLine::Several { time, events } => (time, events),
        WrittenLine::Day { date, time: None } => return format!("day {date}"),
        WrittenLine::Day { date, time: Some(time) } => return format!("day {date} {time}"),
        WrittenLine::Continuation(text) => return format!("more {text}"),
        WrittenLine::Nothing => return "nothing".into(),
        WrittenLine::Unknown => return "unknown".into(),
    };
    let time = match time {
        WrittenTime::Moment(at) => at.to_string(),
        WrittenTime::Local { date, time, has_seconds, zone } => {
            let date = match date {
                WrittenDate::Full(date) => format!("{date} "),
                WrittenDate::WithoutYear { month, day } => format!("{month}/{day} "),
                WrittenDate::None => String::new(),
            };
            let time = time.to_string();
            let zone = zone.map_or(String::new(), |zone| format!(" {zone:?}"));
            format!("{date}{}{zone}", if has_seconds { &time } else { &time[..5] })
        }
        WrittenTime::None => "-".into(),
    };
    let events: Vec<String> = events.into_iter().map(tell_event).collect();
    format!("{time} {}", events.join(", "))
}

fn tell_event(event: LogEvent) -> String {
    match event {
        LogEvent::Message { by, kind: MessageKind::Text, text } => format!("<{}> {text}", who(by)),
        LogEvent::Message { by, kind: MessageKind::Action, text } => {
            format!("* {} {text}", who(by))
        }
        LogEvent::Message { by, kind: MessageKind::Notice, text } => {
            format!("-{}- {text}", who(by))
        }
        LogEvent::Join(by) => format!("join {}", who(by)),
        LogEvent::Part { who: by, reason } => format!("part {}: {reason}", who(by)),
        LogEvent::Quit { who: by, reason } => format!("quit {}: {reason}", who(by)),
        LogEvent::Kick { nick, by, reason } => format!("kick {nick} by {by}: {reason}"),
        LogEvent::Nick { from, to } => format!("nick {} {to}", who(from)),
        LogEvent::Mode { by, change } => format!("mode {change} by {by}"),
        LogEvent::Topic { by, text } => format!("topic by {}: {text}", by.unwrap_or_default()),
        LogEvent::Client(text) => format!("client {text}"),
    }
}

fn who(who: LogSpeaker) -> String {
    let parts = [Some(who.nick), who.userhost, who.account];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

#[test]
fn irssi() {
    check(
        LogFormat::Irssi,
        &[
            ("--- Log opened Mo Mär 09 13:05:07 2026", "day 2026-03-09 13:05:07"),
            ("--- Day changed Sun Oct 26 2025", "day 2025-10-26"),
            ("--- Log closed Sun Nov 29 13:59:57 2026", "nothing"),
            ("--- nonsense", "unknown"),
            // As `log_timestamp` says: `%s`, and `%H:%M:%S %Z`.
            ("1795957155 <@bob> hi", "2026-11-29T12:59:15Z <bob> hi"),
            ("1795957155  * bob waves", "2026-11-29T12:59:15Z * bob waves"),
            ("[1795957155] <@bob> hi", "2026-11-29T12:59:15Z <bob> hi"),
            ("13:59:16 CET <@bob> hi", "13:59:16 CET <bob> hi"),
            ("13:59:16 CET  * bob waves", "13:59:16 CET * bob waves"),
            ("13:59 <@bob> CET or CEST?", "13:59 <bob> CET or CEST?"),
            ("13:59 <CET> hi", "13:59 <CET> hi"),
            ("2026-11-29 13:59:16 UTC <@bob> hi", "2026-11-29T13:59:16Z <bob> hi"),
            (
                "2026-11-29 13:59:16 EST -!- bob [~u@h] has joined #team",
                "2026-11-29 13:59:16 EST join bob ~u@h",
            ),
            ("13:59:07 <@bob> hi", "13:59:07 <bob> hi"),
            ("13:59 <~@bob> hi", "13:59 <bob> hi"),
            ("2026-11-29T13:59:07+0100 <@bob> hi", "2026-11-29T12:59:07Z <bob> hi"),
            ("[2026-11-29 13:59:07 Z] <@bob> hi", "unknown"),
            ("[2026-11-29 13:59:07Z] <@bob> hi", "2026-11-29T13:59:07Z <bob> hi"),
            ("13:59:07.250 <@bob> hi", "13:59:07.25 <bob> hi"),
            ("02:59:07,5 PM <@bob> hi", "14:59:07.5 <bob> hi"),
            ("13:59 <@bob:@#team> to ops only", "nothing"),
            ("13:59 -bob:@#team- to ops only", "nothing"),
            ("13:59 -bob:#team- hi", "13:59 -bob- hi"),
            ("13:59 <bob> ann:@#team is for ops", "13:59 <bob> ann:@#team is for ops"),
            ("13:59  * bob:@#team waves", "nothing"),
            ("13:59  * bob", "13:59 * bob "),
            ("13:59 -!- bob [~u@h] [bobby] has joined #team", "13:59 join bob ~u@h bobby"),
            ("13:59 -!- bob [~u@h] has quit [a] b [c]]", "13:59 quit bob ~u@h: a] b [c]"),
            ("13:59 -!- bob [~u@h] has left #team [[x]]", "13:59 part bob ~u@h: [x]"),
            (
                "13:59 -!- ServerMode/#team [+o bob] by irc.example",
                "13:59 mode +o bob by irc.example",
            ),
            ("13:59 -!- ann changed the topic of #team to: a to: b", "13:59 topic by ann: a to: b"),
            (
                "13:59 -!- Irssi: Join to #team was synced in 13 secs",
                "13:59 client Irssi: Join to #team was synced in 13 secs",
            ),
            (
                "13:59 -!- Netsplit a.b <-> c.d quits: bob, @carl",
                "13:59 quit bob: a.b c.d, quit carl: a.b c.d",
            ),
            (
                "13:59 -!- Netsplit a.b <-> c.d quits: bob, carl, (+2 more, use /NETSPLIT to show all of them)",
                "13:59 quit bob: a.b c.d, quit carl: a.b c.d",
            ),
            ("13:59 -!- Netsplit over, joins: bob, carl", "13:59 join bob, join carl"),
            ("13:59 -!- Netsplit is here", "13:59 client Netsplit is here"),
            // As `log_timestamp` says.
            ("13:59:07 < bob> hi", "13:59:07 <bob> hi"),
            ("[13:59:07] <@bob> hi", "13:59:07 <bob> hi"),
            ("2026-11-29 13:59:07 <@bob> hi", "2026-11-29 13:59:07 <bob> hi"),
            (
                "[2026-11-29 13:59] -!- bob [~u@h] has joined #team",
                "2026-11-29 13:59 join bob ~u@h",
            ),
            ("29.11.2026 13:59  * bob waves", "2026-11-29 13:59 * bob waves"),
            ("Nov 29 13:59:07 <bob> hi", "11/29 13:59:07 <bob> hi"),
            ("01:59 PM <bob> hi", "13:59 <bob> hi"),
            // To and from the writer alone.
            ("13:59 -bob- psst", "nothing"),
            ("13:59 [msg(bob)] psst", "nothing"),
            ("13:59 [notice(bob)] psst", "nothing"),
            ("13:59 [ctcp(bob)] VERSION", "nothing"),
            (
                "13:59 >>> bob [~u@h] requested PING 1 from ann",
                "13:59 client >>> bob [~u@h] requested PING 1 from ann",
            ),
            ("13:59  (*) bob waves", "13:59 client (*) bob waves"),
            ("13:59 -!- You're now known as annie", "13:59 client You're now known as annie"),
            ("13:59 [bob(~u@h)] psst", "nothing"),
            ("13:59 -bob(~u@h)- psst", "nothing"),
            (
                "13:59 !irc.example Connection statistics",
                "13:59 client !irc.example Connection statistics",
            ),
            ("25:59 <@bob> hi", "unknown"),
            ("hello", "unknown"),
            ("", "nothing"),
        ],
    );
}

#[test]
fn weechat() {
    check(
        LogFormat::WeeChat,
        &[
            ("2025-11-30 12:59:16.123456Z\t@bob\thi", "2025-11-30T12:59:16.123456Z <bob> hi"),
            ("2025-11-30T12:59:16Z\tbob\thi", "2025-11-30T12:59:16Z <bob> hi"),
            (
                "2026-11-29 13:59:16\t\u{1b}[32m@\u{1b}[0m\u{1b}[36mbob\u{1b}[0m\thi \u{1b}[1;31mall\u{1b}[0m",
                "2026-11-29 13:59:16 <bob> hi all",
            ),
            ("2026-11-29 13:59:16\t<@bob>\thi", "2026-11-29 13:59:16 <bob> hi"),
            ("2026-11-29 13:59:16\tbob\ta\tb", "2026-11-29 13:59:16 <bob> a\tb"),
            // As people set them.
            ("[2026-11-29 13:59:16]\tbob\thi", "2026-11-29 13:59:16 <bob> hi"),
            ("[2026-11-29 13:59:16 +0100]\tbob\thi", "2026-11-29T12:59:16Z <bob> hi"),
            ("Sun, 29 Nov 2026 13:59:16\tbob\thi", "2026-11-29 13:59:16 <bob> hi"),
            (
                "2026-11-29 13:59:16\t--\tNotice(@bob) -> #team: hi: you",
                "2026-11-29 13:59:16 -bob- hi: you",
            ),
            ("2026-11-29 13:59:16\t--\tNoticeOp(bob): hi", "nothing"),
            ("2026-11-29 13:59:16\t--\tNotice(bob) -> +#team: hi", "nothing"),
            ("2026-11-29 13:59:16\t--\tMsg(bob) -> @#team: to ops", "nothing"),
            ("2026-11-29 13:59:16\t--\tPvNotice(bob): psst", "nothing"),
            (
                "2026-11-29 13:59:16\t-->\tbob [acc] (Bob (the one)) (~u@h) has joined #team",
                "2026-11-29 13:59:16 join bob ~u@h acc",
            ),
            (
                "2026-11-29 13:59:16\t<--\tbob has quit (a (b))",
                "2026-11-29 13:59:16 quit bob: a (b)",
            ),
            (
                "2026-11-29 13:59:16\t<--\tbob (~u@h) has quit",
                "2026-11-29 13:59:16 quit bob ~u@h: ",
            ),
            (
                "2026-11-29 13:59:16\t<--\tann has kicked bob",
                "2026-11-29 13:59:16 kick bob by ann: ",
            ),
            (
                "2026-11-29 13:59:16\t--\tann has changed topic for #team from \"old \"one\"\" to \"new\"",
                "2026-11-29 13:59:16 topic by ann: new",
            ),
            (
                "2026-11-29 13:59:16\t--\tChannel created on Sun, 29 Nov 2026",
                "2026-11-29 13:59:16 client Channel created on Sun, 29 Nov 2026",
            ),
            (
                "2026-11-29 13:59:16\t=!=\tirc: reading data on socket",
                "2026-11-29 13:59:16 client irc: reading data on socket",
            ),
            (
                "2026-11-29 13:59:16\t\tPlugins loaded: irc",
                "2026-11-29 13:59:16 client Plugins loaded: irc",
            ),
            // As `logger.file.time_format` says.
            ("2026-11-29 13:59\tbob\thi", "2026-11-29 13:59 <bob> hi"),
            ("2026-11-29T13:59:16+0100\tbob\thi", "2026-11-29T12:59:16Z <bob> hi"),
            ("2026-11-29 13:59:16 +01:00\tbob\thi", "2026-11-29T12:59:16Z <bob> hi"),
            ("29.11.2026 13:59:16\tbob\thi", "2026-11-29 13:59:16 <bob> hi"),
            ("1795957155\tbob\thi", "2026-11-29T12:59:15Z <bob> hi"),
            ("2026-11-29 13:59:16 CET\tbob\thi", "2026-11-29 13:59:16 CET <bob> hi"),
            ("2026-11-29 13:59:16 XYZT\tbob\thi", "2026-11-29 13:59:16 XYZT <bob> hi"),
            ("2026-11-29 13:59:16 GMT\tbob\thi", "2026-11-29T13:59:16Z <bob> hi"),
            ("2026-11-29 13:59:16 nowhere\tbob\thi", "unknown"),
            // As `weechat.look.prefix_…` say.
            (
                "2026-11-29 13:59:16\t▬▬▶\tbob (~u@h) has joined #team",
                "2026-11-29 13:59:16 join bob ~u@h",
            ),
            (
                "2026-11-29 13:59:16\t⇐\tbob (~u@h) has quit (bye)",
                "2026-11-29 13:59:16 quit bob ~u@h: bye",
            ),
            ("2026-11-29 13:59:16\tℹ\tbob is now known as rob", "2026-11-29 13:59:16 nick bob rob"),
            (
                "2026-11-29 13:59:16\t^_^\tbob is now known as rob",
                "2026-11-29 13:59:16 <^_^> bob is now known as rob",
            ),
            ("2026-11-29 13:59:16\t🫖\ttea?", "2026-11-29 13:59:16 <🫖> tea?"),
            ("2026-11-29 13:59:16 bob hi", "unknown"),
        ],
    );
}

#[test]
fn znc_and_soju() {
    check(
        LogFormat::Znc,
        &[
            ("[13:59:16] *** Joins: bob (~u@h) bobby", "13:59:16 join bob ~u@h bobby"),
            ("[13:59:16] *** Joins: bob (~u@h) *", "13:59:16 join bob ~u@h"),
            ("[13:59:16] *** Quits: bob (~u@h) (a) (b)", "13:59:16 quit bob ~u@h: a) (b"),
            ("[13:59:16] *** ann changes topic to 'it's'", "13:59:16 topic by ann: it's"),
            ("[13:59:16] *** Server sets mode: + ", "13:59:16 mode + by Server"),
            (
                "[13:59:16] <*status> You have several networks",
                "13:59:16 <*status> You have several networks",
            ),
            (
                "[13:59:16] Connected to IRC (127.0.0.1 22210)",
                "13:59:16 client Connected to IRC (127.0.0.1 22210)",
            ),
            ("[13:59:16] *** odd", "13:59:16 client odd"),
            // As `-timestamp` says.
            ("[2026-11-29 13:59:16] <bob> hi", "2026-11-29 13:59:16 <bob> hi"),
            ("[13:59] * bob waves", "13:59 * bob waves"),
            ("13:59:16 <bob> hi", "13:59:16 <bob> hi"),
            ("2026-11-29 13:59:16 * bob waves", "2026-11-29 13:59:16 * bob waves"),
            ("13:59:16<bob> hi", "unknown"),
        ],
    );
}

#[test]
fn hexchat_and_xchat() {
    check(
        LogFormat::HexChat,
        &[
            (
                "**** BEGINN DER PROTOKOLLIERUNG AM Sun Nov 29 13:59:32 2026",
                "day 2026-11-29 13:59:32",
            ),
            ("**** ЖУРНАЛИРОВАНИЕ НАЧАТО Sun Nov 29 13:59:32 2026", "day 2026-11-29 13:59:32"),
            ("**** ENDING LOGGING AT Sun Nov 29 14:59:32 2026", "day 2026-11-29 14:59:32"),
            ("Mär 09 13:59:16 <bob>\thi", "3/9 13:59:16 <bob> hi"),
            ("Feb 29 13:59:16 <bob>\thi", "2/29 13:59:16 <bob> hi"),
            ("Feb 30 13:59:16 <bob>\thi", "unknown"),
            ("2026-11-29 13:59:16 <bob>\thi", "2026-11-29 13:59:16 <bob> hi"),
            ("1795957155 <bob>\thi", "2026-11-29T12:59:15Z <bob> hi"),
            ("Nov 29 13:59:16 CET <bob>\thi", "11/29 13:59:16 CET <bob> hi"),
            // As people set them.
            ("[2026-11-29 13:59:16] <bob>\thi", "2026-11-29 13:59:16 <bob> hi"),
            ("[13:59] *\tbob waves", "13:59 * bob waves"),
            ("(13:59:16) <bob>\thi", "13:59:16 <bob> hi"),
            ("13:59 <bob>\thi", "13:59 <bob> hi"),
            ("29.11.2026 01:59:16 PM <bob>\thi", "2026-11-29 13:59:16 <bob> hi"),
            ("Sun, 29 Nov 2026 13:59 <bob>\thi", "2026-11-29 13:59 <bob> hi"),
            ("Nov 29 13:59:16 -->\tbob (~u@h) has joined #team", "11/29 13:59:16 join bob ~u@h"),
            ("Nov 29 13:59:16 <--\tbob has quit (bye)", "11/29 13:59:16 quit bob: bye"),
            ("Nov 29 13:59:16 ---\tbob is now known as bobby", "11/29 13:59:16 nick bob bobby"),
            (
                "Nov 29 13:59:16 *\tbob (~u@h) has left #team (a (b))",
                "11/29 13:59:16 part bob ~u@h: a (b)",
            ),
            (
                "Nov 29 13:59:16 *\tbob has left the building",
                "11/29 13:59:16 * bob has left the building",
            ),
            (
                "Nov 29 13:59:16 *\tbob gives voice to his anger",
                "11/29 13:59:16 * bob gives voice to his anger",
            ),
            (
                "Nov 29 13:59:16 *\tbob is now known as a good cook",
                "11/29 13:59:16 * bob is now known as a good cook",
            ),
            ("Nov 29 13:59:16 *\tann sets mode +im #team", "11/29 13:59:16 mode +im by ann"),
            ("Nov 29 13:59:16 *\tann removes channel keyword", "11/29 13:59:16 mode -k by ann"),
            ("Nov 29 13:59:16 *\t[bob] (~u@h) : Bob", "11/29 13:59:16 client [bob] (~u@h) : Bob"),
            (
                "Nov 29 13:59:16 *\tTopic for #team is tea",
                "11/29 13:59:16 client Topic for #team is tea",
            ),
            (
                "Nov 29 13:59:16 *\tReceived a CTCP VERSION from bob (to #team)",
                "11/29 13:59:16 client Received a CTCP VERSION from bob (to #team)",
            ),
            (
                "Nov 29 13:59:16 *\tYou are now known as annie",
                "11/29 13:59:16 client You are now known as annie",
            ),
            ("Nov 29 13:59:16 *\tbob sets modes [+o ann]", "11/29 13:59:16 mode +o ann by bob"),
            (
                "Nov 29 13:59:16 *\tbob sets modes of fashion",
                "11/29 13:59:16 * bob sets modes of fashion",
            ),
            // In other languages.
            ("Nov 29 13:59:16 *\tbob (~u@h) ist beigetreten.", "11/29 13:59:16 join bob ~u@h"),
            (
                "Nov 29 13:59:16 *\tbob (~u@h) ist gegangen (a (b)).",
                "11/29 13:59:16 part bob ~u@h: a (b)",
            ),
            (
                "Nov 29 13:59:16 *\tbob hat die Verbindung getrennt (bye).",
                "11/29 13:59:16 quit bob: bye",
            ),
            ("Nov 29 13:59:16 *\tbob heißt jetzt rob", "11/29 13:59:16 nick bob rob"),
            (
                "Nov 29 13:59:16 *\tbob heißt jetzt anders als früher",
                "11/29 13:59:16 * bob heißt jetzt anders als früher",
            ),
            (
                "Nov 29 13:59:16 *\tann hat bob aus #team hinausgeworfen (a (b)).",
                "11/29 13:59:16 kick bob by ann: a (b)",
            ),
            ("Nov 29 13:59:16 *\tann setzt Modus +n auf #team", "11/29 13:59:16 mode +n by ann"),
            ("nov. 29 13:59:16 *\tbob (~u@h) vient de rentrer", "11/29 13:59:16 join bob ~u@h"),
            ("Nov 29 13:59:16 *\tbob saiu (tchau)", "11/29 13:59:16 quit bob: tchau"),
            ("Nov 29 13:59:16 *\tbob saiu com pressa", "11/29 13:59:16 * bob saiu com pressa"),
            ("ноя 29 13:59:16 *\tann поменял топик на: чай", "11/29 13:59:16 topic by ann: чай"),
            ("Nov 29 13:59:16 -bob-\tpsst", "nothing"),
            ("Nov 29 13:59:16 *bob*\tpsst", "nothing"),
            ("Nov 29 13:59:16 >bob<\tpsst", "nothing"),
        ],
    );
}

#[test]
fn eggdrop() {
    check(
        LogFormat::Eggdrop,
        &[
            ("[00:00] --- Sun Nov 29 2026", "day 2026-11-29 00:00:00"),
            ("[13:59] <bob> hi", "13:59 <bob> hi"),
            ("[13:59:16] @<bob> to ops", "13:59:16 client @<bob> to ops"),
            ("[13:59:16] -bob:@#team- to ops", "13:59:16 client -bob:@#team- to ops"),
            (
                "[13:59:16] Action to @#team: bob waves",
                "13:59:16 client Action to @#team: bob waves",
            ),
            ("[13:59:16] bob (~u@h) got netsplit.", "13:59:16 quit bob ~u@h: netsplit"),
            ("[13:59:16] bob (~u@h) returned to #team.", "13:59:16 join bob ~u@h"),
            ("[13:59:16] bob (~u@h) left #team (a. (b)).", "13:59:16 part bob ~u@h: a. (b)"),
            ("[13:59:16] bob kicked from #team by ann!u@h: a: b", "13:59:16 kick bob by ann: a: b"),
            (
                "[13:59:16] #team: mode change '+o bob' by irc.example",
                "13:59:16 mode +o bob by irc.example",
            ),
            ("[13:59:16] bob left the building", "13:59:16 client bob left the building"),
            (
                "[13:59:16] JOIN flood from @127.0.0.1!  Banning.",
                "13:59:16 client JOIN flood from @127.0.0.1!  Banning.",
            ),
            (
                "[13:59:16] -ERROR from server- Server going down",
                "13:59:16 client -ERROR from server- Server going down",
            ),
        ],
    );
}

#[test]
fn limnoria_and_supybot() {
    check(
        LogFormat::Limnoria,
        &[
            ("2006-11-29T13:59:16  *** bob has joined #team", "2006-11-29 13:59:16 join bob"),
            ("2006-11-29T13:59:16  *** bob has quit IRC", "2006-11-29 13:59:16 quit bob: "),
            (
                "2026-11-29T13:59:16  *** bob was kicked by ann",
                "2026-11-29 13:59:16 kick bob by ann: ",
            ),
            ("2026-11-29T13:59:16  -= THIS MESSAGE NOT LOGGED =-", "nothing"),
            ("2026-11-29T13:59:16  <bob> \u{1}VERSION\u{1}", "2026-11-29 13:59:16 client VERSION"),
        ],
    );
}

#[test]
fn energymech() {
    check(
        LogFormat::EnergyMech,
        &[
            ("[13:59:16] -bob:#team- hi", "13:59:16 -bob- hi"),
            ("[13:59:16] *** Parts: bob (~u@h)", "13:59:16 part bob ~u@h: "),
            ("[13:59:16] *** Quits: bob (a (b))", "13:59:16 quit bob: a (b)"),
            ("[13:59:16] *** ann changes topic to \"a \"b\"\"", "13:59:16 topic by ann: a \"b\""),
        ],
    );
}

#[test]
fn the_lounge() {
    let at = "2014-03-02T10:11:12Z";
    for (line, expected) in [
        ("<@bob> hi", "<bob> hi"),
        ("| and more", ""),
        ("* @bob waves", "* bob waves"),
        ("*** bob (~u@h) left (undefined)", "part bob ~u@h: "),
        ("*** bob (~u@h) quit (a (b))", "quit bob ~u@h: a (b)"),
        ("*** bob changed nick to bobby", "nick bob bobby"),
        ("*** ann set mode +o bob", "mode +o bob by ann"),
        ("*** ann changed topic to 'it's'", "topic by ann: it's"),
        ("*** bob changed host to 'u@new'", "client bob changed host to 'u@new'"),
    ] {
        let line = format!("[2014-03-02T10:11:12.000Z] {line}");
        let expected = match expected {
            "" => "more and more".to_owned(),
            _ => format!("{at} {expected}"),
        };
        check(LogFormat::TheLounge, &[(&line, &expected)]);
    }
    check(LogFormat::TheLounge, &[("[2014-03-02T10:11:12.000] <bob> hi", "unknown")]);
}

#[test]
fn the_lounge_before_version_3() {
    for (line, expected) in [
        ("<bob> hi", "<bob> hi"),
        ("<bob> * a", "<bob> * a"),
        ("* bob action waves", "* bob waves"),
        ("* bob action", "* bob "),
        ("* bob notice lunch", "-bob- lunch"),
        ("* bob (~u@h) join", "join bob ~u@h"),
        ("* bob (~u@h) part bye now", "part bob ~u@h: bye now"),
        ("* bob (~u@h) quit Quit: x", "quit bob ~u@h: Quit: x"),
        ("* bob nick rob", "nick bob rob"),
        ("* ann mode +o bob", "mode +o bob by ann"),
        ("* ann topic a * b", "topic by ann: a * b"),
        ("* ann kick go", "client ann kick go"),
        ("* #tea topic a * b", "client #tea topic a * b"),
    ] {
        let line = format!("[2014-03-02 10:11:12] {line}");
        let expected = format!("2014-03-02T10:11:12Z {expected}");
        check(LogFormat::TheLounge, &[(&line, &expected)]);
    }
}

#[test]
fn mirc() {
    check(
        LogFormat::Mirc,
        &[
            ("\u{feff}", "nothing"),
            ("Session Start: Fri Dec 03 14:58:01 2004", "day 2004-12-03 14:58:01"),
            ("Session Ident: #team", "nothing"),
            ("[14:58] * Now talking in #team", "14:58 client Now talking in #team"),
            (
                "[14:58] * Set by ann on Tue Oct 25 10:19:06",
                "14:58 client Set by ann on Tue Oct 25 10:19:06",
            ),
            ("[14:58] <@bob> hi", "14:58 <bob> hi"),
            ("[14:58:01] <bob> hi", "14:58:01 <bob> hi"),
            ("[02:58 pm] <bob> hi", "14:58 <bob> hi"),
            ("\u{3}03[14:58] * bob (~u@h) has joined #team", "14:58 join bob ~u@h"),
            ("[14:58] * bob (~u@h) Quit (a (b))", "14:58 quit bob ~u@h: a (b)"),
            ("[14:58] *** bob has quit IRC (bye)", "14:58 quit bob: bye"),
            ("[14:58] *** Joins: bob (~u@h)", "14:58 join bob ~u@h"),
            ("[14:58] * Quits: bob (~u@h) (bye)", "14:58 quit bob ~u@h: bye"),
            ("[14:58] * bob Quits smoking", "14:58 * bob Quits smoking"),
            ("[14:58] * ann changes topic to 'it's'", "14:58 topic by ann: it's"),
            ("[14:58] -bob:#team- hi", "14:58 -bob- hi"),
            ("[14:58] -bob:@#team- hi", "nothing"),
            ("[2004-12-03 14:58:01] <bob> hi", "2004-12-03 14:58:01 <bob> hi"),
            ("(2:58pm) <bob> hi", "14:58 <bob> hi"),
            ("14:58 <bob> hi", "14:58 <bob> hi"),
            ("\u{3}03[14:58] * Parts: bob (~u@h) (bye)", "14:58 part bob ~u@h: bye"),
            ("[14:58] * bob was kicked by ann (out (now))", "14:58 kick bob by ann: out (now)"),
            // Colours of nicks and events go, those of texts stay.
            ("\u{3}01[14:58] <\u{3}04@bob\u{3}> \u{2}hi\u{2}", "14:58 <bob> \u{2}hi\u{2}"),
            ("[14:58] \u{3}12<bob>\u{3} hi", "14:58 <bob> hi"),
            ("[14:58] \u{3}3* bob (~u@h) has joined #team\u{3}", "14:58 join bob ~u@h"),
            ("[14:58] * bob is \u{2}here\u{2}", "14:58 * bob is \u{2}here\u{2}"),
            // To and from the writer alone.
            ("[14:58] -NickServ- You are identified", "14:58 client -NickServ- You are identified"),
            ("[14:58] *bob* psst", "14:58 client *bob* psst"),
            ("[14:58] -> *bob* psst", "14:58 client -> *bob* psst"),
            ("[14:58] -> -bob- psst", "14:58 client -> -bob- psst"),
            ("<bob> without a time", "- <bob> without a time"),
            ("Session Time: Sat Dec 04 00:00:00 2004", "day 2004-12-04 00:00:00"),
            ("Session Close: Sat Dec 04 00:10:00 2004", "nothing"),
            ("hello", "unknown"),
        ],
    );
}

#[test]
fn textual() {
    let at = "2008-07-09T04:13:30Z";
    for (line, expected) in [
        ("[2008-07-09T16:13:30+1200] <@bob> hi", "<bob> hi"),
        ("[2008-07-09T16:13:30+12:00] <bob> Begin Session", "<bob> Begin Session"),
        ("[2008-07-09T00:13:30-0400] • bob: waves: all", "* bob waves: all"),
        ("[2008-07-09T16:13:30+1200] -bob- hi", "-bob- hi"),
        ("[2008-07-09T16:13:30+1200] bob (~u@h) joined the channel.", "join bob ~u@h"),
        ("[2008-07-09T16:13:30+1200] bob (~u@h) left IRC. (a (b))", "quit bob ~u@h: a (b)"),
        (
            "[2008-07-09T16:13:30+1200] ann kicked bob from the channel. (out)",
            "kick bob by ann: out",
        ),
        ("[2008-07-09T16:13:30+1200] ann sets mode: +o bob", "mode +o bob by ann"),
        (
            "[2008-07-09T16:13:30+1200] Connecting to irc.example",
            "client Connecting to irc.example",
        ),
    ] {
        check(LogFormat::Textual, &[(line, &format!("{at} {expected}"))]);
    }
    check(LogFormat::Textual, &[("++ Begin Session: Wed Jul 9 2008 ++", "nothing")]);
}

#[test]
fn ii() {
    let at = "2026-11-29T12:59:15Z";
    for (line, expected) in [
        ("<bob> \u{1}ACTION waves", "* bob waves"),
        ("-!- bob(~u@h) has quit \"a \"b\"\"", "quit bob ~u@h: a \"b\""),
        ("-!- bob changed nick to bobby", "nick bob bobby"),
        ("-!- ann changed mode/#team -> +o bob ", "mode +o bob by ann"),
        ("-!- \"build is done\")", "client \"build is done\")"),
        ("= #team iil irl", "client = #team iil irl"),
    ] {
        check(LogFormat::Ii, &[(&format!("1795957155 {line}"), &format!("{at} {expected}"))]);
    }
    check(LogFormat::Ii, &[("2026 <bob> hi", "unknown"), ("1795957155", "unknown")]);
}

#[test]
fn patterns() {
    for (pattern, line, expected) in [
        (
            "[%Y-%m-%d %H:%M] <{nick}> {text}",
            "[2026-11-29 13:59] <@bob> hi",
            "2026-11-29 13:59 <bob> hi",
        ),
        ("%F %T {nick}: {text}", "2026-11-29 13:59:16 bob: a: b", "2026-11-29 13:59:16 <bob> a: b"),
        (
            "%e %b %y, %I:%M %p * {nick} {action}",
            " 9 mars 26, 01:59 pm * bob waves",
            "2026-03-09 13:59 * bob waves",
        ),
        ("%s -{nick}- {notice}", "1795957155 -bob- hi", "2026-11-29T12:59:15Z -bob- hi"),
        (
            "%FT%T.%f%z {nick} 100%% {text}",
            "2026-11-29T13:59:16.5+0100 bob 100% sure",
            "2026-11-29T12:59:16.5Z <bob> sure",
        ),
        (
            "%F %T %Z {nick} {text}",
            "2026-11-29 13:59:16 CEST bob hi",
            "2026-11-29 13:59:16 CEST <bob> hi",
        ),
        (
            "%F %T %Z {nick} {text}",
            "2026-11-29 13:59:16 -03 bob hi",
            "2026-11-29 13:59:16 -03 <bob> hi",
        ),
        (
            "%F %T %Z {nick} {text}",
            "2026-11-29 13:59:16 UTC bob hi",
            "2026-11-29T13:59:16Z <bob> hi",
        ),
        ("%a %d.%m. %R {nick}> {text}", "So 29.11. 13:59 bob> hi", "11/29 13:59 <bob> hi"),
        (
            r"^\[(?<time>[^\]]+)\] <(?<nick>\S+)> (?<text>.*)$",
            "[2026-11-29 13:59] <bob> hi",
            "2026-11-29 13:59 <bob> hi",
        ),
        (
            r"^(?<time>\S+) (?<nick>\S+) (?<text>.*)$",
            "2026-11-29T13:59:16Z bob hi",
            "2026-11-29T13:59:16Z <bob> hi",
        ),
        (
            r"^(?<time>\S+) (?<nick>\S+) (?<text>.*)$",
            "1795957155 bob hi",
            "2026-11-29T12:59:15Z <bob> hi",
        ),
        (
            r"^(?<day>\d+) (?<month>\w+) (?<hour>\d+)h(?<minute>\d+) (?<nick>\S+) (?<action>.*)$",
            "29 Nov 13h59 bob waves",
            "11/29 13:59 * bob waves",
        ),
        ("%H:%M <{nick}> {text}", "25:00 <bob> hi", "unknown"),
        ("%H:%M <{nick}> {text}", "13:59 * bob waves", "unknown"),
        ("%H:%M <{nick}> {text}", "13:59 <not a nick> hi", "unknown"),
    ] {
        let patterns = vec![pattern.parse().unwrap_or_else(|error| panic!("{error}"))];
        check_with(LogFormat::Pattern, &ParserSettings { patterns }, &[(line, expected)]);
    }
}

#[test]
fn several_patterns_are_tried_in_turn() {
    let patterns = ["%R <{nick}> {text}", "%R * {nick} {action}"];
    let patterns = patterns.map(|pattern| pattern.parse().unwrap()).to_vec();
    let cases = [("13:59 <bob> hi", "13:59 <bob> hi"), ("13:59 * bob waves", "13:59 * bob waves")];
    check_with(LogFormat::Pattern, &ParserSettings { patterns }, &cases);
}

#[test]
fn a_pattern_that_cannot_work_is_told() {
    for (pattern, expected) in [
        (
            "<{nick}> {text}",
            "has no time: write %H:%M or %H:%M:%S where it stands, or %s for seconds since 1970",
        ),
        ("%H:%M <{nick}>", "must end with {text}, {action} or {notice}, and have it once"),
        ("%H:%M {text}", "needs {nick} once, where the nick stands"),
        ("%H:%M {nick}{text}", "needs something between {nick} and what follows, such as a space"),
        (
            "%H:%M <{name}> {text}",
            "has {name, which is not known: use {nick}, and {text}, {action} or {notice}",
        ),
        (
            "%H:%M <{nick> {text}",
            "has {nick> {text, which is not known: use {nick}, and {text}, {action} or {notice}",
        ),
        ("%H:%M %", "ends with %: write %% for a percent sign"),
        ("%I:%M <{nick}> {text}", "has %I, the hour to twelve, without %p, which half of the day"),
        (
            "%Y %H:%M <{nick}> {text}",
            "has a part of a date: it needs both day and month, such as %Y-%m-%d",
        ),
        ("^(?<nick>", "is no regular expression: "),
        (
            "^(?<time>.*) (?<who>.*)",
            "has a group \"who\"; use time (or year, month, day, hour, minute, second), nick, and text, action or notice",
        ),
        ("^(?<time>.*) (?<text>.*)", "has no group nick: put (?<nick>…) around the nick"),
        ("^(?<time>.*) (?<nick>.*)", "needs one group text, action or notice: (?<text>…)"),
        ("^(?<nick>.*) (?<text>.*)", "has no time: put (?<time>…) around it"),
        ("^(?:a{999}){999}(?<time>.)(?<nick>.)(?<text>.)", "is no regular expression: "),
    ] {
        let error = pattern.parse::<LinePattern>().unwrap_err().to_string();
        let expected = format!("the pattern {pattern:?} {expected}");
        assert!(error.starts_with(&expected), "{error}\n{expected}");
    }
}
