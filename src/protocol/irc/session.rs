//! The conversation with one IRC server, from socket open to socket close.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use irc::proto::{CapSubCommand, Command, Message, Prefix, Response};

use super::channel::Channels;
use super::heard;
use super::isupport::Isupport;
use super::line::{Line, Text};
use super::pacing::Pacer;
use super::registration::{Registration, Words};
use super::speech::{Speech, Verdict};
use super::split;
use super::{Event, Heard, Identity, Order, Pace, Seat};
use crate::domain::{Kind, PlaceId, Ticket};
use crate::protocol::{Input, Machine, Output};

/// How long the server may be silent before we ask whether it is there, and then before we leave.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long the server may take to let us in, and to let us go.
const DOOR_PATIENCE: Duration = Duration::from_secs(60);
const GOODBYE_PATIENCE: Duration = Duration::from_secs(3);

/// How many bytes of a JOIN are channel names and keys.
const JOIN_BYTES: usize = 400;

/// What a session is to do.
#[derive(Debug, Clone)]
pub struct Plan {
    /// As whom.
    pub identity: Identity,
    /// Where.
    pub seats: Vec<Seat>,
    /// How fast.
    pub pace: Pace,
    /// Where its chance begins: the jitter of its waits.
    pub seed: u64,
}

/// The conversation with one IRC server, from socket open to socket close.
#[derive(Debug)]
pub struct Session {
    phase: Phase,
    /// Our nick, as the server has it.
    nick: String,
    /// `user@host`, as others see us, once the server has shown it.
    address: Option<String>,
    registration: Registration,
    isupport: Isupport,
    channels: Channels,
    control: VecDeque<Line>,
    speech: Speech,
    pacer: Pacer,
    heard_at: Instant,
    asked: bool,
    output: VecDeque<Output<Line, Event>>,
}

/// ```text
///              001             Quit
///  Registering ────▶ Seated ─────────▶ Leaving ──▶ closed
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Registering { until: Instant },
    Seated,
    Leaving { until: Instant },
}

impl Session {
    /// Begins to register.
    #[must_use]
    pub fn new(now: Instant, plan: Plan) -> Self {
        let (registration, words) = Registration::begin(&plan.identity);
        let mut session = Self {
            phase: Phase::Registering { until: now + DOOR_PATIENCE },
            nick: plan.identity.nick,
            address: None,
            registration,
            isupport: Isupport::default(),
            channels: Channels::new(plan.seats, plan.seed),
            control: VecDeque::new(),
            speech: Speech::default(),
            pacer: Pacer::new(plan.pace, now),
            heard_at: now,
            asked: false,
            output: VecDeque::new(),
        };
        session.send_all(words);
        session.pump(now);
        session
    }

    fn receive(&mut self, now: Instant, message: Message) {
        let source = message.prefix.as_ref();
        match message.command {
            Command::PING(token, _) => self.answer_ping(&token),
            Command::PONG(first, second) => self.pong(&second.unwrap_or(first)),
            Command::PRIVMSG(target, text) => {
                self.hear(source, &target, heard::talk(false, &text), message.tags.as_deref());
            }
            Command::NOTICE(target, text) => {
                self.hear(source, &target, heard::talk(true, &text), message.tags.as_deref());
            }
            Command::JOIN(name, ..) if self.is_us(source) => self.joining(now, source, &name),
            Command::PART(name, why) if self.is_us(source) => {
                self.out(now, &name, why.as_deref().unwrap_or("left the channel"));
            }
            Command::KICK(name, nick, why) if self.is_me(&nick) => {
                self.out(now, &name, &format!("kicked: {}", why.as_deref().unwrap_or("no reason")));
            }
            Command::NICK(nick) if self.is_us(source) => self.nick = nick,
            Command::CAP(_, subcommand, third, fourth) => {
                self.cap(&subcommand, third.as_deref(), fourth.as_deref());
            }
            Command::ERROR(why) => self.close(why),
            Command::Response(response, arguments) => self.numeric(now, response, &arguments),
            Command::Raw(command, arguments) => self.raw(now, source, &command, &arguments),
            _ => {}
        }
    }

