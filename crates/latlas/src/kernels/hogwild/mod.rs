//! Fused steps of logistic regression on racing rows: input rows against output rows, each output with a label (1:
//! observed, 0: noise; or the code of an inner node).
//!
//! | step | input | outputs | reads and writes of rows |
//! |---|---|---|---|
//! | [`Hogwild::step_one`] | one row | its own | outputs twice |
//! | [`Hogwild::step_mean`] | the mean of several rows | its own | outputs twice |
//! | [`Hogwild::step_window`] | each of several rows | shared by all inputs | all twice, for inputs × outputs pairs |
//!
//! With products xᵢₖ = hᵢ·oₖ, labels yₖ and gᵢₖ = α·(yₖ − σ(xᵢₖ)), every step moves hᵢ by Σₖ gᵢₖ·oₖ and oₖ by Σᵢ gᵢₖ·hᵢ,
//! down the gradient of its loss Σ −ln σ((2yₖ − 1)·xᵢₖ).

#![expect(
    unsafe_code,
    reason = "racing rows cannot be references; everything behind a checked row number"
)]

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod gradients;
mod scalar;
#[cfg(test)]
mod tests;

pub use super::racing::RacingRows;
use super::racing::prefetch_to_write;

/// Numbers in a block: what the kernels take at a time, or twice that. A row's numbers beyond its dimension are zero
/// and stay zero.
const BLOCK: usize = 8;
/// The number of output rows that one pass of `step_one` and `step_mean` takes together.
const GROUP: usize = 8;
/// The number of input rows that one pass of `step_window` takes together,
const INPUTS: usize = 16;
/// and of output rows: as many as AVX2 can hold in registers with what they move by.
const OUTPUTS: usize = 6;

/// Room for one worker's hidden vector, its error and the rows of a step.
pub struct Scratch {
    hidden: Vec<Line>,
    error: Vec<Line>,
    rows: Vec<*mut f32>,
    inputs: Vec<*mut f32>,
}

/// A cache line.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([f32; 2 * BLOCK]);

impl Scratch {
    /// Room for vectors of this dimension.
    pub fn new(dim: usize) -> Self {
        let lines = vec![Line([0.0; 2 * BLOCK]); dim.max(1).div_ceil(2 * BLOCK)];
        Scratch { hidden: lines.clone(), error: lines, rows: Vec::new(), inputs: Vec::new() }
    }
}

/// The output rows of a step.
#[derive(Clone, Copy)]
pub struct Targets<'a> {
    /// The matrix they are in.
    pub matrix: &'a RacingRows,
    /// Which rows.
    pub rows: &'a [u32],
    /// For each of them 1 (more of it) or 0 (less of it), or anything between.
    pub labels: &'a [f32],
}

/// Rows that a later step will need: the machine is asked for them while it works on this one.
#[derive(Default)]
pub struct Ahead {
    rows: Vec<*const f32>,
    dim: usize,
}

impl Ahead {
    /// Forgets all rows.
    pub fn clear(&mut self) {
        self.rows.clear();
    }

    /// Adds a row.
    #[inline]
    pub fn push(&mut self, matrix: &RacingRows, row: u32) {
        self.dim = matrix.dim();
        self.rows.push(matrix.at(row));
    }

    /// Asks for all of them now: what steps do that do not ask while they work.
    pub fn fetch(&self) {
        self.fetch_part(0, 1);
    }

    /// Asks for one of `parts` parts of them now: several steps may each ask for a part, so that the machine never
    /// waits for many at once. Panics if there is no such part.
    pub fn fetch_part(&self, part: usize, parts: usize) {
        assert!(part < parts, "part {part} of {parts}");
        let at = |part: usize| self.rows.len() * part / parts;
        for row in &self.rows[at(part)..at(part + 1)] {
            for d in (0..self.dim).step_by(2 * BLOCK) {
                prefetch_to_write(row.wrapping_add(d));
            }
        }
    }
}

/// The size of a step.
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    /// α, the learning rate.
    pub alpha: f32,
    /// Whether the loss is asked for; it is 0 otherwise, and costs nothing.
    pub measured: bool,
}

/// What the kernels need besides rows.
#[derive(Clone, Copy)]
struct Shape {
    /// Blocks in a row.
    blocks: usize,
    /// As in `Rate`.
    alpha: f32,
    measured: bool,
}

