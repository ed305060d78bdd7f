//! Blocks become modules: children first, flip-flops and memories as parts of their parent.

use std::collections::{BTreeMap, BTreeSet};

use rust_hdl::core::ast::Verilog;
use rust_hdl::core::atom::AtomKind;

use super::error::{FrontError, Reason, Stop};
use super::names;
use super::nets::Nets;
use super::probe::{Role, Scope};
use super::stmt::Kernel;
use super::value::literal_bits;
use super::widgets::RESET_DFF;
use crate::ir::{Bits, Module, try_module};
use crate::verilog;

/// What a block below another one becomes.
pub(super) enum Part {
    /// A register of the parent.
    Dff { w: usize, init: Bits, reset: bool },
    /// A memory of the parent, with a write and a read port.
    Ram { w: usize, addr_w: usize },
    /// An instance.
    Module(Module),
}

/// A block below another one.
pub(super) struct Child {
    pub part: Part,
}

/// Imports the top and all below it.
pub(super) fn import(name: &str, top: &Scope) -> Result<Module, FrontError> {
    let fault = |reason| FrontError { block: name.to_string(), signal: String::new(), reason };
    names::exact(name).map_err(fault)?;
    for (role, what) in [(Role::Clock, "clock"), (Role::Reset, "reset")] {
        let inputs = top.wires.iter().filter(|w| w.role == role && w.kind == AtomKind::InputParameter);
        if inputs.count() > 1 {
            return Err(fault(Reason::Several(what)));
        }
    }
    Library::default().module(name, name, top)
}

/// The modules made so far, by name, with their text. Equal blocks share a module.
#[derive(Default)]
struct Library(BTreeMap<String, (Module, String)>);

impl Library {
    /// The module of the block `scope`, which lies at `path`.
    fn module(&mut self, name: &str, path: &str, scope: &Scope) -> Result<Module, FrontError> {
        let locate = |stop: Stop| match stop {
            Stop::Reason(reason) => FrontError { block: path.to_string(), signal: String::new(), reason },
            Stop::Error(e) => FrontError { block: path.to_string(), ..e },
            Stop::NextState(signal) => {
                FrontError { block: path.to_string(), signal, reason: Reason::Direction("can't be read") }
            }
        };
        let mut children = Vec::new();
        for below in &scope.children {
            let below_path = format!("{path}.{}", below.path.replace('$', "."));
            children.push(Child { part: self.part(name, &below_path, below)? });
        }
        let mut wired = BTreeSet::new();
        loop {
            match try_module(name, |m| build(m, scope, &children, &wired)) {
                Ok(module) => return Ok(module),
                Err(Stop::NextState(d)) if wired.insert(d.clone()) => {}
                Err(stop) => return Err(locate(stop)),
            }
        }
    }

    fn part(&mut self, parent: &str, path: &str, scope: &Scope) -> Result<Part, FrontError> {
        let fault = |reason| FrontError { block: path.to_string(), signal: String::new(), reason };
        if let Some(part) = dff(scope).or_else(|| ram(scope)) {
            return part.map_err(fault);
        }
        let by_place = format!("{parent}_{}", names::flat(&scope.path).map_err(fault)?);
        let name = match &scope.type_name {
            Some(of) => names::exact(&names::snake(of)).map_err(fault)?,
            None => by_place.clone(),
        };
        let mut module = self.module(&name, path, scope)?;
        let text = verilog::try_print(&module).map_err(|e| fault(Reason::Module(e.to_string())))?;
        match self.0.get(&name) {
            Some((known, same)) if *same == text => module = known.clone(),
            Some(_) if name != by_place => module = self.module(&by_place, path, scope)?,
            Some(_) => return Err(fault(Reason::NameClash(name))),
            None => {
                self.0.insert(name, (module.clone(), text));
            }
        }
        Ok(Part::Module(module))
    }
}

fn build(m: &crate::ir::M, scope: &Scope, children: &[Child], wired: &BTreeSet<String>) -> Result<(), Stop> {
    m.doc(match &scope.type_name {
        Some(of) => format!("From the rust-hdl kernel {}.", names::short(of)),
        None => "From a rust-hdl kernel.".to_string(),
    });
    let nets = Nets::declare(m, scope, children, wired)?;
    let mut kernel = Kernel::new(nets);
    match &scope.code {
        Verilog::Combinatorial(block) => kernel.block(block)?,
        Verilog::Empty if scope.wires.iter().all(|w| w.kind != AtomKind::OutputParameter) => {}
        Verilog::Empty => return Err(Reason::Unsupported("a block without a kernel").into()),
        Verilog::Custom(_) => return Err(Reason::Unsupported("hand-written Verilog").into()),
        Verilog::Blackbox(_) => return Err(Reason::Unsupported("a black box").into()),
        Verilog::Wrapper(_) => return Err(Reason::Unsupported("a wrapper").into()),
    }
    kernel.finish()
}

/// Hand-written Verilog with one blank between words.
fn squeezed(code: &Verilog) -> Option<String> {
    match code {
        Verilog::Custom(text) => Some(text.split_ascii_whitespace().collect::<Vec<_>>().join(" ")),
        _ => None,
    }
}

/// The flip-flops of rust-hdl, and ours.
fn dff(scope: &Scope) -> Option<Result<Part, Reason>> {
    let text = squeezed(&scope.code)?;
    let [timing] = &scope.timing[..] else { return None };
    let known = match timing.name.as_str() {
        "dff" => text.ends_with("end always @(posedge clock) begin q <= d; end"),
        "edge_ff" => text.ends_with("end always @(posedge clk) q <= d;"),
        RESET_DFF => text.ends_with("always @(posedge clock) q <= rst ? init : d;"),
        _ => false,
    };
    let (d, q) = (scope.wire("d")?, scope.wire("q")?);
    if !known || d.w != q.w || scope.wire(&timing.clock)?.role != Role::Clock {
        return None;
    }
    let reset = timing.name == RESET_DFF;
    Some(literal_bits(&q.value, q.w).map(|init| Part::Dff { w: q.w, init, reset }))
}

/// rust-hdl's memory. Its words that were never written read as the type's default.
fn ram(scope: &Scope) -> Option<Result<Part, Reason>> {
    let text = squeezed(&scope.code)?;
    let [read, write] = &scope.timing[..] else { return None };
    if read.name != "ram_read" || write.name != "ram_write" {
        return None;
    }
    let (addr, data) = (scope.wire("read_address")?, scope.wire("read_data")?);
    if text.contains("initial") {
        return Some(Err(Reason::Unsupported("a memory with contents")));
    }
    if addr.w > 24 {
        return Some(Err(Reason::Width(addr.w)));
    }
    if !literal_bits(&data.value, data.w).is_ok_and(|v| v.is_zero()) {
        return Some(Err(Reason::Unsupported("a memory whose words do not start at zero")));
    }
    Some(Ok(Part::Ram { w: data.w, addr_w: addr.w }))
}
