//! What one tile of links does to the two sides.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Glove;
use super::tiles::{Order, Tiles};
use crate::error::Result;
use crate::kernels::adagrad::{Adagrad, Descent, Factors, Side};
use crate::kernels::hogwild::RacingRows;
use crate::learn::training::{self, Tally, Training};
use crate::run::Run;

/// Both sides, block by block. No two threads ever want one block at once: locks are there so that the compiler knows.
pub(super) struct Model {
    pub sources: Vec<Mutex<Factors>>,
    pub targets: Vec<Mutex<Factors>>,
}

impl Model {
    /// Blocks of zeros.
    pub(super) fn zeros(tiles: &Tiles, dim: usize) -> Result<Self> {
        let blocks = &tiles.blocks;
        let all = |rows: &dyn Fn(usize) -> usize, side| -> Result<Vec<Mutex<Factors>>> {
            (0..blocks.count)
                .map(|block| Factors::zeros(rows(block), dim, side).map(Mutex::new))
                .collect()
        };
        Ok(Model {
            sources: all(&|block| blocks.sources_in(block), Side::Source)?,
            targets: all(&|block| blocks.targets_in(block), Side::Target)?,
        })
    }
}

impl training::Model for Model {
    fn matrices(&mut self) -> Vec<&mut RacingRows> {
        self.sources.iter_mut().chain(&mut self.targets).map(|block| own(block).matrix()).collect()
    }
}

/// A block for its only user.
pub(super) fn own(block: &mut Mutex<Factors>) -> &mut Factors {
    block.get_mut().unwrap_or_else(PoisonError::into_inner)
}

fn take(block: &Mutex<Factors>) -> MutexGuard<'_, Factors> {
    block.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What all workers share, and none changes.
pub(super) struct Work<'a> {
    eta: f64,
    descent: Descent,
    tiles: &'a Tiles,
    kernels: Adagrad,
    run: &'a Run<'a>,
}

impl<'a> Work<'a> {
    pub(super) fn new(
        options: &Glove,
        tiles: &'a Tiles,
        kernels: Adagrad,
        run: &'a Run<'a>,
    ) -> Self {
        let descent = Descent {
            eta: options.eta as f32,
            clip: options.grad_clip as f32,
            log_max: options.x_max.ln() as f32,
            alpha: options.alpha as f32,
        };
        Work { eta: options.eta, descent, tiles, kernels, run }
    }
}

impl Training for Work<'_> {
    type Model = Model;
    /// The order of the epoch that was last worked on.
    type Scratch = Option<(u64, Order)>;
    const UNIT: &'static str = "links";
    const RATE: &'static str = "eta";

    fn chunks(&self) -> u64 {
        (self.tiles.blocks.count * self.tiles.blocks.count) as u64
    }

    fn units(&self) -> u64 {
        self.tiles.count()
    }

    /// A round of tiles that share no row.
    fn side_by_side(&self) -> u64 {
        self.tiles.blocks.count as u64
    }

    fn scratch(&self) -> Self::Scratch {
        None
    }

    fn rate(&self, _: u64, _: u64) -> f64 {
        self.eta
    }

    fn chunk(
        &self,
        model: &Model,
        epoch: u64,
        chunk: u64,
        scratch: &mut Self::Scratch,
    ) -> Result<Tally> {
        let order = match scratch {
            Some((of, order)) if *of == epoch => order,
            _ => {
                let order = Order::new(self.tiles.blocks.count, epoch, self.run);
                &mut scratch.insert((epoch, order)).1
            }
        };
        let (source, target) = order.tile(chunk);
        let links = self.tiles.links(source, target);
        let mut sources = take(&model.sources[source]);
        let mut targets = take(&model.targets[target]);
        let loss = self.kernels.step(&mut sources, &mut targets, links, &self.descent);
        self.tiles.release(source, target);
        Ok(Tally { loss: grained(loss), terms: links.len() as u64, units: links.len() as u64 })
    }
}

/// A loss in whole multiples of 2⁻²⁰, which sums below 2³² hold exactly: the sum does not depend on the order in which
/// tiles were finished.
fn grained(loss: f64) -> f64 {
    const GRAINS: f64 = 1_048_576.0;
    (loss * GRAINS).round() / GRAINS
}
