//! From text to words.

use serde::{Deserialize, Serialize};
use unicode_segmentation::UnicodeSegmentation;

/// Longer tokens are no words (encoded pictures, endless links) and are left out. In bytes.
pub const LONGEST: usize = 1024;

/// How a text is cut into words. Whatever the choice, no word holds white space.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tokenizer {
    /// At white space alone, as Python's `str.split()` does: for text that is tokenised already. Punctuation
    /// sticks to words, so that raw prose gives "end." and "end" as two words.
    Whitespace,
    /// The words of Unicode's UAX #29 in each stretch between white space, punctuation left out: "can't",
    /// "U.S", "3.14" and "naïve" are one word each, "well-known" two. Right for most languages; Chinese and
    /// Japanese come out character by character.
    #[default]
    Words,
    /// Runs of the letters a–z (and A–Z); all else separates: "can't" gives "can" and "t", "naïve" gives "na"
    /// and "ve", numbers vanish. The classic clean-up of English word2vec corpora; wrong for other languages.
    Letters,
}

impl Tokenizer {
    /// Its name in options.
    pub fn name(self) -> &'static str {
        match self {
            Tokenizer::Whitespace => "whitespace",
            Tokenizer::Words => "words",
            Tokenizer::Letters => "letters",
        }
    }

    /// Appends the tokens of `text` to `out`, lower-cased (by Unicode, without regard to language) if asked.
    pub fn tokens(self, lowercase: bool, text: &str, out: &mut Tokens) {
        match self {
            Tokenizer::Letters => {
                for word in text.as_bytes().split(|b| !b.is_ascii_alphabetic()) {
                    out.push_ascii(word, lowercase);
                }
            }
            Tokenizer::Whitespace => {
                // Python also splits at the four separators of ASCII, and what it splits we must not join.
                for word in text.split(|c: char| c.is_whitespace() || matches!(c, '\x1c'..='\x1f'))
                {
                    out.push(word, lowercase);
                }
            }
            Tokenizer::Words => {
                let bytes = text.as_bytes();
                let mut start = 0;
                while start < bytes.len() {
                    let mut end = start;
                    let mut any = 0;
                    while let Some(&b) = bytes.get(end) {
                        if matches!(b, b' ' | b'\t'..=b'\r') {
                            break;
                        }
                        any |= b;
                        end += 1;
                    }
                    // Cut beside ASCII white space, so both are boundaries of characters.
                    let chunk = text.get(start..end).unwrap_or_default();
                    if any.is_ascii() {
                        ascii_words(chunk, lowercase, out);
                    } else {
                        words(chunk, lowercase, out);
                    }
                    start = end + 1;
                }
            }
        }
    }
}

/// The hash that goes with a token.
pub(super) fn token_hash(token: &[u8]) -> u32 {
    xxhash_rust::xxh3::xxh3_64(token) as u32
}

/// Tokens in the order of the text, one after the other in one buffer.
#[derive(Debug, Default)]
pub struct Tokens {
    bytes: Vec<u8>,
    /// Length and hash of each; length 0 closes a document.
    marks: Vec<(u16, u32)>,
    too_long: u64,
}

