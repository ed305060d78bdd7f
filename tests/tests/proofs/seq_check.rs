//! Acceptance of sequences: what was answered is never new again.

use dyad_hdl::offload::seq_check::SeqCheck;
use dyad_hdl::prelude::*;

/// Slots, and the one that is looked at: the others are alike, and only disturb.
const SLOTS: usize = 2;
const WATCHED: u64 = 1;

/// The check for two slots, and what must hold of one of them.
pub fn watched() -> Module {
    module("watched_seq_check", |m| {
        let check = SeqCheck::new(m, SLOTS);
        let SeqCheck { generation, ask_slot, ask_seq, note_valid, note, same, older, table } = check;
        let note_seq = note.seq;

        // What was noted last of the watched slot.
        let noted = (note_valid & note.slot.trunc(clog2(SLOTS)).eq(WATCHED)).named("noted");
        let ever = m.reg("ever", 1, 0);
        let last_seq = m.reg_nr("last_seq", 32);
        let last_generation = m.reg_nr("last_generation", 16);
        when(noted, || {
            ever.set(1);
            last_seq.set(note_seq);
            last_generation.set(generation);
        });
        let word = table.read_async(lit(WATCHED, clog2(SLOTS)));
        m.prove("the_table_has_the_last", !ever | word.eq(cat(&[last_generation.get(), last_seq.get()])));
        // What it was when the question was asked, one cycle ago.
        let delayed = |name: &str, v: E| {
            let q = m.reg(name, v.width(), 0);
            q.set(v);
            q
        };
        let asked = delayed("asked", ask_slot.eq(WATCHED) & ever);
        let then_seq = delayed("then_seq", last_seq.get());
        let then_generation = delayed("then_generation", last_generation.get());
        let current = asked & then_generation.eq(generation);
        let ahead = ask_seq - then_seq;
        m.prove("same_is_the_last", !asked | same.eq(current & ask_seq.eq(then_seq)));
        m.prove("older_is_before_the_last", !asked | older.eq(current & ahead.bit(31)));

        // A sequence, any but the same all the time; whether it has been answered in this generation.
        let any_seq = m.input("any_seq", 32);
        let first = m.reg("first", 1, 1);
        first.set(0);
        let kept = m.reg_nr("kept", 32);
        kept.set(any_seq);
        m.assume("any_stays", first | kept.eq(any_seq));
        let generation_was = m.reg_nr("generation_was", 16);
        generation_was.set(generation);
        let was_answered = m.reg("was_answered", 1, 0);
        let answered = was_answered & generation_was.eq(generation);
        was_answered.set(answered | (noted & note_seq.eq(any_seq)));
        // The peer does not go back, and does not come around.
        m.assume("those_after_it_are_ahead", !(answered & noted) | !(note_seq - any_seq).bit(31));
        m.prove("the_last_is_of_its_generation", !was_answered | (ever & last_generation.eq(generation_was)));
        m.prove("the_last_is_not_before_it", !answered | !(last_seq - any_seq).bit(31));
        let was_then = delayed("was_then", answered);
        m.prove("nor_was_it_then", !was_then | !(then_seq - any_seq).bit(31));
        let asks_for_it = asked & was_then & generation_was.eq(generation) & ask_seq.eq(any_seq);
        m.prove("what_was_answered_is_not_new", !asks_for_it | same | older);
        m.cover("it_is_the_last", asks_for_it & same);
        m.cover("it_is_older", asks_for_it & older);
        m.cover("it_is_new", asked & current & !same & !older);
    })
}
