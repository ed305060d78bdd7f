//! Random modules from a seed: every operation on widths of 1 to 130 bits, statement trees, registers, memories,
//! children. The same seed makes the same module, folded or not.

use dyad_hdl::prelude::*;
use rand::prelude::*;
use rand_chacha::ChaCha8Rng;

/// Widths at which representations change.
const EDGES: [usize; 14] = [1, 2, 3, 8, 31, 32, 33, 63, 64, 65, 127, 128, 129, 130];

/// What a module is made of.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Number of operations.
    pub operations: usize,
    /// Number of registers.
    pub registers: usize,
    /// Number of wires with conditionals.
    pub wires: usize,
    /// Number of memories.
    pub memories: usize,
    /// Levels of children; each level has two.
    pub levels: usize,
}

/// A random module.
pub fn random_module(name: &str, seed: u64, shape: Shape) -> Module {
    let mut children = Vec::new();
    if shape.levels > 0 {
        for i in 0..2 {
            let smaller = Shape { operations: shape.operations / 3, levels: shape.levels - 1, ..shape };
            children.push(random_module(&format!("{name}_{i}"), seed.wrapping_mul(31).wrapping_add(i), smaller));
        }
    }
    module(name, |m| {
        Gen { m: *m, rng: ChaCha8Rng::seed_from_u64(seed), pool: Vec::new(), depth: 0 }.fill(shape, &children)
    })
}

struct Gen {
    m: M,
    rng: ChaCha8Rng,
    /// Expressions that later ones may use.
    pool: Vec<E>,
    /// Operations around the one that is being made.
    depth: usize,
}

impl Gen {
    fn width(&mut self) -> usize {
        match self.rng.random_range(0..3) {
            0 => *EDGES.choose(&mut self.rng).expect("not empty"),
            1 => self.rng.random_range(1..=12),
            _ => self.rng.random_range(1..=130),
        }
    }

    /// Any expression; later ones are likelier, so that logic gets deep.
    fn any(&mut self) -> E {
        let n = self.pool.len();
        let i = if self.rng.random() { self.rng.random_range(0..n) } else { self.rng.random_range(n * 3 / 4..n) };
        self.pool[i]
    }

    /// An expression of `w` bits.
    fn of(&mut self, w: usize) -> E {
        if self.rng.random_ratio(1, 12) {
            return self.constant(w);
        }
        if self.depth < 4 && self.rng.random_ratio(2, 5) {
            self.depth += 1;
            let e = self.nested(w);
            self.depth -= 1;
            return e;
        }
        let same: Vec<E> = self.pool.iter().copied().filter(|e| e.width() == w).collect();
        if !same.is_empty() && self.rng.random_ratio(2, 3) {
            return *same.choose(&mut self.rng).expect("not empty");
        }
        let e = self.any();
        if e.width() > w {
            e.slice(self.rng.random_range(0..=e.width() - w), w)
        } else if self.rng.random() || e.width() == w {
            e.zext(w)
        } else {
            let rest = self.of(w - e.width());
            cat(&[rest, e])
        }
    }

    /// A new operation of `w` bits that nothing else uses: it is printed inside of what uses it.
    fn nested(&mut self, w: usize) -> E {
        if w == 1 && self.rng.random_ratio(2, 3) {
            let w = if self.rng.random() { 1 } else { self.width() };
            let (a, b) = (self.of(w), self.of(w));
            return match self.rng.random_range(0..8) {
                0 | 1 => a.eq(b),
                2 => a.ne(b),
                3 => a.lt(b),
                4 => a.le(b),
                5 => a.any(),
                6 => a.all(),
                _ => a.parity(),
            };
        }
        let (a, b) = (self.of(w), self.of(w));
        match self.rng.random_range(0..10) {
            0 => a + b,
            1 => a - b,
            2 => a & b,
            3 => a | b,
            4 => a ^ b,
            5 => !a,
            6 => {
                let n = self.index(w);
                a.shl_by(n)
            }
            7 => {
                let n = self.index(w);
                a.shr_by(n)
            }
            8 => mux(self.bit(), a, b),
            _ => rep(a.slice(0, 1), w),
        }
    }

    fn bit(&mut self) -> E {
        self.of(1)
    }

    fn constant(&mut self, w: usize) -> E {
        match self.rng.random_range(0..4) {
            0 => zero(w),
            1 => ones(w),
            2 => lit(self.rng.random_range(0..8) & (1u64.checked_shl(w as u32).map_or(u64::MAX, |x| x - 1)), w),
            _ => lit_big(Bits::from_words(&[self.rng.random(), self.rng.random(), self.rng.random()], w), w),
        }
    }