/// At most `INPUTS` input rows and `OUTPUTS` output rows with their labels; neither is empty.
struct Window<'a> {
    inputs: &'a [*mut f32],
    outputs: &'a [*mut f32],
    labels: &'a [f32],
    /// Rows to ask for.
    ahead: &'a [*const f32],
}

/// The kernels of one instruction set, chosen once.
#[derive(Clone, Copy)]
pub struct Hogwild {
    name: &'static str,
    /// `error` ← Σₖ gₖ·oₖ and oₖ ← oₖ + gₖ·h over the rows `o`; returns the loss before.
    step: unsafe fn(
        h: *const f32,
        error: *mut f32,
        outputs: &[*mut f32],
        labels: &[f32],
        shape: Shape,
    ) -> f32,
    /// hᵢ ← hᵢ + Σₖ gᵢₖ·oₖ and oₖ ← oₖ + Σᵢ gᵢₖ·hᵢ, each from the other's old value; returns the loss before. A row that
    /// stands twice among the outputs moves by the sum; one that stands twice among the inputs has moved once when it
    /// is met again.
    window: unsafe fn(window: &Window<'_>, shape: Shape) -> f32,
    /// h ← `weight`·Σ rows.
    gather: unsafe fn(rows: &[*mut f32], weight: f32, h: *mut f32, blocks: usize),
    /// Each row ← row + `weight`·error; one that stands twice moves twice.
    spread: unsafe fn(error: *const f32, weight: f32, rows: &[*mut f32], blocks: usize),
}

impl Hogwild {
    /// The fastest kernels that this machine runs, unless others are forced by `LATLAS_KERNELS` (see
    /// [`super`]).
    pub fn detect() -> Self {
        let mut all = Self::all();
        all.retain(|kernels| super::set::allowed(kernels.name));
        all.pop().unwrap_or_else(Self::scalar)
    }

    /// All kernels that this machine runs, the scalar ones first, the fastest last.
    pub fn all() -> Vec<Self> {
        let mut all = vec![Self::scalar()];
        #[cfg(target_arch = "x86_64")]
        if std::is_x86_feature_detected!("avx2") && std::is_x86_feature_detected!("fma") {
            all.push(Hogwild {
                name: "avx2+fma",
                step: avx2::step,
                window: avx2::window,
                gather: avx2::gather,
                spread: avx2::spread,
            });
            if std::is_x86_feature_detected!("avx512f") {
                all.push(Hogwild {
                    name: "avx512f",
                    step: avx512::step,
                    window: avx512::window,
                    gather: avx512::gather,
                    spread: avx512::spread,
                });
            }
        }
        all
    }

    /// The scalar twins.
    pub fn scalar() -> Self {
        Hogwild {
            name: "scalar",
            step: scalar::step,
            window: scalar::window,
            gather: scalar::gather,
            spread: scalar::spread,
        }
    }

    /// The instruction set: "avx512f", "avx2+fma" or "scalar".
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// One input row against output rows: moves all of them one step. Up to eight outputs are measured before any of
    /// them moves; further ones, eight by eight. Returns the loss as it was before, in nats.
    ///
    /// Panics, as all steps do, if dimensions differ, a row does not exist or a label is missing.
    pub fn step_one(
        &self,
        (input, row): (&RacingRows, u32),
        targets: Targets<'_>,
        rate: Rate,
        scratch: &mut Scratch,
    ) -> f32 {
        let shape = shape(input, targets, rate);
        if targets.rows.is_empty() {
            return 0.0;
        }
        let h = input.at(row);
        let error = scratch.begin(shape, targets);
        // SAFETY: `shape` and `begin` checked that rows and scratch hold `blocks` blocks (and an even number of
        // them), `at` checked the row numbers, and `all` the instruction set.
        unsafe {
            let loss = (self.step)(h, error, &scratch.rows, targets.labels, shape);
            (self.spread)(error, 1.0, &[h], shape.blocks);
            loss
        }
    }

    /// Like `step_one` with the mean of several input rows as h; each of them moves by the whole gradient of h.
    pub fn step_mean(
        &self,
        inputs: (&RacingRows, &[u32]),
        targets: Targets<'_>,
        rate: Rate,
        scratch: &mut Scratch,
    ) -> f32 {
        let weights = (1.0 / inputs.1.len().max(1) as f32, 1.0);
        self.step_sum(inputs, weights, targets, rate, scratch)
    }

