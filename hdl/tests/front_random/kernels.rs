// Made by generate.rs; do not edit. `DYAD_BLESS=1 cargo test -p dyad-hdl --test front_random` makes it anew.

use dyad_hdl::front;
use dyad_hdl::ir::Module;
use rust_hdl::prelude::*;

use crate::front_support::Circuit;
use crate::ports;

#[derive(LogicBlock, Default)]
pub struct K0 {
    n3: Signal<In, Bits<3>>,
    n7: Signal<In, Bits<7>>,
    x: Signal<In, Bit>,
    y: Signal<In, Bit>,
    z: Signal<In, Bit>,
    a1: Signal<In, Bits<1>>,
    b1: Signal<In, Bits<1>>,
    a14: Signal<In, Bits<14>>,
    b14: Signal<In, Bits<14>>,
    a16: Signal<In, Bits<16>>,
    b16: Signal<In, Bits<16>>,
    a27: Signal<In, Bits<27>>,
    b27: Signal<In, Bits<27>>,
    a32: Signal<In, Bits<32>>,
    b32: Signal<In, Bits<32>>,
    a40: Signal<In, Bits<40>>,
    b40: Signal<In, Bits<40>>,
    a53: Signal<In, Bits<53>>,
    b53: Signal<In, Bits<53>>,
    o0: Signal<Out, Bits<32>>,
    o1: Signal<Out, Bits<32>>,
    o2: Signal<Out, Bits<40>>,
    o3: Signal<Out, Bits<27>>,
    o4: Signal<Out, Bit>,
    o5: Signal<Out, Bits<27>>,
    o6: Signal<Out, Bits<32>>,
    o7: Signal<Out, Bits<27>>,
    o8: Signal<Out, Bits<1>>,
    o9: Signal<Out, Bit>,
    o10: Signal<Out, Bits<14>>,
    o11: Signal<Out, Bits<53>>,
    o12: Signal<Out, Bits<32>>,
    o13: Signal<Out, Bits<27>>,
    o14: Signal<Out, Bit>,
    o15: Signal<Out, Bits<16>>,
    o16: Signal<Out, Bits<40>>,
    o17: Signal<Out, Bits<40>>,
    o18: Signal<Out, Bits<53>>,
    o19: Signal<Out, Bit>,
}

impl Logic for K0 {
    #[hdl_gen]
    fn update(&mut self) {
        self.o0.next = ((self.a27.val() >> self.n3.val()).get_bits::<32>(self.n3.val().index()) + ((!self.z.val()) == (self.x.val() || self.z.val())) & (self.b16.val() * self.b16.val() >> self.n7.val()) + ((!self.a16.val()) > 59)) >> self.n7.val();
        self.o1.next = bit_cast::<32, 27>(self.a27.val());
        self.o2.next = bit_cast::<40, 16>((7194 | self.a16.val()) & bit_cast::<16, 32>(self.b32.val()) & 20443) - (1 & (self.b40.val() << self.n7.val()) + (self.a40.val() ^ self.a40.val()) - 0x27b60de3bd_u64);
        self.o3.next = !((bits::<53>(65).get_bits::<27>(49) << self.n3.val() << self.n3.val()) - 17632870);
        if !self.x.val() || bits::<27>(102).any() {
            self.o3.next = bits::<27>(2);
        }
        self.o4.next = ((!self.a32.val() + self.a53.val().all() - (self.b14.val().get_bits::<32>(self.n3.val().index()) >> self.n3.val())) | (bits::<32>(1) >> self.n7.val() & self.a27.val().get_bits::<32>(self.n3.val().index()) | (self.a32.val() >> self.n7.val()).replace_bit(7, self.b40.val().xor()))).get_bit(self.n3.val().index());
        if (!self.b27.val()).any() {
            self.o4.next = 0xc4377aadd1107_u64 != self.b53.val() - 0x1a8f715a3f1bb2_u64 ^ 86;
        } else if self.b32.val().replace_bit(22, self.z.val()) != 0xa31f9015_u64 {
            self.o4.next = ((self.b53.val().replace_bit(1, self.z.val())) <= self.b53.val() ^ self.a53.val()) != ((self.b1.val().get_bits::<40>(0)) <= 1);
        }
        self.o5.next = self.a27.val();
        self.o6.next = 0xff33212e_u64 ^ bit_cast::<40, 53>(self.a53.val()).get_bits::<32>(self.n3.val().index()).replace_bit(self.n3.val().index(), !(self.a32.val() != self.a32.val()));
        self.o7.next = (self.b40.val().get_bits::<27>(13) ^ self.a27.val() + self.b27.val()).replace_bit(5, (self.y.val() != self.z.val()) == self.y.val() ^ self.y.val()).replace_bit(7, ((self.b16.val() >= 214) != self.z.val() & self.z.val()) ^ (bits::<53>(0x10d1590004c14_u64) + 2).any()) | self.a27.val().replace_bit(self.n3.val().index(), (self.b1.val() | self.b1.val()) + (self.x.val() ^ self.x.val()) != (bit_cast::<1, 1>(self.b1.val()) + (self.y.val() && self.x.val())));
        self.o8.next = !bit_cast::<1, 40>(bit_cast::<40, 53>(self.a14.val().get_bits::<53>(4))).replace_bit(0, (self.a1.val()) < 0 + bits::<1>(0) << self.n3.val());
        self.o9.next = (self.b53.val() ^ 0x1c91ebca339a48_u64) - 2 == ((self.a53.val() & self.b53.val()) + (bits::<53>(116) << 46) - self.a32.val().get_bits::<40>(21).get_bits::<53>(16)) + (self.a14.val().get_bits::<1>(7) - 1).get_bit(0);
        self.o10.next = !((self.a14.val() << self.n3.val()).replace_bit(self.n3.val().index(), bit_cast::<27, 16>(self.b16.val()) == self.a32.val().get_bits::<27>(self.n3.val().index())) >> self.n3.val());
        self.o11.next = bit_cast::<53, 40>((self.b40.val() - self.b40.val()).replace_bit(20, self.x.val() ^ self.x.val())) - self.b53.val() >> self.n3.val();
        if self.b1.val() >> self.n7.val() == self.a16.val().get_bits::<1>(self.n3.val().index()) {
            self.o11.next = self.a53.val().replace_bit(self.n3.val().index(), self.y.val()) + (self.b32.val() >= 1631450144) << self.n7.val();
        }
        self.o12.next = bit_cast::<32, 1>((self.b1.val() + self.x.val()) - (self.a1.val() | 0)).replace_bit(self.n3.val().index(), (self.y.val() == self.y.val() || (self.a53.val()) <= bits::<53>(0xf6e88712afed5_u64)) & (179 > bits::<53>(34) << 18)) | 1;
        self.o13.next = 145 - (100 + (self.b27.val() + 212));
        self.o14.next = (1 - bit_cast::<27, 27>(self.b27.val() ^ self.b27.val()).replace_bit(self.n3.val().index(), self.a53.val().all())).get_bit(self.n3.val().index());
        if !(64422 >= self.b16.val()) {
            self.o14.next = (self.z.val() & self.x.val() != self.b53.val().any()) | (self.a40.val().any() != ((self.b40.val()) < 3));
        }
        self.o15.next = bit_cast::<16, 1>((self.b40.val() + bits::<40>(0x52222ebfb0_u64)).get_bits::<1>(26) | bit_cast::<1, 14>(bits::<14>(14747))) & bit_cast::<16, 53>(bit_cast::<53, 1>((self.a53.val() << 48).get_bits::<1>(21)));
        self.o16.next = !((bit_cast::<40, 1>(self.b1.val()) & 3) >> self.n3.val()).replace_bit(self.n3.val().index(), !(self.b14.val() == self.a14.val()) & (!self.b14.val()).any());
        self.o17.next = (109 ^ bit_cast::<40, 40>(self.b40.val() ^ self.b40.val())) >> self.n7.val() >> self.n7.val();
        self.o18.next = 3 - self.b53.val();
        if (self.b16.val() != 91) | self.b53.val().xor() {
            self.o18.next = !(self.b53.val() ^ self.b53.val()) >> 53;
        }
        self.o19.next = bit_cast::<14, 27>(bit_cast::<27, 14>(self.b14.val())).get_bits::<53>(1) >= self.b53.val() && ((self.b16.val() & self.b16.val()) << self.n3.val()).xor() == (self.z.val() && self.y.val()) ^ self.b16.val().get_bit(9) ^ (self.b32.val() ^ self.b32.val() >= !self.b32.val());
    }
}

ports!(K0; ; in n3, n7, x, y, z, a1, b1, a14, b14, a16, b16, a27, b27, a32, b32, a40, b40, a53, b53; out o0, o1, o2, o3, o4, o5, o6, o7, o8, o9, o10, o11, o12, o13, o14, o15, o16, o17, o18, o19);

#[derive(LogicBlock, Default)]
pub struct K1 {
    n3: Signal<In, Bits<3>>,
    n7: Signal<In, Bits<7>>,
    x: Signal<In, Bit>,
    y: Signal<In, Bit>,
    z: Signal<In, Bit>,
    a6: Signal<In, Bits<6>>,
    b6: Signal<In, Bits<6>>,
    a19: Signal<In, Bits<19>>,
    b19: Signal<In, Bits<19>>,
    a32: Signal<In, Bits<32>>,
    b32: Signal<In, Bits<32>>,
    a45: Signal<In, Bits<45>>,
    b45: Signal<In, Bits<45>>,
    a58: Signal<In, Bits<58>>,
    b58: Signal<In, Bits<58>>,
    o0: Signal<Out, Bits<32>>,
    o1: Signal<Out, Bits<32>>,
    o2: Signal<Out, Bits<58>>,
    o3: Signal<Out, Bits<6>>,
    o4: Signal<Out, Bit>,
    o5: Signal<Out, Bits<19>>,
    o6: Signal<Out, Bits<32>>,
    o7: Signal<Out, Bits<19>>,
    o8: Signal<Out, Bits<19>>,
    o9: Signal<Out, Bit>,
    o10: Signal<Out, Bits<58>>,
    o11: Signal<Out, Bits<19>>,
    o12: Signal<Out, Bits<58>>,
    o13: Signal<Out, Bits<45>>,
    o14: Signal<Out, Bit>,
    o15: Signal<Out, Bits<32>>,
    o16: Signal<Out, Bits<32>>,
    o17: Signal<Out, Bits<45>>,
    o18: Signal<Out, Bits<6>>,
    o19: Signal<Out, Bit>,
}

impl Logic for K1 {
    #[hdl_gen]
    fn update(&mut self) {
        self.o0.next = self.b32.val();
        self.o1.next = bits::<32>(161);
        self.o2.next = ((self.a58.val() - bits::<58>(0x364a601419f13ce_u64)) + 0).get_bits::<58>(self.n3.val().index()).get_bits::<58>(12) + ((self.a19.val().get_bits::<19>(self.n3.val().index()) | (self.b19.val() | self.a19.val())) + !bit_cast::<19, 32>(bits::<32>(86))).get_bits::<58>(self.n3.val().index());
        self.o3.next = bit_cast::<6, 58>(bit_cast::<19, 58>(self.b58.val()).get_bits::<58>(6));
        self.o4.next = (bit_cast::<45, 58>(self.b45.val().get_bits::<58>(19) << self.n3.val()).replace_bit(self.n3.val().index(), 128 != self.a45.val() & (self.a45.val() | self.b45.val()))) <= 0x1f46b49721e0_u64;
        self.o5.next = (self.a6.val() ^ 0).get_bits::<19>(6) + bit_cast::<6, 32>(self.b58.val().get_bits::<45>(self.n3.val().index()).get_bits::<32>(38)).any();
        self.o6.next = bit_cast::<32, 45>(bits::<45>(116));
        self.o7.next = self.b19.val();
        self.o8.next = self.a19.val();
        self.o9.next = ((160 & self.b58.val()).get_bits::<45>(self.n3.val().index()).replace_bit(6, (self.a58.val() + self.x.val()).get_bit(51)) >= (self.a45.val() << self.n7.val() ^ bit_cast::<45, 6>(self.b6.val())) + (0x15cd9f119a4e_u64 & self.b32.val().get_bits::<45>(19))) == (bit_cast::<45, 45>(self.a45.val()) == self.b45.val().replace_bit(self.n3.val().index(), self.x.val()) && (!self.a19.val()).get_bit(17) && !(self.a6.val().get_bit(3) | !self.y.val()));
        if !!self.z.val() {
            self.o9.next = (self.b45.val() + 227 & self.a45.val().get_bits::<45>(6)).get_bit(26);
        } else if (self.y.val() | self.z.val()) || (self.b32.val()) <= self.b32.val() {
            self.o9.next = self.y.val() | self.z.val() == self.a58.val().get_bit(self.n3.val().index()) || self.a19.val() << 21 == self.b19.val() & self.a19.val();
        }
        self.o10.next = self.b58.val() << self.n7.val() << self.n7.val();
        self.o11.next = bit_cast::<19, 45>((self.a45.val() - self.a45.val() + (bits::<19>(228) != self.a19.val())).get_bits::<45>(self.n3.val().index()).get_bits::<45>(20));
        self.o12.next = (52 ^ (bit_cast::<58, 58>(bit_cast::<58, 58>(self.a58.val())) - 0x1b1bf515f4e97ec_u64)) << 0;
        self.o13.next = ((self.a6.val().get_bits::<45>(2) | bits::<45>(196)) ^ (0x539f40e9bc6_u64 + (bits::<45>(3) + self.z.val()) - self.b45.val())).replace_bit(self.n3.val().index(), !(bit_cast::<45, 32>(self.a32.val()) & bits::<45>(2) >> self.n3.val()).all());
        self.o14.next = bit_cast::<32, 32>(bit_cast::<32, 32>(self.b32.val()) << 28 ^ self.b32.val() + 1 - (self.a32.val() ^ self.a32.val())).all();
        self.o15.next = self.b32.val() + (341683513 | (bit_cast::<32, 32>(self.a32.val()) << self.n7.val()).replace_bit(self.n3.val().index(), (2 ^ self.b45.val()) <= 0x1c4041038c84_u64));
        self.o16.next = 2 - (bit_cast::<32, 45>(self.b58.val().get_bits::<45>(13) - self.a45.val().replace_bit(self.n3.val().index(), self.x.val())) + (bit_cast::<45, 19>(bits::<19>(3)) + (self.y.val() || self.x.val())).all());
        if !(self.z.val() == self.y.val()) {
            self.o16.next = bit_cast::<32, 19>(self.a19.val().replace_bit(5, self.y.val())) + (self.a32.val() >> 24 << 9);
        }
        self.o17.next = bit_cast::<45, 6>(self.b6.val());
        self.o18.next = bit_cast::<6, 32>(bit_cast::<32, 19>(self.b45.val().get_bits::<19>(0)) | (self.b32.val() >> 26 | bit_cast::<32, 32>(bits::<32>(170)))) + ((!self.b19.val() ^ 80850) < 76 || (self.a45.val().replace_bit(8, self.y.val()) ^ self.a45.val() + self.a45.val()).any());
        self.o19.next = (!bits::<32>(0) + bits::<32>(228)).get_bits::<6>(10).get_bits::<32>(5).all();
    }
}

ports!(K1; ; in n3, n7, x, y, z, a6, b6, a19, b19, a32, b32, a45, b45, a58, b58; out o0, o1, o2, o3, o4, o5, o6, o7, o8, o9, o10, o11, o12, o13, o14, o15, o16, o17, o18, o19);

#[derive(LogicBlock, Default)]
pub struct K2 {
    n3: Signal<In, Bits<3>>,
    n7: Signal<In, Bits<7>>,
    x: Signal<In, Bit>,
    y: Signal<In, Bit>,
    z: Signal<In, Bit>,
    a11: Signal<In, Bits<11>>,
    b11: Signal<In, Bits<11>>,
    a24: Signal<In, Bits<24>>,
    b24: Signal<In, Bits<24>>,
    a37: Signal<In, Bits<37>>,
    b37: Signal<In, Bits<37>>,
    a50: Signal<In, Bits<50>>,
    b50: Signal<In, Bits<50>>,
    a63: Signal<In, Bits<63>>,
    b63: Signal<In, Bits<63>>,
    o0: Signal<Out, Bits<11>>,
    o1: Signal<Out, Bits<63>>,
    o2: Signal<Out, Bits<37>>,
    o3: Signal<Out, Bits<37>>,
    o4: Signal<Out, Bit>,
    o5: Signal<Out, Bits<11>>,
    o6: Signal<Out, Bits<50>>,
    o7: Signal<Out, Bits<24>>,
    o8: Signal<Out, Bits<63>>,
    o9: Signal<Out, Bit>,
    o10: Signal<Out, Bits<11>>,
    o11: Signal<Out, Bits<24>>,
    o12: Signal<Out, Bits<63>>,
    o13: Signal<Out, Bits<50>>,
    o14: Signal<Out, Bit>,
    o15: Signal<Out, Bits<11>>,
    o16: Signal<Out, Bits<63>>,
    o17: Signal<Out, Bits<24>>,
    o18: Signal<Out, Bits<11>>,
    o19: Signal<Out, Bit>,
}

impl Logic for K2 {
    #[hdl_gen]
    fn update(&mut self) {
        self.o0.next = ((self.a11.val() ^ self.b63.val().get_bits::<11>(10)) >> 4 & self.b11.val()) + 110;
        self.o1.next = self.a63.val() | 3;
        if (self.a11.val() & self.b11.val()) >= self.b11.val() | self.b11.val() {
            self.o1.next = self.a63.val() & (self.a63.val() ^ self.b63.val()) - self.b63.val();
        } else if (22 | self.b63.val()).get_bit(self.n3.val().index()) {
            self.o1.next = !(self.b63.val() + 143) & (self.b63.val() >> self.n7.val()).replace_bit(19, 152 > self.a37.val());
        }
        self.o2.next = bit_cast::<37, 11>(bit_cast::<11, 50>(self.a50.val() + 0x39388a1556b2b_u64));
        self.o3.next = bit_cast::<37, 63>(0x91768675897073_u64 ^ self.a63.val().get_bits::<63>(25) + self.a63.val().replace_bit(21, self.y.val()) ^ bits::<63>(20));
        if (self.b24.val() + self.y.val()) <= self.a24.val() << self.n3.val() {
            self.o3.next = bit_cast::<37, 63>(self.b63.val()).replace_bit(24, self.x.val() ^ self.x.val() && self.x.val() != self.x.val());
        }
        self.o4.next = bit_cast::<63, 37>(bit_cast::<11, 11>(self.b11.val()).get_bits::<37>(self.n3.val().index())).replace_bit(self.n3.val().index(), (self.b63.val()) <= (self.b63.val() ^ self.b63.val() ^ 0x58ad8e80feb40a44_u64)).any();
        self.o5.next = self.b11.val();
        self.o6.next = ((0x8e19c14968d1_u64 | (self.a50.val() & bits::<50>(64)) + (self.b50.val() ^ self.a50.val())) + !self.a24.val().get_bit(self.n3.val().index())).get_bits::<50>(35);
        self.o7.next = (bit_cast::<24, 37>(self.b37.val() << self.n3.val()).replace_bit(self.n3.val().index(), !self.b37.val().any()) ^ 0).replace_bit(12, !((self.b63.val()) < (self.a63.val() + 0 - (!bits::<63>(1)))));
        if (!self.z.val()) && self.x.val() == self.z.val() {
            self.o7.next = (self.b24.val() >> self.n3.val()).replace_bit(21, self.a11.val().all());
        } else if self.b11.val().replace_bit(0, self.x.val()) >= !self.b11.val() {
            self.o7.next = (self.a24.val() << self.n3.val()) + (self.b11.val() >= bits::<11>(2)) + (self.b24.val().replace_bit(self.n3.val().index(), self.x.val()) ^ (self.a24.val() ^ self.b24.val()));
        }
        self.o8.next = bit_cast::<63, 24>(self.a24.val());
        self.o9.next = (((bits::<24>(16642707) - self.a24.val()).xor() || (189 | bits::<50>(226)) == bit_cast::<50, 63>(self.a63.val())) && self.a63.val().any()) | self.b11.val().get_bit(self.n3.val().index());
        self.o10.next = self.b11.val();
        self.o11.next = (self.b37.val() + (self.a37.val() >> self.n3.val())).get_bits::<24>(self.n3.val().index());
        self.o12.next = (self.b24.val().get_bits::<37>(2) & self.a37.val()).get_bits::<63>(1);
        if (!self.a50.val()).get_bit(35) {
            self.o12.next = (self.b63.val() << 33).replace_bit(14, (bits::<11>(0)) <= self.a11.val()) & bit_cast::<63, 63>(bits::<63>(0xdf265e249a4b093_u64).replace_bit(58, self.y.val()));
        } else if (self.a50.val()) < self.a50.val() && self.b50.val().get_bit(47) {
            self.o12.next = (bits::<24>(11964783) << self.n3.val()).get_bits::<63>(0) + self.a63.val().replace_bit(3, (self.b11.val()) <= 2);
        }
        self.o13.next = bit_cast::<50, 63>(bit_cast::<37, 11>(self.b11.val() + 199).get_bits::<63>(self.n3.val().index())) << self.n3.val();
        self.o14.next = bits::<63>(1).replace_bit(4, !((!self.y.val()) && self.x.val() ^ self.y.val())) > (!(2 - (bits::<63>(109) + self.y.val())) >> self.n3.val());
        self.o15.next = self.a11.val().get_bits::<11>(10);
        self.o16.next = !bit_cast::<63, 11>(bit_cast::<11, 63>(bits::<63>(2)) + !self.z.val()) ^ (((self.b63.val() ^ 3) + (self.x.val() ^ self.z.val()) - ((0x660bd64712c8891a_u64 ^ self.b63.val()) >> self.n7.val())) + (self.a50.val().replace_bit(self.n3.val().index(), self.x.val()).get_bit(23) | (self.b24.val() | 11930747).xor()));
        self.o17.next = 254 & (bit_cast::<24, 24>(bit_cast::<24, 37>(self.b37.val() | 108)) ^ 2876683);
        self.o18.next = self.b11.val();
        self.o19.next = (57) <= bit_cast::<24, 24>((1 | 1565210 & self.b24.val()) << self.n3.val());
    }
}

