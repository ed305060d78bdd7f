//! Pins: what a constraint file says, what the sources say, and the rules that both must keep.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, bail};

/// A port of a board's top module.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Port {
    /// Its name.
    pub name: String,
    /// Its width in bits.
    pub width: u32,
    /// Whether it is an input.
    pub input: bool,
}

impl Port {
    /// The names of its bits: `led[3]`, or `clk` when there is one bit.
    pub fn bits(&self) -> Vec<String> {
        match self.width {
            1 => vec![self.name.clone()],
            width => (0..width).map(|bit| format!("{}[{bit}]", self.name)).collect(),
        }
    }
}

/// One bit of a port at one pin.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Pin {
    /// The port's bit.
    pub bit: String,
    /// The package's pin.
    pub site: String,
    /// The I/O standard; none for transceivers.
    pub standard: Option<String>,
}

/// What a constraint file says, of any dialect.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Constraints {
    /// Pins, in the file's order.
    pub pins: Vec<Pin>,
    /// Ports that clocks enter by, and their periods in ns.
    pub clocks: Vec<(String, f64)>,
    /// Other mentions of ports: a name, a bit, or `name[*]`.
    pub mentions: Vec<String>,
}

/// One line of `pins.tsv`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Fact {
    /// What the sources agree on.
    pub pin: Pin,
    /// The pin's function by the vendor's naming, `MGTYRXP3_225` for example.
    pub function: Option<String>,
}

/// Reads `pins.tsv`: bit, pin, standard, function, sources, between tabs.
///
/// # Errors
/// When a line is not of that form, or names no source.
pub fn parse_facts(text: &str) -> Result<Vec<Fact>> {
    let some = |field: &str| (field != "-").then(|| field.to_owned());
    let mut facts = Vec::new();
    for (n, line) in text.lines().enumerate().filter(|(_, line)| !line.starts_with('#') && !line.trim().is_empty()) {
        let fields: Vec<&str> = line.split('\t').collect();
        let [bit, site, standard, function, sources] = fields[..] else {
            bail!("pins.tsv, line {}: {} fields between tabs, not 5", n + 1, fields.len());
        };
        if sources.trim().is_empty() || sources.split(',').any(|source| !text.contains(&format!("{source}: "))) {
            bail!("pins.tsv, line {}: `{sources}` is not a list of the sources that the head names", n + 1);
        }
        let pin = Pin { bit: bit.to_owned(), site: site.to_owned(), standard: some(standard) };
        facts.push(Fact { pin, function: some(function) });
    }
    Ok(facts)
}

/// Reads what yosys' `portlist` prints.
///
/// # Errors
/// When a line is not of its form.
pub fn parse_ports(text: &str) -> Result<Vec<Port>> {
    let lines =
        text.lines().map(str::trim).filter(|line| !line.starts_with("module") && !line.starts_with("endmodule"));
    lines
        .filter(|line| !line.is_empty())
        .map(|line| {
            let what = || format!("not a port: `{line}`");
            let (direction, rest) = line.split_once(" [").with_context(what)?;
            let (range, name) = rest.split_once("] ").with_context(what)?;
            let (high, low) = range.split_once(':').with_context(what)?;
            let (high, low): (u32, u32) = (high.parse().with_context(what)?, low.parse().with_context(what)?);
            Ok(Port { name: name.trim().to_owned(), width: high - low + 1, input: direction == "input" })
        })
        .collect()
}

/// Everything that is wrong, a line each.
pub fn check(ports: &[Port], constraints: &Constraints, facts: &[Fact]) -> Vec<String> {
    let mut wrong = against_ports(ports, constraints);
    wrong.extend(against_facts(&constraints.pins, facts));
    wrong.extend(functions(facts));
    wrong
}

