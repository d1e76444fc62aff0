//! Placing new items in a space: what an encoder is, and how the one that belongs to a space is found.
//!
//! A space keeps a [`Model`] of some family and version; a [`Registry`], which a program fills once, knows how the
//! families that it was built with become encoders. A space of an unknown family can still be opened and searched.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::model::{Model, ModelAbout};
use super::{Field, Space};
use crate::error::{Error, Result};
use crate::linalg::Matrix;
use crate::run::{Run, Step};

/// Rows that are encoded at once, unless an encoder wants another number.
const BLOCK: usize = 64;

/// What an encoder can be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Modality {
    /// A single word, as a tokenizer gives it.
    Word,
    /// A text of any length.
    Text,
}

/// Places items in a space: item → vector. Each row depends on its item alone, never on the rest of the batch or on
/// who encoded before, so the same item always comes to the same place.
pub trait Encoder: Send + Sync {
    /// What it reads, the best first.
    fn accepts(&self) -> &[Modality];
    /// The dimension of the vectors.
    fn dim(&self) -> usize;
    /// Places every row of `items`, or says why it has no place. `out` has as many rows, of dimension `dim`, all of
    /// them zero and [`Placement::Missing`].
    fn encode(&self, items: &ItemBatch<'_>, out: &mut VectorBatch) -> Result<()>;
    /// How many rows it likes to be given at once; a program may give fewer.
    fn batch(&self) -> usize {
        BLOCK
    }
}

/// Items to be placed. A row may lack what an encoder reads.
#[derive(Debug, Clone)]
pub struct ItemBatch<'a> {
    modality: Modality,
    rows: Vec<Option<&'a str>>,
}

/// What became of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Placement {
    /// It has a vector.
    Placed,
    /// The encoder knows nothing of what is in it: a text without a known word.
    Unknown,
    /// There was nothing to read: the row lacks the modality.
    Missing,
}

/// The vectors of a batch and what became of each row. Rows that were not placed are zero.
#[derive(Debug, Clone)]
pub struct VectorBatch {
    vectors: Matrix,
    placements: Vec<Placement>,
}

impl<'a> ItemBatch<'a> {
    /// Texts; `None` where an item has none.
    pub fn of_texts(texts: impl IntoIterator<Item = Option<&'a str>>) -> Self {
        ItemBatch { modality: Modality::Text, rows: texts.into_iter().collect() }
    }

    /// Single words.
    pub fn of_words(words: impl IntoIterator<Item = &'a str>) -> Self {
        ItemBatch { modality: Modality::Word, rows: words.into_iter().map(Some).collect() }
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The row as this modality; `None` where it lacks that, or does not exist.
    pub fn get(&self, row: usize, modality: Modality) -> Option<&'a str> {
        if self.modality == modality { self.rows.get(row).copied().flatten() } else { None }
    }

    fn part(&self, range: std::ops::Range<usize>) -> Self {
        ItemBatch { modality: self.modality, rows: self.rows[range].to_vec() }
    }
}

impl VectorBatch {
    /// A batch of zero vectors, nothing placed yet.
    pub fn new(rows: usize, dim: usize) -> Self {
        VectorBatch {
            vectors: Matrix::zeros(rows, dim),
            placements: vec![Placement::Missing; rows],
        }
    }

    /// Marks a row as placed and gives its vector to be written. Panics if there is no such row.
    pub fn place(&mut self, row: usize) -> &mut [f32] {
        self.placements[row] = Placement::Placed;
        self.vectors.row_mut(row)
    }

    /// Marks a row as one that has no place, and clears its vector. Panics if there is no such row.
    pub fn refuse(&mut self, row: usize, why: Placement) {
        self.placements[row] = why;
        self.vectors.row_mut(row).fill(0.0);
    }

    /// One row a vector.
    pub fn vectors(&self) -> &Matrix {
        &self.vectors
    }

    /// What became of each row.
    pub fn placements(&self) -> &[Placement] {
        &self.placements
    }

    /// The vectors and what became of each row.
    pub fn into_parts(self) -> (Matrix, Vec<Placement>) {
        (self.vectors, self.placements)
    }
}

