//! Foreign formats: what goes out comes back, bit by bit; what is broken is named; what is killed leaves no half.

#![expect(clippy::unwrap_used, reason = "tests may: what is missing fails them")]

use std::io::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex};

use arrow_array::builder::{ListBuilder, StringBuilder};
use arrow_array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray, TimestampMillisecondArray,
};
use latlas::data::ReaderOptions;
use latlas::file::fault::{Fault, arm, disarm};
use latlas::geometry::Geometry;
use latlas::items::{Column, ColumnKind, Items};
use latlas::linalg::Matrix;
use latlas::space::Dtype;
use latlas::space::formats::{self, ExportOptions, Format, ImportOptions, OnDuplicate};
use latlas::{Error, Kind, Progress, Run, Space, Step};
use proptest::prelude::*;

/// Keeps what it is told.
#[derive(Default)]
struct Listener(Mutex<Vec<String>>);

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

fn run() -> Run<'static> {
    Run::silent(1)
}

/// Numbers that lose bits where anything is careless.
const ODD: [f32; 12] = [
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

fn matrix(rows: usize, dim: usize) -> Matrix {
    let numbers = (0..rows * dim).map(|i| {
        if i < ODD.len() { ODD[i] } else { (i as f32 * 0.7).sin() * 10f32.powi(i as i32 % 9 - 4) }
    });
    Matrix::new(rows, dim, numbers.collect()).unwrap()
}

fn plain(ids: &[&str], dim: usize) -> Space {
    let items = Items::from_ids(ids).unwrap();
    Space::builder("import", items)
        .field("main", Geometry::Cosine, matrix(ids.len(), dim))
        .build()
        .unwrap()
}

fn column(name: &str, kind: ColumnKind, values: ArrayRef) -> Column {
    Column { name: name.into(), kind, values }
}

/// Every kind of column, with missing values, and ids that need quoting.
#[expect(clippy::too_many_lines, reason = "one literal table")]
fn rich(dtype: Dtype) -> Space {
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

fn ids(space: &Space) -> Vec<String> {
    space.live().map(|row| space.id(row).to_owned()).collect()
}

fn bits(space: &Space, field: &str) -> Vec<u32> {
    let rows: Vec<_> = space.live().collect();
    space.field(field).unwrap().gather(&rows).as_slice().iter().map(|x| x.to_bits()).collect()
}

fn read(path: &Path, options: &ImportOptions) -> Result<Space, Error> {
    formats::read(&[path.display().to_string()], None, options, &run())
}

fn through(space: &Space, path: &Path, export: &ExportOptions, import: &ImportOptions) -> Space {
    formats::write(space, path, None, export, &run()).unwrap();
    read(path, import).unwrap_or_else(|e| panic!("{}: {e} ({:?})", path.display(), e.way_out()))
}

fn names_of_kinds() -> ImportOptions {
    let types =
        [("title", ColumnKind::Text), ("lang", ColumnKind::Category), ("tags", ColumnKind::List)];
    let reader = ReaderOptions {
        types: types.map(|(n, k)| (n.to_owned(), k)).into(),
        ..ReaderOptions::default()
    };
    ImportOptions { reader, ..ImportOptions::default() }
}

#[test]
fn every_format_gives_back_ids_and_bits() {
    let dir = tempfile::tempdir().unwrap();
    let space = plain(&["the", "of", "çok", "</s>", "1984", "-", "日本"], 6);
    let names = [
        "a.bin",
        "a.vec",
        "glove.a.txt",
        "a.npy",
        "a.safetensors",
        "a.parquet",
        "a.arrow",
        "a.csv",
        "a.tsv",
        "a.jsonl",
        "vectors.tsv",
        "a.space",
        "b.bin.gz",
        "b.vec.zst",
        "b.glove.gz",
        "b.npy.zst",
        "b.safetensors.gz",
        "b.parquet.zst",
        "b.arrow.gz",
        "b.csv.zst",
        "b.tsv.gz",
        "b.jsonl.gz",
        "b-vectors.tsv.gz",
    ];
    for name in names {
        let back = through(
            &space,
            &dir.path().join(name),
            &ExportOptions::default(),
            &ImportOptions::default(),
        );
        assert_eq!(ids(&back), ids(&space), "{name}");
        assert_eq!(bits(&back, "main"), bits(&space, "main"), "{name}");
        let left: Vec<_> = std::fs::read_dir(dir.path())
            .unwrap()
            .map(|e| e.unwrap().path())
            .filter(|p| p.extension().is_some_and(|e| e == "tmp"))
            .collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

#[test]
fn columns_and_kinds_survive_tables() {
    let dir = tempfile::tempdir().unwrap();
    let space = rich(Dtype::F32);
    let before = space.items(None).unwrap();
    for (name, list) in [
        ("a.parquet", false),
        ("a.arrow", false),
        ("a.jsonl", false),
        ("a.csv", false),
        ("b.csv", true),
        ("a.tsv", false),
        ("b.tsv", true),
        ("vectors.tsv", false),
    ] {
        let typed = name.ends_with("parquet") || name.ends_with("arrow");
        let options = if typed { ImportOptions::default() } else { names_of_kinds() };
        let options = if name.starts_with("vectors") {
            options
        } else {
            ImportOptions {
                reader: ReaderOptions { vector: list.then(|| "vector".into()), ..options.reader },
                ..options
            }
        };
        let back = through(
            &space,
            &dir.path().join(name),
            &ExportOptions { vector_list: list, ..ExportOptions::default() },
            &options,
        );
        assert_eq!(ids(&back), ids(&space), "{name}");
        assert_eq!(bits(&back, "main"), bits(&space, "main"), "{name}");
        assert_eq!(back.columns(), space.columns(), "{name}");
        let after = back.items(None).unwrap();
        for (a, b) in before.columns().iter().zip(after.columns()) {
            // The name of a list's element ("item", "element") says nothing.
            let shown = |c: &Column| format!("{:?}", c.values).replace("element", "item");
            assert_eq!(shown(a), shown(b), "{name}: {}", a.name);
        }
        if typed {
            assert_eq!(back.fields()[0].geometry, Geometry::Euclidean, "{name}");
        }
    }
}

#[test]
fn half_floats_stay_half_floats_where_the_format_can() {
    let dir = tempfile::tempdir().unwrap();
    let space = rich(Dtype::F16);
    for (name, dtype) in [
        ("a.safetensors", Dtype::F16),
        ("a.parquet", Dtype::F16),
        ("a.arrow", Dtype::F16),
        ("a.space", Dtype::F16),
        ("a.csv", Dtype::F32),
        ("a.jsonl", Dtype::F32),
    ] {
        let back = through(
            &space,
            &dir.path().join(name),
            &ExportOptions::default(),
            &ImportOptions::default(),
        );
        assert_eq!(bits(&back, "main"), bits(&space, "main"), "{name}");
        assert_eq!(back.fields()[0].dtype, dtype, "{name}");
    }
    let items = Items::from_ids(["a", "b"]).unwrap();
    let numbers = Matrix::new(2, 2, vec![0.5, -0.0, 2.0, 65504.0]).unwrap();
    let space = Space::builder("import", items)
        .dtype(Dtype::F16)
        .field("main", Geometry::Cosine, numbers)
        .build()
        .unwrap();
    let back = through(
        &space,
        &dir.path().join("a.npy"),
        &ExportOptions::default(),
        &ImportOptions::default(),
    );
    assert_eq!((bits(&back, "main"), back.fields()[0].dtype), (bits(&space, "main"), Dtype::F16));
}

#[test]
fn several_fields_and_maps_go_where_there_is_room() {
    let dir = tempfile::tempdir().unwrap();
    let items = Items::from_ids(["a", "b", "c"]).unwrap();
    let space = Space::builder("word2vec", items)
        .field("main", Geometry::Cosine, matrix(3, 4))
        .field("output", Geometry::Cosine, matrix(3, 2))
        .build()
        .unwrap();
    let path = dir.path().join("s.space");
    space.save(&path).unwrap();
    let mut edit = Space::edit(&path).unwrap();
    let map = Items::from_ids(["c", "a", "b"])
        .unwrap()
        .with_column(column(
            "x",
            ColumnKind::Number,
            Arc::new(Float64Array::from(vec![3.0, 1.0, 2.0])),
        ))
        .unwrap()
        .with_column(column(
            "y",
            ColumnKind::Number,
            Arc::new(Float64Array::from(vec![-3.0, -1.0, -2.0])),
        ))
        .unwrap();
    edit.set_map("pca", &map, serde_json::json!({"method": "pca"})).unwrap();
    let space = edit.publish(latlas::space::Provenance::default()).unwrap();

    let back = through(
        &space,
        &dir.path().join("a.safetensors"),
        &ExportOptions::default(),
        &ImportOptions::default(),
    );
    for field in ["main", "output"] {
        assert_eq!(bits(&back, field), bits(&space, field), "{field}");
    }
    let export = ExportOptions { field: Some("output".into()), ..ExportOptions::default() };
    for name in ["o.bin", "o.parquet", "o.safetensors"] {
        let back = through(&space, &dir.path().join(name), &export, &ImportOptions::default());
        assert_eq!(bits(&back, "main"), bits(&space, "output"), "{name}");
    }
    let csv = dir.path().join("m.csv");
    formats::write(&space, &csv, None, &export, &run()).unwrap();
    let text = std::fs::read_to_string(&csv).unwrap();
    let row = format!("b,2.0,-2.0,{:?},{:?}", matrix(3, 2).row(1)[0], matrix(3, 2).row(1)[1]);
    assert_eq!(text.lines().next(), Some("id,pca_x,pca_y,vector_0,vector_1"));
    assert_eq!(text.lines().nth(2), Some(row.as_str()));

    // Deleted items and maps of other rows stay behind.
    let mut edit = Space::edit(&path).unwrap();
    let gone = edit.space().find("b").unwrap();
    edit.delete(&[gone]).unwrap();
    let space = edit.publish(latlas::space::Provenance::default()).unwrap();
    for name in ["d.bin", "d.vec", "d.npy", "d.safetensors", "d.parquet", "d.csv", "d-vectors.tsv"]
    {
        let back = through(
            &space,
            &dir.path().join(name),
            &ExportOptions::default(),
            &ImportOptions::default(),
        );
        assert_eq!(ids(&back), ["a", "c"], "{name}");
        assert_eq!(bits(&back, "main"), bits(&space, "main"), "{name}");
        assert!(back.columns().is_empty(), "{name}");
    }
}

#[test]
fn word2vec_and_glove_files_are_what_other_tools_expect() {
    let dir = tempfile::tempdir().unwrap();
    let items = Items::from_ids(["the", "çok"]).unwrap();
    let numbers = Matrix::new(2, 3, vec![0.1, -0.0, 1.0, 1e-7, 3.4028235e38, -2.5]).unwrap();
    let space =
        Space::builder("import", items).field("main", Geometry::Cosine, numbers).build().unwrap();
    let written = |name: &str| {
        let path = dir.path().join(name);
        formats::write(&space, &path, None, &ExportOptions::default(), &run()).unwrap();
        std::fs::read(path).unwrap()
    };
    let lines = "the 0.1 -0.0 1.0\nçok 1e-7 3.4028235e38 -2.5\n";
    let text = String::from_utf8(written("a.vec")).unwrap().replace("e+", "e");
    assert_eq!(text, format!("2 3\n{lines}"));
    assert_eq!(String::from_utf8(written("a.glove")).unwrap().replace("e+", "e"), lines);
    let mut bin = b"2 3\nthe ".to_vec();
    bin.extend([0.1f32, -0.0, 1.0].iter().flat_map(|x| x.to_le_bytes()));
    bin.extend("\nçok ".as_bytes());
    bin.extend([1e-7f32, 3.4028235e38, -2.5].iter().flat_map(|x| x.to_le_bytes()));
    bin.push(b'\n');
    assert_eq!(written("a.bin"), bin);
    // gensim writes no line ends; fastText ends lines with a space, Windows with a carriage return.
    let without: Vec<u8> = [&bin[..8], &bin[8..20], &bin[21..bin.len() - 1]].concat();
    let back = formats::read_bytes(
        "b.bin",
        without,
        Format::Word2vecBin,
        &ImportOptions::default(),
        &run(),
    )
    .unwrap();
    assert_eq!((ids(&back), bits(&back, "main")), (ids(&space), bits(&space, "main")));
    let spaced = format!("2 3\r\n{}", lines.replace('\n', " \r\n"));
    let back = formats::read_bytes(
        "c.vec",
        spaced.into_bytes(),
        Format::Word2vec,
        &ImportOptions::default(),
        &run(),
    )
    .unwrap();
    assert_eq!((ids(&back), bits(&back, "main")), (ids(&space), bits(&space, "main")));
}

#[test]
fn threads_change_nothing_and_large_texts_are_cut_right() {
    // More than one block of reading and one batch of writing: 20,000 × 60 numbers are 13 MB.
    let dir = tempfile::tempdir().unwrap();
    let names: Vec<String> = (0..20_000).map(|i| format!("w{i}")).collect();
    let items = Items::from_ids(&names).unwrap();
    let space = Space::builder("import", items)
        .field("main", Geometry::Cosine, matrix(20_000, 60))
        .build()
        .unwrap();
    for name in ["a.vec", "a.jsonl"] {
        let mut written = Vec::new();
        for threads in [1, 3] {
            let path = dir.path().join(name);
            let run = Run { threads, ..run() };
            formats::write(&space, &path, None, &ExportOptions::default(), &run).unwrap();
            let back =
                formats::read(&[path.display().to_string()], None, &ImportOptions::default(), &run)
                    .unwrap();
            assert_eq!(ids(&back), names);
            assert!(bits(&back, "main") == bits(&space, "main"));
            written.push(std::fs::read(path).unwrap());
        }
        assert!(written[0] == written[1], "{name}");
    }
}

#[test]
fn ids_that_do_not_fit_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let space = plain(&["new york", "new_york", "x"], 2);
    for name in ["a.bin", "a.vec", "a.glove"] {
        let path = dir.path().join(name);
        std::fs::write(&path, "old").unwrap();
        let error =
            formats::write(&space, &path, None, &ExportOptions::default(), &run()).unwrap_err();
        assert!(error.message().contains("'new york'"), "{error}");
        assert!(error.way_out().unwrap().contains("--replace-spaces _"), "{error:?}");
        let replace = |with: &str| ExportOptions {
            replace_spaces: Some(with.into()),
            ..ExportOptions::default()
        };
        let error = formats::write(&space, &path, None, &replace("_"), &run()).unwrap_err();
        assert!(
            error.message().contains("'new_york'") && error.message().contains("like another"),
            "{error}"
        );
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        let back = through(&space, &path, &replace("~"), &ImportOptions::default());
        assert_eq!(ids(&back), ["new~york", "new_york", "x"]);
    }
    let space = plain(&["two\nlines", "x"], 2);
    let error =
        formats::write(&space, &dir.path().join("a.npy"), None, &ExportOptions::default(), &run())
            .unwrap_err();
    assert!(error.message().contains("two\\nlines"), "{error}");
    assert!(!dir.path().join("a.npy").exists());
}

/// Reads bytes as a format; gives the error.
fn refused(format: Format, bytes: &[u8]) -> Error {
    let name = format!("x.{}", format.name());
    match formats::read_bytes(&name, bytes.to_vec(), format, &ImportOptions::default(), &run()) {
        Err(error) => error,
        Ok(space) => panic!(
            "{format}: {} vectors out of {:?}",
            space.count(),
            String::from_utf8_lossy(bytes)
        ),
    }
}

fn bin(header: &str, words: &[(&str, &[f32])]) -> Vec<u8> {
    let mut bytes = header.as_bytes().to_vec();
    for (word, vector) in words {
        bytes.extend(word.as_bytes());
        bytes.push(b' ');
        vector.iter().for_each(|x| bytes.extend(x.to_le_bytes()));
    }
    bytes
}

fn tensors(header: &str, data: &[u8]) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), data].concat()
}

