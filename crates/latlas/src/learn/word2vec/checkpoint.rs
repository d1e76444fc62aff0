//! Keeping the place of a training, so that a killed one can go on.
//!
//! Two files, `word2vec-a.part` and `word2vec-b.part`, are written in turn, each published whole; so whatever dies at
//! whatever moment, one of them is the place of at most one checkpoint ago. Random streams are named by epoch and
//! chunk and need no saving. Layout, little-endian:
//!
//! ```text
//! "LATLASW1" · u64 n · n bytes of JSON (`State`) · input rows, f32 · output rows, f32 · u64 xxh3 of all before
//! ```

use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;
use xxhash_rust::xxh3::Xxh3Default;

use super::Word2Vec;
use super::train::{Model, Place, Tally};
use crate::data::Corpus;
use crate::error::{Error, Result};
use crate::file;
use crate::kernels::hogwild::RacingRows;
use crate::run::{Checkpoint, Run};

const MAGIC: &[u8; 8] = b"LATLASW1";
const NAMES: [&str; 2] = ["word2vec-a.part", "word2vec-b.part"];
/// The longest JSON that is read: an epoch takes some 100 bytes of it.
const LONGEST_STATE: u64 = 1 << 24;

/// Everything but the vectors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct State {
    job: Job,
    rows: usize,
    chunk: u64,
    losses: Vec<Tally>,
}

/// What must be the same for a checkpoint to be of this training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Job {
    options: Word2Vec,
    seed: u64,
    corpus: u64,
}

impl Job {
    fn new(options: &Word2Vec, corpus: &Corpus, run: &Run<'_>) -> Self {
        Job { options: options.clone(), seed: run.seed, corpus: corpus.fingerprint }
    }
}

/// Keeps checkpoints, as often as the run asks.
pub(super) struct Keeper<'a> {
    job: Job,
    run: &'a Run<'a>,
    last: Instant,
    /// Which of the two files is written next.
    turn: usize,
    /// Whether the last checkpoint could not be written.
    failed: bool,
}

impl<'a> Keeper<'a> {
    pub(super) fn new(options: &Word2Vec, corpus: &Corpus, run: &'a Run<'a>) -> Self {
        let job = Job::new(options, corpus, run);
        // The newest must survive the first writing: begin with the other.
        let turn =
            run.checkpoint.as_ref().map_or(0, |place| usize::from(newest(place, &job) == Some(0)));
        Keeper { job, run, last: Instant::now(), turn, failed: false }
    }

    /// When the next checkpoint is due.
    pub(super) fn due(&self) -> Option<Instant> {
        self.run.checkpoint.as_ref().and_then(|place| self.last.checked_add(place.every))
    }

    /// Writes a checkpoint. One that cannot be written is told once and does not end the training.
    pub(super) fn keep(&mut self, place: &mut Place) {
        let Some(Checkpoint { dir, .. }) = &self.run.checkpoint else { return };
        match write(&dir.join(NAMES[self.turn]), &self.job, place) {
            Ok(()) => {
                self.turn = 1 - self.turn;
                self.failed = false;
            }
            Err(error) => {
                if !self.failed {
                    self.run
                        .progress
                        .warn(&format!("no checkpoint was kept: {error}; training goes on"));
                }
                self.failed = true;
            }
        }
        self.last = Instant::now();
    }

    /// Adds to an interruption what was kept, and how to go on.
    pub(super) fn explain(&self, error: Error) -> Error {
        match &self.run.checkpoint {
            Some(place) if !self.failed => Error::interrupted(format!(
                "{}; its place is kept in {}",
                error.message(),
                place.dir.display()
            ))
            .help("the same command with --resume goes on from there"),
            _ => error,
        }
    }
}

/// The place to go on from, if the run asks for it and there is one. What is damaged or belongs to another training
/// is named in a warning. A run that does not resume removes what it finds.
pub(super) fn resume(options: &Word2Vec, corpus: &Corpus, run: &Run<'_>) -> Result<Option<Place>> {
    let Some(checkpoint) = &run.checkpoint else { return Ok(None) };
    if !checkpoint.resume {
        file::create_dir(&checkpoint.dir)?;
        for path in files(checkpoint).iter().filter(|path| path.exists()) {
            file::remove(path)?;
        }
        return Ok(None);
    }
    let job = Job::new(options, corpus, run);
    let mut found: Vec<(u64, PathBuf)> = Vec::new();
    for path in files(checkpoint).into_iter().filter(|path| path.exists()) {
        match peek(&path, &job, corpus.vocabulary.len()) {
            Ok(state) => found.push((state.chunk, path)),
            Err(why) => run.progress.warn(&format!("checkpoint not used: {why}")),
        }
    }
    found.sort();
    for (_, path) in found.into_iter().rev() {
        match read(&path, &job, corpus.vocabulary.len()) {
            Ok(place) => {
                let words: u64 = place.losses.iter().map(|epoch| epoch.words).sum();
                run.progress
                    .note(&format!("going on after {words} words, from {}", path.display()));
                return Ok(Some(place));
            }
            Err(why) => run.progress.warn(&format!("checkpoint not used: {why}")),
        }
    }
    run.progress.warn(&format!(
        "no checkpoint to go on from in {}: training starts anew",
        checkpoint.dir.display()
    ));
    file::create_dir(&checkpoint.dir)?;
    Ok(None)
}

