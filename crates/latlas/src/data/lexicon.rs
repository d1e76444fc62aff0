//! Counting words while they come: provisional ids in the order of first appearance.

use super::Vocabulary;
use crate::error::{Error, Result};

/// Distinct words with their counts, in little memory: all bytes in one buffer, and a table of hash and id at
/// no more than ¾ full. About 30 bytes a word beside its letters.
#[derive(Debug)]
pub(super) struct Lexicon {
    bytes: Vec<u8>,
    /// Where each word ends in `bytes` (it starts where the one before ends), and its count.
    words: Vec<(u64, u64)>,
    /// Hash above, id + 1 below; 0 is free. A power of two long.
    table: Vec<u64>,
}

impl Lexicon {
    pub(super) fn new() -> Self {
        Lexicon { bytes: Vec::new(), words: Vec::new(), table: vec![0; 1 << 12] }
    }

    /// Counts a word and gives its provisional id. `hash` must be the same for the same bytes.
    pub(super) fn count(&mut self, word: &[u8], hash: u32) -> Result<u32> {
        let mask = self.table.len() - 1;
        let mut slot = hash as usize & mask;
        loop {
            let entry = self.table[slot];
            if entry == 0 {
                break;
            }
            let id = (entry as u32) - 1;
            if (entry >> 32) as u32 == hash && self.word(id) == word {
                self.words[id as usize].1 += 1;
                return Ok(id);
            }
            slot = (slot + 1) & mask;
        }
        // The last id is kept free: it closes sequences, and id + 1 must fit.
        let id = u32::try_from(self.words.len()).ok().filter(|&id| id < u32::MAX - 1).ok_or_else(
            || {
                Error::data("the text holds more than 4,294,967,294 different words")
                    .help("choose a tokenizer that makes fewer: --tokenizer words")
            },
        )?;
        self.bytes.extend_from_slice(word);
        self.words.push((self.bytes.len() as u64, 1));
        self.table[slot] = u64::from(hash) << 32 | u64::from(id + 1);
        if self.words.len() > self.table.len() / 4 * 3 {
            self.grow();
        }
        Ok(id)
    }

    /// A word's provisional id, where it has been counted.
    pub(super) fn find(&self, word: &[u8], hash: u32) -> Option<u32> {
        let mask = self.table.len() - 1;
        let mut slot = hash as usize & mask;
        loop {
            let entry = self.table[slot];
            if entry == 0 {
                return None;
            }
            let id = (entry as u32) - 1;
            if (entry >> 32) as u32 == hash && self.word(id) == word {
                return Some(id);
            }
            slot = (slot + 1) & mask;
        }
    }

    /// How many different words there are.
    pub(super) fn len(&self) -> usize {
        self.words.len()
    }

    /// How many words stand at least `min_count` times.
    pub(super) fn at_least(&self, min_count: u64) -> usize {
        self.words.iter().filter(|(_, count)| *count >= min_count).count()
    }

    /// A word, by its provisional id.
    pub(super) fn word(&self, id: u32) -> &[u8] {
        let id = id as usize;
        let start = if id == 0 { 0 } else { self.words[id - 1].0 };
        &self.bytes[start as usize..self.words[id].0 as usize]
    }

    fn grow(&mut self) {
        let mut table = vec![0; self.table.len() * 2];
        let mask = table.len() - 1;
        for &entry in self.table.iter().filter(|&&entry| entry != 0) {
            let mut slot = (entry >> 32) as usize & mask;
            while table[slot] != 0 {
                slot = (slot + 1) & mask;
            }
            table[slot] = entry;
        }
        self.table = table;
    }

    /// The most frequent word and its count.
    pub(super) fn most_frequent(&self) -> Option<(&str, u64)> {
        let best = (0..self.words.len() as u32).max_by(|&a, &b| self.order(b, a))?;
        Some((
            std::str::from_utf8(self.word(best)).unwrap_or_default(),
            self.words[best as usize].1,
        ))
    }

    /// By count, the highest first, then by spelling.
    fn order(&self, a: u32, b: u32) -> std::cmp::Ordering {
        let count = |id: u32| self.words[id as usize].1;
        count(b).cmp(&count(a)).then_with(|| self.word(a).cmp(self.word(b)))
    }

    /// Cuts and sorts: the vocabulary, and for each provisional id the final one (`u32::MAX` for words left out).
    pub(super) fn finish(self, min_count: u64, max_vocab: Option<usize>) -> (Vocabulary, Vec<u32>) {
        let mut kept: Vec<u32> = (0..self.words.len() as u32)
            .filter(|&id| self.words[id as usize].1 >= min_count)
            .collect();
        kept.sort_unstable_by(|&a, &b| self.order(a, b));
        kept.truncate(max_vocab.unwrap_or(usize::MAX));
        let mut finals = vec![u32::MAX; self.words.len()];
        let mut vocabulary = Vocabulary {
            words: Vec::with_capacity(kept.len()),
            counts: Vec::with_capacity(kept.len()),
        };
        for (rank, &id) in kept.iter().enumerate() {
            finals[id as usize] = rank as u32;
            vocabulary.words.push(String::from_utf8_lossy(self.word(id)).into_owned());
            vocabulary.counts.push(self.words[id as usize].1);
        }
        (vocabulary, finals)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_order_are_those_of_a_plain_map() {
        let mut lexicon = Lexicon::new();
        let mut plain = std::collections::BTreeMap::new();
        let mut state = 1_u32;
        for _ in 0..20_000 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let word = format!("w{}", (state >> 16) % 1_500);
            *plain.entry(word.clone()).or_insert(0_u64) += 1;
            // A poor hash: words that share it must still be told apart.
            lexicon.count(word.as_bytes(), word.bytes().map(u32::from).sum::<u32>() << 7).unwrap();
        }
        let mut expected: Vec<(String, u64)> = plain.into_iter().collect();
        expected.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        let top = expected[0].clone();
        assert_eq!(lexicon.most_frequent(), Some((top.0.as_str(), top.1)));
        expected.retain(|(_, count)| *count >= 5);
        expected.truncate(700);
        let (vocabulary, finals) = lexicon.finish(5, Some(700));
        let got: Vec<(String, u64)> = vocabulary.words.into_iter().zip(vocabulary.counts).collect();
        assert_eq!(got, expected);
        assert_eq!(finals.iter().filter(|&&id| id != u32::MAX).count(), expected.len());
    }
}
