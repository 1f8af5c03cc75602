//! Whom we are saying something to alone, and whether they are still who we mean.
//!
//! A nick is not a person: who has it now may be somebody else a moment later. So whoever is meant is
//! given as they were known when it was decided, and what has not left by then is taken back as soon as
//! the nick is out of sight, or is somebody else's.

use std::collections::HashMap;
use std::sync::Arc;

use crate::domain::{Casemapping, EndpointId, IrcUser};

/// Numerics by which a server says that somebody was not told: ERR_NOSUCHNICK, ERR_CANNOTSENDTOCHAN
/// ("nick/channel"), ERR_TOOMANYTARGETS, ERR_NEEDREGGEDNICK, ERR_NONONREG, ERR_NOCTCP (a noise to who is
/// spoken to), ERR_CANTSENDTOUSER, ERR_TARGUMODEG.
const SEND_ERROR_NUMERICS: &[&str] = &["401", "404", "407", "477", "486", "492", "531", "716"];

/// Those that we are saying something to, by what stands for each.
#[derive(Debug, Default)]
pub(in crate::protocol::irc) struct DirectTargets(HashMap<EndpointId, Arc<IrcUser>>);

impl DirectTargets {
    /// What is said to `place` from here on is for `whom`.
    pub(in crate::protocol::irc) fn insert(&mut self, place: EndpointId, whom: Arc<IrcUser>) {
        self.0.insert(place, whom);
    }

    /// Nothing more is to be said to `place`.
    pub(in crate::protocol::irc) fn remove(&mut self, place: EndpointId) {
        self.0.remove(&place);
    }

    /// What stands for whoever goes by `nick`, if something is being said to them.
    pub(in crate::protocol::irc) fn endpoint_of(
        &self,
        nick: &str,
        casemapping: Casemapping,
    ) -> Option<EndpointId> {
        let mut whispers = self.0.iter();
        whispers.find(|(_, whom)| casemapping.same(&whom.nick, nick)).map(|(place, _)| *place)
    }

    /// Whether the numeric `code` says that somebody was not told.
    pub(in crate::protocol::irc) fn is_send_error(code: &str) -> bool {
        SEND_ERROR_NUMERICS.contains(&code)
    }

    /// Those whose nick is nobody's now, or somebody else's: `known` says whose.
    pub(in crate::protocol::irc) fn gone_targets<'p>(
        &self,
        known: impl Fn(&str) -> Option<&'p Arc<IrcUser>>,
    ) -> Vec<EndpointId> {
        let is_lost = |whom: &IrcUser| known(&whom.nick).is_none_or(|now| !is_same_user(whom, now));
        self.0.iter().filter(|(_, whom)| is_lost(whom)).map(|(place, _)| *place).collect()
    }
}

/// Whether whoever goes by the nick of `whom` is still the same, as far as the server tells: the account
/// is a person's own; without one, the address is what is left.
pub(in crate::protocol::irc) fn is_same_user(whom: &IrcUser, now: &IrcUser) -> bool {
    match (&whom.account, &now.account) {
        (Some(account), now) => now.as_ref() == Some(account),
        (None, _) => {
            let known = whom.userhost.as_ref().zip(now.userhost.as_ref());
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
        for (whom, now, same) in [
            (irc_user(host, None), irc_user(host, None), true),
            (irc_user(host, None), irc_user(host, Some("ann")), true),
            (irc_user(None, None), irc_user(host, None), true),
            (irc_user(host, None), irc_user(Some("e@elsewhere"), None), false),
            (irc_user(host, Some("ann")), irc_user(Some("a@home"), Some("ann")), true),
            (irc_user(host, Some("ann")), irc_user(host, Some("eve")), false),
            (irc_user(host, Some("ann")), irc_user(host, None), false),
        ] {
            assert_eq!(is_same_user(&whom, &now), same, "{whom:?} {now:?}");
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
