//! Proofs by enumeration: every state that a small module can reach, with every input in each.
//!
//! yosys makes an and-inverter graph of the module (A. Biere, K. Heljanko, S. Wieringa, "AIGER 1.9 And Beyond", 2011); here it
//! is stepped, 256 inputs at a time. Unlike an induction this needs no invariant that somebody has thought of, and so it fits
//! linked lists and queues; but it ends for small modules alone. The run is from power-up, with `rst` 0 and RAMs of zeroes.

use dyad_hdl::ir::Module;
use dyad_hdl::ir::data::PropKind;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use serde_json::Value;

use crate::proof::Workplace;

/// Most inputs of a module, in bits: all their values are tried in every state.
const MOST_INPUTS: usize = 14;
/// Values of the inputs that are tried at a time.
const LANES: usize = 256;
const WORDS: usize = LANES / 64;
type Word = [u64; WORDS];

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reached {
    /// States that can be reached.
    pub states: usize,
    /// Steps to the farthest of them.
    pub steps: usize,
    /// Steps in which the assumptions of the module hold.
    pub transitions: u64,
}

impl std::fmt::Display for Reached {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { states, steps, transitions } = self;
        write!(f, "{states} states, {steps} steps deep, {transitions} transitions: all hold")
    }
}

/// Visits every state that `module` can reach, and asks for each of its properties in each, under every input.
///
/// # Panics
/// When a property fails, with the shortest run to there; when what is to be covered never happens; when there are more than
/// `most` states.
pub fn every_state(module: &Module, most: usize) -> Reached {
    let graph = Graph::of_properties(module);
    let found = graph.search(most);
    let missing: Vec<&str> =
        graph.covers().filter(|(n, _)| !found.happened[*n]).map(|(_, b)| b.name.as_str()).collect();
    assert!(missing.is_empty(), "{}: in {} states never: {}", module.name(), found.reached.states, missing.join(", "));
    found.reached
}

/// A family of chips that blocks are mapped to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Lattice ECP5.
    Ecp5,
    /// AMD UltraScale+.
    Xcup,
}

impl Family {
    /// How yosys maps to it, and what its cells do.
    fn synthesis(self, top: &str) -> (String, &'static str) {
        match self {
            Self::Ecp5 => (format!("synth_ecp5 -top {top}"), "+/ecp5/cells_sim.v"),
            Self::Xcup => {
                let script = format!("synth_xilinx -family xcup -noiopad -noclkbuf -flatten -top {top}");
                (script, "+/xilinx/cells_sim.v")
            }
        }
    }
}

/// Visits every state that `module` and its netlist of `family`'s cells can reach side by side, both from power-up, under every
/// input, `rst` among them: their outputs are equal in each. What the cells do is what yosys' models of them say.
///
/// # Panics
/// When outputs differ, with the shortest run to there; when there are more than `most` states.
pub fn same_netlist(module: &Module, family: Family, most: usize) -> Reached {
    Graph::of_netlist(module, family, "").search(most).reached
}

/// What must never be, or, where `cover` is set, must be at some time.
struct Bad {
    name: String,
    lit: usize,
    cover: bool,
}

/// An and-inverter graph. A literal is twice a node's number, and 1 more for its inverse; node 0 is false.
struct Graph {
    name: String,
    /// Names of the inputs that are tried, by their nodes.
    inputs: Vec<(usize, String)>,
    /// Node, next value, value at power-up.
    latches: Vec<(usize, usize, bool)>,
    /// Node and its two inputs, after those that they depend on.
    ands: Vec<(usize, usize, usize)>,
    bads: Vec<Bad>,
    assumed: Vec<usize>,
    nodes: usize,
}

struct Found {
    reached: Reached,
    happened: Vec<bool>,
}

impl Graph {
    fn of_properties(module: &Module) -> Self {
        let name = module.name();
        let place = Workplace::new(name);
        // What is to be covered is looked for like what must not be.
        let verilog: String = dyad_hdl::verilog::print(module)
            .lines()
            .map(|line| match line.split_once(": cover (") {
                Some((name, cond)) => format!("{name}: assert (!({};\n", cond.replace(");", "))")),
                None => format!("{line}\n"),
            })
            .collect();
        place.write("block.v", &verilog);
        let covers: Vec<&str> =
            module.data().props.iter().filter(|p| p.kind == PropKind::Cover).map(|p| p.name.as_str()).collect();
        let script = format!("read_verilog -formal block.v; prep -top {name} -flatten");
        Self::make(&place, name, &script, &covers, &["clk[0]", "rst[0]"])
    }

