//! 2,000 random expression trees of widths from 1 to 64, made directly (not by rust-hdl's macro): also those that a
//! kernel could hold only where rust-hdl's simulator panics, such as indices past the end. The reference is the
//! evaluator below, plain arithmetic on `u128`; `front_random` holds the import against rust-hdl itself.

#[path = "front_support/raw.rs"]
mod raw;

use std::collections::HashMap;

use dyad_hdl::front;
use dyad_hdl::interp::Interp;
use dyad_hdl::prelude::{Dir, module};
use dyad_hdl::verilog;
use dyad_verilator::{Model, Options};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use raw::{Raw, bin, int, sig};
use rust_hdl::core::ast::*;

const BLOCKS: usize = 20;
const TREES: usize = 100;
const VECTORS: usize = 100;

/// Inputs of each block, with their widths.
const INPUTS: [(&str, usize); 12] = [
    ("a1", 1),
    ("b1", 1),
    ("a5", 5),
    ("b5", 5),
    ("a8", 8),
    ("b8", 8),
    ("a31", 31),
    ("b31", 31),
    ("a33", 33),
    ("b33", 33),
    ("a64", 64),
    ("b64", 64),
];

fn boxed(e: VerilogExpression) -> Box<VerilogExpression> {
    Box::new(e)
}

fn cut(v: u128, w: usize) -> u128 {
    v & ((1 << w) - 1)
}

/// The value of a tree and its width; bare integers have none.
fn eval(e: &VerilogExpression, env: &HashMap<&str, (u128, usize)>) -> (u128, Option<usize>) {
    match e {
        VerilogExpression::Signal(name) => {
            let (v, w) = env[name.as_str()];
            (v, Some(w))
        }
        VerilogExpression::Literal(l) => {
            let text = format!("{l:x}");
            (u128::from_str_radix(text.split("'h").nth(1).unwrap(), 16).unwrap(), None)
        }
        VerilogExpression::Paren(e) => eval(e, env),
        VerilogExpression::Cast(e, w) => (cut(eval(e, env).0, *w), Some(*w)),
        VerilogExpression::Unary(op, e) => {
            let (v, w) = eval(e, env);
            let w = w.unwrap();
            match op {
                VerilogOpUnary::Not => (cut(!v, w), Some(w)),
                VerilogOpUnary::All => (u128::from(v.count_ones() as usize == w), Some(1)),
                VerilogOpUnary::Any => (u128::from(v != 0), Some(1)),
                _ => (u128::from(v.count_ones() % 2), Some(1)),
            }
        }
        VerilogExpression::Index(e, i) => {
            (eval(e, env).0.checked_shr(amount(eval(i, env).0)).unwrap_or(0) & 1, Some(1))
        }
        VerilogExpression::Slice(e, w, i) => {
            (cut(eval(e, env).0.checked_shr(amount(eval(i, env).0)).unwrap_or(0), *w), Some(*w))
        }
        VerilogExpression::IndexReplace(e, i, v) => {
            let ((e, w), i, v) = (eval(e, env), eval(i, env).0, eval(v, env).0);
            let w = w.unwrap();
            if i >= w as u128 { (e, Some(w)) } else { (e & !(1 << i) | v << i, Some(w)) }
        }
        VerilogExpression::Binary(a, op, b) => {
            let ((a, aw), (b, bw)) = (eval(a, env), eval(b, env));
            let bit = |v: bool| (u128::from(v), Some(1));
            // Widths are equal, or one side is an integer; shifts have the width of the left side.
            let w = aw.or(if matches!(op, VerilogOp::Shl | VerilogOp::Shr) { Some(64) } else { bw }).unwrap();
            match op {
                VerilogOp::Add => (cut(a + b, w), Some(w)),
                VerilogOp::Sub => (cut(a.wrapping_sub(b), w), Some(w)),
                VerilogOp::Mul => (a * b, Some(2 * w)),
                VerilogOp::BitAnd | VerilogOp::LogicalAnd => (a & b, Some(w)),
                VerilogOp::BitOr | VerilogOp::LogicalOr => (a | b, Some(w)),
                VerilogOp::BitXor => (a ^ b, Some(w)),
                VerilogOp::Shl => (if b < w as u128 { cut(a << b, w) } else { 0 }, Some(w)),
                VerilogOp::Shr => (if b < w as u128 { a >> b } else { 0 }, Some(w)),
                VerilogOp::Eq => bit(a == b),
                VerilogOp::Ne => bit(a != b),
                VerilogOp::Lt => bit(a < b),
                VerilogOp::Le => bit(a <= b),
                VerilogOp::Gt => bit(a > b),
                VerilogOp::Ge => bit(a >= b),
            }
        }
        VerilogExpression::Signed(_) | VerilogExpression::Unsigned(_) => unreachable!("none are made"),
    }
}

