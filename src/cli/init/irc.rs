//! The questions about IRC, answered by logging in and listing the channels.

use std::path::PathBuf;

use super::arguments::secret_variable;
use super::draft::{SecretFile, Trust};
use super::terminal::InitError;
use super::wizard::{SecretQuestion, Wizard};
use crate::cli::check;
use crate::config::{HostPort, Settings};
use crate::net::certificate;
use crate::net::tls::RejectedCert;
use crate::service;
use crate::service::{ChannelList, ServerReport};

/// What to do after an attempt to log in.
enum LoginOutcome {
    Done(ChannelList),
    /// Something has changed that may help.
    TryAgain,
    AskAgain,
}

impl Wizard<'_> {
    /// Asks until a login works. Returns the channels that there are.
    pub(super) async fn set_up_irc(&mut self) -> Result<ChannelList, InitError> {
        let mut is_first = true;
        loop {
            self.ask_for_irc(is_first).await?;
            is_first = false;
            loop {
                match self.try_irc().await? {
                    LoginOutcome::Done(channels) => return Ok(channels),
                    LoginOutcome::TryAgain => {}
                    LoginOutcome::AskAgain => break,
                }
            }
        }
    }

    /// Asks for the server, the nick and the account. The flags count the first time only.
    async fn ask_for_irc(&mut self, is_first: bool) -> Result<(), InitError> {
        let mut given = self.arguments.clone();
        if is_first {
            self.draft.server_password = self.given_server_password().await?;
            let (pin, ca_file) = (given.irc_pin.as_deref(), given.irc_ca_file.as_deref());
            self.draft.irc_trust = self.trust(pin, ca_file);
        } else {
            (given.irc_server, given.irc_tls, given.nick) = (None, None, None);
            (given.irc_account, self.draft.irc_trust) = (None, Trust::System);
        }
        let default = Some(self.draft.server.clone()).filter(|server| !server.is_empty());
        // The port decides whether TLS is likely; the key is checked together with the answer.
        self.draft.is_tls = given.irc_tls.unwrap_or(true);
        let question = "IRC server (host, or host:port)";
        self.answer(given.irc_server, question, default.as_deref(), |draft, it| draft.server = it)
            .await?;
        let network = match &given.irc_network {
            Some(name) => name.clone(),
            None => network_name(&self.draft.server),
        };
        self.answer(
            Some(network),
            "Name of the network in the configuration",
            None,
            |draft, it| draft.network = it,
        )
        .await?;
        self.ask_for_tls(given.irc_tls).await?;
        let default = Some(self.draft.nick.clone()).filter(|nick| !nick.is_empty());
        let default = default.as_deref().unwrap_or("letsbridge");
        self.answer(given.nick, "Nick of the bridge", Some(default), |draft, it| draft.nick = it)
            .await?;
        self.ask_for_account(given.irc_account, is_first).await?;
        self.settings().map(|_| ())
    }

    async fn ask_for_tls(&mut self, given: Option<bool>) -> Result<(), InitError> {
        let likely = !self.draft.server.ends_with(":6667");
        let likely = self.advised_tls.take().unwrap_or(likely);
        self.draft.is_tls = match given {
            Some(tls) => tls,
            None if self.terminal.is_interactive() => {
                self.terminal.confirm("Encrypt the connection with TLS?", likely).await?
            }
            None => likely,
        };
        Ok(())
    }

    async fn ask_for_account(
        &mut self,
        given: Option<String>,
        is_first: bool,
    ) -> Result<(), InitError> {
        let before = self.draft.account.clone().unwrap_or_default();
        let account = match given {
            Some(account) => account,
            None if self.terminal.is_interactive() => {
                let question = "Account on IRC to log in to, - for none";
                let default = if before.is_empty() { "-" } else { &before };
                self.terminal.ask(question, Some(default)).await?
            }
            None => String::new(),
        };
        (self.draft.account, self.draft.account_password) = (None, None);
        if account.is_empty() || account == "-" {
            return Ok(());
        }
        let password = SecretQuestion {
            given: self.arguments.irc_account_password_file.clone().filter(|_| is_first),
            variable: is_first.then_some("IRC_ACCOUNT_PASSWORD"),
            question: format!("Password of the account {account}"),
            file: "irc.account".to_owned(),
        };
        self.draft.account_password = Some(self.secret(password).await?);
        self.draft.account = Some(account);
        Ok(())
    }

    /// The server's password, if it was given. It is asked for only if the server wants one.
    async fn given_server_password(&mut self) -> Result<Option<SecretFile>, InitError> {
        let given = self.arguments.irc_password_file.clone();
        if given.is_none() && secret_variable("IRC_PASSWORD").is_none() {
            return Ok(None);
        }
        self.server_password(given, Some("IRC_PASSWORD")).await.map(Some)
    }

    async fn server_password(
        &mut self,
        given: Option<PathBuf>,
        variable: Option<&'static str>,
    ) -> Result<SecretFile, InitError> {
        let question = "Password of the IRC server".to_owned();
        let file = "irc.password".to_owned();
        self.secret(SecretQuestion { given, variable, question, file }).await
    }

    /// Logs in, and lists the channels.
    async fn try_irc(&mut self) -> Result<LoginOutcome, InitError> {
        let settings = self.settings()?;
        println!("connecting to {} …", settings.networks[0].servers[0]);
        let (report, channels) =
            service::survey(&settings, self.arguments.link.is_empty(), &[]).await;
        let report = &report.servers[0];
        let nick = &settings.networks[0].nick;
        let (works, words) = check::describe_login(report, Some(nick));
        let words = format!("{}: {words}", report.peer);
        if !works {
            return self.after_failure(&settings, words).await;
        }
        println!("{words}");
        if is_other_nick(report, nick)
            && self.terminal.is_interactive()
            && !self.terminal.confirm("Keep the nick all the same?", true).await?
        {
            return Ok(LoginOutcome::AskAgain);
        }
        Ok(LoginOutcome::Done(channels))
    }

    async fn after_failure(
        &mut self,
        settings: &Settings,
        words: String,
    ) -> Result<LoginOutcome, InitError> {
        let server = &settings.networks[0].servers[0];
        if let Some(certificate) = self.untrusted_certificate(server).await {
            return match self.offer_pin(&certificate, &words).await? {
                Some(pin) => {
                    self.draft.irc_trust = pin;
                    Ok(LoginOutcome::TryAgain)
                }
                None => self.give_up(format!("{words}, or with --irc-pin here")),
            };
        }
        let wants_password = words.contains("wrong server password");
        if wants_password && self.terminal.is_interactive() {
            println!("{words}");
            // The file or variable, if there was one, has the wrong password.
            self.draft.server_password = Some(self.server_password(None, None).await?);
            return Ok(LoginOutcome::TryAgain);
        }
        match advised_tls(&words) {
            Some(tls) if tls != self.draft.is_tls => self.after_wrong_tls(words, tls),
            _ => self.give_up(words),
        }
    }

    /// The server does the opposite of what was answered about TLS.
    fn after_wrong_tls(&mut self, words: String, tls: bool) -> Result<LoginOutcome, InitError> {
        if !self.terminal.is_interactive() {
            let answer = if tls { "yes" } else { "no" };
            return self.give_up(format!("{words}; here: --irc-tls {answer}"));
        }
        self.advised_tls = Some(tls);
        self.give_up(words)
    }

    fn give_up(&self, words: String) -> Result<LoginOutcome, InitError> {
        Ok(match self.may_continue(words)? {
            true => LoginOutcome::Done(ChannelList::default()),
            false => LoginOutcome::AskAgain,
        })
    }

    async fn untrusted_certificate(&self, server: &HostPort) -> Option<RejectedCert> {
        if !self.draft.is_tls || self.draft.irc_trust != Trust::System {
            return None;
        }
        certificate::untrusted_certificate(&server.host, server.port).await
    }

    /// Offers to accept only `certificate` from now on, if a pin can help.
    pub(super) async fn offer_pin(
        &mut self,
        certificate: &RejectedCert,
        words: &str,
    ) -> Result<Option<Trust>, InitError> {
        if !self.terminal.is_interactive() || !certificate.advice.pin {
            return Ok(None);
        }
        println!("{words}");
        if !words.contains(&certificate.fingerprint.to_string()) {
            println!("The SHA-256 of its certificate is {}.", certificate.fingerprint);
        }
        let question =
            "Is this the right server? Then the bridge will accept only this certificate.";
        let accepted = self.terminal.confirm(question, false).await?;
        Ok(accepted.then(|| Trust::Pin(certificate.fingerprint.to_string())))
    }
}

