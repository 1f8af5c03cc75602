//! Lets time pass, without waiting.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use letsbridge::bridge::Event;
use letsbridge::protocol::irc::ReceivedLine;
use letsbridge::protocol::letschat;
use letsbridge::protocol::{Input, Machine};

use super::World;
use super::wire::{PINGS, resume, tick};

/// How often the bridge is told that time has passed.
const TICK: Duration = Duration::from_secs(1);

/// How long flood control may delay a line that a story tells of.
const MAX_DELAY: Duration = Duration::from_secs(15);

impl World {
    /// Lets this many seconds pass, in which all servers answer pings and send nothing else.
    pub(crate) fn quietly(&mut self, seconds: u32) {
        const STEP: u32 = 5;
        for _ in 0..seconds.div_ceil(STEP) {
            self.wait(&format!("{STEP}s"));
            let puppets = self.puppets.iter_mut().map(|it| &mut it.wire);
            for wire in self.networks.iter_mut().chain(puppets) {
                let pong = ReceivedLine::Utf8(":irc.example PONG irc.example alive".to_owned());
                wire.machine
                    .iter_mut()
                    .for_each(|it| it.handle_input(self.now, Input::Receive(pong.clone())));
                wire.drop_untold(self.now, PINGS, |line| line == "PING alive");
            }
            if let Some(machine) = &mut self.letschat.machine {
                machine.handle_input(
                    self.now,
                    Input::Receive(letschat::ReceivedFrame::Text("3".into())),
                );
            }
            self.letschat.drop_untold(self.now, PINGS, |frame| frame == "2");
            self.settle();
        }
    }

    /// Moves the clock from deadline to deadline, as a driver would, and from second to second, as the
    /// bridge is told.
    pub(super) fn paused(&mut self, time: &str) {
        let seconds = time.strip_suffix('s').and_then(|s| s.parse().ok());
        self.clock += Duration::from_secs(seconds.expect("a pause is like 25s"));
        let puppets = self.puppets.iter_mut().map(|puppet| &mut puppet.wire);
        for wire in self.networks.iter_mut().chain(puppets) {
            resume(wire, self.now);
        }
        resume(&mut self.letschat, self.now);
        self.apply(Event::Tick);
    }

    #[track_caller]
    pub(super) fn wait(&mut self, time: &str) {
        let seconds = time.strip_suffix('s').and_then(|s| s.parse().ok());
        self.wait_for(Duration::from_secs(seconds.expect("a wait is like 25s")));
    }

    fn wait_for(&mut self, time: Duration) {
        let end = self.now + time;
        let mut second = self.now + TICK;
        loop {
            let puppets = self.puppets.iter().map(|puppet| &puppet.wire);
            let irc = self.networks.iter().chain(puppets);
            let irc = irc.filter_map(|wire| wire.machine.as_ref()?.poll_timeout());
            let letschat = self.letschat.machine.as_ref().and_then(Machine::poll_timeout);
            let next = irc.chain(letschat).min().map_or(second, |at| at.min(second));
            if next > end {
                break;
            }
            self.pass(next);
            if next == second {
                self.apply(Event::Tick);
                second += TICK;
            }
            let puppets = self.puppets.iter_mut().map(|puppet| &mut puppet.wire);
            for wire in self.networks.iter_mut().chain(puppets) {
                tick(wire, next);
            }
            tick(&mut self.letschat, next);
            self.settle();
        }
        self.pass(end);
    }

    /// Lets time pass until a line was sent, at most as long as flood control may delay it.
    #[track_caller]
    pub(super) fn await_line(&mut self, sent: impl Fn(&Self) -> &VecDeque<String>) {
        let latest = self.now + MAX_DELAY;
        while sent(self).is_empty() && self.now < latest {
            self.wait_for(Duration::from_millis(100));
        }
    }

    fn pass(&mut self, until: Instant) {
        let passed = until.saturating_duration_since(self.now);
        self.clock += jiff::SignedDuration::try_from(passed).unwrap();
        self.now = self.now.max(until);
    }
}
