//! The rows that a text is the mean of: those of its words, of their n-grams, and of its runs of words.

use super::options::Classifier;
use crate::data::{LabelledCorpus, Ngrams, TEXT_END, hash, word_ngrams};
use crate::error::{Error, Result};

/// Which rows every word and every text has.
pub(super) struct Features {
    /// Where the rows of each word end in `rows`: its own if it is kept, and those of its n-grams.
    ends: Vec<usize>,
    rows: Vec<u32>,
    hashes: Vec<u32>,
    /// Words with a row of their own, the most frequent.
    kept: usize,
    word_ngrams: usize,
    buckets: u32,
    used: Buckets,
}

/// A set of buckets; each knows how many of the set are below it.
struct Buckets {
    bits: Vec<u64>,
    /// How many are set in the words before.
    before: Vec<u32>,
}

impl Features {
    pub(super) fn new(options: &Classifier, corpus: &LabelledCorpus) -> Result<Self> {
        let words = &corpus.words;
        let kept = words.counts.partition_point(|&count| count >= options.min_count);
        if kept == 0 {
            return Err(Error::data(format!("no word stands {} times", options.min_count))
                .help("lower --min-count"));
        }
        let buckets = if options.hashes() { options.buckets as u32 } else { 0 };
        let ngrams = Ngrams { min: options.min_n, max: options.max_n };
        let (mut ends, mut rows) = (Vec::with_capacity(words.len()), Vec::new());
        let mut hashes = Vec::with_capacity(words.len());
        let mut marked = Vec::new();
        // Rows of n-grams are buckets at first, behind those of words.
        let mut used = Buckets::none(buckets);
        for (number, word) in words.words.iter().enumerate() {
            if number < kept {
                rows.push(number as u32);
            }
            let start = rows.len();
            if word != TEXT_END {
                ngrams.buckets(word.as_bytes(), buckets, &mut marked, &mut rows);
            }
            rows[start..].iter().for_each(|&bucket| used.set(bucket));
            ends.push(rows.len());
            hashes.push(hash(word.as_bytes()));
        }
        let longest = options.word_ngrams;
        if longest > 1 {
            let mut run = Vec::new();
            for text in corpus.texts.iter() {
                run.clear();
                run.extend(text.iter().map(|&word| hashes[word as usize]));
                word_ngrams(&run, longest, buckets, |bucket| used.set(bucket));
            }
        }
        let count = used.count();
        if u32::try_from(kept + count as usize).is_err() {
            return Err(Error::data("more rows than can be numbered").help("lower buckets"));
        }
        let mut start = 0;
        for (number, &end) in ends.iter().enumerate() {
            let own = usize::from(number < kept);
            for bucket in &mut rows[start + own..end] {
                *bucket = kept as u32 + used.place(*bucket);
            }
            start = end;
        }
        Ok(Features { ends, rows, hashes, kept, word_ngrams: longest, buckets, used })
    }

    /// Words with a row of their own.
    pub(super) fn kept(&self) -> usize {
        self.kept
    }

    /// All rows.
    pub(super) fn total(&self) -> usize {
        self.kept + self.used.ascending().len()
    }

    /// The buckets that have a row, ascending.
    pub(super) fn used(&self) -> Vec<u32> {
        self.used.ascending()
    }

    /// The rows of a word.
    pub(super) fn of_word(&self, word: u32) -> &[u32] {
        let word = word as usize;
        let start = if word == 0 { 0 } else { self.ends[word - 1] };
        &self.rows[start..self.ends[word]]
    }

    /// The rows of a text.
    pub(super) fn of_text(&self, words: &[u32], run: &mut Vec<u32>, out: &mut Vec<u32>) {
        out.clear();
        for &word in words {
            out.extend(self.of_word(word));
        }
        if self.word_ngrams > 1 {
            run.clear();
            run.extend(words.iter().map(|&word| self.hashes[word as usize]));
            word_ngrams(run, self.word_ngrams, self.buckets, |bucket| {
                out.push(self.kept as u32 + self.used.place(bucket));
            });
        }
    }
}

impl Buckets {
    fn none(buckets: u32) -> Self {
        let words = buckets.div_ceil(64) as usize;
        Buckets { bits: vec![0; words], before: vec![0; words] }
    }

    fn set(&mut self, bucket: u32) {
        self.bits[bucket as usize / 64] |= 1 << (bucket % 64);
    }

    /// Counts those that are set; to be called before `place`.
    fn count(&mut self) -> u32 {
        let mut sum = 0;
        for (bits, before) in self.bits.iter().zip(&mut self.before) {
            *before = sum;
            sum += bits.count_ones();
        }
        sum
    }

    /// How many of the set are below a bucket.
    #[inline]
    fn place(&self, bucket: u32) -> u32 {
        let word = bucket as usize / 64;
        let below = self.bits[word] & ((1 << (bucket % 64)) - 1);
        self.before[word] + below.count_ones()
    }

    fn ascending(&self) -> Vec<u32> {
        let words = self.bits.iter().zip(0_u32..);
        words
            .flat_map(|(&bits, word)| {
                (0..64).filter(move |bit| bits >> bit & 1 == 1).map(move |bit| word * 64 + bit)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_what_is_below() {
        let mut set = Buckets::none(200);
        for bucket in [0, 63, 64, 130, 199] {
            set.set(bucket);
        }
        assert_eq!(set.count(), 5);
        assert_eq!(set.ascending(), [0, 63, 64, 130, 199]);
        for (place, bucket) in set.ascending().into_iter().enumerate() {
            assert_eq!(set.place(bucket), place as u32);
        }
    }
}
