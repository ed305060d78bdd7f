//! What each side brings to link-up, and what follows from the two: an agreement, or a mismatch by name.

use crate::device::Mtu;
use crate::lun::NotEqual;

/// What the link is brought up for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// To serve the LUNs whose stores are known equal.
    Serve,
    /// To make the stores equal, by a copy of everything from this site (0 or 1) to the other.
    SyncFrom(u8),
}

impl std::fmt::Display for Mode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Mode::Serve => f.write_str("serve"),
            Mode::SyncFrom(site) => write!(f, "sync from site {}", site_name(*site)),
        }
    }
}

/// `a` or `b`, as the tools call sites.
pub(crate) fn site_name(site: u8) -> char {
    if site == 0 { 'a' } else { 'b' }
}

/// A LUN as one side has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LunOffer {
    /// LUN number, 1 to 7.
    pub lun: u8,
    /// Blocks.
    pub blocks: u64,
    /// Log2 of the blocks of an extent.
    pub extent_shift: u8,
    /// Default owner, site 0 or 1.
    pub owner: u8,
    /// LUN generation; 0 until it first goes live.
    pub generation: u16,
    /// Identity.
    pub uuid: u128,
    /// Both stores held the same when the store was last open.
    pub synced: bool,
}

impl LunOffer {
    /// Created, and never live: nothing was ever written to it.
    fn is_new(&self) -> bool {
        self.generation == 0 && !self.synced
    }
}

/// What one side has and wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Version of the contract: another major is refused.
    pub spec_version: u32,
    /// Site, 0 or 1.
    pub site: u8,
    /// Identity of the pair.
    pub pair: u128,
    /// Link generation that this side would take: one more than its last.
    pub generation: u16,
    /// Slots of the card, at most 65535.
    pub slots: u32,
    /// What the store takes, in MB/s; 0: not known. For pacing, never a mismatch.
    pub store_rate_mb_s: u32,
    /// The size of frames.
    pub mtu: Mtu,
    /// What for.
    pub mode: Mode,
    /// Extents in the directory.
    pub extents: u32,
    /// Link generation in which the store was last open; 0: never.
    pub last_generation: u16,
    /// The store was closed cleanly by both sides in that generation.
    pub clean: bool,
    /// The card has not been reset since the link was up in that generation: it holds whatever is unresolved, and settles
    /// it when the link is up again.
    pub resumes: bool,
    /// The LUNs, at most 7, in order of number.
    pub luns: Vec<LunOffer>,
}

/// What two offers have to have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum MismatchField {
    /// Version of the drivers' messages.
    Protocol = 1,
    /// Major version of the contract.
    Contract,
    /// Identity of the pair.
    Pair,
    /// Site: the two must differ.
    Site,
    /// The size of frames.
    Mtu,
    /// What the link is brought up for.
    Mode,
    /// A LUN that only one side has.
    Lun,
    /// Blocks of a LUN.
    LunBlocks,
    /// Extent size of a LUN.
    LunExtentShift,
    /// Default owner of a LUN.
    LunOwner,
    /// LUN generation.
    LunGeneration,
    /// Identity of a LUN.
    LunIdentity,
}

impl MismatchField {
    /// Every field.
    pub const ALL: &[MismatchField] = &[
        Self::Protocol,
        Self::Contract,
        Self::Pair,
        Self::Site,
        Self::Mtu,
        Self::Mode,
        Self::Lun,
        Self::LunBlocks,
        Self::LunExtentShift,
        Self::LunOwner,
        Self::LunGeneration,
        Self::LunIdentity,
    ];

    pub(super) fn from_code(code: u8) -> Option<Self> {
        Self::ALL.iter().copied().find(|f| *f as u8 == code)
    }

    /// Name, for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Protocol => "driver protocol version",
            Self::Contract => "register map version",
            Self::Pair => "pair identity",
            Self::Site => "site",
            Self::Mtu => "MTU",
            Self::Mode => "mode",
            Self::Lun => "presence",
            Self::LunBlocks => "size in blocks",
            Self::LunExtentShift => "extent shift",
            Self::LunOwner => "default owner",
            Self::LunGeneration => "LUN generation",
            Self::LunIdentity => "identity",
        }
    }

    fn todo(self) -> &'static str {
        match self {
            Self::Protocol | Self::Contract => "run drivers and bitstreams of one version at both sites",
            Self::Pair => "connect the cards of one pair, or format both stores as one",
            Self::Site => "format one store as site a and the other as site b",
            Self::Mtu => "set one MTU at both sites",
            Self::Mode => "start the same command at both sites",
            Self::Lun => "create the LUN at both sites",
            Self::LunGeneration | Self::LunOwner => "run `dyad sync` from the site that is right",
            _ => "create the LUN anew at one site, with what the other has",
        }
    }
}

/// Two offers do not go together: the field, and what each side has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// Which field.
    pub field: MismatchField,
    /// The LUN, when it is a field of one.
    pub lun: Option<u8>,
    /// What this side has.
    pub ours: String,
    /// What the peer has.
    pub theirs: String,
}

impl Mismatch {
    /// The same, as the other side sees it.
    pub(super) fn swapped(mut self) -> Self {
        std::mem::swap(&mut self.ours, &mut self.theirs);
        self
    }
}

