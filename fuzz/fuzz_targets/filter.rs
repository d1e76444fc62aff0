//! Conditions: a fault lies within the text, a filter evaluates.
#![no_main]

use std::sync::{Arc, LazyLock};

use latlas::items::{Column, ColumnKind, Filter, Items};

static ITEMS: LazyLock<Items> = LazyLock::new(|| {
    let columns: [(&str, ColumnKind, arrow_array::ArrayRef); 3] = [
        ("n", ColumnKind::Integer, Arc::new(arrow_array::Int64Array::from(vec![Some(1), None, Some(-3)]))),
        ("x", ColumnKind::Number, Arc::new(arrow_array::Float64Array::from(vec![Some(0.5), Some(f64::NAN), None]))),
        ("t", ColumnKind::Text, Arc::new(arrow_array::StringArray::from(vec![Some("a"), None, Some("şey")]))),
    ];
    columns.into_iter().fold(Items::from_ids(["a", "b", "c"]).unwrap(), |items, (name, kind, values)| {
        items.with_column(Column { name: name.into(), kind, values }).unwrap()
    })
});

libfuzzer_sys::fuzz_target!(|text: &str| {
    let columns: Vec<_> = ITEMS.columns().iter().map(|c| (c.name.clone(), c.kind)).collect();
    match Filter::check(text, &columns) {
        Ok(filter) => assert_eq!(filter.mask(&ITEMS).unwrap().len(), 3),
        Err(problem) => assert!(text.get(problem.span.clone()).is_some() && !problem.caret(text).is_empty()),
    }
});
