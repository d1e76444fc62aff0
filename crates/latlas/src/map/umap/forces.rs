//! What one sampled link does to a point: a pull towards its other end, and pushes away from points drawn at random.
//!
//! With ψ = 1/(1 + a·d^(2b)), d the distance on the map and v = yᵢ − yⱼ, the steps of the cross entropy's gradient are
//! (McInnes, Healy & Melville 2018, §4.2)
//!
//! ```text
//! pull:  −2ab·d^(2(b−1)) / (1 + a·d^(2b)) · v     = −2b·u / (d²·(1 + u)) · v
//! push:   2b·γ / ((0.001 + d²)·(1 + a·d^(2b))) · v  = 2b·γ / ((0.001 + d²)·(1 + u)) · v,    u = a·d^(2b)
//! ```
//!
//! each coordinate cut to ±4. Both need the same power of d², so they are computed side by side, [`LANES`] at a time, by
//! loops without branches that compilers turn into SIMD. The power is exp₂(b·log₂ d²) by two polynomials.

/// How many forces are computed side by side: a pull and up to three pushes fill one register of 128 bits.
pub(super) const LANES: usize = 4;
/// The longest step along an axis.
const LONGEST: f32 = 4.0;
/// What keeps a push finite.
const SOFT: f32 = 0.001;
/// Squared distances are kept within these, so that no power overflows.
const NEAR: f32 = 1e-12;
const FAR: f32 = 1e12;

/// How many points are moved side by side, each by forces of its own.
pub(super) const SIDE: usize = 8;
/// A number for each of them.
pub(super) type Side = [f32; SIDE];

/// One number a force.
type Lanes = [f32; LANES];

/// The constants of the forces.
#[derive(Debug, Clone, Copy)]
pub(super) struct Forces {
    a: f32,
    b: f32,
    /// A pull in the first lane, pushes in all others; and pushes alone.
    mixed: Mix,
    pushes: Mix,
}

/// coefficient = (`fixed` + `by_power`·u) / ((`soft` + d²)·(1 + u)) in each lane.
#[derive(Debug, Clone, Copy)]
struct Mix {
    fixed: Lanes,
    by_power: Lanes,
    soft: Lanes,
}

impl Forces {
    /// The forces of a curve; `strength` is γ.
    pub(super) fn new(a: f64, b: f64, strength: f64) -> Self {
        let push = (2.0 * b * strength) as f32;
        let pushes = Mix { fixed: [push; LANES], by_power: [0.0; LANES], soft: [SOFT; LANES] };
        let mut mixed = pushes;
        (mixed.fixed[0], mixed.by_power[0], mixed.soft[0]) = (0.0, (-2.0 * b) as f32, 0.0);
        Forces { a: a as f32, b: b as f32, mixed, pushes }
    }

    /// What a link that is due does to a point: a pull to `to`, then `also`, if there is such a force, and `pushes` from points
    /// that `draw` gives.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "the innermost loop, called with closures")]
    pub(super) fn link<const D: usize>(
        &self,
        point: &mut [f32; D],
        to: &[f32; D],
        also: Option<[f32; D]>,
        pushes: usize,
        rate: f32,
        mut draw: impl FnMut() -> [f32; D],
    ) {
        let mut others = [*point; LANES];
        others[0] = *to;
        let beside = pushes.min(LANES - 1);
        others[1..=beside].fill_with(&mut draw);
        self.pull(point, &others, rate);
        if let Some(force) = also {
            point.iter_mut().zip(force).for_each(|(y, force)| *y += rate * force);
        }
        let mut left = pushes - beside;
        while left > 0 {
            let now = left.min(LANES);
            others = [*point; LANES];
            others[..now].fill_with(&mut draw);
            self.push(point, &others, rate);
            left -= now;
        }
    }

    /// Moves points side by side, each by a pull to its place in `pull` and by at most three pushes from those in `pushes`: the sum that
    /// [`Forces::link`] has, in the same order.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "compiled for each width")]
    pub(super) fn pull_and_push<const D: usize>(
        &self,
        points: &mut [Side; D],
        pull: &[Side; D],
        pushes: &[[Side; D]],
        rate: f32,
    ) {
        let mut forces = [[[0.0; SIDE]; D]; LANES];
        forces[0] = self.between(points, pull, (0.0, self.mixed.by_power[0], 0.0));
        let push = (self.pushes.fixed[0], 0.0, SOFT);
        for (force, other) in forces[1..].iter_mut().zip(pushes) {
            *force = self.between(points, other, push);
        }
        add_up(points, &forces, rate);
    }

