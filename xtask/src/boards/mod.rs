//! The boards of `constraints/`, and how each is checked without its vendor's tools.
//!
//! | file | holds |
//! |---|---|
//! | `mod.rs` | the boards; their top levels, elaborated with vendor cells as black boxes; what they use of the chip |
//! | `pins.rs` | pins against ports, against their sources, and against the pins' functions |
//! | `xdc.rs`, `lpf.rs` | the two dialects of constraint files |

pub mod lpf;
pub mod pins;
pub mod xdc;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::handoff::Tiles;
use crate::process::Process;
use crate::repo::Repo;
use crate::rtl::{self, Size};
use crate::synth::Target;
use crate::synth::budget::Budgets;
use crate::synth::cells::Usage;
use crate::tools::Tools;
use pins::{Constraints, Port};

/// Longest time for one elaboration. It takes a few seconds.
const DEADLINE: Duration = Duration::from_secs(300);
/// Divisor of the core's clock on ECP5 with which top levels are elaborated; any will do.
const ELABORATED_DIV: u32 = 4;

/// A board that has a directory in `constraints/`.
#[derive(Debug)]
pub struct Board {
    /// Its name: that of its directory and of its constraint file.
    pub name: &'static str,
    /// Its top module; the file has the same name.
    pub top: &'static str,
    /// Datapath width of its core.
    pub data_w: u32,
    /// Size of its core's tables.
    pub size: Size,
    /// Family of its chip.
    pub target: Target,
    /// Its chip, as the vendor's tools call it.
    pub part: &'static str,
    /// What the chip has. Sources: AMD DS922 and DS965, Lattice FPGA-DS-02012.
    pub chip: Usage,
    /// What PCIe, MAC, memory controllers and crossings take beside the core: an allowance, not a measurement.
    pub shell: Usage,
    /// How nextpnr calls the chip; only where it knows it.
    pub nextpnr: Option<Nextpnr>,
    /// Black boxes of `constraints/vendor/` and of the board's directory.
    black_boxes: &'static [&'static str],
    /// What the top level is made of besides, in Verilog, below `constraints/`.
    pub shared: &'static [&'static str],
}

/// A chip in nextpnr's words, and what the core reaches in it.
#[derive(Debug)]
pub struct Nextpnr {
    /// Option that names the chip.
    pub device: &'static str,
    /// Package.
    pub package: &'static str,
    /// Speed grade.
    pub speed: &'static str,
    /// Divisor of the PLL's 500 MHz that gives the core's clock, where nothing else is asked for.
    pub core_div: u32,
    /// Its logic tiles.
    pub tiles: Tiles,
}

/// All boards.
pub const BOARDS: &[Board] = &[
    Board {
        name: "as02mc04",
        top: "as02mc04",
        data_w: 64,
        size: Size::Full,
        target: Target::Xcup,
        part: "xcku3p-ffvb676-1-e",
        chip: Usage { lut: 162_720, lutram: 0, ff: 325_440, bram18: 720, dsp: 1368 },
        shell: Usage { lut: 45_000, lutram: 0, ff: 60_000, bram18: 120, dsp: 0 },
        nextpnr: None,
        black_boxes: &["../vendor/amd_cells.v", "shell_stub.v"],
        shared: &[],
    },
    Board {
        name: "alveo-u50",
        top: "alveo_u50",
        data_w: 512,
        size: Size::Full,
        target: Target::Xcup,
        part: "xcu50-fsvh2104-2-e",
        chip: Usage { lut: 871_680, lutram: 0, ff: 1_743_360, bram18: 2688, dsp: 5952 },
        shell: Usage { lut: 120_000, lutram: 0, ff: 180_000, bram18: 400, dsp: 0 },
        nextpnr: None,
        black_boxes: &["../vendor/amd_cells.v", "shell_stub.v"],
        shared: &[],
    },
    Board {
        name: "ecp5-versa",
        top: "ecp5_versa",
        data_w: 64,
        size: Size::Board,
        target: Target::Ecp5,
        part: "LFE5UM5G-45F-8BG381C",
        chip: Usage { lut: 43_848, lutram: 0, ff: 43_848, bram18: 108, dsp: 72 },
        shell: Usage { lut: 2_500, lutram: 0, ff: 1_500, bram18: 16, dsp: 0 },
        nextpnr: Some(Nextpnr {
            device: "--um5g-45k",
            package: "CABGA381",
            speed: "8",
            core_div: 16,
            tiles: Tiles { columns: (2, 88), rows: (2, 69) },
        }),
        black_boxes: &["../vendor/ecp5_cells.v"],
        shared: &["ecp5/ecp5_card.v"],
    },
    Board {
        name: "ecpix5",
        top: "ecpix5",
        data_w: 64,
        size: Size::Board,
        target: Target::Ecp5,
        part: "LFE5UM5G-85F-8BG554I",
        chip: Usage { lut: 83_640, lutram: 0, ff: 83_640, bram18: 208, dsp: 156 },
        shell: Usage { lut: 2_500, lutram: 0, ff: 1_500, bram18: 16, dsp: 0 },
        nextpnr: Some(Nextpnr {
            device: "--um5g-85k",
            package: "CABGA554",
            speed: "8",
            core_div: 16,
            tiles: Tiles { columns: (2, 124), rows: (2, 93) },
        }),
        black_boxes: &["../vendor/ecp5_cells.v"],
        shared: &["ecp5/ecp5_card.v"],
    },
];

