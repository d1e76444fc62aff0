//! Paths to pixels: how far closed loops cover each pixel, as lines of some width or filled.

/// Sub-rows of a pixel in which crossings are found; along a row the cover is exact.
const SUBROWS: usize = 4;

/// A part of the picture and how far each of its pixels is covered, 0..1.
pub(super) struct Mask {
    pub(super) left: i32,
    pub(super) top: i32,
    pub(super) width: usize,
    pub(super) cells: Vec<f32>,
}

impl Mask {
    /// An empty mask around loops of points in pixels, within a picture of some width and height; `reach` is
    /// what it needs beyond them.
    fn around(loops: &[Vec<[f32; 2]>], reach: f32, [width, height]: [usize; 2]) -> Self {
        let all = || loops.iter().flatten();
        let span = |axis: usize, end: usize| {
            let low = all().map(|p| p[axis]).fold(f32::INFINITY, f32::min) - reach;
            let high = all().map(|p| p[axis]).fold(f32::NEG_INFINITY, f32::max) + reach;
            let low = low.floor().clamp(0.0, end as f32) as usize;
            (low, (high.ceil().clamp(0.0, end as f32) as usize).max(low))
        };
        let ((left, right), (top, bottom)) = (span(0, width), span(1, height));
        let width = right - left;
        let cells = vec![0.0; width * (bottom - top)];
        Mask { left: left as i32, top: top as i32, width, cells }
    }

    /// What closed lines of some width cover. Where lines meet or cross they cover once.
    pub(super) fn stroked(loops: &[Vec<[f32; 2]>], width: f32, size: [usize; 2]) -> Self {
        let reach = width / 2.0 + 1.0;
        let mut mask = Mask::around(loops, reach, size);
        if mask.cells.is_empty() {
            return mask;
        }
        for (from, to) in segments(loops) {
            mask.segment(from, to, width, reach);
        }
        mask
    }

    fn segment(&mut self, from: [f32; 2], to: [f32; 2], width: f32, reach: f32) {
        let (dx, dy) = (to[0] - from[0], to[1] - from[1]);
        let length = (dx * dx + dy * dy).max(f32::MIN_POSITIVE);
        let rows = self.cells.len() / self.width;
        let within = |a: f32, b: f32, start: i32, end: usize| {
            let low = (a.min(b) - reach).floor() as i32 - start;
            let high = (a.max(b) + reach).ceil() as i32 - start;
            low.clamp(0, end as i32) as usize..high.clamp(0, end as i32) as usize
        };
        let columns = within(from[0], to[0], self.left, self.width);
        for row in within(from[1], to[1], self.top, rows) {
            let py = (self.top + row as i32) as f32 + 0.5 - from[1];
            for column in columns.clone() {
                let px = (self.left + column as i32) as f32 + 0.5 - from[0];
                let along = ((px * dx + py * dy) / length).clamp(0.0, 1.0);
                let distance = (px - along * dx).hypot(py - along * dy);
                // A line thinner than a pixel covers a share of it.
                let half = width.max(1.0) / 2.0;
                let share = (half + 0.5 - distance).clamp(0.0, 1.0) * width.min(1.0);
                let cell = &mut self.cells[row * self.width + column];
                *cell = cell.max(share);
            }
        }
    }

    /// What lies inside, by the even-odd rule.
    pub(super) fn filled(loops: &[Vec<[f32; 2]>], size: [usize; 2]) -> Self {
        let mut mask = Mask::around(loops, 1.0, size);
        if mask.cells.is_empty() {
            return mask;
        }
        let rows = mask.cells.len() / mask.width;
        let step = 1.0 / SUBROWS as f32;
        let mut crossings: Vec<Vec<f32>> = vec![Vec::new(); rows * SUBROWS];
        for (from, to) in segments(loops) {
            let (low, high) = if from[1] < to[1] { (from, to) } else { (to, from) };
            // Sub-rows lie at their middles, and a segment holds its lower end only.
            let first = ((low[1] - mask.top as f32) / step - 0.5).ceil().max(0.0) as usize;
            for (at, row) in crossings.iter_mut().enumerate().skip(first) {
                let y = mask.top as f32 + (at as f32 + 0.5) * step;
                if y >= high[1] {
                    break;
                }
                row.push(low[0] + (high[0] - low[0]) * ((y - low[1]) / (high[1] - low[1])));
            }
        }
        for (at, row) in crossings.iter_mut().enumerate() {
            row.sort_unstable_by(f32::total_cmp);
            let start = at / SUBROWS * mask.width;
            let cells = &mut mask.cells[start..start + mask.width];
            for pair in row.chunks_exact(2) {
                let end = mask.width as f32;
                let low = (pair[0] - mask.left as f32).clamp(0.0, end);
                let high = (pair[1] - mask.left as f32).clamp(0.0, end);
                for (column, cell) in
                    cells.iter_mut().enumerate().take(high.ceil() as usize).skip(low as usize)
                {
                    let share = high.min(column as f32 + 1.0) - low.max(column as f32);
                    *cell += share.max(0.0) * step;
                }
            }
        }
        for cell in &mut mask.cells {
            *cell = cell.min(1.0);
        }
        mask
    }
}

/// The sides of closed loops.
fn segments(loops: &[Vec<[f32; 2]>]) -> impl Iterator<Item = ([f32; 2], [f32; 2])> {
    loops
        .iter()
        .flat_map(|points| points.iter().copied().zip(points.iter().copied().cycle().skip(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn square(low: f32, high: f32) -> Vec<[f32; 2]> {
        vec![[low, low], [high, low], [high, high], [low, high]]
    }

    #[test]
    fn what_is_filled_has_its_area_and_its_hole() {
        let size = [40, 40];
        let area = |loops: &[Vec<[f32; 2]>]| Mask::filled(loops, size).cells.iter().sum::<f32>();
        assert!((area(&[square(3.25, 20.5)]) - 17.25f32.powi(2)).abs() < 0.3);
        let ring = [square(3.0, 23.0), square(8.0, 18.0)];
        assert!((area(&ring) - 300.0).abs() < 0.3);
        // A triangle across the pixels, and one that leaves the picture.
        let triangle = vec![[5.0, 5.0], [25.0, 9.0], [11.0, 31.0]];
        assert!((area(&[triangle]) - 0.5 * (20.0 * 26.0 - 4.0 * 6.0)).abs() < 1.5);
        assert!((area(&[square(-1e4, 1e4)]) - 1600.0).abs() < 0.1);
        assert_eq!(area(&[square(60.0, 70.0)]), 0.0);
    }

    #[test]
    fn a_stroke_covers_once() {
        let mask = Mask::stroked(&[square(5.0, 25.0)], 2.0, [40, 40]);
        let sum: f32 = mask.cells.iter().sum();
        // Round corners lie outside of what the four sides cover.
        assert!((sum - 160.0).abs() < 4.0, "{sum}");
        assert!(mask.cells.iter().all(|c| (0.0..=1.0).contains(c)));
        // A line half a pixel wide covers half as much as one a pixel wide.
        let [thin, thick] = [0.5, 1.0].map(|width| {
            Mask::stroked(&[square(5.0, 25.0)], width, [40, 40]).cells.iter().sum::<f32>()
        });
        assert!((thin / thick - 0.5).abs() < 0.01, "{thin} {thick}");
    }
}
