//! The register file: every register of `dyad_spec::regs` on AXI4-Lite.
//!
//! ```text
//!                  ┌─────────────┐═► enable, site, link, LUN, queue and vector settings
//!   s_axil_aw* ═══►│             │═► queue_start, soft_rst
//!   s_axil_w*  ═══►│             ├─► m_sqdb, m_cqdb     doorbells
//!   s_axil_b*  ◄═══┤  csr_<D>    ├─► mb_*  ◄─           mailbox
//!   s_axil_ar* ═══►│             ├─► counter_addr
//!   s_axil_r*  ◄═══┤             │◄═ counter_data
//!         now  ═══►│             │◄═ status: idle, fenced, ready, queue_head, ...
//!  lun_update  ───►│             ├─► quiet
//!                  └─────────────┘
//! ```
//!
//! **Interface.** AXI4-Lite, 16 address and 32 data bits; address bits 1:0 are not looked at. Address and data of a write
//! may come in any order. Every answer is OKAY: reserved and write-only registers read as zero, and writes to reserved and
//! read-only ones do nothing. Settings are levels from registers; arrays have entry n in bits 32n+:32, 40n+:40 (block addresses) or 64n+:64. Bits of
//! a register that no field names are not stored. `lun_update` {LUN, owner, generation} sets those two fields of
//! LUN_CONTROL, bit n of `lun_fence` sets LUN_FENCED of LUN n; when a write comes in the same cycle, the event's fields stay as
//! the event has them. `counter_data` is taken 2 cycles after `counter_addr`, `mb_rx_data` one cycle after `mb_rx_addr`. `quiet`: no access is under way.
//!
//! **Byte lanes.** Settings honour `wstrb`. A doorbell and MAILBOX_SEND take effect when the two low lanes are written,
//! and read the others as they come; CONTROL_RESET and MAILBOX_TAKE need the lane of their bit. A doorbell value above
//! 65535 is passed on as 65535, which is past every ring.
//!
//! **Parameters.** [`Params`]: `queues`, `luns`, `vectors` and the sizes that the capability registers show. Registers of those that a
//! build does not have are reserved.
//!
//! **Latency.** Doorbells: one cycle from the cycle in which the later of address and data is accepted to `m_sqdb_valid`.
//! Other writes: 2 cycles to the setting and to `queue_start`, so that the setting of a write stands when a doorbell
//! that was accepted one cycle later comes out. Writes: `bvalid` after 1 cycle. Reads: `rvalid` after 4.
//!
//! **Throughput.** A write a cycle while `bready` is 1; a read every 5 cycles.
//!
//! **Backpressure.** `awready`, `wready`, `arready` come from registers. Events out cannot be held up.
//!
//! **Reset.** `rst` clears all registers. CONTROL_RESET sets `soft_rst` for 16 cycles and for as long as `reset_hold` is 1,
//! for the other blocks' resets; meanwhile all registers but CONTROL_ENABLE, SITE and SCRATCH are 0 and writes to them
//! are lost, CONTROL_RESET reads 1 and STATUS_READY 0. The write itself is answered as every other.
//!
//! **Clocks.** One.
//!
//! **Ordering.** Writes take effect in order. A read that is asked for after the answer of a write sees it.
//!
//! **Errors.** None; no counters.
//!
//! **Source.** AXI4-Lite: AXI IHI 0022 B1.1; no order between address and data: A3.3.1; strobes: A3.4.3.
//!
//! **Proof and test.** Properties `csr_b_held`, `csr_one_doorbell`, `csr_one_read`; `tests/tests/csr.rs`.

use dyad_spec::counters::Counter;
use dyad_spec::regs::{self, Register};
use dyad_spec::{BLOCK_BYTES, Field, MAGIC, SPEC_VERSION};

