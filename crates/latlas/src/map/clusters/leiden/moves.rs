//! The first step: nodes move to the community of largest gain, until none gains (Traag et al. 2019, algorithm A.2,
//! `MoveNodesFast`).
//!
//! Taking v out of its community and putting it into C gains w(v, C) − γ′ s(v) S(C), of which the part of v alone is 0.

use std::collections::VecDeque;

use rand_xoshiro::Xoshiro256PlusPlus;

use super::network::{Gather, Network};
use super::refine::shuffled;

/// A gain below this share of the mean mass and link is rounding, and could be gained for ever.
const NOTHING: f64 = 1e-12;

/// Moves nodes between communities, whose numbers are below that of nodes.
pub(super) fn move_nodes(
    network: &Network,
    community: &mut [u32],
    gamma: f64,
    random: &mut Xoshiro256PlusPlus,
) {
    let n = network.len();
    let (mut masses, mut counts) = (vec![0.0; n], vec![0_u32; n]);
    for (node, &c) in (0..).zip(community.iter()) {
        masses[c as usize] += network.mass(node);
        counts[c as usize] += 1;
    }
    let mut empty: Vec<u32> = (0..n as u32).rev().filter(|&c| counts[c as usize] == 0).collect();
    let least = NOTHING * network.weight() / n.max(1) as f64;
    let mut queue: VecDeque<u32> = shuffled(n, random).into();
    let mut queued = vec![true; n];
    let mut to = Gather::new(n);
    while let Some(node) = queue.pop_front() {
        queued[node as usize] = false;
        let (old, mass) = (community[node as usize], network.mass(node));
        to.clear();
        network.links(node).for_each(|(other, weight)| to.add(community[other as usize], weight));
        masses[old as usize] -= mass;
        counts[old as usize] -= 1;
        let gain = |c: u32| to.weight(c) - gamma * mass * masses[c as usize];
        let (mut best, mut most) = (old, gain(old) + least);
        for &c in to.seen() {
            let gain = gain(c);
            // Of equal gains the lowest number, but never a move for nothing.
            if c != old && (gain > most || (gain == most && best != old && c < best)) {
                (best, most) = (c, gain);
            }
        }
        if most < 0.0
            && counts[old as usize] > 0
            && let Some(&alone) = empty.last()
        {
            best = alone;
        }
        if best != old {
            if counts[best as usize] == 0 {
                empty.pop();
            }
            if counts[old as usize] == 0 {
                masses[old as usize] = 0.0; // without what rounding left
                empty.push(old);
            }
            community[node as usize] = best;
            for (other, _) in network.links(node) {
                if community[other as usize] != best && !queued[other as usize] {
                    queued[other as usize] = true;
                    queue.push_back(other);
                }
            }
        }
        masses[best as usize] += mass;
        counts[best as usize] += 1;
    }
}
