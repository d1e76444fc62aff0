//! Maps that are led by what is known of the points: labels, or numbers, of all or of some (supervised and
//! semi-supervised UMAP, as umap-learn has it).
//!
//! The fuzzy graph of the vectors is intersected with that of the target, and then every point gets its neighbourhood
//! back (its strongest link becomes 1, and both directions are united again):
//!
//! * **categories**: a link between points of different labels is weakened by e^(−far), one with an unlabelled end by
//!   e^(−1), where far = 2.5/(1 − w) for w = `target_weight`, and so 5 for ½;
//! * **numbers**: the graph of the nearest neighbours by the number, p', is intersected as p·p'^(w/(1 − w)) for w < ½
//!   and as p^((1 − w)/w)·p' from there on. Where one of the two has no link, it counts as half of its weakest (within
//!   1e-8 and, for the target, 1e-4).

use rayon::ThreadPool;
use serde::{Serialize, Serializer};
use xxhash_rust::xxh3::Xxh3Default;

use super::fuzzy::Fuzziness;
use super::links::Links;
use super::{Layout, Points, Settling, Tether, Umap};
use crate::error::{Error, Result};
use crate::index::Graph;
use crate::run::Run;

/// What is known of the points, in their order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Target<'a> {
    /// A label each; `None` where it is not known.
    Categories(&'a [Option<u32>]),
    /// A finite number each.
    Numbers(&'a [f64]),
}

/// UMAP led by a target: points that are alike by it come together as well.
///
/// ```
/// use latlas::map::{Supervised, Target, Umap};
/// let labels = [Some(0), Some(1), None];
/// let method = Supervised { method: Umap::default(), target: Target::Categories(&labels) };
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Supervised<'t> {
    /// The method; `target_weight` is among its options.
    pub method: Umap,
    /// What is known.
    pub target: Target<'t>,
}

/// The options of the method, and what identifies the target: its kind, how many values are known, and the xxh3 of all.
impl Serialize for Supervised<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Told<'a> {
            #[serde(flatten)]
            method: &'a Umap,
            target: About,
        }
        Told { method: &self.method, target: self.target.about() }.serialize(serializer)
    }
}

/// What identifies a target.
#[derive(Debug, Serialize)]
struct About {
    kind: &'static str,
    known: usize,
    xxh3: String,
}

impl Layout for Supervised<'_> {
    fn method(&self) -> &'static str {
        "umap"
    }

    fn neighbours(&self, points: usize) -> usize {
        self.method.neighbours(points)
    }

    fn fits(&self, points: usize) -> Result<()> {
        self.method.check_for(points)
    }

    fn begin<'a>(&'a self, points: Points<'a>, run: &Run<'_>) -> Result<Box<dyn Settling + 'a>> {
        self.method.begin_with(points, Some(self.target), None, run)
    }

    fn begin_tethered<'a>(
        &'a self,
        points: Points<'a>,
        tether: Tether<'_>,
        run: &Run<'_>,
    ) -> Result<Box<dyn Settling + 'a>> {
        self.method.begin_with(points, Some(self.target), Some(tether), run)
    }
}

/// How much a link with an unlabelled end is weakened: e^(−1).
const UNKNOWN: f64 = 1.0;
/// What a weight of 1 comes to.
const FARTHEST: f64 = 1e12;

impl Target<'_> {
    fn about(self) -> About {
        let mut hash = Xxh3Default::new();
        let (kind, known) = match self {
            Target::Categories(labels) => {
                for label in labels {
                    hash.update(&label.map_or(u64::MAX, u64::from).to_le_bytes());
                }
                ("categories", labels.iter().flatten().count())
            }
            Target::Numbers(numbers) => {
                hash.update(bytemuck::cast_slice(numbers));
                ("numbers", numbers.len())
            }
        };
        About { kind, known, xxh3: format!("{:016x}", hash.digest()) }
    }

    /// The links as the target leaves them.
    pub(super) fn intersect(
        self,
        links: &Links,
        options: &Umap,
        pool: &ThreadPool,
    ) -> Result<Links> {
        let weight = options.target_weight;
        let met = match self {
            Target::Categories(labels) => {
                fits(labels.len(), links)?;
                by_category(links, labels, weight, pool)
            }
            Target::Numbers(numbers) => {
                fits(numbers.len(), links)?;
                if let Some(at) = numbers.iter().position(|x| !x.is_finite()) {
                    return Err(Error::data(format!(
                        "the target of point {}: {}",
                        at + 1,
                        numbers[at]
                    ))
                    .help("every number must be finite"));
                }
                by_number(links, numbers, &options.fuzziness(links.points()), weight, pool)?
            }
        };
        Ok(connected_again(&met, pool))
    }
}