use super::map::{Map, WORD_ADDR_W, Write, window};
use crate::bundle::{CqDoorbell, LBA_W, LunUpdate, QUEUE_W, SqDoorbell};
use crate::fields::{array, place};
use crate::params::Params;
use crate::prelude::*;
use crate::stream::{event_in, event_out};

/// Least length of `soft_rst`, in cycles.
pub const SOFT_RESET_CYCLES: usize = 16;

/// The register file of a card.
///
/// # Panics
/// When a parameter is out of its range.
pub fn csr(p: &Params) -> Module {
    p.check();
    module(p.named("csr"), |m| {
        m.doc("Register file on AXI4-Lite.");
        let (incoming, writing, waiting) = write_channel(m);
        doorbells(m, incoming);

        let resetting = m.reg("resetting", 1, 0);
        let mut map = Map::new(m, writing, resetting.get());
        heads(&mut map);
        capabilities(&mut map, p);
        control(&mut map, resetting);
        let link_up = link(&mut map, p);
        status(&mut map, link_up);
        mailbox(&mut map);
        luns(&mut map, p);
        queues(&mut map, p);
        vectors(&mut map, p);
        let reading = read_channel(&mut map, p);

        let late = m.reg("late", 1, 0);
        late.set(writing.en);
        m.output("quiet", 1).set(!any_of(&[waiting, writing.en, late.get(), reading, resetting.get()]));
    })
}

/// Joins address and data. Returns the write of the cycle in which both are there, the same one cycle later, and whether
/// one of the two waits.
fn write_channel(m: &M) -> (Write, Write, E) {
    let aw_addr = m.input("s_axil_awaddr", 16).slice(2, WORD_ADDR_W);
    let aw_valid = m.input("s_axil_awvalid", 1);
    let aw_ready = m.output("s_axil_awready", 1);
    let w_data = m.input("s_axil_wdata", 32);
    let w_strb = m.input("s_axil_wstrb", 4);
    let w_valid = m.input("s_axil_wvalid", 1);
    let w_ready = m.output("s_axil_wready", 1);
    m.output("s_axil_bresp", 2).set(0);
    let b_valid_out = m.output("s_axil_bvalid", 1);
    let b_ready = m.input("s_axil_bready", 1);

    // Both registers of a pair take every cycle's address or data: where something is kept, they take it again.
    let (aw_kept, w_kept) = (m.reg("aw_kept", 1, 0), m.reg("w_kept", 1, 0));
    let writing = m.reg("writing", 1, 0);
    let (last_addr, last_data) = (m.reg_nr("write_addr", WORD_ADDR_W), m.reg_nr("write_data", 32));
    let last_strb = m.reg_nr("write_strb", 4);
    let b_valid = m.reg("b_valid", 1, 0);

    // Forward.
    let (aw_here, w_here) = (aw_kept | aw_valid, w_kept | w_valid);
    let en = (aw_here & w_here & (!b_valid | b_ready)).named("write_now");
    let addr = mux(aw_kept, last_addr, aw_addr).named("addr_now");
    let data = mux(w_kept, last_data, w_data).named("data_now");
    let strobes = mux(w_kept, last_strb, w_strb).named("strb_now");
    aw_kept.set(aw_here & !en);
    w_kept.set(w_here & !en);
    last_addr.set(addr);
    last_data.set(data);
    last_strb.set(strobes);
    writing.set(en);
    b_valid.set(en | (b_valid & !b_ready));
    b_valid_out.set(b_valid);

    // Backward.
    aw_ready.set(!aw_kept);
    w_ready.set(!w_kept);

    let incoming = Write { en, addr, data, strobes };
    let writing = Write { en: writing.get(), addr: last_addr.get(), data: last_data.get(), strobes: last_strb.get() };
    m.prove("csr_b_held", !(aw_kept & w_kept) | b_valid);
    (incoming, writing, aw_kept | w_kept)
}

