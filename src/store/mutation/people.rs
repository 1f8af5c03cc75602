//! Changes to the people of IRC and to their accounts on Let's Chat.

use jiff::Timestamp;
use rusqlite::{Result, params};

use super::Transaction;
use crate::domain::{
    AccountKind, Identity, LetsChatUserId, Network, PersonId, PersonKey, SpeakerAccount,
};
use crate::store::columns::{account_access_to_sql, account_kind_to_sql};

/// One change to the people of IRC, or to their accounts.
#[derive(Debug)]
pub(in crate::store) enum PeopleMutation {
    InsertPerson {
        id: PersonId,
        key: PersonKey,
        nick: String,
        now: Timestamp,
    },
    SetPersonSpoke {
        id: PersonId,
        nick: String,
        lines: u64,
        now: Timestamp,
    },
    SetIdentity {
        id: PersonId,
        identity: Identity,
    },
    SetNickOwner {
        network: Network,
        nick: String,
        person: PersonId,
        origin: Option<String>,
        now: Timestamp,
    },
    PrunePeople {
        people: Vec<PersonId>,
    },
    PutAccount {
        account: SpeakerAccount,
        secrets: SealedSecrets,
        now: Timestamp,
    },
    SetAccountSession {
        user: LetsChatUserId,
        session: Option<Vec<u8>>,
    },
    SetAccountDisplayName {
        user: LetsChatUserId,
        name: String,
    },
    RemoveAccount {
        person: PersonId,
        kind: AccountKind,
    },
}

/// What gives access to an account, encrypted.
#[derive(Debug)]
pub(in crate::store) struct SealedSecrets {
    pub(in crate::store) password: Option<Vec<u8>>,
    pub(in crate::store) session: Option<Vec<u8>>,
    pub(in crate::store) token: Option<Vec<u8>>,
}

impl PeopleMutation {
    /// Executes the change in the open transaction.
    pub(super) fn execute(&self, db: Transaction<'_>) -> Result<()> {
        match self {
            Self::InsertPerson { id, key, nick, now } => insert(db, *id, key, nick, *now),
            Self::SetPersonSpoke { id, nick, lines, now } => set_spoke(db, *id, nick, *lines, *now),
            Self::SetIdentity { id, identity } => set_identity(db, *id, identity),
            Self::SetNickOwner { network, nick, person, origin, now } => {
                set_nick_owner(db, network, nick, (*person, origin.as_deref()), *now)
            }
            Self::PrunePeople { people } => prune(db, people),
            Self::PutAccount { account, secrets, now } => put_account(db, account, secrets, *now),
            Self::SetAccountSession { user, session } => {
                set_account_session(db, user, session.as_deref())
            }
            Self::SetAccountDisplayName { user, name } => db.execute(
                "UPDATE speaker_account SET display_name = ?2 WHERE user = ?1",
                params![user.0, name],
            ),
            Self::RemoveAccount { person, kind } => remove_account(db, *person, *kind),
        }
    }
}

fn insert(
    db: Transaction<'_>,
    id: PersonId,
    key: &PersonKey,
    nick: &str,
    now: Timestamp,
) -> Result<()> {
    db.execute(
        "INSERT INTO person (id, network, identity, nick, lines, last_spoke)
         VALUES (?1, ?2, ?3, ?4, 0, ?5)",
        params![id.0, key.network.as_str(), key.identity.to_string(), nick, now.as_millisecond()],
    )
}

fn set_spoke(
    db: Transaction<'_>,
    id: PersonId,
    nick: &str,
    lines: u64,
    now: Timestamp,
) -> Result<()> {
    db.execute(
        "UPDATE person SET nick = ?2, lines = ?3, last_spoke = ?4 WHERE id = ?1",
        params![id.0, nick, i64::try_from(lines).unwrap_or(i64::MAX), now.as_millisecond()],
    )
}

fn set_identity(db: Transaction<'_>, id: PersonId, identity: &Identity) -> Result<()> {
    db.execute("UPDATE person SET identity = ?2 WHERE id = ?1", params![id.0, identity.to_string()])
}

fn set_nick_owner(
    db: Transaction<'_>,
    network: &Network,
    nick: &str,
    (person, origin): (PersonId, Option<&str>),
    now: Timestamp,
) -> Result<()> {
    db.execute(
        "INSERT OR REPLACE INTO person_nick (network, nick, person, origin, seen)
         VALUES (?1, ?2, ?3, ?4, ?5)",
        params![network.as_str(), nick, person.0, origin, now.as_millisecond()],
    )
}

fn prune(db: Transaction<'_>, people: &[PersonId]) -> Result<()> {
    for person in people {
        db.execute("DELETE FROM person WHERE id = ?1", params![person.0])?;
    }
    Ok(())
}

fn put_account(
    db: Transaction<'_>,
    account: &SpeakerAccount,
    secrets: &SealedSecrets,
    now: Timestamp,
) -> Result<()> {
    let user = account.user.as_ref().map(|user| user.0.as_ref());
    db.execute(
        "INSERT OR REPLACE INTO speaker_account
             (person, own, kind, user, username, display_name, access, password, session, token, since)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        params![
            account.person.0,
            !account.kind.is_only_ours(),
            account_kind_to_sql(account.kind),
            user,
            account.username,
            account.display_name,
            account_access_to_sql(account.access),
            secrets.password,
            secrets.session,
            secrets.token,
            now.as_millisecond(),
        ],
    )
}

fn set_account_session(
    db: Transaction<'_>,
    user: &LetsChatUserId,
    session: Option<&[u8]>,
) -> Result<()> {
    db.execute("UPDATE speaker_account SET session = ?2 WHERE user = ?1", params![user.0, session])
}

fn remove_account(db: Transaction<'_>, person: PersonId, kind: AccountKind) -> Result<()> {
    db.execute(
        "DELETE FROM speaker_account WHERE person = ?1 AND own = ?2",
        params![person.0, !kind.is_only_ours()],
    )
}
