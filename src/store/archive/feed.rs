//! What the bridge hears comes into the archive: the ledger's messages are copied, each once.
//!
//! How far that is stands in the archive, and is written in the transaction that adds the lines. So nothing is lost and
//! nothing is repeated, wherever the program ends. Copying something again adds nothing: the address of a line tells where
//! it comes from.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension, ToSql, params};
use sha2::{Digest, Sha256};

use super::super::columns::{MESSAGE_COLUMNS, message_from_row, time_from_sql};
use super::super::{StoreError, accounts, look};
use super::{
    Archive, ArchiveBatch, ArchiveError, ArchiveLineId, ArchiveLineKind, LineOrigin, LineOutcome,
    NewArchiveLine, NewSpeaker, PersonMark, PersonMarks,
};
use crate::domain::{Endpoint, Identity, LogPrecision, Message};

/// So many messages are copied in one transaction.
const MESSAGES_PER_BATCH: i64 = 500;

/// How often the people whom the bridge knows are looked at.
const PEOPLE_INTERVAL: SignedDuration = SignedDuration::from_secs(10);

/// What was sent longer ago may be in logs that were imported.
const LATE: SignedDuration = SignedDuration::from_mins(2);

/// Decides what of the ledger belongs into the archive.
pub trait ArchiveRules {
    /// The rooms to whose history a message from this channel or room belongs; none if it is not to be archived.
    fn rooms_of(&self, source: &Endpoint, message: &Message) -> Vec<Endpoint>;
}

/// Reads the ledger, beside the bridge that writes it.
#[derive(Debug)]
pub struct LedgerFeed {
    ledger: Connection,
    /// What of people and their names was copied.
    people: Option<u64>,
    people_read_at: Option<Timestamp>,
    /// The version of the ledger of which everything is copied.
    seen_version: Option<i64>,
}

/// What was copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FeedProgress {
    /// How many lines were added.
    pub added: u64,
    /// The number of the last message of the ledger that need not be read again.
    pub up_to: i64,
    /// How many messages of the ledger wait.
    pub waiting: u64,
}

/// A message of the ledger.
struct HeardMessage {
    id: i64,
    remote_id: Option<String>,
    endpoint: String,
    message: Message,
}

/// How far the feed is.
#[derive(Debug, Clone, Copy)]
struct FeedPosition {
    message: i64,
    since: i64,
}

impl Archive {
    /// How far the ledger is copied: the number of its last message that need not be read again. `None` if it begins with
    /// what is heard next.
    ///
    /// # Errors
    /// When the archive cannot be read.
    pub fn fed_up_to(&self) -> Result<Option<i64>, ArchiveError> {
        Ok(self.connection.query_row("SELECT message FROM feed", [], |row| row.get(0))?)
    }

    /// What is heard from now on is not archived, until the feed begins anew.
    ///
    /// # Errors
    /// When the archive cannot be written.
    pub fn stop_feed(&self) -> Result<(), ArchiveError> {
        self.durably("UPDATE feed SET message = NULL WHERE message IS NOT NULL", params![])
    }

    /// Does what no ledger knows: a power loss must not take it away, as it may take lines.
    fn durably(&self, sql: &str, parameters: &[&dyn ToSql]) -> Result<(), ArchiveError> {
        self.connection.pragma_update(None, "synchronous", "FULL")?;
        let done = self.connection.execute(sql, parameters);
        self.connection.pragma_update(None, "synchronous", "NORMAL")?;
        done?;
        Ok(())
    }
}

