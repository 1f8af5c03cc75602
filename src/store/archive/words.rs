//! Cuts texts into the words by which lines are found.
//!
//! Case, diacritics and widths are folded. Languages without spaces between words are cut into pairs of characters: a run
//! `abc` becomes `ab bc c`. So what one searches for is a phrase of pairs, and a single character the beginning of a pair.
//!
//! Why not the trigrams that FTS5 brings: they find nothing shorter than three characters, and most words of Chinese and
//! Japanese have one or two. With 100,000 such lines of 14 characters, pairs took 127 bytes a line and 16 µs, trigrams 93
//! and 14; four characters were found in 0.3 and 0.04 ms. In languages with spaces, trigrams take twice the room of words
//! with their beginnings (160 and 83 bytes a line), and a word is not told from a part of one.

use std::borrow::Cow;
use std::ops::Range;

use unicode_normalization::char::decompose_compatible;

/// More words of one line are not indexed.
const MAX_WORDS: usize = 20_000;

/// A longer word is cut: nobody types it.
const MAX_WORD_BYTES: usize = 64;

/// A word of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    /// Folded; letters and digits only.
    pub(super) folded: String,
    /// Its bytes in the text.
    pub(super) range: Range<usize>,
    /// The part of that which its first character takes.
    pub(super) first: Range<usize>,
    /// How it was cut.
    pub(super) cut: WordCut,
}

/// How a word was cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WordCut {
    /// By what stands around it.
    Whole,
    /// Two characters of a run without spaces.
    Pair,
    /// The last character of such a run.
    Last,
}

/// The words of `text`, in their order.
pub(super) fn words_of(text: &str) -> Vec<Word> {
    let mut words = Vec::new();
    cut_into_words(text, |cut| {
        words.push(Word {
            folded: cut.folded.to_owned(),
            range: cut.range,
            first: cut.first,
            cut: cut.cut,
        });
    });
    words
}

/// `text` folded for comparison: its words with single spaces between them.
pub(super) fn folded(text: &str) -> String {
    let mut all = String::with_capacity(text.len());
    cut_into_words(text, |word| {
        if !all.is_empty() {
            all.push(' ');
        }
        all.push_str(word.folded);
    });
    all
}

/// Tells `found` the words of `text`, in their order.
fn cut_into_words(text: &str, found: impl FnMut(CutWord<'_>)) {
    let mut cutter = Cutter::new(found);
    for (at, letter) in visible(text) {
        if cutter.count >= MAX_WORDS {
            break;
        }
        cutter.push(at, letter);
    }
    cutter.end();
}

/// A [`Word`] on its way.
struct CutWord<'a> {
    folded: &'a str,
    range: Range<usize>,
    first: Range<usize>,
    cut: WordCut,
}

/// Cuts without allocating for each word: an import has millions.
struct Cutter<F> {
    found: F,
    count: usize,
    /// The word that goes on: its places, and its letters in `letters`.
    open: Option<(Range<usize>, Range<usize>)>,
    letters: String,
    /// The last character of a run without spaces, with its place.
    run: Option<(char, Range<usize>)>,
}

impl<F: FnMut(CutWord<'_>)> Cutter<F> {
    fn new(found: F) -> Self {
        let letters = String::with_capacity(2 * MAX_WORD_BYTES);
        Self { found, count: 0, open: None, letters, run: None }
    }

    fn push(&mut self, at: usize, letter: char) {
        let place = at..at + letter.len_utf8();
        if is_unspaced(letter) {
            self.end_word();
            let folded = fold_unspaced(letter);
            if let Some((before, from)) = self.run.take() {
                let mut pair = [0; 8];
                let length = before.encode_utf8(&mut pair).len();
                let length = length + folded.encode_utf8(&mut pair[length..]).len();
                let folded = std::str::from_utf8(&pair[..length]).unwrap_or_default();
                let range = from.start..place.end;
                (self.found)(CutWord { folded, range, first: from, cut: WordCut::Pair });
                self.count += 1;
            }
            self.run = Some((folded, place));
            return;
        }
        let before = self.letters.len();
        fold(letter, &mut self.letters);
        if self.letters.len() == before {
            if !is_dropped_mark(letter) {
                return self.end();
            }
            // It belongs to the letter before.
            if let Some((range, _)) = &mut self.open {
                range.end = place.end;
            }
            return;
        }
        self.end_run();
        match &mut self.open {
            Some((range, _)) => range.end = place.end,
            None => self.open = Some((place.clone(), place)),
        }
        if self.letters.len() > MAX_WORD_BYTES {
            self.letters.truncate(before);
        }
    }

    fn end_word(&mut self) {
        if let Some((range, first)) = self.open.take() {
            (self.found)(CutWord { folded: &self.letters, range, first, cut: WordCut::Whole });
            self.count += 1;
            self.letters.clear();
        }
    }

    fn end_run(&mut self) {
        if let Some((letter, range)) = self.run.take() {
            let mut folded = [0; 4];
            let folded = letter.encode_utf8(&mut folded);
            (self.found)(CutWord { folded, first: range.clone(), range, cut: WordCut::Last });
            self.count += 1;
        }
    }

    fn end(&mut self) {
        self.end_word();
        self.end_run();
    }
}

