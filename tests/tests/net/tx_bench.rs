//! A bench around `eth_tx`: gives it jobs, and compares each frame that the MAC takes with the job it came from.
#![allow(dead_code, reason = "each test uses a part")]

use std::collections::{HashMap, VecDeque};

use dyad_hdl::bundle::{Sent, SlotUse, TxCtl, TxJob};
use dyad_hdl::ir::Bits;
use dyad_hdl::net::eth_tx::eth_tx;
use dyad_hdl::params::Params;
use dyad_spec::counters::Counter;
use dyad_spec::wire::ZEROES_BYTES;
use dyad_spec::wire::commit_word;
use dyad_spec::{BLOCK_BYTES, FrameType};
use dyad_tests::{Dut, Source, Stall, Trial, field, pack};

use super::{Frame, Link, MacTx, Taken, of_block};

/// A block given to be sent.
#[derive(Clone, Debug)]
pub struct Job {
    slot: u64,
    seq: u64,
    lun: u64,
    lba: u64,
    epoch: u64,
    pub again: bool,
    /// For the peer, which owns the block, to put in order.
    request: bool,
    /// All zeroes, in one short frame.
    zeroes: bool,
    data: Vec<u8>,
    /// Beat of payload that is marked bad.
    err: Option<usize>,
}

impl Job {
    /// Its frames: offset and length of what each carries.
    fn parts(&self, link: &Link) -> &'static [(usize, usize)] {
        if self.zeroes { &[(0, ZEROES_BYTES)] } else { link.parts() }
    }

    fn kind(&self) -> FrameType {
        match (self.request, self.zeroes) {
            (false, false) => FrameType::Write,
            (true, false) => FrameType::Request,
            (false, true) => FrameType::WriteZeroes,
            (true, true) => FrameType::RequestZeroes,
        }
    }
}

/// A short frame given to be sent.
#[derive(Clone, Debug)]
pub struct Ctl {
    ftype: FrameType,
    code: u64,
    slot: u64,
    seq: u64,
    t_ref: u64,
    lba_high: u64,
    lun: u64,
    epoch: u64,
}

impl Ctl {
    /// It is about an owner: it names LUN, address and epoch.
    fn about_owners(&self) -> bool {
        matches!(self.ftype, FrameType::OwnReq | FrameType::Grant | FrameType::Taken)
    }
}

/// How the two ends behave.
#[derive(Clone, Copy, Debug)]
pub struct Paces {
    /// Payload of blocks.
    pub pay: Stall,
    /// Payload of messages.
    pub mail: Stall,
    pub mac: Stall,
}

impl Paces {
    /// No pause anywhere.
    pub const FULL: Paces = Paces { pay: Stall::None, mail: Stall::None, mac: Stall::None };
}

/// How far the frames of a job have come.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    part: usize,
    t_first: u64,
    t_last: u64,
    aborted: bool,
}

pub struct Bench {
    pub dut: Dut,
    pub beat: usize,
    pub link: Link,
    pub now: u64,
    pub sources: HashMap<&'static str, Source>,
    mac: MacTx,
    pub jobs: HashMap<u64, Job>,
    progress: HashMap<u64, Progress>,
    order: [VecDeque<u64>; 2],
    ctls: VecDeque<Ctl>,
    mails: VecDeque<Vec<u8>>,
    pub taken: Vec<Taken>,
    counts: HashMap<&'static str, u64>,
    want: HashMap<&'static str, u64>,
    next_seq: u64,
    paces: Paces,
    ready: bool,
    run: u64,
    /// What `m_sent` said, and when: sequence, first and last time, aborted.
    /// COMMITs that may ride along: slot, sequence.
    offered: VecDeque<(u64, u64)>,
    /// COMMITs taken, that have not been seen on the wire.
    riding: VecDeque<u32>,
    /// COMMITs that were.
    pub rode: u64,
    pub reports: Vec<(u64, u64, u64, bool)>,
    /// Jobs of both streams in the order given, and the cycles in which their beats of payload were taken.
    given: [Vec<u64>; 2],
    accepted: [Vec<u64>; 2],
}

