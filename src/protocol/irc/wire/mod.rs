//! The wire format of IRC: lines, tags, batches, charsets, and the server's announced features.

pub(super) mod batch;
pub(super) mod charset;
pub(super) mod charsets;
pub(super) mod isupport;
pub(super) mod line;
pub(super) mod parse;
