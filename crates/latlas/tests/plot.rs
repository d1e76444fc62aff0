//! What a plot shows, looked at from outside: pixels at known places, well-formed text, names of scripts.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use latlas::plot::{
    Color, Contours, Drawing, Frame, Groups, NO_CATEGORY, Scene, Style, Theme, braille, png, svg,
};
use latlas::{Kind, Progress, Run, Step};
use rand_xoshiro::rand_core::Rng;
use std::ops::ControlFlow;
use std::sync::Mutex;

/// `n` points in equal parts around (−10, 0), (10, 0) and (0, 9), spread by 1 at most.
fn clusters(n: usize) -> (Vec<f32>, Vec<f32>, Vec<u32>) {
    let mut random = latlas::run::stream(11, &[n as u64]);
    let mut near = || (random.next_u64() >> 40) as f32 / (1 << 23) as f32 - 1.0;
    let centers = [(-10.0, 0.0), (10.0, 0.0), (0.0, 9.0)];
    let of: Vec<u32> = (0..n as u32).map(|i| i % 3).collect();
    let points: Vec<(f32, f32)> = of
        .iter()
        .map(|&c| {
            let (x, y) = centers[c as usize];
            (x + near(), y + near())
        })
        .collect();
    (points.iter().map(|p| p.0).collect(), points.iter().map(|p| p.1).collect(), of)
}

fn decode(file: &[u8]) -> (usize, usize, Vec<u8>) {
    let mut reader = png::Decoder::new(std::io::Cursor::new(file)).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    assert_eq!(info.color_type, png::ColorType::Rgb);
    (info.width as usize, info.height as usize, pixels)
}

fn mean(pixels: &[u8], width: usize, [x, y]: [usize; 2], side: usize) -> [f64; 3] {
    let mut sum = [0.0; 3];
    for row in y - side / 2..y + side / 2 {
        for column in x - side / 2..x + side / 2 {
            for (sum, &channel) in sum.iter_mut().zip(&pixels[(row * width + column) * 3..][..3]) {
                *sum += f64::from(channel);
            }
        }
    }
    sum.map(|s| s / ((side / 2 * 2) as f64).powi(2))
}

/// Without title, caption and legend the map is centred on the sheet, and so are the bounds of the data,
/// −11..11 × −1..10; their width decides the scale.
#[test]
fn clusters_lie_where_they_should() {
    for n in [3_000, 60_000] {
        let (x, y, _) = clusters(n);
        for theme in [Theme::Light, Theme::Dark] {
            let style = Style { width: 600, height: 400, scale: 1.0, theme, ..Style::default() };
            let drawing = png(&Scene::new(&x, &y), &style, &Run::silent(1)).unwrap();
            let (width, height, pixels) = decode(&drawing.content);
            assert_eq!((width, height), (600, 400));
            let ground = mean(&pixels, width, [30, 30], 20);
            let far = |at: [usize; 2], side| {
                let color = mean(&pixels, width, at, side);
                color.iter().zip(ground).map(|(a, b)| (a - b).abs()).sum::<f64>()
            };
            // 600 less two margins of 10 and two insets of 15 is 25 units to 1.
            assert!(far([300 - 250, 200 + 112], 20) > 60.0, "left cluster of {n}, {theme:?}");
            assert!(far([300 + 250, 200 + 112], 20) > 60.0, "right cluster of {n}, {theme:?}");
            assert!(far([300, 200 - 112], 20) > 60.0, "upper cluster of {n}, {theme:?}");
            assert!(
                far([300, 312], 60) < 1.0 && far([100, 100], 60) < 1.0,
                "nothing lies between them"
            );
        }
    }
}

