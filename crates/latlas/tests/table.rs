//! Tables out of every format: the same items, kinds and vectors whatever the file, bit for bit.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type, TimestampMillisecondType};
use arrow_array::{
    Array, ArrayRef, Date32Array, DictionaryArray, FixedSizeListArray, Float32Array, Float64Array,
    Int32Array, ListArray, RecordBatch, StringArray, TimestampSecondArray,
};
use arrow_schema::{DataType, Field, Schema};
use latlas::data::{Format, OnBad, ReaderOptions, Sources, Table, check_columnar, schema, table};
use latlas::items::ColumnKind;
use latlas::{Error, Kind, Run};
use proptest::prelude::*;

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Place(tempfile::tempdir().unwrap())
    }
    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> Sources {
        let path: PathBuf = self.0.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        Sources::file(path)
    }
}

fn read(sources: &Sources, options: &ReaderOptions) -> Result<Table, Error> {
    table(sources, options, &Run::silent(1))
}

fn csv(content: &str, options: &ReaderOptions) -> Result<Table, Error> {
    read(&Place::new().write("t.csv", content), options)
}

fn defaults() -> ReaderOptions {
    ReaderOptions::default()
}

fn kinds(table: &Table) -> Vec<(&str, ColumnKind)> {
    table.items.columns().iter().map(|c| (c.name.as_str(), c.kind)).collect()
}

fn ids(table: &Table) -> Vec<&str> {
    table.items.ids().iter().flatten().collect()
}

/// One table with every kind, as CSV text and as Arrow columns.
const ROWS: &str = "id,year,score,ok,species,when,note\n\
    a,1999,1.5,true,cat,2024-02-29,\"said \"\"no\"\", twice\"\n\
    b,-3,,false,dog,1970-01-01T00:00:01Z,\"two\nlines\"\n\
    c,2010,1e3,TRUE,cat,2000-01-01 12:00:00+02:00,ünïcode\n\
    d,2011,-0.25,,dog,,\"\"\n";

fn check_rows(table: &Table) {
    use ColumnKind::{Boolean, Category, Integer, Number, Text, Time};
    assert_eq!(ids(table), ["a", "b", "c", "d"]);
    let expected = [
        ("year", Integer),
        ("score", Number),
        ("ok", Boolean),
        ("species", Category),
        ("when", Time),
        ("note", Text),
    ];
    assert_eq!(kinds(table), expected);
    let column = |name: &str| Arc::clone(&table.items.column(name).unwrap().values);
    assert_eq!(column("year").as_primitive::<Int64Type>().values(), &[1999, -3, 2010, 2011]);
    let score: Vec<Option<f64>> = column("score").as_primitive::<Float64Type>().iter().collect();
    assert_eq!(score, [Some(1.5), None, Some(1000.0), Some(-0.25)]);
    assert_eq!(
        column("ok").as_boolean().iter().collect::<Vec<_>>(),
        [Some(true), Some(false), Some(true), None]
    );
    let when: Vec<Option<i64>> =
        column("when").as_primitive::<TimestampMillisecondType>().iter().collect();
    assert_eq!(when, [Some(1_709_164_800_000), Some(1000), Some(946_720_800_000), None]);
    assert_eq!(column("note").as_string::<i32>().value(1), "two\nlines");
    assert!(column("note").is_null(3));
}

#[test]
fn kinds_are_inferred_alike_from_csv_json_lines_and_tsv() {
    check_rows(&csv(ROWS, &defaults()).unwrap());
    let place = Place::new();
    let mut lines = String::new();
    let mut tsv = String::new();
    for (at, row) in csv_rows(ROWS).into_iter().enumerate() {
        let escaped: Vec<String> =
            row.iter().map(|f| f.replace('\\', "\\\\").replace('\n', "\\n")).collect();
        tsv += &(escaped.join("\t") + "\n");
        if at > 0 {
            let names = ["id", "year", "score", "ok", "species", "when", "note"];
            let value = |(name, text): (&&str, &String)| {
                let bare = matches!(*name, "year" | "score" | "ok") && !text.is_empty();
                let value =
                    if bare { text.to_lowercase() } else { serde_json::to_string(text).unwrap() };
                format!("\"{name}\":{value}")
            };
            let fields: Vec<String> =
                names.iter().zip(&row).filter(|(_, t)| !t.is_empty()).map(value).collect();
            writeln!(lines, "{{{}}}", fields.join(",")).unwrap();
        }
    }
    check_rows(&read(&place.write("t.tsv", tsv), &defaults()).unwrap());
    check_rows(&read(&place.write("t.jsonl", lines), &defaults()).unwrap());
}

