//! Reading question files. All kinds may hold blank lines and comments ('#'), and lines may end in CR LF.

use std::collections::{HashSet, VecDeque};
use std::io::{BufRead, Read};
use std::path::Path;

use crate::error::{Error, Result};
use crate::file;

/// What a file holds.
#[derive(Debug, PartialEq)]
pub(super) enum File {
    Analogies(Vec<Section>),
    Pairs(Vec<Pair>),
    Categories(Vec<Category>),
    Outliers(Vec<Group>),
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

/// Words of one kind.
#[derive(Debug, PartialEq)]
pub(super) struct Category {
    pub(super) name: String,
    pub(super) words: Vec<String>,
}

/// Words of one kind, and words that are not of it.
#[derive(Debug, PartialEq)]
pub(super) struct Group {
    pub(super) words: Vec<String>,
    pub(super) outliers: Vec<String>,
}

/// No line of a question file is longer: a binary file is refused before it fills the memory.
const LONGEST_LINE: u64 = 64 * 1024;

/// Reads a file of any kind, or a folder of outlier files, one group each.
pub(super) fn file(path: &Path) -> Result<File> {
    if path.is_dir() {
        return folder(path);
    }
    parse(&mut *file::open_stream(path)?, path)
}

/// All `.txt` files of a folder, by name.
fn folder(path: &Path) -> Result<File> {
    let entries = std::fs::read_dir(path).map_err(|e| Error::io("read", path, &e))?;
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(|e| Error::io("read", path, &e))?.path();
        if path.is_file() && path.extension().is_some_and(|ending| ending == "txt") {
            paths.push(path);
        }
    }
    paths.sort();
    let mut groups = Vec::new();
    for path in &paths {
        match file(path)? {
            File::Outliers(found) => groups.extend(found),
            _ => {
                return Err(Error::data(format!("{} holds no outliers", path.display())).help(
                    "in a folder every .txt is a group: a word a line, a blank line, then outliers",
                ));
            }
        }
    }
    if groups.is_empty() {
        return Err(Error::data(format!("{} holds no .txt file", path.display()))
            .help("name a question file, or a folder of outlier files"));
    }
    Ok(File::Outliers(groups))
}

/// Lines with their numbers: trimmed, comments left out, blank ones empty.
struct Lines<'a> {
    input: &'a mut dyn BufRead,
    path: &'a Path,
    number: usize,
    ahead: VecDeque<(usize, String)>,
}

impl<'a> Lines<'a> {
    /// Opens with the first two lines that are not blank looked at.
    fn open(input: &'a mut dyn BufRead, path: &'a Path) -> Result<(Self, Vec<String>)> {
        let mut lines = Lines { input, path, number: 0, ahead: VecDeque::new() };
        let mut first = Vec::new();
        while first.len() < 2
            && let Some((number, line)) = lines.read()?
        {
            first.extend((!line.is_empty()).then(|| line.clone()));
            lines.ahead.push_back((number, line));
        }
        Ok((lines, first))
    }

    fn next(&mut self) -> Result<Option<(usize, String)>> {
        match self.ahead.pop_front() {
            Some(line) => Ok(Some(line)),
            None => self.read(),
        }
    }

    fn read(&mut self) -> Result<Option<(usize, String)>> {
        loop {
            let mut bytes = Vec::new();
            let mut input = (&mut *self.input).take(LONGEST_LINE);
            let read =
                input.read_until(b'\n', &mut bytes).map_err(|e| file::read_error(self.path, &e))?;
            if read == 0 {
                return Ok(None);
            }
            self.number += 1;
            if read as u64 == LONGEST_LINE && !bytes.ends_with(b"\n") {
                return Err(self
                    .bad(self.number, "longer than 64 KiB")
                    .help("this is no question file"));
            }
            let line = std::str::from_utf8(&bytes).map_err(|_| {
                self.bad(self.number, "not valid UTF-8").help("convert the file to UTF-8")
            })?;
            let line = line.trim_start_matches('\u{feff}').trim();
            if !line.starts_with('#') {
                return Ok(Some((self.number, line.to_owned())));
            }
        }
    }

