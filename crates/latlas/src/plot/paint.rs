//! The points of all panels to pixels: a grey layer behind, a coloured one before it, each either laid point
//! over point or, where points are many, summed and toned; one tone for all panels, so that they compare.

use rayon::prelude::*;

use super::canvas::Canvas;
use super::coding::Coding;
use super::frame::{Look, Panel, Sheet};
use super::palette::{CATEGORIES, Rgb, encode};
use super::raster::{Disc, Field, Tone};
use super::scene::Scene;

/// The pixels that a panel fills.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    /// Which canvas, and where on it.
    pub(super) canvas: usize,
    pub(super) left: usize,
    pub(super) top: usize,
    pub(super) width: usize,
    pub(super) height: usize,
    /// The place of its corner on the sheet, in pixels.
    pub(super) origin: [f32; 2],
}

/// Paints the points of each panel of a sheet into its window; `scale` is pixels per unit.
pub(super) fn paint(
    canvases: &mut [Canvas],
    windows: &[Window],
    scene: &Scene,
    sheet: &Sheet,
    coding: &Coding,
    scale: f32,
) {
    if !sheet.points {
        return;
    }
    let painter = Painter { windows, scene, sheet, coding, scale };
    painter.back(canvases);
    painter.front(canvases);
}

struct Painter<'a> {
    windows: &'a [Window],
    scene: &'a Scene<'a>,
    sheet: &'a Sheet,
    coding: &'a Coding<'a>,
    scale: f32,
}

impl Painter<'_> {
    fn back(&self, canvases: &mut [Canvas]) {
        let sheet = self.sheet;
        if sheet.panels.iter().all(|panel| panel.back.is_empty()) {
            return;
        }
        let grey = sheet.behind().linear();
        if sheet.back.crowded {
            let one = |&[sum]: &[f32; 1], tone: &Tone| (grey, 0.8 * tone.opacity(sum));
            self.sum(canvases, |panel| &panel.back, &sheet.back, |_| [1.0], one);
        } else {
            self.stack(canvases, |panel| &panel.back, &sheet.back, |_| grey);
        }
    }

    fn front(&self, canvases: &mut [Canvas]) {
        let (sheet, coding, palette) = (self.sheet, self.coding, &self.sheet.palette);
        let look = &sheet.front;
        if !look.crowded {
            let color = |point| coding.color(palette, point).linear();
            return self.stack(canvases, |panel| &panel.front, look, color);
        }
        match coding {
            Coding::Plain => {
                let colors = table(|t| palette.density(t));
                let seen = |&[sum]: &[f32; 1], tone: &Tone| {
                    (by_share(&colors, tone.share(sum)), tone.opacity(sum))
                };
                self.sum(canvases, |panel| &panel.front, look, |_| [1.0], seen);
            }
            Coding::Categories { .. } => {
                let colors: Vec<[f32; 3]> =
                    (0..=CATEGORIES).map(|slot| palette.category(slot).linear()).collect();
                let of = |point| {
                    let [r, g, b] = colors[coding.slot(point)];
                    [1.0, r, g, b]
                };
                let seen = |&[sum, r, g, b]: &[f32; 4], tone: &Tone| {
                    ([r / sum, g / sum, b / sum], tone.opacity(sum))
                };
                self.sum(canvases, |panel| &panel.front, look, of, seen);
            }
            Coding::Values { .. } => {
                // The mean of the numbers under a pixel chooses the colour.
                let colors = table(|t| coding.scale(palette, t));
                let of = |point| [1.0, coding.share(point).unwrap_or(0.5)];
                let seen = |&[sum, values]: &[f32; 2], tone: &Tone| {
                    (by_share(&colors, values / sum), tone.opacity(sum))
                };
                self.sum(canvases, |panel| &panel.front, look, of, seen);
            }
        }
    }

    /// Lays points one over another, lighter below heavier. A thin edge in the colour of the ground keeps
    /// neighbours apart.
    fn stack(
        &self,
        canvases: &mut [Canvas],
        points: impl Fn(&Panel) -> &Vec<u32>,
        look: &Look,
        color: impl Fn(u32) -> [f32; 3] + Sync,
    ) {
        let face = Disc::new(look.radius * self.scale);
        let rim = Disc::new((look.radius + edge(look.radius)) * self.scale);
        let [gr, gg, gb] = self.sheet.palette.ground.linear();
        for (panel, window) in self.sheet.panels.iter().zip(self.windows) {
            let points = Sheet::order(self.scene, points(panel));
            let at = self.places(panel, window, &points);
            let field =
                Field { width: window.width, height: window.height, points: &points, at: &at };
            let cells = field.stack([&rim, &face], |point| {
                let [r, g, b] = color(point);
                [[gr, gg, gb, 0.6], [r, g, b, look.opacity]]
            });
            let seen = |&[r, g, b, opacity]: &[f32; 4]| ([r, g, b].map(|v| v / opacity), opacity);
            blend(&mut canvases[window.canvas], window, &cells, seen);
        }
    }

    /// Sums what `of` says of the points, coverage first, and shows the sums by one tone for all panels.
    fn sum<const C: usize>(
        &self,
        canvases: &mut [Canvas],
        points: impl Fn(&Panel) -> &Vec<u32>,
        look: &Look,
        of: impl Fn(u32) -> [f32; C] + Sync,
        seen: impl Fn(&[f32; C], &Tone) -> ([f32; 3], f32) + Sync,
    ) {
        let disc = Disc::new(look.radius * self.scale);
        let sums: Vec<Vec<[f32; C]>> = self
            .sheet
            .panels
            .iter()
            .zip(self.windows)
            .map(|(panel, window)| {
                let points = points(panel);
                let at = self.places(panel, window, points);
                Field { width: window.width, height: window.height, points, at: &at }
                    .sum(&disc, &of)
            })
            .collect();
        let tone = Tone::of(&sums, look.opacity);
        for (cells, window) in sums.iter().zip(self.windows) {
            blend(&mut canvases[window.canvas], window, cells, |cell| seen(cell, &tone));
        }
    }

    /// Where points stand in a window, in pixels.
    fn places(&self, panel: &Panel, window: &Window, points: &[u32]) -> Vec<[f32; 2]> {
        let place = |&point: &u32| {
            let [x, y] =
                panel.projection.at(self.scene.x[point as usize], self.scene.y[point as usize]);
            [x * self.scale - window.origin[0], y * self.scale - window.origin[1]]
        };
        points.par_iter().map(place).collect()
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

/// Lays a colour with an opacity (of `seen`, where not all channels are zero) over what a window shows.
/// Colours were mixed as light; the opacity is applied to signals, whose equal steps look nearly equal
/// on a light and on a dark ground alike, and which is how a viewer of the SVG does it.
fn blend<const C: usize>(
    canvas: &mut Canvas,
    window: &Window,
    cells: &[[f32; C]],
    seen: impl Fn(&[f32; C]) -> ([f32; 3], f32) + Sync,
) {
    const STEPS: f32 = (1 << 14) as f32;
    let signal: Vec<f32> = (0..=1 << 14).map(|i| encode(i as f32 / STEPS) * 255.0).collect();
    let across = canvas.width * 3;
    let rows = canvas.pixels[window.top * across..].par_chunks_mut(across);
    rows.zip(cells.par_chunks(window.width)).for_each(|(pixels, cells)| {
        for (pixel, cell) in pixels[window.left * 3..].chunks_exact_mut(3).zip(cells) {
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
