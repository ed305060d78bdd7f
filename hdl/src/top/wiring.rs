//! Instances that are wired by name: what is not connected by hand is taken from the nets of the same name.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::params::Params;
use crate::prelude::*;
use crate::prim::fifo::fifo;
use crate::prim::skid::{half_slice, skid};

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
    pub name: String,
    inst: Inst,
    ports: Vec<Port>,
    clocked: bool,
    done: RefCell<BTreeSet<String>>,
}

impl Block {
    /// Instantiates `module` as `u_<name>`.
    pub fn new(m: &M, name: &str, module: &Module) -> Self {
        let ports = module.ports().into_iter().filter(|p| p.name != "clk" && p.name != "rst").collect();
        Self {
            name: name.to_string(),
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

/// Streams between blocks. A build may have register slices in them, which cut the paths from block to block; a slice takes a
/// cycle.
pub struct Wires<'a> {
    m: &'a M,
    sliced: bool,
    lean: bool,
    /// Slices and queues.
    blocks: RefCell<Vec<Rc<Block>>>,
}

/// The end of a stream: a block's, or that of a slice after it.
pub enum End<'b> {
    /// Output of a block.
    Block(&'b Block, String),
    /// The slice.
    Slice(Rc<Block>),
}

impl End<'_> {
    fn get(&self, signal: &str) -> E {
        match self {
            Self::Block(block, out) => block.get(&format!("{out}_{signal}")),
            Self::Slice(slice) => slice.get(&format!("m_{signal}")),
        }
    }

    /// Something is offered.
    pub fn valid(&self) -> E {
        self.get("valid")
    }

    /// What is offered.
    pub fn data(&self) -> E {
        self.get("data")
    }

    /// Takes it.
    pub fn set_ready(&self, ready: E) {
        match self {
            Self::Block(block, out) => block.set(&format!("{out}_ready"), ready),
            Self::Slice(slice) => slice.set("m_ready", ready),
        }
    }

    fn connect(&self, to: &Block, into: &str) {
        to.set(&format!("{into}_valid"), self.valid());
        to.set(&format!("{into}_data"), self.data());
        self.set_ready(to.get(&format!("{into}_ready")));
    }
}

impl<'a> Wires<'a> {
    /// Wires of `m`, with slices and queues as the build has them.
    pub fn new(m: &'a M, p: &Params) -> Self {
        Self { m, sliced: p.sliced, lean: p.lean, blocks: RefCell::default() }
    }

    /// Wires stream `out` of one block to stream `into` of another. A slice passes a beat every second cycle.
    pub fn stream(&self, from: &Block, out: &str, to: &Block, into: &str) {
        self.end(from, out).connect(to, into);
    }

    /// The same for payload. A slice passes a beat in every cycle.
    pub fn beats(&self, from: &Block, out: &str, to: &Block, into: &str) {
        self.sliced_end(skid, from, out).connect(to, into);
    }

    /// Wires a stream through a FIFO of `depth` entries; through a slice in a lean build.
    pub fn queue(&self, name: &str, depth: usize, (from, out): (&Block, &str), (to, into): (&Block, &str)) {
        if self.lean {
            return self.through(half_slice, from, out).connect(to, into);
        }
        let queue = Block::new(self.m, name, &fifo(depth, from.get(&format!("{out}_data")).width()));
        self.end(from, out).connect(&queue, "s");
        End::Slice(self.keep(queue)).connect(to, into);
    }

    /// The end of stream `out` of a block.
    pub fn end<'b>(&self, from: &'b Block, out: &str) -> End<'b> {
        self.sliced_end(half_slice, from, out)
    }

    /// A level that may come a cycle late.
    pub fn late(&self, name: &str, level: E) -> E {
        if !self.sliced {
            return level;
        }
        let q = self.m.reg(name, level.width(), 0);
        q.set(level);
        q.get()
    }

    fn sliced_end<'b>(&self, slice: impl Fn(usize) -> Module, from: &'b Block, out: &str) -> End<'b> {
        if self.sliced { self.through(slice, from, out) } else { End::Block(from, out.to_string()) }
    }

    fn through<'b>(&self, slice: impl Fn(usize) -> Module, from: &'b Block, out: &str) -> End<'b> {
        let end = End::Block(from, out.to_string());
        let slice = Block::new(self.m, &format!("{}_{out}", from.name), &slice(end.data().width()));
        end.connect(&slice, "s");
        End::Slice(self.keep(slice))
    }

    fn keep(&self, block: Block) -> Rc<Block> {
        let block = Rc::new(block);
        self.blocks.borrow_mut().push(Rc::clone(&block));
        block
    }

    /// For each slice and queue, that it holds nothing.
    pub fn quiet(&self) -> Vec<E> {
        self.blocks.borrow().iter().map(|block| !block.get("m_valid")).collect()
    }

    /// Slices and queues: to be finished and reset as the other blocks.
    pub fn into_blocks(self) -> Vec<Rc<Block>> {
        self.blocks.into_inner()
    }
}

/// Wires event `out` of one block to event `into` of another.
pub fn event(from: &Block, out: &str, to: &Block, into: &str) {
    to.set(&format!("{into}_valid"), from.get(&format!("{out}_valid")));
    to.set(&format!("{into}_data"), from.get(&format!("{out}_data")));
}