/// The fast path: events straight from the write as it is accepted.
fn doorbells(m: &M, write: Write) {
    assert_eq!(regs::QUEUES_MAX, 1 << QUEUE_W, "queue numbers");
    let value = mux(write.data.slice(16, 16).any(), ones(16), write.data.slice(0, 16));
    let event = |name: &str, register: &Register, width: usize, pack: &dyn Fn(E) -> E| {
        let (here, queue) = window(write.addr, register);
        let valid = m.reg(format!("{name}_valid_q"), 1, 0);
        let data = m.reg_nr(format!("{name}_data_q"), width);
        valid.set(write.en & here & write.strobes.slice(0, 2).all());
        data.set(pack(queue));
        let (valid_out, data_out) = event_out(m, name, width);
        valid_out.set(valid);
        data_out.set(data);
        valid.get()
    };
    let sq = event("m_sqdb", &regs::SQ_DOORBELL, SqDoorbell::WIDTH, &|queue| SqDoorbell { queue, tail: value }.pack());
    let cq = event("m_cqdb", &regs::CQ_DOORBELL, CqDoorbell::WIDTH, &|queue| CqDoorbell { queue, head: value }.pack());
    m.prove("csr_one_doorbell", !(sq & cq));
}

/// Type, version and next of every block.
fn heads(map: &mut Map) {
    let at = |offset: usize| regs::REGISTERS.iter().find(|r| r.offset == offset).expect("a block's head");
    for (offset, kind, version, next) in regs::BLOCKS {
        let head = regs::BLOCK_TYPE.put(*kind) | regs::BLOCK_VERSION.put(*version);
        map.constant(at(*offset), 0, head as usize);
        map.constant(at(*offset + 4), 0, *next);
    }
    map.constant(&regs::COUNTERS_COUNT, 0, Counter::ALL.len());
}

fn capabilities(map: &mut Map, p: &Params) {
    let word = |parts: &[(Field, usize)]| parts.iter().fold(0, |w, (f, v)| w | f.put(*v as u32)) as usize;
    map.constant(&regs::MAGIC, 0, MAGIC as usize);
    map.constant(&regs::VERSION, 0, SPEC_VERSION as usize);
    map.constant(&regs::CAP_WIDTH, 0, word(&[(regs::CAP_DATA_W, p.data_w), (regs::CAP_STORE_W, p.store_w)]));
    map.constant(&regs::CAP_SLOTS, 0, p.slots);
    let counts = [
        (regs::CAP_QUEUES, p.queues),
        (regs::CAP_VECTORS, p.vectors),
        (regs::CAP_LUNS, p.luns),
        (regs::CAP_QUEUE_LOG2, p.queue_log2),
    ];
    map.constant(&regs::CAP_COUNTS, 0, word(&counts));
    map.constant(&regs::CAP_EXTENTS, 0, p.extents);
    map.constant(&regs::CAP_CLOCK_KHZ, 0, p.clock_khz);
    map.constant(&regs::CAP_PERIOD, 0, p.period);
    let buffers = [(regs::CAP_LOCAL_BUFFERS, p.local_bufs), (regs::CAP_MIRROR_BUFFERS, p.mirror_bufs)];
    map.constant(&regs::CAP_BUFFERS, 0, word(&buffers));
    map.constant(&regs::CAP_ADDRESS, 0, word(&[(regs::CAP_LBA_W, p.lba_w), (regs::CAP_IOVA_W, p.iova_w)]));
}