fn files(checkpoint: &Checkpoint) -> [PathBuf; 2] {
    NAMES.map(|name| checkpoint.dir.join(name))
}

/// Which of the two files is the newest checkpoint of this training, by its state alone.
fn newest(checkpoint: &Checkpoint, job: &Job) -> Option<usize> {
    let chunk = |path: &PathBuf| -> Option<u64> {
        let (state, ..) = open(path).ok()?;
        (state.job == *job).then_some(state.chunk)
    };
    let [a, b] = files(checkpoint).each_ref().map(chunk);
    if a.is_none() && b.is_none() { None } else { Some(usize::from(b > a)) }
}

fn write(path: &Path, job: &Job, place: &mut Place) -> Result<()> {
    let Place { model, chunk, losses } = place;
    let state =
        State { job: job.clone(), rows: model.input.rows(), chunk: *chunk, losses: losses.clone() };
    let state = serde_json::to_vec(&state).map_err(|e| Error::data(format!("checkpoint: {e}")))?;
    file::publish(path, |file| {
        let mut hash = Xxh3Default::new();
        let mut put = |bytes: &[u8]| {
            hash.update(bytes);
            file.write_all(bytes).map_err(|e| Error::io("write", path, &e))
        };
        put(MAGIC)?;
        put(&(state.len() as u64).to_le_bytes())?;
        put(&state)?;
        for rows in [&mut model.input, &mut model.output] {
            for row in 0..rows.rows() {
                put(little_endian(rows.row_mut(row)))?;
            }
        }
        let digest = hash.digest();
        file.write_all(&digest.to_le_bytes()).map_err(|e| Error::io("write", path, &e))
    })
    .map(|_| ())
}

/// The numbers as the file has them. Every machine that we build for is little-endian.
fn little_endian(row: &mut [f32]) -> &mut [u8] {
    const { assert!(cfg!(target_endian = "little"), "f32 rows are written as they lie in memory") };
    bytemuck::cast_slice_mut(row)
}

/// A checkpoint's state, its reader behind it, and what was hashed so far.
fn open(path: &Path) -> Result<(State, BufReader<File>, Xxh3Default)> {
    let io = |e: std::io::Error| Error::io("read", path, &e);
    let damaged = |what: &str| Error::data(format!("{} is damaged: {what}", path.display()));
    let file = File::open(path).map_err(io)?;
    let length = file.metadata().map_err(io)?.len();
    let mut reader = BufReader::with_capacity(1 << 18, file);
    let mut head = [0; 16];
    reader.read_exact(&mut head).map_err(|_| damaged("it is too short"))?;
    let (magic, size) = head.split_at(8);
    if magic != MAGIC {
        return Err(Error::data(format!("{} is no checkpoint of this version", path.display())));
    }
    let size = size.try_into().map_or(u64::MAX, u64::from_le_bytes);
    if size > LONGEST_STATE.min(length) {
        return Err(damaged("its head has an impossible size"));
    }
    let mut json = vec![0; size as usize];
    reader.read_exact(&mut json).map_err(|_| damaged("it is too short"))?;
    let state: State =
        serde_json::from_slice(&json).map_err(|_| damaged("its head cannot be read"))?;
    // Both matrices and the checksum: known before any of it is read.
    let body = (state.rows as u64)
        .checked_mul(state.job.options.dim as u64)
        .and_then(|n| n.checked_mul(8));
    if body.and_then(|n| n.checked_add(16 + size + 8)) != Some(length) {
        return Err(damaged("its length does not fit its head"));
    }
    let mut hash = Xxh3Default::new();
    hash.update(&head);
    hash.update(&json);
    Ok((state, reader, hash))
}

/// The state of a checkpoint, if it is of this training.
fn peek(path: &Path, job: &Job, words: usize) -> Result<State> {
    let (state, ..) = open(path)?;
    let name = path.display();
    if state.job.options != job.options {
        return Err(Error::data(format!("{name} was made with other options")));
    }
    if state.job.seed != job.seed {
        return Err(Error::data(format!(
            "{name} was made with seed {} instead of {}",
            state.job.seed, job.seed
        )));
    }
    if state.job.corpus != job.corpus || state.rows != words {
        return Err(Error::data(format!("{name} was made from another text")));
    }
    if state.losses.len() != job.options.epochs as usize {
        return Err(Error::data(format!(
            "{name} is damaged: it counts {} epochs",
            state.losses.len()
        )));
    }
    Ok(state)
}

