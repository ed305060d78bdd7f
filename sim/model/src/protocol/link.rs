//! Link-down and link-up (R13).
//!
//! Slots and records outlive a link-down: what is unresolved is sent again in the next generation with the same slot and
//! sequence, and answered from the record if it was admitted before. Numbers start again only at a link-up at
//! which both sites are settled; the new generation keeps frames with the old numbers out.

use super::io::Io;
use super::site::{Phase, Record, Site};
use super::{Map, Mutation};

/// What a site tells the other while the link is down.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Hello {
    /// Link generation in which it last was up.
    pub generation: u16,
    /// Link generation in which its numbers began.
    pub era: u16,
    /// Nothing is under way or held there.
    pub settled: bool,
    /// Some of its slots have no sequence numbers left.
    pub spent: bool,
    /// Its directory.
    pub map: Map,
}

/// What both have to do to bring the link up.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Agreement {
    /// The new link generation.
    pub generation: u16,
    /// Link generation in which the numbers of both begin, from now on.
    pub era: u16,
    /// The directory.
    pub map: Map,
}

impl Agreement {
    /// Compares two sites. Numbers are renewed when they must be and both are settled. A site that had renewed its
    /// numbers and went down before the other had, brings the other to do the same now: that one has been down since, and
    /// is still settled.
    pub fn of(a: &Hello, b: &Hello) -> Agreement {
        let generation = a.generation.max(b.generation) + 1;
        let map = match a.era.cmp(&b.era) {
            std::cmp::Ordering::Less => b.map.clone(),
            std::cmp::Ordering::Greater => a.map.clone(),
            std::cmp::Ordering::Equal if a.settled && b.settled && (a.spent || b.spent) => {
                return Agreement { generation, era: generation, map: Map::later(&a.map, &b.map).renewed() };
            }
            std::cmp::Ordering::Equal => Map::later(&a.map, &b.map),
        };
        Agreement { generation, era: a.era.max(b.era), map }
    }
}

impl Site {
    /// The link is down, or fenced: no frame is taken or sent. Unfinished buffers are freed.
    pub fn link_down(&mut self) {
        self.up = false;
        for at in 0..self.bufs.len() as u16 {
            if !self.bufs[at as usize].taken {
                self.free_buf(at);
            }
        }
    }

    /// What the other site must know to bring the link up.
    pub fn hello(&self) -> Hello {
        Hello {
            generation: self.link,
            era: self.era,
            settled: self.settled(),
            spent: self.spent() > 0,
            map: self.dir.map(),
        }
    }

    /// The link is up, as agreed while it was down at both sites.
    ///
    /// # Panics
    /// When numbers are to be renewed and this site is not settled.
    pub fn link_up(&mut self, agreed: &Agreement, io: &mut Io) {
        (self.link, self.up, self.wake, self.settling) = (agreed.generation, true, true, false);
        self.dir.set(&agreed.map);
        let forget = self.is(Mutation::ForgetAtLinkUp);
        for slot in &mut self.slots {
            if !matches!(slot.phase, Phase::Free | Phase::Spent | Phase::Complete) {
                (slot.due, slot.tries) = (if forget { u64::MAX } else { io.now }, 0);
            }
        }
        if self.era != agreed.era {
            self.era = agreed.era;
            self.renew();
        }
    }

    fn renew(&mut self) {
        assert!(self.settled(), "numbers are renewed at rest");
        self.free.clear();
        for (s, slot) in self.slots.iter_mut().enumerate() {
            (slot.seq, slot.phase) = (0, Phase::Free);
            self.free.push_back(s as u16);
        }
        self.records.fill(Record::NEW);
        self.dir.lun.taken = 0;
    }
}
