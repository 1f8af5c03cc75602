//! How fast to send to an IRC server.

use std::str::FromStr;

use super::unknown_word::{UnknownWord, find};

/// The rate at which lines may be sent to an IRC server: its flood limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FloodControl {
    /// That of the server's software, once known; [`FloodControl::Standard`] until then and for unknown software.
    #[default]
    Auto,
    /// A safe rate for most networks: five lines at once, then one per second; long lines count for more.
    Standard,
    /// Solanum, charybdis and ircd-seven (Libera.Chat): five at once, then one or two per second. They
    /// disconnect clients with twenty lines queued.
    Solanum,
    /// ircd-hybrid (OFTC): nearly the same.
    Hybrid,
    /// InspIRCd with default settings: ten at once, then one per second, of any length.
    Inspircd,
    /// UnrealIRCd: each line, and every 90 bytes, delays reading by one second.
    Unrealircd,
    /// ngIRCd with default settings: about ten at once, then three per second.
    Ngircd,
    /// Ergo: five at once, then two per second.
    Ergo,
    /// ircu, snircd and Nefarious (Undernet, QuakeNet): five at once, then one every two seconds, plus a
    /// second for every 120 bytes.
    Ircu,
    /// soju, a bouncer: forwards ten lines at once, then one every two seconds. Further lines wait in one
    /// queue for all channels. With about sixty queued, it stops reading and sending.
    Soju,
    /// No limit, for a server that exempts us.
    Off,
}

impl FromStr for FloodControl {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        let words = [
            ("auto", Self::Auto),
            ("standard", Self::Standard),
            ("solanum", Self::Solanum),
            ("hybrid", Self::Hybrid),
            ("inspircd", Self::Inspircd),
            ("unrealircd", Self::Unrealircd),
            ("ngircd", Self::Ngircd),
            ("ergo", Self::Ergo),
            ("ircu", Self::Ircu),
            ("soju", Self::Soju),
            ("off", Self::Off),
        ];
        find(&words, text)
    }
}
