//! Gradient descent with momentum and gains, as in van der Maaten's programs and those after them.
//!
//! ```text
//! g = exaggeration · attraction − repulsion / Z
//! gain ← gain + 0.2 where g points against the last step's direction of change, gain · 0.8 (at least 0.01) where along it
//! v ← momentum · v − rate · gain · g,     y ← y + v,     and the map is moved so that its mean is 0
//! ```
//!
//! The gain of each coordinate is its own (Jacobs, Neural Networks 1, 1988): steps grow while a coordinate goes on in one
//! direction, and shrink when it turns.

use rayon::ThreadPool;
use rayon::prelude::*;
use serde_json::{Map, Value, json};
use std::ops::Range;

use super::divergence::divergence;
use super::exact::partition;
use super::joint::{places, reordered};
use super::order::along_a_curve;
use super::{Repel, Repulsion, Tsne};
use crate::error::{Error, Result};
use crate::kernels::attract::{Attract, Links};
use crate::linalg::Matrix;
use crate::linalg::blocks::{Work, pool};
use crate::map::kept::{Parts, Place};
use crate::map::{Settling, Tether};
use crate::run::Run;

/// Points that a thread takes at a time.
const CHUNK: usize = 512;
/// What λ of a tether counts here: a map by t-SNE is ten times as wide as one by UMAP, and what pulls is weaker. The same λ then costs either
/// about as many neighbours.
const TETHER: f64 = 0.05;
/// The divergence is looked at this often, where it decides when to stop.
const LOOK_EVERY: u64 = 50;
/// Up to this many points the final Z is summed over all pairs.
const EXACT_Z: usize = 100_000;

/// Points on their way. Everything but `coords` is in an order along a curve through the map.
pub(super) struct Descent<const D: usize> {
    options: Tsne,
    repulsion: Repulsion,
    links: Links,
    kernel: Attract,
    repel: Box<dyn Repel<D>>,
    pool: ThreadPool,
    at: Vec<[f32; D]>,
    steps: Vec<[f32; D]>,
    gains: Vec<[f32; D]>,
    pull: Vec<[f32; D]>,
    push: Vec<[f32; D]>,
    /// Where each point of `coords` stands in that order.
    place: Vec<u32>,
    coords: Matrix,
    done: u64,
    settled: bool,
    last_look: Option<f64>,
    tether: Option<Tethers<D>>,
}

/// Where each point is drawn back to, if it is, and how strongly.
struct Tethers<const D: usize> {
    to: Vec<Option<[f32; D]>>,
    strength: f64,
}

/// What holds for one iteration.
struct Phase {
    exaggeration: f32,
    momentum: f32,
    rate: f32,
    /// Steps are no longer than this; infinite without a bound.
    longest: f32,
}

impl<const D: usize> Descent<D> {
    /// At the start, n × D.
    pub(super) fn new(
        options: &Tsne,
        repulsion: Repulsion,
        links: Links,
        order: &[u32],
        start: &Matrix,
        repel: Box<dyn Repel<D>>,
        run: &Run<'_>,
    ) -> Result<Self> {
        let n = order.len();
        let point = |&old: &u32| std::array::from_fn(|axis| start.row(old as usize)[axis]);
        Ok(Descent {
            options: options.clone(),
            repulsion,
            links,
            kernel: Attract::detect(),
            repel,
            pool: pool(run)?,
            at: order.iter().map(point).collect(),
            steps: vec![[0.0; D]; n],
            gains: vec![[1.0; D]; n],
            pull: vec![[0.0; D]; n],
            push: vec![[0.0; D]; n],
            place: places(order),
            coords: start.clone(),
            done: 0,
            settled: false,
            last_look: None,
            tether: None,
        })
    }

    /// Adds [`TETHER`]·λ/n·Σ‖y − a‖² to what is lowered.
    pub(super) fn tethered(mut self, tether: Option<Tether<'_>>) -> Self {
        self.tether = tether.map(|tether| {
            let mut to = vec![None; self.place.len()];
            for (point, &place) in self.place.iter().enumerate() {
                to[place as usize] = tether.of(point);
            }
            Tethers { to, strength: tether.strength }
        });
        self
    }

