//! How densely points lie: a binned kernel density estimate, and the bandwidth that it needs.
//!
//! Points are counted on a grid, each shared out among the four nodes around it (linear binning, Wand
//! 1994), and the counts are blurred by a Gaussian of standard deviation h along x and then along y. h minimises an
//! estimate of the integrated squared error that leaves each point out in turn (Rudemo 1982; Bowman 1984),
//!
//! > LSCV(h) = ∫ f̂² − 2/n Σᵢ f̂₋ᵢ(xᵢ) = 1/n² Σᵢⱼ K_{h√2}(xᵢ − xⱼ) − 2/(n(n−1)) (Σᵢⱼ K_h(xᵢ − xⱼ) − n K_h(0)),
//!
//! where both sums are products of the counts with the blurred counts. Scott's rule, n^(−1/6) times the spread,
//! is right for one round cloud and far too wide for a map of islands; it is the widest that is tried. What is found is
//! doubled, Scott's at most: the least error is that of heights, but lines follow slopes, whose best bandwidth is wider, and
//! would show the lumps of any sample as if they were there.

use super::scene::Scene;

/// Steps of the grid along the longer side of the bounds.
const STEPS: f64 = 256.0;
/// Bandwidths tried between the least and Scott's.
const TRIALS: usize = 10;
/// Scott's rule over the least bandwidth tried: cross-validation likes to follow ties and grids of points too closely.
const NARROWEST: f64 = 12.0;

/// A density over the nodes of a grid, in points per square of the grid.
pub(super) struct Density {
    /// Nodes along x.
    pub(super) columns: usize,
    /// Nodes along y.
    pub(super) rows: usize,
    /// The place of node (0, 0) on the map.
    origin: [f64; 2],
    /// The distance of nodes.
    step: f64,
    /// The standard deviation of the kernel, in units of the map.
    pub(super) bandwidth: f64,
    values: Vec<f32>,
}

impl Density {
    /// The density of some points within bounds (least x, least y, greatest x, greatest y); a margin of three
    /// bandwidths around them lets it fall to nothing. `None` for fewer than three points within the bounds, or all in one place.
    pub(super) fn of(
        scene: &Scene,
        points: &[u32],
        [x0, y0, x1, y1]: [f64; 4],
        bandwidth: Option<f32>,
    ) -> Option<Self> {
        let side = (x1 - x0).max(y1 - y0);
        let inside = within(scene, points, [x0, y0, x1, y1]);
        let scott = scott(&inside);
        if inside.len() < 3 || scott == 0.0 || !side.is_finite() {
            return None;
        }
        let step = side / STEPS;
        // Below a node's distance a kernel cannot be told from a point.
        let least = step * 0.6;
        let widest = bandwidth.map_or(scott.max(least), |h| f64::from(h).clamp(least, side));
        let margin = (3.0 * widest / step).ceil() + 1.0;
        let nodes = |extent: f64| ((extent / step).ceil() + 2.0 * margin) as usize + 1;
        let mut density = Density {
            columns: nodes(x1 - x0),
            rows: nodes(y1 - y0),
            origin: [x0 - margin * step, y0 - margin * step],
            step,
            bandwidth: widest,
            values: Vec::new(),
        };
        let counts = density.count(&inside);
        if bandwidth.is_none() {
            let chosen = density.choose(&counts, inside.len() as f64, least);
            density.bandwidth = (2.0 * chosen).min(widest);
        }
        density.values = density.blur(&counts, density.bandwidth / step);
        Some(density)
    }

    fn count(&self, points: &[[f64; 2]]) -> Vec<f32> {
        let mut counts = vec![0.0f32; self.columns * self.rows];
        for &point in points {
            for (at, share) in self.corners(point) {
                counts[at] += share;
            }
        }
        counts
    }

    /// The nodes around a place and their shares in it.
    fn corners(&self, [x, y]: [f64; 2]) -> [(usize, f32); 4] {
        let along = |v: f64, axis: usize, nodes: usize| {
            let t = ((v - self.origin[axis]) / self.step).clamp(0.0, nodes as f64 - 1.001);
            (t as usize, t.fract() as f32)
        };
        let ((i, u), (j, v)) = (along(x, 0, self.columns), along(y, 1, self.rows));
        let at = j * self.columns + i;
        [
            (at, (1.0 - u) * (1.0 - v)),
            (at + 1, u * (1.0 - v)),
            (at + self.columns, (1.0 - u) * v),
            (at + self.columns + 1, u * v),
        ]
    }

