//! The course of `init`, and how an answer is taken and checked.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use secrecy::SecretString;

use super::arguments::{InitArgs, secret_variable};
use super::draft::{Draft, SecretFile, Trust};
use super::files;
use super::made::Made;
use super::terminal::{InitError, Terminal};
use crate::config::{ConfigErrors, Settings};

/// The maximum size of a file with a password, in bytes.
const MAX_LEN_SECRET: u64 = 4_096;

/// A run of `init`.
pub(super) struct Wizard<'a> {
    pub(super) arguments: InitArgs,
    pub(super) terminal: Terminal,
    pub(super) draft: Draft,
    /// What a failure has said about TLS on IRC.
    pub(super) advised_tls: Option<bool>,
    pub(super) made: &'a mut Made,
}

/// A secret to ask for.
pub(super) struct SecretQuestion {
    /// The file given as a flag.
    pub(super) given: Option<PathBuf>,
    pub(super) variable: Option<&'static str>,
    pub(super) question: String,
    /// The file to write it to.
    pub(super) file: String,
}

impl<'a> Wizard<'a> {
    pub(super) fn new(arguments: InitArgs, made: &'a mut Made) -> Self {
        let draft = Draft { path: arguments.config.clone(), ..Draft::default() };
        Self { arguments, terminal: Terminal::open(), draft, advised_tls: None, made }
    }

    /// Asks, tries, and writes.
    pub(super) async fn run(mut self) -> Result<(), InitError> {
        self.check_places()?;
        let missing = self.arguments.missing();
        if !self.terminal.is_interactive() && !missing.is_empty() {
            return Err(InitError::Usage(format!(
                "this is no terminal, so init cannot ask. Missing: {}",
                missing.join(", ")
            )));
        }
        self.choose_state_dir()?;
        self.check_flags()?;
        let channels = self.set_up_irc().await?;
        let letschat = self.set_up_letschat().await?;
        loop {
            self.set_up_links(&channels, &letschat).await?;
            if self.try_everything(&letschat).await? {
                break;
            }
            self.draft.links.clear();
        }
        self.finish(&letschat).await
    }

    /// Makes sure that nothing is in the way, before any question is asked.
    fn check_places(&self) -> Result<(), InitError> {
        let config = &self.arguments.config;
        if files::is_taken(config) {
            return Err(InitError::Usage(format!(
                "{} exists already, and init overwrites nothing: move it away, or choose another \
                 place with --config",
                config.display()
            )));
        }
        files::check_folder(config).map_err(InitError::Usage)?;
        if self.arguments.token_file.is_none() {
            self.check_free(
                &self.token_path(),
                "give it with --token-file if its token is valid, or \
                choose another place with --save-token",
            )?;
        }
        Ok(())
    }

    fn check_free(&self, path: &Path, help: &str) -> Result<(), InitError> {
        if files::is_taken(path) {
            let words = "exists already, and init overwrites nothing";
            return Err(InitError::Usage(format!("{} {words}: {help}", path.display())));
        }
        Ok(())
    }

    /// The file for a new token.
    pub(super) fn token_path(&self) -> PathBuf {
        let beside = self.arguments.config.with_file_name("letschat.token");
        self.arguments.save_token.clone().unwrap_or(beside)
    }

    fn choose_state_dir(&mut self) -> Result<(), InitError> {
        let is_system_wide =
            std::path::absolute(&self.arguments.config).is_ok_and(|path| path.starts_with("/etc"));
        self.draft.state_dir = match &self.arguments.state_dir {
            Some(directory) => Some(directory.clone()),
            None if is_system_wide => None,
            None => Some("state".to_owned()),
        };
        self.settings().map(|_| ())
    }

    /// The settings so far.
    pub(super) fn settings(&self) -> Result<Settings, InitError> {
        let settings = self.draft.settings().map(|(settings, _)| settings);
        settings.map_err(|errors| InitError::Usage(describe(&errors, true)))
    }

