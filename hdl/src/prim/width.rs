//! Streams of words into streams of wider or narrower words.
//!
//! ```text
//!             ┌────────────────────┐
//!   s_valid ─►│                    ├─► m_valid
//!   s_ready ◄─┤ widen_<FROM>_<TO>  │◄─ m_ready
//!    s_data ═►│ narrow_<FROM>_<TO> ╞═► m_data
//!             └────────────────────┘
//! ```
//!
//! **Interface.** `s` of `from` bits, `m` of `to` bits; one word of the wide side is `ratio` words of the narrow side,
//! the first in the lowest bits. A word comes out whole; there is no way to end a word early.
//!
//! **Parameters.** `to = ratio * from` for [`widen`], `from = ratio * to` for [`narrow`]; `ratio` 2 to 64.
//!
//! **Latency.** One cycle from a wide word in to its first part out, and from the last part in to the wide word out.
//!
//! **Throughput.** The narrow side moves a beat every cycle, without bubbles. `widen` needs for that a receiver that
//! takes a word within `ratio - 1` cycles.
//!
//! **Backpressure.** `widen`: `s_ready` comes from registers. `narrow`: `s_ready` follows `m_ready` in the cycle of the
//! last part, a path of logic. Nothing is dropped.
//!
//! **Reset.** Forgets the parts of an unfinished word.
//!
//! **Clocks.** One.
//!
//! **Ordering.** First in, first out.
//!
//! **Errors.** None.
//!
//! **Source.** The stream's rules: AXI IHI 0051 2.2.1. Byte order as in AXI IHI 0022 A3.4.3: lower addresses in lower
//! bits.
//!
//! **Proof and test.** Properties `widen_parts`, `narrow_parts`; order in every state: `tests/tests/proofs`; `tests/tests/skid.rs`.

use super::count_width;
use crate::prelude::*;
use crate::stream::{stream_in, stream_out};

fn ratio(wide: usize, narrow: usize) -> usize {
    let ratio = wide / narrow;
    assert!(wide.is_multiple_of(narrow) && (2..=64).contains(&ratio), "{wide} bits in parts of {narrow} bits");
    ratio
}

/// Joins words of `from` bits into words of `to` bits, the first one lowest.
///
/// # Panics
/// When `to` is not 2 to 64 times `from`.
pub fn widen(from: usize, to: usize) -> Module {
    let ratio = ratio(to, from);
    module(format!("widen_{from}_{to}"), |m| {
        m.doc(format!("Joins {ratio} words of {from} bits into one of {to} bits, the first one lowest."));
        let s = stream_in(m, "s", from);
        let out = stream_out(m, "m", to);
        let parts = m.reg_nr("parts", to - from);
        let have = m.reg("have", count_width(ratio - 1), 0);
        let out_valid = m.reg("m_valid_q", 1, 0);
        let out_data = m.reg_nr("m_data_q", to);

        // Backward: the last part needs the output register.
        let last = have.eq(ratio - 1);
        let ready = !(last & out_valid);
        s.ready.set(ready);

        // Forward: parts come in at the top and sink.
        let put = s.valid & ready;
        when(out.ready, || out_valid.set(0));
        when(put, || {
            have.set(mux(last, 0, have + 1));
            parts.set(if ratio == 2 { s.data } else { cat(&[s.data, parts.slice(from, to - 2 * from)]) });
        });
        when(put & last, || {
            out_valid.set(1);
            out_data.set(cat(&[s.data, parts.get()]));
        });
        out.valid.set(out_valid);
        out.data.set(out_data);

        m.prove("widen_parts", have.le(ratio - 1));
    })
}

/// Cuts words of `from` bits into words of `to` bits, the lowest one first.
///
/// # Panics
/// When `from` is not 2 to 64 times `to`.
pub fn narrow(from: usize, to: usize) -> Module {
    let ratio = ratio(from, to);
    module(format!("narrow_{from}_{to}"), |m| {
        m.doc(format!("Cuts a word of {from} bits into {ratio} of {to} bits, the lowest one first."));
        let s = stream_in(m, "s", from);
        let out = stream_out(m, "m", to);
        let parts = m.reg_nr("parts", from);
        let left = m.reg("left", count_width(ratio), 0);

        // Backward.
        let ready = left.eq(0) | (left.eq(1) & out.ready);
        s.ready.set(ready);

        // Forward.
        when(left.any() & out.ready, || {
            left.set(left - 1);
            parts.set(parts.shr(to));
        });
        when(s.valid & ready, || {
            left.set(ratio);
            parts.set(s.data);
        });
        out.valid.set(left.any());
        out.data.set(parts.trunc(to));

        m.prove("narrow_parts", left.le(ratio));
    })
}
