//! A map that was interrupted goes on to the very bytes of one that was not; a bad checkpoint says what is wrong.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

use latlas::geometry::Geometry;
use latlas::items::Items;
use latlas::linalg::Matrix;
use latlas::map::{
    Layout, Pacmap, Placement, Repulsion, Settled, Settlement, Supervised, Target, Tsne, Umap,
    settle,
};
use latlas::run::{Checkpoint, Progress, Run, Silent, Step};
use latlas::space::Space;
use latlas::{Kind, Result};
use rand_xoshiro::rand_core::Rng;
use serde::Serialize;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

/// `n` items around five centres.
fn space(n: usize, shift: f32) -> Space {
    let mut random = latlas::run::stream(3, &[]);
    let mut number = || (random.next_u32() >> 8) as f32 / (1 << 23) as f32 - 1.0;
    let data = (0..n).flat_map(|i| {
        let mut point = [0.0; 6].map(|_: f32| number());
        point[i % 5] += 4.0 + shift;
        point
    });
    let data = Matrix::new(n, 6, data.collect()).unwrap();
    let items = Items::from_ids((0..n).map(|i| i.to_string())).unwrap();
    Space::builder("test", items).field("main", Geometry::Euclidean, data).build().unwrap()
}

/// Cancels once points have made so many steps; remembers what it is told.
#[derive(Default)]
struct Watcher {
    cancel_at: Option<u64>,
    told: Mutex<Vec<String>>,
}

impl Watcher {
    fn until(step: u64) -> Self {
        Watcher { cancel_at: Some(step), ..Self::default() }
    }
}

impl Progress for Watcher {
    fn report(&self, step: &Step) -> ControlFlow<()> {
        if step.stage == "settling" && self.cancel_at.is_some_and(|at| step.done >= at) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }
    fn warn(&self, message: &str) {
        self.told.lock().unwrap().push(message.to_owned());
    }
    fn note(&self, message: &str) {
        self.told.lock().unwrap().push(message.to_owned());
    }
}

const NEVER: Duration = Duration::from_secs(3600);

fn kept<'a>(dir: &Path, every: Duration, resume: bool, watcher: &'a dyn Progress) -> Run<'a> {
    let checkpoint = Checkpoint { dir: dir.to_owned(), every, resume };
    Run { seed: 9, threads: 2, progress: watcher, checkpoint: Some(checkpoint) }
}

fn lay<M: Layout + Serialize>(space: &Space, method: &M, run: &Run<'_>) -> Result<Settled> {
    settle(space, "main", method, &Settlement::default(), run)
}

fn same(a: &Placement, b: &Placement, what: &str) {
    let bits = |map: &Placement| -> Vec<u32> {
        map.coords.as_slice().iter().map(|x| x.to_bits()).collect()
    };
    assert!(bits(a) == bits(b), "{what}: other positions");
    assert_eq!(a.figures, b.figures, "{what}");
    assert_eq!(a.params, b.params, "{what}");
}

/// The two files of checkpoints, the newer one first.
fn newer_first(dir: &Path, method: &str) -> [PathBuf; 2] {
    let mut files = ["a", "b"].map(|turn| dir.join(format!("{method}-{turn}.part")));
    let written = |path: &PathBuf| path.metadata().and_then(|about| about.modified()).ok();
    files.sort_by_key(|path| std::cmp::Reverse(written(path)));
    files
}

/// Interrupted after each of these steps, and killed with a checkpoint that is two steps old.
fn goes_on<M: Layout + Serialize>(space: &Space, method: &M, steps: &[u64], what: &str) {
    let whole = lay(space, method, &Run { seed: 9, ..Run::silent(9) }).unwrap();
    assert!(whole.finished && !whole.kept);
    for &step in steps {
        let dir = tempfile::tempdir().unwrap();
        let cancelling = Watcher::until(step);
        let begun = lay(space, method, &kept(dir.path(), NEVER, false, &cancelling)).unwrap();
        assert!(!begun.finished && begun.kept, "{what} after {step}");
        assert_eq!(begun.placement.figures["steps"], step);
        assert!(
            begun.placement.figures["unfinished"].as_str().unwrap().starts_with(&step.to_string())
        );
        let watcher = Watcher::default();
        let resumed = lay(space, method, &kept(dir.path(), NEVER, true, &watcher)).unwrap();
        assert!(resumed.finished);
        same(&whole.placement, &resumed.placement, &format!("{what} after {step}"));
        let told = watcher.told.into_inner().unwrap().concat();
        assert!(told.contains(&format!("going on after {step} of")), "{told}");
    }
    // A checkpoint after every step; the last ones were written when the program was killed.
    let dir = tempfile::tempdir().unwrap();
    let step = steps[steps.len() - 1];
    lay(space, method, &kept(dir.path(), Duration::ZERO, false, &Watcher::until(step))).unwrap();
    let [newest, older] = newer_first(dir.path(), method.method());
    std::fs::remove_file(&newest).unwrap();
    assert!(older.exists());
    let resumed = lay(space, method, &kept(dir.path(), NEVER, true, &Silent)).unwrap();
    same(&whole.placement, &resumed.placement, &format!("{what}, killed"));
    // And twice interrupted.
    let dir = tempfile::tempdir().unwrap();
    for (resume, step) in [(false, steps[0]), (true, step.max(steps[0] + 1))] {
        let cancelling = Watcher::until(step);
        lay(space, method, &kept(dir.path(), NEVER, resume, &cancelling)).unwrap();
    }
    let resumed = lay(space, method, &kept(dir.path(), NEVER, true, &Silent)).unwrap();
    same(&whole.placement, &resumed.placement, &format!("{what}, twice"));
}

