//! Makes operators yield to the scheduler by the clock, so that a query that was cancelled, has
//! timed out or whose client has gone can be stopped.
//!
//! DataFusion's own operators yield after 128 batches. With a costly expression over each that is
//! many seconds, during which a thread hears nothing; a cross join works for hours on what it has
//! read from its leaves. Here leaves, and what can turn few batches into very many, yield when the
//! work between two of their batches and a yield has taken [`SLICE`].

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Result, Statistics};
use datafusion::execution::TaskContext;
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::expressions::{BinaryExpr, Literal};
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::execution_plan::{SchedulingType, replace_children_if_necessary};
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::joins::{
    CrossJoinExec, HashJoinExec, NestedLoopJoinExec, SortMergeJoinExec,
};
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::recursive_query::RecursiveQueryExec;
use datafusion::physical_plan::statistics::{ChildStats, StatisticsArgs};
use datafusion::physical_plan::unnest::UnnestExec;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties, RecordBatchStream,
    SendableRecordBatchStream,
};
use futures::{Stream, StreamExt};
use tokio_util::sync::CancellationToken;

use super::regexes;
use super::stopping::stoppable;

/// Longest work without a yield, beside that on a single batch.
const SLICE: Duration = Duration::from_millis(10);
/// Rows of a batch for what is slow.
const SLICE_ROWS: usize = 512;
/// Bytes of a constant that is not long.
const CONSTANT_BYTES: usize = 4096;

/// See the module; for the query that `stop` belongs to.
#[derive(Debug)]
pub(crate) struct Yielding {
    /// Cancelled when the query is over.
    pub(crate) stop: CancellationToken,
}

