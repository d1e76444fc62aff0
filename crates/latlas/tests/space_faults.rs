//! Every operation on the disk fails once, and the process is killed once at each: the space is absent, old or new.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use arrow_array::{Float64Array, StringArray};
use latlas::file::fault::{self, Fault};
use latlas::geometry::Geometry;
use latlas::items::{Column, ColumnKind, Items};
use latlas::linalg::Matrix;
use latlas::space::{Model, Provenance, check};
use latlas::{Kind, Result, Row, Space};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

fn space(ids: &[&str]) -> Space {
    let numbers =
        ids.iter().flat_map(|id| [id.len() as f32, f32::from(id.as_bytes()[0])]).collect();
    Space::builder("test", Items::from_ids(ids).unwrap())
        .field("main", Geometry::Cosine, Matrix::new(ids.len(), 2, numbers).unwrap())
        .model(model(ids.len()))
        .build()
        .unwrap()
}

fn model(rows: usize) -> Model {
    Model::builder("test", 1, serde_json::json!({ "rows": rows }))
        .tensor("weights", &[rows], vec![0.5_f32; rows])
        .build()
        .unwrap()
}

fn layout(space: &Space) -> Items {
    let items = space.items(Some(&[])).unwrap();
    let numbers: Float64Array = (0..items.len()).map(|i| Some(i as f64)).collect();
    let axis = |name: &str| Column {
        name: name.into(),
        kind: ColumnKind::Number,
        values: Arc::new(numbers.clone()),
    };
    items.with_column(axis("x")).unwrap().with_column(axis("y")).unwrap()
}

/// What tells one state of a space from another: ids with their vectors, columns, maps and model.
fn state(path: &Path) -> Option<String> {
    if !path.exists() {
        return None;
    }
    let space = Space::open(path).unwrap();
    let main = space.field("main").unwrap();
    let rows: Vec<Row> = space.live().collect();
    let ids: Vec<&str> = rows.iter().map(|&row| space.id(row)).collect();
    let maps: Vec<String> = space
        .maps()
        .iter()
        .map(|m| format!("{} {:?}", m.name, space.map(Some(&m.name)).ok().map(|(_, t)| t.len())))
        .collect();
    let columns = space.items(None).unwrap();
    let model = space.model().unwrap();
    let weights = model.tensor("weights").unwrap().f32().unwrap().len();
    let model = format!("{:?} {weights}", model.config());
    Some(format!(
        "{ids:?} {:?} {:?} {maps:?} {model}",
        main.gather(&rows).as_slice(),
        columns.columns()
    ))
}

type Act = fn(&Path) -> Result<()>;

fn edit(path: &Path, change: impl FnOnce(&mut latlas::space::Edit) -> Result<()>) -> Result<()> {
    let mut edit = Space::edit(path)?;
    change(&mut edit)?;
    edit.publish(Provenance { action: "test".into(), ..Provenance::default() }).map(drop)
}

/// Everything that writes, each on a space of two segments, a deleted row, a map and a model ("save": on nothing).
const CASES: [(&str, Act); 7] = [
    ("save", |path| space(&["a", "bb"]).save(path)),
    ("replace", |path| space(&["x", "yy", "zzz"]).save(path)),
    ("append", |path| edit(path, |e| e.append(&space(&["new", "newer"])))),
    ("delete", |path| edit(path, |e| e.delete(&[Row(1)]))),
    ("columns", |path| {
        edit(path, |e| {
            let values: StringArray =
                (0..e.space().count()).map(|i| Some(format!("v{i}"))).collect();
            e.set_columns(vec![Column {
                name: "c".into(),
                kind: ColumnKind::Text,
                values: Arc::new(values),
            }])
        })
    }),
    ("map", |path| {
        edit(path, |e| {
            let table = layout(e.space());
            e.set_map("tsne", &table, serde_json::json!({}))
        })
    }),
    ("compact", |path| edit(path, latlas::space::Edit::compact)),
];

fn prepare(case: &str, path: &Path) {
    if case == "save" {
        return;
    }
    space(&["a", "bb", "ccc"]).save(path).unwrap();
    edit(path, |e| e.append(&space(&["dddd", "e"]))).unwrap();
    edit(path, |e| {
        e.delete(&[Row(0), Row(4)])?;
        let table = layout(e.space());
        e.set_map("pca", &table, serde_json::json!({"method": "pca"}))
    })
    .unwrap();
}

/// A folder for one trial, in memory where the system has such: hundreds of fsyncs on a disk take their time.
fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap()
}

