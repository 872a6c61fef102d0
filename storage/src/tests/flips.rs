//! One flipped bit in any file of a store: equal answers, a named error, or rows that are missing by
//! name. Never other rows, never fewer without a word.
//!
//! `ORIEL_FLIPS` says how many bits are tried (10,000 in `make soak`).

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use super::rows::{Rows, SIGNALS, check_words, rows};
use crate::layout::Layout;
use crate::part::sample::Random;
use crate::schema::Table;
use crate::testing::{Home, Request};
use crate::{ErrorKind, Store, TenantId, lock};

/// The files of a store that was killed, with its rows in parts and in the log.
struct Template {
    _home: Home,
    root: PathBuf,
    files: Vec<(PathBuf, Vec<u8>)>,
    rows: HashMap<Table, Rows>,
}

async fn template() -> Template {
    let mut home = Home::in_memory();
    home.config.compact_parts_min = 2;
    home.config.index_rows_min = 1;
    let store = home.open().await;
    for number in 0..8 {
        let tables = [(Table::Spans, 3), (Table::Logs, 2), (Table::Metrics, 1)];
        let request = Request::new(number, &tables);
        request.send(&store).await.unwrap();
        match number {
            1 | 3 | 5 => store.flush().await.unwrap(),
            4 => store.compact().await.unwrap(),
            _ => {}
        }
    }
    let rows = shown(&store).await.unwrap();
    drop(store);
    free(&home).await;
    let root = home.config.data_dir.clone();
    let mut files = Vec::new();
    collect(&root, &mut files);
    let files = files
        .into_iter()
        .filter(|path| !path.ends_with("LOCK"))
        .map(|path| {
            let bytes = std::fs::read(&path).unwrap();
            (path.strip_prefix(&root).unwrap().to_owned(), bytes)
        })
        .collect();
    Template {
        _home: home,
        root,
        files,
        rows,
    }
}

async fn free(home: &Home) {
    let layout = Layout::new(&home.config.data_dir);
    while lock::hold(&layout).is_err() {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => collect(&path, files),
            false => files.push(path),
        }
    }
}

/// All rows, or what is wrong with a part.
async fn shown(store: &Store) -> Result<HashMap<Table, Rows>, String> {
    let snapshot = store.snapshot(&TenantId::default_tenant());
    let mut all = HashMap::new();
    for table in SIGNALS.into_iter().chain([Table::Traces]) {
        all.insert(table, rows(store, &snapshot, table, false).await?);
    }
    Ok(all)
}

/// Scenario: one bit of one file of a killed store is flipped, many times: in the catalog and its
/// log, in parts, in their word indexes, in segments, in VERSION; the store is opened and everything is read.
/// Guarantees: the answer is the same; or opening fails and says what is damaged; or rows are
/// missing, and a snapshot, the counter of damaged parts or `wal/quarantine` names them. No row is
/// ever different or new.
#[tokio::test(flavor = "multi_thread")]
async fn flipped_bits_are_never_believed() {
    let flips = std::env::var("ORIEL_FLIPS").ok();
    let flips: u64 = flips.and_then(|text| text.parse().ok()).unwrap_or(250);
    let template = template().await;
    let mut random = Random::new(4711);
    let mut outcomes = HashMap::<&str, u64>::new();
    let mut tried = BTreeMap::<&str, u64>::new();
    for flip in 0..flips {
        // Every kind of file alike, however large.
        let kinds = [".wal", ".parquet", "catalog.sqlite", ".words", "VERSION"];
        let kind = kinds[random.below(17) as usize / 4];
        let of_kind = |path: &Path| path.to_str().is_some_and(|path| path.contains(kind));
        let those: Vec<_> = template
            .files
            .iter()
            .filter(|(path, _)| of_kind(path))
            .collect();
        let (path, bytes) = those[random.below(those.len() as u64) as usize];
        if bytes.is_empty() {
            continue;
        }
        let bit = random.below(bytes.len() as u64 * 8);
        let at = format!("flip {flip}: bit {bit} of {}", path.display());
        let outcome = try_flip(&template, path, bit, &at).await;
        *outcomes.entry(outcome).or_default() += 1;
        *tried.entry(kind).or_default() += 1;
    }
    for (kind, tried) in tried {
        eprintln!("PROOF | flipped bits: {kind} | {tried} | {tried} |");
    }
    eprintln!("{flips} flipped bits: {outcomes:?}");
    assert!(outcomes.len() >= 3, "{outcomes:?}");
}

async fn try_flip(template: &Template, path: &Path, bit: u64, at: &str) -> &'static str {
    let home = Home::in_memory();
    let root = &home.config.data_dir;
    for (path, bytes) in &template.files {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    assert_ne!(*root, template.root);
    let mut bytes = std::fs::read(root.join(path)).unwrap();
    bytes[bit as usize / 8] ^= 1 << (bit % 8);
    std::fs::write(root.join(path), bytes).unwrap();
    let store = match home.try_open().await {
        Ok(store) => store,
        Err(error) => {
            let named = matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Invalid)
                || error.to_string().contains("catalog");
            assert!(named, "{at}: {error:?}");
            return "refused to open";
        }
    };
    let mut found = shown(&store).await;
    let read_error = found.is_err();
    for _ in 0..20 {
        // Each damaged part is found at its first read.
        if found.is_err() {
            found = shown(&store).await;
        }
    }
    let found = found.unwrap_or_else(|error| panic!("{at}: {error}"));
    let snapshot = store.snapshot(&TenantId::default_tenant());
    check_words(&store, &snapshot, at).await;
    if found == template.rows {
        return match read_error {
            true => "an error, then equal",
            false => "equal",
        };
    }
    for (table, rows) in &found {
        // Summaries are made of what is left; they are derived.
        let derived = *table == Table::Traces;
        for (row, count) in rows {
            let want = template.rows[table].get(row).copied().unwrap_or(0);
            assert!(*count <= want || derived, "{at}: {table} has {row}");
        }
    }
    let snapshot = store.snapshot(&TenantId::default_tenant());
    let missing = Table::ALL
        .iter()
        .any(|table| !snapshot.missing(*table).is_empty());
    let quarantined = root.join("wal/quarantine").exists();
    assert!(
        missing || quarantined,
        "{at}: rows are missing without a word"
    );
    "missing by name"
}
