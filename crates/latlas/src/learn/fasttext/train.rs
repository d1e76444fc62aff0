//! The work on one chunk of text.
//!
//! What costs most in fastText is the traffic of rows: a word has some twenty n-grams. Two things keep it low, and neither
//! changes what is computed by more than the order of updates does.
//!
//! - Skip-gram: the official program gathers a word's rows and moves all of them again for each word around it. Each of
//!   these moves adds the same error to every row, and so the same to their mean: here h is gathered once a window, moved
//!   in place after each pair, and the sum of the errors is added to the rows once.
//! - CBOW: a word is in some six windows. Its rows are gathered when it comes into reach; their sum and the errors of all
//!   windows it is in are kept beside the text, and reach the rows when it has gone out of reach.

use super::options::FastText;
use super::rows::WordRows;
use super::windows::{Drawing, Window, Windows};
use crate::data::Corpus;
use crate::error::Result;
use crate::items::Sequences;
use crate::kernels::hogwild::RacingRows;
use crate::kernels::pooled::{Hidden, Pointers, Pooled, Rates, prefetch};
use crate::learn::training::{self, Schedule, Tally, Training};
use crate::learn::word2vec::Architecture;
use crate::run::Run;

/// The two matrices.
pub(super) struct Model {
    /// The rows of words, then those of n-grams.
    pub(super) input: RacingRows,
    /// The rows of words, or of the inner nodes of the tree.
    pub(super) output: RacingRows,
}

impl training::Model for Model {
    fn matrices(&mut self) -> Vec<&mut RacingRows> {
        vec![&mut self.input, &mut self.output]
    }
}

/// What all workers share, and none changes.
pub(super) struct Work<'a> {
    options: &'a FastText,
    text: &'a Sequences,
    schedule: Schedule,
    drawing: Drawing,
    rows: &'a WordRows,
    kernels: Pooled,
    run: &'a Run<'a>,
    /// Words of an epoch.
    words: u64,
}

/// What one worker keeps from chunk to chunk.
pub(super) struct Scratch {
    windows: [Window; 2],
    h: Hidden,
    error: Hidden,
    total: Hidden,
    near: Vec<Near>,
    pointers: Pointers,
}

/// A word within reach of CBOW.
struct Near {
    word: u32,
    /// Its number among the kept words of the chunk.
    number: usize,
    /// The sum of its rows, moved as they will be.
    sum: Hidden,
    /// What its rows are still to be moved by.
    error: Hidden,
}

impl<'a> Work<'a> {
    pub(super) fn new(
        options: &'a FastText,
        corpus: &'a Corpus,
        rows: &'a WordRows,
        kernels: Pooled,
        run: &'a Run<'a>,
    ) -> Result<Self> {
        let alphas = (options.alpha, options.min_alpha);
        Ok(Work {
            options,
            text: &corpus.sequences,
            schedule: Schedule::of_text(&corpus.sequences, options.epochs, alphas),
            drawing: Drawing::new(options, &corpus.vocabulary)?,
            rows,
            kernels,
            run,
            words: corpus.vocabulary.tokens(),
        })
    }
}

impl Training for Work<'_> {
    type Model = Model;
    type Scratch = Scratch;
    const UNIT: &'static str = "words";
    const RATE: &'static str = "alpha";

    fn chunks(&self) -> u64 {
        self.schedule.chunks()
    }

    fn units(&self) -> u64 {
        self.words
    }

    fn scratch(&self) -> Scratch {
        let zeros = Hidden::new(self.options.dim);
        Scratch {
            windows: Default::default(),
            h: zeros.clone(),
            error: zeros.clone(),
            total: zeros,
            near: Vec::new(),
            pointers: Pointers::default(),
        }
    }

    fn rate(&self, epoch: u64, chunk: u64) -> f64 {
        self.schedule.alpha(epoch, chunk)
    }

    fn chunk(&self, model: &Model, epoch: u64, chunk: u64, scratch: &mut Scratch) -> Result<Tally> {
        let range = self.schedule.range(chunk);
        let random = self.run.stream(&[epoch, chunk]);
        let mut windows = Windows::new(&self.drawing, self.text, range.clone(), random);
        let alpha = self.schedule.alphas(epoch, chunk);
        let mut tally = Tally::default();
        let [mut now, mut coming] = std::mem::take(&mut scratch.windows);
        let mut more = windows.next(&mut now)?;
        while more {
            more = windows.next(&mut coming)?;
            if more {
                self.prefetch(model, &coming);
            }
            let step = (alpha.0 + (alpha.1 - alpha.0) * f64::from(now.at)) as f32;
            match self.options.architecture {
                Architecture::SkipGram => self.skip_gram(&now, step, model, scratch, &mut tally),
                Architecture::Cbow => self.cbow(&now, step, model, scratch, &mut tally),
            }
            std::mem::swap(&mut now, &mut coming);
        }
        for near in &mut scratch.near {
            self.flush(near, model, &mut scratch.pointers);
        }
        scratch.windows = [now, coming];
        tally.units = windows.words();
        // Until the next epoch; or else the whole corpus would come to count as this program's memory.
        self.text.release(range);
        Ok(tally)
    }
}

