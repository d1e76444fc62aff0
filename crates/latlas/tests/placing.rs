//! New points on maps that stay as they are, warm starts and aligned maps, against planted structure.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

use arrow_array::{Array, BooleanArray};
use latlas::geometry::{Geometry, Measure};
use latlas::index::{Exact, FieldRows, Graph};
use latlas::items::Items;
use latlas::linalg::Matrix;
use latlas::map::{
    Earlier, FaithfulnessOptions, Frozen, Layout, Pacmap, Pca, Placed, Placement, Settlement, Tsne,
    Umap, align, settle, table,
};
use latlas::run::{Run, Silent};
use latlas::space::{Provenance, Space};
use latlas::{Kind, Result};
use rand_xoshiro::rand_core::Rng;
use serde::Serialize;
use std::path::Path;

const CLUSTERS: usize = 6;
const DIM: usize = 12;

fn run(threads: usize) -> Run<'static> {
    Run { seed: 42, threads, progress: &Silent, checkpoint: None }
}

/// Points around six centres: of number i around centre i % 6, moved by `shift`.
fn mixture(rows: std::ops::Range<usize>, shift: f32) -> Matrix {
    let mut centres = latlas::run::stream(5, &[]);
    let normal = |random: &mut dyn FnMut() -> u32| {
        let mut uniform = || (f64::from(random()) + 0.5) / 4_294_967_296.0;
        (-2.0 * uniform().ln()).sqrt() * (std::f64::consts::TAU * uniform()).cos()
    };
    let centres: Vec<f64> =
        (0..CLUSTERS * DIM).map(|_| 2.0 * normal(&mut || centres.next_u32())).collect();
    let mut data = Vec::new();
    for i in rows.clone() {
        let mut random = latlas::run::stream(6, &[i as u64]);
        let centre = &centres[i % CLUSTERS * DIM..][..DIM];
        data.extend(centre.iter().map(|x| (x + normal(&mut || random.next_u32())) as f32 + shift));
    }
    Matrix::new(rows.len(), DIM, data).unwrap()
}

fn space_of(ids: impl Iterator<Item = usize>, vectors: Matrix, geometry: Geometry) -> Space {
    let items = Items::from_ids(ids.map(|i| format!("p{i}"))).unwrap();
    Space::builder("test", items).field("main", geometry, vectors).build().unwrap()
}

fn laid<M: Layout + Serialize>(space: &Space, method: &M, with: &Settlement<'_>) -> Placement {
    settle(space, "main", method, with, &run(2)).unwrap().placement
}

/// Stores a space with a map of it.
fn store(space: &Space, layout: &Placement, dir: &Path) -> Space {
    space.save(dir).unwrap();
    let options = FaithfulnessOptions { ks: vec![10], ..FaithfulnessOptions::default() };
    let faithfulness = layout.faithfulness(space, &options, &run(2)).unwrap();
    let (items, about) = table(space, layout, &faithfulness).unwrap();
    let mut edit = Space::edit(dir).unwrap();
    edit.set_map("map", &items, about).unwrap();
    edit.publish(Provenance::default()).unwrap()
}

/// The methods, each with the layout it makes of a space.
fn layouts(space: &Space) -> Vec<Placement> {
    let plain = Settlement::default();
    let few = Settlement { pca: Some(5), ..Settlement::default() };
    let tsne = Tsne { perplexity: vec![10.0, 25.0], iterations: 400, ..Tsne::default() };
    vec![
        laid(space, &Umap::default(), &plain),
        laid(space, &Umap { dims: 3, negative_sample_rate: 9, ..Umap::default() }, &few),
        laid(space, &tsne, &plain),
        laid(space, &Tsne { dims: 3, iterations: 300, ..Tsne::default() }, &few),
        laid(space, &Pacmap::default(), &plain),
        Pca::default().layout(space, "main", &run(2)).unwrap(),
    ]
}

