//! Parses log filters.

use tracing_subscriber::EnvFilter;

use super::ValueError;

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// Parses a filter of `tracing`: a level, and levels of modules.
pub(in crate::config) fn log_filter(text: &str) -> Result<String, ValueError> {
    let error = |found: &str| {
        let remedy = "write \"info\", or one of off, error, warn, debug and trace; for one module \
                      \"info,letsbridge::net=debug\"";
        ValueError::quoting(text, found, remedy)
    };
    // The filter reads an unknown word as the name of a module. A typo like "inof" would silence
    // everything.
    let bare = |part: &&str| !part.contains(['=', '[', ']', '{', '}']);
    let level = |part: &str| LEVELS.iter().any(|level| part.trim().eq_ignore_ascii_case(level));
    if text.split(',').filter(bare).any(|part| !level(part)) {
        return Err(error("has an unknown log level"));
    }
    EnvFilter::try_new(text).map_err(|_| error("is not a log filter"))?;
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse::check::{assert_parses, assert_rejects};

    #[test]
    fn misspelled_log_level_is_rejected() {
        for text in ["info", "WARN", "info,letsbridge::net=debug", "off", "debug,hyper=warn"] {
            assert_parses(log_filter, text, text.to_owned());
        }
        for text in ["inof", "", "info,", "info,letsbridge"] {
            assert_rejects(log_filter, text, &format!("{text:?} has an unknown log level"));
        }
        assert_rejects(log_filter, "letsbridge=loud", "\"letsbridge=loud\" is not a log filter");
    }
}
