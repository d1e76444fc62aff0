//! `latlas map SPACE`: lays a space out in two or three dimensions, and says how far that can be trusted.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use latlas::map::{AtK, AtLarge, Faithfulness, FaithfulnessOptions, Pca, Placement};
use latlas::space::Space;
use latlas::{Error, Result, Run, map};
use serde_json::{Value, json};

use super::{Context, step};
use crate::output::{Align, Output, Table, counted, figure, percent};
use crate::settings::{self, Setting};

/// Lay a space out in two or three dimensions
#[derive(Debug, clap::Args)]
#[command(after_help = format!(
    "{}\nExample:\n  latlas map en.space && latlas plot en.space -o map.png",
    settings::list::<Pca>(PCA)
))]
pub(crate) struct Args {
    /// The space; the map is stored in it
    space: PathBuf,
    /// How; pca shows the directions along which the vectors differ most
    #[arg(long, value_enum, default_value_t = Method::Pca)]
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
    /// Set another option of the method; listed below
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

/// How to lay out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Method {
    // Principal component analysis: the directions along which the vectors differ most
    Pca,
}

/// What `--set` changes under `--method pca`.
const PCA: &[Setting] = &[
    Setting { key: "solver", about: "auto, exact or randomised" },
    Setting {
        key: "oversample",
        about: "if randomised: more directions, fewer but dearer passes; 5 to 50",
    },
    Setting { key: "power_iterations", about: "if randomised: the most passes over the vectors" },
    Setting { key: "center", about: "whether the mean is subtracted first" },
    Setting { key: "dims", about: "" },
];

pub(crate) fn run(args: &Args, cx: &Context<'_>) -> Result<()> {
    if !(2..=3).contains(&args.dims) {
        return Err(Error::usage(format!("--dims {}: a map has 2 or 3 dimensions", args.dims)));
    }
    let Method::Pca = args.method;
    let pca = settings::apply(Pca { dims: args.dims, ..Pca::default() }, &args.set, PCA)?;
    let made = make(&args.space, &args.field, args.name.as_deref(), &pca, &cx.run())?;
    if cx.out.json() {
        return cx.out.object(
            "map",
            &json!({
                "space": args.space,
                "map": { "name": made.name, "method": made.layout.method, "dims": args.dims },
                "explained_variance": made.layout.explained,
                "faithfulness": made.about.get("faithfulness"),
            }),
        );
    }
    print(&made, &args.space.display().to_string(), cx.out)?;
    cx.out.say(&format!("next: latlas plot {} -o map.png", args.space.display()));
    Ok(())
}

/// A map that was made and stored.
pub(super) struct Made {
    pub(super) name: String,
    pub(super) layout: Placement,
    pub(super) faithfulness: Faithfulness,
    pub(super) about: Value,
}

/// Lays out the items of a space by PCA, measures the layout and stores both.
pub(super) fn make(
    path: &Path,
    field: &str,
    name: Option<&str>,
    pca: &Pca,
    run: &Run<'_>,
) -> Result<Made> {
    let mut edit = Space::edit(path)?;
    let space = edit.space().clone();
    let layout = pca.layout(&space, field, run)?;
    let faithfulness = layout.faithfulness(&space, &FaithfulnessOptions::default(), run)?;
    let (table, about) = map::table(&space, &layout, &faithfulness)?;
    let name = name.unwrap_or(layout.method).to_owned();
    edit.set_map(&name, &table, about.clone())?;
    let mut history = step(
        "map",
        json!({ "name": name, "method": layout.method, "field": field, "params": layout.params }),
        Vec::new(),
    );
    history.seed = Some(run.seed);
    edit.publish(history)?;
    Ok(Made { name, layout, faithfulness, about })
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
    text.push_str(&nearby(&made.faithfulness).render(out.paint));
    text.push_str(&at_large(&made.faithfulness).render(out.paint));
    if made.faithfulness.sampled < made.faithfulness.items {
        let _ = writeln!(
            text,
            "  measured on a sample of {}",
            counted(made.faithfulness.sampled as u64, "items")
        );
    }
    out.result(&text)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_of_pca_can_be_set() {
        assert_eq!(settings::unlisted::<Pca>(PCA), Vec::<String>::new());
    }
}