    /// `tamper`: commands for yosys between mapping and comparison.
    fn of_netlist(module: &Module, family: Family, tamper: &str) -> Self {
        let name = module.name();
        let place = Workplace::new(name);
        place.write("block.v", &dyad_hdl::verilog::print(module));
        let (map, cells) = family.synthesis(name);
        let script = format!(
            "read_verilog block.v; {map}; {tamper}; techmap -wb -D EQUIV -autoproc -map {cells}; flatten; opt_clean; \
             rename {name} netlist; design -stash netlist; \
             read_verilog block.v; prep -top {name} -flatten; rename {name} source; \
             design -copy-from netlist -as netlist netlist; \
             miter -equiv -make_assert -flatten source netlist both; prep -top both"
        );
        Self::make(&place, &format!("{name} and its netlist for {family:?}"), &script, &[], &["in_clk[0]"])
    }

    /// The graph of the design that `script` leaves; inputs of the names in `quiet` are 0.
    fn make(place: &Workplace, name: &str, script: &str, covers: &[&str], quiet: &[&str]) -> Self {
        place.yosys(&format!(
            "{script}; memory_nordff; async2sync; chformal -early; formalff -clk2ff; setundef -undriven -zero; delete -output; \
             memory_map -formal; formalff -clk2ff; opt -full; opt_dff -sat; opt -full; techmap; opt -fast; opt_dff -sat; \
             opt -fast; simplemap; dffunmap; aigmap; opt_clean; \
             write_aiger -ascii -I -B -zinit -no-startoffset -ywmap block.json block.aag"
        ));
        let map: Value = serde_json::from_str(&place.read("block.json")).expect("the map of the graph");
        Self::parse(name, &place.read("block.aag"), &map, covers, quiet)
    }

    fn parse(name: &str, text: &str, map: &Value, covers: &[&str], quiet: &[&str]) -> Self {
        let path = |of: &Value| {
            let parts: Vec<&str> = of.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            parts.join(".").replace('\\', "")
        };
        let mut lines = text.lines();
        let numbers = |line: &str| line.split_whitespace().filter_map(|word| word.parse().ok()).collect::<Vec<usize>>();
        let head = numbers(lines.next().expect("a head"));
        let &[most, inputs, latches, outputs, ands, bads, assumed] = &head[..7] else { panic!("seven numbers") };
        let mut take = |n: usize| -> Vec<Vec<usize>> { lines.by_ref().take(n).map(numbers).collect() };
        let input_nodes = take(inputs);
        let latches = take(latches).iter().map(|l| (l[0] / 2, l[1], l.get(2) == Some(&1))).collect();
        take(outputs);
        let bad_lits = take(bads);
        let assumed = take(assumed).iter().map(|c| c[0]).collect();
        let mut ands: Vec<_> = take(ands).iter().map(|a| (a[0] / 2, a[1], a[2])).collect();
        ands.sort_unstable();
        assert!(ands.iter().all(|(n, a, b)| a / 2 < *n && b / 2 < *n), "nodes come after what they depend on");
        let named = map["inputs"].as_array().expect("inputs").iter().map(|i| {
            let node = input_nodes[i["input"].as_u64().expect("a number") as usize][0] / 2;
            (node, format!("{}[{}]", path(&i["path"]), i["offset"]))
        });
        let inputs: Vec<_> = named.filter(|(_, name)| !quiet.contains(&name.as_str())).collect();
        assert!(inputs.len() <= MOST_INPUTS, "{name}: {} bits of inputs: {inputs:?}", inputs.len());
        let asserts = map["asserts"].as_array().expect("asserts").iter().map(path);
        let bads = asserts
            .zip(bad_lits)
            .map(|(name, lit)| Bad { cover: covers.contains(&name.as_str()), lit: lit[0], name })
            .collect();
        Self { name: name.to_string(), inputs, latches, ands, bads, assumed, nodes: most + 1 }
    }

    fn covers(&self) -> impl Iterator<Item = (usize, &Bad)> {
        self.bads.iter().enumerate().filter(|(_, b)| b.cover)
    }

