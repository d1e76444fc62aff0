//! Changes that lie over a generation: seen at once, kept by the log, folded into the next generation.

use std::collections::BTreeMap;
use std::path::Path;

use latlas::file::fault::{self, Fault};
use latlas::geometry::Geometry;
use latlas::items::json::value;
use latlas::items::{ColumnKind, Items, json};
use latlas::linalg::Matrix;
use latlas::space::{Change, Changed, Dtype, Given, Provenance, Writer, check};
use latlas::{Row, Space};
use rand_xoshiro::rand_core::Rng;
use serde_json::{Value, json as object};

/// What a space should hold: vector and columns by id.
type Model = BTreeMap<String, (Vec<f32>, BTreeMap<String, Value>)>;

fn made(path: &Path) -> Model {
    let ids = ["a", "b/c", "ç"];
    let years = [object!(2001), Value::Null, object!(2003)];
    let tags = [object!(["x"]), object!([]), Value::Null];
    let column = |name: &str, kind, values: &[Value]| {
        json::column(name, kind, None, &values.iter().map(Some).collect::<Vec<_>>()).unwrap()
    };
    let items = Items::from_ids(ids).unwrap();
    let items = items.with_column(column("year", ColumnKind::Integer, &years)).unwrap();
    let items = items.with_column(column("tags", ColumnKind::List, &tags)).unwrap();
    let vectors = Matrix::new(3, 2, vec![0.0, 1.0, 2.0, 3.0, 4.0, 5.0]).unwrap();
    let second = Matrix::new(3, 1, vec![9.0; 3]).unwrap();
    let space = Space::builder("test", items).field("main", Geometry::Euclidean, vectors).field(
        "output",
        Geometry::Euclidean,
        second,
    );
    space.build().unwrap().save(path).unwrap();
    held(&Space::open(path).unwrap())
}

fn held(space: &Space) -> Model {
    let items = space.items(None).unwrap();
    let field = space.field("main").unwrap();
    let mut model = Model::new();
    for (at, row) in space.live().enumerate() {
        assert_eq!(items.ids().value(at), space.id(row));
        assert_eq!(space.get(space.id(row)), Some(row));
        let columns = items.columns().iter().filter(|c| !value(c, at).is_null());
        let columns = columns.map(|c| (c.name.clone(), value(c, at))).collect();
        model.insert(space.id(row).to_owned(), (field.gather(&[row]).into_vec(), columns));
    }
    assert_eq!(model.len(), space.count());
    model
}

fn given(id: &str, x: f32, columns: &Value) -> Given {
    Given {
        id: id.to_owned(),
        vectors: [("main".to_owned(), vec![x, -x])].into(),
        columns: columns.as_object().unwrap().clone(),
    }
}

#[test]
fn a_long_run_of_changes_is_as_a_table_would_have_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s.space");
    let mut model = made(&path);
    let mut writer = Writer::begin(&path).unwrap();
    let mut random = latlas::run::stream(3, &[]);
    let mut below = |n: u64| random.next_u64() % n;
    for step in 0..400 {
        let mut changes = Vec::new();
        for _ in 0..=below(2) {
            if below(4) == 0 {
                let ids: Vec<String> = (0..below(6)).map(|_| format!("i{}", below(40))).collect();
                for id in &ids {
                    model.remove(id);
                }
                changes.push(Change::Delete(ids));
                continue;
            }
            let mut put: BTreeMap<String, Given> = BTreeMap::new();
            for _ in 0..below(5) {
                let columns = match below(3) {
                    0 => object!({}),
                    1 => object!({ "year": below(3000) }),
                    _ => object!({ "tags": ["y", null], "year": null }),
                };
                let id = format!("i{}", below(40));
                put.insert(id.clone(), given(&id, below(1000) as f32, &columns));
            }
            let put: Vec<Given> = put.into_values().collect();
            changes.push(Change::Put(writer.points(&put).unwrap()));
            for item in put {
                let columns = item.columns.into_iter().filter(|(_, v)| !v.is_null()).collect();
                model.insert(item.id, (item.vectors["main"].clone(), columns));
            }
        }
        writer.make(&changes).unwrap();
        if step % 57 == 56 {
            writer.fold().unwrap();
            assert_eq!((writer.changes(), writer.space().changes()), (0, 0));
        }
        if step % 7 == 0 {
            assert_eq!(held(writer.space()), model, "step {step}");
            assert_eq!(held(&Space::open(&path).unwrap()), model, "step {step}, read again");
        }
    }
    let years: Vec<&str> = {
        let space = writer.space();
        space.matching("year >= 1000").unwrap().into_iter().map(|row| space.id(row)).collect()
    };
    let wanted =
        model.iter().filter(|(_, (_, c))| c.get("year").is_some_and(|y| y.as_i64() >= Some(1000)));
    let mut years: Vec<String> = years.into_iter().map(str::to_owned).collect();
    years.sort();
    assert_eq!(years, wanted.map(|(id, _)| id.clone()).collect::<Vec<_>>());
    drop(writer);
    assert!(check(&path, false).unwrap().is_sound());
    // An edit takes up what is in the log.
    let space = Space::edit(&path).unwrap().publish(Provenance::default()).unwrap();
    assert_eq!((space.changes(), held(&space)), (0, model));
    let told: Vec<&str> = space.provenance().iter().map(|step| step.action.as_str()).collect();
    assert_eq!(told, ["changes", ""]);
    assert_eq!(
        std::fs::read_dir(&path)
            .unwrap()
            .filter(|e| { e.as_ref().unwrap().path().extension().is_some_and(|e| e == "wal") })
            .count(),
        0
    );
}

