//! Searches that answer neither with neighbours of a point nor by an index: `search --odd`, `search --wmd`.

use latlas::data::{self, Piece, ReaderOptions, Sources, Tokenizer, Tokens};
use latlas::index::{WordMover, doesnt_match};
use latlas::{Error, Result, Row, Space};
use serde_json::{Value, json};

use super::Context;
use crate::output::{Align, Table, figure};

/// The item that belongs least, and how much each belongs.
pub(super) fn odd(space: &Space, query: &[String], cx: &Context<'_>) -> Result<()> {
    let ids: Vec<&str> = query.iter().map(String::as_str).collect();
    let found = doesnt_match(space, &ids)?;
    if cx.out.json() {
        let hit = |(rank, (row, similarity)): (usize, &(Row, f64))| json!({ "rank": rank + 1, "id": space.id(*row), "distance": 1.0 - similarity, "similarity": similarity });
        let hits: Vec<Value> = found.iter().enumerate().map(hit).collect();
        let chance = 1.0 / found.len() as f64;
        return cx.out.object(
            "search",
            &json!({ "query": query, "metric": "cosine", "by_chance": chance, "hits": hits }),
        );
    }
    cx.out.say(&format!(
        "reading: which of {} ids belongs least; by chance each is, once in {}",
        ids.len(),
        ids.len()
    ));
    let mut table = Table::new(vec![
        ("", Align::Right),
        ("id", Align::Left),
        ("cosine to the others", Align::Right),
    ]);
    for (rank, (row, similarity)) in found.iter().enumerate() {
        table.row(vec![(rank + 1).to_string(), space.id(*row).to_owned(), figure(*similarity)]);
    }
    cx.out.result(&table.render(cx.out.paint))
}

/// The texts of a file that are nearest to the words of a query.
pub(super) fn nearest(
    space: &Space,
    query: &str,
    file: &str,
    k: usize,
    cx: &Context<'_>,
) -> Result<()> {
    let texts = Texts::read(space, file, cx)?;
    let (rows, words) = known(space, query);
    cx.out.say(&format!(
        "reading: a text, {} of whose {words} words are known, against {} texts with a known word",
        rows.len(),
        texts.rows.iter().filter(|rows| !rows.is_empty()).count()
    ));
    let found = WordMover::new(space, &texts.rows)?.search(&rows, k, cx.threads)?;
    if cx.out.json() {
        let hit = |(rank, &(at, distance)): (usize, &(usize, f64))| json!({ "rank": rank + 1, "id": texts.ids[at], "distance": distance, "similarity": 1.0 / (1.0 + distance), "text": texts.contents[at] });
        let hits: Vec<Value> = found.iter().enumerate().map(hit).collect();
        return cx.out.object("search", &json!({ "query": query, "metric": "wmd", "hits": hits }));
    }
    if found.is_empty() {
        return Err(Error::nothing(format!("no text of {file} has a word that the space knows"))
            .help("is it in the space's language?"));
    }
    let mut table = Table::new(vec![
        ("", Align::Right),
        ("id", Align::Left),
        ("distance", Align::Right),
        ("text", Align::Left),
    ]);
    for (rank, &(at, distance)) in found.iter().enumerate() {
        table.row(vec![
            (rank + 1).to_string(),
            texts.ids[at].clone(),
            figure(distance),
            beginning(&texts.contents[at]),
        ]);
    }
    cx.out.result(&table.render(cx.out.paint))
}

/// The documents of a file: their ids, their texts and the rows of their words.
#[derive(Default)]
struct Texts {
    ids: Vec<String>,
    contents: Vec<String>,
    rows: Vec<Vec<Row>>,
}

impl Texts {
    fn read(space: &Space, file: &str, cx: &Context<'_>) -> Result<Self> {
        let run = cx.run();
        let sources = Sources::resolve(&[file.to_owned()])?;
        let reading = ReaderOptions::default();
        let mut documents = data::documents(&sources, &reading, &run)?;
        let (mut found, mut text) = (Texts::default(), String::new());
        data::Documents::visit(&mut documents, &mut |piece: Piece<'_>| {
            text.push_str(piece.text);
            if piece.end {
                found.ids.push(piece.id.as_text().into_owned());
                found.rows.push(known(space, &text).0);
                found.contents.push(std::mem::take(&mut text));
            } else {
                text.push('\n');
            }
            Ok(())
        })?;
        Ok(found)
    }
}

/// The rows of a text's words, as written or else in small letters; and how many words it has.
fn known(space: &Space, text: &str) -> (Vec<Row>, usize) {
    let mut tokens = Tokens::default();
    Tokenizer::Words.tokens(false, text, &mut tokens);
    let find = |word: &str| space.get(word).or_else(|| space.get(&word.to_lowercase()));
    (tokens.iter().filter_map(find).collect(), tokens.iter().count())
}

/// As much of a text as fits a line.
fn beginning(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let cut = line.char_indices().nth(60).map(|(at, _)| at);
    cut.map_or_else(|| line.clone(), |at| format!("{}…", line[..at].trim_end()))
}
