//! The IPv4 header checksum (RFC 791 3.1, RFC 1071 1): one's-complement sums of 16-bit words.

use dyad_spec::wire;

use super::header::IP_HEADER_BYTES;
use crate::prelude::*;

/// Bits of a sum of the ten words of a header.
const SUM_W: usize = 20;

/// One's-complement addition of two 16-bit words: the carry comes back in.
fn add_ones(a: E, b: E) -> E {
    let sum = a.add_wide(b);
    sum.trunc(16) + sum.bit(16).zext(16)
}

/// The part of a sent header's sum that does not change while the link is up: everything but the total length.
/// Addresses are configuration; it follows a change of them after 3 cycles.
pub fn constant_sum(m: &M, ip: E, peer_ip: E) -> E {
    let words = [wire::IPV4_VERSION_IHL << 8, wire::IPV4_FLAGS_DF, wire::IPV4_TTL << 8 | wire::IPV4_PROTOCOL_UDP];
    let fixed = words.iter().sum::<u64>();
    let fixed = (fixed & 0xffff) + (fixed >> 16);
    let own = m.reg_nr("sum_ip", 16);
    let peer = m.reg_nr("sum_peer_ip", 16);
    let both = m.reg_nr("sum_addresses", 16);
    let all = m.reg_nr("sum_constant", 16);
    own.set(add_ones(ip.slice(16, 16), ip.trunc(16)));
    peer.set(add_ones(peer_ip.slice(16, 16), peer_ip.trunc(16)));
    both.set(add_ones(own.get(), peer.get()));
    all.set(add_ones(both.get(), lit(fixed, 16)));
    all.get()
}

/// The checksum field of a header with that constant part and that total length.
pub fn checksum(constant: E, ip_length: E) -> E {
    !add_ones(constant, ip_length)
}

/// A sum of header words that comes in with the beats of a frame, in carry-save form: two vectors (64 bits) or three
/// (512 bits) whose sum it is. So no carry runs between the beat's arrival and the registers.
pub struct HeaderSum {
    right: E,
}

/// Three addends to two: sum and carry of each bit.
fn compress(a: E, b: E, c: E) -> [E; 2] {
    [a ^ b ^ c, ((a & b) | (c & (a | b))).shl(1)]
}

/// Adds until only `to` (at least 2) vectors are left.
fn reduce(mut words: Vec<E>, to: usize) -> Vec<E> {
    while words.len() > to {
        let mut next = Vec::new();
        let mut rest = &words[..];
        // No more than needed.
        while rest.len() >= 3 && next.len() + rest.len() > to {
            next.extend(compress(rest[0], rest[1], rest[2]));
            rest = &rest[3..];
        }
        next.extend(rest);
        words = next;
    }
    words
}

impl HeaderSum {
    /// For beats of `data_w` bits. Where `valid` is 1, `beat` is beat `number` of a frame: `at[number]` is 1 for one of
    /// the header's beats, or for none.
    pub fn new(m: &M, data_w: usize, valid: E, at: &[E], beat: E) -> Self {
        let words_of = |number: usize| -> Vec<E> {
            let (first, last) = (number * data_w / 8, (number + 1) * data_w / 8);
            let ip = wire::ETHERNET_BYTES..wire::ETHERNET_BYTES + IP_HEADER_BYTES;
            let bytes = (first..last).step_by(2).filter(|b| ip.contains(b));
            bytes.map(|b| super::header::swap_bytes(beat.slice(8 * (b - first), 16)).zext(SUM_W)).collect()
        };
        let of_beat: Vec<Vec<E>> = (0..at.len()).map(words_of).collect();
        let width = of_beat.iter().map(Vec::len).max().unwrap_or(0);
        // Lane k has word k of whatever beat this is; beats without so many words add nothing.
        let lane = |k: usize| {
            let has: Vec<usize> = (0..at.len()).filter(|n| of_beat[*n].len() > k).collect();
            let (sel, items): (Vec<E>, Vec<E>) = has.iter().map(|n| (at[*n], of_beat[*n][k])).unzip();
            if at.len() == 1 { items[0] } else { onehot_mux(&sel, &items) }
        };
        let mut addends: Vec<E> = (0..width).map(lane).collect();
        let kept = if at.len() == 1 { 3 } else { 2 };
        let parts: Vec<Var> = (0..kept).map(|i| m.reg_nr(format!("header_sum_{i}"), SUM_W)).collect();
        if at.len() == 1 {
            // The whole header in one beat: nothing to carry on.
            let sums = reduce(addends, kept);
            when(valid & at[0], || parts.iter().zip(&sums).for_each(|(p, s)| p.set(*s)));
        } else {
            let going = rep(!at[0], SUM_W);
            addends.extend(parts.iter().map(|p| p.get() & going));
            let sums = reduce(addends, kept);
            when(valid, || parts.iter().zip(&sums).for_each(|(p, s)| p.set(*s)));
        }
        let last = reduce(parts.iter().map(|p| p.get()).collect(), 2);
        let sum = last[0] + last[1];
        // With the carries brought back in, the sum must be all ones: the low half is the complement of the carries.
        let (high, low) = (sum.slice(16, SUM_W - 16), sum.trunc(16));
        let all = (low ^ high.zext(16)).all();
        if at.len() == 1 {
            return Self { right: all };
        }
        let right = m.reg("header_sum_right", 1, 0);
        right.set(all);
        Self { right: right.get() }
    }

    /// The checksum is right: from the cycle of the header's last beat (64 bits), or the cycle after it (512), until
    /// the next frame's first beat.
    pub fn right(&self) -> E {
        self.right
    }
}