impl std::fmt::Display for Mismatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(lun) = self.lun {
            write!(f, "LUN {lun}: ")?;
        }
        write!(f, "{} is {} here and {} at the peer; ", self.field.name(), self.ours, self.theirs)?;
        f.write_str(self.field.todo())
    }
}

/// What was agreed for one LUN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LunAgreement {
    /// LUN number.
    pub lun: u8,
    /// Default owner.
    pub owner: u8,
    /// LUN generation from now on.
    pub generation: u16,
    /// Whether the two stores are known equal, or why not.
    pub equal: Result<(), NotEqual>,
}

/// What was agreed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreement {
    /// Link generation: the larger of the two proposals.
    pub generation: u16,
    /// Slots: the smaller of the two numbers.
    pub slots: u32,
    /// What for.
    pub mode: Mode,
    /// Each LUN.
    pub luns: Vec<LunAgreement>,
    /// The peer's offer.
    pub peer: Offer,
}

/// Compares two offers. Both sides do this by themselves and come to the same.
///
/// # Errors
/// The first field, in the order of [`MismatchField`], in which the offers do not go together.
pub fn agree(ours: &Offer, theirs: &Offer) -> Result<Agreement, Mismatch> {
    let syncing = ours.mode != Mode::Serve;
    same(MismatchField::Contract, None, ours.spec_version >> 16, theirs.spec_version >> 16)?;
    let hex = |id: u128| format!("{id:032x}");
    same(MismatchField::Pair, None, hex(ours.pair), hex(theirs.pair))?;
    if ours.site == theirs.site || ours.site > 1 || theirs.site > 1 {
        return Err(mismatch(MismatchField::Site, None, ours.site, theirs.site));
    }
    same(MismatchField::Mtu, None, ours.mtu.bytes(), theirs.mtu.bytes())?;
    same(MismatchField::Mode, None, ours.mode, theirs.mode)?;
    let mut luns = Vec::new();
    for number in 1..=u8::MAX {
        let at = |offer: &Offer| offer.luns.iter().copied().find(|l| l.lun == number);
        let (a, b) = match (at(ours), at(theirs)) {
            (Some(a), Some(b)) => (a, b),
            (None, None) => continue,
            (a, b) => {
                let say = |l: Option<LunOffer>| if l.is_some() { "there" } else { "missing" };
                return Err(mismatch(MismatchField::Lun, Some(number), say(a), say(b)));
            }
        };
        let lun = Some(number);
        same(MismatchField::LunBlocks, lun, a.blocks, b.blocks)?;
        same(MismatchField::LunExtentShift, lun, a.extent_shift, b.extent_shift)?;
        if !syncing {
            same(MismatchField::LunOwner, lun, a.owner, b.owner)?;
            // A LUN made anew at one site is a matter for a sync, not a mistake.
            if !a.is_new() && !b.is_new() {
                same(MismatchField::LunGeneration, lun, a.generation, b.generation)?;
            }
        }
        same(MismatchField::LunIdentity, lun, hex(a.uuid), hex(b.uuid))?;
        let source = if ours.mode == Mode::SyncFrom(theirs.site) { b } else { a };
        luns.push(LunAgreement {
            lun: number,
            owner: source.owner,
            generation: a.generation.max(b.generation).max(1),
            equal: known_equal((ours, &a), (theirs, &b)),
        });
    }
    Ok(Agreement {
        generation: ours.generation.max(theirs.generation),
        slots: ours.slots.min(theirs.slots),
        mode: ours.mode,
        luns,
        peer: theirs.clone(),
    })
}

/// Whether a LUN's stores are known equal: both new; or equal when they were last open, in one generation, and closed
/// cleanly by both since or left with both cards still holding what is unresolved.
fn known_equal(a: (&Offer, &LunOffer), b: (&Offer, &LunOffer)) -> Result<(), NotEqual> {
    match (a.1.is_new(), b.1.is_new()) {
        (true, true) => return Ok(()),
        (true, false) => return Err(NotEqual::OneIsNew { site: a.0.site }),
        (false, true) => return Err(NotEqual::OneIsNew { site: b.0.site }),
        (false, false) => {}
    }
    for (offer, lun) in [a, b] {
        if !lun.synced {
            return Err(NotEqual::NotSynced { site: offer.site });
        }
    }
    let resumes = a.0.resumes && b.0.resumes;
    for (offer, _) in [a, b] {
        if !offer.clean && !resumes {
            return Err(NotEqual::NotClosed { site: offer.site });
        }
    }
    if a.0.last_generation != b.0.last_generation {
        return Err(NotEqual::ClosedApart { ours: a.0.last_generation, theirs: b.0.last_generation });
    }
    Ok(())
}

fn same<T: PartialEq + ToString>(field: MismatchField, lun: Option<u8>, ours: T, theirs: T) -> Result<(), Mismatch> {
    if ours == theirs { Ok(()) } else { Err(mismatch(field, lun, ours, theirs)) }
}

pub(super) fn mismatch(field: MismatchField, lun: Option<u8>, ours: impl ToString, theirs: impl ToString) -> Mismatch {
    Mismatch { field, lun, ours: ours.to_string(), theirs: theirs.to_string() }
}
