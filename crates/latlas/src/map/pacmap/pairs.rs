//! The three kinds of pairs that PaCMAP looks at (Wang, Huang, Rudin & Shaposhnik 2021, §5.1), chosen once.
//!
//! * **near**: the neighbours with the smallest d²ᵢⱼ/(σᵢσⱼ), σᵢ the mean distance of i's 4th to 6th neighbour, so that
//!   sparse and dense regions count alike;
//! * **mid-near**: the second nearest of six points drawn at random, again and again;
//! * **further**: random points that are not near.
//!
//! Random numbers are named by the point, so that pairs do not depend on who chose them.

use std::ops::Range;

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::Rng;
use rayon::ThreadPool;
use rayon::prelude::*;

use crate::error::Result;
use crate::index::Graph;
use crate::kernels;
use crate::linalg::RowSource;
use crate::linalg::blocks::Work;
use crate::run::Run;

/// Points drawn for a mid-near pair.
const DRAWN: usize = 6;
/// The neighbours whose mean distance is the scale of a point.
const SCALE: Range<usize> = 3..6;
/// Points that one thread works on at a time.
const CHUNK: usize = 512;
/// The name of the random streams: "pacmap".
pub(super) const STREAM: u64 = 0x7061_636d_6170;

/// For every point, all others that it makes a pair with.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Pairs {
    starts: Vec<usize>,
    others: Vec<u32>,
}

impl Pairs {
    /// The other ends of a point's pairs.
    pub(super) fn of(&self, point: usize) -> &[u32] {
        &self.others[self.starts[point]..self.starts[point + 1]]
    }

    /// The number of pairs.
    pub(super) fn len(&self) -> usize {
        self.others.len() / 2
    }

    /// Both directions of pairs (i, j), where `lists[i]` holds the j: those that i chose in their order, and before or
    /// after them those that chose i, by rising number of the one that chose.
    fn both_ways(lists: &[Vec<u32>]) -> Self {
        let mut starts = vec![0; lists.len() + 1];
        for (i, list) in lists.iter().enumerate() {
            starts[i + 1] += list.len();
            for &j in list {
                starts[j as usize + 1] += 1;
            }
        }
        for i in 0..lists.len() {
            starts[i + 1] += starts[i];
        }
        let mut next = starts.clone();
        let mut others = vec![0; starts[lists.len()]];
        for (i, list) in lists.iter().enumerate() {
            for &j in list {
                for (from, to) in [(i, j), (j as usize, i as u32)] {
                    others[next[from]] = to;
                    next[from] += 1;
                }
            }
        }
        Pairs { starts, others }
    }
}

/// All pairs of a data set.
pub(super) struct Chosen {
    pub(super) near: Pairs,
    pub(super) mid_near: Pairs,
    pub(super) further: Pairs,
}

/// How many pairs of each kind a point chooses.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counts {
    pub(super) near: usize,
    pub(super) mid_near: usize,
    pub(super) further: usize,
}

impl Chosen {
    /// Chooses the pairs; `graph` holds the candidates for near ones.
    pub(super) fn new(
        vectors: &dyn RowSource,
        graph: &Graph,
        counts: Counts,
        run: &Run<'_>,
    ) -> Result<Self> {
        let n = vectors.rows();
        let work = Work::new(run, "choosing pairs", 2 * n as u64, "points")?;
        let near = near(graph, n, counts.near, &work.pool);
        let each = |choose: &(dyn Fn(usize, &mut Room) -> Vec<u32> + Sync)| -> Vec<Vec<u32>> {
            work.pool.install(|| {
                let points = (0..n).into_par_iter().with_min_len(CHUNK);
                let one = |room: &mut Room, point| {
                    work.advance(1);
                    if work.cancelled() { Vec::new() } else { choose(point, room) }
                };
                points.map_init(Room::default, one).collect()
            })
        };
        let mid_near = each(&|point, room| {
            let mut random = run.stream(&[STREAM, 0, point as u64]);
            mid_near(vectors, point, counts.mid_near, &mut random, room)
        });
        let further = each(&|point, _| {
            let mut random = run.stream(&[STREAM, 1, point as u64]);
            further(n, point, &near[point], counts.further, &mut random)
        });
        work.finish()?;
        Ok(Chosen {
            near: Pairs::both_ways(&near),
            mid_near: Pairs::both_ways(&mid_near),
            further: Pairs::both_ways(&further),
        })
    }
}

