//! Building a Space in memory.

use half::f16;
use half::slice::HalfFloatSliceExt;
use serde_json::{Map, Value};
use std::sync::Arc;

use super::field::Vectors;
use super::ids::IdTable;
use super::manifest::{self, ColumnAbout, MOST_DIM, MOST_ROWS, Manifest};
use super::table::Table;
use super::{Dtype, Field, FieldAbout, Inner, Model, Provenance, Segment, Space};
use crate::error::{Error, Result};
use crate::file::Bytes;
use crate::geometry::Geometry;
use crate::items::Items;
use crate::linalg::{Halves, Matrix};

/// Collects the parts of a new Space; `build` checks that they fit together.
#[derive(Debug)]
pub struct SpaceBuilder {
    items: Items,
    fields: Vec<(FieldAbout, Given)>,
    dtype: Dtype,
    model: Option<Model>,
    manifest: Manifest,
}

/// The vectors of a field.
#[derive(Debug)]
enum Given {
    Single(Matrix),
    Half(Halves),
}

impl SpaceBuilder {
    pub(super) fn new(kind: &str, items: Items) -> Self {
        let columns =
            items.columns().iter().map(|c| ColumnAbout { name: c.name.clone(), kind: c.kind });
        let manifest = Manifest {
            format: manifest::FORMAT.into(),
            version: manifest::VERSION,
            generation: 0,
            rows_generation: 0,
            next_file: 1,
            log: None,
            kind: kind.to_owned(),
            count: items.len() as u64,
            fields: Vec::new(),
            columns: columns.collect(),
            segments: Vec::new(),
            deleted: None,
            maps: Vec::new(),
            graphs: Vec::new(),
            indexes: Vec::new(),
            model: None,
            provenance: Vec::new(),
            metrics: Map::new(),
            run: Map::new(),
        };
        SpaceBuilder { items, fields: Vec::new(), dtype: Dtype::F32, model: None, manifest }
    }

    /// Adds a vector field; row i belongs to item i.
    #[must_use]
    pub fn field(mut self, name: &str, geometry: Geometry, vectors: Matrix) -> Self {
        let about =
            FieldAbout { name: name.to_owned(), dim: vectors.cols(), dtype: self.dtype, geometry };
        self.fields.push((about, Given::Single(vectors)));
        self
    }

    /// Adds a vector field whose numbers are halves already; they are stored so, whatever `dtype` says.
    #[must_use]
    pub fn half_field(mut self, name: &str, geometry: Geometry, vectors: Halves) -> Self {
        let (name, dim) = (name.to_owned(), vectors.cols());
        let about = FieldAbout { name, dim, dtype: Dtype::F16, geometry };
        self.fields.push((about, Given::Half(vectors)));
        self
    }

    /// Stores all fields as this dtype (f32 unless called).
    #[must_use]
    pub fn dtype(mut self, dtype: Dtype) -> Self {
        self.dtype = dtype;
        self
    }

    /// Keeps a model with the space: what its encoder needs to place new items.
    #[must_use]
    pub fn model(mut self, model: Model) -> Self {
        self.model = Some(model);
        self
    }

    /// Says how the space came to be; may be called more than once.
    #[must_use]
    pub fn provenance(mut self, step: Provenance) -> Self {
        self.manifest.provenance.push(step);
        self
    }

    /// Records a measurement.
    #[must_use]
    pub fn metric(mut self, name: &str, value: Value) -> Self {
        self.manifest.metrics.insert(name.to_owned(), value);
        self
    }

    /// Records something that must not take part in "same seed, same bytes": wall time, host, threads.
    #[must_use]
    pub fn run_fact(mut self, name: &str, value: Value) -> Self {
        self.manifest.run.insert(name.to_owned(), value);
        self
    }

