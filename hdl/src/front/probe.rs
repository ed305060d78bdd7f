//! The walk over a rust-hdl circuit: its blocks with their signals and kernels.

use rust_hdl::core::ast::{Verilog, VerilogLiteral};
use rust_hdl::core::atom::{Atom, AtomKind};
use rust_hdl::core::block::Block;
use rust_hdl::core::probe::Probe;
use rust_hdl::core::timing::TimingInfo;
use rust_hdl::core::type_descriptor::{TypeDescriptor, TypeKind};

use super::error::{FrontError, Reason};
use super::widgets::{RESET_TYPE, TAG_TYPE};

/// What a signal carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Data,
    Clock,
    Reset,
}

/// A signal or constant.
#[derive(Clone, Debug)]
pub(super) struct Wire {
    /// Path within its block, with `$` between the parts.
    pub path: String,
    pub kind: AtomKind,
    pub w: usize,
    pub role: Role,
    pub ty: TypeDescriptor,
    /// The value in the fresh instance.
    pub value: VerilogLiteral,
}

/// A block.
#[derive(Clone, Debug)]
pub(super) struct Scope {
    /// Path of the field within its parent.
    pub path: String,
    pub wires: Vec<Wire>,
    pub children: Vec<Scope>,
    pub code: Verilog,
    pub timing: Vec<TimingInfo>,
    /// The block's type, when it has a tag.
    pub type_name: Option<String>,
}

impl Scope {
    pub fn wire(&self, path: &str) -> Option<&Wire> {
        self.wires.iter().find(|w| w.path == path)
    }
}

/// Widths above this are taken for a mistake.
const MAX_WIDTH: usize = 1 << 20;

/// Visits `block` and everything below it.
pub(super) fn walk<B: Block>(name: &str, block: &B) -> Result<Scope, FrontError> {
    let mut walker = Walker { open: Vec::new(), tops: Vec::new(), spaces: Vec::new(), error: None };
    block.accept(name, &mut walker);
    if let Some(e) = walker.error {
        return Err(e);
    }
    let mut tops = walker.tops;
    match (tops.pop(), tops.is_empty()) {
        (Some(top), true) => Ok(top),
        _ => Err(FrontError {
            block: name.to_string(),
            signal: String::new(),
            reason: Reason::Unsupported("what is not a single block"),
        }),
    }
}

struct Walker {
    open: Vec<Scope>,
    tops: Vec<Scope>,
    /// The interfaces around what is visited, by block.
    spaces: Vec<Vec<String>>,
    error: Option<FrontError>,
}

impl Walker {
    fn path(&self, name: &str) -> String {
        let mut parts = self.spaces.last().cloned().unwrap_or_default();
        parts.push(name.to_string());
        parts.join("$")
    }

    fn refuse(&mut self, signal: &str, reason: Reason) {
        let blocks: Vec<&str> = self.open.iter().map(|s| s.path.as_str()).collect();
        let block = blocks.join(".").replace('$', ".");
        self.error.get_or_insert(FrontError { block, signal: signal.replace('$', "."), reason });
    }
}

fn is_signed(ty: &TypeDescriptor) -> bool {
    match &ty.kind {
        TypeKind::Signed(_) => true,
        TypeKind::Composite(fields) => fields.iter().any(|f| is_signed(&f.kind)),
        TypeKind::Bits(_) | TypeKind::Enum(_) => false,
    }
}

impl Probe for Walker {
    fn visit_start_scope(&mut self, name: &str, node: &dyn Block) {
        let path = self.path(name);
        self.open.push(Scope {
            path,
            wires: Vec::new(),
            children: Vec::new(),
            code: node.hdl(),
            timing: node.timing(),
            type_name: None,
        });
        self.spaces.push(Vec::new());
    }

    fn visit_start_namespace(&mut self, name: &str, _node: &dyn Block) {
        if let Some(spaces) = self.spaces.last_mut() {
            spaces.push(name.to_string());
        }
    }

    fn visit_atom(&mut self, name: &str, atom: &dyn Atom) {
        let path = self.path(name);
        let (ty, w) = (atom.descriptor(), atom.bits());
        if let (0, Some(of), Some(scope)) = (w, ty.name.strip_prefix(TAG_TYPE), self.open.last_mut()) {
            scope.type_name = Some(of.to_string());
            return;
        }
        match atom.kind() {
            AtomKind::InOutParameter => return self.refuse(&path, Reason::Unsupported("an InOut signal")),
            _ if is_signed(&ty) => return self.refuse(&path, Reason::Unsupported("a Signed signal")),
            _ if w == 0 || w > MAX_WIDTH => return self.refuse(&path, Reason::Width(w)),
            _ => {}
        }
        let role = match (ty.name.as_str(), &ty.kind) {
            ("clock", TypeKind::Bits(1)) => Role::Clock,
            (RESET_TYPE, TypeKind::Bits(1)) => Role::Reset,
            _ => Role::Data,
        };
        let wire = Wire { path, kind: atom.kind(), w, role, ty, value: atom.verilog() };
        if let Some(scope) = self.open.last_mut() {
            scope.wires.push(wire);
        }
    }

    fn visit_end_namespace(&mut self, _name: &str, _node: &dyn Block) {
        if let Some(spaces) = self.spaces.last_mut() {
            spaces.pop();
        }
    }

    fn visit_end_scope(&mut self, _name: &str, _node: &dyn Block) {
        self.spaces.pop();
        if let Some(done) = self.open.pop() {
            match self.open.last_mut() {
                Some(parent) => parent.children.push(done),
                None => self.tops.push(done),
            }
        }
    }
}
