//! Contours of a scene: which points they are of, where they run, how they are drawn.

use rayon::prelude::*;

use super::coding::Coding;
use super::contour;
use super::density::Density;
use super::frame::{Mark, Sheet};
use super::panels::{self, Group};
use super::scene::Scene;

/// The contours of all panels, in units of the map.
pub(super) struct Lines {
    levels: Vec<f32>,
    /// Whether they lie over points.
    over: bool,
    sets: Vec<Set>,
}

/// The contours of some points.
struct Set {
    panel: usize,
    /// The colour's slot of the palette.
    slot: Option<usize>,
    bandwidth: f64,
    /// The loops of each level, the outermost first.
    levels: Vec<Vec<Vec<[f64; 2]>>>,
}

/// Finds the contours that a scene asks for, within bounds.
pub(super) fn of(scene: &Scene, coding: &Coding, groups: &[Group], bounds: [f64; 4]) -> Lines {
    let Some(asked) = scene.contours else {
        return Lines { levels: Vec::new(), over: true, sets: Vec::new() };
    };
    let mut levels = asked.levels.to_vec();
    levels.sort_unstable_by(|a, b| b.total_cmp(a));
    levels.dedup();
    let parts: Vec<(usize, Option<usize>, Vec<u32>)> = groups
        .iter()
        .enumerate()
        .flat_map(|(panel, group)| {
            let parts = panels::outlined(group, coding);
            parts.into_iter().map(move |(slot, points)| (panel, slot, points))
        })
        .collect();
    let sets = parts
        .into_par_iter()
        .filter_map(|(panel, slot, points)| {
            let density = Density::of(scene, &points, bounds, asked.bandwidth)?;
            let thresholds = density.thresholds(scene, &points, &levels);
            let levels = thresholds.iter().map(|&at| contour::loops(&density, at)).collect();
            Some(Set { panel, slot, bandwidth: density.bandwidth, levels })
        })
        .collect();
    Lines { levels, over: asked.points, sets }
}

impl Lines {
    /// What the lines mean, for the foot of the page.
    pub(super) fn note(&self, coding: &Coding, panels: bool) -> Option<String> {
        let least = self.sets.iter().map(|set| set.bandwidth).fold(f64::INFINITY, f64::min);
        let most = self.sets.iter().map(|set| set.bandwidth).fold(0.0, f64::max);
        if self.sets.is_empty() {
            return None;
        }
        let shares: Vec<String> = self
            .levels
            .iter()
            .rev()
            .map(|level| format!("{}", (f64::from(*level) * 1e4).round() / 100.0))
            .collect();
        let shares = match shares.as_slice() {
            [rest @ .., last] if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
            _ => shares.concat(),
        };
        let whose = match (coding, panels) {
            (Coding::Categories { .. }, true) => "each colour's points in a panel",
            (Coding::Categories { .. }, false) => "each colour's points",
            (_, true) => "each panel's points",
            (_, false) => "the points",
        };
        let what = if self.over { "Lines" } else { "Regions" };
        let (low, high) = (length(least), length(most));
        let kernel = if low == high { low } else { format!("{low} to {high}") };
        Some(format!(
            "{what} enclose the densest {shares} % of {whose} (kernel σ {kernel} map units)"
        ))
    }
}

/// A length with two significant digits.
fn length(value: f64) -> String {
    let decimals = (1.0 - value.abs().max(1e-9).log10().floor()).clamp(0.0, 9.0) as usize;
    format!("{value:.decimals$}")
}

/// Adds the contours to the marks of a sheet, cut off at the borders of their panels.
pub(super) fn lay(sheet: &mut Sheet, lines: &Lines) {
    let Sheet { panels, palette, marks, .. } = sheet;
    for set in &lines.sets {
        let panel = &panels[set.panel];
        let map = panel.map;
        let color = set.slot.map(|slot| palette.category(slot));
        let count = set.levels.len();
        for (at, level) in set.levels.iter().enumerate() {
            let place = |&[x, y]: &[f64; 2]| {
                let [x, y] = panel.projection.at(x as f32, y as f32);
                [x.clamp(map.left, map.right), y.clamp(map.top, map.bottom)]
            };
            let loops: Vec<Vec<[f32; 2]>> =
                level.iter().map(|points| points.iter().map(place).collect()).collect();
            // Denser, bolder.
            let inner = (at + 1) as f32 / count as f32;
            let ink = match (color, lines.over) {
                (Some(color), true) => palette.ink.mix(color, 0.75),
                (Some(color), false) => color,
                (None, true) => palette.ink,
                (None, false) => palette.density(0.15 + 0.7 * inner),
            };
            let fill = match (lines.over, color) {
                (true, _) => 0.0,
                (false, Some(_)) => 0.55 / count as f32,
                (false, None) => 0.8 / count as f32,
            };
            let width = if panels.len() == 1 { 0.8 + 0.7 * inner } else { 0.7 + 0.4 * inner };
            marks.push(Mark::Path { loops, ink, fill, width, halo: lines.over });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_have_two_digits() {
        assert_eq!(
            [0.0312, 0.5, 1.25, 17.3, 240.0].map(length),
            ["0.031", "0.50", "1.2", "17", "240"]
        );
    }
}