fn csv_rows(text: &str) -> Vec<Vec<String>> {
    let reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
    reader.into_records().map(|r| r.unwrap().iter().map(str::to_string).collect()).collect()
}

fn batch(vectors: ArrayRef) -> RecordBatch {
    let species: DictionaryArray<arrow_array::types::Int8Type> =
        ["cat", "dog"].into_iter().collect();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", Arc::new(StringArray::from(vec!["a", "b"]))),
        ("n", Arc::new(Int32Array::from(vec![Some(7), None]))),
        ("x", Arc::new(Float64Array::from(vec![0.1, f64::NAN]))),
        ("species", Arc::new(species)),
        ("day", Arc::new(Date32Array::from(vec![1, -1]))),
        ("at", Arc::new(TimestampSecondArray::from(vec![5, 6]))),
        ("emb", vectors),
    ];
    let fields: Vec<Field> =
        columns.iter().map(|(n, a)| Field::new(*n, a.data_type().clone(), true)).collect();
    RecordBatch::try_new(
        Arc::new(Schema::new(fields)),
        columns.into_iter().map(|(_, a)| a).collect(),
    )
    .unwrap()
}

fn parquet_bytes(batch: &RecordBatch) -> Vec<u8> {
    let mut out = Vec::new();
    let mut writer = parquet::arrow::ArrowWriter::try_new(&mut out, batch.schema(), None).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
    out
}

fn arrow_file(batch: &RecordBatch) -> Vec<u8> {
    let mut writer = arrow_ipc::writer::FileWriter::try_new(Vec::new(), &batch.schema()).unwrap();
    writer.write(batch).unwrap();
    writer.finish().unwrap();
    writer.into_inner().unwrap()
}

fn arrow_stream(batch: &RecordBatch) -> Vec<u8> {
    let mut writer = arrow_ipc::writer::StreamWriter::try_new(Vec::new(), &batch.schema()).unwrap();
    writer.write(batch).unwrap();
    writer.finish().unwrap();
    writer.into_inner().unwrap()
}

#[test]
fn columnar_files_keep_their_types_and_vectors() {
    use ColumnKind::{Category, Integer, Number, Time};
    let numbers = [0.1_f32, -2.5, f32::MIN_POSITIVE, 3.0e38];
    let field = |t| Arc::new(Field::new("item", t, true));
    let fixed = FixedSizeListArray::new(
        field(DataType::Float32),
        2,
        Arc::new(Float32Array::from(numbers.to_vec())),
        None,
    );
    let doubles: ListArray = {
        let offsets =
            arrow_array::builder::ListBuilder::new(arrow_array::builder::Float64Builder::new());
        let mut builder = offsets;
        for pair in numbers.chunks(2) {
            builder.values().append_slice(&pair.iter().map(|&x| f64::from(x)).collect::<Vec<_>>());
            builder.append(true);
        }
        builder.finish()
    };
    let place = Place::new();
    for vectors in [Arc::new(fixed) as ArrayRef, Arc::new(doubles)] {
        let batch = batch(vectors);
        let parquet = parquet_bytes(&batch);
        let files = [
            ("t.parquet", parquet.clone()),
            ("t.arrow", arrow_file(&batch)),
            ("t.arrows", arrow_stream(&batch)),
            ("unnamed", parquet.clone()),
            ("t.parquet.zst", zstd::encode_all(&parquet[..], 1).unwrap()),
        ];
        for (name, bytes) in files {
            let table = read(&place.write(name, bytes), &defaults()).unwrap();
            assert_eq!(ids(&table), ["a", "b"], "{name}");
            let matrix = table.vectors.as_ref().unwrap();
            assert_eq!(matrix.as_slice(), numbers, "{name}");
            assert_eq!(
                kinds(&table),
                [("n", Integer), ("x", Number), ("species", Category), ("day", Time), ("at", Time)]
            );
            assert!(table.items.column("x").unwrap().values.is_null(1), "NaN is missing");
            let day = table.items.column("day").unwrap();
            assert_eq!(
                day.values.as_primitive::<TimestampMillisecondType>().values(),
                &[86_400_000, -86_400_000]
            );
        }
    }
}

