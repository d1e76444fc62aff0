//! Texts with labels, for learning to classify and for judging it: from plain text with `__label__x` words in it, as
//! fastText reads, or from two columns of a table.

use arrow_array::cast::AsArray;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use xxhash_rust::xxh3::Xxh3;

use super::arrays::show;
use super::lexicon::Lexicon;
use super::{Documents, ReaderOptions, Sources, Tokenizer, Tokens, Vocabulary, documents, table};
use crate::error::{Error, Result};
use crate::items::{Column, ColumnKind, Items, Sequences};
use crate::run::Run;

/// What stands in a text for its end; it counts as a word, so that no text is empty.
pub const TEXT_END: &str = "</s>";

/// Where labels are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Labels {
    /// The column of labels; the texts are in the text column. Without it labels stand in the text.
    pub column: Option<String>,
    /// What words of the text begin with that are labels.
    pub prefix: String,
}

impl Default for Labels {
    fn default() -> Self {
        Labels { column: None, prefix: "__label__".into() }
    }
}

/// A text and its labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LabelledText<'a> {
    /// What the text is called.
    pub id: &'a str,
    /// The text, without its labels.
    pub text: &'a str,
    /// Its labels, without prefix; none where it has none.
    pub labels: &'a [String],
}

/// How a text becomes words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cut {
    /// How words are found.
    pub tokenizer: Tokenizer,
    /// Whether "Word" and "word" are one.
    pub lowercase: bool,
}

/// Texts as learners read them.
#[derive(Clone)]
pub struct LabelledCorpus {
    /// Every word that stands in them, most frequent first; a word's place is its id. [`TEXT_END`] is one of them.
    pub words: Vocabulary,
    /// The labels, most frequent first.
    pub labels: Vocabulary,
    /// The words of the texts, each text closed by `END`.
    pub texts: Sequences,
    /// The labels of the texts, as many sequences as there are texts.
    pub text_labels: Sequences,
    /// How the texts were cut into words.
    pub cut: Cut,
    /// Where the labels were.
    pub from: Labels,
    /// What was read, for provenance.
    pub sources: Vec<Value>,
    /// A number that differs when the corpus does.
    pub fingerprint: u64,
}

/// Gives every text with its labels to `each`, in order. Returns what was read, for provenance.
pub fn visit_labelled(
    sources: &Sources,
    options: &ReaderOptions,
    labels: &Labels,
    run: &Run,
    each: &mut dyn FnMut(LabelledText<'_>) -> Result<()>,
) -> Result<Vec<Value>> {
    match &labels.column {
        Some(column) => visit_table(sources, options, column, run, each),
        None => visit_documents(&mut documents(sources, options, run)?, &labels.prefix, each),
    }
}

fn visit_table(
    sources: &Sources,
    options: &ReaderOptions,
    label: &str,
    run: &Run,
    each: &mut dyn FnMut(LabelledText<'_>) -> Result<()>,
) -> Result<Vec<Value>> {
    let wanted = options.text.clone();
    let mut options = options.clone();
    options.text = None;
    if let Some(text) = &wanted {
        options.types.insert(text.clone(), ColumnKind::Text);
    }
    options.types.insert(label.to_owned(), ColumnKind::Category);
    let read = table(sources, &options, run)?;
    let column = |name: &str, flag: &str| {
        read.items.column(name).ok_or_else(|| {
            let names: Vec<&str> = read.items.columns().iter().map(|c| c.name.as_str()).collect();
            Error::usage(format!("there is no column '{name}'"))
                .help(format!("name one with {flag}: {}", names.join(", ")))
        })
    };
    let labels = column(label, "--label")?;
    let texts = match &wanted {
        Some(text) => column(text, "--text")?,
        None => longest_text(&read.items, label).ok_or_else(|| {
            Error::usage("there is no column of text beside the labels").help("name one: --text")
        })?,
    };
    for (row, id) in read.items.ids().iter().enumerate() {
        let Some(text) = show(&texts.values, row) else { continue };
        let label: Vec<String> = show(&labels.values, row).into_iter().collect();
        each(LabelledText { id: id.unwrap_or_default(), text: &text, labels: &label })?;
    }
    Ok(read.sources)
}

/// The column `text`, else the one of text with the longest values, the labels left out.
fn longest_text<'a>(items: &'a Items, label: &str) -> Option<&'a Column> {
    let length = |column: &Column| -> usize {
        let values = column.values.as_string_opt::<i32>();
        values.map_or(0, |values| values.iter().flatten().map(str::len).sum())
    };
    let texts = items
        .columns()
        .iter()
        .filter(|c| c.name != label && matches!(c.kind, ColumnKind::Text | ColumnKind::Category));
    items.column("text").or_else(|| texts.max_by_key(|column| length(column)))
}

