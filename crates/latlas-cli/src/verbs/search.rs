//! `latlas search SPACE QUERY`: the nearest neighbours of an id, of a sum of ids, of a vector, or of a text.

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use latlas::geometry::Measure;
use latlas::index::{Bitmap, Hit, Query, Question};
use latlas::items::Items;
use latlas::linalg::Matrix;
use latlas::space::formats::{self, Format, ImportOptions};
use latlas::space::{Encoder, ItemBatch, Modality, Placement, encode_all};
use latlas::{Error, Result, Row, Run, Silent, Space};
use serde_json::{Value, json};

use super::delete::matching;
use super::searcher::Searcher;
use super::{Context, registry, texts};
use crate::output::{Align, Table, figure, single};
use crate::values;

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
    /// How many neighbours
    #[arg(short, long = "k", value_name = "N", default_value_t = 10)]
    k: usize,
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
    if args.k == 0 {
        return Err(Error::usage("-k 0: at least one neighbour has to be asked for"));
    }
    let space = Space::open(&args.space)?;
    if args.odd {
        return texts::odd(&space, &args.query, cx);
    }
    if let Some(file) = &args.wmd {
        return texts::nearest(&space, &args.query.join(" "), file, args.k, cx);
    }
    let columns: Vec<&str> = args.columns.iter().map(String::as_str).collect();
    let shown = (!columns.is_empty()).then(|| Shown::new(&space, &columns)).transpose()?;
    let asked = Asked::read(args, &space, cx)?;
    let filter = filter(args, &space)?;
    let query = Query { k: args.k, exclude: Vec::new(), filter, effort: args.effort };
    let index = Searcher::open(&space, &args.field, args.metric, args.exact, args.effort, cx)?;
    let printer = Printer { space: &space, shown, measure: index.measure(), cx };
    match asked {
        Asked::Sum(question) => {
            cx.out.say(&format!("reading: {}", said(&question)));
            let point = question.compose(&space.field(&args.field)?, index.measure())?;
            let hits = index.search(&point, &query.excluding(question.rows()))?;
            printer.one(&question.to_string(), &hits)
        }
        Asked::Text(point, reading) => {
            cx.out.say(&format!("reading: {reading}"));
            printer.one(&args.query.join(" "), &index.search(&point, &query)?)
        }
        Asked::Points(points) if points.rows() == 1 => {
            cx.out.say(&format!("reading: a vector of {} numbers", points.cols()));
            printer.one(&args.query.join(" "), &index.search(points.row(0), &query)?)
        }
        Asked::Points(points) => {
            cx.out.say(&format!(
                "reading: {} vectors of {} numbers, answered with one line of JSON each",
                points.rows(),
                points.cols()
            ));
            for (at, hits) in index.search_batch(&points, &query, cx.threads)?.iter().enumerate() {
                printer.object(&json!(at), hits)?;
            }
            Ok(())
        }
    }
}

/// The query as it was understood.
enum Asked {
    Sum(Question),
    /// Where a text was placed, and how it was read.
    Text(Vec<f32>, String),
    Points(Matrix),
}

