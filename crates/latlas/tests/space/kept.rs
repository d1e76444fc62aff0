//! What is saved is opened as it was; what cannot be kept is refused.

use super::*;

#[test]
fn all_kinds_of_columns_and_fields_come_back_as_they_were() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("all.space");
    let mut lists = ListBuilder::new(StringBuilder::new());
    lists.values().append_value("x");
    lists.append(true);
    lists.append(false);
    lists.append(true);
    let columns = vec![
        column(
            "title",
            ColumnKind::Text,
            StringArray::from(vec![Some("ein \"Satz\"\n"), None, Some("")]),
        ),
        column("score", ColumnKind::Number, Float64Array::from(vec![Some(0.1), Some(-0.0), None])),
        column(
            "year",
            ColumnKind::Integer,
            Int64Array::from(vec![Some(i64::MIN), None, Some(1999)]),
        ),
        column(
            "open",
            ColumnKind::Boolean,
            BooleanArray::from(vec![None, Some(true), Some(false)]),
        ),
        column("lang", ColumnKind::Category, StringArray::from(vec!["tr", "en", "tr"])),
        column(
            "when",
            ColumnKind::Time,
            TimestampMillisecondArray::from(vec![Some(-1), None, Some(1)]),
        ),
        column("tags", ColumnKind::List, lists.finish()),
    ];
    let items = Items::from_ids(["a", "", "日本"]).unwrap();
    let items = columns.iter().cloned().fold(items, |items, c| items.with_column(c).unwrap());
    let built = Space::builder("import", items)
        .field(
            "output",
            Geometry::Euclidean,
            Matrix::new(3, 1, vec![1.5, f32::MIN_POSITIVE, -0.0]).unwrap(),
        )
        .field("main", Geometry::Cosine, matrix(&[1, 2, 3]))
        .run_fact("host", json!("here"))
        .build()
        .unwrap();
    built.save(&path).unwrap();
    for opened in [Space::open(&path).unwrap(), Space::open_owned(&path).unwrap()] {
        assert_eq!((opened.kind(), opened.generation(), opened.rows()), ("import", 1, 3));
        assert_eq!(
            opened.fields().iter().map(|f| f.name.as_str()).collect::<Vec<_>>(),
            ["main", "output"]
        );
        assert_eq!(opened.run_facts()["host"], "here");
        let found = opened.items(None).unwrap();
        assert_eq!(found.ids().iter().flatten().collect::<Vec<_>>(), ["a", "", "日本"]);
        assert_eq!(found.columns().len(), columns.len());
        for (found, put) in found.columns().iter().zip(&columns) {
            assert_eq!(
                (&found.name, found.kind, &found.values),
                (&put.name, put.kind, &put.values)
            );
        }
        let some = opened.items(Some(&["lang", "title"])).unwrap();
        assert_eq!(
            some.columns().iter().map(|c| c.name.as_str()).collect::<Vec<_>>(),
            ["lang", "title"]
        );
        let gathered = opened.field("output").unwrap().gather(&[Row(2), Row(0)]);
        assert_eq!(
            gathered.as_slice().iter().map(|x| x.to_bits()).collect::<Vec<_>>(),
            [(-0.0_f32).to_bits(), 1.5_f32.to_bits()]
        );
        assert_eq!(opened.find("日本").unwrap(), Row(2));
        let error = opened.items(Some(&["titel"])).unwrap_err();
        assert_eq!((error.kind(), error.way_out()), (Kind::Usage, Some("did you mean 'title'?")));
        assert_eq!(opened.field("mu").unwrap_err().way_out(), Some("this space has: main, output"));
    }
}

#[test]
fn a_space_may_be_empty() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("none.space");
    space(&[]).save(&path).unwrap();
    agrees(&Space::open(&path).unwrap(), &[]);
    let mut edit = Space::edit(&path).unwrap();
    edit.append(&space(&[5, 6])).unwrap();
    edit.delete(&[Row(0), Row(1)]).unwrap();
    edit.compact().unwrap();
    agrees(&edit.publish(step("there and back")).unwrap(), &[]);
    assert!(latlas::space::check(&path, false).unwrap().is_sound());
}

