//! Valid payloads, made from their schema.
//!
//! Invariant: the same schema gives the same samples, no two of them are equal, and each is valid.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use super::LanguageError;
use super::schema::{Kind, Schema, Shape};

/// How many numbers are tried for each sample that is asked for.
const TRIES_A_SAMPLE: usize = 64;
/// Longer texts and lists are not made: a schema that asks for them has no samples.
const LONGEST: u64 = 1_000;
/// Values within one sample; a schema whose lists multiply beyond it has no samples.
const MOST_VALUES: usize = 4_000;

pub(super) fn samples(schema: &Schema, count: usize) -> Result<Vec<Value>, LanguageError> {
    let mut seen = HashSet::new();
    let mut found = Vec::with_capacity(count);
    for number in 0..count.saturating_mul(TRIES_A_SAMPLE) {
        if found.len() == count {
            break;
        }
        let mut left = MOST_VALUES;
        let value = schema.shape.sample(number as u64, "value", &mut left);
        if schema.shape.check("", &value).is_ok() && seen.insert(value.to_string()) {
            found.push(value);
        }
    }
    match found.len() == count {
        true => Ok(found),
        false => Err(LanguageError::TooFewSamples { found: found.len(), asked: count }),
    }
}

impl Shape {
    /// The value of this shape with a number.
    fn sample(&self, number: u64, name: &str, left: &mut usize) -> Value {
        if *left == 0 {
            return Value::Null;
        }
        *left -= 1;
        if let Some(only) = &self.only {
            return only[(number % only.len() as u64) as usize].clone();
        }
        let kinds: Vec<Kind> = match &self.kinds {
            Some(kinds) => kinds.iter().copied().collect(),
            None => vec![Kind::String],
        };
        match kinds[(number % kinds.len() as u64) as usize] {
            Kind::Null => Value::Null,
            Kind::Boolean => json!(number % 2 == 1),
            Kind::Integer => json!(self.whole(number)),
            Kind::Number => {
                let half = json!(self.whole(number) as f64 + 0.5);
                if self.check("", &half).is_ok() { half } else { json!(self.whole(number)) }
            }
            Kind::String => Value::String(self.text(number, name)),
            Kind::Array => {
                let least =
                    self.count.least.unwrap_or(1).max(u64::from(self.count.most != Some(0)));
                let Some(items) = &self.items else {
                    return (0..least.min(LONGEST)).map(|_| Value::Null).collect();
                };
                let mut list = Vec::new();
                for index in 0..least.min(LONGEST) {
                    if *left == 0 {
                        break;
                    }
                    list.push(items.sample(number.wrapping_add(index), name, left));
                }
                Value::Array(list)
            }
            Kind::Object => Value::Object(self.fields(number, left)),
        }
    }

    /// Optional fields come and go with the number's bits.
    fn fields(&self, number: u64, left: &mut usize) -> Map<String, Value> {
        let mut fields = Map::new();
        let mut optional = 0;
        for (name, shape) in &self.properties {
            if !self.required.contains(name) {
                optional += 1;
                if number >> (optional % 64) & 1 == 1 {
                    continue;
                }
            }
            fields.insert(name.clone(), shape.sample(number, name, left));
        }
        for name in self.required.iter().filter(|name| !self.properties.contains_key(*name)) {
            fields.insert(name.clone(), json!(format!("{name}-{number}")));
        }
        fields
    }

    fn whole(&self, number: u64) -> i64 {
        let number = i64::try_from(number).unwrap_or(i64::MAX);
        match (self.number.least, self.number.most) {
            (Some(least), Some(most)) => {
                let (least, most) = (least.ceil() as i64, most.floor() as i64);
                let width = most.saturating_sub(least).saturating_add(1).max(1);
                least.saturating_add(number % width)
            }
            (Some(least), None) => (least.ceil() as i64).saturating_add(number),
            (None, Some(most)) => (most.floor() as i64).saturating_sub(number),
            (None, None) => number,
        }
    }

    fn text(&self, number: u64, name: &str) -> String {
        let mut text = format!("{name}-{number}");
        if let Some(most) = self.length.most.filter(|most| (text.chars().count() as u64) > *most) {
            // The end of it is the number, which is what makes it another text.
            let beyond = text.chars().count() - usize::try_from(most).unwrap_or(usize::MAX);
            text = text.chars().skip(beyond).collect();
        }
        let least = self.length.least.unwrap_or(0).min(LONGEST) as usize;
        let missing = least.saturating_sub(text.chars().count());
        "-".repeat(missing) + &text
    }
}
