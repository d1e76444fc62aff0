//! Words: what a label may contain, which labels the font can draw, how wide they are, and their outlines.
//!
//! Glyphs are set one after another from left to right with the font's kerning. That is right for
//! alphabets such as Latin, Greek and Cyrillic and wrong for scripts that join or reorder letters
//! (Arabic, Devanagari, Thai, …) or run from right to left, so these count as undrawable even where
//! the font has their letters.

use ab_glyph::{Font, FontRef, Glyph, GlyphId, PxScale, point};
use std::borrow::Cow;
use std::fmt::Write as _;
use unicode_script::{Script, UnicodeScript};

use crate::error::{Error, Result};

/// Labels longer than this many letters are never looked at beyond them.
const LONGEST: usize = 1024;

/// A label as it may be shown: no control or formatting characters (they could reach a terminal or
/// break a file), every run of white space one space, none at the ends.
pub(super) fn clean(text: &str) -> Cow<'_, str> {
    let fine = |text: &str| {
        text.len() <= LONGEST
            && !text.starts_with(' ')
            && !text.ends_with(' ')
            && !text.contains("  ")
            && !text.chars().any(|c| dropped(c) || (c.is_whitespace() && c != ' '))
    };
    if fine(text) {
        return Cow::Borrowed(text);
    }
    let mut words = String::new();
    for c in text.chars().take(LONGEST) {
        if c.is_whitespace() {
            if !words.is_empty() && !words.ends_with(' ') {
                words.push(' ');
            }
        } else if !dropped(c) {
            words.push(c);
        }
    }
    words.truncate(words.trim_end().len());
    Cow::Owned(words)
}

/// Whether a character has no place in a label: control characters, marks of direction and of
/// interlinear notes, tags, variation selectors, noncharacters.
fn dropped(c: char) -> bool {
    (c.is_control() && !c.is_whitespace())
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{fdd0}'..='\u{fdef}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
        || (c as u32) & 0xfffe == 0xfffe
}

/// Joiners shape the letters around them and have no width.
fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}')
}

/// A label of at most `most` letters, an ellipsis for the rest.
pub(super) fn shorten(text: &str, most: usize) -> String {
    let text = clean(text);
    if text.chars().count() <= most {
        return text.into_owned();
    }
    let mut short: String = text.chars().take(most.saturating_sub(1)).collect();
    short.truncate(short.trim_end().len());
    short.push('…');
    short
}

/// How many cells of a terminal a character takes: 0, 1 or 2; `None` where terminals disagree.
pub(super) fn cells(c: char) -> Option<usize> {
    match c.script() {
        Script::Inherited => Some(0),
        Script::Han
        | Script::Hiragana
        | Script::Katakana
        | Script::Hangul
        | Script::Bopomofo
        | Script::Yi => {
            // Halfwidth forms.
            Some(if ('\u{ff61}'..='\u{ffdc}').contains(&c) { 1 } else { 2 })
        }
        Script::Common if (c as u32) < 0x2000 => Some(1),
        Script::Common if matches!(c, '\u{2010}'..='\u{2027}' | '\u{2030}'..='\u{205e}') => Some(1),
        Script::Common if matches!(c, '\u{3001}'..='\u{3020}' | '\u{ff01}'..='\u{ff60}') => Some(2),
        script if sets_plainly(script) && script != Script::Common => Some(1),
        _ => None,
    }
}

/// Scripts whose letters stand side by side from left to right, each in one form.
fn sets_plainly(script: Script) -> bool {
    use Script as S;
    matches!(
        script,
        S::Common
            | S::Inherited
            | S::Latin
            | S::Greek
            | S::Cyrillic
            | S::Armenian
            | S::Georgian
            | S::Han
            | S::Hiragana
            | S::Katakana
            | S::Bopomofo
            | S::Yi
            | S::Cherokee
            | S::Canadian_Aboriginal
            | S::Ethiopic
            | S::Ogham
            | S::Runic
            | S::Gothic
            | S::Coptic
            | S::Glagolitic
            | S::Deseret
            | S::Shavian
            | S::Old_Italic
            | S::Lisu
            | S::Vai
            | S::Tifinagh
            | S::Braille
    )
}

