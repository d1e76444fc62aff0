//! From trained vectors to a space.

use arrow_array::Float64Array;
use serde_json::json;
use std::sync::Arc;

use super::continuation::Before;
use super::tiles::Tiles;
use super::train::{Model, own};
use super::{Glove, Vectors};
use crate::data::Counts;
use crate::error::Result;
use crate::geometry::Geometry;
use crate::items::{Column, ColumnKind};
use crate::kernels::adagrad::{Adagrad, Factors, Side};
use crate::learn::earlier::{Origin, words_of_both};
use crate::learn::words::counted;
use crate::linalg::Matrix;
use crate::run::Run;
use crate::space::{Provenance, Space, SpaceBuilder};

/// The result, row by row.
struct Rows<'a> {
    options: &'a Glove,
    main: Matrix,
    /// Context vectors; no rows where they are not kept. Then the sums of squares of both sides, likewise.
    kept: [Matrix; 3],
    /// Biases of words and of contexts, and their sums of squares.
    biases: [Vec<f64>; 4],
}

impl<'a> Rows<'a> {
    fn new(options: &'a Glove, words: usize) -> Self {
        let both = if options.vectors == Vectors::Both { 2 } else { 1 };
        let matrix = |kept: bool| Matrix::zeros(if kept { words } else { 0 }, options.dim);
        let gradsq = options.keep_gradsq;
        Rows {
            options,
            main: Matrix::zeros(words, options.dim * both),
            kept: [matrix(options.keep_context), matrix(gradsq), matrix(gradsq)],
            biases: Default::default(),
        }
    }

    /// The next row, from a word's factors on both sides.
    fn put(
        &mut self,
        row: usize,
        (sources, source): (&mut Factors, usize),
        (targets, target): (&mut Factors, usize),
    ) {
        let (options, out) = (self.options, self.main.row_mut(row));
        out[..options.dim].copy_from_slice(sources.vector_mut(source));
        let context = targets.vector_mut(target);
        match options.vectors {
            Vectors::Word => {}
            Vectors::Sum => out.iter_mut().zip(&*context).for_each(|(sum, w)| *sum += w),
            Vectors::Both => out[options.dim..].copy_from_slice(context),
        }
        if options.keep_context {
            self.kept[0].row_mut(row).copy_from_slice(context);
            self.biases[0].push(f64::from(*sources.bias_mut(source)));
            self.biases[1].push(f64::from(*targets.bias_mut(target)));
        }
        if options.keep_gradsq {
            self.kept[1].row_mut(row).copy_from_slice(sources.gradsq_mut(source));
            self.kept[2].row_mut(row).copy_from_slice(targets.gradsq_mut(target));
            self.biases[2].push(f64::from(*sources.bias_gradsq_mut(source)));
            self.biases[3].push(f64::from(*targets.bias_gradsq_mut(target)));
        }
    }
}

impl Glove {
    /// The words with what became of their vectors.
    pub(super) fn result(
        &self,
        counts: &Counts,
        before: Option<&Before<'_>>,
        tiles: &Tiles,
        mut model: Model,
    ) -> Result<SpaceBuilder> {
        let vocabulary = &counts.vocabulary;
        let words = words_of_both(before.map(|before| before.space), vocabulary)?;
        let places = tiles.blocks.source_places();
        let mut rows = Rows::new(self, words.len());
        for (row, &(origin, ..)) in words.iter().enumerate() {
            match (origin, before) {
                (Origin::Learned(word), _) => {
                    let (block, source) = places[word];
                    let sources = own(&mut model.sources[block as usize]);
                    let (block, target) = tiles.blocks.target(word as u32);
                    let targets = own(&mut model.targets[block]);
                    rows.put(row, (sources, source as usize), (targets, target as usize));
                }
                (Origin::Kept(from), Some(before)) => {
                    let mut sources = Factors::zeros(1, self.dim, Side::Source)?;
                    let mut targets = Factors::zeros(1, self.dim, Side::Target)?;
                    before.restore(from, Side::Source, &mut sources, 0);
                    before.restore(from, Side::Target, &mut targets, 0);
                    rows.put(row, (&mut sources, 0), (&mut targets, 0));
                    if before.held == self.vectors {
                        before.main.read(from, rows.main.row_mut(row)); // to the last bit
                    }
                }
                (Origin::Kept(_), None) => {}
            }
        }
        let mut items = counted(words.iter().map(|&(_, word, n)| (word, n)))?;
        let names = ["bias", "output_bias", "bias_gradsq", "output_bias_gradsq"];
        for (name, values) in names.into_iter().zip(rows.biases) {
            if !values.is_empty() {
                items = items.with_column(Column {
                    name: name.into(),
                    kind: ColumnKind::Number,
                    values: Arc::new(Float64Array::from(values)),
                })?;
            }
        }
        let mut builder = Space::builder("glove", items).field("main", Geometry::Cosine, rows.main);
        let geometries = [Geometry::Cosine, Geometry::Euclidean, Geometry::Euclidean];
        let names = ["output", "gradsq", "output_gradsq"];
        for ((name, geometry), matrix) in names.into_iter().zip(geometries).zip(rows.kept) {
            if matrix.rows() > 0 {
                builder = builder.field(name, geometry, matrix);
            }
        }
        let steps = before.map_or(&[][..], |before| before.space.provenance());
        Ok(steps.iter().cloned().fold(builder, SpaceBuilder::provenance))
    }

    pub(super) fn provenance(
        &self,
        counts: &Counts,
        before: Option<&Before<'_>>,
        kernels: Adagrad,
        run: &Run<'_>,
    ) -> Provenance {
        let mut options = counts.about.options.clone();
        options.extend(counts.about.counting.clone());
        options.extend(self.in_force());
        if let Some(path) = before.and_then(|before| before.space.path()) {
            options.insert("init".into(), json!(path));
        }
        Provenance {
            action: "learn glove".into(),
            options,
            seed: Some(run.seed),
            sources: counts.about.sources.clone(),
            version: format!("{} {}", env!("CARGO_PKG_VERSION"), kernels.name()),
        }
    }
}