/// At 3,000 and at 60,000 points (discs, and a density) categories keep their colours apart, and points
/// of no category are grey.
#[test]
fn categories_show_their_colors() {
    for n in [3_000, 60_000] {
        let (x, y, mut of) = clusters(n);
        of.iter_mut().filter(|c| **c == 2).for_each(|c| *c = NO_CATEGORY);
        let color = Color::Categories { title: "", names: &["a", "b"], of: &of };
        let scene = Scene { color, ..Scene::new(&x, &y) };
        let style = Style { width: 800, height: 600, scale: 1.0, ..Style::default() };
        let (width, height, pixels) =
            decode(&png(&scene, &style, &Run::silent(1)).unwrap().content);
        // The most colourful pixel of each third of the map, left of the legend.
        let strongest = |columns: std::ops::Range<usize>, rows: std::ops::Range<usize>| {
            let all = rows.flat_map(|y| columns.clone().map(move |x| (y * width + x) * 3));
            let spread = |p: &[u8]| {
                i32::from(*p.iter().max().unwrap()) - i32::from(*p.iter().min().unwrap())
            };
            let best = all.max_by_key(|&at| spread(&pixels[at..at + 3])).unwrap();
            ([pixels[best], pixels[best + 1], pixels[best + 2]], spread(&pixels[best..best + 3]))
        };
        let lower = height / 2..height - 30;
        let ([r, _, b], left) = strongest(20..300, lower.clone());
        assert!(left > 60 && b > r, "the first colour is a blue");
        let ([r, g, b], right) = strongest(400..690, lower);
        assert!(right > 60 && r > b && g > b, "the second is a yellow");
        let (_, top) = strongest(200..500, 20..height / 2);
        assert!(top < 12, "points of no category are grey, not {top}");
    }
}

#[test]
fn bytes_do_not_depend_on_threads() {
    let (x, y, of) = clusters(30_000);
    let names: Vec<String> = (0..x.len()).map(|i| format!("n{i}")).collect();
    let labels: Vec<&str> = names.iter().map(String::as_str).collect();
    let color = Color::Categories { title: "kind", names: &["a", "b", "c"], of: &of };
    for n in [2_000, 30_000] {
        let Color::Categories { title, names, of } = color else { unreachable!() };
        let color = Color::Categories { title, names, of: &of[..n] };
        let names = ["left", "right", "top"];
        let scene = Scene {
            labels: Some(&labels[..n]),
            color,
            contours: Some(Contours::default()),
            ..Scene::new(&x[..n], &y[..n])
        };
        let style = Style { width: 500, height: 400, ..Style::default() };
        for panels in [None, Some(Groups { names: &names, of: &of[..n] })] {
            let scene = Scene { panels, ..scene };
            let with = |threads| {
                let run = Run { threads, ..Run::silent(1) };
                let (png, svg) = (png(&scene, &style, &run), svg(&scene, &style, &run));
                (png.unwrap().content, svg.unwrap().content)
            };
            assert!(with(1) == with(3), "{n} points, panels: {}", panels.is_some());
        }
    }
}

