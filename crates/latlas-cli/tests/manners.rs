//! How the program behaves when it is stopped, killed, hurried or kept from writing.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

#[expect(dead_code, reason = "each test file uses its part of it")]
mod common;

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::{Dice, command, latlas, ok, text};

/// A computation that would take minutes; it is always stopped.
const LONG: [&str; 12] = [
    "learn",
    "word2vec",
    "text.txt",
    "-o",
    "long.space",
    "--dim",
    "32",
    "--epochs",
    "90000",
    "--checkpoint-every",
    "0.1",
    "--threads=1",
];

#[test]
fn the_end_of_a_pipe_is_the_end_of_the_program_and_no_error() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = command(dir.path(), &["completions", "bash"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0; 8];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap(); // and closed
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", output.status);
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_behind_standard_output_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output =
        command(dir.path(), &["man"]).stdout(full).stderr(Stdio::piped()).output().unwrap();
    assert_eq!(output.status.code(), Some(4));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        said.starts_with("error: cannot write to standard output: no space left on device"),
        "{said}"
    );
}

#[test]
fn an_error_under_json_is_one_object() {
    let dir = tempfile::tempdir().unwrap();
    for (args, kind, code) in [
        (["info", "nowhere.space", "--json"].as_slice(), "io", 4),
        (&["--json", "info"], "usage", 2),
        (&["search", "--json", "x.space", "--kk"], "usage", 2),
    ] {
        let output = latlas(dir.path(), args);
        assert_eq!(output.status.code(), Some(code), "{args:?}");
        assert!(output.stdout.is_empty());
        let error: serde_json::Value = serde_json::from_slice(&output.stderr).unwrap();
        assert_eq!(error["schema"], "latlas.error/1");
        assert_eq!(error["kind"], kind);
        assert!(error["message"].as_str().is_some_and(|m| !m.is_empty() && !m.contains('\n')));
        assert!(error["help"].is_string());
    }
}

#[test]
fn a_second_writer_is_refused_at_once_and_readers_are_not() {
    let dir = tempfile::tempdir().unwrap();
    let space = common::words(dir.path());
    std::fs::rename(space, dir.path().join("long.space")).unwrap();
    let mut first = begin(dir.path(), &LONG);
    let began = Instant::now();
    let second = latlas(dir.path(), &LONG);
    assert!(began.elapsed() < Duration::from_secs(5));
    assert_eq!(second.status.code(), Some(4));
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(said.contains("long.space is being written by process"), "{said}");
    ok(dir.path(), &["search", "long.space", "river"]);
    first.kill().unwrap();
    first.wait().unwrap();
    ok(dir.path(), &["check", "long.space"]);
}

#[test]
fn interrupted_and_resumed_gives_the_bytes_of_an_undisturbed_run() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("text.txt"), text(1500, 3)).unwrap();
    let learn = |output: &'static str| {
        [
            "learn",
            "word2vec",
            "text.txt",
            "-o",
            output,
            "--dim",
            "24",
            "--epochs",
            "400",
            "--threads",
            "1",
            "--checkpoint-every",
            "0.05",
        ]
    };
    ok(dir.path(), &learn("whole.space"));
    let mut args = learn("pieces.space").to_vec();
    args.push("--resume");
    for _ in 0..2 {
        let mut child = begin(dir.path(), &args);
        signal(&child, "-INT");
        let status = child.wait().unwrap();
        assert_eq!(
            status.code(),
            Some(130),
            "it ended before it could be interrupted: make it longer"
        );
        assert!(!dir.path().join("pieces.space").exists());
    }
    ok(dir.path(), &args);
    assert!(!dir.path().join("pieces.space.work").exists(), "the work folder was left behind");
    for name in files(&dir.path().join("whole.space")) {
        // The manifest tells when and by whom, the lock who.
        if name != "space.json" && name != ".lock" {
            let read = |space: &str| std::fs::read(dir.path().join(space).join(&name)).unwrap();
            assert!(read("whole.space") == read("pieces.space"), "{name} differs");
        }
    }
}

