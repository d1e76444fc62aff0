//! Changes of all kinds, and readers beside them.

use super::*;

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
