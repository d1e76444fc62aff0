//! `latlas map SPACE`: lays a space out in two or three dimensions, and says how far that can be trusted.

mod add;
mod align;
mod keeping;
mod methods;
mod target;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use latlas::map::{AtK, AtLarge, Faithfulness, FaithfulnessOptions, Placement};
use latlas::run::Silent;
use latlas::space::Space;
use latlas::{Error, Kind, Result, Run, map};
use serde_json::{Map, Value, json};

use super::{Context, step};
use crate::output::{Align, Output, Table, counted, figure, percent, whole};

pub(super) use keeping::Keeping;
use methods::Laid;
pub(super) use methods::Plan;

/// Lay a space out in two or three dimensions
#[derive(Debug, clap::Args)]
#[command(after_help = format!(
    "{}\nExamples:\n  latlas map en.space && latlas plot en.space -o map.png\n  \
     latlas map digits.space --method tsne --pca 50 --perplexity 30\n  \
     latlas map digits.space --target label --set target_weight=0.3\n  \
     latlas map digits.space --add more.space\n  \
     latlas map 1990.space 2000.space 2010.space --align",
    methods::list()
))]
pub(crate) struct Args {
    /// The space; the map is stored in it. Several go with --align
    #[arg(required = true, value_name = "SPACE")]
    spaces: Vec<PathBuf>,
    /// How; umap, tsne and pacmap show who is near whom, pca the directions along which the vectors
    /// differ most
    #[arg(long, value_enum, default_value_t = Method::Umap)]
    method: Method,
    /// The map's name in the space; a map of that name is replaced [default: the method's]
    #[arg(long)]
    name: Option<String>,
    /// How many dimensions: 2 or 3
    #[arg(long, value_name = "N", default_value_t = 2)]
    dims: usize,
    /// The vectors to lay out
    #[arg(long, default_value = "main")]
    field: String,
    /// tsne: how many neighbours an item minds, 5 to 50; several, separated by commas, are averaged
    /// [default: 30]
    #[arg(long, value_name = "N", value_delimiter = ',')]
    perplexity: Vec<f64>,
    /// tsne, umap, pacmap: lay out this many principal components of the vectors instead
    #[arg(long, value_name = "N")]
    pca: Option<usize>,
    /// tsne, umap, pacmap: take neighbours from a file (.npz, .arrow, .parquet, .csv)
    /// instead of looking for them
    #[arg(long, value_name = "FILE")]
    neighbours: Option<PathBuf>,
    /// umap: a column that leads the map: items alike in it come together; those without a value
    /// follow their neighbours. COL=category takes numbers for classes
    #[arg(long, value_name = "COL")]
    target: Option<String>,
    /// tsne, umap, pacmap: go on with an interrupted map; all else must be as it was begun
    #[arg(long, conflicts_with = "align")]
    resume: bool,
    /// Seconds between checkpoints
    #[arg(long, value_name = "SECONDS", default_value_t = 60.0)]
    checkpoint_every: f64,
    /// Set another option of the method; listed below
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Begin where items of the same ids stand on this map: MAP, OTHER.space or OTHER.space:MAP
    #[arg(long, value_name = "MAP", conflicts_with = "align")]
    start: Option<String>,
    /// Place the items of this space on a map that SPACE has and that stays as it is; without a
    /// value, the items that SPACE gained
    #[arg(
        long,
        value_name = "NEW",
        num_args = 0..=1,
        conflicts_with_all = [
            "method", "dims", "field", "perplexity", "pca", "neighbours", "set", "start", "align",
            "target", "resume"
        ]
    )]
    #[expect(clippy::option_option, reason = "a flag that may do without its value")]
    add: Option<Option<PathBuf>>,
    /// --add: the map to place items on [default: the newest]
    #[arg(long, value_name = "NAME", requires = "add")]
    map: Option<String>,
    /// Lay spaces out in turn, each from the one before, held to it and turned onto it
    #[arg(long)]
    align: bool,
    /// --align: how strongly items are held to where they stood; 0 not at all
    #[arg(
        long,
        value_name = "N",
        default_value_t = 0.1,
        requires = "align",
        allow_negative_numbers = true
    )]
    tether: f64,
}

/// How to lay out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Method {
    // Principal component analysis: the directions along which the vectors differ most
    Pca,
    // t-distributed stochastic neighbour embedding
    Tsne,
    // Uniform manifold approximation and projection
    Umap,
    // Pairwise controlled manifold approximation: the large picture
    Pacmap,
}

impl Method {
    fn name(self) -> &'static str {
        match self {
            Method::Pca => "pca",
            Method::Tsne => "tsne",
            Method::Umap => "umap",
            Method::Pacmap => "pacmap",
        }
    }
}

