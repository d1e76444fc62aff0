//! The fuzzy graph: how strongly each point belongs to the neighbourhood of each other.
//!
//! Of point i, with neighbours at distances d₁ ≤ … ≤ d_m, m = k − 1 for k `neighbours` (which count the point itself):
//!
//! ```text
//! ρᵢ = the distance of the nearest neighbour that is not at distance 0 (`local_connectivity` = 1)
//! σᵢ : Σⱼ exp(−max(0, dⱼ − ρᵢ)/σᵢ) = log₂(k)·`bandwidth`
//! pᵢⱼ = exp(−max(0, dⱼ − ρᵢ)/σᵢ)
//! ```
//!
//! (McInnes, Healy & Melville 2018, §3.1 and algorithm 3), then one strength for both directions,
//! `mix`·(p + q − p·q) + (1 − `mix`)·p·q. σ is searched for as umap-learn does, by bisection from 1 to a tolerance of
//! 1e-5, and is at least a thousandth of the mean distance: where more points are closer than ρ than log₂(k) allows
//! (duplicates), no σ solves the equation.

use rayon::ThreadPool;
use rayon::prelude::*;

use super::links::Links;
use crate::index::Graph;

/// How near the sum of memberships has to come, and σ's least share of the mean distance.
const TOLERANCE: f64 = 1e-5;
const LEAST_SHARE: f64 = 1e-3;
/// Halvings of σ.
const MOST_STEPS: usize = 64;
/// Points that one thread works on at a time.
const CHUNK: usize = 1024;

/// What the graph is made with: options of the same names.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Fuzziness {
    /// k, the point itself counted.
    pub(super) neighbours: usize,
    pub(super) local_connectivity: f64,
    pub(super) bandwidth: f64,
    pub(super) set_op_mix_ratio: f64,
    /// Neighbours as far as this, or farther, are none.
    pub(super) farthest: f64,
}

impl Fuzziness {
    /// The fuzzy graph of the nearest neighbours, symmetric.
    pub(super) fn graph(&self, graph: &Graph, pool: &ThreadPool) -> Links {
        let scales = self.scales(graph, pool);
        let links = Links::build(graph.len(), pool, |point, out| {
            let near = self.near(graph.distances(point));
            let scale = scales[point];
            let links = graph.neighbours(point).iter().zip(near);
            out.extend(links.map(|(&j, &d)| (j, scale.membership(f64::from(d)) as f32)));
        });
        links.united(self.set_op_mix_ratio, pool)
    }

    /// What each neighbour of a point that is not in the graph counts for it, from their distances; those beyond the end
    /// count for nothing.
    pub(super) fn memberships(&self, distances: &[f32]) -> Vec<f32> {
        let near = self.near(distances);
        let mut scale = self.solve(near);
        let sum: f64 = near.iter().map(|&d| f64::from(d)).sum();
        scale.sigma = scale.sigma.max(LEAST_SHARE * sum / (near.len() + 1) as f64);
        near.iter().map(|&d| scale.membership(f64::from(d)) as f32).collect()
    }

    /// The distances that count, out of those of a point.
    fn near<'a>(&self, distances: &'a [f32]) -> &'a [f32] {
        let most = self.neighbours.saturating_sub(1).min(distances.len());
        let within = distances[..most].partition_point(|&d| f64::from(d) < self.farthest);
        &distances[..within]
    }

    /// ρ and σ of every point.
    fn scales(&self, graph: &Graph, pool: &ThreadPool) -> Vec<Scale> {
        let mean = |(sum, count): (f64, usize)| if count == 0 { 0.0 } else { sum / count as f64 };
        // Each point itself counts with a distance of 0, as it does in the equation of σ.
        let total = |distances: &[f32]| {
            (distances.iter().map(|&d| f64::from(d)).sum::<f64>(), distances.len() + 1)
        };
        let everywhere = (0..graph.len()).map(|i| total(self.near(graph.distances(i))));
        let everywhere = mean(everywhere.fold((0.0, 0), |all, one| (all.0 + one.0, all.1 + one.1)));
        let scale = |point: usize| {
            let near = self.near(graph.distances(point));
            let mut scale = self.solve(near);
            let mean = if scale.rho > 0.0 { mean(total(near)) } else { everywhere };
            scale.sigma = scale.sigma.max(LEAST_SHARE * mean);
            scale
        };
        pool.install(|| (0..graph.len()).into_par_iter().with_min_len(CHUNK).map(scale).collect())
    }

    /// ρ, and σ as the bisection leaves it.
    fn solve(&self, near: &[f32]) -> Scale {
        let apart = &near[near.partition_point(|&d| d <= 0.0)..];
        let mut scale = Scale { rho: self.rho(apart), sigma: 1.0 };
        let wanted = (self.neighbours as f64).log2() * self.bandwidth;
        let (mut low, mut high) = (0.0, f64::INFINITY);
        for _ in 0..MOST_STEPS {
            let sum: f64 = near.iter().map(|&d| scale.membership(f64::from(d))).sum();
            if (sum - wanted).abs() < TOLERANCE {
                break;
            }
            if sum > wanted {
                high = scale.sigma;
            } else {
                low = scale.sigma;
            }
            scale.sigma =
                if high == f64::INFINITY { scale.sigma * 2.0 } else { f64::midpoint(low, high) };
        }
        scale
    }

    /// The distance up to which membership is whole, out of those that are not 0: that of the `local_connectivity`-th,
    /// fractions between two of them.
    fn rho(&self, apart: &[f32]) -> f64 {
        let d = |i: usize| f64::from(apart[i]);
        let (index, fraction) =
            (self.local_connectivity.floor() as usize, self.local_connectivity.fract());
        if apart.is_empty() {
            0.0
        } else if (apart.len() as f64) < self.local_connectivity {
            d(apart.len() - 1)
        } else if index == 0 {
            fraction * d(0)
        } else if fraction > TOLERANCE {
            d(index - 1) + fraction * (d(index) - d(index - 1))
        } else {
            d(index - 1)
        }
    }
}

