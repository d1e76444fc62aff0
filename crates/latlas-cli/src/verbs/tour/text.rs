//! The text that a tour reads: what cargo has downloaded, or what was named; under `--quick` not more than needed.

use std::path::PathBuf;

use latlas::data::{self, Documents, Piece, ReaderOptions, Sources};
use latlas::{Error, Result, Run};
use serde_json::{Value, json};

/// What the tour reads, and what it is called.
pub(super) struct Text<'r> {
    pub(super) name: String,
    pub(super) documents: Box<dyn Documents + 'r>,
}

/// The first `most` bytes of text of these inputs, or of the documentation of Rust crates where there are none.
pub(super) fn find<'r>(inputs: &[String], most: u64, run: &'r Run<'r>) -> Result<Text<'r>> {
    if inputs.is_empty() {
        let home = cargo_home().ok_or_else(nothing_here)?;
        let folders = data::registry(&home).map_err(|_| nothing_here())?;
        let name = format!(
            "READMEs and doc comments of the crates under {}",
            home.join("registry").display()
        );
        return Ok(Text { name, documents: Box::new(data::rust_docs(&folders, most, run)) });
    }
    let files = Files {
        sources: Sources::resolve(inputs)?,
        options: ReaderOptions { on_bad: data::OnBad::Skip, ..ReaderOptions::default() },
        run,
    };
    let name = inputs.join(" ");
    Ok(Text { documents: Box::new(Beginning { documents: files, name: name.clone(), most }), name })
}

/// Where cargo keeps its downloads.
fn cargo_home() -> Option<PathBuf> {
    let set =
        |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("CARGO_HOME").or_else(|| std::env::home_dir().map(|home| home.join(".cargo")))
}

/// A data error: there is nothing wrong with the call.
fn nothing_here() -> Error {
    Error::data("no sources of Rust crates on this machine to learn from")
        .help("name some text of yours, a file or a folder: latlas tour my-notes/")
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
            Err(_) if enough => {
                Ok(vec![json!({ "path": self.name, "bytes": read, "whole": false })])
            }
            other => other,
        }
    }
}
