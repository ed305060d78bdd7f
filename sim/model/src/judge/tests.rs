use super::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Every order of every subset that has all known operations: the definition.
fn brute(operations: &[Operation]) -> bool {
    fn go(left: &mut Vec<Operation>, value: u64) -> bool {
        if left.iter().all(|o| o.ret == NEVER) {
            return true;
        }
        for k in 0..left.len() {
            let o = left[k];
            if left.iter().any(|p| p.ret < o.call) {
                continue;
            }
            let after = match o.did {
                Did::Read(v) if v == value => value,
                Did::Write(v) => v,
                Did::Swap(from, to) if from == value => to,
                Did::Miscompare(v) if v != value => value,
                _ => continue,
            };
            left.remove(k);
            let found = go(left, after);
            left.insert(k, o);
            if found {
                return true;
            }
        }
        false
    }
    go(&mut operations.to_vec(), 0)
}

fn random(rng: &mut ChaCha8Rng, zeroes: bool) -> Vec<Operation> {
    let n = rng.random_range(1..=6);
    let mut values = 0;
    let mut list: Vec<Operation> = Vec::new();
    for id in 0..n {
        let call = rng.random_range(1..20);
        let mut ret = call + rng.random_range(0..10);
        let old = rng.random_range(0..=3);
        let did = match rng.random_range(0..if zeroes { 10 } else { 8 }) {
            0..=3 => Did::Read(old),
            4 | 5 => {
                values += 1;
                Did::Write(values)
            }
            6 | 7 => {
                values += 1;
                Did::Swap(old, values)
            }
            8 => Did::Write(0),
            _ => Did::Miscompare(old),
        };
        if !matches!(did, Did::Read(_) | Did::Miscompare(_)) && rng.random_bool(0.2) {
            ret = NEVER;
        }
        list.push(Operation { id, call, ret, did });
    }
    list
}

#[test]
fn judge_agrees_with_the_definition_on_small_histories() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let (mut sound, mut broken, mut zoned) = (0, 0, 0);
    for n in 0..60_000 {
        let history = random(&mut rng, n % 2 == 0);
        let truth = brute(&history);
        let found = check(&history);
        assert_eq!(found.is_ok(), truth, "history {n}: {found:?}\n{history:#?}");
        assert_eq!(search::check(&history, false).is_ok(), truth, "history {n}, by search\n{history:#?}");
        assert!(!truth || search::check(&history, true).is_ok(), "history {n}, loosely\n{history:#?}");
        zoned += usize::from(found == Ok(Method::Zones));
        if truth { sound += 1 } else { broken += 1 }
    }
    assert!(sound > 5_000 && broken > 5_000 && zoned > 1_000, "{sound} sound, {broken} broken, {zoned} by zones");
}

fn run(calls: &[(Call, u64, u64, Return)], stores: [u64; 2]) -> Result<Summary, Fault> {
    let mut judge = Judge::default();
    for (call, from, to, ret) in calls {
        let id = judge.call(*from, *call);
        judge.ret(id, *to, *ret);
    }
    judge.verdict(&|site, _| Seen::Value(stores[site]))
}

const W: Call = Call::Write { block: 3, value: 7 };
const R: Call = Call::Read { block: 3 };

#[test]
fn a_value_that_goes_back_is_found() {
    let seen = |v| Return::Read(Seen::Value(v));
    assert!(run(&[(W, 0, 10, Return::Done), (R, 2, 4, seen(7)), (R, 5, 6, seen(7))], [7, 7]).is_ok());
    let fault = run(&[(W, 0, 10, Return::Done), (R, 2, 4, seen(7)), (R, 5, 6, seen(0))], [7, 7]);
    assert!(matches!(fault, Err(Fault::NotLinearizable(3, _))), "{fault:?}");
}

#[test]
fn an_unknown_write_may_or_may_not_be_there() {
    for v in [0, 7] {
        assert_eq!(run(&[(W, 0, 10, Return::Unknown)], [v, v]).map(|s| s.unknown), Ok(1));
    }
    assert!(run(&[(W, 0, 10, Return::Void)], [7, 7]).is_err());
}

#[test]
fn torn_twice_never_and_different_stores_are_found() {
    assert_eq!(run(&[(R, 0, 1, Return::Read(Seen::Torn))], [0, 0]), Err(Fault::Torn(0, R)));
    assert_eq!(run(&[(W, 0, 1, Return::Done)], [7, 0]), Err(Fault::StoresDiffer(3, 7, 0)));
    assert_eq!(Seen::of([1, 1, 2].into_iter()), Seen::Torn);
    let mut judge = Judge::default();
    let id = judge.call(0, W);
    assert_eq!(judge.verdict(&|_, _| Seen::Value(0)), Err(Fault::Never(0, W)));
    assert_eq!(judge.so_far().map(|s| s.unknown), Ok(1));
    judge.ret(id, 1, Return::Done);
    judge.ret(id, 2, Return::Done);
    assert_eq!(judge.verdict(&|_, _| Seen::Value(7)), Err(Fault::Twice(0)));
}

#[test]
fn zeroes_of_many_writers_are_decided() {
    let zero = Call::Zero { block: 2, count: 3 };
    let seen = |v| Return::Read(Seen::Value(v));
    let good = [(W, 0, 1, Return::Done), (zero, 2, 5, Return::Done), (R, 3, 4, seen(7)), (zero, 6, 7, Return::Done)];
    assert_eq!(run(&good, [0, 0]).map(|s| (s.blocks, s.by_zones)), Ok((3, 0)));
    let bad = [(W, 0, 1, Return::Done), (zero, 2, 3, Return::Done), (R, 4, 5, seen(7))];
    assert!(run(&bad, [0, 0]).is_err());
}

#[test]
fn a_long_history_is_decided_by_zones() {
    let mut judge = Judge::default();
    for n in 0..50_000 {
        let w = judge.call(10 * n, Call::Write { block: 0, value: n + 1 });
        let r = judge.call(10 * n + 1, Call::Read { block: 0 });
        judge.ret(w, 10 * n + 5, Return::Done);
        judge.ret(r, 10 * n + 7, Return::Read(Seen::Value(n + u64::from(n % 3 == 0))));
    }
    let summary = judge.verdict(&|_, _| Seen::Value(50_000)).expect("linearizable");
    assert_eq!((summary.commands, summary.by_zones), (100_000, 1));
}
