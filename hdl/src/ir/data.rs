//! What a finished module consists of: signals, expression nodes, the statement tree, memories, instances, properties.
//!
//! Everything is plain data with public fields, so that printers, simulators and importers need no access to the
//! builder.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::bits::Bits;

/// Index of an expression node in its module. Operands have smaller indices than the node that uses them.
pub type NodeId = u32;
/// Index of a signal in its module.
pub type SigId = u32;

/// Direction of a port, seen from the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dir {
    /// Driven from outside.
    Input,
    /// Driven by the module.
    Output,
}

/// A port as the outside sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// Name in the Verilog text.
    pub name: String,
    /// Direction.
    pub dir: Dir,
    /// Width in bits.
    pub w: usize,
}

/// Where a signal's value comes from.
#[derive(Clone, Debug)]
pub enum SigKind {
    /// Input port.
    Input,
    /// Output port, driven by the statement tree.
    Output,
    /// Combinational signal, driven by the statement tree.
    Wire,
    /// Flip-flops, driven at the clock edge by the statement tree.
    Reg {
        /// Value at power-up, and in reset when `reset` is set.
        init: Bits,
        /// Whether the module's `rst` loads `init`.
        reset: bool,
    },
    /// Output of an instance.
    InstOut {
        /// Index into `insts`.
        inst: usize,
        /// Index into the child's `ports`.
        port: usize,
    },
    /// Data of a memory's read port.
    RamOut {
        /// Index into `rams`.
        ram: usize,
        /// Index into the memory's `reads`.
        read: usize,
    },
}

/// A named value.
#[derive(Clone, Debug)]
pub struct Sig {
    /// Unique legal Verilog name.
    pub name: String,
    /// Width in bits.
    pub w: u32,
    /// Source of the value.
    pub kind: SigKind,
}

/// Operators of two operands and a result of one width.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BinOp {
    /// Sum modulo 2^w.
    Add,
    /// Difference modulo 2^w.
    Sub,
    /// Bitwise and.
    And,
    /// Bitwise or.
    Or,
    /// Bitwise exclusive or.
    Xor,
}

/// Unsigned comparisons; the operands have one width, the result has one bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CmpOp {
    /// Equal.
    Eq,
    /// Not equal.
    Ne,
    /// Below.
    Lt,
    /// Below or equal.
    Le,
}

/// Reductions to one bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RedOp {
    /// Or of all bits.
    Any,
    /// And of all bits.
    All,
    /// Exclusive or of all bits.
    Parity,
}

/// What a node computes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum NodeOp {
    /// A constant.
    Const(Bits),
    /// The value of a signal.
    Sig(SigId),
    /// Bits from `lsb` up; the node's width says how many.
    Slice(NodeId, u32),
    /// Concatenation, most significant first.
    Cat(Vec<NodeId>),
    /// The operand this many times.
    Rep(NodeId, u32),
    /// Bitwise inversion.
    Not(NodeId),
    /// Reduction.
    Red(RedOp, NodeId),
    /// Arithmetic and bitwise logic.
    Bin(BinOp, NodeId, NodeId),
    /// Comparison.
    Cmp(CmpOp, NodeId, NodeId),
    /// Left shift by a signal; zeros come in; zero at and beyond the width.
    Shl(NodeId, NodeId),
    /// Right shift by a signal; zeros come in; zero at and beyond the width.
    Shr(NodeId, NodeId),
    /// The second operand where the first (one bit) is 1, else the third.
    Mux(NodeId, NodeId, NodeId),
    /// The item with the index's number; the last item past the end.
    Select(NodeId, Vec<NodeId>),
    /// Unit number `index` of the operand, in units of the node's width; zero past the end. The operand's width is a
    /// multiple of the unit.
    SliceDyn(NodeId, NodeId),
}

