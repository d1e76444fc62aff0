//! Where everything lies on the sheet: margins, title, map, legend, caption. PNG and SVG draw what is laid here.

use super::Drawing;
use super::coding::Coding;
use super::contours::{self, Lines};
use super::palette::{Palette, Rgb};
use super::panels::{self, Group};
use super::scene::Scene;
use super::style::Style;
use super::text::Face;
use super::undrawn::Undrawn;
use super::view::View;
use super::{arrows, labels, legend};

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
    Text { text: String, at: [f32; 2], size: f32, width: f32, ink: Rgb, bold: bool, halo: bool },
    /// A straight line.
    Line { from: [f32; 2], to: [f32; 2], width: f32, ink: Rgb },
    /// A filled circle.
    Disc { at: [f32; 2], radius: f32, ink: Rgb },
    /// The scale of values, high at the top.
    Scale { rect: Rect },
    /// Closed loops: filled by the even-odd rule with an opacity, outlined with a width (either may be 0).
    Path { loops: Vec<Vec<[f32; 2]>>, ink: Rgb, fill: f32, width: f32, halo: bool },
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

    /// The place on the sheet of a point of the map.
    pub(super) fn at(&self, x: f32, y: f32) -> [f32; 2] {
        [
            (self.to[0] + (f64::from(x) - self.from[0]) * self.scale) as f32,
            (self.to[1] - (f64::from(y) - self.from[1]) * self.scale) as f32,
        ]
    }

    /// What a rectangle of the sheet shows: least x, least y, greatest x, greatest y of the map.
    pub(super) fn seen(&self, rect: &Rect) -> [f64; 4] {
        let x = |x: f32| self.from[0] + (f64::from(x) - self.to[0]) / self.scale;
        let y = |y: f32| self.from[1] - (f64::from(y) - self.to[1]) / self.scale;
        [x(rect.left), y(rect.bottom), x(rect.right), y(rect.top)]
    }
}

/// One map of a scene laid out.
pub(super) struct Panel {
    /// The part of the sheet that it fills.
    pub(super) map: Rect,
    pub(super) projection: Projection,
    /// The points that carry the colours.
    pub(super) front: Vec<u32>,
    /// The points drawn grey behind them: those of other panels, of no category, without a number.
    pub(super) back: Vec<u32>,
}

/// How the points of a layer are drawn.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    /// The radius of a point.
    pub(super) radius: f32,
    /// The opacity of a point that overlaps no other.
    pub(super) opacity: f32,
    /// Whether they are summed and toned, not laid one over another.
    pub(super) crowded: bool,
}

impl Look {
    fn of(n: usize, style: &Style, size: f32) -> Self {
        let radius = style.radius.unwrap_or_else(|| radius_for(n) * (size / 800.0).clamp(0.5, 1.6));
        let opacity = style.opacity.unwrap_or_else(|| opacity_for(n));
        Look { radius, opacity, crowded: n > CROWD }
    }
}

/// A scene laid out on a sheet of `Style::width` × `Style::height` units.
pub(super) struct Sheet {
    pub(super) palette: Palette,
    pub(super) panels: Vec<Panel>,
    pub(super) front: Look,
    pub(super) back: Look,
    /// Whether points are drawn at all.
    pub(super) points: bool,
    /// What is drawn over the points, in order.
    pub(super) marks: Vec<Mark>,
    pub(super) labelled: usize,
    pub(super) beyond: usize,
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
        let view = View::of(scene, style.frame, f64::from(width) / f64::from(height));
        let groups = panels::groups(scene);
        let lines = contours::of(scene, coding, &groups, view.bounds);
        let margin = (0.026 * width.min(height)).clamp(10.0, 32.0);
        let words = |text: &str| {
            if foreign {
                super::text::clean(text).into_owned()
            } else {
                face.named(text).into_owned()
            }
        };

        let mut page = Page {
            face,
            palette: &palette,
            free: Rect {
                left: margin,
                top: margin,
                right: width - margin,
                bottom: height - margin,
            },
            width: width - 2.0 * margin,
            marks: Vec::new(),
        };
        page.title(&words(scene.title), 21.0 * type_scale);
        let small = 12.5 * type_scale;
        let panels = groups.len() > 1;
        let note = |beyond: usize| notes(&lines, coding, panels, beyond, scene.len());
        let caption = words(scene.caption);
        let reserved = page.foot(&[&caption, &note(view.beyond.len())], small);
        let free = page.free;
        let column = Rect { left: free.left + free.width() * 0.6, ..free };
        let taken = legend::lay(coding, &palette, face, column, small, &words, &mut page.marks);
        page.free.right -= taken;

