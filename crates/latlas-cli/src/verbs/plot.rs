//! `latlas plot SPACE`: draws a stored map, to a file or in braille.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use latlas::items::{ColumnKind, Items};
use latlas::plot::{self, Color, NO_CATEGORY, Scene, Style, Theme};
use latlas::space::{MapAbout, Space};
use latlas::{Error, Result, file};
use serde_json::{Value, json};

use super::Context;
use crate::output::{bytes, counted, figure, percent};
use crate::values;

/// Draw a map: PNG, SVG, or braille on the terminal
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  latlas plot en.space -o map.png --color-by faithfulness")]
pub(crate) struct Args {
    /// The space
    space: PathBuf,
    /// A .png or .svg file [default: braille on the terminal]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Which map [default: the newest]
    #[arg(long, value_name = "NAME")]
    map: Option<String>,
    /// Colour by this column, or by 'faithfulness'
    #[arg(long, value_name = "COLUMN")]
    color_by: Option<String>,
    /// At most this many labels [default: as many as the size bears]
    #[arg(long, value_name = "N")]
    labels: Option<usize>,
    /// The column to label by [default: the ids]
    #[arg(long, value_name = "COLUMN")]
    label: Option<String>,
    /// The column that says whose label comes first [default: count, where there is one]
    #[arg(long, value_name = "COLUMN")]
    weight: Option<String>,
    /// Width and height
    #[arg(long, value_name = "WxH", default_value = "1200x900")]
    size: Size,
    /// Dark on light or light on dark
    #[arg(long, value_name = "light|dark", default_value = "light", value_parser = Theme::from_str)]
    theme: Theme,
}

/// "1200x900".
#[derive(Debug, Clone, Copy)]
struct Size {
    width: u32,
    height: u32,
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parse = || {
            let (width, height) = text.split_once(['x', 'X', '×'])?;
            Some(Size { width: width.trim().parse().ok()?, height: height.trim().parse().ok()? })
        };
        parse().ok_or_else(|| "expected WIDTHxHEIGHT, such as 1200x900".to_owned())
    }
}

pub(crate) fn run(args: &Args, cx: &Context<'_>) -> Result<()> {
    let format = args.output.as_deref().map(Format::of).transpose()?;
    let space = Space::open(&args.space)?;
    let picture = Picture::new(&space, args)?;
    let labels: Vec<&str> = picture.labels.iter().map(String::as_str).collect();
    let names: Vec<&str> = picture.color.names.iter().map(String::as_str).collect();
    let title = args.space.file_stem().map(|s| s.to_string_lossy()).unwrap_or_default();
    let scene = picture.scene(&labels, &names, &title);
    let style = Style {
        width: args.size.width,
        height: args.size.height,
        theme: args.theme,
        labels: args.labels,
        ..Style::default()
    };

    let Some((path, format)) = args.output.as_deref().zip(format) else {
        if cx.out.json() {
            return Err(
                Error::usage("a braille map is no JSON").help("write a picture: -o map.png")
            );
        }
        let (cols, rows) = terminal();
        return cx.out.result(&plot::braille(&scene, cols, rows, cx.out.paint.on())?);
    };
    let (content, labelled) = match format {
        Format::Png => {
            let drawing = plot::png(&scene, &style, &cx.run())?;
            (drawing.content, drawing.labelled)
        }
        Format::Svg => {
            let drawing = plot::svg(&scene, &style, &cx.run())?;
            (drawing.content.into_bytes(), drawing.labelled)
        }
    };
    publish(path, &content)?;
    if cx.out.json() {
        let fields = json!({ "space": args.space, "map": picture.map.name, "output": path, "points": scene.len(), "labels": labelled });
        return cx.out.object("plot", &fields);
    }
    let (points, labelled) =
        (counted(scene.len() as u64, "points"), counted(labelled as u64, "labels"));
    cx.out.result(&format!(
        "{}  {points}, {labelled}, {}",
        path.display(),
        bytes(content.len() as u64)
    ))
}

/// Draws a space's newest map into a file and in braille, as the tour does.
pub(super) fn both(space: &Path, file: &Path, cx: &Context<'_>) -> Result<String> {
    let args = Args {
        space: space.to_path_buf(),
        output: None,
        map: None,
        color_by: None,
        labels: None,
        label: None,
        weight: None,
        size: Size { width: 1200, height: 900 },
        theme: Theme::Light,
    };
    let space = Space::open(space)?;
    let picture = Picture::new(&space, &args)?;
    let labels: Vec<&str> = picture.labels.iter().map(String::as_str).collect();
    let scene = picture.scene(&labels, &[], "");
    publish(file, &plot::png(&scene, &Style::default(), &cx.run())?.content)?;
    let (cols, rows) = terminal();
    plot::braille(&scene, cols, rows, cx.out.paint.on())
}

/// A map and what is known about its points, as slices that a `Scene` can borrow.
struct Picture {
    map: MapAbout,
    x: Vec<f32>,
    y: Vec<f32>,
    labels: Vec<String>,
    weights: Option<Vec<f64>>,
    color: Coloring,
    caption: String,
}

#[derive(Default)]
struct Coloring {
    title: String,
    names: Vec<String>,
    categories: Option<Vec<u32>>,
    values: Option<Vec<f32>>,
}