/// 400,000 points in one spot and twenty alone: the spot does not clip to one flat colour over its
/// surroundings, the lone ones do not vanish.
#[test]
fn crowds_neither_clip_nor_vanish() {
    let mut random = latlas::run::stream(5, &[]);
    let mut uniform = || (random.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
    let (mut x, mut y) = (Vec::new(), Vec::new());
    for _ in 0..400_000 {
        // A Gaussian by Box and Muller, 0.02 wide.
        let (r, phi) =
            ((-2.0 * uniform().max(1e-300).ln()).sqrt() * 0.02, uniform() * std::f64::consts::TAU);
        x.push((r * phi.cos()) as f32);
        y.push((r * phi.sin()) as f32);
    }
    for i in 0..20 {
        x.push(-0.95 + 0.1 * i as f32);
        y.push(0.9);
    }
    // The twenty are far fewer than one in a thousand: by default they would be arrows.
    let style =
        Style { width: 400, height: 400, scale: 1.0, frame: Frame::All, ..Style::default() };
    let (width, _, pixels) =
        decode(&png(&Scene::new(&x, &y), &style, &Run::silent(1)).unwrap().content);
    let light = |at: [usize; 2], side| mean(&pixels, width, at, side).iter().sum::<f64>();
    // The crowd is centred in x, its spread 0.02 of a map of 2 units over some 350 pixels: sigma is 3.4.
    let row = (0..400).min_by_key(|&row| light([200, (row).clamp(4, 395)], 8) as i64).unwrap();
    let (core, flank, rim) = (light([200, row], 2), light([207, row], 2), light([211, row], 2));
    assert!(core + 40.0 < flank && flank + 40.0 < rim && rim < 755.0, "{core} {flank} {rim}");
    let lone = (0..400 * 150)
        .filter(|i| pixels[i * 3] < 235 && (40..360).contains(&(i % 400)) && i / 400 > 12);
    assert!(lone.count() >= 15, "lone points vanished");
}

struct Ears(Mutex<Vec<String>>);

impl Progress for Ears {
    fn report(&self, _: &Step) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
    fn warn(&self, message: &str) {
        self.0.lock().unwrap().push(message.into());
    }
}

#[test]
fn scripts_that_cannot_be_drawn_are_named() {
    let x: Vec<f32> = (0..6).map(|i| i as f32).collect();
    let y = [0.0, 1.0, 0.0, 1.0, 0.0, 1.0];
    let labels = ["plain", "北京", "東京", "سلام", "Ωμέγα", "привет"];
    let scene = Scene { labels: Some(&labels), title: "上海", ..Scene::new(&x, &y) };
    let ears = Ears(Mutex::default());
    let run = Run { progress: &ears, ..Run::silent(1) };
    let drawing = png(&scene, &Style::default(), &run).unwrap();
    assert_eq!(drawing.labelled, 3);
    assert_eq!(drawing.undrawn.scripts(), [("Han", 2), ("Arabic", 1)]);
    let heard = ears.0.lock().unwrap();
    assert_eq!(heard.len(), 1);
    assert!(heard[0].starts_with("3 labels in Han and Arabic are not drawn: "), "{}", heard[0]);
    // An SVG leaves them to the viewer.
    let Drawing { content, labelled, undrawn, .. } =
        svg(&scene, &Style::default(), &Run::silent(1)).unwrap();
    assert!(
        labelled == 6
            && undrawn.is_empty()
            && content.contains(">北京<")
            && content.contains(">上海<")
    );
}

/// A reader of XML that knows what our files use, and insists on it: elements nest, attributes are
/// quoted, text holds no raw markup and no character that XML 1.0 forbids. Returns the elements' names and texts.
fn read_xml(file: &str) -> (Vec<String>, Vec<String>) {
    let legal = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    assert!(file.chars().all(legal), "a forbidden character");
    let unescape = |text: &str| {
        for (at, _) in text.match_indices('&') {
            let entity = text[at..].split_inclusive(';').next().unwrap();
            assert!(["&amp;", "&lt;", "&gt;", "&quot;", "&#39;"].contains(&entity), "{entity}");
        }
        let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
        text.replace("&#39;", "'").replace("&amp;", "&")
    };
    let (mut open, mut names, mut texts) = (Vec::new(), Vec::new(), Vec::new());
    let mut rest = file;
    while let Some(at) = rest.find('<') {
        let text = &rest[..at];
        assert!(!text.contains('>'), "a raw > in {text}");
        if !text.trim().is_empty() {
            texts.push(unescape(text));
        }
        let end = at + rest[at..].find('>').expect("an open tag");
        let tag = &rest[at + 1..end];
        rest = &rest[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name), "elements nest");
            continue;
        }
        let body = tag.strip_suffix('/').unwrap_or(tag);
        let name: String = body.chars().take_while(char::is_ascii_alphanumeric).collect();
        let mut attributes = body[name.len()..].trim();
        while !attributes.is_empty() {
            let (key, value) = attributes.split_once("=\"").expect("a quoted attribute");
            assert!(
                key.chars().all(|c| c.is_ascii_alphanumeric() || "-:".contains(c)),
                "attribute {key}"
            );
            let (value, others) = value.split_once('"').expect("an end quote");
            assert!(!value.contains('<'));
            attributes = others.trim_start();
        }
        if !tag.ends_with('/') {
            open.push(name.clone());
        }
        names.push(name);
    }
    assert!(open.is_empty() && rest.trim().is_empty(), "left open: {open:?}");
    (names, texts)
}

