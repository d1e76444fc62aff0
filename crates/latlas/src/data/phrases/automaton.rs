//! One pass over a stream of word numbers: a trie of its phrases, walked from left to right.

use std::collections::HashMap;

/// A word that is in no phrase.
pub(super) const OTHER: u32 = u32::MAX;

/// The phrases of one pass.
#[derive(Debug, Default)]
pub(super) struct Automaton {
    /// From a node of the trie by a word to the next node.
    next: HashMap<(u32, u32), u32>,
    /// The same from the root, by word: 0 where no phrase begins with it. What most words ask.
    starts: Vec<u32>,
    /// For each node, the joined word if a phrase ends there, or `OTHER`. Node 0 is the root.
    ends: Vec<u32>,
}

/// Where a pass stands: a node, and the words that led to it.
#[derive(Debug, Default)]
pub(super) struct State {
    node: u32,
    held: Vec<u32>,
}

impl Automaton {
    pub(super) fn new() -> Self {
        Automaton { ends: vec![OTHER], ..Self::default() }
    }

    /// Adds a phrase of two words or more; says why it cannot.
    pub(super) fn add(&mut self, words: &[u32], joined: u32) -> Result<(), &'static str> {
        let mut node = 0;
        let mut fresh = false;
        for &word in words {
            if self.ends[node as usize] != OTHER {
                return Err("is never reached: a shorter one of the same pass ends inside it");
            }
            let new = self.ends.len() as u32;
            node = *self.next.entry((node, word)).or_insert(new);
            fresh = node == new;
            if fresh {
                self.ends.push(OTHER);
            }
        }
        if self.ends[node as usize] != OTHER {
            return Err("is there twice");
        }
        if !fresh {
            return Err("ends inside a longer one of the same pass");
        }
        self.ends[node as usize] = joined;
        Ok(())
    }

    /// Readies it for use with words below `words`.
    pub(super) fn close(&mut self, words: usize) {
        self.starts = vec![0; words];
        for (&(node, word), &next) in &self.next {
            if node == 0 {
                self.starts[word as usize] = next;
            }
        }
    }

    fn step(&self, state: &mut State, word: u32, out: &mut dyn FnMut(u32)) {
        if state.held.is_empty() {
            match self.starts.get(word as usize) {
                Some(&node) if node != 0 => {
                    state.node = node;
                    state.held.push(word);
                }
                _ => out(word),
            }
            return;
        }
        if let Some(&node) = self.next.get(&(state.node, word)) {
            match self.ends[node as usize] {
                OTHER => {
                    state.node = node;
                    state.held.push(word);
                }
                joined => {
                    state.held.clear();
                    out(joined);
                }
            }
            return;
        }
        // No phrase begins with the first word held; one may with the next.
        if let [only] = state.held[..] {
            state.held.clear();
            out(only);
        } else {
            let held = std::mem::take(&mut state.held);
            out(held[0]);
            for &word in &held[1..] {
                self.step(state, word, out);
            }
        }
        self.step(state, word, out);
    }
}

/// Sends a word through all passes; what comes out of the last goes to `ready`.
pub(super) fn feed(passes: &[Automaton], states: &mut [State], word: u32, ready: &mut Vec<u32>) {
    match (passes, states) {
        ([pass, passes @ ..], [state, states @ ..]) => {
            pass.step(state, word, &mut |word| feed(passes, states, word, ready));
        }
        _ => ready.push(word),
    }
}
