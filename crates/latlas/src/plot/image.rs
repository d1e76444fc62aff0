//! The picture as a PNG file: points by the rasteriser, everything else painted over them.

use super::Drawing;
use super::canvas::{Canvas, Words};
use super::coding::Coding;
use super::frame::{Mark, Panel, Rect, Sheet};
use super::paint::{Window, paint};
use super::path::Mask;
use super::scene::Scene;
use super::style::Style;
use super::text::Face;
use crate::error::{Error, Kind, Result};
use crate::run::Run;

/// A picture of more pixels is refused: its sums would take more than a gigabyte.
const MOST_PIXELS: f64 = 60e6;

/// Draws a scene as a PNG file of `style.width` × `style.height` × `style.scale` pixels.
///
/// The same scene and style give the same bytes with any number of threads. Labels that the embedded
/// font cannot draw are left out, counted in the result, and warned of through `run`.
///
/// Errors: of kind `Usage` for a style out of its ranges; what [`Scene::check`] says of the scene.
pub fn png(scene: &Scene, style: &Style, run: &Run) -> Result<Drawing<Vec<u8>>> {
    scene.check()?;
    style.check()?;
    let (width, height) = (style.width as f32 * style.scale, style.height as f32 * style.scale);
    if f64::from(width) * f64::from(height) > MOST_PIXELS {
        return Err(Error::usage(format!("a plot of {width}×{height} pixels is too large"))
            .help("60 million pixels are the most; lower the scale or the size"));
    }
    let face = Face::new()?;
    let coding = Coding::of(scene);
    let (sheet, canvas) = in_pool(run, || {
        let sheet = Sheet::lay(scene, style, &coding, &face, false);
        let (width, height) = (width.round() as usize, height.round() as usize);
        let mut canvas = [Canvas::new(width, height, sheet.palette.ground)];
        let window = |panel: &Panel| {
            let Rect { left, top, right, bottom } = panel.map;
            let span = |low: f32, high: f32, end: usize| {
                let low = ((low * style.scale).floor().max(0.0) as usize).min(end);
                (low, ((high * style.scale).ceil().max(0.0) as usize).clamp(low, end) - low)
            };
            let ((left, width), (top, height)) =
                (span(left, right, width), span(top, bottom, height));
            Window { canvas: 0, left, top, width, height, origin: [left as f32, top as f32] }
        };
        let windows: Vec<Window> = sheet.panels.iter().map(window).collect();
        paint(&mut canvas, &windows, scene, &sheet, &coding, style.scale);
        let [mut canvas] = canvas;
        for mark in &sheet.marks {
            draw(&mut canvas, &sheet, &coding, &face, mark, style.scale);
        }
        (sheet, canvas)
    })?;
    let content = canvas.png(style.scale)?;
    if !sheet.undrawn.is_empty() {
        let verb = if sheet.undrawn.total() == 1 { "is" } else { "are" };
        let reason =
            "the embedded font cannot set such letters; an SVG leaves them to the viewer's fonts";
        run.progress.warn(&format!("{} {verb} not drawn: {reason}", sheet.undrawn));
    }
    Ok(sheet.drawing(content))
}

/// The panels alone, without marks, each as a PNG file of its own: what an SVG of very many points holds.
pub(super) fn maps_alone(
    scene: &Scene,
    sheet: &Sheet,
    coding: &Coding,
    scale: f32,
    run: &Run,
) -> Result<Vec<Vec<u8>>> {
    let size = |panel: &Panel| {
        let (width, height) = (panel.map.width() * scale, panel.map.height() * scale);
        (width.ceil() as usize, height.ceil() as usize)
    };
    let canvases = in_pool(run, || {
        let windows: Vec<Window> = sheet
            .panels
            .iter()
            .enumerate()
            .map(|(canvas, panel)| {
                let (width, height) = size(panel);
                let origin = [panel.map.left * scale, panel.map.top * scale];
                Window { canvas, left: 0, top: 0, width, height, origin }
            })
            .collect();
        let mut canvases: Vec<Canvas> = windows
            .iter()
            .map(|window| Canvas::new(window.width, window.height, sheet.palette.ground))
            .collect();
        paint(&mut canvases, &windows, scene, sheet, coding, scale);
        canvases
    })?;
    canvases.iter().map(|canvas| canvas.png(scale)).collect()
}

pub(super) fn in_pool<T: Send>(run: &Run, work: impl FnOnce() -> T + Send) -> Result<T> {
    let threads = run.threads.max(1);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    let pool = pool.map_err(|cause| {
        Error::new(Kind::Io, format!("cannot start {threads} threads: {cause}"))
    })?;
    Ok(pool.install(work))
}

fn draw(canvas: &mut Canvas, sheet: &Sheet, coding: &Coding, face: &Face, mark: &Mark, scale: f32) {
    let px = |[x, y]: [f32; 2]| [x * scale, y * scale];
    let ground = sheet.palette.ground;
    match mark {
        Mark::Text { text, at, size, ink, bold, halo, .. } => canvas.text(
            face.weight(*bold),
            &Words {
                text,
                size: size * scale,
                at: px(*at),
                ink: *ink,
                halo: halo.then_some((ground, HALO * scale)),
            },
        ),
        Mark::Line { from, to, width, ink } => canvas.line(px(*from), px(*to), width * scale, *ink),
        Mark::Disc { at, radius, ink } => canvas.disc(px(*at), radius * scale, *ink),
        Mark::Scale { rect } => {
            let sides = [rect.left, rect.top, rect.right, rect.bottom].map(|v| v * scale);
            canvas.bar(sides, |t| coding.scale(&sheet.palette, 1.0 - t));
        }
        Mark::Path { loops, ink, fill, width, halo } => {
            let loops: Vec<Vec<[f32; 2]>> =
                loops.iter().map(|points| points.iter().map(|&at| px(at)).collect()).collect();
            let size = [canvas.width, canvas.height];
            if *halo {
                let width = (width + PATH_HALO) * scale;
                canvas.mask(&Mask::stroked(&loops, width, size), ground, PATH_HALO_OPACITY);
            }
            if *fill > 0.0 {
                canvas.mask(&Mask::filled(&loops, size), *ink, *fill);
            }
            if *width > 0.0 {
                canvas.mask(&Mask::stroked(&loops, width * scale, size), *ink, 1.0);
            }
        }
    }
}

/// How far the halo of a label reaches beyond its letters.
pub(super) const HALO: f32 = 1.8;
/// By how much the halo of a line is wider, and how opaque it is.
pub(super) const PATH_HALO: f32 = 1.8;
pub(super) const PATH_HALO_OPACITY: f32 = 0.65;