#[test]
fn broken_files_are_named_with_their_place() {
    use Format::{Glove, Npy, Projector, Safetensors, Word2vec, Word2vecBin};
    let two = [("a", &[1.0f32, 2.0][..]), ("b", &[3.0, f32::NAN][..])];
    let cut = |bytes: Vec<u8>, by: usize| bytes[..bytes.len() - by].to_vec();
    let cases: Vec<(Format, Vec<u8>, &str)> = vec![
        (Word2vecBin, vec![], "is empty"),
        (Word2vecBin, b"\x7fELF\x02\x01\n".to_vec(), "count dim"),
        (Word2vecBin, bin("2 2\n", &two), "word 2 ('b'), component 2, is NaN"),
        (Word2vecBin, cut(bin("2 2\n", &two), 1), "ends within word 2 of the 2"),
        (Word2vecBin, bin("1 2\n", &two), "more follows"),
        (
            Word2vecBin,
            bin("9000000000000000 2\n", &two[..1]),
            "ends within word 2 of the 9000000000000000",
        ),
        (
            Word2vecBin,
            bin("18446744073709551615 18446744073709551615\n", &two),
            "no file is so large",
        ),
        (Word2vecBin, bin("2 0\n", &two), "dimension 0"),
        (
            Word2vecBin,
            bin("2 2\n", &[("a", &[1.0, 2.0]), ("a", &[3.0, 4.0])]),
            "id 'a' stands in word 1 and again in word 2",
        ),
        (Word2vecBin, [&b"2 2\n"[..], &[b'x'; 70_000]].concat(), "name of word 1 is longer"),
        (Word2vec, b"".to_vec(), "is empty"),
        (Word2vec, b"word".to_vec(), "'count dim'"),
        (Word2vec, b"2 0\na\nb\n".to_vec(), "dimension 0"),
        (Word2vec, b"30 2\na 1 2\nb 3 4\n".to_vec(), "more than the file holds"),
        (
            Word2vec,
            b"3 2\naaaaaaaa 1 2\nb 3 4\n".to_vec(),
            "promises 3 vectors, the file ends after 2",
        ),
        (Word2vec, b"1 2\na 1 2\nb 3 4\n".to_vec(), "promises 1 vectors, more follow"),
        (Word2vec, b"2 2\na 1 2\nb 3\n".to_vec(), "line 3: 1 numbers where 2 are due"),
        (Word2vec, b"2 2\na 1 2\nb 3 4,5\n".to_vec(), "line 3: '4,5' in place 2 of 'b'"),
        (Word2vec, b"2 2\na 1 2\nb 3 inf\n".to_vec(), "component 2, is inf"),
        (Word2vec, b"2 2\na 1 2\nb 3 1e39\n".to_vec(), "component 2, is inf"),
        (Word2vec, b"2 2\na 1 2\na 3 4\n".to_vec(), "id 'a' stands"),
        (Glove, b"".to_vec(), "is empty"),
        (Glove, b"the\n".to_vec(), "line 1"),
        (Glove, b"a 1 2 3\nb 1 2 3\nc 1 2\n".to_vec(), "line 3: 2 numbers where 3 are due"),
        (Glove, b"2 3\na 1 2 3\nb 1 2 3\n".to_vec(), "line 1: 1 numbers where 3 are due"),
        (Projector, b"1\t2\n1\t2\n3\n".to_vec(), "line 3: 1 numbers where 2 are due"),
        (Npy, b"PK\x03\x04".to_vec(), "x.npy: "),
        (Npy, b"\x93NUMPY\x01\x00\xff\xff{".to_vec(), "header"),
        (Safetensors, vec![], "header"),
        (Safetensors, tensors("{}", &[]), "none of its 0 tensors"),
        (Safetensors, [&u64::MAX.to_le_bytes()[..], b"{}"].concat(), "header"),
        (
            Safetensors,
            tensors(
                r#"{"a":{"dtype":"F32","shape":[4000000000,4000000000],"data_offsets":[0,8]}}"#,
                &[0; 8],
            ),
            "x.safetensors: ",
        ),
        (
            Safetensors,
            tensors(r#"{"a":{"dtype":"I32","shape":[1,2],"data_offsets":[0,8]}}"#, &[0; 8]),
            "matrix of floats",
        ),
        (
            Safetensors,
            tensors(r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, &[0; 8]),
            "matrix of floats",
        ),
        (
            Safetensors,
            tensors(
                r#"{"a":{"dtype":"F32","shape":[1,1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1,1],"data_offsets":[4,8]}}"#,
                &[0; 8],
            ),
            "2 matrices: a, b",
        ),
        (
            Safetensors,
            tensors(
                r#"{"__metadata__":{"ids":"[\"x\"]"},"a":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]}}"#,
                &[0; 8],
            ),
            "1 ids for 2 vectors",
        ),
    ];
    for (format, bytes, says) in cases {
        let error = refused(format, &bytes);
        assert!(error.message().contains(says), "{format}: '{error}' does not say '{says}'");
        assert!(error.message().starts_with("x.") || error.message().contains(" x."), "{error}");
        assert!(matches!(error.kind(), Kind::Data | Kind::Usage), "{error}");
    }
}

#[test]
fn headers_that_lie_inside_compressed_files_allocate_nothing() {
    // 2^40 words of dimension 2^40: nothing of the size may be allocated before the file turns out to be short.
    let dir = tempfile::tempdir().unwrap();
    for (name, content) in [
        ("a.bin.gz", &b"1048576 1099511627\na 0123"[..]),
        ("a.vec.gz", b"1099511627 1099511627\na 1 2\n"),
    ] {
        let path = dir.path().join(name);
        let mut packed = flate2::write::GzEncoder::new(
            std::fs::File::create(&path).unwrap(),
            flate2::Compression::fast(),
        );
        packed.write_all(content).unwrap();
        packed.finish().unwrap();
        let error = read(&path, &ImportOptions::default()).unwrap_err();
        assert_eq!(error.kind(), Kind::Data, "{error}");
    }
    // A gzip file cut short is named as such.
    let path = dir.path().join("b.vec.gz");
    formats::write(&plain(&["a", "b"], 300), &path, None, &ExportOptions::default(), &run())
        .unwrap();
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let error = read(&path, &ImportOptions::default()).unwrap_err();
    assert!(error.message().contains("b.vec.gz") && error.kind() == Kind::Data, "{error}");
}

#[test]
fn repeated_ids_and_bad_vectors_are_treated_as_asked() {
    let dir = tempfile::tempdir().unwrap();
    let files = [
        ("a.vec", "5 2\na 1 2\nb 3 4\na 5 6\na#2 7 8\na 9 10\n"),
        ("a.csv", "id,n,v1,v2,v3\na,1,1,2,0\nb,2,3,4,0\na,3,5,6,0\na#2,4,7,8,0\na,5,9,10,0\n"),
    ];
    for (name, content) in files {
        let path = dir.path().join(name);
        std::fs::write(&path, content).unwrap();
        let with = |on_duplicate| ImportOptions { on_duplicate, ..ImportOptions::default() };
        let error = read(&path, &with(OnDuplicate::Stop)).unwrap_err();
        assert!(error.message().contains("id 'a' stands in"), "{error}");
        assert!(error.way_out().unwrap().contains("--on-duplicate first"));
        let first = read(&path, &with(OnDuplicate::First)).unwrap();
        assert_eq!(ids(&first), ["a", "b", "a#2"], "{name}");
        assert_eq!(f32::from_bits(bits(&first, "main")[0]), 1.0);
        let renamed = read(&path, &with(OnDuplicate::Rename)).unwrap();
        assert_eq!(ids(&renamed), ["a", "b", "a#3", "a#2", "a#4"], "{name}");
    }
    let path = dir.path().join("nan.vec");
    std::fs::write(&path, "3 2\na 1 2\nb nan 4\nc 5 6\n").unwrap();
    let listener = Listener::default();
    let run = Run { progress: &listener, ..Run::silent(1) };
    let options = ImportOptions { skip_bad: true, ..ImportOptions::default() };
    let space = formats::read(&[path.display().to_string()], None, &options, &run).unwrap();
    assert_eq!((ids(&space), bits(&space, "main").len()), (vec!["a".into(), "c".into()], 4));
    let told = listener.0.lock().unwrap().join("\n");
    assert!(told.contains("1 vectors left out: vector 2 ('b'), component 1, is NaN"), "{told}");
}

#[test]
fn names_with_spaces_in_published_files_are_read() {
    let glove = ". . . 0.1 0.2 0.3\nat 5 1 2 3\nthe -1 0.5 2e-3\n1 1 1 1\n";
    let space = formats::read_bytes(
        "g",
        glove.as_bytes().to_vec(),
        Format::Glove,
        &ImportOptions::default(),
        &run(),
    )
    .unwrap();
    assert_eq!(ids(&space), [". . .", "at 5", "the", "1"]);
    let latin: &[u8] = b"1 2\nCh\xeene 1 2\n";
    let encoding = |name: &str| ImportOptions {
        reader: ReaderOptions { encoding: Some(name.into()), ..ReaderOptions::default() },
        ..ImportOptions::default()
    };
    let space =
        formats::read_bytes("l", latin.to_vec(), Format::Word2vec, &encoding("latin1"), &run())
            .unwrap();
    assert_eq!(ids(&space), ["Ch\u{ee}ne"]);
    let error = refused(Format::Word2vec, latin);
    assert!(
        error.message().contains("not valid UTF-8")
            && error.way_out().unwrap().contains("--encoding"),
        "{error}"
    );
}

#[test]
fn ids_beside_vectors_are_found_or_given() {
    let dir = tempfile::tempdir().unwrap();
    let space = plain(&["x", "y z", "w"], 2);
    let npy = dir.path().join("a.npy");
    formats::write(&space, &npy, None, &ExportOptions::default(), &run()).unwrap();
    assert_eq!(std::fs::read_to_string(dir.path().join("a.ids.txt")).unwrap(), "x\ny z\nw\n");
    std::fs::rename(dir.path().join("a.ids.txt"), dir.path().join("names.txt")).unwrap();
    assert_eq!(ids(&read(&npy, &ImportOptions::default()).unwrap()), ["0", "1", "2"]);
    let both = [npy.display().to_string(), dir.path().join("names.txt").display().to_string()];
    let back = formats::read(&both, None, &ImportOptions::default(), &run()).unwrap();
    assert_eq!(ids(&back), ["x", "y z", "w"]);
    std::fs::write(dir.path().join("few.json"), r#"["a", 2]"#).unwrap();
    let few = ImportOptions { ids: Some(dir.path().join("few.json")), ..ImportOptions::default() };
    let error = read(&npy, &few).unwrap_err();
    assert!(error.message().contains("2 ids for 3 vectors"), "{error}");
}

#[test]
fn formats_are_guessed_and_the_guess_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let space = plain(&["a", "b"], 3);
    for format in [
        Format::Word2vecBin,
        Format::Word2vec,
        Format::Glove,
        Format::Safetensors,
        Format::Parquet,
        Format::Arrow,
        Format::Csv,
        Format::Jsonl,
    ] {
        let path = dir.path().join("vectors.dat");
        formats::write(&space, &path, Some(format), &ExportOptions::default(), &run()).unwrap();
        let listener = Listener::default();
        let run = Run { progress: &listener, ..Run::silent(1) };
        let back =
            formats::read(&[path.display().to_string()], None, &ImportOptions::default(), &run)
                .unwrap();
        assert_eq!(bits(&back, "main"), bits(&space, "main"), "{format}");
        assert!(
            listener
                .0
                .lock()
                .unwrap()
                .iter()
                .any(|note| note.contains(&format!("read as {format}"))),
            "{format}"
        );
    }
    let error =
        formats::write(&space, &dir.path().join("a.xyz"), None, &ExportOptions::default(), &run())
            .unwrap_err();
    assert!(
        error.message().contains("a.xyz") && error.way_out().unwrap().contains("--to"),
        "{error}"
    );
}

#[test]
fn portable_tables_name_no_folders() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("secret-place.vec");
    std::fs::write(&path, "1 2\na 1 2\n").unwrap();
    let space = read(&path, &ImportOptions::default()).unwrap();
    for (portable, named) in [(false, true), (true, false)] {
        for name in ["p.parquet", "p.arrow"] {
            let out = dir.path().join(name);
            let export = ExportOptions { portable, ..ExportOptions::default() };
            formats::write(&space, &out, None, &export, &run()).unwrap();
            let bytes = std::fs::read(&out).unwrap();
            let folder = dir.path().display().to_string();
            // Parquet keeps the metadata as plain text, Arrow does too.
            let found = bytes.windows(folder.len()).any(|w| w == folder.as_bytes());
            assert_eq!(found, named, "{name}");
            assert!(bytes.windows(12).any(|w| w == b"secret-place"), "{name}");
        }
    }
}