/// What distances of one point are measured by.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Scale {
    rho: f64,
    sigma: f64,
}

impl Scale {
    fn membership(self, d: f64) -> f64 {
        let beyond = d - self.rho;
        if beyond > 0.0 && self.sigma > 0.0 { (-beyond / self.sigma).exp() } else { 1.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Measure;
    use crate::index::Exact;
    use crate::linalg::Matrix;
    use rand_xoshiro::rand_core::Rng;

    const USUAL: Fuzziness = Fuzziness {
        neighbours: 15,
        local_connectivity: 1.0,
        bandwidth: 1.0,
        set_op_mix_ratio: 1.0,
        farthest: f64::INFINITY,
    };

    fn pool() -> ThreadPool {
        rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap()
    }

    fn noise(rows: usize) -> Graph {
        let mut random = crate::run::stream(7, &[]);
        let data = (0..rows * 5).map(|_| (random.next_u32() >> 8) as f32 / 1e6).collect();
        let matrix = Matrix::new(rows, 5, data).unwrap();
        Graph::from(&Exact::over(matrix, Measure::Euclidean).unwrap().knn(14, 1).unwrap())
    }

    #[test]
    fn sigma_solves_its_equation_and_rho_is_the_nearest() {
        let graph = noise(300);
        for (i, scale) in USUAL.scales(&graph, &pool()).into_iter().enumerate() {
            assert_eq!(scale.rho, f64::from(graph.distances(i)[0]));
            let terms = graph
                .distances(i)
                .iter()
                .map(|&d| (-(f64::from(d) - scale.rho).max(0.0) / scale.sigma).exp());
            assert!((terms.sum::<f64>() - 15.0_f64.log2()).abs() < 1e-5);
        }
    }

    /// Bisection to the last bit, and full matrices, in f64.
    #[test]
    fn the_graph_equals_a_naive_one() {
        let (graph, n) = (noise(120), 120);
        let mut full = vec![0.0_f64; n * n];
        for i in 0..n {
            let d: Vec<f64> = graph.distances(i).iter().map(|&d| f64::from(d)).collect();
            let rho = d[0];
            let total = |sigma: f64| d.iter().map(|x| (-(x - rho) / sigma).exp()).sum::<f64>();
            let (mut low, mut high) = (0.0, 1e9);
            for _ in 0..200 {
                let mid = f64::midpoint(low, high);
                if total(mid) > 15.0_f64.log2() { high = mid } else { low = mid }
            }
            for (&j, x) in graph.neighbours(i).iter().zip(&d) {
                full[i * n + j as usize] = (-(x - rho) / low).exp();
            }
        }
        let links = USUAL.graph(&graph, &pool());
        for i in 0..n {
            for j in 0..n {
                let (p, q) = (full[i * n + j], full[j * n + i]);
                let found = f64::from(links.weight(i, j as u32).unwrap_or(0.0));
                assert!((found - (p + q - p * q)).abs() < 1e-5, "{i} {j}");
            }
        }
    }

    #[test]
    fn duplicates_do_not_move_rho_and_sigma_stays_positive() {
        let near = [0.0, 0.0, 0.0, 0.5, 0.75, 1.0];
        let scale = Fuzziness { neighbours: 7, ..USUAL }.solve(&near);
        assert_eq!(scale.rho, 0.5);
        // Four whole members are more than log₂ 7 allows.
        assert!(scale.sigma < 1e-15);
        let graph = Graph::new(2, vec![1, 2, 0, 2, 0, 1], vec![0.0; 6]).unwrap();
        let scales = Fuzziness { neighbours: 3, ..USUAL }.scales(&graph, &pool());
        assert!(scales.iter().all(|scale| scale.rho == 0.0 && scale.membership(0.0) == 1.0));
    }

    #[test]
    fn local_connectivity_may_be_a_fraction() {
        let rho = |local_connectivity| Fuzziness { local_connectivity, ..USUAL }.rho(&[1.0, 3.0]);
        assert_eq!(
            [rho(0.0), rho(0.5), rho(1.0), rho(1.5), rho(2.0), rho(5.0)],
            [0.0, 0.5, 1.0, 2.0, 3.0, 3.0]
        );
    }

    #[test]
    fn what_is_too_far_is_no_neighbour() {
        let far = Fuzziness { neighbours: 3, farthest: 2.0, ..USUAL };
        let graph = Graph::new(2, vec![1, 2, 0, 2, 0, 1], vec![1.0, 2.0, 1.0, 2.0, 2.0, 2.0]);
        let links = far.graph(&graph.unwrap(), &pool());
        assert_eq!((links.len(), links.alone()), (2, 1));
    }
}
