//! The PCI configuration space of an offered card: what `lspci -vv` shows of it, and what a host may write.
//!
//! | offset | holds |
//! |---|---|
//! | `0x00` | header of type 0; BAR 0 the registers, BAR 2 the MSI-X table, both of 64 bits |
//! | `0x40` | power management: D0 and D3hot, no reset between them |
//! | `0x50` | MSI-X |
//! | `0x60` | PCI Express: an endpoint, with function-level reset |
//! | `0x100` | device serial number |
//!
//! Source: PCI Express Base Specification 5.0, sections 7.5 (header, power management, PCI Express), 7.7.2 (MSI-X), 7.9.3
//! (serial number).

use dyad_spec::{PCI_DEVICE, PCI_VENDOR, SPEC_VERSION, regs};

/// Size of the space in bytes.
pub const CONFIG_BYTES: usize = 4096;
/// Size of BAR 2, which holds the MSI-X table, in bytes.
pub const MSIX_BAR_BYTES: usize = 4096;

const COMMAND: usize = 0x04;
const COMMAND_MEMORY: u8 = 1 << 1;
const COMMAND_BUS_MASTER: u8 = 1 << 2;
const BAR0: usize = 0x10;
const BAR2: usize = 0x18;
const BAR_64_BIT: u32 = 0b100;
const POWER: usize = 0x40;
const POWER_STATE: u8 = 0b11;
const MSIX: usize = 0x50;
const MSIX_BAR: u32 = 2;
const MSIX_PBA: u32 = 0x800;
const EXPRESS: usize = 0x60;
const DEVICE_CONTROL: usize = EXPRESS + 8;
/// Bit 15 of the device control register: function-level reset.
const RESET_BIT: u8 = 1 << 7;
const SERIAL: usize = 0x100;

/// What a write has asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Asked {
    /// Nothing but that the bits be kept.
    Nothing,
    /// A function-level reset.
    Reset,
}

/// The configuration space of one card.
pub struct ConfigSpace {
    bytes: [u8; CONFIG_BYTES],
    at_reset: [u8; CONFIG_BYTES],
    /// Bits that a host may change.
    writable: [u8; CONFIG_BYTES],
}

impl ConfigSpace {
    /// Of the card at site `site` (0 or 1) whose datapath is `data_w` bits wide, with `vectors` MSI-X vectors.
    pub fn new(site: u8, data_w: usize, vectors: u16) -> Self {
        let mut space = Self { bytes: [0; CONFIG_BYTES], at_reset: [0; CONFIG_BYTES], writable: [0; CONFIG_BYTES] };
        space.header();
        space.power();
        space.msix(vectors);
        // A 10G board has eight lanes, a 100G board sixteen.
        space.express(if data_w > 64 { 16 } else { 8 });
        space.serial(site);
        space.at_reset = space.bytes;
        space
    }

    fn set(&mut self, offset: usize, bytes: &[u8], writable: &[u8]) {
        self.bytes[offset..offset + bytes.len()].copy_from_slice(bytes);
        self.writable[offset..offset + writable.len()].copy_from_slice(writable);
    }

    fn set16(&mut self, offset: usize, value: u16, writable: u16) {
        self.set(offset, &value.to_le_bytes(), &writable.to_le_bytes());
    }

    fn set32(&mut self, offset: usize, value: u32, writable: u32) {
        self.set(offset, &value.to_le_bytes(), &writable.to_le_bytes());
    }

    fn header(&mut self) {
        self.set16(0x00, PCI_VENDOR, 0);
        self.set16(0x02, PCI_DEVICE, 0);
        // Memory space, bus master, parity and system errors, interrupt disable.
        self.set16(COMMAND, 0, 0x0546);
        // There is a list of capabilities.
        self.set16(0x06, 0x0010, 0);
        // Revision: the major version of the contract. Class: another network controller.
        self.set32(0x08, 0x0280_0000 | SPEC_VERSION >> 16 & 0xff, 0);
        // Cache line size.
        self.set(0x0c, &[0], &[0xff]);
        self.bar(BAR0, regs::BAR_BYTES);
        self.bar(BAR2, MSIX_BAR_BYTES);
        self.set16(0x2c, PCI_VENDOR, 0);
        self.set16(0x2e, PCI_DEVICE, 0);
        self.set(0x34, &[POWER as u8], &[]);
        // Interrupt line: firmware keeps a number here. There is no interrupt pin.
        self.set(0x3c, &[0], &[0xff]);
    }

