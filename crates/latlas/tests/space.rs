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

#[test]
fn all_kinds_of_columns_and_fields_come_back_as_they_were() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("all.space");
    let mut lists = ListBuilder::new(StringBuilder::new());
    lists.values().append_value("x");
    lists.append(true);
    lists.append(false);
    lists.append(true);
    let columns = vec![
        column(
            "title",
            ColumnKind::Text,
            StringArray::from(vec![Some("ein \"Satz\"\n"), None, Some("")]),
        ),
        column("score", ColumnKind::Number, Float64Array::from(vec![Some(0.1), Some(-0.0), None])),
        column(
            "year",
            ColumnKind::Integer,
            Int64Array::from(vec![Some(i64::MIN), None, Some(1999)]),
        ),
        column(
            "open",
            ColumnKind::Boolean,
            BooleanArray::from(vec![None, Some(true), Some(false)]),
        ),
        column("lang", ColumnKind::Category, StringArray::from(vec!["tr", "en", "tr"])),
        column(
            "when",
            ColumnKind::Time,
            TimestampMillisecondArray::from(vec![Some(-1), None, Some(1)]),
        ),
        column("tags", ColumnKind::List, lists.finish()),
    ];
    let items = Items::from_ids(["a", "", "日本"]).unwrap();
    let items = columns.iter().cloned().fold(items, |items, c| items.with_column(c).unwrap());
    let built = Space::builder("import", items)
        .field(
            "output",
            Geometry::Euclidean,
            Matrix::new(3, 1, vec![1.5, f32::MIN_POSITIVE, -0.0]).unwrap(),
        )
        .field("main", Geometry::Cosine, matrix(&[1, 2, 3]))
        .run_fact("host", json!("here"))
        .build()
        .unwrap();
    built.save(&path).unwrap();
    for opened in [Space::open(&path).unwrap(), Space::open_owned(&path).unwrap()] {
        assert_eq!((opened.kind(), opened.generation(), opened.rows()), ("import", 1, 3));
        assert_eq!(
            opened.fields().iter().map(|f| f.name.as_str()).collect::<Vec<_>>(),
            ["main", "output"]
        );
        assert_eq!(opened.run_facts()["host"], "here");
        let found = opened.items(None).unwrap();
        assert_eq!(found.ids().iter().flatten().collect::<Vec<_>>(), ["a", "", "日本"]);
        assert_eq!(found.columns().len(), columns.len());
        for (found, put) in found.columns().iter().zip(&columns) {
            assert_eq!(
                (&found.name, found.kind, &found.values),
                (&put.name, put.kind, &put.values)
            );
        }
        let some = opened.items(Some(&["lang", "title"])).unwrap();
        assert_eq!(
            some.columns().iter().map(|c| c.name.as_str()).collect::<Vec<_>>(),
            ["lang", "title"]
        );
        let gathered = opened.field("output").unwrap().gather(&[Row(2), Row(0)]);
        assert_eq!(
            gathered.as_slice().iter().map(|x| x.to_bits()).collect::<Vec<_>>(),
            [(-0.0_f32).to_bits(), 1.5_f32.to_bits()]
        );
        assert_eq!(opened.find("日本").unwrap(), Row(2));
        let error = opened.items(Some(&["titel"])).unwrap_err();
        assert_eq!((error.kind(), error.way_out()), (Kind::Usage, Some("did you mean 'title'?")));
        assert_eq!(opened.field("mu").unwrap_err().way_out(), Some("this space has: main, output"));
    }
}

#[test]
fn a_space_may_be_empty() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("none.space");
    space(&[]).save(&path).unwrap();
    agrees(&Space::open(&path).unwrap(), &[]);
    let mut edit = Space::edit(&path).unwrap();
    edit.append(&space(&[5, 6])).unwrap();
    edit.delete(&[Row(0), Row(1)]).unwrap();
    edit.compact().unwrap();
    agrees(&edit.publish(step("there and back")).unwrap(), &[]);
    assert!(latlas::space::check(&path, false).unwrap().is_sound());
}

