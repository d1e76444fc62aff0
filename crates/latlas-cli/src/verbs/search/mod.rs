//! `latlas search SPACE QUERY`: the nearest neighbours of an id, of a sum of ids, of a vector, or of a text.

mod printer;
mod searcher;

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use latlas::geometry::Measure;
use latlas::index::{Bitmap, Match, Query, Question, WordIndex, fused};
use latlas::linalg::Matrix;
use latlas::space::formats::{self, Format, ImportOptions};
use latlas::space::{TextPlace, TextReading, place_text};
use latlas::{Error, Result, Row, Run, Silent, Space};
use serde_json::json;

use super::{Context, registry, texts};
use printer::{Printer, Shown};
use searcher::Searcher;

/// Find the nearest neighbours
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  latlas search en.space river\n  latlas search en.space 'king - man + woman' -k 5\n  \
                  latlas search en.space @points.npy --filter 'count > 100'\n  \
                  latlas search en.space --odd breakfast cereal dinner lunch\n  \
                  latlas search en.space 'the president greets the press' --wmd headlines.txt"
)]
#[expect(clippy::struct_excessive_bools, reason = "one for each switch of the command line")]
pub(crate) struct Args {
    /// The space
    space: PathBuf,
    /// An id, a sum of ids in quotes ('king - man + woman'), a text, or @FILE.npy
    #[arg(required_unless_present = "plus")]
    query: Vec<String>,
    /// How many neighbours [default: 10; with --within 1000]
    #[arg(short, long = "k", value_name = "N")]
    k: Option<usize>,
    /// Only neighbours no farther than this
    #[arg(long, value_name = "DISTANCE", allow_negative_numbers = true, conflicts_with_all = ["odd", "wmd", "hybrid"])]
    within: Option<f32>,
    /// Add this id's vector; may be given several times
    #[arg(long, value_name = "ID")]
    plus: Vec<String>,
    /// Take this id's vector away; may be given several times
    #[arg(long, value_name = "ID", allow_hyphen_values = true)]
    minus: Vec<String>,
    /// Read the query as one id, whatever is in it
    #[arg(long, conflicts_with_all = ["text", "vector"])]
    id: bool,
    /// Read the query as a text to be placed in the space
    #[arg(long, conflicts_with = "vector")]
    text: bool,
    /// Read the query as the path of an .npy file
    #[arg(long)]
    vector: bool,
    /// Which of these ids belongs least: the mean cosine of each to the others
    #[arg(long, conflicts_with_all = ["plus", "minus", "id", "text", "vector", "filter", "columns", "metric", "wmd"])]
    odd: bool,
    /// The nearest texts of a file instead, by word mover's distance from the words of the query
    #[arg(long, value_name = "FILE", conflicts_with_all = ["plus", "minus", "id", "text", "vector", "filter", "columns", "metric"])]
    wmd: Option<String>,
    /// What distance is measured by [default: the space's geometry]
    #[arg(long, value_name = "cosine|euclidean|dot", value_parser = Measure::from_str)]
    metric: Option<Measure>,
    /// Only items that fulfil a condition, such as 'count > 100'
    #[arg(long, value_name = "EXPR")]
    filter: Option<String>,
    /// Fuse the nearest of a text with those that hold its words (BM25), by reciprocal rank
    #[arg(long, conflicts_with_all = ["id", "vector", "odd", "wmd"])]
    hybrid: bool,
    /// How widely an index looks: more finds more, and takes longer [default: what finds 99 %, measured when it was built]
    #[arg(long, value_name = "N", conflicts_with = "exact")]
    effort: Option<usize>,
    /// Compare with every vector, even where there is an index
    #[arg(long)]
    exact: bool,
    /// Columns to show beside the ids
    #[arg(long, value_name = "COLS", value_delimiter = ',')]
    columns: Vec<String>,
    /// The vectors to search in
    #[arg(long, value_name = "NAME", default_value = "main")]
    field: String,
}

