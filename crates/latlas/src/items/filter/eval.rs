//! Evaluates a checked condition over all items at once, in three-valued logic.

use std::cmp::Ordering;
use std::collections::HashSet;

use arrow_array::types::TimestampMillisecondType;
use arrow_array::{
    Array, ArrayRef, BooleanArray, Float64Array, Int64Array, ListArray, PrimitiveArray, StringArray,
};

use super::condition::{Condition, Literal, Operand, Relation};
use crate::error::{Error, Result};
use crate::items::{ColumnKind, Items};

/// True, false, or unknown.
type Truth = Option<bool>;

/// Where the values of an operand are.
enum Values<'a> {
    Text(&'a StringArray),
    Int(&'a Int64Array),
    Float(&'a Float64Array),
    Bool(&'a BooleanArray),
    Time(&'a PrimitiveArray<TimestampMillisecondType>),
    List(&'a ListArray),
    Same(&'a Literal),
}

/// One value.
#[derive(Clone, Copy)]
enum Value<'a> {
    Text(&'a str),
    Int(i64),
    Float(f64),
    Bool(bool),
    Time(i64),
}

pub(super) fn mask(
    condition: &Condition,
    names: &[String],
    kinds: &[ColumnKind],
    items: &Items,
) -> Result<Vec<bool>> {
    let columns = names
        .iter()
        .zip(kinds)
        .map(|(name, kind)| {
            let column = items.column(name).ok_or_else(|| {
                Error::data(format!("the filter reads column '{name}', which these items lack"))
            })?;
            values(&column.values, *kind).ok_or_else(|| {
                Error::data(format!("column '{name}' is stored as {}", column.values.data_type()))
            })
        })
        .collect::<Result<Vec<_>>>()?;
    let table = Table { ids: items.ids(), columns, rows: items.len() };
    Ok(table.truth(condition).into_iter().map(|truth| truth == Some(true)).collect())
}

fn values(array: &ArrayRef, kind: ColumnKind) -> Option<Values<'_>> {
    let array = array.as_any();
    match kind {
        ColumnKind::Text | ColumnKind::Category => array.downcast_ref().map(Values::Text),
        ColumnKind::Number => array.downcast_ref().map(Values::Float),
        ColumnKind::Integer => array.downcast_ref().map(Values::Int),
        ColumnKind::Boolean => array.downcast_ref().map(Values::Bool),
        ColumnKind::Time => array.downcast_ref().map(Values::Time),
        ColumnKind::List => array.downcast_ref().map(Values::List),
    }
}

struct Table<'a> {
    ids: &'a StringArray,
    columns: Vec<Values<'a>>,
    rows: usize,
}

impl Table<'_> {
    fn truth(&self, condition: &Condition) -> Vec<Truth> {
        match condition {
            Condition::All(parts) => self.fold(parts, false),
            Condition::Any(parts) => self.fold(parts, true),
            Condition::Not(part) => {
                self.truth(part).into_iter().map(|truth| truth.map(|t| !t)).collect()
            }
            Condition::Compare(a, relation, b) => {
                let (a, b) = (self.values(a), self.values(b));
                self.each(|row| {
                    let order = order(a.at(row)?, b.at(row)?)?;
                    Some(holds(*relation, order))
                })
            }
            Condition::In(operand, literals) => {
                let (values, set) = (self.values(operand), Set::new(literals));
                self.each(|row| Some(set.has(values.at(row)?)))
            }
            Condition::Null(operand) => {
                let values = self.values(operand);
                self.each(|row| Some(values.is_null(row)))
            }
            Condition::Like(operand, pattern) => {
                let values = self.values(operand);
                self.each(|row| match values.at(row)? {
                    Value::Text(text) => Some(like(text, pattern)),
                    _ => None,
                })
            }
            Condition::Contains(operand, part) => {
                let values = self.values(operand);
                self.each(|row| values.contains(row, part))
            }
            Condition::Truth(operand) => {
                let values = self.values(operand);
                self.each(|row| match values.at(row)? {
                    Value::Bool(truth) => Some(truth),
                    _ => None,
                })
            }
        }
    }

    /// OR where `decisive` is true, AND where it is false: one decisive part decides, else one unknown part makes
    /// the whole unknown.
    fn fold(&self, parts: &[Condition], decisive: bool) -> Vec<Truth> {
        let mut whole = vec![Some(!decisive); self.rows];
        for part in parts {
            for (so_far, truth) in whole.iter_mut().zip(self.truth(part)) {
                if *so_far != Some(decisive) && truth != Some(!decisive) {
                    *so_far = truth;
                }
            }
        }
        whole
    }

    fn each(&self, test: impl Fn(usize) -> Truth) -> Vec<Truth> {
        (0..self.rows).map(test).collect()
    }

    fn values<'b>(&'b self, operand: &'b Operand) -> Values<'b> {
        match operand {
            Operand::Id => Values::Text(self.ids),
            Operand::Literal(literal) => Values::Same(literal),
            Operand::Column(place) => match self.columns[*place] {
                Values::Text(a) => Values::Text(a),
                Values::Int(a) => Values::Int(a),
                Values::Float(a) => Values::Float(a),
                Values::Bool(a) => Values::Bool(a),
                Values::Time(a) => Values::Time(a),
                Values::List(a) => Values::List(a),
                Values::Same(a) => Values::Same(a),
            },
        }
    }
}

impl Values<'_> {
    fn is_null(&self, row: usize) -> bool {
        match self {
            Values::Text(a) => a.is_null(row),
            Values::Int(a) => a.is_null(row),
            Values::Float(a) => a.is_null(row),
            Values::Bool(a) => a.is_null(row),
            Values::Time(a) => a.is_null(row),
            Values::List(a) => a.is_null(row),
            Values::Same(_) => false,
        }
    }

    fn at(&self, row: usize) -> Option<Value<'_>> {
        if self.is_null(row) {
            return None;
        }
        Some(match self {
            Values::Text(a) => Value::Text(a.value(row)),
            Values::Int(a) => Value::Int(a.value(row)),
            Values::Float(a) => Value::Float(a.value(row)),
            Values::Bool(a) => Value::Bool(a.value(row)),
            Values::Time(a) => Value::Time(a.value(row)),
            Values::List(_) => return None,
            Values::Same(literal) => literal.value(),
        })
    }

    fn contains(&self, row: usize, part: &Literal) -> Truth {
        if self.is_null(row) {
            return None;
        }
        match (self, part) {
            (Values::Text(a), Literal::Text(part)) => Some(a.value(row).contains(part.as_str())),
            (Values::Same(Literal::Text(text)), Literal::Text(part)) => {
                Some(text.contains(part.as_str()))
            }
            (Values::List(a), part) => {
                let members = a.value(row);
                let kind = match members.data_type() {
                    arrow_schema::DataType::Utf8 => ColumnKind::Text,
                    arrow_schema::DataType::Int64 => ColumnKind::Integer,
                    arrow_schema::DataType::Float64 => ColumnKind::Number,
                    arrow_schema::DataType::Boolean => ColumnKind::Boolean,
                    _ => return Some(false),
                };
                let values = values(&members, kind)?;
                Some((0..members.len()).any(|i| {
                    values
                        .at(i)
                        .is_some_and(|value| order(value, part.value()) == Some(Ordering::Equal))
                }))
            }
            _ => None,
        }
    }
}

impl Literal {
    fn value(&self) -> Value<'_> {
        match self {
            Literal::Text(text) => Value::Text(text),
            Literal::Int(n) => Value::Int(*n),
            Literal::Float(n) => Value::Float(*n),
            Literal::Bool(b) => Value::Bool(*b),
            Literal::Time(t) => Value::Time(*t),
        }
    }
}