fn rows(matrix: &Matrix, order: &[usize]) -> Matrix {
    let numbers = order.iter().flat_map(|&i| matrix.row(i)).copied().collect();
    Matrix::new(order.len(), matrix.cols(), numbers).unwrap()
}

/// The share of points whose nearest on the map are mostly of their own cluster.
fn agreement(map: &Matrix, placed: &Matrix, first: usize) -> f64 {
    let index = Exact::over(map.clone(), Measure::Euclidean).unwrap();
    let hits = index.search_batch(placed, &latlas::index::Query::nearest(7), 2).unwrap();
    let own = hits.iter().enumerate().filter(|(i, hits)| {
        hits.iter().filter(|hit| hit.row.index() % CLUSTERS == (first + i) % CLUSTERS).count() > 3
    });
    own.count() as f64 / placed.rows() as f64
}

fn size(map: &Matrix) -> f64 {
    let n = map.rows() as f64;
    let mean = |axis: usize| map.iter_rows().map(|y| f64::from(y[axis])).sum::<f64>() / n;
    let squares: f64 = (0..map.cols())
        .map(|axis| {
            let mean = mean(axis);
            map.iter_rows().map(|y| (f64::from(y[axis]) - mean).powi(2)).sum::<f64>()
        })
        .sum();
    (squares / n).sqrt()
}

fn apart(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>().sqrt()
}

#[test]
fn held_out_points_land_in_their_own_cluster_and_mapped_ones_near_themselves() {
    let space = space_of(0..900, mixture(0..900, 0.0), Geometry::Euclidean);
    let held_out = mixture(900..1002, 0.0);
    for layout in layouts(&space) {
        let (dir, name) = (tempfile::tempdir().unwrap(), layout.method);
        let stored = store(&space, &layout, &dir.path().join("a.space"));
        let frozen = Frozen::of(&stored, None).unwrap();
        assert_eq!((frozen.rows().len(), frozen.gained().len()), (900, 0));
        let placed = frozen.place(&held_out, &run(2)).unwrap();
        let found = agreement(&layout.coords, &placed.coords, 900);
        let own = agreement(&layout.coords, &layout.coords, 0);
        assert!(found > own - 0.04, "{name}: {found}, the map itself {own}");

        // They are like the mapped points: a hundredth is beyond the 99th percentile, half beyond the median.
        let novelty =
            placed.points.iter().map(|p| p.novelty).sum::<f64>() / placed.points.len() as f64;
        assert!((novelty - 0.5).abs() < 0.1 && placed.off_data() < 0.06, "{name}: {novelty}");
        let chance = 10.0 / 900.0;
        assert!(placed.neighbours_kept() > 5.0 * chance, "{name}");

        let again = frozen.place(&FieldRows::live(&stored, "main").unwrap(), &run(2)).unwrap();
        let size = size(&layout.coords);
        let mut off: Vec<f64> = layout
            .coords
            .iter_rows()
            .zip(again.coords.iter_rows())
            .map(|(a, b)| apart(a, b) / size)
            .collect();
        off.sort_by(f64::total_cmp);
        let (median, most) = if name == "pca" { (1e-6, 1e-5) } else { (0.05, 0.3) };
        assert!(off[450] < median && off[855] < most, "{name}: {} {}", off[450], off[855]);
    }
}

#[test]
fn a_point_stands_in_the_same_place_whatever_comes_with_it() {
    for geometry in [Geometry::Euclidean, Geometry::Cosine] {
        let space = space_of(0..300, mixture(0..300, 0.0), geometry);
        let new = mixture(300..340, 0.1);
        for layout in layouts(&space) {
            let dir = tempfile::tempdir().unwrap();
            let stored = store(&space, &layout, &dir.path().join("a.space"));
            let frozen = Frozen::of(&stored, Some("map")).unwrap();
            let place = |order: &[usize], threads| -> Placed {
                frozen.place(&rows(&new, order), &run(threads)).unwrap()
            };
            let order: Vec<usize> = (0..40).collect();
            let whole = place(&order, 1);
            assert_eq!(whole, place(&order, 2), "{}", layout.method);
            let reversed: Vec<usize> = (0..40).rev().collect();
            let backwards = place(&reversed, 2);
            for i in 0..40 {
                let alone = place(&[i], 1);
                for (other, at) in [(&alone, 0), (&backwards, 39 - i)] {
                    assert_eq!(whole.coords.row(i), other.coords.row(at), "{}", layout.method);
                    assert_eq!(whole.points[i], other.points[at], "{}", layout.method);
                }
            }
            // Twice the same vector: twice the same place.
            let twice = place(&[7, 3, 7], 2);
            assert_eq!(twice.coords.row(0), twice.coords.row(2));
        }
    }
}

