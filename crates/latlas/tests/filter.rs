//! Filters against SQL's rules: hand-made cases, and a row-by-row reference over random conditions.

#![expect(clippy::unwrap_used, reason = "tests may: what is missing fails them")]

use std::sync::Arc;

use arrow_array::builder::{ListBuilder, StringBuilder};
use arrow_array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray, TimestampMillisecondArray,
};
use latlas::Kind;
use latlas::items::{Column, ColumnKind, Filter, Items};
use proptest::prelude::*;

fn with(items: Items, name: &str, kind: ColumnKind, values: ArrayRef) -> Items {
    items.with_column(Column { name: name.into(), kind, values }).unwrap()
}

fn films() -> Items {
    let items = Items::from_ids(["a", "b", "c", "d"]).unwrap();
    let items = with(
        items,
        "year",
        ColumnKind::Integer,
        Arc::new(Int64Array::from(vec![Some(1999), Some(2010), None, Some(2020)])),
    );
    let items = with(
        items,
        "score",
        ColumnKind::Number,
        Arc::new(Float64Array::from(vec![Some(7.5), Some(f64::NAN), Some(-1.0), None])),
    );
    let items = with(
        items,
        "lang",
        ColumnKind::Category,
        Arc::new(StringArray::from(vec![Some("tr"), Some("en"), Some("tr"), None])),
    );
    let items = with(
        items,
        "title",
        ColumnKind::Text,
        Arc::new(StringArray::from(vec![Some("It's"), None, Some("100% \"x\""), Some("")])),
    );
    let items = with(
        items,
        "seen",
        ColumnKind::Boolean,
        Arc::new(BooleanArray::from(vec![Some(true), Some(false), None, Some(true)])),
    );
    // 2000-01-01, 2010-06-15T12:00, missing, 1970-01-01
    let times = TimestampMillisecondArray::from(vec![
        Some(946_684_800_000),
        Some(1_276_603_200_000),
        None,
        Some(0),
    ]);
    let items = with(items, "when", ColumnKind::Time, Arc::new(times.with_timezone("UTC")));
    let mut tags = ListBuilder::new(StringBuilder::new());
    for list in [Some(vec!["x", "y"]), Some(vec![]), None, Some(vec!["y"])] {
        list.iter().flatten().for_each(|tag| tags.values().append_value(tag));
        tags.append(list.is_some());
    }
    let items = with(items, "tags", ColumnKind::List, Arc::new(tags.finish()));
    with(items, "Box Office", ColumnKind::Integer, Arc::new(Int64Array::from(vec![1, 2, 3, 4])))
}

fn columns(items: &Items) -> Vec<(String, ColumnKind)> {
    items.columns().iter().map(|c| (c.name.clone(), c.kind)).collect()
}

fn taken(condition: &str) -> String {
    let items = films();
    let filter =
        Filter::parse(condition, &columns(&items)).unwrap_or_else(|e| panic!("{condition}: {e}"));
    let mask = filter.mask(&items).unwrap();
    items.ids().iter().flatten().zip(mask).filter(|(_, yes)| *yes).map(|(id, _)| id).collect()
}

