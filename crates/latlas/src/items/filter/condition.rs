//! What a condition is made of, and which of its parts go together.

use std::ops::Range;

use super::Problem;
use crate::items::parse_time;

/// A checked condition: operands of a comparison are of one class.
#[derive(Debug, Clone)]
pub(super) enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
    Compare(Operand, Relation, Operand),
    In(Operand, Vec<Literal>),
    Null(Operand),
    Like(Operand, Vec<char>),
    Contains(Operand, Literal),
    Truth(Operand),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Operand {
    Id,
    /// The place of a column among those the condition reads.
    Column(usize),
    Literal(Literal),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Literal {
    Text(String),
    Int(i64),
    Float(f64),
    Bool(bool),
    /// Milliseconds since 1970.
    Time(i64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Relation {
    Equal,
    Unequal,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
}

/// What can be compared with what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Text,
    Number,
    Bool,
    Time,
    List,
}

impl Class {
    fn name(self) -> &'static str {
        match self {
            Class::Text => "text",
            Class::Number => "a number",
            Class::Bool => "true or false",
            Class::Time => "a time",
            Class::List => "a list",
        }
    }
}

/// An operand with its class, its spelling and its place.
pub(super) struct Typed {
    pub(super) operand: Operand,
    pub(super) class: Class,
    pub(super) spelling: String,
    pub(super) span: Range<usize>,
}

impl Typed {
    pub(super) fn again(&self) -> Typed {
        Typed {
            operand: self.operand.clone(),
            class: self.class,
            spelling: self.spelling.clone(),
            span: self.span.clone(),
        }
    }

    pub(super) fn problem(&self, message: &str) -> Problem {
        Problem::new(
            self.span.clone(),
            format!("{} is {}: {message}", self.spelling, self.class.name()),
        )
    }
}

/// `value` as something comparable with `class`; a text may stand for a time.
pub(super) fn matched(mut value: Typed, class: Class, with: &str) -> Result<Typed, Problem> {
    if class == Class::Time
        && let Operand::Literal(Literal::Text(text)) = &value.operand
    {
        let Some(time) = parse_time(text) else {
            return Err(value
                .problem(&format!("{with} is a time"))
                .help("write '2020-01-31' or '2020-01-31T12:30:00Z'"));
        };
        value.operand = Operand::Literal(Literal::Time(time));
        value.class = Class::Time;
    }
    if value.class == class {
        return Ok(value);
    }
    let problem = value.problem(&format!("{with} is {}", class.name()));
    Err(match (class, &value.operand) {
        (Class::Text, Operand::Literal(_)) => problem.help(format!("write '{}'", value.spelling)),
        (Class::Number, Operand::Literal(Literal::Text(text))) if text.parse::<f64>().is_ok() => {
            problem.help(format!("write {text} without quotes"))
        }
        _ => problem,
    })
}

pub(super) fn compare(
    left: Typed,
    relation: Relation,
    right: Typed,
    sign: &Range<usize>,
) -> Result<Condition, Problem> {
    let (left, right) = if right.class == Class::Time {
        let spelling = right.spelling.clone();
        (matched(left, Class::Time, &spelling)?, right)
    } else {
        let (class, spelling) = (left.class, left.spelling.clone());
        (left, matched(right, class, &spelling)?)
    };
    if left.class == Class::List {
        return Err(left.problem("it cannot be compared").help("ask with CONTAINS, or IS NULL"));
    }
    if left.class == Class::Bool && !matches!(relation, Relation::Equal | Relation::Unequal) {
        return Err(Problem::new(
            sign.clone(),
            format!("{} is true or false: only = and != compare it", left.spelling),
        ));
    }
    Ok(Condition::Compare(left.operand, relation, right.operand))
}
