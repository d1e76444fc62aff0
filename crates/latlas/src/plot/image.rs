//! The picture as a PNG file: points by the rasteriser, everything else painted over them.

use rayon::prelude::*;

use super::Drawing;
use super::canvas::{Canvas, Words};
use super::coding::Coding;
use super::frame::{CROWD, Mark, Rect, Sheet};
use super::palette::{Rgb, encode};
use super::raster::{Disc, Field, Tone};
use super::scene::{Scene, Style};
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
    let sheet = Sheet::lay(scene, style, &coding, &face, false);
    let canvas = in_pool(run, || {
        let mut canvas =
            Canvas::new(width.round() as usize, height.round() as usize, sheet.palette.ground);
        paint(&mut canvas, scene, &sheet, &coding, style.scale, [0.0, 0.0]);
        for mark in &sheet.marks {
            draw(&mut canvas, &sheet, &face, mark, style.scale);
        }
        canvas
    })?;
    let content = canvas.png(style.scale)?;
    if !sheet.undrawn.is_empty() {
        let verb = if sheet.undrawn.total() == 1 { "is" } else { "are" };
        let reason =
            "the embedded font cannot set such letters; an SVG leaves them to the viewer's fonts";
        run.progress.warn(&format!("{} {verb} not drawn: {reason}", sheet.undrawn));
    }
    Ok(Drawing { content, labelled: sheet.labelled, undrawn: sheet.undrawn })
}

/// The map alone, without marks, as a PNG file of its own: what an SVG of very many points holds.
pub(super) fn map_alone(
    scene: &Scene,
    sheet: &Sheet,
    coding: &Coding,
    scale: f32,
    run: &Run,
) -> Result<Vec<u8>> {
    let Rect { left, top, .. } = sheet.map;
    let (width, height) = (sheet.map.width() * scale, sheet.map.height() * scale);
    let canvas = in_pool(run, || {
        let mut canvas =
            Canvas::new(width.ceil() as usize, height.ceil() as usize, sheet.palette.ground);
        paint(&mut canvas, scene, sheet, coding, scale, [left, top]);
        canvas
    })?;
    canvas.png(scale)
}

fn in_pool<T: Send>(run: &Run, work: impl FnOnce() -> T + Send) -> Result<T> {
    let threads = run.threads.max(1);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    let pool = pool.map_err(|cause| {
        Error::new(Kind::Io, format!("cannot start {threads} threads: {cause}"))
    })?;
    Ok(pool.install(work))
}

/// Paints the points; `origin` is the place of the sheet that the canvas begins at.
fn paint(
    canvas: &mut Canvas,
    scene: &Scene,
    sheet: &Sheet,
    coding: &Coding,
    scale: f32,
    origin: [f32; 2],
) {
    let at: Vec<[f32; 2]> = sheet
        .at
        .par_iter()
        .map(|&[x, y]| [(x - origin[0]) * scale, (y - origin[1]) * scale])
        .collect();
    let order = Sheet::order(scene);
    let field = Field { width: canvas.width, height: canvas.height, order: &order, at: &at };
    let disc = Disc::new(sheet.radius * scale);
    let palette = &sheet.palette;
    if scene.len() <= CROWD {
        // A thin edge in the colour of the ground keeps neighbours apart.
        let ground = palette.ground.linear();
        let edge = Disc::new((sheet.radius + edge(sheet.radius)) * scale);
        let points = field.stack([&edge, &disc], |point| {
            let [r, g, b] = coding.color(palette, point).linear();
            [[ground[0], ground[1], ground[2], 0.6], [r, g, b, sheet.opacity]]
        });
        blend(canvas, &points, |&[r, g, b, opacity]| ([r, g, b].map(|v| v / opacity), opacity));
        return;
    }
    match coding {
        Coding::Plain => {
            let cells = field.sum(&disc, |_| [1.0]);
            let tone = Tone::of(&cells, sheet.opacity);
            let colors = table(|t| palette.density(t));
            blend(canvas, &cells, |&[sum]| (by_share(&colors, tone.share(sum)), tone.opacity(sum)));
        }
        Coding::Categories { .. } => {
            let colors: Vec<[f32; 3]> =
                (0..=super::palette::CATEGORIES).map(|c| palette.category(c).linear()).collect();
            let cells = field.sum(&disc, |point| {
                let [r, g, b] = colors[coding.slot(point)];
                [1.0, r, g, b]
            });
            let tone = Tone::of(&cells, sheet.opacity);
            blend(canvas, &cells, |&[sum, r, g, b]| {
                ([r / sum, g / sum, b / sum], tone.opacity(sum))
            });
        }
        Coding::Values { .. } => {
            // The mean of the numbers under a pixel chooses the colour; points without one pull it to grey.
            let cells = field
                .sum(&disc, |point| coding.share(point).map_or([1.0, 0.0, 0.0], |t| [1.0, 1.0, t]));
            let tone = Tone::of(&cells, sheet.opacity);
            let (colors, grey) = (table(|t| palette.sequential(t)), palette.grey.linear());
            blend(canvas, &cells, |&[sum, known, values]| {
                let color = by_share(&colors, values / known.max(f32::MIN_POSITIVE));
                let share = known / sum;
                (std::array::from_fn(|i| grey[i] + (color[i] - grey[i]) * share), tone.opacity(sum))
            });
        }
    }
}

