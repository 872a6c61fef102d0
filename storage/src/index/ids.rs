//! Which rows may have an id: for each block of rows the set of its ids' hashes.
//!
//! An id is a word that hardly any other row has: in a dictionary it would take ten bytes and more.
//! Here it takes 13 bits, and names a block of rows instead of a row.
//!
//! ```text
//! blocks u32 | end of each block's set, counted from the first, u32 | sets
//! set: n u32 | upper: 2 n bits, in words of 64 | lower: n times REST_BITS bits
//! ```
//!
//! All little-endian. A set is n hashes, scaled to n << REST_BITS and sorted (Elias and Fano): of each
//! the upper part, one of n buckets, as ones that a zero ends for each bucket; and the rest as it is.
//! A hash that is not in a set is found in it once in 2^REST_BITS times.

use tantivy::directory::OwnedBytes;
use xxhash_rust::xxh3::xxh3_64;

use super::failed;
use crate::Result;

/// Rows of a block, about as many as a page of bodies has.
pub(super) const BLOCK_ROWS: u32 = 1024;
/// Bits of a hash that are kept beside its bucket.
const REST_BITS: u32 = 11;

/// What stands for an id. Frozen: bundles hold it.
pub(super) fn hash(id: &str) -> u64 {
    xxh3_64(id.as_bytes())
}

/// What stands for the trace id `id`: the same as for its digits in a text.
pub(super) fn of_trace(id: impl AsRef<[u8]>) -> u64 {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |four: u8| char::from(DIGITS[usize::from(four & 15)]);
    let bytes = id.as_ref().iter();
    let digits: String = bytes
        .flat_map(|byte| [digit(byte >> 4), digit(*byte)])
        .collect();
    hash(&digits)
}

/// The sets of a piece, being gathered.
#[derive(Debug, Default)]
pub(super) struct IdsWriter {
    /// Those of the open block.
    hashes: Vec<u64>,
    rows: u32,
    ends: Vec<u32>,
    sets: Vec<u8>,
}

impl IdsWriter {
    /// Adds the next row with the ids whose hashes are in `hashes`, which is empty then.
    pub(super) fn add_row(&mut self, hashes: &mut Vec<u64>) {
        self.hashes.append(hashes);
        self.rows += 1;
        if self.rows == BLOCK_ROWS {
            self.end_block();
        }
    }

    /// Memory that this takes.
    pub(super) fn memory_bytes(&self) -> usize {
        self.hashes.capacity() * size_of::<u64>() + self.sets.capacity()
    }

    fn end_block(&mut self) {
        self.hashes.sort_unstable();
        self.hashes.dedup();
        write_set(&self.hashes, &mut self.sets);
        self.ends.push(self.sets.len() as u32);
        self.hashes.clear();
        self.rows = 0;
    }

    /// The bytes of all sets.
    pub(super) fn finish(mut self) -> Vec<u8> {
        if self.rows > 0 {
            self.end_block();
        }
        let numbers = std::iter::once(self.ends.len() as u32).chain(self.ends);
        let mut bytes: Vec<u8> = numbers.flat_map(u32::to_le_bytes).collect();
        bytes.append(&mut self.sets);
        bytes
    }
}

/// Where `hash` is in a set of `count`.
fn scaled(hash: u64, count: usize) -> (usize, u64) {
    let value = (u128::from(hash) * ((count as u128) << REST_BITS)) >> u64::BITS;
    let rest = value as u64 & ((1 << REST_BITS) - 1);
    ((value >> REST_BITS) as usize, rest)
}

/// Appends the set of `hashes`, which ascend.
fn write_set(hashes: &[u64], out: &mut Vec<u8>) {
    let count = hashes.len();
    out.extend_from_slice(&(count as u32).to_le_bytes());
    let mut upper = vec![0u64; (2 * count).div_ceil(64)];
    let mut lower = vec![0u8; (count * REST_BITS as usize).div_ceil(8)];
    for (at, hash) in hashes.iter().enumerate() {
        let (bucket, rest) = scaled(*hash, count);
        // As many ones before it as hashes, as many zeros as buckets.
        let bit = at + bucket;
        upper[bit / 64] |= 1 << (bit % 64);
        let first = at * REST_BITS as usize;
        let shifted = rest << (first % 8);
        for (byte, value) in lower[first / 8..].iter_mut().zip(shifted.to_le_bytes()) {
            *byte |= value;
        }
    }
    out.extend(upper.iter().flat_map(|word| word.to_le_bytes()));
    out.extend_from_slice(&lower);
}

/// Whether `hash` may be in `set`; yes where the set does not make sense.
fn may_have(set: &[u8], hash: u64) -> bool {
    let Some((count, set)) = set.split_first_chunk::<4>() else {
        return true;
    };
    let count = u32::from_le_bytes(*count) as usize;
    if count == 0 {
        return false;
    }
    let Some((upper, lower)) = set.split_at_checked((2 * count).div_ceil(64) * 8) else {
        return true;
    };
    let (bucket, rest) = scaled(hash, count);
    let (upper, _) = upper.as_chunks::<8>();
    let word = |at: usize| upper.get(at).map(|word| u64::from_le_bytes(*word));
    // Past as many zeros as there are buckets before.
    let (mut at, mut zeros) = (0, bucket as u32);
    let mut bit = 0;
    while zeros > 0 {
        let Some(word) = word(at) else {
            return true;
        };
        let here = word.count_zeros();
        if here >= zeros {
            let mut left = !word;
            (1..zeros).for_each(|_| left &= left - 1);
            bit = at * 64 + left.trailing_zeros() as usize + 1;
            break;
        }
        zeros -= here;
        at += 1;
    }
    // The hashes of the bucket.
    loop {
        let Some(word) = word(bit / 64) else {
            return true;
        };
        if word >> (bit % 64) & 1 == 0 {
            return false;
        }
        match rest_at(lower, bit - bucket) {
            Some(found) if found != rest => bit += 1,
            _ => return true,
        }
    }
}

