//! All logs of one channel, from files and databases, as one sequence of entries.
//!
//! ```text
//! file ─line▶ formats ─WrittenLine▶ times ─LogEntry▶ series ┐
//! database ────────────────────────────────────────LogEntry▶┴ merge ─▶ unique, rising times ─▶ what is kept
//! ```
//!
//! # Going on where it was
//!
//! Reading the same files with the same settings gives the same entries with the same times, and no two entries of a channel
//! have the same time. So what has been done of a channel is told by one time: that of the last entry. After an
//! interruption, [`ChannelReader::after`] passes over the entries up to it. Which events are kept changes no times;
//! other files do, and another zone.

mod channel;
mod database;
mod error;
mod series;
mod sources;
mod tally;
#[cfg(test)]
mod tests;
mod text;

pub use channel::{ChannelReader, ReadingProgress};
pub use error::ReadError;
pub use sources::{ChannelSources, KeptEvents, ReadingSettings, SourceFile, SourceFormat};
pub use tally::{ReadLog, ReadingReport};
