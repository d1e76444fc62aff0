//! Sessions and checkpoints, on a training that writes down which chunk was finished when.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use super::checkpoint::{files, resume, write};
use super::sessions::go_on;
use super::*;
use crate::error::Kind;
use crate::file::fault;
use crate::run::{Checkpoint, Progress, Step};

/// Remembers warnings; cancels when this much is done.
#[derive(Default)]
struct Watcher {
    cancel_at: Option<u64>,
    warnings: Mutex<Vec<String>>,
}

impl Progress for Watcher {
    fn report(&self, step: &Step) -> ControlFlow<()> {
        if self.cancel_at.is_some_and(|done| step.done >= done) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }
    fn warn(&self, message: &str) {
        self.warnings.lock().unwrap().push(message.to_owned());
    }
}

const CHUNKS: u64 = 200;

struct Matrix(RacingRows);

impl Model for Matrix {
    fn matrices(&mut self) -> Vec<&mut RacingRows> {
        vec![&mut self.0]
    }
}

/// The loss of a chunk is its number.
struct Adding {
    side_by_side: u64,
    /// The chunks in the order in which they were finished.
    order: Mutex<Vec<u64>>,
    /// The chunk whose loss is no number.
    fail_at: Option<u64>,
}

impl Adding {
    fn new() -> Self {
        Adding { side_by_side: 1, order: Mutex::default(), fail_at: None }
    }
}

impl Training for Adding {
    type Model = Matrix;
    type Scratch = ();
    const UNIT: &'static str = "words";
    const RATE: &'static str = "alpha";

    fn chunks(&self) -> u64 {
        CHUNKS
    }
    fn units(&self) -> u64 {
        CHUNKS * 10
    }
    fn side_by_side(&self) -> u64 {
        self.side_by_side
    }
    fn scratch(&self) {}
    fn rate(&self, epoch: u64, _: u64) -> f64 {
        1.0 / (1.0 + epoch as f64)
    }
    fn chunk(&self, _: &Matrix, epoch: u64, chunk: u64, (): &mut ()) -> Result<Tally> {
        let number = epoch * CHUNKS + chunk;
        std::thread::sleep(Duration::from_micros(20 + number % 7 * 30));
        self.order.lock().unwrap().push(number);
        let loss = if self.fail_at == Some(number) { f64::NAN } else { number as f64 };
        Ok(Tally { loss, terms: 1, units: 10 })
    }
}

fn first() -> Result<Matrix> {
    let mut rows = RacingRows::zeros(5, 9)?;
    for row in 0..5 {
        rows.row_mut(row).fill(row as f32 + 0.5);
    }
    Ok(Matrix(rows))
}

fn job(options: &str, data: u64, run: &Run<'_>) -> Job {
    Job::new("adding", 3, &options, data, run).unwrap()
}

fn run<'a>(dir: &Path, resume: bool, watcher: &'a Watcher) -> Run<'a> {
    let checkpoint = Checkpoint { dir: dir.to_owned(), every: Duration::ZERO, resume };
    Run { checkpoint: Some(checkpoint), progress: watcher, ..Run::silent(6) }
}

fn found(job: &Job, run: &Run<'_>) -> Option<Place<Matrix>> {
    resume(job, "words", &first, run).unwrap()
}

#[test]
fn every_chunk_is_done_once_and_its_loss_counted_with_its_epoch() {
    for threads in [1, 2, 5] {
        let adding = Adding { side_by_side: u64::MAX, ..Adding::new() };
        let run = Run { threads, ..Run::silent(1) };
        let trained = train(&adding, &job("", 1, &run), first, &run).unwrap();
        let mut order = adding.order.into_inner().unwrap();
        order.sort_unstable();
        assert_eq!(order, (0..3 * CHUNKS).collect::<Vec<_>>());
        for (epoch, tally) in trained.losses.iter().enumerate() {
            let first = epoch as u64 * CHUNKS;
            let sum: u64 = (first..first + CHUNKS).sum();
            assert_eq!((tally.loss, tally.terms, tally.units), (sum as f64, CHUNKS, CHUNKS * 10));
        }
        assert_eq!((trained.units_this_time, trained.resumed), (3 * CHUNKS * 10, false));
    }
}

#[test]
fn no_chunk_is_begun_before_the_group_in_front_of_it_is_finished() {
    for (side_by_side, threads) in [(1, 4), (3, 2), (8, 4), (7, 3)] {
        let adding = Adding { side_by_side, ..Adding::new() };
        let run = Run { threads, ..Run::silent(1) };
        train(&adding, &job("", 1, &run), first, &run).unwrap();
        let order = adding.order.into_inner().unwrap();
        for (place, number) in order.iter().enumerate() {
            assert_eq!(number / side_by_side, place as u64 / side_by_side, "{order:?}");
        }
    }
}

#[test]
fn a_loss_that_is_no_number_ends_it_and_names_the_epoch_and_the_rate() {
    for threads in [1, 3] {
        let adding = Adding { fail_at: Some(CHUNKS + 4), side_by_side: 3, ..Adding::new() };
        let run = Run { threads, ..Run::silent(1) };
        let error = train(&adding, &job("", 1, &run), first, &run).err().unwrap();
        assert!(error.message().contains("diverged in epoch 2"), "{error}");
        assert!(error.way_out().is_some_and(|help| help.contains("alpha")), "{error}");
    }
}

