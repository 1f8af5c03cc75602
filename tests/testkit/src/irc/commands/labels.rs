//! Answers that say which command they answer (<https://ircv3.net/specs/extensions/labeled-response>).

use super::super::caps::Cap;
use super::super::client::ClientId;
use super::super::line::{Line, tags_len};
use super::super::outbox::EncodedLine;
use super::super::state::ServerState;

/// The longest label in bytes.
const MAX_LABEL_LEN: usize = 64;

impl ServerState {
    /// Handles a line; if it has a label and its sender has that capability, all
    /// replies together carry that label once.
    pub(super) fn dispatch_labeled(&mut self, id: ClientId, line: &Line<'_>) {
        let client = self.client(id);
        let wanted = client.has(Cap::LabeledResponse) && client.has(Cap::Batch);
        let label = line.tag("label").filter(|l| wanted && (1..=MAX_LABEL_LEN).contains(&l.len()));
        let (Some(label), Some(outbox)) = (label, client.outbox().cloned()) else {
            return self.dispatch(id, line);
        };
        let caps = client.caps;
        outbox.collect_replies();
        self.dispatch(id, line);
        let mut answers = outbox.collected_replies();
        if answers.is_empty() {
            answers.push(self.broadcast_by_server("ACK").encoded_for(caps));
        } else if !is_one_message(&answers) {
            let batch = self.next_batch();
            let within = format!("batch={batch}");
            for answer in answers.iter_mut().filter(|answer| !has_tag(answer, b"batch=")) {
                *answer = tagged(answer, within.as_bytes());
            }
            let begin = self.broadcast_by_server(format!("BATCH +{batch} labeled-response"));
            let end = self.broadcast_by_server(format!("BATCH -{batch}"));
            answers.insert(0, { begin }.encoded_for(caps));
            answers.push({ end }.encoded_for(caps));
        }
        if let Some(first) = answers.first_mut() {
            *first = tagged(first, &[b"label=", label].concat());
        }
        answers.into_iter().for_each(|answer| outbox.push(answer));
    }
}

/// Whether the answers are one line, or one batch that holds the others.
fn is_one_message(answers: &[EncodedLine]) -> bool {
    let [first, .., last] = answers else { return true };
    let batch = |wire: &[u8]| {
        let line = Line::split(wire.strip_suffix(b"\r\n")?)?;
        (line.command == "BATCH").then(|| line.text(0).into_owned())
    };
    match (batch(first), batch(last)) {
        (Some(begin), Some(end)) => begin.strip_prefix('+') == end.strip_prefix('-'),
        _ => false,
    }
}

/// The line with one tag more, before its others.
fn tagged(wire: &[u8], tag: &[u8]) -> EncodedLine {
    match wire.strip_prefix(b"@") {
        Some(rest) => [b"@", tag, b";", rest].concat().into(),
        None => [b"@", tag, b" ", wire].concat().into(),
    }
}

fn has_tag(wire: &[u8], start: &[u8]) -> bool {
    let tags = wire[..tags_len(wire)].strip_prefix(b"@").unwrap_or_default();
    tags.split(|&b| b == b';').any(|tag| tag.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(answers: &[&str], one: bool) {
        let wires: Vec<EncodedLine> = answers.iter().map(|line| line.as_bytes().into()).collect();
        assert_eq!(is_one_message(&wires), one, "{answers:?}");
    }

    #[test]
    fn a_batch_is_one_message() {
        check(&[":s 1\r\n"], true);
        check(&[":s 1\r\n", ":s 2\r\n"], false);
        check(&["@time=x :s BATCH +a chathistory\r\n", ":s 1\r\n", ":s BATCH -a\r\n"], true);
        check(&[":s BATCH +a x\r\n", ":s BATCH -a\r\n"], true);
        check(&[":s BATCH +a x\r\n", ":s BATCH -a\r\n", ":s 2\r\n"], false);
        check(
            &[":s BATCH +a x\r\n", ":s BATCH -a\r\n", ":s BATCH +b x\r\n", ":s BATCH -b\r\n"],
            false,
        );
    }

    #[test]
    fn a_tag_is_put_first() {
        assert_eq!(*tagged(b":s ACK\r\n", b"label=1"), *b"@label=1 :s ACK\r\n");
        assert_eq!(*tagged(b"@time=x :s ACK\r\n", b"label=1"), *b"@label=1;time=x :s ACK\r\n");
        assert!(has_tag(b"@time=x;batch=b1 :s ACK\r\n", b"batch="));
        assert!(!has_tag(b"@time=x :s batch=b1\r\n", b"batch="));
    }
}
