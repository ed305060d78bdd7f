//! Racing clients: many requests under way at both sites, on few blocks, each recorded with its call and its return, for the
//! judge of histories to decide.
//!
//! What is judged is a *unit*: a block, or a sector of 512 bytes. Each write fills each of its units with a number that no
//! other write uses. A request of several units is atomic unit by unit, so each counts as a command of its own.

use std::collections::HashMap;
use std::io::Read;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use dyad_model::judge::{Call, CommandId, Fault, Judge, Return, Seen, Summary};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::wire::{Client, FLUSH, FUA, READ, WRITE};

/// Bytes of a block.
const BLOCK_BYTES: usize = 4096;
/// What stands for a server that has closed the connection: ECONNRESET.
const HUNG_UP: u32 = 104;

/// Who races for what.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Decides what is asked; not who is first, which is the machine's to decide.
    pub seed: u64,
    /// Requests of all clients together.
    pub requests: usize,
    /// Blocks that they race for, from the start of the LUN.
    pub blocks: u64,
    /// Bytes of a unit: 4096, or 512 to have sectors written beside whole blocks.
    pub unit_bytes: usize,
    /// The site of each client.
    pub sites: Vec<usize>,
    /// Requests that a client has under way.
    pub depth: usize,
}

/// What came of it.
pub struct Outcome {
    judge: Judge,
    unit_bytes: usize,
    /// Requests that ended with an error, by site and error number.
    pub errors: HashMap<(usize, u32), usize>,
}

impl Outcome {
    /// Decides whether the history, and what each store holds of the LUN after it, can be.
    ///
    /// # Errors
    /// The first fault found.
    pub fn verdict(&self, stores: [&[u8]; 2]) -> Result<Summary, Fault> {
        let unit_bytes = self.unit_bytes;
        self.judge.verdict(&|site, unit| seen(&stores[site][unit as usize * unit_bytes..][..unit_bytes]))
    }
}

/// A request under way.
struct Request {
    command: u16,
    units: u64,
    ids: Vec<CommandId>,
}

struct Race<'a> {
    plan: &'a Plan,
    start: Instant,
    judge: Mutex<Judge>,
    errors: Mutex<HashMap<(usize, u32), usize>>,
    left: AtomicUsize,
    values: AtomicU64,
    /// A request has ended with an error.
    over: AtomicBool,
    connections: Mutex<Vec<UnixStream>>,
}

/// Has clients race at the exports on `sockets`, of site a and b; tells `progress` how many requests have ended.
pub fn race(plan: &Plan, sockets: &[String; 2], progress: impl Fn(usize) + Sync) -> Outcome {
    let race = Race {
        plan,
        start: Instant::now(),
        judge: Mutex::default(),
        errors: Mutex::default(),
        left: AtomicUsize::new(plan.requests),
        values: AtomicU64::new(1),
        over: AtomicBool::new(false),
        connections: Mutex::default(),
    };
    let ended = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for (index, &site) in plan.sites.iter().enumerate() {
            let (race, sockets, ended, progress) = (&race, &sockets, &ended, &progress);
            scope.spawn(move || {
                let client = Client::begin(&sockets[site]);
                race.connections.lock().unwrap().push(client.stream.try_clone().unwrap());
                race.client(client, index as u64, site, || progress(ended.fetch_add(1, Ordering::Relaxed) + 1));
            });
        }
    });
    Outcome {
        judge: race.judge.into_inner().unwrap(),
        unit_bytes: plan.unit_bytes,
        errors: race.errors.into_inner().unwrap(),
    }
}

