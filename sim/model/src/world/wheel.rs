//! Events in order of time, and of arrival within one time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

const SPOKES: usize = 1024;

/// A wheel for events that are near, a heap for the others.
pub struct Wheel<E> {
    spokes: Vec<Vec<E>>,
    /// Next event in the spoke of `now`.
    at: usize,
    now: u64,
    near: usize,
    far: BinaryHeap<Reverse<(u64, u64)>>,
    far_events: std::collections::HashMap<u64, E>,
    count: u64,
}

impl<E: Copy> Wheel<E> {
    /// An empty wheel at time 0.
    pub fn new() -> Self {
        Wheel {
            spokes: (0..SPOKES).map(|_| Vec::new()).collect(),
            at: 0,
            now: 0,
            near: 0,
            far: BinaryHeap::new(),
            far_events: std::collections::HashMap::new(),
            count: 0,
        }
    }

    /// Puts an event at a time that is not past.
    pub fn put(&mut self, time: u64, event: E) {
        debug_assert!(time >= self.now);
        if time < self.now + SPOKES as u64 {
            self.spokes[time as usize % SPOKES].push(event);
            self.near += 1;
        } else {
            self.far.push(Reverse((time, self.count)));
            self.far_events.insert(self.count, event);
            self.count += 1;
        }
    }

    /// The next event and its time.
    pub fn next(&mut self) -> Option<(u64, E)> {
        loop {
            let spoke = &mut self.spokes[self.now as usize % SPOKES];
            if let Some(event) = spoke.get(self.at) {
                self.at += 1;
                self.near -= 1;
                return Some((self.now, *event));
            }
            spoke.clear();
            self.at = 0;
            let next_far = self.far.peek().map(|Reverse((time, _))| *time);
            if self.near == 0 {
                self.now = next_far?;
            } else {
                self.now += 1;
            }
            while let Some(Reverse((time, n))) = self.far.peek().copied() {
                if time >= self.now + SPOKES as u64 {
                    break;
                }
                self.far.pop();
                let event = self.far_events.remove(&n).expect("put there");
                self.spokes[time as usize % SPOKES].push(event);
                self.near += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_in_order() {
        let mut wheel = Wheel::new();
        let times = [5u64, 3, 5000, 3, 1023, 1024, 70_000, 5001];
        for (n, t) in times.iter().enumerate() {
            wheel.put(*t, n);
        }
        let mut out = Vec::new();
        while let Some((t, n)) = wheel.next() {
            assert_eq!(times[n], t);
            out.push((t, n));
        }
        assert_eq!(out.len(), times.len());
        assert!(out.windows(2).all(|w| w[0] < w[1]), "{out:?}");
    }
}
