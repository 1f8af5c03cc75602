//! The program as an administrator meets it: its commands, exit codes, signals, logs and words.
//!
//! It runs between the demo's own servers, so that nothing has to be installed.
#![allow(clippy::unwrap_used, missing_docs)]

mod audit;
mod check;
mod credentials;
mod crowd;
mod cut_off;
#[cfg(feature = "demo")]
mod demo;
mod direct;
mod disk;
mod harness;
mod ident;
mod init;
mod logs;
#[path = "../support/program.rs"]
mod program;
mod puppet_login;
mod registration;
mod secrets;
mod starting;
mod state;
mod stopping;
mod stuck;
#[path = "../support/terminal.rs"]
mod terminal;
mod web;
