//! A card that is open: what it is, its control registers, its counters, its queues.

mod info;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use dyad_spec::counters::Counter;
use dyad_spec::regs::{self, Register, block};
use dyad_spec::{Field, MAGIC, SPEC_VERSION};

use crate::backing::{Backing, Deadline, Wake};
use crate::bar::{CardStatus, Control, LunFlags, Registers};
use crate::dma::IOVA_BITS;
use crate::error::{Error, Result};
use crate::io::{Queue, QueueConfig};

pub use info::{Info, LinkConfig, LunEntry, Mtu};

/// Blocks that the driver will follow in the card's list before it calls the list endless.
const MOST_BLOCKS: usize = 64;
/// How long to wait between two looks at a register that will change.
const POLL: Duration = Duration::from_micros(20);

/// What a device and its queues share.
pub(crate) struct Shared<B> {
    pub(crate) backing: B,
    /// One bit for each queue pair in use.
    pairs: AtomicU32,
}

impl<B: Backing> Shared<B> {
    pub(crate) fn name(&self) -> Box<str> {
        self.backing.name().into()
    }

    #[cold]
    pub(crate) fn gone(&self, during: &'static str) -> Error {
        Error::DeviceGone { device: self.name(), during, reason: self.backing.gone().map(String::into_boxed_str) }
    }

    /// Makes sure that the card still answers.
    pub(crate) fn alive(&self, during: &'static str) -> Result<()> {
        if self.backing.read32(regs::MAGIC.offset) == MAGIC { Ok(()) } else { Err(self.gone(during)) }
    }

    pub(crate) fn deadline(&self, operation: &'static str, since: u64) -> Error {
        let waited_ns = self.backing.now().saturating_sub(since);
        Error::Deadline { device: self.name(), operation, waited_ns }
    }

    pub(crate) fn release_pair(&self, pair: u8) {
        self.backing.write32(regs::QUEUE_CONTROL.at(pair.into()), 0);
        self.pairs.fetch_and(!(1 << pair), Ordering::AcqRel);
    }
}

/// A card.
///
/// ```
/// use dyad_driver::{Device, QueueConfig, backing::memory::Memory};
/// use std::time::Duration;
/// # fn main() -> dyad_driver::Result<()> {
/// let device = Device::open(Memory::null())?;
/// device.reset(Duration::from_secs(1))?;
/// let queue = device.create_queue(&QueueConfig::default())?;
/// println!("{} at {} kHz, queue {}", device.info().name, device.info().clock_khz, queue.id());
/// for (counter, value) in device.counters()? {
///     println!("{:24} {value}", counter.name());
/// }
/// # Ok(())
/// # }
/// ```
pub struct Device<B: Backing> {
    shared: Arc<Shared<B>>,
    info: Info,
}

