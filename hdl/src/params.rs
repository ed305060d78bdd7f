//! Sizes of a build of the card.

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
    /// Register slices in the streams between blocks, and a stage more in some: a step to a higher clock for a cycle each.
    pub sliced: bool,
    /// Queues between blocks that only make things faster hold one entry.
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

    /// A build for a small FPGA, an ECP5 say, at a datapath width: 512 slots, 2 LUNs, and at 64 bits a narrow store port.
    ///
    /// # Panics
    /// When `data_w` is neither 64 nor 512.
    pub fn board(data_w: usize) -> Self {
        let whole = Self::new(data_w);
        Self {
            store_w: if data_w == 64 { 128 } else { whole.store_w },
            slots: 512,
            period: 1024,
            queues: 2,
            vectors: 2,
            luns: 2,
            extents: 4096,
            local_bufs: 2,
            mirror_bufs: 2,
            queue_log2: 9,
            lean: true,
            ..whole
        }
    }

    /// The same build with register slices.
    #[must_use]
    pub fn with_slices(mut self) -> Self {
        self.sliced = true;
        self.period = self.pace() * self.slots;
        self
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
            "a slot is looked at every second cycle, or every fourth: period"
        );
        assert!((1..=8).contains(&self.queues), "queues: 1..=8, not {}", self.queues);
        power("vectors", self.vectors, 2, 8);
        assert!((2..=8).contains(&self.luns), "luns: 2..=8, not {}", self.luns);
        let store: &[usize] = if self.data_w == 64 { &[128, 256] } else { &[1024] };
        assert!(store.contains(&self.store_w), "store_w: one of {store:?}, not {}", self.store_w);
    }

    /// Cycles from one look at a slot to that at the next: 2, or 4 where a look takes a stage more.
    pub fn pace(&self) -> usize {
        if self.sliced { 4 } else { 2 }
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
