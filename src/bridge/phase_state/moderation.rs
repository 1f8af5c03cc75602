//! Whether the bridge moderates a channel (`+m`), decided from what the server shows. The states are drawn at
//! [`ChannelModeration`].

use crate::protocol::irc::ChannelRights;
use crate::store::ChannelModeration;

/// What the phases of a channel's links want.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::bridge) enum ModerationWish {
    /// Nobody on IRC is heard, so nobody should speak.
    Moderated,
    /// It stays as it is.
    Unchanged,
    /// Everybody is heard.
    Open,
}

/// The state from now on, and the modes to be set.
pub(in crate::bridge) fn plan(
    state: ChannelModeration,
    wish: ModerationWish,
    rights: ChannelRights,
) -> (ChannelModeration, Option<&'static str>) {
    use ChannelModeration::{Asked, LeftToOperators, None as Untouched, Set};
    match (state, wish) {
        (Untouched, ModerationWish::Moderated) if rights.is_moderated => (LeftToOperators, None),
        (Untouched | Asked, ModerationWish::Moderated)
            if rights.is_operator && !rights.is_moderated =>
        {
            (Asked, Some("+m"))
        }
        (Asked, ModerationWish::Moderated | ModerationWish::Unchanged) if rights.is_moderated => {
            (Set, None)
        }
        (Set, ModerationWish::Moderated | ModerationWish::Unchanged) if !rights.is_moderated => {
            (LeftToOperators, None)
        }
        (Asked | Set, ModerationWish::Open) if rights.is_moderated => {
            (state, rights.is_operator.then_some("-m"))
        }
        (_, ModerationWish::Open) => (Untouched, None),
        (state, _) => (state, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channel_is_moderated_once_and_opened_again() {
        use ChannelModeration::{Asked, LeftToOperators, None as Untouched, Set};
        use ModerationWish::{Moderated, Open, Unchanged};
        for (state, wish, is_operator, is_moderated, next, modes) in [
            (Untouched, Open, true, true, Untouched, None),
            (Untouched, Moderated, false, false, Untouched, None),
            (Untouched, Moderated, true, false, Asked, Some("+m")),
            (Untouched, Moderated, true, true, LeftToOperators, None),
            (Untouched, Unchanged, true, false, Untouched, None),
            (Asked, Moderated, true, true, Set, None),
            (Asked, Moderated, true, false, Asked, Some("+m")),
            (Asked, Moderated, false, false, Asked, None),
            (Set, Moderated, true, true, Set, None),
            (Set, Moderated, true, false, LeftToOperators, None),
            (Set, Unchanged, true, true, Set, None),
            (Set, Unchanged, true, false, LeftToOperators, None),
            (Set, Open, true, true, Set, Some("-m")),
            (Set, Open, false, true, Set, None),
            (Set, Open, true, false, Untouched, None),
            (Asked, Open, true, false, Untouched, None),
            (LeftToOperators, Moderated, true, false, LeftToOperators, None),
            (LeftToOperators, Open, true, true, Untouched, None),
        ] {
            let rights = ChannelRights {
                is_operator,
                is_topic_locked: true,
                is_moderated,
                max_topic_len: None,
            };
            assert_eq!(plan(state, wish, rights), (next, modes), "{state:?} {wish:?} {rights:?}");
        }
    }
}
