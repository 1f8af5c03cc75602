//! The names of the text formats.

use std::fmt;
use std::str::FromStr;

/// A format of logs that are text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LogFormat {
    /// irssi.
    Irssi,
    /// WeeChat, with local times or, since 4.8, in UTC.
    WeeChat,
    /// The module `log` of ZNC; the files of soju.
    Znc,
    /// HexChat and XChat.
    HexChat,
    /// eggdrop.
    Eggdrop,
    /// The plugin ChannelLogger of Limnoria and supybot.
    Limnoria,
    /// energymech.
    EnergyMech,
    /// The Lounge, its text files.
    TheLounge,
    /// mIRC.
    Mirc,
    /// Textual.
    Textual,
    /// ii.
    Ii,
    /// The table `backlog` of Quassel, as PostgreSQL's `\copy` writes it.
    QuasselCopy,
    /// Lines that a pattern of the administrator describes.
    Pattern,
}

/// A name that is none of a format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no format {found:?}; there are {}", LogFormat::names())]
pub struct UnknownFormatName {
    found: String,
}

impl LogFormat {
    /// All formats, in the order in which the documentation lists them.
    pub const ALL: [Self; 13] = [
        Self::Irssi,
        Self::WeeChat,
        Self::Znc,
        Self::HexChat,
        Self::Eggdrop,
        Self::Limnoria,
        Self::EnergyMech,
        Self::TheLounge,
        Self::Mirc,
        Self::Textual,
        Self::Ii,
        Self::QuasselCopy,
        Self::Pattern,
    ];

    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Irssi => "irssi",
            Self::WeeChat => "weechat",
            Self::Znc => "znc",
            Self::HexChat => "hexchat",
            Self::Eggdrop => "eggdrop",
            Self::Limnoria => "limnoria",
            Self::EnergyMech => "energymech",
            Self::TheLounge => "the-lounge",
            Self::Mirc => "mirc",
            Self::Textual => "textual",
            Self::Ii => "ii",
            Self::QuasselCopy => "quassel-copy",
            Self::Pattern => "pattern",
        }
    }

    fn names() -> String {
        Self::ALL.map(Self::name).join(", ")
    }
}

impl fmt::Display for LogFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for LogFormat {
    type Err = UnknownFormatName;

    /// Also knows the programs that write another's format: `soju`, `xchat`, `supybot`.
    fn from_str(text: &str) -> Result<Self, UnknownFormatName> {
        let name = text.to_ascii_lowercase();
        let other = match name.as_str() {
            "soju" => Some(Self::Znc),
            "xchat" => Some(Self::HexChat),
            "supybot" => Some(Self::Limnoria),
            "lounge" | "thelounge" => Some(Self::TheLounge),
            _ => Self::ALL.into_iter().find(|format| format.name() == name),
        };
        other.ok_or(UnknownFormatName { found: text.chars().take(40).collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_format_is_found_by_its_name() {
        for format in LogFormat::ALL {
            assert_eq!(format.to_string().parse(), Ok(format));
        }
        assert_eq!("Soju".parse(), Ok(LogFormat::Znc));
    }

    #[test]
    fn an_unknown_name_is_told_with_the_known_ones() {
        let error = "pidgin".parse::<LogFormat>().expect_err("an unknown name").to_string();
        assert!(error.starts_with("there is no format \"pidgin\"; there are irssi, weechat, znc"));
    }
}
