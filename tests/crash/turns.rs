//! That never two nodes speak, and how long it takes until the other one does.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use super::relay::Spoken;

/// How many words of either node are told around a mistake.
const AROUND: usize = 4;

/// What is wrong with this order of words. A connection belongs to one term of a node, so when it was made tells in which
/// term it speaks: nothing may come over a connection that is older than another one over which the other node has
/// spoken before.
pub(crate) fn judge(all: &[Spoken]) -> Vec<String> {
    let mut newest: HashMap<&str, (Instant, usize)> = HashMap::new();
    let mut complaints = Vec::new();
    for (at, spoken) in all.iter().enumerate() {
        let others = newest.iter().filter(|(node, _)| **node != spoken.node);
        let later = others.map(|(_, newest)| *newest).max();
        if let Some((connected, since)) = later
            && connected > spoken.connected
        {
            complaints.push(tell(all, at, since));
        }
        let known = newest.entry(spoken.node).or_insert((spoken.connected, at));
        if spoken.connected > known.0 {
            *known = (spoken.connected, at);
        }
    }
    complaints
}

fn tell(all: &[Spoken], at: usize, since: usize) -> String {
    let begin = all[0].at;
    let word = |it: &Spoken| {
        let (time, connected) = (it.at - begin, it.connected.saturating_duration_since(begin));
        format!("{time:.3?} {} {:?} ({connected:.3?}) {:?}", it.node, it.server, it.words)
    };
    let around = |at: usize| {
        let near = &all[at.saturating_sub(AROUND)..all.len().min(at + AROUND + 1)];
        near.iter().map(word).collect::<Vec<_>>()
    };
    format!(
        "two speak: {}\n    after the other one here: {:#?}\n    around it: {:#?}",
        word(&all[at]),
        around(since),
        around(at)
    )
}

/// How long something took, each time.
#[derive(Debug, Default)]
pub(crate) struct Delays(Vec<Duration>);

impl Delays {
    pub(crate) fn add(&mut self, delay: Duration) {
        self.0.push(delay);
    }

    /// How often it happened, half of the times at most, nearly all of the times at most, at most; in seconds.
    pub(crate) fn tell(&self) -> String {
        let mut all = self.0.clone();
        all.sort();
        let Some(last) = all.len().checked_sub(1) else { return "never".to_owned() };
        let at = |percent: usize| all[(last * percent).div_ceil(100)].as_secs_f64();
        let (p50, p99, most) = (at(50), at(99), at(100));
        format!("{} times, p50 {p50:.2} s, p99 {p99:.2} s, at most {most:.2} s", all.len())
    }
}

#[cfg(test)]
mod tests {
    use super::super::relay::Server;
    use super::*;

    /// `a1` is a word of node `a` over the connection that was made at second 1.
    #[track_caller]
    fn check(words: &str, mistakes: &[usize]) {
        let begin = Instant::now();
        let spoken = |(at, word): (usize, &str)| Spoken {
            node: if word.starts_with('a') { "a" } else { "b" },
            server: Server::Irc,
            connected: begin + Duration::from_secs(word[1..].parse().unwrap()),
            at: begin + Duration::from_millis(u64::try_from(at).unwrap()),
            words: at.to_string(),
        };
        let all: Vec<_> = words.split(' ').enumerate().map(spoken).collect();
        let complaints = judge(&all);
        let expected: Vec<_> = mistakes.iter().map(|at| format!(" {:?}", at.to_string())).collect();
        assert_eq!(complaints.len(), expected.len(), "{complaints:#?}");
        for (complaint, expected) in complaints.iter().zip(expected) {
            assert!(complaint.lines().next().unwrap().ends_with(&expected), "{complaint}");
        }
    }

    #[test]
    fn only_one_node_speaks_at_a_time() {
        check("a1 a2 a1 b3 b4 b3 a5 a6", &[]);
        check("a1 b3 a1", &[2]);
        check("a1 a2 b3 b3 a2 b3", &[4]);
        // Who connects anew while it is not its turn is found once the other one goes on.
        check("a1 b3 a4 b3 a4", &[3]);
        check("a1 b3 a4 b5 b3", &[4]);
    }

    #[test]
    fn delays_are_told() {
        let mut delays = Delays::default();
        assert_eq!(delays.tell(), "never");
        (1..=100).rev().for_each(|second| delays.add(Duration::from_secs(second)));
        assert_eq!(delays.tell(), "100 times, p50 51.00 s, p99 100.00 s, at most 100.00 s");
    }
}
