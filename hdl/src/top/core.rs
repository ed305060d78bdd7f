//! `dyad_core`: the card without MAC and PCIe.
//!
//! ```text
//!             PCIe                                                              Ethernet
//!  s_axil_* ─► csr, counters, mailbox                                     ┌─► eth_tx ─► m_axis_tx_*
//!  m_axi_host_* ─► sq_fetch ─► decode ─► slots ─► lock_table ─► admit ─┐  │
//!               ◄─ cq_post ◄─ cmd_table ◄─┘ ▲         directory ◄──────┤  │
//!               ─► launch ◄─────────────────┼──────────────────────────┘──┤
//!               ◄─ read                     └── eth_rx answers ◄──────────┴── s_axis_rx_*
//!  m_axi_store_* ◄─ home ◄─ launch, mirror ◄── eth_rx
//!                ─► read, resend
//! ```
//!
//! Interface: AXI4-Lite registers (`s_axil_*`), AXI4 masters to host memory (`m_axi_host_*`) and to the local store
//! (`m_axi_store_*`), AXI4-Stream to and from a MAC (`m_axis_tx_*`, `s_axis_rx_*`; whole frames without FCS), the
//! store's flush line, time (`now`, in core clock periods), `irq` (one pulse a vector) and `idle`. One clock, one
//! synchronous reset.
//!
//! `idle` says that nothing will change but for time-outs that are at least `JUMP_PERIODS` scan periods away, whatever
//! time it is, unless something comes in. A simulator may then add to `now` any multiple of `period` up to
//! `JUMP_PERIODS * period`, and has to run two periods before it does so again.

use dyad_spec::counters::Counter;

use super::guard::axis_guard;
use super::wiring::{Block, End, Nets, Wires, event};
use crate::bundle::{Answer, LocalDone, Lookup, OpInfo, Sent, SlotUse};
use crate::bundle::{LBA_W, LockGrant, LockRel, LockReq, LookupReq, OwnFrame, Resolved, SLOT_W, TxCtl};
use crate::params::Params;
use crate::prelude::*;
use crate::prim::arbiter::{Policy, chosen_mux, stream_mux};
use crate::prim::fifo::{fifo, fifo_ram};
use crate::{csr, dma, net, offload, queue};

/// Tag of the directory lookups of LOOKUP.
const ADMIN_TAG: u64 = 2;