impl<B: Backing> Device<B> {
    /// Makes sure that `backing` leads to a Dyad card whose register map this driver knows, and reads what it can do.
    /// Changes nothing on the card.
    ///
    /// # Errors
    /// [`Error::DeviceGone`], [`Error::NotDyad`], [`Error::Version`], [`Error::Layout`]; that also when the card has fewer bits of host
    /// memory's addresses than [`IOVA_BITS`].
    pub fn open(backing: B) -> Result<Self> {
        let shared = Arc::new(Shared { backing, pairs: AtomicU32::new(0) });
        let regs = Registers(&shared.backing);
        match regs.get(&regs::MAGIC) {
            MAGIC => {}
            u32::MAX => return Err(shared.gone("opening")),
            found => return Err(Error::NotDyad { device: shared.name(), found }),
        }
        let version = regs.get(&regs::VERSION);
        if version >> 16 != SPEC_VERSION >> 16 || version < SPEC_VERSION {
            return Err(Error::Version { device: shared.name(), found: version });
        }
        walk(&shared)?;
        let counts = regs.get(&regs::CAP_COUNTS);
        let width = regs.get(&regs::CAP_WIDTH);
        let buffers = regs.get(&regs::CAP_BUFFERS);
        let address = regs.get(&regs::CAP_ADDRESS);
        let info = Info {
            name: shared.backing.name().to_owned(),
            version,
            data_width_bits: regs::CAP_DATA_W.of(width),
            store_width_bits: regs::CAP_STORE_W.of(width),
            slot_count: regs.get(&regs::CAP_SLOTS),
            queue_count: regs::CAP_QUEUES.of(counts).min(regs::QUEUES_MAX as u32),
            vector_count: regs::CAP_VECTORS.of(counts).min(regs::VECTORS_MAX as u32),
            lun_count: regs::CAP_LUNS.of(counts).min(regs::LUNS_MAX as u32),
            queue_log2_max: regs::CAP_QUEUE_LOG2.of(counts).min(15),
            extent_count: regs.get(&regs::CAP_EXTENTS),
            clock_khz: regs.get(&regs::CAP_CLOCK_KHZ),
            period_cycles: regs.get(&regs::CAP_PERIOD),
            local_buffer_count: regs::CAP_LOCAL_BUFFERS.of(buffers),
            mirror_buffer_count: regs::CAP_MIRROR_BUFFERS.of(buffers),
            block_address_bits: regs::CAP_LBA_W.of(address),
            host_address_bits: regs::CAP_IOVA_W.of(address),
        };
        shared.alive("opening")?;
        if info.host_address_bits < IOVA_BITS {
            let problem = format!(
                "says that the card has {} bits of host memory's addresses, fewer than {IOVA_BITS}",
                info.host_address_bits
            );
            return Err(Error::Layout { device: shared.name(), block: "core", problem: problem.into() });
        }
        Ok(Self { shared, info })
    }

    /// What the card says of itself.
    pub fn info(&self) -> &Info {
        &self.info
    }

    /// The backing that the card is reached by.
    pub fn backing(&self) -> &B {
        &self.shared.backing
    }

