//! The words of a register file, collected while it is built: what each reads as, and what a write to it does.

use dyad_spec::Field;
use dyad_spec::regs::{Access, BLOCKS, REGISTERS, Register, block};

use crate::fields::place;
use crate::prelude::*;

/// Bits of a word's address: BAR 0 has 64 KiB in words of 4 bytes.
pub const WORD_ADDR_W: usize = 14;

/// A write on its way to the registers: signals of one cycle.
#[derive(Clone, Copy)]
pub struct Write {
    /// There is one.
    pub en: E,
    /// Word address.
    pub addr: E,
    /// Data.
    pub data: E,
    /// Byte lanes that are written.
    pub strobes: E,
}

/// The registers of BAR 0 under construction.
pub struct Map<'a> {
    /// The module that they are part of.
    pub m: &'a M,
    /// The write of this cycle.
    pub write: Write,
    /// Clears what is not kept.
    pub clear: E,
    /// Byte offset and value of every word that can be read.
    words: Vec<(usize, E)>,
}

impl<'a> Map<'a> {
    /// An empty map; `clear` sets to 0 what is not kept.
    pub fn new(m: &'a M, write: Write, clear: E) -> Self {
        Self { m, write, clear, words: Vec::new() }
    }

    /// The write of this cycle goes to the `index`th `register`.
    pub fn hit(&self, register: &Register, index: usize) -> E {
        self.write.en & self.write.addr.eq(register.at(index) / 4)
    }

    /// A 1 is written in this cycle to a bit of the `index`th `register`.
    pub fn sets(&self, register: &Register, index: usize, bit: usize) -> E {
        self.hit(register, index) & self.write.data.bit(bit) & self.write.strobes.bit(bit / 8)
    }

    /// The `index`th `register` reads as `value`, which has at most 32 bits.
    pub fn read(&mut self, register: &Register, index: usize, value: E) {
        self.words.push((register.at(index), value.zext(32)));
    }

    /// The `index`th `register` reads as `value`.
    pub fn constant(&mut self, register: &Register, index: usize, value: usize) {
        self.read(register, index, lit(value as u64, 32));
    }

    /// Flip-flops for a field of the `index`th `register`, written by the bus; kept or cleared by `clear`.
    pub fn store(&self, register: &Register, index: usize, f: Field, keep: bool) -> Var {
        let name = if register.count > 1 { format!("{}_{index}", f.name) } else { f.name.to_string() };
        let q = self.m.reg(format!("{}_q", name.to_lowercase()), f.width, 0);
        let hit = self.write.addr.eq(register.at(index) / 4);
        // Whether there is a write comes first and alone: a simulator then skips all registers at once.
        when(self.write.en, || {
            for byte in 0..4 {
                // The part of the field that lies in this byte.
                let (from, to) = (f.lsb.max(8 * byte), (f.lsb + f.width).min(8 * byte + 8));
                if from < to {
                    when(hit & self.write.strobes.bit(byte), || {
                        q.set_slice(from - f.lsb, self.write.data.slice(from, to - from));
                    });
                }
            }
        });
        if !keep {
            when(self.clear, || q.set(0));
        }
        q
    }

    /// All fields of the `index`th `register`, to write and to read. Returns the whole word and the fields.
    pub fn fields(&mut self, register: &Register, index: usize) -> (E, Vec<Var>) {
        let vars: Vec<Var> = register.fields.iter().map(|f| self.store(register, index, *f, false)).collect();
        let parts: Vec<(Field, E)> = register.fields.iter().zip(&vars).map(|(f, q)| (*f, q.get())).collect();
        let word = place(32, &parts);
        self.read(register, index, word);
        (word, vars)
    }

    /// The `index`th `register`, to write and to read, as a number in bits `lsb` to `lsb + width`. Returns the word from
    /// bit 0 to the number's last.
    pub fn number(&mut self, register: &Register, index: usize, lsb: usize, width: usize, keep: bool) -> E {
        let f = Field { name: register.name, lsb, width, doc: register.doc };
        let value = self.store(register, index, f, keep).get();
        let value = if lsb > 0 { cat(&[value, zero(lsb)]) } else { value };
        self.read(register, index, value);
        value
    }

    /// A number from bit 0.
    pub fn rw(&mut self, register: &Register, index: usize, width: usize) -> E {
        self.number(register, index, 0, width, false)
    }

    /// The upper word of a number whose lower one is `low`, and both together in `width` bits: zero above `have`.
    pub fn upper(&mut self, register: &Register, index: usize, low: E, have: usize, width: usize) -> E {
        let whole = match have.saturating_sub(32) {
            0 => {
                self.constant(register, index, 0);
                low
            }
            more => cat(&[self.rw(register, index, more), low]),
        };
        whole.zext(width)
    }

    /// The words of every block, one cycle after `addr` is taken by `en`: zero where the address is another block's.
    ///
    /// # Panics
    /// When a register of the contract that can be read has no word here with an index below `limit`, or a word has no
    /// register.
    pub fn readout(&self, en: E, addr: E, limit: impl Fn(&Register) -> usize) -> Vec<E> {
        let readable = REGISTERS.iter().filter(|r| r.access != Access::Wo);
        let mut wanted: Vec<usize> = readable.flat_map(|r| (0..limit(r)).map(|i| r.at(i))).collect();
        let mut found: Vec<usize> = self.words.iter().map(|w| w.0).collect();
        wanted.sort_unstable();
        found.sort_unstable();
        assert_eq!(wanted, found, "words that can be read: those of the contract, and those of the card");

        let block_of = |offset: usize| BLOCKS.iter().rposition(|b| b.0 <= offset);
        let mut blocks = Vec::new();
        for (n, (_, kind, _, _)) in BLOCKS.iter().enumerate() {
            let word = self.m.reg_nr(format!("word_{}", block::name(*kind)), 32);
            when(en, || {
                switch(addr, |s| {
                    for (offset, value) in self.words.iter().filter(|w| block_of(w.0) == Some(n)) {
                        s.is((offset / 4) as u64, || word.set(*value));
                    }
                    s.default(|| word.set(0));
                });
            });
            blocks.push(word.get());
        }
        blocks
    }
}

/// Whether a word address is one of an array whose size and stride are powers of two, and its index there.
///
/// # Panics
/// When the array does not lie at a multiple of its size.
pub fn window(addr: E, register: &Register) -> (E, E) {
    let (stride, span) = (register.stride / 4, register.count * register.stride / 4);
    let (base, low) = (register.offset / 4 / span, register.offset / 4 % span);
    assert!(span.is_power_of_two() && stride.is_power_of_two() && low < stride, "{}: not aligned", register.name);
    let index = addr.slice(clog2(stride), clog2(register.count));
    let inside = addr.slice(clog2(span), WORD_ADDR_W - clog2(span)).eq(base);
    let here = if stride > 1 { inside & addr.slice(0, clog2(stride)).eq(low) } else { inside };
    (here, index)
}
