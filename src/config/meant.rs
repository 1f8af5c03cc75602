//! Corrects unknown keys, so that one typo leads to one error.
//!
//! It tries each guess: the file is loaded once more with the key in the guessed place. It discards
//! guesses whose value has the wrong type. Errors of that load are reported, too, but not keys that
//! were only missing because of the typo.

use config::{Value, ValueKind};

use super::diagnostic::Diagnostic;
use super::document::{Document, child_path};
use super::keys::{self, SectionKind};
use super::loader::{Loader, UnknownKey};
use super::parse;

/// A place where an unknown key may belong, and the help for the error.
struct KeyGuess {
    section: String,
    name: String,
    help: String,
}

/// The help for an unknown key, and the corrected document.
pub(super) struct Correction {
    pub(super) help: String,
    pub(super) document: Document,
}

/// Finds the key that `unknown` of `reading` was meant to be. `read` loads a document.
pub(super) fn find_correction(
    unknown: &UnknownKey,
    reading: &Loader,
    read: impl Fn(Document) -> Loader,
) -> Correction {
    let document = &reading.document;
    let UnknownKey { section, name, .. } = unknown;
    let value = document.value(section, name).unwrap_or(Value::new(None, ValueKind::Nil));
    let guesses = candidates(unknown, &value, reading);
    let mut second = None;
    for guess in guesses {
        let Some(moved) = document.with_moved(section, name, &guess.section, &guess.name) else {
            // The key exists there already, or there are several such sections.
            second.get_or_insert(Correction {
                help: guess.help,
                document: document.without(section, name),
            });
            continue;
        };
        let path = child_path(&guess.section, &guess.name);
        let mut tried = read(moved);
        let mut remedy = guess.help;
        let misfits = |tried: &Loader| tried.type_errors.borrow().contains(&path);
        if misfits(&tried) {
            let reshaped = tried.document.reshaped(&guess.section, &guess.name);
            let Some((reshaped, written)) = reshaped else { continue };
            remedy = format!("{remedy} Write {written}");
            tried = read(reshaped);
            if misfits(&tried) {
                continue;
            }
        }
        let good = !tried.diagnostics.borrow().has_error_at(&path);
        let meaning = Correction { help: remedy, document: tried.document };
        if good {
            return meaning;
        }
        second.get_or_insert(meaning);
    }
    second.unwrap_or_else(|| without_correction(unknown, document))
}

/// The correction if no known key is similar: removes the key.
pub(super) fn without_correction(unknown: &UnknownKey, document: &Document) -> Correction {
    let remedy = match keys::hint(&unknown.name, unknown.kind) {
        Some(hint) => hint.to_owned(),
        None => keys::valid_keys_help(&unknown.valid_keys),
    };
    Correction { help: remedy, document: document.without(&unknown.section, &unknown.name) }
}

/// The places where the key may belong, the likeliest first.
fn candidates(unknown: &UnknownKey, value: &Value, reading: &Loader) -> Vec<KeyGuess> {
    let UnknownKey { section, kind: pattern, name, valid_keys: here } = unknown;
    let mut guesses = Vec::new();
    if *pattern == SectionKind::Root {
        guesses.extend(guess_network_by_name(name, value));
        guesses.extend(guess_accounts_by_name(name, value));
    }
    for near in
        prefer_matching_secret_key(keys::ranked_matches(name, here), here, name, value, reading)
    {
        let remedy = format!("did you mean \"{near}\"?");
        guesses.push(KeyGuess { section: section.clone(), name: near.to_owned(), help: remedy });
    }
    guesses.extend(misplaced_section(section, name, value));
    if *pattern == SectionKind::Root {
        guesses.extend(guess_section_by_keys(name, value));
    } else if *pattern != SectionKind::Person
        && keys::hint(name, *pattern).is_none()
        && let Some(known) = keys::find_in_other_section(name, *pattern, &reading.known_keys)
    {
        let remedy = format!("move it {}", known.section.location());
        let section = only_section_path(known.section, reading).unwrap_or_else(|| "?".to_owned());
        guesses.push(KeyGuess { section, name: known.name.to_owned(), help: remedy });
    }
    guesses
}

