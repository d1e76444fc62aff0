//! Writes a few small valid files for each target into CORPUS/TARGET.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{Float64Array, StringArray};
use latlas::geometry::Geometry;
use latlas::items::{Column, ColumnKind, Items};
use latlas::linalg::Matrix;
use latlas::space::formats::{ExportOptions, write};
use latlas::{Run, Space};

fn main() {
    let corpus = PathBuf::from(std::env::args().nth(1).expect("the folder for the corpus"));
    let work = corpus.join(".work");
    std::fs::create_dir_all(&work).unwrap();
    let items = Items::from_ids(["cat", "dog", "şey"]).unwrap();
    let name = Column { name: "lang".into(), kind: ColumnKind::Category, values: Arc::new(StringArray::from(vec![Some("en"), None, Some("tr")])) };
    let number = Column { name: "n".into(), kind: ColumnKind::Number, values: Arc::new(Float64Array::from(vec![0.5, 2.0, -3.25])) };
    let items = items.with_column(name).unwrap().with_column(number).unwrap();
    let numbers = Matrix::new(3, 3, (0..9).map(|i| i as f32 * 0.25 - 1.0).collect()).unwrap();
    let space = Space::builder("import", items).field("main", Geometry::Cosine, numbers).build().unwrap();
    for (target, file, choice) in [
        ("word2vec_bin", "a.bin", None),
        ("word2vec_bin", "b.bin.gz", None),
        ("word2vec_text", "a.vec", Some(0)),
        ("word2vec_text", "a.glove", Some(1)),
        ("word2vec_text", "vectors.tsv", Some(2)),
        ("npy", "a.npy", None),
        ("safetensors", "a.safetensors", None),
        ("parquet", "a.parquet", None),
        ("arrow", "a.arrow", None),
        ("table", "a.csv", Some(0)),
        ("table", "a.tsv", Some(1)),
        ("table", "a.jsonl", Some(2)),
        ("corpus", "b.tsv", Some(1)),
    ] {
        let path = work.join(file);
        write(&space, &path, None, &ExportOptions::default(), &Run::silent(1)).unwrap();
        seed(&corpus, target, file, &[choice.into_iter().collect(), std::fs::read(&path).unwrap()].concat());
    }
    seed(&corpus, "corpus", "text", b"\0The cat sat.\nA d\xc3\xa9j\xc3\xa0 vu, the cat!\n");
    for (i, text) in ["n >= 2010 AND t IN ('a','b') AND NOT x IS NULL", "(n BETWEEN 1 AND 2 OR t LIKE '%a_') AND \"t\" <> 'it''s'"].iter().enumerate() {
        seed(&corpus, "filter", &i.to_string(), text.as_bytes());
    }
    let saved = work.join("s.space");
    space.save(&saved).unwrap();
    for entry in std::fs::read_dir(&saved).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let target = match name.as_str() {
            "space.json" => "manifest",
            _ if name.ends_with(".idx") => "ids_idx",
            _ if name.ends_with(".parquet") => "parquet",
            _ if name.ends_with(".npy") => "npy",
            _ => continue,
        };
        seed(&corpus, target, &name, &std::fs::read(&path).unwrap());
    }
    std::fs::remove_dir_all(&work).unwrap();
}

fn seed(corpus: &Path, target: &str, name: &str, bytes: &[u8]) {
    let dir = corpus.join(target);
    std::fs::create_dir_all(&dir).unwrap();
    std::fs::write(dir.join(format!("seed-{name}")), bytes).unwrap();
}
