//! Centres of groups of points (k-means: Lloyd, IEEE Trans. Information Theory 28, 1982), in two levels.

use rayon::prelude::*;

use super::fronts::Fronts;
use super::random::drawn;
use crate::kernels::LANES;
use crate::kernels::gram::Gram;
use crate::linalg::blocks::Work;

/// Points that are drawn for each centre.
const DRAWN: usize = 16;
/// Rounds of k-means at either level.
const ROUNDS: usize = 4;
/// Points that are compared with centres together.
const BLOCK: usize = 256;
/// Points that a thread takes at a time.
const CHUNK: usize = 16 * BLOCK;

/// Some centres, as the kernels want them.
pub(super) struct Centres {
    dim: usize,
    /// Row after row.
    pub(super) rows: Vec<f32>,
    pub(super) panels: Vec<f32>,
    /// ½‖c‖² of each; NaN for places without one.
    pub(super) halves: Vec<f32>,
}

impl Centres {
    pub(super) fn new(gram: &Gram, rows: Vec<f32>, dim: usize) -> Self {
        let places = (rows.len() / dim).next_multiple_of(LANES);
        let mut panels = vec![0.0; places * dim];
        gram.pack(&rows, dim, &mut panels);
        let mut halves = vec![f32::NAN; places];
        for (half, row) in halves.iter_mut().zip(rows.chunks_exact(dim)) {
            *half = (0.5 * row.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>()) as f32;
        }
        Centres { dim, rows, panels, halves }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.rows.len() / self.dim
    }

    /// Calls `each` with the number of every row and that of its nearest centre, the first of several.
    fn nearest(&self, gram: &Gram, rows: &[f32], own: &mut Own, mut each: impl FnMut(usize, u32)) {
        let (dim, places) = (self.dim, self.halves.len());
        for (block, rows) in rows.chunks(BLOCK * dim).enumerate() {
            let count = rows.len() / dim;
            own.panels.resize(count.next_multiple_of(LANES) * dim, 0.0);
            gram.pack(rows, dim, &mut own.panels);
            own.dots.resize(count.next_multiple_of(LANES) * places, 0.0);
            gram.products(&own.panels, &self.panels, dim, &mut own.dots);
            for (i, dots) in own.dots.chunks_exact(places).take(count).enumerate() {
                let mut least = (f32::INFINITY, 0);
                for (j, (half, dot)) in self.halves.iter().zip(dots).enumerate() {
                    let distance = half - dot;
                    if distance < least.0 {
                        least = (distance, j as u32);
                    }
                }
                each(block * BLOCK + i, least.1);
            }
        }
    }
}

/// What a thread needs to compare rows with centres.
#[derive(Default)]
struct Own {
    panels: Vec<f32>,
    dots: Vec<f32>,
}

/// Some √C centres, and around each as many as its share of the points asks for, C in all. A point goes down the levels,
/// which costs 2√C products instead of C; where it ends is near, if not always nearest.
pub(super) struct Levels {
    dim: usize,
    upper: Centres,
    /// Those around each of the upper ones, and how many stand before them.
    lower: Vec<(Centres, u32)>,
}

impl Levels {
    /// Those of about `count` groups of the points, from a sample of them.
    pub(super) fn new(
        gram: &Gram,
        points: &Fronts,
        count: usize,
        key: u64,
        work: &Work<'_>,
    ) -> Self {
        let (dim, n) = (points.dim, points.halves.len());
        let drawn = drawn(n, DRAWN * count, key);
        let wanted = drawn.len();
        let mut sample = Vec::with_capacity(wanted * dim);
        for point in drawn {
            sample.extend_from_slice(&points.rows[point as usize * dim..][..dim]);
        }
        work.pool.install(|| {
            let few = (count as f64).sqrt().round() as usize;
            let (upper, groups) = means(gram, &sample, dim, few);
            let mut below: Vec<Vec<f32>> = vec![Vec::new(); upper.len()];
            for (row, &group) in sample.chunks_exact(dim).zip(&groups) {
                below[group as usize].extend_from_slice(row);
            }
            let around = below.into_par_iter().map(|rows| {
                let share = (rows.len() / dim * count + wanted / 2) / wanted;
                means(gram, &rows, dim, share.max(1)).0
            });
            let mut before = 0;
            let lower = around.collect::<Vec<_>>().into_iter().map(|centres| {
                let first = before;
                before += centres.len() as u32;
                (centres, first)
            });
            Levels { dim, lower: lower.collect(), upper }
        })
    }

    /// All centres of the lower level, row after row.
    pub(super) fn rows(&self) -> impl Iterator<Item = &[f32]> {
        self.lower.iter().flat_map(|(centres, _)| centres.rows.chunks_exact(self.dim))
    }

