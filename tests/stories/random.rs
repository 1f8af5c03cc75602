//! Under random losses and restarts, each line of a channel is mirrored once and in order, and each of ours is
//! sent once.

use proptest::prelude::*;

use crate::harness::World;
use crate::irc_catchup::KEEPS;
use crate::receipts::irc_in;
use crate::{LETSCHAT_IN, LETSCHAT_IN_AGAIN};

/// One thing that happens on an IRC server or on the way to it.
#[derive(Debug, Clone, Copy)]
enum Act {
    /// Somebody says one of a few things.
    Say(u8),
    /// This many milliseconds pass.
    Pass(u16),
    Lose,
    Back,
    /// The process is killed and started again, without connections.
    Die,
    /// The server answers a request.
    Answer,
    /// Bob posts this many lines in the room.
    Post(u8),
    /// The server echoes a line of ours.
    Echo,
    /// The connection is cut, and the bridge does not notice.
    Cut,
}

fn events_strategy() -> impl Strategy<Value = Act> {
    prop_oneof![
        6 => (0..3_u8).prop_map(Act::Say),
        3 => (0..1_500_u16).prop_map(Act::Pass),
        1 => Just(Act::Lose),
        2 => Just(Act::Back),
        1 => Just(Act::Die),
        3 => Just(Act::Answer),
        2 => (1..4_u8).prop_map(Act::Post),
        4 => Just(Act::Echo),
        1 => Just(Act::Cut),
    ]
}

/// An IRC server with history, and a room that accepts every post.
struct Told {
    world: World,
    /// History as in soju: times in seconds, without msgids.
    coarse: bool,
    clock: i64,
    connected: bool,
    cut: bool,
    /// The messages in the channel: time, author and text.
    said: Vec<(i64, &'static str, String)>,
    asked: Vec<(String, i64, usize)>,
    /// Lines of ours still to be echoed: the label, and the index in `said`.
    echoes: Vec<(String, usize)>,
    mirrored: Vec<String>,
    posted: Vec<String>,
}

impl Told {
    fn new(coarse: bool) -> Self {
        let mut world = World::new(&["office/#tea tea"]).unpaced().without_merging();
        world.tell(LETSCHAT_IN);
        world.tell(&irc_in(KEEPS));
        let clock = 1_795_348_800_000;
        Self {
            world,
            coarse,
            clock,
            connected: true,
            cut: false,
            said: Vec::new(),
            asked: Vec::new(),
            echoes: Vec::new(),
            mirrored: Vec::new(),
            posted: Vec::new(),
        }
    }

    fn act(&mut self, act: Act) {
        match act {
            Act::Say(what) => self.say(what),
            Act::Pass(milliseconds) => self.clock += i64::from(milliseconds),
            Act::Lose if self.connected => {
                self.world.tell_on("irc lost");
                self.gone();
            }
            Act::Back if !self.connected => {
                self.world.tell_on(&irc_in(KEEPS));
                let limit = "005 bridge CHATHISTORY=7 :are supported by this server";
                self.world.tell_on(&format!("irc < :irc.example {limit}"));
                self.connected = true;
            }
            Act::Die => {
                self.world.tell_on("restart");
                self.gone();
                self.world.tell_on(LETSCHAT_IN_AGAIN);
            }
            Act::Answer => self.answer(),
            Act::Post(lines) => self.post(lines),
            Act::Echo => self.echo(),
            Act::Cut => self.cut = self.connected,
            Act::Lose | Act::Back => {}
        }
        self.hear();
    }

    fn gone(&mut self) {
        (self.connected, self.cut) = (false, false);
        self.asked.clear();
        self.echoes.clear();
    }

    fn post(&mut self, lines: u8) {
        let lines: Vec<String> =
            (0..lines).map(|line| format!("{}.{line}", self.posted.len())).collect();
        let id = 0x6b00_1000 + self.posted.len();
        let text = lines.join("\\n");
        self.world.tell_on(&format!(
            r#"lc < 42["messages:new",{{"id":"{id:08x}0000000000000001","text":"{text}","posted":"2026-11-22T12:00:00.000Z","owner":{{"id":"u1","username":"bob"}},"room":{{"id":"r1"}}}}]"#
        ));
        self.posted.extend(lines);
    }

    fn echo(&mut self) {
        if self.cut || self.echoes.is_empty() {
            return;
        }
        let (label, index) = self.echoes.remove(0);
        let (time, _, text) = &self.said[index];
        let time = shown(*time);
        self.world.tell_on(&format!(
            "irc < @label={label};msgid=m{index};time={time} :bridge!b@host PRIVMSG #tea :{text}"
        ));
    }

    fn say(&mut self, what: u8) {
        self.clock += 200;
        let text = if self.coarse { what.to_string() } else { self.said.len().to_string() };
        if self.connected && !self.cut {
            let id =
                if self.coarse { String::new() } else { format!("msgid=m{};", self.said.len()) };
            let time = shown(self.clock);
            self.world.tell_on(&format!("irc < @{id}time={time} :ann!a@host PRIVMSG #tea :{text}"));
        }
        self.said.push((self.clock, "ann", text));
    }

