//! Spaces whose files have been damaged: `check` finds it and names the file, and nothing else panics.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use arrow_array::{Array, Float64Array, StringArray};
use latlas::geometry::Geometry;
use latlas::items::{Column, ColumnKind, Items};
use latlas::linalg::Matrix;
use latlas::space::{Dtype, Model, Provenance, check};
use latlas::{Kind, Row, Space};
use std::path::Path;
use std::sync::Arc;

fn text(name: &str, values: &[&str]) -> Column {
    Column {
        name: name.into(),
        kind: ColumnKind::Text,
        values: Arc::new(StringArray::from(values.to_vec())),
    }
}

fn part(ids: &[&str], dtype: Dtype) -> Space {
    let items = Items::from_ids(ids).unwrap().with_column(text("title", ids)).unwrap();
    let vectors = |scale: f32| {
        Matrix::new(ids.len(), 2, (0..ids.len() * 2).map(|i| i as f32 * scale).collect()).unwrap()
    };
    Space::builder("test", items)
        .dtype(dtype)
        .field("main", Geometry::Cosine, vectors(0.5))
        .field("output", Geometry::Euclidean, vectors(-2.0))
        .model(model())
        .build()
        .unwrap()
}

/// A tensor of every kind, and a list of words.
fn model() -> Model {
    Model::builder("test", 1, serde_json::json!({ "window": 5, "tokenizer": "words" }))
        .tensor("floats", &[2, 3], vec![0.5_f32, -1.0, 2.0, 0.0, 3.5, -0.25])
        .tensor("signs", &[3], vec![-1_i32, 0, 1])
        .tensor("codes", &[3], vec![1_u8, 2, 3])
        .tensor("counts", &[2], vec![7_u64, 1 << 40])
        .tensor("far", &[1], vec![-1_i64])
        .tensor("near", &[1, 1], vec![9_u32])
        .names("words", ["river", "", "göl"].into_iter())
        .unwrap()
        .build()
        .unwrap()
}

/// A folder for one trial, in memory where the system has such: hundreds of fsyncs on a disk take their time.
fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap()
}

/// Two segments, one deleted row, a map, a model: every kind of file there is.
fn make(path: &Path) {
    part(&["a", "bé", "c d"], Dtype::F16).save(path).unwrap();
    let mut edit = Space::edit(path).unwrap();
    edit.append(&part(&["e", "f"], Dtype::F32)).unwrap();
    edit.delete(&[Row(1)]).unwrap();
    let items = edit.space().items(Some(&[])).unwrap();
    let axis = |name: &str| Column {
        name: name.into(),
        kind: ColumnKind::Number,
        values: Arc::new(Float64Array::from(vec![1.0; 4])),
    };
    let table = items.with_column(axis("x")).unwrap().with_column(axis("y")).unwrap();
    edit.set_map("pca", &table, serde_json::json!({"explained": [0.5, 0.25]})).unwrap();
    edit.publish(Provenance { action: "test".into(), ..Provenance::default() }).unwrap();
}

/// All files of a space but its lock and what is for people, as names within it.
fn files(path: &Path) -> Vec<String> {
    let names = |dir: &Path| -> Vec<String> {
        std::fs::read_dir(dir)
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect()
    };
    let mut all: Vec<String> = names(path)
        .into_iter()
        .filter(|n| !matches!(n.as_str(), ".lock" | "README.txt" | "maps" | "model"))
        .collect();
    for folder in ["maps", "model"] {
        all.extend(names(&path.join(folder)).into_iter().map(|n| format!("{folder}/{n}")));
    }
    all.sort();
    assert_eq!(all.len(), 13, "{all:?}");
    all
}

