//! Going on from a space: new counts, new words, the vectors that are there.
//!
//! A word that the space knows begins with what the space has of it, all else as ever. Which of its two vectors a
//! space holds is told by the options that it was learned with:
//!
//! | `vectors` | w | w̃ |
//! |---|---|---|
//! | sum | main − output; half of main without "output" | output; half of main without |
//! | word | main | output; first values without |
//! | both | the first half of main | the second half |
//!
//! A space that GloVe did not learn is taken for `word` where it has a field "output", and for `sum` where not. Biases
//! come from the columns `bias` and `output_bias` (`keep_context`), sums of squared gradients from what `keep_gradsq`
//! kept; they begin anew where they are not there.

use bytemuck::cast_slice;
use std::collections::HashMap;
use xxhash_rust::xxh3::Xxh3Default;

use arrow_array::Float64Array;

use super::tiles::Tiles;
use super::train::{Model, own};
use super::{Glove, Vectors};
use crate::data::{Counts, Vocabulary};
use crate::error::{Error, Result};
use crate::kernels::adagrad::{Factors, Side};
use crate::learn::Learn;
use crate::run::Run;
use crate::space::{Field, Row, Space};

/// No number of a vector is larger: with that products stay finite, whatever the file says.
const LARGEST: f32 = 1e6;
/// And no sum of squares.
const LARGEST_SUM: f32 = 1e30;

/// A learner that begins where a space ended.
#[derive(Debug, Clone)]
pub struct GloveContinuation {
    learner: Glove,
    space: Space,
}

impl Glove {
    /// The dimension with which GloVe can go on from a space: that of its main vectors, or half of it where they are both
    /// vectors of a word side by side.
    pub fn dim_of(space: &Space) -> Result<usize> {
        let dim = space.field("main")?.dim();
        Ok(if held(space) == Vectors::Both { dim / 2 } else { dim })
    }

    /// Goes on from `space` instead of beginning anew; an error of kind `Usage` if its vectors have another dimension
    /// than this learner.
    ///
    /// Words of the new counts that the space knows begin with its vectors, and with the context vectors and biases
    /// (`keep_context`) and sums of squared gradients (`keep_gradsq`) that it kept. Words that stand only in the space
    /// keep what they have; the counts of both texts are summed. Other columns of the space are left out.
    pub fn continuing(self, space: Space) -> Result<GloveContinuation> {
        let has = Self::dim_of(&space)?;
        if has != self.dim {
            return Err(Error::usage(format!(
                "the space to go on from has vectors of {has} numbers, not {}",
                self.dim
            ))
            .help(format!("take dimension {has}")));
        }
        Ok(GloveContinuation { learner: self, space })
    }
}

impl Learn for GloveContinuation {
    type Data = Counts;

    fn learn(&self, counts: &Counts, run: &Run<'_>) -> Result<Space> {
        self.learner.learn_after(Some(&Before::new(&self.space)?), counts, run)
    }
}

/// What of a word's two vectors is in the main field.
fn held(space: &Space) -> Vectors {
    let learned = space.provenance().iter().rfind(|step| step.action == "learn glove");
    let vectors = learned.and_then(|step| step.options.get("vectors")?.as_str()?.parse().ok());
    vectors.unwrap_or(match space.field("output") {
        Ok(_) => Vectors::Word,
        Err(_) => Vectors::Sum,
    })
}

/// What a training begins with.
pub(super) struct Before<'a> {
    pub space: &'a Space,
    pub main: Field,
    pub held: Vectors,
    dim: usize,
    output: Option<Field>,
    /// Of sources and of targets.
    gradsq: Option<[Field; 2]>,
    /// Of sources and of targets, by `place`.
    biases: Option<[Vec<f32>; 2]>,
    bias_gradsq: Option<[Vec<f32>; 2]>,
    /// Where each live row stands in columns.
    place: HashMap<Row, usize>,
}

impl<'a> Before<'a> {
    fn new(space: &'a Space) -> Result<Self> {
        let (main, dim) = (space.field("main")?, Glove::dim_of(space)?);
        let field = |name: &str| space.field(name).ok().filter(|field| field.dim() == dim);
        let (output, gradsq) = (field("output"), field("gradsq").zip(field("output_gradsq")));
        let before = Before {
            main,
            held: held(space),
            dim,
            output,
            gradsq: gradsq.map(<[Field; 2]>::from),
            biases: numbers(space, ["bias", "output_bias"])?,
            bias_gradsq: numbers(space, ["bias_gradsq", "output_bias_gradsq"])?,
            place: space.live().enumerate().map(|(i, row)| (row, i)).collect(),
            space,
        };
        before.check()?;
        Ok(before)
    }

