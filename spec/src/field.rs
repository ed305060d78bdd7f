//! Fields of fixed layouts, and the macro that makes constants, tables and accessors from one list.

/// Byte order of a layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Little-endian, as host memory has it: bit 0 is bit 0 of byte 0.
    Little,
    /// Network order: a field's first byte is its most significant one.
    Big,
}

/// One field: where it is, how wide, and what it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Name, in the case that the manual prints.
    pub name: &'static str,
    /// First bit. In a little-endian layout and in registers: bit position, counted from bit 0 of byte 0. In a
    /// network-order layout: eight times the byte offset.
    pub lsb: usize,
    /// Width in bits. Fields of network-order layouts are whole bytes.
    pub width: usize,
    /// Meaning, units, legal values.
    pub doc: &'static str,
}

impl Field {
    /// First byte of the field.
    pub const fn byte(&self) -> usize {
        self.lsb / 8
    }

    /// All ones in the field's width, not shifted.
    pub const fn mask(&self) -> u64 {
        if self.width >= 64 { u64::MAX } else { (1 << self.width) - 1 }
    }

    /// The field's value in a register word.
    pub const fn of(&self, word: u32) -> u32 {
        (word >> self.lsb) & self.mask() as u32
    }

    /// `value` placed at the field's position in a register word. Bits that do not fit are cut off.
    pub const fn put(&self, value: u32) -> u32 {
        (value & self.mask() as u32) << self.lsb
    }

    /// Reads the field from a layout in memory.
    pub fn read(&self, order: Order, bytes: &[u8]) -> u64 {
        match order {
            Order::Little => {
                let last = (self.lsb + self.width - 1) / 8;
                let raw = bytes[self.byte()..=last].iter().rev().fold(0u128, |a, b| (a << 8) | u128::from(*b));
                (raw >> (self.lsb % 8)) as u64 & self.mask()
            }
            Order::Big => {
                bytes[self.byte()..self.byte() + self.width / 8].iter().fold(0, |a, b| (a << 8) | u64::from(*b))
            }
        }
    }

    /// Writes the field into a layout in memory; the bits around it stay. Bits of `value` that do not fit are cut off.
    pub fn write(&self, order: Order, bytes: &mut [u8], value: u64) {
        let value = value & self.mask();
        match order {
            Order::Little => {
                for i in 0..self.width {
                    let (byte, bit) = ((self.lsb + i) / 8, (self.lsb + i) % 8);
                    if value >> i & 1 == 1 {
                        bytes[byte] |= 1 << bit;
                    } else {
                        bytes[byte] &= !(1 << bit);
                    }
                }
            }
            Order::Big => {
                let n = self.width / 8;
                bytes[self.byte()..self.byte() + n].copy_from_slice(&value.to_be_bytes()[8 - n..]);
            }
        }
    }
}

/// Makes, from one list of fields: a constant for each, the table `FIELDS`, and a byte-array type with a getter and a
/// setter for each.
macro_rules! layout {
    ($(#[$doc:meta])* $type:ident, $bytes:expr, $order:ident {
        $($(#[doc = $fdoc:literal])+ $field:ident, $get:ident, $set:ident: $lsb:expr, $width:expr;)*
    }) => {
        $($(#[doc = $fdoc])+ pub const $field: $crate::Field = $crate::Field {
            name: stringify!($get), lsb: $lsb, width: $width, doc: concat!($($fdoc),+),
        };)*
        /// Every field, in order of position.
        pub const FIELDS: &[$crate::Field] = &[$($field),*];

        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq)]
        #[repr(C, align(8))]
        pub struct $type(pub [u8; $bytes]);

        impl $type {
            /// Byte order of the layout.
            pub const ORDER: $crate::Order = $crate::Order::$order;

            /// All zeroes.
            pub const fn new() -> Self {
                Self([0; $bytes])
            }
            $($(#[doc = $fdoc])+
            pub fn $get(&self) -> u64 {
                $field.read(Self::ORDER, &self.0)
            }
            #[doc = concat!("Sets `", stringify!($get), "`; bits that do not fit are cut off.")]
            pub fn $set(&mut self, value: u64) -> &mut Self {
                $field.write(Self::ORDER, &mut self.0, value);
                self
            })*
        }

        impl Default for $type {
            fn default() -> Self {
                Self::new()
            }
        }

        impl core::fmt::Debug for $type {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.debug_struct(stringify!($type))$(.field(stringify!($get), &self.$get()))*.finish()
            }
        }
    };
}
pub(crate) use layout;
