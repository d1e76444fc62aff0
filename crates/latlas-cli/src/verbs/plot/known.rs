//! What a column says of the points of a map: numbers, or names.

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMillisecondType;
use latlas::items::{Column, ColumnKind, Items};
use latlas::plot::NO_CATEGORY;
use latlas::space::Space;
use latlas::{Error, Result};

use crate::values;

/// What is not a column, but asked for like one.
pub(super) const FAITHFULNESS: &str = "faithfulness";

/// One value a point.
pub(super) enum Known {
    /// NaN where there is none.
    Numbers { of: Vec<f64>, whole: bool },
    /// The names, and which of them each point has; [`NO_CATEGORY`] where there is none.
    Names { names: Vec<String>, of: Vec<u32> },
}

impl Known {
    /// The values of a column, or of the map's faithfulness, in the order of the map's points; `flag` asked for them.
    pub(super) fn new(
        flag: &str,
        name: &str,
        space: &Space,
        (table, items): (&Items, &Items),
        place: &[usize],
    ) -> Result<Self> {
        if name == FAITHFULNESS {
            let kept =
                table.column("neighbours_kept").and_then(values::numbers).ok_or_else(|| {
                    Error::nothing("this map does not say how faithful its points are")
                        .help("make it anew: latlas map SPACE")
                })?;
            return Ok(Known::Numbers { of: kept, whole: false });
        }
        let column = items
            .column(name)
            .ok_or_else(|| Error::usage(format!("{flag} {name}: there is no such column")))?;
        let known = Known::read(flag, column, place)?;
        if known.is_empty() {
            return Err(Error::nothing(format!(
                "{flag} {name}: this column has no values on this map"
            ))
            .help(others(space, name)));
        }
        Ok(known)
    }

    fn read(flag: &str, column: &Column, place: &[usize]) -> Result<Self> {
        let at_points = |all: Vec<f64>| place.iter().map(|&at| all[at]).collect();
        if column.kind == ColumnKind::List {
            return Err(Error::usage(format!("{flag} {}: this column holds lists", column.name))
                .help("a column of one value an item: text, category, number or time"));
        }
        if let Some(years) = years(column) {
            return Ok(Known::Numbers { of: at_points(years), whole: false });
        }
        if values::measures(column)
            && let Some(all) = values::numbers(column)
        {
            let whole = column.kind == ColumnKind::Integer;
            return Ok(Known::Numbers { of: at_points(all), whole });
        }
        let (names, all) = values::categories(column, NO_CATEGORY);
        Ok(Known::Names { names, of: place.iter().map(|&at| all[at]).collect() })
    }

    fn is_empty(&self) -> bool {
        match self {
            Known::Numbers { of, .. } => of.iter().all(|v| v.is_nan()),
            Known::Names { of, .. } => of.iter().all(|&name| name == NO_CATEGORY),
        }
    }
}

/// Moments as years and parts of years, NaN where missing.
fn years(column: &Column) -> Option<Vec<f64>> {
    const YEAR: f64 = 365.2425 * 86_400_000.0;
    let times = column.values.as_primitive_opt::<TimestampMillisecondType>()?;
    let year = |(at, &millis): (usize, &i64)| {
        if times.is_null(at) { f64::NAN } else { 1970.0 + millis as f64 / YEAR }
    };
    Some(times.values().iter().enumerate().map(year).collect())
}

/// The other columns, for a way out.
fn others(space: &Space, name: &str) -> String {
    let others: Vec<&str> = space
        .columns()
        .iter()
        .map(|(other, _)| other.as_str())
        .filter(|other| *other != name)
        .take(8)
        .collect();
    if others.is_empty() {
        "join others: latlas columns SPACE --join labels.csv --on id".to_owned()
    } else {
        format!("other columns: {}", others.join(", "))
    }
}