fn fits(known: usize, links: &Links) -> Result<()> {
    if known == links.points() {
        return Ok(());
    }
    Err(Error::data(format!("a target of {known} values for {} points", links.points())))
}

fn by_category(links: &Links, labels: &[Option<u32>], weight: f64, pool: &ThreadPool) -> Links {
    let far = if weight < 1.0 { 2.5 / (1.0 - weight) } else { FARTHEST };
    let (unknown, far) = ((-UNKNOWN).exp(), (-far).exp());
    Links::build(links.points(), pool, |point, out| {
        let own = labels[point];
        out.extend(links.row(point).map(|(other, strength)| {
            let factor = match (own, labels[other as usize]) {
                (Some(a), Some(b)) if a == b => 1.0,
                (Some(_), Some(_)) => far,
                _ => unknown,
            };
            (other, (f64::from(strength) * factor) as f32)
        }));
    })
}

fn by_number(
    links: &Links,
    numbers: &[f64],
    fuzziness: &Fuzziness,
    weight: f64,
    pool: &ThreadPool,
) -> Result<Links> {
    let plain = Fuzziness {
        local_connectivity: 1.0,
        bandwidth: 1.0,
        set_op_mix_ratio: 1.0,
        farthest: f64::INFINITY,
        ..*fuzziness
    };
    let near = nearest_numbers(numbers, fuzziness.neighbours.saturating_sub(1))?;
    if near.is_empty() {
        return Ok(links.clone());
    }
    let other = plain.graph(&near, pool);
    let half = |links: &Links| (f64::from(links.weakest()) / 2.0).max(1e-8);
    let (left, right) = (half(links), half(&other).min(1e-4));
    Ok(Links::build(links.points(), pool, |point, out| {
        let mut meet = |to: u32, p: Option<f32>, q: Option<f32>| {
            let (p, q) = (p.map_or(left, f64::from), q.map_or(right, f64::from));
            let both = if weight < 0.5 {
                p * q.powf(weight / (1.0 - weight))
            } else {
                p.powf((1.0 - weight) / weight) * q
            };
            out.push((to, both as f32));
        };
        for (to, p) in links.row(point) {
            meet(to, Some(p), other.weight(point, to));
        }
        for (to, q) in other.row(point) {
            if links.weight(point, to).is_none() {
                meet(to, None, Some(q));
            }
        }
    }))
}

/// Each point's strongest link made 1, and both directions united.
fn connected_again(links: &Links, pool: &ThreadPool) -> Links {
    let normal = Links::build(links.points(), pool, |point, out| {
        let strongest = links.row(point).map(|(_, weight)| weight).fold(0.0, f32::max);
        out.extend(links.row(point).map(|(other, weight)| (other, weight / strongest)));
    });
    normal.united(1.0, pool)
}

