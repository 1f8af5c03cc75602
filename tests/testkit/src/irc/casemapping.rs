//! Which spellings of a nick or of a channel's name are the same: ISUPPORT `CASEMAPPING`.

/// The rule by which a server compares names
/// (<https://modern.ircdocs.horse/#casemapping-parameter>).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Casemapping {
    /// `A-Z` are the upper case of `a-z`.
    Ascii,
    /// As `Ascii`, and `[]\~` are the upper case of `{}|^`.
    Rfc1459,
    /// As `Rfc1459`, without `~` and `^`.
    Rfc1459Strict,
    /// The upper and lower case of Unicode, as Ergo has it.
    Unicode,
}

impl Casemapping {
    /// The value of the ISUPPORT token.
    pub(super) fn token(self) -> &'static str {
        match self {
            Self::Ascii => "ascii",
            Self::Rfc1459 => "rfc1459",
            Self::Rfc1459Strict => "rfc1459-strict",
            Self::Unicode => "rfc8265",
        }
    }

    /// `name` in lower case, which all its spellings share.
    pub(super) fn fold(self, name: &str) -> String {
        let pairs: &[(char, char)] = match self {
            Self::Unicode => return name.chars().flat_map(char::to_lowercase).collect(),
            Self::Ascii => &[],
            Self::Rfc1459 => &[('[', '{'), (']', '}'), ('\\', '|'), ('~', '^')],
            Self::Rfc1459Strict => &[('[', '{'), (']', '}'), ('\\', '|')],
        };
        let mut folded = name.to_ascii_lowercase();
        for &(upper, lower) in pairs {
            folded = folded.replace(upper, lower.encode_utf8(&mut [0; 4]));
        }
        folded
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_casemapping_folds_its_own_characters() {
        for (casemapping, name, folded) in [
            (Casemapping::Ascii, "#Tea", "#tea"),
            (Casemapping::Ascii, "AZ@[`{", "az@[`{"),
            (Casemapping::Ascii, "[]\\~{}|^", "[]\\~{}|^"),
            (Casemapping::Rfc1459, "N[]\\~", "n{}|^"),
            (Casemapping::Rfc1459, "n{}|^", "n{}|^"),
            (Casemapping::Rfc1459Strict, "N[]\\~", "n{}|~"),
            (Casemapping::Rfc1459Strict, "^", "^"),
            (Casemapping::Rfc1459, "ÉTÉ", "ÉtÉ"),
            (Casemapping::Unicode, "#ÉTÉ", "#été"),
            (Casemapping::Unicode, "[Я]", "[я]"),
            (Casemapping::Unicode, "", ""),
        ] {
            assert_eq!(casemapping.fold(name), folded, "{casemapping:?} {name}");
        }
    }

    #[test]
    fn folding_twice_changes_nothing_more() {
        use Casemapping::{Ascii, Rfc1459, Rfc1459Strict, Unicode};
        for casemapping in [Ascii, Rfc1459, Rfc1459Strict, Unicode] {
            let once = casemapping.fold("A[]\\~{}|^ÉΣ");
            assert_eq!(casemapping.fold(&once), once, "{casemapping:?}");
        }
    }
}
