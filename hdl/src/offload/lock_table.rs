//! `lock_table`: which blocks are held, by how many, and who waits for them.
//!
//! ```text
//!                 +------------------------------------------+
//!   s_acquire --->|  hash -> bucket -> entry -> entry -> ..  |---> m_grant
//!   s_release --->|                      |                   |---> m_nack
//!                 |               head, tail of a queue      |---> empty, busy, init_done
//!                 +------------------------------------------+
//! ```
//!
//! **Theory.** A block that is held has an entry: its whole address, how many hold it, whether alone, and head and tail of
//! the queue of those that wait. Entries hang in lists from the buckets of a hash table with twice as many buckets as there
//! are slots, so that a list has half an entry on average. The queue runs through a RAM with one word per holder, since
//! a holder waits for one block at most.
//!
//! There is an entry for every block that can be held: one for each slot, one for each of the peer's slots, whose blocks stay
//! held until the peer has committed them (`pending`), and one for each mirror buffer. So the table is never full, nobody
//! waits but for the block itself, and no site's own writes can use up the room of the other's: `ev_lock_set_full` stays 0.
//! (A set-associative table of the same size was weighed and left: with 3000 random blocks in flight in 2048 sets of 3
//! ways, one in six operations finds its set full, waits a good part of a round trip, and delays all that come after it.)
//!
//! The hash folds LUN and address by exclusive or into the bucket's number. Addresses in steps of any power of two, as many
//! as there are slots, fall in different buckets.
//!
//! | operation | block | what happens |
//! |---|---|---|
//! | acquire | free | an entry is made; granted |
//! | acquire, shared | held shared, nobody waits | granted |
//! | acquire, `at_once` | otherwise held | told so by `m_nack`, with the holder's id; nothing changes |
//! | acquire | otherwise held | waits at the end of the queue (`ev_lock_wait`) |
//! | release | held by several | one less |
//! | release | held by one, nobody waits | the entry is freed |
//! | release | held by one | granted to the head of the queue, and to all readers that follow it |
//! | release | not held, or not held in that way | nothing |
//!
//! **Interface.** Streams `s_acquire` ([`LockReq`]), `s_release` ([`LockRel`]), `m_grant` ([`LockGrant`]). Holder ids are
//! slots, 0 to `slots - 1`, 4096 + n for mirror buffer n, 8192 + n for slot n of the peer. A holder asks for one block at a
//! time and asks for the next after it has been granted the first and its release has been offered. `m_nack` is an event.
//! `empty`: no block is held. `busy`: something is under way here. `init_done`: ready after reset.
//!
//! **Parameters.** `slots`, `mirror_bufs`.
//!
//! **Latency.** Acquire to grant of a free block: 2 cycles, and one more for each entry that its bucket has. Release to
//! grant of the next in the queue: 4 cycles. In a deep build 5, and three more for each entry but the
//! first; 7.
//!
//! **Throughput.** One operation at a time: an acquire takes 2 cycles, a release 4, readers that are let in together one
//! cycle each. Deep 5 and 7.
//!
//! **Backpressure.** Releases go before acquires. While two grants wait at `m_grant`, acquires wait, and a release that
//! grants more; so `m_grant` must be taken without waiting for a release. Its ready ends in a register slice. Nothing is dropped.
//!
//! **Reset.** Frees every block, and forgets those who wait. The buckets are cleared in `2 * slots` cycles.
//!
//! **Clocks.** One.
//!
//! **Ordering.** First come, first served, for each block: a reader that comes after a writer that waits, waits too.
//!
//! **Errors.** None.
//!
//! **Proof and test.** Properties `a_writer_is_alone`, `a_writer_comes_alone`, `an_entry_is_free_when_wanted`,
//! `a_grant_has_room`. In every state of a table of 5 entries (`tests/tests/proofs`): two holders never, no lost waiter, nobody
//! overtaken, it comes to rest. `tests/tests/lock_table.rs`.

use crate::bundle::{HOLDER_W, LBA_W, LUN_W, LockGrant, LockRel, LockReq, SLOT_W};
use crate::params::Params;
use crate::prelude::*;
use crate::prim::next::late;
use crate::prim::skid::skid;
use crate::stream::{event_out, stream_in, stream_out};

/// Bits of a holder's id that tell mirror buffers, and slots of the peer, from slots.
const MIRROR_BIT: usize = SLOT_W;
const PEER_BIT: usize = SLOT_W + 1;
const _: () = assert!(PEER_BIT + 1 == HOLDER_W);

const CLEAR: u64 = 0;
const IDLE: u64 = 1;
const HEAD: u64 = 2;
const WALK: u64 = 3;
const RECYCLE: u64 = 4;
const WAKE: u64 = 5;
const FETCH: u64 = 6;
const MATCH: u64 = 7;

