//! What can be known about the flags before anything is connected to.

use super::arguments::secret_variable;
use super::draft::{SecretFile, Trust};
use super::irc::network_name;
use super::letschat::front_page;
use super::terminal::InitError;
use super::wizard::{Wizard, read_password};

impl Wizard<'_> {
    /// Makes sure that the flags make a valid configuration, as far as they go.
    pub(super) fn check_flags(&mut self) -> Result<(), InitError> {
        let before = self.draft.clone();
        let outcome = self.fill_in_flags().and_then(|()| self.settings().map(|_| ()));
        self.draft = before;
        outcome
    }

    fn fill_in_flags(&mut self) -> Result<(), InitError> {
        let flags = self.arguments.clone();
        let server = flags.irc_server.unwrap_or_default();
        let is_network_known = flags.irc_network.is_some() || !server.is_empty();
        self.draft.network = flags.irc_network.unwrap_or_else(|| network_name(&server));
        self.draft.server = server;
        self.draft.is_tls = flags.irc_tls.unwrap_or(true);
        self.draft.irc_trust = self.trust(flags.irc_pin.as_deref(), flags.irc_ca_file.as_deref());
        if flags.irc_tls == Some(false) && self.draft.irc_trust != Trust::System {
            let words = "--irc-pin and --irc-ca-file need TLS: leave out --irc-tls no";
            return Err(InitError::Usage(words.to_owned()));
        }
        let existing = |path| SecretFile::Existing(self.reference(path));
        let unknown = || SecretFile::New { file: String::new(), value: "unknown".into() };
        let server_password = flags.irc_password_file.as_deref().map(existing);
        let account_password = flags.irc_account_password_file.as_deref().map(existing);
        let token = flags.token_file.as_deref().map(existing);
        let from_variable =
            secret_variable("LETSCHAT_TOKEN").filter(|_| flags.letschat_user.is_none());
        self.draft.server_password = server_password;
        self.draft.account = flags.irc_account.filter(|it| !it.is_empty() && it != "-");
        if self.draft.account.is_some() {
            self.draft.account_password = Some(account_password.unwrap_or_else(unknown));
        }
        self.draft.token = token.or_else(|| {
            Some(SecretFile::New { file: String::new(), value: from_variable?.into() })
        });
        self.draft.nick = flags.nick.unwrap_or_default();
        self.draft.url = flags.letschat_url.as_deref().map(front_page).unwrap_or_default().0;
        let (pin, ca_file) = (flags.letschat_pin.as_deref(), flags.letschat_ca_file.as_deref());
        self.draft.letschat_trust = self.trust(pin, ca_file);
        if let Some(file) = &flags.letschat_password_file {
            read_password(file)?;
        }
        for link in &flags.link {
            let (channel, room) = split_link(link)?;
            // The network's name is taken from its server, which is not known yet.
            let after_network = || channel.rsplit_once('/').map(|(_, name)| name);
            let channel = after_network().filter(|_| !is_network_known).unwrap_or(channel);
            self.push_link(channel, room);
        }
        Ok(())
    }
}

/// The channel and the room of a link given as a flag.
pub(super) fn split_link(link: &str) -> Result<(&str, &str), InitError> {
    // A room's slug or id contains no "=", a channel's name may.
    let ends = link.rsplit_once('=').map(|(channel, room)| (channel.trim(), room.trim()));
    ends.filter(|(channel, room)| !channel.is_empty() && !room.is_empty()).ok_or_else(|| {
        InitError::Usage(format!(
            "--link: {link:?} is not #CHANNEL=ROOM; write it like \"#dev=dev\""
        ))
    })
}
