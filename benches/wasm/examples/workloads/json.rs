//! A text of nested lists and objects, read into a tree and written again.

use alloc::{collections::BTreeMap, string::String, vec::Vec};

use crate::random::Random;

enum Value {
    Number(u32),
    Text(String),
    List(Vec<Value>),
    Object(BTreeMap<String, Value>),
}

impl Value {
    /// Returns a tree of at most this depth.
    fn random(random: &mut Random, depth: usize) -> Self {
        match random.below(if depth == 0 { 2 } else { 6 }) {
            0 => Self::Number(random.below(1_000_000) as u32),
            1 => Self::Text(word(random, 40)),
            2 | 3 => Self::List((0..random.below(12)).map(|_| Self::random(random, depth - 1)).collect()),
            _ => {
                let fields = 1 + random.below(9);
                let field = |_| (word(random, 12), Self::random(random, depth - 1));
                Self::Object((0..fields).map(field).collect())
            }
        }
    }

    fn write(&self, text: &mut String) {
        match self {
            Self::Number(number) => write_number(*number, text),
            Self::Text(word) => write_text(word, text),
            Self::List(values) => {
                text.push('[');
                for value in values {
                    value.write(text);
                    text.push(',');
                }
                text.push(']');
            }
            Self::Object(fields) => {
                text.push('{');
                for (name, value) in fields {
                    write_text(name, text);
                    value.write(text);
                    text.push(',');
                }
                text.push('}');
            }
        }
    }
}

fn word(random: &mut Random, most: usize) -> String {
    (0..1 + random.below(most)).map(|_| char::from(b'a' + random.below(26) as u8)).collect()
}

fn write_text(word: &str, text: &mut String) {
    text.push('"');
    text.push_str(word);
    text.push('"');
}

fn write_number(number: u32, text: &mut String) {
    if number >= 10 {
        write_number(number / 10, text);
    }
    text.push(char::from(b'0' + (number % 10) as u8));
}

/// Reads a value from the front of what [`Value::write`] wrote, and what is behind it.
fn read(text: &[u8]) -> (Value, &[u8]) {
    match text[0] {
        b'"' => {
            let (word, rest) = read_text(text);
            (Value::Text(word), rest)
        }
        b'[' => read_list(&text[1..]),
        b'{' => read_object(&text[1..]),
        _ => read_number(text),
    }
}

fn read_text(text: &[u8]) -> (String, &[u8]) {
    let mut word = String::new();
    let mut at = 1;
    while text[at] != b'"' {
        word.push(char::from(text[at]));
        at += 1;
    }
    (word, &text[at + 1..])
}

fn read_number(text: &[u8]) -> (Value, &[u8]) {
    let (mut number, mut at) = (0, 0);
    while text[at].is_ascii_digit() {
        number = number * 10 + u32::from(text[at] - b'0');
        at += 1;
    }
    (Value::Number(number), &text[at..])
}

fn read_list(mut text: &[u8]) -> (Value, &[u8]) {
    let mut values = Vec::new();
    while text[0] != b']' {
        let (value, rest) = read(text);
        values.push(value);
        text = &rest[1..];
    }
    (Value::List(values), &text[1..])
}

fn read_object(mut text: &[u8]) -> (Value, &[u8]) {
    let mut fields = BTreeMap::new();
    while text[0] != b'}' {
        let (name, rest) = read_text(text);
        let (value, rest) = read(rest);
        fields.insert(name, value);
        text = &rest[1..];
    }
    (Value::Object(fields), &text[1..])
}

/// Reads a text of a megabyte into a tree, and writes it, four times.
#[unsafe(no_mangle)]
pub extern "C" fn json() -> u32 {
    let mut random = Random::new(3);
    let mut text = String::new();
    Value::List((0..60).map(|_| Value::random(&mut random, 4)).collect()).write(&mut text);
    let mut sum = 0;
    for _ in 0..4 {
        let (tree, _) = read(text.as_bytes());
        let mut again = String::new();
        tree.write(&mut again);
        assert!(again == text, "what was read is what was written");
        sum += again.len() as u32;
    }
    sum
}
