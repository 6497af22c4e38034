//! What the kernel says of a process and of a folder.

use std::fs;
use std::path::Path;

/// Ticks of a second in `/proc`, on every Linux that Rust runs on.
const TICKS: f64 = 100.0;

fn status(pid: u32, name: &str) -> f64 {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim_start_matches(':').trim().trim_end_matches(" kB").parse().unwrap()
}

/// Bytes in memory now.
pub fn resident(pid: u32) -> f64 {
    status(pid, "VmRSS") * 1024.0
}

/// Bytes in memory that are no pages of files: what a process needs, whatever else the machine has room for.
pub fn anonymous(pid: u32) -> f64 {
    status(pid, "RssAnon") * 1024.0
}

/// Seconds of processor time so far, all threads together: in the program, and in the kernel for it.
pub fn processor(pid: u32) -> (f64, f64) {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = text.rsplit_once(") ").unwrap().1.split(' ').collect();
    (fields[11].parse::<f64>().unwrap() / TICKS, fields[12].parse::<f64>().unwrap() / TICKS)
}

/// Both together.
pub fn used(pid: u32) -> f64 {
    let (program, kernel) = processor(pid);
    program + kernel
}

/// Bytes that a process had written to the disk.
pub fn written(pid: u32) -> f64 {
    let text = fs::read_to_string(format!("/proc/{pid}/io")).unwrap();
    text.lines().find_map(|line| line.strip_prefix("write_bytes: ")).unwrap().parse().unwrap()
}

/// Bytes of all files in a folder.
pub fn size(folder: &Path) -> f64 {
    let entries = fs::read_dir(folder).unwrap().flatten();
    entries
        .map(|entry| match entry.file_type() {
            Ok(kind) if kind.is_dir() => size(&entry.path()),
            _ => entry.metadata().map_or(0.0, |metadata| metadata.len() as f64),
        })
        .sum()
}

pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Of sorted values the one that this part of them does not exceed.
pub fn quantile(values: &[f64], part: f64) -> f64 {
    values[((values.len() - 1) as f64 * part) as usize]
}