/// Of the keys for a secret, inline or in a file, those that fit the value.
fn prefer_matching_secret_key(
    near: Vec<&'static str>,
    here: &[&'static str],
    name: &str,
    value: &Value,
    reading: &Loader,
) -> Vec<&'static str> {
    let ValueKind::String(text) = &value.kind else { return near };
    let file = |key: &str| here.iter().copied().find(|it| *it == format!("{key}_file"));
    let is_token = parse::token(text).is_ok();
    let says_file = name.to_lowercase().ends_with("file") || name.to_lowercase().ends_with("path");
    let is_path = !is_token && (says_file || looks_like_path(text, reading));
    let mut fitting = Vec::new();
    for key in near {
        let direct = key.strip_suffix("_file").and_then(|it| here.iter().find(|key| **key == it));
        match (direct, file(key)) {
            (Some(direct), _) if is_token => fitting.push(*direct),
            (_, Some(file)) if is_path => fitting.push(file),
            _ => fitting.push(key),
        }
    }
    fitting
}

/// Whether a text is a file name rather than a secret.
fn looks_like_path(text: &str, reading: &Loader) -> bool {
    let ends = [".token", ".password", ".pass", ".txt", ".key", ".pem", ".secret", ".account"];
    text.contains('/')
        || ends.iter().any(|end| text.ends_with(end))
        || (!text.is_empty() && reading.base_dirs.resolve_secret(text).is_file())
}

/// A top-level section that was written inside another one.
fn misplaced_section(section: &str, name: &str, value: &Value) -> Option<KeyGuess> {
    let written = match (name, &value.kind) {
        ("link", ValueKind::Array(_)) => "[[link]]".to_owned(),
        ("letschat" | "web" | "log" | "store" | "ident", ValueKind::Table(_)) => {
            format!("[{name}]")
        }
        _ => return None,
    };
    let remedy = format!("write {written}: it cannot be inside another section");
    (!section.is_empty()).then(|| KeyGuess {
        section: String::new(),
        name: name.to_owned(),
        help: remedy,
    })
}

/// `[accounts]`, `[letschat_accounts]`.
fn guess_accounts_by_name(name: &str, value: &Value) -> Option<KeyGuess> {
    let is_section = matches!(value.kind, ValueKind::Table(_));
    (is_section && keys::is_same_name(name.trim_start_matches("letschat"), "accounts")).then(|| {
        KeyGuess {
            section: "letschat".to_owned(),
            name: "accounts".to_owned(),
            help: "write [letschat.accounts]".to_owned(),
        }
    })
}

/// `[irc_office]`.
fn guess_network_by_name(name: &str, value: &Value) -> Option<KeyGuess> {
    let ValueKind::Table(table) = &value.kind else { return None };
    // `[ircs.office]` contains only sections.
    if table.values().all(|value| matches!(value.kind, ValueKind::Table(_))) {
        return None;
    }
    let lower = name.to_lowercase();
    let network = lower.strip_prefix("irc")?.trim_start_matches(|c: char| !c.is_alphanumeric());
    (!network.is_empty()).then(|| network_guess(network))
}

/// Guesses the section by its keys, whatever its name: a network, Let's Chat or a link.
fn guess_section_by_keys(name: &str, value: &Value) -> Option<KeyGuess> {
    match &value.kind {
        ValueKind::Table(table) if table.contains_key("servers") => Some(network_guess(name)),
        ValueKind::Table(table)
            if table.contains_key("url")
                && ["token", "token_file"].iter().any(|key| table.contains_key(*key)) =>
        {
            Some(top_level_guess("letschat", "[letschat]"))
        }
        ValueKind::Array(items) => {
            let is_link = |item: &Value| match &item.kind {
                ValueKind::Table(link) => link.contains_key("channel") || link.contains_key("room"),
                _ => false,
            };
            items.first().filter(|item| is_link(item)).map(|_| top_level_guess("link", "[[link]]"))
        }
        _ => None,
    }
}

fn network_guess(name: &str) -> KeyGuess {
    let remedy = format!("write [{}]", child_path("irc", name));
    KeyGuess { section: "irc".to_owned(), name: name.to_owned(), help: remedy }
}