fn control(map: &mut Map, resetting: Var) {
    let m = map.m;
    let enable = map.store(&regs::CONTROL, 0, regs::CONTROL_ENABLE, true);
    let parts = [(regs::CONTROL_ENABLE, enable.get()), (regs::CONTROL_RESET, resetting.get())];
    map.read(&regs::CONTROL, 0, place(32, &parts));
    let site = map.number(&regs::SITE, 0, 0, 1, true);
    map.number(&regs::SCRATCH, 0, 0, 32, true);

    let left = m.reg("reset_left", clog2(SOFT_RESET_CYCLES), 0);
    let hold = m.input("reset_hold", 1);
    when(left.any(), || left.set(left - 1)).elsewhen(!hold, || resetting.set(0));
    when(map.sets(&regs::CONTROL, 0, regs::CONTROL_RESET.lsb), || {
        resetting.set(1);
        left.set(SOFT_RESET_CYCLES - 1);
    });

    m.output("enable", 1).set(enable);
    m.output("site", 1).set(site);
    m.output("soft_rst", 1).set(resetting);
}

fn status(map: &mut Map, link_up: E) {
    let m = map.m;
    let parts = [
        (regs::STATUS_IDLE, m.input("idle", 1)),
        (regs::STATUS_LINK_UP, link_up),
        (regs::STATUS_FENCED, m.input("fenced", 1)),
        (regs::STATUS_READY, m.input("ready", 1) & !map.clear),
    ];
    map.read(&regs::STATUS, 0, place(32, &parts));
}

/// Returns whether the link is up.
fn link(map: &mut Map, p: &Params) -> E {
    let m = map.m;
    let out = |name: &str, value: E| m.output(name, value.width()).set(value);
    let control = map.fields(&regs::LINK_CONTROL, 0).1;
    out("link_up", control[0].get());
    out("jumbo", control[1].get());
    out("generation", map.rw(&regs::LINK_GENERATION, 0, 16));
    for (name, low, high) in
        [("mac", &regs::MAC_LO, &regs::MAC_HI), ("peer_mac", &regs::PEER_MAC_LO, &regs::PEER_MAC_HI)]
    {
        let low = map.rw(low, 0, 32);
        let high = map.rw(high, 0, 16);
        out(name, cat(&[high, low]));
    }
    out("ip", map.rw(&regs::IP, 0, 32));
    out("peer_ip", map.rw(&regs::PEER_IP, 0, 32));
    out("udp_port", map.rw(&regs::UDP_PORT, 0, 16));
    out("resend_cycles", map.rw(&regs::RESEND_CYCLES, 0, 32));
    out("resend_limit", map.rw(&regs::RESEND_LIMIT, 0, 4));
    out("peer_slots", map.rw(&regs::PEER_SLOTS, 0, 16));
    let low = map.rw(&regs::STAGING_BASE, 0, p.lba_w.min(32));
    out("staging_base", map.upper(&regs::STAGING_BASE_HIGH, 0, low, p.lba_w, LBA_W));
    out("hand_over_after", map.rw(&regs::HAND_OVER_AFTER, 0, 8));
    let in_use = m.input("slots_in_use", 16);
    map.read(&regs::SLOTS_IN_USE, 0, in_use);
    control[0].get()
}

fn mailbox(map: &mut Map) {
    let m = map.m;
    let write = map.write;
    let vector = map.rw(&regs::MAILBOX_VECTOR, 0, 3);
    m.output("mailbox_vector", 3).set(vector);
    let parts = [
        (regs::MAILBOX_TX_BUSY, m.input("mb_tx_busy", 1)),
        (regs::MAILBOX_RX_VALID, m.input("mb_rx_valid", 1)),
        (regs::MAILBOX_RX_BYTES, m.input("mb_rx_bytes", 16)),
    ];
    map.read(&regs::MAILBOX_STATUS, 0, place(32, &parts));

    // Written data and orders leave one after the other, all one cycle after the write.
    let (here, index) = window(write.addr, &regs::MAILBOX_TX_DATA);
    let (lanes, addr) = (m.reg("mb_lanes", 4, 0), m.reg_nr("mb_addr", index.width()));
    let data = m.reg_nr("mb_data", 32);
    let (send, take) = (m.reg("mb_send_q", 1, 0), m.reg("mb_take_q", 1, 0));
    lanes.set(mux(write.en & here, write.strobes, 0));
    addr.set(index);
    data.set(write.data);
    send.set(map.hit(&regs::MAILBOX_SEND, 0) & write.strobes.slice(0, 2).all());
    take.set(map.sets(&regs::MAILBOX_TAKE, 0, 0));
    m.output("mb_tx_we", 4).set(lanes);
    m.output("mb_tx_addr", index.width()).set(addr);
    m.output("mb_tx_data", 32).set(data);
    m.output("mb_send", 1).set(send);
    m.output("mb_send_bytes", 16).set(data.slice(regs::MAILBOX_SEND_BYTES.lsb, regs::MAILBOX_SEND_BYTES.width));
    m.output("mb_take", 1).set(take);
}

