//! The steps of one chunk: windows are drawn a little ahead of the steps, so that their rows are on the way.

use super::train::{Model, Tally};
use super::windows::{Window, Windows};
use super::{Architecture, Word2Vec};
use crate::error::Result;
use crate::kernels::hogwild::{Hogwild, Rate, Scratch, Targets};

/// How many windows are drawn before the first of them is worked on.
const AHEAD: usize = 2;

/// What one worker works with.
pub(super) struct Hands {
    scratch: Scratch,
    windows: [Window; AHEAD],
}

impl Hands {
    pub(super) fn new(options: &Word2Vec) -> Self {
        Hands { scratch: Scratch::new(options.dim), windows: Default::default() }
    }
}

/// What is learned on, and how.
pub(super) struct Lesson<'a> {
    pub options: &'a Word2Vec,
    pub kernels: Hogwild,
    pub model: &'a Model,
}

impl Lesson<'_> {
    /// Trains on all windows of a chunk, at a rate that goes evenly from `alpha.0` to `alpha.1`.
    pub(super) fn learn(
        &self,
        mut windows: Windows<'_>,
        alpha: (f64, f64),
        hands: &mut Hands,
    ) -> Result<Tally> {
        let mut tally = Tally::default();
        let (mut drawn, mut done) = (0, 0);
        let mut more = true;
        loop {
            while more && drawn < done + AHEAD {
                let window = &mut hands.windows[drawn % AHEAD];
                more = windows.next(window)?;
                if more {
                    drawn += 1;
                    window.all_outputs().iter().for_each(|&row| self.model.output.prefetch(row));
                    windows.fresh().iter().for_each(|&row| self.model.input.prefetch(row));
                }
            }
            if done == drawn {
                break;
            }
            let window = &hands.windows[done % AHEAD];
            let rate = Rate {
                alpha: (alpha.0 + (alpha.1 - alpha.0) * f64::from(window.at)) as f32,
                measured: window.measured,
            };
            let loss = self.step(window, rate, &mut hands.scratch);
            if window.measured {
                tally.loss += f64::from(loss);
                let pairs = match self.options.architecture {
                    Architecture::SkipGram if window.groups() == 1 => window.contexts.len(),
                    _ => 1,
                };
                tally.terms += (window.all_outputs().len() * pairs) as u64;
            }
            done += 1;
        }
        tally.words = windows.words();
        Ok(tally)
    }

    /// One step, or one for each group of outputs.
    #[inline]
    fn step(&self, window: &Window, rate: Rate, scratch: &mut Scratch) -> f32 {
        let Model { input, output } = self.model;
        let targets = |i| {
            let (rows, labels) = window.outputs(i);
            Targets { matrix: output, rows, labels }
        };
        match self.options.architecture {
            Architecture::SkipGram if window.groups() == 1 => {
                self.kernels.step_window((input, &window.contexts), targets(0), rate)
            }
            Architecture::SkipGram => (window.contexts.iter().enumerate())
                .map(|(i, &row)| self.kernels.step_one((input, row), targets(i), rate, scratch))
                .sum(),
            Architecture::Cbow => {
                let share = 1.0 / window.contexts.len() as f32;
                let weights = if self.options.cbow_mean { (share, 1.0) } else { (1.0, share) };
                let contexts = (input, &window.contexts[..]);
                self.kernels.step_sum(contexts, weights, targets(0), rate, scratch)
            }
        }
    }
}
