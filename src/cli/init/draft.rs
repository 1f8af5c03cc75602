//! The configuration as far as it is known, and how it is written.

use std::fmt::Write as _;
use std::path::PathBuf;

use secrecy::{ExposeSecret, SecretString};

use crate::config;
use crate::config::{ConfigErrors, Diagnostic, Settings};

/// Stands for the token until there is one: base64 of a user id and a secret, all zeros.
const NO_TOKEN: &str = "MDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwOjAwMDAwMDAwMDAwMDAwMDAwMDAw\
                        MDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMA==";

/// The answers so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Draft {
    /// The file to write.
    pub(super) path: PathBuf,
    pub(super) state_dir: Option<String>,
    pub(super) network: String,
    pub(super) server: String,
    pub(super) is_tls: bool,
    pub(super) irc_trust: Trust,
    pub(super) server_password: Option<SecretFile>,
    pub(super) nick: String,
    pub(super) account: Option<String>,
    pub(super) account_password: Option<SecretFile>,
    pub(super) url: String,
    pub(super) letschat_trust: Trust,
    pub(super) token: Option<SecretFile>,
    pub(super) links: Vec<LinkDraft>,
}

/// How to verify a server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Trust {
    #[default]
    System,
    /// A fingerprint.
    Pin(String),
    /// The path of a file with an authority, relative to the configuration.
    CaFile(String),
}

/// A password or token, and the file that the configuration names for it, relative to the configuration.
#[derive(Debug, Clone)]
pub(super) enum SecretFile {
    /// In a file that exists.
    Existing(String),
    /// The file is still to be written.
    New { file: String, value: SecretString },
}

/// A link, with the names as they were given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LinkDraft {
    /// The channel, without the network.
    pub(super) channel: String,
    pub(super) room: String,
    /// Whether the room is still to be created.
    pub(super) is_new_room: bool,
}

/// Where secrets stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SecretPlace {
    /// In the configuration itself, to try it before any file is written.
    Inline,
    InFiles,
}

impl Draft {
    /// The settings that the answers make, with a stand-in for each answer that is missing.
    pub(super) fn settings(&self) -> Result<(Settings, Vec<Diagnostic>), ConfigErrors> {
        let mut whole = self.clone();
        let missing = |text: &mut String, stand_in: &str| {
            if text.is_empty() {
                stand_in.clone_into(text);
            }
        };
        missing(&mut whole.network, "irc");
        missing(&mut whole.server, "localhost");
        missing(&mut whole.nick, "letsbridge");
        missing(&mut whole.url, "http://localhost");
        let no_token = || SecretFile::New { file: String::new(), value: NO_TOKEN.into() };
        whole.token.get_or_insert_with(no_token);
        if whole.links.is_empty() {
            let (channel, room) = ("#letsbridge".to_owned(), "letsbridge".to_owned());
            whole.links.push(LinkDraft { channel, room, is_new_room: false });
        }
        config::read(&whole.render(SecretPlace::Inline), &whole.path, std::iter::empty())
    }

    /// The content of the file.
    pub(super) fn to_toml(&self) -> String {
        self.render(SecretPlace::InFiles)
    }

    /// The secrets whose files are still to be written, with the names of these files.
    pub(super) fn new_secrets(&self) -> Vec<(&str, &SecretString)> {
        let secrets = [&self.server_password, &self.account_password, &self.token];
        let mut new = Vec::new();
        for secret in secrets.into_iter().flatten() {
            if let SecretFile::New { file, value } = secret {
                new.push((file.as_str(), value));
            }
        }
        new
    }

    fn render(&self, secrets: SecretPlace) -> String {
        let mut toml = String::from(
            "# Configuration of letsbridge, written by `letsbridge init`. bridge.toml.example explains \
             every key.\n# After a change, run `letsbridge check`.\n\n",
        );
        if let Some(directory) = &self.state_dir {
            toml += "# The directory of the database.\n";
            push(&mut toml, "state_dir", directory);
            toml.push('\n');
        }
        self.render_network(&mut toml, secrets);
        toml += "\n[letschat]\n";
        push(&mut toml, "url", &self.url);
        push_trust(&mut toml, &self.letschat_trust);
        if secrets == SecretPlace::InFiles {
            toml += "# The API token of the bridge's account.\n";
        }
        push_secret(&mut toml, "token", self.token.as_ref(), secrets);
        toml += "\n# A section per link between a channel and a room. Copy it to add another.\n";
        for link in &self.links {
            toml += "[[link]]\n";
            push(&mut toml, "channel", &format!("{}/{}", self.network, link.channel));
            push(&mut toml, "room", &link.room);
            toml.push('\n');
        }
        toml.truncate(toml.trim_end().len());
        toml.push('\n');
        toml
    }

