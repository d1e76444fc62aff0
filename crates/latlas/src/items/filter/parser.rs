//! From words to a checked condition, by recursive descent.

use std::ops::Range;

use super::Problem;
use super::condition::{Class, Condition, Literal, Operand, Relation, Typed, compare, matched};
use super::lexer::{Token, Word, words};
use crate::items::ColumnKind;

/// Parentheses deeper than this are refused, so that no text overflows the stack.
const DEEPEST: usize = 200;

const KEYWORDS: [&str; 12] = [
    "AND", "OR", "NOT", "IN", "IS", "NULL", "LIKE", "CONTAINS", "BETWEEN", "TRUE", "FALSE", "ILIKE",
];

pub(super) fn parse(
    text: &str,
    columns: &[(String, ColumnKind)],
) -> Result<(Condition, Vec<String>, Vec<ColumnKind>), Problem> {
    let mut parser = Parser {
        words: words(text)?,
        at: 0,
        depth: 0,
        columns,
        names: Vec::new(),
        kinds: Vec::new(),
    };
    let condition = parser.any()?;
    match &parser.word().token {
        Token::End => Ok((condition, parser.names, parser.kinds)),
        Token::Sign(")") => Err(parser.here("a ) without its (")),
        _ => Err(parser.here("expected AND, OR or the end")),
    }
}

struct Parser<'a> {
    words: Vec<Word>,
    at: usize,
    depth: usize,
    columns: &'a [(String, ColumnKind)],
    names: Vec<String>,
    kinds: Vec<ColumnKind>,
}

