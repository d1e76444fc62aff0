//! Pictures of maps, from points in memory to the bytes of a PNG file: `cargo bench -p bench-kernels --bench plot`.
//!
//! 1200×900 at twice the resolution, 2400×1800 pixels, as `latlas plot` writes them. Items are points.

use divan::Bencher;
use divan::counter::ItemsCount;
use latlas::Run;
use latlas::plot::{Color, Contours, Groups, Scene, Style, png};

fn main() {
    divan::main();
}

const POINTS: [usize; 3] = [10_000, 100_000, 1_000_000];
const THREADS: [usize; 2] = [1, 2];

/// Points in forty clouds of different spread, and which cloud each is of.
struct Clouds {
    x: Vec<f32>,
    y: Vec<f32>,
    of: Vec<u32>,
    names: Vec<String>,
}

fn clouds(n: usize) -> Clouds {
    let mut state = 7u64;
    let mut uniform = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 40) as f32 / (1 << 24) as f32
    };
    let centers: Vec<[f32; 3]> =
        (0..40).map(|_| [uniform() * 20.0, uniform() * 15.0, 0.2 + 1.5 * uniform()]).collect();
    let (mut x, mut y, mut of) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..n {
        let cloud = (uniform() * uniform() * 40.0) as usize;
        let [cx, cy, spread] = centers[cloud];
        let mut normal = || uniform() + uniform() + uniform() + uniform() - 2.0;
        x.push(cx + spread * normal());
        y.push(cy + spread * normal());
        of.push(cloud as u32);
    }
    Clouds { x, y, of, names: (0..40).map(|i| format!("cloud {i}")).collect() }
}

fn draw<const THREADS: usize>(
    bencher: Bencher,
    n: usize,
    scene: impl for<'a> Fn(&'a Clouds, &'a [&'a str]) -> Scene<'a>,
) {
    let clouds = clouds(n);
    let names: Vec<&str> = clouds.names.iter().map(String::as_str).collect();
    let scene = scene(&clouds, &names);
    let run = Run { threads: THREADS, ..Run::silent(1) };
    bencher.counter(ItemsCount::new(n)).bench_local(|| png(&scene, &Style::default(), &run));
}

#[divan::bench(args = POINTS, consts = THREADS, max_time = 5)]
fn plain<const THREADS: usize>(bencher: Bencher, n: usize) {
    draw::<THREADS>(bencher, n, |clouds, _| Scene::new(&clouds.x, &clouds.y));
}

#[divan::bench(args = POINTS, consts = THREADS, max_time = 5)]
fn categories<const THREADS: usize>(bencher: Bencher, n: usize) {
    draw::<THREADS>(bencher, n, |clouds, names| Scene {
        color: Color::Categories { title: "cloud", names, of: &clouds.of },
        regions: Some(Groups { names, of: &clouds.of }),
        ..Scene::new(&clouds.x, &clouds.y)
    });
}

#[divan::bench(args = POINTS, consts = THREADS, max_time = 5)]
fn values_and_contours<const THREADS: usize>(bencher: Bencher, n: usize) {
    draw::<THREADS>(bencher, n, |clouds, _| Scene {
        color: Color::Values { title: "height", of: &clouds.y, range: None, note: "" },
        contours: Some(Contours::default()),
        ..Scene::new(&clouds.x, &clouds.y)
    });
}