#[test]
fn hostile_labels_stay_text() {
    let labels = [
        "<script>alert(1)</script>",
        "\"quoted\" & 'so'",
        "]]><svg onload=x>",
        "a\u{0}b\u{1b}[31mc\u{ffff}\u{202e}d",
        "line\nbreak\ttab",
        "&amp;",
        "-->",
    ];
    let x: Vec<f32> = (0..labels.len()).map(|i| i as f32).collect();
    let y: Vec<f32> = (0..labels.len()).map(|i| (i * i % 7) as f32).collect();
    let of: Vec<u32> = (0..labels.len() as u32).collect();
    let color = Color::Categories { title: "<b>", names: &labels, of: &of };
    let scene = Scene {
        labels: Some(&labels),
        color,
        title: "</title><script>",
        caption: "&<>",
        ..Scene::new(&x, &y)
    };
    let drawing = svg(&scene, &Style::default(), &Run::silent(1)).unwrap();
    let (names, texts) = read_xml(&drawing.content);
    let known = ["svg", "title", "rect", "g", "circle", "line", "text"];
    assert!(names.iter().all(|name| known.contains(&name.as_str())), "{names:?}");
    for want in [
        "<script>alert(1)</script>",
        "\"quoted\" & 'so'",
        "ab[31mcd",
        "line break tab",
        "&amp;",
        "-->",
        "&<>",
    ] {
        assert!(texts.iter().any(|text| text == want), "{want:?} is not in {texts:?}");
    }
    // The same labels cannot bring a terminal to do things.
    let map = braille(&scene, 100, 30, false).unwrap();
    assert!(map.chars().all(|c| c == '\n' || !c.is_control()));
}

#[test]
fn many_points_make_an_embedded_picture_and_few_make_circles() {
    let (x, y, _) = clusters(21_000);
    let style = Style { width: 300, height: 200, scale: 1.0, ..Style::default() };
    let value: Vec<f32> = x.iter().map(|&x| if x > 9.0 { f32::NAN } else { x }).collect();
    let values = Color::Values { title: "x", of: &value, range: None, note: "" };
    let scene = Scene { color: values, ..Scene::new(&x, &y) };
    let file = svg(&scene, &style, &Run::silent(1)).unwrap().content;
    let (names, texts) = read_xml(&file);
    assert_eq!(names.iter().filter(|name| *name == "image").count(), 1);
    assert!(texts.iter().any(|text| text == "no value"), "{texts:?}");
    let data = file.split("base64,").nth(1).unwrap().split('"').next().unwrap();
    assert!(data.starts_with("iVBORw0KGgo"), "the signature of PNG");

    let Color::Values { title, of, range, note } = values else { unreachable!() };
    let color = Color::Values { title, of: &of[..500], range, note };
    let scene = Scene { color, ..Scene::new(&x[..500], &y[..500]) };
    let (names, _) = read_xml(&svg(&scene, &style, &Run::silent(1)).unwrap().content);
    // One more circle is in the legend.
    assert_eq!(names.iter().filter(|name| *name == "circle").count(), 501);
}

/// Each panel shows its own cluster in colour and the others grey, all in the same place.
#[test]
fn panels_share_their_axes_and_show_their_own() {
    for n in [1_500, 60_000] {
        let (x, y, of) = clusters(n);
        let names = ["left", "unused", "right", "top"];
        let of: Vec<u32> = of.iter().map(|&c| [0, 2, 3][c as usize]).collect();
        let scene = Scene { panels: Some(Groups { names: &names, of: &of }), ..Scene::new(&x, &y) };
        let style = Style { width: 900, height: 300, scale: 1.0, ..Style::default() };
        let drawing = png(&scene, &style, &Run::silent(1)).unwrap();
        assert_eq!(drawing.panels, 3);
        let (width, _, pixels) = decode(&drawing.content);
        // Places of the clusters in a panel: found as what is darkest in each third of the sheet.
        let blue = |columns: std::ops::Range<usize>| {
            let places = (40..290).flat_map(|y| columns.clone().map(move |x| (x, y)));
            let at = |(x, y): (usize, usize)| (y * width + x) * 3;
            let strong = places
                .filter(|&place| {
                    let pixel = &pixels[at(place)..][..3];
                    i32::from(pixel[2]) - i32::from(pixel[0]) > 60
                })
                .map(|(x, y)| [(x - columns.start) as f64, y as f64]);
            let strong: Vec<[f64; 2]> = strong.collect();
            assert!(strong.len() > 20, "{} coloured pixels", strong.len());
            let mean =
                |axis: usize| strong.iter().map(|p| p[axis]).sum::<f64>() / strong.len() as f64;
            [mean(0), mean(1)]
        };
        let [left, right, top] = [0..300, 300..600, 600..900].map(blue);
        assert!(left[0] + 60.0 < top[0] && top[0] + 60.0 < right[0], "{left:?} {top:?} {right:?}");
        assert!(top[1] + 30.0 < left[1] && (left[1] - right[1]).abs() < 8.0, "{left:?} {top:?}");
        let (elements, texts) = read_xml(&svg(&scene, &style, &Run::silent(1)).unwrap().content);
        assert!(names.iter().filter(|name| texts.iter().any(|text| text == *name)).count() == 3);
        let images = elements.iter().filter(|name| *name == "image").count();
        assert_eq!(images, if n > 20_000 { 3 } else { 0 });
    }
}

