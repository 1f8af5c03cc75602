//! `letsbridge demo` in a browser: what a visitor types in one pane, sees in the other, breaks and gets back; the page
//! where people link their accounts; the archive; and the status page.
//!
//! `LETSBRIDGE_SCREENSHOTS` names a folder for pictures of the page.
#![cfg(feature = "demo")]
#![allow(clippy::unwrap_used, missing_docs)]

mod accounts;
mod admin;
mod archive;
#[allow(dead_code)]
#[path = "../support/archive_world.rs"]
mod archive_world;
mod browser;
mod contrast;
#[allow(dead_code)]
#[path = "../process/harness.rs"]
mod harness;
mod link;
#[allow(dead_code)]
#[path = "../support/link_page.rs"]
mod link_page;
mod page;
#[allow(dead_code)]
#[path = "../support/program.rs"]
mod program;
mod progress;
mod steps;
#[allow(dead_code)]
#[path = "../support/terminal.rs"]
mod terminal;
mod visits;
