//! Counting pairs of neighbours, exactly, in bounded memory, by as many threads as there are.
//!
//! The space of pairs is cut by their hash into parts; each part is counted by one thread in one pass over the ids. A
//! part whose table is full gives up half of its pairs, which become a part of their own for the next round.

use std::collections::HashMap;

use rayon::prelude::*;

use super::MOST_CONNECTORS;
use crate::data::Vocabulary;
use crate::error::Result;
use crate::items::Sequences;
use crate::linalg::blocks::Work;
use crate::run::Run;

/// Ids between two looks at progress.
const CHUNK: usize = 1 << 20;
/// A part is split no further: more rounds than anyone waits for.
const MOST_BITS: u32 = 24;

/// What each word may do in a phrase.
pub(super) struct Roles {
    roles: Vec<Role>,
    /// The ids of the connectors that stand in the text.
    connectors: Vec<u32>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// Begins and ends phrases.
    Word,
    /// Too rare to be in one.
    Rare,
    /// Stands inside phrases only: its place among the connectors.
    Connector(u8),
}

/// A pair of words, the connectors between them (see [`Roles::between`]) and how often they stand so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) first: u32,
    pub(super) second: u32,
    pub(super) between: u16,
    pub(super) count: u64,
}

impl Roles {
    pub(super) fn new(vocabulary: &Vocabulary, connectors: &[String], min_count: u64) -> Self {
        let places: HashMap<&str, usize> =
            connectors.iter().take(MOST_CONNECTORS).map(String::as_str).zip(0..).collect();
        let mut ids = Vec::new();
        let roles = vocabulary.words.iter().zip(&vocabulary.counts).zip(0..);
        let roles = roles.map(|((word, &count), id)| {
            if places.contains_key(word.as_str()) {
                ids.push(id);
                Role::Connector((ids.len() - 1) as u8)
            } else if count < min_count {
                Role::Rare
            } else {
                Role::Word
            }
        });
        Roles { roles: roles.collect(), connectors: ids }
    }

    /// The ids of the connectors that a number stands for: 0 for none, then each, then each followed by each.
    pub(super) fn between(&self, number: u16) -> impl Iterator<Item = u32> + use<> {
        let (number, count) = (usize::from(number), self.connectors.len());
        let of = |place: usize| self.connectors.get(place).copied();
        let pair = match number {
            0 => [None, None],
            one if one <= count => [of(one - 1), None],
            two => [of((two - 1 - count) / count), of((two - 1 - count) % count)],
        };
        pair.into_iter().flatten()
    }

    /// Every pair of neighbours in the ids, in order, until `each` says no.
    fn scan(&self, ids: &[u32], state: &mut Place, mut each: impl FnMut(u64, u16)) {
        let count = self.connectors.len();
        for &id in ids {
            match self.roles.get(id as usize) {
                Some(Role::Word) => {
                    if let Some((first, between)) = state.open {
                        each(u64::from(first) << 32 | u64::from(id), between as u16);
                    }
                    state.open = Some((id, 0));
                }
                Some(&Role::Connector(place)) => {
                    let place = usize::from(place);
                    state.open = match state.open {
                        Some((first, 0)) => Some((first, 1 + place)),
                        Some((first, one)) if one <= count => {
                            Some((first, 1 + count + (one - 1) * count + place))
                        }
                        _ => None, // a third one
                    };
                }
                // A rare word, or the end of a sequence.
                _ => state.open = None,
            }
        }
    }
}

/// The word that a pair may begin with, and the number of the connectors since.
#[derive(Default)]
struct Place {
    open: Option<(u32, usize)>,
}