    /// The centre of every point.
    pub(super) fn assign(&self, gram: &Gram, points: &Fronts, work: &Work<'_>) -> Vec<u32> {
        let mut assigned = vec![0_u32; points.halves.len()];
        work.pool.install(|| {
            let rows = points.rows.par_chunks(CHUNK * self.dim);
            rows.zip(assigned.par_chunks_mut(CHUNK)).for_each_init(
                Default::default,
                |(own, sorted, some): &mut (Own, Vec<(u32, u32)>, Vec<f32>), (rows, assigned)| {
                    if work.cancelled() {
                        return;
                    }
                    sorted.clear();
                    self.upper
                        .nearest(gram, rows, own, |i, centre| sorted.push((centre, i as u32)));
                    sorted.sort_unstable();
                    for group in sorted.chunk_by(|a, b| a.0 == b.0) {
                        let (lower, before) = &self.lower[group[0].0 as usize];
                        some.clear();
                        for &(_, i) in group {
                            some.extend_from_slice(&rows[i as usize * self.dim..][..self.dim]);
                        }
                        lower.nearest(gram, some, own, |i, centre| {
                            assigned[group[i].1 as usize] = before + centre;
                        });
                    }
                    work.advance(assigned.len() as u64);
                },
            );
        });
        assigned
    }
}

/// The centres of about `count` groups of some rows, and the group of each row. Rows stand in random order.
fn means(gram: &Gram, rows: &[f32], dim: usize, count: usize) -> (Centres, Vec<u32>) {
    let n = rows.len() / dim;
    if n == 0 {
        return (Centres::new(gram, vec![0.0; dim], dim), Vec::new());
    }
    let count = count.clamp(1, n);
    let mut centres = Centres::new(gram, rows[..count * dim].to_vec(), dim);
    let mut groups = vec![0_u32; n];
    for round in 0..=ROUNDS {
        rows.par_chunks(CHUNK * dim).zip(groups.par_chunks_mut(CHUNK)).for_each_init(
            Own::default,
            |own, (rows, groups)| {
                centres.nearest(gram, rows, own, |i, centre| groups[i] = centre);
            },
        );
        if round == ROUNDS {
            break;
        }
        // Summed in the order of the rows: the same at any number of threads.
        let (mut sums, mut sizes) = (vec![0.0_f32; count * dim], vec![0_u32; count]);
        for (row, &group) in rows.chunks_exact(dim).zip(&groups) {
            sizes[group as usize] += 1;
            for (sum, &x) in sums[group as usize * dim..][..dim].iter_mut().zip(row) {
                *sum += x;
            }
        }
        let each = centres.rows.chunks_exact(dim).zip(sums.chunks_exact_mut(dim)).zip(&sizes);
        for ((before, sum), &size) in each {
            if size == 0 {
                sum.copy_from_slice(before); // it may win some later
            } else {
                for sum in sum {
                    *sum /= size as f32;
                }
            }
        }
        centres = Centres::new(gram, sums, dim);
    }
    (centres, groups)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Geometry;
    use crate::index::graph::points::Points;
    use crate::index::graph::random::mixed;
    use crate::linalg::Matrix;
    use crate::run::Run;

    /// Sixty groups far apart: every one has a centre of its own, and its points are assigned to that.
    #[test]
    fn groups_are_found_and_the_same_by_any_number_of_threads() {
        let (n, dim, groups) = (6000, 9, 60);
        let noise =
            |i: usize, j: usize| (mixed(i as u64, j as u64) >> 40) as f32 / (1 << 24) as f32;
        let group = |i: usize| mixed(99, i as u64) as usize % groups;
        let number = |i: usize, j: usize| 20.0 * noise(1 << 30 | group(i), j) + noise(i, j);
        let numbers = (0..n * dim).map(|at| number(at / dim, at % dim)).collect();
        let vectors = Matrix::new(n, dim, numbers).unwrap();
        let assigned = |threads| {
            let run = Run { threads, ..Run::silent(3) };
            let points = Points::new(&vectors, Geometry::Euclidean, &run).unwrap();
            let work = Work::new(&run, "test", 1, "points").unwrap();
            let fronts = Fronts::new(&points, &run, &work).unwrap();
            let gram = Gram::detect();
            let levels = Levels::new(&gram, &fronts, 200, 5, &work);
            assert!((150..=250).contains(&levels.rows().count()));
            levels.assign(&gram, &fronts, &work)
        };
        let one = assigned(1);
        assert_eq!(one, assigned(2));
        let mut of_cell = std::collections::HashMap::new();
        let strays = (0..n).filter(|&i| *of_cell.entry(one[i]).or_insert(group(i)) != group(i));
        assert!(strays.count() < n / 50);
    }
}
