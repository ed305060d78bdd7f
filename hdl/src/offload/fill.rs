//! A block of the store that is read whole before any of it is used, then handed out in beats of the datapath.

use crate::params::Params;
use crate::prelude::*;
use crate::prim::fifo::fifo_ram;
use crate::prim::width::narrow;
use crate::stream::StreamIn;

/// The block, in a FIFO that has room for all of it.
pub(super) struct Fill {
    /// Its beats: `m_valid`, `m_data`, and `m_ready` to be driven.
    pub beats: Inst,
    /// The last word comes.
    pub filled: E,
    /// With `filled`: a word of the block could not be read.
    pub bad: E,
}

impl Fill {
    /// Takes the words of `s_rdata` (data, `last`, `err`) while `open` is 1.
    pub fn new(m: &M, p: &Params, s_rdata: &StreamIn, open: E) -> Self {
        let s = p.store_w;
        let words = m.inst("u_words", &fifo_ram(p.store_beats(), s));
        let beats = m.inst("u_narrow", &narrow(s, p.data_w));
        words.set("s_valid", s_rdata.valid & open);
        words.set("s_data", s_rdata.data.slice(0, s));
        s_rdata.ready.set(words.get("s_ready") & open);
        beats.set("s_valid", words.get("m_valid"));
        beats.set("s_data", words.get("m_data"));
        words.set("m_ready", beats.get("s_ready"));
        let (last, err) = (s_rdata.data.bit(s), s_rdata.data.bit(s + 1));
        let failed = m.reg("failed", 1, 0);
        let bad = (failed | err).named("bad_block");
        let filled = (s_rdata.fire() & last).named("filled");
        when(s_rdata.fire(), || failed.set(bad & !last));
        Self { beats, filled, bad }
    }
}
