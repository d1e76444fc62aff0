//! Maps as they are drawn: where each item of the space lies, in the order of the items.

use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{Array, UInt32Array};
use axum::body::Bytes;
use latlas::items::{Column, Items};
use latlas::space::MapAbout;
use latlas::{Error, Result, Row, Space};

/// The items of a space by their place: the k-th live item has place k.
pub(crate) struct Places {
    /// The row of each place; the same where `None`.
    rows: Option<Vec<Row>>,
    count: usize,
}

impl Places {
    pub(crate) fn of(space: &Space) -> Self {
        let same = space.count() == space.rows();
        Places { rows: (!same).then(|| space.live().collect()), count: space.count() }
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// The row of a place.
    pub(crate) fn row(&self, place: usize) -> Option<Row> {
        match &self.rows {
            None => (place < self.count).then_some(Row(place as u32)),
            Some(rows) => rows.get(place).copied(),
        }
    }

    /// The place of a live row.
    pub(crate) fn place(&self, row: Row) -> Option<usize> {
        match &self.rows {
            None => (row.index() < self.count).then_some(row.index()),
            Some(rows) => rows.binary_search(&row).ok(),
        }
    }
}

/// A map as it is drawn.
pub(crate) struct Drawn {
    /// Positions by place; NaN where an item is on no map.
    pub(crate) x: Vec<f32>,
    pub(crate) y: Vec<f32>,
    /// What describes each item beside its position, in the order of the map.
    table: Items,
    /// Where each place stands in the map.
    at: UInt32Array,
    /// The answer that says all this.
    pub(crate) bytes: Bytes,
}

/// A map, its table, and where each live item stands in it.
pub(crate) fn placed(space: &Space, map: &str) -> Result<(MapAbout, Items, UInt32Array)> {
    let (about, table) = space.earlier_map(Some(map))?;
    let fresh = space.is_fresh(&about);
    if fresh && table.len() == space.count() {
        let at = UInt32Array::from_iter_values(0..table.len() as u32);
        return Ok((about, table, at));
    }
    let place: std::collections::HashMap<&str, u32> =
        table.ids().iter().flatten().zip(0..).collect();
    // What came again under an old id is another item.
    let at = |row| place.get(space.id(row)).copied().filter(|_| fresh || !space.came_again(row));
    let at: UInt32Array = space.live().map(at).collect();
    drop(place);
    Ok((about, table, at))
}

impl Drawn {
    pub(crate) fn new(space: &Space, map: &str) -> Result<Self> {
        let (_, table, at) = placed(space, map)?;
        let axis = |name: &str| -> Result<Vec<f32>> {
            let column =
                table.column(name).and_then(|c| c.values.as_primitive_opt::<Float64Type>());
            let column = column
                .ok_or_else(|| Error::data(format!("map '{map}' has no numbers called {name}")))?;
            let value = |place: Option<u32>| match place.map(|place| place as usize) {
                Some(place) if column.is_valid(place) => column.value(place) as f32,
                _ => f32::NAN,
            };
            Ok(at.iter().map(value).collect())
        };
        let (x, y) = (axis("x")?, axis("y")?);
        let bytes = geometry(&x, &y).into();
        Ok(Drawn { x, y, table, at, bytes })
    }

    /// A column of the map, by place.
    pub(crate) fn column(&self, name: &str) -> Result<Option<Column>> {
        let Some(column) = self.table.column(name) else { return Ok(None) };
        let values = arrow_select::take::take(&column.values, &self.at, None)
            .map_err(|e| Error::data(e.to_string()))?;
        Ok(Some(Column { values, ..column.clone() }))
    }

    /// The columns of the map beside positions.
    pub(crate) fn columns(&self) -> impl Iterator<Item = &Column> {
        let columns = self.table.columns().iter();
        columns.filter(|c| !matches!(c.name.as_str(), "x" | "y" | "z" | "placed"))
    }
}

/// What geometry begins with.
const MAGIC: [u8; 4] = *b"LTLG";
const VERSION: u32 = 1;
/// What stands for no position; others are 0 to one below it.
const NOWHERE: u16 = u16::MAX;

/// Positions in 16 bits each: magic, version, count, 0, the ends of x and of y (as far apart), all x, all y.
fn geometry(x: &[f32], y: &[f32]) -> Vec<u8> {
    let ends = |of: &[f32]| {
        let finite = || of.iter().copied().filter(|v| v.is_finite());
        let (low, high) =
            (finite().fold(f32::INFINITY, f32::min), finite().fold(f32::NEG_INFINITY, f32::max));
        if low <= high { (low, high) } else { (0.0, 0.0) }
    };
    // One scale for both axes: distances look as they are.
    let ends = [ends(x), ends(y)];
    let width = ends.iter().map(|(low, high)| high - low).fold(0.0, f32::max);
    let ends = ends.map(|(low, _)| (low, low + width));
    let mut out = Vec::with_capacity(32 + 4 * x.len());
    out.extend(MAGIC);
    for number in [VERSION, x.len() as u32, 0] {
        out.extend(number.to_le_bytes());
    }
    for number in [ends[0].0, ends[0].1, ends[1].0, ends[1].1] {
        out.extend(number.to_le_bytes());
    }
    for (axis, (low, high)) in [x, y].into_iter().zip(ends) {
        // In f64: the ends of a map may be farther apart than an f32 can say.
        let (low, width) = (f64::from(low), f64::from(high) - f64::from(low));
        let scale = if width > 0.0 { f64::from(NOWHERE - 1) / width } else { 0.0 };
        for (i, &v) in axis.iter().enumerate() {
            let code = if x[i].is_finite() && y[i].is_finite() {
                ((f64::from(v) - low) * scale).round() as u16
            } else {
                NOWHERE
            };
            out.extend(code.to_le_bytes());
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_come_back_to_a_65534th() {
        let x = [0.0, -3.5, f32::NAN, 10.0, 2.25];
        let y = [1.0, 1.0, 1.0, 1.0, f32::INFINITY];
        let bytes = geometry(&x, &y);
        assert_eq!(bytes.len(), 32 + 4 * 5);
        assert_eq!(&bytes[..4], b"LTLG");
        let codes: Vec<u16> =
            bytes[32..].chunks(2).map(|b| u16::from_le_bytes([b[0], b[1]])).collect();
        assert_eq!(codes[2], NOWHERE);
        assert_eq!((codes[4], codes[9]), (NOWHERE, NOWHERE), "both axes say so");
        for i in [0, 1, 3] {
            let back = -3.5 + f32::from(codes[i]) / 65534.0 * 13.5;
            assert!((back - x[i]).abs() <= 13.5 / 65534.0, "{i}: {back}");
            assert_eq!(codes[5 + i], 0);
        }
    }

    #[test]
    fn a_map_without_positions_is_drawn_empty() {
        let bytes = geometry(&[f32::NAN; 3], &[f32::NAN; 3]);
        assert!(bytes[32..].iter().all(|&byte| byte == 255));
        assert_eq!(geometry(&[], &[]).len(), 32);
    }
}