ports!(K2; ; in n3, n7, x, y, z, a11, b11, a24, b24, a37, b37, a50, b50, a63, b63; out o0, o1, o2, o3, o4, o5, o6, o7, o8, o9, o10, o11, o12, o13, o14, o15, o16, o17, o18, o19);

#[derive(LogicBlock, Default)]
pub struct K3 {
    n3: Signal<In, Bits<3>>,
    n7: Signal<In, Bits<7>>,
    x: Signal<In, Bit>,
    y: Signal<In, Bit>,
    z: Signal<In, Bit>,
    a4: Signal<In, Bits<4>>,
    b4: Signal<In, Bits<4>>,
    a16: Signal<In, Bits<16>>,
    b16: Signal<In, Bits<16>>,
    a29: Signal<In, Bits<29>>,
    b29: Signal<In, Bits<29>>,
    a42: Signal<In, Bits<42>>,
    b42: Signal<In, Bits<42>>,
    a55: Signal<In, Bits<55>>,
    b55: Signal<In, Bits<55>>,
    o0: Signal<Out, Bits<4>>,
    o1: Signal<Out, Bits<42>>,
    o2: Signal<Out, Bits<42>>,
    o3: Signal<Out, Bits<4>>,
    o4: Signal<Out, Bit>,
    o5: Signal<Out, Bits<55>>,
    o6: Signal<Out, Bits<16>>,
    o7: Signal<Out, Bits<42>>,
    o8: Signal<Out, Bits<4>>,
    o9: Signal<Out, Bit>,
    o10: Signal<Out, Bits<42>>,
    o11: Signal<Out, Bits<29>>,
    o12: Signal<Out, Bits<16>>,
    o13: Signal<Out, Bits<55>>,
    o14: Signal<Out, Bit>,
    o15: Signal<Out, Bits<16>>,
    o16: Signal<Out, Bits<16>>,
    o17: Signal<Out, Bits<42>>,
    o18: Signal<Out, Bits<16>>,
    o19: Signal<Out, Bit>,
}

impl Logic for K3 {
    #[hdl_gen]
    fn update(&mut self) {
        self.o0.next = bit_cast::<4, 16>((!self.a55.val() ^ self.a4.val().get_bits::<55>(1)).get_bits::<16>(self.n3.val().index()).get_bits::<16>(9));
        self.o1.next = bit_cast::<42, 42>(self.b42.val() + ((self.a42.val() >> 10) << self.n7.val())) & ((self.b42.val() | 2) >> 39);
        self.o2.next = !self.a42.val();
        self.o3.next = 1 | (bit_cast::<4, 29>(self.b29.val()) ^ !self.b4.val()).replace_bit(1, (self.a55.val() | self.b55.val()).get_bit(self.n3.val().index())) | 0 - self.b4.val().get_bits::<4>(3);
        if !(self.b16.val() > 1) {
            self.o3.next = bits::<4>(2);
        } else if (self.a55.val() == self.a55.val()) == ((self.a4.val()) < bits::<4>(12)) {
            self.o3.next = bits::<4>(1) - (self.b42.val() >> self.n7.val()).get_bits::<4>(24);
        }
        self.o4.next = !self.a29.val() ^ 1 != 252 || (102 | (self.a16.val() >> 8).get_bits::<29>(self.n3.val().index())).xor();
        self.o5.next = (self.b55.val() - self.a55.val() - 226 - ((self.b55.val() & self.b55.val()) + bit_cast::<55, 42>(bits::<42>(1))) >> self.n7.val()) + (((!self.b4.val()).xor() == (!self.x.val() | self.b42.val().get_bit(31))) != (!self.a42.val() != self.a42.val() | self.b42.val()) & (!self.z.val() ^ (self.b4.val() > 9)));
        self.o6.next = self.a16.val() & bit_cast::<16, 16>(bit_cast::<4, 29>(bit_cast::<29, 4>(self.a4.val())).get_bits::<16>(4));
        if (self.b29.val() ^ self.a29.val()).all() {
            self.o6.next = (self.a16.val() | self.b16.val()) + (self.a16.val() >> self.n3.val()) | 54965;
        }
        self.o7.next = (self.b16.val().get_bits::<42>(8) + (self.y.val() | self.x.val()) - bit_cast::<42, 4>(bit_cast::<4, 42>(self.b42.val())) ^ (self.a42.val() - self.b42.val()) - self.b42.val().replace_bit(self.n3.val().index(), self.x.val()) >> self.n7.val()) + 160;
        if bit_cast::<55, 16>(bits::<16>(152)) == self.a55.val().replace_bit(7, self.y.val()) {
            self.o7.next = bit_cast::<42, 4>(5 + !self.b4.val());
        } else if (self.b55.val() >= 0x2135600e913740_u64) & (self.z.val() == self.y.val()) {
            self.o7.next = bit_cast::<4, 55>(self.a55.val()).get_bits::<42>(3).replace_bit(self.n3.val().index(), (self.z.val() ^ self.x.val()) & self.b42.val().get_bit(23));
        }
        self.o8.next = bit_cast::<4, 42>((self.b55.val().get_bits::<42>(self.n3.val().index()) << self.n7.val()) + (self.b4.val().get_bit(0) == (self.y.val() != self.y.val()) | ((self.a42.val()) < self.b42.val())));
        self.o9.next = (((self.a29.val().get_bits::<16>(16) == self.a16.val().replace_bit(self.n3.val().index(), self.x.val())) != (bit_cast::<42, 55>(self.b55.val()) != self.a42.val() + self.a42.val())) ^ ((43 ^ self.a29.val() >> 19) > self.a29.val() + (self.z.val() || self.z.val()))) || (bit_cast::<16, 42>(self.a42.val()) + !self.a16.val() + (!self.a55.val()).get_bit(self.n3.val().index())).any();
        self.o10.next = (0 ^ bit_cast::<42, 4>(!self.a4.val().replace_bit(1, self.z.val()))) + (self.a42.val() >> self.n3.val() >> 19 >> 42 | (bits::<42>(157) | self.b42.val()).replace_bit(self.n3.val().index(), self.b55.val() > self.b55.val()).get_bits::<42>(40));
        if (self.b16.val() << self.n7.val()).get_bit(9) {
            self.o10.next = ((self.a42.val() ^ self.a42.val()) + (self.y.val() == self.x.val())).get_bits::<42>(22);
        }
        self.o11.next = !((3 - (157 & bits::<29>(536817538)).replace_bit(17, bits::<29>(128).xor())) + 2);
        self.o12.next = 212 - self.a4.val().replace_bit(2, self.y.val()).get_bits::<29>(0).get_bits::<42>(2).get_bits::<16>(1);
        self.o13.next = ((bits::<55>(3) >> self.n3.val() | 0x74a6759bad55bb_u64).replace_bit(self.n3.val().index(), self.b16.val() + self.b16.val() >= 24366) >> 31).replace_bit(41, ((1 ^ self.a55.val()).get_bits::<16>(self.n3.val().index()) | bits::<16>(3) >> self.n3.val()).get_bit(12));
        self.o14.next = (4 & (!(self.b4.val() << 1)).get_bits::<4>(2)) <= 1;
        self.o15.next = (bit_cast::<16, 55>(!bit_cast::<55, 29>(self.b29.val())) + (bit_cast::<4, 55>(bits::<55>(79)) >> self.n3.val() > !(self.b4.val() | self.b4.val()))).get_bits::<16>(self.n3.val().index());
        self.o16.next = (2 & self.a29.val().get_bits::<16>(12)).get_bits::<16>(4) << self.n7.val() & 93;
        self.o17.next = bits::<42>(0x3086902a2bd_u64);
        self.o18.next = (!self.a55.val().get_bits::<16>(4) + ((bit_cast::<55, 55>(self.a55.val())) <= 0 & self.a55.val()) ^ bit_cast::<16, 29>(self.b4.val().get_bits::<29>(3) + self.b16.val().all())) + (!(!self.b29.val()).replace_bit(9, (self.b29.val()) <= self.a29.val())).get_bit(26);
        if self.a55.val() + self.y.val() != self.b55.val() << self.n3.val() {
            self.o18.next = ((self.a16.val() ^ self.a16.val()) >> 7) + self.b16.val();
        } else if (47975 - self.b16.val()) <= self.a29.val().get_bits::<16>(11) {
            self.o18.next = bits::<16>(16451);
        }
        self.o19.next = ((((self.b55.val() & self.a55.val()).get_bits::<55>(55)) < self.a16.val().get_bits::<55>(15) + ((self.a55.val()) < self.b55.val())) == (bit_cast::<42, 29>(self.a29.val().get_bits::<29>(16)) == (self.a42.val() >> self.n7.val()) + !self.y.val())) ^ !((!self.x.val() != self.b4.val().any()) == (bit_cast::<42, 29>(self.b29.val()) != self.b42.val() << self.n3.val()));
    }
}

ports!(K3; ; in n3, n7, x, y, z, a4, b4, a16, b16, a29, b29, a42, b42, a55, b55; out o0, o1, o2, o3, o4, o5, o6, o7, o8, o9, o10, o11, o12, o13, o14, o15, o16, o17, o18, o19);

#[derive(LogicBlock, Default)]
pub struct K4 {
    n3: Signal<In, Bits<3>>,
    n7: Signal<In, Bits<7>>,
    x: Signal<In, Bit>,
    y: Signal<In, Bit>,
    z: Signal<In, Bit>,
    a9: Signal<In, Bits<9>>,
    b9: Signal<In, Bits<9>>,
    a16: Signal<In, Bits<16>>,
    b16: Signal<In, Bits<16>>,
    a21: Signal<In, Bits<21>>,
    b21: Signal<In, Bits<21>>,
    a32: Signal<In, Bits<32>>,
    b32: Signal<In, Bits<32>>,
    a34: Signal<In, Bits<34>>,
    b34: Signal<In, Bits<34>>,
    a47: Signal<In, Bits<47>>,
    b47: Signal<In, Bits<47>>,
    a60: Signal<In, Bits<60>>,
    b60: Signal<In, Bits<60>>,
    o0: Signal<Out, Bits<60>>,
    o1: Signal<Out, Bits<47>>,
    o2: Signal<Out, Bits<34>>,
    o3: Signal<Out, Bits<9>>,
    o4: Signal<Out, Bit>,
    o5: Signal<Out, Bits<32>>,
    o6: Signal<Out, Bits<60>>,
    o7: Signal<Out, Bits<60>>,
    o8: Signal<Out, Bits<47>>,
    o9: Signal<Out, Bit>,
    o10: Signal<Out, Bits<21>>,
    o11: Signal<Out, Bits<16>>,
    o12: Signal<Out, Bits<9>>,
    o13: Signal<Out, Bits<60>>,
    o14: Signal<Out, Bit>,
    o15: Signal<Out, Bits<21>>,
    o16: Signal<Out, Bits<9>>,
    o17: Signal<Out, Bits<60>>,
    o18: Signal<Out, Bits<32>>,
    o19: Signal<Out, Bit>,
}

impl Logic for K4 {
    #[hdl_gen]
    fn update(&mut self) {
        self.o0.next = bit_cast::<60, 9>((bit_cast::<9, 34>(self.a34.val()) ^ (bits::<9>(183) + self.y.val())) + ((bit_cast::<9, 34>(bits::<34>(255))) <= 3)) + (self.a34.val().get_bits::<16>(28).all() & (bit_cast::<60, 16>(self.a16.val()) == 201 + self.a60.val()) != ((self.b60.val().xor() | (self.x.val() || self.x.val())) & !!self.x.val()));
        self.o1.next = (bit_cast::<47, 32>((self.a32.val() >> self.n7.val()) + (bits::<32>(241416759) + self.b32.val())) - 0x3121cd1569ac_u64) << self.n7.val();
        self.o2.next = (self.b60.val().get_bits::<34>(54) ^ 0xc4a224b5_u64) >> self.n3.val() ^ self.a34.val();
        self.o3.next = ((self.b9.val() & self.a9.val() + self.a21.val().all()) + !self.b9.val()).get_bits::<9>(self.n3.val().index());
        self.o4.next = (bit_cast::<47, 47>(self.a47.val() >> self.n7.val()) & 63).replace_bit(self.n3.val().index(), 0 == self.a16.val()).get_bit(29);
        self.o5.next = (bit_cast::<32, 16>(self.b16.val()) << self.n3.val()) - self.b9.val().get_bits::<16>(6) * (self.b16.val() | bits::<16>(55736)) + bit_cast::<9, 47>(self.b47.val() >> self.n7.val()).get_bit(7) | 1370730492;
        self.o6.next = (!((self.b60.val() & self.a60.val()) + (bits::<32>(3) != self.b32.val())) ^ self.a60.val() & bit_cast::<47, 9>(self.a9.val()).get_bits::<60>(44)) << self.n7.val();
        self.o7.next = self.a60.val();
        self.o8.next = self.a47.val();
        self.o9.next = ((self.a34.val() + self.x.val()).any() | (self.a60.val() - self.b60.val()).get_bit(self.n3.val().index())) ^ ((self.b16.val() + self.z.val() + !self.b16.val()) < 35934) == (47 - (self.b16.val() >> self.n3.val())).get_bits::<60>(13).all();
        self.o10.next = ((bit_cast::<16, 16>(self.a16.val()) + !self.x.val()).get_bits::<34>(self.n3.val().index()) >> 16).get_bits::<21>(11);
        if !self.z.val() || self.b47.val() == 0x18216c0c7bdf_u64 {
            self.o10.next = self.a21.val() >> 23;
        }
        self.o11.next = bit_cast::<16, 47>(bit_cast::<47, 9>(!((self.a9.val() + self.a9.val()) + bit_cast::<9, 32>(self.b32.val()))));
        self.o12.next = bit_cast::<9, 34>(self.b47.val().get_bits::<16>(3).replace_bit(self.n3.val().index(), !self.z.val()).get_bits::<34>(self.n3.val().index())) >> 1;
        if bits::<9>(1).get_bit(self.n3.val().index()) != !self.z.val() {
            self.o12.next = bit_cast::<9, 34>((self.b34.val() | self.a34.val()) + (self.b60.val() != 3));
        }
        self.o13.next = !(bit_cast::<60, 21>(bit_cast::<21, 21>(self.b21.val() >> 9)) >> self.n3.val());
        self.o14.next = ((self.a32.val() & 2) >> self.n7.val() >> self.n3.val() == (self.b16.val() - bit_cast::<16, 9>(self.b9.val())) * self.b21.val().get_bits::<16>(self.n3.val().index()).replace_bit(9, (self.a9.val()) < self.b9.val())) == ((!(self.b16.val() * self.a16.val()).get_bits::<47>(self.n3.val().index())) < 148);
        self.o15.next = bit_cast::<21, 21>(self.b21.val() - self.a21.val() - (self.b21.val() << self.n3.val()) | 2 - self.b47.val().get_bits::<21>(self.n3.val().index())) | self.a21.val();
        self.o16.next = self.a9.val();
        self.o17.next = bit_cast::<60, 21>(bit_cast::<21, 21>((self.a21.val() | self.b21.val().replace_bit(self.n3.val().index(), self.y.val())) & (self.a21.val() & bits::<21>(1) & bit_cast::<21, 47>(self.b47.val()))));
        self.o18.next = bits::<32>(153) + ((bit_cast::<47, 16>(bit_cast::<16, 32>(self.b32.val())) != 0x411da57e7ef8_u64) | (!(self.b16.val() * self.a16.val())).get_bit(self.n3.val().index()));
        self.o19.next = (2 ^ bit_cast::<9, 47>(self.a60.val().get_bits::<34>(self.n3.val().index()).get_bits::<47>(6))) <= !self.a9.val() & (162 + self.b9.val()).replace_bit(3, self.b16.val() >= 163).get_bits::<9>(self.n3.val().index());
    }
}

ports!(K4; ; in n3, n7, x, y, z, a9, b9, a16, b16, a21, b21, a32, b32, a34, b34, a47, b47, a60, b60; out o0, o1, o2, o3, o4, o5, o6, o7, o8, o9, o10, o11, o12, o13, o14, o15, o16, o17, o18, o19);

#[derive(LogicBlock, Default)]
pub struct K5 {
    n3: Signal<In, Bits<3>>,
    n7: Signal<In, Bits<7>>,
    x: Signal<In, Bit>,
    y: Signal<In, Bit>,
    z: Signal<In, Bit>,
    a1: Signal<In, Bits<1>>,
    b1: Signal<In, Bits<1>>,
    a14: Signal<In, Bits<14>>,
    b14: Signal<In, Bits<14>>,
    a26: Signal<In, Bits<26>>,
    b26: Signal<In, Bits<26>>,
    a39: Signal<In, Bits<39>>,
    b39: Signal<In, Bits<39>>,
    a52: Signal<In, Bits<52>>,
    b52: Signal<In, Bits<52>>,
    o0: Signal<Out, Bits<14>>,
    o1: Signal<Out, Bits<14>>,
    o2: Signal<Out, Bits<14>>,
    o3: Signal<Out, Bits<39>>,
    o4: Signal<Out, Bit>,
    o5: Signal<Out, Bits<26>>,
    o6: Signal<Out, Bits<52>>,
    o7: Signal<Out, Bits<14>>,
    o8: Signal<Out, Bits<52>>,
    o9: Signal<Out, Bit>,
    o10: Signal<Out, Bits<52>>,
    o11: Signal<Out, Bits<26>>,
    o12: Signal<Out, Bits<14>>,
    o13: Signal<Out, Bits<14>>,
    o14: Signal<Out, Bit>,
    o15: Signal<Out, Bits<1>>,
    o16: Signal<Out, Bits<52>>,
    o17: Signal<Out, Bits<52>>,
    o18: Signal<Out, Bits<39>>,
    o19: Signal<Out, Bit>,
}

impl Logic for K5 {
    #[hdl_gen]
    fn update(&mut self) {
        self.o0.next = bit_cast::<14, 26>(!((self.a52.val() << self.n3.val()) + (self.z.val() | self.z.val())).get_bits::<26>(self.n3.val().index()));
        self.o1.next = self.b26.val().get_bits::<14>(self.n3.val().index());
        if (self.b39.val() ^ 0x5d23baa5e8_u64).get_bit(self.n3.val().index()) {
            self.o1.next = bit_cast::<14, 14>(self.a39.val().replace_bit(17, self.x.val()).get_bits::<14>(13));
        } else if self.y.val() & self.z.val() && self.b52.val().all() {
            self.o1.next = bit_cast::<14, 14>(bit_cast::<14, 26>(self.b26.val().get_bits::<26>(self.n3.val().index())));
        }
        self.o2.next = bit_cast::<14, 26>(bit_cast::<26, 26>(self.b26.val() ^ self.a26.val()) >> self.n3.val() ^ bit_cast::<26, 14>(bit_cast::<14, 1>(self.b1.val())) >> self.n3.val());
        self.o3.next = (bit_cast::<52, 52>(self.a52.val() + self.a52.val()) >> 6 >> 35).get_bits::<39>(37);
        self.o4.next = !(((self.a14.val() + (self.a1.val() > self.a1.val())) <= (self.a14.val() | self.b14.val()) ^ (!self.a14.val())) != (self.z.val() | self.y.val()) ^ self.b1.val().get_bit(0) | ((self.b39.val()) < self.b39.val() && self.z.val() == self.x.val()));
        self.o5.next = 27856705 ^ self.a26.val();
        if bit_cast::<1, 14>(self.b14.val()) > 1 {
            self.o5.next = self.a26.val();
        }
        self.o6.next = bit_cast::<52, 26>(bit_cast::<26, 39>(!(self.a39.val() ^ 3))) | (((self.b52.val() & self.a52.val()) + self.a26.val().get_bit(20)) - (self.a26.val() | self.a26.val()).get_bits::<52>(24)) + ((0xc4bbdf25e8f30_u64) < (self.b52.val() | 3) >> self.n3.val());
        self.o7.next = (bit_cast::<14, 14>(bit_cast::<14, 52>(bits::<52>(136)) & (234 + self.b14.val())) | 0).replace_bit(self.n3.val().index(), self.a52.val().get_bits::<39>(26).get_bits::<39>(10).get_bits::<14>(self.n3.val().index()) != (self.a14.val() << self.n3.val() ^ self.b14.val() + self.x.val()) + ((!self.a14.val()) >= 225));
        self.o8.next = !(((181 | !self.b52.val()) << 0) + (((self.a52.val().get_bits::<14>(1)) <= !self.a14.val()) ^ ((self.z.val() != self.x.val()) != (self.b39.val() == self.b39.val()))));
        self.o9.next = ((self.b52.val() >> self.n7.val()).get_bits::<26>(self.n3.val().index()) + ((bits::<39>(0x373f2e53b8_u64) + self.z.val()) == 0x2da15215f7_u64)).get_bit(self.n3.val().index()) && (bit_cast::<52, 26>(self.b26.val() + 8963764) >> self.n7.val()) <= 2;
        self.o10.next = bit_cast::<52, 26>(bits::<26>(60618424) >> 3);
        self.o11.next = self.b26.val().replace_bit(10, (bit_cast::<14, 14>(self.b14.val())) <= self.a14.val() + self.b14.val()) + (self.a26.val() + !(self.a14.val() > self.a14.val())) + (((self.a39.val() != 106) ^ (self.y.val() ^ self.y.val()) != (197 != bits::<39>(121)) ^ ((self.b52.val()) <= 0xd313878cb9757_u64)) ^ (!self.z.val() && (self.a14.val()) < 3) & self.a52.val().get_bits::<52>(self.n3.val().index()).all());
        self.o12.next = bit_cast::<14, 14>(!bits::<14>(1));
        self.o13.next = 2 & self.b14.val() << self.n7.val();
        self.o14.next = (bit_cast::<1, 39>((self.b39.val().get_bits::<39>(self.n3.val().index()) + ((self.b26.val()) < self.b26.val())) & bit_cast::<39, 39>(bit_cast::<39, 14>(self.b14.val())))) < !((self.a1.val() << self.n7.val()) - (self.b1.val() | self.a1.val())) + (self.a1.val() ^ self.a1.val() ^ bit_cast::<1, 52>(self.b52.val())).get_bit(0);
        self.o15.next = (164 & bit_cast::<14, 26>(self.a26.val() << self.n3.val()).replace_bit(6, self.z.val() && self.x.val() || self.a39.val() != self.a39.val())).get_bits::<1>(self.n3.val().index());
        self.o16.next = self.a52.val();
        if !self.b1.val() != self.a1.val() >> self.n3.val() {
            self.o16.next = !(self.b52.val() >> self.n7.val()).replace_bit(self.n3.val().index(), !self.y.val());
        } else if !(self.z.val() != self.x.val()) {
            self.o16.next = self.b52.val() | ((!self.a52.val()) ^ 3);
        }
        self.o17.next = self.b52.val().get_bits::<52>(20);
        self.o18.next = (self.b1.val() + ((self.a1.val() >> self.n7.val()) + (self.y.val() ^ self.y.val()))).get_bits::<39>(0) ^ self.a39.val() >> self.n3.val();
        self.o19.next = ((3 ^ ((bits::<26>(88) | self.b26.val()) ^ (self.b26.val() - self.b26.val()))) - ((self.b26.val() & self.a26.val().replace_bit(19, self.y.val())) + (bit_cast::<26, 26>(self.b26.val()) >> self.n3.val()))).get_bit(23);
    }
}

