//! Two sites over two joined cards in memory: LUNs, link-up, sync, close, and what must not go live.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use dyad_driver::backing::memory::Memory;
use dyad_driver::handshake::MismatchField;
use dyad_driver::lun::{NotEqual, Progress, Stage, SyncReport};
use dyad_driver::{
    Agreement, Backing, Device, Error, LinkConfig, Mode, Mtu, NewLun, Result, Site, SiteConfig, Status, Step, Task,
    run, run_both,
};
use dyad_spec::superblock::RESERVED_BLOCKS;

const STORE_BLOCKS: u64 = 2048;
const LUN_BLOCKS: u64 = 600;
const PAIR: u128 = 0xd1ad;

type Card = Rc<Memory>;
type Both = (Site<Card>, Site<Card>);

fn cards() -> (Card, Card) {
    let (a, b) = Memory::pair(STORE_BLOCKS as usize);
    (Rc::new(a), Rc::new(b))
}

fn open(card: &Card) -> Site<Card> {
    open_with(card, SiteConfig::default())
}

fn open_with(card: &Card, config: SiteConfig) -> Site<Card> {
    Site::open(Device::open(card.clone()).unwrap(), config).unwrap()
}

fn lun(number: u8) -> NewLun {
    NewLun { number: Some(number), blocks: LUN_BLOCKS, owner: 0, uuid: 7 + u128::from(number), extent_shift_min: 0 }
}

fn formatted(cards: &(Card, Card)) -> Both {
    let (mut a, mut b) = (open(&cards.0), open(&cards.1));
    for (site, number) in [(&mut a, 0), (&mut b, 1)] {
        site.format(PAIR, number).unwrap();
        site.create_lun(&lun(1), STORE_BLOCKS).unwrap();
    }
    (a, b)
}

fn up(a: &mut Site<Card>, b: &mut Site<Card>, mode: Mode) -> (Result<Agreement>, Result<Agreement>) {
    let (a, b) = (a.link_up(mode, 0xaaa).unwrap(), b.link_up(mode, 0xbbb).unwrap());
    run_both(a, b)
}

fn both_up((a, b): &mut Both, mode: Mode) -> Agreement {
    let (a, b) = up(a, b, mode);
    assert_eq!(a.as_ref().unwrap().generation, b.unwrap().generation);
    a.unwrap()
}

fn both_close((a, b): &mut Both) {
    let (a, b) = run_both(a.close().unwrap(), b.close().unwrap());
    a.unwrap();
    b.unwrap();
}

fn write(site: &Site<Card>, lba: u64, fill: u8) -> Result<()> {
    site.device().create_queue(&Default::default()).unwrap().write(1, lba, &[fill; 4096])
}

fn read(site: &Site<Card>, lba: u64) -> Result<u8> {
    let mut block = [0; 4096];
    site.device().create_queue(&Default::default()).unwrap().read(1, lba, &mut block)?;
    assert!(block.iter().all(|b| *b == block[0]), "mixed");
    Ok(block[0])
}

fn live(site: &Site<Card>) -> Result<(), NotEqual> {
    site.luns().unwrap()[0].live
}

/// Both hosts restart: everything is opened anew, and the cards are reset by that.
fn reopened(cards: &(Card, Card), sites: Both) -> Both {
    drop(sites);
    (open(&cards.0), open(&cards.1))
}

#[test]
fn a_new_pair_goes_live_and_closes_and_goes_live_again() {
    let cards = cards();
    let mut sites = formatted(&cards);
    assert_eq!(both_up(&mut sites, Mode::Serve).generation, 1);
    write(&sites.0, 5, 0xab).unwrap();
    assert_eq!(read(&sites.1, 5).unwrap(), 0xab);
    both_close(&mut sites);
    assert!(matches!(write(&sites.0, 5, 1), Err(Error::Command(f)) if f.status == Status::NotLive));

    let mut sites = reopened(&cards, sites);
    let s = sites.0.superblock().unwrap();
    assert!(s.clean && s.generation == 1 && s.luns[0].generation == 1 && s.luns[0].synced);
    assert_eq!(both_up(&mut sites, Mode::Serve).generation, 2);
    assert_eq!((live(&sites.0), live(&sites.1)), (Ok(()), Ok(())));
    assert_eq!(read(&sites.1, 5).unwrap(), 0xab);
    assert!(!sites.0.superblock().unwrap().clean, "while it is open the store is not clean");
}