#[test]
fn what_is_like_nothing_mapped_is_told() {
    let space = space_of(0..300, mixture(0..300, 0.0), Geometry::Euclidean);
    let layout =
        laid(&space, &Umap { epochs: Some(50), ..Umap::default() }, &Settlement::default());
    let dir = tempfile::tempdir().unwrap();
    let stored = store(&space, &layout, &dir.path().join("a.space"));
    let placed =
        Frozen::of(&stored, None).unwrap().place(&mixture(300..360, 25.0), &run(1)).unwrap();
    assert!(placed.points.iter().all(|point| point.novelty == 1.0));
    assert!(placed.off_data() == 1.0 && placed.nearest_ratio().unwrap() > 10.0);
    let numbers: Vec<f32> = placed.coords.as_slice().to_vec();
    assert!(numbers.iter().all(|x| x.is_finite()));
}

#[test]
fn items_that_a_space_gained_are_placed_and_the_others_stay() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.space");
    let space = space_of(0..300, mixture(0..300, 0.0), Geometry::Euclidean);
    let layout =
        laid(&space, &Umap { epochs: Some(80), ..Umap::default() }, &Settlement::default());
    let fresh = store(&space, &layout, &path);
    let refused = Frozen::of(&fresh, None).unwrap().grown(&run(1)).unwrap_err();
    assert_eq!(refused.kind(), Kind::Nothing);
    assert_eq!(refused.to_string(), "map 'map' has all 300 items on it already");

    let grow = |ids: std::ops::Range<usize>, gone: &[&str]| {
        let mut edit = Space::edit(&path).unwrap();
        let gone: Vec<_> = gone.iter().map(|id| edit.space().find(id).unwrap()).collect();
        edit.delete(&gone).unwrap();
        edit.append(&space_of(ids.clone(), mixture(ids, 0.0), Geometry::Euclidean)).unwrap();
        edit.publish(Provenance::default()).unwrap();
        let mut edit = Space::edit(&path).unwrap();
        let grown = Frozen::of(edit.space(), None).unwrap().grown(&run(2)).unwrap();
        let (items, about) = grown.stored.clone();
        edit.set_map("map", &items, about).unwrap();
        edit.publish(Provenance::default()).unwrap()
    };
    let first = grow(300..330, &["p5"]);
    // p5 comes back as another: it has to be placed, too. So does p300, which is not laid out for having been placed.
    let mut edit = Space::edit(&path).unwrap();
    edit.append(&space_of(5..6, mixture(11..12, 0.0), Geometry::Euclidean)).unwrap();
    edit.publish(Provenance::default()).unwrap();
    let second = grow(330..345, &["p7"]);

    let (about, items) = second.map(None).unwrap();
    assert_eq!(items.len(), 300 - 2 + 30 + 15 + 1);
    assert_eq!(about.about["placed"]["items"], 46);
    assert_eq!(about.about["origin"]["items"], 299);
    let placed: &BooleanArray =
        items.column("placed").unwrap().values.as_any().downcast_ref().unwrap();
    let earlier = Earlier::of(&second, None).unwrap();
    let before = Earlier::of(&first, None).unwrap();
    for (i, id) in items.ids().iter().flatten().enumerate() {
        let number: usize = id[1..].parse().unwrap();
        assert_eq!(placed.value(i), number >= 300 || number == 5, "{id}");
        if number < 300 && number != 5 {
            assert_eq!(earlier.get(id).unwrap(), layout.coords.row(number), "{id}");
        }
    }
    // What was placed on nearly the same map stands nearly where it stood.
    let off: Vec<f64> = (300..330)
        .map(|i| {
            apart(earlier.get(&format!("p{i}")).unwrap(), before.get(&format!("p{i}")).unwrap())
        })
        .collect();
    assert!(off.iter().filter(|&&off| off < 0.5).count() > 25, "{off:?}");
}