const STREAMS: [&str; 7] = ["s_ctl", "s_job", "s_rjob", "s_mb", "s_pay", "s_rpay", "s_mbpay"];
const EVENTS: [Counter; 14] = [
    Counter::tx_frames,
    Counter::tx_write,
    Counter::tx_request,
    Counter::tx_zeroes,
    Counter::tx_resend,
    Counter::tx_ack,
    Counter::tx_busy,
    Counter::tx_not_owner,
    Counter::tx_own_req,
    Counter::tx_grant,
    Counter::tx_refused,
    Counter::tx_commit,
    Counter::tx_ask_commit,
    Counter::tx_aborted,
];

impl Bench {
    pub fn new(t: &mut Trial, data_w: usize, jumbo: bool, paces: Paces) -> Self {
        let p = Params::new(data_w);
        let mut dut = t.dut(&eth_tx(&p));
        let link = Link { jumbo, ..Link::random(&mut t.rng, p.slots) };
        link.poke_tx(&mut dut);
        let stream = |name: &'static str, stall: Stall| (name, Source::new(&dut, name, stall));
        let sources = [
            stream("s_ctl", Stall::None),
            stream("s_job", Stall::None),
            stream("s_rjob", Stall::None),
            stream("s_mb", Stall::None),
            stream("s_pay", paces.pay),
            stream("s_rpay", paces.pay),
            stream("s_mbpay", paces.mail),
        ];
        let sources = sources.into();
        let mac = MacTx::new(&dut);
        dut.ticks(8);
        Self {
            dut,
            beat: data_w / 8,
            link,
            now: t.rng.next_u64() >> 33,
            sources,
            mac,
            jobs: HashMap::new(),
            progress: HashMap::new(),
            order: Default::default(),
            ctls: VecDeque::new(),
            mails: VecDeque::new(),
            taken: Vec::new(),
            counts: HashMap::new(),
            want: HashMap::new(),
            next_seq: 1,
            paces,
            ready: true,
            run: 0,
            reports: Vec::new(),
            offered: VecDeque::new(),
            riding: VecDeque::new(),
            rode: 0,
            given: Default::default(),
            accepted: Default::default(),
        }
    }

    fn push(&mut self, name: &str, word: Bits) {
        self.sources.get_mut(name).expect("a stream").push(word);
    }

    /// Gives a block to be sent, and its payload, of which a beat may be bad. Returns the block's sequence.
    pub fn block(&mut self, t: &mut Trial, again: bool, err: Option<usize>) -> u64 {
        let (seq, words) = self.job(t, again, err, false);
        self.payload(again, words);
        seq
    }

    /// Gives a block of zeroes to be sent.
    pub fn zeroes(&mut self, t: &mut Trial) {
        let (_, words) = self.job(t, false, None, true);
        self.payload(false, words);
    }

    /// Gives payload of the block given last.
    pub fn payload(&mut self, again: bool, words: impl IntoIterator<Item = Bits>) {
        words.into_iter().for_each(|w| self.push(if again { "s_rpay" } else { "s_pay" }, w));
    }

    /// Gives a block to be sent without its payload. Returns its sequence and the beats of its payload.
    pub fn job(&mut self, t: &mut Trial, again: bool, err: Option<usize>, zeroes: bool) -> (u64, Vec<Bits>) {
        let seq = self.next_seq;
        self.next_seq += 1;
        let job = Job {
            slot: t.rng.below(4096),
            seq,
            lun: t.rng.below(8),
            lba: t.rng.next_u64() >> 24,
            epoch: t.rng.next_u64() >> 32,
            again,
            request: t.rng.one_in(3),
            zeroes,
            data: if zeroes { vec![0; ZEROES_BYTES] } else { t.rng.bits(8 * BLOCK_BYTES).to_bytes_le() },
            err,
        };
        let values = [
            ("slot", job.slot),
            ("seq", seq),
            ("lun", job.lun),
            ("lba", job.lba),
            ("epoch", job.epoch),
            ("request", job.request.into()),
            ("zeroes", zeroes.into()),
        ];
        self.push(if again { "s_rjob" } else { "s_job" }, pack(TxJob::FIELDS, &values));
        let beats = job.data.len() / self.beat;
        let word = |(i, chunk): (usize, &[u8])| {
            let mut word = Bits::from_bytes_le(chunk).resize(8 * self.beat + 2);
            word.set(8 * self.beat, &Bits::from_u64(u64::from(err == Some(i)), 1));
            word.set(8 * self.beat + 1, &Bits::from_u64(u64::from(i + 1 == beats), 1));
            word
        };
        let words = job.data.chunks(self.beat).enumerate().map(word).collect();
        self.order[usize::from(again)].push_back(seq);
        self.given[usize::from(again)].push(seq);
        self.jobs.insert(seq, job);
        (seq, words)
    }

