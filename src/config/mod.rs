//! Loads the configuration file and the environment variables into [`Settings`].
//!
//! ```text
//! bridge.toml ─▶ document ─┐
//!                          ├─ config ─▶ tree ─▶ sections: one at a time ─▶ Settings, warnings
//! LETSBRIDGE__… ─▶ environment                    └─ each value by `parse` ─▶ or ConfigErrors
//! ```
//!
//! A key needs one line in its section's reader (`sections`) and one in [`Settings`]. The list of
//! known keys comes from the readers. Readers do not stop at an error: they report it and continue
//! with the default.

mod accounts;
mod archive;
mod changes;
mod charset_setting;
mod cluster;
mod diagnostic;
mod document;
mod entry;
mod environment;
mod keys;
mod link_graph;
mod link_set;
mod loader;
mod meant;
mod network;
mod parse;
mod progress;
mod reader;
mod secret;
mod sections;
mod sender_mode;
mod settings;
mod types;

use std::io::Read;
use std::path::{Path, PathBuf};

pub use accounts::{
    AccountPresence, AccountSettings, AccountsFor, LetsChatSenderMode, PersonSettings,
};
pub use archive::ArchiveSettings;
pub use cluster::ClusterSettings;
pub use diagnostic::{ConfigErrors, Diagnostic, Origin};
pub use network::{
    ClientCertificate, IrcAccount, NickservSettings, ProxyKind, ProxySettings, RegainCommand,
    SaslPolicy,
};
pub use progress::ProgressSettings;
pub use secret::read_pem;
pub use sender_mode::{PuppetSettings, SenderMode, WebircSettings};
pub use settings::{
    AdminSettings, CanarySettings, CatchUpPolicy, CertificatePin, ChannelSettings, HostPort,
    LetsChatSettings, Link, LogOutput, LogSettings, NetworkSettings, RoomSettings, Settings,
    StoreSettings, TlsTrust, UnconfirmedPolicy, WebSettings,
};

use self::document::Document;
use self::environment::Environment;
use self::keys::KnownKey;
use self::secret::NotUtf8;
use loader::{BaseDirs, Loader};

/// Loads the configuration file at `path`, the variables of `environment`, and the files with
/// secrets that they name. Returns the settings and the warnings.
///
/// # Errors
///
/// All errors at once; if the file is unreadable or not TOML, only that one.
pub fn load(
    path: &Path,
    environment: impl Iterator<Item = (String, String)>,
) -> Result<(Settings, Vec<Diagnostic>), ConfigErrors> {
    let name = path.display().to_string();
    let text = read_config_file(path, &name)?;
    read(&text, path, environment)
}

/// Like [`load`], with `text` as the content of the file at `path`, which need not exist.
///
/// # Errors
///
/// As [`load`].
pub fn read(
    text: &str,
    path: &Path,
    environment: impl Iterator<Item = (String, String)>,
) -> Result<(Settings, Vec<Diagnostic>), ConfigErrors> {
    let name = path.display().to_string();
    let mut document = Document::parse(&name, text)?;
    let environment = Environment::new(environment);
    let known = collect_known_keys();
    let (over, unknown_keys) = environment.to_table(&document.network_names(), &known);
    document.overlay(over);
    let folders = BaseDirs {
        config_file: path.to_owned(),
        state_dir: environment.state_dir,
        credentials_dir: environment.credentials_dir,
    };
    let (reading, settings, mistakes) = read_with_corrections(document, &folders, &known);
    let mut findings = reading.diagnostics.into_inner();
    mistakes.into_iter().chain(unknown_keys).for_each(|mistake| findings.push_error(mistake));
    findings.into_result(settings)
}

/// The state directory that the file at `path` and the variables of `environment` name, whatever else is wrong with
/// them.
///
/// # Errors
/// If the file is unreadable, or the key is no path.
pub fn state_dir(
    path: &Path,
    environment: impl Iterator<Item = (String, String)>,
) -> Result<PathBuf, ConfigErrors> {
    let name = path.display().to_string();
    let text = read_config_file(path, &name)?;
    let (mut document, _) = Document::parse_anyway(&name, &text);
    let environment = Environment::new(environment);
    let (over, _) = environment.to_table(&document.network_names(), &collect_known_keys());
    document.overlay(over);
    let folders = BaseDirs {
        config_file: path.to_owned(),
        state_dir: environment.state_dir,
        credentials_dir: None,
    };
    let loader = Loader { document, base_dirs: folders, ..Loader::default() };
    let found = sections::state_dir(&loader);
    Ok(loader.diagnostics.into_inner().into_result(found)?.0)
}

