//! Which part of a file somebody wants (RFC 9110, section 14).

/// What of a file is to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// All of it.
    All,
    /// From the first byte to the last, which are both in it.
    Range(u64, u64),
    /// Nothing that it has.
    Beyond,
}

/// The part of a file of `length` bytes that the header `Range` asks for. What we do not know, and
/// several parts at once, may be answered with all of it (section 14.2).
pub(super) fn part(range: Option<&str>, length: u64) -> Part {
    let Some((first, last)) = range.and_then(one_range) else { return Part::All };
    match (number(first), number(last)) {
        (Some(first), _) if first >= length => Part::Beyond,
        (Some(first), Some(last)) if first <= last => Part::Range(first, last.min(length - 1)),
        (Some(first), None) if last.is_empty() => Part::Range(first, length - 1),
        (None, Some(0)) if first.is_empty() => Part::Beyond,
        (None, Some(_)) if first.is_empty() && length == 0 => Part::Beyond,
        (None, Some(many)) if first.is_empty() => {
            Part::Range(length.saturating_sub(many), length - 1)
        }
        _ => Part::All,
    }
}

fn one_range(range: &str) -> Option<(&str, &str)> {
    let (unit, range) = range.split_once('=')?;
    let (first, last) = range.split_once('-')?;
    let known = unit.trim().eq_ignore_ascii_case("bytes") && !range.contains(',');
    known.then_some((first.trim(), last.trim()))
}

fn number(text: &str) -> Option<u64> {
    // Rust would read "+5" as a number, too.
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if plain { Some(text.parse().unwrap_or(u64::MAX)) } else { None }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_part_is_what_was_asked_for() {
        for (range, wanted) in [
            ("bytes=0-0", Part::Range(0, 0)),
            ("bytes=0-99", Part::Range(0, 99)),
            ("bytes=0-100", Part::Range(0, 99)),
            ("bytes=90-", Part::Range(90, 99)),
            ("bytes=-10", Part::Range(90, 99)),
            ("bytes=-1000", Part::Range(0, 99)),
            ("Bytes = 5 - 6", Part::Range(5, 6)),
            ("bytes=100-", Part::Beyond),
            ("bytes=99999999999999999999-", Part::Beyond),
            ("bytes=-0", Part::Beyond),
        ] {
            assert_eq!(part(Some(range), 100), wanted, "{range}");
        }
        assert_eq!(part(Some("bytes=-5"), 0), Part::Beyond);
        assert_eq!(part(None, 100), Part::All);
    }

    #[test]
    fn nonsense_gets_all_of_it() {
        for range in [
            "",
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=5-2",
            "bytes=a-b",
            "bytes=+1-2",
            "lines=1-2",
            "bytes=0-1,5-6",
        ] {
            assert_eq!(part(Some(range), 100), Part::All, "{range}");
        }
    }

    proptest! {
        #[test]
        fn a_part_is_always_within(range in "(bytes=)?[0-9]{0,21}-[0-9]{0,21}", length: u64) {
            if let Part::Range(first, last) = part(Some(&range), length) {
                prop_assert!(first <= last && last < length);
            }
        }
    }
}
