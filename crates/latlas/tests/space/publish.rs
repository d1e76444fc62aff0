//! Generations, writers that meet, maps that are stale, and names that are near.

use super::*;

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