impl Tokens {
    /// Empties it, keeping its memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.marks.clear();
        self.too_long = 0;
    }

    /// Closes a document.
    pub fn close(&mut self) {
        self.marks.push((0, 0));
    }

    /// How many were left out because they were longer than [`LONGEST`].
    pub fn too_long(&self) -> u64 {
        self.too_long
    }

    /// The tokens with a hash of their bytes; an empty one closes a document.
    pub(super) fn hashed(&self) -> impl Iterator<Item = (&[u8], u32)> {
        let mut rest = self.bytes.as_slice();
        self.marks.iter().map(move |&(len, hash)| {
            let (token, after) = rest.split_at_checked(len as usize).unwrap_or((rest, &[]));
            rest = after;
            (token, hash)
        })
    }

    /// The tokens; an empty one closes a document.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.hashed().map(|(token, _)| std::str::from_utf8(token).unwrap_or_default())
    }

    fn push_ascii(&mut self, word: &[u8], lowercase: bool) {
        if word.is_empty() {
            return;
        }
        let start = self.bytes.len();
        if lowercase {
            self.bytes.extend(word.iter().map(u8::to_ascii_lowercase));
        } else {
            self.bytes.extend_from_slice(word);
        }
        self.mark(start);
    }

    fn push(&mut self, word: &str, lowercase: bool) {
        if word.is_ascii() || !lowercase {
            self.push_ascii(word.as_bytes(), lowercase);
        } else if word.len() > LONGEST {
            self.too_long += 1;
        } else {
            let start = self.bytes.len();
            self.bytes.extend_from_slice(word.to_lowercase().as_bytes());
            self.mark(start);
        }
    }

    /// Makes a token of what was appended since `start`.
    fn mark(&mut self, start: usize) {
        let len = self.bytes.len() - start;
        if len > LONGEST {
            self.bytes.truncate(start);
            self.too_long += 1;
        } else {
            let hash = token_hash(self.bytes.get(start..).unwrap_or_default());
            self.marks.push((len as u16, hash));
        }
    }
}

/// The Word_Break classes of UAX #29 that join characters of ASCII and of the alphabets next to it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Letter,
    Number,
    /// `_` joins all.
    Join,
    /// `.` and `'` between two letters or two numbers.
    Mid,
    /// `:` between two letters.
    MidLetter,
    /// `,` and `;` between two numbers.
    MidNumber,
    Other,
}

const fn ascii_class(byte: u8) -> Class {
    match byte {
        b'a'..=b'z' | b'A'..=b'Z' => Class::Letter,
        b'0'..=b'9' => Class::Number,
        b'_' => Class::Join,
        b'.' | b'\'' => Class::Mid,
        b':' => Class::MidLetter,
        b',' | b';' => Class::MidNumber,
        _ => Class::Other,
    }
}

static ASCII: [Class; 256] = {
    let mut table = [Class::Other; 256];
    let mut byte = 0;
    while byte < 128 {
        table[byte] = ascii_class(byte as u8);
        byte += 1;
    }
    table
};

/// Stretches of ASCII, where the rules need no table of Unicode.
fn ascii_words(chunk: &str, lowercase: bool, out: &mut Tokens) {
    let bytes = chunk.as_bytes();
    by_rules(
        bytes.len(),
        |i| bytes.get(i).map_or(Class::Other, |&b| ASCII[b as usize]),
        |range| {
            out.push_ascii(bytes.get(range).unwrap_or_default(), lowercase);
        },
    );
}

/// Any stretch without ASCII white space. Letters of the Latin, Greek and Cyrillic alphabets follow the same
/// rules as those of ASCII; anything else needs the whole of UAX #29.
fn words(chunk: &str, lowercase: bool, out: &mut Tokens) {
    if !chunk.chars().all(|c| c.is_ascii() || simple_letter(c)) {
        // White space beyond ASCII too: a stray combining mark would join it to a word.
        for word in chunk.split(char::is_whitespace).flat_map(UnicodeSegmentation::unicode_words) {
            out.push(word, lowercase);
        }
        return;
    }
    // All but ASCII are letters here, so every byte of them may stand for a letter.
    let bytes = chunk.as_bytes();
    let class = |i: usize| {
        bytes
            .get(i)
            .map_or(Class::Other, |&b| if b.is_ascii() { ASCII[b as usize] } else { Class::Letter })
    };
    by_rules(bytes.len(), class, |range| out.push(chunk.get(range).unwrap_or_default(), lowercase));
}

/// Whether a character is an ALetter by UAX #29; `false` where this short list does not know.
fn simple_letter(c: char) -> bool {
    matches!(c, '\u{c0}'..='\u{d6}' | '\u{d8}'..='\u{f6}' | '\u{f8}'..='\u{2c1}' | '\u{391}'..='\u{3a1}'
        | '\u{3a3}'..='\u{3f5}' | '\u{400}'..='\u{481}' | '\u{48a}'..='\u{52f}')
}

