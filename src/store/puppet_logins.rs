//! The services accounts with which puppets log in, and what gives access to them, encrypted.

use std::path::Path;

use jiff::Timestamp;

use super::columns::time_from_sql;
use super::mutation::{Mutation, PuppetLoginMutation, PuppetLoginRow};
use super::{Store, StoreError, look};
use crate::domain::{
    LetsChatUserId, Network, PuppetCertificate, PuppetLogin, PuppetLoginState, Secret,
};

/// A login as others than the bridge may see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptPuppetLogin {
    /// The network.
    pub network: Network,
    /// Whose puppet logs in: their name on Let's Chat.
    pub username: String,
    /// The account; `None` until services have said whose a certificate is.
    pub account: Option<String>,
    /// Whether the puppet logs in with a certificate.
    pub by_certificate: bool,
    /// What services said.
    pub state: PuppetLoginState,
    /// When it was last changed.
    pub since: Timestamp,
}

impl Store {
    /// All logins of puppets. One that was encrypted with another key is left out.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn puppet_logins(&self) -> Result<Vec<PuppetLogin>, StoreError> {
        let mut statement = self.connection.prepare(
            "SELECT network, user, username, account, state, password, certificate
             FROM puppet_login ORDER BY network, user",
        )?;
        let rows = statement.query_map([], |row| {
            let open = |sealed: Option<Vec<u8>>| sealed.and_then(|it| self.sealer.open(&it));
            Ok(PuppetLogin {
                network: Network::new(&row.get::<_, String>(0)?),
                user: LetsChatUserId(row.get::<_, String>(1)?.into()),
                username: row.get(2)?,
                account: row.get(3)?,
                state: state_from_sql(row.get(4)?),
                password: open(row.get(5)?),
                certificate: open(row.get(6)?).map(PuppetCertificate::new),
            })
        })?;
        let logins: Vec<PuppetLogin> = rows.collect::<Result<_, _>>()?;
        let has_secret =
            |login: &PuppetLogin| login.password.is_some() || login.certificate.is_some();
        Ok(logins.into_iter().filter(has_secret).collect())
    }

    /// Adds or replaces the login of a user on a network.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn put_puppet_login(
        &mut self,
        login: &PuppetLogin,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let seal = |secret: &Secret| self.sealer.seal(secret);
        let row = PuppetLoginRow {
            network: login.network.clone(),
            user: login.user.clone(),
            username: login.username.clone(),
            account: login.account.clone(),
            state: state_to_sql(login.state),
            password: login.password.as_ref().and_then(seal),
            certificate: login.certificate.as_ref().and_then(|it| seal(it.pem())),
        };
        self.apply(Mutation::PuppetLogin(PuppetLoginMutation::Put { row, now }))
    }

    /// Forgets the login of a user on a network.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn remove_puppet_login(
        &mut self,
        network: &Network,
        user: &LetsChatUserId,
    ) -> Result<(), StoreError> {
        let (network, user) = (network.clone(), user.clone());
        self.apply(Mutation::PuppetLogin(PuppetLoginMutation::Remove { network, user }))
    }
}

impl Store {
    /// Forgets the logins of the puppets of the user with this name; of everybody, if there is none. Returns whose there
    /// were. Needs no key.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn end_puppet_logins(&mut self, username: Option<&str>) -> Result<Vec<String>, StoreError> {
        let mut statement = self.connection.prepare(
            "SELECT network, user, username FROM puppet_login
             WHERE ?1 IS NULL OR username = ?1 COLLATE NOCASE ORDER BY username",
        )?;
        let rows = statement.query_map([username], |row| {
            let network = Network::new(&row.get::<_, String>(0)?);
            Ok((network, LetsChatUserId(row.get::<_, String>(1)?.into()), row.get(2)?))
        })?;
        let ended: Vec<(Network, LetsChatUserId, String)> = rows.collect::<Result<_, _>>()?;
        drop(statement);
        for (network, user, _) in &ended {
            self.remove_puppet_login(network, user)?;
        }
        let mut names: Vec<String> = ended.into_iter().map(|(.., username)| username).collect();
        names.dedup();
        Ok(names)
    }
}

