//! The text that a tour reads: what cargo has downloaded, or what was named; under `--quick` not more than needed.

use latlas::data::{self, Documents, Piece, ReaderOptions, Sources};
use latlas::{Error, Result, Run};
use serde_json::{Value, json};

/// What the tour reads, and what it is called.
pub(super) struct Text<'r> {
    pub(super) name: String,
    pub(super) documents: Box<dyn Documents + 'r>,
}

/// The text of these inputs, or of the machine's own Rust documentation where there are none.
pub(super) fn find<'r>(inputs: &[String], most: Option<u64>, run: &'r Run<'r>) -> Result<Text<'r>> {
    let (name, documents): (String, Box<dyn Documents + 'r>) = if inputs.is_empty() {
        let docs = data::rust_docs(run)?;
        (docs.describe(), Box::new(docs))
    } else {
        let files = Files {
            sources: Sources::resolve(inputs)?,
            options: ReaderOptions { on_bad: data::OnBad::Skip, ..ReaderOptions::default() },
            run,
        };
        (inputs.join(" "), Box::new(files))
    };
    let documents = match most {
        Some(most) => Box::new(Beginning { documents, name: name.clone(), most }),
        None => documents,
    };
    Ok(Text { name, documents })
}

/// Files, opened when they are read.
struct Files<'r> {
    sources: Sources,
    options: ReaderOptions,
    run: &'r Run<'r>,
}

impl Documents for Files<'_> {
    fn visit(&mut self, each: &mut dyn FnMut(Piece<'_>) -> Result<()>) -> Result<Vec<Value>> {
        data::documents(&self.sources, &self.options, self.run)?.visit(each)
    }
}

/// The first so many bytes of text.
struct Beginning<D> {
    documents: D,
    name: String,
    most: u64,
}

impl<D: Documents> Documents for Beginning<D> {
    fn visit(&mut self, each: &mut dyn FnMut(Piece<'_>) -> Result<()>) -> Result<Vec<Value>> {
        let (most, mut read, mut enough) = (self.most, 0, false);
        let visited = self.documents.visit(&mut |piece| {
            if enough {
                // Readers stop at an error, and have no other way to be stopped.
                return Err(Error::nothing("enough text"));
            }
            read += piece.text.len() as u64;
            enough = read >= most;
            each(Piece { end: piece.end || enough, ..piece })
        });
        match visited {
            Err(_) if enough => Ok(vec![json!({ "path": self.name, "bytes": read, "whole": false })]),
            other => other,
        }
    }
}
