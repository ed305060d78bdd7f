//! The link between the cards, as it is watched and hit.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dyad_model::outcomes::Fault;
use dyad_model::protocol::Kind;
use dyad_sim::{Site, Verdict};
use dyad_spec::wire::trailer::Trailer;
use dyad_spec::wire::{HEADER_BYTES, Header, OFFSET_UNIT, TRAILER_BYTES};
use dyad_spec::{BLOCK_BYTES, FrameType};

use super::shape::Strike;
use crate::system::Pair;

/// What each direction has carried in this round, and the fault that is planned.
#[derive(Default)]
struct Tape {
    sent: [Vec<Kind>; 2],
    strike: Option<Strike>,
    struck: u64,
    frames: u64,
}

/// The link's observer.
pub struct Link(Arc<Mutex<Tape>>);

fn lock(tape: &Mutex<Tape>) -> MutexGuard<'_, Tape> {
    tape.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Type of a frame in the model's words; none for what the model does not have.
fn kind_of(header: &Header) -> Option<Kind> {
    const KINDS: [(FrameType, Kind); 12] = [
        (FrameType::Write, Kind::Write),
        (FrameType::Request, Kind::Request),
        (FrameType::Flush, Kind::Flush),
        (FrameType::Ack, Kind::Ack),
        (FrameType::Busy, Kind::Busy),
        (FrameType::NotOwner, Kind::NotOwner),
        (FrameType::Refused, Kind::Refused),
        (FrameType::Commit, Kind::Commit),
        (FrameType::AskCommit, Kind::Ask),
        (FrameType::OwnReq, Kind::OwnReq),
        (FrameType::Grant, Kind::Grant),
        (FrameType::Taken, Kind::Taken),
    ];
    let code = header.version_type() as u8 & 0xf;
    KINDS.iter().find(|(of_card, _)| of_card.code() as u8 == code).map(|(_, kind)| *kind)
}

fn header_of(bytes: &[u8]) -> Option<Header> {
    bytes.first_chunk::<HEADER_BYTES>().map(|bytes| Header(*bytes))
}

impl Tape {
    /// Notes a frame that its sender has ended well: of a block in parts, the last part; TAKEN not at all.
    fn note(&mut self, site: usize, bytes: &[u8]) {
        let Some(header) = header_of(bytes) else { return };
        let Some(kind) = kind_of(&header) else { return };
        if let Some(trailer) = bytes.last_chunk::<TRAILER_BYTES>()
            && Trailer(*trailer).commit() != 0
        {
            self.sent[site].push(Kind::Commit);
        }
        let end = (header.offset() + header.length()) as usize * OFFSET_UNIT;
        let part = matches!(kind, Kind::Write | Kind::Request) && end < BLOCK_BYTES;
        if kind != Kind::Taken && !part {
            self.sent[site].push(kind);
        }
    }

    /// What becomes of a frame.
    fn judge(&mut self, site: usize, bytes: &[u8]) -> Verdict {
        let kind = header_of(bytes).as_ref().and_then(kind_of);
        let Some(strike) = &mut self.strike else { return Verdict::Pass };
        if usize::from(strike.hit.from) != site || kind != Some(strike.hit.kind) {
            return Verdict::Pass;
        }
        if strike.skip > 0 {
            strike.skip -= 1;
            return Verdict::Pass;
        }
        let (fault, late) = (strike.hit.fault, u64::from(strike.late));
        self.strike = None;
        self.struck += 1;
        match fault {
            Fault::Loss => Verdict::Drop,
            Fault::Copy => Verdict::Duplicate(late),
            Fault::Late => Verdict::Delay(late),
        }
    }
}

impl Link {
    /// Watches the link of `pair` from now on.
    pub fn observe(pair: &Pair) -> Self {
        let tape = Arc::new(Mutex::new(Tape::default()));
        for (index, site) in [Site::A, Site::B].into_iter().enumerate() {
            let tape = Arc::clone(&tape);
            let note = Box::new(move |seen: &dyad_sim::link::Seen| {
                let mut tape = lock(&tape);
                tape.frames += 1;
                if !seen.bad {
                    tape.note(index, seen.bytes);
                }
            });
            pair.bench.world_mut().wire_mut(site).monitor(note);
        }
        Self(tape)
    }

    /// A round begins.
    pub fn begin(&self, pair: &Pair, strike: Option<&Strike>) {
        let mut tape = lock(&self.0);
        (tape.sent, tape.strike) = (Default::default(), strike.copied());
        let Some(strike) = strike else { return };
        let index = usize::from(strike.hit.from);
        let tape = Arc::clone(&self.0);
        let tap = Box::new(move |_, bytes: &mut Vec<u8>, _: &mut bool| lock(&tape).judge(index, bytes));
        pair.bench.world_mut().wire_mut([Site::A, Site::B][index]).set_tap(Some(tap));
    }

    /// A round has ended: what each site has sent in it.
    pub fn end(&self, pair: &Pair) -> [Vec<Kind>; 2] {
        for site in [Site::A, Site::B] {
            pair.bench.world_mut().wire_mut(site).set_tap(None);
        }
        let mut tape = lock(&self.0);
        tape.strike = None;
        std::mem::take(&mut tape.sent)
    }

    /// Frames that have been sent so far.
    pub fn frames(&self) -> u64 {
        lock(&self.0).frames
    }

    /// Frames that faults have hit so far.
    pub fn struck(&self) -> u64 {
        lock(&self.0).struck
    }
}
