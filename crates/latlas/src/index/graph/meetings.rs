//! Points that meet: their products are computed together, and whoever is near is offered to the lists of both.

use std::ops::Range;

use super::cells::{Cells, State};
use super::lists::{Lists, entry};
use super::prepared::Prepared;
use super::visits::Visitors;
use crate::kernels::gram::Line;
use crate::kernels::{self, LANES};

/// Points that meet others together.
const BLOCK: usize = 256;
/// Points of one cell that meet those behind them together.
const STRIP: usize = 64;

/// Points side by side.
#[derive(Default)]
pub(super) struct Block {
    /// Their places.
    pub(super) members: Vec<u32>,
    pub(super) panels: Vec<f32>,
    /// ½‖x‖² of each; NaN for places without a point.
    pub(super) halves: Vec<f32>,
    /// All numbers of wide points, where they had to be read; and in panels, where they were asked for.
    rows: Vec<f32>,
    whole: Vec<f32>,
}

impl Block {
    fn fill(
        &mut self,
        state: &State<'_>,
        members: impl Iterator<Item = u32>,
        scratch: &mut Vec<f32>,
        fronts: &mut Vec<f32>,
    ) {
        self.members.clear();
        self.members.extend(members);
        let places = self.members.len().next_multiple_of(LANES);
        fronts.clear();
        self.halves.clear();
        self.rows.clear();
        for &member in &self.members {
            let place = member as usize;
            fronts.extend_from_slice(state.front(place));
            let point = state.order[place] as usize;
            state.rows.append(place, point, scratch, &mut self.rows);
            self.halves.push(state.halves[place]);
        }
        self.halves.resize(places, f32::NAN);
        self.panels.resize(places * state.dim, 0.0);
        state.gram.pack(fronts, state.dim, &mut self.panels);
    }

    /// Puts all numbers of the points, which stand in places that follow each other, into panels.
    fn pack_whole(&mut self, state: &State<'_>) {
        let rows = match &state.rows {
            Prepared::Fronts => return,
            Prepared::Held(rows) => {
                let first = self.members.first().map_or(0, |&place| place as usize);
                &rows[first * state.wide..][..self.members.len() * state.wide]
            }
            Prepared::Read { .. } => &self.rows,
        };
        self.whole.resize(self.halves.len() * state.wide, 0.0);
        state.gram.pack(rows, state.wide, &mut self.whole);
    }

    /// The panels of all numbers, and how many these are.
    fn whole(&self, state: &State<'_>) -> (&[f32], usize) {
        match &state.rows {
            Prepared::Fronts => (&self.panels, state.dim),
            _ => (&self.whole, state.wide),
        }
    }

    /// All numbers of a wide point.
    fn row<'b>(&'b self, state: &'b State<'_>, i: usize) -> &'b [f32] {
        let (rows, at) = match &state.rows {
            Prepared::Fronts => return &[],
            Prepared::Held(rows) => (rows, self.members[i] as usize),
            Prepared::Read { .. } => (&self.rows, i),
        };
        &rows[at * state.wide..][..state.wide]
    }

    /// How many there is room for.
    pub(super) fn places(&self) -> usize {
        self.halves.len()
    }
}

/// What a thread needs for meetings.
#[derive(Default)]
pub(super) struct Meeting {
    scratch: Vec<f32>,
    fronts: Vec<f32>,
    /// The points of a cell.
    hosts: Vec<Block>,
    guests: Block,
    dots: Vec<f32>,
    hits: Vec<u32>,
    halves: Vec<f32>,
    /// What guests are offered: their place, and the entry.
    offers: Vec<(u32, u64)>,
}

impl Meeting {
    /// The points of a cell of this size that was taken.
    pub(super) fn blocks(&self, size: usize) -> &[Block] {
        &self.hosts[..size.div_ceil(BLOCK)]
    }

    /// Takes the points of a cell.
    fn take(&mut self, state: &State<'_>, range: &Range<usize>) {
        let blocks = range.len().div_ceil(BLOCK);
        if self.hosts.len() < blocks {
            self.hosts.resize_with(blocks, Block::default);
        }
        for (i, block) in self.hosts[..blocks].iter_mut().enumerate() {
            let members = range.start + i * BLOCK..range.end.min(range.start + (i + 1) * BLOCK);
            let members = members.map(|place| place as u32);
            block.fill(state, members, &mut self.scratch, &mut self.fronts);
        }
    }

    /// The points of a cell meet each other.
    pub(super) fn within(&mut self, state: &State<'_>, cells: &Cells, cell: usize) {
        let range = &cells.ranges[cell];
        self.take(state, range);
        for block in &mut self.hosts[..range.len().div_ceil(BLOCK)] {
            block.pack_whole(state);
        }
        state.lists.with(cell, |lists| {
            let blocks = range.len().div_ceil(BLOCK);
            for a in 0..blocks {
                for b in a..blocks {
                    let places = self.hosts[a].places();
                    let wide = if a == b { STRIP } else { places };
                    for strip in (0..places).step_by(wide) {
                        let strip = strip..places.min(strip + wide);
                        self.within_blocks(state, lists, (a, strip), b);
                    }
                }
            }
            state.look(range.start, lists);
        });
    }

