//! Two drivers bring a link up over a channel that loses, doubles, delays and reorders, and refuse each other by name.

use std::collections::BTreeMap;
use std::time::Duration;

use dyad_driver::handshake::{
    Action, Agreement, Body, Handshake, LunOffer, Message, Mismatch, MismatchField, Mode, Offer, Timing, agree,
};
use dyad_driver::lun::NotEqual;
use dyad_driver::mailbox::Received;
use dyad_driver::{Error, Mtu};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

const MS: u64 = 1_000_000;
const TIMING: Timing =
    Timing { resend: Duration::from_millis(20), linger: Duration::from_millis(400), deadline: Duration::from_secs(10) };

fn lun(number: u8) -> LunOffer {
    LunOffer {
        lun: number,
        blocks: 1000,
        extent_shift: 2,
        owner: 0,
        generation: 3,
        uuid: 99 + u128::from(number),
        synced: true,
    }
}

fn offer(site: u8) -> Offer {
    Offer {
        spec_version: dyad_spec::SPEC_VERSION,
        site,
        pair: 0xfeed,
        generation: 8,
        slots: 4096,
        store_rate_mb_s: 1000,
        mtu: Mtu::Jumbo,
        mode: Mode::Serve,
        extents: 1 << 16,
        last_generation: 7,
        clean: true,
        resumes: false,
        luns: vec![lun(1), lun(4)],
    }
}

/// What the channel does to messages.
#[derive(Clone, Copy)]
struct Channel {
    loss: f64,
    doubling: f64,
    /// Longest delay; each message has one of its own, so they overtake each other.
    delay_ns: u64,
    /// Payload bytes of the largest frame that gets through, each way.
    mtu: [usize; 2],
}

const GOOD: Channel = Channel { loss: 0.0, doubling: 0.0, delay_ns: MS, mtu: [9000; 2] };

/// How a side ended.
#[derive(Debug)]
enum End {
    Up(Box<Agreement>),
    Failed(Error),
}

struct Net {
    rng: ChaCha8Rng,
    channel: Channel,
    now: u64,
    /// By time of arrival, and a number that keeps the rest apart: to whom, and what.
    flying: BTreeMap<(u64, u64), (usize, Received)>,
    sent: u64,
    marks: [u32; 2],
    /// A side that is up hears and says nothing more: its program has other things to do.
    leaves: bool,
    /// A frame that is too large is cut, not dropped.
    cuts: bool,
}

impl Net {
    fn new(seed: u64, channel: Channel) -> Self {
        let rng = ChaCha8Rng::seed_from_u64(seed);
        Self { rng, channel, now: 0, flying: BTreeMap::new(), sent: 0, marks: [0; 2], leaves: false, cuts: false }
    }

    fn send(&mut self, to: usize, mut received: Received) {
        self.sent += 1;
        if self.cuts {
            received.frame_bytes = received.frame_bytes.min(self.channel.mtu[to]);
        }
        let copies = 1 + usize::from(self.rng.random_bool(self.channel.doubling));
        for copy in 0..copies {
            if self.rng.random_bool(self.channel.loss) || received.frame_bytes > self.channel.mtu[to] {
                continue;
            }
            let at = self.now + self.rng.random_range(1..=self.channel.delay_ns);
            self.flying.insert((at, self.sent * 2 + copy as u64), (to, received.clone()));
        }
    }

    /// Does what a side wants done now. Returns when it wants to be asked again, or how it ended.
    fn serve(&mut self, who: usize, side: &mut Handshake) -> Result<u64, End> {
        for _ in 0..100 {
            match side.poll(self.now) {
                Action::Send(out) => {
                    let received = Received { message: out.message, frame_bytes: out.frame_bytes };
                    self.send(1 - who, received);
                }
                Action::Mark => {
                    self.marks[who] += 1;
                    side.marked(self.now);
                }
                Action::Wait(until) => return Ok(until),
                Action::Up => return Err(End::Up(Box::new(side.agreement().unwrap().clone()))),
                Action::Failed(error) => return Err(End::Failed(error)),
            }
        }
        panic!("a side that is never content");
    }

