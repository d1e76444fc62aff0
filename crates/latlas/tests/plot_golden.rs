//! Small planted scenes, drawn and compared with pictures drawn before: whatever changes the drawing changes them.
//!
//! Golden files lie in `tests/golden/`, made by this test and by nothing else. A channel of a pixel may be off by
//! [`OFF`] of 255, and [`STRAY`] pixels by more: sines, powers and logarithms may differ in their last bits between
//! machines. After a change that is meant, accept what is drawn now, and look at it before it is committed:
//!
//! > LATLAS_BLESS=1 cargo test --test plot_golden

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::PathBuf;

use latlas::Run;
use latlas::plot::{Color, Contours, Groups, NO_CATEGORY, Scene, Style, Theme, png};
use rand_xoshiro::rand_core::Rng;

const OFF: u8 = 3;
const STRAY: usize = 8;

/// Points in clouds around three places, and which place each is of.
struct Clouds {
    x: Vec<f32>,
    y: Vec<f32>,
    of: Vec<u32>,
}

fn clouds(n: usize) -> Clouds {
    let mut random = latlas::run::stream(29, &[n as u64]);
    let mut uniform = || (random.next_u64() >> 40) as f32 / (1 << 24) as f32;
    // The sum of four uniform numbers is nearly normal, and needs no logarithm.
    let mut normal = || uniform() + uniform() + uniform() + uniform() - 2.0;
    let centers = [(-4.0, -1.0, 1.5), (3.0, -2.0, 1.0), (1.0, 3.0, 2.0)];
    let of: Vec<u32> = (0..n as u32).map(|i| [0, 0, 0, 1, 2, 2][i as usize % 6]).collect();
    let (x, y) = of
        .iter()
        .map(|&of| {
            let (x, y, spread) = centers[of as usize];
            (x + spread * normal(), y + spread * normal())
        })
        .unzip();
    Clouds { x, y, of }
}

const NAMES: [&str; 3] = ["ruby", "opal", "jade"];

fn style(theme: Theme) -> Style {
    Style { width: 360, height: 270, scale: 1.0, theme, ..Style::default() }
}

fn decode(file: &[u8]) -> (u32, u32, Vec<u8>) {
    let mut reader = png::Decoder::new(std::io::Cursor::new(file)).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    (info.width, info.height, pixels)
}

/// What tells one picture from another, if anything does.
fn difference(got: &[u8], want: &[u8]) -> Option<String> {
    let ((width, height, got), (wide, high, want)) = (decode(got), decode(want));
    if (width, height) != (wide, high) {
        return Some(format!("{width}×{height} pixels, not {wide}×{high}"));
    }
    let far = |at: &usize| (0..3).any(|c| got[at * 3 + c].abs_diff(want[at * 3 + c]) > OFF);
    let pixels: Vec<usize> = (0..got.len() / 3).filter(far).collect();
    (pixels.len() > STRAY).then(|| {
        let at = pixels[pixels.len() / 2];
        let (x, y) = (at % width as usize, at / width as usize);
        format!("{} pixels differ, such as ({x}, {y})", pixels.len())
    })
}

fn golden(name: &str, scene: &Scene, style: &Style) {
    let drawn = png(scene, style, &Run::silent(1)).unwrap().content;
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/{name}.png"));
    if std::env::var_os("LATLAS_BLESS").is_some() {
        std::fs::write(&path, &drawn).unwrap();
        return;
    }
    let want = std::fs::read(&path).unwrap_or_default();
    let how = if want.is_empty() { Some("no such file".into()) } else { difference(&drawn, &want) };
    if let Some(how) = how {
        let now = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.png"));
        std::fs::write(&now, &drawn).unwrap();
        let (path, now) = (path.display(), now.display());
        panic!(
            "{path}: {how}; drawn now: {now}. If that is meant: LATLAS_BLESS=1 cargo test --test plot_golden"
        );
    }
}

#[test]
fn discs_with_categories_labels_and_names() {
    let Clouds { x, y, mut of } = clouds(150);
    of.iter_mut().step_by(10).for_each(|of| *of = NO_CATEGORY);
    let words: Vec<String> = (0..150).map(|i| format!("Wort{i}")).collect();
    let labels: Vec<&str> = words.iter().map(String::as_str).collect();
    let weights: Vec<f64> = (0..150).map(|i| f64::from(i * 37 % 150)).collect();
    let scene = Scene {
        labels: Some(&labels),
        weights: Some(&weights),
        color: Color::Categories { title: "gem", names: &NAMES, of: &of },
        regions: Some(Groups { names: &NAMES, of: &of }),
        title: "Three clouds",
        caption: "PLANTED · known to the last point",
        ..Scene::new(&x, &y)
    };
    golden("categories-light", &scene, &style(Theme::Light));
    golden("categories-dark", &scene, &style(Theme::Dark));
}

#[test]
fn scales_of_numbers_with_a_note() {
    let Clouds { x, y, .. } = clouds(400);
    let mut of: Vec<f32> = y.clone();
    of.iter_mut().step_by(7).for_each(|v| *v = f32::NAN);
    let note = "How high a point lies: a sentence long enough to be broken.";
    let color = |range| Color::Values { title: "height", of: &of, range, note };
    let scene = Scene { color: color(None), ..Scene::new(&x, &y) };
    golden("diverging-light", &scene, &style(Theme::Light));
    golden("diverging-dark", &scene, &style(Theme::Dark));
    let scene = Scene { color: color(Some((0.0, 4.0))), ..scene };
    golden("sequential-light", &scene, &style(Theme::Light));
}

#[test]
fn densities() {
    let Clouds { x, y, of } = clouds(24_000);
    let scene = Scene::new(&x, &y);
    golden("density-light", &scene, &style(Theme::Light));
    let color = Color::Categories { title: "", names: &NAMES, of: &of };
    golden("density-dark", &Scene { color, ..scene }, &style(Theme::Dark));
}

#[test]
fn contours() {
    let Clouds { x, y, of } = clouds(1_200);
    let scene = Scene { contours: Some(Contours::default()), ..Scene::new(&x, &y) };
    golden("contours", &scene, &style(Theme::Light));
    let contours = Contours { points: false, levels: &[0.5, 0.9], bandwidth: Some(0.4) };
    let color = Color::Categories { title: "gem", names: &NAMES, of: &of };
    let scene = Scene { contours: Some(contours), color, ..scene };
    golden("regions", &scene, &style(Theme::Dark));
}

#[test]
fn panels() {
    let Clouds { x, y, of } = clouds(600);
    let scene = Scene {
        panels: Some(Groups { names: &NAMES, of: &of }),
        title: "By gem",
        ..Scene::new(&x, &y)
    };
    golden("panels", &scene, &style(Theme::Light));
}

#[test]
fn far_points() {
    let Clouds { mut x, mut y, of } = clouds(2_000);
    (x[0], y[0], x[4], y[4]) = (60.0, 1.0, 5.0, -80.0);
    let color = Color::Categories { title: "gem", names: &NAMES, of: &of };
    golden("arrows", &Scene { color, ..Scene::new(&x, &y) }, &style(Theme::Light));
}

/// The comparison itself: one small thing moved is found, the same picture is not.
#[test]
fn a_point_moved_is_found() {
    let Clouds { mut x, y, .. } = clouds(150);
    let draw =
        |x: &[f32]| png(&Scene::new(x, &y), &style(Theme::Light), &Run::silent(1)).unwrap().content;
    let before = draw(&x);
    assert_eq!(difference(&draw(&x), &before), None);
    x[70] += 0.2;
    assert!(difference(&draw(&x), &before).is_some());
}
