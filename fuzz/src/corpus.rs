//! Runs a fuzz body over its corpus and over random changes of it, on stable Rust.
//!
//! `ORIEL_FUZZ_CASES` says how many changed inputs are tried for each target (1,100 unless set);
//! `ORIEL_FUZZ_SEED` starts other ones.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;

/// Inputs grow to this at most.
const BYTES_MAX: usize = 1 << 16;

/// Runs `body` over the files of `fuzz/corpus/<target>`, then over random changes of them. Prints
/// how many inputs there were; where one makes the body panic, which one.
pub fn run(target: &str, body: fn(&[u8])) {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let cases: u64 = number("ORIEL_FUZZ_CASES").unwrap_or(1100);
    let seed: u64 = number("ORIEL_FUZZ_SEED").unwrap_or(1);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(target);
    let entries = std::fs::read_dir(&folder).expect("the target has a corpus");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("a file").path()).collect();
    paths.sort();
    let inputs: Vec<_> = paths
        .iter()
        .map(|path| std::fs::read(path).expect("a file"))
        .collect();
    assert!(inputs.len() > 5, "{target} has hardly any corpus");
    for (path, input) in paths.iter().zip(&inputs) {
        tell(body, input, &path.display().to_string());
    }
    for case in 0..cases {
        let mut random = Random(seed.wrapping_mul(1_000_003).wrapping_add(case));
        let input = change(&inputs, &mut random);
        tell(
            body,
            &input,
            &format!("{target}: ORIEL_FUZZ_SEED={seed}, case {case}"),
        );
    }
    let tried = inputs.len() as u64 + cases;
    eprintln!("PROOF | decoder: {target} | {tried} | {tried} |");
}

/// Runs `body`; where it panics, says on which input.
fn tell(body: fn(&[u8]), input: &[u8], what: &str) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| body(input))) {
        let shown = &input[..input.len().min(300)];
        eprintln!("{what} ({} bytes): {}", input.len(), shown.escape_ascii());
        resume_unwind(panic);
    }
}

/// One of the inputs after one to eight changes.
fn change(inputs: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut bytes = inputs[random.below(inputs.len())].clone();
    for _ in 0..=random.below(8) {
        let at = random.below(bytes.len() + 1);
        let end = bytes.len().min(at + 1 + random.below(40));
        match random.below(8) {
            0 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
            1 if at < bytes.len() => {
                bytes[at] = [0, 1, 0x7f, 0x80, 0xff, b'"', b'{'][random.below(7)]
            }
            2 => drop(bytes.drain(at..end)),
            3 => bytes.truncate(at),
            4 => {
                let twice = bytes[at..end].to_vec();
                let _ = bytes.splice(at..at, twice);
            }
            5 => {
                let other = &inputs[random.below(inputs.len())];
                let from = random.below(other.len() + 1);
                let to = other.len().min(from + random.below(200));
                let _ = bytes.splice(at..end, other[from..to].iter().copied());
            }
            6 => {
                let _ = bytes.splice(at..at, [0xff; 9]);
            }
            _ => {
                for byte in &mut bytes[at..end] {
                    *byte = random.below(256) as u8;
                }
            }
        }
    }
    bytes.truncate(BYTES_MAX);
    bytes
}

/// splitmix64.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) % bound as u64) as usize
    }
}
