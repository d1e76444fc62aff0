//! What one chunk of text does to the two matrices.

use std::ops::Range;

use super::Word2Vec;
use super::steps::{Hands, Lesson};
use super::windows::{Drawing, Windows};
use crate::data::Corpus;
use crate::error::Result;
use crate::items::Sequences;
use crate::kernels::hogwild::{Hogwild, RacingRows};
use crate::learn::training::{self, Tally, Training};
use crate::run::Run;

/// Ids in a chunk, at least: some 50 ms of work, the longest that a checkpoint or a cancel waits.
const CHUNK: usize = 10_000;
/// Noise is divided into so many parts (docs/decisions/004 has what more of them do),
const PARTS: usize = 2;
/// unless they would have fewer words.
const PART: usize = 1_000;

/// The two matrices.
pub(super) struct Model {
    /// h of the head comment: the vectors that are the result.
    pub input: RacingRows,
    /// o of the head comment.
    pub output: RacingRows,
}

impl training::Model for Model {
    fn matrices(&mut self) -> Vec<&mut RacingRows> {
        vec![&mut self.input, &mut self.output]
    }
}

/// What all workers share, and none changes.
pub(super) struct Work<'a> {
    options: &'a Word2Vec,
    text: &'a Sequences,
    chunks: Vec<Range<usize>>,
    drawing: Drawing,
    kernels: Hogwild,
    run: &'a Run<'a>,
    /// Words of an epoch.
    words: u64,
}

impl<'a> Work<'a> {
    pub(super) fn new(
        options: &'a Word2Vec,
        corpus: &'a Corpus,
        kernels: Hogwild,
        run: &'a Run<'a>,
    ) -> Self {
        let parts = PARTS.min(corpus.vocabulary.words.len() / PART);
        Work {
            options,
            text: &corpus.sequences,
            chunks: corpus.sequences.chunks(CHUNK),
            drawing: Drawing::new(options, &corpus.vocabulary, parts),
            kernels,
            run,
            words: corpus.vocabulary.tokens(),
        }
    }
}

impl Training for Work<'_> {
    type Model = Model;
    type Scratch = Hands;
    const UNIT: &'static str = "words";
    const RATE: &'static str = "alpha";

    fn chunks(&self) -> u64 {
        self.chunks.len() as u64
    }

    fn units(&self) -> u64 {
        self.words
    }

    fn scratch(&self) -> Self::Scratch {
        Hands::new(self.options)
    }

    fn rate(&self, epoch: u64, chunk: u64) -> f64 {
        self.chunks.get(chunk as usize).map_or(0.0, |range| self.alpha(epoch, range).0)
    }

    fn side_by_side(&self) -> u64 {
        if self.options.deterministic { 1 } else { u64::MAX }
    }

    fn chunk(
        &self,
        model: &Model,
        epoch: u64,
        chunk: u64,
        scratch: &mut Self::Scratch,
    ) -> Result<Tally> {
        let range = self.chunks[chunk as usize].clone();
        let random = self.run.stream(&[epoch, chunk]);
        // Chunks at work at the same time are neighbours, most often, and so draw noise from different parts; from
        // epoch to epoch each chunk takes the next one.
        let part = (epoch + chunk) as usize;
        let windows = Windows::new(&self.drawing, self.text, range.clone(), random, part);
        let lesson = Lesson { options: self.options, kernels: self.kernels, model };
        let tally = lesson.learn(windows, self.alpha(epoch, &range), scratch)?;
        // Until the next epoch; or else the whole corpus would come to count as this program's memory.
        self.text.release(range);
        Ok(tally)
    }
}

impl Work<'_> {
    /// The learning rate at the first and behind the last id of a chunk.
    fn alpha(&self, epoch: u64, range: &Range<usize>) -> (f64, f64) {
        let ids = self.text.as_slice().len() as f64;
        let (start, end) = (self.options.start_alpha(), self.options.end_alpha());
        let at = |place: usize| {
            let done = (epoch as f64 + place as f64 / ids) / f64::from(self.options.epochs);
            start + (end - start) * done
        };
        (at(range.start), at(range.end))
    }
}
