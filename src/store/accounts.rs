//! The accounts on Let's Chat that people of IRC speak as, and what gives access to them, encrypted.

use std::collections::HashMap;
use std::path::Path;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row};

use super::columns::{account_access_from_sql, account_kind_from_sql, account_kind_to_sql};
use super::mutation::{PeopleMutation, SealedSecrets};
use super::{DB_FILE, Person, Store, StoreError, look};
use crate::domain::{
    AccountKind, AccountSecrets, LetsChatUserId, PersonId, Secret, SpeakerAccount,
};

/// The columns that [`account_from_row`] reads.
const ACCOUNT_COLUMNS: &str = "person, kind, user, username, display_name, access";

impl Store {
    /// All accounts, in the order of their people, with what gives access to them.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn speaker_accounts(&self) -> Result<Vec<(SpeakerAccount, AccountSecrets)>, StoreError> {
        let sql = format!(
            "SELECT {ACCOUNT_COLUMNS}, password, session, token FROM speaker_account
             ORDER BY person, own"
        );
        let mut statement = self.connection.prepare(&sql)?;
        let rows = statement
            .query_map([], |row| Ok((account_from_row(row)?, self.secrets_from_row(row, 6)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// What gives access to the account that the bridge made for this person, or to their own.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn account_secrets(
        &self,
        person: PersonId,
        kind: AccountKind,
    ) -> Result<AccountSecrets, StoreError> {
        let sql = "SELECT password, session, token FROM speaker_account
                   WHERE person = ?1 AND kind = ?2";
        let mut statement = self.connection.prepare_cached(sql)?;
        let parameters = [person.0, account_kind_to_sql(kind)];
        let found = statement.query_row(parameters, |row| self.secrets_from_row(row, 0));
        Ok(found.optional()?.unwrap_or_default())
    }

    /// Adds or replaces an account with what gives access to it. A person has at most one that the bridge
    /// made, and one of their own.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn put_account(
        &mut self,
        account: &SpeakerAccount,
        secrets: &AccountSecrets,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let seal = |secret: &Option<Secret>| secret.as_ref().and_then(|it| self.sealer.seal(it));
        let secrets = SealedSecrets {
            password: seal(&secrets.password),
            session: seal(&secrets.session),
            token: seal(&secrets.token),
        };
        self.apply_to_people(PeopleMutation::PutAccount { account: account.clone(), secrets, now })
    }

    /// The account has another session now.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn set_account_session(
        &mut self,
        user: &LetsChatUserId,
        session: Option<&Secret>,
    ) -> Result<(), StoreError> {
        let session = session.and_then(|session| self.sealer.seal(session));
        self.apply_to_people(PeopleMutation::SetAccountSession { user: user.clone(), session })
    }

    /// The account is displayed with another name now.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn set_account_display_name(
        &mut self,
        user: &LetsChatUserId,
        name: &str,
    ) -> Result<(), StoreError> {
        let (user, name) = (user.clone(), name.to_owned());
        self.apply_to_people(PeopleMutation::SetAccountDisplayName { user, name })
    }

    /// Forgets an account of this person.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn remove_account(
        &mut self,
        person: PersonId,
        kind: AccountKind,
    ) -> Result<(), StoreError> {
        self.apply_to_people(PeopleMutation::RemoveAccount { person, kind })
    }

    /// Reads `password, session, token`, starting at column `at`.
    fn secrets_from_row(&self, row: &Row<'_>, at: usize) -> rusqlite::Result<AccountSecrets> {
        Ok(AccountSecrets {
            password: self.unseal(row.get(at)?),
            session: self.unseal(row.get(at + 1)?),
            token: self.unseal(row.get(at + 2)?),
        })
    }

    fn unseal(&self, sealed: Option<Vec<u8>>) -> Option<Secret> {
        self.sealer.open(&sealed?)
    }
}

/// The people of IRC and their accounts, without secrets, in the store in `directory`, which a running bridge
/// may be using.
///
/// # Errors
/// When there is no store, or it cannot be read.
pub fn read_people(directory: &Path) -> Result<Vec<(Person, Vec<SpeakerAccount>)>, StoreError> {
    people_in(look::open_to_read(directory)?)
}