fn luns(map: &mut Map, p: &Params) {
    let m = map.m;
    let (update_valid, update) = event_in(m, "lun_update", LunUpdate::WIDTH);
    let update = LunUpdate::unpack_in(p, update);
    let fence = m.input("lun_fence", p.luns);
    let mut control = Vec::new();
    for n in 0..p.luns {
        let (word, vars) = map.fields(&regs::LUN_CONTROL, n);
        control.push(word);
        let var = |f: Field| vars[regs::LUN_CONTROL.fields.iter().position(|g| *g == f).expect("a field of the word")];
        when(update_valid & update.lun.eq(n), || {
            var(regs::LUN_OWNER).set(update.owner);
            var(regs::LUN_GENERATION).set(update.generation);
        });
        when(fence.bit(n), || var(regs::LUN_FENCED).set(1));
    }
    m.output("lun_control", 32 * p.luns).set(array(&control));
    let high: Vec<Vec<Var>> = if p.lba_w > 32 {
        (0..p.luns).map(|n| map.fields(&regs::LUN_HIGH, n).1).collect()
    } else {
        (0..p.luns).for_each(|n| map.constant(&regs::LUN_HIGH, n, 0));
        Vec::new()
    };
    for (name, register, part) in [
        ("lun_blocks", &regs::LUN_BLOCKS, Some(0)),
        ("lun_store_base", &regs::LUN_STORE_BASE, Some(1)),
        ("lun_extent_base", &regs::LUN_EXTENT_BASE, None),
    ] {
        let words: Vec<E> = (0..p.luns)
            .map(|n| {
                let Some(part) = part else { return map.rw(register, n, 32) };
                let low = map.rw(register, n, p.lba_w.min(32));
                let whole = high.get(n).map_or(low, |high| cat(&[high[part].get(), low]));
                whole.trunc(p.lba_w).zext(LBA_W)
            })
            .collect();
        m.output(name, words[0].width() * p.luns).set(array(&words));
    }
}

fn queues(map: &mut Map, p: &Params) {
    let m = map.m;
    let page = clog2(BLOCK_BYTES);
    for (name, low, high) in
        [("sq_base", &regs::SQ_BASE_LO, &regs::SQ_BASE_HI), ("cq_base", &regs::CQ_BASE_LO, &regs::CQ_BASE_HI)]
    {
        let bases: Vec<E> = (0..p.queues)
            .map(|n| {
                let low = map.number(low, n, page, 32 - page, false);
                map.upper(high, n, low, p.iova_w, 64)
            })
            .collect();
        m.output(name, 64 * p.queues).set(array(&bases));
    }
    let heads = m.input("queue_head", 16 * p.queues);
    let errors = m.input("queue_error", p.queues);
    let start = m.output("queue_start", p.queues);
    let mut control = Vec::new();
    for n in 0..p.queues {
        control.push(map.fields(&regs::QUEUE_CONTROL, n).0);
        let pulse = m.reg(format!("start_{n}_q"), 1, 0);
        pulse.set(map.sets(&regs::QUEUE_CONTROL, n, regs::QUEUE_ENABLE.lsb) & !map.clear);
        start.set_slice(n, pulse.get());
        let state = [(regs::QUEUE_SQ_HEAD, heads.slice(16 * n, 16)), (regs::QUEUE_ERROR, errors.bit(n))];
        map.read(&regs::QUEUE_STATUS, n, place(32, &state));
    }
    m.output("queue_control", 32 * p.queues).set(array(&control));
}