/// The events of each block and the counters that they raise.
const EVENTS: &[(&str, &[(&str, Counter)])] = &[
    (
        "sq_fetch",
        &[
            ("sq_fetched", Counter::sq_fetched),
            ("bad_doorbell", Counter::bad_doorbell),
            ("sq_fetch_fault", Counter::sq_fetch_fault),
        ],
    ),
    (
        "cq_post",
        &[
            ("cq_posted", Counter::cq_posted),
            ("cq_post_fault", Counter::cq_post_fault),
            ("interrupts", Counter::interrupts),
        ],
    ),
    (
        "decode",
        &[
            ("bad_opcode", Counter::bad_opcode),
            ("bad_blocks", Counter::bad_blocks),
            ("bad_lun", Counter::bad_lun),
            ("bad_lba", Counter::bad_lba),
            ("misaligned", Counter::misaligned),
            ("not_live", Counter::not_live),
            ("link_down", Counter::link_down),
        ],
    ),
    (
        "slots",
        &[
            ("unexpected", Counter::rx_unexpected),
            ("busy", Counter::rx_busy),
            ("refused", Counter::rx_refused),
            ("turned_away", Counter::rx_not_owner),
            ("resent", Counter::blocks_resent),
            ("timed_out", Counter::blocks_timed_out),
            ("fence", Counter::fences),
            ("written", Counter::blocks_written),
            ("miscompare", Counter::miscompares),
            ("read", Counter::blocks_read),
            ("not_owner", Counter::not_owner),
            ("flushed", Counter::flushes),
            ("lun_fence", Counter::lun_fences),
        ],
    ),
    (
        "admit",
        &[
            ("owner_taken", Counter::owners_taken),
            ("owner_granted", Counter::owners_granted),
            ("own_stale", Counter::rx_own_stale),
        ],
    ),
    ("follow", &[("followed", Counter::owners_followed)]),
    ("lock_table", &[("lock_wait", Counter::lock_wait), ("lock_set_full", Counter::lock_set_full)]),
    ("admin", &[("lookups", Counter::lookups), ("directory_updates", Counter::directory_updates)]),
    ("launch", &[("dma_fault", Counter::dma_read_fault), ("store_error", Counter::store_error)]),
    ("read", &[("dma_fault", Counter::dma_write_fault), ("store_error", Counter::store_error)]),
    ("resend", &[("store_error", Counter::store_error), ("store_integrity", Counter::store_integrity)]),
    ("flush", &[("store_error", Counter::store_error), ("overrun", Counter::rx_overrun)]),
    (
        "mirror",
        &[
            ("bad_lun", Counter::rx_bad_lun),
            ("bad_epoch", Counter::rx_bad_epoch),
            ("stale", Counter::rx_stale),
            ("duplicate", Counter::rx_duplicate),
            ("evicted", Counter::mirror_evicted),
            ("mirrored", Counter::blocks_mirrored),
            ("store_error", Counter::store_error),
            ("overrun", Counter::rx_overrun),
        ],
    ),
    ("copy", &[("store_error", Counter::store_error)]),
    ("compare", &[("dma_fault", Counter::dma_read_fault), ("store_error", Counter::store_error)]),
    (
        "pending",
        &[
            ("committed", Counter::blocks_committed),
            ("stale", Counter::rx_commit_stale),
            ("turn_kept", Counter::turns_kept),
            ("turn_dropped", Counter::turns_dropped),
        ],
    ),
    ("commits", &[("dropped", Counter::commits_dropped)]),
    (
        "eth_tx",
        &[
            ("tx_frames", Counter::tx_frames),
            ("tx_write", Counter::tx_write),
            ("tx_resend", Counter::tx_resend),
            ("tx_ack", Counter::tx_ack),
            ("tx_busy", Counter::tx_busy),
            ("tx_refused", Counter::tx_refused),
            ("tx_request", Counter::tx_request),
            ("tx_zeroes", Counter::tx_zeroes),
            ("tx_not_owner", Counter::tx_not_owner),
            ("tx_own_req", Counter::tx_own_req),
            ("tx_grant", Counter::tx_grant),
            ("tx_commit", Counter::tx_commit),
            ("tx_ask_commit", Counter::tx_ask_commit),
            ("tx_aborted", Counter::tx_aborted),
        ],
    ),
    (
        "eth_rx",
        &[
            ("rx_frames", Counter::rx_frames),
            ("rx_good", Counter::rx_good),
            ("rx_bad_fcs", Counter::rx_bad_fcs),
            ("rx_short", Counter::rx_short),
            ("rx_long", Counter::rx_long),
            ("rx_bad_mac", Counter::rx_bad_mac),
            ("rx_bad_ethertype", Counter::rx_bad_ethertype),
            ("rx_bad_ip", Counter::rx_bad_ip),
            ("rx_bad_checksum", Counter::rx_bad_checksum),
            ("rx_bad_udp", Counter::rx_bad_udp),
            ("rx_bad_type", Counter::rx_bad_type),
            ("rx_bad_generation", Counter::rx_bad_generation),
            ("rx_bad_slot", Counter::rx_bad_slot),
            ("rx_bad_length", Counter::rx_bad_length),
            ("rx_bad_crc", Counter::rx_bad_crc),
        ],
    ),
    ("mailbox", &[("mailbox_received", Counter::mailbox_received), ("mailbox_dropped", Counter::mailbox_dropped)]),
];

