//! Which people of IRC speak by an account of their own in Let's Chat, by the configuration.

use std::time::Duration;

use secrecy::ExposeSecret;

use super::accounts::AccountPoolSettings;
use crate::bridge::{AccountPolicy, ConfiguredAccount, PersonPolicy};
use crate::config::{
    AccountsFor, LetsChatSenderMode, LetsChatSettings, Link, PersonSettings, RoomSettings, Settings,
};
use crate::domain::{Endpoint, EndpointId, LetsChatUserId, Secret};
use crate::protocol::letschat::user_of_token;

/// How often a session is checked, which also keeps it: it lapses 14 days after its last request
/// (docs/letschat-protocol.md, section 11).
const SESSION_REFRESH_INTERVAL: Duration = Duration::from_hours(7 * 24);

/// Who speaks by an account.
pub(super) fn policy(settings: &Settings) -> AccountPolicy {
    let letschat = &settings.letschat;
    let uses = |mode| mode == LetsChatSenderMode::Accounts;
    let link =
        |link: &Link| (link.channel.clone(), link.room.clone(), uses(link.letschat_sender_mode));
    AccountPolicy {
        by_default: uses(letschat.sender_mode),
        links: settings.links.iter().map(link).collect(),
        for_unregistered: letschat.accounts.accounts_for == AccountsFor::Everyone,
        username: letschat.accounts.username.clone(),
        email: letschat.accounts.email.clone(),
        max: letschat.accounts.max,
        after_lines: letschat.accounts.after_lines.into(),
        people: settings.people.iter().map(person).collect(),
        link_requires_account: letschat.accounts.link_requires_account,
    }
}

fn person(person: &PersonSettings) -> PersonPolicy {
    let own = person.token.as_ref().and_then(|token| {
        let user = user_of_token(token.expose_secret())?;
        let (user, token) = (LetsChatUserId(user.into()), Secret::new(token.expose_secret()));
        Some(ConfiguredAccount { user, username: person.user.clone(), token })
    });
    PersonPolicy {
        matchers: person.matchers.clone(),
        network: person.network.clone(),
        email: person.email.clone(),
        uses_account: person.sender_mode.map(|mode| mode == LetsChatSenderMode::Accounts),
        own,
    }
}

/// The settings of the pool that speaks as the accounts.
pub(super) fn pool_settings(
    letschat: &LetsChatSettings,
    endpoints: &[(EndpointId, Endpoint)],
) -> AccountPoolSettings {
    let id_of = |room: &RoomSettings| {
        let wanted = Endpoint::room(&room.name);
        endpoints.iter().find(|(_, endpoint)| *endpoint == wanted).map(|(id, _)| *id)
    };
    let password = |room: &RoomSettings| Some((id_of(room)?, room.password.clone()?));
    AccountPoolSettings {
        login_interval: letschat.accounts.login_interval,
        session_refresh: SESSION_REFRESH_INTERVAL,
        room_passwords: letschat.rooms.iter().filter_map(password).collect(),
        letschat: letschat.clone(),
    }
}