#[test]
fn another_space_gets_a_map_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let space = space_of(0..200, mixture(0..200, 0.0), Geometry::Cosine);
    let layout = laid(
        &space,
        &Tsne { iterations: 100, early_iterations: 50, ..Tsne::default() },
        &Settlement::default(),
    );
    let stored = store(&space, &layout, &dir.path().join("a.space"));
    let frozen = Frozen::of(&stored, None).unwrap();
    let new = space_of(200..230, mixture(200..230, 0.0), Geometry::Cosine);
    let path = dir.path().join("b.space");
    new.save(&path).unwrap();
    let mut edit = Space::edit(&path).unwrap();
    let (placed, items, about) = frozen.alone(edit.space(), &run(1)).unwrap();
    assert_eq!(about["into"]["xxh3"].as_str(), stored.map_hash("map"));
    assert_eq!(about["into"]["items"], 200);
    edit.set_map("map", &items, about).unwrap();
    let new = edit.publish(Provenance::default()).unwrap();
    let earlier = Earlier::of(&new, None).unwrap();
    assert_eq!(earlier.get("p217").unwrap(), placed.coords.row(17));
    // Nothing is placed on what was placed.
    let error = Frozen::of(&new, None).err().unwrap();
    assert_eq!(error.kind(), Kind::Data);
    assert!(error.message().starts_with("map 'map' was placed on map 'map' of "), "{error}");

    let other = |geometry, dim: usize, count: usize| {
        let items = Items::from_ids((0..count).map(|i| i.to_string())).unwrap();
        let vectors = Matrix::zeros(count, dim);
        Space::builder("test", items).field("main", geometry, vectors).build().unwrap()
    };
    for (wrong, says) in [
        (other(Geometry::Cosine, 3, 5), "has dimension 3, that of"),
        (other(Geometry::Euclidean, DIM, 5), "has geometry euclidean, that of"),
        (other(Geometry::Cosine, DIM, 0), "holds no items: there is nothing to place"),
    ] {
        let error = frozen.alone(&wrong, &run(1)).unwrap_err();
        assert_eq!(error.kind(), Kind::Data);
        assert!(error.message().contains(says) && error.way_out().is_some(), "{error}");
    }
    let mut bad = mixture(0..5, 0.0);
    bad.row_mut(3)[2] = f32::NAN;
    let error = frozen.place(&bad, &run(1)).unwrap_err();
    assert_eq!(error.to_string(), "row 4, component 3: NaN cannot be placed");
    let error = Frozen::of(&stored, Some("nowhere")).err().unwrap();
    assert_eq!(error.way_out(), Some("it has: map"));
    // A zero vector is at distance 1 from everything, and has a place.
    let zero = frozen.place(&Matrix::zeros(1, DIM), &run(1)).unwrap();
    assert!(zero.coords.as_slice().iter().all(|x| x.is_finite()));
}

