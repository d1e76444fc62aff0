//! Points to pixels: discs at fractional positions, summed as light, then toned.
//!
//! Each point is a disc of radius r convolved with the tent of one pixel (the bilinear kernel). Since
//! tents at whole steps sum to one and keep linear functions, a disc's energy is πr² pixels and its
//! centroid is its position, wherever it lies between the pixels and however small it is. Discs come
//! from a table of 16 × 16 sub-pixel phases, so a position is off by at most 1/32 pixel; above a radius
//! of 10 pixels, where the table would grow large and no eye could tell, of 4 × 4.
//!
//! Sums do not depend on the number of threads: the picture is cut into bands of rows, each worked on
//! by one thread at a time, which adds the points that touch it in their own order.

use rayon::prelude::*;

/// Rows of a band.
const BAND: usize = 48;
/// Points that are sorted into bands together.
const PART: usize = 1 << 16;

/// Discs of one radius at every sub-pixel phase.
pub(super) struct Disc {
    /// Sub-pixel phases per axis.
    phases: usize,
    /// Pixels per axis.
    taps: usize,
    /// How far the first pixel lies from the one that holds the centre.
    reach: i64,
    /// Coverage, [phase y][phase x][tap y][tap x].
    table: Vec<f32>,
}

impl Disc {
    /// The table for a radius in pixels, more than 0.
    pub(super) fn new(radius: f32) -> Self {
        let r = f64::from(radius);
        let reach = (r + 1.0).floor() as i64;
        let taps = (2 * reach + 2) as usize;
        let phases = if r <= 10.0 { 16 } else { 4 };
        let mut table = vec![0.0f32; phases * phases * taps * taps];
        for (phase, disc) in table.chunks_exact_mut(taps * taps).enumerate() {
            let center = |phase: usize| reach as f64 + phase as f64 / phases as f64;
            fill(disc, taps, r, [center(phase % phases), center(phase / phases)]);
        }
        Disc { phases, taps, reach, table }
    }

    /// The first pixel (may be negative) and the coverage of a disc at (x, y).
    fn at(&self, [x, y]: [f32; 2]) -> ([i64; 2], &[f32]) {
        let steps = |v: f32| ((f64::from(v) - 0.5) * self.phases as f64).round() as i64;
        let (sx, sy) = (steps(x), steps(y));
        let phase = |s: i64| s.rem_euclid(self.phases as i64) as usize;
        let pixel = |s: i64| s.div_euclid(self.phases as i64) - self.reach;
        let size = self.taps * self.taps;
        let start = (phase(sy) * self.phases + phase(sx)) * size;
        ([pixel(sx), pixel(sy)], &self.table[start..start + size])
    }
}

/// Integrates the tents of all pixels over a disc: slices of equal height, each exactly along x.
fn fill(disc: &mut [f32], taps: usize, r: f64, [cx, cy]: [f64; 2]) {
    // Slices per disc: enough that the tents' kinks between slices do not matter.
    let slices = ((r * 64.0).ceil() as usize).max(64);
    let height = 2.0 * r / slices as f64;
    let mut sums = vec![0.0f64; taps * taps];
    for slice in 0..slices {
        let y = cy - r + (slice as f64 + 0.5) * height;
        let half = (r * r - (y - cy).powi(2)).max(0.0).sqrt();
        let first = (cx - half - 1.0).floor().max(0.0) as usize;
        let last = ((cx + half + 1.0).ceil() as usize).min(taps - 1);
        for row in [y.floor(), y.floor() + 1.0] {
            let across = (1.0 - (y - row).abs()).max(0.0) * height;
            if across == 0.0 || row < 0.0 || row >= taps as f64 {
                continue;
            }
            for column in first..=last {
                let at = column as f64;
                sums[row as usize * taps + column] +=
                    across * (tent_area(cx + half - at) - tent_area(cx - half - at));
            }
        }
    }
    // The slices are midpoints; what they miss of the area is given back evenly.
    let missing = std::f64::consts::PI * r * r / sums.iter().sum::<f64>();
    for (cell, sum) in disc.iter_mut().zip(sums) {
        *cell = (sum * missing) as f32;
    }
}

/// ∫ max(0, 1 − |u|) du from −∞ to t.
fn tent_area(t: f64) -> f64 {
    match t {
        _ if t <= -1.0 => 0.0,
        _ if t <= 0.0 => 0.5 * (1.0 + t).powi(2),
        _ if t < 1.0 => 1.0 - 0.5 * (1.0 - t).powi(2),
        _ => 1.0,
    }
}

/// Where the points are and where they are drawn, in pixels.
pub(super) struct Field<'a> {
    pub(super) width: usize,
    pub(super) height: usize,
    /// The points to draw, in the order to draw them in.
    pub(super) points: &'a [u32],
    /// Their positions, finite.
    pub(super) at: &'a [[f32; 2]],
}