#[test]
fn half_floats_keep_eleven_bits() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("half.space");
    let values = vec![1.0, 0.1, -65504.0, 6e-8];
    let items = || Items::from_ids(["a", "b"]).unwrap();
    let built = |values: Vec<f32>| {
        Space::builder("t", items())
            .dtype(Dtype::F16)
            .field("main", Geometry::Euclidean, Matrix::new(2, 2, values).unwrap())
            .build()
    };
    built(values.clone()).unwrap().save(&path).unwrap();
    let found = Space::open(&path).unwrap().field("main").unwrap().gather(&[Row(0), Row(1)]);
    for (found, put) in found.as_slice().iter().zip(&values) {
        assert!((found - put).abs() <= put.abs() / 2048.0 + 3e-8, "{put} became {found}");
    }
    let error = built(vec![0.0, 0.0, 0.0, 1e5]).unwrap_err();
    assert_eq!(error.message(), "field 'main', row 2 ('b'), column 2: 1e5 is too large for <f2");
}

#[test]
fn numbers_that_misbehave_are_refused_by_row_and_column() {
    for (bad, says) in [(f32::NAN, "is NaN"), (f32::NEG_INFINITY, "is infinite")] {
        let mut vectors = matrix(&[1, 2]);
        vectors.row_mut(1)[2] = bad;
        let error = Space::builder("t", Items::from_ids(["a", "b"]).unwrap())
            .field("main", Geometry::Cosine, vectors)
            .build();
        let error = error.unwrap_err();
        assert_eq!(error.message(), format!("field 'main', row 2 ('b'), column 3 {says}"));
        assert_eq!(error.kind(), Kind::Data);
    }
    let build = |fields: &[(&str, usize)]| {
        let builder = Space::builder("t", Items::from_ids(["a", "b"]).unwrap());
        let field = |b: latlas::space::SpaceBuilder, &(name, rows): &(&str, usize)| {
            b.field(name, Geometry::Cosine, Matrix::zeros(rows, 3))
        };
        fields.iter().fold(builder, field).build().map(drop).map_err(|e| e.message().to_owned())
    };
    assert_eq!(build(&[("main", 2), ("output", 2)]), Ok(()));
    assert_eq!(build(&[("output", 2)]), Err("a space needs a vector field called 'main'".into()));
    assert_eq!(build(&[("main", 3)]), Err("field 'main' has 3 vectors for 2 items".into()));
    assert_eq!(
        build(&[("main", 2), ("a/b", 2)]),
        Err("'a/b' is no name for a vector field".into())
    );
    assert_eq!(build(&[("main", 2), ("main", 2)]), Err("vector field 'main' stands twice".into()));
}

#[test]
fn the_same_space_gives_the_same_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let [one, two] = ["one.space", "two.space"].map(|name| dir.path().join(name));
    let numbers: Vec<usize> = (0..500).collect();
    space(&numbers).save(&one).unwrap();
    space(&numbers).save(&two).unwrap();
    let content = |dir: &Path| -> BTreeMap<String, Vec<u8>> {
        let files = std::fs::read_dir(dir).unwrap().map(|e| e.unwrap());
        let files = files.filter(|e| e.file_name() != ".lock");
        files
            .map(|e| (e.file_name().into_string().unwrap(), std::fs::read(e.path()).unwrap()))
            .collect()
    };
    assert_eq!(
        content(&one).keys().collect::<Vec<_>>(),
        ["README.txt", "ids-0001.idx", "items-0001.parquet", "main-0001.npy", "space.json"]
    );
    assert!(content(&one) == content(&two));
    // Opened and saved elsewhere it is the same again.
    let three = dir.path().join("three.space");
    Space::open(&one).unwrap().save(&three).unwrap();
    assert!(content(&one) == content(&three));
}

#[test]
fn a_portable_space_names_no_host_and_no_place() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("p.space");
    let mut how = step("learn");
    how.sources = vec![json!({"path": "/home/someone/texts/en.txt", "bytes": 3})];
    how.options.insert("input".into(), json!(["C:\\texts\\en.txt", "rel/en.txt"]));
    let built = Space::builder("t", Items::from_ids(["a"]).unwrap())
        .field("main", Geometry::Cosine, matrix(&[1]))
        .provenance(how)
        .run_fact("host", json!("secret-host"))
        .build()
        .unwrap();
    built.save_with(&path, &SaveOptions { portable: true }).unwrap();
    let text = std::fs::read_to_string(path.join("space.json")).unwrap();
    assert!(
        !text.contains("someone") && !text.contains("secret-host") && !text.contains("C:"),
        "{text}"
    );
    assert_eq!(Space::open(&path).unwrap().provenance()[0].sources[0]["path"], "en.txt");
}

