//! Who is in the rooms. It is held in memory alone: the server tells it again to whoever comes back.

use std::collections::HashMap;

use super::{Bridge, Turn};
use crate::domain::{EndpointId, LetsChatUserId};
use crate::protocol::letschat::{LetsChatUser, RoomPresence};
use crate::translate::StatusChange;

/// Who is in a room, or has said something there since the bridge began to run.
#[derive(Debug, Default)]
pub(super) struct Guests {
    /// By the id of their account.
    known: HashMap<String, Guest>,
}

#[derive(Debug, Default)]
struct Guest {
    username: String,
    present: bool,
    /// They were, and have left.
    left: bool,
    spoke: bool,
}

impl Guests {
    /// The name of the user who is called so, as the server spells it.
    pub(super) fn user(&self, name: &str) -> Option<&str> {
        let names = self.known.values().map(|guest| guest.username.as_str());
        names.into_iter().find(|username| username.to_lowercase() == name.to_lowercase())
    }

    /// The name of whoever has this account, if they are known.
    pub(super) fn name(&self, account: &str) -> Option<&str> {
        self.known.get(account).map(|guest| guest.username.as_str())
    }

    /// The accounts and the names of those who are there, in no order.
    pub(super) fn accounts(&self) -> impl Iterator<Item = (&str, &str)> {
        let present = self.known.iter().filter(|(_, guest)| guest.present);
        present.map(|(account, guest)| (account.as_str(), guest.username.as_str()))
    }

    /// The names of those who are there, in no order.
    pub(super) fn present(&self) -> impl Iterator<Item = &str> {
        self.known.values().filter(|guest| guest.present).map(|guest| guest.username.as_str())
    }

    /// Whether the user with this account is there; `None` of one who was not seen to come or go.
    pub(super) fn is_present(&self, account: &str) -> Option<bool> {
        let guest = self.known.get(account)?;
        (guest.present || guest.left).then_some(guest.present)
    }

    /// `user` says something.
    pub(super) fn speak(&mut self, user: &LetsChatUser) {
        self.meet(user).spoke = true;
    }

    /// Says whether they were not there before.
    fn come(&mut self, user: &LetsChatUser) -> bool {
        let guest = self.meet(user);
        guest.left = false;
        !std::mem::replace(&mut guest.present, true)
    }

    /// Says whether they were there.
    fn go(&mut self, user: &LetsChatUser) -> bool {
        let guest = self.meet(user);
        let was = std::mem::replace(&mut guest.present, false);
        guest.left |= was;
        self.forget();
        was
    }

    /// Exactly these are there.
    fn replace(&mut self, users: &[LetsChatUser]) {
        for guest in self.known.values_mut() {
            guest.left |= std::mem::replace(&mut guest.present, false);
        }
        for user in users {
            self.come(user);
        }
        self.forget();
    }

    /// Gives the name that they went by, if they are there and go by another now.
    fn rename(&mut self, user: &LetsChatUser) -> Option<String> {
        let guest = self.known.get_mut(&user.id).filter(|it| it.username != user.username)?;
        let before = std::mem::replace(&mut guest.username, user.username.clone());
        guest.present.then_some(before)
    }

    fn meet(&mut self, user: &LetsChatUser) -> &mut Guest {
        // The id is copied for strangers only.
        if !self.known.contains_key(&user.id) {
            self.known.insert(user.id.clone(), Guest::default());
        }
        let guest = self.known.get_mut(&user.id).expect("who was no guest has just become one");
        guest.username.clone_from(&user.username);
        guest
    }

    fn forget(&mut self) {
        self.known.retain(|_, guest| guest.present || guest.spoke);
    }
}

impl Bridge {
    /// Somebody came into a room, left it, or is known otherwise.
    pub(super) fn guest(&mut self, presence: RoomPresence, turn: &mut Turn<'_>) {
        let now = turn.now;
        match presence {
            RoomPresence::Users { endpoint: place, users } => {
                let others: Vec<LetsChatUser> =
                    users.into_iter().filter(|user| !self.is_ours(user)).collect();
                self.guests(place, |guests| guests.replace(&others));
                self.may_be_away(None, now);
                others.iter().for_each(|user| self.is_here(&account_of(user), turn));
            }
            RoomPresence::Joined { endpoint: place, user } if !self.is_ours(&user) => {
                self.is_here(&account_of(&user), turn);
                if self.guests(place, |guests| guests.come(&user)) == Some(true) {
                    self.goings.note(place, &user.username, StatusChange::Joined, now);
                }
            }
            RoomPresence::Joined { .. } => {}
            RoomPresence::Left { endpoint: place, user } => {
                self.may_be_away(Some(&account_of(&user)), now);
                if self.guests(place, |guests| guests.go(&user)) == Some(true) {
                    self.goings.note(place, &user.username, StatusChange::Left(None), now);
                }
            }
            RoomPresence::Renamed(user) => {
                for (place, spot) in &mut self.spots {
                    if let Some(before) = spot.guests.rename(&user) {
                        let what = StatusChange::NickChanged(user.username.clone());
                        self.goings.note(*place, &before, what, now);
                    }
                }
            }
        }
    }

    fn guests<T>(&mut self, place: EndpointId, change: impl FnOnce(&mut Guests) -> T) -> Option<T> {
        self.spots.get_mut(&place).map(|spot| change(&mut spot.guests))
    }

    fn is_ours(&self, user: &LetsChatUser) -> bool {
        self.account.as_ref().is_some_and(|account| account.id == user.id)
    }
}

fn account_of(user: &LetsChatUser) -> LetsChatUserId {
    LetsChatUserId(user.id.as_str().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(id: &str, username: &str) -> LetsChatUser {
        LetsChatUser { id: id.to_owned(), username: username.to_owned(), display_name: None }
    }

    #[test]
    fn whoever_has_spoken_is_known_when_they_are_gone() {
        let mut guests = Guests::default();
        guests.replace(&[user("u1", "bob"), user("u2", "carl")]);
        guests.speak(&user("u1", "bob"));
        assert_eq!(guests.user("BOB"), Some("bob"));
        guests.rename(&user("u2", "karl"));
        assert_eq!((guests.user("carl"), guests.user("karl")), (None, Some("karl")));
        guests.go(&user("u1", "bob"));
        guests.go(&user("u2", "karl"));
        assert_eq!((guests.user("bob"), guests.user("karl")), (Some("bob"), None));
        guests.come(&user("u3", "dave"));
        guests.replace(&[]);
        assert_eq!((guests.user("bob"), guests.user("dave")), (Some("bob"), None));
    }
}
