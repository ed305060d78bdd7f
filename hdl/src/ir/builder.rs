//! The modules under construction: a stack per thread, and the handle [`M`] that declares things in its top.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use super::bits::{Bits, clog2};
use super::check;
use super::data::*;
use super::expr::{E, Var};
use super::known::{Known, known};
use super::mem::{Inst, Ram};
use super::names;

/// What a builder call returns: the message is prefixed with the module's name and panics at the caller's line.
pub(crate) type Res<T> = Result<T, String>;

/// A statement list that is being filled.
pub(crate) struct Frame {
    pub stmts: Vec<Stmt>,
    /// The direct body of a `switch`: only arms may stand in it.
    pub switch_head: bool,
}

pub(crate) struct Builder {
    pub serial: u32,
    pub data: ModuleData,
    pub frames: Vec<Frame>,
    pub fold: bool,
    taken: HashSet<String>,
    intern: HashMap<(NodeOp, u32), NodeId>,
    /// By node, when folding.
    known: Vec<Known>,
}

struct Stack {
    open: Vec<Builder>,
    next_serial: u32,
    fold: bool,
}

thread_local! {
    static STACK: RefCell<Stack> = const { RefCell::new(Stack { open: Vec::new(), next_serial: 1, fold: true }) };
}

/// Runs `f` on the innermost module under construction.
#[track_caller]
pub(crate) fn with<R>(f: impl FnOnce(&mut Builder) -> Res<R>) -> R {
    let result = STACK.with(|s| {
        let mut s = s.borrow_mut();
        match s.open.last_mut() {
            None => Err("no module is under construction".to_string()),
            Some(b) => f(b).map_err(|e| format!("module {}: {e}", b.data.name)),
        }
    });
    match result {
        Ok(r) => r,
        Err(e) => panic!("{e}"),
    }
}

/// Removes the module from the stack also when its closure panics.
struct Pop(u32);

impl Drop for Pop {
    fn drop(&mut self) {
        STACK.with(|s| s.borrow_mut().open.retain(|b| b.serial < self.0));
    }
}

/// Builds a module: `f` declares its ports and contents through the handle. Modules may be built inside `f`.
///
/// # Panics
/// On anything that is not right by construction: a width that does not match, a wire that is not assigned in every
/// case, a combinational loop, an unset input of an instance, ... The message says `module <name>: <what>`.
#[track_caller]
pub fn module(name: impl AsRef<str>, f: impl FnOnce(&M)) -> Module {
    let name = name.as_ref();
    let built = try_module(name, |m| {
        f(m);
        Ok::<(), String>(())
    });
    match built {
        Ok(module) => module,
        Err(e) => panic!("module {name}: {e}"),
    }
}

/// As [`module`], for importers: `f` may end with an error, and what the final checks find is returned. Misuse of the
/// handles inside `f` still panics.
pub(crate) fn try_module<X: From<String>>(name: &str, f: impl FnOnce(&M) -> Result<(), X>) -> Result<Module, X> {
    names::check(name)?;
    if names::is_keyword(name) {
        return Err("a keyword of Verilog".to_string().into());
    }
    let serial = STACK.with(|s| {
        let mut s = s.borrow_mut();
        let (serial, fold) = (s.next_serial, s.fold);
        s.next_serial += 1;
        s.open.push(Builder {
            serial,
            data: ModuleData { name: name.to_string(), ..ModuleData::default() },
            frames: vec![Frame { stmts: Vec::new(), switch_head: false }],
            fold,
            taken: ["clk", "rst"].map(String::from).into(),
            intern: HashMap::new(),
            known: Vec::new(),
        });
        serial
    });
    let pop = Pop(serial);
    f(&M { serial })?;
    let mut b = STACK.with(|s| s.borrow_mut().open.pop().expect("this module is the innermost"));
    drop(pop);
    b.data.body = b.frames.pop().expect("the body's frame").stmts;
    Ok(Module(Rc::new(check::finish(b)?)))
}

/// Runs `f` with constant folding and simplification switched off for the modules it builds. The interpreter runs
/// such modules; they are the reference against which tests hold the folded ones. Their printed text may not be free
/// of lint warnings.
pub fn without_folding<R>(f: impl FnOnce() -> R) -> R {
    let set = |on| STACK.with(|s| std::mem::replace(&mut s.borrow_mut().fold, on));
    let before = set(false);
    let r = f();
    set(before);
    r
}

impl Builder {
    /// Adds a node as it is, or finds its equal.
    pub fn intern(&mut self, op: NodeOp, w: u32) -> NodeId {
        let key = (op, w);
        if let Some(&id) = self.intern.get(&key) {
            return id;
        }
        if self.fold {
            let k = known(&key.0, w as usize, &self.known);
            if let (false, Some(v)) = (matches!(key.0, NodeOp::Const(_)), k.value()) {
                let id = self.constant(v.clone());
                self.intern.insert(key, id);
                return id;
            }
            self.known.push(k);
        }
        let id = self.data.nodes.len() as NodeId;
        self.data.nodes.push(Node { op: key.0.clone(), w });
        self.intern.insert(key, id);
        id
    }