/// What an entry says of its block. `holder_w` bits number holders, inside, without a gap.
#[derive(Clone, Copy)]
struct Held {
    holders: E,
    exclusive: E,
    waiting: E,
    head: E,
    head_exclusive: E,
    tail: E,
}

impl Held {
    const fn width(holder_w: usize) -> usize {
        3 * holder_w + 3
    }

    fn pack(&self) -> E {
        cat(&[self.tail, self.head_exclusive, self.head, self.waiting, self.exclusive, self.holders])
    }

    fn unpack(packed: E, w: usize) -> Self {
        Self {
            holders: packed.slice(0, w),
            exclusive: packed.bit(w),
            waiting: packed.bit(w + 1),
            head: packed.slice(w + 2, w),
            head_exclusive: packed.bit(2 * w + 2),
            tail: packed.slice(2 * w + 3, w),
        }
    }
}

/// A reference to an entry, or none: number, then valid.
fn link_to(valid: impl Into<E>, number: impl Into<E>) -> E {
    cat(&[valid.into(), number.into()])
}

/// Folds LUN and address into `w` bits.
fn hash(tag: E, w: usize) -> E {
    let tag_w = tag.width();
    let parts = (0..tag_w.div_ceil(w)).map(|i| tag.slice(i * w, w.min(tag_w - i * w)).zext(w));
    parts.reduce(|a, b| a ^ b).expect("at least one part")
}

/// The lock table of a card.
///
/// # Panics
/// When `p` is out of range.
pub fn lock_table(p: &Params) -> Module {
    p.check();
    lock_table_of(p)
}