impl LedgerFeed {
    /// Opens the ledger in `state_dir`, in the program that has it open as a store.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn open(state_dir: &Path) -> Result<Self, ArchiveError> {
        Ok(Self {
            ledger: look::open_in_same_program(state_dir)?,
            people: None,
            people_read_at: None,
            seen_version: None,
        })
    }

    /// If the feed was stopped, or never began: it begins with what the ledger gets next. Returns how far it is.
    ///
    /// # Errors
    /// When the ledger cannot be read or the archive cannot be written.
    pub fn begin(&self, archive: &Archive, now: Timestamp) -> Result<i64, ArchiveError> {
        if let Some(up_to) = archive.fed_up_to()? {
            return Ok(up_to);
        }
        let last = self.last_message()?;
        archive.durably(
            "UPDATE feed SET message = ?1, since = ?2",
            params![last, now.as_millisecond()],
        )?;
        Ok(last)
    }

    /// Copies some of the messages that are new; all of them if none wait afterwards.
    ///
    /// # Errors
    /// When the ledger cannot be read or the archive cannot be written. Nothing is copied then.
    pub fn copy(
        &mut self,
        archive: &mut Archive,
        rules: &dyn ArchiveRules,
        now: Timestamp,
    ) -> Result<FeedProgress, ArchiveError> {
        archive.check_still_there()?;
        let version = self.version()?;
        let last = self.last_message()?;
        if self.seen_version == Some(version) {
            return Ok(FeedProgress { added: 0, up_to: last, waiting: 0 });
        }
        let people = self.changed_people(now)?;
        if archive.fed_up_to()? == Some(last) && people.is_none() {
            self.seen_version = Some(version);
            return Ok(FeedProgress { added: 0, up_to: last, waiting: 0 });
        }
        let epoch = self.restored_at()?;
        let (people_digest, people) = people.unzip();
        let ledger = &self.ledger;
        let progress = archive.batch(|batch| {
            for (marks, name) in people.into_iter().flatten() {
                batch.know(&marks, &name)?;
            }
            let mut position = read_position(&batch.transaction)?;
            // Another ledger, or one that was restored: what is known is not added again, and what was said before the feed
            // began does not belong to it.
            let is_again = position.message > last;
            if is_again {
                position.message = 0;
            } else {
                position.since = i64::MIN;
            }
            let messages = read_messages(ledger, position.message)?;
            let is_whole = messages.len() < usize::try_from(MESSAGES_PER_BATCH).unwrap_or(0);
            let up_to = match messages.last() {
                Some(message) if !is_whole => message.id,
                // Direct messages, too.
                Some(message) => last.max(message.id),
                None => last,
            };
            let added = add_all(batch, ledger, messages, rules, (position.since, epoch, now))?;
            let sql = "UPDATE feed SET message = ?1";
            batch.transaction.prepare_cached(sql)?.execute([up_to])?;
            Ok((added, up_to))
        });
        let (added, up_to) = progress?;
        self.people = people_digest.or(self.people);
        Ok(FeedProgress { added, up_to, waiting: last.saturating_sub(up_to).max(0).unsigned_abs() })
    }

    /// A number that changes when somebody else writes into the ledger.
    fn version(&self) -> Result<i64, ArchiveError> {
        let version = self.ledger.pragma_query_value(None, "data_version", |row| row.get(0));
        Ok(version.map_err(StoreError::from)?)
    }

    /// The number of the last message of the ledger; 0 if it is empty.
    fn last_message(&self) -> Result<i64, ArchiveError> {
        let sql = "SELECT COALESCE(MAX(id), 0) FROM message";
        let mut statement = self.ledger.prepare_cached(sql).map_err(StoreError::from)?;
        Ok(statement.query_row([], |row| row.get(0)).map_err(StoreError::from)?)
    }

    /// When the ledger was restored from a backup, in milliseconds; 0 if it never was.
    fn restored_at(&self) -> Result<i64, ArchiveError> {
        let sql = "SELECT restored_at FROM restoration";
        let mut statement = self.ledger.prepare_cached(sql).map_err(StoreError::from)?;
        let found = statement.query_row([], |row| row.get(0)).optional();
        Ok(found.map_err(StoreError::from)?.unwrap_or(0))
    }

    /// The people that the bridge knows with all their names, if that has changed.
    #[expect(clippy::type_complexity, reason = "it is taken apart at once")]
    fn changed_people(
        &mut self,
        now: Timestamp,
    ) -> Result<Option<(u64, Vec<(PersonMarks, String)>)>, ArchiveError> {
        let is_due = |read: Timestamp| now.duration_since(read) >= PEOPLE_INTERVAL || now < read;
        if !self.people_read_at.is_none_or(is_due) {
            return Ok(None);
        }
        self.people_read_at = Some(now);
        let people = read_people(&self.ledger)?;
        let mut digest = DefaultHasher::new();
        people.hash(&mut digest);
        let digest = digest.finish();
        Ok((self.people != Some(digest)).then_some((digest, people)))
    }
}

fn read_position(archive: &Connection) -> rusqlite::Result<FeedPosition> {
    archive.query_row("SELECT COALESCE(message, 0), since FROM feed", [], |row| {
        Ok(FeedPosition { message: row.get(0)?, since: row.get(1)? })
    })
}