fn holds(relation: Relation, order: Ordering) -> bool {
    match relation {
        Relation::Equal => order.is_eq(),
        Relation::Unequal => order.is_ne(),
        Relation::Less => order.is_lt(),
        Relation::LessEqual => order.is_le(),
        Relation::Greater => order.is_gt(),
        Relation::GreaterEqual => order.is_ge(),
    }
}

/// `None` for a NaN, which is as unknown as a missing number, and across classes.
fn order(a: Value<'_>, b: Value<'_>) -> Option<Ordering> {
    match (a, b) {
        (Value::Text(a), Value::Text(b)) => Some(a.cmp(b)),
        (Value::Int(a), Value::Int(b)) | (Value::Time(a), Value::Time(b)) => Some(a.cmp(&b)),
        (Value::Float(a), Value::Float(b)) => a.partial_cmp(&b),
        (Value::Int(a), Value::Float(b)) => int_to_float(a, b),
        (Value::Float(a), Value::Int(b)) => int_to_float(b, a).map(Ordering::reverse),
        (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(&b)),
        _ => None,
    }
}

/// Compares exactly, where turning the integer into a float would round it.
fn int_to_float(a: i64, b: f64) -> Option<Ordering> {
    const TWO_63: f64 = 9_223_372_036_854_775_808.0;
    if b.is_nan() {
        None
    } else if b >= TWO_63 {
        Some(Ordering::Less)
    } else if b < -TWO_63 {
        Some(Ordering::Greater)
    } else {
        let whole = b.trunc();
        Some(a.cmp(&(whole as i64)).then(0.0f64.partial_cmp(&(b - whole))?))
    }
}

