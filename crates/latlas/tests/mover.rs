//! Exact transport against brute force and its own proof; word mover's distance and the odd one out against gensim.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use latlas::geometry::Geometry;
use latlas::index::{WordMover, doesnt_match, wmd};
use latlas::items::Items;
use latlas::linalg::{Matrix, transport};
use latlas::{Kind, Row, Space, run};
use proptest::prelude::*;
use rand_xoshiro::rand_core::Rng;

/// The least cost over all assignments of units to units.
fn brute(supply: &[u64], demand: &[u64], costs: &[f64]) -> f64 {
    let units = |masses: &[u64]| {
        masses.iter().enumerate().flat_map(|(i, &m)| vec![i; m as usize]).collect::<Vec<_>>()
    };
    least(&units(supply), &mut units(demand), demand.len(), costs)
}

/// The least cost of giving each unit of `rows` one of `columns`.
fn least(rows: &[usize], columns: &mut Vec<usize>, m: usize, costs: &[f64]) -> f64 {
    let Some((&row, rows)) = rows.split_first() else { return 0.0 };
    let mut best = f64::INFINITY;
    for i in 0..columns.len() {
        let column = columns.swap_remove(i);
        best = best.min(costs[row * m + column] + least(rows, columns, m, costs));
        columns.push(column);
        let last = columns.len() - 1;
        columns.swap(i, last);
    }
    best
}

/// Flows fit the masses, and the potentials prove that nothing is cheaper.
fn prove(supply: &[u64], demand: &[u64], costs: &[f64]) -> f64 {
    let found = transport(supply, demand, costs).unwrap();
    let (mut out, mut into) = (vec![0; supply.len()], vec![0; demand.len()]);
    for &(i, j, flow) in &found.flows {
        assert!(flow > 0);
        out[i as usize] += flow;
        into[j as usize] += flow;
    }
    assert_eq!((out.as_slice(), into.as_slice()), (supply, demand));
    let (u, v) = &found.potentials;
    for (i, u) in u.iter().enumerate() {
        for (j, v) in v.iter().enumerate() {
            let cost = costs[i * demand.len() + j];
            assert!(u + v <= cost + 1e-9 * (1.0 + cost.abs()), "{i}, {j}: {u} + {v} > {cost}");
        }
    }
    let value = |masses: &[u64], prices: &[f64]| -> f64 {
        masses.iter().zip(prices).map(|(&mass, price)| mass as f64 * price).sum()
    };
    let dual = value(supply, u) + value(demand, v);
    assert!((dual - found.cost).abs() <= 1e-9 * (1.0 + found.cost.abs()), "{dual} {}", found.cost);
    found.cost
}

#[test]
fn a_small_transport_is_that_found_by_hand() {
    // Three units at the first place, one at the second, two wanted at each. Moving two and one from the first and one
    // from the second costs 2·1 + 4 + 1 = 7; the only other way is to send the second's one across: 1 + 2·4 + 2 = 11.
    assert_eq!(prove(&[3, 1], &[2, 2], &[1.0, 4.0, 2.0, 1.0]), 7.0);
    assert_eq!(prove(&[5], &[2, 3], &[1.0, 2.0]), 8.0);
    assert_eq!(prove(&[0, 4], &[4, 0], &[0.0, 0.0, -3.0, 0.0]), -12.0);
    assert_eq!(prove(&[], &[], &[]), 0.0);
    assert!(transport(&[1], &[2], &[0.0]).is_err());
    assert!(transport(&[1], &[1], &[f64::NAN]).is_err());
}

proptest! {
    #[test]
    fn transport_is_the_cheapest_of_all(seed in 0..u64::MAX) {
        let mut random = run::stream(seed, &[]);
        let mut below = |n: u64| random.next_u64() % n;
        let (n, m, units) = (1 + below(4) as usize, 1 + below(4) as usize, 1 + below(7));
        let mut masses = |places: usize| {
            let mut masses = vec![0; places];
            (0..units).for_each(|_| masses[below(places as u64) as usize] += 1);
            masses
        };
        let (supply, demand) = (masses(n), masses(m));
        // Few different costs, so that many ways are equally cheap.
        let costs: Vec<f64> = (0..n * m).map(|_| below(6) as f64 / 2.0).collect();
        prop_assert_eq!(prove(&supply, &demand, &costs), brute(&supply, &demand, &costs));
    }

    #[test]
    fn larger_transports_carry_their_proof(seed in 0..u64::MAX) {
        let mut random = run::stream(seed, &[]);
        let mut below = |n: u64| random.next_u64() % n;
        let (n, m) = (1 + below(40) as usize, 1 + below(40) as usize);
        let (mut supply, mut demand) = (vec![0; n], vec![0; m]);
        for _ in 0..1_000 {
            let amount = below(1 << 30);
            supply[below(n as u64) as usize] += amount;
            demand[below(m as u64) as usize] += amount;
        }
        let costs: Vec<f64> = (0..n * m).map(|_| below(1 << 20) as f64 / 1e3).collect();
        prove(&supply, &demand, &costs);
    }
}

