//! When something was said, as far as a log tells.
//!
//! [`Timeline`] gives each line of one file its moment: it knows the writer's zone, follows the days, adds years that are
//! not written, and tells the hour that comes twice in autumn apart by the order of the lines; where that does not tell, a
//! [`TimedEntry`] says so. [`first_day`] finds the day on which a file begins that says so only later. [`Rising`] then spreads the lines of one minute inside it and
//! makes all times of a channel differ.

mod beginning;
mod day;
mod local;
mod rising;
mod timed;
mod timeline;

pub use beginning::first_day;
pub use day::DayChange;
pub use rising::Rising;
pub use timed::TimedEntry;
pub use timeline::{TimeError, Timeline, TimelineStart};