ports!(K5; ; in n3, n7, x, y, z, a1, b1, a14, b14, a26, b26, a39, b39, a52, b52; out o0, o1, o2, o3, o4, o5, o6, o7, o8, o9, o10, o11, o12, o13, o14, o15, o16, o17, o18, o19);

#[derive(LogicBlock, Default)]
pub struct K6 {
    n3: Signal<In, Bits<3>>,
    n7: Signal<In, Bits<7>>,
    x: Signal<In, Bit>,
    y: Signal<In, Bit>,
    z: Signal<In, Bit>,
    a6: Signal<In, Bits<6>>,
    b6: Signal<In, Bits<6>>,
    a19: Signal<In, Bits<19>>,
    b19: Signal<In, Bits<19>>,
    a31: Signal<In, Bits<31>>,
    b31: Signal<In, Bits<31>>,
    a44: Signal<In, Bits<44>>,
    b44: Signal<In, Bits<44>>,
    a57: Signal<In, Bits<57>>,
    b57: Signal<In, Bits<57>>,
    o0: Signal<Out, Bits<19>>,
    o1: Signal<Out, Bits<31>>,
    o2: Signal<Out, Bits<31>>,
    o3: Signal<Out, Bits<31>>,
    o4: Signal<Out, Bit>,
    o5: Signal<Out, Bits<6>>,
    o6: Signal<Out, Bits<19>>,
    o7: Signal<Out, Bits<19>>,
    o8: Signal<Out, Bits<44>>,
    o9: Signal<Out, Bit>,
    o10: Signal<Out, Bits<19>>,
    o11: Signal<Out, Bits<31>>,
    o12: Signal<Out, Bits<6>>,
    o13: Signal<Out, Bits<44>>,
    o14: Signal<Out, Bit>,
    o15: Signal<Out, Bits<57>>,
    o16: Signal<Out, Bits<6>>,
    o17: Signal<Out, Bits<6>>,
    o18: Signal<Out, Bits<6>>,
    o19: Signal<Out, Bit>,
}

impl Logic for K6 {
    #[hdl_gen]
    fn update(&mut self) {
        self.o0.next = self.b19.val();
        self.o1.next = 3 ^ !!((self.a31.val() | self.b31.val()) + self.a19.val().xor());
        self.o2.next = (bit_cast::<31, 6>(bit_cast::<6, 31>(self.b31.val())) >> 24 ^ 123) & ((self.b31.val() << self.n7.val()) - 1 + self.b31.val()).replace_bit(30, (self.y.val() != self.z.val()) | (self.x.val() | self.z.val()) != (self.a19.val() | self.a19.val()).all());
        if (self.b44.val().replace_bit(7, self.z.val())) < self.b44.val() << 46 {
            self.o2.next = (self.b44.val() - self.a44.val() << self.n7.val()).get_bits::<31>(36);
        }
        self.o3.next = bit_cast::<31, 31>(self.b31.val() << self.n3.val()) + bit_cast::<31, 44>(!self.a6.val().get_bits::<44>(4)) + ((((self.b6.val() + self.y.val()) <= self.a6.val()) ^ (self.b44.val() & self.b44.val()).get_bit(self.n3.val().index())) && (!((self.y.val() || self.z.val()) != self.x.val() ^ self.z.val())));
        if !(self.z.val() ^ self.z.val()) {
            self.o3.next = 1371364588 + self.a31.val() >> self.n7.val() << self.n7.val();
        } else if !((self.a57.val()) <= self.b57.val()) {
            self.o3.next = 1 ^ (self.b31.val() >> 6 | self.a31.val() + self.z.val());
        }
        self.o4.next = (bit_cast::<57, 6>(!bit_cast::<31, 44>(self.b44.val()).get_bits::<6>(28))) <= bit_cast::<57, 31>(bits::<31>(93) + self.y.val() ^ self.a31.val() - bits::<31>(889116172)) + 30;
        self.o5.next = bit_cast::<6, 6>(bit_cast::<6, 19>(bits::<19>(2)) >> self.n3.val());
        self.o6.next = self.a19.val() + (self.a6.val().get_bits::<19>(3).get_bit(13) || ((self.a31.val()) <= self.a31.val()) | !self.x.val()) + ((bit_cast::<44, 31>(self.b31.val() >> self.n3.val()) ^ bit_cast::<44, 44>(self.a19.val().get_bits::<44>(3))) < 163);
        self.o7.next = 191 ^ self.b19.val();
        self.o8.next = bit_cast::<44, 31>(((self.b31.val() + self.z.val()) << 1).get_bits::<31>(8) + (self.a31.val() & !(bits::<31>(0) >> 1)));
        self.o9.next = (bit_cast::<6, 44>(self.a44.val())) <= 31;
        self.o10.next = (self.a19.val().replace_bit(self.n3.val().index(), self.z.val()) | self.b19.val() >> self.n3.val()).replace_bit(2, !(self.z.val() | self.x.val())) - self.a19.val() & 45;
        self.o11.next = self.a31.val();
        if self.b6.val() ^ bits::<6>(2) != self.a6.val() >> self.n3.val() {
            self.o11.next = ((self.a57.val() << self.n7.val()) + ((self.b44.val()) <= self.a44.val())).get_bits::<31>(4);
        }
        self.o12.next = bit_cast::<6, 31>(self.b31.val());
        self.o13.next = self.a44.val();
        self.o14.next = (self.b44.val()) <= bit_cast::<44, 31>(70 & self.a31.val() >> self.n7.val() | 1);
        self.o15.next = (bit_cast::<57, 44>((self.a44.val() << self.n3.val()) + (self.z.val() == self.y.val())) >> self.n3.val()) + ((26 == bit_cast::<6, 19>(self.b19.val() + self.z.val())) != ((bits::<57>(3)) < self.b44.val().get_bits::<57>(22) || (0x98feff78b76_u64 & self.a44.val()).all()));
        self.o16.next = self.a6.val();
        if (self.z.val() | self.z.val()) ^ (self.y.val() | self.x.val()) {
            self.o16.next = self.b6.val();
        }
        self.o17.next = self.a6.val() - ((209 ^ (self.a44.val() ^ 0x32c701387fa_u64)) & self.b44.val() >> self.n3.val() << self.n7.val()).get_bits::<6>(self.n3.val().index());
        self.o18.next = self.a6.val() + (((bits::<44>(0xd4776266c40_u64) | self.b44.val()) + bit_cast::<44, 31>(self.b31.val()) << self.n7.val()) <= (self.b44.val() ^ self.b44.val()) & self.a44.val() + self.z.val() ^ self.a44.val());
        self.o19.next = ((self.a57.val().get_bits::<57>(self.n3.val().index()) | self.a57.val() - 0x2a417ff3157d3f_u64) >> self.n3.val() << self.n3.val()) <= self.a57.val();
        if !self.x.val() != (!self.x.val()) {
            self.o19.next = (1501147465 - (self.a31.val() + 2)).get_bit(self.n3.val().index());
        } else if (self.y.val() || self.z.val()) ^ (self.b57.val() >= self.b57.val()) {
            self.o19.next = ((self.b31.val() != self.a31.val()) | (self.b31.val() != self.b31.val())) != (self.x.val() || self.x.val() || self.a19.val().all());
        }
    }
}

ports!(K6; ; in n3, n7, x, y, z, a6, b6, a19, b19, a31, b31, a44, b44, a57, b57; out o0, o1, o2, o3, o4, o5, o6, o7, o8, o9, o10, o11, o12, o13, o14, o15, o16, o17, o18, o19);

#[derive(LogicBlock, Default)]
pub struct K7 {
    n3: Signal<In, Bits<3>>,
    n7: Signal<In, Bits<7>>,
    x: Signal<In, Bit>,
    y: Signal<In, Bit>,
    z: Signal<In, Bit>,
    a11: Signal<In, Bits<11>>,
    b11: Signal<In, Bits<11>>,
    a24: Signal<In, Bits<24>>,
    b24: Signal<In, Bits<24>>,
    a36: Signal<In, Bits<36>>,
    b36: Signal<In, Bits<36>>,
    a49: Signal<In, Bits<49>>,
    b49: Signal<In, Bits<49>>,
    a62: Signal<In, Bits<62>>,
    b62: Signal<In, Bits<62>>,
    o0: Signal<Out, Bits<11>>,
    o1: Signal<Out, Bits<11>>,
    o2: Signal<Out, Bits<11>>,
    o3: Signal<Out, Bits<11>>,
    o4: Signal<Out, Bit>,
    o5: Signal<Out, Bits<24>>,
    o6: Signal<Out, Bits<49>>,
    o7: Signal<Out, Bits<11>>,
    o8: Signal<Out, Bits<49>>,
    o9: Signal<Out, Bit>,
    o10: Signal<Out, Bits<11>>,
    o11: Signal<Out, Bits<49>>,
    o12: Signal<Out, Bits<62>>,
    o13: Signal<Out, Bits<24>>,
    o14: Signal<Out, Bit>,
    o15: Signal<Out, Bits<24>>,
    o16: Signal<Out, Bits<11>>,
    o17: Signal<Out, Bits<24>>,
    o18: Signal<Out, Bits<62>>,
    o19: Signal<Out, Bit>,
}

impl Logic for K7 {
    #[hdl_gen]
    fn update(&mut self) {
        self.o0.next = self.a11.val() - !(((bits::<11>(2) & self.a11.val()) - (bits::<11>(143) ^ self.a11.val())) >> self.n7.val());
        self.o1.next = !self.b11.val() | 3 & bit_cast::<11, 49>(self.b49.val() << self.n3.val()) + (self.a11.val() ^ self.a11.val()).replace_bit(6, self.y.val() & self.z.val());
        self.o2.next = bit_cast::<49, 11>(self.b11.val().replace_bit(3, self.y.val()) - !self.b11.val() | 3).get_bits::<11>(17);
        self.o3.next = bit_cast::<11, 11>(self.b11.val() & 662 ^ bits::<11>(119) << self.n3.val() >> self.n3.val()) << self.n7.val();
        self.o4.next = (!!bits::<36>(1).replace_bit(33, self.x.val())).any() != ((bit_cast::<49, 36>(bit_cast::<36, 49>(self.a49.val()))) < (self.a49.val() & 198) + bit_cast::<49, 24>(self.b24.val()) + ((self.b62.val() | 3) < self.b62.val() ^ self.a62.val()));
        self.o5.next = (bit_cast::<24, 24>(self.a24.val() & self.b24.val()) + ((self.b36.val()) < self.b36.val() || !self.z.val()) + !!self.b62.val().get_bit(self.n3.val().index())) + (self.b49.val().get_bits::<62>(45).get_bits::<62>(self.n3.val().index()) | !self.a62.val().replace_bit(41, self.y.val()) > bits::<62>(98));
        self.o6.next = bit_cast::<49, 49>(!((self.b49.val() & self.a49.val()) + !self.a49.val()) + (((self.b49.val().replace_bit(2, self.y.val())) <= bit_cast::<49, 36>(self.a36.val())) && (self.b11.val() - bits::<11>(28)) != self.b11.val() | self.b11.val()));
        self.o7.next = bit_cast::<24, 36>(self.b36.val().replace_bit(14, self.x.val()).replace_bit(32, self.y.val() ^ self.x.val()) + self.b11.val().get_bits::<49>(self.n3.val().index()).get_bit(16)).get_bits::<11>(16);
        self.o8.next = bits::<49>(81).get_bits::<11>(8).get_bits::<49>(9);
        self.o9.next = bit_cast::<49, 62>((0x1cd90b9a66fa8_u64 | self.a49.val()).get_bits::<62>(self.n3.val().index())).get_bit(self.n3.val().index());
        if !!self.z.val() {
            self.o9.next = (!self.y.val() || self.b62.val() == self.a62.val()) == (bits::<36>(1).get_bits::<36>(9) != 0x584bf583c_u64 ^ bits::<36>(0x575644391_u64));
        } else if (bits::<11>(0) - self.a11.val()).get_bit(10) {
            self.o9.next = (self.a62.val() + self.x.val() == self.a62.val()) & ((0) <= self.b24.val() + self.b24.val());
        }
        self.o10.next = bit_cast::<62, 62>(bit_cast::<62, 62>((0 & self.a62.val()) << 7)).get_bits::<11>(self.n3.val().index());
        self.o11.next = bit_cast::<49, 62>(0x35801ee8cf87dda9_u64 + !(self.b62.val() + !self.x.val()));
        self.o12.next = self.a62.val() >> 12;
        self.o13.next = ((self.a24.val() + self.z.val() & self.a24.val() >> self.n7.val()).get_bits::<24>(self.n3.val().index()) >> 5) + (bit_cast::<11, 62>(self.a36.val().get_bits::<62>(self.n3.val().index())) ^ self.b11.val()).get_bits::<24>(11);
        if (self.a11.val().get_bits::<36>(5)) <= 0x921b72443_u64 {
            self.o13.next = bit_cast::<36, 49>(self.b49.val()).get_bits::<24>(self.n3.val().index()) << self.n7.val();
        } else if (self.b36.val() << self.n3.val()) <= self.b11.val().get_bits::<36>(self.n3.val().index()) {
            self.o13.next = (!bits::<24>(4) & bit_cast::<24, 36>(self.a36.val())) + ((self.b24.val() + self.z.val()) >> self.n7.val());
        }
        self.o14.next = (!((self.a49.val() << self.n3.val()) - 2) >= 214) == (self.a49.val() == !(self.a49.val() | 229).replace_bit(self.n3.val().index(), self.b62.val().all()));
        self.o15.next = (self.a62.val() + (0 + self.a36.val() == self.a36.val().get_bits::<36>(21) && (self.b11.val().any() | (self.z.val() ^ self.z.val())))).get_bits::<24>(self.n3.val().index());
        self.o16.next = (227 | self.b11.val() ^ 348) + !(self.z.val() || self.y.val()) - self.b11.val() & self.a11.val().replace_bit(self.n3.val().index(), (!bits::<49>(0x1c7d14b4a487_u64)).any()) << self.n7.val();
        self.o17.next = (bit_cast::<24, 11>(self.a11.val()) >> self.n7.val() >> self.n7.val()) + (bit_cast::<36, 36>(self.a36.val() + self.b36.val()) == self.b36.val().get_bits::<36>(self.n3.val().index()) >> 12) & bit_cast::<24, 36>((self.b36.val() ^ self.b36.val()).replace_bit(self.n3.val().index(), self.b49.val() >= self.a49.val()) << 26);
        self.o18.next = (bit_cast::<62, 24>(self.a24.val()).get_bits::<62>(60) - !self.b62.val().replace_bit(16, self.y.val())).replace_bit(4, (bits::<36>(0) + self.y.val() << self.n3.val()).get_bit(16)) - ((self.a62.val() >> self.n3.val() ^ (self.a62.val() | self.b62.val())) + 0x1d2e3a9bc483fb9_u64 - (self.b62.val().replace_bit(31, self.y.val()) - (self.b62.val() & bits::<62>(0x22c46ee0931e1489_u64)) - 0x2df0df6803151ce0_u64));
        self.o19.next = !(((0x2665e3192_u64 ^ self.b36.val()).get_bits::<62>(self.n3.val().index()) == (178 & self.a62.val()) + (self.x.val() == self.y.val())) | !(bits::<62>(0x1c41d5a85deb163d_u64) - self.a62.val()).any());
    }
}

ports!(K7; ; in n3, n7, x, y, z, a11, b11, a24, b24, a36, b36, a49, b49, a62, b62; out o0, o1, o2, o3, o4, o5, o6, o7, o8, o9, o10, o11, o12, o13, o14, o15, o16, o17, o18, o19);

#[derive(LogicBlock, Default)]
pub struct K8 {
    n3: Signal<In, Bits<3>>,
    n7: Signal<In, Bits<7>>,
    x: Signal<In, Bit>,
    y: Signal<In, Bit>,
    z: Signal<In, Bit>,
    a3: Signal<In, Bits<3>>,
    b3: Signal<In, Bits<3>>,
    a16: Signal<In, Bits<16>>,
    b16: Signal<In, Bits<16>>,
    a29: Signal<In, Bits<29>>,
    b29: Signal<In, Bits<29>>,
    a32: Signal<In, Bits<32>>,
    b32: Signal<In, Bits<32>>,
    a41: Signal<In, Bits<41>>,
    b41: Signal<In, Bits<41>>,
    a54: Signal<In, Bits<54>>,
    b54: Signal<In, Bits<54>>,
    o0: Signal<Out, Bits<16>>,
    o1: Signal<Out, Bits<3>>,
    o2: Signal<Out, Bits<3>>,
    o3: Signal<Out, Bits<41>>,
    o4: Signal<Out, Bit>,
    o5: Signal<Out, Bits<41>>,
    o6: Signal<Out, Bits<54>>,
    o7: Signal<Out, Bits<16>>,
    o8: Signal<Out, Bits<32>>,
    o9: Signal<Out, Bit>,
    o10: Signal<Out, Bits<3>>,
    o11: Signal<Out, Bits<32>>,
    o12: Signal<Out, Bits<54>>,
    o13: Signal<Out, Bits<54>>,
    o14: Signal<Out, Bit>,
    o15: Signal<Out, Bits<29>>,
    o16: Signal<Out, Bits<41>>,
    o17: Signal<Out, Bits<3>>,
    o18: Signal<Out, Bits<41>>,
    o19: Signal<Out, Bit>,
}

impl Logic for K8 {
    #[hdl_gen]
    fn update(&mut self) {
        self.o0.next = 41 - (33 - (self.b16.val() + self.b16.val())) + (bit_cast::<32, 54>(self.a54.val().replace_bit(26, self.x.val())) >= (626262770 + self.a16.val() * self.b16.val())) << self.n3.val();
        self.o1.next = self.a3.val() & !(bits::<41>(0x1e672a162d9_u64).get_bits::<3>(self.n3.val().index()) + (self.y.val() == self.y.val()) << self.n7.val());
        self.o2.next = bit_cast::<41, 32>(self.b16.val().replace_bit(6, self.y.val()) * (self.b16.val() - 34217) | 2 ^ self.a32.val() & self.b32.val()).get_bits::<3>(1);
        self.o3.next = (bit_cast::<41, 32>(bits::<32>(1771845257)) ^ (0 ^ self.b41.val() & self.b41.val()) ^ bit_cast::<41, 16>((self.b16.val() & self.a16.val()) << 17)).replace_bit(36, ((self.b32.val() << self.n3.val()).get_bits::<54>(15).get_bits::<54>(42)) <= 1 ^ bit_cast::<54, 41>(!self.a41.val()));
        self.o4.next = ((0x1ba79a31470_u64 | self.b41.val()) >> self.n3.val() >> self.n7.val()).get_bit(23) ^ ((self.a3.val() + bit_cast::<3, 32>(self.b32.val())).xor() || self.b3.val() > (4 ^ !self.a3.val()));
        self.o5.next = (bit_cast::<41, 41>(self.a41.val()) + !self.a41.val() - (self.b54.val() + self.a54.val()).get_bits::<41>(self.n3.val().index()) - (0x3c7813bf0c_u64 + (self.a41.val() - self.a41.val() ^ self.a32.val().get_bits::<41>(25)))) + (!self.b41.val().get_bits::<41>(17) >> self.n3.val() | 0x15870b7a3b4_u64);
        self.o6.next = bit_cast::<54, 16>(self.b16.val()) + bit_cast::<32, 3>(bit_cast::<3, 32>(self.a32.val() + self.x.val())).get_bit(10);
        self.o7.next = (((self.a32.val() >> self.n7.val()) | bit_cast::<32, 3>(self.a3.val())) & (self.b41.val() + self.z.val()).get_bits::<32>(32)).get_bits::<54>(7).get_bits::<16>(54);
        self.o8.next = bit_cast::<32, 32>(self.a16.val() * ((self.a16.val() << 11 | self.b16.val() + self.a16.val()) + (self.a29.val() == self.b3.val().get_bits::<29>(1))));
        self.o9.next = self.b54.val().get_bit(9);
        self.o10.next = bit_cast::<3, 16>(21 - (self.a16.val() + self.y.val() | bit_cast::<16, 41>(self.a41.val())) >> self.n7.val());
        self.o11.next = bit_cast::<32, 54>(self.a29.val().get_bits::<54>(7) + (self.b54.val() + self.z.val()) & self.b3.val().get_bits::<54>(1)).replace_bit(28, !(self.a16.val() & self.b16.val()) >= 3 && ((bits::<54>(1) >> self.n7.val()) < self.b54.val() >> self.n7.val() && (self.b54.val() != self.b54.val()) & (self.x.val() & self.y.val())));
        self.o12.next = (0 ^ self.a54.val()) + (self.b54.val() >> self.n7.val() >> self.n3.val());
        self.o13.next = (self.a41.val() + 132).get_bits::<54>(self.n3.val().index()).replace_bit(self.n3.val().index(), ((0x3537134a881d67_u64) <= self.a54.val()) ^ self.b16.val().all()) + bit_cast::<54, 32>((self.b32.val() | self.b32.val()).replace_bit(self.n3.val().index(), (self.b54.val()) < self.a54.val())) + ((self.a3.val() << self.n7.val() == self.a3.val() << self.n7.val()) ^ (self.b32.val().any() | bits::<54>(208).get_bit(48)) != self.b29.val().replace_bit(self.n3.val().index(), self.z.val()).get_bits::<29>(3).get_bit(18));
        self.o14.next = ((bits::<16>(34946) >> self.n7.val() ^ self.b16.val().replace_bit(14, self.z.val()) << 2).get_bits::<16>(2)) <= 17990;
        self.o15.next = (36670 - (3 - self.b16.val() ^ 37435 ^ (bit_cast::<16, 54>(self.b54.val()) | bit_cast::<16, 16>(self.a16.val())))).get_bits::<29>(self.n3.val().index());
        self.o16.next = self.b41.val();
        self.o17.next = (self.b3.val() ^ 0 | 6 | bits::<29>(72).get_bits::<54>(self.n3.val().index()).get_bits::<3>(53) & self.b3.val()) + self.a3.val();
        self.o18.next = bit_cast::<41, 54>(!((self.a54.val() >> 19) + (self.z.val() & self.z.val() != self.b32.val().get_bit(self.n3.val().index()))));
        self.o19.next = (bit_cast::<16, 29>(154 + self.a29.val() + (self.y.val() || self.x.val()) + bit_cast::<29, 3>(self.a3.val() ^ self.a3.val()))) < (7518 + self.b16.val() | (self.b16.val() << 13)).get_bits::<16>(15) << self.n3.val();
    }
}

