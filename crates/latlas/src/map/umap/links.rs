//! Sparse matrices of memberships: who belongs to whose neighbourhood, and how strongly.

use rayon::ThreadPool;
use rayon::prelude::*;

/// Points that one thread works on at a time.
const CHUNK: usize = 1024;

/// Rows of (point, strength), each by rising point; strengths are positive, and no point is linked with itself.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Links {
    starts: Vec<usize>,
    targets: Vec<u32>,
    weights: Vec<f32>,
}

/// Some rows, one behind the other, after the length of each.
type Rows = (Vec<usize>, Vec<(u32, f32)>);

impl Links {
    /// Rows as `row` writes them, in any order. Links of strength 0 are left out.
    pub(super) fn build(
        points: usize,
        pool: &ThreadPool,
        row: impl Fn(usize, &mut Vec<(u32, f32)>) + Sync,
    ) -> Self {
        let chunk = |chunk: usize| {
            let (mut lengths, mut all, mut one) = (Vec::new(), Vec::new(), Vec::new());
            for point in chunk * CHUNK..((chunk + 1) * CHUNK).min(points) {
                one.clear();
                row(point, &mut one);
                one.retain(|&(_, weight)| weight > 0.0);
                one.sort_unstable_by_key(|&(target, _)| target);
                lengths.push(one.len());
                all.extend_from_slice(&one);
            }
            (lengths, all)
        };
        let chunks: Vec<Rows> =
            pool.install(|| (0..points.div_ceil(CHUNK)).into_par_iter().map(chunk).collect());
        let count = chunks.iter().map(|(_, all)| all.len()).sum();
        let mut starts = Vec::with_capacity(points + 1);
        let (mut targets, mut weights) = (Vec::with_capacity(count), Vec::with_capacity(count));
        let mut start = 0;
        starts.push(0);
        for (lengths, all) in chunks {
            starts.extend(lengths.into_iter().map(|length| {
                start += length;
                start
            }));
            targets.extend(all.iter().map(|link| link.0));
            weights.extend(all.iter().map(|link| link.1));
        }
        Links { starts, targets, weights }
    }

    /// The number of points.
    pub(super) fn points(&self) -> usize {
        self.starts.len() - 1
    }

    /// The number of links, both directions counted.
    pub(super) fn len(&self) -> usize {
        self.targets.len()
    }

    /// The links of a point.
    pub(super) fn row(&self, point: usize) -> impl ExactSizeIterator<Item = (u32, f32)> {
        let range = self.starts[point]..self.starts[point + 1];
        self.targets[range.clone()].iter().copied().zip(self.weights[range].iter().copied())
    }

    /// The strength of a link; `None` where there is none.
    pub(super) fn weight(&self, from: usize, to: u32) -> Option<f32> {
        let range = self.starts[from]..self.starts[from + 1];
        let at = self.targets[range.clone()].binary_search(&to).ok()?;
        Some(self.weights[range.start + at])
    }

    /// The strongest link; 0 where there is none.
    pub(super) fn strongest(&self) -> f32 {
        self.weights.iter().copied().fold(0.0, f32::max)
    }

    /// The weakest link; infinite where there is none.
    pub(super) fn weakest(&self) -> f32 {
        self.weights.iter().copied().fold(f32::INFINITY, f32::min)
    }

    /// The matrix on its side.
    fn transposed(&self) -> Self {
        let points = self.points();
        let mut starts = vec![0; points + 1];
        for &target in &self.targets {
            starts[target as usize + 1] += 1;
        }
        for i in 0..points {
            starts[i + 1] += starts[i];
        }
        let mut next = starts.clone();
        let (mut targets, mut weights) = (vec![0; self.len()], vec![0.0; self.len()]);
        for point in 0..points {
            for (target, weight) in self.row(point) {
                let at = &mut next[target as usize];
                (targets[*at], weights[*at]) = (point as u32, weight);
                *at += 1;
            }
        }
        Links { starts, targets, weights }
    }

    /// Both directions of a link made one: `mix`·(p + q − p·q) + (1 − `mix`)·p·q, the fuzzy union for a mix of 1, the
    /// fuzzy intersection for 0.
    pub(super) fn united(&self, mix: f64, pool: &ThreadPool) -> Self {
        let back = self.transposed();
        let unite = |p: f32, q: f32| {
            let (p, q) = (f64::from(p), f64::from(q));
            (mix * (p + q - p * q) + (1.0 - mix) * p * q) as f32
        };
        Self::build(self.points(), pool, |point, out| {
            let (mut there, mut here) = (self.row(point).peekable(), back.row(point).peekable());
            while let (Some(&(i, p)), Some(&(j, q))) = (there.peek(), here.peek()) {
                let (p, q) = (if i <= j { p } else { 0.0 }, if j <= i { q } else { 0.0 });
                out.push((i.min(j), unite(p, q)));
                if i <= j {
                    there.next();
                }
                if j <= i {
                    here.next();
                }
            }
            out.extend(there.chain(here).map(|(i, p)| (i, unite(p, 0.0))));
        })
    }

    /// How many points have no link.
    pub(super) fn alone(&self) -> usize {
        self.starts.windows(2).filter(|pair| pair[0] == pair[1]).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_xoshiro::rand_core::Rng;

    fn pool() -> ThreadPool {
        rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap()
    }

    #[test]
    fn the_union_is_that_of_full_matrices() {
        const N: usize = 37;
        let mut random = crate::run::stream(3, &[]);
        let mut full = vec![[0.0_f32; N]; N];
        for (i, row) in full.iter_mut().enumerate() {
            for (j, x) in row.iter_mut().enumerate() {
                if i != j && random.next_u32().is_multiple_of(5) {
                    *x = (random.next_u32() >> 8) as f32 / (1 << 24) as f32;
                }
            }
        }
        let row = |i: usize, out: &mut Vec<(u32, f32)>| {
            out.extend(full[i].iter().enumerate().rev().map(|(j, &x)| (j as u32, x)));
        };
        let links = Links::build(N, &pool(), row);
        for mix in [1.0, 0.0, 0.3] {
            let united = links.united(mix, &pool());
            for (i, row) in full.iter().enumerate() {
                for (j, &p) in row.iter().enumerate() {
                    let (p, q) = (f64::from(p), f64::from(full[j][i]));
                    let expected = mix * (p + q - p * q) + (1.0 - mix) * p * q;
                    let found = united.weight(i, j as u32).unwrap_or(0.0);
                    assert!((f64::from(found) - expected).abs() < 1e-6, "{i} {j}");
                }
            }
        }
        assert_eq!(links.transposed().transposed(), links);
        assert_eq!(links.alone(), full.iter().filter(|row| row.iter().all(|&x| x == 0.0)).count());
    }
}
