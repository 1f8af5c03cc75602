//! The users in a room. Kept in memory only, since the server sends them again after a reconnect.

use std::collections::HashMap;

use crate::protocol::letschat::LetsChatUser;

/// The users in a room, and those who have posted since the bridge started.
#[derive(Debug, Default)]
pub(in crate::bridge) struct RoomMembers {
    /// By user id.
    by_user_id: HashMap<String, KnownUser>,
}

#[derive(Debug, Default)]
struct KnownUser {
    username: String,
    present: bool,
    /// They have left.
    has_left: bool,
    has_spoken: bool,
}

impl RoomMembers {
    /// The user name with this spelling, as the server spells it.
    pub(in crate::bridge) fn find_username(&self, name: &str) -> Option<&str> {
        let names = self.by_user_id.values().map(|member| member.username.as_str());
        names.into_iter().find(|username| username.to_lowercase() == name.to_lowercase())
    }

    /// The name of this user, if known.
    pub(in crate::bridge) fn username_of(&self, account: &str) -> Option<&str> {
        self.by_user_id.get(account).map(|member| member.username.as_str())
    }

    /// The ids and names of present users, in no particular order.
    pub(in crate::bridge) fn present_users(&self) -> impl Iterator<Item = (&str, &str)> {
        let present = self.by_user_id.iter().filter(|(_, member)| member.present);
        present.map(|(account, member)| (account.as_str(), member.username.as_str()))
    }

    /// The names of present users, in no particular order.
    pub(in crate::bridge) fn present_usernames(&self) -> impl Iterator<Item = &str> {
        self.by_user_id
            .values()
            .filter(|member| member.present)
            .map(|member| member.username.as_str())
    }

    /// Whether this user is present; `None` if not seen to join or leave.
    pub(in crate::bridge) fn is_present(&self, account: &str) -> Option<bool> {
        let member = self.by_user_id.get(account)?;
        (member.present || member.has_left).then_some(member.present)
    }

    /// The user has posted.
    pub(in crate::bridge) fn mark_spoken(&mut self, user: &LetsChatUser) {
        self.entry(user).has_spoken = true;
    }

    /// Returns whether the user was absent before.
    pub(in crate::bridge) fn join(&mut self, user: &LetsChatUser) -> bool {
        let member = self.entry(user);
        member.has_left = false;
        !std::mem::replace(&mut member.present, true)
    }

    /// Returns whether the user was present before.
    pub(in crate::bridge) fn leave(&mut self, user: &LetsChatUser) -> bool {
        let member = self.entry(user);
        let was = std::mem::replace(&mut member.present, false);
        member.has_left |= was;
        self.prune();
        was
    }

    /// Replaces the list of present users.
    pub(in crate::bridge) fn replace(&mut self, users: &[LetsChatUser]) {
        for member in self.by_user_id.values_mut() {
            member.has_left |= std::mem::replace(&mut member.present, false);
        }
        for user in users {
            self.join(user);
        }
        self.prune();
    }

    /// Returns the previous name, if the user is present under another one.
    pub(in crate::bridge) fn rename(&mut self, user: &LetsChatUser) -> Option<String> {
        let member = self.by_user_id.get_mut(&user.id).filter(|it| it.username != user.username)?;
        let before = std::mem::replace(&mut member.username, user.username.clone());
        member.present.then_some(before)
    }

    fn entry(&mut self, user: &LetsChatUser) -> &mut KnownUser {
        // The id is copied only for new users.
        if !self.by_user_id.contains_key(&user.id) {
            self.by_user_id.insert(user.id.clone(), KnownUser::default());
        }
        let member = self.by_user_id.get_mut(&user.id).expect("an entry was inserted above");
        member.username.clone_from(&user.username);
        member
    }

    fn prune(&mut self) {
        self.by_user_id.retain(|_, member| member.present || member.has_spoken);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(id: &str, username: &str) -> LetsChatUser {
        LetsChatUser { id: id.to_owned(), username: username.to_owned(), display_name: None }
    }

    #[test]
    fn user_who_has_spoken_stays_known_after_leaving() {
        let mut members = RoomMembers::default();
        members.replace(&[user("u1", "bob"), user("u2", "carl")]);
        members.mark_spoken(&user("u1", "bob"));
        assert_eq!(members.find_username("BOB"), Some("bob"));
        members.rename(&user("u2", "karl"));
        assert_eq!(
            (members.find_username("carl"), members.find_username("karl")),
            (None, Some("karl"))
        );
        members.leave(&user("u1", "bob"));
        members.leave(&user("u2", "karl"));
        assert_eq!(
            (members.find_username("bob"), members.find_username("karl")),
            (Some("bob"), None)
        );
        members.join(&user("u3", "dave"));
        members.replace(&[]);
        assert_eq!(
            (members.find_username("bob"), members.find_username("dave")),
            (Some("bob"), None)
        );
    }
}
