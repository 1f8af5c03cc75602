//! The configuration: the example in the repository is true, and mistakes are told all at once.
#![allow(clippy::unwrap_used, missing_docs)]

mod accounts;
mod admin;
mod announcements;
mod archive;
mod canary;
mod errors;
mod example;
mod format;
mod layers;
mod links;
mod login;
mod progress;
mod properties;
mod secrets;
mod store;
mod user_map;
mod web;

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use letsbridge::config::{
    self, CatchUpPolicy, ConfigErrors, Diagnostic, LogOutput, Origin, SenderMode, Settings,
    TlsTrust, UnconfirmedPolicy,
};
use letsbridge::domain::{Endpoint, FloodControl};
use proptest::prelude::*;
use proptest::sample::Index;
use secrecy::ExposeSecret;
use tempfile::TempDir;

const EXAMPLE: &str = include_str!("../../bridge.toml.example");
/// base64 of 24 and 48 hexadecimal digits.
const TOKEN: &str = "NTZiOWQyYzdhMWIyYzNkNGU1ZjYwNzE4OjAwMTEyMjMzNDQ1NTY2Nzc4ODk5YWFiYmNjZGRlZWZm\
                     MDAxMTIyMzM0NDU1NjY3Nw==";
const MINIMAL: &str = r##"
[irc.office]
servers = ["irc.example.org:6697"]

[letschat]
url = "https://chat.example.org"
token_file = "letschat.token"

[[link]]
channel = "office/#dev"
room = "dev"
"##;

/// The token of the user whose id is made of these two digits.
fn token(digits: &str) -> String {
    let text = format!("{}:{}", digits.repeat(12), "f9".repeat(24));
    base64::Engine::encode(&base64::engine::general_purpose::STANDARD, text)
}

/// A folder with a configuration and the files that it names.
struct ConfigFixture {
    folder: TempDir,
    environment: Vec<(String, String)>,
}

impl ConfigFixture {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        // Nobody else's to read.
        #[cfg(unix)]
        fs::set_permissions(&folder, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
        let desk = Self { folder, environment: Vec::new() };
        desk.file("letschat.token", format!("{TOKEN}\n"))
    }

    fn file(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        fs::write(self.folder.path().join(name), content).unwrap();
        self
    }

    fn variable(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    fn load(&self, text: &str) -> Result<(Settings, Vec<Diagnostic>), ConfigErrors> {
        let path = self.folder.path().join("bridge.toml");
        fs::write(&path, text).unwrap();
        config::load(&path, self.environment.iter().cloned())
    }

    /// The settings, if nothing is amiss at all.
    #[track_caller]
    fn settings(&self, text: &str) -> Settings {
        match self.load(text) {
            Ok((settings, warnings)) => {
                assert_eq!(self.lines(&warnings), [""; 0], "{text}");
                settings
            }
            Err(mistakes) => panic!("{mistakes}\n{text}"),
        }
    }

    #[track_caller]
    fn assert_errors(&self, text: &str, expected: &[&str]) {
        match self.load(text) {
            Ok((settings, _)) => panic!("no mistake in {text}\n{settings:#?}"),
            Err(mistakes) => {
                assert_eq!(self.lines(mistakes.diagnostics()), expected, "{text}\n{mistakes}");
                assert_eq!(mistakes.to_string().lines().count(), expected.len());
            }
        }
    }

    #[track_caller]
    fn assert_warnings(&self, text: &str, expected: &[&str]) {
        let (_, warnings) = self.load(text).unwrap();
        assert_eq!(self.lines(&warnings), expected, "{text}");
    }

    /// Diagnostics as people see them who are in the folder.
    fn lines(&self, diagnostics: &[Diagnostic]) -> Vec<String> {
        let folder = format!("{}/", self.folder.path().display());
        diagnostics.iter().map(|line| line.to_string().replace(&folder, "")).collect()
    }
}

/// The minimal configuration with lines added to its sections.
fn with(network: &str, letschat: &str, link: &str) -> String {
    MINIMAL
        .replace("\n[letschat]", &format!("{network}\n[letschat]"))
        .replace("\n[[link]]", &format!("{letschat}\n[[link]]"))
        + link
}

fn display_groups(conversations: &[Vec<Endpoint>]) -> Vec<String> {
    let join = |places: &Vec<Endpoint>| {
        places.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    };
    conversations.iter().map(join).collect()
}

fn certificate() -> String {
    rcgen::generate_simple_self_signed(["irc.example.org".to_owned()]).unwrap().cert.pem()
}

/// A certificate and its key.
fn client_certificate() -> String {
    let own = rcgen::generate_simple_self_signed(["bridge".to_owned()]).unwrap();
    own.cert.pem() + &own.signing_key.serialize_pem()
}

/// The key of a line of the example, and the line without its mark.
fn commented_key(line: &'static str, mark: &str) -> Option<(&'static str, &'static str)> {
    let line = line.strip_prefix(mark)?;
    let (key, _) = line.split_once(" = ")?;
    let is_key = |key: &str| key.chars().all(|c| c == '_' || c.is_ascii_alphanumeric());
    is_key(key).then_some((key, line))
}
