//! Where everything lies on the sheet: margins, title, map, legend, caption. PNG and SVG draw what is laid here.

use super::coding::Coding;
use super::labels;
use super::legend;
use super::palette::{Palette, Rgb};
use super::scene::{Scene, Style};
use super::text::Face;
use super::undrawn::Undrawn;

/// An upright rectangle in units of the sheet, y downwards.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rect {
    pub(super) left: f32,
    pub(super) top: f32,
    pub(super) right: f32,
    pub(super) bottom: f32,
}

impl Rect {
    pub(super) fn width(&self) -> f32 {
        self.right - self.left
    }

    pub(super) fn height(&self) -> f32 {
        self.bottom - self.top
    }

    /// Whether the two share more than a border.
    pub(super) fn overlaps(&self, other: &Rect) -> bool {
        self.left < other.right
            && other.left < self.right
            && self.top < other.bottom
            && other.top < self.bottom
    }

    pub(super) fn contains(&self, other: &Rect) -> bool {
        self.left <= other.left
            && self.top <= other.top
            && self.right >= other.right
            && self.bottom >= other.bottom
    }

    /// The rectangle with all sides moved outwards.
    pub(super) fn grown(&self, by: f32) -> Rect {
        Rect {
            left: self.left - by,
            top: self.top - by,
            right: self.right + by,
            bottom: self.bottom + by,
        }
    }
}

/// Something drawn over the points, in units of the sheet.
#[derive(Debug, Clone)]
pub(super) enum Mark {
    /// Words from `at`, the start of their baseline; `width` is their measured width.
    Text { text: String, at: [f32; 2], size: f32, width: f32, ink: Rgb, halo: bool },
    /// A straight line.
    Line { from: [f32; 2], to: [f32; 2], width: f32, ink: Rgb },
    /// A filled circle.
    Disc { at: [f32; 2], radius: f32, ink: Rgb },
    /// The scale of values, high at the top.
    Scale { rect: Rect },
}

/// From the coordinates of the scene to the sheet: one scale for both axes, y turned over.
#[derive(Debug, Clone, Copy)]
pub(super) struct Projection {
    scale: f64,
    from: [f64; 2],
    to: [f64; 2],
}

impl Projection {
    /// Fits bounds (least x, least y, greatest x, greatest y) into a rectangle, centred.
    pub(super) fn fit([x0, y0, x1, y1]: [f64; 4], into: &Rect) -> Self {
        let (width, height) = (x1 - x0, y1 - y0);
        let fit = |room: f32, extent: f64| {
            if extent > 0.0 { f64::from(room) / extent } else { f64::INFINITY }
        };
        let scale = fit(into.width(), width).min(fit(into.height(), height));
        Projection {
            // All points in one place: any scale shows them.
            scale: if scale.is_finite() { scale } else { 1.0 },
            from: [x0 + width / 2.0, y0 + height / 2.0],
            to: [
                f64::midpoint(into.left.into(), into.right.into()),
                f64::midpoint(into.top.into(), into.bottom.into()),
            ],
        }
    }

    pub(super) fn at(&self, x: f32, y: f32) -> [f32; 2] {
        [
            (self.to[0] + (f64::from(x) - self.from[0]) * self.scale) as f32,
            (self.to[1] - (f64::from(y) - self.from[1]) * self.scale) as f32,
        ]
    }
}

/// A scene laid out on a sheet of `Style::width` × `Style::height` units.
pub(super) struct Sheet {
    pub(super) palette: Palette,
    /// The part of the sheet that the map fills.
    pub(super) map: Rect,
    /// The place of every point.
    pub(super) at: Vec<[f32; 2]>,
    /// The radius of a point.
    pub(super) radius: f32,
    /// The opacity of a point that overlaps no other.
    pub(super) opacity: f32,
    /// What is drawn over the points, in order.
    pub(super) marks: Vec<Mark>,
    pub(super) labelled: usize,
    pub(super) undrawn: Undrawn,
}

/// Above this many points they are drawn as a density: summed and toned, not laid one over another.
pub(super) const CROWD: usize = 20_000;

