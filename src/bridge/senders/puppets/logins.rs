//! The services accounts with which puppets log in, as the store keeps them.

use std::collections::HashMap;

use crate::domain::{LetsChatUserId, Network, PuppetLogin};

/// The logins of all puppets.
#[derive(Debug, Default)]
pub(in crate::bridge) struct PuppetLogins {
    by_user: HashMap<(Network, LetsChatUserId), PuppetLogin>,
}

impl PuppetLogins {
    /// These logins.
    pub(in crate::bridge) fn new(logins: Vec<PuppetLogin>) -> Self {
        let keyed = logins.into_iter().map(|it| ((it.network.clone(), it.user.clone()), it));
        Self { by_user: keyed.collect() }
    }

    /// The login that is kept for this user.
    pub(in crate::bridge) fn get(
        &self,
        network: &Network,
        user: &LetsChatUserId,
    ) -> Option<&PuppetLogin> {
        self.by_user.get(&(network.clone(), user.clone()))
    }

    /// The login with which the puppet of this user connects.
    pub(in crate::bridge) fn in_use(
        &self,
        network: &Network,
        user: &LetsChatUserId,
    ) -> Option<&PuppetLogin> {
        self.get(network, user).filter(|login| login.is_in_use())
    }

    /// The users with this name, and where their puppets log in.
    pub(in crate::bridge) fn named(&self, username: &str) -> Vec<(Network, LetsChatUserId)> {
        let is_meant = |login: &PuppetLogin| login.username.eq_ignore_ascii_case(username);
        let named = self.by_user.iter().filter(|(_, login)| is_meant(login));
        named.map(|(key, _)| key.clone()).collect()
    }

    /// All users, and where their puppets log in.
    pub(in crate::bridge) fn all(&self) -> Vec<(Network, LetsChatUserId)> {
        self.by_user.keys().cloned().collect()
    }

    /// Adds or replaces a login.
    pub(in crate::bridge) fn insert(&mut self, login: PuppetLogin) {
        self.by_user.insert((login.network.clone(), login.user.clone()), login);
    }

    /// Forgets a login.
    pub(in crate::bridge) fn remove(
        &mut self,
        network: &Network,
        user: &LetsChatUserId,
    ) -> Option<PuppetLogin> {
        self.by_user.remove(&(network.clone(), user.clone()))
    }
}
