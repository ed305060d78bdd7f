//! The signals that a kernel can name, declared in the module under construction.

use std::collections::{BTreeSet, HashMap, HashSet};

use rust_hdl::core::atom::AtomKind;
use rust_hdl::core::type_descriptor::{TypeDescriptor, TypeKind};

use super::circuit::{Child, Part};
use super::error::{FrontError, Reason, Stop};
use super::names;
use super::probe::{Role, Scope, Wire};
use super::value::literal_bits;
use crate::ir::{E, M, Var, clog2, lit_big};

/// Index of a signal.
pub(super) type NetId = usize;

/// A signal.
pub(super) struct Net {
    pub path: String,
    pub w: usize,
    pub role: Role,
    /// Its value; absent where kernels can't read it.
    pub read: Option<E>,
    /// What the kernel assigns; absent where it must not.
    pub write: Option<Var>,
    /// `val()` is what was assigned last, not what is there at rest.
    pub immediate: bool,
    /// For the next state of a flip-flop: its state. Assigning that first means that it holds.
    pub state: Option<NetId>,
    /// For a clock or reset: it is the module's.
    pub connected: bool,
}

impl Net {
    /// The name as Rust has it.
    pub fn name(&self) -> String {
        self.path.replace('$', ".")
    }
}

/// All signals of a block.
#[derive(Default)]
pub(super) struct Nets {
    list: Vec<Net>,
    by_path: HashMap<String, NetId>,
    /// Enum values by `Type$Value`: value and width, or nothing when two types disagree.
    enums: HashMap<String, Option<(u64, usize)>>,
}

impl std::ops::Index<NetId> for Nets {
    type Output = Net;

    fn index(&self, id: NetId) -> &Net {
        &self.list[id]
    }
}

impl Nets {
    pub fn find(&self, path: &str) -> Option<NetId> {
        self.by_path.get(path).copied()
    }

    pub fn iter(&self) -> impl Iterator<Item = (NetId, &Net)> {
        self.list.iter().enumerate()
    }

    pub fn connect(&mut self, id: NetId) {
        self.list[id].connected = true;
    }

    /// The enum value that a path names; modules before the type's name are dropped.
    pub fn enum_value(&self, path: &str) -> Option<(u64, usize)> {
        let parts: Vec<&str> = path.rsplitn(3, '$').collect();
        let [value, of, ..] = parts[..] else { return None };
        *self.enums.get(&format!("{of}${value}"))?
    }

    fn add(&mut self, path: String, w: usize, role: Role) -> &mut Net {
        let id = self.list.len();
        self.by_path.insert(path.clone(), id);
        self.list.push(Net { path, w, role, read: None, write: None, immediate: false, state: None, connected: false });
        &mut self.list[id]
    }

    fn add_enums(&mut self, ty: &TypeDescriptor) {
        match &ty.kind {
            TypeKind::Enum(labels) => {
                let w = clog2(labels.len());
                for (i, label) in labels.iter().enumerate() {
                    let value = (i as u64, w);
                    let entry = self.enums.entry(label.replace("::", "$")).or_insert(Some(value));
                    if *entry != Some(value) {
                        *entry = None;
                    }
                }
            }
            TypeKind::Composite(fields) => fields.iter().for_each(|f| self.add_enums(&f.kind)),
            TypeKind::Bits(_) | TypeKind::Signed(_) => {}
        }
    }

    /// Declares the signals of `scope` and its children. Flip-flops whose path is in `wired` get a signal for their next
    /// state.
    pub fn declare(m: &M, scope: &Scope, children: &[Child], wired: &BTreeSet<String>) -> Result<Nets, Stop> {
        let mut nets = Nets::default();
        let mut taken: HashSet<String> = ["clk", "rst"].map(String::from).into();
        for wire in &scope.wires {
            if wire.role == Role::Data && matches!(wire.kind, AtomKind::InputParameter | AtomKind::OutputParameter) {
                let name = names::exact(&wire.path).map_err(|r| declared(wire, r))?;
                if !taken.insert(name.clone()) {
                    return Err(declared(wire, Reason::NameClash(name)));
                }
            }
        }
        // Ports first: their names are exact.
        let ports = |w: &&Wire| matches!(w.kind, AtomKind::InputParameter | AtomKind::OutputParameter);
        for wire in scope.wires.iter().filter(ports).chain(scope.wires.iter().filter(|w| !ports(w))) {
            nets.own(m, wire).map_err(|r| declared(wire, r))?;
        }
        for (child, below) in children.iter().zip(&scope.children) {
            nets.child(m, child, below, wired)?;
        }
        for wire in scope.wires.iter().chain(scope.children.iter().flat_map(|c| &c.wires)) {
            nets.add_enums(&wire.ty);
        }
        Ok(nets)
    }

