//! Writes random typed kernels as Rust source.

use std::fmt::Write;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Blocks, and expressions in each.
pub const BLOCKS: usize = 24;
pub const OUTPUTS: usize = 20;

/// How tightly an expression's outermost operator binds, in Rust.
mod rank {
    pub const ATOM: u8 = 12;
    pub const NOT: u8 = 11;
    pub const MUL: u8 = 10;
    pub const SUM: u8 = 9;
    pub const SHIFT: u8 = 8;
    pub const AND: u8 = 7;
    pub const XOR: u8 = 6;
    pub const OR: u8 = 5;
    pub const COMPARE: u8 = 4;
    pub const LOGICAL_AND: u8 = 3;
    pub const LOGICAL_OR: u8 = 2;
}

/// The text of an expression and its rank.
type Text = (String, u8);

fn atom(text: String) -> Text {
    (text, rank::ATOM)
}

/// A block's expressions: over two inputs of each of its widths, three bits, and two small amounts.
struct Block {
    rng: ChaCha8Rng,
    widths: Vec<usize>,
}

impl Block {
    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.rng.random_range(0..of.len())]
    }

    /// Parentheses where Rust wants them, and sometimes where it does not.
    fn operand(&mut self, (text, have): Text, least: u8) -> String {
        if have < least || have < rank::ATOM && self.rng.random_bool(0.1) { format!("({text})") } else { text }
    }

    fn infix(&mut self, a: Text, op: &str, b: Text, r: u8) -> Text {
        // Comparisons don't chain.
        let left = if r == rank::COMPARE { r + 1 } else { r };
        (format!("{} {op} {}", self.operand(a, left), self.operand(b, r + 1)), r)
    }

    /// An integer literal that fits in `w` bits.
    fn literal(&mut self, w: usize) -> String {
        let any: u64 = self.rng.random();
        let v = match self.rng.random_range(0..3) {
            0 => any % 4,
            1 => any % 256,
            _ => any,
        };
        let v = if w < 64 { v % (1 << w) } else { v };
        if v > i32::MAX as u64 { format!("{v:#x}_u64") } else { v.to_string() }
    }

    /// An input of `w` bits.
    fn leaf(&mut self, w: usize) -> Text {
        let which = self.pick(&["a", "b"]);
        atom(if self.rng.random_bool(0.1) {
            format!("bits::<{w}>({})", self.literal(w))
        } else {
            format!("self.{which}{w}.val()")
        })
    }

    /// The receiver of a method: a value of width `v`.
    fn receiver(&mut self, v: usize, depth: u32) -> String {
        let e = self.bits(v, depth);
        self.operand(e, rank::ATOM)
    }

    /// An index below `end`: a literal or an amount; one more is allowed where `closed`.
    fn index(&mut self, end: usize, closed: bool) -> String {
        if end >= 8 && self.rng.random_bool(0.4) {
            return "self.n3.val().index()".to_string();
        }
        self.rng.random_range(0..end + usize::from(closed)).to_string()
    }

    /// A value of `w` bits, one of the block's widths.
    fn bits(&mut self, w: usize, depth: u32) -> Text {
        if depth == 0 {
            return self.leaf(w);
        }
        let d = depth - 1;
        let widths = self.widths.clone();
        match self.rng.random_range(0..16) {
            0 => self.leaf(w),
            1..=5 => {
                let (op, r) = self.pick(&[
                    ("+", rank::SUM),
                    ("-", rank::SUM),
                    ("&", rank::AND),
                    ("|", rank::OR),
                    ("^", rank::XOR),
                ]);
                match self.rng.random_range(0..5) {
                    0 => {
                        let (a, b) = (self.bits(w, d), atom(self.literal(w)));
                        self.infix(a, op, b, r)
                    }
                    1 => {
                        let (a, b) = (atom(self.literal(w)), self.bits(w, d));
                        self.infix(a, op, b, r)
                    }
                    _ => {
                        let (a, b) = (self.bits(w, d), self.bits(w, d));
                        self.infix(a, op, b, r)
                    }
                }
            }
            6 => {
                let e = self.bits(w, d);
                (format!("!{}", self.operand(e, rank::NOT)), rank::NOT)
            }
            7..=8 => {
                let op = self.pick(&["<<", ">>"]);
                let amount = match self.rng.random_range(0..3) {
                    0 => self.rng.random_range(0..w + 4).to_string(),
                    1 => "self.n3.val()".to_string(),
                    _ => "self.n7.val()".to_string(),
                };
                let a = self.bits(w, d);
                self.infix(a, op, atom(amount), rank::SHIFT)
            }
            9..=10 => {
                let v = self.pick(&widths);
                let (e, _) = self.bits(v, d);
                atom(format!("bit_cast::<{w}, {v}>({e})"))
            }
            11..=12 => {
                let v = self.pick(&widths);
                let (e, i) = (self.receiver(v, d), self.index(v, true));
                atom(format!("{e}.get_bits::<{w}>({i})"))
            }
            13 => {
                let (e, i) = (self.receiver(w, d), self.index(w, false));
                let (v, _) = self.bit(d);
                atom(format!("{e}.replace_bit({i}, {v})"))
            }
            14 => {
                let (a, b) = (self.bits(w, d), self.bit(d));
                self.infix(a, "+", b, rank::SUM)
            }
            _ => match w {
                32 if widths.contains(&16) => {
                    let (a, b) = (self.bits(16, d), self.bits(16, d));
                    self.infix(a, "*", b, rank::MUL)
                }
                64 => {
                    let v = self.literal(31);
                    self.infix(atom(format!("{v}_u64")), "<<", atom("self.n7.val()".to_string()), rank::SHIFT)
                }
                _ => self.leaf(w),
            },
        }
    }

    /// A `bool`.
    fn bit(&mut self, depth: u32) -> Text {
        let widths = self.widths.clone();
        let w = self.pick(&widths);
        if depth == 0 {
            let which = self.pick(&["x", "y", "z"]);
            return atom(format!("self.{which}.val()"));
        }
        let d = depth - 1;
        match self.rng.random_range(0..9) {
            0 => {
                let (e, i) = (self.receiver(w, d), self.index(w, false));
                atom(format!("{e}.get_bit({i})"))
            }
            1 => {
                let (e, f) = (self.receiver(w, d), self.pick(&["all", "any", "xor"]));
                atom(format!("{e}.{f}()"))
            }
            2..=4 => {
                let op = self.pick(&["==", "!=", "<", "<=", ">", ">="]);
                let a = self.bits(w, d);
                let b = if self.rng.random_bool(0.3) { atom(self.literal(w)) } else { self.bits(w, d) };
                let (a, b) = if self.rng.random_bool(0.8) { (a, b) } else { (b, a) };
                // A `<` after a name without parentheses may be taken for generics.
                let a = if op.starts_with('<') { atom(format!("({})", a.0)) } else { a };
                self.infix(a, op, b, rank::COMPARE)
            }
            5 => {
                let e = self.bit(d);
                (format!("!{}", self.operand(e, rank::NOT)), rank::NOT)
            }
            _ => {
                let (op, r) = self.pick(&[
                    ("&", rank::AND),
                    ("|", rank::OR),
                    ("^", rank::XOR),
                    ("==", rank::COMPARE),
                    ("!=", rank::COMPARE),
                    ("&&", rank::LOGICAL_AND),
                    ("||", rank::LOGICAL_OR),
                ]);
                let (a, b) = (self.bit(d), self.bit(d));
                self.infix(a, op, b, r)
            }
        }
    }

    /// The statements that assign output `k`, of `w` bits, or a `bool` where that is 0.
    fn statements(&mut self, k: usize, w: usize) -> String {
        let value = |b: &mut Self, depth| if w == 0 { b.bit(depth).0 } else { b.bits(w, depth).0 };
        let mut out = format!("        self.o{k}.next = {};\n", value(self, 5));
        if self.rng.random_bool(0.2) {
            let (c, v) = (self.bit(2).0, value(self, 3));
            let _ = write!(out, "        if {c} {{\n            self.o{k}.next = {v};\n        }}");
            if self.rng.random_bool(0.5) {
                let (c, v) = (self.bit(2).0, value(self, 3));
                let _ = write!(out, " else if {c} {{\n            self.o{k}.next = {v};\n        }}");
            }
            out.push('\n');
        }
        out
    }
}

