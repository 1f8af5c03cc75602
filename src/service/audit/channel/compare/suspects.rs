//! Lines that the ledger does not know: duplicates of our own lines, or unrecorded ones.

use std::hash::{DefaultHasher, Hash, Hasher};

use jiff::Timestamp;

use super::expected::CopiedLine;
use super::{AuditLine, ChannelComparison, LineOwner};
use crate::service::audit::MAX_LISTED;
use crate::service::audit::channel::findings::{LineFindings, LineMsgid, UnrecordedLine};
use crate::translate::RESENT_PREFIX;

/// How many of our own lines are remembered to detect duplicates.
const MAX_REMEMBERED: usize = 5_000;

/// A line that the ledger does not know.
#[derive(Debug)]
pub(super) struct SuspectLine {
    line: AuditLine,
    /// Another line of ours with the same text.
    duplicate_of: Option<LineMsgid>,
}

/// Suspect lines.
impl ChannelComparison {
    /// Remembers the text of one of our lines.
    pub(super) fn remember_line(&mut self, line: &AuditLine) {
        let hash = text_hash(&line.text);
        for suspect in self.unmatched.remove(&hash).unwrap_or_default() {
            self.suspects[suspect].duplicate_of = Some(line.msgid.clone());
        }
        if self.own_line_hashes.len() >= MAX_REMEMBERED {
            self.own_line_hashes.pop_front();
        }
        self.own_line_hashes.push_back((hash, line.msgid.clone()));
    }

    pub(super) fn add_suspect(&mut self, line: AuditLine, is_own: bool) {
        let hash = text_hash(&line.text);
        let duplicate_of = is_own
            .then(|| self.own_line_hashes.iter().rev().find(|(known, _)| *known == hash))
            .flatten();
        let suspect =
            SuspectLine { duplicate_of: duplicate_of.map(|(_, line)| line.clone()), line };
        if self.suspects.len() >= MAX_LISTED {
            // Too many to be explained by timing.
            return self.report_suspect(suspect);
        }
        if is_own && suspect.duplicate_of.is_none() {
            self.unmatched.entry(hash).or_default().push(self.suspects.len());
        }
        self.suspects.push(suspect);
    }

    /// Reports a line that is definitely missing from the ledger.
    fn report_suspect(&mut self, SuspectLine { line, duplicate_of }: SuspectLine) {
        let AuditLine { msgid: id, time: sent_at, nick: author, text, .. } = line;
        match duplicate_of {
            Some(of) => self.add_duplicate(
                CopiedLine { msgid: id, sent_at, is_resend: has_resent_prefix(&text) },
                false,
                of,
            ),
            None => {
                self.findings.unrecorded.push(UnrecordedLine { msgid: id, sent_at, author });
            }
        }
    }

    /// Whether the ledger must be consulted again.
    pub(in crate::service::audit::channel) fn has_suspects(&self) -> bool {
        !self.suspects.is_empty()
    }

    /// Reports the result after the ledger was consulted again: `owner` returns the current author of a line,
    /// `cursor` is how far the channel has been received by now.
    pub(in crate::service::audit::channel) fn finish(
        mut self,
        cursor: Timestamp,
        mut owner: impl FnMut(&AuditLine) -> LineOwner,
    ) -> LineFindings {
        self.cursor = self.cursor.max(cursor);
        self.unmatched.clear();
        for suspect in std::mem::take(&mut self.suspects) {
            match owner(&suspect.line) {
                LineOwner::Recorded(number) => self.on_recorded(suspect.line, number),
                LineOwner::Own(delivery) if self.match_own_line(&suspect.line, delivery) => {}
                LineOwner::Own(_) | LineOwner::Unrecorded => {
                    if suspect.duplicate_of.is_none() && suspect.line.time > self.cursor {
                        self.findings.unread.add(suspect.line.time);
                    } else {
                        self.report_suspect(suspect);
                    }
                }
            }
        }
        self.findings
    }
}

/// A hash of a text, ignoring the mark for resent messages.
pub(super) fn text_hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.replacen(RESENT_PREFIX, "", 1).hash(&mut hasher);
    hasher.finish()
}

fn has_resent_prefix(text: &str) -> bool {
    text.contains(RESENT_PREFIX)
}