    /// Runs until both sides have ended, or a minute has passed. `disturb` may replace a side.
    fn run(
        &mut self,
        sides: [&mut Handshake; 2],
        mut disturb: impl FnMut(&mut Net, &mut Handshake),
    ) -> [Option<End>; 2] {
        let mut ends = [None, None];
        let [a, b] = sides;
        while ends.iter().any(Option::is_none) && self.now < 60_000 * MS {
            let mut next = 60_000 * MS;
            disturb(self, b);
            for (who, side) in [&mut *a, &mut *b].into_iter().enumerate() {
                if self.leaves && ends[who].is_some() {
                    continue;
                }
                match self.serve(who, side) {
                    Ok(until) => next = next.min(until.max(self.now + 1)),
                    Err(end) => {
                        assert!(ends[who].is_none(), "it ended twice");
                        // It may still have something to say.
                        next = self.now + 1;
                        ends[who] = Some(end);
                    }
                }
            }
            if let Some((at, _)) = self.flying.keys().next() {
                next = next.min(*at);
            }
            self.now = next;
            while let Some(entry) = self.flying.first_entry().filter(|e| e.key().0 <= self.now) {
                let (to, received) = entry.remove();
                if !self.leaves || ends[to].is_none() {
                    [&mut *a, &mut *b][to].handle(&received, self.now);
                }
            }
        }
        ends
    }
}

fn pair(ours: Offer, theirs: Offer) -> (Handshake, Handshake) {
    let new = |offer, nonce| Handshake::new(offer, nonce, TIMING, 0).unwrap();
    (new(ours, 0xa), new(theirs, 0xb))
}

fn link_up(seed: u64, channel: Channel, ours: Offer, theirs: Offer) -> ([Option<End>; 2], Net) {
    let (mut a, mut b) = pair(ours, theirs);
    let mut net = Net::new(seed, channel);
    let ends = net.run([&mut a, &mut b], |_, _| ());
    (ends, net)
}

#[test]
fn a_good_channel_takes_few_messages_and_round_trips() {
    for seed in 0..100 {
        let mut theirs = offer(1);
        theirs.generation = 12;
        theirs.slots = 512;
        let (mut a, mut b) = pair(offer(0), theirs);
        let mut net = Net { leaves: seed % 2 == 0, ..Net::new(seed, GOOD) };
        let ends = net.run([&mut a, &mut b], |_, _| ());
        let [Some(End::Up(a)), Some(End::Up(b))] = ends else { panic!("{ends:?}") };
        assert_eq!((a.generation, b.generation), (12, 12));
        assert_eq!((a.slots, b.slots), (512, 512));
        assert_eq!((a.peer.site, b.peer.site), (1, 0));
        assert_eq!(a.luns, b.luns);
        assert_eq!(net.marks, [1, 1]);
        assert!(net.sent <= 20, "seed {seed}: {} messages", net.sent);
        // Nothing was lost, so nothing waited for a time-out.
        assert!(net.now <= 19 * MS, "seed {seed}: {} ns", net.now);
    }
}

#[test]
fn a_side_whose_peer_has_left_comes_up_as_well() {
    for seed in 0..400 {
        let channel = Channel { loss: 0.3, doubling: 0.2, delay_ns: 10 * MS, mtu: [9000; 2] };
        let (mut a, mut b) = pair(offer(0), offer(1));
        let mut net = Net { leaves: true, ..Net::new(seed, channel) };
        let ends = net.run([&mut a, &mut b], |_, _| ());
        assert!(matches!(ends, [Some(End::Up(_)), Some(End::Up(_))]), "seed {seed}: {ends:?}");
    }
}