    fn bad(&self, number: usize, why: &str) -> Error {
        Error::data(format!("{}, line {number}: {why}", self.path.display()))
    }
}

fn parse(input: &mut dyn BufRead, path: &Path) -> Result<File> {
    let (mut lines, first) = Lines::open(input, path)?;
    let line = |i: usize| first.get(i).map_or("", String::as_str);
    let single = |line: &str| !line.is_empty() && !line.starts_with(':') && fields(line).len() == 1;
    let two_words = |line: &str| {
        let fields = fields(line);
        fields.len() == 2 && fields.iter().all(|f| !f.is_empty() && f.parse::<f64>().is_err())
    };
    let found = if list(line(0)).is_some() {
        categories(&mut lines, true)?
    } else if single(line(0)) && !fields(line(1)).is_empty() && pair(line(1)).is_none()
        || line(0).starts_with(':') && single(line(1))
    {
        outliers(&mut lines)?
    } else if two_words(line(0)) && (first.len() == 1 || two_words(line(1))) {
        categories(&mut lines, false)?
    } else {
        questions(&mut lines)?
    };
    let empty = match &found {
        File::Analogies(sections) => sections.iter().all(|section| section.questions.is_empty()),
        File::Pairs(pairs) => pairs.is_empty(),
        File::Categories(categories) => categories.is_empty(),
        File::Outliers(groups) => groups.is_empty(),
    };
    if empty {
        let what = if lines.number == 0 { "is empty" } else { "holds no question" };
        return Err(Error::data(format!("{} {what}", path.display())).help(
            "it should hold analogies (four words a line), word pairs (two words and a score), categories (word and \
             category) or outliers (words, a blank line, outliers)",
        ));
    }
    Ok(found)
}

/// Analogies or word pairs.
fn questions(lines: &mut Lines) -> Result<File> {
    let mut sections: Vec<Section> = Vec::new();
    let mut pairs = Vec::new();
    let mut first = true;
    while let Some((number, line)) = lines.next()? {
        let bad = |why: &str| lines.bad(number, why);
        if line.is_empty() {
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
            !sections.is_empty() || (pairs.is_empty() && looks_like_question && !is_header(&line));
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
        } else if let Some(pair) = pair(&line) {
            pairs.push(pair);
        } else if !first {
            return Err(
                bad("not two words and a number").help("a line reads: word, TAB, word, TAB, score")
            );
        }
        // A first line without a number is a header.
        first = false;
    }
    Ok(if pairs.is_empty() { File::Analogies(sections) } else { File::Pairs(pairs) })
}

/// Categories: `name: word word …` lines, or two columns, of which that with fewer different values is the category.
fn categories(lines: &mut Lines, lists: bool) -> Result<File> {
    let mut columns: Vec<[String; 2]> = Vec::new();
    while let Some((number, line)) = lines.next()? {
        if line.is_empty() {
            continue;
        }
        if lists {
            let Some((name, words)) = list(&line) else {
                return Err(lines
                    .bad(number, "no category and its words")
                    .help("a line reads: category: word word …"));
            };
            columns.extend(words.map(|word| [word.to_owned(), name.to_owned()]));
            continue;
        }
        match fields(&line)[..] {
            [a, b] if !a.is_empty() && !b.is_empty() => columns.push([a.to_owned(), b.to_owned()]),
            _ => {
                return Err(lines
                    .bad(number, "not a word and its category")
                    .help("a line reads: word, TAB, category"));
            }
        }
    }
    let different = |i: usize| columns.iter().map(|pair| &pair[i]).collect::<HashSet<_>>().len();
    let turned = !lists && different(0) < different(1);
    let mut categories: Vec<Category> = Vec::new();
    let mut places = std::collections::HashMap::new();
    for [word, name] in columns {
        let (word, name) = if turned { (name, word) } else { (word, name) };
        let place = *places.entry(name.clone()).or_insert(categories.len());
        if place == categories.len() {
            categories.push(Category { name, words: Vec::new() });
        }
        categories[place].words.push(word);
    }
    Ok(File::Categories(categories))
}

