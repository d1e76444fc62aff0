//! What a request reads: a space at one moment, and what makes answering fast.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use latlas::geometry::Measure;
use latlas::index::{Bitmap, Exact, Hnsw, Index, Layered, LayeredWords, Precision, WordIndex};
use latlas::space::{Encoder, IndexAbout, Registry};
use latlas::{Error, Result, Row, Space};

use super::drawn::{Drawn, Places};

/// Conditions whose rows are remembered, at most.
const CONDITIONS: usize = 64;

/// A published generation of a space, and what is made of it once.
pub(crate) struct Generation {
    pub(crate) space: Space,
    registry: Arc<Registry>,
    threads: usize,
    engines: Mutex<HashMap<Sought, Engine>>,
    words: OnceLock<Result<Arc<WordIndex>>>,
    encoder: OnceLock<Result<Arc<dyn Encoder>>>,
}

/// What is searched, and how.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Sought {
    field: String,
    measure: Measure,
    exact: bool,
}

/// What a search goes through.
#[derive(Clone)]
pub(crate) struct Engine {
    pub(crate) index: Arc<dyn Index>,
    pub(crate) kind: Kind,
}

/// How it finds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    /// Every vector is compared.
    Exact,
    /// A graph is followed: how its vectors are held, what it keeps on its way, and the share of the nearest it was measured to
    /// find.
    Graph { precision: Precision, effort: usize, recall: Option<f64> },
}

/// A space at one moment.
pub(crate) struct Snapshot {
    pub(crate) generation: Arc<Generation>,
    pub(crate) space: Space,
    engines: Mutex<HashMap<Sought, Engine>>,
    conditions: Mutex<HashMap<String, Arc<Bitmap>>>,
    words: OnceLock<Result<Arc<LayeredWords>>>,
    places: OnceLock<Places>,
    drawn: Mutex<HashMap<String, Arc<Drawn>>>,
}

impl Generation {
    pub(crate) fn new(space: Space, registry: Arc<Registry>, threads: usize) -> Arc<Self> {
        space.keep_columns();
        Arc::new(Generation {
            space,
            registry,
            threads,
            engines: Mutex::default(),
            words: OnceLock::new(),
            encoder: OnceLock::new(),
        })
    }

    /// What places texts in the space.
    pub(crate) fn encoder(&self) -> Result<Arc<dyn Encoder>> {
        self.encoder.get_or_init(|| self.space.encoder(&self.registry)).clone()
    }

    fn engine(&self, sought: &Sought) -> Result<Engine> {
        // Held while it is made: whoever else wants it waits, and does not make another.
        let mut engines = lock(&self.engines);
        if let Some(engine) = engines.get(sought) {
            return Ok(engine.clone());
        }
        let Sought { field, measure, exact } = sought;
        let stored = Hnsw::stored(&self.space, field, *measure).filter(|_| !exact);
        let engine = stored.and_then(|about| self.graph(about)).map_or_else(
            || {
                let index = Exact::with_threads(&self.space, field, Some(*measure), self.threads)?;
                Ok(Engine { index: Arc::new(index), kind: Kind::Exact })
            },
            Ok,
        );
        let engine: Engine = engine?;
        engines.insert(sought.clone(), engine.clone());
        Ok(engine)
    }

    /// A stored index; one that is damaged is passed over.
    fn graph(&self, about: &IndexAbout) -> Option<Engine> {
        let index = Hnsw::open(&self.space, &about.name)
            .inspect_err(|error| tracing::warn!(%error, "every vector is compared instead"));
        let index = index.ok()?;
        let recall = about.about.get("recall").and_then(serde_json::Value::as_f64);
        let (precision, effort) = (index.precision(), index.effort());
        Some(Engine { index: Arc::new(index), kind: Kind::Graph { precision, effort, recall } })
    }

    fn words(&self) -> Result<Arc<WordIndex>> {
        let made = || WordIndex::new(&self.space, &WordIndex::columns(&self.space)).map(Arc::new);
        self.words.get_or_init(made).clone()
    }
}

impl Snapshot {
    pub(crate) fn new(generation: Arc<Generation>, space: Space) -> Self {
        Snapshot {
            generation,
            space,
            engines: Mutex::default(),
            conditions: Mutex::default(),
            words: OnceLock::new(),
            places: OnceLock::new(),
            drawn: Mutex::default(),
        }
    }

    /// Makes ready what nearly every search needs.
    pub(crate) fn warm(&self) -> Result<()> {
        if self.space.count() > 0 {
            let measure = self.space.field("main")?.about().geometry.measure();
            self.engine("main", measure, false)?;
        }
        Ok(())
    }

    /// What searches a field.
    pub(crate) fn engine(&self, field: &str, measure: Measure, exact: bool) -> Result<Engine> {
        let sought = Sought { field: field.to_owned(), measure, exact };
        let mut engines = lock(&self.engines);
        if let Some(engine) = engines.get(&sought) {
            return Ok(engine.clone());
        }
        self.space.field(field)?;
        let Engine { index, kind } = self.generation.engine(&sought)?;
        let index: Arc<dyn Index> = if self.space.changes() == 0 {
            index
        } else {
            Arc::new(Layered::new(index, &self.generation.space, &self.space, field, measure)?)
        };
        let engine = Engine { index, kind };
        engines.insert(sought, engine.clone());
        Ok(engine)
    }

    /// The rows that fulfil a condition.
    pub(crate) fn fulfilling(&self, condition: &str) -> Result<Arc<Bitmap>> {
        if let Some(rows) = lock(&self.conditions).get(condition) {
            return Ok(rows.clone());
        }
        let rows: Vec<Row> = self.space.matching(condition)?;
        let rows = Arc::new(Bitmap::of(self.space.rows(), rows));
        let mut known = lock(&self.conditions);
        if known.len() >= CONDITIONS {
            known.clear();
        }
        known.insert(condition.to_owned(), rows.clone());
        Ok(rows)
    }

    /// The items by their place.
    pub(crate) fn places(&self) -> &Places {
        self.places.get_or_init(|| Places::of(&self.space))
    }

    /// The row of a place.
    pub(crate) fn row(&self, place: usize) -> Result<Row> {
        self.places().row(place).ok_or_else(|| {
            let count = self.places().count();
            Error::nothing(format!("there is no item {place}: there are {count}, from 0"))
        })
    }

    /// A map as it is drawn.
    pub(crate) fn drawn(&self, map: &str) -> Result<Arc<Drawn>> {
        // Held while it is made: whoever else wants it waits, and does not make another.
        let mut drawn = lock(&self.drawn);
        if let Some(known) = drawn.get(map) {
            return Ok(known.clone());
        }
        let made = Arc::new(Drawn::new(&self.space, map)?);
        drawn.insert(map.to_owned(), made.clone());
        Ok(made)
    }

    /// The field that a map was made of.
    pub(crate) fn field_of(&self, map: &str) -> String {
        let about = self.space.maps().iter().find(|about| about.name == map);
        let field =
            about.and_then(|about| about.about.get("field")).and_then(|field| field.as_str());
        field.unwrap_or("main").to_owned()
    }

    /// What searches the words of the columns of text; and these.
    pub(crate) fn words(&self) -> Result<(Arc<LayeredWords>, Vec<&str>)> {
        let columns = WordIndex::columns(&self.space);
        if columns.is_empty() {
            return Err(Error::usage("this space has no column of text to look for words in"));
        }
        let made = || {
            let base = self.generation.words()?;
            LayeredWords::new(base, &columns, &self.generation.space, &self.space).map(Arc::new)
        };
        Ok((self.words.get_or_init(made).clone()?, columns))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