/// Thousands of the same point, and maps of very few.
#[test]
fn duplicates_and_small_maps_place_too() -> Result<()> {
    let many = Matrix::new(600, 2, [1.0, 2.0].repeat(600))?;
    let few = mixture(0..4, 0.0);
    for vectors in [many, few] {
        let n = vectors.rows();
        let space = space_of(0..n, vectors.clone(), Geometry::Euclidean);
        let tsne =
            Tsne { perplexity: vec![1.5], iterations: 60, early_iterations: 30, ..Tsne::default() };
        let plain = Settlement::default();
        let mut layouts = vec![laid(&space, &Umap { epochs: Some(20), ..Umap::default() }, &plain)];
        layouts.push(laid(&space, &Pacmap { iterations: 30, ..Pacmap::default() }, &plain));
        if n == 4 {
            layouts.push(laid(&space, &tsne, &plain));
        }
        for layout in layouts {
            let dir = tempfile::tempdir().unwrap();
            let stored = store(&space, &layout, &dir.path().join("a.space"));
            let placed = Frozen::of(&stored, None)?.place(&rows(&vectors, &[0, 1, 0]), &run(2))?;
            assert!(placed.coords.as_slice().iter().all(|x| x.is_finite()), "{}", layout.method);
            assert_eq!(placed.coords.row(0), placed.coords.row(2));
            assert!(placed.points.iter().all(|p| (0.0..=1.0).contains(&p.novelty)));
        }
    }
    Ok(())
}

#[test]
fn a_map_goes_on_from_an_earlier_one() {
    let space = space_of(0..400, mixture(0..400, 0.0), Geometry::Euclidean);
    let plain = Settlement::default();
    for (first, on) in [
        (laid(&space, &Umap::default(), &plain), None),
        (laid(&space, &Tsne { iterations: 400, ..Tsne::default() }, &plain), Some(())),
    ] {
        let earlier = Earlier::from_layout("first", &space, &first).unwrap();
        // 40 items more, in another order.
        let ids: Vec<usize> = (0..440).rev().collect();
        let more =
            space_of(ids.iter().copied(), rows(&mixture(0..440, 0.0), &ids), Geometry::Euclidean);
        let with = Settlement { earlier: Some(&earlier), ..Settlement::default() };
        let (mut warm, mut cold) = if on.is_none() {
            (laid(&more, &Umap::default(), &with), laid(&more, &Umap::default(), &plain))
        } else {
            let tsne = Tsne { iterations: 400, ..Tsne::default() }.going_on();
            (
                laid(&more, &tsne, &with),
                laid(&more, &Tsne { iterations: 400, ..Tsne::default() }, &plain),
            )
        };
        assert_eq!(warm.figures["start"]["known"], 400);
        assert_eq!(warm.figures["start"]["items"], 440);
        // t-SNE goes on growing.
        let moved = align(&mut warm, &more, &earlier, true).unwrap();
        let free = align(&mut cold, &more, &earlier, true).unwrap();
        assert_eq!((moved.shared, free.shared), (400, 400));
        assert!(moved.median < 0.7 * free.median, "{}: {moved:?} {free:?}", first.method);
        // New items came to their own cluster.
        let label = |i: usize| ids[i] % CLUSTERS;
        let graph: Graph = Graph::from(
            &Exact::over(warm.coords.clone(), Measure::Euclidean).unwrap().knn(5, 2).unwrap(),
        );
        let own = (0..40).filter(|&i| {
            graph.neighbours(i).iter().filter(|&&j| label(j as usize) == label(i)).count() > 2
        });
        assert!(own.count() >= 37, "{}", first.method);
    }
}

