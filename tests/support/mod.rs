//! What tests against real servers share: IRC servers and services to run, and a client that is not ours.
//!
//! Such tests live in one test binary (`tests/interop` and its modules), so that a helper
//! none of them uses is noticed.

pub(crate) mod bridge;
pub(crate) mod irc_client;
pub(crate) mod ircd;
mod ircd_config;
pub(crate) mod letschat_client;
pub(crate) mod services;
pub(crate) mod talk;