impl Picture {
    fn new(space: &Space, args: &Args) -> Result<Self> {
        let (map, table) = space.map(args.map.as_deref())?;
        let count = space.columns().iter().any(|(name, _)| name == "count").then_some("count");
        let weight = args.weight.as_deref().or(count);
        let color = args.color_by.as_deref().filter(|name| *name != "faithfulness");
        let mut wanted: Vec<&str> =
            [weight, color, args.label.as_deref()].into_iter().flatten().collect();
        wanted.sort_unstable();
        wanted.dedup();
        let items = space.items(Some(&wanted))?;
        let place = places(space, &items, &table)?;
        let axis = |name: &str| -> Result<Vec<f32>> {
            let column = table.column(name).and_then(values::numbers);
            let column = column.ok_or_else(|| {
                Error::data(format!("map '{}': it has no column {name}", map.name))
            })?;
            Ok(column.into_iter().map(|v| v as f32).collect())
        };
        let labels = match args.label.as_deref().and_then(|name| items.column(name)) {
            Some(column) => place.iter().map(|&at| values::text(column, at)).collect(),
            None => table.ids().iter().map(|id| id.unwrap_or_default().to_owned()).collect(),
        };
        let weights = match weight.and_then(|name| items.column(name)) {
            Some(column) => {
                let all = values::numbers(column).ok_or_else(|| {
                    Error::usage(format!("--weight {}: this column holds no numbers", column.name))
                        .help(format!("columns of numbers: {}", number_columns(space)))
                })?;
                Some(
                    place
                        .iter()
                        .map(|&at| all[at])
                        .map(|w| if w.is_finite() { w.max(0.0) } else { 0.0 })
                        .collect(),
                )
            }
            None => None,
        };
        let color = Coloring::new(args.color_by.as_deref(), &table, &items, &place)?;
        Ok(Picture {
            x: axis("x")?,
            y: axis("y")?,
            labels,
            weights,
            color,
            caption: caption(&map),
            map,
        })
    }

    fn scene<'a>(
        &'a self,
        labels: &'a [&'a str],
        names: &'a [&'a str],
        title: &'a str,
    ) -> Scene<'a> {
        let coloring = &self.color;
        let color = match (&coloring.categories, &coloring.values) {
            (Some(of), _) => Color::Categories { title: &coloring.title, names, of },
            (None, Some(of)) => Color::Values { title: &coloring.title, of, range: None },
            (None, None) => Color::Plain,
        };
        Scene {
            x: &self.x,
            y: &self.y,
            labels: Some(labels),
            weights: self.weights.as_deref(),
            color,
            title,
            caption: &self.caption,
        }
    }
}

impl Coloring {
    fn new(color: Option<&str>, table: &Items, items: &Items, place: &[usize]) -> Result<Self> {
        let Some(name) = color else { return Ok(Coloring::default()) };
        if name == "faithfulness" {
            let kept =
                table.column("neighbours_kept").and_then(values::numbers).ok_or_else(|| {
                    Error::nothing("this map does not say how faithful its points are")
                        .help("make it anew: latlas map SPACE")
                })?;
            let values = Some(kept.into_iter().map(|v| v as f32).collect());
            return Ok(Coloring {
                title: "neighbours kept".to_owned(),
                values,
                ..Coloring::default()
            });
        }
        let Some(column) = items.column(name) else { return Ok(Coloring::default()) };
        let title = name.to_owned();
        if values::measures(column)
            && let Some(all) = values::numbers(column)
        {
            let values = Some(place.iter().map(|&at| all[at] as f32).collect());
            return Ok(Coloring { title, values, ..Coloring::default() });
        }
        let (names, all) = values::categories(column, NO_CATEGORY);
        let categories = Some(place.iter().map(|&at| all[at]).collect());
        Ok(Coloring { title, names, categories, ..Coloring::default() })
    }
}

/// Where each point of a map stands among the live items.
fn places(space: &Space, items: &Items, table: &Items) -> Result<Vec<usize>> {
    let at: std::collections::HashMap<&str, usize> =
        items.ids().iter().flatten().enumerate().map(|(at, id)| (id, at)).collect();
    let missing = |id: &str| {
        Error::data(format!("the map names '{id}', which is not in the space"))
            .help("make it anew: latlas map SPACE")
    };
    let _ = space;
    table.ids().iter().flatten().map(|id| at.get(id).copied().ok_or_else(|| missing(id))).collect()
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

fn number_columns(space: &Space) -> String {
    let numbers = [ColumnKind::Number, ColumnKind::Integer];
    space
        .columns()
        .iter()
        .filter(|(_, kind)| numbers.contains(kind))
        .map(|(name, _)| name.as_str())
        .collect::<Vec<_>>()
        .join(", ")
}

#[derive(Debug, Clone, Copy)]
enum Format {
    Png,
    Svg,
}

impl Format {
    fn of(path: &Path) -> Result<Self> {
        let ending = path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_lowercase();
        match ending.as_str() {
            "png" => Ok(Format::Png),
            "svg" => Ok(Format::Svg),
            _ => Err(Error::usage(format!("{}: a picture is a .png or a .svg", path.display()))
                .help(format!("for example -o {}", path.with_extension("png").display()))),
        }
    }
}

/// The terminal's columns and rows, less a line for the prompt; 80 × 24 where there is none.
fn terminal() -> (usize, usize) {
    let size = terminal_size::terminal_size().map(|(w, h)| (usize::from(w.0), usize::from(h.0)));
    let (cols, rows) = size.unwrap_or((80, 25));
    (cols.clamp(20, 160), rows.saturating_sub(1).clamp(10, 50))
}

/// Writes a picture whole or not at all.
fn publish(path: &Path, content: &[u8]) -> Result<()> {
    file::publish(path, |file| file.write_all(content).map_err(|e| Error::io("write", path, &e)))
        .map(drop)
}
