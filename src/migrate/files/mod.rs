//! The edge: finds and opens logs, and cuts them into lines of bounded length.

mod decode;
mod find;
mod lines;
mod open;

pub use decode::decode_line;
pub use find::{FindError, FindSettings, FoundKind, FoundLog, RefusedFile, find, find_as};
pub use lines::{Lines, MAX_LINE};
pub use open::{LogLines, log_size, open_lines};
