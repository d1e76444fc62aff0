//! Writing a `.bin` that the official program and gensim load.

use std::io::Write;

use super::{LABEL, LOSSES, MAGIC, TASKS, VERSION, WORD};
use crate::error::{Error, Result};
use crate::run::{Run, Step};
use crate::space::fasttext::{FastTextModel, Task};
use crate::space::formats::save::put;
use crate::space::ids::IdTable;

/// Rows between two writes.
const ROWS: usize = 1024;

pub(in crate::space::formats) fn write(
    out: &mut dyn Write,
    model: &FastTextModel,
    run: &Run,
) -> Result<()> {
    let config = model.config();
    if model.ngrams().is_some() {
        return Err(Error::data(
            "a fastText file hashes n-grams, and in this model each has a row of its own",
        )
        .help("learn with --set subwords=hashed, or write the vectors alone, as .vec"));
    }
    if config.pruned {
        return Err(Error::data(
            "a fastText file holds a pruned model in quantised form alone, which is not written",
        )
        .help("keep the .ftz, or write the vectors alone, as .vec"));
    }
    let (words, labels) = (model.words(), model.labels());
    check_names(words, "word")?;
    if let Some(labels) = labels {
        check_names(labels, "label")?;
    }
    let label_count = labels.map_or(0, IdTable::rows);
    let mut bytes = Vec::new();
    let code = |found: Option<i32>| found.unwrap_or_default();
    for number in [
        MAGIC,
        VERSION,
        whole(config.dim, "dimension")?,
        whole(config.window, "window")?,
        whole(config.epochs, "epochs")?,
        whole(config.min_count, "min count")?,
        whole(config.negative, "negative")?,
        whole(config.word_ngrams, "word n-grams")?,
        code(LOSSES.iter().find(|(_, loss)| *loss == config.loss).map(|(code, _)| *code)),
        code(TASKS.iter().find(|(_, task)| *task == config.task).map(|(code, _)| *code)),
        whole(config.buckets, "buckets")?,
        whole(config.min_n, "min n")?,
        whole(config.max_n, "max n")?,
        whole(config.lr_update_rate, "update rate")?,
    ] {
        bytes.extend(number.to_le_bytes());
    }
    bytes.extend(config.sample.to_le_bytes());
    for number in [
        whole(words.rows() + label_count, "entries")?,
        whole(words.rows(), "words")?,
        whole(label_count, "labels")?,
    ] {
        bytes.extend(number.to_le_bytes());
    }
    bytes.extend(i64::try_from(config.tokens).unwrap_or(i64::MAX).to_le_bytes());
    bytes.extend((-1_i64).to_le_bytes());
    for (row, &count) in model.counts().iter().enumerate() {
        entry(&mut bytes, "", words.id(row), count, WORD);
        flush(out, &mut bytes)?;
    }
    if let Some(labels) = labels {
        for (row, &count) in model.label_counts().iter().enumerate() {
            entry(&mut bytes, &config.label_prefix, labels.id(row), count, LABEL);
            flush(out, &mut bytes)?;
        }
    }

    let dim = config.dim;
    let total = words.rows() + config.buckets as usize;
    begin_matrix(&mut bytes, total, dim);
    let zeros = vec![0.0_f32; dim];
    for row in 0..total {
        let numbers = match row.checked_sub(words.rows()) {
            None => model.row(row as u32),
            Some(bucket) => model.bucket(bucket as u32).map_or(&zeros[..], |row| model.row(row)),
        };
        bytes.extend(numbers.iter().flat_map(|x| x.to_le_bytes()));
        if row % ROWS == 0 {
            flush(out, &mut bytes)?;
            let step = Step {
                stage: "writing",
                done: row as u64,
                total: Some(total as u64),
                unit: "rows",
                ..Step::default()
            };
            run.report(&step)?;
        }
    }
    let outputs = if config.task == Task::Supervised { label_count } else { words.rows() };
    begin_matrix(&mut bytes, outputs, dim);
    for numbers in model.output().chunks(ROWS * dim) {
        bytes.extend(numbers.iter().flat_map(|x| x.to_le_bytes()));
        flush(out, &mut bytes)?;
    }
    put(out, &bytes)
}

fn begin_matrix(bytes: &mut Vec<u8>, rows: usize, dim: usize) {
    bytes.push(0);
    bytes.extend((rows as i64).to_le_bytes());
    bytes.extend((dim as i64).to_le_bytes());
}

fn entry(bytes: &mut Vec<u8>, prefix: &str, name: &str, count: u64, kind: u8) {
    bytes.extend(prefix.as_bytes());
    bytes.extend(name.as_bytes());
    bytes.push(0);
    bytes.extend(i64::try_from(count).unwrap_or(i64::MAX).to_le_bytes());
    bytes.push(kind);
}

fn flush(out: &mut dyn Write, bytes: &mut Vec<u8>) -> Result<()> {
    if bytes.len() > 1 << 16 {
        put(out, bytes)?;
        bytes.clear();
    }
    Ok(())
}

fn whole<N: TryInto<i32> + Copy + std::fmt::Display>(number: N, what: &str) -> Result<i32> {
    number
        .try_into()
        .map_err(|_| Error::data(format!("{what} {number} is more than a fastText file can count")))
}

/// The official program ends a name at white space, and its file at a zero byte.
fn check_names(names: &IdTable, what: &str) -> Result<()> {
    let blank = |c: char| matches!(c, ' ' | '\t'..='\r' | '\0');
    match (0..names.rows()).map(|row| names.id(row)).find(|n| n.is_empty() || n.contains(blank)) {
        None => Ok(()),
        Some(name) => Err(Error::data(format!(
            "a fastText file cannot hold a {what} that is empty or has spaces: '{name}'"
        ))
        .help("write the vectors alone, in another format")),
    }
}
