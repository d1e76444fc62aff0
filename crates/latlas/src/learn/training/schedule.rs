//! How the data of an epoch is cut into chunks, and how the learning rate falls while they are read.

use std::ops::Range;

use crate::items::Sequences;

/// Words in a chunk, at least: some 50 ms of work, the longest that a checkpoint or a cancel waits.
pub(in crate::learn) const CHUNK: usize = 10_000;

/// Chunks and the linear learning rate.
///
/// A *chunk* is a run of whole sequences, of at least [`CHUNK`] words but the last. It is what one worker takes at a
/// time and what has a random stream of its own, so that chunks depend on the data alone, never on threads. A *place* is
/// how much of the epoch stands before something: chunk c goes from place `bounds[c]` to `bounds[c + 1]`. At place p
/// of epoch e, of P places an epoch and E epochs, the learning rate is
///
/// ```text
/// α = α₀ + (α₁ − α₀)·(e + p/P)/E
/// ```
///
/// so that it falls from α₀ before the first word to α₁ behind the last one, however many threads there are.
pub(in crate::learn) struct Schedule {
    /// Where the chunks begin, and where the last one ends: P.
    bounds: Vec<u64>,
    epochs: u32,
    /// α₀ and α₁.
    alphas: (f64, f64),
}

impl Schedule {
    /// Reads a text as it stands. Places are ids, the ends of sequences counted.
    pub(in crate::learn) fn of_text(text: &Sequences, epochs: u32, alphas: (f64, f64)) -> Self {
        let ends = text.chunks(CHUNK).into_iter().map(|chunk| chunk.end as u64);
        Schedule { bounds: std::iter::once(0).chain(ends).collect(), epochs, alphas }
    }

    /// Reads sequences of these lengths, in an order of the caller's; also which of them are in each chunk. Places are
    /// words.
    pub(in crate::learn) fn of_lengths(
        lengths: impl IntoIterator<Item = usize>,
        epochs: u32,
        alphas: (f64, f64),
    ) -> (Self, Vec<Range<usize>>) {
        let (mut bounds, mut chunks) = (vec![0], Vec::new());
        let (mut first, mut next, mut begun, mut place) = (0, 0, 0, 0);
        for length in lengths {
            next += 1;
            place += length as u64;
            if place - begun >= CHUNK as u64 {
                chunks.push(first..next);
                bounds.push(place);
                (first, begun) = (next, place);
            }
        }
        if first < next {
            chunks.push(first..next);
            bounds.push(place);
        }
        (Schedule { bounds, epochs, alphas }, chunks)
    }

    /// How many chunks an epoch has.
    pub(in crate::learn) fn chunks(&self) -> u64 {
        self.bounds.len() as u64 - 1
    }

    /// How many places an epoch has.
    pub(in crate::learn) fn places(&self) -> u64 {
        self.bounds[self.bounds.len() - 1]
    }

    /// From where to where a chunk goes: in a text read as it stands, the range of its ids.
    pub(in crate::learn) fn range(&self, chunk: u64) -> Range<usize> {
        self.bounds[chunk as usize] as usize..self.bounds[chunk as usize + 1] as usize
    }

    /// The learning rate at a place.
    pub(in crate::learn) fn alpha_at(&self, epoch: u64, place: u64) -> f64 {
        let read = epoch as f64 + place as f64 / self.places().max(1) as f64;
        let (start, end) = self.alphas;
        start + (end - start) * (read / f64::from(self.epochs))
    }

    /// The learning rate where a chunk begins; α₀ where there is no such chunk.
    pub(in crate::learn) fn alpha(&self, epoch: u64, chunk: u64) -> f64 {
        self.bounds.get(chunk as usize).map_or(self.alphas.0, |&place| self.alpha_at(epoch, place))
    }

    /// The learning rates where a chunk begins and where it ends.
    pub(in crate::learn) fn alphas(&self, epoch: u64, chunk: u64) -> (f64, f64) {
        (self.alpha(epoch, chunk), self.alpha(epoch, chunk + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_behind_sequences_and_every_id_is_in_one_chunk() {
        let mut ids = Vec::new();
        for length in [9_999, 0, 12_000, 3, 9_990, 9] {
            ids.extend(std::iter::repeat_n(1, length));
            ids.push(Sequences::END);
        }
        let count = ids.len();
        let text = Sequences::from_vec(ids).unwrap();
        let schedule = Schedule::of_text(&text, 2, (0.5, 0.1));
        let ranges: Vec<_> = (0..schedule.chunks()).map(|chunk| schedule.range(chunk)).collect();
        // The end of a sequence is an id of its chunk.
        assert_eq!(ranges, [0..10_000, 10_000..22_002, 22_002..count]);
        assert_eq!(schedule.places(), count as u64);

        let none = Sequences::from_vec(Vec::new()).unwrap();
        let none = Schedule::of_text(&none, 2, (0.5, 0.1));
        assert_eq!((none.chunks(), none.places(), none.alpha(0, 0)), (0, 0, 0.5));
    }

    #[test]
    fn lengths_are_cut_in_the_order_that_they_are_given() {
        let (schedule, chunks) = Schedule::of_lengths([9_000, 1_000, 0, 15_000, 7], 1, (1.0, 0.0));
        assert_eq!(chunks, [0..2, 2..4, 4..5]);
        let ranges: Vec<_> = (0..schedule.chunks()).map(|chunk| schedule.range(chunk)).collect();
        assert_eq!(ranges, [0..10_000, 10_000..25_000, 25_000..25_007]);
        // Texts without a word are read too.
        let (empty, chunks) = Schedule::of_lengths([0, 0], 1, (1.0, 0.0));
        assert_eq!((chunks.len(), &chunks[0], empty.alphas(0, 0)), (1, &(0..2), (1.0, 1.0)));
    }

    #[test]
    fn the_rate_falls_evenly_over_all_epochs_without_a_step_between_chunks() {
        let (schedule, _) = Schedule::of_lengths([10_000, 30_000, 10_000], 4, (0.5, 0.1));
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} not {b}");
        close(schedule.alpha(0, 0), 0.5);
        close(schedule.alphas(3, 2).1, 0.1);
        close(schedule.alpha_at(2, 0), 0.3);
        close(schedule.alpha_at(0, 25_000), 0.45);
        for epoch in 0..4 {
            for chunk in 0..2 {
                assert_eq!(schedule.alphas(epoch, chunk).1, schedule.alphas(epoch, chunk + 1).0);
            }
            close(schedule.alphas(epoch, 2).1, schedule.alpha(epoch + 1, 0));
        }
    }
}
