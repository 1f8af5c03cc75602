use tracing_subscriber::EnvFilter;

use super::Flaw;

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// A filter of `tracing`: a level, and levels for parts of the program.
pub(in crate::config) fn level(text: &str) -> Result<String, Flaw> {
    let flaw = |found: &str| {
        let remedy = "write \"info\", or one of off, error, warn, debug and trace; \
                      for a part of the program \"info,letsbridge::net=debug\"";
        Flaw::of(text, found, remedy)
    };
    // The filter takes a single word that is no level for a part of the program, so that a slip
    // like "inof" would silence everything.
    let bare = |part: &&str| !part.contains(['=', '[', ']', '{', '}']);
    let level = |part: &str| LEVELS.iter().any(|level| part.trim().eq_ignore_ascii_case(level));
    if text.split(',').filter(bare).any(|part| !level(part)) {
        return Err(flaw("names a level that does not exist"));
    }
    EnvFilter::try_new(text).map_err(|_| flaw("is not a log filter"))?;
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::check::{reads, refuses};
    use super::*;

    #[test]
    fn a_level_silences_nothing_by_mistake() {
        for text in ["info", "WARN", "info,letsbridge::net=debug", "off", "debug,hyper=warn"] {
            reads(level, text, text.to_owned());
        }
        for text in ["inof", "", "info,", "info,letsbridge"] {
            refuses(level, text, &format!("{text:?} names a level that does not exist"));
        }
        refuses(level, "letsbridge=loud", "\"letsbridge=loud\" is not a log filter");
    }
}
