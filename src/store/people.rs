//! The people of IRC who have spoken, and whose nick is whose.

use jiff::Timestamp;
use rusqlite::{Connection, Row};

use super::columns::{fold_nick, time_from_sql};
use super::mutation::PeopleMutation;
use super::{Store, StoreError};
use crate::domain::{Identity, Network, PersonId, PersonKey};

/// A person of IRC who has spoken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Their number.
    pub id: PersonId,
    /// How they are told apart.
    pub key: PersonKey,
    /// The nick with which they last spoke.
    pub nick: String,
    /// How many lines they have spoken, counted until they have an account.
    pub lines: u64,
    /// When they last spoke.
    pub last_spoke: Timestamp,
}

/// Whose nick it is on a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownNick {
    /// The network.
    pub network: Network,
    /// The nick, folded.
    pub nick: String,
    /// Whose it is.
    pub person: PersonId,
    /// Where they connected from, coarsely; `None` if the server did not say.
    pub origin: Option<String>,
}

impl Store {
    /// All people, in the order in which they first spoke.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn people(&self) -> Result<Vec<Person>, StoreError> {
        read_all(&self.connection)
    }

    /// All known nicks.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn known_nicks(&self) -> Result<Vec<KnownNick>, StoreError> {
        nicks_in(&self.connection)
    }

    /// Adds a person, who speaks for the first time.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn insert_person(
        &mut self,
        key: &PersonKey,
        nick: &str,
        now: Timestamp,
    ) -> Result<PersonId, StoreError> {
        let next = "SELECT COALESCE(MAX(id), 0) + 1 FROM person";
        let id = PersonId(self.connection.query_row(next, [], |row| row.get(0))?);
        self.apply_to_people(PeopleMutation::InsertPerson {
            id,
            key: key.clone(),
            nick: nick.to_owned(),
            now,
        })?;
        Ok(id)
    }

    /// The person has spoken with this nick.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn set_person_spoke(
        &mut self,
        id: PersonId,
        nick: &str,
        lines: u64,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.apply_to_people(PeopleMutation::SetPersonSpoke {
            id,
            nick: nick.to_owned(),
            lines,
            now,
        })
    }

    /// The person is known by this identity from now on: they logged in to services.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn set_identity(&mut self, id: PersonId, identity: &Identity) -> Result<(), StoreError> {
        self.apply_to_people(PeopleMutation::SetIdentity { id, identity: identity.clone() })
    }

    /// The nick is this person's, who connects from `origin`.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn set_nick_owner(
        &mut self,
        network: &Network,
        nick: &str,
        person: PersonId,
        origin: Option<&str>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.apply_to_people(PeopleMutation::SetNickOwner {
            network: network.clone(),
            nick: fold_nick(nick),
            person,
            origin: origin.map(str::to_owned),
            now,
        })
    }

    /// Forgets people without an account who have not spoken since `before`, with their nicks.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn prune_people(&mut self, before: Timestamp) -> Result<Vec<PersonId>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id FROM person WHERE last_spoke < ?1
                 AND id NOT IN (SELECT person FROM speaker_account) LIMIT 1000",
        )?;
        let stale = statement.query_map([before.as_millisecond()], |row| row.get(0).map(PersonId));
        let stale: Vec<PersonId> = stale?.collect::<Result<_, _>>()?;
        drop(statement);
        if !stale.is_empty() {
            self.apply_to_people(PeopleMutation::PrunePeople { people: stale.clone() })?;
        }
        Ok(stale)
    }
}

/// All people in the database.
pub(super) fn read_all(connection: &Connection) -> Result<Vec<Person>, StoreError> {
    let mut statement = connection
        .prepare("SELECT id, network, identity, nick, lines, last_spoke FROM person ORDER BY id")?;
    let people = statement.query_map([], person_from_row)?;
    Ok(people.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}

/// All known nicks in the database.
pub(super) fn nicks_in(connection: &Connection) -> Result<Vec<KnownNick>, StoreError> {
    let mut statement =
        connection.prepare("SELECT network, nick, person, origin FROM person_nick")?;
    let nicks = statement.query_map([], |row| {
        Ok(KnownNick {
            network: Network::new(&row.get::<_, String>(0)?),
            nick: row.get(1)?,
            person: PersonId(row.get(2)?),
            origin: row.get(3)?,
        })
    })?;
    Ok(nicks.collect::<Result<_, _>>()?)
}

/// Reads a person; `None` for an identity that another program wrote.
fn person_from_row(row: &Row<'_>) -> rusqlite::Result<Option<Person>> {
    let identity: String = row.get(2)?;
    let Some(identity) = identity_from_sql(&identity) else { return Ok(None) };
    let network = Network::new(&row.get::<_, String>(1)?);
    Ok(Some(Person {
        id: PersonId(row.get(0)?),
        key: PersonKey { network, identity },
        nick: row.get(3)?,
        lines: u64::try_from(row.get::<_, i64>(4)?).unwrap_or(0),
        last_spoke: time_from_sql(row.get(5)?),
    }))
}

fn identity_from_sql(text: &str) -> Option<Identity> {
    match text.split_once(' ')? {
        ("account", name) => Some(Identity::Account(name.to_owned())),
        ("nick", name) => Some(Identity::Nick(name.to_owned())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    #[test]
    fn people_and_nicks_are_read_back() {
        let mut store = Store::in_memory().expect("a store in memory");
        let (network, now) = (Network::new("office"), Timestamp::UNIX_EPOCH);
        let key = PersonKey { network: network.clone(), identity: Identity::Nick("ann".into()) };
        let ann = store.insert_person(&key, "Ann", now).expect("works");
        store.set_nick_owner(&network, "Ann[m]", ann, Some("example.org"), now).expect("works");
        store.set_person_spoke(ann, "Ann[m]", 7, now).expect("works");
        store.set_identity(ann, &Identity::Account("ann".into())).expect("works");
        let people = store.people().expect("reads");
        assert_eq!((people.len(), people[0].lines, people[0].nick.as_str()), (1, 7, "Ann[m]"));
        assert_eq!(people[0].key.identity, Identity::Account("ann".into()));
        let nicks = store.known_nicks().expect("reads");
        assert_eq!((nicks[0].nick.as_str(), nicks[0].person), ("ann{m}", ann));
        let later = now + SignedDuration::from_hours(1);
        assert_eq!(store.prune_people(now).expect("works"), []);
        assert_eq!(store.prune_people(later).expect("works"), [ann]);
        assert!(store.known_nicks().expect("reads").is_empty());
    }
}