impl Race<'_> {
    fn now(&self) -> u64 {
        self.start.elapsed().as_nanos() as u64
    }

    /// One client's part.
    fn client(&self, mut client: Client, index: u64, site: usize, ended: impl Fn()) {
        let mut rng = ChaCha8Rng::seed_from_u64(self.plan.seed);
        rng.set_stream(index);
        let mut under_way: HashMap<u64, Request> = HashMap::new();
        loop {
            while under_way.len() < self.plan.depth && self.take_one() {
                let (cookie, request) = self.ask(&mut client, &mut rng);
                under_way.insert(cookie, request);
            }
            if under_way.is_empty() {
                return;
            }
            let Some((cookie, errno, data)) = self.reply(&mut client, &under_way) else {
                // The race is over, or the server has hung up.
                let errno = if self.over.load(Ordering::Acquire) { None } else { Some(HUNG_UP) };
                return under_way.values().for_each(|request| self.lose(request, errno, site));
            };
            let request = under_way.remove(&cookie).expect("it was there a moment ago");
            self.note(&request, &data, errno, site);
            ended();
        }
    }

    /// The next reply: its cookie, its error number, and what was read. Nothing, when no more will come.
    fn reply(&self, client: &mut Client, under_way: &HashMap<u64, Request>) -> Option<(u64, u32, Vec<u8>)> {
        let (cookie, errno) = client.try_reply()?;
        let request = under_way.get(&cookie).expect("the server answers what was asked, once");
        let mut data = vec![0; request.units as usize * self.plan.unit_bytes];
        if request.command == READ && errno == 0 {
            client.stream.read_exact(&mut data).ok()?;
        }
        Some((cookie, errno, data))
    }

    fn take_one(&self) -> bool {
        !self.over.load(Ordering::Acquire)
            && self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
    }

    /// Sends a request, whose call is recorded before.
    fn ask(&self, client: &mut Client, rng: &mut ChaCha8Rng) -> (u64, Request) {
        let unit_bytes = self.plan.unit_bytes;
        let per_block = (BLOCK_BYTES / unit_bytes) as u64;
        let blocks = self.plan.blocks;
        let (first, units) = match rng.random_range(0..10) {
            // Several blocks, of which each is one matter.
            0 if blocks > 2 => (rng.random_range(0..blocks - 2) * per_block, 3 * per_block),
            1..5 if per_block > 1 => (rng.random_range(0..blocks * per_block), 1),
            _ => (rng.random_range(0..blocks) * per_block, per_block),
        };
        let range = first..first + units;
        let (offset, length) = (first * unit_bytes as u64, units as u32 * unit_bytes as u32);
        let die = rng.random_range(0..100);
        let (flags, command, payload, calls): (_, _, Vec<u8>, Vec<Call>) = match die {
            0..45 => (0, READ, Vec::new(), range.map(|unit| Call::Read { block: unit }).collect()),
            45..99 => {
                let values: Vec<u64> = range.clone().map(|_| self.values.fetch_add(1, Ordering::Relaxed)).collect();
                let payload = values.iter().flat_map(|value| value.to_le_bytes().repeat(unit_bytes / 8)).collect();
                let calls = range.zip(values).map(|(block, value)| Call::Write { block, value }).collect();
                (if die < 47 { FUA } else { 0 }, WRITE, payload, calls)
            }
            _ => (0, FLUSH, Vec::new(), vec![Call::Other]),
        };
        let (offset, length, units) = if command == FLUSH { (0, 0, 0) } else { (offset, length, units) };
        let at = self.now();
        let ids = {
            let mut judge = self.judge.lock().unwrap();
            calls.into_iter().map(|call| judge.call(at, call)).collect()
        };
        (client.send(flags, command, offset, length, &payload), Request { command, units, ids })
    }

    /// Records a return.
    fn note(&self, request: &Request, data: &[u8], errno: u32, site: usize) {
        if errno != 0 {
            return self.lose(request, Some(errno), site);
        }
        let at = self.now();
        let mut judge = self.judge.lock().unwrap();
        let units = data.chunks(self.plan.unit_bytes).map(|unit| match request.command {
            READ => Return::Read(seen(unit)),
            _ => Return::Done,
        });
        // A flush has no data, and a result all the same.
        for (&id, result) in request.ids.iter().zip(units.chain([Return::Done])) {
            judge.ret(id, at, result);
        }
    }

    /// Records that nobody knows what a request has done. With an error, the race is over.
    fn lose(&self, request: &Request, errno: Option<u32>, site: usize) {
        let at = self.now();
        if let Some(errno) = errno {
            *self.errors.lock().unwrap().entry((site, errno)).or_default() += 1;
            self.over.store(true, Ordering::Release);
            // Others may wait for long for what will never be.
            self.connections.lock().unwrap().iter().for_each(|stream| drop(stream.shutdown(Shutdown::Read)));
        }
        let mut judge = self.judge.lock().unwrap();
        request.ids.iter().for_each(|&id| judge.ret(id, at, Return::Unknown));
    }
}

/// What a unit holds.
fn seen(unit: &[u8]) -> Seen {
    Seen::of(unit.chunks_exact(8).map(|word| u64::from_le_bytes(word.try_into().expect("8 bytes"))))
}