ports!(K8; ; in n3, n7, x, y, z, a3, b3, a16, b16, a29, b29, a32, b32, a41, b41, a54, b54; out o0, o1, o2, o3, o4, o5, o6, o7, o8, o9, o10, o11, o12, o13, o14, o15, o16, o17, o18, o19);

#[derive(LogicBlock, Default)]
pub struct K9 {
    n3: Signal<In, Bits<3>>,
    n7: Signal<In, Bits<7>>,
    x: Signal<In, Bit>,
    y: Signal<In, Bit>,
    z: Signal<In, Bit>,
    a8: Signal<In, Bits<8>>,
    b8: Signal<In, Bits<8>>,
    a21: Signal<In, Bits<21>>,
    b21: Signal<In, Bits<21>>,
    a34: Signal<In, Bits<34>>,
    b34: Signal<In, Bits<34>>,
    a46: Signal<In, Bits<46>>,
    b46: Signal<In, Bits<46>>,
    a59: Signal<In, Bits<59>>,
    b59: Signal<In, Bits<59>>,
    o0: Signal<Out, Bits<34>>,
    o1: Signal<Out, Bits<8>>,
    o2: Signal<Out, Bits<59>>,
    o3: Signal<Out, Bits<46>>,
    o4: Signal<Out, Bit>,
    o5: Signal<Out, Bits<59>>,
    o6: Signal<Out, Bits<21>>,
    o7: Signal<Out, Bits<46>>,
    o8: Signal<Out, Bits<8>>,
    o9: Signal<Out, Bit>,
    o10: Signal<Out, Bits<59>>,
    o11: Signal<Out, Bits<34>>,
    o12: Signal<Out, Bits<46>>,
    o13: Signal<Out, Bits<21>>,
    o14: Signal<Out, Bit>,
    o15: Signal<Out, Bits<34>>,
    o16: Signal<Out, Bits<34>>,
    o17: Signal<Out, Bits<59>>,
    o18: Signal<Out, Bits<21>>,
    o19: Signal<Out, Bit>,
}

impl Logic for K9 {
    #[hdl_gen]
    fn update(&mut self) {
        self.o0.next = self.a34.val() + (!bit_cast::<34, 34>(self.b34.val()) | (self.b34.val() & self.b34.val()) << 16).xor();
        self.o1.next = (self.b8.val().replace_bit(5, (!self.b21.val()).xor()) | self.a8.val().replace_bit(2, (1 == self.a59.val()) | self.a46.val().any())) >> self.n7.val();
        self.o2.next = ((1 ^ self.a21.val().get_bits::<59>(21).replace_bit(self.n3.val().index(), self.x.val() != self.x.val())) & bit_cast::<59, 46>((72 ^ self.a46.val()) - (self.a46.val() & self.a46.val()))).replace_bit(self.n3.val().index(), ((self.a21.val()) <= bit_cast::<21, 21>(self.a21.val()) >> self.n7.val()) == (bit_cast::<21, 59>(self.b59.val() + self.b59.val()) >= (1052403 | self.a21.val()) & 786234));
        self.o3.next = (bit_cast::<46, 46>(self.a46.val() >> 49) << self.n3.val() & bit_cast::<46, 59>(!bit_cast::<59, 34>(self.b34.val()))) - ((self.b46.val() << self.n3.val() >> self.n3.val() ^ bit_cast::<46, 59>(bits::<59>(164)) << self.n3.val()) << 38);
        self.o4.next = !self.a21.val() >= bit_cast::<21, 8>(bit_cast::<8, 59>(self.a59.val() << 24));
        self.o5.next = self.a59.val() | bit_cast::<59, 34>(self.b34.val() ^ 0x14c165466_u64);
        self.o6.next = self.b21.val();
        self.o7.next = bit_cast::<46, 21>(bit_cast::<21, 8>(bits::<8>(174).replace_bit(self.n3.val().index(), self.b46.val().all())) & self.a21.val());
        if self.b21.val().get_bits::<46>(self.n3.val().index()).all() {
            self.o7.next = !bit_cast::<46, 34>(self.a34.val()) >> 34;
        } else if self.b8.val() + self.x.val() != self.b8.val() + self.a8.val() {
            self.o7.next = bit_cast::<46, 59>(self.b59.val() & 3);
        }
        self.o8.next = !bit_cast::<8, 34>(!self.a34.val());
        self.o9.next = 0x21569052ecb0_u64 > self.a46.val();
        self.o10.next = self.b59.val();
        if (self.y.val() || self.x.val()) || self.z.val() | self.y.val() {
            self.o10.next = (self.a59.val() << 11 | 209) + bit_cast::<59, 46>(self.b46.val()).xor();
        }
        self.o11.next = self.a34.val();
        self.o12.next = 11 + (1 + self.a46.val());
        self.o13.next = bits::<21>(0);
        self.o14.next = ((1 & (self.a59.val() + self.y.val()).get_bits::<34>(11)) ^ (bits::<21>(196780).get_bits::<34>(self.n3.val().index()) >> self.n3.val()) - (bits::<34>(0x3fc155a03_u64) & self.a34.val() | bits::<34>(2).get_bits::<34>(1))) != bit_cast::<8, 34>(self.a34.val()).get_bits::<59>(5).get_bits::<34>(self.n3.val().index()).replace_bit(11, ((self.a59.val() & self.a59.val()) + (bits::<46>(1) >= self.a46.val())) < 109);
        self.o15.next = (self.a8.val().get_bits::<34>(8) + self.b8.val().get_bit(5) | (self.b34.val() << 37) + (!self.x.val())) + (!self.a8.val().get_bits::<8>(self.n3.val().index())).get_bits::<34>(6) & 94;
        self.o16.next = (bit_cast::<34, 21>(self.b21.val()) << self.n3.val()) - (self.a59.val() >> self.n7.val()).get_bits::<34>(3) & !self.a34.val() + (self.z.val() && self.y.val()) + (self.b34.val() + self.y.val() - (bits::<34>(3) | self.b34.val())) & (bit_cast::<34, 46>(bits::<59>(0x1083dd33ec94f78_u64).get_bits::<46>(30) - self.a46.val()) & (0x1ec97f532_u64 ^ (self.a34.val() ^ self.b34.val()) ^ 42));
        if (self.b21.val() >> 0) <= self.b21.val() >> self.n7.val() {
            self.o16.next = (self.a34.val() - 0x102e0e1cb_u64 | self.a59.val().get_bits::<34>(18)) + ((bits::<46>(52) != self.b46.val()) | ((self.a8.val()) <= self.a8.val()));
        } else if self.b21.val().get_bits::<46>(13).all() {
            self.o16.next = self.a34.val() - self.b34.val() >> self.n3.val() & self.b34.val().replace_bit(self.n3.val().index(), self.z.val()).replace_bit(30, !self.z.val());
        }
        self.o17.next = bit_cast::<59, 8>(self.b8.val() >> self.n7.val());
        self.o18.next = bit_cast::<34, 34>(bits::<34>(1).replace_bit(2, self.x.val()) - 0x3d4e17555_u64 | bit_cast::<8, 34>(bits::<34>(1731308)).get_bits::<34>(self.n3.val().index())).get_bits::<21>(34);
        self.o19.next = (!bit_cast::<34, 8>(self.a59.val().get_bits::<8>(self.n3.val().index()))).get_bit(9) || (bits::<34>(0)) <= 1;
    }
}

ports!(K9; ; in n3, n7, x, y, z, a8, b8, a21, b21, a34, b34, a46, b46, a59, b59; out o0, o1, o2, o3, o4, o5, o6, o7, o8, o9, o10, o11, o12, o13, o14, o15, o16, o17, o18, o19);

#[derive(LogicBlock, Default)]
pub struct K10 {
    n3: Signal<In, Bits<3>>,
    n7: Signal<In, Bits<7>>,
    x: Signal<In, Bit>,
    y: Signal<In, Bit>,
    z: Signal<In, Bit>,
    a13: Signal<In, Bits<13>>,
    b13: Signal<In, Bits<13>>,
    a26: Signal<In, Bits<26>>,
    b26: Signal<In, Bits<26>>,
    a39: Signal<In, Bits<39>>,
    b39: Signal<In, Bits<39>>,
    a51: Signal<In, Bits<51>>,
    b51: Signal<In, Bits<51>>,
    a64: Signal<In, Bits<64>>,
    b64: Signal<In, Bits<64>>,
    o0: Signal<Out, Bits<26>>,
    o1: Signal<Out, Bits<39>>,
    o2: Signal<Out, Bits<26>>,
    o3: Signal<Out, Bits<13>>,
    o4: Signal<Out, Bit>,
    o5: Signal<Out, Bits<26>>,
    o6: Signal<Out, Bits<39>>,
    o7: Signal<Out, Bits<39>>,
    o8: Signal<Out, Bits<64>>,
    o9: Signal<Out, Bit>,
    o10: Signal<Out, Bits<39>>,
    o11: Signal<Out, Bits<51>>,
    o12: Signal<Out, Bits<64>>,
    o13: Signal<Out, Bits<13>>,
    o14: Signal<Out, Bit>,
    o15: Signal<Out, Bits<13>>,
    o16: Signal<Out, Bits<64>>,
    o17: Signal<Out, Bits<13>>,
    o18: Signal<Out, Bits<26>>,
    o19: Signal<Out, Bit>,
}

impl Logic for K10 {
    #[hdl_gen]
    fn update(&mut self) {
        self.o0.next = (self.a26.val() | bit_cast::<26, 39>((self.a13.val() + self.x.val()).get_bits::<39>(2))) + (self.a39.val().get_bit(5) & (self.a51.val().get_bit(self.n3.val().index()) != ((self.b39.val()) <= 1)) & ((self.a13.val() | self.b13.val()).replace_bit(0, self.y.val() || self.x.val()) >= 21));
        if bit_cast::<64, 51>(self.a51.val()) >= self.b64.val() << 61 {
            self.o0.next = self.b26.val();
        }
        self.o1.next = self.a39.val() << 7;
        self.o2.next = (bit_cast::<26, 64>(2_u64 << self.n7.val()).replace_bit(12, !self.b51.val() != 76) | bit_cast::<26, 26>(self.a64.val().get_bits::<26>(self.n3.val().index()))) - (self.b13.val() - self.a13.val() ^ 2504 & self.a13.val()).get_bits::<64>(0).get_bits::<26>(self.n3.val().index());
        self.o3.next = ((bit_cast::<26, 51>(self.b51.val()) >> 9) + (16764157 ^ self.b26.val() >> self.n3.val())).get_bits::<13>(7) << 9;
        self.o4.next = (bit_cast::<64, 51>(!self.a26.val().get_bits::<51>(18)).get_bits::<39>(self.n3.val().index())) <= ((self.b39.val() >> self.n7.val()).get_bits::<26>(self.n3.val().index()) << 21).get_bits::<39>(self.n3.val().index());
        self.o5.next = self.a26.val();
        self.o6.next = ((self.b39.val() & 3) >> self.n7.val() << self.n7.val()) >> self.n3.val();
        self.o7.next = (self.a39.val() >> 31).get_bits::<39>(self.n3.val().index()) & ((self.b51.val().get_bits::<39>(self.n3.val().index()) ^ self.b39.val().replace_bit(self.n3.val().index(), self.x.val())) - (!self.b39.val() - bit_cast::<39, 39>(self.b39.val())) >> self.n3.val());
        self.o8.next = (!self.a39.val().get_bits::<64>(33) << self.n7.val()).replace_bit(51, (self.b51.val().get_bits::<39>(4) << 28).get_bit(28)) ^ bit_cast::<64, 13>(103 & (180 | self.a13.val())) + bit_cast::<64, 64>(bit_cast::<64, 64>(self.a64.val())).get_bit(4);
        self.o9.next = ((self.a64.val() & self.b64.val() & (self.a64.val() & self.b64.val()) != !self.a51.val().get_bits::<64>(36)) != ((bit_cast::<39, 39>(0x47645c0db9_u64 | self.b39.val())) < self.a39.val())) == !((self.y.val() ^ self.z.val() != self.a39.val().get_bit(38)) & (((self.a26.val()) < self.b26.val()) == (self.x.val() | self.z.val())));
        self.o10.next = bit_cast::<39, 26>(self.a26.val() & 122 ^ (self.b26.val() ^ self.a26.val())) >> self.n3.val() >> self.n3.val();
        self.o11.next = self.b51.val() >> self.n7.val();
        self.o12.next = bit_cast::<64, 64>((self.a64.val() << 19) + (self.a64.val().replace_bit(54, self.z.val()) | !self.a64.val()).get_bit(21));
        self.o13.next = ((3 ^ self.b51.val() - self.b51.val() - bits::<51>(0x7fee6d5ded643_u64).get_bits::<51>(self.n3.val().index())) & (self.b51.val() ^ 135) + self.b39.val().get_bits::<51>(self.n3.val().index()).replace_bit(self.n3.val().index(), (self.a13.val()) < self.a13.val())).get_bits::<13>(15);
        self.o14.next = ((self.b26.val() + self.z.val() & 66458555) + bits::<64>(0x827a758827f77cd6_u64).replace_bit(63, self.x.val()).xor() + (!(bit_cast::<26, 39>(self.a39.val()) & self.a51.val().get_bits::<26>(40)))).any();
        self.o15.next = ((bits::<13>(123) | 2) + (self.x.val() || self.y.val()) + !bit_cast::<13, 64>(self.b64.val()) + (self.a26.val() << self.n3.val()).replace_bit(self.n3.val().index(), self.x.val() == self.y.val()).get_bits::<13>(self.n3.val().index())).get_bits::<13>(13);
        if (self.a13.val() + 4720) < !self.a13.val() {
            self.o15.next = ((self.b13.val() & bits::<13>(1878)) & self.a13.val() << 14) << self.n7.val();
        }
        self.o16.next = bits::<64>(152);
        if self.b39.val() ^ bits::<39>(0x1fce180e41_u64) != self.a13.val().get_bits::<39>(10) {
            self.o16.next = ((3 | self.b64.val()) ^ (self.a64.val() - self.a64.val())) << 21;
        } else if !self.z.val() && self.y.val() != self.z.val() {
            self.o16.next = !bit_cast::<64, 51>(self.b51.val()) & 0xaa425be5b675d688_u64;
        }
        self.o17.next = (bit_cast::<13, 26>((self.a26.val() - self.b26.val()) + (self.a26.val() > self.b26.val())) | 3 ^ !(self.a13.val() - self.b13.val())).replace_bit(self.n3.val().index(), !(bit_cast::<26, 51>(self.a51.val()) >= (!self.a26.val())) && 11 == 3 - bit_cast::<39, 51>(bits::<51>(0x5f6188914a046_u64)));
        self.o18.next = ((3 ^ self.a13.val()) << self.n3.val()).replace_bit(3, self.a13.val().any() && self.y.val() ^ self.x.val()).get_bits::<51>(5).get_bits::<26>(39);
        self.o19.next = !(self.a26.val() << self.n7.val() > bit_cast::<26, 64>(self.a64.val())) ^ (self.a26.val().any() != (self.a39.val() == self.b39.val())) & (self.b64.val().get_bit(49) != self.y.val() | self.x.val()) || (!self.b13.val() + (self.z.val() ^ self.y.val())) + ((self.a13.val() >> 5) < (self.b13.val() ^ self.b13.val())) >= (!(self.b39.val() & 249)).get_bits::<13>(self.n3.val().index());
    }
}

ports!(K10; ; in n3, n7, x, y, z, a13, b13, a26, b26, a39, b39, a51, b51, a64, b64; out o0, o1, o2, o3, o4, o5, o6, o7, o8, o9, o10, o11, o12, o13, o14, o15, o16, o17, o18, o19);

#[derive(LogicBlock, Default)]
pub struct K11 {
    n3: Signal<In, Bits<3>>,
    n7: Signal<In, Bits<7>>,
    x: Signal<In, Bit>,
    y: Signal<In, Bit>,
    z: Signal<In, Bit>,
    a5: Signal<In, Bits<5>>,
    b5: Signal<In, Bits<5>>,
    a18: Signal<In, Bits<18>>,
    b18: Signal<In, Bits<18>>,
    a31: Signal<In, Bits<31>>,
    b31: Signal<In, Bits<31>>,
    a44: Signal<In, Bits<44>>,
    b44: Signal<In, Bits<44>>,
    a56: Signal<In, Bits<56>>,
    b56: Signal<In, Bits<56>>,
    o0: Signal<Out, Bits<18>>,
    o1: Signal<Out, Bits<18>>,
    o2: Signal<Out, Bits<56>>,
    o3: Signal<Out, Bits<5>>,
    o4: Signal<Out, Bit>,
    o5: Signal<Out, Bits<31>>,
    o6: Signal<Out, Bits<18>>,
    o7: Signal<Out, Bits<56>>,
    o8: Signal<Out, Bits<31>>,
    o9: Signal<Out, Bit>,
    o10: Signal<Out, Bits<31>>,
    o11: Signal<Out, Bits<18>>,
    o12: Signal<Out, Bits<56>>,
    o13: Signal<Out, Bits<56>>,
    o14: Signal<Out, Bit>,
    o15: Signal<Out, Bits<44>>,
    o16: Signal<Out, Bits<18>>,
    o17: Signal<Out, Bits<56>>,
    o18: Signal<Out, Bits<18>>,
    o19: Signal<Out, Bit>,
}

impl Logic for K11 {
    #[hdl_gen]
    fn update(&mut self) {
        self.o0.next = (1 ^ !self.a56.val().get_bits::<5>(self.n3.val().index()).get_bits::<18>(0)) >> self.n3.val();
        self.o1.next = bit_cast::<18, 18>(self.a18.val());
        self.o2.next = !(bit_cast::<5, 44>(self.a44.val()) & self.a44.val().get_bits::<5>(20)).get_bits::<56>(2) << self.n3.val();
        self.o3.next = bit_cast::<5, 44>(bit_cast::<44, 5>(self.a5.val()) + self.a44.val());
        self.o4.next = bit_cast::<31, 5>(bit_cast::<5, 18>(self.a18.val().replace_bit(self.n3.val().index(), self.x.val()) + self.b18.val())).get_bit(self.n3.val().index());
        self.o5.next = self.b31.val();
        if (!self.y.val()) | bits::<44>(108).get_bit(3) {
            self.o5.next = 1160062228 ^ ((self.a31.val() >> self.n3.val()) + (self.y.val() | self.z.val()));
        } else if (self.z.val() || self.y.val()) & (self.a18.val() > self.a18.val()) {
            self.o5.next = (self.b31.val() & self.a31.val()) - self.b31.val() + (self.b44.val().get_bits::<44>(39) >= 0x704036e3eaa_u64);
        }
        self.o6.next = 231 - ((self.a18.val() + self.x.val() >> 20) + (!bits::<56>(0x3fa20f8fb4e617_u64)).xor()) >> self.n7.val();
        self.o7.next = bit_cast::<56, 44>((self.a44.val() & self.b44.val()) >> self.n3.val()) + ((self.b56.val() >> self.n7.val()) >> self.n7.val()).replace_bit(47, !(self.z.val() && self.x.val())) << self.n3.val();
        self.o8.next = (17 ^ bit_cast::<31, 18>(self.b18.val() | self.b18.val()) - bit_cast::<31, 56>(self.a56.val() ^ self.a56.val())) - (bit_cast::<31, 18>(self.b31.val().get_bits::<18>(1) - 46469) + ((self.a31.val() | self.b31.val()) & 94 & bit_cast::<31, 44>(self.b31.val().get_bits::<44>(25))));
        if self.b5.val().get_bit(1) ^ (self.b44.val() == self.b44.val()) {
            self.o8.next = self.b31.val();
        }
        self.o9.next = (bit_cast::<31, 18>(self.b18.val() & 1542) | bit_cast::<31, 18>(self.a44.val().get_bits::<18>(36)) & self.b31.val() - (self.a31.val() + self.x.val())).get_bit(self.n3.val().index());
        self.o10.next = self.b31.val() | bit_cast::<31, 44>(self.b44.val() | self.a44.val()) >> self.n7.val() | bit_cast::<31, 44>(bit_cast::<44, 44>(self.b44.val())).replace_bit(24, (self.b56.val() << 37 >> self.n3.val()).xor());
        if self.b31.val() > self.a31.val() + 2 {
            self.o10.next = (bit_cast::<31, 56>(self.a56.val()) >> self.n7.val()) + (2 & self.a31.val() & (self.b31.val() << self.n7.val()));
        }
        self.o11.next = (self.a31.val().get_bits::<18>(self.n3.val().index()).get_bits::<44>(13) - bit_cast::<44, 18>(self.b18.val() ^ self.b18.val())).get_bits::<44>(24).get_bits::<18>(self.n3.val().index());
        self.o12.next = (bit_cast::<56, 56>(self.b31.val().get_bits::<56>(self.n3.val().index())) >> self.n3.val()) + (self.x.val() && self.x.val() || (self.a18.val()) <= 231 || self.a31.val().get_bit(4)) | 0xc2de302d94635b_u64;
        if !(self.x.val() != self.x.val()) {
            self.o12.next = self.b56.val();
        } else if (!bits::<44>(3)).any() {
            self.o12.next = bit_cast::<56, 5>(self.a5.val() ^ 30).get_bits::<56>(self.n3.val().index());
        }
        self.o13.next = self.b31.val().get_bits::<56>(6) & self.a56.val();
        self.o14.next = (self.a5.val() >> self.n3.val()) + !(self.b5.val() | 2) >> self.n3.val() != bit_cast::<5, 5>(self.b5.val() - self.b5.val() + ((self.b31.val()) <= self.a31.val()) | (self.b5.val() + 0) << self.n3.val());
        self.o15.next = bit_cast::<44, 44>(bit_cast::<44, 5>((bits::<5>(29) ^ self.b5.val()) << self.n7.val()) << self.n3.val());
        self.o16.next = bits::<18>(2) << self.n7.val() >> self.n3.val();
        self.o17.next = bit_cast::<56, 56>(self.b56.val() >> 10 << self.n3.val());
        if self.b18.val() == self.a18.val() || self.a31.val() != self.a31.val() {
            self.o17.next = bit_cast::<56, 56>(bits::<56>(135));
        }
        self.o18.next = bit_cast::<18, 31>(self.b31.val()) + (260609 ^ !self.a18.val() << self.n7.val()) & (!self.a18.val() >> self.n7.val() >> self.n3.val()) - 240345;
        self.o19.next = (bit_cast::<56, 18>(self.b18.val() >> self.n3.val()).get_bits::<44>(49) >> self.n3.val()) < 32 & bit_cast::<44, 44>(self.b31.val().get_bits::<44>(self.n3.val().index()) ^ bits::<44>(195) << 25);
    }
}

