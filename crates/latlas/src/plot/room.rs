//! Room for words: what is occupied already, and how crowded with points a place is.

use super::frame::Rect;

/// What is occupied, by square of a coarse grid.
pub(super) struct Taken {
    map: Rect,
    columns: usize,
    squares: Vec<Vec<Rect>>,
}

/// The side of a square of [`Taken`].
const SQUARE: f32 = 64.0;

impl Taken {
    /// Nothing but the borders of the map.
    pub(super) fn new(map: Rect) -> Self {
        let columns = (map.width() / SQUARE).max(0.0) as usize + 1;
        let rows = (map.height() / SQUARE).max(0.0) as usize + 1;
        Taken { map, columns, squares: vec![Vec::new(); columns * rows] }
    }

    fn squares(&self, rect: &Rect) -> impl Iterator<Item = usize> + use<> {
        let last = [self.columns - 1, self.squares.len() / self.columns - 1];
        let square =
            |v: f32, least: f32, last: usize| (((v - least) / SQUARE).max(0.0) as usize).min(last);
        let columns =
            square(rect.left, self.map.left, last[0])..=square(rect.right, self.map.left, last[0]);
        let rows =
            square(rect.top, self.map.top, last[1])..=square(rect.bottom, self.map.top, last[1]);
        let width = self.columns;
        rows.flat_map(move |row| columns.clone().map(move |column| row * width + column))
    }

    /// Occupies a rectangle.
    pub(super) fn add(&mut self, rect: Rect) {
        for square in self.squares(&rect) {
            self.squares[square].push(rect);
        }
    }

    /// Whether a rectangle lies on the map and touches nothing.
    pub(super) fn free(&self, rect: &Rect) -> bool {
        self.map.contains(rect) && self.clear(rect)
    }

    fn clear(&self, rect: &Rect) -> bool {
        self.squares(rect)
            .all(|square| !self.squares[square].iter().any(|other| other.overlaps(rect)))
    }

    /// A line as the small squares along it.
    fn beads(from: [f32; 2], to: [f32; 2]) -> impl Iterator<Item = Rect> {
        let steps = ((to[0] - from[0]).hypot(to[1] - from[1]) / 3.0).ceil().max(1.0) as usize;
        (0..=steps).map(move |step| {
            let t = step as f32 / steps as f32;
            let (x, y) = (from[0] + (to[0] - from[0]) * t, from[1] + (to[1] - from[1]) * t);
            Rect { left: x, top: y, right: x, bottom: y }.grown(1.5)
        })
    }

    /// Whether a line touches nothing.
    pub(super) fn free_line(&self, from: [f32; 2], to: [f32; 2]) -> bool {
        Self::beads(from, to).all(|bead| self.clear(&bead))
    }

    /// Occupies a line.
    pub(super) fn add_line(&mut self, from: [f32; 2], to: [f32; 2]) {
        for bead in Self::beads(from, to) {
            self.add(bead);
        }
    }
}

/// How crowded with points any rectangle of the map is, by a table of sums over small squares.
pub(super) struct Crowd {
    map: Rect,
    columns: usize,
    rows: usize,
    /// The sum over all squares above and to the left, one row and column more than there are squares.
    sums: Vec<f32>,
}

/// The side of a square of [`Crowd`].
const FINE: f32 = 4.0;

impl Crowd {
    /// From the places of all points on the sheet and their radius.
    pub(super) fn of(at: impl Iterator<Item = [f32; 2]>, map: Rect, radius: f32) -> Self {
        let columns = (map.width() / FINE).ceil().max(1.0) as usize;
        let rows = (map.height() / FINE).ceil().max(1.0) as usize;
        let mut counts = vec![0u32; columns * rows];
        for [x, y] in at {
            let column = (((x - map.left) / FINE).max(0.0) as usize).min(columns - 1);
            let row = (((y - map.top) / FINE).max(0.0) as usize).min(rows - 1);
            counts[row * columns + column] += 1;
        }
        // A square is as crowded as its points cover it, up to a point; beyond that only slowly more.
        let cover = (std::f32::consts::PI * radius * radius / (FINE * FINE)).max(0.02);
        let mut sums = vec![0.0f32; (columns + 1) * (rows + 1)];
        for row in 0..rows {
            let mut along = 0.0;
            for column in 0..columns {
                let count = counts[row * columns + column] as f32;
                along += (count * cover).min(1.0) + 0.25 * (count * cover).max(1.0).ln();
                let above = sums[row * (columns + 1) + column + 1];
                sums[(row + 1) * (columns + 1) + column + 1] = above + along;
            }
        }
        Crowd { map, columns, rows, sums }
    }

    /// How crowded a rectangle is: 0 without points, 1 where they just cover it.
    pub(super) fn share(&self, rect: &Rect) -> f32 {
        let column =
            |x: f32| (((x - self.map.left) / FINE).round().max(0.0) as usize).min(self.columns);
        let row = |y: f32| (((y - self.map.top) / FINE).round().max(0.0) as usize).min(self.rows);
        let (left, right, top, bottom) =
            (column(rect.left), column(rect.right), row(rect.top), row(rect.bottom));
        let sum = |row: usize, column: usize| self.sums[row * (self.columns + 1) + column];
        let area = ((right - left) * (bottom - top)).max(1) as f32;
        (sum(bottom, right) - sum(top, right) - sum(bottom, left) + sum(top, left)) / area
    }
}