fn vectors(map: &mut Map, p: &Params) {
    let words: Vec<E> = (0..p.vectors).map(|n| map.fields(&regs::VECTOR_MODERATION, n).0).collect();
    map.m.output("vector_moderation", 32 * p.vectors).set(array(&words));
}

/// One read at a time, in four steps. Returns whether one is under way.
fn read_channel(map: &mut Map, p: &Params) -> E {
    let m = map.m;
    let ar_addr = m.input("s_axil_araddr", 16).slice(2, WORD_ADDR_W);
    let ar_valid = m.input("s_axil_arvalid", 1);
    let ar_ready = m.output("s_axil_arready", 1);
    let r_data_out = m.output("s_axil_rdata", 32);
    m.output("s_axil_rresp", 2).set(0);
    let r_valid_out = m.output("s_axil_rvalid", 1);
    let r_ready = m.input("s_axil_rready", 1);

    let addr = m.reg_nr("read_addr", WORD_ADDR_W);
    let free = m.reg("read_free", 1, 1);
    // The address stands; the words of the blocks stand; the counter stands.
    let steps = m.reg("read_steps", 3, 0);
    let accept = ar_valid & free;
    when(accept, || {
        addr.set(ar_addr);
        free.set(0);
    });
    steps.set(cat(&[steps.slice(0, 2), accept]));

    let now = m.input("now", 64);
    let high = m.reg_nr("now_high", 32);
    when(steps.bit(0) & addr.eq(regs::NOW_LO.offset / 4), || high.set(now.slice(32, 32)));
    map.read(&regs::NOW_LO, 0, now.slice(0, 32));
    map.read(&regs::NOW_HI, 0, high.get());

    // Arrays that other blocks keep.
    let (counter_here, counter) = window(addr.get(), &regs::COUNTER);
    let (message_here, message) = window(addr.get(), &regs::MAILBOX_RX_DATA);
    m.output("counter_addr", counter.width()).set(counter);
    m.output("mb_rx_addr", message.width()).set(message);
    let counter_data = m.input("counter_data", 32);
    let message_data = m.input("mb_rx_data", 32);

    let elsewhere = [regs::COUNTER.offset, regs::MAILBOX_RX_DATA.offset];
    let blocks = map.readout(steps.bit(0), addr.get(), |r| match r.count {
        _ if elsewhere.contains(&r.offset) => 0,
        regs::QUEUES_MAX if (regs::SQ_BASE_LO.offset..regs::VECTORS_BLOCK.offset).contains(&r.offset) => p.queues,
        regs::LUNS_MAX if (regs::LUN_CONTROL.offset..=regs::LUN_HIGH.offset).contains(&r.offset) => p.luns,
        regs::VECTORS_MAX if r.offset == regs::VECTOR_MODERATION.offset => p.vectors,
        count => count,
    });
    let word = m.reg_nr("word", 32);
    let message = mux(message_here, message_data, zero(32));
    when(steps.bit(1), || word.set(blocks.iter().fold(message, |all, block| all | *block)));
    let data = m.reg_nr("r_data", 32);
    let valid = m.reg("r_valid", 1, 0);
    when(steps.bit(2), || {
        data.set(word | mux(counter_here, counter_data, zero(32)));
        valid.set(1);
    });
    when(valid & r_ready, || {
        valid.set(0);
        free.set(1);
    });
    r_data_out.set(data);
    r_valid_out.set(valid);
    ar_ready.set(free);
    let places = cat(&[free.get(), steps.get(), valid.get()]);
    m.prove("csr_one_read", places.any() & !(places & (places - 1)).any());
    steps.any()
}
