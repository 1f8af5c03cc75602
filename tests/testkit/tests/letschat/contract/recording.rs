//! A recording: one JSON object a line.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value;

/// One line of a recording.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub(crate) enum Line {
    Rest(Recorded),
    WsOpen { sock: String, url: String },
    WsSend { sock: String, frame: String },
    WsRecv { sock: String, frame: String },
    WsClose { sock: String },
}

/// A request and its answer.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Recorded {
    pub(crate) note: String,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) auth: Option<String>,
    pub(crate) request_body: Option<String>,
    pub(crate) status: u16,
    pub(crate) content_type: Option<String>,
    #[serde(default)]
    pub(crate) headers: HashMap<String, Value>,
    pub(crate) response_body: String,
    #[serde(default)]
    pub(crate) truncated: bool,
}
