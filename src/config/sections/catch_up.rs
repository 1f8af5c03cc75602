//! Reads how far back to look for missed messages.

use std::time::Duration;

use super::parse;
use crate::config::CatchUpPolicy;
use crate::config::reader::Section;
use crate::config::types::{count_or_none, text};

/// The settings `catch_up` and `catch_up_limit`: top-level, with overrides in sections.
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
    /// Reads the settings of `section`; the defaults are `general`.
    pub(super) fn read(section: &mut Section<'_>, general: Self) -> Self {
        Self {
            catch_up: section
                .get("catch_up", text(parse::catch_up_policy))
                .unwrap_or(general.catch_up),
            limit: section.get("catch_up_limit", count_or_none).unwrap_or(general.limit),
        }
    }
}
