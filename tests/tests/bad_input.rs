//! Malformed commands, hosts that go wrong, stores that fail: a status each, a counter each, no effect on the neighbours.

use std::time::Duration;

use dyad_driver::backing::{Backing, Deadline};
use dyad_driver::{DmaBuffer, Mtu, Status};
use dyad_sim::{Access, Fault, Response, Site};
use dyad_spec::counters::Counter;
use dyad_spec::entry::submission::Submission;
use dyad_spec::superblock::METADATA_LUN;
use dyad_spec::{Opcode, regs};
use dyad_tests::system::{LUN, LUN_BLOCKS, Pair, Setup, pattern};

struct Rig {
    pair: Pair,
    buffer: DmaBuffer,
}

impl Rig {
    fn new() -> Self {
        Self::of(&Setup::new(64, Mtu::Jumbo))
    }

    fn of(setup: &Setup) -> Self {
        let pair = Pair::new(setup);
        let buffer = pair.bench.backing(Site::A).dma_alloc(64 * 4096).expect("a buffer");
        Self { pair, buffer }
    }

    fn deadline(&self) -> Deadline {
        self.pair.bench.backing(Site::A).after(Duration::from_secs(1))
    }

    /// A WRITE of one block that would be right.
    fn good(&self) -> Submission {
        let mut e = Submission::new();
        e.set_opcode(Opcode::Write.code()).set_lun(LUN.into()).set_blocks(1).set_lba(3).set_iova(self.buffer.iova());
        e
    }

    fn end(&mut self, entry: &Submission) -> Status {
        let id = self.pair.qa.submit(entry).expect("submit");
        self.pair.qa.ring();
        let deadline = self.deadline();
        self.pair.qa.wait(id, deadline).expect("a completion").status()
    }

    /// A counter, when the last events have been added: they are, within a turn of the adder.
    fn count(&self, counter: Counter) -> u32 {
        self.pair.bench.world_mut().run(256);
        self.pair.a.device().counter(counter)
    }

    /// The same at B.
    fn count_b(&self, counter: Counter) -> u32 {
        self.pair.bench.world_mut().run(256);
        self.pair.b.device().counter(counter)
    }

    /// The LUN serves nothing and says why; the link, and the LUN that holds the store's metadata, go on.
    fn lun_is_fenced_alone(&mut self) {
        assert_eq!(self.count(Counter::lun_fences), 1);
        for opcode in [Opcode::Read, Opcode::Write] {
            let mut e = self.good();
            e.set_opcode(opcode.code()).set_lba(4);
            assert_eq!(self.end(&e), Status::NotLive, "{opcode:?}");
        }
        let error = self.pair.a.need_live(LUN).expect_err("the LUN is fenced");
        assert!(error.to_string().contains("a store has failed to write a block"), "{error}");
        let mut e = self.good();
        e.set_opcode(Opcode::Read.code()).set_lun(METADATA_LUN.into()).set_lba(0);
        assert_eq!(self.end(&e), Status::Ok, "another LUN");
        let mut e = self.good();
        e.set_opcode(Opcode::Flush.code()).set_iova(0).set_blocks(0).set_lba(0);
        assert_eq!(self.end(&e), Status::Ok, "the link");
        self.pair.check_rules();
    }

    /// The card goes on as if nothing had been.
    fn still_works(&mut self) {
        self.buffer.write_at(0, &pattern(3, 77));
        let good = self.good();
        assert_eq!(self.end(&good), Status::Ok, "a good command afterwards");
        assert_eq!(self.pair.stored(Site::B, 3), pattern(3, 77));
        self.pair.check_rules();
    }
}

#[test]
fn each_malformed_command_ends_with_its_status_and_counts() {
    let mut rig = Rig::new();
    let good = rig.good();
    let bad = |change: &dyn Fn(&mut Submission)| {
        let mut e = good;
        change(&mut e);
        e
    };
    let cases: [(&str, Submission, Status, Counter); 13] = [
        ("unknown opcode", bad(&|e| _ = e.set_opcode(0x7f)), Status::BadOpcode, Counter::bad_opcode),
        ("opcode 0", bad(&|e| _ = e.set_opcode(0)), Status::BadOpcode, Counter::bad_opcode),
        ("reserved flag", bad(&|e| _ = e.set_flags(0x80)), Status::BadOpcode, Counter::bad_opcode),
        ("reserved field", bad(&|e| e.0[40] = 1), Status::BadOpcode, Counter::bad_opcode),
        ("no blocks", bad(&|e| _ = e.set_blocks(0)), Status::BadBlocks, Counter::bad_blocks),
        ("65 blocks", bad(&|e| _ = e.set_blocks(65)), Status::BadBlocks, Counter::bad_blocks),
        ("past the end", bad(&|e| _ = e.set_lba(LUN_BLOCKS)), Status::BadLba, Counter::bad_lba),
        ("over the end", bad(&|e| _ = e.set_lba(LUN_BLOCKS - 1).set_blocks(2)), Status::BadLba, Counter::bad_lba),
        ("high address bits", bad(&|e| _ = e.set_lba(1 << 40)), Status::BadLba, Counter::bad_lba),
        ("no such LUN", bad(&|e| _ = e.set_lun(5)), Status::BadLun, Counter::bad_lun),
        ("LUN out of range", bad(&|e| _ = e.set_lun(200)), Status::BadLun, Counter::bad_lun),
        ("misaligned", bad(&|e| _ = e.set_iova(e.iova() + 8)), Status::Misaligned, Counter::misaligned),
        ("513 lookups", bad(&|e| _ = e.set_opcode(4).set_blocks(513)), Status::BadBlocks, Counter::bad_blocks),
    ];
    for (what, entry, status, counter) in cases {
        let before = rig.count(counter);
        assert_eq!(rig.end(&entry), status, "{what}");
        assert_eq!(rig.count(counter), before + 1, "{what}: {}", counter.name());
    }
    rig.still_works();
}

