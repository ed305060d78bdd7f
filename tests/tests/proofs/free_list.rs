//! The list of free slots, with everyone who returns what is out and nothing else.

use dyad_hdl::prelude::*;
use dyad_hdl::prim::free_list::free_list;

/// Numbers in the list.
const COUNT: usize = 4;
const W: usize = 2;
/// Cycles from a number's return to its offer.
const LATENCY: u64 = 3;

/// A list of four numbers, and what must hold of it.
pub fn watched() -> Module {
    module("watched_free_list", |m| {
        let list = m.inst("u_list", &free_list(COUNT, W));
        let out: Vec<Var> = (0..COUNT).map(|i| m.reg(format!("out{i}"), 1, 0)).collect();
        let gives = m.input("gives", 1);
        let which = m.input("which", W);
        let takes = m.input("takes", 1);
        let is_out = |number: E| any_of(&(0..COUNT).map(|i| number.eq(i as u64) & out[i]).collect::<Vec<_>>());
        m.assume("what_is_returned_is_out", !gives | is_out(which));
        list.set("back_valid", gives);
        list.set("back_data", which);
        list.set("m_ready", takes);
        let (valid, number) = (list.get("m_valid"), list.get("m_data"));
        for (i, out) in out.iter().enumerate() {
            when(gives & which.eq(i as u64), || out.set(0));
            when(valid & takes & number.eq(i as u64), || out.set(1));
        }
        m.prove("no_number_is_out_twice", !valid | !is_out(number));
        let all_out = all_of(&out.iter().map(|o| o.get()).collect::<Vec<_>>());
        let waits = m.reg("waits", 3, 0);
        when(list.get("filling") | valid | all_out, || waits.set(0)).otherwise(|| waits.set(waits + 1));
        m.prove("a_number_that_is_free_is_offered", waits.le(LATENCY));
        m.cover("all_are_out", all_out);
        m.cover("one_is_out_again", valid & !list.get("filling") & out[0] & number.ne(1));
        m.output("next", W).set(list.get("next"));
    })
}