    fn exaggeration(&self) -> f64 {
        if self.done < self.options.early_iterations {
            self.options.early_exaggeration
        } else {
            self.options.exaggeration
        }
    }

    fn rate(&self) -> f64 {
        self.options.learning_rate.unwrap_or(self.at.len() as f64 / self.exaggeration())
    }

    fn phase(&self) -> Phase {
        let options = &self.options;
        let early = self.done < options.early_iterations;
        Phase {
            exaggeration: self.exaggeration() as f32,
            momentum: (if early { options.early_momentum } else { options.momentum }) as f32,
            rate: self.rate() as f32,
            longest: if options.max_step > 0.0 { options.max_step as f32 } else { f32::INFINITY },
        }
    }

    /// Takes the points in the order of the map as it is now: groups have formed that the start did not show.
    fn reorder(&mut self) {
        let order = along_a_curve(&self.at);
        self.take(&order);
    }

    /// Takes the points in another order (`order[new] = old`).
    fn take(&mut self, order: &[u32]) {
        let place = places(order);
        self.links = self.pool.install(|| reordered(&self.links, order));
        for numbers in [&mut self.at, &mut self.steps, &mut self.gains] {
            *numbers = order.iter().map(|&old| numbers[old as usize]).collect();
        }
        if let Some(tether) = &mut self.tether {
            tether.to = order.iter().map(|&old| tether.to[old as usize]).collect();
        }
        self.place.iter_mut().for_each(|at| *at = place[*at as usize]);
    }

    /// Whether the divergence falls too slowly to go on. `z` is that of the positions as they are.
    fn has_settled(&mut self, z: f64) -> bool {
        let (least, done) = (self.options.min_improvement, self.done);
        if least == 0.0
            || done < self.options.early_iterations
            || !(done - self.options.early_iterations).is_multiple_of(LOOK_EVERY)
        {
            return false;
        }
        let now = self.pool.install(|| divergence(&self.links, &self.at, z));
        let before = self.last_look.replace(now);
        before.is_some_and(|before| before - now < least * before)
    }

    /// Takes the forces to steps, and makes them.
    fn advance(&mut self, z: f64) -> Result<()> {
        let phase = self.phase();
        let (links, kernel, at, scale) = (&self.links, self.kernel, &self.at, (1.0 / z) as f32);
        // A quarter of its gradient, as of all gradients; attraction is multiplied by the exaggeration, which this is not.
        let tether = self.tether.as_ref().map(|tether| {
            let strength = TETHER * tether.strength / (2.0 * at.len() as f64);
            (tether, (strength / f64::from(phase.exaggeration)) as f32)
        });
        let chunks = self
            .pull
            .par_chunks_mut(CHUNK)
            .zip(self.steps.par_chunks_mut(CHUNK))
            .zip(self.gains.par_chunks_mut(CHUNK).zip(self.push.par_chunks(CHUNK)));
        self.pool.install(|| {
            chunks.enumerate().for_each(|(chunk, ((pull, steps), (gains, push)))| {
                let points = chunk * CHUNK..chunk * CHUNK + pull.len();
                attract(kernel, links, points.clone(), at, pull);
                if let Some((tether, strength)) = tether {
                    for (pull, i) in pull.iter_mut().zip(points) {
                        let Some(to) = tether.to[i] else { continue };
                        for axis in 0..D {
                            pull[axis] += strength * (at[i][axis] - to[axis]);
                        }
                    }
                }
                for ((pull, step), (gain, push)) in
                    pull.iter().zip(steps).zip(gains.iter_mut().zip(push))
                {
                    phase.step(pull, push, scale, step, gain);
                }
            });
        });
        let (at, steps) = (&mut self.at, &self.steps);
        let sums: Vec<[f64; D]> = self.pool.install(|| {
            let chunks = at.par_chunks_mut(CHUNK).zip(steps.par_chunks(CHUNK));
            chunks
                .map(|(at, steps)| {
                    let mut sum = [0.0; D];
                    for (point, step) in at.iter_mut().zip(steps) {
                        for axis in 0..D {
                            point[axis] += step[axis];
                            sum[axis] += f64::from(point[axis]);
                        }
                    }
                    sum
                })
                .collect()
        });
        let mut mean = [0.0; D];
        for sum in sums {
            mean.iter_mut().zip(sum).for_each(|(mean, sum)| *mean += sum / at.len() as f64);
        }
        if mean.iter().any(|mean| !mean.is_finite()) {
            return Err(Error::usage(format!(
                "the map flew apart in iteration {} of {}",
                self.done + 1,
                self.options.iterations
            ))
            .help("lower learning_rate, or bound steps by max_step"));
        }
        // A tether says where the map is, too.
        let mean = if self.tether.is_some() { [0.0; D] } else { mean.map(|mean| mean as f32) };
        self.pool.install(|| {
            at.par_chunks_mut(CHUNK).for_each(|at| {
                for point in at {
                    point.iter_mut().zip(mean).for_each(|(x, mean)| *x -= mean);
                }
            });
            let at = &*at;
            let chunks = self.coords.as_mut_slice().par_chunks_mut(D * CHUNK);
            chunks.zip(self.place.par_chunks(CHUNK)).for_each(|(coords, places)| {
                for (coords, &place) in coords.chunks_exact_mut(D).zip(places) {
                    coords.copy_from_slice(&at[place as usize]);
                }
            });
        });
        Ok(())
    }

