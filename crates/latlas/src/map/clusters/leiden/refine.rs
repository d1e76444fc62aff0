//! The second step: each community is built anew from single nodes, so that what comes out is well connected (Traag et al.
//! 2019, algorithm A.2, `MergeNodesSubset`).
//!
//! A set T within a community C is well connected if w(T, C − T) ≥ γ′ S(T) (S(C) − S(T)). Nodes that are, and are still
//! alone, join a well connected set at no loss, drawn with probability ∝ exp(ΔH / θ); staying alone is one of the choices.

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::Rng;

use super::network::{Gather, Network};

/// The sets that the nodes of each community merge to, named by one of their nodes.
pub(super) fn refine(
    network: &Network,
    community: &[u32],
    gamma: f64,
    theta: f64,
    random: &mut Xoshiro256PlusPlus,
) -> Vec<u32> {
    let n = network.len();
    let mut whole = vec![0.0; n]; // S(C)
    for (node, &c) in (0..).zip(community) {
        whole[c as usize] += network.mass(node);
    }
    // Of each node, and then of each set, the weight of links to the rest of its community.
    let mut outward: Vec<f64> = (0..n as u32)
        .map(|node| {
            let own = community[node as usize];
            let links = network.links(node).filter(|&(other, _)| community[other as usize] == own);
            links.map(|(_, weight)| weight).sum()
        })
        .collect();
    let mut set: Vec<u32> = (0..n as u32).collect();
    let mut masses: Vec<f64> = set.iter().map(|&node| network.mass(node)).collect();
    let mut counts = vec![1_u32; n];
    let mut to = Gather::new(n);
    let mut choices: Vec<(u32, f64)> = Vec::new();
    for node in shuffled(n, random) {
        let v = node as usize;
        if set[v] != node || counts[v] != 1 {
            continue;
        }
        let (own, mass) = (community[v], network.mass(node));
        let rest = whole[own as usize] - mass;
        if outward[v] < gamma * mass * rest {
            continue;
        }
        to.clear();
        for (other, weight) in network.links(node) {
            if community[other as usize] == own {
                to.add(set[other as usize], weight);
            }
        }
        choices.clear();
        choices.push((node, 0.0));
        for &target in to.seen() {
            let t = target as usize;
            let well = outward[t] >= gamma * masses[t] * (whole[own as usize] - masses[t]);
            let gain = to.weight(target) - gamma * mass * masses[t];
            if well && gain >= 0.0 {
                choices.push((target, gain));
            }
        }
        let target = draw(&choices, theta, random);
        if target != node {
            let t = target as usize;
            set[v] = target;
            masses[t] += mass;
            counts[t] += 1;
            counts[v] = 0;
            outward[t] += outward[v] - 2.0 * to.weight(target);
        }
    }
    set
}

/// One of the choices, with probability ∝ exp(gain / θ).
fn draw(choices: &[(u32, f64)], theta: f64, random: &mut Xoshiro256PlusPlus) -> u32 {
    // Relative to the largest, so that nothing overflows.
    let most = choices.iter().fold(0.0, |most: f64, &(_, gain)| most.max(gain));
    let odds = |gain: f64| ((gain - most) / theta).exp();
    let total: f64 = choices.iter().map(|&(_, gain)| odds(gain)).sum();
    let mut left = (random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64 * total;
    for &(target, gain) in choices {
        left -= odds(gain);
        if left < 0.0 {
            return target;
        }
    }
    choices[choices.len() - 1].0
}

/// 0..n in random order (Fisher & Yates; Durstenfeld 1964).
pub(super) fn shuffled(n: usize, random: &mut Xoshiro256PlusPlus) -> Vec<u32> {
    let mut order: Vec<u32> = (0..n as u32).collect();
    for i in (1..n).rev() {
        let j = ((u128::from(random.next_u64()) * (i as u128 + 1)) >> 64) as usize;
        order.swap(i, j);
    }
    order
}
