//! Packed payloads of the card's internal streams.
//!
//! A bundle is a list of fields; the first one sits in the lowest bits. `pack` joins the fields into one vector for a
//! FIFO, a RAM or a port, `unpack` takes them apart again.
//!
//! | file | holds the bundles of |
//! |---|---|
//! | `mod.rs` | widths that all share, the macro |
//! | `command.rs` | commands: doorbells, entries, host memory, completions |
//! | `owner.rs` | directory, locks, changes of owner, admission |
//! | `frame.rs` | frames to the wire and from it |
//! | `block.rs` | operations on one block, slots and engines |

/// Bits of a slot number.
pub const SLOT_W: usize = 12;
/// Bits of a LUN number inside the card.
pub const LUN_W: usize = 3;
/// Bits of a logical block address inside the card.
pub const LBA_W: usize = dyad_spec::LBA_BITS;
/// Bits of a byte's address in the store.
pub const STORE_ADDR_W: usize = LBA_W + 12;
/// Bits of a command number.
pub const CMD_W: usize = 12;
/// Bits of a queue pair's number.
pub const QUEUE_W: usize = 3;
/// Bits of a lock holder's number: slots; 4096 and more: mirror buffers; 8192 and more: slots of the peer.
pub const HOLDER_W: usize = 14;
/// Bits of the number of a directory entry.
pub const INDEX_W: usize = 20;
/// Bits of an operation's kind.
pub const KIND_W: usize = 3;

/// Defines a bundle: a struct of expressions, its width, and the two conversions.
#[macro_export]
macro_rules! bundle {
    ($(#[$doc:meta])* $name:ident { $($(#[$fdoc:meta])* $field:ident: $w:expr),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy)]
        pub struct $name { $($(#[$fdoc])* pub $field: $crate::ir::E),* }

        impl $name {
            /// Bits of the packed vector.
            pub const WIDTH: usize = 0 $(+ $w)*;
            /// Name and width of each field, lowest bits first.
            pub const FIELDS: &[(&'static str, usize)] = &[$((stringify!($field), $w)),*];

            /// Joins the fields, the first one lowest.
            #[track_caller]
            pub fn pack(&self) -> $crate::ir::E {
                let mut parts = vec![$({
                    assert_eq!(self.$field.width(), $w, concat!(stringify!($name), ".", stringify!($field), ": width"));
                    self.$field
                }),*];
                parts.reverse();
                $crate::ir::cat(&parts)
            }

            /// Takes a packed vector apart.
            #[track_caller]
            pub fn unpack(packed: $crate::ir::E) -> Self {
                assert_eq!(packed.width(), Self::WIDTH, concat!(stringify!($name), ": width of the packed vector"));
                let mut lsb = 0;
                $(let $field = packed.slice(lsb, $w); lsb += $w;)*
                let _ = lsb;
                Self { $($field),* }
            }

            /// The same in a build whose numbers are narrower: bits that are zero there are not looked at, and synthesis drops them
            /// from what carries and keeps the vector. See [`Params::field_w`](crate::params::Params::field_w).
            #[allow(dead_code, reason = "some bundles hold nothing that a build makes narrower")]
            #[track_caller]
            pub fn unpack_in(p: &$crate::params::Params, packed: $crate::ir::E) -> Self {
                let whole = Self::unpack(packed);
                Self { $($field: whole.$field.trunc(p.field_w(stringify!($field), $w)).zext($w)),* }
            }
        }
    };
}

mod block;
mod command;
mod frame;
mod owner;

pub use block::*;
pub use command::*;
pub use frame::*;
pub use owner::*;
