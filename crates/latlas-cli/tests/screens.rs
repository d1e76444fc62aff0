//! What every screen looks like: transcripts in `screens/`, and the help of every verb in `docs/cli.md`.
//!
//! The commands run in a scratch folder with the files made below; `just bless` accepts changed screens.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

mod common;

use std::fmt::Write as _;
use std::path::Path;

#[test]
fn screens() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let work = tempfile::tempdir().unwrap();
    prepare(work.path());
    // trycmd runs commands where we are.
    std::env::set_current_dir(work.path()).unwrap();
    let cases = trycmd::TestCases::new();
    cases.insert_var("[LATLAS]", env!("CARGO_BIN_EXE_latlas")).unwrap();
    cases
        .env("LATLAS_PROGRESS", "none")
        .env("LATLAS_THREADS", "1")
        .env("CARGO_MANIFEST_DIR", "")
        .env("CARGO_HOME", work.path().join("cargo").to_str().unwrap())
        .case(root.join("tests/screens/*.trycmd"))
        .case(root.join("../../docs/cli.md"))
        .run();
}

#[test]
fn every_verb_has_its_place_in_the_docs() {
    let docs = include_str!("../../../docs/cli.md");
    let dir = tempfile::tempdir().unwrap();
    let help = common::ok(dir.path(), &["--help"]);
    let list = help.split_once("Commands:").unwrap().1.split_once("Options:").unwrap().0;
    let verbs: Vec<&str> = list.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(verbs.len() > 10, "{help}");
    for verb in verbs {
        assert!(docs.contains(&format!("\n## {verb}")), "docs/cli.md does not speak of {verb}");
    }
}

/// The files that the transcripts speak of.
fn prepare(dir: &Path) {
    common::words(dir);
    let write = |name: &str, content: &[u8]| std::fs::write(dir.join(name), content).unwrap();
    // Every transcript that changes a space has one of its own: transcripts run side by side.
    for name in [
        "columns", "add", "delete", "compact", "map", "check", "mapped", "newer", "plot",
        "clusters", "indexed",
    ] {
        copy(&dir.join("words.space"), &dir.join(format!("{name}.space")));
    }
    common::ok(dir, &["map", "mapped.space", "-q"]);
    common::ok(dir, &["map", "plot.space", "-q"]);
    copy(&dir.join("mapped.space"), &dir.join("grown.space"));
    copy(&dir.join("words.space"), &dir.join("year1.space"));

    write("topics.csv", topics(dir).as_bytes());
    common::ok(dir, &["convert", "words.space", "points.npy"]);
    common::ok(dir, &["columns", "plot.space", "--join", "topics.csv", "--on", "word", "-q"]);
    write("odd.csv", odd_columns(dir).as_bytes());
    copy(&dir.join("plot.space"), &dir.join("labelled.space"));
    common::ok(dir, &["columns", "labelled.space", "--join", "odd.csv", "--on", "word", "-q"]);
    write(
        "articles.csv",
        b"id,title,text\n1,Rivers,the river and the lake\n2,Music,a drum and a flute\n",
    );
    write("notes.csv", notes().as_bytes());
    common::ok(dir, &["embed", "words.space", "notes.csv", "-o", "texts.space", "-q"]);
    // The same texts without what placed them.
    common::ok(dir, &["convert", "texts.space", "prose.parquet", "-q"]);
    common::ok(dir, &["convert", "prose.parquet", "prose.space", "-q"]);
    write(
        "later.csv",
        "id,title,text\na,Water,the river and the lake\nb,Strange,hello\nc,Nothing,\n".as_bytes(),
    );
    write("analogies.txt", b": water\nriver lake violin drum\nlake river drum violin\n: unknown\nriver lake nowhere drum\n");
    write("pairs.txt", b"river lake 9.1\nriver violin 0.4\nbread butter 8.8\nbread wolf 1.2\nsnow storm 7.9\nnowhere river 5\n");

    let kinds: String =
        ["river", "lake", "drum", "flute", "bread", "salt", "snow", "fog", "wolf", "fox"]
            .map(|word| format!("{word} topic{}\n", common::topic(word).unwrap()))
            .concat();
    write("kinds.txt", kinds.as_bytes());
    write("outliers.txt", b": water\nriver\nlake\nsea\nwave\n\ndrum\nwolf\nnowhere\n");
    write("headlines.txt", b"A storm of snow and rain\nThe choir and the opera\nNothing known\n");
    common::ok(
        dir,
        &[
            "learn",
            "word2vec",
            "text.txt",
            "-o",
            "other-seed.space",
            "--dim",
            "16",
            "--epochs",
            "8",
            "--threads",
            "1",
            "--seed",
            "2",
            "-q",
        ],
    );
    copy(&dir.join("other-seed.space"), &dir.join("year2.space"));
    let papers =
        "the new york times of new york\nnew shoes and new york\nold times in york\n".repeat(40);
    write("papers.txt", papers.as_bytes());
    write("made.tsv", b"phrase\twords\tpass\nnew_york\tnew york\t1\nnyt\tnew_york times\t2\n");
    write("wrong.tsv", b"phrase\twords\nnew_york\tnew york\nyork\tyork\n");
    write("labelled.txt", labelled(300, 3).as_bytes());
    write("unlabelled.txt", b"the river and the sea\na violin and a choir\n");
    write(
        "reviews.csv",
        b"review,kind\nthe river and the lake,water\na drum and a flute,music\na new one,\n",
    );
    write("empty.txt", b"");
    write("one.txt", b"word\n");
    write("binary.txt", &[0, 159, 146, 150, 0, 1, 2, 3].repeat(200));
    write("rare.txt", b"one two three four five\n");
    write(
        "new.vec",
        b"2 16\nbrook 1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\npond 0 1 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n",
    );
    common::ok(dir, &["convert", "new.vec", "more.space", "-q"]);
    write("two.vec", b"2 2\nbrook 1 0\npond 0 1\n");
    common::ok(dir, &["convert", "two.vec", "two.space", "-q"]);
    write("twice.vec", b"2 3\ncat 1 0 0\ncat 0 1 0\n");
    write("nan.vec", b"2 3\ncat 1 0 0\ndog 0 NaN 0\n");
    odd(dir);
    let bin = common::word2vec_bin(&[("cat", &[1.0, 0.0]), ("dog", &[0.0, 1.0])]);
    write("short.bin", &bin[..bin.len() - 5]);
    write("lying.bin", &[b"4000000000 300\n".as_slice(), &bin].concat());
    write("ints.npy", &common::npy("<i8", "(2, 2)", &[0; 32]));
    write("whole.npy", &common::npy("<f4", "(2, 2)", &common::floats(&[1.0, 0.0, 0.0, 1.0])));
    std::fs::create_dir(dir.join("folder")).unwrap();
    std::fs::create_dir(dir.join("cargo")).unwrap();

    flip(&dir.join("check.space"));
    let manifest = dir.join("newer.space/space.json");
    let text = std::fs::read_to_string(&manifest).unwrap();
    std::fs::write(&manifest, newer(&text)).unwrap();
}