impl Work<'_> {
    /// The centre word's rows predict each word around it.
    fn skip_gram(
        &self,
        window: &Window,
        alpha: f32,
        model: &Model,
        scratch: &mut Scratch,
        tally: &mut Tally,
    ) {
        let Scratch { h, error, total, pointers, .. } = scratch;
        let Some(&(word, _)) = window.pooled.first() else { return };
        let rows = self.rows.of(word);
        self.kernels.gather((&model.input, rows), 1.0 / rows.len() as f32, h, pointers);
        total.clear();
        for i in 0..window.groups() {
            error.clear();
            self.step(window, i, alpha, model, (h, error), tally);
            h.add(1.0, error);
            total.add(1.0, error);
        }
        self.kernels.spread(total, 1.0, (&model.input, rows), pointers);
    }

    /// The rows of all words around predict the centre word.
    fn cbow(
        &self,
        window: &Window,
        alpha: f32,
        model: &Model,
        scratch: &mut Scratch,
        tally: &mut Tally,
    ) {
        let Scratch { h, error, near, pointers, .. } = scratch;
        h.clear();
        let mut count = 0;
        for &(word, number) in &window.pooled {
            let place = self.meet(word, number, near, model, pointers);
            h.add(1.0, &near[place].sum);
            count += self.rows.of(word).len();
        }
        h.scale(1.0 / count as f32);
        error.clear();
        self.step(window, 0, alpha, model, (h, error), tally);
        for &(word, number) in &window.pooled {
            let reach = 2 * self.options.window + 1;
            let near = &mut near[number % reach];
            near.error.add(1.0, error);
            near.sum.add(self.rows.of(word).len() as f32, error);
        }
    }

    /// Where a word within reach is kept; one that comes into reach takes the place of one that is out of it.
    fn meet(
        &self,
        word: u32,
        number: usize,
        near: &mut Vec<Near>,
        model: &Model,
        pointers: &mut Pointers,
    ) -> usize {
        // Numbers within reach of one centre word lie less than this apart, so that none takes the place of another.
        let place = number % (2 * self.options.window + 1);
        while near.len() <= place {
            let zeros = Hidden::new(self.options.dim);
            near.push(Near { word, number: usize::MAX, sum: zeros.clone(), error: zeros });
        }
        let it = &mut near[place];
        if it.number != number {
            self.flush(it, model, pointers);
            (it.word, it.number) = (word, number);
            self.kernels.gather((&model.input, self.rows.of(word)), 1.0, &mut it.sum, pointers);
        }
        place
    }

    /// Moves a word's rows by what has gathered for them.
    fn flush(&self, near: &mut Near, model: &Model, pointers: &mut Pointers) {
        if near.number != usize::MAX {
            let rows = (&model.input, self.rows.of(near.word));
            self.kernels.spread(&near.error, 1.0, rows, pointers);
            near.error.clear();
            near.number = usize::MAX;
        }
    }

    /// One group of outputs.
    fn step(
        &self,
        window: &Window,
        i: usize,
        alpha: f32,
        model: &Model,
        (h, error): (&Hidden, &mut Hidden),
        tally: &mut Tally,
    ) {
        let (outputs, observed, weight) = window.group(i);
        let rates = Rates { observed: alpha, noise: weight * alpha };
        let loss = self.kernels.logistic(h, (&model.output, outputs), observed, rates, error);
        tally.loss += f64::from(loss);
        tally.terms += outputs.len() as u64;
    }

    /// Asks for the rows of a window while the one before it is worked on.
    fn prefetch(&self, model: &Model, window: &Window) {
        prefetch(&model.output, window.outputs());
        // In CBOW the last one is the one that comes into reach; the others are there but for the ends.
        if let Some(&(word, _)) = window.pooled.last() {
            prefetch(&model.input, self.rows.of(word));
        }
    }
}
