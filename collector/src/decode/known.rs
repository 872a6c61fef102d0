//! Messages that come again and again, such as the Resource that each request of a client repeats: what
//! was made of them is kept by their bytes.
//!
//! Memory: at most [`MESSAGES_MAX`] messages, and [`BYTES_MAX`] bytes of them and of what was made of them; when
//! either is full, all are forgotten.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_64;

/// Messages that are kept.
const MESSAGES_MAX: usize = 256;

/// Bytes that are kept, of messages and of what was made of them.
const BYTES_MAX: usize = 512 << 10;

/// Messages that need more, what was made of them included, are read each time.
const MESSAGE_BYTES_MAX: usize = 32 << 10;

/// What was made of messages of one type, by hash of the message.
#[derive(Debug)]
pub(super) struct Known<T> {
    by_hash: HashMap<u64, (Box<[u8]>, Arc<T>)>,
    bytes: usize,
}

impl<T> Default for Known<T> {
    fn default() -> Self {
        Known {
            by_hash: HashMap::new(),
            bytes: 0,
        }
    }
}

impl<T> Known<T> {
    /// What was made of `message` before, or what `read` makes of it now, in how many bytes, which is
    /// kept unless it fails.
    pub(super) fn get_or_read<E>(
        &mut self,
        message: &[u8],
        read: impl FnOnce() -> Result<(usize, T), E>,
    ) -> Result<Arc<T>, E> {
        if message.len() > MESSAGE_BYTES_MAX {
            return read().map(|(_, made)| Arc::new(made));
        }
        let hash = xxh3_64(message);
        if let Some((known, made)) = self.by_hash.get(&hash)
            && **known == *message
        {
            return Ok(Arc::clone(made));
        }
        let (made_bytes, made) = read()?;
        let (bytes, made) = (message.len() + made_bytes, Arc::new(made));
        if bytes > MESSAGE_BYTES_MAX {
            return Ok(made);
        }
        if self.by_hash.len() >= MESSAGES_MAX || self.bytes + bytes > BYTES_MAX {
            self.by_hash.clear();
            self.bytes = 0;
        }
        // Of two messages with one hash the first is kept.
        if let Entry::Vacant(entry) = self.by_hash.entry(hash) {
            entry.insert((message.into(), Arc::clone(&made)));
            self.bytes += bytes;
        }
        Ok(made)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: messages of 40 bytes and of 12 KiB come twice each, many more than are kept; one
    /// cannot be read; one is too large to be kept, and so is what is made of another.
    /// Guarantees: a message is read once while it is kept, and gives what it gave; what failed is read
    /// again; memory is bounded.
    #[test]
    fn messages_are_read_once() {
        let mut known = Known::default();
        for length in [40, 12 << 10] {
            for i in 0..2_000u32 {
                let mut message = vec![0; length];
                message[..4].copy_from_slice(&i.to_le_bytes());
                let made = known.get_or_read(&message, || Ok::<_, ()>((length, i)));
                assert_eq!(made.as_deref(), Ok(&i));
                let again = known.get_or_read(&message, || Err(()));
                assert_eq!(again, made);
                assert!(known.by_hash.len() <= MESSAGES_MAX && known.bytes <= BYTES_MAX);
            }
        }
        assert_eq!(known.get_or_read(b"bad", || Err(1)), Err(1));
        let good = known.get_or_read(b"bad", || Ok::<_, u32>((3, 7)));
        assert_eq!(good.as_deref(), Ok(&7));
        for (message, made) in [(MESSAGE_BYTES_MAX + 1, 0), (9, MESSAGE_BYTES_MAX)] {
            let message = vec![1; message];
            for i in 0..2 {
                let read = known.get_or_read(&message, || Ok::<_, ()>((made, i)));
                assert_eq!(read.as_deref(), Ok(&i));
            }
        }
    }
}
