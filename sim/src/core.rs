//! The two builds of the card that are linked into this crate.
#![allow(unsafe_code)]

use dyad_verilator::{Design, ModelVtable};

use crate::rtl::RtlCard;

unsafe extern "C" {
    fn dyad_model_core64() -> *const ModelVtable;
    fn dyad_model_core512() -> *const ModelVtable;
}

/// The default build of the card at `DATA_W` 64 or 512.
///
/// # Panics
/// When there is no build of that width.
pub fn design(data_w: usize) -> Design {
    // SAFETY: the build script made both functions; each returns a table that lives as long as the program.
    let table = unsafe {
        match data_w {
            64 => &*dyad_model_core64(),
            512 => &*dyad_model_core512(),
            _ => panic!("there is no build with DATA_W {data_w}"),
        }
    };
    Design::from_static(table).expect("the linked model has the shim's version that this crate was built with")
}

/// A card at `DATA_W` 64 or 512; `seed` decides what registers without a reset hold at power-up.
///
/// # Panics
/// When there is no build of that width.
pub fn card(data_w: usize, seed: u64) -> RtlCard {
    RtlCard::new(design(data_w).instance(seed))
}