    /// A 64-bit memory BAR: of the address, only the bits above its size can be written, which is how its size is asked for.
    fn bar(&mut self, offset: usize, bytes: usize) {
        self.set32(offset, BAR_64_BIT, !(bytes as u32 - 1));
        self.set32(offset + 4, 0, u32::MAX);
    }

    fn power(&mut self) {
        // Version 3; no power events.
        self.set(POWER, &[0x01, MSIX as u8, 0x03, 0x00], &[]);
        // Going back from D3hot to D0 is no reset.
        self.set16(POWER + 4, 1 << 3, POWER_STATE.into());
    }

    fn msix(&mut self, vectors: u16) {
        self.set(MSIX, &[0x11, EXPRESS as u8], &[]);
        // Enable, mask all.
        self.set16(MSIX + 2, vectors - 1, 0xc000);
        self.set32(MSIX + 4, MSIX_BAR, 0);
        self.set32(MSIX + 8, MSIX_PBA | MSIX_BAR, 0);
    }

    fn express(&mut self, lanes: u32) {
        const GT8: u32 = 3;
        self.set(EXPRESS, &[0x10, 0], &[]);
        // Version 2, endpoint.
        self.set16(EXPRESS + 2, 0x0002, 0);
        // Payload up to 512 bytes, extended tags, role-based errors, function-level reset.
        self.set32(EXPRESS + 4, 2 | 1 << 5 | 1 << 15 | 1 << 28, 0);
        // Relaxed ordering, no snoop, extended tags, read requests of 512 bytes.
        self.set16(DEVICE_CONTROL, 0x2910, 0x7fff);
        self.set32(EXPRESS + 0x0c, GT8 | lanes << 4 | 1 << 22, 0);
        // Link control: read completion boundary, common clock, extended synch, and the power states that it lacks.
        self.set16(EXPRESS + 0x10, 0, 0x00cb);
        // Link status: at full speed and width, on the slot's clock.
        self.set16(EXPRESS + 0x12, (GT8 | lanes << 4 | 1 << 12) as u16, 0);
        // Completion time-outs: all ranges, can be disabled.
        self.set32(EXPRESS + 0x24, 0x1f, 0);
        self.set16(EXPRESS + 0x28, 0, 0x001f);
        // 2.5, 5 and 8 GT/s; the target is the highest.
        self.set32(EXPRESS + 0x2c, 0b111 << 1, 0);
        self.set16(EXPRESS + 0x30, GT8 as u16, 0x000f);
        // Link status 2: equalization is complete, in all its phases.
        self.set16(EXPRESS + 0x32, 0b1_1110, 0);
    }

    /// As the simulated card's MAC address has it, in the form of an EUI-64.
    fn serial(&mut self, site: u8) {
        self.set32(SERIAL, 0x0001_0003, 0);
        self.set(SERIAL + 4, &[0x0a + site, 0, 0, 0xfe, 0xff, 0, 0, 0x02], &[]);
    }

    /// Copies what is at `offset` into `data`; past the end it reads as all-ones.
    pub fn read(&self, offset: u64, data: &mut [u8]) {
        for (i, byte) in data.iter_mut().enumerate() {
            *byte = Self::index(offset, i).map_or(0xff, |at| self.bytes[at]);
        }
    }

    /// Changes those bits that a host may change.
    pub fn write(&mut self, offset: u64, data: &[u8]) -> Asked {
        let mut asked = Asked::Nothing;
        for (i, new) in data.iter().enumerate() {
            let Some(at) = Self::index(offset, i) else { break };
            let writable = self.writable[at];
            self.bytes[at] = self.bytes[at] & !writable | new & writable;
            if at == DEVICE_CONTROL + 1 && new & RESET_BIT != 0 {
                asked = Asked::Reset;
            }
        }
        asked
    }

    fn index(offset: u64, i: usize) -> Option<usize> {
        usize::try_from(offset).ok()?.checked_add(i).filter(|at| *at < CONFIG_BYTES)
    }

