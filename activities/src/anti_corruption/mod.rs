//! The anti-corruption layer: what other systems send and take, in their words and in ours.
//!
//! Invariant: nothing from outside reaches the domain unless it has the shape that was agreed and
//! every value in it has a meaning here. What has none is refused with the field's name; nothing is
//! ever guessed or replaced by a default.

mod amount;
mod error;
mod translator;
mod value_map;

#[cfg(test)]
mod tests;

pub use amount::{decimal, minor_units};
pub use error::TranslationError;
pub use translator::Translator;
pub use value_map::ValueMap;
