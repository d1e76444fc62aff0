//! The model of a space: what is written is read, kept through every change, and refused when it is none; and the
//! encoders that are made of it.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use latlas::file::Bytes;
use latlas::geometry::Geometry;
use latlas::items::Items;
use latlas::linalg::Matrix;
use latlas::space::{
    Edit, Encoder, ItemBatch, Modality, Model, NumberType, Placement, Provenance, Registry, Values,
    VectorBatch, check, encode_all,
};
use latlas::{Kind, Row, Run, Space};
use proptest::prelude::*;
use serde_json::json;
use std::path::Path;
use std::sync::Arc;

fn space(ids: &[&str], model: Option<Model>) -> Space {
    let builder = Space::builder("test", Items::from_ids(ids).unwrap());
    let builder = builder.field("main", Geometry::Cosine, Matrix::zeros(ids.len(), 2));
    match model {
        Some(model) => builder.model(model),
        None => builder,
    }
    .build()
    .unwrap()
}

fn model(scale: f32) -> Model {
    Model::builder("test", 3, json!({ "scale": scale }))
        .tensor("codes", &[5], vec![1_u8, 2, 3, 4, 5])
        .matrix("vectors", Matrix::new(2, 2, vec![1.0, 2.0, 3.0, 4.0 * scale]).unwrap())
        .tensor("counts", &[2, 1], vec![u64::MAX, 1])
        .tensor("nothing", &[0, 7], Vec::<i32>::new())
        .tensor("one", &[], vec![-7_i64])
        .names("words", ["a", "b c", "ş"].into_iter())
        .unwrap()
        .build()
        .unwrap()
}

/// Everything a model says.
fn said(model: &Model) -> String {
    let tensors: Vec<_> = model
        .tensors()
        .map(|about| format!("{about:?} {:?}", model.tensor(&about.name).unwrap().values()))
        .collect();
    let words = model.names("words").unwrap();
    let found = ["a", "b c", "ş", "d"].map(|word| words.row(word));
    format!("{:?} {:?} {tensors:?} {found:?} {}", model.about(), model.config(), words.id(1))
}

fn edit(path: &Path, change: impl FnOnce(&mut Edit)) -> Space {
    let mut edit = Space::edit(path).unwrap();
    change(&mut edit);
    edit.publish(Provenance::default()).unwrap()
}

#[test]
fn what_is_written_is_read_and_the_same_bytes_are_written_again() {
    let dir = tempfile::tempdir().unwrap();
    let [first, second] = ["a.space", "b.space"].map(|name| dir.path().join(name));
    let made = space(&["x", "y"], Some(model(1.0)));
    made.save(&first).unwrap();
    for open in [Space::open, Space::open_owned] {
        let found = open(&first).unwrap().model().unwrap();
        assert_eq!(said(&found), said(&model(1.0)));
        assert!(found.is_whole());
        let vectors = found.tensor("vectors").unwrap();
        assert_eq!(vectors.f32_of(&[2, 2]).unwrap(), [1.0, 2.0, 3.0, 4.0]);
        assert_eq!(found.tensor("one").unwrap().values(), Values::I64(&[-7]));
    }
    Space::open(&first).unwrap().save(&second).unwrap();
    for name in ["model/config-0002.json", "model/model-0002.safetensors"] {
        assert_eq!(
            std::fs::read(first.join(name)).unwrap(),
            std::fs::read(second.join(name)).unwrap()
        );
    }
    // The layout is the one that other programs read, its numbers aligned.
    let bytes = std::fs::read(first.join("model/model-0002.safetensors")).unwrap();
    let header = usize::try_from(u64::from_le_bytes(bytes[..8].try_into().unwrap())).unwrap();
    assert_eq!((8 + header) % 64, 0);
    let tensors = safetensors_of(&bytes[8..8 + header]);
    assert_eq!(
        tensors["vectors"],
        json!({"dtype": "F32", "shape": [2, 2], "data_offsets": [24, 40]})
    );
}

fn safetensors_of(header: &[u8]) -> serde_json::Value {
    serde_json::from_slice(header).unwrap()
}

#[test]
fn a_model_is_kept_by_every_change_and_replaced_with_its_space() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("en.space");
    space(&["x", "y"], Some(model(1.0))).save(&path).unwrap();
    let files = |path: &Path| {
        let mut names: Vec<_> = std::fs::read_dir(path.join("model"))
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    let before = files(&path);
    edit(&path, |e| e.append(&space(&["z"], None)).unwrap());
    edit(&path, |e| e.delete(&[Row(0)]).unwrap());
    let kept = edit(&path, |e| e.compact().unwrap());
    assert_eq!(said(&kept.model().unwrap()), said(&model(1.0)));
    assert_eq!(files(&path), before, "no change of rows writes a model");
    assert!(check(&path, false).unwrap().is_sound());

    let opened = Space::open(&path).unwrap();
    space(&["x"], Some(model(2.0))).save(&path).unwrap();
    assert_eq!(said(&Space::open(&path).unwrap().model().unwrap()), said(&model(2.0)));
    assert_eq!(files(&path).len(), 2, "the earlier files are swept");
    assert_eq!(said(&opened.model().unwrap()), said(&model(1.0)), "who has them open keeps them");
    space(&["x"], None).save(&path).unwrap();
    assert!(Space::open(&path).unwrap().model().is_none());
    assert_eq!(files(&path), Vec::<String>::new());
}