    /// Some points of the block `a` meet those of `b`; within one block, those behind themselves.
    fn within_blocks(
        &mut self,
        state: &State<'_>,
        lists: &mut Lists,
        (a, strip): (usize, Range<usize>),
        b: usize,
    ) {
        let from = if a == b { strip.start } else { 0 };
        let (first, second) = (&self.hosts[a], &self.hosts[b]);
        let width = second.places() - from;
        let ((panels, dim), (others, _)) = (first.whole(state), second.whole(state));
        let panels = &panels[strip.start * dim..strip.end * dim];
        self.dots.resize(strip.len() * width, 0.0);
        state.gram.products(panels, &others[from * dim..], dim, &mut self.dots);
        self.hits.resize(width.max(self.hits.len()), 0);
        for (i, dots) in strip.zip(self.dots.chunks_exact(width)) {
            let Some(&own) = first.members.get(i) else { break };
            let list = a * BLOCK + i;
            let line = Line {
                dots,
                own: first.halves[i],
                bound: lists.bounds()[list],
                halves: &second.halves[from..],
                bounds: &lists.bounds()[b * BLOCK + from..][..width],
            };
            let count = state.gram.close(&line, &mut self.hits);
            let own = state.order[own as usize];
            for &hit in &self.hits[..count] {
                let j = from + hit as usize;
                if a == b && j <= i {
                    continue;
                }
                let distance = (first.halves[i] + second.halves[j]) - dots[hit as usize];
                lists.offer(list, entry(distance, state.order[second.members[j] as usize]));
                lists.offer(b * BLOCK + j, entry(distance, own));
            }
        }
    }

    /// The points of a cell meet those who visit it. Of pairs that visit each other's cells, which would meet twice, the
    /// cell of the lower number sees to.
    pub(super) fn visited(
        &mut self,
        state: &State<'_>,
        cells: &Cells,
        cell: usize,
        visitors: &Visitors,
    ) {
        let guests = visitors.of(cell);
        if guests.is_empty() {
            return;
        }
        let range = &cells.ranges[cell];
        self.take(state, range);
        for guests in guests.chunks(BLOCK) {
            let guests = guests.iter().copied();
            self.guests.fill(state, guests, &mut self.scratch, &mut self.fronts);
            for block in 0..range.len().div_ceil(BLOCK) {
                let (hosts, dim) = (&self.hosts[block], state.dim);
                self.dots.resize(self.guests.places() * hosts.places(), 0.0);
                state.gram.products(&self.guests.panels, &hosts.panels, dim, &mut self.dots);
                self.receive(state, cells, cell, block, visitors);
                self.deliver(state, cells);
            }
        }
    }

    /// Offers the guests to the hosts of a block, and notes what to offer to the guests.
    fn receive(
        &mut self,
        state: &State<'_>,
        cells: &Cells,
        cell: usize,
        block: usize,
        visitors: &Visitors,
    ) {
        let hosts = &self.hosts[block];
        let (places, first) = (hosts.places(), cells.ranges[cell].start + block * BLOCK);
        self.hits.resize(places.max(self.hits.len()), 0);
        self.offers.clear();
        let wide = !matches!(state.rows, Prepared::Fronts);
        state.lists.with(cell, |lists| {
            let mut from = None;
            for (i, (&guest, dots)) in
                self.guests.members.iter().zip(self.dots.chunks_exact(places)).enumerate()
            {
                let home = cells.of[guest as usize] as usize;
                if from != Some(home) {
                    from = Some(home);
                    self.halves.clone_from(&hosts.halves);
                    if home < cell {
                        let range = first..first + hosts.members.len();
                        for &visitor in visitors.from(home, &range) {
                            self.halves[visitor as usize - first] = f32::NAN;
                        }
                    }
                }
                let bound = state.bound(guest as usize);
                let line = Line {
                    dots,
                    own: self.guests.halves[i],
                    bound,
                    halves: &self.halves,
                    bounds: &lists.bounds()[block * BLOCK..][..places],
                };
                let count = state.gram.close(&line, &mut self.hits);
                let own = state.order[guest as usize];
                let row = self.guests.row(state, i);
                for &hit in &self.hits[..count] {
                    let j = hit as usize;
                    let far = self.guests.halves[i] + self.halves[j];
                    let distance = if wide {
                        far - kernels::dot(row, hosts.row(state, j))
                    } else {
                        far - dots[j]
                    };
                    if distance <= bound {
                        self.offers.push((guest, entry(distance, state.order[first + j])));
                    }
                    lists.offer(block * BLOCK + j, entry(distance, own));
                }
            }
            state.look(cells.ranges[cell].start, lists);
        });
    }

    /// Offers to the guests what was noted.
    fn deliver(&self, state: &State<'_>, cells: &Cells) {
        let home = |offer: &(u32, u64)| cells.of[offer.0 as usize] as usize;
        for offers in self.offers.chunk_by(|a, b| home(a) == home(b)) {
            let cell = home(&offers[0]);
            let first = cells.ranges[cell].start;
            state.lists.with(cell, |lists| {
                for &(guest, entry) in offers {
                    lists.offer(guest as usize - first, entry);
                }
                state.look(first, lists);
            });
        }
    }
}