pub(crate) fn run(args: &Args, cx: &Context<'_>) -> Result<()> {
    let k = args.k.unwrap_or(if args.within.is_some() { 1000 } else { 10 });
    if k == 0 {
        return Err(Error::usage("-k 0: at least one neighbour has to be asked for"));
    }
    let space = Space::open(&args.space)?;
    if args.odd {
        return texts::odd(&space, &args.query, cx);
    }
    if let Some(file) = &args.wmd {
        return texts::nearest(&space, &args.query.join(" "), file, k, cx);
    }
    let columns: Vec<&str> = args.columns.iter().map(String::as_str).collect();
    let shown = (!columns.is_empty()).then(|| Shown::new(&space, &columns)).transpose()?;
    let asked = Asked::read(args, &space, cx)?;
    let filter = filter(args, &space)?;
    if args.effort == Some(0) {
        return Err(Error::usage("--effort 0: an index has to keep at least one item on its way"));
    }
    let query = Query { k, exclude: Vec::new(), filter, effort: args.effort };
    let measure = args.metric.unwrap_or(space.field(&args.field)?.about().geometry.measure());
    let printer = Printer { space: &space, shown, measure, cx };
    let index = || Searcher::open(&space, &args.field, measure, args.exact, args.effort, cx);
    let near = |point: &[f32], query: &Query| match args.within {
        Some(distance) => index()?.within(point, distance, query),
        None => index()?.search(point, query),
    };
    match asked {
        Asked::Text(point, reading) if args.hybrid => {
            let text = args.query.join(" ");
            let all = Query { k: BOTH.max(k), ..query };
            let (holding, columns) = holding(&text, &all, &space)?;
            cx.out.say(&format!(
                "reading: {reading}, and by its words (BM25) in {columns}; both fused by rank"
            ));
            let close = index()?.search(&point, &all)?.iter().map(|hit| hit.row).collect();
            let holding = holding.iter().map(|found| found.row).collect();
            printer.scored(&text, "fused", &fused(&[close, holding], k))
        }
        Asked::Words(text, unknown) => by_words(&text, unknown, &query, &printer),
        _ if args.hybrid => Err(Error::usage("--hybrid is for a text that an encoder places")
            .help("ask with --text, in a space that keeps its encoder")),
        Asked::Sum(question) => {
            cx.out.say(&format!("reading: {}", said(&question)));
            let point = question.compose(&space.field(&args.field)?, measure)?;
            let hits = near(&point, &query.excluding(question.rows()))?;
            printer.one(&question.to_string(), &hits)
        }
        Asked::Text(point, reading) => {
            cx.out.say(&format!("reading: {reading}"));
            printer.one(&args.query.join(" "), &near(&point, &query)?)
        }
        Asked::Points(points) if points.rows() == 1 => {
            cx.out.say(&format!("reading: a vector of {} numbers", points.cols()));
            printer.one(&args.query.join(" "), &near(points.row(0), &query)?)
        }
        Asked::Points(points) => {
            cx.out.say(&format!(
                "reading: {} vectors of {} numbers, answered with one line of JSON each",
                points.rows(),
                points.cols()
            ));
            let all = index()?.search_batch(&points, &query, cx.threads)?;
            for (at, mut hits) in all.into_iter().enumerate() {
                hits.retain(|hit| args.within.is_none_or(|within| hit.distance <= within));
                printer.object(&json!(at), &hits)?;
            }
            Ok(())
        }
    }
}

/// A text in a space that has no place for it: the items that hold its words.
fn by_words(
    text: &str,
    unknown: Option<Error>,
    query: &Query,
    printer: &Printer<'_>,
) -> Result<()> {
    let (found, columns) = holding(text, query, printer.space)?;
    if found.is_empty() {
        return Err(match unknown {
            Some(unknown) => unknown.context("no item holds a word of the query, and as an id"),
            None => Error::nothing(format!("no item holds a word of '{text}'")),
        });
    }
    printer.cx.out.say(&format!(
        "reading: a text, by its words (BM25) in {columns}, since the space has no encoder"
    ));
    printer.scored(text, "bm25", &found)
}

/// The items that hold words of a text, and the columns they were looked for in.
fn holding(text: &str, query: &Query, space: &Space) -> Result<(Vec<Match>, String)> {
    let columns = WordIndex::columns(space);
    Ok((WordIndex::new(space, &columns)?.search(text, query), columns.join(", ")))
}

