//! The lock table: which blocks are held, by whom, and who waits for them, in order of arrival.
//!
//! Entries hang in lists from the buckets of a hash table, and the queue of an entry runs through one word per waiter.
//! There is an entry for every own slot and one for every slot of the peer, so that neither site's operations can use up
//! the room of the other's.
//!
//! | field | meaning |
//! |---|---|
//! | `excl` | held alone: by an own slot, by a slot of the peer's, or reserved for a turn of the peer's |
//! | `shared` | readers that hold it |
//! | `mirror` | a block of the peer's, whole in its buffer, that goes next: before the queue, after present readers |
//! | `first` | an own write that has left the queue and keeps its place: requested of the owner, or waiting for its extent |
//! | `wants` | `first` may go on and goes next |
//! | `head`, `tail` | queue of own operations, and turns of the peer's |

/// No slot, no entry.
pub const NIL: u16 = u16::MAX;

/// Who holds a block alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Holder {
    /// Nobody.
    None,
    /// An own slot.
    Own(u16),
    /// The operation on record for a slot of the peer.
    Peer(u16),
    /// Reserved for a request that a slot of the peer will repeat.
    Turn(u16),
}

/// One block's entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Entry {
    /// The whole address.
    pub lba: u32,
    chain: u16,
    /// Held alone.
    pub excl: Holder,
    /// Readers that hold it.
    pub shared: u16,
    /// Peer's slot that goes next.
    pub mirror: u16,
    /// Own write that keeps its place.
    pub first: u16,
    /// `first` goes next.
    pub wants: bool,
    head: u16,
    tail: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Node {
    next: u16,
    reader: bool,
}

/// What [`LockTable::grant`] has granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Granted {
    /// The own slot reads.
    Read(u16),
    /// The own slot writes.
    Write(u16),
    /// The own slot that kept its place.
    First(u16),
    /// The peer's block.
    Mirror(u16),
    /// Reserved for the peer's request.
    Turn(u16),
}

/// The table.
#[derive(Clone, Debug, Hash)]
pub struct LockTable {
    buckets: Vec<u16>,
    entries: Vec<Entry>,
    free: Vec<u16>,
    nodes: Vec<Node>,
    slots: u16,
}

impl LockTable {
    /// A table with `room` entries for `slots` own slots and as many of the peer.
    pub fn new(slots: u16, buckets: u16, room: u16) -> Self {
        let empty = Entry {
            lba: 0,
            chain: NIL,
            excl: Holder::None,
            shared: 0,
            mirror: NIL,
            first: NIL,
            wants: false,
            head: NIL,
            tail: NIL,
        };
        LockTable {
            buckets: vec![NIL; buckets as usize],
            entries: vec![empty; room as usize],
            free: (0..room).rev().collect(),
            nodes: vec![Node { next: NIL, reader: false }; 2 * slots as usize],
            slots,
        }
    }

    fn bucket(&self, lba: u32) -> usize {
        (lba ^ lba >> 7) as usize & (self.buckets.len() - 1)
    }

    /// The entry of a block. `by_hash` is a defect: any entry of the bucket will do.
    pub fn find(&self, lba: u32, by_hash: bool) -> Option<u16> {
        let mut e = self.buckets[self.bucket(lba)];
        while e != NIL {
            if by_hash || self.entries[e as usize].lba == lba {
                return Some(e);
            }
            e = self.entries[e as usize].chain;
        }
        None
    }

    /// The entry of a block, made if there is none. None when there is no room.
    pub fn take(&mut self, lba: u32, by_hash: bool) -> Option<u16> {
        if let Some(e) = self.find(lba, by_hash) {
            return Some(e);
        }
        let e = self.free.pop()?;
        let bucket = self.bucket(lba);
        let entry = &mut self.entries[e as usize];
        entry.lba = lba;
        entry.chain = self.buckets[bucket];
        self.buckets[bucket] = e;
        Some(e)
    }

    /// An entry.
    pub fn at(&mut self, e: u16) -> &mut Entry {
        &mut self.entries[e as usize]
    }

    /// An entry, to look at.
    pub fn get(&self, e: u16) -> &Entry {
        &self.entries[e as usize]
    }

