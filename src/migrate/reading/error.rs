//! Why a channel cannot be read.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::migrate::times::TimeError;
use crate::store::ForeignLogError;

/// Why a channel cannot be read, or not to its end.
#[derive(Debug, Error)]
pub enum ReadError {
    /// Private logs were not asked for.
    #[error(
        "the logs of {channel} on {network} are private: they are read only if they are asked for, since what is imported \
         is read by others"
    )]
    Private {
        /// The network.
        network: String,
        /// Whom they are with.
        channel: String,
    },
    /// A file cannot be read.
    #[error("cannot read {}: {error}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's error.
        error: io::Error,
    },
    /// When something was said cannot be known.
    #[error("{}, line {line}: {error}", path.display())]
    Time {
        /// The file.
        path: PathBuf,
        /// The number of the line, from 1.
        line: u64,
        /// Why.
        error: TimeError,
    },
    /// A database cannot be read.
    #[error(transparent)]
    Database(#[from] ForeignLogError),
    /// A database has no such channel.
    #[error(
        "{} has no channel {channel} on {network}: take its names from a new plan",
        path.display()
    )]
    NoSuchChannel {
        /// The database.
        path: PathBuf,
        /// The network.
        network: String,
        /// The channel.
        channel: String,
    },
    /// Too many logs of one channel overlap.
    #[error(
        "{count} logs of {channel} on {network} are of different people or overlap; {limit} can be merged. Leave out those \
         that add nothing"
    )]
    TooMany {
        /// The network.
        network: String,
        /// The channel.
        channel: String,
        /// How many there are.
        count: usize,
        /// How many can be merged.
        limit: usize,
    },
}