    /// Moves points side by side, each by at most four pushes.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "compiled for each width")]
    pub(super) fn push_all<const D: usize>(
        &self,
        points: &mut [Side; D],
        pushes: &[[Side; D]],
        rate: f32,
    ) {
        let mut forces = [[[0.0; SIDE]; D]; LANES];
        let push = (self.pushes.fixed[0], 0.0, SOFT);
        for (force, other) in forces.iter_mut().zip(pushes) {
            *force = self.between(points, other, push);
        }
        add_up(points, &forces, rate);
    }

    /// The force on each point from another, with the constants of [`Mix`].
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "called with constants, which it folds in")]
    fn between<const D: usize>(
        &self,
        points: &[Side; D],
        others: &[Side; D],
        (fixed, by_power, soft): (f32, f32, f32),
    ) -> [Side; D] {
        let mut squared = [0.0; SIDE];
        let mut apart = [[0.0; SIDE]; D];
        for (apart, (point, other)) in apart.iter_mut().zip(points.iter().zip(others)) {
            for i in 0..SIDE {
                apart[i] = point[i] - other[i];
                squared[i] += apart[i] * apart[i];
            }
        }
        let mut coefficient = [0.0; SIDE];
        for i in 0..SIDE {
            coefficient[i] = self.coefficient(squared[i], fixed, by_power, soft);
        }
        for apart in &mut apart {
            for i in 0..SIDE {
                apart[i] = cut(coefficient[i] * apart[i]);
            }
        }
        apart
    }

    /// See [`Mix`].
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "part of loops that become SIMD")]
    fn coefficient(&self, d2: f32, fixed: f32, by_power: f32, soft: f32) -> f32 {
        let d2 = if d2 > NEAR { d2 } else { NEAR };
        let d2 = if d2 < FAR { d2 } else { FAR };
        let u = self.a * power(d2, self.b);
        (fixed + by_power * u) / ((soft + d2) * (1.0 + u))
    }

    /// Moves a point by a pull to `others[0]` and pushes from the rest. A lane that is not wanted holds the point
    /// itself: nothing pulls or pushes at no distance.
    #[inline]
    pub(super) fn pull<const D: usize>(
        &self,
        point: &mut [f32; D],
        others: &[[f32; D]; LANES],
        rate: f32,
    ) {
        self.act(&self.mixed, point, others, rate);
    }

    /// Moves a point by pushes from `others`.
    #[inline]
    pub(super) fn push<const D: usize>(
        &self,
        point: &mut [f32; D],
        others: &[[f32; D]; LANES],
        rate: f32,
    ) {
        self.act(&self.pushes, point, others, rate);
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "called with two constants, which it folds in")]
    fn act<const D: usize>(
        &self,
        mix: &Mix,
        point: &mut [f32; D],
        others: &[[f32; D]; LANES],
        rate: f32,
    ) {
        let mut squared = [0.0; LANES];
        let mut apart = [[0.0; LANES]; D];
        for (d, apart) in apart.iter_mut().enumerate() {
            for lane in 0..LANES {
                apart[lane] = point[d] - others[lane][d];
                squared[lane] += apart[lane] * apart[lane];
            }
        }
        let mut coefficient = [0.0; LANES];
        for lane in 0..LANES {
            coefficient[lane] = self.coefficient(
                squared[lane],
                mix.fixed[lane],
                mix.by_power[lane],
                mix.soft[lane],
            );
        }
        for (x, apart) in point.iter_mut().zip(&apart) {
            let mut forces = [0.0; LANES];
            for lane in 0..LANES {
                forces[lane] = cut(coefficient[lane] * apart[lane]);
            }
            *x += rate * ((forces[0] + forces[1]) + (forces[2] + forces[3]));
        }
    }
}

/// Moves points by the sum of four forces each.
#[inline(always)]
#[expect(clippy::inline_always, reason = "part of loops that become SIMD")]
fn add_up<const D: usize>(points: &mut [Side; D], forces: &[[Side; D]; LANES], rate: f32) {
    for (d, point) in points.iter_mut().enumerate() {
        for (i, x) in point.iter_mut().enumerate() {
            let sum = (forces[0][d][i] + forces[1][d][i]) + (forces[2][d][i] + forces[3][d][i]);
            *x += rate * sum;
        }
    }
}

/// A force within the longest step.
#[inline(always)]
#[expect(clippy::inline_always, reason = "part of loops that become SIMD")]
fn cut(force: f32) -> f32 {
    let force = if force < LONGEST { force } else { LONGEST };
    if force > -LONGEST { force } else { -LONGEST }
}

