//! `letsbridge upgrade`: replaces the running program by its new version, without closing the connections to IRC.
//!
//! ```text
//!  letsbridge upgrade        the running program                            the new program
//!        │ POST ──────────────────▶ preflight ── run --check-hand-over ───────▶ can it?
//!        │                              │ no: nothing changes
//!        │ ◀─────────────── begun       │ yes: lets go of the connections
//!        │                              └── exec: run --take-over ────────────▶ goes on
//!        │ GET, until it answers ─────────────────────────────────────────────▶ what became of them
//! ```

mod command;
mod preflight;
mod program_file;
mod replace;

pub(super) use command::{UpgradeArgs, upgrade};
pub(super) use preflight::{answer_preflight, ask_new_program};
pub(super) use program_file::ProgramFile;
pub(super) use replace::replace_program;
