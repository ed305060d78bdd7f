//! Random histories.

use dyad_model::outcomes::{Fault, Hit};

use super::shape::{Cmd, STRUCK, Shape, Strike, Turn, USED, WRONG};
use crate::Rng;

/// Latest arrival of a late frame or a second copy, in cycles.
const LATE: u64 = 40_000;

impl Shape {
    /// A random history: commands one after the other, or some at once.
    pub fn random(rng: &mut Rng) -> Self {
        let default = rng.below(2) as u8;
        let owners = [0, 1].map(|_| if rng.one_in(2) { default } else { 1 - default });
        // Most histories are about few blocks, so that commands meet.
        let hot = [rng.below(USED), rng.below(USED)];
        let mut turns = Vec::new();
        let mut number = 0;
        if rng.below(100) < 45 {
            for _ in 0..2 + rng.below(4) {
                let mut turn = Turn::default();
                turn.cmds[rng.below(2) as usize].push(command(rng, &hot, &mut number, &[]));
                strike(rng, &mut turn, 3);
                turns.push(turn);
            }
        } else {
            let sizes = *rng.pick(&[[1, 1], [1, 1], [1, 1], [2, 1], [1, 2], [2, 1], [1, 2], [2, 2], [2, 2], [3, 1]]);
            let mut turn = Turn::default();
            for (site, size) in sizes.into_iter().enumerate() {
                for _ in 0..size {
                    let open: Vec<u32> = (10..10 + number).collect();
                    let cmd = command(rng, &hot, &mut number, &open);
                    turn.cmds[site].push(cmd);
                }
            }
            strike(rng, &mut turn, 2);
            turns.push(turn);
            if rng.one_in(3) {
                let mut turn = Turn::default();
                turn.cmds[rng.below(2) as usize].push(command(rng, &hot, &mut number, &[]));
                turns.push(turn);
            }
        }
        Self { default, owners, turns }
    }

    /// Whether its outcome depends on timing.
    pub fn is_race(&self) -> bool {
        self.turns.iter().any(|turn| turn.cmds.iter().map(Vec::len).sum::<usize>() > 1)
    }
}

/// The `number`th command. A compare-and-write may hit what the block held at the start, or one of the values of `open`.
fn command(rng: &mut Rng, hot: &[u64], number: &mut u32, open: &[u32]) -> Cmd {
    let lba = *rng.pick(hot);
    *number += 1;
    match rng.below(32) {
        0..=9 => Cmd::Write(lba),
        10..=15 => Cmd::Read(lba),
        16..=21 => Cmd::Swap(
            lba,
            match rng.below(4) {
                0 => WRONG,
                1 if !open.is_empty() => *rng.pick(open),
                2 if *number > 1 => 10 + rng.below(u64::from(*number) - 1) as u32,
                _ => lba as u32 + 1,
            },
        ),
        22..=24 => Cmd::Acquire(lba),
        25..=26 => Cmd::Release(lba),
        27 => Cmd::AcquireLun,
        28 => Cmd::ReleaseLun,
        29 => Cmd::Flush,
        30 => Cmd::Faulty(lba),
        _ => Cmd::PastEnd,
    }
}

/// In one of `n` rounds a frame is hit.
fn strike(rng: &mut Rng, turn: &mut Turn, n: u64) {
    if rng.one_in(n) {
        let fault = *rng.pick(&[Fault::Loss, Fault::Loss, Fault::Copy, Fault::Late]);
        let hit = Hit { from: rng.below(2) as u8, kind: *rng.pick(&STRUCK), fault };
        turn.strike = Some(Strike { hit, skip: u8::from(rng.one_in(4)), late: 1 + rng.below(LATE) as u32 });
    }
    let moves = |cmd: &Cmd| !matches!(cmd, Cmd::Write(_) | Cmd::Faulty(_) | Cmd::Read(_) | Cmd::Flush | Cmd::PastEnd);
    let unsettled = turn.strike.is_some() || turn.cmds.iter().flatten().any(moves);
    turn.cmds.iter_mut().filter(|cmds| unsettled || cmds.len() > 2).for_each(|cmds| write_once(cmds));
}

/// Lets a site write each block once, and read it instead from then on. Where frames are lost or owners change, the cards may
/// take two writes of one site to one block in either order, and the model takes them as they come (R8). And a read behind two
/// requests waits, in the model, for the second one, which waits for the first; in the cards both are out, and it waits for none.
fn write_once(cmds: &mut [Cmd]) {
    let mut written = Vec::new();
    for cmd in cmds {
        if let Cmd::Write(lba) | Cmd::Swap(lba, _) | Cmd::Faulty(lba) = *cmd {
            if written.contains(&lba) {
                *cmd = Cmd::Read(lba);
            }
            written.push(lba);
        }
    }
}
