//! From a text file to a word space, in the library: learn, save, look around.
//!
//! ```text
//! cargo run --release --example words -- corpus.txt en.space
//! ```

use latlas::data::{self, CorpusOptions, ReaderOptions, Sources};
use latlas::index::{Exact, Index, Query};
use latlas::learn::{Learn, Word2Vec};
use latlas::{Progress, Result, Row, Run, Step};
use std::ops::ControlFlow;
use std::path::Path;

/// Says how far it is, on one line of the terminal.
struct Line;

impl Progress for Line {
    fn report(&self, step: &Step) -> ControlFlow<()> {
        say(&format!("\r{} {} {} {}   ", step.stage, step.done, step.unit, step.detail));
        ControlFlow::Continue(())
    }
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [input, output] = arguments.as_slice() else {
        say("usage: words TEXT SPACE\n");
        return Ok(());
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let run = Run { threads, progress: &Line, ..Run::silent(42) };

    // Read: text becomes ids in a scratch file, which training maps instead of holding it in memory.
    let sources = Sources::resolve(&[input])?;
    let scratch = std::env::temp_dir().join(format!("words-{}", std::process::id()));
    std::fs::create_dir_all(&scratch).map_err(|e| latlas::Error::io("create", &scratch, &e))?;
    let reading = ReaderOptions::default();
    let documents = data::documents(&sources, &reading, &run)?;
    let corpus = data::encode(documents, &CorpusOptions::default(), &scratch, None, &run)?;

    // Learn, and save.
    let space = Word2Vec { dim: 100, ..Default::default() }.learn(&corpus, &run)?;
    space.save(Path::new(output))?;
    let _ = std::fs::remove_dir_all(&scratch);

    // Look around: the neighbours of a few frequent words.
    let index = Exact::new(&space, "main", None)?;
    let field = space.field("main")?;
    for row in (200..space.count().min(1000) as u32).step_by(100).map(Row) {
        let mut point = vec![0.0; field.dim()];
        field.read(row, &mut point);
        let query = Query { k: 5, exclude: vec![row], ..Default::default() };
        let hits = index.search(&point, &query)?;
        let near: Vec<&str> = hits.iter().map(|hit| space.id(hit.row)).collect();
        say(&format!("\n{:>16}: {}", space.id(row), near.join(", ")));
    }
    say("\n");
    Ok(())
}

fn say(text: &str) {
    use std::io::Write;
    // Nobody to tell where the terminal is gone.
    let _ = std::io::stderr().write_all(text.as_bytes());
}