#[test]
fn vectors_are_bit_exact_from_text_in_every_layout() {
    let mut state = 9_u32;
    let values: Vec<f32> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f32::from_bits(state)
    })
    .filter(|x| x.is_finite())
    .take(60)
    .collect();
    let place = Place::new();
    let mut wide = String::from(
        "id,emb_2,emb_10,emb_1,emb_0,emb_3,emb_4,emb_5,emb_6,emb_7,emb_8,emb_9,label\n",
    );
    let mut lists = String::from("id\tvector\n");
    let mut json = String::new();
    let mut expected = Vec::new();
    for (row, v) in values.chunks_exact(11).enumerate() {
        let order = [2, 10, 1, 0, 3, 4, 5, 6, 7, 8, 9];
        let columns: Vec<String> = order.iter().map(|&i| v[i].to_string()).collect();
        writeln!(wide, "r{row},{},x", columns.join(",")).unwrap();
        let list: Vec<String> = v.iter().map(|x| format!("{x:e}")).collect();
        writeln!(lists, "r{row}\t[{}]", list.join(", ")).unwrap();
        writeln!(json, "{{\"id\":\"r{row}\",\"e\":[{}]}}", list.join(",")).unwrap();
        expected.extend(v.iter().map(|x| x.to_bits()));
    }
    let bits = |t: &Table| {
        t.vectors.as_ref().unwrap().as_slice().iter().map(|x| x.to_bits()).collect::<Vec<_>>()
    };
    for (name, content) in [("w.csv", &wide), ("l.tsv", &lists), ("j.jsonl", &json)] {
        let table = read(&place.write(name, content), &defaults()).unwrap();
        assert_eq!(bits(&table), expected, "{name}");
        assert_eq!(ids(&table)[4], "r4");
    }
    let asked =
        ReaderOptions { vector: Some("emb_*".into()), keep: vec!["label".into()], ..defaults() };
    let table = read(&place.write("w.csv", &wide), &asked).unwrap();
    assert_eq!((bits(&table), kinds(&table).len()), (expected, 1));
    let features = ReaderOptions { features: vec!["3".into(), "emb_0".into()], ..defaults() };
    let table = read(&place.write("w.csv", &wide), &features).unwrap();
    assert_eq!(table.vectors.unwrap().row(1), [values[11 + 10], values[11]]);
}

#[test]
fn numbers_that_are_none_are_refused_by_row_and_column() {
    let said = |content: &str| csv(content, &defaults()).unwrap_err().message().to_string();
    assert!(
        said("id,v0,v1,v2\na,1,2,3\nb,1,NaN,3\n")
            .ends_with("t.csv, line 3: column 'v1': NaN has no place in a vector")
    );
    assert!(
        said("id,v0,v1,v2\na,1,2,3\nb,1,1e39,3\n")
            .contains("line 3: column 'v1': '1e39' is infinite")
    );
    assert!(said("id,v0,v1,v2\na,1,2,3\nb,1,,3\n").ends_with("line 3: no value in column 'v1'"));
    assert!(
        said("id;v\na;[1,2]\nb;[1,2,3]\n")
            .ends_with("line 3: a vector of 3 numbers, those before have 2")
    );
    let skip = ReaderOptions { on_bad: OnBad::Skip, ..defaults() };
    let table = csv("id,v0,v1,v2\na,1,2,3\nb,1,x,3\nc,4,5,6\n", &skip).unwrap();
    assert_eq!(ids(&table), ["a", "c"]);
    assert_eq!(table.vectors.unwrap().as_slice(), [1., 2., 3., 4., 5., 6.]);

    let nan = Float32Array::from(vec![1.0, 2.0, f32::NAN, 4.0]);
    let field = Arc::new(Field::new("item", DataType::Float32, true));
    let batch = batch(Arc::new(FixedSizeListArray::new(field, 2, Arc::new(nan), None)));
    let place = Place::new();
    let sources = place.write("t.parquet", parquet_bytes(&batch));
    let error = read(&sources, &defaults()).unwrap_err();
    assert!(
        error.message().ends_with("t.parquet, row 2: column 'emb': component 1 is not finite"),
        "{error}"
    );
    assert_eq!(ids(&read(&sources, &skip).unwrap()), ["a"]);
}

