//! `prim::crc32c` against the crate `crc`.

use crc::{CRC_32_ISCSI, Crc};
use dyad_hdl::ir::Bits;
use dyad_hdl::prim::crc32c::{RESIDUE, crc32c};
use dyad_tests::{Dut, trial};

const CRC: Crc<u32> = Crc::<u32>::new(&CRC_32_ISCSI);

/// The register after `data`, from `state`: the crate's digest, which starts and ends complemented and keeps its
/// initial value with its bits reversed.
fn register(state: u32, data: &[u8]) -> u32 {
    let mut digest = CRC.digest_with_initial(state.reverse_bits());
    digest.update(data);
    !digest.finalize()
}

fn step(dut: &mut Dut, state: u32, data: &[u8]) -> u32 {
    dut.poke("state", u64::from(state));
    dut.poke_bits("data", &Bits::from_bytes_le(data));
    dut.settle();
    dut.peek("next") as u32
}

/// A linear map is known from what it does to each single bit, and to nothing.
#[test]
fn crc32c_of_every_basis_vector() {
    trial(|t| {
        for bytes in [1, 2, 3, 4, 5, 8, 24, 64] {
            let mut dut = t.dut(&crc32c(bytes));
            let mut data = vec![0; bytes];
            assert_eq!(step(&mut dut, 0, &data), 0, "{bytes} bytes: zero");
            for bit in 0..32 {
                let state = 1 << bit;
                assert_eq!(step(&mut dut, state, &data), register(state, &data), "{bytes} bytes: bit {bit} of state");
            }
            for bit in 0..8 * bytes {
                data[bit / 8] = 1 << (bit % 8);
                assert_eq!(step(&mut dut, 0, &data), register(0, &data), "{bytes} bytes: bit {bit} of data");
                data[bit / 8] = 0;
            }
        }
    });
}

#[test]
fn crc32c_of_random_data() {
    trial(|t| {
        for bytes in [3, 4, 8, 24, 64] {
            let mut dut = t.dut(&crc32c(bytes));
            for _ in 0..2000 {
                let (state, data) = (t.rng.next_u64() as u32, t.rng.bits(8 * bytes).to_bytes_le());
                assert_eq!(
                    step(&mut dut, state, &data),
                    register(state, &data),
                    "{bytes} bytes from {state:#x}: {data:x?}"
                );
            }
        }
    });
}

/// Steps of 8 bytes make the checksum of a message, and its own checksum leads to the residue.
#[test]
fn crc32c_of_messages_and_their_residue() {
    trial(|t| {
        let mut eight = t.dut(&crc32c(8));
        let mut four = t.dut(&crc32c(4));
        for beats in 1..20 {
            let message = t.rng.bits(64 * beats).to_bytes_le();
            let state = message.chunks(8).fold(u32::MAX, |state, beat| step(&mut eight, state, beat));
            assert_eq!(!state, CRC.checksum(&message), "{beats} beats");
            assert_eq!(!state, dyad_spec::wire::crc32c(&message), "{beats} beats: the definition");
            assert_eq!(step(&mut four, state, &(!state).to_le_bytes()), RESIDUE, "{beats} beats: residue");
        }
    });
}

#[test]
#[should_panic(expected = "1 to 128 bytes")]
fn crc32c_of_nothing_is_refused() {
    crc32c(0);
}
