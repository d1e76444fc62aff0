//! A map and what is known about its points, ready to be borrowed by a scene.

use std::collections::HashMap;

use arrow_array::Array;

use latlas::items::{ColumnKind, Items};
use latlas::plot::{Color, Groups, NO_CATEGORY, Scene};
use latlas::space::{MapAbout, Space};
use latlas::{Error, Result};
use serde_json::Value;

use super::Args;
use super::known::{FAITHFULNESS, Known};
use super::panels::Panels;
use crate::output::{figure, percent, whole};
use crate::values;

/// Names are written on the map without being asked for if there are no more than this.
const NAMES: usize = 60;

/// A map and what is known about its points.
pub(super) struct Picture {
    pub(super) map: MapAbout,
    x: Vec<f32>,
    y: Vec<f32>,
    labels: Option<Vec<String>>,
    weights: Option<Vec<f64>>,
    color: Coloring,
    names: Option<(Vec<String>, Vec<u32>)>,
    panels: Option<Panels>,
    title: String,
    caption: String,
    /// What the user should know of what is drawn and what is not.
    pub(super) notes: Vec<String>,
}

/// The names of a picture as a scene wants them.
pub(super) struct Borrowed<'a> {
    labels: Option<Vec<&'a str>>,
    categories: Vec<&'a str>,
    names: Vec<&'a str>,
    panels: Vec<&'a str>,
}

#[derive(Default)]
struct Coloring {
    title: String,
    note: String,
    names: Vec<String>,
    categories: Option<Vec<u32>>,
    values: Option<Vec<f32>>,
    range: Option<(f32, f32)>,
}

impl Picture {
    pub(super) fn new(space: &Space, args: &Args) -> Result<Self> {
        let (map, table) = space.map(args.map.as_deref())?;
        let count = space.columns().iter().any(|(name, _)| name == "count").then_some("count");
        let weight = args.weight.as_deref().or(count);
        let [color, by] =
            [&args.color_by, &args.by].map(|name| name.as_deref().filter(|n| *n != FAITHFULNESS));
        let names = args.names.as_deref();
        let mut wanted: Vec<&str> =
            [weight, color, by, names, args.label.as_deref()].into_iter().flatten().collect();
        wanted.sort_unstable();
        wanted.dedup();
        let items = space.items(Some(&wanted))?;
        let place = places(&items, &table)?;
        let known =
            |flag: &str, name: &str| Known::new(flag, name, space, (&table, &items), &place);

        let axis = |name: &str| -> Result<Vec<f32>> {
            let column = table.column(name).and_then(values::numbers);
            let column = column.ok_or_else(|| {
                Error::data(format!("map '{}': it has no column {name}", map.name))
            })?;
            Ok(column.into_iter().map(|v| v as f32).collect())
        };
        let (x, y) = (axis("x")?, axis("y")?);
        let mut notes = Vec::new();
        let color = match args.color_by.as_deref() {
            Some(name) => Coloring::new(name, known("--color-by", name)?, &map, &mut notes),
            None => Coloring::default(),
        };
        let panels = match args.by.as_deref() {
            Some(name) => Some(Panels::new(name, known("--by", name)?, args.panels)?),
            None => None,
        };
        notes.extend(panels.as_ref().and_then(|panels| panels.note.clone()));
        let names = match names {
            Some(name) => Some(names_of(name, known("--names", name)?, space)?),
            None => color.names().filter(|_| args.labels != Some(0)),
        };
        let stem = args.space.file_stem().map(|s| s.to_string_lossy()).unwrap_or_default();
        let title = match args.by.as_deref() {
            Some(by) => format!("{stem} by {by}"),
            None => stem.into_owned(),
        };
        Ok(Picture {
            x,
            y,
            labels: labels(args, &table, &items, &place),
            weights: weights(weight, space, &items, &place)?,
            color,
            names,
            panels,
            title,
            caption: caption(&map),
            map,
            notes,
        })
    }