/// Items of each answer that are fused, at least.
const BOTH: usize = 100;

/// The query as it was understood.
enum Asked {
    Sum(Question),
    /// Where a text was placed, and how it was read.
    Text(Vec<f32>, String),
    /// A text to be looked for by its words; and what was wrong with it as an id.
    Words(String, Option<Error>),
    Points(Matrix),
}

impl Asked {
    fn read(args: &Args, space: &Space, cx: &Context<'_>) -> Result<Self> {
        let text = args.query.join(" ");
        let by_words = space.model().is_none() && !WordIndex::columns(space).is_empty();
        if args.text && by_words {
            return Ok(Asked::Words(text, None));
        }
        if args.text {
            return placed(&text, args, space, cx);
        }
        if let Some(path) =
            text.strip_prefix('@').filter(|_| !args.id).or(args.vector.then_some(text.as_str()))
        {
            if !args.plus.is_empty() || !args.minus.is_empty() {
                return Err(Error::usage(
                    "--plus and --minus belong to ids, not to a file of vectors",
                ));
            }
            return Ok(Asked::Points(points(path, cx)?));
        }
        let mut question = if text.is_empty() {
            Question::new()
        } else if args.id {
            Question::new().plus(space, &text)?
        } else {
            match Question::parse(space, &text) {
                Ok(question) => question,
                // No id: a text, if the space has a place for it.
                Err(unknown) => {
                    let alone = args.plus.is_empty() && args.minus.is_empty();
                    if alone && by_words {
                        return Ok(Asked::Words(text, Some(unknown)));
                    }
                    if !alone || space.model().is_none() {
                        return Err(unknown);
                    }
                    return placed(&text, args, space, cx);
                }
            }
        };
        for id in &args.plus {
            question = question.plus(space, id)?;
        }
        for id in &args.minus {
            question = question.minus(space, id)?;
        }
        Ok(Asked::Sum(question))
    }
}

/// A text at the place that the space's encoder gives it.
fn placed(text: &str, args: &Args, space: &Space, cx: &Context<'_>) -> Result<Asked> {
    if args.field != "main" {
        return Err(Error::usage(format!("a text has no place in the field '{}'", args.field))
            .help("leave out --field, or ask with an .npy file"));
    }
    let encoder = space.encoder(&registry()).map_err(|e| match e.way_out() {
        Some(_) if space.model().is_some() => e,
        _ => Error::usage(format!(
            "{} has no encoder, so a text has no place in it",
            args.space.display()
        ))
        .help("ask for an id, or for a sum of ids such as 'king - man + woman'"),
    })?;
    let nowhere = || {
        Error::nothing(format!("the text '{text}' has no place in {}", args.space.display()))
            .help("it holds no word that its encoder knows")
    };
    let TextPlace { vector, reading } =
        place_text(&*encoder, text, &cx.run())?.ok_or_else(nowhere)?;
    let reading = match reading {
        TextReading::Word => format!("the word '{text}', placed by the encoder"),
        reading => reading.to_string(),
    };
    Ok(Asked::Text(vector, reading))
}

/// The vectors of an .npy file.
fn points(path: &str, cx: &Context<'_>) -> Result<Matrix> {
    // Only the numbers are wanted: where ids come from and how distance is measured does not matter here.
    let silent = Run { progress: &Silent, ..cx.run() };
    let space =
        formats::read(&[path.to_owned()], Some(Format::Npy), &ImportOptions::default(), &silent)?;
    let rows: Vec<Row> = space.live().collect();
    Ok(space.field("main")?.gather(&rows))
}

fn filter(args: &Args, space: &Space) -> Result<Option<Arc<Bitmap>>> {
    let Some(condition) = &args.filter else { return Ok(None) };
    let rows = space.matching(condition)?;
    if rows.is_empty() {
        return Err(
            Error::nothing(format!("no item fulfils {condition}")).help("try a wider condition")
        );
    }
    Ok(Some(Arc::new(Bitmap::of(space.rows(), rows))))
}

/// "the id 'river'", "king − man + woman".
fn said(question: &Question) -> String {
    if question.terms().len() == 1 {
        format!("the id {question}")
    } else {
        format!("the sum {question}")
    }
}
