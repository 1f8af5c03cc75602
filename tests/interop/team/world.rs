//! The team, its channels and rooms, the bridge between them, and what the test may ask of all of them.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::process::Output;
use std::time::{Duration, SystemTime};

use futures_util::future::join_all;
use serde_json::Value;
use tokio::process::Command;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::people::{BRIDGE, Person};
use super::progress::{Directory, Figures};
use super::record::{Fate, Line, Record, Side};
use super::rooms::Rooms;
use crate::crash::program::Program;

/// How many people there are; so many of them have linked their accounts, the first ones.
pub(super) const PEOPLE: usize = 30;
pub(super) const LINKED: usize = 10;

/// The channels. The bridge is operator of the first one only.
pub(super) const CHANNELS: [&str; 2] = ["#dev", "#ops"];
pub(super) const DEV: usize = 0;
pub(super) const OPS: usize = 1;

/// The topics before the move.
pub(super) const TOPICS: [&str; 2] = ["Tea at four", "Keep it running"];

/// Speaks by notices.
pub(super) const BOT: &str = "gitlab";

/// How long anything may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// Everything.
pub(super) struct World {
    pub(super) program: Program,
    pub(super) rooms: Rooms,
    pub(super) slugs: [String; 2],
    /// The operator of both channels, who hears everything.
    pub(super) keeper: Person,
    pub(super) bot: Person,
    pub(super) people: Vec<Person>,
    pub(super) record: Record,
    pub(super) directory: Directory,
    pub(super) phases: [&'static str; 2],
    server: SocketAddr,
    pub(super) kills: usize,
}

/// The user of somebody in Let's Chat.
pub(super) fn user(number: usize) -> String {
    format!("u{number:02}")
}

/// The nick of somebody on IRC.
pub(super) fn nick(number: usize) -> String {
    format!("p{number:02}")
}

/// The slugs of the rooms of this run: a real server keeps those of earlier ones.
pub(super) fn slugs() -> [String; 2] {
    let run = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis();
    [format!("dev{run}"), format!("ops{run}")]
}

impl World {
    /// All are in their channels, and the bridge runs.
    pub(super) async fn gather(server: SocketAddr, rooms: Rooms, slugs: [String; 2]) -> Self {
        let mut keeper = Person::connect(server, "keeper").await;
        for (channel, topic) in CHANNELS.into_iter().zip(TOPICS) {
            keeper.join(channel).await;
            keeper.send(&format!("MODE {channel} +nt"));
            keeper.send(&format!("TOPIC {channel} :{topic}"));
        }
        keeper.sync().await;
        let mut bot = Person::connect(server, BOT).await;
        bot.join(CHANNELS[DEV]).await;
        // InspIRCd takes a second for each.
        let people = join_all((1..=PEOPLE).map(async |number| {
            let mut person = Person::connect(server, &nick(number)).await;
            person.join(CHANNELS[DEV]).await;
            person.join(CHANNELS[OPS]).await;
            person
        }))
        .await;
        let linked = (1..=LINKED).map(nick).collect();
        let persons = (1..=LINKED).map(|number| (user(number), nick(number))).collect();
        let bots = BTreeSet::from([BOT.to_owned()]);
        let directory = Directory { persons, linked, bots };
        let program = Program::new("");
        let (record, phases) = (Record::default(), ["together"; 2]);
        let mut world = Self {
            program,
            rooms,
            slugs,
            keeper,
            bot,
            people,
            record,
            directory,
            phases,
            server,
            kills: 0,
        };
        world.set_phases(phases);
        world.start().await;
        world
    }

    /// The person with this number.
    pub(super) fn person(&mut self, number: usize) -> &mut Person {
        &mut self.people[number - 1]
    }

