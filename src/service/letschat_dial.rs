//! How connections to Let's Chat are made.

use crate::config::LetsChatSettings;
use crate::net::dial::connect_letschat;
use crate::net::{Wire, WriteGate};

/// The server, and the gate that is asked before anything is written to it.
#[derive(Debug, Clone)]
pub(super) struct LetsChatDial {
    pub(super) settings: LetsChatSettings,
    pub(super) gate: WriteGate,
}

impl LetsChatDial {
    /// Connects, once the gate is open.
    ///
    /// # Errors
    /// Why that fails, in words for the administrator.
    pub(super) async fn connect(&self) -> Result<Box<dyn Wire>, String> {
        connect_letschat(&self.settings.url, &self.settings.tls_trust, &self.gate).await
    }
}
