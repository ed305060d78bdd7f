//! Levels of logic between registers.
//!
//! A level is a LUT, a read of distributed RAM, or the entry into a carry chain; muxes behind LUTs and the way along a
//! carry chain are none. Block RAMs count as registers, although their outputs come some two levels late. Wires cost
//! nothing here: what a level takes in time is known after placement only.

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};

use super::cells::{Timing, is_read_address};
use super::netlist::{Cell, Net, Netlist, TOP, block_of, plain};

/// The longest path to one register.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Path {
    /// Levels of logic.
    pub levels: u32,
    /// Where it starts: a register, RAM or port.
    pub from: String,
    /// Where it ends.
    pub to: String,
    /// The block that it ends in.
    pub block: String,
    /// The blocks whose logic it passes, in order.
    pub through: Vec<String>,
}

/// Level of each net and the cell that gave it.
struct Levels<'a> {
    list: &'a Netlist,
    /// The cell that drives each net.
    driver: Vec<Option<u32>>,
    level: Vec<Mark>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    New,
    Open,
    /// Level, and the net that it came from.
    Done(u32, Option<Net>),
}

/// The longest path to each register, memory and output, longest first; those whose names differ in a number only
/// are one.
///
/// # Errors
/// When logic forms a loop.
pub fn paths(list: &Netlist) -> Result<Vec<Path>> {
    let mut levels = Levels { list, driver: vec![None; list.nets.len()], level: vec![Mark::New; list.nets.len()] };
    for (n, cell) in list.cells.iter().enumerate() {
        for (_, net) in &cell.outputs {
            levels.driver[*net as usize] = u32::try_from(n).ok();
        }
    }
    let mut ends: Vec<(u32, Net, String, String)> = Vec::new();
    for cell in &list.cells {
        for net in registered_inputs(cell) {
            let level = levels.of(net)?;
            if level > 0 {
                ends.push((level, net, cell.label(list), cell.block().to_owned()));
            }
        }
    }
    for &net in &list.outputs {
        ends.push((levels.of(net)?, net, format!("port {}", plain(list.net_name(net))), TOP.to_owned()));
    }
    ends.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| (&a.3, &a.2, a.1).cmp(&(&b.3, &b.2, b.1))));
    // Registers that differ in a number only are copies of one thing.
    let numberless = |text: &str| text.chars().filter(|c| !c.is_ascii_digit()).collect::<String>();
    let mut seen = std::collections::HashSet::new();
    ends.retain(|end| seen.insert((end.3.clone(), numberless(&end.2))));
    Ok(ends.into_iter().map(|(levels_, net, to, block)| levels.trace(levels_, net, to, block)).collect())
}

/// Nets at which paths end in `cell`.
fn registered_inputs(cell: &Cell) -> impl Iterator<Item = Net> {
    let inputs = cell.inputs.iter().filter(|(port, _)| match cell.kind.timing {
        Timing::Register => true,
        Timing::AsyncRam => !is_read_address(&cell.kind_name, port),
        Timing::Logic(_) | Timing::Carry | Timing::Constant => false,
    });
    inputs.map(|(_, net)| *net)
}