#[test]
fn a_cancelled_training_goes_on_from_where_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let cancelling = Watcher { cancel_at: Some(1), ..Default::default() };
    let begun = Adding { side_by_side: u64::MAX, ..Adding::new() };
    let interrupted = run(dir.path(), false, &cancelling);
    let error = train(&begun, &job("", 1, &interrupted), first, &interrupted).err().unwrap();
    assert_eq!(error.kind(), Kind::Interrupted);
    assert!(error.message().contains("its place is kept"), "{error}");

    let watcher = Watcher::default();
    let again = run(dir.path(), true, &watcher);
    let rest = Adding { side_by_side: u64::MAX, ..Adding::new() };
    let trained = train(&rest, &job("", 1, &again), first, &again).unwrap();
    assert!(trained.resumed && watcher.warnings.lock().unwrap().is_empty());
    let mut order = begun.order.into_inner().unwrap();
    let (done, left) = (order.len() as u64, rest.order.into_inner().unwrap());
    assert!(done > 0 && trained.units_this_time == (3 * CHUNKS - done) * 10);
    order.extend(left);
    order.sort_unstable();
    assert_eq!(order, (0..3 * CHUNKS).collect::<Vec<_>>());
    assert_eq!(trained.losses[0].loss, (0..CHUNKS).sum::<u64>() as f64);
}

#[test]
fn a_damaged_checkpoint_is_named_and_the_other_one_used() {
    let dir = tempfile::tempdir().unwrap();
    let watcher = Watcher::default();
    let again = run(dir.path(), true, &watcher);
    let job = job("", 1, &again);
    let mut place = Place::beginning(first().unwrap(), 3);
    place.model.0.row_mut(2).fill(7.25);
    let [a, b] = files(again.checkpoint.as_ref().unwrap(), &job);
    place.chunk = 4;
    write(&a, &job, &mut place).unwrap();
    place.chunk = 5;
    write(&b, &job, &mut place).unwrap();
    let mut newest = found(&job, &again).unwrap();
    assert_eq!((newest.chunk, newest.model.0.row(2)), (5, &[7.25; 9][..]));

    let sound = std::fs::read(&b).unwrap();
    let damages: [fn(&mut Vec<u8>); 5] = [
        |bytes| *bytes.last_mut().unwrap() ^= 1,
        |bytes| {
            let middle = bytes.len() - 50;
            bytes[middle] ^= 64;
        },
        |bytes| bytes.truncate(bytes.len() - 3),
        |bytes| bytes[8..16].copy_from_slice(&u64::MAX.to_le_bytes()),
        Vec::clear,
    ];
    for damage in damages {
        let mut bytes = sound.clone();
        damage(&mut bytes);
        std::fs::write(&b, bytes).unwrap();
        watcher.warnings.lock().unwrap().clear();
        let mut older = found(&job, &again).unwrap();
        assert_eq!((older.chunk, older.model.0.row(2)), (4, &[7.25; 9][..]));
        let warnings = watcher.warnings.lock().unwrap();
        assert!(warnings.len() == 1 && warnings[0].contains("adding-b.part"), "{warnings:?}");
    }
}

#[test]
fn whatever_fails_while_writing_a_sound_checkpoint_remains() {
    let dir = tempfile::tempdir().unwrap();
    let watcher = Watcher::default();
    let again = run(dir.path(), true, &watcher);
    let job = job("", 1, &again);
    let mut place = Place::beginning(first().unwrap(), 3);
    place.chunk = 1;
    let [path, _] = files(again.checkpoint.as_ref().unwrap(), &job);
    write(&path, &job, &mut place).unwrap();
    for n in 0.. {
        place.chunk = 2 + n;
        fault::arm(n, fault::Fault::Fail(std::io::ErrorKind::StorageFull));
        let written = write(&path, &job, &mut place);
        let operations = fault::disarm();
        let found = found(&job, &again).expect("a checkpoint").chunk;
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
    let dir = tempfile::tempdir().unwrap();
    let watcher = Watcher::default();
    let begun = run(dir.path(), true, &watcher);
    let mut place = Place::beginning(first().unwrap(), 3);
    place.chunk = 4;
    let [a, b] = files(begun.checkpoint.as_ref().unwrap(), &job("", 1, &begun));
    write(&a, &job("", 1, &begun), &mut place).unwrap();
    let wider = || Ok(Matrix(RacingRows::zeros(5, 10)?));
    let cases: [(&str, u64, u64, bool, &str); 4] = [
        ("window 6", 1, 6, false, "other options"),
        ("", 2, 6, false, "other data"),
        ("", 1, 7, false, "with seed 6 instead of 7"),
        ("", 1, 6, true, "other data"),
    ];
    for (options, data, seed, wide, said) in cases {
        let watcher = Watcher::default();
        let again = Run { seed, ..run(dir.path(), true, &watcher) };
        let job = job(options, data, &again);
        let place =
            if wide { resume(&job, "words", &wider, &again).unwrap() } else { found(&job, &again) };
        assert!(place.is_none());
        let warnings = watcher.warnings.lock().unwrap();
        assert!(
            warnings[0].contains(said) && warnings.last().unwrap().contains("starts anew"),
            "{warnings:?}"
        );
    }
    // And a run that does not resume clears the table.
    let fresh = run(dir.path(), false, &watcher);
    assert!(found(&job("", 1, &fresh), &fresh).is_none());
    assert!(!a.exists() && !b.exists());
}

#[test]
fn a_checkpoint_that_cannot_be_written_is_told_once_and_training_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let watcher = Watcher::default();
    let gone = run(&dir.path().join("nowhere"), true, &watcher);
    let job = job("", 1, &gone);
    let place = Place::beginning(first().unwrap(), 3);
    go_on(&Adding::new(), &job, place, &gone).unwrap();
    let warnings = watcher.warnings.lock().unwrap();
    assert!(warnings.len() == 1 && warnings[0].contains("no checkpoint was kept"), "{warnings:?}");
}