/// Reads a checkpoint of this training and checks every byte of it.
fn read(path: &Path, job: &Job, words: usize) -> Result<Place> {
    peek(path, job, words)?;
    let (state, mut reader, mut hash) = open(path)?;
    let io = |e: std::io::Error| Error::io("read", path, &e);
    let dim = state.job.options.dim;
    let mut matrix = || -> Result<RacingRows> {
        let mut rows = RacingRows::zeros(state.rows, dim)?;
        for row in 0..state.rows {
            let bytes = little_endian(rows.row_mut(row));
            reader.read_exact(bytes).map_err(io)?;
            hash.update(bytes);
        }
        Ok(rows)
    };
    let model = Model { input: matrix()?, output: matrix()? };
    let mut digest = [0; 8];
    reader.read_exact(&mut digest).map_err(io)?;
    if u64::from_le_bytes(digest) != hash.digest() {
        return Err(Error::data(format!(
            "{} is damaged: its checksum does not fit",
            path.display()
        )));
    }
    Ok(Place { model, chunk: state.chunk, losses: state.losses })
}

#[cfg(test)]
mod tests {
    use super::super::reference::{corpus, sentences, trained};
    use super::super::train::train;
    use super::*;
    use crate::error::Kind;
    use crate::file::fault;
    use crate::kernels::hogwild::Hogwild;
    use crate::run::{Progress, Step};
    use std::ops::ControlFlow;
    use std::sync::Mutex;
    use std::time::Duration;

    /// Remembers warnings; cancels when this many words are done.
    #[derive(Default)]
    struct Watcher {
        cancel_at: Option<u64>,
        warnings: Mutex<Vec<String>>,
    }

    impl Progress for Watcher {
        fn report(&self, step: &Step) -> ControlFlow<()> {
            if self.cancel_at.is_some_and(|words| step.done >= words) {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        }
        fn warn(&self, message: &str) {
            self.warnings.lock().unwrap().push(message.to_owned());
        }
    }

    fn options() -> Word2Vec {
        Word2Vec { dim: 9, epochs: 3, ..Default::default() }
    }

