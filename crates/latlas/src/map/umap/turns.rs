//! The turns of points within a pass.
//!
//! A turn is a chain: each link moves the point, and the next one starts from there. One chain alone leaves a processor
//! waiting for the end of a long sum of polynomials, so [`SIDE`] points take their turns side by side; when one has finished,
//! the next takes its place. None of them sees another, so it makes no difference to where they come to stand.

use super::density::Density;
use super::forces::{Forces, SIDE, Side};
use super::places::{Springs, mix};
use crate::kernels::wide::{Width, Work};

/// The most pushes that act together with a pull.
const BESIDE: usize = 3;

/// What all points of a pass share.
pub(super) struct Turns<'a, const D: usize> {
    pub(super) springs: &'a Springs,
    pub(super) forces: &'a Forces,
    pub(super) density: Option<&'a Density>,
    pub(super) tether: Option<&'a Tethers<D>>,
    /// Counted from 1: pass 0 would find every link due.
    pub(super) pass: u32,
    /// Pushes for each pull.
    pub(super) negatives: usize,
    pub(super) rate: f32,
    /// Names the pass among all random numbers.
    pub(super) key: u64,
}

/// Where the point of each place is drawn back to, if it is.
pub(super) struct Tethers<const D: usize> {
    pub(super) to: Vec<Option<[f32; D]>>,
    pub(super) strength: f32,
}

/// One worker's room: a hand for each point that takes its turn.
#[derive(Default)]
pub(super) struct Hands([Hand; SIDE]);

/// A point whose turn it is.
#[derive(Default)]
struct Hand {
    /// Which of the chunk's points, if any.
    point: Option<usize>,
    /// Its place.
    place: usize,
    /// Its links that are due, and how many of them have acted.
    due: Vec<u32>,
    acted: usize,
    draws: Draws,
}

/// The work of [`Turns::take`].
struct Chunk<'a, const D: usize> {
    turns: &'a Turns<'a, D>,
    at: &'a [[f32; D]],
    first: usize,
    moved: &'a mut [[f32; D]],
    hands: &'a mut Hands,
}

impl<const D: usize> Work for Chunk<'_, D> {
    type Output = ();

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "compiled for each width")]
    fn run(self) {
        self.turns.take_here(self.at, self.first, self.moved, self.hands);
    }
}

impl<const D: usize> Turns<'_, D> {
    /// Where the points of the places from `first` on stand after their turns, all of which see `at`.
    pub(super) fn take(
        &self,
        at: &[[f32; D]],
        first: usize,
        moved: &mut [[f32; D]],
        hands: &mut Hands,
    ) {
        Width::widest().run(Chunk { turns: self, at, first, moved, hands });
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "compiled for each width")]
    fn take_here(
        &self,
        at: &[[f32; D]],
        first: usize,
        moved: &mut [[f32; D]],
        Hands(hands): &mut Hands,
    ) {
        let beside = self.negatives.min(BESIDE);
        let mut y = [[0.0; SIDE]; D];
        let mut next = 0;
        loop {
            let mut idle = 0;
            for (side, hand) in hands.iter_mut().enumerate() {
                while hand.acted == hand.due.len() {
                    if let Some(point) = hand.point.take() {
                        moved[point] = self.drawn_back(hand.place, y.map(|y| y[side]));
                    }
                    if next == moved.len() {
                        idle += 1;
                        break;
                    }
                    self.begin(hand, next, first + next);
                    y.iter_mut().zip(at[first + next]).for_each(|(y, x)| y[side] = x);
                    next += 1;
                }
            }
            if idle == SIDE {
                return;
            }
            // An idle hand holds its point to itself: nothing pulls or pushes at no distance.
            let mut pull = y;
            let mut pushes = [y; BESIDE];
            let mut also = [[0.0; SIDE]; D];
            for (side, hand) in hands.iter_mut().enumerate() {
                let Some(&link) = hand.due.get(hand.acted) else { continue };
                hand.acted += 1;
                let link = self.springs.starts[hand.place] + link as usize;
                let target = self.springs.targets[link] as usize;
                set(&mut pull, side, &at[target]);
                for push in &mut pushes[..beside] {
                    set(push, side, &at[hand.draws.next(at.len())]);
                }
                if let Some(density) = self.density {
                    let ends = (hand.place, target);
                    let own = y.map(|y| y[side]);
                    let rate = self.springs.rates[link];
                    set(&mut also, side, &density.force(&own, &at[target], ends, rate));
                }
            }
            self.forces.pull_and_push(&mut y, &pull, &pushes[..beside], self.rate);
            if self.density.is_some() {
                for (y, also) in y.iter_mut().zip(&also) {
                    y.iter_mut().zip(also).for_each(|(y, force)| *y += self.rate * force);
                }
            }
            let mut left = self.negatives - beside;
            while left > 0 {
                let now = left.min(BESIDE + 1);
                let mut pushes = [y; BESIDE + 1];
                for (side, hand) in hands.iter_mut().enumerate().filter(|(_, h)| h.point.is_some())
                {
                    for push in &mut pushes[..now] {
                        set(push, side, &at[hand.draws.next(at.len())]);
                    }
                }
                self.forces.push_all(&mut y, &pushes[..now], self.rate);
                left -= now;
            }
        }
    }

    /// Gives a hand the next point.
    #[inline]
    fn begin(&self, hand: &mut Hand, point: usize, place: usize) {
        (hand.point, hand.place, hand.acted) = (Some(point), place, 0);
        hand.draws = Draws::new(self.key, place);
        let rates = &self.springs.rates[self.springs.starts[place]..self.springs.starts[place + 1]];
        // Whether a link is due cannot be predicted: no branch, the next one takes its place.
        hand.due.resize(rates.len(), 0);
        let mut count = 0;
        for (link, &rate) in rates.iter().enumerate() {
            hand.due[count] = link as u32;
            count += usize::from(due(self.pass, rate));
        }
        hand.due.truncate(count);
    }

    /// The end of a turn: a tethered point is drawn back.
    #[inline]
    fn drawn_back(&self, place: usize, y: [f32; D]) -> [f32; D] {
        let Some(tether) = self.tether else { return y };
        let Some(to) = tether.to[place] else { return y };
        let step = tether.strength * self.rate;
        std::array::from_fn(|d| (y[d] + step * to[d]) / (1.0 + step))
    }
}