/// An embedded face, DejaVu Sans.
pub(super) struct Face {
    font: FontRef<'static>,
    /// Units of the outlines per em.
    em: f32,
    /// The bold one beside the regular one.
    bold: Option<Box<Face>>,
}

impl Face {
    /// Reads the embedded faces: the regular one, which knows the bold one.
    pub(super) fn new() -> Result<Self> {
        let read = |bytes: &'static [u8]| {
            let font = FontRef::try_from_slice(bytes).map_err(|_| {
                Error::data("the embedded font is damaged").help("build the program anew")
            })?;
            let em = font.units_per_em().unwrap_or(2048.0);
            Ok(Face { font, em, bold: None })
        };
        let bold = Some(Box::new(read(dejavu::sans::bold())?));
        Ok(Face { bold, ..read(dejavu::sans::regular())? })
    }

    /// The face for ordinary words, or for those that stand out.
    pub(super) fn weight(&self, bold: bool) -> &Face {
        if bold { self.bold.as_deref().unwrap_or(self) } else { self }
    }

    /// The script that keeps this text from being drawn, if any.
    pub(super) fn fault(&self, text: &str) -> Option<&'static str> {
        text.chars().find(|&c| !self.draws(c)).map(|c| match c.script() {
            // Joiners belong to no script, but stand in scripts that need them.
            Script::Common | Script::Inherited | Script::Unknown => "Symbols",
            script => script.full_name(),
        })
    }

    fn draws(&self, c: char) -> bool {
        !is_joiner(c) && sets_plainly(c.script()) && self.font.glyph_id(c).0 != 0
    }

    /// The text with what cannot be drawn named: "‹Han›". For titles and legends, which cannot be left out.
    pub(super) fn named<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let text = clean(text);
        if self.fault(&text).is_none() {
            return text;
        }
        let mut named = String::new();
        let mut last = None;
        let mut letter = [0; 4];
        for c in text.chars() {
            match self.fault(c.encode_utf8(&mut letter)) {
                None => {
                    // A space between two words of one script does not part them.
                    if c != ' ' {
                        last = None;
                    }
                    named.push(c);
                }
                Some(script) if last == Some(script) => {}
                Some(script) => {
                    let _ = write!(named, "‹{script}›");
                    last = Some(script);
                }
            }
        }
        named.truncate(named.trim_end().len());
        Cow::Owned(named)
    }

    /// The width of a text whose em is `size`. Letters that the font lacks count as a viewer's font
    /// would set them: a full em in East Asian scripts, 0.6 em in others.
    pub(super) fn width(&self, text: &str, size: f32) -> f32 {
        let mut pen = Pen::new(self);
        for c in text.chars() {
            pen.set(c);
        }
        pen.x * size / self.em
    }

    /// The text if it is at most `most` wide, else its beginning and an ellipsis.
    pub(super) fn fit<'t>(&self, text: &'t str, size: f32, most: f32) -> Cow<'t, str> {
        let ellipsis = self.width("…", size);
        let mut pen = Pen::new(self);
        let mut cut = 0;
        for (at, c) in text.char_indices() {
            if pen.x * size / self.em + ellipsis <= most {
                cut = at;
            }
            pen.set(c);
            if pen.x * size / self.em > most {
                return Cow::Owned(format!("{}…", text[..cut].trim_end()));
            }
        }
        Cow::Borrowed(text)
    }

    /// Hands out the coverage (0..1) of each pixel that the text touches, its baseline starting at (x, y)
    /// in pixels, its em `size` pixels. Where letters overlap, a pixel comes twice.
    pub(super) fn draw(
        &self,
        text: &str,
        size: f32,
        x: f32,
        y: f32,
        mut pixel: impl FnMut(i32, i32, f32),
    ) {
        // ab_glyph measures in heights of the face, not in ems.
        let scale = PxScale::from(size * self.font.height_unscaled() / self.em);
        let mut pen = Pen::new(self);
        for c in text.chars() {
            let (id, at) = pen.set(c);
            let glyph = Glyph { id, scale, position: point(x + at * size / self.em, y) };
            if let Some(outline) = self.font.outline_glyph(glyph) {
                let corner = outline.px_bounds().min;
                outline.draw(|dx, dy, coverage| {
                    pixel(
                        corner.x as i32 + dx as i32,
                        corner.y as i32 + dy as i32,
                        coverage.min(1.0),
                    );
                });
            }
        }
    }
}

