//! What goes out comes back.

use std::sync::Arc;

use arrow_array::Float64Array;
use latlas::data::ReaderOptions;
use latlas::geometry::Geometry;
use latlas::items::{Column, ColumnKind, Items};
use latlas::linalg::Matrix;
use latlas::space::Dtype;
use latlas::space::formats::{self, ExportOptions, Format, ImportOptions, OnDuplicate};
use latlas::{Run, Space};
use proptest::prelude::*;

use crate::common::*;

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

/// `--store`: whatever the file holds, tables read at that width at once, others narrowed at the end.
#[test]
fn a_new_space_stores_the_width_that_is_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let items = || Items::from_ids(["a", "b", "c"]).unwrap();
    let numbers = vec![0.1, -0.25, 1e-9, 3.0, 65504.0, 1.0 / 3.0];
    let space = |numbers: Vec<f32>| {
        let numbers = Matrix::new(3, 2, numbers).unwrap();
        Space::builder("import", items()).field("main", Geometry::Cosine, numbers).build().unwrap()
    };
    let halved: Vec<u32> =
        numbers.iter().map(|&x| half::f16::from_f32(x).to_f32().to_bits()).collect();
    let import = |store| ImportOptions { store: Some(store), ..ImportOptions::default() };
    for name in ["a.parquet", "a.arrow", "a.csv", "a.jsonl", "a.npy", "a.vec", "a.safetensors"] {
        let path = dir.path().join(name);
        let export = ExportOptions::default();
        let back = through(&space(numbers.clone()), &path, &export, &import(Dtype::F16));
        assert_eq!(back.fields()[0].dtype, Dtype::F16, "{name}");
        assert_eq!(bits(&back, "main"), halved, "{name}");
        let wide = read(&path, &import(Dtype::F32)).unwrap();
        assert_eq!(wide.fields()[0].dtype, Dtype::F32, "{name}");
        // Halves in the file, asked for as single ones.
        let path = dir.path().join(format!("half-{name}"));
        let wide = through(&back, &path, &export, &import(Dtype::F32));
        assert_eq!((wide.fields()[0].dtype, bits(&wide, "main")), (Dtype::F32, halved.clone()));
        // What no half holds is named.
        let mut large = numbers.clone();
        large[3] = 70_000.0;
        let path = dir.path().join(format!("large-{name}"));
        formats::write(&space(large), &path, None, &export, &run()).unwrap();
        let error = read(&path, &import(Dtype::F16)).unwrap_err();
        assert!(error.message().contains("7e4 is too large"), "{name}: {error}");
    }
    // Rows that are left out, of halves.
    let path = dir.path().join("twice.csv");
    std::fs::write(&path, "id,v_0,v_1,v_2\na,1,2,0\na,3,4,0\nb,5,6,0\n").unwrap();
    let first = ImportOptions { on_duplicate: OnDuplicate::First, ..import(Dtype::F16) };
    let kept = read(&path, &first).unwrap();
    assert_eq!(ids(&kept), ["a", "b"]);
    assert_eq!(bits(&kept, "main"), [1.0_f32, 2.0, 0.0, 5.0, 6.0, 0.0].map(f32::to_bits));
    let error = read(&dir.path().join("a.parquet"), &import(Dtype::F16)).map(|space| {
        space.save(&dir.path().join("a.space")).unwrap();
        read(&dir.path().join("a.space"), &import(Dtype::F32)).unwrap_err()
    });
    assert!(error.unwrap().message().ends_with("is a space, and stays as it is stored"));
}

/// Files of halves and of single numbers together are held as single ones.
#[test]
fn halves_and_others_together_are_not_halved() {
    let dir = tempfile::tempdir().unwrap();
    for (name, dtype, number) in [("a", Dtype::F16, 0.5), ("b", Dtype::F32, 0.1)] {
        let numbers = Matrix::new(1, 3, vec![number; 3]).unwrap();
        let space = Space::builder("import", Items::from_ids([name]).unwrap())
            .dtype(dtype)
            .field("main", Geometry::Cosine, numbers)
            .build()
            .unwrap();
        let path = dir.path().join(format!("{name}.parquet"));
        formats::write(&space, &path, None, &ExportOptions::default(), &run()).unwrap();
    }
    for order in [["a", "b"], ["b", "a"]] {
        let inputs =
            order.map(|name| dir.path().join(format!("{name}.parquet")).display().to_string());
        let both = formats::read(&inputs, None, &ImportOptions::default(), &run()).unwrap();
        assert_eq!(both.fields()[0].dtype, Dtype::F32);
        let rows: Vec<_> = order.map(|name| both.get(name).unwrap()).to_vec();
        let expected = order.map(|name| if name == "a" { 0.5 } else { 0.1 });
        let found = both.field("main").unwrap().gather(&rows);
        assert!((0..2).all(|i| found.row(i) == [expected[i]; 3]), "{found:?}");
    }
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
}