/// Encodes a batch of any size, block by block on the run's threads; the result does not depend on their number.
pub fn encode_all(
    encoder: &dyn Encoder,
    items: &ItemBatch<'_>,
    run: &Run<'_>,
) -> Result<VectorBatch> {
    let (rows, block) = (items.len(), encoder.batch().max(1));
    let blocks = rows.div_ceil(block);
    let mut out = VectorBatch::new(rows, encoder.dim());
    let next = AtomicUsize::new(0);
    let work = |send: &std::sync::mpsc::Sender<(usize, Result<VectorBatch>)>| {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed) * block;
            if at >= rows {
                return;
            }
            let part = items.part(at..rows.min(at + block));
            let mut vectors = VectorBatch::new(part.len(), encoder.dim());
            let done = encoder.encode(&part, &mut vectors).map(|()| vectors);
            let failed = done.is_err();
            if send.send((at, done)).is_err() || failed {
                return;
            }
        }
    };
    std::thread::scope(|scope| {
        let (send, receive) = std::sync::mpsc::channel();
        for _ in 0..run.threads.max(1).min(blocks) {
            let (send, work) = (send.clone(), &work);
            scope.spawn(move || work(&send));
        }
        drop(send);
        let mut outcome = Ok(());
        let mut done = 0;
        for (at, part) in receive {
            let told = part.and_then(|part| {
                out.take(at, &part);
                done += part.placements.len();
                run.report(&Step {
                    stage: "placing",
                    done: done as u64,
                    total: Some(rows as u64),
                    unit: "items",
                    detail: String::new(),
                })
            });
            if let Err(error) = told {
                next.store(blocks, Ordering::Relaxed); // nobody begins another block
                outcome = outcome.and(Err(error));
            }
        }
        outcome
    })?;
    Ok(out)
}

impl VectorBatch {
    fn take(&mut self, at: usize, part: &VectorBatch) {
        for (row, &placement) in part.placements.iter().enumerate() {
            self.placements[at + row] = placement;
            self.vectors.row_mut(at + row).copy_from_slice(part.vectors.row(row));
        }
    }
}

/// Makes an encoder of a model. Models that are parts of others are found through the registry in turn.
type Load = dyn Fn(&Model, &Registry) -> Result<Arc<dyn Encoder>> + Send + Sync;

/// The families of models that a program knows.
#[derive(Default)]
pub struct Registry {
    families: BTreeMap<ModelAbout, Box<Load>>,
}

impl Registry {
    /// A registry without any family.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a version of a family; one that is there is replaced.
    pub fn register(
        &mut self,
        family: &str,
        version: u32,
        load: impl Fn(&Model, &Registry) -> Result<Arc<dyn Encoder>> + Send + Sync + 'static,
    ) {
        let about = ModelAbout { family: family.to_owned(), version };
        self.families.insert(about, Box::new(load));
    }

    /// The families there are, in order.
    pub fn families(&self) -> impl Iterator<Item = &ModelAbout> {
        self.families.keys()
    }

    /// The encoder of a model; a `Data` error names a family or version that is not known.
    pub fn encoder(&self, model: &Model) -> Result<Arc<dyn Encoder>> {
        let about = model.about();
        if let Some(load) = self.families.get(about) {
            return load(model, self);
        }
        let family = &about.family;
        let known: Vec<String> = self
            .families()
            .filter(|f| f.family == *family)
            .map(|f| f.version.to_string())
            .collect();
        if known.is_empty() {
            let families: Vec<&str> = self.families().map(|f| f.family.as_str()).collect();
            return Err(Error::data(format!(
                "its encoder is of the family '{family}', which this program does not have"
            ))
            .help(if families.is_empty() {
                "use a program that has it".to_owned()
            } else {
                format!("use a program that has it; this one has {}", families.join(", "))
            }));
        }
        Err(Error::data(format!(
            "its encoder is of the family '{family}', version {}; this program reads version {}",
            about.version,
            known.join(", ")
        ))
        .help("install a newer latlas"))
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.families()).finish()
    }
}

impl Space {
    /// What places new items in this space. A word that is an item already has that item's vector. An error of kind
    /// `Usage` where the space keeps no model, of kind `Data` where its family is unknown to the registry.
    pub fn encoder(&self, registry: &Registry) -> Result<Arc<dyn Encoder>> {
        let model = self.model().ok_or_else(|| {
            Error::usage(format!("{} has no encoder: it keeps no model", self.called()))
                .help("latlas embed makes a space that has one")
        })?;
        let encoder = registry.encoder(&model).map_err(|e| e.context(self.called()))?;
        let field = self.field("main")?;
        if encoder.dim() != field.dim() {
            return Err(Error::data(format!(
                "{}: its encoder gives vectors of dimension {}, its items have {}",
                self.called(),
                encoder.dim(),
                field.dim()
            )));
        }
        if encoder.accepts().contains(&Modality::Word) {
            return Ok(Arc::new(Known { space: self.clone(), field, encoder }));
        }
        Ok(encoder)
    }
}

/// An encoder of words that looks among the items of a space first.
struct Known {
    space: Space,
    field: Field,
    encoder: Arc<dyn Encoder>,
}

impl Encoder for Known {
    fn accepts(&self) -> &[Modality] {
        self.encoder.accepts()
    }

    fn dim(&self) -> usize {
        self.encoder.dim()
    }

    fn encode(&self, items: &ItemBatch<'_>, out: &mut VectorBatch) -> Result<()> {
        self.encoder.encode(items, out)?;
        for row in 0..items.len() {
            let known = items.get(row, Modality::Word).and_then(|word| self.space.get(word));
            if let Some(item) = known {
                self.field.read(item, out.place(row));
            }
        }
        Ok(())
    }

    fn batch(&self) -> usize {
        self.encoder.batch()
    }
}