/// Every bit of every port at one pin, no pin twice, nothing for what is no port; a clock comes in by an input.
fn against_ports(ports: &[Port], constraints: &Constraints) -> Vec<String> {
    let mut wrong = Vec::new();
    let bits: BTreeSet<String> = ports.iter().flat_map(Port::bits).collect();
    let mut by_bit: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut by_site: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for pin in &constraints.pins {
        by_bit.entry(&pin.bit).or_default().push(&pin.site);
        by_site.entry(&pin.site).or_default().push(&pin.bit);
        if !bits.contains(&pin.bit) {
            wrong.push(format!("pin {} is for {}, which is no port of the top module", pin.site, pin.bit));
        }
    }
    for bit in &bits {
        match by_bit.get(bit.as_str()).map(Vec::as_slice) {
            None => wrong.push(format!("{bit} has no pin")),
            Some([_]) => {}
            Some(sites) => wrong.push(format!("{bit} has {} pins: {}", sites.len(), sites.join(", "))),
        }
    }
    for (site, users) in by_site.iter().filter(|(_, users)| users.len() > 1) {
        wrong.push(format!("pin {site} is used {} times: {}", users.len(), users.join(", ")));
    }
    for (port, period) in &constraints.clocks {
        if !ports.iter().any(|p| p.input && p.bits().contains(port)) {
            wrong.push(format!("clock of {period} ns on {port}, which is no input of the top module"));
        }
    }
    for mention in &constraints.mentions {
        let whole = mention.strip_suffix("[*]");
        let known = bits.contains(mention) || ports.iter().any(|p| p.name == whole.unwrap_or(mention));
        if !known {
            wrong.push(format!("a constraint on {mention}, which is no port of the top module"));
        }
    }
    wrong
}

/// The file and the sources say the same.
fn against_facts(pins: &[Pin], facts: &[Fact]) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut table: BTreeMap<&str, &Pin> = BTreeMap::new();
    for fact in facts {
        if table.insert(&fact.pin.bit, &fact.pin).is_some() {
            wrong.push(format!("pins.tsv has {} twice", fact.pin.bit));
        }
    }
    for pin in pins {
        match table.remove(pin.bit.as_str()) {
            None => wrong.push(format!("{} at {}: no source in pins.tsv", pin.bit, pin.site)),
            Some(fact) if fact.site != pin.site => {
                wrong.push(format!("{} is at {}; its source says {}", pin.bit, pin.site, fact.site));
            }
            Some(fact) if fact.standard != pin.standard => {
                let name = |standard: &Option<String>| standard.clone().unwrap_or_else(|| "none".to_owned());
                let (is, should) = (name(&pin.standard), name(&fact.standard));
                wrong.push(format!("{} has I/O standard {is}; its source says {should}", pin.bit));
            }
            // A second line for the same bit is found elsewhere.
            Some(_) => {}
        }
    }
    wrong.extend(table.keys().map(|bit| format!("pins.tsv has {bit}, the constraints have not")));
    wrong
}