impl Board {
    /// The board called `name`.
    ///
    /// # Errors
    /// When there is none; the message lists those that there are.
    pub fn find(name: &str) -> Result<&'static Self> {
        let names = || BOARDS.iter().map(|board| board.name).collect::<Vec<_>>().join(", ");
        BOARDS
            .iter()
            .find(|board| board.name == name)
            .with_context(|| format!("no board `{name}`; there are {}", names()))
    }

    /// Its directory.
    pub fn dir(&self, repo: &Repo) -> PathBuf {
        repo.path("constraints").join(self.name)
    }

    /// Its constraint file.
    pub fn constraint_file(&self, repo: &Repo) -> PathBuf {
        let extension = if self.target == Target::Ecp5 { "lpf" } else { "xdc" };
        self.dir(repo).join(format!("{}.{extension}", self.name))
    }

    /// Reads its constraint file.
    ///
    /// # Errors
    /// When it can't be read, or holds what the checks don't know.
    pub fn constraints(&self, repo: &Repo) -> Result<Constraints> {
        let path = self.constraint_file(repo);
        let text = read(&path)?;
        let parsed = if self.target == Target::Ecp5 { lpf::parse(&text) } else { xdc::parse(&text) };
        parsed.with_context(|| format!("in {}", path.display()))
    }

    /// Elaborates the top module with the core and all vendor cells as black boxes; returns its ports.
    ///
    /// # Errors
    /// When yosys warns of anything, or `check -assert` finds something.
    pub fn elaborate(&self, repo: &Repo, tools: &Tools) -> Result<Vec<Port>> {
        let work = repo.path("out/constraints").join(self.name);
        fs::create_dir_all(&work).with_context(|| format!("can't create {}", work.display()))?;
        let mut boxes = vec!["core_stub.v".to_owned()];
        write(&work.join("core_stub.v"), &self.core_stub()?)?;
        for file in self.black_boxes {
            let name = Path::new(file).file_name().and_then(|n| n.to_str()).context("a black box has no name")?;
            write(&work.join(name), &read(&self.dir(repo).join(file))?)?;
            boxes.push(name.to_owned());
        }
        let (defines, tops) = self.top_files(repo, &work, ELABORATED_DIV)?;
        let script = format!(
            "read_verilog -lib {}; read_verilog {defines} {tops}; hierarchy -check -top {}; proc; \
             select -assert-none t:$dlatch t:$adlatch t:$dlatchsr t:$sr; check -assert; tee -q -o ports.txt portlist",
            boxes.join(" "),
            self.top
        );
        let mut yosys = tools.yosys(&work);
        // -e: any warning is an error.
        yosys.args(["-q", "-e", ".", "-p", &script]);
        Process::new(yosys, DEADLINE).output().with_context(|| format!("{}: the top level", self.name))?;
        pins::parse_ports(&read(&work.join("ports.txt"))?)
    }

    /// Puts the top level and what it shares with other boards into `work`; returns yosys' options that define what they ask for,
    /// and the files' names.
    ///
    /// # Errors
    /// When a file can't be read or written.
    pub fn top_files(&self, repo: &Repo, work: &Path, core_div: u32) -> Result<(String, String)> {
        let top = self.dir(repo).join(format!("{}.v", self.top));
        let shared = self.shared.iter().map(|file| repo.path("constraints").join(file));
        let mut names = Vec::new();
        for path in shared.chain([top]) {
            let name = path.file_name().and_then(|n| n.to_str()).context("a top level has no name")?;
            write(&work.join(name), &read(&path)?)?;
            names.push(name.to_owned());
        }
        let defines = match self.target {
            Target::Ecp5 => format!("-D CORE_DIV={core_div} -D SERIAL=serial_{}", rtl::serial_div(core_div)),
            _ => String::new(),
        };
        Ok((defines, names.join(" ")))
    }

    /// The core, and what else of ours the top level has, as black boxes.
    fn core_stub(&self) -> Result<String> {
        if self.target != Target::Ecp5 {
            return stub(&rtl::sized_core(self.data_w, self.size)?.text, "dyad_core");
        }
        let text = rtl::ecp5_parts(self.size, ELABORATED_DIV);
        let modules = [
            "dyad_core",
            "gmii_tx",
            "gmii_rx",
            "cdc_put_4x74",
            "cdc_take_4x74",
            "axi_ram_64x1024",
            "axi_store_128x1024",
            &format!("serial_{}", rtl::serial_div(ELABORATED_DIV)),
            "reset_sync_2_4",
            "reset_sync_2_20",
        ];
        modules.iter().map(|module| stub(&text, module)).collect()
    }

    /// What the core, by its budget, and the shell, by its allowance, take of the chip: a line each.
    ///
    /// # Errors
    /// When the core has no budget for this family.
    pub fn utilisation(&self, budgets: &Budgets) -> Result<Vec<Share>> {
        let table = format!("core_{}_{}.{}", self.data_w, self.size.name(), self.target.name());
        let core = |key| budgets.limit(&table, "all", key).with_context(|| format!("no budget of {key} in [{table}]"));
        Ok(vec![
            Share { what: "LUT", core: core("lut")?, shell: self.shell.lut, chip: self.chip.lut },
            Share { what: "FF", core: core("ff")?, shell: self.shell.ff, chip: self.chip.ff },
            Share { what: "BRAM18", core: core("bram18")?, shell: self.shell.bram18, chip: self.chip.bram18 },
        ])
    }
}

