//! Conditions of joins that stop with their query.
//!
//! A join tries its condition on pair after pair until some rows pass, for hours if none does, and
//! does not yield meanwhile. So the condition itself fails once the query is over; a join that looks
//! at pairs but makes none of them (`IN (SELECT …)`) gets one for this.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{FieldRef, Schema};
use datafusion::common::{DataFusionError, JoinType, Result, ScalarValue};
use datafusion::logical_expr::ColumnarValue;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Literal;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::joins::utils::JoinFilter;
use datafusion::physical_plan::joins::{
    HashJoinExec, NestedLoopJoinExec, NestedLoopJoinExecBuilder, SortMergeJoinExec,
};
use tokio_util::sync::CancellationToken;

/// `join` with a condition that fails after `stop`; anything else as it is.
pub(super) fn stoppable(
    join: Arc<dyn ExecutionPlan>,
    stop: &CancellationToken,
) -> Result<Arc<dyn ExecutionPlan>> {
    let stops = |filter: &JoinFilter| {
        let checked = Stoppable {
            condition: Arc::clone(filter.expression()),
            stop: stop.clone(),
        };
        let columns = filter.column_indices().to_vec();
        JoinFilter::new(Arc::new(checked), columns, Arc::clone(filter.schema()))
    };
    if let Some(hash) = join.downcast_ref::<HashJoinExec>() {
        let filter = match hash.filter() {
            Some(filter) => stops(filter),
            None if passes_pairs(*hash.join_type()) => return Ok(join),
            None => stops(&any_pair()),
        };
        return Ok(Arc::new(hash.builder().with_filter(Some(filter)).build()?));
    }
    if let Some(nested) = join.downcast_ref::<NestedLoopJoinExec>()
        && let Some(filter) = nested.filter()
    {
        let (left, right) = (Arc::clone(nested.left()), Arc::clone(nested.right()));
        let stopping = NestedLoopJoinExecBuilder::new(left, right, *nested.join_type())
            .with_filter(Some(stops(filter)))
            .with_projection_ref(nested.projection().clone());
        return Ok(Arc::new(stopping.build()?));
    }
    if let Some(merge) = join.downcast_ref::<SortMergeJoinExec>()
        && let Some(filter) = merge.filter()
    {
        return Ok(Arc::new(SortMergeJoinExec::try_new(
            Arc::clone(merge.left()),
            Arc::clone(merge.right()),
            merge.on().to_vec(),
            Some(stops(filter)),
            merge.join_type(),
            merge.sort_options().to_vec(),
            merge.null_equality(),
        )?));
    }
    Ok(join)
}

/// Whether a join returns control for pairs of rows, not only at the end or for rows of one side: the
/// pairs may be as many as the product of both.
fn passes_pairs(join_type: JoinType) -> bool {
    use JoinType::{Full, Inner, Left, Right};
    matches!(join_type, Inner | Left | Right | Full)
}

/// The condition that each pair satisfies.
fn any_pair() -> JoinFilter {
    let passes = Arc::new(Literal::new(ScalarValue::Boolean(Some(true))));
    JoinFilter::new(passes, Vec::new(), Arc::new(Schema::empty()))
}

/// A condition that fails once its query is over.
#[derive(Debug)]
struct Stoppable {
    condition: Arc<dyn PhysicalExpr>,
    stop: CancellationToken,
}

impl fmt::Display for Stoppable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.condition.fmt(f)
    }
}

impl PartialEq for Stoppable {
    fn eq(&self, other: &Self) -> bool {
        self.condition.eq(&other.condition)
    }
}

impl Eq for Stoppable {}

impl Hash for Stoppable {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.condition.hash(state);
    }
}

impl PhysicalExpr for Stoppable {
    fn return_field(&self, input: &Schema) -> Result<FieldRef> {
        self.condition.return_field(input)
    }

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        if self.stop.is_cancelled() {
            let over = "the query is over".to_owned();
            return Err(DataFusionError::Execution(over));
        }
        self.condition.evaluate(batch)
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        vec![&self.condition]
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn PhysicalExpr>>,
    ) -> Result<Arc<dyn PhysicalExpr>> {
        Ok(Arc::new(Stoppable {
            condition: children.swap_remove(0),
            stop: self.stop.clone(),
        }))
    }

    fn fmt_sql(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.condition.fmt_sql(f)
    }
}
