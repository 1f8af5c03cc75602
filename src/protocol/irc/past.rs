//! Asking for what was said in our channels before, one channel at a time.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

use super::line::{BadLine, Line};
use crate::domain::EndpointId;

/// How long the server may take to answer, once its turn has come.
const PATIENCE: Duration = Duration::from_secs(60);

/// How many lines we ask for at once, if the server allows as many.
const PAGE: usize = 500;

/// What a PING says that asks whether everything that is played back by itself has come.
const FENCE: &str = "past-";

/// What a label says that asks for a page.
const LABEL: &str = "past.";

/// What a server has to tell of what was said before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Means {
    /// `CHATHISTORY` (<https://ircv3.net/specs/extensions/chathistory>).
    Chathistory {
        /// The most lines that it gives at once.
        limit: Option<usize>,
        /// Whether lines are found by their time, or else by their id only.
        by_time: bool,
        /// Whether lines are found by their id.
        by_line: bool,
        /// Whether it answers labels.
        labels: bool,
    },
    /// The playback module of ZNC (<https://wiki.znc.in/Playback>).
    Playback,
    /// Nothing but what it plays back by itself, when we join.
    Nothing,
}

/// How far the server's clock may be ahead of ours. A line said later than that says nothing of where
/// the next page begins.
const AHEAD: SignedDuration = SignedDuration::from_secs(60);

/// From where on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Question {
    pub(super) place: EndpointId,
    pub(super) channel: String,
    pub(super) since: Timestamp,
    /// What the time is now, by our clock.
    pub(super) now: Timestamp,
    /// It was asked in the other way before.
    pub(super) tried: bool,
    pub(super) msgid: Option<String>,
    pub(super) by_line: bool,
}

/// What came of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// As many of the next lines as are given at once: there may be more behind them.
    Page(Page),
    /// None yet: the server does not find lines by their time, and is asked for what follows the last one
    /// that was heard.
    Follows,
    /// Everything that there is.
    All,
    /// The server does not keep it. What it plays back by itself has come.
    Nothing,
    /// The server does not tell.
    Failed(String),
}

/// One page of what was said before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// How many lines were asked for.
    pub limit: usize,
    /// How many came, whatever they tell: also that somebody came or went.
    pub lines: usize,
    /// The times of the oldest and of the newest of them that can have been said by now.
    pub span: Option<(Timestamp, Timestamp)>,
    /// They are those after a line, and not after a time.
    pub by_line: bool,
    /// The server finds lines by their ids.
    pub finds_lines: bool,
}

impl Page {
    fn asked(limit: usize, by_line: bool, finds_lines: bool) -> Self {
        Self { limit, lines: 0, span: None, by_line, finds_lines }
    }

    fn add(&mut self, time: Option<Timestamp>, now: Timestamp) {
        self.lines += 1;
        let Some(time) = time.filter(|time| *time <= now.saturating_add(AHEAD).unwrap_or(now))
        else {
            return;
        };
        let (oldest, newest) = self.span.unwrap_or((time, time));
        self.span = Some((oldest.min(time), newest.max(time)));
    }
}

/// The questions, of which one is under way.
#[derive(Debug, Default)]
pub(super) struct Past {
    queue: VecDeque<Question>,
    asked: Option<Asked>,
    number: u64,
}

#[derive(Debug)]
struct Asked {
    place: EndpointId,
    question: Question,
    number: u64,
    answer: Answer,
    until: Instant,
}

impl Past {
    pub(super) fn push(&mut self, question: Question) {
        self.queue.push_back(question);
    }

    /// The lines that ask the next question, if it is time to ask one.
    pub(super) fn next(&mut self, means: Means, now: Instant) -> Vec<Line> {
        if self.asked.is_some() {
            return Vec::new();
        }
        let Some(question) = self.queue.pop_front() else { return Vec::new() };
        self.number += 1;
        let (answer, lines) = ask(&question, means, self.number);
        let (place, number, until) = (question.place, self.number, now + PATIENCE);
        let lines = lines.unwrap_or_else(|error| {
            tracing::error!(channel = question.channel, %error, "a question that cannot be asked");
            Vec::new()
        });
        self.asked = Some(Asked { place, question, number, answer, until });
        lines
    }

