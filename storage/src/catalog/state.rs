//! What the catalog remembers beside parts: which of them are damaged, and the time last believed.

use oriel_proto::UnixNanos;

use super::fault::Result;
use super::{Catalog, tables};
use crate::PartId;

impl Catalog {
    /// Marks parts as damaged, with what is wrong, or with `None` as good again.
    ///
    /// Errors: as for [`Catalog::commit`].
    pub(crate) fn mark(&mut self, parts: &[(PartId, Option<String>)]) -> crate::Result<()> {
        let path = self.path.clone();
        self.mark_all(parts)
            .map_err(|fault| fault.at(&path, "marking damaged parts"))
    }

    fn mark_all(&mut self, parts: &[(PartId, Option<String>)]) -> Result<()> {
        let now = self.clock.now();
        let tx = self.db.transaction()?;
        for (id, detail) in parts {
            tables::set_damaged(&tx, *id, now, detail.as_deref())?;
        }
        tx.commit()?;
        Ok(())
    }

    /// Remembers the time believed, for the next start.
    ///
    /// Errors: as for [`Catalog::commit`].
    pub(crate) fn set_clock(&mut self, now: UnixNanos) -> crate::Result<()> {
        tables::set_clock(&self.db, now)
            .map_err(|fault| fault.at(&self.path, "remembering the time"))
    }
}
