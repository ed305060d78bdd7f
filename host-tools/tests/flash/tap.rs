//! One ECP5 JTAG port, as far as loading a bitstream goes: the state machine of IEEE 1149.1, an instruction register of 8 bits,
//! and behind it IDCODE, the status register, and the burst that takes a configuration.
//!
//! Instructions and status bits: Lattice FPGA-TN-02039, tables of the sysCONFIG instructions and of the status register.

use std::collections::VecDeque;

/// Width of the instruction register.
const IR_BITS: usize = 8;
const IDCODE: u8 = 0xe0;
const READ_STATUS: u8 = 0x3c;
const ISC_ENABLE: u8 = 0xc6;
const ISC_DISABLE: u8 = 0x26;
const ISC_ERASE: u8 = 0x0e;
const BURST: u8 = 0x7a;
/// Status: configured.
const STATUS_DONE: u32 = 1 << 8;
/// Status: why the last bitstream was refused; 3 is a wrong CRC.
const STATUS_CRC_ERROR: u32 = 3 << 23;
/// Status: the instructions that change the configuration are enabled.
const STATUS_ENABLED: u32 = 1 << 9;

/// States of the port, IEEE 1149.1 figure 6-1.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    Reset,
    Idle,
    SelectDr,
    CaptureDr,
    ShiftDr,
    Exit1Dr,
    PauseDr,
    Exit2Dr,
    UpdateDr,
    SelectIr,
    CaptureIr,
    ShiftIr,
    Exit1Ir,
    PauseIr,
    Exit2Ir,
    UpdateIr,
}

impl State {
    fn next(self, tms: bool) -> Self {
        use State::*;
        let (zero, one) = match self {
            Reset => (Idle, Reset),
            Idle => (Idle, SelectDr),
            SelectDr => (CaptureDr, SelectIr),
            CaptureDr | ShiftDr => (ShiftDr, Exit1Dr),
            Exit1Dr => (PauseDr, UpdateDr),
            PauseDr => (PauseDr, Exit2Dr),
            Exit2Dr => (ShiftDr, UpdateDr),
            UpdateDr | UpdateIr => (Idle, SelectDr),
            SelectIr => (CaptureIr, Reset),
            CaptureIr | ShiftIr => (ShiftIr, Exit1Ir),
            Exit1Ir => (PauseIr, UpdateIr),
            PauseIr => (PauseIr, Exit2Ir),
            Exit2Ir => (ShiftIr, UpdateIr),
        };
        if tms { one } else { zero }
    }
}

/// The port and the chip behind it.
pub struct Tap {
    idcode: u32,
    state: State,
    instruction: u8,
    shift: VecDeque<bool>,
    enabled: bool,
    done: bool,
    /// What the burst has brought: the first bit is the highest of the first byte.
    burst: Vec<bool>,
    /// Finds the CRC of whatever comes wrong.
    pub fail: bool,
}

impl Tap {
    /// A chip that answers with `idcode` and is not configured.
    pub fn new(idcode: u32) -> Self {
        let state = State::Reset;
        Self {
            idcode,
            state,
            instruction: IDCODE,
            shift: [].into(),
            enabled: false,
            done: false,
            burst: Vec::new(),
            fail: false,
        }
    }

    /// The bytes that the burst has brought.
    pub fn received(&self) -> Vec<u8> {
        self.burst.chunks_exact(8).map(|bits| bits.iter().fold(0, |byte, bit| byte << 1 | u8::from(*bit))).collect()
    }

    /// One period of TCK: returns TDO.
    pub fn clock(&mut self, tms: bool, tdi: bool) -> bool {
        let tdo = match self.state {
            State::ShiftDr if self.instruction == BURST && self.enabled => {
                self.burst.push(tdi);
                false
            }
            State::ShiftDr | State::ShiftIr => {
                self.shift.push_back(tdi);
                self.shift.pop_front().unwrap_or(false)
            }
            _ => false,
        };
        self.state = self.state.next(tms);
        match self.state {
            State::Reset => self.instruction = IDCODE,
            // The two low bits are 01 in every port.
            State::CaptureIr => self.load(1, IR_BITS),
            State::CaptureDr => match self.instruction {
                IDCODE => self.load(self.idcode, 32),
                READ_STATUS => {
                    let bit = |set: bool, bit: u32| if set { bit } else { 0 };
                    let refused = self.fail && !self.burst.is_empty();
                    let status = bit(self.done, STATUS_DONE)
                        | bit(self.enabled, STATUS_ENABLED)
                        | bit(refused, STATUS_CRC_ERROR);
                    self.load(status, 32);
                }
                _ => self.load(0, 1),
            },
            State::UpdateIr => {
                self.instruction = (0..IR_BITS).fold(0, |ir, bit| ir | u8::from(self.shift[bit]) << bit);
                self.execute();
            }
            _ => {}
        }
        tdo
    }

    fn load(&mut self, value: u32, bits: usize) {
        self.shift = (0..bits).map(|bit| value >> bit & 1 == 1).collect();
    }

    fn execute(&mut self) {
        match self.instruction {
            ISC_ENABLE => self.enabled = true,
            ISC_ERASE if self.enabled => {
                self.burst.clear();
                self.done = false;
            }
            ISC_DISABLE => {
                self.done |= !self.burst.is_empty() && !self.fail;
                self.enabled = false;
            }
            _ => {}
        }
    }
}