#[test]
fn every_lossy_channel_ends_up_with_one_agreement() {
    for seed in 0..400 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed ^ 0x5eed);
        let channel = Channel {
            loss: rng.random_range(0.0..0.5),
            doubling: rng.random_range(0.0..0.5),
            delay_ns: rng.random_range(1..40 * MS),
            mtu: [9000; 2],
        };
        let (ends, net) = link_up(seed, channel, offer(0), offer(1));
        let [Some(End::Up(a)), Some(End::Up(b))] = ends else { panic!("seed {seed}: {ends:?}") };
        assert_eq!((a.generation, &a.luns, a.slots), (b.generation, &b.luns, b.slots), "seed {seed}");
        assert_eq!(net.marks, [1, 1], "seed {seed}: a store is marked once");
    }
}

#[test]
fn nobody_is_up_before_both_stores_are_marked() {
    for seed in 0..100 {
        let channel = Channel { loss: 0.4, doubling: 0.3, delay_ns: 30 * MS, mtu: [9000; 2] };
        let (mut a, mut b) = pair(offer(0), offer(1));
        let mut net = Net::new(seed, channel);
        let mut up = false;
        while !up && net.now < 60_000 * MS {
            for (who, side) in [&mut a, &mut b].into_iter().enumerate() {
                if let Err(End::Up(_)) = net.serve(who, side) {
                    assert_eq!(net.marks, [1, 1], "seed {seed}");
                    up = true;
                }
            }
            net.now += MS;
            while let Some(entry) = net.flying.first_entry().filter(|e| e.key().0 <= net.now) {
                let (to, received) = entry.remove();
                [&mut a, &mut b][to].handle(&received, net.now);
            }
        }
        assert!(up, "seed {seed}");
    }
}

fn mismatch_of(end: Option<End>) -> Mismatch {
    match end {
        Some(End::Failed(Error::Mismatch(mismatch))) => *mismatch,
        other => panic!("{other:?}"),
    }
}

type Change = fn(&mut Offer);

/// Each field, and a peer that differs in it.
const DIFFERENCES: &[(MismatchField, Change)] = &[
    (MismatchField::Contract, |o| o.spec_version += 0x1_0000),
    (MismatchField::Pair, |o| o.pair += 1),
    (MismatchField::Site, |o| o.site = 0),
    (MismatchField::Mtu, |o| o.mtu = Mtu::Standard),
    (MismatchField::Mode, |o| o.mode = Mode::SyncFrom(1)),
    (MismatchField::Lun, |o| o.luns.truncate(1)),
    (MismatchField::LunBlocks, |o| o.luns[1].blocks = 1),
    (MismatchField::LunExtentShift, |o| o.luns[1].extent_shift = 3),
    (MismatchField::LunOwner, |o| o.luns[1].owner = 1),
    (MismatchField::LunGeneration, |o| o.luns[1].generation = 4),
    (MismatchField::LunIdentity, |o| o.luns[1].uuid = 1),
];

#[test]
fn every_mismatch_is_named_at_both_ends() {
    for (field, change) in DIFFERENCES {
        for seed in 0..30 {
            let mut theirs = offer(1);
            change(&mut theirs);
            let channel = Channel { loss: 0.3, doubling: 0.3, delay_ns: 30 * MS, mtu: [9000; 2] };
            let ([a, b], net) = link_up(seed, channel, offer(0), theirs);
            let (a, b) = (mismatch_of(a), mismatch_of(b));
            assert_eq!((a.field, b.field), (*field, *field), "seed {seed}");
            assert_eq!((&a.ours, &a.theirs, a.lun), (&b.theirs, &b.ours, b.lun), "seed {seed}");
            assert_ne!((*field != MismatchField::Site).then_some(&a.ours), Some(&a.theirs));
            assert_eq!(net.marks, [0, 0], "a refused link leaves the stores alone");
            let text = Error::Mismatch(Box::new(a)).to_string();
            assert!(text.contains(field.name()) && text.contains("; "), "{text}");
        }
    }
    let tested: Vec<_> = DIFFERENCES.iter().map(|d| d.0).chain([MismatchField::Protocol]).collect();
    assert!(MismatchField::ALL.iter().all(|f| tested.contains(f)), "a field has no test");
}

