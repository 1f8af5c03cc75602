//! Channels that not everybody could be in.

/// Whether a change of modes, such as `+ik key`, lets in only those who are invited or know the key.
#[must_use]
pub fn closes_channel(change: &str) -> bool {
    let modes = change.split_whitespace().next().unwrap_or_default();
    let mut is_set = true;
    modes.chars().any(|c| {
        match c {
            '+' => is_set = true,
            '-' => is_set = false,
            _ => {}
        }
        is_set && matches!(c, 'i' | 'k')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_that_close_a_channel_are_known() {
        for (change, closed) in [
            ("+i", true),
            ("+nti", true),
            ("+ok ann key", true),
            ("-i", false),
            ("-i+k key", true),
            ("+o-i ann", false),
            ("+o kim", false),
            ("", false),
        ] {
            assert_eq!(closes_channel(change), closed, "{change}");
        }
    }
}