impl Field<'_> {
    /// Sums, for each pixel, coverage × what `of` says of the point, over all points. With a 1 in
    /// channel 0 that holds how many points lie over the pixel.
    pub(super) fn sum<const C: usize>(
        &self,
        disc: &Disc,
        of: impl Fn(u32) -> [f32; C] + Sync,
    ) -> Vec<[f32; C]> {
        self.bands(disc, |band, at| {
            let values = of(self.points[at]);
            band.splat(disc, self.at[at], |cell, coverage| {
                for (sum, value) in cell.iter_mut().zip(values) {
                    *sum += coverage * value;
                }
            });
        })
    }

    /// Lays the points one over another in order, each an edge below and a face above it, for both of
    /// which `of` gives (red, green, blue, opacity). The result is (red, green, blue, opacity) with the
    /// colours multiplied by the opacity. The edge is at least as wide as the face.
    pub(super) fn stack(
        &self,
        [edge, face]: [&Disc; 2],
        of: impl Fn(u32) -> [[f32; 4]; 2] + Sync,
    ) -> Vec<[f32; 4]> {
        self.bands(edge, |band, at| {
            for (disc, [r, g, b, opacity]) in [edge, face].into_iter().zip(of(self.points[at])) {
                band.splat(disc, self.at[at], |cell, coverage| {
                    for (below, light) in cell.iter_mut().zip([r, g, b, 1.0]) {
                        *below += (light - *below) * (coverage * opacity).min(1.0);
                    }
                });
            }
        })
    }

    /// Works on all bands, handing each its points in order; `widest` tells which points touch it.
    fn bands<const C: usize>(
        &self,
        widest: &Disc,
        add: impl Fn(&mut Band<C>, usize) + Sync,
    ) -> Vec<[f32; C]> {
        let parts = self.sort(widest);
        let mut cells = vec![[0.0f32; C]; self.width * self.height];
        cells.par_chunks_mut(self.width * BAND).enumerate().for_each(|(at, cells)| {
            let mut band = Band { cells, width: self.width, top: (at * BAND) as i64 };
            for part in &parts {
                for &point in &part[at] {
                    add(&mut band, point as usize);
                }
            }
        });
        cells
    }

    /// The points of each band, in order: first by part of the points, then by band. A point at a border is in
    /// several bands.
    fn sort(&self, disc: &Disc) -> Vec<Vec<Vec<u32>>> {
        let bands = self.height.div_ceil(BAND);
        let part = |(at, part): (usize, &[[f32; 2]])| {
            let mut sorted: Vec<Vec<u32>> = vec![Vec::new(); bands];
            for (point, &place) in part.iter().enumerate() {
                let ([_, y0], _) = disc.at(place);
                let first = y0.max(0);
                let last = (y0 + disc.taps as i64 - 1).min(self.height as i64 - 1);
                if first > last {
                    continue;
                }
                for band in &mut sorted[first as usize / BAND..=last as usize / BAND] {
                    band.push((at * PART + point) as u32);
                }
            }
            sorted
        };
        self.at.par_chunks(PART).enumerate().map(part).collect()
    }
}

/// Some rows of the picture.
struct Band<'c, const C: usize> {
    cells: &'c mut [[f32; C]],
    width: usize,
    /// The row of the picture that the band begins with.
    top: i64,
}

impl<const C: usize> Band<'_, C> {
    /// Adds to each pixel of the band that a disc at some place covers, given the coverage.
    fn splat(&mut self, disc: &Disc, at: [f32; 2], mut add: impl FnMut(&mut [f32; C], f32)) {
        let ([x0, y0], coverage) = disc.at(at);
        let (taps, width) = (disc.taps as i64, self.width as i64);
        let columns = x0.max(0)..(x0 + taps).min(width);
        if columns.is_empty() {
            return;
        }
        let bottom = self.top + self.cells.len() as i64 / width;
        for y in y0.max(self.top)..(y0 + taps).min(bottom) {
            let row = (y - self.top) * width;
            let cells =
                &mut self.cells[(row + columns.start) as usize..(row + columns.end) as usize];
            let from = ((y - y0) * taps + columns.start - x0) as usize;
            for (cell, &coverage) in cells.iter_mut().zip(&coverage[from..]) {
                add(cell, coverage);
            }
        }
    }
}

/// From how many points lie over a pixel to how opaque it is.
///
/// `share(s) = ln(1 + s/k) / ln(1 + top/k)` runs from 0 to 1 at `top`, which all but half a percent of
/// the pixels stay below; k is such that one point alone has the opacity asked for, and in between
/// equal ratios make nearly equal steps. So a million points neither clip nor vanish. Where no points
/// overlap, `most`, the opacity at the top, is that of one point.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tone {
    k: f32,
    top: f32,
    most: f32,
}