    pub fn ctl(&mut self, t: &mut Trial) {
        use FrameType::{Ack, AskCommit, Busy, Commit, Flush, Grant, NotOwner, OwnReq, Refused, Taken};
        let kinds = [Ack, Ack, Busy, Refused, NotOwner, Flush, Commit, AskCommit, OwnReq, Grant, Taken];
        let ftype = *t.rng.pick(&kinds);
        let with_code = matches!(ftype, Refused | NotOwner | OwnReq | Grant | Taken);
        let code = if with_code { t.rng.below(256) } else { 0 };
        let word = |t: &mut Trial| t.rng.next_u64() >> 32;
        let slot = t.rng.below(4096);
        let mut ctl = Ctl { ftype, code, slot, seq: word(t), t_ref: word(t), lba_high: 0, lun: 0, epoch: 0 };
        if ctl.about_owners() {
            (ctl.lun, ctl.epoch, ctl.lba_high) = (t.rng.below(8), word(t), t.rng.below(256));
        }
        let values = [
            ("ftype", ftype.code()),
            ("code", code),
            ("slot", ctl.slot),
            ("seq", ctl.seq),
            ("t_ref", ctl.t_ref),
            ("lun", ctl.lun),
            ("epoch", ctl.epoch),
            ("lba_high", ctl.lba_high),
        ];
        self.push("s_ctl", pack(TxCtl::FIELDS, &values));
        self.ctls.push_back(ctl);
    }

    /// Gives a COMMIT that rides in a frame's trailer.
    pub fn commit(&mut self, t: &mut Trial) {
        // One whose word is zero says nothing.
        let (slot, seq) = (1 + t.rng.below(4095), t.rng.next_u64() >> 32);
        self.offered.push_back((slot, seq));
    }

    pub fn mail(&mut self, t: &mut Trial, bytes: usize) {
        let message = t.rng.bits(8 * bytes).to_bytes_le();
        self.push("s_mb", Bits::from_u64(bytes as u64, 16));
        for chunk in message.chunks(self.beat) {
            self.push("s_mbpay", Bits::from_bytes_le(chunk));
        }
        self.mails.push_back(message);
    }

    /// One cycle, with the MAC at its pace.
    pub fn cycle(&mut self, t: &mut Trial) {
        self.ready = match self.paces.mac {
            Stall::None => true,
            Stall::Quarter => !t.rng.one_in(4),
            Stall::Random if self.run == 0 => {
                let most = if t.rng.one_in(16) { 100 } else { 5 };
                self.run = t.rng.below(most);
                !self.ready
            }
            Stall::Random => {
                self.run -= 1;
                self.ready
            }
        };
        self.dut.poke("now", self.now & 0xffff_ffff);
        for name in STREAMS {
            self.sources.get_mut(name).expect("a stream").drive(&mut self.dut, &mut t.rng);
        }
        self.mac.drive(&mut self.dut, self.ready);
        // An offer may be taken back.
        let offer = self.offered.front().copied().filter(|_| !t.rng.one_in(3));
        let (slot, seq) = offer.unwrap_or((t.rng.below(4096), t.rng.next_u64() >> 32));
        self.dut.poke("ride_valid", offer.is_some().into());
        self.dut.poke_bits("ride_data", &pack(SlotUse::FIELDS, &[("slot", slot), ("seq", seq)]));
        self.dut.settle();
        if self.dut.peek("ride_taken") == 1
            && let Some((slot, seq)) = offer
        {
            self.offered.pop_front();
            self.riding.push_back(commit_word(slot as u16, seq as u32));
        }
        for (name, source) in &mut self.sources {
            let stream = ["s_pay", "s_rpay"].iter().position(|n| n == name);
            if let (Some(_), Some(stream)) = (source.sample(&self.dut), stream) {
                self.accepted[stream].push(self.dut.cycle());
            }
        }
        for event in EVENTS {
            *self.counts.entry(event.name()).or_default() += self.dut.peek(&format!("ev_{}", event.name()));
        }
        if self.dut.peek("m_sent_valid") == 1 {
            let sent = self.dut.peek_bits("m_sent_data");
            self.check_report(&sent);
        }
        if let Some(taken) = self.mac.sample(&self.dut) {
            self.check_frame(&taken);
            self.taken.push(taken);
        }
        self.dut.edge();
        self.now += 1;
    }

