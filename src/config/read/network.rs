use super::catching_up::CatchingUp;
use super::charset::{self, Charset};
use super::{login, puppets, trust, values, way};
use crate::config::diagnostic::Origin;
use crate::config::entry::Entry;
use crate::config::keys::{self, Pattern};
use crate::config::kinds::{as_text, flag, text};
use crate::config::section::Section;
use crate::config::values::Flaw;
use crate::config::{HostPort, Mode, NetworkSettings};
use crate::domain::Network;
use crate::translate::user_name;

const SERVERS: &str = "servers = [\"irc.example.org:6697\"]";

/// `[irc.NAME]`. `names` are those of all networks.
pub(super) fn read(
    name: &str,
    entry: &Entry<'_>,
    names: &[&str],
    general: CatchingUp,
) -> Option<NetworkSettings> {
    let mut section = entry.section(Pattern::Network)?;
    entry.read(|_| values::network_name(name));
    let tls = section.entry("tls");
    let encrypted = tls.as_ref().and_then(|tls| tls.read(flag)).unwrap_or(true);
    let servers = servers(&mut section, encrypted, name, names);
    let trust = trust::read(&mut section, if encrypted { None } else { Some("tls = false") });
    let bind = section.get("bind", text(values::address));
    let proxy = way::proxy(&mut section);
    let password = section.secret("password", "password_file", |_| Ok(()));
    let nick = section.get("nick", text(values::nick)).unwrap_or_else(|| "letsbridge".to_owned());
    let other_nicks = other_nicks(&mut section);
    let certificate = way::certificate(&mut section, encrypted);
    let login = login::read(&mut section, &nick, certificate.is_some());
    let on_connect = login::on_connect(&mut section);
    let allow_plaintext_auth = section.get("allow_plaintext_auth", flag).unwrap_or(false);
    let username = section.get("username", text(values::username));
    let realname = section.get("realname", text(values::realname));
    let charset = charset::read(&mut section).map(|(charset, _)| charset);
    let invited_by = section.get("invited_by", text(values::nick));
    let pace = section.get("pace", text(values::choice)).unwrap_or_default();
    let in_doubt = section.get("in_doubt", text(values::choice)).unwrap_or_default();
    let CatchingUp { catch_up, limit } = CatchingUp::read(&mut section, general);
    let mode = section.get("mode", text(values::choice::<Mode>)).unwrap_or_default();
    let template = |text: &str| values::nick_template(text, mode);
    let nick_template = section.get("nick_template", text(template));
    let puppets = puppets::read(&mut section, proxy.is_some());
    let direct_messages = section.get("direct_messages", flag).unwrap_or(false);
    section.finish();
    let stays = proxy.is_none() && servers.as_ref().is_none_or(|it| stays_here(it));
    if let Some(tls) = tls.filter(|_| !encrypted && !allow_plaintext_auth && !stays) {
        let said = [
            password.as_ref().map(|_| "the server's password"),
            puppets.webirc.as_ref().map(|_| "webirc_password"),
        ];
        login::warn_of_the_clear(&tls, &login, said.into_iter().flatten().next());
    }
    Some(NetworkSettings {
        allow_plaintext_auth,
        network: Network::new(name),
        servers: servers?,
        tls: encrypted.then_some(trust),
        bind,
        proxy,
        certificate,
        account: login.account,
        sasl: login.sasl,
        mechanisms: login.mechanisms,
        nickserv: login.nickserv,
        other_nicks,
        on_connect,
        password: password.map(|(password, _)| password),
        username: username.unwrap_or_else(|| user_name(&nick, "bridge")),
        nick,
        realname: realname.unwrap_or_else(|| "Let's Chat bridge".to_owned()),
        fallback_charset: charset.and_then(Charset::fallback).unwrap_or(encoding_rs::WINDOWS_1252),
        charset: charset.and_then(Charset::both),
        invited_by,
        pace,
        in_doubt,
        catch_up,
        catch_up_limit: limit,
        mode,
        puppets,
        nick_template,
        direct_messages,
        channels: Vec::new(),
    })
}

/// Whether what is said to these servers does not leave this machine.
fn stays_here(servers: &[HostPort]) -> bool {
    servers.iter().all(HostPort::is_loopback)
}

/// Those to try where somebody has the wished nick.
fn other_nicks(section: &mut Section<'_>) -> Vec<String> {
    let written = section.entry("other_nicks");
    let nick = |value: &config::Value| values::nick(as_text(value)?);
    let nicks = written.and_then(|it| it.items("other_nicks = [\"bridge\", \"ferry\"]", nick));
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
            // Somebody meant a network of the file, and missed its name.
            Origin::Variable(_) => {
                let others = names.iter().copied().filter(|other| *other != name);
                let remedy = match keys::nearest(name, others) {
                    Some(near) => format!("did you mean {near:?}?"),
                    None => format!("add [{}] with {SERVERS}", section.path),
                };
                let found = format!("the file has no network {name:?}");
                section.mistake(section.path.clone(), Flaw::new(found, remedy));
            }
            Origin::File { .. } => section.missing("servers", SERVERS),
        }
        return None;
    };
    let (port, other) = if encrypted { (6697, 6667) } else { (6667, 6697) };
    let servers = entry.items(SERVERS, |value| values::host_port(as_text(value)?, port))?;
    if servers.is_empty() {
        entry.mistake(Flaw::new("there is no server in the list", format!("write {SERVERS}")));
        return None;
    }
    for server in servers.iter().filter(|server| server.port == other) {
        let found = format!("{server} has the port that is most often for tls = {}", !encrypted);
        entry.warning(Flaw::new(found, format!("if it does not answer, try {port}")));
    }
    Some(servers)
}