pub(crate) fn run(args: &Args, cx: &Context<'_>) -> Result<()> {
    if let Some(new) = &args.add {
        return add::run(args, new.as_deref(), cx);
    }
    if !(2..=3).contains(&args.dims) {
        return Err(Error::usage(format!("--dims {}: a map has 2 or 3 dimensions", args.dims)));
    }
    let plan = Plan::of(args)?;
    if args.align {
        return align::run(args, &plan, cx);
    }
    let space = only(args)?;
    let keeping = Keeping::of(args.resume, args.checkpoint_every)?;
    let made = make(space, &args.field, args.name.as_deref(), &plan, keeping, &cx.run())?;
    if let Some(error) = made.interruption() {
        return Err(error);
    }
    if cx.out.json() {
        let told = |(key, _): &(String, Value)| !key.starts_with("explained_variance");
        let figures: Map<String, Value> =
            made.layout.figures.clone().into_iter().filter(told).collect();
        return cx.out.object(
            "map",
            &json!({
                "space": space,
                "map": { "name": made.name, "method": made.layout.method, "dims": args.dims },
                "explained_variance": made.layout.explained,
                "figures": figures,
                "faithfulness": made.about.get("faithfulness"),
            }),
        );
    }
    print(&made, &space.display().to_string(), cx.out)?;
    cx.out.say(&format!("next: latlas plot {} -o map.png", space.display()));
    Ok(())
}

/// The space, where there may be but one.
fn only(args: &Args) -> Result<&Path> {
    match args.spaces.as_slice() {
        [space] => Ok(space),
        _ => Err(Error::usage("one space is laid out at a time")
            .help("several go with --align, which makes their maps comparable")),
    }
}

/// A map that was made and stored.
pub(super) struct Made {
    pub(super) name: String,
    pub(super) layout: Placement,
    /// How far points were moved.
    state: State,
    pub(super) faithfulness: Faithfulness,
    pub(super) about: Value,
}

/// How far a map came.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Finished,
    /// Finished, but measured on few items.
    Hurried,
    /// Cancelled while points were moving.
    Unfinished {
        /// Whether it can be gone on with.
        kept: bool,
    },
}

impl Made {
    /// The error that ends the program if someone cancelled: what is stored all the same, and how to go on.
    fn interruption(&self) -> Option<Error> {
        let name = &self.name;
        match self.state {
            State::Finished => None,
            State::Hurried => Some(
                Error::interrupted(format!(
                    "interrupted while measuring: map '{name}' is whole and stored, measured on {}",
                    counted(self.faithfulness.sampled as u64, "items")
                ))
                .help("make the map again to measure all of it"),
            ),
            State::Unfinished { kept } => {
                let figures = &self.layout.figures;
                let steps =
                    figures.get("unfinished").and_then(Value::as_str).unwrap_or("some steps");
                Some(
                    Error::interrupted(format!(
                        "interrupted after {steps}: the map so far is stored as '{name}'"
                    ))
                    .help(if kept {
                        "the same command with --resume goes on from there"
                    } else {
                        "make the map again to finish it"
                    }),
                )
            }
        }
    }
}

/// So many items are measured for a map that was cancelled, fewer where that takes more products of numbers: someone is
/// waiting.
const MEASURED_IN_HASTE: std::ops::RangeInclusive<usize> = 50..=500;
const PRODUCTS_IN_HASTE: usize = 20_000_000_000;

/// Lays out the items of a space, measures the layout and stores both.
pub(super) fn make(
    path: &Path,
    field: &str,
    name: Option<&str>,
    plan: &Plan,
    keeping: Keeping,
    run: &Run<'_>,
) -> Result<Made> {
    let edit = Space::edit(path)?;
    let make = |run: &Run<'_>| {
        let made = store(plan.layout(edit, field, None, run)?, name, run)?;
        let over = !matches!(made.state, State::Unfinished { .. });
        Ok((made, over))
    };
    match plan {
        Plan::Pca(_) => make(run).map(|(made, _)| made),
        _ => keeping.held(path, plan.method(), run, make),
    }
}

