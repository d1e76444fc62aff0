//! What is to be seen, and how.

use crate::error::{Error, Result};

/// The category of a point that has none; drawn in grey.
pub const NO_CATEGORY: u32 = u32::MAX;

/// Points in the plane and what is known about them, borrowed from whoever has them.
///
/// All slices describe the same points in the same order. The axes of a map mean nothing by
/// themselves, so a scene is always drawn with equal scales and without ticks.
#[derive(Debug, Clone, Copy)]
pub struct Scene<'a> {
    /// Horizontal positions, growing to the right; finite.
    pub x: &'a [f32],
    /// Vertical positions, growing upwards; finite.
    pub y: &'a [f32],
    /// The points' names, of which a few are written beside their points.
    pub labels: Option<&'a [&'a str]>,
    /// How frequent or important each point is; finite and not negative. Heavier points are labelled
    /// first and in larger type, and lie above lighter ones. Without weights the order of the points decides.
    pub weights: Option<&'a [f64]>,
    /// What the colours say.
    pub color: Color<'a>,
    /// One line above the map; may be empty.
    pub title: &'a str,
    /// Up to two lines below the map, such as how far it can be trusted; may be empty.
    pub caption: &'a str,
}

/// What the colours of the points say.
#[derive(Debug, Clone, Copy, Default)]
pub enum Color<'a> {
    /// Nothing: one colour, deeper where points lie more densely.
    #[default]
    Plain,
    /// A colour for each of the ten most frequent categories, grey for the rest.
    Categories {
        /// What the categories are, such as the name of their column; heads the legend.
        title: &'a str,
        /// The names of the categories.
        names: &'a [&'a str],
        /// The category of each point: an index into `names`, or [`NO_CATEGORY`].
        of: &'a [u32],
    },
    /// A colour from a scale for each point's number.
    Values {
        /// What the numbers are, such as the name of their column; heads the legend.
        title: &'a str,
        /// The number of each point; NaN where it has none, drawn in grey.
        of: &'a [f32],
        /// The numbers at the ends of the scale, in rising order. `None` takes the smallest and the
        /// largest, or the 1st and 99th percentile where a few extremes would flatten everything else.
        range: Option<(f32, f32)>,
    },
}

/// How a scene is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Style {
    /// Width in units of 1/96 inch (CSS pixels), 160 to 8,192.
    pub width: u32,
    /// Height in the same units, 120 to 8,192.
    pub height: u32,
    /// Pixels of a PNG file per unit, 0.5 to 4: 2 is crisp on screens of high resolution and in print.
    pub scale: f32,
    /// Dark on light or light on dark.
    pub theme: Theme,
    /// How many labels to place at most; `None` takes as many as the size bears. Fewer appear where
    /// they would overlap.
    pub labels: Option<usize>,
    /// The radius of a point in units, more than 0 and at most 50; `None` takes it from the number of points.
    pub radius: Option<f32>,
    /// How opaque a point that overlaps no other is, more than 0 and at most 1; `None` takes it from the
    /// number of points.
    pub opacity: Option<f32>,
}

/// Dark on light or light on dark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Theme {
    /// Dark ink on a white ground.
    #[default]
    Light,
    /// Light ink on a dark ground.
    Dark,
}

impl std::str::FromStr for Theme {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "light" => Ok(Theme::Light),
            "dark" => Ok(Theme::Dark),
            _ => Err(Error::usage(format!("there is no theme '{name}'"))
                .help("the themes are light and dark")),
        }
    }
}

impl Default for Style {
    fn default() -> Self {
        Style {
            width: 1200,
            height: 900,
            scale: 2.0,
            theme: Theme::Light,
            labels: None,
            radius: None,
            opacity: None,
        }
    }
}

impl Style {
    /// An error of kind `Usage` that names the field out of its range.
    pub fn check(&self) -> Result<()> {
        let out = |name: &str, value: String, range: &str| {
            Err(Error::usage(format!("the {name} of a plot cannot be {value}"))
                .help(format!("it ranges over {range}")))
        };
        if !(160..=8192).contains(&self.width) {
            return out("width", self.width.to_string(), "160 to 8192");
        }
        if !(120..=8192).contains(&self.height) {
            return out("height", self.height.to_string(), "120 to 8192");
        }
        if !(0.5..=4.0).contains(&self.scale) {
            return out("scale", self.scale.to_string(), "0.5 to 4");
        }
        if let Some(radius) = self.radius
            && !(radius > 0.0 && radius <= 50.0)
        {
            return out("point radius", radius.to_string(), "more than 0 to 50");
        }
        if let Some(opacity) = self.opacity
            && !(opacity > 0.0 && opacity <= 1.0)
        {
            return out("opacity", opacity.to_string(), "more than 0 to 1");
        }
        Ok(())
    }
}

