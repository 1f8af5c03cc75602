//! Logs of IRC clients in, documents for the database of Let's Chat out.
//!
//! ```text
//! file ─bytes▶ files ─line▶ formats ─WrittenEntry▶ times ─LogEntry▶ merge ─LogEntry▶ letschat, or the archive
//! ```
//!
//! | module    | contents                                                                      |
//! |-----------|-------------------------------------------------------------------------------|
//! | `files`   | the edge: finds and opens logs, and cuts them into lines of bounded length     |
//! | `formats` | what each client writes, and how it is recognised                              |
//! | `times`   | when something was said, as far as the log tells                               |
//! | `merge`   | several people's logs of one channel become one                                |
//! | `reading` | all logs of a channel, files and databases, as one sequence                     |
//! | `people`  | who was who                                                                    |
//! | `plan`    | what the administrator decides: channels, rooms, people                        |
//! | `closed`  | channels that not everybody could be in                                       |
//! | `letschat`| documents as Let's Chat makes them, and the script that restores them          |

pub mod archive_lines;
pub mod closed;
pub mod files;
pub mod formats;
pub mod letschat;
pub mod merge;
pub mod people;
pub mod plan;
pub mod reading;
pub mod times;
pub mod written;
