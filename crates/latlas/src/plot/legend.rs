//! What the colours mean: names and counts of categories, or a scale with round numbers.

use super::coding::Coding;
use super::frame::{Mark, Rect};
use super::palette::{CATEGORIES, Palette, Rgb};
use super::text::Face;

/// Lays the legend at the right edge of a column and returns how much of its width it takes, with the
/// gap towards the map; 0 where the colours mean nothing.
pub(super) fn lay(
    coding: &Coding,
    palette: &Palette,
    face: &Face,
    column: Rect,
    size: f32,
    words: &dyn Fn(&str) -> String,
    marks: &mut Vec<Mark>,
) -> f32 {
    let gap = size * 1.8;
    let room = column.width() - gap;
    let (title, rows) = match coding {
        Coding::Plain => return 0.0,
        Coding::Categories { title, .. } => (*title, entries(coding, palette, words)),
        Coding::Values { title, .. } => (*title, Vec::new()),
    };
    let title = face.fit(&words(title), size, room).into_owned();
    let mut list =
        List { face, palette, size, top: column.top + size * 0.8, marks: Vec::new(), width: 0.0 };
    if !title.is_empty() {
        list.text(&title, 0.0, palette.ink);
        list.top += size * 1.9;
    }
    if let Coding::Values { low, high, beyond, none, note, .. } = coding {
        let note = lines(face, &words(note), size * 0.88, room.min(size * 15.0));
        // Below the scale, room for the note and for the row of points without a number.
        let kept = if *none > 0 { size * 3.0 } else { size * 0.5 };
        let kept = kept + note.len() as f32 * size * 1.3;
        let height = (column.bottom - list.top - kept).min(size * 18.0);
        list.scale([*low, *high], *beyond, height);
        if *none > 0 {
            let entry = Entry { color: palette.grey, name: "no value".into(), count: *none };
            list.entries(&[entry], room, column.bottom);
        }
        for line in note {
            if list.top < column.bottom {
                list.small(&line, size * 0.88);
            }
        }
    } else {
        list.entries(&rows, room, column.bottom);
    }
    let (width, left) = (list.width, column.right - list.width);
    marks.extend(list.marks.into_iter().map(|mark| shifted(mark, left)));
    width + gap
}

struct Entry {
    color: Rgb,
    name: String,
    count: usize,
}

fn entries(coding: &Coding, palette: &Palette, words: &dyn Fn(&str) -> String) -> Vec<Entry> {
    let Coding::Categories { listed, others, none, .. } = coding else { return Vec::new() };
    let mut entries: Vec<Entry> = listed
        .iter()
        .enumerate()
        .map(|(rank, &(name, count))| {
            let name = words(name);
            let name = if name.is_empty() { "(empty)".into() } else { name };
            Entry { color: palette.category(rank), name, count }
        })
        .collect();
    // One grey means one row.
    let rest = match (others.0, none) {
        (0, 0) => return entries,
        (0, _) => "none".to_string(),
        (1, 0) => "1 other".to_string(),
        (n, 0) => format!("{} others", grouped(n)),
        (n, _) => format!("{} others or none", grouped(n)),
    };
    entries.push(Entry { color: palette.category(CATEGORIES), name: rest, count: others.1 + none });
    entries
}

/// Marks laid from x = 0, moved to their place when the width is known.
struct List<'a> {
    face: &'a Face,
    palette: &'a Palette,
    size: f32,
    /// The baseline of the next row.
    top: f32,
    marks: Vec<Mark>,
    width: f32,
}

