//! The boards that can be flashed, and by which cable.

use anyhow::{Context as _, Result, bail};

use super::bitstream::Made;

/// Which program reaches a board.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Way {
    /// openFPGALoader, by this cable.
    OpenFpgaLoader {
        /// openFPGALoader's name of the cable.
        cable: &'static str,
    },
    /// Vivado and its hardware server: openFPGALoader does not know the chip.
    Vivado {
        /// The flash, as Vivado calls it.
        flash: &'static str,
    },
}

/// A board.
#[derive(Debug)]
pub struct Board {
    /// Its name: that of its directory in `constraints/`.
    pub name: &'static str,
    /// Its chip.
    pub chip: &'static str,
    /// What the chip answers to IDCODE; unknown where only Vivado asks it.
    pub idcode: Option<u32>,
    /// How the part's name begins in a bitstream, or nothing where it holds the IDCODE.
    part: Option<&'static str>,
    /// How it is reached.
    pub way: Way,
    /// What must be plugged in for that.
    pub plug: &'static str,
}

/// All of them.
pub const BOARDS: &[Board] = &[
    Board {
        name: "ecp5-versa",
        chip: "LFE5UM5G-45F",
        idcode: Some(0x8111_2043),
        part: None,
        way: Way::OpenFpgaLoader { cable: "ft2232" },
        plug: "the board's own USB socket (FTDI 0403:6010) and its 12 V supply",
    },
    Board {
        name: "ecpix5",
        chip: "LFE5UM5G-85F",
        idcode: Some(0x8111_3043),
        part: None,
        way: Way::OpenFpgaLoader { cable: "ft2232" },
        plug: "the board's Micro-USB socket for debugging (FTDI 0403:6010) and its supply",
    },
    Board {
        name: "as02mc04",
        chip: "XCKU3P",
        idcode: Some(0x04a6_3093),
        part: Some("xcku3p-ffvb676"),
        way: Way::OpenFpgaLoader { cable: "digilent_hs2" },
        plug: "a JTAG cable on the board's header (--cable says which kind; Digilent HS2 by default) and PCIe power",
    },
    Board {
        name: "alveo-u50",
        chip: "XCU50",
        idcode: None,
        part: Some("xcu50-fsvh2104"),
        way: Way::Vivado { flash: "mt25qu01g-spi-x1_x2_x4" },
        plug: "a debug adapter (AMD DMB-1) on the card's connector, with USB to this machine, and PCIe power",
    },
];

impl Board {
    /// The board called `name`.
    ///
    /// # Errors
    /// When there is none; the message lists those that there are.
    pub fn find(name: &str) -> Result<&'static Self> {
        let names: Vec<&str> = BOARDS.iter().map(|board| board.name).collect();
        let found = BOARDS.iter().find(|board| board.name == name);
        found.with_context(|| format!("there is no board `{name}`; there are {}", names.join(", ")))
    }

    /// Whether open tools build its bitstream: an ECP5's holds the IDCODE instead of the part's name.
    pub fn is_built_by_open_tools(&self) -> bool {
        self.part.is_none()
    }

    /// Requires that a bitstream is for this board's chip.
    ///
    /// # Errors
    /// When it is for another; the message names both.
    pub fn accept(&self, made: &Made) -> Result<()> {
        let fits = match (made, self.part) {
            (Made::Idcode(code), None) => Some(*code) == self.idcode,
            (Made::Part(part), Some(wanted)) => part.to_ascii_lowercase().starts_with(wanted),
            _ => false,
        };
        if !fits {
            bail!(
                "the bitstream is for {made}, and {} has {}: take the file that was built for this board",
                self.name,
                self.chip
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bitstream_for_another_chip_is_refused() {
        let versa = Board::find("ecp5-versa").unwrap();
        assert!(versa.accept(&Made::Idcode(0x8111_2043)).is_ok());
        let error = versa.accept(&Made::Idcode(0x4111_3043)).unwrap_err().to_string();
        let expected = "the bitstream is for LFE5U-85F (IDCODE 0x41113043), and ecp5-versa has LFE5UM5G-45F";
        assert!(error.starts_with(expected), "{error}");
        assert!(Board::find("ecpix5").unwrap().accept(&Made::Idcode(0x8111_3043)).is_ok());
        assert!(Board::find("ecpix5").unwrap().accept(&Made::Idcode(0x8111_2043)).is_err());
        assert!(versa.accept(&Made::Part("xcku3p-ffvb676-1-e".into())).is_err());
        assert!(Board::find("as02mc04").unwrap().accept(&Made::Part("XCKU3P-ffvb676-2-e".into())).is_ok());
        assert!(Board::find("alveo-u50").unwrap().accept(&Made::Part("xcku3p-ffvb676-1-e".into())).is_err());
    }

    #[test]
    fn an_unknown_board_is_refused_with_a_list() {
        let error = Board::find("versa").unwrap_err().to_string();
        assert_eq!(error, "there is no board `versa`; there are ecp5-versa, ecpix5, as02mc04, alveo-u50");
    }
}