    pub fn constant(&mut self, v: Bits) -> NodeId {
        let w = v.width() as u32;
        self.intern(NodeOp::Const(v), w)
    }

    pub fn e(&self, id: NodeId) -> E {
        E { id, w: self.data.nodes[id as usize].w, m: self.serial }
    }

    /// The node of an expression that must belong to this module.
    pub fn own(&self, e: E) -> Res<NodeId> {
        if e.m == self.serial { Ok(e.id) } else { Err("an expression of another module is used here".to_string()) }
    }

    /// The node of a one-bit expression of this module.
    pub fn own_bit(&self, e: E, what: &str) -> Res<NodeId> {
        let id = self.own(e)?;
        if e.w == 1 { Ok(id) } else { Err(format!("{what} has {} bits, want 1", e.w)) }
    }

    pub fn at_module_level(&self, what: &str) -> Res<()> {
        if self.frames.len() == 1 { Ok(()) } else { Err(format!("{what} inside a conditional")) }
    }

    /// A unique name that starts with `wish`.
    pub fn unique(&mut self, wish: &str) -> Res<String> {
        names::check(wish)?;
        let name = names::unique(wish, &self.taken);
        self.taken.insert(name.clone());
        Ok(name)
    }

    fn exact(&mut self, name: &str) -> Res<String> {
        names::check(name)?;
        if names::is_keyword(name) {
            return Err(format!("port {name}: a keyword of Verilog"));
        }
        if !self.taken.insert(name.to_string()) {
            return Err(format!("port {name}: the name is taken"));
        }
        Ok(name.to_string())
    }

    /// Declares a signal under a name that is already unique, and reads it.
    pub fn signal(&mut self, name: String, w: usize, kind: SigKind) -> Res<(SigId, E)> {
        let w = check_width(&name, w)?;
        let sig = self.data.sigs.len() as SigId;
        self.data.sigs.push(Sig { name, w, kind });
        let id = self.intern(NodeOp::Sig(sig), w);
        Ok((sig, self.e(id)))
    }

    pub fn var(&mut self, name: &str, w: usize, kind: SigKind) -> Res<Var> {
        let name = self.unique(name)?;
        let (sig, e) = self.signal(name, w, kind)?;
        Ok(Var { e, sig })
    }

    fn port(&mut self, name: &str, w: usize, dir: Dir) -> Res<Var> {
        let name = self.exact(name)?;
        let kind = match dir {
            Dir::Input => SigKind::Input,
            Dir::Output => SigKind::Output,
        };
        let (sig, e) = self.signal(name, w, kind)?;
        self.data.ports.push((dir, sig));
        Ok(Var { e, sig })
    }
}

fn check_width(name: &str, w: usize) -> Res<u32> {
    match u32::try_from(w) {
        Ok(0) => Err(format!("{name}: width 0")),
        Ok(w) if w <= 1 << 20 => Ok(w),
        _ => Err(format!("{name}: width {w}")),
    }
}

/// Handle of the module under construction: declares ports, signals, memories, instances, properties.
///
/// Names of ports are exact. All other names are wishes: a second `wire("x", ..)` becomes `x_1`.
#[derive(Clone, Copy, Debug)]
pub struct M {
    serial: u32,
}

impl M {
    #[track_caller]
    fn with<R>(&self, f: impl FnOnce(&mut Builder) -> Res<R>) -> R {
        with(|b| {
            if b.serial != self.serial {
                return Err("the handle of another module is used here".to_string());
            }
            f(b)
        })
    }

    /// Comment lines printed above the module.
    #[track_caller]
    pub fn doc(&self, text: impl AsRef<str>) {
        self.with(|b| {
            b.data.doc = text.as_ref().to_string();
            Ok(())
        })
    }

    /// An input port of `w` bits.
    #[track_caller]
    pub fn input(&self, name: impl AsRef<str>, w: usize) -> E {
        self.with(|b| b.port(name.as_ref(), w, Dir::Input)).e
    }

    /// An output port of `w` bits. Assigned like a wire; may be read.
    #[track_caller]
    pub fn output(&self, name: impl AsRef<str>, w: usize) -> Var {
        self.with(|b| b.port(name.as_ref(), w, Dir::Output))
    }

    /// A combinational signal. Every bit must be assigned in every case; an unconditional assignment must stand
    /// before the conditional ones. Reading gives the final value, wherever in the text.
    #[track_caller]
    pub fn wire(&self, name: impl AsRef<str>, w: usize) -> Var {
        self.with(|b| b.var(name.as_ref(), w, SigKind::Wire))
    }

    /// A wire that has the value `default` unless something else is assigned.
    #[track_caller]
    pub fn wire_or(&self, name: impl AsRef<str>, w: usize, default: impl Into<super::Op>) -> Var {
        self.with(|b| b.at_module_level("wire_or"));
        let v = self.wire(name, w);
        v.set(default);
        v
    }

