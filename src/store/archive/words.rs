//! Cuts texts into the words by which lines are found.
//!
//! Case, diacritics and widths are folded. Languages without spaces between words are cut into pairs of characters: a run
//! `abc` becomes `ab bc c`. So what one searches for is a phrase of pairs, and a single character the beginning of a pair.

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
    let mut cutter = Cutter::default();
    for (at, letter) in visible(text) {
        if cutter.words.len() >= MAX_WORDS {
            break;
        }
        cutter.push(at, letter);
    }
    cutter.end();
    cutter.words
}

/// `text` folded for comparison: its words with single spaces between them.
pub(super) fn folded(text: &str) -> String {
    let mut all = String::with_capacity(text.len());
    for word in words_of(text) {
        if !all.is_empty() {
            all.push(' ');
        }
        all.push_str(&word.folded);
    }
    all
}

#[derive(Default)]
struct Cutter {
    words: Vec<Word>,
    /// The word that goes on.
    open: Option<Word>,
    /// The last character of a run without spaces, with its place.
    run: Option<(String, Range<usize>)>,
}

impl Cutter {
    fn push(&mut self, at: usize, letter: char) {
        let place = at..at + letter.len_utf8();
        if is_unspaced(letter) {
            self.end_word();
            let folded = fold_unspaced(letter);
            if let Some((before, from)) = self.run.take() {
                self.words.push(Word {
                    folded: format!("{before}{folded}"),
                    range: from.start..place.end,
                    first: from,
                    cut: WordCut::Pair,
                });
            }
            self.run = Some((folded, place));
            return;
        }
        let mut letters = String::new();
        fold(letter, &mut letters);
        if letters.is_empty() && is_dropped_mark(letter) {
            // It belongs to the letter before.
            if let Some(word) = &mut self.open {
                word.range.end = place.end;
            }
            return;
        }
        if letters.is_empty() {
            return self.end();
        }
        self.end_run();
        let word = self.open.get_or_insert_with(|| Word {
            folded: String::new(),
            range: place.clone(),
            first: place.clone(),
            cut: WordCut::Whole,
        });
        word.range.end = place.end;
        if word.folded.len() + letters.len() <= MAX_WORD_BYTES {
            word.folded.push_str(&letters);
        }
    }

    fn end_word(&mut self) {
        self.words.extend(self.open.take());
    }

    fn end_run(&mut self) {
        if let Some((folded, range)) = self.run.take() {
            self.words.push(Word { folded, first: range.clone(), range, cut: WordCut::Last });
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
                None if is_dropped_mark(part) || is_reserved(part) => {}
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

/// Stands for rooms and speakers in the index.
fn is_reserved(letter: char) -> bool {
    matches!(letter, '\u{e000}'..='\u{f8ff}')
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
fn fold_unspaced(letter: char) -> String {
    let mut wide = letter;
    if matches!(letter, '\u{ff66}'..='\u{ff9f}' | '\u{f900}'..='\u{faff}' | '\u{2e80}'..='\u{2fd5}')
    {
        let mut parts = Vec::new();
        decompose_compatible(letter, |part| parts.push(part));
        wide = parts.first().copied().unwrap_or(letter);
    }
    let hiragana = match wide {
        '\u{30a1}'..='\u{30f6}' => char::from_u32(u32::from(wide) - 0x60),
        _ => None,
    };
    hiragana.unwrap_or(wide).to_string()
}

/// What the index of words is given for a line: its words, and whose and in which room they are.
pub(super) fn index_text(text: &str, room: i64, speaker: Option<i64>) -> String {
    let mut all = String::with_capacity(text.len() + 16);
    for word in words_of(text) {
        all.push_str(&word.folded);
        all.push(' ');
    }
    all.push_str(&room_term(room));
    if let Some(speaker) = speaker {
        all.push(' ');
        all.push_str(&speaker_term(speaker));
    }
    all
}

/// The term of all lines of a room, which no word equals.
pub(super) fn room_term(room: i64) -> String {
    format!("\u{e000}{room}")
}

/// The term of all lines of a speaker.
pub(super) fn speaker_term(speaker: i64) -> String {
    format!("\u{e001}{speaker}")
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
    fn names_keep_their_signs() {
        assert_eq!(fold_name("Dave_|Away"), "dave_|away");
        assert_eq!(fold_name("É"), "e");
    }
}