ports!(K11; ; in n3, n7, x, y, z, a5, b5, a18, b18, a31, b31, a44, b44, a56, b56; out o0, o1, o2, o3, o4, o5, o6, o7, o8, o9, o10, o11, o12, o13, o14, o15, o16, o17, o18, o19);

#[derive(LogicBlock, Default)]
pub struct K12 {
    n3: Signal<In, Bits<3>>,
    n7: Signal<In, Bits<7>>,
    x: Signal<In, Bit>,
    y: Signal<In, Bit>,
    z: Signal<In, Bit>,
    a10: Signal<In, Bits<10>>,
    b10: Signal<In, Bits<10>>,
    a16: Signal<In, Bits<16>>,
    b16: Signal<In, Bits<16>>,
    a23: Signal<In, Bits<23>>,
    b23: Signal<In, Bits<23>>,
    a32: Signal<In, Bits<32>>,
    b32: Signal<In, Bits<32>>,
    a36: Signal<In, Bits<36>>,
    b36: Signal<In, Bits<36>>,
    a49: Signal<In, Bits<49>>,
    b49: Signal<In, Bits<49>>,
    a61: Signal<In, Bits<61>>,
    b61: Signal<In, Bits<61>>,
    o0: Signal<Out, Bits<10>>,
    o1: Signal<Out, Bits<10>>,
    o2: Signal<Out, Bits<61>>,
    o3: Signal<Out, Bits<49>>,
    o4: Signal<Out, Bit>,
    o5: Signal<Out, Bits<36>>,
    o6: Signal<Out, Bits<36>>,
    o7: Signal<Out, Bits<61>>,
    o8: Signal<Out, Bits<16>>,
    o9: Signal<Out, Bit>,
    o10: Signal<Out, Bits<61>>,
    o11: Signal<Out, Bits<36>>,
    o12: Signal<Out, Bits<10>>,
    o13: Signal<Out, Bits<49>>,
    o14: Signal<Out, Bit>,
    o15: Signal<Out, Bits<23>>,
    o16: Signal<Out, Bits<36>>,
    o17: Signal<Out, Bits<32>>,
    o18: Signal<Out, Bits<23>>,
    o19: Signal<Out, Bit>,
}

impl Logic for K12 {
    #[hdl_gen]
    fn update(&mut self) {
        self.o0.next = (bit_cast::<10, 10>(!self.a49.val().get_bits::<10>(27)) + 2).replace_bit(1, self.b61.val() + (self.y.val() == self.z.val()) >= bit_cast::<61, 32>(self.a23.val().get_bits::<32>(21)) || ((self.a23.val() >> 10) <= !self.b23.val()) & self.b36.val().get_bits::<23>(self.n3.val().index()).get_bit(22));
        self.o1.next = ((((self.b10.val() | self.a10.val()) ^ self.b10.val()) << self.n3.val()) + (self.b23.val() + self.a23.val() >= self.b23.val() - 242 && ((99) <= self.b61.val()) ^ self.a16.val().get_bit(self.n3.val().index()))).replace_bit(self.n3.val().index(), !(self.z.val() | self.z.val()) != !self.x.val() ^ (self.x.val() == self.x.val()) && (!(self.y.val() ^ self.z.val()) & ((self.a10.val() + self.y.val()) >= self.a10.val() - 46)));
        self.o2.next = (!self.b61.val()).replace_bit(3, (bit_cast::<49, 36>(self.a36.val()) == (self.b49.val() >> self.n7.val())) | ((self.x.val() == self.z.val()) == ((bits::<10>(153)) <= self.b10.val())) && !!self.z.val() ^ !(self.b61.val() != self.b61.val()));
        if !(self.y.val() & self.x.val()) {
            self.o2.next = (self.a61.val() | self.b61.val() | self.b61.val() >> self.n3.val()) & 139;
        }
        self.o3.next = 2 + (self.b36.val().get_bits::<49>(self.n3.val().index()) + bit_cast::<49, 23>(bits::<23>(49) - 0) << self.n7.val());
        self.o4.next = (!bit_cast::<32, 32>(self.a32.val() ^ bits::<32>(0)) ^ (bit_cast::<32, 10>(!self.a10.val()) | (self.a32.val() | 0x8619483a_u64))).all();
        self.o5.next = (0xe4521d0ab_u64 | ((self.b36.val() | bits::<36>(10)) << 15) - bit_cast::<36, 36>(self.b36.val() << 16)) + ((20709) <= self.a23.val().get_bits::<16>(0));
        self.o6.next = self.b36.val();
        self.o7.next = 38 - (!(288 + self.a10.val()) >> self.n3.val()).get_bits::<61>(8);
        if bit_cast::<49, 49>(self.b49.val()).get_bit(4) {
            self.o7.next = ((93 | self.b61.val()) & 86) + (self.a32.val().any() | self.a49.val().get_bit(3));
        }
        self.o8.next = self.a16.val();
        if (self.a36.val() | self.b36.val()).get_bit(self.n3.val().index()) {
            self.o8.next = bit_cast::<16, 32>(!self.a32.val()).replace_bit(5, self.a49.val().get_bits::<16>(self.n3.val().index()) >= 39061);
        }
        self.o9.next = !((self.b16.val() + self.b16.val() + (self.a16.val() & self.a16.val())).get_bits::<23>(6) != 6107798);
        self.o10.next = bits::<61>(38).get_bits::<61>(0) & bit_cast::<61, 61>((self.b32.val() & 0x9169d85e_u64).get_bits::<61>(27) + self.a61.val());
        self.o11.next = (((self.b36.val() + 1).get_bits::<36>(32) + ((self.b32.val()) < self.a32.val() || self.a16.val() >= 2)) + 0x6d8d42d3a_u64) | (58 - bit_cast::<36, 32>((self.b16.val() * self.b16.val()).get_bits::<32>(8)));
        self.o12.next = bit_cast::<10, 49>(((bits::<49>(34) ^ bits::<49>(183)) & 127) + bit_cast::<49, 61>(self.a61.val()).replace_bit(self.n3.val().index(), self.b10.val() == self.a10.val()) + self.a49.val());
        if (self.y.val() | self.x.val()) & (self.x.val() & self.x.val()) {
            self.o12.next = self.a10.val();
        } else if (self.a49.val() << 12).get_bit(7) {
            self.o12.next = bit_cast::<10, 36>(self.a36.val());
        }
        self.o13.next = bit_cast::<49, 32>((self.a16.val().get_bits::<23>(self.n3.val().index()) + 7297928 ^ bits::<23>(123) << self.n7.val() >> 25).get_bits::<32>(3));
        if (self.x.val() ^ self.z.val()) & !self.z.val() {
            self.o13.next = bit_cast::<49, 16>(self.a16.val() + 2);
        }
        self.o14.next = (self.a23.val() + 3).get_bit(4);
        self.o15.next = !(bit_cast::<23, 61>(!bit_cast::<61, 10>(self.b10.val())) >> 25);
        self.o16.next = (bit_cast::<16, 23>(self.b23.val() >> self.n3.val() << 9) - (bits::<16>(0) + self.z.val() >> self.n3.val() ^ !(self.b16.val() >> self.n3.val()))).get_bits::<36>(4);
        self.o17.next = bit_cast::<16, 61>(self.b61.val() << 56 ^ 191) * (32941 - (!bits::<16>(36676) - (self.b16.val() ^ 3)).get_bits::<16>(self.n3.val().index()));
        self.o18.next = bit_cast::<23, 61>((self.b61.val() - self.b61.val() << self.n7.val()).replace_bit(45, ((self.b61.val()) < self.b61.val()) | !self.y.val()).get_bits::<61>(33));
        if !(self.a10.val() != bits::<10>(1)) {
            self.o18.next = self.a23.val();
        } else if (self.a10.val() << self.n3.val()).xor() {
            self.o18.next = self.a23.val();
        }
        self.o19.next = !(((self.a49.val() << 35 ^ (bits::<49>(1) ^ self.b49.val())) | 0xdcb7f2b83d41_u64) <= 0x1848ee280756b_u64 - (!bit_cast::<49, 10>(self.b10.val())));
    }
}

ports!(K12; ; in n3, n7, x, y, z, a10, b10, a16, b16, a23, b23, a32, b32, a36, b36, a49, b49, a61, b61; out o0, o1, o2, o3, o4, o5, o6, o7, o8, o9, o10, o11, o12, o13, o14, o15, o16, o17, o18, o19);

#[derive(LogicBlock, Default)]
pub struct K13 {
    n3: Signal<In, Bits<3>>,
    n7: Signal<In, Bits<7>>,
    x: Signal<In, Bit>,
    y: Signal<In, Bit>,
    z: Signal<In, Bit>,
    a2: Signal<In, Bits<2>>,
    b2: Signal<In, Bits<2>>,
    a15: Signal<In, Bits<15>>,
    b15: Signal<In, Bits<15>>,
    a28: Signal<In, Bits<28>>,
    b28: Signal<In, Bits<28>>,
    a41: Signal<In, Bits<41>>,
    b41: Signal<In, Bits<41>>,
    a54: Signal<In, Bits<54>>,
    b54: Signal<In, Bits<54>>,
    o0: Signal<Out, Bits<15>>,
    o1: Signal<Out, Bits<15>>,
    o2: Signal<Out, Bits<41>>,
    o3: Signal<Out, Bits<2>>,
    o4: Signal<Out, Bit>,
    o5: Signal<Out, Bits<15>>,
    o6: Signal<Out, Bits<15>>,
    o7: Signal<Out, Bits<54>>,
    o8: Signal<Out, Bits<15>>,
    o9: Signal<Out, Bit>,
    o10: Signal<Out, Bits<2>>,
    o11: Signal<Out, Bits<41>>,
    o12: Signal<Out, Bits<2>>,
    o13: Signal<Out, Bits<41>>,
    o14: Signal<Out, Bit>,
    o15: Signal<Out, Bits<41>>,
    o16: Signal<Out, Bits<15>>,
    o17: Signal<Out, Bits<28>>,
    o18: Signal<Out, Bits<41>>,
    o19: Signal<Out, Bit>,
}

impl Logic for K13 {
    #[hdl_gen]
    fn update(&mut self) {
        self.o0.next = 5091 + (self.a15.val() ^ (self.b15.val().replace_bit(8, self.x.val()) & (52 & self.a15.val()))) >> self.n7.val();
        self.o1.next = (self.a28.val() + 34488684 + ((1) <= self.b2.val()) << self.n7.val()).get_bits::<15>(12) >> self.n3.val();
        if self.a41.val() > 1 && self.a41.val().get_bit(9) {
            self.o1.next = bit_cast::<15, 2>(!bits::<2>(3)) << 4;
        } else if bits::<41>(0).replace_bit(33, self.y.val()) > bit_cast::<41, 2>(self.a2.val()) {
            self.o1.next = (!self.a28.val().get_bits::<15>(11)).get_bits::<15>(self.n3.val().index());
        }
        self.o2.next = bit_cast::<41, 28>(bit_cast::<28, 2>(self.a28.val().get_bits::<2>(self.n3.val().index())) - !(self.a28.val() - self.a28.val())).get_bits::<41>(self.n3.val().index());
        self.o3.next = !(1 & bit_cast::<2, 2>(self.b2.val() + self.x.val()) | 3);
        self.o4.next = ((bit_cast::<41, 28>(!self.b28.val()) << self.n3.val()) + (bit_cast::<15, 41>(self.b41.val() << 27) > 78)).all();
        self.o5.next = (self.b15.val() + self.x.val() + self.b2.val().get_bit(1) >> self.n3.val()).replace_bit(7, (self.a28.val().get_bits::<28>(17) >> self.n7.val()).get_bit(self.n3.val().index())).get_bits::<15>(8);
        self.o6.next = bit_cast::<15, 54>((self.a54.val() | 0) << self.n7.val() >> 30 & ((!self.a28.val()).get_bits::<54>(4) ^ (self.b2.val() ^ self.a2.val()).get_bits::<54>(0)));
        self.o7.next = bit_cast::<54, 28>(self.b28.val()) + ((self.b54.val() | self.b54.val() | (self.a54.val() | self.a54.val())) - (self.a54.val() + (0x748c29c8f0c27_u64 | self.a54.val()))).all();
        self.o8.next = ((self.a15.val() ^ bits::<15>(28854)) << 5) + self.b28.val().replace_bit(11, self.y.val()).get_bits::<15>(self.n3.val().index()) + self.b15.val() + (self.a15.val() >> 17);
        if bits::<54>(3).xor() == !self.z.val() {
            self.o8.next = !self.b54.val().get_bits::<15>(44).replace_bit(11, self.a28.val() != 1);
        }
        self.o9.next = !((((0x705c931d26_u64 | self.b41.val()) - 0) < self.b41.val()) || self.a54.val().get_bits::<2>(31).get_bit(1) == (bit_cast::<41, 54>(self.a54.val()) != self.b41.val() | self.a41.val()));
        if (self.b54.val() - self.a54.val()).get_bit(self.n3.val().index()) {
            self.o9.next = ((self.a54.val() - self.b54.val()) == bits::<54>(130) - 0x3de6a2ca26292e_u64) & (self.a28.val().get_bits::<15>(20) != 1);
        }
        self.o10.next = bit_cast::<2, 54>((1 & self.a54.val() | 0x26b18329525d39_u64) + (self.a54.val() << self.n3.val()) & bit_cast::<54, 41>(self.b41.val().replace_bit(self.n3.val().index(), self.x.val()) & 0x1676839b1ce_u64));
        self.o11.next = ((bit_cast::<54, 2>(bits::<2>(2) + self.x.val()) ^ bit_cast::<54, 54>(self.b54.val())) << self.n3.val()).get_bits::<41>(self.n3.val().index());
        self.o12.next = bit_cast::<2, 54>((!(self.a41.val() + self.x.val()).get_bits::<2>(self.n3.val().index())).get_bits::<54>(1));
        self.o13.next = self.b41.val();
        if (self.a28.val() == self.b28.val()) == self.z.val() | self.z.val() {
            self.o13.next = self.b28.val().get_bits::<41>(24) + (self.b54.val() >= self.a54.val()) ^ self.a2.val().get_bits::<41>(2).get_bits::<41>(34);
        } else if !self.a2.val() != (bits::<2>(1) + self.y.val()) {
            self.o13.next = bit_cast::<41, 54>(self.a54.val().replace_bit(self.n3.val().index(), self.z.val())) ^ self.b2.val().get_bits::<41>(1) >> 20;
        }
        self.o14.next = (bit_cast::<54, 54>(!(0 ^ self.b54.val() >> 42))) < 0x3f51bb4f92d67_u64;
        self.o15.next = !bit_cast::<41, 41>(bit_cast::<41, 2>(!self.a2.val() | 1));
        self.o16.next = bit_cast::<15, 28>(bit_cast::<28, 15>(!self.b15.val()) + (!self.b28.val() & bit_cast::<28, 54>(self.a54.val())).get_bit(12));
        self.o17.next = bit_cast::<28, 15>(bit_cast::<15, 28>(self.b28.val()));
        self.o18.next = !bit_cast::<41, 15>((!(bits::<2>(3) - self.b2.val())).get_bits::<15>(2));
        self.o19.next = ((self.a28.val() | self.a28.val()) + (self.a2.val() >= self.a2.val()) != 25336513) | ((self.b28.val() + self.y.val()).any() | (self.x.val() == self.z.val()) & (self.y.val() != self.y.val())) == (self.a28.val() > (self.a2.val() | 2).get_bits::<2>(0).get_bits::<28>(2));
    }
}

ports!(K13; ; in n3, n7, x, y, z, a2, b2, a15, b15, a28, b28, a41, b41, a54, b54; out o0, o1, o2, o3, o4, o5, o6, o7, o8, o9, o10, o11, o12, o13, o14, o15, o16, o17, o18, o19);

#[derive(LogicBlock, Default)]
pub struct K14 {
    n3: Signal<In, Bits<3>>,
    n7: Signal<In, Bits<7>>,
    x: Signal<In, Bit>,
    y: Signal<In, Bit>,
    z: Signal<In, Bit>,
    a7: Signal<In, Bits<7>>,
    b7: Signal<In, Bits<7>>,
    a20: Signal<In, Bits<20>>,
    b20: Signal<In, Bits<20>>,
    a33: Signal<In, Bits<33>>,
    b33: Signal<In, Bits<33>>,
    a46: Signal<In, Bits<46>>,
    b46: Signal<In, Bits<46>>,
    a59: Signal<In, Bits<59>>,
    b59: Signal<In, Bits<59>>,
    o0: Signal<Out, Bits<59>>,
    o1: Signal<Out, Bits<46>>,
    o2: Signal<Out, Bits<20>>,
    o3: Signal<Out, Bits<20>>,
    o4: Signal<Out, Bit>,
    o5: Signal<Out, Bits<7>>,
    o6: Signal<Out, Bits<7>>,
    o7: Signal<Out, Bits<59>>,
    o8: Signal<Out, Bits<59>>,
    o9: Signal<Out, Bit>,
    o10: Signal<Out, Bits<46>>,
    o11: Signal<Out, Bits<33>>,
    o12: Signal<Out, Bits<20>>,
    o13: Signal<Out, Bits<7>>,
    o14: Signal<Out, Bit>,
    o15: Signal<Out, Bits<20>>,
    o16: Signal<Out, Bits<20>>,
    o17: Signal<Out, Bits<33>>,
    o18: Signal<Out, Bits<20>>,
    o19: Signal<Out, Bit>,
}

impl Logic for K14 {
    #[hdl_gen]
    fn update(&mut self) {
        self.o0.next = self.b59.val() ^ (bit_cast::<20, 7>(self.a7.val()) + self.b59.val().all() & 3).get_bits::<59>(self.n3.val().index());
        self.o1.next = self.b46.val();
        self.o2.next = bit_cast::<20, 46>(self.b46.val());
        self.o3.next = bit_cast::<20, 46>(self.a46.val().replace_bit(19, self.a33.val().get_bits::<59>(self.n3.val().index()) << 41 == 0x255e07bf23b67d5_u64 & !self.b59.val()));
        if !self.a20.val() != bit_cast::<20, 59>(self.b59.val()) {
            self.o3.next = !(self.a20.val() ^ self.a20.val() | self.b20.val() + self.y.val());
        }
        self.o4.next = ((self.b7.val().get_bits::<7>(2) + !self.b7.val()) & 1).get_bit(1) == (bit_cast::<59, 46>((self.b46.val() << self.n3.val()) - self.a46.val().replace_bit(44, self.z.val())) != 185 + self.b59.val() ^ ((self.b59.val() | self.b59.val()) ^ (2 ^ bits::<59>(0x7c54997fedf3b95_u64))));
        self.o5.next = (!bit_cast::<46, 46>(bit_cast::<46, 20>(self.b20.val()) | 39)).get_bits::<7>(self.n3.val().index());
        self.o6.next = bit_cast::<7, 7>(self.a7.val().replace_bit(0, (self.b20.val()) <= 109).replace_bit(1, (bits::<46>(43) << self.n3.val()).xor()) << self.n7.val());
        self.o7.next = !(bit_cast::<59, 46>(self.b46.val()) + self.b59.val()).get_bits::<59>(59).replace_bit(self.n3.val().index(), self.b46.val().get_bits::<46>(self.n3.val().index()) == self.b46.val() & bits::<46>(0x3641c1bec677_u64) && bit_cast::<33, 20>(self.b20.val()) != self.a33.val() ^ self.b33.val());
        self.o8.next = !(203 & self.b59.val() + self.b59.val() ^ self.b59.val() ^ (bit_cast::<20, 33>(self.b33.val()).get_bits::<59>(7) ^ 3 - bit_cast::<59, 33>(self.a33.val())));
        self.o9.next = !(self.b7.val() >> self.n3.val() > 1);
        self.o10.next = self.b7.val().replace_bit(6, self.a59.val().get_bit(51)).get_bits::<46>(3).get_bits::<46>(7) ^ 0x1ae3da420434_u64;
        self.o11.next = self.a33.val();
        if bit_cast::<46, 46>(self.a46.val()) > self.b46.val() & self.a46.val() {
            self.o11.next = (bits::<33>(1177063247) << self.n7.val()) - self.b33.val() + (self.a46.val() << self.n3.val()).get_bits::<33>(25);
        }
        self.o12.next = self.b20.val();
        if (self.b7.val() - self.a7.val()).all() {
            self.o12.next = (self.a20.val().get_bits::<20>(self.n3.val().index()) & bit_cast::<20, 33>(self.b33.val())).get_bits::<20>(1);
        } else if bit_cast::<20, 46>(self.a46.val()).get_bit(12) {
            self.o12.next = bit_cast::<20, 33>((!self.b33.val()).replace_bit(25, (self.a33.val()) <= self.a33.val()));
        }
        self.o13.next = bit_cast::<7, 46>(((self.a46.val() ^ self.b46.val() ^ (self.b46.val() | bits::<46>(114))) & 0x3ee01fe7f430_u64) ^ self.b46.val());
        self.o14.next = (bit_cast::<59, 20>(bits::<20>(0).get_bits::<20>(self.n3.val().index()) << self.n7.val()).replace_bit(self.n3.val().index(), self.b33.val().get_bit(self.n3.val().index()) | (self.z.val() || self.z.val()) != !((self.a20.val()) < self.b20.val()))) < 0x2d44aff0af90231_u64;
        if (165 | self.a20.val()).xor() {
            self.o14.next = (!self.z.val() == (self.b7.val() > bits::<7>(4))) ^ ((self.b59.val() > self.b59.val()) | (self.a20.val() == self.a20.val()));
        }
        self.o15.next = bit_cast::<20, 46>(bit_cast::<46, 20>(self.b33.val().get_bits::<20>(self.n3.val().index())) & self.b46.val()) ^ 0;
        self.o16.next = bit_cast::<20, 46>(bit_cast::<46, 33>(bits::<20>(25218).get_bits::<33>(4)) ^ (bit_cast::<46, 20>(bits::<20>(717803)) >> 6)) + (2 - bit_cast::<20, 46>(self.b46.val().replace_bit(self.n3.val().index(), self.z.val())) == self.b20.val());
        if bit_cast::<7, 20>(self.a20.val()) == 3 {
            self.o16.next = bit_cast::<20, 33>(97 & self.b33.val() ^ (self.a33.val() << 20));
        }
        self.o17.next = (!(self.a33.val() + 79)).replace_bit(self.n3.val().index(), (!self.a33.val() - self.b59.val().get_bits::<33>(self.n3.val().index())).get_bits::<33>(22).get_bit(26));
        if (bits::<33>(3) & 0xaa41cc03_u64).get_bit(14) {
            self.o17.next = !(self.b7.val() ^ bits::<7>(35)).get_bits::<33>(1);
        } else if self.b46.val().replace_bit(self.n3.val().index(), self.z.val()) > 0 | bits::<46>(153) {
            self.o17.next = !(self.a33.val() | self.a33.val()) & (self.b33.val().replace_bit(2, self.x.val()) ^ (bits::<33>(188) | 0xc8553975_u64));
        }
        self.o18.next = bit_cast::<20, 59>(!(self.b46.val() | self.b46.val()).get_bits::<59>(self.n3.val().index()) ^ 0);
        self.o19.next = (((self.z.val() == self.z.val() && self.b33.val().get_bit(25)) != (!!self.y.val())) ^ ((self.a46.val() + (self.z.val() | self.z.val())) < 0)) != (((self.b20.val() != self.a20.val()) == (self.y.val() != self.y.val()) || (self.b7.val() + self.y.val()).get_bit(6)) && ((self.a59.val() >> 29) - self.b59.val().replace_bit(52, self.y.val())).any());
    }
}

