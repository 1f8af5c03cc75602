//! `letsbridge demo` in a browser: what a visitor types in one pane, sees in the other, breaks and gets back.
//!
//! `LETSBRIDGE_SCREENSHOTS` names a folder for pictures of the page.
#![cfg(feature = "demo")]
#![allow(clippy::unwrap_used, missing_docs)]

mod accounts;
mod browser;
mod page;
#[allow(dead_code)]
#[path = "../support/program.rs"]
mod program;
#[allow(dead_code)]
#[path = "../support/terminal.rs"]
mod terminal;
mod visits;