impl NodeOp {
    /// Calls `f` with each operand, in order.
    pub fn operands(&self, mut f: impl FnMut(NodeId)) {
        match self {
            NodeOp::Const(_) | NodeOp::Sig(_) => {}
            NodeOp::Slice(a, _) | NodeOp::Rep(a, _) | NodeOp::Not(a) | NodeOp::Red(_, a) => f(*a),
            NodeOp::Bin(_, a, b)
            | NodeOp::Cmp(_, a, b)
            | NodeOp::Shl(a, b)
            | NodeOp::Shr(a, b)
            | NodeOp::SliceDyn(a, b) => {
                f(*a);
                f(*b);
            }
            NodeOp::Mux(c, a, b) => {
                f(*c);
                f(*a);
                f(*b);
            }
            NodeOp::Cat(v) => v.iter().for_each(|&a| f(a)),
            NodeOp::Select(i, v) => {
                f(*i);
                v.iter().for_each(|&a| f(a));
            }
        }
    }

    /// The same operation with each operand replaced, in the order of [`NodeOp::operands`].
    pub fn map_operands(&self, mut f: impl FnMut(NodeId) -> NodeId) -> NodeOp {
        let mut op = self.clone();
        match &mut op {
            NodeOp::Const(_) | NodeOp::Sig(_) => {}
            NodeOp::Slice(a, _) | NodeOp::Rep(a, _) | NodeOp::Not(a) | NodeOp::Red(_, a) => *a = f(*a),
            NodeOp::Bin(_, a, b)
            | NodeOp::Cmp(_, a, b)
            | NodeOp::Shl(a, b)
            | NodeOp::Shr(a, b)
            | NodeOp::SliceDyn(a, b) => {
                *a = f(*a);
                *b = f(*b);
            }
            NodeOp::Mux(c, a, b) => {
                *c = f(*c);
                *a = f(*a);
                *b = f(*b);
            }
            NodeOp::Cat(v) => v.iter_mut().for_each(|a| *a = f(*a)),
            NodeOp::Select(i, v) => {
                *i = f(*i);
                v.iter_mut().for_each(|a| *a = f(*a));
            }
        }
        op
    }
}

/// An expression node.
#[derive(Clone, Debug)]
pub struct Node {
    /// Operation and operands.
    pub op: NodeOp,
    /// Width in bits.
    pub w: u32,
}

/// A statement. Later assignments win over earlier ones.
#[derive(Clone, Debug)]
pub enum Stmt {
    /// Assignment to bits `lsb .. lsb + w` of a signal.
    Assign {
        /// Target.
        sig: SigId,
        /// First bit.
        lsb: u32,
        /// Number of bits; the width of `value`.
        w: u32,
        /// What is assigned.
        value: NodeId,
    },
    /// The first arm whose condition (one bit) is 1, else `otherwise`.
    If {
        /// Conditions and bodies in order.
        arms: Vec<(NodeId, Vec<Stmt>)>,
        /// Body when no condition holds.
        otherwise: Vec<Stmt>,
    },
    /// The arm that lists the selector's value, else `default`. No value is listed twice.
    Switch {
        /// Selector.
        on: NodeId,
        /// Values and bodies.
        arms: Vec<(Vec<u64>, Vec<Stmt>)>,
        /// Body when no arm lists the value.
        default: Vec<Stmt>,
    },
}

/// How a read port works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadKind {
    /// At every clock edge; the old data where the address is being written.
    Sync,
    /// At clock edges where the enable (one bit) is 1; the output holds otherwise.
    SyncEn(NodeId),
    /// Combinational.
    Async,
}

/// A read port of a memory.
#[derive(Clone, Debug)]
pub struct RamRead {
    /// Kind.
    pub kind: ReadKind,
    /// Address.
    pub addr: NodeId,
    /// The signal that carries the data.
    pub sig: SigId,
}

/// The write port of a memory.
#[derive(Clone, Debug)]
pub struct RamWrite {
    /// Enables, one bit per lane.
    pub en: NodeId,
    /// Width of a lane in bits; the memory's width when there is one lane.
    pub lane_w: u32,
    /// Address.
    pub addr: NodeId,
    /// Data.
    pub data: NodeId,
}