/// Labels are words of the text that begin with `prefix`.
fn visit_documents(
    documents: &mut dyn Documents,
    prefix: &str,
    each: &mut dyn FnMut(LabelledText<'_>) -> Result<()>,
) -> Result<Vec<Value>> {
    let (mut text, mut labels) = (String::new(), Vec::new());
    documents.visit(&mut |piece| {
        if prefix.is_empty() || !piece.text.contains(prefix) {
            text.push_str(piece.text);
            text.push(' ');
        } else {
            for word in piece.text.split_whitespace() {
                if let Some(label) = word.strip_prefix(prefix) {
                    labels.push(label.to_owned());
                } else {
                    text.push_str(word);
                    text.push(' ');
                }
            }
        }
        if piece.end {
            each(LabelledText { id: &piece.id.as_text(), text: &text, labels: &labels })?;
            text.clear();
            labels.clear();
        }
        Ok(())
    })
}

/// Reads all texts that have a label into memory. An error where there are none, or only one label.
pub fn encode_labelled(
    sources: &Sources,
    options: &ReaderOptions,
    labels: &Labels,
    cut: Cut,
    run: &Run,
) -> Result<LabelledCorpus> {
    let mut building = Building::new(cut);
    let sources = visit_labelled(sources, options, labels, run, &mut |text| building.add(text))?;
    if building.unlabelled > 0 {
        let (left, all) = (building.unlabelled, building.unlabelled + building.texts.len() as u64);
        run.progress.warn(&format!("{left} of {all} texts have no label and were left out"));
    }
    building.finish(labels.clone(), sources)
}

/// Two lexicons, and ids in the order of first appearance.
struct Building {
    cut: Cut,
    words: Lexicon,
    labels: Lexicon,
    texts: Vec<Vec<u32>>,
    text_labels: Vec<Vec<u32>>,
    tokens: Tokens,
    /// The hash of [`TEXT_END`], as of any word.
    end: u32,
    unlabelled: u64,
    hash: Xxh3,
}

impl Building {
    fn new(cut: Cut) -> Self {
        let mut tokens = Tokens::default();
        Tokenizer::Whitespace.tokens(false, TEXT_END, &mut tokens);
        let end = tokens.hashed().next().map_or(0, |(_, hash)| hash);
        Building {
            cut,
            words: Lexicon::new(),
            labels: Lexicon::new(),
            texts: Vec::new(),
            text_labels: Vec::new(),
            tokens,
            end,
            unlabelled: 0,
            hash: Xxh3::new(),
        }
    }

    fn add(&mut self, text: LabelledText<'_>) -> Result<()> {
        if text.labels.is_empty() {
            self.unlabelled += 1;
            return Ok(());
        }
        self.tokens.clear();
        self.cut.tokenizer.tokens(self.cut.lowercase, text.text, &mut self.tokens);
        let mut ids = Vec::new();
        for (token, hash) in self.tokens.hashed() {
            ids.push(self.words.count(token, hash)?);
        }
        ids.push(self.words.count(TEXT_END.as_bytes(), self.end)?);
        let mut labels = Vec::with_capacity(text.labels.len());
        for label in text.labels {
            let hash = super::hash(label.as_bytes());
            labels.push(self.labels.count(label.as_bytes(), hash)?);
            self.hash.update(label.as_bytes());
            self.hash.update(&[0xff]);
        }
        self.hash.update(text.text.as_bytes());
        self.hash.update(&[0xfe]);
        self.texts.push(ids);
        self.text_labels.push(labels);
        Ok(())
    }

    fn finish(self, from: Labels, sources: Vec<Value>) -> Result<LabelledCorpus> {
        let source = sources
            .first()
            .and_then(|source| source.get("path"))
            .and_then(Value::as_str)
            .unwrap_or("the input")
            .to_owned();
        match self.labels.most_frequent() {
            None => {
                let error = Error::data(format!("{source}: no text has a label"));
                return Err(match &from.column {
                    Some(column) => error.help(format!("is --label {column} the right column?")),
                    None => error.help(format!(
                        "begin labels with {}, or name a column of labels: --label COL",
                        from.prefix
                    )),
                });
            }
            Some((label, _)) if self.labels.len() == 1 => {
                return Err(Error::data(format!("{source}: every text has the label '{label}'"))
                    .help("a classifier needs at least two labels"));
            }
            Some(_) => {}
        }
        let (words, word_ids) = self.words.finish(1, None);
        let (labels, label_ids) = self.labels.finish(1, None);
        let renumber = |runs: Vec<Vec<u32>>, ids: &[u32]| {
            let mut flat = Vec::new();
            for run in runs {
                flat.extend(run.iter().filter_map(|&id| ids.get(id as usize)));
                flat.push(Sequences::END);
            }
            Sequences::from_vec(flat)
        };
        Ok(LabelledCorpus {
            texts: renumber(self.texts, &word_ids)?,
            text_labels: renumber(self.text_labels, &label_ids)?,
            words,
            labels,
            cut: self.cut,
            from,
            sources,
            fingerprint: self.hash.digest(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CUT: Cut = Cut { tokenizer: Tokenizer::Words, lowercase: true };

    fn corpus(text: &str, file: &str, labels: &Labels) -> Result<LabelledCorpus> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(file);
        std::fs::write(&path, text).unwrap();
        let sources = Sources::resolve(&[path.to_str().unwrap().to_owned()]).unwrap();
        encode_labelled(&sources, &ReaderOptions::default(), labels, CUT, &Run::silent(1))
    }

    fn plain(corpus: &LabelledCorpus) -> Vec<(String, String)> {
        let text = |ids: &[u32], of: &Vocabulary| {
            ids.iter().map(|&id| of.words[id as usize].as_str()).collect::<Vec<_>>().join(" ")
        };
        let labels = corpus.text_labels.iter().map(|ids| text(ids, &corpus.labels));
        corpus.texts.iter().map(|ids| text(ids, &corpus.words)).zip(labels).collect()
    }

    #[test]
    fn labels_in_the_text_and_in_a_column_are_the_same() {
        let expected =
            [("a good film </s>", "pos"), ("bad bad film </s>", "neg"), ("good </s>", "pos")];
        let expected: Vec<(String, String)> =
            expected.iter().map(|(t, l)| ((*t).to_owned(), (*l).to_owned())).collect();
        let text = "__label__pos A good film.\nBad, __label__neg bad film\nno label\n\
                    __label__pos good\n";
        let found = corpus(text, "a.txt", &Labels::default()).unwrap();
        assert_eq!(plain(&found), expected);
        assert_eq!(
            (&found.labels.words[..], &found.labels.counts[..]),
            (&["pos".into(), "neg".into()][..], &[2, 1][..])
        );
        assert_eq!((found.words.words[0].as_str(), found.words.counts[0]), ("</s>", 3));

        let csv = "said,kind\nA good film.,pos\n\"Bad, bad film\",neg\nno label,\ngood,pos\n";
        let labels = Labels { column: Some("kind".into()), ..Labels::default() };
        assert_eq!(plain(&corpus(csv, "a.csv", &labels).unwrap()), expected);
    }

    #[test]
    fn a_text_may_have_several_labels() {
        let found =
            corpus("__label__a __label__b both\n__label__b one\n", "a.txt", &Labels::default())
                .unwrap();
        assert_eq!(plain(&found)[0].1, "a b");
    }

    #[test]
    fn nothing_to_learn_is_told() {
        let none = corpus("good\nbad\n", "a.txt", &Labels::default()).err().unwrap();
        assert!(none.message().ends_with("no text has a label"), "{none}");
        let one =
            corpus("__label__a x\n__label__a y\n", "a.txt", &Labels::default()).err().unwrap();
        assert!(one.message().ends_with("every text has the label 'a'"), "{one}");
        let labels = Labels { column: Some("kin".into()), ..Labels::default() };
        let column = corpus("text,kind\na,b\n", "a.csv", &labels).err().unwrap();
        assert!(column.message().contains("'kin'"), "{column}");
    }
}