#[test]
fn what_is_no_model_is_refused_by_name() {
    let refused = |builder: latlas::space::ModelBuilder, says: &str| {
        let error = builder.build().unwrap_err();
        assert!(error.message().contains(says), "{error}");
    };
    let empty = || Model::builder("test", 1, json!({}));
    refused(Model::builder("te st", 1, json!({})), "'te st' is no name for a family of models");
    refused(Model::builder("test", 0, json!({})), "version 0");
    refused(Model::builder("test", 1, json!([1])), "JSON object");
    refused(empty().tensor("x", &[2, 2], vec![1.0_f32; 3]), "'x' of shape [2, 2] was given 3");
    refused(empty().tensor("x", &[usize::MAX, 2], vec![1_u8]), "was given 1");
    refused(empty().tensor("x", &[1], vec![f32::NAN]), "'x', number 1 is NaN");
    refused(empty().tensor("x/y", &[1], vec![0_u8]), "'x/y' is no name for a tensor");
    refused(empty().tensor("x", &[1], vec![0_u8]).tensor("x", &[1], vec![0_u8]), "stands twice");

    let model = model(1.0);
    let missing = model.tensor("weights").unwrap_err();
    assert_eq!(missing.message(), "model 'test' has no tensor 'weights'");
    assert_eq!(missing.kind(), Kind::Data);
    let codes = model.tensor("codes").unwrap();
    assert_eq!(codes.f32().unwrap_err().message(), "tensor 'codes' holds u8, where f32 is due");
    assert_eq!(codes.values().dtype(), NumberType::U8);
    let shape = model.tensor("vectors").unwrap().f32_of(&[4]).unwrap_err();
    assert_eq!(shape.message(), "tensor 'vectors' has shape [2, 2], where [4] is due");
    assert!(model.names("codes").is_err() && model.names("vectors").is_err());
}

const CONFIG: &[u8] = br#"{"format":"latlas.model","family":"test","version":1,"config":{}}"#;

