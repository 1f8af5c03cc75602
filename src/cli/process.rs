//! What the process itself is kept from: others shall read neither its files nor its memory.

use rustix::fs::Mode;
use rustix::process::{DumpableBehavior, Resource, Rlimit};

/// From now on, what this process makes is its user's alone, and no core of it is written: tokens and
/// private messages would stand in there.
pub(super) fn keep_to_ourselves() {
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    if let Err(error) = rustix::process::setrlimit(Resource::Core, none) {
        tracing::debug!(%error, "core files are not turned off");
    }
    if let Err(error) = rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable) {
        tracing::debug!(%error, "other programs of this user may read the memory");
    }
}
