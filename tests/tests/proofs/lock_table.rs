//! The lock table with every host that keeps to its rules: two holders never, no lost waiter.

use dyad_hdl::bundle::{HOLDER_W, LBA_W, LUN_W, LockGrant, LockRel, LockReq};
use dyad_hdl::offload::lock_table::lock_table_of;
use dyad_hdl::params::Params;
use dyad_hdl::prelude::*;

/// Who asks: two slots, and a slot of the peer.
const HOLDERS: [u64; 3] = [0, 1, 8192];
/// Addresses in LUN 0 whose entries hang in one list.
const BLOCKS: [u64; 3] = [0, 5, 20];
/// Bits of a cycle's choice among holders or blocks.
const CHOICE_W: usize = 2;
/// Most cycles, in which grants are taken, from one operation to the next: a walk along the list, and those let in.
const LONGEST: u64 = 8;
/// The same of a table with a stage more.
const LONGEST_DEEP: u64 = 14;

const OUT: u64 = 0;
const ASKED: u64 = 1;
const HOLDS: u64 = 2;

/// What is known of one holder.
struct Seen {
    state: Var,
    block: Var,
    exclusive: Var,
    at_once: Var,
    /// Those who asked for the same block before, and have no answer.
    behind: Var,
}

/// What the holders may do.
#[derive(Debug)]
pub struct Uses {
    /// Holders: 2 or 3.
    pub holders: usize,
    /// Blocks: 1 to 3.
    pub blocks: usize,
    /// Shared locks, beside exclusive ones.
    pub shared: bool,
    /// `at_once`, beside asking with patience.
    pub at_once: bool,
    /// A table that decides a cycle after it has read.
    pub deep: bool,
}

/// A block that a holder asks for.
struct Ask {
    who: u64,
    which: u64,
    alone: u64,
    at_once: u64,
}

/// What happens in a cycle.
struct Deed {
    ask: Option<Ask>,
    give: Option<u64>,
}

impl Uses {
    fn deeds(&self) -> Vec<Deed> {
        let ways = |both: bool, one: u64| if both { vec![0, 1] } else { vec![one] };
        let mut deeds = Vec::new();
        for give in std::iter::once(None).chain((0..self.holders as u64).map(Some)) {
            for who in (0..self.holders as u64).filter(|who| give != Some(*who)) {
                for which in 0..self.blocks as u64 {
                    for alone in ways(self.shared, 1) {
                        for at_once in ways(self.at_once, 0) {
                            deeds.push(Deed { ask: Some(Ask { who, which, alone, at_once }), give });
                        }
                    }
                }
            }
            deeds.extend(give.map(|_| Deed { ask: None, give }));
        }
        deeds
    }
}

