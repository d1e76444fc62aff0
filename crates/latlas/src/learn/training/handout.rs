//! Who works on which chunk.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many chunks of its own class a worker may be ahead of the others before it helps them.
const LEAD: u64 = 8;

/// Hands out the chunks of all epochs, each once.
///
/// Chunks are numbered through all epochs. There is a class for each worker: chunk c of epoch e is of class (e + c) mod
/// classes, and a worker takes its own. So rows that only chunks of one class touch, such as a part of the
/// noise, stay in one core's cache. A worker that gets ahead takes what others have left, so that no chunk waits
/// for long.
pub(super) struct Handout {
    /// Chunks of an epoch, at least 1.
    chunks: u64,
    state: Mutex<State>,
}

struct State {
    /// For each class the first chunk that nobody has taken.
    next: Vec<u64>,
    /// No chunk from here on is handed out.
    end: u64,
    /// All chunks taken are below.
    taken: u64,
}

impl Handout {
    /// The chunks from `start` to `end`, of epochs of `chunks`, for so many classes of workers.
    pub(super) fn new(chunks: u64, start: u64, end: u64, classes: u64) -> Self {
        let handout = Handout {
            chunks: chunks.max(1),
            state: Mutex::new(State { next: Vec::new(), end, taken: start }),
        };
        let classes = classes.max(1);
        let next = (0..classes).map(|class| handout.first(class, classes, start)).collect();
        handout.lock().next = next;
        handout
    }

    /// A chunk for this worker; `None` where there is none left.
    pub(super) fn take(&self, worker: u64) -> Option<u64> {
        let mut state = self.lock();
        let classes = state.next.len() as u64;
        let own = worker % classes;
        let (least, behind) =
            (0..classes).map(|class| (state.next[class as usize], class)).min()?;
        let ahead = state.next[own as usize] > least + LEAD * classes;
        let class = if ahead || state.next[own as usize] >= state.end { behind } else { own };
        let chunk = state.next[class as usize];
        if chunk >= state.end {
            return None;
        }
        state.next[class as usize] = self.first(class, classes, chunk + 1);
        state.taken = state.taken.max(chunk + 1);
        Some(chunk)
    }

    /// Hands out no chunk beyond those that are begun; the gaps between them are still filled.
    pub(super) fn stop(&self) {
        let mut state = self.lock();
        state.end = state.end.min(state.taken);
    }

    /// All chunks before this one are taken, and it is not.
    pub(super) fn next(&self) -> u64 {
        let state = self.lock();
        state.next.iter().copied().min().unwrap_or(state.end).min(state.end)
    }

    /// The first chunk of a class at or behind a number.
    fn first(&self, class: u64, classes: u64, number: u64) -> u64 {
        let of = |n: u64| (n / self.chunks + n % self.chunks) % classes;
        // An epoch of few chunks may have none of the class; but as many epochs as there are classes have one.
        (number..number + classes * self.chunks.min(classes) + classes)
            .find(|&n| of(n) == class)
            .unwrap_or(u64::MAX)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_chunk_is_handed_out_once_whoever_asks() {
        for (chunks, start, end, classes) in
            [(10, 0, 30, 2), (7, 3, 21, 3), (1, 0, 5, 4), (2, 1, 2, 8), (5, 5, 5, 2), (3, 0, 9, 1)]
        {
            for asks in [vec![0], vec![0, 1], vec![0, 0, 0, 1], vec![3, 1, 2, 0, 0]] {
                let handout = Handout::new(chunks, start, end, classes);
                let mut taken: Vec<u64> =
                    asks.iter().cycle().map_while(|&worker| handout.take(worker)).collect();
                taken.sort_unstable();
                assert_eq!(taken, (start..end).collect::<Vec<_>>(), "{chunks} {classes} {asks:?}");
                assert_eq!(handout.next(), end);
            }
        }
    }

    #[test]
    fn workers_stay_with_their_class_until_one_is_far_ahead() {
        let handout = Handout::new(100, 0, 1000, 2);
        let taken: Vec<u64> = (0..6).map(|i| handout.take(i % 2).unwrap()).collect();
        assert_eq!(taken, [0, 1, 2, 3, 4, 5]);
        let alone: Vec<u64> = (0..12).map(|_| handout.take(0).unwrap()).collect();
        assert_eq!(alone[..3], [6, 8, 10]);
        assert!(alone.contains(&7), "{alone:?}");
        // In the second epoch the other class begins.
        let handout = Handout::new(100, 100, 1000, 2);
        assert_eq!((handout.take(0), handout.take(1)), (Some(101), Some(100)));
    }

    #[test]
    fn after_a_stop_only_gaps_are_filled() {
        let handout = Handout::new(100, 0, 1000, 2);
        let begun: Vec<u64> = (0..3).map(|_| handout.take(0).unwrap()).collect();
        assert_eq!(begun, [0, 2, 4]);
        handout.stop();
        assert_eq!([handout.take(0), handout.take(0), handout.take(1)], [Some(1), Some(3), None]);
        assert_eq!(handout.next(), 5);
    }
}
