//! Layer 9: pictures of maps: PNG, SVG, and braille for a terminal.
//!
//! A [`Scene`] says what is to be seen (points, labels, weights, colours, title, caption), a [`Style`]
//! how (size, theme, how many labels). [`png`] and [`svg`] lay the same scene out by the same code;
//! [`braille`] fits it into character cells.
//!
//! ```no_run
//! use latlas::Run;
//! use latlas::plot::{Scene, Style};
//!
//! let (x, y) = ([0.0, 1.0, 2.0], [0.0, 1.0, 0.5]);
//! let scene = Scene { labels: Some(&["a", "b", "c"]), title: "Three points", ..Scene::new(&x, &y) };
//! let drawing = latlas::plot::png(&scene, &Style::default(), &Run::silent(42))?;
//! assert_eq!(&drawing.content[1..4], b"PNG");
//! assert_eq!(drawing.labelled, 3);
//! # Ok::<(), latlas::Error>(())
//! ```

mod scene;
mod text;
mod undrawn;

pub use scene::{Color, NO_CATEGORY, Scene, Style, Theme};
pub use undrawn::Undrawn;

/// Draws a scene as a PNG file. Warns through `run` about labels that the font cannot draw.
pub fn png(scene: &Scene, style: &Style, run: &crate::Run) -> crate::Result<Drawing<Vec<u8>>> {
    let _ = (scene, style, run);
    todo!("part plot")
}

/// Draws a scene as an SVG file. Notes through `run` what is left to the viewer's fonts.
pub fn svg(scene: &Scene, style: &Style, run: &crate::Run) -> crate::Result<Drawing<String>> {
    let _ = (scene, style, run);
    todo!("part plot")
}

/// Draws a scene into at most `rows` lines of at most `cols` braille characters, in ANSI's 256 colours if `color`.
pub fn braille(scene: &Scene, cols: usize, rows: usize, color: bool) -> crate::Result<String> {
    let _ = (scene, cols, rows, color);
    todo!("part plot")
}

/// A finished picture and what became of its labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drawing<T> {
    /// The picture: the bytes of a PNG file, or the text of an SVG file.
    pub content: T,
    /// How many points carry a label in it.
    pub labelled: usize,
    /// The labels that came up for drawing and cannot be drawn, by script.
    pub undrawn: Undrawn,
}
