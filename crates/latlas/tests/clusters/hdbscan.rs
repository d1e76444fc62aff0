//! HDBSCAN against its definition: components of {d* < h} for every h, taken from all pairs.

use std::sync::Arc;

use latlas::geometry::Measure;
use latlas::linalg::Matrix;
use latlas::map::clusters::{Hdbscan, NONE, Selection};
use rand_xoshiro::rand_core::Rng;

use super::{find, matrix, uniform};

/// A cluster of the condensed tree.
struct Region {
    parent: usize,
    birth: f64,
    death: f64,
    mass: f64,
}

struct Naive {
    reach: Vec<Vec<f32>>,
    least: usize,
    floor: f64,
    regions: Vec<Region>,
    left: Vec<(usize, f64)>,
}

impl Naive {
    fn new(rows: &Matrix, least: usize, samples: usize) -> Self {
        let n = rows.rows();
        let d = |i: usize, j: usize| Measure::Euclidean.exact(rows.row(i), rows.row(j)) as f32;
        let core = |i: usize| {
            let mut others: Vec<f32> = (0..n).filter(|&j| j != i).map(|j| d(i, j)).collect();
            others.sort_by(f32::total_cmp);
            others[samples - 1]
        };
        let core: Vec<f32> = (0..n).map(core).collect();
        let reach: Vec<Vec<f32>> =
            (0..n).map(|i| (0..n).map(|j| d(i, j).max(core[i]).max(core[j])).collect()).collect();
        let positive = (0..n).flat_map(|i| (0..i).map(move |j| (i, j)));
        let smallest = positive
            .map(|(i, j)| reach[i][j])
            .filter(|&h| h > 0.0)
            .min_by(f32::total_cmp)
            .unwrap_or(1.0);
        let root = Region { parent: 0, birth: 0.0, death: 0.0, mass: 0.0 };
        let mut naive = Naive {
            reach,
            least,
            floor: f64::from(smallest) / 2.0,
            regions: vec![root],
            left: vec![(0, 0.0); n],
        };
        naive.descend((0..n).collect(), 0);
        naive
    }

    /// The components of {d* < h} among some points.
    fn components(&self, points: &[usize], h: f32) -> Vec<Vec<usize>> {
        let mut left = points.to_vec();
        let mut found = Vec::new();
        while let Some(first) = left.pop() {
            let mut component = vec![first];
            let mut at = 0;
            while at < component.len() {
                let here = component[at];
                let (near, far) = left.iter().partition(|&&other| self.reach[here][other] < h);
                component.extend::<Vec<usize>>(near);
                left = far;
                at += 1;
            }
            found.push(component);
        }
        found
    }

    fn descend(&mut self, mut points: Vec<usize>, region: usize) {
        loop {
            let mut heights: Vec<f32> = points
                .iter()
                .flat_map(|&i| points.iter().map(move |&j| (i, j)))
                .filter(|(i, j)| i != j)
                .map(|(i, j)| self.reach[i][j])
                .collect();
            heights.sort_by(|a, b| b.total_cmp(a));
            heights.dedup();
            // The lower h, the more parts: the first height that has more than one.
            let first = heights.partition_point(|&h| self.components(&points, h).len() == 1);
            let (h, parts) = (heights[first], self.components(&points, heights[first]));
            let density = 1.0 / f64::from(h).max(self.floor);
            let (large, small): (Vec<_>, Vec<_>) =
                parts.into_iter().partition(|part| part.len() >= self.least);
            for part in small {
                self.leave(region, density, part.len());
                for point in part {
                    self.left[point] = (region, density);
                }
            }
            match large.len() {
                0 => return,
                1 => points = large.into_iter().next().unwrap(),
                _ => {
                    for part in large {
                        self.leave(region, density, part.len());
                        let (birth, number) = (density, self.regions.len());
                        self.regions.push(Region {
                            parent: region,
                            birth,
                            death: birth,
                            mass: 0.0,
                        });
                        self.descend(part, number);
                    }
                    return;
                }
            }
        }
    }

    fn leave(&mut self, region: usize, density: f64, points: usize) {
        let region = &mut self.regions[region];
        region.death = region.death.max(density);
        region.mass += points as f64 * (density - region.birth);
    }