impl Levels<'_> {
    /// Inputs that `cell`'s outputs follow at once, and what each adds.
    fn arcs(cell: &Cell) -> Vec<(Net, u32)> {
        let cost = |port: &str| match cell.kind.timing {
            Timing::Register | Timing::Constant => None,
            Timing::Logic(levels) => Some(levels),
            Timing::Carry => Some(u32::from(!matches!(port, "CI" | "CIN" | "CI_TOP" | "CYINIT"))),
            Timing::AsyncRam => is_read_address(&cell.kind_name, port).then_some(1),
        };
        cell.inputs.iter().filter_map(|(port, net)| Some((*net, cost(port)?))).collect()
    }

    /// The level of `net`, found without recursion: chains of carry cells are long.
    fn of(&mut self, net: Net) -> Result<u32> {
        let mut stack = vec![net];
        while let Some(&top) = stack.last() {
            if let Mark::Done(..) = self.level[top as usize] {
                stack.pop();
                continue;
            }
            let Some(cell) = self.driver[top as usize].map(|n| &self.list.cells[n as usize]) else {
                self.level[top as usize] = Mark::Done(0, None);
                continue;
            };
            let arcs = Self::arcs(cell);
            let waiting: Vec<Net> =
                arcs.iter().map(|arc| arc.0).filter(|n| !matches!(self.level[*n as usize], Mark::Done(..))).collect();
            if waiting.is_empty() {
                let level = |n: Net| if let Mark::Done(level, _) = self.level[n as usize] { level } else { 0 };
                let best = arcs.iter().map(|(n, cost)| (level(*n) + cost, *n)).max();
                self.level[top as usize] = best.map_or(Mark::Done(0, None), |(l, n)| Mark::Done(l, Some(n)));
                continue;
            }
            if self.level[top as usize] == Mark::Open
                && let Some(looped) = waiting.iter().find(|n| self.level[**n as usize] == Mark::Open)
            {
                bail!("logic forms a loop through {}", self.list.net_name(*looped));
            }
            self.level[top as usize] = Mark::Open;
            stack.extend(waiting);
        }
        match self.level[net as usize] {
            Mark::Done(level, _) => Ok(level),
            Mark::New | Mark::Open => Ok(0),
        }
    }

    fn trace(&self, levels: u32, end: Net, to: String, block: String) -> Path {
        let mut through: Vec<String> = Vec::new();
        let mut net = end;
        while let Mark::Done(_, Some(before)) = self.level[net as usize] {
            if let Some(n) = self.driver[net as usize] {
                let block = block_of(&self.list.cells[n as usize].name);
                if through.last().map(String::as_str) != Some(block) {
                    through.push(block.to_owned());
                }
            }
            net = before;
        }
        through.reverse();
        let from = match self.driver[net as usize] {
            Some(n) => self.list.cells[n as usize].label(self.list),
            None => format!("port {}", plain(self.list.net_name(net))),
        };
        Path { levels, from, to, block, through }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn luts_count_and_carry_chains_count_once() {
        let text = ".inputs a b\n.outputs y\n\
            .subckt FDRE C=clk D=a Q=u_x.s\n.cname $flatten\\u_x.$1\n\
            .subckt LUT1 I0=u_x.s O=l0\n.cname $flatten\\u_x.$2\n\
            .subckt CARRY4 CI=$false DI[0]=l0 S[0]=l0 CO[3]=c0 O[0]=o0\n.cname $flatten\\u_y.$3\n\
            .subckt CARRY4 CI=c0 DI[0]=$false S[0]=$false CO[3]=c1 O[0]=o1\n.cname $flatten\\u_y.$4\n\
            .subckt MUXF7 I0=o1 I1=o0 S=o0 O=m\n.cname $flatten\\u_y.$5\n\
            .subckt FDRE C=clk D=m Q=u_y.t[4]\n.cname $flatten\\u_y.$6\n\
            .subckt LUT1 I0=u_y.t[4] O=y\n.cname $7\n";
        let paths = paths(&Netlist::parse(text).unwrap()).unwrap();
        let expected = Path {
            levels: 2,
            from: "x.s".into(),
            to: "y.t".into(),
            block: "y".into(),
            through: vec!["x".into(), "y".into()],
        };
        assert_eq!(paths[0], expected);
        assert_eq!((paths[1].levels, paths[1].to.as_str()), (1, "port y"));
    }

    #[test]
    fn a_read_of_distributed_ram_is_a_level() {
        let text = ".subckt FDRE C=c D=d Q=a\n.subckt RAM64X1D DPRA0=a A0=w D=d DPO=q WE=e\n.subckt FDRE C=c D=q Q=z\n";
        let paths = paths(&Netlist::parse(text).unwrap()).unwrap();
        assert_eq!((paths.len(), paths[0].levels, paths[0].to.as_str()), (1, 1, "z"));
    }

    #[test]
    fn loops_are_refused() {
        let text = ".outputs a\n.subckt LUT1 I0=a O=b\n.subckt LUT1 I0=b O=a\n";
        let error = paths(&Netlist::parse(text).unwrap()).err().unwrap();
        assert!(error.to_string().contains("loop"), "{error}");
    }
}
