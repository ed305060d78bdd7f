//! `dyad top`: a live screen of both sites.

mod draw;
mod feed;
mod state;

use std::io::{self, IsTerminal};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, TryRecvError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};

use crate::cli;
use crate::open::{Origin, TargetArgs};
use crate::top::state::{State, Update};
use crate::workload::WorkloadArgs;

/// Show both sites live: rates, latency by stage, slots, repeats, drops, link
///
/// Without --watch this program drives the cards with a workload of its own, and tells from the stamps of its commands where
/// their time goes. With --watch it only reads registers, as at the watch sockets of `dyad sim`, while another program drives
/// the cards. All rates are by the cards' own clock.
#[derive(clap::Args, Clone)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    target: TargetArgs,
    #[command(flatten)]
    work: WorkloadArgs,
    /// Only look: bring up no link and send no command
    #[arg(long)]
    watch: bool,
    /// LUN number
    #[arg(long, default_value_t = 1, value_name = "N")]
    lun: u8,
    /// The site that works
    #[arg(long, default_value = "a", value_parser = cli::site)]
    site: u8,
    /// Allow writes to a LUN that this call has not made: what is on it is lost
    #[arg(long)]
    overwrite: bool,
    /// Time between two screens in ms
    #[arg(long, default_value_t = 500, value_name = "MS", value_parser = clap::value_parser!(u64).range(50..=60_000))]
    interval: u64,
}

const EXAMPLES: &str = "Examples:
  dyad top --km 10 --pattern mixed --depth 32     a simulated pair with a workload
  dyad top --watch --socket run/a.watch.sock --socket run/b.watch.sock
  dyad top --pattern read --device 0000:01:00.0

Keys: q ends it, p stops the screen and lets it go on, Tab changes the site whose troubles are listed.";

/// How long a key may wait to be seen.
const KEY_WAIT: Duration = Duration::from_millis(50);

/// Runs `dyad top`.
///
/// # Errors
/// What link-up and the commands can give; when there is no terminal.
pub fn run(args: &Args) -> Result<ExitCode> {
    ensure!(
        args.watch || !args.work.writes() || args.overwrite || args.target.origin() == Origin::Fresh,
        "working with writes: what is on LUN {} would be lost; give --overwrite if it may be, --pattern read, or --watch",
        args.lun
    );
    ensure!(
        !args.watch || args.target.origin() == Origin::Outside,
        "watching cards that this call has just made: nothing happens on them; name a board or a socket, or leave out --watch"
    );
    ensure!(
        io::stdout().is_terminal() && io::stdin().is_terminal(),
        "drawing a live screen: this is not a terminal; `dyad stats --watch` prints lines"
    );
    let stop = Arc::new(AtomicBool::new(false));
    let (sender, updates) = mpsc::channel();
    let feeder = {
        let (args, stop) = (args.clone(), Arc::clone(&stop));
        // A backing stays in the thread that made it.
        thread::spawn(move || feed::run(&args, &sender, &stop))
    };
    let terminal = ratatui::try_init().context("setting up the terminal");
    let shown = terminal.and_then(|mut terminal| show(&mut terminal, &updates));
    // Standing on its own: the error below is to be read.
    let restored = ratatui::try_restore().context("giving the terminal back");
    stop.store(true, Ordering::Relaxed);
    drop(updates);
    let fed = feeder.join().unwrap_or_else(|_| Err(anyhow!("the thread that drives the cards ended without a word")));
    fed?;
    shown?;
    restored?;
    Ok(ExitCode::SUCCESS)
}

/// Draws until the user ends it, or the feed does.
fn show(terminal: &mut DefaultTerminal, updates: &Receiver<Update>) -> Result<()> {
    let mut state = State::default();
    loop {
        loop {
            match updates.try_recv() {
                Ok(update) => state.apply(update),
                Err(TryRecvError::Empty) => break,
                // Its error is told when the terminal is as it was.
                Err(TryRecvError::Disconnected) => return Ok(()),
            }
        }
        terminal.draw(|frame| draw::draw(frame, &state)).context("drawing")?;
        if !event::poll(KEY_WAIT).context("waiting for a key")? {
            continue;
        }
        if let Event::Key(key) = event::read().context("reading a key")?
            && key.kind != KeyEventKind::Release
        {
            match key.code {
                KeyCode::Char('q') | KeyCode::Esc => return Ok(()),
                // In raw mode the terminal does not turn it into a signal.
                KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => return Ok(()),
                KeyCode::Char('p') => state.toggle_pause(),
                KeyCode::Tab | KeyCode::BackTab => state.next_site(),
                _ => {}
            }
        }
    }
}