/// A lock table of sizes that no card has, as few as two slots and one buffer, for proofs that look at every state. A `deep` one decides two
/// cycles after it has read.
pub fn lock_table_of(p: &Params) -> Module {
    let Params { slots, mirror_bufs, deep, lba_w, .. } = *p;
    let tag_w = p.field_w("lun", LUN_W) + lba_w;
    let entries = 2 * slots + mirror_bufs;
    // Holders by number: slots, slots of the peer, mirror buffers; as many as blocks that can be held.
    let holders = entries;
    let w = clog2(entries);
    let bucket_w = clog2(2 * slots);
    let slot_w = clog2(slots);
    let squeeze = move |id: E| {
        let low = id.trunc(slot_w);
        cat(&[id.bit(MIRROR_BIT), id.bit(PEER_BIT), low]).zext(w)
    };
    let spread = move |holder: E| {
        let low = holder.trunc(slot_w).zext(SLOT_W);
        cat(&[holder.bit(slot_w), holder.bit(slot_w + 1), low])
    };

    module("lock_table", |m| {
        m.doc(format!("Locks of blocks for {slots} slots and {mirror_bufs} mirror buffers."));
        let s_acquire = stream_in(m, "s_acquire", LockReq::WIDTH);
        let s_release = stream_in(m, "s_release", LockRel::WIDTH);
        let m_grant = stream_out(m, "m_grant", LockGrant::WIDTH);
        let (nack_valid, nack_data) = event_out(m, "m_nack", HOLDER_W);
        let ev_wait = m.output("ev_lock_wait", 1);
        let ev_set_full = m.output("ev_lock_set_full", 1);
        let empty = m.output("empty", 1);
        let busy = m.output("busy", 1);
        let init_done = m.output("init_done", 1);
        ev_set_full.set(0);

        let state = m.reg("state", 3, CLEAR);
        let is = |s: u64| state.eq(s);

        // The grant on its way out.
        let grants = m.inst("u_grants", &skid(LockGrant::WIDTH));
        let grant_free = grants.get("s_ready").named("grant_free");
        let grant_valid = grants.get("m_valid");
        m_grant.valid.set(grant_valid);
        m_grant.data.set(grants.get("m_data"));
        grants.set("m_ready", m_grant.ready);

        // Entries that are free: a list through `next_ram`, and those that were never used.
        let free = m.reg("free", w + 1, 0);
        let free_next = m.reg_nr("free_next", w + 1);
        let fresh = m.reg("fresh", w + 1, 0);
        let listed = free.bit(w).named("listed");
        let new_entry = mux(listed, free.trunc(w), fresh.trunc(w)).named("new_entry");
        let have_free = (listed | fresh.ne(entries)).named("have_free");
        let used = m.reg("used", w + 1, 0);

        // Take an operation.
        let acquire = LockReq::unpack_in(p, s_acquire.data);
        let release = LockRel::unpack_in(p, s_release.data);
        let take_release = (is(IDLE) & s_release.valid).named("take_release");
        let can_acquire = is(IDLE) & !s_release.valid & grant_free & have_free;
        let take_acquire = (can_acquire & s_acquire.valid).named("take_acquire");
        s_release.ready.set(is(IDLE));
        s_acquire.ready.set(can_acquire);
        let releasing = m.reg_nr("releasing", 1);
        let holder = m.reg_nr("holder", w);
        let exclusive = m.reg_nr("exclusive", 1);
        let at_once = m.reg_nr("at_once", 1);
        let tag = m.reg_nr("tag", tag_w);
        let tag_of = |lun: E, lba: E| cat(&[lun.trunc(tag_w - lba_w), lba.trunc(lba_w)]);
        let offered = mux(s_release.valid, tag_of(release.lun, release.lba), tag_of(acquire.lun, acquire.lba));
        when(is(IDLE), || {
            releasing.set(s_release.valid);
            holder.set(squeeze(acquire.id));
            exclusive.set(mux(s_release.valid, release.exclusive, acquire.exclusive));
            at_once.set(acquire.at_once);
            tag.set(offered);
            when(take_release | take_acquire, || state.set(HEAD));
        });

        // The memories. Entry memories are read at the entry that is looked at next.
        let bucket = hash(tag.get(), bucket_w).named("bucket");
        let bucket_ram = m.ram("bucket_ram", 1 << bucket_w, w + 1).collisions_undefined();
        let tag_ram = m.ram("tag_ram", entries, tag_w).collisions_undefined();
        let held_ram = m.ram("held_ram", entries, Held::width(w)).collisions_undefined();
        let next_ram = m.ram("next_ram", entries, w + 1).collisions_undefined();
        let queue_ram = m.ram("queue_ram", holders, w + 1).collisions_undefined();
        let first = bucket_ram.read(hash(offered, bucket_w));
        let look_at = m.wire("look_at", w);
        let late = |name: &str, value: E| late(m, deep, name, value);
        let fetched = |name: &str, word: E| late(&format!("{name}_q"), late(&format!("{name}_f"), word));
        let same_tag = late("same_tag", late("tag_f", tag_ram.read(look_at)).eq(tag));
        let here = Held::unpack(fetched("here", held_ram.read(look_at)), w);
        let read_next = next_ram.read(look_at);
        let here_next = fetched("here_next", read_next);

        // Walk the bucket's list.
        let current = m.reg_nr("current", w);
        let before = m.reg("before", w + 1, 0);
        let first_q = m.reg_nr("first_q", w + 1);
        // An empty bucket ends in HEAD, or in WALK, where all is decided with a stage more.
        let filled = if deep { first_q.bit(w) } else { ones(1) };
        let hit = (is(WALK) & filled & same_tag).named("hit");
        let onward = is(WALK) & filled & !same_tag & here_next.bit(w);
        let empty_bucket = if deep { is(WALK) & !filled } else { is(HEAD) & !first.bit(w) };
        let missed = (empty_bucket | (is(WALK) & filled & !same_tag & !here_next.bit(w))).named("missed");
        look_at.set(mux(is(IDLE), free.trunc(w), mux(is(HEAD), first.trunc(w), here_next.trunc(w))));
        when(is(HEAD), || {
            // In IDLE the list of free entries was looked at.
            free_next.set(read_next);
            first_q.set(first);
            current.set(first.trunc(w));
            before.set(0);
            state.set(if deep { FETCH } else { WALK });
        });
        when(is(FETCH), || state.set(MATCH));
        when(is(MATCH), || state.set(WALK));
        when(onward, || {
            current.set(here_next.trunc(w));
            before.set(link_to(lit(1, 1), current));
            state.set(if deep { FETCH } else { WALK });
        });

        // What comes of it.
        let insert = (missed & !releasing).named("insert");
        let share = (hit & !releasing & !exclusive & !here.exclusive & !here.waiting).named("share");
        let turn_away = (hit & !releasing & !share & at_once).named("turn_away");
        nack_valid.set(turn_away);
        nack_data.set(spread(holder.get()));
        let enqueue = (hit & !releasing & !share & !at_once).named("enqueue");
        let mine = (hit & releasing & here.exclusive.eq(exclusive)).named("mine");
        let one_less = mine & here.holders.ne(1);
        let hand_on = (mine & here.holders.eq(1) & here.waiting).named("hand_on");
        let unlink = (mine & here.holders.eq(1) & !here.waiting).named("unlink");
        let back = any_of(&[missed, share, enqueue, turn_away, hit & releasing & !mine, one_less]);
        when(back, || state.set(IDLE));

        // Let the queue in: its head, and as long as that is a reader, the readers behind it.
        let inside = m.reg_nr("inside", w);
        let head = m.reg_nr("head", w);
        let head_exclusive = m.reg_nr("head_exclusive", 1);
        let tail = m.reg_nr("tail", w);
        let wake = (is(WAKE) & grant_free).named("wake");
        let queue_at = m.wire("queue_at", w);
        let behind = queue_ram.read(queue_at.trunc(clog2(holders)));
        let (behind_holder, behind_exclusive) = (behind.trunc(w), behind.bit(w));
        queue_at.set(mux(is(WALK), here.head, mux(wake, behind_holder, head)));
        let last = head.eq(tail);
        let wake_ends = (wake & (last | head_exclusive | behind_exclusive)).named("wake_ends");
        when(hand_on, || {
            inside.set(0);
            head.set(here.head);
            head_exclusive.set(here.head_exclusive);
            tail.set(here.tail);
            state.set(WAKE);
        });
        when(wake, || {
            inside.set(inside + 1);
            head.set(behind_holder);
            head_exclusive.set(0);
        });
        when(wake_ends, || state.set(IDLE));

        // Entries that come and go.
        when(insert & listed, || free.set(mux(is(HEAD), read_next, free_next)));
        when(insert & !listed, || fresh.set(fresh + 1));
        when(unlink, || state.set(RECYCLE));
        when(is(RECYCLE), || {
            free.set(link_to(lit(1, 1), current));
            state.set(IDLE);
        });
        used.set(used + insert.zext(w + 1) - is(RECYCLE).zext(w + 1));

        // Writes.
        let clear_at = m.reg("clear_at", bucket_w, 0);
        when(is(CLEAR), || {
            clear_at.set(clear_at + 1);
            when(clear_at.all(), || state.set(IDLE));
        });
        let listed_before = before.bit(w);
        bucket_ram.write(
            is(CLEAR) | insert | (unlink & !listed_before),
            mux(is(CLEAR), clear_at, bucket),
            mux(is(CLEAR), zero(w + 1), mux(insert, link_to(lit(1, 1), new_entry), here_next)),
        );
        tag_ram.write(insert, new_entry, tag);
        next_ram.write(
            insert | is(RECYCLE) | (unlink & listed_before),
            mux(insert, new_entry, mux(is(RECYCLE), current.get(), before.trunc(w))),
            mux(insert, mux(is(HEAD), first, first_q), mux(is(RECYCLE), free.get(), here_next)),
        );
        queue_ram.write(enqueue & here.waiting, here.tail.trunc(clog2(holders)), cat(&[exclusive.get(), holder.get()]));
        let nobody = zero(w);
        let made = Held {
            holders: lit(1, w),
            exclusive: exclusive.get(),
            waiting: zero(1),
            head: nobody,
            head_exclusive: zero(1),
            tail: nobody,
        };
        let counted = Held { holders: mux(share, here.holders + 1, here.holders - 1), ..here };
        let queued = Held {
            waiting: lit(1, 1),
            head: mux(here.waiting, here.head, holder),
            head_exclusive: mux(here.waiting, here.head_exclusive, exclusive),
            tail: holder.get(),
            ..here
        };
        let woken = Held {
            holders: inside + 1,
            exclusive: head_exclusive.get(),
            waiting: !last,
            head: behind_holder,
            head_exclusive: behind_exclusive,
            tail: tail.get(),
        };
        let writes = [insert, share | one_less, enqueue, wake_ends];
        let words = [made.pack(), counted.pack(), queued.pack(), woken.pack()];
        let word = onehot_mux(&writes, &words).named("word");
        held_ram.write(any_of(&writes), mux(insert, new_entry, current), word);

        // Grants.
        let (lun, lba) = (tag.slice(lba_w, tag_w - lba_w).zext(LUN_W), tag.trunc(lba_w).zext(LBA_W));
        let alone = mux(wake, head_exclusive, exclusive);
        grants.set("s_valid", insert | share | wake);
        grants.set("s_data", LockGrant { id: spread(mux(wake, head, holder)), lun, lba, exclusive: alone }.pack());
        ev_wait.set(enqueue);
        empty.set(used.eq(0) & is(IDLE));
        busy.set(!is(IDLE) | s_acquire.valid | s_release.valid | grant_valid);
        init_done.set(!is(CLEAR));

        let written = Held::unpack(word, w);
        // What is read was written, or is zero from the start: what is proved of each word written holds for it.
        m.assume("a_word_read_was_written", !is(WALK) | !here.exclusive | here.holders.eq(1));
        m.prove("a_writer_is_alone", !(any_of(&writes) & written.exclusive) | written.holders.eq(1));
        m.prove("a_writer_comes_alone", !(is(WAKE) & head_exclusive) | inside.eq(0));
        let acquiring = !is(CLEAR) & !is(IDLE) & !is(WAKE) & !is(RECYCLE) & !releasing;
        m.prove("an_entry_is_free_when_wanted", !acquiring | have_free);
        m.prove("a_grant_has_room", !acquiring | grant_free);
    })
}
