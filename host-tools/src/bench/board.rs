//! What a board adds that the simulator leaves out: the PCIe bus, the MACs and the transceivers. Constants with a name, each with
//! an optimistic and a pessimistic figure and where they come from; `docs/measuring.md` has the sources in full.

use serde::Serialize;

use crate::cost::Floor;
use crate::plot::Part;

/// Something that a board has, in nanoseconds each time that a write meets it.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Constant {
    /// What it is.
    pub name: &'static str,
    /// Times that a write of one block meets it.
    pub times: u32,
    /// When all goes well.
    pub optimistic_ns: f64,
    /// When it goes badly, and nothing is broken.
    pub pessimistic_ns: f64,
    /// Where the figures are from.
    pub source: &'static str,
}

const PCIE_WRITE: Constant = Constant {
    name: "PCIe posted write",
    times: 2,
    optimistic_ns: 250.0,
    pessimistic_ns: 425.0,
    source: "half a PCIe round trip: of the shortest read; of 850 ns between an FPGA and a desktop host, measured 2014",
};
const PCIE_READ: Constant = Constant {
    name: "PCIe read",
    times: 2,
    optimistic_ns: 500.0,
    pessimistic_ns: 900.0,
    source: "Neugebauer et al., SIGCOMM 2018, in round figures",
};
/// In and out at one end; a write and its ACK meet two ends.
const TEN_GIG: [Constant; 2] = [
    Constant {
        name: "MAC",
        times: 2,
        optimistic_ns: 67.2,
        pessimistic_ns: 819.2,
        source: "Intel 813663, 10G, both ways; limit of IEEE 802.3 clause 44.3, 8192 bit times",
    },
    Constant {
        name: "PHY",
        times: 2,
        optimistic_ns: 72.8,
        pessimistic_ns: 409.6,
        source: "Intel 683426, 140 ns with the MAC, less that; limit of IEEE 802.3 clause 44.3, 3584 + 512 bit times",
    },
];
const HUNDRED_GIG: [Constant; 2] = [
    Constant {
        name: "MAC",
        times: 2,
        optimistic_ns: 84.5,
        pessimistic_ns: 245.8,
        source: "AMD PG211, 50G core with its PCS, both ways; limit of IEEE 802.3 clause 80.4, 24576 bit times",
    },
    Constant {
        name: "PHY",
        times: 2,
        optimistic_ns: 0.0,
        pessimistic_ns: 445.4,
        source: "its PCS is with the MAC; limit of IEEE 802.3 clause 80.4, 35328 + 9216 bit times",
    },
];

/// A board's share of a write, and with it the least that a write can cost there.
#[derive(Clone, Debug, Serialize)]
pub struct Board {
    /// The constants.
    pub constants: Vec<Constant>,
    /// Floor of a write of one block on an idle link, when all goes well.
    pub optimistic_ns: f64,
    /// The same, when it goes badly.
    pub pessimistic_ns: f64,
}

/// Which figures of the constants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// The better ones.
    Optimistic,
    /// The worse ones.
    Pessimistic,
}

impl View {
    fn of(self, constant: &Constant) -> f64 {
        match self {
            View::Optimistic => constant.optimistic_ns,
            View::Pessimistic => constant.pessimistic_ns,
        }
    }
}

impl Board {
    /// Of a board with cards of `data_w` bits, over the simulated floor.
    pub fn new(floor: &Floor, data_w: u64, clock_mhz: f64) -> Self {
        let line = if data_w > 64 { HUNDRED_GIG } else { TEN_GIG };
        let mut board = Self {
            constants: [PCIE_WRITE, PCIE_READ].into_iter().chain(line).collect(),
            optimistic_ns: 0.0,
            pessimistic_ns: 0.0,
        };
        let total = |view| board.parts(floor, clock_mhz, view).iter().map(|part| part.1).sum::<f64>();
        let round = |ns: f64| (ns * 10.0).round() / 10.0;
        (board.optimistic_ns, board.pessimistic_ns) = (round(total(View::Optimistic)), round(total(View::Pessimistic)));
        board
    }

    /// The parts of the floor on the board, in nanoseconds. The reads of host memory are the board's, not the simulator's.
    pub fn parts(&self, floor: &Floor, clock_mhz: f64, view: View) -> Vec<(&'static str, f64)> {
        let simulated = floor.parts().into_iter().filter(|part| !["entry read", "payload read"].contains(&part.0));
        let simulated = simulated.map(|(name, cycles)| (name, cycles as f64 * 1000.0 / clock_mhz));
        let board = self.constants.iter().map(|one| (one.name, f64::from(one.times) * view.of(one)));
        board.chain(simulated).collect()
    }

    /// The same as a bar, to a scale of cycles.
    pub fn bar(&self, floor: &Floor, clock_mhz: f64, view: View) -> Vec<Part> {
        let colours = [1, 0, 2, 6, 3, 4, 5, 5, 5];
        let parts = self.parts(floor, clock_mhz, view).into_iter().zip(colours);
        parts
            .map(|((name, ns), colour)| Part { name, cycles: (ns * clock_mhz / 1000.0).round() as i64, colour })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use dyad_sim::Config;

    use super::*;

    #[test]
    fn a_boards_floor_is_the_simulated_one_with_its_own_bus() {
        let floor = Floor::new(&Config::for_data_w(64), 64, 256);
        let board = Board::new(&floor, 64, 156.25);
        // Of 932 cycles, 256 are reads of host memory: 676 of 6.4 ns stay.
        let rest = 676.0 * 6.4;
        assert!((board.optimistic_ns - (rest + 500.0 + 1000.0 + 134.4 + 145.6)).abs() < 0.1, "{board:?}");
        assert!((board.pessimistic_ns - (rest + 850.0 + 1800.0 + 1638.4 + 819.2)).abs() < 0.1, "{board:?}");
    }

    #[test]
    fn the_manual_has_each_constant_with_its_figures() {
        let manual = include_str!("../../../docs/measuring.md");
        for (constant, line) in [PCIE_WRITE, PCIE_READ]
            .iter()
            .zip(["10G, 100G"; 2])
            .chain(TEN_GIG.iter().zip(["10G"; 2]))
            .chain(HUNDRED_GIG.iter().zip(["100G"; 2]))
        {
            let (name, low, high) = (constant.name, constant.optimistic_ns, constant.pessimistic_ns);
            assert!(low <= high, "{name}");
            let row = format!("| {name} | {line} | {} | {low:.1} | {high:.1} |", constant.times);
            assert!(manual.contains(&row), "docs/measuring.md has no row `{row}`");
        }
    }
}
