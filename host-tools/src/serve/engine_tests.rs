//! What clients hear when things break behind the server. Cards, stores and link are the simulator's, and in this process, so
//! that they can be broken.

use std::sync::mpsc::{Receiver, Sender};

use clap::Parser;
use dyad_sim::world::Action;
use dyad_sim::{Bench, Site};
use dyad_spec::superblock::RESERVED_BLOCKS;

use super::*;
use crate::open::TargetArgs;
use crate::serve::job::{Outgoing, Responder};
use crate::serve::protocol::request::{Operation, Request};
use crate::serve::protocol::{Errno, Session};
use crate::serve::stable::Stable;
use crate::serve::stores;

const BLOCKS: u64 = 64;
/// How long a command may take, of the card's clock: more than all repeats of a write.
const COMMAND: Duration = Duration::from_millis(200);
/// On a machine that has other things to do.
const PATIENCE: Duration = Duration::from_secs(300);

#[derive(Parser)]
struct Target {
    #[command(flatten)]
    target: TargetArgs,
}

/// A client's side.
struct Client {
    inbox: Inbox,
    to: Sender<Outgoing>,
    replies: Receiver<Outgoing>,
}

impl Client {
    /// Sends a request for whole blocks; `cookie` tells its reply.
    fn send(&self, lane: usize, operation: Operation, cookie: u8, lba: u64, payload: Vec<u8>) {
        let bytes = if payload.is_empty() { 4096 } else { payload.len() as u32 };
        let mut head = [0; 28];
        head[..4].copy_from_slice(&0x2560_9513u32.to_be_bytes());
        head[15] = cookie;
        let request = Request::parse(&head).unwrap();
        let responder = Responder::new(request, Session::default(), self.to.clone(), Vec::new());
        let job = Job { operation, offset: lba * 4096, bytes, fua: false, payload, responder };
        assert!(self.inbox.send(Event::Job(lane, Box::new(job))));
    }

    /// The next reply: cookie, error number, and data.
    fn reply(&self) -> (u8, u32, Vec<u8>) {
        let reply = self.replies.recv_timeout(PATIENCE).expect("every request is answered").reply;
        (reply.head[15], u32::from(reply.head[7]), reply.data)
    }

    fn write(&self, cookie: u8, lba: u64) -> u32 {
        self.send(0, Operation::Write, cookie, lba, vec![cookie; 4096]);
        self.reply().1
    }
}

/// Runs a server whose world `break_it` may break, and a client in a thread of its own. How the server ended, and the world.
fn run(
    options: &[&str],
    command: Duration,
    break_it: impl FnOnce(&Bench),
    client: impl FnOnce(&Client) + Send + 'static,
) -> (Result<()>, Bench) {
    let target = Target::parse_from([&["test"], options].concat()).target;
    let size = Some(BLOCKS * 4096);
    let target = stores::sized(&target, size).unwrap();
    let mut cards = target.cards().unwrap();
    let lun = stores::bring_up(&mut cards, &target, 1, size).unwrap();
    let bench = cards.simulator().unwrap().bench.clone();
    let stable = std::rc::Rc::new(Stable::new(Vec::new()));
    let lane = |(number, name)| {
        Lane::new(name, &lun, cards.site(number).unwrap(), command, std::rc::Rc::clone(&stable)).unwrap()
    };
    let lanes = [(0, "a"), (1, "b")].map(lane).into();
    let (inbox, outbox) = channel();
    break_it(&bench);
    let thread = std::thread::spawn(move || {
        let (to, replies) = mpsc::channel();
        let side = Client { inbox: inbox.clone(), to, replies };
        client(&side);
        inbox.send(Event::Stop);
    });
    let result = Engine::new(cards, 1, lanes, outbox).run(&AtomicBool::new(false));
    thread.join().expect("the client is content");
    (result, bench)
}

/// The LUN, as both stores have it.
fn stored(bench: &Bench) -> [Vec<u8>; 2] {
    let range = RESERVED_BLOCKS * 4096..(RESERVED_BLOCKS + BLOCKS) * 4096;
    let world = bench.world();
    [Site::A, Site::B].map(|site| world.site(site).store.bytes(range.clone()))
}