    /// Z at the end, how it was computed, and its relative error where it is known.
    fn partition(&self, run: &Run<'_>) -> Result<(f64, &'static str, Option<f64>)> {
        if self.at.len() <= EXACT_Z || self.repulsion == Repulsion::Exact {
            let work = Work::new(run, "summing up all pairs", self.at.len() as u64, "points")?;
            let z = self.pool.install(|| partition(&self.at, &work));
            return work.finish().map(|()| (z, "exact", None));
        }
        let mut out = vec![[0.0; D]; self.at.len()];
        let mut z = |share: f64| {
            let mut repel = self.repel.like(share);
            self.pool.install(|| repel.repel(&self.at, &mut out))
        };
        let (coarse, fine) = (z(1.0), z(0.5));
        Ok((fine, self.repulsion.name(), Some((coarse / fine - 1.0).abs())))
    }
}

impl Phase {
    /// From forces to the step of one point.
    #[inline]
    fn step<const D: usize>(
        &self,
        pull: &[f32; D],
        push: &[f32; D],
        scale: f32,
        step: &mut [f32; D],
        gain: &mut [f32; D],
    ) {
        let mut squared = 0.0;
        for axis in 0..D {
            let gradient = self.exaggeration * pull[axis] - push[axis] * scale;
            // The step before went along the gradient: too far.
            let turned = step[axis] != 0.0 && (gradient > 0.0) == (step[axis] > 0.0);
            gain[axis] = if turned { (gain[axis] * 0.8).max(0.01) } else { gain[axis] + 0.2 };
            step[axis] = self.momentum * step[axis] - self.rate * gain[axis] * gradient;
            squared += step[axis] * step[axis];
        }
        if squared > self.longest * self.longest {
            let share = self.longest / squared.sqrt();
            *step = step.map(|x| x * share);
        }
    }
}

/// Σⱼ pᵢⱼ wᵢⱼ (yᵢ − yⱼ) of consecutive points.
pub(super) fn attract<const D: usize>(
    kernel: Attract,
    links: &Links,
    points: Range<usize>,
    at: &[[f32; D]],
    out: &mut [[f32; D]],
) {
    if D == 2 {
        kernel.pull(links, points, at.as_flattened(), out.as_flattened_mut());
        return;
    }
    for (i, out) in points.zip(out) {
        *out = [0.0; D];
        let (targets, weights) = links.of(i);
        for (&j, weight) in targets.iter().zip(weights) {
            let off: [f32; D] = std::array::from_fn(|axis| at[i][axis] - at[j as usize][axis]);
            let pull = weight / (1.0 + off.iter().map(|x| x * x).sum::<f32>());
            out.iter_mut().zip(off).for_each(|(out, off)| *out += pull * off);
        }
    }
}

