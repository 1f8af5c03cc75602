use secrecy::SecretString;

use super::values;
use crate::config::entry::Entry;
use crate::config::kinds::{as_text, text};
use crate::config::section::Section;
use crate::config::values::Flaw;
use crate::config::{Account, Nickserv, Sasl, SaslMechanism};

const MECHANISMS: &str = "sasl_mechanisms = [\"scram-sha-256\", \"plain\"]";
const ON_CONNECT: &str = "on_connect = [\"MODE {nick} +x\"]";

/// How to log in on a network.
pub(super) struct Login {
    pub(super) account: Option<Account>,
    pub(super) sasl: Sasl,
    pub(super) mechanisms: Vec<SaslMechanism>,
    pub(super) nickserv: Nickserv,
}

/// Reads how to log in as `nick`, perhaps `by_certificate`.
pub(super) fn read(section: &mut Section<'_>, nick: &str, by_certificate: bool) -> Login {
    let name = section.entry("account");
    let password = section.secret("account_password", "account_password_file", account_password);
    if let Some(name) = name.as_ref().filter(|_| password.is_none() && !by_certificate)
        && !section.has(&["account_password", "account_password_file", "cert_file"])
    {
        name.mistake(Flaw::new(
            "an account without a password",
            "add account_password_file = \"office.account\", a file with its password, or a \
             client certificate that it knows, by cert_file",
        ));
    }
    let name = name.and_then(|name| name.read(text(values::account)));
    let account = (name.is_some() || password.is_some()).then(|| Account {
        name: name.unwrap_or_else(|| nick.to_owned()),
        password: password.map(|(password, _)| password),
    });
    let sasl = sasl(section, account.is_some() || by_certificate);
    let mechanisms = mechanisms(section, account.as_ref(), by_certificate);
    let usual = Nickserv::default();
    let identify = section.get("nickserv_identify", text(values::identify));
    let nickserv = Nickserv {
        nick: section.get("nickserv", text(values::services)).unwrap_or(usual.nick),
        identify: identify.unwrap_or(usual.identify),
        host: section.get("nickserv_host", text(values::services_host)),
        regain: section.get("regain", text(values::choice)).unwrap_or_default(),
    };
    Login { account, sasl, mechanisms, nickserv }
}

/// Warns of what comes of it that passwords are not said where everybody on the way can read them: of
/// `another` than the account's, or of that.
pub(super) fn warn_of_the_clear(tls: &Entry<'_>, login: &Login, another: Option<&str>) {
    let account = login.account.as_ref().is_some_and(|account| account.password.is_some());
    let scram = login.sasl != Sasl::Off && login.mechanisms.contains(&SaslMechanism::ScramSha256);
    let found = match another {
        Some(password) => format!(
            "{password} is not said without TLS, so the bridge comes in only if the server moves \
             it to TLS (STS)"
        ),
        None if !account => return,
        None if scram => "the account's password is not said without TLS: it is proven by \
                          SCRAM-SHA-256, where the server knows that"
            .to_owned(),
        None => "the account's password is not said without TLS, so the bridge does not log in"
            .to_owned(),
    };
    let remedy =
        "set tls = true, or, if nobody can listen in on the way, allow_plaintext_auth = true";
    tls.warning(Flaw::new(found, remedy));
}

fn sasl(section: &mut Section<'_>, has_account: bool) -> Sasl {
    let written = section.entry("sasl");
    let sasl = written.as_ref().and_then(|entry| entry.read(text(values::choice)));
    let nobody = !has_account && !section.has(&["account", "account_password_file"]);
    if let Some(entry) = written.filter(|_| sasl == Some(Sasl::Required) && nobody) {
        entry.mistake(Flaw::new(
            "there is no account to log in to",
            "add account and account_password_file, or a client certificate, by cert_file",
        ));
    }
    sasl.unwrap_or(if has_account { Sasl::Required } else { Sasl::Off })
}

fn mechanisms(
    section: &mut Section<'_>,
    account: Option<&Account>,
    by_certificate: bool,
) -> Vec<SaslMechanism> {
    let by_password = account.is_some_and(|account| account.password.is_some());
    let Some(entry) = section.entry("sasl_mechanisms") else {
        let external = by_certificate.then_some(SaslMechanism::External);
        let others = [SaslMechanism::ScramSha256, SaslMechanism::Plain];
        return external.into_iter().chain(others.into_iter().filter(|_| by_password)).collect();
    };
    let read = |value: &config::Value| values::choice::<SaslMechanism>(as_text(value)?);
    let Some(mechanisms) = entry.items(MECHANISMS, read) else { return Vec::new() };
    if mechanisms.is_empty() {
        let remedy = format!("write {MECHANISMS}, or sasl = \"off\"");
        entry.mistake(Flaw::new("there is no mechanism in the list", remedy));
    }
    if mechanisms.contains(&SaslMechanism::External)
        && !by_certificate
        && !section.has(&["cert_file"])
    {
        entry.mistake(Flaw::new(
            "\"external\" logs in by a client certificate, and there is none",
            "add cert_file, or leave \"external\" out",
        ));
    }
    mechanisms
}

/// What to say once we are let in: lines of the file itself, or of one of their own.
pub(super) fn on_connect(section: &mut Section<'_>) -> Vec<SecretString> {
    let written = section.entry("on_connect");
    let file = section.entry("on_connect_file");
    if let (Some(written), Some(file)) = (&written, &file) {
        file.mistake(crate::config::entry::also(written));
    }
    let command = |value: &config::Value| {
        let command = as_text(value)?;
        values::command(command).map(|()| SecretString::from(command))
    };
    let listed = written.and_then(|entry| entry.items(ON_CONNECT, command));
    listed.or_else(|| file.and_then(|entry| in_file(&entry))).unwrap_or_default()
}

fn in_file(entry: &Entry<'_>) -> Option<Vec<SecretString>> {
    crate::config::secret::lines_in_file(entry, values::command)
}

/// A password that SASL and services can be told.
fn account_password(password: &str) -> Result<(), Flaw> {
    if password.len() > 1_000 {
        return Err(Flaw::new("is longer than any password", "write the password alone there"));
    }
    Ok(())
}
