//! A mapped netlist, flattened, as yosys writes it in BLIF with cell names.

use std::collections::HashMap;

use anyhow::{Context as _, Result, bail};

use super::cells::{self, Kind, Timing, Usage};

/// The block that what belongs to no instance is counted under: the wiring of the top module.
pub const TOP: &str = "(top)";

/// A net, as an index into [`Netlist::nets`].
pub type Net = u32;

/// A cell of a known kind.
pub struct Cell {
    /// Name of its kind.
    pub kind_name: String,
    /// What is known of the kind.
    pub kind: Kind,
    /// Its own name.
    pub name: String,
    /// Ports and the nets on them, inputs first.
    pub inputs: Vec<(String, Net)>,
    /// Output ports and the nets on them.
    pub outputs: Vec<(String, Net)>,
}

/// Nets and cells of a design.
pub struct Netlist {
    /// Names of the nets.
    pub nets: Vec<String>,
    /// Cells.
    pub cells: Vec<Cell>,
    /// Output ports.
    pub outputs: Vec<Net>,
    index: HashMap<String, Net>,
}

impl Netlist {
    /// Reads BLIF as `write_blif -cname` prints it.
    ///
    /// # Errors
    /// When a cell is of an unknown kind, or a line not of the form.
    pub fn parse(text: &str) -> Result<Self> {
        let mut list = Self { nets: Vec::new(), cells: Vec::new(), outputs: Vec::new(), index: HashMap::new() };
        for (n, line) in text.lines().enumerate() {
            list.line(line).with_context(|| format!("line {}", n + 1))?;
        }
        Ok(list)
    }

    /// The name of a net, as the design calls it.
    pub fn net_name(&self, net: Net) -> &str {
        &self.nets[net as usize]
    }

    fn line(&mut self, line: &str) -> Result<()> {
        let mut words = line.split_ascii_whitespace();
        match words.next() {
            Some(".outputs") => {
                for word in words {
                    let net = self.net(word);
                    self.outputs.push(net);
                }
            }
            Some(".subckt") => {
                let kind_name = words.next().context("a .subckt has no kind")?;
                self.cell(kind_name, words)?;
            }
            // The name follows its cell.
            Some(".cname") => {
                let name = words.next().context("a .cname has no name")?;
                self.cells.last_mut().context("a .cname before any cell")?.name = name.to_owned();
            }
            // Constants have one word, a connection of two nets two.
            Some(".names") => match words.collect::<Vec<_>>()[..] {
                [_] => {}
                [from, to] => {
                    let (from, to) = (self.net(from), self.net(to));
                    let kind = Kind { usage: Usage::default(), timing: Timing::Logic(0) };
                    self.cells.push(Cell {
                        kind_name: "connection".into(),
                        kind,
                        name: String::new(),
                        inputs: vec![("I".into(), from)],
                        outputs: vec![("O".into(), to)],
                    });
                }
                _ => bail!("logic that is not mapped to a cell"),
            },
            _ => {}
        }
        Ok(())
    }

    fn cell<'a>(&mut self, kind_name: &str, pins: impl Iterator<Item = &'a str>) -> Result<()> {
        let kind = cells::kind(kind_name).with_context(|| format!("nothing is known of cells called {kind_name}"))?;
        let (mut inputs, mut outputs) = (Vec::new(), Vec::new());
        for pin in pins {
            let (port, net) = pin.split_once('=').with_context(|| format!("`{pin}` is no connection"))?;
            let pin = (port.to_owned(), self.net(net));
            if cells::is_output(kind_name, port) { &mut outputs } else { &mut inputs }.push(pin);
        }
        self.cells.push(Cell { kind_name: kind_name.to_owned(), kind, name: String::new(), inputs, outputs });
        Ok(())
    }

    fn net(&mut self, name: &str) -> Net {
        if let Some(&net) = self.index.get(name) {
            return net;
        }
        let net = Net::try_from(self.nets.len()).unwrap_or(Net::MAX);
        self.nets.push(name.to_owned());
        self.index.insert(name.to_owned(), net);
        net
    }
}

