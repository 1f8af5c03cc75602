//! Read access to what public links point at, beside the bridge that writes the store.

use std::path::Path;

use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::columns::{MESSAGE_COLUMNS, message_from_row};
use super::{StoreError, look, revocations};
use crate::domain::{LinkTarget, Message, PasteId};

/// A read-only view of the store that always sees the last commit.
#[derive(Debug)]
pub struct PublicReader {
    connection: Connection,
}

/// A message that a public link points at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paste {
    /// The endpoint it came from: `letschat/dev`.
    pub endpoint: String,
    /// The message itself.
    pub message: Message,
}

impl PublicReader {
    /// Opens the store in `directory` for reading, in the program that has it open.
    ///
    /// # Errors
    /// When there is no store, or this version cannot read it.
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        Ok(Self { connection: look::open_in_same_program(directory)? })
    }

    /// The message `id`; `None` if it was pruned.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn find_paste(&self, id: PasteId) -> Result<Option<Paste>, StoreError> {
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT p.name, {MESSAGE_COLUMNS}
             FROM message m JOIN endpoint p ON p.id = m.endpoint WHERE m.sent_at = ?1"
        ))?;
        let rows = statement.query_map(params![id.sent_at_ms], |row| {
            Ok(Paste { endpoint: row.get(0)?, message: message_from_row(row, 1)? })
        })?;
        for paste in rows {
            let paste = paste?;
            if PasteId::of(&paste.message) == id {
                return Ok(Some(paste));
            }
        }
        Ok(None)
    }

    /// Whether a link to `target` created at `made` was revoked.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn is_revoked(&self, target: LinkTarget, made: Timestamp) -> Result<bool, StoreError> {
        revocations::is_revoked(&self.connection, target, made)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Author, Endpoint, FileId, MessageKind, ObjectId};
    use crate::store::{Revocation, Store, revoke};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    fn message(endpoint: crate::domain::EndpointId, body: &str) -> Message {
        Message {
            source: endpoint,
            author: Author::named("ann"),
            kind: MessageKind::Text,
            body: body.to_owned(),
            sent_at: "2026-11-22T10:00:00.123456789Z".parse().expect("a time"),
        }
    }

    #[test]
    fn paste_is_found_until_pruned() {
        let directory = tempfile::tempdir().expect("a directory");
        let mut store = Store::open(directory.path()).expect("opens");
        let tea = store.endpoint_id(&Endpoint::room("tea")).expect("works");
        let (one, two) = (message(tea, "1\n2"), message(tea, "1\n3"));
        store.record(&one, Some("one")).expect("works");
        store.record(&two, Some("two")).expect("works");
        let reader = PublicReader::open(directory.path()).expect("opens");
        assert_eq!(reader.find_paste(PasteId::of(&two)).expect("reads"), None, "not committed");
        store.commit().expect("works");
        for said in [&one, &two] {
            let found = reader.find_paste(PasteId::of(said)).expect("reads").expect("is there");
            assert_eq!(
                (found.endpoint.as_str(), &found.message.body),
                ("letschat/tea", &said.body)
            );
        }
        store.prune(Timestamp::now(), 9).expect("works");
        store.commit().expect("works");
        assert_eq!(reader.find_paste(PasteId::of(&one)).expect("reads"), None);
    }

    #[test]
    fn revocation_applies_at_once_and_after_restart() {
        let directory = tempfile::tempdir().expect("a directory");
        let store = Store::open(directory.path()).expect("opens");
        let reader = PublicReader::open(directory.path()).expect("opens");
        let (one, two) = (
            LinkTarget::File(FileId(ObjectId([1; 12]))),
            LinkTarget::File(FileId(ObjectId([2; 12]))),
        );
        let revoked = |target, made| reader.is_revoked(target, at(made)).expect("reads");
        assert!(!revoked(one, 100));
        revoke(directory.path(), Revocation::Target(one), at(200)).expect("works");
        assert!(revoked(one, 100) && revoked(one, 300) && !revoked(two, 100));
        revoke(directory.path(), Revocation::CreatedSince(at(150)), at(200)).expect("works");
        assert!(!revoked(two, 149) && revoked(two, 150) && revoked(two, 200) && !revoked(two, 201));
        drop(store);
        let _store = Store::open(directory.path()).expect("opens");
        assert!(revoked(one, 100));
    }

    #[test]
    fn paste_and_file_revocations_are_distinct() {
        let directory = tempfile::tempdir().expect("a directory");
        let _store = Store::open(directory.path()).expect("opens");
        let paste = LinkTarget::Paste(PasteId { sent_at_ms: 5, digest: [1; 8] });
        revoke(directory.path(), Revocation::Target(paste), at(200)).expect("works");
        let reader = PublicReader::open(directory.path()).expect("opens");
        assert!(reader.is_revoked(paste, at(100)).expect("reads"));
        let other = LinkTarget::Paste(PasteId { sent_at_ms: 6, digest: [1; 8] });
        assert!(!reader.is_revoked(other, at(100)).expect("reads"));
    }

    #[test]
    fn revoking_without_a_store_fails() {
        let directory = tempfile::tempdir().expect("a directory");
        let all = Revocation::CreatedSince(Timestamp::UNIX_EPOCH);
        assert!(revoke(directory.path(), all, at(1)).is_err());
        assert!(std::fs::read_dir(directory.path()).expect("is there").next().is_none());
    }
}
