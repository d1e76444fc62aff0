//! Co-occurrences: how often, and how near, words stand beside each other.
//!
//! For the sequence w₁ … wₙ and a window L, each pair of places p < q with q − p ≤ L adds f(q − p) to X(wₚ, w_q), and
//! where the counts are symmetric to X(w_q, wₚ) too. f is 1/d (Pennington, Socher & Manning, "GloVe", EMNLP 2014,
//! §4.2), 1, or (L − d + 1)/L, which is what word2vec's shrinking windows come to on average (Levy, Goldberg & Dagan,
//! TACL 2015, §3.1). As in the authors' program `cooccur` pairs do not reach from one sequence into the next,
//! words out of the vocabulary take no place, and a word beside itself counts twice where counts are symmetric.
//!
//! How: the places of the text are sorted by word, so that a row of X is the sum over the places of its word of what
//! stands around them; it is added up in one array of a number for each word and written, once and in order, with no
//! hash table and no sorting of pairs. Where memory is short the text is cut into runs that are counted one after
//! the other, and their rows added up (`merge`).
//!
//! Different on purpose: sums are exact. All weights are whole multiples of 1/n, n being the least common multiple of
//! 1 … L for 1/d and L ≤ 20 (beyond, n = 64 · lcm(1 … 20) and 1/d is rounded to it), so that they are added as whole
//! numbers, and the result is the same bytes at any number of threads, within any memory, and merged from any shards.

use std::ops::Range;
use std::path::Path;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::accumulate::Accumulator;
use super::draft::{self, Draft, Rows, Sink};
use super::merge::{Addends, add_up};
use super::ordered::{AT_ONCE, in_order};
use super::{Relations, Shape};
use crate::error::{Error, Result};
use crate::file::{self, SectionWriter};
use crate::items::Sequences;
use crate::run::{Run, Step};

/// How much a neighbour counts for, by its distance d.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Weighting {
    /// 1/d.
    #[default]
    Harmonic,
    /// (window − d + 1)/window.
    Linear,
    /// 1.
    Flat,
}

impl FromStr for Weighting {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "harmonic" => Ok(Weighting::Harmonic),
            "linear" => Ok(Weighting::Linear),
            "flat" => Ok(Weighting::Flat),
            _ => Err(Error::usage(format!("no weighting '{name}'"))
                .help("harmonic (1/d), linear or flat")),
        }
    }
}

/// How co-occurrences are counted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Cooccurrences {
    /// The farthest neighbour, 1 to 10,000. Time and links grow with it; wide windows bring topics, narrow ones syntax.
    pub window: usize,
    /// What a neighbour counts for. Flat counts suit small windows.
    pub weighting: Weighting,
    /// Whether neighbours to both sides count; otherwise a source's targets are the words that come after it.
    pub symmetric: bool,
    /// Bytes of memory to work in. Less means more runs on disk, and more time; the result is the same.
    pub memory: u64,
}

impl Default for Cooccurrences {
    fn default() -> Self {
        Cooccurrences {
            window: 10,
            weighting: Weighting::Harmonic,
            symmetric: true,
            memory: 1 << 30,
        }
    }
}

/// The widest window whose reciprocals have a common multiple that is small enough, and that multiple.
const WIDEST_EXACT: usize = 20;
const BEYOND: u64 = 64 * 232_792_560;
/// The fewest places of a run: below, there would be more runs than files can be open.
const SHORTEST_RUN: u64 = 1 << 16;

impl Cooccurrences {
    /// Refuses what cannot be counted with: a `Usage` error naming the option, its value and what is allowed.
    pub fn check(&self) -> Result<()> {
        if (1..=10_000).contains(&self.window) {
            return Ok(());
        }
        Err(Error::usage(format!("window {} is out of range", self.window))
            .help("window may be 1 to 10000"))
    }

    /// Counts the sequences of ids below `words`, into a file of the folder `scratch`, which must last as long as the
    /// relations do.
    pub fn count(
        &self,
        sequences: &Sequences,
        words: usize,
        scratch: &Path,
        run: &Run<'_>,
    ) -> Result<Relations> {
        let shape = Shape { unit: self.unit(), ..Shape::new(words, words)? };
        let target = Some((scratch, "cooccurrences.rel"));
        draft::make(shape, target, |sink| self.rows(sequences, words, scratch, sink, run))
    }

