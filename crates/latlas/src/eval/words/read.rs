//! Reading question files. Both kinds may hold blank lines and comments ('#'), and lines may end in CR LF.

use std::io::{BufRead, Read};
use std::path::Path;

use crate::error::{Error, Result};
use crate::file;

/// What a file holds.
#[derive(Debug, PartialEq)]
pub(super) enum File {
    Analogies(Vec<Section>),
    Pairs(Vec<Pair>),
}

/// Questions under one heading.
#[derive(Debug, PartialEq)]
pub(super) struct Section {
    pub(super) name: String,
    /// a is to b as c is to d.
    pub(super) questions: Vec<[String; 4]>,
}

/// Two words and how alike people find them.
#[derive(Debug, PartialEq)]
pub(super) struct Pair {
    pub(super) words: [String; 2],
    pub(super) score: f64,
}

/// No line of a question file is longer: a binary file is refused before it fills the memory.
const LONGEST_LINE: u64 = 64 * 1024;

/// Reads a file of either kind.
pub(super) fn file(path: &Path) -> Result<File> {
    parse(&mut *file::open_stream(path)?, path)
}

fn parse(input: &mut dyn BufRead, path: &Path) -> Result<File> {
    let mut sections: Vec<Section> = Vec::new();
    let mut pairs = Vec::new();
    let mut first = true;
    let mut number = 0_usize;
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        let read = input
            .take(LONGEST_LINE)
            .read_until(b'\n', &mut bytes)
            .map_err(|e| Error::io("read", path, &e))?;
        if read == 0 {
            break;
        }
        number += 1;
        let bad = |why: &str| Error::data(format!("{}, line {number}: {why}", path.display()));
        if read as u64 == LONGEST_LINE && !bytes.ends_with(b"\n") {
            return Err(
                bad("longer than 64 KiB").help("this is no file of analogies or word pairs")
            );
        }
        let line = std::str::from_utf8(&bytes)
            .map_err(|_| bad("not valid UTF-8").help("convert the file to UTF-8"))?;
        let line = line.trim_start_matches('\u{feff}').trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(name) = line.strip_prefix(':') {
            if !pairs.is_empty() {
                return Err(bad("a section heading among word pairs"));
            }
            sections.push(Section { name: name.trim().to_owned(), questions: Vec::new() });
            first = false;
            continue;
        }
        // Four words, the last of which is no number, are an analogy.
        let words: Vec<&str> = line.split_whitespace().collect();
        let looks_like_question =
            words.len() == 4 && words[2..].iter().all(|w| w.parse::<f64>().is_err());
        let is_question =
            !sections.is_empty() || (pairs.is_empty() && looks_like_question && !is_header(line));
        if is_question {
            let [a, b, c, d] = words[..] else {
                return Err(bad(&format!("{} words where an analogy has four", words.len())));
            };
            if sections.is_empty() {
                sections.push(Section { name: "questions".to_owned(), questions: Vec::new() });
            }
            if let Some(section) = sections.last_mut() {
                section.questions.push([a, b, c, d].map(str::to_owned));
            }
        } else if let Some(pair) = pair(line) {
            pairs.push(pair);
        } else if !first {
            return Err(
                bad("not two words and a number").help("a line reads: word, TAB, word, TAB, score")
            );
        }
        // A first line without a number is a header.
        first = false;
    }
    if pairs.is_empty() && sections.iter().all(|section| section.questions.is_empty()) {
        let what = if number == 0 { "is empty" } else { "holds no question" };
        return Err(Error::data(format!("{} {what}", path.display())).help(
            "it should hold analogies (four words a line) or word pairs (two words and a score)",
        ));
    }
    Ok(if pairs.is_empty() { File::Analogies(sections) } else { File::Pairs(pairs) })
}

/// The fields of a pair: between TABs if there are any, else commas, else blanks.
fn fields(line: &str) -> Vec<&str> {
    match ['\t', ','].into_iter().find(|&separator| line.contains(separator)) {
        Some(separator) => line.split(separator).map(str::trim).collect(),
        None => line.split_whitespace().collect(),
    }
}

/// Two words, then the first number after them (SimLex-999 puts the part of speech between).
fn pair(line: &str) -> Option<Pair> {
    let fields = fields(line);
    let (words, rest) = fields.split_at_checked(2)?;
    let score =
        rest.iter().find_map(|field| field.parse().ok().filter(|score: &f64| score.is_finite()))?;
    let words = [words[0].to_owned(), words[1].to_owned()];
    words.iter().all(|word| !word.is_empty()).then_some(Pair { words, score })
}

/// Whether four words name columns, as in "word1 word2 POS score".
fn is_header(line: &str) -> bool {
    let words = fields(line);
    let word = |i: usize, name: &str| {
        words.get(i).is_some_and(|w| w.to_ascii_lowercase().replace([' ', '_'], "") == name)
    };
    word(0, "word1") && word(1, "word2")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<File> {
        parse(&mut text.as_bytes(), Path::new("q.txt"))
    }

    fn pairs(text: &str) -> Vec<(String, String, f64)> {
        match read(text) {
            Ok(File::Pairs(pairs)) => {
                pairs.into_iter().map(|Pair { words: [a, b], score }| (a, b, score)).collect()
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn pairs_come_in_many_dialects() {
        let expected = vec![
            ("tiger".to_owned(), "cat".to_owned(), 7.35),
            ("a b".to_owned(), "c".to_owned(), 0.0),
        ];
        assert_eq!(
            pairs("Word 1\tWord 2\tHuman (mean)\r\ntiger\tcat\t7.35\r\na b\tc\t0\r\n"),
            expected
        );
        assert_eq!(pairs("# a comment\n\ntiger,cat,7.35\na b,c,0\n"), expected);
        assert_eq!(pairs("\u{feff}tiger cat 7.35"), expected[..1]);
        assert_eq!(pairs("word1 word2 POS SimLex999\ntiger cat N 7.35 1 2\n"), expected[..1]);
    }

    #[test]
    fn sections_hold_their_questions() {
        let Ok(File::Analogies(sections)) =
            read(": family\nking queen man woman\n\n: gram1\nbig bigger small smaller\n")
        else {
            panic!("not read as analogies")
        };
        let names: Vec<_> = sections.iter().map(|s| (s.name.as_str(), s.questions.len())).collect();
        assert_eq!(names, [("family", 1), ("gram1", 1)]);
        assert_eq!(sections[1].questions[0], ["big", "bigger", "small", "smaller"]);
    }

    #[test]
    fn what_cannot_be_read_is_named_by_line() {
        let message = |text: &str| read(text).unwrap_err().to_string();
        assert_eq!(
            message(": a\nking queen man woman\nking queen man\n"),
            "q.txt, line 3: 3 words where an analogy has four"
        );
        assert_eq!(message("a\tb\t1\nc\td\tx\n"), "q.txt, line 2: not two words and a number");
        assert_eq!(
            message("a\tb\t1\n: section\n"),
            "q.txt, line 2: a section heading among word pairs"
        );
        assert_eq!(message(""), "q.txt is empty");
        assert_eq!(message("# nothing\n"), "q.txt holds no question");
        assert_eq!(message(&"x".repeat(100_000)), "q.txt, line 1: longer than 64 KiB");
        let invalid = parse(&mut &b"a b 1\n\xff\xfe c 2\n"[..], Path::new("q.txt")).unwrap_err();
        assert_eq!(invalid.to_string(), "q.txt, line 2: not valid UTF-8");
    }
}