#[test]
fn drivers_of_different_protocols_refuse_each_other() {
    let (mut a, _) = pair(offer(0), offer(1));
    let mut alien = Message { from: 5, to: 0, round: 0, seen: false, wants: true, body: Body::Probe }.encode();
    // Another version, and the checksum that goes with it.
    alien[4..6].copy_from_slice(&1u16.to_le_bytes());
    alien[8..12].fill(0);
    let crc = dyad_spec::wire::crc32c(&alien);
    alien[8..12].copy_from_slice(&crc.to_le_bytes());
    a.handle(&Received { message: alien, frame_bytes: 256 }, 0);
    let mut net = Net::new(0, GOOD);
    let mut hellos = 0;
    let end = loop {
        match net.serve(0, &mut a) {
            Ok(until) => net.now = until,
            Err(end) => break end,
        }
        hellos += 1;
        assert!(net.now < 2000 * MS);
    };
    let mismatch = mismatch_of(Some(end));
    assert_eq!((mismatch.field, mismatch.ours.as_str(), mismatch.theirs.as_str()), (MismatchField::Protocol, "2", "1"));
    assert!(hellos > 3, "the other side must hear of it, too");
}

#[test]
fn a_path_that_is_too_narrow_is_named() {
    for (mtu, words) in
        [([1500; 2], ["no frame of full size comes from it"; 2]), ([9000, 1500], ["from here", "comes from it"])]
    {
        let (ends, net) = link_up(1, Channel { mtu, ..GOOD }, offer(0), offer(1));
        for (end, words) in ends.iter().zip(words) {
            let Some(End::Failed(error)) = end else { panic!("{end:?}") };
            let text = error.to_string();
            assert!(text.contains(words) && text.contains("MTU"), "{text}");
        }
        assert_eq!(net.marks, [0, 0]);
    }
}

#[test]
fn a_probe_that_comes_in_a_smaller_frame_does_not_count() {
    let (mut a, mut b) = pair(offer(0), offer(1));
    let mut net = Net { cuts: true, ..Net::new(1, Channel { mtu: [1408; 2], ..GOOD }) };
    for end in net.run([&mut a, &mut b], |_, _| ()) {
        let Some(End::Failed(error)) = end else { panic!("{end:?}") };
        assert!(error.to_string().contains("no frame of full size"), "{error}");
    }
}

#[test]
fn a_standard_link_is_probed_at_its_own_size() {
    let standard = |site| Offer { mtu: Mtu::Standard, ..offer(site) };
    let (ends, _) = link_up(1, Channel { mtu: [1408; 2], ..GOOD }, standard(0), standard(1));
    assert!(matches!(ends, [Some(End::Up(_)), Some(End::Up(_))]), "{ends:?}");
}

#[test]
fn silence_has_an_end() {
    let (ends, net) = link_up(1, Channel { loss: 1.0, ..GOOD }, offer(0), offer(1));
    for end in ends {
        let Some(End::Failed(error @ Error::Peer { .. })) = end else { panic!("{end:?}") };
        assert!(error.to_string().contains("did not answer"), "{error}");
    }
    assert!(net.now < 11_000 * MS);
}

#[test]
fn a_side_that_starts_anew_is_followed() {
    for seed in 0..200 {
        let channel = Channel { loss: 0.2, doubling: 0.2, delay_ns: 10 * MS, mtu: [9000; 2] };
        let (mut a, mut b) = pair(offer(0), offer(1));
        let mut net = Net::new(seed, channel);
        let restart = net.rng.random_range(0..60) * MS;
        let mut restarted = false;
        let ends = net.run([&mut a, &mut b], |net, b| {
            // Only before it is up: then it would be another matter.
            if !restarted && net.now >= restart && net.marks[1] == 0 {
                *b = Handshake::new(offer(1), 0xbb, TIMING, net.now).unwrap();
                restarted = true;
            }
        });
        let [Some(End::Up(a)), Some(End::Up(b))] = ends else { panic!("seed {seed}: {ends:?}") };
        assert_eq!(a.generation, b.generation, "seed {seed}");
    }
}

