//! What is broken is named; what is killed leaves no half.

use std::io::Write as _;

use latlas::file::fault::{Fault, arm, disarm};
use latlas::space::formats::{self, ExportOptions, Format, ImportOptions, OnDuplicate};
use latlas::{Error, Kind, Run};
use proptest::prelude::*;

use crate::common::*;

/// Reads bytes as a format; gives the error.
pub(crate) fn refused(format: Format, bytes: &[u8]) -> Error {
    let name = format!("x.{}", format.name());
    match formats::read_bytes(&name, bytes.to_vec(), format, &ImportOptions::default(), &run()) {
        Err(error) => error,
        Ok(space) => panic!(
            "{format}: {} vectors out of {:?}",
            space.count(),
            String::from_utf8_lossy(bytes)
        ),
    }
}

fn bin(header: &str, words: &[(&str, &[f32])]) -> Vec<u8> {
    let mut bytes = header.as_bytes().to_vec();
    for (word, vector) in words {
        bytes.extend(word.as_bytes());
        bytes.push(b' ');
        vector.iter().for_each(|x| bytes.extend(x.to_le_bytes()));
    }
    bytes
}

fn tensors(header: &str, data: &[u8]) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), data].concat()
}

#[test]
fn broken_files_are_named_with_their_place() {
    use Format::{Glove, Npy, Projector, Safetensors, Word2vec, Word2vecBin};
    let two = [("a", &[1.0f32, 2.0][..]), ("b", &[3.0, f32::NAN][..])];
    let cut = |bytes: Vec<u8>, by: usize| bytes[..bytes.len() - by].to_vec();
    let cases: Vec<(Format, Vec<u8>, &str)> = vec![
        (Word2vecBin, vec![], "is empty"),
        (Word2vecBin, b"\x7fELF\x02\x01\n".to_vec(), "count dim"),
        (Word2vecBin, bin("2 2\n", &two), "word 2 ('b'), component 2, is NaN"),
        (Word2vecBin, cut(bin("2 2\n", &two), 1), "ends within word 2 of the 2"),
        (Word2vecBin, bin("1 2\n", &two), "more follows"),
        (
            Word2vecBin,
            bin("9000000000000000 2\n", &two[..1]),
            "ends within word 2 of the 9000000000000000",
        ),
        (
            Word2vecBin,
            bin("18446744073709551615 18446744073709551615\n", &two),
            "no file is so large",
        ),
        (Word2vecBin, bin("2 0\n", &two), "dimension 0"),
        (
            Word2vecBin,
            bin("2 2\n", &[("a", &[1.0, 2.0]), ("a", &[3.0, 4.0])]),
            "id 'a' stands in word 1 and again in word 2",
        ),
        (Word2vecBin, [&b"2 2\n"[..], &[b'x'; 70_000]].concat(), "name of word 1 is longer"),
        (Word2vec, b"".to_vec(), "is empty"),
        (Word2vec, b"word".to_vec(), "'count dim'"),
        (Word2vec, b"2 0\na\nb\n".to_vec(), "dimension 0"),
        (Word2vec, b"30 2\na 1 2\nb 3 4\n".to_vec(), "more than the file holds"),
        (
            Word2vec,
            b"3 2\naaaaaaaa 1 2\nb 3 4\n".to_vec(),
            "promises 3 vectors, the file ends after 2",
        ),
        (Word2vec, b"1 2\na 1 2\nb 3 4\n".to_vec(), "promises 1 vectors, more follow"),
        (Word2vec, b"2 2\na 1 2\nb 3\n".to_vec(), "line 3: 1 numbers where 2 are due"),
        (Word2vec, b"2 2\na 1 2\nb 3 4,5\n".to_vec(), "line 3: '4,5' in place 2 of 'b'"),
        (Word2vec, b"2 2\na 1 2\nb 3 inf\n".to_vec(), "component 2, is inf"),
        (Word2vec, b"2 2\na 1 2\nb 3 1e39\n".to_vec(), "component 2, is inf"),
        (Word2vec, b"2 2\na 1 2\na 3 4\n".to_vec(), "id 'a' stands"),
        (Glove, b"".to_vec(), "is empty"),
        (Glove, b"the\n".to_vec(), "line 1"),
        (Glove, b"a 1 2 3\nb 1 2 3\nc 1 2\n".to_vec(), "line 3: 2 numbers where 3 are due"),
        (Glove, b"2 3\na 1 2 3\nb 1 2 3\n".to_vec(), "line 1: 1 numbers where 3 are due"),
        (Projector, b"1\t2\n1\t2\n3\n".to_vec(), "line 3: 1 numbers where 2 are due"),
        (Npy, b"PK\x03\x04".to_vec(), "x.npy: "),
        (Npy, b"\x93NUMPY\x01\x00\xff\xff{".to_vec(), "header"),
        (Safetensors, vec![], "header"),
        (Safetensors, tensors("{}", &[]), "none of its 0 tensors"),
        (Safetensors, [&u64::MAX.to_le_bytes()[..], b"{}"].concat(), "header"),
        (
            Safetensors,
            tensors(
                r#"{"a":{"dtype":"F32","shape":[4000000000,4000000000],"data_offsets":[0,8]}}"#,
                &[0; 8],
            ),
            "x.safetensors: ",
        ),
        (
            Safetensors,
            tensors(r#"{"a":{"dtype":"I32","shape":[1,2],"data_offsets":[0,8]}}"#, &[0; 8]),
            "matrix of floats",
        ),
        (
            Safetensors,
            tensors(r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, &[0; 8]),
            "matrix of floats",
        ),
        (
            Safetensors,
            tensors(
                r#"{"a":{"dtype":"F32","shape":[1,1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1,1],"data_offsets":[4,8]}}"#,
                &[0; 8],
            ),
            "2 matrices: a, b",
        ),
        (
            Safetensors,
            tensors(
                r#"{"__metadata__":{"ids":"[\"x\"]"},"a":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]}}"#,
                &[0; 8],
            ),
            "1 ids for 2 vectors",
        ),
    ];
    for (format, bytes, says) in cases {
        let error = refused(format, &bytes);
        assert!(error.message().contains(says), "{format}: '{error}' does not say '{says}'");
        assert!(error.message().starts_with("x.") || error.message().contains(" x."), "{error}");
        assert!(matches!(error.kind(), Kind::Data | Kind::Usage), "{error}");
    }
}

#[test]
fn headers_that_lie_inside_compressed_files_allocate_nothing() {
    // 2^40 words of dimension 2^40: nothing of the size may be allocated before the file turns out to be short.
    let dir = tempfile::tempdir().unwrap();
    for (name, content) in [
        ("a.bin.gz", &b"1048576 1099511627\na 0123"[..]),
        ("a.vec.gz", b"1099511627 1099511627\na 1 2\n"),
    ] {
        let path = dir.path().join(name);
        let mut packed = flate2::write::GzEncoder::new(
            std::fs::File::create(&path).unwrap(),
            flate2::Compression::fast(),
        );
        packed.write_all(content).unwrap();
        packed.finish().unwrap();
        let error = read(&path, &ImportOptions::default()).unwrap_err();
        assert_eq!(error.kind(), Kind::Data, "{error}");
    }
    // A gzip file cut short is named as such.
    let path = dir.path().join("b.vec.gz");
    formats::write(&plain(&["a", "b"], 300), &path, None, &ExportOptions::default(), &run())
        .unwrap();
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let error = read(&path, &ImportOptions::default()).unwrap_err();
    assert!(error.message().contains("b.vec.gz") && error.kind() == Kind::Data, "{error}");
}

#[test]
fn repeated_ids_and_bad_vectors_are_treated_as_asked() {
    let dir = tempfile::tempdir().unwrap();
    let files = [
        ("a.vec", "5 2\na 1 2\nb 3 4\na 5 6\na#2 7 8\na 9 10\n"),
        ("a.csv", "id,n,v1,v2,v3\na,1,1,2,0\nb,2,3,4,0\na,3,5,6,0\na#2,4,7,8,0\na,5,9,10,0\n"),
    ];
    for (name, content) in files {
        let path = dir.path().join(name);
        std::fs::write(&path, content).unwrap();
        let with = |on_duplicate| ImportOptions { on_duplicate, ..ImportOptions::default() };
        let error = read(&path, &with(OnDuplicate::Stop)).unwrap_err();
        assert!(error.message().contains("id 'a' stands in"), "{error}");
        assert!(error.way_out().unwrap().contains("--on-duplicate first"));
        let first = read(&path, &with(OnDuplicate::First)).unwrap();
        assert_eq!(ids(&first), ["a", "b", "a#2"], "{name}");
        assert_eq!(f32::from_bits(bits(&first, "main")[0]), 1.0);
        let renamed = read(&path, &with(OnDuplicate::Rename)).unwrap();
        assert_eq!(ids(&renamed), ["a", "b", "a#3", "a#2", "a#4"], "{name}");
    }
    let path = dir.path().join("nan.vec");
    std::fs::write(&path, "3 2\na 1 2\nb nan 4\nc 5 6\n").unwrap();
    let listener = Listener::default();
    let run = Run { progress: &listener, ..Run::silent(1) };
    let options = ImportOptions { skip_bad: true, ..ImportOptions::default() };
    let space = formats::read(&[path.display().to_string()], None, &options, &run).unwrap();
    assert_eq!((ids(&space), bits(&space, "main").len()), (vec!["a".into(), "c".into()], 4));
    let told = listener.0.lock().unwrap().join("\n");
    assert!(told.contains("1 vectors left out: vector 2 ('b'), component 1, is NaN"), "{told}");
}

#[test]
fn whatever_fails_while_writing_the_target_is_the_old_one_the_new_one_or_none() {
    let (old, new) = (plain(&["old"], 2), plain(&["new", "words"], 700));
    for name in [
        "a.bin",
        "a.vec.gz",
        "a.npy",
        "a.safetensors",
        "a.parquet",
        "a.arrow",
        "a.csv.zst",
        "a.jsonl",
        "vectors.tsv",
    ] {
        for n in 0.. {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join(name);
            formats::write(&old, &path, None, &ExportOptions::default(), &run()).unwrap();
            arm(n, Fault::Fail(std::io::ErrorKind::StorageFull));
            let done = formats::write(&new, &path, None, &ExportOptions::default(), &run());
            let operations = disarm();
            if path.exists() {
                let back = read(&path, &ImportOptions::default()).unwrap();
                assert!(
                    ids(&back) == ids(&old) || ids(&back) == ids(&new),
                    "{name}, operation {n}: {:?}",
                    ids(&back)
                );
            } else {
                assert!(
                    ["a.npy", "vectors.tsv"].contains(&name),
                    "{name}, operation {n}: no file is left"
                );
            }
            if operations <= n {
                done.unwrap();
                assert!(n >= 5, "{name}: only {n} operations were met");
                break;
            }
            let error = done.unwrap_err();
            assert_eq!(error.kind(), Kind::Io, "{name}, operation {n}: {error}");
            assert!(error.message().contains(dir.path().to_str().unwrap()), "{error}");
            let left = std::fs::read_dir(dir.path())
                .unwrap()
                .filter(|e| e.as_ref().unwrap().path().extension().is_some_and(|e| e == "tmp"));
            assert_eq!(left.count(), 0, "{name}, operation {n}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn damaged_files_give_vectors_or_an_error(at in 0..100_000usize, byte in any::<u8>(), cut in 0..400usize, which in 0..9usize) {
        let name = ["a.bin", "a.vec", "a.glove", "a.npy", "a.safetensors", "a.parquet", "a.arrow", "a.csv", "a.jsonl"][which];
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(name);
        formats::write(&plain(&["a", "b", "c"], 4), &path, None, &ExportOptions::default(), &run()).unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        let at = at % bytes.len();
        bytes[at] = byte;
        bytes.truncate(bytes.len().saturating_sub(cut.saturating_sub(300)).max(1));
        std::fs::write(&path, &bytes).unwrap();
        match read(&path, &ImportOptions::default()) {
            Ok(space) => prop_assert!(bits(&space, "main").iter().all(|b| f32::from_bits(*b).is_finite())),
            Err(error) => prop_assert!(error.kind() != Kind::Interrupted, "{}", error),
        }
    }
}
