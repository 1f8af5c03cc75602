//! Who is in the rooms. It is held in memory alone: the server tells it again to whoever comes back.

use std::collections::HashMap;

use crate::bridge::{Bridge, Ctx};
use crate::domain::{EndpointId, LetsChatUserId};
use crate::protocol::letschat::{LetsChatUser, RoomPresence};
use crate::translate::StatusChange;

/// Who is in a room, or has said something there since the bridge began to run.
#[derive(Debug, Default)]
pub(in crate::bridge) struct RoomMembers {
    /// By the id of their account.
    by_user_id: HashMap<String, KnownUser>,
}

#[derive(Debug, Default)]
struct KnownUser {
    username: String,
    present: bool,
    /// They were, and have left.
    has_left: bool,
    has_spoken: bool,
}

impl RoomMembers {
    /// The name of the user who is called so, as the server spells it.
    pub(in crate::bridge) fn find_username(&self, name: &str) -> Option<&str> {
        let names = self.by_user_id.values().map(|guest| guest.username.as_str());
        names.into_iter().find(|username| username.to_lowercase() == name.to_lowercase())
    }

    /// The name of whoever has this account, if they are known.
    pub(in crate::bridge) fn username_of(&self, account: &str) -> Option<&str> {
        self.by_user_id.get(account).map(|guest| guest.username.as_str())
    }

    /// The accounts and the names of those who are there, in no order.
    pub(in crate::bridge) fn present_users(&self) -> impl Iterator<Item = (&str, &str)> {
        let present = self.by_user_id.iter().filter(|(_, guest)| guest.present);
        present.map(|(account, guest)| (account.as_str(), guest.username.as_str()))
    }

    /// The names of those who are there, in no order.
    pub(in crate::bridge) fn present_usernames(&self) -> impl Iterator<Item = &str> {
        self.by_user_id.values().filter(|guest| guest.present).map(|guest| guest.username.as_str())
    }

    /// Whether the user with this account is there; `None` of one who was not seen to come or go.
    pub(in crate::bridge) fn is_present(&self, account: &str) -> Option<bool> {
        let guest = self.by_user_id.get(account)?;
        (guest.present || guest.has_left).then_some(guest.present)
    }

    /// `user` says something.
    pub(in crate::bridge) fn mark_spoken(&mut self, user: &LetsChatUser) {
        self.entry(user).has_spoken = true;
    }

    /// Says whether they were not there before.
    fn join(&mut self, user: &LetsChatUser) -> bool {
        let guest = self.entry(user);
        guest.has_left = false;
        !std::mem::replace(&mut guest.present, true)
    }

    /// Says whether they were there.
    fn leave(&mut self, user: &LetsChatUser) -> bool {
        let guest = self.entry(user);
        let was = std::mem::replace(&mut guest.present, false);
        guest.has_left |= was;
        self.prune();
        was
    }

    /// Exactly these are there.
    fn replace(&mut self, users: &[LetsChatUser]) {
        for guest in self.by_user_id.values_mut() {
            guest.has_left |= std::mem::replace(&mut guest.present, false);
        }
        for user in users {
            self.join(user);
        }
        self.prune();
    }

    /// Gives the name that they went by, if they are there and go by another now.
    fn rename(&mut self, user: &LetsChatUser) -> Option<String> {
        let guest = self.by_user_id.get_mut(&user.id).filter(|it| it.username != user.username)?;
        let before = std::mem::replace(&mut guest.username, user.username.clone());
        guest.present.then_some(before)
    }

    fn entry(&mut self, user: &LetsChatUser) -> &mut KnownUser {
        // The id is copied for strangers only.
        if !self.by_user_id.contains_key(&user.id) {
            self.by_user_id.insert(user.id.clone(), KnownUser::default());
        }
        let guest = self.by_user_id.get_mut(&user.id).expect("an entry was inserted above");
        guest.username.clone_from(&user.username);
        guest
    }

    fn prune(&mut self) {
        self.by_user_id.retain(|_, guest| guest.present || guest.has_spoken);
    }
}

impl Bridge {
    /// Somebody came into a room, left it, or is known otherwise.
    pub(in crate::bridge) fn on_room_presence(
        &mut self,
        presence: RoomPresence,
        turn: &mut Ctx<'_>,
    ) {
        let now = turn.now;
        match presence {
            RoomPresence::Users { endpoint: place, users } => {
                let others: Vec<LetsChatUser> =
                    users.into_iter().filter(|user| !self.is_own_account(user)).collect();
                self.with_room_members(place, |guests| guests.replace(&others));
                self.start_away_delay(None, now);
                others.iter().for_each(|user| self.on_user_present(&user_id(user), turn));
            }
            RoomPresence::Joined { endpoint: place, user } if !self.is_own_account(&user) => {
                self.on_user_present(&user_id(&user), turn);
                if self.with_room_members(place, |guests| guests.join(&user)) == Some(true) {
                    self.status_buffer.note(place, &user.username, StatusChange::Joined, now);
                }
            }
            RoomPresence::Joined { .. } => {}
            RoomPresence::Left { endpoint: place, user } => {
                self.start_away_delay(Some(&user_id(&user)), now);
                if self.with_room_members(place, |guests| guests.leave(&user)) == Some(true) {
                    self.status_buffer.note(place, &user.username, StatusChange::Left(None), now);
                }
            }
            RoomPresence::Renamed(user) => {
                for (place, spot) in &mut self.endpoints {
                    if let Some(before) = spot.room_members.rename(&user) {
                        let what = StatusChange::NickChanged(user.username.clone());
                        self.status_buffer.note(*place, &before, what, now);
                    }
                }
            }
        }
    }

    fn with_room_members<T>(
        &mut self,
        place: EndpointId,
        change: impl FnOnce(&mut RoomMembers) -> T,
    ) -> Option<T> {
        self.endpoints.get_mut(&place).map(|spot| change(&mut spot.room_members))
    }

    fn is_own_account(&self, user: &LetsChatUser) -> bool {
        self.letschat_account.as_ref().is_some_and(|account| account.id == user.id)
    }
}

fn user_id(user: &LetsChatUser) -> LetsChatUserId {
    LetsChatUserId(user.id.as_str().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(id: &str, username: &str) -> LetsChatUser {
        LetsChatUser { id: id.to_owned(), username: username.to_owned(), display_name: None }
    }

    #[test]
    fn user_who_has_spoken_stays_known_after_leaving() {
        let mut guests = RoomMembers::default();
        guests.replace(&[user("u1", "bob"), user("u2", "carl")]);
        guests.mark_spoken(&user("u1", "bob"));
        assert_eq!(guests.find_username("BOB"), Some("bob"));
        guests.rename(&user("u2", "karl"));
        assert_eq!(
            (guests.find_username("carl"), guests.find_username("karl")),
            (None, Some("karl"))
        );
        guests.leave(&user("u1", "bob"));
        guests.leave(&user("u2", "karl"));
        assert_eq!(
            (guests.find_username("bob"), guests.find_username("karl")),
            (Some("bob"), None)
        );
        guests.join(&user("u3", "dave"));
        guests.replace(&[]);
        assert_eq!(
            (guests.find_username("bob"), guests.find_username("dave")),
            (Some("bob"), None)
        );
    }
}