fn amount(v: u128) -> u32 {
    u32::try_from(v).unwrap_or(u32::MAX)
}

struct Trees(ChaCha8Rng);

impl Trees {
    fn width(&mut self) -> usize {
        match self.0.random_range(0..3) {
            0 => INPUTS[self.0.random_range(0..INPUTS.len())].1,
            _ => self.0.random_range(1..=64),
        }
    }

    /// An integer that fits.
    fn integer(&mut self, w: usize) -> VerilogExpression {
        let v: u64 = self.0.random();
        int(if w < 64 { v % (1 << w) } else { v })
    }

    /// A signal, cut or extended where its width is another one.
    fn leaf(&mut self, w: usize) -> VerilogExpression {
        let same: Vec<_> = INPUTS.iter().filter(|i| i.1 == w).collect();
        if same.is_empty() {
            let any = INPUTS[self.0.random_range(0..INPUTS.len())].0;
            return VerilogExpression::Cast(boxed(sig(any)), w);
        }
        sig(same[self.0.random_range(0..same.len())].0)
    }

    /// An index: a signal, part of one, or an integer at most `last`.
    fn index(&mut self, last: usize) -> VerilogExpression {
        match self.0.random_range(0..4) {
            0 => int(self.0.random_range(0..=last as u64)),
            1 => sig("a5"),
            2 => VerilogExpression::Slice(boxed(sig("b64")), 6, boxed(int(3))),
            _ => sig("b8"),
        }
    }

    /// A tree of width `w`.
    fn tree(&mut self, w: usize, depth: u32) -> VerilogExpression {
        if depth == 0 || self.0.random_bool(0.05) {
            return self.leaf(w);
        }
        let d = depth - 1;
        use VerilogOp::*;
        match self.0.random_range(0..if w == 1 { 16 } else { 11 }) {
            0..=3 => {
                let op = [Add, Sub, BitAnd, BitOr, BitXor][self.0.random_range(0..5)].clone();
                let a = if self.0.random_bool(0.15) { self.integer(w) } else { self.tree(w, d) };
                let b = match a {
                    VerilogExpression::Literal(_) => self.tree(w, d),
                    _ if self.0.random_bool(0.15) => self.integer(w),
                    _ => self.tree(w, d),
                };
                bin(a, op, b)
            }
            4 => VerilogExpression::Unary(VerilogOpUnary::Not, boxed(self.tree(w, d))),
            5 => {
                let op = if self.0.random_bool(0.5) { Shl } else { Shr };
                let n = match self.0.random_range(0..3) {
                    0 => int(self.0.random_range(0..80)),
                    _ => {
                        let n = self.width();
                        self.tree(n, d.min(1))
                    }
                };
                bin(self.tree(w, d), op, n)
            }
            6 => {
                let v = self.width();
                VerilogExpression::Cast(boxed(self.tree(v, d)), w)
            }
            7 => {
                let v = self.width();
                VerilogExpression::Slice(boxed(self.tree(v, d)), w, boxed(self.index(v)))
            }
            8 => {
                let (e, i, v) = (self.tree(w, d), self.index(w - 1), self.tree(1, d));
                VerilogExpression::IndexReplace(boxed(e), boxed(i), boxed(v))
            }
            9 => VerilogExpression::Paren(boxed(self.tree(w, d))),
            10 if w.is_multiple_of(2) && w <= 32 => bin(self.tree(w / 2, d), Mul, self.tree(w / 2, d)),
            10 if w == 64 => bin(self.integer(40), Shl, self.tree(7, d)),
            10 => self.leaf(w),
            11 => {
                let v = self.width();
                VerilogExpression::Index(boxed(self.tree(v, d)), boxed(self.index(v - 1)))
            }
            12 => {
                let op = if self.0.random_bool(0.5) { LogicalAnd } else { LogicalOr };
                bin(self.tree(1, d), op, self.tree(1, d))
            }
            13 => {
                let v = self.width();
                let op =
                    [VerilogOpUnary::All, VerilogOpUnary::Any, VerilogOpUnary::Xor][self.0.random_range(0..3)].clone();
                VerilogExpression::Unary(op, boxed(self.tree(v, d)))
            }
            _ => {
                let v = self.width();
                let op = [Eq, Ne, Lt, Le, Gt, Ge][self.0.random_range(0..6)].clone();
                // Up to 32 bits, an integer may be too large for the other side.
                let b = match self.0.random_range(0..5) {
                    0 if v <= 32 => self.integer(v + 2),
                    0 | 1 => self.integer(v),
                    _ => self.tree(v, d),
                };
                let a = self.tree(v, d);
                if self.0.random_bool(0.8) { bin(a, op, b) } else { bin(b, op, a) }
            }
        }
    }
}

