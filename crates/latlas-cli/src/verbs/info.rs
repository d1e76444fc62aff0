//! `latlas info SPACE`: what is in a space, encoded text or counts, and how it came to be.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use latlas::space::{FieldAbout, Model, Provenance};
use latlas::{Result, Space};
use serde_json::{Value, json};

use super::Context;
use super::corpus::FileAbout;
use crate::output::{Output, bytes, counted, facts, figure, series, short, whole};

/// Tell what is in a space and how it came to be
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  latlas info en.space\n  latlas info en.rel")]
pub(crate) struct Args {
    /// The space, or a file of 'latlas corpus'
    space: PathBuf,
}

pub(crate) fn run(args: &Args, cx: &Context<'_>) -> Result<()> {
    if let Some(file) = FileAbout::of(&args.space)? {
        if cx.out.json() {
            return cx.out.object("info", &file.object);
        }
        let title = cx.out.paint.bold(&args.space.display().to_string());
        return cx.out.result(&format!("{title}\n{}", facts(&file.lines, cx.out.paint)));
    }
    if cx.out.json() {
        return cx.out.object("info", &object(&args.space, &Space::open(&args.space)?));
    }
    print(&args.space, cx.out)
}

/// What is in a space, for people.
pub(super) fn print(path: &Path, out: &Output) -> Result<()> {
    let space = Space::open(path)?;
    let columns = space.columns().iter().map(|(name, kind)| format!("{name} ({})", word(kind)));
    let mut lines = vec![
        ("kind", space.kind().to_owned()),
        ("items", items(&space)),
        ("vectors", space.fields().iter().map(vectors).collect::<Vec<_>>().join("\n")),
        ("columns", columns.collect::<Vec<_>>().join(", ")),
        ("maps", maps(&space)),
        ("index", indexes(&space)),
        ("model", space.model().map_or_else(String::new, |m| model(&m))),
    ];
    for (name, value) in space.metrics() {
        lines.push((name.as_str(), measured(value)));
    }
    let history: Vec<String> =
        space.provenance().iter().map(|p| history(p, out.verbose())).collect();
    lines.push(("history", history.join("\n")));
    lines.push((
        "size",
        format!("{}, generation {}", bytes(space.bytes()), whole(space.generation())),
    ));
    lines.push((
        "log",
        match space.changes() {
            0 => String::new(),
            n => format!("{} since, of a server", counted(n as u64, "changes")),
        },
    ));
    let title = out.paint.bold(&path.display().to_string());
    out.result(&format!("{title}\n{}", facts(&lines, out.paint)))
}

fn object(path: &Path, space: &Space) -> Value {
    let main = space.fields().first();
    json!({
        "space": path,
        "kind": space.kind(),
        "count": space.count(),
        "deleted": space.rows() - space.count(),
        "dim": main.map(|f| f.dim),
        "geometry": main.map(|f| f.geometry),
        "fields": space.fields(),
        "columns": space.columns().iter().map(|(name, kind)| json!({ "name": name, "kind": kind })).collect::<Vec<_>>(),
        "maps": space.maps(),
        "stale_maps": space.maps().iter().filter(|m| !space.is_fresh(m)).map(|m| m.name.as_str()).collect::<Vec<_>>(),
        "index": space.indexes(),
        "model": space.model().map(|m| described(&m)),
        "metrics": space.metrics(),
        "run": space.run_facts(),
        "bytes": space.bytes(),
        "provenance": space.provenance(),
        "generation": space.generation(),
        "changes": space.changes(),
    })
}

fn items(space: &Space) -> String {
    let deleted = (space.rows() - space.count()) as u64;
    let more = if deleted > 0 { format!(" ({} deleted)", whole(deleted)) } else { String::new() };
    format!("{}{more}", whole(space.count() as u64))
}

fn vectors(field: &FieldAbout) -> String {
    format!(
        "{}: {} numbers ({}), {} distance",
        field.name,
        field.dim,
        word(&field.dtype),
        word(&field.geometry)
    )
}

