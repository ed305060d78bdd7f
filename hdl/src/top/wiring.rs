//! Instances that are wired by name: what is not connected by hand is taken from the nets of the same name.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use crate::prelude::*;

/// Nets that any block may take by name: configuration, time, state.
#[derive(Default)]
pub struct Nets(BTreeMap<String, E>);

impl Nets {
    /// Adds a net.
    ///
    /// # Panics
    /// When there is one of that name.
    pub fn put(&mut self, name: &str, value: E) {
        assert!(self.0.insert(name.to_string(), value).is_none(), "net {name} is there already");
    }

    /// Adds all outputs of `block` that are named in `names`.
    pub fn put_outputs(&mut self, block: &Block, names: &[&str]) {
        for name in names {
            self.put(name, block.get(name));
        }
    }
}

/// An instance, and which of its inputs have been connected.
pub struct Block {
    /// Name of the instance.
    pub name: &'static str,
    inst: Inst,
    ports: Vec<Port>,
    clocked: bool,
    done: RefCell<BTreeSet<String>>,
}

impl Block {
    /// Instantiates `module` as `u_<name>`.
    pub fn new(m: &M, name: &'static str, module: &Module) -> Self {
        let ports = module.ports().into_iter().filter(|p| p.name != "clk" && p.name != "rst").collect();
        Self {
            name,
            inst: m.inst(format!("u_{name}"), module),
            ports,
            clocked: module.is_clocked(),
            done: RefCell::default(),
        }
    }

    /// Whether it has a reset.
    pub fn is_clocked(&self) -> bool {
        self.clocked
    }

    /// Resets it also while `when` is 1.
    pub fn reset_also(&self, when: E) {
        self.inst.reset_also(when);
    }

    /// Connects an input.
    #[track_caller]
    pub fn set(&self, port: &str, value: impl Into<Op>) {
        self.done.borrow_mut().insert(port.to_string());
        self.inst.set(port, value);
    }

    /// An output.
    #[track_caller]
    pub fn get(&self, port: &str) -> E {
        self.inst.get(port)
    }

    /// Whether there is an output of that name.
    pub fn has_output(&self, port: &str) -> bool {
        self.ports.iter().any(|p| p.name == port && p.dir == Dir::Output)
    }

    /// Names of the outputs that begin with `prefix`.
    pub fn outputs(&self, prefix: &str) -> Vec<&str> {
        self.ports
            .iter()
            .filter(|p| p.dir == Dir::Output && p.name.starts_with(prefix))
            .map(|p| p.name.as_str())
            .collect()
    }

    /// Connects every input that has not been connected to the net of its name; a wider net gives its low bits.
    ///
    /// # Panics
    /// When there is no such net.
    pub fn finish(&self, nets: &Nets) {
        for p in self.ports.iter().filter(|p| p.dir == Dir::Input) {
            if self.done.borrow().contains(&p.name) {
                continue;
            }
            let net = nets.0.get(&p.name).unwrap_or_else(|| panic!("{}: nothing drives {}", self.name, p.name));
            self.inst.set(&p.name, if net.width() > p.w { net.slice(0, p.w) } else { *net });
        }
    }

    /// Passes ports of a bus through to the ports of `m`: `inner` is the prefix at the block, `outer` at the module.
    pub fn expose(&self, m: &M, inner: &str, outer: &str) {
        for p in &self.ports {
            let Some(rest) = p.name.strip_prefix(inner) else { continue };
            let name = format!("{outer}{rest}");
            match p.dir {
                Dir::Input => self.set(&p.name, m.input(name, p.w)),
                Dir::Output => m.output(name, p.w).set(self.get(&p.name)),
            }
        }
    }
}

/// Wires stream `out` of one block to stream `into` of another.
pub fn stream(from: &Block, out: &str, to: &Block, into: &str) {
    to.set(&format!("{into}_valid"), from.get(&format!("{out}_valid")));
    to.set(&format!("{into}_data"), from.get(&format!("{out}_data")));
    from.set(&format!("{out}_ready"), to.get(&format!("{into}_ready")));
}

/// Wires event `out` of one block to event `into` of another.
pub fn event(from: &Block, out: &str, to: &Block, into: &str) {
    to.set(&format!("{into}_valid"), from.get(&format!("{out}_valid")));
    to.set(&format!("{into}_data"), from.get(&format!("{out}_data")));
}
