//! The numbers of the calls to Let's Chat, which the stories leave to the teller.

use std::collections::VecDeque;

/// The calls on one connection.
#[derive(Default)]
pub(crate) struct Calls {
    /// Names and numbers of those that the story has told of and not answered, oldest first.
    open: Vec<(String, String)>,
    /// The numbers of all that the story has told of.
    told: Vec<String>,
    /// The numbers of those that the story has answered before it told of them.
    answered_early: Vec<String>,
}

impl Calls {
    /// The story tells of a call: `["…"]`, or `a["…"]` with a name. Panics unless `sent` is this call
    /// under a new number.
    #[track_caller]
    pub(crate) fn tell(&mut self, call: &str, sent: Option<&str>, line: &str) {
        let (name, call) = call.split_at(call.find('[').expect("a call"));
        let number = sent.and_then(|it| it.strip_prefix("42")?.strip_suffix(call));
        let number = number.filter(|it| it.parse::<u32>().is_ok());
        let number = number.unwrap_or_else(|| panic!("in: {line}\nsent: {sent:?}")).to_owned();
        assert!(!self.told.contains(&number), "the number {number} is used twice: {line}");
        self.told.push(number.clone());
        if !self.answered_early.contains(&number) {
            self.open.push((name.to_owned(), number));
        }
    }

    /// A test has taken these frames and looks at them itself.
    pub(crate) fn take(&mut self, sent: &[String]) {
        let calls = sent.iter().filter_map(|it| number(it));
        self.open.extend(calls.map(|it| (String::new(), it.to_owned())));
    }

    /// The frame of an answer, with the number of its call in place of `#` or `#a`. Other frames stay as
    /// they are.
    ///
    /// `43#[…]` answers the latest open call. Without one it answers the first in `sent`, which the story
    /// has not told of yet.
    #[track_caller]
    pub(crate) fn answer(&mut self, frame: &str, sent: &VecDeque<String>, line: &str) -> String {
        let Some((name, answer)) = frame.strip_prefix("43").and_then(|it| it.split_once('['))
        else {
            return frame.to_owned();
        };
        let Some(name) = name.strip_prefix('#') else {
            self.open.retain(|(_, it)| it != name);
            return frame.to_owned();
        };
        format!("43{}[{answer}", self.close(name, sent, line))
    }

    /// The number of the call that is answered now, see [`Self::answer`].
    #[track_caller]
    pub(crate) fn close(&mut self, name: &str, sent: &VecDeque<String>, line: &str) -> String {
        let open = self.open.iter().rposition(|(it, _)| name.is_empty() || it == name);
        if let Some(index) = open {
            return self.open.remove(index).1;
        }
        let mut early = sent.iter().filter_map(|it| number(it)).filter(|_| name.is_empty());
        let early = early.find(|it| !self.answered_early.iter().any(|done| done == it));
        let early = early.unwrap_or_else(|| panic!("no such call is open: {line}")).to_owned();
        self.answered_early.push(early.clone());
        early
    }
}

/// The number of the call that this frame is, if it is one.
pub(crate) fn number(frame: &str) -> Option<&str> {
    let (number, _) = frame.strip_prefix("42")?.split_once('[')?;
    (!number.is_empty()).then_some(number)
}