#[test]
fn what_changed_is_told_and_rows_are_looked_up() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s.space");
    made(&path);
    let mut writer = Writer::begin(&path).unwrap();
    let put = [given("a", 7.0, &object!({"year": 5})), given("new", 8.0, &object!({}))];
    let put = Change::Put(writer.points(&put).unwrap());
    let told = writer.make(&[put, Change::Delete(vec!["ç".into(), "ç".into(), "zz".into()])]);
    let told = told.unwrap();
    assert_eq!(told[0], Changed { added: 1, replaced: 1, deleted: 0 });
    assert_eq!(told[1], Changed { added: 0, replaced: 0, deleted: 1 });
    let space = writer.space();
    space.keep_columns();
    for _ in 0..2 {
        let rows: Vec<Row> = ["new", "b/c", "a"].iter().map(|id| space.find(id).unwrap()).collect();
        let items = space.look_up(&rows, &["tags", "year"]).unwrap();
        let ids: Vec<&str> = items.ids().iter().flatten().collect();
        assert_eq!(ids, ["new", "b/c", "a"]);
        let column = |name: &str| items.column(name).unwrap().clone();
        let read = |name: &str| (0..3).map(|at| value(&column(name), at)).collect::<Value>();
        assert_eq!(read("year"), object!([null, null, 5]));
        assert_eq!(read("tags"), object!([null, [], null]));
    }
    assert!(space.look_up(&[], &["yaer"]).unwrap_err().way_out().unwrap().contains("'year'"));
    // Another writer is told who is there; readers are not kept away.
    assert!(Space::edit(&path).unwrap_err().message().contains("is being written by process"));
    assert_eq!(Space::open(&path).unwrap().changes(), 2);
}

#[test]
fn what_does_not_fit_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s.space");
    made(&path);
    let space = Space::open(&path).unwrap();
    let refused = |given: Given| space.points(&[given]).unwrap_err().to_string();
    let of = |vector: Vec<f32>| Given {
        vectors: [("main".to_owned(), vector)].into(),
        ..given("n", 0.0, &object!({}))
    };
    assert!(
        refused(of(vec![1.0])).contains("of item 'n' has 1 numbers, those of this space have 2")
    );
    assert!(refused(of(vec![1.0, f32::NAN])).contains("('n'), column 2 is NaN"));
    assert!(
        refused(Given { vectors: BTreeMap::new(), ..of(vec![]) }).contains("'n' has no vector")
    );
    assert!(refused(given("", 1.0, &object!({}))).contains("an empty id"));
    let odd = space.points(&[given("n", 1.0, &object!({"yaer": 1}))]).unwrap_err();
    assert_eq!(odd.way_out(), Some("did you mean 'year'?"));
    assert!(
        refused(given("n", 1.0, &object!({"year": "x"}))).contains("\"x\" is not a whole number")
    );
    assert!(refused(given("n", 1.0, &object!({"tags": [1]}))).contains("1 is not text"));
    let twice = [given("n", 1.0, &object!({})), given("n", 2.0, &object!({}))];
    assert!(
        space.points(&twice).unwrap_err().message().contains("id 'n' stands in row 1 and again")
    );
}

#[test]
fn a_log_that_is_damaged_is_named_and_one_that_was_cut_short_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s.space");
    made(&path);
    let mut writer = Writer::begin(&path).unwrap();
    for x in 0..3 {
        let put = writer.points(&[given(&format!("n{x}"), x as f32, &object!({"year": x}))]);
        writer.make(&[Change::Put(put.unwrap())]).unwrap();
    }
    drop(writer);
    let log = path.join("log-0001.wal");
    let good = std::fs::read(&log).unwrap();
    for place in 0..good.len() {
        let mut bytes = good.clone();
        bytes[place] ^= 0x10;
        std::fs::write(&log, &bytes).unwrap();
        let report = check(&path, false).unwrap();
        let told = report.torn > 0 || report.problems.iter().any(|p| p.file == "log-0001.wal");
        assert!(told, "byte {place}");
        match Space::open(&path) {
            Ok(space) => assert_eq!(space.count(), 5, "byte {place}"),
            Err(error) => assert!(error.message().contains("log-0001.wal"), "{error}"),
        }
    }
    std::fs::write(&log, &good[..good.len() - 1]).unwrap();
    assert_eq!(Space::open(&path).unwrap().count(), 5);
    assert_eq!(Writer::begin(&path).unwrap().space().count(), 5);
    assert!(!log.exists());
    // A log of another generation is swept.
    std::fs::write(&log, &good).unwrap();
    assert_eq!(Space::open(&path).unwrap().count(), 5);
    assert_eq!(check(&path, true).unwrap().leftovers, ["log-0001.wal"]);
    assert!(!log.exists());
}