    fn numeric(&mut self, now: Instant, response: Response, arguments: &[String]) {
        let argument = |at: usize| arguments.get(at).map_or("", String::as_str);
        match response {
            Response::RPL_WELCOME => self.registered(now, argument(0)),
            Response::RPL_ISUPPORT => self.learn(arguments),
            Response::RPL_ENDOFNAMES => {
                let joined = self.channels.listed(argument(1));
                self.output.extend(joined.map(|place| Output::Event(Event::Joined(place))));
            }
            Response::ERR_NICKNAMEINUSE | Response::ERR_NICKCOLLISION => self.next_nick(false),
            Response::ERR_ERRONEOUSNICKNAME | Response::ERR_NONICKNAMEGIVEN => self.next_nick(true),
            Response::ERR_UNAVAILRESOURCE if self.is_registering() => self.next_nick(false),
            Response::ERR_PASSWDMISMATCH => {
                self.close(format!("the server refuses our password: {}", last(arguments)));
            }
            Response::ERR_YOUREBANNEDCREEP => {
                self.close(format!("the server has banned us: {}", last(arguments)));
            }
            Response::ERR_NOSUCHNICK
            | Response::ERR_CANNOTSENDTOCHAN
            | Response::ERR_NOTEXTTOSEND
            | Response::ERR_TOOMANYTARGETS => self.object(argument(1), arguments),
            Response::ERR_NOSUCHCHANNEL
            | Response::ERR_TOOMANYCHANNELS
            | Response::ERR_UNAVAILRESOURCE
            | Response::ERR_CHANNELISFULL
            | Response::ERR_INVITEONLYCHAN
            | Response::ERR_BANNEDFROMCHAN
            | Response::ERR_BADCHANNELKEY
            | Response::ERR_BADCHANMASK
            | Response::ERR_NOCHANMODES => {
                self.object(argument(1), arguments);
                self.out(now, argument(1), last(arguments));
            }
            _ => {}
        }
    }

    /// What the vocabulary of `irc::proto` has no word for.
    fn raw(&mut self, now: Instant, source: Option<&Prefix>, command: &str, arguments: &[String]) {
        let argument = |at: usize| arguments.get(at).map_or("", String::as_str);
        match command {
            // RPL_HOSTHIDDEN: the host that others see us by.
            "396" => self.change_host(argument(1)),
            "CHGHOST" if self.is_us(source) => {
                self.address = Some(format!("{}@{}", argument(0), argument(1)));
            }
            // Forwarded: the server lets us into another channel than the one we asked for.
            "470" => self.out(now, argument(1), &format!("forwarded to {}", argument(2))),
            "489" | "520" => self.out(now, argument(1), last(arguments)),
            _ => {}
        }
    }

    fn registered(&mut self, now: Instant, nick: &str) {
        if self.is_registering() {
            self.phase = Phase::Seated;
            self.nick = nick.to_owned();
            self.output.push_back(Output::Event(Event::Registered { nick: nick.to_owned() }));
            self.join(now);
        }
    }

    /// Asks for the channels that we are out of, many in one line.
    fn join(&mut self, now: Instant) {
        if self.phase != Phase::Seated {
            return;
        }
        let mut lines: Vec<(String, String)> = Vec::new();
        for seat in self.channels.ask_all(now) {
            let key = seat.key.as_ref().map_or("", secrecy::ExposeSecret::expose_secret);
            match lines.last_mut() {
                Some((names, keys))
                    if names.len() + keys.len() + seat.name.len() + key.len() < JOIN_BYTES =>
                {
                    names.extend([",", &seat.name]);
                    if !key.is_empty() {
                        keys.extend([",", key]);
                    }
                }
                _ => lines.push((seat.name.clone(), key.to_owned())),
            }
        }
        for (names, keys) in lines {
            let params = if keys.is_empty() { vec![names] } else { vec![names, keys] };
            self.send_all(vec![("JOIN", params)]);
        }
    }

