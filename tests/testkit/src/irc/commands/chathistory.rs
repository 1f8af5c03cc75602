//! `CHATHISTORY` (<https://ircv3.net/specs/extensions/chathistory>).

use jiff::Timestamp;

use super::super::broadcast::{Metadata, server_time};
use super::super::caps::Cap;
use super::super::client::ClientId;
use super::super::history::{MessageRef, StoredMessage};
use super::super::line::Line;
use super::super::numeric::ERR_UNKNOWNCOMMAND;
use super::super::state::ServerState;

impl ServerState {
    pub(super) fn chathistory(&mut self, id: ClientId, line: &Line<'_>) {
        if !self.client(id).has(Cap::ChatHistory) {
            return self.send_numeric(id, ERR_UNKNOWNCOMMAND, "CHATHISTORY :Unknown command");
        }
        let subcommand = line.text(0).to_ascii_uppercase();
        let needed = match subcommand.as_str() {
            "BEFORE" | "AFTER" | "LATEST" | "AROUND" | "TARGETS" => 4,
            "BETWEEN" => 5,
            _ => return self.bad_params(id, &subcommand, "Unknown command"),
        };
        if line.params.len() != needed {
            let few = line.params.len() < needed;
            let why = if few { "Insufficient parameters" } else { "Too many parameters" };
            return self.bad_params(id, &subcommand, why);
        }
        let limit = line.text(needed - 1).parse::<usize>().ok().filter(|&limit| limit > 0);
        let Some(limit) = limit.map(|limit| limit.min(self.setup.chathistory_limit)) else {
            return self.bad_params(id, &subcommand, "Invalid limit");
        };
        if subcommand == "TARGETS" {
            self.history_targets(id, line, limit);
        } else {
            self.history_of(id, &subcommand, line, limit);
        }
    }

    fn bad_params(&self, id: ClientId, subcommand: &str, why: &str) {
        self.fail(id, &format!("CHATHISTORY INVALID_PARAMS {subcommand} :{why}"));
    }

    fn history_of(&mut self, id: ClientId, subcommand: &str, line: &Line<'_>, limit: usize) {
        let target = line.text(1);
        let folded = self.fold(&target);
        if !self.client(id).channels.contains(&folded) {
            let words = format!(
                "CHATHISTORY INVALID_TARGET {subcommand} {target} :Messages could not be retrieved"
            );
            return self.fail(id, &words);
        }
        let points: Option<Vec<Option<MessageRef>>> = (2..line.params.len() - 1)
            .map(|at| match &*line.text(at) {
                "*" if subcommand == "LATEST" => Some(None),
                text => point(text).map(Some),
            })
            .collect();
        let Some(points) = points else {
            let text = format!("{subcommand} {}", line.text(2));
            return self.bad_params(id, &text, "Invalid timestamp or msgid");
        };
        let Some(history) = self.histories.get(&folded) else {
            return self.replay(id, &target, Vec::new(), true);
        };
        let found = match (subcommand, points.as_slice()) {
            ("LATEST", [point]) => history.latest(point.as_ref(), limit),
            ("BEFORE", [Some(point)]) => history.before(point, limit),
            ("AFTER", [Some(point)]) => history.after(point, limit),
            ("AROUND", [Some(point)]) => history.around(point, limit),
            ("BETWEEN", [Some(from), Some(to)]) => history.between(from, to, limit),
            _ => None,
        };
        let name = history.name.clone();
        match found {
            Some(found) => self.replay(id, &name, found, true),
            None => {
                let words = format!(
                    "CHATHISTORY MESSAGE_ERROR {subcommand} {name} :Messages could not be retrieved"
                );
                self.fail(id, &words);
            }
        }
    }

    /// Sends `id` stored messages, in a batch if that is wanted and its client knows batches.
    pub(in super::super) fn replay(
        &mut self,
        id: ClientId,
        name: &str,
        messages: Vec<StoredMessage>,
        batched: bool,
    ) {
        let batch = (batched && self.client(id).has(Cap::Batch)).then(|| self.next_batch());
        if let Some(batch) = &batch {
            self.send_from_server(id, format!("BATCH +{batch} chathistory {name}"));
        }
        for StoredMessage { metadata: known, source, words } in messages {
            let known = Metadata { batch: batch.clone(), ..known };
            self.client(id).send(&mut self.broadcast(known, &source, &words));
        }
        if let Some(batch) = &batch {
            self.send_from_server(id, format!("BATCH -{batch}"));
        }
    }

    fn history_targets(&mut self, id: ClientId, line: &Line<'_>, limit: usize) {
        let (Some(MessageRef::Time(from)), Some(MessageRef::Time(to))) =
            (point(&line.text(1)), point(&line.text(2)))
        else {
            let text = format!("TARGETS {}", line.text(1));
            return self.bad_params(id, &text, "Invalid timestamp");
        };
        let (earliest, latest) = (from.min(to), from.max(to));
        let mine = &self.client(id).channels;
        let histories = self.histories.iter().filter(|(folded, _)| mine.contains(*folded));
        let mut targets: Vec<(Timestamp, String)> = histories
            .filter_map(|(_, history)| Some((history.last_at()?, history.name.clone())))
            .filter(|(at, _)| *at > earliest && *at < latest)
            .collect();
        targets.sort();
        if from > to {
            targets.drain(..targets.len().saturating_sub(limit));
        }
        let batch = self.client(id).has(Cap::Batch).then(|| self.next_batch());
        if let Some(batch) = &batch {
            self.send_from_server(id, format!("BATCH +{batch} draft/chathistory-targets"));
        }
        for (at, name) in targets.into_iter().take(limit) {
            let known = Metadata { batch: batch.clone(), ..Metadata::now() };
            let words = format!("CHATHISTORY TARGETS {name} {}", server_time(at));
            let mut broadcast = self.broadcast(known, &self.setup.name, words.as_bytes());
            self.client(id).send(&mut broadcast);
        }
        if let Some(batch) = &batch {
            self.send_from_server(id, format!("BATCH -{batch}"));
        }
    }
}

/// Reads `timestamp=…` or `msgid=…`.
fn point(text: &str) -> Option<MessageRef> {
    let (kind, value) = text.split_once('=')?;
    match kind {
        "timestamp" => value.parse().ok().map(MessageRef::Time),
        "msgid" if !value.is_empty() => Some(MessageRef::Msgid(value.to_owned())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_read() {
        assert_eq!(point("msgid=a-1"), Some(MessageRef::Msgid("a-1".into())));
        let second = Timestamp::from_millisecond(1500).expect("a time");
        assert_eq!(point("timestamp=1970-01-01T00:00:01.500Z"), Some(MessageRef::Time(second)));
        for text in ["*", "msgid=", "timestamp=yesterday", "label=1", ""] {
            assert_eq!(point(text), None, "{text}");
        }
    }
}
