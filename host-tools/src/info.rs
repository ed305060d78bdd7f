//! `dyad info`: what the cards say of themselves.

use std::process::ExitCode;

use anyhow::Result;
use serde_json::json;

use crate::cli::print_json;
use crate::open::TargetArgs;

/// Show what the cards say of themselves
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    target: TargetArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "Examples:
  dyad info                                       a simulated pair of this call's own
  dyad info --data-w 512 --json
  dyad info --socket run/a.sock                   a card of `dyad sim`
  dyad info --device 0000:01:00.0                 a board";

/// Runs `dyad info`.
///
/// # Errors
/// What opening a card can give.
pub fn run(args: &Args) -> Result<ExitCode> {
    let (devices, _simulator) = args.target.devices()?;
    let mut list = Vec::new();
    for device in &devices {
        let (info, status) = (device.info(), device.status()?);
        let status = status.iter_names().map(|flag| flag.0.to_lowercase()).collect::<Vec<_>>().join(", ");
        let version = format!("{}.{}", info.version >> 16, info.version & 0xffff);
        if args.json {
            list.push(json!({
                "name": info.name, "version": version, "data_w": info.data_width_bits, "store_w": info.store_width_bits,
                "clock_mhz": f64::from(info.clock_khz) / 1000.0, "slots": info.slot_count, "queues": info.queue_count,
                "queue_entries": 1u32 << info.queue_log2_max, "vectors": info.vector_count, "luns": info.lun_count,
                "extents": info.extent_count, "period_cycles": info.period_cycles,
                "local_buffers": info.local_buffer_count, "mirror_buffers": info.mirror_buffer_count,
                "block_address_bits": info.block_address_bits, "host_address_bits": info.host_address_bits,
                "status": status,
            }));
            continue;
        }
        outln!("{}", info.name);
        outln!("  register map       {version}");
        outln!("  datapath           {} bits, store {} bits", info.data_width_bits, info.store_width_bits);
        outln!("  clock              {} MHz", f64::from(info.clock_khz) / 1000.0);
        outln!("  slots              {}", info.slot_count);
        outln!("  queue pairs        {} of up to {} entries", info.queue_count, 1u32 << info.queue_log2_max);
        outln!("  interrupt vectors  {}", info.vector_count);
        outln!("  LUNs               {}, the first for the driver's own use", info.lun_count);
        outln!("  extents            {}", info.extent_count);
        outln!("  gather buffers     {} local, {} for the peer", info.local_buffer_count, info.mirror_buffer_count);
        outln!(
            "  addresses          {} bits of blocks, {} bits of host memory",
            info.block_address_bits,
            info.host_address_bits
        );
        outln!("  state              {}", if status.is_empty() { "-" } else { &status });
    }
    if args.json {
        print_json(&list)?;
    }
    Ok(ExitCode::SUCCESS)
}