#[test]
fn whatever_fails_what_was_acknowledged_is_there_and_the_rest_wholly_or_not() {
    for n in 0.. {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s.space");
        let first = made(&path).len();
        let mut writer = Writer::begin(&path).unwrap();
        let put = |writer: &Writer, ids: &[&str]| {
            let given: Vec<Given> = ids.iter().map(|id| given(id, 1.0, &object!({}))).collect();
            Change::Put(writer.points(&given).unwrap())
        };
        fault::arm(n, Fault::Fail(std::io::ErrorKind::StorageFull));
        let one = put(&writer, &["n1", "n2"]);
        let one = writer.make(&[one]).is_ok();
        let folded = writer.fold().is_ok();
        let two = put(&writer, &["n3", "n4"]);
        let two = writer.make(&[two]).is_ok();
        let operations = fault::disarm();
        let there = |space: &Space, id: &str| space.get(id).is_some();
        let seen = writer.space().clone();
        drop(writer);
        for space in [seen, Space::open(&path).unwrap()] {
            for (ids, made) in [(["n1", "n2"], one), (["n3", "n4"], two)] {
                assert_eq!(there(&space, ids[0]), there(&space, ids[1]), "operation {n}: half");
                assert!(there(&space, ids[0]) || !made, "operation {n}: lost");
            }
            assert!(space.count() >= first + 2 * (usize::from(one) + usize::from(two)));
        }
        // What the fault left is no obstacle to the next.
        let mut writer = Writer::begin(&path).unwrap();
        let last = put(&writer, &["n5"]);
        writer.make(&[last]).unwrap();
        assert!(there(&Space::open(&path).unwrap(), "n5"), "operation {n}");
        drop(writer);
        assert!(check(&path, false).unwrap().is_sound(), "operation {n}");
        if operations <= n {
            assert!(one && folded && two && n > 15, "{n} operations");
            break;
        }
    }
}

#[test]
fn halves_are_the_same_before_and_after_a_fold() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s.space");
    let vectors = Matrix::new(1, 2, vec![1.0, 2.0]).unwrap();
    let space = Space::builder("test", Items::from_ids(["a"]).unwrap()).dtype(Dtype::F16);
    space.field("main", Geometry::Cosine, vectors).build().unwrap().save(&path).unwrap();
    let mut writer = Writer::begin(&path).unwrap();
    let put = writer.points(&[given("n", 0.1, &object!({}))]).unwrap();
    writer.make(&[Change::Put(put)]).unwrap();
    let vector =
        |space: &Space| space.field("main").unwrap().gather(&[space.find("n").unwrap()]).into_vec();
    let before = vector(writer.space());
    assert_ne!(before, [0.1, -0.1]);
    writer.fold().unwrap();
    assert_eq!(vector(writer.space()), before);
    assert!(writer.points(&[given("big", 70_000.0, &object!({}))]).is_err());
}

#[test]
fn a_repair_keeps_what_is_in_the_log() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s.space");
    made(&path);
    let mut writer = Writer::begin(&path).unwrap();
    let put = Change::Put(writer.points(&[given("n", 1.0, &object!({}))]).unwrap());
    writer.make(&[put]).unwrap();
    drop(writer);
    std::fs::write(path.join("ids-0001.idx"), b"nonsense").unwrap();
    assert!(check(&path, true).unwrap().is_sound());
    let space = Space::open(&path).unwrap();
    assert_eq!((space.generation(), space.count(), space.changes()), (2, 4, 1));
    assert_eq!(Writer::begin(&path).unwrap().space().count(), 4);
    let space = Space::open(&path).unwrap();
    assert_eq!((space.generation(), space.count(), space.changes()), (3, 4, 0));
    // A repair where there is no log yet: the next one is where readers look for it.
    let broken = std::fs::read_dir(&path).unwrap().flatten().map(|e| e.path());
    let broken = broken.filter(|p| p.extension().is_some_and(|e| e == "idx")).max().unwrap();
    std::fs::write(broken, b"nonsense").unwrap();
    assert!(check(&path, true).unwrap().is_sound());
    let mut writer = Writer::begin(&path).unwrap();
    let put = Change::Put(writer.points(&[given("m", 1.0, &object!({}))]).unwrap());
    writer.make(&[put]).unwrap();
    drop(writer);
    let space = Space::open(&path).unwrap();
    assert_eq!((space.generation(), space.count(), space.changes()), (4, 5, 1));
    assert!(check(&path, true).unwrap().is_sound());
    assert_eq!(Writer::begin(&path).unwrap().replayed(), 1);
    assert_eq!(Space::open(&path).unwrap().count(), 5);
}