/// Spaces that are hard to lay out: one item, two, a few, a thousand copies of one and zero vectors beside some others.
fn odd(dir: &Path) {
    let make = |name: &str, rows: usize, vector: &dyn Fn(usize) -> [usize; 3]| {
        let mut text = format!("{rows} 3\n");
        for i in 0..rows {
            let [x, y, z] = vector(i);
            let _ = writeln!(text, "w{i} {x} {y} {z}");
        }
        std::fs::write(dir.join("odd.vec"), text).unwrap();
        common::ok(dir, &["convert", "odd.vec", &format!("{name}.space"), "-q"]);
    };
    make("one", 1, &|_| [1, 2, 3]);
    make("pair", 2, &|i| [i, 1, 1]);
    make("few", 9, &|i| [i + 1, i * i, 7]);
    make("copies", 1030, &|i| if i < 1000 { [3, 2, 1] } else { [i - 999, 10, i % 7] });
    make("zeros", 40, &|i| if i % 4 == 0 { [0; 3] } else { [i % 5, 1 + i % 7, i % 3] });
}

/// Sixty short texts, each about one topic.
fn notes() -> String {
    let lines = common::text(60, 3);
    let rows = lines.lines().zip(1..).map(|(text, number)| format!("n{number},{text}\n"));
    format!("id,text\n{}", rows.collect::<String>())
}

/// Sentences with their topic as a label.
fn labelled(sentences: usize, seed: u64) -> String {
    let names = ["water", "music", "baking", "weather", "animals"];
    let label = |line: &str| {
        let topic = line.split(' ').find_map(common::topic).expect("a sentence has a topic");
        format!("__label__{} {line}\n", names[topic])
    };
    common::text(sentences, seed).lines().map(label).collect()
}

/// Each word's topic, as a table to join.
fn topics(dir: &Path) -> String {
    let words = common::ok(dir, &["convert", "words.space", "words.vec", "--json"]);
    assert!(words.contains("latlas.convert/1"), "{words}");
    let vectors = std::fs::read_to_string(dir.join("words.vec")).unwrap();
    let names = ["water", "music", "baking", "weather", "animals"];
    let mut table = "word,topic\n".to_owned();
    for word in vectors.lines().skip(1).filter_map(|line| line.split(' ').next()) {
        if let Some(topic) = common::topic(word) {
            table.extend([word, ",", names[topic], "\n"]);
        }
    }
    table
}

/// Columns that are hard to draw: a different note for each word, signed numbers, nothing at all.
fn odd_columns(dir: &Path) -> String {
    let vectors = std::fs::read_to_string(dir.join("words.vec")).unwrap();
    let words = vectors.lines().skip(1).filter_map(|line| line.split(' ').next());
    let row = |(at, word): (usize, &str)| {
        format!(
            "{word},note {at},{:.1},{}\n",
            at as f64 / 10.0 - 2.0,
            if at > 1000 { "1" } else { "" }
        )
    };
    let rows: String = words.enumerate().map(row).collect();
    format!("word,note,share,nothing\n{rows}")
}

/// Changes one bit in the middle of a space's vectors.
fn flip(space: &Path) {
    let vectors = std::fs::read_dir(space)
        .unwrap()
        .map(|f| f.unwrap().path())
        .find(|p| p.extension().is_some_and(|e| e == "npy"))
        .unwrap();
    let mut bytes = std::fs::read(&vectors).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&vectors, bytes).unwrap();
}

/// The manifest as a later version of Latlas might write it.
fn newer(manifest: &str) -> String {
    let mut manifest: serde_json::Value = serde_json::from_str(manifest).unwrap();
    manifest["version"] = serde_json::json!(999);
    serde_json::to_string_pretty(&manifest).unwrap()
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
