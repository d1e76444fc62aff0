//! What every method has to do: find what was planted, at any number of threads, and answer odd input.

use std::f32::consts::TAU;

use latlas::geometry::Geometry;
use latlas::linalg::Matrix;
use latlas::map::clusters::{Cluster, Hdbscan, KMeans, Leiden, NONE, clusters};
use latlas::{Kind, Run, Silent};

use super::{adjusted_rand, find, matrix, mixture, uniform};

fn methods(k: usize) -> Vec<Box<dyn Cluster>> {
    vec![
        Box::new(Hdbscan::default()),
        Box::new(Hdbscan { exact_up_to: 10, ..Hdbscan::default() }),
        Box::new(Leiden::default()),
        Box::new(KMeans { k, ..KMeans::default() }),
    ]
}

#[test]
fn planted_clusters_are_found_at_any_number_of_threads() {
    let (rows, truth) = mixture(9, 220, 0, 12, 4);
    for method in methods(9) {
        let found = find(&*method, &rows);
        let index = adjusted_rand(&found.labels, &truth);
        assert!(index > 0.97, "{}: {index} of {:?}", method.method(), found.sizes);
        assert!(found.sizes.windows(2).all(|pair| pair[0] >= pair[1]));
        assert_eq!(found.sizes.iter().sum::<usize>() + found.in_none(), 9 * 220);
        for (&label, &strength) in found.labels.iter().zip(&found.strength) {
            assert!((0.0..=1.0).contains(&strength) && (label != NONE || strength == 0.0));
        }
        let threads = Run { threads: 2, progress: &Silent, ..Run::silent(1) };
        let again = clusters(&*method, &rows, Geometry::Euclidean, &threads).unwrap();
        assert_eq!(found, again, "{} with two threads", method.method());
    }
}

/// Directions under the cosine, whatever the lengths were before these were scaled to 1; zero vectors are far from all.
#[test]
fn directions_are_clusters_under_the_cosine() {
    let (rows, mut truth) = mixture(5, 100, 0, 8, 7);
    let mut numbers: Vec<f32> = Vec::new();
    for row in rows.iter_rows() {
        let norm = row.iter().map(|x| x * x).sum::<f32>().sqrt();
        numbers.extend(row.iter().map(|x| x / norm));
    }
    numbers.extend([0.0; 3 * 8]);
    truth.extend([5, 6, 7]);
    let rows = matrix(8, numbers);
    for method in methods(5) {
        let found = clusters(&*method, &rows, Geometry::Cosine, &Run::silent(1)).unwrap();
        let index = adjusted_rand(&found.labels, &truth);
        assert!(index > 0.95, "{}: {index} of {:?}", method.method(), found.sizes);
        if method.method() == "hdbscan" {
            assert_eq!(found.labels[500..], [NONE; 3]);
        }
    }
}

/// Two rings, one within the other: dense and not round.
#[test]
fn rings_are_clusters_of_density_and_not_of_means() {
    let mut uniform = uniform(2);
    let mut numbers = Vec::new();
    for i in 0..600 {
        let (angle, radius) = (TAU * uniform(), if i % 2 == 0 { 1.0 } else { 3.0 });
        numbers.extend([
            radius * angle.cos() + 0.1 * uniform(),
            radius * angle.sin() + 0.1 * uniform(),
        ]);
    }
    let truth: Vec<u32> = (0..600).map(|i| i % 2).collect();
    let rows = matrix(2, numbers);
    for exact_up_to in [10, 20_000] {
        let found = find(&Hdbscan { exact_up_to, ..Hdbscan::default() }, &rows);
        let index = adjusted_rand(&found.labels, &truth);
        assert!(found.len() == 2 && index > 0.95, "{index} of {:?}", found.sizes);
    }
    let balls = find(&KMeans { k: 2, ..KMeans::default() }, &rows);
    assert!(adjusted_rand(&balls.labels, &truth).abs() < 0.1);
}

