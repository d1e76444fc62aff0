//! The character n-grams of words, and the bucket that each is hashed into, exactly as fastText has them.
//!
//! Bojanowski, Grave, Joulin & Mikolov, "Enriching Word Vectors with Subword Information", TACL 2017 (arXiv
//! 1607.04606), §3.2. The word is written between boundary marks, `<word>`; its n-grams are all runs of `min` to `max`
//! characters of that, the whole of it included where it is short enough. A character is a byte that does not continue
//! one of UTF-8 and the continuing bytes behind it, so that words that are no UTF-8 have n-grams too. The marks alone
//! are none. They come in the order of the official program: by where they begin, then by length.

use serde::{Deserialize, Serialize};

/// Which runs of characters count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ngrams {
    /// Characters of the shortest.
    pub min: usize,
    /// Characters of the longest; 0 for no n-grams at all.
    pub max: usize,
}

impl Ngrams {
    /// Gives every n-gram of a word to `each`, in order; one that stands twice in the word comes twice. `marked` is
    /// room for the word between its marks.
    pub fn each(self, word: &[u8], marked: &mut Vec<u8>, mut each: impl FnMut(&[u8])) {
        marked.clear();
        marked.push(b'<');
        marked.extend_from_slice(word);
        marked.push(b'>');
        let continues = |b: u8| b & 0xc0 == 0x80;
        for start in 0..marked.len() {
            if continues(marked[start]) {
                continue;
            }
            let mut end = start;
            for n in 1..=self.max {
                if end == marked.len() {
                    break;
                }
                end += 1;
                while end < marked.len() && continues(marked[end]) {
                    end += 1;
                }
                let is_mark = n == 1 && (start == 0 || end == marked.len());
                if n >= self.min && !is_mark {
                    each(&marked[start..end]);
                }
            }
        }
    }

    /// The bucket of every n-gram of a word, in order. Nothing where there are no buckets.
    pub fn buckets(self, word: &[u8], buckets: u32, marked: &mut Vec<u8>, out: &mut Vec<u32>) {
        if buckets > 0 {
            self.each(word, marked, |ngram| out.push(hash(ngram) % buckets));
        }
    }
}

/// FNV-1a, 32 bits, with the official program's slip: bytes from 0x80 on are taken for negative numbers, so that they
/// change the upper 24 bits too. Every model there is was made with it.
pub fn hash(bytes: &[u8]) -> u32 {
    bytes.iter().fold(2_166_136_261, |hash, &b| (hash ^ (b as i8) as u32).wrapping_mul(16_777_619))
}

/// Gives the bucket of every run of two to `longest` words to `each`, words being told by their [`hash`]es; where they
/// begin, then by length. Hashes are taken for signed numbers, as the official program has them.
pub fn word_ngrams(hashes: &[u32], longest: usize, buckets: u32, mut each: impl FnMut(u32)) {
    if buckets == 0 {
        return;
    }
    let wide = |hash: u32| i64::from(hash as i32) as u64;
    for (start, &first) in hashes.iter().enumerate() {
        let mut run = wide(first);
        for &next in hashes[start + 1..].iter().take(longest.saturating_sub(1)) {
            run = run.wrapping_mul(116_049_371).wrapping_add(wide(next));
            each((run % u64::from(buckets)) as u32);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(word: &str, min: usize, max: usize) -> Vec<String> {
        let mut out = Vec::new();
        Ngrams { min, max }.each(word.as_bytes(), &mut Vec::new(), |ngram| {
            out.push(String::from_utf8(ngram.to_vec()).unwrap());
        });
        out
    }

    /// The n-grams and buckets of fasttext 0.9.2 (PyPI fasttext-wheel), `model.get_subwords(word)` of models trained with
    /// these minn, maxn and bucket, the number of words taken off each id. gensim 4.4.0 (`ft_ngram_hashes`) agrees.
    #[test]
    fn ngrams_and_buckets_are_those_of_the_official_program() {
        for (word, min, max, buckets, expected) in [
            (
                "cat",
                3,
                6,
                2_000_000,
                &[
                    ("<ca", 916_747),
                    ("<cat", 1_988_973),
                    ("<cat>", 1_428_137),
                    ("cat", 289_031),
                    ("cat>", 1_127_995),
                    ("at>", 351_106),
                ][..],
            ),
            (
                "\u{65e5}\u{672c}\u{8a9e}",
                3,
                6,
                2_000_000,
                &[
                    ("<\u{65e5}\u{672c}", 758_587),
                    ("<\u{65e5}\u{672c}\u{8a9e}", 4_581),
                    ("<\u{65e5}\u{672c}\u{8a9e}>", 524_609),
                    ("\u{65e5}\u{672c}\u{8a9e}", 35_559),
                    ("\u{65e5}\u{672c}\u{8a9e}>", 928_923),
                    ("\u{672c}\u{8a9e}>", 1_674_355),
                ],
            ),
            (
                "na\u{ef}ve",
                2,
                2,
                50,
                &[("<n", 5), ("na", 12), ("a\u{ef}", 0), ("\u{ef}v", 3), ("ve", 12), ("e>", 40)],
            ),
            ("a", 1, 3, 1000, &[("<a", 750), ("<a>", 600), ("a", 220), ("a>", 806)]),
            ("a", 3, 6, 2_000_000, &[("<a>", 1_087_600)]),
        ] {
            let mut buckets_found = Vec::new();
            let ngrams = Ngrams { min, max };
            ngrams.buckets(word.as_bytes(), buckets, &mut Vec::new(), &mut buckets_found);
            let found: Vec<(String, u32)> =
                list(word, min, max).into_iter().zip(buckets_found).collect();
            let expected: Vec<(String, u32)> =
                expected.iter().map(|&(ngram, bucket)| (ngram.to_owned(), bucket)).collect();
            assert_eq!(found, expected, "{word}");
        }
    }

    #[test]
    fn one_that_stands_twice_comes_twice_and_none_is_none() {
        assert_eq!(list("anana", 3, 3), ["<an", "ana", "nan", "ana", "na>"]);
        assert!(list("anana", 0, 0).is_empty() && list("", 1, 6).len() == 1);
        let mut out = Vec::new();
        Ngrams { min: 3, max: 6 }.buckets(b"cat", 0, &mut Vec::new(), &mut out);
        assert!(out.is_empty());
    }

    #[test]
    fn bytes_that_are_no_text_do_no_harm() {
        for word in [&b"\x80\x80"[..], b"\xff\xc3", b"a\xc3\xc3\xa9\xbf"] {
            let mut joined = 0;
            Ngrams { min: 1, max: 9 }.each(word, &mut Vec::new(), |ngram| joined += ngram.len());
            assert!(joined > 0);
        }
    }
}