    /// Breadth first, so that the run to what is wrong is a shortest one.
    fn search(&self, most: usize) -> Found {
        let words = self.latches.len().div_ceil(64);
        let mut states = States::new(words);
        let mut happened = vec![false; self.bads.len()];
        let mut first = vec![0; words];
        for (i, (_, _, init)) in self.latches.iter().enumerate() {
            first[i / 64] |= u64::from(*init) << (i % 64);
        }
        states.add(&first, 0, 0);
        let mut nodes = vec![[0; WORDS]; self.nodes];
        let chunks = (1usize << self.inputs.len()).div_ceil(LANES);
        let (mut at, mut steps, mut level_ends, mut transitions) = (0, 0, 1, 0);
        while at < states.len() {
            if at == level_ends {
                steps += 1;
                level_ends = states.len();
            }
            for (i, (node, ..)) in self.latches.iter().enumerate() {
                let one = states.get(at)[i / 64] >> (i % 64) & 1;
                nodes[*node] = [one.wrapping_neg(); WORDS];
            }
            for chunk in 0..chunks {
                for (i, (node, _)) in self.inputs.iter().enumerate() {
                    nodes[*node] = lanes_of(i, chunk);
                }
                let allowed = self.evaluate(&mut nodes);
                for (n, bad) in self.bads.iter().enumerate() {
                    let is = and(value(&nodes, bad.lit), allowed);
                    if bad.cover {
                        happened[n] |= is != [0; WORDS];
                    } else if let Some(lane) = (0..LANES).find(|lane| bit(&is, *lane)) {
                        panic!("{}", self.complain(&bad.name, &states, at, chunk * LANES + lane));
                    }
                }
                transitions += allowed.iter().map(|w| u64::from(w.count_ones())).sum::<u64>();
                self.follow(&nodes, allowed, &mut states, at, chunk);
                assert!(states.len() <= most, "{}: more than {most} states, {steps} steps from power-up", self.name);
            }
            at += 1;
        }
        Found { reached: Reached { states: states.len(), steps, transitions }, happened }
    }

    /// All nodes from latches and inputs; returns the lanes in which the assumptions hold.
    fn evaluate(&self, nodes: &mut [Word]) -> Word {
        for (node, a, b) in &self.ands {
            nodes[*node] = and(value(nodes, *a), value(nodes, *b));
        }
        let real = (1usize << self.inputs.len()).min(LANES);
        let lanes: Word = std::array::from_fn(|w| match real.saturating_sub(64 * w) {
            0 => 0,
            n if n >= 64 => !0,
            n => (1 << n) - 1,
        });
        self.assumed.iter().fold(lanes, |so_far, c| and(so_far, value(nodes, *c)))
    }

    /// Adds the next states of the lanes that are allowed.
    fn follow(&self, nodes: &[Word], allowed: Word, states: &mut States, from: usize, chunk: usize) {
        let next: Vec<Word> = self.latches.iter().map(|(_, next, _)| value(nodes, *next)).collect();
        let mut state = vec![0; states.words];
        for w in (0..WORDS).filter(|w| allowed[*w] != 0) {
            let mut columns: Vec<[u64; 64]> = next
                .chunks(64)
                .map(|latches| std::array::from_fn(|i| latches.get(i).map_or(0, |word| word[w])))
                .collect();
            columns.iter_mut().for_each(transpose);
            for lane in (0..64).filter(|lane| allowed[w] >> lane & 1 != 0) {
                state.iter_mut().zip(&columns).for_each(|(word, column)| *word = column[lane]);
                states.add(&state, from, chunk * LANES + 64 * w + lane);
            }
        }
    }

    /// The run to the failure of a property.
    fn complain(&self, property: &str, states: &States, at: usize, input: usize) -> String {
        let mut run = vec![input];
        let mut back = at;
        while back != 0 {
            let (from, input) = states.origin[back];
            run.push(input as usize);
            back = from as usize;
        }
        let mut out = format!("{}: {property} fails in cycle {}, inputs that are not 0:\n", self.name, run.len() - 1);
        for (cycle, input) in run.iter().rev().enumerate() {
            let set = self.inputs.iter().enumerate().filter(|(i, _)| input >> i & 1 != 0);
            let names: Vec<&str> = set.map(|(_, (_, name))| name.as_str()).collect();
            out.push_str(&format!("{cycle:4}: {}\n", names.join(" ")));
        }
        out
    }
}

/// States by number, and how each was reached first.
struct States {
    words: usize,
    bits: Vec<u64>,
    /// State before, and input.
    origin: Vec<(u32, u32)>,
    /// Numbers, by what their states are.
    known: HashTable<u32>,
}

impl States {
    fn new(words: usize) -> Self {
        Self { words, bits: Vec::new(), origin: Vec::new(), known: HashTable::new() }
    }

    fn len(&self) -> usize {
        self.origin.len()
    }

    fn get(&self, n: usize) -> &[u64] {
        &self.bits[n * self.words..(n + 1) * self.words]
    }

