//! Of machines that read a word of a RAM, change some of its fields, and write it back: the word after an event, and the stages
//! between reading and deciding.

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

/// The way of an event: in stage 0 it is chosen and its word is read; the next stage decides. Where the machine is `deep` there
/// are two in between: the word goes into registers, and then what follows from it does.
pub(crate) struct Stages<'a> {
    m: &'a M,
    deep: bool,
    /// 1 in each stage after stage 0.
    stages: Vec<Var>,
    /// 1 in the stage that decides: the last.
    pub busy: Var,
}

impl<'a> Stages<'a> {
    pub(crate) fn new(m: &'a M, deep: bool) -> Self {
        let names: &[&str] = if deep { &["fetches", "looks", "busy"] } else { &["busy"] };
        let stages: Vec<Var> = names.iter().map(|name| m.reg(*name, 1, 0)).collect();
        Self { m, deep, busy: stages[stages.len() - 1], stages }
    }

    /// Stages after stage 0.
    pub(crate) fn count(&self) -> usize {
        self.stages.len()
    }

    /// An event is in a stage after stage 0: no other may be chosen.
    pub(crate) fn under_way(&self) -> E {
        any_of(&self.stages.iter().map(|stage| stage.get()).collect::<Vec<_>>())
    }

    /// An event is chosen in this cycle.
    pub(crate) fn begin(&self, go: E) {
        let mut before = go;
        for stage in &self.stages {
            stage.set(before);
            before = stage.get();
        }
        if let [fetches, looks, busy] = self.stages[..] {
            self.m.prove("one_event_at_a_time", !((fetches & looks) | (fetches & busy) | (looks & busy)));
        }
    }

    /// A signal of stage 0 in the stage that decides, 0 when there is no event.
    pub(crate) fn flag(&self, name: &str, taken: E) -> Var {
        let mut before = taken;
        for n in 1..self.stages.len() {
            let q = self.m.reg(format!("{name}_{n}"), 1, 0);
            q.set(before);
            before = q.get();
        }
        let q = self.m.reg(name, 1, 0);
        q.set(before);
        q
    }

    /// Data of stage 0, kept until the event is over.
    pub(crate) fn hold(&self, name: &str, data: E) -> E {
        let q = self.m.reg_nr(name, data.width());
        when(!self.under_way(), || q.set(data));
        q.get()
    }

    /// A word of a RAM that was read in stage 0, in the stage before that which decides; a RAM is slower than a register.
    pub(crate) fn fetched(&self, name: &str, word: E) -> E {
        late(self.m, self.deep, name, word)
    }

    /// A value of that stage in the one that decides.
    pub(crate) fn late(&self, name: &str, value: E) -> E {
        late(self.m, self.deep, name, value)
    }
}

/// A value a register later where `deep`.
pub(crate) fn late(m: &M, deep: bool, name: &str, value: E) -> E {
    if !deep {
        return value;
    }
    let q = m.reg_nr(name, value.width());
    q.set(value);
    q.get()
}
