//! Lists the files of `web/dist`, where the UI was built, for the server to embed.
//!
//! Out: `files.rs` in OUT_DIR, a table of paths, contents and hashes; empty when nothing was built.
//! `x.br` and `x.gz` belong to `x` and are not listed by themselves. Node is not needed here.

#![allow(
    clippy::print_stdout,
    reason = "that is how a build script tells cargo"
)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let dist = PathBuf::from(var("CARGO_MANIFEST_DIR")).join("web/dist");
    // Cargo would run this for every build while the folder is missing.
    if !dist.is_dir() && dist.parent().is_some_and(Path::is_dir) {
        let _ = fs::create_dir(&dist);
    }
    println!("cargo::rerun-if-changed=web/dist");
    println!("cargo::rerun-if-changed=build.rs");
    let mut files = BTreeMap::new();
    walk(&dist, "", &mut files)?;
    let mut table = String::from("&[\n");
    for (path, file) in &files {
        if twin_of(path).is_some_and(|of| files.contains_key(of)) {
            continue;
        }
        let twin = |end: &str| match files.get(&format!("{path}{end}")) {
            Some(twin) => format!("Some(include_bytes!({twin:?}))"),
            None => "None".to_owned(),
        };
        let _ = writeln!(
            table,
            "    File {{ path: {path:?}, hash: \"{:016x}\", plain: include_bytes!({file:?}), \
             br: {}, gzip: {} }},",
            fnv1a(&fs::read(file)?),
            twin(".br"),
            twin(".gz"),
        );
    }
    table.push_str("]\n");
    fs::write(Path::new(&var("OUT_DIR")).join("files.rs"), table)
}

fn var(name: &str) -> String {
    env::var(name).expect("cargo sets it")
}

/// The file that `path` is a compressed form of, if its name says so.
fn twin_of(path: &str) -> Option<&str> {
    path.strip_suffix(".br").or(path.strip_suffix(".gz"))
}

/// Adds all files below `dir`, by their path from the top with `/`.
fn walk(dir: &Path, prefix: &str, files: &mut BTreeMap<String, PathBuf>) -> io::Result<()> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{prefix}{name}");
        match entry.file_type()?.is_dir() {
            true => walk(&entry.path(), &format!("{path}/"), files)?,
            false => drop(files.insert(path, entry.path())),
        }
    }
    Ok(())
}

/// A hash that tells two builds of a file apart.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
