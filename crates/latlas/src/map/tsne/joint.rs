//! pᵢⱼ = (p(j|i) + p(i|j)) / 2n as links, each point with all whom it knows or who know it.

use rayon::prelude::*;

use crate::error::Result;
use crate::index::Graph;
use crate::kernels::attract::{GROUP, Links};
use crate::linalg::blocks::Work;
use crate::run::Run;

/// Points that a thread takes at a time.
const CHUNK: usize = 1024;
/// Stands for p(i|j) where j does not know i.
const UNKNOWN: f32 = -1.0;

/// The links of the points in the order given (`order[new] = old`), from the p(j|i) of the first k neighbours of each. First come those whom
/// a point knows, nearest first, then those who know it, in order.
pub(super) fn links(
    graph: &Graph,
    k: usize,
    conditional: &[f32],
    order: &[u32],
    run: &Run<'_>,
) -> Result<Links> {
    let n = order.len();
    let work = Work::new(run, "linking neighbours", 2 * n as u64, "points")?;
    let place = places(order);
    let mut back = vec![UNKNOWN; n * k];
    work.pool.install(|| {
        back.par_chunks_mut(k).enumerate().for_each(|(i, back)| {
            work.advance(1);
            for (back, &j) in back.iter_mut().zip(graph.neighbours(i)) {
                let known = &graph.neighbours(j as usize)[..k];
                if let Some(at) = known.iter().position(|&other| other as usize == i) {
                    *back = conditional[j as usize * k + at];
                }
            }
        });
    });

    let mut starts = vec![0; n + 1];
    for i in 0..n {
        for (&back, &j) in back[i * k..(i + 1) * k].iter().zip(graph.neighbours(i)) {
            starts[place[j as usize] as usize + 1] += usize::from(back == UNKNOWN);
        }
    }
    for point in 0..n {
        starts[point + 1] = starts[point] + (k + starts[point + 1]).next_multiple_of(GROUP);
    }

    let scale = 0.5 / n as f32;
    let (mut targets, mut weights) = (vec![0_u32; starts[n]], vec![0.0_f32; starts[n]]);
    let chunks: Vec<_> = split(&mut targets, &starts).zip(split(&mut weights, &starts)).collect();
    work.pool.install(|| {
        chunks.into_par_iter().enumerate().for_each(|(chunk, (targets, weights))| {
            let first = chunk * CHUNK;
            work.advance((CHUNK.min(n - first)) as u64);
            for new in first..(first + CHUNK).min(n) {
                let old = order[new] as usize;
                let links = starts[new] - starts[first]..starts[new + 1] - starts[first];
                let known = links.start..links.start + k;
                targets[known.end..links.end].fill(new as u32);
                for (target, &j) in targets[known.clone()].iter_mut().zip(graph.neighbours(old)) {
                    *target = place[j as usize];
                }
                let own = old * k..(old + 1) * k;
                for ((weight, there), back) in
                    weights[known].iter_mut().zip(&conditional[own.clone()]).zip(&back[own])
                {
                    *weight = scale * (there + back.max(0.0));
                }
            }
        });
    });

    work.finish()?;

    // Those who are known by others, but do not know them.
    let mut next: Vec<usize> = starts[..n].iter().map(|start| start + k).collect();
    for (new, &old) in (0_u32..).zip(order) {
        let own = old as usize * k..(old as usize + 1) * k;
        let known = graph.neighbours(old as usize);
        for ((&j, &there), &back) in known.iter().zip(&conditional[own.clone()]).zip(&back[own]) {
            if back == UNKNOWN {
                let next = &mut next[place[j as usize] as usize];
                (targets[*next], weights[*next]) = (new, scale * there);
                *next += 1;
            }
        }
    }
    Ok(Links::new(starts, targets, weights))
}

/// The same links with the points in another order (`order[new] = old`). Runs on the pool it is called in.
pub(super) fn reordered(links: &Links, order: &[u32]) -> Links {
    let n = order.len();
    let place = places(order);
    let mut starts = vec![0; n + 1];
    for (new, &old) in order.iter().enumerate() {
        starts[new + 1] = starts[new] + links.of(old as usize).0.len();
    }
    let (mut targets, mut weights) = (vec![0_u32; starts[n]], vec![0.0_f32; starts[n]]);
    let chunks: Vec<_> = split(&mut targets, &starts).zip(split(&mut weights, &starts)).collect();
    chunks.into_par_iter().enumerate().for_each(|(chunk, (targets, weights))| {
        let first = chunk * CHUNK;
        for new in first..(first + CHUNK).min(n) {
            let own = starts[new] - starts[first]..starts[new + 1] - starts[first];
            let (known, known_weights) = links.of(order[new] as usize);
            weights[own.clone()].copy_from_slice(known_weights);
            for (target, &j) in targets[own].iter_mut().zip(known) {
                *target = place[j as usize];
            }
        }
    });
    Links::new(starts, targets, weights)
}

/// `places[old] = new` of an order.
pub(super) fn places(order: &[u32]) -> Vec<u32> {
    let mut places = vec![0; order.len()];
    for (new, &old) in (0..).zip(order) {
        places[old as usize] = new;
    }
    places
}

/// What belongs to each [`CHUNK`] of points.
fn split<'a, T>(all: &'a mut [T], starts: &'a [usize]) -> impl Iterator<Item = &'a mut [T]> {
    let n = starts.len() - 1;
    let mut rest = all;
    (0..n).step_by(CHUNK).map(move |first| {
        let length = starts[(first + CHUNK).min(n)] - starts[first];
        let (own, behind) = std::mem::take(&mut rest).split_at_mut(length);
        rest = behind;
        own
    })
}
