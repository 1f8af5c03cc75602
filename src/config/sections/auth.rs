//! Reads how to log in to an IRC network: account, SASL, NickServ and commands after connecting.

use secrecy::SecretString;

use super::parse;
use crate::config::NetworkSettings;
use crate::config::entry::Entry;
use crate::config::parse::ValueError;
use crate::config::reader::Section;
use crate::config::types::{as_str, text};
use crate::config::{IrcAccount, NickservSettings, SaslPolicy};
use crate::domain::SaslMechanism;

const MECHANISMS_EXAMPLE: &str = "sasl_mechanisms = [\"scram-sha-256\", \"plain\"]";
const ON_CONNECT_EXAMPLE: &str = "on_connect = [\"MODE {nick} +x\"]";

/// The authentication settings of a network.
pub(super) struct AuthSettings {
    pub(super) account: Option<IrcAccount>,
    pub(super) sasl: SaslPolicy,
    pub(super) sasl_mechanisms: Vec<SaslMechanism>,
    pub(super) nickserv: NickservSettings,
}

/// Reads the authentication settings. `nick` is the default account name; `by_certificate`: there
/// is a client certificate.
pub(super) fn read(section: &mut Section<'_>, nick: &str, by_certificate: bool) -> AuthSettings {
    let name = section.entry("account");
    let password =
        section.secret("account_password", "account_password_file", check_account_password);
    if let Some(name) = name.as_ref().filter(|_| password.is_none() && !by_certificate)
        && !section.has_any(&["account_password", "account_password_file", "cert_file"])
    {
        name.report_error(ValueError::new(
            "an account without a password",
            "add account_password_file = \"office.account\" (a file with the password), or \
             cert_file with a client certificate registered for the account",
        ));
    }
    let name = name.and_then(|name| name.parse(text(parse::account_name)));
    let account = (name.is_some() || password.is_some()).then(|| IrcAccount {
        name: name.unwrap_or_else(|| nick.to_owned()),
        password: password.map(|(password, _)| password),
    });
    let sasl = sasl_policy(section, account.is_some() || by_certificate);
    let mechanisms = sasl_mechanisms(section, account.as_ref(), by_certificate);
    let usual = NickservSettings::default();
    let identify = section.get("nickserv_identify", text(parse::identify_template));
    let nickserv = NickservSettings {
        nick: section.get("nickserv", text(parse::services_target)).unwrap_or(usual.nick),
        identify: identify.unwrap_or(usual.identify),
        host: section.get("nickserv_host", text(parse::services_host)),
        regain: section.get("regain", text(parse::enum_value)).unwrap_or_default(),
    };
    AuthSettings { account, sasl, sasl_mechanisms: mechanisms, nickserv }
}

/// Warns that passwords are not sent without TLS: `another` password than the account's, or
/// otherwise the account's.
pub(super) fn warn_of_the_clear(
    tls: &Entry<'_>,
    settings: &NetworkSettings,
    another: Option<&str>,
) {
    let account = settings.account.as_ref().is_some_and(|account| account.password.is_some());
    let scram = settings.sasl != SaslPolicy::Off
        && settings.sasl_mechanisms.contains(&SaslMechanism::ScramSha256);
    let found = match another {
        Some(password) => format!(
            "{password} is not sent without TLS: the bridge can only log in if the server \
             redirects it to TLS (STS)"
        ),
        None if !account => return,
        None if scram => "the account's password is not sent without TLS: the bridge can only log \
                          in with SCRAM-SHA-256"
            .to_owned(),
        None => {
            "the account's password is not sent without TLS: the bridge does not log in".to_owned()
        }
    };
    let remedy = "set tls = true, or allow_plaintext_auth = true if nobody can read the connection";
    tls.report_warning(ValueError::new(found, remedy));
}

fn sasl_policy(section: &mut Section<'_>, has_account: bool) -> SaslPolicy {
    let written = section.entry("sasl");
    let sasl = written.as_ref().and_then(|entry| entry.parse(text(parse::enum_value)));
    let nobody = !has_account && !section.has_any(&["account", "account_password_file"]);
    if let Some(entry) = written.filter(|_| sasl == Some(SaslPolicy::Required) && nobody) {
        entry.report_error(ValueError::new(
            "no account configured",
            "add account and account_password_file, or cert_file with a client certificate",
        ));
    }
    sasl.unwrap_or(if has_account { SaslPolicy::Required } else { SaslPolicy::Off })
}

fn sasl_mechanisms(
    section: &mut Section<'_>,
    account: Option<&IrcAccount>,
    by_certificate: bool,
) -> Vec<SaslMechanism> {
    let by_password = account.is_some_and(|account| account.password.is_some());
    let Some(entry) = section.entry("sasl_mechanisms") else {
        let external = by_certificate.then_some(SaslMechanism::External);
        let others = [SaslMechanism::ScramSha256, SaslMechanism::Plain];
        return external.into_iter().chain(others.into_iter().filter(|_| by_password)).collect();
    };
    let read = |value: &config::Value| parse::known_word::<SaslMechanism>(as_str(value)?);
    let Some(mechanisms) = entry.items(MECHANISMS_EXAMPLE, read) else { return Vec::new() };
    if mechanisms.is_empty() {
        let remedy = format!("write {MECHANISMS_EXAMPLE}, or sasl = \"off\"");
        entry.report_error(ValueError::new("the list is empty", remedy));
    }
    if mechanisms.contains(&SaslMechanism::External)
        && !by_certificate
        && !section.has_any(&["cert_file"])
    {
        entry.report_error(ValueError::new(
            "\"external\" needs a client certificate",
            "add cert_file, or remove \"external\"",
        ));
    }
    mechanisms
}

/// Reads the commands to send after connecting, inline or from a file of their own.
pub(super) fn on_connect(section: &mut Section<'_>) -> Vec<SecretString> {
    let written = section.entry("on_connect");
    let file = section.entry("on_connect_file");
    if let (Some(written), Some(file)) = (&written, &file) {
        file.report_error(crate::config::entry::conflict(written));
    }
    let command = |value: &config::Value| {
        let command = as_str(value)?;
        parse::raw_command(command).map(|()| SecretString::from(command))
    };
    let listed = written.and_then(|entry| entry.items(ON_CONNECT_EXAMPLE, command));
    listed.or_else(|| file.and_then(|entry| commands_from_file(&entry))).unwrap_or_default()
}

fn commands_from_file(entry: &Entry<'_>) -> Option<Vec<SecretString>> {
    crate::config::secret::secret_lines_from_file(entry, parse::raw_command)
}

/// Checks a password for SASL and NickServ.
fn check_account_password(password: &str) -> Result<(), ValueError> {
    if password.len() > 1_000 {
        return Err(ValueError::new("is too long for a password", "write only the password there"));
    }
    Ok(())
}
