//! Vectors in the cells of a table: which columns hold them, and their numbers.
//!
//! Text is parsed straight to f32, so that the shortest text of a number gives the same bits back.

use std::path::Path;

use super::ReaderOptions;
use super::records::{Cell, Record, find_column};
use crate::error::{Error, Result};

/// Names that promise a vector when numbers follow them: emb_0, emb_1, …
const PREFIXES: [&str; 10] =
    ["emb", "embedding", "embeddings", "vec", "vector", "v", "dim", "d", "e", "component"];

/// The columns that make up a vector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum VectorColumns {
    /// One column whose cells hold lists.
    List(usize),
    /// One column per dimension.
    Each(Vec<usize>),
}

impl VectorColumns {
    /// What the options ask for; `None` if they ask for nothing.
    pub(super) fn asked(
        options: &ReaderOptions,
        names: &[String],
        path: &Path,
    ) -> Result<Option<Self>> {
        match &options.vector {
            Some(_) if !options.features.is_empty() => {
                Err(Error::usage("--vector and --features exclude each other")
                    .help("leave one out"))
            }
            Some(pattern) if pattern.contains('*') => {
                let each = matching(pattern, names);
                if each.is_empty() {
                    let error =
                        Error::usage(format!("{} has no column like '{pattern}'", path.display()));
                    let shown: Vec<&str> = names.iter().take(20).map(String::as_str).collect();
                    return Err(error.help(format!("its columns are {}", shown.join(", "))));
                }
                Ok(Some(VectorColumns::Each(each)))
            }
            Some(name) => find_column(names, name, path).map(VectorColumns::List).map(Some),
            None if options.features.is_empty() => Ok(None),
            None => {
                let each = options.features.iter().map(|name| find_column(names, name, path));
                Ok(Some(VectorColumns::Each(each.collect::<Result<_>>()?)))
            }
        }
    }

    /// What the names and first rows suggest: a column of lists of numbers, if there is one, or columns numbered
    /// from 0 or 1 behind one of the usual names.
    pub(super) fn guess(names: &[String], rows: &[Vec<Option<String>>]) -> Option<Self> {
        let first = rows.first()?;
        let lists = |at: usize| {
            rows.iter().all(|row| {
                row.get(at).and_then(Option::as_deref).is_some_and(|text| {
                    text.starts_with('[') && numbers(text, &mut Vec::new()).is_ok_and(|n| n >= 2)
                })
            })
        };
        let mut listed =
            (0..names.len()).filter(|&at| first.get(at).is_some_and(Option::is_some) && lists(at));
        if let (Some(at), None) = (listed.next(), listed.next()) {
            return Some(VectorColumns::List(at));
        }
        for prefix in PREFIXES {
            for gap in ["_", "", "-", "."] {
                let each = numbered(&format!("{prefix}{gap}"), "", names, true);
                let start = each.first().map(|(number, _)| *number);
                let gapless =
                    each.iter().zip(start.unwrap_or(0)..).all(|((number, _), i)| *number == i);
                if each.len() >= 3 && matches!(start, Some(0 | 1)) && gapless {
                    return Some(VectorColumns::Each(each.into_iter().map(|(_, at)| at).collect()));
                }
            }
        }
        None
    }

    /// Whether a column is part of the vector.
    pub(super) fn holds(&self, column: usize) -> bool {
        match self {
            VectorColumns::List(at) => *at == column,
            VectorColumns::Each(each) => each.contains(&column),
        }
    }

    /// In words.
    pub(super) fn describe(&self, names: &[String]) -> String {
        let name = |at: usize| names.get(at).map_or("?", String::as_str);
        match self {
            VectorColumns::List(at) => format!("column '{}'", name(*at)),
            VectorColumns::Each(each) => match each.as_slice() {
                [] => "no column".to_string(),
                [one] => format!("column '{}'", name(*one)),
                [first, .., last] => {
                    format!("{} columns '{}' … '{}'", each.len(), name(*first), name(*last))
                }
            },
        }
    }

    /// Appends the vector of a row to `out` and gives its length; on an error `out` may have grown.
    pub(super) fn read(&self, row: Record<'_>, out: &mut Vec<f32>) -> Result<usize, String> {
        let cell = |at: usize| row.cells.get(at).and_then(Cell::text);
        let name = |at: usize| row.names.get(at).map_or("?", String::as_str);
        match self {
            VectorColumns::List(at) => {
                let text =
                    cell(*at).ok_or_else(|| format!("no vector in column '{}'", name(*at)))?;
                numbers(text, out).map_err(|e| format!("column '{}': {e}", name(*at)))
            }
            VectorColumns::Each(each) => {
                for &at in each {
                    let text =
                        cell(at).ok_or_else(|| format!("no value in column '{}'", name(at)))?;
                    out.push(component(text).map_err(|e| format!("column '{}': {e}", name(at)))?);
                }
                Ok(each.len())
            }
        }
    }
}

