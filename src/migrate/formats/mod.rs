//! What each client writes, and how it is recognised.

mod log_format;
mod quassel_copy;

pub use log_format::{LogFormat, UnknownFormatName};

#[cfg(test)]
#[path = "../../../tests/support/log_writer.rs"]
pub(crate) mod log_writer;
