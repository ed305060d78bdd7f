//! The card with one rule left out at a time: each such mutant must die of the soak test.
//!
//! The Verilog that ships knows nothing of this. A mutant is a few edits of the printed Verilog: a named wire gets another
//! value, or a process one more statement. An edit that does not fit exactly once is an error, so that a change of the card
//! can't quietly turn a mutant into the card itself. All of them go into one text, whose input `mutant` says which one it is;
//! with 0 it is the card, so that one compilation does for all. Each mutant has a plan for [`soak`](crate::soak::soak): the
//! card survives it, the mutant does not. Names and rules are those of [`Mutation`], by which the model checker finds the
//! shortest way to the same defect.

use std::time::Duration;

use dyad_driver::Mtu;
use dyad_model::protocol::Mutation;

use crate::soak::{Faults, Plan};
use crate::system::Size;

/// The top module of a card.
const TOP: &str = "dyad_core";

/// Stands in an [`Edit`] for what was there before.
const WAS: char = '@';

/// A change of the printed Verilog of one module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edit {
    /// A wire has another value. `@` stands for the one that it had.
    Wire {
        /// Module.
        module: &'static str,
        /// The wire.
        name: &'static str,
        /// Its new value, an expression.
        to: &'static str,
    },
    /// The process that sets a register ends with one more statement.
    Also {
        /// Module.
        module: &'static str,
        /// The register.
        name: &'static str,
        /// The statement.
        statement: &'static str,
    },
}

/// A card with one rule left out.
#[derive(Debug)]
pub struct Mutant {
    /// The rule, under the name that it has in the model.
    pub rule: Mutation,
    /// What is changed in the card.
    pub what: &'static str,
    /// The same as Verilog, at `DATA_W` 64.
    pub edits: &'static [Edit],
    /// What kills it, and not the card as it is.
    pub plan: fn() -> Plan,
}

/// A plan for mutants: few blocks, slots that are soon used again, slow stores, owners that change.
fn plan(seed: u64, ops: u64, faults: Faults) -> Plan {
    Plan {
        data_w: 64,
        mtu: Mtu::Jumbo,
        km: 0.1,
        faults,
        blocks: 5,
        size: Size::Small,
        store_jitter: 2000,
        extent_shift: 0,
        moves: 5,
        zeroes: false,
        hand_over_after: 0,
        patience: 2_000_000,
        ..Plan::of_seed(seed, ops)
    }
}