/// What is used of one resource of a chip.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Share {
    /// The resource.
    pub what: &'static str,
    /// The core's limit.
    pub core: u32,
    /// The shell's allowance.
    pub shell: u32,
    /// What the chip has.
    pub chip: u32,
}

impl Share {
    /// Both together.
    pub fn used(&self) -> u32 {
        self.core + self.shell
    }

    /// The chip has that much.
    pub fn fits(&self) -> bool {
        self.used() <= self.chip
    }
}

/// A module of `text` as a black box: its ports and nothing else.
fn stub(text: &str, module: &str) -> Result<String> {
    let start = text.find(&format!("module {module} (")).with_context(|| format!("there is no module {module}"))?;
    let end = text[start..].find(");").with_context(|| format!("the port list of {module} does not end"))?;
    Ok(format!("(* blackbox *)\n{});\nendmodule\n", &text[start..start + end]))
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("can't read {}", path.display()))
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("can't write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The ports as the constraint file has them: what elaboration finds is compared with it by `cargo xtask constraints`.
    fn ports_of(constraints: &Constraints) -> Vec<Port> {
        let mut ports: Vec<Port> = Vec::new();
        for pin in &constraints.pins {
            let name = pin.bit.split('[').next().unwrap_or_default();
            match ports.iter_mut().find(|port| port.name == name) {
                Some(port) => port.width += 1,
                None => ports.push(Port { name: name.into(), width: 1, input: true }),
            }
        }
        ports
    }

    /// Each board's own files: they pass, and each pin that is swapped with the next, left out or doubled is found.
    #[test]
    fn every_pin_of_every_board_is_guarded() {
        let repo = Repo::find().unwrap();
        for board in BOARDS {
            let good = board.constraints(&repo).unwrap();
            let facts = pins::parse_facts(&read(&board.dir(&repo).join("pins.tsv")).unwrap()).unwrap();
            let ports = ports_of(&good);
            assert_eq!(pins::check(&ports, &good, &facts), Vec::<String>::new(), "{}", board.name);
            let count = good.pins.len();
            for n in 0..count {
                let mut swapped = good.clone();
                let site = swapped.pins[(n + 1) % count].site.clone();
                swapped.pins[(n + 1) % count].site = std::mem::replace(&mut swapped.pins[n].site, site);
                assert!(!pins::check(&ports, &swapped, &facts).is_empty(), "{}: pin {n} swapped", board.name);
                let mut missing = good.clone();
                missing.pins.remove(n);
                assert!(!pins::check(&ports, &missing, &facts).is_empty(), "{}: pin {n} missing", board.name);
                let mut doubled = good.clone();
                doubled.pins.push(good.pins[n].clone());
                assert!(!pins::check(&ports, &doubled, &facts).is_empty(), "{}: pin {n} doubled", board.name);
            }
        }
    }

    #[test]
    fn a_core_that_is_too_large_does_not_fit() {
        let budgets = |lut: u32| {
            let text = format!("[core_64_full.xcup]\nall = {{ lut = {lut}, ff = 1, bram18 = 1 }}\n");
            Budgets::parse(&text).unwrap()
        };
        let board = Board::find("as02mc04").unwrap();
        assert!(board.utilisation(&budgets(20_000)).unwrap().iter().all(Share::fits));
        assert!(!board.utilisation(&budgets(200_000)).unwrap().iter().all(Share::fits));
        assert!(Board::find("nexys").unwrap_err().to_string().contains("as02mc04, alveo-u50"));
    }
}