/// Lines of a density are paths, the foot says what they hold, and without points there are none.
#[test]
fn contours_are_paths_and_say_what_they_hold() {
    let (x, y, of) = clusters(3_000);
    let contours = Contours { levels: &[0.5, 0.9], ..Contours::default() };
    let scene = Scene { contours: Some(contours), ..Scene::new(&x, &y) };
    let draw =
        |scene: &Scene| read_xml(&svg(scene, &Style::default(), &Run::silent(1)).unwrap().content);
    let (elements, texts) = draw(&scene);
    // A halo and a line for each level.
    assert_eq!(elements.iter().filter(|name| *name == "path").count(), 4);
    assert!(
        texts
            .iter()
            .any(|text| text.starts_with("Lines enclose the densest 50 and 90 % of the points")),
        "{texts:?}"
    );
    let color = Color::Categories { title: "", names: &["a", "b", "c"], of: &of };
    let alone = Contours { points: false, ..contours };
    let (elements, texts) = draw(&Scene { contours: Some(alone), color, ..scene });
    assert_eq!(elements.iter().filter(|name| *name == "path").count(), 6);
    // Those of the legend.
    assert_eq!(elements.iter().filter(|name| *name == "circle").count(), 3);
    assert!(
        texts.iter().any(
            |text| text.starts_with("Regions enclose the densest 50 and 90 % of each colour's")
        )
    );
    for levels in [&[0.0][..], &[1.5], &[], &[0.5; 9], &[f32::NAN]] {
        let scene = Scene { contours: Some(Contours { levels, ..contours }), ..scene };
        assert_eq!(
            png(&scene, &Style::default(), &Run::silent(1)).unwrap_err().kind(),
            Kind::Usage
        );
    }
}

/// Points far away become arrows that are counted; asked for, everything is shown.
#[test]
fn far_points_are_arrows_or_in_place() {
    let (mut x, mut y, _) = clusters(4_000);
    (x[5], y[5]) = (4_000.0, 10.0);
    (x[6], y[6]) = (-3_000.0, -9.0);
    let scene = Scene::new(&x, &y);
    let run = Run::silent(1);
    let drawing = svg(&scene, &Style::default(), &run).unwrap();
    assert_eq!(drawing.beyond, 2);
    let (elements, texts) = read_xml(&drawing.content);
    assert_eq!(elements.iter().filter(|name| *name == "circle").count(), 3_998);
    assert!(
        texts.iter().any(|text| text.starts_with("2 of 4,000 points lie outside")),
        "{texts:?}"
    );
    let all = Style { frame: Frame::All, ..Style::default() };
    let drawing = svg(&scene, &all, &run).unwrap();
    assert_eq!(drawing.beyond, 0);
    assert_eq!(read_xml(&drawing.content).0.iter().filter(|name| *name == "circle").count(), 4_000);
    let map = braille(&scene, 60, 20, false).unwrap();
    assert!(map.contains('▸') && map.contains('◂'), "{map}");
}