    fn joining(&mut self, now: Instant, source: Option<&Prefix>, name: &str) {
        if let Some(Prefix::Nickname(_, user, host)) = source
            && !host.is_empty()
        {
            self.address = Some(format!("{user}@{host}"));
        }
        self.channels.entering(name, now);
    }

    fn out(&mut self, now: Instant, name: &str, why: &str) {
        let place = self.channels.out(name, now);
        let why = why.to_owned();
        self.output.extend(place.map(|place| Output::Event(Event::Closed { place, why })));
    }

    fn hear(
        &mut self,
        source: Option<&Prefix>,
        target: &str,
        talk: Option<(Kind, &str)>,
        tags: Option<&[irc::proto::message::Tag]>,
    ) {
        let Some(Prefix::Nickname(nick, ..)) = source else { return };
        let (Some(place), Some((kind, text))) = (self.channels.place(target), talk) else { return };
        if self.is_me(nick) {
            return;
        }
        self.output.push_back(Output::Event(Event::Heard {
            place,
            nick: nick.clone(),
            kind,
            text: text.to_owned(),
            msgid: heard::tag(tags, "msgid").map(str::to_owned),
            time: heard::time(tags),
        }));
    }

    fn say(&mut self, ticket: Ticket, place: PlaceId, kind: Kind, prefix: &str, body: &str) {
        let Some(target) = self.channels.name(place) else {
            let why = "no such channel here".to_owned();
            self.output.push_back(Output::Event(Event::Refused { ticket, place, why }));
            return;
        };
        let source =
            self.nick.len() + 1 + self.address.as_ref().map_or(LONGEST_ADDRESS, String::len);
        let room = split::budget(source, target, kind, self.isupport.linelen);
        let lines = split::lines(prefix, body, room)
            .iter()
            .map(|text| Line::talk(kind, target, &Text::clean(text)))
            .collect();
        self.speech.push(ticket, place, lines);
    }

    fn object(&mut self, target: &str, arguments: &[String]) {
        if let Some(place) = self.channels.place(target) {
            self.speech.object(place, last(arguments));
        }
    }

    fn pong(&mut self, token: &str) {
        let Some(Verdict { ticket, place, objection }) = self.speech.pong(token) else { return };
        self.output.push_back(Output::Event(match objection {
            None => Event::Said { ticket, place },
            Some(why) => Event::Refused { ticket, place, why },
        }));
    }

    fn answer_ping(&mut self, token: &str) {
        // Ahead of everything: a server that waits for it hangs up.
        match Line::new("PONG", &[token]) {
            Ok(pong) => self.output.push_back(Output::Frame(pong)),
            Err(error) => tracing::warn!(%error, "a PING that cannot be answered"),
        }
    }

    fn cap(&mut self, subcommand: &CapSubCommand, third: Option<&str>, fourth: Option<&str>) {
        let (more, list) = match (third, fourth) {
            (Some("*"), Some(list)) => (true, list),
            (Some(list), None) | (None, Some(list)) => (false, list),
            _ => (false, ""),
        };
        let words = self.registration.cap(subcommand.to_str(), more, list);
        self.send_all(words);
    }

    fn learn(&mut self, arguments: &[String]) {
        // The first is our nick, the last says that these are supported.
        let tokens = arguments.get(1..arguments.len().saturating_sub(1)).unwrap_or_default();
        tokens.iter().for_each(|token| self.isupport.learn(token));
        self.channels.fold(self.isupport.casemapping);
    }

    fn next_nick(&mut self, impossible: bool) {
        if self.is_registering() {
            let words = self.registration.nick_refused(impossible);
            self.send_all(vec![words]);
        }
    }

    fn change_host(&mut self, host: &str) {
        if let Some((user, _)) = self.address.as_deref().and_then(|it| it.split_once('@')) {
            self.address = Some(format!("{user}@{host}"));
        }
    }