#[test]
fn conditions_take_the_rows_that_sql_would() {
    for (condition, rows) in [
        ("year >= 2010", "bd"),
        ("year >= 2010 AND lang IN ('tr','en') AND NOT title IS NULL", ""),
        ("lang IN ('tr','en') AND NOT title IS NULL", "ac"),
        ("NOT year >= 2010", "a"),
        ("NOT (year >= 2010)", "a"),
        ("not not year < 2000", "a"),
        ("year <> 1999", "bd"),
        ("year != 1999 OR year IS NULL", "bcd"),
        ("year = 1999.0", "a"),
        ("year < 2009.5", "a"),
        ("2010 <= year", "bd"),
        ("year IN (1999, 2020.0, 5.5)", "ad"),
        ("year NOT IN (1999)", "bd"),
        ("year BETWEEN 2000 AND 2020", "bd"),
        ("year NOT BETWEEN 2000 AND 2020", "a"),
        ("year BETWEEN 2000 AND 2020 AND lang = 'en'", "b"),
        ("score > 0", "a"),
        ("score <= -1", "c"),
        ("NOT score > 0", "c"),
        ("score IS NOT NULL", "abc"),
        ("lang = 'tr' OR year = 2020", "acd"),
        // OR binds looser than AND; unknown OR true is true.
        ("lang = 'en' AND seen OR year = 1999", "a"),
        ("lang = 'x' OR seen", "ad"),
        ("seen", "ad"),
        ("NOT seen", "b"),
        ("seen = FALSE", "b"),
        ("seen != true", "b"),
        ("title = 'It''s'", "a"),
        ("title LIKE '%\"x\"'", "c"),
        ("title LIKE '100_%'", "c"),
        ("title NOT LIKE 'I%'", "cd"),
        ("title CONTAINS '%'", "c"),
        ("title = ''", "d"),
        ("tags CONTAINS 'y'", "ad"),
        ("NOT tags CONTAINS 'y'", "b"),
        ("tags NOT CONTAINS 'x'", "bd"),
        ("tags IS NULL", "c"),
        ("when < '2005-01-01'", "ad"),
        ("when = '2010-06-15T14:00:00+02:00'", "b"),
        ("'2005-01-01' < when", "b"),
        ("when IN ('1970-01-01', '2000-01-01T00:00Z')", "ad"),
        ("id = 'a' OR id > 'c'", "ad"),
        ("id IN ('d', 'zz')", "d"),
        ("\"Box Office\" >= 3", "cd"),
        ("year > \"Box Office\"", "abd"),
        ("lang > title", "ac"),
        ("TRUE", "abcd"),
        ("1 = 1 AND id != 'b'", "acd"),
        ("year = 9223372036854775807 OR year = 1e300", ""),
    ] {
        assert_eq!(taken(condition), rows, "{condition}");
    }
}

#[test]
fn what_is_wrong_is_pointed_at() {
    let items = films();
    let columns = columns(&items);
    for (condition, place, says, helps) in [
        ("yaer > 1", "yaer", "there is no column 'yaer'", "did you mean year?"),
        ("year > 1 AND Lang = 'tr'", "Lang", "there is no column 'Lang'", "did you mean lang?"),
        ("lang = \"tr\"", "\"tr\"", "there is no column 'tr'", "'single quotes'"),
        ("year > 'x'", "'x'", "'x' is text: year is a number", ""),
        ("year > '2000'", "'2000'", "year is a number", "write 2000 without quotes"),
        ("lang = 5", "5", "5 is a number: lang is text", "write '5'"),
        ("lang IN ('a', 2)", "2", "2 is a number: lang is text", "write '2'"),
        ("when > 'yesterday'", "'yesterday'", "when is a time", "2020-01-31"),
        ("seen > TRUE", ">", "only = and !=", ""),
        ("tags = 'x'", "'x'", "tags is a list", ""),
        ("year LIKE '1%'", "year", "LIKE asks for text", ""),
        ("year = NULL", "NULL", "nothing equals NULL", "IS NULL"),
        ("year", "", "expected an operator after year", "IS NOT NULL"),
        ("year > ", "", "ends here: expected a column or a value", ""),
        ("", "", "ends here: expected a column or a value", ""),
        ("(year > 1", "", "expected )", ""),
        ("year > 1)", ")", "a ) without its (", ""),
        ("year > 1 lang = 'tr'", "lang", "expected AND, OR or the end", ""),
        ("year IN 1999", "1999", "expected (", "IN ('a', 'b')"),
        ("year NOT 5", "5", "after NOT", ""),
        ("year IS 5", "5", "expected NULL", "IS NOT NULL"),
        ("lang = 'tr", "'tr", "opened and never closed", ""),
        ("year > 12ab", "12ab", "'12ab' is no number", ""),
        ("year > 1; DROP", ";", "';' means nothing here", ""),
        ("ülke = 1 AND yaer > 2", "ülke", "there is no column 'ülke'", ""),
    ] {
        let problem = Filter::check(condition, &columns).unwrap_err();
        assert_eq!(&condition[problem.span.clone()], place, "{condition}: {problem:?}");
        assert!(problem.message.contains(says), "{condition}: {}", problem.message);
        assert!(
            problem.help.as_deref().unwrap_or_default().contains(helps),
            "{condition}: {problem:?}"
        );
        let error = Filter::parse(condition, &columns).unwrap_err();
        assert_eq!(error.kind(), Kind::Usage);
    }
    let problem =
        Filter::check("ş = 1 OR yaer > 2", &[("ş".into(), ColumnKind::Integer)]).unwrap_err();
    assert_eq!(problem.caret("ş = 1 OR yaer > 2"), "ş = 1 OR yaer > 2\n         ^^^^");
    let error =
        Filter::parse("ş = 1 OR yaer > 2", &[("ş".into(), ColumnKind::Integer)]).unwrap_err();
    assert!(error.message().starts_with("filter, character 10: "), "{error}");
}

