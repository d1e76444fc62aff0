//! Data that the tests make for themselves: planted text, vectors, questions, and files that are broken on purpose.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Words that belong together. A space learned from text about one topic at a time puts them side by side.
const TOPICS: [[&str; 8]; 5] = [
    ["river", "lake", "sea", "harbour", "stream", "wave", "shore", "tide"],
    ["violin", "drum", "flute", "piano", "melody", "rhythm", "choir", "opera"],
    ["bread", "butter", "flour", "oven", "sugar", "recipe", "dough", "salt"],
    ["snow", "storm", "rain", "cloud", "wind", "frost", "thunder", "fog"],
    ["wolf", "fox", "bear", "otter", "eagle", "salmon", "deer", "hare"],
];

/// Words that stand everywhere.
const COMMON: [&str; 5] = ["the", "of", "and", "with", "near"];

/// A small deterministic generator (xorshift64*), so that the tests need no crate for it.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        ((self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize) % n
    }
}

/// Text of this many sentences, each about one topic.
pub(crate) fn text(sentences: usize, seed: u64) -> String {
    let mut dice = Dice::new(seed);
    let mut text = String::new();
    for _ in 0..sentences {
        let topic = TOPICS[dice.below(TOPICS.len())];
        for place in 0..10 {
            // The smaller of two throws, so that some words of a topic are more frequent than others.
            let word = if place % 4 == 3 {
                COMMON[dice.below(COMMON.len())]
            } else {
                topic[dice.below(8).min(dice.below(8))]
            };
            let _ = write!(text, "{word} ");
        }
        text.push('\n');
    }
    text
}

/// The topic that a word belongs to.
pub(crate) fn topic(word: &str) -> Option<usize> {
    TOPICS.iter().position(|words| words.contains(&word))
}

/// Runs the program in a folder, with progress off and no colours, and hands back what it said.
pub(crate) fn latlas(dir: &Path, args: &[&str]) -> Output {
    command(dir, args).output().unwrap()
}

/// The program, ready to be run in a folder.
pub(crate) fn command(dir: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_latlas"));
    command.args(args).current_dir(dir).env("LATLAS_PROGRESS", "none").stdin(Stdio::null());
    command
}

/// Runs the program, which must succeed.
pub(crate) fn ok(dir: &Path, args: &[&str]) -> String {
    let output = latlas(dir, args);
    let (said, complained) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(
        output.status.success(),
        "latlas {}: {}\n{said}{complained}",
        args.join(" "),
        output.status
    );
    said.into_owned()
}

/// The words of a planted corpus, learned: `text.txt` and `words.space` in this folder.
pub(crate) fn words(dir: &Path) -> PathBuf {
    std::fs::write(dir.join("text.txt"), text(600, 7)).unwrap();
    let learn = [
        "learn",
        "word2vec",
        "text.txt",
        "-o",
        "words.space",
        "--dim",
        "16",
        "--epochs",
        "8",
        "--threads",
        "1",
        "-q",
    ];
    ok(dir, &learn);
    dir.join("words.space")
}

/// An .npy file of little-endian f32 (`<f4`), or of anything else whose bytes are given.
pub(crate) fn npy(dtype: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    let mut header = format!("{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}");
    while (10 + header.len() + 1) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend_from_slice(&(header.len() as u16).to_le_bytes());
    file.extend_from_slice(header.as_bytes());
    file.extend_from_slice(data);
    file
}

/// The bytes of these numbers.
pub(crate) fn floats(numbers: &[f32]) -> Vec<u8> {
    numbers.iter().flat_map(|x| x.to_le_bytes()).collect()
}

/// A word2vec .bin of these vectors.
pub(crate) fn word2vec_bin(vectors: &[(&str, &[f32])]) -> Vec<u8> {
    let mut file = format!("{} {}\n", vectors.len(), vectors[0].1.len()).into_bytes();
    for (word, vector) in vectors {
        file.extend_from_slice(word.as_bytes());
        file.push(b' ');
        file.extend_from_slice(&floats(vector));
        file.push(b'\n');
    }
    file
}
