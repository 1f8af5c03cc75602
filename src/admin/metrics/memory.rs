//! The memory of the process.

use std::fs;

/// The memory that the process has in RAM, in bytes; `None` if the system does not tell (only Linux does, here).
pub(super) fn resident() -> Option<u64> {
    parse(&fs::read_to_string("/proc/self/status").ok()?)
}

fn parse(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim_end().parse().ok()?;
    kibibytes.checked_mul(1_024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resident_memory_is_read() {
        assert_eq!(parse("Name:\tx\nVmRSS:\t   12 kB\nRssAnon:\t 3 kB\n"), Some(12_288));
        for bad in ["", "VmRSS:", "VmRSS: x kB", "VmRSS: 12", "VmRSS: 18446744073709551615 kB"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
