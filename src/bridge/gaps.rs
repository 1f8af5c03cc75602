/// What was not heard on IRC, since the bridge began to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Gaps {
    /// How often something may have been missed in a channel.
    pub count: u64,
    /// How many seconds these were in all.
    pub seconds: u64,
}