    /// Writes the configuration with these phases.
    pub(super) fn set_phases(&mut self, phases: [&'static str; 2]) {
        self.phases = phases;
        self.program.configure(&self.config());
    }

    fn config(&self) -> String {
        let (url, token) = self.rooms.address();
        let mut toml = format!(
            "loop_protection = false\n[irc.office]\nservers = [\"{}\"]\ntls = false\nnick = \"{BRIDGE}\"\n\
             flood_control = \"off\"\n[letschat]\nurl = \"{url}\"\ntoken = \"{token}\"\nsender_mode = \"accounts\"\n\
             catch_up = \"all\"\ncatch_up_limit = \"none\"\n[letschat.accounts]\nlogin_interval = \"0s\"\n\
             link_requires_account = false\n[announcements]\n",
            self.server
        );
        for (key, text) in [
            ("together", "TOGETHER {channel}"),
            ("moving", "MOVING {channel} {url}"),
            ("irc_read_only", "READ ONLY {channel}"),
            ("closed", "CLOSED {channel}"),
            ("welcome", "WELCOME {nick} to {room}: {url}"),
            ("read_only_notice", "NOT HEARD in {channel}: {url}"),
            ("closed_notice", "GONE from {channel}: {url}"),
            ("topic", "We are in {room}"),
        ] {
            writeln!(toml, "{key} = \"{text}\"").unwrap();
        }
        toml += "[user_map]\n";
        for number in 1..=LINKED {
            let (user, nick) = (user(number), nick(number));
            let token = self.rooms.token(&user);
            writeln!(toml, "{user} = {{ nick = \"{nick}\", token = \"{token}\" }}").unwrap();
        }
        for ((channel, room), phase) in CHANNELS.iter().zip(&self.slugs).zip(self.phases) {
            write!(
                toml,
                "[[link]]\nchannel = \"office/{channel}\"\nroom = \"{room}\"\nphase = \"{phase}\"\n"
            )
            .unwrap();
        }
        toml
    }

    /// Runs a command of the program on its configuration.
    async fn letsbridge(&self, arguments: &[&str]) -> Output {
        let output = self.command(arguments).output();
        timeout(PATIENCE, output).await.expect("the command ends").unwrap()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_letsbridge"));
        command.args(arguments).arg("--config").arg(self.program.directory().join("bridge.toml"));
        command
    }

    /// Makes the bridge read its configuration.
    pub(super) async fn reload(&self) {
        let output = self.letsbridge(&["reload"]).await;
        assert!(output.status.success(), "{output:?}");
    }

    /// Has the bridge read its configuration while something else is done.
    pub(super) fn reload_meanwhile(&self) -> JoinHandle<()> {
        let mut command = self.command(&["reload"]);
        tokio::spawn(async move {
            let output = timeout(PATIENCE, command.output()).await.expect("it ends").unwrap();
            assert!(output.status.success(), "{output:?}");
        })
    }

    /// Starts the program, and gives it the rights of an operator in the first channel, as services would.
    pub(super) async fn start(&mut self) {
        self.program.start().await;
        timeout(PATIENCE, self.program.ready()).await.expect("all links are up in time");
        self.keeper.send(&format!("MODE {} +o {BRIDGE}", CHANNELS[DEV]));
        self.keeper.sync().await;
    }

    /// Kills the program. What was said until now is said when it is started again.
    pub(super) async fn kill(&mut self) {
        self.kills += 1;
        self.program.kill().await;
        for person in &mut self.people {
            person.sync().await;
        }
        self.start().await;
    }

    fn is_carried(&self, side: Side, link: usize) -> bool {
        match side {
            Side::Irc => matches!(self.phases[link], "together" | "moving"),
            Side::Room => self.phases[link] != "closed",
        }
    }

    fn fate(&self, side: Side, link: usize) -> Fate {
        if self.is_carried(side, link) { Fate::Carried } else { Fate::Held }
    }

    /// Somebody says something in a channel; with `fate`, if it is another one than that of the phase.
    pub(super) fn says(&mut self, link: usize, number: usize, fate: Option<Fate>) {
        let fate = fate.unwrap_or_else(|| self.fate(Side::Irc, link));
        let person = &self.people[number - 1];
        let line = Line { side: Side::Irc, link, who: person.nick.clone(), fate };
        let text = self.record.note(line);
        person.send(&format!("PRIVMSG {} :{text}", CHANNELS[link]));
    }

    /// The bot says something.
    pub(super) fn notifies(&mut self, link: usize) {
        let fate = self.fate(Side::Irc, link);
        let text = self.record.note(Line { side: Side::Irc, link, who: BOT.to_owned(), fate });
        self.bot.send(&format!("NOTICE {} :{text}", CHANNELS[link]));
    }

    /// Somebody posts something in a room.
    pub(super) async fn posts(&mut self, link: usize, number: usize, fate: Option<Fate>) {
        let fate = fate.unwrap_or_else(|| self.fate(Side::Room, link));
        let who = user(number);
        let text = self.record.note(Line { side: Side::Room, link, who: who.clone(), fate });
        self.rooms.say(&self.slugs[link], &who, &text).await;
    }

    /// All lines that the room of a link shows.
    pub(super) async fn shown(&mut self, link: usize) -> Vec<String> {
        let lines = self.rooms.lines(&self.slugs[link]).await;
        lines.into_iter().map(|(_, text)| text).collect()
    }

    /// What `letsbridge progress` says.
    pub(super) async fn report(&self) -> Value {
        let output = self.letsbridge(&["progress", "--json"]).await;
        assert!(output.status.success(), "{output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// The figures of a link that `progress` counts now.
    pub(super) async fn counted(&self, link: usize) -> Figures {
        self.directory.counted(&self.report().await, link)
    }

    /// What `letsbridge catch-up` would deliver, or delivers, from each side: IRC, room.
    pub(super) async fn catch_up(
        &self,
        link: usize,
        arguments: &[&str],
    ) -> Result<(u64, u64), String> {
        let mut all = vec!["catch-up", CHANNELS[link], "--from", "1d", "--json"];
        all.extend(arguments);
        let output = self.letsbridge(&all).await;
        if !output.status.success() {
            assert_eq!(output.status.code(), Some(1), "{output:?}");
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        let view: Value = serde_json::from_slice(&output.stdout).unwrap();
        let of = |side: &str| {
            let sides = view["sides"].as_array().into_iter().flatten();
            let side = sides.into_iter().filter(|it| it["side"] == side);
            side.filter_map(|it| it["messages"].as_u64()).sum()
        };
        Ok((of("irc"), of("letschat")))
    }

    /// Those lines of a side that were Turning: what has arrived was mirrored, the rest is held.
    pub(super) async fn settle_turning(&mut self, link: usize, side: Side) {
        let texts = match side {
            Side::Irc => self.shown(link).await,
            Side::Room => self.keeper.heard(CHANNELS[link]).into_iter().map(|it| it.text).collect(),
        };
        let arrived = self.record.arrived(link, side, &texts);
        self.record.settle(|number, line| {
            let is_meant = (line.link, line.side, line.fate) == (link, side, Fate::Turning);
            match (is_meant, arrived.contains(&number)) {
                (false, _) => line.fate,
                (true, true) => Fate::Carried,
                (true, false) => Fate::Held,
            }
        });
    }

    /// Those lines of a channel that a program may not have heard when it died: what has arrived was heard.
    pub(super) async fn settle_perhaps(&mut self, link: usize, heard_fate: Fate) {
        let shown = self.shown(link).await;
        let arrived = self.record.arrived(link, Side::Irc, &shown);
        self.record.settle(|number, line| match line.fate {
            Fate::Perhaps { .. } if line.link == link && arrived.contains(&number) => heard_fate,
            Fate::Perhaps { .. } if line.link == link => Fate::Lost,
            fate => fate,
        });
    }

    /// What was held on this side is delivered now.
    pub(super) fn held_comes_late(&mut self, link: usize, side: Side) {
        self.record.settle(|_, line| match line.fate {
            Fate::Held if (line.link, line.side) == (link, side) => Fate::Late,
            fate => fate,
        });
    }
}
