//! HTTP range requests (RFC 9110, section 14).

use http_range_header::{SyntacticallyCorrectRange as Range, parse_range_header};

/// The part of a file to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ByteRange {
    /// The whole file.
    Whole,
    /// From this first byte to this last byte, both within the file.
    Partial(u64, u64),
    /// A range outside of the file.
    Unsatisfiable,
}

/// The range of a file of `length` bytes that the `Range` header asks for. Unknown units and multiple ranges
/// may be answered with the whole file (section 14.2).
pub(super) fn requested_range(range: Option<&str>, length: u64) -> ByteRange {
    // Some clients put spaces in it, which the parser rejects.
    let parsed = range.map(|range| parse_range_header(&range.replace([' ', '\t'], "")));
    let Some(Ok(parsed)) = parsed else { return ByteRange::Whole };
    match parsed.into_ranges()[..] {
        [Range::Indexed(first, last)] if first < length => {
            ByteRange::Partial(first, last.min(length - 1))
        }
        [Range::FromStart(first)] if first < length => ByteRange::Partial(first, length - 1),
        [Range::FromLast(count)] if count > 0 && length > 0 => {
            ByteRange::Partial(length.saturating_sub(count), length - 1)
        }
        [_] => ByteRange::Unsatisfiable,
        _ => ByteRange::Whole,
    }
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