    /// Counts into a section file that has begun, beside what else stands there.
    pub fn count_into(
        &self,
        sequences: &Sequences,
        words: usize,
        writer: &mut SectionWriter<'_>,
        scratch: &Path,
        run: &Run<'_>,
    ) -> Result<()> {
        let shape = Shape { unit: self.unit(), ..Shape::new(words, words)? };
        let mut draft = Draft::begin(writer, shape, scratch.join("links.weights"))?;
        self.rows(sequences, words, scratch, &mut draft, run)?;
        draft.end()
    }

    /// What a weight of 1 is, as a whole number.
    fn unit(&self) -> u64 {
        match self.weighting {
            Weighting::Flat => 1,
            Weighting::Linear => self.window as u64,
            Weighting::Harmonic if self.window > WIDEST_EXACT => BEYOND,
            Weighting::Harmonic => (1..=self.window as u64).fold(1, lcm),
        }
    }

    /// The weights of distances 1 … window, in units.
    fn weights(&self) -> Vec<u64> {
        let (window, unit) = (self.window as u64, self.unit());
        (1..=window)
            .map(|d| match self.weighting {
                Weighting::Flat => 1,
                Weighting::Linear => window - d + 1,
                Weighting::Harmonic => (unit + d / 2) / d,
            })
            .collect()
    }

    /// How many places are counted at once: what fits the memory, and what cannot overflow a sum of 64 bits.
    fn run_length(&self, words: usize, threads: usize) -> Result<usize> {
        // A sum a thread and word, the offsets of links and of places; a quarter is for rows on their way to the disk.
        let fixed = words as u64 * (9 * threads as u64 + 12);
        let places = (self.memory / 4 * 3).saturating_sub(fixed) / 8; // an id and a place each
        if places < SHORTEST_RUN {
            let needed = (fixed + SHORTEST_RUN * 8) / 3 * 4;
            return Err(Error::usage(format!(
                "{} bytes of memory are too few to count {words} words",
                self.memory
            ))
            .help(format!(
                "give at least {} MB, or a smaller vocabulary",
                needed.div_ceil(1_000_000)
            )));
        }
        // Below 2⁶² even if all words are one; such whole numbers are finite f64 bit by bit, too.
        let heaviest = 2 * self.weights().iter().sum::<u64>();
        Ok(places.min((1 << 62) / heaviest).min(u64::from(u32::MAX)) as usize)
    }

    fn rows(
        &self,
        sequences: &Sequences,
        words: usize,
        scratch: &Path,
        sink: &mut dyn Sink,
        run: &Run<'_>,
    ) -> Result<()> {
        self.check()?;
        let length = self.run_length(words, run.threads)?;
        let total = sequences.as_slice().len();
        let counting = Counting {
            sequences,
            words,
            weights: self.weights(),
            symmetric: self.symmetric,
            unit: self.unit() as f64,
            room: self.memory / 4 / (AT_ONCE * run.threads) as u64 / 16,
            run,
        };
        if total <= length {
            return counting.run(0..total, |sum| sum as f64 / counting.unit, sink);
        }
        let mut runs = Vec::new();
        let shape = Shape { unit: self.unit(), ..Shape::new(words, words)? };
        for start in (0..total).step_by(length) {
            let name = format!("run-{:04}.rel", runs.len() + 1);
            let range = start..(start + length).min(total);
            // Whole numbers, bit by bit, in place of weights: nothing is rounded before the end.
            let part = draft::make(shape, Some((scratch, &name)), |sink| {
                counting.run(range, f64::from_bits, sink)
            })?;
            runs.push((part, scratch.join(name)));
        }
        let parts: Vec<Addends<'_>> = runs.iter().map(|(part, _)| Addends::bits(part)).collect();
        add_up(&parts, shape, counting.room, sink, run)?;
        for (part, path) in runs {
            drop(part);
            file::remove(&path)?;
        }
        Ok(())
    }
}

/// What all runs of one counting share.
struct Counting<'a> {
    sequences: &'a Sequences,
    words: usize,
    weights: Vec<u64>,
    symmetric: bool,
    unit: f64,
    /// How many links a task should have at most, one row apart.
    room: u64,
    run: &'a Run<'a>,
}