#[test]
fn configurations_that_lie_are_refused() {
    let tensors = || Bytes::from([&2_u64.to_le_bytes()[..], b"{}"].concat());
    assert!(Model::from_bytes(CONFIG, &tensors()).is_ok());
    for (bad, says) in [
        (&b"{}"[..], "no configuration"),
        (br#"{"format":"x","family":"test","version":1,"config":{}}"#, "format 'x'"),
        (br#"{"format":"latlas.model","family":"../x","version":1,"config":{}}"#, "'../x'"),
        (
            br#"{"format":"latlas.model","family":"test","version":-1,"config":{}}"#,
            "no configuration",
        ),
        (
            br#"{"format":"latlas.model","family":"test","version":1,"config":3}"#,
            "no configuration",
        ),
    ] {
        let error = Model::from_bytes(bad, &tensors()).unwrap_err();
        assert!(error.message().contains(says), "{error}");
    }
}

proptest! {
    /// Headers that are almost right: whatever is accepted can be read to its end.
    #[test]
    fn any_header_gives_an_error_or_tensors_within_the_file(
        dtype in prop::sample::select(vec!["F32", "U8", "I32", "U32", "I64", "U64", "F16", "BOOL"]),
        shape in prop::collection::vec(0_u64..5, 0..3), from in 0_u64..12, length in 0_u64..40,
        data in prop::collection::vec(any::<u8>(), 0..64), pad in 0_usize..9,
    ) {
        let header = json!({ "t": { "dtype": dtype, "shape": shape, "data_offsets": [from, from + length] } });
        let header = format!("{header}{}", " ".repeat(pad));
        let bytes = [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &data].concat();
        if let Ok(model) = Model::from_bytes(CONFIG, &Bytes::from(bytes)) {
            let tensor = model.tensor("t").unwrap();
            prop_assert_eq!(tensor.shape().len(), shape.len());
            let _ = (format!("{:?}", tensor.values()), model.names("t").is_ok());
        }
    }
}

/// Places a text at (its length, how many words it has); words at (0, 1).
struct Lengths(Vec<Modality>);

impl Encoder for Lengths {
    fn accepts(&self) -> &[Modality] {
        &self.0
    }
    fn dim(&self) -> usize {
        2
    }
    fn encode(&self, items: &ItemBatch<'_>, out: &mut VectorBatch) -> latlas::Result<()> {
        for row in 0..items.len() {
            match items.get(row, Modality::Text) {
                Some("") => out.refuse(row, Placement::Unknown),
                Some("stop") => return Err(latlas::Error::data("told to stop")),
                Some(text) => {
                    let words = text.split(' ').count() as f32;
                    out.place(row).copy_from_slice(&[text.len() as f32, words]);
                }
                None if items.get(row, Modality::Word).is_some() => {
                    out.place(row).copy_from_slice(&[0.0, 1.0]);
                }
                None => {}
            }
        }
        Ok(())
    }
    fn batch(&self) -> usize {
        3
    }
}

fn registry(accepts: Modality) -> Registry {
    let mut registry = Registry::new();
    registry.register("test", 3, move |model, _| {
        model.tensor("vectors")?.f32_of(&[2, 2])?;
        Ok(Arc::new(Lengths(vec![accepts])))
    });
    registry
}

#[test]
fn a_batch_is_placed_alike_whatever_the_threads() {
    let space = space(&["x"], Some(model(1.0)));
    let encoder = space.encoder(&registry(Modality::Text)).unwrap();
    let texts: Vec<Option<String>> =
        (0..50).map(|i| (i % 7 != 0).then(|| "a ".repeat(i % 5))).collect();
    let batch = ItemBatch::of_texts(texts.iter().map(Option::as_deref));
    let placed = encode_all(&*encoder, &batch, &Run::silent(1)).unwrap();
    for threads in [2, 5] {
        let again = encode_all(&*encoder, &batch, &Run { threads, ..Run::silent(1) }).unwrap();
        assert_eq!(again.vectors(), placed.vectors());
        assert_eq!(again.placements(), placed.placements());
    }
    assert_eq!(placed.placements()[7], Placement::Missing);
    assert_eq!(placed.placements()[5], Placement::Unknown);
    assert_eq!(placed.vectors().row(1), [2.0, 2.0]);
    assert_eq!(placed.vectors().row(5), [0.0, 0.0]);
    let stops = ItemBatch::of_texts((0..20).map(|i| Some(if i == 11 { "stop" } else { "a" })));
    for threads in [1, 3] {
        let run = Run { threads, ..Run::silent(1) };
        assert_eq!(encode_all(&*encoder, &stops, &run).unwrap_err().message(), "told to stop");
    }
}

#[test]
fn words_that_are_items_have_their_own_vectors() {
    let items = Items::from_ids(["river", "lake"]).unwrap();
    let space = Space::builder("test", items)
        .field("main", Geometry::Cosine, Matrix::new(2, 2, vec![3.0, 4.0, 5.0, 6.0]).unwrap())
        .model(model(1.0))
        .build()
        .unwrap();
    let encoder = space.encoder(&registry(Modality::Word)).unwrap();
    let batch = ItemBatch::of_words(["lake", "pond", "river"]);
    let placed = encode_all(&*encoder, &batch, &Run::silent(1)).unwrap();
    assert_eq!(placed.vectors().as_slice(), [5.0, 6.0, 0.0, 1.0, 3.0, 4.0]);
}

#[test]
fn a_space_without_an_encoder_says_what_is_missing() {
    let refused = |space: &Space, registry: &Registry| {
        let error = space.encoder(registry).err().unwrap();
        (error.kind(), error.message().to_owned(), error.way_out().unwrap_or("").to_owned())
    };
    let with = space(&["x"], Some(model(1.0)));
    let (kind, message, _) = refused(&space(&["x"], None), &registry(Modality::Text));
    assert_eq!(
        (kind, message.as_str()),
        (Kind::Usage, "this space has no encoder: it keeps no model")
    );
    let (kind, message, _) = refused(&with, &Registry::new());
    assert_eq!(kind, Kind::Data);
    assert_eq!(
        message,
        "this space: its encoder is of the family 'test', which this program does not have"
    );
    let mut others = Registry::new();
    others.register("test", 1, |_, _| Ok(Arc::new(Lengths(vec![]))));
    others.register("vae", 1, |_, _| Ok(Arc::new(Lengths(vec![]))));
    let (_, message, help) = refused(&with, &others);
    assert_eq!(
        message,
        "this space: its encoder is of the family 'test', version 3; this program reads version 1"
    );
    assert_eq!(help, "install a newer latlas");
    // A model whose vectors are not those of the items, and one that lacks a tensor.
    let wide = Space::builder("test", Items::from_ids(["x"]).unwrap())
        .field("main", Geometry::Cosine, Matrix::zeros(1, 3))
        .model(model(1.0));
    let (_, message, _) = refused(&wide.build().unwrap(), &registry(Modality::Text));
    assert!(message.contains("dimension 2, its items have 3"), "{message}");
    let bare = Model::builder("test", 3, json!({})).build().unwrap();
    let (_, message, _) = refused(&space(&["x"], Some(bare)), &registry(Modality::Text));
    assert_eq!(message, "this space: model 'test' has no tensor 'vectors'");
}

#[test]
fn a_model_may_be_made_of_others() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("en.space");
    let whole = Model::builder("outer", 1, json!({ "window": 5 }))
        .tensor("codes", &[1], vec![7_u8])
        .part("inner", &model(2.0))
        .build()
        .unwrap();
    space(&["x"], Some(whole)).save(&path).unwrap();
    let found = Space::open(&path).unwrap().model().unwrap();
    assert_eq!(found.tensors().len(), 7);
    assert!(found.tensor("inner.codes").is_ok() && found.part("other").is_none());
    assert_eq!(said(&found.part("inner").unwrap()), said(&model(2.0)));
}