#[test]
fn an_existing_space_is_replaced_as_its_next_generation_and_nothing_else_is() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("en.space");
    space(&[1, 2, 3]).save(&path).unwrap();
    let before = Space::open(&path).unwrap();
    space(&[7, 8]).save(&path).unwrap();
    let after = Space::open(&path).unwrap();
    assert_eq!(after.generation(), 2);
    agrees(&after, &[7, 8]);
    agrees(&before, &[1, 2, 3]); // its files are gone from the folder, not from under the reader
    assert!(!path.join("main-0001.npy").exists() && path.join("main-0002.npy").exists());

    let refused = |name: &str, make: &dyn Fn(&Path), says: &str, kind: Kind| {
        let path = dir.path().join(name);
        make(&path);
        let error = space(&[1]).save(&path).unwrap_err();
        assert!(error.message().contains(says), "{error}");
        assert_eq!(error.kind(), kind);
    };
    refused("file", &|p| std::fs::write(p, "mine").unwrap(), "is a file", Kind::Usage);
    assert_eq!(std::fs::read(dir.path().join("file")).unwrap(), b"mine");
    let folder = |p: &Path| {
        std::fs::create_dir(p).unwrap();
        std::fs::write(p.join("letter.txt"), "mine").unwrap();
    };
    refused("folder", &folder, "holds something else", Kind::Usage);
    refused("no/such", &|_| {}, "cannot write", Kind::Io);
    refused(
        "x",
        &|p| folder(&p.with_file_name("x.tmp")),
        "is in the way: it holds letter.txt",
        Kind::Io,
    );
    space(&[4])
        .save(&{
            let empty = dir.path().join("empty");
            std::fs::create_dir(&empty).unwrap();
            empty
        })
        .unwrap();
    agrees(&Space::open(&dir.path().join("empty")).unwrap(), &[4]);
}

#[test]
fn what_is_no_space_is_said_to_be_none() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a.txt");
    std::fs::write(&file, "text").unwrap();
    let says = |path: &Path| {
        let error = Space::open(path).unwrap_err();
        (error.kind(), error.message().replace(&*dir.path().to_string_lossy(), "D"))
    };
    assert_eq!(says(&file), (Kind::Data, "D/a.txt is a file, not a space".into()));
    assert_eq!(
        says(dir.path()),
        (Kind::Data, "D is a folder without a space.json, not a space".into())
    );
    assert_eq!(
        says(&dir.path().join("b")),
        (Kind::Io, "cannot open D/b: no such file or directory".into())
    );
    assert_eq!(Space::edit(dir.path()).unwrap_err().kind(), Kind::Data);
    assert!(!dir.path().join(".lock").exists(), "a folder that is no space gets no lock file");
}

#[test]
fn the_second_writer_is_refused_and_readers_are_not() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("en.space");
    space(&[1, 2]).save(&path).unwrap();
    let first = Space::edit(&path).unwrap();
    let second = Space::edit(&path).unwrap_err();
    assert_eq!(second.kind(), Kind::Io);
    assert!(
        second.message().contains(&format!("is being written by process {}", std::process::id())),
        "{second}"
    );
    assert_eq!(space(&[3]).save(&path).unwrap_err().message(), second.message());
    agrees(&Space::open(&path).unwrap(), &[1, 2]);
    drop(first);
    Space::edit(&path).unwrap().publish(step("nothing")).unwrap();
}

