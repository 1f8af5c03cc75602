//! Which people of IRC speak by an account of their own in Let's Chat, by the configuration.

use std::collections::HashMap;
use std::time::Duration;

use jiff::SignedDuration;
use secrecy::{ExposeSecret, SecretString};

use crate::bridge::{AccountPolicy, ConfiguredAccount, PersonPolicy};
use crate::config::{
    AccountPresence, AccountsFor, LetsChatSenderMode, LetsChatSettings, Link, PersonSettings,
    RoomSettings, Settings,
};
use crate::domain::{Endpoint, EndpointId, LetsChatUserId, Secret};
use crate::protocol::letschat::user_of_token;

/// How often a session is checked, which also keeps it: it lapses 14 days after its last request
/// (docs/letschat-protocol.md, section 11).
const SESSION_REFRESH_INTERVAL: Duration = Duration::from_hours(7 * 24);

/// The settings of the pool.
#[derive(Debug, Clone)]
pub(super) struct AccountPoolSettings {
    /// The server.
    pub(super) letschat: LetsChatSettings,
    /// The minimum time between two registrations or sign-ins, usually 1 s.
    pub(super) login_interval: Duration,
    /// The time between two checks of a session, usually 7 days: it lapses 14 days after its last request.
    pub(super) session_refresh: Duration,
    /// Whether people who speak are shown as present.
    pub(super) shows_speakers: bool,
    /// The passwords of the rooms that have one.
    pub(super) room_passwords: HashMap<EndpointId, SecretString>,
}

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
        session_idle: SignedDuration::try_from(letschat.accounts.session_idle).ok(),
        shows_speakers: letschat.accounts.presence == AccountPresence::Speakers,
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
        shows_speakers: letschat.accounts.presence == AccountPresence::Speakers,
        room_passwords: letschat.rooms.iter().filter_map(password).collect(),
        letschat: letschat.clone(),
    }
}