impl Counting<'_> {
    /// Counts the neighbours of the words at a range of places, which may lie outside of it.
    fn run(
        &self,
        range: Range<usize>,
        finish: impl Fn(u64) -> f64 + Sync,
        sink: &mut dyn Sink,
    ) -> Result<()> {
        let ids = self.sequences.as_slice();
        let places = Places::sort(&ids[range.clone()], range.start, self.words)?;
        let tasks = places.tasks(self.room, self.weights.len() as u64);
        let (total, before) = (ids.len() as u64, range.start as u64);
        let mut done = 0;
        let count = |row: &mut Accumulator<u64>, task: usize| {
            let mut rows = Rows::default();
            for word in tasks[task].clone() {
                let begun = rows.targets.len();
                if !places.of(word).is_empty() {
                    for &place in places.of(word) {
                        self.around(ids, range.start + place as usize, row);
                    }
                    row.drain(|target, sum| rows.push(target, finish(sum)));
                }
                rows.end_row(begun);
            }
            rows
        };
        in_order(
            tasks.len(),
            self.run.threads,
            || Accumulator::new(self.words),
            count,
            |task, rows| {
                done += tasks[task].clone().map(|word| places.of(word).len() as u64).sum::<u64>();
                sink.take(&rows)?;
                self.run.report(&Step {
                    stage: "counting",
                    done: before + done,
                    total: Some(total),
                    unit: "words",
                    detail: String::new(),
                })
            },
        )?;
        self.sequences.release(range);
        Ok(())
    }

    /// Adds what stands around a place, as far as the window and the sequence reach.
    #[inline]
    fn around(&self, ids: &[u32], place: usize, row: &mut Accumulator<u64>) {
        let mut add = |id: u32, weight: u64| {
            let inside = id != Sequences::END;
            if inside {
                row.add(id, weight);
            }
            inside
        };
        let _ = ids[place + 1..].iter().zip(&self.weights).all(|(&id, &weight)| add(id, weight));
        if self.symmetric {
            let before = ids[..place].iter().rev();
            let _ = before.zip(&self.weights).all(|(&id, &weight)| add(id, weight));
        }
    }
}

/// The places of a run, sorted by the word that stands there.
struct Places {
    /// Where the places of each word begin, and the end.
    starts: Vec<u32>,
    places: Vec<u32>,
}

impl Places {
    /// `first` is where `ids` begin in the text, for errors.
    fn sort(ids: &[u32], first: usize, words: usize) -> Result<Self> {
        let mut starts = vec![0_u32; words + 2];
        for (place, &id) in ids.iter().enumerate() {
            if id == Sequences::END {
                continue;
            }
            let Some(count) = starts.get_mut(id as usize + 2).filter(|_| (id as usize) < words)
            else {
                return Err(Error::data(format!(
                    "encoded corpus: id {id} at place {} is none of {words} words",
                    first + place
                )));
            };
            *count += 1;
        }
        // Shifted by one, so that after the second pass each entry has moved to where the next word begins.
        for word in 2..starts.len() {
            starts[word] += starts[word - 1];
        }
        let mut places = vec![0; starts.last().map_or(0, |&end| end as usize)];
        for (place, &id) in ids.iter().enumerate() {
            if id != Sequences::END {
                let next = &mut starts[id as usize + 1];
                places[*next as usize] = place as u32;
                *next += 1;
            }
        }
        starts.pop();
        Ok(Places { starts, places })
    }

    fn of(&self, word: usize) -> &[u32] {
        &self.places[self.starts[word] as usize..self.starts[word + 1] as usize]
    }

    /// Ranges of words that have at most so many links together, unless one word has more.
    fn tasks(&self, links: u64, window: u64) -> Vec<Range<usize>> {
        let words = self.starts.len() - 1;
        let mut tasks = Vec::new();
        let (mut start, mut sum) = (0, 0);
        for word in 0..words {
            let most = (self.of(word).len() as u64 * 2 * window).min(words as u64) + 1;
            if word > start && sum + most > links.min(1 << 19) {
                tasks.push(start..word);
                (start, sum) = (word, 0);
            }
            sum += most;
        }
        if start < words {
            tasks.push(start..words);
        }
        tasks
    }
}

fn lcm(a: u64, b: u64) -> u64 {
    let (mut x, mut y) = (a, b);
    while y != 0 {
        (x, y) = (y, x % y);
    }
    a / x * b
}
