//! The printer: a module and its children as Verilog-2005, right by construction.
//!
//! - Every operation stands in parentheses, every literal has a size, operands have the width of their operator, zero
//!   extension is a concatenation, slices are taken of names only. So no rule of precedence or of expression width
//!   decides what the text means.
//! - Flip-flops are printed with their next state under the conditions (`q <= ...`), without a next-state signal:
//!   simulators run that several times faster. Combinational logic is split by signal: there are no false loops.
//! - Expressions that are used more than once get a name. Bits that nothing reads go to a sink (`_unused_ok`), so that
//!   lint tools need no waivers.
//! - The text depends on the module alone: the same module gives the same text.

mod expr;
mod module;
mod plan;
mod stmt;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;

use crate::ir::Module;

/// Two different modules have one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameClash {
    /// The name.
    pub name: String,
    /// Where each of the two is instantiated first: names of instances from the top, joined by dots.
    pub paths: [String; 2],
}

impl fmt::Display for NameClash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let NameClash { name, paths: [a, b] } = self;
        write!(f, "two different modules are named {name}: {a} and {b}")
    }
}

impl std::error::Error for NameClash {}

/// The text of `top` and all modules below it, children first, each once.
///
/// # Panics
/// When two different modules have one name; [`try_print`] returns that as an error.
#[track_caller]
pub fn print(top: &Module) -> String {
    match try_print(top) {
        Ok(text) => text,
        Err(e) => panic!("{e}"),
    }
}

/// The text of `top` and all modules below it, children first, each once. Modules of one name must have one text.
pub fn try_print(top: &Module) -> Result<String, NameClash> {
    let mut p = Printer::default();
    p.add(top, top.name().to_string())?;
    Ok(p.texts.join("\n"))
}

#[derive(Default)]
struct Printer {
    texts: Vec<String>,
    /// By name: index into `texts`, and where it was found.
    by_name: HashMap<String, (usize, String)>,
    /// Modules already printed, by identity. They are kept, so that no address is used twice.
    done: HashMap<usize, Module>,
}

impl Printer {
    fn add(&mut self, m: &Module, path: String) -> Result<(), NameClash> {
        let id = std::ptr::from_ref(m.data()) as usize;
        if self.done.contains_key(&id) {
            return Ok(());
        }
        for inst in &m.data().insts {
            self.add(&inst.child, format!("{path}.{}", inst.name))?;
        }
        self.done.insert(id, m.clone());
        let text = module::text(m.data());
        match self.by_name.get(m.name()) {
            Some((i, _)) if self.texts[*i] == text => Ok(()),
            Some((_, first)) => Err(NameClash { name: m.name().to_string(), paths: [first.clone(), path] }),
            None => {
                self.by_name.insert(m.name().to_string(), (self.texts.len(), path));
                self.texts.push(text);
                Ok(())
            }
        }
    }
}
