//! Reads `[irc.NAME]`: the settings of one IRC network.

use super::catch_up::CatchUpSettings;
use super::charset;
use super::{auth, connection, parse, puppets, tls};
use crate::config::charset_setting::CharsetSetting;
use crate::config::diagnostic::Origin;
use crate::config::entry::Entry;
use crate::config::keys::{self, SectionKind};
use crate::config::parse::ValueError;
use crate::config::reader::Section;
use crate::config::types::{as_str, boolean, text};
use crate::config::{HostPort, NetworkSettings, SenderMode};
use crate::domain::Network;
use crate::translate::irc_username;

const SERVERS_EXAMPLE: &str = "servers = [\"irc.example.org:6697\"]";

/// Reads `[irc.NAME]`. `names` are the names of all networks.
pub(super) fn read(
    name: &str,
    entry: &Entry<'_>,
    names: &[&str],
    general: CatchUpSettings,
) -> Option<NetworkSettings> {
    let mut section = entry.section(SectionKind::Network)?;
    entry.parse(|_| parse::network_name(name));
    let tls = section.entry("tls");
    let encrypted = tls.as_ref().and_then(|tls| tls.parse(boolean)).unwrap_or(true);
    let servers = servers(&mut section, encrypted, name, names);
    let trust = tls::read(&mut section, if encrypted { None } else { Some("tls = false") });
    let proxy = connection::proxy(&mut section);
    let password = section.secret("password", "password_file", |_| Ok(()));
    let identity = identity(&mut section);
    let client_certificate = connection::client_certificate(&mut section, encrypted);
    let login = auth::read(&mut section, &identity.nick, client_certificate.is_some());
    let charset = charset::read(&mut section).map(|(charset, _)| charset);
    let CatchUpSettings { catch_up, limit } = CatchUpSettings::read(&mut section, general);
    let (sender_mode, nick_template) = sender_mode(&mut section);
    let has_servers = servers.is_some();
    let settings = NetworkSettings {
        network: Network::new(name),
        servers: servers.unwrap_or_default(),
        tls: encrypted.then_some(trust),
        bind: section.get("bind", text(parse::ip_address)),
        puppets: puppets::read(&mut section, proxy.is_some()),
        proxy,
        client_certificate,
        account: login.account,
        sasl: login.sasl,
        sasl_mechanisms: login.sasl_mechanisms,
        nickserv: login.nickserv,
        nick: identity.nick,
        alt_nicks: identity.alt_nicks,
        username: identity.username,
        realname: identity.realname,
        password: password.map(|(password, _)| password),
        allow_plaintext_auth: section.get("allow_plaintext_auth", boolean).unwrap_or(false),
        on_connect: auth::on_connect(&mut section),
        fallback_charset: CharsetSetting::fallback_or_default(charset),
        charset: charset.and_then(CharsetSetting::both),
        request_invite_from: section.get("request_invite_from", text(parse::nick)),
        flood_control: section.get("flood_control", text(parse::known_word)).unwrap_or_default(),
        unconfirmed: section.get("unconfirmed", text(parse::enum_value)).unwrap_or_default(),
        catch_up,
        catch_up_limit: limit,
        sender_mode,
        nick_template,
        direct_messages: section.get("direct_messages", boolean).unwrap_or(false),
        channels: Vec::new(),
    };
    section.deny_unknown_keys();
    if let Some(tls) = tls.filter(|_| has_servers) {
        warn_of_plaintext(&tls, &settings);
    }
    has_servers.then_some(settings)
}

/// Warns if passwords are needed, but are not sent without TLS.
fn warn_of_plaintext(tls: &Entry<'_>, settings: &NetworkSettings) {
    let is_local = settings.proxy.is_none() && settings.servers.iter().all(HostPort::is_loopback);
    if settings.tls.is_none() && !settings.allow_plaintext_auth && !is_local {
        let password = settings.password.as_ref().map(|_| "the server's password");
        let webirc = settings.puppets.webirc.as_ref().map(|_| "webirc_password");
        auth::warn_of_the_clear(tls, settings, password.or(webirc));
    }
}

/// Who the bridge is on the network.
struct NetworkIdentity {
    nick: String,
    alt_nicks: Vec<String>,
    username: String,
    realname: String,
}

fn identity(section: &mut Section<'_>) -> NetworkIdentity {
    let nick = section.get("nick", text(parse::nick)).unwrap_or_else(|| "letsbridge".to_owned());
    let alt_nicks = alt_nicks(section);
    let username = section.get("username", text(parse::username));
    let realname = section.get("realname", text(parse::realname));
    NetworkIdentity {
        username: username.unwrap_or_else(|| irc_username(&nick, "bridge")),
        realname: realname.unwrap_or_else(|| "Let's Chat bridge".to_owned()),
        nick,
        alt_nicks,
    }
}

/// Reads how messages are sent, and the template for the nicks of their authors.
fn sender_mode(section: &mut Section<'_>) -> (SenderMode, Option<String>) {
    let sender_mode = section.get("sender_mode", text(parse::sender_mode)).unwrap_or_default();
    let template = |text: &str| parse::nick_template(text, sender_mode);
    (sender_mode, section.get("nick_template", text(template)))
}

/// Reads the alternative nicks.
fn alt_nicks(section: &mut Section<'_>) -> Vec<String> {
    let written = section.entry("alt_nicks");
    let nick = |value: &config::Value| parse::nick(as_str(value)?);
    let nicks = written.and_then(|it| it.items("alt_nicks = [\"bridge\", \"ferry\"]", nick));
    nicks.unwrap_or_default()
}

fn servers(
    section: &mut Section<'_>,
    encrypted: bool,
    name: &str,
    names: &[&str],
) -> Option<Vec<HostPort>> {
    let Some(entry) = section.entry("servers") else {
        match section.origin {
            // A misspelled network name in an environment variable.
            Origin::Variable(_) => {
                let others = names.iter().copied().filter(|other| *other != name);
                let remedy = match keys::nearest(name, others) {
                    Some(near) => format!("did you mean {near:?}?"),
                    None => format!("add [{}] with {SERVERS_EXAMPLE}", section.path),
                };
                let found = format!("unknown network {name:?}");
                section.report_error(section.path.clone(), ValueError::new(found, remedy));
            }
            Origin::File { .. } => section.report_missing("servers", SERVERS_EXAMPLE),
        }
        return None;
    };
    let (port, other) = if encrypted { (6697, 6667) } else { (6667, 6697) };
    let servers = entry.items(SERVERS_EXAMPLE, |value| parse::host_port(as_str(value)?, port))?;
    if servers.is_empty() {
        entry
            .report_error(ValueError::new("the list is empty", format!("write {SERVERS_EXAMPLE}")));
        return None;
    }
    for server in servers.iter().filter(|server| server.port == other) {
        let found = format!("{server} uses the usual port for tls = {}", !encrypted);
        entry.report_warning(ValueError::new(found, format!("if it does not answer, try {port}")));
    }
    Some(servers)
}