#[test]
fn a_buffer_that_is_not_mapped_faults_and_hurts_nobody() {
    let mut rig = Rig::new();
    let mut e = rig.good();
    e.set_iova(0x7000_0000_0000);
    assert_eq!(rig.end(&e), Status::DmaReadFault);
    e.set_opcode(Opcode::Read.code());
    assert_eq!(rig.end(&e), Status::DmaWriteFault);
    assert_eq!(rig.count(Counter::dma_read_fault), 1);
    assert_eq!(rig.count(Counter::dma_write_fault), 1);
    assert!(rig.pair.bench.world().site(Site::A).host.violation_count() > 0, "the IOMMU has seen it");
    rig.still_works();
}

#[test]
fn a_buffer_that_is_unmapped_in_flight_faults() {
    let mut rig = Rig::new();
    let doomed = rig.pair.bench.backing(Site::A).dma_alloc(64 * 4096).expect("a buffer");
    let id = rig.pair.qa.submit_write(LUN, 100, 64, &doomed.whole()).expect("submit");
    rig.pair.qa.ring();
    rig.pair.bench.world_mut().run(5000);
    doomed.unmap();
    let deadline = rig.deadline();
    assert_eq!(rig.pair.qa.wait(id, deadline).expect("a completion").status(), Status::DmaReadFault);
    for lba in 100..164 {
        let (a, b) = (rig.pair.stored(Site::A, lba), rig.pair.stored(Site::B, lba));
        assert!(a == b, "block {lba} differs between the stores");
    }
    rig.still_works();
}

#[test]
fn a_site_that_cannot_request_is_refused_and_told_who_owns() {
    let mut rig = Rig::of(&Setup { store_bytes: 8 << 20, ..Setup::new(64, Mtu::Jumbo) });
    let error = rig.pair.qb.write(LUN, 9, &pattern(9, 1)).expect_err("B does not own the LUN, and has no staging area");
    assert!(error.to_string().contains("NotOwner"), "{error}");
    assert_eq!(rig.count_b(Counter::not_owner), 1);
    assert_eq!(rig.pair.stored(Site::B, 9), vec![0; 4096]);
    rig.still_works();
}

#[test]
fn a_local_store_that_fails_ends_the_command_and_keeps_the_block() {
    let mut rig = Rig::new();
    let fault = Fault::on_burst(Access::Write, 0, Response::SlvErr);
    rig.pair.bench.world_mut().site_mut(Site::A).store_bus.faults.add(fault);
    let good = rig.good();
    assert_eq!(rig.end(&good), Status::StoreError);
    assert_eq!(rig.count(Counter::store_error), 1);
    rig.lun_is_fenced_alone();
}

#[test]
fn a_peer_store_that_fails_ends_the_command() {
    let mut rig = Rig::new();
    let fault = Fault::on_burst(Access::Write, 0, Response::SlvErr);
    rig.pair.bench.world_mut().site_mut(Site::B).store_bus.faults.add(fault);
    let good = rig.good();
    assert_eq!(rig.end(&good), Status::PeerStoreError);
    assert_eq!(rig.count_b(Counter::store_error), 1);
    assert!(rig.pair.b.need_live(LUN).is_err(), "the site whose store failed serves the LUN");
    rig.lun_is_fenced_alone();
}

#[test]
fn a_store_read_that_fails_ends_the_read() {
    let mut rig = Rig::new();
    rig.still_works();
    let fault = Fault::on_burst(Access::Read, 0, Response::SlvErr);
    rig.pair.bench.world_mut().site_mut(Site::A).store_bus.faults.add(fault);
    let mut e = rig.good();
    e.set_opcode(Opcode::Read.code());
    assert_eq!(rig.end(&e), Status::StoreError);
    rig.still_works();
}

#[test]
fn a_doorbell_past_the_ring_stops_the_pair_alone() {
    let mut rig = Rig::new();
    let extra = rig.pair.a.device().create_queue(&dyad_driver::QueueConfig::default()).expect("a third pair");
    let doorbell = regs::SQ_DOORBELL.at(usize::from(extra.id()));
    rig.pair.bench.backing(Site::A).write32(doorbell, 5000);
    assert_eq!(rig.count(Counter::bad_doorbell), 1);
    // A pair that nobody has set up.
    rig.pair.bench.backing(Site::A).write32(regs::SQ_DOORBELL.at(3), 1);
    assert_eq!(rig.count(Counter::bad_doorbell), 2);
    rig.still_works();
}

