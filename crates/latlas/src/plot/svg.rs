//! The picture as an SVG file: circles grouped by colour, or above 20,000 points their density as an
//! embedded PNG; words as text, so that they can be searched, restyled and set in the viewer's fonts.

use std::fmt::Write as _;

use super::Drawing;
use super::coding::Coding;
use super::frame::{Look, Mark, Panel, Rect, Sheet};
use super::image::{HALO, PATH_HALO, PATH_HALO_OPACITY, in_pool, maps_alone};
use super::paint::edge;
use super::palette::{CATEGORIES, Rgb};
use super::scene::Scene;
use super::style::Style;
use super::text::{Face, clean};
use crate::error::Result;
use crate::run::Run;

/// How many steps the colours of values are grouped into.
const STEPS: usize = 64;

/// Draws a scene as an SVG file of `style.width` × `style.height` units.
///
/// The layout is that of [`super::png`], except that labels which the embedded font lacks are placed
/// too, by estimated widths, and left to the viewer's fonts; `undrawn` is therefore empty. Every text
/// states its width, so that labels keep their distances in other fonts. `style.scale` is the
/// resolution of the embedded picture where there is one. Equal scenes give equal bytes.
///
/// Errors: those of [`super::png`].
pub fn svg(scene: &Scene, style: &Style, run: &Run) -> Result<Drawing<String>> {
    scene.check()?;
    style.check()?;
    let face = Face::new()?;
    let coding = Coding::of(scene);
    let sheet = in_pool(run, || Sheet::lay(scene, style, &coding, &face, true))?;
    let mut file = String::new();
    let palette = &sheet.palette;
    let (width, height) = (style.width, style.height);
    let _ = writeln!(
        file,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"'DejaVu Sans', Verdana, sans-serif\">"
    );
    let title = clean(scene.title);
    if !title.is_empty() {
        let _ = writeln!(file, "<title>{}</title>", Escaped(&title));
    }
    if matches!(coding, Coding::Values { .. }) {
        file.push_str("<defs><linearGradient id=\"scale\" x1=\"0\" y1=\"1\" x2=\"0\" y2=\"0\">");
        for stop in 0..=16 {
            let t = stop as f32 / 16.0;
            let _ = write!(
                file,
                "<stop offset=\"{}\" stop-color=\"{}\"/>",
                short(t),
                coding.scale(palette, t)
            );
        }
        file.push_str("</linearGradient></defs>\n");
    }
    let _ =
        writeln!(file, "<rect width=\"{width}\" height=\"{height}\" fill=\"{}\"/>", palette.ground);
    if sheet.points && (sheet.front.crowded || sheet.back.crowded) {
        pictures(&mut file, scene, &sheet, &coding, style.scale, run)?;
    } else if sheet.points {
        circles(&mut file, scene, &sheet, &coding);
    }
    for mark in &sheet.marks {
        draw(&mut file, mark, palette.ground);
    }
    file.push_str("</svg>\n");
    Ok(sheet.drawing(file))
}

/// The panels as embedded pictures.
fn pictures(
    file: &mut String,
    scene: &Scene,
    sheet: &Sheet,
    coding: &Coding,
    scale: f32,
    run: &Run,
) -> Result<()> {
    let pictures = maps_alone(scene, sheet, coding, scale, run)?;
    for (Panel { map, .. }, picture) in sheet.panels.iter().zip(pictures) {
        let _ = write!(
            file,
            "<image x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" preserveAspectRatio=\"none\" href=\"data:image/png;base64,",
            short(map.left),
            short(map.top),
            // The picture's last column and row may reach a little beyond the map.
            short((map.width() * scale).ceil() / scale),
            short((map.height() * scale).ceil() / scale)
        );
        base64(&picture, file);
        file.push_str("\"/>\n");
    }
    Ok(())
}

fn circles(file: &mut String, scene: &Scene, sheet: &Sheet, coding: &Coding) {
    let palette = &sheet.palette;
    for panel in &sheet.panels {
        let back = vec![(sheet.behind(), panel.back.clone())];
        layer(file, scene, panel, &sheet.back, palette.ground, &back);
        let mut groups: Vec<(Rgb, Vec<u32>)> = match coding {
            Coding::Plain => vec![(coding.color(palette, 0), Vec::new())],
            Coding::Categories { .. } => {
                (0..=CATEGORIES).map(|slot| (palette.category(slot), Vec::new())).collect()
            }
            Coding::Values { .. } => (0..STEPS)
                .map(|step| coding.scale(palette, step as f32 / (STEPS - 1) as f32))
                .map(|color| (color, Vec::new()))
                .collect(),
        };
        for point in Sheet::order(scene, &panel.front) {
            let group = match coding {
                Coding::Plain => 0,
                Coding::Categories { .. } => coding.slot(point),
                Coding::Values { .. } => {
                    coding.share(point).map_or(0, |t| (t * (STEPS - 1) as f32).round() as usize)
                }
            };
            groups[group].1.push(point);
        }
        layer(file, scene, panel, &sheet.front, palette.ground, &groups);
    }
}