    fn run<'a>(dir: &Path, resume: bool, watcher: &'a Watcher) -> Run<'a> {
        let checkpoint = Checkpoint { dir: dir.to_owned(), every: Duration::ZERO, resume };
        Run { checkpoint: Some(checkpoint), progress: watcher, ..Run::silent(6) }
    }

    /// Trains in sessions of a chunk or more each (a checkpoint is due at once), cancelled after the first.
    fn interrupt(dir: &Path, corpus: &Corpus) {
        let watcher = Watcher { cancel_at: Some(1), ..Default::default() };
        let run = run(dir, false, &watcher);
        let place = options().start(corpus, &run).unwrap();
        let error = train(&options(), corpus, place, Hogwild::detect(), &run).err().unwrap();
        assert_eq!(error.kind(), Kind::Interrupted);
        assert!(error.message().contains("its place is kept"), "{error}");
    }

    fn bits(rows: &mut RacingRows) -> Vec<u32> {
        (0..rows.rows())
            .flat_map(|i| rows.row(i).iter().map(|x| x.to_bits()).collect::<Vec<_>>())
            .collect()
    }

    #[test]
    fn a_resumed_training_gives_the_bytes_of_an_uninterrupted_one() {
        let corpus = corpus(&sentences(4000, 50, 1));
        let mut whole = trained(&options(), &corpus, &Run::silent(6));
        let dir = tempfile::tempdir().unwrap();
        interrupt(dir.path(), &corpus);

        let watcher = Watcher::default();
        let again = run(dir.path(), true, &watcher);
        let place = resume(&options(), &corpus, &again).unwrap().expect("a checkpoint");
        assert!(place.chunk > 0 && watcher.warnings.lock().unwrap().is_empty());
        let mut resumed = train(&options(), &corpus, place, Hogwild::detect(), &again).unwrap();
        assert!(resumed.tokens_this_time < whole.tokens_this_time);
        assert_eq!(bits(&mut resumed.model.input), bits(&mut whole.model.input));
        assert_eq!(bits(&mut resumed.model.output), bits(&mut whole.model.output));
        assert_eq!(resumed.losses, whole.losses);
    }

    #[test]
    fn a_damaged_checkpoint_is_named_and_the_other_one_used() {
        let corpus = corpus(&sentences(4000, 50, 1));
        let dir = tempfile::tempdir().unwrap();
        interrupt(dir.path(), &corpus);
        let watcher = Watcher::default();
        let again = run(dir.path(), true, &watcher);
        let mut place = resume(&options(), &corpus, &again).unwrap().unwrap();
        let older = place.chunk;
        let [a, b] = NAMES.map(|name| dir.path().join(name));
        let job = Job::new(&options(), &corpus, &again);
        write(&a, &job, &mut place).unwrap();
        place.chunk += 1;
        write(&b, &job, &mut place).unwrap();
        assert_eq!(resume(&options(), &corpus, &again).unwrap().unwrap().chunk, older + 1);

        let sound = std::fs::read(&b).unwrap();
        let damages: [fn(&mut Vec<u8>); 5] = [
            |bytes| *bytes.last_mut().unwrap() ^= 1,
            |bytes| bytes[700] ^= 64,
            |bytes| bytes.truncate(bytes.len() - 3),
            |bytes| bytes[8..16].copy_from_slice(&u64::MAX.to_le_bytes()),
            Vec::clear,
        ];
        for damage in damages {
            let mut bytes = sound.clone();
            damage(&mut bytes);
            std::fs::write(&b, bytes).unwrap();
            watcher.warnings.lock().unwrap().clear();
            assert_eq!(resume(&options(), &corpus, &again).unwrap().unwrap().chunk, older);
            let warnings = watcher.warnings.lock().unwrap();
            assert!(warnings.len() == 1 && warnings[0].contains("word2vec-b.part"), "{warnings:?}");
        }
    }

    #[test]
    fn whatever_fails_while_writing_a_sound_checkpoint_remains() {
        let corpus = corpus(&sentences(300, 50, 1));
        let dir = tempfile::tempdir().unwrap();
        let watcher = Watcher::default();
        let again = run(dir.path(), true, &watcher);
        let place = options().start(&corpus, &again).unwrap();
        let mut place = Place { chunk: 1, ..place };
        let job = Job::new(&options(), &corpus, &again);
        let path = dir.path().join(NAMES[0]);
        write(&path, &job, &mut place).unwrap();
        for n in 0.. {
            place.chunk = 2 + n;
            fault::arm(n, fault::Fault::Fail(std::io::ErrorKind::StorageFull));
            let written = write(&path, &job, &mut place);
            let operations = fault::disarm();
            let found = resume(&options(), &corpus, &again).unwrap().expect("a checkpoint").chunk;
            if operations <= n {
                assert_eq!((written, found), (Ok(()), 2 + n));
                assert!(n >= 4, "create, write, fsync and rename were not all met");
                break;
            }
            // The last fsync, of the folder, fails when the new file stands already.
            assert!(written.is_err() && (found == 1 || found == 2 + n), "operation {n}: {found}");
            place.chunk = 1;
            write(&path, &job, &mut place).unwrap();
        }
    }

    #[test]
    fn a_checkpoint_of_another_training_is_named_and_not_used() {
        let text = corpus(&sentences(4000, 50, 1));
        let dir = tempfile::tempdir().unwrap();
        interrupt(dir.path(), &text);
        let other_text = Corpus { fingerprint: 2, ..text.clone() };
        let wider = Word2Vec { window: 6, ..options() };
        let cases: [(&Word2Vec, &Corpus, u64, &str); 3] = [
            (&wider, &text, 6, "other options"),
            (&options(), &other_text, 6, "another text"),
            (&options(), &text, 7, "with seed 6 instead of 7"),
        ];
        for (options, corpus, seed, said) in cases {
            let watcher = Watcher::default();
            let again = Run { seed, ..run(dir.path(), true, &watcher) };
            assert!(resume(options, corpus, &again).unwrap().is_none());
            let warnings = watcher.warnings.lock().unwrap();
            assert!(
                warnings[0].contains(said) && warnings.last().unwrap().contains("starts anew"),
                "{warnings:?}"
            );
        }
        // And a run that does not resume clears the table.
        let watcher = Watcher::default();
        assert!(resume(&options(), &text, &run(dir.path(), false, &watcher)).unwrap().is_none());
        assert!(
            files(run(dir.path(), true, &watcher).checkpoint.as_ref().unwrap())
                .iter()
                .all(|path| !path.exists())
        );
    }

    #[test]
    fn a_checkpoint_that_cannot_be_written_is_told_and_training_goes_on() {
        let corpus = corpus(&sentences(4000, 50, 1));
        let dir = tempfile::tempdir().unwrap();
        let watcher = Watcher::default();
        let run = run(dir.path(), false, &watcher);
        let place = options().start(&corpus, &run).unwrap();
        std::fs::remove_dir(dir.path()).unwrap();
        train(&options(), &corpus, place, Hogwild::detect(), &run).unwrap();
        let warnings = watcher.warnings.lock().unwrap();
        assert!(
            warnings.len() == 1 && warnings[0].contains("no checkpoint was kept"),
            "{warnings:?}"
        );
    }
}
