//! A graph index: nearest neighbours without looking at every row (HNSW: Malkov & Yashunin, IEEE TPAMI 2020).
//!
//! ```text
//! rows ──frame──▶ points, measured as Euclid did ──codes──▶ floats, bytes or bits ──nearest neighbours──▶ links, layer upon layer
//! query ──frame──▶ from the top down to the lowest layer, nearer with every link ──▶ candidates ──measured in f64──▶ hits
//! ```
//!
//! The links are chosen from the graph of all nearest neighbours ([`Graph`](super::Graph)) and not by searching for each
//! row in turn: a fraction of the work, and the same at any number of threads. `docs/hnsw.md` says what it costs.

mod bits;
mod codes;
mod frame;
mod layers;
mod links;
mod options;
mod renew;
mod search;
mod stored;
mod trial;
mod walk;

use std::sync::{Arc, Mutex};

use rayon::prelude::*;

use super::FieldRows;
use super::blocks::{Source, pool};
use super::query::{Bitmap, Hit, Index, Query, check_point};
use crate::error::{Error, Result};
use crate::file::{Bytes, Sections};
use crate::geometry::Measure;
use crate::linalg::{Matrix, RowSource};
use crate::run::Run;
use crate::space::{Edit, IndexAbout, Space};

use frame::Frame;
use layers::Built;
pub use options::{HnswOptions, Precision};
pub use renew::Renewed;
pub use trial::Trial;
use walk::Scratch;

/// The effort of an index that has not been measured.
const EFFORT: usize = 100;
/// The highest effort that a file may ask for of its own.
const MOST_EFFORT: u64 = 1 << 16;
/// A graph index of a field or of a plain matrix. Cheap to clone.
#[derive(Clone)]
pub struct Hnsw(Arc<Inner>);

struct Inner {
    source: Source,
    built: Built,
    /// Rows below this are in the graph, if they were live; those from here on are measured one by one.
    covered: usize,
    /// The files of the vectors it was built on; none of a plain matrix.
    built_on: Vec<String>,
    /// The rows that may be answered; all if `None`.
    live: Option<Bitmap>,
    count: usize,
    effort: usize,
    idle: Mutex<Vec<Scratch>>,
}

impl Hnsw {
    /// Builds the index of the live rows of a field, under its geometry or another measure.
    pub fn build(
        space: &Space,
        field: &str,
        measure: Option<Measure>,
        options: &HnswOptions,
        run: &Run,
    ) -> Result<Self> {
        let vectors = space.field(field)?;
        let measure = measure.unwrap_or_else(|| vectors.about().geometry.measure());
        let source = FieldRows::live(space, field)?;
        let live = (space.count() < space.rows()).then(|| Bitmap::of(space.rows(), space.live()));
        let (covered, count) = (space.rows(), space.count());
        let mut built = Self::grown(&source, measure, options, run)?;
        let rows = source.into_rows();
        built.rows = built.rows.iter().map(|&at| rows[at as usize].0).collect::<Vec<_>>().into();
        let source = Source::Field(vectors);
        let built_on = space.files_of(field);
        Ok(Self::held(Inner {
            source,
            built,
            covered,
            built_on,
            live,
            count,
            effort: EFFORT,
            idle: Mutex::default(),
        }))
    }

    /// Builds the index of a matrix, row i being `Row(i)`.
    pub fn over(
        matrix: impl Into<Arc<Matrix>>,
        measure: Measure,
        options: &HnswOptions,
        run: &Run,
    ) -> Result<Self> {
        let matrix: Arc<Matrix> = matrix.into();
        let built = Self::grown(&*matrix, measure, options, run)?;
        let (covered, count) = (matrix.rows(), matrix.rows());
        let source = Source::Matrix(matrix);
        Ok(Self::held(Inner {
            source,
            built,
            covered,
            built_on: Vec::new(),
            live: None,
            count,
            effort: EFFORT,
            idle: Mutex::default(),
        }))
    }

    /// Opens an index that is stored with its space, by mapping it: rows deleted since are not answered, and rows added since
    /// are measured one by one. An error of kind `Nothing` if there is none of that name, or its rows have moved.
    pub fn open(space: &Space, name: &str) -> Result<Self> {
        let sections = space.index_file(name)?;
        let damaged = |what: &str| {
            Error::data(format!("index '{name}' is damaged: {what}"))
                .help("latlas index builds it again")
        };
        let built = stored::read(&sections).map_err(|e| damaged(e.message()))?;
        let about = space.indexes().iter().find(|index| index.name == name);
        let about = about.ok_or_else(|| damaged("it is not in space.json"))?;
        if built.frame.measure != about.measure {
            return Err(damaged("it is of another measure than space.json says"));
        }
        let effort = about.about.get("effort").and_then(serde_json::Value::as_u64);
        let effort = effort.map_or(EFFORT, |effort| effort.clamp(1, MOST_EFFORT) as usize);
        Self::on(space, &about.field, built, about.rows, effort).map_err(|e| damaged(e.message()))
    }