    /// The bandwidth of the least cross-validated error.
    fn choose(&self, counts: &[f32], n: f64, least: f64) -> f64 {
        let dot = |blurred: &[f32]| {
            counts.iter().zip(blurred).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>()
        };
        let narrowest = (self.bandwidth / NARROWEST).max(least);
        let ratio = (self.bandwidth / narrowest).powf(1.0 / (TRIALS - 1) as f64);
        let error = |h: f64| {
            let h = h / self.step;
            let squared = dot(&self.blur(counts, h * std::f64::consts::SQRT_2)) / (n * n);
            let own = n / (std::f64::consts::TAU * h * h);
            squared - 2.0 / (n * (n - 1.0)) * (dot(&self.blur(counts, h)) - own)
        };
        (0..TRIALS)
            .map(|trial| narrowest * ratio.powi(trial as i32))
            .map(|h| (error(h), h))
            .min_by(|a, b| a.0.total_cmp(&b.0))
            .map_or(self.bandwidth, |(_, h)| h)
    }

    /// Convolves with a Gaussian of standard deviation `h` steps, cut off at four of them.
    fn blur(&self, counts: &[f32], h: f64) -> Vec<f32> {
        let reach = (4.0 * h).ceil() as usize;
        let mut kernel: Vec<f64> =
            (0..=reach).map(|i| (-0.5 * (i as f64 / h).powi(2)).exp()).collect();
        let sum = kernel[0] + 2.0 * kernel[1..].iter().sum::<f64>();
        for k in &mut kernel {
            *k /= sum;
        }
        let kernel: Vec<f32> = kernel.iter().map(|&k| k as f32).collect();
        let mut along = vec![0.0f32; counts.len()];
        for (from, to) in
            counts.chunks_exact(self.columns).zip(along.chunks_exact_mut(self.columns))
        {
            for (i, &count) in from.iter().enumerate().filter(|(_, count)| **count > 0.0) {
                for (j, to) in
                    to.iter_mut().enumerate().take(i + reach + 1).skip(i.saturating_sub(reach))
                {
                    *to += count * kernel[i.abs_diff(j)];
                }
            }
        }
        let mut blurred = vec![0.0f32; counts.len()];
        for (row, to) in blurred.chunks_exact_mut(self.columns).enumerate() {
            for from in row.saturating_sub(reach)..(row + reach + 1).min(self.rows) {
                let share = kernel[row.abs_diff(from)];
                let from = &along[from * self.columns..(from + 1) * self.columns];
                for (to, from) in to.iter_mut().zip(from) {
                    *to += share * from;
                }
            }
        }
        blurred
    }

    /// The density at a node.
    pub(super) fn at(&self, column: usize, row: usize) -> f32 {
        self.values[row * self.columns + column]
    }

    /// The place on the map of a node, or between nodes.
    pub(super) fn place(&self, column: f64, row: f64) -> [f64; 2] {
        [self.origin[0] + column * self.step, self.origin[1] + row * self.step]
    }

    /// Where the density is highest.
    pub(super) fn peak(&self) -> [f64; 2] {
        let best = (0..self.values.len())
            .max_by(|&a, &b| self.values[a].total_cmp(&self.values[b]).then(b.cmp(&a)))
            .unwrap_or(0);
        self.place((best % self.columns) as f64, (best / self.columns) as f64)
    }

    /// For each share of the points, the density that this share lies at or above.
    pub(super) fn thresholds(&self, scene: &Scene, points: &[u32], shares: &[f32]) -> Vec<f32> {
        let mut heights: Vec<f32> = points
            .iter()
            .map(|&at| [f64::from(scene.x[at as usize]), f64::from(scene.y[at as usize])])
            .map(|place| {
                self.corners(place).iter().map(|&(at, share)| self.values[at] * share).sum()
            })
            .collect();
        heights.sort_unstable_by(|a, b| b.total_cmp(a));
        let nth = |share: &f32| ((f64::from(*share) * heights.len() as f64).ceil() as usize).max(1);
        shares.iter().map(|share| heights[nth(share).min(heights.len()) - 1]).collect()
    }
}

/// The places of those points that lie within bounds.
pub(super) fn within(scene: &Scene, points: &[u32], [x0, y0, x1, y1]: [f64; 4]) -> Vec<[f64; 2]> {
    points
        .iter()
        .map(|&at| [f64::from(scene.x[at as usize]), f64::from(scene.y[at as usize])])
        .filter(|&[x, y]| x >= x0 && x <= x1 && y >= y0 && y <= y1)
        .collect()
}