/// What the vendor's names of transceiver pins say must fit the ports: direction, polarity, and lanes in a row.
fn functions(facts: &[Fact]) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut lanes: BTreeMap<(String, bool), Vec<(u32, u32)>> = BTreeMap::new();
    for fact in facts {
        let (Some(function), bit) = (&fact.function, &fact.pin.bit) else { continue };
        let Some(mgt) = Mgt::parse(function) else {
            wrong.push(format!("{bit}: function {function} is not one that I know"));
            continue;
        };
        let (base, lane) = match bit.strip_suffix(']').and_then(|rest| rest.split_once('[')) {
            Some((base, lane)) => (base, lane.parse().unwrap_or(0)),
            None => (bit.as_str(), 0),
        };
        let kind = if base.contains("refclk") {
            'C'
        } else if base.contains("_rx_") {
            'R'
        } else {
            'T'
        };
        let positive = base.ends_with("_p");
        if (kind, positive) != (mgt.kind, mgt.positive) || !(base.ends_with("_p") || base.ends_with("_n")) {
            wrong.push(format!("{bit} is at a pin whose function is {function}"));
        }
        if kind != 'C' {
            let group = base.trim_end_matches("_p").trim_end_matches("_n");
            let link = group.trim_end_matches("_rx").trim_end_matches("_tx").to_owned();
            lanes.entry((link, kind == 'R')).or_default().push((lane, mgt.quad * 4 + mgt.channel));
        }
    }
    let links: BTreeSet<String> = lanes.keys().map(|(link, _)| link.clone()).collect();
    for link in links {
        let side = |rx: bool| {
            let mut list = lanes.get(&(link.clone(), rx)).cloned().unwrap_or_default();
            list.sort_unstable();
            list
        };
        let (rx, tx) = (side(true), side(false));
        if rx != tx {
            wrong.push(format!("{link}: receive and transmit pins of a lane are not of the same transceiver"));
        }
        // Both polarities are in the list: every second one.
        let channels: Vec<u32> = rx.iter().step_by(2).map(|(_, channel)| *channel).collect();
        let up = channels.windows(2).all(|pair| pair[1] == pair[0] + 1);
        let down = channels.windows(2).all(|pair| pair[0] == pair[1] + 1);
        if !(up || down) || rx.chunks(2).any(|pair| pair.len() != 2 || pair[0] != pair[1]) {
            wrong.push(format!("{link}: its lanes are not transceivers in a row, each with both polarities"));
        }
    }
    wrong
}

/// A transceiver pin's function, `MGTYRXP3_225` or `MGTREFCLK0N_227`.
struct Mgt {
    /// `R`, `T`, or `C` for a reference clock.
    kind: char,
    positive: bool,
    channel: u32,
    quad: u32,
}

