//! Writes requests to files instead of sending them, so that other systems can be fed the same:
//! each after its length in 4 big-endian bytes, as `oriel send` reads them.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::sync_channel;

use anyhow::{Context, Result, bail};
use oriel_proto::Signal;

use super::load::Times;
use super::traffic::{Body, LANES, Lane, Profile};

/// Requests that a lane may be ahead of the writer.
const AHEAD: usize = 64;

/// What was written.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) files: Vec<PathBuf>,
    pub(crate) requests: u64,
    pub(crate) records: u64,
    /// Bytes of requests, before the files were compressed.
    pub(crate) bytes: u64,
}

enum Out {
    Plain(BufWriter<File>),
    Packed(zstd::Encoder<'static, BufWriter<File>>),
}

impl Out {
    fn create(path: &Path) -> Result<Out> {
        let shown = path.display();
        let file = File::create(path).with_context(|| format!("creating {shown}"))?;
        let file = BufWriter::with_capacity(1 << 20, file);
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        Ok(match name.strip_suffix(".zst") {
            Some(inner) if inner.ends_with(".binpb") => Out::Packed(zstd::Encoder::new(file, 1)?),
            None if name.ends_with(".binpb") => Out::Plain(file),
            _ => bail!("{shown}: name it .binpb or .binpb.zst, or name a directory"),
        })
    }

    fn write(&mut self, body: &Body) -> Result<()> {
        let length =
            u32::try_from(body.bytes.len()).context("a request of 4 GiB: lower --batch")?;
        let out: &mut dyn Write = match self {
            Out::Plain(file) => file,
            Out::Packed(encoder) => encoder,
        };
        out.write_all(&length.to_be_bytes())?;
        out.write_all(&body.bytes)?;
        Ok(())
    }

    fn finish(self) -> Result<()> {
        match self {
            Out::Plain(mut file) => file.flush()?,
            Out::Packed(encoder) => encoder.finish()?.flush()?,
        }
        Ok(())
    }
}

/// The file of each signal: `path` itself, or `<path>/<signal>.binpb.zst`.
fn files(profile: &Profile, path: &Path) -> Result<BTreeMap<Signal, PathBuf>> {
    let mut signals: Vec<Signal> = profile.signals.iter().map(|(signal, _)| *signal).collect();
    signals.sort_unstable();
    signals.dedup();
    let name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let is_file = !path.is_dir() && (name.ends_with(".binpb") || name.ends_with(".zst"));
    if !is_file {
        std::fs::create_dir_all(path).with_context(|| format!("creating {}", path.display()))?;
    }
    if is_file && signals.len() > 1 {
        bail!(
            "{}: a file holds one signal; name a directory",
            path.display()
        );
    }
    let file = |signal: Signal| match is_file {
        true => path.to_owned(),
        false => path.join(format!("{signal}.binpb.zst")),
    };
    Ok(signals
        .into_iter()
        .map(|signal| (signal, file(signal)))
        .collect())
}

/// Writes all requests of `profile`, whose count must be set, to `path`.
///
/// Errors: a name of no known kind, a full disk.
pub(crate) fn write(profile: &Profile, times: Times, path: &Path) -> Result<Written> {
    let files = files(profile, path)?;
    let mut outs = BTreeMap::new();
    for (signal, path) in &files {
        outs.insert(*signal, Out::create(path)?);
    }
    let mut written = Written {
        files: files.into_values().collect(),
        ..Written::default()
    };
    std::thread::scope(|scope| -> Result<()> {
        let lanes: Vec<_> = (0..LANES)
            .map(|lane| {
                let (sender, receiver) = sync_channel(AHEAD);
                scope.spawn(move || {
                    let mut lane = Lane::new(profile, lane);
                    loop {
                        let number = lane.number();
                        let before = number * u64::from(profile.batch);
                        let (newest, step) = times.of(before, profile.records(number));
                        let Some(body) = lane.next(newest, step) else {
                            return;
                        };
                        if sender.send(body).is_err() {
                            return;
                        }
                    }
                });
                receiver
            })
            .collect();
        for lane in (0..LANES as usize).cycle() {
            let Ok(body) = lanes[lane].recv() else {
                break;
            };
            written.requests += 1;
            written.records += body.records;
            written.bytes += body.bytes.len() as u64;
            let out = outs
                .get_mut(&body.signal)
                .expect("files() has every signal");
            out.write(&body)?;
        }
        Ok(())
    })?;
    for out in outs.into_values() {
        out.finish()?;
    }
    Ok(written)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::args::IngestArgs;
    use super::*;
    use crate::commands::send::read::{Request, Requests};

    #[derive(Parser)]
    struct Ingest {
        #[command(flatten)]
        args: IngestArgs,
    }

    fn profile(flags: &str) -> Profile {
        let words = std::iter::once("ingest").chain(flags.split_whitespace());
        Ingest::try_parse_from(words)
            .expect("parses")
            .args
            .profile()
    }

    const TIMES: Times = Times::Steps {
        first: 1_795_392_000_000_000_000,
        step: 1_000,
    };

    /// Scenario: a mixed corpus in a directory, a single signal in plain and packed files, twice.
    /// Guarantees: `oriel send` reads every record back; the same seed writes the same bytes.
    #[test]
    fn what_is_written_can_be_sent() {
        let dir = tempfile::tempdir().expect("a directory");
        let mixed = profile("--count 3000 --batch 100 --signal traces,logs,metrics");
        let written = write(&mixed, TIMES, &dir.path().join("mixed")).expect("writes");
        assert_eq!(
            (written.requests, written.records, written.files.len()),
            (30, 3_000, 3)
        );
        let read = |path: &Path| -> Vec<Request> {
            let requests = Requests::open(path, Some(Signal::Logs)).expect("opens");
            requests.map(|request| request.expect("reads")).collect()
        };
        let count = |path: &PathBuf| -> u64 {
            let requests = Requests::open(path, None).expect("opens");
            requests
                .map(|request| request.expect("reads").records())
                .sum()
        };
        assert_eq!(written.files.iter().map(count).sum::<u64>(), 3_000);

        let logs = profile("--count 500 --batch 64 --signal logs");
        let paths = ["a.binpb", "b.binpb.zst"].map(|name| dir.path().join(name));
        let bodies = paths.clone().map(|path| {
            write(&logs, TIMES, &path).expect("writes");
            let bodies: Vec<_> = read(&path)
                .into_iter()
                .map(|request| request.body)
                .collect();
            bodies
        });
        assert_eq!(bodies[0].len(), 8);
        assert_eq!(bodies[0], bodies[1]);
    }

    /// Scenario: two signals for one file, a file of another kind.
    /// Guarantees: refused, with what to do.
    #[test]
    fn says_what_cannot_be_written() {
        let dir = tempfile::tempdir().expect("a directory");
        let refused = |flags: &str, name: &str| {
            let error = write(&profile(flags), TIMES, &dir.path().join(name)).expect_err("refused");
            format!("{error:#}")
        };
        assert!(refused("--count 9 --signal traces,logs", "x.binpb").contains("a directory"));
        assert!(refused("--count 9", "traces.json.zst").contains(".binpb.zst"));
    }
}
