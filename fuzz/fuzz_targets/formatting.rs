//! Text with IRC's formatting, taken out of it or hinted at.
#![no_main]

use letsbridge::protocol::irc::strip_formatting;
use letsbridge::translate::{Formatting, convert_formatting};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let is_code = |c: char| c < ' ' && !"\t\r\n".contains(c);
    for formatting in [Formatting::Strip, Formatting::Markers] {
        let shown = convert_formatting(text, formatting);
        assert!(!shown.contains(is_code), "nothing of it is left: {shown:?}");
    }
    let words = strip_formatting(text);
    assert!(words.len() <= text.len());
    assert_eq!(strip_formatting(&words), words, "what is plain stays as it is");
});
