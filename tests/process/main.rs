//! The program as an administrator meets it: its commands, exit codes, signals, logs and words.
//!
//! It runs between the demo's own servers, so that nothing has to be installed.
#![allow(clippy::unwrap_used, missing_docs)]

mod accounts;
mod admin;
mod admin_tcp;
mod archive;
mod archive_disk;
mod archive_pages;
#[allow(dead_code)]
#[path = "../support/archive_world.rs"]
mod archive_world;
mod audit;
mod backup;
mod check;
mod cluster;
mod credentials;
mod crowd;
mod cut_off;
#[cfg(feature = "demo")]
mod database;
mod demo;
mod direct;
mod disk;
mod handover;
mod harness;
#[path = "../support/history.rs"]
mod history;
mod ident;
mod import_plan;
mod import_team;
mod import_write;
mod init;
mod link_page;
#[allow(dead_code)]
#[path = "../support/link_page.rs"]
mod link_page_world;
#[path = "../support/log_writer.rs"]
mod log_writer;
mod logs;
mod monitoring;
mod node_stops;
mod nodes;
mod people;
mod phases;
#[path = "../support/program.rs"]
mod program;
mod progress;
mod puppet_login;
mod registration;
mod reload;
mod secrets;
mod shared_redactions;
mod standby;
mod starting;
mod state;
mod stopping;
mod stores;
mod stuck;
#[path = "../support/terminal.rs"]
mod terminal;
mod upgrade;
mod web;
mod web_visitor;