#[test]
fn aligned_maps_move_less_and_a_tether_holds() {
    let space = space_of(0..400, mixture(0..400, 0.0), Geometry::Euclidean);
    // A year later: the same items, each a little elsewhere.
    let mut later = mixture(0..400, 0.0);
    let mut random = latlas::run::stream(9, &[]);
    for x in later.as_mut_slice() {
        *x += 0.3 * ((random.next_u32() >> 8) as f32 / (1 << 23) as f32 - 1.0);
    }
    let later = space_of(0..400, later, Geometry::Euclidean);
    let kept = |layout: &Placement| {
        let options = FaithfulnessOptions { ks: vec![10], ..FaithfulnessOptions::default() };
        layout.faithfulness(&later, &options, &run(2)).unwrap().at[0].neighbours_kept.value
    };
    let umap = Umap::default();
    let (tsne, on) = (
        Tsne { iterations: 400, ..Tsne::default() },
        Tsne { iterations: 400, ..Tsne::default() }.going_on(),
    );
    for by in ["umap", "tsne"] {
        let lay = |space: &Space, with: &Settlement<'_>| match (by, with.earlier) {
            ("umap", _) => laid(space, &umap, with),
            (_, None) => laid(space, &tsne, with),
            (_, Some(_)) => laid(space, &on, with),
        };
        let first = lay(&space, &Settlement::default());
        let earlier = Earlier::from_layout("first", &space, &first).unwrap();
        let moved = |tether: f64| {
            let with = Settlement { earlier: Some(&earlier), tether, ..Settlement::default() };
            let mut layout = lay(&later, &with);
            (align(&mut layout, &later, &earlier, false).unwrap().median, kept(&layout))
        };
        let mut alone = lay(&later, &Settlement::default());
        let independent = align(&mut alone, &later, &earlier, false).unwrap().median;
        let ((warm, _), (held, faithful), (nailed, _)) = (moved(0.0), moved(0.1), moved(100.0));
        // On such clear clusters independent t-SNEs, which begin along the same components, are nearly the same map.
        let share = if by == "umap" { 0.5 } else { 1.0 };
        assert!(by == "tsne" || warm < independent, "{by}: {warm} {independent}");
        assert!(held < warm && held < share * independent, "{by}: {held} {warm} {independent}");
        assert!(nailed < 0.2 * held + 0.01, "{by}: {nailed}");
        assert!(faithful > kept(&alone) - 0.1, "{by}: {faithful}, independent {}", kept(&alone));
    }
}

#[test]
fn alignment_names_what_does_not_fit() {
    let space = space_of(0..60, mixture(0..60, 0.0), Geometry::Euclidean);
    let mut layout = Pca::default().layout(&space, "main", &run(1)).unwrap();
    let earlier = Earlier::from_layout("a.space:pca", &space, &layout).unwrap();
    let others = space_of(100..160, mixture(100..160, 0.0), Geometry::Euclidean);
    let mut stranger = Pca::default().layout(&others, "main", &run(1)).unwrap();
    let error = align(&mut stranger, &others, &earlier, false).unwrap_err();
    assert_eq!(error.to_string(), "none of the items stands on map 'a.space:pca'");
    assert!(error.kind() == Kind::Data && error.way_out().is_some());
    let with = Settlement { earlier: Some(&earlier), ..Settlement::default() };
    let error = settle(&others, "main", &Umap::default(), &with, &run(1)).unwrap_err();
    assert_eq!(error.to_string(), "none of the items stands on map 'a.space:pca'");
    let mut solid = Pca { dims: 3, ..Pca::default() }.layout(&space, "main", &run(1)).unwrap();
    assert!(align(&mut solid, &space, &earlier, false).is_err());
    let two = space_of(58..70, mixture(58..70, 0.0), Geometry::Euclidean);
    let mut few = Pca::default().layout(&two, "main", &run(1)).unwrap();
    let error = align(&mut few, &two, &earlier, false).unwrap_err();
    assert!(error.message().starts_with("only 2 of the items stand on map"), "{error}");
    let tethered = Settlement { tether: 0.1, ..with };
    let error = settle(&space, "main", &Pacmap::default(), &tethered, &run(1)).unwrap_err();
    assert_eq!(error.to_string(), "pacmap holds no points by a tether");
    // A layout laid on itself stays where it is; mirrored, it comes back.
    let before = layout.coords.clone();
    for y in layout.coords.as_mut_slice().chunks_exact_mut(2) {
        y[0] = 3.0 - y[0];
    }
    let moved = align(&mut layout, &space, &earlier, true).unwrap();
    assert!(moved.rms < 1e-5, "{moved:?}");
    assert!(
        layout.coords.as_slice().iter().zip(before.as_slice()).all(|(a, b)| (a - b).abs() < 1e-4)
    );
}