/// xᵖ for x from 1e-12 to 1e12 and p·log₂ x within ±120: relative error below 2e-5·(1 + p).
///
/// Always part of the loop around it, which becomes SIMD.
#[inline(always)]
pub(super) fn power(x: f32, p: f32) -> f32 {
    /// 1.5·2²³: adding it leaves the nearest whole number in the low bits.
    const ROUND: f32 = 12_582_912.0;
    let bits = x.to_bits();
    let exponent = (bits >> 23) as i32 - 127;
    let m = f32::from_bits(bits & 0x007f_ffff | 0x3f80_0000) - 1.0;
    // log₂(1 + m) on [0, 1), at the Chebyshev nodes to degree 5: within 1.7e-5. Both polynomials are summed in Estrin's
    // order: a point waits for each force before the next.
    let m2 = m * m;
    let log = (1.651_467e-5 + m * 1.441_492_4)
        + m2 * ((-0.706_486_45 + m * 0.409_470_3) + m2 * (-0.187_488_6 + m * 0.043_004_96));
    let log = (exponent as f32 + log) * p;
    let shifted = log + ROUND;
    let f = log - (shifted - ROUND);
    // 2ᶠ on [−½, ½], likewise to degree 4: within 2.8e-6.
    let f2 = f * f;
    let two = (1.0 + f * 0.693_121) + f2 * ((0.240_223_5 + f * 0.055_921_976) + f2 * 0.009_666_369);
    two * f32::from_bits(shifted.to_bits().wrapping_add(127) << 23)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_power_is_near_its_definition() {
        for p in [0.79_f32, 0.895, 1.0, 1.334, 1.9] {
            for i in -12_000..=12_000 {
                let x = 10.0_f64.powf(f64::from(i) / 1000.0) as f32;
                let expected = f64::from(x).powf(f64::from(p));
                let error = f64::from(power(x, p)) / expected - 1.0;
                assert!(error.abs() < 2e-5 * (1.0 + f64::from(p)), "{x}^{p}: {error}");
            }
        }
    }

    /// The formulas above, in f64 and one at a time.
    #[test]
    fn forces_are_those_of_the_paper() {
        let (a, b, gamma, rate) = (1.577, 0.895, 1.3, 0.7_f32);
        let forces = Forces::new(a, b, f64::from(gamma as f32));
        let others = [[3.0, -1.0], [0.02, 0.01], [-7.0, 90.0], [1.0, 1.0]];
        let force = |other: [f32; 2], pull: bool, at: [f32; 2]| {
            let v =
                [f64::from(at[0]) - f64::from(other[0]), f64::from(at[1]) - f64::from(other[1])];
            let d2 = v[0] * v[0] + v[1] * v[1];
            let below = 1.0 + a * d2.powf(b);
            let coefficient = match (d2 > 0.0, pull) {
                (false, _) => 0.0,
                (_, true) => -2.0 * a * b * d2.powf(b - 1.0) / below,
                (_, false) => 2.0 * gamma * b / ((0.001 + d2) * below),
            };
            v.map(|v| (coefficient * v).clamp(-4.0, 4.0))
        };
        for at in [[1.0_f32, 1.0], [0.0, 0.0], [-50.0, 3.0]] {
            for first in [true, false] {
                let mut found = at;
                if first {
                    forces.pull(&mut found, &others, rate);
                } else {
                    forces.push(&mut found, &others, rate);
                }
                for axis in 0..2 {
                    let sum: f64 = others
                        .iter()
                        .enumerate()
                        .map(|(i, &other)| force(other, first && i == 0, at)[axis])
                        .sum();
                    let expected = f64::from(at[axis]) + f64::from(rate) * sum;
                    assert!((f64::from(found[axis]) - expected).abs() < 2e-3, "{found:?}");
                }
            }
        }
    }

    #[test]
    fn nothing_comes_from_points_in_the_same_place_or_at_the_end_of_the_world() {
        let forces = Forces::new(1.577, 0.895, 1.0);
        let mut point = [2.0, 3.0, 4.0];
        forces.pull(&mut point, &[[2.0, 3.0, 4.0]; LANES], 1.0);
        assert_eq!(point, [2.0, 3.0, 4.0]);
        forces.push(&mut point, &[[1e30, -1e30, 0.0]; LANES], 1.0);
        assert!(point.iter().all(|x| x.is_finite()));
    }
}
