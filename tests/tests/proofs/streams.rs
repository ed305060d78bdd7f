//! FIFOs, register slices and width converters keep order, lose nothing, and keep the stream's rules; arbiters are fair.

use dyad_hdl::prelude::*;
use dyad_hdl::prim::arbiter::Policy;

/// A block with a stream in and a stream out, made of words of one size.
pub struct Through {
    /// The block.
    pub block: Module,
    /// Bits of a word.
    pub word: usize,
    /// Words in a beat that goes in, and in one that comes out.
    pub beats: (usize, usize),
    /// Words that can be inside.
    pub room: usize,
    /// Most cycles in which a whole beat is inside and none is offered.
    pub latency: u64,
}

/// The sender and the receiver do what they like, but the sender holds what it offers (AXI IHI 0051 2.2.1).
pub fn watched(t: &Through) -> Module {
    let (ins, outs) = t.beats;
    module(format!("watched_{}", t.block.name()), |m| {
        let block = m.inst("u_block", &t.block);
        let offered = m.input("offered", 1);
        let data = m.input("data", ins * t.word);
        let takes = m.input("takes", 1);
        block.set("s_valid", offered);
        block.set("s_data", data);
        block.set("m_ready", takes);
        let put = (offered & block.get("s_ready")).named("put");
        let (valid, shown) = (block.get("m_valid"), block.get("m_data"));
        let take = (valid & takes).named("take");

        let held = |name: &str, v: E| {
            let q = m.reg(name, v.width(), 0);
            q.set(v);
            q.get()
        };
        let refused = held("refused", offered & !block.get("s_ready"));
        let refused_data = held("refused_data", data & rep(offered & !block.get("s_ready"), data.width()));
        m.assume("the_sender_holds", mux(refused, offered & data.eq(refused_data), ones(1)));
        m.assume("no_data_without_valid", offered | !data.any());

        // What is inside, the oldest word first.
        let count_w = clog2(t.room + ins + 1);
        let count = m.reg("count", count_w, 0);
        let inside: Vec<Var> = (0..t.room).map(|i| m.reg(format!("inside{i}"), t.word, 0)).collect();
        let left = (count - mux(take, lit(outs as u64, count_w), 0)).named("left");
        count.set(left + mux(put, lit(ins as u64, count_w), 0));
        let word = |i: usize| inside.get(i).map_or(zero(t.word), |v| v.get());
        for (i, place) in inside.iter().enumerate() {
            let moved = mux(take, word(i + outs), word(i));
            let new: Vec<E> = (0..ins.min(i + 1)).map(|k| put & left.eq((i - k) as u64)).collect();
            let words: Vec<E> = (0..ins.min(i + 1)).map(|k| data.slice(k * t.word, t.word)).collect();
            place.set(mux(any_of(&new), onehot_mux(&new, &words), moved));
        }
        let oldest = cat(&(0..outs).rev().map(word).collect::<Vec<_>>());
        let whole = count.ge(outs as u64);
        m.prove("in_order_and_complete", !valid | (whole & shown.eq(oldest)));
        m.prove("room_for_what_is_inside", count.le(t.room as u64));
        let waits = m.reg("waits", 4, 0);
        when(whole & !valid, || waits.set(waits + 1)).otherwise(|| waits.set(0));
        m.prove("what_is_whole_is_offered", waits.le(t.latency));
        let kept = held("kept", valid & !takes);
        let kept_data = held("kept_data", shown & rep(valid & !takes, shown.width()));
        m.prove("the_block_holds", !kept | (valid & shown.eq(kept_data)));
        m.cover("it_is_full", count.eq(t.room as u64));
        // With room for one word it goes before another comes.
        if t.room > 1 {
            m.cover("in_and_out_at_once", put & take);
        }
        m.cover("both_wait", refused & kept);
        if t.block.ports().iter().any(|p| p.name == "count") {
            m.output("words", block.get("count").width()).set(block.get("count"));
        }
    })
}

/// An arbiter of three streams of no data but their number; what is `late` offers a cycle after it was asked.
pub fn watched_mux(mux_of: &Module, policy: Policy, late: bool) -> Module {
    const N: usize = 3;
    module("watched_mux", |m| {
        let tells = mux_of.ports().iter().any(|p| p.name == "sel");
        let mux_of = m.inst("u_mux", mux_of);
        let takes = m.input("takes", 1);
        mux_of.set("m_ready", takes);
        let (valid, shown) = (mux_of.get("m_valid"), mux_of.get("m_data"));
        let offered: Vec<E> = (0..N).map(|i| m.input(format!("offered{i}"), 1)).collect();
        let held = |name: String, v: E| {
            let q = m.reg(name, v.width(), 0);
            q.set(v);
            q.get()
        };
        let mut served = Vec::new();
        for i in 0..N {
            mux_of.set(format!("s{i}_valid"), offered[i]);
            mux_of.set(format!("s{i}_data"), lit(i as u64, 2));
            let ready = mux_of.get(format!("s{i}_ready"));
            served.push((offered[i] & ready).named(format!("served{i}")));
            let refused = held(format!("refused{i}"), offered[i] & !ready);
            m.assume(format!("sender_{i}_holds"), !refused | offered[i]);
        }
        if late {
            let unheard = held("unheard".into(), any_of(&offered) & !valid);
            m.prove("offers_when_asked", (!valid | any_of(&offered)) & (!unheard | valid));
        } else {
            m.prove("offers_when_asked", valid.eq(any_of(&offered)));
        }
        let right: Vec<E> = (0..N).map(|i| served[i].eq(valid & takes & shown.eq(i as u64))).collect();
        m.prove("who_is_shown_is_served", all_of(&right));
        let kept = held("kept".into(), valid & !takes);
        let kept_data = held("kept_data".into(), shown & rep(valid & !takes, 2));
        m.prove("the_block_holds", !kept | (valid & shown.eq(kept_data)));
        // Beats of each other input that went while one waited; and cycles, counted as long as beats are taken.
        for i in 0..N {
            for j in (0..N).filter(|j| *j != i) {
                let passed = m.reg(format!("passed_{i}_by_{j}"), 2, 0);
                when(!offered[i] | served[i], || passed.set(0))
                    .elsewhen(served[j] & !passed.all(), || passed.set(passed + 1));
                match policy {
                    Policy::RoundRobin => m.prove(format!("input_{j}_passes_{i}_once"), passed.le(1)),
                    Policy::Fixed if j < i => m.cover(format!("input_{j}_passes_{i}_for_ever"), passed.all()),
                    Policy::Fixed => m.prove(format!("input_{j}_passes_{i}_with_its_grant"), passed.le(1)),
                }
            }
        }
        m.cover("all_ask", all_of(&offered) & !takes);
        if tells {
            m.output("sel", 2).set(mux_of.get("sel"));
        }
    })
}
