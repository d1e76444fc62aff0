//! `latlas map SPACE --add [NEW]`: new items on a map that stays as it is.

use std::fmt::Write as _;
use std::path::Path;

use latlas::map::{Frozen, Grown, Placed};
use latlas::space::Space;
use latlas::{Error, Result};
use serde_json::{Value, json};

use super::{Args, Context, only, step, trust};
use crate::output::{Align, Output, Table, counted, percent, whole};

pub(super) fn run(args: &Args, new: Option<&Path>, cx: &Context<'_>) -> Result<()> {
    let path = only(args)?;
    match new {
        Some(new) => alone(args, path, new, cx),
        None => grown(args, path, cx),
    }
}

/// The items of another space, which gets a map of its own.
fn alone(args: &Args, path: &Path, new: &Path, cx: &Context<'_>) -> Result<()> {
    let same = |a: &Path, b: &Path| matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b);
    if same(path, new) {
        return Err(Error::usage(format!("{} is placed on its own map", path.display()))
            .help(format!("items it gained are placed by: latlas map {} --add", path.display())));
    }
    let space = Space::open(path)?;
    let frozen = Frozen::of(&space, args.map.as_deref())?;
    let mut edit = Space::edit(new)?;
    let run = cx.run();
    let (placed, items, about) = frozen.alone(edit.space(), &run)?;
    let name = args.name.as_deref().unwrap_or(frozen.name());
    edit.set_map(name, &items, about)?;
    let into = frozen.to_json();
    let mut history = step(
        "map",
        json!({ "name": name, "method": frozen.method(), "field": frozen.field(), "into": into }),
        Vec::new(),
    );
    history.seed = Some(run.seed);
    let space = edit.publish(history)?;
    if cx.out.json() {
        return cx.out.object(
            "map",
            &json!({
                "space": new,
                "map": { "name": name, "method": frozen.method(), "dims": frozen.coords().cols() },
                "into": into,
                "placed": figures(&space, name),
            }),
        );
    }
    let mut text = format!(
        "{}  map '{name}': {} placed on map '{}' of {}, by {}\n",
        cx.out.paint.bold(&new.display().to_string()),
        counted(placed.points.len() as u64, "items"),
        frozen.name(),
        path.display(),
        counted(frozen.rows().len() as u64, "items"),
    );
    text.push_str(&believed(&frozen, &placed, cx.out));
    cx.out.result(&text)?;
    cx.out.say(&format!("next: latlas plot {} -o map.png", new.display()));
    Ok(())
}

/// The items that the space gained since the map was made.
fn grown(args: &Args, path: &Path, cx: &Context<'_>) -> Result<()> {
    let mut edit = Space::edit(path)?;
    let run = cx.run();
    let frozen = Frozen::of(edit.space(), args.map.as_deref())?;
    let name = args.name.as_deref().unwrap_or(frozen.name());
    let Grown { placed, layout, faithfulness, stored: (items, about) } =
        frozen.grown(&run).map_err(|e| match e.way_out() {
            Some(help) => {
                let help = help.replace("SPACE", &path.display().to_string());
                e.help(help)
            }
            None => e,
        })?;
    edit.set_map(name, &items, about)?;
    let mut history = step(
        "map",
        json!({
            "name": name,
            "method": layout.method,
            "field": layout.field,
            "placed": placed.points.len(),
        }),
        Vec::new(),
    );
    history.seed = Some(run.seed);
    let space = edit.publish(history)?;
    if cx.out.json() {
        return cx.out.object(
            "map",
            &json!({
                "space": path,
                "map": { "name": name, "method": layout.method, "dims": layout.coords.cols() },
                "placed": figures(&space, name),
                "faithfulness": faithfulness.to_json(),
            }),
        );
    }
    let mut text = format!(
        "{}  map '{name}': {} in {}, {} of them placed\n",
        cx.out.paint.bold(&path.display().to_string()),
        counted(layout.rows.len() as u64, "items"),
        counted(layout.coords.cols() as u64, "dimensions"),
        whole(placed.points.len() as u64),
    );
    text.push_str(&believed(&frozen, &placed, cx.out));
    text.push_str(&trust(&faithfulness, cx.out));
    cx.out.result(&text)?;
    cx.out.say(&format!("next: latlas plot {} -o map.png", path.display()));
    Ok(())
}

/// What a stored map says of the items placed on it.
fn figures(space: &Space, map: &str) -> Option<Value> {
    space.maps().iter().find(|m| m.name == map)?.about.get("placed").cloned()
}

/// How far placed items may be believed, beside those that were laid out.
fn believed(frozen: &Frozen, placed: &Placed, out: &Output) -> String {
    if placed.points.is_empty() {
        return "  no item was new; those that are gone left the map\n".to_owned();
    }
    let laid_out = frozen.about().get("faithfulness").and_then(|f| f.get("neighbours_kept_10"));
    let laid_out = laid_out.and_then(Value::as_f64);
    let mut table = Table::new([
        ("", Align::Left),
        ("placed", Align::Right),
        ("laid out", Align::Right),
        ("by chance", Align::Right),
    ]);
    let unknown = || "–".to_owned();
    let chance = placed.k as f64 / frozen.rows().len() as f64;
    table.row(vec![
        format!("{} nearest kept", placed.k),
        percent(placed.neighbours_kept()),
        laid_out.map_or_else(unknown, percent),
        percent(chance),
    ]);
    table.row(vec![
        "off the data".to_owned(),
        percent(placed.off_data()),
        percent(0.01),
        unknown(),
    ]);
    let mut text = table.render(out.paint);
    if let Some(ratio) = placed.nearest_ratio() {
        let _ = writeln!(
            text,
            "  the nearest item laid out is {ratio:.2} times as far as theirs from each other (median)"
        );
    }
    text
}