/// Walks along a line of text, in units of the outlines.
struct Pen<'f> {
    face: &'f Face,
    x: f32,
    last: Option<GlyphId>,
}

impl<'f> Pen<'f> {
    fn new(face: &'f Face) -> Self {
        Pen { face, x: 0.0, last: None }
    }

    /// Sets a letter; its glyph and where it starts.
    fn set(&mut self, c: char) -> (GlyphId, f32) {
        let font = &self.face.font;
        let id = font.glyph_id(c);
        if id.0 == 0 || is_joiner(c) {
            let at = self.x;
            self.x += match cells(c) {
                _ if is_joiner(c) => 0.0,
                Some(0) => 0.0,
                Some(2) => self.face.em,
                _ => 0.6 * self.face.em,
            };
            self.last = None;
            return (GlyphId(0), at);
        }
        if let Some(last) = self.last {
            self.x += font.kern_unscaled(last, id);
        }
        self.last = Some(id);
        let at = self.x;
        self.x += font.h_advance_unscaled(id);
        (id, at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_labels_come_out_clean() {
        assert_eq!(clean("plain label"), "plain label");
        assert_eq!(clean(" a\t\r\n b\u{1b}[31m\u{202e}c\0\u{ffff} "), "a b[31mc");
        assert_eq!(clean(&"x".repeat(1_000_000)).len(), LONGEST);
        assert_eq!(shorten("abcdef", 4), "abc…");
    }

    #[test]
    fn scripts_that_cannot_be_set_are_named() {
        let face = Face::new().unwrap();
        for (text, fault) in [
            ("Straße naïve Ωμέγα привет №5 — “x”", None),
            ("北京", Some("Han")),
            ("سلام", Some("Arabic")),
            ("שלום", Some("Hebrew")),
            ("नमस्ते", Some("Devanagari")),
            ("สวัสดี", Some("Thai")),
            ("サッカー", Some("Katakana")),
            ("한국", Some("Hangul")),
            ("\u{e123}", Some("Symbols")),
        ] {
            assert_eq!(face.fault(text), fault, "{text}");
        }
        assert_eq!(face.named("the 北京 city 上海"), "the ‹Han› city ‹Han›");
    }

    #[test]
    fn widths_add_up_and_kern() {
        let face = Face::new().unwrap();
        let sum = face.width("A", 20.0) + face.width("V", 20.0);
        assert!(face.width("AV", 20.0) < sum, "AV is a kerned pair");
        assert!((face.width("nn", 20.0) - 2.0 * face.width("n", 20.0)).abs() < 1e-4);
        let fitted = face.fit("a rather long label", 12.0, 60.0);
        assert!(fitted.ends_with('…') && face.width(&fitted, 12.0) <= 60.0, "{fitted}");
        assert_eq!(face.fit("short", 12.0, 60.0), "short");
    }

    #[test]
    fn ink_lies_where_the_text_does() {
        let face = Face::new().unwrap();
        let (mut ink, mut left, mut right) = (0.0, i32::MAX, i32::MIN);
        face.draw("HHH", 40.0, 10.25, 50.0, |x, y, coverage| {
            if coverage > 0.0 {
                assert!((20..=50).contains(&y));
                (left, right) = (left.min(x), right.max(x));
            }
            ink += coverage;
        });
        assert!(left >= 10 && right as f32 <= 11.0 + 10.25 + face.width("HHH", 40.0));
        assert!(ink > 300.0);
    }
}
