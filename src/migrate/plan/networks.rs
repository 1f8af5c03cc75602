//! One network has many names: `libera`, `Libera.Chat`, `irc.libera.chat`, `liberachat`.

use std::collections::BTreeMap;

/// What people and programs put around the name of a network.
const ENDS: &[&str] = &["chat", "network", "net", "irc", "org", "com"];

/// How the networks of logs are called in a plan.
#[derive(Debug, Clone, Default)]
pub struct NetworkNames {
    /// By [`key`]: the name in the plan, and whether the configuration has it.
    names: BTreeMap<String, (String, bool)>,
}

impl NetworkNames {
    /// The names of the configuration, each with the names of its servers.
    #[must_use]
    pub fn new<'n>(configured: impl IntoIterator<Item = (&'n str, Vec<&'n str>)>) -> Self {
        let mut names = BTreeMap::new();
        for (name, servers) in configured {
            for alias in servers.into_iter().chain([name]) {
                names.insert(key(alias), (name.to_owned(), true));
            }
        }
        Self { names }
    }

    /// The name in the plan of what a log calls so: that of the configuration, or of the first log with such a name.
    pub fn name(&mut self, found: &str) -> String {
        let place = self.names.entry(key(found));
        // A plan writes NETWORK/NICK.
        let name = || found.replace(|c: char| c == '/' || c.is_control(), "-");
        place.or_insert_with(|| (name(), false)).0.clone()
    }

    /// The only network of the configuration, if it has one.
    #[must_use]
    pub fn only_configured(&self) -> Option<&str> {
        let mut configured = self.names.values().filter(|it| it.1).map(|it| it.0.as_str());
        let first = configured.next()?;
        configured.all(|other| other == first).then_some(first)
    }
}

/// What is the same in all names of a network.
fn key(name: &str) -> String {
    let letters = |text: &str| -> String {
        text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
    };
    // A server's name: the last label but one, unless that is the whole name.
    let labels: Vec<&str> = name.split('.').filter(|label| !label.is_empty()).collect();
    let is_address = labels.len() > 1 && labels.iter().all(|label| label.parse::<u8>().is_ok());
    if let [.., domain, _] = labels[..]
        && !is_address
    {
        return without_ends(letters(domain));
    }
    without_ends(letters(name))
}

fn without_ends(name: String) -> String {
    for end in ENDS {
        if let Some(rest) = name.strip_suffix(end).filter(|rest| rest.len() > 2) {
            return rest.to_owned();
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_one_network_are_one() {
        for (left, right, same) in [
            ("libera", "Libera.Chat", true),
            ("libera", "irc.libera.chat", true),
            ("liberachat", "libera-chat", true),
            ("OFTC", "irc.oftc.net", true),
            ("QuakeNet", "quakenet", true),
            ("freenode", "chat.freenode.net", true),
            ("libera", "freenode", false),
            ("office", "office2", false),
            ("ircnet", "efnet", false),
            ("192.0.2.7", "192.0.2.8", false),
            ("net", "irc", false),
        ] {
            assert_eq!(key(left) == key(right), same, "{left} {right}");
        }
    }

    #[test]
    fn the_configuration_decides_how_a_network_is_called() {
        let mut names = NetworkNames::new([("fav", vec!["irc.libera.chat"]), ("oftc", vec![])]);
        assert_eq!(names.name("Libera.Chat"), "fav");
        assert_eq!(names.name("OFTC"), "oftc");
        assert_eq!(names.name("Freenode"), "Freenode");
        assert_eq!(names.name("freenode"), "Freenode");
        assert_eq!(names.name("a/b"), "a-b");
        assert_eq!(names.only_configured(), None);
        assert_eq!(NetworkNames::new([("fav", vec!["a.example"])]).only_configured(), Some("fav"));
    }
}