#[test]
fn words_of_one_topic_are_neighbours() {
    let dir = tempfile::tempdir().unwrap();
    common::words(dir.path());
    for word in ["river", "violin", "bread", "storm", "otter"] {
        let answer = ok(dir.path(), &["search", "words.space", word, "-k", "5", "--json"]);
        let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
        let hits = answer["hits"].as_array().unwrap();
        assert_eq!(hits.len(), 5);
        for (at, hit) in hits.iter().enumerate() {
            let id = hit["id"].as_str().unwrap();
            assert_eq!(common::topic(id), common::topic(word), "{id} is a neighbour of {word}");
            assert_eq!(hit["rank"], at + 1);
            let sum = hit["distance"].as_f64().unwrap() + hit["similarity"].as_f64().unwrap();
            assert!((sum - 1.0).abs() < 1e-5, "{hit}");
        }
    }
}

#[test]
fn a_killed_learner_leaves_the_old_space() {
    let dir = tempfile::tempdir().unwrap();
    let space = common::words(dir.path());
    std::fs::rename(space, dir.path().join("long.space")).unwrap();
    let before = ok(dir.path(), &["search", "long.space", "river", "--json"]);
    let mut dice = Dice::new(5);
    for _ in 0..4 {
        let mut child = command(dir.path(), &LONG).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(dice.below(400) as u64));
        child.kill().unwrap();
        child.wait().unwrap();
        ok(dir.path(), &["check", "long.space"]);
        assert_eq!(ok(dir.path(), &["search", "long.space", "river", "--json"]), before);
    }
}

#[test]
fn a_folder_that_may_not_be_written_is_named() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let shut = dir.path().join("shut");
    std::fs::create_dir(&shut).unwrap();
    std::fs::write(dir.path().join("text.txt"), text(50, 1)).unwrap();
    std::fs::set_permissions(&shut, std::fs::Permissions::from_mode(0o555)).unwrap();
    if std::fs::write(shut.join("probe"), "").is_ok() {
        return; // root may write everywhere
    }
    let output = latlas(dir.path(), &["learn", "word2vec", "text.txt", "-o", "shut/x.space"]);
    assert_eq!(output.status.code(), Some(4));
    assert!(String::from_utf8_lossy(&output.stderr).contains("shut/x.space"));
}

#[test]
fn file_variable_and_flag_win_in_this_order() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("text.txt"), text(50, 1)).unwrap();
    std::fs::write(
        dir.path().join("latlas.toml"),
        "seed = 1\n[learn.word2vec]\ndim = 6\nepochs = 1\nset = { window = 3 }\n",
    )
    .unwrap();
    let dim = |variable: Option<&str>, flag: &[&str]| {
        let args = [&["learn", "word2vec", "text.txt", "-o", "x.space", "--json"], flag].concat();
        let mut command = command(dir.path(), &args);
        if let Some(value) = variable {
            command.env("LATLAS_LEARN_WORD2VEC_DIM", value);
        }
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap()["dim"]
            .as_u64()
            .unwrap()
    };
    assert_eq!(dim(None, &[]), 6);
    assert_eq!(dim(Some("7"), &[]), 7);
    assert_eq!(dim(Some("7"), &["--dim", "8"]), 8);
    let info = ok(dir.path(), &["info", "x.space", "--json"]);
    let info: serde_json::Value = serde_json::from_str(&info).unwrap();
    let made = &info["provenance"][0];
    assert_eq!(
        (made["seed"].as_u64(), made["options"]["window"].as_u64()),
        (Some(1), Some(3)),
        "{made}"
    );

    std::fs::write(dir.path().join("latlas.toml"), "[learn.word2vec]\ndmi = 6\n").unwrap();
    let output = latlas(dir.path(), &["info", "x.space"]);
    assert_eq!(output.status.code(), Some(3));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        said.contains("latlas.toml [learn.word2vec]: there is no option 'dmi'")
            && said.contains("did you mean 'dim'?"),
        "{said}"
    );
}

