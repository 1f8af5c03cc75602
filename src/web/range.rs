//! HTTP range requests (RFC 9110, section 14).

/// The part of a file to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ByteRange {
    /// The whole message.
    Whole,
    /// From this first byte to this last byte, both within the file.
    Partial(u64, u64),
    /// A range outside of the file.
    Unsatisfiable,
}

/// The range of a file of `length` bytes that the `Range` header asks for. Unknown units and multiple ranges
/// may be answered with the whole file (section 14.2).
pub(super) fn requested_range(range: Option<&str>, length: u64) -> ByteRange {
    let Some((first, last)) = range.and_then(parse_single_range) else { return ByteRange::Whole };
    match (parse_number(first), parse_number(last)) {
        (Some(first), _) if first >= length => ByteRange::Unsatisfiable,
        (Some(first), Some(last)) if first <= last => {
            ByteRange::Partial(first, last.min(length - 1))
        }
        (Some(first), None) if last.is_empty() => ByteRange::Partial(first, length - 1),
        (None, Some(0)) if first.is_empty() => ByteRange::Unsatisfiable,
        (None, Some(_)) if first.is_empty() && length == 0 => ByteRange::Unsatisfiable,
        (None, Some(many)) if first.is_empty() => {
            ByteRange::Partial(length.saturating_sub(many), length - 1)
        }
        _ => ByteRange::Whole,
    }
}

fn parse_single_range(range: &str) -> Option<(&str, &str)> {
    let (unit, range) = range.split_once('=')?;
    let (first, last) = range.split_once('-')?;
    let known = unit.trim().eq_ignore_ascii_case("bytes") && !range.contains(',');
    known.then_some((first.trim(), last.trim()))
}

fn parse_number(text: &str) -> Option<u64> {
    // `parse` would accept "+5".
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if plain { Some(text.parse().unwrap_or(u64::MAX)) } else { None }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn single_range_is_honored() {
        for (range, wanted) in [
            ("bytes=0-0", ByteRange::Partial(0, 0)),
            ("bytes=0-99", ByteRange::Partial(0, 99)),
            ("bytes=0-100", ByteRange::Partial(0, 99)),
            ("bytes=90-", ByteRange::Partial(90, 99)),
            ("bytes=-10", ByteRange::Partial(90, 99)),
            ("bytes=-1000", ByteRange::Partial(0, 99)),
            ("Bytes = 5 - 6", ByteRange::Partial(5, 6)),
            ("bytes=100-", ByteRange::Unsatisfiable),
            ("bytes=99999999999999999999-", ByteRange::Unsatisfiable),
            ("bytes=-0", ByteRange::Unsatisfiable),
        ] {
            assert_eq!(requested_range(Some(range), 100), wanted, "{range}");
        }
        assert_eq!(requested_range(Some("bytes=-5"), 0), ByteRange::Unsatisfiable);
        assert_eq!(requested_range(None, 100), ByteRange::Whole);
    }

    #[test]
    fn malformed_range_gets_the_whole_file() {
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
            assert_eq!(requested_range(Some(range), 100), ByteRange::Whole, "{range}");
        }
    }

    proptest! {
        #[test]
        fn range_stays_within_the_file(range in "(bytes=)?[0-9]{0,21}-[0-9]{0,21}", length: u64) {
            if let ByteRange::Partial(first, last) = requested_range(Some(&range), length) {
                prop_assert!(first <= last && last < length);
            }
        }
    }
}