    /// Runs until everything has left, and checks that all came and was counted.
    pub fn drain(&mut self, t: &mut Trial) {
        for _ in 0..2_000_000 {
            self.cycle(t);
            let waiting: usize = self.sources.values().map(Source::waiting).sum();
            if waiting == 0 && self.dut.peek("busy") == 0 {
                self.finish(t);
                return;
            }
        }
        panic!("it never ends: {:?}", self.sources.iter().map(|(n, s)| (*n, s.waiting())).collect::<Vec<_>>());
    }

    fn finish(&mut self, t: &mut Trial) {
        (0..8).for_each(|_| self.cycle(t));
        for (seq, t_first, t_last, aborted) in std::mem::take(&mut self.reports) {
            let p = self.progress.get(&seq).unwrap_or_else(|| panic!("a report of block {seq}, but no frame"));
            assert!(
                p.aborted || p.part == self.jobs[&seq].parts(&self.link).len(),
                "a report of block {seq}, which is not whole: {p:?}"
            );
            assert_eq!((t_first, t_last, aborted), (p.t_first, p.t_last, p.aborted), "report of block {seq}");
        }
        assert!(self.order.iter().all(VecDeque::is_empty), "blocks that were not reported: {:?}", self.order);
        assert!(self.ctls.is_empty() && self.mails.is_empty(), "short frames that did not come");
        assert!(self.riding.is_empty(), "COMMITs that were taken and not sent");
        for event in EVENTS {
            let (got, want) = (self.counts.get(event.name()), self.want.get(event.name()));
            assert_eq!(got.unwrap_or(&0), want.unwrap_or(&0), "{}", event.name());
        }
    }

    fn count(&mut self, event: Counter) {
        *self.want.entry(event.name()).or_default() += 1;
    }

    fn time_of(&self, cycle: u64) -> u64 {
        (self.now - (self.dut.cycle() - cycle)) & 0xffff_ffff
    }

    fn check_frame(&mut self, taken: &Taken) {
        let frame = &taken.frame;
        assert!(frame.bytes.len() >= 64, "a frame of {} bytes", frame.bytes.len());
        let h = frame.header();
        let kind = FrameType::try_from((h.version_type() & 15) as u8).expect("a known type");
        let mut want = self.link.header(kind, h.length() as usize * 64);
        // What a source says, checked against it below.
        want.set_code(h.code()).set_slot(h.slot()).set_seq(h.seq()).set_lun(h.lun()).set_offset(h.offset());
        want.set_lba(h.lba()).set_epoch(h.epoch());
        let payload = frame.bytes.get(64..64 + h.length() as usize * 64).unwrap_or_default();
        let commit = if frame.bad { 0 } else { frame.commit() };
        if commit != 0 {
            assert!(kind != FrameType::Control, "a COMMIT rides in a frame of no generation");
            assert_eq!(Some(commit), self.riding.pop_front(), "the COMMIT that rides along");
            self.rode += 1;
        }
        let sealed = Frame::seal(&want, payload, commit);
        assert_eq!(h, sealed.header(), "headers");
        if frame.bad {
            self.count(Counter::tx_aborted);
            assert!(frame.bytes.len() < 72 + h.length() as usize * 64, "a bad frame that is whole");
        } else {
            self.count(Counter::tx_frames);
            assert_eq!(*frame, sealed, "frame of type {kind:?}");
            assert_eq!(frame.verdict(&self.link.peer()), Counter::rx_good);
        }
        match kind {
            kind if of_block(kind) => self.check_write(taken),
            FrameType::Control => {
                let message = self.mails.pop_front().expect("a message was sent");
                if !frame.bad {
                    assert_eq!(frame.payload(), message, "message");
                }
                assert_eq!(
                    (h.slot(), h.seq(), h.lun(), h.offset(), h.lba(), h.epoch(), h.code()),
                    (0, 0, 0, 0, 0, 0, 0)
                );
            }
            _ => {
                let ctl = self.ctls.pop_front().expect("a short frame was sent");
                let lba = if kind == FrameType::Ack {
                    self.count(Counter::tx_ack);
                    self.time_of(taken.shown_first).wrapping_sub(ctl.t_ref) & 0xffff_ffff
                } else if ctl.about_owners() {
                    ctl.lba_high << 32 | ctl.t_ref
                } else {
                    0
                };
                match kind {
                    FrameType::Busy => self.count(Counter::tx_busy),
                    FrameType::Refused => self.count(Counter::tx_refused),
                    FrameType::Commit => self.count(Counter::tx_commit),
                    FrameType::AskCommit => self.count(Counter::tx_ask_commit),
                    FrameType::NotOwner => self.count(Counter::tx_not_owner),
                    FrameType::OwnReq => self.count(Counter::tx_own_req),
                    FrameType::Grant => self.count(Counter::tx_grant),
                    _ => {}
                }
                assert_eq!((kind, h.code(), h.slot(), h.seq()), (ctl.ftype, ctl.code, ctl.slot, ctl.seq), "{ctl:?}");
                let about = (h.lba(), h.epoch(), h.lun(), h.offset(), h.length());
                assert_eq!(about, (lba, ctl.epoch, ctl.lun, 0, 0), "{ctl:?}");
            }
        }
    }