    /// An index that is in range often, but not always.
    fn index(&mut self, n: usize) -> E {
        let slack = self.rng.random_range(0..3);
        let w = if self.rng.random_ratio(1, 8) { self.width() } else { (clog2(n) + slack).max(1) };
        self.of(w)
    }

    fn operation(&mut self) -> E {
        let w = self.width();
        let (a, b) = (self.of(w), self.of(w));
        match self.rng.random_range(0..34) {
            0 | 1 => a + b,
            2 | 3 => a - b,
            4 => a & b,
            5 => a | b,
            6 => a ^ b,
            7 => !a,
            8 => a.eq(b),
            9 => a.ne(b),
            10 => a.lt(b),
            11 => a.le(b),
            12 => a.gt(b),
            13 => a.ge(b),
            14 => a.any(),
            15 => a.all(),
            16 => a.parity(),
            17 => a.add_wide(b),
            18 => a.shl(self.rng.random_range(0..w + 2)),
            19 => a.shr(self.rng.random_range(0..w + 2)),
            20 => {
                let n = self.index(w);
                a.shl_by(n)
            }
            21 => {
                let n = self.index(w);
                a.shr_by(n)
            }
            22 => {
                let i = self.index(w);
                a.at(i)
            }
            23 | 24 => {
                let unit = self.rng.random_range(1..=w);
                let i = self.index(w.div_ceil(unit));
                a.slice_dyn(i, unit)
            }
            25 | 26 => {
                let c = self.bit();
                mux(c, a, b)
            }
            27 | 28 => {
                let items: Vec<E> = (0..self.rng.random_range(1..10)).map(|_| self.of(w)).collect();
                let i = self.index(items.len());
                select(i, &items)
            }
            29 => {
                let n = self.rng.random_range(1..6);
                let sel: Vec<E> = (0..n).map(|_| self.bit()).collect();
                let items: Vec<E> = (0..n).map(|_| self.of(w)).collect();
                onehot_mux(&sel, &items)
            }
            30 => {
                let reqs: Vec<E> = (0..self.rng.random_range(1..6)).map(|_| self.bit()).collect();
                cat(&priority(&reqs))
            }
            31 => {
                let n = self.rng.random_range(1..=(130 / w).clamp(1, 9));
                rep(a, n)
            }
            32 => {
                let (x, y) = (self.any(), self.any());
                if x.width() + y.width() <= 130 { cat(&[x, y]) } else { cat(&[any_of(&[x, y]), all_of(&[x, y])]) }
            }
            _ => {
                let lsb = self.rng.random_range(0..w);
                a.slice(lsb, self.rng.random_range(1..=w - lsb))
            }
        }
    }

    fn grow(&mut self, n: usize) {
        for i in 0..n {
            let mut e = self.operation();
            if self.rng.random_ratio(1, 10) {
                e = e.named(format!("hint_{i}"));
            }
            self.pool.push(e);
        }
    }

    fn assign(&mut self, v: Var) {
        let w = v.width();
        if self.rng.random_ratio(1, 4) {
            let lsb = self.rng.random_range(0..w);
            let part = self.rng.random_range(1..=w - lsb);
            let e = self.of(part);
            v.set_slice(lsb, e);
        } else {
            let e = self.of(w);
            v.set(e);
        }
    }

    /// Statements on some of `vars`.
    fn statements(&mut self, vars: &[Var], depth: usize) {
        for _ in 0..self.rng.random_range(1..=3) {
            match self.rng.random_range(0..if depth == 0 { 1 } else { 4 }) {
                0 => {
                    let v = *vars.choose(&mut self.rng).expect("not empty");
                    self.assign(v);
                }
                1 | 2 => {
                    let c = self.bit();
                    let mut w = when(c, || self.statements(vars, depth - 1));
                    while self.rng.random_ratio(1, 3) {
                        let c = self.bit();
                        w = w.elsewhen(c, || self.statements(vars, depth - 1));
                    }
                    if self.rng.random() {
                        w.otherwise(|| self.statements(vars, depth - 1));
                    }
                }
                _ => {
                    let on = if self.rng.random_ratio(1, 4) { self.any() } else { self.of(3) };
                    let reach = if on.width() >= 3 { 8 } else { 1 << on.width() };
                    let mut keys: Vec<u64> = (0..reach).collect();
                    keys.shuffle(&mut self.rng);
                    let arms = self.rng.random_range(1..=keys.len().min(4));
                    switch(on, |s| {
                        for i in 0..arms {
                            if self.rng.random_ratio(1, 4) && arms + i + 1 < keys.len() {
                                s.is_any(&[keys[i], keys[arms + i]], || self.statements(vars, depth - 1));
                            } else {
                                s.is(keys[i], || self.statements(vars, depth - 1));
                            }
                        }
                        if self.rng.random() {
                            s.default(|| self.statements(vars, depth - 1));
                        }
                    });
                }
            }
        }
    }