/// The pairs that are `wanted`, in the order of their ids.
pub(super) fn pairs(
    sequences: &Sequences,
    roles: &Roles,
    bytes: usize,
    wanted: impl Fn(&Found) -> bool + Sync,
    run: &Run,
) -> Result<Vec<Found>> {
    let workers = run.threads.clamp(1, 64);
    // While a table grows, the old one is there too.
    let most = (bytes / workers / size_of::<Entry>() * 2 / 3).max(1 << 10);
    let bits = workers.next_power_of_two().trailing_zeros();
    let mut parts: Vec<Part> = (0..1 << bits).map(|prefix| Part { bits, prefix }).collect();
    let mut found = Vec::new();
    while !parts.is_empty() {
        let total = sequences.as_slice().len() as u64 * parts.len() as u64;
        let work = Work::new(run, "counting pairs", total, "words")?;
        let counted: Vec<(Vec<Found>, Vec<Part>)> = work.pool.install(|| {
            parts
                .into_par_iter()
                .map(|part| part.count(sequences, roles, most, &wanted, &work))
                .collect()
        });
        work.finish()?;
        parts = Vec::new();
        for (pairs, rest) in counted {
            found.extend(pairs);
            parts.extend(rest);
        }
    }
    found.sort_unstable_by_key(|pair| (pair.first, pair.second, pair.between));
    Ok(found)
}

/// The pairs whose hash begins with these bits.
#[derive(Debug, Clone, Copy)]
struct Part {
    bits: u32,
    prefix: u64,
}

impl Part {
    fn holds(self, hash: u64) -> bool {
        self.bits == 0 || hash >> (64 - self.bits) == self.prefix
    }

    /// Keeps the lower half of its pairs and gives the upper.
    fn split(&mut self) -> Part {
        self.bits += 1;
        self.prefix <<= 1;
        Part { bits: self.bits, prefix: self.prefix | 1 }
    }

    /// One pass over the ids. Gives the wanted pairs, and the parts that were given up.
    fn count(
        mut self,
        sequences: &Sequences,
        roles: &Roles,
        most: usize,
        wanted: &(impl Fn(&Found) -> bool + Sync),
        work: &Work,
    ) -> (Vec<Found>, Vec<Part>) {
        let (mut table, mut place, mut rest) = (Table::new(), Place::default(), Vec::new());
        for (c, ids) in sequences.as_slice().chunks(CHUNK).enumerate() {
            if work.cancelled() {
                break;
            }
            roles.scan(ids, &mut place, |pair, between| {
                let hash = hash(pair, between);
                if !self.holds(hash) {
                    return;
                }
                // A part too small to split may grow as it must.
                let most = if self.bits < MOST_BITS { most } else { usize::MAX };
                while !table.count(pair, between, hash, most) {
                    rest.push(self.split());
                    table.keep(|entry| self.holds(entry.hash()));
                    if !self.holds(hash) {
                        return;
                    }
                }
            });
            sequences.release(c * CHUNK..c * CHUNK + ids.len());
            work.advance(ids.len() as u64);
        }
        let found = table.entries.iter().filter(|entry| entry.tail != 0).map(|entry| Found {
            first: (entry.pair >> 32) as u32,
            second: entry.pair as u32,
            between: (entry.tail >> COUNT_BITS) as u16,
            count: entry.tail & COUNT,
        });
        (found.filter(wanted).collect(), rest)
    }
}

/// The low bits of an entry's tail hold its count.
const COUNT_BITS: u32 = 48;
const COUNT: u64 = (1 << COUNT_BITS) - 1;

/// A pair, the connectors between (above) and its count (below); count 0 is a free place.
#[derive(Clone, Copy, Default)]
struct Entry {
    pair: u64,
    tail: u64,
}

impl Entry {
    fn hash(self) -> u64 {
        hash(self.pair, (self.tail >> COUNT_BITS) as u16)
    }
}

/// An open hash table, at most ¾ full.
struct Table {
    entries: Vec<Entry>,
    used: usize,
}

impl Table {
    fn new() -> Self {
        Table { entries: vec![Entry::default(); 1 << 10], used: 0 }
    }