/// The card at the given sizes.
pub fn dyad_core(p: &Params) -> Module {
    p.check();
    module("dyad_core", |m| {
        m.doc(format!("Dyad card: DATA_W {}, STORE_W {}, {} slots.", p.data_w, p.store_w, p.slots));
        let mut nets = Nets::default();
        let wires = Wires::new(m, p);
        nets.put("now", m.input("now", 64));

        let csr = Block::new(m, "csr", &csr::csr::csr(p));
        let counters = Block::new(m, "counters", &csr::counters::counters());
        let mailbox = Block::new(m, "mailbox", &net::mailbox::mailbox(p));
        let sq_fetch = Block::new(m, "sq_fetch", &queue::sq_fetch::sq_fetch(p));
        let cq_post = Block::new(m, "cq_post", &queue::cq_post::cq_post(p));
        let host_rd = Block::new(m, "host_rd", &dma::host_rd::host_rd(p));
        let host_wr = Block::new(m, "host_wr", &dma::host_wr::host_wr(p));
        let store_rd = Block::new(m, "store_rd", &dma::store_rd::store_rd(p));
        let home = Block::new(m, "home", &dma::home::home(p));
        let decode = Block::new(m, "decode", &offload::decode::decode(p));
        let cmd_table = Block::new(m, "cmd_table", &offload::cmd_table::cmd_table(p));
        let slots = Block::new(m, "slots", &offload::slots::slots(p));
        let locks = Block::new(m, "lock_table", &offload::lock_table::lock_table(p));
        let admit = Block::new(m, "admit", &offload::admit::admit(p));
        let follow = Block::new(m, "follow", &offload::follow::follow(p));
        let directory = Block::new(m, "directory", &offload::directory::directory(p));
        let admin = Block::new(m, "admin", &offload::admin::admin(p));
        let launch = Block::new(m, "launch", &offload::launch::launch(p));
        let read = Block::new(m, "read", &offload::read::read(p));
        let resend = Block::new(m, "resend", &offload::resend::resend(p));
        let compare = Block::new(m, "compare", &offload::compare::compare(p));
        let copy = Block::new(m, "copy", &offload::copy::copy(p));
        let flush = Block::new(m, "flush", &offload::flush::flush(p));
        let mirror = Block::new(m, "mirror", &offload::mirror::mirror(p));
        let pending = Block::new(m, "pending", &offload::pending::pending(p));
        let commits = Block::new(m, "commits", &offload::commits::commits(p));
        let eth_tx = Block::new(m, "eth_tx", &net::eth_tx::eth_tx(p));
        let eth_rx = Block::new(m, "eth_rx", &net::eth_rx::eth_rx(p));

        let tx_guard = Block::new(m, "tx_guard", &axis_guard(&p.named("axis_guard"), p.data_w));

        // Where streams join.
        let join = |n, width, policy| if p.lean { chosen_mux(n, width, policy) } else { stream_mux(n, width, policy) };

        // Reset by register: the bus ports stay, finish what they owe to the bus, and hold the reset until then.
        let ports = [&host_rd, &host_wr, &store_rd, &home];
        nets.put("drain", csr.get("soft_rst"));
        let owing: Vec<E> = ports.iter().map(|b| !b.get("quiet")).chain([tx_guard.get("hold")]).collect();
        csr.set("reset_hold", any_of(&owing));

        // Configuration and state, taken by name.
        nets.put_outputs(
            &csr,
            &[
                "enable",
                "site",
                "link_up",
                "jumbo",
                "generation",
                "mac",
                "peer_mac",
                "ip",
                "peer_ip",
                "udp_port",
                "resend_cycles",
                "resend_limit",
                "peer_slots",
                "staging_base",
                "mailbox_vector",
                "lun_control",
                "lun_blocks",
                "lun_store_base",
                "lun_extent_base",
                "sq_base",
                "cq_base",
                "queue_control",
                "queue_start",
                "vector_moderation",
                "mb_tx_we",
                "mb_tx_addr",
                "mb_tx_data",
                "mb_send",
                "mb_send_bytes",
                "mb_rx_addr",
                "mb_take",
            ],
        );
        nets.put_outputs(&mailbox, &["mb_tx_busy", "mb_rx_data", "mb_rx_valid", "mb_rx_bytes"]);
        nets.put_outputs(&sq_fetch, &["queue_head"]);
        nets.put("slots_in_use", slots.get("slots_in_use"));
        nets.put("mailbox_irq", mailbox.get("irq"));
        nets.put("ready", all_of(&[&slots, &locks, &pending, &admit, &follow].map(|b| b.get("init_done"))));
        nets.put("queue_error", sq_fetch.get("queue_error"));
        nets.put("cq_error", cq_post.get("cq_error"));

        // The fence: set when a block is given up, cleared when the driver brings the link up.
        let link_up = csr.get("link_up");
        let was_up = m.reg("was_up", 1, 0);
        was_up.set(link_up);
        let fenced = m.reg("fenced", 1, 0);
        when(slots.get("ev_fence"), || fenced.set(1)).elsewhen(link_up & !was_up, || fenced.set(0));
        nets.put("fenced", fenced.get());
        nets.put("link_ok", (link_up & was_up & !fenced).named("link_ok"));

        // Registers and queues.
        csr.expose(m, "s_axil_", "s_axil_");
        event(&csr, "m_sqdb", &sq_fetch, "s_sqdb");
        event(&csr, "m_cqdb", &sq_fetch, "s_cqdb");
        // The admission waits for the commands of the host.
        let change = |name: &str| {
            let (by_admin, valid, data) =
                (admin.get(&format!("{name}_valid")), format!("{name}_valid"), format!("{name}_data"));
            (by_admin | admit.get(&valid), mux(by_admin, admin.get(&data), admit.get(&data)))
        };
        let (lun_change, lun_data) = change("lun_update");
        csr.set("lun_update_valid", lun_change);
        csr.set("lun_update_data", lun_data);
        let (owner_change, owner_data) = change("m_update");
        directory.set("s_update_valid", owner_change);
        directory.set("s_update_data", owner_data);
        admit.set("update_free", !admin.get("m_update_valid") & !admin.get("lun_update_valid"));
        // A store that has failed to write a block, at either site, takes the LUN out of service.
        let fences = |on: E, lun: E| (0..p.luns).rev().map(|n| on & lun.eq(n)).collect::<Vec<E>>();
        let own = cat(&fences(slots.get("ev_lun_fence"), slots.get("fence_lun")));
        let theirs = cat(&fences(mirror.get("ev_store_error"), mirror.get("fence_lun")));
        csr.set("lun_fence", own | wires.late("mirror_fence", theirs));
        counters.set("addr", csr.get("counter_addr"));
        csr.set("counter_data", counters.get("data"));
        wires.stream(&sq_fetch, "m_sqe", &decode, "s_sqe");
        wires.stream(&cmd_table, "m_free", &decode, "s_free");
        wires.stream(&cmd_table, "m_cqe", &cq_post, "s_cqe");
        wires.stream(&decode, "m_new", &cmd_table, "s_new");
        wires.stream(&decode, "m_error", &cmd_table, "s_error");
        let ops = Block::new(m, "ops", &join(2, OpInfo::WIDTH, Policy::Fixed));
        wires.stream(&follow, "m_op", &ops, "s0");
        wires.stream(&decode, "m_op", &ops, "s1");
        wires.stream(&ops, "m", &slots, "s_op");
        event(&admit, "m_note", &follow, "s_note");
        follow.set("after", csr.get("hand_over_after"));
        wires.queue("admin_cmds", 16, (&decode, "m_admin"), (&admin, "s_cmd"));
        wires.stream(&admin, "m_done", &cmd_table, "s_admin");
        wires.stream(&slots, "m_done", &cmd_table, "s_done");

        // Host memory.
        for (i, client) in [&sq_fetch, &launch, &admin].into_iter().enumerate() {
            wires.stream(client, "m_rd", &host_rd, &format!("s_rd{i}"));
            wires.beats(&host_rd, &format!("m_rdata{i}"), client, "s_rdata");
        }
        wires.stream(&compare, "m_hrd", &host_rd, "s_rd3");
        wires.beats(&host_rd, "m_rdata3", &compare, "s_hdata");
        for (i, client) in [&cq_post, &read, &admin].into_iter().enumerate() {
            wires.stream(client, "m_wr", &host_wr, &format!("s_wr{i}"));
            wires.beats(client, "m_wdata", &host_wr, &format!("s_wdata{i}"));
            event(&host_wr, &format!("m_b{i}"), client, "s_b");
        }
        host_rd.expose(m, "m_axi_", "m_axi_host_");
        host_wr.expose(m, "m_axi_", "m_axi_host_");
        m.output("irq", p.vectors).set(cq_post.get("irq"));

        // Locks: the mirror first, for it waits on nothing of this host.
        let wanted = Block::new(m, "lock_wanted", &join(3, LockReq::WIDTH, Policy::Fixed));
        for (i, client) in [&mirror, &pending, &slots].into_iter().enumerate() {
            wires.stream(client, "m_lock", &wanted, &format!("s{i}"));
        }
        wires.stream(&wanted, "m", &locks, "s_acquire");
        let released = Block::new(m, "lock_released", &join(3, LockRel::WIDTH, Policy::RoundRobin));
        // The lock table may wait for the mirror to take a grant, which then must not wait for a release.
        let mirror_released = Block::new(m, "mirror_released", &fifo(16, LockRel::WIDTH));
        wires.stream(&mirror, "m_release", &mirror_released, "s");
        wires.stream(&mirror_released, "m", &released, "s0");
        wires.stream(&slots, "m_release", &released, "s1");
        wires.stream(&pending, "m_release", &released, "s2");
        wires.stream(&released, "m", &locks, "s_release");
        event(&locks, "m_nack", &mirror, "s_nack");
        let grants = Block::new(m, "grants", &fifo_ram(p.slots.max(64), LockGrant::WIDTH));
        let grant = locks.get("m_grant_data");
        let holder = LockGrant::unpack_in(p, grant).id;
        let (to_mirror, to_pending) = (holder.bit(SLOT_W), holder.bit(SLOT_W + 1));
        let grant_valid = locks.get("m_grant_valid");
        for (client, here) in [(&mirror, to_mirror), (&pending, to_pending)] {
            client.set("s_grant_valid", grant_valid & here);
            client.set("s_grant_data", grant);
        }
        grants.set("s_valid", grant_valid & !to_mirror & !to_pending);
        grants.set("s_data", grant);
        let elsewhere = mux(to_pending, pending.get("s_grant_ready"), grants.get("s_ready"));
        locks.set("m_grant_ready", mux(to_mirror, mirror.get("s_grant_ready"), elsewhere));
        wires.stream(&grants, "m", &admit, "s_grant");
        wires.stream(&admit, "m_admit", &slots, "s_admit");

        // The directory: the mirror, then admission, then repeats, then LOOKUP.
        let from_mirror = mirror.get("m_dir_valid");
        let [by_admit, by_resend, by_admin] = [&admit, &resend, &admin].map(|client| wires.end(client, "m_dir"));
        let [from_admit, from_resend, from_admin] = [&by_admit, &by_resend, &by_admin].map(End::valid);
        let admin_req = cat(&[lit(ADMIN_TAG, 4), by_admin.data()]);
        by_admit.set_ready(!from_mirror);
        by_resend.set_ready(!from_mirror & !from_admit);
        by_admin.set_ready(!from_mirror & !from_admit & !from_resend);
        directory.set("s_lookup_valid", any_of(&[from_mirror, from_admit, from_resend, from_admin]));
        let rare = mux(from_resend, by_resend.data(), admin_req);
        let asked = mux(from_mirror, mirror.get("m_dir_data"), mux(from_admit, by_admit.data(), rare));
        assert_eq!(asked.width(), LookupReq::WIDTH);
        directory.set("s_lookup_data", asked);
        let answer = directory.get("m_lookup_data");
        let answered = directory.get("m_lookup_valid");
        for client in [&mirror, &admit, &resend] {
            client.set("s_dir_valid", answered);
            client.set("s_dir_data", answer);
        }
        admin.set("s_dir_valid", answered & Lookup::unpack_in(p, answer).tag.eq(ADMIN_TAG));
        admin.set("s_dir_data", answer);

        // Payload: host to store and wire.
        wires.queue("writes", 8, (&slots, "m_write"), (&launch, "s_write"));
        wires.queue("reads", 8, (&slots, "m_read"), (&read, "s_read"));
        wires.queue("jobs", 16, (&launch, "m_job"), (&eth_tx, "s_job"));
        wires.beats(&launch, "m_pay", &eth_tx, "s_pay");
        wires.stream(&slots, "m_resend", &resend, "s_resend");
        wires.stream(&resend, "m_job", &eth_tx, "s_rjob");
        wires.beats(&resend, "m_pay", &eth_tx, "s_rpay");
        wires.queue("copies", 8, (&slots, "m_copy"), (&copy, "s_copy"));
        wires.queue("compares", 8, (&slots, "m_compare"), (&compare, "s_job"));
        wires.stream(&compare, "m_result", &slots, "s_compared");
        wires.stream(&slots, "m_flush", &flush, "s_flush");
        wires.stream(&slots, "m_reflush", &flush, "s_again");
        let ctl = Block::new(m, "ctl", &join(5, TxCtl::WIDTH, Policy::RoundRobin));
        let own = OwnFrame::unpack_in(p, admit.get("m_own_data"));
        let OwnFrame { ftype, code, slot, seq, lun, lba, epoch } = own;
        ctl.set("s4_valid", admit.get("m_own_valid"));
        let (t_ref, lba_high) = (lba.trunc(32), lba.slice(32, LBA_W - 32));
        ctl.set("s4_data", TxCtl { ftype, code, slot, seq, t_ref, lun, epoch, lba_high }.pack());
        admit.set("m_own_ready", ctl.get("s4_ready"));
        for (i, client) in [&mirror, &flush, &pending, &commits].into_iter().enumerate() {
            wires.stream(client, "m_ctl", &ctl, &format!("s{i}"));
        }
        wires.stream(&ctl, "m", &eth_tx, "s_ctl");
        wires.stream(&mailbox, "m_mb", &eth_tx, "s_mb");
        wires.beats(&mailbox, "m_mbpay", &eth_tx, "s_mbpay");

        // Owners: frames and commands, requests of the peer's, ends of what was admitted.
        let owns = Block::new(m, "owns", &fifo(16, OwnFrame::WIDTH));
        event(&eth_rx, "m_own", &owns, "s");
        wires.stream(&owns, "m", &admit, "s_frame");
        let own_lost = eth_rx.get("m_own_valid") & !owns.get("s_ready");
        wires.stream(&slots, "m_own", &admit, "s_job");
        pending.set("owner_granted", admit.get("ev_owner_granted"));
        wires.stream(&mirror, "m_claim", &admit, "s_claim");
        event(&admit, "m_claimed", &mirror, "s_claimed");
        let resolved = Block::new(m, "resolved", &join(3, Resolved::WIDTH, Policy::RoundRobin));
        for (i, client) in [&slots, &pending, &mirror].into_iter().enumerate() {
            wires.stream(client, "m_resolved", &resolved, &format!("s{i}"));
        }
        wires.stream(&resolved, "m", &admit, "s_resolved");

        // Commits: of this site's writes to the peer, of the peer's writes to what is pending. Those that find no room are asked
        // for later.
        event(&slots, "m_commit", &commits, "s_done");
        commits.set("alone", !slots.get("slots_in_use").any());
        for signal in ["ride_valid", "ride_data"] {
            eth_tx.set(signal, commits.get(signal));
        }
        commits.set("ride_taken", eth_tx.get("ride_taken"));
        wires.stream(&mirror, "m_hold", &pending, "s_hold");
        wires.stream(&mirror, "m_ask", &pending, "s_ask");
        event(&pending, "m_verdict", &mirror, "s_verdict");
        let came = Block::new(m, "commits_came", &fifo(16, SlotUse::WIDTH));
        event(&eth_rx, "m_commit", &came, "s");
        wires.stream(&came, "m", &pending, "s_commit");
        let trails = Block::new(m, "trails", &fifo(16, 32));
        event(&eth_rx, "m_trail", &trails, "s");
        wires.stream(&trails, "m", &pending, "s_trail");
        let uses = Block::new(m, "uses", &fifo(16, SlotUse::WIDTH));
        event(&mirror, "m_use", &uses, "s");
        wires.stream(&uses, "m", &pending, "s_use");

        // The store.
        wires.stream(&launch, "m_home", &home, "s_job0");
        wires.stream(&mirror, "m_home", &home, "s_job1");
        wires.stream(&copy, "m_home", &home, "s_job2");
        for (i, client) in [&launch, &mirror, &copy].into_iter().enumerate() {
            client.set("rd_en", home.get("rd_en"));
            client.set("rd_addr", home.get("rd_addr"));
            home.set(&format!("rd_data{i}"), client.get("rd_data"));
            event(&home, &format!("m_done{i}"), client, "s_done");
        }
        for (i, client) in [&read, &resend, &copy, &compare].into_iter().enumerate() {
            wires.stream(client, "m_rd", &store_rd, &format!("s_rd{i}"));
            wires.beats(&store_rd, &format!("m_rdata{i}"), client, "s_rdata");
        }
        home.expose(m, "m_axi_", "m_axi_store_");
        store_rd.expose(m, "m_axi_", "m_axi_store_");
        for port in ["host", "store"] {
            for channel in ["ar", "aw"] {
                m.output(format!("m_axi_{port}_{channel}id"), 4).set(0);
            }
            for channel in ["r", "b"] {
                m.input(format!("m_axi_{port}_{channel}id"), 4);
            }
        }
        flush.expose(m, "store_flush_", "store_flush_");

        // Ends of local legs, of sendings, answers: to the slots.
        let locals = Block::new(m, "locals", &join(5, LocalDone::WIDTH, Policy::RoundRobin));
        for (i, client) in [&launch, &flush, &resend, &copy, &admit].into_iter().enumerate() {
            wires.stream(client, "m_local", &locals, &format!("s{i}"));
        }
        wires.stream(&locals, "m", &slots, "s_local");
        wires.stream(&read, "m_end", &slots, "s_end");
        let sents = Block::new(m, "sents", &fifo(16, Sent::WIDTH));
        event(&eth_tx, "m_sent", &sents, "s");
        wires.stream(&sents, "m", &slots, "s_sent");
        m.prove("no_sending_is_lost", !eth_tx.get("m_sent_valid") | sents.get("s_ready"));
        let answers = Block::new(m, "answers", &fifo(p.queue(64), Answer::WIDTH));
        event(&eth_rx, "m_answer", &answers, "s");
        wires.stream(&answers, "m", &slots, "s_answer");
        let answer_lost = eth_rx.get("m_answer_valid") & !answers.get("s_ready");

        // The wire.
        for signal in ["tdata", "tkeep", "tvalid", "tlast", "tuser"] {
            tx_guard.set(&format!("s_axis_{signal}"), eth_tx.get(&format!("m_axis_tx_{signal}")));
        }
        eth_tx.set("m_axis_tx_tready", tx_guard.get("s_axis_tready"));
        tx_guard.expose(m, "m_axis_", "m_axis_tx_");
        eth_rx.expose(m, "s_axis_rx_", "s_axis_rx_");
        event(&eth_rx, "m_whdr", &mirror, "s_head");
        event(&eth_rx, "m_wbeat", &mirror, "s_beat");
        event(&eth_rx, "m_wend", &mirror, "s_end");
        event(&eth_rx, "m_flush", &flush, "s_rx");
        event(&eth_rx, "m_mbbeat", &mailbox, "s_mbbeat");
        event(&eth_rx, "m_mbend", &mailbox, "s_mbend");

        // Idle, and the counters.
        let blocks = [
            &csr, &mailbox, &sq_fetch, &cq_post, &host_rd, &host_wr, &store_rd, &home, &decode, &cmd_table, &slots,
            &locks, &admit, &follow, &admin, &launch, &read, &resend, &copy, &compare, &flush, &mirror, &eth_tx,
            &eth_rx, &pending, &commits,
        ];
        let mut quiet: Vec<E> =
            [&answers, &sents, &came, &trails, &uses, &owns, &mirror_released].map(|b| !b.get("m_valid")).into();
        for b in blocks {
            if b.has_output("quiet") {
                quiet.push(b.get("quiet"));
            } else if b.has_output("busy") {
                quiet.push(!b.get("busy"));
            }
        }
        quiet.extend(wires.quiet());
        let idle = m.reg("idle_q", 1, 0);
        idle.set(all_of(&quiet));
        m.output("idle", 1).set(idle);
        nets.put("idle", idle.get());
        let mut events: Vec<Vec<E>> = vec![Vec::new(); Counter::ALL.len()];
        events[Counter::rx_overrun as usize].extend([answer_lost, own_lost]);
        for (name, list) in EVENTS {
            let block = blocks.iter().find(|b| b.name == *name).expect("a block of this card");
            for (ev, counter) in *list {
                events[*counter as usize].push(block.get(&format!("ev_{ev}")));
            }
            for port in block.outputs("ev_") {
                assert!(
                    list.iter().any(|(ev, _)| port.strip_prefix("ev_") == Some(ev)),
                    "{name}: {port} counts nothing"
                );
            }
        }
        let bits: Vec<E> = events.iter().rev().map(|sources| any_of(sources)).collect();
        counters.set("events", cat(&bits));

        let between = [
            &ops,
            &wanted,
            &released,
            &grants,
            &ctl,
            &locals,
            &sents,
            &answers,
            &came,
            &trails,
            &uses,
            &owns,
            &resolved,
            &mirror_released,
        ];
        let others = wires.into_blocks();
        for b in blocks
            .into_iter()
            .chain([&counters, &directory, &tx_guard])
            .chain(between)
            .chain(others.iter().map(|b| &**b))
        {
            b.finish(&nets);
            let stays = ports.iter().chain([&&csr, &&tx_guard]).any(|x| x.name == b.name);
            if b.is_clocked() && !stays {
                b.reset_also(csr.get("soft_rst"));
            }
        }
    })
}