/// The next messages of channels and rooms, in the order of receipt. The bridge's own have no author.
fn read_messages(ledger: &Connection, after: i64) -> Result<Vec<HeardMessage>, StoreError> {
    let mut statement = ledger.prepare_cached(&format!(
        "SELECT m.id, m.remote_id, p.name, {MESSAGE_COLUMNS}
         FROM message m JOIN endpoint p ON p.id = m.endpoint
         WHERE m.id > ?1 AND m.author <> '' AND p.name NOT GLOB '*/@*' ORDER BY m.id LIMIT ?2"
    ))?;
    let rows = statement.query_map(params![after, MESSAGES_PER_BATCH], |row| {
        Ok(HeardMessage {
            id: row.get(0)?,
            remote_id: row.get(1)?,
            endpoint: row.get(2)?,
            message: message_from_row(row, 3)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn add_all(
    batch: &mut ArchiveBatch<'_>,
    ledger: &Connection,
    messages: Vec<HeardMessage>,
    rules: &dyn ArchiveRules,
    (since, epoch, now): (i64, i64, Timestamp),
) -> Result<u64, ArchiveError> {
    let mut lines = Vec::with_capacity(messages.len());
    for heard in messages {
        let Some(source) = Endpoint::parse(&heard.endpoint) else { continue };
        let sent_at = heard.message.sent_at;
        if sent_at.as_millisecond() < since {
            continue;
        }
        let is_late = now.duration_since(sent_at) > LATE
            || epoch > 0 && sent_at <= time_from_sql(epoch).saturating_add(LATE).unwrap_or(sent_at);
        for room in rules.rooms_of(&source, &heard.message) {
            let room = room_of(batch, ledger, &room)?;
            let twin = digest_of(&heard, 0);
            lines.push(NewArchiveLine {
                id: ArchiveLineId::new(sent_at, digest_of(&heard, room.0)),
                twin: Some(twin & 0x7fff_ffff_ffff_ffff),
                room,
                place: heard.endpoint.clone(),
                author: Some(speaker_of(&source, &heard.message)),
                precision: LogPrecision::Exact,
                kind: ArchiveLineKind::Said(heard.message.kind),
                text: heard.message.body.clone(),
                origin: LineOrigin::Heard { epoch, is_late },
            });
        }
    }
    // The index takes rising times best. Lines of one millisecond stay in their order.
    lines.sort_by_key(|line| line.id.millisecond());
    let mut added = 0;
    for line in &lines {
        added += u64::from(batch.add(line)? == LineOutcome::Added);
    }
    Ok(added)
}

/// The room in the archive for a room of the ledger.
fn room_of(
    batch: &mut ArchiveBatch<'_>,
    ledger: &Connection,
    room: &Endpoint,
) -> Result<super::ArchiveRoomId, ArchiveError> {
    let name = room.to_string();
    let sql = "SELECT remote_id FROM endpoint WHERE name = ?1";
    let remote_id: Option<String> = ledger
        .prepare_cached(sql)
        .and_then(|mut statement| statement.query_row([&name], |row| row.get(0)).optional())
        .map_err(StoreError::from)?
        .flatten();
    batch.room(name.strip_prefix("letschat/").unwrap_or(&name), remote_id.as_deref())
}

/// A digest of where a message comes from, and of the room in which it is shown.
fn digest_of(heard: &HeardMessage, room: i64) -> u64 {
    let mut digest = Sha256::new();
    digest.update(heard.message.source.0.to_be_bytes());
    match &heard.remote_id {
        Some(remote_id) => digest.update(remote_id.as_bytes()),
        None => digest.update(heard.id.to_be_bytes()),
    }
    digest.update(room.to_be_bytes());
    let digest = digest.finalize();
    digest[..8].iter().fold(0, |all, byte| all << 8 | u64::from(*byte))
}

fn speaker_of(source: &Endpoint, message: &Message) -> NewSpeaker {
    let author = &message.author;
    let mut marks = PersonMarks::default();
    let scope = match source {
        Endpoint::Room(_) => {
            marks.sure.extend(author.account.clone().map(PersonMark::User));
            "letschat".to_owned()
        }
        Endpoint::Channel { network, .. } => {
            let network = network.as_str().to_owned();
            let account = author.account.clone();
            let account =
                account.map(|name| PersonMark::Account { network: network.clone(), name });
            marks.sure.extend(account);
            let nick = author.name.clone();
            marks.likely.push(PersonMark::Nick { network: network.clone(), nick });
            network
        }
    };
    NewSpeaker { scope, name: author.name.clone(), person_name: author.name.clone(), marks }
}

/// The people whom the bridge knows, each with all marks.
fn read_people(ledger: &Connection) -> Result<Vec<(PersonMarks, String)>, StoreError> {
    let mut people = Vec::new();
    let mut nicks = ledger.prepare_cached(
        "SELECT network, nick FROM person_nick WHERE person = ?1 ORDER BY network, nick",
    )?;
    for (person, own) in accounts::people_in_view(ledger)? {
        let network = person.key.network.as_str().to_owned();
        let mut marks = PersonMarks::default();
        match person.key.identity {
            Identity::Account(name) => {
                marks.sure.push(PersonMark::Account { network: network.clone(), name });
            }
            Identity::Nick(nick) => {
                marks.likely.push(PersonMark::Nick { network: network.clone(), nick });
            }
        }
        let users = own.iter().filter_map(|account| account.user.clone());
        marks.sure.extend(users.map(|user| PersonMark::User(user.to_string())));
        let own_nicks = nicks.query_map([person.id.0], |row| {
            Ok(PersonMark::Nick { network: row.get(0)?, nick: row.get(1)? })
        })?;
        for nick in own_nicks {
            marks.likely.push(nick?);
        }
        people.push((marks, person.nick));
    }
    Ok(people)
}
