//! Every defect that can be switched on is noticed by the search, with a short way there. `--example soak -- --mutants`
//! does the same with random histories.

use dyad_model::explore::{Limits, Outcome, Scenario, search};
use dyad_model::protocol::Mutation;

/// Without turns nothing goes wrong and everything ends, only late: the fairness test of the scenarios notices.
const NOT_BY_SEARCH: [Mutation; 1] = [Mutation::NoTurn];

/// Where a defect is noticed, if not by what one site writes and the other reads.
const WHERE: [(Mutation, &str); 27] = [
    (Mutation::AcceptOldEpoch, "acquire"),
    (Mutation::GrantWithoutDrain, "acquire"),
    (Mutation::NoSecondLookup, "acquire"),
    (Mutation::DirectoryFirst, "acquire"),
    (Mutation::NotOwnerMoves, "acquire"),
    (Mutation::SameEpoch, "acquire"),
    (Mutation::GrantOnce, "acquire"),
    (Mutation::StayRequester, "acquire"),
    (Mutation::AnyGrant, "bounce"),
    (Mutation::CompareHashes, "bucket"),
    (Mutation::SharedRoom, "room"),
    (Mutation::DrainForgetsCommit, "zero"),
    (Mutation::ZeroWithoutDrain, "zero"),
    (Mutation::ZeroUnderReaders, "zero-read"),
    (Mutation::TurnAfterGrant, "compare3"),
    (Mutation::SameSequence, "compare3"),
    (Mutation::CompareAgain, "compare3"),
    (Mutation::TurnAfterLater, "not-live-request"),
    (Mutation::ManyRequests, "race3"),
    (Mutation::RequestHomeFirst, "race"),
    (Mutation::UnlockWithoutCommit, "request"),
    (Mutation::AnyGeneration, "wrap"),
    (Mutation::ForgetAtLinkUp, "cut"),
    (Mutation::WriteThrough, "parts-read"),
    (Mutation::DuplicateImplies, "owner2"),
    (Mutation::UnlockBeforeAck, "owner2"),
    (Mutation::NoPendingWait, "owner"),
];

#[test]
fn every_defect_is_found_with_a_trace() {
    for m in Mutation::ALL.iter().filter(|m| !NOT_BY_SEARCH.contains(m)) {
        let name = WHERE.iter().find(|w| w.0 == *m).map_or("owner", |w| w.1);
        let sc = Scenario::by_name(name).expect("a scenario").broken(*m);
        let found = search(&sc, Limits { states: 60_000, liveness: true }, &mut |_, _, _| {});
        let Outcome::Broken(_, way) = found.outcome else { panic!("{} lives in {name}: {}", m.name(), m.doc().trim()) };
        assert!(way.contains("=>") && way.contains(m.name()), "{way}");
        assert!(way.lines().count() < 80, "{} has a long trace:\n{way}", m.name());
    }
}
