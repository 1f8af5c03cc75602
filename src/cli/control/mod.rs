//! The commands that ask a running bridge: `status`, `reload`, `upgrade`, `handover`, `pause`, `resume`, `queue`, `catch-up` and
//! `loglevel`.

mod catch_up;
mod cluster_text;
mod handover;
mod links;
mod log_level;
mod queue;
mod reload;
mod running;
mod status;
mod status_text;
mod upgrade;

pub(super) use catch_up::{CatchUpArgs, catch_up};
pub(super) use handover::{HandoverArgs, handover};
pub(super) use links::{LinkArgs, pause, resume};
pub(super) use log_level::{LogLevelArgs, log_level};
pub(super) use queue::{QueueArgs, queue};
pub(super) use reload::{ReloadArgs, reload};
pub(super) use running::{BridgeAt, RunningBridgeClient, StateAt};
pub(super) use status::{StatusArgs, status};
pub(super) use upgrade::{UpgradeArgs, upgrade};
