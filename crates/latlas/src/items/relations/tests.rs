use std::collections::BTreeMap;

use proptest::prelude::*;
use rand_xoshiro::rand_core::Rng;

use super::*;
use crate::error::Kind;
use crate::items::Sequences;
use crate::run::{Run, Silent, stream};

fn threads(threads: usize) -> Run<'static> {
    Run { seed: 1, threads, progress: &Silent, checkpoint: None }
}

/// Links as a map adds them up.
fn map(links: &[(u32, u32, f64)]) -> BTreeMap<(u32, u32), f64> {
    let mut map = BTreeMap::new();
    for &(source, target, weight) in links {
        *map.entry((source, target)).or_insert(0.0) += weight;
    }
    map
}

fn listed(relations: &Relations) -> BTreeMap<(u32, u32), f64> {
    relations.iter().map(|(source, target, weight)| ((source, target), weight)).collect()
}

fn small_links() -> impl Strategy<Value = Vec<(u32, u32, f64)>> {
    // Eighths, so that sums are exact in any order.
    prop::collection::vec(
        (0..7_u32, 0..90_u32, (-40..40_i32).prop_map(|n| f64::from(n) / 8.0)),
        0..200,
    )
}

proptest! {
    #[test]
    fn links_are_sorted_summed_written_and_read(links in small_links(), turn in 0..200_usize) {
        let relations = Relations::from_links(7, 90, links.clone()).unwrap();
        prop_assert_eq!(listed(&relations), map(&links));
        prop_assert_eq!(relations.links(), relations.iter().count() as u64);
        let mut turned = links.clone();
        turned.rotate_left(turn.min(links.len()));
        prop_assert_eq!(&Relations::from_links(7, 90, turned).unwrap(), &relations);

        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.rel");
        relations.save(&path).unwrap();
        let read = Relations::open(&path).unwrap();
        prop_assert_eq!(&read, &relations);
        for source in 0..8 {
            prop_assert_eq!(read.row(source), relations.row(source));
        }
        let columns: BTreeMap<u32, f64> = links.iter().fold(BTreeMap::new(), |mut sums, link| {
            *sums.entry(link.1).or_insert(0.0) += link.2;
            sums
        });
        for (target, sum) in read.sums().1.into_iter().enumerate() {
            prop_assert_eq!(sum, columns.get(&(target as u32)).copied().unwrap_or(0.0));
        }
    }

    #[test]
    fn any_bytes_give_an_error_or_relations(mut bytes in prop::collection::vec(any::<u8>(), 0..900), keep in 0..900_usize) {
        let good = file_bytes(&example());
        let keep = keep.min(bytes.len()).min(good.len());
        bytes[..keep].copy_from_slice(&good[..keep]);
        if let Ok(relations) = Relations::from_bytes(Bytes::from(bytes)) {
            let _ = (relations.iter().count(), relations.sums());
        }
    }
}

fn example() -> Relations {
    Relations::from_links(3, 4, vec![(0, 1, 0.5), (0, 3, 2.0), (2, 0, -1.0)]).unwrap()
}

fn file_bytes(relations: &Relations) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.rel");
    relations.save(&path).unwrap();
    std::fs::read(path).unwrap()
}

#[test]
fn places_and_weights_that_cannot_be_are_refused() {
    for link in [(3, 0, 1.0), (0, 4, 1.0), (0, 0, f64::NAN), (0, 0, f64::INFINITY)] {
        assert_eq!(Relations::from_links(3, 4, vec![link]).unwrap_err().kind(), Kind::Data);
    }
    let most = f64::MAX;
    assert!(Relations::from_links(1, 1, vec![(0, 0, most), (0, 0, most)]).is_err());
    let none = Relations::from_links(0, 0, vec![]).unwrap();
    assert_eq!((none.links(), none.row(0)), (0, (&[][..], &[][..])));
}