/// A fresh folder for one trial, and the target in it.
fn trial(case: &str) -> (tempfile::TempDir, PathBuf) {
    let dir = folder();
    let path = dir.path().join("en.space");
    prepare(case, &path);
    (dir, path)
}

/// A trial that nothing disturbs: the state before and after.
fn undisturbed(case: &str, act: Act) -> (Option<String>, Option<String>) {
    let (_dir, path) = trial(case);
    let before = state(&path);
    act(&path).unwrap();
    let after = state(&path);
    assert_ne!(before.is_some(), case == "save");
    assert!(before != after || case == "compact");
    (before, after)
}

/// Whatever happened, the next writer gets the new state, and leaves nothing lying about.
fn recovers(case: &str, act: Act, path: &Path, after: Option<&String>, what: &str) {
    if state(path).as_ref() != after || case == "compact" {
        act(path).unwrap_or_else(|e| panic!("{what}: {e}"));
    } else {
        edit(path, |_| Ok(())).unwrap();
    }
    assert_eq!(state(path).as_ref(), after, "{what}");
    let report = check(path, false).unwrap();
    assert!(report.is_sound() && report.leftovers.is_empty(), "{what}: {report:?}");
    let beside: Vec<_> = std::fs::read_dir(path.parent().unwrap())
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    assert_eq!(beside, ["en.space"], "{what}");
}

#[test]
fn every_operation_may_fail_once() {
    for (case, act) in CASES {
        let (before, after) = undisturbed(case, act);
        let mut failures = 0;
        for n in 0.. {
            let what = format!("{case}, operation {n}");
            let (_dir, path) = trial(case);
            let earlier = Space::open(&path).ok();
            fault::arm(
                n,
                Fault::Fail([ErrorKind::StorageFull, ErrorKind::PermissionDenied][n as usize % 2]),
            );
            let done = act(&path);
            let operations = fault::disarm();
            let found = state(&path);
            assert!(found == before || found == after, "{what}: {found:?}");
            match &done {
                Ok(()) => assert_eq!(found, after, "{what}"),
                Err(error) => {
                    failures += 1;
                    assert_eq!(error.kind(), Kind::Io, "{what}: {error}");
                    assert!(error.message().contains("en.space"), "{what}: {error}");
                }
            }
            if let Some(earlier) = earlier {
                assert_eq!(
                    earlier.live().map(|row| earlier.id(row)).collect::<Vec<_>>(),
                    ["bb", "ccc", "dddd"],
                    "{what}"
                );
            }
            recovers(case, act, &path, after.as_ref(), &what);
            if operations <= n {
                done.unwrap();
                break;
            }
        }
        assert!(failures >= 8, "{case}: only {failures} operations can fail?");
    }
}

const CASE: &str = "LATLAS_TEST_CASE";

/// Not a test by itself: what the next one runs in a process of its own, to be killed.
#[test]
fn victim() {
    let Ok(plan) = std::env::var(CASE) else { return };
    let [case, n, path] = plan.splitn(3, ' ').collect::<Vec<_>>()[..] else { panic!("{plan}") };
    let (_, act) = CASES.into_iter().find(|(name, _)| *name == case).unwrap();
    fault::arm_process(&format!("{n}:kill")).unwrap();
    act(Path::new(path)).unwrap();
}

#[cfg(unix)]
#[test]
fn the_process_may_be_killed_at_every_operation() {
    use std::os::unix::process::ExitStatusExt;
    for (case, act) in CASES {
        let (before, after) = undisturbed(case, act);
        let mut states = std::collections::BTreeSet::new();
        for n in 0.. {
            let what = format!("{case}, killed at operation {n}");
            let (_dir, path) = trial(case);
            let victim = Command::new(std::env::current_exe().unwrap())
                .args(["victim", "--exact"])
                .env(CASE, format!("{case} {n} {}", path.display()))
                .output()
                .unwrap();
            let found = state(&path);
            assert!(found == before || found == after, "{what}: {found:?}");
            states.insert(found.clone());
            if path.exists() && n % 2 == 0 {
                let report = check(&path, true).unwrap();
                assert!(report.is_sound() && report.swept, "{what}: {report:?}");
                assert_eq!(state(&path), found, "{what}: a repair changes nothing");
            }
            recovers(case, act, &path, after.as_ref(), &what);
            if victim.status.success() {
                assert!(n > 8, "{case}: only {n} operations");
                break;
            }
            assert_eq!(
                victim.status.signal(),
                Some(6),
                "{what}: {}",
                String::from_utf8_lossy(&victim.stdout)
            );
        }
        assert!(
            states.len() == 2 || case == "compact",
            "{case}: kills before and after the rename were both met"
        );
    }
}