    /// Where the question under way has just been asked by a line's id, for want of another way.
    pub(super) fn follows(&self) -> Option<(EndpointId, Answer)> {
        let Asked { place, question, answer: Answer::Page(page), .. } = self.asked.as_ref()? else {
            return None;
        };
        (page.by_line && (question.tried || !question.by_line)).then_some((*place, Answer::Follows))
    }

    /// A line, said at `time`, was played back.
    pub(super) fn line(&mut self, time: Option<Timestamp>) {
        if let Some(Asked { answer: Answer::Page(page), question, .. }) = &mut self.asked {
            page.add(time, question.now);
        }
    }

    /// A batch of what was said in `place` is complete, or what has this label.
    pub(super) fn batch(
        &mut self,
        place: Option<EndpointId>,
        label: Option<&str>,
    ) -> Option<(EndpointId, Answer)> {
        let asked = self.asked.as_ref()?;
        let ours = match label {
            Some(label) => asked.is(LABEL, label),
            None => place == Some(asked.place),
        };
        (ours && matches!(asked.answer, Answer::Page(_))).then(|| self.answer())?
    }

    /// The server has read our PING `token`.
    pub(super) fn pong(&mut self, token: &str) -> Option<(EndpointId, Answer)> {
        self.asked.as_ref()?.is(FENCE, token).then(|| self.answer())?
    }

    /// The server does not find lines in the way that it was asked for, or not that line, as it says by
    /// `code`: it is asked once more in the other way, if it takes that. Says whether it is.
    pub(super) fn ask_otherwise(&mut self, code: &str, means: Means) -> bool {
        let Means::Chathistory { by_time, by_line, .. } = means else { return false };
        let Some(Asked { question, answer: Answer::Page(page), .. }) = &self.asked else {
            return false;
        };
        // Where the line was asked for on purpose, its time has not helped.
        let by_time = page.by_line && by_time && !question.by_line;
        let untaken = ["INVALID_MSGREFTYPE", "INVALID_PARAMS"].contains(&code);
        let by_line = untaken && !page.by_line && by_line && question.msgid.is_some();
        if question.tried || !(by_time || by_line) {
            return false;
        }
        let again = Question { tried: true, by_line, ..question.clone() };
        self.asked = None;
        self.queue.push_front(again);
        true
    }

    /// The server will not answer.
    pub(super) fn fail(&mut self, why: &str) -> Option<(EndpointId, Answer)> {
        self.asked.as_mut()?.answer = Answer::Failed(why.to_owned());
        self.answer()
    }

    /// Time has passed.
    pub(super) fn tick(&mut self, now: Instant) -> Option<(EndpointId, Answer)> {
        let overdue = self.asked.as_ref()?.until <= now;
        overdue.then(|| self.fail("the server does not answer"))?
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        Some(self.asked.as_ref()?.until)
    }

    fn answer(&mut self) -> Option<(EndpointId, Answer)> {
        self.asked.take().map(|asked| (asked.place, asked.answer))
    }
}

impl Asked {
    fn is(&self, name: &str, token: &str) -> bool {
        token.strip_prefix(name).is_some_and(|number| number == self.number.to_string())
    }
}

