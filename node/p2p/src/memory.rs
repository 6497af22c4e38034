//! How much memory there is for this process: that of its control group, or else of the machine. Beyond
//! a part of it no connection is taken (MESH.md D10).

use crate::limits::MAX_MEMORY_PERCENT;
use libp2p::memory_connection_limits::Behaviour;
use std::fs;

/// Where the kernel says what a control group may use: version 2, then version 1. Within a container the
/// group is the root of what can be seen.
const GROUPS: [&str; 2] = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];

/// The limit. Where nothing says how much memory there is, there is none.
pub(crate) fn limit() -> Behaviour {
    let group = GROUPS.iter().filter_map(|path| in_bytes(&fs::read_to_string(path).ok()?)).min();
    let machine = fs::read_to_string("/proc/meminfo").ok().and_then(|text| total(&text));
    Behaviour::with_max_bytes(part(group, machine))
}

/// The bytes that the process may use before it takes no more connections.
fn part(group: Option<u64>, machine: Option<u64>) -> usize {
    let all = group.into_iter().chain(machine).min();
    all.and_then(|all| usize::try_from(all / 100 * MAX_MEMORY_PERCENT).ok()).unwrap_or(usize::MAX)
}

/// A file of the control group: a number, or `max`.
fn in_bytes(text: &str) -> Option<u64> {
    text.trim().parse().ok()
}

/// `MemTotal` of `/proc/meminfo`.
fn total(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1_024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smaller_of_group_and_machine_is_what_there_is() {
        assert_eq!(part(Some(1_000), Some(2_000)), 800);
        assert_eq!(part(None, Some(2_000)), 1_600);
        assert_eq!(part(None, None), usize::MAX);
        // Version 1 says a number beyond all memory where there is no limit.
        assert_eq!(part(in_bytes("9223372036854771712\n"), Some(2_000)), 1_600);
    }

    #[test]
    fn what_the_kernel_says_is_read() {
        assert_eq!(in_bytes("536870912\n"), Some(536_870_912));
        assert_eq!(in_bytes("max\n"), None);
        assert_eq!(total("MemFree: 1 kB\nMemTotal:        16 kB\n"), Some(16_384));
        assert_eq!(total("MemTotal: lots\n"), None);
        assert!(limit().max_allowed_bytes() < usize::MAX);
    }
}
