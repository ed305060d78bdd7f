//! Two Verilated cards with their drivers, linked up, with one LUN: the start of every system test.

use std::path::Path;
use std::time::Duration;

use dyad_driver::{
    Device, LinkConfig, Mode, Mtu, NewLun, Queue, QueueConfig, Site as DriverSite, SiteConfig, run_both,
};
use dyad_hdl::params::Params;
use dyad_sim::{AxiConfig, Bench, Config, SimBacking, Site, World, core};
use dyad_spec::BLOCK_BYTES;
use dyad_spec::superblock::RESERVED_BLOCKS;

use crate::mutants;

/// The LUN of the tests.
pub const LUN: u8 = 1;
/// Its blocks.
pub const LUN_BLOCKS: u64 = 1024;
/// Bytes of each store: room for a LUN and a staging area.
pub const STORE_BYTES: u64 = 32 << 20;

/// The seed of this run: `DYAD_SEED`, or 1.
fn seed() -> u64 {
    std::env::var("DYAD_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(1)
}

/// Sizes of the cards. Those that are not whole are compiled when the test runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Size {
    /// Those of a 10G or 100G board
    #[default]
    Full,
    /// 64 slots, each of which is soon used again, and looked at more often
    Small,
    /// Those of a small FPGA
    Board,
    /// The same with register slices between the blocks
    Sliced,
}

impl Size {
    /// Its name on command lines.
    pub fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Small => "small",
            Self::Board => "board",
            Self::Sliced => "sliced",
        }
    }

    fn params(self, data_w: usize) -> Params {
        match self {
            Self::Full => Params::new(data_w),
            Self::Small => Params { slots: 64, period: 128, ..Params::new(data_w) },
            Self::Board => Params::board(data_w),
            Self::Sliced => Params::board(data_w).with_slices(),
        }
    }
}

/// How a pair is set up.
#[derive(Clone, Debug)]
pub struct Setup {
    /// `DATA_W`.
    pub data_w: usize,
    /// Size of frames.
    pub mtu: Mtu,
    /// Distance in km.
    pub km: f64,
    /// Seed of everything random.
    pub seed: u64,
    /// Time after which a block is sent again.
    pub resend: Duration,
    /// Times that it is.
    pub resend_limit: u8,
    /// Blocks of the LUN.
    pub lun_blocks: u64,
    /// Log2 of the blocks of an extent, at least.
    pub extent_shift: u8,
    /// Bytes of each store; where it has no room for a staging area, the card requests nothing of its peer.
    pub store_bytes: u64,
    /// Sizes of the cards.
    pub size: Size,
    /// Longest extra time of an answer of a store, in cycles.
    pub store_jitter: u64,
    /// Cards at `DATA_W` 64 with the mutant of this number, or 0, the card itself: see [`mutants`]. They are compiled when the
    /// test runs.
    pub mutant: Option<u64>,
}

impl Setup {
    /// Short distances, short time-outs.
    pub fn new(data_w: usize, mtu: Mtu) -> Self {
        Self {
            data_w,
            mtu,
            km: 0.1,
            seed: seed(),
            resend: Duration::from_micros(200),
            resend_limit: 3,
            lun_blocks: LUN_BLOCKS,
            extent_shift: 0,
            store_bytes: STORE_BYTES,
            size: Size::Full,
            store_jitter: 0,
            mutant: None,
        }
    }
}

/// Two sites, linked up.
pub struct Pair {
    /// The simulated world.
    pub bench: Bench,
    /// The driver at site A, which owns the LUN.
    pub a: DriverSite<SimBacking>,
    /// The driver at site B.
    pub b: DriverSite<SimBacking>,
    /// Queue pair at A.
    pub qa: Queue<SimBacking>,
    /// Queue pair at B.
    pub qb: Queue<SimBacking>,
    setup: Setup,
}

fn open(bench: &Bench, setup: &Setup, site: Site) -> DriverSite<SimBacking> {
    let link = LinkConfig {
        mtu: setup.mtu,
        resend: setup.resend,
        resend_limit: setup.resend_limit,
        ..LinkConfig::for_site(site as u8)
    };
    let device = Device::open(bench.backing(site)).expect("the card answers");
    DriverSite::open(device, SiteConfig { link: Some(link), ..SiteConfig::default() }).expect("the site opens")
}

fn queue(site: &DriverSite<SimBacking>) -> Queue<SimBacking> {
    site.device().create_queue(&QueueConfig::default()).expect("a queue")
}

impl Pair {
    /// Powers both sites up, formats their stores, creates the LUN, and brings the link up.
    ///
    /// # Panics
    /// When any of that fails.
    pub fn new(setup: &Setup) -> Self {
        Self::with_waves(setup, None)
    }