/// Starts a learner and waits until it has written its first checkpoint (or ended).
fn begin(dir: &Path, args: &[&str]) -> Child {
    let mut child = command(dir, args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let target = args.iter().skip_while(|arg| **arg != "-o").nth(1).unwrap();
    let checkpoints: PathBuf = dir.join(format!("{target}.work/checkpoints"));
    let before = newest(&checkpoints);
    let began = Instant::now();
    while newest(&checkpoints) == before && child.try_wait().unwrap().is_none() {
        assert!(began.elapsed() < Duration::from_secs(30), "no checkpoint appears");
        std::thread::sleep(Duration::from_millis(2));
    }
    child
}

/// When a folder's newest file was written.
fn newest(dir: &Path) -> Option<std::time::SystemTime> {
    let files = std::fs::read_dir(dir).ok()?;
    files.filter_map(|file| file.ok()?.metadata().ok()?.modified().ok()).max()
}

fn signal(child: &Child, name: &str) {
    Command::new("kill").args([name, &child.id().to_string()]).status().unwrap();
}

fn files(dir: &Path) -> Vec<String> {
    std::fs::read_dir(dir)
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[test]
fn a_map_interrupted_killed_and_resumed_is_that_of_an_undisturbed_run() {
    let dir = tempfile::tempdir().unwrap();
    let mut dice = Dice::new(11);
    let mut numbers = Vec::new();
    for i in 0..600 {
        for j in 0..8 {
            numbers.push(if i % 8 == j { 3.0 } else { 0.0 } + dice.below(1000) as f32 / 1000.0);
        }
    }
    let points = common::npy("<f4", "(600, 8)", &common::floats(&numbers));
    std::fs::write(dir.path().join("points.npy"), points).unwrap();
    for space in ["whole.space", "pieces.space"] {
        ok(dir.path(), &["convert", "points.npy", space, "--geometry", "euclidean"]);
    }
    for (method, steps) in [("umap", "epochs=2000"), ("tsne", "iterations=2000")] {
        let map = |space| ["map", space, "--method", method, "--set", steps];
        ok(dir.path(), &map("whole.space"));
        let often = [&map("pieces.space")[..], &["--checkpoint-every", "0.01"]].concat();
        let again = [&often[..], &["--resume"]].concat();
        let work = dir.path().join(format!("pieces.space.{method}.work"));
        // Ctrl-C: the layout so far is stored.
        let mut child = begin_at(dir.path(), &often, &work.join("checkpoints"));
        signal(&child, "-INT");
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        let status = child.wait().unwrap();
        assert_eq!(status.code(), Some(130), "it ended before it could be interrupted: {said}");
        assert!(
            said.contains(&format!("2000 steps: the map so far is stored as '{method}'"))
                && said.contains("help: the same command with --resume goes on from there"),
            "{said}"
        );
        let info = ok(dir.path(), &["info", "pieces.space", "--json"]);
        assert!(info.contains("of 2000 steps"), "{info}");
        ok(dir.path(), &["check", "pieces.space"]);
        // Other options are no way on, and hurt nothing.
        let other = [&again[..], &["--set", "learning_rate=2"]].concat();
        let refused = latlas(dir.path(), &other);
        assert_eq!(refused.status.code(), Some(2));
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(said.contains("was made with learning_rate"), "{said}");
        // Killed on the way, and at last to the end.
        let mut child = begin_at(dir.path(), &again, &work.join("checkpoints"));
        child.kill().unwrap();
        child.wait().unwrap();
        ok(dir.path(), &again);
        assert!(!work.exists(), "the work folder was left behind");
        let table = |space: &str| {
            let maps = dir.path().join(space).join("maps");
            let name = files(&maps).into_iter().find(|name| name.starts_with(method)).unwrap();
            std::fs::read(maps.join(name)).unwrap()
        };
        assert!(table("whole.space") == table("pieces.space"), "{method}: another map");
    }
}

/// Starts a computation and waits until it has written a checkpoint (or ended).
fn begin_at(dir: &Path, args: &[&str], checkpoints: &Path) -> Child {
    let before = newest(checkpoints);
    let mut child =
        command(dir, args).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let began = Instant::now();
    while newest(checkpoints) == before && child.try_wait().unwrap().is_none() {
        assert!(began.elapsed() < Duration::from_secs(30), "no checkpoint appears");
        std::thread::sleep(Duration::from_millis(2));
    }
    child
}
