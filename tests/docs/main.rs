//! The documentation is true: its links, its samples, its commands, and the list of messages.
#![allow(clippy::unwrap_used, missing_docs)]

mod commands;
mod links;
mod messages;
mod metrics;
mod pages;
mod samples;
mod source;
