//! Reads `[admin]`: where the administrator's API listens besides its Unix socket, and who may use it there.

use super::parse;
use crate::config::AdminSettings;
use crate::config::parse::ValueError;
use crate::config::reader::Section;
use crate::config::types::{as_str, text};

/// Reads `[admin]`.
pub(super) fn read(mut section: Section<'_>) -> AdminSettings {
    let written = section.entry("listen");
    let listen = written.as_ref().and_then(|entry| entry.parse(text(parse::listen_address)));
    let has_token = section.has_any(&["token", "token_file"]);
    let token = section.secret("token", "token_file", parse::admin_token);
    if let (Some(entry), Some(address)) = (&written, listen)
        && !address.ip().to_canonical().is_loopback()
        && !has_token
    {
        let found = format!("{address} can be reached from other machines, and there is no token");
        let remedy = "write token_file = \"admin.token\" in [admin], a file with what `openssl rand \
                      -hex 32` prints, or listen on \"127.0.0.1:8090\"";
        entry.report_error(ValueError::new(found, remedy));
    }
    let hosts = section.entry("allowed_hosts").and_then(|entry| {
        entry.items("allowed_hosts = [\"bridge.example.org\"]", |value| {
            parse::host_name(as_str(value)?)
        })
    });
    section.deny_unknown_keys();
    AdminSettings {
        listen,
        token: token.map(|(token, _)| token),
        allowed_hosts: hosts.unwrap_or_default(),
    }
}