    fn wire(&mut self, i: usize) {
        let w = self.width();
        let v = self.m.wire(format!("w{i}"), w);
        let default = self.of(w);
        if w > 1 && self.rng.random_ratio(1, 3) {
            // Defaults piece by piece.
            let low = self.rng.random_range(1..w);
            v.set_slice(low, default.slice(low, w - low));
            v.set_slice(0, default.slice(0, low));
        } else {
            v.set(default);
        }
        // Never a constant: lint tools follow those through wires, and object to comparisons with them.
        let input = self.pool[0];
        if self.rng.random_ratio(1, 3) {
            // Pieces that overlap.
            (0..3).for_each(|_| self.assign(v));
            v.set_slice(0, input.bit(0));
        } else {
            for _ in 0..self.rng.random_range(0..3) {
                let c = self.bit();
                when(c, || self.statements(&[v], 2));
            }
            when(input.bit(0), || v.set(input.resize(w)));
        }
        self.pool.push(v.get());
    }

    fn child(&mut self, i: usize, child: &Module) {
        let inst = self.m.inst(format!("u{i}"), child);
        for p in child.ports() {
            match p.dir {
                Dir::Input if p.name == "clk" || p.name == "rst" => {}
                Dir::Input => {
                    let e = self.of(p.w);
                    inst.set(&p.name, e);
                }
                Dir::Output => self.pool.push(inst.get(&p.name)),
            }
        }
    }

    /// Registers with and without reset under the same conditions: some of them share a block in the text.
    fn alike(&mut self) {
        let mut regs = Vec::new();
        for i in 0..4 {
            let w = self.width();
            let name = format!("alike{i}");
            regs.push(if i % 2 == 0 { self.m.reg(name, w, 1) } else { self.m.reg_nr(name, w) });
        }
        let c = self.bit();
        when(c, || {
            for r in &regs {
                let e = self.of(r.width());
                r.set(e);
            }
        });
        self.pool.extend(regs.iter().map(|r| r.get()));
    }

    fn fill(mut self, shape: Shape, children: &[Module]) {
        for i in 0..self.rng.random_range(3..7) {
            let w = self.width();
            let e = self.m.input(format!("in{i}"), w);
            self.pool.push(e);
        }
        let mut regs = Vec::new();
        for i in 0..shape.registers {
            let w = self.width();
            let init = Bits::from_words(&[self.rng.random(), self.rng.random(), self.rng.random()], w);
            let reset = self.rng.random_ratio(2, 3);
            let name = format!("r{i}");
            let r = if reset { self.m.reg_wide(name, w, init) } else { self.m.reg_nr(name, w) };
            self.pool.push(r.get());
            regs.push(r);
        }
        self.grow(shape.operations / 3);
        let mut rams = Vec::new();
        for i in 0..shape.memories {
            let (depth, lanes, lane_w) =
                (1 << self.rng.random_range(1..7), self.rng.random_range(1..5), self.rng.random_range(1..=33));
            let mut ram = self.m.ram(format!("mem{i}"), depth, lanes * lane_w);
            if self.rng.random_ratio(1, 3) {
                ram = ram.collisions_undefined();
            }
            for _ in 0..self.rng.random_range(1..4) {
                let (en, addr) = (self.bit(), self.of(ram.addr_width()));
                let q = match self.rng.random_range(0..3) {
                    0 => ram.read(addr),
                    1 => ram.read_en(en, addr),
                    _ => ram.read_async(addr),
                };
                self.pool.push(q);
            }
            rams.push((ram, lanes, lane_w));
        }
        for i in 0..shape.wires {
            self.wire(i);
            self.grow(1);
        }
        for (i, c) in children.iter().enumerate() {
            self.child(i, c);
            self.grow(3);
        }
        self.grow(shape.operations * 2 / 3);
        for (ram, lanes, lane_w) in rams {
            let (addr, data, en) = (self.of(ram.addr_width()), self.of(lanes * lane_w), self.of(lanes));
            if lanes == 1 {
                ram.write(en, addr, data);
            } else {
                ram.write_lanes(en, lane_w, addr, data);
            }
        }
        for r in &regs {
            self.assign(*r);
        }
        if !regs.is_empty() {
            for _ in 0..4 {
                self.statements(&regs, 3);
            }
        }
        if shape.registers > 0 {
            self.alike();
        }
        // What is observed: the last values, and a share of all others.
        let shown: Vec<E> = self.pool.clone();
        let last = shown.len().saturating_sub(8);
        for (i, e) in shown.into_iter().enumerate() {
            if i >= last || self.rng.random_ratio(1, 4) {
                self.m.output(format!("out{i}"), e.width()).set(e);
            }
        }
    }
}
