//! Received messages: text, actions, history, and CTCP requests.

pub(super) mod batches;
pub(super) mod chathistory;
pub(super) mod ctcp;
pub(super) mod history;
pub(super) mod messages;
pub(super) mod text;