/// Measures a layout and stores both.
fn store(laid: Laid, name: Option<&str>, run: &Run<'_>) -> Result<Made> {
    let Laid { mut edit, placement: layout, mut state } = laid;
    let field = layout.field.as_str();
    let space = edit.space().clone();
    // Whoever cancelled would cancel this, too.
    let hasty = |space: &Space| {
        let numbers = space.count().max(1) * space.field(field)?.dim().max(1);
        let (least, most) = MEASURED_IN_HASTE.into_inner();
        let sample = (PRODUCTS_IN_HASTE / numbers).clamp(least, most);
        let options =
            FaithfulnessOptions { all_up_to: sample, sample, ..FaithfulnessOptions::default() };
        layout.faithfulness(space, &options, &Run { progress: &Silent, ..run.clone() })
    };
    let faithfulness = if state == State::Finished {
        match layout.faithfulness(&space, &FaithfulnessOptions::default(), run) {
            Err(error) if error.kind() == Kind::Interrupted => {
                state = State::Hurried;
                hasty(&space)?
            }
            other => other?,
        }
    } else {
        hasty(&space)?
    };
    let (table, about) = map::table(&space, &layout, &faithfulness)?;
    let name = name.unwrap_or(layout.method).to_owned();
    edit.set_map(&name, &table, about.clone())?;
    let mut options =
        json!({ "name": name, "method": layout.method, "field": field, "params": layout.params });
    if let (Some(options), Some(steps)) =
        (options.as_object_mut(), layout.figures.get("unfinished"))
    {
        options.insert("unfinished".to_owned(), steps.clone());
    }
    let mut history = step("map", options, Vec::new());
    history.seed = Some(run.seed);
    edit.publish(history)?;
    Ok(Made { name, layout, state, faithfulness, about })
}

/// The map's figures, for people.
pub(super) fn print(made: &Made, space: &str, out: &Output) -> Result<()> {
    let dims = counted(made.layout.coords.cols() as u64, "dimensions");
    let items = counted(made.layout.rows.len() as u64, "items");
    let mut text = format!("{}  map '{}': {items} in {dims}\n", out.paint.bold(space), made.name);
    if !made.layout.explained.is_empty() {
        let total: f64 = made.layout.explained.iter().sum();
        let parts: Vec<String> =
            made.layout.explained.iter().map(|&share| percent(share)).collect();
        let _ = writeln!(text, "  explained variance {} ({})", percent(total), parts.join(" + "));
    }
    if let Some(kl) = made.layout.figures.get("kl").and_then(Value::as_f64) {
        let steps = made.layout.figures.get("steps").and_then(Value::as_u64).unwrap_or(0);
        let _ =
            writeln!(text, "  divergence {} after {}", figure(kl), counted(steps, "iterations"));
    }
    if let Some(start) = made.layout.figures.get("start") {
        let count = |key: &str| start.get(key).and_then(Value::as_u64).unwrap_or(0);
        let map = start.get("map").and_then(Value::as_str).unwrap_or_default();
        let (known, all) = (counted(count("known"), "items"), whole(count("items")));
        let _ = writeln!(text, "  begun from map '{map}', which has {known} of {all}");
    }
    text.push_str(&trust(&made.faithfulness, out));
    out.result(&text)
}

/// How far a map can be trusted: all figures.
fn trust(faithfulness: &Faithfulness, out: &Output) -> String {
    let mut text = nearby(faithfulness).render(out.paint);
    text.push_str(&at_large(faithfulness).render(out.paint));
    if faithfulness.sampled < faithfulness.items {
        let sampled = counted(faithfulness.sampled as u64, "items");
        let _ = writeln!(text, "  measured on a sample of {sampled}");
    }
    text
}

/// What became of neighbourhoods, a size beside the other.
fn nearby(faithfulness: &Faithfulness) -> Table {
    let mut head = vec![(String::new(), Align::Left)];
    for at in &faithfulness.at {
        head.extend([
            (format!("{} nearest", at.k), Align::Right),
            ("by chance".to_owned(), Align::Right),
        ]);
    }
    let mut table = Table::new(head);
    let mut row = |name: &str, show: fn(f64) -> String, of: &dyn Fn(&AtK) -> [f64; 2]| {
        let cells = faithfulness.at.iter().flat_map(|at| of(at).map(show));
        table.row(std::iter::once(name.to_owned()).chain(cells).collect());
    };
    row("trustworthiness", figure, &|a| [a.trustworthiness.value, a.null.trustworthiness]);
    row("continuity", figure, &|a| [a.continuity.value, a.null.continuity]);
    row("neighbours kept", percent, &|a| [a.neighbours_kept.value, a.null.neighbours_kept]);
    row("missing", percent, &|a| [a.missing.value, a.null.missing]);
    row("false neighbours", percent, &|a| [a.false_neighbours.value, a.null.false_neighbours]);
    table
}

/// What became of distances near and far.
fn at_large(faithfulness: &Faithfulness) -> Table {
    let AtLarge { triplets, spearman } = faithfulness.at_large;
    let mut table =
        Table::new([("", Align::Left), ("at large", Align::Right), ("by chance", Align::Right)]);
    let mut row = |name: &str, show: fn(f64) -> String, value: f64, null: f64| {
        // Where all distances are equal there is no order to keep.
        let value = if value.is_nan() { "–".to_owned() } else { show(value) };
        table.row(vec![name.to_owned(), value, show(null)]);
    };
    row("triplets in order", percent, triplets.value, AtLarge::NULL_TRIPLETS);
    row("rank correlation", figure, spearman.value, AtLarge::NULL_SPEARMAN);
    table
}