/// Uses all that a space offers; any answer and any error will do. True if everything answered.
fn exercise(path: &Path) -> bool {
    let Ok(space) = Space::open(path) else { return false };
    let mut fine = true;
    for id in ["a", "bé", "e", "zz"] {
        fine &= space.find(id).is_ok() == matches!(id, "a" | "e");
        let _ = space.similar_ids(id, 3);
    }
    let rows: Vec<Row> = space.live().collect();
    for about in space.fields() {
        let matrix = space.field(&about.name).unwrap().gather(&rows);
        fine &= matrix.as_slice().iter().all(|x| x.is_finite());
    }
    for row in 0..=space.rows() as u32 {
        let _ = (space.id(Row(row)), space.is_live(Row(row)));
    }
    fine &= space
        .items(None)
        .is_ok_and(|items| items.columns().iter().all(|c| c.values.len() == rows.len()));
    fine &= space.map(None).is_ok();
    fine &= space.model().is_some_and(|model| {
        let mut fine = model.tensors().len() == 7 && model.is_whole();
        for about in model.tensors() {
            fine &= !format!("{:?}", model.tensor(&about.name).unwrap().values()).is_empty();
        }
        let words = model.names("words");
        fine & words.is_ok_and(|words| words.row("göl") == Some(2) && words.id(0) == "river")
    });
    let copy = folder();
    let _ = space.save(&copy.path().join("copy.space"));
    fine
}

/// `check` reports `file` (or refuses the whole, for what makes it no space of this version).
fn is_found(path: &Path, file: &str, what: &str) {
    match check(path, false) {
        Ok(report) => {
            let named = report.problems.iter().any(|p| p.file == file);
            assert!(named && !report.is_sound(), "{what}: {report:?}");
        }
        Err(error) => {
            assert_eq!(file, "space.json", "{what}: {error}");
            assert_eq!(error.kind(), Kind::Data, "{what}: {error}");
        }
    }
}

#[test]
fn every_damaged_byte_is_found_and_survived() {
    let dir = folder();
    let path = dir.path().join("en.space");
    make(&path);
    assert!(exercise(&path));
    assert_eq!(check(&path, false).unwrap().problems, []);
    for file in files(&path) {
        let at = path.join(&file);
        let good = std::fs::read(&at).unwrap();
        // Everything that Latlas reads in place, and the ends and a sample of what a checksum guards first.
        let sampled = file.ends_with(".parquet") || file == "space.json";
        for i in
            (0..good.len()).filter(|i| !sampled || *i < 16 || good.len() - i < 24 || i % 29 == 0)
        {
            let mut bad = good.clone();
            bad[i] ^= 1 << (i % 8);
            std::fs::write(&at, &bad).unwrap();
            let what = format!("{file}, byte {i} of {}", good.len());
            let _ = exercise(&path);
            is_found(&path, &file, &what);
        }
        std::fs::write(&at, &good).unwrap();
    }
    assert!(exercise(&path));
    assert_eq!(check(&path, false).unwrap().problems, []);
}

#[test]
fn shortened_lengthened_and_missing_files_are_found() {
    let dir = folder();
    let path = dir.path().join("en.space");
    make(&path);
    for file in files(&path) {
        let at = path.join(&file);
        let good = std::fs::read(&at).unwrap();
        let longer = [&good[..], b"x"].concat();
        let cuts = [0, 1, 40, good.len() / 2, good.len() - 1]
            .map(|n| good[..n.min(good.len() - 1)].to_vec());
        for bad in cuts.iter().chain([&longer]) {
            std::fs::write(&at, bad).unwrap();
            let what = format!("{file} with {} of {} bytes", bad.len(), good.len());
            let error = Space::open(&path).unwrap_err();
            assert_eq!(error.kind(), Kind::Data, "{what}: {error}");
            assert!(error.message().contains(&file), "{what}: {error}");
            is_found(&path, &file, &what);
        }
        std::fs::remove_file(&at).unwrap();
        if file == "space.json" {
            assert_eq!(check(&path, false).unwrap_err().kind(), Kind::Data);
        } else {
            is_found(&path, &file, &format!("{file} missing"));
        }
        std::fs::write(&at, &good).unwrap();
    }
    assert!(exercise(&path));
}

