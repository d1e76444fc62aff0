//! Building a stored index again, with what was added since.

use super::trial::Trial;
use super::{Hnsw, HnswOptions};
use crate::error::Result;
use crate::run::Run;
use crate::space::{Edit, IndexAbout, Space};

/// Rows added since that are measured one by one without much being lost.
const FEW: usize = 10_000;
/// Beyond those, this share of the rows of the index.
const SHARE: u64 = 20;
/// How many neighbours an index is tried on.
const NEIGHBOURS: usize = 10;

/// An index that was built in place of a stored one; [`keep`](Renewed::keep) stores it.
pub struct Renewed {
    index: Hnsw,
    about: IndexAbout,
    options: HnswOptions,
    seed: u64,
    trials: Vec<Trial>,
}

impl Renewed {
    /// Whether so much was added since a stored index was built that it should be built again: 10,000 items, and a twentieth
    /// of its own. `false` for one whose rows have moved.
    pub fn is_due(space: &Space, about: &IndexAbout) -> bool {
        let due = FEW.max((about.rows / SHARE) as usize);
        // Counting what is alive is only worth it where there is enough at all.
        space.holds(about)
            && space.rows() as u64 - about.rows >= due as u64
            && space.added_since(about) >= due
    }

    /// Builds an index as a stored one was, with the options and the seed it tells of, of all live rows, and tries it. The seed of `run`
    /// is not used.
    pub fn build(space: &Space, about: &IndexAbout, run: &Run) -> Result<Self> {
        let options = about.about.get("options").cloned();
        let options: HnswOptions =
            options.and_then(|o| serde_json::from_value(o).ok()).unwrap_or_default();
        let seed = about.about.get("seed").and_then(serde_json::Value::as_u64);
        let seed = seed.unwrap_or(run.seed);
        let run = Run { seed, ..run.clone() };
        let index = Hnsw::build(space, &about.field, Some(about.measure), &options, &run)?;
        let (trials, _) = index.trials(space, &about.field, NEIGHBOURS, &run)?;
        Ok(Renewed { index, about: about.clone(), options, seed, trials })
    }

    /// Stores it in place of the one before. Items may have been added or deleted since it was built; an error of kind `Data` if
    /// its rows have moved.
    pub fn keep(&self, edit: &mut Edit) -> Result<()> {
        let IndexAbout { name, field, .. } = &self.about;
        self.index.keep(edit, name, field, &self.options, &self.trials, &Run::silent(self.seed))
    }

    /// The name of the index.
    pub fn name(&self) -> &str {
        &self.about.name
    }
}
