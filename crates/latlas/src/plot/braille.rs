//! A map in characters: each cell of a terminal shows 2 × 4 dots of a braille pattern.

use std::fmt::Write as _;

use super::coding::Coding;
use super::frame::{Projection, Rect};
use super::palette::{CATEGORIES, Palette, Rgb};
use super::raster::Tone;
use super::regions::{largest, peak};
use super::scene::{Groups, Scene};
use super::style::{Frame, Theme};
use super::text;
use super::view::View;
use crate::error::{Error, Result};

/// Dots are dithered by density where more than this share of the dots in touched cells are hit, and
/// more than this share of those more than once: any less, and the dots themselves show the density.
const DENSE: f64 = 0.6;

/// The bit of each dot of a cell, [row][column] (Unicode, block U+2800).
const BITS: [[u8; 2]; 4] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]];

/// A threshold matrix of 4 × 4 ordered dither (Bayer 1973).
const BAYER: [[u8; 4]; 4] = [[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]];

/// One character of the map.
#[derive(Clone, Copy)]
enum Cell {
    Dots(u8),
    Letter(char),
    /// Points outside of the frame.
    Arrow(char),
    /// The right half of a wide letter.
    Covered,
}

/// Draws a scene into at most `rows` lines of at most `cols` characters, without white space at the
/// ends of lines; with `color` in ANSI's 256 colours, and a line of the most frequent categories' names
/// in their colours below the map. Regions are named, and a few of the heaviest points. The frame is that of
/// [`Frame::Bulk`], points outside of it arrows at its border. There are no panels and no contours.
///
/// Dots are on where there are points; where a map is so full that nearly all would be, they are dithered by density.
///
/// Errors: what [`Scene::check`] says of the scene; of kind `Usage` for less than 8 × 4 or more than 1,000 × 1,000 characters.
pub fn braille(scene: &Scene, cols: usize, rows: usize, color: bool) -> Result<String> {
    scene.check()?;
    if !(8..=1000).contains(&cols) || !(4..=1000).contains(&rows) {
        return Err(Error::usage(format!("a map of {cols}×{rows} characters cannot be drawn"))
            .help("8×4 characters are the least, 1000×1000 the most"));
    }
    // Dark-theme colours, a little deeper, are readable on light terminals too.
    let palette = Palette::of(Theme::Dark);
    let coding = Coding::of(scene);
    let legend = if color { legend(&coding, &palette, cols) } else { String::new() };
    let rows = if legend.is_empty() { rows } else { rows - 1 };

    let (width, height) = (cols * 2, rows * 4);
    let room = Rect { left: 0.5, top: 0.5, right: width as f32 - 0.5, bottom: height as f32 - 0.5 };
    // A character is twice as high as wide, and holds twice as many dots down as across.
    let view = View::of(scene, Frame::Bulk, width as f64 / height as f64);
    let projection = Projection::fit(view.bounds, &room);
    let place = |point: usize| projection.at(scene.x[point], scene.y[point]);
    let dot = |[x, y]: [f32; 2]| {
        ((x.max(0.0) as usize).min(width - 1), (y.max(0.0) as usize).min(height - 1))
    };
    let outside = |point: usize| {
        let [x, y] = place(point);
        !(0.0..width as f32).contains(&x) || !(0.0..height as f32).contains(&y)
    };
    let mut counts = vec![0u32; width * height];
    let beyond: Vec<usize> =
        view.beyond.iter().map(|&at| at as usize).filter(|&at| outside(at)).collect();
    for point in 0..scene.len() {
        let (x, y) = dot(place(point));
        counts[y * width + x] += 1;
    }
    for &point in &beyond {
        let (x, y) = dot(place(point));
        counts[y * width + x] -= 1;
    }
    let mut cells = dots(&counts, width, height);
    let colors = if color {
        shades(scene, &coding, &palette, &counts, [cols, rows], |point| dot(place(point)))
    } else {
        Vec::new()
    };
    for &point in &beyond {
        let [x, y] = place(point);
        let (column, row) = dot([x, y]);
        let arrow = match (x < 0.0, x >= width as f32, y < 0.0) {
            (true, ..) => '◂',
            (_, true, _) => '▸',
            (.., true) => '▴',
            _ => '▾',
        };
        cells[row / 4 * cols + column / 2] = Cell::Arrow(arrow);
    }
    let mut placed = regions(scene, &projection, &room, dot, &mut cells, cols);
    letter(scene, &mut cells, cols, |point| dot(place(point)), &mut placed);

    let mut map = String::new();
    for row in 0..rows {
        write_row(
            &mut map,
            &cells[row * cols..(row + 1) * cols],
            colors.get(row * cols..(row + 1) * cols),
        );
    }
    map.push_str(&legend);
    Ok(map)
}

