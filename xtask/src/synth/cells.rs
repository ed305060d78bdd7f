//! What the cells of each family cost, and how a signal passes them.
//!
//! Sources: AMD UG574 (UltraScale CLB) and UG474 (7 series CLB) for LUTs and distributed RAM; UG573, UG473 for block RAM;
//! Lattice FPGA-TN-02204 for ECP5 slices and FPGA-TN-02205 for its memories. Names as yosys gives them.

use serde::{Deserialize, Serialize};

/// Resources of a chip.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// Lookup tables, those used as memory included: LUT6 on AMD, LUT4 on ECP5.
    pub lut: u32,
    /// Of which used as memory (distributed RAM, shift registers).
    pub lutram: u32,
    /// Flip-flops.
    pub ff: u32,
    /// Block RAMs of 18 Kb; one of 36 Kb counts twice.
    pub bram18: u32,
    /// Multipliers.
    pub dsp: u32,
}

impl Usage {
    /// Adds `other`.
    pub fn add(&mut self, other: Self) {
        self.lut += other.lut;
        self.lutram += other.lutram;
        self.ff += other.ff;
        self.bram18 += other.bram18;
        self.dsp += other.dsp;
    }

    fn lut(lut: u32) -> Self {
        Self { lut, ..Self::default() }
    }

    fn lutram(lut: u32) -> Self {
        Self { lut, lutram: lut, ..Self::default() }
    }
}

/// How a signal passes a cell.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Timing {
    /// Inputs end paths, outputs start them.
    Register,
    /// Every output follows every input, after so many levels.
    Logic(u32),
    /// A carry chain: into it is a level, along it is none.
    Carry,
    /// Memory that is read without a clock: the read address passes in a level, all else is registered.
    AsyncRam,
    /// A constant: starts no path.
    Constant,
}

/// A kind of cell.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// What one costs.
    pub usage: Usage,
    /// How a signal passes it.
    pub timing: Timing,
}

/// What is known of cells called `name`.
pub fn kind(name: &str) -> Option<Kind> {
    let usage = Usage::default();
    let (usage, timing) = match name {
        "GND" | "VCC" | "VLO" | "VHI" | "$false" | "$true" | "$undef" => (usage, Timing::Constant),
        "LUT1" | "LUT2" | "LUT3" | "LUT4" | "LUT5" | "LUT6" => (Usage::lut(1), Timing::Logic(1)),
        // An inverter is absorbed by what it drives.
        "INV" | "MUXF7" | "MUXF8" | "MUXF9" | "PFUMX" | "L6MUX21" | "BUFG" | "IBUF" | "OBUF" => {
            (usage, Timing::Logic(0))
        }
        "CARRY4" | "CARRY8" => (usage, Timing::Carry),
        "CCU2C" => (Usage::lut(2), Timing::Carry),
        "FDRE" | "FDSE" | "FDCE" | "FDPE" | "FDRE_1" | "FDSE_1" | "TRELLIS_FF" => {
            (Usage { ff: 1, ..usage }, Timing::Register)
        }
        "RAM32X1D" | "RAM64X1D" => (Usage::lutram(2), Timing::AsyncRam),
        "RAM32X1S" | "RAM64X1S" => (Usage::lutram(1), Timing::AsyncRam),
        "RAM128X1S" => (Usage::lutram(2), Timing::AsyncRam),
        "RAM32M" | "RAM64M" | "RAM128X1D" | "RAM256X1S" => (Usage::lutram(4), Timing::AsyncRam),
        "RAM32M16" | "RAM64M8" | "RAM256X1D" | "RAM512X1S" => (Usage::lutram(8), Timing::AsyncRam),
        "SRL16E" | "SRLC16E" | "SRLC32E" => (Usage::lutram(1), Timing::Register),
        // Four LUTs hold the words, two more pass the write port on.
        "TRELLIS_DPR16X4" => (Usage::lutram(6), Timing::AsyncRam),
        "RAMB18E1" | "RAMB18E2" | "DP16KD" | "PDPW16KD" => (Usage { bram18: 1, ..usage }, Timing::Register),
        "RAMB36E1" | "RAMB36E2" => (Usage { bram18: 2, ..usage }, Timing::Register),
        "DSP48E1" | "DSP48E2" | "MULT18X18D" | "ALU54B" => (Usage { dsp: 1, ..usage }, Timing::Register),
        _ => return None,
    };
    Some(Kind { usage, timing })
}

/// Whether `port` of a cell `name` is an output.
pub fn is_output(name: &str, port: &str) -> bool {
    let base = port.split('[').next().unwrap_or(port);
    match name {
        "CCU2C" => matches!(base, "S0" | "S1" | "COUT"),
        "L6MUX21" | "PFUMX" => base == "Z",
        "TRELLIS_DPR16X4" => base == "DO",
        "DP16KD" | "PDPW16KD" => base.starts_with("DO"),
        "TRELLIS_FF" => base == "Q",
        _ if name.starts_with("RAMB") => base.starts_with("DO") || base.starts_with("CAS"),
        _ if name.starts_with("RAM") => base.starts_with("DO") || base.ends_with("PO") || base == "O" || base == "SPO",
        _ if name.starts_with("CARRY") => matches!(base, "CO" | "O"),
        _ => matches!(base, "O" | "Q" | "Q31" | "G" | "P" | "Z" | "Y"),
    }
}

/// Whether `port` of an asynchronously read memory is a read address.
pub fn is_read_address(name: &str, port: &str) -> bool {
    let base = port.split('[').next().unwrap_or(port);
    match name {
        "TRELLIS_DPR16X4" => base == "RAD",
        // Dual-port memories: DPRA*, and every address but the last, which is the write port's, in the multi-port ones.
        _ if name.ends_with('D') => base.starts_with("DPRA"),
        "RAM32M16" | "RAM64M8" => base.starts_with("ADDR") && base != "ADDRH",
        _ if name.ends_with('M') => base.starts_with("ADDR") && base != "ADDRD",
        _ => base.starts_with('A'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_counted_in_the_units_of_the_data_sheets() {
        let usage = |name: &str| kind(name).unwrap().usage;
        assert_eq!(usage("LUT6").lut, 1);
        assert_eq!((usage("RAM64M8").lut, usage("RAM64M8").lutram), (8, 8));
        assert_eq!(usage("RAMB36E2").bram18, 2);
        assert_eq!(usage("TRELLIS_DPR16X4").lut, 6);
        assert!(kind("$_AND_").is_none(), "what is not mapped is not known");
    }

    #[test]
    fn ports_have_their_direction() {
        assert!(is_output("CARRY8", "CO[7]") && !is_output("CARRY8", "CI"));
        assert!(is_output("RAM64M8", "DOA") && !is_output("RAM64M8", "ADDRA[2]"));
        // ECP5's LUT4 has its output at Z, AMD's at O.
        assert!(is_output("LUT4", "Z") && is_output("LUT4", "O") && !is_output("LUT4", "I3"));
        assert!(is_output("RAM64X1D", "DPO") && is_output("RAM64X1D", "SPO"));
        assert!(is_read_address("RAM64M8", "ADDRA[2]") && !is_read_address("RAM64M8", "ADDRH[2]"));
        assert!(is_read_address("RAM64X1D", "DPRA3") && !is_read_address("RAM64X1D", "A3"));
        assert!(is_output("RAMB36E2", "DOUTADOUT[3]") && !is_output("RAMB36E2", "DINADIN[3]"));
    }
}
