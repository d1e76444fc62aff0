//! Attraction along the links of a sparse graph drawn in the plane: the inner loop of t-SNE.
//!
//! With points yᵢ and links (j, w) of point i it sums
//!
//! ```text
//! fᵢ = Σⱼ w·(yᵢ − yⱼ) / (1 + ‖yᵢ − yⱼ‖²)
//! ```
//!
//! A point is 64 bits, loaded whole, and links lie in groups of eight, the last one filled up with links of weight 0 to
//! the point itself: eight links are two registers of differences, one of weights, and no tail.

#![expect(unsafe_code, reason = "calls kernels on links that were checked when they were made")]

mod scalar;
#[cfg(target_arch = "x86_64")]
mod x86;

use std::ops::Range;

/// Links in a group.
pub const GROUP: usize = 8;

/// The links of points 0…n−1, point after point, each point's in whole groups of [`GROUP`].
#[derive(Debug, Clone, PartialEq)]
pub struct Links {
    /// Where each point's links begin, and the end of the last.
    starts: Vec<usize>,
    targets: Vec<u32>,
    weights: Vec<f32>,
}

impl Links {
    /// Links as they lie in memory: point i has those of `starts[i]..starts[i + 1]`. Panics unless starts rise in multiples
    /// of [`GROUP`] to the number of targets and of weights, and every target is one of the points: kernels rely on it.
    pub fn new(starts: Vec<usize>, targets: Vec<u32>, weights: Vec<f32>) -> Self {
        let points = starts.len().saturating_sub(1);
        let whole = starts.first() == Some(&0)
            && starts.last() == Some(&targets.len())
            && targets.len() == weights.len()
            && starts.windows(2).all(|pair| pair[0] <= pair[1])
            && starts.iter().all(|start| start.is_multiple_of(GROUP));
        assert!(whole, "{} links are no whole groups of {points} points", targets.len());
        let highest = targets.iter().copied().max().unwrap_or(0) as usize;
        assert!(targets.is_empty() || highest < points, "a link to point {highest} among {points}");
        Links { starts, targets, weights }
    }

    /// The number of points.
    pub fn points(&self) -> usize {
        self.starts.len() - 1
    }

    /// The number of links, those of weight 0 included.
    pub fn len(&self) -> usize {
        self.targets.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.targets.is_empty()
    }

    /// The targets and weights of a point's links. Panics if there is no such point.
    pub fn of(&self, point: usize) -> (&[u32], &[f32]) {
        let links = self.starts[point]..self.starts[point + 1];
        (&self.targets[links.clone()], &self.weights[links])
    }
}

type Kernel = unsafe fn(&Links, usize, &[f32], &mut [f32]);

/// The kernels of one instruction set.
#[derive(Clone, Copy)]
pub struct Attract {
    name: &'static str,
    kernel: Kernel,
}

impl Attract {
    /// The fastest kernel that this machine runs; the scalar one where it is forced (see [`super::set_name`]).
    pub fn detect() -> Self {
        let all = Self::all();
        if super::set_name() == "scalar" { all[0] } else { all[all.len() - 1] }
    }

    /// All that run on this machine, the scalar one first, the fastest last.
    pub fn all() -> Vec<Self> {
        #[cfg_attr(not(target_arch = "x86_64"), expect(unused_mut, reason = "one kernel only"))]
        let mut all = vec![Attract { name: "scalar", kernel: scalar::pull }];
        #[cfg(target_arch = "x86_64")]
        if std::is_x86_feature_detected!("avx2") && std::is_x86_feature_detected!("fma") {
            all.push(Attract { name: "avx2+fma", kernel: x86::pull });
        }
        all
    }

    /// The instruction set: "avx2+fma" or "scalar".
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// fᵢ of consecutive points, x and y by turns, from the positions of all points, laid out likewise. Panics if these are
    /// not as many as the links are of, or `out` has no room for the points asked for.
    pub fn pull(&self, links: &Links, points: Range<usize>, at: &[f32], out: &mut [f32]) {
        assert!(
            at.len() == 2 * links.points()
                && points.end <= links.points()
                && out.len() == 2 * points.len(),
            "room for {} numbers of points {points:?} among {}, of whom {} numbers are known",
            out.len(),
            links.points(),
            at.len()
        );
        // SAFETY: `all` detected the instruction set; every link goes to one of the points, each of which has two numbers in
        // `at`; the points asked for exist, and each has two numbers in `out`.
        unsafe { (self.kernel)(links, points.start, at, out) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::stream;
    use rand_xoshiro::rand_core::Rng;

    /// Points with up to 40 links each, whose last groups are filled up.
    fn links(points: usize) -> Links {
        let mut random = stream(5, &[]);
        let (mut starts, mut targets, mut weights) = (vec![0], Vec::new(), Vec::new());
        for point in 0..points {
            for _ in 0..random.next_u32() % 41 {
                targets.push(random.next_u32() % points as u32);
                weights.push((random.next_u32() >> 8) as f32 / 16_777_216.0);
            }
            while targets.len() % GROUP != 0 {
                targets.push(point as u32);
                weights.push(0.0);
            }
            starts.push(targets.len());
        }
        Links::new(starts, targets, weights)
    }

    #[test]
    fn every_kernel_sums_what_the_equation_says() {
        let points = 300;
        let links = links(points);
        let mut random = stream(6, &[]);
        let at: Vec<f32> = (0..2 * points)
            .map(|_| ((random.next_u32() >> 8) as f32 / 8_388_608.0 - 1.0) * 20.0)
            .collect();
        for kernel in Attract::all() {
            // Not from the start, and to the end: every point is its own.
            let mut out = vec![f32::NAN; 2 * (points - 7)];
            kernel.pull(&links, 7..points, &at, &mut out);
            for (i, found) in (7..points).zip(out.chunks_exact(2)) {
                let (mut sum, mut size) = ([0.0_f64; 2], 0.0_f64);
                let (targets, weights) = links.of(i);
                for (&j, &weight) in targets.iter().zip(weights) {
                    let off = |axis: usize| {
                        f64::from(at[2 * i + axis]) - f64::from(at[2 * j as usize + axis])
                    };
                    let (x, y) = (off(0), off(1));
                    let pull = f64::from(weight) / (1.0 + x * x + y * y);
                    sum[0] += pull * x;
                    sum[1] += pull * y;
                    size += pull * (x.abs() + y.abs());
                }
                for axis in 0..2 {
                    let off = (f64::from(found[axis]) - sum[axis]).abs();
                    assert!(off <= 1e-6 * size, "{}: {found:?}, not {sum:?}", kernel.name());
                }
            }
        }
    }

    #[test]
    #[should_panic(expected = "a link to point 3 among 1")]
    fn a_link_to_nowhere_is_refused() {
        Links::new(vec![0, 8], vec![3; 8], vec![0.0; 8]);
    }

    #[test]
    #[should_panic(expected = "9 links are no whole groups of 1 points")]
    fn a_broken_group_is_refused() {
        Links::new(vec![0, 9], vec![0; 9], vec![0.0; 9]);
    }
}