#[test]
fn tsne_goes_on_to_the_same_bytes() {
    let space = space(300, 0.0);
    let steps = [1, 19, 20, 21, 55];
    for (repulsion, dims) in
        [(Repulsion::Exact, 2), (Repulsion::Tree, 2), (Repulsion::Fft, 2), (Repulsion::Tree, 3)]
    {
        let method =
            Tsne { repulsion, dims, iterations: 60, early_iterations: 20, ..Tsne::default() };
        goes_on(&space, &method, &steps, &format!("{repulsion:?} in {dims}"));
    }
    // One that looks at its divergence and may stop early.
    let method = Tsne {
        repulsion: Repulsion::Fft,
        iterations: 400,
        early_iterations: 30,
        min_improvement: 0.02,
        ..Tsne::default()
    };
    goes_on(&space, &method, &[29, 60, 85], "with an early end");
}

#[test]
fn umap_goes_on_to_the_same_bytes() {
    let space = space(300, 0.0);
    let steps = [1, 13, 28];
    let method = Umap { epochs: Some(30), ..Umap::default() };
    goes_on(&space, &method, &steps, "umap");
    goes_on(&space, &Umap { dims: 3, ..method.clone() }, &steps, "umap in 3");
    let dense = Umap { dens_lambda: 2.0, dens_frac: 0.5, ..method.clone() };
    goes_on(&space, &dense, &steps, "densmap");
    let labels: Vec<Option<u32>> = (0..300).map(|i| (i % 3 != 0).then_some(i % 2)).collect();
    let led = Supervised { method, target: Target::Categories(&labels) };
    goes_on(&space, &led, &steps, "umap with a target");
}

#[test]
fn pacmap_goes_on_to_the_same_bytes() {
    let space = space(300, 0.0);
    let method = Pacmap { iterations: 45, ..Pacmap::default() };
    goes_on(&space, &method, &[1, 10, 20, 44], "pacmap");
    goes_on(&space, &Pacmap { dims: 3, ..method }, &[7, 44], "pacmap in 3");
}

#[test]
fn cancelled_before_the_first_step_there_is_no_map() {
    let dir = tempfile::tempdir().unwrap();
    let error =
        lay(&space(60, 0.0), &Umap::default(), &kept(dir.path(), NEVER, false, &Watcher::until(0)))
            .unwrap_err();
    assert_eq!(error.kind(), Kind::Interrupted);
    assert_eq!(error.to_string(), "interrupted while settling");
}

#[test]
fn a_checkpoint_of_something_else_is_refused_by_what_differs() {
    let dir = tempfile::tempdir().unwrap();
    let (items, method) = (space(80, 0.0), Umap { epochs: Some(20), ..Umap::default() });
    lay(&items, &method, &kept(dir.path(), NEVER, false, &Watcher::until(5))).unwrap();
    let labels = vec![Some(1); 80];
    let resume = kept(dir.path(), NEVER, true, &Silent);
    let other = Run { seed: 10, ..kept(dir.path(), NEVER, true, &Silent) };
    let led = Supervised { method: method.clone(), target: Target::Categories(&labels) };
    let cases = [
        (
            lay(&items, &Umap { min_dist: 0.5, ..method.clone() }, &resume),
            "with min_dist 0.1 instead of 0.5",
        ),
        (
            lay(&items, &Umap { epochs: None, ..method.clone() }, &resume),
            "with epochs 20 instead of null",
        ),
        (lay(&items, &led, &resume), "with another target"),
        (lay(&items, &method, &other), "with seed 9 instead of 10"),
        (
            lay(&space(80, 0.5), &method, &resume),
            "from other vectors, neighbours or first positions",
        ),
        (
            lay(&space(90, 0.0), &method, &resume),
            "from other vectors, neighbours or first positions",
        ),
    ];
    for (outcome, why) in cases {
        let error = outcome.unwrap_err();
        assert!(error.message().ends_with(&format!("umap-a.part was made {why}")), "{error}");
        assert!(error.way_out().unwrap().contains("leave --resume out"));
        assert!(!error.message().contains('\n'));
    }
    // None of it hurt the checkpoint; and whoever does not resume clears it away.
    assert!(lay(&items, &method, &resume).unwrap().finished);
    lay(&items, &method, &kept(dir.path(), NEVER, false, &Silent)).unwrap();
    let watcher = Watcher::default();
    lay(&items, &method, &kept(dir.path(), NEVER, true, &watcher)).unwrap();
    let told = watcher.told.into_inner().unwrap().concat();
    assert!(told.contains("no checkpoint to go on from in"), "{told}");
}

