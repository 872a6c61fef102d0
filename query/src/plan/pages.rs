//! Reads of parts that know where the pages of each column lie.
//!
//! DataFusion loads the page index of a file only to prune pages by a predicate. A scan of rows that a
//! word index names has none, and would read whole columns for a few rows. So here the footer always
//! comes with its page index; both are cached together.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use datafusion::common::Result;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::ParquetFileReaderFactory;
use datafusion::datasource::physical_plan::parquet::CachedParquetFileReaderFactory;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use futures::future::BoxFuture;
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::arrow::async_reader::AsyncFileReader;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData};

/// Makes readers that know pages.
#[derive(Debug)]
pub(super) struct PagedReaders(pub(super) CachedParquetFileReaderFactory);

impl ParquetFileReaderFactory for PagedReaders {
    fn create_reader(
        &self,
        partition: usize,
        file: PartitionedFile,
        metadata_size_hint: Option<usize>,
        metrics: &ExecutionPlanMetricsSet,
    ) -> Result<Box<dyn AsyncFileReader + Send>> {
        let plain = self
            .0
            .create_reader(partition, file, metadata_size_hint, metrics)?;
        Ok(Box::new(Paged(plain)))
    }
}

/// One of them.
struct Paged(Box<dyn AsyncFileReader + Send>);

impl AsyncFileReader for Paged {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, parquet::errors::Result<Bytes>> {
        self.0.get_bytes(range)
    }

    fn get_byte_ranges(
        &mut self,
        ranges: Vec<Range<u64>>,
    ) -> BoxFuture<'_, parquet::errors::Result<Vec<Bytes>>> {
        self.0.get_byte_ranges(ranges)
    }

    fn get_metadata<'a>(
        &'a mut self,
        options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, parquet::errors::Result<Arc<ParquetMetaData>>> {
        Box::pin(async move {
            let options = options.cloned().unwrap_or_default();
            let paged = options.with_page_index_policy(PageIndexPolicy::Optional);
            self.0.get_metadata(Some(&paged)).await
        })
    }
}
