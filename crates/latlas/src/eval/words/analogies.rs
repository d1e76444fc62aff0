//! Analogies: a is to b as c is to which word?
//!
//! With every vector of length 1, and cos′ = (1 + cos)/2 in [0, 1]:
//! - 3CosAdd (Mikolov et al. 2013): argmax over words x of cos(x, b) + cos(x, c) − cos(x, a);
//! - 3CosMul (Levy and Goldberg 2014, eq. 4): argmax of cos′(x, b) · cos′(x, c) / (cos′(x, a) + ε).
//!
//! The three words of the question, in any case, are no answers. Both scores are made of cosines with single words,
//! and a file asks thousands of questions about hundreds of words, so the cosines of all question words with a block
//! of answers are computed once (a small matrix product) and each question then costs three numbers an answer instead
//! of a vector of its own.

use std::collections::HashMap;
use std::path::Path;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::read::Section;
use super::{Lexicon, Options, none_usable, score};
use crate::error::Result;
use crate::eval::{Null, Score};
use crate::index::pool;
use crate::kernels::{self, Panels};
use crate::run::{Run, Step};
use crate::space::{Field, Space};

/// How an analogy is solved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Method {
    /// The largest sum of cosines.
    #[serde(rename = "3cosadd")]
    CosAdd,
    /// The largest product of cosines: no single one decides.
    #[serde(rename = "3cosmul")]
    CosMul,
}

/// ε of 3CosMul, as in gensim.
const EPSILON: f32 = 1e-6;

/// How many answers are scored at a time: the cosines of a thousand question words with them fit a second-level cache.
const BLOCK: usize = 512;

/// One question: the places of a, b, c and d in the lexicon, and of a, b and c among the question words.
struct Question {
    section: usize,
    words: [u32; 3],
    answer: u32,
    terms: [u32; 3],
}

pub(super) fn scores(
    space: &Space,
    path: &Path,
    sections: &[Section],
    options: &Options,
    run: &Run,
) -> Result<Vec<Score>> {
    let lexicon = Lexicon::new(space, options.restrict_vocab, options);
    let mut terms = HashMap::new();
    let mut questions = Vec::new();
    for (section, Section { questions: asked, .. }) in sections.iter().enumerate() {
        for words in asked {
            let [Some(a), Some(b), Some(c), Some(answer)] =
                words.each_ref().map(|word| lexicon.find(word))
            else {
                continue;
            };
            let words = [a, b, c];
            let terms = words.map(|word| {
                let next = terms.len() as u32;
                *terms.entry(word).or_insert(next)
            });
            questions.push(Question { section, words, answer, terms });
        }
    }
    let total = sections.iter().map(|section| section.questions.len()).sum();
    if questions.is_empty() {
        return Err(none_usable(path, "questions", total, &lexicon));
    }
    let mut places = vec![0; terms.len()];
    for (place, term) in terms {
        places[term as usize] = place;
    }
    let mut scores = Vec::new();
    for &method in &options.methods {
        let answers = solve(&space.field("main")?, &lexicon, &places, &questions, method, run)?;
        scores.extend(table(path, sections, &questions, &answers, &lexicon, method, run));
    }
    Ok(scores)
}