/// The widths of block `n`: all from 1 to 64 occur in one of the blocks.
pub fn widths(n: usize) -> Vec<usize> {
    let mut w: Vec<usize> = (0..5).map(|j| (n * 5 + j * 13) % 64 + 1).collect();
    if n.is_multiple_of(4) {
        w.extend([16, 32]);
    }
    w.sort_unstable();
    w.dedup();
    w
}

fn block(n: usize, out: &mut String) {
    let widths = widths(n);
    let mut b = Block { rng: ChaCha8Rng::seed_from_u64(n as u64), widths: widths.clone() };
    let mut inputs = vec![("n3".to_string(), "Bits<3>".to_string()), ("n7".to_string(), "Bits<7>".to_string())];
    inputs.extend(["x", "y", "z"].map(|n| (n.to_string(), "Bit".to_string())));
    for w in &widths {
        inputs.extend(["a", "b"].map(|n| (format!("{n}{w}"), format!("Bits<{w}>"))));
    }
    let outputs: Vec<usize> = (0..OUTPUTS).map(|k| if k % 5 == 4 { 0 } else { b.pick(&widths) }).collect();
    let _ = writeln!(out, "\n#[derive(LogicBlock, Default)]\npub struct K{n} {{");
    for (name, ty) in &inputs {
        let _ = writeln!(out, "    {name}: Signal<In, {ty}>,");
    }
    for (k, w) in outputs.iter().enumerate() {
        let ty = if *w == 0 { "Bit".to_string() } else { format!("Bits<{w}>") };
        let _ = writeln!(out, "    o{k}: Signal<Out, {ty}>,");
    }
    let _ = writeln!(out, "}}\n\nimpl Logic for K{n} {{\n    #[hdl_gen]\n    fn update(&mut self) {{");
    for (k, w) in outputs.iter().enumerate() {
        out.push_str(&b.statements(k, *w));
    }
    let ins: Vec<&str> = inputs.iter().map(|(n, _)| n.as_str()).collect();
    let outs: Vec<String> = (0..OUTPUTS).map(|k| format!("o{k}")).collect();
    let _ = writeln!(out, "    }}\n}}\n\nports!(K{n}; ; in {}; out {});", ins.join(", "), outs.join(", "));
}

