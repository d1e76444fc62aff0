//! Labels for texts, from a fastText model that was learned for it.

use crate::error::{Error, Result};
use crate::kernels;
use crate::space::fasttext::{FastTextModel, Huffman, Loss, Task, TextFinding};

/// Puts labels on texts. `Send + Sync`; each thread brings its own [`Room`].
#[derive(Debug, Clone)]
pub struct Labeller {
    model: FastTextModel,
    /// Of hierarchical softmax.
    tree: Option<Huffman>,
}

/// Room for labelling one text after the other.
#[derive(Debug, Default)]
pub struct Room {
    finding: TextFinding,
    h: Vec<f32>,
    scores: Vec<f32>,
}

impl Labeller {
    /// A data error if the model was not learned to label texts.
    pub fn new(model: FastTextModel) -> Result<Self> {
        let config = model.config();
        if config.task != Task::Supervised || model.labels().is_none() {
            return Err(Error::data(
                "its model was learned for vectors of words, not to label texts",
            )
            .help("learn one with latlas learn fasttext --supervised"));
        }
        let tree = match config.loss {
            Loss::Hs => Some(Huffman::new(model.label_counts())?),
            _ => None,
        };
        Ok(Labeller { model, tree })
    }

    /// The model.
    pub fn model(&self) -> &FastTextModel {
        &self.model
    }

    /// A label's name.
    pub fn label(&self, label: u32) -> &str {
        self.model.labels().map_or("", |labels| labels.id(label as usize))
    }

    /// The number of a label, if the model knows it.
    pub fn number(&self, label: &str) -> Option<u32> {
        self.model.labels()?.row(label)
    }

    /// The label most texts had that the model was learned from.
    pub fn majority(&self) -> u32 {
        let counts = self.model.label_counts();
        (0..counts.len()).rev().max_by_key(|&label| counts[label]).unwrap_or_default() as u32
    }

    /// At most `k` labels of a text whose probability is at least `threshold`, the likeliest first; of equal ones the
    /// one more frequent when the model was learned. Softmax and its tree give probabilities that sum to 1 over all
    /// labels; the other losses give each label its own. None for a text of which nothing is known.
    pub fn predict(
        &self,
        text: &str,
        k: usize,
        threshold: f32,
        room: &mut Room,
    ) -> Vec<(u32, f32)> {
        let Room { finding, h, scores } = room;
        self.model.find_text(text, finding);
        if finding.found.rows.is_empty() {
            return Vec::new();
        }
        h.resize(self.model.config().dim, 0.0);
        self.model.mean(&finding.found, h);
        let labels = self.model.label_counts().len();
        scores.resize(labels, 0.0);
        if let Some(tree) = &self.tree {
            self.descend(tree, h, scores);
        } else {
            kernels::dot_rows(h, self.model.output(), scores);
            probabilities(scores, self.model.config().loss == Loss::Softmax);
        }
        let mut best: Vec<(u32, f32)> =
            (0_u32..).zip(scores.iter().copied()).filter(|(_, p)| *p >= threshold).collect();
        let order = |a: &(u32, f32), b: &(u32, f32)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
        if k < best.len() {
            best.select_nth_unstable_by(k, order);
            best.truncate(k);
        }
        best.sort_unstable_by(order);
        best
    }

    /// The probability of every leaf: the product of those of the turns to it.
    fn descend(&self, tree: &Huffman, h: &[f32], scores: &mut [f32]) {
        let Some(root) = tree.root() else {
            scores.fill(1.0);
            return;
        };
        let (labels, dim) = (scores.len(), h.len());
        let mut open = vec![(root, 1.0_f32)];
        while let Some((inner, above)) = open.pop() {
            let row = self.model.output().get(inner * dim..(inner + 1) * dim).unwrap_or_default();
            let second = sigmoid(kernels::dot(h, row));
            let [a, b] = tree.children(inner);
            for (child, p) in [(a as usize, above * (1.0 - second)), (b as usize, above * second)] {
                match child.checked_sub(labels) {
                    Some(inner) => open.push((inner, p)),
                    None => scores[child] = p,
                }
            }
        }
    }
}

/// Products to probabilities: of all labels together, or of each for itself.
fn probabilities(scores: &mut [f32], together: bool) {
    if !together {
        for x in scores {
            *x = sigmoid(*x);
        }
        return;
    }
    let highest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sum = 0.0;
    for x in &mut *scores {
        *x = (*x - highest).exp();
        sum += *x;
    }
    for x in scores {
        *x /= sum;
    }
}

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}
