use super::Kind;

/// A message in the manners of the place that it is bound for, as it is said there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Speech {
    /// By which of the place's ways of saying something.
    pub kind: Kind,
    /// What stands before it; on IRC, at the beginning of each of its lines.
    pub prefix: String,
    /// What follows, line by line.
    pub body: String,
}

impl Speech {
    /// All of it in one piece, as Let's Chat takes it.
    #[must_use]
    pub fn whole(&self) -> String {
        format!("{}{}", self.prefix, self.body)
    }
}