/// Rules WB5–WB13b over `len` bytes of known classes; gives the ranges that hold a letter or a number.
fn by_rules(
    len: usize,
    class: impl Fn(usize) -> Class,
    mut word: impl FnMut(std::ops::Range<usize>),
) {
    use Class::{Join, Letter, Mid, MidLetter, MidNumber, Number};
    let mut i = 0;
    while i < len {
        let mut last = class(i);
        if !matches!(last, Letter | Number | Join) {
            i += 1;
            continue;
        }
        let start = i;
        let mut wanted = last != Join;
        i += 1;
        while i < len {
            let here = class(i);
            match (last, here) {
                (_, Letter | Number) => wanted = true,
                (_, Join) => {}
                (Letter, Mid | MidLetter) if class(i + 1) == Letter => {
                    i += 1;
                    last = Letter;
                    i += 1;
                    continue;
                }
                (Number, Mid | MidNumber) if class(i + 1) == Number => {
                    i += 2;
                    continue;
                }
                _ => break,
            }
            last = here;
            i += 1;
        }
        if wanted {
            word(start..i);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tokens(tokenizer: Tokenizer, lowercase: bool, text: &str) -> Vec<String> {
        let mut out = Tokens::default();
        tokenizer.tokens(lowercase, text, &mut out);
        out.iter().map(str::to_string).collect()
    }

    #[test]
    fn each_tokenizer_does_what_it_says() {
        let text = "I can't say 3.14 is a well-known naïve_1 U.S. İnce ΟΔΟΣ 東京";
        assert_eq!(
            tokens(Tokenizer::Words, true, text),
            [
                "i", "can't", "say", "3.14", "is", "a", "well", "known", "naïve_1", "u.s", "i̇nce",
                "οδος", "東", "京"
            ]
        );
        assert_eq!(
            tokens(Tokenizer::Letters, true, "can't naïve 42x"),
            ["can", "t", "na", "ve", "x"]
        );
        assert_eq!(
            tokens(Tokenizer::Whitespace, false, " End. \u{a0}A\u{1c}b\n"),
            ["End.", "A", "b"]
        );
    }

    #[test]
    fn tokens_that_are_no_words_are_left_out_and_counted() {
        let mut out = Tokens::default();
        let long = "x".repeat(LONGEST + 1);
        Tokenizer::Words.tokens(true, &format!("a {long} {}é b", &long[1..]), &mut out);
        assert_eq!(out.iter().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(out.too_long(), 2);
    }

    #[test]
    fn simple_letters_are_letters_of_the_standard() {
        for c in ('\u{80}'..='\u{600}').filter(|&c| simple_letter(c)) {
            let text = format!("a{c}1 {c}.{c}");
            assert_eq!(
                text.unicode_words().collect::<Vec<_>>(),
                text.split(' ').collect::<Vec<_>>(),
                "{c:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn words_are_those_of_the_standard(text in "[ab1_.':,; \u{e9}\u{444}\u{5d0}\u{301}\u{6771}\u{2019}\"\n-]{0,40}") {
            let standard: Vec<String> = text
                .split([' ', '\n'])
                .flat_map(UnicodeSegmentation::unicode_words)
                .map(str::to_lowercase)
                .collect();
            prop_assert_eq!(tokens(Tokenizer::Words, true, &text), standard);
        }

        #[test]
        fn no_tokenizer_panics_and_no_token_holds_white_space(text in "\\PC{0,200}|[\\x00-\\x7f]{0,200}") {
            for tokenizer in [Tokenizer::Whitespace, Tokenizer::Words, Tokenizer::Letters] {
                for token in tokens(tokenizer, true, &text) {
                    prop_assert!(!token.is_empty() && !token.contains(char::is_whitespace), "{token:?}");
                }
            }
        }
    }
}
