//! Settings of how the progress of a move is counted.

/// How the progress of a move from IRC to Let's Chat is counted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProgressSettings {
    /// The names of programs on either side, with `*` and `?`, that are not recognised by themselves.
    pub bots: Vec<String>,
    /// The names of people who are taken for programs, with `*` and `?`.
    pub people: Vec<String>,
}
