//! By how much the clocks of two sources differ.

/// How far the clocks may differ, in milliseconds, and still be taken to agree.
const AGREE: i64 = 3_000;

const QUARTER: i64 = 15 * 60_000;

/// By how much two clocks differ.
#[derive(Debug, Clone, Copy)]
pub(super) struct Skew {
    /// By how much the first one is ahead, in milliseconds.
    pub(super) offset: i64,
    /// Whether that is known to seconds.
    pub(super) has_seconds: bool,
}

impl Skew {
    /// Clocks that agree.
    pub(super) const NONE: Self = Self { offset: 0, has_seconds: true };

    /// The middle one of several. Those without seconds count only if there are no others, and tell nothing where they agree with
    /// what has been `usual`.
    pub(super) fn of(several: impl Iterator<Item = Self> + Clone, usual: Self) -> Self {
        let has_seconds = several.clone().any(|it| it.has_seconds);
        let sure = several.filter(|it| it.has_seconds == has_seconds);
        let mut offsets: Vec<i64> = sure.map(|it| it.offset).collect();
        offsets.sort_unstable();
        match offsets.get(offsets.len() / 2) {
            Some(offset)
                if has_seconds || !usual.has_seconds || usual.differs(*offset) > 60_000 =>
            {
                Self { offset: *offset, has_seconds }
            }
            _ => usual,
        }
    }

    /// The same, with the second one as the first.
    pub(super) fn reversed(self) -> Self {
        Self { offset: -self.offset, ..self }
    }

    /// How far two times that are `offset` apart differ beyond what the clocks do, if both have seconds.
    pub(super) fn differs(self, offset: i64) -> i64 {
        (self.offset - offset).abs()
    }

    /// How far that may be because one of them has no seconds.
    pub(super) fn slack(self) -> i64 {
        if self.has_seconds { 0 } else { 60_000 }
    }

    /// By how much a time of the second one is corrected: not at all where the clocks agree as far as can be told, and by a
    /// whole zone where only minutes are known, since then the rest is chance.
    pub(super) fn correction(self) -> i64 {
        let offset = self.offset;
        if self.has_seconds {
            return if offset.abs() <= AGREE { 0 } else { offset };
        }
        let zone = (offset + QUARTER / 2).div_euclid(QUARTER) * QUARTER;
        if (offset - zone).abs() <= 90_000 { zone } else { offset }
    }
}
