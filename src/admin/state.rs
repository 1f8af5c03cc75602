//! What all routes share: the running bridge, and facts about it that never change.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;

/// What all routes share. A route gets it as `State<SharedState>`.
pub(super) type SharedState = Arc<AdminState>;

/// The running bridge, and facts about it that never change.
#[derive(Debug)]
pub(super) struct AdminState {
    /// When the bridge started.
    pub(super) started_at: Timestamp,
    /// The configuration file.
    pub(super) config_path: PathBuf,
}
