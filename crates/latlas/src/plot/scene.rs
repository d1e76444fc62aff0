//! What is to be seen: points and what is known about them.

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
    /// Names of groups of points, written where the points of a group lie most densely.
    pub regions: Option<Groups<'a>>,
    /// A panel of its own for each group, all on the same axes, every other point grey behind.
    pub panels: Option<Groups<'a>>,
    /// Lines that hold the densest shares of the points.
    pub contours: Option<Contours<'a>>,
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
        ///
        /// Where the scale holds both signs and neither reaches less than a tenth as far as the other, it
        /// diverges: it is made to reach as far below 0 as above, blue below and orange above.
        range: Option<(f32, f32)>,
        /// A sentence below the scale that says how to read the numbers; may be empty.
        note: &'a str,
    },
}

/// Points by group, such as the values of a column.
#[derive(Debug, Clone, Copy)]
pub struct Groups<'a> {
    /// The names of the groups. Panels stand in this order; groups without points have none.
    pub names: &'a [&'a str],
    /// The group of each point: an index into `names`, or [`NO_CATEGORY`].
    pub of: &'a [u32],
}

/// Highest-density regions (Hyndman 1996): the smallest regions that hold given shares of the points.
///
/// The density is a sum of Gaussians over points counted on a grid of 256 steps along the longer side of the map. With
/// [`Color::Categories`] each category that has a colour gets lines of its own, with panels each panel.
#[derive(Debug, Clone, Copy)]
pub struct Contours<'a> {
    /// The shares, each more than 0 and less than 1; at most eight.
    pub levels: &'a [f32],
    /// The standard deviation of the Gaussians, in units of the map, more than 0. `None` takes
    /// twice what least-squares cross-validation (Bowman 1984) finds, and Scott's rule at most.
    pub bandwidth: Option<f32>,
    /// Whether the points are drawn beneath the lines; without them the regions are filled.
    pub points: bool,
}

impl Contours<'static> {
    /// The shares that are drawn where nothing else is asked for.
    pub const LEVELS: [f32; 4] = [0.25, 0.5, 0.75, 0.95];
}

impl Default for Contours<'static> {
    fn default() -> Self {
        Contours { levels: &Self::LEVELS, bandwidth: None, points: true }
    }
}

impl Contours<'_> {
    fn check(&self) -> Result<()> {
        let inside = |&&level: &&f32| !(level > 0.0 && level < 1.0);
        if let Some(level) = self.levels.iter().find(inside) {
            return Err(Error::usage(format!("a contour cannot hold a share of {level}"))
                .help("shares are more than 0 and less than 1"));
        }
        if self.levels.is_empty() || self.levels.len() > 8 {
            return Err(Error::usage(format!("{} contours cannot be drawn", self.levels.len()))
                .help("1 to 8 shares of the points, such as 0.5, 0.95"));
        }
        match self.bandwidth {
            Some(h) if !(h > 0.0 && h.is_finite()) => {
                Err(Error::usage(format!("a bandwidth cannot be {h}"))
                    .help("it is more than 0, in units of the map"))
            }
            _ => Ok(()),
        }
    }
}

impl<'a> Scene<'a> {
    /// Bare points: no labels, one colour.
    pub fn new(x: &'a [f32], y: &'a [f32]) -> Self {
        Scene {
            x,
            y,
            labels: None,
            weights: None,
            color: Color::Plain,
            regions: None,
            panels: None,
            contours: None,
            title: "",
            caption: "",
        }
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
        let known = |what: &str, names: &[&str], of: &[u32]| {
            same(what, of.len())?;
            match of.iter().position(|&c| c as usize >= names.len() && c != NO_CATEGORY) {
                None => Ok(()),
                Some(at) => Err(Error::data(format!(
                    "{} has {what} {}, but there are {} of them",
                    self.name(at),
                    of[at],
                    names.len()
                ))),
            }
        };
        for (what, groups) in [("region", self.regions), ("panel", self.panels)] {
            groups.map_or(Ok(()), |Groups { names, of }| known(what, names, of))?;
        }
        if let Some(contours) = self.contours {
            contours.check()?;
        }
        match self.color {
            Color::Plain => Ok(()),
            Color::Categories { names, of, .. } => known("category", names, of),
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

    /// The points to label first: some or all by falling weight, the first first among equals; at most `limit`
    /// of them. Among these, labels without a letter or digit, such as commas, come last.
    pub(super) fn heaviest(&self, among: Option<&[u32]>, limit: usize) -> Vec<u32> {
        let all = || 0..self.len() as u32;
        let mut order: Vec<u32> = match (among, self.weights) {
            (Some(points), None) => points.iter().copied().take(limit).collect(),
            (None, None) => all().take(limit).collect(),
            (among, Some(_)) => among.map_or_else(|| all().collect(), <[u32]>::to_vec),
        };
        if let Some(weights) = self.weights {
            let heavier = |a: &u32, b: &u32| {
                weights[*b as usize].total_cmp(&weights[*a as usize]).then_with(|| a.cmp(b))
            };
            if limit < order.len() {
                order.select_nth_unstable_by(limit, heavier);
                order.truncate(limit);
            }
            order.sort_unstable_by(heavier);
        }
        if let Some(labels) = self.labels {
            order.sort_by_key(|&at| !labels[at as usize].chars().any(char::is_alphanumeric));
        }
        order
    }
}
