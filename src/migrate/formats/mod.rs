//! What each client writes, and how it is recognised.

mod eggdrop;
mod hexchat;
mod hexchat_words;
mod ii;
mod irssi;
mod log_format;
mod mirc;
mod parser;
mod pattern;
mod pattern_items;
mod place;
mod place_dates;
mod quassel_copy;
mod recognise;
mod scan;
mod stamp;
mod starred;
mod textual;
mod told;
mod weechat;

pub use log_format::{LogFormat, UnknownFormatName};
pub use parser::{LineParser, ParserSettings};
pub use pattern::{LinePattern, PatternError};
pub(in crate::migrate) use place_dates::folder_of_writer;
pub use recognise::{HEAD, Recognised, UnknownFormat, recognise, recognise_as};

#[cfg(test)]
#[path = "../../../tests/support/log_writer.rs"]
pub(crate) mod log_writer;

#[cfg(test)]
#[path = "../../../tests/support/log_script.rs"]
pub(crate) mod log_script;

#[cfg(test)]
mod tests;