#[test]
fn what_the_readme_says_is_for_people_and_no_matter_of_check() {
    let dir = folder();
    let path = dir.path().join("en.space");
    make(&path);
    for text in ["A space, as an older version told of it.\n", "our notes on this space", ""] {
        std::fs::write(path.join("README.txt"), text).unwrap();
        assert_eq!(check(&path, false).unwrap().problems, []);
        assert!(check(&path, true).unwrap().is_sound());
        assert_eq!(
            std::fs::read_to_string(path.join("README.txt")).unwrap(),
            text,
            "kept as it is"
        );
    }
    assert!(exercise(&path));
}

#[test]
fn a_repair_makes_right_what_can_be_derived_and_touches_nothing_else() {
    let dir = folder();
    let path = dir.path().join("en.space");
    make(&path);
    let damage = |file: &str| {
        let at = path.join(file);
        let mut bytes = std::fs::read(&at).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x40;
        std::fs::write(at, bytes).unwrap();
    };
    let [ids, map, main] = ["ids-", "maps/", "main-"]
        .map(|start| files(&path).into_iter().find(|f| f.starts_with(start)).unwrap());
    damage(&ids);
    damage(&map);
    std::fs::remove_file(path.join("README.txt")).unwrap();
    std::fs::write(path.join("items-0900.parquet"), "left by a killed writer").unwrap();
    std::fs::write(path.join("model/model-0900.safetensors"), "likewise").unwrap();
    for name in ["letter.txt", "query-2024.npy", "sales-2024.parquet", "model/vocab-2024.json"] {
        std::fs::write(path.join(name), "not ours").unwrap();
    }
    let seen = check(&path, false).unwrap();
    assert_eq!(seen.leftovers, ["items-0900.parquet", "model/model-0900.safetensors"]);
    assert!(!seen.is_sound());

    let report = check(&path, true).unwrap();
    let mut problems: Vec<(&str, bool)> =
        report.problems.iter().map(|p| (p.file.as_str(), p.repaired)).collect();
    problems.sort_unstable();
    assert_eq!(problems, [("README.txt", true), (ids.as_str(), true), (map.as_str(), true)]);
    assert!(report.is_sound() && report.swept);
    for name in ["letter.txt", "query-2024.npy", "sales-2024.parquet", "model/vocab-2024.json"] {
        assert_eq!(std::fs::read(path.join(name)).unwrap(), b"not ours");
        std::fs::remove_file(path.join(name)).unwrap();
    }
    let after = check(&path, false).unwrap();
    assert_eq!((after.problems, after.leftovers), (vec![], vec![]));
    let space = Space::open(&path).unwrap();
    assert_eq!(
        space.live().map(|row| space.id(row).to_owned()).collect::<Vec<_>>(),
        ["a", "c d", "e", "f"]
    );
    assert_eq!((space.find("c d").unwrap(), space.maps().len()), (Row(2), 0));
    assert_eq!(space.provenance().last().unwrap().action, "check --repair");

    // Vectors cannot be derived from anything: said, and left.
    damage(&main);
    let broken = std::fs::read(path.join(&main)).unwrap();
    let report = check(&path, true).unwrap();
    assert!(!report.is_sound());
    assert_eq!(
        report.problems.iter().map(|p| (p.file.as_str(), p.repaired)).collect::<Vec<_>>(),
        [(main.as_str(), false)]
    );
    assert_eq!(std::fs::read(path.join(&main)).unwrap(), broken);
}

#[test]
fn a_writer_at_work_is_not_swept_away() {
    let dir = folder();
    let path = dir.path().join("en.space");
    make(&path);
    let mut edit = Space::edit(&path).unwrap();
    edit.append(&part(&["g"], Dtype::F32)).unwrap();
    assert_eq!(check(&path, true).unwrap_err().kind(), Kind::Io);
    let report = check(&path, false).unwrap();
    assert!(report.is_sound() && !report.leftovers.is_empty());
    edit.publish(Provenance::default()).unwrap();
    assert!(check(&path, false).unwrap().leftovers.is_empty());
}

