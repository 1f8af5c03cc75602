//! The recipients of direct messages being sent, and whether they still have their nicks.
//!
//! A nick can change hands at any moment. So the recipient is given as known when the message was created.
//! What has not been sent is cancelled once the nick is gone or belongs to somebody else.

use std::collections::HashMap;
use std::sync::Arc;

use crate::domain::{Casemapping, EndpointId, IrcUser};

/// Numerics that report that a direct message was not delivered: ERR_NOSUCHNICK, ERR_CANNOTSENDTOCHAN
/// ("nick/channel"), ERR_TOOMANYTARGETS, ERR_NEEDREGGEDNICK, ERR_NONONREG, ERR_NOCTCP (also sent to the
/// recipient), ERR_CANTSENDTOUSER, ERR_TARGUMODEG.
const SEND_ERROR_NUMERICS: &[&str] = &["401", "404", "407", "477", "486", "492", "531", "716"];

/// The recipients of direct messages being sent, by endpoint.
#[derive(Debug, Default)]
pub(in crate::protocol::irc) struct DirectTargets(HashMap<EndpointId, Arc<IrcUser>>);

impl DirectTargets {
    /// Sets the recipient that `endpoint` stands for.
    pub(in crate::protocol::irc) fn insert(
        &mut self,
        endpoint: EndpointId,
        recipient: Arc<IrcUser>,
    ) {
        self.0.insert(endpoint, recipient);
    }

    /// Nothing more is to be sent to `endpoint`.
    pub(in crate::protocol::irc) fn remove(&mut self, endpoint: EndpointId) {
        self.0.remove(&endpoint);
    }

    /// The endpoint of the user with this nick, if a message to them is being sent.
    pub(in crate::protocol::irc) fn endpoint_of(
        &self,
        nick: &str,
        casemapping: Casemapping,
    ) -> Option<EndpointId> {
        let mut whispers = self.0.iter();
        whispers
            .find(|(_, recipient)| casemapping.same(&recipient.nick, nick))
            .map(|(endpoint, _)| *endpoint)
    }

    /// Whether the numeric `code` reports that a direct message was not delivered.
    pub(in crate::protocol::irc) fn is_send_error(code: &str) -> bool {
        SEND_ERROR_NUMERICS.contains(&code)
    }

    /// The recipients whose nick is gone or belongs to somebody else, according to `known`.
    pub(in crate::protocol::irc) fn gone_targets<'p>(
        &self,
        known: impl Fn(&str) -> Option<&'p Arc<IrcUser>>,
    ) -> Vec<EndpointId> {
        let is_lost = |recipient: &IrcUser| {
            known(&recipient.nick).is_none_or(|now| !is_same_user(recipient, now))
        };
        self.0
            .iter()
            .filter(|(_, recipient)| is_lost(recipient))
            .map(|(endpoint, _)| *endpoint)
            .collect()
    }
}

/// Whether the user with the nick of `recipient` is still the same person, by account or, without one, by address.
pub(in crate::protocol::irc) fn is_same_user(recipient: &IrcUser, now: &IrcUser) -> bool {
    match (&recipient.account, &now.account) {
        (Some(account), now) => now.as_ref() == Some(account),
        (None, _) => {
            let known = recipient.userhost.as_ref().zip(now.userhost.as_ref());
            known.is_none_or(|(before, now)| before == now)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn irc_user(address: Option<&str>, account: Option<&str>) -> IrcUser {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        IrcUser { userhost: owned(address), account: owned(account), ..IrcUser::named("ann") }
    }

    #[test]
    fn same_nick_with_another_account_or_userhost_is_another_user() {
        let host = Some("a@host");
        for (recipient, now, same) in [
            (irc_user(host, None), irc_user(host, None), true),
            (irc_user(host, None), irc_user(host, Some("ann")), true),
            (irc_user(None, None), irc_user(host, None), true),
            (irc_user(host, None), irc_user(Some("e@elsewhere"), None), false),
            (irc_user(host, Some("ann")), irc_user(Some("a@home"), Some("ann")), true),
            (irc_user(host, Some("ann")), irc_user(host, Some("eve")), false),
            (irc_user(host, Some("ann")), irc_user(host, None), false),
        ] {
            assert_eq!(is_same_user(&recipient, &now), same, "{recipient:?} {now:?}");
        }
    }

    #[test]
    fn target_out_of_sight_is_gone() {
        let mut whispers = DirectTargets::default();
        whispers.insert(EndpointId(1), Arc::new(irc_user(None, None)));
        assert_eq!(whispers.endpoint_of("ANN", Casemapping::Ascii), Some(EndpointId(1)));
        let now = Arc::new(irc_user(None, None));
        assert_eq!(whispers.gone_targets(|_| Some(&now)), []);
        assert_eq!(whispers.gone_targets(|_| None), [EndpointId(1)]);
        whispers.remove(EndpointId(1));
        assert_eq!(whispers.gone_targets(|_| None), []);
    }
}