/// The whole file.
pub fn source() -> String {
    let mut out = String::from(
        "// Made by generate.rs; do not edit. `DYAD_BLESS=1 cargo test -p dyad-hdl --test front_random` makes it anew.\n\n\
         use dyad_hdl::front;\nuse dyad_hdl::ir::Module;\nuse rust_hdl::prelude::*;\n\n\
         use crate::front_support::Circuit;\nuse crate::ports;\n",
    );
    (0..BLOCKS).for_each(|n| block(n, &mut out));
    out.push_str("\n/// Each kernel, imported and as a circuit of rust-hdl.\npub fn all() -> Vec<(Module, Box<dyn Circuit>)> {\n");
    out.push_str("    fn one<C: Circuit + Default + 'static>(name: &str) -> (Module, Box<dyn Circuit>) {\n");
    out.push_str("        let module = front::import(name, C::default()).unwrap_or_else(|e| panic!(\"{e}\"));\n");
    out.push_str("        let mut circuit = C::default();\n        circuit.connect_all();\n");
    out.push_str("        (module, Box::new(circuit))\n    }\n    vec![\n");
    for n in 0..BLOCKS {
        let _ = writeln!(out, "        one::<K{n}>(\"k{n}\"),");
    }
    out.push_str("    ]\n}\n");
    out
}
