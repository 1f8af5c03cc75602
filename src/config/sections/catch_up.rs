use std::time::Duration;

use super::parse;
use crate::config::CatchUpPolicy;
use crate::config::reader::Section;
use crate::config::types::{count_or_none, text};

/// How much of what was missed is mirrored: `catch_up` and `catch_up_limit`, at the top for all sides
/// and in a section for that one.
#[derive(Debug, Clone, Copy)]
pub(super) struct CatchUpSettings {
    pub(super) catch_up: CatchUpPolicy,
    pub(super) limit: Option<u64>,
}

impl Default for CatchUpSettings {
    fn default() -> Self {
        Self { catch_up: CatchUpPolicy::MaxAge(Duration::from_hours(24)), limit: Some(500) }
    }
}

impl CatchUpSettings {
    /// What `section` says, and otherwise what is `general`.
    pub(super) fn read(section: &mut Section<'_>, general: Self) -> Self {
        Self {
            catch_up: section
                .get("catch_up", text(parse::catch_up_policy))
                .unwrap_or(general.catch_up),
            limit: section.get("catch_up_limit", count_or_none).unwrap_or(general.limit),
        }
    }
}