    /// As after power-up: BARs without addresses, nothing enabled.
    pub fn reset(&mut self) {
        self.bytes = self.at_reset;
    }

    /// Whether the card answers accesses to its BARs.
    pub fn memory_enabled(&self) -> bool {
        self.bytes[COMMAND] & COMMAND_MEMORY != 0 && self.bytes[POWER + 4] & POWER_STATE == 0
    }

    /// Whether the card may reach the host's memory.
    pub fn bus_master(&self) -> bool {
        self.bytes[COMMAND] & COMMAND_BUS_MASTER != 0 && self.bytes[POWER + 4] & POWER_STATE == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn space() -> ConfigSpace {
        ConfigSpace::new(0, 64, 8)
    }

    fn get<const N: usize>(space: &ConfigSpace, offset: usize) -> [u8; N] {
        let mut bytes = [0; N];
        space.read(offset as u64, &mut bytes);
        bytes
    }

    fn get32(space: &ConfigSpace, offset: usize) -> u32 {
        u32::from_le_bytes(get(space, offset))
    }

    #[test]
    fn both_lists_of_capabilities_end() {
        let space = space();
        let mut found = Vec::new();
        let mut at = usize::from(get::<1>(&space, 0x34)[0]);
        while at != 0 {
            let [id, next] = get(&space, at);
            found.push(id);
            assert!(usize::from(next) == 0 || usize::from(next) > at, "{at:#x} leads to {next:#x}");
            at = next.into();
        }
        assert_eq!(found, [0x01, 0x11, 0x10]);
        assert_eq!(get32(&space, 0x100), 0x0001_0003, "the only extended one: no next");
    }

    #[test]
    fn the_size_of_a_bar_is_asked_for_by_writing_ones() {
        let mut space = space();
        for (offset, bytes) in [(BAR0, regs::BAR_BYTES), (BAR2, MSIX_BAR_BYTES)] {
            assert_eq!(space.write(offset as u64, &[0xff; 8]), Asked::Nothing);
            assert_eq!(u64::from_le_bytes(get(&space, offset)), !(bytes as u64 - 1) | 0b100);
        }
        assert_eq!(space.write(0x20, &[0xff; 8]), Asked::Nothing);
        assert_eq!(get::<8>(&space, 0x20), [0; 8], "no more BARs");
    }

    #[test]
    fn only_what_may_be_written_changes() {
        let mut space = space();
        let before = space.bytes;
        assert_eq!(space.write(0, &[0xff; CONFIG_BYTES]), Asked::Reset, "bit 15 of device control was among them");
        for (at, (was, now)) in before.iter().zip(&space.bytes).enumerate() {
            assert_eq!(was & !space.writable[at], now & !space.writable[at], "{at:#x}");
        }
        assert_eq!(get::<4>(&space, 0), before[..4]);
        assert_eq!(get::<2>(&space, DEVICE_CONTROL), [0xff, 0x7f], "the reset bit reads as zero");
        space.reset();
        assert_eq!(space.bytes, before);
    }

    #[test]
    fn memory_and_bus_mastering_need_power() {
        let mut space = space();
        assert!(!space.memory_enabled() && !space.bus_master());
        let _ = space.write(COMMAND as u64, &[COMMAND_MEMORY | COMMAND_BUS_MASTER]);
        assert!(space.memory_enabled() && space.bus_master());
        let _ = space.write(POWER as u64 + 4, &[3]);
        assert!(!space.memory_enabled() && !space.bus_master());
        let _ = space.write(POWER as u64 + 4, &[0]);
        assert!(space.memory_enabled() && space.bus_master(), "D3hot is no reset");
    }

    #[test]
    fn accesses_past_the_end_do_nothing() {
        let mut space = space();
        for offset in [CONFIG_BYTES as u64, u64::MAX] {
            assert_eq!(space.write(offset, &[0; 8]), Asked::Nothing);
            let mut data = [0; 8];
            space.read(offset, &mut data);
            assert_eq!(data, [0xff; 8]);
        }
        let mut data = [0x55; 8];
        space.read(CONFIG_BYTES as u64 - 4, &mut data);
        assert_eq!(data, [0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]);
    }
}
