//! Whether channel modes allow us to speak.

/// Why a channel with these `modes` (from RPL_CHANNELMODEIS) rejects messages of a member. `marked` means
/// voice or higher, `known` that they are logged in. Bans and mutes are not covered.
pub(in crate::protocol::irc) fn unheard(
    modes: &str,
    marked: bool,
    known: bool,
) -> Option<&'static str> {
    let modes = modes.strip_prefix('+').filter(|_| !marked)?;
    if modes.contains('m') {
        return Some("the channel is moderated (+m), and the bridge has no voice");
    }
    let wants_account = modes.contains('M') && !known;
    wants_account
        .then_some("only users with voice or an account may speak (+M), and the bridge has neither")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moderated_channel_requires_a_prefix_to_speak() {
        for (modes, marked, known, heard) in [
            ("+mnt", false, false, false),
            ("+ntm", false, true, false),
            ("+mnt", true, false, true),
            ("+nt", false, false, true),
            ("+", false, false, true),
            ("", false, false, true),
            ("m", false, false, true),
            ("+Mnt", false, false, false),
            ("+Mnt", false, true, true),
            ("+Mnt", true, false, true),
        ] {
            assert_eq!(unheard(modes, marked, known).is_none(), heard, "{modes} {marked} {known}");
        }
    }
}