    fn own(&mut self, m: &M, wire: &Wire) -> Result<(), Reason> {
        let net = self.add(wire.path.clone(), wire.w, wire.role);
        if wire.role != Role::Data {
            net.connected = wire.kind == AtomKind::InputParameter;
            return match wire.kind {
                AtomKind::Constant => Err(Reason::ClockOrReset("a constant clock or reset")),
                _ => Ok(()),
            };
        }
        match wire.kind {
            AtomKind::InputParameter => net.read = Some(m.input(names::exact(&wire.path)?, wire.w)),
            AtomKind::OutputParameter | AtomKind::LocalSignal => {
                let var = match wire.kind {
                    AtomKind::OutputParameter => m.output(names::exact(&wire.path)?, wire.w),
                    _ => m.wire(names::flat(&wire.path)?, wire.w),
                };
                net.write = Some(var);
                net.read = Some(var.get());
                net.immediate = true;
            }
            AtomKind::Constant => net.read = Some(lit_big(literal_bits(&wire.value, wire.w)?, wire.w)),
            _ => return Err(Reason::Unsupported("this kind of signal")),
        }
        Ok(())
    }

    fn child(&mut self, m: &M, child: &Child, scope: &Scope, wired: &BTreeSet<String>) -> Result<(), Stop> {
        let inst = &scope.path;
        let name = names::flat(inst)?;
        // Clocks and resets: inputs are to be connected, outputs are the child's own, which are this module's.
        for wire in scope.wires.iter().filter(|w| w.role != Role::Data) {
            if matches!(wire.kind, AtomKind::InputParameter | AtomKind::OutputParameter) {
                let net = self.add(format!("{inst}${}", wire.path), 1, wire.role);
                net.connected = wire.kind == AtomKind::OutputParameter;
            }
        }
        match &child.part {
            Part::Dff { w, init, reset } => {
                let q = if *reset { m.reg_wide(&name, *w, init) } else { m.reg_nr_init(&name, *w, init) };
                let state = self.list.len();
                self.add(format!("{inst}$q"), *w, Role::Data).read = Some(q.get());
                let d = self.add(format!("{inst}$d"), *w, Role::Data);
                if wired.contains(&d.path) {
                    let next = m.wire(format!("{name}_d"), *w);
                    q.set(next);
                    (d.read, d.write) = (Some(next.get()), Some(next));
                } else {
                    (d.write, d.state) = (Some(q), Some(state));
                }
            }
            Part::Ram { w, addr_w } => {
                let mut input = |port: &str, w: usize| {
                    let var = m.wire(format!("{name}_{port}"), w);
                    let net = self.add(format!("{inst}${port}"), w, Role::Data);
                    (net.read, net.write) = (Some(var.get()), Some(var));
                    var
                };
                let ram = m.ram(&name, 1 << addr_w, *w);
                ram.write(input("write_enable", 1), input("write_address", *addr_w), input("write_data", *w));
                let data = ram.read(input("read_address", *addr_w));
                self.add(format!("{inst}$read_data"), *w, Role::Data).read = Some(data);
            }
            Part::Module(module) => {
                let made = m.inst(&name, module);
                for wire in scope.wires.iter().filter(|w| w.role == Role::Data) {
                    let port = names::exact(&wire.path)?;
                    let path = format!("{inst}${}", wire.path);
                    match wire.kind {
                        AtomKind::InputParameter => {
                            let var = m.wire(format!("{name}_{port}"), wire.w);
                            made.set(&port, var);
                            let net = self.add(path, wire.w, Role::Data);
                            (net.read, net.write) = (Some(var.get()), Some(var));
                        }
                        AtomKind::OutputParameter => {
                            self.add(path, wire.w, Role::Data).read = Some(made.get(&port));
                        }
                        _ => {}
                    }
                }
            }
        }
        Ok(())
    }
}

/// A fault in a signal's declaration.
fn declared(wire: &Wire, reason: Reason) -> Stop {
    FrontError { block: String::new(), signal: wire.path.replace('$', "."), reason }.into()
}