impl List<'_> {
    fn text(&mut self, text: &str, x: f32, ink: Rgb) {
        let width = self.face.width(text, self.size);
        let (at, size) = ([x, self.top], self.size);
        let text = text.into();
        self.marks.push(Mark::Text { text, at, size, width, ink, bold: false, halo: false });
        self.width = self.width.max(x + width);
    }

    /// A line of a note.
    fn small(&mut self, text: &str, size: f32) {
        let width = self.face.width(text, size);
        let (at, ink) = ([0.0, self.top], self.palette.muted);
        let text = text.into();
        self.marks.push(Mark::Text { text, at, size, width, ink, bold: false, halo: false });
        self.width = self.width.max(width);
        self.top += size * 1.45;
    }

    fn entries(&mut self, entries: &[Entry], room: f32, bottom: f32) {
        let size = self.size;
        let indent = size * 1.4;
        let counts: Vec<String> = entries.iter().map(|entry| grouped(entry.count)).collect();
        let widest = counts.iter().map(|count| self.face.width(count, size)).fold(0.0, f32::max);
        let room = (room - indent - size - widest).max(size * 2.0).min(size * 16.0);
        let names: Vec<_> =
            entries.iter().map(|entry| self.face.fit(&entry.name, size, room)).collect();
        let name_width = names.iter().map(|name| self.face.width(name, size)).fold(0.0, f32::max);
        let right = (indent + name_width + size + widest).max(self.width);
        for ((entry, name), count) in entries.iter().zip(&names).zip(&counts) {
            if self.top > bottom {
                return;
            }
            let at = [size * 0.42, self.top - size * 0.36];
            self.marks.push(Mark::Disc { at, radius: size * 0.4, ink: entry.color });
            self.text(name, indent, self.palette.ink);
            self.text(count, right - self.face.width(count, size), self.palette.muted);
            self.top += size * 1.75;
        }
    }

    fn scale(&mut self, [low, high]: [f32; 2], beyond: [bool; 2], height: f32) {
        let size = self.size;
        if height < size * 3.0 {
            return;
        }
        let top = self.top - size * 0.4;
        let rect = Rect { left: 0.0, top, right: size * 1.05, bottom: top + height };
        self.marks.push(Mark::Scale { rect });
        self.width = self.width.max(rect.right);
        let most = ((height / (size * 2.6)) as usize).clamp(2, 7);
        let mut ticks = if high > low {
            ticks(low.into(), high.into(), most)
        } else {
            vec![(low.into(), number(low.into(), 0.0))]
        };
        // The scale ends, the numbers do not: said where it ends.
        let near = f64::from(high - low) * 0.06;
        let ends = [(low, beyond[0], "≤"), (high, beyond[1], "≥")];
        for (end, _, sign) in ends.into_iter().filter(|(_, beyond, _)| *beyond) {
            ticks.retain(|(value, _)| (value - f64::from(end)).abs() > near);
            ticks.push((end.into(), format!("{sign} {}", rounded(end.into(), low, high))));
        }
        for (value, text) in ticks {
            let share = if high > low {
                (value - f64::from(low)) / (f64::from(high) - f64::from(low))
            } else {
                0.5
            };
            let y = rect.bottom - share as f32 * height;
            let line = |x: f32| [rect.right + x, y];
            self.marks.push(Mark::Line {
                from: line(0.0),
                to: line(size * 0.35),
                width: 1.0,
                ink: self.palette.muted,
            });
            self.top = y + size * 0.36;
            self.text(&text, rect.right + size * 0.65, self.palette.muted);
        }
        self.top = rect.bottom + size * 2.2;
    }
}

fn shifted(mark: Mark, by: f32) -> Mark {
    let moved = |[x, y]: [f32; 2]| [x + by, y];
    match mark {
        Mark::Text { text, at, size, width, ink, bold, halo } => {
            Mark::Text { text, at: moved(at), size, width, ink, bold, halo }
        }
        Mark::Line { from, to, width, ink } => {
            Mark::Line { from: moved(from), to: moved(to), width, ink }
        }
        Mark::Disc { at, radius, ink } => Mark::Disc { at: moved(at), radius, ink },
        Mark::Scale { rect } => {
            Mark::Scale { rect: Rect { left: rect.left + by, right: rect.right + by, ..rect } }
        }
        // Legends have none.
        Mark::Path { .. } => mark,
    }
}