    /// Flip-flops with `init` (at most 64 significant bits) at power-up and while `rst` is 1 at a clock edge.
    #[track_caller]
    pub fn reg(&self, name: impl AsRef<str>, w: usize, init: u64) -> Var {
        self.reg_wide(name, w, Bits::from(init))
    }

    /// As [`M::reg`], with an initial value of any width; it must fit in `w` bits.
    #[track_caller]
    pub fn reg_wide(&self, name: impl AsRef<str>, w: usize, init: impl Into<Bits>) -> Var {
        let (name, init) = (name.as_ref(), init.into());
        self.with(|b| {
            if init.significant() > w {
                return Err(format!("reg {name}: initial value {init} does not fit in {w} bits"));
            }
            b.var(name, w, SigKind::Reg { init: init.resize(w), reset: true })
        })
    }

    /// Flip-flops without reset, zero at power-up: for data that a valid bit qualifies.
    #[track_caller]
    pub fn reg_nr(&self, name: impl AsRef<str>, w: usize) -> Var {
        self.with(|b| b.var(name.as_ref(), w, SigKind::Reg { init: Bits::zero(w), reset: false }))
    }

    /// Flip-flops without reset, with `init` at power-up; it must fit in `w` bits.
    #[track_caller]
    pub fn reg_nr_init(&self, name: impl AsRef<str>, w: usize, init: impl Into<Bits>) -> Var {
        let (name, init) = (name.as_ref(), init.into());
        self.with(|b| {
            if init.significant() > w {
                return Err(format!("reg {name}: initial value {init} does not fit in {w} bits"));
            }
            b.var(name, w, SigKind::Reg { init: init.resize(w), reset: false })
        })
    }

    /// A memory of `depth` (at least 2) words of `w` bits that starts at zero. Addresses have `clog2(depth)` bits;
    /// what is read from or written to an address at or past `depth` is undefined.
    #[track_caller]
    pub fn ram(&self, name: impl AsRef<str>, depth: usize, w: usize) -> Ram {
        self.with(|b| {
            let name = b.unique(name.as_ref())?;
            let w = check_width(&name, w)?;
            if depth < 2 {
                return Err(format!("ram {name}: depth {depth}, want at least 2"));
            }
            let index = b.data.rams.len();
            b.data.rams.push(RamData { name, depth, w, collisions_undefined: false, write: None, reads: Vec::new() });
            Ok(Ram { index, m: b.serial, w: w as usize, addr_w: clog2(depth) })
        })
    }

    /// An instance of `child`, on this module's clock and reset.
    #[track_caller]
    pub fn inst(&self, name: impl AsRef<str>, child: &Module) -> Inst {
        self.with(|b| {
            b.at_module_level("an instance")?;
            let name = b.unique(name.as_ref())?;
            let index = b.data.insts.len();
            let ports = &child.0.ports;
            let mut outputs = vec![None; ports.len()];
            for (port, &(dir, s)) in ports.iter().enumerate() {
                if dir == Dir::Output {
                    let of = &child.0.sigs[s as usize];
                    let out = b.unique(&format!("{name}_{}", of.name))?;
                    let kind = SigKind::InstOut { inst: index, port };
                    outputs[port] = Some(b.signal(out, of.w as usize, kind)?.0);
                }
            }
            let inputs = vec![None; ports.len()];
            b.data.insts.push(InstData { name, child: child.clone(), inputs, outputs, reset: None });
            Ok(Inst { index, m: b.serial })
        })
    }

    /// Claims that `cond` (one bit) is 1 at every clock edge outside reset. The interpreter checks it.
    #[track_caller]
    pub fn prove(&self, name: impl AsRef<str>, cond: impl Into<E>) {
        let (name, cond) = (name.as_ref(), cond.into());
        self.with(|b| b.property(name, PropKind::Prove, cond))
    }

    /// Lets proofs take for granted that `cond` (one bit) is 1 at every clock edge outside reset. The interpreter
    /// checks it.
    #[track_caller]
    pub fn assume(&self, name: impl AsRef<str>, cond: impl Into<E>) {
        let (name, cond) = (name.as_ref(), cond.into());
        self.with(|b| b.property(name, PropKind::Assume, cond))
    }

    /// Asks the prover for a run in which `cond` (one bit) becomes 1.
    #[track_caller]
    pub fn cover(&self, name: impl AsRef<str>, cond: impl Into<E>) {
        let (name, cond) = (name.as_ref(), cond.into());
        self.with(|b| b.property(name, PropKind::Cover, cond))
    }
}

impl Builder {
    fn property(&mut self, name: &str, kind: PropKind, cond: E) -> Res<()> {
        self.at_module_level("a property")?;
        let cond = self.own_bit(cond, name)?;
        let name = self.unique(name)?;
        self.data.props.push(Property { name, kind, cond });
        Ok(())
    }
}
