//! The lines of IRC: reading, writing, and what a server says that it understands.

pub(super) mod batch;
pub(super) mod charset;
pub(super) mod charsets;
pub(super) mod isupport;
pub(super) mod line;
pub(super) mod parse;