/// A file whose checksums are right and whose arrays lie.
#[test]
fn arrays_that_lie_are_found_on_opening() {
    type Arrays = ([u64; 4], Vec<u64>, Vec<u32>, Vec<f64>);
    let write = |(shape, offsets, targets, weights): &Arrays| {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.rel");
        crate::file::publish(&path, |file| {
            let mut writer = crate::file::SectionWriter::begin(file, RELATIONS)?;
            writer.whole("targets", bytemuck::cast_slice(targets))?;
            writer.whole("weights", bytemuck::cast_slice(weights))?;
            writer.whole("offsets", bytemuck::cast_slice(offsets))?;
            writer.whole("shape", bytemuck::cast_slice(shape))?;
            writer.end()
        })
        .unwrap();
        Relations::open(&path)
    };
    let good: Arrays = ([2, 4, 3, 0], vec![0, 2, 3], vec![1, 3, 0], vec![1.0, 2.0, -3.0]);
    write(&good).unwrap();
    let lies: [fn(&mut Arrays); 11] = [
        |a| a.0[0] = 3,
        |a| a.0[0] = u64::MAX,
        |a| a.0[1] = 3,
        |a| a.0[2] = 2,
        |a| a.0[3] = 7, // counts are not negative
        |a| a.1[1] = 4,
        |a| a.1[2] = u64::MAX,
        |a| a.1[0] = 1,
        |a| a.2[0] = 3,
        |a| a.2[1] = u32::MAX,
        |a| a.3[1] = f64::NAN,
    ];
    for (i, lie) in lies.iter().enumerate() {
        let mut arrays = good.clone();
        lie(&mut arrays);
        assert_eq!(write(&arrays).unwrap_err().kind(), Kind::Data, "lie {i}");
    }
}

/// Text of `length` words and ends, words with a frequency that falls with their id.
fn text(length: usize, words: u32, seed: u64) -> Sequences {
    let mut random = stream(seed, &[7]);
    let mut ids: Vec<u32> = (0..length)
        .map(|_| match random.next_u32() % 23 {
            0 => Sequences::END,
            _ => (random.next_u32() % words).min(random.next_u32() % words),
        })
        .collect();
    ids.push(Sequences::END);
    Sequences::from_vec(ids).unwrap()
}

/// Counts pair by pair, as the definition says.
fn counted(options: &Cooccurrences, text: &Sequences) -> BTreeMap<(u32, u32), f64> {
    let mut links = Vec::new();
    for sequence in text.iter() {
        for (q, &after) in sequence.iter().enumerate() {
            for (p, &before) in sequence.iter().enumerate().take(q) {
                let d = q - p;
                if d <= options.window {
                    let weight = match options.weighting {
                        Weighting::Harmonic => 1.0 / d as f64,
                        Weighting::Linear => {
                            (options.window - d + 1) as f64 / options.window as f64
                        }
                        Weighting::Flat => 1.0,
                    };
                    links.push((before, after, weight));
                    if options.symmetric {
                        links.push((after, before, weight));
                    }
                }
            }
        }
    }
    map(&links)
}

#[test]
fn counts_are_those_of_the_definition() {
    let text = text(3000, 60, 1);
    let dir = tempfile::tempdir().unwrap();
    for window in [1, 2, 5, 10, 15, 20, 21, 60] {
        for weighting in [Weighting::Harmonic, Weighting::Linear, Weighting::Flat] {
            for symmetric in [true, false] {
                let options = Cooccurrences { window, weighting, symmetric, ..Default::default() };
                let found = options.count(&text, 60, dir.path(), &threads(2)).unwrap();
                let (found, expected) = (listed(&found), counted(&options, &text));
                assert_eq!(found.len(), expected.len(), "{options:?}");
                for ((link, found), (other, expected)) in found.iter().zip(&expected) {
                    assert_eq!(link, other);
                    assert!((found - expected).abs() <= 1e-8 * expected, "{options:?} {link:?}");
                }
            }
        }
    }
}

/// "a b a c" and "b a" with a window of 2, by hand: a–b at 1 (twice, and once in the second sequence), a–a at 2,
/// b–c at 2, a–c at 1.
#[test]
fn a_small_text_counted_by_hand() {
    let (a, b, c, end) = (0, 1, 2, Sequences::END);
    let text = Sequences::from_vec(vec![a, b, a, c, end, b, a, end]).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let count = |symmetric| {
        let options = Cooccurrences { window: 2, symmetric, ..Default::default() };
        options.count(&text, 3, dir.path(), &Run::silent(1)).unwrap()
    };
    let both =
        [(a, a, 1.0), (a, b, 3.0), (a, c, 1.0), (b, a, 3.0), (b, c, 0.5), (c, a, 1.0), (c, b, 0.5)];
    assert_eq!(count(true).iter().collect::<Vec<_>>(), both);
    let after = [(a, a, 0.5), (a, b, 1.0), (a, c, 1.0), (b, a, 2.0), (b, c, 0.5)];
    assert_eq!(count(false).iter().collect::<Vec<_>>(), after);
    assert_eq!(count(true).unit(), Some(2));
}

