use std::time::Duration;

use super::{trust, values};
use crate::config::section::{Section, flag, limit, text};
use crate::config::{CatchUp, LetsChatSettings};

/// `[letschat]`; `None` where a mistake was found. Also how far back to look, which others must
/// agree with.
pub(super) fn read(mut section: Section<'_>) -> (Option<LetsChatSettings>, CatchUp) {
    let url = section.must("url", "url = \"https://chat.example.org\"", text(values::url));
    let plain = url.as_ref().filter(|url| url.scheme() == "http").map(|_| "an http:// address");
    let trust = trust::read(&mut section, plain);
    if !section.has(&["token", "token_file"]) {
        section.missing("token", "token_file = \"letschat.token\", a file with the bridge's token");
    }
    let token = section.secret("token", "token_file", values::token);
    let catch_up = section.get("catch_up", text(values::catch_up));
    let catch_up = catch_up.unwrap_or(CatchUp::Age(Duration::from_hours(24)));
    let catch_up_limit = section.get("catch_up_limit", limit).unwrap_or(Some(500));
    let announce_gaps = section.get("announce_gaps", flag).unwrap_or(true);
    section.finish();
    let settings = url.zip(token).map(|(url, (token, _))| LetsChatSettings {
        url,
        trust,
        token,
        rooms: Vec::new(),
        catch_up,
        catch_up_limit,
        announce_gaps,
    });
    (settings, catch_up)
}