ports!(K14; ; in n3, n7, x, y, z, a7, b7, a20, b20, a33, b33, a46, b46, a59, b59; out o0, o1, o2, o3, o4, o5, o6, o7, o8, o9, o10, o11, o12, o13, o14, o15, o16, o17, o18, o19);

#[derive(LogicBlock, Default)]
pub struct K15 {
    n3: Signal<In, Bits<3>>,
    n7: Signal<In, Bits<7>>,
    x: Signal<In, Bit>,
    y: Signal<In, Bit>,
    z: Signal<In, Bit>,
    a12: Signal<In, Bits<12>>,
    b12: Signal<In, Bits<12>>,
    a25: Signal<In, Bits<25>>,
    b25: Signal<In, Bits<25>>,
    a38: Signal<In, Bits<38>>,
    b38: Signal<In, Bits<38>>,
    a51: Signal<In, Bits<51>>,
    b51: Signal<In, Bits<51>>,
    a64: Signal<In, Bits<64>>,
    b64: Signal<In, Bits<64>>,
    o0: Signal<Out, Bits<38>>,
    o1: Signal<Out, Bits<51>>,
    o2: Signal<Out, Bits<12>>,
    o3: Signal<Out, Bits<12>>,
    o4: Signal<Out, Bit>,
    o5: Signal<Out, Bits<51>>,
    o6: Signal<Out, Bits<25>>,
    o7: Signal<Out, Bits<38>>,
    o8: Signal<Out, Bits<12>>,
    o9: Signal<Out, Bit>,
    o10: Signal<Out, Bits<12>>,
    o11: Signal<Out, Bits<25>>,
    o12: Signal<Out, Bits<51>>,
    o13: Signal<Out, Bits<12>>,
    o14: Signal<Out, Bit>,
    o15: Signal<Out, Bits<51>>,
    o16: Signal<Out, Bits<51>>,
    o17: Signal<Out, Bits<38>>,
    o18: Signal<Out, Bits<12>>,
    o19: Signal<Out, Bit>,
}

impl Logic for K15 {
    #[hdl_gen]
    fn update(&mut self) {
        self.o0.next = ((self.a38.val() + self.y.val() | bit_cast::<38, 12>(self.a12.val())) << self.n3.val() << self.n3.val()).replace_bit(31, 0xf0d5cf269_u64 > (bits::<51>(0x5d5d89364c4fc_u64) + (self.a64.val() == bits::<64>(0xefcf816459f96c17_u64))).get_bits::<38>(self.n3.val().index()));
        self.o1.next = 0x66e901969f0a5_u64 & 70 - self.a51.val();
        self.o2.next = bit_cast::<12, 12>(bit_cast::<12, 64>((self.b12.val().get_bits::<64>(self.n3.val().index()) | bit_cast::<64, 25>(self.a25.val())) & bit_cast::<64, 12>(self.a12.val() | self.a12.val())));
        self.o3.next = (self.a12.val() - 242 ^ bit_cast::<12, 64>((self.a64.val() | 2).replace_bit(52, self.y.val() & self.z.val()))) + self.a38.val().any();
        self.o4.next = (bit_cast::<38, 38>(!self.a38.val()).get_bits::<12>(11) > 107) ^ ((!self.x.val() ^ (self.a25.val() >= self.b25.val())) & !(self.y.val() || self.x.val()) || (bit_cast::<51, 25>(bits::<25>(1)) >> 2).any());
        self.o5.next = !((self.a51.val() >> self.n7.val()) >> self.n7.val()) - (bit_cast::<51, 51>(self.a51.val()).get_bits::<51>(48) >> self.n7.val()) << 35;
        self.o6.next = (1 ^ ((self.b51.val() << self.n3.val()) + (self.x.val() ^ self.x.val())).replace_bit(self.n3.val().index(), self.b51.val() & 2 > self.b51.val().replace_bit(29, self.x.val()))).get_bits::<25>(1);
        self.o7.next = (0 | (self.a12.val() & self.a12.val()) << self.n7.val()).get_bits::<38>(self.n3.val().index()).replace_bit(self.n3.val().index(), (self.b38.val() & self.b38.val() & 0x3f3de3a191_u64 + self.b38.val() != self.a38.val() + self.y.val() + self.b25.val().get_bits::<38>(self.n3.val().index())) ^ (self.a64.val() + self.a64.val() & (self.a64.val() ^ 122)).get_bit(self.n3.val().index()));
        self.o8.next = bit_cast::<12, 51>(self.b51.val());
        self.o9.next = (((self.b64.val() ^ self.a64.val()) << self.n3.val() >> 62) <= 114_u64 << self.n7.val() >> self.n3.val()) ^ (self.b12.val().get_bits::<12>(self.n3.val().index()) >> self.n7.val()).get_bit(9) & (self.a51.val() == !(self.a51.val() & bits::<51>(3)));
        self.o10.next = self.b12.val() + ((self.a38.val().replace_bit(self.n3.val().index(), self.z.val()) + ((self.a25.val()) < 230)).get_bit(self.n3.val().index()) == ((93 + self.b64.val() & self.a64.val() + self.y.val()) < 138));
        if self.b51.val() + self.b51.val() >= self.b51.val() + self.b51.val() {
            self.o10.next = (self.b25.val() << 1).get_bits::<12>(15) ^ bit_cast::<12, 12>(bit_cast::<12, 64>(self.a64.val()));
        } else if !((self.b12.val()) < self.a12.val()) {
            self.o10.next = self.b12.val();
        }
        self.o11.next = !((self.a12.val().get_bits::<25>(6) - 214374 | 2) + 3);
        self.o12.next = 0 | (79 & (self.a51.val() ^ self.a51.val())) << 17;
        self.o13.next = (0 - self.a51.val().get_bits::<51>(self.n3.val().index()).get_bits::<38>(15)).get_bits::<12>(self.n3.val().index()) << self.n7.val();
        self.o14.next = self.b25.val().get_bits::<64>(self.n3.val().index()) == 0_u64 << self.n7.val();
        self.o15.next = (self.b51.val().get_bits::<51>(38) ^ (self.a51.val() | self.a51.val().get_bits::<51>(38) ^ self.a51.val())).get_bits::<51>(12);
        self.o16.next = bit_cast::<51, 38>(self.a38.val());
        self.o17.next = bit_cast::<38, 25>(self.b25.val());
        self.o18.next = (1555 ^ self.b12.val() - self.b12.val()) + (self.b12.val().replace_bit(self.n3.val().index(), self.y.val()) & self.b12.val().replace_bit(4, self.x.val())) << 10 ^ self.a12.val();
        self.o19.next = bit_cast::<51, 12>(self.a12.val()).replace_bit(29, !self.y.val()).get_bits::<64>(self.n3.val().index()) << self.n7.val() != (self.b64.val() & self.a64.val() | bit_cast::<64, 12>(self.a12.val())) >> self.n3.val() << self.n3.val();
    }
}

ports!(K15; ; in n3, n7, x, y, z, a12, b12, a25, b25, a38, b38, a51, b51, a64, b64; out o0, o1, o2, o3, o4, o5, o6, o7, o8, o9, o10, o11, o12, o13, o14, o15, o16, o17, o18, o19);

#[derive(LogicBlock, Default)]
pub struct K16 {
    n3: Signal<In, Bits<3>>,
    n7: Signal<In, Bits<7>>,
    x: Signal<In, Bit>,
    y: Signal<In, Bit>,
    z: Signal<In, Bit>,
    a5: Signal<In, Bits<5>>,
    b5: Signal<In, Bits<5>>,
    a16: Signal<In, Bits<16>>,
    b16: Signal<In, Bits<16>>,
    a17: Signal<In, Bits<17>>,
    b17: Signal<In, Bits<17>>,
    a30: Signal<In, Bits<30>>,
    b30: Signal<In, Bits<30>>,
    a32: Signal<In, Bits<32>>,
    b32: Signal<In, Bits<32>>,
    a43: Signal<In, Bits<43>>,
    b43: Signal<In, Bits<43>>,
    a56: Signal<In, Bits<56>>,
    b56: Signal<In, Bits<56>>,
    o0: Signal<Out, Bits<56>>,
    o1: Signal<Out, Bits<5>>,
    o2: Signal<Out, Bits<32>>,
    o3: Signal<Out, Bits<32>>,
    o4: Signal<Out, Bit>,
    o5: Signal<Out, Bits<43>>,
    o6: Signal<Out, Bits<5>>,
    o7: Signal<Out, Bits<43>>,
    o8: Signal<Out, Bits<16>>,
    o9: Signal<Out, Bit>,
    o10: Signal<Out, Bits<56>>,
    o11: Signal<Out, Bits<16>>,
    o12: Signal<Out, Bits<16>>,
    o13: Signal<Out, Bits<30>>,
    o14: Signal<Out, Bit>,
    o15: Signal<Out, Bits<17>>,
    o16: Signal<Out, Bits<30>>,
    o17: Signal<Out, Bits<30>>,
    o18: Signal<Out, Bits<32>>,
    o19: Signal<Out, Bit>,
}

impl Logic for K16 {
    #[hdl_gen]
    fn update(&mut self) {
        self.o0.next = (!(self.b43.val() + 38).get_bits::<56>(22) | self.a56.val().get_bits::<56>(0)) + ((self.a16.val().get_bits::<5>(self.n3.val().index()) - 22) < ((self.b43.val() | 0) + 0x3251aaa0f10_u64).get_bits::<5>(6));
        if self.a56.val() + self.b56.val() > bit_cast::<56, 43>(self.a43.val()) {
            self.o0.next = self.b56.val().replace_bit(self.n3.val().index(), (self.a32.val() + self.z.val()).get_bit(self.n3.val().index()));
        }
        self.o1.next = !(self.b16.val().get_bits::<5>(13) - (self.a5.val() + self.z.val()) + (self.b56.val() + self.x.val()).any()) - self.b5.val().replace_bit(2, ((self.a17.val() & self.a17.val()) + ((self.a32.val()) <= 159)).xor());
        self.o2.next = self.a16.val().get_bits::<32>(self.n3.val().index()) >> self.n3.val() ^ self.b32.val();
        self.o3.next = !((self.b16.val() + self.b16.val() | self.a16.val()) >> self.n3.val()) * self.a16.val();
        self.o4.next = self.a17.val() >= 5;
        self.o5.next = !self.b43.val();
        self.o6.next = bit_cast::<30, 17>(bit_cast::<17, 32>(bit_cast::<32, 17>(self.a17.val()).replace_bit(self.n3.val().index(), self.a5.val() == self.b5.val()))).get_bits::<5>(self.n3.val().index());
        self.o7.next = self.a43.val();
        self.o8.next = (!(!(self.a16.val() >> self.n3.val()) - (self.a16.val().replace_bit(3, self.z.val()) & self.a16.val() - self.a16.val()))) & self.b16.val();
        self.o9.next = ((self.a16.val() != !self.a16.val() ^ self.b16.val()) == (self.a17.val().get_bits::<56>(self.n3.val().index()) ^ bit_cast::<56, 32>(self.b32.val()) == self.b56.val() + self.z.val() << 12)) | ((!!self.b30.val()) + ((self.a32.val() > self.b32.val()) | !self.y.val())).all();
        self.o10.next = (self.a5.val() | 10).get_bits::<56>(0);
        self.o11.next = 0 ^ self.a16.val() | (bit_cast::<32, 43>(self.a43.val() ^ self.a43.val()) << self.n3.val()).get_bits::<16>(self.n3.val().index());
        self.o12.next = (!(!self.a16.val() >> self.n7.val()) + (self.b17.val().any() ^ (self.a16.val() != self.b16.val()) == ((self.z.val() == self.y.val()) & (self.b30.val() != self.b30.val())))) << 19;
        self.o13.next = !self.a30.val();
        self.o14.next = bit_cast::<16, 16>(self.a16.val() + (self.b16.val() << self.n7.val() | self.b16.val() >> self.n3.val())) != bit_cast::<5, 5>(bits::<5>(0)).replace_bit(2, self.b17.val().xor()).get_bits::<56>(2).get_bits::<16>(self.n3.val().index());
        self.o15.next = bits::<17>(71305);
        self.o16.next = bit_cast::<30, 32>(((self.b16.val() | bits::<16>(42917)) * (self.a16.val() - self.b16.val()) & (self.a32.val().replace_bit(self.n3.val().index(), self.y.val()) & bit_cast::<32, 16>(self.a16.val()))) - (self.a30.val().get_bits::<32>(30).replace_bit(self.n3.val().index(), self.z.val() && self.z.val()) + self.a32.val()));
        if bit_cast::<17, 30>(self.a30.val()) >= self.b17.val() {
            self.o16.next = (self.b30.val() & bit_cast::<30, 16>(self.a16.val())).replace_bit(3, self.a17.val() > self.a43.val().get_bits::<17>(29));
        } else if bits::<43>(0x52c04a4683e_u64).get_bits::<17>(self.n3.val().index()).all() {
            self.o16.next = 80 | bits::<30>(0) + self.a30.val() | (self.a30.val() + self.y.val()).replace_bit(18, 3 >= self.a43.val());
        }
        self.o17.next = !(94954899 - (self.a32.val().get_bits::<30>(self.n3.val().index()).replace_bit(7, !self.z.val()) - (2 - (self.a30.val() & self.a30.val()))));
        self.o18.next = (self.a16.val() - 1 - 51848 << self.n7.val()) * ((self.a16.val() | 20171) - (bit_cast::<16, 56>(self.b56.val()) << 14)) - 65361351;
        if self.a56.val().get_bit(self.n3.val().index()) == ((self.b43.val()) < self.b43.val()) {
            self.o18.next = 128357414 & (bits::<16>(61695) * self.b16.val() | !self.b32.val());
        }
        self.o19.next = (self.b43.val() ^ bits::<43>(2)).get_bits::<43>(self.n3.val().index()) + 0x111aa9e6a7a_u64 + ((self.a17.val() + self.x.val() >= 63) ^ (self.b56.val() | self.b56.val()).get_bit(self.n3.val().index())) == !(self.a43.val() + 251 >> self.n7.val()) - (0x48b9f71e293_u64 + (self.a43.val() + 143) ^ 134);
    }
}

ports!(K16; ; in n3, n7, x, y, z, a5, b5, a16, b16, a17, b17, a30, b30, a32, b32, a43, b43, a56, b56; out o0, o1, o2, o3, o4, o5, o6, o7, o8, o9, o10, o11, o12, o13, o14, o15, o16, o17, o18, o19);

#[derive(LogicBlock, Default)]
pub struct K17 {
    n3: Signal<In, Bits<3>>,
    n7: Signal<In, Bits<7>>,
    x: Signal<In, Bit>,
    y: Signal<In, Bit>,
    z: Signal<In, Bit>,
    a10: Signal<In, Bits<10>>,
    b10: Signal<In, Bits<10>>,
    a22: Signal<In, Bits<22>>,
    b22: Signal<In, Bits<22>>,
    a35: Signal<In, Bits<35>>,
    b35: Signal<In, Bits<35>>,
    a48: Signal<In, Bits<48>>,
    b48: Signal<In, Bits<48>>,
    a61: Signal<In, Bits<61>>,
    b61: Signal<In, Bits<61>>,
    o0: Signal<Out, Bits<48>>,
    o1: Signal<Out, Bits<48>>,
    o2: Signal<Out, Bits<22>>,
    o3: Signal<Out, Bits<48>>,
    o4: Signal<Out, Bit>,
    o5: Signal<Out, Bits<35>>,
    o6: Signal<Out, Bits<35>>,
    o7: Signal<Out, Bits<48>>,
    o8: Signal<Out, Bits<48>>,
    o9: Signal<Out, Bit>,
    o10: Signal<Out, Bits<22>>,
    o11: Signal<Out, Bits<35>>,
    o12: Signal<Out, Bits<22>>,
    o13: Signal<Out, Bits<22>>,
    o14: Signal<Out, Bit>,
    o15: Signal<Out, Bits<22>>,
    o16: Signal<Out, Bits<35>>,
    o17: Signal<Out, Bits<48>>,
    o18: Signal<Out, Bits<48>>,
    o19: Signal<Out, Bit>,
}

impl Logic for K17 {
    #[hdl_gen]
    fn update(&mut self) {
        self.o0.next = (bits::<35>(105) >> 30).get_bits::<22>(self.n3.val().index()).get_bits::<48>(22);
        if (bit_cast::<48, 61>(self.a61.val())) < 97 {
            self.o0.next = bit_cast::<48, 48>(self.b48.val()) + (1 | self.a48.val() | self.b48.val().replace_bit(45, self.y.val()));
        }
        self.o1.next = bit_cast::<48, 35>(194 | self.a35.val() + self.b35.val() << 3 ^ self.b35.val() - 0 + (bits::<35>(89) | self.b35.val()));
        self.o2.next = bit_cast::<22, 48>((self.a10.val() + self.x.val() ^ self.a10.val() & self.b10.val()).get_bits::<48>(9) & 38 + !(171 + self.a48.val()));
        self.o3.next = self.a48.val();
        self.o4.next = (self.b22.val()) < (self.a22.val() | self.a22.val()) + (self.a22.val() + self.a22.val()) ^ 10 && (!bit_cast::<10, 22>(self.b22.val()).get_bits::<35>(8)).get_bit(20);
        self.o5.next = bit_cast::<35, 35>((bit_cast::<35, 61>(self.b61.val()) << self.n3.val()) - 2);
        self.o6.next = self.a35.val();
        self.o7.next = bit_cast::<48, 61>(self.a61.val() & ((self.a48.val() ^ 0) - 0xa16651a60c5b_u64).get_bits::<61>(35));
        self.o8.next = self.b22.val().get_bits::<48>(21);
        self.o9.next = ((!bit_cast::<48, 22>(bits::<22>(208)) & 3) << self.n7.val()) <= !bit_cast::<48, 48>(self.a48.val()).replace_bit(14, self.a61.val().get_bit(self.n3.val().index())) << self.n3.val();
        if (157 & self.b61.val()).get_bit(38) {
            self.o9.next = (self.b61.val().get_bits::<22>(self.n3.val().index()) ^ self.b35.val().get_bits::<22>(0)).get_bit(4);
        }
        self.o10.next = bit_cast::<22, 35>(self.b48.val().get_bits::<35>(31) << 28 ^ !self.b35.val() + self.b61.val().any() & (!self.a35.val()) - 127);
        self.o11.next = ((3 - bit_cast::<10, 48>(self.a48.val())).get_bits::<35>(3) << self.n7.val()) & self.b35.val();
        if self.a35.val() + 204 == self.b35.val() {
            self.o11.next = (self.a10.val() | self.b10.val()).get_bits::<35>(1) >> self.n3.val();
        }
        self.o12.next = self.a22.val();
        self.o13.next = !(1 + ((self.b22.val() >> 20) + 127)) - (self.b22.val() >> 17);
        self.o14.next = !(!(self.a10.val() >> self.n3.val() == self.a10.val()) ^ ((self.b22.val() >> 7 << self.n3.val()) < self.b22.val()));
        self.o15.next = bit_cast::<22, 61>(self.b61.val());
        self.o16.next = self.a10.val().get_bits::<35>(6);
        self.o17.next = ((!self.a22.val().get_bits::<48>(5)).get_bits::<35>(45) - !(self.b35.val() << 23).replace_bit(18, self.a35.val() == self.a35.val())).get_bits::<48>(self.n3.val().index());
        self.o18.next = !bit_cast::<48, 35>((self.a22.val() | self.b22.val()).get_bits::<35>(self.n3.val().index()) >> 38);
        self.o19.next = ((0x637d48308cb1_u64 | bit_cast::<48, 10>(self.a10.val()) + ((self.a35.val()) < self.a35.val())).get_bits::<35>(15)) < 1 & ((self.b35.val() & self.b35.val()).get_bits::<35>(self.n3.val().index()) | (self.a35.val() + self.b35.val() | self.b35.val() - 0));
    }
}

