//! The laws of metrics, over every one of them. A new metric is one more line in `every_metric`.

use latlas::geometry::{Cosine, Euclidean, Geometry, Measure, Metric};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

const DIM: usize = 13;

fn vector() -> impl Strategy<Value = Vec<f32>> {
    let number =
        prop_oneof![6 => -5.0_f32..5.0, 1 => Just(0.0), 1 => -1e6_f32..1e6, 1 => -1e-6_f32..1e-6];
    prop_oneof![12 => prop::collection::vec(number, DIM), 1 => Just(vec![0.0; DIM])]
}

fn is_zero(a: &[f32]) -> bool {
    a.iter().all(|&x| x == 0.0)
}

/// What distance f32 arithmetic cannot tell from 0 here.
fn noise<M: Metric>(vectors: [&[f32]; 3]) -> f32 {
    let scale = if M::NAME == Cosine::NAME {
        1.0
    } else {
        vectors.into_iter().flatten().fold(0.0_f32, |most, x| most.max(x.abs()))
            * (DIM as f32).sqrt()
    };
    8.0 * DIM as f32 * f32::EPSILON * scale
}

fn laws<M: Metric>(
    metric: M,
    measure: Measure,
    a: &[f32],
    b: &[f32],
    c: &[f32],
) -> Result<(), TestCaseError> {
    let noise = noise::<M>([a, b, c]);
    let (ab, ba) = (metric.between(a, b), metric.between(b, a));
    prop_assert_eq!(ab, ba, "symmetry");
    prop_assert!(ab >= 0.0, "{} is negative", ab);
    if M::NAME == Cosine::NAME && is_zero(a) {
        prop_assert_eq!(
            (metric.between(a, a), ab),
            (1.0, 1.0),
            "a zero vector has distance 1 to everything"
        );
    } else {
        prop_assert!(metric.between(a, a) <= noise, "identity: {}", metric.between(a, a));
    }
    let (ac, bc) = (metric.between(a, c), metric.between(b, c));
    if M::TRIANGLE {
        prop_assert!(
            ac <= (ab + bc) * (1.0 + 8.0 * DIM as f32 * f32::EPSILON),
            "triangle: {ac} > {ab} + {bc}"
        );
    }
    let rank = |x: &[f32], y: &[f32]| metric.rank(x, metric.prepare(x), y, metric.prepare(y));
    if rank(a, b) < rank(a, c) {
        prop_assert!(ab <= ac, "the order of ranks is that of distances");
    }
    // The f64 distance and its f32 kernels are the same distance.
    let exact = measure.exact(a, b);
    prop_assert!(
        (exact - f64::from(ab)).abs() <= f64::from(noise) + 1e-6 * exact,
        "{ab} is not {exact}"
    );
    prop_assert_eq!(measure.distance(a, b), ab);
    for broken in [f32::NAN, -f32::NAN] {
        let mut nan = a.to_vec();
        nan[DIM / 2] = broken;
        prop_assert!(
            metric.between(&nan, b).is_nan() && metric.between(b, &nan).is_nan(),
            "NaN is not hidden"
        );
        prop_assert!(
            measure.exact(&nan, b).is_nan() && measure.exact(b, &nan).is_nan(),
            "NaN is not hidden in f64"
        );
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_metric(a in vector(), b in vector(), c in vector()) {
        laws(Euclidean, Measure::Euclidean, &a, &b, &c)?;
        laws(Cosine, Measure::Cosine, &a, &b, &c)?;
    }
}

#[test]
fn names_read_back_and_unknown_ones_are_answered() {
    for measure in Measure::ALL {
        assert_eq!(measure.name().parse::<Measure>().unwrap(), measure);
        assert_eq!(serde_json::to_value(measure).unwrap(), measure.name());
    }
    assert_eq!(Geometry::Cosine.measure(), Measure::Cosine);
    assert_eq!(Geometry::Euclidean.measure(), Measure::Euclidean);
    let error = "cosin".parse::<Measure>().unwrap_err();
    assert_eq!(error.to_string(), "no metric is called 'cosin'");
    assert!(error.way_out().unwrap().starts_with("did you mean cosine?"));
    assert_eq!(
        "manhattan".parse::<Measure>().unwrap_err().way_out().unwrap(),
        "there are cosine, euclidean and dot"
    );
}

/// Nearly parallel vectors: 1 − cos in f32 says 0 or noise, the exact distance keeps six digits.
#[test]
fn exact_cosine_keeps_its_digits_for_nearly_parallel_vectors() {
    let a = [1.0_f32, 0.0];
    let b = [1.0_f32, 1e-4];
    // 1 − cos θ = ½θ² − θ⁴/24 + …, θ = atan(1e-4).
    let expected = 0.5e-8;
    assert!((Measure::Cosine.exact(&a, &b) / expected - 1.0).abs() < 1e-6);
}