/// A lock table of 5 entries, used in every way that its interface allows, and what must hold then.
pub fn watched(uses: &Uses) -> Module {
    let n = uses.holders;
    module("watched_locks", |m| {
        let table = m.inst(
            "u_table",
            &lock_table_of(&Params { slots: 2, mirror_bufs: 1, deep: uses.deep, ..Params::small(64) }),
        );
        let holders: Vec<Seen> = (0..n)
            .map(|i| Seen {
                state: m.reg(format!("state{i}"), 2, OUT),
                block: m.reg(format!("block{i}"), CHOICE_W, 0),
                exclusive: m.reg(format!("exclusive{i}"), 1, 0),
                at_once: m.reg(format!("at_once{i}"), 1, 0),
                behind: m.reg(format!("behind{i}"), n, 0),
            })
            .collect();
        let all = |of: &dyn Fn(usize) -> E| all_of(&(0..n).map(of).collect::<Vec<_>>());
        let any = |of: &dyn Fn(usize) -> E| any_of(&(0..n).map(of).collect::<Vec<_>>());
        let is = |i: usize, state: u64| holders[i].state.eq(state);
        let pick = |choice: E, of: &[u64], w: usize| {
            let hits: Vec<E> = (0..of.len() as u64).map(|i| choice.eq(i)).collect();
            onehot_mux(&hits, &of.iter().map(|v| lit(*v, w)).collect::<Vec<_>>())
        };
        let lba_of = |choice: E| pick(choice, &BLOCKS, LBA_W);

        // In each cycle one of these, or nothing: one that is out asks, for any block in any way, one that holds a block gives
        // it back, or both.
        let deeds = uses.deeds();
        let deed = m.input("deed", clog2(deeds.len() + 1));
        let hits: Vec<E> = (0..deeds.len()).map(|i| deed.eq(i as u64)).collect();
        let of_deed = |w: usize, of: &dyn Fn(&Deed) -> u64| {
            let values: Vec<E> = deeds.iter().map(|d| lit(of(d), w)).collect();
            onehot_mux(&hits, &values)
        };
        let ask = |of: fn(&Ask) -> u64| of_deed(CHOICE_W, &move |d| d.ask.as_ref().map_or(0, of));
        let asks = of_deed(1, &|d| u64::from(d.ask.is_some()));
        let (who, which) = (ask(|a| a.who).named("who"), ask(|a| a.which).named("which"));
        let (alone, at_once) = (ask(|a| a.alone).bit(0), ask(|a| a.at_once).bit(0));
        let request = LockReq {
            id: pick(who, &HOLDERS, HOLDER_W),
            lun: zero(LUN_W),
            lba: lba_of(which),
            exclusive: alone,
            at_once,
        };
        table.set("s_acquire_valid", asks);
        table.set("s_acquire_data", request.pack());
        let asked = (asks & table.get("s_acquire_ready")).named("asked");

        let gives = of_deed(1, &|d| u64::from(d.give.is_some()));
        let whose = of_deed(CHOICE_W, &|d| d.give.unwrap_or(0)).named("whose");
        let may_give: Vec<E> = (0..n).map(|i| whose.eq(i as u64) & is(i, HOLDS)).collect();
        m.assume("who_asks_is_out", !asks | any(&|i| who.eq(i as u64) & is(i, OUT)));
        m.assume("who_gives_holds", !gives | any_of(&may_give));
        m.assume("a_deed_or_none", deed.le(deeds.len() as u64));
        let of = |f: fn(&Seen) -> Var| onehot_mux(&may_give, &holders.iter().map(|h| f(h).get()).collect::<Vec<_>>());
        let release = LockRel { lun: zero(LUN_W), lba: lba_of(of(|h| h.block)), exclusive: of(|h| h.exclusive) };
        table.set("s_release_valid", gives);
        table.set("s_release_data", release.pack());
        let given = (gives & table.get("s_release_ready")).named("given");

        let takes = m.input("takes", 1);
        let grant_valid = table.get("m_grant_valid");
        table.set("m_grant_ready", takes);
        let granted = (takes & grant_valid).named("granted");
        let grant = LockGrant::unpack(table.get("m_grant_data"));
        let (nacked, nack) = (table.get("m_nack_valid"), table.get("m_nack_data"));

        let waiting_for =
            |block: E| -> Vec<E> { (0..n).rev().map(|i| is(i, ASKED) & holders[i].block.eq(block)).collect() };
        let answer_to = |i: usize| (granted & grant.id.eq(HOLDERS[i])) | (nacked & nack.eq(HOLDERS[i]));
        let answered = cat(&(0..n).rev().map(answer_to).collect::<Vec<_>>()).named("answered");

        for (i, h) in holders.iter().enumerate() {
            h.behind.set(h.behind & !answered & rep(is(i, ASKED), n));
            when(asked & who.eq(i as u64), || {
                h.state.set(ASKED);
                h.block.set(which);
                h.exclusive.set(alone);
                h.at_once.set(at_once);
                h.behind.set(cat(&waiting_for(which)) & !answered);
            });
            // What it asked for is forgotten, which makes fewer states of the same.
            when((given & may_give[i]) | (nacked & nack.eq(HOLDERS[i])), || {
                [h.state, h.block, h.exclusive, h.at_once].iter().for_each(|v| v.set(0));
            });
            when(granted & grant.id.eq(HOLDERS[i]), || {
                h.state.set(HOLDS);
                h.at_once.set(0);
            });
        }

        // Two holders never.
        let apart = |i: usize, j: usize| {
            let same = is(i, HOLDS) & is(j, HOLDS) & holders[i].block.eq(holders[j].block);
            !same | (!holders[i].exclusive & !holders[j].exclusive)
        };
        m.prove(
            "a_writer_holds_alone",
            all(&|i| all_of(&(0..i).map(|j| apart(i, j)).chain([ones(1)]).collect::<Vec<_>>())),
        );
        // An answer is to one that asked, and to what it asked.
        let fits = |i: usize| {
            let h = &holders[i];
            !grant.lun.any() & grant.lba.eq(lba_of(h.block.get())) & grant.exclusive.eq(h.exclusive)
        };
        let asker = |id: E, i: usize| id.eq(HOLDERS[i]) & is(i, ASKED);
        m.prove("a_grant_is_what_was_asked", !grant_valid | any(&|i| asker(grant.id, i) & fits(i)));
        m.prove("a_refusal_is_for_one_in_haste", !nacked | any(&|i| asker(nack, i) & holders[i].at_once));
        // First come, first served.
        m.prove("nobody_is_overtaken", !grant_valid | all(&|i| grant.id.ne(HOLDERS[i]) | !holders[i].behind.any()));
        // No lost waiter: at rest, who waits does so for a block that somebody holds.
        let rest = (table.get("s_release_ready") & !grant_valid & !nacked).named("rest");
        let other =
            |i: usize, j: usize| if i == j { zero(1) } else { is(j, HOLDS) & holders[j].block.eq(holders[i].block) };
        m.prove("who_waits_waits_for_somebody", !rest | all(&|i| !is(i, ASKED) | any(&|j| other(i, j))));
        m.prove("empty_when_nobody_holds", !rest | table.get("empty").eq(all(&|i| !is(i, HOLDS))));
        // It comes to rest.
        let going = m.reg("going", 4, 0);
        let goes = table.get("init_done") & !table.get("s_release_ready") & (takes | !grant_valid);
        when(goes, || going.set(going + 1)).otherwise(|| going.set(0));
        m.prove("it_comes_to_rest", going.le(if uses.deep { LONGEST_DEEP } else { LONGEST }));

        // All of this happens.
        let same = |i: usize, j: usize| holders[i].block.eq(holders[j].block);
        m.cover("one_waits_for_another", is(0, HOLDS) & is(1, ASKED) & same(0, 1) & rest);
        if uses.at_once {
            m.cover("one_is_refused", nacked);
        }
        if uses.shared {
            m.cover("two_hold_one_block", is(0, HOLDS) & is(1, HOLDS) & same(0, 1));
        }
        if n > 2 {
            m.cover("two_wait", is(0, HOLDS) & is(1, ASKED) & is(2, ASKED) & rest & same(0, 1) & same(0, 2));
        }
        if n > 2 && uses.blocks > 2 {
            let apart = !same(0, 1) & !same(1, 2) & !same(0, 2);
            m.cover("three_entries_in_a_list", is(0, HOLDS) & is(1, HOLDS) & is(2, HOLDS) & apart);
        }
        m.output("unused", 3).set(cat(&[table.get("ev_lock_wait"), table.get("ev_lock_set_full"), table.get("busy")]));
    })
}