impl Asked {
    fn read(args: &Args, space: &Space, cx: &Context<'_>) -> Result<Self> {
        let text = args.query.join(" ");
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
    if encoder.accepts().contains(&Modality::Text) {
        let point = one(&*encoder, &ItemBatch::of_texts([Some(text)]), cx)?;
        return point
            .map(|p| Asked::Text(p, "a text, placed by the encoder".into()))
            .ok_or_else(nowhere);
    }
    // An encoder of words: their mean, as far as they have a place.
    let words: Vec<&str> = text.split_whitespace().collect();
    let batch = encode_all(&*encoder, &ItemBatch::of_words(words.iter().copied()), &cx.run())?;
    let mut sum = vec![0.0; encoder.dim()];
    let mut known = 0;
    for (vector, _) in batch
        .vectors()
        .iter_rows()
        .zip(batch.placements())
        .filter(|(_, placement)| **placement == Placement::Placed)
    {
        let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
        sum.iter_mut().zip(vector).for_each(|(s, x)| *s += x / length.max(f32::MIN_POSITIVE));
        known += 1;
    }
    match (known, words.len()) {
        (0, _) => Err(nowhere()),
        (_, 1) => Ok(Asked::Text(
            batch.vectors().row(0).to_vec(),
            format!("the word '{text}', placed by the encoder"),
        )),
        (known, _) => Ok(Asked::Text(sum, format!("the mean of {known} words"))),
    }
}

/// The place of the only row of a batch.
fn one(encoder: &dyn Encoder, batch: &ItemBatch<'_>, cx: &Context<'_>) -> Result<Option<Vec<f32>>> {
    let placed = encode_all(encoder, batch, &cx.run())?;
    let here = placed.placements().first() == Some(&Placement::Placed);
    Ok(here.then(|| placed.vectors().row(0).to_vec()))
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
    let rows = matching(space, condition)?;
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

/// The columns shown beside the ids, by live row.
struct Shown {
    items: Items,
    place: Vec<u32>,
}

impl Shown {
    fn new(space: &Space, columns: &[&str]) -> Result<Self> {
        let items = space.items(Some(columns))?;
        let mut place = vec![u32::MAX; space.rows()];
        for (at, row) in space.live().enumerate() {
            place[row.index()] = at as u32;
        }
        Ok(Shown { items, place })
    }

    /// An item's place in the columns.
    fn at(&self, row: Row) -> Option<usize> {
        self.place.get(row.index()).map(|&at| at as usize).filter(|&at| at < self.items.len())
    }
}

struct Printer<'a> {
    space: &'a Space,
    shown: Option<Shown>,
    measure: Measure,
    cx: &'a Context<'a>,
}

impl Printer<'_> {
    fn one(&self, query: &str, hits: &[Hit]) -> Result<()> {
        if self.cx.out.json() {
            return self.object(&json!(query), hits);
        }
        if hits.is_empty() {
            return Err(Error::nothing("there is no neighbour")
                .help("the query's own items are left out; try a wider --filter"));
        }
        let euclidean = self.measure == Measure::Euclidean;
        let mut head = vec![(String::new(), Align::Right), ("id".to_owned(), Align::Left)];
        head.push((if euclidean { "distance" } else { "similarity" }.to_owned(), Align::Right));
        let names = self.shown.iter().flat_map(|shown| shown.items.columns());
        head.extend(names.map(|c| {
            (c.name.clone(), if values::measures(c) { Align::Right } else { Align::Left })
        }));
        let mut table = Table::new(head);
        for (rank, hit) in hits.iter().enumerate() {
            let figure = figure(f64::from(if euclidean { hit.distance } else { hit.similarity }));
            let mut row = vec![(rank + 1).to_string(), self.space.id(hit.row).to_owned(), figure];
            if let Some(shown) = &self.shown {
                let at = shown.at(hit.row);
                row.extend(
                    shown
                        .items
                        .columns()
                        .iter()
                        .map(|c| at.map_or_else(String::new, |at| values::text(c, at))),
                );
            }
            table.row(row);
        }
        self.cx.out.result(&table.render(self.cx.out.paint))
    }

    fn object(&self, query: &Value, hits: &[Hit]) -> Result<()> {
        let hits: Vec<Value> =
            hits.iter().enumerate().map(|(rank, hit)| self.hit(rank + 1, hit)).collect();
        self.cx.out.object(
            "search",
            &json!({ "query": query, "metric": self.measure.name(), "hits": hits }),
        )
    }

    fn hit(&self, rank: usize, hit: &Hit) -> Value {
        let mut object = json!({ "rank": rank, "id": self.space.id(hit.row), "distance": single(hit.distance), "similarity": single(hit.similarity) });
        if let (Some(shown), Some(fields)) = (&self.shown, object.as_object_mut()) {
            let columns = shown.items.columns().iter().map(|c| {
                (c.name.clone(), shown.at(hit.row).map_or(Value::Null, |at| values::json(c, at)))
            });
            fields.insert("columns".to_owned(), columns.collect::<serde_json::Map<_, _>>().into());
        }
        object
    }
}
