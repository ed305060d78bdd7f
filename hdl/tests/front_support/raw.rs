//! A circuit whose tree is made by the test, not by rust-hdl's macro.

use rust_hdl::core::ast::*;
use rust_hdl::prelude::*;

/// A signal without a value.
#[derive(Clone, Debug)]
pub struct RawWire {
    pub name: String,
    pub w: usize,
    pub kind: AtomKind,
}

impl Atom for RawWire {
    fn bits(&self) -> usize {
        self.w
    }

    fn connected(&self) -> bool {
        true
    }

    fn changed(&self) -> bool {
        false
    }

    fn kind(&self) -> AtomKind {
        self.kind
    }

    fn descriptor(&self) -> TypeDescriptor {
        TypeDescriptor { name: "Bits".to_string(), kind: TypeKind::Bits(self.w) }
    }

    fn vcd(&self) -> VCDValue {
        VCDValue::Vector(Vec::new())
    }

    fn id(&self) -> usize {
        0
    }

    fn verilog(&self) -> VerilogLiteral {
        VerilogLiteral::from(0_u8)
    }

    fn constraints(&self) -> Vec<PinConstraint> {
        Vec::new()
    }
}

/// A block with a given tree.
#[derive(Clone, Debug, Default)]
pub struct Raw {
    pub wires: Vec<RawWire>,
    pub code: VerilogBlock,
}

impl Raw {
    /// Adds an input.
    pub fn input(mut self, name: &str, w: usize) -> Self {
        self.wires.push(RawWire { name: name.to_string(), w, kind: AtomKind::InputParameter });
        self
    }

    /// Adds an output that is assigned `value`.
    pub fn output(mut self, name: &str, w: usize, value: VerilogExpression) -> Self {
        self.wires.push(RawWire { name: name.to_string(), w, kind: AtomKind::OutputParameter });
        let to = VerilogExpression::Signal(format!("{name}$next"));
        self.code.push(VerilogStatement::Assignment(to, value));
        self
    }
}

impl Logic for Raw {
    fn update(&mut self) {}

    fn hdl(&self) -> Verilog {
        Verilog::Combinatorial(self.code.clone())
    }
}

impl Block for Raw {
    fn connect_all(&mut self) {}

    fn update_all(&mut self) {}

    fn has_changed(&self) -> bool {
        false
    }

    fn accept(&self, name: &str, probe: &mut dyn Probe) {
        probe.visit_start_scope(name, self);
        for w in &self.wires {
            probe.visit_atom(&w.name, w);
        }
        probe.visit_end_scope(name, self);
    }
}

/// The signal of that name.
pub fn sig(name: &str) -> VerilogExpression {
    VerilogExpression::Signal(name.to_string())
}

/// An integer.
pub fn int(v: u64) -> VerilogExpression {
    VerilogExpression::Literal(v.into())
}

/// An operation of two operands.
pub fn bin(a: VerilogExpression, op: VerilogOp, b: VerilogExpression) -> VerilogExpression {
    VerilogExpression::Binary(Box::new(a), op, Box::new(b))
}