fn top_level_guess(name: &str, written: &str) -> KeyGuess {
    let remedy = format!("write {written}");
    KeyGuess { section: String::new(), name: name.to_owned(), help: remedy }
}

/// The path of the only section of this kind.
fn only_section_path(pattern: SectionKind, reading: &Loader) -> Option<String> {
    match pattern {
        SectionKind::Root => Some(String::new()),
        SectionKind::Section(section) => Some(section.to_owned()),
        SectionKind::Network => match reading.document.network_names().as_slice() {
            [network] => Some(child_path("irc", network)),
            _ => None,
        },
        SectionKind::Person => None,
        SectionKind::Link => match reading.document.root().get("link").map(|links| &links.kind) {
            Some(ValueKind::Array(links)) if links.len() == 1 => Some("link[0]".to_owned()),
            _ => None,
        },
    }
}

/// The error for network keys in `[irc]` itself, and the document with them in the intended
/// network.
pub(super) fn fix_unnamed_network(document: &Document) -> Option<(Diagnostic, Document)> {
    let Some(ValueKind::Table(irc)) = document.root().get("irc").map(|irc| &irc.kind) else {
        return None;
    };
    let is_section = |value: &Value| match &value.kind {
        ValueKind::Table(_) => true,
        // `[[irc.office]]` is reported where it is read.
        ValueKind::Array(items) => {
            items.first().is_some_and(|item| matches!(item.kind, ValueKind::Table(_)))
        }
        _ => false,
    };
    let mut keys: Vec<&String> =
        irc.iter().filter(|(_, value)| !is_section(value)).map(|(key, _)| key).collect();
    keys.sort_by_cached_key(|key| document.origin(&child_path("irc", key), irc.get(*key)));
    let first = *keys.first()?;
    let name = first_missing_network(document);
    let path = child_path("irc", first);
    let diagnostic = Diagnostic {
        origin: document.origin(&path, irc.get(first)),
        key: Some(path),
        problem: "a network key without a network name".to_owned(),
        help: format!("write [{}] above its keys", child_path("irc", &name)),
    };
    let whole = document.network_names().is_empty()
        || keys.iter().any(|key| keys::ranked_matches(key, &["servers"]).contains(&"servers"));
    let network = child_path("irc", &name);
    let mut meant = document.clone();
    if whole && !irc.contains_key(&name) {
        meant.add_section("irc", &name);
    }
    for key in keys {
        let moved = meant.with_moved("irc", key, &network, key);
        meant = moved.unwrap_or_else(|| meant.without("irc", key));
    }
    Some((diagnostic, meant))
}

/// The error for `[irc.letschat]` if `[letschat]` is missing, and the corrected document.
pub(super) fn fix_letschat_as_network(document: &Document) -> Option<(Diagnostic, Document)> {
    let ValueKind::Table(network) = document.value("irc", "letschat")?.kind else { return None };
    if !network.contains_key("url") {
        return None;
    }
    let meant = document.with_moved("irc", "letschat", "", "letschat")?;
    let diagnostic = Diagnostic {
        origin: document.origin("irc.letschat", None),
        key: Some("irc.letschat".to_owned()),
        problem: "not a network".to_owned(),
        help: "write [letschat]".to_owned(),
    };
    Some((diagnostic, meant))
}

/// The first unknown network that a link mentions; otherwise an example name.
fn first_missing_network(document: &Document) -> String {
    let networks = document.network_names();
    let links = match document.root().get("link").map(|links| &links.kind) {
        Some(ValueKind::Array(links)) => links.as_slice(),
        _ => &[],
    };
    let mentioned = links.iter().filter_map(|link| match &link.kind {
        ValueKind::Table(link) => match &link.get("channel")?.kind {
            ValueKind::String(channel) => Some(channel.split_once('/')?.0.to_owned()),
            _ => None,
        },
        _ => None,
    });
    let wanted = mentioned
        .filter(|name| parse::network_name(name).is_ok())
        .find(|name| !networks.contains(&name.as_str()));
    wanted.unwrap_or_else(|| "office".to_owned())
}
