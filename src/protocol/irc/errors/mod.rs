//! Errors of IRC servers about messages, joins and connections, and how to react to them.

pub(super) mod disconnect;
pub(super) mod join;
pub(super) mod send;
