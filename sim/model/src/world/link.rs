//! The link of the simulated world: delay, faults, cuts, link-up.

use super::{DELAY, Event, World};
use crate::protocol::{Agreement, Frame, Io, SiteId};
use rand::Rng;

/// State of the link.
#[derive(Debug, Default)]
pub struct Link {
    /// Cuts so far: frames of before are lost.
    pub cuts: u64,
    /// Sent, lost, doubled, corrupted.
    pub counts: [u64; 4],
    /// Link-ups.
    pub ups: u64,
    /// Of which with new numbers.
    pub renewals: u64,
    /// Store accesses under way, at both sites.
    pub stores_busy: u64,
    agreed: Option<Agreement>,
    /// Frames that the network may still bring long after.
    kept: Vec<(SiteId, Frame)>,
}

/// Frames that are kept.
const KEPT: usize = 64;

impl World {
    pub(super) fn send(&mut self, to: SiteId, frame: Frame) {
        let f = &self.faults;
        self.link.counts[0] += 1;
        if f.cut > 0 && self.rng.random_bool(0.1) {
            if self.link.kept.len() == KEPT {
                let at = self.rng.random_range(0..KEPT);
                self.link.kept.swap_remove(at);
            }
            self.link.kept.push((to, frame));
        }
        let mut copies = 1;
        if self.rng.random_bool(f.loss) {
            self.link.counts[1] += 1;
            copies = 0;
        } else if self.rng.random_bool(f.double) {
            self.link.counts[2] += 1;
            copies = 2;
        } else if self.rng.random_bool(f.corrupt) {
            self.link.counts[3] += 1;
            copies = 0;
        }
        for _ in 0..copies {
            let late = self.rng.random_bool(self.faults.delay);
            let extra = if late { self.rng.random_range(0..16 * DELAY) } else { self.rng.random_range(0..4) };
            self.after(DELAY + extra, Event::Frame(to, self.link.cuts, frame));
        }
    }

    pub(super) fn plan_cut(&mut self) {
        if self.faults.cut > 0 {
            let delay = self.rng.random_range(1..2 * self.faults.cut);
            self.after(delay, Event::Cut);
        }
    }

    /// The link fails, at both sites; it comes up at one, and a little later at the other. Frames of before a cut may
    /// still arrive: the sites must know them by their generation.
    pub(super) fn cut(&mut self) {
        if self.sites.iter().any(|s| !s.is_up()) && self.link.agreed.is_some() {
            return;
        }
        let planned = self.sites.iter().all(|s| !s.is_up());
        self.sites.iter_mut().for_each(|s| s.link_down());
        if planned {
            return;
        }
        self.link.cuts += 1;
        let first = self.rng.random_range(0..2u8);
        let wait = self.rng.random_range(10..20 * DELAY);
        let more = self.rng.random_range(1..5 * DELAY);
        self.after(wait, Event::Up(first));
        self.after(wait + more, Event::Up(1 - first));
    }

    pub(super) fn up(&mut self, site: SiteId, io: &mut Io) {
        let second = self.link.agreed.is_some();
        let agreed = self.link.agreed.take().unwrap_or_else(|| {
            let [a, b] = [self.sites[0].hello(), self.sites[1].hello()];
            let agreed = Agreement::of(&a, &b);
            self.link.ups += 1;
            self.link.renewals += u64::from(agreed.era != a.era);
            agreed
        });
        self.sites[site as usize].link_up(&agreed, io);
        if second {
            for (to, frame) in std::mem::take(&mut self.link.kept) {
                let delay = self.rng.random_range(0..5 * DELAY);
                self.after(delay, Event::Frame(to, self.link.cuts, frame));
            }
        } else {
            self.link.agreed = Some(agreed);
        }
        self.retry(site, io);
    }

    /// Numbers have run out: the hosts pause until both sites are settled, and the link goes down and up.
    pub(super) fn maybe_renew(&mut self, site: SiteId) {
        if site != 0 {
            return;
        }
        let spent = self.sites.iter().any(|s| s.spent() > 0);
        self.clients.paused = spent;
        if spent && self.sites.iter().all(|s| s.is_up()) {
            self.sites.iter_mut().for_each(|s| s.settle());
        }
        let quiet = self.sites.iter().all(|s| s.is_up() && s.settled()) && self.link.stores_busy == 0;
        if spent && quiet {
            self.cut();
        } else if !spent {
            for site in 0..2 {
                self.wake_clients(site);
            }
        }
    }
}
