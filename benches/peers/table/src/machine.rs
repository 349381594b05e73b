//! The machine, as the results name it: figures without it mean nothing.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::Command;

/// One sentence after another: date, processor, memory, disk, kernel, compiler, commit.
pub(crate) fn describe(disk_of: &Path, source: &Path) -> String {
    let date = output("date", &["-u", "+%Y-%m-%d"], source);
    let cores = std::thread::available_parallelism().map_or("?".to_owned(), |cores| cores.to_string());
    let cpu = behind("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown processor".to_owned());
    let sha = behind("/proc/cpuinfo", "flags").is_some_and(|flags| flags.split(' ').any(|flag| flag == "sha_ni"));
    let sha = if sha { "with SHA instructions" } else { "without SHA instructions, or it does not say so" };
    let memory = behind("/proc/meminfo", "MemTotal").and_then(|text| text.split(' ').next()?.parse::<u64>().ok());
    let memory = memory.map_or("?".to_owned(), |kib| ((kib + (1 << 19)) >> 20).to_string());
    let (kernel, rustc) = (output("uname", &["-sr"], source), output("rustc", &["--version"], source));
    let commit = output("git", &["describe", "--always", "--dirty"], source);
    format!("{date}, treering {commit}. {cpu}, {cores} cores, {sha}; {memory} GiB; {}; {kernel}; {rustc}.", disk(disk_of))
}

fn output(program: &str, arguments: &[&str], dir: &Path) -> String {
    let output = Command::new(program).args(arguments).current_dir(dir).output().ok().filter(|output| output.status.success());
    output.map_or("?".to_owned(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The text behind `field` and a colon in a file of `/proc`.
fn behind(file: &str, field: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(field))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// Kind of disk and file system below a folder.
fn disk(folder: &Path) -> String {
    let unknown = || "disk unknown".to_owned();
    let Ok(metadata) = fs::metadata(folder) else { return unknown() };
    let (major, minor) = (major_of(metadata.dev()), minor_of(metadata.dev()));
    let file_system = file_system(&format!("{major}:{minor}")).unwrap_or_else(|| "unknown file system".to_owned());
    let device = Path::new("/sys/dev/block").join(format!("{major}:{minor}"));
    let Ok(device) = fs::canonicalize(device) else { return format!("no disk of its own, {file_system}") };
    // A partition lies in the folder of its disk.
    let disk = [device.as_path(), device.parent().unwrap_or(&device)].into_iter().find(|place| place.join("queue").exists());
    let Some(disk) = disk else { return unknown() };
    let kind = match fs::read_to_string(disk.join("queue/rotational")).as_deref().map(str::trim) {
        Ok("0") => "solid state",
        Ok("1") => "rotating or virtual",
        _ => "of unknown kind",
    };
    let name = disk.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    format!("disk {name} ({kind}), {file_system}")
}

/// As Linux packs them into a device number.
fn major_of(device: u64) -> u64 {
    ((device >> 32) & 0xffff_f000) | ((device >> 8) & 0xfff)
}

fn minor_of(device: u64) -> u64 {
    ((device >> 12) & 0xffff_ff00) | (device & 0xff)
}

/// The type of the mounted file system with this device number.
fn file_system(device: &str) -> Option<String> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
    let line = mounts.lines().find(|line| line.split(' ').nth(2) == Some(device))?;
    Some(line.split_once(" - ")?.1.split(' ').next()?.to_owned())
}