/// A memory with one write port and any number of read ports. Its contents start at zero.
#[derive(Clone, Debug)]
pub struct RamData {
    /// Unique legal Verilog name.
    pub name: String,
    /// Number of words, at least 2.
    pub depth: usize,
    /// Width of a word in bits.
    pub w: u32,
    /// What a synchronous read gives when its address is written at the same edge: the old data, or, when this is set,
    /// anything. Simulations then give the old data inverted.
    pub collisions_undefined: bool,
    /// Write port.
    pub write: Option<RamWrite>,
    /// Read ports.
    pub reads: Vec<RamRead>,
}

/// An instance of another module. Its clock is the parent's; its reset is the parent's, or one more beside it.
#[derive(Clone, Debug)]
pub struct InstData {
    /// Unique legal Verilog name.
    pub name: String,
    /// What is instantiated.
    pub child: Module,
    /// For each of the child's data ports: the expression for an input, nothing for an output.
    pub inputs: Vec<Option<NodeId>>,
    /// For each of the child's data ports: the signal for an output, nothing for an input.
    pub outputs: Vec<Option<SigId>>,
    /// One bit that resets the child beside the parent's `rst`.
    pub reset: Option<NodeId>,
}

/// What a property claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PropKind {
    /// Holds at every clock edge outside reset.
    Prove,
    /// May be taken for granted at every clock edge outside reset.
    Assume,
    /// Can be reached.
    Cover,
}

/// A property of a module.
#[derive(Clone, Debug)]
pub struct Property {
    /// Unique legal Verilog name.
    pub name: String,
    /// Kind.
    pub kind: PropKind,
    /// Condition, one bit.
    pub cond: NodeId,
}

/// The contents of a [`Module`].
#[derive(Debug, Default)]
pub struct ModuleData {
    /// Name in the Verilog text.
    pub name: String,
    /// Comment printed above the module.
    pub doc: String,
    /// Data ports in order of declaration; `clk` and `rst` are not among them.
    pub ports: Vec<(Dir, SigId)>,
    /// Signals.
    pub sigs: Vec<Sig>,
    /// Expression nodes; operands come before their users.
    pub nodes: Vec<Node>,
    /// Wished names of nodes.
    pub hints: BTreeMap<NodeId, String>,
    /// The statement tree.
    pub body: Vec<Stmt>,
    /// Memories.
    pub rams: Vec<RamData>,
    /// Instances.
    pub insts: Vec<InstData>,
    /// Properties.
    pub props: Vec<Property>,
    /// Whether the module has `clk` and `rst`: it, or a child, holds state or properties.
    pub clocked: bool,
    /// For each data port that is an output: the data ports (inputs) on which it depends without a clock edge between.
    pub comb_deps: Vec<Vec<usize>>,
}

/// A finished module. Cloning shares the contents.
#[derive(Clone, Debug)]
pub struct Module(pub(crate) Rc<ModuleData>);

impl Module {
    /// The name in the Verilog text.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The contents.
    pub fn data(&self) -> &ModuleData {
        &self.0
    }

    /// Whether the module has the ports `clk` and `rst`.
    pub fn is_clocked(&self) -> bool {
        self.0.clocked
    }

    /// All ports in the order of the Verilog text: `clk` and `rst` first when the module has them.
    pub fn ports(&self) -> Vec<Port> {
        let port = |name: &str, dir, w| Port { name: name.to_string(), dir, w };
        let clock = ["clk", "rst"].map(|n| port(n, Dir::Input, 1));
        let data = self.0.ports.iter().map(|&(dir, s)| {
            let sig = &self.0.sigs[s as usize];
            port(&sig.name, dir, sig.w as usize)
        });
        clock.into_iter().filter(|_| self.0.clocked).chain(data).collect()
    }

    /// Whether both handles share one module.
    pub fn same(&self, other: &Module) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}