    /// Register access by name.
    pub fn registers(&self) -> Registers<'_, B> {
        Registers(&self.shared.backing)
    }

    pub(crate) fn shared(&self) -> &Arc<Shared<B>> {
        &self.shared
    }

    /// The card's state.
    ///
    /// # Errors
    /// [`Error::DeviceGone`].
    pub fn status(&self) -> Result<CardStatus> {
        self.shared.alive("reading the state")?;
        Ok(self.registers().status())
    }

    /// The card's time, in core clock periods.
    pub fn now_cycles(&self) -> u64 {
        self.registers().now_cycles()
    }

    /// Resets all of the card but its core registers, and waits until it is ready.
    ///
    /// # Errors
    /// [`Error::Argument`] while queues are in use, [`Error::Deadline`], [`Error::DeviceGone`].
    pub fn reset(&self, timeout: Duration) -> Result<()> {
        const WHAT: &str = "resetting";
        let in_use = self.queues_in_use();
        if in_use != 0 {
            let problem = format!("{in_use} queues are in use").into();
            return Err(Error::Argument { operation: WHAT, problem, todo: "drop them first" });
        }
        self.shared.alive(WHAT)?;
        self.registers().set(&regs::CONTROL, Control::RESET.bits());
        self.wait_until(WHAT, timeout, |regs| {
            let going_on = regs.get(&regs::CONTROL) & Control::RESET.bits() != 0;
            !going_on && regs.status().contains(CardStatus::READY)
        })
    }

    /// Looks at registers until `done` holds.
    pub(crate) fn wait_until(
        &self,
        what: &'static str,
        timeout: Duration,
        done: impl Fn(Registers<'_, B>) -> bool,
    ) -> Result<()> {
        let backing = self.backing();
        let (start, deadline) = (backing.now(), backing.after(timeout));
        loop {
            // All-ones would look like any state; so ask whether it is one first.
            self.shared.alive(what)?;
            if done(self.registers()) {
                return Ok(());
            }
            if backing.now() >= deadline.0 {
                return Err(self.shared.deadline(what, start));
            }
            if backing.wait(None, backing.after(POLL).or_earlier(deadline)) == Wake::Gone {
                return Err(self.shared.gone(what));
            }
        }
    }

    /// Queue pairs that have a [`Queue`] now.
    pub fn queues_in_use(&self) -> u32 {
        self.shared.pairs.load(Ordering::Acquire).count_ones()
    }

    /// Sets up the first free queue pair.
    ///
    /// # Errors
    /// [`Error::Argument`] for sizes that the card cannot have and when all pairs are in use, [`Error::Dma`],
    /// [`Error::DeviceGone`].
    pub fn create_queue(&self, config: &QueueConfig) -> Result<Queue<B>> {
        let wrong =
            |problem: String, todo| Error::Argument { operation: "creating a queue", problem: problem.into(), todo };
        let most = self.info.queue_log2_max;
        for (name, log2) in [("submission", config.sq_log2), ("completion", config.cq_log2)] {
            if !(1..=most).contains(&log2) {
                let problem = format!("a {name} queue of 2^{log2} entries; this card has 2^1 to 2^{most}");
                return Err(wrong(problem, "choose another size"));
            }
        }
        let vectors = u32::from(self.backing().vectors()).min(self.info.vector_count);
        if config.vector.is_some_and(|v| u32::from(v) >= vectors) {
            return Err(wrong(format!("vector {:?} of {vectors}", config.vector), "choose another vector"));
        }
        self.shared.alive("creating a queue")?;
        let free = |used: u32| (0..self.info.queue_count).find(|pair| used >> pair & 1 == 0);
        let mut used = self.shared.pairs.load(Ordering::Acquire);
        let pair = loop {
            let Some(pair) = free(used) else {
                return Err(wrong(format!("all {} pairs are in use", self.info.queue_count), "drop one first"));
            };
            let order = (Ordering::AcqRel, Ordering::Acquire);
            match self.shared.pairs.compare_exchange(used, used | 1 << pair, order.0, order.1) {
                Ok(_) => break pair,
                Err(now) => used = now,
            }
        };
        let vector = config.vector.or_else(|| (vectors != 0).then(|| (pair % vectors.max(1)) as u16));
        Queue::new(self.shared.clone(), pair as u8, config, vector)
            .inspect_err(|_| self.shared.release_pair(pair as u8))
    }

    /// Every counter of the card that this driver knows, with its value since reset.
    ///
    /// # Errors
    /// [`Error::DeviceGone`].
    pub fn counters(&self) -> Result<Vec<(Counter, u32)>> {
        self.shared.alive("reading counters")?;
        let regs = self.registers();
        let count = (regs.get(&regs::COUNTERS_COUNT) as usize).min(Counter::ALL.len());
        let values = Counter::ALL[..count].iter().map(|c| (*c, regs.get_at(&regs::COUNTER, *c as usize))).collect();
        self.shared.alive("reading counters")?;
        Ok(values)
    }

    /// One counter's value since reset.
    pub fn counter(&self, counter: Counter) -> u32 {
        self.registers().get_at(&regs::COUNTER, counter as usize)
    }

    /// Sets moderation of an interrupt vector: it is raised after `count` completions or `cycles` cycles, whichever comes
    /// first; with both 0, at once.
    ///
    /// # Errors
    /// [`Error::Argument`] when the card has no such vector.
    pub fn set_moderation(&self, vector: u16, count: u8, cycles: u32) -> Result<()> {
        if u32::from(vector) >= self.info.vector_count {
            let problem = format!("the card has no vector {vector}").into();
            return Err(Error::Argument { operation: "setting moderation", problem, todo: "choose another vector" });
        }
        let value = regs::VECTOR_COUNT.put(count.into()) | regs::VECTOR_CYCLES.put(cycles);
        self.registers().set_at(&regs::VECTOR_MODERATION, vector.into(), value);
        Ok(())
    }

    /// Tells the card which site it is, and the link's addresses and time-outs. The link must be down.
    ///
    /// # Errors
    /// [`Error::Argument`] for a site other than 0 and 1.
    pub fn configure_link(&self, site: u8, config: &LinkConfig) -> Result<()> {
        if site > 1 {
            let problem = format!("site {site}").into();
            return Err(Error::Argument { operation: "configuring the link", problem, todo: "sites are 0 and 1" });
        }
        let regs = self.registers();
        let mac = |low: &Register, high: &Register, mac: [u8; 6]| {
            regs.set(high, u32::from(u16::from_be_bytes([mac[0], mac[1]])));
            regs.set(low, u32::from_be_bytes([mac[2], mac[3], mac[4], mac[5]]));
        };
        regs.set(&regs::SITE, site.into());
        mac(&regs::MAC_LO, &regs::MAC_HI, config.mac);
        mac(&regs::PEER_MAC_LO, &regs::PEER_MAC_HI, config.peer_mac);
        regs.set(&regs::IP, config.ip.to_bits());
        regs.set(&regs::PEER_IP, config.peer_ip.to_bits());
        regs.set(&regs::UDP_PORT, config.udp_port.into());
        let resend = self.info.duration_to_cycles(config.resend).max(2 * u64::from(self.info.period_cycles));
        regs.set(&regs::RESEND_CYCLES, resend.try_into().unwrap_or(u32::MAX));
        regs.set(&regs::RESEND_LIMIT, config.resend_limit.min(15).into());
        Ok(())
    }

    /// Tells the card where its staging area begins; 0: there is none.
    pub(crate) fn set_staging(&self, base: u64) {
        self.registers().set(&regs::STAGING_BASE_HIGH, (base >> 32) as u32);
        self.registers().set(&regs::STAGING_BASE, base as u32);
    }

    /// Has the card hand an extent of its own over, unasked, when so many writes in a row were the peer's; 0: never, as after a
    /// reset. Extents then follow whoever writes them, in one round trip and without a command at either site.
    pub fn set_hand_over_after(&self, writes: u8) {
        self.registers().set(&regs::HAND_OVER_AFTER, writes.into());
    }

    /// Takes the link up in `generation`. The handshake does this; by itself it makes nothing safe.
    pub(crate) fn link_up(&self, generation: u16, peer_slots: u32, mtu: Mtu) {
        let regs = self.registers();
        let jumbo = regs::LINK_JUMBO.put((mtu == Mtu::Jumbo).into());
        regs.set(&regs::LINK_CONTROL, jumbo);
        regs.set(&regs::LINK_GENERATION, generation.into());
        regs.set(&regs::PEER_SLOTS, peer_slots);
        regs.set(&regs::LINK_CONTROL, jumbo | regs::LINK_UP.put(1));
    }

    /// Takes the link down: frames of the peer are dropped from now on.
    pub fn link_down(&self) {
        let jumbo = self.registers().get(&regs::LINK_CONTROL) & regs::LINK_JUMBO.put(1);
        self.registers().set(&regs::LINK_CONTROL, jumbo);
    }

    /// An entry of the card's LUN table; `None` when it is not valid.
    ///
    /// # Errors
    /// [`Error::Argument`] when the card has no such number.
    pub fn lun(&self, number: u8) -> Result<Option<LunEntry>> {
        let index = self.lun_index(number)?;
        let regs = self.registers();
        let control = regs.get_at(&regs::LUN_CONTROL, index);
        let flags = LunFlags::from_bits_truncate(control);
        let high = regs.get_at(&regs::LUN_HIGH, index);
        let whole = |low, field: Field| u64::from(regs.get_at(low, index)) | u64::from(field.of(high)) << 32;
        Ok(flags.contains(LunFlags::VALID).then(|| LunEntry {
            flags,
            owner: regs::LUN_OWNER.of(control) as u8,
            extent_shift: regs::LUN_EXTENT_SHIFT.of(control) as u8,
            generation: regs::LUN_GENERATION.of(control) as u16,
            blocks: whole(&regs::LUN_BLOCKS, regs::LUN_BLOCKS_HIGH),
            store_base: whole(&regs::LUN_STORE_BASE, regs::LUN_STORE_BASE_HIGH),
            extent_base: regs.get_at(&regs::LUN_EXTENT_BASE, index),
        }))
    }

    /// Sets or clears an entry of the card's LUN table.
    ///
    /// # Errors
    /// [`Error::Argument`] when the card has no such number, or fewer blocks.
    pub fn set_lun(&self, number: u8, entry: Option<&LunEntry>) -> Result<()> {
        let index = self.lun_index(number)?;
        let regs = self.registers();
        let Some(entry) = entry else {
            regs.set_at(&regs::LUN_CONTROL, index, 0);
            return Ok(());
        };
        let most = self.info.blocks_max();
        if entry.blocks.saturating_add(entry.store_base) > most {
            let problem = format!(
                "{} blocks at block {} of the store, and this card reaches {most}",
                entry.blocks, entry.store_base
            );
            let todo = "use a card that reaches further, or a smaller LUN";
            return Err(Error::Argument { operation: "setting a LUN", problem: problem.into(), todo });
        }
        // A LUN that stays valid keeps serving while its flags change; everything else changes behind a cleared entry.
        let same = self.lun(number)?.is_some_and(|now| LunEntry { flags: entry.flags, ..now } == *entry);
        if !same {
            regs.set_at(&regs::LUN_CONTROL, index, 0);
            let high = regs::LUN_BLOCKS_HIGH.put((entry.blocks >> 32) as u32)
                | regs::LUN_STORE_BASE_HIGH.put((entry.store_base >> 32) as u32);
            regs.set_at(&regs::LUN_HIGH, index, high);
            regs.set_at(&regs::LUN_BLOCKS, index, entry.blocks as u32);
            regs.set_at(&regs::LUN_STORE_BASE, index, entry.store_base as u32);
            regs.set_at(&regs::LUN_EXTENT_BASE, index, entry.extent_base);
        }
        let control = entry.flags.bits()
            | regs::LUN_OWNER.put(entry.owner.into())
            | regs::LUN_EXTENT_SHIFT.put(entry.extent_shift.into())
            | regs::LUN_GENERATION.put(entry.generation.into());
        regs.set_at(&regs::LUN_CONTROL, index, control);
        Ok(())
    }

    fn lun_index(&self, number: u8) -> Result<usize> {
        if u32::from(number) < self.info.lun_count {
            return Ok(number.into());
        }
        let problem = format!("LUN {number}; this card has numbers 0 to {}", self.info.lun_count - 1).into();
        Err(Error::Argument { operation: "setting up a LUN", problem, todo: "choose another number" })
    }

    /// The deadline that is `timeout` from now.
    pub fn after(&self, timeout: Duration) -> Deadline {
        self.backing().after(timeout)
    }
}

