//! Small multiples: which points belong to which panel, and how panels share the page.

use super::coding::Coding;
use super::frame::Rect;
use super::scene::{Color, NO_CATEGORY, Scene};

/// The points of one panel.
pub(super) struct Group<'a> {
    /// Its heading; `None` where there is but one map.
    pub(super) name: Option<&'a str>,
    /// How many points belong to it, with a colour or without.
    pub(super) size: usize,
    /// The points that carry the colours.
    pub(super) front: Vec<u32>,
    /// The points drawn grey behind them.
    pub(super) back: Vec<u32>,
}

/// The panels of a scene in order: one for each group that has points, or one of all.
///
/// Points without what the colours tell go behind.
pub(super) fn groups<'a>(scene: &Scene<'a>) -> Vec<Group<'a>> {
    let known = |at: usize| match scene.color {
        Color::Plain => true,
        Color::Categories { of, .. } => of[at] != NO_CATEGORY,
        Color::Values { of, .. } => !of[at].is_nan(),
    };
    let split = |name, held: &dyn Fn(usize) -> bool| {
        let size = (0..scene.len()).filter(|&at| held(at)).count();
        let (front, back) =
            (0..scene.len() as u32).partition(|&at| held(at as usize) && known(at as usize));
        Group { name, size, front, back }
    };
    let Some(panels) = scene.panels else { return vec![split(None, &|_| true)] };
    let mut sizes = vec![0usize; panels.names.len()];
    for &group in panels.of {
        if let Some(size) = sizes.get_mut(group as usize) {
            *size += 1;
        }
    }
    let occupied = (0..panels.names.len()).filter(|&group| sizes[group] > 0);
    let groups: Vec<_> = occupied
        .map(|group| split(Some(panels.names[group]), &|at| panels.of[at] == group as u32))
        .collect();
    if groups.is_empty() { vec![split(None, &|_| true)] } else { groups }
}

/// The maps' places: of all grids the one whose panels show the bounds largest, headings of a text size above
/// each, and the last row as full as can be.
pub(super) fn cells(
    free: Rect,
    groups: &[Group],
    [x0, y0, x1, y1]: [f64; 4],
    size: f32,
) -> Vec<Rect> {
    let count = groups.len();
    if groups.iter().all(|group| group.name.is_none()) {
        return vec![free];
    }
    let (gap, head) = (size * 1.1, size * 1.6);
    let cell = |columns: usize| {
        let rows = count.div_ceil(columns);
        let width = (free.width() - gap * (columns - 1) as f32) / columns as f32;
        let height = (free.height() - gap * 0.5 * (rows - 1) as f32) / rows as f32 - head;
        [width.max(1.0), height.max(1.0)]
    };
    let extent = |low: f64, high: f64| ((high - low) as f32).max(f32::MIN_POSITIVE);
    let shown = |columns: usize| {
        let [width, height] = cell(columns);
        let scale = (width / extent(x0, x1)).min(height / extent(y0, y1));
        // Where two grids show the same, the one with fewer empty places.
        scale * (1.0 - 1e-3 * (columns * count.div_ceil(columns) - count) as f32)
    };
    let columns =
        (1..=count).max_by(|&a, &b| shown(a).total_cmp(&shown(b)).then(b.cmp(&a))).unwrap_or(1);
    let [width, height] = cell(columns);
    (0..count)
        .map(|at| {
            let (row, column) = (at / columns, at % columns);
            let left = free.left + (width + gap) * column as f32;
            let top = free.top + (height + head + gap * 0.5) * row as f32 + head;
            Rect { left, top, right: left + width, bottom: top + height }
        })
        .collect()
}

/// The groups of points that get contours of their own, and the slot of the palette that colours them
/// (`None`: ink).
pub(super) fn outlined(group: &Group, coding: &Coding) -> Vec<(Option<usize>, Vec<u32>)> {
    let Coding::Categories { listed, .. } = coding else {
        return vec![(None, group.front.clone())];
    };
    let mut parts: Vec<_> = (0..listed.len()).map(|slot| (Some(slot), Vec::new())).collect();
    for &point in &group.front {
        if let Some((_, points)) = parts.get_mut(coding.slot(point)) {
            points.push(point);
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_part_the_points() {
        let (x, of) = ([0.0; 6], [1, 0, 1, NO_CATEGORY, 1, 2]);
        let names = ["a", "b", "c", "unused"];
        let values = [1.0, 2.0, f32::NAN, 4.0, 5.0, 6.0];
        let scene = Scene {
            color: Color::Values { title: "", of: &values, range: None, note: "" },
            panels: Some(super::super::Groups { names: &names, of: &of }),
            ..Scene::new(&x, &x)
        };
        let groups = groups(&scene);
        let seen: Vec<_> = groups.iter().map(|g| (g.name, g.size, &g.front[..])).collect();
        assert_eq!(
            seen,
            [(Some("a"), 1, &[1u32][..]), (Some("b"), 3, &[0, 4]), (Some("c"), 1, &[5])]
        );
        assert_eq!(groups[1].back, [1, 2, 3, 5]);
    }

    #[test]
    fn a_grid_fills_the_page_and_nothing_overlaps() {
        let free = Rect { left: 10.0, top: 20.0, right: 1010.0, bottom: 720.0 };
        for (count, bounds, columns) in [
            (6, [0.0, 0.0, 1.0, 1.0], 3),
            (12, [0.0, 0.0, 1.0, 1.0], 4),
            (3, [0.0, 0.0, 1.0, 3.0], 3),
            (3, [0.0, 0.0, 9.0, 1.0], 1),
            (1, [0.0, 0.0, 0.0, 0.0], 1),
        ] {
            let group = |_| Group { name: Some("g"), size: 0, front: vec![], back: vec![] };
            let groups: Vec<Group> = (0..count).map(group).collect();
            let cells = cells(free, &groups, bounds, 12.0);
            let first_row = cells.iter().filter(|cell| cell.top == cells[0].top).count();
            assert_eq!(first_row, columns, "{count} panels of {bounds:?}");
            for (at, cell) in cells.iter().enumerate() {
                assert!(free.grown(0.1).contains(cell) && cell.width() > 50.0);
                assert!(cells[..at].iter().all(|other| !other.overlaps(cell)));
            }
        }
    }
}