impl Tone {
    /// One tone for the sums of coverage of several pictures, with `single` (0..1) the opacity of one point alone.
    pub(super) fn of<const C: usize>(pictures: &[Vec<[f32; C]>], single: f32) -> Self {
        // Sums in buckets of equal ratio: the upper bits of a float are its logarithm.
        const SHIFT: u32 = 16;
        let bucket = |s: f32| (s.to_bits() >> SHIFT) as usize;
        let count = |counts: &mut Vec<u32>, chunk: &[[f32; C]]| {
            for cell in chunk {
                if cell[0] > 0.05 {
                    counts[bucket(cell[0])] += 1;
                }
            }
        };
        let empty = || vec![0u32; 1 << 15];
        let counts = pictures
            .par_iter()
            .flat_map(|cells| cells.par_chunks(1 << 18))
            .fold(empty, |mut counts, chunk| {
                count(&mut counts, chunk);
                counts
            })
            .reduce(empty, |mut a, b| {
                a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
                a
            });
        let total: u64 = counts.iter().map(|&c| u64::from(c)).sum();
        let mut above = total / 200;
        let mut top = 1.0;
        for (at, &count) in counts.iter().enumerate().rev() {
            if u64::from(count) > above {
                top = f32::from_bits(((at + 1) as u32) << SHIFT);
                break;
            }
            above -= u64::from(count);
        }
        Self::new(top.max(1.0), single)
    }

    fn new(top: f32, single: f32) -> Self {
        let crowded = (top.ln() / 8f32.ln()).min(1.0);
        let most = single + (0.97f32.max(single) - single) * crowded;
        // The share of one point falls from 1 to 1/top as k grows: bisect for it on a log scale.
        let (mut low, mut high) = (-20.0f32, 20.0f32);
        for _ in 0..40 {
            let middle = f32::midpoint(low, high);
            let k = middle.exp();
            let share = (1.0 / k).ln_1p() / (top / k).ln_1p();
            *(if share * most > single { &mut low } else { &mut high }) = middle;
        }
        Tone { k: low.exp(), top, most }
    }

    /// The opacity of a sum.
    pub(super) fn opacity(&self, sum: f32) -> f32 {
        self.share(sum) * self.most
    }

    /// The tone of a sum, 0..1.
    pub(super) fn share(&self, sum: f32) -> f32 {
        ((sum / self.k).ln_1p() / (self.top / self.k).ln_1p()).min(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn one(radius: f32, at: [f32; 2]) -> (f64, [f64; 2]) {
        let field = Field { width: 64, height: 128, points: &[0], at: &[at] };
        let cells = field.sum(&Disc::new(radius), |_| [1.0]);
        let mut energy = 0.0;
        let mut moment = [0.0; 2];
        for (i, [c]) in cells.iter().enumerate() {
            assert!((0.0..=1.0 + 1e-4).contains(c), "coverage {c}");
            energy += f64::from(*c);
            moment[0] += f64::from(*c) * ((i % 64) as f64 + 0.5);
            moment[1] += f64::from(*c) * ((i / 64) as f64 + 0.5);
        }
        (energy, moment.map(|m| m / energy))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// Whatever the radius and the place, energy is the disc's area and the centroid its centre, also
        /// across the borders of bands (rows 48 and 96).
        #[test]
        fn energy_and_centroid(radius in 0.2f32..9.0, x in 12.0f32..52.0, y in 12.0f32..116.0) {
            let (energy, centroid) = one(radius, [x, y]);
            let area = std::f64::consts::PI * f64::from(radius).powi(2);
            prop_assert!((energy / area - 1.0).abs() < 1e-4, "energy {energy} of {area}");
            for (got, want) in centroid.iter().zip([x, y]) {
                prop_assert!((got - f64::from(want)).abs() < 1.0 / 32.0 + 1e-3, "{centroid:?} for {x} {y}");
            }
        }
    }

    #[test]
    fn a_quarter_pixel_moves_the_centroid_by_a_quarter() {
        for radius in [0.3, 0.7, 1.5, 6.0] {
            let (_, a) = one(radius, [30.0, 47.5]);
            let (_, b) = one(radius, [30.25, 47.75]);
            assert!(
                (b[0] - a[0] - 0.25).abs() < 1e-3 && (b[1] - a[1] - 0.25).abs() < 1e-3,
                "{a:?} {b:?}"
            );
        }
    }

    #[test]
    fn points_outside_are_cut_off_not_wrapped() {
        let at = [[-1.0, 5.0], [1e9, 5.0], [5.0, -1e9], [15.9, 15.9]];
        let field = Field { width: 16, height: 16, points: &[0, 1, 2, 3], at: &at };
        let cells = field.sum(&Disc::new(2.0), |_| [1.0]);
        assert!(cells[5 * 16][0] > 0.0 && cells[5 * 16 + 15][0] == 0.0 && cells[255][0] > 0.5);
    }

    #[test]
    fn tones_rise_and_meet_their_ends() {
        for top in [1.0, 3.0, 100.0, 1e5] {
            let tone = Tone::new(top, 0.3);
            assert!((tone.share(top) - 1.0).abs() < 1e-3);
            assert!((tone.opacity(1.0) - 0.3).abs() < 1e-2, "{top}: {}", tone.opacity(1.0));
            let tones: Vec<f32> = (0..100).map(|i| tone.share(top * i as f32 / 100.0)).collect();
            assert!(tones.is_sorted() && tones[0] == 0.0);
        }
    }
}
