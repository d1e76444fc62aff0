//! `latlas plot SPACE`: draws a stored map, to a file or in braille.

mod known;
mod panels;
mod picture;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::{Duration, Instant};

use latlas::plot::{self, Contours, Drawing, Frame, Style, Theme};
use latlas::space::Space;
use latlas::{Error, Result, file};
use serde_json::json;

use super::Context;
use crate::output::{bytes, counted, duration};
use picture::Picture;

/// Draw a map: PNG, SVG, or braille on the terminal
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  latlas plot en.space -o map.png --color-by faithfulness
  latlas plot notes.space -o notes.png --color-by cluster_name
  latlas plot notes.space -o years.png --by year --contours")]
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
    /// A panel for each value of this column, or for each sixth of its numbers
    #[arg(long, value_name = "COLUMN")]
    by: Option<String>,
    /// At most this many panels [default: 12]
    #[arg(long, value_name = "N", requires = "by")]
    panels: Option<usize>,
    /// Lines around the densest percents of the points [if none are named: 25,50,75,95]
    #[arg(long, value_name = "PERCENTS", num_args = 0..=1, require_equals = true, default_missing_value = "25,50,75,95")]
    contours: Option<Levels>,
    /// Contours alone, filled, without the points
    #[arg(long)]
    no_points: bool,
    /// Write this column's values where their points lie most densely [default: that of --color-by,
    /// where it holds at most 60 names]
    #[arg(long, value_name = "COLUMN")]
    names: Option<String>,
    /// At most this many labels of points; 0: no names either [default: as many as the size bears]
    #[arg(long, value_name = "N")]
    labels: Option<usize>,
    /// The column to label points by [default: the ids, unless they are mere numbers]
    #[arg(long, value_name = "COLUMN")]
    label: Option<String>,
    /// The column that says whose label comes first [default: count, where there is one]
    #[arg(long, value_name = "COLUMN")]
    weight: Option<String>,
    /// Show the few points far away too, however small the others become
    #[arg(long)]
    everything: bool,
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

/// "25,50,75,95", as shares.
#[derive(Debug, Clone, PartialEq)]
struct Levels(Vec<f32>);

impl FromStr for Levels {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let level = |part: &str| {
            let percent: f32 = part.trim().trim_end_matches('%').trim().parse().ok()?;
            (percent > 0.0 && percent < 100.0).then_some(percent / 100.0)
        };
        let levels: Option<Vec<f32>> = text.split(',').map(level).collect();
        levels.filter(|levels| levels.len() <= 8).map(Levels).ok_or_else(|| {
            "expected at most eight percents between 0 and 100, such as 50,95".to_owned()
        })
    }
}

pub(crate) fn run(args: &Args, cx: &Context<'_>) -> Result<()> {
    let format = args.output.as_deref().map(Format::of).transpose()?;
    let target = args.output.as_deref().zip(format);
    args.check(target.is_none(), cx)?;
    let began = Instant::now();
    let space = Space::open(&args.space)?;
    let picture = Picture::new(&space, args)?;
    for note in &picture.notes {
        cx.out.say(note);
    }
    let borrowed = picture.borrow();
    let mut scene = picture.scene(&borrowed);
    let levels = args.contours.as_ref().map_or(&Contours::LEVELS[..], |levels| &levels.0);
    if args.contours.is_some() || args.no_points {
        scene.contours = Some(Contours { levels, bandwidth: None, points: !args.no_points });
    }
    let read = began.elapsed();
    let Some((path, format)) = target else {
        let (cols, rows) = terminal();
        return cx.out.result(&plot::braille(&scene, cols, rows, cx.out.paint.on())?);
    };
    let began = Instant::now();
    let drawing = format.draw(&scene, &args.style(), cx)?;
    let drew = began.elapsed();
    publish(path, &drawing.content)?;
    if cx.out.json() {
        let seconds = json!({ "read": read.as_secs_f64(), "draw": drew.as_secs_f64() });
        let fields = json!({
            "space": args.space, "map": picture.map.name, "output": path, "points": scene.len(),
            "labels": drawing.labelled, "panels": drawing.panels, "beyond": drawing.beyond, "seconds": seconds,
        });
        return cx.out.object("plot", &fields);
    }
    if drawing.beyond > 0 {
        let beyond = counted(drawing.beyond as u64, "points");
        cx.out.say(&format!(
            "{beyond} far outside are arrows at the border; --everything shows them in place"
        ));
    }
    cx.out.result(&summary(path, scene.len(), &drawing, drew))
}