#[test]
fn whatever_fails_while_writing_the_target_is_the_old_one_the_new_one_or_none() {
    let (old, new) = (plain(&["old"], 2), plain(&["new", "words"], 700));
    for name in [
        "a.bin",
        "a.vec.gz",
        "a.npy",
        "a.safetensors",
        "a.parquet",
        "a.arrow",
        "a.csv.zst",
        "a.jsonl",
        "vectors.tsv",
    ] {
        for n in 0.. {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join(name);
            formats::write(&old, &path, None, &ExportOptions::default(), &run()).unwrap();
            arm(n, Fault::Fail(std::io::ErrorKind::StorageFull));
            let done = formats::write(&new, &path, None, &ExportOptions::default(), &run());
            let operations = disarm();
            if path.exists() {
                let back = read(&path, &ImportOptions::default()).unwrap();
                assert!(
                    ids(&back) == ids(&old) || ids(&back) == ids(&new),
                    "{name}, operation {n}: {:?}",
                    ids(&back)
                );
            } else {
                assert!(
                    ["a.npy", "vectors.tsv"].contains(&name),
                    "{name}, operation {n}: no file is left"
                );
            }
            if operations <= n {
                done.unwrap();
                assert!(n >= 5, "{name}: only {n} operations were met");
                break;
            }
            let error = done.unwrap_err();
            assert_eq!(error.kind(), Kind::Io, "{name}, operation {n}: {error}");
            assert!(error.message().contains(dir.path().to_str().unwrap()), "{error}");
            let left = std::fs::read_dir(dir.path())
                .unwrap()
                .filter(|e| e.as_ref().unwrap().path().extension().is_some_and(|e| e == "tmp"));
            assert_eq!(left.count(), 0, "{name}, operation {n}");
        }
    }
}