#[test]
fn messages_of_an_earlier_session_change_nothing() {
    for seed in 0..100 {
        // Record a session, then replay all of it into another.
        let (mut a, mut b) = (
            Handshake::new(offer(0), 0x1a, TIMING, 0).unwrap(),
            Handshake::new(Offer { slots: 1, ..offer(1) }, 0x1b, TIMING, 0).unwrap(),
        );
        let mut old = Net::new(seed, Channel { delay_ns: 5 * MS, ..GOOD });
        let mut recorded = Vec::new();
        old.run([&mut a, &mut b], |net, _| recorded.extend(net.flying.values().cloned()));
        let (mut a, mut b) = pair(offer(0), offer(1));
        let mut net = Net::new(seed, Channel { delay_ns: 5 * MS, ..GOOD });
        for (to, received) in recorded {
            net.send(to, received);
        }
        let ends = net.run([&mut a, &mut b], |_, _| ());
        let [Some(End::Up(a)), Some(End::Up(b))] = ends else { panic!("seed {seed}: {ends:?}") };
        assert_eq!((a.slots, b.slots), (4096, 4096), "seed {seed}: agreed with the past");
    }
}

#[test]
fn noise_changes_nothing() {
    let (mut a, mut b) = pair(offer(0), offer(1));
    let mut net = Net::new(3, GOOD);
    for _ in 0..500 {
        let mut message = [0; 256];
        net.rng.fill(&mut message[..]);
        net.send(0, Received { message, frame_bytes: 4096 });
    }
    let ends = net.run([&mut a, &mut b], |_, _| ());
    assert!(matches!(ends, [Some(End::Up(_)), Some(End::Up(_))]), "{ends:?}");
}

#[test]
fn the_last_generation_is_refused() {
    let last = Offer { generation: 0, ..offer(0) };
    assert!(matches!(Handshake::new(last, 1, TIMING, 0), Err(Error::GenerationsUsedUp)));
}

/// Changes both offers, and says what becomes of LUN 1.
fn equal(change: impl Fn(&mut Offer, &mut Offer)) -> Result<(), NotEqual> {
    let (mut a, mut b) = (offer(0), offer(1));
    change(&mut a, &mut b);
    let (ours, theirs) = (agree(&a, &b).unwrap(), agree(&b, &a).unwrap());
    assert_eq!(ours.luns[0].equal.is_ok(), theirs.luns[0].equal.is_ok(), "both sides come to the same");
    ours.luns[0].equal
}

#[test]
fn a_lun_is_equal_only_when_that_is_known() {
    let new = |o: &mut Offer| (o.luns[0].generation, o.luns[0].synced) = (0, false);
    let open = |o: &mut Offer| o.clean = false;
    // Left open, and the card still holds what is unresolved.
    let left = |o: &mut Offer| (o.clean, o.resumes) = (false, true);
    let apart = Err(NotEqual::ClosedApart { ours: 6, theirs: 7 });
    assert_eq!(equal(|_, _| ()), Ok(()));
    assert_eq!(equal(|a, b| both(new, a, b)), Ok(()));
    assert_eq!(equal(|a, b| (both(new, a, b), both(open, a, b)).0), Ok(()));
    assert_eq!(equal(|_, b| new(b)), Err(NotEqual::OneIsNew { site: 1 }));
    assert_eq!(equal(|a, _| a.luns[0].synced = false), Err(NotEqual::NotSynced { site: 0 }));
    assert_eq!(equal(|_, b| open(b)), Err(NotEqual::NotClosed { site: 1 }));
    assert_eq!(equal(|a, _| a.last_generation = 6), apart);
    assert_eq!(equal(|a, b| both(left, a, b)), Ok(()));
    assert_eq!(equal(|a, b| (left(a), open(b)).0), Err(NotEqual::NotClosed { site: 0 }));
    assert_eq!(equal(|a, b| (both(left, a, b), a.last_generation = 6).0), apart);
}

fn both(change: impl Fn(&mut Offer), a: &mut Offer, b: &mut Offer) {
    change(a);
    change(b);
}