impl Mgt {
    fn parse(function: &str) -> Option<Self> {
        let rest = function.strip_prefix("MGT")?;
        let (name, quad) = rest.split_once('_')?;
        let quad = quad.parse().ok()?;
        if let Some(clock) = name.strip_prefix("REFCLK") {
            let (channel, positive) = (clock.get(..1)?.parse().ok()?, clock.get(1..)? == "P");
            return Some(Self { kind: 'C', positive, channel, quad });
        }
        let name = name.strip_prefix(['Y', 'H'])?;
        let kind = name.chars().next().filter(|c| "RT".contains(*c))?;
        let polarity = name.get(2..3)?;
        Some(Self { kind, positive: polarity == "P", channel: name.get(3..)?.parse().ok()?, quad })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FACTS: &str = "# S: a source\n\
        clk\tE18\tLVCMOS33\t-\tS\nled[0]\tB1\tLVCMOS33\t-\tS\nled[1]\tB2\tLVCMOS33\t-\tS\n\
        x_rx_p[0]\tP2\t-\tMGTYRXP3_225\tS\nx_rx_n[0]\tP1\t-\tMGTYRXN3_225\tS\n\
        x_rx_p[1]\tT2\t-\tMGTYRXP2_225\tS\nx_rx_n[1]\tT1\t-\tMGTYRXN2_225\tS\n\
        x_tx_p[0]\tR5\t-\tMGTYTXP3_225\tS\nx_tx_n[0]\tR4\t-\tMGTYTXN3_225\tS\n\
        x_tx_p[1]\tU5\t-\tMGTYTXP2_225\tS\nx_tx_n[1]\tU4\t-\tMGTYTXN2_225\tS\n";
    const PORTS: &str = "module m\ninput [0:0] clk\noutput [1:0] led\ninput [1:0] x_rx_p\ninput [1:0] x_rx_n\n\
        output [1:0] x_tx_p\noutput [1:0] x_tx_n\nendmodule\n";

    fn board() -> (Vec<Port>, Constraints, Vec<Fact>) {
        let facts = parse_facts(FACTS).unwrap();
        let pins = facts.iter().map(|fact| fact.pin.clone()).collect();
        let constraints =
            Constraints { pins, clocks: vec![("clk".into(), 10.0)], mentions: vec!["led[*]".into(), "clk".into()] };
        (parse_ports(PORTS).unwrap(), constraints, facts)
    }

    /// What is wrong after `change`.
    fn wrong(change: impl FnOnce(&mut Vec<Port>, &mut Constraints, &mut Vec<Fact>)) -> String {
        let (mut ports, mut constraints, mut facts) = board();
        change(&mut ports, &mut constraints, &mut facts);
        check(&ports, &constraints, &facts).join("\n")
    }

    #[test]
    fn a_good_board_passes() {
        assert_eq!(wrong(|_, _, _| {}), "");
    }

    #[test]
    fn a_swapped_pin_is_found() {
        let swap = |c: &mut Constraints| {
            let site = c.pins[1].site.clone();
            c.pins[1].site = std::mem::replace(&mut c.pins[2].site, site);
        };
        let text = wrong(|_, c, _| swap(c));
        assert!(text.contains("led[0] is at B2; its source says B1"), "{text}");
    }

    #[test]
    fn a_pin_swapped_in_the_table_too_is_found_by_its_function() {
        // Lanes 0 and 1 of the receivers, in constraints and table alike.
        let text = wrong(|_, c, f| {
            for (a, b) in [(3, 5), (4, 6)] {
                let other = f[b].clone();
                let bit = (f[a].pin.bit.clone(), other.pin.bit.clone());
                let mine = std::mem::replace(&mut f[a], other);
                f[b] = mine;
                (f[a].pin.bit, f[b].pin.bit) = bit;
            }
            c.pins = f.iter().map(|fact| fact.pin.clone()).collect();
        });
        assert!(text.contains("x: receive and transmit pins of a lane"), "{text}");
        // Polarity.
        let text = wrong(|_, c, f| {
            (f[3].pin.bit, f[4].pin.bit) = (f[4].pin.bit.clone(), f[3].pin.bit.clone());
            c.pins = f.iter().map(|fact| fact.pin.clone()).collect();
        });
        assert!(text.contains("x_rx_n[0] is at a pin whose function is MGTYRXP3_225"), "{text}");
    }

    #[test]
    fn a_missing_pin_is_found() {
        let text = wrong(|_, c, _| drop(c.pins.remove(2)));
        assert!(text.contains("led[1] has no pin"), "{text}");
    }

    #[test]
    fn a_doubled_pin_is_found() {
        let text = wrong(|_, c, _| c.pins.push(c.pins[1].clone()));
        assert!(text.contains("led[0] has 2 pins: B1, B1"), "{text}");
        assert!(text.contains("pin B1 is used 2 times"), "{text}");
        let text = wrong(|_, c, f| {
            c.pins[1].site = "B2".into();
            f[1].pin.site = "B2".into();
        });
        assert_eq!(text, "pin B2 is used 2 times: led[0], led[1]");
    }

    #[test]
    fn constraints_on_nothing_are_found() {
        let text = wrong(|p, _, _| drop(p.remove(1)));
        assert!(text.contains("pin B1 is for led[0], which is no port"), "{text}");
        assert!(text.contains("a constraint on led[*], which is no port"), "{text}");
        let text = wrong(|_, c, _| c.clocks.push(("led[0]".into(), 8.0)));
        assert_eq!(text, "clock of 8 ns on led[0], which is no input of the top module");
    }

    #[test]
    fn a_wrong_standard_and_a_missing_source_are_found() {
        let text = wrong(|_, c, _| c.pins[0].standard = Some("LVDS".into()));
        assert_eq!(text, "clk has I/O standard LVDS; its source says LVCMOS33");
        let text = wrong(|_, _, f| drop(f.remove(0)));
        assert_eq!(text, "clk at E18: no source in pins.tsv");
        assert!(parse_facts("# S: a source\nclk\tE18\tLVDS\t-\tQ\n").is_err());
        assert!(parse_facts("clk\tE18\tLVDS\t-\n").is_err());
    }
}