/// Words w0–w39 of six numbers, ((37i + 61j + 17ij + 5i²) mod 101) − 50.
fn planted(geometry: Geometry) -> Space {
    let numbers = (0..40_i32).flat_map(|i| {
        (0..6).map(move |j| ((i * 37 + j * 61 + i * j * 17 + i * i * 5) % 101 - 50) as f32)
    });
    let vectors = Matrix::new(40, 6, numbers.collect()).unwrap();
    let items = Items::from_ids((0..40).map(|i| format!("w{i}"))).unwrap();
    Space::builder("test", items).field("main", geometry, vectors).build().unwrap()
}

fn words(numbers: &[usize]) -> Vec<String> {
    numbers.iter().map(|i| format!("w{i}")).collect()
}

/// gensim 4.4.0 with POT: `KeyedVectors.wmdistance(a, b)` on the same vectors, and with `norm=False`.
const WMD: [(&[usize], &[usize], f64, f64); 5] = [
    (&[0, 1, 2, 2, 5], &[3, 4, 9], 1.1961599589201048, 84.8090520572635),
    (&[0, 1, 2, 3, 4, 5, 6, 7], &[8, 9, 10, 11, 12, 13, 14], 0.8751643131505642, 67.94842490960625),
    (&[7], &[7, 8, 8, 30], 1.139563926935354, 102.08758315326561),
    (&[20, 21, 22, 20, 20], &[23, 24, 25, 26, 26, 39, 38], 1.2458988575532206, 116.07073340678843),
    (&[1, 2, 3], &[3, 2, 1], 0.0, 0.0),
];

#[test]
fn word_movers_distance_is_gensims() {
    for (geometry, unit) in [(Geometry::Cosine, true), (Geometry::Euclidean, false)] {
        let space = planted(geometry);
        for (a, b, by_cosine, as_they_are) in WMD {
            let expected = if unit { by_cosine } else { as_they_are };
            let (a, b) = (words(a), words(b));
            let a: Vec<&str> = a.iter().map(String::as_str).chain(["unknown"]).collect();
            let b: Vec<&str> = b.iter().map(String::as_str).collect();
            let found = wmd(&space, &a, &b).unwrap();
            assert!((found - expected).abs() < 1e-5 * (1.0 + expected), "{found} {expected}");
            assert!((wmd(&space, &b, &a).unwrap() - found).abs() < 1e-9, "symmetric");
        }
    }
    let error = wmd(&planted(Geometry::Cosine), &["w1"], &["unknown"]).unwrap_err();
    assert_eq!(error.kind(), Kind::Nothing);
    assert!(wmd(&planted(Geometry::Cosine), &[], &["w1"]).is_err());
}

/// What pruning leaves out is not missed.
#[test]
fn the_nearest_texts_are_those_of_all_distances() {
    let space = planted(Geometry::Cosine);
    let mut random = run::stream(5, &[]);
    let mut document = || -> Vec<Row> {
        (0..random.next_u64() % 9).map(|_| Row((random.next_u64() % 40) as u32)).collect()
    };
    let documents: Vec<Vec<Row>> = (0..300).map(|_| document()).collect();
    let query = vec![Row(3), Row(17), Row(17), Row(29)];
    let mover = WordMover::new(&space, &documents).unwrap();
    let all = mover.search(&query, 300, 1).unwrap();
    assert_eq!(all.len(), documents.iter().filter(|d| !d.is_empty()).count());
    let name = |rows: &[Row]| rows.iter().map(|&row| space.id(row).to_owned()).collect::<Vec<_>>();
    for (at, distance) in all.iter().take(20) {
        let (a, b) = (name(&query), name(&documents[*at]));
        let a: Vec<&str> = a.iter().map(String::as_str).collect();
        let b: Vec<&str> = b.iter().map(String::as_str).collect();
        assert!((wmd(&space, &a, &b).unwrap() - distance).abs() < 1e-9);
    }
    for k in [1, 7, 40] {
        assert_eq!(mover.search(&query, k, 3).unwrap(), all[..k]);
    }
    assert_eq!(mover.search(&query, 0, 1).unwrap(), []);
}

#[test]
fn the_odd_one_out_is_gensims() {
    let space = planted(Geometry::Cosine);
    // gensim 4.4.0, `KeyedVectors.doesnt_match` on the same vectors.
    for (group, odd) in [
        (&[0, 1, 2, 3, 4][..], 4),
        (&[5, 9, 13, 17, 21, 25], 17),
        (&[30, 31, 32], 30),
        (&[2, 4, 8, 16, 32, 33, 34, 35], 2),
    ] {
        let group = words(group);
        let ids: Vec<&str> = group.iter().map(String::as_str).collect();
        let found = doesnt_match(&space, &ids).unwrap();
        assert_eq!(space.id(found[0].0), format!("w{odd}"));
        assert_eq!(found.len(), ids.len());
        assert!(found.is_sorted_by(|a, b| a.1 <= b.1));
    }
    assert_eq!(doesnt_match(&space, &["w1", "w2"]).unwrap_err().kind(), Kind::Usage);
    assert_eq!(doesnt_match(&space, &["w1", "w2", "x"]).unwrap_err().kind(), Kind::Nothing);
}