#[test]
fn options_overrule_guesses() {
    let content = "zip,grade,id\n10001,1,x\n20002,?,y\n10001,3,x\n";
    let table = csv(content, &defaults()).unwrap();
    assert_eq!(ids(&table), ["1", "2", "3"], "the column id is not unique");
    assert_eq!(kinds(&table)[0], ("id_in_file", ColumnKind::Text));
    assert_eq!(kinds(&table)[1..], [("zip", ColumnKind::Integer), ("grade", ColumnKind::Text)]);
    let types = BTreeMap::from([("zip".to_string(), ColumnKind::Category)]);
    let options = ReaderOptions {
        types,
        missing: vec!["?".into()],
        keep: vec!["zip".into(), "grade".into()],
        id: Some("row".into()),
        ..defaults()
    };
    let table = csv(content, &options).unwrap();
    assert_eq!(kinds(&table), [("zip", ColumnKind::Category), ("grade", ColumnKind::Integer)]);

    // Numbers count the columns of the file, whatever became of those before.
    let options = ReaderOptions {
        types: BTreeMap::from([("4".to_string(), ColumnKind::Category)]),
        features: vec!["1".into(), "3".into()],
        ..defaults()
    };
    let table = csv("x,id,y,label\n1,a,2,7\n3,b,4,8\n", &options).unwrap();
    assert_eq!(kinds(&table), [("label", ColumnKind::Category)]);

    let explicit = ReaderOptions { id: Some("id".into()), ..defaults() };
    let error = csv(content, &explicit).unwrap_err();
    assert!(error.message().ends_with("id 'x' stands in row 1 and again in row 3"), "{error}");
    let wrong = ReaderOptions {
        types: BTreeMap::from([("grade".to_string(), ColumnKind::Integer)]),
        ..defaults()
    };
    let error = csv(content, &wrong).unwrap_err();
    assert_eq!(error.message(), "column 'grade', row 2: '?' is not a whole number");
    assert_eq!(error.way_out(), Some("if it stands for no value: --missing '?'"));

    let headless = csv("1.5,a\n2.5,b\n", &defaults()).unwrap();
    assert_eq!(
        kinds(&headless),
        [("column_1", ColumnKind::Number), ("column_2", ColumnKind::Text)]
    );
    let named = csv("1.5,a\n2.5,b\n", &ReaderOptions { header: Some(true), ..defaults() }).unwrap();
    assert_eq!(kinds(&named)[0].0, "1.5");
    let repeated = csv("no,left\nyes,right\nno,left\nyes,left\n", &defaults()).unwrap();
    assert_eq!(repeated.items.len(), 4, "a first row like the others is no header");
    let padded = csv("age, job\n39, clerk\n40, clerk\n41, ?\n42, clerk\n", &defaults()).unwrap();
    assert_eq!(padded.items.column("job").unwrap().values.as_string::<i32>().value(0), "clerk");
    let quoteless = ReaderOptions { quote: Some("none".into()), ..defaults() };
    assert_eq!(csv("a,b\n\"x,1\ny\",2\n", &quoteless).unwrap().items.len(), 2);
}

