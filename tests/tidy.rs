//! Rules of the repository that no compiler checks: who imports whom, how long a file may be, what
//! may not be left behind. CONTRIBUTING.md gives the reasons.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Lines of production code (above the inline test module) that a file should and must not exceed.
const LINES_SHOULD: usize = 500;
const LINES_MUST: usize = 700;

/// Bytes that a file outside tests/data may have.
const BLOB_BYTES_MAX: u64 = 256 << 10;

/// Who may depend on whom within the workspace; nothing else.
const EDGES: &[(&str, &[&str])] = &[
    (
        "oriel",
        &[
            "oriel-collector",
            "oriel-proto",
            "oriel-query",
            "oriel-storage",
            "oriel-ui",
        ],
    ),
    ("oriel-collector", &["oriel-proto", "oriel-storage"]),
    ("oriel-query", &["oriel-proto", "oriel-storage"]),
    ("oriel-storage", &["oriel-proto"]),
    ("oriel-proto", &[]),
    ("oriel-ui", &[]),
];

/// Crates that only one member may use.
const ONLY: &[(&str, &str)] = &[
    ("datafusion", "oriel-query"),
    ("rusqlite", "oriel-storage"),
    ("tantivy", "oriel-storage"),
    ("anyhow", "oriel"),
    ("tower-http", "oriel-collector"),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All files of the repository: what git knows or would add, or everything that is not obviously
/// built where there is no git.
fn files() -> Vec<PathBuf> {
    let git = Command::new("git")
        .args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ])
        .current_dir(root())
        .output();
    let mut files: Vec<PathBuf> = match git {
        Ok(out) if out.status.success() => String::from_utf8(out.stdout)
            .expect("paths are UTF-8")
            .split_terminator('\0')
            .map(PathBuf::from)
            .filter(|path| root().join(path).is_file())
            .collect(),
        _ => {
            let mut found = Vec::new();
            walk(root(), &mut found);
            found
        }
    };
    files.sort();
    files
}

fn walk(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).expect("a readable directory") {
        let path = entry.expect("an entry").path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let built = ["target", "node_modules", "oriel-data", "__pycache__"].contains(&&*name);
        if built || name.starts_with('.') && name != ".ci" {
            continue;
        }
        match path.is_dir() {
            true => walk(&path, found),
            false => found.push(
                path.strip_prefix(root())
                    .expect("below the root")
                    .to_owned(),
            ),
        }
    }
}

/// The Rust files with their text.
fn sources() -> Vec<(PathBuf, String)> {
    files()
        .into_iter()
        .filter(|path| path.extension().is_some_and(|ext| ext == "rs"))
        .map(|path| {
            let text = fs::read_to_string(root().join(&path)).expect("Rust files are UTF-8");
            (path, text)
        })
        .collect()
}

fn is_test(path: &Path) -> bool {
    path.components()
        .any(|part| part.as_os_str() == "tests" || part.as_os_str() == "benches")
        || path.file_name().is_some_and(|name| name == "tests.rs")
}

/// The lines above the inline test module.
fn production_lines(text: &str) -> usize {
    let lines: Vec<&str> = text.lines().collect();
    lines
        .windows(2)
        .position(|two| two[0] == "#[cfg(test)]" && two[1].starts_with("mod tests {"))
        .unwrap_or(lines.len())
}

