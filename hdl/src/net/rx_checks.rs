//! The checks of `eth_rx` on a frame's headers: what is compared with what, in which beat, and which counter it sets.

use dyad_spec::counters::Counter;
use dyad_spec::{Field, FrameType, wire};

use super::header::{IP_HEADER_BYTES, ip_length, swap_bytes, version_type};
use crate::bundle::SLOT_W;
use crate::params::Params;
use crate::prelude::*;

/// Largest payload of a CONTROL frame in bytes: the last multiple of 64 that fits a jumbo frame.
pub(super) const CONTROL_MAX: usize =
    (wire::MTU_JUMBO + wire::ETHERNET_BYTES - wire::SHORT_FRAME_BYTES) / wire::OFFSET_UNIT * wire::OFFSET_UNIT;

/// What the checks compare with: configuration, as input ports.
pub(super) struct Expected {
    pub link_ok: E,
    pub generation: E,
    pub mac: E,
    pub ip: E,
    pub peer_ip: E,
    pub udp_port: E,
    pub peer_slots: E,
}

/// The headers as they come in.
pub(super) struct Parser {
    m: M,
    data_w: usize,
    /// A beat comes.
    valid: E,
    beat: E,
    /// It is the header's beat of that number.
    pub at: Vec<E>,
    held: std::cell::RefCell<Vec<(Field, Var)>>,
}

impl Parser {
    pub fn new(m: &M, data_w: usize, valid: E, beat: E, at: Vec<E>) -> Self {
        Self { m: *m, data_w, valid, beat, at, held: Default::default() }
    }

    /// The beat in which a field's last byte comes.
    pub fn beat_of(&self, f: &Field) -> usize {
        (f.lsb + f.width - 1) / self.data_w
    }

    /// The field's value in the cycle of its beat.
    fn live(&self, f: &Field) -> E {
        assert_eq!(f.lsb / self.data_w, self.beat_of(f), "{} is in two beats", f.name);
        swap_bytes(self.beat.slice(f.lsb % self.data_w, f.width))
    }

    /// The field's value from the cycle after its last beat, until it comes again. A field in two beats is taken in two
    /// pieces.
    pub fn held(&self, f: &Field) -> E {
        if let Some((_, reg)) = self.held.borrow().iter().find(|(g, _)| g == f) {
            return reg.get();
        }
        let reg = self.m.reg_nr(f.name, f.width);
        for (number, from, beat) in self.pieces(f) {
            let low = f.width - from - beat.width();
            when(self.valid & self.at[number], || reg.set_slice(low, swap_bytes(beat)));
        }
        self.held.borrow_mut().push((*f, reg));
        reg.get()
    }

    /// The parts of the field, beat by beat: number of the beat, bits of the field before the part, the part's bits.
    fn pieces(&self, f: &Field) -> Vec<(usize, usize, E)> {
        let (end, mut at, mut out) = (f.lsb + f.width, f.lsb, Vec::new());
        while at < end {
            let number = at / self.data_w;
            let next = end.min((number + 1) * self.data_w);
            out.push((number, at - f.lsb, self.beat.slice(at % self.data_w, next - at)));
            at = next;
        }
        out
    }

    /// The field's value in the cycle of beat `now`, which is its own or a later one.
    pub fn value(&self, f: &Field, now: usize) -> E {
        if self.beat_of(f) == now { self.live(f) } else { self.held(f) }
    }

    /// Where the field differs from `want`, beat by beat.
    fn differs(&self, f: &Field, want: E) -> Vec<(usize, E)> {
        let want = swap_bytes(want);
        let differs = |(number, from, part): (usize, usize, E)| (number, part.ne(want.slice(from, part.width())));
        self.pieces(f).into_iter().map(differs).collect()
    }
}

/// The outcome of the checks, valid from the cycle after the beat that has the field until the next frame's first beat.
pub(super) struct Checks {
    /// Counters and whether they are called for, in order of precedence; the checksum's has its place among them.
    pub failed: Vec<(Counter, E)>,
    /// Number of the last beat that has something to check.
    pub last_beat: usize,
}