    fn add(&mut self, state: &[u64], from: usize, input: usize) {
        let Self { words, bits, known, .. } = self;
        let of = |n: &u32| &bits[*n as usize * *words..(*n as usize + 1) * *words];
        if let Entry::Vacant(place) = known.entry(mix(state), |n| of(n) == state, |n| mix(of(n))) {
            place.insert(self.origin.len() as u32);
            self.bits.extend(state);
            self.origin.push((from as u32, input as u32));
        }
    }
}

/// A hash: multiplies and folds. States are not chosen by anyone who means harm.
fn mix(state: &[u64]) -> u64 {
    state.iter().fold(0, |so_far, word| {
        let product = u128::from(so_far ^ word ^ 0x9e37_79b9_7f4a_7c15) * 0xd6e8_feb8_6659_fd93;
        product as u64 ^ (product >> 64) as u64
    })
}

fn and(a: Word, b: Word) -> Word {
    std::array::from_fn(|w| a[w] & b[w])
}

fn bit(word: &Word, lane: usize) -> bool {
    word[lane / 64] >> (lane % 64) & 1 != 0
}

fn value(nodes: &[Word], lit: usize) -> Word {
    let inverse = ((lit & 1) as u64).wrapping_neg();
    nodes[lit / 2].map(|w| w ^ inverse)
}

/// Bit `i` of the input's value, in the lanes of a chunk.
fn lanes_of(i: usize, chunk: usize) -> Word {
    const WITHIN: [u64; 6] = [
        0xaaaa_aaaa_aaaa_aaaa,
        0xcccc_cccc_cccc_cccc,
        0xf0f0_f0f0_f0f0_f0f0,
        0xff00_ff00_ff00_ff00,
        0xffff_0000_ffff_0000,
        0xffff_ffff_0000_0000,
    ];
    std::array::from_fn(|w| match WITHIN.get(i) {
        Some(pattern) => *pattern,
        None => ((((chunk * WORDS + w) >> (i - 6)) & 1) as u64).wrapping_neg(),
    })
}

/// Rows to columns: bit j of word i goes to bit i of word j (H. Warren, "Hacker's Delight", 7-3).
fn transpose(block: &mut [u64; 64]) {
    let (mut half, mut mask) = (32, 0x0000_0000_ffff_ffff_u64);
    while half != 0 {
        let mut row = 0;
        while row < 64 {
            let swap = (block[row] >> half ^ block[row + half]) & mask;
            block[row] ^= swap << half;
            block[row + half] ^= swap;
            row = (row + half + 1) & !half;
        }
        half >>= 1;
        mask ^= mask << half;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dyad_hdl::ir::{lit, module, mux};

    fn counter(wraps_at: u64, claim: u64) -> Module {
        module("counter_of_states", |m| {
            let go = m.input("go", 1);
            let count = m.reg("count", 4, 0);
            count.set(mux(go, mux(count.eq(wraps_at), lit(0, 4), count + 1), count.get()));
            m.output("q", 4).set(count);
            m.prove("below", count.lt(claim));
            m.cover("comes_to_five", count.eq(5));
        })
    }

    #[test]
    fn states_are_counted() {
        let reached = every_state(&counter(9, 10), 100);
        assert_eq!(reached, Reached { states: 10, steps: 9, transitions: 20 });
    }

    #[test]
    #[should_panic(expected = "below fails in cycle 9")]
    fn what_fails_is_found_by_the_shortest_run() {
        every_state(&counter(9, 9), 100);
    }

    #[test]
    #[should_panic(expected = "never: comes_to_five")]
    fn what_never_happens_is_told() {
        every_state(&counter(4, 10), 100);
    }

    #[test]
    #[should_panic(expected = "more than 5 states")]
    fn too_many_states_are_told() {
        every_state(&counter(9, 10), 5);
    }

    #[test]
    fn a_wrong_netlist_is_told() {
        for tamper in ["setparam -set INIT 16'hfffe t:LUT4", "setparam -set REGSET \"SET\" t:TRELLIS_FF"] {
            let graph = Graph::of_netlist(&counter(9, 10), Family::Ecp5, tamper);
            let told = std::panic::catch_unwind(|| graph.search(10_000).reached).expect_err(tamper);
            let told = told.downcast_ref::<String>().expect("a text");
            assert!(told.contains("fails in cycle"), "{told}");
        }
    }

    #[test]
    fn rows_become_columns() {
        let mut block: [u64; 64] = std::array::from_fn(|i| (i as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let before = block;
        transpose(&mut block);
        for i in 0..64 {
            for j in 0..64 {
                assert_eq!(block[j] >> i & 1, before[i] >> j & 1, "{i} {j}");
            }
        }
    }
}
