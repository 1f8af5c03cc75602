//! Reads `[letschat]`: the server, how to verify it, the token, and how people of IRC are shown.

use super::catch_up::CatchUpSettings;
use super::{accounts, parse, tls};
use crate::config::parse::ValueError;
use crate::config::reader::Section;
use crate::config::types::{boolean, text};
use crate::config::{CatchUpPolicy, LetsChatSettings};

/// Reads `[letschat]`; `None` if it has an error. Also returns `catch_up`, to check
/// `store.retention`.
pub(super) fn read(
    mut section: Section<'_>,
    general: CatchUpSettings,
) -> (Option<LetsChatSettings>, CatchUpPolicy) {
    if section.is_absent() {
        let remedy = "write [letschat] with url = \"https://chat.example.org\" and token_file = \
                      \"letschat.token\", a file with the bridge's token";
        section.report_error(section.path.clone(), ValueError::new("missing", remedy));
    }
    let url = section.required("url", "url = \"https://chat.example.org\"", text(parse::base_url));
    let plain = url.as_ref().filter(|url| url.scheme() == "http").map(|_| "an http:// address");
    let trust = tls::read(&mut section, plain);
    if !section.has_any(&["token", "token_file"]) {
        section.report_missing(
            "token",
            "token_file = \"letschat.token\", a file with the bridge's token",
        );
    }
    let token = section.secret("token", "token_file", parse::token);
    let sender_mode =
        section.get("sender_mode", text(parse::letschat_sender_mode)).unwrap_or_default();
    let announce = section.get("announce", boolean).unwrap_or(true);
    let accounts = accounts::read(section.subsection("accounts", "letschat.accounts"));
    let CatchUpSettings { catch_up, limit } = CatchUpSettings::read(&mut section, general);
    section.deny_unknown_keys();
    let settings = url.zip(token).map(|(url, (token, _))| LetsChatSettings {
        url,
        tls_trust: trust,
        token,
        rooms: Vec::new(),
        catch_up,
        catch_up_limit: limit,
        sender_mode,
        accounts,
        announce,
    });
    (settings, catch_up)
}