/// The columns that a pattern with one `*` matches: in the order of the numbers there if all are numbers, else
/// in the order of the file.
fn matching(pattern: &str, names: &[String]) -> Vec<usize> {
    let (before, after) = pattern.split_once('*').unwrap_or((pattern, ""));
    let by_number = numbered(before, after, names, false);
    let all: Vec<usize> = (0..names.len())
        .filter(|&at| names.get(at).is_some_and(|n| middle(n, before, after).is_some()))
        .collect();
    if by_number.len() == all.len() {
        by_number.into_iter().map(|(_, at)| at).collect()
    } else {
        all
    }
}

/// Columns called BEFORE number AFTER, by their numbers.
fn numbered(before: &str, after: &str, names: &[String], any_case: bool) -> Vec<(u64, usize)> {
    let mut found: Vec<(u64, usize)> = names
        .iter()
        .enumerate()
        .filter_map(|(at, name)| {
            let lower = name.to_lowercase();
            let number = middle(if any_case { &lower } else { name }, before, after)?;
            let digits = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
            Some((if digits { number.parse().ok()? } else { return None }, at))
        })
        .collect();
    found.sort_unstable();
    found
}

fn middle<'a>(name: &'a str, before: &str, after: &str) -> Option<&'a str> {
    name.strip_prefix(before)?.strip_suffix(after)
}

/// Parses "[0.1, 0.2]", "0.1 0.2" and the like; appends the numbers and gives how many there are.
pub(super) fn numbers(text: &str, out: &mut Vec<f32>) -> Result<usize, String> {
    let text = text.trim();
    let inner = match text.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']').ok_or("the list has no end")?,
        None => text,
    };
    let before = out.len();
    for part in inner.split([',', ';', ' ', '\t', '\n', '\r']).filter(|part| !part.is_empty()) {
        out.push(component(part)?);
    }
    match out.len() - before {
        0 => Err("the list is empty".to_string()),
        n => Ok(n),
    }
}

/// One number of a vector.
pub(super) fn component(text: &str) -> Result<f32, String> {
    let shown = || text.chars().take(40).collect::<String>();
    match text.trim().parse::<f32>() {
        Ok(x) if x.is_finite() => Ok(x),
        Ok(x) if x.is_nan() => Err("NaN has no place in a vector".to_string()),
        Ok(_) => Err(format!("'{}' is infinite as a 32-bit number", shown())),
        Err(_) => Err(format!("'{}' is no number", shown())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn names(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_string).collect()
    }

    #[test]
    fn columns_come_in_the_order_of_their_numbers() {
        let n = names("id emb_10 emb_2 emb_1 label");
        let options = ReaderOptions { vector: Some("emb_*".into()), ..ReaderOptions::default() };
        let asked = VectorColumns::asked(&options, &n, Path::new("x.csv")).unwrap();
        assert_eq!(asked, Some(VectorColumns::Each(vec![3, 2, 1])));
        let row = [vec![Some(String::new()); 4]];
        assert_eq!(VectorColumns::guess(&n, &row), None, "1, 2, 10 has gaps");
        assert_eq!(
            VectorColumns::guess(&names("V2 V0 V1 x"), &row),
            Some(VectorColumns::Each(vec![1, 2, 0]))
        );
        let listed = [vec![Some("a".to_string()), Some("[1, 2]".to_string())]];
        assert_eq!(VectorColumns::guess(&names("id y"), &listed), Some(VectorColumns::List(1)));
    }

    #[test]
    fn what_is_no_vector_says_why() {
        let mut out = Vec::new();
        assert_eq!(numbers(" [1, -2.5,3e-2] ", &mut out), Ok(3));
        assert_eq!(numbers("1 2;3", &mut out), Ok(3));
        assert_eq!(out, [1.0, -2.5, 0.03, 1.0, 2.0, 3.0]);
        for (text, said) in [
            ("[1, NaN]", "NaN"),
            ("[1e39]", "infinite"),
            ("[1", "no end"),
            ("[]", "empty"),
            ("[a]", "'a'"),
        ] {
            assert!(numbers(text, &mut Vec::new()).unwrap_err().contains(said), "{text}");
        }
    }

    proptest! {
        #[test]
        fn the_shortest_text_gives_the_bits_back(bits: u32) {
            let x = f32::from_bits(bits);
            let back = component(&x.to_string());
            prop_assert_eq!(back.ok().map(f32::to_bits), x.is_finite().then_some(bits));
        }
    }
}
