//! The steps of one chunk: windows are drawn a little ahead of the steps, so that their rows are on the way.

use super::train::Model;
use super::windows::{Window, Windows};
use super::{Architecture, Word2Vec};
use crate::error::Result;
use crate::kernels::hogwild::{Ahead, Hogwild, Rate, Scratch, Targets};
use crate::learn::training::Tally;

/// How many windows are drawn before the first of them is worked on.
const AHEAD: usize = 3;

/// What one worker works with.
pub(super) struct Hands {
    scratch: Scratch,
    ahead: Ahead,
    windows: [Window; AHEAD],
}

impl Hands {
    pub(super) fn new(options: &Word2Vec) -> Self {
        Hands {
            scratch: Scratch::new(options.dim),
            ahead: Ahead::default(),
            windows: Default::default(),
        }
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
        let Model { input, output } = self.model;
        let Hands { scratch, ahead, windows: ring } = hands;
        let mut tally = Tally::default();
        let (mut drawn, mut done) = (0, 0);
        let mut more = true;
        loop {
            ahead.clear();
            while more && drawn < done + AHEAD {
                let window = &mut ring[drawn % AHEAD];
                more = windows.next(window)?;
                if more {
                    drawn += 1;
                    window.all_outputs().iter().for_each(|&row| ahead.push(output, row));
                    windows.fresh().iter().for_each(|&row| ahead.push(input, row));
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
            let (loss, terms) = self.step(window, rate, ahead, scratch);
            if window.measured {
                tally.loss += f64::from(loss);
                tally.terms += terms as u64;
            }
            done += 1;
        }
        tally.units = windows.words();
        Ok(tally)
    }

    /// One step, or one for each group of outputs: the loss, and of how many terms.
    #[inline]
    fn step(
        &self,
        window: &Window,
        rate: Rate,
        ahead: &Ahead,
        scratch: &mut Scratch,
    ) -> (f32, usize) {
        let Model { input, output } = self.model;
        let targets = |i| {
            let (rows, labels) = window.outputs(i);
            Targets { matrix: output, rows, labels }
        };
        let (contexts, outputs) = (&window.contexts[..], window.all_outputs().len());
        match self.options.architecture {
            Architecture::SkipGram if window.groups() == 1 => {
                let loss = self.kernels.step_window((input, contexts), targets(0), rate, ahead);
                (loss, contexts.len() * outputs)
            }
            Architecture::SkipGram => {
                let step = |(i, &row)| {
                    ahead.fetch_part(i, contexts.len());
                    self.kernels.step_one((input, row), targets(i), rate, scratch)
                };
                (contexts.iter().enumerate().map(step).sum(), outputs)
            }
            Architecture::Cbow => {
                ahead.fetch();
                let share = 1.0 / contexts.len() as f32;
                let weights = if self.options.cbow_mean { (share, 1.0) } else { (1.0, share) };
                let inputs = (input, contexts);
                (self.kernels.step_sum(inputs, weights, targets(0), rate, scratch), outputs)
            }
        }
    }
}
