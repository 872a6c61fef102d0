//! The step that deletes: count, write anew, commit.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{count, rewrite};
use crate::catalog::CommitKind;
use crate::engine::Engine;
use crate::expire;
use crate::flush::{remove_parts, summarise_part};
use crate::schema::Table;
use crate::{DeleteProgress, Deleted, Error, PartMeta, Result, Selection, TenantId, failpoint};

/// Counts as a merge for those who watch memory, for as long as it lives.
struct Working<'a>(&'a AtomicBool);

impl Drop for Working<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

impl Engine {
    /// Takes the rows of `selection` out of all parts, in one commit; with `dry_run` only counts.
    ///
    /// Asks `go_on` before each part. Errors: its; the disk has no room for the new parts, the file
    /// system or the catalog fails; nothing is changed then.
    pub(crate) fn delete(
        &self,
        tenant: &TenantId,
        selection: &Selection,
        dry_run: bool,
        progress: &DeleteProgress,
        go_on: &dyn Fn() -> Result<()>,
    ) -> Result<Deleted> {
        let _alone = self.alone();
        go_on()?;
        self.merging.store(true, Ordering::Relaxed);
        let _working = Working(&self.merging);
        let mut deleted = Deleted::default();
        let found = self.selected(tenant, selection, progress, &mut deleted, go_on)?;
        self.keep_damage()?;
        let damaged = self.state.damaged().into_iter();
        let damaged = damaged.filter(|damaged| selection.may_hold(tenant, &damaged.part));
        deleted.damaged_parts = damaged.map(|damaged| damaged.part.path.clone()).collect();
        if dry_run || found.is_empty() {
            return Ok(deleted);
        }
        let stays = found.iter().filter(|(part, rows)| *rows < part.rows);
        let stays: u64 = stays.map(|(part, _)| part.bytes).sum();
        if stays > 0 {
            self.disk.refresh();
            self.disk.check(stays)?;
        }
        progress.expect(found.iter().map(|(part, _)| part.bytes).sum());
        let parts = self.state.parts();
        let mut add = Vec::new();
        let made = self.without(selection, &parts, &found, &mut add, progress, go_on);
        let summaries = made.inspect_err(|_| remove_parts(&self.parts, &add))?;
        failpoint::pass("delete", "after_output");
        let mut remove: Vec<_> = found.into_iter().map(|(part, _)| part).collect();
        remove.extend(summaries);
        let done = self.replace(add, remove, CommitKind::Delete);
        done.map_err(|error| match error {
            // Another program has changed the catalog: nothing is wrong with the selection.
            Error::Invalid(reason) => Error::Unavailable { reason },
            error => error,
        })?;
        let rows: u64 = deleted.rows.values().sum();
        metrics::counter!("oriel_deleted_rows_total").increment(rows);
        tracing::info!(rows = ?deleted.rows, parts = deleted.parts, "rows were deleted");
        Ok(deleted)
    }

    /// The parts that hold rows of `selection`, and how many; adds them up in `deleted`.
    fn selected(
        &self,
        tenant: &TenantId,
        selection: &Selection,
        progress: &DeleteProgress,
        deleted: &mut Deleted,
        go_on: &dyn Fn() -> Result<()>,
    ) -> Result<Vec<(Arc<PartMeta>, u64)>> {
        let mut parts = self.state.parts();
        parts.retain(|part| selection.may_hold(tenant, part));
        progress.expect(parts.iter().map(|part| part.bytes).sum());
        let mut found = Vec::new();
        for part in parts {
            go_on()?;
            match count(&self.parts, selection, &part) {
                Ok(0) => {}
                Ok(rows) => {
                    *deleted.rows.entry(part.table.to_string()).or_default() += rows;
                    deleted.bytes += (u128::from(part.bytes) * u128::from(rows)
                        / u128::from(part.rows.max(1))) as u64;
                    deleted.parts += 1;
                    deleted.part_bytes += part.bytes;
                    found.push((Arc::clone(&part), rows));
                }
                Err(Error::Corrupt { detail, .. }) => {
                    self.state
                        .quarantine(|live| live.id == part.id, &detail, false);
                }
                Err(error) => return Err(error),
            }
            progress.advance(part.bytes);
        }
        Ok(found)
    }

    /// Writes to `add` what is left of the parts in `found`, and the summaries of all spans that stay
    /// where some go. Returns the summaries that those replace.
    fn without(
        &self,
        selection: &Selection,
        parts: &[Arc<PartMeta>],
        found: &[(Arc<PartMeta>, u64)],
        add: &mut Vec<PartMeta>,
        progress: &DeleteProgress,
        go_on: &dyn Fn() -> Result<()>,
    ) -> Result<Vec<Arc<PartMeta>>> {
        let removed: Vec<_> = found.iter().map(|(part, _)| Arc::clone(part)).collect();
        let torn = expire::torn(parts, &removed);
        for (part, rows) in found {
            go_on()?;
            progress.advance(part.bytes);
            let Some(left) = rewrite(&self.parts, selection, part, *rows)? else {
                continue;
            };
            failpoint::pass("delete", "part_rewritten");
            add.push(left.clone());
            if left.table == Table::Spans {
                summarise_part(&self.parts, &left, add)?;
            }
        }
        for part in torn.iter().flat_map(|torn| &torn.spans) {
            go_on()?;
            self.summarise_anew(std::iter::once(part), add)?;
        }
        Ok(torn.into_iter().flat_map(|torn| torn.summaries).collect())
    }
}
