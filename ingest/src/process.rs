//! What the operating system says of this process. Linux only; elsewhere everything is 0.

/// Ticks of `/proc/self/stat` in a second, as every Linux has them.
const TICKS: f64 = 100.0;

/// Memory, files and CPU time of this process.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Process {
    pub(crate) resident_bytes: f64,
    pub(crate) open_files: f64,
    pub(crate) cpu_seconds: f64,
}

impl Process {
    /// As it is now.
    pub(crate) fn look() -> Self {
        let read = |file: &str| std::fs::read_to_string(file).unwrap_or_default();
        Self {
            resident_bytes: resident_kib(&read("/proc/self/status")) * 1024.0,
            open_files: std::fs::read_dir("/proc/self/fd").map_or(0.0, |files| files.count() as f64),
            cpu_seconds: ticks(&read("/proc/self/stat")) / TICKS,
        }
    }
}

fn resident_kib(status: &str) -> f64 {
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|rest| rest.split_whitespace().next()?.parse().ok())
        .unwrap_or(0.0)
}

/// User and system time; the fields are counted behind the name, which may hold anything.
fn ticks(stat: &str) -> f64 {
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let number = |at: usize| {
        fields
            .get(at)
            .and_then(|text| text.parse::<f64>().ok())
            .unwrap_or(0.0)
    };
    number(11) + number(12)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_knows_itself() {
        let stat = "1 (a ) b) S 1 1 1 0 -1 4194560 10 0 0 0 250 50 0 0 20 0";
        assert!((ticks(stat) - 300.0).abs() < f64::EPSILON);
        assert!((resident_kib("Name:\tx\nVmRSS:\t  1234 kB\n") - 1234.0).abs() < f64::EPSILON);
    }
}