#[test]
fn maps_are_kept_by_id_and_stale_ones_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("en.space");
    space(&[1, 2, 3]).save(&path).unwrap();
    let layout = |ids: &[&str]| {
        let numbers = |sign: f64| -> Float64Array {
            ids.iter().map(|id| Some(sign * id[1..].parse::<f64>().unwrap())).collect()
        };
        let items = Items::from_ids(ids)
            .unwrap()
            .with_column(column("x", ColumnKind::Number, numbers(1.0)))
            .unwrap();
        items.with_column(column("y", ColumnKind::Number, numbers(-1.0))).unwrap()
    };
    let xs = |space: &Space| -> Vec<f64> {
        let (about, table) = space.map(Some("pca")).unwrap();
        assert_eq!(about.about["method"], "pca");
        table
            .column("x")
            .unwrap()
            .values
            .as_any()
            .downcast_ref::<Float64Array>()
            .unwrap()
            .values()
            .to_vec()
    };
    let error = Space::open(&path).unwrap().map(None).unwrap_err();
    assert_eq!(
        (error.kind(), error.way_out().unwrap().starts_with("make one: latlas map")),
        (Kind::Nothing, true)
    );

    let mut edit = Space::edit(&path).unwrap();
    assert!(
        edit.set_map("pca", &layout(&["w1", "w2"]), json!({}))
            .unwrap_err()
            .message()
            .contains("does not place item 'w3'")
    );
    assert!(
        edit.set_map("pca", &layout(&["w1", "w2", "w3", "w4"]), json!({}))
            .unwrap_err()
            .message()
            .contains("places 4 items")
    );
    assert_eq!(edit.set_map("../x", &layout(&["w1"]), json!({})).unwrap_err().kind(), Kind::Usage);
    edit.set_map("pca", &layout(&["w3", "w1", "w2"]), json!({"method": "pca"})).unwrap();
    let mapped = edit.publish(step("map")).unwrap();
    assert_eq!(xs(&mapped), [1.0, 2.0, 3.0]);

    // A column changes no row, and compacting moves rows but not items: the map stays.
    let mut edit = Space::edit(&path).unwrap();
    edit.set_columns(vec![column(
        "new",
        ColumnKind::Category,
        StringArray::from(vec!["a", "b", "c"]),
    )])
    .unwrap();
    edit.compact().unwrap();
    let compacted = edit.publish(step("columns")).unwrap();
    assert_eq!(xs(&compacted), [1.0, 2.0, 3.0]);
    // A copy takes its map along.
    compacted.save(&dir.path().join("copy.space")).unwrap();
    assert_eq!(xs(&Space::open(&dir.path().join("copy.space")).unwrap()), [1.0, 2.0, 3.0]);

    let mut edit = Space::edit(&path).unwrap();
    edit.delete(&[Row(0)]).unwrap();
    let error = edit.space().map(Some("pca")).unwrap_err();
    assert!(error.message().contains("was built before items were added or deleted"), "{error}");
    assert!(error.way_out().unwrap().contains("latlas map"));
    // Built within the edit it is fresh, until rows change again.
    edit.set_map("pca", &layout(&["w2", "w3"]), json!({"method": "pca"})).unwrap();
    assert_eq!(xs(edit.space()), [2.0, 3.0]);
    edit.append(&space(&[9])).unwrap();
    assert!(edit.space().map(Some("pca")).is_err());
    let published = edit.publish(step("edit")).unwrap();
    assert!(published.map(None).is_err());
    assert_eq!(published.map(Some("tsne")).unwrap_err().way_out(), Some("it has: pca"));
}

#[test]
fn new_items_must_fit() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("en.space");
    space(&[1, 2]).save(&path).unwrap();
    let mut edit = Space::edit(&path).unwrap();
    assert!(edit.append(&space(&[5, 2])).unwrap_err().message().starts_with("id 'w2' is in "));
    let other = |dim: usize, kind: ColumnKind, values: ArrayRef| {
        let items = Items::from_ids(["n"])
            .unwrap()
            .with_column(Column { name: "count".into(), kind, values })
            .unwrap();
        Space::builder("t", items)
            .field("main", Geometry::Cosine, Matrix::zeros(1, dim))
            .build()
            .unwrap()
    };
    let text: ArrayRef = Arc::new(StringArray::from(vec!["many"]));
    let error = edit.append(&other(3, ColumnKind::Text, text)).unwrap_err();
    assert_eq!(error.message(), "column 'count' is integer here, but text in the new items");
    let error = edit
        .append(&other(4, ColumnKind::Integer, Arc::new(Int64Array::from(vec![1]))))
        .unwrap_err();
    assert!(error.message().contains("has dimension 4"), "{error}");
    assert!(edit.delete(&[Row(2)]).is_err());
    drop(edit);
    agrees(&Space::open(&path).unwrap(), &[1, 2]);
}