    pub(super) fn borrow(&self) -> Borrowed<'_> {
        Borrowed {
            labels: self.labels.as_deref().map(strs),
            categories: strs(&self.color.names),
            names: self.names.as_ref().map(|(names, _)| strs(names)).unwrap_or_default(),
            panels: self.panels.as_ref().map(|panels| strs(&panels.names)).unwrap_or_default(),
        }
    }

    pub(super) fn scene<'a>(&'a self, borrowed: &'a Borrowed<'a>) -> Scene<'a> {
        let Coloring { title, note, categories, values, range, .. } = &self.color;
        let color = match (categories, values) {
            (Some(of), _) => Color::Categories { title, names: &borrowed.categories, of },
            (None, Some(of)) => Color::Values { title, of, range: *range, note },
            (None, None) => Color::Plain,
        };
        let regions = self.names.as_ref().map(|(_, of)| Groups { names: &borrowed.names, of });
        let panels =
            self.panels.as_ref().map(|panels| Groups { names: &borrowed.panels, of: &panels.of });
        Scene {
            labels: borrowed.labels.as_deref(),
            weights: self.weights.as_deref(),
            color,
            regions,
            panels,
            title: &self.title,
            caption: &self.caption,
            ..Scene::new(&self.x, &self.y)
        }
    }
}

fn strs(names: &[String]) -> Vec<&str> {
    names.iter().map(String::as_str).collect()
}

impl Coloring {
    fn new(name: &str, known: Known, map: &MapAbout, notes: &mut Vec<String>) -> Self {
        match known {
            Known::Numbers { of, .. } => {
                let values: Vec<f32> = of.into_iter().map(|v| v as f32).collect();
                if name == FAITHFULNESS {
                    return Coloring::faithfulness(values, map);
                }
                let values = Some(values);
                Coloring { title: name.to_owned(), values, ..Coloring::default() }
            }
            Known::Names { names, of } => {
                let mut used = of.clone();
                used.sort_unstable();
                used.dedup();
                used.retain(|&name| name != NO_CATEGORY);
                if used.len() > 10 {
                    let values = whole(used.len() as u64);
                    notes.push(format!("the ten most frequent of {values} values of {name} have a colour; the rest are grey"));
                }
                let categories = Some(of);
                Coloring { title: name.to_owned(), names, categories, ..Coloring::default() }
            }
        }
    }

    /// The share of each point's neighbours that the map keeps, from none to a little more than nearly all points reach.
    fn faithfulness(values: Vec<f32>, map: &MapAbout) -> Self {
        let mut sorted: Vec<f32> = values.iter().copied().filter(|v| !v.is_nan()).collect();
        sorted.sort_unstable_by(f32::total_cmp);
        let most = sorted.get(sorted.len().saturating_sub(1) * 99 / 100).copied().unwrap_or(1.0);
        let high = ((most * 10.0).ceil() / 10.0).clamp(0.2, 1.0);
        let about = |pointer: &str| map.about.pointer(pointer).and_then(Value::as_f64);
        let k = about("/faithfulness/k").unwrap_or(10.0);
        let mut note = format!(
            "How much of what is near a point in truth is near it here: the share of its {k} nearest that the map keeps. 0: all torn away, 1: all kept"
        );
        if let Some(null) = about("/faithfulness/null/neighbours_kept_10") {
            let null = if null < 0.001 { "less than 0.001".to_owned() } else { figure(null) };
            note.push_str("; by chance ");
            note.push_str(&null);
        }
        note.push('.');
        if sorted.len() < values.len() {
            note.push_str(" Grey points were not measured.");
        }
        Coloring {
            title: "neighbours kept".to_owned(),
            note,
            values: Some(values),
            range: Some((0.0, high)),
            ..Coloring::default()
        }
    }

    /// The names of the categories and whose they are, if they are few enough to be written on a map.
    fn names(&self) -> Option<(Vec<String>, Vec<u32>)> {
        let of = self.categories.as_ref()?;
        let few = self.names.len() <= NAMES && self.names.len() < of.len();
        few.then(|| (self.names.clone(), of.clone()))
    }
}