/// Scott's rule in two dimensions: n^(−1/6) times the spread, the root of the mean variance of the axes.
pub(super) fn scott(points: &[[f64; 2]]) -> f64 {
    let n = points.len() as f64;
    let variance = |axis: usize| {
        let mean = points.iter().map(|p| p[axis]).sum::<f64>() / n;
        points.iter().map(|p| (p[axis] - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0)
    };
    if points.is_empty() {
        0.0
    } else {
        f64::midpoint(variance(0), variance(1)).sqrt() * n.powf(-1.0 / 6.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gaussian clouds of equal size, as (x, y).
    fn clouds(n: usize, centers: &[[f64; 2]], spread: f64) -> (Vec<f32>, Vec<f32>) {
        use rand_xoshiro::rand_core::Rng;
        let mut random = crate::run::stream(7, &[n as u64]);
        let mut uniform = || ((random.next_u64() >> 11) as f64 + 0.5) / (1u64 << 53) as f64;
        (0..n)
            .map(|i| {
                let [x, y] = centers[i % centers.len()];
                let r = (-2.0 * uniform().ln()).sqrt() * spread;
                let (sin, cos) = (uniform() * std::f64::consts::TAU).sin_cos();
                ((x + r * cos) as f32, (y + r * sin) as f32)
            })
            .unzip()
    }

    fn density(x: &[f32], y: &[f32], bandwidth: Option<f32>) -> (Density, Vec<u32>) {
        let points: Vec<u32> = (0..x.len() as u32).collect();
        let scene = Scene::new(x, y);
        (Density::of(&scene, &points, [-40.0, -30.0, 40.0, 30.0], bandwidth).unwrap(), points)
    }

    /// Against the sum of Gaussians itself.
    #[test]
    fn the_grid_agrees_with_the_sum() {
        let (x, y) = clouds(500, &[[-5.0, 2.0], [9.0, -4.0]], 2.0);
        let h = 1.5f64;
        let (density, points) = density(&x, &y, Some(h as f32));
        let exact = |px: f64, py: f64| {
            let kernel = |(x, y): (&f32, &f32)| {
                (-((f64::from(*x) - px).powi(2) + (f64::from(*y) - py).powi(2)) / (2.0 * h * h))
                    .exp()
            };
            x.iter().zip(&y).map(kernel).sum::<f64>() / (std::f64::consts::TAU * h * h)
                * density.step.powi(2)
        };
        let peak = density.peak();
        let top = exact(peak[0], peak[1]);
        for (column, row) in (0..density.columns).step_by(13).zip((0..density.rows).step_by(9)) {
            let [px, py] = density.place(column as f64, row as f64);
            let (got, want) = (f64::from(density.at(column, row)), exact(px, py));
            assert!((got - want).abs() < 0.01 * top, "{got} at {px} {py}, not {want}");
        }
        let scene = Scene::new(&x, &y);
        let shares = [0.25, 0.5, 0.95];
        let thresholds = density.thresholds(&scene, &points, &shares);
        assert!(thresholds.is_sorted_by(|a, b| a >= b), "{thresholds:?}");
    }

    /// One cloud gets about Scott's bandwidth, a map of small islands far less.
    #[test]
    fn the_bandwidth_follows_the_islands() {
        let (x, y) = clouds(3_000, &[[0.0, 0.0]], 6.0);
        let scott = 6.0 * 3_000f64.powf(-1.0 / 6.0);
        let (one, _) = density(&x, &y, None);
        assert!((0.7..=1.1).contains(&(one.bandwidth / scott)), "{} of {scott}", one.bandwidth);
        let centers: Vec<[f64; 2]> = (0..12)
            .map(|i| [f64::from(i % 4) * 18.0 - 27.0, f64::from(i / 4) * 18.0 - 18.0])
            .collect();
        let (x, y) = clouds(3_000, &centers, 1.0);
        let (many, _) = density(&x, &y, None);
        let right = 250f64.powf(-1.0 / 6.0);
        assert!((0.8..=3.0).contains(&(many.bandwidth / right)), "{} of {right}", many.bandwidth);
    }

    #[test]
    fn too_few_points_have_no_density() {
        for x in [vec![], vec![1.0, 2.0], vec![3.0; 10]] {
            let points: Vec<u32> = (0..x.len() as u32).collect();
            let scene = Scene::new(&x, &x);
            assert!(Density::of(&scene, &points, [0.0, 0.0, 9.0, 9.0], None).is_none());
        }
    }
}
