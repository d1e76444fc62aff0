//! Ids, formats and folders: what their names do to a file.

use latlas::Run;
use latlas::data::ReaderOptions;
use latlas::space::formats::{self, ExportOptions, Format, ImportOptions};

use crate::common::*;
use crate::damage::refused;

#[test]
fn ids_that_do_not_fit_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let space = plain(&["new york", "new_york", "x"], 2);
    for name in ["a.bin", "a.vec", "a.glove"] {
        let path = dir.path().join(name);
        std::fs::write(&path, "old").unwrap();
        let error =
            formats::write(&space, &path, None, &ExportOptions::default(), &run()).unwrap_err();
        assert!(error.message().contains("'new york'"), "{error}");
        assert!(error.way_out().unwrap().contains("--replace-spaces _"), "{error:?}");
        let replace = |with: &str| ExportOptions {
            replace_spaces: Some(with.into()),
            ..ExportOptions::default()
        };
        let error = formats::write(&space, &path, None, &replace("_"), &run()).unwrap_err();
        assert!(
            error.message().contains("'new_york'") && error.message().contains("like another"),
            "{error}"
        );
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        let back = through(&space, &path, &replace("~"), &ImportOptions::default());
        assert_eq!(ids(&back), ["new~york", "new_york", "x"]);
    }
    let space = plain(&["two\nlines", "x"], 2);
    let error =
        formats::write(&space, &dir.path().join("a.npy"), None, &ExportOptions::default(), &run())
            .unwrap_err();
    assert!(error.message().contains("two\\nlines"), "{error}");
    assert!(!dir.path().join("a.npy").exists());
}

/// GloVe's program writes `<unk>` behind all words, and does not count it in the header that it writes if asked.
#[test]
fn files_of_the_glove_program_are_read_with_and_without_header() {
    let read = |text: &str, format| {
        let options = ImportOptions::default();
        formats::read_bytes("g", text.as_bytes().to_vec(), format, &options, &run())
    };
    let words = "the 0.100000 0.200000\nof 0.300000 -0.400000\n<unk> 0.200000 -0.100000\n";
    for (text, format) in
        [(words.to_owned(), Format::Glove), (format!("2 2\n{words}"), Format::Word2vec)]
    {
        assert_eq!(ids(&read(&text, format).unwrap()), ["the", "of", "<unk>"]);
    }
    let error = read(&format!("1 2\n{words}"), Format::Word2vec).unwrap_err();
    assert!(error.message().contains("more follow"), "{error}");
    let error = read(&format!("4 2\n{words}"), Format::Word2vec).unwrap_err();
    assert!(error.message().contains("ends after 3"), "{error}");
}

#[test]
fn names_with_spaces_in_published_files_are_read() {
    let glove = ". . . 0.1 0.2 0.3\nat 5 1 2 3\nthe -1 0.5 2e-3\n1 1 1 1\n";
    let space = formats::read_bytes(
        "g",
        glove.as_bytes().to_vec(),
        Format::Glove,
        &ImportOptions::default(),
        &run(),
    )
    .unwrap();
    assert_eq!(ids(&space), [". . .", "at 5", "the", "1"]);
    let latin: &[u8] = b"1 2\nCh\xeene 1 2\n";
    let encoding = |name: &str| ImportOptions {
        reader: ReaderOptions { encoding: Some(name.into()), ..ReaderOptions::default() },
        ..ImportOptions::default()
    };
    let space =
        formats::read_bytes("l", latin.to_vec(), Format::Word2vec, &encoding("latin1"), &run())
            .unwrap();
    assert_eq!(ids(&space), ["Ch\u{ee}ne"]);
    let error = refused(Format::Word2vec, latin);
    assert!(
        error.message().contains("not valid UTF-8")
            && error.way_out().unwrap().contains("--encoding"),
        "{error}"
    );
}

#[test]
fn ids_beside_vectors_are_found_or_given() {
    let dir = tempfile::tempdir().unwrap();
    let space = plain(&["x", "y z", "w"], 2);
    let npy = dir.path().join("a.npy");
    formats::write(&space, &npy, None, &ExportOptions::default(), &run()).unwrap();
    assert_eq!(std::fs::read_to_string(dir.path().join("a.ids.txt")).unwrap(), "x\ny z\nw\n");
    std::fs::rename(dir.path().join("a.ids.txt"), dir.path().join("names.txt")).unwrap();
    assert_eq!(ids(&read(&npy, &ImportOptions::default()).unwrap()), ["0", "1", "2"]);
    let both = [npy.display().to_string(), dir.path().join("names.txt").display().to_string()];
    let back = formats::read(&both, None, &ImportOptions::default(), &run()).unwrap();
    assert_eq!(ids(&back), ["x", "y z", "w"]);
    std::fs::write(dir.path().join("few.json"), r#"["a", 2]"#).unwrap();
    let few = ImportOptions { ids: Some(dir.path().join("few.json")), ..ImportOptions::default() };
    let error = read(&npy, &few).unwrap_err();
    assert!(error.message().contains("2 ids for 3 vectors"), "{error}");
}

#[test]
fn formats_are_guessed_and_the_guess_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let space = plain(&["a", "b"], 3);
    for format in [
        Format::Word2vecBin,
        Format::Word2vec,
        Format::Glove,
        Format::Safetensors,
        Format::Parquet,
        Format::Arrow,
        Format::Csv,
        Format::Jsonl,
    ] {
        let path = dir.path().join("vectors.dat");
        formats::write(&space, &path, Some(format), &ExportOptions::default(), &run()).unwrap();
        let listener = Listener::default();
        let run = Run { progress: &listener, ..Run::silent(1) };
        let back =
            formats::read(&[path.display().to_string()], None, &ImportOptions::default(), &run)
                .unwrap();
        assert_eq!(bits(&back, "main"), bits(&space, "main"), "{format}");
        assert!(
            listener
                .0
                .lock()
                .unwrap()
                .iter()
                .any(|note| note.contains(&format!("read as {format}"))),
            "{format}"
        );
    }
    let error =
        formats::write(&space, &dir.path().join("a.xyz"), None, &ExportOptions::default(), &run())
            .unwrap_err();
    assert!(
        error.message().contains("a.xyz") && error.way_out().unwrap().contains("--to"),
        "{error}"
    );
}

#[test]
fn portable_tables_name_no_folders() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("secret-place.vec");
    std::fs::write(&path, "1 2\na 1 2\n").unwrap();
    let space = read(&path, &ImportOptions::default()).unwrap();
    for (portable, named) in [(false, true), (true, false)] {
        for name in ["p.parquet", "p.arrow"] {
            let out = dir.path().join(name);
            let export = ExportOptions { portable, ..ExportOptions::default() };
            formats::write(&space, &out, None, &export, &run()).unwrap();
            let bytes = std::fs::read(&out).unwrap();
            let folder = dir.path().display().to_string();
            // Parquet keeps the metadata as plain text, Arrow does too.
            let found = bytes.windows(folder.len()).any(|w| w == folder.as_bytes());
            assert_eq!(found, named, "{name}");
            assert!(bytes.windows(12).any(|w| w == b"secret-place"), "{name}");
        }
    }
}