#[test]
fn a_pair_that_crashed_does_not_go_live_and_can_be_synced() {
    let cards = cards();
    let mut sites = formatted(&cards);
    both_up(&mut sites, Mode::Serve);
    write(&sites.0, 7, 1).unwrap();
    let mut sites = reopened(&cards, sites);
    // What a crash could leave: the copies differ.
    let block = RESERVED_BLOCKS as usize + 7;
    cards.1.set_store_block(block, &[2; 4096]);
    both_up(&mut sites, Mode::Serve);
    assert_eq!(live(&sites.0), Err(NotEqual::NotClosed { site: 0 }));
    let error = sites.1.need_live(1).unwrap_err().to_string();
    assert!(error.contains("LUN 1 does not go live") && error.contains("dyad sync"), "{error}");
    assert!(matches!(read(&sites.1, 7), Err(Error::Command(f)) if f.status == Status::NotLive));

    // Closing cleanly now must not make the copies count as equal.
    both_close(&mut sites);
    let mut sites = reopened(&cards, sites);
    both_up(&mut sites, Mode::Serve);
    assert_eq!(live(&sites.0), Err(NotEqual::NotSynced { site: 0 }));
    both_close(&mut sites);

    // The right copy is the one that the operator says: b's.
    both_up(&mut sites, Mode::SyncFrom(1));
    assert_eq!(live(&sites.0), Err(NotEqual::NotSynced { site: 0 }));
    let seen = RefCell::new(Vec::new());
    let (a, b) = run_both(
        sites.0.sync(|p| seen.borrow_mut().push(p)).unwrap(),
        sites.1.sync(|p| seen.borrow_mut().push(p)).unwrap(),
    );
    let (a, b): (Vec<SyncReport>, Vec<SyncReport>) = (a.unwrap(), b.unwrap());
    assert_eq!(a, b);
    assert_eq!((a.len(), a[0].lun, a[0].blocks), (1, 1, LUN_BLOCKS));
    for stage in [Stage::Copy, Stage::Wait, Stage::Verify] {
        assert!(seen.borrow().iter().any(|p: &Progress| p.stage == stage), "{stage:?} was never reported");
    }
    assert!(seen.borrow().iter().any(|p| p.stage == Stage::Copy && p.done_blocks == LUN_BLOCKS));
    assert_eq!((live(&sites.0), live(&sites.1)), (Ok(()), Ok(())));
    assert_eq!((read(&sites.0, 7).unwrap(), read(&sites.1, 7).unwrap()), (2, 2));
    // The owner is who it was, though the other was the source.
    write(&sites.0, 7, 3).unwrap();
    assert!(matches!(write(&sites.1, 7, 4), Err(Error::Command(f)) if f.status == Status::NotOwner && f.owner == 0));
    both_close(&mut sites);
    both_up(&mut sites, Mode::Serve);
    assert_eq!(live(&sites.1), Ok(()));
}

#[test]
fn a_digest_that_differs_keeps_the_lun_down() {
    let cards = cards();
    let mut sites = formatted(&cards);
    both_up(&mut sites, Mode::Serve);
    let mut sites = reopened(&cards, sites);
    both_up(&mut sites, Mode::SyncFrom(0));
    let target = cards.1.clone();
    let spoil = move |p: Progress| {
        if p.stage == Stage::Verify && p.done_blocks == 0 {
            target.set_store_block(RESERVED_BLOCKS as usize + LUN_BLOCKS as usize - 1, &[9; 4096]);
        }
    };
    let (a, b) = run_both(sites.0.sync(|_| ()).unwrap(), sites.1.sync(spoil).unwrap());
    for (result, here) in [(a, 0), (b, 1)] {
        let error = result.unwrap_err();
        assert!(
            matches!(&error, Error::VerifyFailed { lun: 1, site, ours, theirs } if *site == here && ours != theirs)
        );
    }
    assert!(live(&sites.0).is_err() && live(&sites.1).is_err());
    assert!(!sites.0.superblock().unwrap().luns[0].synced);
}

