//! `latlas index SPACE`: builds what makes searching fast, and measures what it finds.

use std::path::PathBuf;
use std::str::FromStr;

use clap::ValueEnum;
use latlas::geometry::Measure;
use latlas::index::{Hnsw, HnswOptions, Index, Precision, Trial};
use latlas::{Error, Result, Space};
use serde_json::json;

use super::{Context, step};
use crate::output::{Align, Table, counted, figure, whole};
use crate::settings::{self, Setting};

/// Build an index, so that searching stays fast in large spaces
#[derive(Debug, clap::Args)]
#[command(after_help = format!(
    "{}\nExamples:\n  latlas index en.space\n  latlas index en.space --precision full --set links=48\n  \
     latlas search en.space river --effort 200",
    settings::list::<HnswOptions>(OPTIONS)
))]
pub(crate) struct Args {
    /// The space; the index is stored in it
    space: PathBuf,
    /// How vectors are held for the way through the graph; answers are measured on the vectors themselves
    #[arg(long, value_enum, default_value_t = Held::Auto)]
    precision: Held,
    /// What distance is measured by [default: the space's geometry]
    #[arg(long, value_name = "cosine|euclidean|dot", value_parser = Measure::from_str)]
    metric: Option<Measure>,
    /// How many neighbours the index is tried on
    #[arg(short, long = "k", value_name = "N", default_value_t = 10)]
    k: usize,
    /// The vectors to index
    #[arg(long, value_name = "NAME", default_value = "main")]
    field: String,
    /// Take the index away instead
    #[arg(long, conflicts_with_all = ["precision", "metric", "set"])]
    drop: bool,
    /// Set another option; listed below
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

/// How vectors are held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Held {
    Auto,
    Full,
    Bytes,
    Bits,
}

/// What `--set` changes.
const OPTIONS: &[Setting] = &[
    Setting { key: "precision", about: "" },
    Setting { key: "links", about: "more: finds more, in more memory (4 bytes each); 16 to 64" },
    Setting {
        key: "candidates",
        about: "what links are chosen from; more: better, slower to build",
    },
    Setting { key: "alpha", about: "1 to 1.3; more: longer ways are kept, more links in all" },
];

pub(crate) fn run(args: &Args, cx: &Context<'_>) -> Result<()> {
    if args.k == 0 {
        return Err(Error::usage("-k 0: at least one neighbour has to be asked for"));
    }
    let mut edit = Space::edit(&args.space)?;
    if args.drop {
        edit.remove_index(&args.field)?;
        edit.publish(step("index --drop", json!({ "field": args.field }), Vec::new()))?;
        if cx.out.json() {
            return cx.out.object("index", &json!({ "space": args.space, "index": null }));
        }
        return cx.out.result(&format!("{}: no index any more", args.space.display()));
    }
    let options = settings::apply(HnswOptions::default(), &args.set, OPTIONS)?;
    let precision = match args.precision {
        Held::Auto => options.precision,
        Held::Full => Precision::Full,
        Held::Bytes => Precision::Bytes,
        Held::Bits => Precision::Bits,
    };
    let options = HnswOptions { precision, ..options };
    let (space, run) = (edit.space().clone(), cx.run());
    if space.count() == 0 {
        return Err(Error::nothing(format!("{} holds no items", args.space.display())));
    }
    let index = Hnsw::build(&space, &args.field, args.metric, &options, &run)?;
    let (trials, exact) = index.trials(&space, &args.field, args.k, &run)?;
    index.keep(&mut edit, &args.field, &args.field, &options, &trials, &run)?;
    let told = json!({ "field": args.field, "measure": index.measure(), "options": options });
    let mut told = step("index", told, Vec::new());
    told.seed = Some(cx.seed);
    let space = edit.publish(told)?;
    let index = Hnsw::open(&space, &args.field)?;
    if cx.out.json() {
        return cx.out.object(
            "index",
            &json!({
                "space": args.space, "index": args.field, "count": index.len(), "measure": index.measure(),
                "precision": index.precision(), "effort": index.effort(), "k": args.k, "trials": trials,
                "exact_per_second": exact,
            }),
        );
    }
    cx.out.result(&format!(
        "{}: {} by {}, held as {}",
        args.space.display(),
        counted(index.len() as u64, "items"),
        index.measure(),
        index.precision().held_as()
    ))?;
    if trials.is_empty() {
        return Ok(());
    }
    cx.out.result(&table(&trials, exact, args.k, &index).render(cx.out.paint))
}

fn table(trials: &[Trial], exact: f64, k: usize, index: &Hnsw) -> Table {
    let mut table = Table::new([
        ("effort".to_owned(), Align::Right),
        (format!("found of the {k} nearest"), Align::Right),
        ("searches a second".to_owned(), Align::Right),
        (String::new(), Align::Left),
    ]);
    for trial in trials {
        let found = format!("{} ± {}", figure(trial.recall), figure(trial.standard_error));
        let own = if trial.effort == index.effort() { "unless told otherwise" } else { "" };
        table.row(vec![whole(trial.effort as u64), found, speed(trial.per_second), own.to_owned()]);
    }
    table.row(vec!["exact".to_owned(), "1".to_owned(), speed(exact), String::new()]);
    table
}

/// Searches a second: whole ones, where there are some.
fn speed(per_second: f64) -> String {
    if per_second < 10.0 { format!("{per_second:.2}") } else { whole(per_second as u64) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_is_listed() {
        assert_eq!(settings::unlisted::<HnswOptions>(OPTIONS), Vec::<String>::new());
    }
}