/// `name: word word …`.
fn list(line: &str) -> Option<(&str, impl Iterator<Item = &str>)> {
    let (name, words) = line.split_once(':')?;
    let name = name.trim();
    let separator = |c: char| c.is_whitespace() || c == ',';
    let words = words.split(separator).filter(|word| !word.is_empty());
    (!name.is_empty() && words.clone().next().is_some()).then_some((name, words))
}

/// Outliers: a word a line, a blank line, an outlier a line; then, under another `: heading`, the next group.
fn outliers(lines: &mut Lines) -> Result<File> {
    let mut groups: Vec<Group> = Vec::new();
    let mut apart = false;
    let mut last = 0;
    let whole = |groups: &[Group], number: usize| match groups.last() {
        Some(group) if group.words.len() < 2 || group.outliers.is_empty() => {
            Err((number, "the group ends here, without two words, a blank line and an outlier"))
        }
        _ => Ok(()),
    };
    while let Some((number, line)) = lines.next()? {
        last = number;
        if line.is_empty() {
            apart = apart || groups.last().is_some_and(|group| !group.words.is_empty());
            continue;
        }
        if line.starts_with(':') || groups.is_empty() {
            whole(&groups, number).map_err(|why| lines.bad(why.0, why.1))?;
            groups.push(Group { words: Vec::new(), outliers: Vec::new() });
            apart = false;
        }
        if let Some(group) = groups.last_mut().filter(|_| !line.starts_with(':')) {
            if apart { group.outliers.push(line) } else { group.words.push(line) }
        }
    }
    whole(&groups, last).map_err(|why| lines.bad(why.0, why.1))?;
    Ok(File::Outliers(groups))
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
    fn categories_come_in_three_dialects() {
        let category = |name: &str, words: &[&str]| Category {
            name: name.into(),
            words: words.iter().map(|&word| word.into()).collect(),
        };
        let expected = File::Categories(vec![
            category("animal", &["cat", "dog"]),
            category("tool", &["saw", "axe"]),
        ]);
        for text in [
            "cat animal\ndog animal\nsaw tool\naxe tool\n",
            "animal\tcat\nanimal\tdog\ntool\tsaw\ntool\taxe\n",
            "# kinds\nanimal: cat, dog\ntool: saw axe\n",
        ] {
            assert_eq!(read(text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn outliers_stand_behind_a_blank_line() {
        let group = |words: &[&str], outliers: &[&str]| Group {
            words: words.iter().map(|&word| word.into()).collect(),
            outliers: outliers.iter().map(|&word| word.into()).collect(),
        };
        let one = group(&["cat", "big dog"], &["saw", "axe"]);
        assert_eq!(
            read("cat\nbig dog\n\nsaw\naxe\n\n").unwrap(),
            File::Outliers(vec![group(&["cat", "big dog"], &["saw", "axe"])])
        );
        assert_eq!(
            read(": pets\ncat\nbig dog\n\nsaw\naxe\n: tools\nsaw\naxe\n\ncat\n").unwrap(),
            File::Outliers(vec![one, group(&["saw", "axe"], &["cat"])])
        );
    }

    #[test]
    fn what_cannot_be_read_is_named_by_line() {
        let message = |text: &str| read(text).unwrap_err().to_string();
        assert_eq!(
            message(": a\nking queen man woman\nking queen man\n"),
            "q.txt, line 3: 3 words where an analogy has four"
        );
        assert_eq!(
            message("cat: animal\nno category\n"),
            "q.txt, line 2: no category and its words"
        );
        assert_eq!(
            message("cat animal\nfox animal\ndog big animal\n"),
            "q.txt, line 3: not a word and its category"
        );
        assert_eq!(
            message("cat\ndog\n\n"),
            "q.txt, line 3: the group ends here, without two words, a blank line and an outlier"
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
