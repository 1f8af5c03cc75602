//! Case-insensitive comparison of nicks and channel names, as the IRC server does it.

/// How a server folds the case of nicks and channel names: ISUPPORT `CASEMAPPING`
/// (<https://modern.ircdocs.horse/#casemapping-parameter>).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Casemapping {
    /// Folds `A-Z` only.
    Ascii,
    /// Folds `A-Z`, and `[]\~` to `{|}^`. The default for a server that does not announce its mapping.
    #[default]
    Rfc1459,
    /// Like `Rfc1459`, without folding `~` to `^`.
    Rfc1459Strict,
    /// Folds all of Unicode: `rfc8265` (PRECIS) and servers with mappings of their own.
    Unicode,
}

impl Casemapping {
    /// Parses the value of the ISUPPORT token; `None` for an unknown mapping.
    #[must_use]
    pub fn parse(token: &str) -> Option<Self> {
        Some(match token.to_ascii_lowercase().as_str() {
            "ascii" => Self::Ascii,
            "rfc1459" => Self::Rfc1459,
            "rfc1459-strict" | "strict-rfc1459" => Self::Rfc1459Strict,
            "rfc8265" | "precis" | "rfc7613" | "utf-8" => Self::Unicode,
            _ => return None,
        })
    }

    /// The canonical spelling of `name`.
    #[must_use]
    pub fn fold(self, name: &str) -> String {
        match self {
            Self::Unicode => name.chars().flat_map(char::to_lowercase).collect(),
            // Most names are folded already.
            _ if self.lower_chars(name).eq(name.chars()) => name.to_owned(),
            _ => self.lower_chars(name).collect(),
        }
    }

    /// Whether both are spellings of the same name.
    #[must_use]
    pub fn same(self, left: &str, right: &str) -> bool {
        match self {
            Self::Unicode => left == right || self.fold(left) == self.fold(right),
            _ => left == right || self.lower_chars(left).eq(self.lower_chars(right)),
        }
    }

    fn lower_chars(self, name: &str) -> impl Iterator<Item = char> {
        name.chars().map(move |c| self.lower(c))
    }

    fn lower(self, c: char) -> char {
        match (self, c) {
            (Self::Rfc1459 | Self::Rfc1459Strict, '[') => '{',
            (Self::Rfc1459 | Self::Rfc1459Strict, ']') => '}',
            (Self::Rfc1459 | Self::Rfc1459Strict, '\\') => '|',
            (Self::Rfc1459, '~') => '^',
            (_, c) => c.to_ascii_lowercase(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_compare_equal_as_the_casemapping_folds_them() {
        for (mapping, left, right, same) in [
            (Casemapping::Ascii, "#Tea", "#tea", true),
            (Casemapping::Ascii, "#a[b]", "#a{b}", false),
            (Casemapping::Rfc1459, "#a[b]", "#A{B}", true),
            (Casemapping::Rfc1459, "#x\\~", "#X|^", true),
            (Casemapping::Rfc1459Strict, "#x\\", "#X|", true),
            (Casemapping::Rfc1459Strict, "#~", "#^", false),
            (Casemapping::Rfc1459, "#Été", "#été", false),
            (Casemapping::Unicode, "#Été", "#éTÉ", true),
        ] {
            assert_eq!(mapping.same(left, right), same, "{mapping:?} {left} {right}");
        }
    }

    #[test]
    fn known_casemapping_tokens_parse_and_others_do_not() {
        for token in ["ascii", "rfc1459", "rfc1459-strict", "strict-rfc1459", "precis", "rfc8265"] {
            assert!(Casemapping::parse(token).is_some(), "{token}");
        }
        assert_eq!(Casemapping::parse("klingon"), None);
    }
}