/// What the words of a failure advise about TLS. They speak of the configuration's key.
fn advised_tls(words: &str) -> Option<bool> {
    let says = |phrase| words.contains(phrase);
    if says("`tls = false`") || says("turn TLS off") {
        return Some(false);
    }
    says("`tls = true`").then_some(true)
}

fn is_other_nick(report: &ServerReport, wished: &str) -> bool {
    matches!(&report.login, Some(Ok(nick)) if nick != wished)
}

/// A name for the network of `server`: `libera` for `irc.libera.chat`.
pub(super) fn network_name(server: &str) -> String {
    let host = server.rsplit_once(':').map_or(server, |(host, _)| host);
    let labels: Vec<&str> = host.split('.').collect();
    let is_name = |label: &str| {
        label.starts_with(|c: char| c.is_ascii_alphabetic())
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
    };
    let name = match labels.as_slice() {
        [.., name, last] if is_name(name) && is_name(last) => name.to_ascii_lowercase(),
        _ if host.starts_with("127.") || host == "localhost" || host == "[::1]" => {
            "local".to_owned()
        }
        _ => "office".to_owned(),
    };
    if name == "letschat" { "office".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_named_after_its_server() {
        for (server, name) in [
            ("irc.libera.chat", "libera"),
            ("irc.libera.chat:6697", "libera"),
            ("Example.org", "example"),
            ("localhost", "local"),
            ("127.0.0.1:6667", "local"),
            ("[::1]:6667", "local"),
            ("irc.letschat.org", "office"),
            ("192.0.2.1", "office"),
        ] {
            assert_eq!(network_name(server), name, "{server}");
        }
    }
}
