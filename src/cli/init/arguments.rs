//! The arguments of `letsbridge init`: an answer to each of its questions.

use std::path::PathBuf;

use clap::Args;

/// The answers given on the command line. `init` asks for the rest.
#[derive(Debug, Clone, Default, Args)]
#[command(
    after_help = "Without a terminal, init asks nothing: it needs --irc-server, --letschat-url, \
                  --link, and --letschat-user or a token. Passwords and tokens are never arguments: \
                  init reads them from a file, from a variable (IRC_PASSWORD, \
                  IRC_ACCOUNT_PASSWORD, LETSCHAT_PASSWORD, LETSCHAT_TOKEN), or from the terminal.\n\n\
                  Exit status: 0 done; 1 something does not work; 2 an argument is wrong or missing, \
                  or a file exists already; 130 interrupted. Unless it is 0, nothing was written."
)]
pub(in crate::cli) struct InitArgs {
    /// Configuration file to write
    #[arg(long, short, default_value = "bridge.toml", env = "LETSBRIDGE_CONFIG")]
    pub(super) config: PathBuf,
    /// Directory for the database [default: /var/lib/letsbridge if the file is below /etc, else state]
    #[arg(long, value_name = "DIR")]
    pub(super) state_dir: Option<String>,
    /// IRC server
    #[arg(long, value_name = "HOST[:PORT]")]
    pub(super) irc_server: Option<String>,
    /// Encrypt the connection to IRC [default: no for port 6667, else yes]
    #[arg(long, value_name = "yes|no", value_parser = yes_or_no)]
    pub(super) irc_tls: Option<bool>,
    /// Accept only the certificate with this SHA-256 fingerprint on IRC
    #[arg(long, value_name = "SHA256", conflicts_with = "irc_ca_file")]
    pub(super) irc_pin: Option<String>,
    /// Accept only certificates on IRC that this authority has signed
    #[arg(long, value_name = "FILE")]
    pub(super) irc_ca_file: Option<PathBuf>,
    /// Name of the IRC network in the configuration [default: from the server's name]
    #[arg(long, value_name = "NAME")]
    pub(super) irc_network: Option<String>,
    /// File with the password of the IRC server
    #[arg(long, value_name = "FILE")]
    pub(super) irc_password_file: Option<PathBuf>,
    /// Nick of the bridge on IRC [default: letsbridge]
    #[arg(long)]
    pub(super) nick: Option<String>,
    /// Account on IRC to log in to; "" for none
    #[arg(long, value_name = "NAME")]
    pub(super) irc_account: Option<String>,
    /// File with the password of that account
    #[arg(long, value_name = "FILE", requires = "irc_account")]
    pub(super) irc_account_password_file: Option<PathBuf>,
    /// Address of Let's Chat, as in the browser
    #[arg(long, value_name = "URL")]
    pub(super) letschat_url: Option<String>,
    /// Accept only the certificate with this SHA-256 fingerprint of Let's Chat
    #[arg(long, value_name = "SHA256", conflicts_with = "letschat_ca_file")]
    pub(super) letschat_pin: Option<String>,
    /// Accept only certificates of Let's Chat that this authority has signed
    #[arg(long, value_name = "FILE")]
    pub(super) letschat_ca_file: Option<PathBuf>,
    /// User name of the bridge's account in Let's Chat, to make a token; it revokes an earlier one
    #[arg(long, value_name = "NAME", conflicts_with = "token_file")]
    pub(super) letschat_user: Option<String>,
    /// File with the password of that account
    #[arg(long, value_name = "FILE", requires = "letschat_user")]
    pub(super) letschat_password_file: Option<PathBuf>,
    /// File with a token of that account, instead of its password
    #[arg(long, value_name = "FILE")]
    pub(super) token_file: Option<PathBuf>,
    /// File to keep the new token in [default: letschat.token beside the configuration]
    #[arg(long, value_name = "FILE", conflicts_with = "token_file")]
    pub(super) save_token: Option<PathBuf>,
    /// Link a channel with a room; can be repeated
    #[arg(long, value_name = "#CHANNEL=ROOM")]
    pub(super) link: Vec<String>,
    /// Create the rooms that do not exist
    #[arg(long)]
    pub(super) create_rooms: bool,
    /// Write the configuration even if something does not work yet
    #[arg(long)]
    pub(super) accept_problems: bool,
}

impl InitArgs {
    /// The flags that are missing if nothing can be asked.
    pub(super) fn missing(&self) -> Vec<&'static str> {
        let token = self.token_file.is_some() || secret_variable("LETSCHAT_TOKEN").is_some();
        let password =
            self.letschat_password_file.is_some() || secret_variable("LETSCHAT_PASSWORD").is_some();
        let account_password = self.irc_account_password_file.is_some()
            || secret_variable("IRC_ACCOUNT_PASSWORD").is_some();
        let account = self.irc_account.as_ref().is_some_and(|name| !name.is_empty());
        [
            (self.irc_server.is_none(), "--irc-server"),
            (
                account && !account_password,
                "--irc-account-password-file (or the variable IRC_ACCOUNT_PASSWORD)",
            ),
            (self.letschat_url.is_none(), "--letschat-url"),
            (
                self.letschat_user.is_none() && !token,
                "--letschat-user or --token-file (or the variable LETSCHAT_TOKEN)",
            ),
            (
                self.letschat_user.is_some() && !password,
                "--letschat-password-file (or the variable LETSCHAT_PASSWORD)",
            ),
            (self.link.is_empty(), "--link"),
        ]
        .into_iter()
        .filter_map(|(missing, flag)| missing.then_some(flag))
        .collect()
    }
}

/// The value of a variable with a secret, if it is set.
pub(super) fn secret_variable(name: &str) -> Option<String> {
    let value = std::env::var(name).ok()?;
    Some(value.trim_end_matches(['\r', '\n']).to_owned()).filter(|value| !value.is_empty())
}

/// Parses "yes" or "no", as people type them.
pub(super) fn yes_or_no(text: &str) -> Result<bool, String> {
    match text.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" | "true" => Ok(true),
        "n" | "no" | "false" => Ok(false),
        _ => Err("write yes or no".to_owned()),
    }
}