    fn quit(&mut self, now: Instant, why: String) {
        self.phase = Phase::Leaving { until: now + GOODBYE_PATIENCE };
        self.send_all(vec![("QUIT", vec![why])]);
    }

    fn tick(&mut self, now: Instant) {
        match self.phase {
            Phase::Registering { until } if now >= until => {
                self.close("the server did not let us in".to_owned());
            }
            Phase::Leaving { until } if now >= until => self.close("left".to_owned()),
            _ => {}
        }
        if now >= self.heard_at + PATIENCE * if self.asked { 2 } else { 1 } {
            if self.asked {
                self.close("the server has fallen silent".to_owned());
            } else {
                self.asked = true;
                self.send_all(vec![("PING", vec!["alive".to_owned()])]);
            }
        }
        for place in self.channels.tick(now) {
            let why = "the server did not answer our JOIN".to_owned();
            self.output.push_back(Output::Event(Event::Closed { place, why }));
        }
        self.join(now);
    }

    /// Sends what the pace allows: what keeps the connection going first, then talk.
    fn pump(&mut self, now: Instant) {
        while self.pacer.wait(now).is_none() {
            let Some(line) = self.control.pop_front().or_else(|| self.speech.next_line()) else {
                return;
            };
            self.pacer.spend(line.len(), now);
            self.output.push_back(Output::Frame(line));
        }
    }

    fn send_all(&mut self, all: Vec<Words>) {
        for (command, params) in all {
            let params: Vec<&str> = params.iter().map(String::as_str).collect();
            match Line::new(command, &params) {
                Ok(line) => self.control.push_back(line),
                Err(error) => tracing::error!(command, %error, "a line that cannot be sent"),
            }
        }
    }

    fn close(&mut self, why: String) {
        self.output.push_back(Output::Close(why));
    }

    fn is_registering(&self) -> bool {
        matches!(self.phase, Phase::Registering { .. })
    }

    fn is_us(&self, source: Option<&Prefix>) -> bool {
        matches!(source, Some(Prefix::Nickname(nick, ..)) if self.is_me(nick))
    }

    fn is_me(&self, nick: &str) -> bool {
        self.isupport.casemapping.same(nick, &self.nick)
    }
}

impl Machine for Session {
    type Heard = Heard;
    type Frame = Line;
    type Order = Order;
    type Event = Event;

    fn handle(&mut self, now: Instant, input: Input<Heard, Order>) {
        match input {
            Input::Frame(heard) => {
                self.heard_at = now;
                self.asked = false;
                match heard.parse() {
                    Ok(message) => self.receive(now, message),
                    // A line we cannot read is still a sign of life, and the next may make sense.
                    Err(error) => tracing::warn!(%error, "a line that makes no sense"),
                }
            }
            Input::Order(Order::Say { ticket, place, kind, prefix, body }) => {
                self.say(ticket, place, kind, &prefix, &body);
            }
            Input::Order(Order::Quit(why)) => self.quit(now, why),
            Input::Tick => self.tick(now),
        }
        self.pump(now);
    }

    fn poll(&mut self) -> Option<Output<Line, Event>> {
        self.output.pop_front()
    }

    fn deadline(&self) -> Option<Instant> {
        let door = match self.phase {
            Phase::Registering { until } | Phase::Leaving { until } => Some(until),
            Phase::Seated => None,
        };
        let alive = self.heard_at + PATIENCE * if self.asked { 2 } else { 1 };
        let waiting = !(self.control.is_empty() && self.speech.is_empty());
        let pace = waiting.then(|| self.pacer.free_at()).flatten();
        [door, Some(alive), pace, self.channels.deadline()].into_iter().flatten().min()
    }
}

/// The longest `user@host` that a server shows: 10 and 63 bytes (RFC 2812 §1.2.1 and usage).
const LONGEST_ADDRESS: usize = 10 + 1 + 63;

/// What an error numeric says in words.
fn last(arguments: &[String]) -> &str {
    arguments.last().map_or("no reason given", String::as_str)
}
