//! Settings from environment variables: `LETSBRIDGE__LETSCHAT__URL` is `letschat.url`.

use std::path::PathBuf;

use config::{Value, ValueKind};

use super::diagnostic::{Diagnostic, Origin};
use super::document::Table;
use super::keys::{self, KnownKey, SectionKind};
use super::parse::ValueError;

const PREFIX: &str = "LETSBRIDGE__";
const SEPARATOR: &str = "__";

/// The environment variables that matter to us.
#[derive(Debug, Default)]
pub(super) struct Environment {
    /// Our own variables, sorted by name.
    variables: Vec<(String, String)>,
    /// Variables that look like misspelled ones of ours.
    nearly: Vec<String>,
    /// The state directory from systemd (systemd.exec(5), `StateDirectory=`).
    pub(super) state_dir: Option<PathBuf>,
    /// The directory of systemd credentials (systemd.exec(5), `LoadCredential=`).
    pub(super) credentials_dir: Option<PathBuf>,
}

impl Environment {
    pub(super) fn new(variables: impl Iterator<Item = (String, String)>) -> Self {
        let mut environment = Self::default();
        for (name, value) in variables {
            match name.as_str() {
                // Colons separate several directories; we use the first.
                "STATE_DIRECTORY" => {
                    let first = value.split(':').next().filter(|path| !path.is_empty());
                    environment.state_dir = first.map(PathBuf::from);
                }
                "CREDENTIALS_DIRECTORY" => environment.credentials_dir = Some(value.into()),
                _ if name.starts_with(PREFIX) => environment.variables.push((name, value)),
                _ if name.to_ascii_uppercase().starts_with("LETSBRIDGE_") => {
                    environment.nearly.push(name);
                }
                _ => {}
            }
        }
        environment.variables.sort();
        environment
    }

    /// The values as a tree to merge into the file, which defines `networks`, and an error for each
    /// unknown variable.
    pub(super) fn to_table(
        &self,
        networks: &[&str],
        known: &[KnownKey],
    ) -> (Table, Vec<Diagnostic>) {
        let mut tree = Table::new();
        let mut mistakes = Vec::new();
        for (name, text) in &self.variables {
            match key_path(name, networks, known) {
                Ok(path) => insert_at_path(&mut tree, &path, Value::new(Some(name), text.clone())),
                Err(ValueError { problem: found, help: remedy, .. }) => {
                    let origin = Origin::Variable(name.clone());
                    mistakes.push(Diagnostic { origin, key: None, problem: found, help: remedy });
                }
            }
        }
        mistakes.extend(self.nearly.iter().filter_map(|name| nearly(name, networks, known)));
        (tree, mistakes)
    }
}

/// An error for a variable that is one of ours except for underscores or case.
fn nearly(name: &str, networks: &[&str], known: &[KnownKey]) -> Option<Diagnostic> {
    let letters = |name: &str| name.replace('_', "").to_ascii_uppercase();
    let networks = networks.iter().map(|network| network_env_name(network)).collect::<Vec<_>>();
    let candidates =
        known.iter().filter(|known| known.section != SectionKind::Link).flat_map(|known| {
            let names = match known.section {
                SectionKind::Network => networks.iter().map(String::as_str).collect(),
                _ => vec![""],
            };
            names.into_iter().map(|network| {
                format!("{PREFIX}{}", known.path_for(network).join(SEPARATOR).to_ascii_uppercase())
            })
        });
    let meant = candidates.into_iter().find(|candidate| letters(candidate) == letters(name))?;
    let found = "unknown variable".to_owned();
    let remedy = format!("did you mean {meant}?");
    Some(Diagnostic {
        origin: Origin::Variable(name.to_owned()),
        key: None,
        problem: found,
        help: remedy,
    })
}

/// The path of the key that a variable sets.
fn key_path(name: &str, networks: &[&str], known: &[KnownKey]) -> Result<Vec<String>, ValueError> {
    let words = name[PREFIX.len()..].to_ascii_lowercase();
    let words: Vec<&str> = words.split(SEPARATOR).collect();
    if words[0] == "link" {
        let remedy = "define links in the file";
        return Err(ValueError::new("links cannot be set by environment variables", remedy));
    }
    let path: Vec<String> = match words.as_slice() {
        ["irc", network, key] => {
            let network =
                networks.iter().find(|name| network_env_name(name) == *network).unwrap_or(network);
            ["irc", network, key].map(str::to_owned).into()
        }
        words => words.iter().map(|word| (*word).to_owned()).collect(),
    };
    if known.iter().any(|known| known.matches(&path)) {
        Ok(path)
    } else {
        Err(unknown_variable(&words, known))
    }
}

/// A network's name as it appears in variable names.
fn network_env_name(network: &str) -> String {
    network
        .chars()
        .map(|c| if c.is_alphanumeric() { c.to_ascii_lowercase() } else { '_' })
        .collect()
}

fn unknown_variable(words: &[&str], known: &[KnownKey]) -> ValueError {
    let network = match words {
        ["irc", network, ..] if !network.is_empty() => network,
        _ => "NAME",
    };
    let names: Vec<String> = known
        .iter()
        .filter(|known| known.section != SectionKind::Link)
        .map(|known| known.path_for(network).join(SEPARATOR).to_ascii_uppercase())
        .collect();
    let written = words.join(SEPARATOR).to_ascii_uppercase();
    let section = format!("{written}{SEPARATOR}");
    if let ["irc", key] = words
        && known.iter().any(|known| known.section == SectionKind::Network && known.name == *key)
    {
        let remedy = format!(
            "put the network's name between them, like {PREFIX}IRC{SEPARATOR}OFFICE{SEPARATOR}{}",
            key.to_ascii_uppercase()
        );
        return ValueError::new("a network key without a network name", remedy);
    }
    if let Some(name) = names.iter().find(|name| name.starts_with(&section)) {
        let remedy = format!("name one of its keys, like {PREFIX}{name}");
        return ValueError::new("a section, not a key", remedy);
    }
    let remedy = match keys::nearest(&written, names.iter().map(String::as_str)) {
        Some(name) => format!("did you mean {PREFIX}{name}?"),
        None => {
            format!("variable names look like {PREFIX}LETSCHAT__URL or {PREFIX}IRC__OFFICE__NICK")
        }
    };
    ValueError::new("unknown key", remedy)
}

fn insert_at_path(tree: &mut Table, path: &[String], value: Value) {
    let [first, rest @ ..] = path else { return };
    if rest.is_empty() {
        tree.insert(first.clone(), value);
        return;
    }
    let section = tree.entry(first.clone()).or_insert_with(|| Value::new(None, Table::new()));
    if let ValueKind::Table(table) = &mut section.kind {
        insert_at_path(table, rest, value);
    }
}
