//! Sizes of a build of the card.

use crate::bundle::{INDEX_W, LBA_W, LUN_W};
use crate::prelude::*;
use crate::prim::index_width;

/// Sizes of a build; the host reads them back from the capability registers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Params {
    /// Width of host port and streams in bits: 64 or 512.
    pub data_w: usize,
    /// Width of the store port in bits: 256, or 128 for small boards, at 64 bits; 1024 at 512.
    pub store_w: usize,
    /// Slots: a power of two, 64 to 4096.
    pub slots: usize,
    /// Queue pairs, 1 to 8.
    pub queues: usize,
    /// Interrupt vectors: a power of two, 2 to 8.
    pub vectors: usize,
    /// LUNs, 2 to 8. A number above is a LUN that is not there, everywhere.
    pub luns: usize,
    /// Directory entries, a power of two, 64 to 1 Mi.
    pub extents: usize,
    /// Whole-block gather buffers of the local leg: a power of two, 2 to 16.
    pub local_bufs: usize,
    /// Whole-block gather buffers of the peer's blocks: a power of two, 2 to 16.
    pub mirror_bufs: usize,
    /// Core clock in kHz; only told to the host.
    pub clock_khz: usize,
    /// Period of the time-out scan in cycles: `slots` times the pace.
    pub period: usize,
    /// Log2 of the most entries that a queue may have.
    pub queue_log2: usize,
    /// Bits of a block's address, in a LUN and in the store: 24 to 40.
    pub lba_w: usize,
    /// Bits of an address in host memory: 40 to 64.
    pub iova_w: usize,
    /// Machines that read a word of a RAM put it into registers, and then what follows from it, before they decide: cycles more an
    /// event, for a higher clock.
    pub deep: bool,
    /// Register slices in the streams between blocks: a cycle each.
    pub sliced: bool,
    /// Queues between blocks that only make things faster hold one entry, others at most 16; where streams join, each beat is
    /// chosen in one cycle and passed in the next.
    pub lean: bool,
}

impl Params {
    /// The default build at a datapath width: 64 bits for 1G and 10G boards, 512 bits for 100G boards.
    ///
    /// # Panics
    /// When `data_w` is neither 64 nor 512.
    pub fn new(data_w: usize) -> Self {
        let (store_w, clock_khz) = match data_w {
            64 => (256, 156_250),
            512 => (1024, 250_000),
            other => panic!("DATA_W is 64 or 512, not {other}"),
        };
        Self {
            data_w,
            store_w,
            slots: 4096,
            queues: 4,
            vectors: 8,
            luns: 8,
            extents: 65536,
            local_bufs: 8,
            mirror_bufs: 8,
            clock_khz,
            period: 8192,
            queue_log2: 12,
            lba_w: LBA_W,
            iova_w: 64,
            deep: false,
            sliced: false,
            lean: false,
        }
    }

    /// A build with the smallest tables at a datapath width, for quick tests: 64 slots.
    ///
    /// # Panics
    /// When `data_w` is neither 64 nor 512.
    pub fn small(data_w: usize) -> Self {
        Self {
            slots: 64,
            period: 128,
            queues: 2,
            extents: 64,
            local_bufs: 2,
            mirror_bufs: 2,
            queue_log2: 4,
            ..Self::new(data_w)
        }
    }

    /// A build for a small FPGA, an ECP5 say, at a datapath width: 512 slots, 2 LUNs, at 64 bits a narrow
    /// store port, lean and deep.
    ///
    /// # Panics
    /// When `data_w` is neither 64 nor 512.
    pub fn board(data_w: usize) -> Self {
        let whole = Self::new(data_w);
        Self {
            store_w: if data_w == 64 { 128 } else { whole.store_w },
            slots: 512,
            queues: 2,
            vectors: 2,
            luns: 2,
            extents: 4096,
            local_bufs: 2,
            mirror_bufs: 2,
            queue_log2: 9,
            lba_w: 24,
            iova_w: 40,
            lean: true,
            ..whole
        }
        .deeper()
    }