fn any_space() -> impl Strategy<Value = (Vec<String>, usize, Vec<u32>)> {
    (1..8usize, 1..5usize).prop_flat_map(|(rows, dim)| {
        let ids = prop::collection::hash_set("[^\r\n\0]{1,6}", rows)
            .prop_map(|ids| ids.into_iter().collect::<Vec<_>>());
        (
            ids,
            Just(dim),
            prop::collection::vec(
                any::<u32>().prop_filter("finite", |b| f32::from_bits(*b).is_finite()),
                rows * dim,
            ),
        )
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn any_finite_vectors_under_any_names_survive((names, dim, numbers) in any_space()) {
        let dir = tempfile::tempdir().unwrap();
        let matrix = Matrix::new(names.len(), dim, numbers.iter().map(|&b| f32::from_bits(b)).collect()).unwrap();
        let space = Space::builder("import", Items::from_ids(&names).unwrap()).field("main", Geometry::Cosine, matrix).build().unwrap();
        for name in ["a.safetensors", "a.npy", "a.parquet", "a.arrow", "a.csv", "a.tsv", "a.jsonl", "vectors.tsv"] {
            // Readers of these take outer white space for padding.
            if ["a.csv", "a.tsv"].contains(&name) && names.iter().any(|id| id.trim() != id) {
                continue;
            }
            let import = ImportOptions { reader: ReaderOptions { id: Some("id".into()), vector: match name {
                "a.csv" | "a.tsv" => Some("vector_*".into()),
                "a.jsonl" => Some("vector".into()),
                _ => None,
            }, header: Some(true), ..ReaderOptions::default() }, ..ImportOptions::default() };
            let back = through(&space, &dir.path().join(name), &ExportOptions::default(), &import);
            prop_assert_eq!(ids(&back), names.clone(), "{}", name);
            prop_assert_eq!(bits(&back, "main"), numbers.clone(), "{}", name);
        }
    }

    #[test]
    fn damaged_files_give_vectors_or_an_error(at in 0..100_000usize, byte in any::<u8>(), cut in 0..400usize, which in 0..9usize) {
        let name = ["a.bin", "a.vec", "a.glove", "a.npy", "a.safetensors", "a.parquet", "a.arrow", "a.csv", "a.jsonl"][which];
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(name);
        formats::write(&plain(&["a", "b", "c"], 4), &path, None, &ExportOptions::default(), &run()).unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        let at = at % bytes.len();
        bytes[at] = byte;
        bytes.truncate(bytes.len().saturating_sub(cut.saturating_sub(300)).max(1));
        std::fs::write(&path, &bytes).unwrap();
        match read(&path, &ImportOptions::default()) {
            Ok(space) => prop_assert!(bits(&space, "main").iter().all(|b| f32::from_bits(*b).is_finite())),
            Err(error) => prop_assert!(error.kind() != Kind::Interrupted, "{}", error),
        }
    }
}
