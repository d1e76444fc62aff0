//! Layer 9: pictures of maps: PNG, SVG, and braille for a terminal.
//!
//! A [`Scene`] says what is to be seen (points, labels, weights, colours, names of regions, panels, contours, title,
//! caption), a [`Style`] how (size, theme, how many labels, what the frame holds). [`png`] and [`svg`] lay the same
//! scene out by the same code; [`braille`] fits it into character cells.
//!
//! ```
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

mod arrows;
mod braille;
mod canvas;
mod coding;
mod contour;
mod contours;
mod density;
mod frame;
mod image;
mod labels;
mod legend;
mod paint;
mod palette;
mod panels;
mod path;
mod raster;
mod regions;
mod room;
mod scene;
mod style;
mod svg;
mod text;
mod undrawn;
mod view;

pub use braille::braille;
pub use image::png;
pub use palette::Rgb;
pub use scene::{Color, Contours, Groups, NO_CATEGORY, Scene};
pub use style::{Frame, Style, Theme};
pub use svg::svg;
pub use undrawn::Undrawn;

/// A finished picture and what became of its labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drawing<T> {
    /// The picture: the bytes of a PNG file, or the text of an SVG file.
    pub content: T,
    /// How many points carry a label in it.
    pub labelled: usize,
    /// How many maps it shows side by side.
    pub panels: usize,
    /// How many points lie outside of the frame, as arrows at its border.
    pub beyond: usize,
    /// The labels that came up for drawing and cannot be drawn, by script.
    pub undrawn: Undrawn,
}