/// The characters of `text` with their places, without IRC's formatting codes and characters that are not seen.
pub(super) fn visible(text: &str) -> impl Iterator<Item = (usize, char)> {
    let mut letters = text.char_indices().peekable();
    std::iter::from_fn(move || {
        loop {
            let (at, letter) = letters.next()?;
            match letter {
                '\u{02}' | '\u{0f}' | '\u{11}' | '\u{16}' | '\u{1d}'..='\u{1f}' => {}
                '\u{03}' => skip_colours(&mut letters, 2, |letter| letter.is_ascii_digit()),
                '\u{04}' => skip_colours(&mut letters, 6, |letter| letter.is_ascii_hexdigit()),
                // Soft hyphens and joiners stand within words.
                '\u{ad}' | '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}' => {}
                _ => return Some((at, letter)),
            }
        }
    })
}

/// Skips the colours behind a code: of the foreground, and behind a comma of the background.
fn skip_colours(
    letters: &mut std::iter::Peekable<std::str::CharIndices<'_>>,
    most: usize,
    is_digit: impl Fn(char) -> bool,
) {
    let digits = |letters: &mut std::iter::Peekable<std::str::CharIndices<'_>>| {
        (0..most).take_while(|_| letters.next_if(|(_, next)| is_digit(*next)).is_some()).count()
    };
    if digits(letters) == 0 {
        return;
    }
    let mut ahead = letters.clone();
    if ahead.next_if(|(_, next)| *next == ',').is_some() && digits(&mut ahead) > 0 {
        *letters = ahead;
    }
}

/// Adds what is left of a letter; nothing if it is none.
fn fold(letter: char, into: &mut String) {
    if letter.is_ascii() {
        if letter.is_ascii_alphanumeric() {
            into.push(letter.to_ascii_lowercase());
        }
        return;
    }
    decompose_compatible(letter, |part| {
        for part in part.to_lowercase() {
            match special(part) {
                Some(letters) => into.push_str(letters),
                None if is_dropped_mark(part) => {}
                None if part.is_alphanumeric() || is_kept_mark(part) => into.push(part),
                None => {}
            }
        }
    });
}

/// Letters that do not decompose, and are often written without their strokes.
fn special(letter: char) -> Option<&'static str> {
    Some(match letter {
        'ß' => "ss",
        'æ' => "ae",
        'œ' => "oe",
        'ø' => "o",
        'ł' => "l",
        'đ' | 'ð' => "d",
        'þ' => "th",
        'ı' => "i",
        'ς' => "σ",
        'ё' => "е",
        _ => return None,
    })
}

/// Marks without which a word is still the same one.
fn is_dropped_mark(letter: char) -> bool {
    matches!(letter,
        '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{591}'..='\u{5c7}' | '\u{640}'
        | '\u{64b}'..='\u{65f}' | '\u{670}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}'
        | '\u{20d0}'..='\u{20ff}' | '\u{3099}' | '\u{309a}' | '\u{fe00}'..='\u{fe2f}')
}

/// Marks that make another word, such as vowels and viramas in scripts of India.
fn is_kept_mark(letter: char) -> bool {
    unicode_normalization::char::is_combining_mark(letter)
}

/// Whether the letter is of a script that is written without spaces, or whose words have endings that do not tell.
fn is_unspaced(letter: char) -> bool {
    matches!(letter,
        '\u{e01}'..='\u{e3a}' | '\u{e40}'..='\u{e4e}' // Thai
        | '\u{e81}'..='\u{ece}' | '\u{edc}'..='\u{edf}' // Lao
        | '\u{1000}'..='\u{103f}' | '\u{1050}'..='\u{109f}' // Burmese
        | '\u{1780}'..='\u{17d3}' | '\u{17dc}' | '\u{17dd}' // Khmer
        | '\u{2e80}'..='\u{2fd5}' | '\u{3005}'..='\u{3007}' | '\u{3021}'..='\u{3029}'
        | '\u{3041}'..='\u{3096}' | '\u{3099}' | '\u{309a}' | '\u{309d}'..='\u{309f}'
        | '\u{30a1}'..='\u{30fa}' | '\u{30fc}'..='\u{30ff}' | '\u{3105}'..='\u{312f}'
        | '\u{31a0}'..='\u{31bf}' | '\u{31f0}'..='\u{31ff}' | '\u{3400}'..='\u{4dbf}'
        | '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}' | '\u{f900}'..='\u{faff}'
        | '\u{ff66}'..='\u{ff9f}' | '\u{20000}'..='\u{323af}')
}

