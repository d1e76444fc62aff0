//! Questions: how they are read, and what point they stand for.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use latlas::geometry::{Geometry, Measure};
use latlas::index::{Question, Term};
use latlas::items::Items;
use latlas::linalg::Matrix;
use latlas::{Kind, Row, Space};
use proptest::prelude::*;

const IDS: [&str; 13] = [
    "king",
    "man",
    "woman",
    "new york",
    "jean-luc",
    "jean",
    "luc",
    "c++",
    "-",
    "rock + roll",
    "'tis",
    "a - b",
    "naïve",
];

fn space() -> Space {
    let mut vectors = Matrix::zeros(IDS.len(), 3);
    for i in 0..IDS.len() {
        vectors.row_mut(i).copy_from_slice(&[i as f32 + 1.0, 1.0, -(i as f32)]);
    }
    let items = Items::from_ids(IDS).unwrap();
    Space::builder("test", items).field("main", Geometry::Cosine, vectors).build().unwrap()
}

/// The ids of a question with their signs, "+king -man".
fn read(text: &str) -> String {
    let question = Question::parse(&space(), text).unwrap();
    let terms = question.terms().iter().map(|(plus, term)| match term {
        Term::Item { id, row } => {
            assert_eq!(IDS[row.index()], id);
            format!("{}{id}", if *plus { '+' } else { '-' })
        }
        Term::Point(_) => unreachable!("a text names no point"),
    });
    terms.collect::<Vec<_>>().join(" ")
}

#[test]
fn texts_are_read_as_people_mean_them() {
    assert_eq!(read("king"), "+king");
    assert_eq!(read("king - man + woman"), "+king -man +woman");
    assert_eq!(read("king-man+woman"), "+king -man +woman");
    assert_eq!(read("  king −  man"), "+king -man"); // U+2212, as our own answers write it
    assert_eq!(read("-man + king"), "-man +king");
    assert_eq!(read("new york - man"), "+new york -man");
    // An id that exists whole wins over its parts.
    assert_eq!(read("jean-luc"), "+jean-luc");
    assert_eq!(read("jean - luc"), "+jean -luc");
    assert_eq!(read("jean-luc-luc"), "+jean-luc -luc");
    assert_eq!(read("c++ + king"), "+c++ +king");
    assert_eq!(read("king+c++"), "+king +c++");
    assert_eq!(read("a - b"), "+a - b");
    assert_eq!(read("king - a - b"), "+king -a - b");
    assert_eq!(read("-"), "+-");
    assert_eq!(read("king - -"), "+king --");
    // Quotes keep a piece together, and an apostrophe is a letter.
    assert_eq!(read("'jean' - \"luc\""), "+jean -luc");
    assert_eq!(read("'rock + roll' + king"), "+rock + roll +king");
    assert_eq!(read("'tis + king"), "+'tis +king");
    assert_eq!(read("naïve - king"), "+naïve -king");
}

#[test]
fn what_is_shown_reads_back() {
    for text in ["king - man + woman", "'rock + roll' - jean-luc", "-man + new york"] {
        let question = Question::parse(&space(), text).unwrap();
        assert_eq!(
            Question::parse(&space(), &question.to_string()).unwrap(),
            question,
            "{question}"
        );
    }
}

#[test]
fn unknown_words_are_named_with_the_closest() {
    let refused = |text: &str| Question::parse(&space(), text).unwrap_err();
    let error = refused("king - mann + woman");
    assert_eq!(error.kind(), Kind::Nothing);
    assert!(error.message().contains("'mann'"), "{error}");
    assert!(error.way_out().unwrap().contains("man"), "{:?}", error.way_out());
    assert!(refused("wooman").way_out().unwrap().contains("woman"));
    for text in ["", "  ", "king +", "+", "king - - man"] {
        let error = refused(text);
        assert!(matches!(error.kind(), Kind::Usage | Kind::Nothing), "{text}: {error}");
    }
    assert_eq!(Question::new().minus(&space(), "kin").unwrap_err().kind(), Kind::Nothing);
}

#[test]
fn terms_of_a_sum_count_alike_under_cosine() {
    let space = space();
    let field = space.field("main").unwrap();
    let compose = |question: &Question, measure| question.compose(&field, measure).unwrap();
    let king = Question::parse(&space, "king").unwrap();
    assert_eq!(compose(&king, Measure::Cosine), [1.0, 1.0, 0.0], "one term is its own vector");
    let question = Question::parse(&space, "king - man").unwrap();
    assert_eq!(question.rows(), [Row(0), Row(1)]);
    assert_eq!(compose(&question, Measure::Euclidean), [-1.0, 0.0, 1.0]);
    let half = 0.5_f64.sqrt();
    let sixth = 1.0 / 6.0_f64.sqrt();
    let expected = [half - 2.0 * sixth, half - sixth, sixth].map(|x| x as f32);
    assert_eq!(compose(&question, Measure::Cosine), expected);
    let with_point =
        Question::new().plus_point(vec![3.0, 0.0, 0.0]).minus_point(vec![0.0, 5.0, 0.0]);
    assert_eq!(compose(&with_point, Measure::Cosine), [1.0, -1.0, 0.0]);
    assert_eq!(with_point.rows(), []);
    let short = Question::new().plus_point(vec![1.0]);
    assert_eq!(short.compose(&field, Measure::Cosine).unwrap_err().kind(), Kind::Usage);
    assert_eq!(Question::new().compose(&field, Measure::Cosine).unwrap_err().kind(), Kind::Usage);
}

proptest! {
    /// Any text is read or refused, quickly and without a panic; what is read is made of ids that exist.
    #[test]
    fn any_text_is_answered(text in "([-+−'\" ]|king|man|é|jean-luc|.){0,40}") {
        let space = space();
        if let Ok(question) = Question::parse(&space, &text) {
            prop_assert!(!question.terms().is_empty() && question.rows().iter().all(|&row| space.is_live(row)));
        }
    }
}

/// A text of nothing but operators has a great many readings; it must not be tried one by one.
#[test]
fn a_hostile_text_is_answered_soon() {
    let space = space();
    assert!(Question::parse(&space, &"-+".repeat(5_000)).is_err());
    assert!(Question::parse(&space, &"king-".repeat(5_000)).is_err());
}