#[test]
fn unknown_ids_get_the_closest_spellings() {
    let ids = ["king", "King", "kings", "ring", "queen", "café", "new_york", "zzzzzz"];
    let items = Items::from_ids(ids).unwrap();
    let built = Space::builder("t", items)
        .field("main", Geometry::Cosine, Matrix::zeros(ids.len(), 1))
        .build()
        .unwrap();
    assert_eq!(built.similar_ids("KING", 3), ["king", "King", "kings"]);
    assert_eq!(built.similar_ids("cafe", 3), ["café"]);
    assert_eq!(built.similar_ids("New York", 3), ["new_york"]);
    assert_eq!(built.similar_ids("quene", 3), ["queen"]);
    assert_eq!(built.similar_ids("xylophone", 3), [""; 0]);
    let error = built.find("Queen").unwrap_err();
    assert_eq!((error.kind(), error.message()), (Kind::Nothing, "'Queen' is not in this space"));
    assert_eq!(error.way_out(), Some("did you mean 'queen'?"));
}

#[test]
fn of_writers_that_race_for_a_new_space_each_wins_or_is_told() {
    let dir = tempfile::tempdir().unwrap();
    for round in 0..10 {
        let path = dir.path().join(format!("{round}.space"));
        let start = std::sync::Barrier::new(4);
        let won: usize = std::thread::scope(|scope| {
            let writer = |n: usize| {
                let (path, start) = (&path, &start);
                scope.spawn(move || {
                    let mine = space(&[n, n + 10]);
                    start.wait();
                    match mine.save(path) {
                        Ok(()) => 1,
                        Err(error) => {
                            assert!(error.message().contains("is being written by"), "{error}");
                            0
                        }
                    }
                })
            };
            let writers: Vec<_> = (0..4).map(writer).collect();
            writers.into_iter().map(|w| w.join().unwrap()).sum()
        });
        let saved = Space::open(&path).unwrap();
        assert_eq!((saved.generation(), won > 0), (won as u64, true));
        let first = numbers_of(&saved)[0];
        agrees(&saved, &[first, first + 10]);
        assert!(latlas::space::check(&path, false).unwrap().leftovers.is_empty());
    }
}

#[derive(Debug, Clone)]
enum Change {
    Append(usize),
    Delete(Vec<usize>),
    Columns,
    Compact,
    Publish,
    Abandon,
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        3 => (0..5_usize).prop_map(Change::Append),
        3 => prop::collection::vec(0..40_usize, 0..4).prop_map(Change::Delete),
        1 => Just(Change::Columns),
        1 => Just(Change::Compact),
        3 => Just(Change::Publish),
        1 => Just(Change::Abandon),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Any series of changes gives what the same changes give on a plain list.
    #[test]
    fn edits_do_what_they_say(changes in prop::collection::vec(change(), 1..14)) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("en.space");
        let mut published: Vec<usize> = (0..4).collect();
        space(&published).save(&path).unwrap();
        let (mut next, mut model) = (4, published.clone());
        let mut edit = Some(Space::edit(&path).unwrap());
        for change in changes.into_iter().chain([Change::Publish]) {
            let current = edit.as_mut().unwrap();
            match change {
                Change::Append(n) => {
                    let new: Vec<usize> = (next..next + n).collect();
                    current.append(&space(&new)).unwrap();
                    model.extend(new);
                    next += n;
                }
                Change::Delete(which) => {
                    let gone: Vec<usize> = which.iter().filter_map(|&i| model.get(i).copied()).collect();
                    let rows: Vec<Row> = gone.iter().map(|n| current.space().find(&format!("w{n}")).unwrap()).collect();
                    current.delete(&rows).unwrap();
                    model.retain(|n| !gone.contains(n));
                }
                Change::Columns => {
                    let negative: Int64Array = model.iter().map(|&n| Some(-(n as i64))).collect();
                    current.set_columns(vec![column("negative", ColumnKind::Integer, negative)]).unwrap();
                    let found = current.space().items(Some(&["negative"])).unwrap();
                    let found = found.columns()[0].values.as_any().downcast_ref::<Int64Array>().unwrap();
                    prop_assert_eq!(found.values().to_vec(), model.iter().map(|&n| -(n as i64)).collect::<Vec<_>>());
                }
                Change::Compact => {
                    current.compact().unwrap();
                    prop_assert_eq!((current.space().rows(), current.space().segments()), (model.len(), 1));
                }
                Change::Publish => {
                    edit.take().unwrap().publish(step("change")).unwrap();
                    published.clone_from(&model);
                    edit = Some(Space::edit(&path).unwrap());
                }
                Change::Abandon => {
                    drop(edit.take());
                    model.clone_from(&published);
                    edit = Some(Space::edit(&path).unwrap());
                }
            }
            agrees(edit.as_ref().unwrap().space(), &model);
            agrees(&Space::open(&path).unwrap(), &published);
        }
        drop(edit);
        let report = latlas::space::check(&path, false).unwrap();
        prop_assert!(report.is_sound() && report.leftovers.is_empty(), "{:?}", report);
    }
}