#[test]
fn a_doorbell_of_a_pair_that_is_not_set_up_does_nothing() {
    let mut rig = Rig::new();
    let last = rig.pair.a.device().info().queue_count - 1;
    let doorbell = regs::SQ_DOORBELL.at(last as usize);
    rig.pair.bench.world_mut().post32(Site::A, doorbell as u16, 5);
    assert_eq!(rig.count(Counter::bad_doorbell), 1);
    rig.still_works();
}

#[test]
fn a_flush_that_a_store_fails_ends_with_its_status_at_either_site() {
    for (site, status) in [(Site::A, Status::StoreError), (Site::B, Status::PeerStoreError)] {
        let mut rig = Rig::new();
        let before = rig.pair.bench.world().site(site).flush.count;
        rig.pair.bench.world_mut().site_mut(site).flush.failing.push(before);
        let error = rig.pair.qa.flush(LUN).expect_err("the flush failed");
        assert!(error.to_string().contains(&format!("{status:?}")), "{site}: {error}");
        rig.pair.qa.flush(LUN).expect("the next flush");
        rig.still_works();
    }
}

#[test]
fn a_cut_link_ends_commands_with_a_status_and_fences() {
    let mut rig = Rig::new();
    rig.pair.bench.world_mut().set_link(false);
    let good = rig.good();
    assert_eq!(rig.end(&good), Status::PeerTimeout);
    assert_eq!(rig.count(Counter::fences), 1);
    assert_eq!(rig.end(&good), Status::LinkDown, "fenced: writes");
    let mut read = good;
    read.set_opcode(Opcode::Read.code());
    assert_eq!(rig.end(&read), Status::LinkDown, "fenced: reads");
}

#[test]
fn random_bytes_and_forged_answers_do_nothing() {
    let mut rig = Rig::new();
    let mut x = 0x1234_5678_9abc_def0u64;
    let mut byte = move || {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        x as u8
    };
    for len in [1usize, 7, 8, 14, 63, 64, 71, 72, 73, 100, 1500, 4168, 4169, 9000] {
        let frame: Vec<u8> = (0..len).map(|_| byte()).collect();
        rig.pair.bench.world_mut().inject(Site::B, &frame, false);
        rig.pair.bench.world_mut().run(3000);
    }
    // An acknowledgement, right in every part, of a slot that waits for none.
    let mut header = dyad_spec::wire::Header::new();
    let generation = rig.pair.a.agreement().expect("linked up").generation;
    header.set_eth_dst(0x0200_0000_000a).set_eth_src(0x0200_0000_000b).set_ethertype(0x0800);
    header.set_ip_version_ihl(0x45).set_ip_length(58).set_ip_fragment(0x4000).set_ip_ttl(64).set_ip_protocol(17);
    header.set_ip_src(0x0a00_000b).set_ip_dst(0x0a00_000a).set_udp_src(4791).set_udp_dst(4791).set_udp_length(38);
    header
        .set_version_type(dyad_spec::wire::WIRE_VERSION << 4 | 2)
        .set_generation(generation.into())
        .set_slot(17)
        .set_seq(99);
    let ack: [u8; 72] = dyad_spec::wire::seal(&mut header, &[]);
    rig.pair.bench.world_mut().inject(Site::B, &ack, false);
    rig.pair.bench.world_mut().run(3000);
    assert_eq!(rig.count(Counter::rx_unexpected), 1);
    rig.still_works();
}

#[test]
fn a_dead_card_is_gone_not_a_hang() {
    let mut rig = Rig::new();
    let id = rig.pair.qa.submit(&rig.good()).expect("submit");
    rig.pair.qa.ring();
    rig.pair.bench.world_mut().kill(Site::A);
    let deadline = rig.deadline();
    let error = rig.pair.qa.wait(id, deadline).expect_err("the card is gone");
    assert!(matches!(error, dyad_driver::Error::DeviceGone { .. }), "{error}");
}

#[test]
fn a_host_that_never_reads_its_completions_stops_only_itself() {
    let mut rig = Rig::new();
    // B's host reads without ever looking at the answers, until its completion queue is full.
    let small = dyad_driver::QueueConfig { cq_log2: 2, sq_log2: 6, ..dyad_driver::QueueConfig::default() };
    let mut lazy = rig.pair.b.device().create_queue(&small).expect("a small pair");
    let target = rig.pair.bench.backing(Site::B).dma_alloc(4096).expect("a buffer");
    let mut submitted = 0;
    while lazy.room() > 0 && submitted < 3 {
        lazy.submit_read(LUN, submitted, 1, &target.whole()).expect("submit");
        submitted += 1;
    }
    lazy.ring();
    for lba in 0..64 {
        rig.pair.qa.write(LUN, lba, &pattern(lba, 5)).expect("writes at A go on");
    }
    for lba in 0..64 {
        assert_eq!(rig.pair.stored(Site::B, lba), pattern(lba, 5));
    }
}
