//! All lines of a range, one after another.

use std::collections::VecDeque;
use std::ops::Range;

use super::columns::NumberedLine;
use super::lines::{MAX_LINES, lines_from};
use super::{ArchiveError, ArchiveLine, ArchiveReader, ArchiveRoomId};

/// The lines of a range, one after another, in the order in which they were said. They are read in pieces.
#[derive(Debug)]
pub struct ArchiveExport {
    reader: ArchiveReader,
    room: ArchiveRoomId,
    /// The numbers that are still to be read.
    range: Range<i64>,
    piece: VecDeque<NumberedLine>,
    is_over: bool,
}

impl ArchiveExport {
    pub(super) fn begin(
        reader: ArchiveReader,
        room: ArchiveRoomId,
        range: Range<i64>,
    ) -> Result<Self, ArchiveError> {
        let mut export = Self { reader, room, range, piece: VecDeque::new(), is_over: false };
        export.read()?;
        Ok(export)
    }

    fn read(&mut self) -> Result<(), ArchiveError> {
        let (room, start) = (self.room, self.range.start);
        let lines =
            self.reader.with(|connection| lines_from(connection, room, start, MAX_LINES))?;
        self.is_over = lines.len() < MAX_LINES;
        if let Some(last) = lines.last() {
            self.range.start = last.number + 1;
        }
        let end = self.range.end;
        self.is_over |= lines.last().is_some_and(|last| last.number >= end);
        self.piece = lines.into_iter().filter(|line| line.number < end).collect();
        Ok(())
    }
}

impl Iterator for ArchiveExport {
    type Item = Result<ArchiveLine, ArchiveError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.piece.is_empty()
            && !self.is_over
            && let Err(error) = self.read()
        {
            self.is_over = true;
            return Some(Err(error));
        }
        self.piece.pop_front().map(|found| Ok(found.line))
    }
}
