//! Graphs that are kept with a space.

use super::*;

fn saved(dir: &std::path::Path, points: Matrix) -> Space {
    let items = Items::from_ids((0..points.rows()).map(|i| format!("p{i}"))).unwrap();
    let space =
        Space::builder("test", items).field("main", Geometry::Cosine, points).build().unwrap();
    space.save(dir).unwrap();
    Space::open(dir).unwrap()
}

#[test]
fn a_graph_is_kept_with_its_space_and_used_where_it_fits() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.space");
    let points = mixture(6, 300, 6);
    let space = saved(&path, points.clone());
    let ears = Ears::default();
    let run = Run { progress: &ears, ..with_threads(1) };
    let graph = neighbours(&space, "main", &exact(12), &run).unwrap();
    assert_eq!(graph, searched(&points, Geometry::Cosine, 12));
    let step = || Provenance { action: "test".into(), ..Provenance::default() };
    let mut edit = Space::edit(&path).unwrap();
    keep_neighbours(&mut edit, "main", &graph, &exact(12), &run).unwrap();
    edit.publish(step()).unwrap();
    assert_eq!(ears.heard(), Vec::<String>::new());

    let space = Space::open(&path).unwrap();
    assert!(check(&path, false).unwrap().is_sound());
    assert_eq!((space.graphs()[0].k, space.graphs()[0].field.as_str()), (12, "main"));
    assert_eq!(neighbours(&space, "main", &exact(12), &run).unwrap(), graph);
    let fewer = neighbours(&space, "main", &NeighbourOptions::nearest(5), &run).unwrap();
    assert_eq!(fewer, searched(&points, Geometry::Cosine, 5));
    assert_eq!(ears.heard(), vec!["neighbours: those kept with the space (12 of each)"; 2]);
    // Not for more neighbours, nor for those that another method would find.
    let more = neighbours(&space, "main", &exact(13), &run).unwrap();
    assert_eq!((more.k(), ears.heard().len()), (13, 0));
    let found = neighbours(&space, "main", &cells(12), &run).unwrap();
    assert!(ears.heard()[0].starts_with("neighbours by cells: "));

    // One by cells is used again under the same seed and options, with its recall.
    let mut edit = Space::edit(&path).unwrap();
    keep_neighbours(&mut edit, "main", &found, &cells(12), &run).unwrap();
    let space = edit.publish(step()).unwrap();
    assert_eq!(space.graphs().len(), 1, "it takes the place of the one before");
    assert_eq!(neighbours(&space, "main", &cells(12), &run).unwrap(), found);
    assert_eq!(ears.heard().len(), 1);
    let other = Run { seed: 1, ..run.clone() };
    neighbours(&space, "main", &cells(12), &other).unwrap();
    assert!(ears.heard()[0].starts_with("neighbours by cells: "));

    // Columns leave it alone, deleted rows make it stale, and a compacted space keeps what is not.
    let mut edit = Space::edit(&path).unwrap();
    edit.delete(&[Row(3)]).unwrap();
    let space = edit.publish(step()).unwrap();
    assert_eq!(space.graph("main").unwrap_err().kind(), Kind::Nothing);
    let graph = neighbours(&space, "main", &exact(4), &run).unwrap();
    assert_eq!((graph.len(), ears.heard().len()), (299, 0));
    let mut edit = Space::edit(&path).unwrap();
    keep_neighbours(&mut edit, "main", &graph, &exact(4), &run).unwrap();
    edit.compact().unwrap();
    let space = edit.publish(step()).unwrap();
    assert_eq!(neighbours(&space, "main", &exact(4), &run).unwrap(), graph);
    assert_eq!(ears.heard().len(), 1);
    assert!(check(&path, false).unwrap().is_sound());
    let copy = dir.path().join("b.space");
    space.save(&copy).unwrap();
    let copy = Space::open(&copy).unwrap();
    assert_eq!(copy.graph("main").unwrap().neighbours(), numbers_of(&graph));
}

#[test]
fn a_damaged_graph_is_told_of_and_dropped() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.space");
    let space = saved(&path, mixture(6, 100, 3));
    let ears = Ears::default();
    let run = Run { progress: &ears, ..with_threads(1) };
    let graph = neighbours(&space, "main", &exact(6), &run).unwrap();
    let mut edit = Space::edit(&path).unwrap();
    keep_neighbours(&mut edit, "main", &graph, &exact(6), &run).unwrap();
    edit.publish(Provenance::default()).unwrap();
    let file = std::fs::read_dir(path.join("graphs")).unwrap().next().unwrap().unwrap().path();
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[200] ^= 4;
    std::fs::write(&file, bytes).unwrap();
    let space = Space::open(&path).unwrap();
    assert_eq!(neighbours(&space, "main", &exact(6), &run).unwrap(), graph);
    let heard = ears.heard();
    assert!(heard[0].contains("damaged") && heard[0].contains("looked for again"), "{heard:?}");
    let report = check(&path, false).unwrap();
    assert!(report.problems[0].file.starts_with("graphs/main-"), "{report:?}");
    assert!(check(&path, true).unwrap().is_sound());
    assert!(Space::open(&path).unwrap().graphs().is_empty());
    assert!(!file.exists());
}
