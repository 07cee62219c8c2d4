//! An interpreter of a small language: closures, environments and lists that count their owners.

use std::rc::Rc;

use crate::plan::{Outcome, Plan};
use crate::workload::Workload;

/// Tiny shared objects by the million.
pub const ALL: &[Workload] = &[Workload::program(
    "interpreter",
    "sort random lists by closures over linked environments",
    run,
)];

/// A value of the language.
#[derive(Clone)]
enum Value {
    Nil,
    Number(i64),
    Pair(Rc<(Value, Value)>),
    Closure(Rc<(Scope, Rc<Term>)>),
}

/// An expression; variables are numbered from the innermost.
enum Term {
    Lambda(Rc<Self>),
    /// The first variable if it is less than the second, else nil.
    Less(usize, usize),
}

/// Bound values, the innermost first.
type Scope = Option<Rc<Binding>>;

struct Binding {
    value: Value,
    outer: Scope,
}

fn run(plan: &Plan) -> Outcome {
    plan.on_pool(400, |rng| {
        let numbers: Vec<i64> = (0..400).map(|_| i64::from(rng.i32(..))).collect();
        let list =
            numbers.iter().fold(Value::Nil, |tail, number| pair(Value::Number(*number), tail));
        let sorted = sort(&list);
        Outcome { ops: 400, checksum: checksum(&sorted) }
    })
}

fn pair(head: Value, tail: Value) -> Value {
    Value::Pair(Rc::new((head, tail)))
}

/// Quicksort, its comparison an interpreted closure over the pivot.
fn sort(list: &Value) -> Value {
    let Value::Pair(cell) = list else { return Value::Nil };
    let (pivot, rest) = &**cell;
    let scope = Some(Rc::new(Binding { value: pivot.clone(), outer: None }));
    let test = Term::Lambda(Rc::new(Term::Less(0, 1))).eval(&scope);
    let (mut below, mut above) = (Value::Nil, Value::Nil);
    let mut next = rest;
    while let Value::Pair(cell) = next {
        let item = &cell.0;
        let side =
            if matches!(apply(&test, item.clone()), Value::Nil) { &mut above } else { &mut below };
        *side = pair(item.clone(), std::mem::replace(side, Value::Nil));
        next = &cell.1;
    }
    append(&sort(&below), pair(pivot.clone(), sort(&above)))
}

fn append(list: &Value, tail: Value) -> Value {
    let mut items = Vec::new();
    let mut next = list;
    while let Value::Pair(cell) = next {
        items.push(cell.0.clone());
        next = &cell.1;
    }
    items.into_iter().rev().fold(tail, |tail, item| pair(item, tail))
}

fn apply(function: &Value, argument: Value) -> Value {
    let Value::Closure(closure) = function else { return Value::Nil };
    let (scope, body) = &**closure;
    body.eval(&Some(Rc::new(Binding { value: argument, outer: scope.clone() })))
}

impl Term {
    fn eval(&self, scope: &Scope) -> Value {
        match self {
            Self::Lambda(body) => Value::Closure(Rc::new((scope.clone(), Rc::clone(body)))),
            Self::Less(low, high) => match (variable(scope, *low), variable(scope, *high)) {
                (Value::Number(low), Value::Number(high)) if low < high => Value::Number(low),
                _ => Value::Nil,
            },
        }
    }
}

fn variable(scope: &Scope, depth: usize) -> Value {
    let mut binding = scope.as_ref();
    for _ in 0..depth {
        binding = binding.and_then(|binding| binding.outer.as_ref());
    }
    binding.map_or(Value::Nil, |binding| binding.value.clone())
}

/// A sum in which the order counts.
fn checksum(list: &Value) -> u64 {
    let (mut sum, mut next) = (0_u64, list);
    while let Value::Pair(cell) = next {
        if let Value::Number(number) = cell.0 {
            sum = sum.wrapping_mul(31).wrapping_add(number.cast_unsigned());
        }
        next = &cell.1;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::{Value, checksum, pair, sort};

    #[test]
    fn lists_are_sorted() {
        let list = |numbers: [i64; 5]| {
            numbers
                .into_iter()
                .rev()
                .fold(Value::Nil, |tail, number| pair(Value::Number(number), tail))
        };
        assert_eq!(checksum(&sort(&list([3, 1, 2, 5, 4]))), checksum(&list([1, 2, 3, 4, 5])));
    }
}