impl Sheet {
    /// Lays out a scene that has been checked. With `foreign`, labels that the face lacks are placed too,
    /// by estimated widths: the viewer's fonts will draw them.
    pub(super) fn lay(
        scene: &Scene,
        style: &Style,
        coding: &Coding,
        face: &Face,
        foreign: bool,
    ) -> Self {
        let palette = Palette::of(style.theme);
        let (width, height) = (style.width as f32, style.height as f32);
        let type_scale = ((width * height / (1200.0 * 900.0)).sqrt()).clamp(0.72, 1.6);
        let margin = (0.026 * width.min(height)).clamp(10.0, 32.0);
        let mut marks = Vec::new();
        let words = |text: &str| {
            if foreign {
                super::text::clean(text).into_owned()
            } else {
                face.named(text).into_owned()
            }
        };

        let mut map =
            Rect { left: margin, top: margin, right: width - margin, bottom: height - margin };
        let title = words(scene.title);
        if !title.is_empty() {
            let size = 21.0 * type_scale;
            let text = face.fit(&title, size, map.width()).into_owned();
            let at = [map.left, map.top + size * 0.78];
            marks.push(Mark::Text {
                width: face.width(&text, size),
                text,
                at,
                size,
                ink: palette.ink,
                halo: false,
            });
            map.top += size * 1.35;
        }
        let caption = words(scene.caption);
        if !caption.is_empty() {
            let size = 12.5 * type_scale;
            let lines = wrap(face, &caption, size, map.width());
            let mut y = height - margin - size * 0.25 - (lines.len() - 1) as f32 * size * 1.45;
            map.bottom = y - size * 1.55;
            for text in lines {
                let at = [map.left, y];
                marks.push(Mark::Text {
                    width: face.width(&text, size),
                    text,
                    at,
                    size,
                    ink: palette.muted,
                    halo: false,
                });
                y += size * 1.45;
            }
        }
        let column = Rect { left: map.left + map.width() * 0.6, ..map };
        let taken =
            legend::lay(coding, &palette, face, column, 12.5 * type_scale, &words, &mut marks);
        map.right -= taken;

        for (from, to) in corners(&map) {
            marks.push(Mark::Line { from, to, width: 1.0, ink: palette.line });
        }

        let n = scene.len();
        let size = map.width().min(map.height());
        let radius = style.radius.unwrap_or_else(|| radius_for(n) * (size / 800.0).clamp(0.5, 1.6));
        let opacity = style.opacity.unwrap_or_else(|| opacity_for(n));
        let inner = map.grown(-(radius + 0.035 * size).min(0.4 * size));
        let projection = Projection::fit(scene.bounds(), &inner);
        let at: Vec<[f32; 2]> =
            scene.x.iter().zip(scene.y).map(|(&x, &y)| projection.at(x, y)).collect();

        let mut sheet = Sheet {
            palette,
            map,
            at,
            radius,
            opacity,
            marks,
            labelled: 0,
            undrawn: Undrawn::default(),
        };
        let most = style
            .labels
            .unwrap_or_else(|| (map.width() * map.height() / (12_000.0 * type_scale)) as usize);
        labels::lay(
            &mut sheet,
            scene,
            coding,
            face,
            &labels::Request { most, size: 11.5 * type_scale, foreign },
        );
        sheet
    }

    /// The points from the bottom to the top: lighter below heavier.
    pub(super) fn order(scene: &Scene) -> Vec<u32> {
        let mut order = scene.heaviest(scene.len());
        if scene.weights.is_some() {
            order.reverse();
        }
        order
    }
}

fn corners(map: &Rect) -> [([f32; 2], [f32; 2]); 4] {
    let (l, t, r, b) = (map.left, map.top, map.right, map.bottom);
    [([l, t], [r, t]), ([r, t], [r, b]), ([r, b], [l, b]), ([l, b], [l, t])]
}

/// Radius on a map of 800 units: 200 points get 4.6, ten times as many a little more than half.
fn radius_for(n: usize) -> f32 {
    (4.6 * (200.0 / n.max(1) as f32).powf(0.225)).clamp(0.55, 6.0)
}

fn opacity_for(n: usize) -> f32 {
    match n {
        0..=500 => 0.95,
        501..=5_000 => 0.9,
        5_001..=CROWD => 0.8,
        // A density: 0.55 at 20,000 points, 0.3 at a million.
        _ => (0.55 - 0.064 * (n as f32 / CROWD as f32).ln()).clamp(0.2, 0.55),
    }
}

/// Breaks a text between words into one or two lines, the second cut short if need be.
fn wrap(face: &Face, text: &str, size: f32, most: f32) -> Vec<String> {
    if face.width(text, size) <= most {
        return vec![text.to_string()];
    }
    let mut cut = 0;
    for (at, _) in text.match_indices(' ') {
        if face.width(&text[..at], size) > most {
            break;
        }
        cut = at;
    }
    if cut == 0 {
        return vec![face.fit(text, size, most).into_owned()];
    }
    vec![text[..cut].to_string(), face.fit(text[cut..].trim_start(), size, most).into_owned()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_projection_keeps_shapes_and_survives_any_bounds() {
        let into = Rect { left: 10.0, top: 10.0, right: 110.0, bottom: 60.0 };
        let p = Projection::fit([0.0, 0.0, 4.0, 1.0], &into);
        assert_eq!((p.at(0.0, 0.0), p.at(4.0, 1.0)), ([10.0, 47.5], [110.0, 22.5]));
        let max = f64::from(f32::MAX);
        for bounds in [[2.0, 3.0, 2.0, 3.0], [-max, -max, max, max], [0.0, 0.0, 0.0, 1e-40]] {
            let p = Projection::fit(bounds, &into);
            for (x, y) in [(bounds[0], bounds[1]), (bounds[2], bounds[3])] {
                let [x, y] = p.at(x as f32, y as f32);
                assert!(
                    (9.9..=110.1).contains(&x) && (9.9..=60.1).contains(&y),
                    "{bounds:?}: {x} {y}"
                );
            }
        }
    }

    #[test]
    fn captions_break_between_words() {
        let face = Face::new().unwrap();
        let lines = wrap(&face, "one two three four five six seven", 12.0, 100.0);
        assert_eq!(lines.len(), 2);
        assert!(lines.iter().all(|line| face.width(line, 12.0) <= 100.0), "{lines:?}");
        assert_eq!(wrap(&face, "short", 12.0, 100.0), ["short"]);
    }
}