#[test]
fn only_what_is_read_is_asked_for() {
    let items = films();
    let filter =
        Filter::parse("year > 1 AND (id = 'a' OR lang = 'b') AND year < 5", &columns(&items))
            .unwrap();
    assert_eq!(filter.columns(), ["year", "lang"]);
    let bare = Items::from_ids(["a"]).unwrap();
    assert!(filter.mask(&bare).unwrap_err().message().contains("'year'"));
    let other = with(bare, "year", ColumnKind::Text, Arc::new(StringArray::from(vec!["x"])));
    assert!(filter.mask(&other).is_err());
}

#[test]
fn depth_is_bounded_and_length_is_not() {
    let columns = [("n".to_owned(), ColumnKind::Integer)];
    for deep in ["(".repeat(100_000), format!("{}n = 1{}", "(".repeat(5000), ")".repeat(5000))] {
        let error = Filter::parse(&deep, &columns).unwrap_err();
        assert!(error.message().contains("nested deeper than 200"), "{error}");
    }
    let fine = format!("{}n = 1{}", "(".repeat(190), ")".repeat(190));
    assert!(Filter::parse(&fine, &columns).is_ok());
    let nots = format!("{}n = 1", "NOT ".repeat(100_001));
    let long = vec!["n = 1"; 20_000].join(" OR ");
    let items = with(
        Items::from_ids(["a", "b"]).unwrap(),
        "n",
        ColumnKind::Integer,
        Arc::new(Int64Array::from(vec![1, 2])),
    );
    assert_eq!(Filter::parse(&nots, &columns).unwrap().mask(&items).unwrap(), [false, true]);
    assert_eq!(Filter::parse(&long, &columns).unwrap().mask(&items).unwrap(), [true, false]);
}

/// A condition as a tree, written out for the parser and judged row by row by the simplest means.
#[derive(Debug, Clone)]
enum Tree {
    Compare(usize, &'static str, i64),
    In(usize, bool, Vec<i64>),
    Null(usize, bool),
    Between(usize, i64, i64),
    Not(Box<Tree>),
    And(Box<Tree>, Box<Tree>),
    Or(Box<Tree>, Box<Tree>),
}

impl Tree {
    fn text(&self) -> String {
        match self {
            Tree::Compare(c, sign, n) => format!("c{c} {sign} {n}"),
            Tree::In(c, not, list) => {
                let list: Vec<String> = list.iter().map(i64::to_string).collect();
                format!("c{c} {}IN ({})", if *not { "NOT " } else { "" }, list.join(", "))
            }
            Tree::Null(c, not) => format!("c{c} IS {}NULL", if *not { "NOT " } else { "" }),
            Tree::Between(c, low, high) => format!("c{c} BETWEEN {low} AND {high}"),
            Tree::Not(part) => format!("NOT ({})", part.text()),
            Tree::And(a, b) => format!("({}) AND ({})", a.text(), b.text()),
            Tree::Or(a, b) => format!("({}) OR ({})", a.text(), b.text()),
        }
    }