/// What IN asks for, ready for many questions.
enum Set<'a> {
    Texts(HashSet<&'a str>),
    Others(Vec<Value<'a>>),
}

impl<'a> Set<'a> {
    fn new(literals: &'a [Literal]) -> Self {
        if let Some(Literal::Text(_)) = literals.first() {
            Set::Texts(
                literals
                    .iter()
                    .filter_map(|l| if let Literal::Text(t) = l { Some(t.as_str()) } else { None })
                    .collect(),
            )
        } else {
            let mut values: Vec<Value<'a>> = literals.iter().map(Literal::value).collect();
            values.sort_by(|a, b| order(*a, *b).unwrap_or(Ordering::Equal));
            Set::Others(values)
        }
    }

    fn has(&self, value: Value<'_>) -> bool {
        match (self, value) {
            (Set::Texts(texts), Value::Text(text)) => texts.contains(text),
            (Set::Others(values), value) => {
                // A NaN orders with nothing; saying Less walks the search off the end.
                values
                    .binary_search_by(|member| order(*member, value).unwrap_or(Ordering::Less))
                    .is_ok()
            }
            _ => false,
        }
    }
}

/// SQL's LIKE: `%` any run of letters, `_` any one. After a `%` the shortest run is tried first and the last `%` is
/// the only one ever gone back to, so time is at most letters × pattern.
fn like(text: &str, pattern: &[char]) -> bool {
    let (mut rest, mut at) = (text.chars(), 0);
    let mut back: Option<(std::str::Chars<'_>, usize)> = None;
    loop {
        if pattern.get(at) == Some(&'%') {
            at += 1;
            back = Some((rest.clone(), at));
            continue;
        }
        match (rest.next(), pattern.get(at)) {
            (None, None) => return true,
            (Some(letter), Some(&wanted)) if wanted == '_' || wanted == letter => {
                at += 1;
                continue;
            }
            (None, Some(_)) => return false,
            _ => {}
        }
        let Some((mut from, place)) = back.take() else { return false };
        if from.next().is_none() {
            return false;
        }
        (rest, at) = (from.clone(), place);
        back = Some((from, place));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn like_matches_as_sql_does() {
        let like = |text, pattern: &str| like(text, &pattern.chars().collect::<Vec<_>>());
        for (text, pattern) in [
            ("", ""),
            ("", "%"),
            ("abc", "a%"),
            ("abc", "%c"),
            ("abc", "a_c"),
            ("abab", "%ab"),
            ("şeker", "_eker"),
            ("aXbXc", "a%b%c"),
        ] {
            assert!(like(text, pattern), "{text} {pattern}");
        }
        for (text, pattern) in
            [("a", ""), ("", "_"), ("abc", "a%b"), ("abc", "abcd"), ("abc", "ABC"), ("ab", "a%b%c")]
        {
            assert!(!like(text, pattern), "{text} {pattern}");
        }
    }

    #[test]
    fn integers_and_floats_compare_exactly() {
        assert_eq!(
            int_to_float(9_007_199_254_740_993, 9_007_199_254_740_992.0),
            Some(Ordering::Greater)
        );
        assert_eq!(int_to_float(i64::MAX, 9.3e18), Some(Ordering::Less));
        assert_eq!(int_to_float(-3, -2.5), Some(Ordering::Less));
        assert_eq!(int_to_float(-2, -2.5), Some(Ordering::Greater));
        assert_eq!(int_to_float(2, 2.5), Some(Ordering::Less));
    }
}
