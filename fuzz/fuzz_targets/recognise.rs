//! Which client wrote a log: any beginning of a file, at any path.
#![no_main]

use std::path::Path;

use letsbridge::migrate::formats::{ParserSettings, recognise, recognise_as};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|log: (&str, &[u8])| {
    let (path, head) = (Path::new(log.0), log.1);
    match recognise(path, head) {
        Ok(found) => {
            let named = recognise_as(found.format, path, head, &ParserSettings::default());
            assert_eq!(
                (&named.channel, &named.network, named.is_private),
                (&found.channel, &found.network, found.is_private),
                "a format that is named tells no more than one that is recognised"
            );
            for rival in found.rivals.clone() {
                assert_ne!(rival, found.format);
                let _ = found.clone().read_as(rival, path);
            }
        }
        Err(unknown) => {
            let lines = head.split(|byte| *byte == b'\n').count() as u64;
            assert!(unknown.number <= lines, "the line that is named is there: {unknown}");
        }
    }
});