impl<'a> Scene<'a> {
    /// Bare points: no labels, one colour.
    pub fn new(x: &'a [f32], y: &'a [f32]) -> Self {
        Scene { x, y, labels: None, weights: None, color: Color::Plain, title: "", caption: "" }
    }

    /// The number of points.
    pub fn len(&self) -> usize {
        self.x.len()
    }

    /// Whether there are no points.
    pub fn is_empty(&self) -> bool {
        self.x.is_empty()
    }

    /// Whether the scene can be drawn: an error of kind `Nothing` without points; of kind `Data` for
    /// unequal lengths or a number that is not finite, naming the point.
    pub fn check(&self) -> Result<()> {
        if self.is_empty() && self.y.is_empty() {
            return Err(Error::nothing("there are no points to draw")
                .help("check the filter, or that the map has rows"));
        }
        let n = self.len();
        let same = |what: &str, len: usize| {
            if len == n {
                Ok(())
            } else {
                Err(Error::data(format!("a scene of {n} points has {len} {what}")))
            }
        };
        same("y coordinates", self.y.len())?;
        if n > u32::MAX as usize {
            return Err(Error::data(format!("a scene of {n} points is too large to draw"))
                .help("draw a sample of it"));
        }
        self.labels.map_or(Ok(()), |labels| same("labels", labels.len()))?;
        self.weights.map_or(Ok(()), |weights| same("weights", weights.len()))?;
        self.finite("x", self.x)?;
        self.finite("y", self.y)?;
        if let Some(weights) = self.weights
            && let Some(at) = weights.iter().position(|w| !w.is_finite() || *w < 0.0)
        {
            return Err(Error::data(format!("{} has the weight {}", self.name(at), weights[at]))
                .help("weights are finite and not negative"));
        }
        match self.color {
            Color::Plain => Ok(()),
            Color::Categories { names, of, .. } => {
                same("categories", of.len())?;
                match of.iter().position(|&c| c as usize >= names.len() && c != NO_CATEGORY) {
                    None => Ok(()),
                    Some(at) => {
                        let (name, count) = (self.name(at), names.len());
                        Err(Error::data(format!(
                            "{name} has category {}, but there are {count} categories",
                            of[at]
                        )))
                    }
                }
            }
            Color::Values { of, range, .. } => {
                same("values", of.len())?;
                match range {
                    Some((low, high)) if !(low.is_finite() && high.is_finite() && low < high) => {
                        Err(Error::usage(format!(
                            "a scale of values cannot run from {low} to {high}"
                        ))
                        .help("give two finite numbers in rising order"))
                    }
                    _ => Ok(()),
                }
            }
        }
    }

    fn finite(&self, axis: &str, values: &[f32]) -> Result<()> {
        match values.iter().position(|v| !v.is_finite()) {
            None => Ok(()),
            Some(at) => Err(Error::data(format!(
                "{} lies at {axis} = {}",
                self.name(at),
                values[at]
            ))
            .help(
                "every point of a map needs finite coordinates; leave out the rows that have none",
            )),
        }
    }

    /// A point in an error message, counted from 1.
    fn name(&self, at: usize) -> String {
        match self.labels.and_then(|labels| labels.get(at)) {
            Some(label) => format!("point {} ('{}')", at + 1, super::text::shorten(label, 40)),
            None => format!("point {}", at + 1),
        }
    }

    /// The points by falling weight, the first first among equals; at most `limit` of them.
    pub(super) fn heaviest(&self, limit: usize) -> Vec<u32> {
        let n = self.len();
        let mut order: Vec<u32> = (0..n as u32).collect();
        if let Some(weights) = self.weights {
            let heavier = |a: &u32, b: &u32| {
                weights[*b as usize].total_cmp(&weights[*a as usize]).then_with(|| a.cmp(b))
            };
            if limit < n {
                order.select_nth_unstable_by(limit, heavier);
                order.truncate(limit);
            }
            order.sort_unstable_by(heavier);
        }
        order.truncate(limit);
        order
    }

    /// (least x, least y, greatest x, greatest y), in f64 so that differences do not overflow.
    pub(super) fn bounds(&self) -> [f64; 4] {
        let range = |values: &[f32]| {
            values.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), &v| {
                (low.min(v), high.max(v))
            })
        };
        let ((x0, x1), (y0, y1)) = (range(self.x), range(self.y));
        [x0.into(), y0.into(), x1.into(), y1.into()]
    }
}