/// The same in the program that has the store open.
///
/// # Errors
/// When it cannot be read.
pub fn read_people_in_same_program(
    directory: &Path,
) -> Result<Vec<(Person, Vec<SpeakerAccount>)>, StoreError> {
    people_in(look::open_in_same_program(directory)?)
}

fn people_in(mut connection: Connection) -> Result<Vec<(Person, Vec<SpeakerAccount>)>, StoreError> {
    // One state of both tables, also while the bridge writes.
    let view = connection.transaction()?;
    people_in_view(&view)
}

/// The people with their accounts, as this connection sees them.
pub(super) fn people_in_view(
    view: &Connection,
) -> Result<Vec<(Person, Vec<SpeakerAccount>)>, StoreError> {
    let mut accounts: HashMap<PersonId, Vec<SpeakerAccount>> = HashMap::new();
    for account in accounts_of(view)? {
        accounts.entry(account.person).or_default().push(account);
    }
    let people = super::people::read_all(view)?;
    let with_accounts = people.into_iter().map(|person| {
        let own = accounts.remove(&person.id).unwrap_or_default();
        (person, own)
    });
    Ok(with_accounts.collect())
}

/// The size of the database in `directory` with its log, in bytes; 0 if there is none.
#[must_use]
pub fn size_on_disk(directory: &Path) -> u64 {
    let size = |end: &str| {
        let file = directory.join(format!("{DB_FILE}{end}"));
        std::fs::metadata(file).map_or(0, |found| found.len())
    };
    size("") + size("-wal")
}

/// Whether there is no database in `directory`, for certain.
#[must_use]
pub fn is_missing(directory: &Path) -> bool {
    matches!(directory.join(DB_FILE).try_exists(), Ok(false))
}

fn accounts_of(connection: &Connection) -> Result<Vec<SpeakerAccount>, StoreError> {
    let sql = format!("SELECT {ACCOUNT_COLUMNS} FROM speaker_account ORDER BY person, own");
    let mut statement = connection.prepare(&sql)?;
    let rows = statement.query_map([], account_from_row)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn account_from_row(row: &Row<'_>) -> rusqlite::Result<SpeakerAccount> {
    Ok(SpeakerAccount {
        person: PersonId(row.get(0)?),
        kind: account_kind_from_sql(row.get(1)?),
        user: row.get::<_, Option<String>>(2)?.map(|user| LetsChatUserId(user.into())),
        username: row.get(3)?,
        display_name: row.get(4)?,
        access: account_access_from_sql(row.get(5)?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{AccountAccess, Identity, Network, PersonKey};

    #[test]
    fn account_is_read_back_with_its_secrets() {
        let mut store = Store::in_memory().expect("a store in memory");
        let (network, now) = (Network::new("office"), Timestamp::UNIX_EPOCH);
        let key = PersonKey { network, identity: Identity::Account("ann".into()) };
        let ann = store.insert_person(&key, "ann", now).expect("works");
        let made = SpeakerAccount {
            person: ann,
            kind: AccountKind::Made,
            user: None,
            username: "ann.irc".into(),
            display_name: "ann".into(),
            access: AccountAccess::Planned,
        };
        let secrets =
            AccountSecrets { password: Some(Secret::new("hush")), ..AccountSecrets::default() };
        store.put_account(&made, &secrets, now).expect("works");
        assert_eq!(store.speaker_accounts().expect("reads"), [(made.clone(), secrets.clone())]);
        let user = LetsChatUserId("u1".into());
        let usable = SpeakerAccount {
            user: Some(user.clone()),
            access: AccountAccess::Usable,
            kind: AccountKind::TakenOver,
            ..made
        };
        store.put_account(&usable, &AccountSecrets::default(), now).expect("works");
        store.set_account_session(&user, Some(&Secret::new("sid"))).expect("works");
        let all = store.speaker_accounts().expect("reads");
        assert_eq!(all.len(), 2, "one of the bridge's and one of their own");
        store.remove_account(ann, AccountKind::Made).expect("works");
        let all = store.speaker_accounts().expect("reads");
        assert_eq!(all[0].1.session, Some(Secret::new("sid")));
        store.remove_account(ann, AccountKind::Linked).expect("works");
        assert!(store.speaker_accounts().expect("reads").is_empty());
    }
}