/// Names to write at their points' places.
fn names_of(name: &str, known: Known, space: &Space) -> Result<(Vec<String>, Vec<u32>)> {
    match known {
        Known::Names { names, of } => Ok((names, of)),
        Known::Numbers { of, whole: true } => {
            // Whole numbers name groups too: digits, years, clusters.
            let mut distinct: Vec<i64> =
                of.iter().filter(|v| !v.is_nan()).map(|&v| v as i64).collect();
            distinct.sort_unstable();
            distinct.dedup();
            let group =
                |v: f64| distinct.binary_search(&(v as i64)).map_or(NO_CATEGORY, |at| at as u32);
            let of = of.iter().map(|&v| if v.is_nan() { NO_CATEGORY } else { group(v) }).collect();
            Ok((distinct.iter().map(i64::to_string).collect(), of))
        }
        Known::Numbers { .. } => {
            let kinds = [ColumnKind::Text, ColumnKind::Category, ColumnKind::Integer];
            Err(Error::usage(format!("--names {name}: this column holds no names"))
                .help(format!("columns of names: {}", columns(space, &kinds))))
        }
    }
}

/// The labels of points. Ids that are mere numbers, as those of rows are, say nothing.
fn labels(args: &Args, table: &Items, items: &Items, place: &[usize]) -> Option<Vec<String>> {
    if let Some(column) = args.label.as_deref().and_then(|name| items.column(name)) {
        return Some(place.iter().map(|&at| values::text(column, at)).collect());
    }
    let numbers = || {
        table
            .ids()
            .iter()
            .flatten()
            .all(|id| !id.is_empty() && id.bytes().all(|b| b.is_ascii_digit()))
    };
    if args.labels.is_none() && numbers() {
        return None;
    }
    Some(table.ids().iter().map(|id| id.unwrap_or_default().to_owned()).collect())
}

fn weights(
    weight: Option<&str>,
    space: &Space,
    items: &Items,
    place: &[usize],
) -> Result<Option<Vec<f64>>> {
    let Some(column) = weight.and_then(|name| items.column(name)) else { return Ok(None) };
    let all = values::numbers(column).ok_or_else(|| {
        let kinds = [ColumnKind::Number, ColumnKind::Integer];
        Error::usage(format!("--weight {}: this column holds no numbers", column.name))
            .help(format!("columns of numbers: {}", columns(space, &kinds)))
    })?;
    let weight = |&at: &usize| if all[at].is_finite() { all[at].max(0.0) } else { 0.0 };
    Ok(Some(place.iter().map(weight).collect()))
}

/// Where each point of a map stands among the live items.
fn places(items: &Items, table: &Items) -> Result<Vec<usize>> {
    // Mostly it is where it stands in the map.
    let (ids, mapped) = (items.ids(), table.ids());
    if ids == mapped {
        return Ok((0..mapped.len()).collect());
    }
    let at: HashMap<&str, usize> =
        ids.iter().flatten().enumerate().map(|(at, id)| (id, at)).collect();
    let missing = |id: &str| {
        Error::data(format!("the map names '{id}', which is not in the space"))
            .help("make it anew: latlas map SPACE")
    };
    mapped.iter().flatten().map(|id| at.get(id).copied().ok_or_else(|| missing(id))).collect()
}

/// How far the map can be trusted, in one line under the picture.
fn caption(map: &MapAbout) -> String {
    let figure_at = |pointer: &str| map.about.pointer(pointer).and_then(Value::as_f64);
    let mut parts =
        vec![map.about.get("method").and_then(Value::as_str).unwrap_or(&map.name).to_uppercase()];
    if let Some(trust) = figure_at("/faithfulness/trustworthiness") {
        let chance = figure_at("/faithfulness/null/trustworthiness");
        let chance =
            chance.map_or_else(String::new, |null| format!(" ({} by chance)", figure(null)));
        parts.push(format!("trustworthiness {}{chance}", figure(trust)));
    }
    if let Some(kept) = figure_at("/faithfulness/neighbours_kept_10") {
        parts.push(format!("{} of the 10 nearest neighbours kept", percent(kept)));
    }
    parts.join(" · ")
}

/// The columns of some kinds, for a way out.
fn columns(space: &Space, kinds: &[ColumnKind]) -> String {
    let columns = space.columns().iter().filter(|(_, kind)| kinds.contains(kind));
    let names: Vec<&str> = columns.map(|(name, _)| name.as_str()).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
