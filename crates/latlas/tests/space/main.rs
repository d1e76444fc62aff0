//! A space on disk: what is saved is opened, what is changed is changed, and a reader sees one generation whole.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use arrow_array::builder::{ListBuilder, StringBuilder};
use arrow_array::{
    Array, ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray, TimestampMillisecondArray,
};
use latlas::geometry::Geometry;
use latlas::items::{Column, ColumnKind, Items};
use latlas::linalg::Matrix;
use latlas::space::{Dtype, Provenance, SaveOptions};
use latlas::{Kind, Row, Space};
use proptest::prelude::*;
use serde_json::json;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

mod changes;
mod kept;
mod publish;
mod writer;

/// A vector that says whose it is.
fn vector(n: usize) -> [f32; 3] {
    [n as f32, (n as f32).sin(), -1.0 / (n as f32 + 1.0)]
}

fn matrix(numbers: &[usize]) -> Matrix {
    Matrix::new(numbers.len(), 3, numbers.iter().flat_map(|&n| vector(n)).collect()).unwrap()
}

fn column(name: &str, kind: ColumnKind, values: impl Array + 'static) -> Column {
    Column { name: name.into(), kind, values: Arc::new(values) }
}

fn space(numbers: &[usize]) -> Space {
    let counts: Int64Array = numbers.iter().map(|&n| Some(n as i64 * 10)).collect();
    let items = Items::from_ids(numbers.iter().map(|n| format!("w{n}"))).unwrap();
    let items = items.with_column(column("count", ColumnKind::Integer, counts)).unwrap();
    Space::builder("test", items)
        .field("main", Geometry::Cosine, matrix(numbers))
        .provenance(step("learn test"))
        .metric("loss", json!([2.5, 1.25]))
        .build()
        .unwrap()
}

fn step(action: &str) -> Provenance {
    Provenance {
        action: action.into(),
        seed: Some(42),
        version: "0".into(),
        ..Provenance::default()
    }
}

fn numbers_of(space: &Space) -> Vec<usize> {
    space.live().map(|row| space.id(row)[1..].parse().unwrap()).collect()
}

/// Everything a space of `space(..)` says about its items agrees with their numbers.
fn agrees(space: &Space, expected: &[usize]) {
    assert_eq!(numbers_of(space), expected);
    assert_eq!(space.count(), expected.len());
    let main = space.field("main").unwrap();
    let items = space.items(None).unwrap();
    let counts = items
        .column("count")
        .map(|c| c.values.as_any().downcast_ref::<Int64Array>().unwrap().clone());
    let mut found = [0.0; 3];
    for (i, row) in space.live().enumerate() {
        assert_eq!(space.find(space.id(row)).unwrap(), row);
        assert_eq!(items.ids().value(i), space.id(row));
        main.read(row, &mut found);
        assert_eq!(found, vector(expected[i]));
        if let Some(counts) = &counts {
            assert_eq!(counts.value(i), expected[i] as i64 * 10);
        }
    }
}
