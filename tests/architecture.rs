//! The map in `src/lib.rs`, held to: who may use whom, and who may touch the world.
#![allow(clippy::unwrap_used, missing_docs)]

use std::fs;
use std::path::{Path, PathBuf};

/// Each layer, the layers that it may use, and what of the world it may say.
const LAYERS: &[Layer] = &[
    Layer { name: "domain", uses: &[], world: &[] },
    Layer { name: "config", uses: &["domain", "translate"], world: &["std::fs"] },
    Layer { name: "translate", uses: &["domain"], world: &[] },
    Layer { name: "protocol", uses: &["domain"], world: &[] },
    Layer { name: "store", uses: &["domain"], world: &["std::fs", "std::thread"] },
    Layer { name: "bridge", uses: &["domain", "translate", "protocol", "store"], world: &[] },
    Layer { name: "net", uses: &["domain", "config", "protocol"], world: WORLD },
    Layer {
        name: "service",
        uses: &["domain", "config", "translate", "protocol", "store", "bridge", "net"],
        world: WORLD,
    },
    Layer { name: "web", uses: &["domain", "config", "translate", "store", "net"], world: WORLD },
    Layer {
        name: "cli",
        uses: &["domain", "config", "protocol", "store", "bridge", "net", "service", "web"],
        world: WORLD,
    },
];

/// What only a layer that touches the world may say.
const WORLD: &[&str] = &[
    "tokio",
    "reqwest",
    "std::net",
    "std::fs",
    "std::thread",
    "std::env",
    "Instant::now",
    "SystemTime::now",
    "Timestamp::now",
    "async fn",
];

/// What only one layer knows.
const SECRETS: &[(&str, &str)] = &[
    ("rusqlite", "store"),
    ("tokio_tungstenite", "net"),
    ("tokio_rustls", "net"),
    ("irc::proto", "protocol"),
    ("clap", "cli"),
    ("letsbridge_testkit", "cli"),
];

struct Layer {
    name: &'static str,
    uses: &'static [&'static str],
    world: &'static [&'static str],
}

#[test]
fn each_layer_uses_only_those_below_it() {
    for layer in LAYERS {
        for (file, line) in code(layer.name) {
            assert!(
                !line.contains("crate::{"),
                "{}: name one layer a line, so that it can be seen:\n{line}",
                file.display(),
            );
            for other in LAYERS.iter().filter(|other| other.name != layer.name) {
                assert!(
                    !says(&line, &format!("crate::{}", other.name))
                        || layer.uses.contains(&other.name),
                    "{} belongs to {}, which may not use {}:\n{line}",
                    file.display(),
                    layer.name,
                    other.name,
                );
            }
        }
    }
}

#[test]
fn only_some_layers_touch_the_world() {
    for layer in LAYERS {
        for (file, line) in code(layer.name) {
            for word in WORLD.iter().filter(|word| !layer.world.contains(word)) {
                assert!(
                    !says(&line, word),
                    "{} belongs to {}, which may not say {word}:\n{line}",
                    file.display(),
                    layer.name,
                );
            }
        }
    }
}

#[test]
fn what_one_layer_knows_no_other_does() {
    for layer in LAYERS {
        for (word, knower) in SECRETS.iter().filter(|(_, knower)| *knower != layer.name) {
            for (file, line) in code(layer.name) {
                assert!(
                    !says(&line, word),
                    "{}: only {knower} knows of {word}:\n{line}",
                    file.display(),
                );
            }
        }
    }
}

#[test]
fn the_domain_is_not_written_to_any_wire() {
    for (file, line) in code("domain") {
        assert!(!says(&line, "Serialize") && !says(&line, "Deserialize"), "{}", file.display());
    }
}

#[test]
fn every_folder_is_a_layer() {
    let folders = fs::read_dir("src").unwrap().flatten().filter(|entry| entry.path().is_dir());
    for folder in folders.map(|entry| entry.file_name()) {
        assert!(LAYERS.iter().any(|layer| layer.name == folder), "{folder:?} is not on the map");
    }
}

/// Whether `line` has `word`, not as a part of another.
fn says(line: &str, word: &str) -> bool {
    let part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    line.match_indices(word).any(|(at, _)| {
        !part(line[..at].chars().next_back()) && !part(line[at + word.len()..].chars().next())
    })
}

/// The lines of a layer that are neither comments nor tests.
fn code(layer: &str) -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    collect(&Path::new("src").join(layer), &mut files);
    assert!(!files.is_empty(), "{layer} is on the map but not in src");
    files
        .into_iter()
        .flat_map(|file| {
            let text = fs::read_to_string(&file).unwrap();
            let body = text.split("#[cfg(test)]").next().unwrap_or_default().to_owned();
            body.lines()
                .filter(|line| !line.trim_start().starts_with("//"))
                .map(|line| (file.clone(), line.to_owned()))
                .collect::<Vec<_>>()
        })
        .collect()
}

fn collect(at: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(at).unwrap().flatten() {
        let path = entry.path();
        // Tests too long for the file that they test stand beside it.
        if path.file_stem().is_some_and(|stem| stem == "tests") {
            continue;
        }
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}