    /// The space: an error names the row and column of a NaN or infinity, a field of the wrong length, or a missing "main".
    pub fn build(self) -> Result<Space> {
        let SpaceBuilder { items, mut fields, dtype, model, mut manifest } = self;
        let rows = items.len();
        if rows as u64 > MOST_ROWS {
            return Err(manifest::too_many(rows as u64));
        }
        let main = fields.iter().position(|(about, _)| about.name == "main");
        let main =
            main.ok_or_else(|| Error::usage("a space needs a vector field called 'main'"))?;
        fields[..=main].rotate_right(1);
        let mut built = Vec::with_capacity(fields.len());
        for (mut about, given) in fields {
            let name = about.name.clone();
            manifest::name(&name, "vector field")?;
            if manifest.fields.iter().any(|f| f.name == name) {
                return Err(Error::usage(format!("vector field '{name}' stands twice")));
            }
            let found = match &given {
                Given::Single(matrix) => matrix.rows(),
                Given::Half(halves) => halves.rows(),
            };
            if found != rows {
                return Err(Error::data(format!(
                    "field '{name}' has {found} vectors for {rows} items"
                )));
            }
            if about.dim == 0 || about.dim > MOST_DIM {
                return Err(Error::data(format!("field '{name}' has dimension {}", about.dim))
                    .help(format!("a space takes 1 to {MOST_DIM}")));
            }
            let bad = |at: usize, value: f32, dtype: Dtype| {
                let id = items.ids().value(at / about.dim);
                refused(&name, at / about.dim, id, at % about.dim, value, dtype)
            };
            let vectors = match given {
                Given::Half(halves) => {
                    if let Some(at) = halves.as_slice().iter().position(|x| !x.is_finite()) {
                        return Err(bad(at, halves.as_slice()[at].to_f32(), Dtype::F16));
                    }
                    Vectors::F16(Arc::new(halves.into_vec()))
                }
                Given::Single(matrix) => {
                    if let Some(at) = misfit(matrix.as_slice(), dtype) {
                        return Err(bad(at, matrix.as_slice()[at], dtype));
                    }
                    about.dtype = dtype;
                    match dtype {
                        Dtype::F32 => Vectors::F32(Arc::new(matrix)),
                        Dtype::F16 => {
                            let mut narrow = vec![f16::ZERO; matrix.as_slice().len()];
                            narrow.convert_from_f32_slice(matrix.as_slice());
                            Vectors::F16(Arc::new(narrow))
                        }
                    }
                }
            };
            manifest.fields.push(about.clone());
            built.push(Field::new(about, vec![(rows, vectors)]));
        }
        let ids = items.ids();
        let table = IdTable::encode((0..rows).map(|row| ids.value(row)))?;
        let ids = IdTable::from_bytes(Bytes::from(table))?;
        let columns = items.columns().iter().map(|c| (c.name.clone(), c.kind)).collect();
        let segments = vec![Segment { first: 0, rows, ids, items: Table::Memory(items) }];
        let inner = Inner {
            path: None,
            manifest,
            segments,
            fields: built,
            columns,
            deleted: None,
            maps: vec![],
            map_tables: vec![],
            graph_abouts: vec![],
            graphs: vec![],
            index_abouts: vec![],
            indexes: vec![],
            model,
            changes: 0,
            known_as: None,
        };
        Ok(Space(Arc::new(inner)))
    }
}

/// The place of the first number that a space does not store: NaN, an infinity, or what becomes one as f16.
pub(super) fn misfit(numbers: &[f32], dtype: Dtype) -> Option<usize> {
    match dtype {
        Dtype::F32 => numbers.iter().position(|x| !x.is_finite()),
        Dtype::F16 => numbers.iter().position(|&x| !f16::from_f32(x).is_finite()),
    }
}

pub(super) fn refused(
    field: &str,
    row: usize,
    id: &str,
    column: usize,
    value: f32,
    dtype: Dtype,
) -> Error {
    let at = format!("field '{field}', row {} ('{id}'), column {}", row + 1, column + 1);
    if value.is_finite() {
        return Error::data(format!(
            "{at}: {value:e} is too large for {}",
            super::npy::descr(dtype)
        ))
        .help("store it as f32, or scale the vectors");
    }
    let what = if value.is_nan() { "NaN" } else { "infinite" };
    Error::data(format!("{at} is {what}")).help("leave that row out, or repair its vector")
}