/// Which dots are on, by cell.
fn dots(counts: &[u32], width: usize, height: usize) -> Vec<Cell> {
    let hit = counts.iter().filter(|&&c| c > 0).count();
    let again = counts.iter().filter(|&&c| c > 1).count();
    let touched = |cell: &[usize]| cell.iter().any(|&at| counts[at] > 0);
    let (cols, rows) = (width / 2, height / 4);
    let members = |col: usize, row: usize| -> [usize; 8] {
        std::array::from_fn(|i| (row * 4 + i / 2) * width + col * 2 + i % 2)
    };
    let cells: Vec<(usize, usize)> =
        (0..rows).flat_map(|row| (0..cols).map(move |col| (col, row))).collect();
    let surroundings = 8 * cells.iter().filter(|&&(col, row)| touched(&members(col, row))).count();
    let dense = again as f64 > DENSE * hit as f64 && hit as f64 > DENSE * surroundings as f64;
    let tone = {
        let sums: Vec<[f32; 1]> = counts.iter().map(|&c| [c as f32]).collect();
        Tone::of(&[sums], 0.3)
    };
    cells
        .into_iter()
        .map(|(col, row)| {
            let members = members(col, row);
            let lone = members.iter().map(|&at| counts[at]).sum::<u32>() <= 2;
            let bits = members.iter().enumerate().fold(0u8, |bits, (i, &at)| {
                let (x, y) = (col * 2 + i % 2, row * 4 + i / 2);
                let threshold = (f32::from(BAYER[y % 4][x % 4]) + 0.5) / 16.0;
                let on =
                    counts[at] > 0 && (!dense || lone || tone.share(counts[at] as f32) > threshold);
                if on { bits | BITS[i / 2][i % 2] } else { bits }
            });
            Cell::Dots(bits)
        })
        .collect()
}

/// The colour of each cell: its most frequent category, the mean of its numbers, or its density.
fn shades(
    scene: &Scene,
    coding: &Coding,
    palette: &Palette,
    counts: &[u32],
    [cols, rows]: [usize; 2],
    dot: impl Fn(usize) -> (usize, usize),
) -> Vec<u8> {
    let cell = |point: usize| {
        let (x, y) = dot(point);
        y / 4 * cols + x / 2
    };
    let n = scene.len();
    match coding {
        Coding::Plain => {
            let mut sums = vec![[0.0f32]; cols * rows];
            for (at, &count) in counts.iter().enumerate() {
                sums[at / (cols * 2) / 4 * cols + at % (cols * 2) / 2][0] += count as f32;
            }
            let sums = [sums];
            let tone = Tone::of(&sums, 0.15);
            sums[0]
                .iter()
                .map(|&[sum]| ansi(palette.density(0.15 + 0.85 * tone.share(sum))))
                .collect()
        }
        Coding::Categories { .. } => {
            let mut votes = vec![[0u32; CATEGORIES + 1]; cols * rows];
            for point in 0..n {
                votes[cell(point)][coding.slot(point as u32)] += 1;
            }
            let winner = |votes: &[u32; CATEGORIES + 1]| {
                (0..=CATEGORIES)
                    .max_by_key(|&slot| (votes[slot], CATEGORIES - slot))
                    .unwrap_or(CATEGORIES)
            };
            votes.iter().map(|votes| ansi(palette.category(winner(votes)))).collect()
        }
        Coding::Values { .. } => {
            let mut means = vec![(0.0f32, 0u32); cols * rows];
            for point in 0..n {
                if let Some(t) = coding.share(point as u32) {
                    let (sum, count) = &mut means[cell(point)];
                    *sum += t;
                    *count += 1;
                }
            }
            let shade = |&(sum, count): &(f32, u32)| {
                if count == 0 { palette.grey } else { coding.scale(palette, sum / count as f32) }
            };
            means.iter().map(|mean| ansi(shade(mean))).collect()
        }
    }
}

/// Writes the names of regions where their points lie most densely, the largest first; what was written.
fn regions(
    scene: &Scene,
    projection: &Projection,
    room: &Rect,
    dot: impl Fn([f32; 2]) -> (usize, usize),
    cells: &mut [Cell],
    cols: usize,
) -> Vec<String> {
    let mut placed = Vec::new();
    let Some(Groups { names, of }) = scene.regions else { return placed };
    let most = (cells.len() / 120).clamp(2, 40);
    for region in largest(names.len(), of).into_iter().take(most) {
        let Some([x, y]) = peak(scene, &region.points, projection.seen(room)) else { continue };
        let name = text::shorten(names[region.group], (cols / 4).clamp(4, 24));
        let (x, y) = dot(projection.at(x as f32, y as f32));
        let (col, row) = (x / 2, y / 4);
        let Some(width) = name.chars().map(text::cells).sum::<Option<usize>>() else { continue };
        let start = col.saturating_sub(width / 2).min(cols.saturating_sub(width));
        if write(cells, cols, row, &[start], &name, width) {
            placed.push(name);
        }
    }
    placed
}