#[test]
fn a_link_that_is_cut_while_clients_write_is_an_error_and_comes_back() {
    let cut = |bench: &Bench| {
        let mut world = bench.world_mut();
        let now = world.cycle();
        world.at(now + 20_000, Action::CutLink);
        world.at(now + 2_000_000, Action::MendLink);
    };
    let (result, bench) = run(&["--km", "1"], COMMAND, cut, |client| {
        for cookie in 1..=60 {
            client.send(0, Operation::Write, cookie, u64::from(cookie), vec![cookie; 4096]);
        }
        let answers: Vec<_> = (0..60).map(|_| client.reply()).collect();
        let failed = answers.iter().filter(|answer| answer.1 != 0).count();
        assert!((1..60).contains(&failed), "{failed} of 60 failed: the cut came too soon or too late");
        assert!(answers.iter().all(|answer| [0, Errno::Io as u32].contains(&answer.1)));
        let begun = Instant::now();
        while client.write(200, 0) != 0 {
            assert!(begun.elapsed() < PATIENCE, "the link does not come back");
            std::thread::sleep(Duration::from_millis(100));
        }
        for (cookie, ..) in answers.into_iter().filter(|answer| answer.1 == 0) {
            client.send(1, Operation::Read, cookie, cookie.into(), Vec::new());
            let (_, errno, data) = client.reply();
            assert_eq!((errno, data), (0, vec![cookie; 4096]));
        }
    });
    result.unwrap();
    let [a, b] = stored(&bench);
    assert!(a == b, "the stores differ");
    assert_eq!(a[..4096], [200; 4096]);
}

#[test]
fn a_card_that_dies_is_an_error_to_all_who_use_it() {
    let kill = |bench: &Bench| {
        let mut world = bench.world_mut();
        let now = world.cycle();
        world.at(now + 20_000, Action::Kill(Site::B));
    };
    let (result, _) = run(&["--km", "0"], COMMAND, kill, |client| {
        let mut written = 0;
        for cookie in 1..=60 {
            client.send(0, Operation::Write, cookie, u64::from(cookie), vec![cookie; 4096]);
        }
        (0..60).for_each(|_| written += u32::from(client.reply().1 == 0));
        assert!((1..60).contains(&written), "{written}");
        client.send(1, Operation::Read, 1, 0, Vec::new());
        assert_eq!(client.reply().1, Errno::Io as u32);
        client.send(1, Operation::Flush, 2, 0, Vec::new());
        assert_eq!(client.reply().1, Errno::Io as u32);
    });
    assert!(result.is_err(), "it cannot have been closed");
}

#[test]
fn a_fault_of_this_program_is_an_error_to_that_request_alone() {
    let (result, bench) = run(
        &["--km", "0"],
        COMMAND,
        |_| (),
        |client| {
            for cookie in 1..=20 {
                client.send(0, Operation::Write, cookie, cookie.into(), vec![cookie; 4096]);
                if cookie % 4 == 0 {
                    // Too little payload for what the request says: no client's request gets here like that.
                    let mut head = [0; 28];
                    head[..4].copy_from_slice(&0x2560_9513u32.to_be_bytes());
                    head[15] = 100 + cookie;
                    let request = Request::parse(&head).unwrap();
                    let responder = Responder::new(request, Session::default(), client.to.clone(), Vec::new());
                    let (offset, payload) = (u64::from(cookie) * 4096, Vec::new());
                    let job = Job { operation: Operation::Write, offset, bytes: 4096, fua: false, payload, responder };
                    client.inbox.send(Event::Job(0, Box::new(job)));
                }
            }
            for _ in 0..25 {
                let (cookie, errno, _) = client.reply();
                assert_eq!(errno, if cookie > 100 { Errno::Io as u32 } else { 0 }, "{cookie}");
            }
            // Their blocks are not kept.
            assert_eq!(client.write(50, 4), 0);
            client.send(0, Operation::Write, 51, 4, vec![51; 512]);
            assert_eq!(client.reply().1, 0);
        },
    );
    result.unwrap();
    let [a, b] = stored(&bench);
    assert!(a == b && a[4 * 4096..4 * 4096 + 1024] == [[51; 512], [50; 512]].concat());
}

#[test]
fn a_store_that_answers_nothing_is_an_error_in_the_end() {
    let stall = |bench: &Bench| bench.world_mut().site_mut(Site::B).store_bus.config_mut().stall_per_65536 = 65536;
    let (result, _) = run(&["--km", "0"], Duration::from_millis(1), stall, |client| {
        let begun = Instant::now();
        client.send(1, Operation::Read, 1, 0, Vec::new());
        // It waits for the block that nobody gives back, or behind it.
        client.send(1, Operation::Read, 2, 0, Vec::new());
        assert_eq!([client.reply().1, client.reply().1], [Errno::Io as u32; 2]);
        while begun.elapsed() < PATIENCE {
            client.send(1, Operation::Flush, 3, 0, Vec::new());
            if client.reply().1 != 0 {
                return;
            }
        }
        panic!("a card whose store is stuck goes on");
    });
    assert!(result.is_err(), "it cannot have been closed");
}
