//! Which rows of the input matrix make up each word: its own, and those of its n-grams.

use std::collections::HashMap;

use super::options::{FastText, Subwords};
use crate::data::Vocabulary;
use crate::error::{Error, Result};
use crate::space::fasttext::Owners;

/// The rows of every word, and what the rows behind those of the words belong to.
pub(super) struct WordRows {
    /// Where each word's rows end in `rows`; they start where those of the word before end.
    ends: Vec<usize>,
    rows: Vec<u32>,
    /// What the rows behind those of the words are, in order. Only what some word has is kept: of the 2,000,000
    /// buckets of fastText's default a corpus of 80,000 words touches a fifth.
    subwords: Owners,
}

impl WordRows {
    /// The rows of each word of the vocabulary: its own number first, then its n-grams in order.
    pub(super) fn new(options: &FastText, words: &Vocabulary) -> Result<Self> {
        let made = if options.max_n == 0 {
            Self::hashed(options, words, 0)
        } else {
            match options.subwords {
                Subwords::Hashed => Self::hashed(options, words, options.buckets as u32),
                Subwords::Exact => Self::exact(options, words),
            }
        };
        let total = made.total();
        if u32::try_from(total).is_err() {
            return Err(Error::data(format!(
                "{} words and {} n-grams are more rows than can be numbered",
                words.len(),
                made.ngrams()
            ))
            .help("take a higher --min-count, or a lower max_n"));
        }
        Ok(made)
    }

    fn hashed(options: &FastText, words: &Vocabulary, buckets: u32) -> Self {
        let (mut ends, mut rows, mut marked) =
            (Vec::with_capacity(words.len()), Vec::new(), Vec::new());
        for (number, word) in words.words.iter().enumerate() {
            rows.push(number as u32);
            options.ngrams().buckets(word.as_bytes(), buckets, &mut marked, &mut rows);
            ends.push(rows.len());
        }
        let mut used: Vec<u32> = Vec::with_capacity(rows.len() - words.len());
        let mut start = 0;
        for &end in &ends {
            used.extend(&rows[start + 1..end]);
            start = end;
        }
        used.sort_unstable();
        used.dedup();
        used.shrink_to_fit();
        start = 0;
        for &end in &ends {
            for bucket in &mut rows[start + 1..end] {
                let place = used.binary_search(bucket).unwrap_or_default();
                *bucket = (words.len() + place) as u32;
            }
            start = end;
        }
        WordRows { ends, rows, subwords: Owners::Buckets(used) }
    }

    fn exact(options: &FastText, words: &Vocabulary) -> Self {
        // N-grams are cut between characters, so those of a text are text.
        let mut counts: HashMap<String, u64> = HashMap::new();
        let mut marked = Vec::new();
        for (word, count) in words.words.iter().zip(&words.counts) {
            options.ngrams().each(word.as_bytes(), &mut marked, |ngram| {
                let ngram = String::from_utf8_lossy(ngram);
                if let Some(sum) = counts.get_mut(&*ngram) {
                    *sum += count;
                } else {
                    counts.insert(ngram.into_owned(), *count);
                }
            });
        }
        counts.retain(|_, count| *count >= options.ngram_min_count);
        let mut kept: Vec<String> = counts.into_keys().collect();
        kept.sort_unstable();
        let (mut ends, mut rows) = (Vec::with_capacity(words.len()), Vec::new());
        for (number, word) in words.words.iter().enumerate() {
            rows.push(number as u32);
            options.ngrams().each(word.as_bytes(), &mut marked, |ngram| {
                if let Ok(place) = kept.binary_search_by(|kept| kept.as_bytes().cmp(ngram)) {
                    rows.push((words.len() + place) as u32);
                }
            });
            ends.push(rows.len());
        }
        WordRows { ends, rows, subwords: Owners::Ngrams(kept) }
    }

    /// The rows of a word, its own first.
    #[inline]
    pub(super) fn of(&self, word: u32) -> &[u32] {
        let word = word as usize;
        let start = if word == 0 { 0 } else { self.ends[word - 1] };
        &self.rows[start..self.ends[word]]
    }

    /// Takes the n-grams with a boundary mark from every word, so that words without common letters share no row.
    #[cfg(test)]
    pub(super) fn forget_marks(&mut self) {
        let Owners::Ngrams(ngrams) = &self.subwords else {
            panic!("exact n-grams alone have names")
        };
        let words = self.ends.len() as u32;
        let is_marked =
            |row: u32| row >= words && ngrams[(row - words) as usize].contains(['<', '>']);
        let kept: Vec<Vec<u32>> = (0..words)
            .map(|word| self.of(word).iter().copied().filter(|&row| !is_marked(row)).collect())
            .collect();
        self.rows.clear();
        for (own, end) in kept.iter().zip(&mut self.ends) {
            self.rows.extend(own);
            *end = self.rows.len();
        }
    }

    /// All rows: of words and of n-grams.
    pub(super) fn total(&self) -> usize {
        self.ends.len() + self.ngrams()
    }

    /// The rows of n-grams.
    pub(super) fn ngrams(&self) -> usize {
        self.subwords.rows(0)
    }

    /// What the rows of n-grams belong to.
    pub(super) fn into_owners(self) -> Owners {
        self.subwords
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(list: &[(&str, u64)]) -> Vocabulary {
        Vocabulary {
            words: list.iter().map(|w| w.0.to_owned()).collect(),
            counts: list.iter().map(|w| w.1).collect(),
        }
    }

    #[test]
    fn words_share_the_rows_of_the_ngrams_they_share() {
        let words = words(&[("cat", 9), ("cats", 3)]);
        let options = FastText { min_n: 3, max_n: 3, ngram_min_count: 1, ..FastText::default() };
        for subwords in [Subwords::Hashed, Subwords::Exact] {
            let rows = WordRows::new(&FastText { subwords, ..options.clone() }, &words).unwrap();
            let (cat, cats) = (rows.of(0), rows.of(1));
            assert_eq!((cat[0], cat.len(), cats[0], cats.len()), (0, 4, 1, 5));
            // <ca and cat are in both; at> is not in cats.
            assert_eq!(&cat[1..3], &cats[1..3]);
            assert!(!cats.contains(&cat[3]));
            assert_eq!(rows.total(), 2 + 5);
            let mut all: Vec<u32> = cat.iter().chain(cats).copied().collect();
            all.sort_unstable();
            all.dedup();
            assert_eq!(all, (0..7).collect::<Vec<_>>());
        }
    }

    #[test]
    fn rare_exact_ngrams_have_no_row_and_few_buckets_are_shared() {
        let words = words(&[("cat", 9), ("cats", 3)]);
        let exact = FastText {
            min_n: 3,
            max_n: 3,
            subwords: Subwords::Exact,
            ngram_min_count: 10,
            ..FastText::default()
        };
        let rows = WordRows::new(&exact, &words).unwrap();
        // <ca and cat stand 12 times, at> 9, ats and ts> 3.
        assert_eq!(rows.total(), 4);
        assert_eq!(rows.of(0), [0, 2, 3]);
        let crowded = FastText { buckets: 2, ..FastText::default() };
        let rows = WordRows::new(&crowded, &words).unwrap();
        assert!(rows.total() <= 4 && rows.of(1).len() > 5);
        let none = FastText { max_n: 0, ..FastText::default() };
        assert_eq!(WordRows::new(&none, &words).unwrap().of(1), [1]);
    }
}