/// Katakana and hiragana are one, as are widths. Marks that stand apart stay.
fn fold_unspaced(letter: char) -> char {
    let mut wide = letter;
    if matches!(letter, '\u{ff66}'..='\u{ff9f}' | '\u{f900}'..='\u{faff}' | '\u{2e80}'..='\u{2fd5}')
    {
        let mut first = None;
        decompose_compatible(letter, |part| first = first.or(Some(part)));
        wide = first.unwrap_or(letter);
    }
    let hiragana = match wide {
        '\u{30a1}'..='\u{30f6}' => char::from_u32(u32::from(wide) - 0x60),
        _ => None,
    };
    hiragana.unwrap_or(wide)
}

/// What the index of words is given for a line: its words, and whose and in which room they are.
pub(super) fn index_text(text: &str, room: i64, speaker: Option<i64>) -> String {
    let mut all = String::with_capacity(text.len() + 16);
    cut_into_words(text, |word| {
        all.push_str(word.folded);
        all.push(' ');
    });
    push_number(ROOMS, room, &mut all);
    if let Some(speaker) = speaker {
        all.push(' ');
        push_number(SPEAKERS, speaker, &mut all);
    }
    all
}

/// The term of all lines of a room, which no word equals.
pub(super) fn room_term(room: i64) -> String {
    let mut term = String::new();
    push_number(ROOMS, room, &mut term);
    term
}

/// The term of all lines of a speaker.
pub(super) fn speaker_term(speaker: i64) -> String {
    let mut term = String::new();
    push_number(SPEAKERS, speaker, &mut term);
    term
}

/// The planes for private use, whose characters are in no word. Nearly all numbers become a single character, which the
/// indexes of beginnings leave out.
const ROOMS: u32 = 0xf_0000;
const SPEAKERS: u32 = 0x10_0000;
const PLANE: u64 = 0xfffe;

fn push_number(plane: u32, number: i64, into: &mut String) {
    let mut left = number.unsigned_abs();
    loop {
        let digit = u32::try_from(left % PLANE).unwrap_or(0);
        into.extend(char::from_u32(plane + digit));
        left /= PLANE;
        if left == 0 {
            return;
        }
    }
}

/// A name, folded for comparison: without case and diacritics, with all its other characters.
pub(super) fn fold_name(name: &str) -> Cow<'_, str> {
    if name.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase()) {
        return Cow::Borrowed(name);
    }
    let mut folded = String::with_capacity(name.len());
    for letter in name.chars() {
        let before = folded.len();
        fold(letter, &mut folded);
        if folded.len() == before && !is_dropped_mark(letter) {
            folded.push(letter);
        }
    }
    Cow::Owned(folded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_into_folded_words() {
        for (text, words) in [
            ("Kettle's on!", "kettle s on"),
            ("\u{2}te\u{2}a \u{3}04,12red\u{3} x", "tea red x"),
            ("\u{3}5,five", "five"),
            ("\u{4}ff0000,00ff00hex", "hex"),
            ("Grüße Straße ŁÓDŹ naïve cafe\u{301}", "grusse strasse lodz naive cafe"),
            ("ΟΔΟΣ οδός", "οδοσ οδοσ"),
            ("Ｔｅａ ﬁne", "tea fine"),
            ("日本語", "日本 本語 語"),
            ("茶", "茶"),
            ("tea茶party", "tea 茶 party"),
            ("カタカナ ひらがな", "かた たか かな な ひら らが がな な"),
            ("ｶﾀ", "かた た"),
            ("한국어", "한국 국어 어"),
            ("ไทย", "ไท ทย ย"),
            ("हिन्दी", "हिन्दी"),
            ("dave_ foo_bar", "dave foo bar"),
            ("https://a.example/b?c=1", "https a example b c 1"),
            ("!!! ... \u{e000}1", "1"),
            ("Ёлка елка", "елка елка"),
            ("", ""),
        ] {
            assert_eq!(folded(text), words, "{text:?}");
        }
    }

    #[test]
    fn places_of_words_are_at_boundaries_of_characters() {
        let text = "Ein \u{2}Grü\u{2}ße 日本語 cafe\u{301}!";
        let words = words_of(text);
        let cut: Vec<&str> = words.iter().map(|word| &text[word.range.clone()]).collect();
        assert_eq!(cut, ["Ein", "Grü\u{2}ße", "日本", "本語", "語", "cafe\u{301}"]);
    }

    #[test]
    fn rooms_and_speakers_have_terms_of_their_own() {
        let mut seen = std::collections::BTreeSet::new();
        for number in [0, 1, 0xfffd, 0xfffe, 0xffff, 70_000, 1 << 40, i64::MAX] {
            for term in [room_term(number), speaker_term(number)] {
                assert_eq!(folded(&term), "", "{number} is no word");
                assert_eq!(term.chars().count() == 1, number < 0xfffe, "{number}");
                assert!(seen.insert(term), "{number}");
            }
        }
        assert_eq!(index_text("Tea, 茶", 1, Some(2)), "tea 茶 \u{f0001} \u{100002}");
    }

    #[test]
    fn names_keep_their_signs() {
        assert_eq!(fold_name("Dave_|Away"), "dave_|away");
        assert_eq!(fold_name("É"), "e");
    }
}
