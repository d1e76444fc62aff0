//! What a colour stands for: from a point's category or number to its colour.

use super::palette::{CATEGORIES, Palette, Rgb};
use super::scene::{Color, NO_CATEGORY, Scene};

/// How the points of a scene are coloured.
pub(super) enum Coding<'a> {
    Plain,
    Categories {
        title: &'a str,
        of: &'a [u32],
        /// Of each category its rank by frequency; `CATEGORIES` for all that are drawn grey.
        rank: Vec<u8>,
        /// The categories with a colour of their own, the most frequent first, and their points.
        listed: Vec<(&'a str, usize)>,
        /// How many more categories there are, and their points.
        others: (usize, usize),
        /// Points of no category.
        none: usize,
    },
    Values {
        title: &'a str,
        of: &'a [f32],
        /// What to say of the numbers.
        note: &'a str,
        low: f32,
        high: f32,
        /// Whether the scale diverges from 0.
        signed: bool,
        /// Whether there are numbers below `low` and above `high`.
        beyond: [bool; 2],
        /// Points without a number.
        none: usize,
    },
}

impl<'a> Coding<'a> {
    pub(super) fn of(scene: &Scene<'a>) -> Self {
        match scene.color {
            Color::Plain => Coding::Plain,
            Color::Categories { title, names, of } => categories(title, names, of),
            Color::Values { title, of, range, note } => values(title, of, range, note),
        }
    }

    /// The colour slot of a categorical point: a rank, or `CATEGORIES` for grey.
    pub(super) fn slot(&self, point: u32) -> usize {
        match self {
            Coding::Categories { of, rank, .. } => {
                rank.get(of[point as usize] as usize).map_or(CATEGORIES, |&rank| rank.into())
            }
            _ => 0,
        }
    }

    /// Where the number of a point lies on the scale, 0..1; `None` where it has none.
    pub(super) fn share(&self, point: u32) -> Option<f32> {
        match self {
            Coding::Values { of, low, high, .. } => share(of[point as usize], *low, *high),
            _ => None,
        }
    }

    /// The colour of a point drawn by itself.
    pub(super) fn color(&self, palette: &Palette, point: u32) -> Rgb {
        match self {
            Coding::Plain => palette.density(0.35),
            Coding::Categories { .. } => palette.category(self.slot(point)),
            Coding::Values { .. } => {
                self.share(point).map_or(palette.grey, |t| self.scale(palette, t))
            }
        }
    }

    /// The colour at `t` in 0..1 of the scale of values.
    pub(super) fn scale(&self, palette: &Palette, t: f32) -> Rgb {
        match self {
            Coding::Values { signed: true, .. } => palette.diverging(t),
            _ => palette.sequential(t),
        }
    }
}

fn share(value: f32, low: f32, high: f32) -> Option<f32> {
    if value.is_nan() {
        None
    } else if high > low {
        // In f64, so that the width of the range cannot overflow.
        let t = (f64::from(value) - f64::from(low)) / (f64::from(high) - f64::from(low));
        Some(t.clamp(0.0, 1.0) as f32)
    } else {
        Some(0.5)
    }
}

fn categories<'a>(title: &'a str, names: &'a [&'a str], of: &'a [u32]) -> Coding<'a> {
    let mut counts = vec![0usize; names.len()];
    let mut none = 0;
    for &category in of {
        if category == NO_CATEGORY {
            none += 1;
        } else if let Some(count) = counts.get_mut(category as usize) {
            *count += 1;
        }
    }
    let mut order: Vec<usize> = (0..names.len()).filter(|&c| counts[c] > 0).collect();
    order.sort_by_key(|&c| (std::cmp::Reverse(counts[c]), c));
    let mut rank = vec![CATEGORIES as u8; names.len()];
    for (at, &category) in order.iter().take(CATEGORIES).enumerate() {
        rank[category] = at as u8;
    }
    let listed = order.iter().take(CATEGORIES).map(|&c| (names[c], counts[c])).collect();
    let rest = order.get(CATEGORIES..).unwrap_or_default();
    let others = (rest.len(), rest.iter().map(|&c| counts[c]).sum());
    Coding::Categories { title, of, rank, listed, others, none }
}

fn values<'a>(
    title: &'a str,
    of: &'a [f32],
    range: Option<(f32, f32)>,
    note: &'a str,
) -> Coding<'a> {
    let mut finite: Vec<f32> = of.iter().copied().filter(|v| v.is_finite()).collect();
    let none = of.iter().filter(|v| v.is_nan()).count();
    let (low, high) = range.unwrap_or_else(|| scale_of(&mut finite));
    // Numbers of both signs, neither side a mere trace.
    let signed = low < 0.0 && high > 0.0 && (-low).min(high) >= 0.1 * (-low).max(high);
    let (low, high) = if signed { (-high.max(-low), high.max(-low)) } else { (low, high) };
    let beyond = [of.iter().any(|&v| v < low), of.iter().any(|&v| v > high)];
    Coding::Values { title, of, note, low, high, signed, beyond, none }
}

/// The smallest and the largest number, or the 1st and 99th percentile where these lie so much closer
/// together that a few extremes would take most of the scale.
fn scale_of(values: &mut [f32]) -> (f32, f32) {
    if values.is_empty() {
        return (0.0, 0.0);
    }
    let n = values.len();
    let mut nth = |at: usize| *values.select_nth_unstable_by(at, f32::total_cmp).1;
    let (least, most) = (nth(0), nth(n - 1));
    let (p1, p99) = (nth(n / 100), nth(n - 1 - n / 100));
    let width = |low: f32, high: f32| f64::from(high) - f64::from(low);
    if p99 > p1 && width(p1, p99) < 0.5 * width(least, most) { (p1, p99) } else { (least, most) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frequent_categories_come_first_and_the_rest_are_grey() {
        let names: Vec<String> = (0..12).map(|i| format!("c{i}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        // Category c occurs c times, so that 11 is the most frequent and 0 does not occur.
        let mut of: Vec<u32> = (0..12).flat_map(|c| std::iter::repeat_n(c, c as usize)).collect();
        of.push(NO_CATEGORY);
        let Coding::Categories { rank, listed, others, none, .. } = categories("", &names, &of)
        else {
            panic!()
        };
        assert_eq!(listed[0], ("c11", 11));
        assert_eq!((rank[11], rank[2], rank[1], rank[0]), (0, 9, 10, 10));
        assert_eq!((others, none), ((1, 1), 1));
    }

    #[test]
    fn extremes_do_not_flatten_the_scale() {
        let mut values: Vec<f32> = (0..1000).map(|i| i as f32).collect();
        assert_eq!(scale_of(&mut values.clone()), (0.0, 999.0));
        values[3] = 1e30;
        let (low, high) = scale_of(&mut values);
        assert!(low < 20.0 && high < 1000.0, "{low} {high}");
        assert_eq!(share(f32::INFINITY, low, high), Some(1.0));
        assert_eq!(scale_of(&mut [7.0]), (7.0, 7.0));
    }

    #[test]
    fn scales_of_both_signs_diverge_from_zero() {
        let scale = |of: &[f32]| match values("", of, None, "") {
            Coding::Values { low, high, signed, .. } => (low, high, signed),
            _ => panic!(),
        };
        assert_eq!(scale(&[-1.0, 0.5, 3.0]), (-3.0, 3.0, true));
        assert_eq!(scale(&[-0.1, 0.5, 3.0]), (-0.1, 3.0, false));
        assert_eq!(scale(&[0.0, 0.5, 3.0]), (0.0, 3.0, false));
    }
}