type Damage = fn(&mut Vec<u8>);

#[test]
fn a_damaged_checkpoint_is_told_and_the_other_one_used() {
    let dir = tempfile::tempdir().unwrap();
    let items = space(80, 0.0);
    let method =
        Tsne { iterations: 30, early_iterations: 10, perplexity: vec![8.0], ..Tsne::default() };
    let whole = lay(&items, &method, &Run { seed: 9, ..Run::silent(9) }).unwrap();
    lay(&items, &method, &kept(dir.path(), Duration::ZERO, false, &Watcher::until(15))).unwrap();
    let [newest, older] = newer_first(dir.path(), "tsne");
    let sound = [&newest, &older].map(|path| std::fs::read(path).unwrap());
    let damages: [(Damage, &str); 6] = [
        (Vec::clear, "is damaged: it is too short"),
        (|bytes| bytes.truncate(40), "is damaged: its head has an impossible size"),
        (|bytes| bytes.truncate(bytes.len() - 3), "is damaged: its checksum does not fit"),
        (|bytes| *bytes.last_mut().unwrap() ^= 1, "is damaged: its checksum does not fit"),
        (
            |bytes| bytes.resize(bytes.len() + 90_000, 0),
            "is damaged: its length does not fit its head",
        ),
        (|bytes| bytes[7] = b'9', "is no checkpoint of this version"),
    ];
    for (damage, why) in damages {
        std::fs::write(&older, &sound[1]).unwrap();
        let mut bytes = sound[0].clone();
        damage(&mut bytes);
        std::fs::write(&newest, &bytes).unwrap();
        let watcher = Watcher::default();
        let resumed = lay(&items, &method, &kept(dir.path(), NEVER, true, &watcher)).unwrap();
        same(&whole.placement, &resumed.placement, why);
        let told = watcher.told.into_inner().unwrap();
        assert!(told.iter().any(|told| told.contains(why)), "{told:?}");
        // With nothing sound left it is an error.
        std::fs::remove_file(&older).unwrap();
        let error = lay(&items, &method, &kept(dir.path(), NEVER, true, &Silent)).unwrap_err();
        assert!(error.message().ends_with(why), "{error}");
        assert_eq!(error.way_out(), Some("leave --resume out to begin anew"));
    }
}

/// Bytes that a checksum would not let through: they are refused by the method itself.
#[test]
fn what_no_layout_kept_is_refused() {
    let items = space(60, 0.0);
    let data = latlas::map::FieldRows::live(&items, "main").unwrap();
    let options = latlas::index::NeighbourOptions::nearest(59);
    let run = Run::silent(9);
    let graph = latlas::index::Graph::of(&data, Geometry::Euclidean, &options, &run).unwrap();
    let points = latlas::map::Points {
        vectors: &data,
        geometry: Geometry::Euclidean,
        graph: &graph,
        start: None,
    };
    let methods: [&dyn Layout; 3] = [
        &Tsne { perplexity: vec![8.0], repulsion: Repulsion::Fft, ..Tsne::default() },
        &Umap::default(),
        &Pacmap::default(),
    ];
    for method in methods {
        let begin = || method.begin(points, &run).unwrap();
        let mut settling = begin();
        settling.step(&run).unwrap();
        let sound = settling.keep().unwrap();
        begin().restore(&sound).unwrap();
        let mut random = latlas::run::stream(4, &[]);
        for _ in 0..300 {
            let mut bytes = sound.clone();
            match random.next_u32() % 3 {
                0 => bytes.truncate(random.next_u32() as usize % sound.len()),
                1 => bytes.push(0),
                _ => {
                    let at = random.next_u32() as usize % sound.len().min(400);
                    bytes[at] ^= 1 << (random.next_u32() % 8);
                }
            }
            let mut settling = begin();
            // Refused, or good for another step: no panic, whatever was changed.
            if settling.restore(&bytes).is_ok() {
                assert_eq!(bytes.len(), sound.len());
                let _ = settling.step(&run);
            }
        }
        assert!(begin().restore(&sound[..sound.len() - 1]).is_err());
        assert!(begin().restore(&[u8::MAX; 8]).is_err());
    }
}
