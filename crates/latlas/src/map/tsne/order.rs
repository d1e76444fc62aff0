//! The order in which points lie in memory: along a curve through the first two axes, so that points near on the map are near
//! in memory.

/// Steps along each axis.
const STEPS: u32 = 1 << 16;

/// `order[new] = old`, along a Hilbert curve; ties by number.
pub(super) fn along_a_curve<const D: usize>(points: &[[f32; D]]) -> Vec<u32> {
    let bounds = |axis: usize| {
        let values = points.iter().map(|point| point[axis]);
        values.fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)))
    };
    let (x, y) = (bounds(0), bounds(1));
    // A saturating cast: whatever is not a number is 0.
    let step = |value: f32, (low, high): (f32, f32)| {
        (((value - low) / (high - low) * STEPS as f32) as u32).min(STEPS - 1)
    };
    let mut keyed: Vec<(u32, u32)> = points
        .iter()
        .zip(0..)
        .map(|(point, i)| (along(step(point[0], x), step(point[1], y)), i))
        .collect();
    keyed.sort_unstable();
    keyed.into_iter().map(|(_, i)| i).collect()
}

/// How far along the Hilbert curve (Hilbert 1891) a cell of the square lies.
fn along(mut x: u32, mut y: u32) -> u32 {
    let (mut distance, mut side) = (0, STEPS / 2);
    while side > 0 {
        let (right, upper) = (u32::from(x & side > 0), u32::from(y & side > 0));
        distance += side * side * ((3 * right) ^ upper);
        if upper == 0 {
            if right == 1 {
                (x, y) = (STEPS - 1 - x, STEPS - 1 - y);
            }
            (x, y) = (y, x);
        }
        side /= 2;
    }
    distance
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_leads_to_the_cell_next_door() {
        // The 16 × 16 cells of one corner, as a square of their own: the curve begins there.
        let mut cells: Vec<(u32, u32, u32)> =
            (0..256).map(|cell| (along(cell % 16, cell / 16), cell % 16, cell / 16)).collect();
        cells.sort_unstable();
        assert!(cells.iter().zip(0..).all(|(cell, i)| cell.0 == i));
        let steps = cells
            .windows(2)
            .map(|pair| pair[0].1.abs_diff(pair[1].1) + pair[0].2.abs_diff(pair[1].2));
        assert!(steps.into_iter().all(|step| step == 1));
    }

    #[test]
    fn points_on_one_spot_keep_their_order() {
        assert_eq!(along_a_curve(&[[1.0; 3]; 4]), [0, 1, 2, 3]);
    }
}