/// Writes the names of the heaviest points over the dots beside them, none over another.
fn letter(
    scene: &Scene,
    cells: &mut [Cell],
    cols: usize,
    dot: impl Fn(usize) -> (usize, usize),
    placed: &mut Vec<String>,
) {
    let Some(labels) = scene.labels else { return };
    let most = (cells.len() / 160).clamp(2, 24);
    for point in scene.heaviest(None, most * 40) {
        if placed.len() >= most {
            return;
        }
        let name = text::shorten(labels[point as usize], (cols / 4).clamp(4, 24));
        // Where terminals disagree on a width, everything to the right would be out of place.
        let Some(width) = name.chars().map(text::cells).sum::<Option<usize>>() else { continue };
        if placed.contains(&name) {
            continue;
        }
        let (x, y) = dot(point as usize);
        let (col, row) = (x / 2, y / 4);
        let starts = [col + 1, col.wrapping_sub(width)];
        if write(cells, cols, row, &starts, &name, width) {
            placed.push(name);
        }
    }
}

/// Writes a name at the first of some columns of a row where it has room; whether it was written.
fn write(
    cells: &mut [Cell],
    cols: usize,
    row: usize,
    starts: &[usize],
    name: &str,
    width: usize,
) -> bool {
    if width == 0 || width + 2 > cols {
        return false;
    }
    let free = |start: &&usize| {
        start.checked_add(width).is_some_and(|end| {
            // One cell of air on both sides.
            let mut around = start.saturating_sub(1)..(end + 1).min(cols);
            end <= cols && around.all(|col| matches!(cells[row * cols + col], Cell::Dots(_)))
        })
    };
    let Some(start) = starts.iter().find(free) else { return false };
    let mut at = row * cols + start;
    for c in name.chars() {
        match text::cells(c) {
            Some(1) => cells[at] = Cell::Letter(c),
            Some(2) => {
                cells[at] = Cell::Letter(c);
                at += 1;
                cells[at] = Cell::Covered;
            }
            // A mark on the letter before it: left out, for a cell holds one character.
            _ => continue,
        }
        at += 1;
    }
    true
}

fn write_row(map: &mut String, cells: &[Cell], colors: Option<&[u8]>) {
    let blank = |cell: &Cell| matches!(cell, Cell::Dots(0) | Cell::Covered);
    let end = cells.iter().rposition(|cell| !blank(cell)).map_or(0, |last| last + 1);
    let mut current = None;
    for (at, cell) in cells[..end].iter().enumerate() {
        let (character, wanted) = match *cell {
            Cell::Dots(0) => (' ', current),
            Cell::Dots(bits) => {
                (char::from_u32(0x2800 + u32::from(bits)).unwrap_or(' '), colors.map(|c| c[at]))
            }
            Cell::Letter(c) => (c, None),
            Cell::Arrow(c) => (c, colors.map(|colors| colors[at])),
            Cell::Covered => continue,
        };
        if wanted != current {
            match wanted {
                Some(color) => {
                    let _ = write!(map, "\x1b[38;5;{color}m");
                }
                None => map.push_str("\x1b[0m"),
            }
            current = wanted;
        }
        map.push(character);
    }
    if current.is_some() {
        map.push_str("\x1b[0m");
    }
    map.push('\n');
}

/// The names of categories in their colours, as many as fit on a line.
fn legend(coding: &Coding, palette: &Palette, cols: usize) -> String {
    let Coding::Categories { listed, .. } = coding else { return String::new() };
    let (mut line, mut used) = (String::new(), 0);
    for (rank, &(name, _)) in listed.iter().enumerate() {
        let name = text::shorten(name, 24);
        let Some(width) = name.chars().map(text::cells).sum::<Option<usize>>() else { continue };
        let gap = if used == 0 { 0 } else { 2 };
        if used + gap + 2 + width > cols {
            break;
        }
        let _ =
            write!(line, "{:gap$}\x1b[38;5;{}m●\x1b[0m {name}", "", ansi(palette.category(rank)));
        used += gap + 2 + width;
    }
    if !line.is_empty() {
        line.push('\n');
    }
    line
}

/// The nearest of the 240 fixed colours of a terminal: a 6 × 6 × 6 cube and 24 greys.
fn ansi(color: Rgb) -> u8 {
    const STEPS: [i32; 6] = [0, 95, 135, 175, 215, 255];
    let [r, g, b] = color.0.map(i32::from);
    let nearest = |v: i32| (0..6usize).min_by_key(|&i| (STEPS[i] - v).abs()).unwrap_or(0);
    let cube = [nearest(r), nearest(g), nearest(b)];
    let grey = (((r + g + b) / 3 - 8).clamp(0, 230) + 5) / 10;
    let far = |[x, y, z]: [i32; 3]| (x - r).pow(2) + (y - g).pow(2) + (z - b).pow(2);
    let level = 8 + 10 * grey.min(23);
    if far([level; 3]) < far(cube.map(|i| STEPS[i])) {
        232 + grey.min(23) as u8
    } else {
        (16 + 36 * cube[0] + 6 * cube[1] + cube[2]) as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colors_of_the_cube_and_greys_are_found() {
        assert_eq!(ansi(Rgb([255, 0, 0])), 196);
        assert_eq!(ansi(Rgb([95, 135, 175])), 16 + 36 + 12 + 3);
        assert_eq!(ansi(Rgb([88, 88, 88])), 240);
    }
}