    fn check_write(&mut self, taken: &Taken) {
        let (first, last) = (self.time_of(taken.shown_first), self.time_of(taken.shown_last));
        let frame = &taken.frame;
        let h = frame.header();
        let job = self.jobs.get(&h.seq()).expect("a block of that sequence").clone();
        let progress = self.progress.entry(job.seq).or_default();
        assert!(!progress.aborted, "a part after an aborted one");
        let (offset, length) = job.parts(&self.link)[progress.part];
        if progress.part == 0 {
            progress.t_first = first;
        }
        progress.part += 1;
        progress.t_last = last;
        progress.aborted = frame.bad;
        let kind = job.kind();
        assert_eq!(h.version_type() & 15, kind.code(), "type of {}", job.seq);
        let of_job = (job.slot, job.lun, job.lba, job.epoch, 0);
        assert_eq!((h.slot(), h.lun(), h.lba(), h.epoch(), h.code()), of_job, "{}", job.seq);
        assert_eq!((h.offset() as usize * 64, h.length() as usize * 64), (offset, length), "part of {}", job.seq);
        let want = &job.data[offset..offset + length];
        let err = job.err.map(|e| e * self.beat).filter(|e| (offset..offset + length).contains(e));
        if frame.bad {
            // All but the last beat is the block's.
            let good = frame.bytes.len() - 64 - self.beat;
            assert_eq!(frame.bytes[64..64 + good], want[..good], "payload before the end of {}", job.seq);
            assert!(err.is_none_or(|e| e >= offset + good), "bad payload was sent");
            if err != Some(offset + good) {
                // The beat in whose place the frame was ended came too late: not before the end was decided.
                let stream = usize::from(job.again);
                let blocks = self.given[stream].iter().position(|s| *s == job.seq).expect("a job of that stream");
                let before = self.given[stream][..blocks].iter().map(|seq| self.jobs[seq].data.len()).sum::<usize>();
                let beat = (before + offset + good) / self.beat;
                let came = self.accepted[stream].get(beat).copied().unwrap_or(u64::MAX);
                assert!(came >= taken.shown_last - 1, "block {} was ended, but its payload was there", job.seq);
            }
        } else {
            assert_eq!(frame.payload(), want, "payload of {}", job.seq);
            assert_eq!(err, None, "bad payload went into a good frame");
            self.count(match kind {
                FrameType::Write => Counter::tx_write,
                FrameType::Request => Counter::tx_request,
                _ => Counter::tx_zeroes,
            });
            if job.again {
                self.count(Counter::tx_resend);
            }
        }
    }

    /// A report comes before the MAC has taken the frame: its times are checked in the end.
    fn check_report(&mut self, sent: &Bits) {
        let get = |name: &str| field(Sent::FIELDS, sent, name);
        let again = get("resend") == 1;
        let seq = self.order[usize::from(again)].pop_front().expect("a block was given");
        assert_eq!((get("slot"), get("seq")), (self.jobs[&seq].slot, seq), "report");
        self.reports.push((seq, get("t_first"), get("t_last"), get("aborted") == 1));
    }
}