#[test]
fn threads_memory_and_cuts_do_not_show() {
    let words = 300;
    let text = text(400_000, words, 2);
    let dir = tempfile::tempdir().unwrap();
    for (window, weighting) in
        [(10, Weighting::Harmonic), (25, Weighting::Harmonic), (3, Weighting::Flat)]
    {
        let count = |memory, count| {
            let options = Cooccurrences { window, weighting, memory, ..Default::default() };
            let path = tempfile::tempdir_in(&dir).unwrap().keep();
            let relations = options.count(&text, words as usize, &path, &threads(count)).unwrap();
            let left: Vec<_> = std::fs::read_dir(&path).unwrap().collect();
            assert_eq!(left.len(), 1, "runs are removed");
            relations
        };
        let whole = count(1 << 30, 1);
        assert!(whole.links() > 50_000);
        assert_eq!(count(1 << 30, 3), whole);
        assert_eq!(count(730_000, 1), whole);
        assert_eq!(count(740_000, 2), whole);
    }
}

/// Counting is a merge: pieces of the text, counted apart, give the bytes of the whole, in any order.
#[test]
fn counts_of_pieces_merge_to_the_counts_of_the_whole() {
    let text = text(60_000, 200, 3);
    let ids = text.as_slice();
    let cuts: Vec<usize> = text.chunks(9_000).iter().map(|range| range.end).collect();
    let dir = tempfile::tempdir().unwrap();
    let options = Cooccurrences { window: 15, ..Default::default() };
    let count = |name: &str, ids: &[u32]| {
        let folder = dir.path().join(name);
        std::fs::create_dir(&folder).unwrap();
        let sequences = Sequences::from_vec(ids.to_vec()).unwrap();
        options.count(&sequences, 200, &folder, &Run::silent(1)).unwrap()
    };
    let whole = count("whole", ids);
    let mut start = 0;
    let pieces: Vec<Relations> = cuts
        .iter()
        .map(|&end| count(&format!("to {end}"), &ids[std::mem::replace(&mut start, end)..end]))
        .collect();
    assert!(pieces.len() > 5);
    let mut parts: Vec<Part<'_>> =
        pieces.iter().map(|relations| Part { relations, sources: None, targets: None }).collect();
    for count in [1, 2, 5] {
        parts.rotate_left(2);
        assert_eq!(merge(&parts, 200, 200, None, &threads(count)).unwrap(), whole);
        assert_eq!(merge(&parts, 200, 200, Some(dir.path()), &threads(count)).unwrap(), whole);
    }
}

#[test]
fn merged_names_are_mapped_and_weights_of_any_kind_added_in_one_order() {
    let mut random = stream(4, &[]);
    let links: Vec<Vec<(u32, u32, f64)>> = (0..4)
        .map(|_| {
            (0..400)
                .map(|_| {
                    let weight = f64::from(random.next_u32()) / 7e8 - 3.0;
                    (random.next_u32() % 20, random.next_u32() % 30, weight)
                })
                .collect()
        })
        .collect();
    let relations: Vec<Relations> =
        links.iter().map(|links| Relations::from_links(20, 30, links.clone()).unwrap()).collect();
    // Each part names its rows and columns in its own way.
    let sources: Vec<Vec<u32>> =
        (0..4).map(|i| (0..20).map(|s| (s * 3 + i) % 25).collect()).collect();
    let targets: Vec<Vec<u32>> =
        (0..4).map(|i| (0..30).map(|t| (t * 7 + i) % 31).collect()).collect();
    let mut parts: Vec<Part<'_>> = (0..4)
        .map(|i| Part {
            relations: &relations[i],
            sources: Some(&sources[i]),
            targets: Some(&targets[i]),
        })
        .collect();
    let merged = merge(&parts, 25, 31, None, &threads(1)).unwrap();
    let expected = map(&(0..4)
        .flat_map(|i| {
            let (sources, targets) = (&sources[i], &targets[i]);
            links[i].iter().map(|&(s, t, w)| (sources[s as usize], targets[t as usize], w))
        })
        .collect::<Vec<_>>());
    let found = listed(&merged);
    assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    for (link, weight) in &expected {
        assert!((found[link] - weight).abs() < 1e-12);
    }
    for _ in 0..4 {
        parts.rotate_left(1);
        assert_eq!(merge(&parts, 25, 31, None, &threads(3)).unwrap(), merged);
    }
    let twice = vec![0; 20];
    parts[0].sources = Some(&twice);
    assert_eq!(merge(&parts, 25, 31, None, &threads(1)).unwrap_err().kind(), Kind::Data);
    assert_eq!(merge(&parts[1..], 24, 31, None, &threads(1)).unwrap_err().kind(), Kind::Data);
}