    fn truth(&self, row: &[Option<i64>; 3]) -> Option<bool> {
        match self {
            Tree::Compare(c, sign, n) => row[*c].map(|v| match *sign {
                "=" => v == *n,
                "<>" => v != *n,
                "<" => v < *n,
                "<=" => v <= *n,
                ">" => v > *n,
                _ => v >= *n,
            }),
            Tree::In(c, not, list) => row[*c].map(|v| list.contains(&v) != *not),
            Tree::Null(c, not) => Some(row[*c].is_none() != *not),
            Tree::Between(c, low, high) => row[*c].map(|v| *low <= v && v <= *high),
            Tree::Not(part) => part.truth(row).map(|t| !t),
            Tree::And(a, b) => match (a.truth(row), b.truth(row)) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            },
            Tree::Or(a, b) => match (a.truth(row), b.truth(row)) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                _ => None,
            },
        }
    }
}

fn any_tree() -> impl Strategy<Value = Tree> {
    let (column, number) = (0..3usize, -3..4i64);
    let sign = prop::sample::select(vec!["=", "<>", "<", "<=", ">", ">="]);
    let leaf = prop_oneof![
        (column.clone(), sign, number.clone()).prop_map(|(c, s, n)| Tree::Compare(c, s, n)),
        (column.clone(), any::<bool>(), prop::collection::vec(number.clone(), 1..4))
            .prop_map(|(c, not, list)| Tree::In(c, not, list)),
        (column.clone(), any::<bool>()).prop_map(|(c, not)| Tree::Null(c, not)),
        (column, number.clone(), number).prop_map(|(c, low, high)| Tree::Between(c, low, high)),
    ];
    leaf.prop_recursive(5, 40, 2, |part| {
        prop_oneof![
            part.clone().prop_map(|a| Tree::Not(a.into())),
            (part.clone(), part.clone()).prop_map(|(a, b)| Tree::And(a.into(), b.into())),
            (part.clone(), part).prop_map(|(a, b)| Tree::Or(a.into(), b.into())),
        ]
    })
}

proptest! {
    #[test]
    fn any_condition_means_what_its_tree_means(tree in any_tree(), rows in prop::collection::vec(prop::array::uniform3(prop::option::weighted(0.8, -3..4i64)), 1..20)) {
        let mut items = Items::from_ids((0..rows.len()).map(|i| i.to_string())).unwrap();
        for c in 0..3 {
            let values = rows.iter().map(|row| row[c]).collect::<Int64Array>();
            // The middle one holds the same numbers as floats.
            let (kind, values): (_, ArrayRef) = if c == 1 {
                (ColumnKind::Number, Arc::new(values.iter().map(|v| v.map(|v| v as f64)).collect::<Float64Array>()))
            } else {
                (ColumnKind::Integer, Arc::new(values))
            };
            items = with(items, &format!("c{c}"), kind, values);
        }
        let filter = Filter::parse(&tree.text(), &columns(&items)).unwrap();
        let expect: Vec<bool> = rows.iter().map(|row| tree.truth(row) == Some(true)).collect();
        prop_assert_eq!(filter.mask(&items).unwrap(), expect, "{}", tree.text());
    }

    #[test]
    fn any_text_gives_a_filter_or_a_place_in_it(text in "([a-z]{1,3}|[0-9.e-]{1,4}|'[a-z']{0,3}|\"[a-z]|AND|OR|NOT|IN|IS|NULL|LIKE|BETWEEN|[()=<>!, %ş]){0,12}") {
        let columns = [("a".to_owned(), ColumnKind::Integer), ("b".to_owned(), ColumnKind::Text)];
        if let Err(problem) = Filter::check(&text, &columns) {
            prop_assert!(text.get(problem.span.clone()).is_some(), "{:?}", problem);
            problem.caret(&text);
        }
    }
}
