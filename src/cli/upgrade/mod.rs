//! What the running program does when it is upgraded: asks the new version whether it can take over, and is replaced by
//! it without closing the connections to IRC.
//!
//! ```text
//!  letsbridge upgrade        the running program                            the new program
//!        │ POST ──────────────────▶ preflight ── run --check-hand-over ───────▶ can it?
//!        │                              │ no: nothing changes
//!        │ ◀─────────────── begun       │ yes: lets go of the connections
//!        │                              └── exec: run --take-over ────────────▶ goes on
//!        │ GET, until it answers ─────────────────────────────────────────────▶ what became of them
//! ```

mod preflight;
mod program_file;
mod replace;

pub(super) use preflight::{answer_preflight, ask_new_program};
pub(super) use program_file::ProgramFile;
pub(super) use replace::replace_program;