/// A text broken between words into lines of at most some width.
fn lines(face: &Face, text: &str, size: f32, most: f32) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        match lines.last_mut() {
            Some(line) if face.width(&format!("{line} {word}"), size) <= most => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(face.fit(word, size, most).into_owned()),
        }
    }
    lines
}

/// At most about `most` round numbers (1, 2 or 5 times a power of ten apart) from `low` to `high`, as shown.
fn ticks(low: f64, high: f64, most: usize) -> Vec<(f64, String)> {
    let raw = (high - low) / most.max(1) as f64;
    let power = 10f64.powf(raw.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|m| m * power)
        .find(|&step| step >= raw * 0.999)
        .unwrap_or(raw);
    let (first, last) = ((low / step - 1e-6).ceil(), (high / step + 1e-6).floor());
    // A range far from zero and narrower than its numbers' precision has no round numbers.
    if !(first.is_finite() && last.is_finite())
        || last - first > 64.0
        || last < first
        || first + 1.0 == first
    {
        return vec![(low, number(low, 0.0)), (high, number(high, 0.0))];
    }
    (0..=(last - first) as usize)
        .map(|i| (first + i as f64) * step)
        .map(|value| (value, number(value, step)))
        .collect()
}

/// The end of a scale, to a hundredth of its length.
fn rounded(end: f64, low: f32, high: f32) -> String {
    let step = 10f64.powf(((f64::from(high) - f64::from(low)) / 100.0).log10().ceil());
    number((end / step).round() * step, step)
}

/// A number with as many decimals as a step between numbers needs, or in short form where there is no step.
fn number(value: f64, step: f64) -> String {
    // What arithmetic leaves of a zero is zero, and has no sign.
    let value = if value.abs() <= step * 1e-6 { 0.0 } else { value };
    let plain = (1e-4..1e7).contains(&value.abs().max(step));
    let text = if plain && step > 0.0 {
        let decimals = (-step.log10().floor()).max(0.0) as usize;
        format!("{value:.decimals$}")
    } else if plain || value == 0.0 {
        format!("{}", (value * 1e4).round() / 1e4)
    } else {
        let text = format!("{value:.3e}");
        let (digits, power) = text.split_once('e').unwrap_or((&text, "0"));
        format!("{}e{power}", digits.trim_end_matches('0').trim_end_matches('.'))
    };
    let (sign, digits) = text.strip_prefix('-').map_or(("", text.as_str()), |digits| ("−", digits));
    // Four digits are as likely a year as a number; only longer ones get commas.
    if digits.len() > 4 && digits.bytes().all(|b| b.is_ascii_digit()) {
        format!("{sign}{}", separated(digits))
    } else {
        format!("{sign}{digits}")
    }
}

/// A count with commas: 12,345.
pub(super) fn grouped(count: usize) -> String {
    separated(&count.to_string())
}

fn separated(digits: &str) -> String {
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round() {
        let texts =
            |low, high| ticks(low, high, 6).into_iter().map(|(_, text)| text).collect::<Vec<_>>();
        assert_eq!(texts(0.0, 1.0), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(texts(-3.2, 17.0), ["0", "5", "10", "15"]);
        assert_eq!(texts(1990.0, 2023.0), ["1990", "2000", "2010", "2020"]);
        assert_eq!(texts(-0.02, 0.02), ["−0.02", "−0.01", "0.00", "0.01", "0.02"]);
        assert_eq!(texts(0.0, 3e9), ["0", "5e8", "1e9", "1.5e9", "2e9", "2.5e9", "3e9"]);
        assert!(texts(f64::from(f32::MIN), f64::from(f32::MAX)).len() <= 9);
        assert_eq!(texts(1e16, 1e16 + 2.0).len(), 2);
    }

    #[test]
    fn counts_have_commas() {
        assert_eq!([0, 999, 1000, 1234567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}