    /// The same, with waveforms of both cards in a directory, `a.fst` and `b.fst`. That takes models of their own, which are
    /// made first, and slower.
    ///
    /// # Panics
    /// As [`new`](Self::new), and when the files can't be made.
    pub fn with_waves(setup: &Setup, waves: Option<&Path>) -> Self {
        let build = Config::for_data_w(setup.data_w);
        let config = Config {
            seed: setup.seed,
            store: AxiConfig { jitter: setup.store_jitter, ..build.store },
            km: setup.km,
            mtu: setup.mtu.bytes(),
            store_bytes: setup.store_bytes,
            ..build
        };
        let own = (waves.is_some() || setup.size != Size::Full || setup.mutant.is_some()).then(|| {
            let text = dyad_hdl::verilog::print(&dyad_hdl::top::dyad_core(&setup.size.params(setup.data_w)));
            let text = if setup.mutant.is_some() { mutants::all_in_one(&text).expect("mutants") } else { text };
            dyad_sim::rtl::compile(&text, waves.is_some()).expect("a model of the card")
        });
        let card = |n: u64| -> Option<Box<dyn dyad_sim::Card>> {
            let power_up = setup.seed.wrapping_add(n);
            let Some(design) = &own else { return Some(Box::new(core::card(setup.data_w, power_up))) };
            let mut model = design.instance(power_up);
            if let Some(number) = setup.mutant {
                model.set_u64(model.expect_port("mutant"), number);
            }
            let mut card = dyad_sim::RtlCard::new(model);
            if let Some(folder) = waves {
                std::fs::create_dir_all(folder).expect("a directory for waveforms");
                let path = folder.join(["a.fst", "b.fst"][n as usize]);
                dyad_sim::Card::trace_open(&mut card, &path).expect("a file for the waveform");
            }
            Some(Box::new(card))
        };
        let bench = Bench::new(World::new(config, [card(0), card(1)]).expect("memory for two stores"));
        let (mut a, mut b) = (open(&bench, setup, Site::A), open(&bench, setup, Site::B));
        let blocks = setup.store_bytes / BLOCK_BYTES as u64;
        let lun = NewLun {
            number: Some(LUN),
            blocks: setup.lun_blocks,
            owner: 0,
            uuid: 77,
            extent_shift_min: setup.extent_shift,
        };
        for (number, site) in [&mut a, &mut b].into_iter().enumerate() {
            site.format(0xd1ad, number as u8).expect("format");
            site.create_lun(&lun, blocks).expect("create the LUN");
        }
        let (up_a, up_b) = run_both(a.link_up(Mode::Serve, 1).expect("A"), b.link_up(Mode::Serve, 2).expect("B"));
        assert_eq!(up_a.expect("link up at A").generation, up_b.expect("link up at B").generation);
        let (qa, qb) = (queue(&a), queue(&b));
        Self { bench, a, b, qa, qb, setup: setup.clone() }
    }

    /// Opens both sites anew, as drivers that were started again do. The LUN must be refused, since nobody knows its
    /// stores equal, and goes live after a full copy from A.
    ///
    /// # Panics
    /// When any of that is not so.
    pub fn reopen(self) -> Self {
        let Self { bench, a, b, qa, qb, setup } = self;
        drop((qa, qb, a, b));
        let (mut a, mut b) = (open(&bench, &setup, Site::A), open(&bench, &setup, Site::B));
        let both_up = |a: &mut DriverSite<SimBacking>, b: &mut DriverSite<SimBacking>, mode| {
            let (up_a, up_b) = run_both(a.link_up(mode, 3).expect("A"), b.link_up(mode, 4).expect("B"));
            let (up_a, up_b) = (up_a.expect("link up at A"), up_b.expect("link up at B"));
            assert_eq!(up_a.generation, up_b.generation);
        };
        both_up(&mut a, &mut b, Mode::Serve);
        assert!(
            a.need_live(LUN).is_err() && b.need_live(LUN).is_err(),
            "the LUN is live, though a card lost its slots"
        );
        a.link_down().and(b.link_down()).expect("link down");
        both_up(&mut a, &mut b, Mode::SyncFrom(0));
        let (at_a, at_b) = run_both(a.sync(|_| ()).expect("A"), b.sync(|_| ()).expect("B"));
        assert_eq!(at_a.expect("sync at A").len(), 1);
        at_b.expect("sync at B");
        let (qa, qb) = (queue(&a), queue(&b));
        Self { bench, a, b, qa, qb, setup }
    }

    /// The bytes of a block of the LUN in the store at `site`.
    pub fn stored(&self, site: Site, lba: u64) -> Vec<u8> {
        let base = (RESERVED_BLOCKS + lba) * BLOCK_BYTES as u64;
        self.bench.world().site(site).store.bytes(base..base + BLOCK_BYTES as u64)
    }

    /// The first eight bytes of a block of the LUN in the store at `site`, as a number.
    pub fn first_word(&self, site: Site, lba: u64) -> u64 {
        let mut word = [0; 8];
        let base = (RESERVED_BLOCKS + lba) * BLOCK_BYTES as u64;
        self.bench.world().site(site).store.read_into(base, &mut word);
        u64::from_le_bytes(word)
    }

    /// Every counter of both cards that is not 0, for messages.
    pub fn counters(&self) -> String {
        counters_of(&self.a, &self.b)
    }

    /// Panics when a card has broken a rule of its buses, or has reached for memory that was not mapped.
    pub fn check_rules(&self) {
        let world = self.bench.world();
        for site in [Site::A, Site::B] {
            assert_eq!(world.site(site).broken_rules().next(), None, "site {site}");
        }
    }
}

/// A block that tells which block and which version it is, in every word.
pub fn pattern(lba: u64, version: u64) -> Vec<u8> {
    (0..BLOCK_BYTES as u64 / 8)
        .flat_map(|i| (lba << 48 ^ version << 32 ^ i).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes())
        .collect()
}

/// Every counter of both cards that is not 0.
pub fn counters_of(a: &DriverSite<SimBacking>, b: &DriverSite<SimBacking>) -> String {
    let of = |site: &DriverSite<SimBacking>| -> String {
        let counters = site.device().counters().unwrap_or_default();
        counters.iter().filter(|c| c.1 > 0).map(|(c, n)| format!("{}={n} ", c.name())).collect()
    };
    format!("A: {}\nB: {}", of(a), of(b))
}
