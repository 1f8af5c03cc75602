//! Text with IRC's formatting, taken out of it or hinted at.
#![no_main]

use letsbridge::protocol::irc::plain;
use letsbridge::translate::{Formatting, strip};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let is_code = |c: char| c < ' ' && !"\t\r\n".contains(c);
    for formatting in [Formatting::Plain, Formatting::Marks] {
        let shown = strip(text, formatting);
        assert!(!shown.contains(is_code), "nothing of it is left: {shown:?}");
    }
    let words = plain(text);
    assert!(words.len() <= text.len());
    assert_eq!(plain(&words), words, "what is plain stays as it is");
});