/// Every mutant.
pub static MUTANTS: &[Mutant] = &[
    Mutant {
        rule: Mutation::NoPendingWait,
        what: "a mirrored block is unlocked when the store has it, not by its COMMIT",
        edits: &[
            Edit::Also {
                module: "pending",
                name: "m_release_full",
                statement: "if (is_hold & ~next_request) m_release_full <= 1'b1; \
                            else if (release_1 & held & ~next_request) m_release_full <= 1'b0;",
            },
            Edit::Also {
                module: "pending",
                name: "m_release_q",
                statement: "if (is_hold & ~next_request) m_release_q <= {1'b1, next_lba, next_lun};",
            },
        ],
        plan: || Plan { store_lag: 20_000, ..plan(3, 1500, Faults::LOSSY) },
    },
    Mutant {
        rule: Mutation::UnlockBeforeAck,
        what: "an own write gives its lock back with its own store's answer",
        edits: &[
            Edit::Wire { module: "slots", name: "unlocked", to: "@ | (active & is_write & (awaits | resolved))" },
            Edit::Also {
                module: "slots",
                name: "m_release_full",
                statement: "if (is_local & active & is_write & mirrored & ~unlocked & ~ends) m_release_full <= 1'b1;",
            },
            Edit::Also {
                module: "slots",
                name: "m_release_q",
                statement: "if (is_local & active & is_write & mirrored & ~unlocked & ~ends) \
                            m_release_q <= {1'b1, info_ram_q[64:22]};",
            },
        ],
        plan: || plan(1, 400, Faults::LOSSY),
    },
    Mutant {
        rule: Mutation::AcceptOldEpoch,
        what: "owner and epoch that a frame names are not compared with the directory's",
        edits: &[
            Edit::Wire { module: "mirror_64", name: "epoch_ok", to: "1'b1" },
            Edit::Wire { module: "admit", name: "go", to: "1'b1" },
        ],
        plan: || plan(1, 1500, Faults::STALE),
    },
    Mutant {
        rule: Mutation::GrantWithoutDrain,
        what: "an owner takes every extent and LUN for idle",
        edits: &[Edit::Wire { module: "admit", name: "idle", to: "1'b1" }],
        plan: || plan(1, 800, Faults::LOSSY),
    },
    Mutant {
        rule: Mutation::SkipSequence,
        what: "no sequence number is older than, or the same as, the one on record",
        edits: &[
            Edit::Wire { module: "mirror_64", name: "same", to: "1'b0" },
            Edit::Wire { module: "mirror_64", name: "older", to: "1'b0" },
        ],
        plan: || plan(1, 800, Faults::STALE),
    },
    Mutant {
        rule: Mutation::AckBeforeStore,
        what: "a mirrored block is acknowledged when it goes to the store",
        edits: &[
            Edit::Wire { module: "mirror_64", name: "answers", to: "@ | goes_home" },
            Edit::Wire { module: "mirror_64", name: "answer", to: "goes_home ? {to_holder[130:12], 8'h00, 4'h2} : @" },
        ],
        plan: || plan(1, 400, Faults::LOSSY),
    },
    Mutant {
        rule: Mutation::ResendBeforeStore,
        what: "a block is read for a repeat whether the store has it or not, and its CRC is not compared",
        edits: &[
            Edit::Wire { module: "slots", name: "unsettled", to: "@ | (is_write & active)" },
            Edit::Wire { module: "resend_64", name: "differs", to: "1'b0" },
        ],
        plan: || Plan { resend: Duration::from_micros(30), store_jitter: 20_000, ..plan(2, 800, Faults::STORM) },
    },
    Mutant {
        rule: Mutation::CommitByBlock,
        what: "a COMMIT ends what is pending of its slot, whichever sequence it names",
        edits: &[Edit::Wire { module: "pending", name: "named", to: "@ | is_commit | is_trail" }],
        plan: || Plan {
            blocks: 40,
            store_lag: 20_000,
            store_jitter: 0,
            moves: 0,
            resend: Duration::from_micros(400),
            ..plan(3, 2000, Faults { late: 150_000, ..Faults::STALE })
        },
    },
    Mutant {
        rule: Mutation::NoSecondLookup,
        what: "a request that has waited for its lock is admitted by the lookup from before",
        edits: &[Edit::Wire { module: "admit", name: "go", to: "1'b1" }],
        plan: || plan(1, 1500, Faults::LOSSY),
    },
    Mutant {
        rule: Mutation::CompareHashes,
        what: "the lock table takes the first block of a bucket for the one that is wanted",
        edits: &[Edit::Wire { module: "lock_table", name: "hit", to: "(state == 3'h3)" }],
        plan: || Plan { blocks: 512, ..plan(1, 1500, Faults::NONE) },
    },
    Mutant {
        rule: Mutation::SharedRoom,
        what: "own writes and the peer's share 16 entries of the lock table",
        edits: &[Edit::Wire { module: "lock_table", name: "have_free", to: "@ & (used < 16)" }],
        plan: || Plan { blocks: 200, ..plan(1, 1500, Faults::NONE) },
    },
    Mutant {
        rule: Mutation::UnlockWithoutCommit,
        what: "a requested block is unlocked when the owner has acknowledged it",
        edits: &[Edit::Wire { module: "mirror_64", name: "kept", to: "@ & ~done_request" }],
        plan: || plan(1, 400, Faults::LOSSY),
    },
    Mutant {
        rule: Mutation::CommitTooEarly,
        what: "a slot that is asked for its COMMIT says that it is complete",
        edits: &[Edit::Wire { module: "slots", name: "complete", to: "1'b1" }],
        plan: || Plan { resend: Duration::from_micros(30), store_jitter: 20_000, ..plan(1, 800, Faults::STORM) },
    },
    Mutant {
        rule: Mutation::NeverAsk,
        what: "the peer is not asked for a COMMIT that does not come",
        edits: &[Edit::Wire { module: "pending", name: "ask", to: "1'b0" }],
        plan: || plan(1, 400, Faults::STORM),
    },
    Mutant {
        rule: Mutation::StayRequester,
        what: "a request that was told NOT_OWNER does not look again who owns the block",
        edits: &[Edit::Wire { module: "slots", name: "look", to: "@ & parked" }],
        plan: || plan(1, 800, Faults::LOSSY),
    },
    Mutant {
        rule: Mutation::AnyGrant,
        what: "a GRANT is taken whatever its epoch",
        edits: &[Edit::Wire { module: "admit", name: "follows", to: "1'b1" }],
        plan: || plan(1, 1500, Faults::STALE),
    },
];

impl Mutant {
    /// The mutant of this name, in upper or lower case.
    pub fn by_name(name: &str) -> Option<&'static Self> {
        MUTANTS.iter().find(|mutant| mutant.name().eq_ignore_ascii_case(name))
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.rule.name()
    }

    /// What the input `mutant` of [`all_in_one`] has to be for it.
    pub fn number(&self) -> u64 {
        MUTANTS.iter().position(|mutant| mutant.rule == self.rule).map_or(0, |at| at as u64 + 1)
    }
}

/// The card that `verilog` is, at `DATA_W` 64, with one more input, `mutant`: 0, or the [number](Mutant::number) of a mutant.
///
/// # Errors
/// When an edit does not fit: the card has changed, and the catalogue has to follow.
pub fn all_in_one(verilog: &str) -> Result<String, String> {
    let ports = format!("\nmodule {TOP} (\n");
    once(verilog.match_indices(&ports), "module", TOP)?;
    let mut text = verilog.replace(&ports, &format!("{ports}    input  wire [7:0] mutant,\n"));
    for mutant in MUTANTS {
        for edit in mutant.edits {
            let stale = |what| format!("mutant {}: {what}; the catalogue is out of date: {edit:?}", mutant.name());
            text = edit.apply(&text, &format!("({TOP}.mutant == 8'd{})", mutant.number())).map_err(stale)?;
        }
    }
    Ok(text)
}

