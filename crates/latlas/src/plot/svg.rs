//! The picture as an SVG file: circles grouped by colour, or above [`CROWD`] points their density as an
//! embedded PNG; words as text, so that they can be searched, restyled and set in the viewer's fonts.

use std::fmt::Write as _;

use super::Drawing;
use super::coding::Coding;
use super::frame::{CROWD, Mark, Sheet};
use super::image::{HALO, edge, map_alone};
use super::palette::{CATEGORIES, Rgb};
use super::scene::{Scene, Style};
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
    let sheet = Sheet::lay(scene, style, &coding, &face, true);
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
                palette.sequential(t)
            );
        }
        file.push_str("</linearGradient></defs>\n");
    }
    let _ =
        writeln!(file, "<rect width=\"{width}\" height=\"{height}\" fill=\"{}\"/>", palette.ground);
    if scene.len() > CROWD {
        let picture = map_alone(scene, &sheet, &coding, style.scale, run)?;
        let map = &sheet.map;
        let _ = write!(
            file,
            "<image x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" preserveAspectRatio=\"none\" href=\"data:image/png;base64,",
            short(map.left),
            short(map.top),
            // The picture's last column and row may reach a little beyond the map.
            short((map.width() * style.scale).ceil() / style.scale),
            short((map.height() * style.scale).ceil() / style.scale)
        );
        base64(&picture, &mut file);
        file.push_str("\"/>\n");
    } else {
        circles(&mut file, scene, &sheet, &coding);
    }
    for mark in &sheet.marks {
        draw(&mut file, mark, palette.ground);
    }
    file.push_str("</svg>\n");
    Ok(Drawing { content: file, labelled: sheet.labelled, undrawn: sheet.undrawn })
}

fn circles(file: &mut String, scene: &Scene, sheet: &Sheet, coding: &Coding) {
    let palette = &sheet.palette;
    let mut groups: Vec<(Rgb, Vec<u32>)> = match coding {
        Coding::Plain => vec![(coding.color(palette, 0), Vec::new())],
        Coding::Categories { .. } => {
            (0..=CATEGORIES).map(|slot| (palette.category(slot), Vec::new())).collect()
        }
        Coding::Values { .. } => (0..STEPS)
            .map(|step| palette.sequential(step as f32 / (STEPS - 1) as f32))
            .chain([palette.grey])
            .map(|color| (color, Vec::new()))
            .collect(),
    };
    for point in Sheet::order(scene) {
        let group = match coding {
            Coding::Plain => 0,
            Coding::Categories { .. } => coding.slot(point),
            Coding::Values { .. } => {
                coding.share(point).map_or(STEPS, |t| (t * (STEPS - 1) as f32).round() as usize)
            }
        };
        groups[group].1.push(point);
    }
    // The stroke lies on the ring around the face that the rasteriser keeps clear.
    let edge = edge(sheet.radius);
    let radius = short(sheet.radius + edge / 2.0);
    let _ = writeln!(
        file,
        "<g fill-opacity=\"{}\" stroke=\"{}\" stroke-opacity=\"0.6\" stroke-width=\"{}\">",
        short(sheet.opacity),
        palette.ground,
        short(edge)
    );
    // Grey, the last group, lies below the colours.
    for (color, points) in groups.iter().rev().filter(|(_, points)| !points.is_empty()) {
        let _ = writeln!(file, "<g fill=\"{color}\">");
        for &point in points {
            let [x, y] = sheet.at[point as usize];
            let _ =
                writeln!(file, "<circle cx=\"{}\" cy=\"{}\" r=\"{radius}\"/>", short(x), short(y));
        }
        file.push_str("</g>\n");
    }
    file.push_str("</g>\n");
}

fn draw(file: &mut String, mark: &Mark, ground: Rgb) {
    let _ = match mark {
        Mark::Text { text, at, size, width, ink, halo } => {
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
                "<text x=\"{}\" y=\"{}\" font-size=\"{}\" textLength=\"{}\" lengthAdjust=\"spacingAndGlyphs\" fill=\"{ink}\"{halo}>{}</text>",
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
