//! A block under test: its printed Verilog, compiled, with ports by name.

use dyad_hdl::ir::{Bits, Module};
use dyad_verilator::{Design, Direction, Model, Optimize, Options, PortId};

/// Most words that a port of a tested block has.
const PORT_WORDS: usize = 256;

/// A Verilated block.
///
/// In each cycle: poke inputs, [`settle`](Self::settle), peek at outputs as they stand before the clock edge, then
/// [`edge`](Self::edge).
pub struct Dut {
    model: Model,
    name: String,
    ports: Vec<(String, usize, Direction, PortId)>,
    cycle: u64,
}

impl Dut {
    /// Prints `module` as Verilog, compiles it, and takes it through reset.
    pub fn new(module: &Module) -> Self {
        Self::with(module, 1, Optimize::Build)
    }

    /// The same with a power-up seed and a level of optimization.
    ///
    /// # Panics
    /// When the Verilog does not compile, or its ports are not those of the module.
    pub fn with(module: &Module, power_up: u64, optimize: Optimize) -> Self {
        let text = dyad_hdl::verilog::print(module);
        let options = Options { optimize, assert: true, ..Options::default() };
        let design =
            Design::compile(module.name(), &text, &options).unwrap_or_else(|e| panic!("{}: {e}", module.name()));
        let model = design.instance(power_up);
        let ports = design.ports().into_iter().map(|p| {
            let id = model.expect_port(&p.name);
            (p.name, p.width as usize, p.direction, id)
        });
        let ports: Vec<_> = ports.collect();
        for port in module.ports() {
            let found = ports.iter().find(|p| p.0 == port.name);
            assert_eq!(found.map(|p| p.1), Some(port.w), "{}: width of {} in Verilog", module.name(), port.name);
        }
        let mut dut = Self { model, name: module.name().to_string(), ports, cycle: 0 };
        dut.reset();
        dut
    }

    /// Sets all inputs to 0 and holds `rst` for two cycles.
    pub fn reset(&mut self) {
        for (name, _, direction, id) in &self.ports {
            if *direction == Direction::Input {
                self.model.set_u64(*id, u64::from(name == "rst"));
            }
        }
        self.model.tick();
        self.model.tick();
        if let Some(rst) = self.model.port("rst") {
            self.model.set_u64(rst, 0);
        }
        self.cycle = 0;
    }

    /// Cycles since reset.
    pub fn cycle(&self) -> u64 {
        self.cycle
    }

    /// A port, for access without looking up its name.
    ///
    /// # Panics
    /// When there is none of that name.
    pub fn port(&self, name: &str) -> PortId {
        self.find(name).1
    }

    /// Width of a port in bits.
    pub fn width(&self, name: &str) -> usize {
        self.find(name).0
    }

    fn find(&self, name: &str) -> (usize, PortId) {
        let found = self.ports.iter().find(|p| p.0 == name);
        let found = found.unwrap_or_else(|| panic!("{} has no port {name}", self.name));
        (found.1, found.3)
    }

    /// Sets an input of at most 64 bits; of a wider one the low 64, the rest 0.
    #[inline]
    pub fn set(&mut self, port: PortId, value: u64) {
        self.model.set_u64(port, value);
    }

    /// Reads a port's low 64 bits.
    #[inline]
    pub fn get(&self, port: PortId) -> u64 {
        self.model.get_u64(port)
    }

    /// Sets an input of any width.
    pub fn set_bits(&mut self, port: PortId, value: &Bits) {
        if value.width() <= 64 {
            self.model.set_u64(port, value.low_u64());
        } else {
            self.model.set_bytes(port, &value.to_bytes_le());
        }
    }

    /// Reads a port of any width.
    pub fn get_bits(&self, port: PortId) -> Bits {
        let w = self.model.width(port) as usize;
        if w <= 64 {
            return Bits::from_u64(self.model.get_u64(port), w);
        }
        let mut words = [0u32; 2 * PORT_WORDS];
        assert!(w <= 64 * PORT_WORDS, "{w} bits are more than a test can take");
        self.model.get_words(port, &mut words[..w.div_ceil(32)]);
        let wide: Vec<u64> = words.chunks(2).map(|p| u64::from(p[0]) | u64::from(p[1]) << 32).collect();
        Bits::from_words(&wide, w)
    }

    /// Sets an input by name.
    pub fn poke(&mut self, name: &str, value: u64) {
        let port = self.port(name);
        self.model.set_u64(port, value);
    }

    /// Sets an input of any width by name.
    pub fn poke_bits(&mut self, name: &str, value: &Bits) {
        assert_eq!(value.width(), self.width(name), "{}: width of {name}", self.name);
        self.set_bits(self.port(name), value);
    }

    /// Reads a port's low 64 bits by name.
    pub fn peek(&self, name: &str) -> u64 {
        self.model.get_u64(self.port(name))
    }

    /// Reads a port of any width by name.
    pub fn peek_bits(&self, name: &str) -> Bits {
        self.get_bits(self.port(name))
    }

    /// Lets the outputs follow the inputs.
    #[inline]
    pub fn settle(&mut self) {
        self.model.settle();
    }

    /// The rising clock edge.
    #[inline]
    pub fn edge(&mut self) {
        self.model.edge();
        self.cycle += 1;
    }

    /// One clock period: settle and edge.
    #[inline]
    pub fn tick(&mut self) {
        self.settle();
        self.edge();
    }

    /// `n` clock periods.
    pub fn ticks(&mut self, n: u64) {
        (0..n).for_each(|_| self.tick());
    }
}
