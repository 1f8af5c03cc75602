//! Reads `[letschat.accounts]`: the accounts on Let's Chat that people of IRC speak as.

use super::parse;
use crate::config::AccountSettings;
use crate::config::reader::Section;
use crate::config::types::{boolean, positive, text};

/// Reads `[letschat.accounts]`.
pub(super) fn read(mut section: Section<'_>) -> AccountSettings {
    let usual = AccountSettings::default();
    let max = section.get("max", |value| positive(value, "max = 500"));
    let after_lines = section.get("after_lines", |value| positive(value, "after_lines = 1"));
    let settings = AccountSettings {
        accounts_for: section.get("accounts_for", text(parse::enum_value)).unwrap_or_default(),
        username: section.get("username", text(parse::account_username)).unwrap_or(usual.username),
        email: section.get("email", text(parse::account_email)).unwrap_or(usual.email),
        max: max.unwrap_or(usual.max),
        after_lines: after_lines.unwrap_or(usual.after_lines),
        login_interval: section
            .get("login_interval", text(parse::duration))
            .unwrap_or(usual.login_interval),
        session_idle: section
            .get("session_idle", text(parse::duration))
            .unwrap_or(usual.session_idle),
        presence: section.get("presence", text(parse::enum_value)).unwrap_or_default(),
        link_requires_account: section
            .get("link_requires_account", boolean)
            .unwrap_or(usual.link_requires_account),
    };
    section.deny_unknown_keys();
    settings
}