#[test]
fn ids_out_of_range_and_budgets_too_small_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let text = Sequences::from_vec(vec![0, 5, Sequences::END]).unwrap();
    let count = |options: Cooccurrences, words| {
        options.count(&text, words, dir.path(), &Run::silent(1)).unwrap_err()
    };
    let error = count(Cooccurrences::default(), 5);
    assert_eq!(
        (error.kind(), error.message()),
        (Kind::Data, "encoded corpus: id 5 at place 1 is none of 5 words")
    );
    for window in [0, 10_001] {
        let options = Cooccurrences { window, ..Default::default() };
        assert_eq!(count(options, 6).kind(), Kind::Usage);
    }
    let error = count(Cooccurrences { memory: 1 << 19, ..Default::default() }, 6);
    assert_eq!(error.way_out(), Some("give at least 1 MB, or a smaller vocabulary"));
    let nothing = Sequences::from_vec(vec![]).unwrap();
    let none = Cooccurrences::default().count(&nothing, 3, dir.path(), &Run::silent(1)).unwrap();
    assert_eq!((none.sources(), none.links()), (3, 0));
}

/// The 2 × 2 table of two words: all values by hand.
#[test]
fn ppmi_is_the_formula() {
    let counts =
        Relations::from_links(2, 3, vec![(0, 0, 4.0), (0, 1, 1.0), (1, 0, 1.0), (1, 2, 2.0)])
            .unwrap();
    let plain = Ppmi { shift: 1.0, smoothing: 1.0 }.apply(&counts, None, &Run::silent(1)).unwrap();
    // Sums: rows 5, 3; columns 5, 1, 2; all 8. ln(4·8/25), ln(8/5); ln(8/15) < 0 is dropped, ln(16/6).
    let expected = [(0, 0, 1.28), (0, 1, 1.6), (1, 2, 16.0 / 6.0)];
    let near = |found: &Relations, expected: &[(u32, u32, f64)]| {
        assert_eq!(found.links(), expected.len() as u64);
        for (found, expected) in found.iter().zip(expected) {
            assert_eq!((found.0, found.1), (expected.0, expected.1));
            assert!((found.2 - expected.2.ln()).abs() < 1e-12, "{found:?} {expected:?}");
        }
    };
    near(&plain, &expected);
    let shifted = Ppmi { shift: 1.5, smoothing: 1.0 };
    let shifted = shifted.apply(&counts, None, &Run::silent(1)).unwrap();
    near(&shifted, &[(0, 1, 1.6 / 1.5), (1, 2, 16.0 / 9.0)]);
    let smooth = Ppmi { shift: 1.0, smoothing: 0.5 }.apply(&counts, None, &threads(2)).unwrap();
    let all = 5_f64.sqrt() + 1.0 + 2_f64.sqrt();
    near(
        &smooth,
        &[(0, 0, 4.0 * all / (5.0 * 5_f64.sqrt())), (1, 2, 2.0 * all / (3.0 * 2_f64.sqrt()))],
    );
    assert!(Ppmi::default().apply(&example(), None, &Run::silent(1)).is_err());
}

#[test]
fn transforms_are_the_same_on_disk_and_at_any_thread_count() {
    let dir = tempfile::tempdir().unwrap();
    let text = text(100_000, 2000, 5);
    let counts = Cooccurrences::default().count(&text, 2000, dir.path(), &threads(2)).unwrap();
    let ppmi = Ppmi::default().apply(&counts, None, &threads(1)).unwrap();
    assert!(ppmi.links() > 100_000 && ppmi.links() < counts.links());
    assert_eq!(Ppmi::default().apply(&counts, Some(dir.path()), &threads(3)).unwrap(), ppmi);
    let weighed = tf_idf(&counts, Some(dir.path()), &threads(2)).unwrap();
    let (targets, weights) = weighed.row(3);
    let df = (0..2000).filter(|&s| counts.row(s).0.contains(&targets[5])).count();
    let old = counts.row(3).0.iter().position(|t| *t == targets[5]).unwrap();
    let expected = counts.row(3).1[old] * (2000.0 / df as f64).ln();
    assert!((weights[5] - expected).abs() < 1e-12);
}