impl Parser<'_> {
    fn word(&self) -> &Word {
        // The last word is `End`, and nothing steps beyond it.
        &self.words[self.at.min(self.words.len() - 1)]
    }

    fn step(&mut self) {
        self.at = (self.at + 1).min(self.words.len() - 1);
    }

    fn here(&self, message: impl Into<String>) -> Problem {
        let word = self.word();
        let message = message.into();
        Problem::new(
            word.span.clone(),
            if word.token == Token::End {
                format!("the condition ends here: {message}")
            } else {
                message
            },
        )
    }

    fn is_keyword(&self, keyword: &str) -> bool {
        matches!(&self.word().token, Token::Name(name) if name.eq_ignore_ascii_case(keyword))
    }

    fn keyword(&mut self, keyword: &str) -> bool {
        let found = self.is_keyword(keyword);
        if found {
            self.step();
        }
        found
    }

    fn sign(&mut self, sign: &str) -> bool {
        let found = matches!(self.word().token, Token::Sign(s) if s == sign);
        if found {
            self.step();
        }
        found
    }

    fn any(&mut self) -> Result<Condition, Problem> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(self.here(format!("parentheses are nested deeper than {DEEPEST}")));
        }
        let mut parts = vec![self.all()?];
        while self.keyword("OR") {
            parts.push(self.all()?);
        }
        self.depth -= 1;
        Ok(one_or(parts, Condition::Any))
    }

    fn all(&mut self) -> Result<Condition, Problem> {
        let mut parts = vec![self.negation()?];
        while self.keyword("AND") {
            parts.push(self.negation()?);
        }
        Ok(one_or(parts, Condition::All))
    }

    fn negation(&mut self) -> Result<Condition, Problem> {
        let mut negated = false;
        while self.keyword("NOT") {
            negated = !negated;
        }
        let condition = if self.sign("(") {
            let condition = self.any()?;
            if !self.sign(")") {
                return Err(self.here("expected )"));
            }
            condition
        } else {
            self.test()?
        };
        Ok(not_if(negated, condition))
    }

    fn test(&mut self) -> Result<Condition, Problem> {
        let left = self.operand()?;
        if let Some(relation) = self.relation() {
            let sign = self.words[self.at - 1].span.clone();
            let right = self.operand()?;
            return compare(left, relation, right, &sign);
        }
        if self.keyword("IS") {
            let negated = self.keyword("NOT");
            if !self.keyword("NULL") {
                return Err(self.here("expected NULL").help("write IS NULL or IS NOT NULL"));
            }
            return Ok(not_if(negated, Condition::Null(left.operand)));
        }
        let negated = self.keyword("NOT");
        let condition = if self.keyword("IN") {
            self.list(left)?
        } else if self.keyword("BETWEEN") {
            let low = self.operand()?;
            if !self.keyword("AND") {
                return Err(self.here("expected AND").help("write BETWEEN low AND high"));
            }
            let high = self.operand()?;
            let (span, again) = (left.span.clone(), left.again());
            Condition::All(vec![
                compare(left, Relation::GreaterEqual, low, &span)?,
                compare(again, Relation::LessEqual, high, &span)?,
            ])
        } else if self.is_keyword("ILIKE") {
            return Err(self
                .here("there is no ILIKE")
                .help("write LIKE; it tells capital letters from small ones"));
        } else if self.keyword("LIKE") {
            if left.class != Class::Text {
                return Err(left.problem("LIKE asks for text"));
            }
            let Token::Text(pattern) = &self.word().token else {
                return Err(self
                    .here("expected a 'pattern'")
                    .help("% stands for any letters, _ for one"));
            };
            let pattern = pattern.chars().collect();
            self.step();
            Condition::Like(left.operand, pattern)
        } else if self.keyword("CONTAINS") {
            let part = self.operand()?;
            let Operand::Literal(literal) = part.operand.clone() else {
                return Err(part.problem("CONTAINS asks for a literal"));
            };
            match (left.class, part.class) {
                (Class::List, Class::Text | Class::Number | Class::Bool)
                | (Class::Text, Class::Text) => {}
                (Class::List, _) => return Err(part.problem("a list cannot be asked for it")),
                (Class::Text, _) => return Err(part.problem("a text contains text only")),
                _ => return Err(left.problem("CONTAINS asks for a text or a list")),
            }
            Condition::Contains(left.operand, literal)
        } else if negated {
            return Err(self.here("expected IN, LIKE, CONTAINS or BETWEEN after NOT"));
        } else if left.class == Class::Bool {
            Condition::Truth(left.operand)
        } else {
            let spelling = &left.spelling;
            return Err(self
                .here(format!("expected an operator after {spelling}"))
                .help(format!("for example {spelling} IS NOT NULL, or {spelling} = …")));
        };
        Ok(not_if(negated, condition))
    }

    fn relation(&mut self) -> Option<Relation> {
        let relation = match self.word().token {
            Token::Sign("=") => Relation::Equal,
            Token::Sign("!=") => Relation::Unequal,
            Token::Sign("<") => Relation::Less,
            Token::Sign("<=") => Relation::LessEqual,
            Token::Sign(">") => Relation::Greater,
            Token::Sign(">=") => Relation::GreaterEqual,
            _ => return None,
        };
        self.step();
        Some(relation)
    }

    /// What follows IN.
    fn list(&mut self, left: Typed) -> Result<Condition, Problem> {
        if left.class == Class::List {
            return Err(left.problem("a list stands in no list").help("ask with CONTAINS"));
        }
        if !self.sign("(") {
            return Err(self.here("expected (").help("write IN ('a', 'b')"));
        }
        let mut literals = Vec::new();
        loop {
            let value = self.operand()?;
            let value = matched(value, left.class, &left.spelling)?;
            match value.operand {
                Operand::Literal(literal) => literals.push(literal),
                _ => {
                    return Err(value
                        .problem("a list holds literals")
                        .help("put texts in 'single quotes'"));
                }
            }
            if self.sign(")") {
                return Ok(Condition::In(left.operand, literals));
            }
            if !self.sign(",") {
                return Err(self.here("expected , or )"));
            }
        }
    }

    fn operand(&mut self) -> Result<Typed, Problem> {
        let Word { token, span } = self.word().clone();
        let literal = |literal, class, spelling| Typed {
            operand: Operand::Literal(literal),
            class,
            spelling,
            span: span.clone(),
        };
        let typed = match token {
            Token::Text(text) => {
                let spelling = format!("'{text}'");
                literal(Literal::Text(text), Class::Text, spelling)
            }
            Token::Int(n) => literal(Literal::Int(n), Class::Number, n.to_string()),
            Token::Float(n) => literal(Literal::Float(n), Class::Number, n.to_string()),
            Token::Quoted(name) => self.column(&name, span)?,
            Token::Name(name) => match KEYWORDS.iter().find(|k| name.eq_ignore_ascii_case(k)) {
                Some(&"TRUE") => literal(Literal::Bool(true), Class::Bool, name),
                Some(&"FALSE") => literal(Literal::Bool(false), Class::Bool, name),
                Some(&"NULL") => {
                    return Err(self
                        .here("nothing equals NULL")
                        .help("write IS NULL or IS NOT NULL"));
                }
                Some(_) if !self.columns.iter().any(|(column, _)| *column == name) => {
                    return Err(self.here(format!("expected a column or a value, found {name}")));
                }
                Some(_) => {
                    return Err(self
                        .here(format!("{name} is a keyword"))
                        .help(format!("put the column in double quotes: \"{name}\"")));
                }
                None => self.column(&name, span)?,
            },
            Token::Sign(sign) => {
                return Err(self.here(format!("expected a column or a value, found {sign}")));
            }
            Token::End => return Err(self.here("expected a column or a value")),
        };
        self.step();
        Ok(typed)
    }

    fn column(&mut self, name: &str, span: Range<usize>) -> Result<Typed, Problem> {
        if name == "id" {
            return Ok(Typed {
                operand: Operand::Id,
                class: Class::Text,
                spelling: name.to_owned(),
                span,
            });
        }
        let Some((_, kind)) = self.columns.iter().find(|(column, _)| column == name) else {
            return Err(self.unknown(name, span));
        };
        let class = match kind {
            ColumnKind::Text | ColumnKind::Category => Class::Text,
            ColumnKind::Number | ColumnKind::Integer => Class::Number,
            ColumnKind::Boolean => Class::Bool,
            ColumnKind::Time => Class::Time,
            ColumnKind::List => Class::List,
        };
        let place = self.names.iter().position(|known| known == name).unwrap_or_else(|| {
            self.names.push(name.to_owned());
            self.kinds.push(*kind);
            self.names.len() - 1
        });
        Ok(Typed { operand: Operand::Column(place), class, spelling: name.to_owned(), span })
    }

    fn unknown(&self, name: &str, span: Range<usize>) -> Problem {
        let names = || self.columns.iter().map(|(column, _)| column.as_str()).chain(["id"]);
        let distance = |column: &str| {
            strsim::damerau_levenshtein(&column.to_lowercase(), &name.to_lowercase())
        };
        let closest = names()
            .min_by_key(|column| distance(column))
            .filter(|c| distance(c) <= 1 + name.chars().count() / 4);
        let problem = Problem::new(span, format!("there is no column '{name}'"));
        // "en" = "tr" in double quotes is the commonest slip: a text where SQL wants single quotes.
        if let Some(column) = closest {
            return problem.help(format!("did you mean {column}?"));
        }
        let list: Vec<&str> = names().take(12).collect();
        problem.help(format!("columns: {}; a text stands in 'single quotes'", list.join(", ")))
    }
}

fn one_or(mut parts: Vec<Condition>, many: fn(Vec<Condition>) -> Condition) -> Condition {
    if parts.len() == 1 { parts.swap_remove(0) } else { many(parts) }
}

fn not_if(negated: bool, condition: Condition) -> Condition {
    if negated { Condition::Not(Box::new(condition)) } else { condition }
}
