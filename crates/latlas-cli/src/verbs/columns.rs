//! `latlas columns SPACE [--join TABLE --on COLUMN]`: adds the columns of a table, or lists those there are.

use std::path::PathBuf;

use latlas::data::{self, ReaderOptions, Sources};
use latlas::items::join;
use latlas::{Error, Result, Space};
use serde_json::json;

use super::{Context, step};
use crate::output::{Align, Table, percent, whole};
use crate::reading::Reading;
use crate::values;

/// Add columns from a table, or list those there are
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  latlas columns en.space --join labels.csv --on word")]
pub(crate) struct Args {
    /// The space
    space: PathBuf,
    /// The table: csv, tsv, jsonl, parquet or arrow; a column of the same name is replaced
    #[arg(long, value_name = "TABLE")]
    join: Option<String>,
    /// The table's column that holds the space's ids [default: id]
    #[arg(long, value_name = "COLUMN", requires = "join", conflicts_with = "id")]
    on: Option<String>,
    #[command(flatten)]
    reading: Reading,
}

pub(crate) fn run(args: &Args, cx: &Context<'_>) -> Result<()> {
    match &args.join {
        Some(table) => add(args, table, cx),
        None => list(args, cx),
    }
}

fn add(args: &Args, table: &str, cx: &Context<'_>) -> Result<()> {
    let options = args.reading.options()?;
    let id = args.on.clone().or_else(|| options.id.clone()).or_else(|| Some("id".to_owned()));
    let sources = Sources::resolve(&[table])?;
    let table = data::table(&sources, &ReaderOptions { id, ..options }, &cx.run())?;
    let mut edit = Space::edit(&args.space)?;
    let items = edit.space().items(Some(&[]))?;
    let (columns, found) = join(items.ids(), &table.items)?;
    if columns.is_empty() {
        return Err(Error::data(format!(
            "{}: no column beside the ids",
            sources.paths()[0].display()
        )));
    }
    if found == 0 {
        let example = items.ids().iter().flatten().next().unwrap_or_default();
        return Err(Error::nothing("no id of the table is in the space")
            .help(format!("--on names the column that holds ids such as '{example}'")));
    }
    let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
    edit.set_columns(columns)?;
    let history = step("columns", json!({ "columns": names, "on": args.on }), table.sources);
    edit.publish(history)?;
    if cx.out.json() {
        let fields = json!({ "space": args.space, "columns": names, "matched": found, "count": items.len() });
        return cx.out.object("columns", &fields);
    }
    let share = percent(found as f64 / items.len().max(1) as f64);
    let what = format!(
        "{} for {} of {} items ({share})",
        names.join(", "),
        whole(found as u64),
        whole(items.len() as u64)
    );
    cx.out.result(&format!("{}  {what}", args.space.display()))
}

/// Each column with its kind, how often it is missing, and its first value.
fn list(args: &Args, cx: &Context<'_>) -> Result<()> {
    let space = Space::open(&args.space)?;
    let items = space.items(None)?;
    if cx.out.json() {
        let columns = items
            .columns()
            .iter()
            .map(|c| json!({ "name": c.name, "kind": c.kind, "missing": c.values.null_count() }));
        return cx.out.object("columns", &json!({ "space": args.space, "columns": columns.collect::<Vec<_>>(), "count": items.len() }));
    }
    if items.columns().is_empty() {
        return Err(Error::nothing(format!("{} has no columns", args.space.display()))
            .help("add some: --join TABLE"));
    }
    let mut table = Table::new([
        ("column", Align::Left),
        ("kind", Align::Left),
        ("missing", Align::Right),
        ("first value", Align::Left),
    ]);
    for column in items.columns() {
        let kind = json!(column.kind).as_str().unwrap_or_default().to_owned();
        let first = if items.is_empty() { String::new() } else { values::text(column, 0) };
        let first = if first.chars().count() > 40 {
            first.chars().take(39).chain(['…']).collect()
        } else {
            first
        };
        table.row(vec![column.name.clone(), kind, whole(column.values.null_count() as u64), first]);
    }
    cx.out.result(&table.render(cx.out.paint))
}
