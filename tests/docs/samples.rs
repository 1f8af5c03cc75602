//! Each sample of `bridge.toml` in the documentation is a valid configuration.

use std::fs;
use std::path::Path;

use letsbridge::config;

use crate::pages::{Block, pages};

/// base64 of 24 and 48 hexadecimal digits.
const TOKEN: &str = "NTZiOWQyYzdhMWIyYzNkNGU1ZjYwNzE4OjAwMTEyMjMzNDQ1NTY2Nzc4ODk5YWFiYmNjZGRlZWZm\
                     MDAxMTIyMzM0NDU1NjY3Nw==";

#[test]
fn samples_are_valid_configurations() {
    let mut count = 0;
    for page in pages() {
        for block in page.blocks.iter().filter(|block| block.language == "toml") {
            count += 1;
            let toml = complete(&block.lines.join("\n"));
            if let Err(errors) = load(&toml) {
                panic!("{}: this sample is wrong:\n{errors}\n\n{toml}", page.path.display());
            }
        }
    }
    assert!(count >= 3, "only {count} samples were found");
}

#[test]
fn samples_are_marked_as_toml() {
    for page in pages() {
        for block in page.blocks.iter().filter(|block| block.language != "toml") {
            assert!(!is_toml(block), "{}: mark this as ```toml: {block:?}", page.path.display());
        }
    }
}

/// Keys of the plan of an import, which docs/import.md explains.
const PLAN_KEYS: [&str; 6] =
    ["account", "checked", "first_day", "leave_out", "participants", "timezone"];

#[test]
fn keys_in_the_text_exist() {
    let mut known = config::known_keys();
    known.extend(PLAN_KEYS.map(str::to_owned));
    let mut count = 0;
    // The changelog names keys of the past.
    for page in pages().iter().filter(|page| page.path != Path::new("CHANGELOG.md")) {
        for span in page.code_spans() {
            let Some((key, value)) = span.split_once(" = ") else { continue };
            let is_value = value.starts_with(['"', '[', '{']) || ["true", "false"].contains(&value);
            if !is_value
                || !key.chars().all(|c| c.is_ascii_lowercase() || "_.0123456789".contains(c))
            {
                continue;
            }
            count += 1;
            let ends_so = |known: &String| known.ends_with(&format!(".{key}")) || known == key;
            assert!(known.iter().any(ends_so), "{}: there is no key {key}", page.path.display());
        }
    }
    assert!(count > 20, "only {count} keys were found");
}

/// Whether a block looks like a configuration.
fn is_toml(block: &Block) -> bool {
    let lines = || block.lines.iter().map(|line| line.trim());
    block.language.is_empty()
        && lines().any(|line| {
            let is_section = line.starts_with('[') && line.ends_with(']') && !line.contains(' ');
            let is_key = line
                .split_once(" = ")
                .is_some_and(|(key, _)| key.chars().all(|c| c.is_ascii_lowercase() || c == '_'));
            is_section || is_key
        })
}

/// Adds the sections that a fragment lacks.
fn complete(fragment: &str) -> String {
    let mut toml = format!("{fragment}\n");
    let network = fragment.split_once("[irc.").map(|(_, rest)| rest.split(']').next().unwrap());
    if network.is_none() {
        toml += "\n[irc.office]\nservers = [\"irc.example.org:6697\"]\n";
    }
    if !fragment.contains("[letschat]") {
        toml +=
            "\n[letschat]\nurl = \"https://chat.example.org\"\ntoken_file = \"letschat.token\"\n";
    }
    if !fragment.contains("[[link]]") {
        let network = network.unwrap_or("office");
        toml += &format!("\n[[link]]\nchannel = \"{network}/#dev\"\nroom = \"dev\"\n");
    }
    toml
}

/// Loads a configuration, with the files that it names.
fn load(toml: &str) -> Result<(), config::ConfigErrors> {
    let folder = tempfile::tempdir().unwrap();
    let certificate = rcgen::generate_simple_self_signed(["bridge".to_owned()]).unwrap();
    let pem = certificate.cert.pem() + &certificate.signing_key.serialize_pem();
    for line in toml.lines() {
        let Some((key, value)) = line.split_once(" = ") else { continue };
        let (key, name) = (key.trim_start_matches('#').trim(), value.split('"').nth(1));
        let (Some(name), true) = (name, key.ends_with("_file")) else { continue };
        let content = match key {
            "token_file" => TOKEN,
            "url_file" => "postgresql://letsbridge@db.example.org/letsbridge",
            "ca_file" | "cert_file" | "key_file" if name.contains(".pem") => &pem,
            _ => "secret",
        };
        fs::write(folder.path().join(name), content).unwrap();
    }
    let path = folder.path().join("bridge.toml");
    fs::write(&path, toml).unwrap();
    config::load(&path, std::iter::empty()).map(|_| ())
}
