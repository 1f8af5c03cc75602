//! Received messages: text, actions, history, and CTCP requests.

pub(super) mod chathistory;
pub(super) mod ctcp;
pub(super) mod history;
pub(super) mod text;
