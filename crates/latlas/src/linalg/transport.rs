//! Exact optimal transport between two small histograms.
//!
//! Minimised over flows fᵢⱼ ≥ 0 with Σⱼ fᵢⱼ = supplyᵢ and Σᵢ fᵢⱼ = demandⱼ is Σ fᵢⱼ cᵢⱼ (Hitchcock's transportation
//! problem). Solved by successive shortest paths (Edmonds & Karp 1972) in the form that Jonker & Volgenant (1987) gave
//! the assignment problem: potentials uᵢ, vⱼ keep every reduced cost cᵢⱼ − uᵢ − vⱼ ≥ 0, and 0 where something flows;
//! from each row that still has supply Dijkstra's algorithm finds the nearest column with demand left, through columns
//! that are full and the rows that fill them, and as much as the path carries flows along it. Masses are whole numbers,
//! so flows are exact; only costs are rounded.

use crate::error::{Error, Result};

/// A cheapest way of moving one histogram onto another.
#[derive(Debug, Clone, PartialEq)]
pub struct Transport {
    /// Σ flow · cost.
    pub cost: f64,
    /// Where something flows: row, column and how much, by column.
    pub flows: Vec<(u32, u32, u64)>,
    /// The potentials u of rows and v of columns. Σ supply·u + Σ demand·v = cost, and uᵢ + vⱼ ≤ cᵢⱼ, to rounding:
    /// the proof that nothing is cheaper.
    pub potentials: (Vec<f64>, Vec<f64>),
}

/// The cheapest way of moving `supply` onto `demand`, `costs` being `supply.len()` rows of `demand.len()` finite numbers.
/// O((n + m)²) a path, about one path a row and column. Masses that do not sum to the same, and costs that are not
/// finite, are errors. Panics if `costs` has another shape.
pub fn transport(supply: &[u64], demand: &[u64], costs: &[f64]) -> Result<Transport> {
    let (n, m) = (supply.len(), demand.len());
    assert!(Some(costs.len()) == n.checked_mul(m), "{} costs of {n} × {m}", costs.len());
    let sum = |masses: &[u64]| masses.iter().try_fold(0_u64, |sum, &mass| sum.checked_add(mass));
    match (sum(supply), sum(demand)) {
        (Some(a), Some(b)) if a == b => {}
        _ => return Err(Error::data("supply and demand do not sum to the same")),
    }
    if costs.iter().any(|cost| !cost.is_finite()) {
        return Err(Error::data("a cost is not finite"));
    }
    let mut state = State::new(n, m, costs);
    let mut free = demand.to_vec();
    for (source, &supply) in supply.iter().enumerate() {
        let mut left = supply;
        while left > 0 {
            let end = state.path(source, &free);
            let amount = state.carries(source, end).min(left).min(free[end]);
            state.augment(source, end, amount);
            left -= amount;
            free[end] -= amount;
        }
    }
    let mut flows = Vec::with_capacity(n + m);
    for (j, column) in (0..).zip(&state.flows) {
        flows.extend(column.iter().map(|&(i, flow)| (i as u32, j, flow)));
    }
    let cost =
        flows.iter().map(|&(i, j, flow)| flow as f64 * costs[i as usize * m + j as usize]).sum();
    Ok(Transport { cost, flows, potentials: (state.u, state.v) })
}

struct State<'a> {
    m: usize,
    costs: &'a [f64],
    u: Vec<f64>,
    v: Vec<f64>,
    /// What flows into each column: row and amount, above 0.
    flows: Vec<Vec<(usize, u64)>>,
    /// Of the present search. For columns: the distance, the row before, and whether it is final.
    distance: Vec<f64>,
    before: Vec<usize>,
    done: Vec<bool>,
    /// Rows that were reached, through which column and at what distance.
    reached: Vec<(usize, f64)>,
    through: Vec<usize>,
}

/// No column: a row that was not reached.
const NONE: usize = usize::MAX;

