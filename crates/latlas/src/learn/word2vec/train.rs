//! What one chunk of text does to the two matrices.

use super::Word2Vec;
use super::steps::{Hands, Lesson};
use super::windows::{Drawing, Windows};
use crate::data::Corpus;
use crate::error::Result;
use crate::items::Sequences;
use crate::kernels::hogwild::{Hogwild, RacingRows};
use crate::learn::training::{self, Schedule, Tally, Training};
use crate::run::Run;

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
    schedule: Schedule,
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
        let alphas = (options.start_alpha(), options.end_alpha());
        Work {
            options,
            text: &corpus.sequences,
            schedule: Schedule::of_text(&corpus.sequences, options.epochs, alphas),
            drawing: Drawing::new(options, &corpus.vocabulary),
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
        self.schedule.chunks()
    }

    fn units(&self) -> u64 {
        self.words
    }

    fn scratch(&self) -> Self::Scratch {
        Hands::new(self.options)
    }

    fn rate(&self, epoch: u64, chunk: u64) -> f64 {
        self.schedule.alpha(epoch, chunk)
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
        let range = self.schedule.range(chunk);
        let random = self.run.stream(&[epoch, chunk]);
        let part = (epoch + chunk) as usize;
        let windows = Windows::new(&self.drawing, self.text, range.clone(), random, part);
        let lesson = Lesson { options: self.options, kernels: self.kernels, model };
        let tally = lesson.learn(windows, self.schedule.alphas(epoch, chunk), scratch)?;
        // Until the next epoch; or else the whole corpus would come to count as this program's memory.
        self.text.release(range);
        Ok(tally)
    }
}