/// The near pairs that each point chooses.
fn near(graph: &Graph, n: usize, count: usize, pool: &ThreadPool) -> Vec<Vec<u32>> {
    if graph.is_empty() {
        return vec![Vec::new(); n];
    }
    let scale = |point: usize| {
        let distances = graph.distances(point);
        let range = SCALE.start.min(distances.len() - 1)..SCALE.end.min(distances.len());
        let some = &distances[range];
        (some.iter().map(|&d| f64::from(d)).sum::<f64>() / some.len() as f64).max(1e-10)
    };
    let scales: Vec<f64> = (0..n).map(scale).collect();
    let choose = |point: usize| {
        let links = graph.neighbours(point).iter().zip(graph.distances(point));
        let mut scaled: Vec<(f64, u32)> = links
            .map(|(&j, &d)| (f64::from(d).powi(2) / (scales[point] * scales[j as usize]), j))
            .collect();
        // A stable sort: ties stay closest first.
        scaled.sort_by(|a, b| a.0.total_cmp(&b.0));
        scaled.into_iter().take(count).map(|(_, j)| j).collect()
    };
    pool.install(|| (0..n).into_par_iter().with_min_len(CHUNK).map(choose).collect())
}

/// Room for two vectors.
#[derive(Default)]
struct Room {
    own: Vec<f32>,
    other: Vec<f32>,
}

/// The mid-near pairs that a point chooses; none where there are not two other points.
fn mid_near(
    vectors: &dyn RowSource,
    point: usize,
    count: usize,
    random: &mut Xoshiro256PlusPlus,
    room: &mut Room,
) -> Vec<u32> {
    let n = vectors.rows();
    if n < 3 {
        return Vec::new();
    }
    let own = vectors.block(point..point + 1, &mut room.own);
    let pick = |_| {
        let mut drawn = [(f32::INFINITY, u32::MAX); DRAWN];
        let many = DRAWN.min(n - 1);
        for i in 0..many {
            let other = loop {
                // Any but the point itself, and none twice.
                let j = below(random, n - 1);
                let j = (j + usize::from(j >= point)) as u32;
                if drawn[..i].iter().all(|&(_, other)| other != j) {
                    break j;
                }
            };
            let row = other as usize;
            let vector = vectors.block(row..row + 1, &mut room.other);
            drawn[i] = (kernels::squared_l2(own, vector), other);
        }
        let drawn = &mut drawn[..many];
        drawn.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        drawn[1].1
    };
    (0..count).map(pick).collect()
}

/// The further pairs that a point chooses: all that are left where there are not enough.
fn further(
    n: usize,
    point: usize,
    near: &[u32],
    count: usize,
    random: &mut Xoshiro256PlusPlus,
) -> Vec<u32> {
    let left_out = |j: u32| j as usize == point || near.contains(&j);
    let mut chosen: Vec<u32> = Vec::with_capacity(count);
    if n - 1 - near.len() >= 2 * count {
        while chosen.len() < count {
            let j = below(random, n) as u32;
            if !left_out(j) && !chosen.contains(&j) {
                chosen.push(j);
            }
        }
        return chosen;
    }
    chosen.extend((0..n as u32).filter(|&j| !left_out(j)));
    for i in 0..count.min(chosen.len()) {
        let other = i + below(random, chosen.len() - i);
        chosen.swap(i, other);
    }
    chosen.truncate(count);
    chosen
}