fn fail_on(faults: Vec<String>) {
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

/// Scenario: the dependencies of every member, as cargo reads them.
/// Guarantees: data flows one way: the binary over collector and query to storage to proto, and
/// DataFusion, SQLite and anyhow stay in their one place (dev-dependencies aside).
#[test]
fn import_edges() {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let out = Command::new(cargo)
        .args([
            "metadata",
            "--offline",
            "--no-deps",
            "--format-version",
            "1",
        ])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(
        out.status.success(),
        "{}",
        String::from_utf8_lossy(&out.stderr)
    );
    let metadata: serde_json::Value = serde_json::from_slice(&out.stdout).expect("JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    let mut faults = Vec::new();
    for package in packages {
        let name = package["name"].as_str().expect("a name");
        let Some((_, allowed)) = EDGES.iter().find(|(member, _)| *member == name) else {
            faults.push(format!(
                "{name} is a new member: add it to EDGES and ARCHITECTURE.md"
            ));
            continue;
        };
        for dependency in package["dependencies"].as_array().expect("dependencies") {
            let target = dependency["name"].as_str().expect("a name");
            if dependency["kind"] == "dev" {
                continue;
            }
            if dependency["path"].is_string() && !allowed.contains(&target) {
                faults.push(format!("{name} may not depend on {target}"));
            }
            let alone = ONLY.iter().find(|(only, _)| *only == target);
            if let Some((_, owner)) = alone
                && *owner != name
            {
                faults.push(format!("only {owner} may use {target}, {name} does too"));
            }
        }
    }
    assert_eq!(packages.len(), EDGES.len());
    fail_on(faults);
}

/// Scenario: the production code of every Rust file.
/// Guarantees: files fit a sitting: over 500 lines is reported, over 700 fails; src/main.rs, the
/// composition root, fits two screens.
#[test]
fn files_fit_a_sitting() {
    let mut faults = Vec::new();
    for (path, text) in sources().iter().filter(|(path, _)| !is_test(path)) {
        let lines = production_lines(text);
        let must = if path == Path::new("src/main.rs") {
            120
        } else {
            LINES_MUST
        };
        if lines > must {
            faults.push(format!("{}: {lines} lines, at most {must}", path.display()));
        } else if lines > LINES_SHOULD {
            eprintln!(
                "{}: {lines} lines, better at most {LINES_SHOULD}",
                path.display()
            );
        }
    }
    fail_on(faults);
}

/// Scenario: the first line of every Rust file.
/// Guarantees: each says what it is for.
#[test]
fn files_open_with_their_purpose() {
    let faults = sources()
        .into_iter()
        .filter(|(_, text)| !text.starts_with("//! ") || text.len() < 30)
        .map(|(path, _)| format!("{}: no `//!` purpose in the first line", path.display()))
        .collect();
    fail_on(faults);
}

/// Scenario: every line of every Rust file, Makefile and script.
/// Guarantees: no debugging aid, no unfinished place, no skipped test, no conflict marker.
#[test]
fn nothing_is_left_behind() {
    let markers = [
        concat!("db", "g!("),
        concat!("to", "do!("),
        concat!("unim", "plemented!("),
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("XX", "X"),
        concat!("#[ig", "nore"),
        concat!("<<<<", "<<< "),
        concat!(">>>>", ">>> "),
        concat!("//! place", "holder"),
    ];
    let mut faults = Vec::new();
    for (path, text) in sources() {
        for (number, line) in text.lines().enumerate() {
            if let Some(marker) = markers.iter().find(|marker| line.contains(**marker)) {
                faults.push(format!("{}:{}: {marker}", path.display(), number + 1));
            }
        }
    }
    fail_on(faults);
}

/// Scenario: every Rust file, and the `mod` lines of all others.
/// Guarantees: there is no file that nothing compiles.
#[test]
fn every_file_is_compiled() {
    let sources = sources();
    let named: BTreeSet<String> = sources
        .iter()
        .flat_map(|(_, text)| text.lines())
        .filter_map(|line| {
            let (before, name) = line.trim().strip_suffix(';')?.rsplit_once("mod ")?;
            (before.is_empty() || before.starts_with("pub")).then(|| name.to_owned())
        })
        .collect();
    let roots = ["main", "lib", "build"];
    let faults = sources
        .iter()
        .filter(|(path, _)| {
            let targets = ["benches", "examples", "fuzz_targets"];
            let mut parts = path.components().map(|part| part.as_os_str());
            !parts.any(|part| targets.iter().any(|target| part == *target))
        })
        .filter_map(|(path, _)| {
            let stem = path.file_stem()?.to_str()?;
            let name = match stem {
                "mod" => path.parent()?.file_name()?.to_str()?,
                stem => stem,
            };
            (!roots.contains(&name) && !named.contains(name))
                .then(|| format!("{}: no `mod {name};` names it", path.display()))
        })
        .collect();
    fail_on(faults);
}

/// Scenario: the places where routes are made.
/// Guarantees: every route of the API is made by `routes!`, which describes it: what is served is in
/// /api/v1/openapi.json.
#[test]
fn routes_are_described() {
    let bare = concat!(".route(\"", "/api/v1");
    let faults = sources()
        .into_iter()
        .filter(|(path, text)| !is_test(path) && text.contains(bare))
        .map(|(path, _)| format!("{}: a route without a description", path.display()))
        .collect();
    fail_on(faults);
}

/// Scenario: the types that the description of the API names.
/// Guarantees: no two share a name, by which one would be described as the other.
#[test]
fn described_types_have_distinct_names() {
    let mut places = std::collections::BTreeMap::<String, Vec<String>>::new();
    for (path, text) in sources().iter().filter(|(path, _)| !is_test(path)) {
        let mut described = false;
        for line in text.lines() {
            described |= line.starts_with("#[derive(") && line.contains("ToSchema");
            let line = line.strip_prefix("pub").unwrap_or(line);
            let line = line.strip_prefix("(crate)").unwrap_or(line).trim_start();
            let mut words = line.split(|c: char| !c.is_alphanumeric() && c != '_');
            if described && matches!(words.next(), Some("struct" | "enum")) {
                let name = words.next().unwrap_or_default().to_owned();
                places
                    .entry(name)
                    .or_default()
                    .push(path.display().to_string());
                described = false;
            }
        }
    }
    assert!(places.len() > 10, "the search finds nothing: {places:?}");
    let faults = places
        .into_iter()
        .filter(|(_, files)| files.len() > 1)
        .map(|(name, files)| format!("{name}: {}", files.join(", ")))
        .collect();
    fail_on(faults);
}

/// Scenario: the headings of every Markdown file.
/// Guarantees: one title each.
#[test]
fn markdown_has_one_title() {
    let mut faults = Vec::new();
    for path in files()
        .iter()
        .filter(|path| path.extension().is_some_and(|ext| ext == "md"))
    {
        let text = fs::read_to_string(root().join(path)).expect("Markdown is UTF-8");
        let mut fenced = false;
        let titles = text
            .lines()
            .filter(|line| {
                fenced ^= line.trim_start().starts_with("```");
                !fenced && line.starts_with("# ")
            })
            .count();
        if titles != 1 {
            faults.push(format!(
                "{}: {titles} titles (`# `), want 1",
                path.display()
            ));
        }
    }
    fail_on(faults);
}

/// Scenario: the links between the Markdown files.
/// Guarantees: each leads to a file that exists.
#[test]
fn markdown_links_lead_somewhere() {
    let mut faults = Vec::new();
    for path in files()
        .iter()
        .filter(|path| path.extension().is_some_and(|ext| ext == "md"))
    {
        let text = fs::read_to_string(root().join(path)).expect("Markdown is UTF-8");
        // The head of docs/schema.md is a source file, but its links are read from docs/.
        let folder = match path.ends_with("schema/doc_head.md") {
            true => root().join("docs"),
            false => root().join(path.parent().unwrap_or(Path::new(""))),
        };
        for target in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            let file = target.split('#').next().unwrap_or_default();
            if !file.is_empty() && !file.contains("://") && !folder.join(file).exists() {
                faults.push(format!("{}: link to {target}", path.display()));
            }
        }
    }
    fail_on(faults);
}

/// Scenario: the size of every file outside tests/data.
/// Guarantees: nothing built or recorded slipped in.
#[test]
fn no_large_files() {
    let faults = files()
        .into_iter()
        .filter(|path| !path.starts_with("tests/data"))
        .filter_map(|path| {
            let bytes = fs::metadata(root().join(&path)).ok()?.len();
            (bytes > BLOB_BYTES_MAX).then(|| format!("{}: {bytes} bytes", path.display()))
        })
        .collect();
    fail_on(faults);
}