/// Points of a panel by colour, the last group lowest; those outside of its frame are left to arrows.
fn layer(
    file: &mut String,
    scene: &Scene,
    panel: &Panel,
    look: &Look,
    ground: Rgb,
    groups: &[(Rgb, Vec<u32>)],
) {
    if groups.iter().all(|(_, points)| points.is_empty()) {
        return;
    }
    // The stroke lies on the ring around the face that the rasteriser keeps clear.
    let edge = edge(look.radius);
    let radius = short(look.radius + edge / 2.0);
    let _ = writeln!(
        file,
        "<g fill-opacity=\"{}\" stroke=\"{ground}\" stroke-opacity=\"0.6\" stroke-width=\"{}\">",
        short(look.opacity),
        short(edge)
    );
    for (color, points) in groups.iter().rev().filter(|(_, points)| !points.is_empty()) {
        let _ = writeln!(file, "<g fill=\"{color}\">");
        for &point in points {
            let [x, y] = panel.projection.at(scene.x[point as usize], scene.y[point as usize]);
            if panel.map.contains(&Rect { left: x, top: y, right: x, bottom: y }) {
                let (x, y) = (short(x), short(y));
                let _ = writeln!(file, "<circle cx=\"{x}\" cy=\"{y}\" r=\"{radius}\"/>");
            }
        }
        file.push_str("</g>\n");
    }
    file.push_str("</g>\n");
}

fn draw(file: &mut String, mark: &Mark, ground: Rgb) {
    let _ = match mark {
        Mark::Text { text, at, size, width, ink, bold, halo } => {
            let weight = if *bold { " font-weight=\"bold\"" } else { "" };
            let halo = if *halo {
                let width = short(2.0 * HALO);
                format!(
                    " paint-order=\"stroke\" stroke=\"{ground}\" stroke-width=\"{width}\" stroke-linejoin=\"round\" stroke-opacity=\"0.9\""
                )
            } else {
                String::new()
            };
            writeln!(
                file,
                "<text x=\"{}\" y=\"{}\" font-size=\"{}\" textLength=\"{}\" lengthAdjust=\"spacingAndGlyphs\" fill=\"{ink}\"{weight}{halo}>{}</text>",
                short(at[0]),
                short(at[1]),
                short(*size),
                short(*width),
                Escaped(text)
            )
        }
        Mark::Line { from, to, width, ink } => writeln!(
            file,
            "<line x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\" stroke=\"{ink}\" stroke-width=\"{}\" stroke-linecap=\"round\"/>",
            short(from[0]),
            short(from[1]),
            short(to[0]),
            short(to[1]),
            short(*width)
        ),
        Mark::Disc { at, radius, ink } => writeln!(
            file,
            "<circle cx=\"{}\" cy=\"{}\" r=\"{}\" fill=\"{ink}\"/>",
            short(at[0]),
            short(at[1]),
            short(*radius)
        ),
        Mark::Scale { rect } => writeln!(
            file,
            "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"url(#scale)\"/>",
            short(rect.left),
            short(rect.top),
            short(rect.width()),
            short(rect.height())
        ),
        Mark::Path { loops, ink, fill, width, halo } => {
            let mut path = String::new();
            for points in loops {
                for (at, &[x, y]) in points.iter().enumerate() {
                    let letter = if at == 0 { 'M' } else { 'L' };
                    let _ = write!(path, "{letter}{} {}", short(x), short(y));
                }
                path.push('Z');
            }
            if *halo {
                let _ = writeln!(
                    file,
                    "<path d=\"{path}\" fill=\"none\" stroke=\"{ground}\" stroke-width=\"{}\" stroke-opacity=\"{PATH_HALO_OPACITY}\"/>",
                    short(width + PATH_HALO)
                );
            }
            writeln!(
                file,
                "<path d=\"{path}\" fill=\"{ink}\" fill-rule=\"evenodd\" fill-opacity=\"{}\" stroke=\"{ink}\" stroke-width=\"{}\" stroke-linejoin=\"round\"/>",
                short(*fill),
                short(*width)
            )
        }
    };
}

/// A number with two decimals at most, no zeros at its end.
fn short(value: f32) -> String {
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".into() } else { text.into() }
}

/// Text as character data of XML. Cleaned labels hold no characters that XML forbids.
struct Escaped<'a>(&'a str);

impl std::fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                _ => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// RFC 4648, section 4.
fn base64(bytes: &[u8], text: &mut String) {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    text.reserve(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group = (0..3)
            .fold(0u32, |group, i| group << 8 | u32::from(chunk.get(i).copied().unwrap_or(0)));
        for i in 0..4 {
            let letter = LETTERS[(group >> (18 - 6 * i)) as usize & 63];
            text.push(if i <= chunk.len() { letter.into() } else { '=' });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_agrees_with_the_rfc() {
        for (bytes, want) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")]
        {
            let mut text = String::new();
            base64(bytes.as_bytes(), &mut text);
            assert_eq!(text, want);
        }
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!(
            [0.0, -0.001, 12.5, 6.28699, 100.0].map(short),
            ["0", "0", "12.5", "6.29", "100"]
        );
    }
}