fn maps(space: &Space) -> String {
    let map = |map: &latlas::space::MapAbout| {
        let dims = map
            .about
            .get("dims")
            .and_then(Value::as_u64)
            .map_or_else(String::new, |d| format!(", {d} dimensions"));
        let trust = map.about.pointer("/faithfulness/trustworthiness").and_then(Value::as_f64);
        let trust = trust.map_or_else(String::new, |t| format!(", trustworthiness {}", figure(t)));
        let steps = map.about.get("unfinished").and_then(Value::as_str);
        let steps = steps.map_or_else(String::new, |steps| format!(", unfinished after {steps}"));
        let stale = if space.is_fresh(map) {
            ""
        } else {
            "  (of an earlier state: 'latlas map' makes it anew)"
        };
        format!("{}{dims}{trust}{steps}{stale}", map.name)
    };
    space.maps().iter().map(map).collect::<Vec<_>>().join("\n")
}

/// "main: cosine, bytes, recall 0.993".
fn indexes(space: &Space) -> String {
    let index = |index: &latlas::space::IndexAbout| {
        let precision = index.about.get("precision").and_then(Value::as_str).unwrap_or_default();
        let recall = index.about.get("recall").and_then(Value::as_f64);
        let recall = recall.map_or_else(String::new, |r| format!(", recall {}", figure(r)));
        let added = space.added_since(index);
        let later = match added {
            0 => String::new(),
            n => format!(", {} added since", counted(n as u64, "items")),
        };
        format!("{}: {} distance, {precision}{recall}{later}", index.name, index.measure)
    };
    space.indexes().iter().map(index).collect::<Vec<_>>().join("\n")
}

/// "doc2vec 1: output 45 × 16 (f32), words 1,024 (u8)".
fn model(model: &Model) -> String {
    let about = model.about();
    let tensors = model.tensors().map(|tensor| {
        let axes: Vec<String> = tensor.shape.iter().map(|&n| whole(n as u64)).collect();
        let shape = if axes.is_empty() { "1".to_owned() } else { axes.join(" × ") };
        format!("{} {shape} ({})", tensor.name, tensor.dtype.name())
    });
    let tensors: Vec<String> = tensors.collect();
    format!("{} {}: {}", about.family, about.version, tensors.join(", "))
}

fn described(model: &Model) -> Value {
    let about = model.about();
    json!({
        "family": about.family,
        "version": about.version,
        "config": model.config(),
        "tensors": model.tensors().collect::<Vec<_>>(),
    })
}

/// One line of the history: the action, what was read, and on request the options.
fn history(step: &Provenance, verbose: bool) -> String {
    let mut line = step.action.clone();
    let sources: Vec<String> = step.sources.iter().filter_map(source).collect();
    match sources.as_slice() {
        [] => {}
        [one] => _ = write!(line, " from {one}"),
        [first, rest @ ..] => {
            _ = write!(line, " from {first} and {}", counted(rest.len() as u64, "others"));
        }
    }
    if let Some(seed) = step.seed {
        let _ = write!(line, ", seed {seed}");
    }
    if verbose {
        for (name, value) in &step.options {
            let _ = write!(line, "\n  {name} = {value}");
        }
        let _ = write!(line, "\n  version {}", step.version);
    }
    line
}

pub(super) fn source(source: &Value) -> Option<String> {
    let path = source.get("path").and_then(Value::as_str).or_else(|| source.as_str())?;
    let size = source
        .get("bytes")
        .and_then(Value::as_u64)
        .map_or_else(String::new, |n| format!(" ({})", bytes(n)));
    Some(format!("{path}{size}"))
}

fn measured(value: &Value) -> String {
    let number = |x: f64| {
        if x >= 10_000.0 {
            short(x)
        } else if x.fract() == 0.0 {
            whole(x.max(0.0) as u64)
        } else {
            figure(x)
        }
    };
    match value {
        Value::Number(n) => n.as_f64().map_or_else(|| n.to_string(), number),
        Value::Array(values) if values.iter().all(Value::is_number) => series(values),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The name by which serde knows a value: "f32", "cosine", "integer".
fn word<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_value(value).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}