#[test]
fn one_point_few_points_and_equal_points_have_an_answer() {
    for method in methods(1) {
        let one = find(&*method, &matrix(3, vec![1.0, 2.0, 3.0]));
        let dense = method.method() == "hdbscan";
        assert_eq!(one.labels, [if dense { NONE } else { 0 }], "{}", method.method());
        assert_eq!((one.len(), one.in_none()), if dense { (0, 1) } else { (1, 0) });
        let two = find(&*method, &matrix(1, vec![0.0, 1.0]));
        assert_eq!(two.labels.len(), 2);
        let nothing =
            clusters(&*method, &Matrix::zeros(0, 3), Geometry::Euclidean, &Run::silent(1));
        assert_eq!(nothing.unwrap_err().kind(), Kind::Nothing);
        let hole = clusters(
            &*method,
            &matrix(1, vec![0.0, f32::NAN, 1.0]),
            Geometry::Euclidean,
            &Run::silent(1),
        );
        assert_eq!(hole.unwrap_err().message(), "row 2, component 1: not a number");
        let equal = find(&*method, &Matrix::zeros(50, 2).into());
        assert_eq!(equal.labels.len(), 50);
    }
    let whole = Hdbscan { allow_single_cluster: true, ..Hdbscan::default() };
    assert_eq!(find(&whole, &Matrix::zeros(50, 2).into()).sizes, [50]);
    assert_eq!(find(&Hdbscan::default(), &Matrix::zeros(50, 2).into()).sizes, [0; 0]);
}

/// A thousand copies of each of three points, and a loose cloud apart.
#[test]
fn duplicates_by_the_thousand_are_clusters() {
    let mut uniform = uniform(3);
    let mut numbers = Vec::new();
    for i in 0..3000 {
        numbers.extend([(i % 3) as f32, 0.0]);
    }
    numbers.extend((0..600).flat_map(|_| [50.0 + uniform(), uniform()]));
    let truth: Vec<u32> = (0..3000).map(|i| i % 3).chain([3; 300]).collect();
    let numbers = numbers[..3300 * 2].to_vec();
    let rows = matrix(2, numbers);
    for method in [Hdbscan::default(), Hdbscan { exact_up_to: 10, ..Hdbscan::default() }] {
        let found = find(&method, &rows);
        assert_eq!(found.sizes[..3], [1000; 3], "{:?}", found.sizes);
        assert!(adjusted_rand(&found.labels[..3000], &truth[..3000]) == 1.0);
        assert!(found.labels[3000..].iter().all(|&label| label == NONE || label >= 3));
    }
    let found = find(&Leiden::default(), &rows);
    let mixed = found
        .members()
        .into_iter()
        .filter(|members| members.iter().any(|&i| truth[i as usize] != truth[members[0] as usize]));
    assert_eq!(mixed.count(), 0, "a community across points that lie apart");
}

#[test]
fn what_does_not_fit_is_refused() {
    let rows = mixture(2, 20, 0, 2, 1).0;
    let refused = |method: &dyn Cluster| {
        let error = clusters(method, &rows, Geometry::Euclidean, &Run::silent(1)).unwrap_err();
        assert_eq!(error.kind(), Kind::Usage, "{error}");
        error.message().to_owned()
    };
    refused(&Hdbscan { min_cluster_size: Some(1), ..Hdbscan::default() });
    refused(&Hdbscan { min_samples: Some(0), ..Hdbscan::default() });
    refused(&Leiden { resolution: 0.0, ..Leiden::default() });
    refused(&Leiden { randomness: f64::NAN, ..Leiden::default() });
    refused(&Leiden { neighbours: 0, ..Leiden::default() });
    refused(&KMeans { k: 0, ..KMeans::default() });
    let many = refused(&KMeans { k: 41, ..KMeans::default() });
    assert_eq!(many, "40 rows cannot make 41 clusters");
    // More neighbours than there are: all of them.
    let all = find(&Hdbscan { min_samples: Some(1000), ..Hdbscan::default() }, &rows);
    assert_eq!(all.labels.len(), 40);
    let none = find(&Hdbscan { min_cluster_size: Some(1000), ..Hdbscan::default() }, &rows);
    assert_eq!((none.len(), none.in_none()), (0, 40));
}