    /// Like `step_one` with `weights.0` times the sum of several input rows as h; each of them moves by `weights.1`
    /// times the gradient of h. A row that stands there twice counts twice, both ways.
    pub fn step_sum(
        &self,
        (input, rows): (&RacingRows, &[u32]),
        weights: (f32, f32),
        targets: Targets<'_>,
        rate: Rate,
        scratch: &mut Scratch,
    ) -> f32 {
        let shape = shape(input, targets, rate);
        if targets.rows.is_empty() || rows.is_empty() {
            return 0.0;
        }
        let error = scratch.begin(shape, targets);
        scratch.inputs.clear();
        scratch.inputs.extend(rows.iter().map(|&row| input.at(row)));
        let h = scratch.hidden.as_mut_ptr().cast::<f32>();
        // SAFETY: as in `step_one`.
        unsafe {
            (self.gather)(&scratch.inputs, weights.0, h, shape.blocks);
            let loss = (self.step)(h, error, &scratch.rows, targets.labels, shape);
            (self.spread)(error, weights.1, &scratch.inputs, shape.blocks);
            loss
        }
    }

    /// Each of several input rows against the same output rows: products, gradients and moves of all pairs at once,
    /// in place. Up to 16 inputs and six outputs are measured before any of them moves; more are worked in parts as
    /// even as can be, for each part of the outputs all parts of the inputs. Returns the loss as it was before.
    /// Whatever `ahead` holds is only asked for.
    pub fn step_window(
        &self,
        (input, rows): (&RacingRows, &[u32]),
        targets: Targets<'_>,
        rate: Rate,
        ahead: &Ahead,
    ) -> f32 {
        let shape = shape(input, targets, rate);
        let mut loss = 0.0;
        let mut ahead = &ahead.rows[..];
        let (mut inputs, mut outputs) =
            ([std::ptr::null_mut(); INPUTS], [std::ptr::null_mut(); OUTPUTS]);
        let (wide, high) = (part(rows.len(), INPUTS), part(targets.rows.len(), OUTPUTS));
        for (chosen, labels) in targets.rows.chunks(high).zip(targets.labels.chunks(high)) {
            for (place, &row) in outputs.iter_mut().zip(chosen) {
                *place = targets.matrix.at(row);
            }
            for rows in rows.chunks(wide) {
                for (place, &row) in inputs.iter_mut().zip(rows) {
                    *place = input.at(row);
                }
                let window = Window {
                    inputs: &inputs[..rows.len()],
                    outputs: &outputs[..chosen.len()],
                    labels,
                    ahead,
                };
                ahead = &[];
                // SAFETY: as in `step_one`; neither part is empty nor larger than allowed.
                loss += unsafe { (self.window)(&window, shape) };
            }
        }
        loss
    }
}

impl Scratch {
    /// Looks up the output rows; gives the room for the error.
    fn begin(&mut self, shape: Shape, targets: Targets<'_>) -> *mut f32 {
        assert!(self.error.len() * 2 >= shape.blocks, "scratch for vectors of another dimension");
        self.rows.clear();
        self.rows.extend(targets.rows.iter().map(|&row| targets.matrix.at(row)));
        self.error.as_mut_ptr().cast()
    }
}

/// The size of the parts, at most `most`, when `count` is cut as evenly as can be; at least 1.
#[inline]
fn part(count: usize, most: usize) -> usize {
    if count <= most { count.max(1) } else { count.div_ceil(count.div_ceil(most)) }
}

/// The blocks that all of them hold; panics if their dimensions differ or a label is missing.
#[inline]
fn shape(input: &RacingRows, targets: Targets<'_>, rate: Rate) -> Shape {
    assert!(
        targets.matrix.dim() == input.dim() && targets.labels.len() == targets.rows.len(),
        "{} labels for {} rows, dimensions {} and {}",
        targets.labels.len(),
        targets.rows.len(),
        targets.matrix.dim(),
        input.dim()
    );
    Shape { blocks: input.dim().div_ceil(BLOCK), alpha: rate.alpha, measured: rate.measured }
}