ports!(K17; ; in n3, n7, x, y, z, a10, b10, a22, b22, a35, b35, a48, b48, a61, b61; out o0, o1, o2, o3, o4, o5, o6, o7, o8, o9, o10, o11, o12, o13, o14, o15, o16, o17, o18, o19);

#[derive(LogicBlock, Default)]
pub struct K18 {
    n3: Signal<In, Bits<3>>,
    n7: Signal<In, Bits<7>>,
    x: Signal<In, Bit>,
    y: Signal<In, Bit>,
    z: Signal<In, Bit>,
    a2: Signal<In, Bits<2>>,
    b2: Signal<In, Bits<2>>,
    a15: Signal<In, Bits<15>>,
    b15: Signal<In, Bits<15>>,
    a27: Signal<In, Bits<27>>,
    b27: Signal<In, Bits<27>>,
    a40: Signal<In, Bits<40>>,
    b40: Signal<In, Bits<40>>,
    a53: Signal<In, Bits<53>>,
    b53: Signal<In, Bits<53>>,
    o0: Signal<Out, Bits<15>>,
    o1: Signal<Out, Bits<2>>,
    o2: Signal<Out, Bits<40>>,
    o3: Signal<Out, Bits<15>>,
    o4: Signal<Out, Bit>,
    o5: Signal<Out, Bits<2>>,
    o6: Signal<Out, Bits<2>>,
    o7: Signal<Out, Bits<27>>,
    o8: Signal<Out, Bits<2>>,
    o9: Signal<Out, Bit>,
    o10: Signal<Out, Bits<2>>,
    o11: Signal<Out, Bits<53>>,
    o12: Signal<Out, Bits<2>>,
    o13: Signal<Out, Bits<15>>,
    o14: Signal<Out, Bit>,
    o15: Signal<Out, Bits<40>>,
    o16: Signal<Out, Bits<53>>,
    o17: Signal<Out, Bits<2>>,
    o18: Signal<Out, Bits<40>>,
    o19: Signal<Out, Bit>,
}

impl Logic for K18 {
    #[hdl_gen]
    fn update(&mut self) {
        self.o0.next = !(self.a53.val() >> self.n7.val()).replace_bit(38, self.z.val() || self.x.val()).get_bits::<15>(36).replace_bit(self.n3.val().index(), bit_cast::<15, 15>(self.b15.val()).replace_bit(self.n3.val().index(), self.y.val() != self.x.val()) >= self.a15.val() - self.b15.val() << 16);
        if bits::<27>(74) != self.b27.val().replace_bit(self.n3.val().index(), self.y.val()) {
            self.o0.next = ((self.b15.val() << 2) + bit_cast::<15, 53>(bits::<53>(59))) + (self.b27.val() & self.b27.val() >= self.a53.val().get_bits::<27>(self.n3.val().index()));
        }
        self.o1.next = (bit_cast::<53, 15>(self.b15.val() & self.a15.val()) + ((self.b53.val() | self.a53.val()) <= 0x10259f124f89a1_u64 ^ self.a53.val()) + 0x76bc6ac47a6e8_u64).get_bits::<2>(self.n3.val().index());
        if self.a53.val().any() {
            self.o1.next = bit_cast::<2, 15>(self.a15.val()).replace_bit(0, self.z.val() & self.z.val()).replace_bit(1, (self.a2.val() + self.z.val()).get_bit(0));
        } else if self.a40.val().all() {
            self.o1.next = !bit_cast::<2, 53>(self.a53.val()) | 0 + self.b2.val() - (self.b2.val() & bits::<2>(2));
        }
        self.o2.next = 89 - (bit_cast::<40, 53>(self.b2.val().get_bits::<53>(0).replace_bit(self.n3.val().index(), self.x.val() || self.z.val())) << self.n3.val());
        self.o3.next = (!(bit_cast::<2, 2>(self.a2.val()) + (self.z.val() || self.x.val()))).replace_bit(1, (bits::<27>(190) + self.y.val()).get_bit(self.n3.val().index()) || (self.b15.val() | 195).xor()).get_bits::<15>(0);
        if (self.z.val() || self.x.val()) ^ !self.y.val() {
            self.o3.next = (self.b15.val() - !self.a15.val()).get_bits::<15>(10);
        } else if (self.a53.val() != 0x1afb21b28ec09b_u64) != self.a15.val().get_bit(self.n3.val().index()) {
            self.o3.next = bit_cast::<15, 27>(self.a27.val().get_bits::<27>(25)) + (self.b2.val().get_bit(0) & (self.x.val() == self.z.val()));
        }
        self.o4.next = (self.b15.val().replace_bit(2, self.x.val()) >> self.n3.val()).any() ^ ((self.b27.val() >> 16).replace_bit(self.n3.val().index(), self.b53.val().get_bit(3)) > self.b27.val() + self.y.val() - self.a27.val()) && (!(self.b2.val() >> 2)).replace_bit(1, (self.a40.val() >> self.n3.val()).get_bit(self.n3.val().index())).get_bit(0);
        self.o5.next = ((self.a2.val() >> 2) + (self.b2.val() >> self.n7.val()) | bit_cast::<2, 40>(self.a40.val()) + 3).get_bits::<2>(0) | bit_cast::<2, 40>(bits::<40>(202)).replace_bit(1, self.a15.val() > self.b15.val()).get_bits::<2>(0) + !(((self.a15.val()) <= self.a15.val()) != self.b15.val().any());
        if 0 + self.b27.val() > bit_cast::<27, 2>(self.b2.val()) {
            self.o5.next = self.a2.val();
        }
        self.o6.next = !(((self.a2.val() >> 0) ^ bit_cast::<2, 40>(self.a40.val())) << 5);
        self.o7.next = (33055500 + self.b2.val().get_bits::<27>(1) & 38102067 ^ 126409067) & bit_cast::<27, 40>(self.a40.val() | 0xe9352032d_u64);
        self.o8.next = self.b15.val().get_bits::<2>(0);
        self.o9.next = (!self.b2.val()).replace_bit(0, self.a15.val() != self.b15.val()).get_bits::<40>(0).xor() || (self.a2.val()) < !(self.b53.val().get_bits::<2>(self.n3.val().index()) | self.b2.val());
        if (self.a27.val() ^ self.a27.val()).get_bit(self.n3.val().index()) {
            self.o9.next = bit_cast::<40, 15>(self.a15.val()) >= 1 && (self.x.val() && self.y.val()) | (self.b40.val() != self.a40.val());
        } else if 3 + self.b2.val() > !self.b2.val() {
            self.o9.next = self.b27.val() > 3;
        }
        self.o10.next = self.b2.val();
        self.o11.next = bit_cast::<53, 53>(self.b53.val().get_bits::<53>(33));
        self.o12.next = !self.b2.val();
        self.o13.next = (self.a2.val().get_bits::<15>(1) ^ 19165 ^ (bit_cast::<15, 15>(self.b15.val()) | self.b15.val() ^ self.b15.val()) | bit_cast::<15, 15>(self.b15.val() << self.n7.val()) << 8) + 24510;
        self.o14.next = self.b15.val().get_bits::<2>(15).get_bit(1);
        self.o15.next = (bit_cast::<40, 40>(bit_cast::<40, 40>(self.a40.val()).get_bits::<40>(35)) & bit_cast::<40, 2>(self.a2.val() + self.z.val() ^ self.a2.val() & 1)) + 0x3b3bace8e3_u64;
        self.o16.next = self.b53.val() + !(self.b40.val() + self.b40.val() | self.b40.val() + self.a40.val() != 0xa5411f9545_u64);
        self.o17.next = (((self.b2.val() ^ self.b2.val()) & (self.a2.val() + self.b2.val()) | self.a27.val().get_bits::<2>(self.n3.val().index()) + !self.y.val()) << self.n3.val()).replace_bit(0, (self.b2.val() & 1).get_bit(0));
        self.o18.next = self.a40.val();
        if self.a2.val().xor() || bits::<40>(12).get_bit(1) {
            self.o18.next = bit_cast::<40, 2>(bits::<2>(1) >> self.n3.val() & (self.a2.val() | self.b2.val()));
        }
        self.o19.next = !(self.a2.val().get_bits::<53>(0) ^ self.b53.val().replace_bit(self.n3.val().index(), self.z.val())).xor() & ((0x4fe62e3232_u64 & (bits::<40>(26) | self.b40.val() | self.b40.val() + 0)) < 243);
    }
}

ports!(K18; ; in n3, n7, x, y, z, a2, b2, a15, b15, a27, b27, a40, b40, a53, b53; out o0, o1, o2, o3, o4, o5, o6, o7, o8, o9, o10, o11, o12, o13, o14, o15, o16, o17, o18, o19);

#[derive(LogicBlock, Default)]
pub struct K19 {
    n3: Signal<In, Bits<3>>,
    n7: Signal<In, Bits<7>>,
    x: Signal<In, Bit>,
    y: Signal<In, Bit>,
    z: Signal<In, Bit>,
    a7: Signal<In, Bits<7>>,
    b7: Signal<In, Bits<7>>,
    a20: Signal<In, Bits<20>>,
    b20: Signal<In, Bits<20>>,
    a32: Signal<In, Bits<32>>,
    b32: Signal<In, Bits<32>>,
    a45: Signal<In, Bits<45>>,
    b45: Signal<In, Bits<45>>,
    a58: Signal<In, Bits<58>>,
    b58: Signal<In, Bits<58>>,
    o0: Signal<Out, Bits<7>>,
    o1: Signal<Out, Bits<32>>,
    o2: Signal<Out, Bits<58>>,
    o3: Signal<Out, Bits<20>>,
    o4: Signal<Out, Bit>,
    o5: Signal<Out, Bits<7>>,
    o6: Signal<Out, Bits<58>>,
    o7: Signal<Out, Bits<7>>,
    o8: Signal<Out, Bits<20>>,
    o9: Signal<Out, Bit>,
    o10: Signal<Out, Bits<58>>,
    o11: Signal<Out, Bits<7>>,
    o12: Signal<Out, Bits<7>>,
    o13: Signal<Out, Bits<45>>,
    o14: Signal<Out, Bit>,
    o15: Signal<Out, Bits<58>>,
    o16: Signal<Out, Bits<45>>,
    o17: Signal<Out, Bits<20>>,
    o18: Signal<Out, Bits<45>>,
    o19: Signal<Out, Bit>,
}

impl Logic for K19 {
    #[hdl_gen]
    fn update(&mut self) {
        self.o0.next = self.b7.val() + ((self.b58.val()) <= (self.a58.val() >> 61 & self.b58.val()) + !(95 >= self.a7.val()));
        self.o1.next = (self.a20.val().get_bits::<32>(7) + (self.y.val() != self.z.val()) - (self.a32.val() - self.a32.val() & 187 - self.a32.val()) | bit_cast::<32, 32>(self.b32.val() + self.a7.val().get_bit(6))) ^ (47335220 | self.b32.val()) + ((self.b32.val() | 2) >> 11 >> self.n3.val());
        self.o2.next = self.a58.val().get_bits::<58>(40);
        self.o3.next = 3 + (!self.b32.val()).get_bits::<20>(13);
        self.o4.next = (bit_cast::<45, 20>(bit_cast::<20, 7>(self.a7.val())).get_bit(self.n3.val().index()) && !(self.a45.val() - 1).get_bit(self.n3.val().index())) == ((self.a32.val() << 1 & self.a32.val()).all() && (self.a32.val() & self.a32.val()).all() ^ (bit_cast::<7, 20>(self.a20.val()) > 86));
        if !(self.b32.val() >= self.a32.val()) {
            self.o4.next = (self.a45.val().get_bits::<20>(44) >= 3) & self.b20.val().get_bit(self.n3.val().index());
        }
        self.o5.next = self.b7.val() + ((!(self.b20.val() >> 1)).get_bits::<32>(19) == self.a32.val() + 448116919 + bit_cast::<32, 20>(self.a20.val()) << self.n3.val());
        self.o6.next = self.a58.val().replace_bit(self.n3.val().index(), (self.b45.val().get_bits::<58>(32) | 0 | (0x3df2b96e05ec56f_u64 + (self.b58.val() ^ self.a58.val()))).get_bit(self.n3.val().index()));
        if (self.x.val() && self.x.val()) == (self.a20.val() >= self.a20.val()) {
            self.o6.next = bits::<58>(0x24346b44519ba72_u64);
        } else if (!self.a7.val()).xor() {
            self.o6.next = (self.a20.val() << self.n3.val()).get_bits::<58>(self.n3.val().index()) + (self.a45.val() >= self.a45.val() || self.b20.val() >= self.b20.val());
        }
        self.o7.next = self.a7.val();
        if !(self.a32.val() == self.b32.val()) {
            self.o7.next = bit_cast::<7, 45>(self.b45.val() | self.a45.val()) << self.n3.val();
        }
        self.o8.next = self.a20.val();
        self.o9.next = (10 | self.b20.val()).any();
        self.o10.next = bit_cast::<58, 20>((self.b20.val() | 604855) << 15 & bit_cast::<20, 32>(self.b32.val() >> self.n7.val())) + (((self.b7.val().get_bit(2) || self.y.val() != self.x.val()) && (bit_cast::<45, 45>(self.a45.val())) < 2) | (!self.z.val() | ((self.a7.val()) <= self.a7.val()) | (bit_cast::<45, 7>(self.a7.val()) != self.b58.val().get_bits::<45>(44))));
        self.o11.next = self.b7.val();
        self.o12.next = (!self.a32.val() | self.b32.val() - 1328844417).get_bits::<7>(self.n3.val().index()).replace_bit(0, !self.a32.val().all() != !(self.a20.val() > self.a20.val())) - (self.b7.val() | !(self.a7.val() + self.b7.val() + self.b58.val().get_bit(53)));
        self.o13.next = ((bit_cast::<45, 45>(bits::<45>(2)) >> 32) | (self.b45.val() & self.b45.val()).get_bits::<45>(31) - (self.a45.val() << 34 << self.n3.val())) & 101;
        self.o14.next = (((self.a58.val().get_bits::<58>(self.n3.val().index())) <= self.b58.val().replace_bit(16, self.x.val())) != bit_cast::<7, 58>(self.b58.val()).any()) & self.a7.val().replace_bit(6, self.a7.val().get_bit(6)).get_bit(5) || bit_cast::<20, 7>(self.a7.val().get_bits::<7>(5)) > self.b20.val() + self.z.val() ^ self.a58.val().get_bits::<20>(self.n3.val().index()) | self.a20.val();
        self.o15.next = !bit_cast::<32, 20>(bits::<20>(2)).get_bits::<58>(self.n3.val().index()) - (!(self.b58.val() + self.z.val())).get_bits::<58>(46) >> self.n3.val();
        self.o16.next = 236 - (self.b45.val() >> self.n7.val());
        if !self.b20.val().get_bit(12) {
            self.o16.next = (self.a45.val() + self.y.val() ^ 122) >> 38;
        } else if self.a45.val() + self.x.val() > self.b7.val().get_bits::<45>(0) {
            self.o16.next = bit_cast::<45, 20>(self.b20.val() + self.x.val() + self.b45.val().get_bits::<20>(28));
        }
        self.o17.next = self.b20.val();
        self.o18.next = self.b45.val();
        self.o19.next = ((223 - self.a45.val() - 0).replace_bit(12, !!self.x.val()) != bits::<45>(0x11f364439f97_u64)) ^ ((self.b20.val() + 90).get_bits::<58>(14) == self.b58.val() || ((self.a32.val().get_bits::<32>(self.n3.val().index())) < bit_cast::<32, 45>(self.a45.val())) & bits::<58>(3).xor());
        if self.b45.val() + self.x.val() > self.a45.val().replace_bit(42, self.z.val()) {
            self.o19.next = ((self.a7.val() + self.a7.val()) | 1).get_bit(5);
        } else if (self.z.val() != self.x.val()) == self.a7.val().get_bit(5) {
            self.o19.next = (bit_cast::<45, 7>(self.b7.val()) + !self.y.val()).xor();
        }
    }
}

ports!(K19; ; in n3, n7, x, y, z, a7, b7, a20, b20, a32, b32, a45, b45, a58, b58; out o0, o1, o2, o3, o4, o5, o6, o7, o8, o9, o10, o11, o12, o13, o14, o15, o16, o17, o18, o19);

#[derive(LogicBlock, Default)]
pub struct K20 {
    n3: Signal<In, Bits<3>>,
    n7: Signal<In, Bits<7>>,
    x: Signal<In, Bit>,
    y: Signal<In, Bit>,
    z: Signal<In, Bit>,
    a12: Signal<In, Bits<12>>,
    b12: Signal<In, Bits<12>>,
    a16: Signal<In, Bits<16>>,
    b16: Signal<In, Bits<16>>,
    a25: Signal<In, Bits<25>>,
    b25: Signal<In, Bits<25>>,
    a32: Signal<In, Bits<32>>,
    b32: Signal<In, Bits<32>>,
    a37: Signal<In, Bits<37>>,
    b37: Signal<In, Bits<37>>,
    a50: Signal<In, Bits<50>>,
    b50: Signal<In, Bits<50>>,
    a63: Signal<In, Bits<63>>,
    b63: Signal<In, Bits<63>>,
    o0: Signal<Out, Bits<63>>,
    o1: Signal<Out, Bits<50>>,
    o2: Signal<Out, Bits<50>>,
    o3: Signal<Out, Bits<32>>,
    o4: Signal<Out, Bit>,
    o5: Signal<Out, Bits<12>>,
    o6: Signal<Out, Bits<32>>,
    o7: Signal<Out, Bits<37>>,
    o8: Signal<Out, Bits<63>>,
    o9: Signal<Out, Bit>,
    o10: Signal<Out, Bits<25>>,
    o11: Signal<Out, Bits<32>>,
    o12: Signal<Out, Bits<50>>,
    o13: Signal<Out, Bits<50>>,
    o14: Signal<Out, Bit>,
    o15: Signal<Out, Bits<50>>,
    o16: Signal<Out, Bits<63>>,
    o17: Signal<Out, Bits<63>>,
    o18: Signal<Out, Bits<37>>,
    o19: Signal<Out, Bit>,
}

impl Logic for K20 {
    #[hdl_gen]
    fn update(&mut self) {
        self.o0.next = self.b63.val() + (self.a16.val().get_bit(self.n3.val().index()) & (self.x.val() != self.z.val()) ^ (self.b63.val() - self.a63.val() != bits::<63>(0x1ee5eed06e78f318_u64))) ^ 0x7a037b3f9be311a7_u64;
        self.o1.next = ((self.b63.val().get_bits::<50>(55) >> self.n3.val()).get_bits::<50>(48) + (!((bit_cast::<50, 50>(self.b50.val())) <= (!bits::<50>(0x32aa73aff06a8_u64))))).replace_bit(48, !!(self.b50.val().get_bit(25) != self.a12.val().get_bit(0)));
        self.o2.next = 0x3094182b622d1_u64 + (((self.b50.val() | self.a50.val()) ^ self.a50.val()) + (self.b25.val().get_bits::<50>(17) >> self.n7.val()) >> 53);
        self.o3.next = bit_cast::<32, 37>(self.b16.val().get_bits::<16>(8).get_bits::<37>(self.n3.val().index()) ^ !self.a37.val()) << self.n7.val();
        self.o4.next = bit_cast::<32, 63>(self.b63.val().replace_bit(16, self.x.val()) >> self.n7.val()) << 10 >= self.a16.val() * self.b16.val() >> 33 >> self.n7.val() ^ 0xdac55f9e_u64;
        self.o5.next = (bits::<32>(2) >> self.n3.val() << 25).get_bits::<12>(31) | (self.a12.val() >> 0) + bit_cast::<12, 63>(self.a63.val()) + !(bits::<12>(1599) - self.b12.val()) ^ (self.a12.val() ^ self.a12.val() | self.b12.val() & self.a12.val()).get_bits::<12>(0);
        self.o6.next = bit_cast::<32, 25>(self.b25.val() + self.b25.val() ^ self.b37.val().get_bits::<25>(self.n3.val().index())) ^ bits::<32>(0xf22673a7_u64).replace_bit(29, (self.a63.val() << self.n7.val()).all()) | (self.a16.val() + bit_cast::<16, 63>(bit_cast::<63, 25>(self.b25.val()))) * bit_cast::<16, 50>(bits::<37>(200).get_bits::<50>(29) | 240);
        self.o7.next = (!self.b37.val() ^ 0xe89bd0a15_u64) + (self.b37.val() - self.a37.val()).get_bits::<37>(18) + (self.b32.val().get_bits::<37>(25) + (self.a37.val() | self.a37.val()) << 15) & bit_cast::<37, 12>((215 - self.b12.val() >> self.n3.val()) + (32322179 + self.a25.val() == self.b25.val() | self.b25.val()));
        self.o8.next = bit_cast::<63, 16>(self.b16.val());
        self.o9.next = (1 | self.b25.val().get_bits::<12>(21).get_bits::<50>(self.n3.val().index())) >= ((0x3b8cb42228be7_u64 - self.a50.val()) >> 25).get_bits::<50>(self.n3.val().index()) || (self.a63.val() ^ self.b63.val() ^ 1 + self.a63.val() >= 0x75a05fbe841cd14e_u64) & (bit_cast::<37, 16>(self.a16.val() << 19) == (!self.b12.val().get_bits::<37>(6)));
        self.o10.next = self.b25.val();
        self.o11.next = !((self.b32.val() | self.a32.val() | self.b32.val() >> 7) - 2).get_bits::<32>(13);
        self.o12.next = self.a50.val();
        self.o13.next = (self.b50.val() + !self.a50.val()).replace_bit(49, !((self.x.val() & self.x.val()) != (self.y.val() && self.z.val()))) ^ !self.b50.val();
        self.o14.next = bit_cast::<16, 37>((self.a37.val() + bits::<37>(3) + (self.x.val() & self.x.val())).replace_bit(10, (self.y.val() && self.z.val()) == self.a50.val().get_bit(37))) != (self.a63.val() - 0x22c2aef01f672d19_u64).get_bits::<16>(37);
        self.o15.next = bit_cast::<50, 32>((self.b12.val() << 5).get_bits::<50>(self.n3.val().index()).get_bits::<32>(self.n3.val().index()) + (((self.b12.val().get_bits::<16>(self.n3.val().index())) < 133) | !self.z.val() ^ self.b63.val().get_bit(self.n3.val().index())));
        if self.z.val() == self.z.val() || self.x.val() == self.y.val() {
            self.o15.next = self.b50.val() >> 29;
        }
        self.o16.next = self.b63.val();
        self.o17.next = self.b63.val();
        self.o18.next = bits::<37>(0x1b56111e09_u64);
        self.o19.next = bit_cast::<50, 50>(bits::<50>(109) + self.x.val() ^ self.a50.val() & 116).replace_bit(43, !(!self.b50.val() == self.a50.val().replace_bit(17, self.z.val()))) > self.b50.val();
    }
}

