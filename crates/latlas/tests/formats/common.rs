//! Spaces to write, and what is asked of those read back.

use std::path::Path;
use std::sync::{Arc, Mutex};

use arrow_array::builder::{ListBuilder, StringBuilder};
use arrow_array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray, TimestampMillisecondArray,
};
use latlas::data::ReaderOptions;
use latlas::geometry::Geometry;
use latlas::items::{Column, ColumnKind, Items};
use latlas::linalg::Matrix;
use latlas::space::Dtype;
use latlas::space::formats::{self, ExportOptions, ImportOptions};
use latlas::{Error, Progress, Run, Space, Step};

/// Keeps what it is told.
#[derive(Default)]
pub(crate) struct Listener(pub(crate) Mutex<Vec<String>>);

impl Progress for Listener {
    fn report(&self, _: &Step) -> std::ops::ControlFlow<()> {
        std::ops::ControlFlow::Continue(())
    }
    fn warn(&self, message: &str) {
        self.0.lock().unwrap().push(message.to_owned());
    }
    fn note(&self, message: &str) {
        self.0.lock().unwrap().push(message.to_owned());
    }
}

pub(crate) fn run() -> Run<'static> {
    Run::silent(1)
}

/// Numbers that lose bits where anything is careless.
pub(crate) const ODD: [f32; 12] = [
    0.0,
    -0.0,
    0.1,
    -1.0 / 3.0,
    f32::MAX,
    f32::MIN,
    f32::MIN_POSITIVE,
    1e-45,
    -1.2e-40,
    7.038531e-26,
    16777217.0,
    1e16,
];

pub(crate) fn matrix(rows: usize, dim: usize) -> Matrix {
    let numbers = (0..rows * dim).map(|i| {
        if i < ODD.len() { ODD[i] } else { (i as f32 * 0.7).sin() * 10f32.powi(i as i32 % 9 - 4) }
    });
    Matrix::new(rows, dim, numbers.collect()).unwrap()
}

pub(crate) fn plain(ids: &[&str], dim: usize) -> Space {
    let items = Items::from_ids(ids).unwrap();
    Space::builder("import", items)
        .field("main", Geometry::Cosine, matrix(ids.len(), dim))
        .build()
        .unwrap()
}

pub(crate) fn column(name: &str, kind: ColumnKind, values: ArrayRef) -> Column {
    Column { name: name.into(), kind, values }
}

/// Every kind of column, with missing values, and ids that need quoting.
#[expect(clippy::too_many_lines, reason = "one literal table")]
pub(crate) fn rich(dtype: Dtype) -> Space {
    let ids =
        ["a,b", "say \"hi\"", "tab\there", "line\nend", "çok güzel", "back\\n", "two  spaces", "7"];
    let mut lists = ListBuilder::new(StringBuilder::new());
    for row in 0..8 {
        if row != 2 {
            (0..row % 3).for_each(|i| lists.values().append_value(format!("t,{i}\"")));
        }
        lists.append(row != 2);
    }
    let lists: arrow_array::ListArray = lists.finish();
    let text = |values: [Option<&str>; 8]| Arc::new(StringArray::from(values.to_vec())) as ArrayRef;
    let items = Items::from_ids(ids)
        .unwrap()
        .with_column(column(
            "title",
            ColumnKind::Text,
            text([
                Some("x, y"),
                Some("\"q\""),
                None,
                Some("l1\nl2"),
                Some("a\\tb"),
                Some("007"),
                Some("ş"),
                Some("=1+1"),
            ]),
        ))
        .unwrap()
        .with_column(column(
            "lang",
            ColumnKind::Category,
            text([
                Some("tr"),
                Some("en"),
                Some("tr"),
                None,
                Some("en"),
                Some("de"),
                Some("fr"),
                Some("it"),
            ]),
        ))
        .unwrap()
        .with_column(column(
            "year",
            ColumnKind::Integer,
            Arc::new(Int64Array::from(vec![
                Some(1999),
                None,
                Some(-3),
                Some(i64::MAX),
                Some(0),
                Some(7),
                Some(8),
                Some(9),
            ])),
        ))
        .unwrap()
        .with_column(column(
            "score",
            ColumnKind::Number,
            Arc::new(Float64Array::from(vec![
                Some(0.1),
                Some(-0.0),
                None,
                Some(1e-300),
                Some(2.0),
                Some(1.0 / 3.0),
                Some(4e5),
                Some(5.5),
            ])),
        ))
        .unwrap()
        .with_column(column(
            "good",
            ColumnKind::Boolean,
            Arc::new(BooleanArray::from(vec![
                Some(true),
                None,
                Some(false),
                Some(true),
                Some(true),
                Some(false),
                Some(true),
                Some(true),
            ])),
        ))
        .unwrap()
        .with_column(column(
            "seen",
            ColumnKind::Time,
            Arc::new(
                TimestampMillisecondArray::from(vec![
                    Some(0),
                    None,
                    Some(1_709_209_815_250),
                    Some(-1),
                    Some(86_400_000),
                    Some(1),
                    Some(2),
                    Some(3),
                ])
                .with_timezone("UTC"),
            ),
        ))
        .unwrap()
        .with_column(column("tags", ColumnKind::List, Arc::new(lists)))
        .unwrap();
    let mut vectors = matrix(8, 5);
    if dtype == Dtype::F16 {
        for (i, x) in vectors.as_mut_slice().iter_mut().enumerate() {
            *x = half::f16::from_f32((i as f32 * 0.3).sin()).to_f32();
        }
        vectors.as_mut_slice()[0] = -0.0;
        vectors.as_mut_slice()[1] = half::f16::from_bits(1).to_f32();
    }
    Space::builder("import", items)
        .dtype(dtype)
        .field("main", Geometry::Euclidean, vectors)
        .build()
        .unwrap()
}

pub(crate) fn ids(space: &Space) -> Vec<String> {
    space.live().map(|row| space.id(row).to_owned()).collect()
}

pub(crate) fn bits(space: &Space, field: &str) -> Vec<u32> {
    let rows: Vec<_> = space.live().collect();
    space.field(field).unwrap().gather(&rows).as_slice().iter().map(|x| x.to_bits()).collect()
}

pub(crate) fn read(path: &Path, options: &ImportOptions) -> Result<Space, Error> {
    formats::read(&[path.display().to_string()], None, options, &run())
}

pub(crate) fn through(
    space: &Space,
    path: &Path,
    export: &ExportOptions,
    import: &ImportOptions,
) -> Space {
    formats::write(space, path, None, export, &run()).unwrap();
    read(path, import).unwrap_or_else(|e| panic!("{}: {e} ({:?})", path.display(), e.way_out()))
}

pub(crate) fn names_of_kinds() -> ImportOptions {
    let types =
        [("title", ColumnKind::Text), ("lang", ColumnKind::Category), ("tags", ColumnKind::List)];
    let reader = ReaderOptions {
        types: types.map(|(n, k)| (n.to_owned(), k)).into(),
        ..ReaderOptions::default()
    };
    ImportOptions { reader, ..ImportOptions::default() }
}
