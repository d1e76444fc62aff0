//! `--by COLUMN`: which panels there are, and which points they hold.

use latlas::plot::NO_CATEGORY;
use latlas::{Error, Result};

use super::known::Known;
use crate::output::{counted, whole};

/// Panels drawn if nothing else is asked for, and parts that numbers are divided into.
const PANELS: usize = 12;
const PARTS: usize = 6;
/// More panels are too small to see anything in.
const MOST: usize = 64;
/// Of more values than this, those that would be drawn say nothing about the column.
const TOO_MANY: usize = 1000;

/// The panels of a plot.
pub(super) struct Panels {
    pub(super) names: Vec<String>,
    /// The panel of each point, or [`NO_CATEGORY`].
    pub(super) of: Vec<u32>,
    /// What is left out, if anything is.
    pub(super) note: Option<String>,
}

impl Panels {
    /// Panels of what is known, at most `most` of them.
    pub(super) fn new(column: &str, known: Known, most: Option<usize>) -> Result<Self> {
        if most.is_some_and(|most| most == 0 || most > MOST) {
            return Err(Error::usage(format!("--panels ranges over 1 to {MOST}")));
        }
        match known {
            Known::Names { names, of } => named(column, &names, &of, most.unwrap_or(PANELS)),
            Known::Numbers { of, whole } => Ok(numbered(column, &of, whole, most)),
        }
    }
}

/// The most frequent values, each a panel.
fn named(column: &str, names: &[String], of: &[u32], most: usize) -> Result<Panels> {
    let mut counts = vec![0usize; names.len()];
    for &name in of {
        if let Some(count) = counts.get_mut(name as usize) {
            *count += 1;
        }
    }
    let mut order: Vec<usize> = (0..names.len()).filter(|&name| counts[name] > 0).collect();
    order.sort_by_key(|&name| std::cmp::Reverse(counts[name]));
    let values = order.len();
    let alone = values > most && order.first().is_some_and(|&name| counts[name] == 1);
    if values > TOO_MANY || alone {
        let values = whole(values as u64);
        return Err(Error::usage(format!(
            "--by {column}: {values} different values are too many for panels"
        ))
        .help("take a column that groups the items; latlas probe cluster SPACE makes one"));
    }
    let mut panel = vec![NO_CATEGORY; names.len()];
    for (at, &name) in order.iter().take(most).enumerate() {
        panel[name] = at as u32;
    }
    let left: usize = order.iter().skip(most).map(|&name| counts[name]).sum();
    let without = of.iter().filter(|&&name| name == NO_CATEGORY).count();
    let mut notes = Vec::new();
    if values > most {
        notes.push(format!(
            "the {most} most frequent of {} values of {column} have panels; {} of the rest are grey in all (--panels N draws more)",
            whole(values as u64),
            counted(left as u64, "points")
        ));
    }
    notes.extend(missing(column, without));
    Ok(Panels {
        names: order.iter().take(most).map(|&name| names[name].clone()).collect(),
        of: of
            .iter()
            .map(|&name| panel.get(name as usize).copied().unwrap_or(NO_CATEGORY))
            .collect(),
        note: (!notes.is_empty()).then(|| notes.join("; ")),
    })
}

/// Each value a panel, where there are few; parts of equally many points otherwise.
fn numbered(column: &str, of: &[f64], whole: bool, most: Option<usize>) -> Panels {
    let mut sorted: Vec<f64> = of.iter().copied().filter(|v| !v.is_nan()).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let without = of.len() - sorted.len();
    let mut distinct = sorted.clone();
    distinct.dedup();
    // The greatest number of each part; equal numbers are never parted.
    let mut ends = if distinct.len() <= most.unwrap_or(PANELS) {
        distinct
    } else {
        let parts = most.unwrap_or(PARTS);
        (1..=parts).map(|part| sorted[(sorted.len() * part).div_ceil(parts).max(1) - 1]).collect()
    };
    ends.dedup();
    let part = |value: f64| ends.partition_point(|end| *end < value);
    let mut spans = vec![(f64::INFINITY, f64::NEG_INFINITY); ends.len()];
    for &value in &sorted {
        let (low, high) = &mut spans[part(value)];
        (*low, *high) = (low.min(value), high.max(value));
    }
    let step = sorted.last().zip(sorted.first()).map_or(1.0, |(high, low)| high - low) / 50.0;
    let name = |&(low, high): &(f64, f64)| {
        let (low, high) = (number(low, whole, step), number(high, whole, step));
        if low == high { format!("{column} {low}") } else { format!("{column} {low} to {high}") }
    };
    Panels {
        names: spans.iter().map(name).collect(),
        of: of.iter().map(|&v| if v.is_nan() { NO_CATEGORY } else { part(v) as u32 }).collect(),
        note: missing(column, without),
    }
}

fn missing(column: &str, without: usize) -> Option<String> {
    (without > 0).then(|| {
        format!("{} without a {column} are grey in all panels", counted(without as u64, "points"))
    })
}

/// A number with as many decimals as a step needs to be seen.
fn number(value: f64, whole: bool, step: f64) -> String {
    let decimals = if whole || step <= 0.0 { 0.0 } else { (-step.log10().floor()).clamp(0.0, 9.0) };
    let text = format!("{value:.0$}", decimals as usize);
    match text.strip_prefix('-') {
        Some(digits) if digits.bytes().any(|b| (b'1'..=b'9').contains(&b)) => format!("−{digits}"),
        Some(digits) => digits.to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_parted_by_quantiles_and_ties_stay_together() {
        let of: Vec<f64> = (0..100).map(|i| f64::from(i) / 10.0).chain([f64::NAN]).collect();
        let panels = numbered("price", &of, false, Some(4));
        assert_eq!(
            panels.names,
            ["price 0.0 to 2.4", "price 2.5 to 4.9", "price 5.0 to 7.4", "price 7.5 to 9.9"]
        );
        assert_eq!(
            (panels.of[0], panels.of[25], panels.of[99], panels.of[100]),
            (0, 1, 3, NO_CATEGORY)
        );
        assert_eq!(panels.note.as_deref(), Some("1 point without a price are grey in all panels"));
        let ties: Vec<f64> = [vec![1.0; 90], (2..50).map(f64::from).collect()].concat();
        let panels = numbered("n", &ties, true, None);
        assert_eq!(panels.names[0], "n 1");
        assert!(panels.of[..90].iter().all(|&panel| panel == 0));
        let few = numbered("digit", &[3.0, 1.0, 1.0], true, None);
        assert_eq!(
            (few.names, few.of),
            (vec!["digit 1".to_owned(), "digit 3".to_owned()], vec![1, 0, 0])
        );
    }

    #[test]
    fn what_is_left_out_is_said() {
        let names: Vec<String> = ["a", "b", "c"].map(String::from).to_vec();
        let of = [0, 1, 1, 2, 2, 2, NO_CATEGORY];
        let panels = named("kind", &names, &of, 2).unwrap();
        assert_eq!(panels.names, ["c", "b"]);
        assert_eq!(panels.of[..3], [NO_CATEGORY, 1, 1]);
        let note = panels.note.unwrap();
        assert!(
            note.starts_with("the 2 most frequent of 3 values of kind have panels; 1 point"),
            "{note}"
        );
        let ids: Vec<String> = (0..50).map(|i| format!("id{i}")).collect();
        let all: Vec<u32> = (0..50).collect();
        assert!(named("id", &ids, &all, 12).is_err());
    }
}