/// A region's name stands where its points are, also if a larger name has its place: then beside it, with a line.
#[test]
fn regions_are_named_in_their_places() {
    let (x, y, of) = clusters(3_000);
    let names = ["left", "right", "top"];
    let scene = Scene { regions: Some(Groups { names: &names, of: &of }), ..Scene::new(&x, &y) };
    let style = Style { width: 600, height: 400, ..Style::default() };
    let file = svg(&scene, &style, &Run::silent(1)).unwrap().content;
    let place = |file: &str, name: &str| -> [f32; 2] {
        let text = file.lines().find(|line| line.ends_with(&format!(">{name}</text>"))).unwrap();
        let number = |key: &str| -> f32 {
            let value = text.split(&format!("{key}=\"")).nth(1).unwrap();
            value.split('"').next().unwrap().parse().unwrap()
        };
        [number(" x") + number("textLength") / 2.0, number(" y") - number("font-size") * 0.27]
    };
    // As in `clusters_lie_where_they_should`: 25 units to 1.
    for (name, want) in [("left", [50.0, 312.0]), ("right", [550.0, 312.0]), ("top", [300.0, 88.0])]
    {
        let got = place(&file, name);
        let far = (got[0] - want[0]).hypot(got[1] - want[1]);
        assert!(far < 32.0, "{name} stands at {got:?}, {far} from {want:?}");
    }
    // Two regions in one place.
    let both: Vec<u32> =
        of.iter().enumerate().map(|(i, &c)| if c == 0 { 3 * (i as u32 % 2) } else { c }).collect();
    let names = ["left", "right", "top", "left too"];
    let scene = Scene { regions: Some(Groups { names: &names, of: &both }), ..scene };
    let file = svg(&scene, &style, &Run::silent(1)).unwrap().content;
    let [a, b] = ["left", "left too"].map(|name| place(&file, name));
    assert!((a[0] - b[0]).hypot(a[1] - b[1]) > 12.0, "{a:?} {b:?}");
    assert!(braille(&scene, 60, 20, false).unwrap().contains("top"));
}

#[test]
fn braille_of_known_points_is_exact() {
    // The corners of a square of 16 × 16 dots, and its centre: 8 × 4 cells.
    let (x, y) = ([0.0, 15.0, 0.0, 15.0, 8.0], [0.0, 0.0, 15.0, 15.0, 8.0]);
    let map = braille(&Scene::new(&x, &y), 8, 4, false).unwrap();
    // Dots 1 and 4 head a cell, 7 and 8 are its feet; (8, 8) is dot (8, 7) from the top: a foot.
    assert_eq!(map, "⠁      ⠈\n    ⡀\n\n⡀      ⢀\n");
    let colored = braille(&Scene::new(&x, &y), 8, 4, true).unwrap();
    assert!(colored.contains("\x1b[38;5;") && colored.ends_with("\x1b[0m\n"));
}

#[test]
fn braille_names_points_and_categories() {
    let (x, y, of) = clusters(3_000);
    let names: Vec<String> =
        (0..x.len()).map(|i| if i < 3 { format!("word{i}") } else { String::new() }).collect();
    let labels: Vec<&str> = names.iter().map(String::as_str).collect();
    let color = Color::Categories { title: "kind", names: &["ruby", "opal", "jade"], of: &of };
    let scene = Scene { labels: Some(&labels), color, ..Scene::new(&x, &y) };
    let map = braille(&scene, 80, 24, true).unwrap();
    assert!(map.lines().count() <= 24);
    for name in ["word0", "word1", "word2", "ruby", "opal", "jade"] {
        assert!(map.contains(name), "{name} is not in\n{map}");
    }
    // Without colours no escape codes, and no line is longer than asked for.
    let plain = braille(&scene, 80, 24, false).unwrap();
    assert!(!plain.contains('\x1b') && plain.lines().all(|line| line.chars().count() <= 80));
}

/// A full map is dithered: its dense half has more dots than its thin half, and neither is all or nothing.
#[test]
fn braille_of_a_full_map_shows_density() {
    let mut random = latlas::run::stream(3, &[]);
    let mut uniform = || (random.next_u64() >> 40) as f32 / (1 << 24) as f32;
    let (mut x, mut y) = (Vec::new(), Vec::new());
    for i in 0..400_000 {
        // Thirty in the left half for one in the right.
        x.push(if i % 31 == 0 { 1.0 + uniform() } else { uniform() });
        y.push(uniform());
    }
    let map = braille(&Scene::new(&x, &y), 60, 15, false).unwrap();
    let dots = |left: bool| {
        let half = |line: &str| -> u32 {
            let cells = line.chars().enumerate().filter(|(at, _)| (*at < 30) == left);
            cells.map(|(_, c)| if c == ' ' { 0 } else { (c as u32 - 0x2800).count_ones() }).sum()
        };
        f64::from(map.lines().map(half).sum::<u32>()) / (30.0 * 15.0 * 8.0)
    };
    let (dense, thin) = (dots(true), dots(false));
    assert!(dense > thin + 0.2 && thin > 0.1 && thin < 0.8, "{dense} {thin}\n{map}");
}