/// What the answer will be, and the lines that ask for it.
fn ask(question: &Question, means: Means, number: u64) -> (Answer, Result<Vec<Line>, BadLine>) {
    let fence = || Line::new("PING", &[&format!("{FENCE}{number}")]);
    let Question { channel, since, msgid, .. } = question;
    match means {
        Means::Chathistory { limit, by_time, by_line, labels } => {
            let limit = limit.map_or(PAGE, |limit| limit.min(PAGE));
            let found = !by_time || (by_line && question.by_line);
            let msgid = msgid.as_ref().filter(|_| found);
            let from = match msgid {
                Some(msgid) => format!("msgid={msgid}"),
                None => format!("timestamp={}", since.strftime("%Y-%m-%dT%H:%M:%S.%3fZ")),
            };
            let line = Line::new("CHATHISTORY", &["AFTER", channel, &from, &limit.to_string()]);
            let label = |line: Line| line.labeled(&format!("{LABEL}{number}"));
            let line = if labels { line.map(label) } else { line };
            let page = Page::asked(limit, msgid.is_some(), by_line);
            (Answer::Page(page), line.map(|line| vec![line]))
        }
        Means::Playback => {
            let seconds = format!("{}.{:03}", since.as_second(), since.subsec_millisecond());
            let play = Line::new("PRIVMSG", &["*playback", &format!("PLAY {channel} {seconds}")]);
            (Answer::All, play.and_then(|play| Ok(vec![play, fence()?])))
        }
        Means::Nothing => (Answer::Nothing, fence().map(|fence| vec![fence])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEA: EndpointId = EndpointId(1);
    const NOW: Timestamp = Timestamp::constant(1_795_348_800, 0);
    const CHATHISTORY: Means =
        Means::Chathistory { limit: Some(100), by_time: true, by_line: true, labels: false };

    fn past() -> Past {
        let mut past = Past::default();
        for (place, channel) in [(TEA, "#tea"), (EndpointId(2), "#dev")] {
            let since = "2026-11-22T12:00:00.5Z".parse().expect("a time");
            let msgid = Some("m".to_owned());
            let channel = channel.to_owned();
            past.push(Question {
                place,
                channel,
                since,
                now: NOW,
                msgid,
                by_line: false,
                tried: false,
            });
        }
        past
    }

    #[track_caller]
    fn check(means: Means, lines: &[&str]) {
        let asked = past().next(means, Instant::now());
        assert_eq!(asked.iter().map(Line::as_str).collect::<Vec<_>>(), lines);
    }

    #[test]
    fn each_server_is_asked_in_its_own_way() {
        check(CHATHISTORY, &["CHATHISTORY AFTER #tea timestamp=2026-11-22T12:00:00.500Z 100"]);
        check(
            Means::Chathistory { limit: None, by_time: false, by_line: true, labels: true },
            &["@label=past.1 CHATHISTORY AFTER #tea msgid=m 500"],
        );
        check(Means::Playback, &["PRIVMSG *playback :PLAY #tea 1795348800.500", "PING past-1"]);
        check(Means::Nothing, &["PING past-1"]);
    }

    #[test]
    fn a_line_is_asked_for_by_its_id_where_its_time_says_too_little() {
        for (by_line, from) in [(true, "msgid=m"), (false, "timestamp=1970-01-01T00:00:00.000Z")] {
            let means =
                Means::Chathistory { limit: Some(9), by_time: true, by_line, labels: false };
            let (channel, msgid) = ("#tea".to_owned(), Some("m".to_owned()));
            let since = Timestamp::UNIX_EPOCH;
            let mut past = Past::default();
            let (place, now, tried) = (TEA, NOW, false);
            past.push(Question { place, channel, since, now, msgid, by_line: true, tried });
            let lines = past.next(means, Instant::now());
            assert_eq!(lines[0].as_str(), format!("CHATHISTORY AFTER #tea {from} 9"));
            let page = Page { limit: 9, lines: 0, span: None, by_line, finds_lines: by_line };
            assert_eq!(past.batch(Some(TEA), None), Some((TEA, Answer::Page(page))));
        }
    }

    #[test]
    fn one_channel_is_asked_for_at_a_time() {
        let (mut past, now) = (past(), Instant::now());
        past.next(CHATHISTORY, now);
        assert!(past.next(CHATHISTORY, now).is_empty());
        assert_eq!(past.batch(Some(EndpointId(2)), None), None, "played back by itself");
        let [one, two] = [1, 2].map(|second| Timestamp::from_second(second).expect("a time"));
        let ahead = Some(NOW + AHEAD * 2);
        [Some(two), None, ahead, Some(one)].into_iter().for_each(|time| past.line(time));
        let span = Some((one, two));
        let page = Page { limit: 100, lines: 4, span, by_line: false, finds_lines: true };
        assert_eq!(past.batch(Some(TEA), None), Some((TEA, Answer::Page(page))));
        assert_eq!(past.next(CHATHISTORY, now).len(), 1);
        assert_eq!(past.fail("no"), Some((EndpointId(2), Answer::Failed("no".to_owned()))));
        assert_eq!(past.fail("no"), None);
    }

    #[test]
    fn no_question_is_waited_for_without_end() {
        let (mut past, now) = (past(), Instant::now());
        past.next(Means::Nothing, now);
        assert_eq!(past.tick(now), None);
        assert_eq!(past.pong("past-2"), None);
        assert!(matches!(past.tick(now + PATIENCE), Some((TEA, Answer::Failed(_)))));
        assert_eq!(past.pong("past-1"), None, "too late");
    }
}