/// The answer to each question as a place in the lexicon; `u32::MAX` where no word is left to answer.
fn solve(
    field: &Field,
    lexicon: &Lexicon,
    terms: &[u32],
    questions: &[Question],
    method: Method,
    run: &Run,
) -> Result<Vec<u32>> {
    let rows: Vec<_> = terms.iter().map(|&place| lexicon.rows()[place as usize]).collect();
    let mut queries = field.gather(&rows);
    for i in 0..queries.rows() {
        let scale = unit(queries.row(i));
        queries.row_mut(i).iter_mut().for_each(|x| *x *= scale);
    }
    let variants = lexicon.variants();
    // What no question's answer may be, sorted, so that each block finds its own.
    let mut refused: Vec<(u32, u32)> = Vec::new();
    for (i, question) in (0..).zip(questions) {
        for word in question.words {
            match variants.get(&word) {
                Some(same) => refused.extend(same.iter().map(|&place| (place, i))),
                None => refused.push((word, i)),
            }
        }
    }
    refused.sort_unstable();
    refused.dedup();

    // The best score so far and its place, for each question; scores are negated, so that smaller is better.
    let best_of_block = |start: usize| {
        let end = lexicon.len().min(start + BLOCK);
        let candidates = field.gather(&lexicon.rows()[start..end]);
        let mut panels = Panels::new();
        panels.pack(candidates.as_slice(), field.dim(), |r| unit(candidates.row(r)));
        let stride = panels.stride();
        let mut cosines = vec![0.0; terms.len() * stride];
        kernels::dot_panels(queries.as_slice(), &panels, &mut cosines);
        let cosines_of = |term: u32| &cosines[term as usize * stride..][..end - start];
        let from = refused.partition_point(|&(place, _)| (place as usize) < start);
        let mut refused_here: Vec<(u32, u32)> = refused[from..]
            .iter()
            .take_while(|&&(place, _)| (place as usize) < end)
            .map(|&(p, q)| (q, p))
            .collect();
        refused_here.sort_unstable();
        let mut refused_here = refused_here.into_iter().peekable();
        let mut ranks = vec![0.0; end - start];
        let mut best = Vec::with_capacity(questions.len());
        for (i, question) in (0..).zip(questions) {
            let [a, b, c] = question.terms.map(cosines_of);
            for (((rank, a), b), c) in ranks.iter_mut().zip(a).zip(b).zip(c) {
                *rank = match method {
                    Method::CosAdd => a - b - c,
                    Method::CosMul => -(0.25 * (1.0 + b) * (1.0 + c)) / (0.5 * (1.0 + a) + EPSILON),
                };
            }
            while let Some((_, place)) = refused_here.next_if(|&(question, _)| question == i) {
                ranks[place as usize - start] = f32::INFINITY;
            }
            best.push(smallest(&ranks, start as u32));
        }
        best
    };

    let starts: Vec<usize> = (0..lexicon.len()).step_by(BLOCK).collect();
    let pool = pool(run.threads)?;
    let mut best = vec![(f32::INFINITY, u32::MAX); questions.len()];
    // A few blocks at a time, so that progress is told and the blocks' answers do not pile up.
    for (i, starts) in starts.chunks(32).enumerate() {
        run.report(&Step {
            stage: "solving analogies",
            done: (i * 32 * BLOCK) as u64,
            total: Some(lexicon.len() as u64),
            unit: "words",
            detail: String::new(),
        })?;
        let blocks: Vec<Vec<(f32, u32)>> =
            pool.install(|| starts.par_iter().map(|&start| best_of_block(start)).collect());
        for block in blocks {
            for (best, found) in best.iter_mut().zip(block) {
                // Blocks come in order, so of equal scores the more frequent word stays.
                if found.0 < best.0 {
                    *best = found;
                }
            }
        }
    }
    Ok(best.into_iter().map(|(_, place)| place).collect())
}

/// 1/‖row‖, 0 for a zero vector (its cosine with everything is 0).
fn unit(row: &[f32]) -> f32 {
    let norm = row.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>().sqrt();
    if norm > 0.0 { (1.0 / norm) as f32 } else { 0.0 }
}

/// The smallest rank and its place, the first of equal ones.
fn smallest(ranks: &[f32], first: u32) -> (f32, u32) {
    const CHUNK: usize = 64;
    let mut best = (f32::INFINITY, u32::MAX);
    for (i, chunk) in ranks.chunks(CHUNK).enumerate() {
        if kernels::any_within(chunk, best.0) {
            for (j, &rank) in chunk.iter().enumerate() {
                if rank < best.0 {
                    best = (rank, first + (i * CHUNK + j) as u32);
                }
            }
        }
    }
    best
}

/// The figures of one method.
fn table(
    path: &Path,
    sections: &[Section],
    questions: &[Question],
    answers: &[u32],
    lexicon: &Lexicon,
    method: Method,
    run: &Run,
) -> Vec<Score> {
    // Right, asked, in the file.
    let mut counts: Vec<[usize; 3]> =
        sections.iter().map(|section| [0, 0, section.questions.len()]).collect();
    for (question, &answer) in questions.iter().zip(answers) {
        let right = answer != u32::MAX && lexicon.first(answer) == question.answer;
        counts[question.section][0] += usize::from(right);
        counts[question.section][1] += 1;
    }
    let sum = |of: &dyn Fn(&str) -> bool| {
        let chosen = sections.iter().zip(&counts).filter(|(section, _)| of(&section.name));
        chosen.fold([0; 3], |sum, (_, count)| std::array::from_fn(|i| sum[i] + count[i]))
    };
    let syntactic = |name: &str| name.starts_with("gram");
    let mut rows = vec![
        ("", sum(&|_| true)),
        ("semantic", sum(&|name| !syntactic(name))),
        ("syntactic", sum(&syntactic)),
    ];
    rows.extend(
        sections.iter().zip(&counts).map(|(section, &count)| (section.name.as_str(), count)),
    );
    let first_method = method == Method::CosAdd;
    let mut scores = Vec::new();
    for (name, [right, asked, in_file]) in rows {
        if asked > 0 {
            let part = match (first_method, name) {
                (true, name) => name.to_owned(),
                (false, "") => "3cosmul".to_owned(),
                (false, name) => format!("3cosmul/{name}"),
            };
            // One word of all but the three of the question.
            let chance = 1.0 / lexicon.len().saturating_sub(3).max(1) as f64;
            let null = Null::share(chance, asked);
            scores.push(score(path, &part, right as f64 / asked as f64, asked, in_file, null));
        } else if in_file > 0 && first_method {
            run.progress
                .note(&format!("{}: no question of '{name}' could be asked", path.display()));
        }
    }
    scores
}