/// "map.png  10,000 points, 12 panels, 84 labels, 310.2 kB, drawn in 0.2 s"
fn summary(path: &Path, points: usize, drawing: &Drawing<Vec<u8>>, drew: Duration) -> String {
    let mut parts = vec![counted(points as u64, "points")];
    if drawing.panels > 1 {
        parts.push(counted(drawing.panels as u64, "panels"));
    }
    parts.push(counted(drawing.labelled as u64, "labels"));
    parts.push(bytes(drawing.content.len() as u64));
    format!("{}  {}, drawn in {}", path.display(), parts.join(", "), duration(drew))
}

/// Draws a space's newest map into a file and in braille, as the tour does.
pub(super) fn both(space: &Path, file: &Path, cx: &Context<'_>) -> Result<String> {
    let args = Args::plain(space);
    let space = Space::open(space)?;
    let picture = Picture::new(&space, &args)?;
    let borrowed = picture.borrow();
    let mut scene = picture.scene(&borrowed);
    scene.title = "";
    publish(file, &plot::png(&scene, &Style::default(), &cx.run())?.content)?;
    let (cols, rows) = terminal();
    plot::braille(&scene, cols, rows, cx.out.paint.on())
}

impl Args {
    /// What is drawn when nothing is asked for.
    fn plain(space: &Path) -> Self {
        Args {
            space: space.to_path_buf(),
            output: None,
            map: None,
            color_by: None,
            by: None,
            panels: None,
            contours: None,
            no_points: false,
            names: None,
            labels: None,
            label: None,
            weight: None,
            everything: false,
            size: Size { width: 1200, height: 900 },
            theme: Theme::Light,
        }
    }

    fn style(&self) -> Style {
        Style {
            width: self.size.width,
            height: self.size.height,
            theme: self.theme,
            labels: self.labels,
            frame: if self.everything { Frame::All } else { Frame::Bulk },
            ..Style::default()
        }
    }

    /// What can be told to be wrong before anything is read.
    fn check(&self, braille: bool, cx: &Context<'_>) -> Result<()> {
        if !braille {
            return Ok(());
        }
        if cx.out.json() {
            let error = Error::usage("a braille map is no JSON");
            return Err(error.help("write a picture: -o map.png"));
        }
        let asked = [
            ("--by", self.by.is_some()),
            ("--contours", self.contours.is_some()),
            ("--no-points", self.no_points),
            ("--everything", self.everything),
        ];
        match asked.iter().find(|(_, asked)| *asked) {
            Some((flag, _)) => {
                Err(Error::usage(format!("{flag}: not in the letters of a terminal"))
                    .help("write a picture: -o map.png"))
            }
            None => Ok(()),
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Format {
    Png,
    Svg,
}

impl Format {
    fn draw(
        self,
        scene: &plot::Scene,
        style: &Style,
        cx: &Context<'_>,
    ) -> Result<Drawing<Vec<u8>>> {
        match self {
            Format::Png => plot::png(scene, style, &cx.run()),
            Format::Svg => {
                let Drawing { content, labelled, panels, beyond, undrawn } =
                    plot::svg(scene, style, &cx.run())?;
                Ok(Drawing { content: content.into_bytes(), labelled, panels, beyond, undrawn })
            }
        }
    }

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