/// The logins of puppets, without secrets, in the store in `directory`, which a running bridge may be using.
///
/// # Errors
/// When there is no store, or it cannot be read.
pub fn read_puppet_logins(directory: &Path) -> Result<Vec<KeptPuppetLogin>, StoreError> {
    let connection = look::open_to_read(directory)?;
    let mut statement = connection.prepare(
        "SELECT network, username, account, password IS NULL, state, since
         FROM puppet_login ORDER BY network, username",
    )?;
    let rows = statement.query_map([], |row| {
        Ok(KeptPuppetLogin {
            network: Network::new(&row.get::<_, String>(0)?),
            username: row.get(1)?,
            account: row.get(2)?,
            by_certificate: row.get(3)?,
            state: state_from_sql(row.get(4)?),
            since: time_from_sql(row.get(5)?),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn state_to_sql(state: PuppetLoginState) -> i64 {
    match state {
        PuppetLoginState::Untried => 0,
        PuppetLoginState::Accepted => 1,
        PuppetLoginState::Refused => 2,
    }
}

fn state_from_sql(state: i64) -> PuppetLoginState {
    match state {
        0 => PuppetLoginState::Untried,
        1 => PuppetLoginState::Accepted,
        _ => PuppetLoginState::Refused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(password: Option<&str>, certificate: Option<&str>) -> PuppetLogin {
        PuppetLogin {
            network: Network::new("office"),
            user: LetsChatUserId("u1".into()),
            username: "ann".to_owned(),
            account: Some("Ann".to_owned()),
            password: password.map(Secret::new),
            certificate: certificate.map(Secret::new).map(PuppetCertificate::new),
            state: PuppetLoginState::Accepted,
        }
    }

    #[test]
    fn login_is_read_back_with_its_secrets_and_can_be_forgotten() {
        let mut store = Store::in_memory().expect("a store in memory");
        let now = Timestamp::UNIX_EPOCH;
        for login in [
            login(Some("hush"), None),
            login(None, Some("pem")),
            PuppetLogin { state: PuppetLoginState::Refused, ..login(Some("x"), Some("y")) },
        ] {
            store.put_puppet_login(&login, now).expect("works");
            assert_eq!(store.puppet_logins().expect("reads"), [login]);
        }
        let mut other = login(Some("hush"), None);
        other.network = Network::new("home");
        store.put_puppet_login(&other, now).expect("works");
        store.remove_puppet_login(&Network::new("office"), &other.user).expect("works");
        assert_eq!(store.puppet_logins().expect("reads"), [other.clone()]);
        store.put_puppet_login(&login(Some("hush"), None), now).expect("works");
        assert_eq!(store.end_puppet_logins(Some("bob")).expect("works"), [""; 0]);
        assert_eq!(store.end_puppet_logins(Some("Ann")).expect("works"), ["ann"]);
        assert!(store.puppet_logins().expect("reads").is_empty());
        store.put_puppet_login(&other, now).expect("works");
        assert_eq!(store.end_puppet_logins(None).expect("works"), ["ann"]);
    }

    #[test]
    fn secrets_are_neither_in_the_file_nor_of_use_with_another_key() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let mut store = Store::open(directory.path()).expect("opens");
        store
            .put_puppet_login(&login(Some("hush-hush"), None), Timestamp::UNIX_EPOCH)
            .expect("works");
        store.commit().expect("works");
        let kept = read_puppet_logins(directory.path()).expect("reads");
        assert_eq!(kept.len(), 1);
        assert_eq!((kept[0].username.as_str(), kept[0].by_certificate), ("ann", false));
        drop(store);
        for file in std::fs::read_dir(directory.path()).expect("is there").flatten() {
            let bytes = std::fs::read(file.path()).expect("reads");
            assert!(!bytes.windows(9).any(|part| part == b"hush-hush"), "{:?}", file.path());
        }
        let store = Store::open(directory.path()).expect("opens");
        assert!(store.puppet_logins().expect("reads").is_empty(), "it has another key");
    }
}