impl<const D: usize> Settling for Descent<D> {
    fn step(&mut self, _: &Run<'_>) -> Result<bool> {
        if self.settled || self.done >= self.options.iterations {
            return Ok(false);
        }
        if self.done == self.options.early_iterations && self.done > 0 {
            self.reorder();
        }
        let (repel, at, push) = (&mut self.repel, &self.at, &mut self.push);
        let z = self.pool.install(|| repel.repel(at, push));
        if self.has_settled(z) {
            self.settled = true;
            return Ok(false);
        }
        self.advance(z)?;
        self.done += 1;
        Ok(self.done < self.options.iterations)
    }

    fn steps(&self) -> (u64, u64) {
        (self.done, self.options.iterations)
    }

    fn coords(&self) -> &Matrix {
        &self.coords
    }

    /// Step, whether it has settled, the last divergence, what repulsion goes by; places along the curve, positions,
    /// steps and gains in the order along it.
    fn keep(&self) -> Option<Vec<u8>> {
        let place = Place::default().number(self.done).number(u64::from(self.settled));
        let look = [self.last_look.unwrap_or(f64::NAN)];
        let place = place.numbers(&look).numbers(&self.repel.chosen()).numbers(&self.place);
        let all = [&self.at, &self.steps, &self.gains];
        Some(all.into_iter().fold(place, |place, all| place.numbers(all.as_flattened())).done())
    }

    fn restore(&mut self, kept: &[u8]) -> Result<()> {
        let (n, mut parts) = (self.at.len(), Parts(kept));
        let done = parts.step(self.options.iterations)?;
        let settled = parts.number()? != 0;
        let (mut look, mut chosen) = ([0.0_f64], [0.0_f64; 2]);
        parts.numbers(&mut look)?;
        parts.numbers(&mut chosen)?;
        let mut then = vec![0_u32; n];
        parts.numbers(&mut then)?;
        // From the order of the start to the order then.
        let mut order = vec![u32::MAX; n];
        for (&then, &now) in then.iter().zip(&self.place) {
            match order.get_mut(then as usize) {
                Some(slot) if *slot == u32::MAX => *slot = now,
                _ => return Err(Error::data("its places are not one for each point")),
            }
        }
        self.take(&order);
        for numbers in [&mut self.at, &mut self.steps, &mut self.gains] {
            parts.finite(numbers.as_flattened_mut())?;
        }
        parts.end()?;
        if !self.repel.choose(chosen) {
            return Err(Error::data(format!("there is no grid of {} by {}", chosen[0], chosen[1])));
        }
        (self.done, self.settled) = (done, settled);
        self.last_look = Some(look[0]).filter(|look| !look.is_nan());
        for (coords, &place) in self.coords.as_mut_slice().chunks_exact_mut(D).zip(&self.place) {
            coords.copy_from_slice(&self.at[place as usize]);
        }
        Ok(())
    }

    fn figures(&self, run: &Run<'_>) -> Result<Map<String, Value>> {
        let (z, how, error) = self.partition(run)?;
        let kl = self.pool.install(|| divergence(&self.links, &self.at, z));
        let mut figures = Map::new();
        figures.insert("kl".to_owned(), json!(kl));
        figures.insert("z".to_owned(), json!(how));
        if let Some(error) = error {
            figures.insert("z_error".to_owned(), json!(error));
        }
        figures.insert("repulsion".to_owned(), json!(self.repulsion));
        figures.insert("learning_rate".to_owned(), json!(self.rate()));
        Ok(figures)
    }
}