/// Follows the card's list of register blocks and makes sure that each block that this driver needs is where the contract
/// has it. Types that it does not know are skipped.
fn walk<B: Backing>(shared: &Shared<B>) -> Result<()> {
    let wrong = |block, problem: String| Error::Layout { device: shared.name(), block, problem: problem.into() };
    let mut found = [false; regs::BLOCKS.len()];
    let mut offset = 0;
    for _ in 0..MOST_BLOCKS {
        let head = shared.backing.read32(offset);
        if head == u32::MAX {
            return Err(shared.gone("opening"));
        }
        let (kind, version) = (regs::BLOCK_TYPE.of(head), regs::BLOCK_VERSION.of(head));
        if let Some(i) = regs::BLOCKS.iter().position(|known| known.1 == kind) {
            let (at, _, ours, _) = regs::BLOCKS[i];
            if at != offset {
                return Err(wrong(block::name(kind), format!("is at {offset:#x}, expected at {at:#x}")));
            }
            if ours != version {
                return Err(wrong(block::name(kind), format!("has version {version}, this driver knows {ours}")));
            }
            found[i] = true;
        }
        let next = shared.backing.read32(offset + 4) as usize;
        if next == 0 {
            return match found.iter().position(|found| !found) {
                None => Ok(()),
                Some(i) => Err(wrong(block::name(regs::BLOCKS[i].1), "is missing".to_owned())),
            };
        }
        if !next.is_multiple_of(4) || next > regs::BAR_BYTES - 8 {
            return Err(wrong(block::name(kind), format!("names {next:#x} as the next one's place")));
        }
        offset = next;
    }
    Err(wrong("list", format!("does not end after {MOST_BLOCKS} blocks")))
}