/// A whole number from 0 to `end` − 1.
fn below(random: &mut Xoshiro256PlusPlus, end: usize) -> usize {
    (((random.next_u64() >> 32) * end as u64) >> 32) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Measure;
    use crate::index::Exact;
    use crate::linalg::Matrix;
    use crate::linalg::blocks::pool;

    fn noise(rows: usize) -> Matrix {
        let mut random = crate::run::stream(7, &[]);
        let data = (0..rows * 3).map(|_| (random.next_u32() >> 8) as f32 / 1e6).collect();
        Matrix::new(rows, 3, data).unwrap()
    }

    fn chosen(vectors: &Matrix, candidates: usize, counts: Counts, threads: usize) -> Chosen {
        let index = Exact::over(vectors.clone(), Measure::Euclidean).unwrap();
        let graph = Graph::from(&index.knn(candidates, 1).unwrap());
        let run = Run { threads, ..Run::silent(3) };
        Chosen::new(vectors, &graph, counts, &run).unwrap()
    }

    #[test]
    fn pairs_go_both_ways_and_do_not_depend_on_threads() {
        let (vectors, counts) = (noise(200), Counts { near: 5, mid_near: 3, further: 10 });
        let (one, two) = (chosen(&vectors, 40, counts, 1), chosen(&vectors, 40, counts, 2));
        for (one, two, each) in [
            (&one.near, &two.near, 5),
            (&one.mid_near, &two.mid_near, 3),
            (&one.further, &two.further, 10),
        ] {
            assert_eq!(one, two);
            assert_eq!(one.len(), 200 * each);
            for i in 0..200 {
                for &j in one.of(i) {
                    let there = one.of(i).iter().filter(|&&other| other == j).count();
                    let back = one.of(j as usize).iter().filter(|&&other| other as usize == i);
                    assert!(j as usize != i && there == back.count());
                }
            }
        }
    }

    #[test]
    fn near_pairs_are_the_nearest_by_scaled_distance() {
        let vectors = noise(60);
        let index = Exact::over(vectors, Measure::Euclidean).unwrap();
        let graph = Graph::from(&index.knn(59, 1).unwrap());
        let found = near(&graph, 60, 7, &pool(&Run::silent(1)).unwrap());
        let scale = |i: usize| graph.distances(i)[3..6].iter().sum::<f32>() / 3.0;
        for (i, found) in found.iter().enumerate() {
            let scaled = |j: u32| {
                let at = graph.neighbours(i).iter().position(|&other| other == j).unwrap();
                graph.distances(i)[at].powi(2) / (scale(i) * scale(j as usize))
            };
            let farthest = found.iter().map(|&j| scaled(j)).fold(0.0, f32::max);
            let nearer = graph.neighbours(i).iter().filter(|&&j| scaled(j) < farthest * 0.9999);
            assert_eq!(found.len(), 7);
            assert!(nearer.count() < 7);
        }
    }

    #[test]
    fn mid_near_pairs_are_nearer_than_random_ones_and_further_ones_are_not_near() {
        let vectors = noise(300);
        let counts = Counts { near: 8, mid_near: 10, further: 20 };
        let chosen = chosen(&vectors, 58, counts, 1);
        let mean = |pairs: &Pairs| {
            let distances = (0..300).flat_map(|i| {
                let own = vectors.row(i);
                pairs.of(i).iter().map(move |&j| (own, j as usize))
            });
            let all: Vec<f32> =
                distances.map(|(own, j)| kernels::squared_l2(own, vectors.row(j)).sqrt()).collect();
            all.iter().sum::<f32>() / all.len() as f32
        };
        let (near, mid, far) = (mean(&chosen.near), mean(&chosen.mid_near), mean(&chosen.further));
        assert!(near < 0.6 * mid && mid < 0.8 * far, "{near} {mid} {far}");
    }

    #[test]
    fn few_points_have_as_many_pairs_as_there_can_be() {
        let counts = Counts { near: 10, mid_near: 5, further: 20 };
        for n in 1..8 {
            let chosen = chosen(&noise(n), n - 1, counts, 1);
            assert_eq!(chosen.near.len(), n * (n - 1));
            assert_eq!(chosen.mid_near.len(), if n < 3 { 0 } else { 5 * n });
            assert_eq!(chosen.further.len(), 0);
        }
        let mut random = Run::silent(1).stream(&[]);
        let mut rest = further(9, 4, &[1, 2], 20, &mut random);
        rest.sort_unstable();
        assert_eq!(rest, [0, 3, 5, 6, 7, 8]);
    }
}
