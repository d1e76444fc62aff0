//! A place on the map where a function of one point is low.

/// More looks at the function than any point needs.
const MOST_STEPS: usize = 200;
/// Steps shorter than this, in units of the map, are not worth another.
const SHORTEST: f64 = 1e-4;

/// A function at a point.
pub(in crate::map) struct Slope<const D: usize> {
    pub(in crate::map) value: f64,
    pub(in crate::map) gradient: [f64; D],
    /// What bounds its second derivative, as far as attraction goes.
    pub(in crate::map) curvature: f64,
}

/// Goes down from a start. A step is the gradient over the curvature, as if the function were the parabola that lies above its
/// attraction (all losses here are concave in the squared distance); it is halved where the function does not fall, and
/// grows again where it does.
pub(in crate::map) fn lowest<const D: usize>(
    start: [f64; D],
    at: impl Fn(&[f64; D]) -> Slope<D>,
) -> [f64; D] {
    let (mut y, mut share) = (start, 1.0_f64);
    let mut here = at(&y);
    for _ in 0..MOST_STEPS {
        if here.curvature <= 0.0 {
            break;
        }
        let step = here.gradient.map(|g| -share * g / here.curvature);
        let squared: f64 = step.iter().map(|x| x * x).sum();
        if squared.is_nan() || squared < SHORTEST * SHORTEST {
            break;
        }
        let next = std::array::from_fn(|axis| y[axis] + step[axis]);
        let there = at(&next);
        if there.value < here.value {
            (y, here) = (next, there);
            share = (share * 1.5).min(8.0);
        } else {
            share *= 0.5;
        }
    }
    y
}

/// Where half the weight lies on either side, axis by axis.
pub(in crate::map) fn median<const D: usize>(points: &[([f32; D], f64)]) -> [f64; D] {
    let total: f64 = points.iter().map(|&(_, weight)| weight).sum();
    std::array::from_fn(|axis| {
        let mut along: Vec<(f32, f64)> = points.iter().map(|&(y, w)| (y[axis], w)).collect();
        along.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut sum = 0.0;
        let half = along.iter().find(|&&(_, weight)| {
            sum += weight;
            2.0 * sum >= total
        });
        f64::from(half.or(along.last()).map_or(0.0, |&(y, _)| y))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_by_weight() {
        let points = [([0.0, 5.0], 1.0), ([1.0, 4.0], 1.0), ([9.0, -3.0], 1.0)];
        assert_eq!(median(&points), [1.0, 4.0]);
        assert_eq!(median(&[([0.0, 5.0], 1.0), ([7.0, 4.0], 3.0)]), [7.0, 4.0]);
        assert_eq!(median::<2>(&[]), [0.0, 0.0]);
    }

    /// ln(1 + ‖y − a‖²) and its kin fall from anywhere.
    #[test]
    fn it_finds_the_bottom() {
        let bottom = [3.0, -40.0];
        let y = lowest([100.0, 7.0], |y| {
            let off = [y[0] - bottom[0], y[1] - bottom[1]];
            let below = 1.0 + off[0] * off[0] + off[1] * off[1];
            let weight = 2.0 / below;
            Slope { value: below.ln(), gradient: off.map(|x| weight * x), curvature: weight }
        });
        assert!((y[0] - 3.0).hypot(y[1] + 40.0) < 1e-3, "{y:?}");
    }
}