    /// Takes `given`, or asks, until the answer makes a valid configuration.
    pub(super) async fn answer(
        &mut self,
        given: Option<String>,
        question: &str,
        default: Option<&str>,
        set: impl Fn(&mut Draft, String),
    ) -> Result<(), InitError> {
        let mut given = given;
        loop {
            let answer = match (given.take(), default) {
                (Some(answer), _) => answer,
                (None, Some(default)) if !self.terminal.is_interactive() => default.to_owned(),
                (None, _) => self.terminal.ask(question, default).await?,
            };
            set(&mut self.draft, answer.trim().to_owned());
            match self.draft.settings() {
                Ok(_) => return Ok(()),
                Err(errors) if self.terminal.is_interactive() => {
                    println!("{}", describe(&errors, false));
                }
                Err(errors) => return Err(InitError::Usage(describe(&errors, true))),
            }
        }
    }

    /// Takes a secret from its file, from its variable, or from the terminal.
    pub(super) async fn secret(&mut self, wanted: SecretQuestion) -> Result<SecretFile, InitError> {
        if let Some(path) = wanted.given {
            return Ok(SecretFile::Existing(self.reference(&path)));
        }
        let value = match wanted.variable.and_then(secret_variable) {
            Some(value) => value.into(),
            None => self.terminal.ask_secret(&wanted.question).await?,
        };
        let path = self.arguments.config.with_file_name(&wanted.file);
        self.check_free(&path, "move it away, or name it as the file of this secret")?;
        Ok(SecretFile::New { file: wanted.file, value })
    }

    /// How the configuration names a file: relative to its own directory if it is there.
    pub(super) fn reference(&self, path: &Path) -> String {
        let folder = |path: &Path| files::folder_of(path).canonicalize().ok();
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        match path.file_name() {
            Some(name) if folder(path) == folder(&self.arguments.config) => {
                name.to_string_lossy().into_owned()
            }
            _ => absolute.to_string_lossy().into_owned(),
        }
    }

    /// How to verify a server, as the flags say.
    pub(super) fn trust(&self, pin: Option<&str>, ca_file: Option<&Path>) -> Trust {
        match (pin, ca_file) {
            (Some(pin), _) => Trust::Pin(pin.to_owned()),
            (None, Some(file)) => Trust::CaFile(self.reference(file)),
            (None, None) => Trust::System,
        }
    }

    /// After a failure: whether to go on with what there is. `false` if the questions are to be asked again.
    pub(super) fn may_continue(&self, words: String) -> Result<bool, InitError> {
        if self.arguments.accept_problems {
            println!("{words}");
            return Ok(true);
        }
        if !self.terminal.is_interactive() {
            return Err(InitError::Failed(words));
        }
        println!("{words}\nPlease answer again; Ctrl-C ends this without writing anything.");
        Ok(false)
    }
}

/// Reads a password for a login.
pub(super) fn read_password(path: &Path) -> Result<SecretString, InitError> {
    let mut text = String::new();
    let read =
        File::open(path).and_then(|file| file.take(MAX_LEN_SECRET).read_to_string(&mut text));
    match read {
        Ok(_) => Ok(text.trim_end_matches(['\r', '\n']).into()),
        Err(error) => {
            Err(InitError::Usage(format!("cannot read {} ({error}): fix the path", path.display())))
        }
    }
}

/// The flag for the value of a key, and the key's path as errors name it.
const FLAGS: &[(&str, &str)] = &[
    ("state_dir", "--state-dir"),
    ("letschat.url", "--letschat-url"),
    ("letschat.pin_sha256", "--letschat-pin"),
    ("letschat.ca_file", "--letschat-ca-file"),
    ("letschat.token", "the token"),
    ("servers", "--irc-server"),
    (".tls", "--irc-tls"),
    (".pin_sha256", "--irc-pin"),
    (".ca_file", "--irc-ca-file"),
    (".nick", "--nick"),
    (".account_password", "--irc-account-password-file"),
    (".account", "--irc-account"),
    (".password", "--irc-password-file"),
    ("link[", "--link"),
    ("irc.", "--irc-network"),
];

/// The errors, one per line: each with its flag, or without if it was just asked for.
pub(super) fn describe(errors: &ConfigErrors, with_flags: bool) -> String {
    let line = |error: &crate::config::Diagnostic| {
        let key = error.key.as_deref().unwrap_or_default();
        let flag = FLAGS.iter().find(|(part, _)| key.contains(part)).map(|(_, flag)| *flag);
        let words = format!("{}; {}", error.problem, error.help);
        match flag {
            Some(flag) if with_flags => format!("{flag}: {words}"),
            _ => words,
        }
    };
    errors.diagnostics().iter().map(line).collect::<Vec<_>>().join("\n")
}