/// The rest of hash number `at`.
fn rest_at(lower: &[u8], at: usize) -> Option<u64> {
    let first = at * REST_BITS as usize;
    let bytes = lower.get(first / 8..(first + REST_BITS as usize).div_ceil(8))?;
    let mut value = [0; 8];
    value.get_mut(..bytes.len())?.copy_from_slice(bytes);
    Some(u64::from_le_bytes(value) >> (first % 8) & ((1 << REST_BITS) - 1))
}

/// The sets of a piece.
pub(super) struct Ids {
    bytes: OwnedBytes,
    blocks: usize,
}

impl Ids {
    /// The sets that [`IdsWriter::finish`] made. Errors: `Corrupt`.
    pub(super) fn open(bytes: OwnedBytes) -> Result<Ids> {
        let blocks = bytes.first_chunk::<4>().map(|n| u32::from_le_bytes(*n));
        match blocks.map(|blocks| blocks as usize) {
            Some(blocks) if bytes.len() / 4 > blocks => Ok(Ids { bytes, blocks }),
            _ => Err(failed("the sets of ids are cut short")),
        }
    }

    /// The blocks, by number, that may have all ids with these `hashes`.
    pub(super) fn blocks_with(&self, hashes: &[u64]) -> Vec<u32> {
        let (ends, sets) = self.bytes[4..].split_at(4 * self.blocks);
        let (ends, _) = ends.as_chunks::<4>();
        let mut start = 0;
        let mut found = Vec::new();
        for (block, end) in (0..).zip(ends) {
            let end = u32::from_le_bytes(*end) as usize;
            let set = sets.get(start..end).unwrap_or_default();
            if hashes.iter().all(|hash| may_have(set, *hash)) {
                found.push(block);
            }
            start = end;
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(rows: &[Vec<u64>]) -> Vec<u8> {
        let mut writer = IdsWriter::default();
        for row in rows {
            writer.add_row(&mut row.clone());
        }
        writer.finish()
    }

    fn opened(bytes: Vec<u8>) -> Ids {
        Ids::open(OwnedBytes::new(bytes)).expect("opens")
    }

    proptest! {
        /// Scenario: sets of any hashes, the least and the largest among them, none, the same twice.
        /// Guarantees: each hash is found in its set.
        #[test]
        fn a_set_has_its_hashes(
            mut hashes in prop::collection::vec(
                prop_oneof![any::<u64>(), Just(0), Just(u64::MAX), 0u64..9], 0..300),
        ) {
            let ids = opened(written(&[hashes.clone()]));
            for hash in hashes.drain(..) {
                prop_assert_eq!(ids.blocks_with(&[hash]), [0]);
            }
        }

        /// Scenario: sets that are cut short, or have any bytes.
        /// Guarantees: no panic; a set that is cut says that it may have anything.
        #[test]
        fn damage_never_hides(bytes in prop::collection::vec(any::<u8>(), 0..64), cut in 0usize..64) {
            if let Ok(ids) = Ids::open(OwnedBytes::new(bytes)) {
                ids.blocks_with(&[7, u64::MAX]);
            }
            let mut set = Vec::new();
            write_set(&[1, 2, 3 << 60], &mut set);
            prop_assert!(may_have(&set[..cut % set.len()], 2));
        }
    }

    /// Scenario: three blocks of rows with ids of their own and one of two of them; ids of no row.
    /// Guarantees: blocks are named by number; both ids of a search must be in a block; hardly any
    /// block is named for an id that it does not have, at 13 bits an id.
    #[test]
    fn blocks_are_named() {
        let id = |number: u64| hash(&format!("{number:08x}"));
        let mut rows: Vec<Vec<u64>> = (0..2500)
            .map(|row| vec![id(row), id(row + 10_000)])
            .collect();
        rows[5].push(id(77_777));
        rows[2100].push(id(77_777));
        let bytes = written(&rows);
        let bits = bytes.len() as f64 * 8.0 / 5000.0;
        assert!(bits < 13.2, "{bits}");
        let ids = opened(bytes);
        assert!(ids.blocks_with(&[id(0)]).contains(&0));
        assert!(ids.blocks_with(&[id(1024)]).contains(&1));
        assert_eq!(ids.blocks_with(&[id(77_777)]), [0, 2]);
        assert_eq!(ids.blocks_with(&[id(77_777), id(2100), id(12_100)]), [2]);
        let wrong: usize = (50_000..60_000)
            .map(|n| ids.blocks_with(&[id(n)]).len())
            .sum();
        assert!(wrong < 60, "{wrong} of 30,000");
        assert_eq!(
            opened(IdsWriter::default().finish()).blocks_with(&[1]),
            [0; 0]
        );
    }
}