/// Files that are whole by their checksums but lie: what a hostile space would be.
#[test]
fn lies_with_right_checksums_are_found() {
    let lie = |change: &dyn Fn(&mut latlas::space::manifest::Manifest, &Path)| {
        let dir = folder();
        let path = dir.path().join("en.space");
        make(&path);
        let mut manifest =
            latlas::space::manifest::parse(&std::fs::read(path.join("space.json")).unwrap())
                .unwrap();
        change(&mut manifest, &path);
        std::fs::write(path.join("space.json"), manifest.to_bytes().unwrap()).unwrap();
        exercise(&path);
        let report = check(&path, false);
        assert!(report.as_ref().map_or(true, |r| !r.is_sound()), "{report:?}");
    };
    let rewrite = |about: &mut latlas::space::manifest::FileAbout,
                   path: &Path,
                   change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = std::fs::read(path.join(&about.file)).unwrap();
        change(&mut bytes);
        std::fs::write(path.join(&about.file), &bytes).unwrap();
        about.bytes = bytes.len() as u64;
        about.xxh3 = format!("{:016x}", xxhash_rust::xxh3::xxh3_64(&bytes));
    };
    lie(&|m, p| {
        rewrite(m.segments[0].fields.get_mut("main").unwrap(), p, &|b| b.truncate(b.len() - 4));
    });
    lie(&|m, p| {
        rewrite(m.segments[1].fields.get_mut("main").unwrap(), p, &|b| {
            let at = b.len() - 2;
            b[at..].copy_from_slice(&half::f16::NAN.to_le_bytes());
        });
    });
    lie(&|m, p| rewrite(&mut m.segments[0].ids, p, &|b| *b.last_mut().unwrap() = 0xff)); // not UTF-8
    lie(&|m, p| rewrite(&mut m.segments[0].ids, p, &|b| b[64..72].fill(0xff)));
    lie(&|m, _| {
        let (a, b) = m.segments.split_at_mut(1);
        std::mem::swap(&mut a[0].ids, &mut b[0].ids);
    });
    lie(&|m, _| m.segments[1] = m.segments[0].clone());
    lie(&|m, _| {
        let about = m.deleted.as_mut().unwrap();
        (about.rows, m.count) = (2, 3);
    });
    lie(&|m, p| rewrite(&mut m.deleted.as_mut().unwrap().file, p, &|b| b[32] = 0xff));
    lie(&|m, p| {
        rewrite(&mut m.model.as_mut().unwrap().tensors, p, &|b| {
            let at = b.windows(4).position(|w| w == 3.5_f32.to_le_bytes()).unwrap();
            b[at..at + 4].copy_from_slice(&f32::NAN.to_le_bytes());
        });
    });
    lie(&|m, p| {
        rewrite(&mut m.model.as_mut().unwrap().tensors, p, &|b| b.truncate(b.len() - 1));
    });
    lie(&|m, p| {
        rewrite(&mut m.model.as_mut().unwrap().tensors, p, &|b| b[..8].fill(0xff));
    });
    lie(&|m, p| {
        rewrite(&mut m.model.as_mut().unwrap().config, p, &|b| *b = b"{\"format\":1}".to_vec());
    });
    lie(&|m, _| {
        let model = m.model.as_mut().unwrap();
        std::mem::swap(&mut model.config, &mut model.tensors);
    });
    lie(&|m, _| m.fields[0].dim = 3);
    lie(&|m, _| m.fields[0].dtype = Dtype::F32);
    lie(&|m, _| m.columns[0].kind = ColumnKind::List);
    lie(&|m, _| m.columns.clear());
    lie(&|m, p| rewrite(&mut m.segments[0].items, p, &|b| b.truncate(200)));
    lie(&|m, p| {
        rewrite(&mut m.segments[0].items, p, &|b| {
            let middle = b.len() / 3;
            b[middle..middle + 40].fill(0xff);
        });
    });
}