    fn render_network(&self, toml: &mut String, secrets: SecretPlace) {
        // A key with other characters than these is refused in any case, and then named.
        let _ = writeln!(toml, "[irc.{}]", quote_key(&self.network));
        let _ = writeln!(toml, "servers = [{}]", quote(&self.server));
        if !self.is_tls {
            *toml += "# The connection is not encrypted.\ntls = false\n";
        }
        push_trust(toml, &self.irc_trust);
        push_secret(toml, "password", self.server_password.as_ref(), secrets);
        *toml += "# The bridge's nick.\n";
        push(toml, "nick", &self.nick);
        if let Some(account) = &self.account {
            *toml += "# The account that the bridge logs in to.\n";
            push(toml, "account", account);
        }
        push_secret(toml, "account_password", self.account_password.as_ref(), secrets);
    }
}

fn push(toml: &mut String, key: &str, value: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(toml, "{key} = {}", quote(value));
}

fn push_secret(toml: &mut String, key: &str, secret: Option<&SecretFile>, secrets: SecretPlace) {
    match (secret, secrets) {
        (Some(SecretFile::New { value, .. }), SecretPlace::Inline) => {
            push(toml, key, value.expose_secret());
        }
        (Some(SecretFile::New { file, .. } | SecretFile::Existing(file)), _) => {
            push(toml, &format!("{key}_file"), file);
        }
        (None, _) => {}
    }
}

fn push_trust(toml: &mut String, trust: &Trust) {
    match trust {
        Trust::System => {}
        Trust::Pin(pin) => {
            *toml += "# Accept only this certificate.\n";
            push(toml, "pin_sha256", pin);
        }
        Trust::CaFile(file) => {
            *toml += "# Accept only certificates that this authority has signed.\n";
            push(toml, "ca_file", file);
        }
    }
}

/// `text` as a basic string of TOML.
fn quote(text: &str) -> String {
    let mut quoted = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => {
                let _ = write!(quoted, "\\u{:04X}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// `text` as a key of TOML.
fn quote_key(text: &str) -> String {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !text.is_empty() && text.chars().all(is_bare) { text.to_owned() } else { quote(text) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn secret(value: &str, file: &str) -> Option<SecretFile> {
        Some(SecretFile::New { file: file.to_owned(), value: value.into() })
    }

    fn draft() -> Draft {
        Draft {
            path: "/nowhere/bridge.toml".into(),
            state_dir: Some("state".to_owned()),
            network: "example".to_owned(),
            server: "irc.example.org:6697".to_owned(),
            is_tls: true,
            irc_trust: Trust::Pin("ab".repeat(32)),
            server_password: secret("say \"open\"\\", "example.password"),
            nick: "bridge".to_owned(),
            account: Some("bridge".to_owned()),
            account_password: secret("p4\u{7f}ss", "example.account"),
            url: "https://chat.example.org/".to_owned(),
            letschat_trust: Trust::System,
            token: None,
            links: vec![LinkDraft {
                channel: "#dev\"".to_owned(),
                room: "dev".to_owned(),
                is_new_room: false,
            }],
        }
    }

    #[test]
    fn nothing_given_is_a_valid_configuration() {
        let empty = Draft { path: "/nowhere/bridge.toml".into(), ..Draft::default() };
        let (settings, _) = empty.settings().unwrap();
        assert_eq!(settings.networks[0].nick, "letsbridge");
    }

    #[test]
    fn answers_are_read_back_as_they_were_given() {
        let (settings, warnings) = draft().settings().unwrap();
        let network = &settings.networks[0];
        assert_eq!(network.servers[0].to_string(), "irc.example.org:6697");
        let password = network.password.as_ref().unwrap();
        assert_eq!(password.expose_secret(), "say \"open\"\\");
        let account = network.account.as_ref().unwrap();
        assert_eq!(account.password.as_ref().unwrap().expose_secret(), "p4\u{7f}ss");
        assert_eq!(network.channels[0].name, "#dev\"");
        assert!(warnings.is_empty(), "{warnings:?}");
    }

    #[test]
    fn the_file_contains_no_secret() {
        let draft = Draft { token: secret(NO_TOKEN, "letschat.token"), ..draft() };
        let toml = draft.to_toml();
        for (key, secret) in [("password_file", "open"), ("token_file", NO_TOKEN)] {
            assert!(toml.contains(key) && !toml.contains(secret), "{toml}");
        }
        assert_eq!(draft.new_secrets().len(), 3);
    }
}