#[test]
fn a_link_that_breaks_goes_on_when_no_card_was_reset() {
    let cards = cards();
    let mut sites = formatted(&cards);
    both_up(&mut sites, Mode::Serve);
    write(&sites.0, 1, 1).unwrap();
    sites.0.link_down().unwrap();
    sites.1.link_down().unwrap();
    assert_eq!(live(&sites.0), Err(NotEqual::LinkDown));
    assert_eq!(both_up(&mut sites, Mode::Serve).generation, 2);
    assert_eq!((live(&sites.0), live(&sites.1)), (Ok(()), Ok(())));
    // One host restarts: its card has lost what it held.
    sites.0.link_down().unwrap();
    drop(sites.1);
    sites.1 = open(&cards.1);
    both_up(&mut sites, Mode::Serve);
    assert_eq!(live(&sites.0), Err(NotEqual::NotClosed { site: 0 }));
}

#[test]
fn lost_messages_change_nothing() {
    for every in 2..6 {
        let cards = cards();
        let mut sites = formatted(&cards);
        cards.0.lose_messages(every);
        both_up(&mut sites, Mode::SyncFrom(0));
        let (a, b) = run_both(sites.0.sync(|_| ()).unwrap(), sites.1.sync(|_| ()).unwrap());
        assert_eq!(a.unwrap(), b.unwrap());
        both_close(&mut sites);
        assert_eq!(both_up(&mut sites, Mode::Serve).generation, 2);
        assert_eq!(live(&sites.1), Ok(()));
    }
}

#[test]
fn a_refused_link_leaves_both_stores_as_they_were() {
    let cards = cards();
    let mut sites = formatted(&cards);
    both_up(&mut sites, Mode::Serve);
    both_close(&mut sites);
    drop(sites.1);
    let link = LinkConfig { mtu: Mtu::Standard, ..LinkConfig::for_site(1) };
    sites.1 = open_with(&cards.1, SiteConfig { link: Some(link), ..SiteConfig::default() });
    let (a, b) = up(&mut sites.0, &mut sites.1, Mode::Serve);
    for error in [a.unwrap_err(), b.unwrap_err()] {
        assert!(matches!(error, Error::Mismatch(m) if m.field == MismatchField::Mtu));
    }
    assert!(sites.0.superblock().unwrap().clean && sites.1.superblock().unwrap().clean);
    let mut sites = reopened(&cards, sites);
    both_up(&mut sites, Mode::Serve);
    assert_eq!(live(&sites.0), Ok(()));
}

/// The peer's driver vanishes at each point of the link-up in turn.
#[test]
fn a_link_up_that_fails_half_way_leaves_the_store_clean() {
    let mut failed_after_mark = false;
    for steps in 0..12 {
        let cards = cards();
        let mut sites = formatted(&cards);
        both_up(&mut sites, Mode::Serve);
        both_close(&mut sites);
        let (mut a, mut b) = (sites.0.link_up(Mode::Serve, 1).unwrap(), Some(sites.1.link_up(Mode::Serve, 2).unwrap()));
        let mut step = 0;
        let result = loop {
            match a.step() {
                Ok(Step::Wait(_)) => {}
                Ok(Step::Done(agreement)) => break Ok(agreement),
                Err(error) => break Err(error),
            }
            if step == steps {
                b = None;
            }
            step += 1;
            if let Some(task) = &mut b
                && !matches!(task.step(), Ok(Step::Wait(_)))
            {
                b = None;
            }
            a.backing().wait(None, a.backing().after(Duration::from_micros(50)));
        };
        drop((a, b));
        if let Err(error) = result {
            assert!(matches!(error, Error::Peer { operation: "link-up", .. }), "{error}");
            let superblock = sites.0.superblock().unwrap();
            assert!(superblock.clean && superblock.generation == 1, "{steps} steps");
            // Format, create, open, close; marking and taking it back are two more.
            assert!(matches!(superblock.revision, 4 | 6), "{}", superblock.revision);
            failed_after_mark |= superblock.revision == 6;
        }
    }
    assert!(failed_after_mark, "no case had marked the store and taken it back");
}