#[test]
fn half_floats_keep_eleven_bits() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("half.space");
    let values = vec![1.0, 0.1, -65504.0, 6e-8];
    let items = || Items::from_ids(["a", "b"]).unwrap();
    let built = |values: Vec<f32>| {
        Space::builder("t", items())
            .dtype(Dtype::F16)
            .field("main", Geometry::Euclidean, Matrix::new(2, 2, values).unwrap())
            .build()
    };
    built(values.clone()).unwrap().save(&path).unwrap();
    let found = Space::open(&path).unwrap().field("main").unwrap().gather(&[Row(0), Row(1)]);
    for (found, put) in found.as_slice().iter().zip(&values) {
        assert!((found - put).abs() <= put.abs() / 2048.0 + 3e-8, "{put} became {found}");
    }
    let error = built(vec![0.0, 0.0, 0.0, 1e5]).unwrap_err();
    assert_eq!(error.message(), "field 'main', row 2 ('b'), column 2: 1e5 is too large for <f2");
}

#[test]
fn numbers_that_misbehave_are_refused_by_row_and_column() {
    for (bad, says) in [(f32::NAN, "is NaN"), (f32::NEG_INFINITY, "is infinite")] {
        let mut vectors = matrix(&[1, 2]);
        vectors.row_mut(1)[2] = bad;
        let error = Space::builder("t", Items::from_ids(["a", "b"]).unwrap())
            .field("main", Geometry::Cosine, vectors)
            .build();
        let error = error.unwrap_err();
        assert_eq!(error.message(), format!("field 'main', row 2 ('b'), column 3 {says}"));
        assert_eq!(error.kind(), Kind::Data);
    }
    let build = |fields: &[(&str, usize)]| {
        let builder = Space::builder("t", Items::from_ids(["a", "b"]).unwrap());
        let field = |b: latlas::space::SpaceBuilder, &(name, rows): &(&str, usize)| {
            b.field(name, Geometry::Cosine, Matrix::zeros(rows, 3))
        };
        fields.iter().fold(builder, field).build().map(drop).map_err(|e| e.message().to_owned())
    };
    assert_eq!(build(&[("main", 2), ("output", 2)]), Ok(()));
    assert_eq!(build(&[("output", 2)]), Err("a space needs a vector field called 'main'".into()));
    assert_eq!(build(&[("main", 3)]), Err("field 'main' has 3 vectors for 2 items".into()));
    assert_eq!(
        build(&[("main", 2), ("a/b", 2)]),
        Err("'a/b' is no name for a vector field".into())
    );
    assert_eq!(build(&[("main", 2), ("main", 2)]), Err("vector field 'main' stands twice".into()));
}

#[test]
fn the_same_space_gives_the_same_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let [one, two] = ["one.space", "two.space"].map(|name| dir.path().join(name));
    let numbers: Vec<usize> = (0..500).collect();
    space(&numbers).save(&one).unwrap();
    space(&numbers).save(&two).unwrap();
    let content = |dir: &Path| -> BTreeMap<String, Vec<u8>> {
        let files = std::fs::read_dir(dir).unwrap().map(|e| e.unwrap());
        let files = files.filter(|e| e.file_name() != ".lock");
        files
            .map(|e| (e.file_name().into_string().unwrap(), std::fs::read(e.path()).unwrap()))
            .collect()
    };
    assert_eq!(
        content(&one).keys().collect::<Vec<_>>(),
        ["README.txt", "ids-0001.idx", "items-0001.parquet", "main-0001.npy", "space.json"]
    );
    assert!(content(&one) == content(&two));
    // Opened and saved elsewhere it is the same again.
    let three = dir.path().join("three.space");
    Space::open(&one).unwrap().save(&three).unwrap();
    assert!(content(&one) == content(&three));
}

#[test]
fn a_portable_space_names_no_host_and_no_place() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("p.space");
    let mut how = step("learn");
    how.sources = vec![json!({"path": "/home/someone/texts/en.txt", "bytes": 3})];
    how.options.insert("input".into(), json!(["C:\\texts\\en.txt", "rel/en.txt"]));
    let built = Space::builder("t", Items::from_ids(["a"]).unwrap())
        .field("main", Geometry::Cosine, matrix(&[1]))
        .provenance(how)
        .run_fact("host", json!("secret-host"))
        .build()
        .unwrap();
    built.save_with(&path, &SaveOptions { portable: true }).unwrap();
    let text = std::fs::read_to_string(path.join("space.json")).unwrap();
    assert!(
        !text.contains("someone") && !text.contains("secret-host") && !text.contains("C:"),
        "{text}"
    );
    assert_eq!(Space::open(&path).unwrap().provenance()[0].sources[0]["path"], "en.txt");
}