    /// Counts a pair; `false` where it is new and the table may not grow beyond `most` places.
    fn count(&mut self, pair: u64, between: u16, hash: u64, most: usize) -> bool {
        let mask = self.entries.len() - 1;
        let mut slot = hash as usize & mask;
        loop {
            let entry = &mut self.entries[slot];
            if entry.tail == 0 {
                break;
            }
            if entry.pair == pair && entry.tail >> COUNT_BITS == u64::from(between) {
                entry.tail += 1;
                return true;
            }
            slot = (slot + 1) & mask;
        }
        if self.used >= self.entries.len() / 4 * 3 {
            if self.entries.len() * 2 > most.max(1 << 10) {
                return false;
            }
            let double = self.entries.len() * 2;
            self.rebuild(double, |_| true);
            return self.count(pair, between, hash, most);
        }
        self.entries[slot] = Entry { pair, tail: u64::from(between) << COUNT_BITS | 1 };
        self.used += 1;
        true
    }

    /// Lets all entries go but those of which this is so.
    fn keep(&mut self, keep: impl Fn(Entry) -> bool) {
        self.rebuild(self.entries.len(), keep);
    }

    fn rebuild(&mut self, places: usize, keep: impl Fn(Entry) -> bool) {
        let old = std::mem::replace(&mut self.entries, vec![Entry::default(); places]);
        self.used = 0;
        let mask = places - 1;
        for entry in old.into_iter().filter(|&entry| entry.tail != 0 && keep(entry)) {
            let mut slot = entry.hash() as usize & mask;
            while self.entries[slot].tail != 0 {
                slot = (slot + 1) & mask;
            }
            self.entries[slot] = entry;
            self.used += 1;
        }
    }
}

/// SplitMix64's finaliser: parts go by its upper bits, places by its lower.
fn hash(pair: u64, between: u16) -> u64 {
    let mut z = pair ^ u64::from(between).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::{Run, Silent};
    use std::collections::BTreeMap;

    /// Words 0–199, of which 3 and 7 are connectors and 100 and up are rare.
    fn text() -> (Sequences, Vocabulary) {
        let mut state = 1_u32;
        let mut ids = Vec::new();
        for i in 0..60_000 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let word = (state >> 16) % 200;
            ids.push(if word.is_multiple_of(5) { [3, 7][i % 2] } else { word });
            if i % 37 == 0 {
                ids.push(Sequences::END);
            }
        }
        ids.push(Sequences::END);
        let words = (0..200).map(|i| format!("w{i}")).collect();
        let counts = (0..200).map(|i| if i < 100 { 1_000 } else { 1 }).collect();
        (Sequences::from_vec(ids).unwrap(), Vocabulary { words, counts })
    }

    /// The same counts by a plain map, sequence by sequence.
    fn plainly(sequences: &Sequences) -> BTreeMap<(u32, u32, Vec<u32>), u64> {
        let mut counts = BTreeMap::new();
        for sequence in sequences.iter() {
            for (i, &first) in sequence.iter().enumerate() {
                let connector = |id: &&u32| matches!(**id, 3 | 7);
                if first >= 100 || connector(&&first) {
                    continue;
                }
                let between: Vec<u32> =
                    sequence[i + 1..].iter().take_while(connector).copied().collect();
                if let Some(&second) = sequence.get(i + 1 + between.len())
                    && second < 100
                    && between.len() <= 2
                {
                    *counts.entry((first, second, between)).or_insert(0) += 1;
                }
            }
        }
        counts
    }

    #[test]
    fn counts_are_exact_in_any_memory_and_on_any_number_of_threads() {
        let (sequences, vocabulary) = text();
        let roles = Roles::new(&vocabulary, &["w3".to_owned(), "w7".to_owned()], 5);
        let expected = plainly(&sequences);
        assert!(expected.len() > 6_000, "{}", expected.len());
        for (bytes, threads) in [(1 << 30, 1), (1 << 30, 3), (1 << 16, 1), (1 << 16, 2)] {
            let run = Run { threads, progress: &Silent, ..Run::silent(1) };
            let found = pairs(&sequences, &roles, bytes, |_| true, &run).unwrap();
            let found: BTreeMap<_, _> = found
                .iter()
                .map(|f| ((f.first, f.second, roles.between(f.between).collect()), f.count))
                .collect();
            assert_eq!(found, expected, "{bytes} bytes, {threads} threads");
        }
    }
}