#[test]
fn random_trees_agree_with_plain_arithmetic() {
    let mut trees = Trees(ChaCha8Rng::seed_from_u64(1));
    let mut all: Vec<Vec<VerilogExpression>> = Vec::new();
    let mut modules = Vec::new();
    let zeros: HashMap<&str, (u128, usize)> = INPUTS.iter().map(|&(n, w)| (n, (0, w))).collect();
    for b in 0..BLOCKS {
        let mut raw = INPUTS.iter().fold(Raw::default(), |raw, (n, w)| raw.input(n, *w));
        let mut of_block = Vec::new();
        for k in 0..TREES {
            let w = if k < 64 { k + 1 } else { trees.width() };
            let tree = trees.tree(w, 5);
            assert_eq!(eval(&tree, &zeros).1, Some(w), "{tree:?}");
            raw = raw.output(&format!("y{k}"), w, tree.clone());
            of_block.push(tree);
        }
        modules.push(front::import(&format!("trees_{b}"), raw).unwrap_or_else(|e| panic!("{e}")));
        all.push(of_block);
    }
    let top = module("trees", |m| {
        let inputs: Vec<_> = INPUTS.iter().map(|&(n, w)| m.input(n, w)).collect();
        for (b, block) in modules.iter().enumerate() {
            let inst = m.inst(format!("u_{b}"), block);
            INPUTS.iter().zip(&inputs).for_each(|((n, _), e)| inst.set(n, e));
            for p in block.ports().iter().filter(|p| p.dir == Dir::Output) {
                m.output(format!("{}_{b}", p.name), p.w).set(inst.get(&p.name));
            }
        }
    });
    let mut interp = Interp::new(&top).unwrap();
    let mut model = Model::compile("trees", &verilog::print(&top), &Options::default()).unwrap();
    let inputs = INPUTS.map(|(n, w)| (n, w, model.expect_port(n)));
    let outputs: Vec<Vec<_>> = (0..BLOCKS)
        .map(|b| (0..TREES).map(|k| (format!("y{k}_{b}"), model.expect_port(&format!("y{k}_{b}")))).collect())
        .collect();
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    for vector in 0..VECTORS {
        let mut env = HashMap::new();
        for (name, w, port) in inputs {
            let v: u64 = match rng.random_range(0..6) {
                0 => 0,
                1 => u64::MAX,
                2 => rng.random_range(0..4),
                _ => rng.random(),
            };
            let v = cut(v.into(), w);
            env.insert(name, (v, w));
            interp.poke_u64(name, v as u64);
            model.set_u64(port, v as u64);
        }
        model.eval();
        for (trees, ports) in all.iter().zip(&outputs) {
            for (tree, (name, port)) in trees.iter().zip(ports) {
                let want = eval(tree, &env).0 as u64;
                assert_eq!(interp.peek_u64(name), want, "{name}, vector {vector}: interpreter; {tree:?}");
                assert_eq!(model.get_u64(*port), want, "{name}, vector {vector}: Verilated; {tree:?}");
            }
        }
    }
}