    /// Whatever stands in the space, no step may overflow.
    fn check(&self) -> Result<()> {
        let too_large = |what: &str, row: Row| {
            Err(Error::data(format!(
                "the space to go on from: {what} of '{}' are no vectors of GloVe's",
                self.space.id(row)
            ))
            .help(format!("its numbers are within ±{LARGEST}, and no square is below zero")))
        };
        let small = |x: &f32| x.abs() <= LARGEST;
        let sum = |x: &f32| (0.0..=LARGEST_SUM).contains(x);
        let mut vector = Vec::new();
        for row in self.space.live() {
            for field in std::iter::once(&self.main).chain(&self.output) {
                vector.resize(field.dim(), 0.0);
                field.read(row, &mut vector);
                if !vector.iter().all(small) {
                    return too_large("the numbers", row);
                }
            }
            for field in self.gradsq.iter().flatten() {
                vector.resize(field.dim(), 0.0);
                field.read(row, &mut vector);
                if !vector.iter().all(sum) {
                    return too_large("the squares", row);
                }
            }
            let of = |columns: &Option<[Vec<f32>; 2]>, good: &dyn Fn(&f32) -> bool| {
                columns.iter().flatten().all(|column| column.get(self.place[&row]).is_none_or(good))
            };
            if !of(&self.biases, &small) || !of(&self.bias_gradsq, &sum) {
                return too_large("the biases", row);
            }
        }
        Ok(())
    }

    /// Puts what is known of the words in the place of first values.
    pub(super) fn fill(&self, words: &Vocabulary, tiles: &Tiles, model: &mut Model) {
        for (word, (block, at)) in tiles.blocks.source_places().into_iter().enumerate() {
            let Some(row) = self.space.get(&words.words[word]) else { continue };
            let sources = own(&mut model.sources[block as usize]);
            self.restore(row, Side::Source, sources, at as usize);
            let (block, at) = tiles.blocks.target(word as u32);
            self.restore(row, Side::Target, own(&mut model.targets[block]), at as usize);
        }
    }

    /// Puts what is known of one row into factors, on one side.
    pub(super) fn restore(&self, row: Row, side: Side, factors: &mut Factors, at: usize) {
        let i = usize::from(side == Side::Target);
        self.vector(row, side, factors.vector_mut(at));
        let place = self.place[&row];
        let number = |columns: &Option<[Vec<f32>; 2]>| columns.as_ref()?[i].get(place).copied();
        if let Some(bias) = number(&self.biases) {
            *factors.bias_mut(at) = bias;
        }
        if let Some(fields) = &self.gradsq {
            fields[i].read(row, factors.gradsq_mut(at));
        }
        if let Some(sum) = number(&self.bias_gradsq) {
            *factors.bias_gradsq_mut(at) = sum;
        }
    }

    /// A word's vector on one side; `out` stays as it is where there is none.
    fn vector(&self, row: Row, side: Side, out: &mut [f32]) {
        match (self.held, side, &self.output) {
            (Vectors::Both, ..) => {
                let mut both = vec![0.0; self.main.dim()];
                self.main.read(row, &mut both);
                let (w, context) = both.split_at(self.dim);
                out.copy_from_slice(if side == Side::Source { w } else { context });
            }
            (_, Side::Target, Some(output)) => output.read(row, out),
            (Vectors::Word, Side::Source, _) => self.main.read(row, out),
            (Vectors::Word, Side::Target, None) => {}
            (Vectors::Sum, Side::Source, Some(output)) => {
                let mut context = vec![0.0; self.dim];
                output.read(row, &mut context);
                self.main.read(row, out);
                out.iter_mut().zip(&context).for_each(|(sum, context)| *sum -= context);
            }
            (Vectors::Sum, _, None) => {
                self.main.read(row, out);
                for x in out {
                    *x *= 0.5;
                }
            }
        }
    }

    /// What a checkpoint must have begun with too.
    pub(super) fn fingerprint(&self) -> u64 {
        let mut hash = Xxh3Default::new();
        let mut vector = Vec::new();
        for row in self.space.live() {
            hash.update(self.space.id(row).as_bytes());
            let gradsq = self.gradsq.iter().flatten();
            for field in std::iter::once(&self.main).chain(&self.output).chain(gradsq) {
                vector.resize(field.dim(), 0.0_f32);
                field.read(row, &mut vector);
                hash.update(cast_slice(&vector));
            }
        }
        for column in self.biases.iter().chain(&self.bias_gradsq).flatten() {
            hash.update(cast_slice(column));
        }
        hash.digest()
    }
}

/// Two columns of numbers, where the space has both.
fn numbers(space: &Space, names: [&str; 2]) -> Result<Option<[Vec<f32>; 2]>> {
    let has = |name: &&str| space.columns().iter().any(|(column, _)| column == name);
    if !names.iter().all(has) {
        return Ok(None);
    }
    let items = space.items(Some(&names))?;
    let column = |name: &str| -> Option<Vec<f32>> {
        let values = &items.column(name)?.values;
        let values = values.as_any().downcast_ref::<Float64Array>()?;
        Some(values.iter().map(|x| x.unwrap_or(0.0) as f32).collect())
    };
    Ok(column(names[0]).zip(column(names[1])).map(<[Vec<f32>; 2]>::from))
}
