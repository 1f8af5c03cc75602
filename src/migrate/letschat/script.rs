//! The script that restores the documents, checks them, and takes them back, and what it must know.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::ObjectId;

/// `restore.sh`, for the administrator of the database.
pub const RESTORE_SH: &str = include_str!("restore.sh");

/// `restore.js`, which `restore.sh` runs in the MongoDB shell.
pub const RESTORE_JS: &str = include_str!("restore.js");

/// What was written, as the script reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RestoredHistory {
    /// The address of Let's Chat.
    pub letschat: String,
    /// The rooms.
    pub rooms: Vec<RestoredRoom>,
    /// The accounts that were written.
    pub accounts: Vec<RestoredAccount>,
    /// The ids of the other accounts whose messages were written.
    pub owners: Vec<String>,
    /// What the administrator should know before restoring.
    pub warnings: Vec<String>,
}

/// The history of one room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RestoredRoom {
    /// The folder of its files.
    pub folder: String,
    /// Its slug.
    pub slug: String,
    /// Its id.
    pub id: String,
    /// Whether it was made for the history.
    pub is_new: bool,
    /// How many messages were written.
    pub messages: u64,
    /// When the first one was posted, in milliseconds since 1970.
    pub first: i64,
    /// When the last one was posted.
    pub last: i64,
    /// How many files list its messages: `ids-0001.txt` and so on.
    pub id_files: u64,
    /// The ids of those who may read it, if not everybody may.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub participants: Option<Vec<String>>,
}

/// An account that was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RestoredAccount {
    /// Its id.
    pub id: String,
    /// The user name.
    pub username: String,
    /// The mail address.
    pub email: String,
    /// The name in the directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
}

impl RestoredHistory {
    /// Lets only the accounts in `participants`, and the one of the bridge, read the rooms that are named there. An account that
    /// was to be written and has said nothing is not there.
    pub fn close(&mut self, participants: &BTreeMap<String, Vec<ObjectId>>, bridge: ObjectId) {
        for room in &mut self.rooms {
            room.participants = participants
                .get(&room.slug)
                .map(|ids| ids.iter().chain([&bridge]).map(ToString::to_string).collect());
        }
    }

    /// A script that defines it.
    ///
    /// # Errors
    /// When it cannot be encoded.
    pub fn to_script(&self) -> Result<String, serde_json::Error> {
        let json = serde_json::to_string_pretty(self)?;
        // Older shells end a line there, even in a string.
        let json = json.replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029");
        Ok(format!("// What was written, for restore.js.\nvar letsbridgeImport = {json};\n"))
    }
}
