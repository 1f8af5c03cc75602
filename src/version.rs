//! Which letsbridge this is: what `--version`, the log's first line, metrics and status say.

/// The version number, as in `Cargo.toml`: "0.1.0".
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The commit that this program was built from: "0123456789ab of 2026-01-31", followed by ", with changes" if the sources
/// had some; or what a packager said (the variable `LETSBRIDGE_COMMIT`); or "unknown" and why, in parentheses.
/// Debug builds know none.
pub const COMMIT: &str = env!("LETSBRIDGE_BUILT_FROM");

/// The output of `--version`: what a bug report should contain.
pub const LONG_VERSION: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    "\ncommit: ",
    env!("LETSBRIDGE_BUILT_FROM"),
    "\ntested with: Let's Chat 0.4.8 (of 2016, and with dependencies of today)\n\
     \x20            ngIRCd 26.1, InspIRCd 3.15, ircd-hybrid 8.2, Ergo 2.19, Atheme 7.2"
);