/// The k nearest of each number, ties by place among the sorted ones, themselves by value and number.
fn nearest_numbers(numbers: &[f64], k: usize) -> Result<Graph> {
    let n = numbers.len();
    let k = k.min(n.saturating_sub(1));
    let mut order: Vec<u32> = (0..n as u32).collect();
    order.sort_unstable_by(|&a, &b| {
        numbers[a as usize].total_cmp(&numbers[b as usize]).then(a.cmp(&b))
    });
    // Distances are told in units of the range, so that none overflows.
    let value = |at: usize| numbers[order[at] as usize];
    let range = if n == 0 { 0.0 } else { value(n - 1) / 2.0 - value(0) / 2.0 };
    let unit = if range > 0.0 { range } else { 1.0 };
    let apart = |a: usize, b: usize| ((value(b) / 2.0 - value(a) / 2.0) / unit) as f32;
    let (mut neighbours, mut distances) = (vec![0; n * k], vec![0.0; n * k]);
    for at in 0..n {
        let (mut below, mut above) = (at, at + 1);
        let own = order[at] as usize * k;
        for slot in own..own + k {
            // One of the two sides has more, as k < n.
            let down = below > 0 && (above == n || apart(below - 1, at) <= apart(at, above));
            let other = if down { below - 1 } else { above };
            neighbours[slot] = order[other];
            distances[slot] = apart(at.min(other), at.max(other));
            if down {
                below -= 1;
            } else {
                above += 1;
            }
        }
    }
    Graph::new(k, neighbours, distances)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool() -> ThreadPool {
        rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap()
    }

    /// 0 – 1 – 2 – 3 – 0, strengths ½ and 1 in turn.
    fn ring() -> Links {
        Links::build(4, &pool(), |i, out| {
            let strength = |first: usize| if first.is_multiple_of(2) { 0.5 } else { 1.0 };
            let before = (i + 3) % 4;
            out.extend([(((i + 1) % 4) as u32, strength(i)), (before as u32, strength(before))]);
        })
    }

    #[test]
    fn labels_weaken_links_between_them() {
        let labels = [Some(1), Some(1), Some(2), None];
        let met = by_category(&ring(), &labels, 0.5, &pool());
        let near = |found: Option<f32>, expected: f64| {
            assert!((f64::from(found.unwrap()) - expected).abs() < 1e-7, "{found:?}");
        };
        near(met.weight(0, 1), 0.5);
        near(met.weight(1, 2), (-5.0_f64).exp());
        near(met.weight(2, 3), 0.5 * (-1.0_f64).exp());
        near(met.weight(3, 0), (-1.0_f64).exp());
        // Of point 0 the links are ½ and e⁻¹, of point 3 ½·e⁻¹ and e⁻¹.
        let again = connected_again(&met, &pool());
        near(again.weight(0, 1), 1.0);
        let (p, q) = (2.0 * (-1.0_f64).exp(), 1.0);
        near(again.weight(0, 3), p + q - p * q);
        assert_eq!(again.weight(0, 3), again.weight(3, 0));
        // Nothing but the target counts: links between labels are gone.
        assert_eq!(by_category(&ring(), &labels, 1.0, &pool()).weight(1, 2), None);
    }

    #[test]
    fn the_nearest_numbers_are_those_of_all_pairs() {
        let numbers = [3.0, -1.0, 7.5, 3.0, 2.0, 100.0, 6.0];
        let graph = nearest_numbers(&numbers, 3).unwrap();
        for (i, own) in numbers.iter().enumerate() {
            let mut expected: Vec<f32> = (0..7)
                .filter(|&j| j != i)
                .map(|j| ((numbers[j] - own).abs() / 101.0) as f32)
                .collect();
            expected.sort_by(f32::total_cmp);
            for (found, expected) in graph.distances(i).iter().zip(expected) {
                assert!((found - expected).abs() < 1e-6);
            }
        }
        let same = nearest_numbers(&[2.0; 6], 4).unwrap();
        assert!((0..6).all(|i| same.distances(i) == [0.0; 4]));
        assert!(nearest_numbers(&[f64::MAX, f64::MIN, 0.0], 2).is_ok());
        assert!(nearest_numbers(&[1.0], 4).unwrap().is_empty());
    }

    #[test]
    fn numbers_meet_as_the_formula_says() {
        let numbers = [0.0, 1.0, 2.0, 10.0];
        let fuzziness = Umap { neighbours: Some(2), ..Umap::default() }.fuzziness(4);
        let near = nearest_numbers(&numbers, 1).unwrap();
        let other = fuzziness.graph(&near, &pool());
        assert_eq!(other.weight(0, 1), Some(1.0));
        for weight in [0.3, 0.5, 0.8] {
            let met = by_number(&ring(), &numbers, &fuzziness, weight, &pool()).unwrap();
            let (p, q): (f64, f64) = (0.5, 1.0);
            let expected = if weight < 0.5 {
                p * q.powf(weight / (1.0 - weight))
            } else {
                p.powf((1.0 - weight) / weight) * q
            };
            assert!((f64::from(met.weight(0, 1).unwrap()) - expected).abs() < 1e-6);
        }
        // A link that only the vectors have: the target counts as 1e-4.
        let met = by_number(&ring(), &numbers, &fuzziness, 0.5, &pool()).unwrap();
        assert!((met.weight(0, 3).unwrap() - 1e-4).abs() < 1e-8);
    }

    #[test]
    fn a_target_has_to_fit() {
        let refused = |target: Target<'_>| {
            target.intersect(&ring(), &Umap::default(), &pool()).unwrap_err().to_string()
        };
        assert_eq!(refused(Target::Numbers(&[1.0])), "a target of 1 values for 4 points");
        assert_eq!(
            refused(Target::Numbers(&[1.0, 2.0, f64::NAN, 4.0])),
            "the target of point 3: NaN"
        );
        assert!(refused(Target::Categories(&[None])).starts_with("a target"));
    }
}
