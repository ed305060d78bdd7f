//! Bundles as numbers.

use dyad_hdl::ir::Bits;

/// Field names and widths of a bundle, lowest bits first: the bundle's `FIELDS`.
pub type Fields = [(&'static str, usize)];

/// Packs values by name; fields that are not named are 0.
///
/// # Panics
/// When a name is not a field's or its value does not fit.
pub fn pack(fields: &Fields, values: &[(&str, u64)]) -> Bits {
    let mut packed = Bits::zero(fields.iter().map(|f| f.1).sum());
    for (name, value) in values {
        let (lsb, w) = place(fields, name);
        packed.set(lsb, &Bits::from_u64(*value, w));
    }
    packed
}

/// The low 64 bits of a field of a packed bundle.
///
/// # Panics
/// When there is no such field.
pub fn field(fields: &Fields, packed: &Bits, name: &str) -> u64 {
    let (lsb, w) = place(fields, name);
    packed.get(lsb, w).low_u64()
}

fn place(fields: &Fields, name: &str) -> (usize, usize) {
    let mut lsb = 0;
    for (field, w) in fields {
        if *field == name {
            return (lsb, *w);
        }
        lsb += w;
    }
    panic!("no field {name} in {fields:?}")
}
