//! What this process may use of its machine.

use std::fs;

/// Processors that this process may use, by its affinity and its control group.
pub(crate) fn cores() -> u32 {
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get());
    u32::try_from(cores).unwrap_or(u32::MAX)
}

/// The memory limit that the platform names in the environment (AWS Lambda, Fn: in MB of 2^20 bytes), or else that of the
/// control group; `None` where there is none.
pub(crate) fn memory_limit_bytes() -> Option<u64> {
    let named = ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "FN_MEMORY"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok()?.trim().parse::<u64>().ok());
    if let Some(megabytes) = named {
        return megabytes.checked_mul(1 << 20);
    }
    // Version 2, then version 1, as seen from inside of a container.
    ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"]
        .into_iter()
        .find_map(|path| limit(&fs::read_to_string(path).ok()?))
}

/// The limit in a control group's file. Version 2 writes `max` where there is none, version 1 the largest number of whole
/// pages.
fn limit(text: &str) -> Option<u64> {
    text.trim().parse().ok().filter(|bytes| *bytes < 1 << 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_limit_is_none() {
        assert_eq!(limit("134217728\n"), Some(134_217_728));
        assert_eq!(limit("max\n"), None);
        assert_eq!(limit("9223372036854771712\n"), None);
    }
}