ports!(K20; ; in n3, n7, x, y, z, a12, b12, a16, b16, a25, b25, a32, b32, a37, b37, a50, b50, a63, b63; out o0, o1, o2, o3, o4, o5, o6, o7, o8, o9, o10, o11, o12, o13, o14, o15, o16, o17, o18, o19);

#[derive(LogicBlock, Default)]
pub struct K21 {
    n3: Signal<In, Bits<3>>,
    n7: Signal<In, Bits<7>>,
    x: Signal<In, Bit>,
    y: Signal<In, Bit>,
    z: Signal<In, Bit>,
    a4: Signal<In, Bits<4>>,
    b4: Signal<In, Bits<4>>,
    a17: Signal<In, Bits<17>>,
    b17: Signal<In, Bits<17>>,
    a30: Signal<In, Bits<30>>,
    b30: Signal<In, Bits<30>>,
    a42: Signal<In, Bits<42>>,
    b42: Signal<In, Bits<42>>,
    a55: Signal<In, Bits<55>>,
    b55: Signal<In, Bits<55>>,
    o0: Signal<Out, Bits<17>>,
    o1: Signal<Out, Bits<30>>,
    o2: Signal<Out, Bits<55>>,
    o3: Signal<Out, Bits<42>>,
    o4: Signal<Out, Bit>,
    o5: Signal<Out, Bits<42>>,
    o6: Signal<Out, Bits<4>>,
    o7: Signal<Out, Bits<30>>,
    o8: Signal<Out, Bits<4>>,
    o9: Signal<Out, Bit>,
    o10: Signal<Out, Bits<55>>,
    o11: Signal<Out, Bits<17>>,
    o12: Signal<Out, Bits<30>>,
    o13: Signal<Out, Bits<55>>,
    o14: Signal<Out, Bit>,
    o15: Signal<Out, Bits<55>>,
    o16: Signal<Out, Bits<42>>,
    o17: Signal<Out, Bits<42>>,
    o18: Signal<Out, Bits<55>>,
    o19: Signal<Out, Bit>,
}

impl Logic for K21 {
    #[hdl_gen]
    fn update(&mut self) {
        self.o0.next = self.a17.val() + (bit_cast::<42, 17>(self.a17.val()).replace_bit(self.n3.val().index(), self.b55.val() != 0) >> self.n7.val()).get_bit(9);
        if ((self.b30.val()) <= self.a30.val()) != (self.x.val() != self.x.val()) {
            self.o0.next = (!self.a17.val()).get_bits::<17>(self.n3.val().index()) >> self.n7.val();
        } else if bits::<30>(151).get_bits::<17>(self.n3.val().index()) > self.b17.val() ^ bits::<17>(3) {
            self.o0.next = self.a17.val();
        }
        self.o1.next = !(self.b30.val() + self.b42.val().any()) << 9 << 31;
        self.o2.next = !(self.b55.val() + 2 + self.b55.val() + bit_cast::<30, 17>(self.b17.val()).get_bit(28) ^ 0x661e142cbf2837_u64 - self.a55.val() + (self.a42.val() + self.z.val()).get_bits::<55>(40));
        self.o3.next = (!!(self.a42.val() >> self.n3.val()) >> self.n3.val()) << 7;
        self.o4.next = ((153 > bits::<55>(221)) != (self.b4.val() + self.y.val() > bits::<4>(1) + self.x.val()) || !bits::<17>(245).get_bit(12)) & ((bits::<17>(112) << 6 | (self.b17.val() | self.a17.val()) == !(234 - self.a17.val())) == (!bit_cast::<4, 30>(self.b30.val()) == !self.b4.val() >> 0));
        self.o5.next = (0x4072eb32dc_u64 & ((self.b42.val() ^ 244) + bit_cast::<42, 30>(self.a30.val()) | !self.b42.val() - (self.b42.val() ^ 62))) - 0x10c49c02ce4_u64;
        self.o6.next = (self.a30.val().get_bits::<42>(self.n3.val().index()).get_bits::<4>(self.n3.val().index()) >> 2) + (!(self.b4.val() << self.n3.val()) | self.a4.val() + self.a4.val() << self.n7.val()) | bit_cast::<4, 42>(self.b42.val() << self.n3.val() ^ 0x21b58154e25_u64) + ((self.b42.val() & self.b42.val()) - (self.a42.val() | self.b42.val()) >= (self.a4.val() ^ self.b4.val()).get_bits::<42>(1));
        if !(self.b17.val() == bits::<17>(73976)) {
            self.o6.next = 2 + (!(self.a4.val() ^ self.b4.val()));
        }
        self.o7.next = bit_cast::<30, 17>(self.b17.val()) + (3 - self.b17.val() >= !(bits::<17>(143) | self.a17.val())) >> self.n7.val();
        self.o8.next = 7 & self.b4.val() + ((self.y.val() ^ self.z.val() ^ (self.a4.val() >= 7)) && 47695 == bits::<17>(65) << self.n7.val());
        self.o9.next = (!(self.a4.val().get_bits::<17>(1).replace_bit(5, self.a55.val() == 0x2ba0822909b631_u64) & self.b55.val().get_bits::<17>(53).replace_bit(5, self.b55.val() == self.b55.val()))) < bit_cast::<17, 55>(1 + (self.b4.val() & self.a4.val()).get_bits::<55>(4));
        self.o10.next = bit_cast::<55, 42>(((self.a42.val() | self.a42.val()) << self.n7.val()).get_bits::<42>(37)).get_bits::<55>(24);
        self.o11.next = 125656 & (self.b4.val().get_bits::<17>(4).replace_bit(9, (self.a4.val()) < self.b4.val()) + (bits::<55>(0x1c95237275b8b9_u64) > self.b55.val() << self.n7.val())).replace_bit(4, (self.a42.val() >> 12 << self.n7.val()).all());
        if (self.y.val() & self.z.val()) || self.x.val() | self.y.val() {
            self.o11.next = (self.b17.val() << self.n3.val()) + ((self.a17.val()) <= 2) << self.n3.val();
        }
        self.o12.next = !((self.b30.val() << self.n7.val()) + (self.y.val() & self.x.val()) & (self.a30.val() - 807904129 | 535524259) & 921117282);
        self.o13.next = (bit_cast::<55, 30>(self.a30.val()) << self.n7.val()).replace_bit(31, (self.b4.val() << self.n3.val()).get_bit(0)) - bit_cast::<55, 4>(!self.b55.val().get_bits::<4>(54)) + (self.a17.val() >> 13).replace_bit(self.n3.val().index(), self.x.val() || self.y.val()).get_bits::<55>(self.n3.val().index()).xor();
        self.o14.next = ((bits::<4>(1) - 2) >> self.n7.val()).get_bits::<4>(4).get_bit(3) & ((!(self.b42.val() >= bits::<42>(49))) | self.a4.val().get_bit(2) != (self.a17.val() >> self.n3.val() >> self.n7.val()).get_bit(7));
        if !self.b30.val().get_bit(self.n3.val().index()) {
            self.o14.next = (bit_cast::<17, 30>(self.b30.val()) + self.b55.val().get_bits::<17>(28)).all();
        }
        self.o15.next = (174 - bit_cast::<17, 42>(bit_cast::<42, 55>(self.a55.val())) + !(self.b30.val() != self.b30.val() << self.n3.val())).get_bits::<55>(3);
        self.o16.next = (!(0 & self.a17.val().get_bits::<4>(self.n3.val().index()) + self.b55.val().xor())).get_bits::<42>(3);
        self.o17.next = bit_cast::<55, 42>(self.b42.val().replace_bit(4, self.x.val()) - 216).get_bits::<42>(29) >> self.n7.val();
        self.o18.next = bit_cast::<55, 4>(!self.a42.val().get_bits::<4>(40)) + (2 - self.b55.val()) << self.n3.val();
        self.o19.next = (bit_cast::<42, 30>(self.a30.val() << self.n7.val() << self.n7.val()) << 15).xor();
    }
}

ports!(K21; ; in n3, n7, x, y, z, a4, b4, a17, b17, a30, b30, a42, b42, a55, b55; out o0, o1, o2, o3, o4, o5, o6, o7, o8, o9, o10, o11, o12, o13, o14, o15, o16, o17, o18, o19);

#[derive(LogicBlock, Default)]
pub struct K22 {
    n3: Signal<In, Bits<3>>,
    n7: Signal<In, Bits<7>>,
    x: Signal<In, Bit>,
    y: Signal<In, Bit>,
    z: Signal<In, Bit>,
    a9: Signal<In, Bits<9>>,
    b9: Signal<In, Bits<9>>,
    a22: Signal<In, Bits<22>>,
    b22: Signal<In, Bits<22>>,
    a35: Signal<In, Bits<35>>,
    b35: Signal<In, Bits<35>>,
    a47: Signal<In, Bits<47>>,
    b47: Signal<In, Bits<47>>,
    a60: Signal<In, Bits<60>>,
    b60: Signal<In, Bits<60>>,
    o0: Signal<Out, Bits<47>>,
    o1: Signal<Out, Bits<47>>,
    o2: Signal<Out, Bits<35>>,
    o3: Signal<Out, Bits<9>>,
    o4: Signal<Out, Bit>,
    o5: Signal<Out, Bits<35>>,
    o6: Signal<Out, Bits<47>>,
    o7: Signal<Out, Bits<47>>,
    o8: Signal<Out, Bits<9>>,
    o9: Signal<Out, Bit>,
    o10: Signal<Out, Bits<22>>,
    o11: Signal<Out, Bits<9>>,
    o12: Signal<Out, Bits<9>>,
    o13: Signal<Out, Bits<60>>,
    o14: Signal<Out, Bit>,
    o15: Signal<Out, Bits<22>>,
    o16: Signal<Out, Bits<35>>,
    o17: Signal<Out, Bits<9>>,
    o18: Signal<Out, Bits<9>>,
    o19: Signal<Out, Bit>,
}

impl Logic for K22 {
    #[hdl_gen]
    fn update(&mut self) {
        self.o0.next = bit_cast::<47, 60>((self.a9.val() + self.z.val()).get_bits::<60>(self.n3.val().index()) - 0) << self.n3.val();
        self.o1.next = 2 ^ bit_cast::<47, 60>((self.b60.val() >> 22) >> self.n7.val() << self.n3.val());
        self.o2.next = self.b35.val();
        self.o3.next = bit_cast::<9, 47>(!bit_cast::<47, 60>(self.b60.val()));
        self.o4.next = bits::<60>(0xfb1546e26980eca_u64).any();
        self.o5.next = self.a35.val();
        self.o6.next = !(!bit_cast::<47, 9>(self.a9.val()) << self.n3.val() | bit_cast::<47, 9>(!(self.b9.val() & bits::<9>(327))));
        self.o7.next = bits::<47>(36);
        self.o8.next = 28 - (!(self.b9.val() >> 11));
        self.o9.next = bits::<9>(0) >= self.b9.val();
        self.o10.next = (bit_cast::<9, 9>(bit_cast::<9, 22>(self.b22.val())) >> self.n3.val() & (self.a47.val() ^ self.a47.val()).get_bits::<9>(self.n3.val().index()).replace_bit(8, self.a60.val().get_bit(39) || (self.x.val() || self.x.val()))).get_bits::<22>(7);
        self.o11.next = !self.b9.val();
        self.o12.next = bit_cast::<47, 22>(bit_cast::<22, 60>(self.b60.val() | self.a60.val() & self.a60.val())).get_bits::<9>(29);
        if !(self.y.val() && self.y.val()) {
            self.o12.next = bit_cast::<9, 60>(bit_cast::<60, 22>(self.a22.val()) + !self.y.val());
        } else if (self.a60.val() | self.b60.val()).get_bit(self.n3.val().index()) {
            self.o12.next = bits::<9>(247);
        }
        self.o13.next = (bit_cast::<60, 60>(self.a60.val() - self.a60.val()) + (0x82ab4ba46fadd95_u64 ^ (self.b60.val() | self.b60.val()))) + ((self.a47.val().get_bits::<22>(self.n3.val().index()) & bit_cast::<22, 47>(self.b47.val())) != !self.a22.val()) ^ self.a60.val();
        self.o14.next = (!self.b60.val()).get_bit(14);
        if !(self.a35.val() > self.b35.val()) {
            self.o14.next = (self.b35.val()) < self.b22.val().get_bits::<35>(7) + !self.z.val();
        }
        self.o15.next = (0 - ((2 - self.a35.val()).get_bits::<22>(self.n3.val().index()) + (1 | bits::<22>(2080490)).get_bit(10))).replace_bit(self.n3.val().index(), !(self.b22.val() + 2 - self.a22.val().replace_bit(19, self.x.val())) == (232 & self.b22.val()) - self.a60.val().get_bits::<22>(self.n3.val().index()) >> self.n3.val());
        self.o16.next = bit_cast::<35, 9>(bit_cast::<22, 60>(self.b60.val() ^ self.a60.val() + self.a60.val()).get_bits::<9>(19));
        self.o17.next = (0x2e55241ceb1f_u64 + ((0x2685a52cfd72_u64 | self.a47.val()) + bit_cast::<47, 60>(self.a60.val().replace_bit(32, self.z.val())))).get_bits::<9>(20);
        self.o18.next = self.a9.val();
        self.o19.next = 787387 | (self.b9.val() + self.y.val()).get_bits::<22>(self.n3.val().index()) + self.b22.val().get_bits::<22>(20).replace_bit(16, self.b22.val().xor()) != (self.a22.val() & self.b22.val()) + 602179 + (bits::<35>(0).get_bit(self.n3.val().index()) ^ (self.b47.val() != self.b47.val())) + (51 >= 154 - self.b9.val() >> self.n3.val());
    }
}

ports!(K22; ; in n3, n7, x, y, z, a9, b9, a22, b22, a35, b35, a47, b47, a60, b60; out o0, o1, o2, o3, o4, o5, o6, o7, o8, o9, o10, o11, o12, o13, o14, o15, o16, o17, o18, o19);

#[derive(LogicBlock, Default)]
pub struct K23 {
    n3: Signal<In, Bits<3>>,
    n7: Signal<In, Bits<7>>,
    x: Signal<In, Bit>,
    y: Signal<In, Bit>,
    z: Signal<In, Bit>,
    a1: Signal<In, Bits<1>>,
    b1: Signal<In, Bits<1>>,
    a14: Signal<In, Bits<14>>,
    b14: Signal<In, Bits<14>>,
    a27: Signal<In, Bits<27>>,
    b27: Signal<In, Bits<27>>,
    a40: Signal<In, Bits<40>>,
    b40: Signal<In, Bits<40>>,
    a52: Signal<In, Bits<52>>,
    b52: Signal<In, Bits<52>>,
    o0: Signal<Out, Bits<14>>,
    o1: Signal<Out, Bits<27>>,
    o2: Signal<Out, Bits<14>>,
    o3: Signal<Out, Bits<14>>,
    o4: Signal<Out, Bit>,
    o5: Signal<Out, Bits<40>>,
    o6: Signal<Out, Bits<14>>,
    o7: Signal<Out, Bits<1>>,
    o8: Signal<Out, Bits<52>>,
    o9: Signal<Out, Bit>,
    o10: Signal<Out, Bits<40>>,
    o11: Signal<Out, Bits<40>>,
    o12: Signal<Out, Bits<1>>,
    o13: Signal<Out, Bits<1>>,
    o14: Signal<Out, Bit>,
    o15: Signal<Out, Bits<40>>,
    o16: Signal<Out, Bits<1>>,
    o17: Signal<Out, Bits<1>>,
    o18: Signal<Out, Bits<27>>,
    o19: Signal<Out, Bit>,
}

impl Logic for K23 {
    #[hdl_gen]
    fn update(&mut self) {
        self.o0.next = bit_cast::<1, 27>(!self.a27.val()).get_bits::<14>(1) + ((self.b14.val() << self.n3.val()) < 7380 && (self.z.val() && self.y.val()) | (self.a40.val() > self.a40.val())) + 1;
        if (121 - self.b27.val()).any() {
            self.o0.next = self.a14.val();
        }
        self.o1.next = self.a27.val();
        self.o2.next = self.a14.val() + 9400;
        self.o3.next = (self.a1.val().replace_bit(0, self.x.val() & self.x.val()) ^ (!(bits::<1>(1) - 1))).get_bits::<27>(1).get_bits::<14>(self.n3.val().index());
        self.o4.next = bit_cast::<40, 27>(bit_cast::<14, 40>(self.b40.val()).get_bits::<27>(self.n3.val().index())) != self.a40.val() >> 2 << 7 >> self.n3.val() >> self.n7.val();
        self.o5.next = bit_cast::<40, 52>(bit_cast::<52, 52>(self.b52.val())) << self.n3.val();
        if self.b52.val().get_bit(37) {
            self.o5.next = !(bits::<40>(0) + bit_cast::<40, 52>(self.b52.val()));
        }
        self.o6.next = self.b14.val();
        self.o7.next = bit_cast::<1, 1>(bit_cast::<27, 27>(bits::<27>(222)).get_bits::<1>(self.n3.val().index()));
        self.o8.next = (!(self.b27.val() - (self.a27.val() ^ self.b27.val())).get_bits::<40>(11)).get_bits::<52>(21);
        self.o9.next = !((bits::<1>(0) & 1) + self.b1.val()).get_bit(0);
        if (self.b52.val() << 54).all() {
            self.o9.next = (!self.a27.val()).get_bits::<14>(14) != bit_cast::<14, 14>(self.a14.val() << 9);
        } else if 1 >= bit_cast::<1, 27>(self.a27.val()) {
            self.o9.next = self.a1.val().all();
        }
        self.o10.next = bit_cast::<40, 27>(self.b27.val());
        self.o11.next = (3 - bit_cast::<40, 40>((!self.a1.val()).get_bits::<40>(1))).replace_bit(self.n3.val().index(), !self.b27.val().get_bit(self.n3.val().index()) && self.a1.val() - 0 >> 1 != bit_cast::<1, 40>(self.b14.val().get_bits::<40>(7)));
        self.o12.next = !(!bit_cast::<1, 52>(self.b52.val()) + (bits::<40>(2) != 0xe1e42af162_u64 && self.z.val() == self.z.val())) + 0;
        if self.a40.val().all() | !self.y.val() {
            self.o12.next = (0 ^ self.b1.val() | 1).get_bits::<1>(1);
        } else if (self.a40.val() ^ self.b40.val()).xor() {
            self.o12.next = (bit_cast::<1, 14>(self.b14.val()) + (self.b40.val() != self.b40.val())).replace_bit(0, self.b14.val().replace_bit(12, self.x.val()).get_bit(6));
        }
        self.o13.next = !(self.a1.val() << 2 ^ bit_cast::<1, 1>(self.b1.val())).replace_bit(0, bit_cast::<1, 40>(self.a40.val()) > self.b1.val()) >> 0;
        self.o14.next = ((self.b27.val() + 1).replace_bit(0, (self.a14.val() != self.b14.val()) | (self.y.val() == self.y.val())) | !bit_cast::<27, 14>(self.a14.val() & 9398)).any();
        self.o15.next = ((bits::<27>(79963551) & self.a27.val()) + (self.z.val() != self.x.val()) << 20).get_bits::<40>(20) >> self.n7.val();
        self.o16.next = (!self.a1.val()).get_bits::<1>(0) | 1;
        self.o17.next = 1 - (self.b14.val().get_bits::<1>(self.n3.val().index()) + (2 == !self.b14.val().replace_bit(2, self.y.val())));
        self.o18.next = bit_cast::<27, 27>((!(bits::<27>(171) << self.n3.val())) + (((bits::<52>(122)) <= 191) ^ (self.a1.val() == 0)) | self.b27.val() >> 9 << self.n3.val() ^ 0 - (122 - self.a27.val()));
        self.o19.next = ((self.b40.val().get_bits::<1>(14) & (self.b52.val() | self.a52.val()).get_bits::<1>(45)) <= bit_cast::<1, 40>(self.a40.val()) ^ 1) != (!((self.b27.val() + self.x.val() - 3) <= self.b27.val() << 21 | self.a40.val().get_bits::<27>(self.n3.val().index())));
    }
}

ports!(K23; ; in n3, n7, x, y, z, a1, b1, a14, b14, a27, b27, a40, b40, a52, b52; out o0, o1, o2, o3, o4, o5, o6, o7, o8, o9, o10, o11, o12, o13, o14, o15, o16, o17, o18, o19);

/// Each kernel, imported and as a circuit of rust-hdl.
pub fn all() -> Vec<(Module, Box<dyn Circuit>)> {
    fn one<C: Circuit + Default + 'static>(name: &str) -> (Module, Box<dyn Circuit>) {
        let module = front::import(name, C::default()).unwrap_or_else(|e| panic!("{e}"));
        let mut circuit = C::default();
        circuit.connect_all();
        (module, Box::new(circuit))
    }
    vec![
        one::<K0>("k0"),
        one::<K1>("k1"),
        one::<K2>("k2"),
        one::<K3>("k3"),
        one::<K4>("k4"),
        one::<K5>("k5"),
        one::<K6>("k6"),
        one::<K7>("k7"),
        one::<K8>("k8"),
        one::<K9>("k9"),
        one::<K10>("k10"),
        one::<K11>("k11"),
        one::<K12>("k12"),
        one::<K13>("k13"),
        one::<K14>("k14"),
        one::<K15>("k15"),
        one::<K16>("k16"),
        one::<K17>("k17"),
        one::<K18>("k18"),
        one::<K19>("k19"),
        one::<K20>("k20"),
        one::<K21>("k21"),
        one::<K22>("k22"),
        one::<K23>("k23"),
    ]
}
