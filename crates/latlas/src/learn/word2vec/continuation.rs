//! Going on from a space: new text, new words, the vectors that are there.
//!
//! Words of the new text that the space knows begin with its vectors (its output vectors too, where it has a field
//! "output"; at zero otherwise), new ones as ever. What is drawn depends on the new text alone: subsampling, noise and
//! Huffman codes go by its counts, so that words which stand only in the space are neither learned from nor pushed
//! away. They keep their vectors to the bit, and the result holds the words of both, with the sums of their counts.

use bytemuck::cast_slice;
use xxhash_rust::xxh3::Xxh3Default;

use super::train::Model;
use super::{Loss, Word2Vec};
use crate::data::{Corpus, Vocabulary};
use crate::error::{Error, Result};
use crate::learn::Learn;
use crate::run::Run;
use crate::space::{Field, Space};

/// A learner that begins where a space ended.
#[derive(Debug, Clone)]
pub struct Continuation {
    learner: Word2Vec,
    space: Space,
}

impl Word2Vec {
    /// Goes on from `space` instead of beginning anew; an error of kind `Usage` if its vectors have another dimension
    /// than this learner.
    ///
    /// Words of the new text that the space knows begin with its main vectors, and with its output vectors where it
    /// kept them (`keep_output`). Words that stand only in the space keep their vectors; the counts of both texts are
    /// summed. Other columns of the space are left out.
    pub fn continuing(self, space: Space) -> Result<Continuation> {
        let has = space.field("main")?.dim();
        if has != self.dim {
            return Err(Error::usage(format!(
                "the space to go on from has vectors of {has} numbers, not {}",
                self.dim
            ))
            .help(format!("take dimension {has}")));
        }
        Ok(Continuation { learner: self, space })
    }
}

impl Learn for Continuation {
    type Data = Corpus;

    fn learn(&self, corpus: &Corpus, run: &Run<'_>) -> Result<Space> {
        let before = Before::new(&self.space, self.learner.loss)?;
        self.learner.learn_after(Some(&before), corpus, run)
    }
}

/// What a training begins with.
pub(super) struct Before<'a> {
    pub space: &'a Space,
    pub main: Field,
    /// Where the space kept it, and where it can be used.
    pub output: Option<Field>,
}

impl<'a> Before<'a> {
    fn new(space: &'a Space, loss: Loss) -> Result<Self> {
        let main = space.field("main")?;
        let output = space.field("output").ok().filter(|output| output.dim() == main.dim());
        Ok(Before { space, main, output: output.filter(|_| loss == Loss::Ns) })
    }

    /// Puts the vectors of known words in the place of first values.
    pub(super) fn fill(&self, words: &Vocabulary, model: &mut Model) {
        for (i, word) in words.words.iter().enumerate() {
            let Some(row) = self.space.get(word) else { continue };
            self.main.read(row, model.input.row_mut(i));
            if let Some(output) = &self.output {
                output.read(row, model.output.row_mut(i));
            }
        }
    }

    /// What a checkpoint must have begun with too.
    pub(super) fn fingerprint(&self) -> u64 {
        let mut hash = Xxh3Default::new();
        let mut vector = vec![0.0f32; self.main.dim()];
        for row in self.space.live() {
            hash.update(self.space.id(row).as_bytes());
            for field in std::iter::once(&self.main).chain(&self.output) {
                field.read(row, &mut vector);
                hash.update(cast_slice(&vector));
            }
        }
        hash.digest()
    }
}