impl<'a> State<'a> {
    /// Potentials by which no reduced cost is negative.
    fn new(n: usize, m: usize, costs: &'a [f64]) -> Self {
        let least = |row: &[f64]| row.iter().copied().fold(f64::INFINITY, f64::min);
        let u: Vec<f64> = (0..n).map(|i| least(&costs[i * m..(i + 1) * m])).collect();
        let v =
            (0..m).map(|j| (0..n).map(|i| costs[i * m + j] - u[i]).fold(f64::INFINITY, f64::min));
        State {
            m,
            costs,
            v: v.collect(),
            u,
            flows: vec![Vec::new(); m],
            distance: vec![0.0; m],
            before: vec![0; m],
            done: vec![false; m],
            reached: Vec::new(),
            through: vec![NONE; n],
        }
    }

    /// The nearest column with demand left, and potentials that make the path to it tight.
    fn path(&mut self, source: usize, free: &[u64]) -> usize {
        self.done.fill(false);
        self.through.fill(NONE);
        self.distance.fill(f64::INFINITY);
        self.reached.clear();
        self.reach(source, 0.0);
        loop {
            let mut nearest = NONE;
            for j in 0..self.m {
                if !self.done[j] && (nearest == NONE || self.distance[j] < self.distance[nearest]) {
                    nearest = j;
                }
            }
            // While a row has supply left, some column has demand left, and every column is reached from every row.
            self.done[nearest] = true;
            let at = self.distance[nearest];
            if free[nearest] > 0 {
                for &(row, distance) in &self.reached {
                    self.u[row] += at - distance;
                }
                for j in (0..self.m).filter(|&j| self.done[j]) {
                    self.v[j] -= at - self.distance[j];
                }
                return nearest;
            }
            for f in 0..self.flows[nearest].len() {
                let row = self.flows[nearest][f].0;
                if row != source && self.through[row] == NONE {
                    self.through[row] = nearest;
                    self.reach(row, at);
                }
            }
        }
    }

    /// From a row at a distance to all columns that are not final.
    fn reach(&mut self, row: usize, distance: f64) {
        self.reached.push((row, distance));
        let costs = &self.costs[row * self.m..(row + 1) * self.m];
        let from = distance - self.u[row];
        for (j, cost) in costs.iter().enumerate() {
            // Rounding may make a reduced cost of 0 a little less.
            let to = (from + cost - self.v[j]).max(distance);
            if !self.done[j] && to < self.distance[j] {
                (self.distance[j], self.before[j]) = (to, row);
            }
        }
    }

    /// Row and column of every flow that a path takes back, from its end.
    fn back(&self, source: usize, end: usize) -> Vec<(usize, usize)> {
        let mut steps = Vec::new();
        let mut row = self.before[end];
        while row != source {
            let column = self.through[row];
            steps.push((row, column));
            row = self.before[column];
        }
        steps
    }

    /// How much the flows on the path can give back.
    fn carries(&self, source: usize, end: usize) -> u64 {
        let flow = |&(row, column): &(usize, usize)| {
            self.flows[column].iter().find(|flow| flow.0 == row).map_or(0, |flow| flow.1)
        };
        self.back(source, end).iter().map(flow).min().unwrap_or(u64::MAX)
    }

    fn augment(&mut self, source: usize, end: usize, amount: u64) {
        let mut column = end;
        for (row, full) in self.back(source, end) {
            self.add(row, column, amount);
            if let Some(flow) = self.flows[full].iter_mut().find(|flow| flow.0 == row) {
                flow.1 -= amount;
            }
            self.flows[full].retain(|flow| flow.1 > 0);
            column = full;
        }
        self.add(source, column, amount);
    }

    fn add(&mut self, row: usize, column: usize, amount: u64) {
        match self.flows[column].iter_mut().find(|flow| flow.0 == row) {
            Some(flow) => flow.1 += amount,
            None => self.flows[column].push((row, amount)),
        }
    }
}
