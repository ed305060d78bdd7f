//! The word after an event, in a machine that reads a word of a RAM, changes some of its fields, and writes it back.

use crate::prelude::*;

/// The fields of a word, as wires that hold what they were unless they are set.
pub(crate) struct Next(Vec<(&'static str, Var)>);

impl Next {
    /// Of `word`, whose fields have these names and widths, lowest first.
    pub(crate) fn new(m: &M, fields: &'static [(&'static str, usize)], word: E) -> Self {
        let mut lsb = 0;
        let wire = |(name, w): &(&'static str, usize)| {
            let var = m.wire_or(format!("next_{name}"), *w, word.slice(lsb, *w));
            lsb += w;
            (*name, var)
        };
        Self(fields.iter().map(wire).collect())
    }

    /// Changes a field, under the condition in force.
    ///
    /// # Panics
    /// When there is none of that name.
    pub(crate) fn set(&self, field: &str, value: impl Into<Op>) {
        self.0.iter().find(|f| f.0 == field).unwrap_or_else(|| panic!("no field {field}")).1.set(value);
    }

    /// The whole word.
    pub(crate) fn pack(&self) -> E {
        let parts: Vec<E> = self.0.iter().rev().map(|f| f.1.get()).collect();
        cat(&parts)
    }
}