/// Writes one point's position.
#[inline]
fn set<const D: usize>(all: &mut [Side; D], side: usize, one: &[f32; D]) {
    all.iter_mut().zip(one).for_each(|(all, &x)| all[side] = x);
}

/// Whether a link of this rate (in units of 2⁻³²) is due in a pass, counted from 1: the low half of pass·rate is below rate
/// just if the last addition of rate carried.
#[inline]
pub(super) fn due(pass: u32, rate: u32) -> bool {
    pass.wrapping_mul(rate) < rate
}

/// Places drawn evenly, by a linear congruential generator (Knuth's MMIX) whose start is a hash of pass and place.
#[derive(Default)]
pub(super) struct Draws(u64);

impl Draws {
    pub(super) fn new(key: u64, place: usize) -> Self {
        Draws(mix(key ^ (place as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)))
    }

    /// One of so many places, at most 2³².
    #[inline]
    pub(super) fn next(&mut self, places: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (((self.0 >> 32) * places as u64) >> 32) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_even() {
        let mut counts = [0_u32; 10];
        for place in 0..2000 {
            let mut draws = Draws::new(77, place);
            for _ in 0..10 {
                counts[draws.next(10)] += 1;
            }
        }
        // Of 20,000 draws each place gets 2,000, give or take 42.
        assert!(counts.iter().all(|&count| (1800..2200).contains(&count)), "{counts:?}");
    }

    /// Some points side by side against one at a time, to the bit, however many pushes there are.
    #[test]
    fn turns_side_by_side_are_those_of_one_point_at_a_time() {
        const N: usize = 61;
        let mut random = Draws::new(1, 2);
        let at: Vec<[f32; 2]> =
            (0..N).map(|_| [(); 2].map(|()| random.next(1000) as f32 / 100.0)).collect();
        // The first place has no links, others up to forty.
        let mut springs = Springs { starts: vec![0], targets: Vec::new(), rates: Vec::new() };
        for place in 0..N {
            for _ in 0..place.min(40) {
                springs.targets.push(random.next(N) as u32);
                springs.rates.push((random.next(1 << 16) as u32) << 16 | 1);
            }
            springs.starts.push(springs.targets.len());
        }
        let forces = Forces::new(1.577, 0.895, 1.0);
        let tether = Tethers {
            to: (0..N).map(|i| (i % 3 == 0).then_some([1.0, 2.0])).collect(),
            strength: 0.1,
        };
        for negatives in [0, 1, 2, 3, 4, 9] {
            for pass in [1, 2, 17] {
                let turns = Turns {
                    springs: &springs,
                    forces: &forces,
                    density: None,
                    tether: Some(&tether),
                    pass,
                    negatives,
                    rate: 0.6,
                    key: 99,
                };
                let found = Width::all().into_iter().map(|width| {
                    let (mut moved, mut hands) = (vec![[0.0; 2]; N], Hands::default());
                    let (turns, at, moved_here) = (&turns, &at, &mut moved);
                    width.run(Chunk { turns, at, first: 0, moved: moved_here, hands: &mut hands });
                    moved
                });
                let found: Vec<_> = found.collect();
                assert!(found.iter().all(|one| *one == found[0]));
                for (place, found) in found[0].iter().enumerate() {
                    let mut y = at[place];
                    let mut draws = Draws::new(99, place);
                    for (target, _) in springs.of(place).filter(|&(_, rate)| due(pass, rate)) {
                        let draw = || at[draws.next(N)];
                        forces.link(&mut y, &at[target as usize], None, negatives, 0.6, draw);
                    }
                    assert_eq!(
                        *found,
                        turns.drawn_back(place, y),
                        "place {place}, {negatives} pushes"
                    );
                }
            }
        }
    }
}