#[test]
fn a_reader_sees_one_generation_whole_while_a_writer_publishes() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("en.space");
    space(&[0]).save(&path).unwrap();
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut seen = std::collections::BTreeSet::new();
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                let space = Space::open(&path).unwrap();
                let generation = space.generation() as usize;
                agrees(&space, &(generation - 1..2 * generation - 1).collect::<Vec<_>>());
                seen.insert(generation);
            }
            seen.len()
        });
        for generation in 1..=30 {
            // generation g holds g-1 .. 2g-1
            let mut edit = Space::edit(&path).unwrap();
            edit.append(&space(&[2 * generation - 1, 2 * generation])).unwrap();
            let oldest = edit.space().find(&format!("w{}", generation - 1)).unwrap();
            edit.delete(&[oldest]).unwrap();
            if generation % 7 == 0 {
                edit.compact().unwrap();
            }
            edit.publish(step("turn")).unwrap();
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(reader.join().unwrap() >= 1);
    });
}

/// Opening must not read what grows with the number of items: of 100 million rows × 100 (sparse files of 40 GB), it
/// may touch a few pages.
#[cfg(target_os = "linux")]
#[test]
fn opening_takes_no_longer_for_more_vectors() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("huge.space");
    let items = Items::from_ids(["a"]).unwrap();
    let small = Space::builder("t", items)
        .field("main", Geometry::Cosine, Matrix::zeros(1, 100))
        .build()
        .unwrap();
    small.save(&path).unwrap();

    let rows = 100_000_000_u64;
    let sparse = |name: &str, head: &[u8], len: u64, tail: &[u8]| {
        use std::os::unix::fs::FileExt;
        let file = std::fs::File::create(path.join(name)).unwrap();
        file.set_len(len).unwrap();
        file.write_all_at(head, 0).unwrap();
        file.write_all_at(tail, len - tail.len() as u64).unwrap();
        len
    };
    let header = latlas::space::npy::header(Dtype::F32, rows as usize, 100);
    let main = sparse("main-0001.npy", &header, header.len() as u64 + rows * 400, &[]);
    let (text, slots) = (rows * 6, rows + rows / 2 + 1);
    let mut head = b"latlasID".to_vec();
    for number in [1, rows, text, slots] {
        head.extend_from_slice(&number.to_le_bytes());
    }
    let ids = sparse("ids-0001.idx", &head, 64 + (rows + 1) * 8 + slots * 4 + text, &[]);
    let table = sparse("items-0001.parquet", b"PAR1", 3_000_000_000, b"PAR1");
    let mut manifest =
        latlas::space::manifest::parse(&std::fs::read(path.join("space.json")).unwrap()).unwrap();
    manifest.count = rows;
    let segment = &mut manifest.segments[0];
    segment.rows = rows;
    (segment.ids.bytes, segment.items.bytes, segment.fields.get_mut("main").unwrap().bytes) =
        (ids, table, main);
    std::fs::write(path.join("space.json"), manifest.to_bytes().unwrap()).unwrap();

    let faults = || -> u64 {
        let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
        stat.rsplit(')').next().unwrap().split_whitespace().nth(7).unwrap().parse().unwrap() // minor faults
    };
    let before = faults();
    let opened = Space::open(&path).unwrap();
    let touched = faults() - before;
    assert_eq!((opened.rows() as u64, opened.count() as u64), (rows, rows));
    assert!(touched < 200, "{touched} pages were touched to open {} bytes", opened.bytes());
    let mut last = [1.0; 100];
    opened.field("main").unwrap().read(Row(rows as u32 - 1), &mut last);
    assert_eq!(last, [0.0; 100]);
}