impl PhysicalOptimizerRule for Yielding {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|node| {
            let multiplies = node.is::<CrossJoinExec>()
                || node.is::<NestedLoopJoinExec>()
                || node.is::<HashJoinExec>()
                || node.is::<SortMergeJoinExec>()
                || node.is::<RecursiveQueryExec>()
                || node.is::<UnnestExec>();
            let slow = slow_by_row(node.as_ref())?;
            let node = if slow { in_slices(node)? } else { node };
            if multiplies || node.children().is_empty() {
                let node = stoppable(node, &self.stop)?;
                let yielding: Arc<dyn ExecutionPlan> = Arc::new(YieldingExec::new(node));
                return Ok(Transformed::yes(yielding));
            }
            Ok(Transformed::new_transformed(node, slow))
        })
        .map(|done| done.data)
    }

    fn name(&self) -> &str {
        "oriel_yielding"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// `node` with batches of few rows.
fn in_slices(node: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    let sliced = |input: &Arc<dyn ExecutionPlan>| -> Arc<dyn ExecutionPlan> {
        Arc::new(YieldingExec::of(Arc::clone(input), SLICE_ROWS))
    };
    let inputs = node.children().into_iter().map(sliced).collect();
    replace_children_if_necessary(node, inputs)
}

/// Whether `node` may work for seconds on one batch, or make hundreds of megabytes of it: matching long
/// texts with a regular expression, copying a long constant for each row, unfolding lists.
fn slow_by_row(node: &dyn ExecutionPlan) -> Result<bool> {
    if node.is::<UnnestExec>() {
        return Ok(true);
    }
    let exprs: Vec<&Arc<dyn PhysicalExpr>> = if let Some(filter) = node.downcast_ref::<FilterExec>()
    {
        vec![filter.predicate()]
    } else if let Some(projection) = node.downcast_ref::<ProjectionExec>() {
        projection.expr().iter().map(|one| &one.expr).collect()
    } else {
        return Ok(false);
    };
    let slow = |part: &Arc<dyn PhysicalExpr>| {
        use Operator::{RegexIMatch, RegexMatch, RegexNotIMatch, RegexNotMatch};
        let regex = part.downcast_ref::<BinaryExpr>().is_some_and(|binary| {
            let op = binary.op();
            matches!(
                op,
                RegexMatch | RegexIMatch | RegexNotMatch | RegexNotIMatch
            )
        });
        let like = part.downcast_ref::<ScalarFunctionExpr>();
        let regex = regex || like.is_some_and(|like| like.name() == regexes::LIKE);
        let constant = part.downcast_ref::<Literal>();
        let long = constant.is_some_and(|constant| constant.value().size() > CONSTANT_BYTES);
        Ok(regex || long)
    };
    for expr in exprs {
        if expr.exists(slow)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Its input's rows, with yields between them.
#[derive(Debug)]
struct YieldingExec {
    input: Arc<dyn ExecutionPlan>,
    /// Most rows of a batch.
    rows_max: usize,
    properties: Arc<PlanProperties>,
}

impl YieldingExec {
    fn new(input: Arc<dyn ExecutionPlan>) -> Self {
        YieldingExec::of(input, usize::MAX)
    }

    fn of(input: Arc<dyn ExecutionPlan>, rows_max: usize) -> Self {
        let properties = PlanProperties::clone(input.properties())
            .with_scheduling_type(SchedulingType::Cooperative);
        YieldingExec {
            input,
            rows_max,
            properties: Arc::new(properties),
        }
    }
}

impl DisplayAs for YieldingExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("YieldingExec")
    }
}

impl ExecutionPlan for YieldingExec {
    fn name(&self) -> &str {
        "YieldingExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let input = children.swap_remove(0);
        Ok(Arc::new(YieldingExec::of(input, self.rows_max)))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let input = self.input.execute(partition, context)?;
        Ok(Box::pin(Sliced::new(input, self.rows_max)))
    }

    fn child_stats_requests(&self, partition: Option<usize>) -> Vec<ChildStats> {
        vec![ChildStats::At(partition)]
    }

    fn statistics_from_inputs(
        &self,
        inputs: &[Arc<Statistics>],
        _: &StatisticsArgs,
    ) -> Result<Arc<Statistics>> {
        Ok(Arc::clone(&inputs[0]))
    }
}

/// Returns control after a slice of work.
struct Sliced {
    input: SendableRecordBatchStream,
    rows_max: usize,
    /// What is left of a batch with more rows.
    rest: Option<RecordBatch>,
    /// When it was first asked after it, or its input, had yielded.
    since: Option<Instant>,
}

impl Sliced {
    fn new(input: SendableRecordBatchStream, rows_max: usize) -> Self {
        Sliced {
            input,
            rows_max,
            rest: None,
            since: None,
        }
    }

    /// The first rows of `batch`; the others are for later.
    fn first(&mut self, batch: RecordBatch) -> RecordBatch {
        let rows = batch.num_rows();
        if rows <= self.rows_max {
            return batch;
        }
        self.rest = Some(batch.slice(self.rows_max, rows - self.rows_max));
        batch.slice(0, self.rows_max)
    }
}

impl Stream for Sliced {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let since = *self.since.get_or_insert_with(Instant::now);
        if since.elapsed() > SLICE {
            self.since = None;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        if let Some(rest) = self.rest.take() {
            return Poll::Ready(Some(Ok(self.first(rest))));
        }
        match self.input.poll_next_unpin(context) {
            Poll::Ready(Some(Ok(batch))) => Poll::Ready(Some(Ok(self.first(batch)))),
            Poll::Pending => {
                self.since = None;
                Poll::Pending
            }
            over => over,
        }
    }
}

impl RecordBatchStream for Sliced {
    fn schema(&self) -> SchemaRef {
        self.input.schema()
    }
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::Schema;
    use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
    use futures::task::noop_waker_ref;

    use super::*;

    /// Scenario: an input that always has a batch, each of which costs a third of a slice.
    /// Guarantees: control is returned after a few batches, again and again; no batch is lost.
    #[test]
    fn yields_by_the_clock() {
        let schema = Arc::new(Schema::empty());
        let empty = RecordBatch::new_empty(Arc::clone(&schema));
        let batches = futures::stream::iter(0..30).map(move |_| {
            std::thread::sleep(SLICE / 3);
            Ok(empty.clone())
        });
        let input = Box::pin(RecordBatchStreamAdapter::new(schema, batches));
        let mut sliced = Sliced::new(input, usize::MAX);
        let mut context = Context::from_waker(noop_waker_ref());
        let (mut rows, mut yields, mut in_a_row) = (0, 0, 0);
        loop {
            match sliced.poll_next_unpin(&mut context) {
                Poll::Ready(Some(batch)) => {
                    batch.expect("a batch");
                    (rows, in_a_row) = (rows + 1, in_a_row + 1);
                    assert!(in_a_row <= 4, "one more than fits a slice");
                }
                Poll::Ready(None) => break,
                Poll::Pending => (yields, in_a_row) = (yields + 1, 0),
            }
        }
        assert_eq!(rows, 30);
        assert!(yields >= 7, "{yields}");
    }
}
