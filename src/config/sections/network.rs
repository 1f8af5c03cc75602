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
    let bind = section.get("bind", text(parse::ip_address));
    let proxy = connection::proxy(&mut section);
    let password = section.secret("password", "password_file", |_| Ok(()));
    let nick = section.get("nick", text(parse::nick)).unwrap_or_else(|| "letsbridge".to_owned());
    let alt_nicks = alt_nicks(&mut section);
    let certificate = connection::client_certificate(&mut section, encrypted);
    let login = auth::read(&mut section, &nick, certificate.is_some());
    let on_connect = auth::on_connect(&mut section);
    let allow_plaintext_auth = section.get("allow_plaintext_auth", boolean).unwrap_or(false);
    let username = section.get("username", text(parse::username));
    let realname = section.get("realname", text(parse::realname));
    let charset = charset::read(&mut section).map(|(charset, _)| charset);
    let request_invite_from = section.get("request_invite_from", text(parse::nick));
    let flood_control = section.get("flood_control", text(parse::known_word)).unwrap_or_default();
    let unconfirmed = section.get("unconfirmed", text(parse::enum_value)).unwrap_or_default();
    let CatchUpSettings { catch_up, limit } = CatchUpSettings::read(&mut section, general);
    let sender_mode =
        section.get("sender_mode", text(parse::enum_value::<SenderMode>)).unwrap_or_default();
    let template = |text: &str| parse::nick_template(text, sender_mode);
    let nick_template = section.get("nick_template", text(template));
    let puppets = puppets::read(&mut section, proxy.is_some());
    let direct_messages = section.get("direct_messages", boolean).unwrap_or(false);
    section.deny_unknown_keys();
    let stays = proxy.is_none() && servers.as_ref().is_none_or(|it| stays_here(it));
    if let Some(tls) = tls.filter(|_| !encrypted && !allow_plaintext_auth && !stays) {
        let said = [
            password.as_ref().map(|_| "the server's password"),
            puppets.webirc.as_ref().map(|_| "webirc_password"),
        ];
        auth::warn_of_the_clear(&tls, &login, said.into_iter().flatten().next());
    }
    Some(NetworkSettings {
        allow_plaintext_auth,
        network: Network::new(name),
        servers: servers?,
        tls: encrypted.then_some(trust),
        bind,
        proxy,
        client_certificate: certificate,
        account: login.account,
        sasl: login.sasl,
        sasl_mechanisms: login.sasl_mechanisms,
        nickserv: login.nickserv,
        alt_nicks,
        on_connect,
        password: password.map(|(password, _)| password),
        username: username.unwrap_or_else(|| irc_username(&nick, "bridge")),
        nick,
        realname: realname.unwrap_or_else(|| "Let's Chat bridge".to_owned()),
        fallback_charset: charset
            .and_then(CharsetSetting::fallback)
            .unwrap_or(encoding_rs::WINDOWS_1252),
        charset: charset.and_then(CharsetSetting::both),
        request_invite_from,
        flood_control,
        unconfirmed,
        catch_up,
        catch_up_limit: limit,
        sender_mode,
        puppets,
        nick_template,
        direct_messages,
        channels: Vec::new(),
    })
}

/// Whether connections to all these servers stay on this machine.
fn stays_here(servers: &[HostPort]) -> bool {
    servers.iter().all(HostPort::is_loopback)
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