/// How wide the edge of a point is.
pub(super) fn edge(radius: f32) -> f32 {
    (radius * 0.22).clamp(0.25, 0.8)
}

/// A colour scale in 256 steps, as light.
fn table(color: impl Fn(f32) -> Rgb) -> Vec<[f32; 3]> {
    (0..256).map(|i| color(i as f32 / 255.0).linear()).collect()
}

fn by_share(colors: &[[f32; 3]], t: f32) -> [f32; 3] {
    colors[((t.clamp(0.0, 1.0) * 255.0).round() as usize).min(colors.len() - 1)]
}

/// Lays a colour with an opacity (of `seen`, where not all channels are zero) over an even ground.
/// Colours were mixed as light; the opacity is applied to signals, whose equal steps look nearly equal
/// on a light and on a dark ground alike, and which is how a viewer of the SVG does it.
fn blend<const C: usize>(
    canvas: &mut Canvas,
    cells: &[[f32; C]],
    seen: impl Fn(&[f32; C]) -> ([f32; 3], f32) + Sync,
) {
    const STEPS: f32 = (1 << 14) as f32;
    let signal: Vec<f32> = (0..=1 << 14).map(|i| encode(i as f32 / STEPS) * 255.0).collect();
    let width = canvas.width;
    let rows = canvas.pixels.par_chunks_mut(width * 3).zip(cells.par_chunks(width));
    rows.for_each(|(pixels, cells)| {
        for (pixel, cell) in pixels.chunks_exact_mut(3).zip(cells) {
            if cell.iter().all(|&v| v == 0.0) {
                continue;
            }
            let (color, opacity) = seen(cell);
            for (channel, light) in pixel.iter_mut().zip(color) {
                let from = f32::from(*channel);
                let to = signal[(light.clamp(0.0, 1.0) * STEPS).round() as usize];
                *channel = (from + (to - from) * opacity).round() as u8;
            }
        }
    });
}

fn draw(canvas: &mut Canvas, sheet: &Sheet, face: &Face, mark: &Mark, scale: f32) {
    let px = |[x, y]: [f32; 2]| [x * scale, y * scale];
    match mark {
        Mark::Text { text, at, size, ink, halo, .. } => canvas.text(
            face,
            &Words {
                text,
                size: size * scale,
                at: px(*at),
                ink: *ink,
                halo: halo.then_some((sheet.palette.ground, HALO * scale)),
            },
        ),
        Mark::Line { from, to, width, ink } => canvas.line(px(*from), px(*to), width * scale, *ink),
        Mark::Disc { at, radius, ink } => canvas.disc(px(*at), radius * scale, *ink),
        Mark::Scale { rect } => {
            let sides = [rect.left, rect.top, rect.right, rect.bottom].map(|v| v * scale);
            canvas.bar(sides, |t| sheet.palette.sequential(1.0 - t));
        }
    }
}

/// How far the halo of a label reaches beyond its letters.
pub(super) const HALO: f32 = 1.8;