/// The state directory without a configuration: the one that systemd gives, or else the usual one.
#[must_use]
pub fn default_state_dir(environment: impl Iterator<Item = (String, String)>) -> PathBuf {
    Environment::new(environment).state_dir.unwrap_or_else(sections::usual_state_dir)
}

/// Checks a level or a filter of the log.
///
/// # Errors
/// What is wrong with it, and what would do.
pub fn check_log_filter(text: &str) -> Result<(), String> {
    parse::log_filter(text).map(drop).map_err(|error| format!("{}; {}", error.problem, error.help))
}

/// The maximum number of unknown keys to correct: each guess loads the file again.
const MAX_GUESSES: usize = 20;

/// Loads a document, with its unknown keys corrected, and an error for each of those.
fn read_with_corrections(
    mut document: Document,
    folders: &BaseDirs,
    known: &[KnownKey],
) -> (Loader, Option<Settings>, Vec<Diagnostic>) {
    let begin = |document| Loader {
        document,
        base_dirs: folders.clone(),
        known_keys: known.to_vec(),
        ..Loader::default()
    };
    let mut mistakes = Vec::new();
    for meant in [meant::fix_letschat_as_network, meant::fix_unnamed_network] {
        if let Some((mistake, meant)) = meant(&document) {
            mistakes.push(mistake);
            document = meant;
        }
    }
    loop {
        let reading = begin(document);
        let settings = sections::settings(&reading);
        let unknown = reading.unknown_keys.borrow().first().cloned();
        let Some(unknown) = unknown else { return (reading, settings, mistakes) };
        let again = |document| {
            let reading = begin(document);
            // Only the loader's errors matter here.
            let _ = sections::settings(&reading);
            reading
        };
        let meaning = match mistakes.len() < MAX_GUESSES {
            true => meant::find_correction(&unknown, &reading, again),
            false => meant::without_correction(&unknown, &reading.document),
        };
        let path = document::child_path(&unknown.section, &unknown.name);
        let value = reading.document.value(&unknown.section, &unknown.name);
        mistakes.push(Diagnostic {
            origin: reading.document.origin(&path, value.as_ref()),
            key: Some(path),
            problem: "unknown key".to_owned(),
            help: meaning.help,
        });
        document = meaning.document;
    }
}

/// All known keys, as `shutdown_timeout`, `letschat.url`, `irc.*.nick` or `link[].room`.
#[must_use]
pub fn known_keys() -> Vec<String> {
    collect_known_keys().iter().map(ToString::to_string).collect()
}

/// The keys that the readers ask for in a document with one section of each kind.
fn collect_known_keys() -> Vec<KnownKey> {
    let one_of_each = Document::parse("", "[irc.any]\n[[link]]\n").expect("this is TOML");
    let reading = Loader { document: one_of_each, ..Loader::default() };
    // The errors of this document do not matter.
    let _ = sections::settings(&reading);
    let mut known = reading.requested_keys.into_inner();
    known.sort_unstable();
    known.dedup();
    known
}

fn read_config_file(path: &Path, name: &str) -> Result<String, ConfigErrors> {
    let mistake = |line, found: String, remedy: &str| {
        let origin = Origin::File { file: name.into(), line, column: None };
        ConfigErrors::from(Diagnostic {
            origin,
            key: None,
            problem: found,
            help: remedy.to_owned(),
        })
    };
    let mut bytes = Vec::new();
    let read = secret::open_file(path).and_then(|mut file| file.read_to_end(&mut bytes));
    read.map_err(|error| {
        if error.kind() == std::io::ErrorKind::NotFound {
            let remedy = "write one with `letsbridge init`, or name another with --config";
            return mistake(None, "there is no such file".to_owned(), remedy);
        }
        let remedy = "make the file readable by the bridge's user";
        mistake(None, format!("cannot read the configuration ({error})"), remedy)
    })?;
    let newlines = |good: &[u8]| 1 + good.iter().filter(|byte| **byte == b'\n').count();
    let copy = bytes.clone();
    secret::decode_utf8(bytes).map_err(|other| {
        let line = match other {
            NotUtf8::Utf16 => None,
            NotUtf8::Invalid(end) => Some(newlines(&copy[..end])),
        };
        mistake(
            line,
            format!("this is {}", other.problem()),
            &format!("{}, as TOML requires", other.help()),
        )
    })
}
