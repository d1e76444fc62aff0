//! What one chunk of documents does to the matrices.

use super::windows::{Drawing, Window, Windows};
use super::{Doc2Vec, Doc2VecModel, DocumentCorpus};
use crate::error::Result;
use crate::items::Sequences;
use crate::kernels::hogwild::{Ahead, Hogwild, RacingRows, Rate, Scratch, Targets};
use crate::learn::training::{self, Schedule, Tally, Training};
use crate::run::Run;

/// How many windows are drawn before the first of them is worked on.
const AHEAD: usize = 3;

/// The two matrices.
pub(super) struct Model {
    /// The words, if they have input vectors, then the documents.
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
    options: &'a Doc2Vec,
    text: &'a Sequences,
    schedule: Schedule,
    /// For each chunk the number of its first document.
    firsts: Vec<u32>,
    drawing: Drawing,
    kernels: Hogwild,
    run: &'a Run<'a>,
    /// The row of the first document.
    offset: u32,
    /// Words of an epoch.
    words: u64,
}

/// A worker's own room.
pub(super) struct Hands {
    scratch: Scratch,
    ahead: Ahead,
    windows: [Window; AHEAD],
    inputs: Vec<u32>,
}

impl<'a> Work<'a> {
    pub(super) fn new(
        options: &'a Doc2Vec,
        data: &'a DocumentCorpus,
        kernels: Hogwild,
        run: &'a Run<'a>,
    ) -> Self {
        let (words, text) = (&data.corpus.vocabulary, &data.corpus.sequences);
        let alphas = (options.alpha, options.end_alpha());
        let schedule = Schedule::of_text(text, options.epochs, alphas);
        let mut first = 0;
        let firsts = (0..schedule.chunks()).map(|chunk| {
            let (at, range) = (first, schedule.range(chunk));
            let ids = &text.as_slice()[range.clone()];
            first += ids.iter().filter(|&&id| id == Sequences::END).count() as u32;
            text.release(range);
            at
        });
        let firsts = firsts.collect();
        Work {
            options,
            text,
            schedule,
            firsts,
            drawing: Drawing::new(options, &words.counts),
            kernels,
            run,
            offset: if options.has_words() { words.len() as u32 } else { 0 },
            words: words.tokens(),
        }
    }

    /// One step; its loss. `inputs` is room.
    #[inline]
    fn step(
        &self,
        model: &Model,
        window: &Window,
        rate: Rate,
        ahead: &Ahead,
        scratch: &mut Scratch,
        inputs: &mut Vec<u32>,
    ) -> f32 {
        let document = self.offset + window.document;
        let targets =
            Targets { matrix: &model.output, rows: &window.outputs, labels: &window.labels };
        if !self.options.has_words() {
            ahead.fetch();
            return self.kernels.step_one((&model.input, document), targets, rate, scratch);
        }
        inputs.clear();
        inputs.extend_from_slice(&window.contexts);
        inputs.push(document);
        if self.options.model == Doc2VecModel::PvDbow {
            return self.kernels.step_window((&model.input, inputs), targets, rate, ahead);
        }
        ahead.fetch();
        let share = 1.0 / inputs.len() as f32;
        let weights = if self.options.dm_mean { (share, 1.0) } else { (1.0, share) };
        self.kernels.step_sum((&model.input, inputs), weights, targets, rate, scratch)
    }

    /// How many terms the loss of a window has.
    fn terms(&self, window: &Window) -> usize {
        let skip_gram = self.options.model == Doc2VecModel::PvDbow;
        window.outputs.len() * if skip_gram { window.contexts.len() + 1 } else { 1 }
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

    fn scratch(&self) -> Hands {
        let scratch = Scratch::new(self.options.dim);
        let (ahead, inputs) = (Ahead::default(), Vec::new());
        Hands { scratch, ahead, windows: Default::default(), inputs }
    }

    fn rate(&self, epoch: u64, chunk: u64) -> f64 {
        self.schedule.alpha(epoch, chunk)
    }

    fn chunk(&self, model: &Model, epoch: u64, chunk: u64, hands: &mut Hands) -> Result<Tally> {
        let (range, first) = (self.schedule.range(chunk), self.firsts[chunk as usize]);
        let alpha = self.schedule.alphas(epoch, chunk);
        let random = self.run.stream(&[epoch, chunk]);
        let mut windows = Windows::new(&self.drawing, self.text, range.clone(), first, random);
        let mut tally = Tally::default();
        let Hands { scratch, ahead, windows: ring, inputs } = hands;
        let (mut drawn, mut done) = (0, 0);
        let mut more = true;
        loop {
            ahead.clear();
            // The rows of a window are asked for while the one before it is worked on.
            while more && drawn < done + AHEAD {
                let window = &mut ring[drawn % AHEAD];
                more = windows.next(window)?;
                if more {
                    drawn += 1;
                    window.outputs.iter().for_each(|&row| ahead.push(&model.output, row));
                    window.contexts.iter().for_each(|&row| ahead.push(&model.input, row));
                }
            }
            if done == drawn {
                break;
            }
            let window = &ring[done % AHEAD];
            let rate = Rate {
                alpha: (alpha.0 + (alpha.1 - alpha.0) * f64::from(window.at)) as f32,
                measured: window.measured,
            };
            let loss = self.step(model, window, rate, ahead, scratch, inputs);
            if window.measured {
                tally.loss += f64::from(loss);
                tally.terms += self.terms(window) as u64;
            }
            done += 1;
        }
        tally.units = windows.words();
        // Until the next epoch; or else the whole corpus would come to count as this program's memory.
        self.text.release(range);
        Ok(tally)
    }
}