#[test]
fn a_peer_that_does_not_answer_has_a_deadline() {
    let cards = cards();
    let mut sites = formatted(&cards);
    let error = run(sites.0.link_up(Mode::Serve, 1).unwrap()).unwrap_err();
    assert!(matches!(error, Error::Peer { operation: "link-up", .. }), "{error}");
    both_up(&mut sites, Mode::Serve);
    let error = run(sites.0.close().unwrap()).unwrap_err();
    assert!(matches!(error, Error::Peer { operation: "closing the link", .. }), "{error}");
    assert!(!sites.0.superblock().unwrap().clean);
    assert_eq!(live(&sites.0), Err(NotEqual::LinkDown));
}

#[test]
fn closing_needs_queues_to_be_dropped() {
    let cards = cards();
    let mut sites = formatted(&cards);
    assert!(matches!(sites.0.close(), Err(Error::Argument { .. })), "the link is down");
    both_up(&mut sites, Mode::Serve);
    let queue = sites.0.device().create_queue(&Default::default()).unwrap();
    let error = sites.0.close().err().unwrap().to_string();
    assert!(error.contains("1 queues are in use"), "{error}");
    drop(queue);
    both_close(&mut sites);
}

#[test]
fn stores_that_are_not_formatted_or_damaged_say_so() {
    let cards = cards();
    let mut site = open(&cards.0);
    assert!(matches!(site.luns(), Err(Error::NotFormatted { .. })));
    assert!(matches!(site.link_up(Mode::Serve, 1).err(), Some(Error::NotFormatted { .. })));
    site.format(PAIR, 0).unwrap();
    drop(site);
    let mut block = [0; 4096];
    cards.0.store_block(0, &mut block);
    block[30] ^= 1;
    cards.0.set_store_block(0, &block);
    let mut site = open(&cards.0);
    let error = site.create_lun(&lun(1), STORE_BLOCKS).unwrap_err();
    assert!(matches!(error, Error::DamagedSuperblock { .. }) && error.to_string().contains("checksum"), "{error}");
    site.format(PAIR, 0).unwrap();
    site.create_lun(&lun(1), STORE_BLOCKS).unwrap();
}

#[test]
fn luns_are_kept_across_opens_and_can_be_deleted() {
    let cards = cards();
    let mut site = open(&cards.0);
    site.format(PAIR, 0).unwrap();
    let first = site.create_lun(&lun(1), STORE_BLOCKS).unwrap();
    let second = site.create_lun(&NewLun { number: None, ..lun(2) }, STORE_BLOCKS).unwrap();
    assert_eq!((first.number, second.number), (1, 2));
    assert!(matches!(site.create_lun(&lun(1), STORE_BLOCKS), Err(Error::LunExists { lun: 1, .. })));
    assert!(matches!(
        site.create_lun(&NewLun { blocks: 2000, ..lun(3) }, STORE_BLOCKS),
        Err(Error::NoRoom { lun: 3, blocks: 2000, .. })
    ));
    drop(site);
    let mut site = open(&cards.0);
    let luns: Vec<_> = site.luns().unwrap().iter().map(|l| l.lun).collect();
    assert_eq!(luns, [first, second]);
    assert_eq!(site.device().lun(2).unwrap().unwrap().store_base, second.store_base);
    site.delete_lun(1).unwrap();
    assert!(matches!(site.delete_lun(1), Err(Error::NoLun { lun: 1 })));
    assert!(site.device().lun(1).unwrap().is_none());
    assert_eq!(site.create_lun(&lun(1), STORE_BLOCKS).unwrap().store_base, first.store_base);
}

#[test]
fn a_device_that_vanishes_ends_what_is_under_way() {
    let cards = cards();
    let mut sites = formatted(&cards);
    cards.0.vanish();
    let (a, b) = up(&mut sites.0, &mut sites.1, Mode::Serve);
    assert!(matches!(a.unwrap_err(), Error::DeviceGone { during: "link-up", .. }));
    assert!(matches!(b.unwrap_err(), Error::Peer { .. }));
}