    /// The same build with more stages in its machines.
    #[must_use]
    pub fn deeper(mut self) -> Self {
        self.deep = true;
        self.period = self.pace() * self.slots;
        self
    }

    /// The same with register slices between its blocks, too.
    #[must_use]
    pub fn with_slices(self) -> Self {
        Self { sliced: true, ..self.deeper() }
    }

    /// Checks every range.
    ///
    /// # Panics
    /// When a size is out of its range; the message names it.
    pub fn check(&self) {
        let power = |name: &str, v: usize, lo: usize, hi: usize| {
            assert!(v.is_power_of_two() && (lo..=hi).contains(&v), "{name} is a power of two in {lo}..={hi}, not {v}");
        };
        power("slots", self.slots, 64, 4096);
        power("extents", self.extents, 64, 1 << 20);
        power("local_bufs", self.local_bufs, 2, 16);
        power("mirror_bufs", self.mirror_bufs, 2, 16);
        assert_eq!(
            self.period,
            self.pace() * self.slots,
            "a slot is looked at every second cycle, or every eighth: period"
        );
        assert!((24..=LBA_W).contains(&self.lba_w), "lba_w: 24..={LBA_W}, not {}", self.lba_w);
        assert!((40..=64).contains(&self.iova_w), "iova_w: 40..=64, not {}", self.iova_w);
        assert!((1..=8).contains(&self.queues), "queues: 1..=8, not {}", self.queues);
        power("vectors", self.vectors, 2, 8);
        assert!((2..=8).contains(&self.luns), "luns: 2..=8, not {}", self.luns);
        let store: &[usize] = if self.data_w == 64 { &[128, 256] } else { &[1024] };
        assert!(store.contains(&self.store_w), "store_w: one of {store:?}, not {}", self.store_w);
    }

    /// Bits that a field of a bundle, by its name and the width that it has in every build, has in this one; above them it is zero.
    /// An address in host memory has one more than `iova_w`: what runs past the end faults there, and does not come round.
    pub fn field_w(&self, name: &str, width: usize) -> usize {
        match (name, width) {
            ("lba" | "block", LBA_W) => self.lba_w,
            ("page", 52) => (self.iova_w + 1).min(64) - 12,
            ("addr" | "iova", 64) => (self.iova_w + 1).min(64),
            ("lun", LUN_W) => index_width(self.luns),
            ("index", INDEX_W) => clog2(self.extents),
            _ => width,
        }
    }

    /// A block's address of `LBA_W` bits or more, in as many as this build has, and `LBA_W` wide: one beyond becomes the highest, which
    /// is past the end of every LUN.
    pub fn near(&self, lba: E) -> E {
        let beyond = lba.width() > self.lba_w;
        let near = lba.trunc(self.lba_w);
        let near = if beyond {
            mux(lba.slice(self.lba_w, lba.width() - self.lba_w).any(), ones(self.lba_w), near)
        } else {
            near
        };
        near.zext(LBA_W)
    }

    /// Cycles from the choice of an event to its decision.
    pub fn stages(&self) -> usize {
        if self.deep { 3 } else { 1 }
    }

    /// Cycles from one look at a slot to that at the next: 2, or 8 where a look takes two stages more.
    pub fn pace(&self) -> usize {
        if self.deep { 8 } else { 2 }
    }

    /// Entries of a queue that has `entries` where room is no question.
    pub fn queue(&self, entries: usize) -> usize {
        if self.lean { entries.min(16) } else { entries }
    }

    /// Beats of a block on the datapath.
    pub fn block_beats(&self) -> usize {
        4096 * 8 / self.data_w
    }

    /// Beats of a block on the store port.
    pub fn store_beats(&self) -> usize {
        4096 * 8 / self.store_w
    }

    /// Beats of a frame's headers, and of an entry: 8 or 1.
    pub fn header_beats(&self) -> usize {
        512 / self.data_w
    }

    /// `name_<DATA_W>`: the name of a module that depends on the width.
    pub fn named(&self, name: &str) -> String {
        format!("{name}_{}", self.data_w)
    }
}
