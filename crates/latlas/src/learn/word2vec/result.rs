//! From trained matrices to a space.

use serde_json::{Value, json};

use super::Word2Vec;
use super::continuation::Before;
use super::train::Model;
use crate::data::Corpus;
use crate::error::{Error, Result};
use crate::geometry::Geometry;
use crate::kernels::hogwild::{Hogwild, RacingRows};
use crate::learn::earlier::{Origin, words_of_both};
use crate::learn::training::Trained;
use crate::learn::words::counted;
use crate::linalg::Matrix;
use crate::run::Run;
use crate::space::{Field, Provenance, Space, SpaceBuilder};

/// The rows of the result with their counts.
struct Rows<'a> {
    words: Vec<(Origin, &'a str, u64)>,
}

impl Rows<'_> {
    /// The vectors of one matrix, which is given back to the machine; where a word is not in it, those of `kept`.
    fn vectors(&self, mut matrix: RacingRows, kept: Option<&Field>) -> Result<Matrix> {
        let mut vectors = Matrix::zeros(self.words.len(), matrix.dim());
        for (row, &(origin, ..)) in self.words.iter().enumerate() {
            match (origin, kept) {
                (Origin::Learned(i), _) => vectors.row_mut(row).copy_from_slice(matrix.row(i)),
                (Origin::Kept(from), Some(kept)) => kept.read(from, vectors.row_mut(row)),
                (Origin::Kept(_), None) => {}
            }
            if vectors.row(row).iter().any(|x| !x.is_finite()) {
                return Err(Error::data("training diverged: vectors have become infinite")
                    .help("try a smaller alpha"));
            }
        }
        Ok(vectors)
    }
}

impl Word2Vec {
    /// The space of a finished training.
    pub(super) fn result(
        &self,
        trained: Trained<Model>,
        before: Option<&Before<'_>>,
        corpus: &Corpus,
        kernels: Hogwild,
        run: &Run<'_>,
    ) -> Result<SpaceBuilder> {
        let space = before.map(|before| before.space);
        let rows = Rows { words: words_of_both(space, &corpus.vocabulary)? };
        let losses = trained.losses.iter().map(|epoch| json!(epoch.mean())).collect();
        let Model { input, output } = trained.model;
        // What is not kept is given back before the result is taken over.
        let output = self.keep_output.then_some(output);
        let main = rows.vectors(input, before.map(|before| &before.main))?;
        let mut builder =
            Space::builder("word2vec", counted(rows.words.iter().map(|&(_, word, n)| (word, n)))?)
                .field("main", Geometry::Cosine, main);
        if let Some(output) = output {
            let vectors = rows.vectors(output, before.and_then(|before| before.output.as_ref()))?;
            builder = builder.field("output", Geometry::Cosine, vectors);
        }
        let steps = before.map_or(&[][..], |before| before.space.provenance());
        builder = steps.iter().cloned().fold(builder, SpaceBuilder::provenance);
        Ok(builder
            .provenance(self.provenance(corpus, before, kernels, run))
            .metric("loss", Value::Array(losses))
            .run_fact("threads", json!(run.threads))
            .run_fact("resumed", json!(trained.resumed)))
    }

    fn provenance(
        &self,
        corpus: &Corpus,
        before: Option<&Before<'_>>,
        kernels: Hogwild,
        run: &Run<'_>,
    ) -> Provenance {
        let mut options = corpus.options.clone();
        options.extend(self.in_force());
        if let Some(path) = before.and_then(|before| before.space.path()) {
            options.insert("init".into(), json!(path));
        }
        Provenance {
            action: "learn word2vec".into(),
            options,
            seed: Some(run.seed),
            sources: corpus.sources.clone(),
            version: format!("{} {}", env!("CARGO_PKG_VERSION"), kernels.name()),
        }
    }
}