    /// What is chosen at or below a region, by the largest total mass; and that mass.
    fn best(&self, region: usize, selection: Selection) -> (Vec<usize>, f64) {
        let (mut chosen, mut below) = (Vec::new(), 0.0);
        for child in (1..self.regions.len()).filter(|&c| self.regions[c].parent == region) {
            let (more, mass) = self.best(child, selection);
            chosen.extend(more);
            below += mass;
        }
        let own = self.regions[region].mass;
        let wins = match selection {
            Selection::Leaf => chosen.is_empty(),
            _ => own >= below * (1.0 - 1e-9),
        };
        if region > 0 && wins { (vec![region], own) } else { (chosen, below) }
    }

    fn labels(&self, selection: Selection) -> Vec<(u32, f64)> {
        let (chosen, _) = self.best(0, selection);
        let label = |&(mut region, density): &(usize, f64)| loop {
            if chosen.contains(&region) {
                return (
                    region as u32,
                    density.min(self.regions[region].death) / self.regions[region].death,
                );
            }
            if region == 0 {
                return (NONE, 0.0);
            }
            region = self.regions[region].parent;
        };
        self.left.iter().map(label).collect()
    }
}

/// Holds labels, which may be numbered otherwise, and strengths to the definition.
fn check(rows: &Arc<Matrix>, least: usize, samples: usize) -> usize {
    let naive = Naive::new(rows, least, samples);
    let mut clusters = 0;
    for selection in [Selection::Eom, Selection::Leaf] {
        let expected = naive.labels(selection);
        // Up to 31 points the graph is that of all pairs, and both trees have to be equal.
        for exact_up_to in if rows.rows() < 32 { vec![0, 1000] } else { vec![1000] } {
            let method = Hdbscan {
                min_cluster_size: Some(least),
                min_samples: Some(samples),
                selection,
                exact_up_to,
                ..Hdbscan::default()
            };
            let found = find(&method, rows);
            let mut known = std::collections::HashMap::new();
            for (i, &(label, strength)) in expected.iter().enumerate() {
                let own = found.labels[i];
                assert_eq!(own == NONE, label == NONE, "point {i}, {selection:?}: {own} {label}");
                assert_eq!(*known.entry(label).or_insert(own), own, "point {i}, {selection:?}");
                assert!((f64::from(found.strength[i]) - strength).abs() < 1e-5, "point {i}");
            }
            known.remove(&NONE);
            assert_eq!(known.len(), found.len());
            clusters += found.len();
        }
    }
    clusters
}

#[test]
fn it_is_its_definition() {
    let mut clusters = 0;
    for seed in 0..12 {
        let mut uniform = uniform(seed);
        let n = 20 + 5 * seed as usize;
        // Three heaps of different density, and some points anywhere.
        let point = |i: usize, uniform: &mut dyn FnMut() -> f32| match i % 4 {
            0 => [uniform(), uniform()],
            1 => [4.0 + 0.3 * uniform(), uniform() * 0.3],
            2 => [2.0 + 0.6 * uniform(), 3.0 + 0.6 * uniform()],
            _ => [6.0 * uniform(), 6.0 * uniform()],
        };
        let numbers: Vec<f32> = (0..n).flat_map(|i| point(i, &mut uniform)).collect();
        let rows = matrix(2, numbers);
        for (least, samples) in [(2, 1), (3, 2), (5, 5), (8, 3)] {
            clusters += check(&rows, least, samples);
        }
    }
    assert!(clusters > 200, "{clusters} clusters are no test");
}

/// Points of a grid: most distances stand many times, and many points stand twice.
#[test]
fn ties_and_duplicates_are_no_exception() {
    for seed in 0..12 {
        let mut random = latlas::run::stream(seed, &[1]);
        let n = 20 + 4 * seed as usize;
        let numbers = (0..2 * n).map(|_| (random.next_u32() % 9) as f32).collect();
        let rows = matrix(2, numbers);
        for (least, samples) in [(2, 1), (4, 2), (5, 5)] {
            check(&rows, least, samples);
        }
    }
}
