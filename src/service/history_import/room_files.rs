//! The files of one room: its messages, and the list of their ids.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::files::{self, ImportFileError, NewImportFile};
use super::record::{OwnerTally, RoomTally};
use crate::domain::ObjectId;
use crate::migrate::letschat::{MESSAGES_METADATA, MessageFields, append_message};

/// How many ids a file lists: the MongoDB shell reads whole files.
const IDS_PER_FILE: u64 = 20_000;

/// Writes the history of a room, or only counts it.
pub(super) struct RoomWriter {
    files: Option<RoomFiles>,
    tally: RoomTally,
    owners: HashMap<ObjectId, OwnerTally>,
}

struct RoomFiles {
    folder: PathBuf,
    messages: NewImportFile,
    ids: Option<NewImportFile>,
    buffer: Vec<u8>,
    line: String,
}

impl RoomWriter {
    /// Counts only.
    pub(super) fn counting() -> Self {
        Self { files: None, tally: RoomTally::default(), owners: HashMap::new() }
    }

    /// Writes into `folder`, which is made, and emptied if it is there.
    pub(super) fn create(folder: &Path) -> Result<Self, ImportFileError> {
        match fs::remove_dir_all(folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(files::at(folder, error));
            }
            _ => {}
        }
        files::make_directory(folder)?;
        let messages = NewImportFile::create(folder.join("messages.bson"))?;
        let files = RoomFiles {
            folder: folder.to_owned(),
            messages,
            ids: None,
            buffer: Vec::new(),
            line: String::new(),
        };
        Ok(Self { files: Some(files), ..Self::counting() })
    }

    /// What was left out, to be counted.
    pub(super) fn tally_mut(&mut self) -> &mut RoomTally {
        &mut self.tally
    }

    /// Appends a message.
    pub(super) fn push(&mut self, message: &MessageFields<'_>) -> Result<(), ImportFileError> {
        let at = message.posted.as_millisecond();
        if let Some(files) = &mut self.files {
            files.push(message, self.tally.messages)?;
            self.tally.bytes += files.buffer.len() as u64;
        }
        if self.tally.messages == 0 {
            self.tally.first = at;
        }
        self.tally.last = at;
        self.tally.messages += 1;
        self.tally.id_files = self.tally.messages.div_ceil(IDS_PER_FILE);
        let first = OwnerTally { messages: 0, first: at };
        self.owners.entry(message.owner).or_insert(first).messages += 1;
        Ok(())
    }

    /// Brings the files to disk, and says what is in them.
    pub(super) fn finish(mut self) -> Result<RoomTally, ImportFileError> {
        if let Some(files) = self.files {
            files.finish()?;
        }
        let owners = self.owners.into_iter().map(|(owner, said)| (owner.to_string(), said));
        self.tally.owners = owners.collect();
        Ok(self.tally)
    }
}

impl RoomFiles {
    /// Appends a message before which there are `number` others.
    fn push(&mut self, message: &MessageFields<'_>, number: u64) -> Result<(), ImportFileError> {
        self.buffer.clear();
        append_message(&mut self.buffer, message);
        self.messages.write(&self.buffer)?;
        if number.is_multiple_of(IDS_PER_FILE) {
            let name = format!("ids-{:04}.txt", number / IDS_PER_FILE + 1);
            let next = NewImportFile::create(self.folder.join(name))?;
            if let Some(full) = self.ids.replace(next) {
                full.finish()?;
            }
        }
        let sum = check_sum(message.text);
        self.line.clear();
        // Writing into a string cannot fail.
        let _ = writeln!(self.line, "{} {} {sum}", message.id, message.owner);
        match &mut self.ids {
            Some(ids) => ids.write(self.line.as_bytes()),
            None => Ok(()),
        }
    }

    fn finish(self) -> Result<(), ImportFileError> {
        if let Some(ids) = self.ids {
            ids.finish()?;
        }
        let metadata = self.folder.join("messages.metadata.json");
        files::write_file(metadata, MESSAGES_METADATA.as_bytes())?;
        self.messages.finish()?;
        files::sync_directory(&self.folder)
    }
}

/// A check sum (FNV-1a) of the characters of a text, as JavaScript counts them. The script tells by it whether a message was
/// changed after it was restored.
fn check_sum(text: &str) -> u32 {
    let add = |sum: u32, unit: u16| (sum ^ u32::from(unit)).wrapping_mul(16_777_619);
    text.encode_utf16().fold(2_166_136_261, add)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_sum_is_the_one_of_the_script() {
        // Computed by checkSum of restore.js.
        for (text, sum) in [
            ("", 2_166_136_261),
            ("a", 3_826_002_220),
            ("kettle's on", 2_579_953_877),
            ("Grüße, 茶 🫖", 2_573_646_742),
        ] {
            assert_eq!(check_sum(text), sum, "{text:?}");
        }
    }
}