#[test]
fn several_files_must_have_the_same_columns() {
    let place = Place::new();
    place.write("a.csv", "id,x,y\n1,2,3\n");
    place.write("b.csv", "y,id,x\n30,10,20\n");
    let sources = Sources::resolve(&[place.0.path().join("*.csv").to_str().unwrap()]).unwrap();
    let table = read(&sources, &defaults()).unwrap();
    assert_eq!(ids(&table), ["1", "10"]);
    assert_eq!(
        table.items.column("y").unwrap().values.as_primitive::<Int64Type>().values(),
        &[3, 30]
    );
    assert_eq!(table.sources.len(), 2);
    place.write("c.csv", "id,x\n5,6\n");
    let sources = Sources::resolve(&[place.0.path().join("*.csv").to_str().unwrap()]).unwrap();
    let error = read(&sources, &defaults()).unwrap_err();
    assert!(
        error.message().ends_with("c.csv lacks a column 'y' that the files before it have"),
        "{error}"
    );
    let common = ReaderOptions { keep: vec!["x".into()], ..defaults() };
    assert_eq!(read(&sources, &common).unwrap().items.len(), 3);
    place.write("d.jsonl", "{\"z\":1}\n{\"id\":\"q\",\"w\":[1,\"a\"]}\n");
    let table = read(&Sources::file(place.0.path().join("d.jsonl")), &defaults()).unwrap();
    assert_eq!(
        kinds(&table),
        [("z", ColumnKind::Integer), ("id_in_file", ColumnKind::Text), ("w", ColumnKind::List)]
    );
}

#[test]
fn a_dry_run_tells_what_a_table_would_be() {
    let place = Place::new();
    let sources = place.write("t.csv", ROWS);
    let told = schema(&sources, &defaults(), &Run::silent(1)).unwrap();
    let columns: Vec<(&str, ColumnKind, Option<&str>)> =
        told.columns.iter().map(|c| (c.name.as_str(), c.kind, c.role)).collect();
    let table = read(&sources, &defaults()).unwrap();
    assert_eq!(columns[0].2, Some("id"));
    assert_eq!(columns[1..].iter().map(|c| (c.0, c.1)).collect::<Vec<_>>(), kinds(&table));
    assert_eq!(columns[6].2, Some("text"));
    assert_eq!((told.format, told.looked_at, told.columns[2].missing), (Format::Csv, 4, 1));
    let shown = told.to_string();
    assert!(
        shown.contains("as CSV separated by ',', header: id year")
            && shown.contains("species  category"),
        "{shown}"
    );
    let json = serde_json::to_value(&told).unwrap();
    assert_eq!(json["columns"][0]["role"], "id");

    let text =
        schema(&place.write("a.txt", "one line\nand another\n"), &defaults(), &Run::silent(1))
            .unwrap();
    assert_eq!(
        (text.format, text.rows.len(), text.columns[0].role),
        (Format::Text, 2, Some("text"))
    );
    for empty in ["e.csv", "e.txt", "e.jsonl"] {
        let error = schema(&place.write(empty, ""), &defaults(), &Run::silent(1)).unwrap_err();
        assert_eq!(error.kind(), Kind::Data);
        assert_eq!(read(&place.write(empty, ""), &defaults()).unwrap_err().kind(), Kind::Data);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn damaged_columnar_files_are_errors(at in 0..2000_usize, bit in 0..8_u32, cut in 0..2000_usize, kind in 0..3_usize) {
        let numbers = Float32Array::from(vec![1.0, 2.0, 3.0, 4.0]);
        let field = Arc::new(Field::new("item", DataType::Float32, true));
        let batch = batch(Arc::new(FixedSizeListArray::new(field, 2, Arc::new(numbers), None)));
        let mut bytes = match kind {
            0 => parquet_bytes(&batch),
            1 => arrow_file(&batch),
            _ => arrow_stream(&batch),
        };
        let format = if kind == 0 { Format::Parquet } else { Format::Arrow };
        prop_assert_eq!(check_columnar(bytes.clone(), format).unwrap(), 2);
        let len = bytes.len();
        bytes[at % len] ^= 1 << bit;
        let _ = check_columnar(bytes.clone(), format);
        bytes.truncate(cut % len);
        let _ = check_columnar(bytes, format);
    }
}