    /// The newest index that is stored with a space, is of this field and measure, and whose rows have not moved.
    pub fn stored<'a>(space: &'a Space, field: &str, measure: Measure) -> Option<&'a IndexAbout> {
        let suits = |index: &&IndexAbout| {
            index.field == field && index.measure == measure && space.holds(index)
        };
        space.indexes().iter().rev().find(suits)
    }

    /// The index in the bytes of a file, of a field of this space.
    #[doc(hidden)] // public for fuzzing
    pub fn from_bytes(space: &Space, field: &str, bytes: Bytes) -> Result<Self> {
        let built = stored::read(&Sections::from_bytes(bytes, stored::INDEX)?)?;
        Self::on(space, field, built, space.rows() as u64, EFFORT)
    }

    fn on(space: &Space, field: &str, built: Built, covered: u64, effort: usize) -> Result<Self> {
        let vectors = space.field(field)?;
        if built.frame.dim != vectors.dim() {
            return Err(Error::data(format!(
                "it is of {} numbers, the vectors of {}",
                built.frame.dim,
                vectors.dim()
            )));
        }
        let (count, rows) = (space.count(), space.rows());
        Ok(Self::held(Inner {
            source: Source::Field(vectors),
            built,
            covered: (covered as usize).min(rows),
            built_on: space.files_of(field),
            live: (count < rows).then(|| Bitmap::of(rows, space.live())),
            count,
            effort,
            idle: Mutex::default(),
        }))
    }

    /// Stores the index with its space, in place of one of the same name. `options` are those it was built with, `trials`
    /// what was measured: the least effort that reaches [`GOOD`] becomes what it does of its own. An error of kind `Data` if the rows
    /// have moved since it was built, or it is of a plain matrix.
    pub fn keep(
        &self,
        edit: &mut Edit,
        name: &str,
        field: &str,
        options: &HnswOptions,
        trials: &[Trial],
        run: &Run,
    ) -> Result<()> {
        let mut about = stored::about(options, run.seed, self.precision());
        if let Some(trial) = trial::chosen(trials) {
            about.insert("effort".to_owned(), trial.effort.into());
            about.insert("recall".to_owned(), serde_json::json!(trial.recall));
        }
        let about = IndexAbout {
            name: name.to_owned(),
            field: field.to_owned(),
            measure: self.measure(),
            rows: self.0.covered as u64,
            built_on: self.0.built_on.clone(),
            about,
        };
        edit.set_index(about, |out| stored::write(&self.0.built, out))
    }

    fn held(inner: Inner) -> Self {
        Hnsw(Arc::new(inner))
    }

    fn grown(
        source: &dyn RowSource,
        measure: Measure,
        options: &HnswOptions,
        run: &Run,
    ) -> Result<Built> {
        options.check()?;
        if source.rows() >= walk::FOLLOWED as usize {
            return Err(Error::data(format!(
                "{} rows are more than the {} an index can hold",
                source.rows(),
                walk::FOLLOWED - 1
            )));
        }
        let frame = Frame::new(source, measure, run)?;
        layers::build(source, frame, options, run)
    }

    /// What distance is measured by.
    pub fn measure(&self) -> Measure {
        self.0.built.frame.measure
    }

    /// What a search keeps on its way if it is not told.
    pub fn effort(&self) -> usize {
        self.0.effort
    }

    /// How vectors are held for the way: never `Auto`.
    pub fn precision(&self) -> Precision {
        self.0.built.codes.precision()
    }

    /// Searches for every row of `points`, as one by one.
    pub fn search_batch(
        &self,
        points: &Matrix,
        q: &Query,
        threads: usize,
    ) -> Result<Vec<Vec<Hit>>> {
        for i in 0..points.rows() {
            check_point(points.row(i), self.dim()).map_err(|e| {
                if points.rows() > 1 { e.context(format!("point {}", i + 1)) } else { e }
            })?;
        }
        pool(threads)?.install(|| {
            (0..points.rows()).into_par_iter().map(|i| self.search(points.row(i), q)).collect()
        })
    }
}