    /// Sends the requested page.
    fn answer(&mut self) {
        if self.cut || self.asked.is_empty() {
            return;
        }
        let (label, since, limit) = self.asked.remove(0);
        let kept = |time: i64| if self.coarse { time / 1_000 * 1_000 } else { time };
        let page = self.said.iter().enumerate().filter(|(_, (time, ..))| kept(*time) > since);
        let mut story = format!("irc < @label={label} :irc.example BATCH +x chathistory #tea\n");
        for (index, (time, nick, text)) in page.take(limit) {
            let id = if self.coarse { String::new() } else { format!("msgid=m{index};") };
            let time = shown(kept(*time));
            let line = format!(":{nick}!u@host PRIVMSG #tea :{text}");
            story += &format!("irc < @batch=x;{id}time={time} {line}\n");
        }
        self.world.tell_on(&format!("{story}irc < :irc.example BATCH -x"));
    }

    /// Processes what the bridge sends, until it sends nothing more.
    fn hear(&mut self) {
        loop {
            let (irc, letschat) = self.world.sent();
            if irc.is_empty() && letschat.is_empty() {
                return;
            }
            for line in irc {
                if self.cut {
                    continue;
                }
                if let Some((label, text)) = line.split_once(" PRIVMSG #tea :") {
                    self.clock += 200;
                    let label = label.strip_prefix("@label=").unwrap().to_owned();
                    self.echoes.push((label, self.said.len()));
                    self.said.push((self.clock, "bridge", text.to_owned()));
                    continue;
                }
                let words: Vec<&str> = line.split(' ').collect();
                if let ["CHATHISTORY", "AFTER", "#tea", since, limit] = words[1..] {
                    let label = words[0].strip_prefix("@label=").unwrap().to_owned();
                    let since: jiff::Timestamp =
                        since.strip_prefix("timestamp=").unwrap().parse().unwrap();
                    self.asked.push((label, since.as_millisecond(), limit.parse().unwrap()));
                }
            }
            for call in letschat {
                let (number, call) = call.split_at(call.find('[').unwrap_or(call.len()));
                let ack = number.replacen("42", "43", 1);
                let call: serde_json::Value = serde_json::from_str(call).unwrap_or_default();
                let answer = match call[0].as_str() {
                    Some("messages:create") => {
                        let text = call[1]["text"].as_str().unwrap().to_owned();
                        self.mirrored.push(text.clone());
                        let id = 0x6b00_0020 + self.mirrored.len();
                        let posted = "2026-11-22T12:00:00.000Z";
                        serde_json::json!([{"id": format!("{id:08x}0000000000000001"), "text": text, "posted": posted, "owner": "u0", "room": "r1"}])
                    }
                    _ => serde_json::json!([[]]),
                };
                self.world.tell_on(&format!("lc < {ack}{answer}"));
            }
        }
    }
}

/// A time as IRC servers show it.
fn shown(milliseconds: i64) -> String {
    let time = jiff::Timestamp::from_millisecond(milliseconds).unwrap();
    time.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn every_line_is_mirrored_once_and_in_order(
        coarse: bool,
        events_strategy in prop::collection::vec(events_strategy(), 0..60),
    ) {
        let mut told = Told::new(coarse);
        // Without any received line, an empty history proves nothing.
        told.act(Act::Say(0));
        for act in events_strategy {
            told.act(act);
        }
        told.act(Act::Lose);
        told.act(Act::Back);
        while !(told.asked.is_empty() && told.echoes.is_empty()) {
            told.act(Act::Answer);
            told.act(Act::Echo);
        }
        let by = |who| told.said.iter().filter(move |(_, nick, _)| *nick == who);
        let said: Vec<String> = by("ann").map(|(_, _, text)| format!("<ann> {text}")).collect();
        prop_assert_eq!(&told.mirrored, &said);
        let posted: Vec<String> = told.posted.iter().map(|text| format!("<bob> {text}")).collect();
        let mut ours: Vec<String> = by("bridge").map(|(_, _, text)| text.clone()).collect();
        if coarse {
            // Lines that cannot be distinguished are resent and marked.
            let mut again = ours.clone();
            again.retain(|text| text.contains("(resent) "));
            ours.retain(|text| !again.contains(text));
            again.sort_unstable();
            // Perhaps more than once, if the process was killed more than once.
            again.dedup();
            let words = |text: &String| text.replace("(resent) ", "");
            ours.extend(again.iter().map(words).filter(|text| !by("bridge").any(|it| it.2 == *text)));
            ours.sort_unstable();
            let mut posted = posted.clone();
            posted.sort_unstable();
            prop_assert_eq!(ours, posted);
        } else {
            prop_assert_eq!(ours, posted);
        }
    }
}