impl Cell {
    /// The top module's instance that this cell lies in, without the `u_` of instance names; [`TOP`] when in none.
    pub fn block(&self) -> &str {
        block_of(&self.name)
    }

    /// What people call it: a register by its output, anything else by its name; without bit and marks of the tools.
    pub fn label(&self, list: &Netlist) -> String {
        let by_output = self.outputs.first().map(|(_, net)| list.net_name(*net)).filter(|name| !name.contains('$'));
        match (self.kind.usage.bram18 + self.kind.usage.lutram, by_output) {
            (0, Some(net)) => plain(net),
            _ => plain(&self.name),
        }
    }
}

/// `u_slots.u_ram.x[3]` as `slots.ram.x`; what the tools have added, `.0.12` or `$auto$...`, is left out.
pub fn plain(name: &str) -> String {
    let name = inner(name).split('[').next().unwrap_or_default().replace('\\', "");
    let parts = name.split('.').map(|part| part.strip_prefix("u_").unwrap_or(part));
    let parts = parts
        .take_while(|part| !part.is_empty() && !part.contains('$') && !part.starts_with(|c: char| c.is_ascii_digit()));
    let text = parts.collect::<Vec<_>>().join(".");
    if text.is_empty() { "(unnamed)".into() } else { text }
}

/// A hierarchical name without the mark that flattening puts before those of the tools' own cells.
fn inner(name: &str) -> &str {
    name.split_once('\\').map_or(name, |(_, rest)| rest)
}

/// The first instance in a hierarchical name.
pub fn block_of(name: &str) -> &str {
    let inner = inner(name);
    let first = inner.split('.').next().unwrap_or_default();
    match first.strip_prefix("u_") {
        Some(block) if inner.len() > first.len() => block,
        _ => TOP,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_what_the_tools_added() {
        assert_eq!(plain("u_slots.state_q[3]"), "slots.state_q");
        assert_eq!(plain("$flatten\\u_read.\\u_narrow.$auto$ff.cc:337:slice$69963"), "read.narrow");
        assert_eq!(plain("$abc$1889028$lut$aiger$o10988"), "(unnamed)");
        assert_eq!(plain("u_pending.state_ram.0.12"), "pending.state_ram");
        assert_eq!(block_of("$flatten\\u_read.\\u_narrow.$auto$ff.cc:337"), "read");
        assert_eq!(block_of("u_pending.state_ram.0.12"), "pending");
        assert_eq!(block_of("$abc$1889028$lut$aiger$o10988"), TOP);
        assert_eq!(block_of("u_plain"), TOP);
    }

    #[test]
    fn blif_is_read() {
        let text = ".model m\n.inputs a clk\n.outputs q\n.names $true\n1\n.subckt LUT1 I0=a O=u_x.d\n.cname $abc$1\n\
                    .subckt FDRE C=clk D=u_x.d Q=u_x.q\n.cname $flatten\\u_x.$auto$2\n.names u_x.q q\n1 1\n.end\n";
        let list = Netlist::parse(text).unwrap();
        assert_eq!(list.cells.len(), 3);
        assert_eq!((list.cells[0].block(), list.cells[1].block()), (TOP, "x"));
        assert_eq!(list.cells[1].label(&list), "x.q");
        assert_eq!((list.cells[1].inputs.len(), list.cells[1].outputs.len()), (2, 1));
    }

    #[test]
    fn unknown_cells_are_named() {
        let error = Netlist::parse(".subckt FROB A=a Y=y\n").err().unwrap();
        assert!(format!("{error:#}").contains("line 1: nothing is known of cells called FROB"), "{error:#}");
        assert!(Netlist::parse(".names a b y\n").is_err());
    }
}