    /// Gives the entry back if nobody holds it or waits.
    pub fn drop_if_empty(&mut self, e: u16) {
        let entry = self.entries[e as usize];
        let idle = entry.excl == Holder::None && entry.shared == 0 && entry.mirror == NIL;
        if !idle || entry.first != NIL || entry.head != NIL {
            return;
        }
        let bucket = self.bucket(entry.lba);
        if self.buckets[bucket] == e {
            self.buckets[bucket] = entry.chain;
        } else {
            let mut at = self.buckets[bucket];
            while self.entries[at as usize].chain != e {
                at = self.entries[at as usize].chain;
            }
            self.entries[at as usize].chain = entry.chain;
        }
        let entry = &mut self.entries[e as usize];
        (entry.chain, entry.lba, entry.wants) = (NIL, 0, false);
        self.free.push(e);
    }

    fn push(&mut self, e: u16, id: u16, reader: bool) {
        self.nodes[id as usize] = Node { next: NIL, reader };
        let entry = &mut self.entries[e as usize];
        if entry.tail == NIL {
            entry.head = id;
        } else {
            self.nodes[entry.tail as usize].next = id;
        }
        entry.tail = id;
    }

    /// Puts an own operation at the end of the queue.
    pub fn wait(&mut self, e: u16, slot: u16, reader: bool) {
        self.push(e, slot, reader);
    }

    /// Puts a turn of the peer's at the end of the queue.
    pub fn wait_turn(&mut self, e: u16, slot: u16) {
        self.push(e, self.slots + slot, false);
    }

    /// The peer's slot whose turn is at the head of the queue.
    pub fn turn_at_head(&self, e: u16) -> Option<u16> {
        let head = self.entries[e as usize].head;
        (head != NIL && head >= self.slots).then(|| head - self.slots)
    }

    /// Takes the head off the queue.
    pub fn pop(&mut self, e: u16) {
        let entry = &mut self.entries[e as usize];
        let head = entry.head as usize;
        entry.head = self.nodes[head].next;
        if entry.head == NIL {
            entry.tail = NIL;
        }
        self.nodes[head] = Node { next: NIL, reader: false };
    }

    /// Somebody waits for the present holder to end.
    pub fn somebody_waits(&self, e: u16) -> bool {
        let entry = &self.entries[e as usize];
        entry.head != NIL || entry.mirror != NIL || entry.wants
    }

    /// Nobody holds the block or stands before a newcomer from the wire.
    pub fn open_to_peer(&self, e: u16) -> bool {
        let entry = &self.entries[e as usize];
        let held = entry.excl != Holder::None || entry.shared != 0;
        !held && entry.mirror == NIL && !entry.wants && entry.head == NIL
    }

    /// Readers at the head of the queue, in their order, while there are any. They hold the block when this returns one.
    pub fn reader(&mut self, e: u16) -> Option<u16> {
        let head = self.entries[e as usize].head;
        if head == NIL || !self.nodes[head as usize].reader || self.entries[e as usize].excl != Holder::None {
            return None;
        }
        self.pop(e);
        self.entries[e as usize].shared += 1;
        Some(head)
    }

    /// Grants to the next in order, if it may hold the block now. One table access: call until it returns none. With
    /// `many`, a write need not wait for one that keeps its place (a defect, R8).
    pub fn grant(&mut self, e: u16, many: bool) -> Option<Granted> {
        let entry = &mut self.entries[e as usize];
        if entry.excl != Holder::None {
            return None;
        }
        if entry.mirror != NIL {
            let p = entry.mirror;
            if entry.shared != 0 {
                return None;
            }
            entry.mirror = NIL;
            entry.excl = Holder::Peer(p);
            return Some(Granted::Mirror(p));
        }
        if entry.wants {
            if entry.shared != 0 {
                return None;
            }
            entry.wants = false;
            entry.excl = Holder::Own(entry.first);
            return Some(Granted::First(entry.first));
        }
        let head = entry.head;
        if head == NIL {
            return None;
        }
        if self.nodes[head as usize].reader {
            return self.reader(e).map(Granted::Read);
        }
        if entry.shared != 0 {
            return None;
        }
        let granted = if head < self.slots {
            if entry.first != NIL && !many {
                return None;
            }
            entry.excl = Holder::Own(head);
            Granted::Write(head)
        } else {
            entry.excl = Holder::Turn(head - self.slots);
            Granted::Turn(head - self.slots)
        };
        self.pop(e);
        Some(granted)
    }
}