        let n = scene.len();
        let cells = panels::cells(page.free, &groups, view.bounds, small);
        let size = cells.first().map_or(0.0, |cell| cell.width().min(cell.height()));
        let colored: usize = groups.iter().map(|group| group.front.len()).sum();
        let front = Look::of(if colored > 0 { colored } else { n }, style, size);
        let back = Look::of(n, style, size);
        let mut sheet = Sheet {
            palette: palette.clone(),
            panels: Vec::new(),
            front,
            back: Look { radius: back.radius.min(front.radius), ..back },
            points: scene.contours.is_none_or(|contours| contours.points),
            marks: Vec::new(),
            labelled: 0,
            beyond: 0,
            undrawn: Undrawn::default(),
        };
        let inset = (front.radius + 0.035 * size).min(0.4 * size);
        for (group, map) in groups.into_iter().zip(cells) {
            page.panel(&group, &map, small, &words);
            let projection = Projection::fit(view.bounds, &map.grown(-inset));
            sheet.panels.push(Panel { map, projection, front: group.front, back: group.back });
        }
        let beyond = arrows::lay(&mut sheet, scene, coding, &view, 6.5 * type_scale);
        sheet.beyond = beyond;
        page.note(&note(beyond), reserved, small);
        // Below what lies on the points: all that stands around them.
        sheet.marks.splice(0..0, page.marks);
        contours::lay(&mut sheet, &lines);
        let one = sheet.panels.len() == 1;
        let room = sheet.panels.iter().map(|panel| panel.map.width() * panel.map.height());
        let room: f32 = room.sum();
        // Panels are for comparing, and small; labels there only if asked for.
        let most = if one { (room / (12_000.0 * type_scale)) as usize } else { 0 };
        let request = labels::Request {
            most: style.labels.unwrap_or(most),
            size: 11.5 * type_scale,
            foreign,
        };
        labels::lay(&mut sheet, scene, coding, face, &request);
        sheet
    }

    /// The colour of the points behind: the legend's grey, or where it tells nothing but where the others lie, a fainter one.
    pub(super) fn behind(&self) -> Rgb {
        if self.panels.len() > 1 { self.palette.behind } else { self.palette.grey }
    }

    /// A finished picture of this sheet.
    pub(super) fn drawing<T>(self, content: T) -> Drawing<T> {
        Drawing {
            content,
            labelled: self.labelled,
            panels: self.panels.len(),
            beyond: self.beyond,
            undrawn: self.undrawn,
        }
    }

    /// Points from the bottom to the top: lighter below heavier.
    pub(super) fn order(scene: &Scene, points: &[u32]) -> Vec<u32> {
        let mut order = points.to_vec();
        if let Some(weights) = scene.weights {
            let heavier = |a: &u32, b: &u32| {
                weights[*a as usize].total_cmp(&weights[*b as usize]).then_with(|| b.cmp(a))
            };
            order.sort_unstable_by(heavier);
        }
        order
    }
}

/// The sheet around the map: what is written where, and what is still free.
struct Page<'a> {
    face: &'a Face,
    palette: &'a Palette,
    free: Rect,
    /// The width between the margins.
    width: f32,
    marks: Vec<Mark>,
}

impl Page<'_> {
    fn text(&mut self, text: String, at: [f32; 2], size: f32, ink: Rgb, bold: bool) {
        let width = self.face.weight(bold).width(&text, size);
        self.marks.push(Mark::Text { text, at, size, width, ink, bold, halo: false });
    }

    fn title(&mut self, title: &str, size: f32) {
        if title.is_empty() {
            return;
        }
        let text = self.face.weight(true).fit(title, size, self.free.width()).into_owned();
        let at = [self.free.left, self.free.top + size * 0.78];
        self.text(text, at, size, self.palette.ink, true);
        self.free.top += size * 1.35;
    }

    /// Writes the first of two texts at the foot of the page and keeps room for the second below it:
    /// the baselines of its lines.
    fn foot(&mut self, [caption, note]: &[&str; 2], size: f32) -> Vec<f32> {
        let (left, most) = (self.free.left, self.width);
        let lines = |text: &str| {
            if text.is_empty() { Vec::new() } else { wrap(self.face, text, size, most) }
        };
        let (caption, kept) = (lines(caption), lines(note).len());
        let count = caption.len() + kept;
        if count == 0 {
            return Vec::new();
        }
        let first = self.free.bottom - size * 0.25 - (count - 1) as f32 * size * 1.45;
        let line = |at: usize| first + at as f32 * size * 1.45;
        let reserved = (caption.len()..count).map(line).collect();
        for (at, text) in caption.into_iter().enumerate() {
            self.text(text, [left, line(at)], size, self.palette.muted, false);
        }
        self.free.bottom = first - size * 1.55;
        reserved
    }

    /// Writes a note where room was kept for it.
    fn note(&mut self, note: &str, lines: Vec<f32>, size: f32) {
        if note.is_empty() {
            return;
        }
        let left = self.free.left;
        let texts = wrap(self.face, note, size, self.width);
        for (text, y) in texts.into_iter().zip(lines) {
            self.text(text, [left, y], size, self.palette.muted, false);
        }
    }

    /// The border of a panel, and its heading where it has a name.
    fn panel(&mut self, group: &Group, map: &Rect, size: f32, words: &dyn Fn(&str) -> String) {
        for (from, to) in corners(map) {
            self.marks.push(Mark::Line { from, to, width: 1.0, ink: self.palette.line });
        }
        let Some(name) = group.name else { return };
        let count = legend::grouped(group.size);
        let width = self.face.width(&count, size);
        let y = map.top - size * 0.5;
        let name = words(name);
        let name = if name.is_empty() { "(empty)" } else { &name };
        let room = map.width() - width - size;
        let name = self.face.weight(true).fit(name, size, room).into_owned();
        self.text(name, [map.left, y], size, self.palette.ink, true);
        self.text(count, [map.right - width, y], size, self.palette.muted, false);
    }
}

/// What the reader has to know of the drawing, in one line: what the lines hold, who is not in the frame.
fn notes(lines: &Lines, coding: &Coding, panels: bool, beyond: usize, n: usize) -> String {
    let mut parts = Vec::new();
    if let Some(text) = lines.note(coding, panels) {
        parts.push(text);
    }
    if beyond > 0 {
        let (verb, points) = if beyond == 1 { ("lies", "point") } else { ("lie", "points") };
        parts.push(format!(
            "{} of {} {points} {verb} outside of the frame, where the arrows point",
            legend::grouped(beyond),
            legend::grouped(n)
        ));
    }
    parts.join(" · ")
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
        0..=5_000 => 0.95,
        5_001..=CROWD => 0.9,
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