impl Edit {
    /// The text with this change, which is there while `chosen` is 1.
    fn apply(&self, verilog: &str, chosen: &str) -> Result<String, String> {
        let (Self::Wire { module, name, .. } | Self::Also { module, name, .. }) = *self;
        let start = once(verilog.match_indices(&format!("\nmodule {module} (")), "module", module)?;
        let end = verilog[start..].find("\nendmodule").map_or(verilog.len(), |length| start + length + 1);
        let inside = &verilog[start..end];
        let (from, to, text) = match self {
            Self::Wire { to, .. } => {
                let from = value_of(inside, name)?;
                let length = inside[from..].find(";\n").ok_or("a value without an end")?;
                let was = &inside[from..from + length];
                (from, from + length, format!("{chosen} ? ({}) : ({was})", to.replace(WAS, &format!("({was})"))))
            }
            Self::Also { statement, .. } => {
                let end = process_of(inside, name)?;
                (end, end, format!("        if {chosen} begin\n            {statement}\n        end\n"))
            }
        };
        Ok([&verilog[..start + from], &text, &verilog[start + to..]].concat())
    }
}

/// Where the only one of `places` is.
fn once<'a>(mut places: impl Iterator<Item = (usize, &'a str)>, what: &str, name: &str) -> Result<usize, String> {
    match (places.next(), places.next()) {
        (Some((at, _)), None) => Ok(at),
        (None, _) => Err(format!("there is no {what} {name}")),
        _ => Err(format!("there are several of {what} {name}")),
    }
}

/// Where the value of a wire begins, that is declared with it or assigned to it.
fn value_of(module: &str, name: &str) -> Result<usize, String> {
    let value = format!(" {name} = ");
    let places = module.match_indices(&value).filter(|(at, _)| {
        let line = &module[module[..*at].rfind('\n').map_or(0, |line| line + 1)..*at];
        line.starts_with("    wire") || line == "    assign"
    });
    Ok(once(places, "wire", name)? + value.len())
}

/// Where the process ends that sets a register.
fn process_of(module: &str, name: &str) -> Result<usize, String> {
    let sets = format!(" {name} <= ");
    let processes = module.match_indices("\n    always @(posedge clk) begin\n").filter_map(|(at, head)| {
        let length = module[at..].find("\n    end\n")?;
        module[at..at + length].contains(&sets).then_some((at + length + 1, head))
    });
    once(processes, "process of the register", name)
}

#[cfg(test)]
mod tests {
    use dyad_hdl::params::Params;

    use super::*;

    fn cards() -> [String; 2] {
        [Params::new(64), Params { slots: 64, period: 128, ..Params::new(64) }]
            .map(|params| dyad_hdl::verilog::print(&dyad_hdl::top::dyad_core(&params)))
    }

    #[test]
    fn every_mutant_can_be_made_of_the_card_of_today() {
        for card in cards() {
            let text = all_in_one(&card).expect("an up-to-date catalogue");
            for mutant in MUTANTS {
                let uses = text.matches(&format!("({TOP}.mutant == 8'd{})", mutant.number())).count();
                assert!(uses >= mutant.edits.len(), "{}", mutant.name());
            }
            assert!(all_in_one(&card.replace(" epoch_ok = ", " epoch_fits = ")).is_err());
        }
    }

    #[test]
    fn every_mutant_has_a_name_and_a_plan_of_its_own() {
        for (at, mutant) in MUTANTS.iter().enumerate() {
            assert!(std::ptr::eq(Mutant::by_name(&mutant.name().to_lowercase()).expect("a mutant"), mutant), "{at}");
            let plan = (mutant.plan)();
            assert!(plan.data_w == 64 && plan.patience < Plan::of_seed(1, 1).patience, "{plan:?}");
        }
    }

    #[test]
    fn an_edit_that_does_not_fit_once_is_an_error() {
        let text = "\nmodule m (\n    wire a = b;\n    assign c = (a);\n    wire d = a;\n    wire d = b;\nendmodule\n\
                    \nmodule n (\n    always @(posedge clk) begin\n        if (a) begin\n            r <= 1;\n        end\n    end\n\
                    endmodule\n";
        let wire = |module, name, to| Edit::Wire { module, name, to }.apply(text, "x");
        assert!(wire("m", "a", "@ & y").expect("an edit").contains("    wire a = x ? ((b) & y) : (b);\n"));
        assert!(wire("m", "c", "~@").expect("an edit").contains("    assign c = x ? (~((a))) : ((a));\n"));
        for (module, name) in [("m", "d"), ("m", "e"), ("n", "a"), ("o", "a")] {
            assert!(wire(module, name, "1'b0").is_err(), "{module} {name}");
        }
        let also = |name| Edit::Also { module: "n", name, statement: "r <= 0;" }.apply(text, "x");
        assert!(
            also("r")
                .expect("an edit")
                .contains("        end\n        if x begin\n            r <= 0;\n        end\n    end\nendmodule")
        );
        assert!(also("q").is_err());
    }
}