#[test]
fn odd_scenes_are_drawn_or_refused_in_words() {
    let run = Run::silent(1);
    let style = Style { width: 300, height: 200, scale: 1.0, ..Style::default() };
    let all = |scene: &Scene| {
        let drawn = png(scene, &style, &run).map(|drawing| decode(&drawing.content));
        let text = svg(scene, &style, &run).map(|drawing| read_xml(&drawing.content));
        let map = braille(scene, 40, 10, true);
        assert_eq!(drawn.is_ok(), text.is_ok());
        assert_eq!(drawn.is_ok(), map.is_ok());
        map
    };
    // One point, equal points, points on a line, points as far apart as f32 goes.
    for (x, y) in [
        (vec![3.0], vec![-7.0]),
        (vec![1e30; 50], vec![-1e-30; 50]),
        (vec![1.0, 2.0, 3.0], vec![5.0; 3]),
        (vec![f32::MIN, f32::MAX, 0.0], vec![f32::MAX, f32::MIN, 1e-40]),
    ] {
        let labels = vec!["name"; x.len()];
        let weights = vec![0.0; x.len()];
        let same = vec![4.0; x.len()];
        let color = Color::Values { title: "v", of: &same, range: None, note: "" };
        let scene =
            Scene { labels: Some(&labels), weights: Some(&weights), color, ..Scene::new(&x, &y) };
        assert!(all(&scene).unwrap().contains('\u{1b}'), "{x:?}");
    }
    let refused = |scene: Scene, kind: Kind, words: &str| {
        let error = all(&scene).unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.message().contains(words), "{error}");
    };
    refused(Scene::new(&[], &[]), Kind::Nothing, "no points");
    let labels = ["a", "king"];
    let nan = Scene { labels: Some(&labels), ..Scene::new(&[0.0, f32::NAN], &[0.0, 1.0]) };
    refused(nan, Kind::Data, "point 2 ('king') lies at x = NaN");
    refused(Scene::new(&[0.0, 1.0], &[0.0]), Kind::Data, "2 points has 1 y");
    let short = Scene { labels: Some(&labels[..1]), ..Scene::new(&[0.0, 1.0], &[0.0, 1.0]) };
    refused(short, Kind::Data, "1 labels");
    let weights = [1.0, -1.0];
    refused(
        Scene { weights: Some(&weights), ..Scene::new(&[0.0, 1.0], &[0.0, 1.0]) },
        Kind::Data,
        "weight -1",
    );
    let color = Color::Categories { title: "", names: &["a"], of: &[0, 1] };
    refused(Scene { color, ..Scene::new(&[0.0, 1.0], &[0.0, 1.0]) }, Kind::Data, "category 1");
    let color = Color::Values { title: "", of: &[0.0, 1.0], range: Some((2.0, 1.0)), note: "" };
    refused(Scene { color, ..Scene::new(&[0.0, 1.0], &[0.0, 1.0]) }, Kind::Usage, "from 2 to 1");

    let scene = Scene::new(&[0.0], &[0.0]);
    for style in [
        Style { width: 10, ..style },
        Style { scale: f32::NAN, ..style },
        Style { width: 8192, height: 8192, scale: 4.0, ..style },
        Style { radius: Some(0.0), ..style },
        Style { opacity: Some(1.5), ..style },
    ] {
        assert_eq!(png(&scene, &style, &run).unwrap_err().kind(), Kind::Usage);
    }
    assert_eq!(braille(&scene, 2, 2, false).unwrap_err().kind(), Kind::Usage);
    // The smallest sheet has room for nothing but itself, and says nothing wrong.
    let (x, y, of) = clusters(300);
    let names = ["a name far too long for a sheet as small as this one is", "b", "c"];
    let color = Color::Categories { title: "a long title of the legend", names: &names, of: &of };
    let labels = vec!["a label far too long for a sheet as small as this one is"; 300];
    let scene = Scene {
        labels: Some(&labels),
        color,
        title: names[0],
        caption: labels[0],
        ..Scene::new(&x, &y)
    };
    let style = Style { width: 160, height: 120, scale: 1.0, ..Style::default() };
    assert!(png(&scene, &style, &run).is_ok());
}
