use super::catching_up::CatchingUp;
use super::{trust, values};
use crate::config::kinds::{flag, text};
use crate::config::section::Section;
use crate::config::values::Flaw;
use crate::config::{CatchUp, LetsChatSettings};

/// `[letschat]`; `None` where a mistake was found. Also how far back to look, which others must
/// agree with, and whether to tell people of what is missing, if that is said here.
pub(super) fn read(
    mut section: Section<'_>,
    general: CatchingUp,
) -> (Option<LetsChatSettings>, CatchUp, Option<bool>) {
    if section.is_absent() {
        let remedy = "write [letschat] with url = \"https://chat.example.org\" and token_file = \
                      \"letschat.token\", a file with the bridge's token";
        section.mistake(section.path.clone(), Flaw::new("missing", remedy));
    }
    let url = section.must("url", "url = \"https://chat.example.org\"", text(values::url));
    let plain = url.as_ref().filter(|url| url.scheme() == "http").map(|_| "an http:// address");
    let trust = trust::read(&mut section, plain);
    if !section.has(&["token", "token_file"]) {
        section.missing("token", "token_file = \"letschat.token\", a file with the bridge's token");
    }
    let token = section.secret("token", "token_file", values::token);
    let CatchingUp { catch_up, limit } = CatchingUp::read(&mut section, general);
    let announce = section.get("announce_gaps", flag);
    section.finish();
    let settings = url.zip(token).map(|(url, (token, _))| LetsChatSettings {
        url,
        trust,
        token,
        rooms: Vec::new(),
        catch_up,
        catch_up_limit: limit,
    });
    (settings, catch_up, announce)
}
