//! What a guest's log must show.

/// The steps of tests/guest, in order.
pub const STEPS: [&str; 14] = [
    "bind",
    "registers",
    "interrupts",
    "link-up",
    "lspci",
    "dual write",
    "lookup",
    "read at the other site",
    "DMA fault",
    "clean close",
    "function reset",
    "driver killed",
    "taken over",
    "unbind",
];

/// What `lspci -vv` must say of each card.
const LSPCI: [&str; 11] = [
    "Network controller",
    "BusMaster+",
    "Capabilities: [40] Power Management",
    "Status: D0 NoSoftRst+",
    "Capabilities: [50] MSI-X: Enable+ Count=8",
    "Express (v2) Endpoint",
    "FLReset+",
    "Device Serial Number",
    "[size=64K]",
    "\tIOMMU group: ",
    "Kernel driver in use: vfio-pci",
];

/// The last line of a guest that has done all.
const END: &str = "GUEST ENDS WITH 0";

/// What is missing in `log`, or too much; nothing when all is well.
pub fn complaints(log: &str, cards: usize) -> Vec<String> {
    let mut found = Vec::new();
    found.extend(log.lines().filter(|line| line.starts_with("FAIL ")).map(str::to_owned));
    let mut lines = log.lines();
    for step in STEPS {
        let start = format!("OK {step}: ");
        if !lines.any(|line| line.starts_with(&start)) {
            found.push(format!("no `OK {step}`"));
            break;
        }
    }
    if !log.lines().any(|line| line == END) {
        found.push(format!("no `{END}`"));
    }
    for line in LSPCI {
        let count = log.matches(line).count();
        if count != cards {
            found.push(format!("`{line}` is {count} times in the log, not {cards} times"));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> String {
        let steps: String = STEPS.iter().map(|step| format!("OK {step}: seen\n")).collect();
        format!("kernel 6.1\n{steps}{0}{0}{END}\n", LSPCI.join("\n") + "\n")
    }

    #[test]
    fn a_good_log_has_no_complaints() {
        assert_eq!(complaints(&good(), 2), Vec::<String>::new());
    }

    #[test]
    fn whatever_is_missing_is_a_complaint() {
        let good = good();
        for (i, gone) in good.lines().enumerate().skip(1) {
            let log: String =
                good.lines().enumerate().filter(|(n, _)| *n != i).map(|(_, line)| format!("{line}\n")).collect();
            assert!(!complaints(&log, 2).is_empty(), "without `{gone}`");
        }
    }

    #[test]
    fn a_failure_and_a_wrong_order_are_complaints() {
        let log = good().replace("kernel 6.1", "FAIL module vfio: it cannot be loaded");
        assert_eq!(complaints(&log, 2), ["FAIL module vfio: it cannot be loaded"]);
        let mut steps: Vec<String> = good().lines().map(str::to_owned).collect();
        steps.swap(1, 2);
        assert!(!complaints(&steps.join("\n"), 2).is_empty());
    }
}