/// Builds all checks on the headers. `sum_right` is from the cycle after the last beat with a part of the IPv4 header.
pub(super) fn header_checks(m: &M, p: &Params, h: &Parser, x: &Expected, sum_right: E) -> Checks {
    let number = |v: u64, f: &Field| lit(v, f.width);
    let mut last_beat = 0;
    let mut flag = |counter: Counter, conditions: Vec<(usize, E)>| {
        last_beat = conditions.iter().map(|(n, _)| *n).fold(last_beat, usize::max);
        let reg = m.reg(format!("is_{}", counter.name()), 1, 0);
        let now: Vec<E> = conditions.iter().map(|(n, c)| h.at[*n] & *c).collect();
        when(h.valid, || reg.set((reg & !h.at[0]) | any_of(&now)));
        (counter, reg.get())
    };

    let mac = h.differs(&wire::ETH_DST, x.mac);
    let ethertype = h.differs(&wire::ETHERTYPE, number(wire::ETHERTYPE_IPV4, &wire::ETHERTYPE));

    let mut ip = h.differs(&wire::IP_VERSION_IHL, number(wire::IPV4_VERSION_IHL, &wire::IP_VERSION_IHL));
    let fragment = h.beat_of(&wire::IP_FRAGMENT);
    ip.push((fragment, (h.value(&wire::IP_FRAGMENT, fragment) & (0xffff ^ wire::IPV4_FLAGS_DF)).any()));
    ip.extend(h.differs(&wire::IP_PROTOCOL, number(wire::IPV4_PROTOCOL_UDP, &wire::IP_PROTOCOL)));
    ip.extend(h.differs(&wire::IP_SRC, x.peer_ip));
    ip.extend(h.differs(&wire::IP_DST, x.ip));

    let mut udp = h.differs(&wire::UDP_DST, x.udp_port);
    let length = h.beat_of(&wire::UDP_LENGTH);
    let total = h.value(&wire::IP_LENGTH, length);
    udp.push((length, h.value(&wire::UDP_LENGTH, length).ne(total - IP_HEADER_BYTES)));
    udp.extend(h.differs(&wire::UDP_CHECKSUM, number(0, &wire::UDP_CHECKSUM)));

    let n = h.beat_of(&wire::VERSION_TYPE);
    let kind = h.value(&wire::VERSION_TYPE, n);
    let known: Vec<E> = FrameType::ALL.iter().map(|(t, ..)| kind.eq(version_type(*t))).collect();

    let n_generation = h.beat_of(&wire::GENERATION);
    let generation = h.value(&wire::GENERATION, n_generation);
    let is = |t: FrameType, n: usize| h.value(&wire::VERSION_TYPE, n).eq(version_type(t));
    let other = mux(is(FrameType::Control, n_generation), generation.any(), !x.link_ok | generation.ne(x.generation));

    let n_slot = h.beat_of(&wire::SLOT);
    let slot = h.value(&wire::SLOT, n_slot);
    let theirs = [
        FrameType::Write,
        FrameType::Request,
        FrameType::WriteZeroes,
        FrameType::RequestZeroes,
        FrameType::Flush,
        FrameType::Commit,
        FrameType::OwnReq,
    ];
    let of_peer = any_of(&theirs.map(|t| is(t, n_slot)));
    let too_big = mux(of_peer, slot.ge(x.peer_slots) | slot.slice(SLOT_W, 16 - SLOT_W).any(), slot.ge(p.slots));
    let slot_bad = !is(FrameType::Control, n_slot) & too_big;

    let n_length = h.beat_of(&wire::LENGTH);
    let length = h.value(&wire::LENGTH, n_length);
    let offset = h.value(&wire::OFFSET, n_length);
    let part =
        |(from, bytes): &(usize, usize)| offset.eq(from / wire::OFFSET_UNIT) & length.eq(bytes / wire::OFFSET_UNIT);
    let parts: Vec<E> = wire::PARTS_JUMBO.iter().chain(wire::PARTS_STANDARD).map(part).collect();
    let is_now = |t: FrameType| is(t, n_length);
    let of_zeroes = is_now(FrameType::WriteZeroes) | is_now(FrameType::RequestZeroes);
    let right = mux(
        is_now(FrameType::Write) | is_now(FrameType::Request),
        any_of(&parts),
        mux(
            of_zeroes,
            part(&(0, wire::ZEROES_BYTES)),
            mux(is_now(FrameType::Control), length.any() & length.le(CONTROL_MAX / wire::OFFSET_UNIT), !length.any()),
        ),
    );
    let same = h.value(&wire::IP_LENGTH, n_length).eq(ip_length(length));

    let failed = vec![
        flag(Counter::rx_bad_mac, mac),
        flag(Counter::rx_bad_ethertype, ethertype),
        flag(Counter::rx_bad_ip, ip),
        (Counter::rx_bad_checksum, !sum_right),
        flag(Counter::rx_bad_udp, udp),
        flag(Counter::rx_bad_type, vec![(n, !any_of(&known))]),
        flag(Counter::rx_bad_generation, vec![(n_generation, other)]),
        flag(Counter::rx_bad_slot, vec![(n_slot, slot_bad)]),
        flag(Counter::rx_bad_length, vec![(n_length, !(right & same))]),
    ];
    Checks { failed, last_beat }
}

impl Checks {
    /// A check has failed.
    pub fn any(&self) -> E {
        let all: Vec<E> = self.failed.iter().map(|(_, bad)| *bad).collect();
        any_of(&all)
    }

    /// The outcome of one check.
    pub fn of(&self, counter: Counter) -> E {
        self.failed.iter().find(|(c, _)| *c == counter).expect("a header check").1
    }
}
